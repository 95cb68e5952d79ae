//! Looking for the duplicates of one record: before it is made, or while it is.

use std::{collections::HashMap, sync::Arc};

use kith_http::{Answer, Call, Operation, Routes, schema};
use kith_kernel::{
    Condition as Compared, Id, Op, Result, Role, Rule, internal, invalid, not_found,
    text::{camel_case, nearest},
};
use kith_platform::Ctx;
use kith_records::{Archived, Ask, Record, Records};
use kith_store::{Condition, Read, Select};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{
    entity::Entity,
    kept,
    score::{Reason, Score, compare},
    settings::Settings,
    sketch::{Part, Sketch},
};

const TAG: &str = "validation";
/// Duplicates that are told.
const MOST_TOLD: usize = 20;

/// A record that may be the same, and why.
pub(super) type Match = (Id, Score);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Draft {
    entity: Option<String>,
    entity_type: Option<String>,
    tenant_id: Option<String>,
    data: Map<String, Json>,
}

pub(super) fn routes(records: &Arc<Records>) -> Routes {
    let answer = || schema::named("DuplicateCheck");
    let before = Operation::post(
        "/api/validation/check-duplicate-before-create",
        TAG,
        "Look for duplicates of a record that is not made yet",
    )
    .role(Role::Viewer)
    .scope("duplicates", "read")
    .typed_body::<Draft>(schema::object(
        vec![
            ("entity", entity_schema()),
            ("entityType", schema::described(entity_schema(), "The same as entity.")),
            ("tenantId", schema::nullable(schema::string())),
            (
                "data",
                schema::described(
                    schema::open_object(),
                    "Fields of the record, as for its creation.",
                ),
            ),
        ],
        &["data"],
    ))
    .answers(200, "Records that may be the same, the likeliest first.", answer());
    let mut by_hand = Operation::get(
        "/api/validation/check-duplicate",
        TAG,
        "Look for duplicates by what is known of somebody",
    )
    .scope("duplicates", "read")
    .query("type", schema::one_of(&["contact", "account", "lead"]), "What is looked for.");
    for (name, text) in ASKED {
        by_hand = by_hand.query(name, schema::string(), text);
    }
    let by_hand =
        by_hand.answers(200, "Records that may be the same, the likeliest first.", answer());
    let (a, b) = (Arc::clone(records), Arc::clone(records));
    Routes::new()
        .add(before, move |call| check_draft(Arc::clone(&a), call))
        .add(by_hand, move |call| check_by_hand(Arc::clone(&b), call))
}

const ASKED: [(&str, &str); 5] = [
    ("name", "The name of a person or a company."),
    ("email", "An e-mail address."),
    ("phone", "A telephone number."),
    ("company", "Whom a person works for."),
    ("website", "A web address."),
];

pub(super) fn entity_schema() -> schema::Schema {
    schema::nullable(schema::described(schema::string(), "contact, account or lead."))
}

pub(super) fn schemas() -> Vec<(String, Json)> {
    let reason = schema::object(
        vec![
            ("field", schema::string()),
            ("likeness", schema::described(schema::number(), "From 0 to 1.")),
            (
                "points",
                schema::described(
                    schema::number(),
                    "What it adds to the sum that the score is made of.",
                ),
            ),
            ("reason", schema::string()),
        ],
        &["field", "likeness", "points", "reason"],
    );
    let found = schema::object(
        vec![
            ("id", schema::id()),
            ("score", schema::described(schema::number(), "From 0 to 1.")),
            ("reason", schema::described(schema::string(), "What says most.")),
            ("reasons", schema::list(schema::named("DuplicateReason"))),
            ("record", schema::described(schema::open_object(), "The record.")),
        ],
        &["id", "score", "reason", "reasons", "record"],
    );
    let check = schema::object(
        vec![
            ("entity", schema::string()),
            ("hasDuplicates", schema::boolean()),
            ("count", schema::integer()),
            ("duplicates", schema::list(schema::named("Duplicate"))),
        ],
        &["entity", "hasDuplicates", "count", "duplicates"],
    );
    vec![
        ("DuplicateReason".to_owned(), reason),
        ("Duplicate".to_owned(), found),
        ("DuplicateCheck".to_owned(), check),
    ]
}

