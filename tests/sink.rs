//! A real mail server that keeps nothing, for one test.

use std::{
    process::Child,
    sync::{Arc, Mutex},
};

use serde_json::Value;

use crate::{
    house::until,
    python::{python, start},
};

/// A mail server of its own for one test.
pub(crate) struct Sink {
    process: Child,
    pub(crate) url: String,
    mails: Arc<Mutex<Vec<Value>>>,
}

impl Sink {
    pub(crate) fn start(faults: &[(&str, &str)]) -> Self {
        let python = python("aiosmtpd", "aiosmtpd");
        let (process, mut lines) = start(python, "smtp_sink.py", |command| {
            command.envs(faults.iter().copied());
        });
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
