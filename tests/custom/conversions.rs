//! Custom fields that get another kind: dry runs, jobs, texts that become links.

use serde_json::{Value as Json, json};

use super::{field, names};
use crate::{
    database::{Kind, on_both},
    world::World,
};

on_both!(
    a_kind_changes_by_a_dry_run_and_a_job,
    texts_become_links_and_links_texts,
    what_cannot_become_a_link_is_told,
);

async fn a_kind_changes_by_a_dry_run_and_a_job(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let made = field(ana, json!({ "object": "contact", "name": "size", "kind": "text" })).await;
    for (name, size) in [("a", "10"), ("b", "many"), ("c", " 2 "), ("d", "")] {
        ana.make("/api/contacts", json!({ "name": name, "size": size })).await;
    }
    let path = format!("/api/custom-fields/{}", made["id"].as_str().unwrap());
    let convert = async |body: Json| ana.post(&format!("{path}/convert"), body).await;
    let dry = convert(json!({ "kind": "number", "dryRun": true })).await;
    assert_eq!(
        (dry.status, &dry.json["values"], &dry.json["failing"]),
        (200, &json!(3), &json!(1)),
        "{dry:?}"
    );
    assert_eq!(dry.json["failures"][0]["value"], "many");
    assert_eq!(ana.get(&path).await.json, made);
    assert_eq!(convert(json!({ "kind": "number" })).await.json["code"], "unconvertible");
    assert_eq!(convert(json!({ "kind": "text" })).await.status, 422);
    let begun = convert(json!({ "kind": "number", "onFail": "clear" })).await;
    assert_eq!(
        (begun.status, &begun.json["field"]["convertingFrom"]),
        (202, &json!("text")),
        "{begun:?}"
    );
    assert_eq!(convert(json!({ "kind": "text" })).await.json["code"], "converting");
    world.app.clock.advance_seconds(10);
    world.run_jobs().await;
    let after = ana.get(&path).await.json;
    assert_eq!((&after["kind"], &after["convertingFrom"]), (&json!("number"), &json!(null)));
    assert_eq!(names(ana, "sort=size").await, "c,a,b,d");
    assert_eq!(names(ana, "size[gt]=2").await, "a");
    assert_eq!(names(ana, "size[exists]=false&sort=name").await, "b,d");
    let shown = ana.get("/api/contacts?sort=name&limit=1").await.json["data"][0]["custom"].clone();
    assert!(shown["size"].is_number(), "{shown}");
}

