//! Messages that round-trip, and bytes that are none.

use p256::ecdsa::SigningKey;
use proptest::prelude::*;

use super::*;
use crate::agreement::{
    Justification, MemberBits, NodeAddress, PolkaCertificate, PolkaSignature, RoundCertificate, RoundSignature,
    SaidError, VoteKind, WordContent, WordKind, WordLine, proposal_bytes, vote_bytes,
};
use crate::block::{Member, MemberSet, NoteSigningKey};
use crate::limits::{ADDRESS_NUMBER_MAX, NOTE_BYTES_MAX, PEER_ADDRESS_BYTES_MAX, PEER_URL_BYTES_MAX};
use crate::merkle::TreeSize;
use crate::statement::{P256, PublicKey, Signature};

fn key(byte: u8) -> SigningKey {
    SigningKey::from_slice(&[byte; 32]).unwrap()
}

fn public(byte: u8) -> PublicKey {
    PublicKey::from(key(byte).verifying_key())
}

fn kid(byte: u8) -> Hash {
    public(byte).thumbprint()
}

fn origin() -> Origin {
    "ledger.example/test".parse().unwrap()
}

fn height(height: u64) -> Height {
    Height::new(height).unwrap()
}

fn value() -> ValueId {
    ValueId::from_hash(Hash::of(b"value"))
}

fn vote() -> Vote {
    let (kind, value) = (VoteKind::Prevote, Some(value()));
    let signature = Signature::sign(&key(1), &vote_bytes(&origin(), kind, height(7), 3, value));
    Vote { kind, height: height(7), round: 3, value, signer: kid(1), signature }
}

fn proposal() -> RoundProposal {
    let signature = Signature::sign(&key(1), &proposal_bytes(&origin(), height(7), 3, Some(1), value()));
    RoundProposal { height: height(7), round: 3, pol_round: Some(1), value: value(), signer: kid(1), signature }
}

fn address() -> SignedAddress {
    let address = NodeAddress::new(kid(1), "a.example:7443", "https://a.example", 3).unwrap();
    let signature = Signature::sign(&key(1), &address.signed_bytes(&origin()));
    SignedAddress::new(address, signature)
}

fn seal(at: u64) -> Seal {
    Seal {
        height: height(at),
        time: "2026-11-21T09:30:00.000Z".parse().unwrap(),
        previous_size: TreeSize::new(7).unwrap(),
        previous_root: Hash::of(b"before"),
        index_root: Hash::of(b"index"),
        members_hash: Hash::of(b"members"),
        next_members_hash: Hash::of(b"members"),
        rules: 1,
        enacted: Vec::new(),
    }
}

fn end() -> FinalBlockEnd {
    let signature = |by| CommitSignature::es256(kid(by), vote().signature);
    let mut signatures = vec![signature(1), signature(2), signature(3)];
    signatures.sort_by_key(|one| one.kid);
    FinalBlockEnd {
        seal: seal(7),
        commit: Commit { height: height(7), round: 2, signatures },
        note: "a.example\n".to_owned(),
    }
}

fn hello() -> Hello {
    Hello { version: 1, origin: origin(), rules: 1, run: 99, last: Some(LastSaid::Vote(vote())) }
}

fn status() -> NodeStatus {
    let time = "2026-11-21T09:30:00.123Z".parse().unwrap();
    NodeStatus { tip: height(6), root: Hash::of(b"root"), time, address: Some(address()) }
}

fn line(value: Option<ValueId>, kind: WordKind, round: u32, by: &[usize]) -> WordLine {
    let mut bits = MemberBits::none(9);
    by.iter().for_each(|number| bits.insert(*number));
    let pol_round = (kind == WordKind::Proposal && round > 0).then(|| round - 1);
    WordLine { word: WordContent { value, kind, round, pol_round }, by: bits }
}

