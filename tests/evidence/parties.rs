//! Who acts in a world: organisations with seeded keys, registered, renewed and revoked by way of the use cases.

use p256::ecdsa::SigningKey;
use sealane::app::registration::RegistrationError;
use sealane::app::{deciding, genesis, registration};
use sealane::ports::MemberSigner;
use sealane_core::block::Member;
use sealane_core::consortium::{
    Admin, CertificateRecord, Claims, LookedAt, ParticipantId, Registration, Renewal, Revocation, member_proof_bytes,
    renewal_consent,
};
use sealane_core::consortium::{CertificateFacts, CertificateReader, RequestedKey};
use sealane_core::gs1::check_digit;
use sealane_core::hash::Hash;
use sealane_core::statement::{Draft, Header, PublicKey, Signature, StatementId, SubmittedStatement, sign};
use sealane_core::time::Timestamp;
use serde_json::{Value, json};

use crate::node::{Node, SeededMember, signing_key};

/// How long a certificate is valid, in milliseconds: 400 days.
const VALIDITY_MS: i64 = 400 * 24 * 60 * 60 * 1000;

pub struct Party {
    pub id: ParticipantId,
    pub prefix: Option<&'static str>,
    /// Its place, as events name it; none for one without a GLN.
    pub place: Option<String>,
    claims: Claims,
    key: SigningKey,
    certificates: Vec<Hash>,
    pub is_revoked: bool,
}

impl Party {
    /// `gln` are the first twelve digits.
    pub fn new(
        name: &str,
        role: &'static str,
        prefix: Option<&'static str>,
        namespaces: &[&'static str],
        gln: Option<&str>,
        seed: u64,
    ) -> Self {
        let gln = gln.map(|digits| format!("{digits}{}", check_digit(digits).unwrap()));
        let claims = json!({
            "organization": name, "roles": [role], "glns": gln.iter().collect::<Vec<_>>(),
            "gs1CompanyPrefixes": prefix.iter().collect::<Vec<_>>(), "namespaces": namespaces,
            "lei": "506700GE1G29325QX363", "contact": contact(seed), "terms": Hash::of(name.as_bytes()),
        });
        let place = gln.map(|gln| format!("https://id.gs1.org/414/{gln}"));
        Self { prefix, place, ..Self::claiming(claims, seed) }
    }

    /// An organisation that makes these claims.
    pub fn claiming(claims: Value, seed: u64) -> Self {
        let name = claims["organization"].as_str().unwrap().to_owned();
        let id = Hash::of(format!("{name} {seed}").as_bytes()).to_hex();
        let id = format!("{}-{}-4{}-8{}-{}", &id[..8], &id[8..12], &id[13..16], &id[17..20], &id[20..32]);
        Self {
            id: id.parse().unwrap(),
            prefix: None,
            place: None,
            claims: serde_json::from_value(claims).unwrap(),
            key: signing_key(&format!("{name} {seed} 0")),
            certificates: Vec::new(),
            is_revoked: false,
        }
    }

    /// Whether it may sign now.
    pub fn is_active(&self) -> bool {
        !self.is_revoked && !self.certificates.is_empty()
    }

    pub async fn register(&mut self, node: &mut Node) {
        let request = self.request();
        let ledger = node.ledger.clone();
        registration::request(&ledger, &JsonReader, self.id, self.claims.clone(), &request, Default::default())
            .await
            .unwrap();
        let certificate = self.certificate(node.now(), 0);
        self.certificates.push(certificate.thumbprint());
        let (participant, claims) = (self.id, self.claims.clone());
        let (request, evidence, similar_to) = (request.into_bytes(), looked_at(), similar_to());
        let registration = Registration { participant, claims, request, certificate, evidence, similar_to };
        self.decide(node, Admin::Registration(Box::new(registration))).await;
    }

    /// Changes the key.
    pub async fn renew(&mut self, node: &mut Node) {
        let (agreeing, current) = (self.key.clone(), *self.certificates.last().unwrap());
        self.key = signing_key(&format!("{} {}", self.id, self.certificates.len()));
        let request = self.request();
        let consent = Signature::sign(&agreeing, &renewal_consent(&node.origin, &self.id, request.as_bytes()));
        let ledger = node.ledger.clone();
        registration::request_renewal(&ledger, &JsonReader, &self.id, &request, &consent.to_string()).await.unwrap();
        let certificate = self.certificate(node.now(), self.certificates.len());
        self.certificates.push(certificate.thumbprint());
        let participant = self.id;
        let renewal = Renewal { participant, request: request.into_bytes(), current, consent, certificate };
        self.decide(node, Admin::Renewal(Box::new(renewal))).await;
    }

    pub async fn revoke(&mut self, node: &mut Node, compromised_since: Option<Timestamp>) {
        let participant = self.id;
        let reason = "the key was lost".to_owned();
        let revocation = Revocation { participant, reason, compromised_since, dismisses_claims: false };
        self.decide(node, Admin::Revocation(revocation)).await;
        self.is_revoked = true;
    }

    /// Ends its registration by the vote of the one member.
    pub async fn revoke_by_vote(&mut self, node: &mut Node, compromised_since: Option<Timestamp>) {
        let mut change = json!({"type": "revoke", "participant": self.id, "reason": "the members say so"});
        if let Some(since) = compromised_since {
            change["compromisedSince"] = json!(since);
        }
        self.put_to_the_vote(node, json!([change])).await;
        self.is_revoked = true;
    }

    /// Proposes its end together with a newcomer who is never ready, so that it is not enacted; and then takes that back, or not.
    pub async fn propose_in_vain(&self, node: &mut Node, is_withdrawn: bool) {
        let newcomer = SeededMember::new("newcomer");
        let entry = Member::new("Newcomer", newcomer.public_key().clone(), newcomer.note_key().clone()).unwrap();
        let proof = newcomer.sign(&member_proof_bytes(&node.origin, &entry));
        let changes = json!([
            {"type": "admit", "name": "Newcomer", "jwk": entry.key(), "noteKey": entry.note_key(), "proof": proof},
            {"type": "revoke", "participant": self.id, "reason": "no member agrees"},
        ]);
        let proposal = self.put_to_the_vote(node, changes).await;
        if is_withdrawn {
            node.advance(1);
            say(node, &json!({"type": "withdrawal", "proposal": proposal})).await;
        }
    }

    async fn put_to_the_vote(&self, node: &mut Node, changes: Value) -> StatementId {
        let expires = node.now().plus_millis(24 * 60 * 60 * 1000);
        say(node, &json!({"type": "proposal", "changes": changes, "expires": expires})).await
    }

    async fn decide(&self, node: &mut Node, mut admin: Admin) {
        let ledger = node.ledger.clone();
        loop {
            let statement = genesis::sign_admin(&admin, &node.origin, &*node.signer, node.now()).unwrap();
            let decided = node.drive(registration::decide(&ledger, &JsonReader, &self.id, statement)).await;
            let Err(RegistrationError::Similar { similar, .. }) = &decided else {
                decided.unwrap();
                return;
            };
            // The member knows them for others.
            let Admin::Registration(one) = &mut admin else { panic!("{decided:?}") };
            one.similar_to.extend(similar.iter().map(|one| one.id));
            one.similar_to.sort();
        }
    }

    /// A document of some events, signed by any of the certificates whose key it still has.
    pub fn sign(&self, node: &Node, events: &[Value], signed_at: Timestamp) -> SubmittedStatement {
        let document = json!({
            "@context": [
                "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
                {"example": "https://example.com/epcis/"},
            ],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": signed_at.to_string(),
            "epcisBody": {"eventList": events},
        });
        self.sign_document(node, &document, signed_at)
    }

    /// A document as it stands.
    pub fn sign_document(&self, node: &Node, document: &Value, signed_at: Timestamp) -> SubmittedStatement {
        let header = Header::epcis(*self.certificates.last().unwrap(), node.origin.as_str(), signed_at);
        sign(Draft::new(header, document.to_string().as_bytes()).unwrap(), &self.key)
    }

    fn public(&self) -> PublicKey {
        PublicKey::from(self.key.verifying_key())
    }

    fn request(&self) -> String {
        json!({"asks": self.public().jwk()}).to_string()
    }

    fn certificate(&self, now: Timestamp, number: usize) -> CertificateRecord {
        let (not_before, not_after) = (now.plus_millis(-60_000), now.plus_millis(VALIDITY_MS));
        let facts = json!({
            "number": number, "participant": self.id, "key": self.public().jwk(), "from": not_before, "to": not_after,
        });
        CertificateRecord { x509: facts.to_string().into_bytes(), jwk: self.public(), not_before, not_after }
    }
}

/// Puts what the member says about a proposal on the ledger.
async fn say(node: &mut Node, payload: &Value) -> StatementId {
    let admin = Admin::parse(payload.to_string().as_bytes()).unwrap();
    let statement = genesis::sign_admin(&admin, &node.origin, &*node.signer, node.now()).unwrap();
    let ledger = node.ledger.clone();
    node.drive(deciding::decide(&ledger, &JsonReader, statement)).await.unwrap().id
}

/// Reads requests and certificates that are JSON: no verifier ever looks into one.
struct JsonReader;

impl CertificateReader for JsonReader {
    fn request(&self, pem: &str) -> Result<RequestedKey, String> {
        let asks: Value = serde_json::from_str(pem).map_err(|error| error.to_string())?;
        let key = PublicKey::from_jwk(&asks["asks"]).map_err(|error| error.to_string())?;
        Ok(RequestedKey { key, der: pem.as_bytes().to_vec(), pem: pem.to_owned() })
    }

