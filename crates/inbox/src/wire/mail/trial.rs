//! Trials: a mail that may take more memory than there is, is first read in a process of its own, which shows whether it
//! does.

use std::{
    io::{Read, Write},
    process::ExitCode,
    thread,
};

use kith_kernel::Result;
use kith_platform::{Bounded, Bounds, Heard, Settings};
use serde::Deserialize;

use super::{arrivals, files, parsed, whole_text};

/// What reading a mail may take.
const BOUNDS: Bounds = Bounds { memory: 256 << 20, seconds: 10 };
/// Mails that are tried at the same time.
const AT_ONCE: usize = 2;
/// A mail that needs more of a stack than this is not read.
const STACK: usize = 1 << 20;
const FINE: &[u8] = b"fine\n";

/// Has mails tried.
pub(crate) struct Trial(Bounded);

#[derive(Deserialize)]
struct Section {
    reader: String,
}

impl Trial {
    /// By the program that reads documents.
    ///
    /// # Errors
    /// `Unavailable` where the settings make no sense.
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        let Section { reader } = settings.section("documents")?;
        Ok(Self(Bounded::new(&reader, BOUNDS, AT_ONCE)))
    }

    /// Whether a mail can be read at little cost.
    ///
    /// # Errors
    /// `Unavailable` where no process can be started.
    pub(crate) async fn is_fine(&self, bytes: &[u8]) -> Result<bool> {
        if !may_hide_mails(bytes) {
            return Ok(true);
        }
        let most = FINE.len() as u64;
        let heard = self.0.run(&["extract", "MAIL"], bytes.to_vec(), most).await?;
        Ok(heard == Heard::Said(FINE.to_vec()))
    }
}

/// Whether it may have mails within that are encoded: of those the library copies each with all that it holds, so that
/// thousands of mails within one another take thousands of times as much as they are long. Only a type that says so in
/// these letters makes a part a mail.
fn may_hide_mails(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().any(|(at, byte)| {
        let word: &[u8] = match byte {
            b'r' | b'R' => b"rfc822",
            b'g' | b'G' => b"global",
            b'd' | b'D' => b"digest",
            _ => return false,
        };
        bytes.get(at..at + word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word))
    })
}

/// Reads the mail of the standard input, with all that is ever done to one, and says whether that was fine; the whole work
/// of the process.
pub fn try_reading(bounds: Bounds) -> ExitCode {
    if bounds.impose().is_err() {
        return ExitCode::FAILURE;
    }
    let mut bytes = Vec::new();
    if std::io::stdin().lock().read_to_end(&mut bytes).is_err() {
        return ExitCode::FAILURE;
    }
    std::panic::set_hook(Box::new(|_| {}));
    let reading = thread::Builder::new().stack_size(STACK).spawn(move || {
        arrivals(&bytes, "");
        if let Some(message) = parsed(&bytes) {
            let (files, _) = files(&message);
            let contents = files.iter().filter_map(|file| message.parts.get(file.part));
            contents.map(|part| part.contents().to_vec()).for_each(drop);
            drop(whole_text(&message));
        }
    });
    let is_fine = reading.is_ok_and(|reading| reading.join().is_ok());
    if is_fine && std::io::stdout().write_all(FINE).is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_so_can_hide_mails() {
        for plain in ["", "Content-Type: text/plain\n\nMessage of the day", "Message-ID: <a@b>"] {
            assert!(!may_hide_mails(plain.as_bytes()), "{plain}");
        }
        for within in
            ["content-type: MESSAGE/RFC822", "\x0cContent-Type: message/global", "multipart/Digest"]
        {
            assert!(may_hide_mails(within.as_bytes()), "{within}");
        }
    }
}
