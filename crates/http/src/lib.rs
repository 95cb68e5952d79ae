//! HTTP: who is asking, what they may do, and how an answer looks.
//!
//! An [`Operation`] is declared once; the same declaration is enforced (access, limits), documented (OpenAPI) and
//! counted (metrics).

mod answer;
mod body;
mod call;
pub mod docs;
mod form;
mod idempotency;
mod limits;
mod live;
mod metrics;
mod openapi;
mod operation;
mod query;
mod router;
pub mod schema;
mod serve;
mod socketio;
mod streams;

pub use answer::Answer;
pub use body::{Body, fields_of};
pub use call::{Authenticate, Call};
pub use form::Form;
pub use idempotency::migration;
pub use limits::{Allowance, Limiter};
pub use live::{
    Happening, Live, LiveEvents, LiveOptions, LiveParts, Piece, Said, ScopeOf, Tell, To,
    presence_schemas,
};
pub use metrics::{Metrics, OperationCounts};
pub use openapi::document;
pub use operation::{Access, ErrorForm, Idempotency, LimitClass, Operation, Parameter};
pub use query::{Query, TENANT};
pub use router::{Http, Options, Routes};
pub use serve::{Connection, serve};
pub use streams::{Place, Streams};
