//! The token of a next page: where the page before ended, sealed, so that nobody makes one up and none is used for another query.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac;
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::gateway::query::store::PageEnd;
use crate::http::parameters::bad;
use crate::http::problem::Problem;
use sealane_core::epcis::query::{EventQuery, Key};
use sealane_core::hash::Hash;
use sealane_core::merkle::{LeafIndex, TreeSize};
use sealane_core::time::Timestamp;

/// How long a token can be used, in milliseconds.
const VALID_MS: i64 = 24 * 60 * 60 * 1_000;

/// Tokens that were given back and are remembered as such.
const GIVEN_BACK_MAX: usize = 10_000;

/// Bytes of the seal.
const SEAL_BYTES: usize = 16;

/// Bytes of the mark behind the seal, by which a token is known without its query.
const MARK_BYTES: usize = 8;

/// What is before the bytes that a mark is of: no query's digest begins so with any likelihood.
const MARKED: &[u8] = b"sealane/page-token/v1\0";

/// Numbers before the key of a page's end: expiry, size, leaf, position and count of eight bytes each.
const NUMBERS: usize = 5;

/// Where the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken {
    /// Leaves of the ledger that the query's pages are of.
    pub size: TreeSize,
    pub end: PageEnd,
    /// Items that the pages before have had.
    pub told: u64,
    pub expires: Timestamp,
}

/// Makes tokens, and knows its own. A gateway that starts again makes others.
pub struct PageSeal {
    key: hmac::Key,
    /// Hashes of tokens that clients have given back, the latest last.
    given_back: Mutex<VecDeque<Hash>>,
}

impl PageSeal {
    /// Draws a key.
    ///
    /// # Errors
    ///
    /// The operating system gives no randomness.
    pub fn new() -> std::io::Result<Self> {
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        rand::fill(&mut *bytes).map_err(|_| std::io::Error::other("the operating system gives no randomness"))?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &*bytes), given_back: Mutex::default() })
    }

    /// Makes the token of what follows `end`, and says until when it can be used.
    pub fn seal(&self, digest: Hash, size: TreeSize, end: &PageEnd, told: u64, now: Timestamp) -> (String, Timestamp) {
        let expires = now.plus_millis(VALID_MS);
        let numbers = [expires.millis().cast_unsigned(), size.get(), end.leaf.get(), u64::from(end.position), told];
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        if let Some(key) = &end.key {
            bytes.push(1);
            bytes.extend(key.as_bytes());
        }
        let seal = self.seal_of(&bytes, digest);
        bytes.extend(seal.as_ref().iter().take(SEAL_BYTES));
        let mark = self.mark_of(&bytes);
        bytes.extend(mark.as_ref().iter().take(MARK_BYTES));
        (URL_SAFE_NO_PAD.encode(bytes), expires)
    }

    /// Opens a token that was made here for the query of this digest.
    ///
    /// # Errors
    ///
    /// 400 that says why the token cannot be used.
    pub fn open(&self, text: &str, digest: Hash, now: Timestamp) -> Result<PageToken, Problem> {
        let refuse = |why: &str| bad("nextPageToken", why);
        let bytes = self.marked(text).unwrap_or_default();
        let (content, seal) = bytes
            .split_at_checked(bytes.len().saturating_sub(SEAL_BYTES))
            .filter(|(content, _)| content.len() >= 8 * NUMBERS)
            .ok_or_else(|| refuse("it is the one in the Link header of the page before, as it stands there"))?;
        let made = self.seal_of(content, digest);
        let made = made.as_ref().get(..SEAL_BYTES).unwrap_or_default();
        // Compared in a time that says nothing of where two differ.
        if aws_lc_rs::constant_time::verify_slices_are_equal(made, seal).is_err() {
            return Err(refuse(
                "it is none of this query: change nothing else in the link, or begin with the first page, as also after a restart \
                 of the gateway",
            ));
        }
        let token = read(content).ok_or_else(|| refuse("it cannot be read: begin with the first page"))?;
        if token.expires <= now {
            return Err(refuse(&format!("its time was over at {}: begin with the first page", token.expires)));
        }
        let hash = Hash::of(text.as_bytes());
        if self.given_back.lock().unwrap_or_else(PoisonError::into_inner).contains(&hash) {
            return Err(refuse("it was given back: begin with the first page"));
        }
        Ok(token)
    }

    /// Takes a token back, which opens nothing any more (`DELETE /nextPageToken/{token}`). Of what was not made here nothing is remembered,
    /// so that nobody makes the gateway forget what was given back.
    pub fn give_back(&self, text: &str) {
        if self.marked(text).is_none() {
            return;
        }
        let hash = Hash::of(text.as_bytes());
        let mut given_back = self.given_back.lock().unwrap_or_else(PoisonError::into_inner);
        if given_back.contains(&hash) {
            return;
        }
        if given_back.len() == GIVEN_BACK_MAX {
            given_back.pop_front();
        }
        given_back.push_back(hash);
    }

    /// The bytes of a token that was made here, for whatever query, without their mark.
    fn marked(&self, text: &str) -> Option<Vec<u8>> {
        let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mark = bytes.split_off(bytes.len().checked_sub(MARK_BYTES)?);
        let made = self.mark_of(&bytes);
        aws_lc_rs::constant_time::verify_slices_are_equal(made.as_ref().get(..MARK_BYTES)?, &mark).ok()?;
        Some(bytes)
    }

    fn mark_of(&self, sealed: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(MARKED);
        context.update(sealed);
        context.sign()
    }

    fn seal_of(&self, content: &[u8], digest: Hash) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(digest.as_bytes());
        context.update(content);
        context.sign()
    }
}

