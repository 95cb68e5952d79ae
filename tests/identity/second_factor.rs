//! The second factor: set up, asked for at sign-in, each code good once, recovery codes, and the way out.

#![expect(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

use serde_json::{Value, json};

use super::world::{PASSWORD, Person, Reply, World};
use crate::database::{Kind, on_both};

on_both!(
    a_sign_in_takes_a_code_once_it_is_set_up,
    recovery_codes_are_good_once,
    guessing_codes_leads_to_a_pause,
    it_is_disabled_by_password_and_code,
    secrets_lie_encrypted_and_are_never_told,
);

/// The code that an app shows now, worked out by another program's rules: oathtool's, in a few lines.
fn code(secret: &str, world: &World) -> String {
    let step = world.clock.now().milliseconds() / 1000 / 30;
    let (mut key, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in secret.bytes() {
        let five = if letter.is_ascii_uppercase() { letter - b'A' } else { letter - b'2' + 26 };
        (bits, count) = ((bits << 5) | u32::from(five), count + 5);
        if count >= 8 {
            count -= 8;
            key.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let hash = ring::hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(hash.as_ref()[19] & 15);
    let four: [u8; 4] = hash.as_ref()[at..at + 4].try_into().unwrap();
    format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000)
}

async fn set_up(world: &World, person: &Person) -> (String, Vec<String>) {
    let begun = world
        .giving(&person.token, "POST /api/auth/totp", json!({ "password": PASSWORD }))
        .await
        .is(200);
    let secret = begun["secret"].as_str().unwrap().to_owned();
    assert!(begun["uri"].as_str().unwrap().starts_with("otpauth://totp/Kith:"), "{begun}");
    let confirm = json!({ "code": code(&secret, world) });
    let confirmed =
        world.giving(&person.token, "POST /api/auth/totp/confirm", confirm).await.is(200);
    let codes = confirmed["recoveryCodes"].as_array().unwrap();
    let codes: Vec<String> = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    world.clock.advance_seconds(30);
    (secret, codes)
}

async fn log_in(world: &World, person: &Person, code: &str) -> Reply {
    let body = json!({ "email": person.email, "password": PASSWORD, "code": code });
    world.nobody("POST /api/auth/login", body).await
}

async fn a_sign_in_takes_a_code_once_it_is_set_up(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let begin = |password: &str| json!({ "password": password });
    world.giving(&ana.token, "POST /api/auth/totp", begin("wrong one")).await.is(401);
    // A secret that was not confirmed asks for nothing.
    world.giving(&ana.token, "POST /api/auth/totp", begin(PASSWORD)).await.is(200);
    world.log_in(&ana.email, PASSWORD).await.is(200);
    world
        .giving(&ana.token, "POST /api/auth/totp/confirm", json!({ "code": "000000" }))
        .await
        .fails(401, "wrong_code");
    let (secret, codes) = set_up(&world, &ana).await;
    assert_eq!(codes.len(), 10);
    let shown = world.bearing(&ana.token, "GET /api/auth/totp").await.is(200);
    assert_eq!((&shown["enabled"], &shown["recoveryCodesLeft"]), (&json!(true), &json!(10)));
    world.log_in(&ana.email, PASSWORD).await.fails(401, "second_factor_required");
    world.log_in(&ana.email, "a wrong password").await.fails(401, "wrong_credentials");
    log_in(&world, &ana, "123").await.fails(401, "wrong_code");
    let now = code(&secret, &world);
    log_in(&world, &ana, &now).await.is(200);
    log_in(&world, &ana, &now).await.fails(401, "wrong_code");
    world.clock.advance_seconds(30);
    log_in(&world, &ana, &code(&secret, &world)).await.is(200);
    world
        .giving(&ana.token, "POST /api/auth/totp", begin(PASSWORD))
        .await
        .fails(409, "has_second_factor");
    let refused = world.told(&ana.tenant, "session.refused").await;
    assert_eq!(refused.len(), 5, "{refused:?}");
}

async fn recovery_codes_are_good_once(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let (secret, codes) = set_up(&world, &ana).await;
    let loose = codes[0].replace('-', " ").to_lowercase();
    log_in(&world, &ana, &loose).await.is(200);
    log_in(&world, &ana, &codes[0]).await.fails(401, "wrong_code");
    let renewed = json!({ "code": code(&secret, &world) });
    let renewed =
        world.giving(&ana.token, "POST /api/auth/totp/recovery-codes", renewed).await.is(200);
    log_in(&world, &ana, &codes[1]).await.fails(401, "wrong_code");
    log_in(&world, &ana, renewed["recoveryCodes"][0].as_str().unwrap()).await.is(200);
}

async fn guessing_codes_leads_to_a_pause(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let (secret, _) = set_up(&world, &ana).await;
    for _ in 0..10 {
        log_in(&world, &ana, "000000").await.fails(401, "wrong_code");
    }
    let paused = log_in(&world, &ana, &code(&secret, &world)).await;
    assert!(paused.headers.contains_key("retry-after"));
    paused.fails(429, "too_many_codes");
    world.clock.advance_seconds(15 * 60);
    log_in(&world, &ana, &code(&secret, &world)).await.is(200);
}

async fn it_is_disabled_by_password_and_code(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let disable = |password: &str, code: &str| json!({ "password": password, "code": code });
    let none = disable(PASSWORD, "000000");
    world
        .giving(&ana.token, "POST /api/auth/totp/disable", none)
        .await
        .fails(409, "no_second_factor");
    let (_, codes) = set_up(&world, &ana).await;
    let wrong = disable("a wrong password", &codes[0]);
    world.giving(&ana.token, "POST /api/auth/totp/disable", wrong).await.is(401);
    let right = disable(PASSWORD, &codes[0]);
    world.giving(&ana.token, "POST /api/auth/totp/disable", right).await.is(200);
    world.log_in(&ana.email, PASSWORD).await.is(200);
    set_up(&world, &ana).await;
    assert!(world.identity.disable_second_factor(&ana.email).await.unwrap());
    assert!(!world.identity.disable_second_factor(&ana.email).await.unwrap());
    world.log_in(&ana.email, PASSWORD).await.is(200);
    assert_eq!(world.told(&ana.tenant, "secondFactor.disabled").await.len(), 2);
}

async fn secrets_lie_encrypted_and_are_never_told(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let (secret, codes) = set_up(&world, &ana).await;
    for event in world.events(&ana.tenant).await {
        let changes = event.changes.unwrap_or_default();
        assert!(!changes.contains(&secret) && !codes.iter().any(|code| changes.contains(code)));
    }
    let mut stored: Vec<Vec<u8>> = Vec::new();
    let select = kith_store::Select::from("second_factors").show(&["secret"]);
    world
        .app
        .db
        .read_everywhere("tests", async |db| {
            db.each(&select, |row| {
                stored.extend(row.bytes(0)?.map(<[u8]>::to_vec));
                Ok(())
            })
            .await
        })
        .await
        .unwrap();
    assert_eq!(stored.len(), 1);
    // What says that a key is named, its name, nonce, twenty bytes, tag.
    assert_eq!(stored[0].len(), 4 + 4 + 12 + 20 + 16);
    let shown: Value = world.bearing(&ana.token, "GET /api/auth/me").await.is(200);
    assert!(!shown.to_string().contains(&secret));
}
