//! One event as bytes: every member of [`Event`], and back again.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the event type (3 bits, from 0 in the standard's order), its action (2 bits, from 1; 0 for none), a bit for an eventID that the document gave, and the form of the eventID (2 bits) |
//! | 2 | little-endian: a bit for each member below that may be missing; a list that is empty is |
//! | text, 16 or 32 | the eventID: as it is, the UUID of a `urn:uuid:`, or the digest of an event hash id |
//! | signed | eventTime, in milliseconds |
//! | text | eventTimeZoneOffset |
//! | 32 | the content hash, of CBV 2.0 §8.9.2 |
//! | word | bizStep |
//! | word | disposition |
//! | 2 lists of words | persistentDisposition: what is set, and what is unset |
//! | id | readPoint |
//! | id | bizLocation |
//! | 16 | latitude and longitude as IEEE 754 doubles, little-endian |
//! | list | business transactions: a word for the type, and a text |
//! | list | sources: a word for the type, and an id |
//! | list | destinations: the same |
//! | signed, word, list of texts | the error declaration: time, reason, corrective eventIDs |
//! | id | the parent, or the transformationID |
//! | 4 lists | EPCs, quantities; of a transformation's inputs, and then of its outputs |
//! | list | the lots beside serials as they were written: the place of the EPC as a number, and a text |
//! | the rest | ilmd, as JSON, with the digits of its numbers as they were written |
//!
//! A quantity is its class's id, a byte with a bit for the number (1) and the unit (2), and these as texts. A word is 0
//! where there is none, 1 before the text of one that is not of the standard's list, and else 2 + its place in that
//! list. Places count from 0, in the order of `vocabulary` and `gs1::key`: a change of either order makes a new version of
//! the record.

use uuid::Uuid;

use crate::binary::{BinaryFault, Malformed, Reader, put_number, put_signed, put_text};
use crate::epcis::event::{
    BizTransaction, ErrorDeclaration, EventId, PersistentDisposition, Quantity, SourceDest, WrittenLot,
};
use crate::epcis::vocabulary::{BIZ_TRANSACTION_TYPES, ERROR_REASONS, SOURCE_DEST_TYPES, Vocabulary};
use crate::epcis::{Action, BizStep, Coordinates, Disposition, Event, What};
use crate::gs1::Id;
use crate::hash::Hash;
use crate::json::{self, Json};
use crate::time::Timestamp;

const OBJECT: u8 = 0;
const AGGREGATION: u8 = 1;
const TRANSACTION: u8 = 2;
const TRANSFORMATION: u8 = 3;
const ASSOCIATION: u8 = 4;

/// Where the parts of the first byte begin.
const ACTION_SHIFT: u8 = 3;
const GIVEN: u8 = 1 << 5;
const ID_FORM_SHIFT: u8 = 6;

const ID_TEXT: u8 = 0;
const ID_UUID: u8 = 1;
const ID_HASH: u8 = 2;

const BIZ_STEP: u16 = 1;
const DISPOSITION: u16 = 1 << 1;
const PERSISTENT: u16 = 1 << 2;
const READ_POINT: u16 = 1 << 3;
const BIZ_LOCATION: u16 = 1 << 4;
const COORDINATES: u16 = 1 << 5;
const BIZ_TRANSACTIONS: u16 = 1 << 6;
const SOURCES: u16 = 1 << 7;
const DESTINATIONS: u16 = 1 << 8;
const DECLARATION: u16 = 1 << 9;
const PARENT: u16 = 1 << 10;
const EPCS: u16 = 1 << 11;
const QUANTITIES: u16 = 1 << 12;
const OUTPUT_EPCS: u16 = 1 << 13;
const OUTPUT_QUANTITIES: u16 = 1 << 14;
const ILMD: u16 = 1 << 15;

const WITH_NUMBER: u8 = 1;
const WITH_UNIT: u8 = 2;

const UUID_PREFIX: &str = "urn:uuid:";

