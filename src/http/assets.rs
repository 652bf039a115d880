//! `GET /assets/…`: scripts, style and messages of the pages, from inside the binary.
//!
//! Everything is asked for again before it is used (`no-cache`, with an `ETag`): a script that is older than the evidence
//! it checks would call good evidence tampered.
//!
//! What stands below `vendor/` was made by others and is given as they made it, with their licence.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{LazyLock, OnceLock};

use actix_web::http::header::{
    AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, ETAG, Encoding, EntityTag, Header, IfNoneMatch, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::Embed;

use crate::http::pages::Language;
use crate::http::problem::Problem;
use sealane_core::hash::Hash;

#[derive(Embed)]
#[folder = "web/"]
#[include = "*.js"]
#[include = "*.css"]
#[include = "*.svg"]
#[include = "*.wasm"]
#[include = "vendor/*/LICENSE"]
#[exclude = "*.test.js"]
#[exclude = "test/*"]
#[exclude = "console/*"]
struct Files;

/// The decoder of codes that the page to scan with loads if the browser has none, below `/assets/`. `web/decoder.js`
/// names the first of them and the last.
#[cfg(test)]
const DECODER: [&str; 3] = [
    "vendor/zxing-wasm/es/reader/index.js",
    "vendor/zxing-wasm/es/share.js",
    "vendor/zxing-wasm/reader/zxing_reader.wasm",
];

/// What only the pages to scan with load, and the box to look a number up with.
#[cfg(test)]
const SCANNING: [&str; 7] = ["codes.js", "csv.js", "decoder.js", "list.js", "lookup.js", "scan.js", "verify/typed.js"];

/// Megabytes that a phone loads of it, as gzip.
pub const DECODER_MEGABYTES: &str = "0.4";

struct Asset {
    bytes: Bytes,
    /// Made at the first request that takes it. It is made at its best, which takes too long for each request.
    gzip: OnceLock<Option<Bytes>>,
    media_type: &'static str,
    tag: EntityTag,
}

impl Asset {
    fn gzip(&self) -> Option<&Bytes> {
        self.gzip.get_or_init(|| gzip(&self.bytes)).as_ref()
    }
}

/// Every asset by its path below `/assets/`.
static ASSETS: LazyLock<BTreeMap<String, Asset>> = LazyLock::new(|| {
    let files = Files::iter().filter_map(|name| {
        let bytes = Files::get(&name)?.data.into_owned();
        Some((name.into_owned(), bytes))
    });
    let messages = Language::ALL.iter().map(|language| {
        let name = format!("messages.{}.json", language.tag());
        (name, language.messages_json().into_bytes())
    });
    let sentences = Language::ALL.iter().map(|language| {
        let name = format!("sentences.{}.json", language.tag());
        (name, language.sentences().to_json().into_bytes())
    });
    let scanning = Language::ALL.iter().map(|language| {
        let name = format!("scanning.{}.json", language.tag());
        (name, language.scanning_json().into_bytes())
    });
    let proving = Language::ALL.iter().map(|language| {
        let name = format!("proving.{}.json", language.tag());
        (name, language.proving_json().into_bytes())
    });
    let assets = files.chain(messages).chain(scanning).chain(proving).chain(sentences).filter_map(|(name, bytes)| {
        let media_type = media_type(&name)?;
        let bytes = if has_comments(&name) { without_comments(&bytes) } else { bytes };
        let tag = EntityTag::new_weak(Hash::of(&bytes).to_base64());
        Some((name, Asset { gzip: OnceLock::new(), bytes: bytes.into(), media_type, tag }))
    });
    assets.collect()
});

fn has_comments(name: &str) -> bool {
    !name.starts_with("vendor/") && (name.ends_with(".js") || name.ends_with(".css"))
}

/// A script or style without indentation and without the lines that are nothing but comment: these are for readers of
/// the sources, and a sixth of what a phone would load. A template literal over several lines stays as it is.
fn without_comments(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let mut kept = String::with_capacity(text.len());
    let (mut in_comment, mut in_template) = (false, false);
    for line in text.lines() {
        let code = line.trim();
        in_comment |= !in_template && code.starts_with("/*");
        let is_read = in_template || !(in_comment || code.is_empty() || code.starts_with("//"));
        if is_read {
            kept.push_str(if in_template { line } else { line.trim_start() });
            kept.push('\n');
            in_template ^= line.matches('`').count() % 2 == 1;
        }
        in_comment &= !code.ends_with("*/");
    }
    kept.into_bytes()
}

fn gzip(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    Some(encoder.finish().ok()?.into())
}

fn media_type(name: &str) -> Option<&'static str> {
    if name.ends_with("/LICENSE") {
        return Some("text/plain; charset=utf-8");
    }
    match name.rsplit_once('.')?.1 {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "json" => Some("application/json"),
        "svg" => Some("image/svg+xml"),
        "wasm" => Some("application/wasm"),
        _ => None,
    }
}

/// Gives a file that a page uses.
#[utoipa::path(get, path = "/assets/{file}", tag = "products",
    params(("file" = String, Path, description = "A script, the style, or the messages or the verdicts' sentences of a language")),
    responses(
        (status = 200, description = "The file", content(
            (String = "text/javascript"), (String = "text/css"), (String = "image/svg+xml"), (String = "application/wasm"),
            (String = "text/plain"), (Object = "application/json"))),
        (status = 304, description = "It is the one that `If-None-Match` names"),
    ))]
