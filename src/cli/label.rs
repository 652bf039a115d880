//! `label`: a product's Digital Link on a node as a QR code, to be printed.

use std::fs::OpenOptions;
use std::io::{Cursor, ErrorKind, Write};
use std::path::Path;

use image::{GrayImage, ImageFormat, Luma};
use maud::html;
use qrcode::{Color, EcLevel, QrCode};
use serde_json::{Value, json};

use crate::cli::arguments::{Global, LabelOptions};
use crate::cli::client::Client;
use crate::cli::evidence::read_question;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::Output;
use crate::cli::public_url::checked;
use crate::http::page_of;
use sealane_core::gs1::{ElementString, Question};

/// Modules of white around the code (ISO/IEC 18004 §9.1).
const QUIET_ZONE: usize = 4;

/// Pixels of a module in a PNG: 25 mm at 600 dots an inch for the usual code.
const MODULE_PIXELS: usize = 16;

/// Millimetres of a module in an SVG, within what GS1 asks of codes at a point of sale (0.396 to 0.990).
const MODULE_MM: f64 = 0.5;

/// Height of a line of text under the code, in modules.
const LINE_MODULES: f64 = 3.5;

/// Width of a character, in parts of its height, of the widest fonts that a printer may put in.
const CHARACTER_WIDTH: f64 = 0.62;

#[derive(Debug, Clone, Copy)]
enum Format {
    Svg,
    Png,
}

pub fn run(global: &Global, options: &LabelOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let format = format_of(&options.out)?;
    let asked = read_question(&options.id)?;
    let Some(lines) = lines_of(&asked) else {
        return Err(Failure::wrong_use(format!(
            "{} is no GS1 id, so no GS1 Digital Link leads to it; a label needs one such as (01)09506000134352(21)A1",
            asked.id
        )));
    };
    let root = match &options.public_url {
        Some(url) => url.clone(),
        None => public_url_of(&Client::new(global)?)?,
    };
    let root = checked(&root)?;
    let link = format!("{root}{}", page_of(&asked));
    let code = QrCode::with_error_correction_level(&link, EcLevel::M)
        .map_err(|error| Failure::wrong_use(format!("{link} fits into no QR code: {error}")))?;
    let bytes = match format {
        Format::Svg => svg(&code, &lines).into_bytes(),
        Format::Png => png(&code)?,
    };
    write(&options.out, &bytes, options.force)?;
    let left_out = left_out(&options.id, &asked);
    if !left_out.is_empty() {
        output.warn(format!("not in the link, since the product's page does not ask for it: {left_out}"));
    }
    let shown = options.out.display().to_string();
    output.result(&json!({"link": link, "file": shown}), format!("{shown}: {link}"));
    Ok(CommandOutcome::Done)
}

fn format_of(file: &Path) -> Result<Format, Failure> {
    let extension = file.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("svg") => Ok(Format::Svg),
        Some("png") => Ok(Format::Png),
        _ => Err(Failure::wrong_use(format!("--out {}: give a name that ends in .svg or .png", file.display()))),
    }
}

/// Asks a node where people reach it.
fn public_url_of(client: &Client) -> Result<String, Failure> {
    let description = client.get_json("/.well-known/gs1resolver")?;
    let root = description.get("resolverRoot").and_then(Value::as_str);
    root.map(str::to_owned).ok_or_else(|| {
        Failure::unreachable(format!("{} does not say where people reach it: give --public-url", client.url()))
    })
}

/// One path of dark runs, and the element string under it for when the code cannot be read.
fn svg(code: &QrCode, lines: &[String]) -> String {
    let side = code.width() + 2 * QUIET_ZONE;
    let longest = lines.iter().map(String::len).max().unwrap_or(1);
    let font = (code.width() as f64 / (longest as f64 * CHARACTER_WIDTH)).min(LINE_MODULES * 0.75);
    let height = side as f64 + LINE_MODULES * lines.len() as f64;
    let markup = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (side) " " (height) }
            width={ (side as f64 * MODULE_MM) "mm" } height={ (height * MODULE_MM) "mm" } role="img" aria-label=(lines.concat()) {
            rect width=(side) height=(height) fill="#fff" {}
            path d=(runs(code)) fill="#000" shape-rendering="crispEdges" {}
            @for (number, line) in lines.iter().enumerate() {
                text x=(side as f64 / 2.0) y=(side as f64 + LINE_MODULES * number as f64 + font * 0.6)
                    text-anchor="middle" font-family="Liberation Mono, Courier New, monospace" font-size=(format!("{font:.2}")) {
                    (line)
                }
            }
        }
    };
    format!("{}\n", markup.into_string())
}

