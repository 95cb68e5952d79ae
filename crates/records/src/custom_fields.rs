//! The catalog of custom fields: made, changed, converted and deleted by the tenant's admins.

mod change;
mod convert;
mod input;
mod linked;
mod make;
mod names;
mod purge;
mod routes;
mod schemas;
mod shown;

pub(crate) use names::is_word;
pub(crate) use purge::register;
pub use routes::custom_field_routes;
pub use schemas::custom_field_schemas;

/// No more custom fields than this on one object.
const MOST_FIELDS: usize = 200;
