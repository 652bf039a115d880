//! Invitations: a member's word, given beforehand, that one registration has a place among those that wait.
//!
//! An invitation holds the id that its participant will have, so what it was used for stands where that participant does:
//! nothing else has to remember it. Which ids are taken is the node's to know, not this module's.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::block::Origin;
use crate::consortium::{ParticipantId, Registry};
use crate::statement::{Signature, SignatureVerifier};
use crate::time::Timestamp;

/// How long an invitation may hold, in milliseconds: 30 days, as long as a node keeps requests. One that was used is
/// over before its request is forgotten.
pub const INVITATION_AGE_MS_MAX: i64 = 30 * 24 * 60 * 60 * 1000;

/// The first byte of every token of this kind.
const VERSION: u8 = 1;

/// Bytes of the ledger's name in a token: enough to say that it is another ledger's. The signature is over all of it.
const LEDGER_BYTES: usize = 8;

/// Version, ledger, id, end and signature.
const TOKEN_BYTES: usize = 1 + LEDGER_BYTES + 16 + 8 + 64;

/// Who is invited, as whom, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    participant: ParticipantId,
    expires: Timestamp,
}

/// Why an invitation is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    #[error("a registration here needs an invitation: ask a member for the token that `sealane invite` makes")]
    Missing,
    #[error("the invitation is malformed: {0}; send the token as `sealane invite` printed it")]
    Malformed(&'static str),
    #[error("the invitation is to another ledger than {origin}")]
    OtherLedger { origin: Origin },
    #[error("no member of this ledger has signed the invitation")]
    Unsigned,
    #[error("the invitation expired at {expired}; ask the member for another one")]
    Expired { expired: Timestamp },
    #[error("the invitation was used, for the request of participant {participant}; each is for one request")]
    Used { participant: ParticipantId },
}

impl Invitation {
    /// Invites a future participant by an `id` that is chosen at random.
    pub fn new(id: Uuid, expires: Timestamp) -> Option<Self> {
        Some(Self { participant: id.hyphenated().to_string().parse().ok()?, expires })
    }

    pub const fn participant(&self) -> &ParticipantId {
        &self.participant
    }

    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The bytes that a member signs: "sealane/invitation/v1" 0x00 ‖ SHA-256(origin) ‖ participant's id ‖ 0x00 ‖ the
    /// end in milliseconds since 1970, 8 bytes, the highest first.
    pub fn signed_bytes(&self, origin: &Origin) -> Vec<u8> {
        let mut bytes = b"sealane/invitation/v1\0".to_vec();
        bytes.extend_from_slice(origin.hash().as_bytes());
        bytes.extend_from_slice(self.participant.to_string().as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(&self.expires.millis().to_be_bytes());
        bytes
    }

    /// The token: base64url of 0x01 ‖ the first 8 bytes of SHA-256(origin) ‖ the participant's UUID ‖ the end ‖ r ‖ s.
    pub fn to_token(&self, origin: &Origin, signature: &Signature) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&origin.hash().as_bytes()[..LEDGER_BYTES]);
        bytes.extend_from_slice(&self.participant.to_bytes());
        bytes.extend_from_slice(&self.expires.millis().to_be_bytes());
        bytes.extend_from_slice(signature.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token that a member of this ledger has signed and that is not over yet.
    pub fn read(
        token: &str,
        registry: &Registry,
        now: Timestamp,
        verifier: &dyn SignatureVerifier,
    ) -> Result<Self, InvitationError> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| InvitationError::Malformed("it is not base64url"))?;
        let bytes: [u8; TOKEN_BYTES] =
            bytes.try_into().map_err(|_| InvitationError::Malformed("its length is another one"))?;
        let (head, signature) = bytes.split_at(TOKEN_BYTES - 64);
        let (version, rest) = head.split_at(1);
        let (ledger, rest) = rest.split_at(LEDGER_BYTES);
        let (id, end) = rest.split_at(16);
        if version != [VERSION] {
            return Err(InvitationError::Malformed("it is of an unknown version"));
        }
        let origin = registry.origin();
        if ledger != &origin.hash().as_bytes()[..LEDGER_BYTES] {
            return Err(InvitationError::OtherLedger { origin: origin.clone() });
        }
        let malformed = || InvitationError::Malformed("it holds no time or no id");
        let expires = end.try_into().ok().and_then(|end| Timestamp::from_millis(i64::from_be_bytes(end)));
        let id = Uuid::from_slice(id).map_err(|_| malformed())?;
        let invitation = Self::new(id, expires.ok_or_else(malformed)?).ok_or_else(malformed)?;
        let signature = Signature::from_slice(signature).ok_or(InvitationError::Unsigned)?;
        let signed = invitation.signed_bytes(origin);
        if !registry.members().members().any(|member| verifier.verify(member.key(), &signed, &signature).is_ok()) {
            return Err(InvitationError::Unsigned);
        }
        if now > invitation.expires {
            return Err(InvitationError::Expired { expired: invitation.expires });
        }
        if invitation.expires.millis_since(now) > INVITATION_AGE_MS_MAX {
            return Err(InvitationError::Malformed("it holds for longer than 30 days"));
        }
        Ok(invitation)
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::signature::Signer as _;
    use p256::ecdsa::{Signature as Ecdsa, SigningKey};

