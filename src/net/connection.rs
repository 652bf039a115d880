//! One connection, from the handshake to its end.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsStream;

use super::counters::count;
use super::frame::{LENGTH_BYTES, frame, read_frame, write_frames};
use super::limits::{FRAME_BYTES_MAX, HELLO_FRAME_BYTES_MAX};
use super::outbox::Class;
use super::shared::Shared;
use super::table::{Link, Placed};
use super::trouble::Trouble;
use crate::ports::{NodeIdentity, PeerEvent};
use sealane_core::agreement::{Hello, Message, PROTOCOL_VERSION};
use sealane_core::hash::Hash;

/// How long a connection that is given up may take to say so.
const GOODBYE: Duration = Duration::from_secs(1);

/// A connection whose other end has shown who it is and said hello.
pub(super) struct Greeted {
    stream: TlsStream<TcpStream>,
    identity: NodeIdentity,
    hello: Hello,
    is_dialled_by_us: bool,
    address: IpAddr,
}

impl Greeted {
    /// Whose node it is.
    pub const fn kid(&self) -> Hash {
        self.identity.kid
    }
}

/// Takes a connection that came in as far as its hello, in the time that a handshake has.
pub(super) async fn accept(shared: &Shared, stream: TcpStream, address: IpAddr) -> Result<Greeted, Trouble> {
    let greeting = async {
        let stream = shared.tls.acceptor.accept(stream).await.map_err(Trouble::of_handshake)?;
        greet(shared, stream.into(), address, None).await
    };
    timeout(shared.times.handshake, greeting).await.map_err(|_| Trouble::HandshakeTime)?
}

/// Dials a member's node, as far as its hello.
pub(super) async fn dial(shared: &Shared, wanted: Hash, endpoint: &str) -> Result<Greeted, Trouble> {
    let connecting = timeout(shared.times.handshake, TcpStream::connect(endpoint)).await;
    let late = || std::io::Error::from(std::io::ErrorKind::TimedOut);
    let stream = connecting.unwrap_or_else(|_| Err(late())).map_err(Trouble::Unreachable)?;
    let greeting = async {
        let address = stream.peer_addr().map_err(Trouble::Unreachable)?.ip();
        stream.set_nodelay(true).map_err(Trouble::Unreachable)?;
        // Nodes are known by their certificates; the name is not sent.
        let name = ServerName::IpAddress(address.into());
        let stream = shared.tls.connector.connect(name, stream).await.map_err(Trouble::of_handshake)?;
        greet(shared, stream.into(), address, Some(wanted)).await
    };
    timeout(shared.times.handshake, greeting).await.map_err(|_| Trouble::HandshakeTime)?
}

async fn greet(
    shared: &Shared,
    mut stream: TlsStream<TcpStream>,
    address: IpAddr,
    wanted: Option<Hash>,
) -> Result<Greeted, Trouble> {
    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).cloned();
    let shown = shown.ok_or_else(|| Trouble::Tls(std::io::ErrorKind::InvalidData.into()))?;
    let identity = shared.tls.judge.judge(&shown).map_err(Trouble::Certificate)?;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != identity.kid) {
        return Err(Trouble::OtherMember { wanted, found: identity.kid });
    }
    let hello = Message::Hello(shared.hello(&identity.kid));
    write_frames(&mut stream, &[frame(&hello)], shared.times.handshake).await?;
    let handshake = shared.times.handshake;
    let bytes = read_frame(&mut stream, HELLO_FRAME_BYTES_MAX, handshake, handshake).await.map_err(refused_late)?;
    let Message::Hello(hello) = Message::parse(&bytes)? else { return Err(Trouble::NoHello) };
    if hello.common_version().is_none() {
        return Err(Trouble::OtherVersion { found: hello.version });
    }
    if hello.origin != shared.origin {
        return Err(Trouble::OtherLedger { found: hello.origin });
    }
    Ok(Greeted { stream, identity, hello, is_dialled_by_us: wanted.is_some(), address })
}

