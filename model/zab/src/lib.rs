//! The protocol: election, discovery, synchronisation and broadcast as pure step functions.

mod boot;
mod broadcast;
mod configuration;
mod discovery;
mod disk;
mod effect;
mod election;
mod election_rules;
mod ensemble;
mod follower;
mod ids;
mod input;
mod leader;
mod message;
mod reads;
mod reconfiguration;
mod rules;
mod server;
mod skeleton;
mod synchronization;
mod violation;

pub use boot::{Found, Image, Memory, Refusal};
pub use configuration::{Configuration, Version};
pub use effect::Effect;
pub use election::{
    Candidacy, Election, ElectionEffect, ElectionInput, ElectionTimer, Notification, PeerEpoch, PeerState,
    Slot, Vote,
};
pub use election_rules::ElectionRules;
pub use ensemble::{Ensemble, Group};
pub use ids::{Conn, Epoch, Round, ServerId, Zxid};
pub use input::Input;
pub use message::Message;
pub use reconfiguration::NoChange;
pub use rules::{Rules, Zab};
pub use server::{Context, LearnerView, Server, Standing};
pub use skeleton::{Run, Skeleton};
pub use violation::Violation;
