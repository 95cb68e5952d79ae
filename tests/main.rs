//! One integration binary: every test runs on SQLite and on PostgreSQL.

mod database;
mod settings;
mod store;
