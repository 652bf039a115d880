//! Several founders begin one ledger: equal first blocks and fingerprints at all of them, and what each refusal says.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sealane::app::founding::{FounderDocument, Founders, NamedFounder};
use sealane::app::genesis;
use sealane::config::Config;
use sealane::pki::{MemberKey, NotePrivateKey, PrivateKey};
use sealane::ports::{LedgerStore, MemberSigner, StoredBlock};
use sealane::store::SqliteStore;
use sealane_core::block::Height;
use sealane_core::consortium::Admin;
use sealane_core::evidence::Anchor;
use sealane_core::statement::P256;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::signer::now;
use crate::support::{Node, path, run, run_ok, sealane, text};

const ORIGIN: &str = "ledger.example/founded";

/// A founder's directory as `init --founder` leaves it.
pub struct Founder {
    pub dir: TempDir,
    name: String,
    kid: String,
}

impl Founder {
    fn declare(name: &str) -> Self {
        Self::declare_at(name, ORIGIN, &format!("{}.example:7443", name.to_lowercase()))
    }

    pub fn declare_at(name: &str, origin: &str, peer: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let url = format!("https://{}.example", name.to_lowercase());
        let declared = run_ok(&[
            "init",
            "--founder",
            "--json",
            "--name",
            name,
            "--origin",
            origin,
            "--peer-address",
            peer,
            "--public-url",
            &url,
            "--data",
            path(&data),
        ]);
        let declared: Value = serde_json::from_str(&declared).unwrap();
        assert_eq!(declared["origin"], origin);
        Self { dir, name: name.to_owned(), kid: declared["kid"].as_str().unwrap().to_owned() }
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn file(&self) -> PathBuf {
        self.data().join("founder.json")
    }

    pub fn genesis(&self) -> PathBuf {
        self.data().join("genesis.jose")
    }

    pub fn document(&self) -> NamedFounder {
        let document = FounderDocument::parse(&fs::read(self.file()).unwrap(), &P256).unwrap();
        NamedFounder { file: self.file().display().to_string(), document }
    }

    fn key(&self) -> MemberKey {
        let key = PrivateKey::read(&self.data().join("member-key.pem")).unwrap();
        let note_key = NotePrivateKey::read(&self.data().join("member-note-key.pem")).unwrap();
        MemberKey::new(key, note_key).unwrap()
    }

    fn found(&self, files: &[PathBuf], genesis: Option<&Path>) -> std::process::Output {
        let data = self.data();
        let mut arguments = vec!["init", "--json", "--data", path(&data), "--found"];
        arguments.extend(files.iter().map(|file| path(file)));
        arguments.extend(genesis.into_iter().flat_map(|genesis| ["--genesis", path(genesis)]));
        run(&arguments)
    }

    pub fn found_ok(&self, files: &[PathBuf], genesis: Option<&Path>) -> Value {
        let output = self.found(files, genesis);
        assert!(output.status.success(), "{}: {}", self.name, text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Founding must fail with exit code `code` and say each of `words`, and leave no member behind.
    #[track_caller]
    fn found_fails(&self, files: &[PathBuf], genesis: Option<&Path>, code: i32, words: &[&str]) {
        let output = self.found(files, genesis);
        let says = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{says}");
        for word in words {
            assert!(says.contains(word), "no {word:?} in {says}");
        }
        assert!(!self.data().join("version").exists());
    }

    async fn first_block(&self) -> StoredBlock {
        let store = SqliteStore::open(&self.data().join("ledger.sqlite")).unwrap();
        store.block(Height::GENESIS).await.unwrap().unwrap()
    }
}

/// Founders in the order of the bytes of `kid`.
fn founders(names: &[&str]) -> Vec<Founder> {
    let mut founders: Vec<Founder> = names.iter().map(|name| Founder::declare(name)).collect();
    founders.sort_by_key(|founder| founder.document().document.member().kid());
    founders
}

pub fn files(founders: &[Founder]) -> Vec<PathBuf> {
    founders.iter().map(Founder::file).collect()
}

/// Writes a changed copy of a JSON file.
fn changed(file: &Path, to: &Path, change: impl FnOnce(&mut Value)) -> PathBuf {
    let mut json: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    change(&mut json);
    fs::write(to, json.to_string()).unwrap();
    to.to_owned()
}

#[track_caller]
fn fails(arguments: &[&str], code: i32, words: &[&str]) {
    let output = run(arguments);
    let says = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {says}");
    for word in words {
        assert!(says.contains(word), "{arguments:?}: no {word:?} in {says}");
    }
}

#[test]
fn two_and_four_founders_have_one_first_block_and_one_fingerprint() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for names in [&["Ada", "Bo"][..], &["Ada", "Bo", "Cy", "Di"]] {
        let all = founders(names);
        let mut files = files(&all);
        let (first, others) = all.split_first().unwrap();
        // Who runs it first is told, by name and key; nothing is left behind by asking.
        let is_first = format!("{} ({}) has the lowest kid and runs this first", first.name, first.kid);
        for other in others {
            other.found_fails(&files, None, 2, &[&is_first, "genesis.jose", "--genesis FILE"]);
        }
        let mut results = vec![first.found_ok(&files, None)];
        for other in others {
            // The order of the files tells nothing.
            files.rotate_left(1);
            results.push(other.found_ok(&files, Some(&first.genesis())));
        }
        let distinct = |name: &str| results.iter().map(|one| one[name].to_string()).collect::<BTreeSet<_>>();
        for name in ["fingerprint", "root", "origin", "members"] {
            assert_eq!(distinct(name).len(), 1, "{name}: {:?}", distinct(name));
        }
        assert_eq!(results[0]["members"].as_array().unwrap().len(), names.len());
        let blocks: Vec<StoredBlock> = all.iter().map(|one| runtime.block_on(one.first_block())).collect();
        for (founder, block) in all.iter().zip(&blocks) {
            assert_eq!((&block.seal, &block.checkpoint), (&blocks[0].seal, &blocks[0].checkpoint));
            // Each founder's copy has its own member's signature.
            let signers: Vec<String> = block.commit.signatures.iter().map(|one| one.kid.to_string()).collect();
            assert_eq!(signers, [founder.kid.as_str()]);
            run_ok(&["audit", "--data", path(&founder.data())]);
            let mode = |file: PathBuf| fs::metadata(file).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(founder.file()), mode(founder.genesis())), (0o644, 0o644));
            fails(
                &["init", "--data", path(&founder.data()), "--found", path(&founder.file())],
                3,
                &["has a member already"],
            );
        }
        let anchor =
            Anchor::of_genesis(fs::read_to_string(first.genesis()).unwrap().trim_end().as_bytes(), &P256).unwrap();
        assert_eq!(results[0]["fingerprint"], anchor.fingerprint().to_string());
        for founder in &all {
            let config = Config::read(&founder.data()).unwrap();
            let name = founder.name.to_lowercase();
            assert_eq!(config.public_url, Some(format!("https://{name}.example")));
            assert_eq!(config.peers.listen, Some("0.0.0.0:7443".parse().unwrap()));
            assert_eq!(config.peers.address.unwrap().as_str(), format!("{name}.example:7443"));
            let found: BTreeSet<String> = config.peers.addresses.keys().map(ToString::to_string).collect();
            let others: BTreeSet<String> =
                all.iter().filter(|other| other.kid != founder.kid).map(|other| other.kid.clone()).collect();
            assert_eq!(found, others);
        }
    }
}

