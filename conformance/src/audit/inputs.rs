//! May this input happen here, and what comes of it?

use super::{Audit, Fault, Taken};
use crate::channel::Next;
use crate::contents::Conflict;
use crate::member::{Asked, Delivery, Wire};
use crate::report::Check;
use quorate_checker::{Event, Frame, Happening, Out, Property};
use quorate_trace::{Digest, ElectionFrame, Side, Sum, digest_of_effects, digest_of_election_effects};
use quorate_zab::{
    Conn, Context, Effect, ElectionEffect, ElectionInput, Input, Message, Rules, Standing, Zab,
};

impl<R: Rules> Audit<R> {
    pub(super) fn on_input(
        &mut self,
        i: usize,
        seq: u64,
        input: &Input<Digest>,
        number: Option<u64>,
    ) -> Result<Taken, Fault> {
        let payload = match input {
            Input::Propose { payload, .. }
            | Input::Message {
                message: Message::Proposal { payload, .. } | Message::Inform { payload, .. },
                ..
            } => *payload,
            _ => Digest::default(),
        };
        let happening = match input {
            Input::Message { conn, message } => {
                let Some(frame) = self.receive(i, *conn, message, number)? else {
                    return Ok(Taken::NotYet);
                };
                Happening::Frame { conn: *conn, frame }
            }
            input => Happening::Input(self.permitted(i, input)?),
        };
        let leader = self.leader_of(i);
        let member = &mut self.members[i];
        let node = member
            .node
            .as_mut()
            .ok_or_else(|| Fault::new(Check::Recorder, "an input before the boot"))?;
        if let Err(forbidden) = node.permits(&self.rules, &happening)
            && !is_stale(input)
        {
            return Err(Fault::new(Check::World, forbidden.0));
        }
        let (scratch, mapped) = (&mut self.scratch, &mut self.mapped);
        let (asked, calls, deliveries) = (&mut member.asked, &mut member.calls, &mut member.deliveries);
        let under_way = &mut member.contents_under_way;
        let (log_deeds, epoch_deeds) = (&mut member.log_deeds, &mut member.epoch_deeds);
        let (syncs, links) = (&mut member.syncs, &mut member.links);
        let mut answer = (0, Default::default());
        let mut looks = None;
        let mut out = std::mem::take(&mut self.out);
        node.step_seen(&self.configuration, &self.rules, happening, &mut out, &mut |fx| {
            mapped.clear();
            for effect in fx {
                match effect {
                    Effect::Retire => asked.push_back(Asked::Retired),
                    Effect::Look { current, last } => looks = Some((*current, *last)),
                    Effect::Serve { epoch } => asked.push_back(Asked::Established { epoch: *epoch }),
                    Effect::Connect { leader } => *calls = Some(*leader),
                    Effect::Deliver { upto } => deliveries.push_back(Delivery::Applied(*upto)),
                    Effect::Load { zxid } => deliveries.push_back(Delivery::Loaded(*zxid)),
                    Effect::Append { zxid, .. } => {
                        log_deeds.append(*zxid, payload);
                        let weight = quorate_trace::Contents::weight(*zxid, payload);
                        under_way.push_back(Some(weight));
                    }
                    Effect::Truncate { to } => {
                        log_deeds.truncate(*to);
                        under_way.push_back(None);
                    }
                    Effect::Install { zxid } => {
                        log_deeds.install(*zxid);
                        under_way.push_back(None);
                    }
                    Effect::PersistAccepted(epoch) => epoch_deeds.accepted(*epoch),
                    Effect::PersistCurrent(epoch) => epoch_deeds.current(*epoch),
                    Effect::SyncDone => *syncs += 1,
                    Effect::Forget => epoch_deeds.forget(),
                    Effect::Recall => epoch_deeds.recall(),
                    // What a server goes by is its header's.
                    Effect::Halt | Effect::Activate { .. } => {}
                    Effect::Send { conn, .. }
                    | Effect::SendAcks { conn, .. }
                    | Effect::SendSnapshot { conn, .. }
                    | Effect::Replay { conn, .. }
                    | Effect::Inform { conn, .. }
                    | Effect::Close { conn, .. } => {
                        if let Some(link) = links.get_mut(conn) {
                            link.asked(effect);
                        }
                    }
                }
                mapped.push(effect.clone().map(|_| payload));
            }
            answer = digest_of_effects(mapped, scratch);
        });
        if let (Some((current, last)), Some(server)) = (looks, node.server()) {
            // It is the last thing that a step asks of the election.
            let candidacy = server.candidacy(member.me, &self.configuration);
            asked.push_back(Asked::Look {
                candidacy,
                current,
                last,
            });
        }
        member.inputs += 1;
        member.unanswered.push_back((answer.0, answer.1, seq));
        if member.elections_are_free() {
            member.asked.clear();
        }
        if matches!(input, Input::LogDurable { .. }) {
            self.compare_log(i)?;
        }
        if matches!(input, Input::EpochsDurable { .. }) {
            self.compare_epochs(i)?;
        }
        let committed = self.ghost.committed().len();
        let done = self.carry_out(i, leader, &out);
        if self.ghost.committed().len() != committed {
            self.last_commit = Some((i, self.members[i].boot(), seq));
        }
        out.clear();
        self.out = out;
        done.map(|()| Taken::Yes)
    }

