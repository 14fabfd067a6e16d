//! The protocol: election, discovery, synchronisation and broadcast as pure step functions.

mod ids;

pub use ids::{Conn, Epoch, Round, ServerId, Zxid};