#[test]
fn a_founders_node_serves_by_its_settings_alone_and_shows_the_fingerprint() {
    // Ports that are free now, so that a node can listen for others as its settings say.
    let free = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (one, two) = (free(), free());
    let at = |listener: &TcpListener| listener.local_addr().unwrap().to_string();
    let mut all = vec![Founder::declare_at("Ada", ORIGIN, &at(&one)), Founder::declare_at("Bo", ORIGIN, &at(&two))];
    all.sort_by_key(|founder| founder.document().document.member().kid());
    for founder in &all {
        // What the operator has written already stays.
        fs::write(founder.data().join("sealane.toml"), "# ours\nlisten = \"127.0.0.1:0\"\njson = true\n").unwrap();
    }
    let files = files(&all);
    let founded = all[0].found_ok(&files, None);
    all[1].found_ok(&files, Some(&all[0].genesis()));
    drop((one, two));
    for founder in all {
        let settings = fs::read_to_string(founder.data().join("sealane.toml")).unwrap();
        assert!(settings.starts_with("# ours\nlisten = \"127.0.0.1:0\"\n"), "{settings}");
        let serve = sealane(&["serve", "--data", path(&founder.data())]);
        let node = Node::spawn(founder.dir, serve);
        let anchor = node.get("/trust?height=0").json();
        assert_eq!(anchor["fingerprint"], founded["fingerprint"]);
        assert_eq!(anchor["root"], founded["root"]);
    }
}

