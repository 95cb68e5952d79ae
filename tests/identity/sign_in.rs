//! Registering, logging in, and who one is then.

#![expect(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

use kith_identity::Options;
use kith_kernel::{Actor, Id};
use kith_store::{Select, Update};
use serde_json::{Value, json};

use super::world::{PASSWORD, World, options, person, text};
use crate::database::{Kind, on_both};

on_both!(
    registering_makes_a_world_of_ones_own,
    what_is_wrong_is_told_and_nothing_is_stored,
    a_hook_that_fails_takes_everything_back,
    a_wrong_password_and_an_unknown_address_look_alike,
    the_first_on_a_loopback_address_runs_the_installation,
    elsewhere_that_takes_the_setup_token,
    an_imported_bcrypt_hash_is_accepted_once,
    who_comes_twice_is_told_so,
    the_command_line_acts_without_signing_in,
);

async fn registering_makes_a_world_of_ones_own(kind: Kind) {
    let world = World::fresh(kind).await;
    let body = json!({ "email": " Ana@Acme.com", "password": PASSWORD, "tenant_name": "Açaí & Co",
        "currency": "eur", "timezone": "Europe/Lisbon" });
    let signed_in = world.nobody("POST /api/auth/register", body).await;
    assert_eq!(signed_in.headers["location"], "/api/auth/me");
    let signed_in = signed_in.is(201);
    assert_eq!(signed_in["user"]["email"], "Ana@Acme.com");
    assert_eq!(signed_in["user"]["name"], "Ana");
    assert!(signed_in["user"].get("passwordHash").is_none());
    let tenant = &signed_in["tenant"];
    assert_eq!((&tenant["slug"], &tenant["currency"]), (&json!("acai-co"), &json!("EUR")));
    assert_eq!(signed_in["expiresIn"], 900);
    let ana = person(&signed_in);
    let me = world.me(&ana.token).await;
    assert_eq!((&me["role"], &me["tenant"]), (&json!("owner"), tenant));
    assert_eq!(me["memberships"][0]["memberId"], me["memberId"]);
    let member: Id = text(&me["memberId"]).parse().unwrap();
    let tenant: Id = ana.tenant.parse().unwrap();
    assert_eq!(*world.hooked.lock().unwrap(), [(tenant, Some(member))]);
    let names: Vec<String> =
        world.events(&ana.tenant).await.iter().map(|e| e.name.clone()).collect();
    assert_eq!(names, ["member.created", "tenant.created", "session.created"]);
    for event in world.events(&ana.tenant).await {
        assert_eq!((event.member_id, event.via.as_str()), (Some(member), "session"));
        assert_eq!(event.user_id.map(|id| id.to_string()), Some(ana.user.clone()));
        assert_eq!(event.address.as_deref(), Some("127.0.0.1"));
    }
    let anchored = async |db: &kith_store::Read| {
        let anchor = db.exists(Select::from("anchors").whose("id", member)).await?;
        let words = kith_store::Read::words("ana");
        Ok((anchor, db.search(&words, Some("members"), 5).await?.len()))
    };
    let found = world.app.db.read(&Actor::system(tenant), anchored).await.unwrap();
    assert_eq!(found, (true, 1));
    let again = person(&world.log_in("ANA@acme.COM", PASSWORD).await.is(200));
    assert_eq!((again.user, again.tenant), (ana.user, ana.tenant));
}

async fn what_is_wrong_is_told_and_nothing_is_stored(kind: Kind) {
    let world = World::fresh(kind).await;
    let good = json!({ "email": "ana@acme.com", "password": PASSWORD });
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body
    };
    for (body, pointer) in [
        (with("email", json!("ana@")), "/email"),
        (with("email", json!(5)), "/email"),
        (with("password", json!("short")), "/password"),
        (with("password", json!("x".repeat(201))), "/password"),
        (with("name", json!("")), "/name"),
        (with("tenantName", json!("x".repeat(201))), "/tenantName"),
        (with("timezone", json!("Mars/Olympus")), "/timezone"),
        (with("currency", json!("XXX")), "/currency"),
        (with("emial", json!("x")), "/emial"),
    ] {
        let problem = world.nobody("POST /api/auth/register", body).await.is(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        assert!(!problem.to_string().contains(PASSWORD));
    }
    world.ask("POST /api/auth/register", &[("idempotency-key", "x")], Some(good)).await.is(422);
    world.ask("GET /api/auth/me", &[], None).await.fails(401, "unauthenticated");
    let users = async |db: &kith_store::Read| db.count(Select::from("users")).await;
    assert_eq!(world.app.db.read_everywhere("tests", users).await.unwrap(), 0);
}

