//! Empty for now.

pub mod csv;
