//! The operator's page, opened by its link as an operator opens it.

use serde_json::Value;

use crate::chromium::Browser;
use crate::language::ENGLISH;
use crate::looks::look;
use crate::signer::{Signer, captured};
use crate::stage::Stage;
use crate::support::{Node, document, object_event, path};

/// The things that wait. What is wrong is not counted: a machine whose disk is nearly full is told of too.
const COUNT: &str = "document.querySelectorAll('.wants li:not(.wrong)').length";

/// A node with a console, on which some things wait, and some were refused.
fn busy_node() -> (Node, String) {
    let node = Node::serve_with(Node::start().stop(), "127.0.0.1:0", &["--console", "127.0.0.1:0"]);
    let console = node.started["console"].as_str().unwrap().to_owned();
    node.participant("Nordlys Pharma", "manufacturer", &["--gs1-prefix", "9506000"]);
    let signer = Signer::of(&node, "Nordlys Pharma");
    for serial in 0..12 {
        let id = format!("https://id.gs1.org/01/09506000134352/21/{serial}");
        let made = document(vec![object_event("ADD", "commissioning", &[&id], "2026-03-01T08:00:00.000Z")]);
        captured(&node, signer.statement(&made));
    }
    node.post("/epcis/capture", "application/jose", b"a.b.c");
    node.get("/participants?status=pending");
    register(&node, "Havvei Logistics");
    register(&node, "An organisation with a name that is long enough to need more than one line on any telephone");
    (node, console)
}

fn register(node: &Node, name: &str) -> String {
    let out = node.identity(&name[..6]);
    let arguments = ["register", "--json", "--organization", name, "--role", "shipper", "--out", path(&out)];
    let asked: Value = serde_json::from_str(&node.run_ok(&arguments)).unwrap();
    asked["id"].as_str().unwrap().to_owned()
}

/// A link that opens the page.
fn link(node: &Node, console: &str) -> String {
    let address = console.strip_prefix("http://").unwrap();
    let told: Value = serde_json::from_str(&node.run_ok(&["console", "--json", "--console", address])).unwrap();
    told["url"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operators_page_looks_right() {
    let stage = Stage::shared();
    let (node, console) = busy_node();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&console).await;
    look(&browser, "console-shut").await;
    browser.goto(&link(&node, &console)).await;
    browser.wait_for(".wants").await;
    assert_eq!(browser.eval("location.pathname + location.search").await, "/");
    assert_eq!(browser.eval(COUNT).await, 2);
    assert_eq!(browser.eval("document.querySelectorAll('#statements rect').length").await, 1);
    look(&browser, "console").await;
    browser.goto(&format!("{console}/?lang=ko")).await;
    browser.wait_for(".wants").await;
    look(&browser, "console-korean").await;
    assert_eq!(browser.eval(ENGLISH).await, serde_json::json!([]));
    // Large text on a small phone (WCAG 2.2 §1.4.4, §1.4.10).
    browser.resize(320, 640).await;
    browser.eval("document.documentElement.style.fontSize = '200%'").await;
    browser.wait_until("innerWidth === 320").await;
    let wide = "[...document.querySelectorAll('body *')].filter((one) => !one.closest('.wide-table') && \
                one.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((one) => one.outerHTML.slice(0, 80))";
    assert_eq!(browser.eval(wide).await, serde_json::json!([]));
    browser.close().await;
}

/// It brings itself up to date, until it is told to stop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_follows_what_happens() {
    let stage = Stage::shared();
    let (node, console) = busy_node();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&link(&node, &console)).await;
    browser.wait_for(".wants").await;
    register(&node, "Third Organisation");
    browser.wait_until(&format!("{COUNT} === 3")).await;
    // Who wants to read in peace stops it.
    let pause = browser.wait_for("#live").await;
    pause.click().await.unwrap();
    assert_eq!(browser.text("#live").await, "Keep up to date");
    browser.close().await;
}
