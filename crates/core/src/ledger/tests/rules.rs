//! One rule a test: capture refuses the statement, and an audit refuses the block that has it.

use p256::elliptic_curve::PrimeField;
use serde_json::json;

use super::world::{PROVIDER, World, certificate, document, event, participant, public, secret, sign_admin_for};
use crate::consortium::{Admin, Refusal, SignerRefusal};
use crate::ledger::{Candidate, InvalidReason, PlaceRefusal, Rules, validate};
use crate::limits::{EVENT_TIME_AHEAD_MS_MAX, IAT_AGE_SECONDS_MAX, IAT_AHEAD_SECONDS_MAX};
use crate::merkle::LeafIndex;
use crate::statement::{Signature, StatementError, SubmittedStatement, sign};
use crate::time::Timestamp;

/// The refusal of a block whose last statement breaks a rule. The state is as it was.
fn in_a_block(world: &mut World, statements: &[SubmittedStatement]) -> InvalidReason {
    // What an earlier step has staged is not part of the state.
    world.state.roll_back();
    let body = world.body(statements);
    let (root, size) = (world.state.root(), world.state.size());
    let before = world.state.clone().index.root();
    let invalid = validate(Rules::FIRST, &mut world.state, &world.seen, &body, PROVIDER).unwrap_err();
    assert_eq!((world.state.root(), world.state.size(), world.state.index.root()), (root, size, before));
    let last = size.get() + statements.len() as u64 - 1;
    assert_eq!(invalid.leaf, LeafIndex::new(last).unwrap(), "{invalid}");
    *invalid.reason
}

/// The refusal where the statement comes in, which must be the one in a block too.
macro_rules! assert_refused {
    ($world:expr, $statement:expr, $refusal:pat) => {{
        let statement = $statement;
        let refused = $world.candidate(statement.clone()).unwrap_err();
        assert!(matches!(&refused, $refusal), "where it comes in: {refused}");
        let refused = in_a_block(&mut $world, &[statement]);
        assert!(matches!(&refused, InvalidReason::Refused($refusal)), "in a block: {refused}");
    }};
}

#[test]
fn what_may_stand_stands_and_is_taken_in_a_block() {
    let mut world = World::with_maker();
    let statement = world.capture(1, &event(json!({})));
    let body = world.body(std::slice::from_ref(&statement));
    let block = validate(Rules::FIRST, &mut world.state, &world.seen, &body, PROVIDER).unwrap();
    assert_eq!((block.seal, block.captures, block.events), (body.seal, 1, 1));
    let candidate = world.candidate(statement).unwrap();
    assert!(!world.extend(vec![candidate]).pop().unwrap().unwrap().repeated);
}

#[test]
fn audience_a_statement_for_another_ledger_is_refused() {
    let mut world = World::with_maker();
    let payload = document(&[event(json!({}))]).to_string();
    let draft = world.draft(1, "ledger.example/another", world.next_place().time, payload.as_bytes()).unwrap();
    assert_refused!(world, sign(draft, &secret(1)), PlaceRefusal::Statement(StatementError::WrongAudience { .. }));
    let admin = sign_admin_for("ledger.example/another", b"{}", world.now, super::world::MEMBER);
    assert_refused!(world, admin, PlaceRefusal::Statement(StatementError::WrongAudience { .. }));
}

#[test]
fn signature_one_by_another_key_is_refused() {
    let mut world = World::with_maker();
    let payload = document(&[event(json!({}))]).to_string();
    let time = world.next_place().time;
    let forged = |seed| {
        let draft = world.draft(1, world.origin(), time, payload.as_bytes()).unwrap();
        let signature = Signature::sign(&secret(seed), draft.signing_input().as_bytes());
        draft.with_signature(signature)
    };
    let statement = forged(2);
    assert_refused!(world, statement, PlaceRefusal::Statement(StatementError::BadSignature));
    let right =
        world.sign_admin(&Admin::Registration(Box::new(World::registration(2, "shipper", &[]))).to_payload(), 200);
    let by = |seed: u8| {
        let text = right.compact().rsplit_once('.').unwrap().0;
        let signature = Signature::sign(&secret(seed), text.as_bytes());
        SubmittedStatement::parse(format!("{text}.{signature}").as_bytes()).unwrap()
    };
    assert!(world.candidate(by(200)).is_ok());
    assert_refused!(world, by(7), PlaceRefusal::Statement(StatementError::BadSignature));
}