#[test]
fn a_founder_without_a_ledger_is_told_what_is_next() {
    let founder = Founder::declare("Ada");
    let data = founder.data();
    assert!(!data.join("version").exists() && !data.join("ledger.sqlite").exists());
    assert!(data.join("vote-log-0").exists() && data.join("ca.pem").exists());
    let key = fs::read(data.join("member-key.pem")).unwrap();
    let next = format!("`sealane init --found FILE… --data {}`", data.display());
    let told = [
        "has a founder, and its ledger is not founded yet",
        "to the other founders",
        "founder.json of every founder",
        &next,
    ];
    let again = [
        "init",
        "--founder",
        "--name",
        "Ada",
        "--origin",
        ORIGIN,
        "--peer-address",
        "a.example:1",
        "--public-url",
        "http://a",
        "--data",
        path(&data),
    ];
    for command in [&["serve", "--data", path(&data)][..], &["audit", "--data", path(&data)], &again] {
        fails(command, 3, &told);
    }
    fails(&["init", "--name", "Ada", "--data", path(&data)], 3, &told);
    assert_eq!(fs::read(data.join("member-key.pem")).unwrap(), key);
    // An `init --founder` that was cut short before its last file is no founder.
    fs::remove_file(founder.file()).unwrap();
    fails(&["serve", "--data", path(&data)], 3, &["an `init` was cut short in "]);
    fails(&["init", "--data", path(&data), "--found", "x"], 3, &["an `init` was cut short in "]);
    let none = data.join("none");
    fails(&["init", "--data", path(&none), "--found", "x"], 3, &["no founder in ", "sealane init --founder --name"]);
}

