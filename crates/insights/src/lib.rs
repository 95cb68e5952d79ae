//! Reports: rollups kept by a reader of events, dashboards, data quality, CSV and PDF of them.

mod answers;
mod calendar;
mod dashboard;
mod export;
mod figures;
mod links;
mod quality;
mod rollups;
mod routes;

pub use answers::schemas;
pub use rollups::{migrations, reader};
pub use routes::routes;
