//! The genesis statement: who begins a ledger, by which rules, and whether it goes on from one that was lost.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::block::{Checkpoint, Member, MemberSet, Origin};
use crate::consortium::admin::AdminError;
use crate::hash::Hash;
use crate::statement::{Signature, SignatureVerifier};
use crate::time::Timestamp;

/// The version of a genesis statement that this program reads and writes.
const VERSION: u32 = 2;

/// The number of the rules that a new ledger begins with. A ledger's rules change only by a vote of its members.
pub const RULES: u32 = 1;

/// Tells whether this program knows the rules of a number.
///
/// Rules 2 are for tests of the change alone, and known only with the feature `test-rules-2`.
pub const fn knows_rules(number: u32) -> bool {
    number == RULES || (cfg!(feature = "test-rules-2") && number == 2)
}

/// Leaf 0: who begins this ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Genesis {
    pub version: u32,
    pub origin: Origin,
    /// The number of the rules that hold from the beginning.
    pub rules: u32,
    pub members: MemberSet,
    /// The consent of each member, in their order.
    pub founders: Vec<Founder>,
    /// The ledger that was lost, from which this one goes on.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub continues: Option<Continues>,
    pub created: Timestamp,
}

/// A member's consent to found the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Founder {
    pub kid: Hash,
    /// ES256 signature, r ‖ s, of the member's key over [`founder_bytes`].
    pub signature: Signature,
}

/// A ledger that was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Continues {
    pub origin: Origin,
    /// Text of the last checkpoint that is known of it.
    pub checkpoint: String,
    /// Fingerprint of a trust anchor of it.
    pub fingerprint: Hash,
}

/// The bytes that a member signs to found a ledger: 83 bytes.
///
/// "sealane/founder/v1" 0x00 ‖ SHA-256(origin) ‖ SHA-256(JSON of its own member entry).
pub fn founder_bytes(origin: &Origin, member: &Member) -> Vec<u8> {
    let mut bytes = b"sealane/founder/v1\0".to_vec();
    bytes.extend_from_slice(origin.hash().as_bytes());
    bytes.extend_from_slice(Hash::of(&member.to_json()).as_bytes());
    bytes
}

impl Genesis {
    /// Begins a ledger by the rules that this program knows.
    pub fn new(origin: Origin, members: MemberSet, founders: Vec<Founder>, created: Timestamp) -> Self {
        Self { version: VERSION, origin, rules: RULES, members, founders, continues: None, created }
    }

    /// Checks that each member has agreed to found the ledger.
    pub fn verify_founders(&self, verifier: &dyn SignatureVerifier) -> Result<(), AdminError> {
        let consents = self.members.members().zip(&self.founders);
        let mut consents = consents.filter(|(member, founder)| {
            verifier.verify(member.key(), &founder_bytes(&self.origin, member), &founder.signature).is_err()
        });
        match consents.next() {
            Some((member, _)) => fault(
                "founders",
                format!("the consent of {} does not hold for its entry and this origin", member.kid()),
            ),
            None => Ok(()),
        }
    }

    /// Checks what the types do not show.
    pub(super) fn check(&self) -> Result<(), AdminError> {
        if self.rules != RULES {
            let detail = format!("{} are unknown; this program knows {RULES}: install a later sealane", self.rules);
            return fault("rules", detail);
        }
        if !self.founders.iter().map(|founder| founder.kid).eq(self.members.members().map(Member::kid)) {
            return fault("founders", "it has one consent of each member, in the order of the members");
        }
        self.continues.as_ref().map_or(Ok(()), |lost| lost.check(&self.origin))
    }
}

impl Continues {
    fn check(&self, own: &Origin) -> Result<(), AdminError> {
        if self.origin == *own {
            return fault("continues", "a ledger goes on from another one, so the two have different origins");
        }
        match self.checkpoint.parse::<Checkpoint>() {
            Err(error) => fault("continues", format!("its checkpoint: {error}")),
            Ok(checkpoint) if checkpoint.origin != self.origin => {
                fault("continues", format!("its checkpoint is of {}, not of {}", checkpoint.origin, self.origin))
            }
            Ok(_) => Ok(()),
        }
    }
}

/// Checks the version of a genesis statement's payload before anything else, since another one has other members.
pub(super) fn check_version(payload: &Value) -> Result<(), AdminError> {
    let is_genesis = payload.get("type").and_then(Value::as_str) == Some("genesis");
    match payload.get("version").and_then(Value::as_u64) {
        Some(found) if is_genesis && found != u64::from(VERSION) => {
            Err(AdminError::GenesisVersion { found, read: VERSION })
        }
        _ => Ok(()),
    }
}

/// Reads a member that is left out where there is nothing to say, so that `null` is not a second way to say it.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Continues>, D::Error> {
    Continues::deserialize(deserializer).map(Some)
}

