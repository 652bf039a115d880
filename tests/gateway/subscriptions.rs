//! Named queries, and who is told of what they find.

use std::net::ToSocketAddrs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::{Gateway, commissioning, refused, until};
use crate::queries::{record, shipping};
use crate::subscriber::Subscriber;
use crate::support::{Answer, Node, document, request, text};

/// What lets a subscriber of this machine be told.
const LOCAL: [&str; 3] = ["--allow-http-dest", "--allow-dest", "127.0.0.0/8"];

const SECRET: &str = "a secret of many characters";

fn send(gateway: &Gateway, method: &str, path: &str, body: &Value) -> Answer {
    let headers: &[(&str, &str)] = if body.is_null() { &[] } else { &[("Content-Type", "application/json")] };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    request(gateway.host(), method, path, headers, body.as_bytes())
}

fn name(gateway: &Gateway, name: &str, query: &Value) {
    let answer = send(gateway, "POST", "/queries", &json!({"name": name, "query": query}));
    assert_eq!(answer.status, 201, "{}", text(&answer.body));
    assert_eq!(answer.header("Location"), Some(format!("/queries/{name}").as_str()));
}

/// Begins a subscription; gives its path.
#[track_caller]
fn subscribe(gateway: &Gateway, query: &str, body: &Value) -> String {
    let answer = send(gateway, "POST", &format!("/queries/{query}/subscriptions"), body);
    assert_eq!(answer.status, 201, "{}", text(&answer.body));
    let path = answer.header("Location").unwrap().to_owned();
    assert_eq!(path, format!("/queries/{query}/subscriptions/{}", answer.json()["subscriptionID"].as_str().unwrap()));
    path
}

fn ship(gateway: &Gateway, serials: &[&str]) {
    let events = serials.iter().map(|serial| shipping(serial, "2026-03-01T10:00:00.000Z"));
    record(gateway, &document(events.collect()));
}

#[test]
fn a_query_stands_under_its_name_until_it_is_removed() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    record(&gateway, &commissioning(&["A1", "A2"]));
    ship(&gateway, &["A1"]);
    let query = json!({"eventType": ["ObjectEvent"], "EQ_bizStep": ["shipping", "receiving"]});
    name(&gateway, "myQuery", &query);
    let definition = json!({"name": "myQuery", "query": query});
    assert_eq!(gateway.get("/queries/myQuery").json(), definition);
    assert_eq!(gateway.get("/epcis/queries/").json(), json!([definition]));
    let found = gateway.get("/queries/myQuery/events");
    assert_eq!(found.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().len(), 1);
    let again = send(&gateway, "POST", "/queries", &definition);
    refused(&again, 409, "query-name-taken", "ResourceAlreadyExistsException", "stands for another query");
    for (body, words) in [
        (json!({"name": "a b", "query": {}}), "a query's name has 1 to 64"),
        (json!({"name": "SimpleEventQuery", "query": {}}), "the standard's own query"),
        (json!({"name": "x", "query": {"EQ_nonsense": "1"}}), "the parameter EQ_nonsense"),
        (json!({"name": "x"}), "the members name and query"),
    ] {
        refused(&send(&gateway, "POST", "/queries", &body), 400, "bad-query", "QueryValidationException", words);
    }
    let text = request(gateway.host(), "POST", "/queries", &[("Content-Type", "text/plain")], b"x");
    refused(&text, 415, "unsupported-media-type", "UnsupportedMediaTypeException", "application/json");
    assert_eq!(send(&gateway, "DELETE", "/queries/myQuery", &Value::Null).status, 204);
    for path in ["/queries/myQuery", "/queries/myQuery/events", "/queries/my%20query/subscriptions"] {
        refused(&gateway.get(path), 404, "no-such-query", "NoSuchNameException", "GET /queries lists them");
    }
    let narrower = gateway.get("/queries/myQuery/events?EQ_bizStep=shipping");
    assert_eq!(narrower.status, 400, "the query is the named one");
}

#[test]
fn queries_are_listed_page_by_page() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    for number in 0..5 {
        name(&gateway, &format!("q{number}"), &json!({"EQ_action": "ADD"}));
    }
    let (mut path, mut names) = ("/queries?perPage=2".to_owned(), Vec::new());
    loop {
        let page = gateway.get(&path);
        let list = page.json();
        assert!(list.as_array().unwrap().len() <= 2);
        names.extend(list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()));
        let Some(link) = page.header("Link") else { break };
        path = link.strip_prefix('<').unwrap().split('>').next().unwrap().to_owned();
    }
    assert_eq!(names, ["q0", "q1", "q2", "q3", "q4"]);
}

