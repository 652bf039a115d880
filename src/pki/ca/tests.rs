use std::fs;
use std::os::unix::fs::PermissionsExt;

use x509_parser::certificate::{BasicExtension, X509Certificate};
use x509_parser::extensions::{GeneralName, KeyUsage, ParsedExtension};
use x509_parser::prelude::FromDer;

use sealane_core::limits::IAT_AHEAD_SECONDS_MAX;

use super::*;
use crate::pki::openssl::{Openssl, P256_KEY};
use crate::pki::profile::{CriticalEntry, ExtendedKeyUsageEntry, KeyUsageEntry, key_identifier};

const ID: &str = "9f3c6a52-0d6e-4c1e-8f57-2b1d7c0a4e11";
const DAY_SECONDS: i64 = 24 * 60 * 60;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    time("2026-11-21T09:30:00.123Z")
}

fn authority() -> CertificateAuthority {
    CertificateAuthority::create("Häfen & Co", now()).unwrap()
}

fn issue(authority: &CertificateAuthority, organization: &str) -> IssuedCertificate {
    let request = CertificateRequest::make(&PrivateKey::generate().unwrap(), "What the request says").unwrap();
    let subject = ParticipantSubject::new(ID, organization).unwrap();
    authority.issue(&request, &subject, authority.participant_validity(now()).unwrap()).unwrap()
}

/// Compares a certificate with the profile that it should be issued by, field by field.
fn assert_by_profile(certificate: &Certificate, profile: &Profile, values: &[(&str, &str)], issuer: &Certificate) {
    let (_, x509) = X509Certificate::from_der(certificate.der()).unwrap();
    assert_eq!(x509.version().0 + 1, u32::from(profile.version));
    assert_eq!(x509.signature_algorithm.algorithm.to_id_string(), "1.2.840.10045.4.3.2");
    assert_eq!(x509.tbs_certificate.signature, x509.signature_algorithm);
    assert_eq!(x509.raw_serial().len(), profile.serial_bytes);
    assert!(x509.raw_serial()[0] < 0x80, "negative serial");
    let seconds = x509.validity().not_after.timestamp() - x509.validity().not_before.timestamp();
    // Dated back, so that it holds at once by clocks that are behind.
    assert_eq!(seconds, i64::from(profile.validity_days) * DAY_SECONDS + IAT_AHEAD_SECONDS_MAX);
    let fill = |template: &str| {
        values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    };
    let names: Vec<&str> = x509.subject().iter_attributes().map(|name| name.as_str().unwrap()).collect();
    let expected =
        [&profile.subject.organization, &profile.subject.common_name].map(|name| profile.cut_name(&fill(name)));
    assert_eq!(names, expected);
    let (_, issued_by) = X509Certificate::from_der(issuer.der()).unwrap();
    assert_eq!(x509.issuer().as_raw(), issued_by.subject().as_raw());
    assert_extensions(&x509, profile, fill, certificate.public_key(), issuer.public_key());
}

fn assert_extensions(
    x509: &X509Certificate<'_>,
    profile: &Profile,
    fill: impl Fn(&str) -> String,
    key: &PublicKey,
    issuer: &PublicKey,
) {
    let extensions = &profile.extensions;
    let critical = |entry| extensions.critical.contains(&entry);
    let BasicExtension { critical: marked, value } = x509.basic_constraints().unwrap().unwrap();
    assert_eq!(marked, critical(CriticalEntry::BasicConstraints));
    assert_eq!(value.ca, extensions.basic_constraints.ca);
    assert_eq!(value.path_len_constraint, extensions.basic_constraints.path_length.map(u32::from));
    let usage = x509.key_usage().unwrap().unwrap();
    assert_eq!(usage.critical, critical(CriticalEntry::KeyUsage));
    assert_eq!(*usage.value, key_usage(&extensions.key_usage));
    let extended = x509.extended_key_usage().unwrap();
    assert_eq!(extended.is_some(), !extensions.extended_key_usage.is_empty());
    if let Some(found) = &extended {
        assert_eq!(found.value.client_auth, extensions.extended_key_usage.contains(&ExtendedKeyUsageEntry::ClientAuth));
        assert_eq!(found.value.server_auth, extensions.extended_key_usage.contains(&ExtendedKeyUsageEntry::ServerAuth));
        assert!(!found.value.any && !found.value.code_signing && found.value.other.is_empty());
    }
    let names: Vec<String> = x509
        .subject_alternative_name()
        .unwrap()
        .map(|names| names.value.general_names.iter().map(alternative_name).collect())
        .unwrap_or_default();
    let expected: Vec<String> = extensions.subject_alternative_name.iter().map(|name| fill(name)).collect();
    assert_eq!(names, expected);
    assert_key_identifiers(x509, extensions.authority_key_identifier, key, issuer);
    let count = 3 + [!names.is_empty(), extended.is_some(), extensions.authority_key_identifier]
        .iter()
        .filter(|present| **present)
        .count();
    assert_eq!(x509.extensions().len(), count, "an extension that the profile does not name");
}

