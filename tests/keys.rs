//! Provider keys: who stores, sees and uses which, that they lie open nowhere, and that keys of the ring are rotated.

use futures_util::future::join_all;
use kith::wire;
use kith_gateway::keys::{Found, Origin};
use kith_kernel::{Actor, Error, Kind as ErrorKind};
use kith_store::Catalog;
use serde_json::{Value as Json, json};

use crate::{
    backup::installation,
    client::Client,
    database::{Kind, on_both},
    world::{PASSWORD, World},
};

on_both!(
    keys_come_and_go_and_are_never_shown,
    keys_are_checked,
    each_sees_and_changes_what_is_theirs,
    the_nearest_key_is_taken,
    admins_say_whether_members_have_keys_of_their_own,
    whoever_leaves_takes_their_keys_along,
    many_at_once_store_one,
    there_is_a_most,
    nothing_lies_open_in_the_database,
    another_encryption_key_is_told_of,
    rotation_that_is_killed_goes_on,
);

const KEY: &str = "sk-Ocelotl0123456789Huitzilin";
/// The encryption key of the tests, and the one that commands have.
const OLD: &str = "0123456789abcdef0123456789abcdef";
const NEW: &str = "thirty-two characters of nothing";

fn openai() -> Json {
    json!({ "service": "openai", "key": KEY })
}

fn own(service: &str, key: &str) -> Json {
    json!({ "service": service, "key": key, "member": "me" })
}

async fn services(client: &Client) -> Vec<String> {
    let list = client.get("/api/keys").await;
    assert_eq!(list.status, 200, "{list:?}");
    let data = list.json["data"].as_array().unwrap().clone();
    data.iter().map(|key| key["service"].as_str().unwrap().to_owned()).collect()
}

/// Somebody as their requests act.
async fn actor(client: &Client) -> Actor {
    let me = client.get("/api/auth/me").await.json;
    let tenant = me["tenant"]["id"].as_str().unwrap().parse().unwrap();
    let member = me["memberId"].as_str().unwrap().parse().unwrap();
    Actor { member: Some(member), ..Actor::system(tenant) }
}

async fn resolve(
    world: &World,
    client: &Client,
    (service, explicit): (&str, Option<&str>),
) -> Result<Option<Found>, Error> {
    let ctx = world.app.on_behalf_of(actor(client).await);
    ctx.read(async |db| world.house.keys.resolve(db, service, explicit).await).await
}

async fn found(world: &World, client: &Client, service: &str) -> Option<(Origin, String)> {
    let found = resolve(world, client, (service, None)).await.unwrap();
    found.map(|found| (found.origin, found.key.expose().to_owned()))
}

async fn keys_come_and_go_and_are_never_shown(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let made =
        ana.post("/api/keys", json!({ "service": " OpenAI", "key": format!(" {KEY}\n") })).await;
    assert_eq!(made.status, 201, "{made:?}");
    let at = |key: &str| made.json[key].clone();
    assert_eq!(
        (at("service"), at("saved"), at("memberId")),
        (json!("openai"), json!(true), Json::Null)
    );
    assert_eq!((at("hint"), at("lastUsedAt")), (json!("sk-…ilin"), Json::Null));
    world.app.clock.advance_seconds(60);
    let other = "sk-another0123456789key";
    let again = ana.post("/api/keys", json!({ "service": "openai", "key": other })).await;
    assert_eq!((again.status, &again.json["id"]), (200, &at("id")), "{again:?}");
    assert!(again.json["updatedAt"].as_str() > made.json["updatedAt"].as_str());
    assert_eq!(found(&world, ana, "openai").await, Some((Origin::Tenant, other.to_owned())));
    let list = ana.get("/api/keys").await;
    assert_eq!(list.json["data"].as_array().unwrap().len(), 1, "{list:?}");
    let log = ana.get("/api/audit-logs").await.text;
    assert!(log.contains("provider_key.stored"), "{log}");
    assert_eq!(ana.delete("/api/keys/OPENAI").await.status, 204);
    assert_eq!(ana.delete("/api/keys/openai").await.status, 404);
    assert_eq!(found(&world, ana, "openai").await, None);
    let gone = ana.get("/api/audit-logs").await.text;
    assert!(gone.contains("provider_key.deleted"), "{gone}");
    for text in [&made.text, &again.text, &list.text, &log, &gone] {
        assert!(!text.contains("sk-O") && !text.contains("sk-a"), "{text}");
    }
    // A tenant that goes elsewhere leaves its secrets, and takes what it decided along.
    let bundle = Catalog::of(&wire::migrations()).of_one_tenant();
    assert!(
        bundle.table("provider_keys").is_none() && bundle.table("provider_key_settings").is_some()
    );
}

