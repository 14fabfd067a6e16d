//! Which paths may a znode have? ZooKeeper's own client refuses the others before it sends anything, in the
//! words that are repeated here.

/// Why a path is none.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PathError {
    /// It is empty.
    #[error("Path length must be > 0")]
    Empty,
    /// It does not begin with a slash.
    #[error("Path must start with / character")]
    Start,
    /// It ends with a slash and is not the root.
    #[error("Path must not end with / character")]
    End,
    /// A component or character is not allowed.
    #[error("Invalid path string \"{path}\" caused by {reason} @{at}")]
    Invalid {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
        /// Index of the character, in UTF-16 as Java counts.
        at: usize,
    },
}

/// Whether `path` may name a znode.
///
/// # Errors
///
/// What is wrong with it.
pub fn validate(path: &str) -> Result<(), PathError> {
    match path {
        "" => return Err(PathError::Empty),
        "/" => return Ok(()),
        _ if !path.starts_with('/') => return Err(PathError::Start),
        _ if path.ends_with('/') => return Err(PathError::End),
        _ => {}
    }
    let units: Vec<u16> = path.encode_utf16().collect();
    let slash = u16::from(b'/');
    let dot = u16::from(b'.');
    let ends = |at: usize| units.get(at).is_none_or(|&unit| unit == slash);
    for (at, &unit) in units.iter().enumerate().skip(1) {
        let last = units[at - 1];
        let reason = match unit {
            0 => "null character not allowed",
            unit if unit == slash && last == slash => "empty node name specified",
            unit if unit == dot && last == dot && units[at - 2] == slash && ends(at + 1) => {
                "relative paths not allowed"
            }
            unit if unit == dot && last == slash && ends(at + 1) => "relative paths not allowed",
            0x01..=0x1f | 0x7f..=0x9f | 0xd800..=0xf8ff | 0xfff0..=0xffff => "invalid character",
            _ => continue,
        };
        return Err(PathError::Invalid {
            path: path.to_owned(),
            reason,
            at,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_are_valid() {
        for path in [
            "/",
            "/a",
            "/a/b",
            "/.a",
            "/a..",
            "/..a/b.",
            "/ä b",
            "/\u{e000f}".get(..1).unwrap_or("/"),
        ] {
            assert_eq!(validate(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn other_paths_are_refused_in_the_words_of_zookeeper() {
        for (path, words) in [
            ("", "Path length must be > 0"),
            ("a", "Path must start with / character"),
            ("/a/", "Path must not end with / character"),
            (
                "/a//b",
                "Invalid path string \"/a//b\" caused by empty node name specified @3",
            ),
            (
                "/a/./b",
                "Invalid path string \"/a/./b\" caused by relative paths not allowed @3",
            ),
            (
                "/a/..",
                "Invalid path string \"/a/..\" caused by relative paths not allowed @4",
            ),
            (
                "/a\u{1}",
                "Invalid path string \"/a\u{1}\" caused by invalid character @2",
            ),
            (
                "/\u{1f600}",
                "Invalid path string \"/\u{1f600}\" caused by invalid character @1",
            ),
        ] {
            assert_eq!(validate(path).expect_err("it is invalid").to_string(), words);
        }
    }
}
