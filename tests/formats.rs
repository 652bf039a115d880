//! The worked examples of `docs/FORMATS.md` are what the code makes.
//!
//! Each fenced block that is labelled `example:<name>` is computed again from two published seeds and compared with the
//! page. Then the page alone is read as a stranger would: what it prints must verify with the keys it prints.

#[path = "formats/council.rs"]
mod council;

use sealane_core::statement::P256;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::SigningKey;
use sealane_core::agreement::{
    BlockOutline, HeightWords, Justification, Logged, LoggedValue, MemberBits, Message, NodeAddress, NodeStatus,
    PolkaCertificate, PolkaSignature, RoundCertificate, RoundProposal, RoundSignature, SignedAddress, ValueId, Vote,
    VoteKind, WordContent, WordKind, WordLine, proposal_bytes, vote_bytes,
};
use sealane_core::block::{
    Checkpoint, Commit, CommitSignature, FinalBlock, Height, Leaf, Member, MemberSet, Note, NoteKey, NoteSigningKey,
    Origin, Seal, check_seal_stands_at_checkpoint, commit_bytes,
};
use sealane_core::consortium::{Admin, Founder, Genesis, founder_bytes};
use sealane_core::epcis::{Reader, read};
use sealane_core::evidence::{Anchor, Evidence, Handover, MemberChain, PlacedSeal, check};
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;
use sealane_core::index::{
    Acts, ListEntry, SignerList, SignerTag, Subject, SubjectEntry, SubjectIndex, SubjectKind, empty_hash, names,
    value_hash,
};
use sealane_core::merkle::{self, InclusionProof, LeafIndex, TreeSize, leaf_hash, node_hash, verify_inclusion};
use sealane_core::statement::{Draft, Header, PublicKey, Signature, StatementId, SubmittedStatement, sign};
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

const PRODUCT: &str = "https://id.gs1.org/01/09506000134352/21/A1";
/// Who signed the example's statement, and who is in the longer list of the page's index.
const PARTICIPANT: &str = "5f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10";
const OTHER_PARTICIPANT: &str = "9b2f4c1e-0a3d-4e5f-8b7a-6c5d4e3f2a1b";

const UNKNOWN: &str = "https://id.gs1.org/01/09506000134352/21/B2";

#[test]
fn every_example_is_what_the_code_makes() {
    let page = page();
    let ledger = Ledger::new();
    let examples = examples(&ledger);
    let mut faults = String::new();
    for (name, expected) in &examples {
        match page.get(*name) {
            Some(found) if found == expected => {}
            Some(_) => faults.push_str(&format!("\nexample:{name} should be\n{expected}\n")),
            None => faults.push_str(&format!("\nexample:{name} is not on the page; it should be\n{expected}\n")),
        }
    }
    for name in page.keys().filter(|name| !examples.contains_key(name.as_str())) {
        faults.push_str(&format!("\nexample:{name} is on the page, and no test knows it\n"));
    }
    assert!(faults.is_empty(), "docs/FORMATS.md and the code differ:\n{faults}");
}

#[test]
fn what_the_page_prints_verifies_with_the_keys_it_prints() {
    let page = page();
    let participant: Value = serde_json::from_str(&page["participant-key-jwk"]).unwrap();
    let statement = SubmittedStatement::parse(page["statement-compact"].as_bytes()).unwrap();
    let verified = statement.verify(&PublicKey::from_jwk(&participant).unwrap(), &P256).unwrap();
    assert_eq!(verified.payload(), page["statement-payload"].as_bytes());
    assert_eq!(verified.id().to_string(), page["statement-id"]);

    let checkpoint: Checkpoint = format!("{}\n", page["checkpoint"]).parse().unwrap();
    let note = Note::parse(format!("{}\n", page["signed-note"]).as_bytes()).unwrap();
    assert_eq!(note.text(), checkpoint.to_text());
    let keys = ["note-key", "note-key-ed25519"].map(|key| NoteKey::parse(&page[key]).unwrap());
    assert_eq!(note.verify(&keys, &P256).unwrap().len(), 2);

    let members: MemberSet = serde_json::from_str(&page["members"]).unwrap();
    let commit: Commit = serde_json::from_str(&page["commit"]).unwrap();
    let seal = Seal::parse(page["seal-1"].as_bytes()).unwrap();
    let last = checkpoint.size.last_index().unwrap();
    check_seal_stands_at_checkpoint(&seal, last, &checkpoint, &commit).unwrap();
    FinalBlock::verify(seal, checkpoint.clone(), commit, &members, &P256).unwrap();

    let receipt: Value = serde_json::from_str(&page["receipt"]).unwrap();
    let leaf = Leaf::of_statement(verified.compact()).encode();
    let proof: Vec<Hash> = serde_json::from_value(receipt["inclusionProof"].clone()).unwrap();
    assert_eq!(receipt["leafHash"], leaf_hash(&leaf).to_string());
    assert_eq!(receipt["checkpoint"], checkpoint.to_text());
    let index = LeafIndex::new(receipt["leafIndex"].as_u64().unwrap()).unwrap();
    verify_inclusion(index, checkpoint.size, leaf_hash(&leaf), &InclusionProof(proof), checkpoint.root).unwrap();
}

