//! What all engines have in common: their routes, who answers, and what an answer says of that.

use std::sync::Arc;

use kith_gateway::{
    Capability, Wanted,
    keys::{Secret, brought},
};
use kith_http::{Answer, Call, LimitClass, Operation, Routes, schema};
use kith_kernel::{Error, Kind, Result, Role, invalid};
use kith_llm::Provider;
use kith_platform::Ctx;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

use crate::{
    Assistant,
    model::{Question, ask_for},
};

pub(crate) const TAG: &str = "ai";
/// Letters of a text.
pub(crate) const LONGEST: usize = 100_000;
pub(crate) const SECONDS: u64 = 330;
const BYTES: usize = 2 << 20;

/// What an engine found.
pub(crate) struct Found {
    /// The keys of its answer.
    pub(crate) answer: Map<String, Json>,
    /// From 0 to 1.
    pub(crate) confidence: f64,
}

impl Found {
    /// Of a JSON object.
    pub(crate) fn new(answer: Json, confidence: f64) -> Self {
        let answer = match answer {
            Json::Object(answer) => answer,
            other => Map::from_iter([("answer".to_owned(), other)]),
        };
        Self { answer, confidence: confidence.clamp(0.0, 1.0) }
    }
}

/// Something that can be asked of Kith, with or without a model.
pub(crate) trait Engine: Send + Sync + 'static {
    /// What it is asked with.
    type Input: DeserializeOwned + Send + Sync;
    /// Behind `/api/ai/`.
    const PATH: &'static str;
    /// For people.
    const SUMMARY: &'static str;
    /// The named schema of its answer.
    const ANSWER: &'static str;

    /// The schema of its input, but for `engine`.
    fn body() -> (Vec<(&'static str, Json)>, Vec<&'static str>);
    /// The schema of its answer, but for `engine` and `confidence`.
    fn answer() -> Vec<(&'static str, Json)>;
    /// Who is to answer.
    fn engine(input: &Self::Input) -> Option<&str>;
    /// Whether the input is within its bounds.
    fn check(input: &Self::Input) -> Result<()>;
    /// The answer without a model, where there is one.
    fn local(input: &Self::Input) -> Option<Found>;
    /// What a model is asked.
    fn question(input: &Self::Input) -> Question;
    /// The answer of a model, when it fits.
    fn read(input: &Self::Input, answer: &Json) -> Option<Found>;
}

/// The route of an engine.
pub(crate) fn route<E: Engine>(assistant: &Arc<Assistant>) -> Routes {
    let (mut keys, required) = E::body();
    keys.push(("engine", engine_schema()));
    let operation = Operation::post(format!("/api/ai/{}", E::PATH), TAG, E::SUMMARY)
        .role(Role::Member)
        .scope("ai", "write")
        .limit(LimitClass::Ai)
        .typed_body::<E::Input>(schema::object(keys, &required))
        .body_bytes(BYTES)
        .seconds(SECONDS)
        .answers(200, "What was found, by whom and how surely.", schema::named(E::ANSWER))
        .refuses(402, "The credits are used up.")
        .refuses(503, "No model that was asked for can be asked.");
    let assistant = Arc::clone(assistant);
    Routes::new().add(operation, move |call| run::<E>(Arc::clone(&assistant), call))
}

/// The named schema of an engine's answer.
pub(crate) fn named<E: Engine>() -> (String, Json) {
    let mut keys = E::answer();
    let required: Vec<&str> =
        keys.iter().map(|(key, _)| *key).chain(["engine", "confidence"]).collect();
    keys.extend([
        ("engine", schema::described(schema::string(), "local, or provider/model.")),
        ("confidence", schema::described(schema::number(), "From 0 to 1.")),
        ("fallback", schema::described(schema::string(), "Why no model answered that was to.")),
    ]);
    (E::ANSWER.to_owned(), schema::object(keys, &required))
}

pub(crate) fn engine_schema() -> Json {
    let text = "local, auto, a model, provider/model, auto/<strategy>. Unless said: a model where one can be asked, else local.";
    schema::described(schema::nullable(schema::string()), text)
}

async fn run<E: Engine>(assistant: Arc<Assistant>, mut call: Call) -> Result<Answer> {
    let keys = brought(call.headers())?;
    let input: E::Input = call.parse().await?;
    E::check(&input)?;
    Answer::json(&assistant.answer::<E>((&call.ctx, keys), &input).await?)
}

/// Keys of providers that a request brought along.
pub(crate) type Brought = Vec<(Provider, Secret)>;

/// Who is to answer: nobody but the engine itself, or a model.
pub(crate) enum Who {
    Local,
    /// A model, if one can be asked.
    Auto(Wanted),
    Model(Wanted),
}

impl Who {
    pub(crate) fn of(engine: Option<&str>, keys: Brought) -> Result<Self> {
        match engine {
            None | Some("auto") => Ok(Self::Auto(Wanted::default().by(keys))),
            Some("local") => Ok(Self::Local),
            Some(name) if name.is_empty() || name.len() > 200 => {
                Err(invalid("engine", "is local, auto, or a model"))
            }
            Some(name) => {
                let known = |_| invalid("engine", "is local, auto, auto/<strategy>, or a model");
                Wanted::of(name).map(|wanted| Self::Model(wanted.by(keys))).map_err(known)
            }
        }
    }
}

impl Assistant {
    /// The answer of an engine, by a model or without one.
    pub(crate) async fn answer<E: Engine>(
        &self,
        (ctx, keys): (&Ctx, Brought),
        input: &E::Input,
    ) -> Result<Json> {
        let who = Who::of(E::engine(input), keys)?;
        let wanted = match who {
            Who::Local => {
                return E::local(input).map(|found| told(found, "local")).ok_or_else(no_local);
            }
            Who::Auto(wanted)
                if !self.gateway.can_ask(ctx, (Capability::JsonStrict, &wanted)).await? =>
            {
                return E::local(input).map(|found| told(found, "local")).ok_or_else(no_model);
            }
            Who::Auto(wanted) | Who::Model(wanted) => wanted,
        };
        let question = E::question(input);
        let fits = |answer: &Json| E::read(input, answer);
        let why = match ask_for(&self.gateway, (ctx, &wanted), &question, fits).await {
            Ok((Some(found), by)) => return Ok(told(found, &by)),
            Ok((None, by)) => {
                let why = format!("{by} answered twice what does not fit.");
                Error::new(Kind::Unavailable, "answer_does_not_fit", why)
            }
            Err(error) if !may_fall_back(&error) => return Err(error),
            Err(error) => error,
        };
        let Some(found) = E::local(input) else { return Err(why) };
        let mut answer = told(found, "local");
        answer["fallback"] = why.message().into();
        Ok(answer)
    }
}

/// Models that fail, or cannot be paid for, leave the engine itself.
pub(crate) fn may_fall_back(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unavailable | Kind::Exhausted | Kind::TooMany)
        || matches!(error.code(), "provider_refused" | "unknown_model")
}

