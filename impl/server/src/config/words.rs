//! Which four-letter words are answered?

use quorate_wire::frame::FourLetterWord;

/// The words of `4lw.commands.whitelist`; `srvr` is always among them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct WordList {
    words: Vec<FourLetterWord>,
}

impl WordList {
    /// Whether the word is answered.
    pub fn allows(&self, word: FourLetterWord) -> bool {
        word == FourLetterWord::Srvr || self.words.contains(&word)
    }

    /// `srvr` and these.
    pub fn of(words: &[FourLetterWord]) -> Self {
        Self {
            words: words.to_vec(),
        }
    }

    /// Reads a comma-separated list, or `*`. The second is what is no word.
    pub(super) fn parse(value: &str) -> (Self, Vec<String>) {
        let mut list = Self::default();
        let mut unknown = Vec::new();
        for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match FourLetterWord::ALL.into_iter().find(|word| word.as_str() == name) {
                Some(word) => list.words.push(word),
                None if name == "*" => list.words.extend(FourLetterWord::ALL),
                None => unknown.push(name.to_owned()),
            }
        }
        (list, unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn srvr_is_always_answered_and_others_only_if_listed() {
        let (list, unknown) = WordList::parse("ruok, mntr,nope");
        assert!(list.allows(FourLetterWord::Srvr) && list.allows(FourLetterWord::Ruok));
        assert!(list.allows(FourLetterWord::Mntr) && !list.allows(FourLetterWord::Stat));
        assert_eq!(unknown, ["nope"]);
        assert!(
            FourLetterWord::ALL
                .into_iter()
                .all(|word| WordList::parse("*").0.allows(word))
        );
        assert!(!WordList::default().allows(FourLetterWord::Ruok));
    }
}
