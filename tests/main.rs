//! One integration binary: every test runs on SQLite and on PostgreSQL.

mod database;
mod events;
mod house;
mod identity;
mod jobs;
mod mail;
mod records;
mod settings;
mod store;
mod world;
