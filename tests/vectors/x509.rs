//! Certificates of x509-limbo and of webpki's own tests.
//!
//! webpki validates paths here, so the cases go through webpki: those for clients, and those for servers that are about
//! the path and not about a server's name. Every certificate also goes through `Certificate`, which may refuse a good
//! one (it takes P-256 and no intermediates) but never accepts a bad one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::{CertificateDer, UnixTime};
use sealane::pki::{Certificate, CertificateError, CertificateRequest};
use sealane_core::time::Timestamp;
use serde_json::Value;
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, EndEntityCert, Error, KeyUsage, RevocationCheckDepth,
    RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy, anchor_from_trusted_cert,
};

/// Cases that webpki decides otherwise than expected, by the beginning of their ids, and why that does no harm here.
const LISTED: &[(&str, &str)] = &[
    ("rfc5280::nc::nc-permits-email-", "webpki has no e-mail constraints and refuses: safe, and no profile has any"),
    (
        "pathlen::max-chain-depth-",
        "webpki takes no limit from its caller; verify_issued_by takes no intermediates at all",
    ),
    ("pathlen::self-issued-certs-pathlen", "webpki counts self-issued intermediates too and refuses: safe"),
    ("pathlen::validation-ignores-pathlen-in-leaf", "webpki refuses a CA as the leaf, and so does verify_issued_by"),
    ("rfc5280::ca-as-leaf", "webpki refuses a CA as the leaf, and so does verify_issued_by"),
    (
        "rfc5280::aki::",
        "webpki goes by names and signatures, not by key identifiers; participants' certificates have both",
    ),
    (
        "rfc5280::ski::",
        "webpki goes by names and signatures, not by key identifiers; participants' certificates have both",
    ),
    ("webpki::aki::root-", "webpki reads a root's name and key only; the authority is the member's own"),
    ("webpki::eku::root-has-eku", "webpki reads a root's name and key only; the profile of authorities has none"),
    (
        "webpki::eku::ee-",
        "webpki lets a missing usage pass, and any beside the right one; verify_issued_by asks for clientAuth by name",
    ),
    (
        "rfc5280::unknown-critical-extension-root",
        "webpki reads a root's name and key only; the authority is the member's own",
    ),
    (
        "rfc5280::validity::expired-root",
        "webpki reads a root's name and key only; verify_issued_by looks at its validity",
    ),
    ("rfc5280::root-inconsistent-ca-extensions", "webpki reads no key usage; verify_issued_by asks for keyCertSign"),
    ("rfc5280::leaf-ku-keycertsign", "webpki reads no key usage; verify_issued_by asks for CA:TRUE of an issuer"),
    ("rfc5280::serial::", "webpki does not judge serial numbers; the profiles have 20 octets"),
    ("webpki::forbidden-rsa-", "webpki takes RSA of this length in a root; Certificate takes P-256 only"),
    ("webpki::malformed-aia", "webpki does not read where an issuer is to be fetched; nothing is fetched here"),
];

/// Groups of server cases that are about what a client's certificate does not have: a host name, constraints on names,
/// a revocation list (the ledger revokes) and the certificates of web sites.
const NOT_FOR_CLIENTS: &[&str] = &["::san::", "::cn::", "::nc::", "nc-dos", "cve::", "crl::", "online::"];

/// Server cases that are bad because the certificate is a client's, which is what it should be here.
const GOOD_FOR_CLIENTS: &[&str] = &["rfc5280::eku::ee-wrong-eku"];

/// The time that webpki's own tests validate at, in seconds since 1970.
const WEBPKI_TIME: u64 = 0x1fed_f00d;

type Der = CertificateDer<'static>;

fn validate(
    leaf: &Der,
    intermediates: &[Der],
    roots: &[Der],
    seconds: u64,
    usage: KeyUsage,
    revocation: Option<RevocationOptions<'_>>,
) -> Result<(), Error> {
    let anchors = roots.iter().map(anchor_from_trusted_cert).collect::<Result<Vec<_>, _>>()?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    EndEntityCert::try_from(leaf)?
        .verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, intermediates, time, usage, revocation, None)
        .map(|_| ())
}

fn files_ending(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    paths.sort();
    paths
}

