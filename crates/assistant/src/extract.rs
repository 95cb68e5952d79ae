//! Reading files: what a stranger's file says is found out in a process of its own, which has little memory, little time
//! and no network to ask, so that a file that is made to do harm harms itself.

pub(crate) mod block;
pub(crate) mod chunks;
mod csv;
mod docx;
mod html;
mod json;
mod limits;
mod markdown;
mod pdf;
mod text;
mod told;
mod worker;

use std::{
    io::{Read, Write},
    process::ExitCode,
};

pub use self::limits::Limits;
use self::{block::Block, told::Line};
pub(crate) use self::{told::Extracted, worker::Worker};

/// The kinds of files that are read.
pub(crate) const KINDS: [&str; 7] = ["PDF", "DOCX", "TXT", "MD", "HTML", "CSV", "JSON"];
/// What a thread of deep nesting needs.
const STACK: usize = 64 << 20;

/// What was read of a file, or why it cannot be.
type Outcome = Result<Pages, String>;

/// What was read.
#[derive(Default)]
struct Pages {
    blocks: Vec<Block>,
    /// How many pages there are, where there are any.
    count: Option<u32>,
    notice: Option<String>,
}

impl From<Vec<Block>> for Pages {
    fn from(blocks: Vec<Block>) -> Self {
        Self { blocks, ..Self::default() }
    }
}

/// Reads a file of this kind from the standard input and writes its blocks to the standard output, a line each; the
/// whole work of the process.
pub fn run(kind: &str, limits: Limits) -> ExitCode {
    if let Err(why) = limits.bounds.impose() {
        return tell(&[Line::Unreadable(why)]);
    }
    let mut bytes = Vec::new();
    if std::io::stdin().lock().take(limits.bytes).read_to_end(&mut bytes).is_err() {
        return tell(&[Line::Unreadable("It did not arrive whole.".to_owned())]);
    }
    // What goes wrong is told by the last line, not by what a library prints.
    std::panic::set_hook(Box::new(|_| {}));
    let kind = kind.to_owned();
    let reading = std::thread::Builder::new().stack_size(STACK);
    let outcome = reading.spawn(move || read(&kind, &bytes, limits));
    let outcome = outcome.map(std::thread::JoinHandle::join);
    match outcome {
        Ok(Ok(outcome)) => tell(&lines(outcome, limits)),
        Ok(Err(_)) => tell(&[Line::Unreadable("It is damaged: reading it failed.".to_owned())]),
        Err(_) => tell(&[Line::Unreadable("There was no room to read it.".to_owned())]),
    }
}

fn read(kind: &str, bytes: &[u8], limits: Limits) -> Outcome {
    match kind {
        "PDF" => pdf::read(bytes, limits),
        "DOCX" => docx::read(bytes, limits),
        "HTML" => html::read(bytes),
        "MD" => Ok(markdown::read(&text::decoded(bytes)?).into()),
        "CSV" => csv::read(bytes, limits),
        "JSON" => json::read(bytes),
        _ => Ok(text::read(&text::decoded(bytes)?).into()),
    }
}

fn lines(outcome: Outcome, limits: Limits) -> Vec<Line> {
    let pages = match outcome {
        Ok(pages) => pages,
        Err(why) => return vec![Line::Unreadable(why)],
    };
    let (mut lines, mut left, mut notice) = (Vec::new(), limits.characters, pages.notice);
    for mut block in pages.blocks {
        let length = block.text.chars().count();
        if length > left {
            block.text = block.text.chars().take(left).collect();
            let why = format!("Only its first {} characters were read.", limits.characters);
            notice = Some(notice.map_or(why.clone(), |notice| format!("{notice} {why}")));
            left = 0;
        }
        left = left.saturating_sub(length);
        lines.push(Line::Block(block));
        if left == 0 {
            break;
        }
    }
    lines.push(Line::End { pages: pages.count, notice });
    lines
}

fn tell(lines: &[Line]) -> ExitCode {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in lines {
        let written = serde_json::to_string(line).unwrap_or_default();
        if writeln!(out, "{written}").is_err() {
            return ExitCode::FAILURE;
        }
    }
    if out.flush().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
