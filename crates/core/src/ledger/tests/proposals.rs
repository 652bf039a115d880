//! Proposals, ballots and readiness: each rule as a statement meets it that comes in, and in a block of another member.

use serde_json::{Value, json};

use super::council::{
    MINUTE_MS, SEATS, admit, ballot, council, end, found, kid, policy, proposal, proposal_until, ready, ready_at,
    registry, remove, replace, settle, vote_through, wait, withdrawal,
};
use super::rules::{Outcome, Side, assert_refused, on_both_sides, stands};
use super::world::{MEMBER, PROVIDER, World, event, foreign_hash, participant};
use crate::consortium::{AdminError, ChangeRefusal, PolicyName, PolicyValue, ProposalEnd, ProposalRefusal, Refusal};
use crate::ledger::{InvalidReason, PlaceRefusal, validate};
use crate::limits::{
    FUTILE_PROPOSALS_MAX, OPEN_PROPOSALS_MAX, PARTICIPANT_PROPOSAL_BYTES_MAX, PROPOSAL_DAYS_MAX, READY_MINUTES_MAX,
    READY_PAUSE_MINUTES_MIN,
};
use crate::statement::StatementId;

on_both_sides!(
    proposal_expires_within_its_days,
    proposal_of_a_member_with_two_open_ones,
    proposal_that_could_never_pass,
    proposals_in_vain_about_one_participant,
    proposal_about_a_participant_that_is_long,
    withdrawal_by_its_proposer_alone,
    ballot_of_a_member_counts_once,
    ballot_by_a_stranger,
    ballot_on_what_is_unknown_or_has_ended,
    ballot_on_ones_own_removal,
    ready_by_a_key_that_is_asked,
    ready_after_the_votes,
    ready_names_a_recent_block,
    ready_again_after_a_pause,
    statements_after_the_one_that_enacts,
    changes_that_become_impossible,
);

/// Refused as a rule of proposals.
macro_rules! assert_proposal_refused {
    ($side:expr, $world:expr, $statement:expr, $refusal:pat $(if $guard:expr)?) => {{
        let statement = $statement;
        assert_refused!($side, $world, [statement], PlaceRefusal::Admin(Refusal::Proposal($refusal)) $(if $guard)?);
    }};
}

fn speed(kmh: u64) -> [Value; 1] {
    [policy("maxSpeedKmh", json!(kmh))]
}

fn speed_in_force(world: &World) -> Option<PolicyValue> {
    registry(world).policies().in_force(PolicyName::MaxSpeedKmh, None).map(|set| set.value.clone())
}

fn proposal_expires_within_its_days(side: Side) {
    let mut world = council(2);
    let now = world.next_place().time;
    let last = now.plus_millis(PROPOSAL_DAYS_MAX * 24 * 60 * MINUTE_MS);
    for good in [now.plus_millis(1), last] {
        let statement = proposal_until(&world, &speed(900), good, MEMBER);
        assert!(stands(side, &mut world, &statement), "{good}");
    }
    for wrong in [now, now.plus_millis(-1), last.plus_millis(1)] {
        assert_proposal_refused!(
            side,
            world,
            proposal_until(&world, &speed(900), wrong, MEMBER),
            ProposalRefusal::Expires { expires, .. } if *expires == wrong
        );
    }
}

fn proposal_of_a_member_with_two_open_ones(side: Side) {
    let mut world = council(2);
    let all: Vec<_> = (0..OPEN_PROPOSALS_MAX as u64).map(|n| proposal(&world, &speed(900 + n), MEMBER)).collect();
    all.iter().for_each(|one| drop(settle(&mut world, one)));
    let third = proposal(&world, &speed(1_000), MEMBER);
    assert_proposal_refused!(side, world, third.clone(), ProposalRefusal::TooManyOpen);
    let of_another = proposal(&world, &speed(1_000), 201);
    assert!(stands(side, &mut world, &of_another));
    let withdrawn = withdrawal(&world, all[0].id(), MEMBER);
    settle(&mut world, &withdrawn);
    assert_eq!(end(&world, all[0].id()), Some(ProposalEnd::Withdrawn));
    assert!(stands(side, &mut world, &third));
    // One that has expired counts no more either.
    settle(&mut world, &third);
    wait(&mut world, 25 * 60 * MINUTE_MS);
    assert!(matches!(end(&world, third.id()), Some(ProposalEnd::Expired { .. })));
    let later = proposal(&world, &speed(1_001), MEMBER);
    assert!(stands(side, &mut world, &later));
}

