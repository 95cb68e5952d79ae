//! Descriptions as JSON Schemas: what a record looks like, what may be sent, what lists can be asked.

use kith_http::{Operation, schema, schema::Schema};
use serde_json::{Map, Value as Json, json};

use crate::{
    Records,
    catalog::Shape,
    describe::{Field, Kind, Object, Writable},
    values::LONGEST_LONG_TEXT,
};

/// `Deal` for the object `deal`.
pub(crate) fn name(object: &Object) -> String {
    if object.shares.is_some() {
        return of_added(object);
    }
    let (first, rest) = object.name.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// `VehicleRecord`, which no other schema is called; `CustomRecord` for any of them.
fn of_added(object: &Object) -> String {
    let name = object.name.trim_matches(['{', '}']);
    let name = if name == object.name { name } else { "custom" };
    let (first, rest) = name.split_at(1);
    format!("{}{rest}Record", first.to_uppercase())
}

/// `DealInput`.
pub(crate) fn input_name(object: &Object) -> String {
    format!("{}Input", name(object))
}

/// The named schemas of all objects and of what they share.
pub fn schemas(records: &Records) -> Vec<(String, Json)> {
    let mut all: Vec<(String, Json)> = Vec::new();
    for shape in records.shapes() {
        all.extend(of_object(shape));
    }
    all.extend(crate::import::schemas());
    all.push(("Event".to_owned(), event()));
    all.push(("BulkResult".to_owned(), bulk_result()));
    all.push(("Diff".to_owned(), diff()));
    all.push(("BulkTrial".to_owned(), bulk_trial()));
    all.push(("SearchResult".to_owned(), search_result()));
    all
}

/// The schemas of a record as it is shown and as it is sent.
pub(crate) fn of_object(shape: &Shape) -> [(String, Json); 2] {
    let shown = schema::described(record(shape, false), shape.object.about);
    [(name(shape.object), shown), (input_name(shape.object), record(shape, true))]
}

fn record(shape: &Shape, input: bool) -> Schema {
    let mut keys: Map<String, Json> = Map::new();
    if !input {
        keys.insert("id".to_owned(), schema::id());
    }
    for field in shape.fields.iter().filter(|field| !input || field.writable == Writable::User) {
        let of = describe(field);
        match field.group() {
            None => {
                keys.insert(field.key.to_owned(), of);
            }
            Some((group, key)) => {
                let inside = keys
                    .entry(group)
                    .or_insert_with(|| json!({ "type": "object", "properties": {} }));
                inside["properties"][key] = of;
            }
        }
    }
    let custom =
        schema::described(schema::open_object(), "The tenant's own fields, by their names.");
    keys.insert("custom".to_owned(), custom);
    json!({ "type": "object", "properties": keys })
}

fn describe(field: &Field) -> Schema {
    let of = match field.kind {
        Kind::Text => json!({ "type": "string", "maxLength": 500 }),
        Kind::LongText => json!({ "type": "string", "maxLength": LONGEST_LONG_TEXT }),
        Kind::Json => schema::any(),
        Kind::Email => schema::format("email"),
        Kind::Phone | Kind::Url => schema::string(),
        Kind::Integer(least, most) => {
            let mut of = schema::integer();
            of["minimum"] = json!(least);
            // Beyond 2^53 a JSON number is no longer exact, so that there is no bound to tell.
            if most < 1 << 53 {
                of["maximum"] = json!(most);
            }
            of
        }
        Kind::Number => schema::number(),
        Kind::Money => {
            schema::described(schema::number(), "Exact to the minor unit of the record's currency.")
        }
        Kind::Currency => json!({ "type": "string", "pattern": "^[A-Za-z]{3}$" }),
        Kind::Date => schema::format("date"),
        Kind::Time => schema::time(),
        Kind::Bool => schema::boolean(),
        Kind::Choice(words) => schema::one_of(words),
        Kind::Link(..) | Kind::Related | Kind::Id => schema::id(),
        Kind::Labels => schema::list(schema::string()),
    };
    let of = match field.kind {
        Kind::Labels | Kind::Json => of,
        _ => schema::nullable(of),
    };
    if field.about.is_empty() { of } else { schema::described(of, field.about) }
}

fn event() -> Schema {
    schema::object(
        vec![
            ("id", schema::id()),
            ("action", schema::described(schema::string(), "What happened: deal.updated.")),
            ("object", schema::string()),
            ("recordId", schema::nullable(schema::id())),
            ("memberId", schema::nullable(schema::id())),
            ("userId", schema::nullable(schema::id())),
            ("credentialId", schema::nullable(schema::id())),
            ("via", schema::one_of(&["session", "key", "system"])),
            ("address", schema::nullable(schema::string())),
            ("requestId", schema::nullable(schema::id())),
            ("batchId", schema::nullable(schema::id())),
            ("at", schema::time()),
            ("before", schema::any()),
            ("after", schema::any()),
        ],
        &["id", "action", "object", "at"],
    )
}

fn bulk_result() -> Schema {
    let place = schema::object(
        vec![("pointer", schema::string()), ("message", schema::string())],
        &["pointer", "message"],
    );
    let failure = schema::object(
        vec![
            ("id", schema::id()),
            ("code", schema::string()),
            ("message", schema::string()),
            ("errors", schema::list(place)),
        ],
        &["id", "code", "message"],
    );
    schema::object(
        vec![
            ("batchId", schema::id()),
            ("succeeded", schema::integer()),
            ("failed", schema::list(failure)),
        ],
        &["batchId", "succeeded", "failed"],
    )
}

fn diff() -> Schema {
    let id = || schema::nullable(schema::id());
    let one = schema::object(
        vec![
            ("field", schema::string()),
            ("before", schema::any()),
            ("after", schema::any()),
            ("changedAt", schema::nullable(schema::time())),
            ("memberId", id()),
            ("userId", id()),
            ("batchId", id()),
        ],
        &["field", "before", "after", "changedAt"],
    );
    schema::object(
        vec![
            ("id", schema::id()),
            ("object", schema::string()),
            ("from", schema::time()),
            ("to", schema::time()),
            ("fromVersion", schema::integer()),
            ("toVersion", schema::integer()),
            ("changes", schema::list(one)),
        ],
        &["id", "object", "from", "to", "fromVersion", "toVersion", "changes"],
    )
}

fn bulk_trial() -> Schema {
    let one = schema::object(
        vec![
            ("id", schema::id()),
            ("before", schema::any()),
            ("after", schema::any()),
            ("error", schema::nullable(schema::string())),
        ],
        &["id", "before", "after", "error"],
    );
    schema::object(
        vec![
            ("dryRun", schema::boolean()),
            ("action", schema::one_of(&["update", "delete", "restore"])),
            ("matching", schema::integer()),
            ("sample", schema::list(one)),
        ],
        &["dryRun", "action", "matching", "sample"],
    )
}

fn search_result() -> Schema {
    let hit = schema::object(
        vec![
            ("object", schema::string()),
            ("id", schema::id()),
            ("name", schema::nullable(schema::string())),
            ("rank", schema::number()),
        ],
        &["object", "id", "rank"],
    );
    schema::object(vec![("data", schema::list(hit))], &["data"])
}

/// The parameters of a list, with one filter for each field.
pub(crate) fn list_parameters(operation: Operation, object: &'static Object) -> Operation {
    let operation = operation
        .query("limit", schema::integer(), "Records of a page, 1 to 200; 50 unless said.")
        .query("cursor", schema::string(), "Where to go on: nextCursor of the page before.")
        .query("page", schema::integer(), "A page by its number, to a depth of 10,000 records.")
        .query(
            "sort",
            schema::string(),
            "Up to three fields with commas between; - in front for descending.",
        )
        .query("search", schema::string(), "Words, or beginnings of words.")
        .query("filter", schema::string(), "A rule as JSON.")
        .query("fields", schema::string(), "Fields to show, with commas between.")
        .query("include", schema::string(), "Links to follow, with commas between.")
        .query("count", schema::one_of(&["exact", "none"]), "exact adds total.")
        .query("deleted", schema::boolean(), "What was deleted instead.")
        .query(
            "archived",
            schema::one_of(&["true", "false", "all"]),
            "true: what was archived instead; all: both.",
        )
        .query("asOf", schema::string(), "An instant: the records as they were then.");
    object.fields.iter().filter(|field| !matches!(field.kind, Kind::LongText | Kind::Json)).fold(
        operation,
        |operation, field| {
            operation.query(
                field.key,
                schema::string(),
                "Records whose field has this value; also field[op].",
            )
        },
    )
}

/// The parameters of the log.
pub(crate) fn audit_parameters(operation: Operation) -> Operation {
    operation
        .query("action", schema::string(), "What happened: deal.updated.")
        .query("object", schema::string(), "To which kind of object.")
        .query("recordId", schema::id(), "To which record.")
        .query("memberId", schema::id(), "By which member.")
        .query("userId", schema::id(), "By which user.")
        .query("since", schema::time(), "After this instant.")
        .query("until", schema::time(), "Until this instant.")
}
