//! The record of a leaf: what a node derives from one statement and keeps beside its leaf, so that nobody has to parse
//! the statement again to find it, to query its events or to judge by them.
//!
//! A record is a node's own: it is made from the leaf, compared with the leaf by an audit, and never shown.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the version, 5 |
//! | 1 | the kind: 1 for a capture, 2 for an admin statement |
//! | 32 | the statement's id |
//! | 16 | who signed: a participant's UUID, or the beginning of a member's `kid` |
//! | number | the subjects that the leaf stands under |
//! | 33 each | their keys (32), and what the leaf says to have done with them ([`Acts`]) |
//!
//! That is all of an admin statement. Of a capture there follow
//!
//! | bytes | what |
//! |---|---|
//! | number | its events |
//! | 20 each | the event's [`EventKey`] (16); then, in 4 bytes, big-endian, a bit that says whether it is an error declaration, and in 31 bits where it ends, counted from where the first event begins |
//! | 32 | SHA-256 of the certificate that it names |
//! | signed | its `iat`, in milliseconds |
//! | number | bytes of the statement in compact form |
//! | 1 each | of each subject, what the quotas count of it ([`Counts`]) |
//! | number | bytes of the master data that follows |
//! | those | its elements about ids of the signer's own, each as `master` says |
//! | number | bytes of the lists that follow |
//! | those | of each event a list of numbers: which of the subjects it stands under, by their places from 0 |
//! | the rest | the events, each as `event` says |
//!
//! Numbers are those of [`binary`](crate::binary). [`LeafRecord::from_bytes`] checks all but what is inside the master
//! data, the lists and the events.

mod event;
mod master;

use std::ops::Range;

use crate::binary::{BinaryFault, Malformed, Reader, put_number, put_signed};
use crate::consortium::{EventKey, ParticipantId, Place};
use crate::epcis::{Event, VocabularyElement};
use crate::hash::Hash;
use crate::index::{Acts, Counts, ListEntry, SignerTag, SubjectKey};
use crate::merkle::LeafIndex;
use crate::provenance::Capture;
use crate::statement::StatementId;
use crate::time::Timestamp;

/// A node whose records begin otherwise makes them again from the leaves.
pub const RECORD_VERSION: u8 = 5;

const CAPTURE: u8 = 1;
const ADMIN: u8 = 2;

/// Bytes of a name: the subject's key, and the acts.
const NAME: usize = Hash::LEN + 1;

/// Bytes of an event's entry: its key, and where it ends.
const ENTRY: usize = EventKey::LEN + 4;

/// The bit of an error declaration beside where the event ends. Below it is room for 2 GiB of events; the longest
/// statement has four MiB.
const DECLARATION: u32 = 1 << 31;

/// What room is made for, for each event and its list of subjects; most take less.
const EVENT_BYTES_LIKELY: usize = 256;
const LIST_BYTES_LIKELY: usize = 8;

/// What room is made for, for what stands once in a record: all of it but the lists.
const FRAME_BYTES_MAX: usize = 128;

/// What the record of a capture is made of, beside its names.
#[derive(Debug, Clone, Copy)]
pub struct CaptureFacts<'a> {
    pub signer: &'a ParticipantId,
    /// `x5t#S256` of the certificate that the statement names.
    pub certificate: &'a Hash,
    pub signed_at: Timestamp,
    /// Length of the statement in compact form.
    pub bytes: usize,
    pub events: &'a [Event],
    /// Of each event, which of the leaf's subjects it stands under, by their places from 0.
    pub under: &'a [Vec<u32>],
    /// Of each of the leaf's subjects, what the quotas count of it. Of one that is missing here they count nothing.
    pub counts: &'a [Counts],
    /// What the document's header says of ids of the signer's own.
    pub master_data: &'a [&'a VocabularyElement],
}

/// One leaf's record, with a head that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRecord {
    bytes: Vec<u8>,
    statement: StatementId,
    signer: SignerTag,
    /// Where the names are.
    names: Range<usize>,
    /// Where the events' entries are.
    entries: Range<usize>,
    /// Of a capture alone.
    facts: Option<Facts>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    certificate: Hash,
    signed_at: Timestamp,
    bytes: usize,
    /// Where it begins what the quotas count of each subject.
    counts: usize,
    /// Where the master data begins and ends.
    master: (usize, usize),
    /// Where the lists begin of the subjects that each event stands under, and where the first event does.
    lists: usize,
    begin: usize,
}

