//! What a vote changes, which changes are refused, faults, and the number of the rules.

use serde_json::{Value, json};

use super::council::{
    MINUTE_MS, admit, ballot, council, end, kid, newcomer, policy, proposal, ready, registry, remove, replace, say,
    settle, vote_through, wait,
};
use super::rules::{Side, assert_refused, on_both_sides, stands};
use super::world::{MEMBER, PROVIDER, World, event, note_secret, participant, public, secret, signed};
use crate::agreement::{ValueId, VoteKind, vote_bytes};
use crate::block::{Height, Member};
use crate::consortium::{
    Admin, ChangeRefusal, Decision, FaultRefusal, ParticipantId, Place, PolicyName, PolicyValue, ProposalEnd,
    ProposalRefusal, Refusal, Registry, Revoked, RevokedBy, SignerRefusal, member_proof_bytes,
};
use crate::hash::Hash;
use crate::ledger::{InvalidReason, PlaceRefusal, Rules, UnknownRules, check_signed, propose, validate};
use crate::limits::{FAULT_HEIGHTS_APART_MIN, FAULT_HEIGHTS_MAX};
use crate::merkle::LeafIndex;
use crate::statement::{P256, Signature, StatementId};

on_both_sides!(
    changes_that_cannot_be_made,
    members_after_a_vote,
    revocation_by_another_member,
    revocation_by_vote,
    fault_that_proves_one,
    fault_that_proves_nothing,
    rules_that_are_unknown,
);

/// Refuses a proposal for its last change.
macro_rules! assert_change_refused {
    ($side:expr, $world:expr, $changes:expr, $refusal:pat) => {{
        let statement = proposal(&$world, &$changes, MEMBER);
        let outcome = $side.meets(&mut $world, &[statement]);
        assert!(
            matches!(
                &outcome,
                super::rules::Outcome::Refused(PlaceRefusal::Admin(Refusal::Proposal(ProposalRefusal::Change {
                    error: $refusal,
                    ..
                })))
            ),
            "{}: {outcome:?}",
            stringify!($refusal)
        );
    }};
}

/// An admission with other members than the usual ones, and with a proof over them.
fn admission(world: &World, seed: u8, name: &str, note_seed: u8) -> Value {
    let entry = Member::new(name, public(seed), note_secret(note_seed).public()).unwrap();
    let bytes = member_proof_bytes(&world.anchor.genesis().origin, &entry);
    json!({"type": "admit", "name": name, "jwk": entry.key(), "noteKey": entry.note_key(),
        "proof": Signature::sign(&secret(seed), &bytes)})
}

