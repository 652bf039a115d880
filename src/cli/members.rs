//! `members`: who keeps the ledger, how far each is as one node sees it, and whether they can agree.

use serde::Deserialize;
use serde_json::Value;

use crate::cli::arguments::{Global, MembersAction, MembersOptions};
use crate::cli::client::Client;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::{Output, capital, columns, excerpt};
use crate::cli::{ballots, new_key, proposals, propose, rejoin};

/// Characters of a `kid` that people are shown.
const KID_CHARS: usize = 8;

/// `GET /members`. What the node does not know it leaves out; a member more is passed on with `--json` alone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MembersSeen {
    members: Vec<MemberSeen>,
    quorum: usize,
    /// An observer meets no member.
    #[serde(default)]
    reachable: usize,
    #[serde(default)]
    candidates: Vec<CandidateSeen>,
    #[serde(default)]
    requests: Vec<RequestSeen>,
    not_signing: Option<String>,
    following: Option<FollowingSeen>,
}

/// How an observer stands to the node that it follows.
#[derive(Deserialize)]
struct FollowingSeen {
    url: String,
    height: u64,
    behind: u64,
    heard: Option<String>,
    stopped: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MemberSeen {
    kid: String,
    name: String,
    #[serde(rename = "self", default)]
    is_self: bool,
    reachable: Option<bool>,
    height: Option<u64>,
    lag: Option<u64>,
    connected_since: Option<String>,
    heard: Option<String>,
    round_trip_ms: Option<f64>,
    clock_offset_ms: Option<i64>,
    trouble: Option<String>,
    #[serde(default)]
    faults: u64,
}

/// Who would come in by an open proposal.
#[derive(Deserialize)]
struct CandidateSeen {
    kid: String,
    name: String,
    #[serde(rename = "self", default)]
    is_self: bool,
    reachable: bool,
    trouble: Option<String>,
}

/// Who asks to become a member.
#[derive(Deserialize)]
struct RequestSeen {
    kid: String,
    name: String,
    url: Option<String>,
}

pub fn run(global: &Global, options: &MembersOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    match &options.action {
        Some(MembersAction::Propose(options)) => return propose::run(global, options, output),
        Some(MembersAction::Vote(options)) => return ballots::vote(global, options, output),
        Some(MembersAction::Proposals(options)) => return proposals::run(global, options, output),
        Some(MembersAction::Withdraw(options)) => return ballots::withdraw(global, options, output),
        Some(MembersAction::NewKey) => return new_key::run(global, output),
        Some(MembersAction::Rejoin(options)) => return rejoin::run(global, options, output),
        None => {}
    }
    let client = Client::new(global)?;
    let answer = client.get_json("/members")?;
    output.result(&answer, text_of(&answer, client.url())?);
    Ok(CommandOutcome::Done)
}

fn text_of(answer: &Value, url: &str) -> Result<String, Failure> {
    let seen = MembersSeen::deserialize(answer).map_err(|error| {
        Failure::unreachable(format!("{url}/members did not answer as a Sealane node does: {error}"))
    })?;
    let mut lines = table(&seen.members);
    lines.push(String::new());
    lines.push(match &seen.following {
        Some(following) => following.text(),
        None => seen.agreement(),
    });
    if let Some(reason) = &seen.not_signing {
        lines.push(excerpt(&capital(reason)));
    }
    lines.extend(seen.candidates.iter().map(CandidateSeen::text));
    for request in &seen.requests {
        let url = request.url.as_deref().unwrap_or("no address");
        lines.push(format!("Asks to become a member: {} ({}, {})", excerpt(&request.name), request.kid, excerpt(url)));
    }
    Ok(lines.join("\n"))
}

/// A line for each member under a head. Numbers stand at the right of their columns.
fn table(members: &[MemberSeen]) -> Vec<String> {
    let head = ["member", "kid", "height", "lag", "round trip", "clock", "state"].map(str::to_owned);
    let rows: Vec<[String; 7]> = std::iter::once(head).chain(members.iter().map(MemberSeen::row)).collect();
    columns(&rows, 2..=5)
}

impl MemberSeen {
    fn row(&self) -> [String; 7] {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        [
            excerpt(&self.name),
            self.kid.chars().take(KID_CHARS).collect(),
            or_dash(self.height.map(|height| height.to_string())),
            or_dash(self.lag.map(|lag| lag.to_string())),
            or_dash(self.round_trip_ms.map(|ms| format!("{ms:.1} ms"))),
            or_dash(self.clock_offset_ms.map(|ms| format!("{ms:+} ms"))),
            self.state() + &self.caught(),
        ]
    }

