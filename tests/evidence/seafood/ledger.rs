//! A ledger to which a chain's companies posted what it tells, and what is then said of the goods.

use sealane_core::ledger::PlaceRefusal;
use std::collections::{BTreeMap, BTreeSet};

use sealane::app::capture::{CaptureError, capture};
use sealane::app::evidence::{gather, verdict};
use sealane_core::gs1::Id;
use sealane_core::merkle::LeafIndex;
use sealane_core::provenance::{Policy, Verdict};
use serde_json::{Value, json};

use super::chain::{Chain, Claimed, mentions, owner, poster};
use crate::node::Node;
use crate::parties::Party;
use crate::set::{Case, at, examine};

/// An event on the ledger.
pub struct Posted {
    pub event: Value,
    pub by: String,
    pub leaf: LeafIndex,
}

/// An event that the ledger did not take.
pub struct Refused {
    pub event: Value,
    pub by: String,
    pub why: String,
}

/// A chain that was posted.
pub struct Landed {
    pub chain: Chain,
    pub claims: BTreeMap<String, Claimed>,
    /// In the order of their times.
    pub posted: Vec<Posted>,
    pub refused: Vec<Refused>,
    /// What the owner of the goods posted since it was not the information provider's to post.
    pub by_owner: usize,
    /// What is said of everything that the chain names, its evidence checked.
    pub answers: Vec<(Id, Verdict)>,
    /// The same as documents for other verifiers.
    pub cases: Vec<Case>,
}

pub fn land(seed: u64, chain: Chain) -> Landed {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut pier = Pier::open(seed, &chain).await;
        for event in &chain.events {
            pier.post(&chain, event).await;
        }
        pier.ask(chain).await
    })
}

struct Pier {
    node: Node,
    claims: BTreeMap<String, Claimed>,
    parties: BTreeMap<String, Party>,
    posted: Vec<Posted>,
    refused: Vec<Refused>,
    by_owner: usize,
}

impl Pier {
    async fn open(seed: u64, chain: &Chain) -> Self {
        let mut node = Node::begin(seed).await;
        let claims = chain.claims();
        let mut parties = BTreeMap::new();
        for (name, claimed) in &claims {
            node.advance(1);
            let mut party = Party::claiming(claimed.to_json(name), seed);
            party.register(&mut node).await;
            parties.insert(name.clone(), party);
        }
        Self { node, claims, parties, posted: Vec::new(), refused: Vec::new(), by_owner: 0 }
    }

    /// Posts an event by whom the document names as the provider of the information; where that one may not say it, since
    /// it tells of another's goods coming into being, by the one whose goods they are.
    async fn post(&mut self, chain: &Chain, event: &Value) {
        let by = poster(event);
        let not_its_own = match self.say(chain, event, &by).await {
            Ok(()) => return,
            Err(CaptureError::Refused(PlaceRefusal::Rights { error, .. })) if error.rule() != "role-step" => {
                error.to_string()
            }
            Err(error) => return self.refused.push(Refused { event: event.clone(), by, why: error.to_string() }),
        };
        match owner(event).filter(|owner| *owner != by) {
            Some(owner) => match self.say(chain, event, &owner).await {
                Ok(()) => self.by_owner += 1,
                Err(error) => self.refused.push(Refused { event: event.clone(), by: owner, why: error.to_string() }),
            },
            None => self.refused.push(Refused { event: event.clone(), by, why: not_its_own }),
        }
    }

    async fn say(&mut self, chain: &Chain, event: &Value, by: &str) -> Result<(), CaptureError> {
        self.node.advance(1);
        let now = self.node.now();
        let document = json!({
            "@context": chain.context, "type": "EPCISDocument", "schemaVersion": "2.0",
            "creationDate": now.to_string(), "epcisBody": {"eventList": [event]},
        });
        let statement = self.parties[by].sign_document(&self.node, &document, now);
        let ledger = self.node.ledger.clone();
        let captured = self.node.drive(capture(&ledger, statement)).await?;
        self.posted.push(Posted { event: event.clone(), by: by.to_owned(), leaf: captured.placed.leaf });
        Ok(())
    }

    async fn ask(mut self, chain: Chain) -> Landed {
        let ids: BTreeSet<Id> = chain.events.iter().flat_map(mentions).filter_map(|mention| mention.id()).collect();
        let (ledger, now) = (self.node.ledger.clone(), self.node.now());
        let (mut answers, mut cases) = (Vec::new(), Vec::new());
        for id in ids {
            let evidence = self.node.drive(gather(&ledger, &id, None)).await.unwrap();
            let (said, _) = self.node.drive(verdict(&ledger, &id, &Policy::default())).await.unwrap();
            let text = serde_json::to_string(&evidence).unwrap();
            let judged = examine(text.as_bytes(), &id, &self.node.anchor);
            let judged = at(judged.unwrap_or_else(|error| panic!("{}: {id}: {error}", chain.name)), now);
            assert_eq!(said, judged, "{}: {id}", chain.name);
            answers.push((id.clone(), judged.clone()));
            cases.push(Case {
                name: format!("{}: {id}", chain.name),
                anchor: self.node.anchor.to_json(),
                asked: (&id).into(),
                now,
                text,
                claimed: None,
                outcome: Ok(judged),
            });
        }
        let Self { claims, posted, refused, by_owner, .. } = self;
        Landed { chain, claims, posted, refused, by_owner, answers, cases }
    }
}
