//! What members decide together, at four nodes: proposals, ballots, endorsements, and what each refusal says.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sealane::pki::PrivateKey;
use sealane_core::block::{Member as MemberEntry, NoteSigningKey, Origin};
use sealane_core::consortium::{Admin, Ballot, ChangeProposal, Readiness, member_proof_bytes};
use sealane_core::hash::Hash;
use sealane_core::statement::{Signature, StatementId};
use serde_json::{Value, json};

use crate::member::{DAY_MS, sign_as};
use crate::rejoin::four;
use crate::signer::{encode, now};
use crate::support::{Answer, Node, document, object_event, path, text};

/// How long members may take to find each other, and to be level.
const SOON: Duration = Duration::from_secs(60);

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/V1";

/// Four nodes that agree.
struct Four {
    nodes: Vec<Node>,
}

impl Four {
    fn start() -> Self {
        let four = Self { nodes: four().into_iter().map(|founder| Node::serve(founder.dir)).collect() };
        four.wait("reachable", |told| told["reachable"] == 4);
        four
    }

    /// Waits until something holds of `GET /members` at each node.
    fn wait(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        while !self.nodes.iter().all(|node| holds(&node.get("/members").json())) {
            assert!(began.elapsed() < SOON, "{what}: {}", self.nodes[0].get("/members").json());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until all nodes have the same last block.
    fn level(&self) {
        let began = Instant::now();
        loop {
            let sizes: Vec<u64> = self.nodes.iter().map(Node::tree_size).collect();
            if sizes.iter().all(|size| *size == sizes[0]) {
                return;
            }
            assert!(began.elapsed() < SOON, "{sizes:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs a command with a member's key at its node, when all are level.
    #[track_caller]
    fn at(&self, node: usize, arguments: &[&str]) -> String {
        self.level();
        self.nodes[node].run_ok(arguments)
    }

    #[track_caller]
    fn json(&self, node: usize, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        serde_json::from_str(&self.at(node, &all)).unwrap()
    }

    /// A command that must fail with exit code `code` and say each of `words`.
    #[track_caller]
    fn fails(&self, node: usize, arguments: &[&str], code: i32, words: &[&str]) {
        self.level();
        let output = self.nodes[node].run(arguments);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {says}");
        for word in words {
            assert!(says.contains(word), "{arguments:?}: no {word:?} in {says}");
        }
    }

    fn sign(&self, key: &PrivateKey, admin: &Admin) -> String {
        sign_as(key, &self.nodes[0].origin, admin)
    }

    /// Posts an admin statement that a key has signed.
    fn post(&self, node: usize, key: &PrivateKey, admin: &Admin) -> Answer {
        self.level();
        post(&self.nodes[node], &self.sign(key, admin))
    }

    fn proposal(&self, id: &str) -> Value {
        self.level();
        self.nodes[3].get(&format!("/members/proposals/{id}")).json()
    }
}

fn post(node: &Node, statement: &str) -> Answer {
    node.post("/members/decisions", "application/jose", statement.as_bytes())
}

fn key_of(node: &Node) -> PrivateKey {
    PrivateKey::read(&node.data().join("member-key.pem")).unwrap()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str, words: &str) -> Value {
    let problem = answer.json();
    assert_eq!((answer.status, &problem["code"]), (status, &json!(code)), "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(words), "no {words:?} in {detail:?}");
    problem
}

fn id_of(answer: &Value) -> String {
    answer["id"].as_str().unwrap().to_owned()
}

fn statement_id(text: &str) -> StatementId {
    StatementId::from_hash(text.parse::<Hash>().unwrap())
}

fn proposal(changes: Value, expires_in_ms: i64) -> Admin {
    let payload = json!({"type": "proposal", "changes": changes, "expires": now().plus_millis(expires_in_ms)});
    Admin::parse(payload.to_string().as_bytes()).unwrap()
}

fn speed(kmh: u64) -> Value {
    json!([{"type": "policy", "name": "maxSpeedKmh", "value": kmh}])
}

/// Somebody who would be a member, with its member.json beside a node's data.
struct Newcomer {
    key: PrivateKey,
    file: PathBuf,
    told: Value,
}

impl Newcomer {
    fn new(node: &Node, name: &str) -> Self {
        let key = PrivateKey::generate().unwrap();
        let note_key = NoteSigningKey::from_seed(&[7; 32]).public();
        let entry = MemberEntry::new(name, key.public().clone(), note_key).unwrap();
        let origin: Origin = node.origin.parse().unwrap();
        let proof = Signature::sign(key.signing_key(), &member_proof_bytes(&origin, &entry));
        let told =
            json!({"name": name, "jwk": entry.key().jwk(), "noteKey": entry.note_key().to_string(), "proof": proof});
        let file = node.dir.path().join(format!("{name}.json"));
        fs::write(&file, told.to_string()).unwrap();
        Self { key, file, told }
    }
}

#[test]
fn three_of_four_set_a_policy_and_each_votes_once() {
    let four = Four::start();
    let made = four.json(0, &["policy", "maxSpeedKmh", "900", "--yes"]);
    assert_eq!(made["state"], "open");
    let id = id_of(&made);
    let prefix = &id[..8];

    // Every node tells of it, to programs and to people.
    let open = four.proposal(&id);
    assert_eq!((&open["yes"], &open["no"], &open["needed"]), (&json!(1), &json!(0), &json!(3)));
    assert_eq!(open["waiting"].as_array().unwrap().len(), 3);
    assert_eq!(open["changes"], speed(900));
    assert_eq!(four.nodes[2].get("/members/proposals?state=open").json()["proposals"][0], open);
    let shown = four.at(1, &["members", "proposals", prefix]);
    assert!(shown.contains("- policy maxSpeedKmh = 900"), "{shown}");
    assert!(shown.contains("1 yes and 0 no; 3 yes are needed. Not voted yet: "), "{shown}");
    assert!(four.at(1, &["members", "proposals"]).lines().nth(1).unwrap().contains("open   1 of 3"));
    let page = |path: &str| text(&four.nodes[1].request("GET", path, &[("Accept", "text/html")], b"").body);
    assert!(page("/").contains("Open proposals of the members: 1"));
    assert!(page("/members/proposals").contains("Set the policy maxSpeedKmh to 900"));
    assert!(page(&format!("/members/proposals/{id}")).contains("1 yes and 0 no; 3 yes are needed."));
    assert!(page(&format!("/members/proposals/{id}?lang=ko")).contains("찬성 1곳, 반대 0곳. 찬성 3곳이 필요합니다."));

    // Nobody votes unasked, or for another.
    four.fails(
        1,
        &["members", "vote", prefix, "yes"],
        2,
        &["maxSpeedKmh = 900", "give --yes to vote without being asked"],
    );
    let ballot = Admin::Ballot(Ballot { proposal: statement_id(&id), yes: true });
    refused(&four.post(1, &PrivateKey::generate().unwrap(), &ballot), 403, "not-a-member", "is no member's key");
    let nothing = Admin::Ballot(Ballot { proposal: StatementId::from_hash(Hash::of(b"nothing")), yes: true });
    refused(&four.post(1, &key_of(&four.nodes[1]), &nothing), 404, "unknown-proposal", "no proposal on this ledger");
    four.fails(1, &["members", "vote", "AAAAAAAA", "yes", "--yes"], 3, &["no proposal's id begins with AAAAAAAA"]);

    // A ballot counts once: the same bytes get the same answer, another one is refused.
    let first = four.sign(&key_of(&four.nodes[1]), &ballot);
    four.level();
    let answer = post(&four.nodes[1], &first);
    assert_eq!((answer.status, &answer.json()["proposal"]["yes"]), (200, &json!(2)), "{}", answer.json());
    four.level();
    let again = post(&four.nodes[2], &first);
    assert_eq!((again.status, &again.json()["receipt"]["leafIndex"]), (200, &answer.json()["receipt"]["leafIndex"]));
    four.fails(1, &["members", "vote", prefix, "no", "--yes"], 3, &["has voted on the proposal", "[already-voted]"]);
    four.fails(0, &["members", "vote", prefix, "yes", "--yes"], 3, &["a proposal is its proposer's yes"]);

    let enacted = four.at(2, &["members", "vote", prefix, "yes", "--yes"]);
    assert!(enacted.starts_with("Voted yes. The proposal was enacted by block "), "{enacted}");
    four.fails(3, &["members", "vote", prefix, "yes", "--yes"], 3, &["was enacted by block", "[proposal-ended]"]);
    let told = four.proposal(&id);
    assert_eq!((&told["state"], &told["yes"], told.get("needed")), (&json!("enacted"), &json!(3), None));
    assert!(told["height"].is_u64() && told["why"].as_str().unwrap().starts_with("it was enacted by block"), "{told}");
    assert!(page("/").contains("What the members have decided"));
    let unknown = four.nodes[0].get("/members/proposals/none");
    refused(&unknown, 404, "unknown-proposal", "");
    refused(&four.nodes[0].get("/members/proposals?state=done"), 400, "bad-parameter", "none of open, enacted");
    refused(&four.nodes[0].get("/members/proposals?perPage=51"), 400, "bad-parameter", "it is 1 to 50");
}

#[test]
fn a_proposal_is_taken_back_and_a_third_one_is_refused() {
    let four = Four::start();
    let first = id_of(&four.json(3, &["policy", "maxSpeedKmh", "800", "--yes"]));
    let second = id_of(&four.json(3, &["policy", "clockToleranceMinutes", "5", "--yes"]));
    let third = four.post(3, &key_of(&four.nodes[3]), &proposal(speed(700), DAY_MS));
    assert_eq!(refused(&third, 409, "too-many-proposals", "withdraw one of them first")["limit"], 2);

    four.fails(0, &["members", "withdraw", &first], 3, &["only that one may withdraw it", "[not-its-proposer]"]);
    assert!(four.at(3, &["members", "withdraw", &first[..6]]).starts_with("Withdrew the proposal"));
    assert_eq!(four.proposal(&first)["state"], "withdrawn");
    four.fails(
        0,
        &["members", "vote", &first, "yes", "--yes"],
        3,
        &["was withdrawn by its proposer", "[proposal-ended]"],
    );

    // The newest comes first, a page at a time.
    let page = four.nodes[1].get("/members/proposals?perPage=1");
    assert_eq!(page.json()["proposals"][0]["id"], json!(second));
    let link = page.header("link").unwrap();
    let next = link.split(['<', '>']).nth(1).unwrap().split_once("/members").unwrap().1;
    let older = four.nodes[1].get(&format!("/members{next}"));
    assert_eq!((&older.json()["proposals"][0]["id"], older.header("link")), (&json!(first), None));

    // Two no, and three yes are out of reach.
    four.at(0, &["members", "vote", &second, "no", "--yes"]);
    let lost = four.at(1, &["members", "vote", &second, "no", "--yes"]);
    assert!(lost.contains("The proposal is lost: too few members could still say yes."), "{lost}");
}

#[test]
fn what_cannot_be_put_to_the_vote_is_refused_with_the_change() {
    let four = Four::start();
    let key = key_of(&four.nodes[0]);
    let kids: Vec<Value> = four.nodes[0].get("/members").json()["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kid"].clone())
        .collect();
    let newcomer = Newcomer::new(&four.nodes[0], "Eve");
    let admit = |told: &Value| {
        let mut change = told.clone();
        change["type"] = "admit".into();
        change
    };
    let with = |name: &str, value: Value| {
        let mut told = newcomer.told.clone();
        told[name] = value;
        json!([admit(&told)])
    };
    let remove = |kid: &Value| json!({"type": "remove", "kid": kid});
    let taken = four.nodes[0].get("/members").json()["members"][1]["jwk"].clone();
    for (changes, status, code, words, pointer) in [
        (
            json!(kids.iter().map(remove).collect::<Vec<_>>()),
            409,
            "change-impossible",
            "has 1 to 100 members; this has 0",
            "/changes/3",
        ),
        (json!([remove(&json!(Hash::of(b"nobody")))]), 409, "change-impossible", "is no member's key", "/changes/0"),
        (with("jwk", taken), 409, "change-impossible", "a member's key is new", "/changes/0"),
        (with("name", json!("Other")), 400, "bad-proposal", "does not hold for its member entry", "/changes/0"),
        (
            json!([{"type": "rules", "number": 1, "notBefore": now()}]),
            409,
            "change-impossible",
            "are not after those in force",
            "/changes/0",
        ),
    ] {
        let answer = four.post(0, &key, &proposal(changes, DAY_MS));
        assert_eq!(refused(&answer, status, code, words)["faults"][0]["pointer"], pointer);
    }
    for expires in [31 * DAY_MS, -DAY_MS] {
        refused(&four.post(0, &key, &proposal(speed(1), expires)), 400, "bad-proposal", "at most 30 days after it");
    }
    let many =
        (0..11).map(|number| json!({"type": "policy", "name": "maxSpeedKmh", "value": number + 1})).collect::<Vec<_>>();
    let many: Vec<_> = serde_json::from_value(json!(many)).unwrap();
    let many = Admin::Proposal(ChangeProposal { changes: many, expires: now().plus_millis(DAY_MS) });
    refused(&four.post(0, &key, &many), 400, "bad-decision", "a proposal has 1 to 10 changes; this has 11");
    let rejection = json!({"type": "rejection", "participant": "0199aaaa-0000-4000-8000-000000000001", "key": Hash::of(b"k"), "reason": "r"});
    let rejection = Admin::parse(rejection.to_string().as_bytes()).unwrap();
    refused(&four.post(0, &key, &rejection), 400, "bad-decision", "a rejection is posted elsewhere");

    // Who would come in says that it is ready when the yes are complete, and of the block that the others have.
    let made = four.json(0, &["members", "propose", "--admit", path(&newcomer.file), "--yes"]);
    let id = id_of(&made);
    let told = four.proposal(&id);
    assert_eq!(told["result"]["text"], "with 5 members one may be away");
    assert_eq!(told["notReady"][0]["name"], "Eve");
    let ready = |height: u64, root: Hash| {
        let height = sealane_core::block::Height::new(height).unwrap();
        Admin::Ready(Readiness { proposal: statement_id(&id), height, root })
    };
    let problem = refused(
        &four.post(1, &newcomer.key, &ready(1, Hash::of(b"r"))),
        409,
        "ready-refused",
        "1 of 3 members have said yes",
    );
    assert_eq!((&problem["yes"], &problem["needed"]), (&json!(1), &json!(3)));
    refused(
        &four.post(1, &key_of(&four.nodes[1]), &ready(1, Hash::of(b"r"))),
        403,
        "ready-not-asked",
        "asks this key for no readiness",
    );
    refused(&four.post(1, &PrivateKey::generate().unwrap(), &ready(1, Hash::of(b"r"))), 403, "not-a-member", "");
    four.at(1, &["members", "vote", &id, "yes", "--yes"]);
    let waits = four.at(2, &["members", "vote", &id, "yes", "--yes"]);
    assert!(waits.contains("3 yes and 0 no; 3 yes are needed. Still to say that they are ready: Eve."), "{waits}");
    refused(
        &four.post(1, &newcomer.key, &ready(999, Hash::of(b"r"))),
        409,
        "ready-refused",
        "height 999 is of no final block",
    );
    refused(&four.post(1, &newcomer.key, &ready(1, Hash::of(b"r"))), 409, "ready-refused", "has another root");
    let ballot = Admin::Ballot(Ballot { proposal: statement_id(&id), yes: true });
    refused(&four.post(1, &newcomer.key, &ballot), 403, "not-a-member", "is no member's key");
}

#[test]
fn another_member_endorses_a_registration_and_all_end_it() {
    let four = Four::start();
    let [first, second] = [&four.nodes[0], &four.nodes[1]];
    let out = first.identity("maker");
    let claims = ["--role", "manufacturer", "--gs1-prefix", "9506000"];
    let mut register = vec!["register", "--organization", "maker", "--out", path(&out)];
    register.extend(claims);
    let id = id_of(&four.json(0, &register));
    let said = four.at(0, &["approve", &id, "--yes"]);
    assert!(said.contains(&format!("one other member has to endorse it (sealane endorse {id})")), "{said}");
    let told = |node: &Node| node.get(&format!("/participants/{id}")).json();
    four.level();
    assert_eq!((&told(second)["status"], &told(second)["endorsementsMissing"]), (&json!("pending"), &json!(1)));
    let pending = second.get_as_member("/participants?status=pending").json();
    assert_eq!(
        (&pending["participants"][0]["id"], &pending["participants"][0]["endorsementsMissing"]),
        (&json!(id), &json!(1))
    );

    let page =
        |node: &Node| text(&node.request("GET", &format!("/participants/{id}"), &[("Accept", "text/html")], b"").body);
    let waits = page(second);
    assert!(waits.contains("“maker”") && waits.contains("waits for other members"), "{waits}");

    assert!(four.at(1, &["participants"]).trim_end().ends_with("endorsements missing: 1"));
    first.run_ok(&["certificate", &id, "--out", path(&out.join("certificate.pem"))]);
    let made =
        |serial: &str| document(vec![object_event("ADD", "commissioning", &[serial], "2026-03-01T08:00:00.000Z")]);
    let refusal = first.capture("maker", &made(ITEM));
    assert_eq!(refused(&refusal, 403, "not-endorsed", "1 of 1 members that have to endorse")["missing"], 1);

    four.fails(0, &["endorse", &id, "--yes"], 3, &["another member has to endorse it", "[own-registration]"]);
    four.fails(1, &["endorse", &id], 2, &["maker", "give --yes to endorse without being asked"]);
    let endorsed = four.json(1, &["endorse", &id, "--yes"]);
    assert_eq!(endorsed, json!({"id": id, "status": "active"}));
    four.fails(
        2,
        &["endorse", &id, "--yes"],
        3,
        &["is endorsed by all the members that it needs", "[endorsement-refused]"],
    );
    four.level();
    assert_eq!((&told(first)["status"], told(first).get("endorsementsMissing")), (&json!("active"), None));
    let taken = first.capture("maker", &made(ITEM));
    assert!((200..300).contains(&taken.status), "{}", taken.json());

    // Who registered it ends it alone; any other member asks all.
    let revoke = ["revoke", &id, "--reason", "fraud", "--compromised-since", "2026-03-01T00:00:00Z"];
    four.fails(1, &revoke, 3, &["a proposal with the change revoke", "[not-its-registrar]"]);
    four.fails(1, &[&revoke[..], &["--yes"]].concat(), 3, &["[not-its-registrar]"]);
    let by_vote = [&revoke[..], &["--by-vote"]].concat();
    let shown = ["its key in other hands since 2026-03-01", "3 of 4 members have to say yes", "give --yes to propose"];
    four.fails(1, &by_vote, 2, &shown);
    let proposal = id_of(&four.json(1, &[&by_vote[..], &["--yes"]].concat()));
    four.at(2, &["members", "vote", &proposal, "yes", "--yes"]);
    four.level();
    assert_eq!((&told(first)["status"], verdict(&four.nodes[3])), (&json!("active"), json!("authentic")));
    four.at(3, &["members", "vote", &proposal, "yes", "--yes"]);
    four.level();
    let end = &told(first)["revocation"];
    assert_eq!((&told(first)["status"], &end["reason"]), (&json!("revoked"), &json!("fraud")));
    assert_eq!((&end["proposal"], end.get("by")), (&json!(proposal), None));
    assert!(four.at(2, &["participants"]).trim_end().ends_with("by the members' vote"));
    let ended = page(&four.nodes[2]);
    let by_vote = format!("<a href=\"/members/proposals/{proposal}\">The members ended it by vote.</a>");
    for words in ["registration ended", "Its registration has ended:", "“fraud”", "2026-03-01 00:00 UTC", &by_vote]
    {
        assert!(ended.contains(words), "no {words:?} in {ended}");
    }
    // Every node's answer proves it, to whoever has the anchor of genesis.
    assert_eq!(verdict(&four.nodes[3]), "suspect");
    let page = four.nodes[2].request("GET", &format!("/members/proposals/{proposal}"), &[("Accept", "text/html")], b"");
    let page = text(&page.body);
    assert!(
        page.contains("End the registration of “maker”, participant") && page.contains("in other hands since"),
        "{page}"
    );
    let refusal = first.capture("maker", &made("https://id.gs1.org/01/09506000134352/21/V2"));
    refused(&refusal, 403, "certificate-revoked", "was revoked by the members' vote at");
    four.fails(0, &["revoke", &id, "--reason", "x"], 3, &["[already-revoked]"]);
    four.fails(
        0,
        &["revoke", &id, "--reason", "x", "--by-vote", "--yes"],
        3,
        &["revoked already", "[change-impossible]"],
    );
    let of_one = ["policy", "newIdsInAll", "5", "--participant", &id, "--yes"];
    assert!(four.at(0, &of_one).contains("3 yes are needed"));
    four.fails(2, &["endorse", &id, "--yes"], 3, &["has been revoked", "[already-revoked]"]);
}

/// The verdict on the item that a verifier reaches with the ledger's first anchor.
fn verdict(node: &Node) -> Value {
    let output = node.run(&["verify", ITEM, "--json"]);
    serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))["verdict"]
        .clone()
}

#[test]
fn one_member_decides_at_once() {
    let node = Node::start();
    let said = node.run_ok(&["policy", "maxSpeedKmh", "900", "--yes"]);
    assert!(said.contains("The proposal was enacted by block 1.") && said.contains("its own yes was enough"), "{said}");
    assert!(node.run_ok(&["members", "proposals", "--state", "enacted"]).contains("policy maxSpeedKmh = 900"));
    let nobody = "0199aaaa-0000-4000-8000-000000000001";
    for change in [
        &["revoke", nobody, "--reason", "x", "--by-vote", "--yes"][..],
        &["policy", "newIdsInAll", "5", "--participant", nobody, "--yes"],
    ] {
        let output = node.run(change);
        assert_eq!(output.status.code(), Some(3));
        assert!(text(&output.stderr).contains("is not registered"), "{}", text(&output.stderr));
    }
    assert_eq!(node.run_ok(&["members", "proposals", "--state", "open"]), "No proposals.\n");
    let newcomer = Newcomer::new(&node, "Eve");
    let fails = |arguments: &[&str], words: &[&str]| {
        let output = node.run(arguments);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{says}");
        words.iter().for_each(|word| assert!(says.contains(word), "no {word:?} in {says}"));
    };
    // What would be signed is shown first.
    let kid = newcomer.key.public().thumbprint().to_string();
    let shown = [kid.as_str(), "admit Eve (", "1 of 1 members have to say yes."];
    fails(&["members", "propose", "--admit", path(&newcomer.file)], &shown);
    fails(
        &["members", "propose", "--admit", path(&newcomer.file)],
        &["If it is enacted: with 2 members none may be away."],
    );
    fails(&["members", "propose"], &["say what is proposed"]);
    fails(&["members", "propose", "--admit", "nobody"], &["neither a file nor the kid of a request"]);
    fails(&["members", "propose", "--remove", "nobody"], &["no member's kid begins with \"nobody\""]);
    fails(&["members", "propose", "--replace", "nobody"], &["give KID=FILE"]);
    let own = node.get("/members").json()["members"][0]["kid"].as_str().unwrap().to_owned();
    let pair = format!("{}={}", &own[..12], path(&newcomer.file));
    fails(&["members", "propose", &format!("--replace={pair}")], &["a member keeps its name, \"Test Member\""]);
    let mut told = newcomer.told.clone();
    told["proof"] = json!(encode(&[1; 64]));
    fs::write(&newcomer.file, told.to_string()).unwrap();
    fails(&["members", "propose", "--admit", path(&newcomer.file)], &["its proof does not hold for \"Eve\""]);
    fs::write(&newcomer.file, "{}").unwrap();
    fails(&["members", "propose", "--admit", path(&newcomer.file)], &["it is no member.json"]);
    fails(&["policy", "speed", "1", "--yes"], &["\"speed\" is no policy"]);
    fails(&["policy", "maxSpeedKmh", "900", "--expires", "2099-01-01T00:00:00Z", "--yes"], &["within 30 days of it"]);
}

/// A member that puts something to the vote and takes it back, again and again, comes to an end for the day.
#[test]
fn proposals_that_are_taken_back_are_few_in_a_day() {
    let node = Node::start();
    // No program knows these rules, so the proposal waits for a readiness that does not come.
    let propose = |number: u32| node.run(&["rules", &number.to_string(), "--yes", "--json"]);
    let began = now();
    for number in 0..8 {
        let made = propose(1_000 + number);
        let made: Value = serde_json::from_slice(&made.stdout).unwrap_or_else(|_| panic!("{}", text(&made.stderr)));
        assert_eq!(made["state"], "open");
        node.run_ok(&["members", "withdraw", &id_of(&made)]);
    }
    let ninth = propose(2_000);
    let says = text(&ninth.stderr);
    assert_eq!(ninth.status.code(), Some(3), "{says}");
    assert!(
        says.contains("at most 8 proposals in 24 hours that are not enacted") && says.contains("[too-many-proposals]")
    );
    let rules = json!([{"type": "rules", "number": 2_000, "notBefore": now()}]);
    let answer = post(&node, &sign_as(&key_of(&node), &node.origin, &proposal(rules, DAY_MS)));
    let problem = refused(&answer, 409, "too-many-proposals", "there is room for another one of this member from ");
    let not_before: sealane_core::time::Timestamp = problem["notBefore"].as_str().unwrap().parse().unwrap();
    assert!((began.plus_millis(DAY_MS - 1_000)..=now().plus_millis(DAY_MS)).contains(&not_before), "{problem}");
    assert_eq!(problem["limit"], 8);
    // So is one that would be enacted at once.
    refused(
        &post(&node, &sign_as(&key_of(&node), &node.origin, &proposal(speed(900), DAY_MS))),
        409,
        "too-many-proposals",
        "",
    );
}