fn limbo_cases() -> Option<Vec<Value>> {
    let folder = crate::folder("ledger/x509-limbo")?;
    let mut cases = Vec::new();
    for path in files_ending(&folder, ".json") {
        let document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        cases.extend(document["testcases"].as_array().cloned().unwrap_or_default());
    }
    assert!(!cases.is_empty(), "no case in {}", folder.display());
    Some(cases)
}

fn id(case: &Value) -> &str {
    case["id"].as_str().unwrap()
}

fn texts<'a>(case: &'a Value, member: &str) -> Vec<&'a str> {
    match &case[member] {
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        text => text.as_str().into_iter().collect(),
    }
}

fn certificates(case: &Value, member: &str) -> Vec<Der> {
    let decode = |text: &str| {
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        STANDARD.decode(body).unwrap().into()
    };
    texts(case, member).into_iter().map(decode).collect()
}

/// The time of a case; one without is the same at any time within its certificates' centuries.
fn time(case: &Value) -> Timestamp {
    case["validation_time"].as_str().unwrap_or("2026-06-01T00:00:00Z").parse().unwrap()
}

/// Runs cases through webpki; each comes out as expected or is listed.
fn run_limbo(kind: &str, usage: KeyUsage, wanted: impl Fn(&str) -> bool) {
    let Some(cases) = limbo_cases() else { return };
    let cases: Vec<_> = cases.iter().filter(|case| case["validation_kind"] == kind && wanted(id(case))).collect();
    assert!(!cases.is_empty(), "no case of the kind {kind}");
    let mut faults = Vec::new();
    for case in cases {
        let [leaf, intermediates, roots] =
            ["peer_certificate", "untrusted_intermediates", "trusted_certs"].map(|member| certificates(case, member));
        let seconds = u64::try_from(time(case).seconds()).unwrap();
        let found = validate(&leaf[0], &intermediates, &roots, seconds, usage, None);
        if found.is_ok() == (case["expected_result"] == "SUCCESS") {
            continue;
        }
        match LISTED.iter().find(|(listed, _)| id(case).starts_with(listed)) {
            Some((_, reason)) => println!("{}: {found:?}; {reason}", id(case)),
            None => faults.push(format!("{}: {found:?}, expected {}", id(case), case["expected_result"])),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn limbo_cases_for_clients_come_out_as_expected() {
    run_limbo("CLIENT", KeyUsage::client_auth(), |_| true);
}

#[test]
fn limbo_cases_about_paths_come_out_as_expected() {
    let about_paths = |id: &str| NOT_FOR_CLIENTS.iter().all(|other| !id.contains(other));
    run_limbo("SERVER", KeyUsage::server_auth(), about_paths);
}

#[test]
fn no_reason_is_listed_twice_or_for_nothing() {
    let Some(cases) = limbo_cases() else { return };
    for (listed, _) in LISTED {
        assert!(cases.iter().any(|case| id(case).starts_with(listed)), "no case begins with {listed}");
        assert_eq!(LISTED.iter().filter(|(other, _)| listed.starts_with(other)).count(), 1, "{listed}");
    }
}

#[test]
fn our_own_check_accepts_nothing_bad_in_limbo() {
    let Some(cases) = limbo_cases() else { return };
    let mut parsed = 0;
    for case in &cases {
        let [leaves, others, roots] = ["peer_certificate", "untrusted_intermediates", "trusted_certs"]
            .map(|member| texts(case, member).into_iter().map(Certificate::parse_pem).collect::<Vec<_>>());
        parsed += leaves.iter().chain(&others).chain(&roots).filter(|certificate| certificate.is_ok()).count();
        let leaf = leaves.into_iter().flatten().next();
        for (leaf, root) in leaf.iter().flat_map(|leaf| roots.iter().flatten().map(move |root| (leaf, root))) {
            let accepted = leaf.verify_issued_by(root, time(case)).is_ok();
            let good = case["expected_result"] == "SUCCESS" || GOOD_FOR_CLIENTS.contains(&id(case));
            assert!(!accepted || good, "{} was accepted", id(case));
        }
        let request = texts(case, "peer_certificate").first().map(|text| CertificateRequest::parse_pem(text));
        assert!(!matches!(request, Some(Ok(_))), "a certificate is no request");
    }
    assert!(parsed > 0, "not one certificate parsed");
}

/// One of webpki's tests over files, read off its source text.
struct WebpkiTest {
    name: String,
    files: Vec<String>,
    expected: String,
    end_entity_only: bool,
    unknown_allowed: bool,
}

/// Reads the tests that take their certificates from files; the others make theirs by rcgen when they run.
fn webpki_tests(folder: &Path) -> Vec<WebpkiTest> {
    let sources = files_ending(&folder.join("expected"), ".rs.txt");
    let texts: Vec<String> = sources.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    texts.iter().flat_map(|text| text.split("#[test]").skip(1)).filter_map(webpki_test).collect()
}

fn webpki_test(source: &str) -> Option<WebpkiTest> {
    let between = |text: &str, before: &str, after: &str| -> Option<String> {
        Some(text.split_once(before)?.1.split_once(after)?.0.to_owned())
    };
    let files: Vec<String> =
        source.split("include_bytes!").skip(1).filter_map(|rest| between(rest, "(\"", "\")")).collect();
    if files.is_empty() {
        return None;
    }
    Some(WebpkiTest {
        name: between(source, "fn ", "(")?,
        files,
        expected: between(source, "Err(webpki::Error::", ")")
            .map_or("Ok(())".to_owned(), |error| format!("Err({error})")),
        end_entity_only: source.contains("RevocationCheckDepth::EndEntity"),
        unknown_allowed: source.contains("UnknownStatusPolicy::Allow"),
    })
}

fn files_like(test: &WebpkiTest, folder: &Path, part: &str) -> Vec<Vec<u8>> {
    let named = test.files.iter().filter(|file| file.contains(part));
    named.map(|file| fs::read(folder.join(file)).unwrap()).collect()
}

#[test]
fn webpki_tests_for_clients_with_revocation_lists_come_out_as_expected() {
    let Some(folder) = crate::folder("ledger/webpki") else { return };
    let tests = webpki_tests(&folder);
    assert!(!tests.is_empty(), "no test over files in {}", folder.display());
    for test in &tests {
        let [leaf, intermediates, roots] = [".ee.der", ".int.", ".root.ca."]
            .map(|part| files_like(test, &folder, part).into_iter().map(Der::from).collect::<Vec<_>>());
        let lists: Vec<CertRevocationList<'_>> = files_like(test, &folder, ".crl.der")
            .iter()
            .map(|der| BorrowedCertRevocationList::from_der(der).unwrap().to_owned().unwrap().into())
            .collect();
        let lists: Vec<&CertRevocationList<'_>> = lists.iter().collect();
        let mut options = RevocationOptionsBuilder::new(&lists).unwrap();
        if test.end_entity_only {
            options = options.with_depth(RevocationCheckDepth::EndEntity);
        }
        if test.unknown_allowed {
            options = options.with_status_policy(UnknownStatusPolicy::Allow);
        }
        let usage = KeyUsage::client_auth();
        let found = validate(&leaf[0], &intermediates, &roots, WEBPKI_TIME, usage, Some(options.build()));
        assert_eq!(format!("{found:?}"), test.expected, "{}", test.name);
        assert_eq!(validate(&leaf[0], &intermediates, &roots, WEBPKI_TIME, usage, None), Ok(()), "{}", test.name);
    }
}

#[test]
fn webpki_chains_hold_unless_their_issuers_are_missing() {
    let Some(folder) = crate::folder("ledger/webpki/client_auth_revocation") else { return };
    let mut chains: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in files_ending(&folder, ".der") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Some((chain, _)) = name.split_once("_chain.") {
            chains.entry(chain.to_owned()).or_default().push(path);
        }
    }
    assert!(!chains.is_empty(), "no chain in {}", folder.display());
    for (chain, paths) in &chains {
        let ders = |part: &str| -> Vec<Der> {
            let named = paths.iter().filter(|path| path.to_string_lossy().contains(part));
            named.map(|path| fs::read(path).unwrap().into()).collect()
        };
        let [leaf, intermediates, roots] = [".ee.der", ".int.", ".root.ca."].map(ders);
        let found = validate(&leaf[0], &intermediates, &roots, WEBPKI_TIME, KeyUsage::client_auth(), None);
        let expected = if roots.is_empty() { Err(Error::UnknownIssuer) } else { Ok(()) };
        assert_eq!(found, expected, "{chain}");
        for der in leaf.iter().chain(&intermediates).chain(&roots) {
            let parsed = Certificate::parse_der(der);
            assert!(matches!(parsed, Ok(_) | Err(CertificateError::Key(_))), "{chain}: {parsed:?}");
        }
    }
}