    /// Who leads member `i`, and whether that leader is believed.
    fn leader_of(&self, i: usize) -> Option<(quorate_zab::ServerId, bool)> {
        let member = &self.members[i];
        match member.node.as_ref()?.server()?.standing() {
            Standing::Following {
                leader,
                conn: Some(conn),
                ..
            } => {
                let open = member.links.get(&conn).is_none_or(|link| link.believed);
                Some((leader, open))
            }
            _ => None,
        }
    }

    fn carry_out(
        &mut self,
        i: usize,
        before: Option<(quorate_zab::ServerId, bool)>,
        out: &[Out],
    ) -> Result<(), Fault> {
        let mut closed: Option<Conn> = None;
        for out in out {
            match out {
                Out::Frame { conn, frame } => {
                    let Some(link) = self.members[i].links.get_mut(conn) else {
                        continue;
                    };
                    link.sent += u64::from(*frame != Frame::SyncRequest);
                    if let Wire::Channel(at) = link.wire {
                        let end = link.end();
                        self.channels.pipe(at).send(end, frame.clone());
                    }
                }
                Out::Close { conn } => closed = Some(*conn),
                Out::Connect { .. } => {}
                Out::Event(event) => self.on_event(i, before, closed, event)?,
            }
        }
        Ok(())
    }

    fn on_event(
        &mut self,
        i: usize,
        before: Option<(quorate_zab::ServerId, bool)>,
        closed: Option<Conn>,
        event: &Event,
    ) -> Result<(), Fault> {
        let me = self.members[i].me;
        let mut leader = None;
        match event {
            Event::Promised { conn, epoch, .. } => {
                leader = self.members[i].links.get(conn).and_then(|link| link.peer);
                if let Some(leader) = leader {
                    self.reign(i, *epoch, leader, false, false)?;
                }
            }
            Event::Chosen { epoch } => self.reign(i, *epoch, me, true, false)?,
            Event::Established { epoch } => self.reign(i, *epoch, me, true, true)?,
            Event::Serves { epoch, tree } => {
                if let Some((leader, open)) = before {
                    self.reign(i, *epoch, leader, false, true)?;
                    if open {
                        let known = quorate_zab::Zxid::ZERO;
                        self.believe_commits(i, *epoch, known, tree.zxid)?;
                    }
                }
            }
            Event::Delivered { txn, before: known } => {
                if let Some((_, true)) = before
                    && let Some(epoch) = self.epoch_of(i)
                {
                    self.believe_commits(i, epoch, known.zxid, txn.zxid)?;
                }
            }
            Event::HungUp(_) => {
                // What an open server says is not held against anyone.
                let link = closed.and_then(|conn| self.members[i].links.get(&conn));
                if let Some(link) = link
                    && link.believed
                {
                    let peer = link
                        .peer
                        .map_or("an unknown server".into(), |peer| format!("server {peer}"));
                    self.note(format!(
                        "server {me} hung up on {peer}, which is open here: {event:?}"
                    ));
                    return Ok(());
                }
            }
            _ => {}
        }
        self.observe(i, event, leader)
    }

