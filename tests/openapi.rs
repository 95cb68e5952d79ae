//! The OpenAPI document: sound in itself, and true of what the server answers.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::{
    database::{Kind, on_both},
    operations::{self, Operation},
    requests::{Request, able, add_vehicles, sensible},
    world::World,
};

on_both!(answers_are_those_that_the_document_tells);

#[tokio::test]
async fn the_document_is_sound() {
    let world = World::new(Kind::Sqlite).await;
    let document = world.nobody.get("/openapi.json").await.json;
    let mut ids = BTreeSet::new();
    for operation in operations::of_document(&document) {
        let id = operation.described["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} is the id of two operations");
        let answers = operation.described["responses"].as_object().unwrap();
        let succeeds = answers.keys().any(|status| status.starts_with('2'));
        assert!(succeeds, "{} never succeeds", operation.name());
        let named: Vec<&str> = operation.described["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let wanted: Vec<&str> =
            operation.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        assert_eq!(named, wanted, "{}", operation.name());
    }
    references(&document, &document);
}

/// Every reference leads somewhere.
fn references(value: &Json, document: &Json) {
    match value {
        Json::Object(object) => {
            if let Some(target) = object.get("$ref").and_then(Json::as_str) {
                let found = document.pointer(target.trim_start_matches('#'));
                assert!(found.is_some(), "{target} leads nowhere");
            }
            object.values().for_each(|inner| references(inner, document));
        }
        Json::Array(items) => items.iter().for_each(|inner| references(inner, document)),
        _ => {}
    }
}

/// They take a provider of models, or do not end; `models`, `engines` and `assistant` ask them.
const TRIED_ELSEWHERE: [&str; 21] = [
    "POST /v1/messages",
    "POST /v1/chat/completions",
    "POST /v1/embeddings",
    "POST /api/ai/translate",
    "POST /api/ai/chat",
    "POST /api/ai/conversations/{id}/actions/{actionId}",
    "GET /api/ai/conversations/{id}/stream",
    "GET /api/webhooks/whatsapp",
    "GET /api/webhooks/facebook",
    "GET /api/webhooks/instagram",
    "POST /api/webhooks/whatsapp",
    "POST /api/webhooks/facebook",
    "POST /api/webhooks/instagram",
    "POST /api/webhooks/telegram/{channelId}",
    "POST /api/webhooks/in/{channelId}",
    // A visitor's token goes with these.
    "GET /api/chat/{channelId}",
    "GET /api/chat/{channelId}/messages",
    "GET /api/chat/{channelId}/stream",
    "POST /api/chat/{channelId}/messages",
    "POST /api/chat/{channelId}/read",
    "POST /api/chat/{channelId}/visitors",
];

async fn answers_are_those_that_the_document_tells(kind: Kind) {
    let world = World::new(kind).await;
    let document = world.nobody.get("/openapi.json").await.json;
    let mut wrong = Vec::new();
    for owner in [&world.ana, &world.operator] {
        add_vehicles(owner).await;
    }
    for operation in operations::of_document(&document) {
        // What takes a secret in its path is tried by the tests of sign-in.
        let by_secret = operation.path.contains("{token}");
        let public_change = operation.is_public() && operation.method != "GET";
        if by_secret
            || public_change
            || operation.path == "/api/auth/logout"
            || operation.path.contains("/totp/")
            // It takes a bundle, from whoever runs the installation.
            || operation.name() == "POST /api/database/import"
            || TRIED_ELSEWHERE.contains(&operation.name().as_str())
        {
            continue;
        }
        let request = sensible(&world, &operation).await;
        let answer = able(&world, &operation).ask(&request).await;
        let told = &operation.described["responses"][answer.status.to_string()];
        if told.is_null() || answer.status >= 300 {
            wrong.push(format!("{}: {}", operation.name(), answer.text));
            continue;
        }
        let kind = answer.headers.get("content-type").map(|kind| kind.to_str().unwrap());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
        let content = told["content"].as_object();
        let known = content.map_or(kind.is_empty(), |content| {
            content.contains_key(kind) || content.contains_key("*/*")
        });
        if !known {
            wrong.push(format!("{}: a body of the kind {kind:?}", operation.name()));
        }
        if kind == "application/json" {
            let schema = &told["content"][kind]["schema"];
            let mut check = Check { document: &document, wrong: Vec::new() };
            check.fit(&answer.json, schema, "");
            let place = |at: &String| format!("{}: {at}", operation.name());
            wrong.extend(check.wrong.iter().map(place));
        }
        checks_body(&document, &operation, &request, &mut wrong);
    }
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
}

/// What was sent and taken must be what the document says can be sent.
fn checks_body(document: &Json, operation: &Operation, request: &Request, wrong: &mut Vec<String>) {
    let crate::requests::Content::Json(body) = &request.content else { return };
    let schema = &operation.described["requestBody"]["content"]["application/json"]["schema"];
    let mut check = Check { document, wrong: Vec::new() };
    check.fit(body, schema, "");
    wrong.extend(check.wrong.iter().map(|at| format!("{} takes {at}", operation.name())));
}

/// Compares values with JSON Schemas, as far as ours go.
struct Check<'a> {
    document: &'a Json,
    wrong: Vec<String>,
}

impl Check<'_> {
    fn fit(&mut self, value: &Json, schema: &Json, at: &str) {
        if let Some(target) = schema["$ref"].as_str() {
            let named = self.document.pointer(target.trim_start_matches('#')).unwrap();
            return self.fit(value, named, at);
        }
        if let Some(either) = schema["anyOf"].as_array() {
            let fits = either.iter().any(|one| {
                let mut check = Check { document: self.document, wrong: Vec::new() };
                check.fit(value, one, at);
                check.wrong.is_empty()
            });
            return self.expect(fits, || format!("{at} is none of {either:?}: {value}"));
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Json::String(kind) => vec![kind],
            Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).collect(),
            _ => vec![],
        };
        let is_kind = kinds.is_empty() || kinds.iter().any(|kind| is(value, kind));
        self.expect(is_kind, || format!("{at} is no {kinds:?}: {value}"));
        if let Some(words) = schema["enum"].as_array() {
            self.expect(words.contains(value), || format!("{at} is none of {words:?}: {value}"));
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            self.fit(item, &schema["items"], &format!("{at}/{index}"));
        }
        if let Some(object) = value.as_object() {
            self.fit_keys(object, schema, at);
        }
    }

    fn fit_keys(&mut self, object: &serde_json::Map<String, Json>, schema: &Json, at: &str) {
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            self.expect(object.contains_key(key), || format!("{at}/{key} is missing"));
        }
        for (key, value) in object {
            let at = format!("{at}/{key}");
            match schema["properties"].get(key) {
                Some(schema) => self.fit(value, schema, &at),
                // What says which keys there are means all of them.
                None => self.expect(schema["properties"].is_null(), || format!("{at} is not told")),
            }
        }
    }

    fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(what());
        }
    }
}

fn is(value: &Json, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type of JSON Schema"),
    }
}
