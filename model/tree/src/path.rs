//! Which strings are paths, and where do they split?

use crate::code::Code;

/// Always present, cannot be deleted.
pub const ZOOKEEPER: &str = "/zookeeper";
/// Holds the ensemble's configuration.
pub const CONFIG: &str = "/zookeeper/config";
/// Root of the quota tree.
pub const QUOTA: &str = "/zookeeper/quota";

/// Full validation of a path [ZooKeeper `PathUtils.validatePath`].
///
/// # Errors
///
/// [`Code::BAD_ARGUMENTS`] for what is not absolute, ends in `/`, has an empty, `.` or `..` component, or a
/// character that ZooKeeper bans: control, surrogate and private-use characters, U+FFF0 and above.
pub fn validate(path: &str) -> Result<(), Code> {
    let Some(rest) = path.strip_prefix('/') else {
        return Err(Code::BAD_ARGUMENTS);
    };
    if rest.is_empty() {
        return Ok(());
    }
    if rest.split('/').any(|name| matches!(name, "" | "." | "..")) {
        return Err(Code::BAD_ARGUMENTS);
    }
    let plain = |byte: u8| (0x20..0x7f).contains(&byte);
    if !rest.bytes().all(plain) && rest.chars().any(is_banned) {
        return Err(Code::BAD_ARGUMENTS);
    }
    Ok(())
}

/// The ban is on UTF-16 units, so that whatever needs a surrogate pair is banned as well.
fn is_banned(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..)
}

/// Parent and name: what is before and after the last `/`. The root's children have the parent `""`.
pub(crate) fn split(path: &str) -> Option<(&str, &str)> {
    path.rsplit_once('/')
}

/// Where a znode is: its parent's path and its name, if both can be told.
pub(crate) fn place(path: &str) -> Option<(&str, &str)> {
    split(path).filter(|(parent, name)| *parent != "/" && !name.is_empty())
}

/// The first check of `create` and `delete`: a parent can be told, and there is no NUL.
pub(crate) fn split_checked(path: &str) -> Result<(&str, &str), Code> {
    match split(path) {
        Some(parts) if !path.bytes().any(|byte| byte == 0) => Ok(parts),
        _ => Err(Code::BAD_ARGUMENTS),
    }
}

/// Whether the znode may never be deleted.
pub(crate) fn is_special(path: &str) -> bool {
    matches!(path, "/" | ZOOKEEPER | CONFIG | QUOTA)
}

/// The root's two names made one: the tree and its digest call it `""`.
pub(crate) fn canonical(path: &str) -> &str {
    if path == "/" { "" } else { path }
}

/// The root's two names made one: clients and their watches call it `/`.
pub(crate) fn watched(path: &str) -> &str {
    if path.is_empty() { "/" } else { path }
}

/// The path above a watched one; nothing is above `/`.
pub(crate) fn parent_watched(path: &str) -> Option<&str> {
    match path.rsplit_once('/')? {
        ("", "") => None,
        ("", _) => Some("/"),
        (parent, _) => Some(parent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_paths_pass() {
        for path in [
            "/",
            "/a",
            "/a/b",
            "/a.b/..c/d..",
            "/a b",
            "/é/日本",
            "/zookeeper/config",
            "/\u{f900}\u{ffef}",
        ] {
            assert_eq!(validate(path), Ok(()), "{path:?}");
        }
    }

    #[test]
    fn everything_that_zookeeper_bans_is_refused() {
        for path in [
            "",
            "a",
            "a/b",
            "//",
            "/a/",
            "/a//b",
            "/.",
            "/..",
            "/a/./b",
            "/a/../b",
            "/a/.",
            "/a\0",
            "/\u{1}",
            "/\u{1f}",
            "/\u{7f}",
            "/\u{9f}",
            "/\u{e000}",
            "/\u{f8ff}",
            "/\u{fff0}",
            "/\u{ffff}",
            "/\u{10000}",
        ] {
            assert_eq!(validate(path), Err(Code::BAD_ARGUMENTS), "{path:?}");
        }
    }
}
