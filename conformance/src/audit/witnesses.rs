//! Does what the I/O layer saw agree with what the step functions asked for?

use super::{Audit, Fault};
use crate::channel::{End, Tail};
use crate::member::{Delivery, ElectionLink, Link, Wire};
use crate::report::Check;
use quorate_checker::Property;
use quorate_trace::{
    ConnDown, ConnName, ConnUp, Deeds, ElectionFrame, Ended, Mark, Record, Rest, Side, Sum, digest_of_state,
    hash64,
};
use quorate_zab::{Conn, Notification, Rules, ServerId, Zxid};
use std::collections::VecDeque;

impl<R: Rules> Audit<R> {
    pub(super) fn on_effects(&mut self, i: usize, count: u32, sum: Option<Sum>) -> Result<(), Fault> {
        let member = &mut self.members[i];
        member.effects += u64::from(count);
        answered(&mut member.unanswered, count, sum)
    }

    pub(super) fn on_election_effects(
        &mut self,
        i: usize,
        count: u32,
        sum: Option<Sum>,
    ) -> Result<(), Fault> {
        let member = &mut self.members[i];
        member.effects += u64::from(count);
        let none = Sum::new(hash64(&[], 0));
        answered(
            &mut member.election_unanswered,
            count,
            sum.filter(|sum| count > 0 || *sum != none),
        )
    }

    pub(super) fn on_conn_up(&mut self, i: usize, up: &ConnUp) -> Result<(), Fault> {
        if self.members[i].links.contains_key(&up.conn) {
            return Err(Fault::new(
                Check::World,
                format!("{:?} is up a second time", up.conn),
            ));
        }
        let me = self.members[i].me;
        let wire = match (up.side, up.name, up.peer) {
            (Side::Acceptor, None, _) => Wire::Unnamed,
            (Side::Initiator, Some(name), peer) => {
                if name.initiator != me || name.boot != self.members[i].boot() {
                    return Err(Fault::new(
                        Check::Channels,
                        format!("{:?} is opened under the name of another: {name:?}", up.conn),
                    ));
                }
                if peer.is_some_and(|peer| self.is_recorded(peer)) {
                    self.attach(name, End::Learner)?
                } else {
                    Wire::Open
                }
            }
            (Side::Acceptor, Some(name), _) => self.accepted(name)?,
            (Side::Initiator, None, _) => Wire::Open,
        };
        let link = Link {
            side: up.side,
            peer: up.peer,
            wire,
            believed: wire == Wire::Open,
            up: true,
            read: 0,
            sent: 0,
            deeds: Deeds::default(),
            closing: false,
        };
        self.members[i].links.insert(up.conn, link);
        Ok(())
    }

    fn attach(&mut self, name: ConnName, end: End) -> Result<Wire, Fault> {
        let at = self.channels.attach(name, end).ok_or_else(|| {
            Fault::new(
                Check::Channels,
                format!(
                    "connection {} of server {} boot {} has this end twice",
                    name.counter, name.initiator, name.boot
                ),
            )
        })?;
        Ok(Wire::Channel(at))
    }

    fn accepted(&mut self, name: ConnName) -> Result<Wire, Fault> {
        if self.is_recorded(name.initiator) {
            self.attach(name, End::Leader)
        } else {
            Ok(Wire::Open)
        }
    }

    pub(super) fn on_conn_named(
        &mut self,
        i: usize,
        conn: Conn,
        peer: ServerId,
        name: Option<ConnName>,
    ) -> Result<(), Fault> {
        let Some(link) = self.members[i].links.get(&conn).filter(|link| link.up) else {
            return Err(Fault::new(
                Check::World,
                format!("{conn:?} is named, and is not up"),
            ));
        };
        let (side, was, own) = (link.side, link.wire, link.peer);
        let wrong = |what: String| Err(Fault::new(Check::Channels, what));
        let wire = match (side, was, name) {
            (Side::Acceptor, Wire::Unnamed, Some(name)) if name.initiator != peer => {
                return wrong(format!(
                    "server {peer} calls {conn:?} by the name of server {}",
                    name.initiator
                ));
            }
            (Side::Acceptor, Wire::Unnamed, Some(name)) => self.accepted(name)?,
            (Side::Acceptor, Wire::Unnamed, None) => Wire::Open,
            (Side::Acceptor, ..) => return wrong(format!("{conn:?} is named a second time")),
            (Side::Initiator, Wire::Channel(at), Some(name)) if self.channels.name(at) != name => {
                return wrong(format!(
                    "{conn:?} is {:?} and the leader calls it {name:?}",
                    self.channels.name(at)
                ));
            }
            (Side::Initiator, Wire::Channel(at), None) => {
                // The leader does not name connections: what it says is believed.
                self.channels.pipe(at).close(End::Learner, Tail::Open);
                Wire::Open
            }
            (Side::Initiator, was, _) => was,
        };
        if own.is_some_and(|own| own != peer) {
            return wrong(format!(
                "{conn:?} leads to server {peer} and was opened to {own:?}"
            ));
        }
        if wire == Wire::Open && self.is_recorded(peer) {
            self.note(format!(
                "a connection of server {peer} with server {} has no name: it is believed",
                self.members[i].me
            ));
        }
        if let Some(link) = self.members[i].links.get_mut(&conn) {
            link.wire = wire;
            link.believed |= wire == Wire::Open;
            link.peer = Some(peer);
        }
        Ok(())
    }

