//! What a tenant's documents say, in memory: vectors and words of every chunk that can be found.

use std::collections::HashMap;

use kith_kernel::{Id, Time};

use super::{
    vectors::{Sought, Vectors},
    wanted::Weights,
    words::{MOST_PLACES, Weighed, Words},
};

/// A chunk whose document is gone or was read anew.
const NOBODY: u32 = u32::MAX;
/// Chunks that are weighed by both ways of looking.
pub(crate) const CANDIDATES: usize = 64;

/// A document, as much as the search must know of it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) id: Id,
    /// The run whose chunks these are.
    pub(crate) run: Id,
    pub(crate) kind: String,
    pub(crate) enabled: bool,
    pub(crate) created_at: Time,
}

/// A chunk on its way into the index.
pub(crate) struct Entry<'a> {
    pub(crate) id: Id,
    pub(crate) is_first: bool,
    pub(crate) vector: Option<&'a [u8]>,
    pub(crate) text: &'a str,
}

struct Slot {
    id: Id,
    document: u32,
    is_first: bool,
    characters: u32,
}

/// The index of one tenant.
#[derive(Default)]
pub(crate) struct Index {
    /// The state of the tenant's documents that it shows.
    pub(crate) version: i64,
    /// Whose vectors it holds.
    pub(crate) model: String,
    documents: Vec<Known>,
    places: HashMap<Id, u32>,
    slots: Vec<Slot>,
    vectors: Vectors,
    words: Words,
    dead: usize,
}

/// A chunk that fits a question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hit {
    pub(crate) chunk: Id,
    /// From 0 to 1.
    pub(crate) score: f32,
    pub(crate) semantic: f32,
    pub(crate) keyword: f32,
}

/// A question, as the index takes it.
pub(crate) struct Question {
    pub(crate) terms: Vec<String>,
    pub(crate) vector: Option<Sought>,
    /// The nearest chunks, where somebody else found them.
    pub(crate) near: Option<HashMap<Id, f32>>,
    pub(crate) weights: Weights,
    pub(crate) documents: Option<Vec<Id>>,
    pub(crate) kinds: Vec<String>,
    pub(crate) rerank: bool,
    pub(crate) now: Time,
    pub(crate) at_least: f32,
    pub(crate) most: usize,
}

impl Index {
    /// Whether so much of it is of no use any more that it is better made anew.
    pub(crate) fn is_worn(&self) -> bool {
        self.dead > 1_000 && self.dead * 4 > self.slots.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.vectors.bytes()
            + self.words.bytes()
            + self.slots.capacity() * 32
            + self.documents.len() * 120
    }

    /// Forgets a document's chunks; says nothing of what it was.
    pub(crate) fn remove(&mut self, document: Id) {
        let Some(place) = self.places.remove(&document) else { return };
        for slot in self.slots.iter_mut().filter(|slot| slot.document == place) {
            slot.document = NOBODY;
            self.dead += 1;
        }
    }

    /// Begins a document, whose chunks follow.
    pub(crate) fn begin(&mut self, known: Known) -> u32 {
        self.remove(known.id);
        let place = u32::try_from(self.documents.len()).unwrap_or(NOBODY);
        self.places.insert(known.id, place);
        self.documents.push(known);
        place
    }

    pub(crate) fn add(&mut self, document: u32, entry: &Entry<'_>) {
        if self.slots.len() >= MOST_PLACES {
            return;
        }
        self.vectors.push(entry.vector);
        self.words.push(entry.text);
        self.slots.push(Slot {
            id: entry.id,
            document,
            is_first: entry.is_first,
            characters: u32::try_from(entry.text.chars().count()).unwrap_or(u32::MAX),
        });
    }

    pub(crate) fn weigh(&self, terms: &[String]) -> Vec<Weighed> {
        self.words.weigh(terms)
    }

