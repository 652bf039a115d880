//! A throw-away authority and three organisations, for trying things out on one machine.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::ca::{self, AuthorityError, CertificateAuthority, write_text_new};
use super::key::{KeyError, PrivateKey};
use super::request::{CertificateRequest, RequestError};
use super::subject::{ParticipantSubject, SubjectError};
use sealane_core::time::Timestamp;

/// Who gets a certificate: directory, name.
const ORGANIZATIONS: [(&str, &str); 3] = [
    ("manufacturer", "Development Manufacturer"),
    ("shipper", "Development Shipper"),
    ("distributor", "Development Distributor"),
];

const MEMBER: &str = "Development Member";

/// The development set could not be written.
#[derive(Debug, thiserror::Error)]
pub enum DevelopmentError {
    #[error("{0} is not empty and nothing in it is overwritten; remove it, or name another directory", dir.display())]
    NotEmpty { dir: PathBuf },
    #[error("cannot make the directory {}", dir.display())]
    Directory { dir: PathBuf, source: io::Error },
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Subject(#[from] SubjectError),
}

/// Writes the set into `dir`, which must be empty or absent, and lists the files in the order written.
///
/// `ca/` has the authority; `manufacturer/`, `shipper/` and `distributor/` each have `key.pem`, `request.pem` and
/// `certificate.pem` (a chain), as a registration leaves them; `server/` has key and certificate for localhost.
/// Everything is new at each call and registered on no ledger. Directories are open to their owner only.
pub fn write_development_set(dir: &Path, now: Timestamp) -> Result<Vec<PathBuf>, DevelopmentError> {
    make_empty(dir)?;
    let authority = CertificateAuthority::create(MEMBER, now)?;
    let ca_dir = make_new(&dir.join("ca"))?;
    authority.save(&ca_dir)?;
    let mut written = vec![ca_dir.join(ca::KEY_FILE), ca_dir.join(ca::CERTIFICATE_FILE)];
    for (folder, organization) in ORGANIZATIONS {
        written.extend(write_participant(&make_new(&dir.join(folder))?, organization, &authority, now)?);
    }
    written.extend(write_server(&make_new(&dir.join("server"))?, &authority, now)?);
    Ok(written)
}

fn write_participant(
    dir: &Path,
    organization: &str,
    authority: &CertificateAuthority,
    now: Timestamp,
) -> Result<[PathBuf; 3], DevelopmentError> {
    let key = PrivateKey::generate()?;
    let request = CertificateRequest::make(&key, organization)?;
    let subject = ParticipantSubject::new(&Uuid::new_v4().to_string(), organization)?;
    let issued = authority.issue(&request, &subject, authority.participant_validity(now)?)?;
    let paths = ["key.pem", "request.pem", "certificate.pem"].map(|name| dir.join(name));
    let [key_path, request_path, certificate_path] = &paths;
    key.write_new(key_path)?;
    write_text_new(request_path, &request.to_pem())?;
    write_text_new(certificate_path, &issued.chain_pem())?;
    Ok(paths)
}

fn write_server(
    dir: &Path,
    authority: &CertificateAuthority,
    now: Timestamp,
) -> Result<[PathBuf; 2], DevelopmentError> {
    let key = PrivateKey::generate()?;
    let certificate = authority.issue_server(key.public(), MEMBER, now)?;
    let paths = ["key.pem", "certificate.pem"].map(|name| dir.join(name));
    let [key_path, certificate_path] = &paths;
    key.write_new(key_path)?;
    write_text_new(certificate_path, &(certificate.to_pem() + &authority.certificate().to_pem()))?;
    Ok(paths)
}

/// Makes `dir` with its parents unless it is there, and refuses one that has anything in it.
fn make_empty(dir: &Path) -> Result<(), DevelopmentError> {
    let failed = |source| DevelopmentError::Directory { dir: dir.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    match fs::read_dir(dir).map_err(failed)?.next() {
        None => Ok(()),
        Some(_) => Err(DevelopmentError::NotEmpty { dir: dir.to_owned() }),
    }
}

fn make_new(dir: &Path) -> Result<PathBuf, DevelopmentError> {
    let created = fs::DirBuilder::new().mode(0o700).create(dir);
    created.map_err(|source| DevelopmentError::Directory { dir: dir.to_owned(), source })?;
    Ok(dir.to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::pki::Certificate;
    use crate::pki::openssl::Openssl;

    #[test]
    fn the_set_is_complete_and_openssl_accepts_it() {
        let openssl = Openssl::new();
        let now: Timestamp = "2026-11-21T09:30:00Z".parse().unwrap();
        let dir = openssl.path("certs/dev");
        let written = write_development_set(&dir, now).unwrap();
        assert_eq!(written.len(), 13);
        for path in &written {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            let private = path.to_string_lossy().ends_with("key.pem");
            assert!(!private || mode & 0o7777 == 0o600, "{}", path.display());
        }
        let verify = ["verify", "-x509_strict", "-CAfile", "certs/dev/ca/ca.pem", "-attime", "1795300000", "-purpose"];
        let ca = CertificateAuthority::load(&dir.join("ca")).unwrap();
        for (folder, organization) in ORGANIZATIONS {
            openssl.run(&[&verify[..], &["sslclient", &format!("certs/dev/{folder}/certificate.pem")]].concat());
            let key = PrivateKey::read(&dir.join(folder).join("key.pem")).unwrap();
            let text = fs::read_to_string(dir.join(folder).join("certificate.pem")).unwrap();
            let chain = Certificate::parse_chain_pem(&text).unwrap();
            assert_eq!((chain.len(), chain[0].public_key()), (2, key.public()));
            assert_eq!(chain[0].organization(), Some(organization));
            chain[0].verify_issued_by(ca.certificate(), now).unwrap();
            let request = fs::read_to_string(dir.join(folder).join("request.pem")).unwrap();
            assert_eq!(CertificateRequest::parse_pem(&request).unwrap().public_key(), key.public());
        }
        let server = [&verify[..], &["sslserver", "-verify_hostname", "localhost", "certs/dev/server/certificate.pem"]];
        openssl.run(&server.concat());
        openssl.fails(&[&verify[..], &["sslclient", "certs/dev/server/certificate.pem"]].concat());
    }

    #[test]
    fn nothing_is_overwritten() {
        let openssl = Openssl::new();
        let now = Timestamp::from_seconds(1_795_253_400).unwrap();
        openssl.write("mine", "");
        let error = write_development_set(&openssl.path(""), now).unwrap_err();
        assert!(matches!(error, DevelopmentError::NotEmpty { .. }), "{error}");
        assert_eq!(fs::read_dir(openssl.path("")).unwrap().count(), 1);
        let inside_a_file = write_development_set(&openssl.path("mine/dev"), now).unwrap_err();
        assert!(matches!(inside_a_file, DevelopmentError::Directory { .. }));
    }
}