    fn epoch_of(&self, i: usize) -> Option<quorate_zab::Epoch> {
        self.members[i].node.as_ref()?.server()?.epoch()
    }

    pub(crate) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// An open leader told member `i` so: its word is taken, as far as it agrees with everything else.
    fn believe_commits(
        &mut self,
        i: usize,
        epoch: quorate_zab::Epoch,
        known: quorate_zab::Zxid,
        upto: quorate_zab::Zxid,
    ) -> Result<(), Fault> {
        let nodes: Vec<_> = self.members.iter().map(|member| member.node.as_ref()).collect();
        let scene = quorate_checker::Scene {
            at: i,
            nodes: &nodes,
            configuration: &self.configuration,
            leader: None,
        };
        self.ghost.believe(scene, epoch, known, upto);
        match self.ghost.broken() {
            None => Ok(()),
            Some(property) => Err(Fault::broken(
                property,
                format!(
                    "not so: {}; an open leader says that {upto:?} is committed",
                    property.text()
                ),
            )),
        }
    }

    /// The input as the model world has it, if the connection that it names allows it.
    fn permitted(&mut self, i: usize, input: &Input<Digest>) -> Result<Input<u64>, Fault> {
        let world = |what: String| Fault::new(Check::World, what);
        let member = &mut self.members[i];
        match input {
            Input::Connected { conn } => {
                let called = member.calls.take();
                let link = member.links.get(conn).filter(|link| link.up);
                let link =
                    link.ok_or_else(|| world(format!("{conn:?} stands for the core and was never up")))?;
                if link.side != Side::Initiator || called.is_none() || link.peer != called {
                    return Err(world(format!(
                        "{conn:?} to {:?} is not the connection that was asked for (to {called:?})",
                        link.peer
                    )));
                }
            }
            Input::Closed { conn } => {
                if member.links.get(conn).is_none_or(|link| link.up) {
                    return Err(world(format!("{conn:?} is told to be closed and is not down")));
                }
            }
            Input::Sync { conn: Some(conn) } => {
                if member.links.get(conn).is_none_or(|link| !link.up) {
                    return Err(world(format!("a sync came through {conn:?}, which is not up")));
                }
            }
            Input::Lead | Input::Follow { .. } if member.elections_are_free() => {}
            Input::Lead | Input::Follow { .. } => {
                let leader = match input {
                    Input::Follow { leader } => *leader,
                    _ => member.me,
                };
                let elected = member.elected.pop_front();
                if elected != Some(leader) {
                    return Err(world(format!(
                        "server {leader} is taken for the leader, and the election chose {elected:?}"
                    )));
                }
            }
            Input::LogDurable { ops } => {
                if member.log_synced.front().is_none_or(|(synced, ..)| synced != ops) {
                    return Err(Fault::new(
                        Check::World,
                        format!("{ops} operations are reported durable that the log thread did not sync"),
                    ));
                }
            }
            Input::EpochsDurable { ops } => {
                if member
                    .epochs_synced
                    .front()
                    .is_none_or(|(synced, ..)| synced != ops)
                {
                    return Err(world(format!(
                        "{ops} epoch writes are reported durable that were not synced"
                    )));
                }
            }
            Input::Purged { floor } => {
                let installed = member.node.as_ref().map(|node| node.disk.durable.snapshot.zxid);
                let newest = installed.unwrap_or_default().max(member.newest_snapshot);
                if *floor > newest {
                    return Err(Fault::new(
                        Check::Storage,
                        format!(
                            "the log is purged up to {floor:?}, and the newest snapshot is of {newest:?}"
                        ),
                    ));
                }
                member.purged = true;
            }
            Input::HistoryHeard if member.elections_are_free() => {}
            Input::HistoryHeard => {
                member.histories_heard = member
                    .histories_heard
                    .checked_sub(1)
                    .ok_or_else(|| world("a history is heard of that no notification told of".to_owned()))?;
            }
            Input::Propose { .. }
            | Input::Message { .. }
            | Input::DiskFailed
            | Input::LimitPassed
            | Input::PingLearners
            | Input::CheckQuorum
            | Input::Sync { conn: None } => {}
        }
        Ok(match input {
            Input::Propose { zxid, payload } => Input::Propose {
                zxid: *zxid,
                payload: self.contents.met(*zxid, payload.sum.get())?,
            },
            other => other.clone().map(|digest| digest.sum.get()),
        })
    }