/// In TLS 1.3 a client hears only after its handshake that its certificate was refused.
fn refused_late(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Closed(error) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
            Trouble::Tls(error)
        }
        other => other,
    }
}

/// Gives the connection its place and serves it to its end.
pub(super) async fn run(shared: &Arc<Shared>, greeted: Greeted) -> Trouble {
    let Greeted { mut stream, identity, hello, is_dialled_by_us, address } = greeted;
    if identity.kid == shared.own_kid {
        return meet_self(shared, &mut stream, identity).await;
    }
    let is_dialled_by_lower = is_dialled_by_us == (shared.own_kid < identity.kid);
    let link = Link::new(identity, hello.run, is_dialled_by_lower, address, shared.clock.now());
    let link = Arc::new(link);
    match shared.place(&link, hello) {
        Ok(Placed::Taken { .. }) => {}
        Ok(Placed::Duplicate) => return Trouble::Duplicate,
        Ok(Placed::Twin { other }) => return part_twins(shared, &mut stream, identity, &other).await,
        Err(trouble) => return trouble,
    }
    let (mut reading, mut writing) = tokio::io::split(stream);
    let trouble = tokio::select! {
        trouble = link.wait_for_cut() => trouble,
        trouble = read(shared, &link, &mut reading) => trouble,
        trouble = write(shared, &link, &mut writing) => trouble,
    };
    shared.remove(&link, &trouble);
    let _ = timeout(GOODBYE, writing.shutdown()).await;
    trouble
}

/// Another node shows this member's own key, or this node has dialled itself.
async fn meet_self(shared: &Shared, stream: &mut TlsStream<TcpStream>, identity: NodeIdentity) -> Trouble {
    let own = shared.own_tls_key;
    if identity.tls_key == own {
        return Trouble::Duplicate;
    }
    shared.twins(shared.own_kid, [own, identity.tls_key]);
    tell_twin(stream, own).await;
    Trouble::Twin { other: own }
}

/// Tells both nodes that show one member's key of each other. The one that was there first stays.
async fn part_twins(
    shared: &Shared,
    stream: &mut TlsStream<TcpStream>,
    identity: NodeIdentity,
    first: &Link,
) -> Trouble {
    let other = first.identity.tls_key;
    shared.twins(identity.kid, [other, identity.tls_key]);
    shared.put(first, Class::Kept, frame(&Message::Twin { tls_key: identity.tls_key }));
    tell_twin(stream, other).await;
    Trouble::Twin { other }
}

async fn tell_twin(stream: &mut TlsStream<TcpStream>, other: Hash) {
    let told = [frame(&Message::Twin { tls_key: other })];
    // Who does not listen is told again when it comes again.
    if write_frames(stream, &told, GOODBYE).await.is_ok() && stream.shutdown().await.is_ok() {
        // A socket that is closed while something unread is in it takes back what was said last.
        let mut unread = [0; 4 * 1024];
        let drained = async { while stream.read(&mut unread).await.is_ok_and(|read| read > 0) {} };
        let _ = timeout(GOODBYE, drained).await;
    }
}

async fn read(shared: &Shared, link: &Arc<Link>, stream: &mut (impl AsyncRead + Unpin)) -> Trouble {
    loop {
        if let Err(trouble) = read_one(shared, link, stream).await {
            return trouble;
        }
    }
}

