//! A product with its label: it stands beside the number, and the device judges with it.

use crate::chromium::{Browser, Habits};
use crate::stage::{GENUINE, INCOMPLETE, Stage};

/// What the label's part of the page says, by line.
const LABEL: &str = "document.getElementById('label')?.innerText.split('\\n').filter((line) => line).join('|') ?? null";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_label_stands_beside_the_number_and_is_judged_with_it() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    let serial = GENUINE.rsplit('/').next().unwrap();
    let element = format!("(01)09506000134352(10)N2611(17)311130(21){serial}");
    for (target, word, label) in [
        (format!("{GENUINE}?10=N2611&17=311130"), "Authentic", "Lot (10)|N2611|Expires on (17)|2031-11-30"),
        (format!("{GENUINE}?10=FAKE"), "Do not trust it", "Lot (10)|FAKE"),
        (format!("/01/09506000134352/10/N2611/21/{serial}?17=390000"), "", ""),
        (
            format!("/01/09506000134352/10/N2611/21/{serial}?17=391200"),
            "Do not trust it",
            "Lot (10)|N2611|Expires on (17)|2039-12-31",
        ),
        (
            format!("/verify?id={}", element.replace('(', "%28").replace(')', "%29")),
            "Authentic",
            "Lot (10)|N2611|Expires on (17)|2031-11-30",
        ),
        // Its own lot is recalled: by its label, though it is recorded under another one.
        (format!("{INCOMPLETE}?10=N2608"), "Recalled", "Lot (10)|N2608"),
    ] {
        browser.goto(&stage.url(&target)).await;
        if word.is_empty() {
            assert!(browser.text("main").await.contains("(17)"), "{target}: a label with no date is refused by its AI");
            continue;
        }
        browser.wait_for("#status.checked").await;
        assert_eq!(browser.text("#word").await, word, "{target}");
        assert_eq!(browser.eval(LABEL).await, label, "{target}");
        if word == "Do not trust it" {
            let why = browser.text("#reasons").await;
            assert!(why.contains("label-differs") && why.contains("The label says ("), "{why}");
        }
    }
    let asked =
        "performance.getEntriesByType('resource').map((one) => one.name).find((name) => name.includes('/evidence?'))";
    let asked = browser.eval(asked).await;
    assert!(asked.as_str().unwrap().contains("%3F10%3DN2608"), "the evidence is asked for with the label: {asked}");
    browser.goto(&stage.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    assert!(browser.eval(LABEL).await.is_null(), "a code without one has none");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_label_is_told_in_korean_too() {
    let stage = Stage::shared();
    let browser = Browser::with(&stage.driver, Habits { languages: Some("ko-KR,ko,en"), ..Habits::default() }).await;
    browser.goto(&stage.url(&format!("{GENUINE}?10=FAKE&15=250100"))).await;
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.eval(LABEL).await, "로트 (10)|FAKE|품질 유지 기한 (15)|2025-01-31");
    assert!(
        browser.text("#sentence").await.contains("라벨에는 (10) 로트 “FAKE”"),
        "the label, and nothing else, is against it"
    );
    let why = browser.text("#reasons").await;
    assert!(
        why.contains("라벨에는 (10) 로트 “FAKE”(이)라고 적혀 있으나")
            && why.contains("품질 유지 기한(2025-01-31)이 지났습니다."),
        "{why}"
    );
    browser.close().await;
}
