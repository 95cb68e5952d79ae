//! Mailboxes that are read by IMAP: only looked at, so that nothing in them changes; every answer bounded in time and size.

mod response;
#[cfg(test)]
mod tests;
mod words;

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use kith_kernel::{Error, Kind, Result, internal, unavailable};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;

use super::place::Place;
use crate::{
    Settings,
    outgoing::{self, Outgoing},
};
use response::{Ended, Fetched, LITERAL, Response, announced, without_length};

/// A line of a response; none that was asked for is longer.
const LONGEST_LINE: usize = 64 * 1024;
/// Pieces with a length within one response.
const MOST_LITERALS: usize = 16;
/// Mails that are asked about at once, by the range of their numbers.
const WINDOW: u32 = 5_000;
/// What a server says besides, while it is asked one thing.
const MOST_RESPONSES: usize = 20_000;
/// Windows without a mail that are passed over at once.
const MOST_WINDOWS: usize = 20;
const LONGEST_WORDS: usize = 300;

trait Both: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

/// How long a server may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For each answer.
    pub answer: Duration,
    /// For all of them.
    pub all: Duration,
}

impl Patience {
    /// As mail servers have it by the settings, for each answer and for all.
    pub fn of(settings: &Settings) -> Self {
        let seconds = u64::try_from(settings.whole("mail.timeout_seconds")).unwrap_or(1).max(1);
        let answer = Duration::from_secs(seconds);
        Self { answer, all: answer }
    }
}

/// A mailbox that is looked at.
pub struct Mailbox {
    stream: BufReader<Box<dyn Both>>,
    tag: u32,
    answer: Duration,
    deadline: Instant,
    password: String,
    /// The numbers of its mails are those that they had before as long as this stays.
    pub validity: u32,
    /// The number that the next mail gets.
    pub next: u32,
}

/// A mail in a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its number, which rises from mail to mail.
    pub uid: u32,
    /// How large it is (bytes), as the server says.
    pub bytes: u64,
}

/// What stands in a part of a mailbox.
#[derive(Debug)]
pub struct Window {
    /// Its mails, in order.
    pub mails: Vec<Listed>,
    /// All mails below were looked at.
    pub until: u32,
}

impl Mailbox {
    /// Signs in, and opens the mailbox that the address names: `INBOX` unless it says so.
    ///
    /// # Errors
    /// `Invalid` where the address may not be reached, `Timeout` and `Unavailable` otherwise, in the server's words.
    pub async fn open(place: &Place, outgoing: &Outgoing, patience: Patience) -> Result<Self> {
        Self::open_trusting(place, (outgoing, outgoing::roots(None)?), patience).await
    }

    async fn open_trusting(
        place: &Place,
        (outgoing, roots): (&Outgoing, RootCertStore),
        patience: Patience,
    ) -> Result<Self> {
        let found = outgoing.addresses((&place.host, place.port)).await?;
        let deadline = Instant::now() + patience.all;
        let first = deadline.min(Instant::now() + patience.answer);
        let connected = timeout_at(first, connected(place, &found, roots)).await;
        let stream = BufReader::new(connected.map_err(|_| late())??);
        let password = place.credentials.as_ref().map(|(_, it)| it.clone()).unwrap_or_default();
        let mut mailbox = Self {
            stream,
            tag: 0,
            answer: patience.answer,
            deadline,
            password,
            validity: 0,
            next: 0,
        };
        let greeting = mailbox.response(0).await?;
        if greeting.is_untagged("OK") {
            mailbox.sign_in(place).await?;
        } else if !greeting.is_untagged("PREAUTH") {
            return Err(unavailable("The mailbox's server does not greet as one of IMAP."));
        }
        mailbox.examine(place).await?;
        Ok(mailbox)
    }

    async fn sign_in(&mut self, place: &Place) -> Result<()> {
        let Some((user, password)) = &place.credentials else { return Ok(()) };
        let mut is_plain = false;
        let capabilities = self.command("CAPABILITY", 0, |told| is_plain |= told.can("AUTH=PLAIN"));
        accepted(capabilities.await?, "capabilities", &self.password)?;
        let ended = if is_plain {
            let secret = STANDARD.encode(format!("\0{user}\0{password}"));
            self.command_with("AUTHENTICATE PLAIN", &secret).await?
        } else {
            let (Some(user), Some(password)) = (words::quoted(user), words::quoted(password))
            else {
                let why = "The mailbox's server takes no name or password with such characters.";
                return Err(unavailable(why));
            };
            self.command(&format!("LOGIN {user} {password}"), 0, |_| {}).await?
        };
        accepted(ended, "sign-in", &self.password)
    }