/// Bytes that are no record of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no record of a leaf: {0}")]
pub struct LeafRecordError(#[from] pub Malformed);

impl LeafRecord {
    /// Makes the record of a capture that stands under these subjects, none of them twice.
    pub fn of_capture(statement: StatementId, names: &[(SubjectKey, Acts)], capture: &CaptureFacts<'_>) -> Self {
        let count = capture.events.len();
        let mut events = Vec::with_capacity(count * EVENT_BYTES_LIKELY);
        let mut lists = Vec::with_capacity(count * LIST_BYTES_LIKELY);
        let room = count * (ENTRY + LIST_BYTES_LIKELY + EVENT_BYTES_LIKELY);
        let signer = SignerTag::of_participant(capture.signer);
        let subjects = names.len();
        let (mut bytes, names) = head(CAPTURE, statement, signer, names, room + subjects);
        put_number(&mut bytes, count as u64);
        let entries = bytes.len()..bytes.len() + count * ENTRY;
        for (at, event) in capture.events.iter().enumerate() {
            let under = capture.under.get(at).map(Vec::as_slice).unwrap_or_default();
            put_number(&mut lists, under.len() as u64);
            under.iter().for_each(|subject| put_number(&mut lists, u64::from(*subject)));
            event::put(&mut events, event);
            let declaration = if event.error_declaration.is_some() { DECLARATION } else { 0 };
            bytes.extend_from_slice(EventKey::of(capture.signer, &event.event_id.uri).as_bytes());
            bytes.extend_from_slice(&(events.len() as u32 | declaration).to_be_bytes());
        }
        bytes.extend_from_slice(capture.certificate.as_bytes());
        put_signed(&mut bytes, capture.signed_at.millis());
        put_number(&mut bytes, capture.bytes as u64);
        let counts = bytes.len();
        let nothing = std::iter::repeat(&Counts::NOTHING);
        bytes.extend(capture.counts.iter().chain(nothing).take(subjects).map(|one| one.byte()));
        let master_data = master::bytes_of(capture.master_data);
        put_number(&mut bytes, master_data.len() as u64);
        let master = (bytes.len(), bytes.len() + master_data.len());
        bytes.extend_from_slice(&master_data);
        put_number(&mut bytes, lists.len() as u64);
        let facts = Facts {
            certificate: *capture.certificate,
            signed_at: capture.signed_at,
            bytes: capture.bytes,
            counts,
            master,
            lists: bytes.len(),
            begin: bytes.len() + lists.len(),
        };
        bytes.extend_from_slice(&lists);
        bytes.extend_from_slice(&events);
        Self { bytes, statement, signer, names, entries, facts: Some(facts) }
    }

    /// Makes the record of an admin statement by the member with the key `kid` that stands under these subjects, none of
    /// them twice.
    pub fn of_admin(statement: StatementId, kid: &Hash, names: &[(SubjectKey, Acts)]) -> Self {
        let signer = SignerTag::of_member(kid);
        let (bytes, names) = head(ADMIN, statement, signer, names, 0);
        let entries = bytes.len()..bytes.len();
        Self { bytes, statement, signer, names, entries, facts: None }
    }

    /// Takes a record as it was stored, and checks all but the inside of its events.
    ///
    /// # Errors
    ///
    /// What is wrong, and at which byte.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, LeafRecordError> {
        let mut reader = Reader::new(&bytes, 0);
        let begin = reader.clone();
        let version = reader.byte()?;
        if version != RECORD_VERSION {
            return Err(begin.fault(BinaryFault::Unknown { what: "version", found: version.into() }).into());
        }
        let of_kind = reader.clone();
        let kind = reader.byte()?;
        let statement = StatementId::from_hash(Hash::from_bytes(reader.array()?));
        let tag = reader.array()?;
        let names = items(&mut reader, NAME)?;
        let (signer, entries, facts) = match kind {
            CAPTURE => {
                let entries = items(&mut reader, ENTRY)?;
                let facts = Facts::read(&mut reader, names.len() / NAME)?;
                check_ends(&bytes, &entries, reader)?;
                (SignerTag::Participant(tag), entries, Some(facts))
            }
            ADMIN => {
                reader.end()?;
                (SignerTag::Member(tag), bytes.len()..bytes.len(), None)
            }
            _ => {
                return Err(of_kind
                    .fault(BinaryFault::Unknown { what: "kind of statement", found: kind.into() })
                    .into());
            }
        };
        Ok(Self { statement, signer, names, entries, facts, bytes })
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub fn statement(&self) -> StatementId {
        self.statement
    }

    /// The keys of the subjects that the leaf stands under, in the order in which they were given.
    pub fn subjects(&self) -> impl ExactSizeIterator<Item = SubjectKey> + '_ {
        self.names().map(|(key, _)| key)
    }

    /// The subjects that the leaf stands under, and what it says to have done with each, in the order in which they were
    /// given.
    pub fn names(&self) -> impl ExactSizeIterator<Item = (SubjectKey, Acts)> + '_ {
        let (names, _) = slice(&self.bytes, &self.names).as_chunks::<NAME>();
        names.iter().map(|[key @ .., acts]| (SubjectKey::from_hash(Hash::from_bytes(*key)), Acts::from_byte(*acts)))
    }

    /// What the quotas count of each subject, in the same order; nothing of an admin statement.
    pub fn counts(&self) -> impl Iterator<Item = Counts> + '_ {
        let subjects = self.names.len() / NAME;
        let counts = self.facts.map_or(&[][..], |facts| slice(&self.bytes, &(facts.counts..facts.counts + subjects)));
        counts.iter().copied().chain(std::iter::repeat(0)).take(subjects).map(Counts::from_byte)
    }

    /// What the index gets of the leaf: an entry for the list of each of its subjects.
    pub fn list_entries(&self, leaf: LeafIndex) -> impl ExactSizeIterator<Item = (SubjectKey, ListEntry)> + '_ {
        self.names().map(move |(key, acts)| (key, ListEntry { leaf, signer: self.signer, acts }))
    }

    /// The key of each event, in the order of the document, and whether it is an error declaration.
    pub fn event_keys(&self) -> impl ExactSizeIterator<Item = (EventKey, bool)> + '_ {
        entries(&self.bytes, &self.entries).iter().map(|entry| {
            let (key, _, is_declaration) = split(entry);
            (key, is_declaration)
        })
    }

    /// The ids of the signer's own that the document's header has master data of, in its order, each with the bytes of what it says. What
    /// cannot be read ends them.
    pub fn master_ids(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.master_reader().into_iter().flat_map(master::Elements::of)
    }

    /// What the document's header says of one id of the signer's own.
    ///
    /// # Errors
    ///
    /// An element that is not as it was written, and at which byte.
    pub fn master_data_of(&self, id: &str) -> Result<Vec<VocabularyElement>, LeafRecordError> {
        Ok(self.master_reader().map_or_else(|| Ok(Vec::new()), |reader| master::read_of(reader, id))?)
    }

    fn master_reader(&self) -> Option<Reader<'_>> {
        self.facts.map(|facts| self.reader(facts.master.0..facts.master.1))
    }

    /// The participant that signed; `None` of an admin statement.
    pub fn signer(&self) -> Option<ParticipantId> {
        self.signer.participant()
    }

    /// The participant that signed, as the index names it; `None` of an admin statement.
    pub fn signer_tag(&self) -> Option<SignerTag> {
        matches!(self.signer, SignerTag::Participant(_)).then_some(self.signer)
    }

    /// Length of the statement in compact form; `None` of an admin statement.
    pub fn statement_bytes(&self) -> Option<usize> {
        self.facts.map(|facts| facts.bytes)
    }

    /// The capture, at the place of its leaf, with its events that stand under a subject; `None` of an admin statement.
    ///
    /// # Errors
    ///
    /// An event that is not as it was written, and at which byte.
    pub fn capture_under(&self, place: Place, subject: &SubjectKey) -> Result<Option<Capture>, LeafRecordError> {
        let number = self.subjects().position(|key| key == *subject);
        self.capture_of(place, |lists| match number {
            Some(number) => self.is_under(lists, number as u64),
            None => Ok(false),
        })
    }

    /// The capture, at the place of its leaf, with all its events; `None` of an admin statement.
    ///
    /// # Errors
    ///
    /// An event that is not as it was written, and at which byte.
    pub fn capture(&self, place: Place) -> Result<Option<Capture>, LeafRecordError> {
        self.capture_of(place, |_| Ok(true))
    }

    /// The capture with the events that are wanted. What wants them reads their lists of subjects, one after the other.
    fn capture_of(
        &self,
        place: Place,
        wants: impl Fn(&mut Reader<'_>) -> Result<bool, Malformed>,
    ) -> Result<Option<Capture>, LeafRecordError> {
        let (Some(facts), Some(signer)) = (self.facts, self.signer()) else { return Ok(None) };
        let mut lists = self.reader(facts.lists..facts.begin);
        let (mut events, mut begin) = (Vec::new(), facts.begin);
        for (entry, position) in entries(&self.bytes, &self.entries).iter().zip(0..) {
            let end = facts.begin.saturating_add(split(entry).1);
            if wants(&mut lists)? {
                events.push((position, event::read(&mut self.reader(begin..end))?));
            }
            begin = end;
        }
        Ok(Some(Capture {
            place,
            statement: self.statement,
            signer,
            certificate: facts.certificate,
            signed_at: facts.signed_at,
            bytes: facts.bytes,
            events,
        }))
    }

    /// The event at a position of the document, from 0, without a look at the others; `None` past the last.
    ///
    /// # Errors
    ///
    /// An event that is not as it was written, and at which byte.
    pub fn event(&self, position: u32) -> Result<Option<Event>, LeafRecordError> {
        let Some(facts) = self.facts else { return Ok(None) };
        let entries = entries(&self.bytes, &self.entries);
        let end_of = |at: usize| entries.get(at).map(|entry| facts.begin.saturating_add(split(entry).1));
        let position = position as usize;
        let Some(end) = end_of(position) else { return Ok(None) };
        let begin = position.checked_sub(1).and_then(end_of).unwrap_or(facts.begin);
        Ok(Some(event::read(&mut self.reader(begin..end))?))
    }

    fn reader(&self, range: Range<usize>) -> Reader<'_> {
        Reader::new(slice(&self.bytes, &(0..range.end)), range.start)
    }

    /// Reads an event's list, and tells whether a subject is in it.
    fn is_under(&self, lists: &mut Reader<'_>, subject: u64) -> Result<bool, Malformed> {
        let subjects = (self.names.len() / NAME) as u64;
        let mut found = false;
        for _ in 0..lists.count(1)? {
            let of_place = lists.clone();
            let place = lists.number()?;
            if place >= subjects {
                return Err(of_place.fault(BinaryFault::Wrong { what: "an event's subject" }));
            }
            found |= place == subject;
        }
        Ok(found)
    }
}