    /// The chunks that fit best, the best first. What may not be found takes no part from the beginning.
    pub(crate) fn find(&self, question: &Question) -> Vec<Hit> {
        let allowed = self.allowed(question);
        let may = |place: usize| {
            let document = self.slots.get(place).map_or(NOBODY, |slot| slot.document);
            allowed.get(document as usize).copied().unwrap_or_default()
        };
        let weighed = self.words.weigh(&question.terms);
        let keyword = if question.weights.keyword > 0.0 {
            self.words.ranks(&weighed, may)
        } else {
            HashMap::new()
        };
        let sought = question.vector.as_ref();
        let sought = sought.filter(|sought| sought.dimensions() == self.vectors.dimensions());
        let places = self.candidates(question, (sought, &keyword), may);
        let mut hits: Vec<(Hit, u32)> = places
            .into_iter()
            .map(|place| {
                let semantic = match &question.near {
                    Some(near) => self.told(near, place),
                    None => sought.map_or(0.0, |sought| self.near(sought, place)),
                };
                let keyword = keyword.get(&place).copied().unwrap_or_default();
                // A chunk that waits for its vector is not put behind all that have one.
                let is_waiting = sought.is_some() && !self.vectors.has(place as usize);
                if is_waiting {
                    return (self.hit(place, (keyword, keyword), question), place);
                }
                (self.hit(place, (semantic, keyword), question), place)
            })
            .filter(|(hit, _)| hit.score > 0.0 && hit.score >= question.at_least)
            .collect();
        hits.sort_by(|(one, a), (other, b)| other.score.total_cmp(&one.score).then(a.cmp(b)));
        hits.truncate(question.most);
        hits.into_iter().map(|(hit, _)| hit).collect()
    }

    /// The places that either way of looking puts first.
    fn candidates(
        &self,
        question: &Question,
        (sought, keyword): (Option<&Sought>, &HashMap<u32, f32>),
        may: impl Fn(usize) -> bool,
    ) -> Vec<u32> {
        let mut places: Vec<u32> = Vec::new();
        if let Some(sought) = sought {
            let near =
                (0..self.slots.len()).filter(|place| may(*place) && self.vectors.has(*place));
            let near = near.filter_map(|place| {
                Some((self.vectors.about(sought, place), u32::try_from(place).ok()?))
            });
            places.extend(best(near, CANDIDATES.max(question.most * 4)));
        }
        if let Some(near) = &question.near {
            let slots =
                self.slots.iter().enumerate().filter(|(_, slot)| near.contains_key(&slot.id));
            let found = slots.filter(|(place, _)| may(*place));
            places.extend(found.filter_map(|(place, _)| u32::try_from(place).ok()));
        }
        let ranked = keyword.iter().map(|(place, rank)| (*rank, *place));
        places.extend(best(ranked, CANDIDATES.max(question.most * 2)));
        places.sort_unstable();
        places.dedup();
        places
    }

    fn told(&self, near: &HashMap<Id, f32>, place: u32) -> f32 {
        let slot = self.slots.get(place as usize);
        slot.and_then(|slot| near.get(&slot.id)).copied().unwrap_or_default().clamp(0.0, 1.0)
    }

    /// The runs in which a question may be answered; none where those are all.
    pub(crate) fn runs(&self, question: &Question) -> Option<Vec<Id>> {
        let allowed = self.allowed(question);
        let is_all = self.places.values().all(|place| allowed.get(*place as usize) == Some(&true));
        let runs = self.documents.iter().zip(&allowed).filter(|(_, allowed)| **allowed);
        (!is_all).then(|| runs.map(|(known, _)| known.run).collect())
    }