async fn keys_are_checked(kind: Kind) {
    let world = World::new(kind).await;
    let long = "x".repeat(501);
    for (body, pointer) in [
        (json!({ "service": "openai", "key": "pk-01234567890123456789" }), "/key"),
        (json!({ "service": "openai", "key": "sk-short" }), "/key"),
        (json!({ "service": "twilio", "key": "   seven " }), "/key"),
        (json!({ "service": "twilio", "key": long }), "/key"),
        (json!({ "service": "twilio", "key": "line\nbreak" }), "/key"),
        (json!({ "service": "twilio", "key": 12_345_678 }), "/key"),
        (json!({ "service": "twilio" }), "/key"),
        (json!({ "service": "", "key": KEY }), "/service"),
        (json!({ "service": "settings", "key": KEY }), "/service"),
        (json!({ "service": "../x", "key": KEY }), "/service"),
        (json!({ "service": "openai", "key": KEY, "member": "bruno" }), "/member"),
    ] {
        let refused = world.ana.post("/api/keys", body.clone()).await;
        assert_eq!(refused.status, 422, "{body}: {refused:?}");
        assert!(refused.text.contains(pointer.trim_start_matches('/')), "{body}: {refused:?}");
        assert!(!refused.text.contains("pk-0") && !refused.text.contains("seven"), "{refused:?}");
    }
    assert_eq!(services(&world.ana).await, [""; 0]);
    let wrong = world.ana.delete("/api/keys/openai?member=bruno").await;
    assert_eq!((wrong.status, &wrong.json["code"]), (422, &json!("invalid_parameter")));
    let wrong = resolve(&world, &world.ana, ("openai", Some("pk-nothing"))).await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Invalid);
}

async fn each_sees_and_changes_what_is_theirs(kind: Kind) {
    let world = World::new(kind).await;
    let World { ana, bruno, vera, stranger, .. } = &world;
    for who in [bruno, vera] {
        assert_eq!(who.post("/api/keys", openai()).await.status, 403);
    }
    assert_eq!(ana.post("/api/keys", openai()).await.status, 201);
    assert_eq!(bruno.post("/api/keys", own("groq", "brunos key")).await.status, 201);
    assert_eq!(vera.post("/api/keys", own("elevenlabs", "veras key")).await.status, 201);
    assert_eq!(services(ana).await, ["openai", "groq", "elevenlabs"]);
    assert_eq!(services(bruno).await, ["openai", "groq"]);
    assert_eq!(services(vera).await, ["openai", "elevenlabs"]);
    assert_eq!(services(stranger).await, [""; 0]);
    assert_eq!(bruno.delete("/api/keys/openai").await.status, 403);
    assert_eq!(bruno.delete("/api/keys/openai?member=me").await.status, 404);
    assert_eq!(bruno.delete("/api/keys/elevenlabs?member=me").await.status, 404);
    assert_eq!(stranger.delete("/api/keys/openai").await.status, 404);
    assert_eq!(bruno.delete("/api/keys/groq?member=me").await.status, 204);
    assert_eq!(services(ana).await, ["openai", "elevenlabs"]);
    let page = ana.get("/api/keys?limit=1&count=exact").await.json;
    assert_eq!((&page["total"], page["nextCursor"].is_string()), (&json!(2), true), "{page}");
}

