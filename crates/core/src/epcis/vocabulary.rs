//! The standard word lists of the Core Business Vocabulary (CBV 2.0 §7) and of EPCIS 2.0's sensor reports.
//!
//! Each list is one table. Business steps and dispositions, which rules and verdicts decide by, are enums made from
//! their table; the others stay words.

use std::fmt;
use std::str::FromStr;

use crate::epcis::uri::{is_absolute_uri, is_gs1_vocabulary};

/// One list of standard words, with the longer spellings that older and linked-data documents use.
#[derive(Debug)]
pub struct Vocabulary {
    /// What a word of this list is, such as `business step`.
    pub title: &'static str,
    /// The bare words, as EPCIS 2.0 JSON writes them.
    pub words: &'static [&'static str],
    /// What stands before the word in the longer spellings.
    prefixes: &'static [&'static str],
    /// What stands before the word in its full URI (CBV 2.0 §8.9.2 hashes this form).
    web_prefix: &'static str,
    /// What stands before a word that is not of the list, to make it a URI that the schema lets pass.
    extension_prefix: &'static str,
    /// Starts of URIs that EPCIS 2.0.1's JSON schema keeps out: they are spellings of standard words.
    forbidden: &'static [&'static str],
}

impl Vocabulary {
    /// Returns the bare word that `text` spells, in whatever spelling, or `None` when it spells none.
    pub fn word(&self, text: &str) -> Option<&'static str> {
        let bare = self.prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
        self.words.iter().copied().find(|word| *word == bare)
    }

    /// True for a bare word of the list, and for a URI of another vocabulary.
    pub fn permits(&self, text: &str) -> bool {
        self.words.contains(&text) || (is_absolute_uri(text) && !self.forbids(text))
    }

    /// True for text that stands among GS1's own words and is none of this list: a standard word in a spelling that
    /// nothing here reads, or one that GS1 never published. Either would pass for a word of another vocabulary.
    pub fn imitates(&self, text: &str) -> bool {
        self.word(text).is_none() && is_gs1_vocabulary(text)
    }

    /// The full URI of a standard word in any spelling; other text as it is.
    pub fn web_uri(&self, text: &str) -> String {
        self.word(text).map_or_else(|| text.to_owned(), |word| format!("{}{word}", self.web_prefix))
    }

    /// The shorter spelling of a standard word in any spelling: the URN of CBV 1.2, or `gs1:` and the word. Other text as it is.
    pub fn urn(&self, text: &str) -> String {
        let prefix = self.prefixes.first().copied().unwrap_or_default();
        self.word(text).map_or_else(|| text.to_owned(), |word| format!("{prefix}{word}"))
    }

    /// The word of the list that somebody who wrote `text` most likely meant: by what people call it, by a part of the word, or
    /// by its letters. `None` for text that resembles none.
    pub(super) fn nearest(&self, text: &str) -> Option<&'static str> {
        let bare = text.rsplit([':', '/', '#']).next().unwrap_or(text);
        let written: String =
            bare.to_ascii_lowercase().replace(['-', ' '], "_").chars().take(NEAREST_CHARS_MAX).collect();
        let known = |word: &str| self.words.iter().copied().find(|one| *one == word);
        let meant = OTHER_NAMES.iter().filter(|(name, _)| *name == written).find_map(|(_, word)| known(word));
        let same_letters = || self.words.iter().copied().find(|word| word.eq_ignore_ascii_case(&written));
        let by_part = || self.words.iter().copied().find(|word| word.split('_').any(|part| part == written));
        let by_letters = || {
            let near = self.words.iter().copied().map(|word| (distance(word, &written), word)).min()?;
            (near.0 * 2 <= near.1.len().max(written.len())).then_some(near.1)
        };
        meant.or_else(same_letters).or_else(by_part).or_else(by_letters)
    }

    /// Rewrites a spelling under this list's own prefixes that names no standard word, so that it stands as
    /// an extension; `None` when `text` is no such spelling.
    pub(super) fn extension_uri(&self, text: &str) -> Option<String> {
        let bare = self.prefixes.iter().find_map(|prefix| text.strip_prefix(prefix))?;
        self.word(text).is_none().then(|| format!("{}{bare}", self.extension_prefix))
    }

    fn forbids(&self, text: &str) -> bool {
        self.forbidden.iter().any(|start| text.starts_with(start))
    }
}

/// Characters of a text that are compared with the words.
const NEAREST_CHARS_MAX: usize = 40;

/// What people call business steps and dispositions that the CBV calls otherwise.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("sold", "retail_selling"),
    ("sold", "retail_sold"),
    ("sale", "retail_selling"),
    ("sell", "retail_selling"),
    ("made", "commissioning"),
    ("produced", "commissioning"),
    ("manufactured", "commissioning"),
    ("manufacturing", "commissioning"),
    ("created", "commissioning"),
    ("sent", "shipping"),
    ("dispatched", "shipping"),
    ("delivered", "receiving"),
    ("delivering", "receiving"),
    ("scanned", "inspecting"),
];

