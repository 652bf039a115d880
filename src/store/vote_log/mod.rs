//! The log of votes in two files, beside the member's key.
//!
//! A height is kept in one of the two files. The next height goes into the other one, so the file that holds the last durable
//! height is never written from its beginning. Each flush writes one frame, which holds whole or not at all.
//!
//! The steps, and what a crash after each leaves behind. `tests.rs` has a test for each line:
//!
//! | after | left behind | next start |
//! |---|---|---|
//! | `create`: the first file | one file without the other | the log counts as lost: `init` was cut short |
//! | `create`: both files durable | an empty log | as if nothing was signed, which is true |
//! | `begin`, `append` | nothing: both are in memory | the height before, with what it had |
//! | `flush` of a new height: the other file cut | the height before, whole, in its own file | the same |
//! | `flush` of a new height: its first frame written, whole or in part | the height before, and perhaps the new one | one of the two: nothing of the new one has left |
//! | `flush` of more: a frame written, whole or in part | all frames before it, and perhaps this one | with it or without it: nothing of it has left |
//! | `flush`: `fdatasync` returned | all of it | all of it |
//!
//! A torn write and a damaged disk both show as a frame that does not hold. They differ in what comes after: a frame is
//! written only when the one before is durable, so a frame that holds behind one that does not means damage. Then votes that
//! have left are missing, and [`VoteLogError::Damaged`] says so. Damage to the very last frame looks like a torn write.

mod frame;
mod slot;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinError;
use uuid::Uuid;

use self::frame::{FrameMark, Tail};
use self::slot::{FileSlot, Slot};
use crate::ports::{Mark, VoteLog, VoteLogError};
use sealane_core::agreement::Logged;
use sealane_core::block::{Height, Origin};
use sealane_core::hash::Hash;

/// The two files, inside a member's data directory.
pub const VOTE_LOG_FILES: [&str; 2] = ["vote-log-0", "vote-log-1"];

/// Bytes of the log of one height. A round has one body of at most some 8 MiB and a few kB of votes, so this is 30 rounds of the
/// longest blocks.
const VOTE_LOG_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Bytes that a file keeps for the next height. It is not made longer again then, which would cost a second flush.
const FILE_BYTES_KEPT: u64 = 16 * 1024 * 1024;

/// Bytes of a frame and its header without entries, at the most: an origin has 255 characters of up to 4 bytes.
const FIRST_FRAME_BYTES_MAX: u64 = 2 * 1024;

/// How often the log is read again, by another process, before it counts as damaged.
const READ_TRIES: u32 = 3;

/// Bytes of the length before an entry.
const LENGTH_BYTES: usize = 4;

/// The version of the header's bytes.
const VERSION: u8 = 1;

/// The log of votes of one member, open for reading and writing. The caller holds the lock of the data directory.
pub struct VoteLogFile {
    log: TwoSlots<FileSlot>,
}

impl VoteLogFile {
    /// Makes an empty log in `dir`, durable when this returns. It is made once, together with the member's key.
    pub fn create(dir: &Path, kid: Hash, origin: &Origin) -> Result<Self, VoteLogError> {
        Self::create_from(dir, kid, origin, LogStart::Nothing)
    }

    /// Makes the log anew in place of one that is lost, durable when this returns.
    ///
    /// # Errors
    ///
    /// [`VoteLogError::Exists`] if the log is there.
    pub fn create_again(dir: &Path, kid: Hash, origin: &Origin, start: LogStart) -> Result<Self, VoteLogError> {
        let paths = paths_in(dir);
        // One file without the other counts as lost, and so does what an earlier call may have left.
        let is_whole = paths.iter().all(|path| path.exists());
        for path in paths.iter().filter(|path| !is_whole && path.exists()) {
            let failed = |source| VoteLogError::Io { action: "remove what is left of", path: path.clone(), source };
            fs::remove_file(path).map_err(failed)?;
        }
        Self::create_from(dir, kid, origin, start)
    }

