//! Single GS1 keys, as participants hold them: GS1 also allocates GTINs and GLNs one by one, without a company prefix.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::company_prefix::CompanyPrefix;
use super::error::{IdError, quote};
use super::id::{Id, IdKind};
use super::number::Gln;

/// A GTIN or a GLN that one organisation was given alone, as the id of its class or place. A GTIN-8 is always such a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gs1Key(Id);

impl Gs1Key {
    /// The canonical id of the class or the place.
    pub fn id(&self) -> &Id {
        &self.0
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Tells whether the id is of this key: of a GTIN its class, its lots, items and pieces; of a GLN the place with its
    /// extensions, the party and its payment slips.
    pub fn covers(&self, id: &Id) -> bool {
        match self.0.gtin() {
            Some(gtin) => id.gtin() == Some(gtin),
            None => matches!(id.gs1_ai(), Some("414" | "415" | "417")) && id.gs1_key() == self.0.gs1_key(),
        }
    }

    /// Tells whether this is the GLN.
    pub fn is_gln(&self, gln: Gln) -> bool {
        gln.is_named_by(&self.0)
    }

    /// Tells whether a company prefix covers it, so that its holder has it already.
    pub fn is_under(&self, prefix: &CompanyPrefix) -> bool {
        prefix.covers(&self.0)
    }

    /// The 12 digits under which the ledger names the claim: those of the key without a GTIN's first digit and the check
    /// digit.
    pub fn claim_digits(&self) -> &str {
        self.0.claim_digits().last().copied().unwrap_or_default()
    }
}

impl FromStr for Gs1Key {
    type Err = IdError;

    /// Reads a GTIN or GLN in any spelling of an id: digits alone are a GTIN, and `(414)…` is a GLN.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let id = Id::parse(text)?;
        match id.kind() {
            IdKind::Class => Ok(Self(id)),
            IdKind::Location if id.gln().is_some() => Ok(Self(id)),
            _ => Err(IdError::SingleKey { found: quote(text) }),
        }
    }
}

impl fmt::Display for Gs1Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Gs1Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Gs1Key {
    /// Reads the canonical id alone, as claims are signed with it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = String::deserialize(deserializer)?;
        let key: Self = found.parse().map_err(serde::de::Error::custom)?;
        if key.as_str() == found {
            return Ok(key);
        }
        let canonical = key.to_string();
        Err(serde::de::Error::custom(IdError::NotCanonical { found: quote(&found), canonical }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Gs1Key {
        text.parse().unwrap()
    }

    fn id(text: &str) -> Id {
        Id::parse(text).unwrap()
    }

    #[test]
    fn covers_what_belongs_to_the_key_and_no_more() {
        let gtin_8 = key("96385074");
        assert_eq!((gtin_8.as_str(), gtin_8.claim_digits()), ("https://id.gs1.org/01/00000096385074", "000009638507"));
        for own in ["96385074", "(01)00000096385074(21)A1", "(01)00000096385074(10)L1", "(8006)000000963850740102"] {
            assert!(gtin_8.covers(&id(own)), "{own}");
        }
        for other in ["(01)10000096385071", "09506000134352", "(414)9506000134369", "https://a.example/96385074"] {
            assert!(!gtin_8.covers(&id(other)), "{other}");
        }
        let gtin = key("9506000134352");
        assert_eq!(gtin.claim_digits(), "950600013435");
        assert!(gtin.covers(&id("(01)09506000134352(21)A1")) && !gtin.covers(&id("(01)19506000134359(21)A1")));
        let gln = key("(414)9506000134369");
        assert_eq!((gln.as_str(), gln.claim_digits()), ("https://id.gs1.org/414/9506000134369", "950600013436"));
        for own in ["(414)9506000134369", "(414)9506000134369(254)7", "(417)9506000134369", "(415)9506000134369(8020)1"]
        {
            assert!(gln.covers(&id(own)), "{own}");
        }
        assert!(!gln.covers(&id("(01)09506000134369")) && gln.is_gln("9506000134369".parse().unwrap()));
    }

    #[test]
    fn is_a_class_or_a_place_alone() {
        for other in ["(01)09506000134352(21)A1", "(00)195060001343500016", "(414)9506000134369(254)7", "urn:x:y"] {
            let message = other.parse::<Gs1Key>().unwrap_err().to_string();
            assert!(message.contains("is no single GS1 key"), "{message}");
        }
        assert!("96385075".parse::<Gs1Key>().is_err());
        assert!(serde_json::from_str::<Gs1Key>("\"96385074\"").is_err(), "claims are signed with the canonical id");
        let text = "\"https://id.gs1.org/01/00000096385074\"";
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Gs1Key>(text).unwrap()).unwrap(), text);
        assert!(serde_json::from_str::<Gs1Key>("\"https://id.gs1.org/01/00000096385074/21/A\"").is_err());
    }
}
