//! Routes of custom fields.

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{Id, Result, Role};
use kith_store::Read;

use super::{
    change::found,
    convert::Wish,
    input::{Changes, NewField},
    schemas::{changes_schema, convert_schema, new_schema},
    shown::shown,
};
use crate::Records;

const PATH: &str = "/api/custom-fields";
const ONE: &str = "/api/custom-fields/{id}";
const TAG: &str = "custom-fields";

/// The routes by which a tenant adds fields to objects.
#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub fn custom_field_routes(records: &Arc<Records>) -> Routes {
    let one = || schema::named("CustomField");
    let list = Operation::get(PATH, TAG, "The fields that the tenant added")
        .scope(TAG, "read")
        .query("object", schema::string(), "Of one object, such as contact.")
        .query("retired", schema::boolean(), "Those that were deleted instead.")
        .query("limit", schema::integer(), "Fields of a page, 1 to 200; 50 unless said.")
        .query("cursor", schema::string(), "Where to go on: nextCursor of the page before.")
        .answers(200, "A page, in the order in which they were made.", schema::page(one()));
    let read = Operation::get(ONE, TAG, "Read a custom field").scope(TAG, "read").answers(
        200,
        "The field.",
        one(),
    );
    let create = Operation::post(PATH, TAG, "Add a field to an object")
        .role(Role::Admin)
        .scope(TAG, "write")
        .idempotency(Idempotency::Replays)
        .typed_body::<NewField>(new_schema())
        .answers(201, "The field; it is there at once, however many records there are.", one());
    let patch = Operation::patch(ONE, TAG, "Change a custom field, but for its name and kind")
        .role(Role::Admin)
        .scope(TAG, "write")
        .idempotency(Idempotency::Replays)
        .typed_body::<Changes>(changes_schema())
        .answers(200, "The field as it is now.", one());
    let delete =
        Operation::delete(ONE, TAG, "Delete a custom field and, a little later, its values")
            .role(Role::Admin)
            .scope(TAG, "delete")
            .answers_nothing(204, "It is retired; its name is free when its values are gone.");
    let convert =
        Operation::post(format!("{ONE}/convert"), TAG, "Change the kind of a custom field")
            .role(Role::Admin)
            .scope(TAG, "write")
            .seconds(120)
            .typed_body::<Wish>(convert_schema())
            .answers(200, "What a dry run found.", schema::named("Conversion"))
            .answers(
                202,
                "The kind is the new one; a job rewrites the records.",
                schema::named("Conversion"),
            );
    Routes::new()
        .add(
            list,
            with(records, |records, call| async move { records.list_custom_fields(&call).await }),
        )
        .add(read, |call| async move {
            let id = call.id("id")?;
            call.ctx.read(async |db| answer(db, id).await).await
        })
        .add(create, with(records, create_field))
        .add(patch, with(records, change_field))
        .add(delete, with(records, delete_field))
        .add(
            convert,
            with(records, |records, mut call| async move { records.convert(&mut call).await }),
        )
}

/// A handler that holds the engine.
fn with<F, H>(records: &Arc<Records>, handler: H) -> impl Fn(Call) -> F + use<F, H>
where
    F: Future<Output = Result<Answer>> + Send,
    H: Fn(Arc<Records>, Call) -> F,
{
    let records = Arc::clone(records);
    move |call| handler(Arc::clone(&records), call)
}

async fn answer(db: &Read, id: Id) -> Result<Answer> {
    Answer::json(&shown(found(db, id).await?))
}

async fn create_field(records: Arc<Records>, mut call: Call) -> Result<Answer> {
    let body = call.body().await?;
    let done = call
        .write(&body, async |db| {
            let given: NewField = body.parse()?;
            let id = records.make_custom_field(&call.ctx, db, given).await?;
            Ok(answer(db, id).await?.created(&format!("{PATH}/{id}")))
        })
        .await;
    records.forget_custom_fields(&call.ctx);
    done
}

async fn change_field(records: Arc<Records>, mut call: Call) -> Result<Answer> {
    let (id, body) = (call.id("id")?, call.body().await?);
    let done = call
        .write(&body, async |db| {
            let given: Changes = body.parse()?;
            records.change_custom_field(&call.ctx, db, (id, given)).await?;
            answer(db, id).await
        })
        .await;
    records.forget_custom_fields(&call.ctx);
    done
}

async fn delete_field(records: Arc<Records>, call: Call) -> Result<Answer> {
    let id = call.id("id")?;
    call.ctx.write(async |db| records.delete_custom_field(&call.ctx, db, id).await).await?;
    records.forget_custom_fields(&call.ctx);
    Ok(Answer::nothing())
}