/// A height of nine members of which the last says this to one and that to another.
fn words(at: u64) -> HeightWords {
    let lines = vec![
        line(None, WordKind::Precommit, 0, &[8]),
        line(Some(value()), WordKind::Proposal, 0, &[7]),
        line(Some(value()), WordKind::Proposal, 2, &[0]),
        line(Some(value()), WordKind::Prevote, 0, &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ];
    HeightWords { height: height(at), members: 9, lines }
}

fn pair() -> Equivocation {
    Equivocation::Votes(vote(), Vote { value: None, ..vote() })
}

/// One message or more of each kind.
fn every() -> Vec<Message> {
    let polka = PolkaCertificate {
        height: height(7),
        round: 3,
        value: value(),
        signatures: vec![PolkaSignature { kid: kid(1), signature: vote().signature }],
    };
    let signature = RoundSignature { kind: VoteKind::Precommit, value: None, kid: kid(1), signature: vote().signature };
    let round =
        RoundCertificate { height: height(7), round: 3, justifies: Justification::Leave, signatures: vec![signature] };
    let part = |statements: &[&[u8]], end| {
        let statements = statements.iter().map(|one| one.to_vec()).collect();
        Message::Block(FinalBlockPart { height: height(7), first: 4, statements, end })
    };
    vec![
        Message::Ping(7),
        Message::Pong(u64::MAX),
        Message::Hello(hello()),
        Message::Hello(Hello { last: None, ..hello() }),
        Message::Hello(Hello { last: Some(LastSaid::Proposal(proposal())), version: 0, ..hello() }),
        Message::Status(status()),
        Message::Status(NodeStatus { tip: Height::GENESIS, address: None, ..status() }),
        Message::Said(Said::Vote(vote())),
        Message::Said(LastSaid::Proposal(proposal()).into()),
        Message::Said(Said::Polka(polka)),
        Message::Said(Said::Round(round)),
        Message::Outline { value: value(), outline: BlockOutline { seal: seal(7), leaves: vec![Hash::of(b"leaf")] } },
        Message::AskOutline { height: height(7), value: value() },
        Message::Statements(vec![b"a.b.c".to_vec(), b"d.e.f".to_vec()]),
        Message::AskStatements { height: height(7), value: value(), leaves: vec![Hash::of(b"leaf")] },
        Message::AskBlocks { from: Height::GENESIS },
        part(&[b"a.b.c", b"d"], None),
        part(&[], Some(end())),
        part(&[b"a.b.c"], Some(end())),
        Message::Addresses(vec![address(), address()]),
        Message::Twin { tls_key: Hash::of(b"other") },
        Message::Words(vec![words(7), words(9)]),
        Message::AskWords(vec![LastSaid::Vote(vote()).place(), LastSaid::Proposal(proposal()).place()]),
        Message::Fault(pair()),
        Message::Fault(Equivocation::Proposals(proposal(), RoundProposal { pol_round: None, ..proposal() })),
    ]
}

fn fault(bytes: &[u8]) -> MessageError {
    Message::parse(bytes).unwrap_err()
}

#[test]
fn every_message_is_read_as_it_was_written_and_in_one_form_only() {
    let mut kinds: Vec<u8> = every().iter().map(Message::kind).collect();
    kinds.dedup();
    assert_eq!(kinds, (0..=15).collect::<Vec<u8>>(), "each kind has an example");
    for message in every() {
        let bytes = message.to_bytes();
        assert_eq!(Message::parse(&bytes).as_ref(), Ok(&message), "{}", message.name());
        for cut in 0..bytes.len() {
            assert!(Message::parse(&bytes[..cut]).is_err(), "{} cut at {cut}", message.name());
        }
        assert!(Message::parse(&[&bytes[..], &[0]].concat()).is_err(), "{} and one byte", message.name());
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            // What still reads is something else, and is written as it was read.
            if let Ok(other) = Message::parse(&changed) {
                assert_eq!(other.to_bytes(), changed, "{} at {at}", message.name());
            }
        }
    }
}

#[test]
fn lengths_and_kinds_are_looked_at_first() {
    assert_eq!(fault(&[]), MessageError::Length { found: 0 });
    let long = vec![0; MESSAGE_BYTES_MAX + 1];
    assert_eq!(fault(&long), MessageError::Length { found: MESSAGE_BYTES_MAX + 1 });
    assert_eq!(fault(&[16]), MessageError::Kind { found: 16 });
    assert_eq!(fault(&[255, 1, 2]), MessageError::Kind { found: 255 });
}

