//! What people write into cells, made into values: dates, numbers, yes and no, and nothing.

mod booleans;
mod clock;
pub(super) mod currency;
mod date_column;
mod dates;
mod decimal;
mod empties;
mod months;
mod number_column;
mod numbers;

pub use booleans::parse_boolean;
pub use clock::Time;
pub use date_column::{DateColumn, DateEvidence, DateTally};
pub use dates::{Date, DateError, DateFormat, DateOrder, DateSeparator, Moment};
pub use decimal::{Decimal, Rounded};
pub use empties::{Empty, empty};
pub use number_column::{NumberColumn, NumberEvidence, NumberTally};
pub use numbers::{DecimalSign, Number, NumberError};
