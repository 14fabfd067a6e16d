//! Does a disk hold at a boot what it was reported to hold?
//!
//! A crash keeps everything that was reported durable and any prefix of what was asked for beyond that, of
//! the log and of the epoch files each on its own.

use quorate_checker::{Disk, Durable, EpochOp, LogOp};
use quorate_zab::{Epoch, Image, Zxid};

/// What a boot's image says of the disk that the last record left.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Judgement {
    /// So many of the operations under way were done.
    Kept { log_ops: u32, epoch_ops: u32 },
    /// Something reported durable is missing.
    Lost(String),
    /// It holds more than was asked for.
    More(String),
}

/// Holds `image` against `disk`. The snapshot may be any up to `tree`.
pub(crate) fn judge(disk: &Disk, image: &Image, tree: Zxid) -> Judgement {
    let log_ops = match log_ops_done(disk, image) {
        Ok(done) => done,
        Err(judgement) => return judgement,
    };
    let epoch_ops = match epoch_ops_done(disk, image) {
        Ok(done) => done,
        Err(judgement) => return judgement,
    };
    let installed = disk
        .log_ops
        .iter()
        .take(log_ops as usize)
        .filter_map(|op| match op {
            LogOp::Install(snapshot) => Some(snapshot.zxid),
            LogOp::Append(_) | LogOp::Truncate(_) => None,
        });
    let newest = installed.max().unwrap_or(disk.durable.snapshot.zxid).max(tree);
    if image.snapshot > newest {
        return Judgement::More(format!(
            "the newest snapshot is of {:?}, though nothing beyond {newest:?} was ever delivered",
            image.snapshot
        ));
    }
    Judgement::Kept { log_ops, epoch_ops }
}

fn log_ops_done(disk: &Disk, image: &Image) -> Result<u32, Judgement> {
    let found = image.history.last();
    let mut end = disk.durable.last().zxid;
    let mut reached = end;
    let mut done = 0;
    let mut candidate = None;
    loop {
        if end == found && is_left_by(disk, done, image) {
            candidate = Some(done);
            break;
        }
        let Some(op) = disk.log_ops.get(done as usize) else {
            break;
        };
        end = match *op {
            LogOp::Append(txn) => txn.zxid,
            LogOp::Truncate(to) => to.min(end),
            LogOp::Install(snapshot) => snapshot.zxid,
        };
        reached = reached.max(end);
        done += 1;
    }
    if let Some(done) = candidate {
        return Ok(done);
    }
    let durable = disk.durable.last().zxid;
    if found > reached && image.history.holds(reached) {
        return Err(Judgement::More(format!(
            "the log ends at {found:?}, though nothing beyond {reached:?} was asked of it"
        )));
    }
    Err(Judgement::Lost(if found < durable && disk.log_ops.is_empty() {
        format!("the log ends at {found:?}, though everything up to {durable:?} was reported durable")
    } else {
        format!(
            "the log ends at {found:?} and is not what was reported durable (up to {durable:?}) with the first \
             so many of the {} operations under way",
            disk.log_ops.len()
        )
    }))
}

/// Whether the log of `image` has the positions that `done` operations leave, above both floors.
fn is_left_by(disk: &Disk, done: u32, image: &Image) -> bool {
    let mut left: Durable = disk.durable.clone();
    for op in disk.log_ops.iter().take(done as usize) {
        left.apply_log(*op);
    }
    let floor = left.snapshot.zxid.max(image.history.floor());
    let expected = left.log.iter().map(|txn| txn.zxid).filter(|zxid| *zxid > floor);
    let found = image.history.runs().iter().flat_map(|run| {
        let first = if run.epoch == floor.epoch() {
            run.first.max(floor.counter().saturating_add(1))
        } else {
            run.first
        };
        (first..=run.last).map(|counter| Zxid::new(run.epoch, counter))
    });
    expected.eq(found.filter(|zxid| *zxid > floor))
}

fn epoch_ops_done(disk: &Disk, image: &Image) -> Result<u32, Judgement> {
    let (mut accepted, mut current) = (disk.durable.accepted, disk.durable.current);
    let mut ops = disk.epoch_ops.iter();
    let mut done = 0;
    loop {
        if (accepted, current) == (image.accepted, image.current) {
            return Ok(done);
        }
        match ops.next() {
            Some(EpochOp::Accepted(epoch)) => accepted = Some(*epoch),
            Some(EpochOp::Current(epoch)) => current = Some(*epoch),
            Some(EpochOp::Forget | EpochOp::Recall | EpochOp::Activate(_)) => {}
            None => break,
        }
        done += 1;
    }
    let durable = &disk.durable;
    let text = format!(
        "acceptedEpoch is {} and currentEpoch {}; reported durable were {} and {}, and {} writes were under way",
        words(image.accepted),
        words(image.current),
        words(durable.accepted),
        words(durable.current),
        disk.epoch_ops.len()
    );
    if image.accepted < durable.accepted || image.current < durable.current {
        Err(Judgement::Lost(text))
    } else {
        Err(Judgement::More(text))
    }
}

