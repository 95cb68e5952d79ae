//! `POST /api/ai/translate`, which takes a model.

use kith_http::schema;
use kith_kernel::{Result, invalid};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    model::{MOST_TOKENS, Question, strict},
    serve::{Engine, Found, text},
};

const MODEL_CONFIDENCE: f64 = 0.9;

pub(crate) struct Translate;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    text: String,
    target_language: String,
    source_language: Option<String>,
    engine: Option<String>,
}

/// A name or code of a language.
fn language(name: &str, language: &str) -> Result<()> {
    let is_right = (2..=40).contains(&language.len())
        && language.chars().all(|letter| letter.is_alphabetic() || " -()_".contains(letter));
    if is_right { Ok(()) } else { Err(invalid(name, "is a language: en, pt-BR, Spanish")) }
}

impl Engine for Translate {
    type Input = Input;
    const PATH: &'static str = "translate";
    const SUMMARY: &'static str = "A text in another language; it takes a model";
    const ANSWER: &'static str = "AiTranslation";

    fn body() -> (Vec<(&'static str, Json)>, Vec<&'static str>) {
        let keys = vec![
            ("text", schema::string()),
            ("targetLanguage", schema::described(schema::string(), "en, pt-BR, Spanish.")),
            ("sourceLanguage", schema::nullable(schema::string())),
        ];
        (keys, vec!["text", "targetLanguage"])
    }

    fn answer() -> Vec<(&'static str, Json)> {
        vec![
            ("translatedText", schema::string()),
            ("sourceLanguage", schema::string()),
            ("targetLanguage", schema::string()),
        ]
    }

    fn engine(input: &Input) -> Option<&str> {
        input.engine.as_deref()
    }

    fn check(input: &Input) -> Result<()> {
        text("text", &input.text)?;
        language("targetLanguage", &input.target_language)?;
        input.source_language.as_deref().map_or(Ok(()), |of| language("sourceLanguage", of))
    }

    fn local(_: &Input) -> Option<Found> {
        None
    }

    fn question(input: &Input) -> Question {
        Question {
            temperature: 0.0,
            max_tokens: MOST_TOKENS,
            task: "Translate the text into the target language: keep its tone, its lines, names, numbers and tokens such as \
                   [EMAIL_1]. sourceLanguage is the code of the language it is in."
                .to_owned(),
            data: json!({
                "text": input.text,
                "targetLanguage": input.target_language,
                "sourceLanguage": input.source_language,
            }),
            schema: strict(&[
                ("translatedText", json!({ "type": "string" })),
                ("sourceLanguage", json!({ "type": "string" })),
            ]),
        }
    }

    fn read(input: &Input, answer: &Json) -> Option<Found> {
        let translated =
            answer["translatedText"].as_str().filter(|text| !text.trim().is_empty())?;
        let source = answer["sourceLanguage"].as_str().filter(|name| !name.is_empty())?;
        let found = json!({
            "translatedText": translated,
            "sourceLanguage": input.source_language.as_deref().unwrap_or(source),
            "targetLanguage": input.target_language,
        });
        Some(Found::new(found, MODEL_CONFIDENCE))
    }
}
