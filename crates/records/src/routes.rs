//! The routes that every object has, and those across objects.

use std::sync::Arc;

use kith_http::{Answer, Call, Idempotency, Operation, Routes as Served, schema};
use kith_kernel::{Result, Role};
use kith_platform::Attempts;
use kith_store::Read;
use serde_json::{Value as Json, json};

use crate::{
    Ask, Manner, Records,
    ask::archived,
    batches,
    bulk::{self, Bulk},
    describe::{Desk, Object, Routes},
    schemas,
};

/// The common routes of an object.
pub fn object_routes(records: &Arc<Records>, object: &'static Object) -> Served {
    let routes = Served::new();
    let routes = comparing(reading(routes, records, object), records, object);
    let routes = if object.rules.are_people() { cards(routes, records, object) } else { routes };
    let routes = match object.routes {
        Routes::All | Routes::Kept => creating(routes, records, object),
        Routes::Uploaded => routes,
    };
    let routes = writing(routes, records, object);
    if object.routes == Routes::Kept { routes } else { ending(routes, records, object) }
}

fn paths(object: &'static Object, rest: &str) -> (String, Option<String>) {
    let path = |name: &str| format!("/api/{name}{rest}");
    (path(&object.path()), object.alias.map(path))
}

fn served(
    operation: impl FnOnce(String) -> Operation,
    object: &'static Object,
    rest: &str,
) -> Operation {
    let (path, alias) = paths(object, rest);
    let operation = operation(path);
    match alias {
        Some(alias) => operation.alias(alias),
        None => operation,
    }
}

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
fn reading(routes: Served, records: &Arc<Records>, object: &'static Object) -> Served {
    let (tag, many) = (object.scope(), object.plural);
    let one = schema::named(&schemas::name(object));
    let list = served(|path| Operation::get(path, tag, &format!("List {many}")), object, "");
    let list = schemas::list_parameters(list, object).scope(object.scope(), "read").answers(
        200,
        "A page.",
        schema::page(one.clone()),
    );
    let read = served(
        |path| Operation::get(path, tag, &format!("Read a {}", object.name)),
        object,
        "/{id}",
    )
    .scope(object.scope(), "read")
    .query("fields", schema::string(), "Fields to show, with commas between.")
    .query("include", schema::string(), "Links to follow, with commas between.")
    .query("asOf", schema::string(), "An instant: the record as it was then.")
    .answers(200, "The record; ETag is its version.", one);
    let history = served(
        |path| Operation::get(path, tag, &format!("The history of a {}", object.name)),
        object,
        "/{id}/history",
    )
    .scope(object.scope(), "read")
    .query("limit", schema::integer(), "Events of a page, 1 to 200.")
    .query("cursor", schema::string(), "Where to go on.")
    .answers(200, "Its events, newest first.", schema::page(schema::named("Event")));
    let export =
        served(|path| Operation::get(path, tag, &format!("Export {many}")), object, "/export");
    let formats: &[&str] =
        if object.rules.are_people() { &["csv", "jsonl", "vcard"] } else { &["csv", "jsonl"] };
    let export = schemas::list_parameters(export, object)
        .query(
            "format",
            schema::one_of(formats),
            "The form of the file; a vcard is of 4.0 unless version says 3.0.",
        )
        .role(Role::Member)
        .scope(object.scope(), "read")
        .answers_text(200, "All records that fit, as a stream.", "text/csv");
    let (a, b, c, d) =
        (Arc::clone(records), Arc::clone(records), Arc::clone(records), Arc::clone(records));
    routes
        .add(list, move |call| list_handler(Arc::clone(&a), object, call))
        .add(read, move |call| read_handler(Arc::clone(&b), object, call))
        .add(history, move |call| {
            let records = Arc::clone(&c);
            async move {
                let object = records.meant(&call, object).await?;
                records.history(&call, object).await
            }
        })
        .add(export, move |call| {
            let records = Arc::clone(&d);
            async move {
                let object = records.meant(&call, object).await?;
                records.export(&call, object).await
            }
        })
}

