//! Proofs of misbehaviour, kept beside the ledger: one a line, as JSON.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::ports::{FaultKeeper, KeptFaults};
use sealane_core::consortium::FaultProof;
use sealane_core::json;

/// File name inside a member's data directory. To remove it loses nothing that is on the ledger, or that another member
/// tells again.
pub const FAULT_FILE: &str = "faults.jsonl";

/// Bytes of the file that are read: far more than all proofs that are kept, of which one takes some 600.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Damaged lines that are told of. All are passed over.
const DAMAGED_TOLD_MAX: usize = 10;

/// The file of proofs in a data directory.
///
/// A proof is one write at the end, made durable. A crash leaves the whole line, or a part of it, which is passed over when
/// the file is read; the next proof begins on a line of its own.
pub struct FaultFile {
    path: PathBuf,
}

impl FaultFile {
    pub fn in_dir(dir: &Path) -> Self {
        Self { path: dir.join(FAULT_FILE) }
    }
}

impl FaultKeeper for FaultFile {
    fn load(&self) -> io::Result<KeptFaults> {
        let mut text = Vec::new();
        match File::open(&self.path) {
            Ok(file) => file.take(FILE_BYTES_MAX).read_to_end(&mut text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(KeptFaults::default()),
            Err(error) => return Err(error),
        };
        let mut kept = KeptFaults::default();
        let lines = text.split(|byte| *byte == b'\n').zip(1_u64..).filter(|(line, _)| !line.is_empty());
        for (line, number) in lines {
            match read(line) {
                Ok(proof) => kept.proofs.push(proof),
                Err(fault) if kept.damaged.len() < DAMAGED_TOLD_MAX => {
                    kept.damaged.push(format!("{}, line {number}: {fault}", self.path.display()));
                }
                Err(_) => {}
            }
        }
        Ok(kept)
    }

    fn add(&self, proof: &FaultProof) -> io::Result<()> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
        let mut line = Vec::new();
        if ends_within_a_line(&mut file)? {
            line.push(b'\n');
        }
        line.extend_from_slice(&serde_json::to_vec(proof)?);
        line.push(b'\n');
        file.write_all(&line)?;
        file.sync_all()?;
        // The file's name too, if it is new.
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// Tells whether a write was cut short.
fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn read(line: &[u8]) -> Result<FaultProof, String> {
    let value = json::parse(line).map_err(|error| error.to_string())?;
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use sealane_core::block::Height;
    use sealane_core::consortium::{SignedKind, SignedVote};
    use sealane_core::hash::Hash;
    use sealane_core::statement::Signature;

    fn proof(height: u64) -> FaultProof {
        let said = |value| SignedVote {
            kid: Hash::of(b"kid"),
            kind: SignedKind::Prevote,
            height: Height::new(height).unwrap(),
            round: 0,
            pol_round: None,
            value,
            signature: Signature::from_bytes([7; 64]),
        };
        FaultProof { first: said(None), second: said(Some(Hash::of(b"block"))) }
    }

    #[test]
    fn each_proof_that_was_added_is_read_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let file = FaultFile::in_dir(dir.path());
        assert_eq!(file.load().unwrap(), KeptFaults::default());
        for height in 1..=3 {
            file.add(&proof(height)).unwrap();
        }
        let kept = FaultFile::in_dir(dir.path()).load().unwrap();
        assert_eq!(kept, KeptFaults { proofs: vec![proof(1), proof(2), proof(3)], damaged: Vec::new() });
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    /// As a crash leaves it at each byte.
    #[test]
    fn a_line_that_was_cut_short_is_told_and_passed_over() {
        let whole = serde_json::to_vec(&proof(2)).unwrap();
        for cut in 0..=whole.len() {
            let dir = tempfile::tempdir().unwrap();
            let file = FaultFile::in_dir(dir.path());
            file.add(&proof(1)).unwrap();
            let mut text = fs::read(dir.path().join(FAULT_FILE)).unwrap();
            text.extend_from_slice(&whole[..cut]);
            fs::write(dir.path().join(FAULT_FILE), text).unwrap();
            file.add(&proof(3)).unwrap();
            let KeptFaults { proofs, damaged } = file.load().unwrap();
            let is_whole = cut == whole.len();
            let expected = if is_whole { vec![proof(1), proof(2), proof(3)] } else { vec![proof(1), proof(3)] };
            assert_eq!((proofs, damaged.len()), (expected, usize::from(cut > 0 && !is_whole)), "cut at {cut}");
            assert!(damaged.iter().all(|told| told.contains("faults.jsonl, line 2: ")), "{damaged:?}");
        }
    }

    #[test]
    fn of_many_damaged_lines_few_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = FaultFile::in_dir(dir.path());
        file.add(&proof(1)).unwrap();
        let mut text = fs::read_to_string(dir.path().join(FAULT_FILE)).unwrap();
        text.push_str(&"{\"first\":1}\n".repeat(1_000));
        fs::write(dir.path().join(FAULT_FILE), text).unwrap();
        file.add(&proof(2)).unwrap();
        let KeptFaults { proofs, damaged } = file.load().unwrap();
        assert_eq!((proofs, damaged.len()), (vec![proof(1), proof(2)], DAMAGED_TOLD_MAX));
    }

    #[test]
    fn a_file_that_cannot_be_read_or_written_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(FAULT_FILE)).unwrap();
        let file = FaultFile::in_dir(dir.path());
        assert!(file.load().is_err() && file.add(&proof(1)).is_err());
        assert!(FaultFile::in_dir(&dir.path().join("none")).add(&proof(1)).is_err());
    }
}
