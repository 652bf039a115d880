//! What the ledger says of ids beside the one that was asked about.

use std::collections::BTreeSet;

use crate::app::evidence::verdict;
use crate::app::ledger::{Ledger, LedgerError};
use sealane_core::gs1::Id;
use sealane_core::index::Subject;
use sealane_core::merkle::TreeSize;
use sealane_core::provenance::{Policy, Word};

/// Those of some ids that something is recorded under.
pub fn recorded(ledger: &Ledger, ids: impl IntoIterator<Item = Id>) -> Vec<Id> {
    ids.into_iter().filter(|id| is_named(ledger, &Subject::id(id.as_str()))).collect()
}

/// Those of some ids whose verdict is that they are recalled. Each comes with the ids that a recall of it may be of beside itself, such as
/// its lot: only of what the index has a recall a verdict is asked for.
///
/// # Errors
///
/// The store's, or that too many questions wait.
pub async fn recalled(
    ledger: &Ledger,
    ids: impl IntoIterator<Item = (Id, Vec<Id>)>,
    policy: &Policy,
) -> Result<BTreeSet<Id>, LedgerError> {
    let mut found = BTreeSet::new();
    let is_recalled_by_anyone = |id: &Id| is_named(ledger, &Subject::recall(id.as_str()));
    for (id, others) in ids {
        if !found.contains(&id)
            && others.iter().chain([&id]).any(is_recalled_by_anyone)
            && verdict(ledger, id.clone(), policy).await?.0.word == Word::Recalled
        {
            found.insert(id);
        }
    }
    Ok(found)
}

fn is_named(ledger: &Ledger, subject: &Subject) -> bool {
    !ledger.lookup.leaves_from(&subject.key(), TreeSize::ZERO.next_index(), ledger.view().size(), 1).is_empty()
}