#[test]
fn a_file_that_is_not_as_its_founder_signed_it_is_named() {
    let all = founders(&["Ada", "Bo"]);
    let (own, other) = (&all[0], all[1].file());
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("changed.json");
    let kid = all[1].kid.as_str();
    let signed = |change: fn(&mut Value), words: &[&str]| {
        let file = changed(&other, &copy, change);
        let mut all_words = vec!["changed.json: "];
        all_words.extend(words);
        own.found_fails(&[own.file(), file], None, 2, &all_words);
    };
    let copies = "take a new copy from that founder";
    signed(|json| json["member"]["name"] = json!("Bob"), &["the consent of ", kid, copies]);
    signed(|json| json["origin"] = json!("ledger.example/x"), &["the consent of ", "ledger.example/x", copies]);
    signed(
        |json| json["address"]["peer"] = json!("mallory.example:7443"),
        &["the address in it is not signed by ", kid, copies],
    );
    signed(|json| json["address"]["peer"] = json!("mallory"), &["it is HOST:PORT"]);
    signed(
        |json| json["member"]["name"] = json!("B\u{200b}o"),
        &["is none that `sealane init --founder --name` takes"],
    );
    signed(
        |json| json["member"]["kid"] = json["address"]["signature"].take(),
        &["not what `sealane init --founder` writes"],
    );
    signed(|json| json["more"] = json!(1), &["unknown field `more`"]);
    signed(|json| json["version"] = json!(2), &["version 2, and this program reads version 1"]);
    for (bytes, words) in
        [(&b"{"[..], "not strict JSON"), (&[b' '; 17_000], "has 16385 bytes, and a founder.json 16384")]
    {
        fs::write(&copy, bytes).unwrap();
        own.found_fails(&[own.file(), copy.clone()], None, 2, &["changed.json: ", words]);
    }
    own.found_fails(&[own.file(), place.path().join("none.json")], None, 2, &["cannot read ", "none.json"]);
    own.found_fails(&[other], None, 2, &["none of the files is of the founder in ", &own.kid, path(&own.file())]);
    assert!(!own.genesis().exists(), "nothing was signed");
}

/// Signs a founder's document with keys of the test's own.
fn document(place: &Path, note_key: NotePrivateKey, name: &str, peer: &str) -> PathBuf {
    let key = MemberKey::new(PrivateKey::generate().unwrap(), note_key).unwrap();
    let signed =
        FounderDocument::sign(&key, &name.parse().unwrap(), &ORIGIN.parse().unwrap(), peer, "https://x.example");
    let file = place.join(format!("{}.json", name.replace(' ', "-")));
    fs::write(&file, signed.unwrap().to_json()).unwrap();
    file
}

#[test]
fn founders_that_cannot_be_together_are_named() {
    let own = Founder::declare("Ada");
    let place = tempfile::tempdir().unwrap();
    let with = |file: PathBuf, words: &[&str]| own.found_fails(&[own.file(), file], None, 2, words);
    let fresh = || NotePrivateKey::generate().unwrap();
    let elsewhere = Founder::declare_at("Bo", "ledger.example/other", "bo.example:7443");
    let here = own.file();
    let origins = ["is for the ledger ledger.example/other", path(&here), ORIGIN, "give the same --origin"];
    with(elsewhere.file(), &origins);
    let twice = place.path().join("twice.json");
    fs::copy(own.file(), &twice).unwrap();
    with(twice, &["twice.json and ", path(&own.file()), "the same key: each founder is given once"]);
    with(document(place.path(), fresh(), "Ada", "b.example:1"), &["Ada.json and ", "the same name", "another --name"]);
    let shared = || NotePrivateKey::read(&own.data().join("member-note-key.pem")).unwrap();
    with(document(place.path(), shared(), "Bo", "b.example:1"), &["Bo.json and ", "the same noteKey"]);
    let there = document(place.path(), fresh(), "Cy", "ada.example:7443");
    with(there, &["Cy.json and ", "the same peer address", "--peer-address"]);
    let many = (0..100).map(|at| document(place.path(), fresh(), &format!("Member {at}"), &format!("m{at}.example:1")));
    let files: Vec<PathBuf> = std::iter::once(own.file()).chain(many).collect();
    own.found_fails(&files, None, 2, &["a consortium has 1 to 100 members; this has 101"]);
    // Its own note key is another one than it has declared.
    let other = Founder::declare("Di");
    fs::copy(other.data().join("member-note-key.pem"), own.data().join("member-note-key.pem")).unwrap();
    own.found_fails(
        &[own.file()],
        None,
        3,
        &["member-note-key.pem in ", "is not the note key that", path(&own.file())],
    );
    assert!(!own.genesis().exists(), "nothing was signed");
}

