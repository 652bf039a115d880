//! What one stranger may take of a node that others ask too: turns, memory, and bytes that cross the network for nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use flate2::read::GzDecoder;
use sealane_core::evidence::Evidence;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::signer::{Signer, captured};
use crate::support::{Answer, Node, document, object_event, path, run_ok, text};

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/LOAD";

/// Addresses of two clients on this machine.
const STRANGER: &str = "127.0.0.1";
const NEIGHBOUR: &str = "127.0.0.2";

/// Requests that may wait for one client in one pool.
const WAITING_PER_CLIENT_MAX: usize = 128;

/// Bytes of long answers that one client may hold.
const ANSWERS_PER_CLIENT_BYTES_MAX: f64 = 32.0 * 1024.0 * 1024.0;

/// A node whose ledger has some megabytes about one item, and one event apart at its end.
fn node_with_megabytes() -> Node {
    let node = Node::start();
    let maker = maker(&node);
    for statement in 0..4 {
        let event = |n: usize| {
            let time = format!("2026-03-0{}T08:{:02}:{:02}.000Z", statement + 1, n / 60, n % 60);
            let long = format!("urn:x:{statement}:{n}:{}", "a".repeat(1_000));
            object_event("OBSERVE", "inspecting", &[ITEM, &long], &time)
        };
        captured(&node, maker.statement(&document((0..2_300).map(event).collect())));
    }
    let apart = object_event("OBSERVE", "storing", &["urn:x:apart"], "2026-03-09T08:00:00.000Z");
    captured(&node, maker.statement(&document(vec![apart])));
    node
}

fn maker(node: &Node) -> Signer {
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    Signer::of(node, "maker")
}

/// Connects from one of this machine's addresses, and takes in as little as the system lets a client.
fn connect_from(address: &str, node: &Node) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 * 1024).unwrap();
        socket.bind(SocketAddr::new(address.parse().unwrap(), 0)).unwrap();
        let to = node.url.trim_start_matches("http://").parse().unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    stream
}

/// Sends a request, and reads its answer up to the end of the head.
fn ask_from(address: &str, node: &Node, target: &str) -> (u16, String, TcpStream) {
    let mut stream = connect_from(address, node);
    write!(stream, "GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = text(&head);
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_ascii_lowercase(), stream)
}

/// The value of a metric, by its name and labels.
fn metric(node: &Node, name: &str) -> f64 {
    let answer = text(&node.get("/metrics").body);
    let line = answer.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}"));
    line.trim().parse().unwrap()
}

/// The target of the next page, if there is one.
fn next_page(answer: &Answer, node: &Node) -> Option<String> {
    let link = answer.header("link")?;
    let url = link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?;
    Some(url.strip_prefix(&node.url)?.to_owned())
}

#[test]
fn queries_that_match_nothing_neither_read_all_nor_hold_others_up() {
    let node = node_with_megabytes();
    a_query_looks_at_a_part_and_says_where_it_goes_on(&node);
    who_asks_once_is_answered_while_another_has_its_share_of_turns_full(&node);
}

fn a_query_looks_at_a_part_and_says_where_it_goes_on(node: &Node) {
    let mut target = "/epcis/events?EQ_bizStep=storing".to_owned();
    let mut pages = Vec::new();
    loop {
        let answer = node.get(&target);
        assert_eq!(answer.status, 200, "{}", text(&answer.body));
        let document = answer.json();
        assert_eq!(document["type"], "EPCISQueryDocument");
        let events = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap();
        pages.push(events.len());
        assert!(pages.len() < 20, "{pages:?}");
        match next_page(&answer, node) {
            Some(next) => target = next,
            None => break,
        }
    }
    assert_eq!(pages.first(), Some(&0), "the first page was not enough to find the last event");
    // A page that has events leads on, to one that has none.
    assert!(pages.iter().sum::<usize>() == 1 && pages.ends_with(&[1, 0]), "{pages:?}");
}

fn who_asks_once_is_answered_while_another_has_its_share_of_turns_full(node: &Node) {
    let nothing = "/epcis/events?EQ_bizStep=shipping";
    let (asked, answered) = (WAITING_PER_CLIENT_MAX + 72, AtomicUsize::new(0));
    let (stranger, overtaken, verdicts) = thread::scope(|scope| {
        let ask = || {
            let (status, head, _) = ask_from(STRANGER, node, nothing);
            if status == 200 {
                answered.fetch_add(1, Ordering::SeqCst);
            }
            (status, head)
        };
        let stranger: Vec<_> = (0..asked).map(|_| scope.spawn(ask)).collect();
        // Only then has it all that it may have.
        while metric(node, "sealane_busy_refusals_total{pool=\"queries\"}") < 1.0 {
            thread::yield_now();
        }
        let (mut overtaken, mut verdicts) = (Vec::new(), 0);
        while metric(node, "sealane_waiting{pool=\"queries\"}") >= 20.0 {
            let before = answered.load(Ordering::SeqCst);
            assert_eq!(ask_from(NEIGHBOUR, node, nothing).0, 200);
            overtaken.push(answered.load(Ordering::SeqCst) - before);
            assert_eq!(ask_from(NEIGHBOUR, node, "/verify?id=urn:x:unknown").0, 200);
            verdicts += 1;
        }
        (stranger.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>(), overtaken, verdicts)
    });
    assert!(verdicts > 0, "the stranger waited until its share was full");
    // One was under way, and one had its turn; a few more if the neighbour was slow to send.
    assert!(overtaken.iter().all(|turns| *turns <= 8), "{overtaken:?}");
    let refused: Vec<_> = stranger.iter().filter(|(status, _)| *status != 200).collect();
    assert!(!refused.is_empty(), "all {asked} found a place");
    for (status, head) in refused {
        assert_eq!(*status, 429);
        assert!(head.contains("\r\nretry-after: 1\r\n"), "{head}");
    }
}

