//! `GET /assets/…`: scripts and style of the pages, from inside the binary.
//!
//! A page names its script and its style by their hashes, and a browser keeps them for good: a page never runs with the script of
//! another one, which would call good evidence tampered. A script is one file, joined from the modules that it imports
//! ([`modules`]) and the texts of one language. What others may load (the verifier, `vendor/`) stands under its own name, and is
//! asked for again before it is used.
//!
//! What stands below `vendor/` was made by others and is given as they made it, with their licence.

mod modules;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{LazyLock, OnceLock};

use actix_web::http::header::{
    AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, Encoding, EntityTag, Header,
    HeaderName, IfNoneMatch, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::Embed;

use crate::http::pages::Language;
use crate::http::problem::Problem;
use modules::ModuleError;
use sealane_core::hash::Hash;

#[derive(Embed)]
#[folder = "web/"]
#[include = "*.js"]
#[include = "*.css"]
#[include = "*.svg"]
#[include = "*.webmanifest"]
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

/// Megabytes that a phone loads of it, as gzip.
pub const DECODER_MEGABYTES: &str = "0.4";

/// The script of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Script {
    /// Of a product.
    Product,
    /// Of a record, a block or the trust anchor.
    Proof,
    Scan,
    List,
    Front,
    /// The box to look a number up with, on a page that has no other script.
    Lookup,
}

impl Script {
    const ALL: [Self; 6] = [Self::Product, Self::Proof, Self::Scan, Self::List, Self::Front, Self::Lookup];

    /// The module that it is, with all that it imports.
    const fn entry(self) -> &'static str {
        match self {
            Self::Product => "page.js",
            Self::Proof => "proof.js",
            Self::Scan => "scan.js",
            Self::List => "list.js",
            Self::Front => "front.js",
            Self::Lookup => "lookup.js",
        }
    }

    /// The text of the module `texts.js`, which is made for each script: the page's messages, and the sentences of verdicts.
    fn texts(self, language: Language) -> String {
        let messages = match self {
            Self::Product => language.messages_json(&[]),
            Self::Proof => language.messages_json(&["proof."]),
            Self::Scan | Self::List | Self::Front | Self::Lookup => {
                language.messages_json(&["scan.", "photo.", "list.", "refused."])
            }
        };
        let sentences = match self {
            Self::Product | Self::List => language.sentences().to_json(),
            _ => "{}".to_owned(),
        };
        format!("export const MESSAGES = {messages};\nexport const SENTENCES = {sentences};\n")
    }

    fn joined(self, language: Language) -> Result<String, ModuleError> {
        modules::join(self.entry(), &|path| if path == "texts.js" { Some(self.texts(language)) } else { source(path) })
    }

    /// Its name below `/assets/`.
    pub fn file(self, language: Language) -> &'static str {
        SCRIPTS.get(&(self, language)).map_or("", |script| &script.name)
    }
}

/// Scripts and style of ours without comments: each is in several files that are given.
static SOURCES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let own = Files::iter().filter(|name| has_comments(name));
    own.filter_map(|name| {
        let bytes = Files::get(&name)?.data;
        Some((name.into_owned(), without_comments(&String::from_utf8_lossy(&bytes))))
    })
    .collect()
});

fn source(path: &str) -> Option<String> {
    SOURCES.get(path).cloned()
}

/// What every page runs before anything else, inside of the page: the policy names its hash.
pub static FIRST_SCRIPT: LazyLock<String> = LazyLock::new(|| source("first.js").unwrap_or_default());

/// A file whose name has its hash in it: what is found there never changes.
struct Hashed {
    name: String,
    bytes: Bytes,
}

impl Hashed {
    /// Its name has the first 16 hexadecimal digits of the hash in it.
    fn of(stem: &str, extension: &str, text: String) -> Self {
        let name = format!("{stem}.{}.{extension}", &Hash::of(text.as_bytes()).to_hex()[..16]);
        Self { name, bytes: text.into() }
    }
}

static SCRIPTS: LazyLock<BTreeMap<(Script, Language), Hashed>> = LazyLock::new(|| {
    let all = Script::ALL.iter().flat_map(|script| Language::ALL.iter().map(|language| (*script, *language)));
    let scripts = all.filter_map(|(script, language)| {
        let stem = format!("{}.{}", script.entry().trim_end_matches(".js"), language.tag());
        // Whatever cannot be joined is not there, which a test notices.
        Some(((script, language), Hashed::of(&stem, "js", script.joined(language).ok()?)))
    });
    scripts.collect()
});

static STYLE: LazyLock<Hashed> = LazyLock::new(|| Hashed::of("style", "css", source("style.css").unwrap_or_default()));

/// The name of the style of every page below `/assets/`.
pub fn style_file() -> &'static str {
    &STYLE.name
}

struct Asset {
    bytes: Bytes,
    /// Its name has its hash in it: what is found there never changes.
    is_hashed: bool,
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
    let plain = Files::iter().filter(|name| is_given_alone(name)).filter_map(|name| {
        let bytes = match source(&name) {
            Some(text) => text.into(),
            None => Bytes::from(Files::get(&name)?.data.into_owned()),
        };
        Some((name.into_owned(), bytes, false))
    });
    let hashed = SCRIPTS.values().chain([&*STYLE]).map(|file| (file.name.clone(), file.bytes.clone(), true));
    let assets = plain.chain(hashed).filter_map(|(name, bytes, is_hashed)| {
        let media_type = media_type(&name)?;
        let tag = EntityTag::new_weak(Hash::of(&bytes).to_base64());
        Some((name, Asset { gzip: OnceLock::new(), bytes, is_hashed, media_type, tag }))
    });
    assets.collect()
});

