//! The binary as a process of its own, spoken to over a socket, which may end at any moment.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use serde_json::Value as Json;

const SECRET: &str = "thirty-two characters of nothing";

/// A binary with its database, which outlives the processes.
pub(crate) struct Installation {
    pub(crate) data: PathBuf,
    pub(crate) database_url: String,
    pub(crate) smtp_url: String,
}

/// A process that serves.
pub(crate) struct Server {
    process: Child,
    /// None when the process ended before it served.
    address: Option<String>,
    pub(crate) token: Option<String>,
}

/// What came back, when something did.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) json: Json,
    pub(crate) text: String,
}

impl Installation {
    fn command(&self, words: &[&str], crash_at: Option<&str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kith-under-test"));
        command.args(words).current_dir(&self.data).env_clear();
        command
            .env("KITH_DATA", &self.data)
            .env("DATABASE_URL", &self.database_url)
            .env("SMTP_URL", &self.smtp_url)
            .env("MAIL_FROM", "Kith <kith@crm.example>")
            .env("JWT_SECRET", SECRET)
            .env("SESSION_SECRET", SECRET)
            .env("ENCRYPTION_KEY", SECRET)
            .env("PORT", "0")
            .env("PASSWORD_MEMORY_KIB", "64")
            .env("LOG_LEVEL", "warn");
        if let Some(point) = crash_at {
            command.env("KITH_CRASH_AT", point);
        }
        command.stdin(Stdio::null()).stderr(Stdio::inherit());
        command
    }

    /// Starts to serve, and to crash at a point where one is named.
    pub(crate) fn serve(&self, crash_at: Option<&str>) -> Server {
        Self::started(self.command(&["serve"], crash_at))
    }

    /// Starts to serve, with these variables as well.
    pub(crate) fn serve_with(&self, variables: &[(&str, &str)]) -> Server {
        let mut command = self.command(&["serve"], None);
        command.envs(variables.iter().copied());
        Self::started(command)
    }

    fn started(mut command: Command) -> Server {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        lines.read_line(&mut line).unwrap();
        let address = line.split_once("http://").and_then(|(_, rest)| rest.split(' ').next());
        Server { process, address: address.map(str::to_owned), token: None }
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, words: &[&str]) -> ExitStatus {
        self.command(words, None).status().unwrap()
    }

    /// Runs a command that crashes at a point; false when it came to its end before.
    pub(crate) fn run_until_killed(&self, words: &[&str], crash_at: &str) -> bool {
        self.run_until_killed_with(words, crash_at, &[])
    }

    /// The same with these variables as well.
    pub(crate) fn run_until_killed_with(
        &self,
        words: &[&str],
        crash_at: &str,
        variables: &[(&str, &str)],
    ) -> bool {
        let mut command = self.command(words, Some(crash_at));
        let status = command.envs(variables.iter().copied()).status().unwrap();
        assert!(status.success() || status.code().is_none(), "it ended with {status:?}");
        !status.success()
    }

    /// What a command that ends by itself tells, on both outputs.
    pub(crate) fn told(&self, words: &[&str], variables: &[(&str, &str)]) -> String {
        let mut command = self.command(words, None);
        let command = command.envs(variables.iter().copied()).stderr(Stdio::piped());
        let output = command.output().unwrap();
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat()
    }
}

/// The folder of a test as the place of an installation on a file of SQLite.
pub(crate) fn embedded(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("kith.db").display())
}

impl Server {
    /// Where it serves.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address.as_deref().unwrap())
    }

    /// Asks; nothing comes back from a process that ended.
    pub(crate) fn ask(&self, request: &str, headers: &str, body: Option<&Json>) -> Option<Reply> {
        let body = body.map(Json::to_string).unwrap_or_default();
        self.send(request, &format!("content-type: application/json\r\n{headers}"), body.as_bytes())
    }

    /// Uploads a file to be imported and gives back the place where that can be followed.
    pub(crate) fn import(&self, object: &str, file: &str) -> String {
        let taken = self.upload(&format!("/api/{object}/import"), file).unwrap();
        assert_eq!(taken.status, 202, "{taken:?}");
        format!("/api/imports/{}", taken.json["id"].as_str().unwrap())
    }

    /// Uploads a file; nothing comes back from a process that ended.
    pub(crate) fn upload(&self, path: &str, file: impl AsRef<[u8]>) -> Option<Reply> {
        let head = "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"some.csv\"\r\n\r\n";
        let body = [head.as_bytes(), file.as_ref(), b"\r\n--edge--\r\n"].concat();
        let headers = "content-type: multipart/form-data; boundary=edge\r\n";
        self.send(&format!("POST {path}"), headers, &body)
    }

    /// Asks, and leaves what comes back in the socket.
    pub(crate) fn open(&self, request: &str) -> TcpStream {
        let token = self.token.as_deref().unwrap_or_default();
        let mut stream = TcpStream::connect(self.address.as_ref().unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!("host: kith\r\nauthorization: Bearer {token}");
        write!(stream, "{request} HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
        stream
    }

    fn send(&self, request: &str, headers: &str, body: &[u8]) -> Option<Reply> {
        let (method, path) = request.split_once(' ').unwrap();
        let token = self.token.as_deref().unwrap_or_default();
        let mut stream = TcpStream::connect(self.address.as_ref()?).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let sent = write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: kith\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
             content-length: {}\r\n{headers}\r\n",
            body.len()
        );
        sent.and_then(|()| stream.write_all(body)).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().unwrap();
        let json = serde_json::from_str(body).unwrap_or(Json::Null);
        Some(Reply { status, json, text: body.to_owned() })
    }

    /// Reads what must be there.
    pub(crate) fn get(&self, path: &str) -> Json {
        let reply = self.ask(&format!("GET {path}"), "", None).unwrap();
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        reply.json
    }

    /// Waits for the process to end by itself.
    pub(crate) fn end(&mut self) -> Option<ExitStatus> {
        for _ in 0..1_000 {
            if let Some(status) = self.process.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// Ends the process as the loss of its machine would.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks the process to end in order.
    pub(crate) fn stop(mut self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let status = self.end();
        assert!(status.is_some_and(|status| status.success()), "it ended with {status:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
