//! Messages: everything that members' nodes say to each other, as bytes.
//!
//! A message is one byte of kind and what the kind says. A reader takes nothing that a writer would not have written, but
//! for [`Hello`] of a later version, which may go on after what this version knows.

#[cfg(test)]
mod tests;

use crate::agreement::address::{NodeAddressError, SignedAddress};
use crate::agreement::bytes::{self, AgreementBytesError};
use crate::agreement::{
    BlockOutline, Equivocation, HeightWords, Logged, RoundProposal, Said, SaidError, ValueId, Vote, WordPlace,
};
use crate::binary::{Malformed, Reader};
use crate::block::{Commit, CommitSignature, Height, MemberSet, Origin, OriginError, Seal};
use crate::hash::Hash;
use crate::limits::{
    ASKED_WORDS_MAX, BLOCK_STATEMENTS_MAX, HELLO_BYTES_MAX, LEAF_BYTES_MAX, MEMBERS_MAX, MESSAGE_BYTES_MAX,
    NOTE_BYTES_MAX, STATEMENT_BYTES_MAX, WORDS_BYTES_MAX, WORDS_HEIGHTS_MAX,
};
use crate::statement::SignatureVerifier;
use crate::time::Timestamp;

/// The version of these messages that this program speaks at best. Two nodes speak the lower one of theirs.
pub const PROTOCOL_VERSION: u16 = 1;

/// The lowest version that this program still speaks.
pub const PROTOCOL_VERSION_MIN: u16 = 1;

/// One message from one member's node to another's.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// To be answered with [`Message::Pong`] of the same number at once: tells that the line is alive, and how long it is.
    Ping(u64),
    Pong(u64),
    /// The first message on a connection, of either side, and no later one.
    Hello(Hello),
    Status(NodeStatus),
    /// A vote, a proposal or a certificate.
    Said(Said),
    /// The body of a proposed block, without its statements.
    Outline {
        value: ValueId,
        outline: BlockOutline,
    },
    /// Asks for the body of a block that was proposed or voted for.
    AskOutline {
        height: Height,
        value: ValueId,
    },
    /// Statements in compact form: those that somebody posted, and those that were asked for.
    Statements(Vec<Vec<u8>>),
    /// Asks for the statements of a proposed block that are missing, by the hashes of their leaves.
    AskStatements {
        height: Height,
        value: ValueId,
        leaves: Vec<Hash>,
    },
    /// Asks for the final blocks from a height on.
    AskBlocks {
        from: Height,
    },
    Block(FinalBlockPart),
    /// Where nodes are found.
    Addresses(Vec<SignedAddress>),
    /// Says to a node that another one shows its member's key, under the TLS key with this thumbprint.
    Twin {
        tls_key: Hash,
    },
    /// What the sender remembers of members' words at recent heights, each height once, ascending.
    Words(Vec<HeightWords>),
    /// Asks for signed words that the other has told of. Each that it still has comes as [`Message::Said`].
    AskWords(Vec<WordPlace>),
    /// Proof that a member has signed two things in one place.
    Fault(Equivocation),
}

/// How a node begins a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The highest version of these messages that it speaks.
    pub version: u16,
    /// The ledger that it is about.
    pub origin: Origin,
    /// The number of the latest rules that it knows.
    pub rules: u32,
    /// Drawn anew whenever the node starts: tells a connection of a node that has started again from a second one.
    pub run: u64,
    /// The last that it holds of what the other's key has signed. Beyond what the other's log has, this shows an older copy
    /// of its directory, or a second process with its key.
    pub last: Option<LastSaid>,
}

/// Something that a member has signed about one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastSaid {
    Vote(Vote),
    Proposal(RoundProposal),
}

impl LastSaid {
    /// What an entry of the log shows as signed, if it is a vote or a proposal.
    pub const fn of_logged(entry: &Logged) -> Option<Self> {
        match entry {
            Logged::Vote(vote) => Some(Self::Vote(*vote)),
            Logged::Proposal(proposal) => Some(Self::Proposal(*proposal)),
            Logged::Polka(_) | Logged::Timeout(_) | Logged::Value(_) | Logged::Body { .. } => None,
        }
    }