#[test]
fn a_number_of_things_makes_no_room_before_it_is_checked() {
    assert!(matches!(fault(&[7, 0, 0]), MessageError::Count { found: 0, .. }));
    assert!(matches!(fault(&[7, 0xff, 0xff]), MessageError::Count { found: 65_535, .. }));
    assert!(matches!(fault(&[7, 0, 1, 0, 0, 0, 0]), MessageError::Statement { found: 0 }));
    assert!(matches!(fault(&[7, 0, 1, 0xff, 0xff, 0xff, 0xff]), MessageError::Statement { found: u32::MAX }));
    let asked = Message::AskStatements { height: height(7), value: value(), leaves: Vec::new() };
    assert!(matches!(fault(&asked.to_bytes()), MessageError::Count { found: 0, .. }));
    let leaves = vec![Hash::of(b"leaf"); BLOCK_STATEMENTS_MAX];
    let asked = |leaves| Message::AskStatements { height: height(7), value: value(), leaves }.to_bytes();
    assert!(Message::parse(&asked(leaves.clone())).is_ok());
    assert!(matches!(fault(&asked([&leaves[..], &leaves[..1]].concat())), MessageError::Count { found: 2_001, .. }));
    assert!(matches!(fault(&[11, 0]), MessageError::Count { found: 0, .. }));
    assert!(matches!(fault(&[11, 101]), MessageError::Count { found: 101, .. }));
    let many = vec![b"x".to_vec(); BLOCK_STATEMENTS_MAX];
    assert!(Message::parse(&Message::Statements(many).to_bytes()).is_ok());
}

#[test]
fn a_part_of_a_block_has_something_and_fits_its_block() {
    let part = |first, statements: usize, end| {
        Message::Block(FinalBlockPart { height: height(7), first, statements: vec![vec![b'x']; statements], end })
    };
    assert_eq!(fault(&part(0, 0, None).to_bytes()), MessageError::EmptyPart);
    assert!(Message::parse(&part(1_999, 1, None).to_bytes()).is_ok());
    assert_eq!(fault(&part(2_000, 1, None).to_bytes()), MessageError::Statements { found: 2_001 });
    assert!(matches!(fault(&part(u32::MAX, 1, None).to_bytes()), MessageError::Statements { .. }));
    let other = FinalBlockEnd { seal: seal(8), ..end() };
    let found = MessageError::OtherHeight { seal: height(8), height: height(7) };
    assert_eq!(fault(&part(0, 0, Some(other)).to_bytes()), found);
    let unsigned = Commit { signatures: Vec::new(), ..end().commit };
    let found = fault(&part(0, 0, Some(FinalBlockEnd { commit: unsigned, ..end() })).to_bytes());
    assert_eq!(found, MessageError::Bytes(AgreementBytesError::Signatures { found: 0 }));
    let note = |note: &str| part(0, 0, Some(FinalBlockEnd { note: note.to_owned(), ..end() })).to_bytes();
    assert!(Message::parse(&note(&"x".repeat(NOTE_BYTES_MAX))).is_ok());
    let found = NOTE_BYTES_MAX + 1;
    assert_eq!(fault(&note(&"x".repeat(found))), MessageError::Text { found, bytes_max: NOTE_BYTES_MAX });
    let mut bytes = note("x");
    *bytes.last_mut().unwrap() = 0xff;
    assert_eq!(fault(&bytes), MessageError::Utf8);
}

