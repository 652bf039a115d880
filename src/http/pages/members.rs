//! Who keeps the ledger: each member with its last block, and whether they can agree. `members.js` keeps it up to date.

use maud::{Markup, html};

use crate::app::Ledger;
use crate::app::council::{Council, MemberStanding};
use crate::app::follower::{Following, Stop};
use crate::app::joining::{JoinDesk, WaitingJoin};
use crate::http::pages::timeline::time;
use crate::http::pages::{Visitor, grouped};
use sealane_core::block::{Height, Member, quorum};
use sealane_core::provenance::minute;

/// The members as this node sees them, and the line about their quorum; at an observer, who they are by the ledger, and how it
/// stands to the node that it follows.
pub fn section(visitor: &Visitor, ledger: &Ledger, joining: &JoinDesk, open_proposals: usize) -> Markup {
    match ledger.following() {
        None => {
            let waiting = joining.waiting(ledger.view().registry.members(), ledger.now());
            html! {
                (council_section(visitor, &ledger.council_now(), ledger.silence().is_some(), open_proposals))
                (requests(visitor, &waiting))
            }
        }
        Some(following) => {
            let view = ledger.view();
            let line = standing(visitor, &following, view.tip.seal.height);
            let members = view.registry.members().members();
            table(visitor, html! { @for member in members { (unseen(member)) } }, &line, false, open_proposals)
        }
    }
}

/// Who asks to become a member. Only the key says who that is.
fn requests(visitor: &Visitor, waiting: &[WaitingJoin]) -> Markup {
    html! {
        @if !waiting.is_empty() {
            h3 id="requests" { (visitor.say("members.requests")) }
            ul.requests aria-labelledby="requests" {
                @for member in waiting.iter().map(|one| one.request.member()) {
                    li { (member.name()) " " code { (member.kid()) } }
                }
            }
        }
    }
}

fn council_section(visitor: &Visitor, council: &Council, is_silent: bool, open_proposals: usize) -> Markup {
    let rows = html! { @for member in &council.members { (row(visitor, council, member)) } };
    table(visitor, rows, &agreement(visitor, council), is_silent, open_proposals)
}

fn table(visitor: &Visitor, rows: Markup, line: &str, is_silent: bool, open_proposals: usize) -> Markup {
    html! {
        h3 id="members" { (visitor.say("front.members")) }
        table.members aria-labelledby="members" {
            thead { tr {
                th scope="col" { (visitor.say("members.member")) }
                th scope="col" { (visitor.say("members.height")) }
                th scope="col" { (visitor.say("members.lag")) }
                th scope="col" { (visitor.say("members.state")) }
            } }
            tbody id="council" { (rows) }
        }
        p.quorum id="quorum" role="status" { (line) }
        @if is_silent { p.quorum { (visitor.say("members.silent")) } }
        p { a href=(visitor.link("/members/proposals")) { (proposals(visitor, open_proposals)) } }
    }
}

fn proposals(visitor: &Visitor, open: usize) -> String {
    match open {
        0 => visitor.say("members.proposals").to_owned(),
        open => visitor.fill("members.open-proposals", &[("count", &open.to_string())]),
    }
}

fn row(visitor: &Visitor, council: &Council, member: &MemberStanding) -> Markup {
    let number = |number: Option<u64>| number.map_or_else(|| "–".to_owned(), grouped);
    html! {
        tr data-kid=(member.kid) {
            th scope="row" { (member.name) }
            td { (number(member.tip.map(|tip| tip.get()))) }
            td { (number(council.lag(member))) }
            td { (state(visitor, member)) (caught(visitor, member)) }
        }
    }
}

/// A member of which an observer knows its name.
fn unseen(member: &Member) -> Markup {
    html! { tr data-kid=(member.kid()) { th scope="row" { (member.name()) } td { "–" } td { "–" } td { "–" } } }
}

/// How an observer stands to the node that it follows.
fn standing(visitor: &Visitor, following: &Following, own: Height) -> String {
    let node = following.node();
    let url = node.map(|node| node.url.as_str()).unwrap_or_default();
    let (height, behind) = (own.to_string(), following.behind(own).to_string());
    let heard = following.heard().map(minute);
    match (&following.stopped, heard) {
        (Some(Stop::Forked { .. }), _) => visitor.fill("observer.forked", &[("url", url), ("height", &height)]),
        (Some(Stop::Rules(unknown)), _) => {
            let number = unknown.number.to_string();
            visitor.fill("observer.rules", &[("url", url), ("height", &height), ("number", &number)])
        }
        (None, None) => visitor.fill("observer.unheard", &[("url", url), ("height", &height)]),
        (None, Some(heard)) => {
            visitor.fill("observer.heard", &[("url", url), ("height", &height), ("behind", &behind), ("time", &heard)])
        }
    }
}

pub fn state(visitor: &Visitor, member: &MemberStanding) -> Markup {
    match member.heard {
        _ if member.is_self => html! { (visitor.say("members.self")) },
        _ if member.reachable => html! { (visitor.say("members.reachable")) },
        None => html! { (visitor.say("members.unheard")) },
        Some(heard) => {
            let (before, after) = visitor.say("members.missing").split_once("{time}").unwrap_or_default();
            html! { (before) (time(heard)) (after) }
        }
    }
}

/// Says of a member that it was caught, and where the proofs are.
fn caught(visitor: &Visitor, member: &MemberStanding) -> Markup {
    html! {
        @if member.faults > 0 {
            " "
            a.caught href="/ledger/faults" { (visitor.say("members.caught")) }
        }
    }
}

