//! Words every crate shares: errors, ids, time, money, rules, who acts. No I/O, no HTTP, no SQL.

mod actor;
mod error;
mod id;
mod money;
mod rule;
pub mod text;
mod time;

pub use actor::{Actor, Role, Scopes, Via};
pub use error::{
    Error, Kind, Problem, Result, conflict, forbidden, internal, invalid, malformed, not_found,
    too_large, unauthenticated, unavailable, unsupported,
};
pub use id::{Id, Ids};
pub use money::{Currency, Money, MoneyError};
pub use rule::{Condition, MAX_RULE_CONDITIONS, MAX_RULE_DEPTH, Op, Rule, Span, SpanUnit};
pub use time::{Clock, Date, Time, Zone};