/// Around the digits of an event hash id (CBV 2.0 §8.9.2).
const HASH_PREFIX: &str = "ni:///sha-256;";
const HASH_SUFFIX: &str = "?ver=CBV2.0";

/// A "what" of any type: what it has of the same members.
#[derive(Default)]
struct Parts<'a> {
    action: Option<Action>,
    parent: Option<&'a Id>,
    epcs: &'a [Id],
    quantities: &'a [Quantity],
    output_epcs: &'a [Id],
    output_quantities: &'a [Quantity],
    ilmd: Option<&'a Json>,
}

pub(super) fn put(out: &mut Vec<u8>, event: &Event) {
    let (kind, parts) = Parts::of(&event.what);
    let given = if event.event_id.given { GIVEN } else { 0 };
    let id = EventIdForm::of(&event.event_id.uri);
    out.push(kind | action_number(parts.action) << ACTION_SHIFT | given | id.number() << ID_FORM_SHIFT);
    out.extend_from_slice(&present(event, &parts).to_le_bytes());
    id.put(out);
    put_signed(out, event.event_time.millis());
    put_text(out, &event.event_time_zone_offset);
    out.extend_from_slice(event.content_hash.as_bytes());
    if let Some(step) = &event.biz_step {
        put_word(out, place(BizStep::STANDARD, step), step.as_str());
    }
    if let Some(disposition) = &event.disposition {
        put_disposition(out, disposition);
    }
    let persistent = &event.persistent_disposition;
    if !persistent.set.is_empty() || !persistent.unset.is_empty() {
        put_list(out, &persistent.set, put_disposition);
        put_list(out, &persistent.unset, put_disposition);
    }
    for place in [&event.read_point, &event.biz_location].into_iter().flatten() {
        place.encode(out);
    }
    if let Some(coordinates) = event.coordinates {
        out.extend_from_slice(&coordinates.latitude().to_le_bytes());
        out.extend_from_slice(&coordinates.longitude().to_le_bytes());
    }
    put_filled(out, &event.biz_transactions, |out, transaction| {
        put_known(out, transaction.kind.as_deref(), &BIZ_TRANSACTION_TYPES);
        put_text(out, &transaction.id);
    });
    for parties in [&event.sources, &event.destinations] {
        put_filled(out, parties, |out, party| {
            put_known(out, Some(&party.kind), &SOURCE_DEST_TYPES);
            party.id.encode(out);
        });
    }
    if let Some(declaration) = &event.error_declaration {
        put_signed(out, declaration.declaration_time.millis());
        put_known(out, declaration.reason.as_deref(), &ERROR_REASONS);
        put_list(out, &declaration.corrective_event_ids, |out, id| put_text(out, id));
    }
    if let Some(parent) = parts.parent {
        parent.encode(out);
    }
    for (epcs, quantities) in [(parts.epcs, parts.quantities), (parts.output_epcs, parts.output_quantities)] {
        put_filled(out, epcs, |out, id| id.encode(out));
        put_filled(out, quantities, put_quantity);
    }
    put_list(out, &event.written_lots, |out, lot| {
        put_number(out, lot.place.into());
        put_text(out, &lot.number);
    });
    if let Some(ilmd) = parts.ilmd {
        out.extend_from_slice(ilmd.to_string().as_bytes());
    }
}

