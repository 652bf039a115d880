//! Who is let in over HTTP when the writer has enough to do, and who keeps nobody out.

use std::net::TcpListener;
use std::sync::{Arc, RwLock};

use sealane::app::joining::JoinDesk;
use sealane::app::{Ledger, Ticket};
use sealane::http::{Limits, Metrics, Node, serve};
use sealane::pki::X509Reader;
use sealane_core::provenance::Policy;
use sealane_core::statement::P256;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::joining::Memory;
use crate::member::{Maker, Member};

const UNIT_BYTES: usize = 2 * 1024;

/// A ledger that is served in this process.
struct Served {
    ledger: Ledger,
    address: String,
    stop: oneshot::Sender<()>,
    running: [JoinHandle<()>; 2],
}

/// One connection, which is kept.
struct Client(TcpStream);

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl Served {
    async fn start(member: &Member) -> Self {
        let (orderer, ledger) = member.open().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let node = Node {
            ledger: ledger.clone(),
            certificates: Arc::new(X509Reader),
            public_url: format!("http://{address}"),
            metrics: Arc::new(Metrics::new()),
            member_certificate_pem: String::new(),
            policy: Policy::default(),
            decoder: None,
            followed: None,
            joining: Arc::new(JoinDesk::open(Box::new(Memory::default()), &P256)),
            invitations: false,
            audit: Arc::new(RwLock::new(None)),
        };
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let shutdown = async { stopped.await.unwrap_or_default() };
            serve(node, listener, None, Limits::default(), None, shutdown).await.unwrap();
        });
        Self { ledger, address, stop, running: [serving, tokio::spawn(orderer.run())] }
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(&self.address).await.unwrap())
    }

    /// Takes all places but so many.
    fn leave(&self, units: usize) -> Ticket {
        let (under_way, limit) = self.ledger.captures_under_way();
        self.ledger.try_acquire((limit - under_way - units) * UNIT_BYTES).unwrap()
    }

    async fn end(self) {
        drop(self.ledger);
        self.stop.send(()).unwrap();
        for one in self.running {
            one.await.unwrap();
        }
    }
}

impl Client {
    async fn post(&mut self, content_type: &str, body: &[u8]) -> Answer {
        self.send(&head(content_type, body.len(), "")).await;
        self.0.write_all(body).await.unwrap();
        self.answer().await
    }

    /// Sends the head of a capture, and returns when the node waits for its body.
    async fn begin(&mut self, length: usize) {
        self.send(&head("application/jose", length, "Expect: 100-continue\r\n")).await;
        assert!(self.head().await.starts_with("HTTP/1.1 100 "));
    }

    async fn finish(&mut self, body: &[u8]) -> Answer {
        self.0.write_all(body).await.unwrap();
        self.answer().await
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.0.read_exact(&mut body).await.unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: serde_json::from_slice(&body).unwrap() }
    }

    async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap().to_ascii_lowercase().replace("http/1.1", "HTTP/1.1")
    }
}

fn head(content_type: &str, length: usize, further: &str) -> String {
    format!(
        "POST /epcis/capture HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
         {further}\r\n"
    )
}