    fn create_from(dir: &Path, kid: Hash, origin: &Origin, start: LogStart) -> Result<Self, VoteLogError> {
        let paths = paths_in(dir);
        if let Some(path) = paths.iter().find(|path| path.exists()) {
            return Err(VoteLogError::Exists { path: path.clone() });
        }
        let make = |path: &PathBuf| {
            FileSlot::create(path).map_err(|source| match source.kind() {
                io::ErrorKind::AlreadyExists => VoteLogError::Exists { path: path.clone() },
                _ => VoteLogError::Io { action: "make", path: path.clone(), source },
            })
        };
        let slots = [make(&paths[0])?, make(&paths[1])?];
        let log = TwoSlots::create(slots, paths, kid, origin, start)?;
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(|source| VoteLogError::Io { action: "make", path: dir.to_owned(), source })?;
        Ok(Self { log })
    }

    /// Opens the log in `dir`, which must be that of this key and ledger.
    pub fn open(dir: &Path, kid: Hash, origin: &Origin) -> Result<Self, VoteLogError> {
        let paths = paths_in(dir);
        let open = |path: &PathBuf| {
            FileSlot::open(path).map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => VoteLogError::Lost { path: path.clone() },
                _ => VoteLogError::Io { action: "open", path: path.clone(), source },
            })
        };
        let slots = [open(&paths[0])?, open(&paths[1])?];
        Ok(Self { log: TwoSlots::open(slots, paths, kid, origin)? })
    }

    /// Reads which final block a member's key has helped to make last; `None` if none is known, or the log is lost.
    pub fn read_released(dir: &Path) -> Result<Option<Mark>, VoteLogError> {
        let mut tries_left = READ_TRIES;
        loop {
            tries_left -= 1;
            match read_released_once(&paths_in(dir)) {
                // A node may be writing both files while they are read.
                Err(VoteLogError::Damaged { .. }) if tries_left > 0 => {}
                done => return done,
            }
        }
    }

    /// True if one of the two files is in `dir`.
    pub fn is_in(dir: &Path) -> bool {
        paths_in(dir).iter().any(|path| fs::symlink_metadata(path).is_ok())
    }
}

fn read_released_once(paths: &[PathBuf; 2]) -> Result<Option<Mark>, VoteLogError> {
    let mut bytes = [Vec::new(), Vec::new()];
    for (bytes, path) in bytes.iter_mut().zip(paths) {
        let read = File::open(path).and_then(|file| file.take(VOTE_LOG_BYTES_MAX).read_to_end(bytes));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(VoteLogError::Io { action: "read", path: path.clone(), source }),
        }
    }
    let firsts = [first_frame(&bytes[0], &paths[0])?, first_frame(&bytes[1], &paths[1])?];
    Ok(newest(&firsts, paths)?.2.start.released())
}

fn paths_in(dir: &Path) -> [PathBuf; 2] {
    VOTE_LOG_FILES.map(|name| dir.join(name))
}

#[async_trait]
impl VoteLog for VoteLogFile {
    fn height(&self) -> Option<Height> {
        self.log.height()
    }

    fn released(&self) -> Option<Mark> {
        self.log.start().released()
    }

    fn unknown(&self) -> Option<Height> {
        self.log.start().unknown()
    }

    fn begin(&mut self, after: Mark) -> Result<(), VoteLogError> {
        self.log.begin(after)
    }

    fn append(&mut self, entry: &Logged) {
        self.log.append(entry);
    }

    async fn flush(&mut self) -> Result<(), VoteLogError> {
        self.log.flush().await
    }

    async fn entries(&self) -> Result<Vec<Logged>, VoteLogError> {
        self.log.entries().await
    }
}

/// The log over two files, real ones or those of a test.
struct TwoSlots<S> {
    slots: Arc<[S; 2]>,
    paths: [PathBuf; 2],
    kid: Hash,
    origin: Origin,
    mark: FrameMark,
    durable: Durable,
    /// The block after which a height was begun whose first frame is not durable yet.
    begun: Option<Mark>,
    /// Entries that are not durable yet, each u32be length ‖ bytes.
    pending: Vec<u8>,
    /// Bytes that the log of this height would have with an entry that it has no room for.
    too_long: Option<u64>,
    failed: Option<String>,
}

