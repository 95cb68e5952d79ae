//! How often sentiment and intent are right. Lines with even numbers were looked at while the engines were written, the others
//! judge them. `docs/intelligence.md` shows what this prints.

use super::super::{intent, sentiment};

const SENTIMENT: &str = include_str!("../../../corpus/sentiment.jsonl");
const INTENT: &str = include_str!("../../../corpus/intent.jsonl");

/// Hundredths of the lines that judge which must be right.
const SENTIMENT_FLOOR: usize = 60;
const INTENT_FLOOR: usize = 75;

/// Right lines, and all, of one half.
fn right(corpus: &str, judging: bool, class: fn(&str) -> &'static str) -> (usize, usize) {
    let (mut right, mut all) = (0, 0);
    for (_, line) in corpus.lines().enumerate().filter(|(at, _)| (at % 2 == 1) == judging) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let (text, wanted) = (line["text"].as_str().unwrap(), line["class"].as_str().unwrap());
        let found = class(text);
        if found != wanted && !judging {
            println!("{text:?}: {found}, not {wanted}");
        }
        right += usize::from(found == wanted);
        all += 1;
    }
    (right, all)
}

#[test]
fn most_lines_that_judge_are_right() {
    let sentiment = |text: &str| sentiment(text).sentiment.name();
    let intent = |text: &str| intent(text).intent.name();
    for (name, corpus, class, floor) in [
        ("sentiment", SENTIMENT, sentiment as fn(&str) -> &'static str, SENTIMENT_FLOOR),
        ("intent", INTENT, intent, INTENT_FLOOR),
    ] {
        let (tuned, judged) = (right(corpus, false, class), right(corpus, true, class));
        println!("{name}: {tuned:?}, judging {judged:?}");
        assert!(judged.0 * 100 >= floor * judged.1, "{name}: {judged:?}");
    }
}

/// How long each engine takes for a kB and for the longest text that is read; by hand, in a build with optimisation.
#[test]
#[ignore = "measures, and asserts nothing"]
fn how_long_a_text_takes() {
    use super::super::{Persona, Situation, copilot, extract_entities, smart_replies, summarize};
    let lines: Vec<serde_json::Value> = SENTIMENT
        .lines()
        .chain(INTENT.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let text: String =
        lines.iter().flat_map(|line| [line["text"].as_str().unwrap(), "\n"]).collect();
    let text = text.repeat(4);
    for length in [1024, 16 * 1024] {
        let end = text.char_indices().map(|(at, _)| at).find(|at| *at >= length).unwrap();
        let text = &text[..end];
        let time = |name: &str, engine: &dyn Fn(&str)| {
            let begun = std::time::Instant::now();
            (0..20).for_each(|_| engine(std::hint::black_box(text)));
            println!("{name}, {length} bytes: {:?}", begun.elapsed() / 20);
        };
        time("sentiment", &|text| drop(std::hint::black_box(sentiment(text).score.to_string())));
        time("intent", &|text| drop(intent(text)));
        time("entities", &|text| drop(extract_entities(text)));
        time("replies", &|text| drop(smart_replies(text, 3, Persona::Formal)));
        time("summary", &|text| drop(summarize(text)));
        let situation = Situation { context: text.to_owned(), ..Situation::default() };
        time("copilot", &|_| drop(copilot(&situation)));
    }
}
