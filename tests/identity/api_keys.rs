//! API keys: what they may do, on whose behalf, and until when.

#![expect(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

use serde_json::{Value, json};

use super::world::{Person, Reply, World, text};
use crate::database::{Kind, on_both};

on_both!(
    a_key_is_shown_once_and_lets_programs_in,
    a_key_does_what_its_scopes_say,
    a_key_does_no_more_than_its_maker,
    a_key_ends_when_it_is_revoked_or_expires,
    the_use_of_a_key_is_noted_now_and_then,
    wrong_keys_are_not_made,
);

async fn make(world: &World, by: &Person, body: Value) -> Reply {
    world.giving(&by.token, "POST /api/api-keys", body).await
}

async fn a_key_is_shown_once_and_lets_programs_in(kind: Kind) {
    let world = World::fresh(kind).await;
    let (ana, bruno) = (world.register("Ana").await, world.register("Bruno").await);
    let made = make(&world, &ana, json!({ "name": "Sync", "scopes": ["*"] })).await;
    let location = made.headers["location"].to_str().unwrap().to_owned();
    let made = made.is(201);
    assert_eq!(location, format!("/api/api-keys/{}", text(&made["id"])));
    let key = text(&made["key"]);
    assert!(key.starts_with("kith_") && key.len() == 48, "{key}");
    assert_eq!(text(&made["prefix"]), key[..12]);
    let list = world.bearing(&ana.token, "GET /api/api-keys").await.is(200);
    assert!(!list.to_string().contains(&key), "{list}");
    assert!(!format!("{:?}", world.events(&ana.tenant).await).contains(&key));
    world.bearing(&key, "GET /api/users").await.is(200);
    world.ask("GET /api/users", &[("x-api-key", &key)], None).await.is(200);
    let bearer = format!("Bearer {key}");
    let at = async |tenant: &str| {
        let headers = [("authorization", bearer.as_str()), ("x-tenant-id", tenant)];
        world.ask("GET /api/users", &headers, None).await
    };
    at("ana").await.is(200);
    at(&ana.tenant).await.is(200);
    at(&bruno.tenant).await.fails(404, "not_found");
    world.bearing(&key, "GET /api/auth/me").await.fails(403, "session_needed");
    for bad in ["kith_", "kith_guessed", &format!("{key}x")] {
        world.bearing(bad, "GET /api/users").await.fails(401, "invalid_api_key");
    }
    world.ask("GET /api/users", &[("x-api-key", "x")], None).await.fails(401, "invalid_api_key");
}

async fn a_key_does_what_its_scopes_say(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let key = async |scopes: Value| {
        let made = make(&world, &ana, json!({ "name": "Key", "scopes": scopes })).await;
        text(&made.is(201)["key"])
    };
    let reading = key(json!(["members:read"])).await;
    world.bearing(&reading, "GET /api/users").await.is(200);
    world.bearing(&reading, "GET /api/api-keys").await.fails(403, "missing_scope");
    let deals = key(json!(["deals:write", "contacts:*"])).await;
    world.bearing(&deals, "GET /api/users").await.fails(403, "missing_scope");
    world.bearing(&key(json!(["*:read"])).await, "GET /api/users").await.is(200);
}

async fn a_key_does_no_more_than_its_maker(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let admin = world.colleague(&ana, "Adam", "admin").await;
    let above = json!({ "name": "Key", "scopes": ["*"], "role": "owner" });
    make(&world, &admin, above).await.fails(403, "role_above_yours");
    let made = make(&world, &admin, json!({ "name": "Key", "scopes": ["*"] })).await.is(201);
    assert_eq!(made["role"], "admin");
    let key = text(&made["key"]);
    world.bearing(&key, "GET /api/api-keys").await.is(200);
    let weak = json!({ "name": "Weak", "scopes": ["*"], "role": "VIEWER" });
    let weak = text(&make(&world, &admin, weak).await.is(201)["key"]);
    world.bearing(&weak, "GET /api/users").await.is(200);
    world.bearing(&weak, "GET /api/api-keys").await.fails(403, "forbidden");
    let id = world.member(&admin).await;
    let role = format!("PATCH /api/members/{id}/role");
    world.giving(&ana.token, &role, json!({ "role": "viewer" })).await.is(200);
    world.bearing(&key, "GET /api/api-keys").await.fails(403, "forbidden");
    world.bearing(&key, "GET /api/users").await.is(200);
    let out = format!("POST /api/members/{id}/deactivate");
    world.bearing(&ana.token, &out).await.is(200);
    world.bearing(&key, "GET /api/users").await.fails(401, "invalid_api_key");
}

