//! Routes of a tenant's settings of models.

use std::sync::Arc;

use kith_http::{Answer, Call, Operation, Routes, schema};
use kith_kernel::{Result, Role, internal, invalid, text::camel_case};
use kith_llm::{Category, PersonalKind, Provider, Strategy};
use kith_platform::{
    Ctx,
    events::{Event, append},
};
use kith_store::{Insert, News, Write};
use serde_json::{Map, Value as Json, json};

use super::Policy;
use crate::{Gateway, answers::TAG, capability::Capability, wanted::Wanted};

const PATH: &str = "/api/ai/settings";

pub(crate) fn routes(gateway: &Arc<Gateway>) -> Routes {
    let show = "How models are chosen, what is masked and what is refused: as the tenant has set it, and as it is in effect.";
    let show = Operation::get(PATH, TAG, show).role(Role::Admin).scope("ai", "read").answers(
        200,
        "What is set, and what is in effect.",
        schema::named("AiSettings"),
    );
    let change = "Change it; null is as the operator has it. In effect with the next request.";
    let change = Operation::patch(PATH, TAG, change)
        .role(Role::Admin)
        .scope("ai", "write")
        .typed_body::<Policy>(settings())
        .answers(200, "What is set now, and what is in effect.", schema::named("AiSettings"));
    let (to_show, to_change) = (Arc::clone(gateway), Arc::clone(gateway));
    Routes::new()
        .add(show, move |call| look(Arc::clone(&to_show), call))
        .add(change, move |call| set(Arc::clone(&to_change), call))
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let chosen = schema::object(
        vec![("provider", schema::string()), ("model", schema::string())],
        &["provider", "model"],
    );
    let order = schema::described(
        schema::object(
            Capability::ALL.map(|one| (one.name(), schema::list(chosen.clone()))).to_vec(),
            &[],
        ),
        "For each capability who is asked, in order.",
    );
    let effective = schema::object(
        vec![
            ("routing", schema::one_of(&Strategy::ALL.map(Strategy::name))),
            ("enableFallback", schema::boolean()),
            (
                "maskedKinds",
                schema::list(schema::one_of(&PersonalKind::ALL.map(PersonalKind::name))),
            ),
            ("safetyFilter", schema::boolean()),
            ("cacheSeconds", schema::integer()),
            ("order", order),
        ],
        &["routing", "enableFallback", "maskedKinds", "safetyFilter", "cacheSeconds", "order"],
    );
    let shown = schema::object(
        vec![("settings", settings()), ("effective", effective)],
        &["settings", "effective"],
    );
    vec![("AiSettings".to_owned(), shown)]
}

fn settings() -> Json {
    let text = |of: Json, text: &str| schema::described(schema::nullable(of), text);
    let provider = || schema::one_of(&Provider::ALL.map(Provider::name));
    let by_capability = Capability::ALL.map(|one| (one.name(), schema::string())).to_vec();
    let by_category = Category::ALL.map(|one| (one.name(), schema::number())).to_vec();
    let kind = schema::one_of(&PersonalKind::ALL.map(PersonalKind::name));
    let strategy = schema::one_of(&Strategy::ALL.map(Strategy::name));
    schema::object(
        vec![
            ("provider", text(provider(), "Who is asked first.")),
            ("failoverChain", text(schema::list(provider()), "Who is asked after it, in order.")),
            ("routing", text(strategy, "How providers are chosen.")),
            ("enableFallback", text(schema::boolean(), "When one fails the next is asked.")),
            (
                "models",
                text(
                    schema::object(by_capability, &[]),
                    "By capability: a model, or provider/model.",
                ),
            ),
            ("maskPersonalData", text(schema::boolean(), "It is masked before a model is asked.")),
            ("maskedKinds", text(schema::list(kind), "Which kinds are masked; null: all.")),
            ("safetyFilter", text(schema::boolean(), "Questions and answers are judged.")),
            (
                "safetyThresholds",
                text(
                    schema::object(by_category, &[]),
                    "From which score (0 to 1) on one is refused.",
                ),
            ),
            (
                "blockedWords",
                text(schema::list(schema::string()), "They are [FILTERED] in answers."),
            ),
            (
                "cacheSeconds",
                text(schema::integer(), "How long an answer is given again; 0: never."),
            ),
        ],
        &[],
    )
}