fn assert_key_identifiers(x509: &X509Certificate<'_>, has_authority: bool, key: &PublicKey, issuer: &PublicKey) {
    let mut authority = None;
    let mut subject = None;
    for extension in x509.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => subject = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                authority = Some(id.key_identifier.clone().unwrap().0.to_vec())
            }
            _ => continue,
        }
        assert!(!extension.critical);
    }
    assert_eq!(subject, Some(key_identifier(key)));
    assert_eq!(authority, has_authority.then(|| key_identifier(issuer)));
}

fn key_usage(entries: &[KeyUsageEntry]) -> KeyUsage {
    let flags = entries.iter().fold(0, |flags, entry| {
        flags
            | match entry {
                KeyUsageEntry::DigitalSignature => 1,
                KeyUsageEntry::KeyCertSign => 1 << 5,
                KeyUsageEntry::CrlSign => 1 << 6,
            }
    });
    KeyUsage { flags }
}

fn alternative_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::URI(uri) => format!("uri:{uri}"),
        GeneralName::DNSName(host) => format!("dns:{host}"),
        GeneralName::IPAddress([127, 0, 0, 1]) => "ip:127.0.0.1".to_owned(),
        GeneralName::IPAddress([0, .., 1]) => "ip:::1".to_owned(),
        other => panic!("{other}"),
    }
}

#[test]
fn every_certificate_is_as_its_profile_says() {
    let authority = authority();
    let own = authority.certificate();
    assert_by_profile(own, &Profile::ca().unwrap(), &[("name", "Häfen & Co")], own);
    let issued = issue(&authority, "Acme Söhne");
    let values = [("organization", "Acme Söhne"), ("participant_id", ID)];
    assert_by_profile(issued.certificate(), &Profile::participant().unwrap(), &values, own);
    let server = authority.issue_server(PrivateKey::generate().unwrap().public(), "Acme", now()).unwrap();
    assert_by_profile(&server, &Profile::server().unwrap(), &[("organization", "Acme")], own);
}

#[test]
fn openssl_accepts_and_shows_what_was_issued() {
    let openssl = Openssl::new();
    let authority = authority();
    let issued = issue(&authority, "Acme Söhne");
    openssl.write("ca.pem", &authority.certificate().to_pem());
    openssl.write("c.pem", &issued.chain_pem());
    openssl.run(&["verify", "-CAfile", "ca.pem", "-attime", "1795300000", "c.pem"]);
    let strict = ["verify", "-x509_strict", "-check_ss_sig", "-purpose", "sslclient", "-attime", "1795300000"];
    openssl.run(&[&strict[..], &["-CAfile", "ca.pem", "c.pem"]].concat());
    let text = openssl.run(&["x509", "-in", "c.pem", "-noout", "-text", "-nameopt", "utf8"]);
    for expected in [
        "Signature Algorithm: ecdsa-with-SHA256",
        "Issuer: O=Häfen & Co, CN=Häfen & Co certificate authority",
        "Not Before: Nov 21 09:25:00 2026 GMT",
        "Not After : Nov 21 09:30:00 2027 GMT",
        "Subject: O=Acme Söhne, CN=Acme Söhne",
        "NIST CURVE: P-256",
        &format!("URI:urn:uuid:{ID}"),
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "TLS Web Client Authentication\n",
        "X509v3 Basic Constraints: critical\n                CA:FALSE\n",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in {text}");
    }
    let serial = openssl.run(&["x509", "-in", "c.pem", "-noout", "-serial"]);
    assert_eq!(serial.trim().to_lowercase(), format!("serial={}", issued.certificate().serial()));
    openssl.fails(&["verify", "-CAfile", "ca.pem", "-attime", "1895300000", "c.pem"]);
    openssl.write("other.pem", &CertificateAuthority::create("Häfen & Co", now()).unwrap().certificate().to_pem());
    openssl.fails(&["verify", "-CAfile", "other.pem", "-attime", "1795300000", "c.pem"]);
}

