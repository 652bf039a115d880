//! Pictures that cost a great deal to decode, from a stranger: they end, they take nothing from others, and nothing of them
//! is left.

use std::fs;
use std::io::{Cursor, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use serde_json::json;

use crate::support::{Answer, Node, path, run_ok, sealane, text};

/// How long something may take before its test fails for good. No test passes by waiting this long.
const PATIENCE: Duration = Duration::from_secs(120);

fn data_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    run_ok(&["init", "--name", "Test Member", "--data", path(&dir.path().join("data"))]);
    dir
}

fn decoding_node() -> Node {
    Node::serve_with(data_dir(), "127.0.0.1:0", &["--scan-decoder"])
}

/// A picture full of the corners of QR codes: each three of them could be a code, and a decoder tries.
fn corners() -> Vec<u8> {
    const SIDE: u32 = 2_200;
    const MODULE: u32 = 3;
    let is_dark = |x: u32, y: u32| {
        let (x, y) = (x / MODULE % 9, y / MODULE % 9);
        if x >= 7 || y >= 7 {
            return false;
        }
        let from_middle = x.abs_diff(3).max(y.abs_diff(3));
        from_middle != 2
    };
    let picture = GrayImage::from_fn(SIDE, SIDE, |x, y| Luma([if is_dark(x, y) { 0 } else { 255 }]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageLuma8(picture).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// The picture of a complaint, where it is at hand.
fn reported() -> Option<Vec<u8>> {
    let root = std::env::var_os("SEALANE_CASES")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/cases")), PathBuf::from);
    let file = root.join("scan/finder-patterns-2200px.png");
    let read = fs::read(&file).ok();
    if read.is_none() {
        println!("skipped: no picture at {}", file.display());
    }
    read
}

fn form_of(picture: &[u8]) -> Vec<u8> {
    let head = "--edge\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n\r\n";
    [head.as_bytes(), picture, b"\r\n--edge--\r\n"].concat()
}

fn send(node: &Node, picture: &[u8], accept: &str) -> Answer {
    let headers = [("Content-Type", "multipart/form-data; boundary=edge"), ("Accept", accept)];
    node.request("POST", "/scan", &headers, &form_of(picture))
}

/// Processes that the node started to decode with, and what is left of them.
fn decoders(node: &Node) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_decoder = |pid: &u32| {
        // It may end while it is looked at.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
        let Some((_, rest)) = stat.rsplit_once(") ") else { return false };
        let mut fields = rest.split(' ');
        let (state, parent) = (fields.next(), fields.next());
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        parent == Some(node.pid().to_string().as_str())
            && (state == Some("Z") || text(&line).contains("decode-picture"))
    };
    processes.filter(is_decoder).collect()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::yield_now();
    }
}

/// What the node has counted of pictures with an outcome.
fn counted(node: &Node, outcome: &str) -> u64 {
    let metrics = text(&node.get("/metrics").body);
    let line = format!("sealane_pictures_total{{outcome=\"{outcome}\"}} ");
    metrics.lines().find_map(|found| found.strip_prefix(&line)).map_or(0, |number| number.parse().unwrap())
}

/// Six uploads at once, and what others ask meanwhile.
fn under_load(node: &Node, picture: &[u8], begun: impl Fn() -> bool) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let uploads: Vec<_> = (0..6).map(|_| scope.spawn(|| send(node, picture, "application/json"))).collect();
        wait_until("the first upload is worked on", begun);
        let mut slowest = Duration::ZERO;
        for number in 0..40 {
            let asked = Instant::now();
            let verdict = node.get(&format!("/verify?id=(01)09506000134352(21)L{number}"));
            slowest = slowest.max(asked.elapsed());
            assert_eq!(verdict.status, 200, "{}", text(&verdict.body));
            assert_eq!(node.get("/health/ready").status, 200);
        }
        println!("40 verdicts beside six uploads, the slowest in {slowest:?}");
        uploads.into_iter().map(|upload| upload.join().unwrap()).collect()
    })
}

fn pictures() -> impl Iterator<Item = Vec<u8>> {
    [Some(corners()), reported()].into_iter().flatten()
}

