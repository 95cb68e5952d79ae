//! Views through HTTP: kept, shared, changed by whom they are of, and what they show.

use serde_json::json;

use crate::{
    database::{Kind, on_both},
    world::World,
};

on_both!(views_show_what_their_rules_say, views_are_private_or_shared);

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn views_show_what_their_rules_say(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let tier = json!({ "object": "contact", "name": "tier", "kind": "choice", "options": ["gold", "tin"] });
    ana.make("/api/custom-fields", tier).await;
    for number in 0..5 {
        let tier = if number == 3 { "tin" } else { "gold" };
        ana.make("/api/contacts", json!({ "name": format!("n{number}"), "tier": tier })).await;
    }
    let rule = json!({ "field": "custom.tier", "op": "eq", "value": "gold" });
    let wish = json!({ "object": "contacts", "name": "Gold", "rule": rule, "sort": "-name", "columns": ["name", "custom.tier"], "layout": "board" });
    let made = ana.post("/api/views", wish).await;
    assert_eq!(
        (made.status, &made.json["object"], &made.json["rule"]),
        (201, &json!("contact"), &rule),
        "{made:?}"
    );
    let path = made.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(ana.get(&path).await.json, made.json);
    let page = ana.get(&format!("{path}/records?limit=2&count=exact")).await;
    assert_eq!((page.names(), &page.json["total"]), (vec!["n4", "n2"], &json!(4)), "{page:?}");
    let keys: Vec<_> = page.json["data"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["id", "name", "custom"]);
    let next = page.json["nextCursor"].as_str().unwrap();
    assert_eq!(ana.get(&format!("{path}/records?cursor={next}")).await.names(), ["n1", "n0"]);
    assert_eq!(
        ana.get(&format!("{path}/records?name[lt]=n2&sort=name")).await.names(),
        ["n0", "n1"]
    );
    for wrong in [
        json!({ "rule": { "field": "nothing", "op": "eq", "value": 1 } }),
        json!({ "rule": { "field": "name", "op": "like", "value": "x" } }),
        json!({ "sort": "nothing" }),
        json!({ "columns": ["nothing"] }),
        json!({ "layout": "cloud" }),
        json!({ "name": "" }),
        json!({ "object": "account" }),
    ] {
        let answer = ana.patch(&path, wrong.clone()).await;
        assert_eq!(answer.status, 422, "{wrong} {answer:?}");
    }
    let changed = ana.patch(&path, json!({ "sort": "name", "rule": null })).await;
    assert_eq!((changed.status, &changed.json["version"]), (200, &json!(2)), "{changed:?}");
    assert_eq!(ana.get(&format!("{path}/records")).await.names(), ["n0", "n1", "n2", "n3", "n4"]);
    assert_eq!(ana.delete(&path).await.status, 204);
    assert_eq!(ana.get(&format!("{path}/records")).await.status, 404);
}

async fn views_are_private_or_shared(kind: Kind) {
    let world = World::new(kind).await;
    let wish = json!({ "object": "contact", "name": "Mine" });
    let made = world.bruno.make("/api/views", wish).await;
    let path = format!("/api/views/{}", made["id"].as_str().unwrap());
    for other in [&world.ana, &world.vera, &world.stranger] {
        assert_eq!(other.get(&path).await.status, 404);
        assert_eq!(other.get(&format!("{path}/records")).await.status, 404);
        assert_eq!(other.get("/api/views").await.json["data"], json!([]));
    }
    assert_eq!(world.ana.patch(&path, json!({ "name": "Hers" })).await.status, 404);
    assert_eq!(world.bruno.patch(&path, json!({ "shared": true })).await.status, 200);
    assert_eq!(world.vera.get("/api/views?object=contact").await.names(), ["Mine"]);
    assert_eq!(world.stranger.get(&path).await.status, 404);
    assert_eq!(world.ana.patch(&path, json!({ "name": "Ours" })).await.status, 200);
    let shared = json!({ "object": "contact", "name": "Everybody's", "shared": true });
    let hers = world.ana.make("/api/views", shared).await;
    let path = format!("/api/views/{}", hers["id"].as_str().unwrap());
    assert_eq!(world.bruno.patch(&path, json!({ "name": "x" })).await.status, 403);
    assert_eq!(world.bruno.delete(&path).await.status, 403);
    assert_eq!(world.bruno.get(&path).await.json["name"], "Everybody's");
}
