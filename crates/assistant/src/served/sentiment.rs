//! `POST /api/ai/sentiment`.

use kith_http::schema;
use kith_kernel::Result;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    engines::sentiment,
    model::{MOST_TOKENS, Question, strict},
    serve::{Engine, Found, share, text},
};

const NAMES: [&str; 3] = ["positive", "neutral", "negative"];

pub(crate) struct FindSentiment;

#[derive(Deserialize)]
pub(crate) struct Input {
    text: String,
    engine: Option<String>,
}

impl Engine for FindSentiment {
    type Input = Input;
    const PATH: &'static str = "sentiment";
    const SUMMARY: &'static str = "How a text sounds";
    const ANSWER: &'static str = "AiSentiment";

    fn body() -> (Vec<(&'static str, Json)>, Vec<&'static str>) {
        (vec![("text", schema::string())], vec!["text"])
    }

    fn answer() -> Vec<(&'static str, Json)> {
        let score = "From 0 (negative) to 1 (positive).";
        vec![
            ("sentiment", schema::one_of(&NAMES)),
            ("score", schema::described(schema::number(), score)),
        ]
    }

    fn engine(input: &Input) -> Option<&str> {
        input.engine.as_deref()
    }

    fn check(input: &Input) -> Result<()> {
        text("text", &input.text)
    }

    fn local(input: &Input) -> Option<Found> {
        let found = sentiment(&input.text);
        let score = (f64::midpoint(found.score, 1.0) * 100.0).round() / 100.0;
        let answer = json!({ "sentiment": found.sentiment.name(), "score": score });
        Some(Found::new(answer, found.confidence))
    }

    fn question(input: &Input) -> Question {
        Question {
            temperature: 0.0,
            max_tokens: MOST_TOKENS,
            task: "Say how the text sounds; score is from 0 (negative) to 1 (positive), confidence from 0 to 1.".to_owned(),
            data: json!({ "text": input.text }),
            schema: strict(&[
                ("sentiment", json!({ "type": "string", "enum": NAMES })),
                ("score", json!({ "type": "number" })),
                ("confidence", json!({ "type": "number" })),
            ]),
        }
    }

    fn read(_: &Input, answer: &Json) -> Option<Found> {
        let sentiment = answer["sentiment"].as_str().filter(|name| NAMES.contains(name))?;
        let score = share(&answer["score"])?;
        let found = json!({ "sentiment": sentiment, "score": score });
        Some(Found::new(found, share(&answer["confidence"])?))
    }
}
