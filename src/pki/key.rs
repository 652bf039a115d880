//! P-256 private keys and the files that hold them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use p256::SecretKey;
use p256::ecdsa::SigningKey;
use p256::elliptic_curve::Generate;
use p256::pkcs8::der::Decode;
use p256::pkcs8::{EncodePrivateKey, LineEnding, ObjectIdentifier, PrivateKeyInfoRef};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::algorithm::describe_key;
use super::file;
use super::pem::{self, Block, PemError};
use sealane_core::limits::KEY_FILE_BYTES_MAX;
use sealane_core::statement::PublicKey;

/// id-ecPublicKey, the algorithm of every key in a SEC 1 file.
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";

/// Bits of a file's mode that let somebody besides its owner at it.
const OTHERS: u32 = 0o077;

/// A P-256 private key. Its memory is wiped when dropped, and no formatting shows it.
pub struct PrivateKey {
    signing: SigningKey,
    public: PublicKey,
}

/// A private key file that could not be made or will not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the operating system gives no randomness: {reason}")]
    Randomness { reason: String },
    #[error("{} exists already and is not overwritten; a lost key cannot be made again. Name another file", path.display())]
    Exists { path: PathBuf },
    #[error("cannot write the private key {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read the private key {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{0} is open to others than its owner (mode {mode:04o}); run: chmod 600 {0}", path.display())]
    OpenToOthers { path: PathBuf, mode: u32 },
    #[error("{} is longer than {KEY_FILE_BYTES_MAX} bytes, so it is no private key in PEM", path.display())]
    TooLong { path: PathBuf },
    #[error("{} is no PEM file", path.display())]
    Pem { path: PathBuf, source: PemError },
    #[error("{} should hold one private key in PEM, -----BEGIN PRIVATE KEY-----, and holds {found}", path.display())]
    NotOneKey { path: PathBuf, found: String },
    #[error("{0} is protected by a passphrase, which a service cannot type; remove it: openssl pkey -in {0} -out NEW", path.display())]
    Encrypted { path: PathBuf },
    #[error("the key in {} is {found}; make a P-256 key: sealane keygen, or openssl ecparam -name prime256v1 -genkey -noout", path.display())]
    NotP256 { path: PathBuf, found: String },
    #[error("the key in {0} is no Ed25519 key in PKCS#8; make one: openssl genpkey -algorithm ed25519 -out {0}", path.display())]
    NotEd25519 { path: PathBuf },
}

impl PrivateKey {
    /// Draws a new key from the operating system's randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let signing = SigningKey::try_generate().map_err(|error| KeyError::Randomness { reason: error.to_string() })?;
        Ok(Self::new(signing))
    }

    /// Writes the key as PKCS#8 PEM to a file that must not exist yet, readable by its owner alone from the start.
    pub fn write_new(&self, path: &Path) -> Result<(), KeyError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => KeyError::Exists { path: path.to_owned() },
            _ => KeyError::Write { path: path.to_owned(), source },
        };
        let text = self
            .signing
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error.to_string())))?;
        file::write_new(path, 0o600, &text).map_err(failed)
    }

    /// The key as PKCS#8 in DER, for TLS.
    pub(super) fn pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, p256::pkcs8::Error> {
        Ok(self.signing.to_pkcs8_der()?.to_bytes())
    }

    /// Reads a key file that nobody but its owner can open.
    ///
    /// Takes PKCS#8 ("PRIVATE KEY") and SEC 1 ("EC PRIVATE KEY", RFC 5915), the latter also behind the
    /// "EC PARAMETERS" block that `openssl ecparam -genkey` puts first.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = read_private(path)?;
        let blocks = pem::read(&text).map_err(|source| match text.contains("Proc-Type: 4,ENCRYPTED") {
            true => KeyError::Encrypted { path: path.to_owned() },
            false => KeyError::Pem { path: path.to_owned(), source },
        })?;
        Self::from_blocks(&blocks, path)
    }

    /// The public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key in the form that signs.
    pub const fn signing_key(&self) -> &SigningKey {
        &self.signing
    }

    fn new(signing: SigningKey) -> Self {
        let public = PublicKey::from(signing.verifying_key());
        Self { signing, public }
    }

    fn from_blocks(blocks: &[Block], path: &Path) -> Result<Self, KeyError> {
        let (parameters, keys): (Vec<_>, Vec<_>) = blocks.iter().partition(|block| block.label == "EC PARAMETERS");
        let not_one = |found: String| KeyError::NotOneKey { path: path.to_owned(), found };
        let [key] = keys.as_slice() else {
            return Err(not_one(format!("{} PEM blocks", keys.len())));
        };
        let secret = match key.label.as_str() {
            "PRIVATE KEY" => from_pkcs8(&key.contents),
            "EC PRIVATE KEY" => from_sec1(&key.contents, parameters.first().map(|block| block.contents.as_slice())),
            "RSA PRIVATE KEY" => Err("RSA".to_owned()),
            "DSA PRIVATE KEY" => Err("DSA".to_owned()),
            "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted { path: path.to_owned() }),
            other => return Err(not_one(format!("{other:?}"))),
        };
        let secret = secret.map_err(|found| KeyError::NotP256 { path: path.to_owned(), found })?;
        Ok(Self::new(SigningKey::from(secret)))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(of {})", self.public.thumbprint())
    }
}

