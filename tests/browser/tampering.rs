//! Between page and server stands somebody who lies: the page says so, and shows nothing of the lie as checked.

use std::sync::Arc;

use serde_json::Value;

use crate::chromium::Browser;
use crate::proxy::Proxy;
use crate::stage::{CLONED, GENUINE, RECALLED, Stage, UNKNOWN, page_of};
use crate::support::{Answer, text};

/// Waits for the alarm, and looks that nothing is presented as checked; returns what the page says.
async fn alarm(browser: &Browser) -> String {
    browser.wait_for("#status.alarm").await;
    browser.wait_for("#verdict.tampered").await;
    assert_eq!(browser.text("#word").await, "Tampered");
    assert!(browser.text("#sentence").await.starts_with("Do not trust this answer."));
    assert!(browser.client.title().await.unwrap().starts_with("Tampered"));
    let status = browser.text("#status").await;
    assert!(!browser.shows("#status.checked").await && !status.contains("Checked here"), "{status}");
    assert!(status.contains("Tell whoever sold you the product"), "{status}");
    status
}

fn replace(answer: &mut Answer, from: &str, to: &str) {
    let body = text(&answer.body);
    assert!(body.contains(from), "no {from:?} in {body}");
    answer.body = body.replace(from, to).into_bytes();
}

