//! Who may use a gateway, and for what.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::program::{Gateway, command, commissioning, id_of, product, refused};
use crate::support::{Answer, Node, document, object_event, path, request, run, text};

/// A gateway with a client of this name and further arguments, and its key.
fn with_client(arguments: &[&str]) -> (Node, Gateway, String) {
    let node = Node::start();
    node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let dir = tempfile::tempdir().unwrap();
    let output = command(dir.path(), &[&["client", "add", "erp"], arguments].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let added: Value = serde_json::from_slice(&output.stdout).unwrap();
    let gateway = Gateway::start_in(dir, &node.identity("Maker"), &[&node.url], &[]);
    (node, gateway, added["key"].as_str().unwrap().to_owned())
}

fn post(gateway: &Gateway, headers: &[(&str, &str)], document: &Value) -> Answer {
    gateway.post_with(headers, document)
}

#[test]
fn a_key_is_taken_in_each_form_and_shown_once() {
    let (_node, gateway, key) = with_client(&[]);
    let bearer = format!("Bearer {key}");
    let basic = format!("Basic {}", STANDARD.encode(format!("erp:{key}")));
    let forms = [("Authorization", bearer.as_str()), ("X-API-Key", key.as_str()), ("Authorization", basic.as_str())];
    for (n, form) in forms.into_iter().enumerate() {
        let id = id_of(&post(&gateway, &[form], &commissioning(&[&format!("A{n}")])));
        let job = request(gateway.host(), "GET", &format!("/capture/{id}"), &[form], b"");
        assert_eq!(job.status, 200);
    }
    // Its place tells the secret from the key's name: both may hold a `_` of their own.
    let secret = &key["slk_12345678_".len()..];
    let kept = [gateway.dir.path().to_owned(), gateway.dir.path().join("ledger")];
    let files = kept.iter().flat_map(|dir| std::fs::read_dir(dir).unwrap()).map(|file| file.unwrap().path());
    for file in files.filter(|file| file.is_file()) {
        let bytes = std::fs::read(file).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "the key is kept nowhere");
    }
    let list = gateway.command_ok(&["client", "list"]);
    assert_eq!((&list[0]["name"], &list[0]["scopes"]), (&json!("erp"), &json!(["capture"])));
    let again = gateway.command(&["client", "add", "erp"]);
    assert_eq!(again.status.code(), Some(2), "{}", text(&again.stderr));
}

#[test]
fn a_missing_and_a_wrong_key_are_refused_and_ten_wrong_ones_are_enough() {
    let (_node, gateway, key) = with_client(&[]);
    let document = commissioning(&["B1"]);
    let answer = post(&gateway, &[], &document);
    refused(&answer, 401, "missing-key", "SecurityException", "X-API-Key");
    assert!(answer.header("WWW-Authenticate").unwrap().starts_with("Bearer"), "{answer:?}");
    let other = format!("Basic {}", STANDARD.encode(format!("wms:{key}")));
    let wrong = ["Bearer slk_AAAAAAAA_x", "Bearer x", "Basic x", other.as_str()];
    for value in wrong {
        refused(
            &post(&gateway, &[("Authorization", value)], &document),
            401,
            "wrong-key",
            "SecurityException",
            "not known",
        );
    }
    for _ in 0..10 {
        post(&gateway, &[("X-API-Key", "x")], &document);
    }
    let answer = post(&gateway, &[("X-API-Key", &key)], &document);
    assert_eq!((answer.status, &answer.json()["code"]), (429, &json!("wrong-keys")), "{}", answer.json());
    assert!(answer.header("Retry-After").unwrap().parse::<u32>().unwrap() <= 61);
    assert_eq!(gateway.get("/health/live").status, 200, "what watches it needs no key");
}

#[test]
fn a_client_does_what_it_may() {
    let limits = ["--steps", "commissioning", "--locations", "9506000134369"];
    let (_node, gateway, key) = with_client(&limits);
    let key = [("X-API-Key", key.as_str())];
    let mut event = object_event("ADD", "commissioning", &[&product("C1")], "2026-03-01T08:00:00.000Z");
    let problem = post(&gateway, &key, &document(vec![event.clone()]));
    refused(&problem, 403, "client-not-allowed", "SecurityException", "at the locations 9506000134369");
    event["readPoint"] = json!({"id": "urn:epc:id:sgln:9506000.13436.0"});
    assert_eq!(post(&gateway, &key, &document(vec![event.clone()])).status, 202);
    event["bizStep"] = json!("shipping");
    refused(
        &post(&gateway, &key, &document(vec![event])),
        403,
        "client-not-allowed",
        "SecurityException",
        "steps commissioning",
    );
}

#[test]
fn scopes_rates_and_jobs_are_a_clients_own() {
    let (_node, gateway, key) = with_client(&["--rate", "2"]);
    let second = gateway.command_ok(&["client", "add", "bi", "--scopes", "query"])["key"].as_str().unwrap().to_owned();
    let third = gateway.command_ok(&["client", "add", "wms"])["key"].as_str().unwrap().to_owned();
    let with = |key: &str, n: u32| post(&gateway, &[("X-API-Key", key)], &commissioning(&[&format!("D{n}")]));
    refused(&with(&second, 1), 403, "client-not-allowed", "SecurityException", "has not the scope capture");
    let id = id_of(&with(&key, 1));
    // Ten at once are more than two a second, however slow the machine is.
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let posts: Vec<_> = (10..20)
            .map(|n| {
                scope.spawn({
                    let with = &with;
                    let key = &key;
                    move || with(key, n)
                })
            })
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    let refused_one = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(refused_one.json()["code"], "client-rate", "{}", refused_one.json());
    assert_eq!(refused_one.header("Retry-After"), Some("1"));
    let others = request(gateway.host(), "GET", &format!("/capture/{id}"), &[("X-API-Key", &third)], b"");
    refused(&others, 404, "not-found", "NoSuchResourceException", "this client has no capture");
    gateway.command_ok(&["client", "remove", "wms"]);
    refused(&with(&third, 4), 401, "wrong-key", "SecurityException", "not known");
}