    pub const fn signer(&self) -> Hash {
        match self {
            Self::Vote(vote) => vote.signer,
            Self::Proposal(proposal) => proposal.signer,
        }
    }

    pub const fn height(&self) -> Height {
        match self {
            Self::Vote(vote) => vote.height,
            Self::Proposal(proposal) => proposal.height,
        }
    }

    pub const fn round(&self) -> u32 {
        match self {
            Self::Vote(vote) => vote.round,
            Self::Proposal(proposal) => proposal.round,
        }
    }

    /// Checks that a member in force signed it.
    pub fn verify(
        &self,
        origin: &Origin,
        members: &MemberSet,
        verifier: &dyn SignatureVerifier,
    ) -> Result<(), SaidError> {
        match self {
            Self::Vote(vote) => vote.verify(origin, members, verifier),
            Self::Proposal(proposal) => proposal.verify(origin, members, verifier),
        }
    }
}

impl From<LastSaid> for Said {
    fn from(last: LastSaid) -> Self {
        match last {
            LastSaid::Vote(vote) => Self::Vote(vote),
            LastSaid::Proposal(proposal) => Self::Proposal(proposal),
        }
    }
}

/// Where a node stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its last final block.
    pub tip: Height,
    /// The root of its tree there.
    pub root: Hash,
    /// What its clock says.
    pub time: Timestamp,
    /// Where it is found, if it says so.
    pub address: Option<SignedAddress>,
}

/// A final block, or a part of a long one. Parts come in order; the one with the end is the last.
#[derive(Debug, Clone, PartialEq)]
pub struct FinalBlockPart {
    pub height: Height,
    /// How many of the block's statements stand before these.
    pub first: u32,
    /// Statements in compact form, whole also if their leaves are of the long kind.
    pub statements: Vec<Vec<u8>>,
    pub end: Option<FinalBlockEnd>,
}

/// What stands after a block's statements.
#[derive(Debug, Clone, PartialEq)]
pub struct FinalBlockEnd {
    pub seal: Seal,
    pub commit: Commit,
    /// The checkpoint as a member has signed it, for a node whose key is no member's at this height.
    pub note: String,
}