#[test]
fn a_hundred_founders_begin_a_ledger_and_their_anchor_is_found_again() {
    let own = Founder::declare("Ada");
    let place = tempfile::tempdir().unwrap();
    let fresh = || NotePrivateKey::generate().unwrap();
    // Names so long that the genesis statement is one that stands beside its leaf.
    let name = |at: usize| format!("{at} {}", "é".repeat(190));
    let mut others: Vec<(PathBuf, PrivateKey)> = (0..99)
        .map(|at| {
            let dir = tempfile::tempdir().unwrap();
            let key = PrivateKey::generate().unwrap();
            key.write_new(&dir.path().join("key.pem")).unwrap();
            let again = PrivateKey::read(&dir.path().join("key.pem")).unwrap();
            let signer = MemberKey::new(key, fresh()).unwrap();
            let peer = format!("m{at}.example:1");
            let (name, origin) = (name(at).parse().unwrap(), ORIGIN.parse().unwrap());
            let signed = FounderDocument::sign(&signer, &name, &origin, &peer, "https://x.example").unwrap();
            let file = place.path().join(format!("{at}.json"));
            fs::write(&file, signed.to_json()).unwrap();
            (file, again)
        })
        .collect();
    others.sort_by_key(|(_, key)| key.public().thumbprint());
    let files: Vec<PathBuf> = std::iter::once(own.file()).chain(others.iter().map(|(file, _)| file.clone())).collect();
    let named = |file: &PathBuf| NamedFounder {
        file: file.display().to_string(),
        document: FounderDocument::parse(&fs::read(file).unwrap(), &P256).unwrap(),
    };
    let all = Founders::gather(files.iter().map(named).collect()).unwrap();
    let genesis = place.path().join("genesis.jose");
    let own_key = own.key();
    let (_, lowest) = others.swap_remove(0);
    let lowest = MemberKey::new(lowest, fresh()).unwrap();
    let is_first = own_key.public_key().thumbprint() < lowest.public_key().thumbprint();
    let signer: &dyn MemberSigner = if is_first { &own_key } else { &lowest };
    let anchor = genesis::sign(all.genesis(now()), signer).unwrap();
    assert!(anchor.statement().compact().len() > 65_536);
    fs::write(&genesis, anchor.statement().compact()).unwrap();
    drop(own_key);
    let founded = own.found_ok(&files, Some(&genesis));
    assert_eq!(founded["fingerprint"], anchor.fingerprint().to_string());
    run_ok(&["audit", "--data", path(&own.data())]);
    // None of the others is there to be dialled.
    fs::write(own.data().join("sealane.toml"), "[peers]\nlisten = \"127.0.0.1:0\"\n").unwrap();
    let node = Node::serve(own.dir);
    assert_eq!(node.get("/trust?height=0").json()["fingerprint"], founded["fingerprint"]);
}