#[test]
fn a_stream_tells_each_event_once_and_in_order() {
    let (_node, gateway) = Gateway::of_maker(&LOCAL);
    let subscriber = Subscriber::start();
    record(&gateway, &commissioning(&["A1", "A2", "A3", "A4"]));
    ship(&gateway, &["A1"]);
    name(&gateway, "shipped", &json!({"EQ_bizStep": "shipping"}));
    let path =
        subscribe(&gateway, "shipped", &json!({"dest": subscriber.url, "stream": true, "signatureToken": SECRET}));
    ship(&gateway, &["A2"]);
    ship(&gateway, &["A3", "A4"]);
    subscriber.until_taken(&["A2", "A3", "A4"]);
    let first = subscriber.came().remove(0);
    let document = first.json();
    assert_eq!(document["type"], "EPCISQueryDocument");
    let results = &document["epcisBody"]["queryResults"];
    assert_eq!(
        (&results["queryName"], results["subscriptionID"].as_str()),
        (&json!("shipped"), path.rsplit('/').next())
    );
    let hmac = first.header("GS1-Signature").unwrap().strip_prefix("sha256=").unwrap();
    let signed = [first.header("Sealane-Timestamp").unwrap().as_bytes(), b".", &first.body].concat();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    let expected: String =
        aws_lc_rs::hmac::sign(&key, &signed).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hmac, expected);
    let shown = until(
        || Some(gateway.get(&path).json()).filter(|shown| shown["lastNotifiedAt"].is_string()),
        || gateway.get(&path).json().to_string(),
    );
    assert_eq!(
        (&shown["sealane:state"], &shown["stream"], &shown["dest"]),
        (&json!("active"), &json!(true), &json!(subscriber.url))
    );
    assert!(!shown.to_string().contains(SECRET), "{shown}");
    // After a crash it goes on behind what the subscriber has.
    let gateway = gateway.crash();
    ship(&gateway, &["A5"]);
    subscriber.until_taken(&["A2", "A3", "A4", "A5"]);
    assert_eq!(send(&gateway, "DELETE", &path, &Value::Null).status, 204);
    assert_eq!(gateway.get(&path).status, 404);
    ship(&gateway, &["A6"]);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(subscriber.taken().len(), 4);
}

#[test]
fn what_was_recorded_before_is_told_from_a_time_on() {
    let (_node, gateway) = Gateway::of_maker(&LOCAL);
    let subscriber = Subscriber::start();
    ship(&gateway, &["B1"]);
    name(&gateway, "all", &json!({}));
    let body = json!({"dest": subscriber.url, "stream": true, "initialRecordTime": "2026-01-01T00:00:00Z"});
    subscribe(&gateway, "all", &body);
    subscriber.until_taken(&["B1"]);
    let later = Subscriber::start();
    let body = json!({"dest": later.url, "stream": true, "initialRecordTime": "2126-01-01T00:00:00Z"});
    subscribe(&gateway, "all", &body);
    ship(&gateway, &["B2"]);
    subscriber.until_taken(&["B1", "B2"]);
    assert_eq!(later.came().len(), 0);
}

#[test]
fn a_schedule_tells_what_came_since_and_that_nothing_did() {
    let (_node, gateway) = Gateway::of_maker(&LOCAL);
    let (silent, told) = (Subscriber::start(), Subscriber::start());
    name(&gateway, "shipped", &json!({"EQ_bizStep": "shipping"}));
    let schedule = json!({"second": "0/1"});
    subscribe(&gateway, "shipped", &json!({"dest": silent.url, "schedule": schedule}));
    subscribe(&gateway, "shipped", &json!({"dest": told.url, "schedule": schedule, "reportIfEmpty": true}));
    let came = told.until_came(2);
    assert!(came.iter().all(|notice| notice.serials().is_empty()));
    assert_eq!(silent.came().len(), 0);
    ship(&gateway, &["C1"]);
    silent.until_taken(&["C1"]);
    told.until_taken(&["C1"]);
}

