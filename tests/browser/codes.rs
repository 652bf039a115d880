//! What is in view beside a product's code, or instead of it: which one counts, and what never leaves the device.

use std::path::PathBuf;
use std::sync::Arc;

use fantoccini::Locator;
use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use serde_json::json;

use crate::chromium::{Browser, Habits};
use crate::looks::look;
use crate::proxy::{Asked, Proxy};
use crate::scan::{choose, detector, label, wait_for_status};
use crate::stage::{CLONED, GENUINE, Stage, uri};
use crate::support::{Node, path, run_ok, text};

const EAN: &str = "9506000134352";

/// What a code says, what it is told to be, and a word of it that must not be seen anywhere.
const FOREIGN: [(&str, &str, &str); 5] = [
    ("WIFI:T:WPA;S:Cafe;P:hunter2secret;;", "This is the code of a Wi-Fi network", "hunter2secret"),
    ("BEGIN:VCARD\nVERSION:3.0\nFN:Kim Minji\nEND:VCARD", "This is somebody’s contact card", "Minji"),
    ("upi://pay?pa=minji@bank&am=5", "This is a code to pay with", "minji"),
    ("https://win.example/claim?token=abc123", "This is a link to win.example", "abc123"),
    ("Please call me back", "This is some other text", "call"),
];

/// Asks the node for nothing but what pages are made of.
fn is_of_page(asked: &Asked) -> bool {
    asked.method == "GET"
        && (asked.path.starts_with("/assets/") || asked.path.starts_with("/scan") || asked.path == "/favicon.ico")
}

async fn start_camera(browser: &Browser) {
    browser.wait_for("#scan[data-ready]").await;
    browser.client.find(Locator::Css("#start")).await.unwrap().click().await.unwrap();
}