#[test]
fn signer_a_stranger_a_revoked_one_and_an_expired_one_are_refused() {
    let mut world = World::with_maker();
    let stranger = world.capture(9, &event(json!({})));
    assert_refused!(world, stranger, PlaceRefusal::Signer(SignerRefusal::Unknown { .. }));
    // It comes in while its signer is in force, and gets its place when it no longer is.
    let statement = world.capture(1, &event(json!({})));
    let early = world.candidate(statement.clone()).unwrap();
    world.revoke(1);
    let refused = world.extend(vec![early]).pop().unwrap().unwrap_err();
    assert!(matches!(refused, PlaceRefusal::Signer(SignerRefusal::Revoked { .. })), "{refused}");
    assert_refused!(world, statement, PlaceRefusal::Signer(SignerRefusal::Revoked { .. }));

    let mut world = World::with_maker();
    world.now = "2027-02-01T00:00:00Z".parse().unwrap();
    let late = world.capture(1, &event(json!({})));
    assert_refused!(world, late, PlaceRefusal::Signer(SignerRefusal::Expired { .. }));
}

#[test]
fn signer_in_the_block_that_registers_it_is_taken_after_its_registration_alone() {
    let mut world = World::new("ledger.example/rules");
    let registration = Admin::Registration(Box::new(World::registration(1, "manufacturer", &["9506000"])));
    let admin = world.sign_admin(&registration.to_payload(), 200);
    let capture = world.capture(1, &event(json!({})));
    let refused = in_a_block(&mut world, std::slice::from_ref(&capture));
    assert!(matches!(refused, InvalidReason::Refused(PlaceRefusal::Signer(SignerRefusal::Unknown { .. }))));
    let mut body = world.body(&[admin, capture]);
    let invalid = validate(Rules::FIRST, &mut world.state, &world.seen, &body, PROVIDER).unwrap_err();
    assert!(matches!(*invalid.reason, InvalidReason::Seal { member: "previousSize" | "indexRoot" }), "{invalid}");
    // The capture alone goes first.
    body.leaves.reverse();
    let invalid = validate(Rules::FIRST, &mut world.state, &world.seen, &body, PROVIDER).unwrap_err();
    assert!(matches!(*invalid.reason, InvalidReason::Refused(PlaceRefusal::Signer(_))), "{invalid}");
}

#[test]
fn strict_epcis_a_payload_that_breaks_it_is_refused() {
    let mut world = World::with_maker();
    let wrong = world.capture(1, &event(json!({"action": "CREATE"})));
    assert_refused!(world, wrong, PlaceRefusal::Epcis(_));
    let nothing = sign(world.draft(1, world.origin(), world.next_place().time, b"{}").unwrap(), &secret(1));
    assert_refused!(world, nothing, PlaceRefusal::Epcis(_));
    let admin = world.sign_admin(b"{\"type\":\"registration\"}", 200);
    assert_refused!(world, admin, PlaceRefusal::Payload(_));
}

#[test]
fn rights_what_the_signers_roles_and_claims_do_not_allow_is_refused() {
    let mut world = World::with_maker();
    world.join(2, "shipper", &["9521000"]);
    let shipper = world.capture(2, &event(json!({})));
    assert_refused!(world, shipper, PlaceRefusal::Rights { position: 0, .. });
    let good = event(json!({"eventID": "urn:uuid:2f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10"}));
    let foreign = event(json!({"epcList": ["https://id.gs1.org/01/09521000000018/21/A1"]}));
    let second = world.capture_of(1, &[good, foreign]);
    assert_refused!(world, second, PlaceRefusal::Rights { position: 1, .. });
}

