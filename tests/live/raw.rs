//! Sockets, byte for byte: what no client of Socket.IO would send, and what none waits for.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value as Json, json};

use super::Stage;
use crate::database::{Kind, on_both};

on_both!(
    what_is_no_handshake_is_refused,
    polling_by_hand,
    whoever_polls_twice_is_ended,
    frames_that_break_the_protocol_end_the_socket,
    a_socket_moves_with_what_waits,
    whoever_does_not_say_who_they_are_is_hung_up_on,
);

/// A connection on which requests follow one another.
struct Line(TcpStream);

impl Line {
    fn new(stage: &Stage) -> Self {
        let address = stage.server.url();
        let stream = TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(stream)
    }

    /// Asks; gives back the status and the body.
    fn ask(&mut self, request: &str, body: &str) -> (u16, String) {
        let length = body.len();
        write!(
            self.0,
            "{request} HTTP/1.1\r\nhost: kith\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        self.answer()
    }

    fn answer(&mut self) -> (u16, String) {
        let head = self.until(b"\r\n\r\n");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let lower = head.to_lowercase();
        let length = lower
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (status, String::from_utf8(body).unwrap())
    }

    fn until(&mut self, end: &[u8]) -> String {
        let mut head = Vec::new();
        while !head.ends_with(end) {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }

    /// Becomes a WebSocket.
    fn upgrade(&mut self, path: &str) {
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        write!(
            self.0,
            "GET {path} HTTP/1.1\r\nhost: kith\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n\r\n"
        )
        .unwrap();
        let head = self.until(b"\r\n\r\n");
        // The example of RFC 6455.
        assert!(
            head.starts_with("HTTP/1.1 101") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            "{head}"
        );
    }

    fn send(&mut self, text: &str) {
        let mut frame = vec![0x81];
        match u8::try_from(text.len()) {
            Ok(short) if short < 126 => frame.push(0x80 | short),
            _ => {
                frame.push(0xfe);
                frame.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            }
        }
        frame.extend([7, 7, 7, 7]);
        frame.extend(text.bytes().map(|byte| byte ^ 7));
        self.0.write_all(&frame).unwrap();
    }

    /// The kind and payload of the next frame; nothing when it was hung up.
    fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).ok()?;
        let length = match head[1] {
            126 => {
                let mut long = [0; 2];
                self.0.read_exact(&mut long).unwrap();
                usize::from(u16::from_be_bytes(long))
            }
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).unwrap();
        Some((head[0] & 0x0f, payload))
    }

    fn text(&mut self) -> String {
        let (kind, payload) = self.frame().expect("it was hung up");
        assert_eq!(kind, 1, "{payload:?}");
        String::from_utf8(payload).unwrap()
    }
}

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
const STREAM: &str = "/socket.io/?EIO=4&transport=websocket";

/// Begins to poll; gives back the path with the key of the socket.
fn open(line: &mut Line) -> String {
    let (status, opening) = line.ask(&format!("GET {POLLING}"), "");
    assert_eq!(status, 200, "{opening}");
    let told: Json = serde_json::from_str(opening.strip_prefix('0').unwrap()).unwrap();
    assert_eq!(told["upgrades"], json!(["websocket"]));
    format!("{POLLING}&sid={}", told["sid"].as_str().unwrap())
}

async fn what_is_no_handshake_is_refused(kind: Kind) {
    let stage = Stage::new(kind).await;
    let mut line = Line::new(&stage);
    for (request, code) in [
        ("GET /socket.io/", 5),
        ("GET /socket.io/?EIO=3&transport=polling", 5),
        ("GET /socket.io/?EIO=4&transport=pigeon", 0),
        ("GET /socket.io/?EIO=4&transport=polling&sid=nobody", 1),
        ("GET /socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAAAA", 1),
        ("POST /socket.io/?EIO=4&transport=polling", 2),
        ("POST /socket.io/?EIO=4&transport=websocket", 2),
        ("GET /socket.io/?EIO=4&transport=websocket", 3),
    ] {
        let (status, told) = line.ask(request, "");
        let told: Json = serde_json::from_str(&told).unwrap();
        assert_eq!((status, &told["code"]), (400, &json!(code)), "{request}: {told}");
    }
    stage.server.stop();
}

