//! Each rule of the fold: what may stand at a place, by statements that do and the nearest ones that do not.

use p256::ecdsa::SigningKey;
use serde_json::{Value, json};

use super::*;
use crate::block::{Member, NoteSigningKey};
use crate::consortium::admin::{CertificateRecord, Registration, Renewal, Revocation, renewal_consent};
use crate::consortium::participant::{Revoked, RevokedBy};
use crate::consortium::{Rejection, Standing};
use crate::gs1::Id;
use crate::statement::{P256, Signature};

const ORIGIN: &str = "ledger.example/test";
const MEMBER: u8 = 200;
const NOW: &str = "2026-02-01T00:00:00.000Z";

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

fn key(seed: u8) -> PublicKey {
    PublicKey::from(signing_key(seed).verifying_key())
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn leaf(leaf: u64) -> LeafIndex {
    LeafIndex::new(leaf).unwrap()
}

fn place(at: u64) -> Place {
    Place { leaf: leaf(at), time: time(NOW) }
}

fn participant(number: u8) -> ParticipantId {
    format!("00000000-0000-4000-8000-{number:012}").parse().unwrap()
}

fn genesis() -> Genesis {
    let note_key = NoteSigningKey::from_seed(&[MEMBER; 32]).public();
    let members = MemberSet::new(vec![Member::new("Member", key(MEMBER), note_key).unwrap()]).unwrap();
    Genesis::new(ORIGIN.parse().unwrap(), members, Vec::new(), time("2026-01-01T00:00:00Z"))
}

/// A certificate of this number's key, of the year 2026.
fn certificate(number: u8) -> CertificateRecord {
    CertificateRecord {
        x509: vec![number; 8],
        jwk: key(number),
        not_before: time("2026-01-01T00:00:00Z"),
        not_after: time("2027-01-01T00:00:00Z"),
    }
}

fn registration(number: u8, [glns, prefixes, namespaces]: [Value; 3]) -> Registration {
    let claims = json!({"organization": "One", "roles": ["manufacturer"], "glns": glns,
        "gs1CompanyPrefixes": prefixes, "namespaces": namespaces});
    let claims = serde_json::from_value(claims).unwrap();
    Registration {
        participant: participant(number),
        claims,
        request: Vec::new(),
        certificate: certificate(number),
        evidence: Vec::new(),
        similar_to: Vec::new(),
    }
}

fn no_claims() -> [Value; 3] {
    [json!([]), json!([]), json!([])]
}

fn joining(registration: Registration) -> Admin {
    Admin::Registration(Box::new(registration))
}

fn revocation(number: u8) -> Admin {
    let (participant, reason) = (participant(number), "it left".to_owned());
    Admin::Revocation(Revocation { participant, reason, compromised_since: None, dismisses_claims: false })
}

/// A renewal of a participant for the key and certificate `next`, agreed to by the key of certificate `current`.
fn renewal(number: u8, current: u8, next: u8) -> Renewal {
    let request = vec![next; 5];
    let consent = renewal_consent(&ORIGIN.parse().unwrap(), &participant(number), &request);
    Renewal {
        participant: participant(number),
        consent: Signature::sign(&signing_key(current), &consent),
        request,
        current: certificate(current).thumbprint(),
        certificate: certificate(next),
    }
}

fn renewing(renewal: Renewal) -> Admin {
    Admin::Renewal(Box::new(renewal))
}

fn decision(admin: &Admin, kid: Hash, place: Place) -> Decision<'_> {
    let id = StatementId::from_hash(Hash::of(&admin.to_payload()));
    Decision { id, admin, kid, place, height: Height::new(1).unwrap() }
}

fn check_by(registry: &Registry, admin: &Admin, kid: Hash, place: Place) -> Result<(), Refusal> {
    registry.check(&decision(admin, kid, place), &P256)
}

struct Ledger(Registry, Hash);

