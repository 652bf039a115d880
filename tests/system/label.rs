//! `sealane label`: what is printed leads back to the product.

use std::fs;
use std::path::Path;

use image::{DynamicImage, GrayImage, Luma};
use serde_json::Value;

use crate::support::{Node, path, run, text};

const ID: &str = "(01)09506000134352(21)A1";

/// The text of the one code in a picture.
fn decode(gray: GrayImage) -> String {
    let (width, height) = gray.dimensions();
    rxing::helpers::detect_in_luma(gray.into_raw(), width, height, None).unwrap().getText().to_owned()
}

/// Draws the path of an SVG label, which is made of runs `Mx yhNv1h-Nz`, on a grid of its own modules.
fn rasterised(svg: &str) -> GrayImage {
    let between = |from: &str, to: &str| svg.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned();
    let side: u32 = between("viewBox=\"0 0 ", " ").parse().unwrap();
    const SCALE: u32 = 6;
    let mut gray = GrayImage::from_pixel(side * SCALE, side * SCALE, Luma([255]));
    let runs = between("<path d=\"", "\"");
    for run in runs.split('M').filter(|run| !run.is_empty()) {
        let (at, rest) = run.split_once('h').unwrap();
        let (x, y) = at.split_once(' ').unwrap();
        let length: u32 = rest.split('v').next().unwrap().parse().unwrap();
        let (x, y): (u32, u32) = (x.parse().unwrap(), y.parse().unwrap());
        for pixel_y in y * SCALE..(y + 1) * SCALE {
            for pixel_x in x * SCALE..(x + length) * SCALE {
                gray.put_pixel(pixel_x, pixel_y, Luma([0]));
            }
        }
    }
    gray
}

fn label(out: &Path, further: &[&str]) -> std::process::Output {
    let mut arguments = vec!["label", ID, "--out", path(out)];
    arguments.extend(further);
    run(&arguments)
}

#[test]
fn both_pictures_lead_to_the_product_on_the_node() {
    let node = Node::start();
    let (svg, png) = (node.dir.path().join("label.svg"), node.dir.path().join("label.PNG"));
    let told: Value = serde_json::from_str(&node.run_ok(&["label", ID, "--json", "--out", path(&svg)])).unwrap();
    let link = format!("{}/01/09506000134352/21/A1", node.url);
    assert_eq!(told["link"], link);
    let drawn = fs::read_to_string(&svg).unwrap();
    assert!(drawn.contains(">(01)09506000134352</text>") && drawn.contains(">(21)A1</text>"), "{drawn}");
    assert_eq!(decode(rasterised(&drawn)), link);

    node.run_ok(&["label", "urn:epc:id:sgtin:9506000.013435.A1", "--out", path(&png)]);
    let picture = image::load_from_memory(&fs::read(&png).unwrap()).unwrap();
    assert!(matches!(picture, DynamicImage::ImageLuma8(_)), "black and white needs no colour");
    let gray = picture.to_luma8();
    let quiet = 4 * 16;
    assert!((0..gray.width()).all(|x| (0..quiet).all(|y| gray.get_pixel(x, y).0 == [255])), "a quiet zone");
    assert_eq!(decode(gray), link);
}

#[test]
fn a_label_is_drawn_without_a_node_for_a_public_url() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("label.png");
    let output = label(&out, &["--public-url", "https://id.maker.example/"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let gray = image::load_from_memory(&fs::read(&out).unwrap()).unwrap().to_luma8();
    assert_eq!(decode(gray), "https://id.maker.example/01/09506000134352/21/A1");
}

#[test]
fn the_link_carries_what_the_label_says_beside_the_id() {
    let dir = tempfile::tempdir().unwrap();
    let draw = |name: &str, id: &str| {
        let out = dir.path().join(name);
        let output = run(&["label", id, "--out", path(&out), "--public-url", "https://id.maker.example"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        (out, text(&output.stderr))
    };
    let link = "https://id.maker.example/01/09506000134352/21/Sa?10=FAKE&17=271231";
    let (png, told) = draw("label.png", "(01)09506000134352(21)Sa(10)FAKE(17)271231");
    assert_eq!(decode(image::load_from_memory(&fs::read(&png).unwrap()).unwrap().to_luma8()), link);
    assert_eq!(told, "", "nothing is left out");

    let (svg, told) = draw("label.svg", "(01)09506000134352(17)271231(10)FAKE(21)Sa(3103)000195");
    let drawn = fs::read_to_string(&svg).unwrap();
    assert_eq!(decode(rasterised(&drawn)), link, "in one order");
    for line in ["(01)09506000134352", "(21)Sa", "(10)FAKE", "(17)271231"] {
        assert!(drawn.contains(&format!(">{line}</text>")), "{line} is not under the code: {drawn}");
    }
    assert!(told.contains("not in the link, since the product's page does not ask for it: (3103)000195"), "{told}");
}

#[test]
fn a_label_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let url = ["--public-url", "https://id.maker.example"];
    let refused = |out: &str, id: &str, further: &[&str], words: &str| {
        let out = dir.path().join(out);
        let mut arguments = vec!["label", id, "--out", path(&out)];
        arguments.extend(further);
        let output = run(&arguments);
        let says = text(&output.stderr);
        assert!(output.status.code() == Some(2) && says.contains(words), "{id}: {says}");
    };
    refused("label.pdf", ID, &url, "ends in .svg or .png");
    refused("label", ID, &url, "ends in .svg or .png");
    refused("label.svg", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", &url, "is no GS1 id");
    refused("label.svg", "(01)09506000134353(21)A1", &url, "it should be 2");
    refused("label.svg", ID, &["--public-url", "maker.example"], "is no address such as https://");
    refused("none/label.svg", ID, &url, "cannot write");

    let out = dir.path().join("label.svg");
    assert!(label(&out, &url).status.success());
    let first = fs::read(&out).unwrap();
    refused("label.svg", ID, &["--public-url", "https://other.example"], "--force overwrites it");
    assert_eq!(fs::read(&out).unwrap(), first, "what is there stays");
    assert!(label(&out, &["--public-url", "https://other.example", "--force"]).status.success());
    assert_ne!(fs::read(&out).unwrap(), first);

    let nobody = label(&dir.path().join("new.svg"), &["--url", "http://127.0.0.1:1"]);
    assert_eq!(nobody.status.code(), Some(3), "{}", text(&nobody.stderr));
}
