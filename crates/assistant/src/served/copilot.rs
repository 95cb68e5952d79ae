//! `POST /api/ai/copilot`.

use kith_http::schema;
use kith_kernel::{Result, invalid};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    engines::{Contact, Persona, Situation, Turn, copilot},
    model::{MOST_TOKENS, Question, strict},
    serve::{Engine, Found, LONGEST, share},
};

const MOST_TURNS: usize = 200;
/// The last turns that a model sees.
const TURNS: usize = 20;
/// Letters of a turn, and of the context, that are read without a model.
const READ: usize = 2_000;

pub(crate) struct Copilot;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    context: Option<String>,
    conversation_history: Option<Vec<Said>>,
    deal_stage: Option<String>,
    persona: Option<String>,
    contact: Option<Person>,
    engine: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Said {
    role: String,
    content: String,
}

#[derive(Deserialize)]
pub(crate) struct Person {
    name: Option<String>,
    company: Option<String>,
}

impl Input {
    fn history(&self) -> &[Said] {
        self.conversation_history.as_deref().unwrap_or_default()
    }

    fn persona(&self) -> Persona {
        self.persona.as_deref().and_then(Persona::named).unwrap_or_default()
    }
}

/// The end of a text.
fn end(text: &str) -> String {
    let mut from = text.len().saturating_sub(READ);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].to_owned()
}

impl Engine for Copilot {
    type Input = Input;
    const PATH: &'static str = "copilot";
    const SUMMARY: &'static str = "What a member may say next to a customer";
    const ANSWER: &'static str = "AiSuggestion";

    fn body() -> (Vec<(&'static str, Json)>, Vec<&'static str>) {
        let turn = schema::object(
            vec![
                (
                    "role",
                    schema::described(
                        schema::string(),
                        "user is the customer, assistant the member.",
                    ),
                ),
                ("content", schema::string()),
            ],
            &["role", "content"],
        );
        let contact = schema::object(
            vec![
                ("name", schema::nullable(schema::string())),
                ("company", schema::nullable(schema::string())),
            ],
            &[],
        );
        let personas = Persona::ALL.map(Persona::name);
        let keys = vec![
            ("context", schema::nullable(schema::string())),
            ("conversationHistory", schema::nullable(schema::list(turn))),
            ("dealStage", schema::nullable(schema::string())),
            ("persona", schema::nullable(schema::one_of(&personas))),
            ("contact", schema::nullable(contact)),
        ];
        (keys, vec![])
    }

    fn answer() -> Vec<(&'static str, Json)> {
        let suggestion = schema::object(
            vec![
                ("text", schema::string()),
                ("confidence", schema::number()),
                ("reasoning", schema::string()),
            ],
            &["text", "confidence", "reasoning"],
        );
        vec![("suggestion", suggestion)]
    }

    fn engine(input: &Input) -> Option<&str> {
        input.engine.as_deref()
    }

    fn check(input: &Input) -> Result<()> {
        let history = input.history();
        if history.len() > MOST_TURNS {
            return Err(invalid(
                "conversationHistory",
                format!("holds {MOST_TURNS} turns at most"),
            ));
        }
        let contact = input.contact.iter().flat_map(|person| [&person.name, &person.company]);
        let others = [&input.context, &input.deal_stage].into_iter().chain(contact).flatten();
        let letters: usize = history.iter().map(|turn| turn.content.len()).sum::<usize>()
            + others.map(String::len).sum::<usize>();
        if letters > LONGEST {
            return Err(invalid(
                "conversationHistory",
                format!("and all else have {LONGEST} bytes at most"),
            ));
        }
        let says = |text: &str| !text.trim().is_empty();
        let context = input.context.as_deref().unwrap_or_default();
        if !says(context) && !history.iter().any(|turn| says(&turn.content)) {
            return Err(invalid("context", "or conversationHistory says something"));
        }
        if input.persona.as_deref().is_some_and(|name| Persona::named(name).is_none()) {
            let known = Persona::ALL.map(Persona::name).join(", ");
            return Err(invalid("persona", format!("is one of {known}")));
        }
        Ok(())
    }

    fn local(input: &Input) -> Option<Found> {
        let turn = |said: &Said| Turn {
            from_customer: said.role != "assistant",
            text: end(&said.content),
        };
        let contact = input.contact.as_ref().map_or_else(Contact::default, |person| Contact {
            name: person.name.clone(),
            company: person.company.clone(),
        });
        let found = copilot(&Situation {
            context: end(input.context.as_deref().unwrap_or_default()),
            history: input.history().iter().map(turn).collect(),
            deal_stage: input.deal_stage.clone(),
            persona: input.persona(),
            contact,
        });
        let reasoning = format!(
            "The customer's words are taken for {} and sound {}.{}",
            found.intent.name(),
            found.sentiment.name(),
            found.guidance.map(|guidance| format!(" {guidance}")).unwrap_or_default()
        );
        let suggestion = json!({
            "text": found.suggestion, "confidence": found.confidence, "reasoning": reasoning,
        });
        Some(Found::new(json!({ "suggestion": suggestion }), found.confidence))
    }

    fn question(input: &Input) -> Question {
        let history = input.history();
        let last = &history[history.len().saturating_sub(TURNS)..];
        let turns: Json =
            last.iter().map(|turn| json!({ "role": turn.role, "content": turn.content })).collect();
        let contact = input
            .contact
            .as_ref()
            .map(|person| json!({ "name": person.name, "company": person.company }));
        Question {
            temperature: 0.0,
            max_tokens: MOST_TOKENS,
            task: format!(
                "You help a member of a sales team. Write what the member may say next to the customer, in the customer's \
                 language, {}, fitting the stage of the deal; promise nothing that is not in the context. reasoning is one \
                 sentence for the member, confidence from 0 to 1.",
                input.persona().name()
            ),
            data: json!({
                "context": input.context,
                "conversationHistory": turns,
                "dealStage": input.deal_stage,
                "contact": contact,
            }),
            schema: strict(&[
                ("text", json!({ "type": "string" })),
                ("reasoning", json!({ "type": "string" })),
                ("confidence", json!({ "type": "number" })),
            ]),
        }
    }

    fn read(_: &Input, answer: &Json) -> Option<Found> {
        let text = answer["text"].as_str().filter(|text| !text.trim().is_empty())?;
        let (reasoning, confidence) =
            (answer["reasoning"].as_str()?, share(&answer["confidence"])?);
        let suggestion = json!({ "text": text, "confidence": confidence, "reasoning": reasoning });
        Some(Found::new(json!({ "suggestion": suggestion }), confidence))
    }
}
