//! The front page, which lives.

use serde_json::json;

use crate::chromium::Browser;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_appears_as_it_is_made() {
    let stage = Stage::new();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&stage.url("/")).await;
    let newest = || stage.node.get("/ledger/blocks/latest").json()["height"].as_u64().unwrap();
    let before = newest();
    assert_eq!(
        browser.eval("document.getElementById('blocks').firstElementChild.dataset.height").await,
        before.to_string()
    );
    assert!(browser.text("main").await.contains("Test Member"));
    assert_eq!(browser.text("#size").await, stage.node.tree_size().to_string());

    stage.inspect_again();
    let after = newest();
    assert!(after > before);
    browser.wait_for(&format!("#blocks tr:first-child[data-height=\"{after}\"]")).await;
    browser.wait_until("document.getElementById('news').textContent !== ''").await;
    assert_eq!(
        browser.eval("document.getElementById('news').textContent").await,
        json!(format!("Block {after} was added."))
    );
    assert_eq!(browser.text("#size").await, stage.node.tree_size().to_string());
    // The members go along: this node's own stands at the new block.
    browser.wait_until(&format!("document.querySelector('#council td').textContent === '{after}'")).await;
    assert_eq!(browser.text("#quorum").await, "One member keeps this ledger and decides alone.");
    assert!(browser.text("#council").await.contains("this node"));
    assert!(browser.shows("#pulse").await);
    assert_eq!(browser.eval("document.getElementById('blocks').children.length").await, 8);
    browser.close().await;
}
