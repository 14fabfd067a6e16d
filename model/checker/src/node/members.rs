//! What does a server go by whose members change, and what of that survives a crash?

use super::{Brain, Event, Node, Out};
use crate::disk::{EpochOp, LogOp};
use crate::txn::{Members, Txn, brings, version};
use quorate_zab::{Configuration, Effect, Server};

/// The deployed step function with the configuration that the world hands it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Changing {
    /// The step function's state.
    pub server: Server,
    /// What it goes by.
    pub configuration: Configuration,
    /// What of that is on disk, apart from the log.
    pub files: Members,
    /// What the files say once the snapshot under way is installed.
    pub installing: Option<Members>,
}

impl Node {
    /// The same server in an ensemble whose members change.
    pub(crate) fn with_members(mut self, files: Members) -> Self {
        if let Brain::Quorate(server) = self.brain {
            let configuration = files.configuration(&self.disk.durable.log);
            self.brain = Brain::Changing(Box::new(Changing {
                server,
                configuration,
                files,
                installing: None,
            }));
        }
        self
    }

    /// What the server goes by, where members change.
    pub fn configuration(&self) -> Option<&Configuration> {
        match &self.brain {
            Brain::Changing(changing) => Some(&changing.configuration),
            Brain::Quorate(_) | Brain::Java(_) => None,
        }
    }

    /// The reconfiguration that is in force here, where members change.
    pub fn in_force(&self) -> Option<Txn> {
        self.configuration().map(|own| Members::of(own).active)
    }

    /// What the server goes by after a step that asked for `effects`, and the snapshot that it read, if it did,
    /// brought `members`.
    pub(super) fn keep_up(&mut self, effects: &[Effect<u64>], members: Option<Members>, out: &mut Vec<Out>) {
        let Brain::Changing(changing) = &mut self.brain else {
            return;
        };
        let before = changing.configuration.active().clone();
        for effect in effects {
            let brings = |value: &u64| brings(*value);
            changing.configuration.follow(effect, brings);
            if let (Effect::Install { .. }, Some(members)) = (effect, members) {
                changing.configuration.install(&members.configuration(&[]));
                changing.installing = Some(Members::of(&changing.configuration));
            }
        }
        if *changing.configuration.active() != before {
            let serves = |effect: &Effect<u64>| matches!(effect, Effect::Serve { .. });
            let txn = Members::of(&changing.configuration).active;
            let synced = effects.iter().any(serves);
            out.push(Out::Event(Event::Activated { txn, synced }));
        }
    }

    pub(super) fn file_members(&mut self) {
        if let Some(txn) = self.in_force() {
            self.disk.epoch_ops.push_back(EpochOp::Activate(txn));
        }
    }

    /// These operations are done.
    pub(super) fn keep_files(&mut self, log: &[LogOp], epochs: &[EpochOp]) {
        let Brain::Changing(changing) = &mut self.brain else {
            return;
        };
        let installs = |op: &LogOp| matches!(op, LogOp::Install(_));
        if log.iter().any(installs)
            && let Some(members) = changing.installing.take()
        {
            changing.files = members;
        }
        for op in epochs {
            if let EpochOp::Activate(txn) = *op
                && txn.zxid > changing.files.active.zxid
            {
                changing.files.active = txn;
                changing.files.pending.take_if(|pending| pending.zxid <= txn.zxid);
            }
        }
    }

    /// It keeps what it hears in memory: after a crash it hears it again.
    pub(super) fn hear(&mut self, txn: &Txn, out: &mut Vec<Out>) {
        let (Brain::Changing(changing), Some(heard)) = (&mut self.brain, version(txn)) else {
            return;
        };
        changing.configuration.hear(&heard);
        out.push(Out::Event(Event::Activated {
            txn: *txn,
            synced: false,
        }));
    }
}
