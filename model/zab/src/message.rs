//! What do a learner and its leader say to each other? The learner port's packets, by ZooKeeper's names.
//!
//! `docs/protocol.md` maps the names to the paper's (CEPOCH, NEWEPOCH, ACK-E, NEWLEADER, ...).

use crate::{Epoch, ServerId, Zxid};
use serde::{Deserialize, Serialize};

/// A packet between a learner and its leader that the protocol decides upon.
///
/// `P` is the payload of a proposal: a byte in the checker, the proposal's bytes in the server, their
/// digest in a trace. REQUEST and REVALIDATE are not here: they carry clients, not agreement.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Message<P> {
    /// Learner to leader, first: who it is and the highest epoch that it has promised to follow.
    FollowerInfo {
        /// The learner.
        server: ServerId,
        /// Its acceptedEpoch.
        accepted: Epoch,
    },
    /// Leader to learner: the epoch that the leader proposes.
    LeaderInfo {
        /// Higher than what a quorum had accepted.
        epoch: Epoch,
    },
    /// Learner to leader: the epoch is promised.
    AckEpoch {
        /// The learner's currentEpoch; `None` (−1 on the wire) if it had promised this epoch before,
        /// and must not be counted.
        current: Option<Epoch>,
        /// The last zxid of its log.
        last: Zxid,
    },
    /// Leader to learner: its history is a prefix of the leader's; what it lacks follows.
    Diff {
        /// The last zxid that the difference brings.
        zxid: Zxid,
    },
    /// Leader to learner: drop everything after `zxid`; what it lacks follows.
    Trunc {
        /// The last zxid to keep.
        zxid: Zxid,
    },
    /// Leader to learner: a snapshot of the whole tree follows in the same breath.
    Snap {
        /// The last zxid that the snapshot contains.
        zxid: Zxid,
    },
    /// Leader to learner: log this.
    Proposal {
        /// Its position.
        zxid: Zxid,
        /// The transaction.
        payload: P,
    },
    /// Leader to learner: a quorum has logged everything up to here.
    Commit {
        /// The proposal committed.
        zxid: Zxid,
    },
    /// Leader to learner: the synchronisation is complete; make it durable.
    NewLeader {
        /// The leader's epoch; the packet's zxid is (epoch, 0).
        epoch: Epoch,
    },
    /// Leader to learner: the leader is established; serve.
    UpToDate,
    /// Learner to leader: everything up to `zxid` is durable. (epoch, 0) answers NEWLEADER, and UPTODATE.
    Ack {
        /// The proposal, or (epoch, 0).
        zxid: Zxid,
    },
    /// Both ways: the leader's question and, with the same zxid, the learner's answer.
    Ping {
        /// The leader's last proposed zxid.
        zxid: Zxid,
    },
    /// Leader to learner: the oldest `sync` that this learner forwarded is answered.
    Sync,
    /// Learner to leader, first, in place of FOLLOWERINFO: it observes, and counts in nothing.
    ObserverInfo {
        /// The learner.
        server: ServerId,
        /// Its acceptedEpoch.
        accepted: Epoch,
    },
    /// Leader to observer: this is committed.
    Inform {
        /// Its position.
        zxid: Zxid,
        /// The transaction.
        payload: P,
    },
}

impl<P> Message<P> {
    /// The same message with its payload, if any, replaced by `f` of it.
    pub fn map<Q>(self, f: impl FnOnce(P) -> Q) -> Message<Q> {
        match self {
            Self::FollowerInfo { server, accepted } => Message::FollowerInfo { server, accepted },
            Self::LeaderInfo { epoch } => Message::LeaderInfo { epoch },
            Self::AckEpoch { current, last } => Message::AckEpoch { current, last },
            Self::Diff { zxid } => Message::Diff { zxid },
            Self::Trunc { zxid } => Message::Trunc { zxid },
            Self::Snap { zxid } => Message::Snap { zxid },
            Self::Proposal { zxid, payload } => Message::Proposal {
                zxid,
                payload: f(payload),
            },
            Self::Commit { zxid } => Message::Commit { zxid },
            Self::NewLeader { epoch } => Message::NewLeader { epoch },
            Self::UpToDate => Message::UpToDate,
            Self::Ack { zxid } => Message::Ack { zxid },
            Self::Ping { zxid } => Message::Ping { zxid },
            Self::Sync => Message::Sync,
            Self::ObserverInfo { server, accepted } => Message::ObserverInfo { server, accepted },
            Self::Inform { zxid, payload } => Message::Inform {
                zxid,
                payload: f(payload),
            },
        }
    }
}
