//! Ids as bytes that a node keeps for itself: what was parsed once is put together again from its parts.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | 0 for a URI that is not GS1's, else 1 + 4 · the key's number + the number of its qualifier, from 1; 0 for none |
//! | text | the URI, or the key's value, decoded |
//! | text | the qualifier's value, decoded, where there is one |

use std::sync::Arc;

use super::{Gs1, Id, IdKind, Inner};
use crate::binary::{BinaryFault, Malformed, Reader, put_text};
use crate::gs1::key::Key;

/// Qualifiers that one key can be identified by, and none.
const QUALIFIERS: u8 = 4;

impl Id {
    /// Bytes of the shortest encoding.
    pub(crate) const ENCODED_MIN: usize = 2;

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let Some(gs1) = self.gs1() else {
            out.push(0);
            return put_text(out, self.as_str());
        };
        let number = |ai: &str| gs1.key.identifying.iter().position(|one| *one == ai).map_or(0, |at| at as u8 + 1);
        let qualifier = gs1.qualifier.as_ref().map(|(ai, value)| (number(ai), value));
        out.push(1 + QUALIFIERS * gs1.key.number() + qualifier.map_or(0, |(number, _)| number));
        put_text(out, &gs1.value);
        if let Some((_, value)) = qualifier {
            put_text(out, value);
        }
    }

    /// Reads what [`Id::encode`] wrote. Values are not checked again: check digits and the like were when they came.
    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let begin = reader.clone();
        let tag = reader.byte()?;
        let unknown = || begin.fault(BinaryFault::Unknown { what: "kind of identifier", found: tag.into() });
        let text = reader.text()?;
        let Some(number) = tag.checked_sub(1) else {
            return Ok(Self(Arc::new(Inner { text: text.to_owned(), kind: IdKind::Other, gs1: None })));
        };
        let key = Key::numbered(number / QUALIFIERS).ok_or_else(unknown)?;
        let qualifier = match usize::from(number % QUALIFIERS).checked_sub(1) {
            Some(place) => {
                let ai = *key.identifying.get(place).ok_or_else(unknown)?;
                Some((ai, reader.text()?.to_owned()))
            }
            None => None,
        };
        if key.required.is_some() && qualifier.is_none() {
            return Err(unknown());
        }
        Ok(Self::from_gs1(Gs1 { key, value: text.to_owned(), qualifier }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(id: &Id) -> Vec<u8> {
        let mut out = Vec::new();
        id.encode(&mut out);
        out
    }

    fn decoded(bytes: &[u8]) -> Result<Id, Malformed> {
        let mut reader = Reader::new(bytes, 0);
        let id = Id::decode(&mut reader)?;
        reader.end().map(|()| id)
    }

    /// One of each key, with and without its qualifiers.
    const IDS: &[&str] = &[
        "(01)09506000134352",
        "(01)09506000134352(10)L7",
        "(01)09506000134352(21)A/1%",
        "(01)09506000134352(235)T1",
        "(8006)095060001343520102",
        "(8006)095060001343520102(21)A1",
        "(8006)095060001343520102(10)L1",
        "(00)195060001343500016",
        "(414)9506000134369",
        "(414)9506000134369(254)7",
        "(417)9506000134369",
        "(8003)09506000134352K1",
        "(8004)9506000A",
        "(253)9506000134376D1",
        "(255)9506000134376",
        "(8017)950600013435000011",
        "(8018)950600013435000011(8019)7",
        "(8010)9506000AB(8011)1",
        "(401)9506000C1",
        "(402)95060001343500019",
        "(415)9506000134369(8020)R1",
        "(8013)1987654Ad4X4bL5ttr2310c2K",
        "https://shop.example/%C3%A4/1",
        "urn:x:y",
    ];

    #[test]
    fn every_kind_comes_back_with_all_its_parts() {
        for text in IDS {
            let id = Id::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let back = decoded(&encoded(&id)).unwrap();
            assert_eq!(back, id);
            assert_eq!(
                (back.kind(), back.element_string(), back.class()),
                (id.kind(), id.element_string(), id.class())
            );
            assert_eq!(encoded(&back), encoded(&id), "{text}");
        }
    }

    /// A change of these is a new version of whatever they stand in.
    #[test]
    fn kinds_keep_their_numbers() {
        let tags: Vec<u8> = IDS.iter().map(|text| encoded(&Id::parse(text).unwrap())[0]).collect();
        assert_eq!(tags, [1, 4, 3, 2, 45, 46, 47, 5, 9, 10, 13, 17, 21, 25, 29, 33, 38, 42, 49, 53, 58, 61, 0, 0]);
    }

    #[test]
    fn what_no_id_is_written_as_is_refused() {
        for text in IDS {
            let bytes = encoded(&Id::parse(text).unwrap());
            for end in 0..bytes.len() {
                assert_eq!(
                    decoded(&bytes[..end]).map_err(|error| error.fault),
                    Err(BinaryFault::Short),
                    "{text} to {end}"
                );
            }
        }
        // A key beyond the table, a qualifier that an SSCC has not, and a payment slip without its reference.
        for tag in [1 + 16 * 4, 255, 1 + 4 + 1, 1 + 14 * 4] {
            let error = decoded(&[tag, 1, b'1', 1, b'1']).unwrap_err();
            let found = tag.into();
            assert_eq!(
                error,
                Malformed { offset: 0, fault: BinaryFault::Unknown { what: "kind of identifier", found } }
            );
        }
    }
}
