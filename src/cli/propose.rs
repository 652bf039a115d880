//! `members propose`, `policy`, `rules`, `revoke --by-vote`: what a member puts to the vote of all.
//!
//! Before the key signs, the command shows each change and what the members could bear after it, and asks.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::proposals::Bearing;
use crate::cli::arguments::Global;
use crate::cli::decisions::{Desk, RevokeOptions};
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::now;
use crate::cli::output::{Output, ask, excerpt, printable};
use crate::cli::proposals::{ShownProposal, change_text};
use crate::cli::provider::provider;
use sealane_core::block::{Member, NotePublicKey};
use sealane_core::consortium::{
    Admin, AdmitMember, ChangeProposal, ParticipantId, PolicyChange, PolicyName, ProposedChange, RemoveMember,
    ReplaceMember, RevokeParticipant, RulesChange, member_proof_bytes,
};
use sealane_core::hash::Hash;
use sealane_core::limits::{CHANGES_PER_PROPOSAL_MAX, PROPOSAL_DAYS_MAX};
use sealane_core::statement::{PublicKey, Signature};
use sealane_core::time::Timestamp;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How long the members may vote if nothing else is said: 7 days.
const AGE_MS: i64 = 7 * DAY_MS;

/// A newcomer's file has under 1 KiB.
const MEMBER_FILE_BYTES_MAX: u64 = 64 * 1024;

#[derive(Debug, Args)]
pub struct ProposeOptions {
    /// Admit who asks to become a member: the kid of a request that `sealane members` shows, or the newcomer's member.json
    #[arg(long, value_name = "FILE|KID", num_args = 1..)]
    pub admit: Vec<String>,
    /// Remove the member with this key; the beginning of its kid is enough. One that begins with - is given as --remove=KID
    #[arg(long, value_name = "KID", num_args = 1..)]
    pub remove: Vec<String>,
    /// Give a member a new key: its kid so far, and the kid of a request or a member.json with the new one
    #[arg(long, value_name = "KID=FILE|KID", num_args = 1..)]
    pub replace: Vec<String>,
    #[command(flatten)]
    pub vote: PutToVote,
}

/// How a proposal is put to the vote.
#[derive(Debug, Clone, Args)]
pub struct PutToVote {
    /// Until when the members may vote, such as 2026-11-21T09:30:00Z; 30 days at the most [default: 7 days from now]
    #[arg(long, value_name = "TIME")]
    pub expires: Option<Timestamp>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct PolicyOptions {
    /// terms, registrationEndorsements, contactsPerDay, newIdsPerDay, newIdsInAll, leavesPerSubjectPerDay,
    /// leavesPerSubjectInAll, subjectsMax, maxSpeedKmh or clockToleranceMinutes
    pub name: String,
    /// A whole number; of leavesPerSubjectPerDay and terms an object in JSON
    pub value: String,
    /// For this participant alone, in place of all
    #[arg(long, value_name = "ID")]
    pub participant: Option<ParticipantId>,
    #[command(flatten)]
    pub vote: PutToVote,
}

#[derive(Debug, Args)]
pub struct RulesOptions {
    /// The number of the rules by which blocks are to be made
    pub number: u32,
    /// Not before this time, such as 2026-11-21T09:30:00Z [default: as soon as the vote has ended]
    #[arg(long, value_name = "TIME")]
    pub not_before: Option<Timestamp>,
    #[command(flatten)]
    pub vote: PutToVote,
}

/// What an organisation that would be a member says of itself, with the proof by its key: `member.json`, or a request that a node
/// tells of. Further members of the JSON, such as its address, are not this command's.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Newcomer {
    name: String,
    jwk: PublicKey,
    note_key: NotePublicKey,
    proof: Signature,
}

/// The members in force and the requests, as a node tells of them.
#[derive(Deserialize)]
struct MembersTold {
    members: Vec<MemberTold>,
    #[serde(default)]
    requests: Vec<Value>,
}

#[derive(Deserialize)]
struct MemberTold {
    kid: Hash,
    name: String,
    /// Where its node is found, as it has signed it.
    #[serde(default)]
    address: Option<Value>,
}

