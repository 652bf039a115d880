//! Decisions about records: dismissals, lifts, authorities and successions. Which may stand, as a statement meets the rules that comes
//! in and in a block of another member; and what the registry says once they are decided.

use serde_json::{Value, json};

use super::council::{ballot, council, policy, proposal, registry, settle, vote_through};
use super::rules::{Outcome, Side, on_both_sides, stands};
use super::world::{ITEM, MEMBER, World, event, participant};
use crate::consortium::{Admin, ChangeRefusal, ParticipantId, ProposalRefusal, Refusal, Revocation};
use crate::gs1::Id;
use crate::ledger::PlaceRefusal;
use crate::merkle::LeafIndex;

on_both_sides!(
    dismissal_of_what_is_said,
    lift_of_what_recalls,
    authority_by_vote,
    succession_without_a_circle,
    new_ids_granted_within_the_ledger,
);

fn leaf(n: u64) -> LeafIndex {
    LeafIndex::new(n).unwrap()
}

fn one_refused(side: Side, world: &mut World, change: Value) -> ChangeRefusal {
    let statement = proposal(world, &[change], MEMBER);
    match side.meets(world, &[statement]) {
        Outcome::Refused(PlaceRefusal::Admin(Refusal::Proposal(ProposalRefusal::Change { error, .. }))) => error,
        other => panic!("{other:?}"),
    }
}

fn decide(world: &mut World, change: Value) {
    vote_through(world, &[change], MEMBER, &[]);
}

fn may_stand(side: Side, world: &mut World, change: Value) -> bool {
    let statement = proposal(world, &[change], MEMBER);
    stands(side, world, &statement)
}

fn dismiss(seed: u8, ranges: &[(u64, u64)]) -> Value {
    let claims: Vec<Value> = ranges.iter().map(|(from, to)| json!({"from": from, "to": to})).collect();
    json!({"type": "dismiss", "participant": participant(seed), "claims": claims, "reason": "it never had them"})
}

/// Makes a capture final in a block of its own, and returns its leaf.
fn capture(world: &mut World, seed: u8, members: Value) -> u64 {
    let at = world.next_place().leaf;
    let statement = world.capture(seed, &event(members));
    settle(world, &statement);
    at.get()
}

fn stock(seed: u8) -> Value {
    json!({"eventID": format!("urn:uuid:1f0c1f6e-6d0b-4a57-9a35-{seed:012}"), "action": "OBSERVE", "bizStep": "storing"})
}

fn dismissal_of_what_is_said(side: Side) {
    let mut world = World::with_maker();
    world.join(2, "distributor", &[]);
    let first = capture(&mut world, 2, stock(2));
    let makers = capture(&mut world, 1, json!({}));
    let own = world.next_place().leaf;
    assert_eq!(
        one_refused(side, &mut world, dismiss(2, &[(first, own.get())])),
        ChangeRefusal::NotBefore { leaf: own, own }
    );
    // The second range has no leaf of this participant, and the first one no capture of another.
    assert_eq!(
        one_refused(side, &mut world, dismiss(2, &[(first, first), (makers, makers)])),
        ChangeRefusal::NothingToDismiss { participant: participant(2), from: leaf(makers), to: leaf(makers) }
    );
    assert!(matches!(
        one_refused(side, &mut world, dismiss(2, &[(0, first - 1)])),
        ChangeRefusal::NothingToDismiss { .. }
    ));
    assert!(matches!(
        one_refused(side, &mut world, dismiss(9, &[(0, first)])),
        ChangeRefusal::UnknownParticipant { .. }
    ));
    assert!(may_stand(side, &mut world, dismiss(2, &[(first, first)])));
    decide(&mut world, dismiss(2, &[(first, first)]));
    let registry = registry(&world);
    let found = registry.is_dismissed(&participant(2), leaf(first)).unwrap();
    assert_eq!(found.reason, "it never had them");
    assert!(registry.is_dismissed(&participant(2), leaf(makers)).is_none());
    assert!(registry.is_dismissed(&participant(1), leaf(first)).is_none());
    assert_eq!(registry.dismissals_of(&participant(2)).count(), 1);
    // Also of one that is revoked meanwhile.
    world.revoke(2);
    assert!(may_stand(side, &mut world, dismiss(2, &[(first, first)])));
}

