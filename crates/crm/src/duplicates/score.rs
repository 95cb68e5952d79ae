//! Scores: how likely two sketches are of one, as a sum of what each field says, with the words for it.
//!
//! Each field adds points: the logarithm of how much more often it is as alike in records of one than in records of
//! two. The sum becomes a number from 0 to 1. What a record does not say adds nothing.

use phonenumber::country;

use super::{
    sketch::{Part, Sketch, Subject},
    words,
};

/// What one field says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reason {
    /// Which field, by its key.
    pub(super) field: &'static str,
    /// How alike, from 0 to 1.
    pub(super) likeness: f64,
    /// What that adds to the sum.
    pub(super) points: f64,
    /// In words.
    pub(super) text: &'static str,
}

/// How likely two records are of one, and why.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Score {
    /// From 0 to 1.
    pub(super) score: f64,
    /// What each field says, what says most first.
    pub(super) reasons: Vec<Reason>,
}

impl Score {
    /// Whether an address of theirs, or a company's name, is exactly the same.
    pub(super) fn is_exact(&self) -> bool {
        let telling = |reason: &&Reason| {
            reason.text.starts_with("Same")
                && (matches!(reason.field, "email" | "phone" | "website")
                    || reason.text == SAME_COMPANY)
        };
        self.reasons.iter().any(|reason| telling(&reason))
    }
}

const SAME_COMPANY: &str = "Same company name";