async fn a_key_ends_when_it_is_revoked_or_expires(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let body = json!({ "name": "Key", "scopes": ["*"], "expiresAt": "2026-11-21T12:00:02Z" });
    let key = text(&make(&world, &ana, body).await.is(201)["key"]);
    world.bearing(&key, "GET /api/users").await.is(200);
    world.clock.advance_seconds(2);
    world.bearing(&key, "GET /api/users").await.fails(401, "invalid_api_key");
    let made = make(&world, &ana, json!({ "name": "Key", "scopes": ["*"] })).await.is(201);
    let key = text(&made["key"]);
    world.bearing(&key, "GET /api/users").await.is(200);
    let revoke = format!("DELETE /api/api-keys/{}", text(&made["id"]));
    world.bearing(&ana.token, &revoke).await.is(204);
    world.bearing(&key, "GET /api/users").await.fails(401, "invalid_api_key");
    world.bearing(&ana.token, &revoke).await.is(404);
    let told = world.told(&ana.tenant, "apiKey.revoked").await;
    assert_eq!(told[0].user_id.unwrap().to_string(), ana.user);
}

async fn the_use_of_a_key_is_noted_now_and_then(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let made = make(&world, &ana, json!({ "name": "Key", "scopes": ["*"] })).await.is(201);
    let key = text(&made["key"]);
    for _ in 0..4 {
        world.bearing(&key, "GET /api/users").await.is(200);
        world.settle().await;
        world.clock.advance_seconds(20 * 60);
    }
    let told = world.told(&ana.tenant, "apiKey.used").await;
    assert_eq!(told.len(), 2, "at 12:00 and at 13:00");
    assert_eq!((told[0].via.as_str(), told[0].user_id), ("key", None));
    assert_eq!(told[0].credential_id.unwrap().to_string(), text(&made["id"]));
    let ana = super::world::person(&world.refresh(&ana.refresh_token).await.is(200));
    let list = world.bearing(&ana.token, "GET /api/api-keys").await.is(200);
    assert_eq!(list["data"][0]["lastUsedAt"], "2026-11-21T13:00:00.000Z");
}

async fn wrong_keys_are_not_made(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    for (body, pointer) in [
        (json!({ "name": "Key", "scopes": ["deal:read"] }), "/scopes"),
        (json!({ "name": "Key", "scopes": ["deals:drop"] }), "/scopes"),
        (json!({ "name": "Key", "scopes": [] }), "/scopes"),
        (json!({ "name": "Key" }), "/scopes"),
        (json!({ "name": " ", "scopes": ["*"] }), "/name"),
        (
            json!({ "name": "K", "scopes": ["*"], "expiresAt": "2026-11-21T12:00:00Z" }),
            "/expiresAt",
        ),
        (json!({ "name": "K", "scopes": ["*"], "expiresAt": "soon" }), "/expiresAt"),
        (json!({ "name": "K", "scopes": ["*"], "requestsPerMinute": 0 }), "/requestsPerMinute"),
        (json!({ "name": "K", "scopes": ["*"], "requestsPerMinute": -1 }), "/requestsPerMinute"),
        (json!({ "name": "K", "scopes": ["*"], "role": "boss" }), "/role"),
    ] {
        let problem = make(&world, &ana, body).await.is(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    assert_eq!(world.bearing(&ana.token, "GET /api/api-keys").await.is(200)["data"], json!([]));
}