/// The height that is durable, and where its next frame goes.
#[derive(Debug, Clone, Copy)]
struct Durable {
    slot: usize,
    start: LogStart,
    tail: Tail,
}

/// From where a log goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStart {
    /// Nothing was signed yet.
    Nothing,
    /// This final block was the last; what was said of the next one follows.
    After(Mark),
    /// This final block is the last that is known; what was said of the next one is not.
    Unknown(Mark),
}

impl LogStart {
    const fn released(self) -> Option<Mark> {
        match self {
            Self::Nothing => None,
            Self::After(mark) | Self::Unknown(mark) => Some(mark),
        }
    }

    fn unknown(self) -> Option<Height> {
        match self {
            Self::Unknown(mark) => Some(mark.height.next()),
            Self::Nothing | Self::After(_) => None,
        }
    }

    /// The height under way as frames name it: 0 before the first, which is genesis and never voted on.
    fn number(self) -> u64 {
        self.released().map_or(0, |released| released.height.next().get())
    }
}

/// What the first frame of a height begins with.
struct Header {
    kid: Hash,
    origin: Origin,
    start: LogStart,
}

impl<S: Slot> TwoSlots<S> {
    fn create(
        slots: [S; 2],
        paths: [PathBuf; 2],
        kid: Hash,
        origin: &Origin,
        start: LogStart,
    ) -> Result<Self, VoteLogError> {
        let mark = Uuid::new_v4().into_bytes();
        let mut tails = Vec::new();
        // The second file gets a header too: one that is shorter than that was not written by this program. It comes second,
        // so that it never counts alone.
        for (slot, path, start) in [(&slots[0], &paths[0], start), (&slots[1], &paths[1], LogStart::Nothing)] {
            let header = Header { kid, origin: origin.clone(), start }.to_bytes();
            let framed = frame::write(&mark, start.number(), Tail::START, &header);
            let (bytes, next) = framed.unwrap_or((Vec::new(), Tail::START));
            let written = slot.write_at(&bytes, 0).and_then(|()| slot.sync());
            written.map_err(|source| VoteLogError::Io { action: "make", path: path.clone(), source })?;
            tails.push(next);
        }
        let tail = tails.first().copied().unwrap_or(Tail::START);
        let durable = Durable { slot: 0, start, tail };
        Ok(Self::with(slots, paths, kid, origin.clone(), mark, durable))
    }

    fn open(slots: [S; 2], paths: [PathBuf; 2], kid: Hash, origin: &Origin) -> Result<Self, VoteLogError> {
        let read = |at: usize| {
            let path = || paths[at].clone();
            let failed = |source| VoteLogError::Io { action: "read", path: path(), source };
            // One byte more than may be there tells a file that is too long.
            let bytes = slots[at].read(VOTE_LOG_BYTES_MAX + 1).map_err(failed)?;
            match bytes.len() as u64 > VOTE_LOG_BYTES_MAX {
                true => Err(damaged(path(), format!("is longer than {VOTE_LOG_BYTES_MAX} bytes"))),
                false => Ok(bytes),
            }
        };
        let bytes = [read(0)?, read(1)?];
        let firsts = [first_frame(&bytes[0], &paths[0])?, first_frame(&bytes[1], &paths[1])?];
        let (slot, mark, header) = newest(&firsts, &paths)?;
        if header.kid != kid {
            let path = paths[slot].clone();
            return Err(VoteLogError::OtherKey { path, found: header.kid, expected: kid });
        }
        if header.origin != *origin {
            let (path, found) = (paths[slot].clone(), header.origin.clone());
            return Err(VoteLogError::OtherLedger { path, found, expected: origin.clone() });
        }
        let other = 1 - slot;
        let (start, height) = (header.start, header.start.number());
        if firsts[other].is_none() {
            check_is_torn(&bytes[other], &mark, height + 1, 1, 0, &paths[other])?;
        }
        let (tail, _) = follow(&bytes[slot], &mark, height);
        check_is_torn(&bytes[slot], &mark, height, tail.number + 1, tail.offset, &paths[slot])?;
        let durable = Durable { slot, start, tail };
        Ok(Self::with(slots, paths, kid, origin.clone(), mark, durable))
    }