/// An answer with who gave it.
pub(crate) fn told(found: Found, engine: &str) -> Json {
    let mut answer = Json::Object(found.answer);
    answer["engine"] = engine.into();
    answer["confidence"] = json!((found.confidence * 100.0).round() / 100.0);
    answer
}

pub(crate) fn no_local() -> Error {
    invalid("engine", "is local, and this takes a model")
}

pub(crate) fn no_model() -> Error {
    let why = "This takes a model, and none is set up: set OPENAI_API_KEY or the key of another provider, or OLLAMA_BASE_URL, or \
               store a key by POST /api/keys.";
    Error::new(Kind::Unavailable, "no_provider", why)
}

/// A text within its bounds.
pub(crate) fn text(name: &str, text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(invalid(name, "is a text"));
    }
    if text.len() > LONGEST {
        return Err(invalid(name, format!("has {LONGEST} bytes at most")));
    }
    Ok(())
}

/// Texts of a JSON list, the first ones.
pub(crate) fn texts(list: &Json, most: usize) -> Option<Vec<String>> {
    let texts = list.as_array()?.iter().take(most);
    texts.map(|text| text.as_str().map(str::to_owned)).collect()
}

/// A number between 0 and 1.
pub(crate) fn share(number: &Json) -> Option<f64> {
    number.as_f64().filter(|number| (0.0..=1.0).contains(number))
}