fn read(content: &[u8]) -> Option<PageToken> {
    let (numbers, key) = content.split_at_checked(8 * NUMBERS)?;
    let numbers: Vec<u64> =
        numbers.chunks_exact(8).filter_map(|bytes| bytes.try_into().ok().map(u64::from_be_bytes)).collect();
    let [expires, size, leaf, position, told] = numbers[..] else { return None };
    let key = match key {
        [] => None,
        [_, key @ ..] => Some(Key::from_bytes(key.to_vec())),
    };
    Some(PageToken {
        size: TreeSize::new(size).ok()?,
        end: PageEnd { key, leaf: LeafIndex::new(leaf).ok()?, position: u32::try_from(position).ok()? },
        told,
        expires: Timestamp::from_millis(expires.cast_signed())?,
    })
}

/// What tells the pages of one query from those of others.
pub fn query_digest(path: &str, query: &EventQuery) -> Hash {
    // Its form for developers has every part of it, and is compared within one process.
    Hash::of(format!("{path}\n{query:?}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(key: Option<Key>) -> PageEnd {
        PageEnd { key, leaf: LeafIndex::new(7).unwrap(), position: 3 }
    }

    #[test]
    fn a_token_opens_for_its_query_alone_and_for_a_day() {
        let seal = PageSeal::new().unwrap();
        let (digest, other) = (Hash::of(b"one"), Hash::of(b"other"));
        let (size, now) = (TreeSize::new(9).unwrap(), Timestamp::EPOCH);
        for key in [None, Some(Key::text("")), Some(Key::moment(now))] {
            let (text, expires) = seal.seal(digest, size, &end(key.clone()), 30, now);
            let token = seal.open(&text, digest, now).unwrap();
            assert_eq!(token, PageToken { size, end: end(key), told: 30, expires });
            assert!(seal.open(&text, other, now).unwrap_err().detail().contains("none of this query"));
            assert!(seal.open(&text, digest, expires).unwrap_err().detail().contains("its time was over"));
            assert!(PageSeal::new().unwrap().open(&text, digest, now).is_err(), "of another start");
            for at in 0..text.len() {
                let mut forged = text.clone().into_bytes();
                forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
                assert!(seal.open(&String::from_utf8(forged).unwrap(), digest, now).is_err(), "{at}");
            }
            seal.give_back(&text);
            assert!(seal.open(&text, digest, now).unwrap_err().detail().contains("given back"));
        }
        for foreign in ["", "x", "AAAA", "3A15506738749783AU6D7DENAKwM2gQRRwGrataeq", "🙂"] {
            assert!(seal.open(foreign, digest, now).is_err(), "{foreign}");
        }
    }

    #[test]
    fn what_is_remembered_of_tokens_is_bounded() {
        let seal = PageSeal::new().unwrap();
        let size = TreeSize::new(9).unwrap();
        let token = |number: usize| seal.seal(Hash::of(b"one"), size, &end(None), number as u64, Timestamp::EPOCH).0;
        let first = token(0);
        seal.give_back(&first);
        for number in 0..GIVEN_BACK_MAX + 10 {
            seal.give_back(&number.to_string());
        }
        let of_another = PageSeal::new().unwrap().seal(Hash::of(b"one"), size, &end(None), 1, Timestamp::EPOCH).0;
        seal.give_back(&of_another);
        assert!(
            seal.open(&first, Hash::of(b"one"), Timestamp::EPOCH).is_err(),
            "what was not made here drives nothing out"
        );
        assert_eq!(seal.given_back.lock().unwrap().len(), 1);
        for number in 1..GIVEN_BACK_MAX + 10 {
            seal.give_back(&token(number));
        }
        assert_eq!(seal.given_back.lock().unwrap().len(), GIVEN_BACK_MAX);
    }
}
