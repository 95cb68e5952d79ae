//! Forgotten passwords: one mail, one new password, no session left.

#![expect(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

use serde_json::{Value, json};

use super::world::{PASSWORD, Reply, World, token_in};
use crate::database::{Kind, on_both};

on_both!(
    a_new_password_ends_all_sessions,
    the_answer_does_not_tell_whether_an_address_is_known,
    links_expire_and_are_few,
);

async fn forgot(world: &World, email: &str) -> Value {
    world.nobody("POST /api/auth/forgot-password", json!({ "email": email })).await.is(200)
}

async fn reset(world: &World, token: &str, password: &str) -> Reply {
    let body = json!({ "token": token, "password": password });
    world.nobody("POST /api/auth/reset-password", body).await
}

async fn a_new_password_ends_all_sessions(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    world.bearing(&ana.token, "GET /api/auth/me").await.is(200);
    forgot(&world, "ANA@acme.com").await;
    let mails = world.mails(&ana.email).await;
    assert!(mails[0].contains("https://crm.test/reset-password?token="), "{}", mails[0]);
    let token = token_in(&mails[0]);
    reset(&world, &token, "short").await.is(422);
    reset(&world, "guessed", "a new password").await.fails(422, "invalid_reset_token");
    reset(&world, &token, "a new password").await.is(200);
    reset(&world, &token, "another password").await.fails(422, "invalid_reset_token");
    world.bearing(&ana.token, "GET /api/auth/me").await.fails(401, "session_ended");
    world.refresh(&ana.refresh_token).await.fails(401, "invalid_refresh_token");
    world.log_in(&ana.email, PASSWORD).await.fails(401, "wrong_credentials");
    world.log_in(&ana.email, "a new password").await.is(200);
    let told = world.told(&ana.tenant, "password.changed").await;
    assert_eq!((told.len(), told[0].via.as_str()), (1, "system"));
    assert_eq!(told[0].user_id.unwrap().to_string(), ana.user);
    for event in world.events(&ana.tenant).await {
        let changes = event.changes.unwrap_or_default();
        assert!(!changes.contains(&token) && !changes.contains("a new password"), "{changes}");
    }
}

async fn the_answer_does_not_tell_whether_an_address_is_known(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let known = forgot(&world, &ana.email).await;
    assert_eq!(known, forgot(&world, "nobody@acme.com").await);
    let alias = world.nobody("POST /api/auth/forgot", json!({ "email": ana.email })).await;
    assert_eq!(known, alias.is(200));
    assert_eq!(world.mails(&ana.email).await.len(), 2);
    assert_eq!(world.mails("nobody@acme.com").await.len(), 0);
    world.nobody("POST /api/auth/forgot", json!({ "email": "no address" })).await.is(422);
}

async fn links_expire_and_are_few(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    for _ in 0..5 {
        forgot(&world, &ana.email).await;
    }
    assert_eq!(world.mails(&ana.email).await.len(), 3);
    world.clock.advance_seconds(15 * 60);
    forgot(&world, &ana.email).await;
    forgot(&world, &ana.email).await;
    let mails = world.mails(&ana.email).await;
    assert_eq!(mails.len(), 5);
    world.clock.advance_seconds(45 * 60);
    reset(&world, &token_in(&mails[0]), "a new password").await.fails(422, "invalid_reset_token");
    reset(&world, &token_in(&mails[3]), "a new password").await.is(200);
    // One that was not used is gone with it.
    reset(&world, &token_in(&mails[4]), "a new password").await.fails(422, "invalid_reset_token");
}
