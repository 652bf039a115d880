//! `members proposals`: what the members were asked to decide, and how far each proposal is.

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use crate::app::proposals::ProposalState;
use crate::cli::arguments::Global;
use crate::cli::client::Client;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::output::{Output, columns, excerpt};
use sealane_core::consortium::{LeafRange, ProposedChange};
use sealane_core::gs1::Id;
use sealane_core::hash::Hash;
use sealane_core::statement::StatementId;

/// Characters of an id, or of a key, that people are shown in a list.
const ID_CHARS: usize = 10;

/// Characters of a whole id.
const ID_CHARS_MAX: usize = 43;

#[derive(Debug, Args)]
pub struct ProposalsOptions {
    /// One proposal: its id, or the beginning of it
    #[arg(allow_hyphen_values = true)]
    pub id: Option<String>,
    /// open, enacted, withdrawn, lost, void or expired
    #[arg(long, conflicts_with = "id")]
    pub state: Option<String>,
}

/// A proposal as a node tells of it. What this does not name is passed on with `--json` alone.
pub struct ShownProposal {
    told: Value,
    body: ProposalTold,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProposalTold {
    id: String,
    proposer: KeyTold,
    proposed_at: String,
    expires: String,
    #[serde(default)]
    changes: Vec<Value>,
    state: String,
    why: Option<String>,
    #[serde(default)]
    ballots: Vec<BallotTold>,
    yes: usize,
    no: usize,
    needed: Option<usize>,
    #[serde(default)]
    waiting: Vec<KeyTold>,
    #[serde(default)]
    not_ready: Vec<KeyTold>,
    #[serde(default)]
    members_not_ready: usize,
    result: Option<BearingTold>,
}

#[derive(Deserialize)]
struct KeyTold {
    kid: String,
    name: String,
}

#[derive(Deserialize)]
struct BallotTold {
    name: String,
    yes: bool,
    at: String,
}

#[derive(Deserialize)]
struct BearingTold {
    text: String,
}

pub fn run(global: &Global, options: &ProposalsOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let client = Client::new(global)?;
    if let Some(id) = &options.id {
        let proposal = find_proposal(&client, id)?;
        output.result(&proposal.told, proposal.text());
        return Ok(CommandOutcome::Done);
    }
    let query = options.state.as_ref().map(|state| format!("?state={state}")).unwrap_or_default();
    let (mut page, next) = client.get_page(&format!("/members/proposals{query}"), None)?;
    let told = list_of(&client, &mut page)?;
    let shown = told.iter().cloned().map(ShownProposal::read).collect::<Result<Vec<_>, Failure>>()?;
    let mut lines = if shown.is_empty() { vec!["No proposals.".to_owned()] } else { table(&shown) };
    if next.is_some() {
        lines.push("Older ones are not shown: GET /members/proposals has all of them, page by page.".to_owned());
    }
    output.result(&Value::Array(told), lines.join("\n"));
    Ok(CommandOutcome::Done)
}

/// The one proposal whose id begins so.
pub fn find_proposal(client: &Client, prefix: &str) -> Result<ShownProposal, Failure> {
    let is_of_id = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if prefix.is_empty() || prefix.len() > ID_CHARS_MAX || !prefix.chars().all(is_of_id) {
        return Err(Failure::wrong_use(format!(
            "{prefix:?} is no proposal's id, nor the beginning of one: `sealane members proposals` shows them"
        )));
    }
    let mut page = client.get_json(&format!("/members/proposals?perPage=5&prefix={prefix}"))?;
    let mut found = list_of(client, &mut page)?;
    match (found.pop(), found.len()) {
        (None, _) => Err(Failure::unreachable(format!("no proposal's id begins with {prefix}"))),
        (Some(one), 0) => ShownProposal::read(one),
        (Some(_), _) => {
            Err(Failure::wrong_use(format!("several proposals' ids begin with {prefix}: give more of the id")))
        }
    }
}

fn list_of(client: &Client, page: &mut Value) -> Result<Vec<Value>, Failure> {
    match page.get_mut("proposals").map(Value::take) {
        Some(Value::Array(told)) => Ok(told),
        _ => Err(Failure::unreachable(format!("{} answered with no list of proposals", client.url()))),
    }
}

/// A line for each proposal under a head.
fn table(shown: &[ShownProposal]) -> Vec<String> {
    let head = ["proposal", "state", "yes", "expires", "proposer", "changes"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(shown.iter().map(ShownProposal::row)).collect();
    columns(&rows, 6..=6)
}

impl ShownProposal {
    fn read(told: Value) -> Result<Self, Failure> {
        let body = ProposalTold::deserialize(&told).map_err(|error| {
            Failure::unreachable(format!("what the node tells of a proposal cannot be read: {error}"))
        })?;
        Ok(Self { told, body })
    }

    /// The proposal in an answer of `POST /members/decisions`.
    pub fn of_answer(answer: &Value) -> Result<Self, Failure> {
        Self::read(answer.get("proposal").cloned().unwrap_or_default())
    }

    pub fn id(&self) -> Result<StatementId, Failure> {
        let hash: Result<Hash, _> = self.body.id.parse();
        hash.map(StatementId::from_hash).map_err(Failure::unreachable)
    }

    pub fn json(&self) -> &Value {
        &self.told
    }

    pub fn is_enacted(&self) -> bool {
        self.body.state == ProposalState::Enacted.as_str()
    }

    fn is_open(&self) -> bool {
        self.body.state == ProposalState::Open.as_str()
    }

    fn row(&self) -> [String; 6] {
        let body = &self.body;
        let yes = body.needed.map_or_else(|| body.yes.to_string(), |needed| format!("{} of {needed}", body.yes));
        [
            body.id.chars().take(ID_CHARS).collect(),
            excerpt(&body.state),
            yes,
            excerpt(&body.expires),
            excerpt(&body.proposer.name),
            body.changes.iter().map(change_text).collect::<Vec<_>>().join("; "),
        ]
    }

    /// The whole proposal, with its ballots and how far it is.
    pub fn text(&self) -> String {
        let body = &self.body;
        let mut lines = vec![
            format!("Proposal {}", excerpt(&body.id)),
            format!(
                "  by {} ({}), at {}",
                excerpt(&body.proposer.name),
                excerpt(&body.proposer.kid),
                excerpt(&body.proposed_at)
            ),
            format!("  expires at {}", excerpt(&body.expires)),
        ];
        lines.extend(body.changes.iter().map(|change| format!("  - {}", change_text(change))));
        for ballot in &body.ballots {
            let word = if ballot.yes { "yes" } else { "no" };
            lines.push(format!("  {word:3}  {}, at {}", excerpt(&ballot.name), excerpt(&ballot.at)));
        }
        if let Some(result) = &body.result {
            lines.push(format!("If it is enacted: {}.", excerpt(&result.text)));
        }
        lines.push(self.standing());
        lines.join("\n")
    }

    /// How far it is, and what it waits for.
    pub fn standing(&self) -> String {
        let body = &self.body;
        if !self.is_open() {
            // The node writes of the proposal as "it".
            let why = body.why.as_deref().and_then(|why| why.strip_prefix("it ")).map(excerpt);
            return format!("The proposal {}.", why.unwrap_or_else(|| format!("is {}", excerpt(&body.state))));
        }
        let needed = body.needed.unwrap_or_default();
        let mut text = format!("{} yes and {} no; {needed} yes are needed.", body.yes, body.no);
        let names = |keys: &[KeyTold]| keys.iter().map(|key| excerpt(&key.name)).collect::<Vec<_>>().join(", ");
        if body.yes < needed && !body.waiting.is_empty() {
            text.push_str(&format!(" Not voted yet: {}.", names(&body.waiting)));
        }
        if !body.not_ready.is_empty() {
            let when = if body.yes < needed { ", when the yes are complete" } else { "" };
            text.push_str(&format!(" Still to say that they are ready{when}: {}.", names(&body.not_ready)));
        }
        if body.members_not_ready > 0 {
            text.push_str(&format!(
                " The nodes of {} more members have to say that they know the new rules.",
                body.members_not_ready
            ));
        }
        text
    }
}

/// What a change does, in words; one of a kind that this program does not know as it was told.
pub fn change_text(change: &Value) -> String {
    let Ok(change) = ProposedChange::deserialize(change) else { return excerpt(&change.to_string()) };
    let text = match &change {
        ProposedChange::Admit(one) => format!("admit {} ({})", one.name, one.jwk.thumbprint()),
        ProposedChange::Remove(one) => format!("remove the member {}", one.kid),
        ProposedChange::Replace(one) => format!("replace the member's key {} by {}", one.kid, one.jwk.thumbprint()),
        ProposedChange::Revoke(one) => {
            let since = one.compromised_since.map(|since| format!(", its key in other hands since {since}"));
            let dismissed = if one.dismisses_claims { ", and dismiss its claims" } else { "" };
            format!("revoke participant {}: {}{}{dismissed}", one.participant, one.reason, since.unwrap_or_default())
        }
        ProposedChange::Policy(one) => {
            let json = serde_json::to_value(one).unwrap_or_default();
            let value = json.get("value").map(ToString::to_string).unwrap_or_default();
            let of = one.participant().map(|id| format!(" for participant {id}")).unwrap_or_default();
            format!("policy {} = {value}{of}", one.name().as_str())
        }
        ProposedChange::Rules(one) => format!("rules {} from {} on", one.number, one.not_before),
        ProposedChange::Dismiss(one) => {
            format!("dismiss what participant {} claimed in {}: {}", one.participant, ranges(&one.claims), one.reason)
        }
        ProposedChange::Lift(one) => {
            let ids: Vec<&str> = one.ids.iter().map(Id::as_str).collect();
            format!("lift the recall in leaf {} for {}: {}", one.recall, ids.join(", "), one.reason)
        }
        ProposedChange::Authority(one) => format!("make participant {} an authority", one.registration),
        ProposedChange::Succeeds(one) => {
            format!("participant {} goes on for participant {}", one.participant, one.former)
        }
    };
    excerpt(&text)
}

/// Ranges of leaves, for people.
fn ranges(claims: &[LeafRange]) -> String {
    leaves_text(claims.iter().map(|range| (range.from.get(), range.to.get())))
}

/// First and last leaves of ranges, for people: `leaf 22`, or `the leaves 3 to 5, 22`.
pub fn leaves_text(ranges: impl IntoIterator<Item = (u64, u64)>) -> String {
    let ranges: Vec<(u64, u64)> = ranges.into_iter().collect();
    let text = |(from, to): &(u64, u64)| if from == to { from.to_string() } else { format!("{from} to {to}") };
    let texts = ranges.iter().map(text).collect::<Vec<_>>().join(", ");
    match ranges.as_slice() {
        [(from, to)] if from == to => format!("leaf {texts}"),
        _ => format!("the leaves {texts}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told() -> Value {
        json!({
            "id": "AbCdEfGhIjKlMnOp", "proposer": {"kid": "kkk", "name": "Ada"}, "proposedAt": "2026-11-29T10:00:00.000Z",
            "leafIndex": 7, "expires": "2026-12-06T10:00:00.000Z", "state": "open", "yes": 1, "no": 1, "needed": 3,
            "changes": [{"type": "policy", "name": "registrationEndorsements", "value": 2}],
            "ballots": [
                {"kid": "kkk", "name": "Ada", "yes": true, "at": "2026-11-29T10:00:00.000Z"},
                {"kid": "bbb", "name": "Bo\nx", "yes": false, "at": "2026-11-29T10:01:00.000Z"},
            ],
            "waiting": [{"kid": "ccc", "name": "Cy"}, {"kid": "ddd", "name": "Di"}], "ready": [], "notReady": [],
        })
    }

    #[test]
    fn an_open_proposal_is_told_with_what_it_waits_for() {
        let text = ShownProposal::read(told()).unwrap().text();
        for part in [
            "Proposal AbCdEfGhIjKlMnOp",
            "- policy registrationEndorsements = 2",
            "yes  Ada, at 2026-11-29T10:00:00.000Z",
            "no   Bo\\nx, at",
            "1 yes and 1 no; 3 yes are needed. Not voted yet: Cy, Di.",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn an_ended_proposal_is_told_with_its_end() {
        let mut told = told();
        told["state"] = "enacted".into();
        told["why"] = "it was enacted by block 12".into();
        let shown = ShownProposal::read(told).unwrap();
        assert!(shown.is_enacted());
        assert_eq!(shown.standing(), "The proposal was enacted by block 12.");
    }

    #[test]
    fn a_proposal_that_waits_for_readiness_says_of_whom() {
        let mut told = told();
        told["yes"] = 3.into();
        told["waiting"] = json!([]);
        told["notReady"] = json!([{"kid": "eee", "name": "Eve"}]);
        told["result"] = json!({"text": "with 5 members one may be away"});
        let shown = ShownProposal::read(told).unwrap();
        assert!(shown.standing().ends_with("Still to say that they are ready: Eve."), "{}", shown.standing());
        assert!(shown.text().contains("If it is enacted: with 5 members one may be away."));
    }

    #[test]
    fn a_list_has_a_line_for_each() {
        let lines = table(&[ShownProposal::read(told()).unwrap()]);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].starts_with("AbCdEfGhIj  open   1 of 3  2026-12-06T10:00:00.000Z  Ada"), "{}", lines[1]);
    }

    #[test]
    fn leaves_are_told_in_one_number_or_several() {
        assert_eq!(leaves_text([(22, 22)]), "leaf 22");
        assert_eq!(leaves_text([(22, 23)]), "the leaves 22 to 23");
        assert_eq!(leaves_text([(3, 3), (22, 24)]), "the leaves 3, 22 to 24");
    }

    #[test]
    fn a_change_of_another_kind_is_told_as_it_is() {
        assert_eq!(change_text(&json!({"type": "new", "x": 1})), r#"{"type":"new","x":1}"#);
    }
}
