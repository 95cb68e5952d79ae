//! What answers as S3 does, for one test: moto, behind a door that checks signatures and fails when it is told to.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value as Json;

/// A bucket of its own for one test.
pub(crate) struct Bucket {
    process: Child,
    port: u64,
}

impl Bucket {
    pub(crate) fn start() -> Self {
        let mut process = Command::new(python())
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/sinks/s3_sink.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Json = serde_json::from_str(&line).unwrap();
        Self { process, port: told["port"].as_u64().unwrap() }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The settings with which it is used, by the names of the environment.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("S3_ENDPOINT", self.endpoint()),
            ("S3_REGION", "eu-test-1".to_owned()),
            ("S3_BUCKET", "files".to_owned()),
            ("S3_ACCESS_KEY_ID", "kith".to_owned()),
            ("S3_SECRET_ACCESS_KEY", "not very secret".to_owned()),
        ]
    }

    /// The next requests are answered by 503.
    pub(crate) fn fail(&self, requests: u32) {
        self.ask("PUT", &format!("/_sink/fail/{requests}"));
    }

    /// The connections of the next requests are closed without an answer.
    pub(crate) fn cut(&self, requests: u32) {
        self.ask("PUT", &format!("/_sink/cut/{requests}"));
    }

    /// Everything that is in it.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let all: BTreeMap<String, String> =
            serde_json::from_str(&self.ask("GET", "/_sink/objects")).unwrap();
        all.into_iter().map(|(key, bytes)| (key, STANDARD.decode(bytes).unwrap())).collect()
    }

    fn ask(&self, method: &str, path: &str) -> String {
        let mut stream =
            TcpStream::connect(("127.0.0.1", u16::try_from(self.port).unwrap())).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: sink\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

/// The Python that has moto: the machine's, or the one that `make test` made.
fn python() -> &'static str {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/test-python/bin/python3");
    for python in ["python3", own] {
        let mut known = Command::new(python);
        known.args(["-c", "import moto.server"]).stderr(Stdio::null());
        if known.status().is_ok_and(|status| status.success()) {
            return python;
        }
    }
    panic!("python3 has no moto, the S3 of these tests: python3 -m pip install 'moto[s3,server]'");
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
