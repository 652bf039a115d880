//! Namespaces that this reader knows.

use sealane_core::epcis::LEDGER_NAMESPACE;

/// What a namespace is to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// None at all: most elements of EPCIS, and what is within extensions.
    None,
    /// EPCIS's own, of any version.
    Epcis,
    /// The StandardBusinessDocumentHeader's.
    Sbdh,
    /// XML Schema's, which says how to check a document.
    Schema,
    /// `xml:space`, `xml:lang`.
    Xml,
    /// Ours, by which JSON is marked that XML has no form for.
    Own,
    Foreign,
}

pub(super) const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
pub(super) const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";
pub(super) const EPCIS_2: &str = "urn:epcglobal:epcis:xsd:2";
pub(super) const QUERY_2: &str = "urn:epcglobal:epcis-query:xsd:2";
const EPCIS: [&str; 7] = [
    "urn:epcglobal:epcis:xsd:1",
    EPCIS_2,
    "urn:epcglobal:epcis-query:xsd:1",
    QUERY_2,
    "urn:epcglobal:epcis-masterdata:xsd:1",
    "urn:epcglobal:epcis-masterdata:xsd:2",
    "urn:epcglobal:xsd:1",
];
const SCHEMA: [&str; 2] = ["http://www.w3.org/2001/XMLSchema-instance", "http://www.w3.org/2001/XMLSchema"];
const SBDH: &str = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader";

impl Space {
    pub(super) fn of(uri: &str) -> Self {
        match uri {
            "" => Self::None,
            SBDH => Self::Sbdh,
            LEDGER_NAMESPACE => Self::Own,
            XML_NAMESPACE | XMLNS_NAMESPACE => Self::Xml,
            _ if EPCIS.contains(&uri) => Self::Epcis,
            _ if SCHEMA.contains(&uri) => Self::Schema,
            _ => Self::Foreign,
        }
    }

    /// Tells whether names in it become members with a prefix.
    pub(super) const fn is_of_extensions(self) -> bool {
        matches!(self, Self::Foreign | Self::Own | Self::Sbdh)
    }
}
