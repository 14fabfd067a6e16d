//! How is a good trace made bad? Its records are read, altered and recorded again.

use quorate_trace::{
    BootTrace, Deeds, Digest, Ending, Header, Limits, Mark, Record, Recorder, Rest, Sum, read_dir,
};
use quorate_zab::{Conn, Epoch, Input, Message, ServerId, Zxid};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

/// A boot's records and when each was written.
#[derive(Clone)]
pub(crate) struct BootRecords {
    pub(crate) header: Header,
    pub(crate) records: Vec<(u64, Record)>,
}

/// Reads all traces below `dir`.
pub(crate) fn load(dir: &Path) -> Vec<BootRecords> {
    let found = read_dir(dir).expect("the directory can be read");
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    found.boots.iter().map(load_boot).collect()
}

fn load_boot(boot: &BootTrace) -> BootRecords {
    let mut records = boot.records();
    let began_us = boot.header.began_unix_ms * 1000;
    let entries = records
        .by_ref()
        .map(|entry| entry.map(|entry| (began_us + entry.at_us, entry.record)))
        .collect::<Result<_, _>>()
        .expect("a sound trace");
    assert!(matches!(
        records.ending(),
        Some(Ending::Clean | Ending::Open { .. })
    ));
    BootRecords {
        header: boot.header.clone(),
        records: entries,
    }
}

/// Records them again below `dir`, in the order in which they were written. Marks count what is there.
pub(crate) fn store(dir: &Path, boots: &[BootRecords]) {
    let mut order: Vec<(u64, usize, usize)> = Vec::new();
    for (at, boot) in boots.iter().enumerate() {
        order.extend((0..boot.records.len()).map(|record| (boot.records[record].0, at, record)));
    }
    // A record never comes before one of its own server.
    let mut latest: BTreeMap<ServerId, u64> = BTreeMap::new();
    order.sort_by_key(|&(_, at, record)| (at, record));
    for (time, at, _) in &mut order {
        let floor = latest.entry(boots[*at].header.server).or_default();
        *time = (*time).max(*floor);
        *floor = *time;
    }
    order.sort_by_key(|&(time, at, record)| (time, at, record));
    let mut recorders: BTreeMap<ServerId, (Recorder, Mark)> = BTreeMap::new();
    let mut last = None;
    for (_, at, record) in order {
        let boot = &boots[at];
        let server = boot.header.server;
        if last.is_some_and(|last| last != server)
            && let Some((recorder, _)) = last.and_then(|last| recorders.get_mut(&last))
        {
            recorder.flush().expect("the disk takes it");
        }
        last = Some(server);
        match &boot.records[record].1 {
            Record::Boot(image) => {
                if let Some((mut before, _)) = recorders.remove(&server) {
                    before.flush().expect("the disk takes it");
                }
                let recorder = Recorder::create(
                    dir.join(format!("s{server}")),
                    Limits::default(),
                    boot.header.clone(),
                    *image.clone(),
                );
                recorders.insert(server, (recorder.expect("a trace begins"), Mark::default()));
            }
            other => {
                let (recorder, counts) = recorders.get_mut(&server).expect("a boot comes first");
                match other {
                    Record::Mark(mark) => {
                        let mark = Mark {
                            records: recorder.records(),
                            state: mark.state,
                            ..*counts
                        };
                        recorder.note(&Record::Mark(Box::new(mark)));
                    }
                    other => {
                        match other {
                            Record::Input { .. } => counts.inputs += 1,
                            Record::ElectionInput { .. } => counts.election_inputs += 1,
                            Record::Effects { count, .. } | Record::ElectionEffects { count, .. } => {
                                counts.effects += u64::from(*count);
                            }
                            _ => {}
                        }
                        recorder.note(other);
                    }
                }
            }
        }
    }
    for (mut recorder, _) in recorders.into_values() {
        recorder.flush().expect("the disk takes it");
    }
}

