//! The page to scan with: by camera, by photo, by typing.

use std::path::Path;

use fantoccini::Locator;

use crate::chromium::{Browser, Habits};
use crate::stage::{CLONED, GENUINE, Stage, uri};
use crate::support::path;

/// A detector that finds one code, in place of the one that Chromium has on phones.
fn detector(text: &str) -> String {
    format!(
        "window.BarcodeDetector = class {{
           static async getSupportedFormats() {{ return ['qr_code', 'data_matrix', 'pdf417']; }}
           constructor({{ formats }}) {{ window.askedFor = formats; }}
           async detect(view) {{ return view.videoWidth > 0 ? [{{ rawValue: {text:?} }}] : []; }}
         }};"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_before_the_camera_leads_to_its_product() {
    let stage = Stage::shared();
    let camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
    let browser = Browser::with(&stage.driver, Habits { arguments: camera.into(), ..Habits::default() }).await;
    browser.before_each_page(&detector(&stage.url(GENUINE))).await;
    browser.goto(&stage.url("/scan?lang=en")).await;
    browser.wait_until("!document.getElementById('camera').hidden").await;
    assert!(browser.text("#camera").await.contains("The picture does not leave your device."));
    browser.client.find(Locator::Css("#start")).await.unwrap().click().await.unwrap();
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("#word").await, "Authentic");
    let url = browser.client.current_url().await.unwrap();
    assert!(url.as_str().contains("/verify?id=http") && url.as_str().ends_with("&lang=en"), "{url}");
    assert!(!browser.shows(".elsewhere").await, "the label leads to this very site");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_that_is_refused_or_cannot_read_leaves_the_other_ways() {
    let stage = Stage::shared();
    let browser =
        Browser::with(&stage.driver, Habits { arguments: vec!["--deny-permission-prompts"], ..Habits::default() })
            .await;
    browser.before_each_page("delete window.BarcodeDetector;").await;
    browser.goto(&stage.url("/scan")).await;
    browser.wait_until("document.getElementById('status').textContent !== ''").await;
    assert!(browser.text("#status").await.starts_with("This browser reads no codes by itself."));
    assert!(!browser.shows("#start").await && browser.shows("#photo").await && browser.shows("#id").await);

    browser.before_each_page(&detector(&uri(GENUINE))).await;
    browser.goto(&stage.url("/scan")).await;
    browser.wait_until("!document.getElementById('camera').hidden").await;
    browser.client.find(Locator::Css("#start")).await.unwrap().click().await.unwrap();
    browser.wait_until("document.getElementById('status').textContent !== ''").await;
    assert!(browser.text("#status").await.starts_with("The camera was not given."));
    assert!(browser.shows("#photo").await && browser.shows("#id").await);
    browser.close().await;
}

/// Puts a file into the form, as its visitor does, and sends it.
async fn send_photo(browser: &Browser, stage: &Stage, file: &Path) {
    browser.goto(&stage.url("/scan")).await;
    browser.client.find(Locator::Css("#photo")).await.unwrap().send_keys(path(file)).await.unwrap();
    browser.client.find(Locator::Css("form.photo button")).await.unwrap().click().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_of_a_label_leads_to_its_product() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    let label = stage.node.dir.path().join("photo-of-a-label.png");
    stage.node.run_ok(&["label", &uri(CLONED), "--force", "--out", path(&label)]);
    send_photo(&browser, &stage, &label).await;
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("#word").await, "Suspect");
    assert_eq!(browser.text("h1").await, "(01)09506000134352 (21)4W8RT5VN6C");

    let empty = stage.node.dir.path().join("no-photo.png");
    std::fs::write(&empty, "no picture").unwrap();
    send_photo(&browser, &stage, &empty).await;
    browser.wait_for("#outcome").await;
    assert!(browser.text("main").await.contains("This is no JPEG, PNG or WebP picture."));
    assert!(browser.shows("#photo").await && browser.shows("#id").await, "a way on");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_typed_is_looked_up_or_told_what_is_wrong() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    for page in ["/scan", "/"] {
        browser.goto(&stage.url(page)).await;
        let typed = browser.client.find(Locator::Css("#id")).await.unwrap();
        typed.send_keys("(01)09506000134352(21)7H3KX9QZ2M\n").await.unwrap();
        browser.wait_for("#status.checked").await;
        assert_eq!(browser.text("#word").await, "Authentic", "from {page}");
    }
    browser.goto(&stage.url("/scan")).await;
    let typed = browser.client.find(Locator::Css("#id")).await.unwrap();
    typed.send_keys("(01)09506000134353(21)7H3KX9QZ2M\n").await.unwrap();
    browser.wait_for("#problem").await;
    let page = browser.text("main").await;
    assert!(page.contains("This is no valid number") && page.contains("it should be 2"), "{page}");
    let typed = browser.eval("document.getElementById('id').value").await;
    assert_eq!(typed, "(01)09506000134353(21)7H3KX9QZ2M", "to be mended");

    // Another shop's label holds a number that can be looked up here, and the page says where it leads.
    browser.goto(&stage.url(&format!("/verify?id=https%3A%2F%2Fshop.example{GENUINE}"))).await;
    browser.wait_for("#status.checked").await;
    assert!(browser.text(".elsewhere").await.contains("leads to shop.example, not to this site"));
    browser.close().await;
}
