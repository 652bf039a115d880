//! Decisions made by hand with a member's own keys, so that anything about them can be made otherwise.

use sealane::pki::{CertificateAuthority, CertificateRequest, ParticipantSubject, PrivateKey, Validity};
use sealane_core::consortium::{Admin, CertificateRecord, Claims, ParticipantId, Registration};
use sealane_core::statement::{Draft, Header, sign};
use serde_json::{Value, json};

use crate::signer::now;
use crate::support::{Answer, Node, path};

pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The member of a node, with its keys in hand.
pub struct Member<'a> {
    pub node: &'a Node,
    pub key: PrivateKey,
    authority: CertificateAuthority,
}

impl<'a> Member<'a> {
    pub fn of(node: &'a Node) -> Self {
        let key = PrivateKey::read(&node.data().join("member-key.pem")).unwrap();
        Self { node, key, authority: CertificateAuthority::load(&node.data()).unwrap() }
    }

    /// Registers an organisation and approves it with a certificate of this validity, from and to so many milliseconds
    /// from now. Returns the participant's id.
    pub fn participant(&self, name: &str, role: &str, claims: &[&str], from_ms: i64, to_ms: i64) -> String {
        let id = ask(self.node, name, role, claims);
        let validity = Validity::new(now().plus_millis(from_ms), now().plus_millis(to_ms)).unwrap();
        let registration = self.registration(&id, validity);
        let answer = self.decide(&id, &Admin::Registration(Box::new(registration)));
        assert!((200..300).contains(&answer.status), "{}", answer.json());
        let certificate = self.node.identity(name).join("certificate.pem");
        self.node.run_ok(&["certificate", &id, "--out", path(&certificate)]);
        id
    }

    /// The approval of the request that waits.
    pub fn registration(&self, id: &str, validity: Validity) -> Registration {
        let asked = self.node.get_as_member(&format!("/participants/{id}")).json();
        let request = CertificateRequest::parse_pem(asked["csr"].as_str().unwrap()).unwrap();
        Registration {
            participant: participant_id(id),
            claims: claims_of(&asked),
            request: request.der().to_vec(),
            certificate: self.certificate(id, &request, validity),
            evidence: Vec::new(),
            similar_to: Vec::new(),
        }
    }

    /// A certificate for the key of a request.
    pub fn certificate(&self, id: &str, request: &CertificateRequest, validity: Validity) -> CertificateRecord {
        let subject = ParticipantSubject::new(id, "Any Organisation").unwrap();
        let issued = self.authority.issue(request, &subject, validity).unwrap();
        CertificateRecord {
            x509: issued.der().to_vec(),
            jwk: request.public_key().clone(),
            not_before: issued.not_before(),
            not_after: issued.not_after(),
        }
    }

    /// Signs a decision for this node's ledger.
    pub fn sign(&self, admin: &Admin) -> String {
        sign_as(&self.key, &self.node.origin, admin)
    }

    /// Signs a decision and posts it.
    pub fn decide(&self, id: &str, admin: &Admin) -> Answer {
        self.post(id, &self.sign(admin))
    }

    pub fn post(&self, id: &str, statement: &str) -> Answer {
        self.node.post(&format!("/participants/{id}/decisions"), "application/jose", statement.as_bytes())
    }
}

/// Signs an admin statement with any key, which its `kid` names.
pub fn sign_as(key: &PrivateKey, origin: &str, admin: &Admin) -> String {
    let header = Header::admin(key.public().thumbprint(), origin, now());
    sign(Draft::new(header, &admin.to_payload()).unwrap(), key.signing_key()).compact().to_owned()
}

/// Asks to register an organisation with a key of its own in `<dir>/<name>`; returns the participant's id.
pub fn ask(node: &Node, name: &str, role: &str, claims: &[&str]) -> String {
    let out = node.identity(name);
    let mut arguments = vec!["register", "--json", "--organization", name, "--role", role, "--out", path(&out)];
    arguments.extend(claims);
    let answer: Value = serde_json::from_str(&node.run_ok(&arguments)).unwrap();
    answer["id"].as_str().unwrap().to_owned()
}

pub fn participant_id(id: &str) -> ParticipantId {
    id.parse().unwrap()
}

/// A year from now, as certificates have it.
pub fn one_year() -> Validity {
    Validity::new(now(), now().plus_millis(365 * DAY_MS)).unwrap()
}

fn claims_of(asked: &Value) -> Claims {
    let names = ["organization", "roles", "glns", "gs1CompanyPrefixes", "namespaces"];
    let claims: serde_json::Map<_, _> = names.into_iter().map(|name| (name.to_owned(), asked[name].clone())).collect();
    serde_json::from_value(json!(claims)).unwrap()
}
