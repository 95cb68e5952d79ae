//! The OpenAPI document, made of the operations that are served.

use serde_json::{Map, Value, json};

use crate::{Access, Idempotency, Operation, schema};

/// OpenAPI 3.1 over the operations, as JSON; `schemas` are the named ones. It is written out path by path, since the tree
/// of all would take ten times the room for a moment.
pub fn document<'a>(
    operations: impl Iterator<Item = &'a Operation>,
    schemas: Vec<(String, Value)>,
) -> String {
    let mut paths: Vec<(String, Vec<String>)> = Vec::new();
    for operation in operations {
        let method = operation.method.as_str().to_lowercase();
        let mut place = |path: &str, alias_of: Option<&str>| {
            let told = format!("\"{method}\":{}", describe(operation, alias_of));
            match paths.iter_mut().find(|(known, _)| known == path) {
                Some((_, methods)) => methods.push(told),
                None => paths.push((path.to_owned(), vec![told])),
            }
        };
        place(&operation.path, None);
        for alias in &operation.aliases {
            place(alias, Some(&operation.path));
        }
    }
    let mut components: Map<String, Value> = schemas.into_iter().collect();
    components.insert("Problem".to_owned(), problem());
    components.insert("OpenAiError".to_owned(), openai_error());
    components.insert("AnthropicError".to_owned(), anthropic_error());
    let paths: Vec<String> = paths
        .iter()
        .map(|(path, methods)| format!("{}:{{{}}}", json!(path), methods.join(",")))
        .collect();
    let mut text = head(&components).to_string();
    // The last brace gives way to the paths.
    text.truncate(text.len() - 1);
    text.push_str(",\"paths\":{");
    text.push_str(&paths.join(","));
    text.push_str("}}");
    text
}

/// An error as OpenAI tells it.
fn openai_error() -> Value {
    let error = schema::object(
        vec![
            ("message", schema::string()),
            ("type", schema::string()),
            ("param", schema::nullable(schema::string())),
            ("code", schema::nullable(schema::string())),
        ],
        &["message", "type", "param", "code"],
    );
    schema::object(vec![("error", error)], &["error"])
}

/// An error as Anthropic tells it.
fn anthropic_error() -> Value {
    let error = schema::object(
        vec![("type", schema::string()), ("message", schema::string())],
        &["type", "message"],
    );
    schema::object(
        vec![
            ("type", schema::one_of(&["error"])),
            ("error", error),
            ("request_id", schema::string()),
        ],
        &["type", "error", "request_id"],
    )
}

/// All but the paths.
fn head(components: &Map<String, Value>) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Kith",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A CRM backend. Sign in with POST /api/auth/register or /api/auth/login and send the token as `Authorization: Bearer …`.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "Paths begin with /api; /api/v1 is the same." }],
        "security": [{ "token": [] }],
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "A session's token, or an API key." },
            },
        },
    })
}

fn problem() -> Value {
    let place = schema::object(
        vec![("pointer", schema::string()), ("message", schema::string())],
        &["pointer", "message"],
    );
    schema::object(
        vec![
            ("type", schema::string()),
            ("title", schema::string()),
            ("status", schema::integer()),
            ("detail", schema::string()),
            ("code", schema::described(schema::string(), "Stable; meant for programs.")),
            ("errors", schema::list(place)),
            ("requestId", schema::string()),
        ],
        &["type", "title", "status", "detail", "code", "requestId"],
    )
}

fn describe(operation: &Operation, alias_of: Option<&str>) -> Value {
    let mut told = json!({
        "operationId": operation_id(operation, alias_of.is_some()),
        "tags": [operation.tag],
        "summary": operation.summary,
        "x-access": operation.access.name(),
        "parameters": parameters(operation),
        "responses": answers(operation),
    });
    if let Some((object, action)) = operation.scope {
        told["x-scope"] = json!(format!("{object}:{action}"));
    }
    if let Some(path) = alias_of {
        told["x-alias-of"] = json!(path);
    }
    if operation.access == Access::Public {
        told["security"] = json!([]);
    }
    if let Some((kind, schema)) = &operation.body {
        told["requestBody"] = json!({ "content": { *kind: { "schema": schema.schema() } } });
    }
    told
}

/// `GET /api/deals/{id}/history` → `getDealsIdHistory`; `GET /health` → `getServerHealth`, since there is `/api/health`.
fn operation_id(operation: &Operation, alias: bool) -> String {
    let mut id = operation.method.as_str().to_lowercase();
    let path = match operation.path.strip_prefix("/api/") {
        Some(path) => path,
        None => &format!("server{}", operation.path),
    };
    for word in
        path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
    {
        let (first, rest) = word.split_at(1);
        id.push_str(&first.to_uppercase());
        id.push_str(rest);
    }
    if alias { format!("{id}Alias") } else { id }
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let mut all: Vec<Value> = operation
        .parameters
        .iter()
        .map(|parameter| {
            json!({
                "name": parameter.name, "in": parameter.place, "required": parameter.place == "path",
                "schema": parameter.schema.schema(), "description": parameter.text,
            })
        })
        .collect();
    if operation.idempotency == Idempotency::Replays {
        all.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "schema": { "type": "string", "minLength": 1, "maxLength": 200 },
            "description": "The same request with the same key gets the same answer for 24 hours.",
        }));
    }
    all
}

/// What it answers when all is well, and every refusal that it can come to.
fn answers(operation: &Operation) -> Value {
    let mut all = Map::new();
    for (status, text, content) in &operation.answers {
        // The same status may come with content of several kinds.
        let answer =
            all.entry(status.to_string()).or_insert_with(|| json!({ "description": text }));
        if let Some((kind, schema)) = content {
            answer["content"][*kind] = json!({ "schema": schema.schema() });
        }
    }
    if operation.method == axum::http::Method::GET {
        all.insert(
            "304".to_owned(),
            json!({ "description": "It has not changed (If-None-Match)." }),
        );
    }
    for (status, text) in refusals(operation) {
        let (kind, schema) = operation.error_form.content();
        let refusal =
            json!({ "description": text, "content": { kind: { "schema": schema.schema() } } });
        all.entry(status.to_string()).or_insert(refusal);
    }
    Value::Object(all)
}

fn refusals(operation: &Operation) -> Vec<(u16, &'static str)> {
    let mut all = vec![
        (400, "It cannot be read: broken JSON, UTF-8 or id."),
        (408, "It took too long."),
        (422, "It can be read and is wrong; `errors` names the places."),
        (429, "Too many requests; `Retry-After` says how long to wait."),
        (503, "Something that is needed does not answer."),
    ];
    if operation.access != Access::Public {
        all.push((401, "Nobody is signed in."));
        all.push((403, "The role or the key's scopes do not allow it."));
    }
    // Who is signed in may also name a tenant that they do not belong to.
    if operation.access != Access::Public || operation.path.contains('{') {
        all.push((404, "There is no such thing, or it is another tenant's."));
    }
    if operation.access != Access::Public && operation.path.contains("{id}") {
        all.push((410, "It was erased, or deleted and purged: it is gone for good."));
    }
    if operation.method != axum::http::Method::GET {
        all.push((409, "It contradicts what is stored."));
        all.push((412, "The record has changed since the version in If-Match."));
        all.push((413, "The body is too large."));
        all.push((415, "The body has the wrong content type."));
    }
    all
}
