//! Recalls of the id and its inputs, of their lots and classes, and of what a load holds.

use std::collections::BTreeSet;

use crate::consortium::ParticipantId;
use crate::epcis::Event;
use crate::gs1::Id;
use crate::index::{ListEntry, Subject};
use crate::provenance::follow::others::Allowance;
use crate::provenance::follow::{Follower, Source, WantedList};
use crate::provenance::history::CapturedEvent;
use crate::provenance::links;

/// A list of recalls, with the id that they recall.
type Recalled = (Subject, Id);

/// What may still be opened of those that may recall.
struct Budget {
    statements: usize,
    bytes: usize,
}

impl<S: Source> Follower<'_, S> {
    /// Opens the recalls of all that ever held a prefix, those of the id itself first; then those of authorities, what members decided of
    /// recalls, and a few recalls of others, which are told; and last the recalls of what a load holds.
    pub(super) fn recalls(&mut self) -> Result<(), S::Error> {
        let used: Vec<Id> = self.ids.iter().filter(|(_, role)| role.is_used).map(|(id, _)| id.clone()).collect();
        let (mut own, mut of_inputs) = (BTreeSet::new(), BTreeSet::new());
        let (mut by_any, mut by_any_of_inputs) = (BTreeSet::new(), BTreeSet::new());
        let mut all_holders = BTreeSet::new();
        for id in used {
            let is_asked = id == self.asked.id;
            let (by_holders, by_any) =
                if is_asked { (&mut own, &mut by_any) } else { (&mut of_inputs, &mut by_any_of_inputs) };
            let holders = self.holders(&id)?;
            all_holders.extend(holders.iter().cloned());
            for recalled in with_it(&id).chain(self.lots(&id)) {
                by_holders.extend(recalls_by(&holders, &recalled));
                by_any.insert((Subject::recall(recalled.as_str()), recalled));
            }
        }
        let mut budget = Budget { statements: self.limits.statements, bytes: self.limits.bytes };
        for (subject, id) in in_order(own, of_inputs) {
            self.take_recalls(&subject, &id, &mut budget)?;
        }
        let mut allowance = self.allowance();
        for (subject, id) in in_order(by_any, by_any_of_inputs) {
            self.take_any_recalls(&subject, &id, &all_holders, &mut budget, &mut allowance)?;
        }
        self.recalls_of_contents(&mut budget, &mut allowance)
    }

    /// Opens the recalls of each id that a load holds, by the holders of its prefix; and if there are any, what else is recorded of a recall
    /// of it. Of the kinds of what it holds, all is looked up.
    fn recalls_of_contents(&mut self, budget: &mut Budget, allowance: &mut Allowance) -> Result<(), S::Error> {
        let mut seen = BTreeSet::new();
        for content in self.contents() {
            let holders = self.holders(&content)?;
            for recalled in with_it(&content) {
                if !seen.insert(recalled.clone()) {
                    continue;
                }
                let mut is_recalled = recalled.is_class_level();
                for (subject, id) in recalls_by(&holders, &recalled) {
                    self.take_recalls(&subject, &id, budget)?;
                    is_recalled |= self.trail.shown.get(&subject).is_some_and(|list| !list.entries.is_empty());
                }
                if is_recalled {
                    let subject = Subject::recall(recalled.as_str());
                    self.take_any_recalls(&subject, &recalled, &holders, budget, allowance)?;
                }
            }
        }
        Ok(())
    }

    /// What parties say to have packed into the id, if it is a load: the first ones by the ledger, each once.
    fn contents(&mut self) -> Vec<Id> {
        let load = &self.asked.id;
        if !load.is_load() {
            return Vec::new();
        }
        let mut packing: Vec<&CapturedEvent> =
            self.found.iter().filter(|event| self.parties.contains(&event.capture().signer)).collect();
        packing.sort_unstable_by_key(|event| event.place());
        let (mut contents, mut seen) = (Vec::new(), BTreeSet::new());
        for id in packing.into_iter().flat_map(|event| links::packed(event, load)) {
            if !seen.insert(id) {
                continue;
            }
            if contents.len() >= self.limits.contents {
                self.trail.limit_reached = true;
                break;
            }
            contents.push(id.clone());
        }
        contents
    }

    /// The lots of which it is said that the id is of them, and the label's.
    fn lots(&self, id: &Id) -> Vec<Id> {
        let opened = self.ids.get(id).into_iter().flat_map(|role| role.opened.values());
        let lots: BTreeSet<&Id> = opened.flat_map(|opened| &opened.lots).collect();
        let of_label = self.asked.lot().filter(|_| *id == self.asked.id);
        lots.into_iter().take(self.limits.lots).cloned().chain(of_label).collect()
    }

    /// Opens the end of a list of one participant's recalls, from the last back.
    fn take_recalls(&mut self, subject: &Subject, id: &Id, budget: &mut Budget) -> Result<(), S::Error> {
        let list = self.take_list(subject, WantedList::Last(self.limits.recalls))?;
        let (entries, is_cut) = (list.entries.clone(), list.first > 0);
        self.trail.limit_reached |= is_cut;
        for ListEntry { leaf, .. } in entries.into_iter().rev() {
            if budget.statements == 0 || budget.bytes == 0 {
                self.trail.limit_reached = true;
                break;
            }
            let capture = self.source.capture(leaf, subject)?;
            self.take(&capture, &|event| speaks(event, id));
            budget.statements -= 1;
            budget.bytes = budget.bytes.saturating_sub(capture.bytes);
        }
        Ok(())
    }

    /// Opens what authorities recalled, if one that holds no prefix recalled anything; what members signed in a list of recalls by anyone; and a
    /// few of the last entries of others.
    fn take_any_recalls(
        &mut self,
        subject: &Subject,
        id: &Id,
        holders: &BTreeSet<ParticipantId>,
        budget: &mut Budget,
        allowance: &mut Allowance,
    ) -> Result<(), S::Error> {
        let entries = self.take_long(subject)?;
        let is_others = |entry: &ListEntry| entry.signer.participant().is_some_and(|one| !holders.contains(&one));
        // What strangers record hides nothing that an authority has recorded.
        if entries.iter().any(is_others) {
            for (subject, id) in recalls_by(self.authorities.difference(holders), id) {
                self.take_recalls(&subject, &id, budget)?;
            }
        }
        let mut room = self.limits.other_recalls;
        for ListEntry { leaf, signer, .. } in entries.into_iter().rev() {
            let Some(signer) = signer.participant() else {
                // The members may have decided to lift a recall: then a proposal stands in its list.
                if budget.statements == 0 {
                    self.trail.limit_reached = true;
                    continue;
                }
                budget.statements -= 1;
                self.take_proposal(subject, leaf)?;
                self.trail.proposed.insert(leaf);
                continue;
            };
            // What holders and authorities recall stands in lists of their own.
            if room > 0 && !holders.contains(&signer) && !self.authorities.contains(&signer) {
                room -= 1;
                if let Some(capture) = self.open_other(leaf, subject, allowance)? {
                    self.take(&capture, &|event| speaks(event, id));
                }
            }
        }
        Ok(())
    }
}

/// What is recalled with a recall of which an id is: itself, the whole that it is a piece of, and its class.
fn with_it(id: &Id) -> impl Iterator<Item = Id> + use<> {
    [Some(id.clone()), id.whole(), id.class()].into_iter().flatten()
}

/// The lists of what each of some participants recorded of a recall of an id.
fn recalls_by<'p>(participants: impl IntoIterator<Item = &'p ParticipantId>, id: &Id) -> Vec<Recalled> {
    let list = |one: &ParticipantId| (Subject::recall_by(*one, id.as_str()), id.clone());
    participants.into_iter().map(list).collect()
}

/// Tells whether an event says something of a recall of the id.
fn speaks(event: &Event, id: &Id) -> bool {
    event.names(id) && (event.declares("recalled") || event.takes_back("recalled"))
}

/// Those of the id itself first, each in order of text.
fn in_order(own: BTreeSet<Recalled>, of_inputs: BTreeSet<Recalled>) -> Vec<Recalled> {
    let rest: Vec<Recalled> = of_inputs.difference(&own).cloned().collect();
    own.into_iter().chain(rest).collect()
}
