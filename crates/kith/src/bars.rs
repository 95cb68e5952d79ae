//! Bars of commands that go through all rows: how far they are, and how long that takes.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over so many rows, on the terminal if there is one.
pub(crate) fn begin(what: &'static str, rows: u64) -> ProgressBar {
    let template = "{msg:<24} {wide_bar} {percent}% {human_pos} of {human_len} rows, {eta} left";
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(rows)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(what)
}