async fn a_hook_that_fails_takes_everything_back(kind: Kind) {
    let world = World::fresh(kind).await;
    let body = json!({ "email": "ana@acme.com", "password": PASSWORD, "name": "Refused" });
    world.nobody("POST /api/auth/register", body).await.is(422);
    let stored = async |db: &kith_store::Read| {
        let users = db.count(Select::from("users")).await?;
        Ok(users + db.count(Select::from("sessions")).await?)
    };
    assert_eq!(world.app.db.read_everywhere("tests", stored).await.unwrap(), 0);
    world.register("Ana").await;
}

async fn a_wrong_password_and_an_unknown_address_look_alike(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let wrong = world.log_in(&ana.email, "wrong password").await;
    let unknown = world.log_in("nobody@acme.com", "wrong password").await;
    assert_eq!(wrong.body["detail"], unknown.body["detail"]);
    wrong.fails(401, "wrong_credentials");
    unknown.fails(401, "wrong_credentials");
    world.log_in(&"x".repeat(1000), "x").await.fails(401, "wrong_credentials");
    world.log_in(&ana.email, &"x".repeat(10_000)).await.fails(401, "wrong_credentials");
    world.log_in("my wrong secret", "x").await.fails(401, "wrong_credentials");
    let here = world.told(&ana.tenant, "session.refused").await;
    assert_eq!(here.len(), 2);
    assert_eq!((here[0].user_id, here[0].member_id, here[0].via.as_str()), (None, None, "system"));
    assert!(here[0].changes.as_ref().unwrap().contains(&ana.user));
    let outside = world.told(&Id::NIL.to_string(), "session.refused").await;
    assert_eq!(outside.len(), 3);
    assert!(here.iter().chain(&outside).all(|e| !e.changes.as_ref().unwrap().contains("wrong")));
}

async fn the_first_on_a_loopback_address_runs_the_installation(kind: Kind) {
    let world = World::fresh(kind).await;
    assert_eq!(world.identity.setup_token().await.unwrap(), None);
    let demo = ("Demo", "demo@kith.example", "demo-kith-2026");
    let made = world.identity.demo_tenant(demo).await.unwrap().unwrap();
    assert!(!made.actor.platform_admin && made.actor.member.is_some());
    assert!(world.identity.demo_tenant(demo).await.unwrap().is_none());
    let behind = [("x-forwarded-for", "192.0.2.1")];
    let body = json!({ "email": "far@acme.com", "password": PASSWORD });
    let far = world.ask("POST /api/auth/register", &behind, Some(body)).await.is(201);
    assert_eq!(far["user"]["platformAdmin"], false);
    let (ana, bruno) = (world.register("Ana").await, world.register("Bruno").await);
    assert_eq!(world.me(&ana.token).await["user"]["platformAdmin"], true);
    assert_eq!(world.me(&bruno.token).await["user"]["platformAdmin"], false);
    let count = async |token: &str| {
        let list = world.bearing(token, "GET /api/tenants?count=exact&limit=3").await.is(200);
        (list["total"].clone(), list["data"].as_array().unwrap().len(), list["nextCursor"].clone())
    };
    let (total, shown, next) = count(&ana.token).await;
    assert_eq!((total, shown), (json!(4), 3));
    let rest = format!("GET /api/tenants?limit=3&cursor={}", text(&next));
    let rest = world.bearing(&ana.token, &rest).await.is(200);
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["nextCursor"]), (1, &Value::Null));
    assert_eq!(count(&bruno.token).await, (json!(1), 1, Value::Null));
}

