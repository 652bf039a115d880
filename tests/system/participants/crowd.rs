//! One stranger who asks again and again: the others still have a place, and the list stays short.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::new_csr;
use crate::support::{Answer, Node, text};

/// As long as a request may be: 100 namespaces of more than two kilobytes.
fn long_request(number: usize) -> Value {
    let namespaces: Vec<String> =
        (0..100).map(|n| format!("https://id{number}.example.com/{n}/{}/", "x".repeat(900))).collect();
    json!({"organization": format!("Stranger {number}"), "roles": ["manufacturer"], "namespaces": namespaces, "csr": new_csr()})
}

fn post(node: &Node, body: &Value, client: &str) -> Answer {
    let headers = [("Content-Type", "application/json"), ("X-Forwarded-For", client)];
    node.request("POST", "/participants", &headers, body.to_string().as_bytes())
}

/// All pages of the list, by their `Link`s.
fn pages(node: &Node, first: &str) -> Vec<Answer> {
    let mut pages = vec![node.get_as_member(first)];
    while let Some(link) = pages.last().unwrap().header("link") {
        assert!(pages.len() < 1_000, "the list has no end");
        let (target, rest) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
        assert_eq!(rest, "; rel=\"next\"");
        let next = target.strip_prefix(&node.url).unwrap().to_owned();
        pages.push(node.get_as_member(&next));
    }
    pages
}

#[test]
fn one_address_fills_its_own_room_and_no_others() {
    let node = Node::start();
    // A proxy on this machine says who a client is.
    let node = Node::serve_with(node.stop(), "127.0.0.1:0", &["--trust-proxy", "127.0.0.1"]);
    let mut taken = 0;
    for number in 0..170 {
        let answer = post(&node, &long_request(number), "192.0.2.1");
        match answer.status {
            202 => taken += 1,
            status => {
                let problem = answer.json();
                assert_eq!((status, &problem["code"]), (429, &Value::from("too-many-requests")), "{problem}");
                assert!(problem["detail"].as_str().unwrap().contains("invitation"), "{problem}");
                assert!(answer.header("retry-after").is_some());
            }
        }
    }
    assert!((1..=16).contains(&taken), "{taken}");
    let small = || json!({"organization": "Small", "roles": ["distributor"], "csr": new_csr()});
    // Another address has its own room, whose number is a limit too.
    let statuses: Vec<u16> = (0..18).map(|_| post(&node, &small(), "192.0.2.2").status).collect();
    assert_eq!(statuses, [vec![202; 16], vec![429; 2]].concat());
    // Of IPv6 a household is one address.
    let statuses: Vec<u16> = (0..18).map(|n| post(&node, &small(), &format!("2001:db8:1:2::{n}")).status).collect();
    assert_eq!(statuses, [vec![202; 16], vec![429; 2]].concat());
    // It is remembered across a start.
    let node = Node::serve_with(node.stop(), "127.0.0.1:0", &["--trust-proxy", "127.0.0.1"]);
    assert_eq!(post(&node, &small(), "192.0.2.2").status, 429);
    // With an invitation there is a place, from whatever address.
    let token = node.run_ok(&["invite"]);
    let mut invited = small();
    invited["invitation"] = token.trim().into();
    assert_eq!(post(&node, &invited, "192.0.2.2").status, 202);
}

#[test]
fn the_list_of_those_who_wait_comes_in_pages_of_bounded_bytes() {
    let node = Node::serve_with(Node::start().stop(), "127.0.0.1:0", &["--trust-proxy", "127.0.0.1"]);
    let mut asked = BTreeSet::new();
    // Few of one address, so that they come from many.
    for number in 0..24 {
        let answer = post(&node, &long_request(number), &format!("198.51.100.{number}"));
        assert_eq!(answer.status, 202, "{}", answer.json());
        asked.insert(answer.json()["id"].as_str().unwrap().to_owned());
    }
    let ids = |answers: &[Answer]| -> Vec<String> {
        let all = answers.iter().flat_map(|page| page.json()["participants"].as_array().unwrap().clone());
        all.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    for first in ["/participants?status=pending", "/participants", "/participants?status=pending&perPage=5"] {
        let pages = pages(&node, first);
        assert!(pages.len() > 2, "{first}");
        assert!(pages.iter().all(|page| page.body.len() < 1024 * 1024), "{first}");
        let listed = ids(&pages);
        assert_eq!(listed.len(), asked.len(), "{first}: one stands twice, or is missing");
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), asked, "{first}");
    }
    assert_eq!(node.get("/participants?status=active").json(), json!({"participants": []}));
    // The command follows them, wherever the links lead.
    let dir = node.stop();
    let node = Node::serve_with(dir, "127.0.0.1:0", &["--public-url", "https://node.example"]);
    let listed: Value = serde_json::from_str(&node.run_ok(&["participants", "--json", "--status", "pending"])).unwrap();
    let listed: BTreeSet<String> =
        listed.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(listed, asked);
    let lines = node.run_ok(&["participants", "--status", "pending"]);
    assert_eq!(lines.lines().count(), asked.len(), "{lines}");
    let wrong = node.run(&["participants", "--status", "odd"]);
    assert!(text(&wrong.stderr).contains("[bad-parameter]"));
}
