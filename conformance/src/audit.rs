//! Could the modelled world have done this? Step by step, in one order of all servers' records.

mod inputs;
mod witnesses;

use crate::channel::{Channels, Tail};
use crate::contents::{Conflict, Contents};
use crate::election::ElectionChannels;
use crate::member::{Member, Sight};
use crate::report::{
    Check, DEEDS_NOT_MADE, Doubt, ELECTIONS_NOT_MADE, Finding, NOT_MADE, Reign, Report, Verdict,
};
use crate::tree::Trees;
use quorate_checker::{Event, Ghost, Node, Out, Property, Scene, Txn};
use quorate_trace::{Entry, Found, Record, Sum};
use quorate_zab::{Configuration, Effect, Ensemble, Epoch, Input, Rules, ServerId, Zab};
use std::collections::{BTreeMap, BTreeSet};

/// In which order records are taken, as far as there is a choice. No verdict depends on it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Order {
    /// As they were written, by the servers' clocks: the shortest look-ahead.
    #[default]
    ByTime,
    /// By chance, from this seed.
    ByChance(u64),
}

/// How to audit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Audits traces of other step functions than this build's. The verdict is then about this build's.
    pub any_build: bool,
    /// The order of the records.
    pub order: Order,
}

/// Audits what was found. `progress` hears now and then how many records were read.
pub fn audit(found: Found, options: &Options, progress: &mut dyn FnMut(u64)) -> Report {
    audit_under(Zab, found, options, progress)
}

/// As [`audit`], where the servers are said to step by other rules: shows that a wrong rule is found by the
/// property that it breaks.
pub fn audit_under<R: Rules>(
    rules: R,
    found: Found,
    options: &Options,
    progress: &mut dyn FnMut(u64),
) -> Report {
    let mut audit = Audit::new(rules, found, *options);
    let finding = audit.run(progress).and_then(|()| audit.check_end()).err();
    audit.report(finding.map(|found| *found))
}

/// What is wrong with the record at hand.
#[derive(Debug)]
pub(crate) struct Fault {
    check: Check,
    what: String,
    property: Option<Property>,
}

impl Fault {
    pub(crate) fn new(check: Check, what: impl Into<String>) -> Self {
        Self {
            check,
            what: what.into(),
            property: None,
        }
    }

    fn broken(property: Property, what: impl Into<String>) -> Self {
        Self {
            check: Check::Properties,
            what: what.into(),
            property: Some(property),
        }
    }
}

impl From<Conflict> for Fault {
    fn from(Conflict { zxid, known, met }: Conflict) -> Self {
        Self::broken(
            Property::LogMatching,
            format!("the transaction {zxid:?} has the digest {met:016x} here and {known:016x} elsewhere"),
        )
    }
}

/// What becomes of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Taken {
    /// It happened.
    Yes,
    /// It waits for what another server has yet to do.
    NotYet,
}

/// A reign as the recorded servers saw it.
#[derive(Debug)]
struct Seen {
    leader: ServerId,
    chosen: bool,
    established: bool,
    recorded: BTreeSet<ServerId>,
}

pub(crate) struct Audit<R> {
    rules: R,
    pub(crate) options: Options,
    configuration: Configuration,
    pub(crate) members: Vec<Member>,
    by_id: BTreeMap<ServerId, usize>,
    pub(crate) channels: Channels,
    pub(crate) election_channels: ElectionChannels,
    contents: Contents,
    trees: Trees,
    ghost: Ghost,
    reigns: BTreeMap<Epoch, Seen>,
    pub(crate) doubts: Vec<Doubt>,
    pub(crate) notes: Vec<String>,
    /// Messages of servers without a trace.
    believed: BTreeMap<ServerId, u64>,
    compared: u64,
    /// Where the last transaction was committed.
    last_commit: Option<(usize, u32, u64)>,
    /// An operator changed a disk.
    disks_changed: bool,
    pub(crate) events: u64,
    pub(crate) boots: u64,
    out: Vec<Out>,
    mapped: Vec<Effect<quorate_trace::Digest>>,
    scratch: Vec<u8>,
}

