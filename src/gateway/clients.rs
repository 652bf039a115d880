//! Clients: the programs of the participant that may use its gateway, what each may do, and how it shows who it is.
//!
//! A key is `slk_`, 8 characters that name it, `_`, and 43 characters of 256 random bits. Of the secret only an Argon2id hash is
//! kept. To check one costs tens of milliseconds, so a key that was checked is remembered by its SHA-256 while the program runs.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use sealane_core::epcis::Event;
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

/// Memory of one hash, in KiB, and passes over it: the first recommendation of OWASP for Argon2id.
const ARGON2_MEMORY_KIB: u32 = 19 * 1024;
const ARGON2_PASSES: u32 = 2;

/// Random bytes of a key's secret.
const SECRET_BYTES: usize = 32;

/// Random bytes of what names a key, and their characters in base64url.
const KEY_ID_BYTES: usize = 6;
const KEY_ID_CHARS: usize = 8;

const KEY_START: &str = "slk_";

/// Characters of a client's name.
const NAME_CHARS_MAX: usize = 64;

/// Wrong keys of one address in [`WRONG_KEYS_WITHIN`], after which it is not heard.
pub const WRONG_KEYS_MAX: usize = 10;

/// The time in which wrong keys are counted.
pub const WRONG_KEYS_WITHIN: Duration = Duration::from_secs(60);

/// Addresses whose wrong keys are remembered: more than a company has machines. Of more, the one that was seen first is forgotten.
const WRONG_ADDRESSES_MAX: usize = 4_096;

/// Keys that are remembered as right: more than there are clients.
const KNOWN_KEYS_MAX: usize = 4_096;

/// What a client may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Capture,
    Query,
    Subscribe,
    Export,
}

impl Scope {
    pub const ALL: [Self; 4] = [Self::Capture, Self::Query, Self::Subscribe, Self::Export];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capture => "capture",
            Self::Query => "query",
            Self::Subscribe => "subscribe",
            Self::Export => "export",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| format!("{text:?} is no scope; one is capture, query, subscribe or export"))
    }
}

/// A client's name, as the operator gives it and as a certificate has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientName(String);

impl ClientName {
    /// The one client of a gateway without clients, which serves its own machine alone.
    pub fn local() -> Self {
        Self("local".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ClientName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for ClientName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_sane = (1..=NAME_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte));
        match is_sane {
            true => Ok(Self(text.to_owned())),
            false => Err(format!(
                "{text:?} is no client's name: it has 1 to {NAME_CHARS_MAX} letters, digits, dots, hyphens, underscores or @"
            )),
        }
    }
}

/// A client as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayClient {
    pub name: ClientName,
    /// What names its key.
    pub key_id: String,
    /// Argon2id of the key's secret, in the form of PHC strings.
    pub key_hash: String,
    pub scopes: BTreeSet<Scope>,
    pub allowed: Allowed,
    /// Captures that it may post in a second; `None` for any number.
    pub per_second: Option<u32>,
    pub created_at: Timestamp,
}

/// What a client may record. An empty list allows everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Business steps, such as `shipping`.
    pub steps: BTreeSet<String>,
    /// GLNs of 13 digits, of read points and business locations.
    pub locations: BTreeSet<String>,
}

/// What a client may not record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    #[error("this client may record the business steps {allowed}, and the event has {found}")]
    Step { allowed: String, found: String },
    #[error("this client may record at the locations {allowed}, and the event is at {found}")]
    Location { allowed: String, found: String },
}

impl Allowed {
    /// Says whether the client may record an event.
    pub fn check(&self, event: &Event) -> Result<(), NotAllowed> {
        let list = |all: &BTreeSet<String>| all.iter().cloned().collect::<Vec<_>>().join(", ");
        if !self.steps.is_empty() {
            let step = event.biz_step.as_ref().map(|step| step.as_str().to_owned());
            if step.as_ref().is_none_or(|step| !self.steps.contains(step)) {
                let found = step.unwrap_or_else(|| "none".to_owned());
                return Err(NotAllowed::Step { allowed: list(&self.steps), found });
            }
        }
        if !self.locations.is_empty() {
            let places = [event.read_point.as_ref(), event.biz_location.as_ref()];
            let places: Vec<String> = places.into_iter().flatten().map(ToString::to_string).collect();
            let is_at = |place: &String| self.locations.iter().any(|gln| gln_of(place) == Some(gln));
            if places.is_empty() || !places.iter().all(is_at) {
                let found = if places.is_empty() { "none".to_owned() } else { places.join(" and ") };
                return Err(NotAllowed::Location { allowed: list(&self.locations), found });
            }
        }
        Ok(())
    }
}

