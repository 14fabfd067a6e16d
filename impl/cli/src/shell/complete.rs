//! What could the word at the cursor become? A command, an option, or a path that the servers know.

use super::table::{self, COMMANDS};

/// A way to go on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Candidate {
    /// What is shown in the list.
    pub(crate) shown: String,
    /// What stands in the line from then on.
    pub(crate) written: String,
}

/// A znode's children, in order; none if it cannot be asked.
pub(crate) trait Children {
    /// The names below `path`.
    fn of(&self, path: &str) -> Vec<String>;

    /// Whether there is any below `path`.
    fn any(&self, path: &str) -> bool;
}

/// Where the word begins that is to be replaced, and by what.
pub(crate) fn complete(line: &str, children: &impl Children) -> (usize, Vec<Candidate>) {
    let start = line
        .rfind(char::is_whitespace)
        .map_or(0, |at| at + line[at..].chars().next().map_or(1, char::len_utf8));
    let before: Vec<_> = line[..start].split_whitespace().collect();
    let word = &line[start..];
    let names = || {
        COMMANDS
            .iter()
            .map(|spec| spec.name.to_owned())
            .collect::<Vec<_>>()
    };
    let fixed = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    // A quote is part of the word in the line, and not of the path.
    let quote = usize::from(word.starts_with(['"', '\'']));
    let is_path = !before.is_empty() && word[quote..].starts_with('/');
    let path_at = is_path.then_some(start + quote);
    let (start, word, choices) = match (before.as_slice(), word) {
        ([], word) => (start, word, names()),
        (_, word) if word[quote..].starts_with('/') => {
            let path = &word[quote..];
            let name_at = path.rfind('/').map_or(0, |at| at + 1);
            let parent = match &path[..name_at - 1] {
                "" => "/",
                parent => parent,
            };
            (start + quote + name_at, &path[name_at..], children.of(parent))
        }
        ([command, ..], word) if word.starts_with('-') => {
            let options = table::find(command).map_or(&[][..], |spec| spec.options);
            let options = options.iter().map(|option| format!("-{}", option.name));
            (start, word, options.collect())
        }
        (["help"], word) => (start, word, names()),
        (["printwatches"], word) => (start, word, fixed(&["off", "on"])),
        ([.., "-m"], word) => (start, word, fixed(&["PERSISTENT", "PERSISTENT_RECURSIVE"])),
        (["addauth"], word) => (start, word, fixed(&["digest"])),
        _ => (start, word, Vec::new()),
    };
    let candidates = choices.into_iter().filter(|choice| choice.starts_with(word));
    let candidate = |choice: String| Candidate {
        written: choice.clone(),
        shown: choice,
    };
    let mut candidates: Vec<_> = candidates.map(candidate).collect();
    // The only one is what was meant: go on behind it.
    if let [only] = candidates.as_mut_slice() {
        let path = path_at.map(|at| format!("{}{}", &line[at..start], only.written));
        match path {
            None => only.written.push(' '),
            Some(path) if children.any(&path) => only.written.push('/'),
            Some(_) => {}
        }
    }
    (start, candidates)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Tree;

    impl Children for Tree {
        fn of(&self, path: &str) -> Vec<String> {
            let names: &[&str] = match path {
                "/" => &["app", "apple", "zookeeper"],
                "/app" => &["one", "two"],
                _ => &[],
            };
            names.iter().map(|&name| name.to_owned()).collect()
        }

        fn any(&self, path: &str) -> bool {
            !self.of(path).is_empty()
        }
    }

    /// The lines that `line` can become.
    fn lines(line: &str) -> Vec<String> {
        let (start, candidates) = complete(line, &Tree);
        candidates
            .iter()
            .map(|candidate| format!("{}{}", &line[..start], candidate.written))
            .collect()
    }

    #[test]
    fn the_first_word_is_a_command() {
        assert_eq!(lines("getA"), ["getAcl", "getAllChildrenNumber"]);
        assert_eq!(lines("").len(), COMMANDS.len());
        assert_eq!(lines("  wa"), ["  watch "]);
        assert_eq!(lines("help se"), ["help set", "help setAcl", "help setquota"]);
        assert_eq!(lines("nothing"), [""; 0]);
    }

    #[test]
    fn a_path_becomes_a_path_of_the_tree() {
        assert_eq!(lines("ls /a"), ["ls /app", "ls /apple"]);
        assert_eq!(lines("ls -s /app/"), ["ls -s /app/one", "ls -s /app/two"]);
        assert_eq!(lines("get /app/o"), ["get /app/one"]);
        assert_eq!(lines("get '/app/o"), ["get '/app/one"]);
        assert_eq!(lines("get /none/o"), [""; 0]);
        assert_eq!(lines("get /z"), ["get /zookeeper"]);
        assert_eq!(lines("get /app"), ["get /app", "get /apple"]);
    }

    #[test]
    fn a_path_that_has_children_goes_on() {
        struct Deep;
        impl Children for Deep {
            fn of(&self, _: &str) -> Vec<String> {
                vec!["below".to_owned()]
            }

            fn any(&self, path: &str) -> bool {
                path == "/a/below"
            }
        }
        let (start, candidates) = complete("get '/a/be", &Deep);
        assert_eq!((start, candidates[0].written.as_str()), (8, "below/"));
        let (start, candidates) = complete("get /", &Deep);
        assert_eq!((start, candidates[0].written.as_str()), (5, "below"));
    }

    #[test]
    fn an_option_becomes_one_of_the_command() {
        assert_eq!(
            lines("create -"),
            ["create -e", "create -s", "create -c", "create -t"]
        );
        assert_eq!(lines("reconfig -a"), ["reconfig -add "]);
        assert_eq!(
            lines("addWatch -m P"),
            ["addWatch -m PERSISTENT", "addWatch -m PERSISTENT_RECURSIVE"]
        );
        assert_eq!(lines("printwatches o"), ["printwatches off", "printwatches on"]);
    }
}
