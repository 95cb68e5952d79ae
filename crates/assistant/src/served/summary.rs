//! `POST /api/ai/summarize`.

use kith_http::schema;
use kith_kernel::{Result, invalid};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    engines::summarize,
    model::{MOST_TOKENS, Question, strict},
    serve::{Engine, Found, LONGEST, texts},
};

const MOST_MESSAGES: usize = 1_000;
const MOST_POINTS: usize = 20;
const LOCAL_CONFIDENCE: f64 = 0.5;
const MODEL_CONFIDENCE: f64 = 0.9;

pub(crate) struct Summarize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    text: Option<String>,
    messages: Option<Vec<Said>>,
    max_length: Option<u32>,
    engine: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Said {
    content: String,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    timestamp: Option<Json>,
}

impl Input {
    fn whole(&self) -> String {
        match (&self.text, &self.messages) {
            (Some(text), _) => text.clone(),
            (None, Some(messages)) => {
                let said: Vec<&str> =
                    messages.iter().map(|message| message.content.trim()).collect();
                said.join("\n")
            }
            (None, None) => String::new(),
        }
    }

    /// No longer than was asked for, at the end of a word.
    fn fitted(&self, summary: &str) -> String {
        let Some(most) = self.max_length.and_then(|most| usize::try_from(most).ok()) else {
            return summary.to_owned();
        };
        if summary.chars().count() <= most {
            return summary.to_owned();
        }
        let cut: String = summary.chars().take(most.saturating_sub(1)).collect();
        let end = cut.rfind(' ').unwrap_or(cut.len());
        format!("{}…", &cut[..end])
    }
}

impl Engine for Summarize {
    type Input = Input;
    const PATH: &'static str = "summarize";
    const SUMMARY: &'static str = "What a text or conversation comes to";
    const ANSWER: &'static str = "AiSummary";

    fn body() -> (Vec<(&'static str, Json)>, Vec<&'static str>) {
        let message = schema::object(
            vec![
                ("content", schema::string()),
                ("role", schema::nullable(schema::string())),
                ("timestamp", schema::any()),
            ],
            &["content"],
        );
        let keys = vec![
            ("text", schema::described(schema::nullable(schema::string()), "This, or messages.")),
            ("messages", schema::nullable(schema::list(message))),
            (
                "maxLength",
                schema::described(schema::nullable(schema::integer()), "Letters of the summary."),
            ),
        ];
        (keys, vec![])
    }

    fn answer() -> Vec<(&'static str, Json)> {
        vec![
            ("summary", schema::string()),
            ("keyPoints", schema::list(schema::string())),
            ("actionItems", schema::list(schema::string())),
        ]
    }

    fn engine(input: &Input) -> Option<&str> {
        input.engine.as_deref()
    }

    fn check(input: &Input) -> Result<()> {
        if input.text.is_some() == input.messages.is_some() {
            return Err(invalid("messages", "or text is given, and one of them alone"));
        }
        if input.messages.as_ref().is_some_and(|messages| messages.len() > MOST_MESSAGES) {
            return Err(invalid("messages", format!("holds {MOST_MESSAGES} messages at most")));
        }
        if input.max_length.is_some_and(|most| !(20..=10_000).contains(&most)) {
            return Err(invalid("maxLength", "is from 20 to 10000"));
        }
        let name = if input.text.is_some() { "text" } else { "messages" };
        let whole = input.whole();
        if whole.trim().is_empty() {
            return Err(invalid(name, "says something"));
        }
        if whole.len() > LONGEST {
            return Err(invalid(name, format!("has {LONGEST} bytes at most")));
        }
        Ok(())
    }

    fn local(input: &Input) -> Option<Found> {
        let found = summarize(&input.whole());
        let points = |points: Vec<String>| points.into_iter().take(MOST_POINTS).collect::<Vec<_>>();
        let answer = json!({
            "summary": input.fitted(&found.summary),
            "keyPoints": points(found.key_points),
            "actionItems": points(found.action_items),
        });
        Some(Found::new(answer, LOCAL_CONFIDENCE))
    }

    fn question(input: &Input) -> Question {
        let list = || json!({ "type": "array", "items": { "type": "string" } });
        let messages = input.messages.as_ref().map(|messages| {
            let said = messages.iter().map(|message| {
                json!({ "role": message.role, "content": message.content, "timestamp": message.timestamp })
            });
            said.collect::<Json>()
        });
        Question {
            temperature: 0.0,
            max_tokens: MOST_TOKENS,
            task: format!(
                "Summarize what is given, in its own language, in {} letters at most. keyPoints are what matters, actionItems \
                 what somebody asked for or promised to do; add nothing that is not there.",
                input.max_length.unwrap_or(600)
            ),
            data: messages
                .map_or_else(|| json!({ "text": input.text }), |all| json!({ "messages": all })),
            schema: strict(&[
                ("summary", json!({ "type": "string" })),
                ("keyPoints", list()),
                ("actionItems", list()),
            ]),
        }
    }

    fn read(input: &Input, answer: &Json) -> Option<Found> {
        let summary = answer["summary"].as_str().filter(|text| !text.trim().is_empty())?;
        let found = json!({
            "summary": input.fitted(summary),
            "keyPoints": texts(&answer["keyPoints"], MOST_POINTS)?,
            "actionItems": texts(&answer["actionItems"], MOST_POINTS)?,
        });
        Some(Found::new(found, MODEL_CONFIDENCE))
    }
}
