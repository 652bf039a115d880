//! Every page in every look: on a phone and on a desk, by day and by night. None scrolls sideways, leaves a screen reader
//! without words, or has text that is hard to read.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::chromium::{Browser, Habits};
use crate::proxy::Proxy;
use crate::stage::{
    CLASS, CLONED, DESTROYED, DISPENSED, EXPIRED, GENUINE, INCOMPLETE, LOAD, PARTY, PLACE, RECALLED, Stage, TRACED,
    TWICE, UNKNOWN, UNPACKED, page_of,
};

/// What is wrong with a page, by a script of some length.
const FAULTS: &str = include_str!("looks.js");

const SIZES: [(&str, u32, u32); 3] = [("narrow", 360, 740), ("phone", 390, 844), ("desk", 1280, 900)];

/// Where pictures of the pages are wanted, if they are.
fn pictures() -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::var_os("SEALANE_SCREENSHOTS")?);
    std::fs::create_dir_all(&dir).unwrap();
    Some(dir)
}

/// Looks at the page that is shown, in every size and both schemes.
pub async fn look(browser: &Browser, name: &str) {
    for scheme in ["light", "dark"] {
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        browser.devtools("Emulation.setEmulatedMedia", features).await;
        for (size, width, height) in SIZES {
            browser.resize(width, height).await;
            browser
                .wait_until(&format!(
                    "innerWidth === {width} && matchMedia('(prefers-color-scheme: {scheme})').matches"
                ))
                .await;
            if let Some(dir) = pictures() {
                let file = dir.join(format!("{name}-{size}-{scheme}.png"));
                std::fs::write(file, picture(browser, width).await).unwrap();
            }
            let faults = browser.eval(FAULTS).await;
            assert_eq!(faults, json!([]), "{name}, {size}, {scheme}");
            if size != "narrow" {
                audit(browser, &format!("{name}, {size}, {scheme}")).await;
            }
        }
    }
    look_large(browser, name).await;
}