    pub(super) fn on_conn_down(&mut self, i: usize, down: ConnDown) -> Result<(), Fault> {
        let conn = down.conn;
        let Some(link) = self.members[i].links.get_mut(&conn).filter(|link| link.up) else {
            return Err(Fault::new(Check::World, format!("{conn:?} ends, and is not up")));
        };
        link.up = false;
        let (read, sent) = (link.read, link.sent);
        if let Wire::Channel(at) = link.wire {
            let end = link.end();
            self.channels.pipe(at).close(end, Tail::Whole);
        }
        if down.written > sent {
            return Err(Fault::new(
                Check::Channels,
                format!(
                    "{} messages were written to {conn:?}, and {sent} were asked for",
                    down.written
                ),
            ));
        }
        // What ends at the other end, or by silence, ends behind the last message that was read.
        let all = matches!(down.why, Ended::ByOtherEnd | Ended::Silent);
        if down.read < read || all && down.read != read {
            return Err(Fault::new(
                Check::Channels,
                format!(
                    "{} messages were read from {conn:?}, and {read} came to the core",
                    down.read
                ),
            ));
        }
        Ok(())
    }

    pub(super) fn on_election_conn_up(&mut self, i: usize, up: &ConnUp) -> Result<(), Fault> {
        let end = match up.side {
            Side::Initiator => End::Learner,
            Side::Acceptor => End::Leader,
        };
        let paired = up.peer.is_none_or(|peer| self.is_recorded(peer));
        let pipe = match up.addresses {
            Some((own, other)) if paired => Some(self.election_channels.attach(own, other, end)),
            _ => None,
        };
        let link = ElectionLink {
            side: up.side,
            peer: up.peer,
            pipe,
            believed: pipe.is_none(),
            read: 0,
            sent: 0,
        };
        if self.members[i].election_links.insert(up.conn, link).is_some() {
            return Err(Fault::new(
                Check::World,
                format!("election connection {:?} is up a second time", up.conn),
            ));
        }
        Ok(())
    }

    pub(super) fn on_election_sent(
        &mut self,
        i: usize,
        frame: ElectionFrame,
        notification: Notification,
        again: bool,
    ) -> Result<(), Fault> {
        let member = &mut self.members[i];
        let conn = frame.conn;
        let Some(link) = member.election_links.get_mut(&conn) else {
            return Err(Fault::new(
                Check::World,
                format!("a notification is sent on election connection {conn:?}, which was never up"),
            ));
        };
        if frame.number != link.sent + 1 {
            return Err(Fault::new(
                Check::Channels,
                format!(
                    "notification {} is sent on election connection {conn:?} after {}",
                    frame.number, link.sent
                ),
            ));
        }
        link.sent += 1;
        if let Some(peer) = link.peer
            && !member.slots.take(peer, notification, again)
        {
            return Err(Fault::new(
                Check::Channels,
                format!("server {peer} is sent a notification that was not asked for: {notification:?}"),
            ));
        }
        if let Some(at) = link.pipe {
            let end = link.end();
            self.election_channels.pipe(at).send(end, notification);
        }
        Ok(())
    }

    pub(super) fn on_election_conn_down(&mut self, i: usize, down: ConnDown) {
        if let Some(link) = self.members[i].election_links.get(&down.conn)
            && let Some(at) = link.pipe
        {
            let end = link.end();
            self.election_channels.pipe(at).close(end, Tail::Whole);
        }
    }

