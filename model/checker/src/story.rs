//! How is a run told to people? One line for each step, in the protocol's words.

use crate::link::Link;
use crate::node::Frame;
use crate::world::{Action, Agreement, World, id};
use quorate_zab::Rules;
use stateright::Path;

/// The steps of `path`. Servers are called anew at each step where symmetry renames them, so a line
/// gives the names of its own step.
pub(crate) fn story<R: Rules>(_: &Agreement<R>, path: Path<World, Action>) -> Vec<String> {
    let steps = path.into_vec();
    let mut lines = Vec::new();
    for (world, action) in &steps {
        if let Some(action) = action {
            lines.push(tell(world, action));
        }
    }
    lines
}

fn tell(world: &World, action: &Action) -> String {
    match *action {
        Action::Lead(i) => format!("{:?} begins to lead", id(i)),
        Action::Join { learner, leader } => format!("{:?} connects to {:?}", id(learner), id(leader)),
        Action::Deliver(at, end) => {
            let link = &world.links[at];
            let frame = link.incoming(end).front().map_or_else(String::new, tell_frame);
            format!(
                "{:?} receives {frame} from {:?}",
                link.server(end),
                link.server(Link::other(end))
            )
        }
        Action::Break(at, end) => {
            let link = &world.links[at];
            format!(
                "{:?} loses its connection with {:?}",
                link.server(end),
                link.server(Link::other(end))
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
    }
}

fn tell_frame(frame: &Frame) -> String {
    match frame {
        Frame::Message(message) => format!("{message:?}"),
        Frame::Snapshot(last) => format!("SNAP up to {:?}", last.zxid),
        Frame::SyncRequest => "a sync request".to_owned(),
    }
}