    fn request_der(&self, der: &[u8]) -> Result<RequestedKey, String> {
        self.request(std::str::from_utf8(der).map_err(|error| error.to_string())?)
    }

    fn certificate(&self, der: &[u8]) -> Result<CertificateFacts, String> {
        let facts: Value = serde_json::from_slice(der).map_err(|error| error.to_string())?;
        let time = |name: &str| facts[name].as_str().and_then(|text| text.parse().ok()).ok_or("no time".to_owned());
        Ok(CertificateFacts {
            key: PublicKey::from_jwk(&facts["key"]).map_err(|error| error.to_string())?,
            not_before: time("from")?,
            not_after: time("to")?,
            participant: facts["participant"].as_str().map(ToOwned::to_owned),
        })
    }
}

/// A contact of each kind, by turns.
fn contact(seed: u64) -> &'static str {
    [
        "https://quality.example.com:8443/report?kind=product#form",
        "mailto:quality+products@example.com",
        "tel:+32-2-788-78-00",
    ][usize::try_from(seed % 3).unwrap()]
}

/// What a member says it looked at.
fn looked_at() -> Vec<LookedAt> {
    let file = |media_type: &str, title: &str| LookedAt {
        media_type: media_type.to_owned(),
        sha256: Hash::of(title.as_bytes()),
        title: title.to_owned(),
    };
    vec![file("application/pdf", "Licence of the prefix"), file("image/svg+xml", "\u{100} plan")]
}

/// Organisations with names that look the same.
fn similar_to() -> Vec<ParticipantId> {
    let id = |number: usize| format!("00000000-0000-4000-8000-{number:012}").parse().unwrap();
    (1..=2).map(id).collect()
}
