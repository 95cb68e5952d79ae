//! Servers that letters are handed to, one connection for each, with what became of it told apart: refused, or nobody knows.

use std::time::Duration;

use kith_kernel::{Error, Kind, Result, unavailable};
use lettre::{
    address::Envelope,
    message::Mailbox,
    transport::smtp::{
        Error as Refusal,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};
use tokio::time::timeout;

use super::{letter::Letter, place::Place, transport};
use crate::{Settings, outgoing::Outgoing};

/// What goes out over one server.
#[derive(Clone)]
pub struct Server {
    place: Place,
    /// Nothing: the operator named it, and it may be anywhere.
    guard: Option<Outgoing>,
    house: Mailbox,
    time: Duration,
}

/// Why a letter was not taken.
#[derive(Debug)]
pub enum NotTaken {
    /// It may be, later.
    Later(Error),
    /// It never will.
    Never(String),
    /// It was handed over, and the answer was lost.
    Unknown(Error),
}

type Done<T> = std::result::Result<T, NotTaken>;

const SCHEMES: &[(&str, u16)] = &[("smtp", 587), ("smtps", 465)];

impl Server {
    /// The server of an address that a tenant gave; it is reached where such addresses may be.
    ///
    /// # Errors
    /// `Invalid` for what is no address of a mail server.
    pub fn of_tenant(url: &str, settings: &Settings, outgoing: &Outgoing) -> Result<Self> {
        let place = Place::parse(url, ("config.smtpUrl", SCHEMES))?;
        let (house, time) = transport::sender(settings)?;
        Ok(Self { place, guard: Some(outgoing.clone()), house, time })
    }

    /// The server of the settings; nothing where there is none.
    ///
    /// # Errors
    /// `Unavailable` when the sender or the server's address makes no sense.
    pub fn of_house(settings: &Settings) -> Result<Option<Self>> {
        let url = settings.text("mail.smtp_url");
        if url.is_empty() {
            return Ok(None);
        }
        let place = Place::parse(url, ("mail.smtp_url", SCHEMES))
            .map_err(|_| unavailable("SMTP_URL is not understood."))?;
        let (house, time) = transport::sender(settings)?;
        Ok(Some(Self { place, guard: None, house, time }))
    }

    /// Whether the server answers and takes the password, without a mail.
    ///
    /// # Errors
    /// Why not; it never is [`NotTaken::Unknown`].
    pub async fn try_it(&self) -> Done<()> {
        let mut connection = self.connection().await?;
        timeout(self.time, connection.quit()).await.ok();
        Ok(())
    }

    /// Hands a letter over.
    ///
    /// # Errors
    /// Why it was not taken, or that nobody knows.
    pub async fn send(&self, letter: &Letter) -> Done<()> {
        let written = letter.written(&self.house);
        let message = written.map_err(|error| NotTaken::Never(error.in_one_line()))?;
        let bytes = message.formatted();
        let mut connection = self.connection().await?;
        let begun = begin(&mut connection, message.envelope(), &bytes);
        timeout(self.time, begun).await.map_err(|_| late())?.map_err(|refusal| judged(&refusal))?;
        let handed = timeout(self.time, connection.message(&bytes)).await;
        let lost = |error: Error| NotTaken::Unknown(error);
        match handed {
            Ok(Ok(_)) => {}
            // It said no, in words.
            Ok(Err(refusal)) if refusal.status().is_some() => return Err(judged(&refusal)),
            Ok(Err(_)) => {
                let why =
                    "The mail server ended the connection before it said whether it took the mail.";
                return Err(lost(Error::new(Kind::Unavailable, "mail_answer_lost", why)));
            }
            Err(_) => {
                let why = "The mail server did not say in time whether it took the mail.";
                return Err(lost(Error::new(Kind::Timeout, "mail_answer_lost", why)));
            }
        }
        timeout(self.time, connection.quit()).await.ok();
        Ok(())
    }

    /// A connection that is encrypted and signed in as the address says.
    async fn connection(&self) -> Done<AsyncSmtpConnection> {
        timeout(self.time, self.connected()).await.map_err(|_| late())?
    }

    async fn connected(&self) -> Done<AsyncSmtpConnection> {
        let place = &self.place;
        let to = (place.host.as_str(), place.port);
        let found = match &self.guard {
            Some(outgoing) => outgoing.addresses(to).await.map_err(|error| unreached(&error))?,
            None => tokio::net::lookup_host(to).await.map_err(|_| no_answer(place))?.collect(),
        };
        let tls = || {
            TlsParameters::new(place.host.clone())
                .map_err(|_| NotTaken::Never("The host of the mail server is no name.".to_owned()))
        };
        let hello = ClientId::default();
        let wrapped = if place.scheme == "smtps" { Some(tls()?) } else { None };
        let connecting = AsyncSmtpConnection::connect_tokio1(
            found.as_slice(),
            Some(self.time),
            &hello,
            wrapped,
            None,
        );
        let mut connection = connecting.await.map_err(|refusal| match refusal.status() {
            Some(_) => judged(&refusal),
            None => no_answer(place),
        })?;
        // A password does not leave the machine in the clear, unless that was asked for.
        let usual = place.credentials.is_some() && !place.is_this_machine();
        let starttls = place.starttls.as_deref();
        let needs = starttls.map_or(usual, |how| how == "required") && place.scheme == "smtp";
        let may = starttls == Some("opportunistic") && connection.can_starttls();
        if needs || may {
            connection.starttls(tls()?, &hello).await.map_err(|refusal| judged(&refusal))?;
        }
        if let Some((user, password)) = &place.credentials {
            let credentials = Credentials::new(user.clone(), password.clone());
            let signed_in = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
            signed_in.map_err(|refusal| judged(&refusal))?;
        }
        Ok(connection)
    }
}

/// Everything before the bytes of the mail themselves: until then nothing was sent.
async fn begin(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    bytes: &[u8],
) -> std::result::Result<(), Refusal> {
    let mut parameters = Vec::new();
    let all = envelope.from().into_iter().chain(envelope.to());
    if all.map(AsRef::<str>::as_ref).any(|address| !address.is_ascii()) {
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !bytes.is_ascii() && connection.server_info().supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    connection.command(Mail::new(envelope.from().cloned(), parameters)).await?;
    for to in envelope.to() {
        connection.command(Rcpt::new(to.clone(), vec![])).await?;
    }
    connection.command(Data).await.map(drop)
}

fn judged(refusal: &Refusal) -> NotTaken {
    let (error, is_final) = transport::told(refusal);
    if is_final { NotTaken::Never(error.message().to_owned()) } else { NotTaken::Later(error) }
}

fn late() -> NotTaken {
    let why = "The mail server did not answer in time.";
    NotTaken::Later(Error::new(Kind::Timeout, "mail_timeout", why))
}

fn no_answer(place: &Place) -> NotTaken {
    NotTaken::Later(unavailable(format!("The mail server {} cannot be reached.", place.host)))
}

/// Where nobody may go, nobody ever will; a name that is not found may be, later.
fn unreached(error: &Error) -> NotTaken {
    if error.kind() == Kind::Invalid {
        NotTaken::Never(error.in_one_line())
    } else {
        NotTaken::Later(unavailable(error.message().to_owned()))
    }
}
