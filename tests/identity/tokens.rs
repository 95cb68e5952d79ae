//! Access tokens, refresh tokens, cookies, sessions: what lets somebody in, and what ends that.

#![expect(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::world::{PASSWORD, SECRET, World, person, text};
use crate::database::{Kind, on_both};

on_both!(
    tokens_of_others_are_refused,
    an_access_token_lives_a_quarter_of_an_hour,
    refresh_tokens_are_good_once,
    two_tabs_get_the_same_successor,
    refreshing_at_once_gives_one_successor,
    logging_out_counts_at_once,
    sessions_are_listed_and_ended,
    another_node_learns_within_three_seconds,
    cookies_come_from_our_own_pages,
);

async fn tokens_of_others_are_refused(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let claims = ana.token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!((&claims["sub"], &claims["tid"]), (&json!(ana.user), &json!(ana.tenant)));
    assert_eq!(claims["role"], "owner");
    let sign = |algorithm: Algorithm, secret: &str, claims: &Value| {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
    };
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let body = encode(claims.clone());
    let none = format!("{}.{body}.", encode(json!({ "alg": "none", "typ": "JWT" })));
    let (head, signature) =
        (ana.token.split('.').next().unwrap(), ana.token.rsplit('.').next().unwrap());
    let mut raised = claims.clone();
    raised["role"] = json!("platformAdmin");
    let forged = format!("{head}.{}.{signature}", encode(raised));
    let stranger = sign(Algorithm::HS256, "a secret of somebody else, of 32", &claims);
    let other = sign(Algorithm::HS512, SECRET, &claims);
    for bad in [none, forged, stranger, other, "x".to_owned(), "a.b.c".to_owned(), String::new()] {
        world.bearing(&bad, "GET /api/auth/me").await.fails(401, "invalid_token");
    }
    world.ask("GET /api/auth/me", &[("authorization", "Basic eDp5")], None).await.is(401);
    // Signed by us, but of a session that never was, or of another user's.
    let bruno = world.register("Bruno").await;
    for (claim, value) in [("sid", json!(ana.user)), ("sub", json!(bruno.user))] {
        let mut wrong = claims.clone();
        wrong[claim] = value;
        let wrong = sign(Algorithm::HS256, SECRET, &wrong);
        world.bearing(&wrong, "GET /api/auth/me").await.fails(401, "session_ended");
    }
    // Into a tenant that one does not belong to.
    let mut elsewhere = claims.clone();
    elsewhere["tid"] = json!(bruno.tenant);
    let elsewhere = sign(Algorithm::HS256, SECRET, &elsewhere);
    world.bearing(&elsewhere, "GET /api/auth/me").await.fails(401, "session_ended");
    world.bearing(&sign(Algorithm::HS256, SECRET, &claims), "GET /api/auth/me").await.is(200);
}

async fn an_access_token_lives_a_quarter_of_an_hour(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    world.clock.advance_seconds(899);
    world.bearing(&ana.token, "GET /api/auth/me").await.is(200);
    world.clock.advance_seconds(1);
    world.bearing(&ana.token, "GET /api/auth/me").await.fails(401, "token_expired");
    let again = person(&world.refresh(&ana.refresh_token).await.is(200));
    world.bearing(&again.token, "GET /api/auth/me").await.is(200);
    world.clock.advance_seconds(7 * 86_400);
    world.refresh(&again.refresh_token).await.fails(401, "invalid_refresh_token");
    world.identity.sweep().await.unwrap();
}

async fn refresh_tokens_are_good_once(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let second = person(&world.refresh(&ana.refresh_token).await.is(200));
    assert_ne!(second.refresh_token, ana.refresh_token);
    world.clock.advance_seconds(11);
    world.bearing(&second.token, "GET /api/auth/me").await.is(200);
    world.refresh(&ana.refresh_token).await.fails(401, "refresh_token_reused");
    world.bearing(&second.token, "GET /api/auth/me").await.fails(401, "session_ended");
    world.refresh(&second.refresh_token).await.fails(401, "invalid_refresh_token");
    world.refresh(&ana.refresh_token).await.fails(401, "invalid_refresh_token");
    let told = world.told(&ana.tenant, "session.reused").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].user_id.unwrap().to_string(), ana.user);
    assert_eq!(told[0].record_id, told[0].credential_id);
    world.refresh("guessed").await.fails(401, "invalid_refresh_token");
    world.nobody("POST /api/auth/refresh", json!({})).await.is(401);
    world.log_in(&ana.email, PASSWORD).await.is(200);
}

async fn two_tabs_get_the_same_successor(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let one = person(&world.refresh(&ana.refresh_token).await.is(200));
    world.clock.advance_seconds(10);
    let other = person(&world.refresh(&ana.refresh_token).await.is(200));
    assert_eq!(one.refresh_token, other.refresh_token);
    let third = person(&world.refresh(&other.refresh_token).await.is(200));
    world.bearing(&third.token, "GET /api/auth/me").await.is(200);
    assert!(world.told(&ana.tenant, "session.reused").await.is_empty());
}