impl<R: Rules> Audit<R> {
    fn new(rules: R, found: Found, options: Options) -> Self {
        let mut doubts = Vec::new();
        for fault in &found.faults {
            doubts.push(Doubt {
                check: Check::Recorder,
                server: None,
                boot: None,
                from: None,
                why: fault.to_string(),
            });
        }
        let ensemble = found
            .boots
            .first()
            .map_or_else(|| Ensemble::majority([]), |boot| boot.header.ensemble());
        let mut members: Vec<Member> = Vec::new();
        let mut by_id = BTreeMap::new();
        for boot in found.boots {
            let me = boot.header.server;
            let at = *by_id.entry(me).or_insert_with(|| {
                members.push(Member::new(me));
                members.len() - 1
            });
            members[at].boots.push_back(boot);
        }
        let mut ghost = Ghost::of_audit(members.len());
        if ensemble.voters().iter().any(|voter| !by_id.contains_key(voter)) {
            ghost.disclaim(Property::CommittedStays);
        }
        Self {
            rules,
            options,
            configuration: Configuration::fixed(ensemble),
            ghost,
            members,
            by_id,
            channels: Channels::default(),
            election_channels: ElectionChannels::default(),
            contents: Contents::default(),
            trees: Trees::default(),
            reigns: BTreeMap::new(),
            doubts,
            notes: Vec::new(),
            believed: BTreeMap::new(),
            compared: 0,
            last_commit: None,
            disks_changed: false,
            events: 0,
            boots: 0,
            out: Vec::new(),
            mapped: Vec::new(),
            scratch: Vec::new(),
        }
    }

    pub(crate) fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    pub(crate) fn ensemble(&self) -> &Ensemble {
        &self.configuration.active().ensemble
    }

    pub(crate) fn rules(&self) -> &R {
        &self.rules
    }

    pub(crate) fn is_recorded(&self, server: ServerId) -> bool {
        self.by_id.contains_key(&server)
    }

    /// The member of a recorded server.
    pub(crate) fn member_of(&self, server: ServerId) -> Option<usize> {
        self.by_id.get(&server).copied()
    }

    /// Lets the record at the head of member `i` happen, if it can yet.
    pub(crate) fn take(&mut self, i: usize) -> Result<Taken, Box<Finding>> {
        let Some(entry) = self.members[i].head.take() else {
            return Ok(Taken::NotYet);
        };
        match self.happen(i, &entry) {
            Ok(Taken::NotYet) => {
                self.members[i].head = Some(entry);
                Ok(Taken::NotYet)
            }
            Ok(Taken::Yes) => {
                let member = &mut self.members[i];
                member.taken = entry.seq + 1;
                member.remember(entry);
                self.events += 1;
                Ok(Taken::Yes)
            }
            Err(fault) => {
                let step = entry.seq;
                self.members[i].remember(entry);
                Err(self.finding(i, step, fault))
            }
        }
    }

    pub(crate) fn finding(&self, i: usize, step: u64, fault: Fault) -> Box<Finding> {
        let member = &self.members[i];
        Box::new(Finding {
            check: fault.check,
            server: member.me.get(),
            boot: member.boot(),
            step,
            what: fault.what,
            property: fault.property.map(|property| property.to_string()),
            steps: member.steps.iter().map(shown).collect(),
        })
    }