impl Ledger {
    fn new() -> Self {
        Self(Registry::new(&genesis()), key(MEMBER).thumbprint())
    }

    fn attempt(&mut self, admin: &Admin, place: Place) -> Result<(), Refusal> {
        self.0.decide(&decision(admin, self.1, place), &P256).map(drop)
    }

    fn apply(&mut self, admin: &Admin, leaf: u64) {
        self.attempt(admin, place(leaf)).unwrap();
    }

    fn join(&mut self, number: u8, leaf: u64, claims: [Value; 3]) {
        self.apply(&joining(registration(number, claims)), leaf);
    }

    fn revoke(&mut self, number: u8, leaf: u64) {
        self.apply(&revocation(number), leaf);
    }

    /// Whom the certificate of this number speaks for at a leaf.
    fn signer(&self, number: u8, at: u64) -> Result<ParticipantId, SignerRefusal> {
        self.signer_when(number, at, NOW)
    }

    fn signer_when(&self, number: u8, at: u64, when: &str) -> Result<ParticipantId, SignerRefusal> {
        let place = Place { leaf: leaf(at), time: time(when) };
        self.0.signer_at(&certificate(number).thumbprint(), place).map(|(one, _)| one.id)
    }

    /// As who takes all statements of a ledger checks it.
    fn check(&self, admin: &Admin, place: Place) -> Result<(), Refusal> {
        check_by(&self.0, admin, self.1, place)
    }

    /// Refuses the statement, and shows that nothing has changed by it.
    fn refusal(&self, admin: &Admin) -> Refusal {
        self.refusal_when(admin, NOW)
    }

    fn refusal_when(&self, admin: &Admin, when: &str) -> Refusal {
        let mut registry = self.0.clone();
        let place = Place { leaf: leaf(90), time: time(when) };
        let refusal = registry.decide(&decision(admin, self.1, place), &P256).unwrap_err();
        assert_eq!(self.check(admin, place), Err(refusal.clone()));
        assert!(registry.participants().eq(self.0.participants()), "a refused statement changed the registry");
        assert_eq!(registry.registered_at(leaf(90)), None);
        refusal
    }
}

#[test]
fn holders_and_owners_are_those_that_a_look_at_every_claim_finds() {
    let mut ledger = Ledger::new();
    ledger.join(7, 1, [json!(["9506000134369"]), json!(["9506000"]), json!(["https://a.example/x/"])]);
    ledger.revoke(7, 2);
    // The same claims again, by one whose id comes first; and some that the revoked ones would collide with.
    ledger.join(3, 3, [json!(["9506000134369"]), json!(["95060001"]), json!(["http://a.example/"])]);
    ledger.revoke(3, 4);
    ledger.join(5, 5, [json!(["9521000000018"]), json!(["950600"]), json!(["urn:gdst:example.org:"])]);
    let texts = [
        ("https://id.gs1.org/01/09506000134352/21/A", [3, 5, 7].as_slice(), [3, 5, 7].as_slice()),
        ("https://id.gs1.org/01/09506001000007/21/A", &[5], &[5]),
        ("https://id.gs1.org/414/9506000134369", &[3, 5, 7], &[3, 5, 7]),
        ("https://id.gs1.org/414/9506000134369/254/7", &[3, 5, 7], &[3, 5, 7]),
        ("https://id.gs1.org/417/9521000000018", &[], &[5]),
        ("https://id.gs1.org/414/9521000000018", &[], &[5]),
        ("https://id.gs1.org/414/9521000000018/254/7", &[], &[]),
        ("https://a.example/x/y", &[3, 7], &[3, 7]),
        ("http://a.example/x/y", &[3, 7], &[3, 7]),
        ("https://a.example/x/", &[3], &[3]),
        ("https://a.example/y", &[3], &[3]),
        ("urn:gdst:example.org:party:farm.1", &[5], &[5]),
        ("urn:gdst:example.com:party:farm.1", &[], &[]),
    ];
    let Ledger(registry, _) = &ledger;
    for (text, holders, owners) in texts {
        let id = Id::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let ids = |found: Vec<&Participant>| found.into_iter().map(|one| one.id).collect::<Vec<_>>();
        let numbered = |numbers: &[u8]| numbers.iter().map(|number| participant(*number)).collect::<Vec<_>>();
        assert_eq!(ids(registry.holders(&id)), numbered(holders), "{text}");
        assert_eq!(ids(registry.owners(&id)), numbered(owners), "{text}");
        let by_scan =
            |hold: &dyn Fn(&Participant) -> bool| ids(registry.participants().filter(|one| hold(one)).collect());
        assert_eq!(by_scan(&|one| one.claims.cover(&id)), numbered(holders), "{text}");
        assert_eq!(by_scan(&|one| one.claims.cover(&id) || one.claims.holds_location(&id)), numbered(owners), "{text}");
        for leaf in 0..8 {
            let leaf = LeafIndex::new(leaf).unwrap();
            let first = registry.participants().find(|one| one.in_force_at(leaf) && one.claims.cover(&id));
            assert_eq!(registry.holder_at(&id, leaf), first, "{text} at {leaf:?}");
        }
    }
}

