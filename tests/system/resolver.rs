//! GS1 Digital Links and the pages for people, as a browser and a program ask for them.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::signer::{Signer, captured};
use crate::support::{Answer, Node, document, object_event, request, text};

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/A1";
const PATH: &str = "/01/09506000134352/21/A1";
const ENCODED: &str = "https%3A%2F%2Fid.gs1.org%2F01%2F09506000134352%2F21%2FA1";
const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn ledger() -> Node {
    let node = Node::start();
    node.participant("Maker & <Sons>", "manufacturer", &["--gs1-prefix", "9506000"]);
    let maker = Signer::of(&node, "Maker & <Sons>");
    let mut made = object_event("ADD", "commissioning", &[ITEM], "2026-03-01T08:00:00.000Z");
    made["readPoint"] = json!({"id": "geo:60.39,5.32"});
    captured(&node, maker.statement(&document(vec![made])));
    let mut seen = object_event("OBSERVE", "inspecting", &[ITEM], "2026-03-02T08:00:00.000Z");
    seen["readPoint"] = json!({"id": "geo:51.92,4.48"});
    captured(&node, maker.statement(&document(vec![seen])));
    node
}

/// Asks, without going where the answer leads.
fn ask(node: &Node, path: &str, accept: &str) -> Answer {
    node.request("GET", path, &[("Accept", accept)], b"")
}

/// Asks, and goes where a Digital Link leads.
fn get(node: &Node, path: &str, accept: &str) -> Answer {
    node.follow(path, &[("Accept", accept)])
}

fn vary(answer: &Answer) -> String {
    let values = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("vary"));
    values.map(|(_, value)| value.to_lowercase()).collect::<Vec<_>>().join(", ")
}

fn links(answer: &Answer) -> String {
    let values = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("link"));
    values.map(|(_, value)| value.clone()).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_digital_link_leads_to_the_page_and_verdict() {
    let node = ledger();
    let page = format!("{}/verify?id={ENCODED}", node.url);
    for accept in ["*/*", HTML, "application/json", "text/html", "image/png"] {
        let answer = ask(&node, PATH, accept);
        assert_eq!((answer.status, answer.header("location")), (307, Some(page.as_str())), "{accept}");
        assert!(vary(&answer).contains("accept"), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let links: Vec<_> = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("link")).collect();
        let [(_, links)] = &links[..] else { panic!("one line, for those that see one: {answer:?}") };
        assert!(links.contains(&format!("<{}{PATH}?linkType=linkset>; rel=\"linkset\"", node.url)), "{links}");
        assert!(links.contains(&format!("<{ITEM}>; rel=\"owl:sameAs\"")), "{links}");
    }
    let head = node.request("HEAD", PATH, &[("Accept", HTML)], b"");
    assert_eq!((head.status, head.header("location"), head.body.len()), (307, Some(page.as_str()), 0));
    assert_eq!(ask(&node, &format!("{PATH}/"), "*/*").header("location"), Some(page.as_str()), "a slash at the end");

    let json = get(&node, PATH, "*/*");
    assert_eq!((json.status, json.header("content-type")), (200, Some("application/json")));
    assert_eq!(json.json()["verdict"], "authentic");
    let html = get(&node, PATH, HTML);
    assert_eq!((html.status, html.header("content-type")), (200, Some("text/html; charset=utf-8")));
}

#[test]
fn a_client_stays_at_the_host_that_it_asked() {
    let node = ledger();
    let page = format!("/verify?id={ENCODED}");
    let port = node.url.rsplit(':').next().unwrap();
    let other = request(&format!("localhost:{port}"), "GET", PATH, &[], b"");
    assert_eq!(other.header("location"), Some(page.as_str()), "by another name of the node");
    let navigating = node.request("GET", PATH, &[("Sec-Fetch-Mode", "navigate")], b"");
    assert_eq!(navigating.header("location"), Some(page.as_str()), "a browser, which may have come by a proxy");
}