    fn happen(&mut self, i: usize, entry: &Entry) -> Result<Taken, Fault> {
        if self.members[i].sight == Sight::Blind {
            self.glimpse(i, &entry.record);
            return Ok(Taken::Yes);
        }
        match &entry.record {
            Record::Input { input, number } => return self.on_input(i, entry.seq, input, *number),
            Record::ElectionInput { input, frame } => {
                return self.on_election_input(i, entry.seq, input, *frame);
            }
            Record::Boot(boot) => self.on_boot(i, boot),
            Record::NoEffects => self.on_effects(i, 0, None),
            Record::Effects { count, sum } => self.on_effects(i, *count, Some(*sum)),
            Record::NoElectionEffects => self.on_election_effects(i, 0, None),
            Record::ElectionEffects { count, sum } => self.on_election_effects(i, *count, Some(*sum)),
            Record::ConnUp(up) => self.on_conn_up(i, up),
            Record::ConnNamed { conn, peer, name } => self.on_conn_named(i, *conn, *peer, *name),
            Record::ConnDown(down) => self.on_conn_down(i, *down),
            Record::ElectionConnUp(up) => self.on_election_conn_up(i, up),
            Record::ElectionSent {
                frame,
                notification,
                again,
            } => self.on_election_sent(i, *frame, *notification, *again),
            Record::ElectionConnDown(down) => {
                self.on_election_conn_down(i, *down);
                Ok(())
            }
            Record::LogSynced { ops, end, contents } => {
                self.members[i].log_synced.push_back((*ops, *end, *contents));
                Ok(())
            }
            Record::EpochsSynced {
                ops,
                accepted,
                current,
            } => {
                self.members[i]
                    .epochs_synced
                    .push_back((*ops, *accepted, *current));
                Ok(())
            }
            Record::Applied { zxid, tree } => self.on_applied(i, *zxid, Some(*tree)),
            Record::AppliedAtLeast { zxid } => self.on_applied(i, *zxid, None),
            Record::SnapshotTaken { zxid, tree } => self.on_snapshot_taken(i, *zxid, *tree),
            Record::Mark(mark) => {
                self.on_mark(i, entry.seq, mark)?;
                Ok(())
            }
            Record::Rest(rest) => self.on_rest(i, rest),
            Record::Lost { records } => {
                self.go_blind(i, entry.seq, format!("the recorder lost {records} records here"));
                Ok(())
            }
            Record::DiskFailed(_)
            | Record::Prepared { .. }
            | Record::Replied { .. }
            | Record::Dropped(_)
            | Record::End => Ok(()),
        }?;
        Ok(Taken::Yes)
    }

    /// Of member `i` nothing is known from record `from` to its next boot.
    pub(crate) fn go_blind(&mut self, i: usize, from: u64, why: String) {
        self.doubt(Check::Recorder, i, from, why);
        self.members[i].sight = Sight::Blind;
        self.members[i].node = None;
        self.members[i].gap = true;
        self.close_all(i, Tail::Open);
    }

    pub(crate) fn doubt(&mut self, check: Check, i: usize, from: u64, why: String) {
        let member = &self.members[i];
        let doubt = Doubt {
            check,
            server: Some(member.me.get()),
            boot: Some(member.boot()),
            from: Some(from),
            why,
        };
        if !self.doubts.contains(&doubt) {
            self.doubts.push(doubt);
        }
    }

    /// All connections of member `i` are over.
    pub(crate) fn close_all(&mut self, i: usize, tail: Tail) {
        let (channels, elections) = (&mut self.channels, &mut self.election_channels);
        for link in self.members[i].links.values_mut() {
            if let crate::member::Wire::Channel(at) = link.wire {
                channels.pipe(at).close(link.end(), tail);
            }
            link.up = false;
        }
        for link in self.members[i].election_links.values_mut() {
            if let Some(at) = link.pipe {
                elections.pipe(at).close(link.end(), tail);
            }
        }
    }

    /// A message of `server` was believed. Then the order of records is not known to be one in which they
    /// can have happened, and what depends on that is claimed no longer.
    pub(crate) fn believe(&mut self, server: Option<ServerId>) {
        match server.and_then(|server| self.member_of(server)) {
            Some(at) => {
                self.members[at].believed += 1;
                self.ghost.disclaim(Property::QuorumLog);
                self.ghost.disclaim(Property::CommittedStays);
            }
            None => {
                *self
                    .believed
                    .entry(server.unwrap_or(ServerId::new(0)))
                    .or_default() += 1
            }
        }
    }

    /// Shows the ghost what happened at member `i`.
    pub(crate) fn see(&mut self, i: usize, event: &Event) -> Result<(), Fault> {
        self.observe(i, event, None)
    }

    /// The disk of member `i` was changed by an operator: what rests on it is claimed no longer.
    pub(crate) fn forget(&mut self, i: usize, disclaimed: &[Property]) {
        self.disks_changed = true;
        self.ghost.forget(i);
        for &property in disclaimed {
            self.ghost.disclaim(property);
        }
    }