/// Whether enough members can be reached to agree on blocks, and what that means.
fn agreement(visitor: &Visitor, council: &Council) -> String {
    let (members, reachable) = (council.members.len(), council.reachable());
    let needed = quorum(members);
    let counts = [members, needed, reachable].map(|count| count.to_string());
    let [of, needed_text, reachable_text] = &counts;
    let values = [("members", of.as_str()), ("needed", needed_text), ("reachable", reachable_text)];
    match reachable.checked_sub(needed) {
        _ if members == 1 => visitor.say("members.one").to_owned(),
        None => visitor.fill("members.lost", &values),
        Some(0) => visitor.fill("members.exact", &values),
        Some(spare) => {
            let spare = spare.to_string();
            let [of, needed, reachable] = values;
            visitor.fill("members.spare", &[of, needed, reachable, ("spare", &spare)])
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use sealane_core::hash::Hash;

    use super::*;
    use crate::app::follower::FollowedNode;
    use sealane_core::ledger::KnownRules;

    fn council(reachable: &[bool]) -> Council {
        let member = |(at, reachable): (usize, &bool)| MemberStanding {
            kid: Hash::of(&at.to_be_bytes()),
            name: format!("Member <{at}>"),
            is_self: at == 0,
            reachable: *reachable,
            heard: (at != 3).then(|| "2026-11-28T12:03:00.000Z".parse().unwrap()),
            connected_since: None,
            address: None,
            tip: (at != 3).then(|| Height::new(20 - at as u64).unwrap()),
            root: None,
            round_trip: None,
            clock_offset_ms: None,
            trouble: None,
            faults: usize::from(at == 2) * 3,
        };
        Council { members: reachable.iter().enumerate().map(member).collect(), ..Council::default() }
    }

    fn shown(reachable: &[bool], language: &str, is_silent: bool) -> String {
        let visitor = Visitor::of(&TestRequest::get().uri(&format!("/?lang={language}")).to_http_request());
        council_section(&visitor, &council(reachable), is_silent, 0).into_string()
    }

    #[test]
    fn each_member_has_a_row_with_how_far_it_is() {
        let page = shown(&[true, true, false, false], "en", false);
        for part in [
            "<th scope=\"row\">Member &lt;0&gt;</th><td>20</td><td>0</td><td>this node</td>",
            "<td>19</td><td>1</td><td>can be reached</td>",
            "<td>18</td><td>2</td><td>missing since <time datetime=\"2026-11-28T12:03:00.000Z\">",
            "</time> <a class=\"caught\" href=\"/ledger/faults\">has signed two things in one place</a></td>",
            "<td>–</td><td>–</td><td>not heard yet</td>",
            "3 of 4 members must agree; only 2 can be reached. Nothing new is recorded until enough are back.",
        ] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
        assert!(!page.contains("signs nothing") && page.matches("caught").count() == 1, "{page}");
        assert!(shown(&[true], "en", true).contains("This node signs nothing at the moment."));
    }

    #[test]
    fn open_proposals_are_counted_and_linked() {
        let visitor = Visitor::of(&TestRequest::get().uri("/?lang=en").to_http_request());
        let page = council_section(&visitor, &council(&[true]), false, 2).into_string();
        assert!(page.contains("<a href=\"/members/proposals?lang=en\">Open proposals of the members: 2</a>"), "{page}");
        assert!(shown(&[true], "en", false).contains("What the members have decided"));
    }

    #[test]
    fn an_observer_says_whom_it_follows_and_how_far_it_is() {
        let said = |following: &Following, language: &str| {
            let visitor = Visitor::of(&TestRequest::get().uri(&format!("/?lang={language}")).to_http_request());
            standing(&visitor, following, Height::new(12).unwrap())
        };
        let mut node = FollowedNode { url: "https://a.example".to_owned(), ..FollowedNode::default() };
        let of = |node: &FollowedNode| Following { nodes: vec![node.clone()], ..Following::default() };
        assert_eq!(
            said(&of(&node), "en"),
            "This node is an observer of https://a.example, which it has not heard since it started. It has block 12."
        );
        node.tip = Some(Height::new(15).unwrap());
        node.heard = Some("2026-11-28T12:03:00.000Z".parse().unwrap());
        assert_eq!(
            said(&of(&node), "en"),
            "This node is an observer of https://a.example: block 12, 3 behind, last heard 2026-11-28 12:03 UTC."
        );
        assert!(said(&of(&node), "ko").contains("https://a.example"));
        let stopped = Some(Stop::Forked { height: Height::GENESIS, url: node.url.clone() });
        let forked = Following { stopped, ..of(&node) };
        assert!(said(&forked, "en").contains("two histories"), "{}", said(&forked, "en"));
        let unknown = KnownRules::OF_THIS_PROGRAM.get(7).unwrap_err();
        let lacking = Following { stopped: Some(Stop::Rules(unknown)), ..of(&node) };
        assert!(said(&lacking, "en").contains("goes on by the rules 7, which its program does not know"));
        assert!(said(&lacking, "ko").contains("규칙 7"));
    }

    #[test]
    fn the_quorum_is_told_in_both_languages() {
        let full = [true; 4];
        assert!(
            shown(&full, "en", false).contains("3 of 4 members must agree; 4 can be reached: 1 of them may be away.")
        );
        assert!(
            shown(&full, "ko", false)
                .contains("회원 4곳 가운데 3곳이 동의해야 합니다. 4곳이 연결되어 있어 1곳까지 빠져도 됩니다.")
        );
        assert!(shown(&[true, true, true, false], "en", false).contains("3 can be reached: none of them may be away."));
        assert!(shown(&[true], "en", false).contains("One member keeps this ledger and decides alone."));
        assert!(shown(&[true, true, false], "ko", false).contains("<time datetime=\"2026-11-28T12:03:00.000Z\">"));
    }
}