async fn elsewhere_that_takes_the_setup_token(kind: Kind) {
    let world = World::with(kind, Options { loopback: false, ..options() }).await;
    let ana = world.register("Ana").await;
    assert_eq!(world.me(&ana.token).await["user"]["platformAdmin"], false);
    let token = world.identity.setup_token().await.unwrap().unwrap();
    let register = |email: &str, token: &str| {
        let body = json!({ "email": email, "password": PASSWORD, "setupToken": token });
        world.nobody("POST /api/auth/register", body)
    };
    register("bruno@acme.com", "guessed").await.fails(403, "wrong_setup_token");
    let bruno = register("bruno@acme.com", &token).await.is(201);
    assert_eq!(bruno["user"]["platformAdmin"], true);
    register("carla@acme.com", &token).await.fails(403, "wrong_setup_token");
    assert_eq!(world.identity.setup_token().await.unwrap(), None);
}

async fn an_imported_bcrypt_hash_is_accepted_once(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let old = bcrypt::hash("a password of old", 4).unwrap();
    let update =
        Update::table("users").set("password_hash", old).whose("email_folded", &*ana.email);
    let write = async |db: &kith_store::Write| db.update(update).await;
    world.app.db.write_everywhere("tests", write).await.unwrap();
    let hash = async || {
        #[derive(serde::Deserialize)]
        struct User {
            password_hash: String,
        }
        let read = async |db: &kith_store::Read| db.first::<User>(Select::from("users")).await;
        let user = world.app.db.read_everywhere("tests", read).await.unwrap();
        user.unwrap().password_hash
    };
    world.log_in(&ana.email, "another password").await.is(401);
    assert!(hash().await.starts_with("$2"));
    world.log_in(&ana.email, "a password of old").await.is(200);
    assert!(hash().await.starts_with("$argon2id$"));
    world.log_in(&ana.email, "a password of old").await.is(200);
}

async fn who_comes_twice_is_told_so(kind: Kind) {
    let world = World::fresh(kind).await;
    world.register("Ana").await;
    let body = json!({ "email": "ANA@acme.com", "password": PASSWORD });
    let both = world.nobody("POST /api/auth/register", body).await;
    both.fails(409, "email_taken");
    let at_once =
        |name: &str| json!({ "email": "twin@acme.com", "password": PASSWORD, "name": name });
    let (one, other) = tokio::join!(
        world.nobody("POST /api/auth/register", at_once("One")),
        world.nobody("POST /api/auth/register", at_once("Other")),
    );
    let mut both = [one.status, other.status];
    both.sort_unstable();
    assert_eq!(both, [201, 409], "{one:?} {other:?}");
    let (one, other) = (world.register("Same").await, {
        let body = json!({ "email": "other@acme.com", "password": PASSWORD, "name": "Same" });
        person(&world.nobody("POST /api/auth/register", body).await.is(201))
    });
    let slug = async |token: &str| text(&world.me(token).await["tenant"]["slug"]);
    assert_eq!(slug(&one.token).await, "same");
    assert!(slug(&other.token).await.starts_with("same-"));
}

async fn the_command_line_acts_without_signing_in(kind: Kind) {
    let world = World::fresh(kind).await;
    let ana = world.register("Ana").await;
    let ctx = world.identity.act_in(None).await.unwrap();
    assert_eq!(ctx.actor.tenant.to_string(), ana.tenant);
    world.register("Bruno").await;
    let error = world.identity.act_in(None).await.err().unwrap();
    assert_eq!(error.code(), "unknown_tenant");
    let bruno = world.identity.act_in(Some("bruno")).await.unwrap();
    assert_ne!(bruno.actor.tenant.to_string(), ana.tenant);
    let names: Vec<String> =
        world.identity.tenants().await.unwrap().into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["This installation", "Ana", "Bruno"]);
    world.identity.reset_password(&ana.email, "quite another one").await.unwrap();
    world.bearing(&ana.token, "GET /api/auth/me").await.fails(401, "session_ended");
    world.log_in(&ana.email, "quite another one").await.is(200);
    assert!(world.identity.reset_password("nobody@acme.com", "quite another one").await.is_err());
    world.identity.sweep().await.unwrap();
}