    /// The log thread's report against what was asked of the log, once the core has taken it in.
    pub(super) fn compare_log(&mut self, i: usize) -> Result<(), Fault> {
        let member = &mut self.members[i];
        let (Some((ops, end, contents)), Some(node)) = (member.log_synced.pop_front(), &member.node) else {
            return Ok(());
        };
        let expected = node.disk.durable.last().zxid;
        if end != expected {
            return Err(Fault::new(
                Check::Storage,
                format!(
                    "the log thread says that the log ends at {end:?}; what was asked of it leads to {expected:?}"
                ),
            ));
        }
        let ops = (ops as usize).min(member.contents_under_way.len());
        for weight in member.contents_under_way.drain(..ops) {
            member.contents = match (member.contents, weight) {
                (Some(mut contents), Some(weight)) => {
                    contents.transactions += 1;
                    contents.sum = Sum::new(contents.sum.get().wrapping_add(weight));
                    Some(contents)
                }
                _ => None,
            };
        }
        match (member.contents, contents) {
            (Some(expected), Some(found)) if expected != found => Err(Fault::new(
                Check::Storage,
                format!(
                    "the log thread counts {found:?} in the log; what was asked of it makes {expected:?}"
                ),
            )),
            (_, found) => {
                member.contents = found;
                member.contents_floor = node.disk.durable.snapshot.zxid;
                Ok(())
            }
        }
    }

    pub(super) fn compare_epochs(&mut self, i: usize) -> Result<(), Fault> {
        let member = &mut self.members[i];
        let (Some((_, accepted, current)), Some(node)) = (member.epochs_synced.pop_front(), &member.node)
        else {
            return Ok(());
        };
        let durable = &node.disk.durable;
        if (accepted, current) == (durable.accepted, durable.current) {
            return Ok(());
        }
        Err(Fault::new(
            Check::Storage,
            format!(
                "the epoch files say {accepted:?} and {current:?}; what was asked of them leads to {:?} and {:?}",
                durable.accepted, durable.current
            ),
        ))
    }

    /// The tree was brought to `zxid`. Without a digest it may be ahead of that: only as far as what came behind the
    /// snapshot that it was loaded from was logged by then.
    pub(super) fn on_applied(&mut self, i: usize, zxid: Zxid, tree: Option<Sum>) -> Result<(), Fault> {
        let member = &mut self.members[i];
        let asked = member.deliveries.pop_front();
        if asked.map(Delivery::zxid) != Some(zxid) {
            let asked = asked.map(Delivery::zxid);
            return Err(Fault::new(
                Check::World,
                format!("the tree was brought to {zxid:?}, and {asked:?} was asked for"),
            ));
        }
        member.tree_max = member.tree_max.max(zxid);
        if let (Some(Delivery::Loaded(_)), Some(node)) = (asked, &member.node) {
            member.tree_exact_from = Some(node.disk.logical().last().zxid);
        }
        match (tree, member.tree_exact_from) {
            (Some(tree), _) => self.compare_trees(i, zxid, tree),
            (None, Some(exact_from)) if zxid >= exact_from => Err(Fault::new(
                Check::World,
                format!("the tree at {zxid:?} has no digest, and can be ahead only below {exact_from:?}"),
            )),
            (None, _) => Ok(()),
        }
    }

    pub(crate) fn compare_trees(&mut self, i: usize, zxid: Zxid, tree: Sum) -> Result<(), Fault> {
        let me = self.members[i].me.get();
        self.trees.meet(zxid, tree, me).map_err(|other| {
            Self::broken(
                Property::Agreement,
                format!(
                    "the tree at {zxid:?} has the digest {tree}, and on server {} it has {}",
                    other.server, other.sum
                ),
            )
        })
    }

    pub(super) fn on_snapshot_taken(&mut self, i: usize, zxid: Zxid, tree: Option<Sum>) -> Result<(), Fault> {
        let reached = self.members[i].tree_max;
        if zxid > reached {
            return Err(Fault::new(
                Check::World,
                format!("a snapshot of {zxid:?} was taken, and the tree never was beyond {reached:?}"),
            ));
        }
        let newest = &mut self.members[i].newest_snapshot;
        *newest = zxid.max(*newest);
        match tree {
            Some(tree) => self.compare_trees(i, zxid, tree),
            None => Ok(()),
        }
    }