fn proposal_that_could_never_pass(side: Side) {
    let mut world = council(4);
    assert_proposal_refused!(
        side,
        world,
        proposal(&world, &[remove(201), remove(202)], MEMBER),
        ProposalRefusal::TooFewVoters { voters: 2, quorum: 3 }
    );
    let one = proposal(&world, &[remove(201)], MEMBER);
    assert!(stands(side, &mut world, &one));
}

/// One that would make a competitor's evidence long, by proposing and withdrawing, comes to an end.
fn proposals_in_vain_about_one_participant(side: Side) {
    let mut world = council(4);
    world.join(1, "manufacturer", &["9506000"]);
    world.join(2, "manufacturer", &["4012345"]);
    let revoke = |number: u8, n: u64| json!({"type": "revoke", "participant": participant(number), "reason": format!("reason {n}")});
    let of_one = |number: u8, n: u64| {
        let mut change = policy("newIdsInAll", json!(n));
        change["participant"] = json!(participant(number));
        change
    };
    let limit = FUTILE_PROPOSALS_MAX as u64;
    for n in 0..limit - 1 {
        let statement = proposal(&world, &[if n == 1 { of_one(1, 5) } else { revoke(1, n) }], MEMBER);
        settle(&mut world, &statement);
        let taken_back = withdrawal(&world, statement.id(), MEMBER);
        settle(&mut world, &taken_back);
    }
    // One that is enacted is not in vain, nor one of another member, nor one about another.
    vote_through(&mut world, &[of_one(1, 7)], MEMBER, &[201, 202]);
    let of_another = proposal(&world, &[revoke(1, 0)], 203);
    settle(&mut world, &of_another);
    let about_another = proposal(&world, &[revoke(2, 0)], MEMBER);
    settle(&mut world, &about_another);
    let taken_back = withdrawal(&world, about_another.id(), MEMBER);
    settle(&mut world, &taken_back);
    let last = proposal(&world, &[revoke(1, limit)], MEMBER);
    assert!(stands(side, &mut world, &last));
    settle(&mut world, &last);
    for changes in [vec![revoke(1, 9)], vec![of_one(1, 9)], vec![revoke(2, 9), of_one(1, 9)]] {
        assert_proposal_refused!(
            side,
            world,
            proposal(&world, &changes, MEMBER),
            ProposalRefusal::TooManyAbout { participant: of } if *of == participant(1)
        );
    }
    let other = proposal(&world, &[revoke(2, 9)], MEMBER);
    assert!(stands(side, &mut world, &other));
    // It stays so with another key, and when the last one has expired.
    let changes = [replace(&world, MEMBER, 8)];
    let (id, _) = vote_through(&mut world, &changes, 201, &[202, 203]);
    let is_ready = ready(&world, id, 8);
    assert_eq!(settle(&mut world, &is_ready).enacted, [id]);
    wait(&mut world, 25 * 60 * MINUTE_MS);
    assert_proposal_refused!(side, world, proposal(&world, &[revoke(1, 10)], 8), ProposalRefusal::TooManyAbout { .. });
}

/// Its signer can write the same with white space without end.
fn proposal_about_a_participant_that_is_long(side: Side) {
    let mut world = council(2);
    world.join(1, "manufacturer", &["9506000"]);
    let expires = world.next_place().time.plus_millis(MINUTE_MS);
    let padded = |change: Value, length: usize| {
        let text = json!({"type": "proposal", "changes": [change], "expires": expires}).to_string();
        let padding = " ".repeat(length - text.len());
        format!("{}{padding}}}", text.strip_suffix('}').unwrap())
    };
    let about = json!({"type": "revoke", "participant": participant(1), "reason": "it lied"});
    let longest = world.sign_admin(padded(about.clone(), PARTICIPANT_PROPOSAL_BYTES_MAX).as_bytes(), MEMBER);
    assert!(stands(side, &mut world, &longest));
    let longer = world.sign_admin(padded(about, PARTICIPANT_PROPOSAL_BYTES_MAX + 1).as_bytes(), MEMBER);
    assert_refused!(side, world, [longer], PlaceRefusal::Payload(AdminError::Field { field: "changes", .. }));
    let no_one = padded(policy("maxSpeedKmh", json!(9)), PARTICIPANT_PROPOSAL_BYTES_MAX + 1);
    let about_none = world.sign_admin(no_one.as_bytes(), MEMBER);
    assert!(stands(side, &mut world, &about_none));
}

