//! What is documented is what is answered.

#![expect(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

use kith_identity::{routes, schemas};
use serde_json::{Value, json};

use super::world::World;
use crate::database::{Kind, on_both};

on_both!(answers_are_as_documented);

/// Every key of a value is in its schema, and all that it requires is there.
fn fit(value: &Value, schema: &Value, document: &Value) {
    if let Some(name) = schema["$ref"].as_str() {
        let named = document.pointer(name.trim_start_matches('#')).unwrap();
        return fit(value, named, document);
    }
    if let Some(either) = schema["anyOf"].as_array() {
        if !value.is_null() {
            fit(value, &either[0], document);
        }
        return;
    }
    if let Some(object) = value.as_object().filter(|_| schema["properties"].is_object()) {
        for (key, value) in object {
            let known = schema["properties"].get(key);
            fit(value, known.unwrap_or_else(|| panic!("{key} is not in {schema}")), document);
        }
        for key in schema["required"].as_array().into_iter().flatten() {
            assert!(object.contains_key(key.as_str().unwrap()), "{key} is missing in {value}");
        }
    }
    for item in value.as_array().into_iter().flatten() {
        fit(item, &schema["items"], document);
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{value} is none of {words:?}");
    }
}

async fn answers_are_as_documented(kind: Kind) {
    let world = World::fresh(kind).await;
    let document = kith_http::document(routes(&world.identity).operations(), schemas());
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let ana = world.register("Ana").await;
    world.colleague(&ana, "Mia", "member").await;
    let bearer = format!("Bearer {}", ana.token);
    for (what, body) in [
        ("POST /api/auth/login", json!({ "email": ana.email, "password": super::world::PASSWORD })),
        ("POST /api/auth/forgot-password", json!({ "email": ana.email })),
        ("GET /api/auth/me", Value::Null),
        ("GET /api/auth/sessions", Value::Null),
        ("POST /api/tenants", json!({ "name": "Second" })),
        ("GET /api/tenants", Value::Null),
        ("POST /api/invites", json!({ "email": "bruno@acme.com" })),
        ("GET /api/invites", Value::Null),
        ("POST /api/api-keys", json!({ "name": "Key", "scopes": ["*"] })),
        ("GET /api/api-keys", Value::Null),
        ("GET /api/users?count=exact", Value::Null),
    ] {
        let (method, path) = what.split_once(' ').unwrap();
        let path = path.split('?').next().unwrap();
        let body = Some(body).filter(|body| !body.is_null());
        let reply = world.ask(what, &[("authorization", &bearer)], body).await;
        let operation = &document["paths"][path][method.to_lowercase()];
        let answer = &operation["responses"][reply.status.to_string()];
        fit(&reply.body, &answer["content"]["application/json"]["schema"], &document);
        assert!(answer["description"].is_string(), "{what}: {} is not documented", reply.status);
    }
}