/// The entity under either of its names.
pub(super) fn named<'a>(entity: Option<&'a str>, entity_type: Option<&'a str>) -> Result<&'a str> {
    match (entity, entity_type) {
        (Some(_), Some(_)) => Err(invalid("entity", "is given twice, as entityType as well")),
        (Some(name), None) | (None, Some(name)) => Ok(name),
        (None, None) => Err(invalid("entity", "is required").coded("required")),
    }
}

/// A body may name the tenant, but only the one in which the caller is.
pub(super) fn own_tenant(ctx: &Ctx, given: Option<&str>) -> Result<()> {
    match given {
        Some(given) if given.parse::<Id>().ok() != Some(ctx.actor.tenant) => {
            Err(not_found("tenant"))
        }
        Some(_) | None => Ok(()),
    }
}

async fn check_draft(records: Arc<Records>, mut call: Call) -> Result<Answer> {
    let draft: Draft = call.parse().await?;
    own_tenant(&call.ctx, draft.tenant_id.as_deref())?;
    let name = named(draft.entity.as_deref(), draft.entity_type.as_deref())?;
    let entity = Entity::named(&records, "entity", name)?;
    let values = values(&records, entity, draft.data)?;
    answer((&records, &call.ctx), entity, &values).await
}

async fn check_by_hand(records: Arc<Records>, call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["type", "name", "email", "phone", "company", "website"])?;
    let name = query.get("type")?.unwrap_or("contact");
    let entity = Entity::named(&records, "type", name)?;
    let mut values = Vec::new();
    for (key, _) in ASKED {
        values.extend(query.get(key)?.map(|value| (key, Json::from(value))));
    }
    answer((&records, &call.ctx), entity, &values).await
}

/// The compared fields of a draft; keys in either spelling, others must be the object's own.
fn values(
    records: &Records,
    entity: &'static Entity,
    data: Map<String, Json>,
) -> Result<Vec<(&'static str, Json)>> {
    let known = records.object(entity.object).map_or(&[][..], |object| object.fields);
    let mut flat: Vec<(String, Json)> = Vec::new();
    for (key, value) in data {
        let key = camel_case(&key);
        match value {
            Json::Object(inside) if key != "custom" => {
                flat.extend(
                    inside
                        .into_iter()
                        .map(|(part, value)| (format!("{key}.{}", camel_case(&part)), value)),
                );
            }
            value => flat.push((key, value)),
        }
    }
    let mut values: Vec<(&'static str, Json)> = Vec::new();
    for (key, value) in flat {
        let compared = entity.fields.iter().find(|(name, _)| *name == key);
        match (compared, value) {
            (Some((name, _)), _) if values.iter().any(|(known, _)| known == name) => {
                return Err(invalid(&format!("data.{key}"), "is given twice"));
            }
            (Some((name, _)), Json::String(text)) if text.chars().count() <= LONGEST => {
                values.push((name, Json::String(text)));
            }
            (Some(_), Json::Null) => {}
            (Some(_), _) => {
                let why = format!("must be text of at most {LONGEST} characters");
                return Err(invalid(&format!("data.{key}"), why));
            }
            (None, _) if is_known(known, &key) => {}
            (None, _) => return Err(unknown(&key, known)),
        }
    }
    Ok(values)
}

const LONGEST: usize = 2_000;

fn is_known(known: &[kith_records::Field], key: &str) -> bool {
    const COMMON: [&str; 3] = ["custom", "externalId", "id"];
    COMMON.contains(&key) || known.iter().any(|field| field.key == key)
}

fn unknown(key: &str, known: &[kith_records::Field]) -> kith_kernel::Error {
    let shown: String = key.chars().take(80).collect();
    let meant = nearest(key, known.iter().map(|field| field.key));
    let meant = meant.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
    invalid(&format!("data.{shown}"), format!("is no field of it{meant}")).coded("unknown_field")
}

async fn answer(
    (records, ctx): (&Records, &Ctx),
    entity: &'static Entity,
    values: &[(&str, Json)],
) -> Result<Answer> {
    ctx.actor.scopes.require(entity.table, "read")?;
    let found = ctx
        .read(async |db| {
            let found = matches(db, entity, values, None).await?;
            shown((records, ctx, db), entity, found).await
        })
        .await?;
    Answer::json(&json!({
        "entity": entity.object, "hasDuplicates": !found.is_empty(), "count": found.len(), "duplicates": found,
    }))
}

/// What the making of a record is warned of: those that may be the same.
pub(super) async fn warnings(
    (records, ctx, db): (&Records, &Ctx, &Read),
    entity: &'static Entity,
    (id, record): (Id, &Record),
) -> Result<Vec<Json>> {
    ctx.actor.scopes.require(entity.table, "read")?;
    let value = |key: &'static str| match key.split_once('.') {
        None => Some((key, record.get(key)?.clone())),
        Some((group, part)) => Some((key, record.get(group)?.get(part)?.clone())),
    };
    let values: Vec<_> = entity.fields.iter().filter_map(|(key, _)| value(key)).collect();
    let found = matches(db, entity, &values, Some(id)).await?;
    shown((records, ctx, db), entity, found).await
}

