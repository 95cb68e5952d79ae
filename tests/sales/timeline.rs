//! Timelines.

use serde_json::{Value as Json, json};

use crate::{
    client::Client,
    database::{Kind, on_both},
    world::World,
};

on_both!(a_timeline_shows_what_happened_around_a_record);

async fn shown(who: &Client, path: &str) -> (Vec<String>, Json) {
    let page = who.get(path).await;
    assert_eq!(page.status, 200, "{page:?}");
    let one = |entry: &Json| match entry["kind"].as_str().unwrap() {
        "change" => entry["change"]["action"].as_str().unwrap().to_owned(),
        kind => {
            let title = ["subject", "title", "content"]
                .iter()
                .find_map(|key| entry["record"][*key].as_str());
            format!("{kind} {}", title.unwrap())
        }
    };
    let entries = page.json["data"].as_array().unwrap().iter().map(one).collect();
    (entries, page.json["nextCursor"].clone())
}

async fn a_timeline_shows_what_happened_around_a_record(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let account = ana.make("/api/accounts", json!({ "name": "Acme" })).await;
    let contact = json!({ "name": "Carla", "accountId": account["id"] });
    let contact = ana.make("/api/contacts", contact).await;
    let path = format!("/api/contacts/{}", contact["id"].as_str().unwrap());
    let about = &contact["id"];
    ana.make("/api/activities", json!({ "subject": "Call", "relatedId": about })).await;
    ana.patch(&path, json!({ "jobTitle": "Buyer" })).await;
    ana.make("/api/tasks", json!({ "title": "Offer", "relatedId": about })).await;
    let note = ana.make("/api/notes", json!({ "content": "Nice", "relatedId": about })).await;
    let gone = ana.make("/api/notes", json!({ "content": "Gone", "relatedId": about })).await;
    ana.delete(&format!("/api/notes/{}", gone["id"].as_str().unwrap())).await;
    let timeline = format!("{path}/timeline");
    let all = ["note Nice", "task Offer", "contact.updated", "activity Call", "contact.created"];
    assert_eq!(shown(ana, &timeline).await, (all.map(str::to_owned).to_vec(), Json::Null));
    let mut pages = Vec::new();
    let mut next = format!("{timeline}?limit=2");
    loop {
        let (some, cursor) = shown(ana, &next).await;
        pages.extend(some);
        let Some(cursor) = cursor.as_str() else { break };
        next = format!("{timeline}?limit=2&cursor={cursor}");
    }
    assert_eq!(pages, all);
    let of_account = format!("/api/accounts/{}/timeline", account["id"].as_str().unwrap());
    let (entries, _) = shown(ana, &of_account).await;
    assert_eq!(entries, ["note Nice", "task Offer", "activity Call", "account.created"]);
    let first = ana.get(&format!("{timeline}?limit=1")).await.json;
    assert_eq!(first["data"][0]["record"]["id"], note["id"]);
    let key = json!({ "name": "key", "scopes": ["contacts:read", "notes:read"] });
    let key = ana.make("/api/api-keys", key).await;
    let (entries, _) = shown(&ana.with(key["key"].as_str().unwrap()), &timeline).await;
    assert_eq!(entries, ["note Nice", "contact.updated", "contact.created"]);
    assert_eq!(world.stranger.get(&timeline).await.status, 404);
    assert_eq!(ana.get(&format!("{timeline}?cursor=x")).await.status, 422);
}
