//! Routes of custom objects and of their records.

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Result, Role};
use kith_store::{Comparison, Condition, Read, Select};
use serde_json::{Value as Json, json};

use super::{
    CustomObject,
    change::{self, Changes, NewObject},
    find::find,
    schemas::{changes_schema, new_schema},
};
use crate::{
    Records,
    added::NAMED,
    import::{Imports, object_route},
    routes::object_routes,
};

const PATH: &str = "/api/objects";
const ONE: &str = "/api/objects/{object}";
const TAG: &str = "objects";

/// The routes by which a tenant adds objects, and those of their records.
#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub fn custom_object_routes(records: &Arc<Records>, imports: &Imports) -> Routes {
    let one = || schema::named("CustomObject");
    let list = Operation::get(PATH, TAG, "The objects that the tenant added")
        .scope(TAG, "read")
        .query("limit", schema::integer(), "Objects of a page, 1 to 200; 50 unless said.")
        .query("cursor", schema::string(), "Where to go on: nextCursor of the page before.")
        .answers(200, "A page, by their names.", schema::page(one()));
    let read = Operation::get(ONE, TAG, "Read a custom object").scope(TAG, "read").answers(
        200,
        "The object.",
        one(),
    );
    let create = Operation::post(PATH, TAG, "Add an object")
        .role(Role::Admin)
        .scope(TAG, "write")
        .idempotency(Idempotency::Replays)
        .typed_body::<NewObject>(new_schema())
        .answers(201, "The object; its records are at its path at once.", one());
    let patch = Operation::patch(ONE, TAG, "Change what people see of a custom object")
        .role(Role::Admin)
        .scope(TAG, "write")
        .idempotency(Idempotency::Replays)
        .typed_body::<Changes>(changes_schema())
        .answers(200, "The object as it is now.", one());
    let delete = Operation::delete(ONE, TAG, "Delete a custom object that has no records")
        .role(Role::Admin)
        .scope(TAG, "delete")
        .answers_nothing(204, "It is gone; adding its name again brings its fields back.")
        .refuses(409, "It has records, or a custom field links to it.");
    let engine = Arc::clone(records);
    Routes::new()
        .add(list, |call| async move { list_objects(&call).await })
        .add(read, |call| async move {
            call.ctx.read(async |db| answer(db, call.path("object")).await).await
        })
        .add(create, move |call| create_object(Arc::clone(&engine), call))
        .add(patch, change_object)
        .add(delete, |call| async move {
            let name = call.path("object");
            call.ctx.write(async |db| change::delete(&call.ctx, db, name).await).await?;
            Ok(Answer::nothing())
        })
        .and(object_routes(records, &NAMED))
        .and(object_route(imports, &NAMED))
}

async fn answer(db: &Read, name: &str) -> Result<Answer> {
    Answer::json(&find(db, name).await?.shown())
}

async fn list_objects(call: &Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["limit", "cursor"])?;
    let limit = query.number("limit", 1, 200)?.unwrap_or(50);
    let mut select = Select::from("objects").only(Condition::Null("deleted_at"));
    if let Some(name) = query.get("cursor")? {
        select = select.only(Condition::Compare("name", Comparison::Greater, name.into()));
    }
    let select = select.by("name", false).at_most(limit + 1);
    let mut found: Vec<CustomObject> = call.ctx.read(async |db| db.all(select).await).await?;
    let more = found.len() as u64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = found.last().filter(|_| more).map(|object| object.name.clone());
    let data: Vec<Json> = found.iter().map(CustomObject::shown).collect();
    Answer::json(&json!({ "data": data, "nextCursor": next }))
}

async fn create_object(records: Arc<Records>, mut call: Call) -> Result<Answer> {
    let body = call.body().await?;
    call.write(&body, async |db| {
        let given: NewObject = body.parse()?;
        let name = records.make_object(&call.ctx, db, given).await?;
        Ok(answer(db, &name).await?.created(&format!("{PATH}/{name}")))
    })
    .await
}

async fn change_object(mut call: Call) -> Result<Answer> {
    let (name, body) = (call.path("object").to_owned(), call.body().await?);
    call.write(&body, async |db| {
        let given: Changes = body.parse()?;
        change::change(&call.ctx, db, (&name, given)).await?;
        answer(db, &name).await
    })
    .await
}
