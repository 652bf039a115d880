//! As somebody else would use it: keys and requests by openssl, HTTP by curl, statements by a JWS library in Python.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Node, document, object_event, path, run_ok, text};

const ITEM: &str = "https://id.gs1.org/01/09506000134352/21/OUT1";

/// Signs with jwcrypto, a public JWS library, the way docs/API.md shows.
const SIGN_PY: &str = r#"
import base64, hashlib, json, sys, time
from jwcrypto import jwk, jws
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

key, certificate, origin, document = sys.argv[1:5]
with open(certificate, "rb") as file:
    der = x509.load_pem_x509_certificate(file.read()).public_bytes(Encoding.DER)
thumbprint = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
header = {"alg": "ES256", "typ": "epcis+jws", "x5t#S256": thumbprint, "aud": origin, "iat": int(time.time())}
with open(key, "rb") as file:
    private = jwk.JWK.from_pem(file.read())
with open(document, "rb") as file:
    statement = jws.JWS(file.read())
statement.add_signature(private, alg="ES256", protected=json.dumps(header))
sys.stdout.write(statement.serialize(compact=True))
"#;

fn shell(dir: &Path, script: &str) -> String {
    let output = Command::new("sh").args(["-ec", script]).current_dir(dir).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{script}\n{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn openssl_curl_and_a_python_library_take_part() {
    let node = Node::start();
    let dir = node.dir.path();
    let url = &node.url;

    // A key and a request by openssl; curl posts it.
    shell(
        dir,
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out request.pem -subj '/O=Outsider/CN=Outsider' 2>/dev/null
         chmod 600 key.pem",
    );
    let request = json!({
        "organization": "Outsider",
        "roles": ["manufacturer"],
        "glns": [],
        "gs1CompanyPrefixes": ["9506000"],
        "namespaces": [],
        "csr": std::fs::read_to_string(dir.join("request.pem")).unwrap(),
    });
    std::fs::write(dir.join("request.json"), request.to_string()).unwrap();
    let answer = shell(
        dir,
        &format!("curl -sS -H 'Content-Type: application/json' --data-binary @request.json {url}/participants"),
    );
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["status"], "pending", "{answer}");
    let id = answer["id"].as_str().unwrap();
    node.run_ok(&["approve", "--yes", id]);

    // The certificate stands up to openssl, under the member's authority.
    shell(dir, &format!("curl -sS -o certificate.pem {url}/participants/{id}/certificate"));
    let verified = shell(dir, "openssl verify -CAfile data/ca.pem -purpose sslclient certificate.pem");
    assert!(verified.contains("certificate.pem: OK"), "{verified}");
    let shown = shell(dir, "openssl x509 -in certificate.pem -noout -text");
    for part in [
        "NIST CURVE: P-256",
        "TLS Web Client Authentication",
        &format!("URI:urn:uuid:{id}"),
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
        "CA:FALSE",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }

    // A statement by jwcrypto; curl posts it.
    let event = object_event("ADD", "commissioning", &[ITEM], "2026-03-01T08:00:00.000Z");
    std::fs::write(dir.join("document.json"), document(vec![event]).to_string()).unwrap();
    std::fs::write(dir.join("sign.py"), SIGN_PY).unwrap();
    let origin = &node.origin;
    shell(dir, &format!("/usr/bin/python3 sign.py key.pem certificate.pem '{origin}' document.json > statement.jose"));
    let captured = shell(
        dir,
        &format!(
            "curl -sS -w '\\n%{{http_code}}' -H 'Content-Type: application/jose' -H 'Prefer: wait=10' --data-binary @statement.jose {url}/epcis/capture"
        ),
    );
    let (body, status) = captured.rsplit_once('\n').unwrap();
    assert_eq!(status, "200", "{body}");
    let job: Value = serde_json::from_str(body).unwrap();
    assert_eq!(job["success"], true);

    // The receipt's leaf is what openssl's SHA-256 makes of the bytes.
    let leaf = job["receipt"]["leafIndex"].as_u64().unwrap();
    let digest = shell(
        dir,
        &format!(
            "curl -sS -o leaf.bin {url}/ledger/leaves/{leaf}; (printf '\\000'; cat leaf.bin) | openssl dgst -sha256 -binary | openssl base64 -A | tr '+/' '-_' | tr -d '='"
        ),
    );
    assert_eq!(digest, job["receipt"]["leafHash"].as_str().unwrap());

    // And anyone sees that it is on record.
    let verdict = shell(dir, &format!("curl -sS -G --data-urlencode 'id={ITEM}' {url}/verify"));
    let verdict: Value = serde_json::from_str(&verdict).unwrap();
    assert_eq!(verdict["verdict"], "authentic", "{verdict}");
    run_ok(&["audit", "--data", path(&node.data())]);
}