#[test]
fn the_subject_decides_not_the_request() {
    let issued = issue(&authority(), &"ß".repeat(200));
    assert_eq!(issued.certificate().organization(), Some("ß".repeat(64).as_str()));
    let sly = issue(&authority(), "{participant_id}");
    assert_eq!(sly.certificate().organization(), Some("{participant_id}"));
}

#[test]
fn nothing_outlives_its_authority() {
    let authority = authority();
    let end = authority.certificate().not_after();
    assert_eq!(end.seconds() - now().seconds(), 3650 * DAY_SECONDS);
    let near = end.plus_millis(-DAY_SECONDS * 1000);
    let validity = authority.participant_validity(near).unwrap();
    let dated = near.plus_millis(-IAT_AHEAD_SECONDS_MAX * 1000);
    assert_eq!((validity.not_before(), validity.not_after()), (dated, end));
    let request = CertificateRequest::make(&PrivateKey::generate().unwrap(), "Acme").unwrap();
    let subject = ParticipantSubject::new(ID, "Acme").unwrap();
    let wide = Validity::new(time("2000-01-01T00:00:00Z"), time("2999-01-01T00:00:00Z")).unwrap();
    let issued = authority.issue(&request, &subject, wide).unwrap();
    assert_eq!((issued.not_before(), issued.not_after()), (authority.certificate().not_before(), end));
    assert!(matches!(authority.participant_validity(end), Err(AuthorityError::Ended { .. })));
    let past = Validity::of_days(time("2000-01-01T00:00:00Z"), 1).unwrap();
    let refused = authority.issue(&request, &subject, past).err().unwrap();
    assert!(matches!(refused, AuthorityError::NotBegun { .. }), "{refused}");
}

#[test]
fn serial_numbers_and_keys_are_never_the_same() {
    let authority = authority();
    let (first, second) = (issue(&authority, "Acme"), issue(&authority, "Acme"));
    assert_ne!(first.certificate().serial(), second.certificate().serial());
    assert_ne!(first.thumbprint(), second.thumbprint());
    for _ in 0..100 {
        let serial = serial_number(20).unwrap();
        assert!(serial.len() == 20 && (0x40..0x80).contains(&serial[0]));
    }
}

#[test]
fn an_authority_is_kept_in_two_files() {
    let openssl = Openssl::new();
    let dir = openssl.path("");
    let authority = authority();
    authority.save(&dir).unwrap();
    let mode = fs::metadata(dir.join(KEY_FILE)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o600);
    let loaded = CertificateAuthority::load(&dir).unwrap();
    assert_eq!(loaded.certificate(), authority.certificate());
    let issued = issue(&loaded, "Acme");
    issued.certificate().verify_issued_by(authority.certificate(), now()).unwrap();
    assert!(matches!(authority.save(&dir), Err(AuthorityError::Exists { .. })));
    fs::remove_file(dir.join(CERTIFICATE_FILE)).unwrap();
    assert!(matches!(authority.save(&dir), Err(AuthorityError::Key(KeyError::Exists { .. }))));
    assert!(matches!(CertificateAuthority::load(&dir), Err(AuthorityError::File { action: "read", .. })));
    let shown = format!("{loaded:?}");
    assert!(shown.contains("PrivateKey(of "), "{shown}");
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let openssl = Openssl::new();
    let dir = openssl.path("");
    let authority = authority();
    authority.save(&dir).unwrap();
    openssl.write(CERTIFICATE_FILE, &CertificateAuthority::create("Other", now()).unwrap().certificate().to_pem());
    assert!(matches!(CertificateAuthority::load(&dir), Err(AuthorityError::OtherKey { .. })));
    openssl.write(CERTIFICATE_FILE, &issue(&authority, "Acme").certificate().to_pem());
    assert!(matches!(CertificateAuthority::load(&dir), Err(AuthorityError::NotAnAuthority { .. })));
    openssl.write(CERTIFICATE_FILE, "nothing");
    assert!(matches!(CertificateAuthority::load(&dir), Err(AuthorityError::Certificate { .. })));
}

