//! `POST /api/ai/generate`.

use kith_http::schema;
use kith_kernel::{Result, invalid};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    engines::{Persona, smart_replies},
    model::{Question, strict},
    serve::{Engine, Found, LONGEST, text},
};

const MODEL_CONFIDENCE: f64 = 0.9;

pub(crate) struct Generate;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    message: String,
    system_prompt: Option<String>,
    include_personality: Option<bool>,
    include_knowledge: Option<bool>,
    temperature: Option<f64>,
    max_tokens: Option<u32>,
    engine: Option<String>,
}

impl Engine for Generate {
    type Input = Input;
    const PATH: &'static str = "generate";
    const SUMMARY: &'static str = "An answer to a message, by instructions of one's own";
    const ANSWER: &'static str = "AiText";

    fn body() -> (Vec<(&'static str, Json)>, Vec<&'static str>) {
        let whole = || schema::nullable(schema::integer());
        let keys = vec![
            ("message", schema::string()),
            (
                "systemPrompt",
                schema::described(schema::nullable(schema::string()), "How it is answered."),
            ),
            (
                "includePersonality",
                schema::described(
                    schema::nullable(schema::boolean()),
                    "It sounds friendly; unless said it does.",
                ),
            ),
            (
                "includeKnowledge",
                schema::described(schema::nullable(schema::boolean()), "There is none yet."),
            ),
            (
                "temperature",
                schema::described(schema::nullable(schema::number()), "0 to 2; 0.7 unless said."),
            ),
            ("maxTokens", schema::described(whole(), "16 to 4096; 500 unless said.")),
        ];
        (keys, vec!["message"])
    }

    fn answer() -> Vec<(&'static str, Json)> {
        vec![("response", schema::string())]
    }

    fn engine(input: &Input) -> Option<&str> {
        input.engine.as_deref()
    }

    fn check(input: &Input) -> Result<()> {
        text("message", &input.message)?;
        if input.system_prompt.as_ref().is_some_and(|prompt| prompt.len() > LONGEST) {
            return Err(invalid("systemPrompt", format!("has {LONGEST} bytes at most")));
        }
        if input.include_knowledge == Some(true) {
            return Err(invalid(
                "includeKnowledge",
                "must be false: there is no knowledge base yet",
            ));
        }
        if input.temperature.is_some_and(|warmth| !(0.0..=2.0).contains(&warmth)) {
            return Err(invalid("temperature", "is from 0 to 2"));
        }
        if input.max_tokens.is_some_and(|most| !(16..=4_096).contains(&most)) {
            return Err(invalid("maxTokens", "is from 16 to 4096"));
        }
        Ok(())
    }

    /// Without a model no instructions are followed: it is the first of the answers that suit the message.
    fn local(input: &Input) -> Option<Found> {
        let friendly = input.include_personality.unwrap_or(true);
        let persona = if friendly { Persona::Friendly } else { Persona::Professional };
        let found = smart_replies(&input.message, 1, persona);
        let reply = found.replies.into_iter().next()?;
        let confidence = if input.system_prompt.is_some() { 0.1 } else { found.confidence * 0.5 };
        Some(Found::new(json!({ "response": reply.text }), confidence))
    }

    fn question(input: &Input) -> Question {
        let sounds = if input.include_personality.unwrap_or(true) {
            " Sound friendly and personal."
        } else {
            ""
        };
        let task = input.system_prompt.as_deref().unwrap_or("Answer the message, in its language.");
        Question {
            task: format!(
                "{task}{sounds} The response has {} words at most.",
                input.max_tokens.unwrap_or(500) / 2
            ),
            temperature: input.temperature.unwrap_or(0.7),
            max_tokens: input.max_tokens.unwrap_or(500) + 50,
            data: json!({ "message": input.message }),
            schema: strict(&[("response", json!({ "type": "string" }))]),
        }
    }

    fn read(_: &Input, answer: &Json) -> Option<Found> {
        let response = answer["response"].as_str().filter(|text| !text.trim().is_empty())?;
        Some(Found::new(json!({ "response": response }), MODEL_CONFIDENCE))
    }
}
