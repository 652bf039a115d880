//! One rule a function, each tried twice: as the rule meets a statement that comes in (`capture`), and as it meets a block that
//! another member made (`audit`).

use p256::elliptic_curve::PrimeField;
use serde_json::{Value, json};

use super::world::{PROVIDER, World, certificate, document, event, participant, public, secret, sign_admin_for};
use crate::consortium::{Admin, Refusal, SignerRefusal};
use crate::ledger::{Candidate, InvalidReason, PlaceRefusal, validate};
use crate::limits::{EVENT_TIME_AHEAD_MS_MAX, IAT_AGE_SECONDS_MAX, IAT_AHEAD_SECONDS_MAX};
use crate::merkle::LeafIndex;
use crate::statement::{Signature, StatementError, SubmittedStatement, sign};
use crate::time::Timestamp;

macro_rules! on_both_sides {
    ($($rule:ident),+ $(,)?) => {
        mod capture {
            use super::Side;
            $(#[test] fn $rule() { super::$rule(Side::Capture) })+
        }
        mod audit {
            use super::Side;
            $(#[test] fn $rule() { super::$rule(Side::Audit) })+
        }
    };
}

pub(super) use on_both_sides;

on_both_sides!(
    audience_of_another_ledger,
    signature_by_another_key,
    signer_stranger,
    signer_revoked,
    signer_expired,
    strict_epcis,
    rights,
    identity,
    identity_of_a_final_statement,
    contradiction_within_a_document,
    contradiction_within_a_block,
    contradiction_of_a_final_event,
    nothing_new_in_a_block,
    nothing_new_after_a_final_event,
    a_nameless_event_never_contradicts,
    iat,
    event_times,
    certificates,
    decisions,
);

/// Where a statement meets the rules.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    /// It comes in, and is offered to the next block of one's own.
    Capture,
    /// It is in a block that another member made.
    Audit,
}

/// What became of the last statement.
#[derive(Debug)]
pub(super) enum Outcome {
    Stands,
    Repeats(LeafIndex),
    Refused(PlaceRefusal),
}

impl Side {
    /// Offers statements as one block, of which all but the last may stand. The state is then as it was.
    pub(super) fn meets(self, world: &mut World, statements: &[SubmittedStatement]) -> Outcome {
        // What an earlier step has staged is not part of the state.
        world.state.roll_back();
        let before = (world.state.root(), world.state.size(), world.state.clone().index.root());
        let outcome = match self {
            Side::Capture => captured(world, statements),
            Side::Audit => audited(world, statements),
        };
        world.state.roll_back();
        assert_eq!((world.state.root(), world.state.size(), world.state.clone().index.root()), before);
        outcome
    }
}

fn captured(world: &mut World, statements: &[SubmittedStatement]) -> Outcome {
    let (last, others) = statements.split_last().unwrap();
    let mut candidates: Vec<Candidate> = others.iter().map(|one| world.candidate(one.clone()).unwrap()).collect();
    match world.candidate(last.clone()) {
        Ok(candidate) => candidates.push(candidate),
        Err(refusal) => return Outcome::Refused(refusal),
    }
    let mut answers = world.propose(candidates).answers;
    let answer = answers.pop().unwrap();
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    match answer {
        Ok(placed) if placed.repeated => Outcome::Repeats(placed.leaf),
        Ok(_) => Outcome::Stands,
        Err(refusal) => Outcome::Refused(refusal),
    }
}

fn audited(world: &mut World, statements: &[SubmittedStatement]) -> Outcome {
    let body = world.body(statements);
    let last = LeafIndex::new(world.state.size().get() + statements.len() as u64 - 1).unwrap();
    let invalid = match validate(&mut world.state, &world.seen, body.clone(), PROVIDER) {
        Ok(block) => {
            assert_eq!(block.seal, body.seal);
            return Outcome::Stands;
        }
        Err(invalid) => invalid,
    };
    let outcome = match *invalid.reason {
        InvalidReason::Refused(refusal) => Outcome::Refused(refusal),
        InvalidReason::Repeated { first } => Outcome::Repeats(first),
        other => panic!("{other}"),
    };
    assert_eq!(invalid.leaf, last, "{outcome:?}");
    outcome
}

/// Asserts that a rule refuses the last of some statements.
macro_rules! assert_refused {
    ($side:expr, $world:expr, $statements:expr, $refusal:pat $(if $guard:expr)?) => {{
        let statements = &$statements;
        let outcome = $side.meets(&mut $world, statements);
        assert!(matches!(&outcome, super::rules::Outcome::Refused($refusal) $(if $guard)?), "{outcome:?}");
    }};
}

pub(super) use assert_refused;

pub(super) fn stands(side: Side, world: &mut World, statement: &SubmittedStatement) -> bool {
    matches!(side.meets(world, std::slice::from_ref(statement)), Outcome::Stands)
}

/// Makes a block of a statement final.
pub(super) fn make_final(world: &mut World, statement: &SubmittedStatement) -> LeafIndex {
    let candidate = world.candidate(statement.clone()).unwrap();
    let placed = world.extend(vec![candidate]).pop().unwrap().unwrap();
    assert!(!placed.repeated);
    placed.leaf
}

fn audience_of_another_ledger(side: Side) {
    let mut world = World::with_maker();
    let payload = document(&[event(json!({}))]).to_string();
    let draft = world.draft(1, "ledger.example/another", world.next_place().time, payload.as_bytes()).unwrap();
    let statement = sign(draft, &secret(1));
    assert_refused!(side, world, [statement], PlaceRefusal::Statement(StatementError::WrongAudience { .. }));
    let admin = sign_admin_for("ledger.example/another", b"{}", world.now, super::world::MEMBER);
    assert_refused!(side, world, [admin], PlaceRefusal::Statement(StatementError::WrongAudience { .. }));
}

fn signature_by_another_key(side: Side) {
    let mut world = World::with_maker();
    let payload = document(&[event(json!({}))]).to_string();
    let time = world.next_place().time;
    let draft = world.draft(1, world.origin(), time, payload.as_bytes()).unwrap();
    let signature = Signature::sign(&secret(2), draft.signing_input().as_bytes());
    let forged = draft.with_signature(signature);
    assert_refused!(side, world, [forged], PlaceRefusal::Statement(StatementError::BadSignature));
    let right =
        world.sign_admin(&Admin::Registration(Box::new(World::registration(2, "shipper", &[]))).to_payload(), 200);
    let by = |seed: u8| {
        let text = right.compact().rsplit_once('.').unwrap().0;
        let signature = Signature::sign(&secret(seed), text.as_bytes());
        SubmittedStatement::parse(format!("{text}.{signature}").as_bytes()).unwrap()
    };
    assert!(stands(side, &mut world, &by(200)));
    assert_refused!(side, world, [by(7)], PlaceRefusal::Statement(StatementError::BadSignature));
}

fn signer_stranger(side: Side) {
    let mut world = World::with_maker();
    let stranger = world.capture(9, &event(json!({})));
    assert_refused!(side, world, [stranger], PlaceRefusal::Signer(SignerRefusal::Unknown { .. }));
}

fn signer_revoked(side: Side) {
    let mut world = World::with_maker();
    let statement = world.capture(1, &event(json!({})));
    assert!(stands(side, &mut world, &statement));
    world.revoke(1);
    assert_refused!(side, world, [statement], PlaceRefusal::Signer(SignerRefusal::Revoked { .. }));
}

fn signer_expired(side: Side) {
    let mut world = World::with_maker();
    world.now = "2027-02-01T00:00:00Z".parse().unwrap();
    let late = world.capture(1, &event(json!({})));
    assert_refused!(side, world, [late], PlaceRefusal::Signer(SignerRefusal::Expired { .. }));
}

fn strict_epcis(side: Side) {
    let mut world = World::with_maker();
    let wrong = world.capture(1, &event(json!({"action": "CREATE"})));
    assert_refused!(side, world, [wrong], PlaceRefusal::Epcis(_));
    // An older spelling, which a reader of what others have published takes.
    let mut older = event(json!({"isA": "ObjectEvent"}));
    older.as_object_mut().unwrap().remove("type");
    let older = world.capture(1, &older);
    assert_refused!(side, world, [older], PlaceRefusal::Epcis(_));
    let nothing = sign(world.draft(1, world.origin(), world.next_place().time, b"{}").unwrap(), &secret(1));
    assert_refused!(side, world, [nothing], PlaceRefusal::Epcis(_));
    let admin = world.sign_admin(b"{\"type\":\"registration\"}", 200);
    assert_refused!(side, world, [admin], PlaceRefusal::Payload(_));
}

fn rights(side: Side) {
    let mut world = World::with_maker();
    world.join(2, "shipper", &["9521000"]);
    let shipper = world.capture(2, &event(json!({})));
    assert_refused!(side, world, [shipper], PlaceRefusal::Rights { position: 0, .. });
    let good = event(json!({"eventID": "urn:uuid:2f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10"}));
    let foreign = event(json!({"epcList": ["https://id.gs1.org/01/09521000000018/21/A1"]}));
    let second = world.capture_of(1, &[good, foreign]);
    assert_refused!(side, world, [second], PlaceRefusal::Rights { position: 1, .. });
}

/// A statement, and the same one with the other `s` of its signature, which holds too.
fn twins(world: &World) -> [SubmittedStatement; 2] {
    let statement = world.capture(1, &event(json!({})));
    let text = statement.compact().rsplit_once('.').unwrap().0.to_owned();
    let [r, s] = [&statement.signature().as_bytes()[..32], &statement.signature().as_bytes()[32..]];
    let s = p256::Scalar::from_repr(p256::FieldBytes::try_from(s).unwrap()).unwrap();
    let signature = Signature::from_slice(&[r, (-s).to_repr().as_slice()].concat()).unwrap();
    let twin = SubmittedStatement::parse(format!("{text}.{signature}").as_bytes()).unwrap();
    [statement, twin]
}

fn identity(side: Side) {
    let mut world = World::with_maker();
    let both = twins(&world);
    let first = world.state.size().next_index();
    let outcome = side.meets(&mut world, &both);
    assert!(matches!(outcome, Outcome::Repeats(leaf) if leaf == first), "{outcome:?}");
}

fn identity_of_a_final_statement(side: Side) {
    let mut world = World::with_maker();
    let [statement, twin] = twins(&world);
    let first = make_final(&mut world, &statement);
    for again in [twin, statement] {
        let outcome = side.meets(&mut world, &[again]);
        assert!(matches!(outcome, Outcome::Repeats(leaf) if leaf == first), "{outcome:?}");
    }
}

fn observing(step: &str) -> Value {
    event(json!({"action": "OBSERVE", "bizStep": step}))
}

fn contradiction_within_a_document(side: Side) {
    let mut world = World::with_maker();
    let repeat = world.capture_of(1, &[observing("storing"), observing("storing")]);
    assert!(stands(side, &mut world, &repeat));
    let within = world.capture_of(1, &[observing("storing"), observing("holding")]);
    assert_refused!(side, world, [within], PlaceRefusal::Conflict(found) if (found.position, found.first) == (1, None));
}

fn contradiction_within_a_block(side: Side) {
    let mut world = World::with_maker();
    let both = [world.capture(1, &observing("storing")), world.capture(1, &observing("holding"))];
    let first = Some(world.state.size().next_index());
    assert_refused!(side, world, both, PlaceRefusal::Conflict(found) if (found.position, found.first) == (0, first));
}

fn contradiction_of_a_final_event(side: Side) {
    let mut world = World::with_maker();
    let (first, second) = (world.capture(1, &observing("storing")), world.capture(1, &observing("holding")));
    let leaf = Some(make_final(&mut world, &first));
    assert_refused!(side, world, [second], PlaceRefusal::Conflict(found) if (found.position, found.first) == (0, leaf));
    // Another participant's eventID is another.
    world.join(2, "shipper", &[]);
    let other = world.capture(2, &observing("holding"));
    assert!(stands(side, &mut world, &other));
}

fn nothing_new_in_a_block(side: Side) {
    let mut world = World::with_maker();
    let first = world.state.size().next_index();
    let other = event(json!({"action": "OBSERVE", "bizStep": "holding", "eventID": "urn:x:2"}));
    let both =
        [world.capture(1, &observing("storing")), world.capture_of(1, &[observing("storing"), observing("storing")])];
    assert_refused!(side, world, both, PlaceRefusal::Repeats { events: 2, first: leaf } if *leaf == first);
    // One new event is enough.
    let mixed = [world.capture(1, &observing("storing")), world.capture_of(1, &[observing("storing"), other])];
    assert!(matches!(side.meets(&mut world, &mixed), Outcome::Stands));
}

fn nothing_new_after_a_final_event(side: Side) {
    let mut world = World::with_maker();
    let first = world.capture(1, &observing("storing"));
    let leaf = make_final(&mut world, &first);
    // Other bytes of the same meaning: the id by its URN, a comment, an empty list.
    let again =
        event(json!({"action": "OBSERVE", "bizStep": "storing", "rdfs:comment": "again", "bizTransactionList": [],
        "eventTime": "2026-03-01T09:00:00+01:00"}));
    let again = world.capture(1, &again);
    assert_refused!(side, world, [again], PlaceRefusal::Repeats { events: 1, first: found } if *found == leaf);
    // The same from another participant is that one's own word.
    world.join(2, "shipper", &[]);
    let other = world.capture(2, &observing("storing"));
    assert!(stands(side, &mut world, &other));
    let declared = event(json!({"action": "OBSERVE", "bizStep": "storing",
        "errorDeclaration": {"declarationTime": "2026-03-02T08:00:00Z"}}));
    let declared = world.capture(1, &declared);
    assert!(stands(side, &mut world, &declared), "a declaration of an error repeats nothing");
}

fn a_nameless_event_never_contradicts(side: Side) {
    let mut world = World::with_maker();
    let nameless = |step: &str| {
        let mut event = observing(step);
        event.as_object_mut().unwrap().remove("eventID");
        event
    };
    let first = world.capture(1, &nameless("storing"));
    let leaf = make_final(&mut world, &first);
    let other = world.capture(1, &nameless("holding"));
    assert!(stands(side, &mut world, &other));
    let again = world.capture_of(1, &[nameless("storing")]);
    let mut named = nameless("storing");
    named["eventID"] = json!("urn:x:named");
    let named = world.capture(1, &named);
    assert!(stands(side, &mut world, &named), "its sender names it, as another event");
    let commented = world.capture(1, &{
        let mut event = nameless("storing");
        event["rdfs:comment"] = json!("sent again");
        event
    });
    assert_refused!(side, world, [commented], PlaceRefusal::Repeats { events: 1, first: found } if *found == leaf);
    assert_refused!(side, world, [again], PlaceRefusal::Repeats { .. });
}

fn iat(side: Side) {
    let mut world = World::with_maker();
    let payload = document(&[event(json!({}))]).to_string();
    let time = world.next_place().time;
    let at = |world: &World, seconds: i64| {
        let iat = time.plus_millis(1_000 * seconds);
        sign(world.draft(1, world.origin(), iat, payload.as_bytes()).unwrap(), &secret(1))
    };
    for good in [IAT_AHEAD_SECONDS_MAX, -IAT_AGE_SECONDS_MAX] {
        let statement = at(&world, good);
        assert!(stands(side, &mut world, &statement));
    }
    let (ahead, old) = (at(&world, IAT_AHEAD_SECONDS_MAX + 1), at(&world, -IAT_AGE_SECONDS_MAX - 1));
    assert_refused!(side, world, [ahead], PlaceRefusal::IssuedAhead { .. });
    assert_refused!(side, world, [old], PlaceRefusal::IssuedLongAgo { .. });
    // A decision of a member too.
    let admin = Admin::Registration(Box::new(World::registration(2, "shipper", &[]))).to_payload();
    let old = sign_admin_for(world.origin(), &admin, time.plus_millis(-1_000 * (IAT_AGE_SECONDS_MAX + 1)), 200);
    assert_refused!(side, world, [old], PlaceRefusal::IssuedLongAgo { .. });
}

fn event_times(side: Side) {
    let mut world = World::with_maker();
    let time = world.next_place().time;
    let at = |ahead_ms: i64| -> Timestamp { time.plus_millis(ahead_ms) };
    let good = world.capture(1, &event(json!({"eventTime": at(EVENT_TIME_AHEAD_MS_MAX)})));
    assert!(stands(side, &mut world, &good));
    let second = event(
        json!({"eventTime": at(EVENT_TIME_AHEAD_MS_MAX + 1), "eventID": "urn:uuid:2f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10"}),
    );
    let wrong = world.capture_of(1, &[event(json!({})), second]);
    assert_refused!(side, world, [wrong], PlaceRefusal::EventAhead { position: 1, .. });
}

fn certificates(side: Side) {
    let mut world = World::with_maker();
    let right = || World::registration(2, "shipper", &[]);
    for what in ["key", "request", "validity", "participant", "bytes"] {
        let mut one = right();
        match what {
            "key" => one.certificate.jwk = public(3),
            "request" => one.request = public(3).jwk().to_string().into_bytes(),
            "validity" => one.certificate.not_after = one.certificate.not_after.plus_millis(1),
            "participant" => one.certificate.x509 = certificate(3, 2).x509,
            _ => one.certificate.x509 = b"none".to_vec(),
        }
        let statement = world.sign_admin(&Admin::Registration(Box::new(one)).to_payload(), 200);
        let outcome = side.meets(&mut world, &[statement]);
        assert!(matches!(outcome, Outcome::Refused(PlaceRefusal::Certificate(_))), "{what}: {outcome:?}");
    }
    let statement = world.sign_admin(&Admin::Registration(Box::new(right())).to_payload(), 200);
    assert!(stands(side, &mut world, &statement));
}

fn decisions(side: Side) {
    let mut world = World::with_maker();
    let again = Admin::Registration(Box::new(World::registration(1, "shipper", &[]))).to_payload();
    let statement = world.sign_admin(&again, 200);
    assert_refused!(side, world, [statement], PlaceRefusal::Admin(Refusal::AlreadyRegistered { .. }));
    let by_a_stranger = world.sign_admin(&again, 7);
    assert_refused!(side, world, [by_a_stranger], PlaceRefusal::Admin(Refusal::NotAMember { .. }));
    let second_genesis = SubmittedStatement::parse(world.anchor.statement().compact().as_bytes()).unwrap();
    let outcome = side.meets(&mut world, &[second_genesis]);
    assert!(matches!(outcome, Outcome::Repeats(leaf) if leaf.get() == 0), "{outcome:?}");
    let rejection = json!({"type": "rejection", "participant": participant(1), "key": public(1).thumbprint(),
        "reason": "no"});
    let rejection = world.sign_admin(rejection.to_string().as_bytes(), 200);
    assert_refused!(side, world, [rejection], PlaceRefusal::Admin(Refusal::Rejection));
}

/// A candidate comes in while it may stand, and gets its place when it no longer may.
#[test]
fn what_changes_between_arrival_and_place_is_asked_again() {
    let refusal = |world: &mut World, early: Candidate| world.propose(vec![early]).answers.pop().unwrap().unwrap_err();
    let mut world = World::with_maker();
    let early = world.candidate(world.capture(1, &event(json!({})))).unwrap();
    world.revoke(1);
    let refused = refusal(&mut world, early);
    assert!(matches!(refused, PlaceRefusal::Signer(SignerRefusal::Revoked { .. })), "{refused}");

    let mut world = World::with_maker();
    let time = world.next_place().time;
    let payload = document(&[event(json!({}))]).to_string();
    let oldest = time.plus_millis(-1_000 * IAT_AGE_SECONDS_MAX);
    let old = sign(world.draft(1, world.origin(), oldest, payload.as_bytes()).unwrap(), &secret(1));
    let early = world.candidate(old).unwrap();
    world.now = world.now.plus_millis(2_000);
    let refused = refusal(&mut world, early);
    assert!(matches!(refused, PlaceRefusal::IssuedLongAgo { .. }), "{refused}");

    // The clock is set back between the two.
    let mut world = World::with_maker();
    let ahead = world.next_place().time.plus_millis(EVENT_TIME_AHEAD_MS_MAX);
    let early = world.candidate(world.capture(1, &event(json!({"eventTime": ahead})))).unwrap();
    world.now = world.now.plus_millis(-1);
    let refused = refusal(&mut world, early);
    assert!(matches!(refused, PlaceRefusal::EventAhead { .. }), "{refused}");
}

#[test]
fn a_repeat_is_told_the_place_that_it_has() {
    let mut world = World::with_maker();
    let both = twins(&world).map(|one| world.candidate(one).unwrap());
    let answers = world.extend(both.into());
    let [first, second] = answers.as_slice() else { panic!() };
    let (first, second) = (first.as_ref().unwrap(), second.as_ref().unwrap());
    assert_eq!((first.repeated, second.repeated, second.leaf), (false, true, first.leaf));
}

#[test]
fn signer_in_the_block_that_registers_it_is_taken_after_its_registration_alone() {
    let mut world = World::new("ledger.example/rules");
    let registration = Admin::Registration(Box::new(World::registration(1, "manufacturer", &["9506000"])));
    let admin = world.sign_admin(&registration.to_payload(), 200);
    let capture = world.capture(1, &event(json!({})));
    let alone = std::slice::from_ref(&capture);
    assert_refused!(Side::Audit, world, *alone, PlaceRefusal::Signer(SignerRefusal::Unknown { .. }));
    let mut body = world.body(&[admin, capture]);
    let invalid = validate(&mut world.state, &world.seen, body.clone(), PROVIDER).unwrap_err();
    assert!(matches!(*invalid.reason, InvalidReason::Seal { member: "previousSize" | "indexRoot" }), "{invalid}");
    // The capture alone goes first.
    body.leaves.reverse();
    let invalid = validate(&mut world.state, &world.seen, body.clone(), PROVIDER).unwrap_err();
    assert!(matches!(*invalid.reason, InvalidReason::Refused(PlaceRefusal::Signer(_))), "{invalid}");
}

#[test]
fn contradiction_an_error_declaration_sets_nothing_and_contradicts_nothing() {
    let mut world = World::with_maker();
    let storing = json!({"action": "OBSERVE", "bizStep": "storing"});
    let holding = json!({"action": "OBSERVE", "bizStep": "holding"});
    let declared = json!({"action": "OBSERVE", "bizStep": "picking",
        "errorDeclaration": {"declarationTime": "2026-03-02T08:00:00Z"}});
    for one in [declared.clone(), storing.clone(), declared] {
        let candidate = world.candidate(world.capture(1, &event(one))).unwrap();
        assert!(world.extend(vec![candidate])[0].is_ok());
        world.now = world.now.plus_millis(5_000);
    }
    let candidate = world.candidate(world.capture(1, &event(holding))).unwrap();
    assert!(matches!(world.propose(vec![candidate]).answers[0], Err(PlaceRefusal::Conflict(_))));
    let candidate = world.candidate(world.capture(1, &event(storing))).unwrap();
    assert!(matches!(world.propose(vec![candidate]).answers[0], Err(PlaceRefusal::Repeats { .. })));
}
