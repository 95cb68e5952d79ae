//! Tenants and members: who gets in where, and who may do what to whom.

#![expect(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

use serde_json::{Value, json};

use super::world::{Person, World, person, text};
use crate::database::{Kind, on_both};

on_both!(
    one_session_goes_on_in_another_tenant,
    a_request_names_another_tenant_of_ones_own,
    strangers_find_nothing,
    admins_change_a_tenant_and_owners_end_it,
    nobody_gets_into_a_suspended_tenant,
    nobody_reaches_above_their_role,
    a_tenant_keeps_an_owner,
    who_is_deactivated_is_out_at_once,
);

async fn make(world: &World, person: &Person, name: &str) -> String {
    let made = world.giving(&person.token, "POST /api/tenants", json!({ "name": name })).await;
    text(&made.is(201)["id"])
}

async fn one_session_goes_on_in_another_tenant(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let second = make(&world, &ana, "Second").await;
    assert_eq!(world.hooked.lock().unwrap().len(), 2);
    let switch = format!("POST /api/workspaces/{second}/switch");
    let there = person(&world.bearing(&ana.token, &switch).await.is(200));
    assert_eq!(there.tenant, second);
    let me = world.me(&there.token).await;
    assert_eq!((&me["tenant"]["id"], &me["role"]), (&json!(second), &json!("owner")));
    assert_eq!(me["memberships"].as_array().unwrap().len(), 2);
    assert_ne!(me["memberId"], world.me(&ana.token).await["memberId"]);
    // Each tab stays where it is.
    let first = person(&world.refresh(&ana.refresh_token).await.is(200));
    let still = person(&world.refresh(&there.refresh_token).await.is(200));
    assert_eq!((first.tenant, still.tenant), (ana.tenant.clone(), second.clone()));
    assert_eq!(world.told(&second, "session.created").await.len(), 1);
    world.bearing(&still.token, "POST /api/auth/logout").await.is(204);
    world.bearing(&ana.token, "GET /api/auth/me").await.fails(401, "session_ended");
}

async fn a_request_names_another_tenant_of_ones_own(kind: Kind) {
    let world = World::fresh(kind).await;
    let (ana, bruno) = (world.register("Ana").await, world.register("Bruno").await);
    let second = make(&world, &ana, "Second").await;
    let bearer = format!("Bearer {}", ana.token);
    let at = async |path: &str, header: Option<&str>| {
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(header.map(|tenant| ("x-tenant-id", tenant)));
        world.ask(path, &headers, None).await
    };
    for (path, header) in [
        ("GET /api/auth/me", Some(second.as_str())),
        ("GET /api/auth/me", Some("second")),
        ("GET /api/auth/me?tenant_id=second", None),
        ("GET /api/auth/me?tenantId=second", None),
        (&format!("GET /api/auth/me?workspaceId={second}"), None),
    ] {
        assert_eq!(at(path, header).await.is(200)["tenant"]["id"], json!(second));
    }
    for stranger in [bruno.tenant.as_str(), "bruno", "nothing", "", "system"] {
        at("GET /api/auth/me", Some(stranger)).await.fails(404, "not_found");
    }
    at("GET /api/users?tenantId=bruno", None).await.fails(404, "not_found");
    let nil = "00000000-0000-0000-0000-000000000000";
    at("GET /api/auth/me", Some(nil)).await.fails(404, "not_found");
}

async fn strangers_find_nothing(kind: Kind) {
    let world = World::fresh(kind).await;
    let _admin = world.register("Root").await;
    let (ana, bruno) = (world.register("Ana").await, world.register("Bruno").await);
    let member = world.member(&ana).await;
    let invite = json!({ "email": "carla@acme.com" });
    let invite = text(&world.giving(&ana.token, "POST /api/invites", invite).await.is(201)["id"]);
    let key = json!({ "name": "Key", "scopes": ["*"] });
    let key = text(&world.giving(&ana.token, "POST /api/api-keys", key).await.is(201)["id"]);
    let tenant = &ana.tenant;
    for (what, body) in [
        (format!("GET /api/tenants/{tenant}"), None),
        (format!("PATCH /api/tenants/{tenant}"), Some(json!({ "name": "Mine" }))),
        (format!("DELETE /api/tenants/{tenant}"), None),
        (format!("POST /api/tenants/{tenant}/switch"), None),
        (format!("PATCH /api/members/{member}/role"), Some(json!({ "role": "viewer" }))),
        (format!("POST /api/members/{member}/deactivate"), None),
        (format!("POST /api/members/{member}/reactivate"), None),
        (format!("DELETE /api/invites/{invite}"), None),
        (format!("DELETE /api/api-keys/{key}"), None),
    ] {
        let bearer = format!("Bearer {}", bruno.token);
        let mine = [("authorization", bearer.as_str())];
        world.ask(&what, &mine, body.clone()).await.fails(404, "not_found");
        world.ask(&what, &[], body).await.is(401);
    }
    for list in ["GET /api/tenants", "GET /api/users", "GET /api/invites", "GET /api/api-keys"] {
        let list = world.bearing(&bruno.token, list).await.is(200).to_string();
        assert!(!list.contains(tenant) && !list.contains(&member), "{list}");
        assert!(!list.contains(&invite) && !list.contains(&key), "{list}");
    }
}

