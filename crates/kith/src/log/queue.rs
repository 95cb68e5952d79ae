//! Lines on their way to a log file: a thread writes them, so that no request waits for the disk.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    },
    thread,
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

/// So many lines wait at most; where the disk is slower than that, further ones are lost and counted.
const LONGEST: usize = 16_384;
/// The end of the process waits no longer for a disk.
const PATIENCE: Duration = Duration::from_secs(5);

enum Message {
    Line(Vec<u8>),
    /// Nothing comes any more; whoever waits is told once all is written.
    End(Sender<()>),
}

/// Where lines are put down.
#[derive(Clone)]
pub(super) struct Queue {
    messages: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

/// Writes what waits when it is dropped.
#[must_use = "the last lines are lost without it"]
pub struct Flush(SyncSender<Message>);

/// Starts the thread that writes lines to a file.
pub(super) fn start(file: impl Write + Send + 'static) -> io::Result<(Queue, Flush)> {
    start_with(file, LONGEST)
}

fn start_with(file: impl Write + Send + 'static, most: usize) -> io::Result<(Queue, Flush)> {
    let (messages, waiting) = sync_channel(most);
    let queue = Queue { messages: messages.clone(), lost: Arc::default() };
    let lost = Arc::clone(&queue.lost);
    let work = move || write_all(Writing { file, lost, failing: false }, &waiting);
    thread::Builder::new().name("log".to_owned()).spawn(work)?;
    Ok((queue, Flush(messages)))
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.messages.try_send(Message::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Queue {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let (done, waited) = channel();
        if self.0.send(Message::End(done)).is_ok()
            && waited.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout)
        {
            eprintln!("kith: the last lines of the log could not be written in time.");
        }
    }
}

struct Writing<W> {
    file: W,
    lost: Arc<AtomicU64>,
    failing: bool,
}

fn write_all<W: Write>(mut writing: Writing<W>, waiting: &Receiver<Message>) {
    while let Ok(message) = waiting.recv() {
        let mut next = Some(message);
        while let Some(message) = next {
            match message {
                Message::Line(line) => writing.put(&line),
                Message::End(done) => {
                    writing.settle();
                    // Whoever waited may have lost patience.
                    done.send(()).ok();
                    return;
                }
            }
            next = waiting.try_recv().ok();
        }
        writing.settle();
    }
}

impl<W: Write> Writing<W> {
    fn put(&mut self, line: &[u8]) {
        let done = self.file.write_all(line);
        self.note(done);
    }

    /// All that waited is written: so is how much did not get in.
    fn settle(&mut self) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            self.put(format!("{{\"level\":\"WARN\",\"message\":\"the disk was too slow: {lost} lines are missing here\"}}\n").as_bytes());
        }
        let done = self.file.flush();
        self.note(done);
    }

    /// A log that cannot be written is told of once, on the terminal.
    fn note(&mut self, done: io::Result<()>) {
        match done {
            Ok(()) => self.failing = false,
            Err(error) if !self.failing => {
                self.failing = true;
                eprintln!("kith: the log file cannot be written: {error}.");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, MutexGuard};

    use super::*;

    /// A disk that stands still while somebody holds it.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<Vec<u8>>>);

    impl Disk {
        fn held(&self) -> MutexGuard<'_, Vec<u8>> {
            self.0.lock().unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.held().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_slow_disk_and_what_is_lost_is_told() {
        let disk = Disk::default();
        let (mut queue, flush) = start_with(disk.clone(), 2).unwrap();
        let still = disk.held();
        // One may be in the hands of the thread, two wait, the others find no place.
        for number in 0..9 {
            queue.write_all(format!("line {number}\n").as_bytes()).unwrap();
        }
        drop(still);
        drop(flush);
        let written = String::from_utf8(disk.held().clone()).unwrap();
        assert!(written.starts_with("line 0\nline 1\n"), "{written}");
        assert!(written.contains("the disk was too slow: "), "{written}");
    }

    #[test]
    fn the_end_waits_for_all_lines() {
        let disk = Disk::default();
        let (mut queue, flush) = start(disk.clone()).unwrap();
        for number in 0..1_000 {
            queue.write_all(format!("line {number}\n").as_bytes()).unwrap();
        }
        drop(flush);
        let written = String::from_utf8(disk.held().clone()).unwrap();
        assert_eq!(written.lines().count(), 1_000);
    }
}