    use super::*;
    use crate::block::{Member, MemberSet, NoteSigningKey};
    use crate::consortium::Genesis;
    use crate::statement::{P256, PublicKey};

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    fn key(number: u8) -> SigningKey {
        SigningKey::from_slice(&[number; 32]).unwrap()
    }

    fn registry(origin: &str) -> Registry {
        let public = PublicKey::from_sec1(key(1).verifying_key().to_sec1_point(false).as_bytes()).unwrap();
        let note_key = NoteSigningKey::from_seed(&[1; 32]).public();
        let members = MemberSet::new(vec![Member::new("A", public, note_key).unwrap()]).unwrap();
        Registry::new(&Genesis::new(origin.parse().unwrap(), members, Vec::new(), Timestamp::EPOCH))
    }

    fn token(origin: &str, signer: u8, expires_ms: i64) -> (Invitation, String) {
        let origin: Origin = origin.parse().unwrap();
        let id = Uuid::from_u128(0x5f0c_1f6e_6d0b_4a57_9a35_0f4a_3a1c_7f10);
        let invitation = Invitation::new(id, Timestamp::EPOCH.plus_millis(expires_ms)).unwrap();
        let signature: Ecdsa = key(signer).sign(&invitation.signed_bytes(&origin));
        let signature = Signature::from_slice(&signature.to_bytes()).unwrap();
        let token = invitation.to_token(&origin, &signature);
        (invitation, token)
    }

    fn read(token: &str, now_ms: i64) -> Result<Invitation, InvitationError> {
        Invitation::read(token, &registry("a.example/x"), Timestamp::EPOCH.plus_millis(now_ms), &P256)
    }

    #[test]
    fn a_members_word_is_taken_until_its_end() {
        let (invitation, text) = token("a.example/x", 1, DAY_MS);
        assert_eq!(text.len(), 130);
        assert_eq!(read(&text, 0), Ok(invitation.clone()));
        assert_eq!(read(&text, DAY_MS), Ok(invitation.clone()));
        assert_eq!(read(&text, DAY_MS + 1), Err(InvitationError::Expired { expired: invitation.expires() }));
        let (_, long) = token("a.example/x", 1, INVITATION_AGE_MS_MAX + 1);
        assert!(matches!(read(&long, 0), Err(InvitationError::Malformed(_))));
        assert!(read(&long, 1).is_ok());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let (_, foreign) = token("b.example/x", 1, DAY_MS);
        assert!(matches!(read(&foreign, 0), Err(InvitationError::OtherLedger { .. })));
        let (_, forged) = token("a.example/x", 2, DAY_MS);
        assert_eq!(read(&forged, 0), Err(InvitationError::Unsigned));
        let (_, good) = token("a.example/x", 1, DAY_MS);
        for wrong in ["", "x", "***", &good[1..], &format!("{good}A"), &format!("B{}", &good[1..])] {
            assert!(matches!(read(wrong, 0), Err(InvitationError::Malformed(_))), "{wrong}");
        }
    }

    #[test]
    fn no_character_can_be_changed() {
        let (_, good) = token("a.example/x", 1, DAY_MS);
        for at in 0..good.len() {
            let mut wrong = good.clone().into_bytes();
            wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
            assert!(read(std::str::from_utf8(&wrong).unwrap(), 0).is_err(), "character {at}");
        }
    }
}