    /// Nothing is left to be done: what was carried out is what was asked for, each once and in its order.
    pub(super) fn on_rest(&mut self, i: usize, rest: &Rest) -> Result<(), Fault> {
        let member = &mut self.members[i];
        member.rests += 1;
        let wrong = |what: String| Err(Fault::new(Check::Deeds, what));
        if let Some((_, _, input)) = member.unanswered.front() {
            return wrong(format!(
                "the server is at rest, and what comes of input {input} is not recorded"
            ));
        }
        if let Some(delivery) = member.deliveries.front() {
            let zxid = delivery.zxid();
            return wrong(format!(
                "the tree was not brought to {zxid:?}, which was asked for"
            ));
        }
        if let Some(asked) = member.asked.front() {
            return wrong(format!(
                "the election was not told {asked:?}, which was asked for"
            ));
        }
        if let Some(leader) = member.elected.front() {
            return wrong(format!(
                "server {leader} was elected, and the server was not told"
            ));
        }
        let compared = [
            ("the log thread", member.log_deeds, rest.log),
            ("the thread of the epoch files", member.epoch_deeds, rest.epochs),
        ];
        for (whose, asked, done) in compared {
            if asked != done {
                return wrong(differs(whose, asked, done));
            }
        }
        if member.syncs != rest.syncs {
            return wrong(format!(
                "{} syncs of the server's own clients were answered, and {} were to be",
                rest.syncs, member.syncs
            ));
        }
        for told in &rest.links {
            let conn = told.conn;
            let Some(link) = member.links.get(&conn).filter(|link| link.up) else {
                return wrong(format!("{conn:?} is said to stand, and is not up"));
            };
            if link.closing {
                return wrong(format!("{conn:?} was to be closed, and stands"));
            }
            if link.deeds != told.sent {
                return wrong(differs(&format!("{conn:?}"), link.deeds, told.sent));
            }
        }
        let standing = |conn: &Conn| rest.links.iter().any(|told| told.conn == *conn);
        let mut up = member.links.iter().filter(|(_, link)| link.up);
        match up.find(|(conn, _)| !standing(conn)) {
            Some((conn, _)) => wrong(format!("{conn:?} is gone, and its end was not recorded")),
            None => Ok(()),
        }
    }

    pub(super) fn on_mark(&mut self, i: usize, seq: u64, mark: &Mark) -> Result<(), Fault> {
        let member = &self.members[i];
        let counted = Mark {
            records: seq,
            inputs: member.inputs,
            election_inputs: member.election_inputs,
            effects: member.effects,
            state: None,
        };
        if counted != (Mark { state: None, ..*mark }) {
            self.go_blind(
                i,
                seq,
                format!("the recorder counted {mark:?}, and there are {counted:?}"),
            );
            return Ok(());
        }
        let Some(state) = mark.state else {
            return Ok(());
        };
        if !member.unanswered.is_empty() {
            return Ok(());
        }
        let Some(server) = member.node.as_ref().and_then(|node| node.server()) else {
            return Ok(());
        };
        let replayed = digest_of_state(server, &mut self.scratch);
        if replayed == state {
            return Ok(());
        }
        Err(Fault::new(
            Check::Replay,
            format!("the server's state has the digest {state}, and replayed {replayed}"),
        ))
    }

    /// A record of a boot that cannot be replayed: only what names connections is of use.
    pub(super) fn glimpse(&mut self, i: usize, record: &Record) {
        let (name, end) = match record {
            Record::ConnUp(up) => match (up.side, up.name) {
                (Side::Initiator, Some(name)) => (name, End::Learner),
                _ => return,
            },
            Record::ConnNamed {
                conn: _,
                name: Some(name),
                ..
            } if name.initiator != self.members[i].me => (*name, End::Leader),
            _ => return,
        };
        if let Some(at) = self.channels.attach(name, end) {
            self.channels.pipe(at).close(end, Tail::Open);
        }
    }
}

fn differs(whose: &str, asked: Deeds, done: Deeds) -> String {
    format!(
        "{whose} was handed {} ({}), and {} ({}) were asked for, in this order",
        done.count, done.sum, asked.count, asked.sum
    )
}

/// Holds the effects that were recorded against those of the oldest step that is not answered.
fn answered(unanswered: &mut VecDeque<(u32, Sum, u64)>, count: u32, sum: Option<Sum>) -> Result<(), Fault> {
    let Some((expected, digest, input)) = unanswered.pop_front() else {
        return Err(Fault::new(Check::Replay, "effects of no input"));
    };
    if count != expected {
        return Err(Fault::new(
            Check::Replay,
            format!("input {input} had {count} effects, and replayed {expected}"),
        ));
    }
    match sum {
        Some(sum) if count > 0 && sum != digest => Err(Fault::new(
            Check::Replay,
            format!("input {input} had {count} effects with the digest {sum}, and replayed {digest}"),
        )),
        _ => Ok(()),
    }
}