async fn look(gateway: Arc<Gateway>, call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    answer(&gateway, &call.ctx).await
}

async fn set(gateway: Arc<Gateway>, mut call: Call) -> Result<Answer> {
    let named: Map<String, Json> = call.body().await?.object()?;
    // What is null is left out, which is the same to the reader, and named all the same.
    let given: Map<String, Json> = named
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let parsed: Policy = kith_http::Body(json!(given).to_string().into()).parse()?;
    if let Some(unknown) = named.keys().find(|key| !is_known(key)) {
        return Err(invalid(unknown, "is not known here"));
    }
    let ctx = &call.ctx;
    ctx.write(async |db| {
        let before = Policy::read(db).await?;
        let after = merged(&before, &parsed, named.keys())?;
        after.check()?;
        store((ctx, db), &before, &after).await
    })
    .await?;
    gateway.keys.forget();
    answer(&gateway, ctx).await
}

fn is_known(key: &str) -> bool {
    json!(Policy::default()).get(camel_case(key)).is_some()
}

/// What was there, with the keys that were named as they were given.
fn merged<'k>(
    before: &Policy,
    given: &Policy,
    named: impl Iterator<Item = &'k String>,
) -> Result<Policy> {
    let unwritable = |error| internal("settings cannot be written").caused_by(error);
    let mut all = serde_json::to_value(before).map_err(unwritable)?;
    let given = serde_json::to_value(given).map_err(unwritable)?;
    for key in named {
        let key = camel_case(key);
        all[key.as_str()] = given[key.as_str()].clone();
    }
    serde_json::from_value(all).map_err(unwritable)
}

async fn store((ctx, db): (&Ctx, &Write), before: &Policy, after: &Policy) -> Result<()> {
    let settings = json!(after).to_string();
    let cells = vec![("name", "all".into()), ("settings", settings.into())];
    db.insert(Insert::row("llm_settings", cells).or_replace(&["name"], &["settings"])).await?;
    db.tell(News::Access);
    let event = Event {
        name: "ai_settings.updated".to_owned(),
        object: "ai_settings",
        record: None,
        changes: Some(json!({ "before": before, "after": after }).to_string()),
        batch: None,
    };
    append(ctx, db, event).map(drop)
}

async fn answer(gateway: &Gateway, ctx: &Ctx) -> Result<Answer> {
    let desk = gateway.desk(ctx).await?;
    let setup = &gateway.setup;
    let order = |capability: Capability| {
        let wanted = Wanted::default();
        let asked = setup.order(&desk, (capability, &wanted), kith_llm::Usage::default());
        let shown =
            asked.iter().map(|one| json!({ "provider": one.provider.name(), "model": one.model }));
        (capability.name().to_owned(), shown.collect::<Json>())
    };
    let policy = &desk.policy;
    let kinds = policy.kinds(setup.masks);
    let kinds = PersonalKind::ALL.into_iter().filter(|kind| kinds.has(*kind));
    Answer::json(&json!({
        "settings": policy,
        "effective": {
            "routing": policy.strategy().unwrap_or(setup.strategy).name(),
            "enableFallback": policy.enable_fallback.unwrap_or(setup.falls_back),
            "maskedKinds": kinds.map(PersonalKind::name).collect::<Vec<_>>(),
            "safetyFilter": policy.thresholds(setup.judges).is_some(),
            "cacheSeconds": policy.cache_seconds.unwrap_or(setup.cache_seconds),
            "order": Capability::ALL.into_iter().map(order).collect::<Map<_, _>>(),
        },
    }))
}
