//! The official client of Socket.IO as a process that is told what to do.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value as Json, json};

pub(crate) struct Driver {
    process: Child,
    says: ChildStdin,
    told: Lines<BufReader<ChildStdout>>,
}

/// Where scripts/test.sh puts packages of npm.
fn packages() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_kith-under-test"));
    binary.ancestors().nth(2).unwrap().join("test-node/node_modules")
}

impl Driver {
    pub(crate) fn start() -> Self {
        let packages = packages();
        assert!(
            packages.join("socket.io-client").exists(),
            "socket.io-client is missing: npm install --prefix target/test-node socket.io-client@4.8.4"
        );
        let mut process = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/sinks/socket_client.js"))
            .env("NODE_PATH", packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let says = process.stdin.take().unwrap();
        let told = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, says, told }
    }

    pub(crate) fn ask(&mut self, asked: &Json) -> Json {
        writeln!(self.says, "{asked}").unwrap();
        let told: Json = serde_json::from_str(&self.told.next().unwrap().unwrap()).unwrap();
        assert!(told.get("failed").is_none(), "{asked}: {told}");
        told
    }

    /// Says something and gives back the acknowledgement.
    pub(crate) fn say(&mut self, name: &str, event: &str, data: &Json) -> Json {
        let told = self.ask(&json!({ "do": "say", "name": name, "event": event, "data": data }));
        assert!(told.get("lost").is_none(), "{event}: {told}");
        told["answer"].clone()
    }

    /// Waits until so many events of a name were heard, and gives back all that were.
    pub(crate) fn hear(&mut self, name: &str, event: &str, count: usize) -> Vec<Json> {
        let asked = json!({ "do": "hears", "name": name, "event": event, "count": count });
        let told = self.ask(&asked);
        let heard = told["heard"].as_array().unwrap().clone();
        assert!(heard.len() >= count, "{name} heard {} of {count} {event}: {heard:?}", heard.len());
        heard
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
