//! A database whose write-ahead log lost its end, or was damaged: what a lying disk leaves after a power cut.

use crate::member::PROVIDER;
use sealane::signatures::AwsLc;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealane::app::capture::capture;
use sealane::app::orderer::{Orderer, UnusableVoteLog};
use sealane::app::{LoadError, audit};
use sealane::bft;
use sealane::pki::X509Reader;
use sealane::ports::{MemberSigner, StoredBlock, VoteLog};
use sealane::store::{SqliteStore, VoteLogFile};
use sealane_core::block::Height;
use tempfile::TempDir;

use crate::member::{LEDGER_FILE, Maker, Member, Unobserved, copy_of, lose_log, member_key};

/// Blocks that the log holds, and nothing else does.
const BLOCKS: usize = 5;

/// A log's header, and a frame of it: its own header and a page (SQLite's file format, §4.1).
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// A directory as a node that was killed leaves it.
struct Killed {
    member: Member,
    dir: TempDir,
    /// How long the log was at each of the last blocks.
    ends: Vec<(usize, StoredBlock)>,
}

impl Killed {
    /// With all of the last blocks in the log alone.
    async fn make() -> Self {
        Self::make_with(false).await
    }

    /// `copied_back`: with the log's pages in the database too, as after a checkpoint of SQLite's.
    async fn make_with(copied_back: bool) -> Self {
        let (member, maker) = Member::with_maker().await;
        sql(&member.dir.path().join(LEDGER_FILE), "PRAGMA wal_checkpoint(TRUNCATE)");
        let mut ends = Vec::new();
        let (orderer, ledger) = member.open().await.unwrap();
        let writer = tokio::spawn(orderer.run());
        ends.push((log_length(&member), ledger.view().tip.clone()));
        for n in 0..BLOCKS {
            capture(&ledger, several(&member, &maker, n)).await.unwrap();
            ends.push((log_length(&member), ledger.view().tip.clone()));
        }
        if copied_back {
            sql(&member.dir.path().join(LEDGER_FILE), "PRAGMA wal_checkpoint(PASSIVE)");
        }
        let dir = copy_of(member.dir.path());
        drop(ledger);
        writer.await.unwrap();
        Self { member, dir, ends }
    }

    fn log(&self) -> Vec<u8> {
        fs::read(log_of(self.dir.path())).unwrap()
    }

    /// The directory with another log. What SQLite keeps in shared memory does not outlive a machine.
    fn with_log(&self, log: &[u8]) -> TempDir {
        let dir = copy_of(self.dir.path());
        fs::write(log_of(dir.path()), log).unwrap();
        fs::remove_file(dir.path().join(format!("{LEDGER_FILE}-shm"))).unwrap();
        dir
    }

    /// The last block that a log holds whole, of which so many bytes are good.
    fn last_whole(&self, good: usize) -> &StoredBlock {
        &self.ends.iter().rev().find(|(end, _)| *end <= good).unwrap_or(&self.ends[0]).1
    }

    fn last(&self) -> &StoredBlock {
        &self.ends.last().unwrap().1
    }

    /// Starts a node on a directory; the block at which it takes the ledger up, or why it does not.
    async fn start(&self, dir: &Path) -> Result<StoredBlock, Refused> {
        let store = SqliteStore::open(&dir.join(LEDGER_FILE)).map_err(|error| Refused::Store(error.to_string()))?;
        let clock = Arc::clone(&self.member.clock) as _;
        let signer: Arc<dyn MemberSigner> = Arc::new(member_key(dir));
        let log: Box<dyn VoteLog> = match VoteLogFile::open(dir, self.member.kid(), &self.member.origin()) {
            Ok(log) => Box::new(log),
            Err(error) => Box::new(UnusableVoteLog::because(error.to_string())),
        };
        let consensus = bft::alone(Arc::clone(&signer), log, Arc::new(AwsLc), Arc::new(X509Reader));
        let (store_port, observer) = (Arc::new(store.clone()), Arc::new(Unobserved));
        let opened = Orderer::open(store_port, clock, signer, Arc::new(AwsLc), observer, consensus).await;
        let (_orderer, ledger) = opened.map_err(Refused::Load)?;
        // Every block that is taken up is whole in all its parts.
        audit::audit(&store, PROVIDER).await.unwrap();
        Ok(ledger.view().tip.clone())
    }
}

#[derive(Debug)]
enum Refused {
    Store(String),
    Load(LoadError),
}

impl Refused {
    /// It is behind what the member's key has signed, and says so, and what to do.
    fn is_behind(&self, marked: Height, found: Height) -> bool {
        let Self::Load(error @ LoadError::Behind { .. }) = self else { return false };
        let says = error.to_string();
        let heights = format!("has signed height {marked}, and the ledger here ends at {found}");
        says.contains(&heights) && says.contains("would fork the ledger. Fetch the missing blocks")
    }
}

