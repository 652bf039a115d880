//! The checkpoint: C2SP tlog-checkpoint without extension lines.

use std::fmt;
use std::str::FromStr;

use crate::block::origin::{Origin, OriginError};
use crate::hash::{Hash, HashError};
use crate::merkle::{RangeError, TreeSize};

/// The name, size and root of a tree: three lines, each ended by a newline, and nothing more.
///
/// What else must be committed to stands in the seal, which is a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: Origin,
    pub size: TreeSize,
    pub root: Hash,
}

/// Text that is no checkpoint of this profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error(
        "a checkpoint is three lines (origin, size, root), each ended by a newline; this text has {found} newlines"
    )]
    Lines { found: usize },
    #[error("the checkpoint's text goes on after its last newline")]
    Unended,
    #[error("line 1: {0}")]
    Origin(#[from] OriginError),
    #[error("line 2 is {found:?}, not a size in decimal without leading zeros")]
    Size { found: String },
    #[error("line 2: {0}")]
    Range(#[from] RangeError),
    #[error("line 3, in standard base64 with padding: {0}")]
    Root(#[from] HashError),
}

impl Checkpoint {
    /// The text that members and notes sign.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root.to_base64())
    }

    /// SHA-256 of the text.
    pub fn hash(&self) -> Hash {
        Hash::of(self.to_text().as_bytes())
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    /// Reads exactly what [`Checkpoint::to_text`] writes.
    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.split('\n');
        let next = (lines.next(), lines.next(), lines.next(), lines.next(), lines.next());
        let (Some(origin), Some(size), Some(root), Some(end), None) = next else {
            return Err(CheckpointError::Lines { found: text.matches('\n').count() });
        };
        if !end.is_empty() {
            return Err(CheckpointError::Unended);
        }
        Ok(Self { origin: origin.parse()?, size: size_of(size)?, root: Hash::from_base64(root)? })
    }
}

fn size_of(line: &str) -> Result<TreeSize, CheckpointError> {
    let fault = || CheckpointError::Size { found: line.chars().take(40).collect() };
    let size: u64 = line.parse().map_err(|_| fault())?;
    // Rust's reader also takes a sign and leading zeros.
    if size.to_string() != line {
        return Err(fault());
    }
    Ok(TreeSize::new(size)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "ledger.example/test".parse().unwrap(),
            size: TreeSize::new(4).unwrap(),
            root: Hash::of(b"root"),
        }
    }

    #[test]
    fn three_lines_round_trip() {
        let text = checkpoint().to_text();
        let root = Hash::of(b"root").to_base64();
        assert_eq!(text, format!("ledger.example/test\n4\n{root}\n"));
        assert_eq!(text.parse(), Ok(checkpoint()));
    }

    #[test]
    fn nothing_else_is_read() {
        let text = checkpoint().to_text();
        for wrong in [
            String::new(),
            text.trim_end().to_owned(),
            format!("{text}extension\n"),
            format!("{text}\n"),
            format!("\n{text}"),
            format!("{text}x"),
            text.replace("\n4\n", "\n04\n"),
            text.replace("\n4\n", "\n+4\n"),
            text.replace("\n4\n", "\n\n"),
            text.replace("\n4\n", "\n-4\n"),
            text.replace("\n4\n", "\n9007199254740992\n"),
            text.replace("\n4\n", "\n18446744073709551616\n"),
            text.replace('\n', "\r\n"),
            text.replace("ledger.example", "ledger example"),
            text.replace("=\n", "\n"),
            text.replace("=\n", "==\n"),
        ] {
            assert!(wrong.parse::<Checkpoint>().is_err(), "{wrong:?}");
        }
        assert_eq!(text.replace("\n4\n", "\n4\n4\n").parse::<Checkpoint>(), Err(CheckpointError::Lines { found: 4 }));
    }
}
