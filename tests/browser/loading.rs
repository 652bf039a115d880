//! Evidence that takes long: the page says what it loads and how far it is, and what was cut off is no lie.

use serde_json::{Value, json};

use crate::chromium::{Browser, Habits};
use crate::looks::look;
use crate::proxy::Proxy;
use crate::stage::{GENUINE, Stage};
use crate::support::Answer;

/// White space at the end of the evidence: JSON means nothing by it, and a page has megabytes to load.
fn lengthen(answer: &mut Answer, bytes: usize) {
    answer.body.resize(bytes, b' ');
    for (name, value) in &mut answer.headers {
        if name.eq_ignore_ascii_case("x-evidence-bytes") {
            *value = bytes.to_string();
        }
    }
}

/// The height of the verdict with what it says of the check, and the place of what comes after it.
const PLACES: &str = "[document.getElementById('verdict').getBoundingClientRect().height,
  document.getElementById('why').getBoundingClientRect().top]";

async fn places(browser: &Browser) -> Value {
    browser.eval(PLACES).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_load_says_what_it_loads_and_how_far_it_is() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    proxy.alter(|path, answer| {
        if path.starts_with("/evidence") {
            lengthen(answer, 4_200_000);
        }
    });
    for (language, half, most, whole) in [
        ("en-US,en", ["Loading the records of ", " statements: 2.1 of 4.2 MB"], "3.8 of 4.2 MB", "Checked here"),
        ("ko-KR,ko", ["서명된 문서 ", "건의 기록을 불러오는 중: 4.2MB 중 2.1"], "4.2MB 중 3.8", "이 기기에서 확인함"),
    ] {
        let browser = Browser::with(&stage.driver, Habits { languages: Some(language), ..Habits::default() }).await;
        browser.resize(390, 844).await;
        proxy.hold_at("/evidence", 50);
        browser.goto(&proxy.url(GENUINE)).await;
        browser.wait_until("document.getElementById('load')?.textContent.includes('2.') ?? false").await;
        let told = browser.text("#status-text").await;
        assert!(half.iter().all(|part| told.contains(part)), "{told}");
        assert_eq!(browser.eval("document.getElementById('status').getAttribute('role')").await, json!("status"));
        let first = places(&browser).await;
        look(&browser, &format!("loading-{language}")).await;
        browser.resize(390, 844).await;

        proxy.hold_at("/evidence", 90);
        browser.wait_until(&format!("document.getElementById('load')?.textContent === '{most}'")).await;
        assert_eq!(places(&browser).await, first, "nothing moves while it loads");
        assert!(browser.shows("#claim").await, "until then it is what the server says");
        proxy.let_go();
        browser.wait_for("#status.checked").await;
        assert!(browser.text("#status-text").await.starts_with(whole));
        assert!(!browser.shows("#load").await);
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_load_is_told_of_after_a_second() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    browser.resize(360, 740).await;
    proxy.hold_at("/evidence", 50);
    // What is said is kept from the first moment on: the page is younger than a second when it says that it checks.
    browser.before_each_page(HEARD).await;
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for("#load").await;
    let heard = browser.eval("window.heard").await;
    let (checking, loading) = (&heard[0], &heard[1]);
    assert_eq!(checking["text"], "Checking on this device…", "{heard}");
    assert!(loading["text"].as_str().unwrap().contains(" kB"), "{heard}");
    assert!(loading["at"].as_f64().unwrap() - checking["at"].as_f64().unwrap() >= 999.0, "{heard}");
    assert_eq!(loading["height"], checking["height"], "nothing moves: {heard}");
    proxy.let_go();
    browser.wait_for("#status.checked").await;

    // What comes at once is not told of.
    browser.goto(&proxy.url(GENUINE)).await;
    browser.wait_for("#status.checked").await;
    let heard = browser.eval("window.heard").await;
    assert!(!heard.to_string().contains("Loading"), "{heard}");
    browser.close().await;
}

/// Keeps what the page says of its check, when, and how high the verdict is then.
const HEARD: &str = "window.heard = [];
    // The page's script runs before its content counts as loaded.
    document.addEventListener('readystatechange', () => {
      const status = document.getElementById('status');
      if (status) new MutationObserver(() => {
        const text = status.textContent;
        const height = document.getElementById('verdict').getBoundingClientRect().height;
        if (text && window.heard.at(-1)?.text !== text) window.heard.push({ text, at: performance.now(), height });
      }).observe(status, { childList: true, subtree: true, characterData: true });
    });";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cut_off_could_not_be_fetched() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    proxy.alter(|path, answer| {
        if path.starts_with("/evidence") {
            lengthen(answer, 2_000_000);
        }
    });
    for shortened in [false, true] {
        if shortened {
            // By a server that sends half, and says that this is all.
            proxy.let_go();
            proxy.alter(|path, answer| {
                if path.starts_with("/evidence") {
                    answer.body.truncate(answer.body.len() / 2);
                }
            });
        } else {
            proxy.cut_at("/evidence", 50);
        }
        browser.goto(&proxy.url(GENUINE)).await;
        browser.wait_for_unfetched("The answer broke off before its end.").await;
    }
    proxy.alter(|_, _| {});
    browser.check_again().await;
    browser.close().await;
}
