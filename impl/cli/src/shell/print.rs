//! How do stats, bytes and colours look? Stats and hex dumps as zkCli's, which scripts read.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use quorate_client::{EventKind, Stat};
use serde_json::{Value, json};

/// Whether words have colours.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Paint(pub(crate) bool);

/// What colours stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tone {
    Parent,
    Ephemeral,
    Good,
    Changed,
    Bad,
    Faint,
}

impl Paint {
    /// Colours for a terminal whose user did not ask for none.
    pub(crate) fn for_terminal(is_terminal: bool) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self(is_terminal && !dumb && !set("NO_COLOR"))
    }

    /// The words in their colour, if there are any.
    pub(crate) fn paint(self, tone: Tone, words: &str) -> String {
        if !self.0 {
            return words.to_owned();
        }
        let code = match tone {
            Tone::Parent => "1;34",
            Tone::Ephemeral => "36",
            Tone::Good => "32",
            Tone::Changed => "33",
            Tone::Bad => "31",
            Tone::Faint => "2",
        };
        format!("\x1b[{code}m{words}\x1b[0m")
    }
}

/// The colour of what happened.
pub(crate) const fn tone(kind: EventKind) -> Tone {
    match kind {
        EventKind::NodeCreated => Tone::Good,
        EventKind::NodeDeleted => Tone::Bad,
        EventKind::NodeDataChanged | EventKind::NodeChildrenChanged => Tone::Changed,
    }
}

/// A stat as zkCli prints it.
pub(crate) fn stat(stat: &Stat, paint: Paint) -> String {
    let lines = [
        ("cZxid", format!("0x{:x}", stat.czxid)),
        ("ctime", date(stat.ctime_ms)),
        ("mZxid", format!("0x{:x}", stat.mzxid)),
        ("mtime", date(stat.mtime_ms)),
        ("pZxid", format!("0x{:x}", stat.pzxid)),
        ("cversion", stat.cversion.to_string()),
        ("dataVersion", stat.version.to_string()),
        ("aclVersion", stat.aversion.to_string()),
        ("ephemeralOwner", format!("0x{:x}", stat.ephemeral_owner)),
        ("dataLength", stat.data_length.to_string()),
        ("numChildren", stat.num_children.to_string()),
    ];
    let line = |(name, value): &(&str, String)| format!("{} = {value}", paint.paint(Tone::Faint, name));
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A stat as one object. What has 64 bits is text: not every reader of JSON has so large numbers.
pub(crate) fn stat_json(stat: &Stat) -> Value {
    json!({
        "cZxid": format!("0x{:x}", stat.czxid),
        "ctime": stat.ctime_ms,
        "mZxid": format!("0x{:x}", stat.mzxid),
        "mtime": stat.mtime_ms,
        "pZxid": format!("0x{:x}", stat.pzxid),
        "cversion": stat.cversion,
        "dataVersion": stat.version,
        "aclVersion": stat.aversion,
        "ephemeralOwner": format!("0x{:x}", stat.ephemeral_owner),
        "dataLength": stat.data_length,
        "numChildren": stat.num_children,
    })
}

/// A moment as Java prints it, in this machine's time zone.
fn date(ms: i64) -> String {
    let Ok(moment) = Timestamp::from_millisecond(ms) else {
        return ms.to_string();
    };
    date_in(moment, TimeZone::try_system().unwrap_or(TimeZone::UTC))
}

fn date_in(moment: Timestamp, zone: TimeZone) -> String {
    moment
        .to_zoned_datetime(zone)
        .strftime("%a %b %d %H:%M:%S %Z %Y")
        .to_string()
}

/// Rows of 16 bytes, as zkCli's `get -x` prints them.
pub(crate) fn hex_dump(data: &[u8]) -> String {
    const RULE: &str = "+--------+-------------------------------------------------+----------------+";
    if data.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "         +-------------------------------------------------+\n         \
         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |\n",
    );
    text.push_str(RULE);
    for (row, bytes) in data.chunks(16).enumerate() {
        let hex: String = bytes.iter().map(|byte| format!(" {byte:02x}")).collect();
        let shown = |&byte: &u8| {
            if (0x20..0x7f).contains(&byte) {
                byte as char
            } else {
                '.'
            }
        };
        let letters: String = bytes.iter().map(shown).collect();
        text.push_str(&format!("\n|{:08x}|{hex:<48} |{letters:<16}|", row * 16));
    }
    text.push('\n');
    text.push_str(RULE);
    text
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes in base64, with padding.
pub(crate) fn base64(data: &[u8]) -> String {
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for three in data.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            text.push(match at <= three.len() {
                true => BASE64[(bits >> (18 - 6 * at) & 63) as usize] as char,
                false => '=',
            });
        }
    }
    text
}

/// The bytes of base64, whose padding may be left out; `None` if it is none.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let unpadded = text.trim_end_matches('=');
    let padding = text.len() - unpadded.len();
    if unpadded.len() % 4 == 1 || padding > 0 && (padding > 2 || !text.len().is_multiple_of(4)) {
        return None;
    }
    let mut data = Vec::with_capacity(unpadded.len() * 3 / 4);
    for four in unpadded.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for letter in four {
            let value = BASE64.iter().position(|known| known == letter)?;
            bits = bits << 6 | u32::try_from(value).ok()?;
        }
        bits <<= 6 * (4 - four.len());
        data.extend_from_slice(&bits.to_be_bytes()[1..four.len()]);
    }
    Some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_java_s() {
        assert_eq!(
            date_in(Timestamp::UNIX_EPOCH, TimeZone::UTC),
            "Thu Jan 01 00:00:00 UTC 1970"
        );
        let moment = Timestamp::from_millisecond(1_732_000_000_123).expect("a moment");
        assert_eq!(date_in(moment, TimeZone::UTC), "Tue Nov 19 07:06:40 UTC 2024");
    }

    #[test]
    fn a_hex_dump_has_rows_of_sixteen_bytes() {
        let expected = "\
         +-------------------------------------------------+
         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |
+--------+-------------------------------------------------+----------------+
|00000000| 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 |0123456789abcdef|
|00000010| 7a 00 ff                                        |z..             |
+--------+-------------------------------------------------+----------------+";
        assert_eq!(
            hex_dump(b"0123456789abcdefz\0\xff").trim_start(),
            expected.trim_start()
        );
        assert_eq!(hex_dump(b""), "");
    }

    #[test]
    fn base64_goes_there_and_back() {
        for (data, text) in [
            (&b""[..], ""),
            (b"h", "aA=="),
            (b"he", "aGU="),
            (b"hel", "aGVs"),
            (b"\xff\xfe\xfd\xfc", "//79/A=="),
        ] {
            assert_eq!(base64(data), text);
            assert_eq!(from_base64(text).as_deref(), Some(data));
        }
        assert_eq!(from_base64("aGU"), Some(b"he".to_vec()));
        for malformed in ["a", "aGU==", "aG U", "a===", "äa", "=="] {
            assert_eq!(from_base64(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn without_colours_words_stay_as_they_are() {
        assert_eq!(Paint(false).paint(Tone::Bad, "x"), "x");
        assert_eq!(Paint(true).paint(Tone::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
