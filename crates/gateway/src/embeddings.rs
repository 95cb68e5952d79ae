//! `POST /v1/embeddings`.

use std::{sync::Arc, time::Instant};

use kith_http::{Answer, Call, ErrorForm, Operation, Routes, schema};
use kith_kernel::{Result, Role, invalid};
use kith_llm::{Embeddings, Leg, Target, Usage};
use kith_platform::Ctx;
use serde_json::{Map, Value as Json};

use crate::{
    Capability, Gateway,
    answers::{LARGEST, SECONDS, TAG, Told},
    keys::brought,
    openai,
    privacy::Privacy,
    told,
    wanted::Wanted,
};

/// Texts at once.
const MOST_TEXTS: usize = 2_048;

pub(crate) fn routes(gateway: &Arc<Gateway>) -> Routes {
    let text = "A text, or a list of texts.";
    let body = schema::object(
        vec![
            ("model", schema::string()),
            ("input", schema::described(schema::open_object(), text)),
            ("dimensions", schema::nullable(schema::integer())),
            ("encoding_format", schema::nullable(schema::string())),
            ("user", schema::nullable(schema::string())),
        ],
        &["model", "input"],
    );
    let embed = Operation::post("/v1/embeddings", TAG, "Texts as vectors, in the form of OpenAI")
        .role(Role::Member)
        .scope("ai", "write")
        .error_form(ErrorForm::OpenAi)
        .body(without_type(body))
        .body_bytes(LARGEST)
        .seconds(SECONDS)
        .answers(200, "One vector for each text, in order.", schema::open_object())
        .refuses(402, "The credits are used up.")
        .refuses(404, "The provider has no such model.")
        .refuses(503, "No provider is set up, or none of them answers.");
    let gateway = Arc::clone(gateway);
    Routes::new().add(embed, move |call| run(Arc::clone(&gateway), call))
}

/// `input` is a text or a list.
fn without_type(mut body: Json) -> Json {
    if let Some(input) = body.pointer_mut("/properties/input").and_then(Json::as_object_mut) {
        input.retain(|key, _| key == "description");
    }
    body
}

async fn run(gateway: Arc<Gateway>, mut call: Call) -> Result<Answer> {
    let began = Instant::now();
    let mut body = call.body().await?.object()?;
    let wanted = match body.remove("model") {
        Some(Json::String(model)) if !model.is_empty() => Wanted::of(&model)?,
        _ => return Err(invalid("model", "names a model")),
    };
    let texts = texts(body.remove("input"))?;
    let as_base64 = is_base64(body.remove("encoding_format"))?;
    let dimensions = dimensions(&mut body)?;
    let wanted = wanted.by(brought(call.headers())?);
    let embedded = Box::pin(gateway.embed(&call.ctx, (wanted, dimensions), texts)).await?;
    let answer = Answer::json(&openai::embeddings(&embedded.found, as_base64))?;
    Ok(embedded.told().on(answer, began))
}

/// Texts as vectors.
pub struct Embedded {
    /// One for each text, in order.
    pub found: Embeddings,
    /// Who was asked.
    pub legs: Vec<Leg>,
}

impl Embedded {
    /// `provider/model` of who made them.
    pub fn by(&self) -> (&'static str, String) {
        let last = self.legs.last().map(|leg| (leg.provider.name(), leg.model.clone()));
        last.unwrap_or_default()
    }

    fn told(&self) -> Told {
        Told { legs: self.legs.clone(), is_repeat: false, by: self.by(), is_whole: true }
    }
}

impl Gateway {
    /// Who makes a tenant's vectors, as `provider/model`: the model that is set for that; else the provider of `before`
    /// while it can be asked, so that routing does not move what is stored; else who comes first. None where nobody can.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn embedder(&self, ctx: &Ctx, before: Option<&str>) -> Result<Option<String>> {
        let desk = self.desk(ctx).await?;
        let before = before.and_then(|before| Wanted::of(before).ok()?.provider);
        let found = self.setup.steady(&desk, (Capability::Embeddings, before));
        Ok(found.map(|found| format!("{}/{}", found.provider.name(), found.model)))
    }

    /// Makes vectors of texts. Another model's vectors are of another space: nobody but who comes first is asked.
    ///
    /// # Errors
    /// As [`Gateway::ask`].
    pub async fn embed(
        self: &Arc<Self>,
        ctx: &Ctx,
        (wanted, dimensions): (Wanted, Option<u32>),
        mut texts: Vec<String>,
    ) -> Result<Embedded> {
        let letters: usize = texts.iter().map(String::len).sum();
        let tokens = |letters: usize| u32::try_from(letters).unwrap_or(u32::MAX);
        let usage = Usage { prompt_tokens: tokens(letters / 4), completion_tokens: 0 };
        let desk = self.desk_for(ctx, &wanted).await?;
        Privacy::of(&desk, &self.setup).mask_each(&mut texts);
        let capability = Capability::Embeddings;
        let mut targets = self.targets(ctx, &desk, (capability, &wanted, usage)).await?;
        targets.truncate(1);
        let targets: Arc<[Target]> = targets.into();
        let mut account = self.account(ctx, capability, (Arc::clone(&targets), usage));
        if desk.is_limited {
            // Of vectors nothing is answered that would be counted.
            self.reserve(&mut account, (tokens(letters), Some(0))).await?;
        }
        let outcome = Box::pin(self.caller.embed((&texts, dimensions), &targets)).await;
        account.close(outcome.legs.clone());
        let found = outcome.answer.map_err(|failure| told(&failure))?;
        Ok(Embedded { found, legs: outcome.legs })
    }
}

fn texts(input: Option<Json>) -> Result<Vec<String>> {
    let wrong = || invalid("input", format!("is a text, or a list of 1 to {MOST_TEXTS} texts"));
    let texts = match input {
        Some(Json::String(text)) => vec![text],
        Some(list @ Json::Array(_)) => {
            serde_json::from_value::<Vec<String>>(list).map_err(|_| wrong())?
        }
        _ => return Err(wrong()),
    };
    let is_right = !texts.is_empty()
        && texts.len() <= MOST_TEXTS
        && texts.iter().all(|text| !text.trim().is_empty());
    if is_right { Ok(texts) } else { Err(wrong()) }
}

fn is_base64(format: Option<Json>) -> Result<bool> {
    match format {
        None | Some(Json::Null) => Ok(false),
        Some(format) if format == "float" => Ok(false),
        Some(format) if format == "base64" => Ok(true),
        Some(_) => Err(invalid("encoding_format", "is float or base64")),
    }
}

fn dimensions(body: &mut Map<String, Json>) -> Result<Option<u32>> {
    body.remove("user");
    let dimensions = match body.remove("dimensions") {
        None | Some(Json::Null) => None,
        Some(value) => {
            let whole = value.as_u64().and_then(|whole| u32::try_from(whole).ok());
            let whole = whole.filter(|whole| (1..=8192).contains(whole));
            Some(whole.ok_or_else(|| invalid("dimensions", "is a whole number from 1 to 8192"))?)
        }
    };
    match body.keys().next() {
        Some(key) => Err(invalid(key, "is not known here")),
        None => Ok(dimensions),
    }
}