#[test]
fn only_a_member_signs_an_admin_statement() {
    let mut ledger = Ledger::new();
    ledger.join(1, 1, no_claims());
    let stranger = key(1).thumbprint();
    for admin in [joining(registration(2, no_claims())), renewing(renewal(1, 1, 3)), revocation(1)] {
        let refused = ledger.0.decide(&decision(&admin, stranger, place(2)), &P256);
        assert_eq!(refused, Err(Refusal::NotAMember { kid: stranger }), "{}", admin.type_name());
        assert_eq!(ledger.check(&admin, place(2)), Ok(()), "{}", admin.type_name());
    }
    assert_eq!(ledger.0.participants().count(), 1);
    assert_eq!(ledger.0.participant(&participant(1)).unwrap().revoked, None);
}

#[test]
fn a_second_genesis_and_a_rejection_never_stand_on_the_ledger() {
    let ledger = Ledger::new();
    assert_eq!(ledger.refusal(&Admin::Genesis(genesis())), Refusal::Genesis);
    let rejection = Rejection { participant: participant(1), key: key(1).thumbprint(), reason: "no".to_owned() };
    assert_eq!(ledger.refusal(&Admin::Rejection(rejection)), Refusal::Rejection);
}

#[test]
fn a_participant_is_registered_once_for_good() {
    let mut ledger = Ledger::new();
    ledger.join(1, 1, no_claims());
    let again = joining(Registration { certificate: certificate(2), ..registration(1, no_claims()) });
    let refused = Refusal::AlreadyRegistered { participant: participant(1) };
    assert_eq!(ledger.refusal(&again), refused);
    ledger.revoke(1, 2);
    assert_eq!(ledger.refusal(&again), refused, "after its revocation too");
}

#[test]
fn who_is_not_registered_is_neither_renewed_nor_revoked() {
    let ledger = Ledger::new();
    let unknown = Refusal::UnknownParticipant { participant: participant(1) };
    assert_eq!(ledger.refusal(&revocation(1)), unknown);
    assert_eq!(ledger.refusal(&renewing(renewal(1, 1, 2))), unknown);
}

#[test]
fn who_was_revoked_is_neither_renewed_nor_revoked_again() {
    let mut ledger = Ledger::new();
    ledger.join(1, 1, no_claims());
    ledger.revoke(1, 2);
    let revoked = Refusal::Revoked { participant: participant(1) };
    assert_eq!(ledger.refusal(&revocation(1)), revoked);
    assert_eq!(ledger.refusal(&renewing(renewal(1, 1, 2))), revoked);
}

