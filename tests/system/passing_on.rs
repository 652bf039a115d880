//! An observer answers a post once it shows itself what was posted, or says that it does not yet.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::audit::shelf::{Reply, Server, get};
use crate::observer::{follow, height, id, made, member, wait_for_height};
use crate::signer::{Signer, capture, captured};
use crate::support::{Node, path, text};

/// A node that shows its member's blocks late, and takes no posts.
struct Late {
    server: Server,
    /// How often it was asked for its last block since it was told to hold back.
    asked: Arc<AtomicUsize>,
    holds: Arc<AtomicBool>,
}

impl Late {
    /// Shows no new block while it holds back, until it was asked so many times.
    fn before(member: &Node, asks: usize) -> Self {
        let (asked, holds) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let last: Mutex<Vec<u8>> = Mutex::default();
        let (count, held, url) = (Arc::clone(&asked), Arc::clone(&holds), member.url.clone());
        let server = Server::start(move |path| {
            if path.starts_with("/epcis/capture") {
                return Reply::Status(503, "");
            }
            let is_latest = path == "/ledger/blocks/latest";
            if is_latest && held.load(Ordering::SeqCst) && count.fetch_add(1, Ordering::SeqCst) < asks {
                return Reply::Body(last.lock().unwrap().clone());
            }
            let body = get(&url, path);
            if let (true, Ok(body)) = (is_latest, &body) {
                last.lock().unwrap().clone_from(body);
            }
            body.map_or_else(|status| Reply::Status(status, ""), Reply::Body)
        });
        Self { server, asked, holds }
    }
}

fn verdict(node: &Node, serial: &str) -> Value {
    node.get(&format!("/verify?id={}", id(serial))).json()["verdict"].clone()
}

#[test]
fn a_post_is_answered_once_the_observer_shows_it() {
    let member = member();
    let maker = Signer::of(&member, "maker");
    let late = Late::before(&member, 4);
    let observer = follow(&[&late.server.url, &member.url]);
    wait_for_height(&observer, height(&member));
    late.holds.store(true, Ordering::SeqCst);
    let answer = capture(&observer, maker.statement(&made("P1")));
    assert_eq!((answer.status, &answer.json()["notHereYet"]), (200, &Value::Null), "{}", text(&answer.body));
    assert_eq!(verdict(&observer, "P1"), "authentic");
    assert!(late.asked.load(Ordering::SeqCst) > 4, "the first answers did not have the block");
    // It is asked far more often than once a second meanwhile, and the receipt is of this node's copy.
    let job = observer.get(answer.header("location").unwrap()).json();
    assert_eq!(answer.json()["receipt"], job["receipt"]);

    // One after another, each is here when its answer is.
    for n in 0..10 {
        let serial = format!("Q{n}");
        captured(&observer, maker.statement(&made(&serial)));
        assert_eq!(verdict(&observer, &serial), "authentic");
    }
}

#[test]
fn an_observer_that_is_behind_says_that_a_post_is_recorded() {
    let member = member();
    let maker = Signer::of(&member, "maker");
    let late = Late::before(&member, usize::MAX);
    let observer = follow(&[&late.server.url, &member.url]);
    let before = height(&member);
    wait_for_height(&observer, before);
    late.holds.store(true, Ordering::SeqCst);

    let statement = maker.statement(&made("B1"));
    let began = Instant::now();
    let answer = capture(&observer, &statement);
    assert!((Duration::from_secs(5)..Duration::from_secs(20)).contains(&began.elapsed()), "{:?}", began.elapsed());
    let job = answer.json();
    assert_eq!((answer.status, &job["success"]), (202, &json!(true)), "{job}");
    let leaf = job["receipt"]["leafIndex"].as_u64().unwrap();
    let told = &job["notHereYet"];
    let detail = told["detail"].as_str().unwrap();
    assert_eq!(told["height"], before, "{job}");
    assert!(detail.contains(&format!("recorded as leaf {leaf}, and its receipt holds")), "{detail}");
    assert!(detail.contains("is an observer and is behind") && detail.contains("ask a member's node"), "{detail}");
    assert_eq!((verdict(&observer, "B1"), verdict(&member, "B1")), (json!("unknown"), json!("authentic")));
    // Asked again, the followed node still has it, and this one still says so.
    let asked = observer.get(answer.header("location").unwrap());
    assert_eq!((asked.status, &asked.json()["notHereYet"]["height"]), (200, &json!(before)));

    late.holds.store(false, Ordering::SeqCst);
    let answer = capture(&observer, &statement);
    assert_eq!((answer.status, answer.json().get("notHereYet")), (200, None), "{}", text(&answer.body));
    assert_eq!(answer.json()["receipt"]["leafIndex"], leaf);
    assert_eq!(verdict(&observer, "B1"), "authentic");
}

/// A followed node may answer anything. What it says is recorded is held against the observer's own copy.
#[test]
fn a_receipt_that_is_not_of_the_ledger_is_not_handed_back() {
    let member = member();
    let maker = Signer::of(&member, "maker");
    let receipt = captured(&member, maker.statement(&made("R1")));
    let other = captured(&member, maker.statement(&made("R2")));
    let says: Arc<Mutex<Value>> = Arc::default();
    let (said, url) = (Arc::clone(&says), member.url.clone());
    let liar = Server::start(move |path| match path.starts_with("/epcis/capture") {
        true => Reply::Json(said.lock().unwrap().clone()),
        false => get(&url, path).map_or_else(|status| Reply::Status(status, ""), Reply::Body),
    });
    let observer = follow(&[&liar.url]);
    wait_for_height(&observer, height(&member));
    let statement = maker.statement(&made("R3"));
    let post = |told: Value| {
        *says.lock().unwrap() = json!({"success": true, "receipt": told});
        capture(&observer, &statement)
    };
    let right = post(receipt.clone());
    assert_eq!((right.status, &right.json()["receipt"]), (200, &receipt));
    let with = |name: &str, value: &Value| {
        let mut changed = receipt.clone();
        changed[name] = value.clone();
        changed
    };
    for (told, words) in [
        (with("leafHash", &other["leafHash"]), "another one is"),
        (with("checkpoint", &other["checkpoint"]), "another one is"),
        (with("leafIndex", &json!(1_000)), "another one is"),
        (with("leafIndex", &json!("x")), "its receipt:"),
        (json!({}), "its receipt:"),
    ] {
        let answer = post(told);
        let problem = answer.json();
        assert_eq!((answer.status, &problem["code"]), (503, &json!("not-passed-on")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    // One of a block that there is not: nothing shows it to be true.
    let answer = post(with("treeSize", &json!(1_000)));
    let told = answer.json()["notHereYet"]["detail"].as_str().unwrap().to_owned();
    assert_eq!((answer.status, told.contains("cannot be checked here")), (202, true), "{told}");
}

/// The command that posts passes on what the observer says.
#[test]
fn the_command_warns_of_an_observer_that_is_behind() {
    let member = member();
    let late = Late::before(&member, usize::MAX);
    let observer = follow(&[&late.server.url, &member.url]);
    wait_for_height(&observer, height(&member));
    late.holds.store(true, Ordering::SeqCst);
    let file = observer.dir.path().join("document.json");
    std::fs::write(&file, made("C1").to_string()).unwrap();
    let identity = member.identity("maker");
    let output = observer.run(&["post", path(&file), "--as", path(&identity)]);
    let says = text(&output.stderr);
    assert!(output.status.success() && text(&output.stdout).contains("final in leaf"), "{says}");
    assert!(says.contains("is an observer and is behind"), "{says}");
}