fn changes_that_cannot_be_made(side: Side) {
    let mut world = council(2);
    world.join(1, "manufacturer", &["9506000"]);
    let with = |mut change: Value, member: &str, value: Value| {
        change[member] = value;
        change
    };
    assert_change_refused!(side, world, [remove(9)], ChangeRefusal::NoMember { .. });
    assert_change_refused!(side, world, [replace(&world, 9, 8)], ChangeRefusal::NoMember { .. });
    assert_change_refused!(side, world, [remove(201), replace(&world, 201, 8)], ChangeRefusal::MemberTwice { .. });
    // Nobody is left.
    assert_change_refused!(side, world, [remove(MEMBER), remove(201)], ChangeRefusal::Members(_));
    assert_change_refused!(side, world, [admission(&world, 7, "Member", 7)], ChangeRefusal::NameTaken { .. });
    assert_change_refused!(
        side,
        world,
        [admission(&world, 7, "Twin", 7), admission(&world, 8, "Twin", 8)],
        ChangeRefusal::NameTaken { .. }
    );
    // Founders may share a name and keep it, and nobody takes it from one that gets a new key.
    assert_change_refused!(
        side,
        world,
        [remove(MEMBER), replace(&world, 201, 8), admission(&world, 7, "Member", 7)],
        ChangeRefusal::NameTaken { .. }
    );
    // Keys of a member, of a participant, and one key for two.
    assert_change_refused!(side, world, [admission(&world, 201, "New", 7)], ChangeRefusal::KeyUsed { .. });
    assert_change_refused!(side, world, [admission(&world, 1, "New", 7)], ChangeRefusal::KeyUsed { .. });
    assert_change_refused!(
        side,
        world,
        [admission(&world, 7, "A", 7), admission(&world, 7, "B", 8)],
        ChangeRefusal::Members(_)
    );
    assert_change_refused!(side, world, [admission(&world, 7, "New", 201)], ChangeRefusal::NoteKeyUsed { .. });
    assert_change_refused!(
        side,
        world,
        [admission(&world, 7, "A", 7), admission(&world, 8, "B", 7)],
        ChangeRefusal::Members(_)
    );
    // Proofs for another name, of another key, for another ledger.
    let other_name = with(admit(&world, 7), "name", json!("Another name"));
    assert_change_refused!(side, world, [other_name], ChangeRefusal::Proof { .. });
    let by_another = with(admit(&world, 7), "proof", admit(&world, 8)["proof"].clone());
    assert_change_refused!(side, world, [by_another], ChangeRefusal::Proof { .. });
    let elsewhere = admit(&World::new("ledger.example/elsewhere"), 7);
    assert_change_refused!(side, world, [elsewhere], ChangeRefusal::Proof { .. });
    let for_a_new_member = with(replace(&world, 201, 7), "proof", admit(&world, 7)["proof"].clone());
    assert_change_refused!(side, world, [for_a_new_member], ChangeRefusal::Proof { .. });
    let twice = [policy("maxSpeedKmh", json!(5)), policy("maxSpeedKmh", json!(6))];
    assert_change_refused!(side, world, twice, ChangeRefusal::PolicyTwice { name: "maxSpeedKmh" });
    let rules = |number: u32| json!({"type": "rules", "number": number, "notBefore": "2026-03-01T08:00:00Z"});
    assert_change_refused!(side, world, [rules(2), rules(3)], ChangeRefusal::RulesTwice);
    assert_change_refused!(side, world, [rules(1)], ChangeRefusal::RulesNotLater { number: 1, in_force: 1 });
    world.revoke(1);
    // A former member's key and noteKey stay its own, and so does a revoked participant's key.
    vote_through(&mut world, &[remove(201)], MEMBER, &[201]);
    assert_change_refused!(side, world, [admission(&world, 201, "New", 7)], ChangeRefusal::KeyUsed { .. });
    assert_change_refused!(side, world, [admission(&world, 7, "New", 201)], ChangeRefusal::NoteKeyUsed { .. });
    assert_change_refused!(side, world, [admission(&world, 1, "New", 7)], ChangeRefusal::KeyUsed { .. });
    assert_change_refused!(side, world, [remove(MEMBER)], ChangeRefusal::Members(_));
    // With one in its place it may go.
    let handed_on = proposal(&world, &[remove(MEMBER), admit(&world, 7)], MEMBER);
    assert!(stands(side, &mut world, &handed_on));
    let revoked = with(revoke(1), "reason", json!("twice"));
    assert_change_refused!(side, world, [revoked], ChangeRefusal::RevokedAlready { .. });
    assert_change_refused!(side, world, [revoke(2)], ChangeRefusal::UnknownParticipant { .. });
    let of_nobody = with(policy("newIdsInAll", json!(5)), "participant", json!(participant(2)));
    assert_change_refused!(side, world, [of_nobody], ChangeRefusal::UnknownParticipant { .. });
    let authority = json!({"type": "authority", "registration": participant(1)});
    let dismissing = with(revoke(1), "dismissesClaims", json!(true));
    assert_change_refused!(side, world, [authority], ChangeRefusal::Ended { .. });
    assert_change_refused!(side, world, [dismissing], ChangeRefusal::RevokedAlready { .. });
}