/// Checks of others, if their scripts are named: where the script is, and what gives its complaints in the page.
const AUDITS: [(&str, &str); 2] = [
    (
        "SEALANE_AXE",
        "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(({ violations }) =>
           violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`)))",
    ),
    (
        "SEALANE_HTMLCS",
        "new Promise((done) => HTMLCS.process('WCAG2AA', document, () => done(HTMLCS.getMessages()
           .filter(({ type }) => type === HTMLCS.ERROR)
           .map(({ code, element }) => `${code}: ${element.outerHTML?.slice(0, 160)}`))))",
    ),
];

/// Has axe and HTML_CodeSniffer look at the page, if `SEALANE_AXE` or `SEALANE_HTMLCS` names the file of its script.
async fn audit(browser: &Browser, name: &str) {
    for (variable, run) in AUDITS {
        let Some(script) = std::env::var_os(variable) else { continue };
        let script = std::fs::read_to_string(script).unwrap();
        browser.client.execute(&script, vec![]).await.unwrap();
        assert_eq!(browser.eval(run).await, json!([]), "{name}: {variable}");
    }
}

/// Looks at the page on the narrowest screen, with text of twice the size (WCAG 2.2 §1.4.4, §1.4.10).
async fn look_large(browser: &Browser, name: &str) {
    const FONT: &str = "document.documentElement.style.fontSize";
    browser.resize(320, 640).await;
    browser.eval(&format!("{FONT} = '212.5%'")).await;
    browser.wait_until("innerWidth === 320").await;
    if let Some(dir) = pictures() {
        std::fs::write(dir.join(format!("{name}-large.png")), picture(browser, 320).await).unwrap();
    }
    let faults = browser.eval(FAULTS).await;
    assert_eq!(faults, json!([]), "{name}, 320 px with text of twice the size");
    browser.eval(&format!("{FONT} = ''")).await;
}

/// The whole page, as PNG.
async fn picture(browser: &Browser, width: u32) -> Vec<u8> {
    let height = browser.eval("Math.max(innerHeight, document.documentElement.scrollHeight)").await;
    let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
    let taken = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
    let Value::String(taken) = browser.devtools("Page.captureScreenshot", taken).await["data"].take() else {
        panic!("no picture");
    };
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, taken).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verdict_looks_right() {
    let stage = Stage::shared();
    let elsewhere = format!("/verify?id=https%3A%2F%2Fa-shop-with-a-long-name.example{}", GENUINE.replace('/', "%2F"));
    let of_label = format!("{GENUINE}?10=N2611&17=311130");
    let false_label = format!("{GENUINE}?10=FAKE&17=391200&11=260301&22=2A&235=THIRD-PARTY-0123456789");
    for language in ["en-US,en", "ko-KR,ko"] {
        let browser = Browser::with(&stage.driver, Habits { languages: Some(language), ..Habits::default() }).await;
        for (name, path, light) in [
            ("genuine", GENUINE, "authentic green"),
            ("genuine-label", &of_label, "authentic green"),
            ("false-label", &false_label, "suspect red"),
            ("cloned", CLONED, "disputed amber"),
            ("twice", TWICE, "suspect red"),
            ("unknown", UNKNOWN, "unknown amber"),
            ("recalled", RECALLED, "recalled red"),
            ("incomplete", INCOMPLETE, "incomplete amber"),
            ("dispensed", DISPENSED, "ended amber"),
            ("expired", EXPIRED, "ended amber"),
            ("destroyed", DESTROYED, "ended red"),
            ("unpacked", UNPACKED, "ended amber"),
            ("lot", TRACED, "traced grey"),
            ("load", LOAD, "traced grey"),
            ("elsewhere", &elsewhere, "authentic green"),
            ("class", CLASS, "none grey"),
            ("place", PLACE, "none grey"),
            ("party", PARTY, "none grey"),
            ("lot-unknown", "/01/09506000134352/10/NONE", "unknown amber"),
            ("no-gs1-id", "/verify?id=urn%3Auuid%3Af81d4fae-7dec-11d0-a765-00a0c91e6bf6", "unknown amber"),
        ] {
            browser.goto(&stage.url(path)).await;
            browser.wait_for("#status.checked").await;
            let class = browser.eval("document.getElementById('verdict').className").await;
            assert_eq!(class, format!("verdict {light}"), "{name}: {}", browser.text("main").await);
            let tone = browser.eval(TONE).await;
            assert_eq!(tone, light.rsplit(' ').next().unwrap(), "{name}");
            look(&browser, &format!("{}-{name}", &language[..2])).await;
        }
        browser.close().await;
    }
}

/// The light that the colour of the word is of (docs/VERDICT.md), by its hue as the browser paints it.
const TONE: &str = "(() => {
    const [r, g, b] = getComputedStyle(document.getElementById('word')).color.match(/\\d+/g).map(Number);
    const [most, least] = [Math.max(r, g, b), Math.min(r, g, b)];
    if (most - least < 45) return 'grey';
    const sixth = most === r ? (g - b) / (most - least) : most === g ? 2 + (b - r) / (most - least) : 4 + (r - g) / (most - least);
    const degrees = (sixth * 60 + 360) % 360;
    return degrees < 20 || degrees > 330 ? 'red' : degrees < 65 ? 'amber' : degrees < 170 ? 'green' : `hue ${degrees}`;
  })()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_page_looks_right() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    let long = format!("/verify?id=(01)09506000134353(21){}", "X".repeat(300));
    let maker = stage.participant_path(0);
    let maker_korean = format!("{maker}?lang=ko");
    for (name, path) in [
        ("participant", maker.as_str()),
        ("record", "/ledger/leaves/10"),
        ("record-korean", "/ledger/leaves/10?lang=ko"),
        ("record-admin", "/ledger/leaves/2"),
        ("block", "/ledger/blocks/5"),
        ("proposals", "/members/proposals"),
        ("proposals-korean", "/members/proposals?lang=ko"),
        ("trust", "/trust"),
        ("trust-korean", "/trust?lang=ko"),
        ("participant-korean", &maker_korean),
        ("front", "/"),
        ("front-korean", "/?lang=ko"),
        ("scan", "/scan"),
        ("scan-korean", "/scan?lang=ko"),
        ("list", "/scan/list"),
        ("list-korean", "/scan/list?lang=ko"),
        ("not-found", "/nothing/here"),
        ("bad-id", "/01/09506000134353/21/7H3KX9QZ2M"),
        ("bad-id-long", &long),
        ("docs", "/docs"),
        ("docs-korean", "/docs?lang=ko"),
        ("not-found-korean", "/nothing/here?lang=ko"),
        ("bad-label-korean", "/verify?id=(01)09506000134352&17=391332&lang=ko"),
    ] {
        browser.goto(&stage.url(path)).await;
        if path.starts_with("/scan") {
            browser.wait_for("[data-ready]").await;
        }
        if path.starts_with("/ledger/") || path.starts_with("/trust") {
            browser.wait_for("#status.checked").await;
        }
        browser.wait_until("document.readyState === 'complete'").await;
        look(&browser, name).await;
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_looks_wrong_is_found() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&stage.url("/scan")).await;
    browser.wait_for("#scan[data-ready]").await;
    browser.resize(360, 740).await;
    for (spoil, fault) in [
        ("add('p', 'wide').style.width = '400px'", "scrolls sideways"),
        ("add('h1', 'another')", "2 h1"),
        ("add('h4', 'deeper')", "level 4 after level 2"),
        ("add('input')", "no label"),
        ("main.append(document.createElementNS('http://www.w3.org/2000/svg', 'svg'))", "neither told nor hidden"),
        ("add('button')", "no name"),
        ("add('p').id = 'photo'", "#photo twice"),
        ("add('p', 'pale').style.color = '#8a8a8a'", "contrast 3."),
        ("add('p', 'half there').style.color = 'rgb(0 0 0 / 0.4)'", "contrast 2."),
    ] {
        let spoil = format!(
            "(() => {{ const main = document.querySelector('main');
              const add = (name, text = '') => {{ const made = document.createElement(name); made.textContent = text;
                main.append(made); return made; }};
              const before = main.childNodes.length; {spoil}; const faults = {FAULTS};
              while (main.childNodes.length > before) main.lastChild.remove();
              return faults; }})()"
        );
        let faults = browser.eval(&spoil).await;
        assert!(
            faults.as_array().unwrap().iter().any(|told| told.as_str().unwrap().starts_with(fault)),
            "{fault}: {faults}"
        );
    }
    assert_eq!(browser.eval(FAULTS).await, json!([]));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alarms_look_right() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::open(&stage.driver).await;
    proxy.alter(|path, answer| {
        if path.starts_with("/evidence") && path.contains("7H3KX9QZ2M") {
            answer.body.rotate_left(1);
        }
        if path.starts_with("/evidence") && path.contains("9P1LM4SJ7D") {
            answer.status = 503;
        }
        if path == page_of(CLONED) {
            let lie =
                crate::support::text(&answer.body).replace("data-verdict=\"disputed\"", "data-verdict=\"authentic\"");
            answer.body = lie.into_bytes();
        }
    });
    let korean = format!("{GENUINE}?lang=ko");
    for (name, path) in
        [("tampered", GENUINE), ("tampered-korean", &korean), ("claim", CLONED), ("not-checked", RECALLED)]
    {
        browser.goto(&proxy.url(path)).await;
        browser.wait_for("#status.alarm").await;
        look(&browser, name).await;
    }
    browser.close().await;
}
