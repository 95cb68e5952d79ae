//! Places between two steps at which a test can kill the process, to see that nothing is lost or done twice.

/// Every place, so that a test can visit them all.
pub const POINTS: [&str; 19] = [
    "write.before-commit",
    "write.after-commit",
    "job.claimed",
    "job.before-run",
    "job.after-run",
    "mail.before-sending",
    "mail.sending",
    "mail.sent",
    "seal.before-commit",
    "seal.after-commit",
    "read.before-commit",
    "read.after-commit",
    "file.noted",
    "file.put",
    "file.removed",
    "bundle.expected",
    "bundle.rows",
    "bundle.filled",
    "bundle.opened",
];

/// Ends the process at once, as `kill -9` would, when `KITH_CRASH_AT` names this place; `job.claimed:3` means the third
/// time that it is passed. Only in debug builds.
pub fn point(name: &str) {
    #[cfg(debug_assertions)]
    chosen::pass(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
mod chosen {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    };

    struct Place {
        name: String,
        left: AtomicU32,
    }

    pub(super) fn pass(name: &str) {
        static PLACE: OnceLock<Option<Place>> = OnceLock::new();
        if let Some(place) = PLACE.get_or_init(read)
            && place.name == name
            && place.left.fetch_sub(1, Ordering::AcqRel) == 1
        {
            std::process::abort();
        }
    }

    fn read() -> Option<Place> {
        #[expect(clippy::disallowed_methods, reason = "a switch of the tests is no setting")]
        let told = std::env::var("KITH_CRASH_AT").ok()?;
        let (name, times) = told.split_once(':').unwrap_or((&told, "1"));
        Some(Place { name: name.to_owned(), left: AtomicU32::new(times.parse().ok()?) })
    }
}
