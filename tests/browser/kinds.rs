//! Pages about what is no single product, and about who stands behind a number; and what to do with a product.

use serde_json::json;

use crate::chromium::{Browser, Habits};
use crate::stage::{
    CLASS, CLONED, CONTACT, DESTROYED, DISPENSED, EXPIRED, GENUINE, INCOMPLETE, PARTY, PLACE, RECALLED, Stage, TRACED,
    TWICE, UNKNOWN, UNPACKED,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_of_many_says_what_it_stands_for() {
    let stage = Stage::shared();
    for without_javascript in [false, true] {
        let habits = Habits { without_javascript, ..Habits::default() };
        let browser = Browser::with(&stage.driver, habits).await;
        for (path, word, found) in [
            (CLASS, "Many pieces, one number", "(01)09506000134352 (21)7H3KX9QZ2M"),
            (PLACE, "Not a product", "Packed"),
            (PARTY, "Not a product", "Shipped"),
            (TRACED, "Traced", "(01)09506000134352 (21)7H3KX9QZ2M"),
            ("/01/09506000134352/10/NONE", "No record of the lot itself", "None was found."),
        ] {
            browser.goto(&stage.url(path)).await;
            if !without_javascript {
                browser.wait_for("#status.checked").await;
            }
            let page = browser.text("main").await;
            assert!(!page.contains("Nobody has recorded this number"), "{path}: {page}");
            assert_eq!(browser.text("#word").await, word, "{path}");
            let about = browser.text("#about").await;
            assert!(about.contains("“Nordlys Pharma”") && about.contains(found), "{path}: {about}");
            assert!(about.contains("records of “Nordlys Pharma”"), "{path}: how far the look went: {about}");
        }
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_of_product_says_what_is_recalled_of_it() {
    let stage = Stage::shared();
    for (language, title, mark) in
        [("en", "Recalled of this kind", "recalled"), ("ko", "이 종류의 회수 대상", "회수 대상")]
    {
        let browser = Browser::open(&stage.driver).await;
        browser.goto(&stage.url(&format!("{CLASS}?lang={language}"))).await;
        browser.wait_for("#status.checked").await;
        let about = browser.text("#about").await;
        assert!(about.contains(title), "{about}");
        assert_eq!(browser.text("#recalled").await, format!("(01)09506000134352 (10)N2608 {mark}"));
        let marked = "[...document.querySelectorAll('#about .seen:not(#recalled) li')]
            .filter((piece) => piece.querySelector('.recalled')).map((piece) => piece.querySelector('a').textContent)";
        let marked = browser.eval(marked).await;
        assert_eq!(marked, json!(["(01)09506000134352 (21)9P1LM4SJ7D"]), "the piece of that lot, and no other");
        // Of a lot that is not recalled nothing is marked.
        browser.goto(&stage.url(&format!("{TRACED}?lang={language}"))).await;
        browser.wait_for("#status.checked").await;
        assert!(!browser.shows("#about .recalled").await);
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_belongs_to_no_one_says_so() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&stage.url("/414/9524000000002")).await;
    browser.wait_for("#status.checked").await;
    let about = browser.text("#about").await;
    assert!(about.contains("No organisation that is registered here"), "{about}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_has_a_page() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&stage.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    let href = browser.eval("document.querySelector('#timeline .who a').getAttribute('href')").await;
    assert_eq!(href, json!(stage.participant_path(0)));
    browser.goto(&stage.url(href.as_str().unwrap())).await;
    assert_eq!(browser.text("h1").await, "“Nordlys Pharma”");
    let page = browser.text("main").await;
    for words in [
        "manufacturer",
        "9506000",
        "9506000134369",
        "By the member",
        "registered",
        "Certificate runs out",
        "Recorded last",
    ] {
        assert!(page.contains(words), "no {words:?} in {page}");
    }
    let contact = browser.eval(&format!("document.querySelector('main a[href=\"{CONTACT}\"]') !== null")).await;
    assert_eq!(contact, json!(true));
    // Programs get what they always got, and so does who saves the file.
    let json = stage.node.get(href.as_str().unwrap()).json();
    assert_eq!(json["organization"], "Nordlys Pharma");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_verdict_that_asks_for_it_says_what_to_do_and_whom_to_tell() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    for (path, todo) in [
        (CLONED, "Ask whoever gave it to you where it came from"),
        (TWICE, "Do not use it, sell it or pass it on."),
        (RECALLED, "Stop using it now"),
        (INCOMPLETE, "Records may still be on their way"),
        (DISPENSED, "If it is yours, there is nothing to do."),
        (DESTROYED, "A product with this number should be gone."),
        (EXPIRED, "Ask where you got it how to dispose of it."),
        (UNPACKED, "Scan the codes of the pieces one by one."),
        (UNKNOWN, "Compare the number here with the one"),
    ] {
        browser.goto(&stage.url(path)).await;
        browser.wait_for("#status.checked").await;
        let told = browser.text("#now").await;
        assert!(told.starts_with("What to do now") && told.contains(todo), "{path}: {told}");
        assert!(told.contains("The number belongs to “Nordlys Pharma”."), "{path}: {told}");
        let href = browser.eval("document.getElementById('report').href").await;
        let href = href.as_str().unwrap();
        assert!(href.starts_with(&format!("{CONTACT}?subject=Report%20about%20%280")), "{href}");
        for part in ["Number%3A%20https%3A%2F%2Fid.gs1.org%2F", "Answer%3A%20", "Records%3A%20", "Root%3A%20"] {
            assert!(href.contains(part), "no {part} in {href}");
        }
    }
    for path in [GENUINE, TRACED, CLASS, PLACE] {
        browser.goto(&stage.url(path)).await;
        browser.wait_for("#status.checked").await;
        assert!(!browser.shows("#now").await, "{path}");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_sentence_says_again_what_the_word_says() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    for path in
        [CLONED, TWICE, RECALLED, INCOMPLETE, DISPENSED, DESTROYED, EXPIRED, UNPACKED, TRACED, GENUINE, CLASS, PLACE]
    {
        browser.goto(&stage.url(path)).await;
        browser.wait_for("#status.checked").await;
        let (word, sentence) = (browser.text("#word").await, browser.text("#sentence").await);
        assert!(!sentence.to_lowercase().starts_with(&word.to_lowercase()), "{path}: {word} / {sentence}");
        assert!(!sentence.starts_with("Not enough is on record"), "{path}: {word} / {sentence}");
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reason_leads_to_the_step_that_it_rests_on_and_that_step_is_marked() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&stage.url(CLONED)).await;
    browser.wait_for("#status.checked").await;
    let led = browser
        .eval("(() => { const link = document.querySelector('.reason.disputes .meta a');
            const step = document.querySelector(link.getAttribute('href'));
            return [step.className, step.querySelector('.who').textContent, step.querySelector('.tag').textContent]; })()")
        .await;
    assert_eq!(led, json!(["claim", "Signed by “Costa Farma”", "a claim"]));
    browser.close().await;
}