    async fn examine(&mut self, place: &Place) -> Result<()> {
        let name = if place.path.is_empty() { "INBOX" } else { &place.path };
        let name = words::quoted(&words::mailbox(name))
            .ok_or_else(|| internal("a mailbox's name was not written"))?;
        let (mut validity, mut next) = (None, None);
        let asked = format!("EXAMINE {name}");
        let looked = self.command(&asked, 0, |told| {
            validity = told.code("UIDVALIDITY").or(validity);
            next = told.code("UIDNEXT").or(next);
        });
        accepted(looked.await?, "mailbox", &self.password)?;
        let (Some(validity), Some(next)) = (validity, next) else {
            let why = "The mailbox's server does not say how its mails are numbered.";
            return Err(unavailable(why));
        };
        (self.validity, self.next) = (validity, next);
        Ok(())
    }

    /// The mails from that number on, of those that were there when the mailbox was opened: those of the first part that has any.
    ///
    /// # Errors
    /// `Timeout` and `Unavailable`.
    pub async fn window(&mut self, first: u32) -> Result<Window> {
        let mut begin = first.max(1);
        for _ in 0..MOST_WINDOWS {
            if begin >= self.next {
                break;
            }
            let end = begin.saturating_add(WINDOW).min(self.next);
            let mut mails = Vec::new();
            let asked = format!("UID FETCH {begin}:{} (UID RFC822.SIZE)", end - 1);
            let listed = self.command(&asked, 0, |told| {
                let Some(Fetched { uid: Some(uid), size, .. }) = told.fetched() else { return };
                if (begin..end).contains(&uid) {
                    mails.push(Listed { uid, bytes: size.unwrap_or(0) });
                }
            });
            accepted(listed.await?, "list of mails", &self.password)?;
            begin = end;
            if !mails.is_empty() {
                mails.sort_unstable_by_key(|mail| mail.uid);
                mails.dedup_by_key(|mail| mail.uid);
                return Ok(Window { mails, until: end });
            }
        }
        Ok(Window { mails: Vec::new(), until: begin })
    }

    /// A mail as it is; nothing where it is gone.
    ///
    /// # Errors
    /// `TooLarge` for one of more bytes, behind which the connection is of no use; `Timeout` and `Unavailable`.
    pub async fn mail(&mut self, uid: u32, most: usize) -> Result<Option<Vec<u8>>> {
        let mut body = None;
        let asked = format!("UID FETCH {uid} (UID BODY.PEEK[])");
        let fetched = self.command(&asked, most, |told| {
            if let Some(Fetched { uid: Some(found), body: Some(bytes), .. }) = told.fetched()
                && found == uid
            {
                body = Some(bytes);
            }
        });
        accepted(fetched.await?, "mail", &self.password)?;
        Ok(body)
    }

    /// Whether another mail would be asked for too late.
    pub fn is_late(&self) -> bool {
        Instant::now() + self.answer > self.deadline
    }

    /// Says goodbye; whether the server hears it does not matter.
    pub async fn leave(mut self) {
        let end = self.end();
        timeout_at(end, self.stream.write_all(b"KX LOGOUT\r\n")).await.ok();
        timeout_at(end, self.stream.flush()).await.ok();
    }

    fn end(&self) -> Instant {
        self.deadline.min(Instant::now() + self.answer)
    }

    async fn say(&mut self, line: &str) -> Result<()> {
        let end = self.end();
        let said = async {
            self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
            self.stream.flush().await
        };
        timeout_at(end, said).await.map_err(|_| late())?.map_err(|_| broken())
    }

    fn tag(&mut self) -> String {
        self.tag += 1;
        format!("K{}", self.tag)
    }

    /// Asks, and hears all that is said until the answer ends.
    async fn command(
        &mut self,
        line: &str,
        most: usize,
        mut hear: impl FnMut(Response),
    ) -> Result<Ended> {
        let tag = self.tag();
        self.say(&format!("{tag} {line}")).await?;
        for _ in 0..MOST_RESPONSES {
            let told = self.response(most).await?;
            if let Some(ended) = told.ended(&tag) {
                return Ok(ended);
            }
            hear(told);
        }
        Err(unavailable("The mailbox's server says too much."))
    }