fn several(member: &Member, maker: &Maker, n: usize) -> sealane_core::statement::SubmittedStatement {
    member.commissioning(maker, &format!("T{n}"))
}

fn log_of(dir: &Path) -> PathBuf {
    dir.join(format!("{LEDGER_FILE}-wal"))
}

fn log_length(member: &Member) -> usize {
    fs::metadata(log_of(member.dir.path())).unwrap().len() as usize
}

fn sql(file: &Path, statement: &str) {
    use diesel::connection::SimpleConnection;
    use diesel::{Connection, SqliteConnection};
    SqliteConnection::establish(file.to_str().unwrap()).unwrap().batch_execute(statement).unwrap();
}

/// Where each frame of a log begins, and where the last one ends.
fn boundaries(log: &[u8]) -> impl Iterator<Item = usize> {
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
    (LOG_HEADER..=log.len()).step_by(FRAME_HEADER + page)
}

/// A number below `end` that differs from place to place, and not from run to run.
fn any_below(end: usize, place: usize) -> usize {
    (place as u64 ^ 0x5eed).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize % end
}

/// Opens a damaged copy with the log of votes, then without: a log of votes that is lost as well leaves the committed blocks before the
/// damage, and nothing else.
async fn must_be_noticed(killed: &Killed, log: &[u8], good: usize, what: &str) {
    let (expected, last) = (killed.last_whole(good), killed.last());
    let dir = killed.with_log(log);
    match killed.start(dir.path()).await {
        Ok(tip) => assert_eq!((&tip, expected), (last, last), "{what}: a fork in the making"),
        Err(refused) => {
            assert!(refused.is_behind(last.seal.height, expected.seal.height), "{what}: {refused:?}");
        }
    }
    lose_log(dir.path());
    let tip = killed.start(dir.path()).await.unwrap_or_else(|refused| panic!("{what}: {refused:?}"));
    assert_eq!(&tip, expected, "{what}");
}

#[tokio::test]
async fn a_log_cut_off_anywhere_gives_the_blocks_before_the_cut_or_is_refused_by_the_votes() {
    let killed = Killed::make().await;
    let log = killed.log();
    let boundaries: Vec<usize> = boundaries(&log).collect();
    assert_eq!(boundaries.last(), Some(&log.len()), "the log is whole frames");
    let frame = boundaries[1] - boundaries[0];
    let inside = boundaries[1..].iter().step_by(5).map(|end| end - 1 - any_below(frame - 2, *end));
    for cut in boundaries.iter().copied().chain(inside).chain([0, 1, LOG_HEADER - 1]) {
        must_be_noticed(&killed, &log[..cut], cut, &format!("cut at {cut}")).await;
    }
}

#[tokio::test]
async fn a_bit_flipped_anywhere_in_a_log_gives_the_blocks_before_it_or_is_refused_by_the_votes() {
    let killed = Killed::make().await;
    let log = killed.log();
    let boundaries: Vec<usize> = boundaries(&log).collect();
    let frame = boundaries[1] - boundaries[0];
    let header = [0, 9, 17, 29];
    let frames = boundaries[..boundaries.len() - 1].iter().enumerate().step_by(3);
    // In turn in the frame's own header and in its page.
    let within = frames.map(|(n, begin)| begin + any_below(if n % 2 == 0 { FRAME_HEADER } else { frame }, *begin));
    for at in header.into_iter().chain(within) {
        let mut log = log.clone();
        log[at] ^= 1 << (at % 8);
        let good = boundaries.iter().rev().find(|begin| **begin <= at).copied().unwrap_or(0);
        must_be_noticed(&killed, &log, good, &format!("bit flipped at {at}")).await;
    }
}

/// Then older pages from the log stand over newer ones in the database: no block that was committed.
#[tokio::test]
async fn a_log_cut_off_after_it_was_copied_back_is_refused_or_whole() {
    let killed = Killed::make_with(true).await;
    let log = killed.log();
    let (mut whole, mut refused) = (0, 0);
    for cut in boundaries(&log).step_by(2) {
        let dir = killed.with_log(&log[..cut]);
        match killed.start(dir.path()).await {
            Ok(tip) => {
                assert_eq!(&tip, killed.last(), "cut at {cut}");
                whole += 1;
            }
            Err(Refused::Store(says)) => panic!("cut at {cut}: {says}"),
            Err(Refused::Load(_)) => refused += 1,
        }
    }
    assert!(whole > 0 && refused > 0, "{whole} whole, {refused} refused");
}
