//! What stands between a page and its node: nothing of it is an alarm, and nothing of it is an all-clear.

use std::time::Duration;

use serde_json::json;

use crate::chromium::Browser;
use crate::looks::look;
use crate::proxy::Proxy;
use crate::stage::{GENUINE, RECALLED, Stage, page_of};
use crate::support::Answer;

/// Answers in the node's place, as the network of a hotel does until its guest has signed in.
fn sign_in(answer: &mut Answer) {
    answer.status = 200;
    answer.headers = vec![("Content-Type".to_owned(), "text/html; charset=utf-8".to_owned())];
    answer.body = b"<!DOCTYPE html><h1>Welcome to our Wi-Fi</h1>".to_vec();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_to_sign_in_with_is_no_tampering() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    for asked in ["/evidence", "/trust"] {
        proxy.alter(move |path, answer| {
            if path.starts_with(asked) {
                sign_in(answer);
            }
        });
        browser.goto(&proxy.url(GENUINE)).await;
        browser.wait_for_unfetched("Something else answered in the server’s place").await;
    }
    look(&browser, "fetching-sign-in").await;
    proxy.alter(|_, _| {});
    browser.check_again().await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_hangs_is_waited_for_for_twenty_seconds() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    browser.before_each_page(SOONER).await;
    proxy.hold_at("/evidence", 0);
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for_unfetched("The server did not answer within 20 seconds.").await;
    assert_eq!(browser.eval("window.waited.includes(20000)").await, true);
    look(&browser, "fetching-late").await;
    proxy.let_go();
    browser.check_again().await;
    browser.close().await;
}

/// Makes a second of a page's waiting last ten milliseconds, and keeps for how long it was going to wait.
const SOONER: &str = "window.waited = []; const real = window.setTimeout;
    window.setTimeout = (work, ms, ...more) => { window.waited.push(ms); return real(work, ms / 100, ...more); };";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_does_not_come_leaves_the_page_and_a_sentence() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    for (name, path) in [("product", GENUINE), ("scan", "/scan"), ("record", "/ledger/leaves/10"), ("front", "/")] {
        for wrong in ["gone", "foreign"] {
            proxy.alter(move |path, answer| {
                if path.starts_with("/assets/") && path.ends_with(".js") {
                    sign_in(answer);
                    if wrong == "gone" {
                        answer.status = 502;
                    }
                }
            });
            browser.goto(&proxy.url(path)).await;
            browser.wait_for(".unloaded").await;
            let note = browser.text(".unloaded-note").await;
            assert!(
                note.contains("A part of this page did not load.") && note.contains("only what the server says"),
                "{note}"
            );
            assert!(browser.shows(".unloaded-note a").await);
            if path == GENUINE {
                assert_eq!(browser.text("#claim").await, "The server says");
                assert_eq!(browser.eval(SIZE_OF_WORD).await, true);
            }
        }
        look(&browser, &format!("unloaded-{name}")).await;
    }
    proxy.alter(|_, _| {});
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    assert!(!browser.shows(".unloaded-note").await);
    browser.close().await;
}

const SIZE_OF_WORD: &str = "parseFloat(getComputedStyle(document.getElementById('word')).fontSize) < 24";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_was_checked_once_opens_without_a_network_and_is_checked_again() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    browser.wait_until(KEPT).await;

    proxy.be_up(false);
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for("#kept").await;
    assert_eq!(browser.text("#word").await, "Authentic");
    assert!(browser.text("#kept").await.starts_with("The server cannot be reached. This is what this device kept on "));
    look(&browser, "fetching-kept").await;

    // What it has not seen it does not have, and says nothing of.
    let _ = browser.client.goto(&proxy.url(RECALLED)).await;
    assert!(!browser.shows("#word").await);
    proxy.be_up(true);
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    assert!(!browser.shows("#kept").await, "with a network it is the ledger of now");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_again_by_a_link_waits_for_one_answer() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    browser.wait_until(KEPT).await;

    // The device leads the link to its page by itself, and what the page will check is asked for before the page is there.
    let before = proxy.asked().len();
    proxy.alter(|path, answer| {
        if path.starts_with("/01/") {
            answer.status = 500;
        }
    });
    proxy.hold_at("/verify", 0);
    let to = proxy.url(&format!("{RECALLED}?17=311130&lang=en&10=N2608"));
    let evidence =
        "/evidence?id=https%3A%2F%2Fid.gs1.org%2F01%2F09506000134352%2F21%2F9P1LM4SJ7D%3F10%3DN2608%2617%3D311130";
    let of = |path: &str| proxy.asked()[before..].iter().filter(|asked| asked.path.starts_with(path)).count();
    let early = async {
        while of(evidence) == 0 || of("/trust") == 0 {
            tokio::task::yield_now().await;
        }
        proxy.let_go();
    };
    let (early, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(60), early), browser.goto(&to));
    early.unwrap();
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("#word").await, "Recalled");
    let page = format!("{}&lang=en&10=N2608&17=311130", page_of(RECALLED));
    assert_eq!(browser.eval("location.pathname + location.search").await, json!(page));
    browser.wait_until(KEPT).await;
    assert_eq!([of("/evidence"), of("/trust"), of("/verify")], [1, 1, 1], "each was asked for once");
    // What can be written in two ways is left to the node.
    proxy.alter(|_, _| {});
    browser.goto(&proxy.url("/gtin/09506000134352/ser/7H3KX9QZ2M")).await;
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.eval("location.pathname + location.search").await, json!(page_of(GENUINE)));
    browser.close().await;
}

/// The worker answers for pages, and this one is kept.
const KEPT: &str = "(async () => { const cache = await caches.open('sealane-kept-1'); const keys = await cache.keys();
    return navigator.serviceWorker.controller !== null && keys.some(({ url }) => url === location.href)
      && keys.some(({ url }) => url.includes('/assets/page.')) && keys.some(({ url }) => url.includes('/assets/style.')); })()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_can_be_shared_and_printed_on_one_sheet() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.before_each_page("navigator.share = async (what) => { window.shared = what; };").await;
    browser.goto(&stage.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    browser.wait_for("#share").await.click().await.unwrap();
    let shared = browser.eval("window.shared").await;
    assert_eq!(shared["url"], stage.url(GENUINE));
    assert_eq!(browser.eval("document.querySelector('link[rel=canonical]').href").await, json!(stage.url(GENUINE)));
    let printed = browser
        .devtools("Page.printToPDF", json!({"preferCSSPageSize": true, "paperWidth": 8.27, "paperHeight": 11.69}))
        .await;
    let pdf = printed["data"].as_str().unwrap();
    let pdf = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, pdf).unwrap();
    if let Some(dir) = std::env::var_os("SEALANE_SCREENSHOTS") {
        std::fs::write(std::path::Path::new(&dir).join("printed.pdf"), &pdf).unwrap();
    }
    let pages = String::from_utf8_lossy(&pdf).matches("/Type /Page\n").count();
    assert_eq!(pages, 1, "sheets");
    browser.close().await;
}