async fn the_nearest_key_is_taken(kind: Kind) {
    let settings =
        [("llm.openai_api_key", "sk-of-the-operator-0123"), ("llm.groq_api_key", "short")];
    let world = World::with(kind, &settings).await;
    let World { ana, bruno, stranger, .. } = &world;
    assert_eq!(world.house.keys.mistakes().len(), 1, "{:?}", world.house.keys.mistakes());
    assert!(!world.house.keys.mistakes()[0].contains("short"));
    assert_eq!(found(&world, bruno, "groq").await, None);
    let is = |origin, key: &str| Some((origin, key.to_owned()));
    let operators = is(Origin::Operator, "sk-of-the-operator-0123");
    assert_eq!(found(&world, bruno, "openai").await, operators);
    assert_eq!(ana.post("/api/keys", openai()).await.status, 201);
    assert_eq!(found(&world, bruno, "openai").await, is(Origin::Tenant, KEY));
    let brunos = "sk-brunos-0123456789abc";
    assert_eq!(bruno.post("/api/keys", own("openai", brunos)).await.status, 201);
    assert_eq!(found(&world, bruno, "OpenAI").await, is(Origin::Member, brunos));
    assert_eq!(found(&world, ana, "openai").await, is(Origin::Tenant, KEY));
    assert_eq!(found(&world, stranger, "openai").await, operators);
    let explicit = resolve(&world, bruno, ("openai", Some(" sk-explicit-0123456789 "))).await;
    let explicit = explicit.unwrap().unwrap();
    assert_eq!(
        (explicit.origin, explicit.key.expose()),
        (Origin::Explicit, "sk-explicit-0123456789")
    );
    let blank = resolve(&world, bruno, ("openai", Some("  "))).await.unwrap().unwrap();
    assert_eq!(blank.origin, Origin::Member);
    assert!(!format!("{explicit:?}{blank:?}").contains("sk-"), "{blank:?}");
    // Its use is noted, and not each time.
    let ctx = world.app.on_behalf_of(actor(bruno).await);
    world.house.keys.note_use(&ctx, &blank).await.unwrap();
    let used = || async { bruno.get("/api/keys").await.json["data"][1]["lastUsedAt"].clone() };
    let first = used().await;
    assert!(first.is_string(), "{first}");
    for (seconds, changes) in [(59, false), (1, true)] {
        world.app.clock.advance_seconds(seconds);
        let again = resolve(&world, bruno, ("openai", None)).await.unwrap().unwrap();
        world.house.keys.note_use(&ctx, &again).await.unwrap();
        assert_eq!(used().await != first, changes);
    }
}

async fn admins_say_whether_members_have_keys_of_their_own(kind: Kind) {
    let world = World::new(kind).await;
    let World { ana, bruno, stranger, .. } = &world;
    assert_eq!(bruno.get("/api/keys/settings").await.json, json!({ "ownKeys": true }));
    assert_eq!(bruno.post("/api/keys", own("groq", "brunos key")).await.status, 201);
    let off = json!({ "ownKeys": false });
    assert_eq!(bruno.patch("/api/keys/settings", off.clone()).await.status, 403);
    assert_eq!(ana.patch("/api/keys/settings", off.clone()).await.json, off);
    let refused = bruno.post("/api/keys", own("mistral", "brunos key")).await;
    assert_eq!((refused.status, &refused.json["code"]), (403, &json!("own_keys_off")));
    assert_eq!(found(&world, bruno, "groq").await, None);
    assert!(ana.get("/api/audit-logs").await.text.contains("provider_key_settings.updated"));
    assert_eq!(stranger.get("/api/keys/settings").await.json, json!({ "ownKeys": true }));
    assert_eq!(ana.patch("/api/keys/settings", json!({ "ownKeys": true })).await.status, 200);
    assert!(found(&world, bruno, "groq").await.is_some());
    assert_eq!(ana.patch("/api/keys/settings", json!({})).await.status, 422);
}

