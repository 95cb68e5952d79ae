//! The mail server: how its address is written, and what its refusals mean.

use std::time::Duration;

use kith_kernel::{Error, Kind, Result, internal, unavailable};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor, message::Mailbox,
    transport::smtp::Error as Refusal,
};
use serde::Deserialize;

use crate::{Settings, jobs::Failure};

/// The section `[mail]`.
#[derive(Deserialize)]
struct Section {
    from: String,
    timeout_seconds: u64,
}

/// What sends mails, or nothing where no server is configured.
pub(super) struct Post {
    server: Option<AsyncSmtpTransport<Tokio1Executor>>,
    pub(super) from: Mailbox,
    timeout: Duration,
}

/// Answers that speak of our sign-in and not of the mail: they can be mended without losing it.
const SIGN_IN_REFUSED: [u16; 4] = [530, 534, 535, 538];
const LONGEST_ANSWER: usize = 300;

impl Post {
    /// As the settings say.
    ///
    /// # Errors
    /// `Unavailable` when the sender or the server's address makes no sense; neither is quoted.
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let (from, timeout) = sender(settings)?;
        let url = settings.text("mail.smtp_url");
        let server = if url.is_empty() { None } else { Some(server(url)?) };
        Ok(Self { server, from, timeout })
    }

    pub(super) fn is_configured(&self) -> bool {
        self.server.is_some()
    }

    /// Whether the server answers, without a mail.
    pub(super) async fn try_server(&self) -> Result<()> {
        let Some(server) = &self.server else {
            return Err(unavailable(
                "No mail server is configured: set SMTP_URL. Mails wait in the outbox.",
            ));
        };
        match tokio::time::timeout(self.timeout, server.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false) | Err(_)) => {
                Err(unavailable("The mail server does not answer as one: check SMTP_URL."))
            }
            Err(_) => Err(unavailable("The mail server does not answer in time: check SMTP_URL.")),
        }
    }

    /// Hands a mail to the server.
    pub(super) async fn hand_over(&self, message: Message) -> Result<(), Failure> {
        let Some(server) = &self.server else {
            return Err(Failure::Retry(internal("no mail server is configured")));
        };
        match tokio::time::timeout(self.timeout, server.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(refusal)) => Err(judged(&refusal)),
            Err(_) => {
                let late = "The mail server did not answer in time.";
                Err(Failure::Retry(Error::new(Kind::Timeout, "mail_timeout", late)))
            }
        }
    }
}

/// Whom the house's own mails are from, and how long a server may take.
///
/// # Errors
/// `Unavailable` when the sender is no address.
pub(super) fn sender(settings: &Settings) -> Result<(Mailbox, Duration)> {
    let section: Section = settings.section("mail")?;
    let from = section.from.parse().map_err(|_| {
        unavailable("MAIL_FROM is no address: kith@example.com, or Kith <kith@example.com>.")
    })?;
    Ok((from, Duration::from_secs(section.timeout_seconds)))
}

/// What cannot be mended by waiting is given up: a refusal (5xx) of this mail.
fn judged(refusal: &Refusal) -> Failure {
    let (error, is_final) = told(refusal);
    if is_final { Failure::GiveUp(error) } else { Failure::Retry(error) }
}

/// A refusal in words, and whether it is one for good.
pub(super) fn told(refusal: &Refusal) -> (Error, bool) {
    let answer: String = refusal
        .to_string()
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(LONGEST_ANSWER)
        .collect();
    let code = refusal.status().map(u16::from);
    let error = unavailable(format!("The mail server did not take it: {answer}"));
    let is_final =
        refusal.is_permanent() && code.is_none_or(|code| !SIGN_IN_REFUSED.contains(&code));
    (error, is_final)
}

fn server(url: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>> {
    let refused = || {
        unavailable(
            "SMTP_URL is not understood. Write smtp://user:password@host:587?starttls=required, smtp://host:25 or \
             smtps://user:password@host:465, and special characters of a password as %40.",
        )
    };
    let address = address(url).ok_or_else(refused)?;
    // The words of the reader are left out: they may quote the address.
    let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(&address).map_err(|_| refused())?;
    Ok(server.build())
}

/// The address as the library spells it: `?tls=` for `?starttls=`. Where a password would leave the machine in the
/// clear, STARTTLS is required unless `starttls=never` says otherwise.
fn address(url: &str) -> Option<String> {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let (scheme, rest) = place.split_once("://")?;
    let (who, host) = rest.rsplit_once('@').unwrap_or(("", rest));
    let mut tls = (!who.is_empty() && !is_this_machine(host)).then_some("required");
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        tls = match pair.split_once('=')? {
            ("starttls" | "tls", "required" | "always" | "true") => Some("required"),
            ("starttls" | "tls", "opportunistic") => Some("opportunistic"),
            ("starttls", "never" | "false") => None,
            _ => return None,
        };
    }
    match (scheme, tls) {
        ("smtp", Some(tls)) => Some(format!("{place}?tls={tls}")),
        ("smtp", None) | ("smtps", _) => Some(place.to_owned()),
        _ => None,
    }
}

fn is_this_machine(host: &str) -> bool {
    let host = host.split('/').next().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let address: Option<std::net::IpAddr> = name.parse().ok();
    name == "localhost" || address.is_some_and(|address| address.is_loopback())
}

/// The host behind the @ of a sender.
pub(super) fn host_of(from: &str) -> &str {
    let host = from.rsplit('@').next().unwrap_or_default().trim_end_matches('>').trim();
    if host.is_empty() { "localhost" } else { host }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_leave_the_machine_in_the_clear() {
        let address = |url| address(url).unwrap();
        assert_eq!(address("smtp://a:b@mail.example"), "smtp://a:b@mail.example?tls=required");
        assert_eq!(address("smtp://a:b@[::1]:25"), "smtp://a:b@[::1]:25");
        assert_eq!(address("smtp://a:b@127.0.0.1:25"), "smtp://a:b@127.0.0.1:25");
        assert_eq!(address("smtp://mail.example:25"), "smtp://mail.example:25");
        assert_eq!(address("smtp://a:b@m.example?starttls=never"), "smtp://a:b@m.example");
        assert_eq!(address("smtp://m?starttls=opportunistic"), "smtp://m?tls=opportunistic");
        assert_eq!(address("smtps://a:b@mail.example"), "smtps://a:b@mail.example");
    }

    #[test]
    fn what_is_not_understood_is_refused_without_quoting_it() {
        for url in
            ["mail.example", "http://a:geheim@m", "smtp://a:geheim@m?starttls=maybe", "smtp://"]
        {
            let error = server(url).map(drop).unwrap_err();
            assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
        }
        assert_eq!(host_of("Kith <kith@example.com>"), "example.com");
    }
}
