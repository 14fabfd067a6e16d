//! What went wrong, in ZooKeeper's numbers?

use serde::{Deserialize, Serialize};
use std::fmt;

/// A ZooKeeper result code: 0 is success, errors are negative. Any number may come out of a log.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Code(pub i32);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Code = Code($number);)*

            /// ZooKeeper's name of the code, if it has one.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// Success.
    OK = 0, "Ok";
    /// The result of each part after the failing one of a multi.
    RUNTIME_INCONSISTENCY = -2, "RuntimeInconsistency";
    /// The body of a request could not be decoded.
    MARSHALLING_ERROR = -5, "MarshallingError";
    /// The server does not know or does not allow this operation.
    UNIMPLEMENTED = -6, "Unimplemented";
    /// Invalid path, flags or time to live; or an operation on a special znode.
    BAD_ARGUMENTS = -8, "BadArguments";
    /// A new configuration has no synchronised quorum.
    NEW_CONFIG_NO_QUORUM = -13, "NewConfigNoQuorum";
    /// Another reconfiguration is pending.
    RECONFIG_IN_PROGRESS = -14, "ReconfigInProgress";
    /// The znode, or the parent of the one to create, does not exist.
    NO_NODE = -101, "NoNode";
    /// The ACL does not permit it.
    NO_AUTH = -102, "NoAuth";
    /// The expected version is not the current one.
    BAD_VERSION = -103, "BadVersion";
    /// An ephemeral cannot be a parent.
    NO_CHILDREN_FOR_EPHEMERALS = -108, "NoChildrenForEphemerals";
    /// The znode exists already.
    NODE_EXISTS = -110, "NodeExists";
    /// The znode has children.
    NOT_EMPTY = -111, "NotEmpty";
    /// The session is closing, expired or unknown.
    SESSION_EXPIRED = -112, "SessionExpired";
    /// An ACL is null, empty or malformed.
    INVALID_ACL = -114, "InvalidACL";
    /// Credentials were refused.
    AUTH_FAILED = -115, "AuthFailed";
    /// The session is attached elsewhere by now; never sent, the connection is closed instead.
    SESSION_MOVED = -118, "SessionMoved";
    /// A write reached a read-only server.
    NOT_READ_ONLY = -119, "NotReadOnly";
    /// An ephemeral was asked for by a local session that may not become global.
    EPHEMERAL_ON_LOCAL_SESSION = -120, "EphemeralOnLocalSession";
    /// There is no such watch to check or remove.
    NO_WATCHER = -121, "NoWatcher";
    /// Reconfiguration is switched off.
    RECONFIG_DISABLED = -123, "ReconfigDisabled";
    /// Authentication is enforced and missing.
    SESSION_CLOSED_REQUIRE_AUTH = -124, "SessionClosedRequireAuth";
    /// A hard quota would be exceeded.
    QUOTA_EXCEEDED = -125, "QuotaExceeded";
    /// The request waited too long in the throttle queue.
    THROTTLED_OP = -127, "ThrottledOp";
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Code({})", self.0),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
