//! How is a run told to people? One line for each step, in the protocol's words, and enough beside it to
//! draw the run: where it happened, and for what arrived when it had been sent.

use crate::link::{End, Link};
use crate::node::Frame;
use crate::run::Followed;
use crate::txn::brings;
use crate::world::{Action, Agreement, World, id, index};
use quorate_zab::{Message, Rules, ServerId};
use stateright::Path;

/// A step of a run, told and ready to be drawn.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// What happened, in the protocol's words.
    pub text: String,
    /// Where, and what kind of thing; none for a remark.
    pub drawn: Option<Drawn>,
    /// The same as a [`crate::Run`] plays it: what comes before the run with its first step, and the step.
    /// Empty for a remark.
    pub moves: Vec<Action>,
}

/// What a diagram shows of a step. Servers are counted from 0.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Drawn {
    /// The server at which it happened.
    pub at: usize,
    /// What kind of thing.
    pub deed: Deed,
}

/// The kinds of things that happen at a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Deed {
    /// A frame arrived.
    Arrival {
        /// Who sent it.
        from: usize,
        /// The number of the step, from 0, in which it was sent; none if that was before the run.
        sent: Option<usize>,
        /// Its name: `NEWLEADER`.
        frame: &'static str,
    },
    /// It connected to that server.
    Connects {
        /// The leader.
        to: usize,
    },
    /// Its end of a connection with that server is gone.
    Loses {
        /// At the other end.
        peer: usize,
    },
    /// A disk operation became durable.
    Durable,
    /// The process died and started again.
    Crash,
    /// It took or left a role.
    Role,
    /// A client asked for something, or a clock did.
    Asked,
}

impl Step {
    /// A line of its own.
    pub fn remark(text: String) -> Self {
        Self {
            text,
            drawn: None,
            moves: Vec::new(),
        }
    }
}

/// What each server was called at the start of the run, by its place.
pub(crate) type Names = Vec<ServerId>;

/// What they are called at the start.
pub(crate) fn names<R>(model: &Agreement<R>) -> Names {
    (0..model.bounds.nodes()).map(id).collect()
}

/// The steps of `path`, with those that are taken at once. A world is kept under whichever names symmetry likes; a
/// story gives each server one name from beginning to end, and says at last which place has which.
pub(crate) fn story<R: Rules>(model: &Agreement<R>, path: Path<World, Action>) -> (Vec<Step>, Names) {
    if model.bounds.elects {
        return (story_of_votes(model, path), names(model));
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut followed: Option<Followed<'_, R>> = None;
    let mut prelude = Vec::new();
    for (world, action) in path.into_vec() {
        let followed = followed.get_or_insert_with(|| {
            let (followed, before) =
                Followed::begin(model, &world).expect("a run begins as the checker's first world does");
            prelude = before;
            followed
        });
        let Some(action) = action else { continue };
        let after = followed.step(&world, action, &mut |followed, world, action, own| {
            let mut moves = std::mem::take(&mut prelude);
            moves.push(own);
            steps.push(Step {
                text: tell(&model.rules, world, &action, &followed.names),
                drawn: Some(draw(world, &action, followed)),
                moves,
            });
        });
        assert!(after.is_some(), "a run goes on as the checker's worlds do");
    }
    let names = followed.map_or_else(|| names(model), |followed| followed.names);
    (steps, names)
}

/// The same where elections decide who leads. Names stay what they are, and are neither drawn nor played.
fn story_of_votes<R: Rules>(model: &Agreement<R>, path: Path<World, Action>) -> Vec<Step> {
    let names = names(model);
    let told = |world: &World, action: Action| {
        let text = match (action, &world.votes) {
            (Action::HearVote { from, to }, Some(votes)) => model.tell_notification(votes, from, to),
            _ => tell(&model.rules, world, &action, &names),
        };
        Step::remark(text)
    };
    let mut steps = Vec::new();
    for (world, action) in path.into_vec() {
        let Some(action) = action else { continue };
        steps.push(told(&world, action));
        model.apply_told(&world, action, &mut |world, action| {
            steps.push(told(world, action))
        });
    }
    steps
}

fn draw<R: Rules>(world: &World, action: &Action, followed: &Followed<'_, R>) -> Drawn {
    let place = |i: usize| index(followed.names[i]);
    let ends = |at: usize, end: End| {
        let link = &world.links[at];
        let server = |end| place(index(link.server(end)));
        (server(end), server(Link::other(end)))
    };
    let (at, deed) = match *action {
        Action::Lead(i) | Action::GiveUp(i) | Action::CheckQuorum(i) => (place(i), Deed::Role),
        Action::Join { learner, leader } => (place(learner), Deed::Connects { to: place(leader) }),
        Action::Deliver(at, end) => {
            let (here, from) = ends(at, end);
            let frame = world.links[at].incoming(end).front();
            let deed = Deed::Arrival {
                from,
                sent: followed.run.sent(followed.wire(at), end),
                frame: frame.map_or("", frame_name),
            };
            (here, deed)
        }
        Action::Break(at, end) => {
            let (here, peer) = ends(at, end);
            (here, Deed::Loses { peer })
        }
        Action::LogDone(i) | Action::EpochDone(i) | Action::Purge(i) => (place(i), Deed::Durable),
        Action::Crash(i, ..) | Action::DiskFails(i, ..) | Action::Wipe(i) => (place(i), Deed::Crash),
        Action::Propose(i) | Action::Ping(i) | Action::Sync(i) | Action::HearHistory(i) => {
            (place(i), Deed::Asked)
        }
        Action::Reconfigure(i, _) | Action::Hear { looker: i, .. } => (place(i), Deed::Asked),
        Action::HearVote { to: i, .. } | Action::LoseVote { to: i, .. } | Action::Settle(i) => {
            (place(i), Deed::Role)
        }
    };
    Drawn { at, deed }
}

fn frame_name(frame: &Frame) -> &'static str {
    match frame {
        Frame::Snapshot(_) | Frame::SnapshotOf(..) => "SNAP",
        Frame::SyncRequest => "SYNC request",
        Frame::Message(message) => match message {
            Message::FollowerInfo { .. } => "FOLLOWERINFO",
            Message::LeaderInfo { .. } => "LEADERINFO",
            Message::AckEpoch { .. } => "ACKEPOCH",
            Message::Diff { .. } => "DIFF",
            Message::Trunc { .. } => "TRUNC",
            Message::Snap { .. } => "SNAP",
            Message::Proposal { .. } => "PROPOSAL",
            Message::Commit { .. } => "COMMIT",
            Message::NewLeader { .. } => "NEWLEADER",
            Message::UpToDate => "UPTODATE",
            Message::Ack { .. } => "ACK",
            Message::Ping { .. } => "PING",
            Message::Sync => "SYNC",
            Message::ObserverInfo { .. } => "OBSERVERINFO",
            Message::Inform { .. } => "INFORM",
        },
    }
}