async fn admins_change_a_tenant_and_owners_end_it(kind: Kind) {
    let world = World::fresh(kind).await;
    let _root = world.register("Root").await;
    let ana = world.register("Ana").await;
    let admin = world.colleague(&ana, "Adam", "admin").await;
    let viewer = world.colleague(&ana, "Vera", "viewer").await;
    let one = format!("PATCH /api/tenants/{}", ana.tenant);
    let change = async |person: &Person, body: Value| world.giving(&person.token, &one, body).await;
    change(&viewer, json!({ "name": "X" })).await.fails(403, "forbidden");
    let changed = change(
        &admin,
        json!({ "name": "Acme", "currency": "BRL", "timezone": "America/Sao_Paulo" }),
    );
    let changed = changed.await.is(200);
    assert_eq!((&changed["name"], &changed["currency"]), (&json!("Acme"), &json!("BRL")));
    assert_eq!(changed["slug"], "ana", "a slug never changes");
    change(&admin, json!({ "currency": "XXX" })).await.is(422);
    change(&admin, json!({ "timezone": "Mars" })).await.is(422);
    change(&admin, json!({ "status": "suspended" })).await.fails(403, "forbidden");
    change(&admin, json!({ "slug": "x" })).await.fails(422, "unknown_field");
    let told = world.told(&ana.tenant, "tenant.updated").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].user_id.unwrap().to_string(), admin.user);
    assert!(told[0].changes.as_ref().unwrap().contains("\"before\":{\"name\":\"Ana\""));
    let end = format!("DELETE /api/tenants/{}", ana.tenant);
    world.bearing(&admin.token, &end).await.fails(403, "forbidden");
    world.bearing(&ana.token, &end).await.is(204);
    world.bearing(&admin.token, "GET /api/users").await.is(401);
    let me = world.log_in(&ana.email, super::world::PASSWORD).await.is(200);
    assert_eq!(me["tenant"], Value::Null);
    let alone = person_without_tenant(&me);
    world.bearing(&alone, "GET /api/users").await.fails(401, "no_tenant");
    assert_eq!(world.me(&alone).await["memberships"], json!([]));
    world.giving(&alone, "POST /api/tenants", json!({ "name": "Again" })).await.is(201);
}

fn person_without_tenant(signed_in: &Value) -> String {
    text(&signed_in["token"])
}

async fn nobody_gets_into_a_suspended_tenant(kind: Kind) {
    let world = World::fresh(kind).await;
    let root = world.register("Root").await;
    let ana = world.register("Ana").await;
    let key = json!({ "name": "Key", "scopes": ["*"] });
    let key = world.giving(&ana.token, "POST /api/api-keys", key).await.is(201);
    let key = text(&key["key"]);
    world.bearing(&key, "GET /api/users").await.is(200);
    let one = format!("PATCH /api/tenants/{}", ana.tenant);
    let status = async |status: &str| {
        world.giving(&root.token, &one, json!({ "status": status })).await.is(200)
    };
    assert_eq!(status("SUSPENDED").await["status"], "suspended");
    world.bearing(&ana.token, "GET /api/users").await.fails(403, "tenant_suspended");
    world.bearing(&key, "GET /api/users").await.fails(403, "tenant_suspended");
    world.giving(&ana.token, &one, json!({ "name": "X" })).await.fails(403, "tenant_suspended");
    let switch = format!("POST /api/tenants/{}/switch", ana.tenant);
    world.bearing(&ana.token, &switch).await.fails(403, "tenant_suspended");
    let me = world.me(&ana.token).await;
    assert_eq!(me["memberships"][0]["tenant"]["status"], "suspended");
    let told = world.told(&ana.tenant, "tenant.suspended").await;
    assert_eq!(
        (told[0].user_id.unwrap().to_string(), told[0].member_id),
        (root.user.clone(), None)
    );
    status("active").await;
    world.bearing(&ana.token, "GET /api/users").await.is(200);
    // Whoever runs the installation does not read what belongs to a tenant.
    let bearer = format!("Bearer {}", root.token);
    let there = [("authorization", bearer.as_str()), ("x-tenant-id", ana.tenant.as_str())];
    world.ask("GET /api/users", &there, None).await.fails(404, "not_found");
    let installation = "PATCH /api/tenants/00000000-0000-0000-0000-000000000000";
    world.giving(&root.token, installation, json!({ "name": "X" })).await.is(404);
}