#[test]
fn identity_a_statement_stands_once_whatever_its_signature() {
    let mut world = World::with_maker();
    let statement = world.capture(1, &event(json!({})));
    let text = statement.compact().rsplit_once('.').unwrap().0.to_owned();
    // The other s of the same signature holds too.
    let twin = {
        let [r, s] = [&statement.signature().as_bytes()[..32], &statement.signature().as_bytes()[32..]];
        let s = p256::Scalar::from_repr(p256::FieldBytes::try_from(s).unwrap()).unwrap();
        let bytes = [r, (-s).to_repr().as_slice()].concat();
        let signature = Signature::from_slice(&bytes).unwrap();
        SubmittedStatement::parse(format!("{text}.{signature}").as_bytes()).unwrap()
    };
    let both = [statement.clone(), twin.clone()];
    let refused = in_a_block(&mut world, &both);
    assert!(matches!(refused, InvalidReason::Repeated { .. }), "{refused}");
    let candidates: Vec<Candidate> = both.into_iter().map(|one| world.candidate(one).unwrap()).collect();
    let answers = world.extend(candidates);
    let [first, second] = answers.as_slice() else { panic!() };
    let (first, second) = (first.as_ref().unwrap(), second.as_ref().unwrap());
    assert_eq!((first.repeated, second.repeated, second.leaf), (false, true, first.leaf));
    // Once it is final too.
    let again = world.candidate(twin.clone()).unwrap();
    assert_eq!(world.extend(vec![again]).pop().unwrap().unwrap(), *second);
    let refused = in_a_block(&mut world, &[twin]);
    assert!(matches!(refused, InvalidReason::Repeated { first: leaf } if leaf == first.leaf), "{refused}");
}

#[test]
fn contradiction_other_content_under_an_event_id_is_refused_wherever_the_first_one_stands() {
    let storing = json!({"action": "OBSERVE", "bizStep": "storing"});
    let holding = json!({"action": "OBSERVE", "bizStep": "holding"});
    let contradicts = |refused: &PlaceRefusal, at: u32, first: bool| match refused {
        PlaceRefusal::Conflict(found) => (found.position, found.first.is_some()) == (at, first),
        _ => false,
    };
    // Within one document: a repeat is none.
    let mut world = World::with_maker();
    let repeat = world.capture_of(1, &[event(storing.clone()), event(storing.clone())]);
    let candidate = world.candidate(repeat).unwrap();
    assert!(world.propose(vec![candidate]).answers[0].is_ok());
    let within = world.capture_of(1, &[event(storing.clone()), event(holding.clone())]);
    let candidate = world.candidate(within.clone()).unwrap();
    assert!(contradicts(world.propose(vec![candidate]).answers[0].as_ref().unwrap_err(), 1, false));
    let refused = in_a_block(&mut world, &[within]);
    assert!(matches!(&refused, InvalidReason::Refused(refused) if contradicts(refused, 1, false)), "{refused}");

    // Within one block.
    let (first, second) = (world.capture(1, &event(storing.clone())), world.capture(1, &event(holding.clone())));
    let candidates = vec![world.candidate(first.clone()).unwrap(), world.candidate(second.clone()).unwrap()];
    let answers = world.propose(candidates).answers;
    assert!(answers[0].is_ok() && contradicts(answers[1].as_ref().unwrap_err(), 0, true));
    let refused = in_a_block(&mut world, &[first.clone(), second.clone()]);
    assert!(matches!(&refused, InvalidReason::Refused(refused) if contradicts(refused, 0, true)), "{refused}");

    // Against a final block; another participant's eventID is another.
    let candidate = world.candidate(first).unwrap();
    world.extend(vec![candidate]);
    let candidate = world.candidate(second.clone()).unwrap();
    assert!(contradicts(world.propose(vec![candidate]).answers[0].as_ref().unwrap_err(), 0, true));
    let refused = in_a_block(&mut world, &[second]);
    assert!(matches!(&refused, InvalidReason::Refused(refused) if contradicts(refused, 0, true)), "{refused}");
    world.join(2, "shipper", &[]);
    let other = world.capture(2, &event(holding));
    let candidate = world.candidate(other).unwrap();
    assert!(world.extend(vec![candidate])[0].is_ok());
}

