//! The protocol: election, discovery, synchronisation and broadcast as pure step functions.

mod effect;
mod ensemble;
mod ids;
mod input;
mod message;
mod skeleton;
mod violation;

pub use effect::Effect;
pub use ensemble::Ensemble;
pub use ids::{Conn, Epoch, Round, ServerId, Zxid};
pub use input::Input;
pub use message::Message;
pub use skeleton::{Run, Skeleton};
pub use violation::Violation;