    /// The frame that this message is, taken off its connection; `None` if it is yet to be sent.
    fn receive(
        &mut self,
        i: usize,
        conn: Conn,
        message: &Message<Digest>,
        number: Option<u64>,
    ) -> Result<Option<Frame>, Fault> {
        let received = message.clone().map(|digest| digest.sum.get().max(1));
        let link = self.members[i].links.get(&conn);
        let Some(link) = link.filter(|link| link.up) else {
            return Err(Fault::new(
                Check::World,
                format!("a message is read from {conn:?}, which is not up"),
            ));
        };
        if number != Some(link.read + 1) {
            return Err(Fault::new(
                Check::Channels,
                format!(
                    "message {} is read from {conn:?} after message {}: {received:?}",
                    number.map_or("without a number".into(), |number| number.to_string()),
                    link.read
                ),
            ));
        }
        let (wire, end, peer, believed) = (link.wire, link.end(), link.peer, link.believed);
        if let Message::FollowerInfo { server, .. } | Message::ObserverInfo { server, .. } = &received
            && peer.is_some_and(|peer| peer != *server)
        {
            return Err(Fault::new(
                Check::Channels,
                format!(
                    "server {server} speaks on {conn:?}, which server {} has",
                    peer.map_or(0, |peer| peer.get())
                ),
            ));
        }
        let frame = match wire {
            Wire::Channel(at) if !believed => match self.channels.pipe(at).next(end) {
                Next::NotYet { .. } => return Ok(None),
                Next::Here => {
                    let frame = self.channels.pipe(at).read(end);
                    self.compared += 1;
                    // Contents that differ from what is known differ from what was sent as well.
                    let known = self.known(received.clone()).unwrap_or(received);
                    self.same(at, conn, frame, known)?
                }
                Next::Never => {
                    return Err(Fault::new(
                        Check::Channels,
                        format!("{conn:?} brings what was never sent on it: {received:?}"),
                    ));
                }
                next => {
                    self.lose_sight_of(i, conn, matches!(next, Next::Unknown));
                    let known = self.known(received)?;
                    self.believed_frame(peer, known)
                }
            },
            Wire::Open | Wire::Channel(_) => {
                let known = self.known(received)?;
                self.believed_frame(peer, known)
            }
            Wire::Unnamed => {
                return Err(Fault::new(
                    Check::Channels,
                    format!("{conn:?} brings a message before it is known whose it is"),
                ));
            }
        };
        if let Some(link) = self.members[i].links.get_mut(&conn) {
            link.read += 1;
        }
        Ok(Some(frame))
    }

    /// The message with its contents as the model world has them.
    fn known(&mut self, message: Message<u64>) -> Result<Message<u64>, Conflict> {
        Ok(match message {
            Message::Proposal { zxid, payload } => Message::Proposal {
                zxid,
                payload: self.contents.met(zxid, payload)?,
            },
            Message::Inform { zxid, payload } => Message::Inform {
                zxid,
                payload: self.contents.met(zxid, payload)?,
            },
            other => other,
        })
    }

