//! Reading, judging and writing CSV files as people make them: no database, no network, and
//! memory that does not grow with the file.

mod detect;
mod dialect;
mod error;
mod excerpt;
mod fold;
pub mod headers;
pub mod kinds;
pub mod near;
mod reader;
mod row;
mod split;
mod units;
pub mod values;
mod window;
mod words;
pub mod write;

pub use dialect::{Delimiter, Dialect, Encoding};
pub use error::Error;
pub use reader::{Notes, Position, Reader};
pub use row::{Cells, Fault, Row};
pub(crate) use window::Window;

#[cfg(test)]
mod tests;
