//! The page of a product: each verdict is the device's own, and each visitor is told what was checked, or why not.

use serde_json::json;

use crate::chromium::{Browser, Habits};
use crate::stage::{
    CLONED, DESTROYED, DISPENSED, EXPIRED, GENUINE, INCOMPLETE, LOAD, RECALLED, Stage, TWICE, UNKNOWN, UNPACKED,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_verdict_is_reached_on_the_device() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    for (path, word, class, rule) in [
        (GENUINE, "Authentic", "authentic green", "custody-unbroken"),
        (CLONED, "Claimed twice", "disputed amber", "claimed"),
        (TWICE, "Do not trust it", "suspect red", "commissioned-twice"),
        (RECALLED, "Recalled", "recalled red", "recalled"),
        (INCOMPLETE, "Not enough on record", "incomplete amber", "custody-gap"),
        (DISPENSED, "Dispensed", "ended amber", "dispensed"),
        (DESTROYED, "Destroyed", "ended red", "destroyed"),
        (EXPIRED, "Expired", "ended amber", "expired"),
        (UNPACKED, "Unpacked", "ended amber", "unpacked"),
        (LOAD, "Traced", "traced grey", "load"),
    ] {
        browser.goto(&stage.url(path)).await;
        browser.wait_for("#status.checked").await;
        assert_eq!(browser.text("#word").await, word, "{path}");
        assert!(!browser.text("#sentence").await.is_empty(), "{path}");
        assert_eq!(
            browser.eval("document.getElementById('verdict').className").await,
            json!(format!("verdict {class}"))
        );
        let symbol = browser.eval("document.querySelector('#verdict use').getAttribute('href')").await;
        assert_eq!(symbol, json!(format!("#symbol-{}", class.split(' ').next().unwrap())));
        let checked = browser.text("#status-text").await;
        assert!(checked.contains("signatures and ") && checked.contains("proofs, in "), "{checked}");
        assert!(!browser.shows("#claim").await, "{path}: nothing is only claimed any more");
        let why = browser.text("#reasons").await;
        assert!(why.contains(rule), "{path}: {why}");
        assert!(browser.text("#timeline").await.contains("Signed by “Nordlys Pharma”"), "{path}");
        assert!(browser.text("main").await.contains("What a printed code cannot prove"), "{path}");
    }
    browser.goto(&stage.url(UNKNOWN)).await;
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("#word").await, "Unknown");
    assert!(browser.text("#journey").await.contains("Nothing is recorded of it."));
    assert!(!browser.shows("#why").await, "no reasons, no heading for them");
    browser.close().await;
}