// `SigningKey` wipes itself; the public half needs no wiping.
impl ZeroizeOnDrop for PrivateKey where SigningKey: ZeroizeOnDrop {}

/// Reads the whole file after looking at the mode of the very file that was opened.
pub(super) fn read_private(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    let failed = |source| KeyError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(KeyError::OpenToOthers { path: path.to_owned(), mode });
    }
    // Room for the longest file at once: growing would leave copies of the secret behind.
    let mut text = Zeroizing::new(String::with_capacity(KEY_FILE_BYTES_MAX + 1));
    file.take(KEY_FILE_BYTES_MAX as u64 + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() > KEY_FILE_BYTES_MAX {
        return Err(KeyError::TooLong { path: path.to_owned() });
    }
    Ok(text)
}

/// Reads PKCS#8 (RFC 5958); the error names the kind of key it is instead.
fn from_pkcs8(der: &[u8]) -> Result<SecretKey, String> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| "not in the form of PKCS#8".to_owned())?;
    let curve = info.algorithm.parameters_oid().ok().map(|oid| oid.to_string());
    let kind = describe_key(&info.algorithm.oid.to_string(), curve.as_deref());
    SecretKey::try_from(info).map_err(|_| match kind.as_str() {
        "P-256" => "damaged: its number is out of range or its two halves differ".to_owned(),
        _ => kind,
    })
}