/// One step out of `world`, in words.
pub(crate) fn tell<R: Rules>(rules: &R, world: &World, action: &Action, names: &Names) -> String {
    let id = |i: usize| names[i];
    let named = |server: ServerId| names[index(server)];
    match *action {
        Action::Lead(i) => format!("{:?} begins to lead", id(i)),
        Action::Join { learner, leader } => format!("{:?} connects to {:?}", id(learner), id(leader)),
        Action::Deliver(at, end) => {
            let link = &world.links[at];
            let frame = link.incoming(end).front();
            let frame = frame.map_or_else(String::new, |frame| tell_frame(frame, names));
            format!(
                "{:?} receives {frame} from {:?}",
                named(link.server(end)),
                named(link.server(Link::other(end)))
            )
        }
        Action::Break(at, end) => {
            let link = &world.links[at];
            format!(
                "{:?} loses its connection with {:?}",
                named(link.server(end)),
                named(link.server(Link::other(end)))
            )
        }
        Action::LogDone(i) => format!(
            "the log of {:?} is durable up to {:?}",
            id(i),
            world.nodes[i].disk.log_ops[0]
        ),
        Action::EpochDone(i) => format!("{:?} is durable at {:?}", world.nodes[i].disk.epoch_ops[0], id(i)),
        Action::Crash(i, log_ops, epoch_ops) => {
            let disk = &world.nodes[i].disk;
            format!(
                "{:?} crashes and restarts; of what was under way {log_ops} of {} log operations and {epoch_ops} of {} epoch writes were kept",
                id(i),
                disk.log_ops.len(),
                disk.epoch_ops.len(),
            )
        }
        Action::DiskFails(i, log_ops, epoch_ops) => {
            let disk = &world.nodes[i].disk;
            format!(
                "a write of {:?} fails, and it ends and restarts; of what was under way {log_ops} of {} log operations and {epoch_ops} of {} epoch writes were kept",
                id(i),
                disk.log_ops.len(),
                disk.epoch_ops.len(),
            )
        }
        Action::Wipe(i) => format!("{:?} dies, its disk is emptied, and it restarts", id(i)),
        Action::HearHistory(i) => format!("{:?} hears that others have a history", id(i)),
        Action::GiveUp(i) => format!("{:?} gives up: initLimit has passed", id(i)),
        Action::CheckQuorum(i) => format!("{:?} has lost its quorum and gives up", id(i)),
        Action::Propose(i) => {
            let zxid = world.nodes[i]
                .server()
                .and_then(|server| server.next_zxid(rules))
                .unwrap_or_default();
            format!("{:?} proposes {zxid:?}", id(i))
        }
        Action::Reconfigure(i, value) => {
            let members = brings(value).map(|members| members.voters().to_vec());
            format!(
                "{:?} proposes that {:?} be the members",
                id(i),
                members.unwrap_or_default()
            )
        }
        Action::Hear { looker, of } => format!(
            "{:?} hears of the configuration that {:?} has in force",
            id(looker),
            id(of)
        ),
        Action::HearVote { from, to } => format!("{:?} hears {:?}", id(to), id(from)),
        Action::LoseVote { from, to } => format!("a notification of {:?} to {:?} is lost", id(from), id(to)),
        Action::Settle(i) => format!("{:?} has waited long enough for better votes", id(i)),
        Action::Ping(i) => format!("{:?} pings its learners", id(i)),
        Action::Sync(i) => format!("a client of {:?} asks for sync", id(i)),
        Action::Purge(i) => format!("{:?} purges its log up to {:?}", id(i), world.nodes[i].tree.zxid),
    }
}

fn tell_frame(frame: &Frame, names: &Names) -> String {
    match frame {
        Frame::Message(Message::FollowerInfo { server, accepted }) => {
            let server = names[index(*server)];
            format!(
                "{:?}",
                Message::<u64>::FollowerInfo {
                    server,
                    accepted: *accepted
                }
            )
        }
        Frame::Message(Message::ObserverInfo { server, accepted }) => {
            let server = names[index(*server)];
            format!(
                "{:?}",
                Message::<u64>::ObserverInfo {
                    server,
                    accepted: *accepted
                }
            )
        }
        Frame::Message(message) => format!("{message:?}"),
        Frame::Snapshot(last) => format!("SNAP up to {:?}", last.zxid),
        Frame::SnapshotOf(last, members) => format!("SNAP up to {:?}, {members:?}", last.zxid),
        Frame::SyncRequest => "a sync request".to_owned(),
    }
}
