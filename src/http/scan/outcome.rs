//! What a photo came to.

use serde_json::json;

use crate::http::pages::page_of;
use crate::http::parameters::encode;
use crate::http::problem::{Code, Problem};
use crate::http::scan::photo::{PIXELS_MAX, PhotoError};
use crate::http::scan::upload::PHOTO_BYTES_MAX;
use sealane_core::gs1::{IdError, IdKind, Question};

/// Characters of a code's text that an answer repeats.
const TEXT_CHARS_MAX: usize = 1_000;

/// What was found, or why nothing was.
#[derive(Debug, PartialEq, Eq)]
pub enum ScanOutcome {
    /// One product: the path of its page.
    Product {
        target: String,
    },
    /// Several, each with its text.
    Many {
        codes: Vec<String>,
    },
    /// A code, or some, with no product in them.
    Other {
        codes: Vec<String>,
    },
    NoCode,
    MissingPhoto,
    NotAnImage,
    TooLarge,
    Damaged,
    TooCostly,
    /// The node decodes no pictures.
    DecoderOff,
}

impl ScanOutcome {
    pub fn of(found: Result<Vec<String>, PhotoError>) -> Self {
        let codes = match found {
            Ok(codes) => codes,
            Err(PhotoError::NotAnImage) => return Self::NotAnImage,
            Err(PhotoError::TooLarge) => return Self::TooLarge,
            Err(PhotoError::Damaged) => return Self::Damaged,
            Err(PhotoError::TooCostly) => return Self::TooCostly,
        };
        if codes.is_empty() {
            return Self::NoCode;
        }
        let products: Vec<(Question, String)> = codes
            .iter()
            .filter_map(|text| Some((Question::parse(text).ok().filter(|asked| asked.id.is_gs1())?, text.clone())))
            .collect();
        // A package often has its kind as a bar code beside its own number, or the kind of the box that it is in: the
        // particular one is meant.
        let has_own = products.iter().any(|(asked, _)| !asked.id.is_class_level());
        let mut meant: Vec<(Question, String)> = Vec::new();
        for (asked, text) in &products {
            let is_class_of_another = products.iter().any(|(other, _)| other.id.class().as_ref() == Some(&asked.id));
            match meant.iter_mut().find(|(other, _)| other.id == asked.id) {
                _ if is_class_of_another || (has_own && asked.id.is_class_level()) => {}
                None => meant.push((asked.clone(), text.clone())),
                // Of two codes with one number, that with a label says more.
                Some(other) if other.0.label.is_empty() => *other = (asked.clone(), text.clone()),
                Some(_) => {}
            }
        }
        match meant.as_slice() {
            [] => Self::Other { codes },
            [(asked, text)] => Self::Product { target: target(asked, text) },
            many => Self::Many { codes: many.iter().map(|(_, text)| text.clone()).collect() },
        }
    }

    /// The message that tells it.
    pub const fn message_key(&self) -> &'static str {
        match self {
            Self::Product { .. } | Self::Many { .. } => "photo.many",
            Self::Other { .. } => "photo.other",
            Self::NoCode => "photo.no-code",
            Self::MissingPhoto => "photo.missing",
            Self::NotAnImage => "photo.not-an-image",
            Self::TooLarge => "photo.too-large",
            Self::Damaged => "photo.damaged",
            Self::TooCostly => "photo.too-costly",
            Self::DecoderOff => "photo.decoder-off",
        }
    }

    /// The same for a program.
    pub fn into_problem(self) -> Problem {
        let megapixels = PIXELS_MAX / 1_000_000;
        match self {
            Self::Product { target } => Problem::internal(format!("{target} is no problem")),
            Self::Many { codes } => {
                let detail =
                    format!("the photo shows {} codes of products; cut out the one that is meant", codes.len());
                Problem::new(Code::SeveralFound, detail).with("codes", json!(shortened(&codes)))
            }
            Self::Other { codes } => {
                let fault = fault_of(&codes).map(|fault| format!(": {fault}")).unwrap_or_default();
                let detail = format!("no code in the photo holds a GS1 identifier{fault}; `codes` has what they say");
                Problem::new(Code::ForeignFound, detail).with("codes", json!(shortened(&codes)))
            }
            Self::NoCode => Problem::new(
                Code::NothingFound,
                "no QR code, DataMatrix or bar code was found in the photo; take it closer, sharp and well lit",
            ),
            Self::MissingPhoto => Problem::new(Code::MissingPhoto, "the form has no field photo, or an empty one"),
            Self::NotAnImage => Problem::new(Code::NotAnImage, "the field photo is no JPEG, PNG or WebP picture"),
            Self::TooLarge => {
                let detail = format!(
                    "a photo has at most {PHOTO_BYTES_MAX} bytes and {megapixels} million pixels; send a smaller one"
                );
                Problem::new(Code::ImageTooLarge, detail).with("limit", PHOTO_BYTES_MAX)
            }
            Self::Damaged => Problem::new(Code::DamagedImage, "the picture begins well and cannot be read to its end"),
            Self::TooCostly => Problem::new(
                Code::PictureTooCostly,
                "decoding the picture took too much time or memory and was ended; cut out the code, or send a smaller picture",
            ),
            Self::DecoderOff => Problem::new(
                Code::DecoderOff,
                "this node decodes no pictures; read the code on your own device and ask for its text at /verify?id=, or let \
                 the operator start the node with --scan-decoder",
            ),
        }
    }
}

