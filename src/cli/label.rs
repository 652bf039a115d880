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
use crate::cli::evidence::read_id;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::Output;

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
    let id = read_id(&options.id)?;
    let (Some(path), Some(text)) = (id.path(), id.element_string()) else {
        return Err(Failure::wrong_use(format!(
            "{id} is no GS1 id, so no GS1 Digital Link leads to it; a label needs one such as (01)09506000134352(21)A1"
        )));
    };
    let root = match &options.public_url {
        Some(url) => url.clone(),
        None => public_url_of(&Client::new(global)?)?,
    };
    let link = format!("{}{path}", checked(&root)?);
    let code = QrCode::with_error_correction_level(&link, EcLevel::M)
        .map_err(|error| Failure::wrong_use(format!("{link} fits into no QR code: {error}")))?;
    let bytes = match format {
        Format::Svg => svg(&code, &text).into_bytes(),
        Format::Png => png(&code)?,
    };
    write(&options.out, &bytes, options.force)?;
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

fn checked(root: &str) -> Result<&str, Failure> {
    let rest = root.strip_prefix("https://").or_else(|| root.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && rest.chars().all(|c| c.is_ascii_graphic() && !"?#\"<>".contains(c)) => {
            Ok(root.trim_end_matches('/'))
        }
        _ => Err(Failure::wrong_use(format!("the public URL {root:?} is no address such as https://node.example"))),
    }
}

/// One path of dark runs, and the element string under it for when the code cannot be read.
fn svg(code: &QrCode, text: &str) -> String {
    let side = code.width() + 2 * QUIET_ZONE;
    let lines: Vec<String> = lines_of(text);
    let longest = lines.iter().map(String::len).max().unwrap_or(1);
    let font = (code.width() as f64 / (longest as f64 * CHARACTER_WIDTH)).min(LINE_MODULES * 0.75);
    let height = side as f64 + LINE_MODULES * lines.len() as f64;
    let markup = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (side) " " (height) }
            width={ (side as f64 * MODULE_MM) "mm" } height={ (height * MODULE_MM) "mm" } role="img" aria-label=(text) {
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

/// A line for each part: `(01)…`, then `(21)…`.
fn lines_of(text: &str) -> Vec<String> {
    // The key's value holds no bracket, so the next one begins the qualifier.
    let second = text.get(1..).and_then(|rest| rest.find('(')).map(|at| at + 1);
    match second.and_then(|at| text.split_at_checked(at)) {
        Some((key, qualifier)) => vec![key.to_owned(), qualifier.to_owned()],
        None => vec![text.to_owned()],
    }
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
        assert_eq!(lines_of("(01)09506000134352(21)A(1"), ["(01)09506000134352", "(21)A(1"]);
        assert_eq!(lines_of("(00)095060001000000012"), ["(00)095060001000000012"]);
    }

    #[test]
    fn a_public_url_is_an_address() {
        assert_eq!(checked("https://node.example/").ok(), Some("https://node.example"));
        assert_eq!(checked("http://10.0.0.1:8080/sealane").ok(), Some("http://10.0.0.1:8080/sealane"));
        for wrong in ["", "node.example", "https://", "https://node.example/?a", "https://a b", "ftp://node.example"] {
            assert!(checked(wrong).is_err(), "{wrong}");
        }
    }
}
