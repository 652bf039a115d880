//! The page to scan with: by camera, by photo, by typing. Chromium on Linux has no detector of codes of its own, so that the
//! page's decoder is what reads here.

use std::path::{Path, PathBuf};

use fantoccini::Locator;
use image::imageops::replace;
use image::{GrayImage, Luma};
use serde_json::json;

use crate::chromium::{Browser, Habits};
use crate::looks::look;
use crate::stage::{CLONED, GENUINE, Stage, uri};
use crate::support::{Node, path, run_ok, text};

/// A detector that finds some codes, in place of the one that Chromium has on phones.
pub fn detector(texts: &[&str]) -> String {
    let found: Vec<_> = texts.iter().map(|text| json!({"format": "qr_code", "rawValue": text})).collect();
    let found = json!(found);
    format!(
        "window.BarcodeDetector = class {{
           static async getSupportedFormats() {{
             return ['qr_code', 'data_matrix', 'ean_13', 'ean_8', 'upc_a', 'code_128', 'pdf417'];
           }}
           async detect(view) {{ return view.width > 1 ? {found} : []; }}
         }};"
    )
}

/// Counts what the policy forbids.
const WATCH: &str = "window.violations = [];
    addEventListener('securitypolicyviolation', (event) => window.violations.push(event.violatedDirective));";

/// What the page has loaded of the decoder that others made.
const LOADED: &str = "performance.getEntriesByType('resource').map(({ name }) => name.split('/assets/vendor/')[1])\
                      .filter((name) => name !== undefined).sort()";

/// A browser with a camera that sees a picture, as YUV4MPEG2.
pub fn camera_that_sees(stage: &Stage, picture: &GrayImage) -> Habits {
    let (width, height) = picture.dimensions();
    let file = stage.driver.scratch().join(format!("camera-{width}x{height}.y4m"));
    let head = format!("YUV4MPEG2 W{width} H{height} F5:1 Ip A1:1 C420\nFRAME\n");
    let no_colour = vec![128; (width * height / 2) as usize];
    std::fs::write(&file, [head.as_bytes(), picture.as_raw(), &no_colour].concat()).unwrap();
    let file: &'static str = format!("--use-file-for-fake-video-capture={}", file.display()).leak();
    let arguments = vec!["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", file];
    Habits { arguments, ..Habits::default() }
}

/// The label of a product, as PNG.
pub fn label(stage: &Stage, product: &str) -> PathBuf {
    let name = format!("label-{}.png", product.rsplit('/').next().unwrap());
    let file = stage.driver.scratch().join(name);
    stage.node.run_ok(&["label", &uri(product), "--force", "--out", path(&file)]);
    file
}

pub fn gray(file: &Path) -> GrayImage {
    image::open(file).unwrap().to_luma8()
}

/// The code that a medicine's package has: a GS1 DataMatrix of `(01)09506000134352(21)7H3KX9QZ2M(10)N2611`, whose parts end
/// with FNC1 and not with brackets.
const MEDICINE: [&str; 22] = [
    "#.#.#.#.#.#.#.#.#.#.#.",
    "##..####....##.#..####",
    "#...#.#...#.####.####.",
    "#.#####.#......##....#",
    "###.##...##...#.###...",
    "#....##....##..#...###",
    "#..#.#..######.#......",
    "#.##.##.####.#.#.#####",
    "###.#..###..#..#.#.#..",
    "##.###..#####...###..#",
    "###.####.###....#####.",
    "###.#.#.###.#.##.#.#.#",
    "###....#.#..#...#.###.",
    "##..###...#.#....###.#",
    "###...#.##...#.#......",
    "#.##...##..###..##.#.#",
    "###....##.#.########..",
    "##...#.##....###...#.#",
    "#..##..#...###.#...#..",
    "##.###.#.#.##..#.##..#",
    "##..###..##..##.#####.",
    "######################",
];

fn drawn(code: &[&str]) -> GrayImage {
    const MODULE: u32 = 8;
    let side = (code.len() as u32 + 8) * MODULE;
    let is_dark = |x: u32, y: u32| {
        let (x, y) = ((x / MODULE).wrapping_sub(4) as usize, (y / MODULE).wrapping_sub(4) as usize);
        code.get(y).and_then(|row| row.as_bytes().get(x)) == Some(&b'#')
    };
    GrayImage::from_fn(side, side, |x, y| Luma([if is_dark(x, y) { 20 } else { 235 }]))
}

/// A photo of some pictures beside each other.
pub fn photo(stage: &Stage, name: &str, parts: &[GrayImage]) -> PathBuf {
    let mut whole = GrayImage::from_pixel(200 + 700 * parts.len() as u32, 700, Luma([235]));
    for (nth, part) in parts.iter().enumerate() {
        replace(&mut whole, part, 100 + 700 * nth as i64, 50);
    }
    let file = stage.driver.scratch().join(name);
    whole.save(&file).unwrap();
    file
}

/// Chooses a photo on the page, as its visitor does.
pub async fn choose(browser: &Browser, file: &Path) {
    browser.wait_for("#scan[data-ready]").await;
    browser.client.find(Locator::Css("#photo")).await.unwrap().send_keys(path(file)).await.unwrap();
}

