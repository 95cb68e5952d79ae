//! The far side: one page of one entity at a time, and what its refusals mean.

use std::time::Duration;

use kith_kernel::{Error, Kind, Result};
use kith_platform::outgoing::{Answer, Request, StatusCode, header};
use serde_json::{Map, Value as Json};

use super::Base44;

/// Records of a page.
const PAGE: u64 = 100;
const MOST_BYTES: u64 = 16 * 1_024 * 1_024;
/// The far side cannot put a sync off for longer, in seconds.
const LONGEST_PAUSE: u64 = 3_600;

/// A record as it is there: flat.
pub(super) type Raw = Map<String, Json>;

/// What is there.
pub(super) enum Page {
    /// Records in the order in which they were made; what is no object is `None`.
    Records(Vec<Option<Raw>>),
    /// The app has no such entity.
    Missing,
}

impl Base44 {
    /// A page of an entity behind so many records.
    ///
    /// # Errors
    /// `Unavailable` and `Timeout` when it may succeed later; `Forbidden`, `Invalid` when it will not.
    pub(super) async fn page(&self, entity: &str, skip: u64) -> Result<Page> {
        let base = self.section.api_base.trim_end_matches('/');
        let url = format!(
            "{base}/apps/{}/entities/{entity}?limit={PAGE}&skip={skip}&sort=created_date",
            self.section.app_id
        );
        let request = Request::get(url)
            .of_operator()
            .within(Duration::from_secs(self.section.timeout_seconds))
            .at_most(MOST_BYTES)
            .header(header::ACCEPT, "application/json")?
            .secret(header::HeaderName::from_static("api_key"), &self.section.api_key)?;
        let answer = self.outgoing.send(request).await?;
        match answer.status.as_u16() {
            200..=299 => records(&answer),
            404 => Ok(Page::Missing),
            401 | 403 => {
                let why =
                    format!("Base44 refuses the key ({}): check BASE44_API_KEY.", answer.status);
                Err(Error::new(Kind::Forbidden, "base44_refused", why))
            }
            408 | 425 | 429 | 500..=599 => Err(later(&answer)),
            _ => {
                let why = format!("Base44 answers {} for {entity}.", answer.status);
                Err(Error::new(Kind::Invalid, "base44_refused", why))
            }
        }
    }
}

fn records(answer: &Answer) -> Result<Page> {
    let list: Vec<Json> = serde_json::from_slice(&answer.body).map_err(|error| {
        let why = "Base44 gave an answer that is no list of records.";
        Error::new(Kind::Unavailable, "base44_unreadable", why).caused_by(error)
    })?;
    let record = |json| if let Json::Object(record) = json { Some(record) } else { None };
    Ok(Page::Records(list.into_iter().map(record).collect()))
}

fn later(answer: &Answer) -> Error {
    let after = answer.headers.get(header::RETRY_AFTER);
    let after = after.and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    let why = match answer.status {
        StatusCode::TOO_MANY_REQUESTS => "Base44 asks for a pause (429).".to_owned(),
        status => format!("Base44 answers {status}."),
    };
    let error = Error::new(Kind::Unavailable, "base44_busy", why);
    match after {
        Some(seconds) => error.retry_after(seconds.min(LONGEST_PAUSE)),
        None => error,
    }
}