/// Reads an event that ends where the reader's bytes do.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Event, Malformed> {
    let begin = reader.clone();
    let first = reader.byte()?;
    let present = u16::from_le_bytes(reader.array()?);
    let has = |member: u16| present & member != 0;
    let event_id = EventId { uri: read_event_id(reader, first >> ID_FORM_SHIFT)?, given: first & GIVEN != 0 };
    let event_time = read_time(reader)?;
    let event_time_zone_offset = reader.text()?.to_owned();
    let content_hash = Hash::from_bytes(reader.array()?);
    let biz_step =
        if has(BIZ_STEP) { Some(read_word(reader, BizStep::STANDARD, BizStep::Other, "business step")?) } else { None };
    let disposition = optional(has(DISPOSITION), reader, read_disposition)?;
    let persistent_disposition = optional(has(PERSISTENT), reader, read_persistent)?.unwrap_or_default();
    let read_point = optional(has(READ_POINT), reader, Id::decode)?;
    let biz_location = optional(has(BIZ_LOCATION), reader, Id::decode)?;
    let coordinates = optional(has(COORDINATES), reader, read_coordinates)?;
    let biz_transactions = filled(has(BIZ_TRANSACTIONS), reader, 2, |reader| {
        Ok(BizTransaction { kind: read_known(reader, &BIZ_TRANSACTION_TYPES)?, id: reader.text()?.to_owned() })
    })?;
    let sources = filled(has(SOURCES), reader, 1 + Id::ENCODED_MIN, read_source_dest)?;
    let destinations = filled(has(DESTINATIONS), reader, 1 + Id::ENCODED_MIN, read_source_dest)?;
    let error_declaration = optional(has(DECLARATION), reader, read_declaration)?;
    let (what, written_lots) = read_what(reader, &begin, first, present)?;
    reader.end()?;
    Ok(Event {
        event_id,
        event_time,
        event_time_zone_offset,
        what,
        biz_step,
        disposition,
        persistent_disposition,
        read_point,
        biz_location,
        coordinates,
        biz_transactions,
        sources,
        destinations,
        error_declaration,
        written_lots,
        content_hash,
    })
}

pub(super) fn read_time(reader: &mut Reader<'_>) -> Result<Timestamp, Malformed> {
    let begin = reader.clone();
    Timestamp::from_millis(reader.signed()?).ok_or_else(|| begin.fault(BinaryFault::Wrong { what: "a time" }))
}

/// The members that are there, a bit for each.
fn present(event: &Event, parts: &Parts<'_>) -> u16 {
    let persistent = &event.persistent_disposition;
    let members = [
        (BIZ_STEP, event.biz_step.is_some()),
        (DISPOSITION, event.disposition.is_some()),
        (PERSISTENT, !persistent.set.is_empty() || !persistent.unset.is_empty()),
        (READ_POINT, event.read_point.is_some()),
        (BIZ_LOCATION, event.biz_location.is_some()),
        (COORDINATES, event.coordinates.is_some()),
        (BIZ_TRANSACTIONS, !event.biz_transactions.is_empty()),
        (SOURCES, !event.sources.is_empty()),
        (DESTINATIONS, !event.destinations.is_empty()),
        (DECLARATION, event.error_declaration.is_some()),
        (PARENT, parts.parent.is_some()),
        (EPCS, !parts.epcs.is_empty()),
        (QUANTITIES, !parts.quantities.is_empty()),
        (OUTPUT_EPCS, !parts.output_epcs.is_empty()),
        (OUTPUT_QUANTITIES, !parts.output_quantities.is_empty()),
        (ILMD, parts.ilmd.is_some()),
    ];
    members.into_iter().fold(0, |bits, (member, is_there)| if is_there { bits | member } else { bits })
}

impl<'a> Parts<'a> {
    /// The number of the event type, and what it has.
    fn of(what: &'a What) -> (u8, Self) {
        match what {
            What::Object { action, epcs, quantities, ilmd } => {
                (OBJECT, Self { action: Some(*action), epcs, quantities, ilmd: ilmd.as_ref(), ..Self::default() })
            }
            What::Aggregation { action, parent, child_epcs, child_quantities } => {
                (AGGREGATION, Self::under(*action, parent, child_epcs, child_quantities))
            }
            What::Transaction { action, parent, epcs, quantities } => {
                (TRANSACTION, Self::under(*action, parent, epcs, quantities))
            }
            What::Association { action, parent, child_epcs, child_quantities } => {
                (ASSOCIATION, Self::under(*action, parent, child_epcs, child_quantities))
            }
            What::Transformation {
                transformation_id,
                input_epcs,
                input_quantities,
                output_epcs,
                output_quantities,
                ilmd,
            } => (
                TRANSFORMATION,
                Self {
                    action: None,
                    parent: transformation_id.as_ref(),
                    epcs: input_epcs,
                    quantities: input_quantities,
                    output_epcs,
                    output_quantities,
                    ilmd: ilmd.as_ref(),
                },
            ),
        }
    }