/// A field, how it is told, and how many points each likeness gives.
struct Scale {
    field: &'static str,
    /// When the same, alike, different.
    words: [&'static str; 3],
    /// Likenesses and their points, rising; between two of them it is the line.
    points: &'static [(f64, f64)],
}

/// Points of two records of which nothing is known but that they may be compared.
const BEFORE: f64 = -8.0;

const NAME: Scale = Scale {
    field: "name",
    words: ["Same name", "Similar name", "Different name"],
    points: &[(0.0, -6.0), (0.7, -4.0), (0.82, 0.0), (0.92, 3.5), (1.0, 5.5)],
};
const COMPANY_NAME: Scale = Scale {
    field: "name",
    words: [SAME_COMPANY, "Similar company name", "Different company name"],
    points: &[(0.0, -7.0), (0.75, -5.0), (0.86, 0.0), (0.94, 4.5), (1.0, 9.0)],
};
const EMAIL: Scale = Scale {
    field: "email",
    words: ["Same email address", "Similar email address", "Different email address"],
    points: &[(0.0, -2.0), (0.88, -1.0), (0.93, 1.5), (0.97, 4.0), (1.0, 9.0)],
};
const PHONE: Scale = Scale {
    field: "phone",
    words: ["Same phone number", "Similar phone number", "Different phone number"],
    points: &[(0.0, -1.5), (0.8, -1.0), (0.9, 2.5), (1.0, 6.5)],
};
const WEBSITE: Scale = Scale {
    field: "website",
    words: ["Same website", "Similar website", "Different website"],
    points: &[(0.0, -3.0), (0.9, -1.0), (1.0, 7.0)],
};
const EMPLOYER: Scale = Scale {
    field: "company",
    words: ["Same company", "Similar company", "Different company"],
    points: &[(0.0, -1.0), (0.85, -0.5), (0.95, 2.5), (1.0, 3.5)],
};
const STREET: Scale = Scale {
    field: "address.street",
    words: ["Same street", "Similar street", "Different street"],
    points: &[(0.0, -1.5), (0.7, -0.5), (0.85, 2.5), (1.0, 5.0)],
};
const CITY: Scale = Scale {
    field: "address.city",
    words: ["Same city", "Similar city", "Different city"],
    points: &[(0.0, -1.0), (0.8, -0.5), (0.9, 1.0), (1.0, 1.5)],
};
const POSTAL_CODE: Scale = Scale {
    field: "address.postalCode",
    words: ["Same postal code", "Similar postal code", "Different postal code"],
    points: &[(0.0, -1.0), (0.6, -0.5), (0.75, 1.5), (1.0, 2.5)],
};

/// Alike from here on, by words.
const ALIKE: f64 = 0.85;

impl Scale {
    fn reason(&'static self, likeness: f64) -> Reason {
        let at = self.points.partition_point(|(known, _)| *known < likeness);
        let points = match (at.checked_sub(1).map(|at| &self.points[at]), self.points.get(at)) {
            (Some((low, from)), Some((high, to))) => {
                from + (to - from) * (likeness - low) / (high - low)
            }
            (None, Some((_, points))) | (Some((_, points)), None) => *points,
            (None, None) => 0.0,
        };
        let [same, alike, different] = self.words;
        let text = if likeness >= 1.0 {
            same
        } else if likeness >= ALIKE {
            alike
        } else {
            different
        };
        Reason { field: self.field, likeness, points, text }
    }
}

/// Compares two records of the same kind; numbers without a country are of `home`.
pub(super) fn compare(subject: Subject, (a, b): (&Sketch, &Sketch), home: country::Id) -> Score {
    let mut reasons: Vec<Reason> = Vec::with_capacity(8);
    match subject {
        Subject::Person => {
            reasons.extend(person(a, b).map(|likeness| NAME.reason(likeness)));
            reasons.extend(texts(a, b, Part::Company).map(|likeness| EMPLOYER.reason(likeness)));
        }
        Subject::Company => {
            let likeness = texts(a, b, Part::Last);
            reasons.extend(likeness.map(|likeness| COMPANY_NAME.reason(likeness)));
        }
    }
    reasons.extend(emails(a, b).map(|likeness| EMAIL.reason(likeness)));
    reasons.extend(phones(a, b, home).map(|likeness| PHONE.reason(likeness)));
    for (part, scale) in [
        (Part::Website, &WEBSITE),
        (Part::Street, &STREET),
        (Part::City, &CITY),
        (Part::PostalCode, &POSTAL_CODE),
    ] {
        reasons.extend(texts(a, b, part).map(|likeness| scale.reason(likeness)));
    }
    let sum: f64 = BEFORE + reasons.iter().map(|reason| reason.points).sum::<f64>();
    reasons.sort_by(|a, b| b.points.abs().total_cmp(&a.points.abs()));
    Score { score: 1.0 / (1.0 + (-sum).exp()), reasons }
}

/// The likeness of a part that both have.
fn texts(a: &Sketch, b: &Sketch, part: Part) -> Option<f64> {
    let (a, b) = (a.get(part), b.get(part));
    if a.is_empty() || b.is_empty() {
        return None;
    }
    Some(match part {
        _ if a == b => 1.0,
        Part::Last | Part::Company | Part::Street => aligned(a, b),
        Part::PostalCode => strsim::normalized_damerau_levenshtein(a, b),
        Part::First | Part::Email | Part::Phone | Part::Mobile | Part::Website | Part::City => {
            resemblance(a, b)
        }
    })
}

/// The same whichever comes first; what is not equal is not quite 1.
fn resemblance(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let (a, b) = if a < b { (a, b) } else { (b, a) };
    strsim::jaro_winkler(a, b).min(0.99)
}

/// Words in any order: each is set against the most similar one of the other text, longer words count for more.
fn aligned(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let (words_a, words_b) = (a.split(' ').count(), b.split(' ').count());
    if words_a == 1 && words_b == 1 {
        return word_likeness(a, b);
    }
    // A blank too many or too few.
    let joined = if words_a == words_b {
        0.0
    } else {
        resemblance(&a.replace(' ', ""), &b.replace(' ', ""))
    };
    let one_way = |from: &str, to: &str| {
        let (mut sum, mut letters) = (0.0, 0.0);
        for word in from.split(' ').take(MOST_WORDS) {
            let best = to
                .split(' ')
                .take(MOST_WORDS)
                .map(|other| word_likeness(word, other))
                .fold(0.0, f64::max);
            #[expect(clippy::cast_precision_loss, reason = "no word has 2^52 letters")]
            let weight = word.chars().count() as f64;
            sum += best * weight;
            letters += weight;
        }
        if letters == 0.0 { 0.0 } else { sum / letters }
    };
    let both = f64::midpoint(one_way(a, b), one_way(b, a));
    both.max(joined).min(0.99)
}

const MOST_WORDS: usize = 12;

/// An initial is much like a word that begins with it.
fn word_likeness(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let initial = |short: &str, long: &str| short.chars().count() == 1 && long.starts_with(short);
    if initial(a, b) || initial(b, a) {
        return 0.88;
    }
    // House numbers are the same or others.
    if a.starts_with(|c: char| c.is_ascii_digit()) && b.starts_with(|c: char| c.is_ascii_digit()) {
        return if a.len() == b.len() {
            strsim::normalized_damerau_levenshtein(a, b) * 0.8
        } else {
            0.3
        };
    }
    resemblance(a, b)
}

/// How alike the names of two people are, also with first and last names swapped.
fn person(a: &Sketch, b: &Sketch) -> Option<f64> {
    let (first_a, last_a) = (a.get(Part::First), a.get(Part::Last));
    let (first_b, last_b) = (b.get(Part::First), b.get(Part::Last));
    let is_empty = |first: &str, last: &str| first.is_empty() && last.is_empty();
    if is_empty(first_a, last_a) || is_empty(first_b, last_b) {
        return None;
    }
    if (first_a, last_a) == (first_b, last_b) {
        return Some(1.0);
    }
    let straight = parts((first_a, last_a), (first_b, last_b), 0.45);
    let swapped = parts((first_a, last_a), (last_b, first_b), 0.5) * 0.98;
    let best = straight.max(swapped);
    let is_long = [first_a, last_a, first_b, last_b].iter().any(|part| part.contains(' '));
    if best >= ALIKE || !is_long {
        return Some(best);
    }
    // A middle name may stand with either of them.
    let whole = |first: &str, last: &str| format!("{first} {last}").trim().to_owned();
    let (whole_a, whole_b) = (whole(first_a, last_a), whole(first_b, last_b));
    Some(best.max(aligned(&whole_a, &whole_b) * 0.97))
}

fn parts(a: (&str, &str), b: (&str, &str), share: f64) -> f64 {
    let likeness = |a: &str, b: &str| (!a.is_empty() && !b.is_empty()).then(|| aligned(a, b));
    match (likeness(a.0, b.0), likeness(a.1, b.1)) {
        (Some(first), Some(last)) => {
            let mean = share * first + (1.0 - share) * last;
            // One half that is quite another is another person of the same family, or of the same first name.
            mean.min(first.min(last) * 0.5 + 0.5)
        }
        // One name of two says little.
        (Some(one), None) | (None, Some(one)) => one * 0.9,
        (None, None) => 0.0,
    }
}

fn emails(a: &Sketch, b: &Sketch) -> Option<f64> {
    let (a, b) = (a.get(Part::Email), b.get(Part::Email));
    if a.is_empty() || b.is_empty() {
        return None;
    }
    if a == b {
        return Some(1.0);
    }
    let ((local_a, domain_a), (local_b, domain_b)) = (halves(a), halves(b));
    if local_a == local_b {
        // A slip of the finger, or the same name at another house: a second address, mostly, unless everybody has it.
        let is_own = local_a.len() >= 6 && local_a.contains(['.', '_', '-']);
        let is_slip = resemblance(domain_a, domain_b) > 0.95;
        return Some(if is_slip {
            0.97
        } else if is_own {
            0.95
        } else {
            0.88
        });
    }
    // Houses tell people of one name apart by numbers.
    let letters = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "");
    if letters(local_a) == letters(local_b) {
        return Some(0.5);
    }
    let all = resemblance(a, b);
    // Two people of one house have much of their addresses in common.
    Some(all.min(resemblance(local_a, local_b)))
}

