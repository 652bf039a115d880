//! The list for hand scanners: one line for each code, each checked on the device.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use fantoccini::Locator;
use serde_json::json;

use crate::chromium::{Browser, Habits};
use crate::looks::look;
use crate::proxy::Proxy;
use crate::stage::{CLONED, DISPENSED, GENUINE, INCOMPLETE, LOAD, RECALLED, Stage, TRACED, TWICE, uri};
use crate::support::text;

/// Products that the page checks at once.
const AT_ONCE: usize = 3;

async fn scan(browser: &Browser, codes: &[String]) {
    browser.wait_for("[data-ready]").await;
    let field = browser.client.find(Locator::Css("#code")).await.unwrap();
    for code in codes {
        field.send_keys(&format!("{code}\n")).await.unwrap();
    }
}

async fn wait_for_lines(browser: &Browser, lines: usize) {
    let all = format!(
        "document.querySelectorAll('.line').length === {lines} && document.querySelectorAll('.line.waits').length === 0"
    );
    browser.wait_until(&all).await;
}

/// The text of a line, with a space for each end of a line in it.
async fn line(browser: &Browser, number: usize) -> String {
    browser.text(&format!(".line[value='{number}']")).await.replace('\n', " ")
}

/// A delivery of thirty codes, as a hand scanner types them.
fn delivery() -> Vec<String> {
    let known = [GENUINE, CLONED, TWICE, RECALLED, INCOMPLETE, DISPENSED, LOAD, TRACED];
    let mut codes: Vec<String> = known.into_iter().map(uri).collect();
    codes.push("(01)09506000134352(21)7H3KX9QZ2M".to_owned());
    codes.push("WIFI:T:WPA;S:Dock;P:hunter2secret;;".to_owned());
    codes.push("(01)09506000134353(21)7H3KX9QZ2M".to_owned());
    codes.push("9506000134352".to_owned());
    codes.extend((codes.len()..30).map(|nth| format!("010950600013435221BOX{nth:03}")));
    codes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_of_thirty_codes_is_checked_and_saved() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&proxy.url("/scan/list?lang=en")).await;
    browser.wait_for("[data-ready]").await;
    look(&browser, "list-empty").await;

    // While no evidence comes, few are under way.
    proxy.hold_at("/evidence", 0);
    scan(&browser, &delivery()).await;
    browser.wait_until("document.querySelectorAll('.line').length === 30").await;
    let verdicts = || proxy.asked().iter().filter(|asked| asked.path.starts_with("/verify?")).count();
    while verdicts() < AT_ONCE {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(browser.eval("document.querySelectorAll('.line.waits').length").await, 28);
    look(&browser, "list-waiting").await;
    assert_eq!(verdicts(), AT_ONCE, "not all at once");
    proxy.let_go();
    wait_for_lines(&browser, 30).await;

    for (number, class, words) in [
        (1, "line green", "(01)09506000134352 (21)7H3KX9QZ2M"),
        (1, "line green", "Authentic"),
        (2, "line amber", "Claimed twice"),
        (3, "line red", "Do not trust it"),
        (4, "line red", "Recalled"),
        (5, "line amber", "Not enough on record"),
        (6, "line amber", "Dispensed"),
        (7, "line grey", "Traced"),
        (8, "line grey", "Traced"),
        (9, "line green", "again, as line 1"),
        (9, "line green", "Authentic"),
        (10, "line none", "No product code"),
        (10, "line none", "This is the code of a Wi-Fi network"),
        (11, "line none", "No valid number"),
        (11, "line none", "it should be 2"),
        (30, "line amber", "(01)09506000134352 (21)BOX029"),
        (30, "line amber", "Unknown"),
    ] {
        let told = line(&browser, number).await;
        assert!(told.contains(words), "line {number} has no {words}: {told}");
        let found = browser.eval(&format!("document.querySelector(\".line[value='{number}']\").className")).await;
        assert_eq!(found, class, "line {number}");
    }
    let tally = browser.text("#tally").await;
    assert!(tally.starts_with("Lines: 30, repeats: 1 · green: 1 ·") && tally.ends_with("not judged: 2"), "{tally}");
    look(&browser, "list").await;

    // Nothing of the Wi-Fi network's went anywhere.
    for asked in proxy.asked() {
        assert!(!asked.path.contains("hunter2") && asked.body.is_empty(), "{asked:?}");
    }
    assert!(!browser.text("body").await.contains("hunter2"));

    let dir = stage.driver.scratch().join("saved");
    std::fs::create_dir_all(&dir).unwrap();
    browser.devtools("Browser.setDownloadBehavior", json!({"behavior": "allow", "downloadPath": dir})).await;
    browser.client.find(Locator::Css("#export")).await.unwrap().click().await.unwrap();
    browser.wait_until("document.getElementById('status').textContent === 'Saved a file of 30 lines.'").await;
    let saved = loop {
        let files = std::fs::read_dir(&dir).unwrap().map(|file| file.unwrap().path());
        if let Some(file) = files.into_iter().find(|file| file.extension().is_some_and(|end| end == "csv")) {
            break text(&std::fs::read(file).unwrap());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let rows: Vec<&str> = saved.trim_start_matches('\u{feff}').split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 31, "{saved}");
    assert_eq!(rows[0], "line,scanned at,code,verdict,light,note,repeats line");
    assert!(
        rows[1].starts_with("1,20") && rows[1].contains(",(01)09506000134352 (21)7H3KX9QZ2M,Authentic,green,"),
        "{}",
        rows[1]
    );
    assert!(rows[9].ends_with(",1"), "{}", rows[9]);
    assert!(rows[10].contains(",,No product code,,") && !saved.contains("hunter2"), "{}", rows[10]);
    assert!(rows[30].contains(",Unknown,amber,"), "{}", rows[30]);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lies_is_found_out_line_by_line() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    proxy.alter(|path, answer| {
        if path.starts_with("/verify?") && path.contains("4W8RT5VN6C") {
            answer.body = text(&answer.body).replace("\"disputed\"", "\"authentic\"").into_bytes();
        }
        if path.starts_with("/evidence") && path.contains("9P1LM4SJ7D") {
            answer.status = 404;
        }
    });
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&proxy.url("/scan/list?lang=en")).await;
    scan(&browser, &[uri(CLONED), uri(GENUINE), uri(RECALLED)]).await;
    wait_for_lines(&browser, 3).await;
    let lied = line(&browser, 1).await;
    assert!(lied.contains("Tampered") && lied.contains("Claimed twice"), "{lied}");
    assert!(line(&browser, 2).await.contains("Authentic"), "the next line is as it is");
    let failed = line(&browser, 3).await;
    assert!(failed.contains("Not checked") && !failed.contains("Recalled"), "the server's word is not shown: {failed}");
    look(&browser, "list-alarms").await;

    proxy.alter(|_, _| {});
    browser.client.find(Locator::Css(".line[value='3'] button")).await.unwrap().click().await.unwrap();
    wait_for_lines(&browser, 3).await;
    assert!(line(&browser, 3).await.contains("Recalled"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dock_meets_is_told_and_goes_on() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&proxy.url("/scan/list?lang=en")).await;
    // A scanner that leaves out the separator runs lot and serial together.
    scan(&browser, &["010950600013435210N2611217H3KX9QZ2M".to_owned(), "010950600013435210N9999".to_owned()]).await;
    wait_for_lines(&browser, 2).await;
    let glued = line(&browser, 1).await;
    assert!(glued.contains("a lot and a serial number run together"), "{glued}");
    assert!(!line(&browser, 2).await.contains("run together"));
    // What the network took is checked when it is back, without a press.
    proxy.be_up(false);
    scan(&browser, &[uri(GENUINE), uri(RECALLED)]).await;
    wait_for_lines(&browser, 4).await;
    assert!(line(&browser, 3).await.contains("Not checked") && line(&browser, 4).await.contains("Not checked"));
    proxy.be_up(true);
    browser.eval("dispatchEvent(new Event('online'))").await;
    wait_for_lines(&browser, 4).await;
    assert!(line(&browser, 3).await.contains("Authentic") && line(&browser, 4).await.contains("Recalled"));
    // A lot that is typed behind the GTIN alone is told as it was read.
    scan(&browser, &["9506000134352 N2611".to_owned()]).await;
    wait_for_lines(&browser, 5).await;
    let bare = line(&browser, 5).await;
    assert!(
        bare.contains("“N2611” was read as a serial number") && bare.contains("type (01)09506000134352 (10)N2611."),
        "{bare}"
    );
    // A key too many does not lose the list.
    let stays = "(() => { const leave = new Event('beforeunload', { cancelable: true }); dispatchEvent(leave); return leave.defaultPrevented; })()";
    assert_eq!(browser.eval(stays).await, true);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_node_is_asked_again() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let refusals = AtomicUsize::new(2);
    proxy.alter(move |path, answer| {
        let take = |left: usize| left.checked_sub(1);
        if path.starts_with("/verify?") && refusals.fetch_update(Relaxed, Relaxed, take).is_ok() {
            answer.status = 429;
        }
    });
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&proxy.url("/scan/list?lang=en")).await;
    scan(&browser, &[uri(GENUINE)]).await;
    wait_for_lines(&browser, 1).await;
    assert!(line(&browser, 1).await.contains("Authentic"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_works_by_keys_alone_and_says_what_happened() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&stage.url("/scan/list?lang=en")).await;
    browser.wait_for("[data-ready]").await;
    let focus = "document.activeElement.id";
    assert_eq!(browser.eval(focus).await, "code", "a scanner can begin at once");
    assert_eq!(browser.eval("document.getElementById('status').getAttribute('role')").await, "status");
    let status = "document.getElementById('status').textContent";
    // A separator comes as Ctrl and a bracket.
    browser
        .eval(
            "(() => { const field = document.getElementById('code'); field.value = '010950600013435210N2611';
               field.setSelectionRange(99, 99);
               field.dispatchEvent(new KeyboardEvent('keydown', { key: ']', ctrlKey: true, cancelable: true })); return 1; })()",
        )
        .await;
    scan(&browser, &["217H3KX9QZ2M".to_owned()]).await;
    wait_for_lines(&browser, 1).await;
    assert_eq!(browser.eval(status).await, "Line 1: Authentic. (01)09506000134352 (21)7H3KX9QZ2M (10)N2611");
    scan(&browser, &["(01)09506000134352(21)7H3KX9QZ2M".to_owned()]).await;
    wait_for_lines(&browser, 2).await;
    assert_eq!(browser.eval(status).await, "Line 2: scanned before, in line 1.");
    scan(&browser, &["hello".to_owned()]).await;
    assert_eq!(browser.eval(status).await, "Line 3: No product code. This is some other text, and no product code.");

    // From the field on by the tab key.
    let mut reached = Vec::new();
    for _ in 0..5 {
        browser.press_tab().await;
        reached.push(browser.eval("document.activeElement.id || document.activeElement.textContent.trim()").await);
    }
    let (first, second) = ("(01)09506000134352 (21)7H3KX9QZ2M", "(01)09506000134352 (21)7H3KX9QZ2M (10)N2611");
    assert_eq!(json!(reached), json!(["Add", "export", "clear", first, second]));
    // What is scanned while a button has the focus goes to the field.
    browser.client.find(Locator::Css("#export")).await.unwrap().send_keys("(01)09506000134352(21)ZZ").await.unwrap();
    assert_eq!(browser.eval(focus).await, "code");
    scan(&browser, &[String::new()]).await;
    wait_for_lines(&browser, 4).await;

    // Several lines at once, and emptying only after a question.
    browser
        .eval(
            "(() => { const data = new DataTransfer(); data.setData('text', '(01)09506000134352(21)P1\\n\\n(01)09506000134352(21)P2\\r\\n');
               document.getElementById('code').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, cancelable: true }));
               return 1; })()",
        )
        .await;
    wait_for_lines(&browser, 6).await;
    browser.client.find(Locator::Css("#clear")).await.unwrap().click().await.unwrap();
    browser.client.dismiss_alert().await.unwrap();
    assert_eq!(browser.eval("document.querySelectorAll('.line').length").await, 6);
    browser.client.find(Locator::Css("#clear")).await.unwrap().click().await.unwrap();
    browser.client.accept_alert().await.unwrap();
    browser.wait_until("document.querySelectorAll('.line').length === 0").await;
    assert_eq!(browser.eval(status).await, "The list is empty.");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_script_the_list_says_so() {
    let stage = Stage::shared();
    let browser = Browser::with(&stage.driver, Habits { without_javascript: true, ..Habits::default() }).await;
    browser.goto(&stage.url("/scan/list")).await;
    assert!(browser.text("main").await.contains("This page needs JavaScript"));
    assert!(!browser.shows("#code").await);
    browser.close().await;
}
