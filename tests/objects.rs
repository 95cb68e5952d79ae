//! Custom objects: added by a tenant, and then records like any other.

use serde_json::{Value as Json, json};

use crate::{
    database::{Kind, on_both},
    world::World,
};

on_both!(
    an_object_is_added_and_its_records_live,
    records_of_an_object_do_what_others_do,
    objects_stay_apart,
    the_document_tells_of_them,
    names_that_mean_something_else_are_refused,
    an_object_with_records_is_not_deleted,
);

const RECORDS: &str = "/api/objects/vehicle/records";

async fn vehicles(kind: Kind) -> World {
    let world = World::new(kind).await;
    let added = json!({ "name": "vehicle", "label": "Vehicle", "pluralLabel": "Vehicles" });
    let added = world.ana.make("/api/objects", added).await;
    assert_eq!((&added["name"], &added["path"]), (&json!("vehicle"), &json!(RECORDS)));
    for (name, kind) in [("plate", "text"), ("seats", "number"), ("driver", "link")] {
        let field = json!({
            "object": "vehicle", "name": name, "kind": kind, "unique": name == "plate",
            "target": (kind == "link").then_some("contact"),
        });
        world.ana.make("/api/custom-fields", field).await;
    }
    world
}

async fn make(world: &World, name: &str, plate: &str, seats: i64) -> String {
    let body =
        json!({ "name": name, "custom": { "plate": plate, "seats": seats }, "labels": ["fleet"] });
    world.ana.make(RECORDS, body).await["id"].as_str().unwrap().to_owned()
}

async fn an_object_is_added_and_its_records_live(kind: Kind) {
    let world = vehicles(kind).await;
    let contact = world.ana.make("/api/contacts", json!({ "name": "Rosa" })).await;
    let van = make(&world, "Van", "AB-1", 9).await;
    make(&world, "Bus", "AB-2", 50).await;
    let one = format!("{RECORDS}/{van}");
    let changed = world.ana.patch(&one, json!({ "driver": contact["id"], "seats": 8 })).await;
    assert_eq!(changed.json["custom"]["driver"], contact["id"], "{changed:?}");
    let many = world.ana.get(&format!("{RECORDS}?seats[gte]=9&sort=-seats")).await;
    assert_eq!(many.names(), ["Bus"]);
    let sorted =
        world.ana.get(&format!("{RECORDS}?sort=seats&include=custom.driver&count=exact")).await;
    assert_eq!((sorted.names(), &sorted.json["total"]), (vec!["Van", "Bus"], &json!(2)));
    assert_eq!(sorted.json["data"][0]["custom.driver"]["name"], "Rosa", "{sorted:?}");
    let twice = world.ana.post(RECORDS, json!({ "name": "Copy", "plate": "ab-1" })).await;
    assert_eq!(twice.status, 409, "{twice:?}");
    let nameless = world.ana.post(RECORDS, json!({ "plate": "X" })).await;
    assert_eq!(nameless.status, 422, "{nameless:?}");
    let unknown = world.ana.post(RECORDS, json!({ "name": "X", "wings": 2 })).await;
    assert_eq!(unknown.status, 422, "{unknown:?}");
    let history = world.ana.get(&format!("{one}/history")).await.json;
    let actions: Vec<&str> =
        history["data"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["vehicle.updated", "vehicle.created"]);
    let found = world.ana.get("/api/search?q=van&object=vehicle").await.json;
    assert_eq!(found["data"][0]["object"], "vehicle", "{found}");
    assert_eq!(found["data"][0]["id"], van.as_str());
}

async fn records_of_an_object_do_what_others_do(kind: Kind) {
    let world = vehicles(kind).await;
    let van = make(&world, "Van", "AB-1", 9).await;
    let note = json!({ "content": "has a dent", "relatedId": van });
    let note = world.ana.make("/api/notes", note).await;
    assert_eq!(note["relatedTo"], "vehicle", "{note}");
    let view = json!({ "object": "vehicle", "name": "Large", "rule": { "field": "seats", "op": "gte", "value": 5 } });
    let view = world.ana.make("/api/views", view).await;
    let shown =
        world.ana.get(&format!("/api/views/{}/records", view["id"].as_str().unwrap())).await;
    assert_eq!(shown.names(), ["Van"]);
    let rule = json!({ "field": "name", "op": "eq", "value": "van" });
    let bulk = json!({ "action": "delete", "rule": rule });
    let bulk = world.ana.post(&format!("{RECORDS}/bulk"), bulk).await;
    assert_eq!(bulk.status, 202, "{bulk:?}");
    world.run_jobs().await;
    assert_eq!(world.ana.get(RECORDS).await.names(), Vec::<&str>::new());
    let id = bulk.json["id"].as_str().unwrap();
    let undone = world.ana.post(&format!("/api/batches/{id}/undo"), json!({})).await;
    assert_eq!(undone.status, 202, "{undone:?}");
    world.run_jobs().await;
    let undo = format!("/api/batches/{}", undone.json["id"].as_str().unwrap());
    let undo = world.ana.get(&undo).await;
    assert_eq!(undo.json["changed"], 1, "{undo:?}");
    assert_eq!(world.ana.get(RECORDS).await.names(), ["Van"]);
    let export = world.ana.get(&format!("{RECORDS}/export?format=csv")).await;
    assert!(export.text.contains("Van") && export.text.contains("AB-1"), "{}", export.text);
    let diff = world.ana.get(&format!("{RECORDS}/{van}/diff")).await;
    assert_eq!(diff.status, 200, "{diff:?}");
    let moment = diff.json["to"].as_str().unwrap().to_owned();
    world.house.app.clock.advance_seconds(60);
    world.ana.patch(&format!("{RECORDS}/{van}"), json!({ "name": "Lorry" })).await;
    let then = world.ana.get(&format!("{RECORDS}?asOf={moment}")).await;
    assert_eq!(then.names(), ["Van"], "{then:?}");
}

