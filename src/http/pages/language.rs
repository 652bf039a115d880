//! The languages of the pages, and the one table of all their text: `web/messages.json`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::HttpRequest;

use crate::http::accept::LanguageRanges;
use sealane_core::provenance::Sentences;

/// A language that every message has, and every sentence of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    English,
    Korean,
}

type Table = BTreeMap<String, BTreeMap<String, String>>;

/// A table that cannot be read is empty, which the tests notice.
static TABLE: LazyLock<Table> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../web/messages.json")).unwrap_or_default());

impl Language {
    pub const ALL: &[Self] = &[Self::English, Self::Korean];

    /// BCP 47.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }

    /// Its own name for itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Korean => "한국어",
        }
    }

    pub const fn other(self) -> Self {
        match self {
            Self::English => Self::Korean,
            Self::Korean => Self::English,
        }
    }

    pub fn find(tag: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|language| language.tag() == tag)
    }

    /// The one that a request likes best, English where it likes none.
    pub fn accepted(request: &HttpRequest) -> Self {
        LanguageRanges::of(request).ranked().find_map(Self::find).unwrap_or(Self::English)
    }

    /// What verdicts say in this language.
    pub fn sentences(self) -> &'static Sentences {
        match self {
            Self::English => Sentences::english(),
            Self::Korean => Sentences::korean(),
        }
    }

    /// A message by its key; the key itself where the table has none.
    pub fn message(self, key: &str) -> &'static str {
        self.find_message(key).unwrap_or("…")
    }

    /// A message that may be missing, such as that of a business step which the table does not know.
    pub fn find_message(self, key: &str) -> Option<&'static str> {
        TABLE.get(key)?.get(self.tag()).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The messages of this language that a script may need, as JSON: those that some pages alone have are left out, but for those whose
    /// keys begin with one of `own`.
    pub fn messages_json(self, own: &[&str]) -> String {
        let begins = |key: &str, pages: &[&str]| pages.iter().any(|page| key.starts_with(page));
        let is_meant = |key: &str| begins(key, own) || !(begins(key, &NO_SCRIPTS) || begins(key, &SOME_SCRIPTS));
        let messages: BTreeMap<&str, &str> = TABLE
            .iter()
            .filter(|(key, _)| is_meant(key))
            .filter_map(|(key, texts)| Some((key.as_str(), texts.get(self.tag())?.as_str())))
            .filter(|(_, text)| !text.is_empty())
            .collect();
        serde_json::to_string(&messages).unwrap_or_default()
    }
}

/// What the keys begin with of pages, and of parts of pages, that no script touches.
const NO_SCRIPTS: [&str; 18] = [
    "footer.",
    "more.",
    "problem.",
    "unsound.",
    "unloaded.",
    "docs.",
    "page.",
    "proposal.",
    "proposals.",
    "label.",
    "console.",
    "want.",
    "about.",
    "party.",
    "role.",
    "leaf.",
    "block.",
    "trust.",
];

/// The same of messages that the scripts of some pages have.
const SOME_SCRIPTS: [&str; 5] = ["proof.", "scan.", "photo.", "list.", "refused."];

#[cfg(test)]
mod tests {
    use sealane_core::gs1::TypedRefusal;

    use super::*;

    #[test]
    fn every_message_is_in_every_language() {
        assert!(TABLE.len() > 100, "the table was not read");
        for (key, texts) in TABLE.iter() {
            for language in Language::ALL {
                let found = texts.get(language.tag()).is_some_and(|text| !text.is_empty());
                assert!(found, "{key} has no {}", language.tag());
            }
            let names = |text: &str| {
                let mut names: Vec<String> =
                    text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect();
                names.sort();
                names
            };
            assert_eq!(names(&texts["en"]), names(&texts["ko"]), "{key}");
        }
    }

    #[test]
    fn scripts_get_no_text_of_pages_without_one() {
        for language in Language::ALL {
            let json = language.messages_json(&[]);
            assert!(json.contains("\"members.proposals\"") && !json.contains("\"proposal."), "{}", language.tag());
            let scanning = language.messages_json(&["scan."]);
            assert!(!json.contains("\"scan.") && scanning.contains("\"scan.") && !scanning.contains("\"list."));
        }
    }

    #[test]
    fn what_is_refused_is_said_in_the_core_s_words() {
        for (rule, sentence) in TypedRefusal::SENTENCES {
            assert_eq!(Language::English.message(&format!("refused.{rule}")), sentence);
        }
    }

    /// Keys stand in the sources as literals, so that a missing one is found here and not by a visitor.
    #[test]
    fn every_key_that_is_used_is_in_the_table() {
        let root = env!("CARGO_MANIFEST_DIR");
        let rust = [
            "front.rs",
            "docs.rs",
            "pages/about.rs",
            "pages/mod.rs",
            "pages/anchor.rs",
            "pages/now.rs",
            "pages/participant.rs",
            "pages/members.rs",
            "pages/product.rs",
            "pages/proposals.rs",
            "pages/reasons.rs",
            "pages/record.rs",
            "pages/timeline.rs",
            "pages/route.rs",
            "pages/problem.rs",
            "pages/ids.rs",
            "scan/list.rs",
            "scan/page.rs",
            "console/page.rs",
            "console/wants.rs",
            "console/refusal.rs",
        ];
        let files = rust.iter().map(|file| format!("{root}/src/http/{file}"));
        let scripts = ["now.js", "proof.js", "page.js", "scan.js", "list.js", "lookup.js", "front.js", "members.js"]
            .iter()
            .map(|file| format!("{root}/web/{file}"));
        let mut count = 0;
        for file in files.chain(scripts) {
            let text = std::fs::read_to_string(&file).unwrap();
            for call in ["say(\"", "fill(\"", "fill(\n"] {
                for (at, _) in text.match_indices(call) {
                    let key = text[at + call.len()..].split('"').next().unwrap();
                    assert!(TABLE.contains_key(key) || key.ends_with('.'), "{file} uses {key:?}");
                    count += 1;
                }
            }
        }
        assert!(count > 80, "{count} uses were found");
    }
}
