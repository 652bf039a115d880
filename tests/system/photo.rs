//! A photo of a code, sent to `/scan`: each way that it can go has its own answer, for people and for programs.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use qrcode::{Color, QrCode};
use serde_json::json;

use crate::support::{Answer, Node, path, run_ok, text};

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/A1";
const OTHER: &str = "https://id.gs1.org/01/09506000134352/21/B2";

/// QR codes beside each other.
fn picture(texts: &[&str]) -> GrayImage {
    const SCALE: u32 = 6;
    let mut whole = GrayImage::from_pixel(60 + 400 * texts.len() as u32, 400, Luma([240]));
    for (nth, text) in texts.iter().enumerate() {
        let code = QrCode::new(text).unwrap();
        let (width, colors) = (code.width() as u32, code.to_colors());
        for (at, _) in colors.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
            let (x, y) = (at as u32 % width * SCALE, at as u32 / width * SCALE);
            for pixel in 0..SCALE * SCALE {
                let left = 60 + 400 * nth as u32;
                whole.put_pixel(left + x + pixel % SCALE, 60 + y + pixel / SCALE, Luma([15]));
            }
        }
    }
    whole
}

fn encoded(picture: GrayImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageLuma8(picture).to_rgb8().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn send_as(node: &Node, field: &str, bytes: &[u8], accept: &str) -> Answer {
    let head = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg\r\n\r\n"
    );
    let body = [head.as_bytes(), bytes, b"\r\n--edge--\r\n"].concat();
    let headers = [("Content-Type", "multipart/form-data; boundary=edge"), ("Accept", accept)];
    node.request("POST", "/scan", &headers, &body)
}

/// A node that decodes photos, which none does unless it is told to.
fn decoding_node() -> Node {
    let dir = tempfile::tempdir().unwrap();
    run_ok(&["init", "--name", "Test Member", "--data", path(&dir.path().join("data"))]);
    Node::serve_with(dir, "127.0.0.1:0", &["--scan-decoder"])
}

#[test]
fn a_photo_leads_to_its_product() {
    let node = decoding_node();
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let answer = send_as(&node, "photo", &encoded(picture(&[ITEM]), format), "text/html");
        let target = "/verify?id=https%3A%2F%2Fid.gs1.org%2F01%2F09506000134352%2F21%2FA1";
        assert_eq!((answer.status, answer.header("location")), (303, Some(target)), "{format:?}: {answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let element = send_as(&node, "photo", &encoded(picture(&["(01)09506000134352(21)A1"]), ImageFormat::Png), "*/*");
    assert_eq!((element.status, element.header("location")), (303, Some("/01/09506000134352/21/A1")));
}

#[test]
fn every_other_photo_has_its_own_answer() {
    let node = decoding_node();
    let png = |texts: &[&str]| encoded(picture(texts), ImageFormat::Png);
    let whole = png(&[ITEM]);
    let mut bomb = whole.clone();
    // Width and height in the header, and its checksum: 50,000 by 50,000 pixels in some kilobytes.
    bomb[16..20].copy_from_slice(&50_000_u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&50_000_u32.to_be_bytes());
    let crc = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.to_be_bytes());
    for (bytes, status, code, words) in [
        (b"no picture".to_vec(), 415, "not-an-image", "no JPEG, PNG or WebP"),
        (bomb, 413, "image-too-large", "too large"),
        (vec![0; 11 * 1024 * 1024], 413, "image-too-large", "too large"),
        (whole[..whole.len() / 2].to_vec(), 422, "damaged-image", "damaged"),
        (png(&[]), 422, "no-code", "No code was found"),
        (png(&[ITEM, OTHER]), 422, "many-codes", "more than one code"),
        (png(&["WIFI:S:cafe;T:nopass;;"]), 422, "other-code", "WIFI:S:cafe;T:nopass;;"),
        (png(&["(01)09506000134352(21)Sa(17)279931"]), 422, "other-code", "is no date: there is no month 99"),
        (Vec::new(), 400, "missing-photo", "No photo came along"),
    ] {
        let problem = send_as(&node, "photo", &bytes, "application/json");
        assert_eq!((problem.status, &problem.json()["code"]), (status, &json!(code)), "{problem:?}");
        let page = send_as(&node, "photo", &bytes, "text/html");
        assert_eq!((page.status, page.header("content-type")), (status, Some("text/html; charset=utf-8")), "{code}");
        assert!(text(&page.body).contains(words), "{code}: {}", text(&page.body));
    }
    let dated = send_as(&node, "photo", &png(&["\u{1d}010950600013435221Sa\u{1d}10La\u{1d}17279931"]), "*/*").json();
    assert!(dated["detail"].as_str().unwrap().contains("(17) \"279931\" is no date: there is no month 99"), "{dated}");
    let two = send_as(&node, "photo", &png(&[ITEM, OTHER]), "*/*").json();
    assert_eq!(two["codes"].as_array().unwrap().len(), 2, "{two}");
    let page = text(&send_as(&node, "photo", &png(&[ITEM, OTHER]), "text/html").body);
    assert_eq!(page.matches("href=\"/verify?id=https%3A%2F%2Fid.gs1.org").count(), 2, "a link for each: {page}");
}

#[test]
fn a_form_without_a_photo_is_told_what_is_missing() {
    let node = decoding_node();
    let other_field = send_as(&node, "picture", b"x", "*/*");
    assert_eq!((other_field.status, &other_field.json()["code"]), (400, &json!("missing-photo")));
    let json = node.post("/scan", "application/json", b"{}");
    assert_eq!((json.status, &json.json()["code"]), (415, &json!("unsupported-media-type")));
    let cut =
        node.request("POST", "/scan", &[("Content-Type", "multipart/form-data; boundary=edge")], b"--edge\r\nbroken");
    assert_eq!((cut.status, &cut.json()["code"]), (400, &json!("bad-request")));
    assert_eq!(node.get("/scan").status, 200);
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}
