//! Decodes pictures in child processes, so that a picture that costs too much can be ended.
//!
//! A decoder is a loop over a stranger's pixels, and a thread in such a loop cannot be stopped. A process can. The child
//! is this same program as `sealane decode-picture`: it reads the picture from its standard input, writes a
//! [`Decoded`] as JSON to its standard output, limits its own memory and processor time, and knows nothing of the ledger.
//!
//! Pictures have places of their own here. They take none from verdicts and evidence.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::web::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use crate::app::answer::ClientAddress;
use crate::http::metrics::{Metrics, PictureOutcome};
use crate::http::problem::{Code, Problem};
use crate::http::scan::photo::{self, PhotoError};
use crate::http::scan::upload::PHOTO_BYTES_MAX;

/// Children that decode at once: the cores of a small machine. They run at a lower priority than the node.
const CHILDREN_MAX: usize = 2;

/// Pictures that the node holds at once, being received, waiting or being decoded: 80 MiB. The last one waits for three
/// rounds of [`DECODING_TIME_MAX`] at the most.
const PICTURES_MAX: usize = 8;

/// Pictures that the node holds at once for one address. Fewer than there are places in the queue, so that one address
/// leaves places to others; two, because two people behind one address may scan at once.
const PICTURES_PER_ADDRESS_MAX: usize = 2;

/// How long a child may take from its start to its answer: four times what a noisy photo of 12 million pixels takes of one
/// core (0.5 s). A build that is not optimised is ten times slower, and runs beside a whole test suite.
const DECODING_TIME_MAX: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });

/// Seconds of processor time that a child grants itself. The system ends it then, even if the node is gone.
pub const DECODING_CPU_SECONDS_MAX: u64 = 2;

/// Bytes of memory that a child grants itself: the upload, 160 MiB to decode it, and two gray copies of 25 million
/// pixels each, with as much again for what the finder of codes needs.
pub const DECODING_MEMORY_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Bytes of a child's answer: ten texts of a full QR code (7,089 characters), escaped.
const ANSWER_BYTES_MAX: u64 = 512 * 1024;

/// Seconds after which a refused client may try again: a place is free by then.
const RETRY_AFTER_S: u32 = 2;

/// What a child found: the texts of the codes in the picture, or why it could not look.
pub type Decoded = Result<Vec<String>, PhotoError>;

