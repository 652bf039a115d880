//! Capture end to end, without HTTP: from a signed statement's bytes to a block that is on disk.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use sealane::app::capture::capture;
use sealane_core::statement::SubmittedStatement;

#[allow(dead_code, reason = "the tests of the ledger use the rest of it")]
#[path = "../tests/ledger/member.rs"]
mod member;

use member::Member;

/// Statements that wait together, as they do under load.
const GROUP: u64 = 64;

fn captures(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (member, maker) = runtime.block_on(Member::with_maker());
    let (orderer, ledger) = runtime.block_on(member.open()).unwrap();
    runtime.spawn(orderer.run());
    let mut serial = 0;
    let mut next = || {
        serial += 1;
        member.commissioning(&maker, &serial.to_string()).compact().to_owned()
    };

    let mut group = criterion.benchmark_group("capture");
    group.throughput(Throughput::Elements(1)).bench_function("one statement, one block", |bench| {
        bench.iter_batched(
            &mut next,
            |compact| {
                let statement = SubmittedStatement::parse(compact.as_bytes()).unwrap();
                runtime.block_on(capture(&ledger, statement)).unwrap()
            },
            BatchSize::SmallInput,
        );
    });
    group.throughput(Throughput::Elements(GROUP)).bench_function("64 statements at once", |bench| {
        bench.iter_batched(
            || (0..GROUP).map(|_| next()).collect::<Vec<_>>(),
            |statements| {
                let captures: Vec<_> = statements
                    .into_iter()
                    .map(|compact| {
                        let ledger = ledger.clone();
                        runtime.spawn(async move {
                            let statement = SubmittedStatement::parse(compact.as_bytes()).unwrap();
                            capture(&ledger, statement).await
                        })
                    })
                    .collect();
                for captured in captures {
                    runtime.block_on(captured).unwrap().unwrap();
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, captures);
criterion_main!(benches);