/// Leads to the page about what a code says, by the code's own text where that is a link, so that the page can say where it
/// leads.
pub fn target(asked: &Question, text: &str) -> String {
    let is_link = text.trim_start().get(..4).is_some_and(|start| start.eq_ignore_ascii_case("http"));
    if is_link || asked.id.kind() == IdKind::Other { format!("/verify?id={}", encode(text)) } else { page_of(asked) }
}

/// What is wrong with the first code that would be one of GS1's.
pub fn fault_of(codes: &[String]) -> Option<IdError> {
    let foreign = |error: &IdError| matches!(error, IdError::Uri { .. } | IdError::Empty);
    codes.iter().find_map(|text| Question::parse(text).err().filter(|error| !foreign(error)))
}

/// Texts cut to what an answer repeats.
pub fn shortened(codes: &[String]) -> Vec<String> {
    codes.iter().map(|text| text.chars().take(TEXT_CHARS_MAX).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::pages::Language;

    fn of(codes: &[&str]) -> ScanOutcome {
        ScanOutcome::of(Ok(codes.iter().map(|text| (*text).to_owned()).collect()))
    }

    #[test]
    fn one_product_is_led_to() {
        let target = |codes: &[&str]| match of(codes) {
            ScanOutcome::Product { target } => target,
            other => panic!("{codes:?}: {other:?}"),
        };
        assert_eq!(target(&["(01)09506000134352(21)A1"]), "/01/09506000134352/21/A1");
        assert_eq!(target(&["\u{1d}010950600013435221A1"]), "/01/09506000134352/21/A1");
        let labelled = "(01)09506000134352(10)L8(17)261231(21)A1";
        for codes in [&[labelled][..], &["(01)09506000134352(21)A1", labelled], &[labelled, "(01)09506000134352(21)A1"]]
        {
            assert_eq!(target(codes), "/01/09506000134352/21/A1?10=L8&17=261231");
        }
        assert_eq!(target(&["9506000134352", "(01)09506000134352(21)A1"]), "/01/09506000134352/21/A1");
        assert_eq!(target(&["96385074", "(01)09506000134352(21)A1"]), "/01/09506000134352/21/A1", "another kind's");
        assert_eq!(target(&["https://win.example/", "9506000134352"]), "/01/09506000134352");
        assert_eq!(
            target(&["https://shop.example/01/09506000134352/21/A1"]),
            "/verify?id=https%3A%2F%2Fshop.example%2F01%2F09506000134352%2F21%2FA1"
        );
    }

    #[test]
    fn every_outcome_is_told_in_every_language() {
        let others = [
            ScanOutcome::Many { codes: Vec::new() },
            ScanOutcome::Other { codes: Vec::new() },
            ScanOutcome::NoCode,
            ScanOutcome::MissingPhoto,
            ScanOutcome::NotAnImage,
            ScanOutcome::TooLarge,
            ScanOutcome::Damaged,
            ScanOutcome::TooCostly,
            ScanOutcome::DecoderOff,
        ];
        for outcome in others {
            for language in Language::ALL {
                assert!(language.find_message(outcome.message_key()).is_some(), "{outcome:?}");
            }
        }
    }

    #[test]
    fn a_code_of_gs1_that_is_none_is_told_what_is_wrong() {
        let detail = |codes: &[&str]| of(codes).into_problem().detail().to_owned();
        let dated = detail(&["https://win.example/", "\u{1d}010950600013435221Sa\u{1d}10La\u{1d}17279931"]);
        assert!(dated.contains(r#"identifier: (17) "279931" is no date: there is no month 99"#), "{dated}");
        assert!(detail(&["(01)09506000134353"]).contains("(01) GTIN 09506000134353 has check digit 3"));
        for foreign in ["https://win.example/", "WIFI:S:x;;", "hello", ""] {
            assert!(detail(&[foreign]).contains("holds a GS1 identifier; `codes`"), "{foreign}");
        }
    }

    #[test]
    fn everything_else_has_its_own_answer() {
        assert_eq!(of(&[]), ScanOutcome::NoCode);
        assert!(matches!(of(&["https://win.example/"]), ScanOutcome::Other { .. }));
        assert!(matches!(of(&["WIFI:S:x;;"]), ScanOutcome::Other { .. }));
        let two = of(&["(01)09506000134352(21)A1", "(01)09506000134352(21)B2", "x"]);
        let ScanOutcome::Many { codes } = two else { panic!("{two:?}") };
        assert_eq!(codes.len(), 2);
    }
}
