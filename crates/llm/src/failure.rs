//! Why a provider did not answer, and what follows from it.

use std::{fmt, time::Duration};

/// Why a provider did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The request cannot be put in the provider's form, or the provider calls it wrong: another attempt helps nobody.
    Refused,
    /// The key is missing, wrong or without means.
    Unauthorised,
    /// The provider has no such model.
    UnknownModel,
    /// Too many requests.
    Limited,
    /// The provider says that it is at fault.
    Broken,
    /// No answer in time.
    Late,
    /// No connection.
    Unreachable,
    /// An answer that is none.
    Garbled,
    /// The answer broke off.
    Cut,
}

/// A failure of one provider, in words that hold nothing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub cause: Cause,
    /// For people.
    pub message: String,
    /// How long the provider wants to be left alone.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without a wish of the provider's.
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into(), retry_after: None }
    }

    /// The same request may succeed at the same provider a little later.
    pub fn is_passing(&self) -> bool {
        match self.cause {
            Cause::Limited | Cause::Broken | Cause::Late | Cause::Unreachable | Cause::Cut => true,
            Cause::Refused | Cause::Unauthorised | Cause::UnknownModel | Cause::Garbled => false,
        }
    }

    /// It says something about the provider, and nothing about the request.
    pub fn is_of_provider(&self) -> bool {
        match self.cause {
            Cause::Refused | Cause::UnknownModel => false,
            Cause::Unauthorised
            | Cause::Limited
            | Cause::Broken
            | Cause::Late
            | Cause::Unreachable
            | Cause::Garbled
            | Cause::Cut => true,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
