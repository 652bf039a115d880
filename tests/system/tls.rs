//! https: a node with a certificate of its own, and clients that trust it or do not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::support::{Node, path, run, run_ok, sealane, text};

/// A self-signed certificate for localhost and its key, beside the data.
struct Pair {
    dir: tempfile::TempDir,
}

impl Pair {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let pair = Self { dir };
        fs::write(pair.certificate(), made.cert.pem()).unwrap();
        fs::write(pair.key(), made.signing_key.serialize_pem()).unwrap();
        fs::set_permissions(pair.key(), fs::Permissions::from_mode(0o600)).unwrap();
        pair
    }

    fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }
}

fn curl(arguments: &[&str]) -> Output {
    Command::new("curl").args(["-sS", "--max-time", "20", "--noproxy", "*"]).args(arguments).output().unwrap()
}

#[test]
fn a_node_speaks_https_to_curl_and_to_the_command_line() {
    let pair = Pair::new();
    let (certificate, key) = (pair.certificate(), pair.key());
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    run_ok(&["init", "--name", "Test Member", "--data", path(&data)]);
    let node = Node::serve_with(dir, "127.0.0.1:0", &["--tls-cert", path(&certificate), "--tls-key", path(&key)]);
    assert!(node.url.starts_with("https://127.0.0.1:"), "{}", node.url);

    let live = format!("{}/health/live", node.url);
    for version in ["--http1.1", "--http2"] {
        let output = curl(&[version, "--fail", "--cacert", path(&certificate), &live]);
        assert!(output.status.success(), "{version}: {}", text(&output.stderr));
    }
    let asked = curl(&["--http2", "--cacert", path(&certificate), "-i", &live]);
    let answer = text(&asked.stdout).to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 200"), "HTTP/2 has no limit of streams here: {answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000\r\n"), "{answer}");
    assert!(!curl(&[&live]).status.success(), "a stranger does not trust the certificate");
    assert!(!curl(&[&live.replace("https", "http")]).status.success(), "nothing is served in the clear");
    let description = curl(&["--cacert", path(&certificate), &format!("{}/.well-known/gs1resolver", node.url)]);
    let description: serde_json::Value = serde_json::from_slice(&description.stdout).unwrap();
    assert_eq!(description["resolverRoot"], node.url);

    let ca = ["--tls-ca", path(&certificate)];
    let verify = |further: &[&str], url: &str| {
        let mut arguments = vec!["verify", "--json", "(01)09506000134352(21)A1", "--data", path(&data), "--url", url];
        arguments.extend(further);
        run(&arguments)
    };
    let unknown = verify(&ca, &node.url);
    assert_eq!(unknown.status.code(), Some(1), "{}", text(&unknown.stderr));
    assert!(text(&unknown.stdout).contains("\"unknown\""));
    let by_variable = sealane(&["participants", "--url", &node.url]).env("SEALANE_TLS_CA", &certificate).output();
    assert!(by_variable.unwrap().status.success());

    let refused = |output: &Output, code: i32, words: &str| {
        let says = text(&output.stderr);
        assert!(output.status.code() == Some(code) && says.contains(words), "{says}");
    };
    refused(&verify(&["--tls-ca", path(&Pair::new().certificate())], &node.url), 3, "--tls-ca FILE");
    refused(&verify(&["--tls-ca", "/nonexistent"], &node.url), 2, "cannot read the certificates /nonexistent");
    refused(&verify(&ca, &node.url.replace("https", "http")), 3, "cannot reach http://");
    refused(&verify(&ca, "ftp://localhost"), 2, "https:// URL");
}

#[test]
fn serve_says_what_is_wrong_with_a_certificate_or_key() {
    let (pair, other) = (Pair::new(), Pair::new());
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    run_ok(&["init", "--name", "Test Member", "--data", path(&data)]);
    let refused = |further: &[&str], words: &str| {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--data", path(&data)];
        arguments.extend(further);
        let output = run(&arguments);
        let says = text(&output.stderr);
        assert!(output.status.code() == Some(2) && says.contains(words), "{further:?}: {says}");
    };
    let (certificate, key) = (pair.certificate(), pair.key());
    refused(&["--tls-cert", path(&certificate)], "--tls-cert needs --tls-key");
    refused(&["--tls-key", path(&key)], "--tls-key needs --tls-cert");
    refused(&["--tls-cert", "/nonexistent", "--tls-key", path(&key)], "cannot read the certificates /nonexistent");
    refused(
        &["--tls-cert", path(&certificate), "--tls-key", path(&other.key())],
        "is not that of the first certificate",
    );
    refused(&["--tls-cert", path(&key), "--tls-key", path(&key)], "holds no certificate");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    refused(&["--tls-cert", path(&certificate), "--tls-key", path(&key)], "chmod 600");
}

#[test]
fn the_demo_runs_over_https_too() {
    let pair = Pair::new();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("demo");
    // Of two members neither may be away.
    let told = run_ok(&[
        "demo",
        "--members",
        "2",
        "--no-serve",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--data",
        path(&data),
        "--tls-cert",
        path(&pair.certificate()),
        "--tls-key",
        path(&pair.key()),
    ]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(told["products"][0]["url"].as_str().unwrap().starts_with("https://127.0.0.1:"), "{told}");
    assert_eq!(told["products"][0]["verdict"], "authentic");
    assert_eq!(told["outage"], serde_json::json!({"withoutOne": {"status": 503, "code": "no-quorum"}}));
    // What it was served with stands in the settings: a second run needs no flags.
    let again = run_ok(&["demo", "--members", "2", "--no-serve", "--json", "--data", path(&data)]);
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["products"][0]["url"], told["products"][0]["url"]);
}
