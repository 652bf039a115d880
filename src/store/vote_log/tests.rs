//! The log over files that lose what was not flushed, whole or in part.

use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;

use super::*;
use sealane_core::agreement::{LoggedValue, Timer, TimerKind, ValueId};

/// Bytes that a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// A file whose last writes may be lost, and which can be told to stop working at a step.
#[derive(Clone, Default)]
struct Medium(Arc<Mutex<Volatile>>);

#[derive(Default)]
struct Volatile {
    /// What a crash leaves for certain.
    durable: Vec<u8>,
    /// What readers see.
    cached: Vec<u8>,
    /// Steps until one fails; `None` for never.
    fails_at: Option<usize>,
    /// What was done, in order.
    steps: Vec<&'static str>,
}

impl Volatile {
    fn step(&mut self, name: &'static str) -> io::Result<()> {
        if self.fails_at == Some(self.steps.len()) {
            return Err(io::Error::other("the power is gone"));
        }
        self.steps.push(name);
        Ok(())
    }
}

impl Medium {
    fn of(bytes: &[u8]) -> Self {
        Self(Arc::new(Mutex::new(Volatile { durable: bytes.to_vec(), cached: bytes.to_vec(), ..Volatile::default() })))
    }

    /// What is on the disk after a crash now: of the sectors that were not flushed, those that `keep` names.
    fn after_crash(&self, keep: impl Fn(usize) -> bool) -> Vec<u8> {
        let Volatile { durable, cached, .. } = &*self.0.lock().unwrap();
        let length = if keep(usize::MAX) { cached.len() } else { durable.len().min(cached.len()) };
        let at = |bytes: &[u8], place: usize| bytes.get(place).copied().unwrap_or_default();
        (0..length).map(|n| if keep(n / SECTOR_BYTES) { at(cached, n) } else { at(durable, n) }).collect()
    }

    fn steps(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().steps.clone()
    }

    fn fail_after(&self, steps: usize) {
        let mut volatile = self.0.lock().unwrap();
        volatile.fails_at = Some(volatile.steps.len() + steps);
    }
}