#[test]
fn what_is_remembered_is_told_in_one_form() {
    let told = |change: &dyn Fn(&mut HeightWords)| {
        let mut words = words(7);
        change(&mut words);
        Message::parse(&Message::Words(vec![words]).to_bytes())
    };
    let order = Err(AgreementBytesError::LineOrder { height: height(7) }.into());
    assert!(told(&|_| ()).is_ok());
    assert_eq!(told(&|words| words.lines.swap(1, 2)), order);
    assert_eq!(told(&|words| words.lines[2] = words.lines[1].clone()), order);
    // A value that stands twice, which a writer joins.
    assert_eq!(told(&|words| words.lines.swap(0, 1)), order);
    assert_eq!(told(&|words| words.lines.clear()), Err(AgreementBytesError::NoLines.into()));
    let bits = Err(AgreementBytesError::MemberBits { members: 9 }.into());
    assert_eq!(told(&|words| words.lines[0].by = MemberBits::none(9)), bits, "said by nobody");
    assert_eq!(told(&|words| words.lines[0].by.insert(9)), bits, "said by a tenth of nine");
    let nil = Err(AgreementBytesError::NilProposal.into());
    assert_eq!(told(&|words| words.lines[0] = line(None, WordKind::Proposal, 0, &[1])), nil);
    let members = Err(AgreementBytesError::Members { found: 0 }.into());
    assert_eq!(told(&|words| words.members = 0), members);

    let heights = |all: &[u64]| Message::parse(&Message::Words(all.iter().map(|at| words(*at)).collect()).to_bytes());
    let all: Vec<u64> = (1..=102).collect();
    assert!(heights(&all[..101]).is_ok());
    assert!(matches!(heights(&all), Err(MessageError::Count { found: 102, .. })));
    assert!(matches!(heights(&[]), Err(MessageError::Count { found: 0, .. })));
    for wrong in [[7, 7], [8, 7]] {
        assert_eq!(heights(&wrong), Err(MessageError::HeightOrder { height: height(7) }));
    }
    let long = [&[13][..], &[0; WORDS_BYTES_MAX]].concat();
    assert_eq!(fault(&long), MessageError::WordsLength { found: WORDS_BYTES_MAX + 1 });
}

/// Each member's own word, as of 100 members that all say the same: what one height costs.
#[test]
fn a_height_is_told_in_few_bytes() {
    let by = |members: usize| {
        let mut bits = MemberBits::none(members);
        (0..members).for_each(|number| bits.insert(number));
        bits
    };
    let told = |members: usize| {
        let line = |kind| WordLine { word: line(Some(value()), kind, 0, &[0]).word, by: by(members) };
        let lines = [WordKind::Proposal, WordKind::Prevote, WordKind::Precommit].map(line).to_vec();
        Message::Words(vec![HeightWords { height: height(7), members, lines }]).to_bytes().len() - 2
    };
    assert_eq!((told(4), told(30), told(100)), (72, 81, 108));
}

#[test]
fn few_words_are_asked_for_at_once() {
    let place = LastSaid::Vote(vote()).place();
    let asked = |count| Message::parse(&Message::AskWords(vec![place; count]).to_bytes());
    assert!(asked(ASKED_WORDS_MAX).is_ok());
    for count in [0, ASKED_WORDS_MAX + 1] {
        assert!(matches!(asked(count), Err(MessageError::Count { found, .. }) if found == count));
    }
}

#[test]
fn a_pair_that_does_not_clash_is_no_message() {
    let read = |pair| Message::parse(&Message::Fault(pair).to_bytes());
    assert!(read(pair()).is_ok());
    for other in [vote(), Vote { round: 4, value: None, ..vote() }, Vote { signer: kid(2), value: None, ..vote() }] {
        let no_clash = Err(AgreementBytesError::NoClash.into());
        assert_eq!(read(Equivocation::Votes(vote(), other)), no_clash, "{other:?}");
    }
}

#[test]
fn a_hello_of_a_later_version_may_go_on_and_one_of_this_may_not() {
    let later = Hello { version: 2, ..hello() };
    let bytes = [Message::Hello(later.clone()).to_bytes(), b"more of it".to_vec()].concat();
    assert_eq!(Message::parse(&bytes), Ok(Message::Hello(later.clone())));
    assert_eq!(later.common_version(), Some(1), "each speaks the lower version");
    assert_eq!(Hello { version: 0, ..hello() }.common_version(), None);
    let long = [bytes, vec![0; HELLO_BYTES_MAX]].concat();
    assert!(matches!(fault(&long), MessageError::HelloLength { .. }));
    let bytes = [Message::Hello(hello()).to_bytes(), b"more of it".to_vec()].concat();
    assert!(Message::parse(&bytes).is_err());
}

