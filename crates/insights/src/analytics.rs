//! Analytics: what the inbox took in, how fast and how well it was answered, by channel and by agent.

mod answers;
mod metrics;
mod routes;
mod schemas;
mod series;
mod span;
mod tally;

pub(crate) use {routes::routes, schemas::schemas};