#[test]
fn the_evidence_on_the_page_holds() {
    let page = page();
    let anchor = Anchor::parse(page["anchor"].as_bytes(), &P256).unwrap();
    assert_eq!(anchor, Anchor::of_genesis(page["genesis-compact"].as_bytes(), &P256).unwrap());
    let evidence = Evidence::parse(page["evidence"].as_bytes()).unwrap();
    let checked = check(&evidence, Id::parse(UNKNOWN).unwrap(), &anchor, &P256).unwrap();
    assert!(checked.history.records.is_empty());
    let handover: Handover = serde_json::from_str(&page["handover"]).unwrap();
    let chain = MemberChain::verify(anchor.clone(), std::slice::from_ref(&handover), &P256).unwrap();
    assert_eq!((chain.last_members(), chain.last_height().get()), (&handover.members, 2));
    assert_eq!(chain.in_force_at(chain.last_height()), Some(anchor.members()));
    let known = Evidence { id: PRODUCT.to_owned(), ..evidence };
    assert!(check(&known, Id::parse(PRODUCT).unwrap(), &anchor, &P256).is_err());
}

/// The labelled blocks of the page by name, each without its last newline.
fn page() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/FORMATS.md");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut blocks = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("```text example:") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let before = blocks.insert(name.to_owned(), block.join("\n"));
            assert!(before.is_none(), "example:{name} stands twice on the page");
        }
    }
    blocks
}

/// The ledger of the examples: two blocks, four leaves.
struct Ledger {
    member_key: SigningKey,
    note_key: NoteSigningKey,
    participant_key: SigningKey,
    origin: Origin,
    members: MemberSet,
    genesis: SubmittedStatement,
    capture: SubmittedStatement,
    seals: [Seal; 2],
    leaves: [Leaf; 4],
    checkpoint: Checkpoint,
    commit: Commit,
}

impl Ledger {
    fn new() -> Self {
        let member_key = example_key("sealane example member key");
        let participant_key = example_key("sealane example participant key");
        let note_key = NoteSigningKey::from_seed(Hash::of(b"sealane example member note key").as_bytes());
        let public = PublicKey::from(member_key.verifying_key());
        let member = Member::new("Example Member", public, note_key.public()).unwrap();
        let kid = member.kid();
        let origin: Origin = "ledger.example/formats".parse().unwrap();

        let founder = Founder { kid, signature: Signature::sign(&member_key, &founder_bytes(&origin, &member)) };
        let members = MemberSet::new(vec![member]).unwrap();
        let payload = json!({
            "type": "genesis", "version": 2, "origin": origin, "rules": 1, "members": members, "founders": [founder],
            "created": "2026-11-21T09:00:00.000Z",
        });
        let admin = Genesis::new(origin.clone(), members.clone(), vec![founder], seconds("2026-11-21T09:00:00Z"));
        assert_eq!(payload.to_string().as_bytes(), Admin::Genesis(admin).to_payload());
        let header = Header::admin(kid, origin.as_str(), seconds("2026-11-21T09:00:00Z"));
        let genesis = sign(Draft::new(header, payload.to_string().as_bytes()).unwrap(), &member_key);
        let certificate = Hash::of(b"sealane example certificate");
        let header = Header::epcis(certificate, origin.as_str(), seconds("2026-11-21T09:29:30Z"));
        let capture = sign(Draft::new(header, document().as_bytes()).unwrap(), &participant_key);

        let first = Leaf::of_statement(genesis.compact());
        let mut index = SubjectIndex::new();
        index.append(Subject::party(kid.to_string()).key(), by_member(&kid)).unwrap();
        let seal_0 = Seal {
            height: Height::GENESIS,
            time: "2026-11-21T09:00:00.000Z".parse().unwrap(),
            previous_size: TreeSize::ZERO,
            previous_root: Hash::of(b""),
            index_root: index.root(),
            members_hash: members.hash(),
            next_members_hash: members.hash(),
            rules: 1,
            enacted: Vec::new(),
        };
        let second = Leaf::Seal(seal_0.clone());
        index.append(Subject::id(PRODUCT).key(), longer_list()[0]).unwrap();
        let seal_1 = Seal {
            height: Height::new(1).unwrap(),
            time: "2026-11-21T09:30:00.000Z".parse().unwrap(),
            previous_size: TreeSize::new(2).unwrap(),
            previous_root: merkle::root(&[hash_of(&first), hash_of(&second)]),
            index_root: index.root(),
            ..seal_0.clone()
        };
        let leaves = [first, second, Leaf::of_statement(capture.compact()), Leaf::Seal(seal_1.clone())];
        let hashes: Vec<Hash> = leaves.iter().map(hash_of).collect();
        let root = merkle::root(&hashes);
        let checkpoint = Checkpoint { origin: origin.clone(), size: TreeSize::new(4).unwrap(), root };
        let signature = CommitSignature::sign(&member_key, seal_1.height, 0, &checkpoint);
        let commit = Commit { height: seal_1.height, round: 0, signatures: vec![signature] };
        let seals = [seal_0, seal_1];
        Self {
            member_key,
            note_key,
            participant_key,
            origin,
            members,
            genesis,
            capture,
            seals,
            leaves,
            checkpoint,
            commit,
        }
    }

    fn leaf_hashes(&self) -> [Hash; 4] {
        [0, 1, 2, 3].map(|at| hash_of(&self.leaves[at]))
    }

    fn kid(&self) -> Hash {
        PublicKey::from(self.member_key.verifying_key()).thumbprint()
    }
}

fn examples(ledger: &Ledger) -> BTreeMap<&'static str, String> {
    let mut examples = BTreeMap::new();
    keys(ledger, &mut examples);
    statement(ledger, &mut examples);
    ids(&mut examples);
    pre_hash(&mut examples);
    acts(&mut examples);
    tree(ledger, &mut examples);
    block(ledger, &mut examples);
    commit(ledger, &mut examples);
    agreement(ledger, &mut examples);
    index(ledger, &mut examples);
    index_proofs(ledger, &mut examples);
    evidence(ledger, &mut examples);
    handover(ledger, &mut examples);
    between_nodes(ledger, &mut examples);
    receipt_and_tiles(ledger, &mut examples);
    examples.extend(council::examples());
    examples
}

type Examples = BTreeMap<&'static str, String>;

fn keys(ledger: &Ledger, examples: &mut Examples) {
    let member = PublicKey::from(ledger.member_key.verifying_key());
    examples.insert("member-key-private", hex(&ledger.member_key.to_bytes()));
    examples.insert("member-key-spki", hex(&member.spki_der()));
    examples.insert("member-key-kid", member.thumbprint().to_string());
    examples.insert("member-key-jwk", member.jwk().to_string());
    examples.insert("member-note-key", ledger.note_key.public().to_string());
    let participant = PublicKey::from(ledger.participant_key.verifying_key());
    examples.insert("participant-key-private", hex(&ledger.participant_key.to_bytes()));
    examples.insert("participant-key-jwk", participant.jwk().to_string());
}

fn statement(ledger: &Ledger, examples: &mut Examples) {
    let statement = &ledger.capture;
    let (header, _) = statement.signing_input().split_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap();
    examples.insert("statement-header", String::from_utf8(header).unwrap());
    examples.insert("statement-payload", document());
    examples.insert("statement-compact", statement.compact().to_owned());
    examples.insert("statement-detached", statement.detached());
    examples.insert("statement-id", statement.id().to_string());
}

/// Spellings of ids, each for a rule of the page, in its order.
const SPELLINGS: [&str; 45] = [
    "http://ID.gs1.org.:80/gtin/9506000134352/cpv/V/lot/L/ser/A1?17=261231#x",
    "https://shop.example/00/faux/%301/09506000134352/21/%41%2f1",
    "https://id.gs1.org/01/09506000134352/10/00/21/8004",
    "https://shop.example/01/96385074",
    "https://shop.example/01/97803",
    "https://id.gs1.org/01/97803",
    "https://shop.example/01/09506000134353",
    "https://shop.example/01/09506000134352/",
    "https://shop.example/01/09506000134352/21/A/10/B",
    "https://shop.example/01/09506000134352/235/T1",
    "https://shop.example/01/09506000134352/235/T1/21/A",
    "https://shop.example/414/9506000134369/254/0",
    "https://shop.example/414/9506000134369/254/7/7040/1ABC",
    "https://shop.example/417/9506000134369/uic/1ABC",
    "https://shop.example/415/9506000134369",
    "https://shop.example/415/9506000134369/refno/R1",
    "https://shop.example/410/9506000134369",
    "https://shop.example/8003/19506000134352",
    "https://shop.example/8004/9506",
    "https://shop.example/8004/950",
    "https://shop.example/8004/9506000A/7040/1ABC",
    "https://shop.example/8004/9506000A/parts",
    "https://id.gs1.org/8004/9506000A/parts",
    "https://id.gs1.org/8006/095060001343520102/22/V",
    "https://id.gs1.org/8006/095060001343520302",
    "https://id.gs1.org/8010/9506000AB%2F1/8011/01",
    "https://id.gs1.org/8013/1987654Ad4X4bL5ttr2310c2K",
    "https://id.gs1.org/8013/1987654Ad4X4bL5ttr2310c2L",
    "https://id.gs1.org/orders/7",
    "https://id.gs1.org/01/09506000134352/21/a+b!",
    "URN:EPC:id:sgtin:9506000.013435.A.%2F",
    "urn:epc:class:lgtin:9506000.013435.L1",
    "urn:epc:id:upui:9506000.013435.T1",
    "urn:epc:id:sscc:9506000.1134350001",
    "urn:epc:id:sgln:9506000.13436.0",
    "urn:epc:id:grai:9506000.13435.K1",
    "urn:epc:id:grai:9506000.13435.",
    "urn:epc:id:giai:9506000.",
    "urn:epc:id:itip:9506000.013435.01.02.A1",
    "urn:epc:idpat:sgtin:9506000.013435.*",
    "urn:epc:idpat:sgtin:9506000.013435.%2A",
    "urn:epc:tag:sgtin-96:3.9506000.013435.1",
    "urn:epc:id:gid:95100000.12345.400",
    "urn:epcglobal:cbv::po",
    "HTTPS://Shop.example/a?b",
];

fn ids(examples: &mut Examples) {
    let canonical = |spelling: &str| match Id::parse_uri(spelling) {
        Ok(id) if id.as_str() == spelling => "stands as it is".to_owned(),
        Ok(id) => id.to_string(),
        Err(_) => "refused".to_owned(),
    };
    let lines = SPELLINGS.map(|spelling| format!("{spelling}  {}", canonical(spelling)));
    examples.insert("ids", lines.join("\n"));
    let of = |id: &str| {
        let id = Id::parse_uri(id).unwrap();
        let class = id.class().map_or_else(|| "no class".to_owned(), |class| class.to_string());
        let prefixes: Vec<String> = names::prefixes_of(&id).iter().map(|subject| subject.text().to_owned()).collect();
        format!("{id}  {class}  {}", if prefixes.is_empty() { "no candidates".to_owned() } else { prefixes.join(" ") })
    };
    let lines = [
        "https://id.gs1.org/01/59506000134357/235/T1",
        "https://id.gs1.org/01/10000096385071/10/L1",
        "https://id.gs1.org/8006/095060001343520102",
        "https://id.gs1.org/00/195060001343500016",
        "https://id.gs1.org/8003/09506000134352K1",
        "https://id.gs1.org/8004/95060A7",
        "https://a.example/b./=c:d",
        "urn:.:a:b#",
    ]
    .map(of);
    examples.insert("id-prefixes", lines.join("\n"));
}

/// An event, and the string whose hash says what it says.
fn pre_hash(examples: &mut Examples) {
    let event = concat!(
        r#"{"@context":[{"x":"https://a.example/"}],"type":"ObjectEvent","eventTime":"2026-01-01T10:00:00+01:00","#,
        r#""eventTimeZoneOffset":"+01:00","action":"OBSERVE","#,
        r#""epcList":["https://shop.example/01/9506000134352/21/A1"],"bizStep":"storing","x:n":12E1,"x:t":"12E1"}"#
    );
    let text = "eventType=ObjectEventeventTime=2026-01-01T09:00:00.000ZeventTimeZoneOffset=+01:00\
        epcListepc=https://id.gs1.org/01/09506000134352/21/A1action=OBSERVE\
        bizStep=https://ref.gs1.org/cbv/BizStep-storing{https://a.example/}n=120{https://a.example/}t=12E1";
    let read = read(event.as_bytes(), Reader::Strict).unwrap().events.remove(0);
    assert_eq!(read.content_hash, Hash::of(text.as_bytes()));
    examples.insert("pre-hash", format!("{event}\n{text}"));
}

/// What events say to have done with the product: their members, and the byte.
fn acts(examples: &mut Examples) {
    let item = r#""type":"ObjectEvent","epcList":["https://id.gs1.org/01/09506000134352/21/A1"]"#;
    let case = r#""type":"AggregationEvent","parentID":"https://id.gs1.org/00/195060001343500016","childEPCs":["https://id.gs1.org/01/09506000134352/21/A1"]"#;
    let place = r#""readPoint":{"id":"https://id.gs1.org/414/9506000134369"}"#;
    let events = [
        format!(r#"{{{item},"action":"ADD","bizStep":"commissioning",{place}}}"#),
        format!(r#"{{{item},"action":"OBSERVE","bizStep":"shipping",{place}}}"#),
        format!(r#"{{{item},"action":"OBSERVE","bizStep":"receiving",{place}}}"#),
        format!(r#"{{{item},"action":"OBSERVE","bizStep":"storing",{place}}}"#),
        format!(r#"{{{item},"action":"OBSERVE","bizStep":"storing"}}"#),
        format!(r#"{{{item},"action":"OBSERVE","bizStep":"void_shipping",{place}}}"#),
        format!(r#"{{{item},"action":"OBSERVE","disposition":"stolen",{place}}}"#),
        format!(r#"{{{item},"action":"DELETE","bizStep":"decommissioning",{place}}}"#),
        format!(r#"{{{item},"action":"OBSERVE","bizStep":"dispensing","disposition":"partially_dispensed",{place}}}"#),
        format!(r#"{{{case},"action":"ADD","bizStep":"packing",{place}}}"#),
        format!(r#"{{{case},"action":"OBSERVE","bizStep":"departing",{place}}}"#),
        format!(
            r#"{{{item},"action":"OBSERVE","bizStep":"shipping","errorDeclaration":{{"declarationTime":"2026-11-21T09:30:00.000Z"}}}}"#
        ),
    ];
    let signer = PARTICIPANT.parse().unwrap();
    let line = |event: &String| {
        let mut document: Value = serde_json::from_str(event).unwrap();
        document["@context"] = json!(["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]);
        document["eventTime"] = json!("2026-11-21T09:29:00.000Z");
        document["eventTimeZoneOffset"] = json!("+00:00");
        let read = read(document.to_string().as_bytes(), Reader::Strict).unwrap();
        let acts = names::of_capture(&read.events, &signer)[&Subject::id(PRODUCT)];
        format!("{:#04x}  {event}", acts.byte())
    };
    examples.insert("acts", events.iter().map(line).collect::<Vec<_>>().join("\n"));
}

fn tree(ledger: &Ledger, examples: &mut Examples) {
    let [a, b, c, d] = ledger.leaf_hashes();
    let (left, right) = (node_hash(&a, &b), node_hash(&c, &d));
    assert_eq!(node_hash(&left, &right), ledger.checkpoint.root);
    let lines = [
        ("leaf 0", a),
        ("leaf 1", b),
        ("leaf 2", c),
        ("leaf 3", d),
        ("node 0-1", left),
        ("node 2-3", right),
        ("root 0-3", ledger.checkpoint.root),
        ("no leaves", merkle::root(&[])),
    ];
    examples.insert("tree", lines.map(|(name, hash)| format!("{name:<9}  {}", hash.to_hex())).join("\n"));
    examples.insert("genesis-compact", ledger.genesis.compact().to_owned());
    let begin = |leaf: &Leaf| format!("{} bytes: {}…", leaf.encode().len(), hex(&leaf.encode()[..17]));
    examples.insert("leaf-seal", begin(&ledger.leaves[3]));
    examples.insert("leaf-statement", begin(&ledger.leaves[2]));
    examples.insert("leaf-long-statement", hex(&Leaf::of_statement(&"x".repeat(70_000)).encode()));
}

fn block(ledger: &Ledger, examples: &mut Examples) {
    let [seal_0, seal_1] = &ledger.seals;
    examples.insert("seal-0", seal_0.to_json());
    examples.insert("seal-1", seal_1.to_json());
    examples.insert("members", String::from_utf8(ledger.members.to_json()).unwrap());
    examples.insert("members-hash", ledger.members.hash().to_string());
    examples.insert("checkpoint", ledger.checkpoint.to_text().trim_end().to_owned());
    examples.insert("default-origin", Origin::of_genesis_key(&ledger.kid()).to_string());
    let key = NoteKey::ecdsa(ledger.origin.clone(), PublicKey::from(ledger.member_key.verifying_key()));
    let ed25519 = NoteKey::ed25519(ledger.origin.clone(), ledger.note_key.public());
    let text = ledger.checkpoint.to_text();
    let first = key.line(Signature::sign(&ledger.member_key, text.as_bytes()).to_der().unwrap());
    let second = ed25519.line(ledger.note_key.sign(text.as_bytes()).to_vec());
    let note = Note::new(text, vec![first, second]).unwrap();
    examples.insert("note-key", key.to_vkey());
    examples.insert("note-key-ed25519", ed25519.to_vkey());
    let member = ledger.members.members().next().unwrap();
    examples.insert("founder-bytes", hex(&founder_bytes(&ledger.origin, member)));
    let anchor = Anchor::of_genesis(ledger.genesis.compact().as_bytes(), &P256).unwrap();
    let (root, id) = (merkle::root(&ledger.leaf_hashes()[..2]), *ledger.genesis.id().hash());
    let members = ledger.members.hash();
    let fingerprint = [id.as_bytes(), &0_u64.to_be_bytes()[..], root.as_bytes(), members.as_bytes()].concat();
    assert_eq!((anchor.fingerprint(), fingerprint.len()), (Hash::of(&fingerprint), 32 + 8 + 32 + 32));
    assert_eq!((anchor.size(), anchor.height()), (TreeSize::new(2).unwrap(), Height::GENESIS));
    examples.insert("anchor", anchor.to_json().to_string());
    examples.insert("anchor-digits", anchor.fingerprint().to_groups().join(" "));
    examples.insert("signed-note", note.to_text().trim_end().to_owned());
}

fn commit(ledger: &Ledger, examples: &mut Examples) {
    let Commit { height, round, .. } = ledger.commit;
    let bytes = commit_bytes(&ledger.origin, height, round, &ledger.checkpoint);
    assert_eq!(bytes.len(), 18 + 32 + 8 + 4 + 32);
    examples.insert("origin-hash", ledger.origin.hash().to_hex());
    examples.insert("checkpoint-hash", ledger.checkpoint.hash().to_hex());
    examples.insert("commit-bytes", hex(&bytes));
    examples.insert("commit", serde_json::to_string(&ledger.commit).unwrap());
}

fn agreement(ledger: &Ledger, examples: &mut Examples) {
    let Commit { height, .. } = ledger.commit;
    let (origin, signer) = (&ledger.origin, ledger.kid());
    let value = ValueId::of(&ledger.checkpoint);
    let sign = |bytes: &[u8]| Signature::sign(&ledger.member_key, bytes);

    let prevote = vote_bytes(origin, VoteKind::Prevote, height, 0, Some(value));
    let none = vote_bytes(origin, VoteKind::Precommit, height, 0, None);
    let proposal = proposal_bytes(origin, height, 2, Some(0), value);
    assert_eq!((prevote.len(), none.len(), proposal.len()), (16 + 32 + 1 + 8 + 4 + 33, 94, 20 + 32 + 8 + 4 + 8 + 32));
    // A precommit for a block is what its commit holds.
    assert_eq!(
        vote_bytes(origin, VoteKind::Precommit, height, 0, Some(value)),
        commit_bytes(origin, height, 0, &ledger.checkpoint)
    );
    examples.insert("prevote-bytes", hex(&prevote));
    examples.insert("nil-precommit-bytes", hex(&none));
    examples.insert("proposal-bytes", hex(&proposal));

    let (kind, signature) = (VoteKind::Prevote, sign(&prevote));
    let vote = Vote { kind, height, round: 0, value: Some(value), signer, signature };
    assert_eq!(Vote::parse(&vote.to_bytes()), Ok(vote));
    assert_eq!(vote.verify(origin, &ledger.members, &P256), Ok(()));
    examples.insert("vote", hex(&vote.to_bytes()));
    let pol_round = Some(0);
    let proposal = RoundProposal { height, round: 2, pol_round, value, signer, signature: sign(&proposal) };
    assert_eq!(proposal.verify(origin, &ledger.members, &P256), Ok(()));
    examples.insert("round-proposal", hex(&proposal.to_bytes()));
    let signatures = vec![PolkaSignature { kid: signer, signature }];
    let polka = PolkaCertificate { height, round: 0, value, signatures };
    assert_eq!(polka.verify(origin, &ledger.members, &P256), Ok(()));
    examples.insert("polka-certificate", hex(&polka.to_bytes()));
    let last = RoundSignature { kind: VoteKind::Precommit, value: None, kid: signer, signature: sign(&none) };
    let round = RoundCertificate { height, round: 0, justifies: Justification::Leave, signatures: vec![last] };
    assert_eq!(round.verify(origin, &ledger.members, &P256), Ok(()));
    examples.insert("round-certificate", hex(&round.to_bytes()));
    let outline = BlockOutline { seal: ledger.seals[1].clone(), leaves: vec![hash_of(&ledger.leaves[2])] }.to_bytes();
    examples.insert("outline", format!("{} bytes: …{}", outline.len(), hex(&outline[outline.len() - 40..])));
    let found = LoggedValue { round: 2, valid_round: pol_round, proposer: signer, value, valid: true };
    examples.insert("log-value", hex(&Logged::Value(found).to_bytes()));
}

fn index(ledger: &Ledger, examples: &mut Examples) {
    let kid = ledger.kid().to_string();
    let subjects = [
        Subject::id(PRODUCT),
        Subject::party(&kid),
        Subject::prefix("9506000"),
        Subject::transformation("urn:uuid:8c9a2f4e-5f0b-4a8e-9d7e-2b1f6c3a4d5e"),
        Subject::policy("default"),
        Subject::recall(PRODUCT),
        Subject::transaction("urn:epcglobal:cbv:bt:9506000000005:PO-1"),
        Subject::new(SubjectKind::Proposal, ledger.genesis.id().to_string()),
    ];
    let line = |subject: &Subject| {
        format!("{:<14}  {}  {}", subject.kind().as_str(), subject.key().as_hash().to_hex(), subject.text())
    };
    examples.insert("index-keys", subjects.each_ref().map(line).join("\n"));

    let [of_member, of_first, of_second, of_third] =
        [by_member(&ledger.kid()), longer_list()[0], longer_list()[1], longer_list()[2]];
    let bytes = [of_member, of_first, of_second, of_third].map(|entry| {
        let kind = u8::from(matches!(entry.signer, SignerTag::Member(_)));
        let (SignerTag::Member(tag) | SignerTag::Participant(tag)) = entry.signer;
        let bytes = [&entry.leaf.get().to_be_bytes()[..], &[kind], &tag, &[entry.acts.byte()]].concat();
        assert_eq!(bytes, entry.to_bytes());
        format!("leaf {}  {}", entry.leaf, hex(&bytes))
    });
    examples.insert("index-entries", bytes.join("\n"));
    let product = Entry::new(&Subject::id(PRODUCT), &[of_first]);
    let party = Entry::new(&Subject::party(&kid), &[of_member]);
    let root = subtree(&[product.clone(), party.clone()], 0);
    assert_eq!(root, ledger.seals[1].index_root);
    assert_eq!(party.node(), ledger.seals[0].index_root);
    let longer = Entry::new(&Subject::id(PRODUCT), &longer_list());
    let lines = [
        ("empty subtree", empty_hash()),
        ("value of leaf 2", product.value),
        ("value of the longer list", longer.value),
        ("node of the product", product.node()),
        ("value of leaf 0", party.value),
        ("node of the member", party.node()),
        ("index root of seal 1", root),
    ];
    examples.insert("index-hashes", lines.map(|(name, hash)| format!("{name:<25}  {}", hash.to_hex())).join("\n"));
}

/// The index under seal 1.
fn last_index(ledger: &Ledger) -> SubjectIndex {
    let mut index = SubjectIndex::new();
    index.append(Subject::party(ledger.kid().to_string()).key(), by_member(&ledger.kid())).unwrap();
    index.append(Subject::id(PRODUCT).key(), longer_list()[0]).unwrap();
    index
}

fn index_proofs(ledger: &Ledger, examples: &mut Examples) {
    let [a, _, _, d] = ledger.leaf_hashes();
    examples.insert(
        "multi-leaf-proof",
        [("leaf 0", a), ("leaf 3", d)].map(|(name, hash)| format!("{name}  {}", hash.to_hex())).join("\n"),
    );
    let mut index = last_index(ledger);
    let root = ledger.seals[1].index_root;
    let known = Subject::id(PRODUCT);
    let list = longer_list();
    let signers = SignerList::of([list[0].signer]);
    let entry = SubjectEntry::new(&known, &list[..1], 0..1, index.prove(&known.key()), &signers);
    assert_eq!(entry.verify(root, &signers), Ok(()));
    assert_eq!(serde_json::to_string(&signers).unwrap(), format!("[\"{PARTICIPANT}\"]"));
    examples.insert("index-presence", serde_json::to_string(&entry).unwrap());
    let absent = Subject::prefix("9506000");
    let entry = SubjectEntry::new(&absent, &[], 0..0, index.prove(&absent.key()), &signers);
    assert_eq!(entry.verify(root, &signers), Ok(()));
    examples.insert("index-absence", serde_json::to_string(&entry).unwrap());

    let mut longer = SubjectIndex::new();
    list.iter().for_each(|entry| assert!(longer.append(known.key(), *entry).unwrap()));
    let signers = SignerList::of(list.iter().map(|entry| entry.signer));
    assert_eq!(serde_json::to_string(&signers).unwrap(), format!("[\"{PARTICIPANT}\",\"{OTHER_PARTICIPANT}\"]"));
    let part = SubjectEntry::new(&known, &list, 1..3, longer.prove(&known.key()), &signers);
    assert_eq!(part.verify(longer.root(), &signers), Ok(()));
    let root = longer.root().to_hex();
    examples.insert("index-part", format!("index root  {root}\n{}", serde_json::to_string(&part).unwrap()));
}

/// All that the ledger of the examples says about a serial that nobody recorded.
fn unknown(ledger: &Ledger) -> Evidence {
    let id = Id::parse(UNKNOWN).unwrap();
    let mut subjects = names::prefixes_of(&id);
    subjects.extend([&id, &id.class().unwrap()].map(|id| Subject::recall(id.as_str())));
    subjects.extend([Subject::id(id.as_str()), Subject::policies_of_verdict()]);
    subjects.sort();
    let mut index = last_index(ledger);
    let absent = |subject| SubjectEntry::new(subject, &[], 0..0, index.prove(&subject.key()), &SignerList::default());
    let index = subjects.iter().map(absent).collect();
    let hashes = ledger.leaf_hashes();
    Evidence {
        version: Evidence::VERSION,
        id: UNKNOWN.to_owned(),
        label: BTreeMap::new(),
        checkpoint: ledger.checkpoint.to_text(),
        commit: ledger.commit.clone(),
        seal: PlacedSeal { leaf_index: place(3), seal: ledger.seals[1].to_json() },
        signers: SignerList::default(),
        index,
        statements: Vec::new(),
        registrations: Vec::new(),
        seals: Vec::new(),
        handovers: Vec::new(),
        former_members: Vec::new(),
        inclusion_proof: merkle::multi_proof_of(&hashes, 3..4),
    }
}

fn evidence(ledger: &Ledger, examples: &mut Examples) {
    examples.insert("evidence", serde_json::to_string(&unknown(ledger)).unwrap());
}

/// Block 2, which brings in a second member.
fn handover(ledger: &Ledger, examples: &mut Examples) {
    let key = PublicKey::from(example_key("sealane example second member key").verifying_key());
    let note_key = NoteSigningKey::from_seed(Hash::of(b"sealane example second member note key").as_bytes()).public();
    let second = Member::new("Second Member", key, note_key).unwrap();
    let members = MemberSet::new(ledger.members.members().cloned().chain([second]).collect()).unwrap();
    let seal = Seal {
        height: Height::new(2).unwrap(),
        time: seconds("2026-11-21T10:00:00.000Z"),
        previous_size: ledger.checkpoint.size,
        previous_root: ledger.checkpoint.root,
        next_members_hash: members.hash(),
        enacted: vec![StatementId::from_hash(Hash::of(b"sealane example proposal"))],
        ..ledger.seals[1].clone()
    };
    let before = hash_of(&Leaf::of_statement("x"));
    let mut hashes = ledger.leaf_hashes().to_vec();
    hashes.extend([before, hash_of(&Leaf::Seal(seal.clone()))]);
    let checkpoint =
        Checkpoint { origin: ledger.origin.clone(), size: TreeSize::new(6).unwrap(), root: merkle::root(&hashes) };
    let signatures = vec![CommitSignature::sign(&ledger.member_key, seal.height, 0, &checkpoint)];
    let handover = Handover {
        checkpoint: checkpoint.to_text(),
        commit: Commit { height: seal.height, round: 0, signatures },
        seal: seal.to_json(),
        seal_inclusion_proof: InclusionProof(vec![before, ledger.checkpoint.root]),
        members,
    };
    examples.insert("handover", serde_json::to_string(&handover).unwrap());
}

fn between_nodes(ledger: &Ledger, examples: &mut Examples) {
    let address = NodeAddress::new(ledger.kid(), "node.example:7443", "https://node.example", 1).unwrap();
    let bytes = address.signed_bytes(&ledger.origin);
    let signed = SignedAddress::new(address, Signature::sign(&ledger.member_key, &bytes));
    assert_eq!(signed.verify(&ledger.origin, &ledger.members, &P256), Ok(()));
    examples.insert("address", serde_json::to_string(&signed).unwrap());
    examples.insert("address-signed-bytes", hex(&bytes));
    let (tip, root, time) = (ledger.seals[1].height, ledger.checkpoint.root, ledger.seals[1].time);
    let status = Message::Status(NodeStatus { tip, root, time, address: Some(signed) });
    assert_eq!(Message::parse(&status.to_bytes()).as_ref(), Ok(&status));
    examples.insert("message-status", hex(&status.to_bytes()));
    let mut by = MemberBits::none(1);
    by.insert(0);
    let value = Some(ValueId::of(&ledger.checkpoint));
    let line = |kind| WordLine { word: WordContent { value, kind, round: 0, pol_round: None }, by: by.clone() };
    let lines = vec![line(WordKind::Prevote), line(WordKind::Precommit)];
    let words = Message::Words(vec![HeightWords { height: tip, members: 1, lines }]);
    assert_eq!(Message::parse(&words.to_bytes()).as_ref(), Ok(&words));
    examples.insert("message-words", hex(&words.to_bytes()));
}

fn receipt_and_tiles(ledger: &Ledger, examples: &mut Examples) {
    let [a, b, c, d] = ledger.leaf_hashes();
    let receipt = json!({
        "leafIndex": 2, "treeSize": 4, "leafHash": c, "inclusionProof": [d, node_hash(&a, &b)],
        "checkpoint": ledger.checkpoint.to_text(), "commit": ledger.commit,
    });
    examples.insert("receipt", receipt.to_string());
    let tile = merkle::encode_hashes(&[a, b, c, d]);
    let data: Vec<Vec<u8>> = ledger.leaves.iter().map(Leaf::encode).collect();
    let bundle = merkle::encode_entries(data.iter().map(Vec::as_slice)).unwrap();
    let shown = |path: &str, bytes: &[u8]| {
        format!("{path}  {} bytes: {}…  SHA-256 {}", bytes.len(), hex(&bytes[..16]), Hash::of(bytes).to_hex())
    };
    let lines = [shown("tile/0/000.p/4", &tile), shown("tile/entries/000.p/4", &bundle)];
    examples.insert("tiles", lines.join("\n"));
}

/// A subject with its list, and the hashes of the map as the page words them: a second, slower model of the index.
#[derive(Clone)]
struct Entry {
    key: Hash,
    value: Hash,
}

impl Entry {
    fn new(subject: &Subject, list: &[ListEntry]) -> Self {
        let entries: Vec<Hash> = list.iter().map(|entry| leaf_hash(&entry.to_bytes())).collect();
        let value = value_hash(list.len() as u64, &merkle::root(&entries));
        Self { key: *subject.key().as_hash(), value }
    }

    fn node(&self) -> Hash {
        Hash::of_parts(&[&[0x02], self.key.as_bytes(), self.value.as_bytes()])
    }
}

fn subtree(entries: &[Entry], depth: usize) -> Hash {
    match entries {
        [] => Hash::of(&[0x04]),
        [only] => only.node(),
        many => {
            let right = |entry: &&Entry| entry.key.as_bytes()[depth / 8] >> (7 - depth % 8) & 1 == 1;
            let (ones, zeros): (Vec<&Entry>, Vec<&Entry>) = many.iter().partition(right);
            let [left, right] = [zeros, ones].map(|side| {
                let side: Vec<Entry> = side.into_iter().cloned().collect();
                subtree(&side, depth + 1)
            });
            Hash::of_parts(&[&[0x03], left.as_bytes(), right.as_bytes()])
        }
    }
}

/// The private scalar is SHA-256 of the seed. Everybody can compute it, so the key is an example and nothing more.
fn example_key(seed: &str) -> SigningKey {
    SigningKey::from_slice(Hash::of(seed.as_bytes()).as_bytes()).unwrap()
}

fn document() -> String {
    format!(
        concat!(
            r#"{{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],"#,
            r#""type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2026-11-21T09:29:30.000Z","#,
            r#""epcisBody":{{"eventList":[{{"type":"ObjectEvent","eventTime":"2026-11-21T09:29:00.000Z","#,
            r#""eventTimeZoneOffset":"+00:00","epcList":["{}"],"action":"ADD","bizStep":"commissioning","#,
            r#""disposition":"active"}}]}}}}"#
        ),
        PRODUCT
    )
}

/// The list of the product: under seal 1 its first entry alone, in the page's longer list all three.
fn longer_list() -> [ListEntry; 3] {
    let entry = |leaf, signer: &str, acts| ListEntry {
        leaf: place(leaf),
        signer: SignerTag::of_participant(&signer.parse().unwrap()),
        acts,
    };
    [
        entry(2, PARTICIPANT, Acts::BRINGS_FORTH),
        entry(5, PARTICIPANT, Acts::LETS_GO),
        entry(9, OTHER_PARTICIPANT, Acts::TAKES),
    ]
}

/// The entry of leaf 0 in the list of the member.
fn by_member(kid: &Hash) -> ListEntry {
    ListEntry { leaf: place(0), signer: SignerTag::of_member(kid), acts: Acts::NONE }
}

fn hash_of(leaf: &Leaf) -> Hash {
    leaf_hash(&leaf.encode())
}

fn place(index: u64) -> LeafIndex {
    LeafIndex::new(index).unwrap()
}

fn seconds(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
