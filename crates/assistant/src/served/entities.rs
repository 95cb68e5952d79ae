//! `POST /api/ai/extract-entities`.

use kith_http::schema;
use kith_kernel::Result;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::{
    engines::extract_entities,
    model::{MOST_TOKENS, Question, strict},
    serve::{Engine, Found, text, texts},
};

const KINDS: [&str; 6] = ["name", "email", "phone", "company", "date", "money"];
/// Of one kind.
const MOST: usize = 100;
/// What is found by rules is mostly right; what has no rule is not found.
const LOCAL_CONFIDENCE: f64 = 0.7;
const MODEL_CONFIDENCE: f64 = 0.9;

pub(crate) struct ExtractEntities;

#[derive(Deserialize)]
pub(crate) struct Input {
    text: String,
    engine: Option<String>,
}

impl Engine for ExtractEntities {
    type Input = Input;
    const PATH: &'static str = "extract-entities";
    const SUMMARY: &'static str = "People, addresses, phones, companies, days and money in a text";
    const ANSWER: &'static str = "AiEntities";

    fn body() -> (Vec<(&'static str, Json)>, Vec<&'static str>) {
        (vec![("text", schema::string())], vec!["text"])
    }

    fn answer() -> Vec<(&'static str, Json)> {
        let lists = KINDS.map(|kind| (kind, schema::list(schema::string()))).to_vec();
        vec![("entities", schema::object(lists, &KINDS))]
    }

    fn engine(input: &Input) -> Option<&str> {
        input.engine.as_deref()
    }

    fn check(input: &Input) -> Result<()> {
        text("text", &input.text)
    }

    fn local(input: &Input) -> Option<Found> {
        let mut found = extract_entities(&input.text);
        let lists = [
            &mut found.names,
            &mut found.emails,
            &mut found.phones,
            &mut found.companies,
            &mut found.dates,
            &mut found.money,
        ];
        let entities: Map<String, Json> = KINDS
            .into_iter()
            .zip(lists)
            .map(|(kind, list)| {
                list.truncate(MOST);
                (kind.to_owned(), json!(list))
            })
            .collect();
        Some(Found::new(json!({ "entities": entities }), LOCAL_CONFIDENCE))
    }

    fn question(input: &Input) -> Question {
        let list = || json!({ "type": "array", "items": { "type": "string" } });
        Question {
            temperature: 0.0,
            max_tokens: MOST_TOKENS,
            task: "List the names of people, e-mail addresses, phone numbers, companies, dates and amounts of money in the \
                   text, each as it stands there, each once. Tokens such as [EMAIL_1] stand for what they name."
                .to_owned(),
            data: json!({ "text": input.text }),
            schema: strict(&KINDS.map(|kind| (kind, list()))),
        }
    }

    /// What does not stand in the text was made up, and is left out.
    fn read(input: &Input, answer: &Json) -> Option<Found> {
        let mut entities = Map::new();
        for kind in KINDS {
            let mut list = texts(&answer[kind], MOST)?;
            list.retain(|found| !found.is_empty() && input.text.contains(found.as_str()));
            entities.insert(kind.to_owned(), json!(list));
        }
        Some(Found::new(json!({ "entities": entities }), MODEL_CONFIDENCE))
    }
}
