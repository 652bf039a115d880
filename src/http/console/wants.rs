//! What waits for the operator, and what is wrong, each with the command that does something about it. The page only reads.

use crate::http::NEAR_EXPIRY_MS;
use crate::http::console::figures::Figures;
use crate::http::console::{EndOf, Room};
use crate::http::pages::Visitor;
use crate::http::problem::{Code, Problem};
use crate::ports::{PendingRequest, RequestBody};
use sealane_core::provenance::minute;

/// A member this many blocks behind is told of.
const LAG_BLOCKS_MAX: u64 = 10;

/// A disk with less than this share free, in hundredths, is told of.
const DISK_FREE_PERCENT_MIN: u64 = 10;

/// One thing for the operator.
#[derive(Debug, PartialEq)]
pub struct Want {
    /// Something is wrong; else it waits.
    pub is_wrong: bool,
    pub text: String,
    /// What the node says of it, in English.
    pub detail: Option<String>,
    /// What to run; of several, one of them.
    pub commands: Vec<String>,
}

impl Want {
    fn wrong(text: String, command: impl Into<String>) -> Self {
        Self { is_wrong: true, text, detail: None, commands: vec![command.into()] }
    }

    fn waits(text: String, command: impl Into<String>) -> Self {
        Self { is_wrong: false, ..Self::wrong(text, command) }
    }

