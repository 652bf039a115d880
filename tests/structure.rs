//! Keeps the layers of `src/lib.rs` true, by reading every path that leads out of a module, and a few habits of style.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each top-level module, and those that it may name. All may name the core, which is a crate and names none of them.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("ports", &["ports"]),
    ("app", &["app", "ports"]),
    ("store", &["store", "app", "ports"]),
    ("pki", &["pki", "app", "ports"]),
    ("signatures", &["signatures"]),
    ("bft", &["bft", "app", "ports"]),
    ("net", &["net", "app", "ports"]),
    ("http", &["http", "app", "ports"]),
    // Only its own `http` names that of the node: the test below keeps this.
    ("gateway", &["gateway", "http", "app", "ports"]),
    ("config", &["config", "app", "ports"]),
    ("telemetry", &["telemetry", "app", "ports"]),
    (
        "cli",
        &["cli", "gateway", "http", "store", "pki", "signatures", "bft", "net", "config", "telemetry", "app", "ports"],
    ),
];

/// What the core must not reach for: clocks, randomness, I/O, async, SQL, HTTP.
const FOREIGN_TO_CORE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "std::process",
    "std::thread",
    "tokio",
    "diesel",
    "actix",
    "ureq",
    "SystemTime",
    "Instant::now",
    "now_utc",
    "OsRng",
    "getrandom",
    "async fn",
    "tracing",
];

/// Crates that one layer alone knows, or a part of one.
const ONE_PLACE: &[(&str, &[&str])] = &[
    ("diesel", &["store", "gateway/store"]),
    ("tokio_postgres", &["store"]),
    ("actix_web", &["http", "gateway/http"]),
    ("rcgen", &["pki"]),
    ("tokio_rustls::TlsConnector", &["net"]),
    ("sealane_p256_tables", &["signatures"]),
    ("arc_malachitebft", &["bft"]),
    ("clap::", &["cli", "config"]),
    ("argon2::", &["gateway/clients"]),
    ("ureq", &["cli"]),
];

/// A longer file than this needs a reason to stay whole.
const FILE_LINES_MAX: usize = 700;

const PRODUCT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
const CORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/core/src");

const TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/p256-tables/src");

fn sources_under(root: &str) -> Vec<(PathBuf, String)> {
    let found = sources_under_any(root);
    assert!(found.len() > 50, "the sources under {root} were not found");
    found
}

fn sources_under_any(root: &str) -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new(root), &mut found);
    found
}

/// The sources of the package `sealane`.
fn sources() -> Vec<(PathBuf, String)> {
    sources_under(PRODUCT)
}

/// A source without its comments and its unit tests.
fn code(text: &str) -> String {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    code.join("\n").split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

/// A file's module path below the crate, such as `["http", "pages", "product"]`.
fn module_path(file: &Path) -> Vec<String> {
    let below = file.strip_prefix(PRODUCT).unwrap().with_extension("");
    let mut path: Vec<String> = below.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    path
}

/// The top-level modules that a source names, by `crate::…` or by enough `super::`s.
fn named(text: &str, module: &[String]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        names.extend(heads(&text[at + "crate::".len()..]));
    }
    for (at, _) in text.match_indices("super::") {
        // Count a chain of supers once, at its first one.
        if text[..at].ends_with("super::") {
            continue;
        }
        let mut rest = &text[at..];
        let mut ups = 0;
        while let Some(after) = rest.strip_prefix("super::") {
            ups += 1;
            rest = after;
        }
        // An inline module, such as `tests`, adds a level that the file's path does not show.
        if ups >= module.len() {
            names.extend(heads(rest).into_iter().filter(|name| MAY_NAME.iter().any(|(known, _)| known == name)));
        }
    }
    names
}

/// The first name of a path, or of each path of a group in braces.
fn heads(text: &str) -> Vec<String> {
    let name =
        |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    match text.strip_prefix('{') {
        None => vec![name(text)],
        Some(group) => {
            let (mut depth, mut starts) = (0, vec![0]);
            for (at, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => starts.push(at + 1),
                    _ => {}
                }
            }
            starts.into_iter().map(|start| name(&group[start..])).collect()
        }
    }
}