#[test]
fn the_linkset_has_every_link_in_both_forms() {
    let node = ledger();
    let linkset = ask(&node, PATH, "application/linkset+json");
    assert_eq!((linkset.status, linkset.header("content-type")), (200, Some("application/linkset+json")));
    assert!(linkset.header("link").unwrap().contains("rel=\"http://www.w3.org/ns/json-ld#context\""), "{linkset:?}");
    let json = linkset.json();
    let [item, class] = &json["linkset"].as_array().unwrap()[..] else { panic!("{json}") };
    assert_eq!(item["anchor"], format!("{}{PATH}", node.url));
    assert_eq!(class["anchor"], format!("{}/01/09506000134352", node.url));
    let default = item["https://ref.gs1.org/voc/defaultLink"].as_array().unwrap();
    assert_eq!(default.len(), 1);
    let members: Vec<&String> = default[0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["href", "title"]);

    // Every link leads somewhere, to what it says it is.
    for (link_type, targets) in item.as_object().unwrap() {
        for target in targets.as_array().into_iter().flatten() {
            let href = target["href"].as_str().unwrap().strip_prefix(&node.url).unwrap();
            let media_type = target["type"].as_str().unwrap_or("application/json");
            let found = ask(&node, href, media_type);
            assert_eq!(found.status, 200, "{link_type} {href}");
            assert!(found.header("content-type").unwrap().starts_with(media_type), "{link_type} {href}");
        }
    }
    let text_form = ask(&node, PATH, "application/linkset");
    assert_eq!((text_form.status, text_form.header("content-type")), (200, Some("application/linkset")));
    let lines = text(&text_form.body);
    let count =
        |json: &Value| json.as_object().unwrap().values().filter_map(Value::as_array).map(Vec::len).sum::<usize>();
    assert_eq!(lines.lines().count(), count(item) + count(class), "{lines}");
    assert!(
        lines.contains(&format!("; anchor=\"{}{PATH}\"; type=\"text/html\"; hreflang=\"en\"", node.url)),
        "{lines}"
    );
    for all in ["linkType=linkset", "linkType=all"] {
        let answer = ask(&node, &format!("{PATH}?{all}"), HTML);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/linkset+json")));
    }
}

#[test]
fn a_link_type_leads_to_its_link_and_takes_the_query_along() {
    let node = ledger();
    let led_by = |path: &str, accept: &str| {
        let answer = ask(&node, path, accept);
        let target =
            answer.header("location").map(|target| target.strip_prefix(&node.url).unwrap_or(target).to_owned());
        (answer.status, target.unwrap_or_default())
    };
    let led = |query: &str| led_by(&format!("{PATH}?{query}"), "*/*");
    let page = format!("/verify?id={ENCODED}");
    let evidence = format!("/evidence?id={ENCODED}");
    for spelling in
        ["gs1:defaultLink", "gs1:traceability", "traceability", "https%3A%2F%2Fref.gs1.org%2Fvoc%2Ftraceability"]
    {
        assert_eq!(led(&format!("linkType={spelling}")), (307, page.clone()), "{spelling}");
    }
    assert_eq!(led("linkType=gs1:epcis"), (307, "/epcis".to_owned()));
    let traced = format!("{PATH}?linkType=gs1:traceability");
    for (accept, target) in
        [("text/html", &page), ("application/json", &page), ("application/vnd.sealane.evidence+json", &evidence)]
    {
        assert_eq!(led_by(&traced, accept), (307, target.clone()), "{accept}");
    }
    // Parameters go along; what the target asks about does not come from them.
    assert_eq!(led("17=261231&foo=1&foo=2"), (307, format!("{page}&foo=1&foo=2&17=261231")));
    assert_eq!(led("foo=a%2Fb+c&linkType=traceability"), (307, format!("{page}&foo=a%2Fb+c")));
    assert_eq!(led("linkType=epcis&17=261231"), (307, "/epcis?17=261231".to_owned()));
    assert_eq!(led("id=https%3A%2F%2Fid.gs1.org%2F00%2F095060001000000012&%69d=x"), (307, page.clone()));
    let beside = led_by("/01/09506000134352/10/L8/21/A1?17=261231", "*/*");
    assert_eq!(beside, (307, format!("{page}&10=L8&17=261231")), "a lot in the path too");
    let lot = led_by("/01/09506000134352?10=L8&x=1", "*/*");
    assert_eq!(lot, (307, "/verify?id=https%3A%2F%2Fid.gs1.org%2F01%2F09506000134352%2F10%2FL8&x=1".to_owned()));
    for query in ["foo=1&foo=2&17=261231", "linkType=traceability&bar", "linkType=gs1:epcis&foo=1"] {
        let found = get(&node, &format!("{PATH}?{query}"), "application/json");
        assert_eq!(found.status, 200, "{query}: {found:?}");
    }
    let taken = get(&node, &format!("{PATH}?size=XL&from=here&foo"), "application/json");
    assert_eq!(taken.json()["id"], ITEM);
    let unknown = ask(&node, &format!("{PATH}?linkType=gs1:recipeInfo"), "*/*");
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &json!("not-found")));
    assert!(unknown.json()["detail"].as_str().unwrap().contains("there are gs1:defaultLink"), "{unknown:?}");
}

