//! Files that a test locks: they say what is, so that a person reads every change of it.

use std::{fs, path::Path};

/// Compares a file of the project with what it must say; `UPDATE_SNAPSHOTS=1` writes it anew.
pub(crate) fn locked(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&file, text).unwrap();
        return;
    }
    let known = fs::read_to_string(&file).unwrap_or_default();
    if known == text {
        return;
    }
    let missing = known.lines().filter(|line| !text.lines().any(|other| other == *line));
    let added = text.lines().filter(|line| !known.lines().any(|other| other == *line));
    let changes: Vec<String> = missing
        .map(|line| format!("- {line}"))
        .chain(added.map(|line| format!("+ {line}")))
        .collect();
    panic!(
        "{path} is not what it was. Read the changes; if they are meant, run the test again with UPDATE_SNAPSHOTS=1.\n{}",
        changes.join("\n")
    );
}
