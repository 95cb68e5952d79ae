//! The ways to write that a cell holds nothing.

/// Which way it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// Nothing, or blanks.
    Blank,
    /// `-`, `--`, `–` or `—`
    Dash,
    /// `n/a`, `#N/A`
    NotAvailable,
    /// `null`, `\N`
    Null,
    /// `none`
    None,
}

/// Which way a cell says that it is empty, whatever the case; `None` for a cell with a value.
///
/// Null is a surname and None may be a choice: for text, an import may want `Blank` only.
/// `NA` is a value, since it is also Namibia and North America.
pub fn empty(text: &str) -> Option<Empty> {
    let text = text.trim();
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    match text {
        "" => Some(Empty::Blank),
        "-" | "--" | "–" | "—" => Some(Empty::Dash),
        "\\N" => Some(Empty::Null),
        _ if is("n/a") || is("#n/a") => Some(Empty::NotAvailable),
        _ if is("null") => Some(Empty::Null),
        _ if is("none") => Some(Empty::None),
        _ => None,
    }
}
