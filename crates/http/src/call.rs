//! One call: who asks, what is asked.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use kith_kernel::{Actor, Error, Id, Kind, Result, malformed, unsupported};
use kith_platform::Ctx;
use serde::de::DeserializeOwned;

use crate::{
    Answer, Body, Connection, Query, answer::problem, body::expect_json, router::request_id,
};

/// Finds out who asks; wiring hands it in.
///
/// The actor's `role` and `tenant` are those of now, not those of the token.
pub type Authenticate = Arc<
    dyn for<'a> Fn(&'a Parts) -> Pin<Box<dyn Future<Output = Result<Actor>> + Send + 'a>>
        + Send
        + Sync,
>;

/// A request on its way to a handler.
pub struct Call {
    /// The application and who asks; for public operations, the installation.
    pub ctx: Ctx,
    /// Method, address and headers.
    pub head: Parts,
    pub(crate) path: RawPathParams,
    /// Behind a lock only so that a call can be shared while its handler waits.
    pub(crate) content: Mutex<axum::body::Body>,
    pub(crate) body_bytes: usize,
    pub(crate) operation: &'static str,
}

impl Call {
    pub(crate) async fn path_of(head: &mut Parts) -> Result<RawPathParams> {
        let path = RawPathParams::from_request_parts(head, &()).await;
        let path = path.map_err(|_| malformed("The path is not UTF-8."))?;
        if path.iter().any(|(_, value)| value.contains('\0')) {
            return Err(malformed("The path holds a NUL character."));
        }
        Ok(path)
    }

    /// The connection that it came by; one of nobody where there is none.
    pub fn connection(&self) -> Connection {
        self.head.extensions.get().cloned().unwrap_or_default()
    }

    /// A part of the path as text.
    pub fn path(&self, name: &str) -> &str {
        self.path.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// A part of the path as an id.
    pub fn id(&self, name: &str) -> Result<Id> {
        self.path(name).parse().map_err(|_| {
            let path = self.operation.split_once(' ').map_or(self.operation, |(_, path)| path);
            malformed(format!("{{{name}}} in {path} {}.", Id::EXPECTED)).and(name, Id::EXPECTED)
        })
    }

    /// The query, decoded.
    pub fn query(&self) -> Result<Query> {
        Query::parse(self.head.uri.query().unwrap_or_default())
    }

    /// The value of a header, when it is text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Reads the body, which must be JSON.
    pub async fn body(&mut self) -> Result<Body> {
        expect_json(&self.head.headers)?;
        let content = self.take();
        Body::read(content, &self.head.headers, self.body_bytes).await
    }

    /// Reads the body as it is; it must say that it is of one of these kinds, or nothing at all.
    pub async fn bytes(&mut self, kinds: &[&str]) -> Result<Body> {
        let kind = self.header(&header::CONTENT_TYPE).unwrap_or_default();
        let plain = kind.split(';').next().unwrap_or_default().trim().to_lowercase();
        if !plain.is_empty() && !kinds.contains(&plain.as_str()) {
            let all = kinds.join(" or ");
            return Err(unsupported(format!("The body must be of the content-type {all}.")));
        }
        let content = self.take();
        Body::read(content, &self.head.headers, self.body_bytes).await
    }

    /// Reads the body into a struct; see [`Body::parse`].
    pub async fn parse<T: DeserializeOwned>(&mut self) -> Result<T> {
        self.body().await?.parse()
    }

    fn take(&mut self) -> axum::body::Body {
        std::mem::take(self.content.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// The body as it comes, for uploads; the operation's own limit applies while it is read.
    pub fn stream(&mut self) -> (axum::body::Body, usize) {
        (self.take(), self.body_bytes)
    }

    /// A refusal as an answer, to which headers can be added.
    pub fn refusal(&self, error: &Error) -> Answer {
        let id = self.ctx.actor.request.unwrap_or(Id::NIL);
        problem(error, &request_id(&self.head.headers, id))
    }

    /// The version that `If-Match` names, when there is such a header; `*` is none.
    pub fn expected_version(&self) -> Result<Option<i64>> {
        let Some(tag) = self.header(&header::IF_MATCH) else { return Ok(None) };
        if tag.trim() == "*" {
            return Ok(None);
        }
        let version = tag.trim().trim_start_matches("W/").trim_matches('"').parse();
        version.map(Some).map_err(|_| {
            Error::new(Kind::Stale, "stale", "If-Match does not name a version of this record.")
        })
    }
}