    fn with(slots: [S; 2], paths: [PathBuf; 2], kid: Hash, origin: Origin, mark: FrameMark, durable: Durable) -> Self {
        let slots = Arc::new(slots);
        Self {
            slots,
            paths,
            kid,
            origin,
            mark,
            durable,
            begun: None,
            pending: Vec::new(),
            too_long: None,
            failed: None,
        }
    }

    fn height(&self) -> Option<Height> {
        self.start().released().map(|released| released.height.next())
    }

    fn start(&self) -> LogStart {
        self.begun.map_or(self.durable.start, LogStart::After)
    }

    fn begin(&mut self, after: Mark) -> Result<(), VoteLogError> {
        self.check_works()?;
        let wanted = after.height.next();
        match self.start().released() {
            Some(before) if before.height > after.height => {
                return Err(VoteLogError::Lower { wanted, under_way: before.height.next() });
            }
            // The round is no part of the block: members may have decided it in different ones.
            Some(before) if before.height == after.height && before.checkpoint != after.checkpoint => {
                return Err(VoteLogError::Forked { height: wanted });
            }
            Some(before) if before.height == after.height => return Ok(()),
            _ => {}
        }
        self.begun = Some(after);
        self.pending.clear();
        self.too_long = None;
        Ok(())
    }

    fn append(&mut self, entry: &Logged) {
        let bytes = entry.to_bytes();
        let before = if self.begun.is_some() { 0 } else { self.durable.tail.offset };
        let after = before + FIRST_FRAME_BYTES_MAX + (self.pending.len() + LENGTH_BYTES + bytes.len()) as u64;
        match u32::try_from(bytes.len()) {
            // Without the one that has no room, none after it counts either.
            Ok(length) if after <= VOTE_LOG_BYTES_MAX && self.too_long.is_none() => {
                self.pending.extend_from_slice(&length.to_be_bytes());
                self.pending.extend_from_slice(&bytes);
            }
            _ => self.too_long = self.too_long.or(Some(after)),
        }
    }