    fn under(action: Action, parent: &'a Option<Id>, epcs: &'a [Id], quantities: &'a [Quantity]) -> Self {
        Self { action: Some(action), parent: parent.as_ref(), epcs, quantities, ..Self::default() }
    }
}

/// Reads the "what", of an event that begins at `begin` with the byte `first`, and the lots that stood beside its EPCs.
fn read_what(
    reader: &mut Reader<'_>,
    begin: &Reader<'_>,
    first: u8,
    present: u16,
) -> Result<(What, Vec<WrittenLot>), Malformed> {
    let kind = first & ((1 << ACTION_SHIFT) - 1);
    let has = |member: u16| present & member != 0;
    let parent = optional(has(PARENT), reader, Id::decode)?;
    let epcs = filled(has(EPCS), reader, Id::ENCODED_MIN, Id::decode)?;
    let quantities = filled(has(QUANTITIES), reader, 1 + Id::ENCODED_MIN, read_quantity)?;
    let output_epcs = filled(has(OUTPUT_EPCS), reader, Id::ENCODED_MIN, Id::decode)?;
    let output_quantities = filled(has(OUTPUT_QUANTITIES), reader, 1 + Id::ENCODED_MIN, read_quantity)?;
    let written_lots = reader.list(2, read_lot)?;
    let ilmd = optional(has(ILMD), reader, read_json)?;
    let action = match first >> ACTION_SHIFT & 3 {
        0 => None,
        1 => Some(Action::Add),
        2 => Some(Action::Observe),
        _ => Some(Action::Delete),
    };
    let foreign = match kind {
        OBJECT => PARENT | OUTPUT_EPCS | OUTPUT_QUANTITIES,
        TRANSFORMATION => 0,
        _ => OUTPUT_EPCS | OUTPUT_QUANTITIES | ILMD,
    };
    if has(foreign) {
        return Err(begin.fault(BinaryFault::Wrong { what: "the list of an event's members" }));
    }
    let what = match (kind, action) {
        (OBJECT, Some(action)) => What::Object { action, epcs, quantities, ilmd },
        (AGGREGATION, Some(action)) => {
            What::Aggregation { action, parent, child_epcs: epcs, child_quantities: quantities }
        }
        (TRANSACTION, Some(action)) => What::Transaction { action, parent, epcs, quantities },
        (ASSOCIATION, Some(action)) => {
            What::Association { action, parent, child_epcs: epcs, child_quantities: quantities }
        }
        (TRANSFORMATION, None) => What::Transformation {
            transformation_id: parent,
            input_epcs: epcs,
            input_quantities: quantities,
            output_epcs,
            output_quantities,
            ilmd,
        },
        _ => return Err(begin.fault(BinaryFault::Unknown { what: "event type with that action", found: first.into() })),
    };
    Ok((what, written_lots))
}

fn read_lot(reader: &mut Reader<'_>) -> Result<WrittenLot, Malformed> {
    let begin = reader.clone();
    let place = u32::try_from(reader.number()?);
    let place = place.map_err(|_| begin.fault(BinaryFault::Wrong { what: "the place of an EPC" }))?;
    Ok(WrittenLot { place, number: reader.text()?.to_owned() })
}

/// What a URI is written as: most are one of two long texts around few bytes.
enum EventIdForm<'a> {
    Text(&'a str),
    Uuid(Uuid),
    Hash(Hash),
}

impl<'a> EventIdForm<'a> {
    fn of(uri: &'a str) -> Self {
        let uuid = || {
            let text = uri.strip_prefix(UUID_PREFIX)?;
            let uuid = Uuid::try_parse(text).ok()?;
            // Only what it is written as again: with hyphens, in lower case.
            let canonical = text.len() == uuid::fmt::Hyphenated::LENGTH && !text.contains(|c: char| c.is_uppercase());
            canonical.then_some(Self::Uuid(uuid))
        };
        let hash = || {
            let digits = uri.strip_prefix(HASH_PREFIX)?.strip_suffix(HASH_SUFFIX)?;
            Hash::from_hex(digits).map(Self::Hash)
        };
        uuid().or_else(hash).unwrap_or(Self::Text(uri))
    }