pub fn run(global: &Global, options: &ProposeOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let desk = Desk::open(global)?;
    let members = MembersTold::ask(&desk)?;
    let admitted = options.admit.iter().map(|named| {
        let Newcomer { name, jwk, note_key, proof } = members.newcomer(named)?;
        check_proof(&desk, &name, &jwk, &note_key, &proof, named)?;
        Ok(ProposedChange::Admit(Box::new(AdmitMember { name, jwk, note_key, proof })))
    });
    let removed = options
        .remove
        .iter()
        .map(|prefix| Ok(ProposedChange::Remove(RemoveMember { kid: members.member(prefix)?.kid })));
    let replaced = options.replace.iter().map(|pair| members.replacement(&desk, pair));
    let changes = admitted.chain(removed).chain(replaced).collect::<Result<Vec<_>, Failure>>()?;
    if changes.is_empty() {
        return Err(Failure::wrong_use(
            "say what is proposed: --admit, --remove or --replace, each as often as needed",
        ));
    }
    if let ([alone], false) = (members.members.as_slice(), options.admit.is_empty())
        && alone.address.is_none()
    {
        output.warn(
            "this member's node has no port for other members' nodes, so who is admitted may never be ready: serve it with \
             --peer-listen and --peer-address",
        );
    }
    propose(&desk, &members, changes, &options.vote, output)
}

pub fn policy(global: &Global, options: &PolicyOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    propose_one(global, ProposedChange::Policy(policy_change(options)?), &options.vote, output)
}

pub fn rules(global: &Global, options: &RulesOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let change = RulesChange { number: options.number, not_before: options.not_before.unwrap_or_else(now) };
    propose_one(global, ProposedChange::Rules(change), &options.vote, output)
}

/// Puts the end of a registration to the vote.
pub fn revoke(global: &Global, options: &RevokeOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let change = RevokeParticipant {
        participant: options.id,
        reason: options.reason.clone(),
        compromised_since: options.compromised_since,
        dismisses_claims: options.dismiss_claims,
    };
    let vote = PutToVote { expires: options.expires, yes: options.yes };
    propose_one(global, ProposedChange::Revoke(change), &vote, output)
}

/// Puts one change to the vote.
pub(super) fn propose_one(
    global: &Global,
    change: ProposedChange,
    vote: &PutToVote,
    output: &Output,
) -> Result<CommandOutcome, Failure> {
    let desk = Desk::open(global)?;
    let members = MembersTold::ask(&desk)?;
    propose(&desk, &members, vec![change], vote, output)
}

fn propose(
    desk: &Desk,
    members: &MembersTold,
    changes: Vec<ProposedChange>,
    vote: &PutToVote,
    output: &Output,
) -> Result<CommandOutcome, Failure> {
    if changes.len() > CHANGES_PER_PROPOSAL_MAX {
        let found = changes.len();
        return Err(Failure::wrong_use(format!(
            "a proposal has at most {CHANGES_PER_PROPOSAL_MAX} changes; this has {found}: make several"
        )));
    }
    let expires = expiry(vote)?;
    if !vote.yes {
        eprintln!("{}", printable(&members.preview(&changes, expires)));
        let question = match members.members.len() {
            1 => "Sign this? One member decides alone, so it is done at once. [y/N] ",
            _ => "Sign this proposal? It is also this member's yes. [y/N] ",
        };
        ask(question, "give --yes to propose without being asked", "nothing was proposed")?;
    }
    let answer = desk.say(&Admin::Proposal(ChangeProposal { changes, expires }))?;
    let proposal = ShownProposal::of_answer(&answer)?;
    let id = proposal.id()?;
    let text = match (proposal.is_enacted(), members.members.len()) {
        (true, 1) => {
            format!("{} One member keeps this ledger, so its own yes was enough.\nIts id is {id}.", proposal.standing())
        }
        (true, _) => format!("{}\nIts id is {id}.", proposal.standing()),
        (false, 1) => format!("Proposed {id}, until {expires}.\n{}", proposal.standing()),
        (false, _) => format!(
            "Proposed {id}, until {expires}.\n{}\nThe other members vote: sealane members vote {id} yes",
            proposal.standing()
        ),
    };
    let state = proposal.json().get("state").cloned().unwrap_or_default();
    output.result(&json!({"id": id.to_string(), "state": state}), text);
    Ok(CommandOutcome::Done)
}

fn expiry(vote: &PutToVote) -> Result<Timestamp, Failure> {
    let now = now();
    let expires = vote.expires.unwrap_or_else(|| now.plus_millis(AGE_MS));
    if expires <= now || expires.millis_since(now) > PROPOSAL_DAYS_MAX * DAY_MS {
        return Err(Failure::wrong_use(format!(
            "--expires {expires}: a vote ends after now, {now}, and within {PROPOSAL_DAYS_MAX} days of it"
        )));
    }
    Ok(expires)
}