async fn whoever_leaves_takes_their_keys_along(kind: Kind) {
    let world = World::new(kind).await;
    let World { ana, bruno, .. } = &world;
    assert_eq!(ana.post("/api/keys", openai()).await.status, 201);
    assert_eq!(bruno.post("/api/keys", own("openai", KEY)).await.status, 201);
    let member = bruno.get("/api/auth/me").await.json["memberId"].clone();
    let path = format!("/api/members/{}/deactivate", member.as_str().unwrap());
    assert_eq!(ana.post(&path, json!({})).await.status, 200);
    let left = ana.get("/api/keys").await.json["data"].clone();
    assert_eq!((left.as_array().unwrap().len(), &left[0]["memberId"]), (1, &Json::Null), "{left}");
    assert!(ana.get("/api/audit-logs").await.text.contains("provider_key.deleted"));
}

async fn many_at_once_store_one(kind: Kind) {
    let world = World::new(kind).await;
    let post = || world.ana.post("/api/keys", openai());
    let mut done: Vec<u16> =
        join_all((0..8).map(|_| post())).await.iter().map(|a| a.status).collect();
    done.sort_unstable();
    assert_eq!(done, [200, 200, 200, 200, 200, 200, 200, 201]);
    assert_eq!(services(&world.ana).await, ["openai"]);
}

async fn there_is_a_most(kind: Kind) {
    let world = World::new(kind).await;
    fill(&world.ana, None).await;
    let body = json!({ "service": "one-more", "key": "a key too many" });
    let refused = world.ana.post("/api/keys", body).await;
    assert_eq!((refused.status, &refused.json["code"]), (409, &json!("too_many_keys")));
    let replaced = json!({ "service": "service-7", "key": "another key" });
    assert_eq!(world.ana.post("/api/keys", replaced).await.status, 200);
    assert_eq!(world.ana.post("/api/keys", own("one-more", "a key too many")).await.status, 201);
}

/// As many keys as there may be.
async fn fill(client: &Client, member: Option<&str>) {
    for number in 0..100 {
        let body =
            json!({ "service": format!("service-{number}"), "key": key(number), "member": member });
        let made = client.post("/api/keys", body).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
}

fn key(number: u32) -> String {
    format!("the key of number {number}")
}

async fn nothing_lies_open_in_the_database(kind: Kind) {
    let world = World::new(kind).await;
    assert_eq!(world.ana.post("/api/keys", openai()).await.status, 201);
    world.ana.make("/api/accounts", json!({ "name": "Tlacuache" })).await;
    world.read_events().await;
    let held = everything(&world).await;
    // What lies open is found, so that the search is one.
    for (text, lies_open) in
        [("Tlacuache", true), ("sk-…ilin", true), (KEY, false), (&KEY[3..], false)]
    {
        let hex = text.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let found = [text, hex.as_str()]
            .iter()
            .any(|text| held.windows(text.len()).any(|part| part == text.as_bytes()));
        assert_eq!(found, lies_open, "{text}");
    }
}

/// All bytes of a file and its log, or all rows of all tables as text.
async fn everything(world: &World) -> Vec<u8> {
    if let Some(path) = world.options().sqlite_path() {
        let log = path.with_extension("db-wal");
        return [std::fs::read(path).unwrap(), std::fs::read(log).unwrap_or_default()].concat();
    }
    let (client, connection) =
        tokio_postgres::connect(&world.options().url, tokio_postgres::NoTls).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "it ends with the client")]
    tokio::spawn(connection);
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
    let mut all = String::new();
    for table in client.query(tables, &[]).await.unwrap() {
        let rows = format!("SELECT t::text FROM {} t", table.get::<_, String>(0));
        for row in client.query(&rows, &[]).await.unwrap() {
            all.push_str(&row.get::<_, String>(0));
            all.push('\n');
        }
    }
    all.into_bytes()
}