impl Slot for Medium {
    fn read(&self, bytes_max: u64) -> io::Result<Vec<u8>> {
        let cached = self.0.lock().unwrap().cached.clone();
        Ok(cached.into_iter().take(bytes_max as usize).collect())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut volatile = self.0.lock().unwrap();
        volatile.step("write")?;
        let end = offset as usize + bytes.len();
        if volatile.cached.len() < end {
            volatile.cached.resize(end, 0);
        }
        volatile.cached[offset as usize..end].copy_from_slice(bytes);
        Ok(())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        let mut volatile = self.0.lock().unwrap();
        volatile.step("cut")?;
        volatile.cached.truncate(length as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut volatile = self.0.lock().unwrap();
        volatile.step("sync")?;
        volatile.durable = volatile.cached.clone();
        Ok(())
    }
}

type Log = TwoSlots<Medium>;

fn kid() -> Hash {
    Hash::of(b"member")
}

fn origin() -> Origin {
    "ledger.example/votes".parse().unwrap()
}

fn paths() -> [PathBuf; 2] {
    paths_in(Path::new("data"))
}

fn create() -> (Log, [Medium; 2]) {
    let media = [Medium::default(), Medium::default()];
    (TwoSlots::create(media.clone(), paths(), kid(), &origin(), LogStart::Nothing).unwrap(), media)
}

fn open(bytes: [Vec<u8>; 2]) -> Result<Log, VoteLogError> {
    TwoSlots::open(bytes.map(|bytes| Medium::of(&bytes)), paths(), kid(), &origin())
}

fn mark(height: u64) -> Mark {
    Mark { height: Height::new(height).unwrap(), round: 0, checkpoint: Hash::of(&height.to_be_bytes()) }
}

fn timer(round: u32) -> Logged {
    Logged::Timeout(Timer { kind: TimerKind::Prevote, round })
}

/// An entry over several sectors.
fn body(byte: u8) -> Logged {
    Logged::Body { value: ValueId::from_hash(Hash::of(&[byte])), bytes: vec![byte; 3 * SECTOR_BYTES] }
}

fn value(round: u32) -> Logged {
    let (proposer, value) = (Hash::of(b"proposer"), ValueId::from_hash(Hash::of(b"value")));
    Logged::Value(LoggedValue { round, valid_round: None, proposer, value, valid: true })
}

/// What a log says of itself: the last final block, and what was said after it.
async fn story(log: &Log) -> (Option<u64>, Vec<Logged>) {
    (log.start().released().map(|mark| mark.height.get()), log.entries().await.unwrap())
}

/// A log with height 3 durable, in frames of one entry and of two; height 2 is in the other file.
async fn at_height_3() -> (Log, [Medium; 2]) {
    let (mut log, media) = create();
    log.begin(mark(1)).unwrap();
    log.append(&body(1));
    log.flush().await.unwrap();
    log.begin(mark(2)).unwrap();
    log.append(&value(0));
    log.flush().await.unwrap();
    log.append(&timer(0));
    log.append(&body(2));
    log.flush().await.unwrap();
    (log, media)
}

fn said_at_height_3() -> (Option<u64>, Vec<Logged>) {
    (Some(2), vec![value(0), timer(0), body(2)])
}

/// What each of the two files holds after a crash, for every set of a handful of sectors that had got to the disk.
fn crashes(media: &[Medium; 2]) -> Vec<[Vec<u8>; 2]> {
    let sets = (0..1_u32 << 10).map(|set| {
        let keep = move |sector: usize| if sector == usize::MAX { set & 1 == 1 } else { set >> (sector % 10) & 1 == 1 };
        [media[0].after_crash(keep), media[1].after_crash(keep)]
    });
    sets.collect()
}

#[tokio::test]
async fn a_log_answers_what_was_released_and_what_was_said() {
    let (mut log, media) = create();
    assert_eq!((log.height(), log.start().released()), (None, None));
    log.begin(mark(0)).unwrap();
    assert_eq!((log.height(), log.start().released()), (Some(Height::new(1).unwrap()), Some(mark(0))));
    log.append(&timer(0));
    assert_eq!(log.entries().await.unwrap(), [], "nothing is durable before a flush");
    log.flush().await.unwrap();
    log.begin(mark(0)).unwrap();
    assert_eq!(log.entries().await.unwrap(), [timer(0)], "the same height again keeps what was said");
    log.append(&timer(1));
    log.flush().await.unwrap();
    let again = open(media.map(|one| one.after_crash(|_| false))).unwrap();
    assert_eq!(story(&again).await, (Some(0), vec![timer(0), timer(1)]));
}

#[tokio::test]
async fn heights_only_grow_and_one_height_follows_one_block() {
    let (mut log, _) = at_height_3().await;
    assert!(matches!(log.begin(mark(1)), Err(VoteLogError::Lower { .. })));
    let other = Mark { checkpoint: Hash::of(b"other"), ..mark(2) };
    assert!(matches!(log.begin(other), Err(VoteLogError::Forked { .. })));
    log.begin(Mark { round: 4, ..mark(2) }).unwrap();
    assert_eq!(story(&log).await, said_at_height_3(), "members may decide one block in different rounds");
    log.begin(mark(7)).unwrap();
    assert_eq!(log.height(), Some(Height::new(8).unwrap()), "a node that caught up skips heights");
}

#[tokio::test]
async fn beginning_a_height_touches_no_file() {
    let (mut log, media) = at_height_3().await;
    let before = media.each_ref().map(Medium::steps);
    log.begin(mark(3)).unwrap();
    log.append(&timer(0));
    assert_eq!(media.each_ref().map(Medium::steps), before);
    for left in crashes(&media) {
        assert_eq!(story(&open(left).unwrap()).await, said_at_height_3());
    }
    log.flush().await.unwrap();
    let [first, second] = media.each_ref().map(Medium::steps);
    let [steps_0, steps_1] = [&first[before[0].len()..], &second[before[1].len()..]];
    assert_eq!((steps_0, steps_1), (&[][..], &["cut", "write", "sync"][..]), "one flush, in the other file");
}

#[tokio::test]
async fn a_flush_without_anything_to_write_writes_nothing() {
    let (mut log, media) = at_height_3().await;
    let before = media.each_ref().map(Medium::steps);
    log.flush().await.unwrap();
    assert_eq!(media.each_ref().map(Medium::steps), before);
}

/// Stops the log's other file or its own after so many steps of one flush, and gives what each crash leaves.
async fn crashed_flush(begin: bool, steps: usize) -> Vec<[Vec<u8>; 2]> {
    let (mut log, media) = at_height_3().await;
    media.iter().for_each(|medium| medium.fail_after(steps));
    if begin {
        log.begin(mark(3)).unwrap();
    }
    log.append(&body(9));
    log.append(&timer(9));
    let failed = log.flush().await;
    assert!(matches!(failed, Err(VoteLogError::Io { .. })), "{failed:?}");
    crashes(&media)
}

#[tokio::test]
async fn a_crash_in_the_first_flush_of_a_height_leaves_the_height_before_or_the_new_one_whole() {
    let new = (Some(3), vec![body(9), timer(9)]);
    for (steps, may_be_new) in [(0, false), (1, false), (2, true)] {
        let mut seen_new = false;
        for left in crashed_flush(true, steps).await {
            let told = story(&open(left).unwrap()).await;
            seen_new |= told == new;
            assert!(told == said_at_height_3() || told == new, "{told:?}");
        }
        assert_eq!(seen_new, may_be_new, "after {steps} steps");
    }
}

#[tokio::test]
async fn a_crash_in_a_later_flush_leaves_all_that_was_flushed_before() {
    let mut more = said_at_height_3();
    more.1.extend([body(9), timer(9)]);
    for (steps, may_have_more) in [(0, false), (1, true)] {
        let mut seen_more = false;
        for left in crashed_flush(false, steps).await {
            let told = story(&open(left).unwrap()).await;
            seen_more |= told == more;
            assert!(told == said_at_height_3() || told == more, "{told:?}");
        }
        assert_eq!(seen_more, may_have_more, "after {steps} steps");
    }
}

#[tokio::test]
async fn what_a_flush_returned_from_outlives_every_crash() {
    let (mut log, media) = at_height_3().await;
    log.begin(mark(3)).unwrap();
    log.append(&body(9));
    log.flush().await.unwrap();
    for left in crashes(&media) {
        assert_eq!(story(&open(left).unwrap()).await, (Some(3), vec![body(9)]));
    }
}

#[tokio::test]
async fn after_a_torn_flush_the_log_goes_on_and_can_be_torn_again() {
    let mut left = crashed_flush(true, 2).await.swap_remove(2);
    for height in 3..20 {
        let media = left.each_ref().map(|bytes| Medium::of(bytes));
        let mut log = TwoSlots::open(media.clone(), paths(), kid(), &origin()).unwrap();
        log.begin(mark(height)).unwrap();
        log.append(&body(height as u8));
        log.flush().await.unwrap();
        log.append(&timer(height as u32));
        media.iter().for_each(|medium| medium.fail_after(1));
        assert!(log.flush().await.is_err());
        left = media.each_ref().map(|medium| medium.after_crash(|sector| sector % 2 == 0));
        let told = story(&open(left.clone()).unwrap()).await;
        assert_eq!((told.0, &told.1[0]), (Some(height), &body(height as u8)));
    }
}

#[tokio::test]
async fn after_a_flush_that_failed_or_was_not_waited_for_nothing_is_signed() {
    let (mut log, media) = at_height_3().await;
    media.iter().for_each(|medium| medium.fail_after(1));
    log.append(&timer(1));
    assert!(log.flush().await.is_err());
    assert!(matches!(log.flush().await, Err(VoteLogError::Failed { .. })));
    assert!(matches!(log.begin(mark(3)), Err(VoteLogError::Failed { .. })));

    let (mut log, _) = at_height_3().await;
    log.append(&timer(1));
    {
        let mut flush = std::pin::pin!(log.flush());
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(flush.as_mut().poll(cx).is_ready())).await;
        // The work is done elsewhere, so the first look finds it under way, or perhaps done.
        if polled {
            return;
        }
    }
    assert!(matches!(log.flush().await, Err(VoteLogError::Failed { .. })));
}