/// Parts of the page as the server wrote them and as the script has written them since.
const TWICE_WRITTEN: &str = "(async () => {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
    const served = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const part = (page, id) => {
      // A time is the same, however many digits it has in its attribute.
      const copy = page.getElementById(id).cloneNode(true);
      for (const time of copy.querySelectorAll('time')) time.removeAttribute('datetime');
      // The checkpoint may have become another one meanwhile.
      for (const link of copy.querySelectorAll('#report')) link.href = link.href.split('&body=')[0];
      return copy.innerHTML.replaceAll(' class=\"\"', '');
    };
    const texts = (page) => [...page.querySelectorAll('#route text, #route li, #route figcaption, #route rect')]
      .map((one) => one.textContent + (one.getAttribute('width') ?? '') + (one.getAttribute('x') ?? ''));
    return [served, document].map((page) => ({
      sentence: part(page, 'sentence'), reasons: part(page, 'reasons'), now: part(page, 'now'), timeline: part(page, 'timeline'), state: part(page, 'state'), route: texts(page),
    }));
  })()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_writes_what_the_server_writes() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    for path in [GENUINE, CLONED, RECALLED, INCOMPLETE, DISPENSED, DESTROYED, EXPIRED, UNPACKED, LOAD] {
        for language in ["en", "ko"] {
            browser.goto(&stage.url(&format!("{path}?lang={language}"))).await;
            browser.wait_for("#status.checked").await;
            let written = browser.eval(TWICE_WRITTEN).await;
            assert_eq!(written[0], written[1], "{path}, {language}");
            assert!(
                written[0]["reasons"].as_str().unwrap().len() > 200 && written[0]["route"][0].is_string(),
                "{written}"
            );
        }
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_remembers_the_ledger_that_it_met() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&stage.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    let first = browser.text("#check").await;
    let fingerprint = stage.node.get("/trust").json()["fingerprint"].as_str().unwrap().to_owned();
    assert!(first.contains("for the first time") && first.contains(&fingerprint), "{first}");
    browser.goto(&stage.url(RECALLED)).await;
    browser.wait_for("#status.checked").await;
    let second = browser.text("#check").await;
    assert!(second.contains("knows this ledger since") && !second.contains("for the first time"), "{second}");
    let journey = browser.text("#journey").await;
    assert!(journey.contains("Received") && browser.shows("#route svg[role=img]").await, "{journey}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn korean_is_spoken_to_whoever_prefers_it() {
    let stage = Stage::shared();
    let habits = Habits { languages: Some("ko-KR,ko,en"), ..Habits::default() };
    let browser = Browser::with(&stage.driver, habits).await;
    browser.goto(&stage.url(RECALLED)).await;
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.eval("document.documentElement.lang").await, "ko");
    assert_eq!(browser.text("#word").await, "회수 대상");
    assert!(browser.text("#status-text").await.starts_with("이 기기에서 확인함"));
    let why = browser.text("#reasons").await;
    assert!(why.contains("의 회수를 선언했습니다") && !why.contains("recalled its lot"), "{why}");
    let journey = browser.text("#timeline").await;
    assert!(journey.contains("제조·번호 부여") && journey.contains("출고"), "{journey}");

    // The other language is one step away, and stays chosen.
    browser.client.find(fantoccini::Locator::Css("nav a[lang=en]")).await.unwrap().click().await.unwrap();
    browser.wait_for("html[lang=en] #status.checked").await;
    assert_eq!(browser.text("#word").await, "Recalled");
    let home = browser.eval("document.querySelector('.brand').getAttribute('href')").await;
    assert_eq!(home, "/?lang=en");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_javascript_the_page_is_whole_and_says_that_nothing_was_checked() {
    let stage = Stage::shared();
    let habits = Habits { without_javascript: true, ..Habits::default() };
    let browser = Browser::with(&stage.driver, habits).await;
    browser.goto(&stage.url(CLONED)).await;
    let page = browser.text("main").await;
    for words in [
        "The server says",
        "Claimed twice",
        "only what the server says",
        "This device has not checked it: that takes JavaScript",
        "has no part in its journey",
        "Signed by “Costa Farma”",
        "What a printed code cannot prove",
    ] {
        assert!(page.contains(words), "no {words:?} in {page}");
    }
    assert!(!browser.shows("#status.checked").await && browser.shows("#verdict.unchecked").await);

    browser.goto(&stage.url("/scan")).await;
    assert!(browser.shows("input#id").await);
    assert!(
        !browser.shows("input#photo").await,
        "this node decodes no pictures, and without a script nothing else does"
    );
    assert!(!browser.shows("#start").await, "there is no camera without a script, and so no button for one");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_plain_http_the_page_says_that_this_device_cannot_check() {
    let stage = Stage::shared();
    let habits = Habits { arguments: vec!["--host-resolver-rules=MAP sealane.example 127.0.0.1"], ..Habits::default() };
    let browser = Browser::with(&stage.driver, habits).await;
    let port = stage.node.url.rsplit(':').next().unwrap();
    browser.goto(&format!("http://sealane.example:{port}{GENUINE}")).await;
    browser.wait_for("#status.alarm").await;
    let status = browser.text("#status").await;
    assert!(status.contains("This device cannot check") && status.contains("https"), "{status}");
    assert!(browser.shows("#claim").await && browser.shows("#verdict.unchecked").await, "it stays a claim");
    browser.goto(&format!("http://sealane.example:{port}/scan")).await;
    browser.wait_until("document.getElementById('status').textContent !== ''").await;
    assert!(browser.text("#status").await.contains("gives the camera only to pages that came over https"));
    browser.close().await;
}
