//! A file of properties while it is read: each is taken once, and what is wrong is kept with its line.

use super::error::{Fault, Warning};
use super::properties::Property;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

pub(super) const MS: RangeInclusive<i64> = 1..=i32::MAX as i64;
pub(super) const COUNT: RangeInclusive<i64> = 0..=i32::MAX as i64;
pub(super) const TICKS: RangeInclusive<i64> = 1..=1_000_000;
pub(super) const PORT: RangeInclusive<i64> = 0..=65_535;

/// The properties that were not asked for yet, and what was found wrong.
pub(super) struct Reading<'a> {
    pub(super) file: &'a Path,
    pub(super) left: BTreeMap<String, Property>,
    pub(super) faults: Vec<Fault>,
    pub(super) warnings: Vec<Warning>,
}

impl Reading<'_> {
    pub(super) fn fill(&mut self, properties: Vec<Property>) {
        for property in properties {
            let key = property.key.clone();
            if let Some(earlier) = self.left.insert(key.clone(), property) {
                let later = self.left[&key].clone();
                self.warn(&later, format!("replaces line {}", earlier.line));
            }
        }
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Property> {
        self.left.remove(key)
    }

    /// A whole number; a wrong one is a fault, and then `None` as well.
    pub(super) fn number(&mut self, key: &str, allowed: RangeInclusive<i64>) -> Option<i64> {
        let property = self.take(key)?;
        let number = property
            .value
            .parse()
            .ok()
            .filter(|number| allowed.contains(number));
        if number.is_none() {
            let (min, max) = allowed.into_inner();
            self.fault(&property, format!("must be a whole number from {min} to {max}"));
        }
        number
    }

    /// A number that is raised to `least`, as Apache does.
    pub(super) fn at_least(&mut self, key: &str, least: u32) -> Option<u32> {
        let property = self.left.get(key).cloned()?;
        let number = self.number(key, COUNT)? as u32;
        if number < least {
            self.warn(&property, format!("raised to {least}, the least that is allowed"));
        }
        Some(number.max(least))
    }

    pub(super) fn boolean(&mut self, key: &str) -> Option<bool> {
        let property = self.take(key)?;
        match property.value.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.fault(&property, "must be true or false");
                None
            }
        }
    }

    pub(super) fn directory(&mut self, key: &str) -> Option<PathBuf> {
        let property = self.take(key)?;
        if property.value.is_empty() {
            self.fault(&property, "must name a directory");
            return None;
        }
        Some(PathBuf::from(property.value))
    }

    pub(super) fn required_directory(&mut self, key: &str) -> Option<PathBuf> {
        if !self.left.contains_key(key) {
            self.missing(format!(
                "{key} is missing: it names the directory that holds the data"
            ));
        }
        self.directory(key)
    }

    pub(super) fn fault(&mut self, at: &Property, what: impl Display) {
        let fault = self.at(at, what);
        self.faults.push(fault);
    }

    pub(super) fn warn(&mut self, at: &Property, what: impl Display) {
        let warning = self.at(at, what);
        self.warnings.push(warning);
    }

    fn at(&self, property: &Property, what: impl Display) -> Fault {
        Fault {
            file: self.file.to_owned(),
            line: Some(property.line),
            property: Some((property.key.clone(), property.value.clone())),
            what: what.to_string(),
        }
    }

    pub(super) fn missing(&mut self, what: impl Display) {
        let fault = Fault {
            file: self.file.to_owned(),
            line: None,
            property: None,
            what: what.to_string(),
        };
        self.faults.push(fault);
    }

    pub(super) fn note(&mut self, what: impl Display) {
        let warning = Fault {
            file: self.file.to_owned(),
            line: None,
            property: None,
            what: what.to_string(),
        };
        self.warnings.push(warning);
    }
}