#[test]
fn a_genesis_of_others_or_with_a_wrong_signature_is_refused() {
    let all = founders(&["Ada", "Bo", "Cy"]);
    let (first, second, third) = (&all[0], &all[1], &all[2]);
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("genesis.jose");
    let gathered =
        |founders: &[&Founder]| Founders::gather(founders.iter().map(|one| one.document()).collect()).unwrap();
    let key = first.key();
    let signed = |founders: &[&Founder], ahead_ms: i64| {
        let anchor = genesis::sign(gathered(founders).genesis(now().plus_millis(ahead_ms)), &key).unwrap();
        fs::write(&file, anchor.statement().compact()).unwrap();
        anchor
    };
    let refused = |files: &[PathBuf], words: &[&str]| {
        let mut all_words = vec!["genesis.jose: "];
        all_words.extend(words);
        second.found_fails(files, Some(&file), 2, &all_words);
        assert!(!second.genesis().exists(), "nothing was taken");
    };
    let (two, three) = (vec![first.file(), second.file()], files(&all));
    signed(&[first, second], 0);
    refused(&three, &["it lacks ", &third.name, &third.kid, path(&third.file())]);
    signed(&[first, second, third], 0);
    refused(&two, &["it has the member ", &third.name, &third.kid, "founder.json is not among the files"]);
    let anchor = signed(&[first, second], 10 * 60 * 1000);
    refused(&two, &["it was created at ", "the clock here says ", &anchor.genesis().created.to_string()]);
    // The same founder's consent, given a second time.
    let again = place.path().join("again.json");
    let said = second.document().document;
    let (peer, url) = (said.address().peer(), said.address().url());
    let (member, origin) = (second.name.parse().unwrap(), ORIGIN.parse().unwrap());
    let resigned = FounderDocument::sign(&second.key(), &member, &origin, peer, url).unwrap();
    fs::write(&again, resigned.to_json()).unwrap();
    signed(&[first, second], 0);
    refused(&[first.file(), again.clone()], &["its entry or consent of ", &second.kid, path(&again), "the same files"]);
    let mut continued = gathered(&[first, second]).genesis(now());
    continued.continues = Some(serde_json::from_value(lost()).unwrap());
    fs::write(&file, genesis::sign(continued, &key).unwrap().statement().compact()).unwrap();
    refused(&two, &["it goes on from another ledger"]);
    // Another origin, by the same keys.
    let named = |founder: &Founder, document| NamedFounder { file: founder.name.clone(), document };
    let elsewhere = |founder: &Founder| {
        let (name, origin) = (founder.name.parse().unwrap(), "ledger.example/x".parse().unwrap());
        let peer = format!("{}.example:7443", founder.name);
        named(founder, FounderDocument::sign(&founder.key(), &name, &origin, &peer, "https://x.example").unwrap())
    };
    let moved = Founders::gather(vec![elsewhere(first), elsewhere(second)]).unwrap();
    fs::write(&file, genesis::sign(moved.genesis(now()), &key).unwrap().statement().compact()).unwrap();
    refused(&two, &["it begins the ledger ledger.example/x", ORIGIN]);
    // Signed by another founder than the first, and with a signature that does not hold.
    let admin = Admin::Genesis(gathered(&[first, second]).genesis(now()));
    let by_second = genesis::sign_admin(&admin, &ORIGIN.parse().unwrap(), &second.key(), now()).unwrap();
    fs::write(&file, by_second.compact()).unwrap();
    refused(&two, &["not signed by the first of its members"]);
    let (good, other) = (signed(&[first, second], 0), signed(&[first, second], 1));
    let part = |anchor: &Anchor, at: usize| anchor.statement().compact().split('.').nth(at).unwrap().to_owned();
    fs::write(&file, format!("{}.{}.{}", part(&good, 0), part(&good, 1), part(&other, 2))).unwrap();
    refused(&two, &["signature"]);
    fs::write(&file, "genesis").unwrap();
    refused(&two, &["the trust anchor's genesis statement"]);
    second.found_fails(&two, Some(&place.path().join("none")), 2, &["cannot read ", "none"]);
    // After all that, the good one is taken.
    fs::write(&file, good.statement().compact()).unwrap();
    drop(key);
    assert_eq!(second.found_ok(&two, Some(&file))["fingerprint"], good.fingerprint().to_string());
}

/// A ledger that another one could go on from.
fn lost() -> Value {
    let root = sealane_core::hash::Hash::of(b"root");
    let checkpoint = format!("ledger.example/lost\n4\n{}\n", root.to_base64());
    json!({"origin": "ledger.example/lost", "checkpoint": checkpoint, "fingerprint": root})
}

