//! Duplicates through HTTP: told on writing, found at once and by scans, kept apart where somebody says so.

mod merge;

use serde_json::{Value as Json, json};

use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    world::World,
};

on_both!(
    duplicates_are_told_before_and_while_a_record_is_made,
    keys_follow_what_becomes_of_a_record,
    equal_fields_make_groups_and_empty_ones_none,
    a_scan_finds_groups_that_can_be_dismissed,
    a_tenant_says_how_sure_one_must_be,
    wishes_that_cannot_be_are_refused,
);

const CHECK: &str = "/api/validation/check-duplicate-before-create";
const SETTINGS: &str = "/api/duplicates/settings";
const FIND: &str = "/api/validation/find-duplicates";

async fn check(who: &Client, entity: &str, data: Json) -> Vec<(Json, Json)> {
    let answer = who.post(CHECK, json!({ "entity": entity, "data": data })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let found = answer.json["duplicates"].as_array().unwrap();
    assert_eq!(answer.json["count"], found.len());
    assert_eq!(answer.json["hasDuplicates"], !found.is_empty());
    found.iter().map(|one| (one["record"]["name"].clone(), one["reason"].clone())).collect()
}

async fn duplicates_are_told_before_and_while_a_record_is_made(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let rosa = json!({ "name": "Rosa Sousa", "email": "rosa@acme.example", "phone": "+55 (11) 98765-4321" });
    ana.make("/api/contacts", rosa.clone()).await;
    ana.make("/api/contacts", json!({ "name": "Rui Pena", "email": "rui@acme.example" })).await;
    let told = |reason: &str| vec![(json!("Rosa Sousa"), json!(reason))];
    let check = async |data: Json| check(ana, "Contact", data).await;
    assert_eq!(check(json!({ "email": "ROSA@acme.example" })).await, told("Same email address"));
    assert_eq!(check(json!({ "mobile": "11 98765 4321" })).await, told("Same phone number"));
    assert_eq!(
        check(json!({ "first_name": "Zoe", "phone": "0055 11 98765-4321" })).await,
        told("Same phone number")
    );
    assert_eq!(
        check(json!({ "name": "Rósa Souza", "email": "rosa@acme.exmple" })).await,
        told("Similar name")
    );
    assert_eq!(check(json!({ "name": "Rosa Sousa" })).await, []);
    assert_eq!(check(json!({ "name": "", "email": null, "phone": "" })).await, []);
    let made = ana.post("/api/contacts?checkDuplicates=true", rosa.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let warnings = made.json["warnings"].as_array().unwrap();
    assert_eq!((warnings.len(), &warnings[0]["record"]["name"]), (1, &json!("Rosa Sousa")));
    assert_ne!(warnings[0]["id"], made.json["id"]);
    assert!(warnings[0]["score"].as_f64().unwrap() > 0.9, "{warnings:?}");
    let silent =
        ana.make("/api/contacts", json!({ "name": "Eva", "email": "rosa@acme.example" })).await;
    assert!(silent.get("warnings").is_none());
    let by_hand = ana.get("/api/validation/check-duplicate?type=contact&phone=11987654321").await;
    assert_eq!((by_hand.status, &by_hand.json["count"]), (200, &json!(2)), "{by_hand:?}");
    accounts_and_leads(&world).await;
    let foreign = world.stranger.post(CHECK, json!({ "entity": "contact", "data": rosa })).await;
    assert_eq!(foreign.json["count"], 0);
}

async fn accounts_and_leads(world: &World) {
    let ana = &world.ana;
    let account =
        json!({ "name": "Padaria Boa Vista Ltda.", "website": "https://www.boavista.example/ola" });
    ana.make("/api/accounts", account).await;
    for (data, reason) in [
        (json!({ "name": "PADARIA BOA VISTA S/A" }), "Same company name"),
        (json!({ "name": "Other", "website": "boavista.example" }), "Same website"),
    ] {
        assert_eq!(
            check(ana, "accounts", data).await,
            [(json!("Padaria Boa Vista Ltda."), json!(reason))]
        );
    }
    ana.make("/api/leads", json!({ "name": "Carla Dias", "email": "carla@x.example" })).await;
    let same = check(ana, "lead", json!({ "email": "carla@x.example" })).await;
    assert_eq!(same, [(json!("Carla Dias"), json!("Same email address"))]);
}

async fn keys_follow_what_becomes_of_a_record(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let made =
        ana.make("/api/contacts", json!({ "name": "Rosa Sousa", "phone": "11 98765-4321" })).await;
    let path = format!("/api/contacts/{}", made["id"].as_str().unwrap());
    let found = async |phone: &str| check(ana, "contact", json!({ "phone": phone })).await.len();
    assert_eq!(found("+5511987654321").await, 1);
    assert_eq!(ana.patch(&path, json!({ "phone": "21 91234-5678" })).await.status, 200);
    assert_eq!((found("11987654321").await, found("21912345678").await), (0, 1));
    assert_eq!(ana.delete(&path).await.status, 204);
    assert_eq!(found("21912345678").await, 0);
    assert_eq!(ana.post(&format!("{path}/restore"), json!({})).await.status, 200);
    assert_eq!(found("21912345678").await, 1);
}

async fn equal_fields_make_groups_and_empty_ones_none(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    for (name, city) in
        [("Ana", "São Paulo"), ("Eva", "sao paulo"), ("Rui", ""), ("Zoe", ""), ("Leo", "Recife")]
    {
        ana.make("/api/contacts", json!({ "name": name, "address": { "city": city } })).await;
    }
    let found =
        ana.post(FIND, json!({ "entity_type": "Contact", "fields": ["address.city"] })).await;
    assert_eq!((found.status, &found.json["total"]), (200, &json!(1)), "{found:?}");
    let group = &found.json["groups"][0];
    assert_eq!((&group["key"], &group["count"]), (&json!("sao paulo"), &json!(2)));
    let both = ana
        .post(FIND, json!({ "entity": "contact", "fields": ["address.city", "first_name"] }))
        .await;
    assert_eq!(both.json["total"], 0);
    let same = json!({ "name": "Ana Sousa", "email": "ana@x.example" });
    let ids =
        [ana.make("/api/contacts", same.clone()).await, ana.make("/api/contacts", same).await];
    let alike = ana.post(FIND, json!({ "entity": "contact" })).await;
    assert_eq!(alike.json["total"], 1, "{alike:?}");
    assert_eq!(alike.json["groups"][0]["ids"], json!([ids[0]["id"], ids[1]["id"]]));
    assert_eq!(alike.json["groups"][0]["key"], "Same email address");
    for deal in ["One", "one"] {
        ana.make("/api/deals", json!({ "name": deal, "amount": 10 })).await;
    }
    let deals =
        ana.post(FIND, json!({ "entity": "Opportunities", "fields": ["name", "amount"] })).await;
    assert_eq!(deals.json["groups"][0]["count"], 2, "{deals:?}");
    assert_eq!(world.stranger.post(FIND, json!({ "entity": "contact" })).await.json["total"], 0);
}

async fn scanned(world: &World, entity: &str) -> Json {
    let begun = world.ana.post("/api/duplicates/scans", json!({ "entity": entity })).await;
    assert_eq!((begun.status, &begun.json["state"]), (202, &json!("queued")), "{begun:?}");
    let path = begun.headers["location"].to_str().unwrap().to_owned();
    let again = world.ana.post("/api/duplicates/scans", json!({ "entity": entity })).await;
    assert_eq!((again.status, &again.json["id"]), (202, &begun.json["id"]));
    let other = json!({ "entity": entity, "threshold": 0.9 });
    let other = world.ana.post("/api/duplicates/scans", other).await;
    assert_eq!((other.status, &other.json["code"]), (409, &json!("scan_running")));
    world.run_jobs().await;
    let done = world.ana.get(&path).await.json;
    assert_eq!((&done["state"], &done["phase"]), (&json!("done"), &json!("done")), "{done}");
    assert_eq!(world.stranger.get(&path).await.status, 404);
    done
}

async fn groups(who: &Client, query: &str) -> Answer {
    let page = who.get(&format!("/api/duplicates{query}")).await;
    assert_eq!(page.status, 200, "{page:?}");
    page
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_scan_finds_groups_that_can_be_dismissed(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    assert_eq!(groups(ana, "").await.json["data"], json!([]));
    for (name, email) in [
        ("Ana Sousa", "ana@x.example"),
        ("Ana Souza", "ana@x.example"),
        ("Bob Stone", "bob@y.example"),
        ("Robert Stone", "bob@y.example"),
        ("Carla Dias", "carla@z.example"),
        ("Rui Pena", "rui@z.example"),
    ] {
        ana.make("/api/contacts", json!({ "name": name, "email": email })).await;
    }
    let done = scanned(&world, "contact").await;
    assert_eq!((&done["records"], &done["groups"]), (&json!(6), &json!(2)));
    let first = groups(ana, "?limit=1").await.json;
    let next = first["nextCursor"].as_str().unwrap();
    let second = groups(ana, &format!("?limit=1&cursor={next}")).await.json;
    assert_eq!(
        (&second["nextCursor"], second["data"].as_array().unwrap().len()),
        (&json!(null), 1)
    );
    let (one, two) = (&first["data"][0], &second["data"][0]);
    assert!(one["score"].as_f64() >= two["score"].as_f64());
    let group = if one["records"][0]["name"] == "Ana Sousa" { one } else { two };
    assert_eq!((&group["count"], &group["records"][1]["name"]), (&json!(2), &json!("Ana Souza")));
    assert!(
        world.stranger.get("/api/duplicates").await.json["data"].as_array().unwrap().is_empty()
    );
    let path = format!("/api/duplicates/{}/dismiss", group["id"].as_str().unwrap());
    assert_eq!(world.vera.post(&path, json!({})).await.status, 403);
    assert_eq!(world.stranger.post(&path, json!({})).await.status, 404);
    assert_eq!(ana.post(&path, json!({})).await.status, 204);
    assert_eq!(groups(ana, "").await.json["data"].as_array().unwrap().len(), 1);
    assert_eq!(scanned(&world, "contact").await["groups"], 1);
    assert_eq!(ana.post(FIND, json!({ "entity": "contact" })).await.json["total"], 1);
    let left = groups(ana, "").await.json["data"][0]["records"][0]["id"].clone();
    assert_eq!(ana.delete(&format!("/api/contacts/{}", left.as_str().unwrap())).await.status, 204);
    assert_eq!(groups(ana, "").await.json["data"], json!([]));
    let names = ana.get("/api/audit-logs?object=duplicateScan").await.text;
    assert!(names.contains("duplicateScan.finished"), "{names}");
}

async fn a_tenant_says_how_sure_one_must_be(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    assert_eq!(ana.get(SETTINGS).await.json, json!({ "threshold": 0.5, "country": "BR" }));
    assert_eq!(world.bruno.patch(SETTINGS, json!({ "threshold": 0.9 })).await.status, 403);
    for (name, company) in [("Ana Sousa", "Acme"), ("Ana Sousa", "Acme GmbH")] {
        ana.make(
            "/api/contacts",
            json!({ "name": name, "company": company, "phone": "030 901820" }),
        )
        .await;
    }
    let draft = json!({ "name": "Ana Sousa", "company": "Acme" });
    assert_eq!(check(ana, "contact", draft.clone()).await.len(), 2);
    let changed = ana.patch(SETTINGS, json!({ "threshold": 0.95, "country": "de" })).await;
    assert_eq!(changed.json, json!({ "threshold": 0.95, "country": "DE" }), "{changed:?}");
    assert_eq!(check(ana, "contact", draft).await.len(), 0);
    assert_eq!(check(ana, "contact", json!({ "phone": "+49 30 901820" })).await.len(), 2);
    assert_eq!(world.stranger.get(SETTINGS).await.json["country"], "BR");
    for wrong in [
        json!({ "threshold": 1.5 }),
        json!({ "threshold": 0 }),
        json!({ "country": "XX" }),
        json!({ "treshold": 0.5 }),
    ] {
        assert_eq!(ana.patch(SETTINGS, wrong.clone()).await.status, 422, "{wrong}");
    }
}

async fn wishes_that_cannot_be_are_refused(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    for (path, body, status) in [
        (CHECK, json!({ "data": {} }), 422),
        (CHECK, json!({ "entity": "deal", "data": {} }), 422),
        (CHECK, json!({ "entity": "contact", "data": { "emial": "x" } }), 422),
        (CHECK, json!({ "entity": "contact", "data": { "email": 5 } }), 422),
        (CHECK, json!({ "entity": "contact", "data": [] }), 422),
        (CHECK, json!({ "entity": "contact", "entityType": "contact", "data": {} }), 422),
        (CHECK, json!({ "entity": "contact", "data": {}, "tenant_id": "somebody" }), 404),
        (FIND, json!({ "entity": "contact", "fields": ["nothing"] }), 422),
        (FIND, json!({ "entity": "contact", "fields": ["description"] }), 422),
        (FIND, json!({ "entity": "contact", "fields": ["email", "email"] }), 422),
        (FIND, json!({ "entity": "deal" }), 422),
        (FIND, json!({ "entity": "nothing" }), 422),
        ("/api/duplicates/scans", json!({ "entity": "deal" }), 422),
        ("/api/duplicates/scans", json!({ "entity": "contact", "threshold": 7 }), 422),
        ("/api/contacts?checkDuplicates=perhaps", json!({ "name": "Ana" }), 422),
    ] {
        let answer = ana.post(path, body.clone()).await;
        assert_eq!(answer.status, status, "{path} {body} {answer:?}");
    }
    assert_eq!(ana.get("/api/validation/check-duplicate?type=deal").await.status, 422);
    assert_eq!(ana.get("/api/duplicates?limit=0").await.status, 422);
}
