//! A node says that nothing is recorded through it while too few members can be reached, or while it signs nothing.

use std::sync::Arc;

use sealane::app::Ledger;
use sealane::app::capture::{CaptureError, capture};
use sealane::app::orderer::{Consensus, OrderError, Orderer, UnusableVoteLog};
use sealane::app::registration::RegistrationError;
use sealane::ports::VoteLog;
use sealane::signatures::AwsLc;
use sealane_core::block::Height;

use crate::member::{Applicant, Member, Unobserved};

async fn open(member: &Member, log: Option<Box<dyn VoteLog>>) -> (Orderer, Ledger) {
    let consensus = member.consensus();
    let consensus = match log {
        Some(log) => Consensus { log, ..consensus },
        None => consensus,
    };
    let (store, clock, signer) =
        (Arc::new(member.store.clone()), Arc::clone(&member.clock), Arc::clone(&member.signer));
    Orderer::open(store, clock as _, signer, Arc::new(AwsLc), Arc::new(Unobserved), consensus).await.unwrap()
}

#[tokio::test]
async fn a_member_of_four_whom_no_other_reaches_is_not_ready_and_is_read() {
    let member = Member::found(4).await.remove(0);
    let (orderer, ledger) = open(&member, None).await;
    let writer = tokio::spawn(orderer.run());
    let Some(OrderError::NoQuorum(lost)) = ledger.obstacle() else { panic!("{:?}", ledger.obstacle()) };
    assert_eq!((lost.needed, lost.members, lost.reachable, lost.missing.len()), (3, 4, 1, 3));
    assert!(lost.shortage().starts_with("3 of 4 members must agree and 1 can be reached (missing: Member "));
    assert!(!ledger.is_writable() && ledger.silence().is_none());
    let refused = Applicant::new().ask(&ledger).await;
    assert!(matches!(refused, Err(RegistrationError::Order(OrderError::NoQuorum(found))) if found == lost));
    let council = ledger.council_now();
    let own = council.members.iter().find(|one| one.is_self).unwrap();
    assert_eq!((own.tip, own.root), (Some(Height::GENESIS), Some(ledger.view().tip.checkpoint.root)));
    assert_eq!(council.members.iter().filter(|one| one.tip.is_none() && !one.reachable).count(), 3);
    assert_eq!(ledger.store().tip().await.unwrap().unwrap().commit.height, Height::GENESIS);
    drop(ledger);
    writer.await.unwrap();
}

#[tokio::test]
async fn a_member_that_signs_nothing_is_not_ready_and_says_why() {
    let (member, maker) = Member::with_maker().await;
    let (orderer, ledger) =
        open(&member, Some(Box::new(UnusableVoteLog::because("the log of votes is lost".to_owned())))).await;
    let writer = tokio::spawn(orderer.run());
    // The first thing that the writer does is to take up its log.
    let began = std::time::Instant::now();
    while ledger.is_writable() {
        assert!(began.elapsed().as_secs() < 60, "the log is taken up without a word");
        tokio::task::yield_now().await;
    }
    let Some(OrderError::Silent(reason)) = ledger.obstacle() else { panic!("{:?}", ledger.obstacle()) };
    assert!(reason.contains("the log of votes is lost"), "{reason}");
    assert!(matches!(ledger.silence(), Some(OrderError::Silent(found)) if found == reason));
    let refused = capture(&ledger, member.commissioning(&maker, "S1")).await;
    assert!(matches!(refused, Err(CaptureError::Order(OrderError::Silent(found))) if found == reason));
    // One member is a quorum all the same.
    assert_eq!(ledger.council().no_quorum(), None);
    assert!(ledger.store().tip().await.unwrap().is_some());
    drop(ledger);
    writer.await.unwrap();
}
