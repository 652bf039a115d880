//! What members say to each other on the ledger, as statements, and the smallest rules about them together.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{MEMBER, PROVIDER, World, note_secret, public, secret};
use crate::block::{Member, Seal};
use crate::consortium::{LedgerProposal, ProposalEnd, Registry, member_proof_bytes};
use crate::hash::Hash;
use crate::ledger::{Candidate, Placed, RegistryFold, SealedBlock, validate};
use crate::statement::{P256, Signature, StatementId, SubmittedStatement};
use crate::time::Timestamp;

/// The keys of the members of the largest council here, the founders first.
pub const SEATS: [u8; 7] = [MEMBER, 201, 202, 203, 204, 205, 206];

pub const MINUTE_MS: i64 = 60_000;

/// A ledger that this many members have founded.
pub fn council(members: usize) -> World {
    World::founded_by("ledger.example/council", &SEATS[..members])
}

/// The entry of a member that is admitted: its name is not the founders'.
pub fn newcomer(seed: u8) -> Member {
    Member::new(format!("Member {seed}"), public(seed), note_secret(seed).public()).unwrap()
}

pub fn kid(seed: u8) -> Hash {
    public(seed).thumbprint()
}

fn proof(world: &World, seed: u8, entry: &Member) -> Signature {
    Signature::sign(&secret(seed), &member_proof_bytes(&world.anchor.genesis().origin, entry))
}

pub fn admit(world: &World, seed: u8) -> Value {
    let entry = newcomer(seed);
    json!({"type": "admit", "name": entry.name(), "jwk": entry.key(), "noteKey": entry.note_key(),
        "proof": proof(world, seed, &entry)})
}

pub fn remove(seed: u8) -> Value {
    json!({"type": "remove", "kid": kid(seed)})
}

pub fn replace(world: &World, former: u8, seed: u8) -> Value {
    let name = registry(world).members().get(&kid(former)).map_or("Member", Member::name);
    let entry = Member::new(name, public(seed), note_secret(seed).public()).unwrap();
    json!({"type": "replace", "kid": kid(former), "jwk": entry.key(), "noteKey": entry.note_key(),
        "proof": proof(world, seed, &entry)})
}

pub fn policy(name: &str, value: Value) -> Value {
    json!({"type": "policy", "name": name, "value": value})
}

pub fn registry(world: &World) -> &Registry {
    world.state.registry().unwrap()
}

pub fn found(world: &World, id: StatementId) -> &LedgerProposal {
    registry(world).proposal(&id).unwrap()
}

pub fn end(world: &World, id: StatementId) -> Option<ProposalEnd> {
    found(world, id).end(world.now)
}

/// A proposal that is open for a day.
pub fn proposal(world: &World, changes: &[Value], seed: u8) -> SubmittedStatement {
    proposal_until(world, changes, world.next_place().time.plus_millis(24 * 60 * MINUTE_MS), seed)
}

pub fn proposal_until(world: &World, changes: &[Value], expires: Timestamp, seed: u8) -> SubmittedStatement {
    say(world, json!({"type": "proposal", "changes": changes, "expires": expires}), seed)
}

pub fn ballot(world: &World, proposal: StatementId, yes: bool, seed: u8) -> SubmittedStatement {
    say(world, json!({"type": "ballot", "proposal": proposal, "yes": yes}), seed)
}

pub fn withdrawal(world: &World, proposal: StatementId, seed: u8) -> SubmittedStatement {
    say(world, json!({"type": "withdrawal", "proposal": proposal}), seed)
}

/// That a node with the last block is ready.
pub fn ready(world: &World, proposal: StatementId, seed: u8) -> SubmittedStatement {
    ready_at(world, proposal, world.state.last_seal().unwrap().height.get(), world.state.root(), seed)
}

pub fn ready_at(world: &World, proposal: StatementId, height: u64, root: Hash, seed: u8) -> SubmittedStatement {
    say(world, json!({"type": "ready", "proposal": proposal, "height": height, "root": root}), seed)
}

pub fn say(world: &World, payload: Value, seed: u8) -> SubmittedStatement {
    world.sign_admin(payload.to_string().as_bytes(), seed)
}

/// Makes a block of a statement final and returns its seal.
pub fn settle(world: &mut World, statement: &SubmittedStatement) -> Seal {
    super::rules::make_final(world, statement);
    world.state.last_seal().unwrap().clone()
}

/// Makes a proposal final, and the yes of others, each in a block of its own. Returns the proposal's id and the last seal.
pub fn vote_through(world: &mut World, changes: &[Value], proposer: u8, others: &[u8]) -> (StatementId, Seal) {
    let statement = proposal(world, changes, proposer);
    let mut seal = settle(world, &statement);
    for other in others {
        let yes = ballot(world, statement.id(), true, *other);
        seal = settle(world, &yes);
    }
    (statement.id(), seal)
}

/// Lets time pass on the ledger, with a block at its end.
pub fn wait(world: &mut World, millis: i64) {
    world.now = world.now.plus_millis(millis - 1_000);
    let time = world.next_place().time;
    let made = crate::ledger::propose(&mut world.state, &world.seen, time, Vec::new(), true, &P256).unwrap();
    world.apply(made.block.unwrap());
}

