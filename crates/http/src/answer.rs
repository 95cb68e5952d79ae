//! Answers: JSON, problems, streams; the one place that makes a status of an error.

use std::{
    borrow::Cow,
    sync::{Mutex, PoisonError},
};

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
};
use bytes::Bytes;
use kith_kernel::{Error, Kind, Problem, Result, internal};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

/// What a handler answers.
#[derive(Debug)]
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Empty,
    Whole(&'static str, Bytes),
    /// Behind a lock only so that an answer can be shared while it is kept.
    Stream(Cow<'static, str>, Mutex<Body>),
}

/// All but what RFC 5987 lets stand in a name.
const UNNAMED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'!');

pub(crate) const JSON: &str = "application/json";

/// Bytes that most answers fit into, so that they are not moved while they grow.
const USUAL_SIZE: usize = 1_024;

impl Answer {
    fn new(status: StatusCode, content: Content) -> Self {
        Self { status, headers: Vec::new(), content }
    }

    /// 200 with a value as JSON.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        let mut written = Vec::with_capacity(USUAL_SIZE);
        serde_json::to_writer(&mut written, value)
            .map_err(|error| internal("an answer cannot be written").caused_by(error))?;
        Ok(Self::written(written))
    }

    /// 200 with JSON that is written already.
    pub fn written(json: Vec<u8>) -> Self {
        Self::new(StatusCode::OK, Content::Whole(JSON, json.into()))
    }

    /// 200 with text of a kind.
    pub fn text(kind: &'static str, text: impl Into<Bytes>) -> Self {
        Self::new(StatusCode::OK, Content::Whole(kind, text.into()))
    }

    /// 200 with a body that is made while it is sent.
    pub fn stream(kind: impl Into<Cow<'static, str>>, body: Body) -> Self {
        Self::new(StatusCode::OK, Content::Stream(kind.into(), Mutex::new(body)))
    }

    /// 204.
    pub fn nothing() -> Self {
        Self::new(StatusCode::NO_CONTENT, Content::Empty)
    }

    /// The same as 201, with the place of what was made.
    pub fn created(mut self, location: &str) -> Self {
        self.status = StatusCode::CREATED;
        self.header(header::LOCATION, location)
    }

    /// The same as 202, with the place where the work can be followed.
    pub fn accepted(mut self, location: &str) -> Self {
        self.status = StatusCode::ACCEPTED;
        self.header(header::LOCATION, location)
    }

    /// The same with another status.
    pub fn status(mut self, status: u16) -> Self {
        self.status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self
    }

    /// Adds a header; a value that no header can carry is left out.
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Names the state that the answer shows, for `If-Match` and `If-None-Match`.
    pub fn tagged(self, version: i64) -> Self {
        self.header(header::ETAG, &format!("\"{version}\""))
    }

    /// It is a file, to be kept under this name and not to be shown (RFC 6266).
    pub fn named(self, name: &str) -> Self {
        let plain: String = name
            .chars()
            .map(|letter| match letter {
                '"' | '\\' | '%' => '_',
                ' '..='~' => letter,
                _ => '_',
            })
            .collect();
        let encoded = utf8_percent_encode(name, UNNAMED);
        let told = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
        self.header(header::CONTENT_DISPOSITION, &told)
    }

    /// The same with this JSON for its content.
    fn saying(self, json: &serde_json::Value) -> Self {
        Self { content: Content::Whole(JSON, json.to_string().into_bytes().into()), ..self }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let (kind, body) = match self.content {
            Content::Empty => (None, Body::empty()),
            Content::Whole(kind, bytes) => (Some(Cow::Borrowed(kind)), Body::from(bytes)),
            Content::Stream(kind, body) => {
                (Some(kind), body.into_inner().unwrap_or_else(PoisonError::into_inner))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let kind = kind.and_then(|kind| match kind {
            Cow::Borrowed(kind) => Some(HeaderValue::from_static(kind)),
            Cow::Owned(kind) => HeaderValue::from_str(&kind).ok(),
        });
        if let Some(kind) = kind {
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

#[derive(Serialize)]
struct Problems<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "<[Problem]>::is_empty")]
    errors: &'a [Problem],
    #[serde(rename = "requestId")]
    request_id: &'a str,
}

pub(crate) fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Gone => StatusCode::GONE,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Malformed => StatusCode::BAD_REQUEST,
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Stale => StatusCode::PRECONDITION_FAILED,
        Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::Exhausted => StatusCode::PAYMENT_REQUIRED,
        Kind::Timeout => StatusCode::REQUEST_TIMEOUT,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An error as OpenAI tells it.
pub(crate) fn openai_error(error: &Error, request_id: &str) -> Answer {
    let (answer, message) = told_abroad(error, request_id);
    let kind = match answer.status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        402 => "insufficient_quota",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    };
    let place = error.problems().first();
    let place = place.map(|problem| problem.pointer.trim_start_matches('/'));
    answer.saying(&serde_json::json!({
        "error": { "message": message, "type": kind, "param": place, "code": error.code() },
    }))
}

/// An error as Anthropic tells it.
pub(crate) fn anthropic_error(error: &Error, request_id: &str) -> Answer {
    let (answer, message) = told_abroad(error, request_id);
    let kind = match answer.status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 => "timeout_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    };
    answer.saying(&serde_json::json!({
        "type": "error",
        "error": { "type": kind, "message": message },
        "request_id": request_id,
    }))
}

/// An error for clients of others, which know 400 for what is wrong with a request, and its words with the place in them.
fn told_abroad(error: &Error, request_id: &str) -> (Answer, String) {
    let mut told = problem(error, request_id);
    if told.status == StatusCode::UNPROCESSABLE_ENTITY {
        told.status = StatusCode::BAD_REQUEST;
    }
    let message = match (error.kind(), error.problems().first()) {
        (Kind::Internal, _) => "Something went wrong on our side.".to_owned(),
        (_, Some(_)) => error.in_one_line(),
        (_, None) => error.message().to_owned(),
    };
    (told, message)
}

/// RFC 9457 from an error; what is ours to mend is logged and told in general words.
pub(crate) fn problem(error: &Error, request_id: &str) -> Answer {
    let (status, written) = told(error, request_id);
    let mut answer =
        Answer::new(status, Content::Whole("application/problem+json", written.into()));
    if let Some(seconds) = error.retry_after_seconds() {
        answer = answer.header(header::RETRY_AFTER, &seconds.to_string());
    }
    if status == StatusCode::UNAUTHORIZED {
        answer = answer.header(header::WWW_AUTHENTICATE, "Bearer");
    }
    answer
}

/// An error as it is told to whoever asked, as JSON; what happened inside goes to the log.
pub(crate) fn told(error: &Error, request_id: &str) -> (StatusCode, Vec<u8>) {
    let mut status = status_of(error.kind());
    if error.code() == "method_not_allowed" {
        status = StatusCode::METHOD_NOT_ALLOWED;
    }
    if error.code() == "range_not_satisfiable" {
        status = StatusCode::RANGE_NOT_SATISFIABLE;
    }
    let detail = if error.kind() == Kind::Internal {
        tracing::error!(request_id, ?error, "a request failed");
        "Something went wrong on our side. The log names it by this requestId."
    } else {
        tracing::debug!(request_id, ?error, "a request was refused");
        error.message()
    };
    let problem = Problems {
        r#type: format!("/docs#{}", error.code()),
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail,
        code: error.code(),
        errors: error.problems(),
        request_id,
    };
    let written = serde_json::to_vec(&problem).unwrap_or_default();
    (status, written)
}
