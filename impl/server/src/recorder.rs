//! What is written down of this run, and when? Every input before its step's effects are released, and what
//! the I/O did, in the order in which the driver learned of it.
//!
//! A trace that cannot be written does not stop the server: the loss is said in the log and in the trace,
//! and no audit of this boot says more than *inconclusive* from there on.

use crate::log_thread::EpochOp;
use crate::payload::Payload;
use quorate_trace::{
    ConnDown, ConnName, ConnUp, Contents, ElectionFrame, Ended, Record, Rest, Side, Sum, digest_of_state,
};
use quorate_zab::{
    Conn, Effect, ElectionEffect, ElectionInput, Epoch, Input, Notification, Server, ServerId, Zxid,
};
use std::net::SocketAddr;

/// Calls of [`Recorder::mark`] per mark.
const MARK_EVERY: u32 = 4;

/// The trace of this boot.
pub(crate) struct Recorder {
    trace: quorate_trace::Recorder,
    losing: bool,
    calls: u32,
    /// There was a mark since the last rest.
    rest_due: bool,
    accepted: Option<Epoch>,
    current: Option<Epoch>,
    scratch: Vec<u8>,
}

impl Recorder {
    /// Goes on behind the record of the boot, with what the epoch files said then.
    pub(crate) fn new(
        trace: quorate_trace::Recorder,
        accepted: Option<Epoch>,
        current: Option<Epoch>,
    ) -> Self {
        Self {
            trace,
            losing: false,
            calls: 0,
            rest_due: false,
            accepted,
            current,
            scratch: Vec::new(),
        }
    }

    /// An input of the server's, and the how-manieth message of its connection it is, if it is one.
    pub(crate) fn input(&mut self, input: &Input<Payload>, number: Option<u64>) {
        self.trace.server_input(input, number);
    }

    /// What came of the last input.
    pub(crate) fn effects(&mut self, effects: &[Effect<Payload>]) {
        self.trace.server_effects(effects);
    }

    /// An input of the election's; if it is a notification, where it was read.
    pub(crate) fn election_input(&mut self, input: &ElectionInput, frame: Option<ElectionFrame>) {
        self.trace.election_input(input, frame);
    }

    /// What came of the election's last input.
    pub(crate) fn election_effects(&mut self, effects: &[ElectionEffect]) {
        self.trace.election_effects(effects);
    }

    /// A request of this opcode was prepared as the transaction at `zxid`.
    pub(crate) fn prepared(&mut self, zxid: Zxid, session: i64, cxid: i32, op: i32) {
        self.trace.note(&Record::Prepared {
            zxid,
            session,
            cxid,
            op,
        });
    }

    /// A learner connection stands.
    pub(crate) fn conn_up(
        &mut self,
        conn: Conn,
        side: Side,
        peer: Option<ServerId>,
        name: Option<ConnName>,
        addresses: Option<(SocketAddr, SocketAddr)>,
    ) {
        self.trace.note(&Record::ConnUp(Box::new(ConnUp {
            conn,
            side,
            peer,
            name,
            addresses,
        })));
    }

    /// The other end said who it is, or which connection this is.
    pub(crate) fn conn_named(&mut self, conn: Conn, peer: ServerId, name: Option<ConnName>) {
        self.trace.note(&Record::ConnNamed { conn, peer, name });
    }

    /// A learner connection ended.
    pub(crate) fn conn_down(&mut self, conn: Conn, why: Ended, read: u64, written: u64) {
        self.trace.note(&Record::ConnDown(ConnDown {
            conn,
            why,
            read,
            written,
        }));
    }

    /// An election connection stands.
    pub(crate) fn election_conn_up(
        &mut self,
        conn: Conn,
        side: Side,
        peer: ServerId,
        addresses: Option<(SocketAddr, SocketAddr)>,
    ) {
        let up = ConnUp {
            conn,
            side,
            peer: Some(peer),
            name: None,
            addresses,
        };
        self.trace.note(&Record::ElectionConnUp(Box::new(up)));
    }

    /// A notification was taken from its slot and is about to be written.
    pub(crate) fn election_sent(&mut self, frame: ElectionFrame, notification: Notification, again: bool) {
        self.trace.note(&Record::ElectionSent {
            frame,
            notification,
            again,
        });
    }

    /// An election connection ended.
    pub(crate) fn election_conn_down(&mut self, conn: Conn, why: Ended, read: u64, written: u64) {
        self.trace.note(&Record::ElectionConnDown(ConnDown {
            conn,
            why,
            read,
            written,
        }));
    }

    /// The log thread synced.
    pub(crate) fn log_synced(&mut self, ops: u32, end: Zxid, contents: Contents) {
        self.trace.note(&Record::LogSynced {
            ops,
            end,
            contents: Some(contents),
        });
    }

    /// An epoch file was written.
    pub(crate) fn epochs_synced(&mut self, ops: u32, op: EpochOp) {
        match op {
            EpochOp::Accepted(epoch) => self.accepted = Some(epoch),
            EpochOp::Current(epoch) => self.current = Some(epoch),
            EpochOp::Forget | EpochOp::Recall => {}
        }
        let (accepted, current) = (self.accepted, self.current);
        self.trace.note(&Record::EpochsSynced {
            ops,
            accepted,
            current,
        });
    }

    /// A write or a sync failed.
    pub(crate) fn disk_failed(&mut self, error: &dyn std::fmt::Display) {
        self.trace.note(&Record::DiskFailed(error.to_string()));
    }

    /// The tree holds everything up to `zxid`, and has the digest `tree` if it holds nothing else.
    pub(crate) fn applied(&mut self, zxid: Zxid, tree: Option<u64>) {
        self.trace.note(&match tree.map(Sum::new) {
            Some(tree) => Record::Applied { zxid, tree },
            None => Record::AppliedAtLeast { zxid },
        });
    }

    /// A snapshot of the tree is durable.
    pub(crate) fn snapshot_taken(&mut self, zxid: Zxid) {
        self.trace.note(&Record::SnapshotTaken { zxid, tree: None });
    }

    /// Counts so far, now and then; to be called every half tick or so, between two steps.
    pub(crate) fn mark(&mut self, server: &Server) {
        self.calls += 1;
        if self.calls.is_multiple_of(MARK_EVERY) {
            let state = digest_of_state(server, &mut self.scratch);
            self.trace.mark(Some(state));
            self.rest_due = true;
            if let Some(trouble) = self.trace.trouble() {
                tracing::warn!(%trouble, "the trace takes more room than it should");
            }
        }
    }

    /// Whether what was carried out is to be told at the end of this round.
    pub(crate) fn is_rest_due(&mut self) -> bool {
        std::mem::take(&mut self.rest_due)
    }

    /// All that was asked for so far is carried out; what that was.
    pub(crate) fn rest(&mut self, rest: Rest) {
        self.trace.note(&Record::Rest(Box::new(rest)));
    }

    /// Hands all records to the kernel: what they tell of may be done from here on. Whether it took them.
    pub(crate) fn release(&mut self) -> bool {
        match self.trace.flush() {
            Ok(()) => self.losing = false,
            Err(loss) => {
                if !std::mem::replace(&mut self.losing, true) {
                    tracing::error!(%loss, "the trace is incomplete: this run cannot be audited from here on");
                }
            }
        }
        !self.losing
    }

    /// Records so far.
    pub(crate) fn records(&self) -> u64 {
        self.trace.records()
    }

    /// Ends the trace in order.
    pub(crate) fn end(self) {
        if let Err(loss) = self.trace.finish() {
            tracing::error!(%loss, "the trace has no end");
        }
    }
}