#[test]
fn costly_pictures_end_and_take_nothing_from_verdicts() {
    for picture in pictures() {
        let node = decoding_node();
        let answers = under_load(&node, &picture, || !decoders(&node).is_empty());
        let of = |code: &str| answers.iter().filter(|answer| answer.json()["code"] == code).collect::<Vec<_>>();
        let (ended, refused) = (of("picture-too-costly"), of("decoder-busy"));
        assert!(!ended.is_empty() && !refused.is_empty() && ended.len() + refused.len() == 6, "{answers:?}");
        assert!(ended.iter().all(|answer| answer.status == 422));
        assert!(refused.iter().all(|answer| answer.status == 429 && answer.header("retry-after") == Some("2")));
        assert_eq!(decoders(&node), Vec::<u32>::new(), "a child is left");
        assert_eq!(counted(&node, "ended"), ended.len() as u64);
        // Its places are free again.
        let small = send(&node, b"no picture", "application/json");
        assert_eq!((small.status, &small.json()["code"]), (415, &json!("not-an-image")));
    }
}

#[test]
fn a_node_that_decodes_nothing_starts_no_process() {
    for picture in pictures() {
        let node = Node::start();
        let answers = under_load(&node, &picture, || true);
        assert!(
            answers.iter().all(|answer| answer.status == 403 && answer.json()["code"] == "decoder-off"),
            "{answers:?}"
        );
        assert_eq!(decoders(&node), Vec::<u32>::new());
    }
}

#[test]
fn a_picture_that_was_ended_is_told_to_people_too() {
    let node = decoding_node();
    let page = send(&node, &corners(), "text/html");
    assert_eq!((page.status, page.header("content-type")), (422, Some("text/html; charset=utf-8")));
    assert!(text(&page.body).contains("Reading this photo took too long"), "{}", text(&page.body));
    assert!(text(&page.body).contains("href=\"/scan\"") && text(&page.body).contains("action=\"/verify\""), "a way on");
    assert_eq!((counted(&node, "ended"), decoders(&node).len()), (1, 0));
}

#[test]
fn a_client_that_leaves_takes_its_child_with_it() {
    let node = decoding_node();
    let form = form_of(&corners());
    let host = node.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let head = format!(
        "POST /scan HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary=edge\r\nContent-Length: {}\r\n\r\n",
        form.len()
    );
    stream.write_all(&[head.as_bytes(), &form].concat()).unwrap();
    wait_until("a child decodes", || !decoders(&node).is_empty());
    drop(stream);
    wait_until("the child is gone", || decoders(&node).is_empty());
    wait_until("it is counted", || counted(&node, "abandoned") == 1);
    assert_eq!(counted(&node, "ended"), 0, "it was not its own time that ended it");
}

#[test]
fn decoding_is_off_until_it_is_switched_on() {
    let node = Node::start();
    let page = text(&node.get("/scan").body);
    assert!(!page.contains("multipart/form-data") && page.contains("Without JavaScript"), "{page}");
    let refused = send(&node, b"a photo", "text/html");
    assert_eq!(refused.status, 403);
    let told = text(&refused.body);
    assert!(told.contains("This server reads no photos.") && told.contains("action=\"/verify\""), "{told}");
    let problem = send(&node, b"a photo", "*/*").json();
    assert!(problem["detail"].as_str().unwrap().contains("--scan-decoder"), "{problem}");
    // Nothing of the body is looked at.
    assert_eq!(node.post("/scan", "text/plain", b"no form").status, 403);

    let offers = |node: &Node| text(&node.get("/scan").body).contains("multipart/form-data");
    assert!(offers(&decoding_node()), "by the flag");
    let dir = data_dir();
    let data = dir.path().join("data");
    let mut serve = sealane(&["serve", "--json", "--listen", "127.0.0.1:0", "--data", path(&data)]);
    serve.env("SEALANE_SCAN_DECODER", "true");
    assert!(offers(&Node::spawn(dir, serve)), "by the environment");
    let dir = data_dir();
    fs::write(dir.path().join("data/sealane.toml"), "scan-decoder = true\n").unwrap();
    assert!(offers(&Node::serve(dir)), "by the file");
}