/// Changes the byte in the middle of the first statement.
fn flip_a_byte(answer: &mut Answer) {
    let document: Value = serde_json::from_slice(&answer.body).unwrap();
    let statement = document["statements"][0]["statement"].as_str().unwrap();
    let at = text(&answer.body).find(statement).unwrap() + statement.len() / 2;
    answer.body[at] = if answer.body[at] == b'A' { b'B' } else { b'A' };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_byte_of_evidence_is_noticed() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    // Honest, the same page is fine: what is noticed is the byte and not the proxy.
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    proxy.alter(|path, answer| {
        if path.starts_with("/evidence") {
            flip_a_byte(answer);
        }
    });
    browser.goto(&proxy.url(GENUINE)).await;
    let status = alarm(&browser).await;
    assert!(status.contains("The evidence does not hold"), "{status}");
    assert!(
        !browser.shows("#why").await && !browser.shows("#journey").await && !browser.shows("#check").await,
        "nothing of the server's is shown"
    );
    assert!(!browser.text("main").await.contains("Authentic"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_verdict_than_the_records_prove_is_a_lie() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    proxy.alter(|path, answer| {
        if path == page_of(CLONED) {
            replace(answer, "data-verdict=\"disputed\"", "data-verdict=\"authentic\"");
            replace(answer, ">Claimed twice<", ">Authentic<");
        }
        if path == page_of(GENUINE) {
            replace(answer, "data-verdict=\"authentic\"", "data-verdict=\"recalled\"");
        }
    });
    browser.goto(&proxy.url(CLONED)).await;
    let status = alarm(&browser).await;
    assert!(status.contains("This server claims “Authentic”; the records prove “Claimed twice”."), "{status}");
    assert!(browser.text("#reasons").await.contains("claimed"), "what the records say is shown, for they hold");
    // A maker's rival would rather have it the other way round.
    browser.goto(&proxy.url(GENUINE)).await;
    let status = alarm(&browser).await;
    assert!(status.contains("This server claims “Recalled”; the records prove “Authentic”."), "{status}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evidence_about_something_else_is_no_answer() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    let of = |path: &str| stage.node.get(&format!("/evidence?id=https%3A%2F%2Fid.gs1.org{path}")).body;
    let (genuine, unknown) = (of(GENUINE), of(UNKNOWN));
    let evidence = genuine.clone();
    proxy.alter(move |path, answer| {
        if path.starts_with("/evidence") {
            answer.body.clone_from(&evidence);
        }
    });
    browser.goto(&proxy.url(RECALLED)).await;
    alarm(&browser).await;
    // The proof that one number is unknown says nothing about another.
    proxy.alter(move |path, answer| {
        if path.starts_with("/evidence") {
            answer.body.clone_from(&unknown);
        }
    });
    browser.goto(&proxy.url(RECALLED)).await;
    alarm(&browser).await;
    browser.close().await;
}

/// Answers that were given once, to be given again.
fn recorded(stage: &Stage, path: &str) -> Vec<(String, Vec<u8>)> {
    let evidence = format!("/evidence?id=https%3A%2F%2Fid.gs1.org{}", path.replace('/', "%2F"));
    vec![recorded_page(stage, path), (evidence.clone(), stage.node.get(&evidence).body)]
}

fn recorded_page(stage: &Stage, path: &str) -> (String, Vec<u8>) {
    // The page is where the Digital Link leads.
    let headers = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate")];
    let link = stage.node.request("GET", path, &headers, b"");
    let page = link.header("location").unwrap_or(path);
    (page.to_owned(), stage.node.request("GET", page, &headers, b"").body)
}

fn again(old: &[(String, Vec<u8>)], path: &str, answer: &mut Answer) {
    if let Some((_, body)) = old.iter().find(|(held, _)| held == path) {
        answer.status = 200;
        answer.body.clone_from(body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_from_before_what_was_seen_is_told() {
    let stage = Arc::new(Stage::new());
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    let before = stage.node.tree_size();
    let old = recorded(&stage, GENUINE);
    stage.inspect_again();
    let now = stage.node.tree_size();
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;

    // An old answer that the ledger has grown from proves nothing of what came since.
    let replayed = old.clone();
    proxy.alter(move |path, answer| again(&replayed, path, answer));
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for("#status.alarm").await;
    let status = browser.text("#status").await;
    assert!(status.contains(&format!("{before} records; this device has seen {now}.")), "{status}");
    assert_eq!(browser.text("#word").await, "Not enough on record", "it was authentic then, which is not now");
    assert!(browser.shows("#status button").await, "a way on");

    // A ledger that was set back has nothing to show for what was seen.
    proxy.alter(move |path, answer| {
        again(&old, path, answer);
        if path.starts_with("/ledger/proofs/consistency") {
            answer.status = 400;
            answer.body = b"{\"code\":\"bad-parameter\"}".to_vec();
        }
    });
    browser.goto(&proxy.url(GENUINE)).await;
    let status = alarm(&browser).await;
    assert!(status.contains("The ledger was rewritten"), "{status}");

    // The honest answer is taken again after all this.
    proxy.alter(|_, _| {});
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_held_against_the_records_that_it_had_and_shows_those_since() {
    let stage = Arc::new(Stage::new());
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    let page = recorded_page(&stage, GENUINE);
    stage.surface_in_lisbon(GENUINE);

    let honest = page.clone();
    proxy.alter(move |path, answer| again(std::slice::from_ref(&honest), path, answer));
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    assert_eq!(
        browser.text("#word").await,
        "Not enough on record",
        "the page said authentic, which was true when it was made"
    );

    proxy.alter(move |path, answer| {
        again(std::slice::from_ref(&page), path, answer);
        if path == page_of(GENUINE) {
            replace(answer, "data-verdict=\"authentic\"", "data-verdict=\"recalled\"");
        }
    });
    browser.goto(&proxy.url(GENUINE)).await;
    let status = alarm(&browser).await;
    assert!(status.contains("This server claims “Recalled”; the records prove “Authentic”."), "{status}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_ledger_at_the_same_address_is_told_and_can_be_accepted() {
    let (stage, other) = (Stage::shared(), Arc::new(Stage::new()));
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    proxy.alter(move |path, answer| {
        // The trust anchor has a page too, which no script asks for.
        let accept = if path.starts_with("/trust") { "application/json" } else { "text/html" };
        let headers = [("Accept", accept), ("Sec-Fetch-Mode", "navigate")];
        *answer = other.node.request("GET", path, &headers, b"");
    });
    browser.goto(&proxy.url(GENUINE)).await;
    let status = alarm(&browser).await;
    let fingerprint = stage.node.get("/trust").json()["fingerprint"].as_str().unwrap().to_owned();
    assert!(status.contains("another ledger than when this device first met it") && status.contains(&fingerprint));
    browser.client.find(fantoccini::Locator::Css("#status button")).await.unwrap().click().await.unwrap();
    browser.wait_for("#status.checked").await;
    assert!(browser.text("#check").await.contains("for the first time"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_fetched_is_no_lie_and_can_be_tried_again() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    proxy.alter(|path, answer| {
        if path.starts_with("/evidence") {
            answer.status = 503;
        }
    });
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for_unfetched("The server is busy. Wait a moment.").await;
    proxy.alter(|_, _| {});
    browser.check_again().await;
    browser.close().await;
}
