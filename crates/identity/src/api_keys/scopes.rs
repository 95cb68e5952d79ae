//! Scopes: which objects a key may touch, and how.

use kith_kernel::{Result, Scopes, invalid, text::nearest};

const ACTIONS: [&str; 4] = ["read", "write", "delete", "*"];
const MOST: usize = 100;

/// The scopes in order and once each; `objects` are the plurals that exist.
pub(super) fn checked(given: Vec<String>, objects: &[String]) -> Result<Vec<String>> {
    if given.is_empty() || given.len() > MOST {
        return Err(invalid("scopes", "must name 1 to 100 scopes, such as contacts:read, or *"));
    }
    let mut scopes = given;
    for scope in &scopes {
        check(scope, objects)?;
    }
    scopes.sort();
    scopes.dedup();
    Ok(scopes)
}

fn check(scope: &str, objects: &[String]) -> Result<()> {
    if scope == "*" {
        return Ok(());
    }
    let shown: String = scope.chars().take(80).collect();
    let Some((object, action)) = scope.split_once(':') else {
        return Err(invalid(
            "scopes",
            format!("holds {shown}, which is no scope (contacts:read, or *)"),
        ));
    };
    if !ACTIONS.contains(&action) {
        return Err(invalid(
            "scopes",
            format!("holds {shown}: it ends in none of read, write, delete"),
        ));
    }
    if object == "*" || objects.iter().any(|known| known == object) {
        return Ok(());
    }
    let meant = nearest(object, objects.iter().map(String::as_str));
    let meant = meant.map(|known| format!("; did you mean {known}:{action}?")).unwrap_or_default();
    Err(invalid("scopes", format!("holds {shown}, and there is no such object{meant}")))
}

/// The stored words as the actor carries them.
pub(crate) fn granted(scopes: Vec<String>) -> Scopes {
    if scopes.iter().any(|scope| scope == "*") { Scopes::All } else { Scopes::Only(scopes.into()) }
}

/// Whether everything that `wanted` covers is covered by `mine`, so that a key makes no stronger one.
pub(super) fn are_within(wanted: &[String], mine: &Scopes) -> bool {
    wanted.iter().all(|scope| match (mine, scope.split_once(':')) {
        (Scopes::All, _) => true,
        (Scopes::Only(_), None) => false,
        (Scopes::Only(words), Some((object, action))) => {
            words.iter().any(|word| word == scope) || mine.allow(object, action)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(all: &[&str]) -> Vec<String> {
        all.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn only_known_scopes_are_taken() {
        let objects = words(&["contacts", "deals"]);
        let taken = checked(words(&["deals:write", "*:read", "deals:write"]), &objects).unwrap();
        assert_eq!(taken, words(&["*:read", "deals:write"]));
        for bad in ["contact", "contacts:drop", "", ":", "contacts:read:x"] {
            assert!(checked(words(&[bad]), &objects).is_err(), "{bad}");
        }
        let near = checked(words(&["contact:read"]), &objects).unwrap_err().to_string();
        assert!(near.contains("did you mean contacts:read?"), "{near}");
        assert!(checked(vec![], &objects).is_err());
    }

    #[test]
    fn a_key_makes_no_stronger_one() {
        let mine = granted(words(&["deals:read", "contacts:*"]));
        assert!(are_within(&words(&["deals:read", "contacts:write"]), &mine));
        assert!(!are_within(&words(&["deals:write"]), &mine));
        assert!(!are_within(&words(&["*"]), &mine));
        assert!(are_within(&words(&["*"]), &granted(words(&["*"]))));
    }
}
