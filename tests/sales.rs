//! Sales: from leads to deals with lines, their stages, and what they may bring.

mod convert;
mod deals;
mod tasks;
mod timeline;
mod winning;
