//! Pages of the web: asked for as anybody may ask, where their site allows programs to, and read as a file is.

use std::{collections::HashMap, time::Duration};

use kith_kernel::{Error, Kind, Result, invalid};
use kith_platform::outgoing::{Answer, Request, Url, header};

use super::{Documents, robots};
use crate::extract::Extracted;

const TIME: Duration = Duration::from_secs(10);
/// Bytes of a page.
const LARGEST: u64 = 5 << 20;
const LARGEST_ROBOTS: u64 = 512 << 10;
const MOST_HOPS: u8 = 5;
/// Characters of a page that are kept.
const MOST_CHARACTERS: usize = 50_000;

/// What was read, or why it cannot be.
type Outcome = std::result::Result<Extracted, String>;

impl Documents {
    /// What a page says.
    ///
    /// # Errors
    /// Those that the passing of time can mend.
    pub(super) async fn page(&self, url: &str) -> Result<Outcome> {
        let answer = match self.fetch(url).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) => return Ok(Err(why)),
            Err(error) if error.kind() == Kind::Invalid => return Ok(Err(error.in_one_line())),
            Err(error) => return Err(error),
        };
        let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or("text/html").split(';').next().unwrap_or_default().trim();
        let kind = match kind.to_ascii_lowercase().as_str() {
            "text/html" | "application/xhtml+xml" => "HTML",
            "text/markdown" => "MD",
            "application/pdf" => "PDF",
            "application/json" => "JSON",
            "text/csv" => "CSV",
            kind if kind.starts_with("text/") => "TXT",
            kind => {
                return Ok(Err(format!("It is no page that can be read, but of the kind {kind}.")));
            }
        };
        let outcome = self.worker.read(kind, answer.body.to_vec()).await?;
        Ok(outcome.map(bounded))
    }

    /// Asks for a page and for the leave to, at every place that it leads to.
    async fn fetch(&self, url: &str) -> Result<std::result::Result<Answer, String>> {
        let mut leave: HashMap<String, String> = HashMap::new();
        let mut url = Url::parse(url).map_err(|_| invalid("url", "is no address"))?;
        for _ in 0..=MOST_HOPS {
            let origin = url.origin().ascii_serialization();
            if !leave.contains_key(&origin) {
                leave.insert(origin.clone(), self.robots(&origin).await?);
            }
            let path = url
                .query()
                .map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
            if leave.get(&origin).is_some_and(|robots| !robots::allows(robots, &path)) {
                return Ok(Err("Its site asks programs not to read it (robots.txt).".to_owned()));
            }
            let request = Request::get(url.as_str()).within(TIME).at_most(LARGEST);
            let request =
                request.header(header::ACCEPT, "text/html, text/plain;q=0.8, */*;q=0.1")?;
            let answer = self.outgoing.send(request).await?;
            let status = answer.status;
            if status.is_success() {
                return Ok(Ok(answer));
            }
            if status.is_server_error() || status.as_u16() == 429 {
                let why = format!("The page answered with the status {status}.");
                return Err(Error::new(Kind::Unavailable, "page_failed", why));
            }
            let place = answer.headers.get(header::LOCATION).filter(|_| status.is_redirection());
            let next =
                place.and_then(|place| place.to_str().ok()).and_then(|place| url.join(place).ok());
            match next {
                Some(next) => url = next,
                None => return Ok(Err(format!("The page answered with the status {status}."))),
            }
        }
        Ok(Err("The page redirects too often.".to_owned()))
    }

    /// What a site says to programs; one that says nothing allows everything.
    async fn robots(&self, origin: &str) -> Result<String> {
        let request = Request::get(format!("{origin}/robots.txt"));
        let request = request.within(TIME).at_most(LARGEST_ROBOTS).following(MOST_HOPS);
        let answer = match self.outgoing.send(request).await {
            // More than is read: what stands at its beginning would not be all.
            Err(error) if error.code() == "answer_too_large" => return Ok(String::new()),
            answer => answer?,
        };
        if answer.status.is_success() {
            return Ok(String::from_utf8_lossy(&answer.body).into_owned());
        }
        if answer.status.is_server_error() {
            let why = "The site cannot say whether it may be read (robots.txt).";
            return Err(Error::new(Kind::Unavailable, "page_failed", why));
        }
        Ok(String::new())
    }
}

fn bounded(mut extracted: Extracted) -> Extracted {
    let mut left = MOST_CHARACTERS;
    for block in &mut extracted.blocks {
        let length = block.text.chars().count();
        if length > left {
            block.text = block.text.chars().take(left).collect();
            let why = format!("Only its first {MOST_CHARACTERS} characters were read.");
            extracted.notice = Some(why);
        }
        left = left.saturating_sub(length);
    }
    extracted.blocks.retain(|block| !block.text.is_empty());
    extracted
}
