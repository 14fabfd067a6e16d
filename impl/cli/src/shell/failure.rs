//! What does a command that failed say, and with which exit code? In zkCli's words.

use quorate_client::{Code, Error};
use serde_json::{Value, json};
use std::fmt;

/// A command that did not do what it was asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    /// There is no such command.
    NotFound(String),
    /// It cannot be meant so.
    Usage(String),
    /// The server refused it, or could not be asked.
    Refused(Error),
    /// It was done in part, or not, for another reason.
    Undone(String),
    /// Somebody interrupted it.
    Interrupted,
}

impl Failure {
    /// The exit code.
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::Undone(_) => 1,
            Self::Usage(_) => 2,
            Self::NotFound(_) => 127,
            Self::Interrupted => 130,
        }
    }

    /// As one object.
    pub(crate) fn json(&self) -> Value {
        let mut error = json!({ "message": self.to_string(), "exit": self.code() });
        if let Self::Refused(Error::Refused { code, path }) = self {
            error["code"] = code.0.into();
            error["name"] = match *code {
                quorate_client::CONNECTION_LOSS => "ConnectionLoss".into(),
                code => code.name().into(),
            };
            error["path"] = path.clone().into();
        }
        json!({ "error": error })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(name) => write!(f, "Command not found: {name}"),
            Self::Usage(words) | Self::Undone(words) => f.write_str(words),
            Self::Refused(error) => f.write_str(&refusal(error)),
            Self::Interrupted => f.write_str("Interrupted"),
        }
    }
}

fn refusal(error: &Error) -> String {
    let Error::Refused { code, path } = error else {
        return error.to_string();
    };
    let path = path.as_deref().unwrap_or("null");
    match *code {
        Code::NO_NODE => format!("Node does not exist: {path}"),
        Code::NO_CHILDREN_FOR_EPHEMERALS => format!("Ephemerals cannot have children: {path}"),
        Code::NODE_EXISTS => format!("Node already exists: {path}"),
        Code::NOT_EMPTY => format!("Node not empty: {path}"),
        Code::NOT_READ_ONLY => format!("Not a read-only call: {path}"),
        Code::INVALID_ACL => format!("Acl is not valid : {path}"),
        Code::NO_AUTH => format!("Insufficient permission : {path}"),
        Code::BAD_ARGUMENTS => format!("Arguments are not valid : {path}"),
        Code::BAD_VERSION => format!("version No is not valid : {path}"),
        Code::QUOTA_EXCEEDED => format!("Quota has exceeded : {path}"),
        Code::RECONFIG_IN_PROGRESS => {
            "Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)".to_owned()
        }
        Code::NEW_CONFIG_NO_QUORUM => {
            "No quorum of new config is connected and up-to-date with the leader of \
            last commmitted config - try invoking reconfiguration after new servers are connected and synced"
                .to_owned()
        }
        _ => error.to_string(),
    }
}