    /// The frame that was sent, if that is what was received.
    fn same(
        &self,
        at: usize,
        conn: Conn,
        sent: Option<Frame>,
        received: Message<u64>,
    ) -> Result<Frame, Fault> {
        let differs = |sent: &dyn std::fmt::Debug| {
            let name = self.channels.name(at);
            let received = received.clone().map(Sum::new);
            Fault::new(
                Check::Channels,
                format!(
                    "{conn:?} (connection {} of server {} boot {}) brings {received:?}, where {sent:?} was sent",
                    name.counter, name.initiator, name.boot
                ),
            )
        };
        match sent {
            Some(Frame::Message(sent)) if sent == received => Ok(Frame::Message(sent)),
            Some(Frame::Snapshot(last) | Frame::SnapshotOf(last, _))
                if received == (Message::Snap { zxid: last.zxid }) =>
            {
                Ok(Frame::Snapshot(last))
            }
            Some(Frame::Message(sent)) => Err(differs(&sent.map(Sum::new))),
            Some(Frame::Snapshot(last) | Frame::SnapshotOf(last, _)) => {
                Err(differs(&Message::<u64>::Snap { zxid: last.zxid }))
            }
            Some(Frame::SyncRequest) | None => Err(differs(&"nothing")),
        }
    }

    fn believed_frame(&mut self, peer: Option<quorate_zab::ServerId>, received: Message<u64>) -> Frame {
        self.believe(peer);
        match received {
            Message::Snap { zxid } => Frame::Snapshot(self.contents.at(zxid)),
            message => Frame::Message(message),
        }
    }

    /// What comes on `conn` is believed from here on: its sender is not seen any more.
    pub(crate) fn lose_sight_of(&mut self, i: usize, conn: Conn, doubtful: bool) {
        if let Some(link) = self.members[i].links.get_mut(&conn) {
            link.believed = true;
            let peer = link.peer;
            self.doubt_sender(i, peer, doubtful);
        }
    }

    fn doubt_sender(&mut self, i: usize, sender: Option<quorate_zab::ServerId>, doubtful: bool) {
        let sender = sender.and_then(|sender| self.member_of(sender));
        if doubtful && let Some(sender) = sender {
            let from = self.members[sender].taken;
            let me = self.members[i].me;
            self.doubt(
                Check::Recorder,
                sender,
                from,
                format!("server {me} heard more of it: the trace was cut, or its machine lost power"),
            );
        }
    }

    pub(super) fn on_election_input(
        &mut self,
        i: usize,
        seq: u64,
        input: &ElectionInput,
        frame: Option<ElectionFrame>,
    ) -> Result<Taken, Fault> {
        if let ElectionInput::Notification { from, notification } = input {
            match frame {
                Some(frame) => {
                    if self.hear(i, *from, frame, *notification)? == Taken::NotYet {
                        return Ok(Taken::NotYet);
                    }
                }
                None => self.believe(Some(*from)),
            }
        }
        let member = &mut self.members[i];
        let asked = match *input {
            ElectionInput::Retired => Some(Asked::Retired),
            ElectionInput::Look {
                candidacy,
                current,
                last,
            } => Some(Asked::Look {
                candidacy,
                current,
                last,
            }),
            ElectionInput::Established { epoch } => Some(Asked::Established { epoch }),
            ElectionInput::Notification { .. } | ElectionInput::ResendDue | ElectionInput::Settled => None,
        };
        // Where roles come about freely the election is a part by itself.
        if let Some(told) = asked.filter(|_| !member.elections_are_free()) {
            let asked = member.asked.pop_front();
            if asked != Some(told) {
                return Err(Fault::new(
                    Check::World,
                    format!("the election is told {told:?}, and the server asked for {asked:?}"),
                ));
            }
        }
        let cx = Context {
            me: member.me,
            configuration: &self.configuration,
            rules: &Zab,
        };
        let mut fx = Vec::new();
        member.election.step(&cx, *input, &mut fx);
        for effect in &fx {
            match effect {
                ElectionEffect::Notify { to, notification } => member.slots.ask(*to, *notification),
                ElectionEffect::Elected { leader } => member.elected.push_back(*leader),
                ElectionEffect::HistoryHeard => member.histories_heard += 1,
                ElectionEffect::Arm(_) => {}
            }
        }
        let (count, sum) = digest_of_election_effects(&fx, &mut self.scratch);
        member.election_inputs += 1;
        member.election_unanswered.push_back((count, sum, seq));
        Ok(Taken::Yes)
    }