fn cards(routes: Served, records: &Arc<Records>, object: &'static Object) -> Served {
    let card = served(
        |path| Operation::get(path, object.scope(), &format!("A {} as a vCard", object.name)),
        object,
        "/{id}/vcard",
    )
    .scope(object.scope(), "read")
    .query("version", schema::one_of(&["3.0", "4.0"]), "Of the format; 4.0 unless said.")
    .answers_text(200, "The card.", "text/vcard");
    let records = Arc::clone(records);
    routes.add(card, move |call| {
        let records = Arc::clone(&records);
        async move { records.card(&call, object).await }
    })
}

fn comparing(routes: Served, records: &Arc<Records>, object: &'static Object) -> Served {
    let tag = object.scope();
    let diff = served(
        |path| Operation::get(path, tag, &format!("What changed of a {} meanwhile", object.name)),
        object,
        "/{id}/diff",
    )
    .scope(object.scope(), "read")
    .query("from", schema::string(), "The earlier instant; when it was made unless said.")
    .query("to", schema::string(), "The later instant; now unless said.")
    .answers(200, "Each field that differs, and who changed it last.", schema::named("Diff"));
    let records = Arc::clone(records);
    routes.add(diff, move |call| {
        let records = Arc::clone(&records);
        async move {
            let object = records.meant(&call, object).await?;
            records.diff(&call, object).await
        }
    })
}

/// Who may write records of an object.
fn writer(object: &'static Object) -> Role {
    if object.routes == Routes::Kept { Role::Admin } else { Role::Member }
}

fn creating(routes: Served, records: &Arc<Records>, object: &'static Object) -> Served {
    let (tag, name) = (object.scope(), object.name);
    let create = served(|path| Operation::post(path, tag, &format!("Create a {name}")), object, "")
        .role(writer(object))
        .scope(object.scope(), "write")
        .idempotency(Idempotency::Replays)
        .body(schema::named(&schemas::input_name(object)))
        .answers(
            201,
            "The record; Location is its address.",
            schema::named(&schemas::name(object)),
        );
    let create = if object.rules.warns() {
        let about =
            "true adds `warnings`: records that may be the same, as check-duplicate tells them.";
        create.query("checkDuplicates", schema::boolean(), about)
    } else {
        create
    };
    let records = Arc::clone(records);
    routes.add(create, move |call| create_handler(Arc::clone(&records), object, call))
}

fn writing(routes: Served, records: &Arc<Records>, object: &'static Object) -> Served {
    let (tag, name) = (object.scope(), object.name);
    let one = schema::named(&schemas::name(object));
    let input = schema::named(&schemas::input_name(object));
    let role = writer(object);
    let change = |operation: Operation| {
        operation
            .role(role)
            .scope(object.scope(), "write")
            .idempotency(Idempotency::Replays)
            .body(input.clone())
            .answers(200, "The record as it is now.", one.clone())
    };
    let patch = change(served(
        |path| Operation::patch(path, tag, &format!("Change a {name}")),
        object,
        "/{id}",
    ));
    let put = change(served(
        |path| Operation::put(path, tag, &format!("Change a {name} (as PATCH)")),
        object,
        "/{id}",
    ));
    let (a, b) = (Arc::clone(records), Arc::clone(records));
    routes
        .add(patch, move |call| update_handler(Arc::clone(&a), object, call))
        .add(put, move |call| update_handler(Arc::clone(&b), object, call))
}

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
fn ending(routes: Served, records: &Arc<Records>, object: &'static Object) -> Served {
    let (tag, name) = (object.scope(), object.name);
    let one = schema::named(&schemas::name(object));
    let delete =
        served(|path| Operation::delete(path, tag, &format!("Delete a {name}")), object, "/{id}")
            .role(Role::Admin)
            .scope(object.scope(), "delete")
            .answers_nothing(204, "It is no longer found; restore brings it back.");
    let restore = served(
        |path| Operation::post(path, tag, &format!("Bring a deleted {name} back")),
        object,
        "/{id}/restore",
    )
    .role(Role::Admin)
    .scope(object.scope(), "delete")
    .idempotency(Idempotency::Replays)
    .answers(200, "The record.", one);
    let bulk = served(
        |path| {
            Operation::post(path, tag, &format!("Change, delete or restore many {}", object.plural))
        },
        object,
        "/bulk",
    )
    .scope(object.scope(), "write")
    .seconds(120)
    .typed_body::<Bulk>(bulk::body())
    .answers(
        200,
        "By ids: how many succeeded, and why the others did not. A dry run: how many fit.",
        schema::any_of(&[schema::named("BulkResult"), schema::named("BulkTrial")]),
    )
    .answers(
        202,
        "By a rule: the batch; Location is where its job can be followed.",
        schema::named("Batch"),
    );
    let (a, b, c) = (Arc::clone(records), Arc::clone(records), Arc::clone(records));
    routes
        .add(delete, move |call| delete_handler(Arc::clone(&a), object, call))
        .add(restore, move |call| restore_handler(Arc::clone(&b), object, call))
        .add(bulk, move |mut call| {
            let records = Arc::clone(&c);
            async move {
                let object = records.meant(&call, object).await?;
                records.bulk(&mut call, object).await
            }
        })
}