#[test]
fn a_certificate_is_registered_once() {
    let mut ledger = Ledger::new();
    ledger.join(1, 1, no_claims());
    // The key of another would be refused by itself, so these certificates repeat the DER with a key of their own.
    let copied = |number: u8| CertificateRecord { jwk: key(number), ..certificate(1) };
    let by_another = Registration { certificate: copied(2), ..registration(2, no_claims()) };
    assert_eq!(ledger.refusal(&joining(by_another)), Refusal::CertificateRepeated);
    assert_eq!(ledger.refusal(&renewing(renewal(1, 1, 1))), Refusal::CertificateRepeated);
    let other_key = Renewal { certificate: copied(3), ..renewal(1, 1, 3) };
    assert_eq!(ledger.refusal(&renewing(other_key)), Refusal::CertificateRepeated);
    ledger.apply(&renewing(renewal(1, 1, 4)), 2);
    assert_eq!(ledger.refusal(&renewing(renewal(1, 1, 4))), Refusal::CertificateRepeated, "that of a renewal too");
}

#[test]
fn a_certificate_that_has_run_out_is_not_registered() {
    let mut ledger = Ledger::new();
    let (last, past) = ("2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00.000Z");
    let expired = Refusal::Expired { not_after: certificate(1).not_after, at: time(past) };
    let joins = joining(registration(1, no_claims()));
    assert_eq!(ledger.refusal_when(&joins, past), expired);
    ledger.attempt(&joins, Place { leaf: leaf(1), time: time(last) }).unwrap();
    let renews = renewing(renewal(1, 1, 2));
    assert_eq!(ledger.refusal_when(&renews, past), expired);
    ledger.attempt(&renews, Place { leaf: leaf(2), time: time(last) }).unwrap();
}

#[test]
fn a_claim_has_one_holder_in_force() {
    let held = || [json!(["9506000134369"]), json!(["9506000"]), json!(["https://a.example/x/"])];
    let mut ledger = Ledger::new();
    ledger.join(1, 1, held());
    let with = |at: usize, claim: &str| {
        let mut claims = no_claims();
        claims[at] = json!([claim]);
        claims
    };
    for (what, claims, claim, collides) in [
        ("company prefix", with(1, "9506000"), "9506000", "9506000"),
        ("company prefix", with(1, "950600"), "950600", "9506000"),
        ("company prefix", with(1, "95060001"), "95060001", "9506000"),
        ("namespace", with(2, "https://a.example/x/"), "https://a.example/x/", "https://a.example/x/"),
        ("namespace", with(2, "http://a.example/x/"), "http://a.example/x/", "https://a.example/x/"),
        ("namespace", with(2, "https://a.example/"), "https://a.example/", "https://a.example/x/"),
        ("namespace", with(2, "https://a.example/x/y/"), "https://a.example/x/y/", "https://a.example/x/"),
        ("GLN", with(0, "9506000134369"), "9506000134369", "9506000134369"),
    ] {
        let joins = joining(registration(2, claims));
        let (claim, held, holder) = (claim.to_owned(), collides.to_owned(), participant(1));
        let conflict = Conflict { what, claim: claim.clone(), held: held.clone(), holder };
        assert_eq!(ledger.refusal(&joins), Refusal::Conflict(conflict.clone()), "{claim}");
        let expected = if claim == held {
            format!("{what} {claim} is held by participant {}", participant(1))
        } else {
            format!("{what} {claim} collides with {held}, which participant {} holds", participant(1))
        };
        assert_eq!(conflict.to_string(), expected);
    }
    for claims in [with(0, "9521000000018"), with(1, "9506001"), with(2, "https://a.example/y/")] {
        ledger.check(&joining(registration(2, claims)), place(2)).unwrap();
    }
    ledger.revoke(1, 2);
    ledger.join(2, 3, held());
}