fn halves(email: &str) -> (&str, &str) {
    email.rsplit_once('@').unwrap_or((email, ""))
}

fn phones(a: &Sketch, b: &Sketch, home: country::Id) -> Option<f64> {
    let mut best: Option<f64> = None;
    for one in a.phones() {
        for other in b.phones() {
            let likeness = if words::same_phone(one, other, home) {
                1.0
            } else {
                let end = |text: &str| words::phone_end(text).unwrap_or_default().to_owned();
                let (one, other) = (end(one), end(other));
                strsim::normalized_damerau_levenshtein(&one, &other).min(0.95)
            };
            best = Some(best.unwrap_or(0.0).max(likeness));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::sketch::tests::sketch, *};

    fn people(a: &[(&str, &str)], b: &[(&str, &str)]) -> Score {
        let of = |pairs| sketch(Subject::Person, pairs);
        compare(Subject::Person, (&of(a), &of(b)), country::Id::BR)
    }

    #[test]
    fn people_who_are_one_score_high() {
        let ana =
            [("name", "Ana Sousa"), ("email", "ana@acme.com"), ("phone", "+55 11 98765-4321")];
        for other in [
            [("name", "Ana Souza"), ("email", "ana@acme.com"), ("phone", "")],
            [("name", "Sousa Ana"), ("email", ""), ("phone", "11 98765 4321")],
            [("name", "A. Sousa"), ("email", "ana@acme.com"), ("phone", "(11)987654321")],
        ] {
            let score = people(&ana, &other);
            assert!(score.score > 0.85, "{other:?} {score:?}");
        }
    }

    #[test]
    fn people_who_are_two_score_low() {
        let ana = [("name", "Ana Sousa"), ("email", "ana@acme.com"), ("address.city", "Porto")];
        for other in [
            [("name", "Ana Sousa"), ("email", "sousa77@other.com"), ("address.city", "Recife")],
            [("name", "Bruno Sousa"), ("email", "bruno@acme.com"), ("address.city", "Porto")],
            [("name", "Carla Dias"), ("email", "carla@acme.com"), ("address.city", "Porto")],
        ] {
            let score = people(&ana, &other);
            assert!(score.score < 0.3, "{other:?} {score:?}");
        }
    }

    #[test]
    fn reasons_say_which_field_and_why() {
        let score = people(
            &[("email", "info@acme.com"), ("name", "Ana Sousa")],
            &[("email", "INFO@acme.com"), ("name", "Rui Pena")],
        );
        let told: Vec<_> = score.reasons.iter().map(|reason| reason.text).collect();
        assert_eq!(told, ["Same email address", "Different name"]);
        assert!(score.is_exact() && score.score < 0.5, "{score:?}");
        let company = |name| sketch(Subject::Company, &[("name", name)]);
        let both = (&company("Padaria Boa Vista Ltda"), &company("PADARIA BOA VISTA S/A"));
        let score = compare(Subject::Company, both, country::Id::BR);
        assert_eq!(score.reasons[0].text, "Same company name");
        assert!(score.is_exact() && score.score > 0.7, "{score:?}");
    }

    proptest! {
        #[test]
        fn scores_are_symmetric_and_bounded(
            a in proptest::collection::vec("\\PC{0,24}", 6),
            b in proptest::collection::vec("\\PC{0,24}", 6),
        ) {
            let keys = ["name", "email", "phone", "company", "website", "address.street"];
            for subject in [Subject::Person, Subject::Company] {
                let of = |values: &[String]| {
                    let pairs: Vec<_> =
                        keys.iter().zip(values).map(|(key, value)| (*key, value.as_str())).collect();
                    sketch(subject, &pairs)
                };
                let (a, b) = (of(&a), of(&b));
                let (there, back) = (
                    compare(subject, (&a, &b), country::Id::BR),
                    compare(subject, (&b, &a), country::Id::BR),
                );
                prop_assert!((there.score - back.score).abs() < 1e-9, "{there:?} {back:?}");
                prop_assert!((0.0..=1.0).contains(&there.score));
                prop_assert!(there.reasons.iter().all(|one| (0.0..=1.0).contains(&one.likeness)));
            }
        }

        #[test]
        fn a_record_is_no_less_like_itself_than_like_another(name in "[a-z]{2,9} [a-z]{2,9}", other in "[a-z]{2,9} [a-z]{2,9}") {
            let own = people(&[("name", &name)], &[("name", &name)]);
            let cross = people(&[("name", &name)], &[("name", &other)]);
            prop_assert!(own.score >= cross.score - 1e-9);
        }
    }
}
