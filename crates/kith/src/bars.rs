//! Bars of commands that go through all rows: how far they are, and how long that takes.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line without a number moves.
const TICK: Duration = Duration::from_millis(120);

/// A line of a step of which nobody knows how long it takes; gone when it is dropped.
pub(crate) fn wait(what: &'static str) -> Waiting {
    let style = ProgressStyle::with_template("{msg:<24} {spinner} {elapsed}");
    let bar = ProgressBar::new_spinner();
    let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(TICK);
    Waiting(bar.with_message(what))
}

/// A step that is waited for.
pub(crate) struct Waiting(ProgressBar);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A bar over so many rows, on the terminal if there is one.
pub(crate) fn begin(what: &'static str, rows: u64) -> ProgressBar {
    let template = "{msg:<24} {wide_bar} {percent}% {human_pos} of {human_len} rows, {eta} left";
    let style = ProgressStyle::with_template(template);
    ProgressBar::new(rows)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(what)
}