/// The GLN in a canonical Digital Link of a place.
fn gln_of(place: &str) -> Option<&str> {
    place.split_once("/414/").and_then(|(_, rest)| rest.get(..13))
}

/// A key that was just made. Only its client is ever told it.
pub struct NewKey {
    pub id: String,
    /// What the client sends.
    pub key: Zeroizing<String>,
    pub hash: String,
}

/// Makes a key from random bytes, which are the caller's to draw.
///
/// # Errors
///
/// In words, what Argon2 said.
pub fn make_key(random: &Zeroizing<[u8; KEY_RANDOM_BYTES]>) -> Result<NewKey, String> {
    let (id, rest) = random.split_at(KEY_ID_BYTES);
    let (secret, salt) = rest.split_at(SECRET_BYTES);
    let id = URL_SAFE_NO_PAD.encode(id);
    let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret));
    let hash = hasher()?.hash_password_with_salt(secret.as_bytes(), salt).map_err(|error| error.to_string())?;
    Ok(NewKey { key: Zeroizing::new(format!("{KEY_START}{id}_{}", *secret)), id, hash: hash.to_string() })
}

/// Random bytes that [`make_key`] takes: of the key's name, its secret and the salt.
pub const KEY_RANDOM_BYTES: usize = KEY_ID_BYTES + SECRET_BYTES + 16;

fn hasher() -> Result<Argon2<'static>, String> {
    let params = Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, 1, None).map_err(|error| error.to_string())?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The parts of a key that a client has sent.
fn parts_of(key: &str) -> Option<(&str, &str)> {
    let rest = key.strip_prefix(KEY_START)?;
    let (id, rest) = (rest.get(..KEY_ID_CHARS)?, rest.get(KEY_ID_CHARS..)?);
    Some((id, rest.strip_prefix('_')?))
}

/// What a request shows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown<'a> {
    Nothing,
    Key(&'a str),
    /// HTTP Basic: the client's name beside its key.
    Named {
        name: &'a str,
        key: &'a str,
    },
    /// The names in a client's certificate that an authority of `--client-ca` has issued.
    Certificate(&'a [String]),
}

/// What wrong keys are counted by: an address, or the /64 of IPv6, of which one machine has all.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
        address => address,
    }
}

/// Why a request is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DoorError {
    #[error(
        "this needs an API key: Authorization: Bearer KEY, or X-API-Key: KEY, or HTTP Basic with the client's name and KEY"
    )]
    Missing,
    #[error("the API key is not known here")]
    Wrong,
    #[error("this address has sent {WRONG_KEYS_MAX} wrong keys within a minute")]
    TooMany { retry_after_s: u32 },
    #[error("no client has a name that stands in the certificate: {names}")]
    UnknownCertificate { names: String },
}

/// The clients, and what is remembered of those that came.
pub struct ClientDoor {
    state: Mutex<DoorState>,
}

#[derive(Default)]
struct DoorState {
    clients: Vec<GatewayClient>,
    /// SHA-256 of keys that were checked, and whose they are.
    known: HashMap<Hash, ClientName>,
    wrong: HashMap<IpAddr, VecDeque<Instant>>,
    order: VecDeque<IpAddr>,
    spent: HashMap<ClientName, (Instant, f64)>,
}

