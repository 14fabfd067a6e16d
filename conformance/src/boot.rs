//! How does a boot begin, and how did the one before it end?

use crate::audit::{Audit, Fault};
use crate::channel::Tail;
use crate::member::{Asked, Sight};
use crate::report::Check;
use crate::storage::{Judgement, is_sound, judge};
use quorate_checker::{Brain, Disk, Durable, EpochOp, Event, Node, Property, Txn};
use quorate_trace::{Boot, BootTrace, Contents, Ending, Header, Origin, STEP_HASH, Sum};
use quorate_zab::{Effect, Memory, Rules, Server, Zxid};

/// The longest log that a boot may claim, in transactions: 16 bytes each here.
const LOG_TRANSACTIONS_MAX: u64 = 1 << 26;

impl<R: Rules> Audit<R> {
    /// Begins the next boot of member `i`; `false` if there is none.
    pub(crate) fn begin_boot(&mut self, i: usize) -> bool {
        let Some(boot) = self.members[i].boots.pop_front() else {
            self.members[i].ended = true;
            return false;
        };
        self.boots += 1;
        let last = self.members[i].boot();
        let header = boot.header.clone();
        let ordinal = header.boot.ordinal;
        let records = boot.records();
        let member = &mut self.members[i];
        let me = member.me;
        let missing = ordinal != last + 1;
        member.gap |= missing || boot.first > 0;
        member.header = Some(header);
        member.trace = Some(boot.clone());
        member.records = Some(records);
        member.sight = if boot.first > 0 {
            Sight::Blind
        } else {
            Sight::Clear
        };
        member.restart();
        if missing {
            self.notes.push(format!(
                "server {me} is open before boot {ordinal}: earlier boots of it have no trace here"
            ));
            self.members[i].before = None;
        }
        if boot.first > 0 {
            self.notes.push(format!(
                "server {me} is open in boot {ordinal}: its first {} records were removed",
                boot.first
            ));
            self.members[i].before = None;
        }
        self.check_provenance(i, &boot);
        true
    }

    fn check_provenance(&mut self, i: usize, boot: &BootTrace) {
        let header = &boot.header;
        if header.step_hash != Sum::new(STEP_HASH) && !self.options.any_build {
            self.doubt(
                Check::Provenance,
                i,
                0,
                format!(
                    "recorded by another step function ({}, build {}); this is {}",
                    header.step_hash,
                    header.build,
                    Sum::new(STEP_HASH)
                ),
            );
            self.members[i].sight = Sight::Blind;
            self.members[i].gap = true;
        }
        if header.ensemble() != *self.ensemble() {
            self.doubt(
                Check::Provenance,
                i,
                0,
                format!(
                    "its ensemble is {:?}, another's is {:?}",
                    header.ensemble(),
                    self.ensemble()
                ),
            );
            self.members[i].sight = Sight::Blind;
            self.members[i].gap = true;
        }
    }

    /// The records of the present boot of member `i` are read: what they miss shows at the next.
    pub(crate) fn end_boot(&mut self, i: usize) {
        self.reach(i);
        let member = &self.members[i];
        let ending = member.records.as_ref().and_then(|records| records.ending());
        let next = member.boots.front().map(|boot| &boot.header);
        let header = member.header.as_ref();
        let tail = match ending {
            Some(Ending::Clean) => Tail::Whole,
            Some(Ending::Open { records, chain, .. }) => match (next, header) {
                (Some(next), Some(header)) if next.boot.ordinal == header.boot.ordinal + 1 => {
                    match &next.previous {
                        Some(previous)
                            if previous.boot == header.boot
                                && (previous.records, previous.chain) == (records, chain) =>
                        {
                            match (header.fact(Header::MACHINE_BOOT), next.fact(Header::MACHINE_BOOT)) {
                                (Some(before), Some(after)) if before == after => Tail::Whole,
                                (Some(_), Some(_)) => Tail::Open,
                                _ => Tail::Unknown,
                            }
                        }
                        previous => {
                            let why = format!(
                                "the trace has {records} records, and the next boot found {}",
                                previous.map_or("none".into(), |previous| format!(
                                    "{} records",
                                    previous.records
                                ))
                            );
                            self.doubt(Check::Recorder, i, records, why);
                            self.members[i].gap = true;
                            Tail::Open
                        }
                    }
                }
                _ => Tail::Unknown,
            },
            None => Tail::Open, // An error, of which there is a doubt already.
        };
        if tail == Tail::Open {
            let member = &mut self.members[i];
            member.gap = true;
            let (me, boot, taken) = (member.me, member.boot(), member.taken);
            self.notes.push(format!(
                "server {me} is open from record {taken} of boot {boot} to its next boot"
            ));
        }
        self.close_all(i, tail);
        let member = &mut self.members[i];
        member.before = (member.sight == Sight::Clear).then_some(tail);
        member.records = None;
    }

