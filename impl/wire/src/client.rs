//! What do a client and its server say to each other? The handshake, requests, replies and events of
//! the client port.

pub mod connect;
pub mod multi;
pub mod opcode;
pub mod reply;
pub mod request;

pub use connect::{ConnectRequest, ConnectResponse, session_password};
pub use multi::{MultiOp, MultiReadOp, MultiResult};
pub use opcode::Opcode;
pub use reply::{ReplyHeader, WatcherEvent};
pub use request::{CreateRequest, Request, RequestHeader, WatchLists};