/// Converts a field, with the job of that.
async fn converted(world: &World, path: &str, body: Json) -> Json {
    let begun = world.ana.post(&format!("{path}/convert"), body).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    world.app.clock.advance_seconds(10);
    world.run_jobs().await;
    let after = world.ana.get(path).await.json;
    assert_eq!(after["convertingFrom"], json!(null), "{after}");
    after
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn texts_become_links_and_links_texts(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let made = field(ana, json!({ "object": "contact", "name": "partner", "kind": "text" })).await;
    let path = format!("/api/custom-fields/{}", made["id"].as_str().unwrap());
    let account = async |name: &str| {
        let made = ana.make("/api/accounts", json!({ "name": name })).await;
        made["id"].as_str().unwrap().to_owned()
    };
    let (acme, other) = (account("Äcme").await, account("Other").await);
    account("Twin").await;
    account("Twin").await;
    let gone = account("Gone").await;
    assert_eq!(ana.delete(&format!("/api/accounts/{gone}")).await.status, 204);
    let foreign = world.stranger.make("/api/accounts", json!({ "name": "Secret" })).await;
    let foreign = foreign["id"].as_str().unwrap().to_owned();
    for (name, partner) in [
        ("a", " acme "),
        ("b", other.as_str()),
        ("c", "Twin"),
        ("d", "Gone"),
        ("e", gone.as_str()),
        ("f", foreign.as_str()),
        // What nearly is a name is none here.
        ("g", "Acmee"),
        ("h", ""),
    ] {
        ana.make("/api/contacts", json!({ "name": name, "partner": partner })).await;
    }
    let wish = json!({ "kind": "link", "target": "account" });
    let dry = json!({ "kind": "link", "target": "account", "dryRun": true });
    let dry = ana.post(&format!("{path}/convert"), dry).await;
    assert_eq!((&dry.json["values"], &dry.json["failing"]), (&json!(7), &json!(5)), "{dry:?}");
    let reasons: Vec<&str> = dry.json["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["reason"].as_str().unwrap())
        .collect();
    let none = "names no record (account)";
    let twins = r#"names "Twin", which 2 records (account) are called: give the id of the one that is meant"#;
    assert_eq!(reasons, [twins, none, none, none, none]);
    assert_eq!(ana.get(&path).await.json, made);
    let refused = ana.post(&format!("{path}/convert"), wish).await;
    assert_eq!((refused.status, &refused.json["code"]), (409, &json!("unconvertible")));
    let clear = json!({ "kind": "link", "target": "account", "onFail": "clear" });
    let after = converted(&world, &path, clear).await;
    assert_eq!((&after["kind"], &after["target"]), (&json!("link"), &json!("account")));
    assert_eq!(names(ana, &format!("custom.partner={acme}")).await, "a");
    assert_eq!(names(ana, &format!("custom.partner={other}")).await, "b");
    assert_eq!(names(ana, "partner[exists]=false&sort=name").await, "c,d,e,f,g,h");
    let included = ana.get("/api/contacts?include=custom.partner&sort=name&limit=1").await;
    assert_eq!(included.json["data"][0]["custom.partner"]["name"], "Äcme", "{included:?}");
    // It is a link as any other: what is merged takes it along.
    let merge = json!({ "primaryId": other, "otherIds": [acme] });
    let merged = ana.post("/api/accounts/merge", merge).await;
    assert_eq!(merged.status, 200, "{merged:?}");
    assert_eq!(names(ana, &format!("custom.partner={other}&sort=name")).await, "a,b");

    let after = converted(&world, &path, json!({ "kind": "text" })).await;
    assert_eq!((&after["kind"], &after["target"]), (&json!("text"), &json!(null)));
    assert_eq!(names(ana, &format!("partner[startsWith]={other}&sort=name")).await, "a,b");
    let back = converted(&world, &path, json!({ "kind": "link", "target": "accounts" })).await;
    assert_eq!(back["target"], "account");
    assert_eq!(names(ana, &format!("custom.partner={other}&sort=name")).await, "a,b");
}

async fn what_cannot_become_a_link_is_told(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    ana.make("/api/objects", json!({ "name": "boat" })).await;
    let boat = ana.make("/api/objects/boat/records", json!({ "name": "Nina" })).await;
    let path = async |name: &str, body: Json| {
        let mut wish = json!({ "object": "contact", "name": name });
        wish.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        format!("/api/custom-fields/{}", field(ana, wish).await["id"].as_str().unwrap())
    };
    let word = path("word", json!({ "kind": "text" })).await;
    let count = path("seats", json!({ "kind": "number" })).await;
    let usual = path("usual", json!({ "kind": "text", "default": "Nina" })).await;
    let only = path("only", json!({ "kind": "text", "unique": true })).await;
    for (path, body, pointer) in [
        (&word, json!({ "kind": "link" }), "/target"),
        (&word, json!({ "kind": "link", "target": "ship" }), "/target"),
        (&word, json!({ "kind": "number", "target": "account" }), "/target"),
        (&word, json!({ "kind": "link", "target": "account", "options": ["x"] }), "/options"),
        (&count, json!({ "kind": "link", "target": "account" }), "/kind"),
        (&usual, json!({ "kind": "link", "target": "account" }), "/kind"),
        (&only, json!({ "kind": "link", "target": "account" }), "/kind"),
    ] {
        let answer = ana.post(&format!("{path}/convert"), body.clone()).await;
        let told = &answer.json["errors"][0]["pointer"];
        assert_eq!((answer.status, told), (422, &json!(pointer)), "{body} {answer:?}");
    }
    // An object that the tenant added is as good as any, and nobody else's.
    ana.make("/api/contacts", json!({ "name": "a", "word": "NINA" })).await;
    let foreign = json!({ "object": "contact", "name": "word", "kind": "text" });
    let foreign = world.stranger.make("/api/custom-fields", foreign).await;
    let foreign = format!("/api/custom-fields/{}/convert", foreign["id"].as_str().unwrap());
    let to_boat = json!({ "kind": "link", "target": "boat" });
    assert_eq!(world.stranger.post(&foreign, to_boat.clone()).await.status, 422);
    converted(&world, &word, to_boat).await;
    let id = boat["id"].as_str().unwrap();
    assert_eq!(names(ana, &format!("custom.word={id}")).await, "a");
}