fn lift_of_what_recalls(side: Side) {
    let mut world = World::with_maker();
    capture(&mut world, 1, json!({}));
    world.join(2, "distributor", &[]);
    let mut recall = stock(2);
    recall["disposition"] = json!("recalled");
    recall["bizStep"] = json!("holding");
    let at = capture(&mut world, 2, recall);
    let lift =
        |at: u64, ids: &[&str]| json!({"type": "lift", "recall": at, "ids": ids, "reason": "no fault was found"});
    let other = ITEM.replace("A1", "B2");
    let refused = one_refused(side, &mut world, lift(at, &[ITEM, &other]));
    assert_eq!(refused, ChangeRefusal::NoRecall { leaf: leaf(at), id: Id::parse(&other).unwrap() });
    assert!(matches!(one_refused(side, &mut world, lift(at - 1, &[ITEM])), ChangeRefusal::NoRecall { .. }));
    let own = world.next_place().leaf.get();
    assert!(matches!(one_refused(side, &mut world, lift(own, &[ITEM])), ChangeRefusal::NotBefore { .. }));
    assert!(may_stand(side, &mut world, lift(at, &[ITEM])));
    decide(&mut world, lift(at, &[ITEM]));
    let (item, other) = (Id::parse(ITEM).unwrap(), Id::parse(&other).unwrap());
    let registry = registry(&world);
    assert_eq!(
        registry.lifts_of(leaf(at), &item).map(|one| one.reason.as_str()).collect::<Vec<_>>(),
        ["no fault was found"]
    );
    assert_eq!(registry.lifts_of(leaf(at), &other).count() + registry.lifts_of(leaf(at + 1), &item).count(), 0);
}

fn authority_by_vote(side: Side) {
    let mut world = World::with_maker();
    world.join(4, "authority", &[]);
    let grant = |seed: u8| json!({"type": "authority", "registration": participant(seed)});
    assert!(matches!(one_refused(side, &mut world, grant(1)), ChangeRefusal::OtherRole { .. }));
    assert!(matches!(one_refused(side, &mut world, grant(9)), ChangeRefusal::UnknownParticipant { .. }));
    let at = world.next_place().leaf;
    decide(&mut world, grant(4));
    assert!(matches!(one_refused(side, &mut world, grant(4)), ChangeRefusal::AuthorityAlready { .. }));
    let twice = proposal(&world, &[grant(4), grant(4)], MEMBER);
    assert!(!matches!(side.meets(&mut world, &[twice]), Outcome::Stands));
    let next = leaf(at.get() + 1);
    let granted = registry(&world).authority(&participant(4)).unwrap().at.leaf;
    assert_eq!(granted, at);
    assert!(registry(&world).is_authority_at(&participant(4), next));
    assert!(
        !registry(&world).is_authority_at(&participant(4), at)
            && !registry(&world).is_authority_at(&participant(1), next)
    );
    assert_eq!(registry(&world).authorities().count(), 1);
    let end = world.next_place().leaf;
    world.revoke(4);
    assert!(registry(&world).is_authority_at(&participant(4), leaf(end.get() - 1)));
    assert!(!registry(&world).is_authority_at(&participant(4), end));
    world.join(5, "authority", &[]);
    world.revoke(5);
    assert!(matches!(one_refused(side, &mut world, grant(5)), ChangeRefusal::Ended { .. }));
}

