//! How requests leave: whoever holds the network implements it.

use std::time::Duration;

use bytes::Bytes;

use crate::failure::Failure;

/// A request with a body.
#[derive(Clone)]
pub struct Posted {
    /// Where to.
    pub url: String,
    /// Besides the content type.
    pub headers: Vec<Header>,
    /// The type of its content.
    pub kind: &'static str,
    /// Its content.
    pub body: Bytes,
    /// For all of it.
    pub within: Duration,
}

/// A header of a request.
#[derive(Clone)]
pub struct Header {
    /// In lower case.
    pub name: &'static str,
    /// What it says.
    pub value: String,
    /// It must not be logged.
    pub is_secret: bool,
}

/// Sends requests to providers.
pub trait Transport: Send + Sync {
    /// An answer on its way.
    type Incoming: Incoming;

    /// Sends a request, and comes back with the head of its answer.
    fn post(&self, posted: Posted) -> impl Future<Output = Result<Self::Incoming, Failure>> + Send;
}

/// An answer on its way.
pub trait Incoming: Send {
    /// The status, by number.
    fn status(&self) -> u16;

    /// A header by its name in lower case.
    fn header(&self, name: &str) -> Option<String>;

    /// More of the body; none at its end.
    ///
    /// # Errors
    /// `Cut` where it breaks off, `Late` where it takes too long, `Garbled` where it is too large.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, Failure>> + Send;
}
