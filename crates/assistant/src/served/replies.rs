//! `POST /api/ai/smart-replies`.

use kith_http::schema;
use kith_kernel::{Result, invalid};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    engines::{Persona, smart_replies},
    model::{MOST_TOKENS, Question, strict},
    serve::{Engine, Found, LONGEST, share, text},
};

const TONES: [&str; 3] = ["formal", "neutral", "friendly"];

pub(crate) struct SmartReplies;

#[derive(Deserialize)]
pub(crate) struct Input {
    message: String,
    context: Option<String>,
    count: Option<u8>,
    tone: Option<String>,
    engine: Option<String>,
}

impl Input {
    fn count(&self) -> usize {
        usize::from(self.count.unwrap_or(3))
    }
}

/// How a persona sounds, in the words of answers.
fn tone(persona: Persona) -> &'static str {
    match persona {
        Persona::Formal => "formal",
        Persona::Professional => "neutral",
        Persona::Friendly | Persona::Casual => "friendly",
    }
}

impl Engine for SmartReplies {
    type Input = Input;
    const PATH: &'static str = "smart-replies";
    const SUMMARY: &'static str = "Answers to a message that may be sent as they are";
    const ANSWER: &'static str = "AiReplies";

    fn body() -> (Vec<(&'static str, Json)>, Vec<&'static str>) {
        let count = "1 to 5; 3 unless said.";
        let keys = vec![
            ("message", schema::string()),
            ("context", schema::nullable(schema::string())),
            ("count", schema::described(schema::nullable(schema::integer()), count)),
            ("tone", schema::nullable(schema::one_of(&TONES))),
        ];
        (keys, vec!["message"])
    }

    fn answer() -> Vec<(&'static str, Json)> {
        let reply = schema::object(
            vec![
                ("text", schema::string()),
                ("tone", schema::one_of(&TONES)),
                ("confidence", schema::number()),
            ],
            &["text", "tone", "confidence"],
        );
        vec![("replies", schema::list(reply))]
    }

    fn engine(input: &Input) -> Option<&str> {
        input.engine.as_deref()
    }

    fn check(input: &Input) -> Result<()> {
        text("message", &input.message)?;
        if input.context.as_ref().is_some_and(|context| context.len() > LONGEST) {
            return Err(invalid("context", format!("has {LONGEST} bytes at most")));
        }
        if !(1..=5).contains(&input.count()) {
            return Err(invalid("count", "is from 1 to 5"));
        }
        if input.tone.as_deref().is_some_and(|tone| !TONES.contains(&tone)) {
            return Err(invalid("tone", format!("is one of {}", TONES.join(", "))));
        }
        Ok(())
    }

    fn local(input: &Input) -> Option<Found> {
        let persona = match input.tone.as_deref() {
            Some("formal") => Persona::Formal,
            Some("friendly") => Persona::Friendly,
            _ => Persona::Professional,
        };
        let found = smart_replies(&input.message, input.count(), persona);
        let replies: Vec<Json> = found
            .replies
            .iter()
            .map(|reply| {
                json!({ "text": reply.text, "tone": tone(reply.tone), "confidence": found.confidence })
            })
            .collect();
        Some(Found::new(json!({ "replies": replies }), found.confidence))
    }

    fn question(input: &Input) -> Question {
        let reply = strict(&[
            ("text", json!({ "type": "string" })),
            ("tone", json!({ "type": "string", "enum": TONES })),
            ("confidence", json!({ "type": "number" })),
        ]);
        let wanted = input.tone.as_deref().map(|tone| format!(" They sound {tone}."));
        Question {
            temperature: 0.0,
            max_tokens: MOST_TOKENS,
            task: format!(
                "Write {} short answers to the customer's message that a colleague may send as they are, in the language of \
                 the message; promise nothing that is not in the context; confidence is from 0 to 1.{}",
                input.count(),
                wanted.unwrap_or_default()
            ),
            data: json!({ "message": input.message, "context": input.context }),
            schema: strict(&[("replies", json!({ "type": "array", "items": reply }))]),
        }
    }

    fn read(input: &Input, answer: &Json) -> Option<Found> {
        let mut replies = Vec::new();
        for reply in answer["replies"].as_array()?.iter().take(input.count()) {
            let text = reply["text"].as_str().filter(|text| !text.trim().is_empty())?;
            let tone = reply["tone"].as_str().filter(|tone| TONES.contains(tone))?;
            let confidence = share(&reply["confidence"])?;
            replies.push(json!({ "text": text, "tone": tone, "confidence": confidence }));
        }
        // Fewer than were asked for do not fit.
        if replies.len() < input.count() {
            return None;
        }
        let surest = replies.iter().filter_map(|reply| reply["confidence"].as_f64());
        let surest = surest.fold(0.0, f64::max);
        Some(Found::new(json!({ "replies": replies }), surest))
    }
}