impl Facts {
    /// Reads the facts of a capture that stands under so many subjects.
    fn read(reader: &mut Reader<'_>, subjects: usize) -> Result<Self, Malformed> {
        let certificate = Hash::from_bytes(reader.array()?);
        let signed_at = event::read_time(reader)?;
        let of_bytes = reader.clone();
        let bytes = reader.number()?;
        let bytes = usize::try_from(bytes).map_err(|_| of_bytes.fault(BinaryFault::Number))?;
        let counts = reader.offset();
        reader.take(subjects)?;
        let mut part = || {
            let length = reader.count(1)?;
            let begin = reader.offset();
            reader.take(length)?;
            Ok((begin, begin + length))
        };
        let master = part()?;
        let (lists, begin) = part()?;
        Ok(Self { certificate, signed_at, bytes, counts, master, lists, begin })
    }
}

/// The bytes that every record begins with, with room for some more, and where the names are in them.
fn head(
    kind: u8,
    statement: StatementId,
    signer: SignerTag,
    names: &[(SubjectKey, Acts)],
    room: usize,
) -> (Vec<u8>, Range<usize>) {
    let (SignerTag::Participant(tag) | SignerTag::Member(tag)) = signer;
    let mut bytes = Vec::with_capacity(FRAME_BYTES_MAX + names.len() * NAME + room);
    bytes.extend_from_slice(&[RECORD_VERSION, kind]);
    bytes.extend_from_slice(statement.hash().as_bytes());
    bytes.extend_from_slice(&tag);
    put_number(&mut bytes, names.len() as u64);
    let begin = bytes.len();
    for (subject, acts) in names {
        bytes.extend_from_slice(subject.as_hash().as_bytes());
        bytes.push(acts.byte());
    }
    let end = bytes.len();
    (bytes, begin..end)
}