fn withdrawal_by_its_proposer_alone(side: Side) {
    let mut world = council(2);
    let statement = proposal(&world, &speed(900), MEMBER);
    settle(&mut world, &statement);
    assert_proposal_refused!(
        side,
        world,
        withdrawal(&world, statement.id(), 201),
        ProposalRefusal::NotItsProposer { .. }
    );
    let own = withdrawal(&world, statement.id(), MEMBER);
    assert!(stands(side, &mut world, &own));
    settle(&mut world, &own);
    assert_proposal_refused!(
        side,
        world,
        withdrawal(&world, statement.id(), MEMBER),
        ProposalRefusal::Closed { end: ProposalEnd::Withdrawn, .. }
    );
}

fn ballot_of_a_member_counts_once(side: Side) {
    let mut world = council(4);
    let statement = proposal(&world, &speed(900), MEMBER);
    let id = statement.id();
    settle(&mut world, &statement);
    for yes in [true, false] {
        assert_proposal_refused!(side, world, ballot(&world, id, yes, MEMBER), ProposalRefusal::AlreadyVoted { .. });
    }
    let no = ballot(&world, id, false, 201);
    assert!(stands(side, &mut world, &no));
    settle(&mut world, &no);
    assert_proposal_refused!(side, world, ballot(&world, id, true, 201), ProposalRefusal::AlreadyVoted { .. });
    let tally = registry(&world).tally(found(&world, id), world.now);
    assert_eq!((tally.members, tally.quorum, tally.yes, tally.no, tally.waiting.len()), (4, 3, 1, 1, 2));
}

fn ballot_by_a_stranger(side: Side) {
    let mut world = council(2);
    let statement = proposal(&world, &[admit(&world, 7)], MEMBER);
    settle(&mut world, &statement);
    let strange = ballot(&world, statement.id(), true, 9);
    assert_refused!(side, world, [strange], PlaceRefusal::Admin(Refusal::NotAMember { .. }));
    // A key that an open proposal brings in says that it is ready, and nothing else.
    for by_the_new_key in [
        ballot(&world, statement.id(), true, 7),
        withdrawal(&world, statement.id(), 7),
        proposal(&world, &speed(900), 7),
    ] {
        assert_refused!(side, world, [by_the_new_key], PlaceRefusal::Admin(Refusal::NotAMember { .. }));
    }
}

fn ballot_on_what_is_unknown_or_has_ended(side: Side) {
    let mut world = council(2);
    let unknown = StatementId::from_hash(foreign_hash());
    assert_proposal_refused!(side, world, ballot(&world, unknown, true, MEMBER), ProposalRefusal::Unknown { .. });
    let (id, seal) = vote_through(&mut world, &speed(900), MEMBER, &[201]);
    assert_eq!(seal.enacted, [id]);
    assert_proposal_refused!(
        side,
        world,
        ballot(&world, id, true, 201),
        ProposalRefusal::Closed { end: ProposalEnd::Enacted { height }, .. } if *height == seal.height
    );
    let lost = proposal(&world, &speed(901), MEMBER);
    settle(&mut world, &lost);
    let no = ballot(&world, lost.id(), false, 201);
    settle(&mut world, &no);
    assert_eq!(end(&world, lost.id()), Some(ProposalEnd::Lost), "both have to say yes");
    assert_proposal_refused!(
        side,
        world,
        ballot(&world, lost.id(), true, MEMBER),
        ProposalRefusal::Closed { end: ProposalEnd::Lost, .. }
    );
    // Up to its end, that moment included.
    let time = world.next_place().time;
    let short = proposal_until(&world, &speed(902), time.plus_millis(1_000), MEMBER);
    settle(&mut world, &short);
    let yes = ballot(&world, short.id(), true, 201);
    assert!(stands(side, &mut world, &yes));
    wait(&mut world, 1_000);
    assert_proposal_refused!(
        side,
        world,
        ballot(&world, short.id(), true, 201),
        ProposalRefusal::Closed { end: ProposalEnd::Expired { .. }, .. }
    );
}

