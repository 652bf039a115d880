//! The package for Python, as a participant uses it. That for JavaScript has its tests beside it.

use std::process::Command;

use crate::support::{Node, text};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/python");

fn python(node: &Node, source: &str) -> (bool, String) {
    let mut run = Command::new("/usr/bin/python3");
    run.args(["-c", source]).current_dir(node.dir.path());
    run.env("PYTHONPATH", FOLDER).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = run.output().unwrap();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

/// The example of its README.
fn example(node: &Node) -> String {
    let page = std::fs::read_to_string(format!("{FOLDER}/README.md")).unwrap();
    let example = page.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    example.replace("http://127.0.0.1:8080", &node.url)
}

#[test]
fn the_example_signs_captures_and_checks() {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    let (done, said) = python(&node, &example(&node));
    assert!(done && said.contains("leaf ") && said.contains("proven: ") && said.contains(" signatures"), "{said}");
    // The same events in another document are told with the receipt of the first.
    let again = example(&node)
        .replace("\"creationDate\": \"2026-03-02T08:00:00Z\"", "\"creationDate\": \"2026-03-02T09:00:00Z\"");
    assert_ne!(again, example(&node));
    let (done, said) = python(&node, &again);
    assert!(!done && said.contains("Problem") && said.contains("[event-repeated]"), "{said}");
}

#[test]
fn what_it_refuses_is_told() {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000"]);
    node.participant("other", "manufacturer", &["--gs1-prefix", "9521000"]);
    for (nth, (wrong, told)) in [
        (
            (
                "check_evidence(node.evidence(product), anchor, product)",
                "check_evidence(node.evidence(product)[:-9], anchor, product)",
            ),
            "EvidenceError",
        ),
        (
            (
                "check_evidence(node.evidence(product), anchor, product)",
                "check_evidence(node.evidence(product), anchor, product + '2')",
            ),
            "EvidenceError",
        ),
        (("of_directory(\"maker\")", "of_directory(\"other\")"), "Problem"),
        (("of_directory(\"maker\")", "of_directory(\"nobody\")"), "FileNotFoundError"),
    ]
    .into_iter()
    .enumerate()
    {
        let source = example(&node).replace(wrong.0, wrong.1);
        assert_ne!(source, example(&node));
        let (done, said) = python(&node, &source.replace("/21/P1", &format!("/21/R{nth}")));
        assert!(!done && said.contains(told), "{told}: {said}");
    }
    let mixed = "from pathlib import Path; from sealane import Identity\nIdentity(Path('maker/key.pem').read_bytes(), Path('other/certificate.pem').read_bytes())";
    let (done, said) = python(&node, mixed);
    assert!(!done && said.contains("the certificate is of another key"), "{said}");
}
