//! An index of words: in which chunks a term stands and how often, ranked by BM25.

use std::collections::HashMap;

use super::terms::{each_term, hash};

/// How soon more of the same word adds nothing, and how much a chunk's length counts.
const K1: f32 = 1.2;
const B: f32 = 0.75;
/// Of a posting, the bits that count how often.
const COUNT_BITS: u32 = 6;
const MOST: u32 = (1 << COUNT_BITS) - 1;
/// Chunks that one index can tell apart.
pub(crate) const MOST_PLACES: usize = 1 << (32 - COUNT_BITS);

/// Terms by their hashes, each with its places.
#[derive(Default)]
pub(crate) struct Words {
    terms: HashMap<u64, Vec<u32>>,
    lengths: Vec<u32>,
    sum: u64,
    postings: usize,
}

/// A term of a question, as the index knows it.
pub(crate) struct Weighed {
    hash: u64,
    /// How telling it is.
    pub(crate) weight: f32,
}

impl Words {
    /// Adds the next chunk.
    pub(crate) fn push(&mut self, text: &str) {
        let place = u32::try_from(self.lengths.len()).unwrap_or(u32::MAX) << COUNT_BITS;
        let mut counts: HashMap<u64, u32> = HashMap::new();
        let mut length = 0;
        each_term(text, |term| {
            length += 1;
            *counts.entry(hash(term)).or_default() += 1;
        });
        self.postings += counts.len();
        for (term, count) in counts {
            self.terms.entry(term).or_default().push(place | count.min(MOST));
        }
        self.lengths.push(length);
        self.sum += u64::from(length);
    }

    /// How telling the terms of a question are here; one that stands nowhere tells most.
    #[expect(clippy::cast_precision_loss, reason = "a weight need not be exact")]
    pub(crate) fn weigh(&self, terms: &[String]) -> Vec<Weighed> {
        let all = self.lengths.len() as f32;
        terms
            .iter()
            .map(|term| {
                let hash = hash(term);
                let within = self.terms.get(&hash).map_or(0, Vec::len) as f32;
                Weighed {
                    hash,
                    weight: (1.0 + (all - within + 0.5).max(0.0) / (within + 0.5)).ln(),
                }
            })
            .collect()
    }

    /// The ranks of all chunks that have a term: from 0 to 1, where 1 would be every known term as often as it can count.
    #[expect(clippy::cast_precision_loss, reason = "a rank need not be exact")]
    pub(crate) fn ranks(
        &self,
        terms: &[Weighed],
        mut may: impl FnMut(usize) -> bool,
    ) -> HashMap<u32, f32> {
        let mut ranks: HashMap<u32, f32> = HashMap::new();
        let average = (self.sum as f32 / self.lengths.len().max(1) as f32).max(1.0);
        // A term that stands nowhere cannot tell chunks apart; what it means for an answer, evidence says.
        let known = terms.iter().filter(|term| self.terms.contains_key(&term.hash));
        let most: f32 = known.map(|term| term.weight * (K1 + 1.0)).sum();
        for term in terms {
            for posting in self.terms.get(&term.hash).into_iter().flatten() {
                let (place, count) = (posting >> COUNT_BITS, (posting & MOST) as f32);
                if !may(place as usize) {
                    continue;
                }
                let length = self.lengths[place as usize] as f32;
                let rank = term.weight * count * (K1 + 1.0)
                    / (count + K1 * (1.0 - B + B * length / average));
                *ranks.entry(place).or_default() += rank / most.max(f32::MIN_POSITIVE);
            }
        }
        ranks
    }

    pub(crate) fn bytes(&self) -> usize {
        // A vector's head and its slack, beside the entry of the map.
        self.terms.capacity() * 40 + self.postings * 6 + self.lengths.capacity() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::{super::terms::of_question, *};

    #[test]
    fn what_is_seldom_counts_more_and_what_is_not_allowed_does_not_count() {
        let mut words = Words::default();
        for text in
            ["we deliver lamps", "we deliver within three days to Lisbon", "we repair nothing"]
        {
            words.push(text);
        }
        let terms = words.weigh(&of_question("deliver Lisbon Mars", 8));
        assert!(terms[2].weight > terms[1].weight && terms[1].weight > terms[0].weight);
        let ranks = words.ranks(&terms, |_| true);
        assert!(ranks[&1] > ranks[&0] && ranks.len() == 2);
        assert!(ranks.values().all(|rank| (0.0..=1.0).contains(rank)));
        assert_eq!(words.ranks(&terms, |place| place == 0).len(), 1);
    }
}
