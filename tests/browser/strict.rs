//! What a page may load, how much that is, and how it is reached without a mouse.

use std::collections::BTreeSet;

use serde_json::json;

use crate::chromium::Browser;
use crate::stage::{GENUINE, Stage, UNKNOWN};

/// Bytes of a product's page with everything that it loads, evidence too, over the wire.
///
/// The verifier is most of it, and the messages and sentences of one language are in its file. No module is in it that a verdict does not
/// need. The rest is the style, the page, the anchor and the evidence.
const PAGE_BYTES_MAX: u64 = 132_000;

/// Counts what the policy forbids.
const WATCH: &str = "window.violations = [];
    addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective));";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_comes_from_elsewhere_and_nothing_runs_inline() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.before_each_page(WATCH).await;
    for path in ["/", "/scan", "/scan/list", GENUINE, UNKNOWN] {
        let answer = stage.node.follow(path, &[("Accept", "text/html")]);
        let policy = answer.header("content-security-policy").unwrap();
        // The page to scan with may run its decoder, which is WebAssembly, and no other page may.
        let decoder = if path == "/scan" { " 'wasm-unsafe-eval'" } else { "" };
        let (before, after) =
            ("default-src 'none'; script-src 'self' 'sha256-", format!("'{decoder}; style-src 'self';"));
        assert!(policy.starts_with(before) && policy.contains(&after), "{policy}");
        let policy = policy.replacen(decoder, "", 1);
        assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");

        browser.goto(&stage.url(path)).await;
        if path.starts_with("/01/") {
            browser.wait_for("#status.checked").await;
        }
        browser.wait_until("sealane.hasBegun").await;
        assert_eq!(browser.eval("window.violations").await, json!([]), "{path}");
        let elsewhere = "performance.getEntriesByType('resource').map(({ name }) => name)\
                         .filter((name) => !name.startsWith(location.origin + '/'))";
        assert_eq!(browser.eval(elsewhere).await, json!([]), "{path}");
        assert_eq!(browser.complaints().await, Vec::<String>::new(), "{path}");
    }
    // The watch does see what is forbidden.
    let inline = "(() => { const script = document.createElement('script'); script.textContent = 'window.ran = true'; \
                  document.body.append(script); return window.ran ?? false; })()";
    assert_eq!(browser.eval(inline).await, json!(false));
    browser.wait_until("window.violations.length === 1").await;
    assert_eq!(browser.complaints().await.len(), 1);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_s_page_weighs_little() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&stage.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    let loaded = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]\
                  .map(({ name, transferSize }) => [name, transferSize])";
    let loaded = browser.eval(loaded).await;
    let loaded: Vec<(String, u64)> = serde_json::from_value(loaded).unwrap();
    let bytes: u64 = loaded.iter().map(|(_, bytes)| bytes).sum();
    for needed in ["/evidence", "/trust", "/assets/page.en.", "/assets/style.", "/verify?id="] {
        assert!(loaded.iter().any(|(name, bytes)| name.contains(needed) && *bytes > 0), "{needed}: {loaded:?}");
    }
    assert!(bytes < PAGE_BYTES_MAX, "{bytes} bytes: {loaded:#?}");
    browser.close().await;
}

/// What can be reached by a key, in a word each.
const REACHABLE: &str = "[...document.querySelectorAll('a[href], button, input:not([type=hidden])')]\
    .filter((element) => element.checkVisibility() && !element.disabled)";

/// The element that has the focus: its place among all that can be reached, and whether one sees that it has it.
const FOCUSED: &str = "(() => { const element = document.activeElement; const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    return { at: REACHABLE.indexOf(element), what: element.outerHTML.slice(0, 120),
      outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
      inside: box.left >= 0 && box.right <= innerWidth && box.top >= 0 && box.bottom <= innerHeight }; })()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_reached_by_keys_and_seen_to_be() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    let focused = FOCUSED.replace("REACHABLE", REACHABLE);
    for path in ["/", "/scan", GENUINE, "/01/09506000134353/21/WRONG"] {
        browser.goto(&stage.url(path)).await;
        if path == GENUINE {
            browser.wait_for("#status.checked").await;
        }
        if path == "/scan" {
            browser.wait_for("#scan[data-ready]").await;
        }
        let count = browser.eval(&format!("{REACHABLE}.length")).await.as_i64().unwrap();
        assert!(count > 5, "{path}");
        let mut reached = BTreeSet::new();
        for nth in 0..count {
            browser.press_tab().await;
            let focus = browser.eval(&focused).await;
            assert_eq!(focus["outlined"], true, "{path}: {focus}");
            assert_eq!(focus["inside"], true, "{path}: {focus}");
            assert!(
                focus["at"].as_i64().unwrap() >= 0 && reached.insert(focus["at"].as_i64()),
                "{path} {nth}: {focus}"
            );
        }
        assert_eq!(reached.len() as i64, count, "{path}");
    }
    // The first of them leads past the header.
    browser.goto(&stage.url("/")).await;
    browser.press_tab().await;
    let skip = browser.client.active_element().await.unwrap();
    assert_eq!(skip.text().await.unwrap(), "Skip to the answer");
    skip.click().await.unwrap();
    assert_eq!(browser.eval("document.activeElement.id").await, "main");
    browser.close().await;
}