    /// Asks, and says the rest when the server wants it.
    async fn command_with(&mut self, line: &str, rest: &str) -> Result<Ended> {
        let tag = self.tag();
        self.say(&format!("{tag} {line}")).await?;
        for _ in 0..MOST_RESPONSES {
            let told = self.response(0).await?;
            if let Some(ended) = told.ended(&tag) {
                return Ok(ended);
            }
            if told.asks_on() {
                self.say(rest).await?;
            }
        }
        Err(unavailable("The mailbox's server says too much."))
    }

    /// The next response, with pieces of so many bytes in all at most.
    async fn response(&mut self, most: usize) -> Result<Response> {
        let (mut told, mut left) = (Response::default(), most.max(LONGEST_LINE));
        loop {
            let line = self.line().await?;
            let Some(length) = announced(&line) else {
                told.text.extend_from_slice(&line);
                return Ok(told);
            };
            told.text.extend_from_slice(without_length(&line));
            told.text.push(LITERAL);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > left {
                let why = "A mail is larger than mails may be.";
                return Err(Error::new(Kind::TooLarge, "mail_too_large", why));
            }
            left -= length;
            if told.literals.len() == MOST_LITERALS || told.text.len() > LONGEST_LINE {
                return Err(unreadable());
            }
            told.literals.push(self.bytes(length).await?);
        }
    }

    /// A line without its end.
    async fn line(&mut self) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        let end = self.end();
        let mut limited = (&mut self.stream).take(LONGEST_LINE as u64);
        let read = timeout_at(end, limited.read_until(b'\n', &mut line)).await;
        read.map_err(|_| late())?.map_err(|_| broken())?;
        match line.pop() {
            Some(b'\n') => {}
            Some(_) if line.len() + 1 == LONGEST_LINE => return Err(unreadable()),
            _ => return Err(broken()),
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.contains(&LITERAL) {
            return Err(unreadable());
        }
        Ok(line)
    }

    /// So many bytes; room is made for them as they come.
    async fn bytes(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let end = self.end();
            let some = timeout_at(end, self.stream.fill_buf()).await;
            let some = some.map_err(|_| late())?.map_err(|_| broken())?;
            if some.is_empty() {
                return Err(broken());
            }
            let taken = some.len().min(length - bytes.len());
            bytes.extend_from_slice(&some[..taken]);
            self.stream.consume(taken);
        }
        Ok(bytes)
    }
}

/// A connection to the first of the addresses that answers, encrypted where the address says so.
async fn connected(
    place: &Place,
    found: &[std::net::SocketAddr],
    roots: RootCertStore,
) -> Result<Box<dyn Both>> {
    let unreached =
        || unavailable(format!("The mailbox's server {} cannot be reached.", place.host));
    let stream = TcpStream::connect(found).await.map_err(|_| unreached())?;
    if place.scheme == "imap" {
        return Ok(Box::new(stream));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| internal("no versions of TLS").caused_by(error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(place.host.clone())
        .map_err(|_| unavailable("The host of the mailbox is no name."))?;
    let connecting = TlsConnector::from(Arc::new(tls)).connect(name, stream).await;
    let stream = connecting.map_err(|error| {
        let why = format!("The mailbox's server {} is not trusted: {error}.", place.host);
        unavailable(shortened(&why)).caused_by(error)
    })?;
    Ok(Box::new(stream))
}

fn accepted(ended: Ended, what: &str, password: &str) -> Result<()> {
    if ended.is_ok {
        return Ok(());
    }
    let words =
        if password.is_empty() { ended.words } else { ended.words.replace(password, "***") };
    Err(unavailable(shortened(&format!("The mailbox's server refused ({what}): {words}"))))
}

fn shortened(text: &str) -> String {
    let plain = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    plain.take(LONGEST_WORDS).collect()
}

fn late() -> Error {
    Error::new(Kind::Timeout, "imap_timeout", "The mailbox's server did not answer in time.")
}

fn broken() -> Error {
    unavailable("The mailbox's server ended the connection.")
}

fn unreadable() -> Error {
    unavailable("The mailbox's server gave no answer that can be read.")
}
