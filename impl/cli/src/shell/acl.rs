//! How is an ACL typed and shown? `scheme:id:perms,scheme:id:perms`; the id may hold colons.

use super::failure::Failure;
use quorate_client::Acl;

/// In the order in which they are shown.
const PERMISSIONS: [(char, i32); 5] = [('c', 4), ('d', 8), ('r', 1), ('w', 2), ('a', 16)];

/// What everybody may do: everything.
pub(crate) fn open() -> Vec<Acl> {
    vec![Acl {
        perms: 31,
        scheme: "world".to_owned(),
        id: "anyone".to_owned(),
    }]
}

/// Reads an ACL. zkCli complains of an entry that it cannot read, and goes on without it. It has no way to name a
/// subject of several parts, whose commas it takes for its own.
pub(crate) fn parse(text: &str) -> Result<Vec<Acl>, Failure> {
    let mut entries: Vec<String> = Vec::new();
    for piece in text.trim_end_matches(',').split(',') {
        match entries.last_mut() {
            Some(subject) if subject.starts_with("x509:") && subject.matches(':').count() == 1 => {
                subject.push(',');
                subject.push_str(piece);
            }
            _ => entries.push(piece.to_owned()),
        }
    }
    entries.iter().map(|one| entry(one)).collect()
}

fn entry(text: &str) -> Result<Acl, Failure> {
    let (Some((scheme, _)), Some((identity, letters))) = (text.split_once(':'), text.rsplit_once(':')) else {
        return Err(no_entry(text));
    };
    let Some(id) = identity.get(scheme.len() + 1..) else {
        return Err(no_entry(text));
    };
    let mut perms = 0;
    for letter in letters.chars() {
        let Some((_, bit)) = PERMISSIONS.iter().find(|(known, _)| *known == letter) else {
            return Err(Failure::Usage(format!("Unknown perm type: {letter}")));
        };
        perms |= bit;
    }
    Ok(Acl {
        perms,
        scheme: scheme.to_owned(),
        id: id.to_owned(),
    })
}

fn no_entry(text: &str) -> Failure {
    Failure::Usage(format!("{text} does not have the form scheme:id:perm"))
}

/// As jute prints text.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\0' => out.push_str("%00"),
            '\n' => out.push_str("%0A"),
            '\r' => out.push_str("%0D"),
            ',' => out.push_str("%2C"),
            '}' => out.push_str("%7D"),
            '%' => out.push_str("%25"),
            letter => out.push(letter),
        }
    }
    out
}

/// The letters of permissions.
pub(crate) fn letters(perms: i32) -> String {
    let set = PERMISSIONS.iter().filter(|(_, bit)| perms & bit != 0);
    set.map(|(letter, _)| letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_keeps_its_commas() {
        let read = parse("world:anyone:r,x509:CN=alice,O=A\\, B:cdrwa,ip:10.0.0.1:rw").expect("an ACL");
        let expected = [
            acl(1, "world", "anyone"),
            acl(31, "x509", "CN=alice,O=A\\, B"),
            acl(3, "ip", "10.0.0.1"),
        ];
        assert_eq!(read, expected);
        assert!(parse("world:anyone,ip:10.0.0.1:rw").is_err());
        assert!(parse("x509:CN=alice,O=Example").is_err());
    }

    fn acl(perms: i32, scheme: &str, id: &str) -> Acl {
        Acl {
            perms,
            scheme: scheme.to_owned(),
            id: id.to_owned(),
        }
    }

    #[test]
    fn text_is_escaped_as_jute_escapes_it() {
        assert_eq!(escaped("CN=a,O=b"), "CN=a%2CO=b");
        assert_eq!(escaped("x%}\0\r\n"), "x%25%7D%00%0D%0A");
    }

    #[test]
    fn entries_are_read_and_shown_as_zkcli_does() {
        assert_eq!(parse("world:anyone:cdrwa"), Ok(open()));
        assert_eq!(
            parse("digest:joe:aGFzaA==:rw,ip:10.0.0.0/8:r,"),
            Ok(vec![acl(3, "digest", "joe:aGFzaA=="), acl(1, "ip", "10.0.0.0/8")])
        );
        assert_eq!(parse("auth::rwcda"), Ok(vec![acl(31, "auth", "")]));
        assert_eq!(parse("world:anyone:"), Ok(vec![acl(0, "world", "anyone")]));
        assert_eq!(letters(31), "cdrwa");
        assert_eq!(letters(3), "rw");
        assert_eq!(letters(0), "");
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_not_left_out() {
        for text in ["world", "world:anyone", "", "world:anyone:r,x"] {
            let words = parse(text).expect_err("it is malformed").to_string();
            assert!(
                words.ends_with("does not have the form scheme:id:perm"),
                "{words}"
            );
        }
        let unknown = parse("world:anyone:rx").expect_err("it is malformed").to_string();
        assert_eq!(unknown, "Unknown perm type: x");
    }
}