async fn nobody_reaches_above_their_role(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let admin = world.colleague(&ana, "Adam", "admin").await;
    let member = world.colleague(&ana, "Mia", "member").await;
    let (owner_id, admin_id, member_id) =
        (world.member(&ana).await, world.member(&admin).await, world.member(&member).await);
    let give = async |by: &Person, to: &str, role: &str| {
        let what = format!("PATCH /api/members/{to}/role");
        world.giving(&by.token, &what, json!({ "role": role })).await
    };
    give(&member, &member_id, "admin").await.fails(403, "forbidden");
    give(&admin, &member_id, "owner").await.fails(403, "role_above_yours");
    give(&admin, &owner_id, "viewer").await.fails(403, "role_above_yours");
    give(&admin, &member_id, "boss").await.is(422);
    let out = format!("POST /api/members/{owner_id}/deactivate");
    world.bearing(&admin.token, &out).await.fails(403, "role_above_yours");
    let invite = json!({ "email": "x@acme.com", "role": "owner" });
    world.giving(&admin.token, "POST /api/invites", invite).await.fails(403, "role_above_yours");
    let changed = give(&admin, &member_id, "TENANT_ADMIN").await.is(200);
    assert_eq!((&changed["role"], &changed["version"]), (&json!("admin"), &json!(2)));
    // The token still says member; what counts is now.
    world.bearing(&member.token, "GET /api/api-keys").await.is(200);
    give(&ana, &admin_id, "viewer").await.is(200);
    world.bearing(&admin.token, "GET /api/api-keys").await.fails(403, "forbidden");
    let told = world.told(&ana.tenant, "member.updated").await;
    assert_eq!(told[0].member_id.unwrap().to_string(), admin_id);
    assert_eq!(told[0].record_id.unwrap().to_string(), member_id);
    let told_of = r#"{"before":{"role":"member"},"after":{"role":"admin"}}"#;
    assert_eq!(told[0].changes.as_deref(), Some(told_of));
}

async fn a_tenant_keeps_an_owner(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let mine = world.member(&ana).await;
    let demote = format!("PATCH /api/members/{mine}/role");
    let out = format!("POST /api/members/{mine}/deactivate");
    let down = || json!({ "role": "admin" });
    world.giving(&ana.token, &demote, down()).await.fails(409, "last_owner");
    world.bearing(&ana.token, &out).await.fails(409, "last_owner");
    let heir = world.colleague(&ana, "Hugo", "owner").await;
    let theirs = world.member(&heir).await;
    let demote_heir = format!("PATCH /api/members/{theirs}/role");
    let (one, other) = tokio::join!(
        world.giving(&ana.token, &demote_heir, down()),
        world.giving(&heir.token, &demote, down()),
    );
    let done = [one.status, other.status].iter().filter(|status| **status == 200).count();
    assert_eq!(done, 1, "{one:?} {other:?}");
}

async fn who_is_deactivated_is_out_at_once(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let mia = world.colleague(&ana, "Mia", "member").await;
    let id = world.member(&mia).await;
    let users = world.bearing(&ana.token, "GET /api/users").await.is(200);
    assert_eq!(users["data"].as_array().unwrap().len(), 2);
    assert_eq!(users["data"][1]["userId"], json!(mia.user));
    let what = |verb: &str| format!("POST /api/members/{id}/{verb}");
    assert_eq!(world.bearing(&ana.token, &what("deactivate")).await.is(200)["status"], "inactive");
    world.bearing(&mia.token, "GET /api/users").await.fails(401, "session_ended");
    world.refresh(&mia.refresh_token).await.fails(401, "invalid_refresh_token");
    let told = world.told(&ana.tenant, "session.ended").await;
    assert_eq!(told[0].user_id.unwrap().to_string(), ana.user, "who did it, not to whom");
    let signed_in = world.log_in(&mia.email, super::world::PASSWORD).await.is(200);
    assert_eq!(signed_in["tenant"], Value::Null);
    assert_eq!(world.bearing(&ana.token, &what("reactivate")).await.is(200)["status"], "active");
    let signed_in = world.log_in(&mia.email, super::world::PASSWORD).await.is(200);
    assert_eq!(signed_in["tenant"]["id"], json!(ana.tenant));
}