/// Records that may be the same as one with these values: those above the threshold, and those with the very same
/// address or name.
async fn matches(
    db: &Read,
    entity: &'static Entity,
    values: &[(&str, Json)],
    itself: Option<Id>,
) -> Result<Vec<Match>> {
    let sketch = kept::sketch(entity, values);
    let email = values.iter().find(|(key, _)| *key == "email").and_then(|(_, it)| it.as_str());
    let mut ids = kept::candidates(db, entity, &sketch, email).await?;
    ids.retain(|id| Some(*id) != itself);
    let mut found: Vec<Match> = Vec::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let settings = Settings::of(db).await?;
    let select = Select::from(entity.table)
        .show(&entity.columns())
        .whose_each("id", ids)
        .only(Condition::Null("deleted_at"));
    db.each(&select, |row| {
        let (id, other): (Id, Sketch) = entity.read(row)?;
        let score = compare(entity.subject, (&sketch, &other), settings.home);
        if score.score >= settings.threshold || score.is_exact() {
            found.push((id, score));
        }
        Ok(())
    })
    .await?;
    found.sort_by(|a, b| b.1.score.total_cmp(&a.1.score).then(a.0.cmp(&b.0)));
    found.truncate(MOST_TOLD);
    debug_assert!(sketch.get(Part::Last).len() <= 120);
    Ok(found)
}

/// Matches with their records, as answers show them.
async fn shown(
    (records, ctx, db): (&Records, &Ctx, &Read),
    entity: &Entity,
    found: Vec<Match>,
) -> Result<Vec<Json>> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let object = records.object(entity.object).ok_or_else(|| internal("an object is missing"))?;
    let ids: Vec<Id> = found.iter().map(|(id, _)| *id).collect();
    let rule = Rule::Field(Compared { field: "id".to_owned(), op: Op::In, value: json!(ids) });
    let ask = Ask { rule, limit: 200, archived: Archived::With, ..Ask::default() };
    let page = records.list(ctx, db, object, &ask).await?.json;
    let mut page: Json = serde_json::from_slice(&page)
        .map_err(|error| internal("a page is no JSON").caused_by(error))?;
    let mut by_id: HashMap<String, Json> = HashMap::new();
    for record in page["data"].as_array_mut().into_iter().flatten() {
        by_id.insert(record["id"].as_str().unwrap_or_default().to_owned(), record.take());
    }
    let all = found.into_iter().filter_map(|(id, score)| {
        let record = by_id.remove(&id.to_string())?;
        Some(json!({
            "id": id, "score": rounded(score.score), "reason": main(&score.reasons),
            "reasons": reasons(&score.reasons), "record": record,
        }))
    });
    Ok(all.collect())
}

/// What says most for it.
pub(super) fn main(reasons: &[Reason]) -> &'static str {
    let strongest = reasons.iter().max_by(|a, b| a.points.total_cmp(&b.points));
    strongest.map_or("Nothing", |reason| reason.text)
}

pub(super) fn reasons(reasons: &[Reason]) -> Json {
    let all = reasons.iter().map(|reason| {
        json!({
            "field": reason.field, "likeness": rounded(reason.likeness),
            "points": rounded(reason.points), "reason": reason.text,
        })
    });
    Json::Array(all.collect())
}

/// Three decimals are all that anybody reads.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