    /// A notification is read from an election connection.
    fn hear(
        &mut self,
        i: usize,
        from: quorate_zab::ServerId,
        frame: ElectionFrame,
        notification: quorate_zab::Notification,
    ) -> Result<Taken, Fault> {
        let fault = |what: String| Fault::new(Check::Channels, what);
        let conn = frame.conn;
        let Some(link) = self.members[i].election_links.get(&conn) else {
            return Err(fault(format!(
                "a notification is read from election connection {conn:?}, which was never up"
            )));
        };
        if link.peer.is_some_and(|peer| peer != from) {
            return Err(fault(format!(
                "election connection {conn:?} brings a notification of server {from}"
            )));
        }
        if frame.number <= link.read {
            return Err(fault(format!(
                "notification {} is read from election connection {conn:?} after {}",
                frame.number, link.read
            )));
        }
        let end = link.end();
        if let Some(at) = link.pipe.filter(|_| !link.believed) {
            // A frame that could not be decoded has no record.
            let mut skipped = frame.number - link.read - 1;
            let pipe = self.election_channels.pipe(at);
            loop {
                match pipe.next(end) {
                    Next::NotYet { .. } => return Ok(self.waits_for_frame(i, frame, skipped)),
                    Next::Here if skipped > 0 => {
                        skipped -= 1;
                        pipe.read(end);
                    }
                    Next::Here => {
                        let sent = pipe.read(end);
                        if sent != Some(notification) {
                            return Err(fault(format!(
                                "election connection {conn:?} brings {notification:?}, where {sent:?} was sent"
                            )));
                        }
                        self.compared += 1;
                        break;
                    }
                    Next::Never => {
                        return Err(fault(format!(
                            "election connection {conn:?} brings what was never sent on it: {notification:?}"
                        )));
                    }
                    next @ (Next::Unknown | Next::Open) => {
                        self.stop_pairing(i, conn, matches!(next, Next::Unknown));
                        self.believe(Some(from));
                        break;
                    }
                }
            }
        } else {
            self.believe(Some(from));
        }
        if let Some(link) = self.members[i].election_links.get_mut(&conn) {
            link.read = frame.number;
        }
        Ok(Taken::Yes)
    }

    /// Frames that were skipped so far stay skipped when the record is looked at again.
    fn waits_for_frame(&mut self, i: usize, frame: ElectionFrame, skipped: u64) -> Taken {
        if let Some(link) = self.members[i].election_links.get_mut(&frame.conn) {
            link.read = frame.number - 1 - skipped;
        }
        Taken::NotYet
    }

    /// What comes on this election connection is believed from here on.
    pub(crate) fn stop_pairing(&mut self, i: usize, conn: Conn, doubtful: bool) {
        if let Some(link) = self.members[i].election_links.get_mut(&conn) {
            link.believed = true;
            let peer = link.peer;
            self.doubt_sender(i, peer, doubtful);
        }
    }

    pub(super) fn broken(property: Property, what: String) -> Fault {
        Fault::broken(property, what)
    }
}

/// A role that is over may still get the connection that it asked for; the core closes it.
fn is_stale(input: &Input<Digest>) -> bool {
    matches!(input, Input::Connected { .. })
}
