//! One language on a page, whatever the browser's own is; and one time, which names its zone.

use serde_json::json;

use crate::chromium::{Browser, Habits};
use crate::proxy::Proxy;
use crate::stage::{
    CLASS, CLONED, DESTROYED, DISPENSED, EXPIRED, GENUINE, INCOMPLETE, PARTY, PLACE, RECALLED, Stage, TRACED, TWICE,
    UNKNOWN, UNPACKED, page_of,
};

/// What English stands on a page, by a script of some length.
pub const ENGLISH: &str = include_str!("english.js");

/// Opens a page in Korean by its address, and looks for English on it.
async fn is_korean(browser: &Browser, url: &str, until: &str) {
    let mark = if url.contains('?') { '&' } else { '?' };
    browser.goto(&format!("{url}{mark}lang=ko")).await;
    browser.wait_for(until).await;
    browser.wait_until("document.readyState === 'complete'").await;
    assert_eq!(browser.eval(ENGLISH).await, json!([]), "{url}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_korean_page_has_no_english_even_in_an_english_browser() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    let false_label = format!("{GENUINE}?10=FAKE&17=391200&11=260301");
    let verdicts = [
        GENUINE,
        &false_label,
        CLONED,
        TWICE,
        RECALLED,
        INCOMPLETE,
        UNKNOWN,
        DISPENSED,
        DESTROYED,
        EXPIRED,
        UNPACKED,
        TRACED,
        CLASS,
        PLACE,
        PARTY,
        "/01/09506000134352/10/NONE",
    ];
    for path in verdicts {
        is_korean(&browser, &stage.url(path), "#status.checked").await;
    }
    let maker = stage.participant_path(0);
    for path in
        ["/ledger/leaves/0", "/ledger/leaves/1", "/ledger/leaves/2", "/ledger/leaves/10", "/ledger/blocks/5", "/trust"]
    {
        is_korean(&browser, &stage.url(path), "#status.checked").await;
    }
    for path in ["/", "/scan", "/scan/list", "/members/proposals", &maker] {
        is_korean(&browser, &stage.url(path), "footer").await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_is_told_in_korean_too() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    for path in [
        "/nothing/here",
        "/01/09506000134353/21/7H3KX9QZ2M",
        "/verify?id=hello",
        "/verify",
        "/verify?id=(01)09506000134352&17=391332",
        "/ledger/leaves/999999",
        "/ledger/blocks/x",
        "/participants/00000000-0000-0000-0000-000000000000",
    ] {
        is_korean(&browser, &stage.url(path), "#problem").await;
        assert!(browser.shows("p.lead").await, "{path}");
    }
    let proxy = Proxy::before(&stage).await;
    proxy.alter(|path, answer| {
        if path.starts_with("/evidence") && path.contains("7H3KX9QZ2M") {
            answer.body.rotate_left(1);
        }
        if path.starts_with("/evidence") && path.contains("4W8RT5VN6C") {
            let document = crate::support::text(&answer.body).replacen("\"round\":0", "\"round\":1", 1);
            answer.body = document.into_bytes();
        }
        if path.starts_with("/evidence") && path.contains("9P1LM4SJ7D") {
            answer.status = 503;
        }
        if path.starts_with(&page_of(TWICE)) {
            let page = crate::support::text(&answer.body);
            answer.body = page.replace("data-verdict=\"suspect\"", "data-verdict=\"authentic\"").into_bytes();
        }
        if path == "/ledger/leaves/10" && !answer.body.starts_with(b"<!DOCTYPE") {
            answer.body[400] ^= 1;
        }
    });
    for (path, why, has_detail) in [
        (GENUINE, "증거가 맞지 않습니다: 문서가 손상되었거나", true),
        (CLONED, "증거가 맞지 않습니다: 이 상태의 원장에 서명한 회원이", true),
        (RECALLED, "확인하지 못했습니다: 서버가 바쁩니다.", false),
        (TWICE, "이 서버는 ‘정품’(이)라고 주장하지만", false),
        ("/ledger/leaves/10", "맞지 않습니다: 기록이 원장에 있다는 것이 증명되지 않습니다.", true),
    ] {
        is_korean(&browser, &proxy.url(path), "#status.alarm").await;
        let status = browser.text("#status").await;
        assert!(status.contains(why), "{path}: {status}");
        assert_eq!(browser.shows("#status code[lang=en]").await, has_detail, "{path}: {status}");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentences_and_the_journey_name_one_day_and_its_zone() {
    let stage = Stage::new();
    stage.dispense_after_midnight();
    let read = |part: &str| format!("document.querySelector('{part}').textContent.replace(/\\s+/g, ' ').trim()");
    let mut told = Vec::new();
    for without_javascript in [true, false] {
        let browser = Browser::with(&stage.driver, Habits { without_javascript, ..Habits::default() }).await;
        for language in ["en", "ko"] {
            browser.goto(&stage.url(&format!("{GENUINE}?lang={language}"))).await;
            if !without_javascript {
                browser.wait_for("#status.checked").await;
            }
            for (part, words) in [
                ("#sentence", "2026-03-20 +09:00 (2026-03-19 UTC)"),
                ("#reasons", "2026-03-20 +09:00 (2026-03-19 UTC)"),
                ("#timeline", "2026-03-20 00:30 +09:00 (2026-03-19 15:30 UTC)"),
            ] {
                let text = browser.text(part).await;
                assert!(text.contains(words), "{language}, {part}: {text}");
            }
            if without_javascript {
                continue;
            }
            let parts = [browser.eval(&read("#reasons")).await, browser.eval(&read("#timeline")).await];
            told.push(parts);
        }
        browser.close().await;
    }
    // The device writes what the server wrote.
    for (language, parts) in ["en", "ko"].iter().zip(&told) {
        let headers = [("Accept", "text/html"), ("Accept-Language", language)];
        let page = crate::support::text(&stage.node.follow(GENUINE, &headers).body);
        for (id, device) in ["reasons", "timeline"].iter().zip(parts) {
            assert_eq!(plain(&page, id), device.as_str().unwrap(), "{language}, {id}");
        }
    }
}

/// The text of a list of a page, without markup and with single spaces.
fn plain(page: &str, id: &str) -> String {
    let from = page.find(&format!("id=\"{id}\">")).unwrap() + format!("id=\"{id}\">").len();
    let to = from + page[from..].find(if id == "reasons" { "</ul>" } else { "</ol>" }).unwrap();
    let mut text = String::new();
    let mut is_text = true;
    for character in page[from..to].chars() {
        match character {
            '<' => is_text = false,
            '>' => is_text = true,
            other if is_text => text.push(other),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