/// The set changes with the next block; who left signs nothing there, and who came does.
fn members_after_a_vote(side: Side) {
    let mut world = council(2);
    let before = registry(&world).members().hash();
    let changes = [admit(&world, 7), replace(&world, 201, 8)];
    let (id, _) = vote_through(&mut world, &changes, MEMBER, &[201]);
    let [first, second] = [7, 8].map(|seed| ready(&world, id, seed));
    assert!(settle(&mut world, &first).enacted.is_empty());
    let seal = settle(&mut world, &second);
    let after = registry(&world).members().clone();
    assert_eq!((seal.members_hash, seal.next_members_hash), (before, after.hash()));
    assert_eq!(seal.enacted, [id]);
    assert_eq!(after.get(&kid(7)), Some(&newcomer(7)));
    assert_eq!(after.get(&kid(8)).map(Member::name), Some("Member"), "a replacement keeps the name");
    assert_eq!(after.members().len(), 3);
    let registration = World::registration(1, "shipper", &[]);
    let admin = Admin::Registration(Box::new(registration)).to_payload();
    let [old, new] = [201, 8].map(|seed| world.sign_admin(&admin, seed));
    assert_refused!(side, world, [old], PlaceRefusal::Admin(Refusal::NotAMember { .. }));
    assert!(stands(side, &mut world, &new));
    // Which members make a height final is known for good.
    let registry = registry(&world);
    assert_eq!(registry.members_at(seal.height).hash(), before);
    assert_eq!(registry.members_at(seal.height.next()), &after);
    let changes: Vec<(u64, Hash)> =
        registry.member_changes().map(|change| (change.from.get(), change.members.hash())).collect();
    assert_eq!(changes, [(0, before), (seal.height.next().get(), after.hash())]);
}

/// The commit and the notes of an enacting block are those of the members before it, of the next block those after it.
#[test]
fn who_signs_a_block_is_who_was_in_force_at_its_height() {
    let mut world = World::new("ledger.example/council");
    let statement = proposal(&world, &[admit(&world, 7), remove(MEMBER)], MEMBER);
    settle(&mut world, &statement);
    let is_ready = world.candidate(ready(&world, statement.id(), 7)).unwrap();
    for (candidates, right, wrong) in [(vec![is_ready], MEMBER, 7), (Vec::new(), 7, MEMBER)] {
        let time = world.next_place().time;
        let made = propose(&mut world.state, &world.seen, time, candidates, true, &P256).unwrap();
        let block = made.block.unwrap();
        assert!(check_signed(&block, &signed(&block, right), &P256).is_ok(), "{right}");
        let fault = check_signed(&block, &signed(&block, wrong), &P256).unwrap_err();
        assert!(fault.starts_with("the commit of block"), "{fault}");
        let mut mixed = signed(&block, right);
        mixed.note = signed(&block, wrong).note;
        let fault = check_signed(&block, &mixed, &P256).unwrap_err();
        assert!(fault.starts_with("the note of block"), "{fault}");
        world.apply(block);
    }
    assert_eq!(registry(&world).members().members().len(), 1);
}

#[test]
fn a_vote_sets_policies() {
    let mut world = council(2);
    let (_, seal) = vote_through(&mut world, &[policy("maxSpeedKmh", json!(900))], 201, &[MEMBER]);
    let registry = registry(&world);
    let set = registry.policies().in_force(PolicyName::MaxSpeedKmh, None).unwrap();
    assert_eq!((&set.value, set.place.time), (&PolicyValue::Whole(900), seal.time));
    assert_eq!(registry.policies().at(PolicyName::MaxSpeedKmh, None, set.place.leaf), None, "from the next leaf on");
    assert_eq!(registry.policies().all().count(), 1);
}

/// Any member renews; only the one that registered ends it alone, with its later key too.
fn revocation_by_another_member(side: Side) {
    let mut world = council(2);
    world.join(1, "manufacturer", &["9506000"]);
    let revocation = json!({"type": "revocation", "participant": participant(1), "reason": "it left"});
    let by_another = say(&world, revocation.clone(), 201);
    let registrar = kid(MEMBER);
    assert_refused!(
        side, world, [by_another],
        PlaceRefusal::Admin(Refusal::NotItsRegistrar { registered_by, .. }) if *registered_by == registrar
    );
    let own = say(&world, revocation.clone(), MEMBER);
    assert!(stands(side, &mut world, &own));
    let changes = [replace(&world, MEMBER, 8)];
    let (id, _) = vote_through(&mut world, &changes, MEMBER, &[201]);
    let is_ready = ready(&world, id, 8);
    assert_eq!(settle(&mut world, &is_ready).enacted, [id]);
    let by_its_later_key = say(&world, revocation.clone(), 8);
    assert!(stands(side, &mut world, &by_its_later_key));
    // Once it is gone, a vote is the way.
    vote_through(&mut world, &[remove(8)], 8, &[201]);
    let after_it_left = say(&world, revocation, 201);
    assert_refused!(side, world, [after_it_left], PlaceRefusal::Admin(Refusal::NotItsRegistrar { .. }));
    assert_eq!(registry(&world).participant(&participant(1)).unwrap().registered_by, registrar);
}

