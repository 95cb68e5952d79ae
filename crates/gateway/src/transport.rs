//! Requests to providers by the house's own client for what leaves.

use std::time::Duration;

use bytes::Bytes;
use kith_kernel::{Error, Kind};
use kith_llm::{Cause, Failure, Posted, Transport};
use kith_platform::outgoing::{HeaderName, Incoming, Outgoing, Request, header};

/// Bytes of an answer at most, whole or as it comes.
const LARGEST_ANSWER: u64 = 16 << 20;

/// Sends by [`Outgoing`].
pub(crate) struct Sender(pub(crate) Outgoing);

/// An answer on its way.
pub(crate) struct Coming(Incoming);

impl Transport for Sender {
    type Incoming = Coming;

    async fn post(&self, posted: Posted) -> Result<Coming, Failure> {
        let request = request(posted).map_err(|error| failure(&error))?;
        self.0.open(request).await.map(Coming).map_err(|error| failure(&error))
    }
}

/// Base addresses are the operator's alone, and may be private.
fn request(posted: Posted) -> kith_kernel::Result<Request> {
    let within = posted.within.max(Duration::from_secs(1));
    let mut request = Request::post(posted.url, posted.body)
        .header(header::CONTENT_TYPE, posted.kind)?
        .within(within)
        .at_most(LARGEST_ANSWER)
        .of_operator();
    for one in posted.headers {
        let name = HeaderName::from_static(one.name);
        request = if one.is_secret {
            request.secret(name, &one.value)?
        } else {
            request.header(name, &one.value)?
        };
    }
    Ok(request)
}

impl kith_llm::Incoming for Coming {
    fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    fn header(&self, name: &str) -> Option<String> {
        self.0.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        self.0.chunk().await.map_err(|error| match error.code() {
            "answer_too_large" => Failure::new(Cause::Garbled, "gave an answer that is too large"),
            _ if error.kind() == Kind::Timeout => {
                Failure::new(Cause::Late, "did not answer in time")
            }
            _ => Failure::new(Cause::Cut, "broke off its answer"),
        })
    }
}

fn failure(error: &Error) -> Failure {
    match error.kind() {
        Kind::Timeout => Failure::new(Cause::Late, "did not begin to answer in time"),
        Kind::Invalid | Kind::Malformed | Kind::Forbidden => {
            Failure::new(Cause::Refused, error.message())
        }
        _ => Failure::new(Cause::Unreachable, format!("cannot be reached: {}", error.message())),
    }
}