    pub(crate) fn contents_at(&mut self, zxid: quorate_zab::Zxid) -> quorate_checker::Txn {
        self.contents.at(zxid)
    }

    pub(crate) fn contents_run(&mut self, run: quorate_zab::Run, log: &mut Vec<quorate_checker::Txn>) {
        self.contents.run(run, log);
    }

    fn observe(&mut self, i: usize, event: &Event, leader: Option<ServerId>) -> Result<(), Fault> {
        let nodes: Vec<Option<&Node>> = self.members.iter().map(|member| member.node.as_ref()).collect();
        let scene = Scene {
            at: i,
            nodes: &nodes,
            configuration: &self.configuration,
            leader,
        };
        self.ghost.observe(scene, event, &mut |_| {});
        match self.ghost.broken() {
            None => Ok(()),
            Some(property) => Err(Fault::broken(
                property,
                format!("not so: {}; broken by {}", property.text(), told(event)),
            )),
        }
    }

    /// After all records every quorum holds all that is committed, whatever order they were taken in.
    fn check_end(&mut self) -> Result<(), Box<Finding>> {
        let Some((i, boot, step)) = self.last_commit else {
            return Ok(());
        };
        let Some(&last) = self.ghost.committed().last() else {
            return Ok(());
        };
        let voters = self.ensemble().voters();
        let seen = |member: &&Member| member.node.is_some() && voters.contains(&member.me);
        let all = self.members.iter().filter(seen).count() == voters.len();
        if !all || self.disks_changed || self.members.iter().any(|member| member.gap) {
            return Ok(());
        }
        let without = self.members.iter().filter(|member| {
            let node = member.node.as_ref();
            node.is_some_and(|node| !node.disk.durable.holds(last))
        });
        let without: Vec<_> = without.map(|member| member.me).collect();
        if !self.ensemble().is_quorum(without.iter().copied()) {
            return Ok(());
        }
        let what = format!(
            "server {} has {:?} committed, and it was never durable on servers {without:?}",
            self.members[i].me, last.zxid
        );
        let mut finding = self.finding(i, step, Fault::broken(Property::QuorumLog, what));
        finding.boot = boot;
        finding.steps.clear();
        Err(finding)
    }

    /// Member `i` takes part in the reign of `leader`.
    fn reign(
        &mut self,
        i: usize,
        epoch: Epoch,
        leader: ServerId,
        chosen: bool,
        established: bool,
    ) -> Result<(), Fault> {
        let me = self.members[i].me;
        let seen = self.reigns.entry(epoch).or_insert_with(|| Seen {
            leader,
            chosen,
            established,
            recorded: BTreeSet::new(),
        });
        if seen.leader != leader && (seen.chosen || seen.established) && (chosen || established) {
            return Err(Fault::broken(
                Property::OneLeader,
                format!(
                    "server {leader} leads epoch {epoch}, which server {} leads",
                    seen.leader
                ),
            ));
        }
        if chosen || established {
            seen.leader = leader;
        }
        seen.chosen |= chosen;
        seen.established |= established;
        seen.recorded.insert(me);
        Ok(())
    }

