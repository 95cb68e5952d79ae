//! Language models behind one form: providers, routing, failover, breakers, prices. No database, no web server.

mod answer;
mod chat;
mod failure;
mod mask;
mod provider;
mod safety;
mod sse;
mod transport;
mod wire;

pub use answer::{Answer, Event, Finish, Usage};
pub use chat::{Chat, Content, Message, Options, Role, Schema, Tool, ToolCall, ToolChoice};
pub use failure::{Cause, Failure};
pub use mask::{
    Finding, Kind as PersonalKind, Kinds as PersonalKinds, Masked, Unmasking, Vault, find, redact,
};
pub use provider::{Form, Provider};
pub use safety::{Category, Thresholds, Verdict, filter, judge};
pub use transport::{Header, Incoming, Posted, Transport};
pub use wire::embeddings::Embeddings;
