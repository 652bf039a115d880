//! A node says that it is ready: for each open proposal that asks one of its keys, when it may and as soon as it can.
//!
//! A key that a proposal brings in says so when the yes are complete, the node is level with the ledger, and quorums of the members
//! in force and of those that the proposal leaves can be reached. So members that never started, or that no node reaches, do not
//! halt the ledger. It says so again when its word has run out before all the others had said theirs. For a change of the rules
//! a member says so if its program knows them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::app::council::Council;
use crate::app::deciding;
use crate::app::genesis::sign_admin;
use crate::app::ledger::{Ledger, View};
use crate::ports::MemberSigner;
use sealane_core::block::{Height, Member, quorum};
use sealane_core::consortium::{
    Admin, CertificateReader, LedgerProposal, ProposedChange, Readiness, Registry, knows_rules,
};
use sealane_core::hash::Hash;
use sealane_core::limits::READY_PAUSE_MINUTES_MIN;
use sealane_core::statement::{StatementId, SubmittedStatement};
use sealane_core::time::Timestamp;

/// How often a node looks whether it has something to say.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long it waits after a word that was not taken.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(15);

/// Blocks that a node may be behind and still count as level: while others write, it always is one or two.
const LEVEL_WITHIN_BLOCKS: u64 = 3;

const PAUSE_MS: i64 = READY_PAUSE_MINUTES_MIN * 60_000;

/// What a node needs to say that it is ready.
pub trait ReadyVoice: Send + Sync {
    /// Puts a statement on the ledger by another member's node. The calling thread waits until it is final.
    ///
    /// # Errors
    ///
    /// Why no node has taken it, for people.
    fn post(&self, compact: &str) -> Result<(), String>;

    /// The keys that were made to replace this node's, if there are some.
    fn next_key(&self) -> Option<Arc<dyn MemberSigner>>;
}

/// Says that a node is ready.
pub struct ReadyNode {
    ledger: Ledger,
    signer: Arc<dyn MemberSigner>,
    certificates: Arc<dyn CertificateReader>,
    voice: Arc<dyn ReadyVoice>,
    /// When a word was tried last.
    tried: BTreeMap<(StatementId, Hash), Instant>,
    /// True once other keys are in force in the place of this node's.
    replaced: watch::Sender<bool>,
}

impl ReadyNode {
    /// The receiver hears once the keys that were made to replace this node's are in force.
    pub fn new(
        ledger: Ledger,
        signer: Arc<dyn MemberSigner>,
        certificates: Arc<dyn CertificateReader>,
        voice: Arc<dyn ReadyVoice>,
    ) -> (Self, watch::Receiver<bool>) {
        let (replaced, hears) = watch::channel(false);
        (Self { ledger, signer, certificates, voice, tried: BTreeMap::new(), replaced }, hears)
    }

    /// Works until it is dropped.
    pub async fn run(mut self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look().await;
        }
    }

    async fn look(&mut self) {
        let (view, now) = (self.ledger.view(), self.ledger.now());
        let own = self.signer.public_key().thumbprint();
        let members = view.registry.members();
        let open: Vec<&LedgerProposal> = view.registry.open_proposals(now).collect();
        let is_of_others = |one: &&LedgerProposal| one.new_keys().any(|kid| kid != own);
        let may_be_replaced = members.get(&own).is_none() || open.iter().any(is_of_others);
        let next = if may_be_replaced { self.voice.next_key() } else { None };
        if let Some(next) = next.as_ref().filter(|_| members.get(&own).is_none()) {
            let is_in_force = members.get(&next.public_key().thumbprint()).is_some();
            if is_in_force && !self.replaced.send_replace(true) {
                tracing::info!("this member's new key is in force: the node goes on with it");
            }
        }
        let council = self.ledger.council();
        let keys = [Some(Arc::clone(&self.signer)), next].into_iter().flatten();
        let mut due = Vec::new();
        for signer in keys {
            let kid = signer.public_key().thumbprint();
            let words = open.iter().filter(|proposal| is_due(proposal, kid, own, &view, &council, now));
            due.extend(words.map(|proposal| (proposal.id, kid, Arc::clone(&signer))));
        }
        let open: Vec<StatementId> = open.iter().map(|proposal| proposal.id).collect();
        self.tried.retain(|(proposal, _), _| open.contains(proposal));
        for (proposal, kid, signer) in due {
            let at = Instant::now();
            let last = self.tried.get(&(proposal, kid)).copied();
            if last.is_none_or(|last| at.duration_since(last) >= TRY_AGAIN_AFTER) {
                self.tried.insert((proposal, kid), at);
                self.say(proposal, kid, &*signer, &view).await;
            }
        }
    }

    async fn say(&self, proposal: StatementId, kid: Hash, signer: &dyn MemberSigner, view: &View) {
        let ready = Readiness { proposal, height: view.tip.seal.height, root: view.tip.checkpoint.root };
        let statement = sign_admin(&Admin::Ready(ready), view.registry.origin(), signer, self.ledger.now());
        let said = match statement {
            Ok(statement) => self.put(statement).await,
            Err(error) => Err(error.to_string()),
        };
        match said {
            Ok(()) => tracing::info!(%proposal, %kid, "this node has said that it is ready"),
            Err(trouble) => tracing::warn!(%proposal, %kid, trouble, "this node is ready, and its word was not taken"),
        }
    }

    /// Puts a statement on the ledger: here if this node's key is a member's, else by another member's node.
    async fn put(&self, statement: SubmittedStatement) -> Result<(), String> {
        if self.ledger.following().is_none() {
            let decided = deciding::decide(&self.ledger, &*self.certificates, statement).await;
            return decided.map(drop).map_err(|error| error.to_string());
        }
        let (voice, compact) = (Arc::clone(&self.voice), statement.compact().to_owned());
        let posted = tokio::task::spawn_blocking(move || voice.post(&compact)).await;
        posted.unwrap_or_else(|error| Err(error.to_string()))
    }
}

