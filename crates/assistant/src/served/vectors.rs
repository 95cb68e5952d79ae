//! `POST /api/ai/embeddings`.

use std::sync::Arc;

use kith_gateway::{Capability, keys::brought};
use kith_http::{Answer, Call, LimitClass, Operation, Routes, schema};
use kith_kernel::{Result, Role, invalid};
use kith_platform::Ctx;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    Assistant,
    engines::vector,
    serve::{Brought, LONGEST, TAG, Who, engine_schema, may_fall_back},
};

const MOST_TEXTS: usize = 256;
const BYTES: usize = 4 << 20;

#[derive(Deserialize)]
struct Input {
    text: Option<String>,
    texts: Option<Vec<String>>,
    model: Option<String>,
    engine: Option<String>,
}

pub(crate) fn routes(assistant: &Arc<Assistant>) -> Routes {
    let text = |text: &str| schema::described(schema::nullable(schema::string()), text);
    let body = schema::object(
        vec![
            ("text", text("This, or texts.")),
            ("texts", schema::nullable(schema::list(schema::string()))),
            ("model", text("As engine.")),
            ("engine", engine_schema()),
        ],
        &[],
    );
    let operation =
        Operation::post("/api/ai/embeddings", TAG, "Texts as vectors, with or without a model")
            .role(Role::Member)
            .scope("ai", "write")
            .limit(LimitClass::Ai)
            .typed_body::<Input>(body)
            .body_bytes(BYTES)
            .seconds(330)
            .answers(200, "One vector for each text, in order.", schema::named("AiEmbeddings"))
            .refuses(402, "The credits are used up.")
            .refuses(404, "The provider has no such model.")
            .refuses(503, "No model that was asked for can be asked.");
    let assistant = Arc::clone(assistant);
    Routes::new().add(operation, move |call| run(Arc::clone(&assistant), call))
}

pub(crate) fn schema() -> (String, Json) {
    let keys = vec![
        ("embeddings", schema::list(schema::list(schema::number()))),
        ("dimensions", schema::integer()),
        ("engine", schema::described(schema::string(), "local, or provider/model.")),
        ("model", schema::string()),
        ("textLength", schema::described(schema::integer(), "Letters of all texts.")),
        ("fallback", schema::described(schema::string(), "Why no model answered that was to.")),
    ];
    let required = ["embeddings", "dimensions", "engine", "model", "textLength"];
    ("AiEmbeddings".to_owned(), schema::object(keys, &required))
}

async fn run(assistant: Arc<Assistant>, mut call: Call) -> Result<Answer> {
    let input: Input = call.parse().await?;
    let (texts, keys) = (texts(&input)?, brought(call.headers())?);
    let engine = input.engine.as_deref().or(input.model.as_deref());
    let letters: usize = texts.iter().map(|text| text.chars().count()).sum();
    let mut answer = assistant.vectors((&call.ctx, keys), engine, texts).await?;
    answer["textLength"] = letters.into();
    Answer::json(&answer)
}

fn texts(input: &Input) -> Result<Vec<String>> {
    let texts = match (&input.text, &input.texts) {
        (Some(text), None) => vec![text.clone()],
        (None, Some(texts)) => texts.clone(),
        _ => return Err(invalid("texts", "or text is given, and one of them alone")),
    };
    if texts.is_empty() || texts.len() > MOST_TEXTS {
        return Err(invalid("texts", format!("holds 1 to {MOST_TEXTS} texts")));
    }
    let says = |text: &String| !text.trim().is_empty() && text.len() <= LONGEST;
    if !texts.iter().all(says) {
        return Err(invalid("texts", format!("say something, in {LONGEST} bytes at most")));
    }
    Ok(texts)
}

impl Assistant {
    async fn vectors(
        &self,
        (ctx, keys): (&Ctx, Brought),
        engine: Option<&str>,
        texts: Vec<String>,
    ) -> Result<Json> {
        let (wanted, is_named) = match Who::of(engine, keys)? {
            Who::Local => return Ok(local(&texts)),
            Who::Auto(wanted)
                if !self.gateway.can_ask(ctx, (Capability::Embeddings, &wanted)).await? =>
            {
                return Ok(local(&texts));
            }
            Who::Auto(wanted) => (wanted, false),
            Who::Model(wanted) => (wanted, true),
        };
        match self.gateway.embed(ctx, (wanted, None), texts.clone()).await {
            Ok(embedded) => {
                let (provider, model) = embedded.by();
                let vectors = embedded.found.vectors;
                let dimensions = vectors.first().map_or(0, Vec::len);
                let engine = format!("{provider}/{model}");
                Ok(told(&vectors, dimensions, (&engine, &model)))
            }
            // Vectors of a model that was named are of no other's space.
            Err(error) if is_named || !may_fall_back(&error) => Err(error),
            Err(error) => {
                let mut answer = local(&texts);
                answer["fallback"] = error.message().into();
                Ok(answer)
            }
        }
    }
}

fn local(texts: &[String]) -> Json {
    let vectors: Vec<Vec<f32>> = texts.iter().map(|text| vector(text)).collect();
    told(&vectors, crate::engines::DIMENSIONS, ("local", "hashed-n-grams"))
}

fn told(vectors: &[Vec<f32>], dimensions: usize, (engine, model): (&str, &str)) -> Json {
    json!({ "embeddings": vectors, "dimensions": dimensions, "engine": engine, "model": model })
}
