//! Events of a named query on a WebSocket, by frames as RFC 6455 has them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::Gateway;
use crate::queries::{record, shipping};
use crate::support::{document, request, text};

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The client's side of a line.
struct Line(TcpStream);

impl Line {
    /// Shakes hands; gives the line, or the answer that refuses it.
    fn open(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> Result<Self, String> {
        let mut stream = TcpStream::connect(gateway.host()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut head = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            gateway.host()
        );
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        let answer = text(&answer);
        if answer.starts_with("HTTP/1.1 101") {
            // The example of RFC 6455 §1.3.
            assert!(
                answer.to_ascii_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
                "{answer}"
            );
            return Ok(Self(stream));
        }
        let mut rest = Vec::new();
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let _end = stream.read_to_end(&mut rest);
        Err(format!("{answer}{}", text(&rest)))
    }

    fn send(&mut self, opcode: u8, payload: &[u8]) {
        let length = u8::try_from(payload.len()).ok().filter(|length| *length < 126).unwrap();
        let mask = [1, 2, 3, 4];
        let mut frame = vec![0x80 | opcode, 0x80 | length];
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.0.write_all(&frame).unwrap();
    }

    /// The next frame, which is whole.
    fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).unwrap();
        assert_eq!(head[0] & 0x80, 0x80, "no continuation");
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.0.read_exact(&mut length).unwrap();
                u64::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                self.0.read_exact(&mut length).unwrap();
                u64::from_be_bytes(length)
            }
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).unwrap();
        (head[0] & 0x0f, payload)
    }

    /// The next document, with the serials of its events.
    #[track_caller]
    fn document(&mut self) -> (Value, Vec<String>) {
        loop {
            let (opcode, payload) = self.frame();
            match opcode {
                PING => self.send(PONG, &payload),
                TEXT => {
                    let document: Value = serde_json::from_slice(&payload).unwrap();
                    let list =
                        document["epcisBody"]["queryResults"]["resultsBody"]["eventList"].as_array().unwrap().clone();
                    let of = |event: Value| event["epcList"].as_array().unwrap().clone();
                    let serial = |epc: Value| epc.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
                    return (document, list.into_iter().flat_map(of).map(serial).collect());
                }
                other => panic!("frame {other}: {}", text(&payload)),
            }
        }
    }

    fn closed(&mut self) -> (u16, String) {
        loop {
            let (opcode, payload) = self.frame();
            if opcode == CLOSE {
                return (u16::from_be_bytes([payload[0], payload[1]]), text(&payload[2..]));
            }
        }
    }
}

fn named(gateway: &Gateway, name: &str, query: &Value) {
    let body = json!({"name": name, "query": query}).to_string();
    let made = request(gateway.host(), "POST", "/queries", &[("Content-Type", "application/json")], body.as_bytes());
    assert_eq!(made.status, 201, "{}", text(&made.body));
}

fn ship(gateway: &Gateway, serial: &str) {
    record(gateway, &document(vec![shipping(serial, "2026-03-01T10:00:00.000Z")]));
}

#[test]
fn a_line_tells_events_as_they_are_recorded() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    ship(&gateway, "A1");
    named(&gateway, "all", &json!({}));
    let mut now = Line::open(&gateway, "/queries/all/events?stream=true", &[]).unwrap();
    let since = "/epcis/queries/all/events?stream=true&initialRecordTime=2026-01-01T00:00:00Z";
    let mut since = Line::open(&gateway, since, &[("GS1-EPC-Format", "Always_EPC_URN")]).unwrap();
    let (document, _) = since.document();
    let event = &document["epcisBody"]["queryResults"]["resultsBody"]["eventList"][0];
    assert_eq!(event["epcList"][0], "urn:epc:id:sgtin:9506000.013435.A1");
    ship(&gateway, "A2");
    let (document, serials) = now.document();
    assert_eq!(serials, ["A2"]);
    assert_eq!(document["epcisBody"]["queryResults"]["queryName"], "all");
    now.send(PING, b"are you there");
    let pong = loop {
        match now.frame() {
            (PING, payload) => now.send(PONG, &payload),
            other => break other,
        }
    };
    assert_eq!(pong, (PONG, b"are you there".to_vec()));
    let gone = request(gateway.host(), "DELETE", "/queries/all", &[], b"");
    assert_eq!(gone.status, 204);
    ship(&gateway, "A3");
    assert_eq!(now.closed(), (1000, "the query was removed".to_owned()));
}

