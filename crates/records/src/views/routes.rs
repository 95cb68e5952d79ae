//! Routes of views, and of the records that they show.

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema, schema::Schema};
use kith_kernel::Result;
use kith_store::{Comparison, Condition, Select};
use serde_json::{Value as Json, json};

use super::{Changes, NewView, View, delete_view, found, seen};
use crate::{Ask, Records};

const PATH: &str = "/api/views";
const ONE: &str = "/api/views/{id}";
const TAG: &str = "views";

/// The routes by which lists are kept under names.
#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub fn view_routes(records: &Arc<Records>) -> Routes {
    let one = || schema::named("View");
    let list = Operation::get(PATH, TAG, "One's own views and shared ones")
        .scope(TAG, "read")
        .query("object", schema::string(), "Of one object, such as contact.")
        .query("limit", schema::integer(), "Views of a page, 1 to 200; 50 unless said.")
        .query("cursor", schema::string(), "Where to go on: nextCursor of the page before.")
        .answers(200, "A page, in the order in which they were made.", schema::page(one()));
    let read = Operation::get(ONE, TAG, "Read a view").scope(TAG, "read").answers(
        200,
        "The view; ETag is its version.",
        one(),
    );
    let create = Operation::post(PATH, TAG, "Keep a list under a name")
        .scope(TAG, "write")
        .idempotency(Idempotency::Replays)
        .typed_body::<NewView>(schema::object(keys(true), &["object", "name"]))
        .answers(201, "The view.", one());
    let patch = Operation::patch(ONE, TAG, "Change a view; shared ones by their makers and admins")
        .scope(TAG, "write")
        .idempotency(Idempotency::Replays)
        .typed_body::<Changes>(schema::object(keys(false), &[]))
        .answers(200, "The view as it is now.", one());
    let delete =
        Operation::delete(ONE, TAG, "Delete a view; shared ones by their makers and admins")
            .scope(TAG, "delete")
            .answers_nothing(204, "It is gone.");
    let shown = Operation::get(format!("{ONE}/records"), TAG, "The records that a view shows")
        .scope(TAG, "read")
        .query("limit", schema::integer(), "Records of a page, 1 to 200; 50 unless said.")
        .query("cursor", schema::string(), "Where to go on: nextCursor of the page before.")
        .query("sort", schema::string(), "Instead of the order of the view.")
        .query("search", schema::string(), "Words, or beginnings of words.")
        .query("filter", schema::string(), "A rule as JSON that must hold as well.")
        .query("fields", schema::string(), "Instead of the columns of the view.")
        .query("include", schema::string(), "Links to follow, with commas between.")
        .query("count", schema::one_of(&["exact", "none"]), "exact adds total.")
        .answers(200, "A page of the object's records.", schema::page(schema::open_object()));
    let (making, changing, showing) =
        (Arc::clone(records), Arc::clone(records), Arc::clone(records));
    let listing = Arc::clone(records);
    Routes::new()
        .add(list, move |call| list_views(Arc::clone(&listing), call))
        .add(read, |call| async move {
            let id = call.id("id")?;
            answer(&call.ctx.read(async |db| found(&call.ctx, db, id).await).await?)
        })
        .add(create, move |call| create_view(Arc::clone(&making), call))
        .add(patch, move |call| change_view(Arc::clone(&changing), call))
        .add(delete, |call| async move {
            let id = call.id("id")?;
            call.ctx.write(async |db| delete_view(&call.ctx, db, id).await).await?;
            Ok(Answer::nothing())
        })
        .add(shown, move |call| show_records(Arc::clone(&showing), call))
}

fn keys(is_new: bool) -> Vec<(&'static str, Schema)> {
    let rule = schema::described(
        schema::any(),
        "As in ?filter=: {\"field\", \"op\", \"value\"}, all, any, not.",
    );
    let mut keys = vec![
        ("name", schema::string()),
        ("rule", rule),
        ("sort", schema::described(schema::nullable(schema::string()), "-createdAt,name")),
        ("columns", schema::nullable(schema::list(schema::string()))),
        ("layout", schema::one_of(&["list", "board", "calendar"])),
        ("shared", schema::nullable(schema::boolean())),
    ];
    if is_new {
        keys.push(("object", schema::string()));
    }
    keys
}

/// The named schema of a view.
pub fn view_schemas() -> Vec<(String, Json)> {
    let mut all = keys(true);
    all.extend([
        ("id", schema::id()),
        ("ownerId", schema::nullable(schema::id())),
        ("version", schema::integer()),
        ("createdAt", schema::time()),
        ("updatedAt", schema::time()),
    ]);
    vec![("View".to_owned(), schema::object(all, &["id", "object", "name", "rule"]))]
}

fn answer(view: &View) -> Result<Answer> {
    Ok(Answer::json(&view.shown())?.tagged(view.version))
}

async fn list_views(records: Arc<Records>, call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["object", "limit", "cursor"])?;
    let limit = query.number("limit", 1, 200)?.unwrap_or(50);
    let mut select = Select::from("views").only(seen(&call.ctx));
    if let Some(name) = query.get("object")? {
        let object =
            call.ctx.read(async |db| records.object_given(db, "object", name).await).await?;
        select = select.whose("object", object.name);
    }
    if let Some(id) = query.id("cursor")? {
        select = select.only(Condition::Compare("id", Comparison::Greater, id.into()));
    }
    let select = select.by("id", false).at_most(limit + 1);
    let mut views: Vec<View> = call.ctx.read(async |db| db.all(select).await).await?;
    let more = views.len() as u64 > limit;
    views.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = views.last().filter(|_| more).map(|view| view.id.to_string());
    let data: Vec<Json> = views.iter().map(View::shown).collect();
    Answer::json(&json!({ "data": data, "nextCursor": next }))
}

async fn create_view(records: Arc<Records>, mut call: Call) -> Result<Answer> {
    let body = call.body().await?;
    call.write(&body, async |db| {
        let view = records.make_view(&call.ctx, db, body.parse()?).await?;
        Ok(answer(&view)?.created(&format!("{PATH}/{}", view.id)))
    })
    .await
}

async fn change_view(records: Arc<Records>, mut call: Call) -> Result<Answer> {
    let (id, body, expected) = (call.id("id")?, call.body().await?, call.expected_version()?);
    call.write(&body, async |db| {
        let change = (id, body.parse()?, expected);
        answer(&records.change_view(&call.ctx, db, change).await?)
    })
    .await
}

async fn show_records(records: Arc<Records>, call: Call) -> Result<Answer> {
    let (id, given) = (call.id("id")?, Ask::read(&call.query()?)?);
    let page = call
        .ctx
        .read(async |db| {
            let view = found(&call.ctx, db, id).await?;
            let object = records.shape_named(&view.object)?.object;
            call.ctx.actor.scopes.require(object.scope(), "read")?;
            let kept = view.ask()?;
            let ask = Ask {
                rule: kept.rule.and(given.rule),
                sort: if given.sort.is_empty() { kept.sort } else { given.sort },
                fields: given.fields.or(kept.fields),
                ..given
            };
            records.list(&call.ctx, db, object, &ask).await
        })
        .await?;
    Ok(Answer::written(page.json))
}
