//! How is a run told to people? One line for each step, in the protocol's words.

use crate::link::Link;
use crate::node::Frame;
use crate::world::{Action, Agreement, World, id, index};
use quorate_zab::{Message, Rules, ServerId};
use stateright::Path;

/// What each server was called at the start of the run, by its place.
pub(crate) type Names = Vec<ServerId>;

/// What they are called at the start.
pub(crate) fn names<R>(model: &Agreement<R>) -> Names {
    (0..usize::from(model.bounds.servers)).map(id).collect()
}

/// The steps of `path`. A world is kept under whichever names symmetry likes; a story gives each server one
/// name from beginning to end.
pub(crate) fn story<R: Rules>(model: &Agreement<R>, path: Path<World, Action>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut names = names(model);
    for (world, action) in path.into_vec() {
        let Some(action) = action else { continue };
        lines.push(tell(&world, &action, &names));
        let (_, to) = model.apply_named(&world, action);
        if !to.is_empty() {
            let mut moved = names.clone();
            for (from, &to) in to.iter().enumerate() {
                moved[to] = names[from];
            }
            names = moved;
        }
    }
    lines
}

/// One step out of `world`, in words.
pub(crate) fn tell(world: &World, action: &Action, names: &Names) -> String {
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
        Action::GiveUp(i) => format!("{:?} gives up: initLimit has passed", id(i)),
        Action::CheckQuorum(i) => format!("{:?} has lost its quorum and gives up", id(i)),
        Action::Propose(i) => {
            let zxid = world.nodes[i]
                .server()
                .and_then(quorate_zab::Server::next_zxid)
                .unwrap_or_default();
            format!("{:?} proposes {zxid:?}", id(i))
        }
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
        Frame::Message(message) => format!("{message:?}"),
        Frame::Snapshot(last) => format!("SNAP up to {:?}", last.zxid),
        Frame::SyncRequest => "a sync request".to_owned(),
    }
}