    fn near(&self, sought: &Sought, place: u32) -> f32 {
        let place = place as usize;
        if self.vectors.has(place) {
            self.vectors.exactly(sought, place).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    fn hit(&self, place: u32, (semantic, keyword): (f32, f32), question: &Question) -> Hit {
        let slot = &self.slots[place as usize];
        let mut score = question.weights.semantic * semantic + question.weights.keyword * keyword;
        if question.rerank {
            score *= self.boost(slot, question.now);
        }
        Hit { chunk: slot.id, score: score.min(1.0), semantic, keyword }
    }

    /// What is likelier to answer: PDFs, beginnings, what is new, what is of a readable length.
    fn boost(&self, slot: &Slot, now: Time) -> f32 {
        const MONTH: i64 = 30 * 86_400_000;
        let Some(document) = self.documents.get(slot.document as usize) else { return 1.0 };
        let is_new = now.milliseconds() - document.created_at.milliseconds() < MONTH;
        let factors = [
            (document.kind == "PDF", 1.1),
            (slot.is_first, 1.05),
            (is_new, 1.02),
            ((100..=2_000).contains(&slot.characters), 1.03),
        ];
        factors.iter().filter(|(holds, _)| *holds).map(|(_, factor)| factor).product()
    }

    fn allowed(&self, question: &Question) -> Vec<bool> {
        let named = question.documents.as_ref();
        self.documents
            .iter()
            .enumerate()
            .map(|(at, known)| {
                self.places.get(&known.id).is_some_and(|place| *place as usize == at)
                    && known.enabled
                    && named.is_none_or(|named| named.contains(&known.id))
                    && (question.kinds.is_empty() || question.kinds.contains(&known.kind))
            })
            .collect()
    }
}

/// The places of the largest numbers.
fn best(all: impl Iterator<Item = (f32, u32)>, most: usize) -> impl Iterator<Item = u32> {
    let mut kept: Vec<(f32, u32)> = Vec::with_capacity(most * 2);
    let mut least = f32::NEG_INFINITY;
    for one in all {
        if one.0 <= least {
            continue;
        }
        kept.push(one);
        if kept.len() == most * 2 {
            kept.select_nth_unstable_by(most - 1, |one, other| other.0.total_cmp(&one.0));
            kept.truncate(most);
            least = kept.last().map_or(least, |(number, _)| *number);
        }
    }
    kept.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    kept.truncate(most);
    kept.into_iter().map(|(_, place)| place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        engines::vector,
        knowledge::{terms, vectors::packed, wanted::Mode},
    };

    fn id(number: u8) -> Id {
        Id::from_bytes([number; 16])
    }

    fn known(number: u8, enabled: bool) -> Known {
        let created_at = Time::from_milliseconds(0);
        Known { id: id(number), run: id(number), kind: "TXT".to_owned(), enabled, created_at }
    }

    fn question(words: &str) -> Question {
        Question {
            terms: terms::of_question(words, 16),
            vector: Some(Sought::new(&vector(words))),
            near: None,
            weights: Mode::Hybrid.weights(),
            documents: None,
            kinds: Vec::new(),
            rerank: false,
            now: Time::from_milliseconds(0),
            at_least: 0.0,
            most: 5,
        }
    }

    fn index() -> Index {
        let mut index = Index::default();
        for (number, text) in
            [(1, "We deliver lamps."), (2, "We repair lamps."), (3, "We deliver bread.")]
        {
            let place = index.begin(known(number, number != 3));
            let vector = packed(&vector(text));
            index.add(
                place,
                &Entry { id: id(10 + number), is_first: true, vector: Some(&vector), text },
            );
        }
        index
    }

    #[test]
    fn what_is_not_enabled_or_not_asked_for_takes_no_part() {
        let mut index = index();
        let found = |index: &Index, question: &Question| -> Vec<Id> {
            index.find(question).into_iter().map(|hit| hit.chunk).collect()
        };
        let deliver = question("Who delivers bread?");
        assert_eq!(found(&index, &deliver)[0], id(11));
        assert!(!found(&index, &deliver).contains(&id(13)));
        let named = Question { documents: Some(vec![id(2)]), ..question("Who delivers lamps?") };
        assert_eq!(found(&index, &named), [id(12)]);
        index.remove(id(2));
        assert!(found(&index, &named).is_empty());
        let place = index.begin(known(2, true));
        index.add(
            place,
            &Entry { id: id(22), is_first: true, vector: None, text: "Lamps are repaired." },
        );
        assert_eq!(found(&index, &named), [id(22)]);
    }

    proptest! {
        #[test]
        fn the_best_are_those_that_sorting_finds(numbers in prop::collection::vec(-100_i16..100, 0..200), most in 1_usize..20) {
            let all: Vec<(f32, u32)> = numbers.iter().zip(0..).map(|(number, at)| (f32::from(*number), at)).collect();
            let mut sorted = all.clone();
            sorted.sort_by(|one, other| other.0.total_cmp(&one.0));
            let least = sorted.get(most - 1).map_or(f32::MIN, |one| one.0);
            let found: Vec<u32> = best(all.iter().copied(), most).collect();
            prop_assert_eq!(found.len(), most.min(all.len()));
            prop_assert!(found.iter().all(|at| all[*at as usize].0 >= least));
        }
    }
}
