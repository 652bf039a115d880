//! What a refusal must look like, whoever refuses what.

use serde_json::Value;

use crate::support::{Answer, Node};

/// Sends something that must be refused; returns the problem.
///
/// The answer has this status and this code, its detail holds `words`, and the ledger is as it was.
#[track_caller]
pub fn refused(node: &Node, send: impl FnOnce() -> Answer, status: u16, code: &str, words: &str) -> Value {
    let before = node.tree_size();
    let answer = send();
    assert_eq!(node.tree_size(), before, "something was written");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{code} {words}: {answer:?}");
    let problem = answer.json();
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    assert_eq!((answer.status, text("code")), (status, code), "{words}: {problem}");
    assert_eq!(problem["status"], status, "{problem}");
    assert!(text("detail").contains(words), "no {words:?} in {problem}");
    assert!(!text("title").is_empty() && !text("requestId").is_empty(), "{problem}");
    problem
}

/// The JSON pointers of a problem's faults.
pub fn pointers(problem: &Value) -> Vec<&str> {
    problem["faults"].as_array().into_iter().flatten().filter_map(|fault| fault["pointer"].as_str()).collect()
}