#[test]
fn an_authority_made_by_openssl_issues_or_says_why_not() {
    let made = |subject: &str| {
        let openssl = Openssl::new();
        openssl.run(P256_KEY);
        openssl.run(&[
            "req",
            "-x509",
            "-key",
            "key.pem",
            "-subj",
            subject,
            "-days",
            "4000",
            "-out",
            CERTIFICATE_FILE,
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ]);
        fs::rename(openssl.path("key.pem"), openssl.path(KEY_FILE)).unwrap();
        let authority = CertificateAuthority::load(&openssl.path("")).unwrap();
        let request = CertificateRequest::make(&PrivateKey::generate().unwrap(), "Acme").unwrap();
        let subject = ParticipantSubject::new(ID, "Acme").unwrap();
        let from = authority.certificate().not_before();
        authority.issue(&request, &subject, Validity::of_days(from, 30).unwrap())
    };
    assert!(made("/O=Member/CN=Our CA").is_ok());
    // Two OU: the writer would keep one, and the issuer's name would not be the authority's.
    let error = made("/O=Member/OU=One/OU=Two").unwrap_err();
    assert!(matches!(error, AuthorityError::SelfCheck(_)), "{error}");
}

#[test]
fn an_authority_needs_a_name() {
    assert!(matches!(CertificateAuthority::create(" ", now()), Err(AuthorityError::Name(_))));
    let long = CertificateAuthority::create(&"x".repeat(200), now()).unwrap();
    assert_eq!(long.certificate().organization(), Some("x".repeat(64).as_str()));
}

#[test]
fn a_certificate_is_dated_back_by_what_a_clock_may_be_ahead() {
    let authority = CertificateAuthority::create("Member", now()).unwrap();
    let validity = authority.participant_validity(now()).unwrap();
    let behind = now().plus_millis(-IAT_AHEAD_SECONDS_MAX * 1_000);
    assert!(validity.contains(behind), "an authority made just now, by the same clock, does not cut it");
    assert!(!validity.contains(behind.plus_millis(-2_000)));
    assert!(validity.contains(now().plus_millis(365 * 24 * 60 * 60 * 1_000 - 2_000)), "and it holds a year from now");
}

#[test]
fn an_authority_is_renewed_over_the_same_key() {
    let openssl = Openssl::new();
    let made = now();
    let authority = CertificateAuthority::create("Häfen & Co", made).unwrap();
    authority.save(&openssl.path("")).unwrap();
    let (key, end) = (authority.certificate().public_key().clone(), authority.certificate().not_after());
    let late = end.plus_millis(24 * 60 * 60 * 1_000);
    assert!(matches!(authority.participant_validity(late), Err(AuthorityError::Ended { .. })));
    let renewed = authority.renewed(late).unwrap();
    assert!(renewed.participant_validity(late).is_ok() && renewed.certificate().not_after() > late);
    assert_eq!(renewed.certificate().public_key(), &key);
    renewed.replace(&openssl.path("")).unwrap();
    let loaded = CertificateAuthority::load(&openssl.path("")).unwrap();
    assert_eq!(loaded.certificate(), renewed.certificate());
    // What was issued under the old one verifies under the new one.
    let soon = CertificateAuthority::create("Häfen & Co", made).unwrap();
    let issued = issue(&soon, "Acme");
    let soon = soon.renewed(made.plus_millis(1_000)).unwrap();
    issued.certificate().verify_issued_by(soon.certificate(), made).unwrap();
    assert!(matches!(soon.renewed(made.plus_millis(-1_000)), Err(AuthorityError::NotLater { .. })));
}
