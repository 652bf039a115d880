//! A connection's bytes: in the clear or under TLS, with its place among the open connections, and cut when its client
//! does not take what it asked for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::server::TlsStream;

use crate::http::limits::connections::ConnectionPlace;

/// How long a client may take nothing of an answer that waits for it.
const TAKE_NOTHING_MAX: Duration = Duration::from_secs(30);

/// Bytes a second that a client must take of an answer, once it has held it up: a slow mobile network. The longest evidence
/// then holds its memory for twenty minutes at the most.
const TAKE_BYTES_PER_SECOND_MIN: u64 = 16 * 1024;

/// Completes when the node begins to stop.
pub type Stopping = Pin<Box<dyn Future<Output = ()>>>;

/// One connection.
///
/// If the node stops before the client has sent a byte, the connection ends: browsers and pools of clients open connections
/// that they may never use, and the node must not wait for these.
pub struct Line {
    transport: Transport,
    /// Until the first byte comes.
    unused: Option<Stopping>,
    _place: ConnectionPlace,
}

enum Transport {
    Plain(Paced<TcpStream>),
    Tls(Box<TlsStream<Paced<TcpStream>>>),
}

impl Line {
    pub fn plain(stream: Paced<TcpStream>, place: ConnectionPlace, stopping: Stopping) -> Self {
        Self { transport: Transport::Plain(stream), unused: Some(stopping), _place: place }
    }

    pub fn tls(stream: TlsStream<Paced<TcpStream>>, place: ConnectionPlace, stopping: Stopping) -> Self {
        Self { transport: Transport::Tls(Box::new(stream)), unused: Some(stopping), _place: place }
    }
}

impl Line {
    /// The certificate that the client has shown, in DER.
    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        let Transport::Tls(stream) = &self.transport else { return None };
        Some(stream.get_ref().1.peer_certificates()?.first()?.to_vec())
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Transport::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        };
        match (&read, &mut self.unused) {
            // The reader takes it for the client's end.
            (Poll::Pending, Some(stopping)) => stopping.as_mut().poll(cx).map(Ok),
            (Poll::Ready(_), unused) => {
                *unused = None;
                read
            }
            (Poll::Pending, None) => read,
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// A stream whose reader must keep up: from the first write that it holds up until all is written it has
/// [`TAKE_NOTHING_MAX`], and more by what it takes meanwhile.
pub struct Paced<S> {
    stream: S,
    held_up: Option<HeldUp>,
}

struct HeldUp {
    since: Instant,
    taken_bytes: u64,
    end: Pin<Box<Sleep>>,
}

impl<S> Paced<S> {
    pub const fn new(stream: S) -> Self {
        Self { stream, held_up: None }
    }
}

impl HeldUp {
    fn now() -> Self {
        let since = Instant::now();
        Self { since, taken_bytes: 0, end: Box::pin(sleep_until(since + TAKE_NOTHING_MAX)) }
    }

    /// Completes when the reader has had the time for what it took.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let earned = Duration::from_millis(self.taken_bytes.saturating_mul(1_000) / TAKE_BYTES_PER_SECOND_MIN);
        let end = self.since + TAKE_NOTHING_MAX + earned;
        if self.end.deadline() != end {
            self.end.as_mut().reset(end);
        }
        self.end.as_mut().poll(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        match &written {
            Poll::Ready(Ok(length)) => {
                if let Some(held_up) = &mut self.held_up {
                    held_up.taken_bytes = held_up.taken_bytes.saturating_add(*length as u64);
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                if self.held_up.get_or_insert_with(HeldUp::now).poll_end(cx).is_ready() {
                    let error = io::Error::new(io::ErrorKind::TimedOut, "the client does not take its answer");
                    return Poll::Ready(Err(error));
                }
            }
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The writer flushes when it has nothing left to write.
        self.held_up = None;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::net::TcpListener;

    use super::*;
    use crate::http::limits::{Guard, Limits};

    /// The two ends of a connection: as a client has it, and as the node does.
    async fn connection(stopping: Stopping) -> (TcpStream, Line) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let theirs = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (ours, peer) = listener.accept().await.unwrap();
        let place = Guard::new(&Limits::default()).connections.place(peer.ip()).unwrap();
        (theirs, Line::plain(Paced::new(ours), place, stopping))
    }

    async fn readable(line: &Line) {
        match &line.transport {
            Transport::Plain(paced) => paced.stream.readable().await.unwrap(),
            Transport::Tls(_) => unreachable!("the tests speak in the clear"),
        }
    }

    #[tokio::test]
    async fn a_connection_that_nothing_came_on_ends_when_the_node_stops() {
        let (_theirs, mut line) = connection(Box::pin(ready(()))).await;
        assert_eq!(line.read(&mut [0; 8]).await.unwrap(), 0);
        let (mut theirs, mut line) = connection(Box::pin(ready(()))).await;
        theirs.write_all(b"GET ").await.unwrap();
        readable(&line).await;
        assert_eq!(line.read(&mut [0; 8]).await.unwrap(), 4, "what has come is read");
        theirs.write_all(b"/ ").await.unwrap();
        assert_eq!(line.read(&mut [0; 8]).await.unwrap(), 2, "a request that has begun is waited for");
    }

    #[tokio::test]
    async fn a_connection_stays_while_the_node_does() {
        let (mut theirs, mut line) = connection(Box::pin(pending())).await;
        let reader = tokio::task::LocalSet::new();
        reader
            .run_until(async move {
                let read = tokio::task::spawn_local(async move { line.read(&mut [0; 8]).await.unwrap() });
                tokio::task::yield_now().await;
                theirs.write_all(b"GET ").await.unwrap();
                assert_eq!(read.await.unwrap(), 4);
            })
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_cut() {
        let (ours, _theirs) = duplex(1_000);
        let began = Instant::now();
        let error = Paced::new(ours).write_all(&[0; 2_000]).await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed().as_secs()), (io::ErrorKind::TimedOut, TAKE_NOTHING_MAX.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_trickles_is_cut_and_a_slow_one_is_not() {
        for (bytes_per_second, survives) in [(100, false), (32_768, true)] {
            let (ours, mut theirs) = duplex(1_000);
            let reader = tokio::spawn(async move {
                let mut bytes = vec![0; bytes_per_second];
                let mut seconds = 0_u32;
                while theirs.read_exact(&mut bytes).await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    seconds += 1;
                }
                seconds
            });
            let mut line = Paced::new(ours);
            // Two minutes' worth for the slow one.
            let written = line.write_all(&vec![0; 32_768 * 120]).await;
            assert_eq!(written.is_ok(), survives, "{bytes_per_second}");
            drop(line);
            let seconds = reader.await.unwrap();
            assert!(survives || seconds < 45, "cut after {seconds} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_client_is_not_held_up() {
        let (ours, mut theirs) = duplex(1_000);
        let mut line = Paced::new(ours);
        for _ in 0..3 {
            let reader = async {
                let mut bytes = vec![0; 1_500];
                tokio::time::sleep(Duration::from_secs(20)).await;
                theirs.read_exact(&mut bytes).await
            };
            let writer = async {
                line.write_all(&[0; 1_500]).await?;
                line.flush().await
            };
            let (read, written) = tokio::join!(reader, writer);
            assert!(read.is_ok() && written.is_ok());
        }
    }
}