fn revoke(number: u8) -> Value {
    json!({"type": "revoke", "participant": participant(number), "reason": "it lied"})
}

/// The end of a registration by the members, whichever of them made it: from the leaf after the ballot that completes the vote.
fn revocation_by_vote(side: Side) {
    let mut world = council(4);
    world.join(1, "manufacturer", &["9506000"]);
    world.join(2, "manufacturer", &["4012345"]);
    let since = world.now;
    let mut change = revoke(1);
    change["compromisedSince"] = json!(since);
    let statement = proposal(&world, &[change, policy("maxSpeedKmh", json!(900))], 202);
    settle(&mut world, &statement);
    assert_eq!(registry(&world).participant(&participant(1)).unwrap().revoked, None, "it is open");
    let yes = ballot(&world, statement.id(), true, 201);
    settle(&mut world, &yes);
    let last = ballot(&world, statement.id(), true, 203);
    let seal = settle(&mut world, &last);
    assert_eq!(seal.enacted, [statement.id()]);
    let revoked = registry(&world).participant(&participant(1)).unwrap().revoked.clone().unwrap();
    let place = Place { leaf: LeafIndex::new(seal.previous_size.get()).unwrap(), time: seal.time };
    let by = RevokedBy::Vote(statement.id());
    assert_eq!(revoked, Revoked { at: place, reason: "it lied".to_owned(), compromised_since: Some(since), by });
    assert_eq!(registry(&world).participant(&participant(2)).unwrap().revoked, None);
    // It is over for it: it signs nothing more, and no vote or member ends it again. Its prefix is free.
    let late = world.capture(1, &event(json!({})));
    assert_refused!(
        side, world, [late],
        PlaceRefusal::Signer(refusal @ SignerRefusal::Revoked { .. }) if refusal.to_string().contains("by the members' vote at")
    );
    let alone = say(&world, json!({"type": "revocation", "participant": participant(1), "reason": "x"}), MEMBER);
    assert_refused!(side, world, [alone], PlaceRefusal::Admin(Refusal::Revoked { .. }));
    assert_change_refused!(side, world, [revoke(1)], ChangeRefusal::RevokedAlready { .. });
    let heir = Admin::Registration(Box::new(World::registration(3, "manufacturer", &["9506000"])));
    let heir = world.sign_admin(&heir.to_payload(), 201);
    assert!(stands(side, &mut world, &heir));
}

/// With one member its own proposal ends a registration, in its own block.
#[test]
fn one_member_revokes_by_its_own_vote() {
    let mut world = council(1);
    world.join(1, "manufacturer", &["9506000"]);
    let statement = proposal(&world, &[revoke(1)], MEMBER);
    let seal = settle(&mut world, &statement);
    assert_eq!(seal.enacted, [statement.id()]);
    let revoked = registry(&world).participant(&participant(1)).unwrap().revoked.clone().unwrap();
    assert_eq!(revoked.at.leaf.get(), seal.previous_size.get());
}

/// The one that is enacted first makes the other void.
#[test]
fn two_proposals_for_one_end_come_to_one() {
    let mut world = council(2);
    world.join(1, "manufacturer", &["9506000"]);
    let mut other = revoke(1);
    other["reason"] = json!("for another reason");
    let [first, second] = [(revoke(1), MEMBER), (other, 201)].map(|(change, by)| proposal(&world, &[change], by));
    settle(&mut world, &first);
    settle(&mut world, &second);
    let yes = ballot(&world, second.id(), true, MEMBER);
    assert_eq!(settle(&mut world, &yes).enacted, [second.id()]);
    assert!(matches!(end(&world, first.id()), Some(ProposalEnd::Void { .. })));
    let revoked = registry(&world).participant(&participant(1)).unwrap().revoked.clone().unwrap();
    assert_eq!((revoked.reason.as_str(), revoked.by), ("for another reason", RevokedBy::Vote(second.id())));
}