/// Search across objects, and the log of everything.
pub fn shared_routes(records: &Arc<Records>) -> Served {
    let search = Operation::get("/api/search", "search", "Find records of any kind by words")
        .scope("search", "read")
        .query("q", schema::string(), "Words, or beginnings of words.")
        .query("object", schema::string(), "One kind of record, such as contact.")
        .query("limit", schema::integer(), "Records at most, 1 to 100.")
        .query(
            "archived",
            schema::one_of(&["false", "true", "all"]),
            "Whether what is archived is found: not (false), nothing else (true), or with the others (all).",
        )
        .answers(200, "The records that fit best, the best first.", schema::named("SearchResult"));
    let logs = Operation::get("/api/audit-logs", "audit", "Everything that happened in the tenant")
        .role(Role::Admin)
        .scope("audit-logs", "read");
    let logs = schemas::audit_parameters(logs)
        .query("limit", schema::integer(), "Events of a page, 1 to 200.")
        .query("cursor", schema::string(), "Where to go on.")
        .answers(200, "Events, newest first.", schema::page(schema::named("Event")));
    let export = Operation::get("/api/audit-logs/export", "audit", "The log as JSON lines")
        .role(Role::Admin)
        .scope("audit-logs", "read");
    let export = schemas::audit_parameters(export).answers_text(
        200,
        "Every event that fits, as a stream.",
        "application/jsonl",
    );
    let (a, b, c) = (Arc::clone(records), Arc::clone(records), Arc::clone(records));
    Served::new()
        .add(search, move |call| search_handler(Arc::clone(&a), call))
        .add(logs, move |call| {
            let records = Arc::clone(&b);
            async move { records.audit_logs(&call).await }
        })
        .add(export, move |call| {
            let records = Arc::clone(&c);
            async move { records.export_audit_logs(&call).await }
        })
}

async fn list_handler(
    records: Arc<Records>,
    object: &'static Object,
    call: Call,
) -> Result<Answer> {
    let object = records.meant(&call, object).await?;
    let ask = Ask::read(&call.query()?)?;
    let page = call.ctx.read(async |db| records.list(&call.ctx, db, object, &ask).await).await?;
    Ok(Answer::written(page.json))
}

async fn read_handler(
    records: Arc<Records>,
    object: &'static Object,
    call: Call,
) -> Result<Answer> {
    let object = records.meant(&call, object).await?;
    let (id, query) = (call.id("id")?, call.query()?);
    query.only(&["fields", "include", "asOf"])?;
    let ask = Ask::read(&query)?;
    if let Some(text) = &ask.as_of {
        let ctx = &call.ctx;
        let of = (id, &ask, text.as_str());
        let was = ctx.read(async |db| records.read_as_of(ctx, db, object, of).await).await?;
        return Answer::json(&was);
    }
    let read =
        call.ctx.read(async |db| records.read(&call.ctx, db, object, (id, &ask)).await).await?;
    let (version, json) = read;
    let answer = Answer::written(json);
    // What is included changes without the record's version.
    Ok(if ask.include.is_empty() && ask.fields.is_none() { answer.tagged(version) } else { answer })
}

