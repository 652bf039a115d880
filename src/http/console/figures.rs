//! What the console's page tells, gathered from the node as of one moment.

use std::sync::PoisonError;

use actix_web::web;

use crate::app::answer::AnswerPool;
use crate::app::council::Council;
use crate::app::joining::WaitingJoin;
use crate::app::orderer::QUEUE_JOBS_MAX;
use crate::app::proposals::{self, ProposalFilter, ProposalSeen, ProposalState};
use crate::app::registration::{self, WaitingRequests};
use crate::app::{LedgerError, View};
use crate::http::console::history::{MINUTES, Minute};
use crate::http::console::{Console, KnownEnd, MachineReading};
use crate::http::limits::Guard;
use crate::http::problem::Problem;
use crate::http::{AuditResult, NEAR_EXPIRY_MS, Node};
use sealane_core::consortium::ParticipantId;
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

/// Of each kind of thing that waits, as many are listed; the command line lists all.
pub const LISTED_MAX: usize = 20;

/// A participant's certificate that ends soon.
pub struct EndingCertificate {
    pub participant: ParticipantId,
    pub organization: String,
    pub end: Timestamp,
}

/// A registration that waits for members to endorse it, this one among them.
pub struct Unendorsed {
    pub participant: ParticipantId,
    pub organization: String,
}

/// How much of something is taken; both in the same unit.
pub struct Taken {
    /// The key of its name in the table of messages.
    pub name: &'static str,
    pub used: u64,
    pub of: u64,
    pub in_bytes: bool,
}

/// All that the page tells.
pub struct Figures {
    pub now: Timestamp,
    /// When this node was opened.
    pub since: Timestamp,
    pub view: std::sync::Arc<View>,
    /// The member's name, or the ledger's if it is none now.
    pub name: String,
    pub store_answers: bool,
    /// What stands in the way of writing.
    pub obstacle: Option<Problem>,
    pub audit: Option<AuditResult>,
    pub council: Council,
    pub minutes: [Option<Minute>; MINUTES],
    pub waiting: WaitingRequests,
    pub joining: Vec<WaitingJoin>,
    /// Open proposals on which this member has not voted.
    pub to_vote: Vec<ProposalSeen>,
    pub unendorsed: Vec<Unendorsed>,
    pub ending: Vec<EndingCertificate>,
    /// Participants' certificates that end soon, listed or not.
    pub ending_count: usize,
    /// Certificates of the node's own that are known, whenever they end.
    pub own_ends: Vec<KnownEnd>,
    pub machine: MachineReading,
    pub taken: Vec<Taken>,
    /// Answers that were problems, by code, most first.
    pub refusals: Vec<(String, u64)>,
}

/// Gathers all of it.
pub async fn gather(console: &Console, node: &Node, guard: &Guard) -> Result<Figures, Problem> {
    let ledger = &node.ledger;
    let (view, now) = (ledger.view(), ledger.now());
    let store_answers = ledger.store().ping().await.is_ok();
    let waiting = match registration::waiting(ledger, LISTED_MAX as u32).await {
        Ok(waiting) => waiting,
        // The page is most needed while the store is away.
        Err(LedgerError::Store(_)) if !store_answers => WaitingRequests::default(),
        Err(error) => return Err(error.into()),
    };
    let machine = console.machine.clone();
    let machine = web::block(move || machine.reading()).await.map_err(Problem::internal)?;
    let own = console.key.thumbprint();
    let ending = ending(&view, now);
    let council = ledger.council_now();
    let is_own = |member: &&crate::app::council::MemberStanding| member.is_self;
    // A newcomer, or a member that was removed, is none of the members.
    let name = council.members.iter().find(is_own).map(|member| member.name.clone());
    let name = name.unwrap_or_else(|| view.registry.origin().to_string());
    Ok(Figures {
        now,
        since: console.since,
        name,
        store_answers,
        obstacle: ledger.obstacle().map(Problem::from),
        audit: node.audit.read().unwrap_or_else(PoisonError::into_inner).clone(),
        minutes: console.minutes(&node.metrics),
        waiting,
        joining: node.joining.waiting(view.registry.members(), now),
        to_vote: to_vote(&view, now, &own),
        unendorsed: unendorsed(&view, &own),
        ending_count: ending.len(),
        ending: ending.into_iter().take(LISTED_MAX).collect(),
        own_ends: console.ends.clone(),
        taken: taken(node, guard, &machine),
        machine,
        refusals: node.metrics.refusals(),
        council,
        view,
    })
}

/// Certificates that end within 30 days, the nearest end first.
fn ending(view: &View, now: Timestamp) -> Vec<EndingCertificate> {
    let soon = now.plus_millis(NEAR_EXPIRY_MS);
    let participants = view.registry.participants().filter(|one| one.revoked.is_none());
    let ends = participants.filter_map(|one| {
        let end = one.certificates.iter().map(|certificate| certificate.not_after).max()?;
        (end >= now && end <= soon).then(|| EndingCertificate {
            participant: one.id,
            organization: one.claims.organization.to_string(),
            end,
        })
    });
    let mut ends: Vec<EndingCertificate> = ends.collect();
    ends.sort_by_key(|one| one.end);
    ends
}

fn to_vote(view: &View, now: Timestamp, own: &Hash) -> Vec<ProposalSeen> {
    let open = ProposalFilter { state: Some(ProposalState::Open), ..ProposalFilter::default() };
    let mut seen = proposals::list(view, now, &open, LISTED_MAX as u32).seen;
    seen.retain(|one| one.open.as_ref().is_some_and(|open| open.waiting.iter().any(|member| member.kid == *own)));
    seen
}

/// Registrations that other members made, which this one may endorse.
fn unendorsed(view: &View, own: &Hash) -> Vec<Unendorsed> {
    let participants = view.registry.participants().filter(|one| {
        one.revoked.is_none()
            && one.endorsements_missing() > 0
            && one.registered_by != *own
            && one.endorsements.iter().all(|given| given.by != *own)
    });
    let shown =
        participants.map(|one| Unendorsed { participant: one.id, organization: one.claims.organization.to_string() });
    shown.take(LISTED_MAX).collect()
}

fn taken(node: &Node, guard: &Guard, machine: &MachineReading) -> Vec<Taken> {
    let bytes = |name, used: u64, of: u64| Taken { name, used, of, in_bytes: true };
    let number = |name, used: u64, of: u64| Taken { name, used, of, in_bytes: false };
    let mut taken = Vec::new();
    taken.extend(machine.disk.map(|room| bytes("console.disk", room.used, room.of)));
    taken.extend(machine.memory.map(|room| bytes("console.memory", room.used, room.of)));
    taken.extend(machine.files.map(|room| number("console.files", room.used, room.of)));
    let memory = &guard.memory;
    for (name, budget) in [("console.bodies", memory.bodies()), ("console.answers", memory.answers())] {
        taken.push(bytes(name, budget.held_bytes() as u64, budget.total_bytes() as u64));
    }
    let (under_way, most) = node.ledger.captures_under_way();
    taken.push(number("console.captures", under_way as u64, most as u64));
    taken.push(number("console.queue", node.ledger.queue_depth() as u64, QUEUE_JOBS_MAX as u64));
    for pool in AnswerPool::all() {
        let name = if pool.name() == "verdicts" { "console.verdicts" } else { "console.queries" };
        taken.push(number(name, pool.waiting() as u64, pool.waiting_max() as u64));
    }
    taken
}