async fn another_encryption_key_is_told_of(kind: Kind) {
    let world = World::new(kind).await;
    assert_eq!(world.ana.post("/api/keys", openai()).await.status, 201);
    let begun = world.ana.post("/api/auth/totp", json!({ "password": PASSWORD })).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let (world, ana) = world.configured(&[("auth.encryption_key", NEW)]);
    let error = resolve(&world, &ana, ("openai", None)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("ENCRYPTION_KEYS_OLD"), "{error}");
    let confirmed = ana.post("/api/auth/totp/confirm", json!({ "code": "000000" })).await;
    assert_eq!(confirmed.status, 503, "{confirmed:?}");
    assert!(
        confirmed.json["detail"].as_str().unwrap().contains("ENCRYPTION_KEYS_OLD"),
        "{confirmed:?}"
    );
    assert_eq!(services(&ana).await, ["openai"]);
    // With the old key on the ring all is well; so it is when the key is stored anew.
    let ring = [("auth.encryption_key", NEW), ("auth.encryption_keys_old", OLD)];
    let (world, ana) = world.configured(&ring);
    assert_eq!(found(&world, &ana, "openai").await, Some((Origin::Tenant, KEY.to_owned())));
    let confirmed = ana.post("/api/auth/totp/confirm", json!({ "code": "000000" })).await;
    assert_eq!((confirmed.status, &confirmed.json["code"]), (401, &json!("wrong_code")));
    let (world, ana) = world.configured(&[("auth.encryption_key", NEW)]);
    assert_eq!(ana.post("/api/keys", openai()).await.status, 200);
    assert_eq!(found(&world, &ana, "openai").await, Some((Origin::Tenant, KEY.to_owned())));
}

/// Each start goes on where the one before it died; nothing is lost, and at the end the old key is needed no more.
#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn rotation_that_is_killed_goes_on(kind: Kind) {
    let world = World::new(kind).await;
    fill(&world.ana, None).await;
    fill(&world.bruno, Some("me")).await;
    assert_eq!(world.stranger.post("/api/keys", openai()).await.status, 201);
    let begun = world.ana.post("/api/auth/totp", json!({ "password": PASSWORD })).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let here = installation(world.folder(), world.options());
    let ring = [("ENCRYPTION_KEYS_OLD", OLD)];
    // Without the old key nothing is touched, and it is said what is missing.
    let told = here.told(&["keys", "rotate"], &[]);
    assert!(told.contains("202 cannot be read: add their key to ENCRYPTION_KEYS_OLD"), "{told}");
    let told = here.told(&["doctor"], &[]);
    assert!(told.contains("202 stored secrets stand under the key "), "{told}");
    let told = here.told(&["doctor"], &ring);
    assert!(told.contains("an old one; kith keys rotate ends that"), "{told}");
    assert!(!told.contains(OLD) && !told.contains(NEW), "{told}");
    // The first write of a command is that of its start.
    assert!(here.run_until_killed_with(&["keys", "rotate"], "write.before-commit:2", &ring));
    let told = here.told(&["doctor"], &[]);
    assert!(told.contains("202 stored secrets stand under the key "), "{told}");
    let mut killed = 0;
    while here.run_until_killed_with(&["keys", "rotate"], "write.after-commit:2", &ring) {
        killed += 1;
        assert!(killed < 20, "it does not get on");
    }
    assert!(killed >= 3, "it was killed {killed} times");
    let told = here.told(&["keys", "rotate"], &ring);
    assert!(told.contains("0 secrets were encrypted anew"), "{told}");
    assert!(told.contains("ENCRYPTION_KEYS_OLD may be emptied"), "{told}");
    let told = here.told(&["doctor"], &[]);
    assert!(told.contains("202 under the key ") && !told.contains("which is missing"), "{told}");
    let (world, ana) = world.configured(&[("auth.encryption_key", NEW)]);
    for number in [0, 57, 99] {
        let service = format!("service-{number}");
        let theirs = found(&world, &ana, &service).await;
        assert_eq!(theirs, Some((Origin::Tenant, key(number))));
        let own = found(&world, &world.bruno, &service).await;
        assert_eq!(own, Some((Origin::Member, key(number))));
    }
    assert_eq!(found(&world, &world.stranger, "openai").await.unwrap().1, KEY);
    let confirmed = ana.post("/api/auth/totp/confirm", json!({ "code": "000000" })).await;
    assert_eq!(confirmed.status, 401, "{confirmed:?}");
}
