//! How does a server come by a write in its log that nobody else ever saw?
//!
//! It leads, its proposals are held in the relay, and it dies once its own log has the write.

use std::fs;

use crate::agree;
use crate::client::Client;
use crate::config::Kind;
use crate::ensemble::Ensemble;
use crate::files;
use crate::member::Member;
use crate::relay::{Packet, PacketType};
use crate::wait::{LONG, wait_until};

/// The write that must be gone.
pub const LOST: &str = "/lost";

/// An ensemble whose former leader, down, has [`LOST`] as the last entry of its log, alone.
#[derive(Debug)]
pub struct Tail {
    /// The other servers have a leader among them.
    pub ensemble: Ensemble,
    /// The former leader.
    pub old: u64,
    /// The zxid of the last write that was committed before.
    pub kept: i64,
}

/// Makes the leader of a relayed `ensemble` log a write alone, and kills it.
///
/// # Panics
///
/// If the ensemble has no leader, or its leader logs nothing.
pub fn logged_by_the_leader_alone(mut ensemble: Ensemble) -> Tail {
    let old = ensemble.wait_all_serve();
    let mut client = ensemble.at(old).client();
    let kept = client
        .create_at("/kept", b"")
        .expect("an ensemble that serves takes writes");

    let relay = ensemble.relay();
    let tail = move |packet: &Packet| {
        packet.leader == old && packet.is_to_learner(PacketType::Proposal) && packet.zxid > kept
    };
    let held = relay.hold(tail);
    client
        .submit_create(LOST, b"never left its leader")
        .expect("the leader takes the request");
    relay.wait_caught(LONG, held);
    wait_until(LONG, "the leader has the write in its own log", || {
        logged(ensemble.at(old), LOST.as_bytes()).then_some(())
    });
    ensemble.member(old).kill();
    // What waited in the relay never left the leader's machine.
    ensemble.relay().lose(held);
    ensemble.wait_leader(&[old]);
    Tail { ensemble, old, kept }
}

/// Whether a transaction log of `member` holds these bytes.
fn logged(member: &Member, bytes: &[u8]) -> bool {
    // A preallocated log is mostly zeros, which hold nothing.
    let logs = files::by_zxid(member, "log.").into_iter();
    logs.filter_map(|(_, path)| fs::read(path).ok())
        .any(|log| find(&log, bytes))
}

fn find(hay: &[u8], needle: &[u8]) -> bool {
    let starts = hay.iter().enumerate().filter(|(_, byte)| **byte == needle[0]);
    starts
        .map(|(at, _)| &hay[at..])
        .any(|rest| rest.starts_with(needle))
}

impl Tail {
    /// Lets the former leader return and gives the packet that synchronised it, having made sure that
    /// the tail is gone, what was committed is there, and all servers agree.
    ///
    /// # Panics
    ///
    /// If any of that is not so.
    #[track_caller]
    pub fn returns(&mut self) -> Packet {
        let sync = self.comes_back();
        agree::wait_same_trees(&self.ensemble.members().iter().collect::<Vec<_>>());
        sync
    }

    /// As [`Tail::returns`], while clients go on writing: whether all agree is not looked at.
    ///
    /// # Panics
    ///
    /// If the tail is not gone, or what was committed is not there.
    #[track_caller]
    pub fn comes_back(&mut self) -> Packet {
        let (old, kept) = (self.old, self.kept);
        let mark = self.ensemble.relay().mark();
        self.ensemble.member(old).start();
        self.ensemble.wait_all_serve();
        let sync = synchronised_by(&self.ensemble, mark, old);
        if sync.kind == PacketType::Trunc {
            assert!(sync.zxid >= kept, "truncated into what was committed: {sync:?}");
        }
        let member = self.ensemble.at(old);
        // Apache's server that was sent a snapshot leaves the old log beside it, and never reads it again.
        if sync.kind == PacketType::Trunc || member.kind() == Kind::Quorate {
            assert!(
                !logged(member, LOST.as_bytes()),
                "server {old} still has in its log what was never committed, after {sync:?}"
            );
        }
        for member in self.ensemble.members() {
            let mut client = member.client();
            let shows = |client: &mut Client, path| client.exists(path, false).expect("it serves").is_some();
            client.sync("/").expect("a serving server syncs");
            assert!(
                !shows(&mut client, LOST),
                "server {} shows what was never committed",
                member.id()
            );
            assert!(
                shows(&mut client, "/kept"),
                "server {} lost a committed write",
                member.id()
            );
        }
        sync
    }
}

/// The last DIFF, TRUNC or SNAP that `learner` was sent since `mark`.
///
/// # Panics
///
/// If it was sent none.
#[track_caller]
pub fn synchronised_by(ensemble: &Ensemble, mark: usize, learner: u64) -> Packet {
    let kinds = [PacketType::Diff, PacketType::Trunc, PacketType::Snap];
    let mut syncs = ensemble.relay().seen(mark, |packet| {
        packet.learner == learner && kinds.iter().any(|kind| packet.is_to_learner(*kind))
    });
    syncs
        .pop()
        .unwrap_or_else(|| panic!("server {learner} was not synchronised"))
}