impl Answer {
    fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_slowly_keeps_nobody_out() {
    let (member, maker) = Member::with_maker().await;
    let served = Served::start(&member).await;
    let rest = served.leave(16);
    let slow = member.commissioning(&maker, "slow").compact().as_bytes().to_vec();
    let mut thieves = Vec::new();
    for _ in 0..32 {
        let mut thief = served.connect().await;
        thief.begin(slow.len()).await;
        thief.0.write_all(&slow[..slow.len() / 2]).await.unwrap();
        thieves.push(thief);
    }
    let statement = member.commissioning(&maker, "A1");
    let mut neighbour = served.connect().await;
    assert_eq!(neighbour.post("application/jose", statement.compact().as_bytes()).await.status, 202);
    let mut places = Vec::new();
    for thief in &mut thieves {
        let answer = thief.finish(&slow[slow.len() / 2..]).await;
        assert_eq!(answer.status, 202, "{}", answer.head);
        places.push(answer.body["receipt"]["leafIndex"].clone());
    }
    places.dedup();
    assert_eq!(places.len(), 1, "the same statement has one place");
    drop(rest);
    assert_eq!(served.ledger.captures_under_way().0, 0);
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_finds_no_room_hears_so_before_anything_is_read_and_can_go_on() {
    let (member, maker) = Member::with_maker().await;
    let served = Served::start(&member).await;
    let statement = member.commissioning(&maker, "A1").compact().as_bytes().to_vec();
    let mut client = served.connect().await;
    // This one's head comes while there is room, and its body when there is none.
    let mut early = served.connect().await;
    early.begin(statement.len()).await;
    let full = served.leave(0);
    for body in [&statement, &b"no statement at all".to_vec()] {
        let refused = client.post("application/jose", body).await;
        assert_eq!((refused.status, refused.code()), (429, "busy"), "{}", refused.body);
        assert!(refused.head.contains("\r\nretry-after: 1\r\n"), "{}", refused.head);
        assert_eq!(refused.body["title"], "The node has enough to do");
    }
    let refused = early.finish(&statement).await;
    assert_eq!((refused.status, refused.code()), (429, "busy"));
    // What is wrong with a head is told all the same: to come back would not help.
    let refused = client.post("text/plain", b"").await;
    assert_eq!((refused.status, refused.code()), (415, "unsupported-media-type"));
    let limit = served.ledger.captures_under_way().1;
    assert_eq!(served.ledger.captures_under_way(), (limit, limit), "who was sent away holds no place");
    drop(full);
    for client in [&mut client, &mut early] {
        let captured = client.post("application/jose", &statement).await;
        assert_eq!(captured.status, 202, "{}", captured.body);
        assert!(captured.body["receipt"].is_object());
    }
    assert_eq!(served.ledger.captures_under_way().0, 0);
    served.end().await;
}

/// A document of one event that is long enough to wait.
fn long_statement(member: &Member, maker: &Maker, name: &str) -> Vec<u8> {
    let event = json!({
        "type": "ObjectEvent", "eventID": format!("urn:test:{name}"), "eventTime": "2026-01-01T00:00:00.000Z",
        "eventTimeZoneOffset": "+00:00", "epcList": ["https://id.gs1.org/01/09506000134352/21/LONG"], "action": "OBSERVE",
        "bizStep": "inspecting", "example:filling": "x".repeat(20_000),
    });
    member.sign_all(maker, vec![event]).compact().as_bytes().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_statement_waits_for_its_turn_and_holds_nothing_before() {
    let (member, maker) = Member::with_maker().await;
    let served = Served::start(&member).await;
    let (long, other) = (long_statement(&member, &maker, "one"), long_statement(&member, &maker, "other"));
    // While its body comes, it keeps no other out.
    let mut slow = served.connect().await;
    slow.begin(long.len()).await;
    slow.0.write_all(&long[..long.len() / 2]).await.unwrap();
    assert_eq!(served.ledger.captures_under_way().0, 0);
    let full = served.leave(0);
    let limit = served.ledger.captures_under_way();
    let mut client = served.connect().await;
    let waits = tokio::spawn(async move { client.post("application/jose", &other).await });
    slow.0.write_all(&long[long.len() / 2..]).await.unwrap();
    while served.ledger.captures_waiting().0 < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(served.ledger.captures_under_way(), limit);
    // A short one hears at once that there is no room, and one that is too long hears that.
    let short = member.commissioning(&maker, "A1").compact().as_bytes().to_vec();
    let mut client = served.connect().await;
    let refused = client.post("application/jose", &short).await;
    assert_eq!((refused.status, refused.code()), (429, "busy"));
    let refused = client.post("application/jose", &vec![b'a'; 5_000_000]).await;
    assert_eq!((refused.status, refused.code()), (413, "body-too-large"));
    drop(full);
    for answer in [waits.await.unwrap(), slow.answer().await] {
        assert_eq!(answer.status, 202, "{}", answer.body);
        assert!(answer.body["receipt"].is_object());
    }
    assert_eq!((served.ledger.captures_under_way().0, served.ledger.captures_waiting()), (0, (0, 0)));
    served.end().await;
}
