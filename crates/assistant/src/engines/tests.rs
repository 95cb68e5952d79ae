//! What each engine answers, and how often it is right over a corpus.

mod corpus;

use proptest::prelude::*;

use super::*;

#[test]
fn sentiment_knows_negation_and_turns() {
    let class = |text| sentiment(text).sentiment;
    assert_eq!(class("I love it, excellent work!"), Sentiment::Positive);
    assert_eq!(class("Não gostei, o atendimento foi péssimo."), Sentiment::Negative);
    assert_eq!(class("The product is good but the support is terrible."), Sentiment::Negative);
    assert_eq!(class("La reunión es el martes a las 10."), Sentiment::Neutral);
    assert!(sentiment("not good").score < 0.0);
}

#[test]
fn intents_are_told_apart() {
    let class = |text| intent(text).intent;
    assert_eq!(class("How much is the pro plan per month?"), Intent::Pricing);
    assert_eq!(class("Bom dia!"), Intent::Greeting);
    assert_eq!(class("No puedo entrar, olvidé mi contraseña"), Intent::Support);
    assert_eq!(class("zzz"), Intent::Other);
}

#[test]
fn entities_are_given_as_they_stand_there() {
    let found = extract_entities(
        "Hi, my name is Maria da Silva, I work at Blue Harbor. Reach me at maria@harbor.com or (415) 555-2671. \
         Acme Foods Ltda pays R$ 1.500,00 by 2026-03-15, and $20k on March 20, 2026; depois 300 euros em 5 de maio.",
    );
    assert_eq!(found.names, ["Maria da Silva"]);
    assert_eq!(found.emails, ["maria@harbor.com"]);
    assert_eq!(found.phones, ["(415) 555-2671"]);
    assert_eq!(found.companies, ["Blue Harbor", "Acme Foods Ltda"]);
    assert_eq!(found.money, ["R$ 1.500,00", "$20k", "300 euros"]);
    assert_eq!(found.dates, ["2026-03-15", "March 20, 2026", "5 de maio"]);
}

#[test]
fn replies_are_as_many_as_wanted_and_in_the_language_of_the_message() {
    let replies = smart_replies("Quanto custa o plano?", 3, Persona::Formal);
    assert_eq!(replies.replies.len(), 3);
    assert_eq!(replies.intent, Intent::Pricing);
    assert!(
        replies.replies.iter().all(|reply| reply.text.starts_with("Prezado cliente")),
        "{replies:?}"
    );
    assert_eq!(smart_replies("hi", 0, Persona::Casual).replies.len(), 1);
    assert_eq!(smart_replies("hi", 50, Persona::Casual).replies.len(), 5);
}

#[test]
fn a_summary_is_of_the_texts_own_sentences() {
    let text = "We met the Harbor team about the renewal. The renewal costs $12,000 per year. Lunch was nice. \
                Please send the contract by Friday. We decided to keep the premium plan for the renewal.";
    let found = summarize(text);
    assert!(found.key_points.iter().any(|point| point.contains("$12,000")), "{found:?}");
    assert_eq!(found.action_items, ["Please send the contract by Friday."]);
    assert!(!found.summary.contains("Lunch"), "{found:?}");
    assert_eq!(summarize(""), Summary::default());
}

#[test]
fn a_lead_score_is_the_sum_of_its_reasons() {
    let none = score_lead(&LeadFacts::default());
    assert_eq!((none.score, none.temperature), (50, Temperature::Cold));
    let facts = LeadFacts {
        sentiment: Some(Sentiment::Positive),
        company: Some("Harbor".to_owned()),
        position: Some("Diretora Comercial".to_owned()),
        engagement: 6,
        average_response: Some(3599.0),
        model_score: None,
    };
    assert_eq!((score_lead(&facts).score, score_lead(&facts).temperature), (100, Temperature::Hot));
    let with_model = score_lead(&LeadFacts { model_score: Some(20.0), ..facts });
    assert_eq!((with_model.score, with_model.temperature), (60, Temperature::Warm));
    let sum: i32 = with_model.reasons.iter().map(|reason| reason.points).sum();
    assert_eq!(sum, 60);
}

#[test]
fn a_suggestion_follows_the_stage_and_the_last_question() {
    let mut situation = Situation {
        history: vec![Turn {
            from_customer: true,
            text: "Quanto custa para 20 usuários?".to_owned(),
        }],
        deal_stage: Some("Negociação".to_owned()),
        ..Situation::default()
    };
    situation.contact.name = Some("Ana Prado".to_owned());
    let found = copilot(&situation);
    assert_eq!(found.intent, Intent::Pricing);
    assert!(
        found.suggestion.starts_with("Ana: ")
            && found.suggestion.ends_with("O que falta para assinar?"),
        "{found:?}"
    );
    assert!((0.0..=1.0).contains(&found.confidence));
    assert!(copilot(&Situation::default()).confidence < found.confidence);
}

#[test]
fn languages_are_told_apart() {
    assert_eq!(language("Could you send me the invoice?"), Language::English);
    assert_eq!(language("Você pode me enviar a fatura?"), Language::Portuguese);
    assert_eq!(language("¿Me puede enviar la factura?"), Language::Spanish);
}

proptest! {
    #[test]
    fn anything_is_read(text in "\\PC{0,120}") {
        let found = sentiment(&text);
        prop_assert!((-1.0..=1.0).contains(&found.score) && (0.0..=1.0).contains(&found.confidence));
        prop_assert!((0.0..=1.0).contains(&intent(&text).confidence));
        let entities = extract_entities(&text);
        let all = [entities.names, entities.emails, entities.phones, entities.companies, entities.dates, entities.money];
        prop_assert!(all.iter().flatten().all(|value| text.contains(value.as_str())));
        summarize(&text);
        let situation = Situation { context: text, ..Situation::default() };
        prop_assert!(!copilot(&situation).suggestion.is_empty());
    }
}