/// Decodes one picture inside the child process: reads it to its end, and writes what was found as JSON.
///
/// # Errors
///
/// Those of the two streams.
pub fn decode_picture(picture: impl Read, mut answer: impl Write) -> io::Result<()> {
    let mut bytes = Vec::new();
    picture.take(PHOTO_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    let decoded: Decoded = if bytes.len() > PHOTO_BYTES_MAX { Err(PhotoError::TooLarge) } else { photo::codes(&bytes) };
    serde_json::to_writer(&mut answer, &decoded)?;
    answer.flush()
}

/// Starts a child for each picture, and keeps their number small.
pub struct PictureDecoder {
    /// The program that `decode-picture` is a command of.
    program: PathBuf,
    time_max: Duration,
    children: Arc<Semaphore>,
    held: Arc<HeldPictures>,
}

/// How many pictures the node holds for each address. Addresses with none are not in it.
#[derive(Default)]
struct HeldPictures(Mutex<HashMap<ClientAddress, usize>>);

/// The right to have one picture received and decoded. It ends with the child.
pub struct PictureTicket {
    held: Arc<HeldPictures>,
    address: ClientAddress,
}

impl PictureDecoder {
    /// Makes a decoder that runs `program decode-picture`.
    pub fn new(program: PathBuf) -> Self {
        let (children, held) = (Arc::new(Semaphore::new(CHILDREN_MAX)), Arc::default());
        Self { program, time_max: DECODING_TIME_MAX, children, held }
    }

    /// Takes a place for a picture from `address` before anything of it is read, or says when to come back.
    pub fn ticket(&self, address: ClientAddress) -> Result<PictureTicket, Problem> {
        let mut held = self.held.lock();
        let of_address = held.get(&address).copied().unwrap_or_default();
        let of_all: usize = held.values().sum();
        if of_address >= PICTURES_PER_ADDRESS_MAX || of_all >= PICTURES_MAX {
            let detail = format!(
                "the node holds {PICTURES_PER_ADDRESS_MAX} pictures of one address and {PICTURES_MAX} of all at a time; \
                 send this one again in {RETRY_AFTER_S} seconds, or read the code with the phone"
            );
            return Err(Problem::new(Code::DecoderBusy, detail).after(RETRY_AFTER_S));
        }
        held.insert(address, of_address + 1);
        Ok(PictureTicket { held: Arc::clone(&self.held), address })
    }

    /// Has a child decode a picture. If the caller stops waiting, the child is ended.
    ///
    /// # Errors
    ///
    /// An internal one, if no child can be started or the child does not answer as it should.
    pub async fn decode(
        &self,
        ticket: PictureTicket,
        picture: Bytes,
        metrics: &Arc<Metrics>,
    ) -> Result<Decoded, Problem> {
        // The queue is as short as there are tickets, and every child ends, so that this wait ends too.
        let turn = Arc::clone(&self.children).acquire_owned().await.map_err(Problem::internal)?;
        let mut command = Command::new(&self.program);
        command.arg("decode-picture").env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().map_err(|error| {
            Problem::internal(format!("no process of {} decodes the picture: {error}", self.program.display()))
        })?;
        let (answer, answered) = oneshot::channel();
        let work = Work { child, picture, time_max: self.time_max, _kept: (turn, ticket) };
        // A task of its own outlives the request: it ends the child and waits for it, whatever becomes of the client.
        tokio::spawn(work.carry_out(answer, Arc::clone(metrics)));
        answered.await.map_err(|_| Problem::internal("the node stopped while a picture was decoded"))?
    }
}

impl HeldPictures {
    fn lock(&self) -> MutexGuard<'_, HashMap<ClientAddress, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PictureTicket {
    fn drop(&mut self) {
        let mut held = self.held.lock();
        match held.get_mut(&self.address) {
            Some(number) if *number > 1 => *number -= 1,
            _ => drop(held.remove(&self.address)),
        }
    }
}

/// A child at work.
struct Work {
    child: Child,
    picture: Bytes,
    time_max: Duration,
    /// Given back once the child is gone.
    _kept: (OwnedSemaphorePermit, PictureTicket),
}

impl Work {
    /// Waits for the child's answer, for its time to end, or for the client to leave; ends the child; tells what came of
    /// it.
    async fn carry_out(mut self, mut answer: oneshot::Sender<Result<Decoded, Problem>>, metrics: Arc<Metrics>) {
        let (outcome, decoded) = tokio::select! {
            () = answer.closed() => (PictureOutcome::Abandoned, None),
            answered = timeout(self.time_max, exchange(&mut self.child, &self.picture)) => match answered {
                Ok(Ok(Some(decoded))) => (PictureOutcome::Decoded, Some(Ok(decoded))),
                Ok(Ok(None)) | Err(_) => (PictureOutcome::Ended, Some(Ok(Err(PhotoError::TooCostly)))),
                Ok(Err(error)) => (PictureOutcome::Failed, Some(Err(Problem::internal(error)))),
            }
        };
        // It also waits until the system has let go of the process. A child that has ended already is no error.
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "a process that decoded a picture could not be ended");
        }
        metrics.picture(outcome);
        drop(self);
        if let Some(decoded) = decoded {
            // A client that has just left needs no answer.
            let _ = answer.send(decoded);
        }
    }
}

