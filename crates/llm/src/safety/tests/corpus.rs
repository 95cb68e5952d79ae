//! Recall and precision of each category over a corpus. Lines with even numbers were looked at while the patterns were written,
//! the others judge them. `docs/intelligence.md` shows what this prints.

use serde::Deserialize;

use super::super::{Category, Thresholds, judge};

const CORPUS: &str = include_str!("../../../corpus/safety.jsonl");

/// Lines that were written when the patterns were done, and for which none was added.
const FRESH: &str = include_str!("../../../corpus/safety-fresh.jsonl");

/// What no category may fall under on the lines that judge: recall and precision in hundredths.
const FLOORS: [(Category, usize, usize); 5] = [
    (Category::Hate, 60, 80),
    (Category::Harassment, 60, 80),
    (Category::SelfHarm, 60, 80),
    (Category::Sexual, 60, 80),
    (Category::Violence, 60, 80),
];

/// How many of a hundred harmless lines may be refused.
const MOST_ALARMS: usize = 4;

#[derive(Deserialize)]
struct Line {
    text: String,
    category: String,
}

#[derive(Default)]
struct Counts {
    right: [usize; 5],
    missed: [usize; 5],
    wrong: [usize; 5],
    harmless: usize,
    alarms: usize,
}

/// The lines of one half.
fn half(judging: bool) -> impl Iterator<Item = &'static str> {
    CORPUS.lines().enumerate().filter(move |(at, _)| (at % 2 == 1) == judging).map(|(_, line)| line)
}

fn count(lines: impl Iterator<Item = &'static str>, tell: bool) -> Counts {
    let mut counts = Counts::default();
    for line in lines {
        let line: Line = serde_json::from_str(line).unwrap();
        let verdicts = judge(&line.text, &Thresholds::default());
        // A text may be refused for two reasons; the surest is its category.
        let found = verdicts.first().map(|verdict| verdict.category);
        let wanted = Category::named(&line.category);
        if found != wanted && tell {
            println!("{:?}: {verdicts:?}, not {wanted:?}", line.text);
        }
        counts.harmless += usize::from(wanted.is_none());
        counts.alarms += usize::from(wanted.is_none() && found.is_some());
        match (wanted, found) {
            (Some(wanted), found) if found == Some(wanted) => counts.right[wanted as usize] += 1,
            (wanted, found) => {
                if let Some(wanted) = wanted {
                    counts.missed[wanted as usize] += 1;
                }
                if let Some(found) = found {
                    counts.wrong[found as usize] += 1;
                }
            }
        }
    }
    counts
}

fn percent(right: usize, rest: usize) -> usize {
    (right * 100).checked_div(right + rest).unwrap_or(100)
}

#[test]
fn recall_and_precision_stay_above_their_floors() {
    let (tuned, judged) = (count(half(false), true), count(half(true), false));
    let fresh = count(FRESH.lines(), false);
    for category in Category::ALL {
        let at = category as usize;
        let line = [&tuned, &judged, &fresh].map(|counts| {
            let (right, missed, wrong) = (counts.right[at], counts.missed[at], counts.wrong[at]);
            format!(
                "{} | {} % | {} %",
                right + missed,
                percent(right, missed),
                percent(right, wrong)
            )
        });
        println!("| {} | {} |", category.name(), line.join(" | "));
    }
    for counts in [&tuned, &judged, &fresh] {
        println!("{} of {} harmless lines refused", counts.alarms, counts.harmless);
    }
    for (category, recall, precision) in FLOORS {
        let at = category as usize;
        let recalled = percent(judged.right[at], judged.missed[at]);
        let precise = percent(judged.right[at], judged.wrong[at]);
        assert!(recalled >= recall, "recall of {}: {recalled} %", category.name());
        assert!(precise >= precision, "precision of {}: {precise} %", category.name());
    }
    assert!(judged.alarms * 100 <= MOST_ALARMS * judged.harmless, "{} alarms", judged.alarms);
    assert!(CORPUS.lines().count() >= 200);
}