    const fn number(&self) -> u8 {
        match self {
            Self::Text(_) => ID_TEXT,
            Self::Uuid(_) => ID_UUID,
            Self::Hash(_) => ID_HASH,
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(uri) => put_text(out, uri),
            Self::Uuid(uuid) => out.extend_from_slice(uuid.as_bytes()),
            Self::Hash(hash) => out.extend_from_slice(hash.as_bytes()),
        }
    }
}

fn read_event_id(reader: &mut Reader<'_>, form: u8) -> Result<String, Malformed> {
    match form {
        ID_TEXT => Ok(reader.text()?.to_owned()),
        ID_UUID => {
            let mut buffer = Uuid::encode_buffer();
            Ok(Uuid::from_bytes(reader.array()?).urn().encode_lower(&mut buffer).to_owned())
        }
        ID_HASH => {
            let digits = Hash::from_bytes(reader.array()?).to_hex();
            Ok([HASH_PREFIX, &digits, HASH_SUFFIX].concat())
        }
        _ => Err(reader.fault(BinaryFault::Unknown { what: "form of an eventID", found: form.into() })),
    }
}

const fn action_number(action: Option<Action>) -> u8 {
    match action {
        None => 0,
        Some(Action::Add) => 1,
        Some(Action::Observe) => 2,
        Some(Action::Delete) => 3,
    }
}

fn put_quantity(out: &mut Vec<u8>, quantity: &Quantity) {
    quantity.epc_class.encode(out);
    let number = if quantity.quantity.is_some() { WITH_NUMBER } else { 0 };
    let unit = if quantity.uom.is_some() { WITH_UNIT } else { 0 };
    out.push(number | unit);
    for text in [&quantity.quantity, &quantity.uom].into_iter().flatten() {
        put_text(out, text);
    }
}

fn read_quantity(reader: &mut Reader<'_>) -> Result<Quantity, Malformed> {
    let epc_class = Id::decode(reader)?;
    let of_flags = reader.clone();
    let flags = reader.byte()?;
    if flags & !(WITH_NUMBER | WITH_UNIT) != 0 {
        return Err(of_flags.fault(BinaryFault::Unknown { what: "form of a quantity", found: flags.into() }));
    }
    let text = |reader: &mut Reader<'_>| reader.text().map(str::to_owned);
    Ok(Quantity {
        epc_class,
        quantity: optional(flags & WITH_NUMBER != 0, reader, text)?,
        uom: optional(flags & WITH_UNIT != 0, reader, text)?,
    })
}

fn read_source_dest(reader: &mut Reader<'_>) -> Result<SourceDest, Malformed> {
    let begin = reader.clone();
    let kind = read_known(reader, &SOURCE_DEST_TYPES)?;
    let kind = kind.ok_or_else(|| begin.fault(BinaryFault::Unknown { what: SOURCE_DEST_TYPES.title, found: 0 }))?;
    Ok(SourceDest { kind, id: Id::decode(reader)? })
}

fn read_declaration(reader: &mut Reader<'_>) -> Result<ErrorDeclaration, Malformed> {
    Ok(ErrorDeclaration {
        declaration_time: read_time(reader)?,
        reason: read_known(reader, &ERROR_REASONS)?,
        corrective_event_ids: reader.list(1, |reader| reader.text().map(str::to_owned))?,
    })
}

fn read_coordinates(reader: &mut Reader<'_>) -> Result<Coordinates, Malformed> {
    let begin = reader.clone();
    let latitude = f64::from_le_bytes(reader.array()?);
    let longitude = f64::from_le_bytes(reader.array()?);
    Coordinates::new(latitude, longitude)
        .ok_or_else(|| begin.fault(BinaryFault::Wrong { what: "a place on the globe" }))
}