/// How many letters have to be put in, taken out or changed to make one text of another (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (at, second) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *second);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Text that is neither a word of the list nor an absolute URI.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no {title} of CBV 2.0, and no URI of another vocabulary")]
pub struct VocabularyError {
    title: &'static str,
    found: String,
}

const CBV_URIS: &[&str] = &["urn:epcglobal:cbv", "http://ns.gs1.org/cbv/", "https://ns.gs1.org/cbv/"];
const VOC_URIS: &[&str] =
    &["http://gs1.org/voc/", "https://gs1.org/voc/", "http://www.gs1.org/voc/", "https://www.gs1.org/voc/"];

/// The spellings of a CBV word: its URN of CBV 1.2, and its URI by each host that has served CBV 2.0.
macro_rules! cbv_prefixes {
    ($urn:literal, $web:literal) => {
        &[
            concat!("urn:epcglobal:cbv:", $urn, ":"),
            concat!("cbv:", $web, "-"),
            concat!("https://ref.gs1.org/cbv/", $web, "-"),
            concat!("http://ref.gs1.org/cbv/", $web, "-"),
            concat!("https://ns.gs1.org/cbv/", $web, "-"),
            concat!("http://ns.gs1.org/cbv/", $web, "-"),
        ]
    };
}

macro_rules! cbv_list {
    ($(#[$doc:meta])* $list:ident: $title:literal, $urn:literal, $web:literal, [$($word:literal)+]) => {
        $(#[$doc])*
        pub static $list: Vocabulary = Vocabulary {
            title: $title,
            words: &[$($word),+],
            prefixes: cbv_prefixes!($urn, $web),
            web_prefix: concat!("https://ref.gs1.org/cbv/", $web, "-"),
            extension_prefix: concat!("https://ref.gs1.org/cbv/", $web, "-"),
            forbidden: CBV_URIS,
        };
    };
}

macro_rules! gs1_list {
    ($(#[$doc:meta])* $list:ident: $title:literal, [$($word:literal)+]) => {
        $(#[$doc])*
        pub static $list: Vocabulary = Vocabulary {
            title: $title,
            words: &[$($word),+],
            prefixes: &[
                "gs1:",
                "https://gs1.org/voc/",
                "http://gs1.org/voc/",
                "https://www.gs1.org/voc/",
                "http://www.gs1.org/voc/",
                "https://ref.gs1.org/voc/",
            ],
            web_prefix: "https://gs1.org/voc/",
            extension_prefix: "gs1:",
            forbidden: VOC_URIS,
        };
    };
}

macro_rules! cbv_enum {
    ($(#[$doc:meta])* $name:ident, $list:ident: $title:literal, $urn:literal, $web:literal, {$($variant:ident = $word:literal)+}) => {
        cbv_list! {
            #[doc = concat!("The words of [`", stringify!($name), "`].")]
            $list: $title, $urn, $web, [$($word)+]
        }

        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`")] $variant,)+
            /// An absolute URI of another vocabulary.
            Other(String),
        }

        impl $name {
            /// The standard words, in the order of the standard's table.
            pub const STANDARD: &'static [Self] = &[$(Self::$variant),+];

            /// The bare word, or the URI of another vocabulary.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(uri) => uri,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = VocabularyError;

            /// Reads a standard word in any spelling, or an absolute URI.
            fn from_str(text: &str) -> Result<Self, VocabularyError> {
                match $list.word(text) {
                    $(Some($word) => Ok(Self::$variant),)+
                    _ if is_absolute_uri(text) => Ok(Self::Other(text.to_owned())),
                    _ => Err(VocabularyError { title: $title, found: text.chars().take(80).collect() }),
                }
            }
        }
    };
}

cbv_enum! {
    /// A business step (CBV 2.0 §7.1): what was going on.
    BizStep, BIZ_STEPS: "business step", "bizstep", "BizStep", {
        Accepting = "accepting"
        Arriving = "arriving"
        Assembling = "assembling"
        Collecting = "collecting"
        Commissioning = "commissioning"
        Consigning = "consigning"
        CreatingClassInstance = "creating_class_instance"
        CycleCounting = "cycle_counting"
        Decommissioning = "decommissioning"
        Departing = "departing"
        Destroying = "destroying"
        Disassembling = "disassembling"
        Dispensing = "dispensing"
        Encoding = "encoding"
        EnteringExiting = "entering_exiting"
        Holding = "holding"
        Inspecting = "inspecting"
        Installing = "installing"
        Killing = "killing"
        Loading = "loading"
        OtherStep = "other"
        Packing = "packing"
        Picking = "picking"
        Receiving = "receiving"
        Removing = "removing"
        Repackaging = "repackaging"
        Repairing = "repairing"
        Replacing = "replacing"
        Reserving = "reserving"
        RetailSelling = "retail_selling"
        Sampling = "sampling"
        SensorReporting = "sensor_reporting"
        Shipping = "shipping"
        StagingOutbound = "staging_outbound"
        StockTaking = "stock_taking"
        Stocking = "stocking"
        Storing = "storing"
        Transporting = "transporting"
        Unloading = "unloading"
        Unpacking = "unpacking"
        VoidShipping = "void_shipping"
    }
}

cbv_enum! {
    /// A disposition (CBV 2.0 §7.2): the state that the objects are in afterwards.
    Disposition, DISPOSITIONS: "disposition", "disp", "Disp", {
        Active = "active"
        Available = "available"
        CompletenessInferred = "completeness_inferred"
        CompletenessVerified = "completeness_verified"
        Conformant = "conformant"
        ContainerClosed = "container_closed"
        ContainerOpen = "container_open"
        Damaged = "damaged"
        Destroyed = "destroyed"
        Dispensed = "dispensed"
        Disposed = "disposed"
        Encoded = "encoded"
        Expired = "expired"
        InProgress = "in_progress"
        InTransit = "in_transit"
        Inactive = "inactive"
        MismatchClass = "mismatch_class"
        MismatchInstance = "mismatch_instance"
        MismatchQuantity = "mismatch_quantity"
        NeedsReplacement = "needs_replacement"
        NoPedigreeMatch = "no_pedigree_match"
        NonConformant = "non_conformant"
        NonSellableOther = "non_sellable_other"
        PartiallyDispensed = "partially_dispensed"
        Recalled = "recalled"
        Reserved = "reserved"
        RetailSold = "retail_sold"
        Returned = "returned"
        SellableAccessible = "sellable_accessible"
        SellableNotAccessible = "sellable_not_accessible"
        Stolen = "stolen"
        Unavailable = "unavailable"
        Unknown = "unknown"
    }
}

cbv_list! {
    /// What kind of document a business transaction is (CBV 2.0 §7.4).
    BIZ_TRANSACTION_TYPES: "business transaction type", "btt", "BTT",
    ["bol" "cert" "desadv" "inv" "pedigree" "po" "poc" "prodorder" "recadv" "rma" "testprd" "testres" "upevt"]
}

cbv_list! {
    /// What a source or destination is to the transfer (CBV 2.0 §7.5).
    SOURCE_DEST_TYPES: "source or destination type", "sdt", "SDT", ["owning_party" "possessing_party" "location"]
}

cbv_list! {
    /// Why an event is declared an error (CBV 2.0 §7.6).
    ERROR_REASONS: "error reason", "er", "ER", ["did_not_occur" "incorrect_data"]
}

cbv_list! {
    /// Which part of a vector a sensor report gives (CBV 2.0 §7.7).
    COMPONENTS: "component", "comp", "Comp",
    ["x" "y" "z" "axial_distance" "azimuth" "height" "spherical_radius" "polar_angle" "elevation_angle" "easting"
     "northing" "latitude" "longitude" "altitude"]
}

gs1_list! {
    /// What a sensor report measures (EPCIS 2.0 §7.3.7, GS1 Web Vocabulary).
    MEASUREMENT_TYPES: "measurement type",
    ["AbsoluteHumidity" "AbsorbedDose" "AbsorbedDoseRate" "Acceleration" "Radioactivity" "Altitude"
     "AmountOfSubstance" "AmountOfSubstancePerUnitVolume" "Angle" "AngularAcceleration" "AngularMomentum"
     "AngularVelocity" "Area" "Capacitance" "Conductance" "Conductivity" "Count" "Density" "Dimensionless"
     "DoseEquivalent" "DoseEquivalentRate" "DynamicViscosity" "ElectricCharge" "ElectricCurrent"
     "ElectricCurrentDensity" "ElectricFieldStrength" "Energy" "Exposure" "Force" "Frequency" "Illuminance"
     "Inductance" "Irradiance" "KinematicViscosity" "Length" "LinearMomentum" "Luminance" "LuminousFlux"
     "LuminousIntensity" "MagneticFlux" "MagneticFluxDensity" "MagneticVectorPotential" "Mass" "MassConcentration"
     "MassFlowRate" "MassPerAreaTime" "MemoryCapacity" "MolalityOfSolute" "MolarEnergy" "MolarMass" "MolarVolume"
     "Power" "Pressure" "RadiantFlux" "RadiantIntensity" "RelativeHumidity" "Resistance" "Resistivity" "SolidAngle"
     "SpecificVolume" "Speed" "SurfaceDensity" "SurfaceTension" "Temperature" "Time" "Torque" "Voltage" "Volume"
     "VolumeFlowRate" "VolumeFraction" "VolumetricFlux" "Wavenumber"]
}

gs1_list! {
    /// What a sensor raised the alarm about (EPCIS 2.0 §7.3.7).
    SENSOR_ALERTS: "sensor alert type", ["ALARM_CONDITION" "ERROR_CONDITION"]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_the_standard_numbers_of_words() {
        assert_eq!(BizStep::STANDARD.len(), 41);
        assert_eq!(Disposition::STANDARD.len(), 33);
        assert_eq!(MEASUREMENT_TYPES.words.len(), 72);
    }

    #[test]
    fn every_word_reads_back_in_every_spelling() {
        for step in BizStep::STANDARD {
            let word = step.as_str();
            for text in [
                word.to_owned(),
                format!("urn:epcglobal:cbv:bizstep:{word}"),
                format!("cbv:BizStep-{word}"),
                format!("https://ref.gs1.org/cbv/BizStep-{word}"),
                format!("http://ns.gs1.org/cbv/BizStep-{word}"),
            ] {
                assert_eq!(text.parse::<BizStep>().as_ref(), Ok(step), "{text}");
            }
        }
        for disposition in Disposition::STANDARD {
            assert_eq!(disposition.to_string().parse::<Disposition>().as_ref(), Ok(disposition));
        }
    }

    #[test]
    fn words_have_a_shorter_spelling() {
        assert_eq!(BIZ_STEPS.urn("https://ref.gs1.org/cbv/BizStep-shipping"), "urn:epcglobal:cbv:bizstep:shipping");
        assert_eq!(MEASUREMENT_TYPES.urn("Temperature"), "gs1:Temperature");
        assert_eq!(DISPOSITIONS.urn("urn:x:mine"), "urn:x:mine");
    }

    #[test]
    fn takes_other_vocabularies_by_uri_only() {
        let uri = "https://epcis.example.com/bizstep/polishing";
        assert_eq!(uri.parse::<BizStep>(), Ok(BizStep::Other(uri.to_owned())));
        let fault = "polishing".parse::<BizStep>().unwrap_err();
        assert_eq!(
            fault.to_string(),
            r#""polishing" is no business step of CBV 2.0, and no URI of another vocabulary"#
        );
        assert!("Shipping".parse::<BizStep>().is_err());
    }

    #[test]
    fn tells_other_words_from_imitations_of_its_own() {
        for text in [
            "https://ref.gs1.org/cbv/BizStep-destroying/",
            "HTTPS://ref.gs1.org/cbv/BizStep-destroying",
            "https://ref.gs1.org/cbv/BizStep%2Ddestroying",
            "https://ref.gs1.org/cbv/Disp-destroyed",
            "cbv:BizStep-polishing",
        ] {
            assert!(BIZ_STEPS.imitates(text), "{text}");
        }
        for text in ["destroying", "https://ref.gs1.org/cbv/BizStep-destroying", "urn:example:destroying"] {
            assert!(!BIZ_STEPS.imitates(text), "{text}");
        }
        assert!(!MEASUREMENT_TYPES.imitates("gs1:Beauty"));
    }

    #[test]
    fn the_nearest_word_is_what_people_meant() {
        for (text, word) in [
            ("sold", Some("retail_selling")),
            ("shipped", Some("shipping")),
            ("Shipping", Some("shipping")),
            ("recieving", Some("receiving")),
            ("selling", Some("retail_selling")),
            ("stock taking", Some("stock_taking")),
            ("manufactured", Some("commissioning")),
            ("https://example.com/cbv#packed", Some("packing")),
            ("xyzzy", None),
            ("", None),
        ] {
            assert_eq!(BIZ_STEPS.nearest(text), word, "{text}");
        }
        assert_eq!(DISPOSITIONS.nearest("sold"), Some("retail_sold"));
        assert_eq!(DISPOSITIONS.nearest("in transit"), Some("in_transit"));
        assert_eq!(DISPOSITIONS.nearest(&"a".repeat(1_000_000)), None);
    }

    #[test]
    fn permits_what_the_schema_permits() {
        assert!(BIZ_STEPS.permits("shipping"));
        assert!(BIZ_STEPS.permits("https://ref.gs1.org/cbv/BizStep-shipping"));
        assert!(!BIZ_STEPS.permits("urn:epcglobal:cbv:bizstep:shipping"));
        assert!(!BIZ_STEPS.permits("https://ns.gs1.org/cbv/BizStep-shipping"));
        assert!(MEASUREMENT_TYPES.permits("gs1:Temperature"));
        assert!(!MEASUREMENT_TYPES.permits("https://gs1.org/voc/Temperature"));
        assert_eq!(MEASUREMENT_TYPES.word("gs1:Temperature"), Some("Temperature"));
    }
}