async fn read_one(shared: &Shared, link: &Arc<Link>, stream: &mut (impl AsyncRead + Unpin)) -> Result<(), Trouble> {
    let bytes = read_frame(stream, FRAME_BYTES_MAX, shared.times.silence, shared.times.stall).await?;
    count(&shared.counters.frames_in, 1);
    count(&shared.counters.bytes_in, (LENGTH_BYTES + bytes.len()) as u64);
    let message = Message::parse(&bytes)?;
    let from = link.identity.kid;
    match message {
        Message::Ping(number) => {
            shared.put(link, Class::Pong, frame(&Message::Pong(number)));
        }
        Message::Pong(sent) => {
            let now = shared.started.elapsed();
            if let Some(took) = now.checked_sub(Duration::from_micros(sent)) {
                let is_first = link.round_trip().is_none();
                link.ping_took(took);
                if is_first {
                    shared.changed();
                }
            }
        }
        Message::Hello(_) => return Err(Trouble::NoHello),
        Message::Addresses(addresses) => shared.learn(&addresses, from),
        Message::Twin { tls_key } if shared.is_member(&from) => {
            // In the room of who says it, which is bounded.
            let tls_keys = [shared.own_tls_key, tls_key];
            let event = PeerEvent::Twins { kid: shared.own_kid, tls_keys, told_by: Some(from) };
            shared.inbox.put_message(from, bytes.len(), event).await;
        }
        message => {
            if let Message::Status(status) = &message {
                shared.learn(status.address.as_slice(), from);
            }
            let is_said = shared.is_member(&from) || matches!(message, Message::Status(_) | Message::AskBlocks { .. });
            if !is_said {
                count(&shared.counters.candidate_messages_refused, 1);
                return Ok(());
            }
            shared.inbox.put_message(from, bytes.len(), PeerEvent::Said { from, message }).await;
        }
    }
    Ok(())
}

async fn write(shared: &Shared, link: &Link, stream: &mut (impl AsyncWrite + Unpin)) -> Trouble {
    let mut pings = interval(shared.times.ping_every);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let frames = tokio::select! {
            frames = link.outbox.take() => frames,
            _ = pings.tick() => {
                let sent = u64::try_from(shared.started.elapsed().as_micros()).unwrap_or_default();
                shared.put(link, Class::Kept, frame(&Message::Ping(sent)));
                continue;
            }
        };
        if let Err(trouble) = write_frames(stream, &frames, shared.times.stall).await {
            return trouble;
        }
        link.outbox.written(&frames);
        let bytes: usize = frames.iter().map(|frame| frame.len()).sum();
        shared.counters.frames_out.fetch_add(frames.len() as u64, Ordering::Relaxed);
        count(&shared.counters.bytes_out, bytes as u64);
    }
}

/// Keeps one node dialled while it is not connected, until this is dropped.
pub(super) async fn keep_dialling(shared: Arc<Shared>, kid: Hash) {
    let mut failures = 0_u32;
    loop {
        let endpoint = shared.wait_for_need(&kid).await;
        let began = Instant::now();
        let trouble = match dial(&shared, kid, &endpoint).await {
            Ok(greeted) => run(&shared, greeted).await,
            Err(trouble) => trouble,
        };
        shared.counters.trouble(&trouble, &kid.to_string(), None);
        match trouble {
            // The other one is connected, so there is nothing to wait for.
            Trouble::Duplicate if shared.is_connected(&kid) => continue,
            _ => shared.note_trouble(kid, &trouble),
        }
        failures = if began.elapsed() >= shared.times.steady { 0 } else { failures.saturating_add(1) };
        let pause = shared.redial_pause(failures);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shared.wait_for_other_endpoint(&kid, &endpoint) => {}
        }
    }
}

impl Shared {
    fn hello(&self, kid: &Hash) -> Hello {
        Hello {
            version: PROTOCOL_VERSION,
            origin: self.origin.clone(),
            rules: self.last_words.rules(),
            run: self.run,
            last: self.last_words.last_of(kid),
        }
    }

    /// Twice as long after each failure, less up to a half by chance, so that nodes do not dial in step.
    fn redial_pause(&self, failures: u32) -> Duration {
        let doubled = self.times.redial_first.saturating_mul(1 << failures.saturating_sub(1).min(20));
        doubled.min(self.times.redial_max).mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}
