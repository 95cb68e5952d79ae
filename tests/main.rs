//! One integration binary: every test runs on SQLite and on PostgreSQL.

mod database;
mod house;
mod identity;
mod jobs;
mod mail;
mod settings;
mod store;
