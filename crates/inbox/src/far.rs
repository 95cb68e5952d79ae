//! Far sides: what asks Meta's Graph API and Telegram's Bot API, and what their refusals mean.

use std::time::Duration;

use kith_kernel::{Error, Kind, Result};
use kith_platform::{
    Settings,
    mail::{Mailbox, NotTaken, Patience, Place, Server},
    outgoing::{Answer, Outgoing, Request, header},
};
use serde::Deserialize;
use serde_json::Value as Json;

/// A far side that answers nothing for so long is asked again later.
const PATIENCE: Duration = Duration::from_secs(20);
/// The version of the Graph API whose forms are spoken.
const GRAPH_VERSION: &str = "v23.0";
/// Meta's errors that pass: too many calls, too many messages, a service that is down.
const PASSING: [i64; 9] = [1, 2, 4, 17, 32, 613, 80_007, 130_429, 131_056];

/// The section `[channels]`.
#[derive(Deserialize)]
pub(crate) struct Options {
    meta_graph_base: String,
    telegram_api_base: String,
    pub(crate) facebook_app_secret: String,
    pub(crate) public_url: String,
    pub(crate) webhook_bytes: usize,
    pub(crate) mail_bytes: usize,
    pub(crate) imap_seconds: u64,
}

/// What asks far sides.
pub(crate) struct Far {
    outgoing: Outgoing,
    pub(crate) options: Options,
}

/// Why a far side did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It may, later.
    Later(Error),
    /// It never will; in its own words.
    Never(String),
    /// Nobody knows whether it did: the answer was lost.
    Unknown(Error),
}

impl Refusal {
    /// It never will, as an error of ours says.
    pub(crate) fn never(error: &Error) -> Self {
        Self::Never(error.message().to_owned())
    }

    /// In one line, for people.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Later(error) | Self::Unknown(error) => error.message().to_owned(),
            Self::Never(why) => why.clone(),
        }
    }
}

impl From<NotTaken> for Refusal {
    fn from(why: NotTaken) -> Self {
        match why {
            NotTaken::Later(error) => Self::Later(error),
            NotTaken::Never(why) => Self::Never(why),
            NotTaken::Unknown(error) => Self::Unknown(error),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Later(error) | Refusal::Unknown(error) => error,
            Refusal::Never(why) => Self::new(Kind::Invalid, "refused_by_channel", why),
        }
    }
}

impl Far {
    pub(crate) fn new(outgoing: &Outgoing, settings: &Settings) -> Result<Self> {
        Ok(Self { outgoing: outgoing.clone(), options: settings.section("channels")? })
    }

    /// What a mail goes out over: the server of that address, or the house's.
    pub(crate) fn mail_server(
        &self,
        settings: &Settings,
        url: Option<&str>,
    ) -> std::result::Result<Server, Refusal> {
        let server = match url {
            Some(url) => Server::of_tenant(url, settings, &self.outgoing).map(Some),
            None => Server::of_house(settings),
        };
        server.map_err(|error| Refusal::Never(error.in_one_line()))?.ok_or_else(|| {
            let why = "No mail server is configured: set smtpUrl at the channel, or SMTP_URL.";
            Refusal::Never(why.to_owned())
        })
    }

    /// A mailbox, signed in and opened.
    pub(crate) async fn mailbox(&self, place: &Place, patience: Patience) -> Result<Mailbox> {
        Mailbox::open(place, &self.outgoing, patience).await
    }

    /// Asks the Graph API; a body makes it a `POST`.
    pub(crate) async fn graph(
        &self,
        (path, token): (&str, &str),
        body: Option<&Json>,
    ) -> std::result::Result<Json, Refusal> {
        let url = format!("{}/{path}", self.graph_base());
        let request = asked(url, body)
            .and_then(|request| request.secret(header::AUTHORIZATION, &format!("Bearer {token}")))
            .map_err(|error| Refusal::Never(error.in_one_line()))?;
        let answer = self.ask(request, body.is_some()).await?;
        let json = json_of(&answer)?;
        if answer.status.is_success() {
            return Ok(json);
        }
        let code = json["error"]["code"].as_i64().unwrap_or_default();
        let why = json["error"]["message"].as_str().unwrap_or("no reason was given");
        let passes = answer.status.as_u16() == 429 || answer.status.is_server_error();
        Err(refused(&answer, passes || PASSING.contains(&code), format!("Meta: {why} ({code})")))
    }

    /// The address of the Graph API with its version.
    pub(crate) fn graph_base(&self) -> String {
        let base = self.options.meta_graph_base.trim_end_matches('/');
        let last = base.rsplit('/').next().and_then(|last| last.strip_prefix('v'));
        let is_version =
            last.is_some_and(|rest| rest.starts_with(|sign: char| sign.is_ascii_digit()));
        if is_version { base.to_owned() } else { format!("{base}/{GRAPH_VERSION}") }
    }

