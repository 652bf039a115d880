//! Quotas, each as a statement meets it that comes in, and in a block of another member; and what is counted after a block is taken
//! back, after a replay, and after a start from what is stored.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::council::{policy, settle, vote_through, wait};
use super::rules::{Outcome, Side, assert_refused, on_both_sides};
use super::world::{MEMBER, PROVIDER, World, event, participant};
use crate::consortium::{PolicyName, SignerRefusal};
use crate::index::SignerTag;
use crate::ledger::{Body, Candidate, EverSeen, PlaceRefusal, QuotaRefusal, Usage, UseTally, check_next, validate};
use crate::statement::{P256, SubmittedStatement};

on_both_sides!(
    contacts_of_a_day,
    new_ids_of_a_day_and_in_all,
    leaves_in_the_list_of_a_piece,
    leaves_in_the_list_of_a_class,
    leaves_in_all,
    subjects_of_the_ledger,
    statements_of_one_block_in_their_order,
    authority_names_its_ids,
);

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn item(n: u32) -> String {
    format!("https://id.gs1.org/01/09506000134352/21/A{n}")
}

/// An event of its own that names some ids.
fn naming(world: &World, tag: u32, step: &str, ids: &[String]) -> Value {
    let action = if step == "commissioning" { "ADD" } else { "OBSERVE" };
    let id = format!("urn:uuid:1f0c1f6e-6d0b-4a57-9a35-{tag:012}");
    event(json!({"eventID": id, "action": action, "bizStep": step, "epcList": ids, "eventTime": world.now.to_string()}))
}

struct Counting {
    world: World,
    events: u32,
}

impl Counting {
    /// A maker, seed 1, and two distributors.
    fn new() -> Self {
        let mut world = World::with_maker();
        world.join(2, "distributor", &[]);
        world.join(3, "distributor", &[]);
        Self { world, events: 0 }
    }

    fn statement(&mut self, seed: u8, step: &str, ids: &[String]) -> SubmittedStatement {
        self.events += 1;
        let event = naming(&self.world, self.events, step, ids);
        self.world.capture(seed, &event)
    }

    fn commission(&mut self, ids: std::ops::Range<u32>) {
        let ids: Vec<String> = ids.map(item).collect();
        let statement = self.statement(1, "commissioning", &ids);
        settle(&mut self.world, &statement);
    }

    fn take(&mut self, seed: u8, ids: &[u32]) {
        let ids: Vec<String> = ids.iter().copied().map(item).collect();
        let statement = self.statement(seed, "receiving", &ids);
        settle(&mut self.world, &statement);
    }

    /// Why a participant may not take these now; `None` if it may.
    fn refusal(&mut self, side: Side, seed: u8, ids: &[u32]) -> Option<QuotaRefusal> {
        let ids: Vec<String> = ids.iter().copied().map(item).collect();
        let statement = self.statement(seed, "receiving", &ids);
        match side.meets(&mut self.world, &[statement]) {
            Outcome::Stands => None,
            Outcome::Refused(PlaceRefusal::Quota(refusal)) => Some(*refusal),
            other => panic!("{other:?}"),
        }
    }

    fn set(&mut self, name: &str, value: Value, seed: Option<u8>) {
        let mut change = policy(name, value);
        if let Some(seed) = seed {
            change["participant"] = json!(participant(seed));
        }
        vote_through(&mut self.world, &[change], MEMBER, &[]);
    }

    fn next_day(&mut self) {
        wait(&mut self.world, DAY_MS);
    }
}

fn contacts_of_a_day(side: Side) {
    let mut counting = Counting::new();
    counting.set("contactsPerDay", json!(3), None);
    counting.commission(0..10);
    counting.take(2, &[0, 1]);
    // What it has said last itself is no contact, nor are ids under a signer's own claims.
    assert_eq!(counting.refusal(side, 2, &[0, 1, 2]), None);
    assert_eq!(counting.refusal(side, 1, &[0, 1]), None);
    let refusal = counting.refusal(side, 2, &[2, 3]).unwrap();
    let until = "2026-03-02T00:00:00.000Z".parse().unwrap();
    assert_eq!(
        (refusal.policy, refusal.limit, refusal.used, refusal.asked, refusal.room_from),
        (PolicyName::ContactsPerDay, 3, 2, 2, Some(until))
    );
    let text = refusal.to_string();
    assert!(
        text.starts_with("contactsPerDay: a participant takes up at most 3 ids of others in a UTC day; "),
        "{text}"
    );
    assert!(text.contains("There is room again from 2026-03-02T00:00:00.000Z on, by the time of blocks"), "{text}");
    // All or nothing: what was refused has used nothing.
    counting.take(2, &[2]);
    assert!(counting.refusal(side, 2, &[3]).is_some());
    // When another has spoken in between it is a contact again.
    counting.take(3, &[0]);
    assert!(counting.refusal(side, 2, &[0]).is_some());
    counting.next_day();
    assert_eq!(counting.refusal(side, 2, &[3, 4, 5]), None);
    let never = counting.refusal(side, 2, &[3, 4, 5, 6]).unwrap();
    assert_eq!(never.room_from, None);
    assert!(never.to_string().contains("split the statement"), "{never}");
    counting.set("contactsPerDay", json!(4), Some(2));
    assert_eq!(counting.refusal(side, 2, &[3, 4, 5, 6]), None);
    assert!(counting.refusal(side, 3, &[3, 4, 5, 6]).is_some(), "for the one participant alone");
}

