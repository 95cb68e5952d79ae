//! A real Redis that keeps nothing, for one test.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use crate::house::until;

pub(crate) struct Redis {
    process: Child,
    port: u16,
    pub(crate) url: String,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("redis://:word-of-the-test@127.0.0.1:{port}");
        let redis = Self { process: run(port), port, url };
        redis.is_up().await;
        redis
    }

    async fn is_up(&self) {
        let address = ("127.0.0.1", self.port);
        until("Redis answers", async || std::net::TcpStream::connect(address).is_ok()).await;
    }

    pub(crate) fn stop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) async fn start_again(&mut self) {
        self.process = run(self.port);
        self.is_up().await;
    }
}

fn run(port: u16) -> Child {
    Command::new("redis-server")
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--requirepass",
            "word-of-the-test",
        ])
        .args(["--save", "", "--appendonly", "no"])
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is missing: apt-get install redis-server")
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
