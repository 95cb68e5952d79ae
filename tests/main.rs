//! One integration binary: every test runs on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

mod client;
mod database;
mod events;
mod house;
mod identity;
mod jobs;
mod locked;
mod mail;
mod operations;
mod records;
mod requests;
mod settings;
mod store;
mod strangers;
mod world;
