//! The operator's page: who gets in, who does not, and whether what it tells is right.

use sealane::pki::PrivateKey;
use sealane_core::consortium::{ConsoleLink, signed_word};
use sealane_core::hash::Hash;
use sealane_core::statement::Signature;
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

use crate::signer::{Signer, captured, now};
use crate::support::{Answer, Node, document, forged, object_event, path, request, run, text};

/// A node with a console on a free port, and the console's address.
struct Served {
    node: Node,
    console: String,
}

impl Served {
    fn start() -> Self {
        let dir = Node::start().stop();
        Self::over(dir, &[])
    }

    fn over(dir: tempfile::TempDir, further: &[&str]) -> Self {
        let node = Node::serve_with(dir, "127.0.0.1:0", &[&["--console", "127.0.0.1:0"], further].concat());
        let console = node.started["console"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Self { node, console }
    }

    /// The path of a link that the command made.
    fn link(&self) -> String {
        let told = self.node.run_ok(&["console", "--json", "--console", &self.console]);
        let told: Value = serde_json::from_str(&told).unwrap();
        let url = told["url"].as_str().unwrap();
        url.strip_prefix(&format!("http://{}", self.console)).unwrap().to_owned()
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        request(&self.console, "GET", path, headers, b"")
    }

    /// Opens the console, and returns the cookie.
    fn open(&self) -> String {
        let answer = self.get(&self.link(), &[]);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{}", text(&answer.body));
        answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    }

    fn page(&self, cookie: &str) -> String {
        let answer = self.get("/", &[("Cookie", cookie)]);
        assert_eq!(answer.status, 200, "{}", text(&answer.body));
        text(&answer.body)
    }

    /// A link that was signed.
    fn signed(&self, key: &PrivateKey, console: &str, origin: &str, issued: Timestamp) -> String {
        let link = ConsoleLink { console: console.to_owned(), nonce: Hash::of(b"any"), issued };
        let signed = link.signing_input(key.public().thumbprint(), &origin.parse().unwrap());
        format!("/enter?link={}", signed_word(&signed, &Signature::sign(key.signing_key(), signed.as_bytes())))
    }

    fn member_key(&self) -> PrivateKey {
        PrivateKey::read(&self.node.data().join("member-key.pem")).unwrap()
    }
}

#[track_caller]
fn shut(answer: &Answer, words: &str) {
    let page = text(&answer.body);
    assert_eq!(answer.status, 403, "{page}");
    assert!(page.contains(words) && page.contains("<code>sealane console</code>"), "no {words:?} in {page}");
    assert_eq!(answer.header("set-cookie"), None);
}

#[test]
fn a_link_opens_the_page_once() {
    let served = Served::start();
    let link = served.link();
    let answer = served.get(&link, &[]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=28800"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let page = served.page(cookie.split(';').next().unwrap());
    assert!(page.contains("<h1>Test Member</h1>") && !page.contains("link="), "{page}");
    shut(&served.get(&link, &[]), "was used already");
    // Another one opens it in another browser, and the first stays in.
    let other = served.open();
    assert!(served.page(&other).contains("Test Member"));
    served.page(cookie.split(';').next().unwrap());
}

#[test]
fn only_this_members_fresh_links_open_it() {
    let served = Served::start();
    let (own, other) = (served.member_key(), PrivateKey::generate().unwrap());
    let (console, origin) = (served.console.as_str(), served.node.origin.as_str());
    shut(&served.get(&served.signed(&other, console, origin, now()), &[]), "no key that counts here");
    let good = served.signed(&own, console, origin, now());
    shut(&served.get(&forged(&good), &[]), "signature does not hold");
    shut(&served.get(&served.signed(&own, console, origin, now().plus_millis(-70_000)), &[]), "held for a minute");
    shut(&served.get(&served.signed(&own, "127.0.0.1:1", origin, now()), &[]), "signed for another address");
    shut(&served.get(&served.signed(&own, console, "other.example/x", now()), &[]), "for another ledger");
    // A word for a listing opens nothing.
    shut(&served.get(&format!("/enter?link={}", served.node.word("/participants")), &[]), "its typ is another one");
    shut(&served.get("/enter", &[]), "no compact JWS");
    shut(&served.get("/enter?link=nonsense", &[]), "no compact JWS");
    assert_eq!(served.get(&good, &[]).status, 303);
    // One from before the node started, though its minute is not over.
    let early = now().plus_millis(-2_000);
    let served = Served::over(served.node.stop(), &[]);
    shut(&served.get(&served.signed(&own, &served.console, &served.node.origin, early), &[]), "was used already");
}

#[test]
fn without_a_session_nothing_is_told() {
    let served = Served::start();
    let cookie = served.open();
    let (name, _) = cookie.split_once('=').unwrap();
    shut(&served.get("/", &[]), "No session is open");
    shut(&served.get("/", &[("Cookie", &format!("{name}=AAAA"))]), "No session is open");
    shut(
        &served.get("/", &[("Cookie", &format!("other={}", cookie.split_once('=').unwrap().1))]),
        "No session is open",
    );
    // Sessions end with the process.
    let served = Served::over(served.node.stop(), &[]);
    let (_, port) = served.console.split_once(':').unwrap();
    let moved = format!("sealane-console-{port}={}", cookie.split_once('=').unwrap().1);
    shut(&served.get("/", &[("Cookie", &moved)]), "No session is open");
}

#[test]
fn other_hosts_and_other_sites_are_refused() {
    let served = Served::start();
    let cookie = served.open();
    let (_, port) = served.console.split_once(':').unwrap();
    let named = |host: &str, path: &str| {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&served.console).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(named(&format!("localhost:{port}"), "/").starts_with("HTTP/1.1 200"));
    for host in [format!("rebound.example:{port}"), "127.0.0.1".to_owned(), "127.0.0.1:1".to_owned()] {
        let (link, page) = (served.link(), named(&host, "/"));
        assert!(page.starts_with("HTTP/1.1 403") && page.contains("names another host"), "{host}: {page}");
        assert!(named(&host, &link).starts_with("HTTP/1.1 403"), "{host}");
        // The link is as good as before.
        assert_eq!(served.get(&link, &[]).status, 303, "{host}");
    }
    for site in ["cross-site", "same-site"] {
        let headers = [("Cookie", cookie.as_str()), ("Sec-Fetch-Site", site)];
        shut(&served.get("/", &headers), "page of another site");
        shut(&served.get(&served.link(), &headers[1..]), "page of another site");
    }
    let answer =
        served.get("/", &[("Cookie", &cookie), ("Sec-Fetch-Site", "none"), ("Origin", "https://evil.example")]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    for (header, value) in [
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.header(header), Some(value), "{header}");
    }
    assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'; script-src 'self'"));
}

#[test]
fn it_only_reads_and_is_on_no_other_listener() {
    let served = Served::start();
    let cookie = served.open();
    for (method, path) in [("POST", "/"), ("PUT", "/"), ("DELETE", "/"), ("HEAD", "/enter"), ("POST", "/enter")] {
        let answer = request(&served.console, method, path, &[("Cookie", &cookie)], b"");
        assert!((404..=405).contains(&answer.status), "{method} {path}: {}", answer.status);
    }
    for path in ["/participants", "/metrics", "/verify", "/assets/verify.js", "/assets/page.js"] {
        assert_eq!(served.get(path, &[("Cookie", &cookie)]).status, 404, "{path}");
    }
    let page = text(&served.get("/", &[("Cookie", &cookie)]).body);
    let style = page.split("/assets/style.").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    for file in [&format!("style.{style}"), "icon.svg", "console.css", "console.js"] {
        assert_eq!(served.get(&format!("/assets/{file}"), &[]).status, 200, "{file}");
    }
    for path in ["/enter", "/assets/console.css", "/assets/console.js", "/assets/console/console.js", "/console"] {
        assert_eq!(served.node.get(path).status, 404, "{path}");
    }
    let front = served.node.request("GET", "/", &[("Cookie", &cookie)], b"");
    assert!(!text(&front.body).contains("Operator"));
    // Nothing is served where nothing was asked for.
    assert!(Node::start().started.get("console").is_none());
}

#[test]
fn so_many_links_are_looked_at_in_a_minute() {
    let served = Served::start();
    let statuses: Vec<u16> = (0..61).map(|_| served.get("/enter?link=a.b.c", &[]).status).collect();
    assert_eq!((&statuses[..60], statuses[60]), (&[403; 60][..], 429));
    assert_eq!(served.get(&served.link(), &[]).status, 429);
}

#[test]
fn what_it_tells_is_right() {
    let served = Served::start();
    let cookie = served.open();
    assert!(served.page(&cookie).contains("Nothing waits, and nothing is wrong."));
    let id = served.node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let signer = Signer::of(&served.node, "Maker");
    let made = |serial: &str| {
        let id = format!("https://id.gs1.org/01/09506000134352/21/{serial}");
        document(vec![object_event("ADD", "commissioning", &[&id], "2026-03-01T08:00:00.000Z")])
    };
    for serial in ["A", "B", "C"] {
        captured(&served.node, signer.statement(&made(serial)));
    }
    for _ in 0..2 {
        let forged = forged(&signer.statement(&made("D")));
        let refused = served.node.post("/epcis/capture", "application/jose", forged.as_bytes());
        assert_eq!((refused.status, &refused.json()["code"]), (401, &json!("bad-signature")));
    }
    let metrics = text(&served.node.get("/metrics").body);
    assert!(metrics.contains("sealane_refusals_total{code=\"bad-signature\"} 2"), "{metrics}");

    let out = served.node.identity("Waiting & Sons");
    let asked = served.node.run_ok(&[
        "register",
        "--json",
        "--organization",
        "Waiting & <Sons>",
        "--role",
        "distributor",
        "--out",
        path(&out),
    ]);
    let asked: Value = serde_json::from_str(&asked).unwrap();
    let waiting = asked["id"].as_str().unwrap();

    let page = served.page(&cookie);
    let has = |part: &str| assert!(page.contains(part), "{part} is missing in {page}");
    has("<tr data-code=\"bad-signature\"><th scope=\"row\"><code>bad-signature</code>");
    has("The signature does not hold</span></th><td>2</td>");
    has(&format!("<dd id=\"leaves\">{}</dd>", served.node.tree_size()));
    has("<dd id=\"writes\">yes</dd>");
    // One registration and three captures, each a statement, in the last hour.
    has("id=\"statements\" data-last=\"4\" data-sum=\"4\"");
    has("Waiting &amp; &lt;Sons&gt;");
    has(&format!("<code>sealane approve {waiting}</code>"));
    has(&format!("<code>sealane reject {waiting} --reason REASON</code>"));
    has(asked["keyFingerprint"].as_str().unwrap());
    assert!(!page.contains(&format!("sealane approve {id}")) && !page.contains("Nothing waits"), "{page}");
    let korean = text(&served.get("/?lang=ko", &[("Cookie", &cookie)]).body);
    assert!(korean.contains("<html lang=\"ko\">") && korean.contains("등록을 요청했습니다"), "{korean}");

    served.node.run_ok(&["approve", "--yes", waiting]);
    assert!(served.page(&cookie).contains("Nothing waits, and nothing is wrong."));
}

#[test]
fn certificates_that_end_soon_are_told() {
    let served = Served::start();
    let member = crate::member::Member::of(&served.node);
    let day = 24 * 60 * 60 * 1_000;
    let soon = member.participant("Soon", "distributor", &[], -day, 10 * day);
    member.participant("Later", "distributor", &[], -day, 40 * day);
    let page = served.page(&served.open());
    assert!(page.contains("The certificate of “Soon” ends on") && !page.contains("“Later”"), "{page}");
    assert!(page.contains(&format!("sealane renew {soon} --csr NEW/request.pem --key OLD/key.pem")), "{page}");
    assert!(page.contains("<dd id=\"near-end\">1</dd>") && page.contains("authority ends"), "{page}");
}

#[test]
fn a_renewal_that_waits_is_told() {
    let served = Served::start();
    let id = served.node.participant("Maker", "manufacturer", &[]);
    let (old, new) = (served.node.identity("Maker"), served.node.identity("next"));
    crate::support::run_ok(&["keygen", "--out", path(&new), "--organization", "Maker"]);
    let (csr, key) = (new.join("request.pem"), old.join("key.pem"));
    served.node.run_ok(&["renew", &id, "--csr", path(&csr), "--key", path(&key)]);
    let page = served.page(&served.open());
    assert!(page.contains("“Maker” asks for a further certificate"), "{page}");
    assert!(page.contains(&format!("<code>sealane approve {id}</code>")), "{page}");
}

#[test]
fn the_command_says_what_it_lacks() {
    let node = Node::start();
    let output = node.run(&["console"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("say where the node has its console"), "{}", text(&output.stderr));
    let output = run(&["serve", "--console", "0.0.0.0:8081", "--data", path(&node.data())]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("ssh -L 8081:127.0.0.1:8081"), "{}", text(&output.stderr));
    // An address in sealane.toml does for both.
    let dir = node.stop();
    std::fs::write(dir.path().join("data/sealane.toml"), "console = \"127.0.0.1:0\"\n").unwrap();
    let node = Node::serve(dir);
    let console = node.started["console"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    std::fs::write(node.data().join("sealane.toml"), format!("console = \"{console}\"\n")).unwrap();
    let printed = node.run_ok(&["console"]);
    assert!(
        printed.trim_end().lines().last().unwrap().starts_with(&format!("http://{console}/enter?link=")),
        "{printed}"
    );
}

#[test]
fn an_observer_has_no_console_and_says_why() {
    let node = Node::start();
    let data = node.dir.path().join("observer");
    std::fs::create_dir(&data).unwrap();
    let anchor = node.get("/trust").body;
    std::fs::write(data.join("observer.json"), anchor).unwrap();
    std::fs::write(data.join("version"), "2\n").unwrap();
    std::fs::write(data.join("sealane.toml"), "console = \"127.0.0.1:0\"\n").unwrap();
    for command in [&["console"][..], &["follow", &node.url, "--listen", "127.0.0.1:0"]] {
        let output = run(&[command, &["--data", path(&data)]].concat());
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("has no member's key"), "{}", text(&output.stderr));
    }
}
