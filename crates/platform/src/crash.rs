//! Places between two steps at which a test can kill the process, to see that nothing is lost or done twice.

/// Every place, so that a test can visit them all.
pub const POINTS: [&str; 9] = [
    "write.before-commit",
    "write.after-commit",
    "job.claimed",
    "job.before-run",
    "job.after-run",
    "mail.before-sending",
    "mail.sending",
    "mail.sent",
    "seal.before-commit",
];

/// Ends the process at once, as `kill -9` would, when this place was chosen. Only in debug builds.
pub fn point(name: &str) {
    #[cfg(debug_assertions)]
    if chosen() == Some(name) {
        std::process::abort();
    }
    #[cfg(not(debug_assertions))]
    drop(name);
}

#[cfg(debug_assertions)]
fn chosen() -> Option<&'static str> {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "a switch of the tests is no setting")]
    CHOSEN.get_or_init(|| std::env::var("KITH_CRASH_AT").ok()).as_deref()
}
