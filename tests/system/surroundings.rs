//! What stands around a command: where its output goes, whose its files are, which proxy the environment names, and under which
//! address a node is known.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Output, Stdio};

use serde_json::json;

use crate::support::{Node, document, object_event, path, run, run_ok, sealane, text};

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/A1";

fn output_to(arguments: &[&str], stdout: impl Into<Stdio>) -> Output {
    sealane(arguments).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn output_that_is_lost_is_no_success_and_a_reader_that_left_is_no_failure() {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let file = node.dir.path().join("document.json");
    let made = document(vec![object_event("ADD", "commissioning", &[ITEM], "2026-03-01T08:00:00.000Z")]);
    fs::write(&file, made.to_string()).unwrap();
    let identity = node.identity("maker");
    let sign = ["sign", path(&file), "--as", path(&identity), "--origin", &node.origin];
    // Signed once: a document that is signed again in another second is another statement, and its event a repeat.
    let statement = node.dir.path().join("document.jose");
    fs::write(&statement, run_ok(&sign)).unwrap();
    let post = ["post", path(&statement), "--url", &node.url, "--json"];
    let verify = ["verify", ITEM, "--url", &node.url];
    let participants = ["participants", "--url", &node.url];
    for arguments in [&post[..], &sign, &verify, &participants] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let lost = output_to(arguments, full);
        let told = text(&lost.stderr);
        assert_eq!(lost.status.code(), Some(3), "{arguments:?}: {told}");
        assert!(told.contains("the result is lost: standard output cannot be written"), "{arguments:?}: {told}");
        // The other end of the pipe is closed before anything is written.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let left = output_to(arguments, writer);
        assert_eq!((left.status.code(), text(&left.stderr).as_str()), (Some(0), ""), "{arguments:?}");
        assert_eq!(output_to(arguments, File::create("/dev/null").unwrap()).status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn a_proxy_is_named_and_never_asked_for_this_machine() {
    let node = Node::start();
    let ask = |url: &str, variable: &str, value: &str| {
        let mut command = sealane(&["members", "--url", url]);
        ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "all_proxy", "https_proxy", "http_proxy", "no_proxy"]
            .iter()
            .for_each(|name| {
                command.env_remove(name);
            });
        command.env(variable, value).output().unwrap()
    };
    let port = node.url.rsplit(':').next().unwrap();
    for url in [node.url.clone(), format!("http://localhost:{port}")] {
        let output = ask(&url, "HTTP_PROXY", "http://127.0.0.1:1");
        assert!(output.status.success(), "{url}: {}", text(&output.stderr));
    }
    let output = ask("http://node.invalid:8080", "HTTP_PROXY", "http://user:secret@127.0.0.1:1");
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("through the proxy 127.0.0.1:1, which HTTP_PROXY names"), "{told}");
    assert!(told.contains("NO_PROXY") && !told.contains("secret") && !told.contains("is `sealane serve`"), "{told}");
    let without = text(&ask("http://node.invalid:8080", "NO_PROXY", "x").stderr);
    assert!(without.contains("is `sealane serve` running there?") && !without.contains("proxy"), "{without}");
}

#[test]
fn a_directory_of_another_user_is_named_with_its_owner_and_mode() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: another user can be tried as root alone");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data = dir.path().join("member");
    run_ok(&["init", "--name", "Test Member", "--data", path(&data)]);
    let program = dir.path().join("sealane");
    fs::copy(env!("CARGO_BIN_EXE_sealane"), &program).unwrap();
    let serve = |data: &str| {
        let mut command = std::process::Command::new(&program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data", data]).current_dir("/");
        command.uid(65_534).gid(65_534).output().unwrap()
    };
    let told = |output: Output| {
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        text(&output.stderr)
    };
    let closed = told(serve(path(&data)));
    let right = format!(
        "the directory {} is of user 0 (root) with mode 0700, while this process is user 65534",
        data.display()
    );
    assert!(closed.contains(&right), "{closed}");
    assert!(closed.contains("run it as the owner"), "{closed}");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    let open = told(serve(path(&data)));
    assert!(open.contains(&format!("the directory {} is of user 0 (root) with mode 0755", data.display())), "{open}");
}

#[test]
fn a_node_is_known_under_an_address_that_leads_somewhere() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("member");
    run_ok(&["init", "--name", "Test Member", "--data", path(&data)]);
    for (url, words) in [
        ("http://0.0.0.0:8080", "leads nowhere from another one"),
        ("https://[::]", "leads nowhere from another one"),
        ("https://shop.example/sealane", "has the path /sealane"),
        ("node.example", "is no address such as https://node.example"),
    ] {
        let output = run(&["serve", "--listen", "127.0.0.1:0", "--data", path(&data), "--public-url", url]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{url}: {told}");
        assert!(told.contains(words) && told.contains("https://node.example"), "{url}: {told}");
    }
    let node = Node::start();
    let label = dir.path().join("label.svg");
    let output = run(&["label", ITEM, "--out", path(&label), "--url", &node.url, "--public-url", "http://0.0.0.0:80"]);
    assert_eq!(output.status.code(), Some(2));
    // A node at every address of its machine says no other one.
    let everywhere = Node::serve_on(node.stop(), "0.0.0.0:0");
    let output = run(&["label", ITEM, "--out", path(&label), "--url", &everywhere.url]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("leads nowhere") && told.contains("--public-url") && !label.exists(), "{told}");
    let good =
        run(&["label", ITEM, "--out", path(&label), "--url", &everywhere.url, "--public-url", "https://node.example"]);
    assert!(good.status.success(), "{}", text(&good.stderr));
}

#[test]
fn an_authority_is_renewed_and_what_it_issued_stays_good() {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let old = fs::read_to_string(node.data().join("ca.pem")).unwrap();
    let metric = |node: &Node| {
        let text = text(&node.get("/metrics").body);
        let line = text.lines().find(|line| line.starts_with("sealane_authority_end_seconds ")).unwrap().to_owned();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let before = metric(&node);
    assert!(before > 1.7e9, "{before}");
    let told = run_ok(&["ca", "renew", "--data", path(&node.data()), "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(told["notAfter"].as_str() >= told["before"].as_str(), "{told}");
    let new = fs::read_to_string(node.data().join("ca.pem")).unwrap();
    assert_ne!(old, new);
    assert_eq!(fs::metadata(node.data().join("ca-key.pem")).unwrap().permissions().mode() & 0o777, 0o600);
    let node = Node::serve(node.stop());
    assert!(metric(&node) >= before);
    // The participant signs on, another one is approved, and its chain holds.
    let made = document(vec![object_event("ADD", "commissioning", &[ITEM], "2026-03-01T08:00:00.000Z")]);
    assert_eq!(node.capture("maker", &made).status, 202);
    node.participant("shop", "distributor", &[]);
    let chain = node.identity("shop").join("certificate.pem");
    let authority = node.data().join("ca.pem");
    let verified = std::process::Command::new("openssl")
        .args(["verify", "-CAfile", path(&authority), path(&chain)])
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", text(&verified.stderr));
    let observer = run(&["ca", "renew", "--data", "/nonexistent"]);
    assert_eq!((observer.status.code(), json!(text(&observer.stdout))), (Some(3), json!("")));
}
