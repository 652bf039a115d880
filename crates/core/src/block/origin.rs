//! The name of a ledger.

use std::fmt;
use std::str::FromStr;

use crate::hash::Hash;
use crate::limits::ORIGIN_CHARS_MAX;
use crate::text::serde_as_text;

/// A ledger's origin: the first line of its checkpoints, the `aud` of its statements, the name in its signed notes.
///
/// So it obeys all three (C2SP tlog-checkpoint, signed-note): 1 to 255 characters, no white space, no control
/// character, no `+`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(String);

/// Text that cannot be an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    #[error("an origin has 1 to {ORIGIN_CHARS_MAX} characters; this has {found}")]
    Length { found: usize },
    #[error("an origin has no white space, no control character and no +; this has {found:?} at character {at}")]
    Character { found: char, at: usize },
}

impl Origin {
    /// The origin of a ledger whose founder chose none: `sealane/` and the thumbprint of the genesis key.
    pub fn of_genesis_key(thumbprint: &Hash) -> Self {
        Self(format!("sealane/{thumbprint}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// SHA-256 of the origin's UTF-8, as it stands in signed bytes of fixed length.
    pub fn hash(&self) -> Hash {
        Hash::of(self.0.as_bytes())
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let length = text.chars().count();
        if !(1..=ORIGIN_CHARS_MAX).contains(&length) {
            return Err(OriginError::Length { found: length });
        }
        match text.chars().enumerate().find(|(_, c)| c.is_whitespace() || c.is_control() || *c == '+') {
            Some((at, found)) => Err(OriginError::Character { found, at }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(Origin);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_and_refuses_what_breaks_a_note() {
        for text in ["ledger.example", "example.com/log/2026", "sealane/x_y-z", "größe.example"] {
            assert_eq!(text.parse::<Origin>().unwrap().as_str(), text);
        }
        let default = Origin::of_genesis_key(&Hash::of(b"key"));
        assert_eq!(default.as_str().parse(), Ok(default.clone()));
        for text in ["", " ", "a b", "a\nb", "a+b", "a\u{a0}b", "a\u{2028}b", "a\u{7f}b", "a\0b"] {
            assert!(text.parse::<Origin>().is_err(), "{text:?}");
        }
        assert!("x".repeat(ORIGIN_CHARS_MAX).parse::<Origin>().is_ok());
        let fault = "x".repeat(ORIGIN_CHARS_MAX + 1).parse::<Origin>();
        assert_eq!(fault, Err(OriginError::Length { found: 256 }));
    }
}
