//! The pages that a proof is followed to: one record, one block, and the trust anchor with its digits.

use serde_json::json;

use crate::chromium::{Browser, Habits};
use crate::proxy::Proxy;
use crate::stage::{GENUINE, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_a_block_and_the_anchor_are_checked_on_the_device() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    for (path, words) in [
        (
            "/ledger/leaves/10",
            vec!["the signature is by “Nordlys Pharma”", "record 10 is in the ledger", "block 5 is signed by “"],
        ),
        ("/ledger/leaves/2", vec!["the signature is by “", "record 2 is in the ledger"]),
        ("/ledger/leaves/1", vec!["record 1 is in the ledger", "The seal of a block"]),
        ("/ledger/leaves/0", vec!["record 0 is in the ledger", "The beginning of the ledger"]),
        ("/ledger/blocks/0", vec!["block 0 is signed by"]),
        ("/ledger/blocks/5", vec!["block 5 is signed by", "its seal is record"]),
        ("/ledger/blocks/latest", vec!["is signed by"]),
        ("/trust", vec!["the digits are those of this ledger’s trust anchor", "Is this the right ledger?"]),
    ] {
        browser.goto(&stage.url(path)).await;
        browser.wait_for("#status.checked").await;
        let page = browser.text("main").await;
        for words in words {
            assert!(page.contains(words), "{path}: no {words:?} in {page}");
        }
    }
    // From the product to the record, and from there to what it is about.
    browser.goto(&stage.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    let href = browser.eval("document.querySelector('#timeline .when a').getAttribute('href')").await;
    browser.goto(&stage.url(href.as_str().unwrap())).await;
    browser.wait_for("#status.checked").await;
    let back = browser.eval(&format!("document.querySelector('main a[href=\"{GENUINE}\"]') !== null")).await;
    assert_eq!(back, json!(true));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_was_altered_is_told_of() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    proxy.alter(|path, answer| {
        let is_html = answer.body.starts_with(b"<!DOCTYPE");
        if path == "/ledger/leaves/10" && !is_html {
            // A sign of the payload, past the header.
            answer.body[400] ^= 1;
        }
        if path == "/trust" && is_html {
            let page = crate::support::text(&answer.body);
            let at = page.find("id=\"groups\"><span>").unwrap() + "id=\"groups\"><span>".len();
            answer.body[at] = if answer.body[at] == b'0' { b'1' } else { b'0' };
        }
    });
    let browser = Browser::open(&stage.driver).await;
    for (path, why) in [("/ledger/leaves/10", "leads to another root"), ("/trust", "are not those of the trust anchor")]
    {
        browser.goto(&proxy.url(path)).await;
        browser.wait_for("#status.alarm").await;
        let status = browser.text("#status").await;
        assert!(status.contains("This does not hold") && status.contains(why), "{path}: {status}");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_javascript_the_digits_are_there_and_nothing_is_called_checked() {
    let stage = Stage::shared();
    let habits = Habits { without_javascript: true, ..Habits::default() };
    let browser = Browser::with(&stage.driver, habits).await;
    browser.goto(&stage.url("/trust")).await;
    let page = browser.text("main").await;
    let fingerprint = stage.node.get("/trust").json()["fingerprint"].as_str().unwrap().to_owned();
    let groups = fingerprint.parse::<sealane_core::hash::Hash>().unwrap().to_groups();
    assert!(groups.iter().all(|group| page.contains(group.as_str())) && page.contains(&fingerprint), "{page}");
    for path in ["/trust", "/ledger/leaves/10", "/ledger/blocks/3"] {
        browser.goto(&stage.url(path)).await;
        let page = browser.text("main").await;
        assert!(page.contains("only what the server says") && page.contains("takes JavaScript"), "{path}: {page}");
        assert!(!page.contains("Checked here"), "{path}: {page}");
    }
    browser.close().await;
}

#[test]
fn programs_get_what_they_always_got_and_a_link_saves_it_under_a_name() {
    let stage = Stage::shared();
    let page = [("Accept", "text/html,*/*;q=0.8")];
    for (path, media_type, name) in [
        ("/ledger/leaves/10", "application/octet-stream", "leaf-10.bin"),
        ("/ledger/blocks/3", "application/json", "block-3.json"),
        ("/trust", "application/json", "trust.json"),
        (&stage.participant_path(0), "application/json", "participant.json"),
    ] {
        let plain = stage.node.get(path);
        assert_eq!(plain.header("content-type"), Some(media_type), "{path}");
        assert_eq!(plain.header("content-disposition"), None, "{path}");
        let shown = stage.node.request("GET", path, &page, b"");
        assert_eq!(shown.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        let saved = stage.node.request("GET", &format!("{path}?download"), &page, b"");
        assert_eq!(saved.body, plain.body, "{path}");
        assert_eq!(
            saved.header("content-disposition"),
            Some(format!("attachment; filename=\"{name}\"").as_str()),
            "{path}"
        );
    }
}
