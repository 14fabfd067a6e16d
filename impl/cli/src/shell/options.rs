//! Which of a command's words are options? As commons-cli, zkCli's parser, finds them: anywhere among the
//! words, with one dash, several in one (`-sw`), a value joined (`-v3`, `-v=3`) or next; `--` ends them.

use super::failure::Failure;
use super::table::{Opt, Spec};

/// A command's words, told apart.
#[derive(Debug)]
pub(crate) struct Given {
    /// The words that are no options, the command's name left out.
    pub(crate) words: Vec<String>,
    options: Vec<(&'static str, Option<String>)>,
    spec: &'static Spec,
}

impl Given {
    /// Reads the words behind the command's name.
    pub(crate) fn read(spec: &'static Spec, words: &[String]) -> Result<Self, Failure> {
        let mut given = Self {
            words: Vec::new(),
            options: Vec::new(),
            spec,
        };
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let Some(name) = word.strip_prefix('-').filter(|name| !name.is_empty()) else {
                given.words.push(word.clone());
                continue;
            };
            if name == "-" {
                given.words.extend(rest.cloned());
                break;
            }
            let awaits = given.option(name, word)?;
            if let Some(option) = awaits {
                let value = rest.next().filter(|next| !is_option(spec, next));
                let missing = || given.usage(&format!("Missing argument for option: {}", option.name));
                let value = value.cloned().ok_or_else(missing)?;
                given.options.push((option.name, Some(value)));
            }
        }
        Ok(given)
    }

    /// Takes the options of one word; returns the one whose value is the next word.
    fn option(&mut self, name: &str, word: &str) -> Result<Option<&'static Opt>, Failure> {
        if let Some(option) = find(self.spec, name) {
            if option.takes_value {
                return Ok(Some(option));
            }
            self.options.push((option.name, None));
            return Ok(None);
        }
        if let Some((name, value)) = name.split_once('=')
            && let Some(option) = find(self.spec, name).filter(|option| option.takes_value)
        {
            self.options.push((option.name, Some(value.to_owned())));
            return Ok(None);
        }
        for (at, letter) in name.char_indices() {
            let rest = &name[at + letter.len_utf8()..];
            let Some(option) = find(self.spec, &name[at..at + letter.len_utf8()]) else {
                return Err(self.usage(&format!("Unrecognized option: {word}")));
            };
            match (option.takes_value, rest) {
                (true, "") => return Ok(Some(option)),
                (true, rest) => {
                    self.options.push((option.name, Some(rest.to_owned())));
                    return Ok(None);
                }
                (false, _) => self.options.push((option.name, None)),
            }
        }
        Ok(None)
    }

    /// A failure that ends with how the command is used.
    pub(crate) fn usage(&self, words: &str) -> Failure {
        let usage = self.spec.line();
        Failure::Usage(if words.is_empty() {
            usage
        } else {
            format!("{words}\n{usage}")
        })
    }

    /// Whether the option was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(given, _)| *given == name)
    }

    /// The option's value; the first if there are more.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let found = self.options.iter().find(|(given, _)| *given == name);
        found.and_then(|(_, value)| value.as_deref())
    }

    /// The option's value as a number.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, Failure> {
        let number = |text: &str| {
            text.parse()
                .map_err(|_| Failure::Usage(format!("-{name} argument must be {what}")))
        };
        self.value(name).map(number).transpose()
    }

    /// The `at`th word, which must be there.
    pub(crate) fn word(&self, at: usize) -> Result<&str, Failure> {
        self.words
            .get(at)
            .map(String::as_str)
            .ok_or_else(|| self.usage(""))
    }

    /// Which of these options was given; they exclude each other.
    pub(crate) fn one_of(&self, names: &[&'static str]) -> Result<Option<&'static str>, Failure> {
        let mut given = names.iter().copied().filter(|name| self.has(name));
        let first = given.next();
        match (first, given.next()) {
            (Some(first), Some(second)) => Err(self.usage(&format!(
                "The option '{second}' was specified but an option from this group has already been selected: '{first}'"
            ))),
            _ => Ok(first),
        }
    }
}

fn find(spec: &'static Spec, name: &str) -> Option<&'static Opt> {
    spec.options.iter().find(|option| option.name == name)
}

/// Whether a word is an option rather than the value of the one before it. Numbers below zero are values.
fn is_option(spec: &'static Spec, word: &str) -> bool {
    let Some(name) = word.strip_prefix('-').filter(|name| !name.is_empty()) else {
        return false;
    };
    if word.parse::<f64>().is_ok() {
        return false;
    }
    let name = name.split_once('=').map_or(name, |(name, _)| name);
    let first = name.chars().next().map(String::from).unwrap_or_default();
    find(spec, name).is_some() || find(spec, &first).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    fn read(line: &str) -> Result<Given, Failure> {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        Given::read(table::find(&words[0]).expect("a command"), &words[1..])
    }

    fn fault(line: &str) -> String {
        let failure = read(line).expect_err("it is not well-formed");
        assert_eq!(failure.code(), 2);
        failure.to_string().lines().next().unwrap_or_default().to_owned()
    }

    #[test]
    fn options_are_found_anywhere_and_joined() {
        for line in ["get -s -w /a", "get /a -sw", "get -s /a -w"] {
            let given = read(line).expect("it is well-formed");
            assert!(given.has("s") && given.has("w") && !given.has("b"), "{line}");
            assert_eq!(given.words, ["/a"]);
        }
    }

    #[test]
    fn a_value_is_joined_or_the_next_word() {
        for line in ["set /a b -v 3", "set -v3 /a b", "set -v=3 /a b", "set /a -sv 3 b"] {
            let given = read(line).expect("it is well-formed");
            assert_eq!(given.value("v"), Some("3"), "{line}");
            assert_eq!(given.words, ["/a", "b"], "{line}");
        }
        let below_zero = read("delete -v -1 /a").expect("it is well-formed");
        assert_eq!(below_zero.number("v", "a number"), Ok(Some(-1)));
        let long = read("reconfig -add x -remove 3,4").expect("it is well-formed");
        assert_eq!(
            (long.value("add"), long.value("remove")),
            (Some("x"), Some("3,4"))
        );
    }

    #[test]
    fn two_dashes_end_the_options_and_one_is_a_word() {
        let given = read("set /a -s -- -b").expect("it is well-formed");
        assert_eq!(given.words, ["/a", "-b"]);
        assert!(given.has("s") && !given.has("b"));
        assert_eq!(read("set /a -").expect("it is well-formed").words, ["/a", "-"]);
    }

    #[test]
    fn what_is_no_option_is_refused() {
        assert_eq!(fault("get -q /a"), "Unrecognized option: -q");
        assert_eq!(fault("get -sq /a"), "Unrecognized option: -sq");
        assert_eq!(fault("set /a b -v"), "Missing argument for option: v");
        assert_eq!(fault("set /a b -v -s"), "Missing argument for option: v");
        let groups = read("delquota -n -b /a").expect("it is well-formed");
        assert!(groups.one_of(&["n", "b"]).is_err());
        assert_eq!(groups.one_of(&["n", "N"]), Ok(Some("n")));
        assert!(
            read("set /a b -v x")
                .expect("it is read")
                .number::<i32>("v", "an int")
                .is_err()
        );
    }
}
