//! One error for the whole house: what kind it is, a stable code, words for people, and where it was made.

use std::{error::Error as StdError, fmt, panic::Location};

/// A result whose error is [`Error`] unless said otherwise.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is; `http` alone makes a status code of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It does not exist, or belongs to another tenant.
    NotFound,
    /// It was there and was erased for good.
    Gone,
    /// The role or the key's scopes do not allow it.
    Forbidden,
    /// Nobody is signed in, or the token is no longer good.
    Unauthenticated,
    /// It cannot be read at all: broken JSON, UTF-8 or id.
    Malformed,
    /// It can be read and is wrong.
    Invalid,
    /// It contradicts what is stored.
    Conflict,
    /// The version that the caller saw is no longer the current one.
    Stale,
    /// Too many requests in a given time.
    TooMany,
    /// Larger than is accepted.
    TooLarge,
    /// A content type or method that is not served.
    Unsupported,
    /// Credits are used up.
    Exhausted,
    /// It took longer than it may.
    Timeout,
    /// Something that is needed is not configured or does not answer.
    Unavailable,
    /// A mistake of ours.
    Internal,
}

/// One thing that is wrong with one place of the input.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// A JSON pointer into the body (`/amount`), or the name of a query parameter.
    pub pointer: String,
    /// What is wrong, for people.
    pub message: String,
}

/// A failure, told once.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    code: &'static str,
    message: String,
    problems: Vec<Problem>,
    retry_after_seconds: Option<u64>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    at: &'static Location<'static>,
}

impl Error {
    /// An error with a stable `code` (snake_case) and a sentence for people.
    #[track_caller]
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            code,
            message: message.into(),
            problems: Vec::new(),
            retry_after_seconds: None,
            source: None,
            at: Location::caller(),
        }))
    }

    /// Adds a place of the input and what is wrong with it.
    pub fn and(mut self, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        self.0.problems.push(Problem { pointer: pointer.into(), message: message.into() });
        self
    }

    /// Adds all of `problems`.
    pub fn with_problems(mut self, problems: Vec<Problem>) -> Self {
        self.0.problems.extend(problems);
        self
    }

    /// Keeps the cause for the log; it is never shown to a caller.
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says after how many seconds it may be tried again.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    /// Replaces the stable code.
    pub fn coded(mut self, code: &'static str) -> Self {
        self.0.code = code;
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The stable, machine-readable code.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The places of the input that are wrong.
    pub fn problems(&self) -> &[Problem] {
        &self.0.problems
    }

    /// After how many seconds it may be tried again, when that is known.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.0.retry_after_seconds
    }

    /// Where in our source it was made; for the log.
    pub fn at(&self) -> &'static Location<'static> {
        self.0.at
    }

    /// The sentence and each wrong place in one line, for reports and terminals.
    pub fn in_one_line(&self) -> String {
        if self.0.problems.is_empty() {
            return self.0.message.clone();
        }
        let places: Vec<_> = self
            .0
            .problems
            .iter()
            .map(|p| format!("{} {}", p.pointer.trim_start_matches('/'), p.message))
            .collect();
        places.join("; ")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_one_line())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} at {}: {}", self.0.kind, self.0.code, self.0.at, self.in_one_line())?;
        if let Some(source) = &self.0.source {
            write!(f, " (cause: {source:?})")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// There is no such thing, or it is another tenant's: callers cannot tell which.
#[track_caller]
pub fn not_found(what: &str) -> Error {
    Error::new(Kind::NotFound, "not_found", format!("There is no such {what}."))
}

/// One field is wrong; `why` continues a sentence that begins with the field's name.
#[track_caller]
pub fn invalid(field: &str, why: impl Into<String>) -> Error {
    let why = why.into();
    let message = format!("{field} {why}");
    Error::new(Kind::Invalid, "invalid", message).and(format!("/{}", field.replace('.', "/")), why)
}

/// It cannot be read at all.
#[track_caller]
pub fn malformed(message: impl Into<String>) -> Error {
    Error::new(Kind::Malformed, "malformed", message)
}

/// It contradicts what is stored.
#[track_caller]
pub fn conflict(code: &'static str, message: impl Into<String>) -> Error {
    Error::new(Kind::Conflict, code, message)
}

/// The role or the scopes do not allow it.
#[track_caller]
pub fn forbidden(message: impl Into<String>) -> Error {
    Error::new(Kind::Forbidden, "forbidden", message)
}

/// Nobody is signed in, or the token is no longer good.
#[track_caller]
pub fn unauthenticated(message: impl Into<String>) -> Error {
    Error::new(Kind::Unauthenticated, "unauthenticated", message)
}

/// Larger than is accepted.
#[track_caller]
pub fn too_large(message: impl Into<String>) -> Error {
    Error::new(Kind::TooLarge, "too_large", message)
}

/// A content type, header or method that is not served here.
#[track_caller]
pub fn unsupported(message: impl Into<String>) -> Error {
    Error::new(Kind::Unsupported, "unsupported", message)
}

/// Something that is needed is not configured or does not answer.
#[track_caller]
pub fn unavailable(message: impl Into<String>) -> Error {
    Error::new(Kind::Unavailable, "unavailable", message)
}

/// A mistake of ours; the message is for the log, callers get a general sentence.
#[track_caller]
pub fn internal(message: impl Into<String>) -> Error {
    Error::new(Kind::Internal, "internal", message)
}