async fn refreshing_at_once_gives_one_successor(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let (one, other, third) = tokio::join!(
        world.refresh(&ana.refresh_token),
        world.refresh(&ana.refresh_token),
        world.refresh(&ana.refresh_token),
    );
    let all = [one, other, third].map(|reply| text(&reply.is(200)["refreshToken"]));
    assert!(all.iter().all(|token| *token == all[0]), "{all:?}");
}

async fn logging_out_counts_at_once(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    world.bearing(&ana.token, "GET /api/auth/me").await.is(200);
    let reply = world.bearing(&ana.token, "POST /api/auth/logout").await;
    assert!(reply.cookies().iter().all(|cookie| cookie.contains("Max-Age=0")), "{reply:?}");
    reply.is(204);
    world.bearing(&ana.token, "GET /api/auth/me").await.fails(401, "session_ended");
    world.refresh(&ana.refresh_token).await.fails(401, "invalid_refresh_token");
    world.ask("POST /api/auth/logout", &[], None).await.is(401);
    let told = world.told(&ana.tenant, "session.ended").await;
    assert_eq!((told.len(), told[0].user_id.unwrap().to_string()), (1, ana.user));
}

async fn sessions_are_listed_and_ended(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let phone = json!({ "email": ana.email, "password": PASSWORD });
    let agent = [("user-agent", "A phone")];
    let phone = person(&world.ask("POST /api/auth/login", &agent, Some(phone)).await.is(200));
    let bruno = world.register("Bruno").await;
    let list = world.bearing(&ana.token, "GET /api/auth/sessions").await.is(200);
    let sessions = list["data"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(
        (&sessions[0]["agent"], &sessions[0]["current"]),
        (&json!("A phone"), &json!(false))
    );
    assert_eq!(
        (&sessions[1]["current"], &sessions[1]["address"]),
        (&json!(true), &json!("127.0.0.1"))
    );
    let end = format!("DELETE /api/auth/sessions/{}", text(&sessions[0]["id"]));
    world.bearing(&bruno.token, &end).await.fails(404, "not_found");
    world.bearing(&phone.token, "GET /api/auth/me").await.is(200);
    world.bearing(&ana.token, &end).await.is(204);
    world.bearing(&phone.token, "GET /api/auth/me").await.fails(401, "session_ended");
    world.bearing(&ana.token, &end).await.is(404);
    world.bearing(&ana.token, "DELETE /api/auth/sessions/x").await.is(400);
    let list = world.bearing(&ana.token, "GET /api/auth/sessions").await.is(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
}

async fn another_node_learns_within_three_seconds(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let node = world.another_node();
    node.bearing(&ana.token, "GET /api/auth/me").await.is(200);
    world.bearing(&ana.token, "POST /api/auth/logout").await.is(204);
    world.clock.advance_seconds(3);
    node.bearing(&ana.token, "GET /api/auth/me").await.fails(401, "session_ended");
}

async fn cookies_come_from_our_own_pages(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let body = json!({ "email": ana.email, "password": PASSWORD });
    let reply = world.log_in(&ana.email, PASSWORD).await;
    let cookies = reply.cookies();
    assert!(cookies[0].starts_with("kith_access=") && cookies[0].contains("; Path=/; "));
    assert!(cookies[1].starts_with("kith_refresh=") && cookies[1].contains("; Path=/api/auth; "));
    for cookie in &cookies {
        assert!(cookie.ends_with("HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    }
    let foreign = ("origin", "https://evil.test");
    let lured = world.ask("POST /api/auth/login", &[foreign], Some(body)).await;
    assert!(lured.cookies().is_empty());
    let pair = |cookie: &String| cookie.split(';').next().unwrap().to_owned();
    let both = cookies.iter().map(pair).collect::<Vec<_>>().join("; ");
    let both = ("cookie", both.as_str());
    world.ask("GET /api/auth/me", &[both], None).await.is(200);
    let make = json!({ "name": "Other" });
    let post = async |headers: &[(&str, &str)]| {
        world.ask("POST /api/tenants", headers, Some(make.clone())).await
    };
    post(&[both]).await.fails(403, "foreign_origin");
    post(&[both, foreign]).await.fails(403, "foreign_origin");
    post(&[both, ("origin", "https://crm.test")]).await.is(201);
    post(&[both, ("origin", "https://app.test")]).await.is(201);
    post(&[both, ("referer", "https://crm.test/tenants")]).await.is(201);
    let refresh = "POST /api/auth/refresh";
    world.ask(refresh, &[both], None).await.fails(403, "foreign_origin");
    let refreshed = world.ask(refresh, &[both, ("origin", "https://crm.test")], None).await;
    assert_eq!(refreshed.cookies().len(), 2);
    refreshed.is(200);
    // A token of one's own beside the cookie needs no page.
    let bearer = format!("Bearer {}", ana.token);
    post(&[both, ("authorization", &bearer)]).await.is(201);
}
