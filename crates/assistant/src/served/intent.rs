//! `POST /api/ai/intent`.

use kith_http::schema;
use kith_kernel::Result;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    engines::{Intent, intent},
    model::{MOST_TOKENS, Question, strict},
    serve::{Engine, Found, share, text, texts},
};

const MOST_SUB_INTENTS: usize = 5;

pub(crate) struct FindIntent;

#[derive(Deserialize)]
pub(crate) struct Input {
    text: String,
    engine: Option<String>,
}

impl Engine for FindIntent {
    type Input = Input;
    const PATH: &'static str = "intent";
    const SUMMARY: &'static str = "What the writer of a text wants";
    const ANSWER: &'static str = "AiIntent";

    fn body() -> (Vec<(&'static str, Json)>, Vec<&'static str>) {
        (vec![("text", schema::string())], vec!["text"])
    }

    fn answer() -> Vec<(&'static str, Json)> {
        let sub = "What it is in more detail; without a model the phrases that led to it.";
        vec![
            ("intent", schema::one_of(&Intent::ALL.map(Intent::name))),
            ("subIntents", schema::described(schema::list(schema::string()), sub)),
        ]
    }

    fn engine(input: &Input) -> Option<&str> {
        input.engine.as_deref()
    }

    fn check(input: &Input) -> Result<()> {
        text("text", &input.text)
    }

    fn local(input: &Input) -> Option<Found> {
        let found = intent(&input.text);
        let signs: Vec<&str> = found
            .signs
            .into_iter()
            .map(|sign| sign.trim_end_matches('*'))
            .take(MOST_SUB_INTENTS)
            .collect();
        let answer = json!({ "intent": found.intent.name(), "subIntents": signs });
        Some(Found::new(answer, found.confidence))
    }

    fn question(input: &Input) -> Question {
        let names = Intent::ALL.map(Intent::name);
        Question {
            temperature: 0.0,
            max_tokens: MOST_TOKENS,
            task: "Say what the writer of the text wants; subIntents are up to five short phrases in English, confidence is \
                   from 0 to 1."
                .to_owned(),
            data: json!({ "text": input.text }),
            schema: strict(&[
                ("intent", json!({ "type": "string", "enum": names })),
                ("subIntents", json!({ "type": "array", "items": { "type": "string" } })),
                ("confidence", json!({ "type": "number" })),
            ]),
        }
    }

    fn read(_: &Input, answer: &Json) -> Option<Found> {
        let names = Intent::ALL.map(Intent::name);
        let intent = answer["intent"].as_str().filter(|name| names.contains(name))?;
        let sub = texts(&answer["subIntents"], MOST_SUB_INTENTS)?;
        let found = json!({ "intent": intent, "subIntents": sub });
        Some(Found::new(found, share(&answer["confidence"])?))
    }
}