impl ClientDoor {
    pub fn new(clients: Vec<GatewayClient>) -> Self {
        Self { state: Mutex::new(DoorState { clients, ..DoorState::default() }) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, DoorState> {
        // Each change is one call, so a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the clients as they are kept now. Keys of clients that are gone are forgotten.
    pub fn reload(&self, clients: Vec<GatewayClient>) {
        let mut state = self.lock();
        if state.clients != clients {
            state.clients = clients;
            state.known.clear();
        }
    }

    pub fn is_empty(&self) -> bool {
        self.lock().clients.is_empty()
    }

    /// Lets a request in, or says why not. This may take tens of milliseconds of a processor.
    pub fn enter(&self, shown: Shown<'_>, address: Option<IpAddr>, now: Instant) -> Result<GatewayClient, DoorError> {
        let address = address.map(network_of);
        if let Some(retry_after_s) = self.is_barred(address, now) {
            return Err(DoorError::TooMany { retry_after_s });
        }
        let found = match shown {
            Shown::Nothing => return Err(DoorError::Missing),
            Shown::Certificate(names) => {
                let state = self.lock();
                let found = state.clients.iter().find(|one| names.iter().any(|name| name == one.name.as_str()));
                return found.cloned().ok_or_else(|| DoorError::UnknownCertificate { names: names.join(", ") });
            }
            Shown::Key(key) => self.find(key),
            Shown::Named { name, key } => self.find(key).filter(|client| client.name.as_str() == name),
        };
        if found.is_none() {
            self.note_wrong(address, now);
        }
        found.ok_or(DoorError::Wrong)
    }

    fn find(&self, key: &str) -> Option<GatewayClient> {
        // A digest of 256 bits is looked up, so that the time says nothing of a key that is near a right one.
        let digest = Hash::of(key.as_bytes());
        let (id, secret) = parts_of(key)?;
        let candidate = {
            let state = self.lock();
            let client = state.clients.iter().find(|client| client.key_id == id)?.clone();
            if state.known.get(&digest) == Some(&client.name) {
                return Some(client);
            }
            client
        };
        // Outside the lock: others come in meanwhile. Argon2 compares in constant time.
        hasher().ok()?.verify_password(secret.as_bytes(), candidate.key_hash.as_str()).ok()?;
        let mut state = self.lock();
        if state.known.len() >= KNOWN_KEYS_MAX {
            state.known.clear();
        }
        state.known.insert(digest, candidate.name.clone());
        Some(candidate)
    }

    /// The seconds for which an address is not heard, if it has sent too many wrong keys.
    fn is_barred(&self, address: Option<IpAddr>, now: Instant) -> Option<u32> {
        let mut state = self.lock();
        let tries = state.wrong.get_mut(&address?)?;
        tries.retain(|at| now.saturating_duration_since(*at) < WRONG_KEYS_WITHIN);
        let oldest = tries.front().filter(|_| tries.len() >= WRONG_KEYS_MAX)?;
        let left = WRONG_KEYS_WITHIN.saturating_sub(now.saturating_duration_since(*oldest));
        Some(u32::try_from(left.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
    }

    fn note_wrong(&self, address: Option<IpAddr>, now: Instant) {
        let Some(address) = address else { return };
        let mut state = self.lock();
        if !state.wrong.contains_key(&address) {
            state.order.push_back(address);
            if state.order.len() > WRONG_ADDRESSES_MAX
                && let Some(first) = state.order.pop_front()
            {
                state.wrong.remove(&first);
            }
        }
        state.wrong.entry(address).or_default().push_back(now);
    }

    /// Takes one capture out of a client's allowance: a second's worth at once, and then so many a second. Else the seconds after
    /// which there is one.
    pub fn spend(&self, client: &GatewayClient, now: Instant) -> Result<(), u32> {
        let Some(per_second) = client.per_second else { return Ok(()) };
        let rate = f64::from(per_second);
        let mut state = self.lock();
        let (at, left) = state.spent.get(&client.name).copied().unwrap_or((now, rate));
        let left = (left + now.saturating_duration_since(at).as_secs_f64() * rate).min(rate);
        let is_enough = left >= 1.0;
        state.spent.insert(client.name.clone(), (now, if is_enough { left - 1.0 } else { left }));
        if is_enough { Ok(()) } else { Err(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(name: &str, seed: u8) -> (GatewayClient, Zeroizing<String>) {
        let NewKey { id, key, hash } = make_key(&Zeroizing::new([seed; KEY_RANDOM_BYTES])).unwrap();
        let client = GatewayClient {
            name: name.parse().unwrap(),
            key_id: id,
            key_hash: hash,
            scopes: BTreeSet::from([Scope::Capture]),
            allowed: Allowed::default(),
            per_second: None,
            created_at: Timestamp::from_millis(0).unwrap(),
        };
        (client, key)
    }

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn a_key_opens_for_its_client_alone() {
        let ((erp, erp_key), (wms, wms_key)) = (client("erp", 1), client("wms", 2));
        assert!(erp.key_hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", erp.key_hash);
        assert!(!erp.key_hash.contains(&erp_key[KEY_START.len() + KEY_ID_CHARS + 1..]));
        let door = ClientDoor::new(vec![erp, wms]);
        let now = Instant::now();
        let (both, strange) = (["x".to_owned(), "wms".to_owned()], ["x".to_owned()]);
        let enter = |shown| door.enter(shown, address(1), now).map(|client| client.name.as_str().to_owned());
        for _ in 0..2 {
            assert_eq!(enter(Shown::Key(&erp_key)).as_deref(), Ok("erp"));
        }
        assert_eq!(enter(Shown::Named { name: "wms", key: &wms_key }).as_deref(), Ok("wms"));
        assert_eq!(enter(Shown::Named { name: "erp", key: &wms_key }), Err(DoorError::Wrong));
        assert_eq!(enter(Shown::Certificate(&both)).as_deref(), Ok("wms"));
        assert!(matches!(enter(Shown::Certificate(&strange)), Err(DoorError::UnknownCertificate { .. })));
        assert_eq!(enter(Shown::Nothing), Err(DoorError::Missing));
        let mixed = format!("{}{}", &erp_key[..13], &wms_key[13..]);
        for wrong in ["", "slk_", "slk_AAAAAAAA_", &mixed, &erp_key[..erp_key.len() - 1], "slk_ü"] {
            assert_eq!(enter(Shown::Key(wrong)), Err(DoorError::Wrong), "{wrong}");
        }
        door.reload(Vec::new());
        assert_eq!(door.enter(Shown::Key(&erp_key), address(2), now).unwrap_err(), DoorError::Wrong, "it was removed");
    }

    #[test]
    fn an_address_with_many_wrong_keys_is_not_heard_for_a_while() {
        let (erp, key) = client("erp", 1);
        let door = ClientDoor::new(vec![erp]);
        let began = Instant::now();
        for _ in 0..WRONG_KEYS_MAX {
            assert_eq!(door.enter(Shown::Key("x"), address(1), began).unwrap_err(), DoorError::Wrong);
        }
        let barred = door.enter(Shown::Key(&key), address(1), began).unwrap_err();
        assert_eq!(barred, DoorError::TooMany { retry_after_s: 61 });
        assert!(door.enter(Shown::Key(&key), address(2), began).is_ok(), "others are heard");
        assert!(door.enter(Shown::Key(&key), address(1), began + WRONG_KEYS_WITHIN).is_ok());
    }

    #[test]
    fn a_rate_is_a_second_at_once_and_then_so_many() {
        let (client, _) = client("erp", 1);
        let client = GatewayClient { per_second: Some(2), ..client };
        let door = ClientDoor::new(vec![client.clone()]);
        let now = Instant::now();
        let spend = |ms: u64| door.spend(&client, now + Duration::from_millis(ms));
        assert_eq!([spend(0), spend(0), spend(0), spend(500), spend(500)], [Ok(()), Ok(()), Err(1), Ok(()), Err(1)]);
        assert_eq!(door.spend(&GatewayClient { per_second: None, ..client.clone() }, now), Ok(()));
    }

    #[test]
    fn names_and_scopes_are_words() {
        assert!("erp-1.x@y_z".parse::<ClientName>().is_ok());
        for wrong in ["", "a b", "a:b", "ü", &"x".repeat(65)] {
            assert!(wrong.parse::<ClientName>().is_err(), "{wrong}");
        }
        assert_eq!("capture".parse(), Ok(Scope::Capture));
        assert!("captures".parse::<Scope>().unwrap_err().contains("one is capture, query"));
    }

    #[test]
    fn a_place_is_known_by_its_gln() {
        assert_eq!(gln_of("https://id.gs1.org/414/9506000134369/254/1"), Some("9506000134369"));
        assert_eq!(gln_of("https://example.com/x"), None);
    }
}