/// Reads a policy's name and value: JSON, or the value as it was typed.
fn policy_change(options: &PolicyOptions) -> Result<PolicyChange, Failure> {
    let name = PolicyName::ALL.into_iter().find(|name| name.as_str() == options.name).ok_or_else(|| {
        let names = PolicyName::ALL.map(PolicyName::as_str).join(", ");
        Failure::wrong_use(format!("{:?} is no policy; the policies are {names}", options.name))
    })?;
    let value = serde_json::from_str(&options.value).unwrap_or_else(|_| Value::String(options.value.clone()));
    PolicyChange::new(name, &value, options.participant).map_err(Failure::wrong_use)
}

impl MembersTold {
    fn ask(desk: &Desk) -> Result<Self, Failure> {
        let answer = desk.client().get_json("/members")?;
        Self::deserialize(&answer).map_err(|error| {
            Failure::unreachable(format!("what the node tells of the members cannot be read: {error}"))
        })
    }

    /// The member whose kid begins so.
    fn member(&self, prefix: &str) -> Result<&MemberTold, Failure> {
        let mut found = self.members.iter().filter(|member| member.kid.to_string().starts_with(prefix));
        match (found.next().filter(|_| !prefix.is_empty()), found.next()) {
            (Some(one), None) => Ok(one),
            (Some(_), Some(_)) => {
                Err(Failure::wrong_use(format!("several members' kids begin with {prefix}: give more of it")))
            }
            (None, _) => Err(Failure::wrong_use(format!(
                "no member's kid begins with {prefix:?}: `sealane members --json` has all of them"
            ))),
        }
    }

    /// What a newcomer says of itself: of a file, or of a request that the node tells of.
    fn newcomer(&self, named: &str) -> Result<Newcomer, Failure> {
        let path = Path::new(named);
        if path.is_file() {
            return read_newcomer(path);
        }
        let kid_of =
            |request: &&Value| request.get("kid").and_then(Value::as_str).is_some_and(|kid| kid.starts_with(named));
        let mut found = self.requests.iter().filter(kid_of);
        match (found.next().filter(|_| !named.is_empty()), found.next()) {
            (Some(request), None) => Newcomer::deserialize(request).map_err(|error| {
                Failure::unreachable(format!(
                    "the request of {named} is not told with its keys and proof ({error}): take the newcomer's member.json"
                ))
            }),
            (Some(_), Some(_)) => {
                Err(Failure::wrong_use(format!("several requests' kids begin with {named}: give more of it")))
            }
            (None, _) => Err(Failure::wrong_use(format!(
                "{named:?} is neither a file nor the kid of a request that `sealane members` shows"
            ))),
        }
    }

    fn replacement(&self, desk: &Desk, pair: &str) -> Result<ProposedChange, Failure> {
        let (kid, named) = pair.split_once('=').ok_or_else(|| {
            Failure::wrong_use(format!(
                "--replace {pair}: give KID=FILE, the member's kid so far and who has the new key"
            ))
        })?;
        let (member, newcomer) = (self.member(kid)?, self.newcomer(named)?);
        if member.name != newcomer.name {
            return Err(Failure::wrong_use(format!(
                "--replace {pair}: the new keys are for {:?}, and a member keeps its name, {:?}",
                newcomer.name, member.name
            )));
        }
        let Newcomer { name, jwk, note_key, proof } = newcomer;
        check_proof(desk, &name, &jwk, &note_key, &proof, named)?;
        Ok(ProposedChange::Replace(Box::new(ReplaceMember { kid: member.kid, jwk, note_key, proof })))
    }

    /// What is about to be signed, and what the members can bear after it.
    fn preview(&self, changes: &[ProposedChange], expires: Timestamp) -> String {
        let names: BTreeMap<String, &str> =
            self.members.iter().map(|member| (member.kid.to_string(), member.name.as_str())).collect();
        let mut lines = vec![format!("To be put to the vote until {expires}:")];
        for change in changes {
            let of = match change {
                ProposedChange::Remove(one) => names.get(&one.kid.to_string()),
                ProposedChange::Replace(one) => names.get(&one.kid.to_string()),
                _ => None,
            };
            let name = of.map(|name| format!(" ({})", excerpt(name))).unwrap_or_default();
            lines.push(format!("  - {}{name}", change_text(&serde_json::to_value(change).unwrap_or_default())));
        }
        let before = Bearing::of(self.members.len());
        lines.push(format!("{} of {} members have to say yes.", before.quorum, before.members));
        if let Some(after) = Bearing::after(before.members, changes) {
            lines.push(format!("Now: {before}. If it is enacted: {after}."));
        }
        lines.join("\n")
    }
}