fn with_keys(number: u8, prefixes: &[&str], glns: &[&str], keys: &[&str]) -> Registration {
    let mut registration = registration(number, [json!(glns), json!(prefixes), json!([])]);
    registration.claims.gs1_keys = keys.iter().map(|key| key.parse().unwrap()).collect();
    registration
}

#[test]
fn a_single_key_has_one_holder_in_force() {
    let mut ledger = Ledger::new();
    ledger.apply(&joining(with_keys(1, &["9506000"], &[], &["96385074", "(414)9521000000018"])), 1);
    for (claims, held) in [
        (with_keys(2, &[], &[], &["96385074"]), "https://id.gs1.org/01/00000096385074"),
        (with_keys(2, &[], &[], &["9506000134352"]), "9506000"),
        (with_keys(2, &["9521000"], &[], &[]), "https://id.gs1.org/414/9521000000018"),
        (with_keys(2, &[], &["9521000000018"], &[]), "https://id.gs1.org/414/9521000000018"),
    ] {
        let refusal = ledger.refusal(&joining(claims));
        assert!(
            matches!(&refusal, Refusal::Conflict(found) if found.held == held && found.what == "GS1 key"),
            "{refusal}"
        );
    }
    let free = with_keys(2, &[], &[], &["(01)10000096385071", "9521000000025"]);
    ledger.check(&joining(free), place(2)).unwrap();
    let own = Id::parse("(01)00000096385074(21)A").unwrap();
    assert_eq!(ledger.0.holder_at(&own, leaf(9)).map(|one| one.id), Some(participant(1)));
    let place = Id::parse("(414)9521000000018(254)7").unwrap();
    assert_eq!(ledger.0.holders(&place).len(), 1);
    assert!(ledger.0.holders(&Id::parse("(01)10000096385071").unwrap()).is_empty(), "another indicator");
}

#[test]
fn a_key_has_one_holder_for_good() {
    let mut ledger = Ledger::new();
    ledger.join(1, 1, no_claims());
    ledger.join(2, 2, no_claims());
    let thumbprint = key(1).thumbprint().to_string();
    let taken = Refusal::Conflict(Conflict {
        what: "key",
        claim: thumbprint.clone(),
        held: thumbprint,
        holder: participant(1),
    });
    let same_key = CertificateRecord { x509: vec![77; 8], ..certificate(1) };
    let joins = joining(Registration { certificate: same_key.clone(), ..registration(3, no_claims()) });
    assert_eq!(ledger.refusal(&joins), taken);
    let renews = renewing(Renewal { certificate: same_key.clone(), ..renewal(2, 2, 1) });
    assert_eq!(ledger.refusal(&renews), taken);
    let own = renewing(Renewal { certificate: same_key, ..renewal(1, 1, 1) });
    ledger.check(&own, place(3)).unwrap();
    ledger.revoke(1, 3);
    assert_eq!(ledger.refusal(&joins), taken, "after the revocation too");
}

#[test]
fn a_renewal_needs_the_consent_of_a_key_that_the_participant_has() {
    let mut ledger = Ledger::new();
    ledger.join(1, 1, no_claims());
    ledger.join(2, 2, no_claims());
    let origin: Origin = ORIGIN.parse().unwrap();
    let signed = |signer: u8, origin: &Origin, number: u8, request: &[u8]| {
        let consent = renewal_consent(origin, &participant(number), request);
        renewing(Renewal { consent: Signature::sign(&signing_key(signer), &consent), ..renewal(1, 1, 3) })
    };
    let request = renewal(1, 1, 3).request;
    let other_origin: Origin = "ledger.example/other".parse().unwrap();
    let not_its_own = "its certificate is not this participant's";
    let unsigned = "the signature does not verify";
    for (what, admin, detail) in [
        ("a certificate of another", renewing(renewal(1, 2, 3)), not_its_own),
        ("a certificate of nobody", renewing(renewal(1, 9, 3)), not_its_own),
        ("signed by another participant", signed(2, &origin, 1, &request), unsigned),
        ("signed by the member", signed(MEMBER, &origin, 1, &request), unsigned),
        ("signed by the new key", signed(3, &origin, 1, &request), unsigned),
        ("for another ledger", signed(1, &other_origin, 1, &request), unsigned),
        ("for another participant", signed(1, &origin, 2, &request), unsigned),
        ("for another request", signed(1, &origin, 1, b"other"), unsigned),
    ] {
        assert_eq!(ledger.refusal(&admin), Refusal::Consent { detail }, "{what}");
    }
    let agreed = signed(1, &origin, 1, &request);
    ledger.check(&agreed, place(3)).unwrap();
}