fn ballot_on_ones_own_removal(side: Side) {
    let mut world = council(4);
    let statement = proposal(&world, &[remove(203)], MEMBER);
    settle(&mut world, &statement);
    assert_proposal_refused!(
        side,
        world,
        ballot(&world, statement.id(), false, 203),
        ProposalRefusal::OwnRemoval { .. }
    );
    for (seed, enacted) in [(201, false), (202, true)] {
        let yes = ballot(&world, statement.id(), true, seed);
        assert_eq!(!settle(&mut world, &yes).enacted.is_empty(), enacted, "all others of four are three");
    }
    // Of three, all have to agree: the one that is to leave too.
    let statement = proposal(&world, &[remove(202)], MEMBER);
    settle(&mut world, &statement);
    let yes = ballot(&world, statement.id(), true, 201);
    assert!(settle(&mut world, &yes).enacted.is_empty());
    let own = ballot(&world, statement.id(), true, 202);
    assert!(stands(side, &mut world, &own));
    assert_eq!(settle(&mut world, &own).enacted, [statement.id()]);
    assert_eq!(registry(&world).members().members().len(), 2);
}

fn ready_by_a_key_that_is_asked(side: Side) {
    let mut world = council(2);
    let changes = [admit(&world, 7)];
    let (id, seal) = vote_through(&mut world, &changes, MEMBER, &[201]);
    assert!(seal.enacted.is_empty(), "the new node is not ready");
    assert_proposal_refused!(side, world, ready(&world, id, MEMBER), ProposalRefusal::ReadyNotAsked { .. });
    let strange = ready(&world, id, 9);
    assert_refused!(side, world, [strange], PlaceRefusal::Admin(Refusal::NotAMember { .. }));
    // The key of one proposal says nothing to another.
    let other = proposal(&world, &[admit(&world, 8)], MEMBER);
    settle(&mut world, &other);
    let crossed = ready(&world, id, 8);
    assert_refused!(side, world, [crossed], PlaceRefusal::Admin(Refusal::NotAMember { .. }));
    let right = ready(&world, id, 7);
    assert!(stands(side, &mut world, &right));
    assert_eq!(settle(&mut world, &right).enacted, [id]);
    assert!(registry(&world).members().get(&kid(7)).is_some());
    let again = ready(&world, id, 7);
    assert_refused!(side, world, [again], PlaceRefusal::Admin(Refusal::Proposal(ProposalRefusal::Closed { .. })));
}

fn ready_after_the_votes(side: Side) {
    let mut world = council(4);
    let changes = [admit(&world, 7)];
    let (id, _) = vote_through(&mut world, &changes, MEMBER, &[201]);
    assert_proposal_refused!(
        side,
        world,
        ready(&world, id, 7),
        ProposalRefusal::ReadyTooEarly { yes: 2, quorum: 3, .. }
    );
    let yes = ballot(&world, id, true, 203);
    settle(&mut world, &yes);
    let right = ready(&world, id, 7);
    assert!(stands(side, &mut world, &right));
}

fn ready_names_a_recent_block(side: Side) {
    let mut world = council(1);
    let statement = proposal(&world, &[admit(&world, 7)], MEMBER);
    let id = statement.id();
    let old = settle(&mut world, &statement).height.get();
    let old_root = world.state.root();
    assert_proposal_refused!(
        side, world, ready_at(&world, id, old, foreign_hash(), 7), ProposalRefusal::ReadyRoot { height } if height.get() == old
    );
    assert_proposal_refused!(
        side,
        world,
        ready_at(&world, id, old + 1, old_root, 7),
        ProposalRefusal::ReadyHeight { .. }
    );
    // To the very end of its time, and then no more.
    wait(&mut world, READY_MINUTES_MAX * MINUTE_MS - 1_000);
    let right = ready_at(&world, id, old, old_root, 7);
    assert!(stands(side, &mut world, &right));
    wait(&mut world, 1_000);
    assert_proposal_refused!(side, world, ready_at(&world, id, old, old_root, 7), ProposalRefusal::ReadyHeight { .. });
    let right = ready(&world, id, 7);
    assert!(stands(side, &mut world, &right));
}

