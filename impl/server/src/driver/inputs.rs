//! How do events become inputs? One by one, in the order of each connection.

use super::{Driver, Fatal, Peer, wall_ms};
use crate::inbox::Event;
use crate::learner_port::LearnerPort;
use crate::links::{Incoming, Link, Numbered};
use crate::payload::Payload;
use crate::service::{Submission, Undeliverable};
use crate::sockets::Addresses;
use bytes::Bytes;
use quorate_trace::{Ended, Side};
use quorate_wire::quorum::message::put_revalidated;
use quorate_wire::quorum::{ConnName, FromLeader, FromLearner};
use quorate_zab::{Conn, Input, Message, ServerId, Standing, Zxid};
use std::collections::BTreeSet;
use std::io;

impl Driver {
    pub(super) fn on_event(&mut self, event: Event) {
        match event {
            Event::Accepted { link, addresses } => {
                // The role that listened may be over.
                if self.learner_port.as_ref().is_some_and(LearnerPort::is_open) {
                    self.recorder
                        .conn_up(link.conn(), Side::Acceptor, None, None, addresses);
                    self.peers
                        .insert(link.conn(), Peer::new(link, None, false, addresses));
                }
            }
            Event::Connected {
                link,
                leader,
                name,
                addresses,
            } => {
                let conn = link.conn();
                // The role that called may be over.
                if self.dialing == Some(conn) {
                    self.dialing = None;
                    let now_ms = self.now_ms();
                    self.service.figures_mut().connected(now_ms);
                    self.recorder.conn_up(
                        conn,
                        Side::Initiator,
                        Some(leader),
                        Some(in_trace(name)),
                        addresses,
                    );
                    self.peers
                        .insert(conn, Peer::new(link, Some(name), true, addresses));
                    self.feed(Input::Connected { conn }, None);
                }
            }
            Event::Unreachable { conn, leader, why } => {
                if self.dialing == Some(conn) {
                    tracing::info!(leader = leader.get(), %why, "cannot reach the leader");
                    self.dialing = None;
                    self.feed(Input::LimitPassed, None);
                }
            }
            Event::Packets { conn, packets } => {
                for packet in packets {
                    self.on_packet(conn, packet);
                }
            }
            Event::Closed { conn, read, why } => {
                if let Some(peer) = self.peers.remove(&conn) {
                    tracing::info!(conn = conn.get(), %why, "learner connection ended");
                    self.recorder
                        .conn_down(conn, ended(&why), read, peer.link.written());
                    self.feed(Input::Closed { conn }, None);
                }
            }
        }
    }

    /// A packet of a connection that this end has closed is nobody's.
    fn on_packet(&mut self, conn: Conn, Numbered { packet, number }: Numbered) {
        let Some(peer) = self.peers.get_mut(&conn) else {
            return;
        };
        peer.read = number;
        match packet {
            Incoming::FromLearner(packet) => self.on_learners_packet(conn, packet, number),
            Incoming::FromLeader(packet) => self.on_leaders_packet(conn, packet, number),
            Incoming::Snapshot { message, received } => {
                self.received = Some(received);
                self.on_message(conn, message, number);
            }
        }
    }

    fn on_message(&mut self, conn: Conn, message: Message<Bytes>, number: u64) {
        self.feed(
            Input::Message {
                conn,
                message: message.map(Payload::new),
            },
            Some(number),
        );
    }

    fn on_learners_packet(&mut self, conn: Conn, packet: FromLearner, number: u64) {
        match packet {
            FromLearner::Info { message, info } => {
                let server = ServerId::new(info.sid.cast_unsigned());
                if self.is_claimed_elsewhere(conn, server) {
                    return self.refuse(conn, "another host is connected under its id");
                }
                if let Some(peer) = self.peers.get_mut(&conn) {
                    peer.name = info.name;
                    peer.learner = Some(server);
                }
                self.recorder.conn_named(conn, server, info.name.map(in_trace));
                self.on_message(conn, message, number);
            }
            FromLearner::Pong { message, touched } => {
                let now_ms = self.now_ms();
                for touch in touched {
                    self.service.touch(touch.session, touch.timeout_ms, now_ms);
                }
                self.on_message(conn, message, number);
            }
            FromLearner::Message(message) => self.on_message(conn, message, number),
            FromLearner::Request(request) => {
                self.service
                    .on_forwarded(Submission::forwarded(conn, request), &mut self.actions);
                self.do_actions();
            }
            FromLearner::Revalidate(touch) => {
                let now_ms = self.now_ms();
                let valid = self
                    .service
                    .on_revalidate(conn, touch.session, touch.timeout_ms, now_ms);
                if let Some(peer) = self.peers.get_mut(&conn) {
                    put_revalidated(peer.link.buffer(), touch.session, valid);
                }
            }
        }
    }

