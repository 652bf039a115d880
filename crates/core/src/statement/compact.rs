//! The compact serialisation (RFC 7515 §7.1): three parts of strict base64url, a dot between them.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::{DecodeError, Engine};

use crate::limits::{HEADER_BYTES_MAX, STATEMENT_BYTES_MAX};
use crate::statement::error::StatementError;
use crate::statement::key::Signature;

/// A text of three parts, none of them decoded yet. Knows nothing of what a header may hold.
#[derive(Debug, Clone, Copy)]
pub struct CompactParts<'a> {
    text: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> CompactParts<'a> {
    /// Finds the three parts; anything but base64url characters and two dots is refused.
    pub fn split(compact: &'a [u8]) -> Result<Self, StatementError> {
        // Counted before anything else: a sender of plain JSON should hear that, not of a stray character.
        let found = 1 + compact.iter().filter(|byte| **byte == b'.').count();
        let text = match std::str::from_utf8(compact) {
            Ok(text) if found == 3 => text,
            Err(error) if found == 3 => return Err(stray(compact, error.valid_up_to())),
            _ => return Err(StatementError::NotThreeParts { found }),
        };
        let is_stray = |byte: u8| !is_base64url(byte) & (byte != b'.');
        // All are looked at before the first one at fault is looked for: without an end, many go at once.
        if compact.iter().fold(false, |any, byte| any | is_stray(*byte)) {
            let offset = compact.iter().position(|byte| is_stray(*byte)).unwrap_or_default();
            return Err(stray(compact, offset));
        }
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(StatementError::NotThreeParts { found });
        Ok(Self { text, header: next()?, payload: next()?, signature: next()? })
    }

    /// The protected header's JSON, at most [`HEADER_BYTES_MAX`] bytes.
    pub fn header(&self) -> Result<Vec<u8>, StatementError> {
        if self.header.len() > HEADER_BYTES_MAX.div_ceil(3) * 4 {
            return Err(StatementError::HeaderTooLong { found: self.header.len() });
        }
        let header = decode("header", self.header)?;
        if header.len() > HEADER_BYTES_MAX {
            return Err(StatementError::HeaderTooLong { found: self.header.len() });
        }
        Ok(header)
    }

    pub fn payload(&self) -> Result<Vec<u8>, StatementError> {
        decode("payload", self.payload)
    }

    /// Exactly 64 bytes: r, then s (RFC 7518 §3.4).
    pub fn signature(&self) -> Result<Signature, StatementError> {
        let bytes = decode("signature", self.signature)?;
        Signature::from_slice(&bytes).ok_or(StatementError::SignatureLength { found: bytes.len() })
    }

    /// What is signed: the first two parts with the dot between them (RFC 7515 §5.1).
    pub fn signing_input(&self) -> &'a str {
        self.text.get(..self.header.len() + 1 + self.payload.len()).unwrap_or_default()
    }

    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// Puts `payload` in the empty place of a detached form.
    pub fn attach(&self, payload: &[u8]) -> Result<String, StatementError> {
        if !self.payload.is_empty() {
            return Err(StatementError::PayloadNotDetached);
        }
        // Base64 only lengthens, so this spares encoding what the limit refuses anyway.
        if payload.len() > STATEMENT_BYTES_MAX {
            return Err(StatementError::TooLong { found: payload.len() });
        }
        Ok(format!("{}.{}.{}", self.header, encode(payload), self.signature))
    }
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(part: &'static str, text: &str) -> Result<Vec<u8>, StatementError> {
    let at = |offset, fault| StatementError::NotBase64url { part, offset, fault };
    URL_SAFE_NO_PAD.decode(text).map_err(|error| match error {
        DecodeError::InvalidByte(offset, _) => at(offset, "a character outside A-Z a-z 0-9 - _"),
        DecodeError::InvalidLength(_) => at(text.len(), "no bytes have a form of this length; characters are missing"),
        DecodeError::InvalidLastSymbol(offset, _) => at(offset, "the spare bits of the last character are not zero"),
        DecodeError::InvalidPadding => at(text.len(), "padding is not taken"),
    })
}

/// Whether a byte stands for six bits in base64url. Written without branches, so that many bytes are judged at once.
const fn is_base64url(byte: u8) -> bool {
    let is_digit = byte.wrapping_sub(b'0') < 10;
    // The one bit that tells small letters from capital ones is set.
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    is_digit | is_letter | (byte == b'-') | (byte == b'_')
}

/// The error for the byte at `offset`, which belongs in no compact JWS.
fn stray(compact: &[u8], offset: usize) -> StatementError {
    let before = compact.get(..offset).unwrap_or_default();
    let byte = compact.get(offset).copied().unwrap_or_default();
    if byte.is_ascii_whitespace() {
        return StatementError::WhiteSpace { offset };
    }
    let part = match before.iter().filter(|byte| **byte == b'.').count() {
        0 => "header",
        1 => "payload",
        _ => "signature",
    };
    let start = before.iter().rposition(|byte| *byte == b'.').map_or(0, |dot| dot + 1);
    let fault = match byte {
        b'=' => "padding is not taken",
        b'+' | b'/' => "this is base64; base64url has - and _ for + and /",
        _ => "a character outside A-Z a-z 0-9 - _",
    };
    StatementError::NotBase64url { part, offset: offset - start, fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_has_sixty_four_characters() {
        let held: String = (0..=u8::MAX).filter(|byte| is_base64url(*byte)).map(char::from).collect();
        assert_eq!(held, "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");
    }
}
