//! How are effects carried out? Each in its order, none held up by another's I/O.

use super::{Driver, Fatal, wall_ms};
use crate::links::Stream;
use crate::log_thread::{EpochOp, LogOp};
use crate::payload::Payload;
use crate::service::Role;
use quorate_trace::{Ended, LinkDeeds, Rest};
use quorate_wire::quorum::{Extras, SessionTouch};
use quorate_zab::{
    Candidacy, Conn, Effect, ElectionInput, Epoch, Input, Message, ServerId, Standing, Violation, Zxid,
};

impl Driver {
    pub(super) fn perform(&mut self, effect: Effect<Payload>) -> Result<(), Fatal> {
        match effect {
            Effect::PersistAccepted(epoch) => self.disk.write_epoch(EpochOp::Accepted(epoch)),
            Effect::PersistCurrent(epoch) => self.disk.write_epoch(EpochOp::Current(epoch)),
            Effect::Append { zxid, payload } => self.append(zxid, payload),
            Effect::Truncate { to } => {
                self.recent.truncate(to);
                self.log_ops.push(LogOp::Truncate { to });
            }
            Effect::Install { zxid } => self.install(zxid),
            Effect::Connect { leader } => self.connect(leader),
            Effect::Send { conn, message } => self.send(conn, message),
            Effect::SendAcks { conn, first, last } => {
                if let Some(peer) = self.peers.get_mut(&conn) {
                    peer.link.put_acks(first, last);
                }
            }
            Effect::SendSnapshot { conn, zxid, upto } => self.send_snapshot(conn, zxid, upto),
            Effect::Replay {
                conn,
                after,
                upto,
                committed,
            } => self.replay(conn, after, upto, committed),
            Effect::Inform { conn, after, upto } => self.inform(conn, after, upto),
            Effect::Close { conn, why } => self.close(conn, why),
            Effect::Load { zxid } => self.load(zxid)?,
            Effect::Deliver { upto } => self.deliver(upto)?,
            Effect::Retire => self.retire(),
            Effect::Look { current, last } => self.look(current, last),
            Effect::Serve { epoch } => self.serve(epoch),
            Effect::SyncDone => {
                let now_ms = self.now_ms();
                self.service.sync_done(now_ms);
                self.syncs += 1;
            }
            Effect::Forget => {
                tracing::warn!(
                    id = self.me.get(),
                    "this server is empty and others have a history: it does not vote before a leader whom \
                     a majority without it follows has synchronised it. If it is in truth a new one and no such \
                     majority can be had, stop it and put a file named `initialize` into its empty data directory"
                );
                self.disk.write_epoch(EpochOp::Forget);
            }
            Effect::Recall => {
                tracing::info!(id = self.me.get(), "synchronised: this server votes again");
                self.disk.write_epoch(EpochOp::Recall);
            }
            Effect::Activate { .. } => unreachable!("this server's members never change"),
            Effect::Halt => {
                self.recorder.release();
                let why = self.disk_failed.take();
                return Err(why.expect("the core halts because of the disk"));
            }
        }
        Ok(())
    }

    fn send(&mut self, conn: Conn, message: Message<Payload>) {
        self.count_sent(&message);
        let Some(peer) = self.peers.get_mut(&conn) else {
            return;
        };
        let touched: Option<Vec<SessionTouch>> = match message {
            Message::Ping { .. } if peer.to_leader => {
                let touched = self.service.touched().into_iter();
                Some(
                    touched
                        .map(|(session, timeout_ms)| SessionTouch { session, timeout_ms })
                        .collect(),
                )
            }
            _ => None,
        };
        let extras = Extras {
            name: peer.name,
            config: Some(&self.config_text),
            touched: touched.as_deref(),
            ..Extras::default()
        };
        peer.link.put(&message.map(Payload::into_bytes), &extras);
    }

    /// What the learner lacks: from memory where it is there, from the files before that.
    fn replay(&mut self, conn: Conn, after: Zxid, upto: Zxid, committed: bool) {
        let Some(peer) = self.peers.get_mut(&conn) else {
            return;
        };
        peer.link.begin_replay(after, upto, committed);
        let floor = self.recent.floor();
        if after < floor {
            peer.link
                .put_stream(Stream::replay(&self.log, after, upto.min(floor), committed));
        }
        for entry in self.recent.range(after, upto) {
            peer.link.put_replayed(entry.zxid, &entry.bytes, committed);
        }
    }

