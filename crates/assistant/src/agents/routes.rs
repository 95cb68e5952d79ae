//! Routes of agents beyond the common ones: training one, and asking one without anybody hearing it.

use std::time::Instant;

use kith_http::{Answer, Call, Idempotency, LimitClass, Operation, Routes, schema};
use kith_kernel::{Id, Result, Role, invalid, not_found};
use kith_records::{Manner, Record};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{
    AGENT, Shared,
    decide::Decision,
    talk::{Agent, Place, Said, Talk},
    train::Cut,
};

const LONGEST: usize = 4_000;
const MOST_TURNS: usize = 20;

/// What an agent is asked on trial.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trial {
    message: String,
    #[serde(default)]
    context: Option<Json>,
    #[serde(default)]
    conversation_history: Vec<Turned>,
}

/// Something that was said before.
#[derive(Debug, Deserialize)]
struct Turned {
    role: String,
    content: String,
}

/// What an agent is trained with.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Training {
    document_ids: Option<Vec<Id>>,
    training_options: Option<Cut>,
}

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub(super) fn routes(agents: &Shared) -> Routes {
    let turned = schema::object(
        vec![("role", schema::one_of(&["customer", "agent"])), ("content", schema::string())],
        &["role", "content"],
    );
    let trial = schema::object(
        vec![
            ("message", json!({ "type": "string", "minLength": 1, "maxLength": LONGEST })),
            ("context", schema::open_object()),
            ("conversationHistory", schema::list(turned)),
        ],
        &["message"],
    );
    let test = Operation::post("/api/agents/{id}/test", "agents", "Ask an agent; nothing is kept")
        .role(Role::Member)
        .scope("agents", "read")
        .limit(LimitClass::Ai)
        .seconds(150)
        .typed_body::<Trial>(trial)
        .answers(200, "What it would say, and from what.", schema::named("AgentTrial"))
        .refuses(402, "The credits are used up.")
        .refuses(503, "No model that the agent names can be asked.");
    let options =
        schema::object(vec![("chunkSize", schema::integer()), ("overlap", schema::integer())], &[]);
    let body = schema::object(
        vec![("documentIds", schema::list(schema::id())), ("trainingOptions", options)],
        &[],
    );
    let train =
        Operation::post("/api/agents/{id}/train", "agents", "Have the documents of an agent read")
            .role(Role::Admin)
            .scope("agents", "write")
            .idempotency(Idempotency::Replays)
            .typed_body::<Training>(body)
            .answers(
                200,
                "The agent, which is in training; then it is ACTIVE, or in ERROR.",
                schema::named("Agent"),
            );
    let (one, two) = (Shared::clone(agents), Shared::clone(agents));
    Routes::new()
        .add(test, move |call| try_out(Shared::clone(&one), call))
        .add(train, move |call| begin(Shared::clone(&two), call))
}

/// What a trial always tells.
const KEYS: [&str; 9] = [
    "answer",
    "sources",
    "confidence",
    "responseTimeMs",
    "tokensUsed",
    "cost",
    "engine",
    "handOver",
    "reason",
];

pub(super) fn schemas() -> Vec<(String, Json)> {
    let source = schema::object(
        vec![
            ("documentId", schema::id()),
            ("title", schema::string()),
            ("chunkId", schema::id()),
            ("page", schema::nullable(schema::integer())),
            ("excerpt", schema::string()),
            ("score", schema::number()),
        ],
        &["documentId", "title", "chunkId", "page", "excerpt", "score"],
    );
    let trial = schema::object(
        vec![
            ("answer", schema::string()),
            ("sources", schema::list(source)),
            ("confidence", schema::number()),
            ("responseTimeMs", schema::integer()),
            ("tokensUsed", schema::integer()),
            (
                "cost",
                schema::described(
                    schema::nullable(schema::number()),
                    "US dollars; null where a model has no price that is known.",
                ),
            ),
            ("engine", schema::described(schema::string(), "local, or provider/model.")),
            ("handOver", schema::described(schema::boolean(), "A member would be asked for.")),
            ("reason", schema::nullable(schema::string())),
        ],
        &KEYS,
    );
    vec![("AgentTrial".to_owned(), trial)]
}

