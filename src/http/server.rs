//! From a bound socket to requests: accepts connections, counts them, speaks TLS where asked, and hands them to the
//! framework.
//!
//! HTTP/1.1 alone is spoken. The framework's HTTP/2 sets no limit on the streams of a connection, so that one connection
//! could hold any number of requests; an operator who wants HTTP/2 lets a proxy speak it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive, Protocol};
use actix_server::{GracefulShutdownSignal, Server};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::AppConfig;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, web};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::http::background::Background;
use crate::http::exchange::{Https, exchange};
use crate::http::limits::Guard;
use crate::http::limits::memory::count_answer;
use crate::http::line::{Line, Paced, Stopping};
use crate::http::{Node, routes};

/// How long requests in flight may take to finish once the node is stopping.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take to agree on TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may stay open with nothing on it.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a client may take to close its side after the last answer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What each worker serves with.
#[derive(Clone)]
pub struct Served {
    pub node: web::Data<Node>,
    pub background: web::Data<Background>,
    pub guard: web::Data<Guard>,
}

/// Starts to serve the node on a bound socket, with TLS where it is given.
pub fn start(
    served: Served,
    listener: TcpListener,
    tls: Option<ServerConfig>,
    connections_max: usize,
) -> io::Result<Server> {
    let guard = served.guard.clone();
    let configure = move |config: &mut web::ServiceConfig| {
        let served = served.clone();
        config.app_data(served.node).app_data(served.background).configure(routes::configure);
    };
    start_app(guard, configure, listener, tls, connections_max)
}

/// The certificate that a client has shown in the handshake, in DER. An authority of the server's choice issued it.
#[derive(Debug, Clone)]
pub struct ClientCertificate(pub Vec<u8>);

/// Starts to serve what `configure` registers, on a bound socket, with TLS where it is given. Connections beyond
/// `connections_max` wait until another one ends.
pub fn start_app(
    guard: web::Data<Guard>,
    configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    listener: TcpListener,
    tls: Option<ServerConfig>,
    connections_max: usize,
) -> io::Result<Server> {
    let https = Https(tls.is_some());
    let tls = tls.map(|mut tls| {
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(tls))
    });
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let builder = Server::build()
        .workers(workers)
        .max_concurrent_connections(connections_max.div_ceil(workers))
        .shutdown_timeout(SHUTDOWN_TIMEOUT.as_secs())
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let server = builder.listen("http", listener, move || {
        let (guard, tls, stopping) = (guard.clone(), tls.clone(), stopping.clone());
        let stops = stopping.clone();
        let app = App::new()
            .app_data(guard.clone())
            .app_data(https)
            .configure(configure.clone())
            .wrap(from_fn(count_answer))
            .wrap(Compress::default())
            .wrap(from_fn(exchange));
        let app = app.into_factory().map_err(|error| error.error_response());
        let http = HttpService::build()
            .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
            .client_request_timeout(HEAD_TIMEOUT)
            .client_disconnect_timeout(CLOSE_TIMEOUT)
            // A client that has closed its side is gone, as proxies take it too: what it asked for is not worked on any
            // more. Only so does a request hear of it before it writes its answer.
            .h1_allow_half_closed(false)
            .on_connect_ext(|line: &Line, data| {
                if let Some(certificate) = line.peer_certificate() {
                    data.insert(ClientCertificate(certificate));
                }
            })
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .finish(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| enter(stream, guard.clone(), tls.clone(), stops.clone())).and_then(http)
    })?;
    Ok(server.run())
}

/// Lets a connection in: counts it before anything is read of it, then agrees on TLS.
async fn enter(
    stream: TcpStream,
    guard: web::Data<Guard>,
    tls: Option<TlsAcceptor>,
    stops: GracefulShutdownSignal,
) -> Result<(Line, Protocol, Option<SocketAddr>), DispatchError> {
    let peer = stream.peer_addr().map_err(DispatchError::Io)?;
    let Some(place) = guard.connections.place(peer.ip()) else {
        let refused = "its address has as many connections as it may";
        tracing::debug!(%peer, "a connection was closed: {refused}");
        return Err(DispatchError::Io(io::Error::new(io::ErrorKind::QuotaExceeded, refused)));
    };
    stream.set_nodelay(true).map_err(DispatchError::Io)?;
    let stream = Paced::new(stream);
    let mut stopping: Stopping = Box::pin(async move { stops.notified().await });
    let line = match tls {
        None => Line::plain(stream, place, stopping),
        Some(tls) => {
            let agreed = tokio::select! {
                agreed = timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)) => agreed,
                () = &mut stopping => return Err(DispatchError::Io(io::ErrorKind::ConnectionAborted.into())),
            };
            let stream = agreed.map_err(|slow| DispatchError::Io(slow.into()))?.map_err(DispatchError::Io)?;
            Line::tls(stream, place, stopping)
        }
    };
    Ok((line, Protocol::Http1, Some(peer)))
}
