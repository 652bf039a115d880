//! What a member looked at before it vouched for an organisation.

use serde::{Deserialize, Serialize};

use crate::consortium::admin::{AdminError, field};
use crate::consortium::claims::is_invisible;
use crate::hash::Hash;
use crate::limits::{LOOKED_AT_MAX, MEDIA_TYPE_CHARS_MAX, TITLE_CHARS_MAX};

/// A file that the approver believed: a register's extract, a certificate of a company prefix. The ledger has its hash
/// alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LookedAt {
    /// Type and subtype (RFC 6838 §4.2) in lower case, without parameters.
    pub media_type: String,
    /// SHA-256 of the file.
    pub sha256: Hash,
    /// What it is, for people.
    pub title: String,
}

/// Checks a registration's list. One that is empty is left out and never written.
pub(super) fn check_all(list: &[LookedAt]) -> Result<(), AdminError> {
    if list.len() > LOOKED_AT_MAX {
        return field("evidence", format!("at most {LOOKED_AT_MAX} files are named; this has {}", list.len()));
    }
    for (at, one) in list.iter().enumerate() {
        one.check()?;
        if list[..at].iter().any(|other| other.sha256 == one.sha256) {
            return field("evidence", format!("the file {} is named twice", one.sha256));
        }
    }
    Ok(())
}

impl LookedAt {
    fn check(&self) -> Result<(), AdminError> {
        if !is_media_type(&self.media_type) {
            return field(
                "evidence",
                "mediaType must be a type such as application/pdf, in lower case, without parameters",
            );
        }
        let length = self.title.chars().count();
        let is_hidden = |character: char| character.is_control() || is_invisible(character);
        if !(1..=TITLE_CHARS_MAX).contains(&length) || self.title.trim() != self.title || self.title.contains(is_hidden)
        {
            return field(
                "evidence",
                format!(
                    "a title has 1 to {TITLE_CHARS_MAX} characters, none of them invisible, and no white space at either end"
                ),
            );
        }
        Ok(())
    }
}

fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$&-^_.+".contains(&b))
    };
    text.len() <= MEDIA_TYPE_CHARS_MAX
        && text.split_once('/').is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}
