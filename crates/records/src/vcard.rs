//! vCards: people as other address books write and read them (RFC 2426 and RFC 6350).

mod quoted;
pub(crate) mod read;
pub(crate) mod row;
#[cfg(test)]
mod tests;
pub(crate) mod write;
