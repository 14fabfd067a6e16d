//! What is in the transactions? Zxid by zxid one content, wherever it is met.
//!
//! A log that was there before the first record has positions and no known contents. Such an *inherited*
//! transaction is 0 to the model world on every server, whatever is learned of it later, so that it equals
//! itself; that later sightings of it agree is checked here.

use quorate_checker::Txn;
use quorate_zab::{Run, Zxid};
use std::collections::HashMap;

const CHUNK: usize = 64;

/// Two contents were met under one zxid.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Conflict {
    pub(crate) zxid: Zxid,
    pub(crate) known: u64,
    pub(crate) met: u64,
}

/// The contents met so far.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// By the zxid's upper bits; 0: not met.
    places: HashMap<u64, usize, foldhash::fast::RandomState>,
    chunks: Vec<[u64; CHUNK]>,
    last: Option<(u64, usize)>,
    /// By their first zxid.
    inherited: Vec<(Zxid, Zxid)>,
    inherited_max: Zxid,
}

impl Contents {
    fn slot(&mut self, zxid: Zxid) -> &mut u64 {
        let key = zxid.bits() / CHUNK as u64;
        let at = match self.last {
            Some((cached, at)) if cached == key => at,
            _ => *self.places.entry(key).or_insert_with(|| {
                self.chunks.push([0; CHUNK]);
                self.chunks.len() - 1
            }),
        };
        self.last = Some((key, at));
        &mut self.chunks[at][(zxid.bits() % CHUNK as u64) as usize]
    }

    fn is_inherited(&self, zxid: Zxid) -> bool {
        if zxid > self.inherited_max {
            return false;
        }
        let at = self.inherited.partition_point(|(first, _)| *first <= zxid);
        at > 0 && zxid <= self.inherited[at - 1].1
    }

    /// A content was met; returns what it is to the model world.
    pub(crate) fn met(&mut self, zxid: Zxid, sum: u64) -> Result<u64, Conflict> {
        let met = sum.max(1); // 0 says that nothing was met.
        let slot = self.slot(zxid);
        if *slot == 0 {
            *slot = met;
        } else if *slot != met {
            return Err(Conflict {
                zxid,
                known: *slot,
                met,
            });
        }
        Ok(if self.is_inherited(zxid) { 0 } else { met })
    }

    /// What lies at a position of which only the position is known.
    pub(crate) fn at(&mut self, zxid: Zxid) -> Txn {
        if zxid == Zxid::ZERO || self.is_inherited(zxid) {
            return Txn { zxid, value: 0 };
        }
        let value = *self.slot(zxid);
        if value == 0 {
            self.inherit(zxid, zxid);
        }
        Txn { zxid, value }
    }

    /// The transactions of a run of a log found at a boot, into `log`.
    pub(crate) fn run(&mut self, run: Run, log: &mut Vec<Txn>) {
        let mut unknown: Option<u32> = None;
        for counter in run.first..=run.last {
            let zxid = Zxid::new(run.epoch, counter);
            let known = if self.is_inherited(zxid) {
                0
            } else {
                *self.slot(zxid)
            };
            if known == 0 {
                unknown.get_or_insert(counter);
            } else if let Some(first) = unknown.take() {
                self.inherit(Zxid::new(run.epoch, first), Zxid::new(run.epoch, counter - 1));
            }
            log.push(Txn { zxid, value: known });
        }
        if let Some(first) = unknown {
            self.inherit(Zxid::new(run.epoch, first), Zxid::new(run.epoch, run.last));
        }
    }

    fn inherit(&mut self, first: Zxid, last: Zxid) {
        self.inherited_max = self.inherited_max.max(last);
        let at = self.inherited.partition_point(|(begin, _)| *begin < first);
        self.inherited.insert(at, (first, last));
        // Ranges of one epoch that meet or overlap become one.
        let mut merged: Vec<(Zxid, Zxid)> = Vec::with_capacity(self.inherited.len());
        for &(first, last) in &self.inherited {
            match merged.last_mut() {
                Some(before) if first.bits() <= before.1.bits().saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        self.inherited = merged;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_zab::Epoch;

    fn zxid(epoch: u32, counter: u32) -> Zxid {
        Zxid::new(Epoch::new(epoch), counter)
    }

    #[test]
    fn a_zxid_has_one_content() {
        let mut contents = Contents::default();
        assert_eq!(contents.met(zxid(1, 1), 7), Ok(7));
        assert_eq!(contents.met(zxid(1, 1), 7), Ok(7));
        assert!(contents.met(zxid(1, 1), 8).is_err());
        assert_eq!(contents.met(zxid(2, 1), 8), Ok(8));
    }

    #[test]
    fn what_is_inherited_equals_itself_and_is_still_compared() {
        let mut contents = Contents::default();
        let mut log = Vec::new();
        let run = Run {
            epoch: Epoch::new(1),
            first: 3,
            last: 200,
        };
        contents.met(zxid(1, 100), 5).unwrap();
        contents.run(run, &mut log);
        assert_eq!(log.len(), 198);
        assert_eq!(
            log[97],
            Txn {
                zxid: zxid(1, 100),
                value: 5
            }
        );
        assert_eq!(contents.met(zxid(1, 4), 9), Ok(0));
        assert_eq!(contents.met(zxid(1, 4), 9), Ok(0));
        assert!(contents.met(zxid(1, 4), 10).is_err());
        assert_eq!(contents.met(zxid(1, 2), 9), Ok(9));
        assert_eq!(contents.met(zxid(1, 201), 9), Ok(9));
        assert_eq!(contents.at(zxid(1, 100)).value, 5);
    }
}