pub async fn wait_for_status(browser: &Browser, beginning: &str) {
    browser
        .wait_until(&format!("document.getElementById('status').textContent.startsWith({})", json!(beginning)))
        .await;
}

/// Requests that brought the node a photo.
pub fn uploads(node: &Node) -> usize {
    let metrics = text(&node.get("/metrics").body);
    metrics.lines().filter(|line| line.contains("method=\"POST\",route=\"/scan\"")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_before_the_camera_leads_to_its_product() {
    let stage = Stage::shared();
    let camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
    let browser = Browser::with(&stage.driver, Habits { arguments: camera.into(), ..Habits::default() }).await;
    browser.before_each_page(&detector(&[&stage.url(GENUINE)])).await;
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
async fn a_camera_that_is_refused_leaves_the_other_ways() {
    let stage = Stage::shared();
    let browser =
        Browser::with(&stage.driver, Habits { arguments: vec!["--deny-permission-prompts"], ..Habits::default() })
            .await;
    browser.goto(&stage.url("/scan")).await;
    browser.wait_for("#scan[data-ready]").await;
    browser.client.find(Locator::Css("#start")).await.unwrap().click().await.unwrap();
    wait_for_status(&browser, "The browser did not give the camera to this page.").await;
    assert!(browser.shows("#photo").await && browser.shows("#id").await);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_of_a_label_leads_to_its_product_and_stays_on_the_device() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&stage.url("/scan")).await;
    choose(&browser, &label(&stage, CLONED)).await;
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("#word").await, "Claimed twice");
    assert_eq!(browser.text("h1").await, "(01)09506000134352 (21)4W8RT5VN6C");
    assert_eq!(uploads(&stage.node), 0);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_medicine_s_package_leads_to_its_product() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&stage.url("/scan")).await;
    choose(&browser, &photo(&stage, "medicine.png", &[drawn(&MEDICINE)])).await;
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("#word").await, "Authentic");
    let label = browser.text("#label").await;
    assert!(label.contains("Lot (10)") && label.contains("N2611"), "the lot in the code is asked about too: {label}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_decoder_is_loaded_when_it_is_needed_and_within_the_policy() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.before_each_page(WATCH).await;
    browser.goto(&stage.url("/scan?lang=en")).await;
    browser.wait_for("#scan[data-ready]").await;
    assert!(browser.text("#loads").await.contains("0.4 MB"), "people are told before");
    assert_eq!(browser.eval(LOADED).await, json!([]));
    let two = photo(&stage, "two.png", &[gray(&label(&stage, GENUINE)), gray(&label(&stage, CLONED))]);
    choose(&browser, &two).await;
    wait_for_status(&browser, "There is more than one code.").await;
    let loaded = ["es/reader/index.js", "es/share.js", "reader/zxing_reader.wasm"];
    assert_eq!(browser.eval(LOADED).await, json!(loaded.map(|file| format!("zxing-wasm/{file}"))));
    assert_eq!(browser.eval("document.querySelectorAll('#codes a').length").await, 2);
    assert!(!browser.shows("#loads").await, "it is there");
    look(&browser, "scan-several").await;
    assert_eq!(browser.eval("window.violations").await, json!([]));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    assert_eq!(uploads(&stage.node), 0);

    browser.client.find(Locator::Css("#codes a[href*='7H3KX9QZ2M']")).await.unwrap().click().await.unwrap();
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("#word").await, "Authentic");
    assert!(browser.client.current_url().await.unwrap().as_str().ends_with("&lang=en"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_that_decodes_by_itself_loads_no_decoder() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.before_each_page(&detector(&[&uri(GENUINE), &uri(CLONED)])).await;
    browser.goto(&stage.url("/scan")).await;
    choose(&browser, &label(&stage, GENUINE)).await;
    wait_for_status(&browser, "There is more than one code.").await;
    assert!(!browser.shows("#loads").await);
    assert_eq!(browser.eval(LOADED).await, json!([]));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_camera_sees_a_code_without_a_detector_of_the_browser() {
    let stage = Stage::shared();
    let mut view = GrayImage::from_pixel(800, 640, Luma([200]));
    replace(&mut view, &gray(&label(&stage, GENUINE)), 100, 20);
    let browser = Browser::with(&stage.driver, camera_that_sees(&stage, &view)).await;
    browser.goto(&stage.url("/scan")).await;
    browser.wait_for("#scan[data-ready]").await;
    browser.client.find(Locator::Css("#start")).await.unwrap().click().await.unwrap();
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("#word").await, "Authentic");
    assert_eq!(uploads(&stage.node), 0);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_camera_looks_until_it_is_stopped() {
    let stage = Stage::shared();
    let browser = Browser::with(&stage.driver, camera_that_sees(&stage, &GrayImage::new(640, 480))).await;
    browser.goto(&stage.url("/scan")).await;
    browser.wait_for("#scan[data-ready]").await;
    let button = browser.client.find(Locator::Css("#start")).await.unwrap();
    button.click().await.unwrap();
    wait_for_status(&browser, "Looking for a code").await;
    assert!(browser.shows("#view").await);
    look(&browser, "scan-camera").await;
    assert_eq!(browser.text("#start").await, "Stop the camera");
    button.click().await.unwrap();
    browser.wait_until("document.getElementById('view').srcObject === null").await;
    assert!(!browser.shows("#view").await && browser.text("#start").await == "Start the camera");
    assert_eq!(browser.eval("document.getElementById('status').textContent").await, "");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_that_leads_nowhere_is_told_and_another_one_is_tried() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&stage.url("/scan")).await;
    let no_picture = stage.driver.scratch().join("no-picture.png");
    std::fs::write(&no_picture, "no picture").unwrap();
    choose(&browser, &no_picture).await;
    wait_for_status(&browser, "This browser cannot open this file as a picture.").await;

    // The way to the decoder is cut, and mended.
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.setBlockedURLs", json!({"urls": ["*.wasm"]})).await;
    choose(&browser, &photo(&stage, "empty.png", &[])).await;
    wait_for_status(&browser, "The decoder could not be loaded.").await;
    browser.devtools("Network.setBlockedURLs", json!({"urls": []})).await;
    choose(&browser, &photo(&stage, "empty-again.png", &[])).await;
    wait_for_status(&browser, "No code was found.").await;
    assert!(!browser.shows("button[type=submit]:not(.lookup *)").await, "this node takes no photo");
    assert!(browser.shows("#photo").await && browser.shows("#id").await, "a way on");

    choose(&browser, &label(&stage, GENUINE)).await;
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("#word").await, "Authentic");
    assert_eq!(uploads(&stage.node), 0);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_is_sent_only_where_that_is_offered_and_asked_for() {
    let stage = Stage::shared();
    let dir = tempfile::tempdir().unwrap();
    run_ok(&["init", "--name", "Test Member", "--data", path(&dir.path().join("data"))]);
    let node = Node::serve_with(dir, "127.0.0.1:0", &["--scan-decoder"]);
    let scan = format!("{}/scan", node.url);
    let empty = photo(&stage, "empty-too.png", &[]);

    let browser = Browser::open(&stage.driver).await;
    browser.goto(&scan).await;
    browser.wait_for("#scan[data-ready]").await;
    assert!(!browser.shows("#send").await && browser.shows("#photo-note").await, "nothing was tried yet");
    choose(&browser, &empty).await;
    wait_for_status(&browser, "No code was found.").await;
    assert!(browser.text("#send").await.contains("Send the photo to the server"));
    assert!(!browser.shows("#photo-note").await, "it need not stay here");
    look(&browser, "scan-send").await;
    assert_eq!(uploads(&node), 0);
    browser.client.find(Locator::Css("#send button")).await.unwrap().click().await.unwrap();
    browser.wait_for("#outcome").await;
    look(&browser, "scan-outcome").await;
    assert!(browser.text("main").await.contains("No code was found."));
    assert_eq!(uploads(&node), 1);
    browser.close().await;

    // Without a script nothing can be read here, and the button says where the photo goes.
    let browser = Browser::with(&stage.driver, Habits { without_javascript: true, ..Habits::default() }).await;
    browser.goto(&scan).await;
    assert!(browser.shows("#send button").await && !browser.shows("#photo-note").await);
    browser.client.find(Locator::Css("#photo")).await.unwrap().send_keys(path(&empty)).await.unwrap();
    browser.client.find(Locator::Css("#send button")).await.unwrap().click().await.unwrap();
    browser.wait_for("#outcome").await;
    browser.goto(&stage.url("/scan")).await;
    assert!(!browser.shows("#photo").await && browser.shows("#id").await);
    assert!(browser.text("main").await.contains("Without JavaScript this page cannot read codes."));
    look(&browser, "scan-no-script").await;
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
    browser.wait_for("#refused p").await;
    let told = browser.text("#refused").await;
    assert!(told.contains("it should be 2") && told.ends_with("Nothing was sent."), "{told}");
    assert_eq!(browser.eval("document.activeElement.id").await, "id", "to be mended");
    look(&browser, "scan-refused").await;
    typed.send_keys("x").await.unwrap();
    browser.wait_until("document.getElementById('refused').textContent === ''").await;

    // Without a script the server says the same.
    browser.goto(&stage.url("/verify?id=(01)09506000134353(21)7H3KX9QZ2M&lang=ko")).await;
    let page = browser.text("main").await;
    assert!(page.contains("09506000134353의 검사 숫자는 3이(가) 아니라 2(이)어야 합니다."), "{page}");
    let typed = browser.eval("document.getElementById('id').value").await;
    assert_eq!(typed, "(01)09506000134353(21)7H3KX9QZ2M", "to be mended");

    // Another shop's label holds a number that can be looked up here, and the page says where it leads.
    browser.goto(&stage.url(&format!("/verify?id=https%3A%2F%2Fshop.example{GENUINE}"))).await;
    browser.wait_for("#status.checked").await;
    assert!(browser.text(".elsewhere").await.contains("leads to shop.example, not to this site"));
    browser.close().await;
}