#[test]
fn a_key_whose_certificate_has_run_out_agrees_to_nothing() {
    let mut ledger = Ledger::new();
    ledger.join(1, 1, no_claims());
    let long = CertificateRecord { not_after: time("2028-01-01T00:00:00Z"), ..certificate(2) };
    let renews = renewing(Renewal { certificate: long, ..renewal(1, 1, 2) });
    let detail = "the current certificate has expired";
    assert_eq!(ledger.refusal_when(&renews, "2027-01-01T00:00:00.001Z"), Refusal::Consent { detail });
    ledger.attempt(&renews, Place { leaf: leaf(2), time: time("2027-01-01T00:00:00Z") }).unwrap();
}

#[test]
fn a_certificate_signs_from_the_leaf_after_its_own_on() {
    let mut ledger = Ledger::new();
    ledger.join(1, 4, no_claims());
    ledger.apply(&renewing(renewal(1, 1, 2)), 7);
    let unknown = |number: u8| Err(SignerRefusal::Unknown { thumbprint: certificate(number).thumbprint() });
    for (at, first, second) in
        [(3, false, false), (4, false, false), (5, true, false), (7, true, false), (8, true, true)]
    {
        let expected = |may: bool, number| if may { Ok(participant(1)) } else { unknown(number) };
        assert_eq!(ledger.signer(1, at), expected(first, 1), "at {at}");
        assert_eq!(ledger.signer(2, at), expected(second, 2), "the renewed one at {at}");
    }
    assert_eq!(ledger.signer(9, 8), unknown(9), "one that nobody registered");
}

#[test]
fn a_revocation_ends_a_signer_from_the_leaf_after_its_own_on() {
    let mut ledger = Ledger::new();
    ledger.join(1, 1, no_claims());
    ledger.apply(&renewing(renewal(1, 1, 2)), 3);
    ledger.revoke(1, 5);
    let (reason, by) = ("it left".to_owned(), RevokedBy::Member(key(MEMBER).thumbprint()));
    let revoked = SignerRefusal::Revoked { participant: participant(1), since: time(NOW), reason, by };
    for number in [1, 2] {
        for (at, may) in [(4, true), (5, true), (6, false), (60, false)] {
            let expected = if may { Ok(participant(1)) } else { Err(revoked.clone()) };
            assert_eq!(ledger.signer(number, at), expected, "certificate {number} at {at}");
        }
    }
    // It is the leaf that counts: a block before the revocation may have a later time than one after it.
    let later = "2026-06-01T00:00:00Z";
    assert_eq!(ledger.signer_when(1, 5, later), Ok(participant(1)));
    assert_eq!(ledger.signer_when(1, 6, "2026-01-15T00:00:00Z"), Err(revoked.clone()));
    assert_eq!(ledger.signer_when(1, 6, "2027-06-01T00:00:00Z"), Err(revoked), "told before what has expired too");
}