async fn polling_by_hand(kind: Kind) {
    let stage = Stage::new(kind).await;
    let mut line = Line::new(&stage);
    let path = open(&mut line);
    let token = json!({ "token": stage.ana });
    let (status, told) = line.ask(&format!("POST {path}"), &format!("40{token}"));
    assert_eq!((status, told.as_str()), (200, "ok"));
    let mut heard = String::new();
    while !heard.contains("\"ready\"") {
        heard.push_str(&line.ask(&format!("GET {path}"), "").1);
    }
    assert!(heard.starts_with("40{\"sid\":"), "{heard}");
    // Several packets in one body; another place of the protocol; bytes.
    let said = "40/admin,\u{1e}421[\"request_dashboard_metrics\",{}]\u{1e}451-[\"x\",{}]\u{1e}3";
    assert_eq!(line.ask(&format!("POST {path}"), said).0, 200);
    let mut heard = String::new();
    while !(heard.contains("431[")
        && heard.contains("44/admin,")
        && heard.contains("Bytes are not taken"))
    {
        heard.push_str(&line.ask(&format!("GET {path}"), "").1);
    }
    let large = format!("42[\"x\",\"{}\"]", "y".repeat(70_000));
    assert_eq!(line.ask(&format!("POST {path}"), &large).0, 413);
    // What cannot be read ends it, and so does leaving.
    for last in ["nonsense", "1", "41"] {
        let mut line = Line::new(&stage);
        let path = open(&mut line);
        assert_eq!(line.ask(&format!("POST {path}"), last).0, 200);
        assert_eq!(line.ask(&format!("GET {path}"), "").1, "1", "{last}");
        assert_eq!(line.ask(&format!("POST {path}"), "3").0, 400, "{last}");
    }
    stage.server.stop();
}

async fn whoever_polls_twice_is_ended(kind: Kind) {
    let stage = Stage::new(kind).await;
    let (mut one, mut two) = (Line::new(&stage), Line::new(&stage));
    let path = open(&mut one);
    for line in [&mut one, &mut two] {
        write!(line.0, "GET {path} HTTP/1.1\r\nhost: kith\r\n\r\n").unwrap();
    }
    let mut answers = [one.answer(), two.answer()];
    answers.sort();
    assert_eq!((answers[0].clone(), answers[1].0), ((200, "1".to_owned()), 400));
    stage.server.stop();
}

async fn frames_that_break_the_protocol_end_the_socket(kind: Kind) {
    let stage = Stage::new(kind).await;
    let large = [&[0x81, 0xff][..], &(1_u64 << 40).to_be_bytes(), &[0; 4]].concat();
    for (bytes, code) in [
        (vec![0x81, 0x01, b'x'], 1002_u16),
        (vec![0xf1, 0x80, 0, 0, 0, 0], 1002),
        (large, 1009),
        (vec![0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
    ] {
        let mut line = Line::new(&stage);
        line.upgrade(STREAM);
        assert!(line.text().starts_with("0{\"sid\":"));
        line.0.write_all(&bytes).unwrap();
        assert_eq!(line.frame(), Some((8, code.to_be_bytes().to_vec())), "{bytes:?}");
        assert_eq!(line.frame(), None);
    }
    // A ping of the protocol is answered, also in the middle of a message.
    let mut line = Line::new(&stage);
    line.upgrade(STREAM);
    line.text();
    line.0.write_all(&[0x01, 0x81, 0, 0, 0, 0, b'4', 0x89, 0x82, 0, 0, 0, 0, b'h', b'i']).unwrap();
    assert_eq!(line.frame(), Some((10, b"hi".to_vec())));
    let rest = format!("0{}", json!({ "token": stage.ana }));
    line.0.write_all(&[0x80, 0xfe]).unwrap();
    line.0.write_all(&u16::try_from(rest.len()).unwrap().to_be_bytes()).unwrap();
    line.0.write_all(&[0; 4]).unwrap();
    line.0.write_all(rest.as_bytes()).unwrap();
    assert!(line.text().starts_with("40{\"sid\":"));
    // A socket that is let in is let in once.
    line.send("40");
    assert!(std::iter::from_fn(|| line.frame()).any(|(kind, _)| kind == 8));
    stage.server.stop();
}

async fn a_socket_moves_with_what_waits(kind: Kind) {
    let stage = Stage::new(kind).await;
    let (mut line, mut stream) = (Line::new(&stage), Line::new(&stage));
    let path = open(&mut line);
    let token = json!({ "token": stage.ana });
    line.ask(&format!("POST {path}"), &format!("40{token}"));
    stream.upgrade(&path.replace("polling", "websocket"));
    stream.send("2probe");
    assert_eq!(stream.text(), "3probe");
    // Nobody fetches what waits: it comes by the stream, behind the move.
    stream.send("5");
    let mut heard = stream.text();
    while !heard.contains("\"ready\"") {
        heard.push_str(&stream.text());
    }
    assert!(heard.contains("40{\"sid\":"), "{heard}");
    assert_eq!(line.ask(&format!("GET {path}"), "").1, "6");
    // A second move is none.
    let mut other = Line::new(&stage);
    other.upgrade(&path.replace("polling", "websocket"));
    other.send("2probe");
    other.send("5");
    while let Some((_, payload)) = other.frame() {
        assert_ne!(payload, b"2", "it is taken for the socket");
    }
    stream.send("421[\"request_dashboard_metrics\",{}]");
    while !stream.text().starts_with("431[") {}
    stage.server.stop();
}

async fn whoever_does_not_say_who_they_are_is_hung_up_on(kind: Kind) {
    let stage = Stage::new(kind).await;
    let mut line = Line::new(&stage);
    line.upgrade(STREAM);
    line.text();
    // Ten seconds of patience.
    assert_eq!(line.frame(), Some((8, 1000_u16.to_be_bytes().to_vec())));
    stage.server.stop();
}