#[test]
fn contradiction_an_error_declaration_sets_nothing_and_contradicts_nothing() {
    let mut world = World::with_maker();
    let storing = json!({"action": "OBSERVE", "bizStep": "storing"});
    let holding = json!({"action": "OBSERVE", "bizStep": "holding"});
    let declared = json!({"action": "OBSERVE", "bizStep": "picking",
        "errorDeclaration": {"declarationTime": "2026-03-02T08:00:00Z"}});
    for one in [declared.clone(), storing.clone(), declared, storing] {
        let candidate = world.candidate(world.capture(1, &event(one))).unwrap();
        assert!(world.extend(vec![candidate])[0].is_ok());
        world.now = world.now.plus_millis(5_000);
    }
    let candidate = world.candidate(world.capture(1, &event(holding))).unwrap();
    assert!(matches!(world.propose(vec![candidate]).answers[0], Err(PlaceRefusal::Conflict(_))));
}

#[test]
fn iat_more_than_five_minutes_ahead_or_seven_days_old_by_the_blocks_time_is_refused() {
    let mut world = World::with_maker();
    let payload = document(&[event(json!({}))]).to_string();
    let time = world.next_place().time;
    let at = |world: &World, seconds: i64| {
        let iat = time.plus_millis(1_000 * seconds);
        sign(world.draft(1, world.origin(), iat, payload.as_bytes()).unwrap(), &secret(1))
    };
    for good in [IAT_AHEAD_SECONDS_MAX, -IAT_AGE_SECONDS_MAX] {
        let statement = at(&world, good);
        let body = world.body(std::slice::from_ref(&statement));
        assert!(world.candidate(statement).is_ok());
        assert!(validate(Rules::FIRST, &mut world.state, &world.seen, &body, PROVIDER).is_ok());
    }
    let (ahead, old) = (at(&world, IAT_AHEAD_SECONDS_MAX + 1), at(&world, -IAT_AGE_SECONDS_MAX - 1));
    assert_refused!(world, ahead, PlaceRefusal::IssuedAhead { .. });
    assert_refused!(world, old, PlaceRefusal::IssuedLongAgo { .. });
    // A decision of a member too.
    let admin = Admin::Registration(Box::new(World::registration(2, "shipper", &[]))).to_payload();
    let old = sign_admin_for(world.origin(), &admin, time.plus_millis(-1_000 * (IAT_AGE_SECONDS_MAX + 1)), 200);
    assert_refused!(world, old, PlaceRefusal::IssuedLongAgo { .. });
    // It comes in in time, and gets its place too late.
    let candidate = world.candidate(at(&world, -IAT_AGE_SECONDS_MAX)).unwrap();
    world.now = world.now.plus_millis(2_000);
    assert!(matches!(world.propose(vec![candidate]).answers[0], Err(PlaceRefusal::IssuedLongAgo { .. })));
}