/// Bytes that are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("a message has 1 to {MESSAGE_BYTES_MAX} bytes; this has {found}")]
    Length { found: usize },
    #[error("there is no message of kind {found}")]
    Kind { found: u8 },
    #[error(transparent)]
    Bytes(#[from] AgreementBytesError),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Address(#[from] NodeAddressError),
    #[error("a text has at most {bytes_max} bytes here; this says {found}")]
    Text { found: usize, bytes_max: usize },
    #[error("a text is not UTF-8")]
    Utf8,
    #[error("a hello has at most {HELLO_BYTES_MAX} bytes; this has {found}")]
    HelloLength { found: usize },
    #[error("what is remembered of heights has at most {WORDS_BYTES_MAX} bytes in one message; this has {found}")]
    WordsLength { found: usize },
    #[error("heights stand in ascending order, none twice; {height} stands too late")]
    HeightOrder { height: Height },
    #[error("the other's ledger: {0}")]
    Origin(#[from] OriginError),
    #[error("{what} are 1 to {max}; this says {found}")]
    Count { what: &'static str, max: usize, found: usize },
    #[error("a statement has 1 to {STATEMENT_BYTES_MAX} bytes; this says {found}")]
    Statement { found: u32 },
    #[error("a part of a block has statements or the block's end; this has neither")]
    EmptyPart,
    #[error("a block has at most {BLOCK_STATEMENTS_MAX} statements; this part ends after {found}")]
    Statements { found: usize },
    #[error("the seal is of height {seal}, and the part of height {height}")]
    OtherHeight { seal: Height, height: Height },
    #[error("{found} is no time")]
    Time { found: i64 },
    #[error("{found} stands where something is there (1) or not (0)")]
    Presence { found: u8 },
}

impl Message {
    /// What the message is, in one word, for people and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ping(_) => "ping",
            Self::Pong(_) => "pong",
            Self::Hello(_) => "hello",
            Self::Status(_) => "status",
            Self::Said(Said::Vote(_)) => "vote",
            Self::Said(Said::Proposal(_)) => "proposal",
            Self::Said(Said::Polka(_)) => "polka",
            Self::Said(Said::Round(_)) => "round",
            Self::Outline { .. } => "outline",
            Self::AskOutline { .. } => "ask-outline",
            Self::Statements(_) => "statements",
            Self::AskStatements { .. } => "ask-statements",
            Self::AskBlocks { .. } => "ask-blocks",
            Self::Block(_) => "block",
            Self::Addresses(_) => "addresses",
            Self::Twin { .. } => "twin",
            Self::Words(_) => "words",
            Self::AskWords(_) => "ask-words",
            Self::Fault(_) => "fault",
        }
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Ping(_) => 0,
            Self::Pong(_) => 1,
            Self::Hello(_) => 2,
            Self::Status(_) => 3,
            Self::Said(_) => 4,
            Self::Outline { .. } => 5,
            Self::AskOutline { .. } => 6,
            Self::Statements(_) => 7,
            Self::AskStatements { .. } => 8,
            Self::AskBlocks { .. } => 9,
            Self::Block(_) => 10,
            Self::Addresses(_) => 11,
            Self::Twin { .. } => 12,
            Self::Words(_) => 13,
            Self::AskWords(_) => 14,
            Self::Fault(_) => 15,
        }
    }

    /// Writes the message. Whether it is short enough for a reader, the sender sees by its length.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![self.kind()];
        match self {
            Self::Ping(number) | Self::Pong(number) => out.extend_from_slice(&number.to_be_bytes()),
            Self::Hello(hello) => hello.put(&mut out),
            Self::Status(status) => status.put(&mut out),
            Self::Said(said) => out.extend_from_slice(&said.to_bytes()),
            Self::Outline { value, outline } => {
                out.extend_from_slice(value.hash().as_bytes());
                out.extend_from_slice(&outline.to_bytes());
            }
            Self::AskOutline { height, value } => {
                put_height(&mut out, *height);
                out.extend_from_slice(value.hash().as_bytes());
            }
            Self::Statements(statements) => put_statements(&mut out, statements),
            Self::AskStatements { height, value, leaves } => {
                put_height(&mut out, *height);
                out.extend_from_slice(value.hash().as_bytes());
                put_count(&mut out, leaves.len());
                leaves.iter().for_each(|leaf| out.extend_from_slice(leaf.as_bytes()));
            }
            Self::AskBlocks { from } => put_height(&mut out, *from),
            Self::Block(part) => part.put(&mut out),
            Self::Addresses(addresses) => {
                out.push(addresses.len() as u8);
                addresses.iter().for_each(|address| address.put(&mut out));
            }
            Self::Twin { tls_key } => out.extend_from_slice(tls_key.as_bytes()),
            Self::Words(heights) => {
                out.push(heights.len() as u8);
                heights.iter().for_each(|height| height.put(&mut out));
            }
            Self::AskWords(places) => {
                out.push(places.len() as u8);
                places.iter().for_each(|place| place.put(&mut out));
            }
            Self::Fault(pair) => pair.put(&mut out),
        }
        out
    }

    /// Reads a message that fills `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        if !(1..=MESSAGE_BYTES_MAX).contains(&bytes.len()) {
            return Err(MessageError::Length { found: bytes.len() });
        }
        let reader = &mut Reader::new(bytes, 0);
        let message = match reader.byte()? {
            0 => Self::Ping(u64::from_be_bytes(reader.array()?)),
            1 => Self::Pong(u64::from_be_bytes(reader.array()?)),
            2 => return Hello::read(reader, bytes.len()).map(Self::Hello),
            3 => Self::Status(NodeStatus::read(reader)?),
            4 => return Ok(Self::Said(Said::parse(reader.rest())?)),
            5 => {
                let value = ValueId::from_hash(bytes::read_hash(reader)?);
                return Ok(Self::Outline { value, outline: BlockOutline::parse(reader.rest())? });
            }
            6 => Self::AskOutline {
                height: bytes::read_height(reader)?,
                value: ValueId::from_hash(bytes::read_hash(reader)?),
            },
            7 => {
                let statements = read_statements(reader)?;
                check_count("statements", BLOCK_STATEMENTS_MAX, statements.len())?;
                Self::Statements(statements)
            }
            8 => Self::AskStatements {
                height: bytes::read_height(reader)?,
                value: ValueId::from_hash(bytes::read_hash(reader)?),
                leaves: read_leaves(reader)?,
            },
            9 => Self::AskBlocks { from: read_height(reader)? },
            10 => Self::Block(FinalBlockPart::read(reader)?),
            11 => Self::Addresses(read_addresses(reader)?),
            12 => Self::Twin { tls_key: bytes::read_hash(reader)? },
            13 if bytes.len() > WORDS_BYTES_MAX => return Err(MessageError::WordsLength { found: bytes.len() }),
            13 => Self::Words(read_words(reader)?),
            14 => Self::AskWords(read_places(reader)?),
            15 => Self::Fault(Equivocation::read(reader)?),
            found => return Err(MessageError::Kind { found }),
        };
        reader.end()?;
        Ok(message)
    }
}