fn new_ids_of_a_day_and_in_all(side: Side) {
    let mut counting = Counting::new();
    counting.set("newIdsPerDay", json!(3), None);
    counting.set("newIdsInAll", json!(5), None);
    let new = |counting: &mut Counting, ids: std::ops::Range<u32>| {
        let ids: Vec<String> = ids.map(item).collect();
        let statement = counting.statement(1, "commissioning", &ids);
        match side.meets(&mut counting.world, &[statement]) {
            Outcome::Stands => None,
            Outcome::Refused(PlaceRefusal::Quota(refusal)) => Some(*refusal),
            other => panic!("{other:?}"),
        }
    };
    counting.commission(0..2);
    let refusal = new(&mut counting, 2..4).unwrap();
    assert_eq!((refusal.policy, refusal.limit, refusal.used), (PolicyName::NewIdsPerDay, 3, 2));
    assert!(refusal.room_from.is_some());
    // Those that are there count no more.
    assert_eq!(new(&mut counting, 0..3), None);
    counting.next_day();
    counting.commission(2..5);
    counting.next_day();
    let refusal = new(&mut counting, 5..6).unwrap();
    assert_eq!((refusal.policy, refusal.limit, refusal.used), (PolicyName::NewIdsInAll, 5, 5));
    assert_eq!(refusal.room_from, None);
    assert!(refusal.to_string().contains("There is no room again by itself"), "{refusal}");
    // It may still record what is on the ledger, and recall it: the subjects of a recall are no new ids.
    let recall = event(json!({"eventID": "urn:uuid:1f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f99", "action": "OBSERVE",
        "bizStep": "holding", "disposition": "recalled", "epcList": (0..5).map(item).collect::<Vec<_>>()}));
    let recall = counting.world.capture(1, &recall);
    let outcome = side.meets(&mut counting.world, &[recall]);
    // The class of its items is named for the first time: one new id, and not eleven.
    assert!(matches!(&outcome, Outcome::Refused(PlaceRefusal::Quota(refusal)) if refusal.asked == 1), "{outcome:?}");
    counting.set("newIdsInAll", json!(6), Some(1));
    assert_eq!(new(&mut counting, 5..6), None);
}

fn leaves_in_the_list_of_a_piece(side: Side) {
    let mut counting = Counting::new();
    counting.set("leavesPerSubjectPerDay", json!({"piece": 3, "lot": 5}), None);
    counting.commission(0..2);
    counting.take(2, &[0]);
    counting.take(2, &[0]);
    counting.take(3, &[0]);
    assert_eq!(counting.refusal(side, 2, &[0]), None);
    counting.take(2, &[0]);
    let refusal = counting.refusal(side, 2, &[1, 0]).unwrap();
    assert_eq!((refusal.policy, refusal.limit, refusal.used), (PolicyName::LeavesPerSubjectPerDay, 3, 3));
    assert_eq!(refusal.id.as_deref(), Some(item(0).as_str()));
    let text = refusal.to_string();
    assert!(text.contains("All events of one statement count as one"), "{text}");
    assert!(text.contains(&item(0)) && refusal.room_from.is_some(), "{text}");
    // Not of another signer, nor of the one under whose claims it is.
    assert_eq!(counting.refusal(side, 3, &[0]), None);
    (0..4).for_each(|_| counting.take(1, &[0]));
    assert_eq!(counting.refusal(side, 1, &[0]), None);
    counting.next_day();
    assert_eq!(counting.refusal(side, 2, &[0]), None);
}

