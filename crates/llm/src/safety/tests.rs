//! What is refused and why, what is not, and the blocked words of a tenant.

mod corpus;

use proptest::prelude::*;

use super::{Category, Thresholds, filter, judge};

fn first(text: &str) -> Option<(Category, Vec<String>)> {
    judge(text, &Thresholds::default())
        .into_iter()
        .next()
        .map(|verdict| (verdict.category, verdict.words))
}

#[test]
fn a_verdict_says_which_words_led_to_it() {
    let (category, said) = first("Listen: I will kill you!").unwrap();
    assert_eq!(category, Category::Violence);
    assert_eq!(said, ["will kill you"]);
    assert_eq!(first("NÃO QUERO MAIS VIVER").unwrap().0, Category::SelfHarm);
    assert_eq!(first("Filho da puta!").unwrap().0, Category::Harassment);
}

#[test]
fn talk_of_sales_medicine_and_law_is_let_through() {
    for text in [
        "kill the deal",
        "shoot me an e-mail",
        "execute the contract",
        "Essex",
        "Scunthorpe",
        "Police say two were killed",
        "suicide prevention",
        "sexual health clinic",
        "vamos matar essa pauta",
    ] {
        assert_eq!(first(text), None, "{text}");
    }
}

#[test]
fn a_threshold_is_for_its_category() {
    let off = Thresholds::default().with(Category::Violence, 1.1);
    assert_eq!(judge("I will kill you", &off), []);
    assert!(!judge("Vou te matar, seu lixo", &off).is_empty());
}

#[test]
fn blocked_words_are_filtered_whole_and_without_regard_to_case() {
    let blocked = ["Ácme".to_owned(), "acme corp".to_owned(), "!".to_owned()];
    let (text, found) = filter("ACME Corp, acmes e Acmé!", &blocked);
    assert_eq!(text, "[FILTERED], acmes e [FILTERED]!");
    assert_eq!(found, ["acme corp", "Ácme"]);
    assert_eq!(filter("nothing", &[]), ("nothing".to_owned(), vec![]));
}

proptest! {
    #[test]
    fn anything_is_judged(text in "\\PC{0,80}") {
        for verdict in judge(&text, &Thresholds::default()) {
            prop_assert!((0.0..=1.0).contains(&verdict.score));
            prop_assert!(verdict.words.iter().all(|words| text.contains(words.as_str())));
        }
        prop_assert_eq!(filter(&text, &[]).0, text);
    }
}