#[test]
fn a_vote_sets_a_policy_for_one_participant() {
    let mut world = council(2);
    world.join(1, "manufacturer", &["9506000"]);
    let mut of_one = policy("newIdsInAll", json!(5));
    of_one["participant"] = json!(participant(1));
    vote_through(&mut world, &[policy("newIdsInAll", json!(900)), of_one], 201, &[MEMBER]);
    let policies = registry(&world).policies();
    let value =
        |of: Option<&ParticipantId>| policies.in_force(PolicyName::NewIdsInAll, of).map(|set| set.value.clone());
    assert_eq!(value(Some(&participant(1))), Some(PolicyValue::Whole(5)));
    assert_eq!(value(Some(&participant(2))), Some(PolicyValue::Whole(900)));
    assert_eq!(value(None), Some(PolicyValue::Whole(900)));
}

/// A vote as it stands in a fault statement.
fn vote(world: &World, seed: u8, height: u64, round: u32, value: Option<Hash>) -> Value {
    let origin = &world.anchor.genesis().origin;
    let height = Height::new(height).unwrap();
    let bytes = vote_bytes(origin, VoteKind::Prevote, height, round, value.map(ValueId::from_hash));
    json!({"kid": kid(seed), "kind": "prevote", "height": height, "round": round, "value": value,
        "signature": Signature::sign(&secret(seed), &bytes)})
}

fn fault(first: Value, second: Value) -> Value {
    json!({"type": "fault", "first": first, "second": second})
}

fn two_votes(world: &World, seed: u8, height: u64) -> Value {
    fault(vote(world, seed, height, 0, None), vote(world, seed, height, 0, Some(Hash::of(b"a"))))
}

fn fault_that_proves_one(side: Side) {
    let mut world = council(2);
    world.join(1, "shipper", &[]);
    let statement = say(&world, two_votes(&world, 201, 1), MEMBER);
    assert!(stands(side, &mut world, &statement));
    settle(&mut world, &statement);
    let [recorded] = registry(&world).faults() else { panic!("one fault") };
    assert_eq!((recorded.kid, recorded.height.get(), recorded.round, recorded.place.time), (kid(201), 1, 0, world.now));
    assert!(registry(&world).members().get(&kid(201)).is_some(), "nobody is removed by it");
    let close = say(&world, two_votes(&world, 201, 2), MEMBER);
    assert_refused!(side, world, [close], PlaceRefusal::Admin(Refusal::Fault(FaultRefusal::Repeated { .. })));
    let of_another = say(&world, two_votes(&world, MEMBER, 2), 201);
    assert!(stands(side, &mut world, &of_another));
    // A member that left is answerable for the heights at which it was one.
    let changes = [admit(&world, 7)];
    vote_through(&mut world, &changes, MEMBER, &[201]);
    let (_, seal) = vote_through(&mut world, &[remove(MEMBER)], 201, &[MEMBER]);
    let in_force = say(&world, two_votes(&world, MEMBER, seal.height.get()), 201);
    assert!(stands(side, &mut world, &in_force));
    let gone = say(&world, two_votes(&world, MEMBER, seal.height.next().get()), 201);
    assert_refused!(side, world, [gone], PlaceRefusal::Admin(Refusal::Fault(FaultRefusal::ProvesNothing(_))));
}

fn fault_that_proves_nothing(side: Side) {
    let mut world = council(2);
    world.join(1, "shipper", &[]);
    let (a, b) = (Some(Hash::of(b"a")), Some(Hash::of(b"b")));
    // Other rounds, one signature twice, two members: the reader says so.
    for (first, second) in [
        (vote(&world, 201, 1, 0, a), vote(&world, 201, 1, 1, b)),
        (vote(&world, 201, 1, 0, None), vote(&world, 201, 1, 1, b)),
        (vote(&world, 201, 1, 0, a), vote(&world, 201, 1, 0, a)),
        (vote(&world, 201, 1, 0, a), vote(&world, MEMBER, 1, 0, b)),
    ] {
        let statement = say(&world, fault(first, second), MEMBER);
        assert_refused!(side, world, [statement], PlaceRefusal::Payload(_));
    }
    // Signatures that do not hold, and a key that was never a member's.
    let mut forged = two_votes(&world, 201, 1);
    forged["second"]["signature"] = two_votes(&world, MEMBER, 1)["second"]["signature"].clone();
    for payload in [forged, two_votes(&world, 9, 1)] {
        let statement = say(&world, payload, MEMBER);
        assert_refused!(side, world, [statement], PlaceRefusal::Admin(Refusal::Fault(FaultRefusal::ProvesNothing(_))));
    }
    // Its height lies ahead.
    let ahead = world.state.next_height().get() + 1;
    let statement = say(&world, two_votes(&world, 201, ahead), MEMBER);
    assert_refused!(side, world, [statement], PlaceRefusal::Admin(Refusal::Fault(FaultRefusal::Height { .. })));
    let statement = say(&world, two_votes(&world, 201, ahead - 1), MEMBER);
    assert!(stands(side, &mut world, &statement));
    let by_a_stranger = say(&world, two_votes(&world, 201, 1), 9);
    assert_refused!(side, world, [by_a_stranger], PlaceRefusal::Admin(Refusal::NotAMember { .. }));
}

