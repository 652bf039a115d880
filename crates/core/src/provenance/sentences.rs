//! What verdicts say, as data, and the one table of sentences by which it is said in a language: `web/verify/sentences.json`.
//!
//! The verifier in JavaScript fills the same table. `{who}` in a sentence stands for the part of that name, and `{Who}` for the same
//! with a capital at its beginning. What is filled in is not filled again, so no name can bring a part of its own.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::provenance::phrase::Phrase;
use crate::provenance::rule::Rule;

/// A part of a sentence: a text, or what a table says in its own language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wording {
    Text(String),
    Phrase(Box<Phrase>),
    Rule(Box<Rule>),
    /// Several, with commas between them.
    List(Vec<Wording>),
    /// Several, with "and" between them.
    All(Vec<Wording>),
}

impl Wording {
    /// Nothing, for a part that some sentences lack.
    pub const NOTHING: Self = Self::Text(String::new());
}

impl From<String> for Wording {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Wording {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<usize> for Wording {
    fn from(count: usize) -> Self {
        Self::Text(count.to_string())
    }
}

impl From<Phrase> for Wording {
    fn from(phrase: Phrase) -> Self {
        Self::Phrase(Box::new(phrase))
    }
}

impl<T: Into<Wording>> From<Option<T>> for Wording {
    fn from(part: Option<T>) -> Self {
        part.map_or(Self::NOTHING, Into::into)
    }
}

/// Declares an enum whose variants are the sentences of a table, each with its key and its parts by name.
macro_rules! sentences {
    (
        $(#[$attribute:meta])*
        pub enum $enum:ident {
            $($(#[$doc:meta])* $name:ident = $key:literal $({ $($part:ident),+ })?,)*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $enum {
            $($(#[$doc])* $name $({ $($part: Wording),+ })?,)*
        }

        impl $enum {
            /// Every key, with the names of the parts that its sentence may name.
            #[cfg(test)]
            pub const PARTS: &[(&str, &[&str])] = &[$(($key, &[$($(stringify!($part)),+)?]),)*];

            /// The key of its sentence.
            pub const fn key(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $key,)*
                }
            }

            /// Its parts by name.
            pub(in crate::provenance) fn parts(&self) -> Vec<(&'static str, &Wording)> {
                match self {
                    $(Self::$name $({ $($part),+ })? => vec![$($((stringify!($part), $part)),+)?],)*
                }
            }
        }
    };
}

pub(in crate::provenance) use sentences;

/// The sentences of one language, by their keys.
#[derive(Debug)]
pub struct Sentences(BTreeMap<String, String>);

/// A table that cannot be read is empty, which the tests notice.
static TABLE: LazyLock<BTreeMap<String, BTreeMap<String, String>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../../web/verify/sentences.json")).unwrap_or_default());

static ENGLISH: LazyLock<Sentences> = LazyLock::new(|| Sentences::of("en"));
static KOREAN: LazyLock<Sentences> = LazyLock::new(|| Sentences::of("ko"));

impl Sentences {
    pub fn english() -> &'static Self {
        &ENGLISH
    }

    pub fn korean() -> &'static Self {
        &KOREAN
    }

    fn of(language: &str) -> Self {
        let told =
            |(key, texts): (&String, &BTreeMap<String, String>)| Some((key.clone(), texts.get(language)?.clone()));
        Self(TABLE.iter().filter_map(told).collect())
    }

    /// The table as JSON, `{key: sentence}`, for a script that verifies.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    pub(in crate::provenance) fn say(&self, said: &Wording) -> String {
        match said {
            Wording::Text(text) => text.clone(),
            Wording::Phrase(phrase) => self.fill(phrase.key(), &phrase.parts()),
            Wording::Rule(rule) => self.say_rule(rule),
            Wording::List(all) => self.join(all, "comma"),
            Wording::All(all) => self.join(all, "and"),
        }
    }

    pub(in crate::provenance) fn say_rule(&self, rule: &Rule) -> String {
        self.fill(rule.key(), &rule.parts())
    }

    fn join(&self, all: &[Wording], between: &str) -> String {
        let all: Vec<String> = all.iter().map(|one| self.say(one)).collect();
        all.join(self.template(between))
    }

    fn template(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    fn fill(&self, key: &str, parts: &[(&str, &Wording)]) -> String {
        let mut filled = String::new();
        let mut rest = self.template(key);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(before);
            if let Some((part, said)) = parts.iter().find(|(part, _)| part.eq_ignore_ascii_case(name)) {
                let text = self.say(said);
                filled.push_str(&if *part == name { text } else { capitalized(&text) });
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

/// `text` with a capital at its beginning.
fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The parts that a sentence names, in small letters.
    fn named(sentence: &str) -> BTreeSet<String> {
        let after = sentence.split('{').skip(1);
        after.map(|rest| rest.split('}').next().unwrap().to_lowercase()).collect()
    }

    #[test]
    fn every_sentence_is_in_both_languages_with_the_same_parts() {
        for (key, texts) in TABLE.iter() {
            assert_eq!(texts.keys().collect::<Vec<_>>(), ["en", "ko"], "{key}");
            assert!(texts.values().all(|text| !text.is_empty()), "{key}");
            assert_eq!(named(&texts["en"]), named(&texts["ko"]), "{key}");
            let has_capital = texts["ko"].split('{').skip(1).any(|rest| rest.starts_with(char::is_uppercase));
            assert!(!has_capital, "{key}: Korean has no capitals");
        }
    }

    #[test]
    fn the_table_has_what_can_be_said_with_the_parts_that_it_is_said_with_and_no_more() {
        let said: BTreeMap<&str, &[&str]> = Rule::PARTS.iter().chain(Phrase::PARTS).copied().collect();
        assert_eq!(said.len(), Rule::PARTS.len() + Phrase::PARTS.len(), "a key stands for two things");
        for (key, parts) in &said {
            let sentence = ENGLISH.0.get(*key).unwrap_or_else(|| panic!("the table lacks {key}"));
            let parts: BTreeSet<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            assert_eq!(named(sentence), parts, "{key}");
        }
        let lists = ["comma", "and"];
        let spare: Vec<&String> =
            TABLE.keys().filter(|key| !said.contains_key(key.as_str()) && !lists.contains(&key.as_str())).collect();
        assert_eq!(spare, Vec::<&String>::new());
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let rule = Rule::ReportedStolen { who: "{day}".into(), day: "today".into() };
        assert_eq!(Sentences::english().say_rule(&rule), "{day} reported it stolen on today.");
        let rule = Rule::ReportedStolen { who: Phrase::Unregistered.into(), day: "today".into() };
        assert_eq!(Sentences::english().say_rule(&rule), "An unregistered organisation reported it stolen on today.");
    }
}