#[tokio::test]
async fn a_bad_frame_before_a_good_one_is_damage_and_not_a_torn_write() {
    let (mut log, media) = at_height_3().await;
    log.append(&timer(3));
    log.flush().await.unwrap();
    let whole = media.each_ref().map(|medium| medium.after_crash(|_| false));
    let Durable { slot, tail, .. } = log.durable;
    let last = tail.offset as usize - frame::write(&log.mark, 3, tail, &[0; 10]).unwrap().0.len();
    for at in (0..last).step_by(7) {
        let mut changed = whole.clone();
        changed[slot][at] ^= 0x40;
        let opened = open(changed).map(|log| log.start().released());
        assert!(matches!(opened, Err(VoteLogError::Damaged { .. })), "byte {at}: {opened:?}");
    }
    // The very last frame may be torn, so it is left out.
    let mut torn = whole.clone();
    torn[slot][tail.offset as usize - 1] ^= 1;
    assert_eq!(story(&open(torn).unwrap()).await, said_at_height_3());
    for at in (0..whole[1 - slot].len()).step_by(7) {
        let mut changed = whole.clone();
        changed[1 - slot][at] ^= 1;
        assert_eq!(open(changed).unwrap().start().released(), Some(mark(2)), "the older height counts no more");
    }
}