fn read_json(reader: &mut Reader<'_>) -> Result<Json, Malformed> {
    let begin = reader.clone();
    let text = reader.take(reader.rest().len())?;
    json::read(text).map_err(|_| begin.fault(BinaryFault::Wrong { what: "ilmd" }))
}

fn put_disposition(out: &mut Vec<u8>, disposition: &Disposition) {
    put_word(out, place(Disposition::STANDARD, disposition), disposition.as_str());
}

fn read_disposition(reader: &mut Reader<'_>) -> Result<Disposition, Malformed> {
    read_word(reader, Disposition::STANDARD, Disposition::Other, "disposition")
}

fn read_persistent(reader: &mut Reader<'_>) -> Result<PersistentDisposition, Malformed> {
    let begin = reader.clone();
    let set = reader.list(1, read_disposition)?;
    let unset = reader.list(1, read_disposition)?;
    if set.is_empty() && unset.is_empty() {
        return Err(begin.fault(BinaryFault::Wrong { what: "an empty list" }));
    }
    Ok(PersistentDisposition { set, unset })
}

fn place<T: PartialEq>(standard: &[T], word: &T) -> Option<usize> {
    standard.iter().position(|one| one == word)
}

/// Writes a word that has this place in its list, or none.
fn put_word(out: &mut Vec<u8>, place: Option<usize>, word: &str) {
    match place {
        Some(place) => put_number(out, place as u64 + 2),
        None => {
            out.push(1);
            put_text(out, word);
        }
    }
}

fn read_word<T: Clone>(
    reader: &mut Reader<'_>,
    standard: &[T],
    other: fn(String) -> T,
    what: &'static str,
) -> Result<T, Malformed> {
    let begin = reader.clone();
    let found = reader.number()?;
    if found == 1 {
        return Ok(other(reader.text()?.to_owned()));
    }
    let place = found.checked_sub(2).and_then(|place| usize::try_from(place).ok());
    let word = place.and_then(|place| standard.get(place));
    word.cloned().ok_or_else(|| begin.fault(BinaryFault::Unknown { what, found }))
}

/// Writes a word that is kept as text, or that there is none.
fn put_known(out: &mut Vec<u8>, word: Option<&str>, list: &Vocabulary) {
    match word {
        Some(word) => put_word(out, list.words.iter().position(|one| *one == word), word),
        None => out.push(0),
    }
}

fn read_known(reader: &mut Reader<'_>, list: &Vocabulary) -> Result<Option<String>, Malformed> {
    if reader.rest().first() == Some(&0) {
        reader.byte()?;
        return Ok(None);
    }
    let begin = reader.clone();
    let found = reader.number()?;
    if found == 1 {
        return Ok(Some(reader.text()?.to_owned()));
    }
    let place = found.checked_sub(2).and_then(|place| usize::try_from(place).ok());
    let word = place.and_then(|place| list.words.get(place));
    let word = word.ok_or_else(|| begin.fault(BinaryFault::Unknown { what: list.title, found }))?;
    Ok(Some((*word).to_owned()))
}

fn put_list<T>(out: &mut Vec<u8>, items: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    put_number(out, items.len() as u64);
    for item in items {
        put(out, item);
    }
}

/// Writes a list unless it is empty: then it is missing.
fn put_filled<T>(out: &mut Vec<u8>, items: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    if !items.is_empty() {
        put_list(out, items, put);
    }
}

/// Reads a list that is there because it is not empty.
fn filled<T>(
    is_there: bool,
    reader: &mut Reader<'_>,
    bytes_min: usize,
    item: impl Fn(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    if !is_there {
        return Ok(Vec::new());
    }
    let begin = reader.clone();
    let items = reader.list(bytes_min, item)?;
    if items.is_empty() { Err(begin.fault(BinaryFault::Wrong { what: "an empty list" })) } else { Ok(items) }
}

fn optional<T>(
    is_there: bool,
    reader: &mut Reader<'_>,
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<Option<T>, Malformed> {
    if is_there { read(reader).map(Some) } else { Ok(None) }
}
