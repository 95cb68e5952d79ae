//! Pairs and groups: which of many records are one, within bounds of time and memory.
//!
//! Records that share a key are a block, and each is compared with each. A block that is too large (a million people
//! with one company's telephone) is put into the order of its names, and each is compared with the next few alone: so
//! a block of n records costs n times [`NEIGHBOURS`] comparisons at most, and what is lost are duplicates within
//! it whose names do not begin alike and that share no smaller block.

use std::hash::{DefaultHasher, Hash, Hasher};

use phonenumber::country;

use super::{
    keys,
    score::{Score, compare},
    sketch::{Part, Sketch, Subject},
};

/// A larger block is not compared each with each.
const LARGEST_BLOCK: usize = 50;
/// With how many of those next to it in the order of names a record of a large block is compared.
const NEIGHBOURS: usize = 6;
/// Records of one group; what would make it larger stays away from it.
const LARGEST_GROUP: usize = 50;

/// What to look for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Search {
    pub(super) subject: Subject,
    /// Numbers without a country are of this one.
    pub(super) home: country::Id,
    /// Pairs that score less are two.
    pub(super) threshold: f64,
}

/// Records that are one, by their places.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Group {
    pub(super) members: Vec<u32>,
    /// The weakest link that holds it together.
    pub(super) score: f64,
    /// Two of them that are most alike.
    pub(super) closest: (u32, u32),
}

/// Pairs that were compared, and those that are one.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) compared: u64,
    pub(super) pairs: Vec<(u32, u32, f64)>,
}

/// Finds the pairs that score at least the threshold; `go_on` is asked now and then, and ends it when it says no.
pub(super) fn find(search: Search, sketches: &[Sketch], go_on: &dyn Fn() -> bool) -> Option<Found> {
    let keyed = Keyed::of(search.subject, sketches);
    let mut found = Found::default();
    let mut block: Vec<u32> = Vec::new();
    let mut rest = keyed.by_key.as_slice();
    while let Some((key, _)) = rest.first() {
        let size = rest.partition_point(|(other, _)| other <= key);
        let (these, others) = rest.split_at(size);
        rest = others;
        if size > 1 {
            block.clear();
            block.extend(these.iter().map(|(_, record)| *record));
            compare_block(search, (sketches, &keyed, (*key, &mut block)), &mut found);
        }
        if found.pairs.len() > 1 << 22 {
            settle(&mut found.pairs);
        }
        if size > 1 && !go_on() {
            return None;
        }
    }
    settle(&mut found.pairs);
    Some(found)
}

/// The keys of records.
struct Keyed {
    /// Each key with each record, equal keys next to each other.
    by_key: Vec<(u64, u32)>,
    /// The keys of one record after the other, rising, without those of large blocks; and where those of each end.
    small: Vec<u64>,
    ends: Vec<u32>,
}

impl Keyed {
    fn of(subject: Subject, sketches: &[Sketch]) -> Self {
        let mut by_key: Vec<(u64, u32)> = Vec::with_capacity(sketches.len() * 8);
        for (at, sketch) in (0_u32..).zip(sketches) {
            keys::all(subject, sketch, |key| {
                let mut hasher = DefaultHasher::new();
                key.hash(&mut hasher);
                by_key.push((hasher.finish(), at));
            });
        }
        by_key.sort_unstable();
        by_key.dedup();
        let mut by_record: Vec<(u32, u64)> = Vec::with_capacity(by_key.len());
        for block in by_key.chunk_by(|a, b| a.0 == b.0) {
            if (2..=LARGEST_BLOCK).contains(&block.len()) {
                by_record.extend(block.iter().map(|(key, record)| (*record, *key)));
            }
        }
        by_record.sort_unstable();
        let places = 0..u32::try_from(sketches.len()).unwrap_or(u32::MAX);
        let end = |at: u32| by_record.partition_point(|(record, _)| *record <= at);
        let ends = places.map(|at| u32::try_from(end(at)).unwrap_or(u32::MAX)).collect();
        Self { by_key, small: by_record.into_iter().map(|(_, key)| key).collect(), ends }
    }

    fn small(&self, record: u32) -> &[u64] {
        let at = record as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.small[start..self.ends[at] as usize]
    }

    /// The smallest key of a small block that both have: a pair is compared there, and nowhere else.
    fn meeting(&self, one: u32, other: u32) -> Option<u64> {
        let theirs = self.small(other);
        self.small(one).iter().copied().find(|key| theirs.binary_search(key).is_ok())
    }
}

fn compare_block(
    search: Search,
    (sketches, keyed, (key, block)): (&[Sketch], &Keyed, (u64, &mut Vec<u32>)),
    found: &mut Found,
) {
    let is_small = block.len() <= LARGEST_BLOCK;
    if !is_small {
        let name = |at: &u32| {
            let sketch = &sketches[*at as usize];
            (sketch.get(Part::Last), sketch.get(Part::First), sketch.get(Part::Email))
        };
        block.sort_by(|a, b| name(a).cmp(&name(b)));
    }
    let reach = if is_small { block.len() } else { NEIGHBOURS };
    for (at, one) in block.iter().enumerate() {
        for other in block[at + 1..].iter().take(reach) {
            let (low, high) = (*one.min(other), *one.max(other));
            let here = is_small.then_some(key);
            if keyed.meeting(low, high) != here {
                continue;
            }
            let both = (&sketches[low as usize], &sketches[high as usize]);
            found.compared += 1;
            let score = compare(search.subject, both, search.home).score;
            if score >= search.threshold {
                found.pairs.push((low, high, score));
            }
        }
    }
}

