//! A node that fails and lies as it is told to, before a real one.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::support::request;

/// What becomes of a posted statement.
#[derive(Debug, Clone)]
pub enum Act {
    /// The real node answers.
    Pass,
    /// This is answered, and the real node hears nothing.
    Answer(u16, Value, Vec<(&'static str, String)>),
    /// The real node has it, and the connection ends before its answer.
    PassAndCut,
    /// The real node has it, and half of its answer comes.
    PassAndTear,
    /// The real node has it, and its receipt is changed on the way.
    Lie,
    /// Nothing is answered until the fake node is let go on.
    Hold,
    /// The connection ends at once.
    Cut,
}

#[derive(Default)]
struct State {
    /// What becomes of the next statements; after them, everything passes.
    acts: VecDeque<Act>,
    /// What becomes of all of them, if it is not what `acts` says.
    always: Option<Act>,
    posted: Vec<Vec<u8>>,
    goes_on: bool,
    held: usize,
    /// Changes what is read of the real node.
    change: Option<Change>,
}

/// Gets the path and the real node's body, and returns another one.
type Change = Arc<dyn Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync>;

/// A fake node.
pub struct FakeNode {
    pub url: String,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl FakeNode {
    /// Stands before the node at a host and port.
    pub fn before(host: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let (for_all, host) = (Arc::clone(&shared), host.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, host) = (Arc::clone(&for_all), host.clone());
                thread::spawn(move || serve(stream, &shared, &host));
            }
        });
        Self { url, shared }
    }

    pub fn then(&self, acts: impl IntoIterator<Item = Act>) {
        self.shared.0.lock().unwrap().acts.extend(acts);
    }

    pub fn always(&self, act: Act) {
        self.shared.0.lock().unwrap().always = Some(act);
    }

    /// Changes what is read of the real node from now on.
    pub fn change(&self, change: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + 'static) {
        self.shared.0.lock().unwrap().change = Some(Arc::new(change));
    }

    /// Changes a byte of what each bundle of leaves ends with from now on.
    pub fn lie_about_leaves(&self) {
        self.change(|path, mut body| {
            if let Some(last) = body.last_mut().filter(|_| path.starts_with("/ledger/tile/entries/")) {
                *last ^= 1;
            }
            body
        });
    }

    /// Answers with a problem of a node's.
    pub fn problem(status: u16, code: &str) -> Act {
        Act::Answer(
            status,
            json!({"status": status, "code": code, "detail": format!("as the test says: {code}")}),
            Vec::new(),
        )
    }

    pub fn posted(&self) -> Vec<Vec<u8>> {
        self.shared.0.lock().unwrap().posted.clone()
    }

    /// Waits until so many statements were posted.
    #[track_caller]
    pub fn until_posted(&self, count: usize) -> Vec<Vec<u8>> {
        crate::program::until(
            || Some(self.posted()).filter(|posted| posted.len() >= count),
            || format!("{} were posted", self.posted().len()),
        )
    }

    /// Waits until a statement is held.
    #[track_caller]
    pub fn until_held(&self) {
        crate::program::until(
            || (self.shared.0.lock().unwrap().held > 0).then_some(()),
            || "nothing is held".to_owned(),
        );
    }

    /// Lets go on what is held.
    pub fn go_on(&self) {
        self.shared.0.lock().unwrap().goes_on = true;
        self.shared.1.notify_all();
    }
}

fn serve(stream: TcpStream, shared: &(Mutex<State>, Condvar), host: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some((method, path, headers, body)) = read(&mut reader) {
        let is_capture = method == "POST" && path == "/epcis/capture";
        let act = if is_capture { next(shared, &body) } else { Act::Pass };
        let kept: Vec<(&str, &str)> = headers
            .iter()
            .filter(|(name, _)| ["content-type", "prefer", "accept"].contains(&name.as_str()))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let pass = || request(host, &method, &path, &kept, &body);
        let answer = match act {
            Act::Cut => return,
            Act::Answer(status, value, headers) => write_answer(status, value.to_string().as_bytes(), &headers),
            Act::Pass => {
                let answer = pass();
                let change = shared.0.lock().unwrap().change.clone().filter(|_| method == "GET");
                let body = change.map_or_else(|| answer.body.clone(), |change| change(&path, answer.body.clone()));
                write_answer(answer.status, &body, &[])
            }
            Act::PassAndCut => {
                pass();
                return;
            }
            Act::PassAndTear => {
                let answer = pass();
                let whole = write_answer(answer.status, &answer.body, &[]);
                let _ = stream.write_all(&whole[..whole.len() - 20]);
                return;
            }
            Act::Lie => {
                let mut told = pass().json();
                let leaf = told["receipt"]["leafIndex"].as_u64().unwrap_or_default();
                told["receipt"]["leafIndex"] = json!(leaf + 1);
                write_answer(200, told.to_string().as_bytes(), &[])
            }
            Act::Hold => {
                let (lock, changed) = shared;
                let mut state = lock.lock().unwrap();
                state.held += 1;
                drop(changed.wait_while(state, |state| !state.goes_on).unwrap());
                let answer = pass();
                write_answer(answer.status, &answer.body, &[])
            }
        };
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

fn next(shared: &(Mutex<State>, Condvar), body: &[u8]) -> Act {
    let mut state = shared.0.lock().unwrap();
    state.posted.push(body.to_vec());
    let always = state.always.clone();
    state.acts.pop_front().or(always).unwrap_or(Act::Pass)
}

type Asked = (String, String, Vec<(String, String)>, Vec<u8>);

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((method, path, headers, body))
}

fn write_answer(status: u16, body: &[u8], headers: &[(&'static str, String)]) -> Vec<u8> {
    let mut head =
        format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    [format!("{head}\r\n").as_bytes(), body].concat()
}
