//! What a load holds, by the records that the account accepts.

use std::collections::BTreeSet;

use crate::epcis::event::{Action, Part, What};
use crate::gs1::Id;
use crate::provenance::account::Account;
use crate::provenance::records::Records;

/// What is in a load after all, and what emptied it.
#[derive(Debug, Default)]
pub(super) struct Contents<'a> {
    /// In order of text, as the records of packing name them: items, lots, classes.
    pub inside: BTreeSet<&'a Id>,
    /// The entry that took the last of it out, if none has packed anything since.
    pub emptied: Option<usize>,
}

impl<'a> Contents<'a> {
    /// Reads what the product holds, if it is a load.
    pub fn of(records: &Records<'a>, account: &Account<'a>) -> Self {
        let mut contents = Self::default();
        if !records.history.id.is_load() {
            return contents;
        }
        let inside = &mut contents.inside;
        let carries_on = |at: &usize| account.fitting.contains(at) && records.plays(*at, Part::Parent);
        for at in account.order.iter().copied().filter(carries_on) {
            let What::Aggregation { action, child_epcs, child_quantities, .. } = &records.event(at).what else {
                continue;
            };
            let children = child_epcs.iter().chain(child_quantities.iter().map(|one| &one.epc_class));
            match action {
                Action::Add => inside.extend(children),
                Action::Delete if child_epcs.is_empty() && child_quantities.is_empty() => inside.clear(),
                Action::Delete => children.for_each(|child| {
                    inside.remove(child);
                }),
                Action::Observe => continue,
            }
            contents.emptied = (*action == Action::Delete && inside.is_empty()).then_some(at);
        }
        contents
    }
}