/// A pair that shares several keys was found several times.
fn settle(pairs: &mut Vec<(u32, u32, f64)>) {
    pairs.sort_unstable_by_key(|(low, high, _)| (*low, *high));
    pairs.dedup_by_key(|(low, high, _)| (*low, *high));
}

/// Groups of what hangs together by pairs, the strongest pairs first, but for those that `apart` says are two: no group
/// holds two of which that was said.
pub(super) fn groups(
    records: usize,
    mut pairs: Vec<(u32, u32, f64)>,
    apart: &dyn Fn(u32, u32) -> bool,
) -> Vec<Group> {
    pairs.sort_by(|a, b| b.2.total_cmp(&a.2).then_with(|| (a.0, a.1).cmp(&(b.0, b.1))));
    let mut home: Vec<u32> = vec![u32::MAX; records];
    let mut groups: Vec<Option<Group>> = Vec::new();
    for (low, high, score) in pairs {
        let of = |home: &[u32], record: u32| {
            Some(home[record as usize]).filter(|group| *group != u32::MAX)
        };
        let (left, right) = (of(&home, low), of(&home, high));
        if left.is_some() && left == right {
            continue;
        }
        let members = |group: Option<u32>, alone: u32| match group {
            Some(group) => groups[group as usize].as_ref().map_or(vec![], |it| it.members.clone()),
            None => vec![alone],
        };
        let (ours, theirs) = (members(left, low), members(right, high));
        let parted = ours.iter().any(|a| theirs.iter().any(|b| apart(*a, *b)));
        if parted || ours.len() + theirs.len() > LARGEST_GROUP {
            continue;
        }
        let closest = [left, right]
            .into_iter()
            .flatten()
            .find_map(|group| groups[group as usize].as_ref().map(|it| it.closest))
            .unwrap_or((low, high));
        for group in [left, right].into_iter().flatten() {
            groups[group as usize] = None;
        }
        let place = u32::try_from(groups.len()).unwrap_or(u32::MAX);
        let mut members = ours;
        members.extend(theirs);
        members.sort_unstable();
        for member in &members {
            home[*member as usize] = place;
        }
        groups.push(Some(Group { members, score, closest }));
    }
    groups.into_iter().flatten().collect()
}

/// Why the two of a group that are most alike are one.
pub(super) fn why(search: Search, sketches: &[Sketch], group: &Group) -> Score {
    let (a, b) = group.closest;
    compare(search.subject, (&sketches[a as usize], &sketches[b as usize]), search.home)
}

#[cfg(test)]
mod tests {
    use super::{super::sketch::tests::sketch, *};

    const PEOPLE: Search =
        Search { subject: Subject::Person, home: country::Id::BR, threshold: 0.7 };

    fn people(all: &[(&str, &str)]) -> Vec<Sketch> {
        let of = |(name, email): &(&str, &str)| {
            sketch(Subject::Person, &[("name", name), ("email", email)])
        };
        all.iter().map(of).collect()
    }

    #[test]
    fn groups_hang_together_and_keep_apart_what_is_said_to_be_two() {
        let all = people(&[
            ("Ana Sousa", "ana@acme.com"),
            ("Ana Souza", "ana@acme.com"),
            ("Rui Pena", "rui@acme.com"),
            ("A. Sousa", "ana@acme.com"),
            ("", ""),
            ("", ""),
        ]);
        let found = find(PEOPLE, &all, &|| true).unwrap();
        let of = |apart: &dyn Fn(u32, u32) -> bool| groups(all.len(), found.pairs.clone(), apart);
        let together: Vec<_> = of(&|_, _| false).into_iter().map(|group| group.members).collect();
        assert_eq!(together, [[0, 1, 3]]);
        let parted = of(&|a, b| (a.min(b), a.max(b)) == (0, 1));
        assert_eq!(parted.len(), 1);
        assert!(!parted[0].members.contains(&0) || !parted[0].members.contains(&1));
        assert!(find(PEOPLE, &all, &|| false).is_none());
    }

    #[test]
    fn a_block_of_thousands_costs_no_square() {
        let names: Vec<String> =
            (0..3_000).map(|n| format!("{} Silva", ["Ana", "Rui", "Eva"][n % 3])).collect();
        let all: Vec<Sketch> = names
            .iter()
            .map(|name| sketch(Subject::Person, &[("name", name), ("phone", "1140041000")]))
            .collect();
        let found = find(PEOPLE, &all, &|| true).unwrap();
        assert!(found.compared < 3_000 * 10 * 4, "{}", found.compared);
        let sizes = groups(all.len(), found.pairs, &|_, _| false);
        assert!(sizes.iter().all(|group| group.members.len() <= LARGEST_GROUP));
    }
}