fn succession_without_a_circle(side: Side) {
    let mut world = World::with_maker();
    let succeeds = |former: u8, next: u8| json!({"type": "succeeds", "former": participant(former), "participant": participant(next)});
    world.revoke(1);
    world.join(2, "manufacturer", &["9506000"]);
    let second = world.state.registry().unwrap().participant(&participant(2)).unwrap().registered.leaf;
    world.join(3, "distributor", &[]);
    assert!(matches!(one_refused(side, &mut world, succeeds(2, 1)), ChangeRefusal::Ended { .. }));
    assert!(matches!(one_refused(side, &mut world, succeeds(9, 2)), ChangeRefusal::UnknownParticipant { .. }));
    let both = proposal(&world, &[succeeds(2, 3), succeeds(3, 2)], MEMBER);
    assert!(!matches!(side.meets(&mut world, &[both]), Outcome::Stands));
    decide(&mut world, succeeds(1, 2));
    assert!(matches!(one_refused(side, &mut world, succeeds(1, 3)), ChangeRefusal::SucceededAlready { .. }));
    decide(&mut world, succeeds(2, 3));
    assert!(matches!(one_refused(side, &mut world, succeeds(3, 2)), ChangeRefusal::SuccessionCircle { .. }));
    let registry = registry(&world);
    assert_eq!(registry.successor_of(&participant(1)).unwrap().participant, participant(2));
    assert_eq!(registry.succeeded_by(&participant(3)).map(|one| one.former).collect::<Vec<_>>(), [participant(2)]);
    let custodian = |seed: u8, at: u64| -> ParticipantId { *registry.custodian_at(&participant(seed), leaf(at)) };
    assert_eq!(custodian(1, second.get()), participant(1));
    assert_eq!(custodian(1, second.get() + 1), participant(2));
    assert_eq!(custodian(1, 1_000), participant(3));
    assert_eq!(custodian(3, 1_000), participant(3));
}

fn new_ids_granted_within_the_ledger(side: Side) {
    let mut world = World::with_maker();
    world.join(2, "distributor", &[]);
    let grant = |seed: u8, number: u64| {
        let mut change = policy("newIdsInAll", json!(number));
        change["participant"] = json!(participant(seed));
        change
    };
    decide(&mut world, grant(1, 15_000_000));
    assert_eq!(
        one_refused(side, &mut world, grant(2, 5_000_001)),
        ChangeRefusal::GrantedTooMuch { granted: 20_000_001, most: 20_000_000 }
    );
    assert!(may_stand(side, &mut world, grant(2, 5_000_000)));
    assert!(may_stand(side, &mut world, grant(1, 20_000_000)), "in the place of what it was granted before");
    assert!(matches!(
        one_refused(side, &mut world, policy("subjectsMax", json!(14_999_999))),
        ChangeRefusal::GrantedTooMuch { .. }
    ));
    // What is raised for all is no grant.
    assert!(may_stand(side, &mut world, policy("newIdsInAll", json!(100_000_000))));
    world.revoke(1);
    assert!(may_stand(side, &mut world, grant(2, 20_000_000)));
}

#[test]
fn a_revocation_may_dismiss_all_claims_before_it() {
    let mut world = World::with_maker();
    let alone = Revocation {
        participant: participant(1),
        reason: "smears".to_owned(),
        compromised_since: None,
        dismisses_claims: true,
    };
    let at = world.next_place().leaf;
    let statement = world.sign_admin(&Admin::Revocation(alone).to_payload(), MEMBER);
    settle(&mut world, &statement);
    let last = leaf(at.get() - 1);
    assert_eq!(registry(&world).is_dismissed(&participant(1), last).unwrap().reason, "smears");
    assert!(registry(&world).is_dismissed(&participant(1), at).is_none());
    // By a vote too, from the statement on that completes it.
    let mut world = council(2);
    world.join(1, "manufacturer", &["9506000"]);
    let revoke = json!({"type": "revoke", "participant": participant(1), "reason": "smears", "dismissesClaims": true});
    let statement = proposal(&world, &[revoke], MEMBER);
    settle(&mut world, &statement);
    assert!(registry(&world).is_dismissed(&participant(1), leaf(2)).is_none());
    let yes = ballot(&world, statement.id(), true, 201);
    settle(&mut world, &yes);
    assert!(registry(&world).is_dismissed(&participant(1), leaf(2)).is_some());
}