#[test]
fn a_compressed_link_is_read_as_the_plain_one() {
    let node = ledger();
    // Made by GS1's toolkit of (01)09506000134352(21)A1, and of another serial with lot and expiry.
    let answer = ask(&node, "/DBFKk4XBoIVC", "*/*");
    let page = format!("{}/verify?id={ENCODED}", node.url);
    assert_eq!((answer.status, answer.header("location")), (307, Some(page.as_str())));
    assert!(links(&answer).contains(&format!("<{ITEM}>; rel=\"owl:sameAs\"")), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(ask(&node, "/DBFKk4XBoIVC/?foo=1", "*/*").header("location"), Some(format!("{page}&foo=1").as_str()));
    let labelled = ask(&node, "/GhFKk4XBoMRfh_je02PV_EAF_-g", "*/*");
    assert!(labelled.header("location").unwrap().ends_with("ser-IAL_9&10=L8&17=261231"), "{labelled:?}");
    let linkset = ask(&node, "/DBFKk4XBoIVC?linkType=linkset", "*/*").json();
    assert_eq!(linkset["linkset"][0]["anchor"], format!("{}{PATH}", node.url));
    assert_eq!(node.request("OPTIONS", "/DBFKk4XBoIVC", &[], b"").status, 204);
    assert_eq!(node.request("POST", "/DBFKk4XBoIVC", &[], b"").status, 405);
    for broken in ["/DBFKk4XB", "/DBFKk4XCoIVC"] {
        let problem = ask(&node, broken, "*/*");
        assert_eq!((problem.status, &problem.json()["code"]), (400, &json!("bad-id")), "{broken}: {problem:?}");
    }
    assert_eq!(ask(&node, "/observers", "*/*").status, 404);
}

#[test]
fn options_on_a_digital_link_tell_methods_and_the_linkset() {
    let node = Node::start();
    let options = node.request("OPTIONS", PATH, &[("Origin", "https://shop.example")], b"");
    assert_eq!((options.status, options.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
    assert_eq!(options.header("access-control-allow-origin"), Some("*"));
    assert_eq!(options.header("access-control-allow-methods"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(options.header("access-control-max-age"), Some("86400"));
    assert!(links(&options).contains("rel=\"linkset\""), "{options:?}");
    assert_eq!(node.request("OPTIONS", "/01/09506000134353", &[], b"").status, 204);
}

#[test]
fn a_link_that_names_nothing_is_refused_in_the_form_that_is_asked_for() {
    let node = ledger();
    let long = format!("/01/09506000134352/21/A1?x={}", "x".repeat(10_000));
    for (path, status, code, words) in [
        ("/01/09506000134353/21/A1", 400, "bad-id", "it should be 2"),
        ("/00/095060001000000011", 400, "bad-id", "check digit"),
        ("/01/09506000134352/21/A1/10/L", 400, "bad-id", "cannot follow"),
        ("/01/09506000134352/99/X", 400, "bad-id", "it takes 22, 10, 21"),
        ("/01/09506000134352/21/A1/foo", 400, "bad-id", "cannot follow"),
        ("/01/09506000134352/21/A1//", 400, "bad-id", ""),
        ("/verify?id=(01)09506000134352(05)X", 400, "bad-id", "is no GS1 application identifier"),
        ("/verify?id=(99)1234", 400, "bad-id", "holds no GS1 key"),
        ("/verify?id=(01)09506000134353(21)A1", 400, "bad-id", "it should be 2"),
        ("/99/1234", 404, "not-found", "holds no GS1 key"),
        ("/17/261231", 404, "not-found", "holds no GS1 key"),
        (long.as_str(), 414, "uri-too-long", "at most 8192"),
    ] {
        let problem = get(&node, path, "*/*");
        assert_eq!((problem.status, &problem.json()["code"]), (status, &json!(code)), "{path}");
        assert!(problem.json()["detail"].as_str().unwrap().contains(words), "{path}: {problem:?}");
        let page = get(&node, path, HTML);
        assert_eq!((page.status, page.header("content-type")), (status, Some("text/html; charset=utf-8")), "{path}");
        assert!(text(&page.body).contains(words) && page.header("x-request-id").is_some(), "{path}");
    }
    let words = get(&node, "/gtin/9506000134352/ser/A1?17=261231", "*/*");
    assert_eq!((words.status, words.header("location")), (308, Some("/01/09506000134352/21/A1?17=261231")));
    assert_eq!(get(&node, &format!("/verify?id={}", "9".repeat(10_000)), "*/*").status, 414);
}

#[test]
fn the_resolver_describes_itself() {
    let node = Node::start();
    let description = node.get("/.well-known/gs1resolver");
    assert_eq!(description.header("access-control-allow-origin"), Some("*"));
    let description = description.json();
    assert_eq!(description["resolverRoot"], node.url);
    assert!(description["supportedPrimaryKeys"].as_array().unwrap().contains(&json!("01")), "{description}");
}

#[test]
fn a_kind_of_product_is_never_authentic_and_the_unknown_is_no_fault() {
    let node = ledger();
    let class = node.follow("/01/09506000134352", &[]).json();
    assert_eq!(class["verdict"], "unknown", "nothing is recorded of the kind as such: {class}");
    let unknown = node.follow("/01/09506000134352/21/NONE", &[]);
    assert_eq!((unknown.status, &unknown.json()["verdict"]), (200, &json!("unknown")));
}

#[test]
fn the_page_is_whole_without_a_script_and_in_two_languages() {
    let node = ledger();
    let page = get(&node, PATH, HTML);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = text(&page.body);
    assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{html}");
    for words in [
        "(01)09506000134352",
        "Authentic",
        "Genuine by the records",
        "Made and numbered",
        "2026-03-02 08:00 UTC",
        "Signed by <a href=\"/participants/",
        "\">“Maker &amp; &lt;Sons&gt;”</a>",
        "What a printed code cannot prove",
        "this is only what the server says",
        "<noscript>",
        "commissioned-by-prefix-holder",
        "data-verdict=\"authentic\"",
        "/evidence?id=",
        "<polyline",
    ] {
        assert!(html.contains(words), "no {words:?} in {html}");
    }
    assert!(!html.contains("<Sons>") && !html.contains("style=") && !html.contains("onclick"), "{html}");
    // No script but by its address and the first, which the policy names, and nothing from elsewhere.
    let first = html.split("<script data-asks=\"").nth(1).unwrap();
    let (asks, rest) = first.split_once("\">").unwrap();
    assert!(asks.starts_with("/trust /evidence?id=https%3A%2F%2Fid.gs1.org%2F01%2F"), "{asks}");
    let source = rest.split("</script>").next().unwrap();
    let hash = sealane_core::hash::Hash::of(source.as_bytes()).to_base64();
    assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
    for (at, _) in html.match_indices("<script").skip(1) {
        assert!(html[at..].starts_with("<script type=\"module\" src=\"/assets/"), "{}", &html[at..at + 60]);
    }
    let canonical = format!("<link rel=\"canonical\" href=\"{}{PATH}\">", node.url);
    assert!(html.contains(&canonical), "{html}");
    let html = html.replace(&canonical, "");
    for attribute in ["src=\"", "href=\""] {
        for (at, _) in html.match_indices(attribute) {
            let target = &html[at + attribute.len()..];
            assert!(target.starts_with('/') || target.starts_with('#'), "{}", &target[..40]);
        }
    }
    let korean = node.follow(PATH, &[("Accept", HTML), ("Accept-Language", "ko-KR,ko;q=0.9,en;q=0.8")]);
    let html = text(&korean.body);
    assert_eq!(korean.header("content-language"), Some("ko"));
    for words in ["<html lang=\"ko\">", "정품", "제조·번호 부여", "번호 소유자 “", "”이(가) 등록했습니다."]
    {
        assert!(html.contains(words), "no {words:?} in {html}");
    }
    let chosen = text(&get(&node, &format!("{PATH}?lang=ko"), HTML).body);
    assert!(chosen.contains("<html lang=\"ko\">") && chosen.contains("href=\"/scan?lang=ko\""), "{chosen}");
}

#[test]
fn a_code_that_leads_elsewhere_is_looked_up_and_said_to() {
    let node = ledger();
    let page = |id: &str| {
        let answer = get(&node, &format!("/verify?id={}", id.replace(':', "%3A").replace('/', "%2F")), HTML);
        assert_eq!(answer.status, 200, "{id}: {answer:?}");
        text(&answer.body)
    };
    let elsewhere = page("https://evil.example/01/09506000134352/21/A1");
    assert!(elsewhere.contains("leads to evil.example, not to this site"), "{elsewhere}");
    assert!(elsewhere.contains("Authentic"));
    for own in [ITEM.to_owned(), format!("{}{PATH}", node.url), "(01)09506000134352(21)A1".to_owned()] {
        assert!(!page(&own).contains("leads to"), "{own}");
    }
    assert!(page("urn:example:thing").contains("urn:example:thing"), "what is not GS1's has a page too");
}

#[test]
fn a_page_with_all_that_it_loads_is_small() {
    let node = ledger();
    let gzip = |path: &str| {
        let headers = [("Accept", HTML), ("Accept-Encoding", "gzip")];
        let answer = node.follow(path, &headers);
        assert_eq!((answer.status, answer.header("content-encoding")), (200, Some("gzip")), "{path}");
        answer
    };
    let page = gzip(PATH);
    let html = text(&get(&node, PATH, HTML).body);
    let files: Vec<&str> =
        html.split('"').filter(|text| text.starts_with("/assets/") && !text.contains("icon")).collect();
    assert!(files.iter().any(|file| file.starts_with("/assets/page.en.")), "{files:?}");
    let bytes = page.body.len() + files.iter().map(|file| gzip(file).body.len()).sum::<usize>();
    assert!(bytes < 121_000, "{bytes} bytes in {files:?}");
}

#[test]
fn an_asset_is_kept_by_its_hash_and_else_asked_for_again() {
    let node = Node::start();
    let first = node.get("/assets/verify.js");
    assert_eq!(first.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(first.header("cache-control"), Some("no-cache"));
    let tag = first.header("etag").unwrap();
    let again = node.request("GET", "/assets/verify.js", &[("If-None-Match", tag)], b"");
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag)));
    let html = text(&get(&node, "/", HTML).body);
    for (name, media_type) in [("style.", "text/css; charset=utf-8"), ("front.en.", "text/javascript; charset=utf-8")] {
        let begin = format!("/assets/{name}");
        let file = html.split('"').find(|text| text.starts_with(&begin)).unwrap();
        let asset = node.get(file);
        assert_eq!((asset.status, asset.header("content-type")), (200, Some(media_type)));
        assert_eq!(asset.header("cache-control"), Some("public, max-age=31536000, immutable"));
    }
    assert_eq!(node.get("/assets/worker.js").header("service-worker-allowed"), Some("/"));
    assert_eq!(node.get("/assets/sealane.webmanifest").header("content-type"), Some("application/manifest+json"));
    for wrong in [
        "/assets/none.js",
        "/assets/../Cargo.toml",
        "/assets/messages.json",
        "/assets/page.js",
        "/assets/%2e%2e/Cargo.toml",
    ] {
        assert_eq!(node.get(wrong).status, 404, "{wrong}");
    }
}

#[test]
fn evidence_is_compressed_for_whoever_takes_it() {
    let node = ledger();
    let path = format!("/evidence?id={}", ITEM.replace(':', "%3A").replace('/', "%2F"));
    let plain = node.get(&path);
    assert_eq!(plain.header("content-encoding"), None);
    let gzip = node.request("GET", &path, &[("Accept-Encoding", "gzip")], b"");
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    assert!(gzip.body.len() < plain.body.len() * 3 / 4, "{} of {}", gzip.body.len(), plain.body.len());
    let mut unpack = Command::new("gzip").arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = unpack.stdin.take().unwrap();
    let packed = gzip.body.clone();
    let feeder = std::thread::spawn(move || std::io::Write::write_all(&mut input, &packed).unwrap());
    let unpacked = unpack.wait_with_output().unwrap();
    feeder.join().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&unpacked.stdout).unwrap(), plain.json());
}

#[test]
fn the_front_page_shows_the_ledger() {
    let node = ledger();
    let html = text(&get(&node, "/", HTML).body);
    let size = format!("<dd id=\"size\">{}</dd>", node.tree_size());
    for words in ["Test Member", "action=\"/verify\"", "href=\"/scan\"", size.as_str(), "/ledger/blocks/0"] {
        assert!(html.contains(words), "no {words:?} in {html}");
    }
}