    /// The server starts from what its disk holds.
    pub(crate) fn on_boot(&mut self, i: usize, boot: &Boot) -> Result<(), Fault> {
        let image = &boot.image;
        if !is_sound(image, LOG_TRANSACTIONS_MAX) {
            return Err(Fault::new(
                Check::Storage,
                format!(
                    "no log looks like this, or it is longer than an audit takes: {:?}",
                    image.history
                ),
            ));
        }
        let mut fx: Vec<Effect<u64>> = Vec::new();
        let server = Server::boot(self.rules(), image, boot.memory, &mut fx).map_err(|refusal| {
            Fault::new(
                Check::World,
                format!("no server starts from this disk: {refusal}"),
            )
        })?;
        let tree_max = self.members[i].tree_max;
        let before = self.members[i].node.take();
        let first = before.is_none();
        if let Some(node) = &before {
            self.compare_disks(i, &node.disk, boot)?;
            compare_marks(&node.disk, boot)?;
        }
        let durable = Durable {
            forgetful: boot.memory == Memory::Forgetful,
            ..self.durable_of(image, before.as_ref())
        };
        let tree = durable
            .log
            .binary_search_by_key(&image.snapshot, |txn| txn.zxid)
            .map_or_else(|_| self.contents_at(image.snapshot), |at| durable.log[at]);
        let candidacy = server.candidacy(self.members[i].me, self.configuration());
        let member = &mut self.members[i];
        for effect in fx {
            if let Effect::Look { current, last } = effect
                && !member.elections_are_free()
            {
                member.asked.push_back(Asked::Look {
                    candidacy,
                    current,
                    last,
                });
            }
        }
        member.contents = (boot.contents.transactions > 0 || durable.log.is_empty()).then_some(boot.contents);
        member.contents_floor = image.history.floor();
        member.contents_under_way.clear();
        member.tree_max = tree_max.max(image.snapshot);
        member.newest_snapshot = image.snapshot;
        // How far ahead a snapshot is that was there before is not recorded.
        member.tree_exact_from = boot.tree.map(|_| Zxid::ZERO);
        member.purged = false;
        member.node = Some(Node {
            me: member.me,
            brain: Brain::Quorate(server),
            disk: Disk {
                durable,
                ..Disk::default()
            },
            tree,
            serving: false,
            unheard: false,
        });
        if let Some(sum) = boot.tree {
            self.compare_trees(i, image.snapshot, sum)?;
        }
        self.see(i, &Event::Looks)?;
        if first {
            Ok(())
        } else {
            self.see(i, &Event::Shrunk)
        }
    }

    /// The disk that the image describes, with the contents that are known.
    fn durable_of(&mut self, image: &quorate_zab::Image, before: Option<&Node>) -> Durable {
        let mut log: Vec<Txn> = Vec::new();
        for run in image.history.runs() {
            self.contents_run(*run, &mut log);
        }
        let floor = image.history.floor();
        let snapshot = before
            .map(|node| node.disk.durable.snapshot)
            .filter(|snapshot| snapshot.zxid == floor)
            .unwrap_or_else(|| self.contents_at(floor));
        Durable {
            accepted: image.accepted,
            current: image.current,
            snapshot,
            log,
            forgetful: false,
        }
    }