#[tokio::test]
async fn a_frame_counts_only_after_the_one_that_it_was_written_after() {
    let (log, media) = at_height_3().await;
    let mut files = media.each_ref().map(|medium| medium.after_crash(|_| false));
    let Durable { slot, tail, .. } = log.durable;
    let other_past = Tail { check: Hash::of(b"another frame"), ..tail };
    let (bytes, _) = frame::write(&log.mark, 3, other_past, &[0, 0, 0, 1, 9]).unwrap();
    files[slot].truncate(tail.offset as usize);
    files[slot].extend_from_slice(&bytes);
    assert_eq!(story(&open(files).unwrap()).await, said_at_height_3());
}

#[tokio::test]
async fn two_files_that_do_not_belong_together_are_refused() {
    let (log, media) = at_height_3().await;
    let whole = media.each_ref().map(|medium| medium.after_crash(|_| false));
    let (_, other) = at_height_3().await;
    let mixed = [whole[0].clone(), other[1].after_crash(|_| false)];
    assert!(matches!(open(mixed), Err(VoteLogError::Damaged { .. })), "of another log");
    let twice = [whole[log.durable.slot].clone(), whole[log.durable.slot].clone()];
    assert!(matches!(open(twice), Err(VoteLogError::Damaged { .. })), "one file twice");
    assert!(matches!(open([Vec::new(), Vec::new()]), Err(VoteLogError::Damaged { .. })));

    let media = || whole.each_ref().map(|bytes| Medium::of(bytes));
    let opened = TwoSlots::open(media(), paths(), Hash::of(b"other"), &origin());
    assert!(matches!(opened, Err(VoteLogError::OtherKey { .. })));
    let opened = TwoSlots::open(media(), paths(), kid(), &"another.example".parse().unwrap());
    assert!(matches!(opened, Err(VoteLogError::OtherLedger { .. })));
}

#[tokio::test]
async fn a_later_version_is_named() {
    let (log, _) = create();
    let mut payload = Header { kid: kid(), origin: origin(), start: LogStart::Nothing }.to_bytes();
    payload[0] = 2;
    let (bytes, _) = frame::write(&log.mark, 0, Tail::START, &payload).unwrap();
    assert!(matches!(open([bytes.clone(), bytes]), Err(VoteLogError::Version { found: 2, read: 1, .. })));
}