    fn detailed(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    fn or(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }
}

/// All of them: what is wrong first, then what waits.
pub fn wants(visitor: &Visitor, figures: &Figures) -> Vec<Want> {
    let mut wants = health(visitor, figures);
    wants.extend(members(visitor, figures));
    wants.extend(ends(visitor, figures));
    wants.extend(requests(visitor, figures));
    wants.extend(together(visitor, figures));
    wants
}

fn health(visitor: &Visitor, figures: &Figures) -> Vec<Want> {
    let mut wants = Vec::new();
    if !figures.store_answers {
        wants.push(Want::wrong(visitor.say("want.store").to_owned(), "sealane audit"));
    }
    if let Some(obstacle) = &figures.obstacle {
        let alone = figures.council.members.len() == 1;
        let want =
            Want::wrong(visitor.say("want.obstacle").to_owned(), against(obstacle, alone, &figures.machine.data));
        wants.push(want.detailed(obstacle.detail()));
    }
    let is_told = figures.obstacle.as_ref().is_some_and(|obstacle| obstacle.code() == Code::NotSound);
    if let Some(fault) = figures.audit.as_ref().and_then(|audit| audit.fault()).filter(|_| !is_told) {
        wants.push(Want::wrong(visitor.say("want.audit").to_owned(), "sealane audit").detailed(fault));
    }
    if let Some(room) = figures.machine.disk.filter(|room| is_nearly_full(*room)) {
        let free = super::page::bytes(room.of.saturating_sub(room.used));
        let text = visitor.fill("want.disk", &[("free", &free)]);
        wants.push(Want::wrong(text, format!("df -h {}", figures.machine.data)));
    }
    wants
}

/// What helps against what stands in the way of writing.
fn against(obstacle: &Problem, alone: bool, data: &str) -> String {
    match obstacle.code() {
        Code::NoQuorum => "sealane members".to_owned(),
        Code::ClockJump => "sealane serve --accept-clock \"$(date -u +%FT%TZ)\"".to_owned(),
        Code::NotSigning if alone => "sealane restore --last-signed-size LEAVES".to_owned(),
        Code::NotSigning => "sealane members rejoin".to_owned(),
        Code::DiskFull => format!("df -h {data}"),
        Code::UnknownRules => "sealane --version".to_owned(),
        _ => "sealane audit".to_owned(),
    }
}

fn is_nearly_full(room: Room) -> bool {
    room.of > 0 && room.of.saturating_sub(room.used).saturating_mul(100) < room.of.saturating_mul(DISK_FREE_PERCENT_MIN)
}

fn members(visitor: &Visitor, figures: &Figures) -> Vec<Want> {
    let council = &figures.council;
    let others = council.members.iter().filter(|member| !member.is_self);
    let mut wants = Vec::new();
    for member in others {
        let lag = council.lag(member).filter(|lag| *lag > LAG_BLOCKS_MAX);
        let name = ("name", member.name.as_str());
        if !member.reachable {
            let want = Want::wrong(visitor.fill("want.missing", &[name]), "sealane members");
            wants.push(Want { detail: member.trouble.clone(), ..want });
        } else if let Some(lag) = lag {
            let text = visitor.fill("want.behind", &[name, ("blocks", &lag.to_string())]);
            wants.push(Want::wrong(text, "sealane members"));
        }
    }
    let caught = council.members.iter().filter(|member| member.faults > 0);
    wants.extend(
        caught.map(|member| Want::wrong(visitor.fill("want.fault", &[("name", &member.name)]), "sealane faults")),
    );
    wants
}

fn ends(visitor: &Visitor, figures: &Figures) -> Vec<Want> {
    let soon = figures.now.plus_millis(NEAR_EXPIRY_MS);
    let own = figures.own_ends.iter().filter(|own| own.end <= soon).map(|own| {
        let (key, command) = match own.of {
            EndOf::Authority => ("want.authority", format!("sealane ca renew --data {}", figures.machine.data)),
            EndOf::Https => ("want.https", "sealane serve --tls-cert FILE --tls-key FILE".to_owned()),
        };
        Want::wrong(visitor.fill(key, &[("time", &minute(own.end))]), command)
    });
    let participants = figures.ending.iter().map(|one| {
        let end = minute(one.end);
        let text = visitor.fill("want.certificate", &[("organization", &one.organization), ("time", &end)]);
        Want::waits(text, format!("sealane renew {} --csr NEW/request.pem --key OLD/key.pem", one.participant))
    });
    own.chain(participants).collect()
}

fn requests(visitor: &Visitor, figures: &Figures) -> Vec<Want> {
    let reject = |id: &dyn std::fmt::Display| format!("sealane reject {id} --reason REASON");
    let registration = |request: &PendingRequest| {
        let RequestBody::Registration { claims, key, .. } = &request.body else { return None };
        let roles: Vec<&str> =
            claims.roles.iter().map(|role| visitor.say(&format!("role.{}", role.as_str()))).collect();
        let since = minute(request.received);
        let values = [("organization", claims.organization.as_str()), ("roles", &roles.join(", ")), ("time", &since)];
        let want =
            Want::waits(visitor.fill("want.registration", &values), format!("sealane approve {}", request.participant));
        Some(want.or(reject(&request.participant)).detailed(visitor.fill("want.key", &[("key", &key.to_string())])))
    };
    let renewal = |request: &PendingRequest| {
        let RequestBody::Renewal { key, .. } = &request.body else { return None };
        let participant = figures.view.registry.participant(&request.participant);
        let organization = participant.map(|one| one.claims.organization.to_string()).unwrap_or_default();
        let since = minute(request.received);
        let text = visitor.fill("want.renewal", &[("organization", &organization), ("time", &since)]);
        let want = Want::waits(text, format!("sealane approve {}", request.participant));
        Some(want.or(reject(&request.participant)).detailed(visitor.fill("want.key", &[("key", &key.to_string())])))
    };
    let waiting = &figures.waiting;
    let mut wants: Vec<Want> = waiting.registrations.iter().filter_map(registration).collect();
    wants.extend(waiting.renewals.iter().filter_map(renewal));
    if waiting.more {
        wants.push(Want::waits(visitor.say("want.more").to_owned(), "sealane participants --status pending"));
    }
    wants
}

/// What the members decide together, as far as it waits for this one.
fn together(visitor: &Visitor, figures: &Figures) -> Vec<Want> {
    let joining = figures.joining.iter().map(|one| {
        let member = one.request.member();
        let text = visitor.fill("want.join", &[("name", member.name())]);
        Want::waits(text, format!("sealane members propose --admit={}", member.kid()))
    });
    let votes = figures.to_vote.iter().map(|seen| {
        let until = minute(seen.proposal.content.expires);
        let text = visitor.fill("want.vote", &[("name", &seen.proposer.name), ("time", &until)]);
        let id = &seen.proposal.id;
        Want::waits(text, format!("sealane members vote {id} yes")).or(format!("sealane members vote {id} no"))
    });
    let endorsements = figures.unendorsed.iter().map(|one| {
        let text = visitor.fill("want.endorse", &[("organization", &one.organization)]);
        Want::waits(text, format!("sealane endorse {}", one.participant))
    });
    joining.chain(votes).chain(endorsements).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_obstacle_has_a_command() {
        for (code, alone, command) in [
            (Code::NoQuorum, false, "sealane members"),
            (Code::NotSigning, true, "sealane restore --last-signed-size LEAVES"),
            (Code::NotSigning, false, "sealane members rejoin"),
            (Code::NotSound, true, "sealane audit"),
            (Code::DiskFull, true, "df -h /data"),
        ] {
            assert_eq!(against(&Problem::new(code, ""), alone, "/data"), command);
        }
        assert!(against(&Problem::new(Code::ClockJump, ""), true, "").contains("--accept-clock"));
    }

    #[test]
    fn a_disk_is_told_of_when_a_tenth_is_free() {
        assert!(is_nearly_full(Room { used: 91, of: 100 }));
        assert!(!is_nearly_full(Room { used: 90, of: 100 }));
        assert!(!is_nearly_full(Room { used: 0, of: 0 }));
    }
}
