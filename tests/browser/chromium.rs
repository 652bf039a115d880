//! Chromium and the driver that it is spoken to through.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{request, text};

/// How long a page may take before its test fails for good. No test passes by waiting this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a page is looked at while something is waited for.
const GLANCE: Duration = Duration::from_millis(25);

/// Whether the page's word is small and without a colour.
const QUIET: &str = "(() => { const style = getComputedStyle(document.getElementById('word'));
    const [r, g, b] = style.color.match(/\\d+/g).map(Number);
    return parseFloat(style.fontSize) < 24 && Math.max(r, g, b) - Math.min(r, g, b) < 60; })()";

const TAB: char = '\u{e004}';

/// A running chromedriver.
pub struct Driver {
    address: String,
    child: Child,
    /// For what browsers leave behind.
    scratch: TempDir,
}

impl Driver {
    pub fn start() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let mut child = Command::new(program(&["chromedriver"]))
            .args(["--port=0", "--log-level=SEVERE"])
            .env("TMPDIR", scratch.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
        let mut heard = Vec::new();
        for line in said {
            if let Some(port) = line.split("successfully on port ").nth(1) {
                let port: u16 = port.trim_end_matches('.').parse().unwrap();
                return Self { address: format!("127.0.0.1:{port}"), child, scratch };
            }
            heard.push(line);
        }
        panic!("chromedriver ended with {:?}, and said {heard:?}", child.wait());
    }
}

impl Driver {
    /// A directory that goes with it.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It ends its browsers when it is asked to end, not when it is killed.
        if TcpStream::connect(&self.address).is_ok() {
            let address = self.address.clone();
            let _ = std::thread::spawn(move || request(&address, "GET", "/shutdown", &[], b"")).join();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first of some programs that is installed.
fn program(names: &[&str]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = |name: &&str| std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    names.iter().find_map(installed).unwrap_or_else(|| {
        panic!(
            "{} is not installed, which the browser tests need: ./scripts/test installs it (the packages chromium and \
             chromium-driver)",
            names[0]
        )
    })
}

/// What is particular about a browser.
#[derive(Default)]
pub struct Habits {
    pub arguments: Vec<&'static str>,
    pub languages: Option<&'static str>,
    pub without_javascript: bool,
}

/// A browser that has never been anywhere.
pub struct Browser {
    pub client: Client,
    driver: String,
}

impl Browser {
    pub async fn open(driver: &Driver) -> Self {
        Self::with(driver, Habits::default()).await
    }

    pub async fn with(driver: &Driver, habits: Habits) -> Self {
        let profile = tempfile::tempdir_in(driver.scratch.path()).unwrap().keep();
        let mut arguments: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--no-proxy-server",
            "--hide-scrollbars",
            "--window-size=1280,900",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!("--user-data-dir={}", profile.display()));
        arguments.extend(habits.arguments.iter().map(|argument| (*argument).to_owned()));
        let mut preferences = json!({"intl.accept_languages": habits.languages.unwrap_or("en-US,en")});
        if habits.without_javascript {
            preferences["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {
                "binary": program(&["chromium", "chromium-browser", "google-chrome"]),
                "args": arguments,
                "prefs": preferences,
            },
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else { unreachable!() };
        let address = format!("http://{}", driver.address);
        let client = ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(&address).await;
        let client = client.unwrap_or_else(|error| panic!("Chromium does not start: {error}"));
        Self { client, driver: driver.address.clone() }
    }

    pub async fn close(self) {
        self.client.close().await.unwrap();
    }

    pub async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Waits until an element is there.
    pub async fn wait_for(&self, css: &str) -> Element {
        let began = Instant::now();
        loop {
            match self.client.wait().at_most(PATIENCE).every(GLANCE).for_element(Locator::Css(css)).await {
                Ok(element) => return element,
                // A page that is left while it is asked says so; the next one is asked again.
                Err(error) if error.to_string().contains("aborted by navigation") && began.elapsed() < PATIENCE => {}
                Err(error) => panic!("no {css}: {error}\n{}", self.text("body").await),
            }
        }
    }

    /// Waits until an expression holds.
    pub async fn wait_until(&self, expression: &str) {
        let began = Instant::now();
        let mut glances = tokio::time::interval(GLANCE);
        while self.eval(expression).await != json!(true) {
            assert!(began.elapsed() < PATIENCE, "not {expression}\n{}", self.text("body").await);
            glances.tick().await;
        }
    }

    /// The text of an element that is there, as it is shown.
    pub async fn text(&self, css: &str) -> String {
        let element = self.client.find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("no {css}: {error}"));
        element.text().await.unwrap()
    }

    /// Whether an element is there and can be seen.
    /// Waits until the page says that the evidence could not be fetched: what it shows then is still the server's claim.
    pub async fn wait_for_unfetched(&self, why: &str) {
        self.wait_for("#status.alarm button").await;
        let status = self.text("#status").await;
        assert!(status.contains(&format!("The check could not be carried out: {why}")), "{status}");
        assert!(self.shows("#claim").await && !self.shows("#verdict.tampered").await, "still the server's claim");
        assert_eq!(
            self.eval(QUIET).await,
            true,
            "nothing was checked, so that no word is large and nothing is green or red"
        );
    }

    /// Has the page check again, which finds the product authentic.
    pub async fn check_again(&self) {
        self.wait_for("#status button").await.click().await.unwrap();
        self.wait_for("#status.checked").await;
        assert_eq!(self.text("#word").await, "Authentic");
    }

    pub async fn shows(&self, css: &str) -> bool {
        let found = self.client.find_all(Locator::Css(css)).await.unwrap();
        for element in found {
            if element.is_displayed().await.unwrap() {
                return true;
            }
        }
        false
    }

    /// The value of a JavaScript expression in the page.
    pub async fn eval(&self, expression: &str) -> Value {
        self.client.execute(&format!("return ({expression})"), vec![]).await.unwrap()
    }

    /// Presses the tab key.
    pub async fn press_tab(&self) {
        let keys = KeyActions::new("keyboard".to_owned());
        let keys = keys.then(KeyAction::Down { value: TAB }).then(KeyAction::Up { value: TAB });
        self.client.perform_actions(keys).await.unwrap();
    }

    /// A command of the Chrome DevTools Protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.ask("goog/cdp/execute", &json!({"cmd": command, "params": parameters})).await
    }

    /// Runs a script in every page before the page's own.
    pub async fn before_each_page(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).await;
    }

    /// What the browser has complained about since it was last asked, at the level of errors.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.ask("se/log", &json!({"type": "browser"})).await;
        let severe = entries.as_array().unwrap().iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Shows pages as a device of this many pixels does.
    pub async fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// One of Chromium's own commands, which WebDriver does not have.
    async fn ask(&self, command: &str, body: &Value) -> Value {
        let session = self.client.session_id().await.unwrap().unwrap();
        let path = format!("/session/{session}/{command}");
        let answer =
            request(&self.driver, "POST", &path, &[("Content-Type", "application/json")], body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{command}: {}", text(&answer.body));
        answer.json()["value"].take()
    }
}