#[test]
fn event_times_more_than_a_day_ahead_of_the_block_are_refused() {
    let mut world = World::with_maker();
    let time = world.next_place().time;
    let at = |ahead_ms: i64| -> Timestamp { time.plus_millis(ahead_ms) };
    let good = world.capture(1, &event(json!({"eventTime": at(EVENT_TIME_AHEAD_MS_MAX)})));
    assert!(world.candidate(good).is_ok());
    let second = event(
        json!({"eventTime": at(EVENT_TIME_AHEAD_MS_MAX + 1), "eventID": "urn:uuid:2f0c1f6e-6d0b-4a57-9a35-0f4a3a1c7f10"}),
    );
    let wrong = world.capture_of(1, &[event(json!({})), second]);
    assert_refused!(world, wrong, PlaceRefusal::EventAhead { position: 1, .. });
    // The clock is set back between the two.
    let candidate =
        world.candidate(world.capture(1, &event(json!({"eventTime": at(EVENT_TIME_AHEAD_MS_MAX)})))).unwrap();
    world.now = world.now.plus_millis(-1);
    assert!(matches!(world.propose(vec![candidate]).answers[0], Err(PlaceRefusal::EventAhead { .. })));
}

#[test]
fn certificates_that_are_not_what_was_asked_for_are_refused() {
    let world = World::with_maker();
    let right = || World::registration(2, "shipper", &[]);
    let mut wrong: Vec<(&str, crate::consortium::Registration)> = Vec::new();
    for what in ["key", "request", "validity", "participant", "bytes"] {
        let mut one = right();
        match what {
            "key" => one.certificate.jwk = public(3),
            "request" => one.request = public(3).jwk().to_string().into_bytes(),
            "validity" => one.certificate.not_after = one.certificate.not_after.plus_millis(1),
            "participant" => one.certificate.x509 = certificate(3, 2).x509,
            _ => one.certificate.x509 = b"none".to_vec(),
        }
        wrong.push((what, one));
    }
    for (what, one) in wrong {
        let mut world = World::with_maker();
        let statement = world.sign_admin(&Admin::Registration(Box::new(one)).to_payload(), 200);
        let refused = world.candidate(statement.clone()).unwrap_err();
        assert!(matches!(refused, PlaceRefusal::Certificate(_)), "{what}: {refused}");
        let refused = in_a_block(&mut world, &[statement]);
        assert!(matches!(refused, InvalidReason::Refused(PlaceRefusal::Certificate(_))), "{what}: {refused}");
    }
    let statement = world.sign_admin(&Admin::Registration(Box::new(right())).to_payload(), 200);
    assert!(world.candidate(statement).is_ok());
}

#[test]
fn decisions_that_may_not_stand_are_refused() {
    let mut world = World::with_maker();
    let again = Admin::Registration(Box::new(World::registration(1, "shipper", &[]))).to_payload();
    let statement = world.sign_admin(&again, 200);
    let candidate = world.candidate(statement.clone()).unwrap();
    let refused = world.propose(vec![candidate]).answers.pop().unwrap().unwrap_err();
    assert!(matches!(refused, PlaceRefusal::Admin(Refusal::AlreadyRegistered { .. })), "{refused}");
    let refused = in_a_block(&mut world, &[statement]);
    assert!(matches!(refused, InvalidReason::Refused(PlaceRefusal::Admin(Refusal::AlreadyRegistered { .. }))));
    let by_a_stranger = world.sign_admin(&again, 7);
    assert_refused!(world, by_a_stranger, PlaceRefusal::Admin(Refusal::NotAMember { .. }));
    let second_genesis = SubmittedStatement::parse(world.anchor.statement().compact().as_bytes()).unwrap();
    let refused = in_a_block(&mut world, &[second_genesis]);
    assert!(matches!(refused, InvalidReason::Repeated { .. }), "{refused}");
    let rejection = json!({"type": "rejection", "participant": participant(1), "key": public(1).thumbprint(),
        "reason": "no"});
    let rejection = world.sign_admin(rejection.to_string().as_bytes(), 200);
    let refused = in_a_block(&mut world, &[rejection]);
    assert!(matches!(refused, InvalidReason::Refused(PlaceRefusal::Admin(Refusal::Rejection))), "{refused}");
}