#[test]
fn an_address_is_its_members_own_words() {
    let member = |byte| {
        let note_key = NoteSigningKey::from_seed(&[byte; 32]).public();
        Member::new(format!("Member {byte}"), public(byte), note_key).unwrap()
    };
    let members = MemberSet::new(vec![member(1), member(2)]).unwrap();
    let signed = address();
    assert_eq!(signed.verify(&origin(), &members, &P256), Ok(()));
    assert_eq!(SignedAddress::parse(&signed.to_bytes()), Ok(signed.clone()));
    assert!(signed.to_bytes().len() <= SignedAddress::BYTES_MAX);
    let elsewhere = "ledger.example/other".parse().unwrap();
    let bad = Err(SaidError::BadSignature { kid: kid(1) });
    assert_eq!(signed.verify(&elsewhere, &members, &P256), bad);
    let of = |by: u8, peer: &str, url: &str, number| {
        SignedAddress::new(NodeAddress::new(kid(by), peer, url, number).unwrap(), *signed.signature())
    };
    for changed in [
        of(1, "b.example:7443", "https://a.example", 3),
        of(1, "a.example:7443", "https://b.example", 3),
        of(1, "a.example:7443", "https://a.example", 4),
        // One text ends where the other begins, and only the lengths between them tell.
        of(1, "a.example:7", "https://a.example", 3),
    ] {
        assert_eq!(changed.verify(&origin(), &members, &P256), bad, "{changed:?}");
    }
    let others = of(2, "a.example:7443", "https://a.example", 3);
    assert_eq!(others.verify(&origin(), &members, &P256), Err(SaidError::BadSignature { kid: kid(2) }));
    let strangers = of(3, "a.example:7443", "https://a.example", 3);
    assert_eq!(strangers.verify(&origin(), &members, &P256), Err(SaidError::UnknownMember { kid: kid(3) }));
    assert_eq!(signed.verify_by(&origin(), &public(1), &P256), Ok(()));
    assert_eq!(signed.verify_by(&origin(), &public(2), &P256), bad);
}

#[test]
fn addresses_are_hosts_with_ports_and_urls() {
    let peer = |peer: &str| NodeAddress::new(kid(1), peer, "https://a.example", 1).is_ok();
    let longest = format!("{}:7443", "a".repeat(PEER_ADDRESS_BYTES_MAX - 5));
    for good in ["a.example:7443", "10.0.0.1:1", "[2001:db8::1]:65535", "localhost:7443", &longest] {
        assert!(peer(good), "{good}");
    }
    for bad in [
        "",
        ":7443",
        "a.example",
        "a.example:",
        "a.example:0",
        "a.example:07443",
        "a.example:65536",
        "a.example:+1",
        "a example:1",
        "a.example:1 ",
        "2001:db8::1:7443",
        "[2001:db8::1:7443",
        "[a.example]:1",
        "[]:1",
        "ä.example:1",
        "https://a.example:1",
        &format!("a{longest}"),
    ] {
        assert!(!peer(bad), "{bad}");
    }
    let url = |url: &str| NodeAddress::new(kid(1), "a.example:7443", url, 1).is_ok();
    let longest = format!("https://{}", "a".repeat(PEER_URL_BYTES_MAX - 8));
    for good in ["https://a.example", "http://127.0.0.1:8080", "https://[::1]:8443/x", &longest] {
        assert!(url(good), "{good}");
    }
    for bad in [
        "",
        "https://",
        "ftp://a.example",
        "a.example",
        "https:// a",
        "https://a b",
        "https:///x",
        &format!("{longest}a"),
    ] {
        assert!(!url(bad), "{bad}");
    }
    let numbered = |number| NodeAddress::new(kid(1), "a.example:1", "https://a.example", number);
    assert!(numbered(ADDRESS_NUMBER_MAX).is_ok());
    let error = NodeAddressError::Number { found: ADDRESS_NUMBER_MAX + 1 };
    assert_eq!(numbered(ADDRESS_NUMBER_MAX + 1), Err(error));
}

