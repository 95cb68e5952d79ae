//! The only room with a database connection: SQLite or PostgreSQL behind [`Db`], [`Read`] and [`Write`].
//!
//! A statement reaches a tenant's table only through a `Read` or `Write` that already knows its tenant.

mod catalog;
mod connect;
mod copy;
mod db;
mod migrate;
mod news;
mod row;
mod schema;
mod search;
mod sql;
mod statement;
mod value;

pub use catalog::{Catalog, Others, TableShape};
pub use connect::Options;
pub use copy::{Sieved, Tally, Tallying, Whole, read_rows, write_row};
pub use db::{Db, Read, Write};
pub use migrate::{Migration, Step};
pub use news::News;
pub use row::{Json, Row};
pub use schema::{ColumnSpec, Table, bool, bytes, date, id, integer, json, number, text, time};
pub use search::{Document, Hit, MAX_CANDIDATES};
pub use statement::{
    Comparison, Condition, Delete, Each, Insert, Output, Related, Select, Set, Update, equals,
    in_sizes, padded,
};
pub use value::Value;