fn check(trial: &Trial) -> Result<()> {
    let fits = !trial.message.trim().is_empty() && trial.message.chars().count() <= LONGEST;
    if !fits {
        return Err(invalid("message", format!("must have 1 to {LONGEST} characters")));
    }
    if trial.conversation_history.len() > MOST_TURNS {
        return Err(invalid("conversationHistory", format!("has more than {MOST_TURNS} turns")));
    }
    if trial.conversation_history.iter().any(|turn| turn.content.chars().count() > LONGEST) {
        return Err(invalid(
            "conversationHistory",
            format!("has a turn of more than {LONGEST} characters"),
        ));
    }
    if trial.context.as_ref().is_some_and(|context| !context.is_object()) {
        return Err(invalid("context", "must be an object"));
    }
    Ok(())
}

/// A talk that nobody has: what was said before, and what is asked.
fn talk(call: &Call, agent: &Agent, trial: &Trial) -> Talk {
    let now = call.ctx.now();
    let said = |direction: &str, sender: &str, content: &str| Said {
        id: Id::NIL,
        sender: Some(sender.to_owned()),
        direction: Some(direction.to_owned()),
        content: Some(content.to_owned()),
        created_at: now,
    };
    let before = trial.conversation_history.iter().map(|turn| match turn.role.as_str() {
        "agent" | "assistant" => said("OUTBOUND", "AGENT", &turn.content),
        _ => said("INBOUND", "CUSTOMER", &turn.content),
    });
    let all = before.chain([said("INBOUND", "CUSTOMER", &trial.message)]).collect();
    let place = Place {
        id: Id::NIL,
        contact_id: None,
        agent_id: Some(agent.id),
        speaker: Some("AGENT".to_owned()),
        turn: Some(0),
        status: Some("ACTIVE".to_owned()),
        started_at: None,
    };
    Talk { place, said: all }
}

async fn try_out(agents: Shared, mut call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let (id, trial) = (call.id("id")?, call.parse::<Trial>().await?);
    check(&trial)?;
    let began = Instant::now();
    let agent = call.ctx.read(async |db| Agent::find(db, id).await).await?;
    let agent = agent.ok_or_else(|| not_found("agent"))?;
    let talk = talk(&call, &agent, &trial);
    let decision = Box::pin(agents.decide(&call.ctx, (&agent, &talk), &|_| {})).await?;
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Answer::json(&match decision {
        Decision::Answer(answer) => json!({
            "answer": answer.text, "sources": answer.sources, "confidence": answer.confidence,
            "responseTimeMs": took, "tokensUsed": answer.tokens, "cost": answer.dollars(),
            "engine": answer.engine,
            "handOver": false, "reason": null,
        }),
        Decision::HandOver { reason, message } => json!({
            "answer": message, "sources": [], "confidence": 0.0, "responseTimeMs": took,
            "tokensUsed": 0, "cost": 0.0, "engine": "local", "handOver": true, "reason": reason,
        }),
    })
}

async fn begin(agents: Shared, mut call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let (id, body) = (call.id("id")?, call.body().await?);
    let Training { document_ids, training_options } = body.parse()?;
    call.write(&body, async |db| {
        let ctx = &call.ctx;
        if let Some(documents) = &document_ids {
            let documents = Record::from_iter([("documentIds".to_owned(), json!(documents))]);
            let change = (id, documents, Manner::default());
            agents.records.update(ctx, db, &AGENT, change).await?;
        }
        let cut = training_options.unwrap_or_default();
        let agent = agents.begin_training(ctx, db, (id, cut)).await?;
        Answer::json(&agent)
    })
    .await
}
