//! All wiring: what is built, in which order, and what the commands do with it.

mod archive;
mod arrivals;
mod bars;
mod bundle;
pub mod commands;
mod copying;
mod demo;
mod hooks;
pub mod log;
mod simulate;
mod system;
mod tables;
pub mod wire;