/// By rules that this program does not know it neither proposes nor validates.
fn rules_that_are_unknown(side: Side) {
    let mut world = council(1);
    let start = world.next_place().time.plus_millis(10_000);
    let change = json!({"type": "rules", "number": 7, "notBefore": start});
    let statement = proposal(&world, &[change], MEMBER);
    assert!(settle(&mut world, &statement).enacted.is_empty(), "no node has said that it knows them");
    let is_ready = ready(&world, statement.id(), MEMBER);
    let seal = settle(&mut world, &is_ready);
    assert_eq!((seal.rules, seal.enacted.as_slice()), (1, [statement.id()].as_slice()));
    let rules = *registry(&world).rules();
    assert_eq!((rules.number, rules.next.map(|next| (next.number, next.not_before))), (1, Some((7, start))));
    assert_eq!(world.state.rules_at(start.plus_millis(-1)).map(|rules| rules.number()), Ok(1));
    assert_eq!(world.state.rules_at(start), Err(UnknownRules { number: 7, last: Rules::LATEST }));
    world.now = start.plus_millis(-2_000);
    let last = proposal(&world, &[policy("maxSpeedKmh", json!(5))], MEMBER);
    let body = world.body(std::slice::from_ref(&last));
    assert!(stands(side, &mut world, &last), "a moment before");
    let before = (world.state.root(), world.state.size());
    match side {
        Side::Capture => {
            let candidate = world.candidate(last).unwrap();
            let refused = propose(&mut world.state, &world.seen, start, vec![candidate], false, &P256).unwrap_err();
            assert!(refused.to_string().contains("the rules 7 are unknown"), "{refused}");
        }
        Side::Audit => {
            let mut body = body;
            body.seal.time = start;
            let invalid = validate(&mut world.state, &world.seen, body, PROVIDER).unwrap_err();
            let unknown = matches!(*invalid.reason, InvalidReason::Rules(UnknownRules { number: 7, .. }));
            assert!(unknown && invalid.leaf == world.state.size().next_index(), "{invalid}");
        }
    }
    assert_eq!((world.state.root(), world.state.size()), before);
}

/// Members' nodes say over days that they know the rules. More than two thirds have to, and the yes may come later.
#[test]
fn rules_need_the_readiness_of_a_quorum() {
    let mut world = council(4);
    let change = json!({"type": "rules", "number": 2, "notBefore": "2026-03-01T08:00:00Z"});
    let statement = proposal(&world, &[change], MEMBER);
    settle(&mut world, &statement);
    let early = ready(&world, statement.id(), 203);
    settle(&mut world, &early);
    wait(&mut world, 60 * MINUTE_MS);
    for seed in [201, 202] {
        let yes = ballot(&world, statement.id(), true, seed);
        assert!(settle(&mut world, &yes).enacted.is_empty());
    }
    for (seed, enacted) in [(MEMBER, false), (201, true)] {
        let is_ready = ready(&world, statement.id(), seed);
        assert_eq!(!settle(&mut world, &is_ready).enacted.is_empty(), enacted, "{seed}");
    }
    assert_eq!(registry(&world).rules_at(world.now.plus_millis(1)), 2);
    assert_eq!(world.state.last_seal().unwrap().rules, 1, "from the next block on");
}

