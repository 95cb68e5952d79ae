//! All wiring: what is built, in which order, and what the commands do with it.

pub mod commands;
mod demo;
pub mod log;
mod system;
pub mod wire;