    /// What is committed, to an observer: from memory as long as it keeps up with what is proposed.
    fn inform(&mut self, conn: Conn, after: Zxid, upto: Zxid) {
        let Some(peer) = self.peers.get_mut(&conn) else {
            return;
        };
        peer.link.begin_inform(after, upto);
        let floor = self.recent.floor();
        if after < floor {
            peer.link
                .put_stream(Stream::inform(&self.log, after, upto.min(floor)));
        }
        for entry in self.recent.range(after, upto) {
            peer.link.put_inform(entry.zxid, &entry.bytes);
        }
    }

    fn send_snapshot(&mut self, conn: Conn, zxid: Zxid, upto: Zxid) {
        let complete = self.completion(upto);
        self.service.figures_mut().snaps += 1;
        let Some(peer) = self.peers.get_mut(&conn) else {
            return;
        };
        peer.link.put(&Message::Snap { zxid }, &Extras::default());
        peer.link
            .put_stream(Stream::snapshot(self.service.tree().clone(), complete));
    }

    fn connect(&mut self, leader: ServerId) {
        if let Some(port) = &mut self.learner_port {
            self.dialing = Some(port.connect(leader));
        }
    }

    fn close(&mut self, conn: Conn, why: Option<Violation>) {
        if let Some(why) = why {
            tracing::warn!(
                conn = conn.get(),
                ?why,
                "a peer broke the protocol; its connection is closed"
            );
        }
        self.drop_peer(conn);
    }

    /// Ends a connection from this end: what was handed over is written, and nothing more is read.
    pub(super) fn drop_peer(&mut self, conn: Conn) {
        if let Some(peer) = self.peers.remove(&conn) {
            self.recorder
                .conn_down(conn, Ended::ByThisEnd, peer.read, peer.link.written());
        }
    }

    fn retire(&mut self) {
        tracing::info!(id = self.me.get(), "the role is left");
        self.timers.leave_role();
        self.note_committed();
        self.service.retire();
        self.dialing = None;
        if let Some(port) = &mut self.learner_port {
            port.close();
        }
        // The core names the connections that it knows; one that has not said who it is goes as well.
        while let Some((&conn, _)) = self.peers.first_key_value() {
            self.drop_peer(conn);
        }
        self.feed_election(ElectionInput::Retired, None);
    }

    fn serve(&mut self, epoch: Epoch) {
        let role = match self.server.standing() {
            _ if self.standalone => Role::Standalone,
            Standing::Leading { .. } => Role::Leader,
            Standing::Following { .. } | Standing::Looking => {
                match self.server.candidacy(self.me, &self.configuration) {
                    Candidacy::Observes => Role::Observer,
                    Candidacy::Stands | Candidacy::Newborn | Candidacy::Forgetful => Role::Follower,
                }
            }
        };
        tracing::info!(id = self.me.get(), role = ?role, epoch = epoch.get(), zxid = %self.delivered, "serving");
        let now_ms = self.now_ms();
        self.service.measure_tree(self.server.history().last());
        self.service.show_config(&self.config_text, wall_ms());
        self.service.serve(role, epoch, now_ms);
        self.service.figures_mut().serves(role, now_ms);
        self.feed_election(ElectionInput::Established { epoch }, None);
    }

    /// What was carried out so far, where nothing is left of what was asked for.
    pub(super) fn at_rest(&self) -> Rest {
        let (log, epochs) = self.disk.deeds();
        let links = self.peers.iter();
        Rest {
            log,
            epochs,
            syncs: self.syncs,
            links: links
                .map(|(&conn, peer)| LinkDeeds {
                    conn,
                    sent: peer.link.sent(),
                })
                .collect(),
        }
    }

    /// Hands the round's packets to the links. Whoever does not take what it is sent is cut off.
    pub(super) fn flush_links(&mut self) {
        let mut full = Vec::new();
        for (&conn, peer) in &mut self.peers {
            if let Err(why) = peer.link.flush() {
                tracing::warn!(conn = conn.get(), %why, "learner connection cut: the peer does not keep up");
                full.push(conn);
            }
        }
        for conn in full {
            if let Some(peer) = self.peers.remove(&conn) {
                self.recorder
                    .conn_down(conn, Ended::Clogged, peer.read, peer.link.written());
            }
            self.feed(Input::Closed { conn }, None);
        }
    }
}
