//! How is a line split into words? As zkCli does: at white space, and a word that begins with a quote goes to
//! the next quote of its kind. There are no escapes, and a quote within a word is a character like any other.

/// A quote that nothing closes.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a quote is not closed: {0}")]
pub(crate) struct Unclosed(String);

/// The words of a line, without their quotes.
pub(crate) fn split(line: &str) -> Result<Vec<String>, Unclosed> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '"' | '\'' => rest[1..]
                .split_once(first)
                .ok_or_else(|| Unclosed(rest.to_owned()))?,
            _ => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        split(line).expect("its quotes are closed")
    }

    #[test]
    fn a_line_is_split_as_zkcli_splits_it() {
        assert_eq!(words("  create  /a\tb "), ["create", "/a", "b"]);
        assert_eq!(words("set /a 'b c' \"d 'e\""), ["set", "/a", "b c", "d 'e"]);
        assert_eq!(words("set /a ''"), ["set", "/a", ""]);
        assert_eq!(words("set /a b\"c d\""), ["set", "/a", "b\"c", "d\""]);
        assert_eq!(words("set '/a''b'"), ["set", "/a", "b"]);
        assert_eq!(words("set /a {\"k\":1}"), ["set", "/a", "{\"k\":1}"]);
        assert_eq!(words(" "), [""; 0]);
    }

    #[test]
    fn a_quote_must_be_closed() {
        assert_eq!(split("set /a 'b c"), Err(Unclosed("'b c".to_owned())));
        assert_eq!(split("\""), Err(Unclosed("\"".to_owned())));
    }
}