    fn check_works(&self) -> Result<(), VoteLogError> {
        match &self.failed {
            Some(reason) => Err(VoteLogError::Failed { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    async fn flush(&mut self) -> Result<(), VoteLogError> {
        self.check_works()?;
        let too_long = |bytes| {
            let height = self.height().unwrap_or(Height::GENESIS);
            VoteLogError::TooLong { height, bytes, bytes_max: VOTE_LOG_BYTES_MAX }
        };
        if let Some(bytes) = self.too_long {
            return Err(too_long(bytes));
        }
        if self.begun.is_none() && self.pending.is_empty() {
            return Ok(());
        }
        let start = self.start();
        let (slot, at, mut payload) = match self.begun {
            Some(_) => {
                let header = Header { kid: self.kid, origin: self.origin.clone(), start };
                (1 - self.durable.slot, Tail::START, header.to_bytes())
            }
            None => (self.durable.slot, self.durable.tail, Vec::new()),
        };
        payload.extend_from_slice(&self.pending);
        let framed = frame::write(&self.mark, start.number(), at, &payload);
        let (bytes, tail) = framed.ok_or_else(|| too_long(payload.len() as u64))?;
        // Stands until all is durable: a call that is dropped on the way leaves it.
        self.failed = Some("a flush was not waited for".to_owned());
        let slots = Arc::clone(&self.slots);
        let is_first = self.begun.is_some();
        let written = blocking(move || write_durably(&slots[slot], is_first, &bytes, at.offset)).await;
        let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
        if let Err(source) = written {
            self.failed = Some(source.to_string());
            return Err(VoteLogError::Io { action: "write", path: self.paths[slot].clone(), source });
        }
        self.durable = Durable { slot, start, tail };
        self.begun = None;
        self.pending.clear();
        self.failed = None;
        Ok(())
    }

    async fn entries(&self) -> Result<Vec<Logged>, VoteLogError> {
        let Durable { slot, start, tail } = self.durable;
        if self.begun.is_some() || tail.number == 0 {
            return Ok(Vec::new());
        }
        let (slots, mark) = (Arc::clone(&self.slots), self.mark);
        let read = tokio::task::spawn_blocking(move || slots[slot].read(tail.offset)).await;
        let path = &self.paths[slot];
        let failed = |source| VoteLogError::Io { action: "read", path: path.clone(), source };
        let bytes = read.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(failed)?;
        let (found, payloads) = follow(&bytes, &mark, start.number());
        if found != tail {
            return Err(damaged(path.clone(), "has lost frames since it was opened".to_owned()));
        }
        let mut entries = Vec::new();
        for (number, payload) in payloads.into_iter().enumerate() {
            let rest = if number == 0 { Header::read(payload).map(|(_, rest)| rest) } else { Some(payload) };
            let read =
                rest.ok_or_else(|| "holds no header".to_owned()).and_then(|rest| read_entries(rest, &mut entries));
            read.map_err(|detail| damaged(path.clone(), detail))?;
        }
        Ok(entries)
    }
}

/// Does work that blocks: on this thread, if the runtime has others, since a change of threads takes longer than most disks on
/// a busy machine. Its other work goes to another thread meanwhile.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => Ok(tokio::task::block_in_place(work)),
        _ => tokio::task::spawn_blocking(work).await,
    }
}

/// Writes a frame and waits until it is durable. The first one of a height cuts off what an older height left far behind.
fn write_durably<S: Slot>(slot: &S, is_first: bool, bytes: &[u8], offset: u64) -> io::Result<()> {
    if is_first {
        slot.cut(FILE_BYTES_KEPT)?;
    }
    slot.write_at(bytes, offset)?;
    slot.sync()
}

/// The header in a file's first frame; `None` if no frame holds there.
fn first_frame(bytes: &[u8], path: &Path) -> Result<Option<(FrameMark, Header)>, VoteLogError> {
    let Some(first) = frame::read(bytes).filter(|first| first.number == 0) else { return Ok(None) };
    match first.payload.first() {
        Some(&VERSION) | None => {}
        Some(&found) => return Err(VoteLogError::Version { path: path.to_owned(), found, read: VERSION }),
    }
    let header = Header::read(first.payload).map(|(header, _)| header);
    match header.filter(|header| header.start.number() == first.height) {
        Some(header) => Ok(Some((first.mark, header))),
        None => Err(damaged(path.to_owned(), "begins with a header that does not read".to_owned())),
    }
}

/// The file with the later height.
fn newest<'a>(
    firsts: &'a [Option<(FrameMark, Header)>; 2],
    paths: &[PathBuf; 2],
) -> Result<(usize, FrameMark, &'a Header), VoteLogError> {
    let found = |at: usize| firsts[at].as_ref().map(|(mark, header)| (at, *mark, header));
    match (found(0), found(1)) {
        (Some((_, mark, _)), Some((_, other, _))) if mark != other => {
            Err(damaged(paths[1].clone(), format!("belongs to another log than {}", paths[0].display())))
        }
        (Some(first), Some(second)) => {
            let (one, other) = (first.2.start.number(), second.2.start.number());
            match one == other && one > 0 {
                true => Err(damaged(paths[1].clone(), format!("has the same height as {}", paths[0].display()))),
                false => Ok(if other > one { second } else { first }),
            }
        }
        (Some(one), None) | (None, Some(one)) => Ok(one),
        (None, None) => Err(damaged(
            paths[0].clone(),
            format!("does not begin with a frame that holds, nor does {}", paths[1].display()),
        )),
    }
}

/// Follows the frames of a height from the first, as far as they hold.
fn follow<'a>(bytes: &'a [u8], mark: &FrameMark, height: u64) -> (Tail, Vec<&'a [u8]>) {
    let (mut tail, mut payloads) = (Tail::START, Vec::new());
    while let Some(found) = usize::try_from(tail.offset).ok().and_then(|at| frame::read(bytes.get(at..)?)) {
        let is_next = found.mark == *mark
            && found.height == height
            && found.number == tail.number
            && found.previous == tail.check;
        if !is_next {
            break;
        }
        payloads.push(found.payload);
        tail = found.tail(tail.offset);
    }
    (tail, payloads)
}

