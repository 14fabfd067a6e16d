use super::*;
use bytes::BytesMut;
use quorate_store::{Layout, Store, StoreOptions};
use quorate_tree::{Txn, TxnEntry, TxnHeader};
use tempfile::TempDir;

struct Bench {
    dir: TempDir,
    threads: DiskThreads,
    stored: mpsc::UnboundedReceiver<Stored>,
    reader: LogReader,
    held: Held,
}

fn open(dir: &TempDir) -> (Store, quorate_store::BootImage) {
    let layout = Layout::new(dir.path(), None);
    let (store, found) = Store::open(StoreOptions::new(layout, None)).expect("the store opens");
    if found.snapshot.is_none() {
        store.snapshots.write(&found.tree).expect("the first snapshot");
    }
    (store, found)
}

fn start(dir: TempDir) -> Bench {
    let (store, found) = open(&dir);
    let held = Held::read(&store.reader, Zxid::ZERO, found.last_zxid()).expect("the log reads");
    let (reports, stored) = mpsc::unbounded_channel();
    let threads = DiskThreads::start(store.log, store.epochs, store.marks, held, HANG_LIMIT, &reports)
        .expect("threads start");
    Bench {
        dir,
        threads,
        stored,
        reader: store.reader,
        held,
    }
}

fn at(epoch: u32, counter: u32) -> Zxid {
    Zxid::new(Epoch::new(epoch), counter)
}

fn append(zxid: Zxid) -> LogOp {
    let header = TxnHeader {
        zxid: zxid.bits(),
        ..TxnHeader::default()
    };
    let entry = TxnEntry {
        header,
        txn: Txn::Error { code: -1 },
        digest: None,
    };
    let mut bytes = BytesMut::new();
    quorate_wire::txn::encode_entry(&entry, &mut bytes);
    let bytes = bytes.freeze();
    let digest = Digest::of(&bytes);
    LogOp::Append(LogEntry { zxid, bytes }, digest)
}

impl Bench {
    /// Waits until that many operations are durable; how many syncs that took, the end, the contents.
    async fn durable(&mut self, ops: u32) -> (u32, Zxid, Contents) {
        let (mut done, mut reports) = (0, 0);
        loop {
            match self.stored.recv().await {
                Some(Stored::Log {
                    ops: more,
                    end,
                    contents,
                    ..
                }) => {
                    done += more;
                    reports += 1;
                    if done == ops {
                        return (reports, end, contents);
                    }
                }
                _ => panic!("{done} of {ops} operations are durable, and then something else"),
            }
        }
    }

    fn logged(&self) -> Vec<Zxid> {
        self.reader
            .entries_after(Zxid::ZERO)
            .map(|entry| entry.expect("it reads").zxid)
            .collect()
    }
}

#[tokio::test]
async fn what_waits_together_is_synced_together_and_counted_one_by_one() {
    let mut bench = start(tempfile::tempdir().expect("a scratch directory"));
    let mut ops: Vec<_> = (1..=100).map(|counter| append(at(1, counter))).collect();
    bench.threads.submit(&mut ops);
    assert!(ops.is_empty(), "handed over");
    let (reports, end, contents) = bench.durable(100).await;
    assert_eq!((reports, end, contents.transactions), (1, at(1, 100), 100));
    assert_eq!(bench.logged().len(), 100);
}

#[tokio::test]
async fn a_truncation_keeps_its_place_among_appends() {
    let mut bench = start(tempfile::tempdir().expect("a scratch directory"));
    let mut ops: Vec<_> = (1..=5).map(|counter| append(at(1, counter))).collect();
    ops.push(LogOp::Truncate { to: at(1, 3) });
    ops.push(append(at(2, 1)));
    let mut deeds = Deeds::default();
    for op in &ops {
        match op {
            LogOp::Append(entry, digest) => deeds.append(entry.zxid, *digest),
            LogOp::Truncate { to } => deeds.truncate(*to),
            LogOp::Install(_) | LogOp::Roll => {}
        }
    }
    bench.threads.submit(&mut ops);
    bench.threads.submit(&mut vec![LogOp::Roll]);
    assert_eq!(bench.threads.deeds().0, deeds, "a roll is no deed of the core's");
    let (reports, end, contents) = bench.durable(7).await;
    assert_eq!((reports, end), (3, at(2, 1)));
    let kept = [at(1, 1), at(1, 2), at(1, 3), at(2, 1)];
    assert_eq!(bench.logged(), kept);
    let reread = Held::read(&bench.reader, Zxid::ZERO, end).expect("it reads");
    assert_eq!(contents, reread.contents, "the count follows the cut");
}

#[tokio::test]
async fn epochs_are_durable_when_they_are_reported_and_both_threads_end_when_told() {
    let mut bench = start(tempfile::tempdir().expect("a scratch directory"));
    bench.threads.write_epoch(EpochOp::Accepted(Epoch::new(4)));
    assert!(matches!(
        bench.stored.recv().await,
        Some(Stored::Epochs {
            ops: 1,
            op: EpochOp::Accepted(_)
        })
    ));
    bench.threads.write_epoch(EpochOp::Current(Epoch::new(4)));
    let mut ops = vec![append(at(4, 1))];
    bench.threads.submit(&mut ops);
    bench.threads.finish();
    let mut reports = 0;
    while bench.stored.recv().await.is_some() {
        reports += 1;
    }
    assert_eq!(reports, 2, "what was asked for is done before the end");
    drop(bench.reader);
    let (_store, found) = open(&bench.dir);
    assert_eq!(
        (found.epochs.accepted, found.epochs.current),
        (Some(Epoch::new(4)), Some(Epoch::new(4)))
    );
    assert_eq!(found.log.last, Some(at(4, 1)));
    assert_eq!(bench.held.contents.transactions, 0);
}

#[tokio::test]
async fn a_failure_is_reported_once_and_nothing_is_reported_durable_after_it() {
    let mut bench = start(tempfile::tempdir().expect("a scratch directory"));
    // 1:2 cannot follow nothing but 1:1.
    let mut ops = vec![append(at(1, 1)), LogOp::Roll, append(at(1, 3))];
    bench.threads.submit(&mut ops);
    assert_eq!(bench.durable(1).await.1, at(1, 1));
    assert!(matches!(bench.stored.recv().await, Some(Stored::Failed { .. })));
    let mut ops = vec![append(at(1, 2))];
    bench.threads.submit(&mut ops);
    bench.threads.finish();
    assert!(bench.stored.recv().await.is_none());
}