fn leaves_in_the_list_of_a_class(side: Side) {
    let mut counting = Counting::new();
    counting.set("leavesPerSubjectPerDay", json!({"piece": 1, "lot": 2}), None);
    let class = "https://id.gs1.org/01/09506000134352";
    let of_class = |counting: &mut Counting| {
        counting.events += 1;
        let mut event = naming(&counting.world, counting.events, "receiving", &[]);
        event["quantityList"] = json!([{"epcClass": class, "quantity": 3}]);
        counting.world.capture(2, &event)
    };
    for _ in 0..2 {
        let statement = of_class(&mut counting);
        settle(&mut counting.world, &statement);
    }
    let third = of_class(&mut counting);
    assert_refused!(side, counting.world, [third], PlaceRefusal::Quota(refusal)
        if refusal.limit == 2 && refusal.id.as_deref() == Some(class));
}

fn leaves_in_all(side: Side) {
    let mut counting = Counting::new();
    counting.set("leavesPerSubjectInAll", json!(2), None);
    counting.commission(0..1);
    counting.take(2, &[0]);
    counting.next_day();
    counting.take(2, &[0]);
    counting.next_day();
    let refusal = counting.refusal(side, 2, &[0]).unwrap();
    assert_eq!((refusal.policy, refusal.limit, refusal.used), (PolicyName::LeavesPerSubjectInAll, 2, 2));
    assert_eq!(refusal.room_from, None);
    assert_eq!(counting.refusal(side, 3, &[0]), None);
    counting.set("leavesPerSubjectInAll", json!(3), Some(2));
    assert_eq!(counting.refusal(side, 2, &[0]), None);
}

fn subjects_of_the_ledger(side: Side) {
    let mut counting = Counting::new();
    let subjects = counting.world.state.subjects() as u64;
    // The decision itself has two: its own, and the policy.
    counting.set("subjectsMax", json!(subjects + 4), None);
    counting.commission(0..1);
    let refusal = counting.refusal(side, 2, &[1, 2]).unwrap();
    assert_eq!((refusal.policy, refusal.used, refusal.asked), (PolicyName::SubjectsMax, subjects + 3, 2));
    assert_eq!(counting.refusal(side, 2, &[1]), None);
    counting.take(2, &[1]);
    assert!(counting.refusal(side, 2, &[2]).is_some());
    assert_eq!(counting.refusal(side, 2, &[0, 1]), None);
    // Members can always say something, so that they can make room.
    counting.set("subjectsMax", json!(subjects + 20), None);
    assert_eq!(counting.refusal(side, 2, &[2]), None);
}

fn statements_of_one_block_in_their_order(side: Side) {
    let mut counting = Counting::new();
    counting.set("contactsPerDay", json!(2), None);
    counting.set("leavesPerSubjectPerDay", json!({"piece": 2, "lot": 2}), None);
    counting.commission(0..5);
    let of = |counting: &mut Counting, seed, id| counting.statement(seed, "receiving", &[item(id)]);
    let contacts = [of(&mut counting, 2, 0), of(&mut counting, 3, 1), of(&mut counting, 2, 1), of(&mut counting, 2, 2)];
    assert_refused!(side, counting.world, contacts, PlaceRefusal::Quota(refusal)
        if refusal.policy == PolicyName::ContactsPerDay && refusal.used == 2);
    let leaves = [of(&mut counting, 2, 0), of(&mut counting, 2, 0), of(&mut counting, 3, 0), of(&mut counting, 2, 0)];
    assert_refused!(side, counting.world, leaves, PlaceRefusal::Quota(refusal)
        if refusal.policy == PolicyName::LeavesPerSubjectPerDay && refusal.used == 2);
    // Two contacts of the day are used by the first and the third: nothing of a block that is not final counts.
    assert_eq!(counting.refusal(side, 2, &[0, 1]), None);
}

