//! A node says that it can write only while it can: after a write that failed, not before one succeeds.

use crate::member::PROVIDER;
use std::sync::Arc;

use sealane::app::audit;
use sealane::app::capture::{CaptureError, capture};
use sealane::app::orderer::OrderError;
use sealane::app::registration::RegistrationError;
use sealane::ports::StoreError;

use crate::faults::{Fault, Faults, How, Side, Step};
use crate::member::{Applicant, Member};

fn refused<T>(captured: Result<T, CaptureError>) -> OrderError {
    match captured {
        Err(CaptureError::Order(refused)) => refused,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was captured"),
    }
}

/// A write that fails, and then so many tries that fail.
fn failing(how: How, side: Side, tries: usize) -> Vec<Fault> {
    let fault = |step, side| Fault { step, nth: 1, side, how };
    let mut faults = vec![fault(Step::Append, side)];
    faults.extend(std::iter::repeat_n(fault(Step::ProbeWrite, Side::Before), tries));
    faults
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_was_full_is_tried_until_a_block_is_written() {
    let (member, maker) = Member::with_maker().await;
    let faults = Faults::new(member.dir.path());
    let (orderer, ledger) = faults.ports(&member).open(Arc::clone(&member.clock) as _).await.unwrap();
    let writer = tokio::spawn(orderer.run());
    assert!(ledger.is_writable());

    faults.arm(failing(How::Full, Side::Before, 3));
    let statement = member.commissioning(&maker, "A1");
    let size = ledger.view().size();
    assert!(matches!(refused(capture(&ledger, statement.clone()).await), OrderError::Full));
    assert!(!ledger.is_writable() && matches!(ledger.obstacle(), Some(OrderError::Full)));
    // Who comes meanwhile hears the same, from the try alone.
    assert!(matches!(refused(capture(&ledger, statement.clone()).await), OrderError::Full));
    assert_eq!(faults.disarm().len(), 2);

    // With nobody asking it goes on by itself, by a block of a seal alone.
    faults.arm(failing(How::Full, Side::Before, 0).into_iter().chain(failing(How::Full, Side::Before, 3).split_off(1)));
    while !ledger.is_writable() {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    assert_eq!(faults.disarm().len(), 0, "it was ready before all had failed that was to fail");
    assert_eq!(ledger.view().size().get(), size.get() + 1, "a block was the proof");
    assert!(!capture(&ledger, statement).await.unwrap().placed.repeated);
    drop(ledger);
    writer.await.unwrap();
    audit::audit(&member.store, PROVIDER).await.unwrap();
}

#[tokio::test]
async fn what_is_certain_is_told_as_certain_and_what_is_not_as_that() {
    let (member, maker) = Member::with_maker().await;
    let faults = Faults::new(member.dir.path());
    let (orderer, ledger) = faults.ports(&member).open(Arc::clone(&member.clock) as _).await.unwrap();
    let writer = tokio::spawn(orderer.run());
    for (n, side) in [Side::Before, Side::After].into_iter().enumerate() {
        // As of a connection that was lost: here the store cannot tell.
        faults.arm(failing(How::Error, side, 1));
        let statement = member.commissioning(&maker, &format!("U{n}"));
        let unknown = refused(capture(&ledger, statement.clone()).await);
        assert_eq!(
            unknown.to_string(),
            "Writing failed, and we do not know whether your statement was stored. Post the same bytes again: if it was \
             stored you get its receipt."
        );
        assert!(matches!(unknown, OrderError::Unwritten(_)));
        // The next one was not even tried.
        let certain = refused(capture(&ledger, member.commissioning(&maker, &format!("V{n}"))).await);
        assert!(matches!(&certain, OrderError::StoreRefused(_)), "{certain}");
        assert!(certain.to_string().contains("nothing was written"), "{certain}");
        let again = capture(&ledger, statement).await.unwrap().placed;
        assert_eq!(again.repeated, side == Side::After);
    }
    assert!(!matches!(StoreError::Refused(String::new()), StoreError::Unavailable(_)));
    drop(ledger);
    writer.await.unwrap();
}

#[tokio::test]
async fn a_request_that_could_not_be_kept_is_a_write_that_failed() {
    let member = Member::begin().await;
    let faults = Faults::new(member.dir.path());
    let (orderer, ledger) = faults.ports(&member).open(Arc::clone(&member.clock) as _).await.unwrap();
    faults.arm([Fault { step: Step::AddRequest, nth: 1, side: Side::Before, how: How::Full }]);
    assert!(matches!(Applicant::new().ask(&ledger).await, Err(RegistrationError::Ledger(_))));
    assert!(!ledger.is_writable());
    let size = ledger.view().size();
    let writer = tokio::spawn(orderer.run());
    // The writer was told, and does not wait for its heartbeat.
    let began = std::time::Instant::now();
    while !ledger.is_writable() {
        assert!(began.elapsed().as_secs() < 60, "it is not tried");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(ledger.view().size().get(), size.get() + 1);
    drop(ledger);
    writer.await.unwrap();
}
