//! What do a learner and its leader say to each other? Packets on the learner port, one after the other.

pub mod learner;
pub mod message;
pub mod packet;

pub use learner::{ConnName, ForwardedRequest, LeaderInfo, LearnerInfo, SessionTouch};
pub use message::{Extras, FromLeader, FromLearner, put_message};
pub use packet::{Id, PacketType, QuorumPacket, take_packet};
