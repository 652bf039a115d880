//! Statements: read, verified with aws-lc-rs, with the table of a known signer and with p256, and signed; tables made.

use sealane::signatures::AwsLc;
use sealane_core::statement::SignatureVerifier;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{SigningKey, VerifyingKey};
use sealane_core::hash::Hash;
use sealane_core::statement::{Draft, Header, PublicKey, SubmittedStatement, sign};
use sealane_core::time::Timestamp;
use sealane_p256_tables::KnownKey;

/// Distinct statements, so that no branch predictor learns one signature by heart.
const STATEMENTS: usize = 256;

/// Signers in turn, so that no table stays in the nearest cache.
const SIGNERS: u8 = 50;

fn document(serial: usize) -> Vec<u8> {
    format!(
        concat!(
            r#"{{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],"#,
            r#""type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2026-11-21T09:30:00.000Z","#,
            r#""epcisBody":{{"eventList":[{{"type":"ObjectEvent","eventTime":"2026-11-21T09:29:00.000Z","#,
            r#""eventTimeZoneOffset":"+00:00","epcList":["https://id.gs1.org/01/09506000134352/21/B{}"],"#,
            r#""action":"OBSERVE","bizStep":"shipping","disposition":"in_transit","#,
            r#""readPoint":{{"id":"https://id.gs1.org/414/9506000134376"}}}}]}}}}"#
        ),
        serial
    )
    .into_bytes()
}

fn draft(serial: usize) -> Draft {
    let iat = Timestamp::from_seconds(1_795_253_400).unwrap();
    Draft::new(Header::epcis(Hash::of(b"certificate"), "ledger.example/bench", iat), &document(serial)).unwrap()
}

fn statements(criterion: &mut Criterion) {
    let secret = SigningKey::from_slice(&[7; 32]).unwrap();
    let other = *secret.verifying_key();
    let key = PublicKey::from(&other);
    let signed: Vec<SubmittedStatement> = (0..STATEMENTS).map(|serial| sign(draft(serial), &secret)).collect();
    let mut at = 0;
    let mut next = move || {
        at = (at + 1) % STATEMENTS;
        at
    };

    let mut group = criterion.benchmark_group("statement");
    group.throughput(Throughput::Elements(1));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| SubmittedStatement::parse(black_box(signed[next()].compact().as_bytes())).unwrap());
    });
    group.bench_function("verify with aws-lc-rs", |bencher| {
        bencher.iter(|| {
            let statement = &signed[next()];
            AwsLc.verify(&key, black_box(statement.signing_input().as_bytes()), statement.signature()).unwrap();
        });
    });
    let known = KnownKey::new(&key);
    group.bench_function("verify with a table", |bencher| {
        bencher.iter(|| {
            let statement = &signed[next()];
            known.verify(black_box(statement.signing_input().as_bytes()), statement.signature()).unwrap();
        });
    });
    let secrets: Vec<SigningKey> = (1..=SIGNERS).map(|seed| SigningKey::from_slice(&[seed; 32]).unwrap()).collect();
    let tables: Vec<KnownKey> =
        secrets.iter().map(|secret| KnownKey::new(&PublicKey::from(secret.verifying_key()))).collect();
    let by_many: Vec<(&KnownKey, SubmittedStatement)> = (0..STATEMENTS)
        .map(|serial| (&tables[serial % tables.len()], sign(draft(serial), &secrets[serial % secrets.len()])))
        .collect();
    group.bench_function("verify with 50 tables in turn", |bencher| {
        bencher.iter(|| {
            let (known, statement) = &by_many[next()];
            known.verify(black_box(statement.signing_input().as_bytes()), statement.signature()).unwrap();
        });
    });
    group.bench_function("make a table", |bencher| bencher.iter(|| KnownKey::new(black_box(&key))));
    group.bench_function("verify with p256", |bencher| bencher.iter(|| verify_with_p256(&other, &signed[next()])));
    group.bench_function("parse and verify", |bencher| {
        bencher.iter(|| {
            let compact = black_box(signed[next()].compact().as_bytes());
            SubmittedStatement::parse(compact).unwrap().verify(&key, &AwsLc).unwrap()
        });
    });
    group.bench_function("make and sign", |bencher| bencher.iter(|| sign(draft(next()), &secret)));
    group.finish();
}

fn verify_with_p256(key: &VerifyingKey, statement: &SubmittedStatement) {
    let signature = p256::ecdsa::Signature::from_slice(statement.signature().as_bytes()).unwrap();
    key.verify(black_box(statement.signing_input().as_bytes()), &signature).unwrap();
}

criterion_group!(benches, statements);
criterion_main!(benches);
