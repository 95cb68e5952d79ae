//! Folds text to what stays the same when people write it differently.

/// Whether a character only adds a mark to the letter before it.
pub(super) fn is_mark(character: char) -> bool {
    ('\u{300}'..='\u{36F}').contains(&character)
}

/// The text in lower case and without accents; everything else stays.
pub(super) fn fold(text: &str) -> String {
    kith_kernel::text::fold(text).into_owned()
}
