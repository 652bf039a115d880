//! From bytes to text, for JSON and XML alike: UTF-8 with or without a byte order mark, or UTF-16 with one. Pure.

use std::borrow::Cow;
use std::str::Utf8Error;

/// Text as it was decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedText<'b> {
    pub text: Cow<'b, str>,
    pub form: TextForm,
}

/// How text was encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextForm {
    Utf8,
    /// With a byte order mark.
    Utf8Marked,
    /// With a byte order mark, which says the order of the bytes.
    Utf16,
}

/// Why bytes are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the text is not UTF-8: {0}")]
    NoUtf8(Utf8Error),
    #[error("the byte order mark says that this is UTF-16, and it is not: send UTF-8")]
    NoUtf16,
}

impl TextForm {
    /// What became of the text, as a job tells it; `None` if nothing did.
    pub const fn change(self) -> Option<&'static str> {
        match self {
            Self::Utf8 => None,
            Self::Utf8Marked => Some("the byte order mark is left out"),
            Self::Utf16 => Some("was UTF-16 and is UTF-8 now"),
        }
    }
}

/// Reads bytes as text.
///
/// # Errors
///
/// What is in neither encoding. UTF-16 without a byte order mark is text of another kind, or none.
pub fn decode(bytes: &[u8]) -> Result<DecodedText<'_>, DecodeError> {
    let utf8 = |bytes, form| {
        let text = std::str::from_utf8(bytes).map_err(DecodeError::NoUtf8)?;
        Ok(DecodedText { text: Cow::Borrowed(text), form })
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest, TextForm::Utf8Marked),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => utf8(bytes, TextForm::Utf8),
    }
}

fn utf16(pairs: &[u8], unit: fn([u8; 2]) -> u16) -> Result<DecodedText<'static>, DecodeError> {
    if !pairs.len().is_multiple_of(2) {
        return Err(DecodeError::NoUtf16);
    }
    let units = pairs.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    let text = text.map_err(|_| DecodeError::NoUtf16)?;
    Ok(DecodedText { text: Cow::Owned(text), form: TextForm::Utf16 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_say_how_text_is_encoded() {
        let read = |bytes: &[u8]| decode(bytes).map(|found| (found.text.into_owned(), found.form));
        let wide = |units: fn(u16) -> [u8; 2]| "\u{feff}ü".encode_utf16().flat_map(units).collect::<Vec<u8>>();
        assert_eq!(read("ü".as_bytes()), Ok(("ü".to_owned(), TextForm::Utf8)));
        assert_eq!(read("\u{feff}ü".as_bytes()), Ok(("ü".to_owned(), TextForm::Utf8Marked)));
        for bytes in [wide(u16::to_le_bytes), wide(u16::to_be_bytes)] {
            assert_eq!(read(&bytes), Ok(("ü".to_owned(), TextForm::Utf16)));
            assert_eq!(read(&bytes[..bytes.len() - 1]), Err(DecodeError::NoUtf16));
        }
        assert_eq!(read(b"\xff\xfe\x00\xd8"), Err(DecodeError::NoUtf16), "half a pair");
        assert!(matches!(read(b"\xff"), Err(DecodeError::NoUtf8(_))));
        assert!(matches!(read(b"\xef\xbb\xbf\xff"), Err(DecodeError::NoUtf8(_))));
    }
}