impl Hello {
    /// version u16be ‖ u16be length ‖ origin ‖ rules u32be ‖ run u64be ‖ u8 0, u8 1 and a vote, or u8 2 and a proposal.
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.version.to_be_bytes());
        // 255 characters are at most 1,020 bytes.
        out.extend_from_slice(&(self.origin.as_str().len() as u16).to_be_bytes());
        out.extend_from_slice(self.origin.as_str().as_bytes());
        out.extend_from_slice(&self.rules.to_be_bytes());
        out.extend_from_slice(&self.run.to_be_bytes());
        match &self.last {
            None => out.push(0),
            Some(LastSaid::Vote(vote)) => {
                out.push(1);
                vote.put(out);
            }
            Some(LastSaid::Proposal(proposal)) => {
                out.push(2);
                proposal.put(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>, found: usize) -> Result<Self, MessageError> {
        if found > HELLO_BYTES_MAX {
            return Err(MessageError::HelloLength { found });
        }
        let version = u16::from_be_bytes(reader.array()?);
        let length = usize::from(u16::from_be_bytes(reader.array()?));
        let origin = std::str::from_utf8(reader.take(length)?).map_err(|_| MessageError::Utf8)?.parse()?;
        let rules = u32::from_be_bytes(reader.array()?);
        let run = u64::from_be_bytes(reader.array()?);
        let last = match reader.byte()? {
            0 => None,
            1 => Some(LastSaid::Vote(Vote::read(reader)?)),
            2 => Some(LastSaid::Proposal(RoundProposal::read(reader)?)),
            found => return Err(MessageError::Presence { found }),
        };
        if version <= PROTOCOL_VERSION {
            reader.end()?;
        }
        Ok(Self { version, origin, rules, run, last })
    }

    /// The version that two nodes speak with each other; `None` if one of them does not speak it any more.
    pub fn common_version(&self) -> Option<u16> {
        let lower = self.version.min(PROTOCOL_VERSION);
        (lower >= PROTOCOL_VERSION_MIN).then_some(lower)
    }
}

impl NodeStatus {
    /// height u64be ‖ root ‖ milliseconds since 1970 i64be ‖ u8 0, or u8 1 and a signed address.
    fn put(&self, out: &mut Vec<u8>) {
        put_height(out, self.tip);
        out.extend_from_slice(self.root.as_bytes());
        out.extend_from_slice(&self.time.millis().to_be_bytes());
        match &self.address {
            None => out.push(0),
            Some(address) => {
                out.push(1);
                address.put(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, MessageError> {
        let tip = read_height(reader)?;
        let root = bytes::read_hash(reader)?;
        let millis = i64::from_be_bytes(reader.array()?);
        let time = Timestamp::from_millis(millis).ok_or(MessageError::Time { found: millis })?;
        let address = match reader.byte()? {
            0 => None,
            1 => Some(SignedAddress::read(reader)?),
            found => return Err(MessageError::Presence { found }),
        };
        Ok(Self { tip, root, time, address })
    }
}

impl FinalBlockPart {
    /// height u64be ‖ first u32be ‖ statements ‖ u8 0, or u8 1 ‖ u32be length ‖ the seal's JSON ‖ round u32be ‖ u8 count ‖ for
    /// each member kid ‖ signature ‖ u32be length ‖ the note.
    fn put(&self, out: &mut Vec<u8>) {
        put_height(out, self.height);
        out.extend_from_slice(&self.first.to_be_bytes());
        put_statements(out, &self.statements);
        let Some(FinalBlockEnd { seal, commit, note }) = &self.end else { return out.push(0) };
        out.push(1);
        let seal = seal.to_json();
        out.extend_from_slice(&(seal.len() as u32).to_be_bytes());
        out.extend_from_slice(seal.as_bytes());
        out.extend_from_slice(&commit.round.to_be_bytes());
        let mut signatures: Vec<&CommitSignature> = commit.signatures.iter().collect();
        signatures.sort_by_key(|one| one.kid);
        out.push(signatures.len() as u8);
        for CommitSignature { kid, signature, .. } in signatures {
            out.extend_from_slice(kid.as_bytes());
            out.extend_from_slice(signature.as_bytes());
        }
        // A note is far shorter than 4 GiB.
        out.extend_from_slice(&(note.len() as u32).to_be_bytes());
        out.extend_from_slice(note.as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, MessageError> {
        let height = read_height(reader)?;
        let first = u32::from_be_bytes(reader.array()?);
        let statements = read_statements(reader)?;
        let ends_after = usize::try_from(first).unwrap_or(usize::MAX).saturating_add(statements.len());
        if ends_after > BLOCK_STATEMENTS_MAX {
            return Err(MessageError::Statements { found: ends_after });
        }
        let end = match reader.byte()? {
            0 if statements.is_empty() => return Err(MessageError::EmptyPart),
            0 => None,
            1 => Some(FinalBlockEnd::read(reader, height)?),
            found => return Err(MessageError::Presence { found }),
        };
        Ok(Self { height, first, statements, end })
    }
}

impl FinalBlockEnd {
    fn read(reader: &mut Reader<'_>, height: Height) -> Result<Self, MessageError> {
        let found = u32::from_be_bytes(reader.array()?);
        let length = usize::try_from(found).unwrap_or(usize::MAX);
        if !(1..=LEAF_BYTES_MAX).contains(&length) {
            return Err(AgreementBytesError::SealLength { found }.into());
        }
        let seal = Seal::parse(reader.take(length)?).map_err(AgreementBytesError::from)?;
        if seal.height != height {
            return Err(MessageError::OtherHeight { seal: seal.height, height });
        }
        // The commit of block 0 has no rounds, and its number is 0 like that of the first round.
        let round = bytes::read_round(reader)?;
        let signatures = bytes::read_signatures(
            reader,
            |one: &CommitSignature| one.kid,
            |reader| Ok(CommitSignature::es256(bytes::read_hash(reader)?, bytes::read_signature(reader)?)),
        )?;
        let found = usize::try_from(u32::from_be_bytes(reader.array()?)).unwrap_or(usize::MAX);
        if found > NOTE_BYTES_MAX {
            return Err(MessageError::Text { found, bytes_max: NOTE_BYTES_MAX });
        }
        let note = std::str::from_utf8(reader.take(found)?).map_err(|_| MessageError::Utf8)?.to_owned();
        Ok(Self { seal, commit: Commit { height, round, signatures }, note })
    }
}

fn put_height(out: &mut Vec<u8>, height: Height) {
    out.extend_from_slice(&height.get().to_be_bytes());
}

/// Reads a height that may be genesis.
fn read_height(reader: &mut Reader<'_>) -> Result<Height, MessageError> {
    Ok(Height::new(u64::from_be_bytes(reader.array()?)).map_err(AgreementBytesError::from)?)
}

/// Writes a number of things that are 2,000 at the most.
fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&(count as u16).to_be_bytes());
}

fn read_count(reader: &mut Reader<'_>) -> Result<usize, MessageError> {
    Ok(usize::from(u16::from_be_bytes(reader.array()?)))
}

fn check_count(what: &'static str, max: usize, found: usize) -> Result<(), MessageError> {
    if (1..=max).contains(&found) { Ok(()) } else { Err(MessageError::Count { what, max, found }) }
}

/// u16be count ‖ for each u32be length ‖ compact form.
fn put_statements(out: &mut Vec<u8>, statements: &[Vec<u8>]) {
    out.reserve(2 + statements.iter().map(|one| 4 + one.len()).sum::<usize>());
    put_count(out, statements.len());
    for statement in statements {
        out.extend_from_slice(&(statement.len() as u32).to_be_bytes());
        out.extend_from_slice(statement);
    }
}

fn read_statements(reader: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, MessageError> {
    let count = read_count(reader)?;
    if count > BLOCK_STATEMENTS_MAX {
        return Err(MessageError::Count { what: "statements", max: BLOCK_STATEMENTS_MAX, found: count });
    }
    // Each is one byte or more behind its length, so a short message has room for few.
    let mut statements = Vec::with_capacity(count.min(reader.rest().len() / 5));
    for _ in 0..count {
        let found = u32::from_be_bytes(reader.array()?);
        match usize::try_from(found) {
            Ok(length) if (1..=STATEMENT_BYTES_MAX).contains(&length) => statements.push(reader.take(length)?.to_vec()),
            _ => return Err(MessageError::Statement { found }),
        }
    }
    Ok(statements)
}

fn read_leaves(reader: &mut Reader<'_>) -> Result<Vec<Hash>, MessageError> {
    let count = read_count(reader)?;
    check_count("leaves that are asked for", BLOCK_STATEMENTS_MAX, count)?;
    let mut leaves = Vec::with_capacity(count.min(reader.rest().len() / Hash::LEN));
    for _ in 0..count {
        leaves.push(bytes::read_hash(reader)?);
    }
    Ok(leaves)
}

fn read_addresses(reader: &mut Reader<'_>) -> Result<Vec<SignedAddress>, MessageError> {
    let count = usize::from(reader.byte()?);
    check_count("addresses", MEMBERS_MAX, count)?;
    let mut addresses = Vec::new();
    for _ in 0..count {
        addresses.push(SignedAddress::read(reader)?);
    }
    Ok(addresses)
}

fn read_words(reader: &mut Reader<'_>) -> Result<Vec<HeightWords>, MessageError> {
    let count = usize::from(reader.byte()?);
    check_count("heights", WORDS_HEIGHTS_MAX, count)?;
    let mut heights: Vec<HeightWords> = Vec::new();
    for _ in 0..count {
        let next = HeightWords::read(reader)?;
        if heights.last().is_some_and(|last| last.height >= next.height) {
            return Err(MessageError::HeightOrder { height: next.height });
        }
        heights.push(next);
    }
    Ok(heights)
}

fn read_places(reader: &mut Reader<'_>) -> Result<Vec<WordPlace>, MessageError> {
    let count = usize::from(reader.byte()?);
    check_count("words that are asked for", ASKED_WORDS_MAX, count)?;
    let mut places = Vec::with_capacity(count);
    for _ in 0..count {
        places.push(WordPlace::read(reader)?);
    }
    Ok(places)
}