/// The consortium as a node makes it again at a start.
fn folded(admins: &[(SubmittedStatement, Placed, Seal)], world: &World) -> Registry {
    let mut fold = RegistryFold::default();
    let genesis = world.anchor.statement().compact().as_bytes();
    let place = |leaf, time| crate::consortium::Place { leaf, time };
    let first = crate::merkle::TreeSize::ZERO.next_index();
    fold.take(genesis, place(first, world.anchor.genesis().created), crate::block::Height::GENESIS, &P256).unwrap();
    for (statement, placed, seal) in admins {
        fold.take(statement.compact().as_bytes(), place(placed.leaf, seal.time), seal.height, &P256).unwrap();
    }
    fold.finish().unwrap()
}

/// What can be told apart of two states of a consortium.
fn picture(registry: &Registry) -> (Vec<LedgerProposal>, Vec<(u64, Hash)>, String) {
    let sets = registry.member_changes().map(|change| (change.from.get(), change.members.hash())).collect();
    let rest = format!("{:?}{:?}{:?}", registry.policies(), registry.rules(), registry.faults());
    (registry.proposals().cloned().collect(), sets, rest)
}

/// One step of a random council.
#[derive(Debug, Clone, Copy)]
enum Step {
    Propose { by: usize, what: u8, about: usize },
    Vote { by: usize, on: usize, yes: bool },
    Ready { on: usize, key: usize },
    Withdraw { by: usize, on: usize },
    Wait { minutes: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let seat = 0..SEATS.len();
    let step = prop_oneof![
        3 => (seat.clone(), 0..5_u8, seat.clone()).prop_map(|(by, what, about)| Step::Propose { by, what, about }),
        8 => (seat.clone(), 0..6_usize, prop::bool::weighted(0.85)).prop_map(|(by, on, yes)| Step::Vote { by, on, yes }),
        3 => (0..6_usize, seat.clone()).prop_map(|(on, key)| Step::Ready { on, key }),
        1 => (seat, 0..6_usize).prop_map(|(by, on)| Step::Withdraw { by, on }),
        1 => (1..40_i64).prop_map(|minutes| Step::Wait { minutes }),
    ];
    prop::collection::vec(step, 4..28)
}

/// What a step says; `None` if there is nothing to say it about.
fn spoken(world: &World, step: Step) -> Option<SubmittedStatement> {
    let ids: Vec<StatementId> = registry(world).proposals().map(|one| one.id).collect();
    let on = |at: usize| ids.get(at % ids.len().max(1)).copied();
    Some(match step {
        Step::Propose { by, what, about } => {
            let seed = SEATS[about];
            let change = match what {
                0 => admit(world, seed),
                1 => remove(seed),
                2 => replace(world, seed, SEATS[(about + 1) % SEATS.len()]),
                3 => policy("maxSpeedKmh", json!(about + 1)),
                _ => policy("registrationEndorsements", json!(about)),
            };
            proposal(world, &[change], SEATS[by])
        }
        Step::Vote { by, on: at, yes } => ballot(world, on(at)?, yes, SEATS[by]),
        Step::Ready { on: at, key } => ready(world, on(at)?, SEATS[key]),
        Step::Withdraw { by, on: at } => withdrawal(world, on(at)?, SEATS[by]),
        Step::Wait { .. } => return None,
    })
}

fn stage(world: &mut World, statement: &SubmittedStatement) -> Option<(SealedBlock, Placed)> {
    let candidate: Candidate = world.candidate(statement.clone()).ok()?;
    let made = world.propose(vec![candidate]);
    let placed = made.answers.into_iter().next()?.ok()?;
    Some((made.block?, placed)).filter(|_| !placed.repeated)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever members say: what is taken back was never said; at most one proposal is enacted in a block; the set is never
    /// empty; others accept what a node proposes; and a node that starts again comes to the same consortium.
    #[test]
    fn whatever_members_decide_all_nodes_agree(members in 1..=7_usize, steps in steps()) {
        let mut world = council(members);
        let mut said = Vec::new();
        for step in steps {
            if let Step::Wait { minutes } = step {
                wait(&mut world, minutes * MINUTE_MS);
                continue;
            }
            let before = (picture(registry(&world)), world.state.root());
            let Some(statement) = spoken(&world, step) else { continue };
            let Some((block, _)) = stage(&mut world, &statement) else {
                world.state.roll_back();
                prop_assert_eq!(&(picture(registry(&world)), world.state.root()), &before);
                continue;
            };
            world.state.roll_back();
            prop_assert_eq!(&(picture(registry(&world)), world.state.root()), &before, "taken back");
            let body = world.body(std::slice::from_ref(&statement));
            prop_assert_eq!(&body.seal, &block.seal, "made twice");
            let validated = validate(&mut world.state, &world.seen, body, PROVIDER);
            prop_assert!(validated.is_ok(), "{:?}", validated.unwrap_err());
            world.state.roll_back();
            let (block, placed) = stage(&mut world, &statement).unwrap();
            let seal = block.seal.clone();
            prop_assert!(seal.enacted.len() <= 1);
            prop_assert_eq!(seal.members_hash, registry(&world).members().hash());
            world.apply(block);
            let registry = registry(&world);
            prop_assert!(!registry.members().to_json().is_empty() && registry.members().members().len() >= 1);
            prop_assert_eq!(seal.next_members_hash, registry.members().hash());
            prop_assert_eq!(registry.members_at(seal.height).hash(), seal.members_hash);
            let enacted = registry.proposals().filter(|one| {
                matches!(one.end(world.now), Some(ProposalEnd::Enacted { height }) if height == seal.height)
            });
            prop_assert_eq!(enacted.map(|one| one.id).collect::<Vec<_>>(), seal.enacted.clone());
            said.push((statement, placed, seal));
        }
        prop_assert_eq!(picture(&folded(&said, &world)), picture(registry(&world)));
    }
}