#[test]
fn who_fails_is_tried_again_with_the_same_and_is_resumed() {
    let (_node, gateway) = Gateway::of_maker(&LOCAL);
    let subscriber = Subscriber::start();
    name(&gateway, "all", &json!({}));
    let path = subscribe(&gateway, "all", &json!({"dest": subscriber.url, "stream": true}));
    subscriber.answers([503, 302]);
    ship(&gateway, &["D1"]);
    subscriber.until_came(1);
    let failing = until(
        || Some(gateway.get(&path).json()).filter(|shown| shown["sealane:state"] == "failing"),
        || gateway.get(&path).json().to_string(),
    );
    assert_eq!(failing["sealane:trouble"]["why"], "the subscriber answered with status 503");
    assert_eq!(failing["sealane:trouble"]["attempts"], 1);
    ship(&gateway, &["D2"]);
    let resume = format!("{path}/resume");
    for (count, status) in [(2, 302), (3, 200)] {
        until(
            || (gateway.get(&path).json()["sealane:state"] == "failing").then_some(()),
            || "it does not fail".to_owned(),
        );
        assert_eq!(send(&gateway, "POST", &resume, &Value::Null).status, 204);
        assert_eq!(subscriber.until_came(count)[count - 1].answered, status);
    }
    subscriber.until_taken(&["D1", "D2"]);
    let name = |came: &crate::subscriber::Came| came.header("Sealane-Delivery").unwrap().to_owned();
    let names: Vec<String> = subscriber.came().iter().map(name).collect();
    assert!(names[0] != names[1], "D2 was no part of the first try");
    assert_eq!(names[1], names[2], "another try of the same has the same name");
    // 410: the subscriber wants no more.
    subscriber.answers([410]);
    ship(&gateway, &["D3"]);
    until(|| (gateway.get(&path).status == 404).then_some(()), || "it is still there".to_owned());
}

#[test]
fn who_takes_less_at_a_time_is_sent_less() {
    let (_node, gateway) = Gateway::of_maker(&LOCAL);
    let subscriber = Subscriber::start();
    name(&gateway, "all", &json!({}));
    subscribe(&gateway, "all", &json!({"dest": subscriber.url, "stream": true}));
    subscriber.answers([413, 413]);
    ship(&gateway, &["E1", "E2", "E3", "E4"]);
    subscriber.until_taken(&["E1", "E2", "E3", "E4"]);
    let sizes: Vec<usize> = subscriber.came().iter().map(|came| came.serials().len()).collect();
    assert_eq!(sizes, [4, 2, 1, 1, 1, 1]);
}

#[test]
fn more_than_a_query_allows_is_told_as_an_error() {
    let (_node, gateway) = Gateway::of_maker(&LOCAL);
    let subscriber = Subscriber::start();
    name(&gateway, "few", &json!({"maxEventCount": 2}));
    subscribe(&gateway, "few", &json!({"dest": subscriber.url, "stream": true}));
    ship(&gateway, &["F1", "F2", "F3"]);
    let came = subscriber.until_came(1).remove(0);
    assert_eq!(came.header("Content-Type"), Some("application/problem+json"));
    assert_eq!(
        (&came.json()["type"], &came.json()["queryName"]),
        (&json!("epcisException:QueryTooLargeException"), &json!("few"))
    );
    let path = gateway.get("/queries/few/subscriptions").json()[0]["subscriptionID"].as_str().unwrap().to_owned();
    let shown = || gateway.get(&format!("/queries/few/subscriptions/{path}")).json();
    until(|| (shown()["sealane:state"] == "suspended").then_some(()), || shown().to_string());
    assert!(shown()["sealane:trouble"]["why"].as_str().unwrap().contains("maxEventCount of 2"));
    ship(&gateway, &["F4"]);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(subscriber.came().len(), 1, "nothing is passed over: it stands still");
}