/// Gives the picture to the child and reads its answer; `None` if the system ended the child at one of its limits.
async fn exchange(child: &mut Child, picture: &Bytes) -> Result<Option<Decoded>, String> {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("the child that decodes has no pipes".to_owned());
    };
    let give = async move {
        // A child that ends early closes its input. Its exit status says why.
        let _ = input.write_all(picture).await;
    };
    let mut answer = Vec::new();
    let mut output = output.take(ANSWER_BYTES_MAX);
    let take = output.read_to_end(&mut answer);
    let ((), taken) = tokio::join!(give, take);
    taken.map_err(|error| format!("the answer of the child that decodes cannot be read: {error}"))?;
    let status = child.wait().await.map_err(|error| format!("the child that decodes is lost: {error}"))?;
    if status.success() {
        let decoded = serde_json::from_slice(&answer);
        return decoded.map(Some).map_err(|error| format!("the child that decodes answered no JSON: {error}"));
    }
    // Without an exit code a signal ended it: its processor time is used up, or it got no more memory and aborted.
    match status.code() {
        None => Ok(None),
        Some(_) => Err(format!("the child that decodes ended with {status}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, GrayImage, ImageFormat};

    use super::*;

    /// A decoder whose child is some other program, which is told `decode-picture` and given a picture.
    fn decoder(program: &str) -> PictureDecoder {
        PictureDecoder::new(program.into())
    }

    fn address(text: &str) -> ClientAddress {
        ClientAddress::of(text.parse().unwrap())
    }

    /// What of a picture that is no more than some bytes.
    async fn outcome(decoder: &PictureDecoder, metrics: &Arc<Metrics>) -> Result<Decoded, Code> {
        let ticket = decoder.ticket(ClientAddress::THIS_PROCESS).unwrap();
        decoder.decode(ticket, Bytes::from_static(b"picture"), metrics).await.map_err(|problem| problem.code())
    }

    #[tokio::test]
    async fn a_child_that_does_not_end_is_ended() {
        // It writes for ever.
        let decoder = PictureDecoder { time_max: Duration::from_millis(50), ..decoder("/usr/bin/yes") };
        assert_eq!(outcome(&decoder, &Arc::new(Metrics::new())).await, Ok(Err(PhotoError::TooCostly)));
        assert_eq!(decoder.children.available_permits(), CHILDREN_MAX, "before the answer");
        assert!(decoder.held.lock().is_empty());
    }

    #[tokio::test]
    async fn a_child_is_ended_when_nobody_waits_for_it() {
        let decoder = PictureDecoder { time_max: Duration::from_secs(3_600), ..decoder("/usr/bin/yes") };
        let metrics = Arc::new(Metrics::new());
        for _ in 0..CHILDREN_MAX {
            let waiting = outcome(&decoder, &metrics);
            tokio::select! {
                biased;
                ended = waiting => panic!("{ended:?}"),
                () = async { while decoder.children.available_permits() == CHILDREN_MAX { tokio::task::yield_now().await } } => {}
            }
        }
        // All places are free again once the children are gone.
        let _all = decoder.children.acquire_many(CHILDREN_MAX as u32).await.unwrap();
        assert!(decoder.held.lock().is_empty());
    }

    #[tokio::test]
    async fn a_child_that_fails_is_the_nodes_own_fault() {
        let metrics = Arc::new(Metrics::new());
        for program in ["/bin/false", "/bin/true", "/bin/echo", "/nonexistent/sealane"] {
            let decoder = decoder(program);
            assert_eq!(outcome(&decoder, &metrics).await, Err(Code::Internal), "{program}");
            assert!(decoder.held.lock().is_empty(), "{program}");
        }
    }

    #[test]
    fn an_address_has_few_places_and_leaves_some_to_others() {
        let decoder = decoder("/bin/true");
        let ticket = |text: &str| decoder.ticket(address(text)).map_err(|problem| problem.code());
        let mut tickets = Vec::new();
        for _ in 0..PICTURES_PER_ADDRESS_MAX {
            tickets.push(ticket("192.0.2.1").unwrap());
        }
        assert_eq!(ticket("192.0.2.1").err(), Some(Code::DecoderBusy));
        for household in 2..=(PICTURES_MAX / PICTURES_PER_ADDRESS_MAX) {
            for _ in 0..PICTURES_PER_ADDRESS_MAX {
                tickets.push(ticket(&format!("192.0.2.{household}")).unwrap());
            }
        }
        assert_eq!(ticket("192.0.2.99").err(), Some(Code::DecoderBusy), "all places are taken");
        drop(tickets.pop());
        tickets.push(ticket("192.0.2.99").unwrap());
        drop(tickets);
        assert!(decoder.held.lock().is_empty());
    }

    #[test]
    fn the_child_reads_a_picture_and_writes_json() {
        let answer = |picture: &[u8]| {
            let mut answer = Vec::new();
            decode_picture(picture, &mut answer).unwrap();
            String::from_utf8(answer).unwrap()
        };
        let mut png = Cursor::new(Vec::new());
        DynamicImage::ImageLuma8(GrayImage::new(20, 20)).write_to(&mut png, ImageFormat::Png).unwrap();
        assert_eq!(answer(png.get_ref()), r#"{"Ok":[]}"#);
        assert_eq!(answer(b"no picture"), r#"{"Err":"not-an-image"}"#);
        assert_eq!(answer(&vec![0; PHOTO_BYTES_MAX + 1]), r#"{"Err":"too-large"}"#);
        let read: Decoded = serde_json::from_str(r#"{"Ok":["(01)09506000134352"]}"#).unwrap();
        assert_eq!(read.unwrap(), ["(01)09506000134352"]);
    }
}
