//! How is a quantity summed up that comes in many values?

use hdrhistogram::Histogram;
use std::collections::BTreeMap;

/// Two significant digits: the percentiles are off by one percent at most, and a summary takes a few KiB.
const DIGITS: u8 = 2;
/// Keys of one set; values of further keys are counted under [`OTHERS`]. Clients choose the keys, and
/// must not fill the memory with them.
const KEYS_MAX: usize = 200;
/// The key of those that came when the set was full.
const OTHERS: &str = "others";

/// Count, sum, least, most and percentiles of whole numbers, since the start or the last reset.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    count: u64,
    sum: u64,
    min: u64,
    max: u64,
    values: Histogram<u64>,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0,
            min: 0,
            max: 0,
            values: Histogram::new(DIGITS).expect("two digits are possible"),
        }
    }
}

impl Summary {
    pub(crate) fn add(&mut self, value: u64) {
        self.min = if self.count == 0 {
            value
        } else {
            self.min.min(value)
        };
        self.max = self.max.max(value);
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
        self.values.saturating_record(value);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn sum(&self) -> u64 {
        self.sum
    }

    pub(crate) fn min(&self) -> u64 {
        self.min
    }

    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    /// The mean with up to four decimals, as Apache has it.
    pub(crate) fn mean(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            (self.sum as f64 / self.count as f64 * 1e4).round() / 1e4
        }
    }

    /// The value that this part of all values does not exceed; 0 if there are none.
    pub(crate) fn quantile(&self, part: f64) -> u64 {
        self.values.value_at_quantile(part).min(self.max)
    }
}

/// A summary for each key.
#[derive(Clone, Debug, Default)]
pub(crate) struct SummarySet(BTreeMap<Box<str>, Summary>);

impl SummarySet {
    pub(crate) fn add(&mut self, key: &str, value: u64) {
        if let Some(summary) = self.0.get_mut(key) {
            return summary.add(value);
        }
        let key = if self.0.len() < KEYS_MAX { key } else { OTHERS };
        self.0.entry(key.into()).or_default().add(value);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Summary)> {
        self.0.iter().map(|(key, summary)| (&**key, summary))
    }
}