fn read_newcomer(path: &Path) -> Result<Newcomer, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::wrong_use(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MEMBER_FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| wrong(&error))?;
    if bytes.len() as u64 > MEMBER_FILE_BYTES_MAX {
        return Err(wrong(&"it is longer than any member.json"));
    }
    serde_json::from_slice(&bytes).map_err(|error| wrong(&format!("it is no member.json: {error}")))
}

/// Checks the proof by which the new key agrees, before the member's key signs for it.
fn check_proof(
    desk: &Desk,
    name: &str,
    jwk: &PublicKey,
    note_key: &NotePublicKey,
    proof: &Signature,
    named: &str,
) -> Result<(), Failure> {
    let member = Member::new(name, jwk.clone(), note_key.clone()).map_err(Failure::wrong_use)?;
    let bytes = member_proof_bytes(desk.origin(), &member);
    provider().signatures.verify(jwk, &bytes, proof).map_err(|_| {
        Failure::wrong_use(format!(
            "{named}: its proof does not hold for {name:?}, these keys and the ledger {}: take a new one from the newcomer",
            desk.origin()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(name: &str, value: &str, participant: Option<&str>) -> PolicyOptions {
        PolicyOptions {
            name: name.to_owned(),
            value: value.to_owned(),
            participant: participant.map(|id| id.parse().unwrap()),
            vote: PutToVote { expires: None, yes: true },
        }
    }

    fn fails(options: &PolicyOptions) -> String {
        policy_change(options).unwrap_err().to_string()
    }

    fn told() -> MembersTold {
        let member = |byte: u8, name: &str| MemberTold {
            kid: Hash::from_bytes([byte; 32]),
            name: name.to_owned(),
            address: None,
        };
        MembersTold {
            members: vec![member(1, "Ada"), member(2, "Bo"), member(3, "Cy"), member(4, "Di")],
            requests: Vec::new(),
        }
    }

    #[test]
    fn a_policy_is_read_as_a_number_or_as_json() {
        let change = policy_change(&options("maxSpeedKmh", "900", None)).unwrap();
        assert_eq!(serde_json::to_value(&change).unwrap()["value"], 900);
        let leaves = policy_change(&options("leavesPerSubjectPerDay", r#"{"piece": 3, "lot": 50}"#, None)).unwrap();
        assert_eq!(serde_json::to_value(&leaves).unwrap()["value"]["lot"], 50);
        assert!(fails(&options("speed", "1", None)).contains("\"speed\" is no policy; the policies are terms, "));
        assert!(fails(&options("maxSpeedKmh", "fast", None)).contains("is a whole number from 1 to"));
        let of_one = options("maxSpeedKmh", "900", Some("0199aaaa-0000-4000-8000-000000000001"));
        assert!(fails(&of_one).contains("it is set for no single participant"));
    }

    #[test]
    fn a_vote_ends_within_30_days() {
        let vote = |days: i64| PutToVote { expires: Some(now().plus_millis(days * DAY_MS)), yes: true };
        assert!(expiry(&vote(29)).is_ok());
        assert!(expiry(&PutToVote { expires: None, yes: true }).is_ok());
        for days in [31, -1] {
            let failure = expiry(&vote(days)).unwrap_err().to_string();
            assert!(failure.contains("and within 30 days of it"), "{failure}");
        }
    }

    #[test]
    fn what_is_to_be_signed_is_shown_with_what_the_result_can_bear() {
        let members = told();
        let remove = ProposedChange::Remove(RemoveMember { kid: members.members[3].kid });
        let text = members.preview(&[remove], "2026-12-06T10:00:00.000Z".parse().unwrap());
        for part in [
            "To be put to the vote until 2026-12-06T10:00:00.000Z:",
            "(Di)",
            "3 of 4 members have to say yes.",
            "Now: with 4 members one may be away. If it is enacted: with 3 members none may be away.",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn a_member_is_named_by_the_beginning_of_its_kid() {
        let members = told();
        assert_eq!(members.member("AgIC").unwrap().name, "Bo");
        let failure = members.member("A").map(|_| ()).unwrap_err().to_string();
        assert!(failure.contains("several members' kids begin with A"), "{failure}");
        for none in ["", "zzz"] {
            let failure = members.member(none).map(|_| ()).unwrap_err().to_string();
            assert!(failure.contains("no member's kid begins with"), "{failure}");
        }
        let failure = members.newcomer("nobody").map(|_| ()).unwrap_err().to_string();
        assert!(failure.contains("neither a file nor the kid of a request"), "{failure}");
    }
}
