//! A subscriber that answers as it is told to, and keeps what it was sent.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use crate::program::until;

/// A notice as it came.
#[derive(Debug, Clone)]
pub struct Came {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub answered: u16,
}

impl Came {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The serial numbers of its events, in their order.
    pub fn serials(&self) -> Vec<String> {
        let document = self.json();
        let list = document.pointer("/epcisBody/queryResults/resultsBody/eventList").and_then(Value::as_array).cloned();
        let of = |event: Value| event["epcList"].as_array().cloned().unwrap_or_default();
        let serial = |epc: Value| epc.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        list.unwrap_or_else(|| panic!("{document}")).into_iter().flat_map(of).map(serial).collect()
    }
}

#[derive(Default)]
struct State {
    /// Statuses of the next answers; after them all are 200.
    next: VecDeque<u16>,
    came: Vec<Came>,
}

pub struct Subscriber {
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Subscriber {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &state));
            }
        });
        Self { url, state }
    }

    pub fn answers(&self, statuses: impl IntoIterator<Item = u16>) {
        self.state.lock().unwrap().next.extend(statuses);
    }

    pub fn came(&self) -> Vec<Came> {
        self.state.lock().unwrap().came.clone()
    }

    /// Waits until so many notices came.
    #[track_caller]
    pub fn until_came(&self, count: usize) -> Vec<Came> {
        let told = || format!("{} notices came", self.came().len());
        until(|| Some(self.came()).filter(|came| came.len() >= count), told)
    }

    /// The serials of all events that were taken, in the order in which they came.
    pub fn taken(&self) -> Vec<String> {
        let taken = self.came().into_iter().filter(|came| (200..300).contains(&came.answered));
        taken.flat_map(|came| came.serials()).collect()
    }

    /// Waits until these were taken, and nothing else.
    #[track_caller]
    pub fn until_taken(&self, serials: &[&str]) {
        until(|| (self.taken() == serials).then_some(()), || format!("{:?} were taken", self.taken()));
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or_default() == 0 {
            return;
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let headers: Vec<(String, String)> = lines
        .iter()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let status = {
        let mut state = state.lock().unwrap();
        let answered = state.next.pop_front().unwrap_or(200);
        state.came.push(Came { headers, body, answered });
        answered
    };
    let moved = if (300..400).contains(&status) { "Location: http://127.0.0.1:1/\r\n" } else { "" };
    let answer = format!("HTTP/1.1 {status} As-told\r\n{moved}Content-Length: 0\r\nConnection: close\r\n\r\n");
    // Who has given up does not hear it.
    let _answered = (&stream).write_all(answer.as_bytes());
}