fn with_camera() -> Habits {
    let camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
    Habits { arguments: camera.into(), ..Habits::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bar_code_beside_a_qr_code_never_wins() {
    let stage = Stage::shared();
    // In one picture, whichever is found first.
    let browser = Browser::open(&stage.driver).await;
    browser.before_each_page(&detector(&[EAN, &uri(GENUINE), "96385074"])).await;
    browser.goto(&stage.url("/scan")).await;
    choose(&browser, &label(&stage, GENUINE)).await;
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("h1").await, "(01)09506000134352 (21)7H3KX9QZ2M");
    look(&browser, "scan-ean-beside-qr").await;
    browser.close().await;

    // Before a camera, which reads the bar code some pictures earlier.
    let browser = Browser::with(&stage.driver, with_camera()).await;
    let later = detector(&[EAN]).replace(
        "async detect(view) {",
        &format!(
            "async detect(view) {{ window.looks = (window.looks ?? 0) + 1;
               if (window.looks > 4) return [{{ format: 'qr_code', rawValue: '{}' }}];",
            uri(GENUINE)
        ),
    );
    browser.before_each_page(&later).await;
    browser.goto(&stage.url("/scan")).await;
    start_camera(&browser).await;
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("h1").await, "(01)09506000134352 (21)7H3KX9QZ2M");
    browser.close().await;

    // Alone it leads to its kind.
    let browser = Browser::with(&stage.driver, with_camera()).await;
    browser.before_each_page(&detector(&[EAN])).await;
    browser.goto(&stage.url("/scan")).await;
    start_camera(&browser).await;
    browser.wait_for("#product").await;
    assert_eq!(browser.text("h1").await, "(01)09506000134352");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_products_in_view_the_person_chooses() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.before_each_page(&detector(&[EAN, &uri(GENUINE), "https://win.example/", &uri(CLONED)])).await;
    browser.goto(&stage.url("/scan")).await;
    choose(&browser, &label(&stage, GENUINE)).await;
    wait_for_status(&browser, "There is more than one code.").await;
    assert_eq!(browser.eval("document.querySelectorAll('#codes a').length").await, 2);
    look(&browser, "scan-two-products").await;
    browser.client.find(Locator::Css("#codes a[href*='4W8RT5VN6C']")).await.unwrap().click().await.unwrap();
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("#word").await, "Claimed twice");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_product_s_code_stays_on_the_device() {
    let stage = Stage::shared();
    for (nth, (code, told, secret)) in FOREIGN.into_iter().enumerate() {
        let proxy = Proxy::before(&stage).await;
        let browser = Browser::open(&stage.driver).await;
        browser.before_each_page(&detector(&[code])).await;
        browser.goto(&proxy.url("/scan?lang=en")).await;
        choose(&browser, &label(&stage, GENUINE)).await;
        wait_for_status(&browser, told).await;
        let page = browser.text("main").await;
        assert!(page.contains("Nothing was sent."), "{page}");
        if code.starts_with("WIFI") {
            look(&browser, "scan-wifi").await;
            browser.goto(&proxy.url("/scan?lang=ko")).await;
            choose(&browser, &label(&stage, GENUINE)).await;
            wait_for_status(&browser, "제품 코드가 아니라 Wi-Fi 접속 코드입니다.").await;
        }

        // By a hand scanner that types it into the box, on this page and on the front page.
        for page in ["/scan?lang=en", "/?lang=en"] {
            browser.goto(&proxy.url(page)).await;
            let ready = if page.starts_with("/scan") { "#scan[data-ready]" } else { "#refused" };
            browser.client.wait().for_element(Locator::Css(ready)).await.unwrap();
            let typed = browser.client.find(Locator::Css("#id")).await.unwrap();
            // Its lines would be sent by the first of them.
            typed.send_keys(&format!("{}\n", code.replace('\n', " "))).await.unwrap();
            browser.wait_for("#refused p").await;
            let refused = browser.text("#refused").await;
            assert!(refused.contains("Nothing was sent."), "{refused}");
            if nth < 4 && !code.contains('\n') {
                assert!(refused.starts_with(told), "{refused}");
            }
        }
        for asked in proxy.asked() {
            let is_front =
                asked.path.starts_with("/?lang") || asked.path.starts_with("/ledger/") || asked.path == "/members";
            assert!(is_of_page(&asked) || is_front, "{asked:?}");
            assert!(!format!("{} {}", asked.path, text(&asked.body)).contains(secret), "{asked:?}");
        }
        browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_looks_past_what_is_no_product_s_code() {
    let stage = Stage::shared();
    let proxy = Proxy::before(&stage).await;
    let browser = Browser::with(&stage.driver, with_camera()).await;
    browser.before_each_page(&detector(&[FOREIGN[0].0])).await;
    browser.goto(&proxy.url("/scan?lang=en")).await;
    start_camera(&browser).await;
    wait_for_status(&browser, FOREIGN[0].1).await;
    assert!(browser.text("#status").await.ends_with("Still looking for a product’s code…"));
    assert!(browser.shows("#view").await, "it still looks");
    let all: Vec<Asked> = proxy.asked();
    assert!(all.iter().all(is_of_page), "{all:?}");
    browser.close().await;
}

/// Bars of a code, one character a module.
const BARS: [(&str, &str, &str); 5] = [
    (
        "itf-14",
        "(01)19506000134359",
        "#.#.###.#...#.#...###.###.#.###...#...#.#.###.###...#...#.#.#.###...###...#.###...#...#.#.###.#...#...###.#.###.###.#...###.#...#.###.#",
    ),
    (
        "databar",
        "(01)09506000134352",
        ".#.....#.#.....#.#.###.........#.##.#.##.#####..##..##.##...#..#.#####.....###..###.####.#..##.#",
    ),
    (
        "databar-limited",
        "(01)09506000134352",
        ".#.#....#..#.##.###..##..###.##.#..#.#.##..#.#..##.#.#..#..#....##...###.#.....",
    ),
    (
        "databar-expanded",
        "(01)09506000134352 (21)7H3KX9QZ2M",
        ".#.#..####.##....##.########....#.###....###.##..#.#.###......#..#..#.#####......##.####...#..#...##.##.#...##...####...######....#.###....#..##.#...#....#.###.#.....#.########..###.#.##..#####.####..##..###.###.###...##........#.##.#...###....#..#.....##...##..#.#.#########..##.#",
    ),
    (
        "gs1-128",
        "(01)09506000134352 (21)7H3KX9QZ2M",
        "##.#..###..####.#.###.##..##.##..##..#..#...##...#.###.###.####.#.##.##..##..#..##.###..#.##...###.##.###...#.##.###..#..#.####.###.###.##.###.##...#.#...##..#.###..#.##...###.###...#.##.###..#.##..##.#...###.###.##...#.##..###..#.#.###.##...#.###.####.##...###.#.##",
    ),
];

/// A photo of bars, turned by some degrees.
fn tilted(bars: &str, degrees: f64) -> GrayImage {
    const MODULE: f64 = 4.0;
    const HEIGHT: f64 = 220.0;
    let (sin, cos) = degrees.to_radians().sin_cos();
    let width = bars.len() as f64 * MODULE;
    let side = (width + 200.0) as u32;
    let middle = f64::from(side) / 2.0;
    GrayImage::from_fn(side, side, |x, y| {
        let (x, y) = (f64::from(x) - middle, f64::from(y) - middle);
        let (along, across) = (x * cos + y * sin + width / 2.0, y * cos - x * sin);
        let is_bar = along >= 0.0 && bars.as_bytes().get((along / MODULE) as usize) == Some(&b'#');
        Luma([if is_bar && across.abs() < HEIGHT / 2.0 { 20 } else { 235 }])
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bars_of_every_kind_are_read_at_a_tilt() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    for (name, number, bars) in BARS {
        for degrees in [0.0, 22.0, 97.0] {
            browser.goto(&stage.url("/scan")).await;
            let file = stage.driver.scratch().join(format!("{name}-{degrees}.png"));
            tilted(bars, degrees).save(&file).unwrap();
            choose(&browser, &file).await;
            browser.wait_for("#product").await;
            assert_eq!(browser.text("h1").await, number, "{name} at {degrees}°");
        }
    }
    browser.close().await;
}

/// A photo as a camera writes it: large, and with a place and a name in its Exif (CIPA DC-008).
fn photo_with_exif(stage: &Stage, name: &str, width: u32, height: u32) -> PathBuf {
    // A little noise, as a camera's, in which no decoder looks for codes long.
    let noisy = |x: u32, y: u32| {
        let noise = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).wrapping_mul(2_246_822_519) >> 28;
        Rgb([120 + noise as u8, 110 + (noise / 2) as u8, 128])
    };
    let mut jpeg = std::io::Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, noisy)).write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let exif = [b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0".as_slice(), b"GPSLatitude 37.5665 Owner Minji"].concat();
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let with_exif = [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat();
    let file = stage.driver.scratch().join(name);
    std::fs::write(&file, with_exif).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_for_the_server_is_small_and_says_nothing_of_its_owner() {
    let stage = Stage::shared();
    let dir = tempfile::tempdir().unwrap();
    run_ok(&["init", "--name", "Test Member", "--data", path(&dir.path().join("data"))]);
    let node = Node::serve_with(dir, "127.0.0.1:0", &["--scan-decoder"]);
    let proxy = Proxy::before_node(Arc::new(node)).await;
    let file = photo_with_exif(&stage, "IMG_20260312_Minji.jpg", 6_000, 4_000);
    let original = std::fs::read(&file).unwrap();
    assert!(text(&original).contains("GPSLatitude") && text(&original).contains("Exif"));

    let browser = Browser::open(&stage.driver).await;
    browser.goto(&proxy.url("/scan?lang=en")).await;
    choose(&browser, &file).await;
    wait_for_status(&browser, "No code was found.").await;
    browser.wait_until("!document.getElementById('send').hidden").await;
    look(&browser, "scan-send-small").await;
    let before: Vec<Asked> = proxy.asked().into_iter().filter(|asked| !is_of_page(asked)).collect();
    assert!(before.is_empty(), "nothing was sent yet: {before:?}");
    browser.client.find(Locator::Css("#send button")).await.unwrap().click().await.unwrap();
    browser.wait_for("#outcome").await;
    let sent: Vec<Asked> = proxy.asked().into_iter().filter(|asked| asked.method == "POST").collect();
    let [Asked { body, .. }] = sent.as_slice() else { panic!("{} posts", sent.len()) };
    for told in ["Exif", "GPSLatitude", "Minji", "IMG_2026"] {
        assert!(!text(body).contains(told), "{told}");
    }
    let at = body.windows(3).position(|three| three == [0xff, 0xd8, 0xff]).unwrap();
    let received = image::load_from_memory_with_format(&body[at..], ImageFormat::Jpeg).unwrap();
    assert_eq!((received.width(), received.height()), (2_200, 1_466));
    assert!(body.len() * 3 < original.len(), "{} of {} bytes", body.len(), original.len());
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_of_fifty_megapixels_is_read() {
    let stage = Stage::shared();
    let code = image::open(label(&stage, GENUINE)).unwrap().to_luma8();
    let mut whole = GrayImage::from_pixel(8_660, 5_774, Luma([235]));
    image::imageops::replace(&mut whole, &code, 4_000, 2_500);
    let file = stage.driver.scratch().join("fifty.png");
    whole.save(&file).unwrap();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&stage.url("/scan")).await;
    choose(&browser, &file).await;
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("#word").await, "Authentic");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_serial_in_other_letters_is_offered() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&stage.url("/verify?id=(01)09506000134352(21)7h3kx9qz2m")).await;
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("#word").await, "Unknown");
    assert_eq!(browser.text("h1").await, "(01)09506000134352 (21)7h3kx9qz2m", "as it was typed");
    look(&browser, "product-other-case").await;
    browser.client.find(Locator::Css("#other-case a")).await.unwrap().click().await.unwrap();
    browser.wait_until("document.querySelector('h1').textContent.includes('7H3KX9QZ2M')").await;
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("#word").await, "Authentic");
    assert!(!browser.shows("#other-case").await);
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_is_not_named_is_told_as_it_was_read() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    for (language, told) in
        [("en", "“N2611” was read as a serial number"), ("ko", "“N2611”을(를) 일련번호로 읽었습니다")]
    {
        browser.goto(&stage.url(&format!("/?lang={language}"))).await;
        let field = browser.wait_for("form.lookup [name=id]").await;
        field.send_keys("9506000134352 N2611").await.unwrap();
        browser.wait_for("form.lookup button").await.click().await.unwrap();
        browser.wait_for("#status.checked").await;
        let note = browser.text("#or-lot").await;
        assert!(note.contains(told) && note.ends_with("(01)09506000134352 (10)N2611"), "{note}");
        look(&browser, &format!("product-as-serial-{language}")).await;
        browser.client.find(Locator::Css("#or-lot a")).await.unwrap().click().await.unwrap();
        browser.wait_until("document.querySelector('h1').textContent.includes('(10)N2611')").await;
        browser.wait_for("#status.checked").await;
        assert!(!browser.shows("#or-lot").await);
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_are_pasted_stay_apart() {
    let stage = Stage::shared();
    let browser = Browser::open(&stage.driver).await;
    browser.goto(&stage.url("/scan")).await;
    browser.wait_for("#scan[data-ready]").await;
    let paste = json!("GTIN: 9506000134352\r\nSN: 7H3KX9QZ2M\r\n");
    let done = browser
        .eval(&format!(
            "(() => {{ const data = new DataTransfer(); data.setData('text', {paste});
               const field = document.getElementById('id'); field.focus();
               field.dispatchEvent(new ClipboardEvent('paste', {{ clipboardData: data, bubbles: true, cancelable: true }}));
               return field.value; }})()"
        ))
        .await;
    assert_eq!(done, "GTIN: 9506000134352 SN: 7H3KX9QZ2M");
    browser.client.find(Locator::Css("#id")).await.unwrap().send_keys("\n").await.unwrap();
    browser.wait_for("#status.checked").await;
    assert_eq!(browser.text("#word").await, "Authentic");
    browser.close().await;
}