/// Reads SEC 1 (RFC 5915); the error names the curve if the file says it.
fn from_sec1(der: &[u8], parameters: Option<&[u8]>) -> Result<SecretKey, String> {
    SecretKey::from_sec1_der(der).map_err(|_| {
        let curve: Option<ObjectIdentifier> = parameters.and_then(|der| ObjectIdentifier::from_der(der).ok());
        match curve.map(|curve| describe_key(EC_PUBLIC_KEY, Some(&curve.to_string()))) {
            Some(kind) if kind != "P-256" => kind,
            _ => "an EC key that is on another curve or damaged".to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::pki::openssl::{Openssl, P256_KEY};

    fn read_with_mode(openssl: &Openssl, mode: u32) -> Result<PrivateKey, KeyError> {
        let path = openssl.path("key.pem");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        PrivateKey::read(&path)
    }

    fn fault(openssl: &Openssl) -> String {
        read_with_mode(openssl, 0o600).unwrap_err().to_string()
    }

    #[test]
    fn a_written_key_is_its_owners_alone_and_never_overwritten() {
        let openssl = Openssl::new();
        let path = openssl.path("key.pem");
        let key = PrivateKey::generate().unwrap();
        key.write_new(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(PrivateKey::read(&path).unwrap().public(), key.public());
        let other = PrivateKey::generate().unwrap();
        assert_ne!(other.public(), key.public());
        assert!(matches!(other.write_new(&path), Err(KeyError::Exists { .. })));
        assert_eq!(PrivateKey::read(&path).unwrap().public(), key.public());
        assert!(matches!(key.write_new(&openssl.path("missing/key.pem")), Err(KeyError::Write { .. })));
        assert!(matches!(PrivateKey::read(&openssl.path("none.pem")), Err(KeyError::Read { .. })));
        openssl.run(&["pkey", "-in", "key.pem", "-check", "-noout"]);
        openssl.run(&["pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "public.der"]);
        assert_eq!(fs::read(openssl.path("public.der")).unwrap(), key.public().spki_der());
    }

    #[test]
    fn a_file_open_to_others_is_refused() {
        let openssl = Openssl::new();
        PrivateKey::generate().unwrap().write_new(&openssl.path("key.pem")).unwrap();
        for mode in [0o640, 0o604, 0o660, 0o620, 0o601, 0o777] {
            let error = read_with_mode(&openssl, mode).unwrap_err().to_string();
            assert!(error.contains("run: chmod 600 ") && error.contains(&format!("{mode:04o}")), "{error}");
        }
        assert!(read_with_mode(&openssl, 0o400).is_ok());
    }

    #[test]
    fn keys_of_openssl_are_read_in_each_form() {
        let openssl = Openssl::new();
        for (args, begin) in [
            (P256_KEY, "-----BEGIN PRIVATE KEY-----"),
            (&["ecparam", "-name", "prime256v1", "-genkey", "-out", "key.pem"], "-----BEGIN EC PARAMETERS-----"),
            (
                &["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key.pem"],
                "-----BEGIN EC PRIVATE KEY-----",
            ),
        ] {
            openssl.run(args);
            assert!(openssl.read("key.pem").starts_with(begin));
            openssl.run(&["pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "public.der"]);
            let key = read_with_mode(&openssl, 0o600).unwrap();
            assert_eq!(key.public().spki_der(), fs::read(openssl.path("public.der")).unwrap());
        }
    }

    #[test]
    fn other_keys_are_refused_by_name() {
        let openssl = Openssl::new();
        let cases: [(&[&str], &str); 7] = [
            (&["genpkey", "-algorithm", "RSA", "-out", "key.pem"], "is RSA; make a P-256 key"),
            (&["genrsa", "-traditional", "-out", "key.pem"], "is RSA; make a P-256 key"),
            (&["genpkey", "-algorithm", "ED25519", "-out", "key.pem"], "is Ed25519;"),
            (&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", "key.pem"], "is P-384;"),
            (&["ecparam", "-name", "secp384r1", "-genkey", "-out", "key.pem"], "is P-384;"),
            (&["ecparam", "-name", "secp256k1", "-genkey", "-out", "key.pem"], "is secp256k1;"),
            (&["ecparam", "-name", "secp256k1", "-genkey", "-noout", "-out", "key.pem"], "on another curve"),
        ];
        for (args, expected) in cases {
            openssl.run(args);
            let error = fault(&openssl);
            assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        }
    }

    #[test]
    fn says_what_the_file_holds_instead() {
        let openssl = Openssl::new();
        openssl.run(P256_KEY);
        let good = openssl.read("key.pem");
        openssl.run(&["pkey", "-in", "key.pem", "-aes256", "-passout", "pass:x", "-out", "pkcs8.pem"]);
        openssl.run(&["ec", "-in", "key.pem", "-aes256", "-passout", "pass:x", "-out", "sec1.pem"]);
        openssl.run(&["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"]);
        let cases = [
            (openssl.read("pkcs8.pem"), "protected by a passphrase"),
            (openssl.read("sec1.pem"), "protected by a passphrase"),
            (openssl.read("public.pem"), "holds \"PUBLIC KEY\""),
            (good.repeat(2), "holds 2 PEM blocks"),
            (String::new(), "holds 0 PEM blocks"),
            (good.replace("-----END", "END"), "is no PEM file"),
            (pem::write("PRIVATE KEY", b"nothing"), "not in the form of PKCS#8"),
            (pem::write("EC PRIVATE KEY", &[0x30, 0]), "on another curve or damaged"),
            (good + &" ".repeat(KEY_FILE_BYTES_MAX), "longer than 16384 bytes"),
        ];
        for (text, expected) in cases {
            openssl.write("key.pem", &text);
            let error = fault(&openssl);
            assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        }
    }

    #[test]
    fn no_formatting_shows_the_key_and_dropping_wipes_it() {
        fn wiped<T: ZeroizeOnDrop>(_: &T) {}
        let key = PrivateKey::generate().unwrap();
        let shown = format!("{key:?} {key:#?}");
        let secret = key.signing_key().to_bytes();
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("{secret:?}");
        assert!(!shown.to_lowercase().contains(&hex[..16]) && !shown.contains(list.trim_matches(['[', ']'])));
        assert_eq!(shown.matches("PrivateKey(of ").count(), 2);
        wiped(key.signing_key());
        wiped(&key);
    }
}
