//! Frames: u32be length, then a message of so many bytes.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::limits::{FRAME_BYTES_PER_SECOND_MIN, READ_BYTES, WRITE_BYTES};
use super::outbox::SharedFrame;
use super::trouble::Trouble;
use sealane_core::agreement::Message;

/// Bytes of the length before a message.
pub(super) const LENGTH_BYTES: usize = 4;

pub(super) fn frame(message: &Message) -> SharedFrame {
    let message = message.to_bytes();
    let mut frame = Vec::with_capacity(LENGTH_BYTES + message.len());
    // One that does not fit is longer than any reader takes; the sender looks at that.
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend_from_slice(&message);
    frame.into()
}

/// Reads one frame's message of up to `bytes_max` bytes.
///
/// Nothing may come for `silence`; a frame that has begun has `stall`, and more by its length. Memory is taken as bytes come.
pub(super) async fn read_frame(
    stream: &mut (impl AsyncRead + Unpin),
    bytes_max: usize,
    silence: Duration,
    stall: Duration,
) -> Result<Vec<u8>, Trouble> {
    let mut length = [0; LENGTH_BYTES];
    let first = timeout(silence, stream.read(&mut length)).await.map_err(|_| Trouble::Silent)?;
    let began = Instant::now();
    let first = match first.map_err(Trouble::Closed)? {
        0 => return Err(Trouble::Closed(std::io::ErrorKind::UnexpectedEof.into())),
        first => first,
    };
    let rest = timeout_at(began + stall, stream.read_exact(length.get_mut(first..).unwrap_or_default())).await;
    rest.map_err(|_| Trouble::SlowFrame)?.map_err(Trouble::Closed)?;
    let bytes = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if !(1..=bytes_max).contains(&bytes) {
        return Err(Trouble::FrameLength { bytes });
    }
    let earned = Duration::from_millis(bytes as u64 * 1_000 / FRAME_BYTES_PER_SECOND_MIN);
    let read = timeout_at(began + stall + earned, read_message(stream, bytes)).await;
    read.map_err(|_| Trouble::SlowFrame)?
}

async fn read_message(stream: &mut (impl AsyncRead + Unpin), bytes: usize) -> Result<Vec<u8>, Trouble> {
    let mut message = Vec::new();
    while message.len() < bytes {
        let before = message.len();
        // Doubles what has come, so that a long message is not copied for each piece, and a claim of one takes little.
        let room = (bytes - before).min(READ_BYTES.max(before));
        message.resize(before + room, 0);
        stream.read_exact(message.get_mut(before..).unwrap_or_default()).await.map_err(Trouble::Closed)?;
    }
    Ok(message)
}

/// Writes frames, of which each piece has `stall` to go.
pub(super) async fn write_frames(
    stream: &mut (impl AsyncWrite + Unpin),
    frames: &[SharedFrame],
    stall: Duration,
) -> Result<(), Trouble> {
    let joined: Vec<u8>;
    let bytes: &[u8] = match frames {
        [one] => one,
        many => {
            joined = many.iter().flat_map(|frame| frame.iter().copied()).collect();
            &joined
        }
    };
    for piece in bytes.chunks(WRITE_BYTES) {
        in_time(stall, stream.write_all(piece)).await?;
    }
    in_time(stall, stream.flush()).await
}

async fn in_time(stall: Duration, write: impl Future<Output = std::io::Result<()>>) -> Result<(), Trouble> {
    timeout(stall, write).await.map_err(|_| Trouble::SlowReader)?.map_err(Trouble::Closed)
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn read(bytes: &[u8], max: usize) -> Result<Vec<u8>, Trouble> {
        let (mut ours, mut theirs) = duplex(1 << 20);
        theirs.write_all(bytes).await.unwrap();
        read_frame(&mut ours, max, 9 * SECOND, 5 * SECOND).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_written_is_read() {
        let messages = [Message::Ping(1), Message::Statements(vec![vec![b'x'; 300_000]]), Message::Pong(2)];
        let frames: Vec<SharedFrame> = messages.iter().map(frame).collect();
        let (mut ours, mut theirs) = duplex(1 << 20);
        write_frames(&mut theirs, &frames, SECOND).await.unwrap();
        for message in messages {
            let bytes = read_frame(&mut ours, 1 << 20, SECOND, SECOND).await.unwrap();
            assert_eq!(Message::parse(&bytes), Ok(message));
        }
        drop(theirs);
        assert!(matches!(read_frame(&mut ours, 1 << 20, SECOND, SECOND).await, Err(Trouble::Closed(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_length_is_looked_at_before_anything_else() {
        assert!(matches!(read(&[0, 0, 0, 0], 100).await, Err(Trouble::FrameLength { bytes: 0 })));
        assert!(matches!(read(&[0, 0, 0, 101], 100).await, Err(Trouble::FrameLength { bytes: 101 })));
        assert!(matches!(read(&[0xff; 4], 100).await, Err(Trouble::FrameLength { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_half_a_frame_have_an_end() {
        let began = Instant::now();
        assert!(matches!(read(&[], 100).await, Err(Trouble::Silent)));
        assert_eq!(began.elapsed(), 9 * SECOND);
        for half in [&[0][..], &[0, 0, 0], &[0, 0, 0, 50], &[0, 0, 0, 50, 1, 2, 3]] {
            let began = Instant::now();
            assert!(matches!(read(half, 100).await, Err(Trouble::SlowFrame)), "{half:?}");
            assert!(began.elapsed() < 6 * SECOND, "{half:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_is_given_up() {
        let (ours, _theirs) = duplex(1_000);
        let mut ours = ours;
        let frames = [frame(&Message::Statements(vec![vec![b'x'; 5_000]]))];
        assert!(matches!(write_frames(&mut ours, &frames, SECOND).await, Err(Trouble::SlowReader)));
    }
}
