//! What holders of ids say of them in the headers of their documents (EPCIS 2.0 §9.6.2): names, descriptions, links.
//!
//! Nothing of it is part of a verdict, and no evidence proves that it is all that was said. Each attribute comes with the leaf that it
//! stands in, whose signature anybody can check. What one says of another's ids is in its leaf alone, and not told here.

use std::collections::BTreeSet;

use tokio::runtime::Handle;

use crate::app::answer::QUERIES;
use crate::app::ledger::{Ledger, LedgerError};
use crate::ports::{PlacedRecord, StoreError};
use sealane_core::consortium::ParticipantId;
use sealane_core::epcis::VocabularyElement;
use sealane_core::json::Json;
use sealane_core::merkle::LeafIndex;

/// Bytes of records that are read for one question. Its ids share them, so that what one holder says at length takes nothing from others;
/// of each id one record is read, whatever its length.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// One attribute of an id, as one participant said it last.
#[derive(Debug, Clone, PartialEq)]
pub struct MasterAttribute {
    pub name: String,
    pub value: Json,
    pub participant: ParticipantId,
    pub is_holder: bool,
    pub leaf: LeafIndex,
}

/// What is known of an id in one vocabulary.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownElement {
    pub vocabulary: String,
    pub id: String,
    /// Of each attribute what counts: the newest of a holder, else the newest of anybody.
    pub attributes: Vec<MasterAttribute>,
    pub children: Vec<String>,
}

/// What those who hold some ids say of them, id by id in their order, each in the order of its vocabularies: of each attribute the newest
/// word of a holder whose registration is in force. It is read from the last few leaves that said something new of the id.
///
/// # Errors
///
/// The store's, or that too many questions wait.
pub async fn master_data(ledger: &Ledger, ids: Vec<String>) -> Result<Vec<KnownElement>, LedgerError> {
    let size = ledger.view().size();
    let leaves_of = |id: String| (ledger.lookup.master_data(&id, size), id);
    let wanted: Vec<(Vec<LeafIndex>, String)> =
        ids.into_iter().map(leaves_of).filter(|(leaves, _)| !leaves.is_empty()).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let (client, ledger, handle) = (ledger.client, ledger.clone(), Handle::current());
    QUERIES.run(client, move || read(&ledger, &handle, wanted)).await
}

fn read(
    ledger: &Ledger,
    handle: &Handle,
    wanted: Vec<(Vec<LeafIndex>, String)>,
) -> Result<Vec<KnownElement>, LedgerError> {
    let store = handle.block_on(ledger.snapshot())?;
    let registry = ledger.view().registry.clone();
    let share = BYTES_MAX / wanted.len().max(1);
    let mut known = Vec::new();
    for (leaves, id) in wanted {
        let (begin, mut bytes) = (known.len(), 0);
        for leaf in leaves {
            if bytes > share {
                break;
            }
            for PlacedRecord { record, .. } in handle.block_on(store.records(vec![leaf]))? {
                bytes += record.as_bytes().len();
                let signer = record.signer().and_then(|signer| registry.participant(&signer));
                let Some(signer) = signer.filter(|signer| signer.revoked.is_none()) else { continue };
                let said = record.master_data_of(&id).map_err(|error| StoreError::of_record(leaf, error))?;
                for element in said {
                    add(&mut known, begin, element, &signer.id, leaf);
                }
            }
        }
        known.get_mut(begin..).into_iter().for_each(|own| own.sort_by(|a, b| a.vocabulary.cmp(&b.vocabulary)));
    }
    Ok(known)
}

/// Adds what a leaf says to what newer ones did, of the elements from `begin` on.
fn add(
    known: &mut Vec<KnownElement>,
    begin: usize,
    element: VocabularyElement,
    participant: &ParticipantId,
    leaf: LeafIndex,
) {
    let VocabularyElement { vocabulary, id, attributes, children } = element;
    let found = known.iter().skip(begin).position(|one| one.vocabulary == vocabulary).map(|at| begin + at);
    let at = found.unwrap_or_else(|| {
        known.push(KnownElement { vocabulary, id, attributes: Vec::new(), children: Vec::new() });
        known.len() - 1
    });
    let Some(of) = known.get_mut(at) else { return };
    let newer: BTreeSet<String> =
        of.attributes.iter().filter(|one| one.leaf != leaf).map(|one| one.name.clone()).collect();
    let own = attributes.into_iter().filter(|(name, _)| !newer.contains(name));
    of.attributes.extend(own.map(|(name, value)| MasterAttribute {
        name,
        value,
        participant: *participant,
        is_holder: true,
        leaf,
    }));
    for child in children {
        if !of.children.contains(&child) {
            of.children.push(child);
        }
    }
}
