//! vCards: people as other address books write and read them (RFC 2426 and RFC 6350).

pub(crate) mod write;
