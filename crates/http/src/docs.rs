//! The documentation page: one file, which needs nothing from elsewhere.