#[test]
fn an_addresss_json_round_trips_and_is_checked() {
    let json = serde_json::to_string(&address()).unwrap();
    assert!(json.contains(r#""peer":"a.example:7443","url":"https://a.example","number":3,"#), "{json}");
    assert_eq!(serde_json::from_str::<SignedAddress>(&json).unwrap(), address());
    assert!(serde_json::from_str::<SignedAddress>(&json.replace("a.example:7443", "a.example")).is_err());
    assert!(serde_json::from_str::<SignedAddress>(&json.replace("number", "numbers")).is_err());
}

prop_compose! {
    fn any_statements()(statements in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..60), 1..30)) -> Vec<Vec<u8>> {
        statements
    }
}

fn any_message() -> impl Strategy<Value = Message> {
    let hash = any::<[u8; 32]>().prop_map(Hash::from_bytes);
    let at = (1..1_u64 << 50).prop_map(height);
    let value = any::<[u8; 32]>().prop_map(|bytes| ValueId::from_hash(Hash::from_bytes(bytes)));
    prop_oneof![
        any::<u64>().prop_map(Message::Ping),
        any::<u64>().prop_map(Message::Pong),
        (1..=1_u16, any::<u32>(), any::<u64>())
            .prop_map(|(version, rules, run)| { Message::Hello(Hello { version, rules, run, ..hello() }) }),
        (at.clone(), hash.clone(), 0..1_i64 << 40).prop_map(|(tip, root, millis)| {
            Message::Status(NodeStatus { tip, root, time: Timestamp::from_millis(millis).unwrap(), address: None })
        }),
        any_statements().prop_map(Message::Statements),
        (at.clone(), value.clone(), prop::collection::vec(hash.clone(), 1..50))
            .prop_map(|(height, value, leaves)| Message::AskStatements { height, value, leaves }),
        (at.clone(), value).prop_map(|(height, value)| Message::AskOutline { height, value }),
        at.clone().prop_map(|from| Message::AskBlocks { from }),
        (at, 0..1_000_u32, any_statements()).prop_map(|(height, first, statements)| {
            Message::Block(FinalBlockPart { height, first, statements, end: None })
        }),
        hash.prop_map(|tls_key| Message::Twin { tls_key }),
        any_words().prop_map(|words| Message::Words(vec![words])),
    ]
}

fn any_words() -> impl Strategy<Value = HeightWords> {
    let word = (prop::option::of(0..4_u8), 0..3_u8, 0..4_u32).prop_map(|(value, kind, round)| {
        let value = value.map(|byte| ValueId::from_hash(Hash::of(&[byte])));
        let kind = match (kind, value) {
            (0, Some(_)) => WordKind::Proposal,
            (1, _) => WordKind::Prevote,
            _ => WordKind::Precommit,
        };
        WordContent { value, kind, round, pol_round: None }
    });
    (1..=100_usize, prop::collection::btree_map(word, prop::collection::vec(0..100_usize, 1..5), 1..12)).prop_map(
        |(members, lines)| {
            let line = |(word, by): (WordContent, Vec<usize>)| {
                let mut bits = MemberBits::none(members);
                by.iter().for_each(|number| bits.insert(number % members));
                assert!(bits.numbers().all(|number| by.iter().any(|one| one % members == number)));
                WordLine { word, by: bits }
            };
            HeightWords { height: height(7), members, lines: lines.into_iter().map(line).collect() }
        },
    )
}

proptest! {
    #[test]
    fn what_was_written_is_read(message in any_message()) {
        prop_assert_eq!(Message::parse(&message.to_bytes()), Ok(message));
    }

    #[test]
    fn any_bytes_are_read_or_refused_and_what_is_read_is_written_alike(kind in 0..20_u8, mut bytes: Vec<u8>) {
        bytes.insert(0, kind);
        if let Ok(message) = Message::parse(&bytes) {
            let later = matches!(&message, Message::Hello(hello) if hello.version > PROTOCOL_VERSION);
            prop_assert!(later || message.to_bytes() == bytes);
        }
    }
}