/// Whether a file is given under its own name: the verifier, which other sites load too, and what is no part of a page's script.
fn is_given_alone(name: &str) -> bool {
    const ALONE: [&str; 4] = ["verify.js", "worker.js", "icon.svg", "sealane.webmanifest"];
    ALONE.contains(&name) || name.starts_with("verify/") || name.starts_with("vendor/")
}

fn has_comments(name: &str) -> bool {
    !name.starts_with("vendor/") && (name.ends_with(".js") || name.ends_with(".css"))
}

/// A script or style without indentation and without the lines that are nothing but comment: these are for readers of
/// the sources, and a sixth of what a phone would load. A template literal over several lines stays as it is.
fn without_comments(text: &str) -> String {
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
    kept
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
        "svg" => Some("image/svg+xml"),
        "wasm" => Some("application/wasm"),
        "webmanifest" => Some("application/manifest+json"),
        _ => None,
    }
}

/// Lets the worker of `/assets/` answer for every page.
const WORKER_ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");

/// What the worker may do: pass on what pages of this site ask for.
const WORKER_POLICY: &str = "default-src 'none'; connect-src 'self'";

/// Gives a file that a page uses.
#[utoipa::path(get, path = "/assets/{file}", tag = "products",
    params(("file" = String, Path, description = "A script, the style, the icon, or a module of the verifier")),
    responses(
        (status = 200, description = "The file", content(
            (String = "text/javascript"), (String = "text/css"), (String = "image/svg+xml"), (String = "application/wasm"),
            (String = "text/plain"), (Object = "application/manifest+json"))),
        (status = 304, description = "It is the one that `If-None-Match` names"),
    ))]
pub async fn get_asset(request: HttpRequest, file: web::Path<String>) -> Result<HttpResponse, Problem> {
    let asset = ASSETS.get(file.as_str()).ok_or_else(|| Problem::not_found("no page uses a file of this name"))?;
    let known = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&asset.tag)),
        _ => false,
    };
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    let kept = if asset.is_hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    answer.insert_header((CACHE_CONTROL, kept)).insert_header((ETAG, asset.tag.to_string()));
    if file.as_str() == "worker.js" {
        answer.insert_header((WORKER_ALLOWED, "/")).insert_header((CONTENT_SECURITY_POLICY, WORKER_POLICY));
    }
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
    fn every_script_is_joined_in_every_language() {
        for script in Script::ALL {
            for language in Language::ALL {
                let joined = script.joined(*language).unwrap();
                for line in joined.lines() {
                    assert!(!line.starts_with("import ") && !line.starts_with("export "), "{script:?}: {line}");
                }
                let asset = &ASSETS[script.file(*language)];
                assert!(asset.is_hashed && asset.bytes == joined, "{script:?}");
            }
        }
    }

    #[test]
    fn what_pages_name_is_there() {
        for name in [style_file(), "icon.svg", "verify.js", "verify/judge.js", "worker.js", "sealane.webmanifest"] {
            assert!(ASSETS.contains_key(name), "{name}");
        }
        // What is joined has no other name.
        assert!(!ASSETS.contains_key("page.js") && !ASSETS.contains_key("style.css"));
        assert!(!FIRST_SCRIPT.is_empty() && !FIRST_SCRIPT.contains("</"), "it stands inside of a page");
    }

    /// The first script and the worker are no modules, and say again what modules have.
    #[test]
    fn what_stands_in_two_scripts_is_the_same_in_both() {
        for (module, constant, other) in [("memory.js", "KEY", "first.js"), ("kept.js", "KEPT", "worker.js")] {
            let text = source(module).unwrap();
            let value = text.split(&format!("const {constant} = ")).nth(1).unwrap().split(';').next().unwrap();
            assert!(
                value.starts_with('"') && source(other).unwrap().contains(value),
                "{constant} of {module} in {other}"
            );
        }
    }

    /// Bytes of a page's script and style, as a phone loads them. The verifier is most of it.
    #[test]
    fn what_a_page_loads_is_small() {
        for language in Language::ALL {
            for (script, most) in [
                (Script::Product, 112_000),
                (Script::Proof, 72_000),
                (Script::List, 122_000),
                (Script::Scan, 36_000),
                (Script::Front, 33_000),
                (Script::Lookup, 33_000),
            ] {
                let files = [script.file(*language), style_file()];
                let bytes: usize = files.iter().map(|name| ASSETS[*name].gzip().unwrap().len()).sum();
                assert!(bytes < most, "{bytes} bytes of {script:?} in {}", language.tag());
            }
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
            assert_eq!(without_comments(source), sent);
        }
    }

    /// What the reading by lines rests on.
    #[test]
    fn a_comment_has_its_own_lines_and_templates_end() {
        for name in Files::iter().filter(|name| has_comments(name)) {
            let bytes = Files::get(&name).unwrap().data;
            let sent = without_comments(std::str::from_utf8(&bytes).unwrap());
            assert_eq!(sent.matches('`').count() % 2, 0, "{name}");
            for line in std::str::from_utf8(&bytes).unwrap().lines().map(str::trim) {
                assert!(!line.starts_with("/*") || !line.contains("*/") || line.ends_with("*/"), "{name}: {line}");
                assert!(!line.ends_with('\\'), "{name}: {line}");
            }
        }
    }
}
