//! Finding duplicates at once: by fields that are the same, or by likeness where there are few records.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use kith_http::{Answer, Call, Operation, Routes, schema};
use kith_kernel::{
    Error, Id, Kind as ErrorKind, Result, Role, internal, invalid, text::camel_case,
};
use kith_platform::Ctx;
use kith_records::{Field, Kind, Object, Records};
use kith_store::{Condition, Read, Row};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{
    check::{main, named, own_tenant, reasons, rounded},
    entity::{self, Entity},
    pairs::{self, Group, Search},
    scan,
    settings::{self, Settings},
    sketch::Sketch,
};

/// Groups that are told; of each, so many ids.
const MOST_GROUPS: usize = 200;
const MOST_IDS: usize = 100;
const MOST_FIELDS: usize = 5;
/// Records whose likeness is worked out while somebody waits.
const MOST_COMPARED: u64 = 5_000;
/// Records that are grouped by equal fields while somebody waits.
const MOST_GROUPED: usize = 1_000_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    entity: Option<String>,
    entity_type: Option<String>,
    fields: Option<Vec<String>>,
    threshold: Option<f64>,
    tenant_id: Option<String>,
}

pub(super) fn routes(records: &Arc<Records>) -> Routes {
    let name = || {
        schema::nullable(schema::described(
            schema::string(),
            "contact, account, lead; with fields, any object.",
        ))
    };
    let find = Operation::post("/api/validation/find-duplicates", "validation", "Find groups of duplicates at once")
        .role(Role::Viewer)
    .scope("duplicates", "read")
        .seconds(60)
        .typed_body::<Wish>(schema::object(
            vec![
                ("entity", name()),
                ("entityType", schema::described(name(), "The same as entity.")),
                (
                    "fields",
                    schema::described(
                        schema::nullable(schema::list(schema::string())),
                        "Fields that are all the same, whatever their case and accents. Without them, what is alike.",
                    ),
                ),
                ("threshold", schema::nullable(settings::threshold_schema())),
                ("tenantId", schema::nullable(schema::string())),
            ],
            &[],
        ))
        .answers(200, "Groups, the largest first; of likeness, the surest.", schema::named("FoundDuplicates"));
    let records = Arc::clone(records);
    Routes::new().add(find, move |call| handle(Arc::clone(&records), call))
}

pub(super) fn schemas() -> Vec<(String, Json)> {
    let group = schema::object(
        vec![
            ("key", schema::described(schema::string(), "What they have in common.")),
            ("count", schema::integer()),
            ("score", schema::number()),
            ("reasons", schema::list(schema::named("DuplicateReason"))),
            ("ids", schema::list(schema::id())),
        ],
        &["key", "count", "score", "reasons", "ids"],
    );
    let found = schema::object(
        vec![
            ("entity", schema::string()),
            ("fields", schema::list(schema::string())),
            ("total", schema::described(schema::integer(), "How many groups there are.")),
            ("groups", schema::list(group)),
        ],
        &["entity", "fields", "total", "groups"],
    );
    vec![("FoundDuplicates".to_owned(), found)]
}

async fn handle(records: Arc<Records>, mut call: Call) -> Result<Answer> {
    let wish: Wish = call.parse().await?;
    let ctx = &call.ctx;
    own_tenant(ctx, wish.tenant_id.as_deref())?;
    let name = named(wish.entity.as_deref(), wish.entity_type.as_deref())?;
    let threshold = wish.threshold.map(settings::threshold).transpose()?;
    let fields = wish.fields.unwrap_or_default();
    let object = entity::object(&records, "entity", name)?;
    ctx.actor.scopes.require(object.scope(), "read")?;
    let (total, groups) = if fields.is_empty() {
        let entity = Entity::named(&records, "entity", name)?;
        alike(ctx, entity, threshold).await?
    } else {
        let fields = compared(object, &fields)?;
        ctx.read(async |db| same(db, object, &fields).await).await?
    };
    Answer::json(
        &json!({ "entity": object.name, "fields": fields, "total": total, "groups": groups }),
    )
}

/// Groups of records that are alike.
async fn alike(
    ctx: &Ctx,
    entity: &'static Entity,
    threshold: Option<f64>,
) -> Result<(usize, Vec<Json>)> {
    let (mut ids, mut sketches) = (Vec::new(), Vec::new());
    let (settings, apart) = ctx
        .read(async |db| {
            db.each(&scan::select(entity, None).at_most(MOST_COMPARED + 1), |row| {
                let (id, sketch) = entity.read(row)?;
                ids.push(id);
                sketches.push(sketch);
                Ok(())
            })
            .await?;
            Ok((Settings::of(db).await?, scan::dismissed(db, &ids).await?))
        })
        .await?;
    if ids.len() as u64 > MOST_COMPARED {
        let why = format!(
            "There are more than {MOST_COMPARED} {}: POST /api/duplicates/scans looks through them.",
            entity.table
        );
        return Err(Error::new(ErrorKind::Invalid, "too_many_records", why));
    }
    let threshold = threshold.unwrap_or(settings.threshold);
    let search = Search { subject: entity.subject, home: settings.home, threshold };
    tokio::task::spawn_blocking(move || {
        let found = pairs::find(search, &sketches, &|| true).map(|found| found.pairs);
        let is_apart = |a: u32, b: u32| apart.contains(&(a.min(b), a.max(b)));
        let mut groups = pairs::groups(sketches.len(), found.unwrap_or_default(), &is_apart);
        groups.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.members.cmp(&b.members)));
        let shown = groups.iter().take(MOST_GROUPS);
        let shown = shown.map(|group| alike_shown(search, (&ids, &sketches), group));
        (groups.len(), shown.collect())
    })
    .await
    .map_err(|error| internal("records could not be compared").caused_by(error))
}