/// Where a break is to be found: the finding's record, or the first of which nothing is known.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Place {
    pub(crate) server: u64,
    pub(crate) boot: u32,
    pub(crate) step: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, boot, step } = self;
        write!(f, "server {server} boot {boot} record {step}")
    }
}

/// A way to break a trace: what it is called, what is done, and what an audit has to say.
pub(crate) struct Break {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// The check that finds it; `None`: inconclusive.
    pub(crate) check: Option<&'static str>,
    /// A part of the finding's words, or of the doubt's.
    pub(crate) words: &'static str,
    /// Breaks them, and says where that is to be found. Where servers contradict each other it is at one of
    /// them, whichever is taken last.
    pub(crate) apply: fn(&mut Vec<BootRecords>) -> Vec<Place>,
}

pub(crate) fn place(boot: &BootRecords, record: usize) -> Vec<Place> {
    vec![Place {
        server: boot.header.server.get(),
        boot: boot.header.boot.ordinal,
        step: record as u64,
    }]
}

/// Where trees reached that zxid, at all servers.
fn applied(boots: &[BootRecords], wanted: Zxid) -> Vec<Place> {
    let is = |record: &Record| matches!(record, Record::Applied { zxid, .. } if *zxid == wanted);
    let hits = boots.iter().flat_map(|boot| {
        let records = boot.records.iter().enumerate();
        records
            .filter(move |(_, (_, record))| is(record))
            .flat_map(|(at, _)| place(boot, at))
    });
    hits.collect()
}

/// The boot with the most records of a server for which `is` holds of some record, and those records.
pub(crate) fn find(boots: &[BootRecords], is: impl Fn(&Record) -> bool) -> (usize, Vec<usize>) {
    let hits = boots.iter().map(|boot| {
        let hits = boot
            .records
            .iter()
            .enumerate()
            .filter(|(_, (_, record))| is(record));
        hits.map(|(at, _)| at).collect::<Vec<_>>()
    });
    let (boot, hits) = hits
        .enumerate()
        .max_by_key(|(_, hits)| hits.len())
        .expect("there are boots");
    assert!(!hits.is_empty(), "the trace has what is to be broken");
    (boot, hits)
}

fn is_proposal(record: &Record) -> bool {
    matches!(
        record,
        Record::Input {
            input: Input::Message {
                message: Message::Proposal { .. },
                ..
            },
            ..
        }
    )
}

pub(crate) fn is_ack(record: &Record) -> bool {
    matches!(record, Record::Input { input: Input::Message { message: Message::Ack { zxid }, .. }, .. } if zxid.counter() > 0)
}

fn is_message(record: &Record) -> bool {
    matches!(
        record,
        Record::Input {
            input: Input::Message { .. },
            ..
        }
    )
}

fn conn_of(record: &Record) -> Option<Conn> {
    match record {
        Record::Input {
            input: Input::Message { conn, .. },
            ..
        } => Some(*conn),
        _ => None,
    }
}

fn set_number(record: &mut Record, to: Option<u64>) {
    if let Record::Input { number, .. } = record {
        *number = to;
    }
}

fn number_of(record: &Record) -> Option<u64> {
    match record {
        Record::Input { number, .. } => *number,
        _ => None,
    }
}

