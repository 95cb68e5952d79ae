//! Language models behind one form: providers, routing, failover, breakers, prices, masking, safety. No database, no web server.

mod answer;
mod breaker;
mod call;
mod chat;
mod failure;
#[cfg(test)]
mod fake;
mod mask;
mod overlap;
mod price;
mod provider;
mod route;
mod safety;
mod sse;
mod stream;
mod transport;
mod tree;
mod wire;

pub use answer::{Answer, Event, Finish, Usage};
pub use breaker::{Breakers, Door, State};
pub use call::{Caller, Leg, Limits, Outcome, Target};
pub use chat::{Chat, Content, Message, Options, Role, Schema, Tool, ToolCall, ToolChoice};
pub use failure::{Cause, Failure};
pub use mask::{
    Finding, Kind as PersonalKind, Kinds as PersonalKinds, Masked, Unmasking, Vault, find, redact,
};
pub use price::{Model, Price, cost, dearest, model, models};
pub use provider::{Form, Provider};
pub use route::{Candidate, Strategy, order};
pub use safety::{Category, Thresholds, Verdict, filter, judge};
pub use stream::Streaming;
pub use transport::{Header, Incoming, Posted, Transport};
pub use wire::{embeddings::Embeddings, transcriptions::Audio};