    /// Says of a member that it was caught.
    fn caught(&self) -> String {
        match self.faults {
            0 => String::new(),
            1 => "; has signed two things in one place, see `sealane faults`".to_owned(),
            times => format!("; has signed two things in one place {times} times, see `sealane faults`"),
        }
    }

    fn state(&self) -> String {
        if self.is_self {
            return "this node".to_owned();
        }
        let Some(reachable) = self.reachable else { return "-".to_owned() };
        if reachable {
            let since = self.connected_since.as_deref().map(|at| format!(" since {at}")).unwrap_or_default();
            return format!("connected{since}");
        }
        let missing = match &self.heard {
            Some(heard) => format!("missing since {heard}"),
            None => "missing, not heard since this node started".to_owned(),
        };
        let trouble = self.trouble.as_deref().map(|trouble| format!(" ({})", excerpt(trouble))).unwrap_or_default();
        format!("{missing}{trouble}")
    }
}

impl CandidateSeen {
    fn text(&self) -> String {
        let state = match self {
            Self { is_self: true, .. } => "this node".to_owned(),
            Self { reachable: true, .. } => "this node reaches it".to_owned(),
            Self { trouble: None, .. } => "this node does not reach it".to_owned(),
            Self { trouble: Some(trouble), .. } => format!("this node does not reach it ({})", excerpt(trouble)),
        };
        format!("Would come in by an open proposal: {} ({}), {state}", excerpt(&self.name), self.kid)
    }
}

impl FollowingSeen {
    fn text(&self) -> String {
        let Self { height, behind, .. } = self;
        let heard = match &self.heard {
            Some(heard) => format!("{behind} behind, last heard {}", excerpt(heard)),
            None => "it has not heard that node since it started".to_owned(),
        };
        let url = excerpt(&self.url);
        let standing = format!("This node is an observer of {url}, and meets no member: block {height}, {heard}.");
        match &self.stopped {
            Some(stopped) => format!("{standing}\nIt has stopped: {}", excerpt(stopped)),
            None => standing,
        }
    }
}

impl MembersSeen {
    /// Whether enough members can be reached to agree on blocks, and what that means.
    fn agreement(&self) -> String {
        let (members, quorum, reachable) = (self.members.len(), self.quorum, self.reachable);
        if members == 1 {
            return "One member keeps this ledger and decides alone.".to_owned();
        }
        let counts = format!("{quorum} of {members} members must agree; {reachable} can be reached: ");
        match reachable.checked_sub(quorum) {
            None => format!(
                "{counts}nothing is recorded until {} more can be. Reading and verifying go on.",
                quorum - reachable
            ),
            Some(0) => format!("{counts}none of them may be away."),
            Some(1) => format!("{counts}one may be away."),
            Some(spare) => format!("{counts}{spare} may be away."),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> Value {
        json!({
            "members": [
                {"kid": "aaaaaaaaaaaa", "name": "Farm", "self": true, "reachable": true, "height": 1204, "lag": 0, "jwk": {}},
                {"kid": "bbbbbbbbbbbb", "name": "방앗간", "self": false, "reachable": true, "height": 1203, "lag": 1,
                    "connectedSince": "2026-11-28T12:03:00.000Z", "heard": "2026-11-28T12:09:00.000Z", "roundTripMs": 4.21,
                    "clockOffsetMs": 12},
                {"kid": "cccccccccccc", "name": "Port", "self": false, "reachable": true, "height": 1204, "lag": 0,
                    "connectedSince": "2026-11-28T12:03:00.000Z", "roundTripMs": 0.5, "clockOffsetMs": -1500},
                {"kid": "dddddddddddd", "name": "Mill\nPort", "self": false, "reachable": true},
            ],
            "quorum": 3, "reachable": 4, "requests": [],
        })
    }

    #[test]
    fn a_table_for_people() {
        let mut answer = answer();
        assert_eq!(
            text_of(&answer, "http://a").unwrap(),
            "member      kid       height  lag  round trip     clock  state\n\
             Farm        aaaaaaaa    1204    0           -         -  this node\n\
             방앗간      bbbbbbbb    1203    1      4.2 ms    +12 ms  connected since 2026-11-28T12:03:00.000Z\n\
             Port        cccccccc    1204    0      0.5 ms  -1500 ms  connected since 2026-11-28T12:03:00.000Z\n\
             Mill\\nPort  dddddddd       -    -           -         -  connected\n\
             \n\
             3 of 4 members must agree; 4 can be reached: one may be away."
        );
        answer["members"][1]["reachable"] = false.into();
        answer["members"][1]["trouble"] = "connection refused".into();
        answer["members"][3]["reachable"] = false.into();
        answer["reachable"] = 2.into();
        answer["members"][0]["faults"] = 1.into();
        answer["members"][2]["faults"] = 3.into();
        answer["notSigning"] = "this node signs nothing: two nodes run".into();
        answer["requests"] = json!([{"kid": "eeee", "name": "Barn", "url": "https://barn.example"}]);
        answer["candidates"] = json!([
            {"kid": "ffff", "name": "Dock", "reachable": true},
            {"kid": "gggg", "name": "Quay", "reachable": false, "trouble": "connection refused"},
        ]);
        let text = text_of(&answer, "http://a").unwrap();
        for line in [
            "Would come in by an open proposal: Dock (ffff), this node reaches it",
            "Would come in by an open proposal: Quay (gggg), this node does not reach it (connection refused)",
            "missing since 2026-11-28T12:09:00.000Z (connection refused)",
            "missing, not heard since this node started",
            "this node; has signed two things in one place, see `sealane faults`",
            "connected since 2026-11-28T12:03:00.000Z; has signed two things in one place 3 times, see `sealane faults`",
            "3 of 4 members must agree; 2 can be reached: nothing is recorded until 1 more can be. Reading and verifying go on.",
            "This node signs nothing: two nodes run",
            "Asks to become a member: Barn (eeee, https://barn.example)",
        ] {
            assert!(text.lines().any(|found| found.ends_with(line)), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn an_observer_says_whom_it_follows() {
        let mut answer = json!({
            "members": [{"kid": "aaaaaaaaaaaa", "name": "Farm", "self": false, "jwk": {}}],
            "quorum": 1, "requests": [],
            "following": {"url": "https://farm.example", "height": 12, "behind": 3, "heard": "2026-11-28T12:03:00.000Z"},
        });
        let text = text_of(&answer, "http://a").unwrap();
        let last = "This node is an observer of https://farm.example, and meets no member: block 12, 3 behind, last heard \
                    2026-11-28T12:03:00.000Z.";
        assert_eq!(text.lines().last(), Some(last));
        assert!(text.lines().nth(1).unwrap().trim_end().ends_with('-'), "{text}");
        answer["following"]["stopped"] = "the ledger is forked".into();
        assert!(text_of(&answer, "http://a").unwrap().ends_with("\nIt has stopped: the ledger is forked"));
    }

    #[test]
    fn what_a_quorum_means() {
        let said = |members: usize, quorum, reachable| {
            let member = json!({"kid": "a", "name": "A", "reachable": true});
            let answer = json!({"members": vec![member; members], "quorum": quorum, "reachable": reachable});
            text_of(&answer, "http://a").unwrap().lines().last().unwrap().to_owned()
        };
        assert_eq!(said(1, 1, 1), "One member keeps this ledger and decides alone.");
        assert_eq!(said(4, 3, 3), "3 of 4 members must agree; 3 can be reached: none of them may be away.");
        assert_eq!(said(7, 5, 7), "5 of 7 members must agree; 7 can be reached: 2 may be away.");
        assert!(said(7, 5, 2).contains("until 3 more can be"));
    }

    #[test]
    fn another_answer_is_no_node_of_sealane() {
        let failure = text_of(&json!({"members": 4}), "http://a").unwrap_err();
        assert_eq!(failure.exit_code(), 3);
        assert!(failure.to_string().starts_with("http://a/members did not answer as a Sealane node does"), "{failure}");
    }
}