/// All ways to break the trace of a run in which all is recorded and one server was killed and came back.
pub(crate) const BREAKS: &[Break] = &[
    Break {
        name: "record-changed",
        what: "a follower's record says that a PROPOSAL brought other bytes",
        check: Some("C4"),
        words: "was sent",
        apply: |boots| {
            let (at, hits) = find(boots, is_proposal);
            let hit = hits[hits.len() / 2];
            if let Record::Input {
                input:
                    Input::Message {
                        message: Message::Proposal { payload, .. },
                        ..
                    },
                ..
            } = &mut boots[at].records[hit].1
            {
                payload.sum = Sum::new(payload.sum.get() ^ 1);
            }
            place(&boots[at], hit)
        },
    },
    Break {
        name: "effects-changed",
        what: "a server's record says that a step had another effect",
        check: Some("C2"),
        words: "and replayed",
        apply: |boots| {
            let (at, hits) = find(boots, |record| matches!(record, Record::Effects { .. }));
            let hit = hits[hits.len() / 2];
            if let Record::Effects { sum, .. } = &mut boots[at].records[hit].1 {
                *sum = Sum::new(sum.get() ^ 1);
            }
            place(&boots[at], hit)
        },
    },
    Break {
        name: "record-dropped",
        what: "an input of a follower is missing, its effects are there",
        check: Some("C2"),
        words: "effects of no input",
        apply: |boots| {
            let (at, hits) = find(boots, is_proposal);
            let hit = hits[hits.len() / 2];
            boots[at].records.remove(hit);
            place(&boots[at], hit)
        },
    },
    Break {
        name: "step-dropped",
        what: "an input of a follower and its effects are missing: a message got lost in the server",
        check: Some("C4"),
        words: "after message",
        apply: |boots| {
            let (at, hits) = find(boots, is_proposal);
            // Another message of the connection follows at once: nothing else can show the loss before.
            let follows = |hit: &&usize| {
                let next = boots[at].records.get(**hit + 2);
                next.and_then(|(_, record)| conn_of(record)) == conn_of(&boots[at].records[**hit].1)
            };
            let hit = *hits.iter().find(follows).expect("two proposals in a row");
            let conn = conn_of(&boots[at].records[hit].1);
            boots[at].records.drain(hit..hit + 2);
            let next = boots[at].records[hit..]
                .iter()
                .position(|(_, record)| conn_of(record) == conn);
            place(&boots[at], hit + next.expect("another message follows"))
        },
    },
    Break {
        name: "messages-swapped",
        what: "two messages of one connection are read in the wrong order",
        check: Some("C4"),
        words: "was sent",
        apply: |boots| {
            let (at, hits) = find(boots, is_proposal);
            // A message that says something else than the one after it, on the same connection.
            let pair = hits.windows(2).rev().find(|pair| {
                let records = &boots[at].records;
                number_of(&records[pair[0]].1).map(|number| number + 1) == number_of(&records[pair[1]].1)
            });
            let pair = pair.expect("two proposals in a row");
            let (first, second) = (pair[0], pair[1]);
            let numbers = [first, second].map(|hit| number_of(&boots[at].records[hit].1));
            let (one, other) = (
                boots[at].records[first].1.clone(),
                boots[at].records[second].1.clone(),
            );
            boots[at].records[first].1 = other;
            boots[at].records[second].1 = one;
            set_number(&mut boots[at].records[first].1, numbers[0]);
            set_number(&mut boots[at].records[second].1, numbers[1]);
            place(&boots[at], first)
        },
    },
    Break {
        name: "message-duplicated",
        what: "a message is given to the core twice",
        check: Some("C4"),
        words: "after message",
        apply: |boots| {
            let (at, hits) = find(boots, is_proposal);
            let hit = hits[hits.len() / 2];
            let twice = boots[at].records[hit..hit + 2].to_vec();
            boots[at].records.splice(hit + 2..hit + 2, twice);
            place(&boots[at], hit + 2)
        },
    },
    Break {
        name: "message-of-another-connection",
        what: "an acknowledgement of one follower is taken for another's",
        check: Some("C4"),
        words: "after message",
        apply: |boots| {
            let (at, hits) = find(boots, is_ack);
            // Its number is not the next one of the other connection, which stands before and behind.
            let records = &boots[at].records;
            let stands = |hit: usize, conn: Conn| {
                let reads = |(_, record): &(u64, Record)| conn_of(record) == Some(conn);
                let last = records[..hit].iter().rev().find(|record| reads(record));
                let goes_on = records[hit..].iter().any(reads);
                let next = last
                    .and_then(|(_, record)| number_of(record))
                    .map(|number| number + 1);
                goes_on && next.is_some() && next != number_of(&records[hit].1)
            };
            let found = hits.iter().find_map(|&hit| {
                let own = conn_of(&records[hit].1)?;
                let mut others = hits.iter().filter_map(|&other| conn_of(&records[other].1));
                let other = others.find(|&other| other != own && stands(hit, other))?;
                Some((hit, other))
            });
            let (hit, other) = found.expect("two followers");
            if let Record::Input {
                input: Input::Message { conn, .. },
                ..
            } = &mut boots[at].records[hit].1
            {
                *conn = other;
            }
            place(&boots[at], hit)
        },
    },
    Break {
        name: "acknowledgement-invented",
        what: "a leader reads an acknowledgement that nobody sent, behind all that were",
        check: Some("C4"),
        words: "",
        apply: |boots| {
            let (at, hits) = find(boots, is_ack);
            let hit = *hits.last().expect("acknowledgements");
            let conn = conn_of(&boots[at].records[hit].1);
            let later = boots[at].records[hit + 1..]
                .iter()
                .rposition(|(_, record)| conn_of(record) == conn);
            let behind = later.map_or(hit, |later| hit + 1 + later);
            let mut invented = boots[at].records[hit].clone();
            invented.0 = boots[at].records[behind].0;
            let number = number_of(&boots[at].records[behind].1).map(|number| number + 1);
            set_number(&mut invented.1, number);
            boots[at].records.insert(behind + 1, invented);
            place(&boots[at], behind + 1)
        },
    },
    Break {
        name: "durable-never-asked",
        what: "an append is reported durable that was not asked for",
        check: Some("C6"),
        words: "not asked for",
        apply: |boots| {
            let (at, hits) = find(boots, |record| matches!(record, Record::LogSynced { .. }));
            // Behind the last report of all: nothing is under way there unless it says so.
            let last = *hits.last().expect("reports");
            let (time, report) = boots[at].records[last].clone();
            let Record::LogSynced { end, contents, .. } = report else {
                unreachable!("it was found as a report");
            };
            let ops = 50;
            let records = [
                (time, Record::LogSynced { ops, end, contents }),
                (
                    time,
                    Record::Input {
                        input: Input::LogDurable { ops },
                        number: None,
                    },
                ),
            ];
            boots[at].records.splice(last + 3..last + 3, records);
            place(&boots[at], last + 4)
        },
    },
    Break {
        name: "purged-too-much",
        what: "old log files are removed that no snapshot covers",
        check: Some("C5"),
        words: "and the newest snapshot is of",
        apply: |boots| {
            let (at, hits) = find(boots, |record| matches!(record, Record::LogSynced { .. }));
            let last = *hits.last().expect("reports");
            let (time, report) = boots[at].records[last].clone();
            let Record::LogSynced { end: floor, .. } = report else {
                unreachable!("it was found as a report");
            };
            let purged = Record::Input {
                input: Input::Purged { floor },
                number: None,
            };
            boots[at].records.insert(last + 3, (time, purged));
            place(&boots[at], last + 3)
        },
    },
    Break {
        name: "durable-never-synced",
        what: "the core is told that an append is durable, and the log thread did not sync",
        check: Some("C6"),
        words: "did not sync",
        apply: |boots| {
            let (at, hits) = find(boots, |record| matches!(record, Record::LogSynced { .. }));
            let hit = hits[hits.len() / 2];
            boots[at].records.remove(hit);
            place(&boots[at], hit)
        },
    },
    Break {
        name: "log-holds-other-bytes",
        what: "the log thread counts other contents than were asked of it",
        check: Some("C5"),
        words: "what was asked of it makes",
        apply: |boots| {
            let (at, hits) = find(boots, |record| matches!(record, Record::LogSynced { .. }));
            let hit = hits[hits.len() / 2];
            if let Record::LogSynced {
                contents: Some(contents),
                ..
            } = &mut boots[at].records[hit].1
            {
                contents.sum = Sum::new(contents.sum.get() ^ 1);
            }
            place(&boots[at], hit + 1)
        },
    },
    Break {
        name: "append-lost",
        what: "at a boot the log lacks its last transaction, which was reported durable",
        check: Some("C5"),
        words: "reported durable",
        apply: |boots| {
            let has_log = |boot: &BootRecords| match &boot.records[0].1 {
                Record::Boot(boot) => boot.image.history.last().counter() > 0,
                _ => false,
            };
            let at = boots
                .iter()
                .position(|boot| boot.header.boot.ordinal > 1 && has_log(boot))
                .expect("a server that came back with a log");
            let Record::Boot(boot) = &mut boots[at].records[0].1 else {
                panic!("a boot begins with its image");
            };
            let last = boot.image.history.last();
            boot.image
                .history
                .truncate(Zxid::new(last.epoch(), last.counter() - 1));
            boot.image.snapshot = boot.image.snapshot.min(boot.image.history.last());
            place(&boots[at], 0)
        },
    },
    Break {
        name: "append-altered",
        what: "at a boot the log holds other bytes than were reported durable",
        check: Some("C5"),
        words: "the log holds",
        apply: |boots| {
            let at = boots
                .iter()
                .position(|boot| boot.header.boot.ordinal > 1)
                .expect("a server that came back");
            let Record::Boot(boot) = &mut boots[at].records[0].1 else {
                panic!("a boot begins with its image");
            };
            boot.contents.sum = Sum::new(boot.contents.sum.get() ^ 1);
            place(&boots[at], 0)
        },
    },
    Break {
        name: "promise-lost",
        what: "at a boot acceptedEpoch and currentEpoch say less than was reported durable",
        check: Some("C5"),
        words: "acceptedEpoch is",
        apply: |boots| {
            let synced = |record: &Record| matches!(record, Record::EpochsSynced { .. });
            let at = (1..boots.len())
                .find(|&at| {
                    let before = &boots[at - 1];
                    before.header.server == boots[at].header.server
                        && before.records.iter().any(|(_, record)| synced(record))
                })
                .expect("a server that came back");
            let Record::Boot(boot) = &mut boots[at].records[0].1 else {
                panic!("a boot begins with its image");
            };
            (boot.image.accepted, boot.image.current) = (None, None);
            place(&boots[at], 0)
        },
    },
    Break {
        name: "trees-differ",
        what: "a server's tree is another after one of the transactions",
        check: Some("C7"),
        words: "the tree at",
        apply: |boots| {
            let (at, hits) = find(boots, |record| matches!(record, Record::Applied { .. }));
            // A place that each server's tree came by once.
            let met = hits.iter().find_map(|&hit| {
                match boots[at].records[hit].1 {
                    Record::Applied { zxid, .. } => Some((hit, applied(boots, zxid))),
                    _ => None,
                }
                .filter(|(_, places)| {
                    let servers: BTreeSet<_> = places.iter().map(|place| place.server).collect();
                    places.len() == 3 && servers.len() == 3
                })
            });
            let (hit, places) = met.expect("a transaction that all apply");
            if let Record::Applied { tree, .. } = &mut boots[at].records[hit].1 {
                *tree = Sum::new(tree.get() ^ 1);
            }
            places
        },
    },
    Break {
        name: "digest-withheld",
        what: "a server does not tell the digest of a tree that is ahead of nothing",
        check: Some("C6"),
        words: "has no digest",
        apply: |boots| {
            let (at, hits) = find(boots, |record| matches!(record, Record::Applied { .. }));
            let hit = *hits.last().expect("there are some");
            if let Record::Applied { zxid, .. } = boots[at].records[hit].1 {
                boots[at].records[hit].1 = Record::AppliedAtLeast { zxid };
            }
            place(&boots[at], hit)
        },
    },
    Break {
        name: "role-never-elected",
        what: "a server follows another than the election chose",
        check: Some("C6"),
        words: "the election chose",
        apply: |boots| {
            let (at, hits) = find(boots, |record| {
                matches!(
                    record,
                    Record::Input {
                        input: Input::Follow { .. },
                        ..
                    }
                )
            });
            let me = boots[at].header.server;
            if let Record::Input {
                input: Input::Follow { leader },
                ..
            } = &mut boots[at].records[hits[0]].1
            {
                let others = boots_ids(3).into_iter().filter(|id| *id != me && *id != *leader);
                *leader = others.max().expect("a third server");
            }
            place(&boots[at], hits[0])
        },
    },
    Break {
        name: "notification-invented",
        what: "a notification is heard that says something else than the one sent",
        check: Some("C4"),
        words: "election connection",
        apply: |boots| {
            let (at, hits) = find(boots, |record| {
                matches!(record, Record::ElectionInput { frame: Some(_), .. })
            });
            let hit = hits[0];
            if let Record::ElectionInput {
                input: quorate_zab::ElectionInput::Notification { notification, .. },
                ..
            } = &mut boots[at].records[hit].1
            {
                notification.round = notification.round.next();
            }
            place(&boots[at], hit)
        },
    },
    Break {
        name: "connection-renamed",
        what: "a leader answers on a connection by the name of another",
        check: Some("C4"),
        words: "the leader calls it",
        apply: |boots| {
            let (at, hits) = find(
                boots,
                |record| matches!(record, Record::ConnUp(up) if up.name.is_some()),
            );
            let named = boots[at].records[hits[0]..]
                .iter()
                .position(|(_, record)| matches!(record, Record::ConnNamed { name: Some(_), .. }));
            let hit = hits[0] + named.expect("the leader answers");
            if let Record::ConnNamed { name: Some(name), .. } = &mut boots[at].records[hit].1 {
                name.counter += 1;
            }
            place(&boots[at], hit)
        },
    },
    Break {
        name: "send-lost",
        what: "a message was asked for and never handed to its connection",
        check: Some("C3"),
        words: "in this order",
        apply: |boots| {
            rest(boots, |rest| {
                let link = rest.links.iter_mut().find(|link| link.sent.count > 1);
                link.is_some_and(|link| {
                    link.sent.count -= 1;
                    true
                })
            })
        },
    },
    Break {
        name: "sends-out-of-order",
        what: "as many messages as were asked for were handed to a connection, in another order",
        check: Some("C3"),
        words: "in this order",
        apply: |boots| {
            rest(boots, |rest| {
                let link = rest.links.iter_mut().find(|link| link.sent.count > 1);
                link.is_some_and(|link| {
                    link.sent.sum = Sum::new(!link.sent.sum.get());
                    true
                })
            })
        },
    },
    Break {
        name: "log-operation-twice",
        what: "the log thread was handed one operation more than was asked for",
        check: Some("C3"),
        words: "the log thread was handed",
        apply: |boots| {
            rest(boots, |rest| {
                rest.log.append(Zxid::new(Epoch::new(1), 1), Digest::default());
                rest.log.count > 1
            })
        },
    },
    Break {
        name: "promise-never-written",
        what: "a write of an epoch file was asked for and never handed over",
        check: Some("C3"),
        words: "the thread of the epoch files was handed",
        apply: |boots| {
            rest(boots, |rest| {
                let there_was = rest.epochs.count > 0;
                rest.epochs = Deeds::default();
                there_was
            })
        },
    },
    Break {
        name: "sync-answered-twice",
        what: "one sync more was answered than the core said",
        check: Some("C3"),
        words: "syncs of the server's own clients",
        apply: |boots| {
            rest(boots, |rest| {
                rest.syncs += 1;
                true
            })
        },
    },
    Break {
        name: "connection-forgotten",
        what: "a connection is gone, and nobody said so",
        check: Some("C3"),
        words: "its end was not recorded",
        apply: |boots| rest(boots, |rest| rest.links.pop().is_some()),
    },
    Break {
        name: "delivery-left-out",
        what: "the last delivery before the server was at rest was not made",
        check: Some("C3"),
        words: "the tree was not brought to",
        apply: |boots| {
            let hit = boots.iter().enumerate().find_map(|(at, boot)| {
                let records = &boot.records;
                (0..records.len()).find_map(|rest| {
                    let applied = records[..rest]
                        .iter()
                        .rposition(|(_, record)| is_applied(record))?;
                    // A snapshot in between would show it as well.
                    let is_rest = matches!(records[rest].1, Record::Rest(_));
                    let is_rest = is_rest
                        && !records[applied..rest]
                            .iter()
                            .any(|(_, record)| is_snapshot(record));
                    is_rest.then_some((at, applied, rest))
                })
            });
            let (at, applied, rest) = hit.expect("a server at rest after a delivery");
            boots[at].records.remove(applied);
            place(&boots[at], rest - 1)
        },
    },
    Break {
        name: "cut-in-the-middle",
        what: "the second half of a follower's last trace is missing",
        check: None,
        words: "heard more of it",
        apply: |boots| {
            let (leader, _) = find(boots, is_ack);
            let leader = boots[leader].header.server;
            let last = |at: usize| {
                let server = boots[at].header.server;
                boots.get(at + 1).is_none_or(|next| next.header.server != server)
            };
            let follows = |at: usize| boots[at].records.iter().any(|(_, record)| is_message(record));
            let at = (0..boots.len())
                .find(|&at| boots[at].header.server != leader && last(at) && follows(at))
                .expect("a follower");
            let half = boots[at].records.len() / 2;
            boots[at].records.truncate(half);
            place(&boots[at], half)
        },
    },
    Break {
        name: "records-lost",
        what: "the recorder could not write for a while, and says so",
        check: None,
        words: "the recorder lost",
        apply: |boots| {
            let (at, hits) = find(boots, is_proposal);
            let hit = hits[hits.len() / 2];
            let time = boots[at].records[hit].0;
            boots[at].records.drain(hit..hit + 2);
            boots[at].records.insert(hit, (time, Record::Lost { records: 2 }));
            place(&boots[at], hit)
        },
    },
    Break {
        name: "another-build",
        what: "one server's trace was recorded by another step function",
        check: None,
        words: "another step function",
        apply: |boots| {
            boots[0].header.step_hash = Sum::new(1);
            place(&boots[0], 0)
        },
    },
    Break {
        name: "another-ensemble",
        what: "one server was given a larger ensemble than the others",
        check: None,
        words: "its ensemble is",
        apply: |boots| {
            let last = boots.len() - 1;
            boots[last].header.voters = boots_ids(5);
            place(&boots[last], 0)
        },
    },
];

fn is_applied(record: &Record) -> bool {
    matches!(record, Record::Applied { .. })
}

fn is_snapshot(record: &Record) -> bool {
    matches!(record, Record::SnapshotTaken { .. })
}

/// Alters the last rest that can be altered so.
fn rest(boots: &mut [BootRecords], alter: impl Fn(&mut Rest) -> bool) -> Vec<Place> {
    for boot in boots.iter_mut().rev() {
        for at in (0..boot.records.len()).rev() {
            if let Record::Rest(rest) = &mut boot.records[at].1 {
                let mut altered = rest.clone();
                if alter(&mut altered) {
                    *rest = altered;
                    return place(boot, at);
                }
            }
        }
    }
    panic!("no rest can be broken so");
}

fn boots_ids(servers: u64) -> Vec<ServerId> {
    (1..=servers).map(ServerId::new).collect()
}
