//! Who is a party to a product's journey: whose records can be part of its account.

use std::collections::BTreeSet;

use crate::consortium::{Participant, ParticipantId};
use crate::index::Acts;
use crate::limits::SIGNERS_OF_OPEN_GOODS_MAX;
use crate::provenance::account::HAVING;
use crate::provenance::passage;
use crate::provenance::reading::{self, Act};
use crate::provenance::records::Records;

/// The participants whose records may be part of the account. It never asks whether a record counts, only who speaks of whom:
///
/// - all that ever held the product's prefix, and all that brought it forth;
/// - the owners of the first destinations of each event of a party that names the product or what something was packed into;
/// - if such an event lets go and names no destination but carriers', the first who say to have had the product;
/// - these too if no party says to have had it;
/// - the participants that go on for any of them.
pub(super) fn of<'a>(records: &Records<'a>) -> BTreeSet<&'a ParticipantId> {
    let mut parties: BTreeSet<&ParticipantId> = records.holders.iter().map(|holder| &holder.id).collect();
    let named = || (0..records.entries.len()).filter(|at| !records.mentions(*at).is_empty());
    parties.extend(named().filter(|at| records.brings_forth(*at)).map(|at| records.signer(at)));
    let speaks = |at: &usize| {
        parties.contains(records.signer(*at)) && records.acts(*at).intersects(HAVING.with(Acts::BRINGS_FORTH))
    };
    if !records.own.iter().any(speaks) {
        parties.extend(first_havers(records));
    }
    let mut havers: Option<Vec<&ParticipantId>> = None;
    let mut read: BTreeSet<usize> = BTreeSet::new();
    loop {
        parties.extend(records.history.registry.successors_of(&parties));
        let new: Vec<usize> =
            named().filter(|at| parties.contains(records.signer(*at)) && !read.contains(at)).collect();
        if new.is_empty() {
            return parties;
        }
        for at in new {
            read.insert(at);
            let destinations = passage::destinations(records, at);
            let owners: Vec<&Participant> = destinations.iter().flat_map(|id| records.owners(id).to_vec()).collect();
            let is_open = owners.iter().all(|owner| owner.is_carrier());
            if reading::act(records, at) == Act::Ships && is_open {
                parties.extend(havers.get_or_insert_with(|| first_havers(records)).iter().copied());
            }
            parties.extend(owners.into_iter().map(|owner| &owner.id));
        }
    }
}

/// The first signers, by leaf, who say to have had the product.
fn first_havers<'a>(records: &Records<'a>) -> Vec<&'a ParticipantId> {
    let mut signers: Vec<&ParticipantId> = Vec::new();
    // An authority looks after what others have.
    let says_so = |at: &usize| records.acts(*at).intersects(HAVING) && !records.is_by_authority(*at);
    for at in records.own.iter().copied().filter(says_so) {
        let signer = records.signer(at);
        if signers.len() < SIGNERS_OF_OPEN_GOODS_MAX && !signers.contains(&signer) {
            signers.push(signer);
        }
    }
    signers
}
