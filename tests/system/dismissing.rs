//! What the members dismiss, by command: what it says beforehand of the leaves, and the word that comes back.

use serde_json::{Value, json};

use crate::signer::{Signer, captured};
use crate::support::{Node, document, object_event, text};

const TIME: &str = "2026-03-02T08:00:00.000Z";
const PLACE: &str = "https://id.gs1.org/414/9521000000018";

fn item(number: usize) -> String {
    format!("https://id.gs1.org/01/09506000134352/21/D{number}")
}

fn about(action: &str, step: &str, numbers: &[usize]) -> Value {
    let ids: Vec<String> = numbers.iter().map(|number| item(*number)).collect();
    object_event(action, step, &ids.iter().map(String::as_str).collect::<Vec<_>>(), TIME)
}

/// A maker of five items, of which it ships the last to a shop, and what the shop has recorded.
struct Story {
    node: Node,
    shop: String,
    maker: Signer,
    /// The leaf in which the shop receives what was shipped to it.
    own: u64,
    /// The leaf in which it says to have two items that it never was to get.
    claim: u64,
}

fn leaf(node: &Node, signer: &Signer, events: Vec<Value>) -> u64 {
    captured(node, signer.statement(&document(events)))["leafIndex"].as_u64().unwrap()
}

fn story() -> Story {
    let node = Node::start();
    node.participant("maker", "manufacturer", &["--gs1-prefix", "9506000", "--gln", "9506000134369"]);
    let shop = node.participant("shop", "distributor", &["--gln", "9521000000018"]);
    let (maker, signer) = (Signer::of(&node, "maker"), Signer::of(&node, "shop"));
    leaf(&node, &maker, vec![about("ADD", "commissioning", &[0, 1, 2, 3])]);
    let mut shipping = about("OBSERVE", "shipping", &[3]);
    let party = |gln: &str| format!("https://id.gs1.org/417/{gln}");
    shipping["eventTime"] = json!("2026-03-03T08:00:00.000Z");
    shipping["sourceList"] = json!([{"type": "possessing_party", "source": party("9506000134369")}]);
    shipping["destinationList"] = json!([{"type": "possessing_party", "destination": party("9521000000018")}]);
    leaf(&node, &maker, vec![shipping]);
    let receive = |numbers: &[usize]| {
        let mut event = about("OBSERVE", "receiving", numbers);
        event["eventTime"] = json!("2026-03-04T08:00:00.000Z");
        event["readPoint"] = json!({"id": PLACE});
        event
    };
    let own = leaf(&node, &signer, vec![receive(&[3])]);
    let claim = leaf(&node, &signer, vec![receive(&[0, 1])]);
    let story = Story { node, shop, maker, own, claim };
    assert_eq!(story.words(), ["incomplete", "incomplete", "authentic", "authentic"]);
    story
}

impl Story {
    fn words(&self) -> Vec<String> {
        let ids: Vec<String> = (0..4).map(item).collect();
        let arguments: Vec<&str> = ["verify", "--json"].into_iter().chain(ids.iter().map(String::as_str)).collect();
        let answers: Vec<Value> = serde_json::from_slice(&self.node.run(&arguments).stdout).unwrap();
        answers.iter().map(|answer| answer["verdict"].as_str().unwrap().to_owned()).collect()
    }

    /// Runs a command that must succeed; what it says on standard output and on standard error.
    #[track_caller]
    fn says(&self, arguments: &[&str]) -> (String, String) {
        let output = self.node.run(arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        (text(&output.stdout), text(&output.stderr))
    }
}

#[test]
fn a_dismissal_says_what_loses_effect() {
    let story = story();
    let Story { shop, own, claim, .. } = &story;
    let (claims, reason) = (format!("{claim}"), ["--reason", "smears", "--yes"]);
    let told = |spans: &[&str]| story.says(&[&["dismiss", shop, "--claims"], spans, &reason].concat());

    // What it did receive is no claim, and nothing changes.
    let (_, warned) = told(&[&format!("{own}")]);
    let nothing = format!(
        "Participant {shop} recorded 1 event in leaf {own}, about 1 id. By the verdicts of this node, none of it is a claim"
    );
    assert!(warned.contains(&nothing), "{warned}");
    assert_eq!(story.words(), ["incomplete", "incomplete", "authentic", "authentic"]);

    // The leaf after the claim is its block's seal: a range of its own in which there is nothing, though it touches the other.
    let seal = format!("{}", claim + 1);
    let (said, warned) = told(&[&claims, &seal]);
    let effect = format!(
        "recorded 1 event in leaf {claim}, about 2 ids. By the verdicts of this node, what leaf {claim} claims loses effect."
    );
    assert!(said.contains(&effect) && said.contains("was enacted by block"), "{said}");
    assert!(warned.contains(&format!("in leaf {seal} participant {shop} recorded nothing")), "{warned}");
    assert_eq!(story.words(), ["authentic"; 4]);
    let (listed, _) = story.says(&["members", "proposals", "--state", "enacted"]);
    assert!(listed.contains(&format!("claimed in leaf {own}: smears")), "{listed}");
    let page = story.node.request("GET", "/members/proposals", &[("Accept", "text/html")], b"");
    assert!(text(&page.body).contains(&format!("claimed in leaf {own}: ")), "{}", text(&page.body));

    let refused = story.node.run(&[&["dismiss", shop, "--claims", "0"][..], &reason].concat());
    let says = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{says}");
    assert!(says.contains("recorded nothing there") && says.contains("has signed no capture in leaf 0"), "{says}");
}

#[test]
fn a_revocation_dismisses_what_was_claimed_with_no_vote() {
    for yes in [&[][..], &["--yes"]] {
        let story = story();
        let revoke = ["revoke", &story.shop, "--reason", "it smears", "--dismiss-claims"];
        let (said, _) = story.says(&[&revoke[..], yes].concat());
        assert!(said.contains("what it claimed of goods that it never had counts no more"), "{said}");
        assert_eq!(story.words(), ["authentic"; 4]);
        leaf(&story.node, &story.maker, vec![about("OBSERVE", "storing", &[2])]);
    }
}