#[test]
fn those_who_do_not_take_their_answers_hold_no_more_than_their_share() {
    let node = node_with_megabytes();
    let target = format!("/evidence?id={}", ITEM.replace('/', "%2F"));
    let held: Vec<_> = (0..30).map(|_| ask_from(STRANGER, &node, &target)).collect();
    let given = held.iter().filter(|(status, ..)| *status == 200).count();
    assert!((1..=2).contains(&given), "{given} answers of some 12 MB");
    let refused: Vec<_> = held.iter().filter(|(status, ..)| *status != 200).collect();
    for (status, head, _) in refused {
        assert_eq!(*status, 429);
        assert!(head.contains("\r\nretry-after: 1\r\n"), "{head}");
    }
    let holds = metric(&node, "sealane_held_bytes{pool=\"answers\"}");
    assert!(holds > 0.0 && holds <= ANSWERS_PER_CLIENT_BYTES_MAX, "{holds}");
    assert!(metric(&node, "sealane_busy_refusals_total{pool=\"answers\"}") >= (30 - given) as f64);
    // Short answers are not counted, and another client has a share of its own.
    assert_eq!(ask_from(STRANGER, &node, "/trust").0, 200);
    let (status, head, mut stream) = ask_from(NEIGHBOUR, &node, &target);
    assert_eq!(status, 200, "{head}");
    let mut body = Vec::new();
    stream.read_to_end(&mut body).unwrap();
    let evidence: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(evidence["statements"].as_array().unwrap().len(), 4);
    drop(held);
    // The node notices that they are gone, and then this client has its share again.
    while metric(&node, "sealane_held_bytes{pool=\"answers\"}") > 0.0 {
        thread::yield_now();
    }
    assert_eq!(ask_from(STRANGER, &node, &target).0, 200);
}

#[test]
fn long_evidence_comes_in_pieces_and_whole() {
    let node = node_with_megabytes();
    let target = format!("/evidence?id={}", ITEM.replace('/', "%2F"));
    let plain = node.get(&target);
    let length = plain.body.len().to_string();
    assert!(plain.body.len() > 10_000_000, "{length}");
    assert_eq!((plain.status, plain.header("content-length")), (200, Some(length.as_str())));
    assert_eq!(plain.header("x-evidence-statements"), Some("4"));
    let evidence = Evidence::parse(&plain.body).unwrap();
    assert!(serde_json::to_vec(&evidence).unwrap() == plain.body, "not what is written at once");

    let head = node.request("HEAD", &target, &[], b"");
    assert_eq!((head.status, head.body.len(), head.header("content-length")), (200, 0, Some(length.as_str())));
    let gzip = node.request("GET", &target, &[("Accept-Encoding", "gzip")], b"");
    assert_eq!((gzip.header("content-encoding"), gzip.header("content-length")), (Some("gzip"), None));
    assert_eq!(gzip.header("transfer-encoding"), Some("chunked"));
    let mut unpacked = Vec::new();
    GzDecoder::new(gzip.body.as_slice()).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == plain.body, "{} of {length} bytes", unpacked.len());
    for answer in [&plain, &head, &gzip] {
        assert_eq!(answer.header("x-evidence-bytes"), Some(length.as_str()), "as long as it is unpacked");
    }
    // A short one says the same of itself.
    let short = node.get("/evidence?id=urn%3Ax%3Aunknown");
    let length = short.body.len().to_string();
    assert_eq!(["content-length", "x-evidence-bytes"].map(|name| short.header(name)), [Some(length.as_str()); 2]);
    assert_eq!(short.header("x-evidence-statements"), Some("0"));
    while metric(&node, "sealane_held_bytes{pool=\"answers\"}") > 0.0 {
        thread::yield_now();
    }
}

#[test]
fn documents_wait_for_their_turn_instead_of_being_sent_for_nothing() {
    let dir = tempfile::tempdir().unwrap();
    run_ok(&["init", "--name", "Test Member", "--data", path(&dir.path().join("data"))]);
    // What 32 connections post at once is far more than the writer does soon.
    let node = Node::serve_with(dir, "127.0.0.1:0", &["--write-rate", "100"]);
    let maker = maker(&node);
    let statement = |number: usize| {
        let item = format!("https://id.gs1.org/01/09506000134352/21/D{number}");
        let mut event = object_event("ADD", "commissioning", &[&item], "2026-03-01T08:00:00.000Z");
        event["example:filling"] = "x".repeat(20_000).into();
        let mut document = document(vec![event]);
        document["@context"].as_array_mut().unwrap().push(json!({"example": "https://example.com/"}));
        maker.statement(&document)
    };
    let answers: Vec<Answer> = thread::scope(|scope| {
        let client = |connection: usize| {
            let (statement, node) = (&statement, &node);
            scope.spawn(move || {
                let post = |round: usize| {
                    let statement = statement(connection * 100 + round);
                    node.post("/epcis/capture", "application/jose", statement.as_bytes())
                };
                (0..6).map(post).collect::<Vec<_>>()
            })
        };
        let clients: Vec<_> = (0..32).map(client).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 202).map(Answer::json).collect();
    assert!(
        answers.len() == 192 && refused.is_empty(),
        "{} refused after their bytes had come: {refused:?}",
        refused.len()
    );
    assert!(metric(&node, "sealane_captures_under_way_max") < 32.0 * 14.0, "there was room for all at once");
    assert_eq!(metric(&node, "sealane_busy_refusals_total{pool=\"writer\"}"), 0.0);
}