#[test]
fn modules_name_only_the_layers_below_them() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let module = module_path(&file);
        let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| module.first().is_some_and(|first| first == name))
        else {
            continue;
        };
        for name in named(&text, &module) {
            if MAY_NAME.iter().any(|(known, _)| *known == name) && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{} names {name}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_top_level_module_has_a_layer() {
    for (file, _) in sources() {
        let module = module_path(&file);
        let first = module.first().map(String::as_str).unwrap_or_default();
        let known = ["lib", "main"].contains(&first) || MAY_NAME.iter().any(|(name, _)| *name == first);
        assert!(known, "{} is in no layer", file.display());
    }
}

#[test]
fn the_core_is_pure() {
    let mut wrong = Vec::new();
    for (file, text) in sources_under(CORE) {
        let code = code(&text);
        let foreign = FOREIGN_TO_CORE.iter().filter(|word| code.contains(**word));
        wrong.extend(foreign.map(|word| format!("{}: {word}", file.display())));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_edge_keeps_its_crate() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let module = module_path(&file);
        let path = format!("{}/", module.join("/"));
        let code = code(&text);
        for (word, places) in ONE_PLACE {
            if code.contains(word) && !places.iter().any(|place| path.starts_with(&format!("{place}/"))) {
                wrong.push(format!("{}: {word}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The gateway is made of parts that know no more than they need: what is pure, the store, and the requests.
#[test]
fn the_gateway_keeps_its_own_walls() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let module = module_path(&file);
        let parts: Vec<&str> = module.iter().map(String::as_str).collect();
        let ["gateway", rest @ ..] = parts.as_slice() else { continue };
        let code = code(&text);
        let mut must_not = |words: &[&str]| {
            let found = words.iter().filter(|word| code.contains(**word));
            wrong.extend(found.map(|word| format!("{}: {word}", file.display())));
        };
        if rest.first() != Some(&"http") {
            must_not(&["crate::http"]);
        }
        if rest.first() == Some(&"store") {
            must_not(&["gateway::http", "gateway::lanes", "gateway::nodes"]);
        }
        // What is decided by values alone: no clock, no file, no thread.
        if ["decode", "normalise", "xml", "document", "intake", "job", "delivery"].contains(rest.first().unwrap_or(&""))
        {
            must_not(&[
                "std::fs",
                "std::time",
                "std::thread",
                "Instant",
                "SystemTime",
                "tokio",
                "gateway::store",
                "gateway::keeper",
            ]);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_file_is_an_attic_or_too_long() {
    for (file, text) in sources().into_iter().chain(sources_under(CORE)) {
        let name = file.file_stem().unwrap().to_str().unwrap();
        assert!(!["utils", "util", "common", "helpers", "helper", "misc"].contains(&name), "{}", file.display());
        assert!(text.lines().count() <= FILE_LINES_MAX, "{} has {} lines", file.display(), text.lines().count());
    }
}

/// The public types that a source declares, outside its unit tests.
fn public_types(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let declared = |line: &str| {
        let rest = line.trim_start().strip_prefix("pub ")?;
        let rest = ["struct ", "enum ", "trait ", "type "].iter().find_map(|word| rest.strip_prefix(word))?;
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        // A macro's own name is none.
        (!name.is_empty()).then_some(name)
    };
    // An associated type of a trait's implementation has no `pub`.
    code.lines().filter_map(declared).collect()
}

#[test]
fn no_two_public_types_have_one_name() {
    let mut places: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for (file, text) in sources().into_iter().chain(sources_under(CORE)).chain(sources_under_any(TABLES)) {
        if file.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        for name in public_types(&text) {
            places.entry(name).or_default().push(file.display().to_string());
        }
    }
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "one word, one meaning, one type: {places:#?}");
}

#[test]
fn the_reader_of_types_sees_every_form() {
    let text = "pub struct A;\n    pub enum B {}\npub(crate) struct C;\npub trait D: E {}\npub type F<T> = G<T>;\n\
                // pub struct H\n#[cfg(test)]\nmod tests {\n pub struct I;\n}";
    assert_eq!(public_types(text), ["A", "B", "D", "F"]);
}

#[test]
fn the_reader_of_paths_sees_every_form() {
    let module = |path: &str| path.split("::").map(str::to_owned).collect::<Vec<_>>();
    let names = |text: &str, path: &str| named(text, &module(path)).into_iter().collect::<Vec<_>>();
    assert_eq!(names("use crate::store::SqliteStore;", "http::pages"), ["store"]);
    assert_eq!(names("let x: crate::http::Node = y;", "ports"), ["http"]);
    assert_eq!(names("use crate::{app::Ledger, store::{A, B}, ports};", "store"), ["app", "ports", "store"]);
    assert_eq!(names("use super::super::http::x;", "http::pages"), ["http"]);
    assert!(names("use super::id;", "http::pages::key").is_empty());
}
