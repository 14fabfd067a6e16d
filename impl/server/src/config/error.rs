//! How is a faulty configuration told?

use std::fmt;
use std::path::{Path, PathBuf};

/// Something wrong with a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; `None` if the fault is what is not there.
    pub line: Option<usize>,
    /// Key and value, if the fault is in one.
    pub property: Option<(String, String)>,
    /// What is wrong or what is allowed.
    pub what: String,
}

/// Something that a configuration says and that will not be so, or that is unwise. It reads as a [`Fault`].
pub type Warning = Fault;

/// Why a configuration cannot be used: every fault that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// In the order of the file.
    pub faults: Vec<Fault>,
    /// What its author should know besides: a misspelt key may be the reason for a missing one.
    pub warnings: Vec<Warning>,
}

impl ConfigError {
    pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        let what = format!("cannot be read: {error}");
        Self {
            faults: vec![Fault {
                file: file.to_owned(),
                line: None,
                property: None,
                what,
            }],
            warnings: Vec::new(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        match &self.property {
            // Who reads the log need not know it.
            Some((key, _)) if key.ends_with("assword") => write!(f, ": {key}=...: {}", self.what),
            Some((key, value)) => write!(f, ": {key}={value}: {}", self.what),
            None => write!(f, ": {}", self.what),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.faults.iter().enumerate() {
            let newline = if at == 0 { "" } else { "\n" };
            write!(f, "{newline}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
