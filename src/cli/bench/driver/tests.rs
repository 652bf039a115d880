//! The driver against a server that answers as it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::*;
use crate::cli::bench::schedule::Phase;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const BUSY: &str = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n";
const WRONG: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\nwrong";
const LAST: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Ends the connection instead of an answer.
const NOTHING: &str = "";

/// Serves these answers, each once and in this order, then OK for ever. Keeps the bodies that came, in order.
fn server(answers: &[&'static str]) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answers = Arc::new(Mutex::new(answers.iter().copied().collect::<VecDeque<_>>()));
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&bodies);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (answers, kept) = (Arc::clone(&answers), Arc::clone(&kept));
            std::thread::spawn(move || serve(stream.unwrap(), &answers, &kept));
        }
    });
    (address, bodies)
}

fn serve(stream: TcpStream, answers: &Mutex<VecDeque<&'static str>>, bodies: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(&stream);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        let mut first = String::new();
        while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
            if first.is_empty() {
                first.clone_from(&line);
            }
            length = line.strip_prefix("Content-Length: ").map_or(length, |text| text.trim().parse().unwrap());
            line.clear();
        }
        if first.is_empty() {
            return;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body = if length == 0 { first.trim().to_owned() } else { String::from_utf8(body).unwrap() };
        bodies.lock().unwrap().push(body);
        let answer = answers.lock().unwrap().pop_front().unwrap_or(OK);
        if answer == NOTHING {
            return;
        }
        (&stream).write_all(answer.as_bytes()).unwrap();
        if answer == LAST {
            return;
        }
    }
}

fn requests(count: usize) -> Vec<Vec<u8>> {
    let request = |n: usize| format!("POST /epcis/capture HTTP/1.1\r\nContent-Length: 1\r\n\r\n{n}").into_bytes();
    (0..count).map(request).collect()
}

/// What came of a load over one connection, with the first error.
fn drive(address: SocketAddr, load: &Load, phase: Phase, ids: &mut Ids) -> (Tallies, Option<String>) {
    let mut phases = [Tallies::new().unwrap()];
    let mut first_error = None;
    let mut driver = Driver::new(vec![address], "test".to_owned(), 1).unwrap();
    let mut results = Results { ids, phases: &mut phases, series: None, first_error: &mut first_error };
    driver.drive(load, &mut Schedule::new(vec![(0, phase)]), &mut results).unwrap();
    let [tallies] = phases;
    (tallies, first_error)
}

fn load(statements: &[Vec<u8>]) -> Load<'_> {
    Load { recipe: None, statements, first: 0, mix: Mix::NONE, retry: false, retry_lost: false }
}

const CLOSED: Phase = Phase { span: Duration::from_secs(3600), rate: None };

fn counts(tallies: &Tallies) -> (u64, u64, u64) {
    (tallies.captures.done, tallies.captures.refused, tallies.captures.failed)
}

#[test]
fn each_statement_is_sent_once_and_each_answer_counted() {
    let (address, bodies) = server(&[OK, BUSY, WRONG, LAST]);
    let statements = requests(6);
    let (tallies, error) = drive(address, &load(&statements), CLOSED, &mut Ids::read(None).unwrap());
    assert_eq!(counts(&tallies), (4, 1, 1));
    assert_eq!(error.as_deref(), Some("status 400: wrong"));
    assert_eq!(*bodies.lock().unwrap(), ["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn what_was_refused_is_offered_again_until_it_is_taken() {
    let (address, bodies) = server(&[BUSY, BUSY, OK]);
    let statements = requests(2);
    let load = Load { retry: true, ..load(&statements) };
    let (tallies, error) = drive(address, &load, CLOSED, &mut Ids::read(None).unwrap());
    assert_eq!(counts(&tallies), (2, 2, 0));
    assert_eq!(error, None);
    let mut bodies = bodies.lock().unwrap().clone();
    bodies.sort_unstable();
    bodies.dedup();
    assert_eq!(bodies, ["0", "1"]);
}

#[test]
fn a_lost_connection_is_an_error_and_another_takes_its_place() {
    let (address, _) = server(&[NOTHING, OK]);
    let statements = requests(2);
    let (tallies, error) = drive(address, &load(&statements), CLOSED, &mut Ids::read(None).unwrap());
    assert_eq!(counts(&tallies), (1, 0, 1));
    assert!(error.is_some());

    let (address, _) = server(&[NOTHING, OK]);
    let again = Load { retry_lost: true, ..load(&statements) };
    let (tallies, _) = drive(address, &again, CLOSED, &mut Ids::read(None).unwrap());
    assert_eq!(counts(&tallies), (2, 0, 1));
}

#[test]
fn shares_are_kept_on_schedule() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ids");
    std::fs::write(&path, "urn:a:b\n").unwrap();
    let (address, bodies) = server(&[]);
    let statements = requests(12);
    let load = Load { mix: Mix { reads: 0.5, evidence: 0.25 }, ..load(&statements) };
    let phase = Phase { span: Duration::from_millis(40), rate: Some(1000.0) };
    let (tallies, _) = drive(address, &load, phase, &mut Ids::read(Some(&path)).unwrap());
    assert_eq!((tallies.captures.done, tallies.verdicts.done, tallies.evidence.done), (11, 20, 9));
    assert_eq!(tallies.unsent, 0);
    let bodies = bodies.lock().unwrap();
    assert!(bodies.iter().any(|body| body == "GET /verify?id=urn:a:b HTTP/1.1"), "{bodies:?}");
    assert!(bodies.iter().any(|body| body == "GET /evidence?id=urn:a:b HTTP/1.1"), "{bodies:?}");
}
