//! What can go wrong between a client and its servers?

use crate::address::AddressError;
use crate::path::PathError;
use quorate_tree::Code;
use quorate_wire::DecodeError;
use std::fmt;

/// The connection was lost before the reply came: the client's own code, never sent by a server.
pub const CONNECTION_LOSS: Code = Code(-4);

/// Why an operation has no result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Error {
    /// The server refused it, or nothing is known of it.
    Refused {
        /// ZooKeeper's code; [`CONNECTION_LOSS`] if it may or may not have happened.
        code: Code,
        /// What it was about, as the client calls it.
        path: Option<String>,
    },
    /// The path names no znode; nothing was sent.
    Path(PathError),
    /// The list of servers makes no sense.
    Address(AddressError),
    /// No server could be reached.
    Unreachable {
        /// The servers.
        servers: String,
        /// What the last one said.
        why: String,
    },
    /// A reply that is none.
    Malformed(DecodeError),
    /// The session was closed by this client.
    Closed,
}

impl Error {
    pub(crate) fn lost() -> Self {
        Self::Refused {
            code: CONNECTION_LOSS,
            path: None,
        }
    }

    pub(crate) fn about(self, path: &str) -> Self {
        match self {
            Self::Refused { code, path: None } => Self::Refused {
                code,
                path: Some(path.to_owned()),
            },
            other => other,
        }
    }

    /// The server's code, or the client's own.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl From<PathError> for Error {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

impl From<AddressError> for Error {
    fn from(error: AddressError) -> Self {
        Self::Address(error)
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

impl fmt::Display for Error {
    /// Codes in the words of ZooKeeper's client.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, path } => {
                f.write_str("KeeperErrorCode = ")?;
                match words(*code) {
                    Some(words) => f.write_str(words)?,
                    None => write!(f, "Unknown error {}", code.0)?,
                }
                match path.as_deref() {
                    None | Some("") => Ok(()),
                    Some(path) => write!(f, " for {path}"),
                }
            }
            Self::Path(error) => error.fmt(f),
            Self::Address(error) => error.fmt(f),
            Self::Unreachable { servers, why } => write!(f, "cannot connect to {servers}: {why}"),
            Self::Malformed(error) => write!(f, "a reply that cannot be read: {error}"),
            Self::Closed => f.write_str("Not connected"),
        }
    }
}

impl std::error::Error for Error {}

/// ZooKeeper's words for a code, where they are not its name.
fn words(code: Code) -> Option<&'static str> {
    Some(match code {
        CONNECTION_LOSS => "ConnectionLoss",
        Code::OK => "ok",
        Code(-1) => "SystemError",
        Code(-3) => "DataInconsistency",
        Code(-7) => "OperationTimeout",
        Code(-100) => "APIError",
        Code::NOT_EMPTY => "Directory not empty",
        Code::SESSION_EXPIRED => "Session expired",
        Code::SESSION_MOVED => "Session moved",
        Code::NOT_READ_ONLY => "Not a read-only call",
        Code::EPHEMERAL_ON_LOCAL_SESSION => "Ephemeral node on local session",
        Code::NO_WATCHER => "No such watcher",
        Code::RECONFIG_DISABLED => "Reconfig is disabled",
        Code::SESSION_CLOSED_REQUIRE_AUTH => "Session closed because client failed to authenticate",
        Code::QUOTA_EXCEEDED => "Quota has exceeded",
        Code::THROTTLED_OP => "Op throttled due to high load",
        code => return code.name(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_in_the_words_of_zookeeper() {
        let refused = |code, path: Option<&str>| {
            Error::Refused {
                code,
                path: path.map(str::to_owned),
            }
            .to_string()
        };
        assert_eq!(
            refused(Code::NO_NODE, Some("/x")),
            "KeeperErrorCode = NoNode for /x"
        );
        assert_eq!(
            refused(Code::NO_WATCHER, Some("/x")),
            "KeeperErrorCode = No such watcher for /x"
        );
        assert_eq!(refused(CONNECTION_LOSS, None), "KeeperErrorCode = ConnectionLoss");
        assert_eq!(refused(Code(-999), None), "KeeperErrorCode = Unknown error -999");
    }
}
