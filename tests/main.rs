//! One integration binary: every test runs on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

mod arrows;
mod attachments;
mod backup;
mod bad_input;
mod batches;
mod bucket;
mod calendar;
mod client;
mod custom;
mod database;
mod deals;
mod duplicates;
mod events;
mod files;
mod house;
mod identity;
mod import;
mod jobs;
mod kill;
mod locked;
mod logs;
mod mail;
mod nodes;
mod objects;
mod openapi;
mod operations;
mod outgoing;
mod past;
mod personal;
mod records;
mod reports;
mod requests;
mod roles;
mod sales;
mod schema;
mod server;
mod settings;
mod sink;
mod store;
mod strangers;
mod tenant_bundles;
mod vcard;
mod views;
mod world;