fn fault<T>(field: &'static str, detail: impl Into<String>) -> Result<T, AdminError> {
    Err(AdminError::Field { field, detail: detail.into() })
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;
    use serde_json::json;

    use super::*;
    use crate::block::NoteSigningKey;
    use crate::consortium::Admin;
    use crate::statement::{P256, PublicKey};

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_slice(&[byte; 32]).unwrap()
    }

    fn member(byte: u8) -> Member {
        let note_key = NoteSigningKey::from_seed(&[byte; 32]).public();
        Member::new(format!("Member {byte}"), PublicKey::from(key(byte).verifying_key()), note_key).unwrap()
    }

    fn genesis() -> Genesis {
        let origin: Origin = "ledger.example/new".parse().unwrap();
        let mut founders: Vec<Founder> = [1, 2, 3]
            .map(|byte| {
                let bytes = founder_bytes(&origin, &member(byte));
                assert_eq!(bytes.len(), 83);
                Founder { kid: member(byte).kid(), signature: Signature::sign(&key(byte), &bytes) }
            })
            .into();
        founders.sort_by_key(|founder| founder.kid);
        let members = MemberSet::new([1, 2, 3].map(member).into()).unwrap();
        Genesis::new(origin, members, founders, "2026-11-21T09:00:00Z".parse().unwrap())
    }

    fn read(genesis: Value) -> Result<Genesis, String> {
        match Admin::parse(genesis.to_string().as_bytes()).map_err(|error| error.to_string())? {
            Admin::Genesis(genesis) => Ok(genesis),
            other => panic!("{other:?}"),
        }
    }

    fn json_of(genesis: &Genesis) -> Value {
        serde_json::from_slice(&Admin::Genesis(genesis.clone()).to_payload()).unwrap()
    }

    #[test]
    fn each_member_agrees_to_its_own_entry_and_origin() {
        let genesis = genesis();
        assert_eq!(read(json_of(&genesis)), Ok(genesis.clone()));
        assert_eq!(genesis.verify_founders(&P256), Ok(()));
        let elsewhere = Genesis { origin: "ledger.example/other".parse().unwrap(), ..genesis.clone() };
        let mut swapped = genesis.clone();
        let first = swapped.founders[0].signature;
        swapped.founders[0].signature = std::mem::replace(&mut swapped.founders[1].signature, first);
        for wrong in [elsewhere, swapped] {
            let fault = wrong.verify_founders(&P256).unwrap_err().to_string();
            assert!(fault.contains("founders is wrong: the consent of"), "{fault}");
        }
    }

    #[test]
    fn a_lost_ledger_is_named_with_its_checkpoint() {
        let lost = |origin: &str, checkpoint: &str| {
            let mut json = json_of(&genesis());
            let fingerprint = Hash::of(b"anchor");
            json["continues"] = json!({"origin": origin, "checkpoint": checkpoint, "fingerprint": fingerprint});
            read(json)
        };
        let checkpoint = format!("ledger.example/old\n4\n{}\n", Hash::of(b"root").to_base64());
        let found = lost("ledger.example/old", &checkpoint).unwrap();
        assert_eq!(found.continues.unwrap().checkpoint, checkpoint);
        for (origin, checkpoint, words) in [
            ("ledger.example/new", checkpoint.as_str(), "different origins"),
            ("ledger.example/older", &checkpoint, "is of ledger.example/old, not of ledger.example/older"),
            ("ledger.example/old", "x", "three lines"),
        ] {
            let fault = lost(origin, checkpoint).unwrap_err();
            assert!(fault.contains("continues is wrong") && fault.contains(words), "{fault}");
        }
        let mut null = json_of(&genesis());
        null["continues"] = Value::Null;
        assert!(read(null).is_err());
    }

    #[test]
    fn other_versions_rules_and_founders_are_refused() {
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut json = json_of(&genesis());
            change(&mut json);
            read(json).unwrap_err()
        };
        // A genesis statement of version 1 had none of the new members.
        let old =
            json!({"type": "genesis", "version": 1, "origin": "a", "members": [], "created": "2026-11-21T09:00:00Z"});
        let fault = read(old).unwrap_err();
        assert!(fault.contains("version 1, and this program reads version 2"), "{fault}");
        assert!(changed(&|json| json["version"] = json!(3)).contains("version 3, and this program reads version 2"));
        assert!(changed(&|json| json["rules"] = json!(2)).contains("2 are unknown; this program knows 1"));
        let few = |json: &mut Value| drop(json["founders"].as_array_mut().unwrap().pop());
        let turned = |json: &mut Value| json["founders"].as_array_mut().unwrap().reverse();
        for fault in [changed(&few), changed(&turned)] {
            assert!(fault.contains("one consent of each member"), "{fault}");
        }
    }
}