    fn report(mut self, finding: Option<Finding>) -> Report {
        let voters = self.ensemble().voters().to_vec();
        let (recorded, open): (Vec<_>, Vec<_>) = voters
            .into_iter()
            .partition(|voter| self.by_id.contains_key(voter));
        if finding.is_none() {
            self.doubt_emptiness();
        }
        let mut believed = self.believed;
        for member in &self.members {
            if member.believed > 0 {
                believed.insert(member.me, member.believed);
            }
        }
        for server in &open {
            self.notes.push(format!(
                "server {server} has no trace: its disk is not seen, so that every quorum holds what was \
                 committed is not claimed"
            ));
        }
        if self.ghost.floor() > quorate_zab::Zxid::ZERO {
            self.notes.push(format!(
                "what was committed up to {:?} was not seen",
                self.ghost.floor()
            ));
        }
        let mut checks_not_made = NOT_MADE.to_vec();
        if self.members.iter().any(Member::elections_are_free) {
            checks_not_made.insert(0, ELECTIONS_NOT_MADE);
        }
        // An audit that ends with what this check found has made it.
        let found = matches!(&finding, Some(finding) if finding.check == Check::Deeds);
        if !found && self.members.iter().any(|member| member.rests == 0) {
            checks_not_made.insert(0, DEEDS_NOT_MADE);
        }
        let verdict = match (&finding, self.doubts.is_empty()) {
            (Some(_), _) => Verdict::Violated,
            (None, false) => Verdict::Inconclusive,
            (None, true) => Verdict::Holds,
        };
        let ids = |servers: Vec<ServerId>| servers.into_iter().map(ServerId::get).collect();
        Report {
            verdict,
            finding,
            doubts: self.doubts,
            recorded: ids(recorded),
            open: ids(open),
            boots: self.boots,
            events: self.events,
            reigns: self
                .reigns
                .iter()
                .filter(|(_, seen)| seen.chosen || seen.established)
                .map(|(epoch, seen)| Reign {
                    epoch: epoch.get(),
                    leader: seen.leader.get(),
                    established: seen.established,
                    recorded: seen.recorded.iter().map(|server| server.get()).collect(),
                })
                .collect(),
            commits: self.ghost.committed().len() as u64,
            compared: self.compared,
            believed: believed
                .into_iter()
                .map(|(server, messages)| (server.get(), messages))
                .collect(),
            notes: self.notes,
            checks_not_made,
        }
    }

    /// No verdict without something that it rests on [design ruling 20].
    fn doubt_emptiness(&mut self) {
        let mut doubts = Vec::new();
        if self.events == 0 {
            doubts.push("nothing was recorded".to_string());
        }
        let established = self.reigns.iter().filter(|(_, seen)| seen.established);
        for (epoch, seen) in established.clone() {
            if !self.ensemble().is_quorum(seen.recorded.iter().copied()) {
                let votes = self.ensemble().votes(seen.recorded.iter().copied());
                doubts.push(format!(
                    "no quorum of epoch {epoch} is recorded: of {} voters {votes}",
                    self.ensemble().voters().len()
                ));
            }
        }
        if self.events > 0 && established.count() == 0 {
            doubts.push("no leader was ever established, so nothing was decided".to_string());
        }
        self.doubts.extend(doubts.into_iter().map(|why| Doubt {
            check: Check::Recorder,
            server: None,
            boot: None,
            from: None,
            why,
        }));
    }
}

/// An event, its contents by their digests as the records have them.
fn told(event: &Event) -> String {
    let of = |txn: &Txn| format!("{:?} with contents {}", txn.zxid, Sum::new(txn.value));
    match event {
        Event::Proposed(txn) => format!("Proposed {}", of(txn)),
        Event::Appended { txn, before } => format!("Appended {}, behind {}", of(txn), of(before)),
        Event::Dropped(txns) => {
            let txns: Vec<_> = txns.iter().map(of).collect();
            format!("Dropped {}", txns.join(", "))
        }
        Event::Delivered { txn, before } => format!("Delivered {}, behind {}", of(txn), of(before)),
        Event::Serves { epoch, tree } => format!("Serves epoch {epoch} up to {}", of(tree)),
        // The others have no contents.
        event => format!("{event:?}"),
    }
}

fn shown(entry: &Entry) -> String {
    let what = match &entry.record {
        Record::Input { input, number } => match (input, number) {
            (Input::Message { conn, message }, Some(number)) => {
                format!("reads message {number} of {conn:?}: {message:?}")
            }
            (input, _) => format!("{input:?}"),
        },
        record => format!("{record:?}"),
    };
    format!("{:>8}  {what}", entry.seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_zab::Zxid;

    #[test]
    fn contents_are_told_as_records_show_them() {
        let txn = |counter: u32, value| Txn {
            zxid: Zxid::new(Epoch::new(1), counter),
            value,
        };
        let (first, second) = (txn(1, 0xab), txn(2, u64::MAX));
        let told = told(&Event::Delivered {
            txn: second,
            before: first,
        });
        for value in [first.value, second.value] {
            let shown = format!("{:?}", Sum::new(value));
            assert!(
                told.contains(&shown) && !told.contains(&value.to_string()),
                "{told}"
            );
        }
    }
}
