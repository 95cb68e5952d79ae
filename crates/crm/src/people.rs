//! People's names: `name` is derived from its parts, and its parts from it where only it is given.

use kith_kernel::{Result, invalid};
use kith_records::Change;

/// Keeps `name`, `firstName` and `lastName` in step.
///
/// # Errors
/// `Invalid` when there is none of them.
pub(crate) fn name(change: &mut Change) -> Result<()> {
    let given = change.given.get("name").and_then(serde_json::Value::as_str).map(str::to_owned);
    let parts_given = change.is_given("firstName") || change.is_given("lastName");
    if let Some(name) = given.filter(|_| !parts_given) {
        let (first, last) = split(&name);
        change.set("firstName", first);
        change.set("lastName", last);
    }
    let parts = [change.text("firstName"), change.text("lastName")];
    let name: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let name = name.join(" ");
    if name.is_empty() {
        return fall_back(change);
    }
    change.set("name", name);
    Ok(())
}

/// Someone known by an address alone is called by it.
fn fall_back(change: &mut Change) -> Result<()> {
    let known =
        ["email", "phone", "mobile", "company"].into_iter().find_map(|key| change.text(key));
    match known.map(str::to_owned) {
        Some(known) => {
            change.set("name", known);
            Ok(())
        }
        None => Err(invalid("firstName", "is required (or name, lastName, email or phone)")
            .coded("required")),
    }
}

/// The last word is the last name.
fn split(name: &str) -> (Option<String>, Option<String>) {
    match name.trim().rsplit_once(' ') {
        Some((first, last)) => (Some(first.trim().to_owned()), Some(last.to_owned())),
        None => (Some(name.trim().to_owned()), None),
    }
}