#[test]
fn a_subscription_that_cannot_be_followed_is_refused() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    name(&gateway, "all", &json!({}));
    name(&gateway, "ordered", &json!({"orderBy": "eventTime", "eventCountLimit": 3}));
    let at = |query: &str, body: Value| send(&gateway, "POST", &format!("/queries/{query}/subscriptions"), &body);
    let good = json!({"dest": "https://client.example.com/x", "stream": true});
    for (query, body, words) in [
        ("all", json!({"dest": "https://client.example.com/x"}), "give stream: true, or a schedule"),
        ("all", json!({"dest": "https://client.example.com/x", "stream": true, "schedule": {"hour": "1"}}), "not both"),
        ("all", json!({"dest": "https://client.example.com/x", "schedule": {"hour": "25"}}), "numbers from 0 to 23"),
        ("all", json!({"stream": true}), "dest: it is missing"),
        ("ordered", good.clone(), "neither an order nor an eventCountLimit"),
    ] {
        refused(&at(query, body), 400, "bad-subscription", "SubscriptionControlsException", words);
    }
    for (dest, words) in [
        ("http://client.example.com/x", "--allow-http-dest"),
        ("https://127.0.0.1/x", "not of the public internet"),
        ("https://169.254.169.254/latest/meta-data", "not of the public internet"),
        ("https://user:pass@client.example.com/", "signatureToken"),
    ] {
        refused(&at("all", json!({"dest": dest, "stream": true})), 400, "bad-dest", "ValidationException", words);
    }
    refused(&at("none", good), 404, "no-such-query", "NoSuchNameException", "GET /queries");
    let parameter = gateway.get("/queries/all/events?stream=true");
    refused(&parameter, 400, "bad-parameter", "QueryParameterException", "Upgrade: websocket");
}

#[test]
fn a_name_that_leads_inside_is_not_connected_to() {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
    if host == "localhost" || (host.as_str(), 80).to_socket_addrs().is_err() {
        eprintln!("skipped: this machine has no name of its own that leads to it");
        return;
    }
    let (_node, gateway) = Gateway::of_maker(&["--allow-http-dest"]);
    let subscriber = Subscriber::start();
    name(&gateway, "all", &json!({}));
    let dest = subscriber.url.replace("127.0.0.1", &host);
    let path = subscribe(&gateway, "all", &json!({"dest": dest, "stream": true}));
    ship(&gateway, &["G1"]);
    let failing = until(
        || Some(gateway.get(&path).json()).filter(|shown| shown["sealane:state"] == "failing"),
        || gateway.get(&path).json().to_string(),
    );
    let why = failing["sealane:trouble"]["why"].as_str().unwrap();
    assert!(why.contains("not of the public internet"), "{why}");
    assert_eq!(subscriber.came().len(), 0);
}

#[test]
fn queries_and_subscriptions_are_their_clients_own() {
    let node = Node::start();
    node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let gateway = Gateway::start(&node.identity("Maker"), &[&node.url], &LOCAL);
    let subscriber = Subscriber::start();
    let add = |name: &str, scopes: &str| {
        gateway.command_ok(&["client", "add", name, "--scopes", scopes])["key"].as_str().unwrap().to_owned()
    };
    let (erp, bi, none) = (add("erp", "query,subscribe,capture"), add("bi", "query,subscribe"), add("wms", "query"));
    let send = |key: &str, method: &str, path: &str, body: &Value| {
        let headers = [("X-API-Key", key), ("Content-Type", "application/json")];
        request(gateway.host(), method, path, &headers, body.to_string().as_bytes())
    };
    assert_eq!(send(&erp, "POST", "/queries", &json!({"name": "all", "query": {}})).status, 201);
    let body = json!({"dest": subscriber.url, "stream": true});
    let answer = send(&erp, "POST", "/queries/all/subscriptions", &body);
    let path = answer.header("Location").unwrap().to_owned();
    let refused_to = send(&none, "POST", "/queries/all/subscriptions", &body);
    refused(&refused_to, 403, "client-not-allowed", "SecurityException", "has not the scope subscribe");
    refused(
        &send(&bi, "DELETE", "/queries/all", &Value::Null),
        403,
        "client-not-allowed",
        "SecurityException",
        "it alone removes it",
    );
    assert_eq!(send(&bi, "GET", &path, &Value::Null).status, 404);
    assert_eq!(send(&bi, "GET", "/queries/all/subscriptions", &Value::Null).json(), json!([]));
    assert_eq!(send(&erp, "GET", "/queries/all/subscriptions", &Value::Null).json().as_array().unwrap().len(), 1);
    // A client that is gone is told nothing more.
    let other = send(&bi, "POST", "/queries/all/subscriptions", &body);
    assert_eq!(other.status, 201);
    gateway.command_ok(&["client", "remove", "bi"]);
    let posted = send(&erp, "POST", "/capture", &document(vec![shipping("H1", "2026-03-01T10:00:00.000Z")]));
    assert_eq!(posted.status, 202);
    subscriber.until_came(1);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(subscriber.taken(), ["H1"], "to the one that is there, and once");
    // With the query, every subscription ends.
    assert_eq!(send(&erp, "DELETE", "/queries/all", &Value::Null).status, 204);
    assert_eq!(send(&erp, "GET", &path, &Value::Null).status, 404);
}