    /// Asks the Bot API.
    pub(crate) async fn telegram(
        &self,
        (method, token): (&str, &str),
        body: &Json,
    ) -> std::result::Result<Json, Refusal> {
        let url = self.telegram_url(method, token);
        let request =
            asked(url, Some(body)).map_err(|error| Refusal::Never(error.in_one_line()))?;
        let answer = self.ask(request, !method.starts_with("get")).await?;
        let mut json = json_of(&answer)?;
        if json["ok"] == true {
            return Ok(json["result"].take());
        }
        let why = json["description"].as_str().unwrap_or("no reason was given").to_owned();
        let passes = answer.status.as_u16() == 429 || answer.status.is_server_error();
        let mut refusal = refused(&answer, passes, format!("Telegram: {why}"));
        if let (Refusal::Later(error), Some(seconds)) =
            (&mut refusal, json["parameters"]["retry_after"].as_u64())
        {
            *error = Error::new(Kind::Unavailable, "channel_busy", why).retry_after(seconds);
        }
        Err(refusal)
    }

    /// Asks an address that the channel's own people gave.
    pub(crate) async fn hook(&self, request: Request) -> std::result::Result<(), Refusal> {
        let answer = self.ask(request.within(PATIENCE), true).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        let passes = answer.status.as_u16() == 429 || answer.status.is_server_error();
        Err(refused(&answer, passes, format!("The address answered {}.", answer.status)))
    }

    /// Asks a far side whose answer is JSON, of whatever status.
    pub(crate) async fn json(&self, request: Request) -> std::result::Result<Json, Refusal> {
        let answer = self.ask(request.within(PATIENCE), true).await?;
        let json = json_of(&answer)?;
        if answer.status.is_success() && json["ok"] != false {
            return Ok(json);
        }
        let why = ["description", "error"].iter().find_map(|key| {
            json[*key].as_str().or_else(|| json[*key]["message"].as_str()).map(str::to_owned)
        });
        let passes = answer.status.as_u16() == 429 || answer.status.is_server_error();
        Err(refused(&answer, passes, why.unwrap_or_else(|| "no reason was given".to_owned())))
    }

    /// The address of a method of the Bot API.
    pub(crate) fn telegram_url(&self, method: &str, token: &str) -> String {
        format!("{}/bot{token}/{method}", self.options.telegram_api_base.trim_end_matches('/'))
    }

    /// The address of a file of the Bot API.
    pub(crate) fn telegram_file(&self, path: &str, token: &str) -> String {
        let base = self.options.telegram_api_base.trim_end_matches('/');
        format!("{base}/file/bot{token}/{path}")
    }

    /// Fetches bytes from a far side: of Graph's own addresses with its token.
    pub(crate) async fn bytes(&self, request: Request) -> Result<Answer> {
        self.outgoing.send(request.within(PATIENCE)).await
    }

    /// Whether an address belongs to what the operator named.
    pub(crate) fn is_named(&self, url: &str) -> bool {
        [&self.options.meta_graph_base, &self.options.telegram_api_base].into_iter().any(|base| {
            let origin: String = base.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
            url.strip_prefix(&origin).is_some_and(|rest| rest.starts_with('/'))
        })
    }

    async fn ask(&self, request: Request, changes: bool) -> std::result::Result<Answer, Refusal> {
        self.outgoing.send(request).await.map_err(|error| match error.code() {
            "address_malformed" | "address_refused" => Refusal::Never(error.in_one_line()),
            // It was sent and no answer came back.
            "outgoing_timeout" if changes => Refusal::Unknown(error),
            _ => Refusal::Later(error),
        })
    }
}

fn asked(url: String, body: Option<&Json>) -> Result<Request> {
    let request = match body {
        Some(body) => {
            Request::post(url, body.to_string()).header(header::CONTENT_TYPE, "application/json")?
        }
        None => Request::get(url),
    };
    Ok(request.within(PATIENCE).of_operator())
}

fn json_of(answer: &Answer) -> std::result::Result<Json, Refusal> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        let why = format!("The channel's far side answered {} and no JSON.", answer.status);
        let unread = Error::new(Kind::Unavailable, "channel_unread", why).caused_by(error);
        // What was taken and cannot be read was taken.
        if answer.status.is_success() { Refusal::Unknown(unread) } else { Refusal::Later(unread) }
    })
}

fn refused(answer: &Answer, passes: bool, why: String) -> Refusal {
    if !passes {
        return Refusal::Never(why);
    }
    let error = Error::new(Kind::Unavailable, "channel_busy", why);
    let seconds = answer.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    match seconds.and_then(|text| text.parse().ok()) {
        Some(seconds) => Refusal::Later(error.retry_after(seconds)),
        None => Refusal::Later(error),
    }
}
