//! How soon a verdict is there on a slow line and a slow phone: measured if it is asked for, and never asserted.
//!
//! `SEALANE_SLOW_LINE=1 cargo test --release --test browser slow_line -- --nocapture`

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

use crate::chromium::Browser;
use crate::stage::{GENUINE, RECALLED, Stage, UNKNOWN};

/// A line between browser and node.
#[derive(Clone)]
struct Line {
    round_trip: Duration,
    bytes_per_second: Option<f64>,
    /// What the node takes for each answer.
    pause: Duration,
    /// When the line has sent what it was given, towards the browser. All connections share it.
    free: Arc<Mutex<Instant>>,
}

impl Line {
    fn new(round_trip_ms: u64, kilobits_per_second: Option<f64>, pause_ms: u64) -> Self {
        let bytes_per_second = kilobits_per_second.map(|kilobits| kilobits * 1000.0 / 8.0);
        let free = Arc::new(Mutex::new(Instant::now()));
        Self {
            round_trip: Duration::from_millis(round_trip_ms),
            bytes_per_second,
            pause: Duration::from_millis(pause_ms),
            free,
        }
    }

    /// Begins to pass on what comes to an address of its own. Ends with the test's runtime.
    async fn before(self, node: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((browser, _)) = listener.accept().await {
                tokio::spawn(self.clone().pass(browser, node.clone()));
            }
        });
        url
    }

    async fn pass(self, browser: TcpStream, node: String) {
        // The connection is made.
        sleep(self.round_trip).await;
        let Ok(node) = TcpStream::connect(node).await else { return };
        let (from_browser, to_browser) = browser.into_split();
        let (from_node, to_node) = node.into_split();
        let half = self.round_trip / 2;
        let up = carry(from_browser, to_node, move |_| async move { Instant::now() + half });
        let down = carry(from_node, to_browser, move |bytes| {
            let line = self.clone();
            async move {
                let sent = match line.bytes_per_second {
                    Some(rate) => {
                        let mut free = line.free.lock().await;
                        *free = (*free).max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / rate);
                        *free
                    }
                    None => Instant::now(),
                };
                sent + half + line.pause
            }
        });
        tokio::join!(up, down);
    }
}

/// Carries bytes, each piece at the time that `arrival` gives for it.
async fn carry<R, W, F>(mut from: R, mut to: W, arrival: impl Fn(usize) -> F)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Instant>,
{
    let (send, mut receive) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let writer = tokio::spawn(async move {
        while let Some((at, piece)) = receive.recv().await {
            sleep_until(at).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    });
    let mut piece = vec![0; 1400];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        let at = arrival(read).await;
        if send.send((at, piece[..read].to_vec())).is_err() {
            break;
        }
    }
    drop(send);
    let _ = writer.await;
}

/// Milliseconds from the beginning of the navigation until the device's own verdict stood there.
const VERDICT_AT: &str = "window.verdictAt = undefined;
    document.addEventListener('readystatechange', () => {
      const status = document.getElementById('status');
      if (status) new MutationObserver(() => { if (status.classList.contains('checked')) window.verdictAt ??= performance.now(); })
        .observe(status, { attributes: true });
    });";

async fn seconds(browser: &Browser, url: &str) -> f64 {
    browser.goto(url).await;
    browser.wait_for("#status.checked").await;
    browser.eval("window.verdictAt").await.as_f64().unwrap() / 1e3
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_soon_a_verdict_is_there() {
    if std::env::var_os("SEALANE_SLOW_LINE").is_none() {
        println!("skipped: SEALANE_SLOW_LINE is not set");
        return;
    }
    let stage = Stage::shared();
    let node = stage.node.url.trim_start_matches("http://").to_owned();
    // "Slow 4G", as Lighthouse has it.
    for (name, line) in
        [("slow 4G", Line::new(150, Some(1_638.4), 0)), ("3 s for each answer", Line::new(0, None, 3_000))]
    {
        let url = line.before(node.clone()).await;
        for path in [GENUINE, RECALLED, UNKNOWN] {
            let browser = Browser::open(&stage.driver).await;
            browser.before_each_page(VERDICT_AT).await;
            browser.devtools("Emulation.setCPUThrottlingRate", json!({"rate": 4})).await;
            let page = format!("{url}{path}");
            let first = seconds(&browser, &page).await;
            // The worker and what is kept have settled.
            browser.wait_until("navigator.serviceWorker.controller !== null").await;
            let mut again = Vec::new();
            for _ in 0..3 {
                again.push(seconds(&browser, &page).await);
            }
            println!("{name}, {path}: first {first:.2} s, again {again:.2?} s");
            browser.close().await;
        }
    }
}