#[test]
fn a_line_on_a_schedule_tells_that_nothing_came() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    named(&gateway, "all", &json!({}));
    ship(&gateway, "B1");
    let mut line = Line::open(&gateway, "/queries/all/events?second=0/1&reportIfEmpty=true", &[]).unwrap();
    assert!(line.document().1.is_empty());
    ship(&gateway, "B2");
    let mut told = line.document().1;
    while told.is_empty() {
        told = line.document().1;
    }
    assert_eq!(told, ["B2"]);
}

#[test]
fn the_next_document_waits_until_the_last_one_is_read() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    named(&gateway, "all", &json!({}));
    ship(&gateway, "D0");
    let mut line = Line::open(&gateway, "/queries/all/events?stream=true", &[]).unwrap();
    ship(&gateway, "D1");
    let (opcode, _) = line.frame();
    assert_eq!(opcode, TEXT);
    let (opcode, ping) = line.frame();
    assert_eq!(opcode, PING);
    ship(&gateway, "D2");
    line.0.set_read_timeout(Some(Duration::from_millis(1_500))).unwrap();
    assert!(line.0.read(&mut [0]).is_err(), "nothing comes before the answer");
    line.0.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    line.send(PONG, b"another");
    line.send(PONG, &ping);
    assert_eq!(line.document().1, ["D2"]);
}

#[test]
fn a_query_of_the_same_name_is_another_one() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    named(&gateway, "q", &json!({"EQ_bizStep": "shipping"}));
    ship(&gateway, "E0");
    let mut line = Line::open(&gateway, "/queries/q/events?stream=true", &[]).unwrap();
    assert_eq!(request(gateway.host(), "DELETE", "/queries/q", &[], b"").status, 204);
    named(&gateway, "q", &json!({"EQ_bizStep": "receiving"}));
    ship(&gateway, "E1");
    assert_eq!(line.closed(), (1000, "the query was removed".to_owned()));
}

#[test]
fn a_client_has_so_many_lines_and_no_other_site_has_one() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    named(&gateway, "all", &json!({}));
    ship(&gateway, "F1");
    let path = "/queries/all/events?stream=true";
    let lines: Vec<Line> = (0..16).map(|_| Line::open(&gateway, path, &[]).unwrap()).collect();
    let refused = Line::open(&gateway, path, &[]).err().unwrap();
    assert!(
        refused.contains("too-many-subscriptions") && refused.contains("the client has 16 lines open"),
        "{refused}"
    );
    drop(lines);
    crate::program::until(|| Line::open(&gateway, path, &[]).ok(), || "no place is free again".to_owned());
    let foreign = Line::open(&gateway, path, &[("Origin", "https://evil.example")]).err().unwrap();
    assert!(foreign.starts_with("HTTP/1.1 403") && foreign.contains("opens no line here"), "{foreign}");
    let own = format!("http://{}", gateway.host());
    assert!(Line::open(&gateway, path, &[("Origin", &own)]).is_ok());
}

#[test]
fn what_is_no_line_is_refused() {
    let (_node, gateway) = Gateway::of_maker(&[]);
    named(&gateway, "all", &json!({}));
    named(&gateway, "ordered", &json!({"orderBy": "eventTime"}));
    ship(&gateway, "C1");
    for (path, words) in [
        ("/queries/none/events?stream=true", "no-such-query"),
        ("/queries/all/events", "give stream: true, or a schedule"),
        ("/queries/all/events?stream=true&second=5", "not both"),
        ("/queries/all/events?minute=60", "numbers from 0 to 59"),
        ("/queries/all/events?stream=perhaps", "it is true or false"),
        ("/queries/all/events?stream=true&EQ_bizStep=shipping", "it is none of a subscription"),
        ("/queries/all/events?stream=true&initialRecordTime=today", "RFC 3339"),
        ("/queries/ordered/events?stream=true", "neither an order nor an eventCountLimit"),
    ] {
        let refused = Line::open(&gateway, path, &[]).err().unwrap_or_else(|| panic!("{path} was opened"));
        assert!(refused.contains(words), "{path}: {refused}");
    }
    let half = request(gateway.host(), "GET", "/queries/all/events?stream=true", &[("Upgrade", "websocket")], b"");
    assert_eq!((half.status, half.json()["code"].as_str()), (400, Some("bad-header")), "{}", text(&half.body));
}
