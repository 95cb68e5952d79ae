//! Many sockets of Socket.IO over websockets in one process: they join rooms, say things at a rate and count what they hear.
//!
//!     kith-bench-sockets HOST:PORT TOKEN SOCKETS RATE SECONDS ROOM[,ROOM…]
//!
//! Prints `ready` when all have joined and waits for a line; then says `typing_start` RATE times a second for SECONDS, waits until
//! nothing comes any more and prints `said heard milliseconds`; then waits for the end of its input. With RATE 0 it
//! counts what comes until the line `stop`, and prints the same.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::mpsc,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What all sockets count together.
#[derive(Default)]
struct Heard {
    frames: AtomicU64,
}

struct Socket {
    reader: OwnedReadHalf,
    buffer: Vec<u8>,
}

impl Socket {
    /// The next frame; those of a server are not masked.
    async fn frame(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            if let Some((start, end)) = whole(&self.buffer) {
                let frame = self.buffer[start..end].to_vec();
                self.buffer.drain(..end);
                return Ok(frame);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), Failure> {
        if self.reader.read_buf(&mut self.buffer).await? == 0 {
            return Err("the server hung up".into());
        }
        Ok(())
    }
}

/// Where the payload of the first frame begins and ends, when it is all there.
fn whole(buffer: &[u8]) -> Option<(usize, usize)> {
    let short = usize::from(*buffer.get(1)? & 0x7f);
    let (start, length) = match short {
        126 => (4, usize::from(u16::from_be_bytes([*buffer.get(2)?, *buffer.get(3)?]))),
        127 => (10, usize::try_from(u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?)).ok()?),
        length => (2, length),
    };
    (buffer.len() >= start + length).then_some((start, start + length))
}

/// Sends a text; it is masked with zeros.
async fn send(writer: &mut OwnedWriteHalf, text: &str) -> Result<(), Failure> {
    let mut frame = vec![0x81];
    match text.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(length)?.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    writer.write_all(&frame).await?;
    Ok(())
}

async fn connect(host: &str, token: &str, room: &str) -> Result<(Socket, OwnedWriteHalf), Failure> {
    let mut stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let (reader, mut writer) = stream.into_split();
    let mut socket = Socket { reader, buffer: Vec::with_capacity(4_096) };
    let head = loop {
        let end = socket.buffer.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            break end + 4;
        }
        socket.fill().await?;
    };
    if !socket.buffer.starts_with(b"HTTP/1.1 101") {
        return Err(String::from_utf8_lossy(&socket.buffer).into_owned().into());
    }
    socket.buffer.drain(..head);
    socket.frame().await?;
    send(&mut writer, &format!("40{{\"token\":\"{token}\"}}")).await?;
    loop {
        let answer = socket.frame().await?;
        match answer.get(..2) {
            Some(b"40") => break,
            Some(_) => return Err(String::from_utf8_lossy(&answer).into_owned().into()),
            // A ping.
            None => send(&mut writer, "3").await?,
        }
    }
    send(&mut writer, &format!("420[\"join_conversation\",{{\"conversationId\":\"{room}\"}}]")).await?;
    loop {
        let frame = socket.frame().await?;
        if frame.starts_with(b"44") {
            return Err(String::from_utf8_lossy(&frame).into_owned().into());
        }
        if frame.starts_with(b"430") {
            break;
        }
    }
    Ok((socket, writer))
}

/// Counts what comes, answers pings, and says what it is told to.
async fn live(
    (mut socket, mut writer): (Socket, OwnedWriteHalf),
    mut says: mpsc::Receiver<String>,
    heard: Arc<Heard>,
) {
    loop {
        let mut taken = 0;
        let mut count = 0;
        let mut is_pinged = false;
        while let Some((start, end)) = whole(&socket.buffer[taken..]) {
            let frame = &socket.buffer[taken + start..taken + end];
            is_pinged |= frame == b"2";
            count += u64::from(frame.starts_with(b"42") && !frame.starts_with(b"42[\"ready\""));
            taken += end;
        }
        socket.buffer.drain(..taken);
        if count > 0 {
            heard.frames.fetch_add(count, Ordering::Relaxed);
        }
        if is_pinged && send(&mut writer, "3").await.is_err() {
            return;
        }
        tokio::select! {
            filled = socket.fill() => if filled.is_err() { return },
            word = says.recv() => match word {
                Some(word) => if send(&mut writer, &word).await.is_err() { return },
                None => std::future::pending().await,
            },
        }
    }
}

/// Waits until nothing comes any more; gives back when the last came.
async fn quiet(heard: &Heard) -> Instant {
    let (mut last, mut at) = (heard.frames.load(Ordering::Relaxed), Instant::now());
    while at.elapsed() < Duration::from_millis(1_000) {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let now = heard.frames.load(Ordering::Relaxed);
        if now != last {
            (last, at) = (now, Instant::now());
        }
    }
    at
}

#[tokio::main(worker_threads = 1)]
async fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [host, token, sockets, rate, seconds, rooms] = words.try_into().map_err(|_| "six words are needed")?;
    let (sockets, rate, seconds): (usize, u64, u64) = (sockets.parse()?, rate.parse()?, seconds.parse()?);
    let rooms: Vec<&str> = rooms.split(',').collect();
    let heard = Arc::new(Heard::default());
    let mut mouths = Vec::new();
    for at in 0..sockets {
        let room = rooms[at % rooms.len()];
        let connected = connect(&host, &token, room).await?;
        let (mouth, says) = mpsc::channel(1_024);
        tokio::spawn(live(connected, says, Arc::clone(&heard)));
        mouths.push((mouth, format!("42[\"typing_start\",{{\"conversationId\":\"{room}\"}}]")));
    }
    println!("ready");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    next(&mut lines).await?;
    let before = heard.frames.load(Ordering::Relaxed);
    let began = Instant::now();
    let total = rate * seconds;
    for at in 0..total {
        let due = began + Duration::from_micros(at * 1_000_000 / rate);
        if due > Instant::now() + Duration::from_millis(1) {
            tokio::time::sleep_until(due.into()).await;
        }
        let (mouth, word) = &mouths[at as usize % mouths.len()];
        mouth.send(word.clone()).await?;
    }
    if rate == 0 {
        next(&mut lines).await?;
    }
    let last = quiet(&heard).await;
    let frames = heard.frames.load(Ordering::Relaxed) - before;
    println!("{total} {frames} {}", last.duration_since(began).as_millis());
    next(&mut lines).await?;
    Ok(())
}

async fn next(lines: &mut tokio::io::Lines<BufReader<tokio::io::Stdin>>) -> io::Result<Option<String>> {
    lines.next_line().await
}