fn ready_again_after_a_pause(side: Side) {
    let mut world = council(1);
    let statement = proposal(&world, &[admit(&world, 7), admit(&world, 8)], MEMBER);
    let id = statement.id();
    settle(&mut world, &statement);
    let first = ready(&world, id, 7);
    assert!(settle(&mut world, &first).enacted.is_empty(), "the other one is not ready");
    wait(&mut world, READY_PAUSE_MINUTES_MIN * MINUTE_MS - 2_000);
    assert_proposal_refused!(side, world, ready(&world, id, 7), ProposalRefusal::ReadyTooSoon { .. });
    // More than thirty minutes apart they are not ready together.
    wait(&mut world, (READY_MINUTES_MAX - READY_PAUSE_MINUTES_MIN) * MINUTE_MS + 2_000);
    let second = ready(&world, id, 8);
    assert!(settle(&mut world, &second).enacted.is_empty());
    assert_eq!(registry(&world).tally(found(&world, id), world.now).keys_not_ready, [kid(7)]);
    let renewed = ready(&world, id, 7);
    assert!(stands(side, &mut world, &renewed));
    assert_eq!(settle(&mut world, &renewed).enacted, [id]);
    assert_eq!(registry(&world).members().members().len(), 3);
}

/// A proposal leaves what comes after for the next block, without an answer; a block that holds it is refused.
fn statements_after_the_one_that_enacts(side: Side) {
    let mut world = World::with_maker();
    let enacts = proposal(&world, &speed(900), MEMBER);
    let capture = world.capture(1, &event(json!({})));
    let other = proposal(&world, &speed(901), MEMBER);
    for after in [&capture, &other] {
        match side {
            Side::Capture => {
                let candidates = [&capture, &enacts, after].map(|one| world.candidate(one.clone()).unwrap());
                let skipped = if after.id() == capture.id() { 1 } else { 0 };
                let made = world.propose(candidates.into_iter().skip(skipped).collect());
                assert!(made.answers.iter().all(|answer| answer.as_ref().is_ok_and(|placed| !placed.repeated)));
                assert_eq!(made.answers.len(), 2 - skipped, "the last one waits");
                assert_eq!(made.block.unwrap().seal.enacted, [enacts.id()]);
                world.state.roll_back();
            }
            Side::Audit => {
                let mut body = world.body(std::slice::from_ref(&enacts));
                body.leaves.push(super::world::leaf_of(after.compact()));
                let invalid = validate(&mut world.state, &world.seen, body, PROVIDER).unwrap_err();
                assert!(matches!(*invalid.reason, InvalidReason::AfterEnactment), "{invalid}");
                assert_eq!(invalid.leaf.get(), world.state.size().get() + 1);
            }
        }
    }
    // In the next block it stands.
    settle(&mut world, &enacts);
    assert!(stands(side, &mut world, &capture));
}

fn changes_that_become_impossible(side: Side) {
    let mut world = council(2);
    let first = proposal(&world, &[admit(&world, 7)], MEMBER);
    let twin = proposal(&world, &[policy("maxSpeedKmh", json!(5)), admit(&world, 7)], 201);
    let rotation = proposal(&world, &[replace(&world, 201, 8)], MEMBER);
    for one in [&first, &twin, &rotation] {
        settle(&mut world, one);
    }
    let yes = ballot(&world, first.id(), true, 201);
    settle(&mut world, &yes);
    assert_eq!(end(&world, twin.id()), None, "both may pass still");
    let is_ready = ready(&world, first.id(), 7);
    assert_eq!(settle(&mut world, &is_ready).enacted, [first.id()]);
    let void = |change, error| Some(ProposalEnd::Void { change, error: Box::new(error) });
    assert_eq!(end(&world, twin.id()), void(1, ChangeRefusal::KeyUsed { kid: kid(7) }));
    assert_eq!(found(&world, twin.id()).ended_at().unwrap().time, world.now);
    assert_proposal_refused!(
        side,
        world,
        ballot(&world, twin.id(), true, MEMBER),
        ProposalRefusal::Closed { end: ProposalEnd::Void { .. }, .. }
    );
    assert_eq!(speed_in_force(&world), None, "all of it or nothing");
    // The member that it would replace is gone; and a key of a participant is no member's.
    let (_, seal) = vote_through(&mut world, &[remove(201)], 7, &[MEMBER, 201]);
    assert_eq!(seal.enacted.len(), 1);
    assert_eq!(end(&world, rotation.id()), void(0, ChangeRefusal::NoMember { kid: kid(201) }));
    let joining = proposal(&world, &[admit(&world, 1)], MEMBER);
    settle(&mut world, &joining);
    world.join(1, "manufacturer", &["9506000"]);
    assert_eq!(end(&world, joining.id()), void(0, ChangeRefusal::KeyUsed { kid: kid(1) }));
}