#[test]
fn a_certificate_signs_within_its_time_both_ends_included() {
    let mut ledger = Ledger::new();
    ledger.join(1, 1, no_claims());
    let (begins, ends) = (certificate(1).not_before, certificate(1).not_after);
    assert_eq!(ledger.signer_when(1, 2, "2026-01-01T00:00:00.000Z"), Ok(participant(1)));
    assert_eq!(ledger.signer_when(1, 2, "2027-01-01T00:00:00.000Z"), Ok(participant(1)));
    let (early, late) = ("2025-12-31T23:59:59.999Z", "2027-01-01T00:00:00.001Z");
    let not_yet = SignerRefusal::NotYetValid { not_before: begins, at: time(early) };
    assert_eq!(ledger.signer_when(1, 2, early), Err(not_yet));
    assert_eq!(ledger.signer_when(1, 2, late), Err(SignerRefusal::Expired { not_after: ends, at: time(late) }));
}

#[test]
fn a_registration_is_in_force_between_its_ends() {
    let mut ledger = Ledger::new();
    ledger.join(1, 3, no_claims());
    let in_force = |ledger: &Ledger| {
        let one = ledger.0.participant(&participant(1)).unwrap();
        (0..12).filter(|at| one.in_force_at(leaf(*at))).collect::<Vec<_>>()
    };
    assert_eq!(in_force(&ledger), (4..12).collect::<Vec<_>>());
    ledger.revoke(1, 7);
    assert_eq!(in_force(&ledger), [4, 5, 6]);
    assert_eq!(ledger.0.registered_at(leaf(3)).unwrap().id, participant(1));
    assert_eq!(ledger.0.registered_at(leaf(7)), None);
}

#[test]
fn a_standing_is_expired_once_every_certificate_has_run_out() {
    let mut ledger = Ledger::new();
    ledger.join(1, 1, no_claims());
    let longer = CertificateRecord { not_after: time("2028-01-01T00:00:00Z"), ..certificate(2) };
    let standing = |ledger: &Ledger, when: &str| ledger.0.participant(&participant(1)).unwrap().standing(time(when));
    assert_eq!(standing(&ledger, "2027-01-01T00:00:00.000Z"), Standing::Active);
    assert_eq!(standing(&ledger, "2027-01-01T00:00:00.001Z"), Standing::Expired);
    ledger.apply(&renewing(Renewal { certificate: longer, ..renewal(1, 1, 2) }), 2);
    assert_eq!(standing(&ledger, "2027-01-01T00:00:00.001Z"), Standing::Active);
    assert_eq!(standing(&ledger, "2028-01-01T00:00:00.001Z"), Standing::Expired);
    ledger.revoke(1, 3);
    assert_eq!(standing(&ledger, NOW), Standing::Revoked);
}

#[test]
fn a_revocation_keeps_its_reason_and_since_when_the_key_was_in_other_hands() {
    let mut ledger = Ledger::new();
    ledger.join(1, 1, no_claims());
    ledger.join(2, 2, no_claims());
    let since = Some(time("2026-01-20T00:00:00Z"));
    let reason = "stolen".to_owned();
    let stolen = Revocation {
        participant: participant(1),
        reason: reason.clone(),
        compromised_since: since,
        dismisses_claims: false,
    };
    ledger.apply(&Admin::Revocation(stolen), 3);
    let by = RevokedBy::Member(key(MEMBER).thumbprint());
    let revoked = Revoked { at: place(3), reason, compromised_since: since, by };
    assert_eq!(ledger.0.participant(&participant(1)).unwrap().revoked, Some(revoked));
    assert_eq!(ledger.0.participant(&participant(2)).unwrap().revoked, None);
}

#[test]
fn what_a_registration_says_beside_its_claims_is_kept() {
    let mut ledger = Ledger::new();
    let mut one = registration(1, no_claims());
    one.claims.lei = Some("506700GE1G29325QX363".parse().unwrap());
    one.claims.contact = Some("mailto:quality@example.com".parse().unwrap());
    one.claims.terms = Some(Hash::of(b"terms"));
    let claims = one.claims.clone();
    ledger.apply(&joining(one), 1);
    assert_eq!(ledger.0.participant(&participant(1)).unwrap().claims, claims);
}