#[test]
fn a_founding_that_was_cut_short_goes_on_and_a_key_founds_once() {
    let all = founders(&["Ada", "Bo", "Cy"]);
    let (first, second) = (&all[0], &all[1]);
    let (two, three) = (vec![first.file(), second.file()], files(&all));
    let founded = first.found_ok(&two, None);
    let genesis = fs::read(first.genesis()).unwrap();
    second.found_ok(&two, Some(&first.genesis()));
    // A stop before `version`, and one before the first block.
    for gone in [&["version"][..], &["version", "sealane.toml", "ledger.sqlite"]] {
        for founder in [first, second] {
            gone.iter().for_each(|name| fs::remove_file(founder.data().join(name)).unwrap());
            let next = format!("sealane init --found FILE… --data {}", founder.data().display());
            fails(&["serve", "--data", path(&founder.data())], 3, &["the founding of its ledger was cut short", &next]);
            assert_eq!(founder.found_ok(&two, None)["fingerprint"], founded["fingerprint"]);
            run_ok(&["audit", "--data", path(&founder.data())]);
        }
    }
    assert_eq!(fs::read(first.genesis()).unwrap(), genesis);
    // A key that stands by one genesis statement signs and takes no other.
    fs::remove_file(first.data().join("version")).unwrap();
    let once = ["it lacks ", "a second one would be a second ledger", "begin anew in another --data"];
    first.found_fails(&three, None, 3, &once);
    fs::remove_file(second.data().join("version")).unwrap();
    let another = second.dir.path().join("another.jose");
    let gathered = Founders::gather(vec![first.document(), second.document()]).unwrap();
    let anchor = genesis::sign(gathered.genesis(now()), &first.key()).unwrap();
    fs::write(&another, anchor.statement().compact()).unwrap();
    second.found_fails(&two, Some(&another), 2, &["--genesis is another statement than ", path(&second.genesis())]);
    // A ledger that is there is never taken for the one to be founded.
    fs::remove_file(second.genesis()).unwrap();
    second.found_fails(&two, Some(&another), 3, &["holds another ledger: a new one begins in an empty place"]);
    assert!(!second.genesis().exists(), "nothing was taken");
}

#[test]
fn what_belongs_together_on_the_command_line_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let founder = |peer: &str, url: &str, words: &[&str]| {
        fails(
            &[
                "init",
                "--founder",
                "--name",
                "A",
                "--origin",
                ORIGIN,
                "--peer-address",
                peer,
                "--public-url",
                url,
                "--data",
                path(&data),
            ],
            2,
            words,
        );
    };
    founder("a.example", "https://a.example", &["it is HOST:PORT, such as a.example:7443"]);
    founder("a.example:7443", "a.example", &["--public-url: ", "it begins with https://"]);
    fails(
        &["init", "--founder", "--name", "A", "--data", path(&data)],
        2,
        &["--origin", "--peer-address", "--public-url"],
    );
    fails(&["init", "--name", "A", "--peer-address", "a.example:1", "--data", path(&data)], 2, &["--founder"]);
    fails(&["init", "--genesis", "x", "--data", path(&data)], 2, &["--found"]);
    fails(&["init", "--found", "x", "--name", "A", "--data", path(&data)], 2, &["--name"]);
    assert!(!data.exists());
    run_ok(&["init", "--name", "A", "--data", path(&data)]);
    let serve = |further: &[&str], words: &[&str]| {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--data", path(&data)];
        arguments.extend(further);
        fails(&arguments, 2, words);
    };
    serve(&["--peer-address", "a.example:7443"], &["it listens nowhere", "--peer-listen"]);
    serve(&["--peer-listen", "7443"], &["--peer-listen"]);
    serve(
        &["--peer-listen", "127.0.0.1:0", "--peer-address", "a.example:7443", "--public-url", "a"],
        &["--public-url", "begins with https://"],
    );
    fs::write(data.join("sealane.toml"), "[peers.addresses]\nBo = \"bo.example:7443\"\n").unwrap();
    serve(&[], &["sealane.toml", "Bo", "43 characters"]);
    fs::write(data.join("sealane.toml"), "[peers]\naddress = \"bo\"\n").unwrap();
    serve(&[], &["sealane.toml", "it is HOST:PORT"]);
}
