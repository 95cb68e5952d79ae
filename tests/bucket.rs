//! What answers as S3 does, for one test: moto, behind a door that checks signatures and fails when it is told to.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value as Json;

use crate::python::python;

/// A bucket of its own for one test.
pub(crate) struct Bucket {
    process: Child,
    port: u64,
    control: u64,
    scheme: &'static str,
}

impl Bucket {
    pub(crate) fn start() -> Self {
        Self::started("http", &[])
    }

    /// One that speaks TLS, with a certificate of an authority that nobody knows; and the file of that authority.
    pub(crate) fn private(folder: &Path) -> (Self, PathBuf) {
        let path = |name: &str| folder.join(name);
        let openssl = |words: &str| {
            let mut command = Command::new("openssl");
            command.args(words.split(' ')).current_dir(folder).stderr(Stdio::null());
            assert!(command.status().unwrap().success(), "openssl {words}");
        };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=Ours"));
        std::fs::write(path("names"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
            .unwrap();
        openssl(&format!("req {key} -keyout own.key -out own.csr -subj /CN=bucket"));
        openssl(
            "x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out own.pem -extfile names",
        );
        (Self::started("https", &[path("own.pem"), path("own.key")]), path("ca.pem"))
    }

    fn started(scheme: &'static str, certificate: &[PathBuf]) -> Self {
        let mut process = Command::new(python("moto.server", "moto[s3,server]"))
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/sinks/s3_sink.py"))
            .args(certificate)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Json = serde_json::from_str(&line).unwrap();
        let port = |name: &str| told[name].as_u64().unwrap();
        Self { process, port: port("port"), control: port("control"), scheme }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
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

    /// So many requests are let through before the next ones fail.
    pub(crate) fn fail_after(&self, good: u32, requests: u32) {
        self.ask("PUT", &format!("/_sink/after/{good}"));
        self.fail(requests);
    }

    /// The keys of uploads in parts that have not ended.
    pub(crate) fn uploads(&self) -> Vec<String> {
        serde_json::from_str(&self.ask("GET", "/_sink/uploads")).unwrap()
    }

    /// Everything that is in it.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let all: BTreeMap<String, String> =
            serde_json::from_str(&self.ask("GET", "/_sink/objects")).unwrap();
        all.into_iter().map(|(key, bytes)| (key, STANDARD.decode(bytes).unwrap())).collect()
    }

    fn ask(&self, method: &str, path: &str) -> String {
        let mut stream =
            TcpStream::connect(("127.0.0.1", u16::try_from(self.control).unwrap())).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: sink\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
