//! Recall and precision of each kind over a corpus. Lines with even numbers were looked at while the scanners were written,
//! the others judge them. `docs/intelligence.md` shows what this prints.

use serde::Deserialize;

use super::super::{Finding, Kind, Kinds, find};

const CORPUS: &str = include_str!("../../../corpus/masking.jsonl");

/// What no kind may fall under on the lines that judge: recall and precision in hundredths.
const FLOORS: [(Kind, usize, usize); 7] = [
    (Kind::Email, 100, 100),
    (Kind::Phone, 90, 90),
    (Kind::Cpf, 100, 100),
    (Kind::Cnpj, 100, 100),
    (Kind::Card, 95, 95),
    (Kind::Iban, 100, 100),
    (Kind::Ip, 95, 95),
];

#[derive(Deserialize)]
struct Line {
    text: String,
    find: Vec<(String, String)>,
}

#[derive(Default, Clone, Copy)]
struct Count {
    right: usize,
    missed: usize,
    wrong: usize,
}

impl Count {
    fn recall(self) -> usize {
        percent(self.right, self.missed)
    }

    fn precision(self) -> usize {
        percent(self.right, self.wrong)
    }
}

fn percent(right: usize, rest: usize) -> usize {
    (right * 100).checked_div(right + rest).unwrap_or(100)
}

/// The counts of each kind over every other line; what differs on lines that may be looked at is printed.
fn count(judging: bool) -> [Count; 7] {
    let mut counts = [Count::default(); 7];
    for (_, line) in CORPUS.lines().enumerate().filter(|(at, _)| (at % 2 == 1) == judging) {
        let line: Line = serde_json::from_str(line).unwrap();
        let value = |found: &Finding| line.text[found.start..found.end].to_owned();
        let found: Vec<(Kind, String)> =
            find(&line.text, Kinds::ALL).iter().map(|found| (found.kind, value(found))).collect();
        let wanted: Vec<(Kind, String)> = line
            .find
            .iter()
            .map(|(kind, value)| (Kind::named(kind).unwrap(), value.clone()))
            .collect();
        if found != wanted && !judging {
            println!("{:?}\n  found {found:?}\n  wanted {wanted:?}", line.text);
        }
        for one in &wanted {
            let count = &mut counts[one.0 as usize];
            *(if found.contains(one) { &mut count.right } else { &mut count.missed }) += 1;
        }
        for one in found.iter().filter(|one| !wanted.contains(one)) {
            counts[one.0 as usize].wrong += 1;
        }
    }
    counts
}

#[test]
fn recall_and_precision_stay_above_their_floors() {
    let (tuned, judged) = (count(false), count(true));
    for kind in Kind::ALL {
        let line = [tuned, judged].map(|counts| {
            let count = counts[kind as usize];
            let all = count.right + count.missed;
            format!("{all} | {} % | {} %", count.recall(), count.precision())
        });
        println!("| {} | {} | {} |", kind.name(), line[0], line[1]);
    }
    for (kind, recall, precision) in FLOORS {
        let count = judged[kind as usize];
        assert!(count.recall() >= recall, "recall of {}: {} %", kind.name(), count.recall());
        assert!(
            count.precision() >= precision,
            "precision of {}: {} %",
            kind.name(),
            count.precision()
        );
    }
    assert!(CORPUS.lines().count() >= 300);
}

/// How long a prompt of 1 kB takes; by hand, in a build with optimisation.
#[test]
#[ignore = "measures, and asserts nothing"]
fn how_long_a_prompt_takes() {
    let prompt: String = CORPUS
        .lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok())
        .map(|line| line.text + "\n")
        .collect();
    let end = prompt.char_indices().map(|(at, _)| at).find(|at| *at >= 1024).unwrap();
    let prose = "We would like to know more about the plans that you offer to teams of our size. "
        .repeat(13);
    for (name, text) in
        [("corpus", &prompt[..end]), ("prose", &prose[..1024]), ("digits", &"1 ".repeat(512))]
    {
        let begun = std::time::Instant::now();
        let mut total = 0;
        for _ in 0..2_000 {
            total +=
                super::super::Vault::new(Kinds::ALL).mask(std::hint::black_box(text)).text.len();
        }
        println!("{name}: {:?} for {} bytes ({total})", begun.elapsed() / 2_000, text.len());
    }
}