fn authority_names_its_ids(side: Side) {
    let mut counting = Counting::new();
    counting.commission(0..6);
    counting.world.join(4, "authority", &[]);
    let recall = |counting: &mut Counting, ids: std::ops::Range<u32>| {
        counting.events += 1;
        let ids: Vec<String> = ids.map(item).collect();
        let mut event = naming(&counting.world, counting.events, "holding", &ids);
        event["disposition"] = json!("recalled");
        counting.world.capture(4, &event)
    };
    let statement = recall(&mut counting, 0..1);
    assert_refused!(side, counting.world, [statement], PlaceRefusal::NotAnAuthority { .. });
    let grant = json!({"type": "authority", "registration": participant(4)});
    vote_through(&mut counting.world, &[grant], MEMBER, &[]);
    counting.set("contactsPerDay", json!(1), None);
    let first = recall(&mut counting, 0..3);
    settle(&mut counting.world, &first);
    counting.set("contactsPerDay", json!(5), Some(4));
    // It counts what it names, whoever named it last.
    let statement = recall(&mut counting, 0..3);
    assert_refused!(side, counting.world, [statement], PlaceRefusal::Quota(refusal)
        if (refusal.limit, refusal.used, refusal.asked) == (5, 3, 3));
    let statement = recall(&mut counting, 4..6);
    assert!(matches!(side.meets(&mut counting.world, &[statement]), Outcome::Stands));
    counting.world.revoke(4);
    let statement = recall(&mut counting, 4..6);
    assert_refused!(side, counting.world, [statement], PlaceRefusal::Signer(SignerRefusal::Revoked { .. }));
}

#[test]
fn a_statement_that_waits_is_held_against_the_final_blocks_alone() {
    let mut counting = Counting::new();
    counting.set("contactsPerDay", json!(1), None);
    counting.commission(0..3);
    let first = counting.statement(2, "receiving", &[item(0)]);
    let second = counting.statement(2, "receiving", &[item(1)]);
    let Counting { mut world, .. } = counting;
    let [first, second] = [first, second].map(|one| world.candidate(one).unwrap());
    let may_stand = |world: &World, one: &Candidate| {
        check_next(one, &world.state, &world.seen, world.next_place(), &P256).map(|found| assert_eq!(found, None))
    };
    let block = world.propose(vec![first, second.clone()]).block.unwrap();
    // The block that is staged may never be final.
    assert!(may_stand(&world, &second).is_ok());
    world.apply(block);
    assert!(matches!(may_stand(&world, &second), Err(PlaceRefusal::Quota(_))));
}

/// Steps of random participants, as (seed, ids).
fn steps() -> impl Strategy<Value = Vec<(u8, Vec<u32>, bool)>> {
    proptest::collection::vec((1u8..4, proptest::collection::vec(0u32..6, 1..4), any::<bool>()), 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What is counted is the same after blocks that are taken back, in an audit, and when it is made again from records.
    #[test]
    fn usage_is_a_fold_over_the_final_captures(steps in steps()) {
        let mut counting = Counting::new();
        counting.set("contactsPerDay", json!(4), None);
        counting.set("leavesPerSubjectPerDay", json!({"piece": 3, "lot": 3}), None);
        counting.set("newIdsInAll", json!(5), None);
        let (mut records, mut replayed) = (Vec::new(), counting.world.state.clone());
        let mut seen = EverSeen::default();
        for (seed, ids, is_final) in steps {
            let mut ids: Vec<String> = ids.into_iter().map(item).collect();
            ids.sort();
            ids.dedup();
            let statement = counting.statement(seed, "receiving", &ids);
            if seed == 3 {
                counting.next_day();
                let body = Body { leaves: Vec::new(), seal: counting.world.state.last_seal().unwrap().clone() };
                let block = validate(&mut replayed, &seen, body, PROVIDER).unwrap();
                replayed.apply(block.successor).unwrap();
            }
            let candidate = counting.world.candidate(statement.clone()).unwrap();
            let body = counting.world.body(std::slice::from_ref(&statement));
            let proposal = counting.world.propose(vec![candidate]);
            let Some(block) = proposal.block else { continue };
            if !is_final {
                counting.world.state.roll_back();
                continue;
            }
            records.extend(block.content.records.iter().cloned());
            counting.world.apply(block);
            let block = validate(&mut replayed, &seen, body, PROVIDER).unwrap();
            seen.learn(block.learnt);
            replayed.apply(block.successor).unwrap();
        }
        prop_assert_eq!(replayed.usage(), counting.world.state.usage());
        prop_assert_eq!(&folded(&records), counting.world.state.usage());
    }
}

/// What a node counts when it starts: as it learns its records, with the lists that it makes of them.
fn folded(records: &[crate::ledger::PlacedRecord]) -> Usage {
    let mut last: std::collections::HashMap<crate::index::SubjectKey, SignerTag> = std::collections::HashMap::new();
    let mut usage = Usage::default();
    for placed in records {
        let mut tally = UseTally::default();
        let signer = placed.record.signer_tag().unwrap();
        for (key, counts) in placed.record.subjects().zip(placed.record.counts()) {
            tally.count(counts, last.insert(key, signer), signer);
        }
        usage.add(signer, placed.place.leaf, placed.place.time, tally);
    }
    usage
}
