//! The script for other people's pages, and a page of its own to try it on.

use axum::http::header;
use kith_http::{Access, Answer, LimitClass, Operation, Routes};

use super::TAG;

const SCRIPT: &str = include_str!("widget.js");
const PAGE: &str = include_str!("page.html");

pub(super) fn routes() -> Routes {
    let free = |path: &str, summary: &str| {
        Operation::get(path, TAG, summary).access(Access::Public).limit(LimitClass::Free)
    };
    let script = free("/chat/widget.js", "The script that puts a web chat on a page").answers_text(
        200,
        "The script.",
        "text/javascript",
    );
    let page = free("/demo/chat", "A page with a web chat on it").answers_text(
        200,
        "The page.",
        "text/html",
    );
    Routes::new()
        .add(script, |_| async {
            let script = Answer::text("text/javascript; charset=utf-8", SCRIPT);
            Ok(script.header(header::CACHE_CONTROL, "public, max-age=3600"))
        })
        .add(page, |_| async {
            // Only this server's script runs, and it asks this server alone.
            let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self' 'unsafe-inline'; connect-src 'self'";
            Ok(Answer::text("text/html; charset=utf-8", PAGE)
                .header(header::CONTENT_SECURITY_POLICY, policy))
        })
}