/// Where the items of one length are that follow their number.
fn items(reader: &mut Reader<'_>, length: usize) -> Result<Range<usize>, Malformed> {
    let count = reader.count(length)?;
    let begin = reader.offset();
    // As many as were counted are there.
    reader.take(count * length)?;
    Ok(begin..reader.offset())
}

/// Checks that each event ends after the one before, and the last with the record.
fn check_ends(bytes: &[u8], of: &Range<usize>, events: Reader<'_>) -> Result<(), Malformed> {
    let length = events.rest().len();
    let mut before = 0;
    for (at, entry) in entries(bytes, of).iter().enumerate() {
        let (_, end, _) = split(entry);
        if end <= before || end > length {
            return Err(Malformed {
                offset: of.start + at * ENTRY,
                fault: BinaryFault::Wrong { what: "an event's end" },
            });
        }
        before = end;
    }
    if before == length { Ok(()) } else { Err(events.fault(BinaryFault::Trailing)) }
}

fn entries<'a>(bytes: &'a [u8], range: &Range<usize>) -> &'a [[u8; ENTRY]] {
    slice(bytes, range).as_chunks().0
}

/// An entry's key, where its event ends, and whether that is an error declaration.
fn split(entry: &[u8; ENTRY]) -> (EventKey, usize, bool) {
    let [key @ .., a, b, c, d] = *entry;
    let end = u32::from_be_bytes([a, b, c, d]);
    (EventKey::from_bytes(key), (end & !DECLARATION) as usize, end & DECLARATION != 0)
}

fn slice<'a>(bytes: &'a [u8], range: &Range<usize>) -> &'a [u8] {
    bytes.get(range.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
