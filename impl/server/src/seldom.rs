//! How is something told that happens again and again? Once, and then no more often than people can read, with
//! the number of times that it was not told.

/// How long nothing more is told, in ms.
const PAUSE_MS: u64 = 10_000;

/// One kind of thing to tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seldom {
    told_ms: Option<u64>,
    untold: u64,
}

impl Seldom {
    /// It happened: if it is to be told, the number of times that it was not since the last time.
    pub(crate) fn happened(&mut self, now_ms: u64) -> Option<u64> {
        let is_due = self
            .told_ms
            .is_none_or(|told| now_ms.saturating_sub(told) >= PAUSE_MS);
        if !is_due {
            self.untold += 1;
            return None;
        }
        self.told_ms = Some(now_ms);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_again_and_again_is_told_once_in_a_while_and_counted() {
        let mut seldom = Seldom::default();
        assert_eq!(seldom.happened(5), Some(0));
        assert_eq!((seldom.happened(6), seldom.happened(10_004)), (None, None));
        assert_eq!(seldom.happened(10_005), Some(2));
        assert_eq!(seldom.happened(30_000), Some(0));
    }
}
