//! A server in the middle: it passes on what it is asked, and alters the answers as a test wants.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use crate::stage::Stage;
use crate::support::{Answer, Node, text};

/// Alters the answer to a path and query.
pub type Alter = Box<dyn Fn(&str, &mut Answer) + Send>;

/// A request as it came from the browser.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// With the query.
    pub path: String,
    pub body: Vec<u8>,
}

/// Passes a request on: method, path, headers and body.
type Ask = Arc<dyn Fn(&str, &str, &[(&str, &str)], &[u8]) -> Answer + Send + Sync>;

/// How much of bodies whose path begins in some way is passed on, in percent, and what comes then.
#[derive(Clone, Default)]
struct Share {
    path: &'static str,
    percent: Option<usize>,
    /// Or else it waits until more is.
    is_cut: bool,
}

pub struct Proxy {
    url: String,
    alter: Arc<Mutex<Alter>>,
    share: watch::Sender<Share>,
    asked: Arc<Mutex<Vec<Asked>>>,
    is_up: Arc<AtomicBool>,
}

impl Proxy {
    /// Stands before a stage's node, honest until told otherwise. Ends with the test's runtime.
    pub async fn before(stage: &Arc<Stage>) -> Self {
        let stage = Arc::clone(stage);
        Self::before_all(move |method, path, headers, body| stage.node.request(method, path, headers, body)).await
    }

    /// The same before a node of the test's own.
    pub async fn before_node(node: Arc<Node>) -> Self {
        Self::before_all(move |method, path, headers, body| node.request(method, path, headers, body)).await
    }

    async fn before_all(ask: impl Fn(&str, &str, &[(&str, &str)], &[u8]) -> Answer + Send + Sync + 'static) -> Self {
        let ask: Ask = Arc::new(ask);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let alter: Arc<Mutex<Alter>> = Arc::new(Mutex::new(Box::new(|_, _| {})));
        let shared = Arc::clone(&alter);
        let (share, passed) = watch::channel(Share::default());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let is_up = Arc::new(AtomicBool::new(true));
        let up = Arc::clone(&is_up);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if !up.load(Relaxed) {
                    continue;
                }
                tokio::spawn(serve(stream, Arc::clone(&ask), Arc::clone(&shared), passed.clone(), Arc::clone(&log)));
            }
        });
        Self { url, alter, share, asked, is_up }
    }

    /// Takes connections, or closes them without a word.
    pub fn be_up(&self, is_up: bool) {
        self.is_up.store(is_up, Relaxed);
    }

    /// What browsers have asked for so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Passes on so many percent of the bodies at such paths, and holds the rest back until it is called again.
    pub fn hold_at(&self, path: &'static str, percent: usize) {
        self.share.send_replace(Share { path, percent: Some(percent), is_cut: false });
    }

    /// Passes on so many percent of the bodies at such paths, and then closes the connection.
    pub fn cut_at(&self, path: &'static str, percent: usize) {
        self.share.send_replace(Share { path, percent: Some(percent), is_cut: true });
    }

    /// Passes on everything.
    pub fn let_go(&self) {
        self.share.send_replace(Share::default());
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// From now on answers are altered like this.
    pub fn alter(&self, alter: impl Fn(&str, &mut Answer) + Send + 'static) {
        *self.alter.lock().unwrap() = Box::new(alter);
    }
}

/// Answers one request on a connection of its own.
async fn serve(
    mut stream: TcpStream,
    ask: Ask,
    alter: Arc<Mutex<Alter>>,
    mut share: watch::Receiver<Share>,
    log: Arc<Mutex<Vec<Asked>>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // A browser opens connections that it may not use.
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = text(&head);
    let mut lines = head.lines();
    let mut words = lines.next().unwrap().split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    log.lock().unwrap().push(Asked { method: method.clone(), path: path.clone(), body: body.clone() });
    let known = ["accept", "accept-language", "content-type", "sec-fetch-mode"];
    let passed: Vec<(String, String)> =
        headers.into_iter().filter(|(name, _)| known.contains(&name.as_str())).collect();
    let asked = path.clone();
    let answered = spawn_blocking(move || {
        let headers: Vec<(&str, &str)> = passed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        ask(&method, &asked, &headers, &body)
    });
    let mut answer = answered.await.unwrap();
    alter.lock().unwrap()(&path, &mut answer);
    let mut head = format!("HTTP/1.1 {} Passed on\r\nConnection: close\r\n", answer.status);
    let own = ["connection", "content-length", "transfer-encoding"];
    for (name, value) in answer.headers.iter().filter(|(name, _)| !own.contains(&name.to_ascii_lowercase().as_str())) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", answer.body.len()));
    let mut rest = answer.body.as_slice();
    // A browser may have gone elsewhere.
    let _ = stream.write_all(head.as_bytes()).await;
    loop {
        let Share { path: of, percent, is_cut } = share.borrow_and_update().clone();
        let percent = percent.filter(|_| path.starts_with(of)).unwrap_or(100);
        let sent = answer.body.len() - rest.len();
        let more = (answer.body.len() * percent / 100).saturating_sub(sent);
        let (now, later) = rest.split_at(more);
        let _ = stream.write_all(now).await;
        rest = later;
        if rest.is_empty() || is_cut {
            break;
        }
        if share.changed().await.is_err() {
            break;
        }
    }
    let _ = stream.shutdown().await;
}