fn alike_shown(search: Search, (ids, sketches): (&[Id], &[Sketch]), group: &Group) -> Json {
    let why = pairs::why(search, sketches, group).reasons;
    let ids: Vec<Id> = group.members.iter().map(|at| ids[*at as usize]).collect();
    json!({
        "key": main(&why), "count": ids.len(), "score": rounded(group.score), "reasons": reasons(&why), "ids": ids,
    })
}

/// The fields that a caller names, in either spelling.
fn compared(object: &'static Object, names: &[String]) -> Result<Vec<&'static Field>> {
    if names.len() > MOST_FIELDS {
        return Err(invalid("fields", format!("are more than {MOST_FIELDS}")));
    }
    let mut fields: Vec<&'static Field> = Vec::new();
    for name in names {
        let camel = camel_case(name);
        let field = object.fields.iter().find(|field| field.key == camel);
        let field =
            field.filter(|field| !matches!(field.kind, Kind::LongText | Kind::Json | Kind::Labels));
        let field = field.ok_or_else(|| {
            let shown: String = name.chars().take(80).collect();
            invalid(
                "fields",
                format!(
                    "names {shown}, which is no field of {} that can be compared",
                    object.plural
                ),
            )
        })?;
        if fields.iter().any(|known| known.key == field.key) {
            return Err(invalid("fields", format!("names {} twice", field.key)));
        }
        fields.push(field);
    }
    Ok(fields)
}

/// The values of a row by which it is grouped; nothing where one of them is empty.
fn values(row: Row<'_>, fields: &[&Field]) -> Result<Option<Vec<String>>> {
    let mut values = Vec::with_capacity(fields.len());
    for (at, field) in fields.iter().enumerate() {
        let at = at + 1;
        let value = match field.kind {
            Kind::Text
            | Kind::Email
            | Kind::Phone
            | Kind::Url
            | Kind::Choice(_)
            | Kind::Currency
            | Kind::LongText => row.text(at)?.map(|text| text.trim().to_owned()),
            Kind::Integer(..) | Kind::Money => row.integer(at)?.map(|it| it.to_string()),
            Kind::Number => row.number(at)?.map(|it| it.to_string()),
            Kind::Bool => row.bool(at)?.map(|it| it.to_string()),
            Kind::Date => row.date(at)?.map(|it| it.to_string()),
            Kind::Time => row.time(at)?.map(|it| it.to_string()),
            Kind::Link(..) | Kind::Related | Kind::Id => row.id(at)?.map(|it| it.to_string()),
            Kind::Labels | Kind::Json => None,
        };
        match value.filter(|value| !value.is_empty()) {
            Some(value) => values.push(value),
            None => return Ok(None),
        }
    }
    Ok(Some(values))
}

fn hashed(values: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    values.hash(&mut hasher);
    hasher.finish()
}

/// Groups of records whose fields are the same: counted by their hashes first, so that what stands alone takes no room.
async fn same(db: &Read, object: &Object, fields: &[&Field]) -> Result<(usize, Vec<Json>)> {
    let columns: Vec<&'static str> =
        ["id"].into_iter().chain(fields.iter().map(|field| field.compared())).collect();
    let select = || object.rows().show(&columns).only(Condition::Null("deleted_at"));
    let mut counts: HashMap<u64, u32> = HashMap::new();
    let mut rows = 0_usize;
    db.each(&select().at_most(MOST_GROUPED as u64 + 1), |row| {
        rows += 1;
        if let Some(values) = values(row, fields)? {
            *counts.entry(hashed(&values)).or_default() += 1;
        }
        Ok(())
    })
    .await?;
    if rows > MOST_GROUPED {
        let why = format!("There are more than {MOST_GROUPED} {}.", object.plural);
        return Err(Error::new(ErrorKind::Invalid, "too_many_records", why));
    }
    counts.retain(|_, count| *count > 1);
    let mut largest: Vec<(u64, u32)> = counts.iter().map(|(hash, count)| (*hash, *count)).collect();
    largest.sort_unstable_by_key(|(hash, count)| (std::cmp::Reverse(*count), *hash));
    largest.truncate(MOST_GROUPS);
    let wanted: HashSet<u64> = largest.iter().map(|(hash, _)| *hash).collect();
    let mut groups: HashMap<Vec<String>, (usize, Vec<Id>)> = HashMap::new();
    db.each(&select().by("id", false), |row| {
        if let Some(values) = values(row, fields)?.filter(|values| wanted.contains(&hashed(values)))
        {
            let group = groups.entry(values).or_default();
            group.0 += 1;
            if group.1.len() < MOST_IDS {
                group.1.extend(row.id(0)?);
            }
        }
        Ok(())
    })
    .await?;
    Ok((counts.len(), shown(fields, groups)))
}

fn shown(fields: &[&Field], groups: HashMap<Vec<String>, (usize, Vec<Id>)>) -> Vec<Json> {
    let mut all: Vec<_> = groups.into_iter().filter(|(_, (count, _))| *count > 1).collect();
    all.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
    let why: Vec<Json> = fields
        .iter()
        .map(|field| json!({ "field": field.key, "likeness": 1.0, "points": 0.0, "reason": format!("Same {}", field.key) }))
        .collect();
    let group = |(values, (count, ids)): (Vec<String>, (usize, Vec<Id>))| json!({ "key": values.join(" | "), "count": count, "score": 1.0, "reasons": why, "ids": ids });
    all.into_iter().map(group).collect()
}
