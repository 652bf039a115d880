//! Where members' nodes are found, kept beside the ledger as JSON, so that a node that starts finds the others again.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use crate::ports::AddressKeeper;
use sealane_core::agreement::SignedAddress;
use sealane_core::limits::MEMBERS_MAX;

/// File name inside a member's data directory. Whoever removes it loses nothing: addresses are heard again from any member
/// whose address the settings name.
pub const ADDRESS_FILE: &str = "peer-addresses.json";

/// Bytes of the file: the members' longest addresses, in JSON.
const FILE_BYTES_MAX: u64 = (MEMBERS_MAX * (SignedAddress::BYTES_MAX + 512)) as u64;

/// The file of addresses in a data directory.
pub struct AddressFile {
    path: PathBuf,
}

impl AddressFile {
    pub fn in_dir(dir: &Path) -> Self {
        Self { path: dir.join(ADDRESS_FILE) }
    }
}

impl AddressKeeper for AddressFile {
    fn load(&self) -> io::Result<Vec<SignedAddress>> {
        let mut text = Vec::new();
        match File::open(&self.path) {
            Ok(file) => file.take(FILE_BYTES_MAX).read_to_end(&mut text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let addresses: Vec<SignedAddress> = serde_json::from_slice(&text)?;
        match addresses.len() <= MEMBERS_MAX {
            true => Ok(addresses),
            false => Err(io::Error::new(ErrorKind::InvalidData, format!("more than {MEMBERS_MAX} addresses"))),
        }
    }

    /// Whoever reads finds the old addresses or the new ones, whole.
    fn save(&self, addresses: &[SignedAddress]) -> io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(&serde_json::to_vec(addresses)?)?;
        file.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use sealane_core::agreement::NodeAddress;
    use sealane_core::hash::Hash;
    use sealane_core::statement::Signature;

    fn address(number: u64) -> SignedAddress {
        let address = NodeAddress::new(Hash::of(b"kid"), "a.example:7443", "https://a.example", number).unwrap();
        SignedAddress::new(address, Signature::from_bytes([7; 64]))
    }

    #[test]
    fn what_was_kept_last_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = AddressFile::in_dir(dir.path());
        assert_eq!(file.load().unwrap(), []);
        for number in 1..=3 {
            file.save(&[address(number), address(9)]).unwrap();
        }
        assert_eq!(file.load().unwrap(), [address(3), address(9)]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn what_is_none_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = AddressFile::in_dir(dir.path());
        file.save(&vec![address(1); MEMBERS_MAX + 1]).unwrap();
        assert_eq!(file.load().unwrap_err().kind(), ErrorKind::InvalidData);
        fs::write(dir.path().join(ADDRESS_FILE), "junk").unwrap();
        assert!(file.load().is_err());
        assert!(AddressFile::in_dir(&dir.path().join("none")).save(&[]).is_err());
    }
}