#[test]
fn enough_members_enact_and_no_fewer() {
    for (members, quorum) in [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5)] {
        let mut world = council(members);
        let statement = proposal(&world, &speed(900), MEMBER);
        let mut enacted = settle(&mut world, &statement).enacted;
        for (seed, yes) in SEATS[1..members].iter().zip(2..) {
            if !enacted.is_empty() {
                break;
            }
            assert!(yes <= quorum, "{members}");
            let say_yes = ballot(&world, statement.id(), true, *seed);
            enacted = settle(&mut world, &say_yes).enacted;
            assert_eq!(enacted.is_empty(), yes < quorum, "{yes} of {members}");
        }
        assert_eq!(enacted, [statement.id()], "{members}");
        assert_eq!(speed_in_force(&world), Some(PolicyValue::Whole(900)));
        assert_eq!(found(&world, statement.id()).ended_at().unwrap().time, world.now);
    }
}

#[test]
fn a_proposal_is_lost_as_soon_as_too_few_can_say_yes() {
    let mut world = council(4);
    let statement = proposal(&world, &speed(900), MEMBER);
    settle(&mut world, &statement);
    for (seed, expected) in [(201, None), (202, Some(ProposalEnd::Lost))] {
        let no = ballot(&world, statement.id(), false, seed);
        settle(&mut world, &no);
        assert_eq!(end(&world, statement.id()), expected, "{seed}");
    }
    assert!(registry(&world).tally(found(&world, statement.id()), world.now).waiting.len() == 1);
}

/// The words of members that left count no more, and a member with a new key says its own again.
#[test]
fn only_members_in_force_are_counted() {
    let mut world = council(5);
    let open = proposal(&world, &speed(900), MEMBER);
    settle(&mut world, &open);
    for seed in [203, 204] {
        let yes = ballot(&world, open.id(), true, seed);
        settle(&mut world, &yes);
    }
    let yes_of = |world: &World| {
        let tally = registry(world).tally(found(world, open.id()), world.now);
        (tally.members, tally.quorum, tally.yes)
    };
    assert_eq!(yes_of(&world), (5, 4, 3));
    vote_through(&mut world, &[remove(204)], MEMBER, &[201, 202, 203]);
    assert_eq!(yes_of(&world), (4, 3, 2));
    let changes = [replace(&world, 203, 7)];
    let (rotation, _) = vote_through(&mut world, &changes, MEMBER, &[201, 202]);
    let is_ready = ready(&world, rotation, 7);
    assert_eq!(settle(&mut world, &is_ready).enacted, [rotation]);
    assert_eq!(yes_of(&world), (4, 3, 1));
    let by_the_old_key = ballot(&world, open.id(), true, 203);
    assert!(world.candidate(by_the_old_key).is_err());
    for (seed, enacted) in [(7, false), (202, true)] {
        let yes = ballot(&world, open.id(), true, seed);
        assert_eq!(!settle(&mut world, &yes).enacted.is_empty(), enacted);
    }
}

/// A change of the members may leave an open proposal with enough yes. It is enacted by a statement about it alone.
#[test]
fn a_proposal_that_another_one_completes_waits_for_a_word_of_its_own() {
    let mut world = council(4);
    let open = proposal(&world, &speed(900), MEMBER);
    settle(&mut world, &open);
    let yes = ballot(&world, open.id(), true, 201);
    settle(&mut world, &yes);
    vote_through(&mut world, &[remove(203)], MEMBER, &[201, 202]);
    vote_through(&mut world, &[remove(202)], MEMBER, &[201, 202]);
    assert_eq!(registry(&world).members().members().len(), 2);
    assert!(registry(&world).tally(found(&world, open.id()), world.now).is_complete());
    assert_eq!(end(&world, open.id()), None);
    world.join(1, "manufacturer", &["9506000"]);
    assert_eq!(end(&world, open.id()), None, "a statement about something else");
    assert_eq!(speed_in_force(&world), None);
    let anew = vote_through(&mut world, &speed(900), MEMBER, &[201]);
    assert_eq!(anew.1.enacted, [anew.0]);
}

/// The fold does not name a block that is of another ledger; what is said of the proposal is in the refusal for people.
#[test]
fn each_refusal_says_what_would_be_right() {
    let world = council(2);
    let Outcome::Refused(refusal) = Side::Capture.meets(&mut council(2), &[proposal(&world, &[remove(9)], MEMBER)])
    else {
        panic!("no member has that key")
    };
    assert_eq!(refusal.to_string(), format!("change 0, from 0, cannot be made: {} is no member's key", kid(9)));
}
