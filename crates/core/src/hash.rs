//! SHA-256 values. In JSON they are base64url without padding; C2SP texts keep their own base64.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::text::serde_as_text;

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A SHA-256 digest: 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// Text that is not a SHA-256 digest in the expected base64 form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 value is 32 bytes in base64, 43 characters without padding; this is {found:?}")]
pub struct HashError {
    found: String,
}

impl Hash {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Length of its base64url form.
    const TEXT_LEN: usize = 43;

    /// Digests `data`.
    pub fn of(data: &[u8]) -> Self {
        Self(Sha256::digest(data).into())
    }

    /// Digests the concatenation of `parts`.
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Takes exactly 32 bytes, else `None`.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Writes the digest in standard base64 with padding, as C2SP texts do.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads standard base64 with padding, as C2SP texts hold it.
    pub fn from_base64(text: &str) -> Result<Self, HashError> {
        Self::from_decoded(STANDARD.decode(text).ok(), text)
    }

    /// Writes the digest in lower-case hexadecimal, as people and openssl do.
    pub fn to_hex(&self) -> String {
        let halves = self.0.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
        halves.map(|half| char::from(HEX_DIGITS[usize::from(half)])).collect()
    }

    /// The digest in 16 groups of five decimal digits, for two people who compare it by telephone: each group is the number of two
    /// bytes, the first of which counts 256 times, with zeros before it. No language has its own words for it, and no group has more
    /// than one spelling.
    pub fn to_groups(&self) -> [String; 16] {
        std::array::from_fn(|at| {
            let pair = u16::from_be_bytes([self.0[2 * at], self.0[2 * at + 1]]);
            format!("{pair:05}")
        })
    }

    /// Reads exactly 64 digits of lower-case hexadecimal, else `None`.
    pub fn from_hex(text: &str) -> Option<Self> {
        let half = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; Self::LEN];
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
        if pairs.len() != Self::LEN {
            return None;
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = half(*high)? << 4 | half(*low)?;
        }
        Some(Self(bytes))
    }

    /// Writes the digest in base64url into a buffer that is long enough for it.
    fn write<'a>(&self, buffer: &'a mut [u8; Self::TEXT_LEN]) -> &'a str {
        let length = URL_SAFE_NO_PAD.encode_slice(self.0, buffer).unwrap_or_default();
        buffer.get(..length).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
    }

    fn from_decoded(bytes: Option<Vec<u8>>, text: &str) -> Result<Self, HashError> {
        bytes.as_deref().and_then(Self::from_slice).ok_or_else(|| HashError { found: text.chars().take(80).collect() })
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.write(&mut [0; Self::TEXT_LEN]))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = HashError;

    /// Reads canonical base64url without padding: spare bits that are not zero are refused.
    fn from_str(text: &str) -> Result<Self, HashError> {
        Self::from_decoded(URL_SAFE_NO_PAD.decode(text).ok(), text)
    }
}

serde_as_text!(Hash);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_every_byte_and_have_five_digits_each() {
        let fingerprint: Hash = "p1S2quv4CPESjNaIrYJN1wDSOao3hmoijo4PRyzRHNY".parse().unwrap();
        let told = "42836 46762 60408 02289 04748 54920 44418 19927 00210 14762 14214 27170 36494 03911 11473 07382";
        assert_eq!(fingerprint.to_groups().join(" "), told);
        let bytes: Vec<u8> = told.split(' ').flat_map(|group| group.parse::<u16>().unwrap().to_be_bytes()).collect();
        assert_eq!(Hash::from_slice(&bytes), Some(fingerprint));
    }

    #[test]
    fn digests_the_empty_string_as_fips_180_says() {
        assert_eq!(Hash::of(b"").to_hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(Hash::of_parts(&[b"ab", b"c"]), Hash::of(b"abc"));
    }

    #[test]
    fn text_round_trips_and_refuses_spare_bits() {
        let hash = Hash::of(b"x");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(Hash::from_base64(&hash.to_base64()), Ok(hash));
        let hex = hash.to_hex();
        assert_eq!(Hash::from_hex(&hex), Some(hash));
        for wrong in [&hex[..63], &hex[..62], &format!("{hex}00"), &hex.to_uppercase(), &hex.replace('a', "g")] {
            assert_eq!(Hash::from_hex(wrong), None, "{wrong}");
        }
        let zero = Hash::from_bytes([0; 32]).to_string();
        let spare = format!("{}B", &zero[..42]);
        assert!(spare.parse::<Hash>().is_err());
        assert!("AAAA".parse::<Hash>().is_err());
        assert!(format!("{zero}=").parse::<Hash>().is_err());
    }
}