/// Checks that nothing from `offset` on was written after it had become durable: a frame of this height or a later one.
fn check_is_torn(
    bytes: &[u8],
    mark: &FrameMark,
    height: u64,
    number: u32,
    offset: u64,
    path: &Path,
) -> Result<(), VoteLogError> {
    let rest = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    match frame::find_later(rest, mark, height, number) {
        None => Ok(()),
        Some(found) => Err(damaged(
            path.to_owned(),
            format!(
                "has bytes from {offset} on that do not hold, and after them frame {} of height {}, which does",
                found.number, found.height
            ),
        )),
    }
}

fn damaged(path: PathBuf, detail: String) -> VoteLogError {
    VoteLogError::Damaged { path, detail }
}

fn read_entries(mut rest: &[u8], entries: &mut Vec<Logged>) -> Result<(), String> {
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk().ok_or("ends within the length of an entry")?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (entry, after) = after.split_at_checked(length).ok_or("ends within an entry")?;
        entries.push(Logged::parse(entry).map_err(|error| format!("holds an entry that does not read: {error}"))?);
        rest = after;
    }
    Ok(())
}

impl Header {
    /// u8 version ‖ kid ‖ u16be length ‖ origin ‖ u8 0, or u8 1 ‖ u64be height ‖ u32be round ‖ SHA-256 of the checkpoint. It is
    /// u8 2 in place of 1 if what was said of the next height is not known.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(self.kid.as_bytes());
        // 255 characters are at most 1,020 bytes.
        out.extend_from_slice(&(self.origin.as_str().len() as u16).to_be_bytes());
        out.extend_from_slice(self.origin.as_str().as_bytes());
        match self.start {
            LogStart::Nothing => out.push(0),
            LogStart::After(mark) | LogStart::Unknown(mark) => {
                let Mark { height, round, checkpoint } = mark;
                out.push(if matches!(self.start, LogStart::After(_)) { 1 } else { 2 });
                out.extend_from_slice(&height.get().to_be_bytes());
                out.extend_from_slice(&round.to_be_bytes());
                out.extend_from_slice(checkpoint.as_bytes());
            }
        }
        out
    }

    /// Reads a header, and gives what follows it.
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&VERSION, rest) = bytes.split_first()? else { return None };
        let (kid, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (origin, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let origin = std::str::from_utf8(origin).ok()?.parse().ok()?;
        let (kind, rest) = rest.split_first()?;
        let (start, rest) = match kind {
            0 => (LogStart::Nothing, rest),
            1 | 2 => {
                let (height, rest) = rest.split_first_chunk()?;
                let (round, rest) = rest.split_first_chunk()?;
                let (checkpoint, rest) = rest.split_first_chunk()?;
                let height = Height::new(u64::from_be_bytes(*height)).ok()?;
                let (round, checkpoint) = (u32::from_be_bytes(*round), Hash::from_bytes(*checkpoint));
                let mark = Mark { height, round, checkpoint };
                (if *kind == 1 { LogStart::After(mark) } else { LogStart::Unknown(mark) }, rest)
            }
            _ => return None,
        };
        Some((Self { kid: Hash::from_bytes(*kid), origin, start }, rest))
    }
}
