//! Who may look at the console: links that open it once, and the sessions that they begin.
//!
//! The command line and the node share no state. The command signs a link with the member's key; the node verifies it with the
//! same key's public half, and remembers its nonce for as long as the link could be shown again. All of it is in memory: a
//! restart ends the sessions, and takes no link from before it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use sealane_core::consortium::{ConsoleLink, WORD_AGE_MS_MAX};
use sealane_core::hash::Hash;
use sealane_core::time::Timestamp;

/// How long a session lasts, whatever is done in it: a working day.
pub const SESSION_LIFE: Duration = Duration::from_secs(8 * 60 * 60);

/// Sessions at a time. One more ends the oldest.
pub const SESSIONS_MAX: usize = 16;

/// Links that are looked at in a minute, good ones or not: verifying one takes a tenth of a millisecond, and a person opens few.
pub const LINKS_PER_MINUTE_MAX: u32 = 60;

/// Links that are remembered as used: as many as can be looked at while they hold.
const LINKS_REMEMBERED_MAX: usize = 3 * LINKS_PER_MINUTE_MAX as usize;

const MINUTE: Duration = Duration::from_secs(60);

/// Why the door stays shut though the signature holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shut {
    /// The link was used, or it is from before this node started.
    Used,
    /// As many links as may be were used a moment ago.
    Crowded,
}

/// Links that were used, and sessions.
pub struct Door {
    /// By nonce, when each was signed.
    used: BTreeMap<Hash, Timestamp>,
    /// Links signed before this are taken for used: they are from before the start, or were forgotten.
    not_before: Timestamp,
    /// By SHA-256 of what the browser holds, the oldest first.
    sessions: Vec<(Hash, Instant)>,
    /// When the minute began in which links are counted, and how many were looked at in it.
    looked_at: (Instant, u32),
}

impl Door {
    /// A door that takes links signed from `started` on.
    pub fn new(started: Timestamp, now: Instant) -> Self {
        // A link says when it was signed in whole seconds.
        let not_before = started.whole_seconds();
        Self { used: BTreeMap::new(), not_before, sessions: Vec::new(), looked_at: (now, 0) }
    }

    /// CounterReading one link that is to be looked at; false if that is one too many.
    pub fn may_look(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.looked_at.0) >= MINUTE {
            self.looked_at = (now, 0);
        }
        let may = self.looked_at.1 < LINKS_PER_MINUTE_MAX;
        self.looked_at.1 += u32::from(may);
        may
    }

    /// Takes a link whose signature holds, and begins a session. Returns what the browser is to hold: 32 bytes at random, as text.
    pub fn enter(&mut self, link: &ConsoleLink, time: Timestamp, now: Instant) -> Result<String, Shut> {
        self.forget(time);
        if link.issued < self.not_before || self.used.contains_key(&link.nonce) {
            return Err(Shut::Used);
        }
        if self.used.len() >= LINKS_REMEMBERED_MAX {
            return Err(Shut::Crowded);
        }
        self.used.insert(link.nonce, link.issued);
        let [one, other] = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes);
        let secret = Hash::of(&[one, other].concat()).to_string();
        self.sessions.retain(|(_, ends)| *ends > now);
        if self.sessions.len() >= SESSIONS_MAX {
            self.sessions.remove(0);
        }
        self.sessions.push((Hash::of(secret.as_bytes()), now + SESSION_LIFE));
        Ok(secret)
    }

    /// Tells whether a browser that holds this is in a session.
    pub fn is_in(&self, secret: &str, now: Instant) -> bool {
        // What is looked for is a hash, so how long it takes tells nothing of the secret.
        let held = Hash::of(secret.as_bytes());
        self.sessions.iter().any(|(session, ends)| *session == held && *ends > now)
    }

    /// Forgets the links that no longer hold. If the clock is set back, none of them is new again.
    fn forget(&mut self, time: Timestamp) {
        let over = |issued: &Timestamp| time.millis_since(*issued) > WORD_AGE_MS_MAX;
        let last = self.used.values().filter(|issued| over(issued)).max();
        if let Some(last) = last {
            self.not_before = self.not_before.max(last.plus_millis(1));
        }
        self.used.retain(|_, issued| !over(issued));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_795_253_400 + seconds).unwrap()
    }

    fn link(nonce: u32, issued: i64) -> ConsoleLink {
        let nonce = Hash::of(&nonce.to_be_bytes());
        ConsoleLink { console: "127.0.0.1:8081".to_owned(), nonce, issued: at(issued) }
    }

    #[test]
    fn a_link_opens_once_also_when_the_clock_is_set_back() {
        let start = Instant::now();
        let mut door = Door::new(at(0).plus_millis(700), start);
        let secret = door.enter(&link(1, 0), at(1), start).unwrap();
        assert!(door.is_in(&secret, start) && !door.is_in("", start) && !door.is_in(&secret[1..], start));
        assert_eq!(door.enter(&link(1, 0), at(2), start), Err(Shut::Used));
        assert!(door.enter(&link(2, 1), at(2), start).is_ok());
        // Forgotten after its life, and refused when the clock shows that time again.
        assert!(door.enter(&link(3, 90), at(90), start).is_ok());
        assert_eq!(door.used.len(), 1);
        assert_eq!(door.enter(&link(1, 0), at(2), start), Err(Shut::Used));
        assert_eq!(door.enter(&link(2, 1), at(2), start), Err(Shut::Used));
    }

    #[test]
    fn a_link_from_before_the_start_is_not_taken() {
        let start = Instant::now();
        assert_eq!(Door::new(at(10), start).enter(&link(1, 9), at(10), start), Err(Shut::Used));
    }

    #[test]
    fn sessions_end_and_are_few() {
        let start = Instant::now();
        let mut door = Door::new(at(0), start);
        let first = door.enter(&link(0, 0), at(0), start).unwrap();
        let last_moment = start + SESSION_LIFE;
        assert!(door.is_in(&first, last_moment - Duration::from_secs(1)) && !door.is_in(&first, last_moment));
        let secrets: Vec<String> =
            (1..=SESSIONS_MAX as u32).map(|nonce| door.enter(&link(nonce, 0), at(0), start).unwrap()).collect();
        assert!(!door.is_in(&first, start), "the oldest one had to go");
        assert!(secrets.iter().all(|secret| door.is_in(secret, start)));
        assert_eq!(door.sessions.len(), SESSIONS_MAX);
    }

    #[test]
    fn only_so_many_links_are_looked_at() {
        let start = Instant::now();
        let mut door = Door::new(at(0), start);
        let looked = (0..2 * LINKS_PER_MINUTE_MAX).filter(|_| door.may_look(start)).count();
        assert_eq!(looked, LINKS_PER_MINUTE_MAX as usize);
        assert!(door.may_look(start + MINUTE));
        for nonce in 0..LINKS_REMEMBERED_MAX as u32 {
            assert!(door.enter(&link(nonce, 0), at(0), start).is_ok());
        }
        assert_eq!(door.enter(&link(u32::MAX, 0), at(0), start), Err(Shut::Crowded));
    }
}