/// The name of a tenant's object means nothing in another tenant, and two objects of a tenant share nothing.
async fn objects_stay_apart(kind: Kind) {
    let world = vehicles(kind).await;
    let van = make(&world, "Van", "AB-1", 9).await;
    world.ana.make("/api/objects", json!({ "name": "boat" })).await;
    assert_eq!(world.ana.get("/api/objects/boat/records").await.names(), Vec::<&str>::new());
    assert_eq!(world.ana.get(&format!("/api/objects/boat/records/{van}")).await.status, 404);
    assert_eq!(
        world
            .ana
            .patch(&format!("/api/objects/boat/records/{van}"), json!({ "name": "x" }))
            .await
            .status,
        404
    );
    assert_eq!(world.ana.delete(&format!("/api/objects/boat/records/{van}")).await.status, 404);
    assert_eq!(world.stranger.get(RECORDS).await.status, 404);
    let field = json!({ "object": "vehicle", "name": "wings", "kind": "number" });
    assert_eq!(world.stranger.post("/api/custom-fields", field).await.status, 422);
    assert_eq!(world.stranger.get("/api/search?q=van&object=vehicle").await.status, 422);
    world.stranger.make("/api/objects", json!({ "name": "vehicle" })).await;
    assert_eq!(world.stranger.get(RECORDS).await.names(), Vec::<&str>::new());
    assert_eq!(world.stranger.get(&format!("{RECORDS}/{van}")).await.status, 404);
    let same = json!({ "name": "Other", "externalId": "7" });
    world.ana.make(RECORDS, same.clone()).await;
    world.ana.make("/api/objects/boat/records", same.clone()).await;
    assert_eq!(world.ana.post(RECORDS, same).await.status, 409);
}

async fn the_document_tells_of_them(kind: Kind) {
    let world = vehicles(kind).await;
    let document = world.ana.get("/openapi.json").await.json;
    let list = &document["paths"][RECORDS]["get"];
    let parameters = list["parameters"].as_array().unwrap();
    assert!(parameters.iter().any(|parameter| parameter["name"] == "custom.plate"), "{list}");
    assert!(parameters.iter().all(|parameter| parameter["in"] != "path"), "{list}");
    let of_vehicle = &document["components"]["schemas"]["VehicleRecord"]["properties"]["custom"];
    assert_eq!(
        of_vehicle["properties"]["seats"]["type"],
        json!(["number", "null"]),
        "{of_vehicle}"
    );
    let of_any = &document["components"]["schemas"]["CustomRecord"]["properties"]["custom"];
    assert_eq!(of_any["properties"], Json::Null);
    let strangers = world.stranger.get("/openapi.json").await.json;
    assert_eq!(strangers["paths"][RECORDS], Json::Null);
}

async fn names_that_mean_something_else_are_refused(kind: Kind) {
    let world = World::new(kind).await;
    for name in ["contact", "Deals", "opportunities", "select", "1a", "", "a b-c!", "../x", "é"] {
        let answer = world.ana.post("/api/objects", json!({ "name": name })).await;
        assert_eq!(answer.status, 422, "{name}: {answer:?}");
    }
    let long = "v".repeat(41);
    assert_eq!(world.ana.post("/api/objects", json!({ "name": long })).await.status, 422);
    world.ana.make("/api/objects", json!({ "name": "vehicle" })).await;
    assert_eq!(world.ana.post("/api/objects", json!({ "name": "vehicle" })).await.status, 409);
    assert_eq!(world.bruno.post("/api/objects", json!({ "name": "boat" })).await.status, 403);
    assert_eq!(world.ana.get("/api/objects/contact/records").await.status, 404);
    assert_eq!(world.ana.get("/api/objects/%2e%2e/records").await.status, 404);
}

async fn an_object_with_records_is_not_deleted(kind: Kind) {
    let world = vehicles(kind).await;
    let van = make(&world, "Van", "AB-1", 9).await;
    assert_eq!(world.ana.delete("/api/objects/vehicle").await.status, 409);
    assert_eq!(world.ana.delete(&format!("{RECORDS}/{van}")).await.status, 204);
    assert_eq!(world.ana.delete("/api/objects/vehicle").await.status, 204);
    assert_eq!(world.ana.get(RECORDS).await.status, 404);
    assert_eq!(world.ana.get("/api/objects").await.json["data"], json!([]));
    world.ana.make("/api/objects", json!({ "name": "vehicle", "label": "Car" })).await;
    let restored = world.ana.post(&format!("{RECORDS}/{van}/restore"), json!({})).await;
    assert_eq!(restored.json["custom"]["plate"], "AB-1", "{restored:?}");
}
