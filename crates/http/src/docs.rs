//! The documentation page: one file, which needs nothing from elsewhere.

use axum::http::header;

use crate::Answer;

const PAGE: &str = include_str!("docs.html");

/// The page at `/docs`, which shows `/openapi.json`.
pub fn page() -> Answer {
    // Only this page's own script and style run; it asks this server alone.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'";
    Answer::text("text/html; charset=utf-8", PAGE).header(header::CONTENT_SECURITY_POLICY, policy)
}
