//! What came back: status, headers, and a body within its bounds.

use bytes::{Bytes, BytesMut};
use kith_kernel::{Error, Kind, Result};
use reqwest::{Response, StatusCode, header::HeaderMap};
use tokio::time::{Instant, timeout_at};

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// An answer whose body is still under way.
pub struct Incoming {
    response: Response,
    deadline: Instant,
    /// Bytes that may still come.
    left: u64,
}

impl Incoming {
    pub(super) fn new(response: Response, (deadline, left): (Instant, u64)) -> Self {
        Self { response, deadline, left }
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next piece of the body; nothing: that was all.
    ///
    /// # Errors
    /// `Timeout` when the time is over; `Unavailable` when the answer is too large or breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let next = timeout_at(self.deadline, self.response.chunk()).await;
        let next = next.map_err(|_| super::late())?.map_err(|error| {
            let why = "The answer of the other server broke off.";
            Error::new(Kind::Unavailable, "outgoing_failed", why).caused_by(error.without_url())
        })?;
        let Some(piece) = next else { return Ok(None) };
        self.left = self.left.checked_sub(piece.len() as u64).ok_or_else(too_large)?;
        Ok(Some(piece))
    }

    /// All that is left of the body.
    pub(super) async fn whole(mut self) -> Result<Answer> {
        if self.response.content_length().is_some_and(|length| length > self.left) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(piece) = self.chunk().await? {
            body.extend_from_slice(&piece);
        }
        let status = self.status();
        let headers = std::mem::take(self.response.headers_mut());
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

fn too_large() -> Error {
    let why = "The answer of the other server is larger than is read.";
    Error::new(Kind::Unavailable, "answer_too_large", why)
}