pub async fn get_asset(request: HttpRequest, file: web::Path<String>) -> Result<HttpResponse, Problem> {
    let asset = ASSETS.get(file.as_str()).ok_or_else(|| Problem::not_found("no page uses a file of this name"))?;
    let known = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&asset.tag)),
        _ => false,
    };
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((CACHE_CONTROL, "no-cache")).insert_header((ETAG, asset.tag.to_string()));
    if known {
        return Ok(answer.finish());
    }
    answer.content_type(asset.media_type).insert_header((VARY, "accept-encoding"));
    if takes_gzip(&request)
        && let Some(gzip) = asset.gzip()
    {
        return Ok(answer.insert_header((CONTENT_ENCODING, "gzip")).body(gzip.clone()));
    }
    Ok(answer.body(asset.bytes.clone()))
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let offered = [Encoding::gzip(), Encoding::identity()];
    let accepted = AcceptEncoding::parse(request).ok().filter(|accepted| !accepted.is_empty());
    accepted.and_then(|accepted| accepted.negotiate(offered.iter())) == Some(Encoding::gzip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pages_name_is_there() {
        for name in [
            "style.css",
            "icon.svg",
            "page.js",
            "scan.js",
            "front.js",
            "members.js",
            "messages.en.json",
            "messages.ko.json",
            "scanning.en.json",
            "scanning.ko.json",
            "list.js",
            "lookup.js",
            "sentences.en.json",
            "sentences.ko.json",
        ] {
            assert!(ASSETS.contains_key(name), "{name}");
        }
    }

    /// What only the pages of records, blocks and the trust anchor load.
    const PROVING: [&str; 2] = ["proof.js", "verify/standing.js"];

    #[test]
    fn a_page_with_all_it_loads_is_small() {
        // A page loads one language and its own script; this is all there is in one language but for what others made, and
        // for what only the pages to scan with load.
        for language in Language::ALL {
            let of_other = format!(".{}.json", language.other().tag());
            let own = ASSETS.iter().filter(|(name, _)| !name.starts_with("vendor/") && !name.ends_with(&of_other));
            let own = own.filter(|(name, _)| !name.starts_with("proving.") && !PROVING.contains(&name.as_str()));
            let (scanning, rest): (Vec<_>, Vec<_>) =
                own.partition(|(name, _)| name.starts_with("scanning.") || SCANNING.contains(&name.as_str()));
            let bytes = |assets: &[(&String, &Asset)]| -> usize {
                assets.iter().map(|(_, asset)| asset.gzip().unwrap().len()).sum()
            };
            assert_eq!(scanning.len(), SCANNING.len() + 1);
            assert!(bytes(&rest) < 128_000, "{} bytes of assets in {}", bytes(&rest), language.tag());
            assert!(bytes(&scanning) < 20_000, "{} bytes to scan with in {}", bytes(&scanning), language.tag());
        }
    }

    #[test]
    fn the_decoder_is_as_large_as_people_are_told() {
        let bytes: usize = DECODER.iter().map(|name| ASSETS[*name].gzip().unwrap().len()).sum();
        assert_eq!(format!("{:.1}", bytes as f64 / 1e6), DECODER_MEGABYTES, "{bytes} bytes");
        let script = Files::get("decoder.js").unwrap().data;
        let script = std::str::from_utf8(&script).unwrap();
        assert!(script.contains(DECODER[0]) && script.contains(DECODER[2].rsplit_once('/').unwrap().0));
        assert_eq!(ASSETS[DECODER[2]].media_type, "application/wasm", "else a browser does not compile it as it comes");
    }

    /// `web/vendor/*/README.md` names the hash of each file, as the package has it.
    #[test]
    fn what_others_made_is_as_they_made_it() {
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/web/vendor/zxing-wasm/README.md"));
        let readme = readme.unwrap();
        let vendored: Vec<_> = Files::iter().filter(|name| name.starts_with("vendor/zxing-wasm/")).collect();
        assert_eq!(vendored.len(), DECODER.len() + 1, "and the licence: {vendored:?}");
        for name in vendored {
            let bytes = Files::get(&name).unwrap().data;
            let row =
                format!("| `{}` | `{}` |", name.trim_start_matches("vendor/zxing-wasm/"), Hash::of(&bytes).to_hex());
            assert!(readme.contains(&row), "{row}");
            assert_eq!(ASSETS[name.as_ref()].bytes, bytes.as_ref(), "{name} is given as it is");
        }
    }

    #[test]
    fn comments_stay_at_home() {
        for (source, sent) in [
            ("// Why.\n\n/**\n * More.\n */\nconst a = \"/*\"; // b\n", "const a = \"/*\"; // b\n"),
            ("  /* c */\n  f(`//`);\n", "f(`//`);\n"),
            ("  const a = `x\n  // y\n\n  z`;\n  // w\n", "const a = `x\n  // y\n\n  z`;\n"),
        ] {
            assert_eq!(String::from_utf8(without_comments(source.as_bytes())).unwrap(), sent);
        }
    }

    /// What the reading by lines rests on.
    #[test]
    fn a_comment_has_its_own_lines_and_templates_end() {
        for name in Files::iter().filter(|name| has_comments(name)) {
            let bytes = Files::get(&name).unwrap().data;
            let sent = without_comments(&bytes);
            assert_eq!(sent.iter().filter(|byte| **byte == b'`').count() % 2, 0, "{name}");
            for line in std::str::from_utf8(&bytes).unwrap().lines().map(str::trim) {
                assert!(!line.starts_with("/*") || !line.contains("*/") || line.ends_with("*/"), "{name}: {line}");
                assert!(!line.ends_with('\\'), "{name}: {line}");
            }
        }
    }
}
