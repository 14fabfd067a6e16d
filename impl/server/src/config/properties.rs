//! What does a Java properties file say, and on which line?

use std::iter::Peekable;
use std::str::Chars;

/// One `key=value`, unescaped and trimmed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Property {
    /// Where it begins, from 1.
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) value: String,
}

/// All properties in the order of the file; a key that is there twice is here twice.
///
/// The syntax is Java's: `#` and `!` begin comments, a backslash at the end continues the line, `=`, `:` or
/// blanks separate, `\t \n \r \f \uXXXX` escape. Unlike Java, which reads Latin-1, the text is UTF-8.
pub(super) fn parse(text: &str) -> Vec<Property> {
    let mut properties = Vec::new();
    let mut lines = text.lines().zip(1..).peekable();
    while let Some((first, line)) = lines.next() {
        let first = first.trim_start();
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = first.to_owned();
        while continues(&logical) {
            logical.pop();
            let Some((next, _)) = lines.next() else { break };
            logical.push_str(next.trim_start());
        }
        let (key, value) = split(&logical);
        properties.push(Property {
            line,
            key: key.trim().to_owned(),
            value: value.trim().to_owned(),
        });
    }
    properties
}

/// An odd number of backslashes at the end: the last one is not escaped itself.
fn continues(line: &str) -> bool {
    line.bytes().rev().take_while(|&byte| byte == b'\\').count() % 2 == 1
}

fn split(logical: &str) -> (String, String) {
    let mut chars = logical.chars().peekable();
    let key = unescape(&mut chars, |c| matches!(c, '=' | ':') || is_blank(c));
    while chars.next_if(|&c| is_blank(c)).is_some() {}
    if chars.next_if(|c| matches!(c, '=' | ':')).is_some() {
        while chars.next_if(|&c| is_blank(c)).is_some() {}
    }
    let value = unescape(&mut chars, |_| false);
    (key, value)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

fn unescape(chars: &mut Peekable<Chars<'_>>, ends: impl Fn(char) -> bool) -> String {
    let mut out = String::new();
    while let Some(c) = chars.next_if(|&c| !ends(c)) {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let digits: String = std::iter::from_fn(|| chars.next_if(char::is_ascii_hexdigit))
                    .take(4)
                    .collect();
                let unit = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                out.push(unit.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> (String, String) {
        let [property] = <[Property; 1]>::try_from(parse(text)).expect("one property");
        (property.key, property.value)
    }

    #[test]
    fn separators_and_escapes_are_javas() {
        let expected = ("a".to_owned(), "b c".to_owned());
        for text in [
            "a=b c",
            "a = b c ",
            "a:b c",
            "a b c",
            "  a\t=\tb c",
            "a=\\u0062 c",
            "a=b \\\n   c",
        ] {
            assert_eq!(one(text), expected, "{text:?}");
        }
        assert_eq!(one("dataDir=C:\\\\zk\\=x"), ("dataDir".into(), "C:\\zk=x".into()));
        assert_eq!(one("server.1=a:1:2;3"), ("server.1".into(), "a:1:2;3".into()));
        assert_eq!(one("a\\ b=c"), ("a b".into(), "c".into()));
        assert_eq!(one("alone"), ("alone".into(), String::new()));
    }

    #[test]
    fn lines_are_counted_where_properties_begin() {
        let lines: Vec<_> = parse("# c\n\na=1\n! c\nb=2\\\n  3\nc=4\r\n")
            .iter()
            .map(|p| p.line)
            .collect();
        assert_eq!(lines, [3, 5, 7]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            parse(&text);
        }

        #[test]
        fn text_full_of_syntax_is_read_without_a_panic(text in "[\\\\u0-9a=: #!\n\r]{0,40}") {
            parse(&text);
        }
    }
}