async fn create_handler(
    records: Arc<Records>,
    object: &'static Object,
    mut call: Call,
) -> Result<Answer> {
    let object = records.meant(&call, object).await?;
    let body = call.body().await?;
    let input = body.object()?;
    let warned = object.rules.warns() && asks_for_warnings(&call)?;
    let manner = Manner { deferred: true, ..Manner::default() };
    let done = call
        .write(&body, async |db| {
            let ctx = &call.ctx;
            let saved = records.create_saved(ctx, db, object, (input, manner)).await?;
            let answer = if warned {
                let desk = Desk { records: &records, ctx, db };
                let mut record = saved.answer();
                let warnings = object.rules.warn(desk, (saved.id, &record)).await?;
                record.insert("warnings".to_owned(), warnings.into());
                Answer::json(&record)?
            } else {
                Answer::written(saved.json())
            };
            let place = format!("/api/{}/{}", object.path(), saved.id);
            Ok(answer.created(&place).tagged(1))
        })
        .await;
    done.map_err(|error| records.taken(object, error))
}

fn asks_for_warnings(call: &Call) -> Result<bool> {
    match call.query()?.get("checkDuplicates")? {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(kith_kernel::invalid("checkDuplicates", "must be true or false")),
    }
}

async fn update_handler(
    records: Arc<Records>,
    object: &'static Object,
    mut call: Call,
) -> Result<Answer> {
    let object = records.meant(&call, object).await?;
    let (id, body) = (call.id("id")?, call.body().await?);
    let (input, expected) = (body.object()?, call.expected_version()?);
    let manner = Manner { expected, ..Manner::default() };
    let mut attempts = Attempts::new();
    loop {
        let input = input.clone();
        let done = call
            .write(&body, async |db| {
                answer(&records.update(&call.ctx, db, object, (id, input, manner)).await?)
            })
            .await;
        if attempts.end_with(&done) {
            return done;
        }
    }
}

async fn delete_handler(
    records: Arc<Records>,
    object: &'static Object,
    call: Call,
) -> Result<Answer> {
    let object = records.meant(&call, object).await?;
    let manner = Manner { expected: call.expected_version()?, ..Manner::default() };
    let id = call.id("id")?;
    let mut attempts = Attempts::new();
    loop {
        let ctx = &call.ctx.in_batch(call.ctx.new_id());
        let done = ctx
            .write(async |db| {
                records.delete(ctx, db, object, (id, manner)).await?;
                batches::note_deletion(ctx, db, object.name)
            })
            .await;
        if attempts.end_with(&done) {
            return done.map(|()| Answer::nothing());
        }
    }
}

async fn restore_handler(
    records: Arc<Records>,
    object: &'static Object,
    mut call: Call,
) -> Result<Answer> {
    let object = records.meant(&call, object).await?;
    let (id, body) = (call.id("id")?, call.body().await?);
    call.write(&body, async |db| {
        answer(&records.restore(&call.ctx, db, object, (id, Manner::default())).await?)
    })
    .await
}

/// A record with its version as ETag.
pub(crate) fn answer(record: &crate::Record) -> Result<Answer> {
    let version = record.get("version").and_then(Json::as_i64).unwrap_or_default();
    Ok(Answer::json(record)?.tagged(version))
}

async fn search_handler(records: Arc<Records>, call: Call) -> Result<Answer> {
    let query = call.query()?;
    query.only(&["q", "object", "limit", "archived"])?;
    let archived = archived(&query)?;
    let limit = u32::try_from(query.number("limit", 1, 100)?.unwrap_or(20)).unwrap_or(20);
    let object = match query.get("object")? {
        Some(name) => {
            Some(call.ctx.read(async |db| records.object_given(db, "object", name).await).await?)
        }
        None => None,
    };
    let words = Read::words(query.get("q")?.unwrap_or_default());
    let found = call
        .ctx
        .read(async |db| records.found(&call.ctx, db, (&words, object, limit, archived)).await)
        .await?;
    Answer::json(&json!({ "data": found }))
}