#[tokio::test]
async fn a_height_has_so_much_room_and_the_next_one_has_it_again() {
    let (mut log, _) = at_height_3().await;
    let longest = Logged::Body { value: ValueId::from_hash(Hash::of(b"x")), bytes: vec![0; 8 * 1024 * 1024] };
    (0..40).for_each(|_| log.append(&longest));
    assert!(log.pending.len() as u64 <= VOTE_LOG_BYTES_MAX);
    for _ in 0..2 {
        assert!(matches!(log.flush().await, Err(VoteLogError::TooLong { .. })));
    }
    log.begin(mark(3)).unwrap();
    log.append(&timer(0));
    log.flush().await.unwrap();
    assert_eq!(story(&log).await, (Some(3), vec![timer(0)]));
}

#[tokio::test]
async fn files_are_their_owners_alone_and_both_are_needed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    assert!(matches!(VoteLogFile::open(path, kid(), &origin()), Err(VoteLogError::Lost { .. })));
    assert!(!VoteLogFile::is_in(path));
    let mut log = VoteLogFile::create(path, kid(), &origin()).unwrap();
    assert!(matches!(VoteLogFile::create(path, kid(), &origin()), Err(VoteLogError::Exists { .. })));
    for name in VOTE_LOG_FILES {
        let mode = fs::metadata(path.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
    for height in 0..5 {
        log.begin(mark(height)).unwrap();
        log.append(&body(height as u8));
        log.flush().await.unwrap();
        log.append(&timer(height as u32));
        log.flush().await.unwrap();
        let again = VoteLogFile::open(path, kid(), &origin()).unwrap();
        assert_eq!(again.released(), Some(mark(height)));
        assert_eq!(again.entries().await.unwrap(), [body(height as u8), timer(height as u32)]);
    }
    for name in VOTE_LOG_FILES {
        let moved = dir.path().join("moved");
        fs::rename(path.join(name), &moved).unwrap();
        assert!(VoteLogFile::is_in(path));
        assert!(matches!(VoteLogFile::open(path, kid(), &origin()), Err(VoteLogError::Lost { .. })), "{name}");
        fs::rename(&moved, path.join(name)).unwrap();
    }
}

#[tokio::test]
async fn a_lost_log_is_made_anew_and_says_from_where_it_knows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    assert_eq!(VoteLogFile::read_released(path).unwrap(), None, "a log that is lost knows nothing");
    let made = VoteLogFile::create_again(path, kid(), &origin(), LogStart::Unknown(mark(7))).unwrap();
    drop(made);
    let mut log = VoteLogFile::open(path, kid(), &origin()).unwrap();
    let (released, eight) = (Some(mark(7)), Height::new(8).unwrap());
    assert_eq!((log.released(), log.height(), log.unknown()), (released, Some(eight), Some(eight)));
    assert_eq!(VoteLogFile::read_released(path).unwrap(), released);
    assert_eq!(log.entries().await.unwrap(), []);
    // One that is there is not made again, nor is a height below it begun.
    let again = VoteLogFile::create_again(path, kid(), &origin(), LogStart::After(mark(9)));
    assert!(matches!(again, Err(VoteLogError::Exists { .. })));
    assert!(matches!(log.begin(mark(6)), Err(VoteLogError::Lower { .. })));
    // From the next height on, all is known.
    log.begin(mark(8)).unwrap();
    assert_eq!(log.unknown(), None);
    log.append(&timer(0));
    log.flush().await.unwrap();
    drop(log);
    let log = VoteLogFile::open(path, kid(), &origin()).unwrap();
    assert_eq!((log.unknown(), log.released()), (None, Some(mark(8))));
    assert_eq!(log.entries().await.unwrap(), [timer(0)]);
    drop(log);

    // One file without the other counts as lost.
    fs::remove_file(path.join(VOTE_LOG_FILES[0])).unwrap();
    let log = VoteLogFile::create_again(path, kid(), &origin(), LogStart::After(mark(9))).unwrap();
    assert_eq!((log.released(), log.unknown()), (Some(mark(9)), None));
}