fn words(epoch: Option<Epoch>) -> String {
    epoch.map_or("missing".into(), |epoch| epoch.get().to_string())
}

/// Whether the image can be: runs in order above the floor, no more of them than is taken in.
pub(crate) fn is_sound(image: &Image, transactions_max: u64) -> bool {
    let mut last = image.history.floor();
    let mut count = 0;
    image.history.runs().iter().all(|run| {
        let first = Zxid::new(run.epoch, run.first);
        let ascends = run.first >= 1 && run.first <= run.last && first > last;
        last = Zxid::new(run.epoch, run.last);
        count += u64::from(run.last) + 1 - u64::from(run.first.min(run.last));
        ascends && count <= transactions_max
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_checker::Txn;
    use quorate_zab::{Run, Skeleton};

    fn zxid(counter: u32) -> Zxid {
        Zxid::new(Epoch::new(1), counter)
    }

    fn txn(counter: u32) -> Txn {
        Txn {
            zxid: zxid(counter),
            value: 7,
        }
    }

    /// Durable up to 3, 4 and 5 under way, acceptedEpoch 1, currentEpoch under way.
    fn disk() -> Disk {
        Disk {
            durable: Durable {
                accepted: Some(Epoch::new(1)),
                log: (1..=3).map(txn).collect(),
                ..Durable::default()
            },
            log_ops: [4, 5].map(|counter| LogOp::Append(txn(counter))).into(),
            epoch_ops: [EpochOp::Current(Epoch::new(1))].into(),
            ..Disk::default()
        }
    }

    fn image(last: u32, current: Option<u32>) -> Image {
        let run = Run {
            epoch: Epoch::new(1),
            first: 1,
            last,
        };
        Image {
            accepted: Some(Epoch::new(1)),
            current: current.map(Epoch::new),
            snapshot: Zxid::ZERO,
            history: Skeleton::from_runs(Zxid::ZERO, [run]),
        }
    }

    #[test]
    fn any_prefix_of_what_was_under_way_may_be_there() {
        for (log_ops, last) in [(0, 3), (1, 4), (2, 5)] {
            for (epoch_ops, current) in [(0, None), (1, Some(1))] {
                let kept = Judgement::Kept { log_ops, epoch_ops };
                assert_eq!(judge(&disk(), &image(last, current), Zxid::ZERO), kept);
            }
        }
    }

    #[test]
    fn what_was_reported_durable_must_be_there() {
        assert!(matches!(
            judge(&disk(), &image(2, None), Zxid::ZERO),
            Judgement::Lost(_)
        ));
        let mut forgotten = image(3, None);
        forgotten.accepted = None;
        assert!(matches!(
            judge(&disk(), &forgotten, Zxid::ZERO),
            Judgement::Lost(_)
        ));
    }

    #[test]
    fn nothing_is_there_that_was_not_asked_for() {
        assert!(matches!(
            judge(&disk(), &image(6, None), Zxid::ZERO),
            Judgement::More(_)
        ));
        assert!(matches!(
            judge(&disk(), &image(3, Some(2)), Zxid::ZERO),
            Judgement::More(_)
        ));
        let mut ahead = image(3, None);
        ahead.snapshot = zxid(3);
        assert!(matches!(judge(&disk(), &ahead, zxid(2)), Judgement::More(_)));
        assert!(matches!(judge(&disk(), &ahead, zxid(3)), Judgement::Kept { .. }));
    }

    #[test]
    fn a_cut_under_way_may_be_done_or_not() {
        let mut disk = disk();
        disk.log_ops = [
            LogOp::Truncate(zxid(1)),
            LogOp::Append(Txn {
                zxid: Zxid::new(Epoch::new(2), 1),
                value: 1,
            }),
        ]
        .into();
        let kept = |log_ops| Judgement::Kept {
            log_ops,
            epoch_ops: 0,
        };
        assert_eq!(judge(&disk, &image(3, None), Zxid::ZERO), kept(0));
        assert_eq!(judge(&disk, &image(1, None), Zxid::ZERO), kept(1));
        assert!(matches!(
            judge(&disk, &image(2, None), Zxid::ZERO),
            Judgement::Lost(_)
        ));
    }
}