/// A line for each part: `(01)…`, then `(21)…`, then what the label says beside. `None` for what is no GS1 id.
fn lines_of(asked: &Question) -> Option<Vec<String>> {
    let text = asked.id.element_string()?;
    // The key's value holds no bracket, so the next one begins the qualifier.
    let second = text.get(1..).and_then(|rest| rest.find('(')).map(|at| at + 1);
    let (key, qualifier) = second.and_then(|at| text.split_at_checked(at)).unwrap_or((&text, ""));
    let of_id = [key, qualifier].into_iter().filter(|part| !part.is_empty()).map(str::to_owned);
    // A bracket of the value is written as in the id, so that the line can be typed in.
    let beside = asked.label.iter().map(|(ai, value)| format!("({ai}){}", value.replace('(', "\\(")));
    Some(of_id.chain(beside).collect())
}

/// The elements of an element string that stand neither in the id nor on its label; empty if there is none, or the text is none.
fn left_out(text: &str, asked: &Question) -> String {
    // Bare digits are a number under a barcode, though some could be read as an AI with its value.
    let written = Some(text.trim()).filter(|text| text.starts_with(['(', ']', '\u{1d}']));
    let Some(elements) = written.and_then(|text| ElementString::parse(text).ok()) else { return String::new() };
    let of_id = asked.id.element_string().and_then(|text| ElementString::parse(&text).ok());
    let of_id: Vec<&str> = of_id.iter().flat_map(ElementString::elements).map(|element| element.ai.as_str()).collect();
    let is_in = |ai: &str| of_id.contains(&ai) || asked.label.get(ai).is_some();
    let outside = elements.elements().iter().filter(|element| !is_in(&element.ai));
    outside.map(|element| format!("({}){}", element.ai, element.value)).collect::<Vec<_>>().join(", ")
}

fn runs(code: &QrCode) -> String {
    let colors = code.to_colors();
    let mut path = String::new();
    for (y, row) in colors.chunks(code.width()).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                path.push_str(&format!("M{} {}h{}v1h-{}z", x + QUIET_ZONE, y + QUIET_ZONE, run.len(), run.len()));
            }
            x += run.len();
        }
    }
    path
}

fn png(code: &QrCode) -> Result<Vec<u8>, Failure> {
    let (width, colors) = (code.width(), code.to_colors());
    let side = u32::try_from((width + 2 * QUIET_ZONE) * MODULE_PIXELS).map_err(Failure::wrong_use)?;
    let picture = GrayImage::from_fn(side, side, |x, y| {
        let module = |pixel: u32| (pixel as usize / MODULE_PIXELS).checked_sub(QUIET_ZONE).filter(|at| *at < width);
        let dark = module(x).zip(module(y)).and_then(|(x, y)| colors.get(y * width + x)) == Some(&Color::Dark);
        Luma([if dark { 0 } else { 255 }])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).map_err(Failure::wrong_use)?;
    Ok(bytes.into_inner())
}

fn write(file: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    let options = if force { options.create(true).truncate(true) } else { options.create_new(true) };
    let written = options.write(true).open(file).and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::wrong_use(format!("{} is there already; --force overwrites it", file.display()))
        }
        _ => Failure::wrong_use(format!("cannot write {}: {error}", file.display())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_part() {
        let lines = |text: &str| lines_of(&Question::parse(text).unwrap());
        let of_item = lines("(01)09506000134352(21)A\\(1(17)271231(10)L\\(7").unwrap();
        assert_eq!(of_item, ["(01)09506000134352", "(21)A\\(1", "(10)L\\(7", "(17)271231"]);
        assert_eq!(lines("(00)195060001343500016").unwrap(), ["(00)195060001343500016"]);
        assert_eq!(lines("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), None);
    }

    #[test]
    fn what_the_link_does_not_have_is_told() {
        let told = |text: &str| left_out(text, &Question::parse(text).unwrap());
        assert_eq!(told("(01)09506000134352(21)A1(3103)000195(10)L7"), "(3103)000195");
        assert_eq!(told("(00)195060001343500016(02)09506000134352(37)10"), "(02)09506000134352, (37)10");
        for whole in ["(01)09506000134352(21)A1(10)L7(17)271231", "9506000134352", "urn:epc:id:sgtin:9506000.013435.A1"]
        {
            assert_eq!(told(whole), "", "{whole}");
        }
    }
}