/// Tells whether a key has to say now that its node is ready. `own` is the key by which the node runs.
fn is_due(proposal: &LedgerProposal, kid: Hash, own: Hash, view: &View, council: &Council, now: Timestamp) -> bool {
    let registry = &*view.registry;
    if !proposal.new_keys().any(|new| new == kid) {
        return registry.members().get(&kid).is_some() && is_due_for_rules(proposal, kid);
    }
    let tally = registry.tally(proposal, now);
    let is_paused = proposal.ready.get(&kid).is_some_and(|last| now.millis_since(last.time) < PAUSE_MS);
    tally.has_passed()
        && tally.keys_not_ready.contains(&kid)
        && !is_paused
        && is_level(view.tip.seal.height, council)
        && reaches_quorums(proposal, [kid, own], registry, council, now)
}

/// A member says once that its program knows the rules that are proposed.
fn is_due_for_rules(proposal: &LedgerProposal, kid: Hash) -> bool {
    let mut numbers = proposal.content.changes.iter().filter_map(|change| match change {
        ProposedChange::Rules(rules) => Some(rules.number),
        _ => None,
    });
    numbers.next().is_some_and(knows_rules) && !proposal.ready.contains_key(&kid)
}

/// Tells whether a quorum of the members is no further than this node. One that says that it is far ahead, and is not, keeps no
/// newcomer out.
fn is_level(own: Height, council: &Council) -> bool {
    let is_here = |tip: Height| tip.get() <= own.get().saturating_add(LEVEL_WITHIN_BLOCKS);
    let here = council.members.iter().filter(|member| member.reachable && member.tip.is_some_and(is_here)).count();
    here >= quorum(council.members.len())
}

/// Tells whether this node reaches a quorum of the members in force, and of those that the proposal leaves, itself counted.
fn reaches_quorums(
    proposal: &LedgerProposal,
    itself: [Hash; 2],
    registry: &Registry,
    council: &Council,
    now: Timestamp,
) -> bool {
    let Some(after) = registry.members_after(proposal, now) else { return false };
    // A key that comes in the place of another one is found at that one's node.
    let former: BTreeMap<Hash, Hash> = proposal
        .content
        .changes
        .iter()
        .filter_map(|change| match change {
            ProposedChange::Replace(one) => Some((one.jwk.thumbprint(), one.kid)),
            _ => None,
        })
        .collect();
    let reaches = |kid: Hash| {
        itself.contains(&kid)
            || council.members.iter().any(|one| one.kid == kid && one.reachable)
            || council.candidates.iter().any(|one| one.kid == kid && one.reachable)
    };
    let is_reached = |kid: &Hash| reaches(*kid) || former.get(kid).is_some_and(|former| reaches(*former));
    let count = after.members().map(Member::kid).filter(is_reached).count();
    council.no_quorum().is_none() && count >= after.quorum()
}

#[cfg(test)]
mod tests;
