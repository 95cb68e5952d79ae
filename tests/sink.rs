//! A real mail server that keeps nothing, for one test.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use serde_json::Value;

use crate::house::until;

/// A mail server of its own for one test.
pub(crate) struct Sink {
    process: Child,
    pub(crate) url: String,
    mails: Arc<Mutex<Vec<Value>>>,
}

impl Sink {
    pub(crate) fn start(faults: &[(&str, &str)]) -> Self {
        let known = Command::new("python3").args(["-c", "import aiosmtpd"]).status();
        assert!(
            known.is_ok_and(|status| status.success()),
            "python3 has no aiosmtpd, the mail server of these tests: python3 -m pip install aiosmtpd"
        );
        let mut process = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/sinks/smtp_sink.py"))
            .envs(faults.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let told: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&mails);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                kept.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Self { process, url: format!("smtp://127.0.0.1:{}", told["port"]), mails }
    }

    pub(crate) fn mails(&self) -> Vec<Value> {
        self.mails.lock().unwrap().clone()
    }

    /// Its lines come through a pipe, and so a little later than its answer.
    pub(crate) async fn received(&self, count: usize) -> Vec<Value> {
        until("the mails arrived", async || self.mails().len() >= count).await;
        self.mails()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