    fn on_leaders_packet(&mut self, conn: Conn, packet: FromLeader, number: u64) {
        match packet {
            FromLeader::Info { message, info } => {
                if let Standing::Following { leader, .. } = self.server.standing() {
                    self.recorder.conn_named(conn, leader, info.name.map(in_trace));
                }
                self.on_message(conn, message, number);
            }
            FromLeader::Message(message) => {
                self.count_from_leader(&message);
                if let Message::Proposal { zxid, payload } | Message::Inform { zxid, payload } = &message
                    && let Err(why) = self.service.expect(payload)
                {
                    return self.on_unreadable(conn, *zxid, why);
                }
                self.on_message(conn, message, number);
            }
            FromLeader::NewLeader { message, config } => {
                if config.is_some_and(|config| members(&config) != members(&self.config_text)) {
                    tracing::warn!("the leader's configuration of the ensemble is not this server's");
                }
                self.on_message(conn, message, number);
            }
            FromLeader::Revalidated { session, valid } => self.service.on_revalidated(session, valid),
            FromLeader::CommitAndActivate { message, .. } => {
                tracing::warn!(
                    "the leader reconfigures the ensemble; this server keeps the configuration of its file"
                );
                self.on_message(conn, message, number);
            }
            FromLeader::InformAndActivate { message, .. } => {
                tracing::warn!(
                    "the leader reconfigures the ensemble; this server keeps the configuration of its file"
                );
                self.on_leaders_packet(conn, FromLeader::Message(message), number);
            }
        }
    }

    /// Whether `server` is connected from another address than that of `conn`. A learner that comes back
    /// does so from where it was; somebody else could take its place by naming its id.
    fn is_claimed_elsewhere(&self, conn: Conn, server: ServerId) -> bool {
        let from = self.peers.get(&conn).and_then(|peer| peer.from);
        let others = self.peers.iter().filter(|(other, _)| **other != conn);
        others
            .into_iter()
            .any(|(_, peer)| peer.learner == Some(server) && peer.from != from)
    }

    /// A proposal that cannot be applied must not get into the log. Bytes that are no transaction cost the
    /// connection; a transaction that all others may well apply costs this server.
    fn on_unreadable(&mut self, conn: Conn, zxid: Zxid, why: Undeliverable) {
        match why {
            Undeliverable::Malformed(error) => {
                tracing::warn!(%zxid, %error, "the leader proposes what is no transaction");
                self.refuse(conn, "it proposes what is no transaction");
            }
            why @ Undeliverable::Unsupported(_) => self.fatal = Some(Fatal::Undeliverable { zxid, why }),
        }
    }

    /// Ends a connection whose peer asks for what this server does not do.
    fn refuse(&mut self, conn: Conn, why: &str) {
        tracing::warn!(conn = conn.get(), why, "learner connection refused");
        self.drop_peer(conn);
        self.feed(Input::Closed { conn }, None);
    }
}

impl Peer {
    fn new(link: Link, name: Option<ConnName>, to_leader: bool, addresses: Option<Addresses>) -> Self {
        let from = addresses.map(|(_, other)| other.ip());
        Self {
            link,
            name,
            to_leader,
            learner: None,
            from,
            address: addresses.map(|(_, other)| other),
            established_ms: wall_ms(),
            read: 0,
        }
    }
}

fn in_trace(name: ConnName) -> quorate_trace::ConnName {
    quorate_trace::ConnName {
        initiator: ServerId::new(name.sid),
        boot: name.boot,
        counter: name.counter,
    }
}

/// Why a connection ended, in the trace's words.
fn ended(why: &io::Error) -> Ended {
    match why.kind() {
        io::ErrorKind::TimedOut => Ended::Silent,
        io::ErrorKind::InvalidData => Ended::Garbled,
        _ => Ended::ByOtherEnd,
    }
}

/// The members that a configuration's text names. Versions and the places of clients differ between servers
/// that agree on these.
fn members(config: &[u8]) -> BTreeSet<&[u8]> {
    let lines = config
        .split(|&byte| byte == b'\n')
        .filter(|line| line.starts_with(b"server."));
    lines
        .map(|line| line.split(|&byte| byte == b';').next().unwrap_or(line))
        .collect()
}