#[cfg(feature = "test-rules-2")]
#[test]
fn blocks_after_the_change_go_by_the_new_rules() {
    use super::world::event;

    let mut world = World::with_maker();
    let start = world.next_place().time.plus_millis(10_000);
    let change = json!({"type": "rules", "number": 2, "notBefore": start});
    let statement = proposal(&world, &[change], MEMBER);
    settle(&mut world, &statement);
    let is_ready = ready(&world, statement.id(), MEMBER);
    settle(&mut world, &is_ready);
    let ahead = start.plus_millis(2 * 60 * 60_000);
    let capture = |world: &World| world.capture(1, &event(json!({"eventTime": ahead})));
    for side in [Side::Capture, Side::Audit] {
        world.now = start.plus_millis(-1_001);
        let early = capture(&world);
        assert!(stands(side, &mut world, &early));
        world.now = start.plus_millis(-1_000);
        let late = capture(&world);
        assert_refused!(side, world, [late], PlaceRefusal::EventAhead { rules, .. } if rules.number() == 2);
    }
    let near = world.capture(1, &event(json!({})));
    assert_eq!(settle(&mut world, &near).rules, 2);
}

/// Once a key and 1,000 heights, and for the last 10,000 heights: both ends tried.
#[test]
fn a_fault_counts_for_some_heights_around_it_and_back() {
    let world = council(2);
    let mut consortium = registry(&world).clone();
    let place = world.next_place();
    let refused = |consortium: &mut Registry, height: u64, now: u64| {
        let payload = two_votes(&world, 201, height).to_string();
        let admin = Admin::parse(payload.as_bytes()).unwrap();
        let id = StatementId::from_hash(Hash::of(payload.as_bytes()));
        let height = Height::new(now).unwrap();
        consortium.decide(&Decision { id, admin: &admin, kid: kid(MEMBER), place, height }, &P256).err()
    };
    let now = FAULT_HEIGHTS_MAX + 5;
    assert!(matches!(refused(&mut consortium, 4, now), Some(Refusal::Fault(FaultRefusal::Height { .. }))));
    assert_eq!(refused(&mut consortium, 5, now), None);
    for close in [5, 6, 4 + FAULT_HEIGHTS_APART_MIN] {
        let repeated = refused(&mut consortium, close, now);
        assert!(matches!(repeated, Some(Refusal::Fault(FaultRefusal::Repeated { .. }))), "{close}: {repeated:?}");
    }
    assert_eq!(refused(&mut consortium, 5 + FAULT_HEIGHTS_APART_MIN, now), None);
    assert_eq!(consortium.faults().len(), 2);
}

/// A node refuses a request to join by the very rules of an admission, before a vote is wasted on it.
#[test]
fn who_could_be_admitted_is_known_before_a_vote() {
    let mut world = council(2);
    let check = |world: &World, member: &Member| registry(world).check_admission(member, world.now);
    assert_eq!(check(&world, &newcomer(7)), Ok(()));
    let named = |name: &str, seed: u8| Member::new(name, public(seed), note_secret(seed).public()).unwrap();
    assert!(matches!(check(&world, &named("Member", 7)), Err(ChangeRefusal::NameTaken { .. })));
    assert!(matches!(check(&world, &named("Other", 201)), Err(ChangeRefusal::KeyUsed { .. })));
    let note_key = Member::new("Other", public(7), note_secret(201).public()).unwrap();
    assert!(matches!(check(&world, &note_key), Err(ChangeRefusal::NoteKeyUsed { .. })));

    let change = [admit(&world, 7), replace(&world, 201, 8)];
    let (id, _) = vote_through(&mut world, &change, MEMBER, &[201]);
    let proposal = registry(&world).proposal(&id).unwrap();
    let brought: Vec<Hash> = proposal.new_members().iter().map(Member::kid).collect();
    assert_eq!(brought, [kid(7), kid(8)]);
    let after = registry(&world).members_after(proposal, world.now).unwrap();
    let mut expected = [kid(MEMBER), kid(7), kid(8)];
    expected.sort();
    assert!(after.members().map(Member::kid).eq(expected));
    // Of a proposal that changes no member there are none after it.
    let (policy, _) = vote_through(&mut world, &[policy("maxSpeedKmh", json!(900))], 201, &[]);
    let proposal = registry(&world).proposal(&policy).unwrap();
    assert_eq!(registry(&world).members_after(proposal, world.now), None);
    // Once it is in force, its keys were used.
    for seed in [7, 8] {
        let statement = ready(&world, id, seed);
        settle(&mut world, &statement);
    }
    assert!(matches!(
        check(&world, &newcomer(7)),
        Err(ChangeRefusal::NameTaken { .. } | ChangeRefusal::KeyUsed { .. })
    ));
}
