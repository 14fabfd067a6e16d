//! Where is a quota, and how is it written? Below `/zookeeper/quota`, two znodes for each path.

/// The znode below which quotas are.
pub(crate) const ROOT: &str = "/zookeeper/quota";
/// The znode of the limits.
pub(crate) const LIMITS: &str = "zookeeper_limits";
/// The znode of the usage.
pub(crate) const STATS: &str = "zookeeper_stats";

/// Limits, or usage: −1 is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Track {
    pub(crate) count: i64,
    pub(crate) bytes: i64,
    /// Keys behind the first two, by name: the hard limits, and what others may add.
    more: std::collections::BTreeMap<String, i64>,
}

/// Key of the hard limit of znodes.
pub(crate) const COUNT_HARD: &str = "countHardLimit";
/// Key of the hard limit of bytes.
pub(crate) const BYTES_HARD: &str = "byteHardLimit";

impl Track {
    /// Without a limit.
    pub(crate) fn none() -> Self {
        Self {
            count: -1,
            bytes: -1,
            more: Default::default(),
        }
    }

    /// Reads `count=N,bytes=M=;byteHardLimit=B;countHardLimit=C`; `None` if that is not what it is.
    pub(crate) fn read(data: &[u8]) -> Option<Self> {
        let mut track = Self::none();
        let text = std::str::from_utf8(data).ok()?;
        for pair in text.split([',', ';']).filter(|pair| !pair.is_empty()) {
            let mut parts = pair.split('=');
            let (key, value) = (parts.next()?, parts.next()?);
            let value = if value.is_empty() { -1 } else { value.parse().ok()? };
            track.set(key, value);
        }
        Some(track)
    }

    /// The limit of this key.
    pub(crate) fn get(&self, key: &str) -> i64 {
        match key {
            "count" => self.count,
            "bytes" => self.bytes,
            key => self.more.get(key).copied().unwrap_or(-1),
        }
    }

    /// Replaces the limit of this key.
    pub(crate) fn set(&mut self, key: &str, value: i64) {
        match key {
            "count" => self.count = value,
            "bytes" => self.bytes = value,
            key => drop(self.more.insert(key.to_owned(), value)),
        }
    }
}

impl std::fmt::Display for Track {
    /// As it is stored. The second `=` behind the bytes hides what follows from older readers.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "count={},bytes={}", self.count, self.bytes)?;
        if !self.more.is_empty() {
            f.write_str("=")?;
        }
        for (key, value) in &self.more {
            write!(f, ";{key}={value}")?;
        }
        Ok(())
    }
}

/// The options of a limit, and its key.
pub(crate) const KEYS: [(&str, &str); 4] = [
    ("n", "count"),
    ("b", "bytes"),
    ("N", COUNT_HARD),
    ("B", BYTES_HARD),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_and_written_back() {
        for text in [
            "count=5,bytes=-1",
            "count=-1,bytes=-1=;byteHardLimit=7;countHardLimit=-1",
        ] {
            let track = Track::read(text.as_bytes()).expect("it is a quota");
            assert_eq!(track.to_string(), text);
        }
        let track = Track::read(b"count=-1,bytes=10=;byteHardLimit=7").expect("it is a quota");
        assert_eq!(
            (track.bytes, track.get(BYTES_HARD), track.get(COUNT_HARD)),
            (10, 7, -1)
        );
        assert_eq!(Track::read(b""), Some(Track::none()));
    }

    #[test]
    fn other_data_is_no_quota() {
        assert_eq!(Track::read(b"hello"), None);
        assert_eq!(Track::read(b"count=x"), None);
        assert_eq!(Track::read(&[0xff]), None);
    }
}
