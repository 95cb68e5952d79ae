//! Finds the name that was meant: `GTXPro` is `GTX Pro`, `technolgy` is likely `technology`.

use std::collections::HashMap;
use std::fmt;

use strsim::osa_distance;

use super::fold::fold;

/// The shortest folded name that a typing error is forgiven in; two of them from the second on.
const ONE_EDIT: usize = 5;
const TWO_EDITS: usize = 10;

/// What was found for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// The same name, but perhaps for case, accents, blanks and punctuation.
    Exact {
        /// Which candidate.
        index: usize,
        /// Whether it is the same to the letter; what is not deserves a line in the report.
        identical: bool,
    },
    /// A name that differs by what may be a typing error.
    Near {
        /// Which candidate.
        index: usize,
        /// What speaks for it.
        why: Why,
    },
    /// No candidate, or several that are equally good.
    None,
}

/// What speaks for a near match: how few letters were added, left out, changed or swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Why {
    /// 1 or 2.
    pub edits: usize,
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.edits {
            1 => write!(out, "one letter differs"),
            edits => write!(out, "{edits} letters differ"),
        }
    }
}

/// The candidates, prepared for many questions.
#[derive(Clone, Debug, Default)]
pub struct Names {
    names: Vec<(String, String)>,
    folded: HashMap<String, Vec<usize>>,
}

impl Names {
    /// Takes the candidates; matches give their place in this order.
    pub fn new<I: IntoIterator<Item: Into<String>>>(candidates: I) -> Self {
        let mut all = Self::default();
        for candidate in candidates {
            let name = candidate.into();
            let folded = fold_name(&name);
            all.folded.entry(folded.clone()).or_default().push(all.names.len());
            all.names.push((name, folded));
        }
        all
    }

    /// Finds the candidate that `wanted` means. Looks at every candidate unless one is exact:
    /// ask once for each distinct text.
    pub fn find(&self, wanted: &str) -> Match {
        let folded = fold_name(wanted);
        if folded.is_empty() {
            return Match::None;
        }
        match self.folded.get(&folded).map(Vec::as_slice) {
            None => self.nearest(&folded),
            Some([index]) => {
                Match::Exact { index: *index, identical: self.names[*index].0 == wanted }
            }
            Some(several) => self.identical(several, wanted),
        }
    }

    /// The one of several alike that is the same to the letter.
    fn identical(&self, several: &[usize], wanted: &str) -> Match {
        let mut same = several.iter().filter(|index| self.names[**index].0 == wanted);
        match (same.next(), same.next()) {
            (Some(index), None) => Match::Exact { index: *index, identical: true },
            _ => Match::None,
        }
    }

    fn nearest(&self, wanted: &str) -> Match {
        let mut best: Option<(usize, usize)> = None;
        let mut tied = false;
        for (index, (_, name)) in self.names.iter().enumerate() {
            let Some(edits) = edits(wanted, name) else {
                continue;
            };
            match best {
                Some((fewest, _)) if edits > fewest => {}
                Some((fewest, _)) if edits == fewest => tied = true,
                _ => (best, tied) = (Some((edits, index)), false),
            }
        }
        match best {
            Some((edits, index)) if !tied => Match::Near { index, why: Why { edits } },
            _ => Match::None,
        }
    }
}

/// Letters and digits without case and accents; `+` and `#` stay, since C, C++ and C# are three.
fn fold_name(name: &str) -> String {
    fold(name).chars().filter(|kept| kept.is_alphanumeric() || matches!(kept, '+' | '#')).collect()
}

/// How many typing errors lie between two folded names, if it may be called that. Neither numbers
/// nor first letters are ever mistyped here: `GTX 100` and `GTX 200` are two products, `Kane` and
/// `Cane` two people.
fn edits(wanted: &str, name: &str) -> Option<usize> {
    let (long, other) = (wanted.chars().count(), name.chars().count());
    let allowed = match long.min(other) {
        TWO_EDITS.. => 2,
        ONE_EDIT.. => 1,
        _ => return None,
    };
    let unlike = wanted.chars().next() != name.chars().next() || digits(wanted) != digits(name);
    if unlike || long.abs_diff(other) > allowed {
        return None;
    }
    let edits = osa_distance(wanted, name);
    (edits <= allowed).then_some(edits)
}

fn digits(name: &str) -> Vec<char> {
    name.chars().filter(|character| character.is_numeric()).collect()
}