    fn compare_disks(&mut self, i: usize, disk: &Disk, boot: &Boot) -> Result<(), Fault> {
        let member = &self.members[i];
        let (me, ordinal) = (member.me, member.boot());
        let Some(tail) = member.before else {
            return Ok(()); // What came between was not seen.
        };
        let node_tree = member.tree_max;
        let asked = member.deliveries_reach;
        let judged = judge(disk, &boot.image, node_tree.max(asked));
        let changed = match boot.origin {
            Origin::Continued => None,
            Origin::Newborn | Origin::Emptied => Some("emptied"),
            Origin::Restored => Some("restored"),
        };
        match (judged, changed, tail) {
            (Judgement::Kept { log_ops, .. }, ..) => self.compare_contents(i, disk, log_ops, boot),
            (_, Some(changed), _) => {
                self.notes.push(format!(
                    "the disk of server {me} was {changed} at boot {ordinal}: that every quorum holds what was \
                     committed is not claimed from there on"
                ));
                self.forget(i, &[Property::QuorumLog, Property::BetterVoteKnowsMore]);
                Ok(())
            }
            (Judgement::Lost(why), None, _) => Err(Fault::new(Check::Storage, why)),
            (Judgement::More(why), None, Tail::Whole) => Err(Fault::new(Check::Storage, why)),
            (Judgement::More(why), None, Tail::Open) => {
                self.notes.push(format!(
                    "at boot {ordinal} of server {me}, after a power loss: {why}"
                ));
                Ok(())
            }
            (Judgement::More(why), None, Tail::Unknown) => {
                self.doubt(
                    Check::Storage,
                    i,
                    0,
                    format!("{why}: a power loss would explain it, and no fact says whether there was one"),
                );
                Ok(())
            }
        }
    }

    /// What the log holds, by digest, where it can be told.
    fn compare_contents(&mut self, i: usize, disk: &Disk, log_ops: u32, boot: &Boot) -> Result<(), Fault> {
        let member = &self.members[i];
        let under_way = member.contents_under_way.iter().take(log_ops as usize);
        let expected = under_way.fold(member.contents, |contents, weight| {
            let (mut contents, weight) = (contents?, (*weight)?);
            contents.transactions += 1;
            contents.sum = Sum::new(contents.sum.get().wrapping_add(weight));
            Some(contents)
        });
        let found = boot.contents;
        let counted =
            !member.purged && (found != Contents::default() || boot.image.history.runs().is_empty());
        match expected {
            Some(expected)
                if counted && member.contents_floor == boot.image.history.floor() && expected != found =>
            {
                Err(Fault::new(
                    Check::Storage,
                    format!(
                        "the log holds {found:?}, and what was reported durable up to {:?} with {log_ops} operations \
                         under way makes {expected:?}",
                        disk.durable.last().zxid
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Where the tree is asked to be by effects whose carrying out may not have been recorded.
    fn reach(&mut self, i: usize) {
        let member = &mut self.members[i];
        let asked = member.deliveries.iter().map(|delivery| delivery.zxid()).max();
        let asked = asked.unwrap_or(Zxid::ZERO);
        member.deliveries_reach = member.deliveries_reach.max(asked);
    }
}

/// The mark of a forgetful server goes only when that is asked for, and comes only with the loss of a disk.
fn compare_marks(disk: &Disk, boot: &Boot) -> Result<(), Fault> {
    let asked = |op| disk.epoch_ops.contains(&op);
    let marked = boot.memory == Memory::Forgetful;
    let explained = match (disk.durable.forgetful, marked) {
        (true, false) => asked(EpochOp::Recall) || boot.origin != Origin::Continued,
        (false, true) => asked(EpochOp::Forget) || boot.origin != Origin::Continued,
        (true, true) | (false, false) => true,
    };
    if explained {
        return Ok(());
    }
    let why = if marked {
        "the mark of a forgetful server is there, and nothing was lost"
    } else {
        "the mark of a forgetful server is gone, and nobody removed it"
    };
    Err(Fault::new(Check::Storage, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_forgetful_server_comes_and_goes_as_it_was_asked_for() {
        let marked = |forgetful, op: Option<EpochOp>| Disk {
            durable: Durable {
                forgetful,
                ..Durable::default()
            },
            epoch_ops: op.into_iter().collect(),
            ..Disk::default()
        };
        let boot = |memory, origin| Boot {
            memory,
            origin,
            ..Boot::default()
        };
        use Memory::{Forgetful, Whole};
        use Origin::{Continued, Emptied};
        for (was, asked, memory, origin, fine) in [
            (false, None, Whole, Continued, true),
            (true, None, Forgetful, Continued, true),
            (true, None, Whole, Continued, false),
            (true, Some(EpochOp::Recall), Whole, Continued, true),
            (true, None, Whole, Emptied, true),
            (false, None, Forgetful, Continued, false),
            (false, Some(EpochOp::Forget), Forgetful, Continued, true),
            (false, None, Forgetful, Emptied, true),
        ] {
            let judged = compare_marks(&marked(was, asked), &boot(memory, origin));
            assert_eq!(judged.is_ok(), fine, "{was} {asked:?} {memory:?} {origin:?}");
        }
    }
}