#[test]
fn without_clients_a_gateway_serves_its_own_machine_alone() {
    let (node, gateway) = Gateway::of_maker(&[]);
    let refused_host = request(gateway.host(), "GET", "/capture", &[("Host", "evil.example")], b"");
    // The first Host is the true one: a second one spoils the request.
    assert_ne!(refused_host.status, 200);
    let identity = node.identity("Maker");
    let dir = tempfile::tempdir().unwrap();
    let serve = |data: &Path, listen: &str| {
        run(&["gateway", "--as", path(&identity), "--node", &node.url, "--data", path(data), "--listen", listen])
    };
    let output = serve(dir.path(), "0.0.0.0:0");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("sealane gateway client add NAME"), "{}", text(&output.stderr));
    let none = run(&["gateway", "--data", path(dir.path())]);
    assert!(text(&none.stderr).contains("give --as DIR"), "{}", text(&none.stderr));
    let twice = serve(gateway.dir.path(), "127.0.0.1:0");
    assert_eq!(twice.status.code(), Some(3));
    assert!(text(&twice.stderr).contains("another gateway is using"), "{}", text(&twice.stderr));
}

#[test]
fn what_is_no_client_is_said() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (&["client", "add", "a b"][..], "no client's name"),
        (&["client", "add", "a", "--scopes", "all"], "no scope"),
        (&["client", "add", "a", "--steps", "walking"], "--steps"),
        (&["client", "add", "a", "--locations", "123"], "--locations"),
        (&["client", "add", "a", "--rate", "0"], "--rate"),
        (&["client", "remove", "a"], "there is no client a"),
    ] {
        let output = command(dir.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
    }
    let none = tempfile::tempdir().unwrap();
    assert!(text(&command(none.path(), &["client", "list"]).stderr).contains("has no gateway"));
}

/// An authority of the participant's own, and what it has issued.
struct Authority {
    dir: tempfile::TempDir,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ca.pem"), parameters.self_signed(&key).unwrap().pem()).unwrap();
        Self { dir, issuer: rcgen::Issuer::new(parameters, key) }
    }

    /// Issues a certificate of this common name for clients and servers; returns its files.
    fn issue(&self, name: &str) -> (String, String) {
        let mut parameters =
            rcgen::CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().unwrap();
        let issued = parameters.signed_by(&key, &self.issuer).unwrap();
        let (certificate, key_file) = (self.file(&format!("{name}.pem")), self.file(&format!("{name}-key.pem")));
        std::fs::write(&certificate, issued.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        std::fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        (certificate, key_file)
    }

    fn file(&self, name: &str) -> String {
        path(&self.dir.path().join(name)).to_owned()
    }
}

#[test]
fn a_certificate_of_the_participants_own_authority_is_a_client() {
    let node = Node::start();
    node.participant("Maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (server, server_key) = ours.issue("gateway");
    let dir = tempfile::tempdir().unwrap();
    assert!(command(dir.path(), &["client", "add", "erp"]).status.success());
    let ca = ours.file("ca.pem");
    let tls = ["--tls-cert", &server, "--tls-key", &server_key, "--client-ca", &ca];
    let gateway = Gateway::start_in(dir, &node.identity("Maker"), &[&node.url], &tls);
    let post = |identity: Option<(String, String)>| {
        let mut arguments = vec!["-s".to_owned(), "--max-time".into(), "20".into(), "--noproxy".into(), "*".into()];
        arguments.extend(["--cacert".into(), ca.clone(), "-H".into(), "Content-Type: application/json".into()]);
        if let Some((certificate, key)) = identity {
            arguments.extend(["--cert".into(), certificate, "--key".into(), key]);
        }
        arguments.extend(["-d".into(), commissioning(&["E1"]).to_string(), format!("{}/capture", gateway.url)]);
        let output = std::process::Command::new("curl").args(&arguments).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default()
    };
    assert_eq!(post(Some(ours.issue("erp")))["success"], json!(true));
    let unknown = post(Some(ours.issue("wms")));
    assert_eq!(unknown["code"], "missing-key", "{unknown}");
    assert!(
        unknown["detail"].as_str().unwrap().contains("no client has a name that stands in the certificate: wms"),
        "{unknown}"
    );
    assert_eq!(post(None)["code"], "missing-key");
    assert_eq!(post(Some(theirs.issue("erp"))), Value::Null, "the handshake fails");
    let identity = node.identity("Maker");
    let plain = run(&[
        "gateway",
        "--as",
        path(&identity),
        "--node",
        &node.url,
        "--data",
        path(node.dir.path()),
        "--client-ca",
        &ca,
    ]);
    assert_eq!(plain.status.code(), Some(2));
    assert!(text(&plain.stderr).contains("--client-ca needs --tls-cert"), "{}", text(&plain.stderr));
}
