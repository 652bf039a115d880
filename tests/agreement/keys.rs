//! Keys of the simulated members: a keyed hash in the place of a signature, since thousands are made a second.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use p256::ecdsa::SigningKey;
use sealane::ports::MemberSigner;
use sealane_core::block::{Height, Member, MemberSet, NotePublicKey, NoteSigningKey, Origin};
use sealane_core::hash::Hash;
use sealane_core::statement::{PublicKey, Signature, SignatureError, SignatureVerifier};

use crate::base::MAKER;

/// The most members that a simulation begins with.
pub const MEMBERS_MAX: usize = 10;

/// The most keys that it brings in later.
pub const NEWCOMERS_MAX: usize = 4;

pub static ORIGIN: LazyLock<Origin> = LazyLock::new(|| "ledger.example/simulated".parse().unwrap());

static KEYS: LazyLock<Vec<Arc<SimulatedKey>>> =
    LazyLock::new(|| (1..=MEMBERS_MAX + NEWCOMERS_MAX).map(SimulatedKey::new).collect());

/// A member's key: a real public one, and a secret that everybody could compute, but that liars leave alone.
pub struct SimulatedKey {
    public: PublicKey,
    note_key: NotePublicKey,
    secret: Hash,
}

/// Who signs statements: the second half of its signatures is free, so that one statement has many.
pub struct MakerKey {
    public: PublicKey,
    secret: Hash,
}

/// Checks keyed hashes.
pub struct KeyedHashes {
    secrets: BTreeMap<Hash, Hash>,
    /// The mutation in which nothing is checked.
    pub trusts_all: bool,
}

impl SimulatedKey {
    fn new(number: usize) -> Arc<Self> {
        let seed = [number as u8; 32];
        let public = PublicKey::from(SigningKey::from_slice(&seed).unwrap().verifying_key());
        Arc::new(Self { public, note_key: NoteSigningKey::from_seed(&seed).public(), secret: Hash::of(&seed) })
    }

    pub fn kid(&self) -> Hash {
        self.public.thumbprint()
    }

    /// Its entry among the members.
    pub fn entry(&self, name: &str) -> Member {
        Member::new(name, self.public.clone(), self.note_key.clone()).unwrap()
    }

    fn member(&self, number: usize) -> Member {
        self.entry(&format!("Member {number}"))
    }
}

impl MakerKey {
    pub fn new() -> Self {
        let seed = [77; 32];
        let public = PublicKey::from(SigningKey::from_slice(&seed).unwrap().verifying_key());
        Self { public, secret: Hash::of(&seed) }
    }

    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        *keyed(&self.secret, bytes).as_bytes()
    }
}

fn keyed(secret: &Hash, bytes: &[u8]) -> Signature {
    let half = Hash::of_parts(&[secret.as_bytes(), bytes]);
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(half.as_bytes());
    Signature::from_bytes(signature)
}

/// The first `count` keys in the order of their members in the set, and the set.
pub fn consortium(count: usize) -> (Vec<Arc<SimulatedKey>>, MemberSet) {
    let mut keys: Vec<Arc<SimulatedKey>> = KEYS.iter().take(count).cloned().collect();
    keys.sort_by_key(|key| key.kid());
    let members = keys.iter().enumerate().map(|(number, key)| key.member(number)).collect();
    (keys, MemberSet::new(members).unwrap())
}

/// Keys beside those of the first `count` members.
pub fn newcomers(count: usize, more: usize) -> Vec<Arc<SimulatedKey>> {
    KEYS[count..count + more].to_vec()
}

/// Members of each height other than those that the ledger names: all but one, which is another one every few heights.
#[derive(Debug, Clone)]
pub struct Rotation {
    sets: Vec<MemberSet>,
    heights: u64,
}

impl Rotation {
    pub fn new(count: usize, heights: u64) -> Self {
        let (keys, _) = consortium(count);
        let without = |away: usize| {
            let rest = keys.iter().enumerate().filter(|(number, _)| *number != away);
            MemberSet::new(rest.map(|(number, key)| key.member(number)).collect()).unwrap()
        };
        Self { sets: (0..count).map(without).collect(), heights }
    }

    pub fn at(&self, height: Height) -> &MemberSet {
        &self.sets[(height.get() / self.heights) as usize % self.sets.len()]
    }
}

impl KeyedHashes {
    pub fn new(trusts_all: bool) -> Self {
        let maker = (MAKER.public().thumbprint(), MAKER.secret);
        let secrets = KEYS.iter().map(|key| (key.kid(), key.secret)).chain([maker]).collect();
        Self { secrets, trusts_all }
    }
}

impl SignatureVerifier for KeyedHashes {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        let secret = self.secrets.get(&key.thumbprint()).ok_or(SignatureError::DoesNotHold)?;
        let right = keyed(secret, message);
        let is_by_maker = key == MAKER.public() && right.as_bytes()[..32] == signature.as_bytes()[..32];
        if self.trusts_all || is_by_maker || right == *signature { Ok(()) } else { Err(SignatureError::DoesNotHold) }
    }
}

impl MemberSigner for SimulatedKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        keyed(&self.secret, bytes)
    }

    fn note_key(&self) -> &NotePublicKey {
        &self.note_key
    }

    fn sign_note(&self, _: &[u8]) -> [u8; 64] {
        [0; 64]
    }
}
