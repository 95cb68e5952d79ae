//! Merging and parting through HTTP: what moves, what comes back, what is refused.

use proptest::{
    prelude::{Just, Strategy, any, prop_oneof},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use serde_json::{Value as Json, json};

use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    world::World,
};

on_both!(
    a_merge_moves_whatever_points_at_what_goes,
    parting_is_the_opposite_of_merging,
    what_was_changed_since_stays_and_is_told,
    accounts_do_not_come_to_stand_above_themselves,
    nor_do_they_when_they_are_parted,
    merges_that_cannot_be_are_refused_and_leave_nothing,
);

fn id(record: &Json) -> &str {
    record["id"].as_str().unwrap()
}

async fn merge(who: &Client, plural: &str, primary: &Json, others: &[&Json]) -> Answer {
    let others: Vec<&str> = others.iter().map(|one| id(one)).collect();
    let body = json!({ "primaryId": id(primary), "otherIds": others });
    who.post(&format!("/api/{plural}/merge"), body).await
}

async fn part(who: &Client, plural: &str, merged: &Json) -> Answer {
    who.post(&format!("/api/{plural}/unmerge"), json!({ "mergeId": merged["mergeId"] })).await
}

/// Every record of these kinds as it is shown, but for what each change changes.
async fn all(who: &Client) -> Json {
    let mut all = json!({});
    for plural in ["contacts", "accounts", "deals", "activities", "tasks", "notes", "products"] {
        for deleted in ["", "&deleted=true"] {
            let page = who.get(&format!("/api/{plural}?limit=200{deleted}")).await;
            let mut page = page.json["data"].clone();
            for record in page.as_array_mut().unwrap() {
                record.as_object_mut().unwrap().remove("version");
                record.as_object_mut().unwrap().remove("updatedAt");
            }
            all[format!("{plural}{deleted}")] = page;
        }
    }
    all
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_merge_moves_whatever_points_at_what_goes(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let link = json!({ "object": "product", "name": "buyer", "kind": "link", "target": "contact" });
    ana.make("/api/custom-fields", link).await;
    ana.make("/api/custom-fields", json!({ "object": "contact", "name": "tier", "kind": "text" }))
        .await;
    let rosa = json!({ "name": "Rosa Sousa", "email": "rosa@acme.example", "labels": ["new"] });
    let rosa = ana.make("/api/contacts", rosa).await;
    let other = json!({
        "name": "Rosa Souza", "phone": "11 98765-4321", "doNotCall": true, "labels": ["fair", "new"],
        "externalId": "r-2", "tier": "gold", "address": { "city": "Porto" }, "email": "other@acme.example",
    });
    let other = ana.make("/api/contacts", other).await;
    let deal = ana.make("/api/deals", json!({ "name": "Big", "contactId": other["id"] })).await;
    let note = ana.make("/api/notes", json!({ "content": "Nice", "relatedId": other["id"] })).await;
    let task = ana.make("/api/tasks", json!({ "title": "Call", "relatedId": other["id"] })).await;
    let gone = ana.make("/api/deals", json!({ "name": "Old", "contactId": other["id"] })).await;
    assert_eq!(ana.delete(&format!("/api/deals/{}", id(&gone))).await.status, 204);
    let product = ana.make("/api/products", json!({ "name": "Thing", "buyer": other["id"] })).await;
    let before = all(ana).await;
    let dry = json!({ "primaryId": rosa["id"], "otherIds": [other["id"]], "dryRun": true });
    let preview = ana.post("/api/contacts/merge", dry).await;
    assert_eq!((preview.status, &preview.json["mergeId"]), (200, &Json::Null), "{preview:?}");
    assert_eq!(all(ana).await, before);
    let merged = merge(ana, "contacts", &rosa, &[&other]).await;
    assert_eq!(merged.status, 200, "{merged:?}");
    let contact = &merged.json["contact"];
    assert_eq!(
        (&contact["email"], &contact["phone"]),
        (&json!("rosa@acme.example"), &json!("11 98765-4321"))
    );
    assert_eq!(
        (&contact["labels"], &contact["custom"]["tier"]),
        (&json!(["new", "fair"]), &json!("gold"))
    );
    assert_eq!((&contact["doNotCall"], &contact["externalId"]), (&json!(true), &json!("r-2")));
    assert_eq!(
        (&contact["name"], &contact["address"]["city"]),
        (&json!("Rosa Sousa"), &json!("Porto"))
    );
    assert_eq!(merged.json["moved"], json!({ "deals": 2, "notes": 1, "tasks": 1, "products": 1 }));
    for key in ["moved", "fields", "otherIds"] {
        assert_eq!(preview.json[key], merged.json[key], "{key}");
    }
    assert_eq!(preview.json["contact"]["phone"], contact["phone"]);
    for (path, key) in [
        (format!("/api/deals/{}", id(&deal)), "contactId"),
        (format!("/api/notes/{}", id(&note)), "relatedId"),
        (format!("/api/tasks/{}", id(&task)), "relatedId"),
        (format!("/api/products/{}", id(&product)), "custom"),
    ] {
        let now = ana.get(&path).await.json;
        let now = if key == "custom" { &now["custom"]["buyer"] } else { &now[key] };
        assert_eq!(now, &rosa["id"], "{path}");
    }
    let by_link = ana.get(&format!("/api/products?custom.buyer={}", id(&rosa))).await;
    assert_eq!(by_link.names(), ["Thing"]);
    let hint = ana.get(&format!("/api/contacts/{}", id(&other))).await;
    assert_eq!((hint.status, &hint.json["code"]), (404, &json!("merged")));
    assert!(hint.json["detail"].as_str().unwrap().contains(id(&rosa)), "{hint:?}");
    let restored = ana.post(&format!("/api/contacts/{}/restore", id(&other)), json!({})).await;
    assert_eq!((restored.status, &restored.json["code"]), (409, &json!("merged")));
    let events = ana.get(&format!("/api/contacts/{}/history", id(&rosa))).await.text;
    assert!(events.contains("contact.merged"), "{events}");
    let deals = ana.get(&format!("/api/deals/{}/history", id(&deal))).await.text;
    assert!(deals.contains(merged.json["mergeId"].as_str().unwrap()), "{deals}");
    let parted = part(ana, "contacts", &merged.json).await;
    assert_eq!(
        (parted.status, &parted.json["kept"], &parted.json["stayed"]),
        (200, &json!([]), &json!([])),
        "{parted:?}"
    );
    assert_eq!(all(ana).await, before);
    let check = json!({ "entity": "contact", "data": { "phone": "11987654321" } });
    let check = ana.post("/api/validation/check-duplicate-before-create", check).await;
    assert_eq!(check.json["duplicates"][0]["id"], other["id"]);
    assert_eq!(check.json["count"], 1);
}

/// Some contact; half of its values are missing.
fn contact() -> impl Strategy<Value = Json> {
    let text = || prop_oneof![Just(Json::Null), "[a-zé]{1,6}".prop_map(Json::from)];
    let labels = proptest::collection::vec("[a-c]", 0..3);
    (
        (text(), text(), text(), text(), "[a-z]{3,8}"),
        (any::<Option<bool>>(), any::<bool>(), labels, 0..4_u8, any::<bool>()),
    )
        .prop_map(|((first, title, city, custom, last), (call, phone, labels, links, owned))| {
            json!({
                "firstName": first, "lastName": last, "jobTitle": title, "address": { "city": city }, "tier": custom,
                "doNotCall": call, "phone": phone.then_some("+55 11 4004-1000"), "labels": labels,
                "links": links, "owned": owned,
            })
        })
}

async fn made(who: &Client, mut wish: Json, account: &Json) -> Json {
    let (links, owned) = (wish["links"].take(), wish["owned"].take());
    let wish = wish.as_object_mut().unwrap();
    wish.remove("links");
    wish.remove("owned");
    if owned == json!(true) {
        wish.insert("accountId".to_owned(), account["id"].clone());
    }
    let made = who.make("/api/contacts", Json::Object(wish.clone())).await;
    for number in 0..links.as_u64().unwrap() {
        who.make("/api/deals", json!({ "name": format!("d{number}"), "contactId": made["id"] }))
            .await;
        let note = json!({ "content": "n", "relatedId": made["id"] });
        who.make("/api/notes", note).await;
    }
    made
}

/// Whatever the records hold: merged and parted, everything is as it was.
async fn parting_is_the_opposite_of_merging(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    ana.make("/api/custom-fields", json!({ "object": "contact", "name": "tier", "kind": "text" }))
        .await;
    let account = ana.make("/api/accounts", json!({ "name": "Acme" })).await;
    let mut runner = TestRunner::deterministic();
    for _ in 0..12 {
        let mut some = Vec::new();
        for _ in 0..3 {
            let wish = contact().new_tree(&mut runner).unwrap().current();
            some.push(made(ana, wish, &account).await);
        }
        let before = all(ana).await;
        let merged = merge(ana, "contacts", &some[0], &[&some[1], &some[2]]).await;
        assert_eq!(merged.status, 200, "{merged:?}");
        assert_ne!(all(ana).await, before);
        // An edit of something else in between stays, and only it.
        let path = format!("/api/contacts/{}", id(&some[0]));
        let edited = ana.patch(&path, json!({ "department": "Sales" })).await;
        assert_eq!(edited.status, 200);
        let parted = part(ana, "contacts", &merged.json).await;
        assert_eq!(parted.status, 200, "{parted:?}");
        assert_eq!(parted.json["contact"]["department"], "Sales");
        assert_eq!(ana.patch(&path, json!({ "department": null })).await.status, 200);
        assert_eq!(all(ana).await, before, "{some:?}");
    }
}

async fn what_was_changed_since_stays_and_is_told(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let rosa = ana.make("/api/contacts", json!({ "name": "Rosa Sousa" })).await;
    let other = json!({ "name": "Rosa S", "phone": "11 1", "jobTitle": "CEO", "labels": ["fair"] });
    let other = ana.make("/api/contacts", other).await;
    let third = ana.make("/api/contacts", json!({ "name": "Rui Pena" })).await;
    let one = ana.make("/api/deals", json!({ "name": "One", "contactId": other["id"] })).await;
    let two = ana.make("/api/deals", json!({ "name": "Two", "contactId": other["id"] })).await;
    let merged = merge(ana, "contacts", &rosa, &[&other]).await.json;
    let path = format!("/api/contacts/{}", id(&rosa));
    ana.patch(&path, json!({ "phone": "22 2", "labels": ["fair", "mine"] })).await;
    ana.patch(&format!("/api/deals/{}", id(&one)), json!({ "contactId": third["id"] })).await;
    let late = ana.make("/api/deals", json!({ "name": "Late", "contactId": rosa["id"] })).await;
    let parted = part(ana, "contacts", &merged).await;
    assert_eq!((parted.status, &parted.json["kept"]), (200, &json!(["phone"])), "{parted:?}");
    let stayed = json!([{ "object": "deal", "id": one["id"], "field": "contactId" }]);
    assert_eq!(parted.json["stayed"], stayed);
    let contact = &parted.json["contact"];
    assert_eq!((&contact["phone"], &contact["jobTitle"]), (&json!("22 2"), &Json::Null));
    assert_eq!(contact["labels"], json!(["mine"]));
    for (deal, of) in [(&one, &third), (&two, &other), (&late, &rosa)] {
        let now = ana.get(&format!("/api/deals/{}", id(deal))).await.json;
        assert_eq!(now["contactId"], of["id"], "{}", deal["name"]);
    }
    let again = part(ana, "contacts", &merged).await;
    assert_eq!((again.status, &again.json["code"]), (409, &json!("undone")));
}

async fn accounts_do_not_come_to_stand_above_themselves(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let account = async |name: &str, parent: &Json| {
        let body = json!({ "name": name, "parentId": parent });
        ana.make("/api/accounts", body).await
    };
    let top = account("Top", &Json::Null).await;
    let middle = account("Middle", &top["id"]).await;
    let below = account("Below", &middle["id"]).await;
    let before = all(ana).await;
    for stays in [&middle, &below] {
        let refused = merge(ana, "accounts", stays, &[&top]).await;
        assert_eq!(
            (refused.status, &refused.json["code"]),
            (409, &json!("circular")),
            "{refused:?}"
        );
    }
    assert_eq!(all(ana).await, before);
    let merged = merge(ana, "accounts", &top, &[&middle]).await;
    assert_eq!(
        (merged.status, &merged.json["account"]["parentId"]),
        (200, &Json::Null),
        "{merged:?}"
    );
    assert_eq!(ana.get(&format!("/api/accounts/{}", id(&below))).await.json["parentId"], top["id"]);
    assert_eq!(part(ana, "accounts", &merged.json).await.status, 200);
    assert_eq!(all(ana).await, before);
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn merges_that_cannot_be_are_refused_and_leave_nothing(kind: Kind) {
    let world = World::new(kind).await;
    let (ana, stranger) = (&world.ana, &world.stranger);
    let mut own = Vec::new();
    for name in ["Ana", "Eva", "Rui", "Leo"] {
        own.push(ana.make("/api/contacts", json!({ "name": name })).await);
    }
    let theirs = stranger.make("/api/contacts", json!({ "name": "Zoe" })).await;
    let gone = ana.make("/api/contacts", json!({ "name": "Gone" })).await;
    assert_eq!(ana.delete(&format!("/api/contacts/{}", id(&gone))).await.status, 204);
    let before = all(ana).await;
    let many: Vec<Json> = (0..21).map(|_| json!(world.app.ids.next())).collect();
    for (body, status) in [
        (json!({ "primaryId": own[0]["id"], "otherIds": [own[0]["id"]] }), 422),
        (json!({ "primaryId": own[0]["id"], "otherIds": [own[1]["id"], own[1]["id"]] }), 422),
        (json!({ "primaryId": own[0]["id"], "otherIds": [] }), 422),
        (json!({ "primaryId": own[0]["id"], "otherIds": many }), 422),
        (json!({ "primaryId": own[0]["id"], "otherIds": [own[1]["id"], theirs["id"]] }), 422),
        (json!({ "primaryId": own[0]["id"], "otherIds": [own[1]["id"], gone["id"]] }), 422),
        (json!({ "primaryId": theirs["id"], "otherIds": [own[1]["id"]] }), 404),
        (json!({ "primaryId": gone["id"], "otherIds": [own[1]["id"]] }), 404),
        (json!({ "primaryId": "nobody", "otherIds": [own[1]["id"]] }), 422),
        (json!({ "otherIds": [own[1]["id"]] }), 422),
    ] {
        let answer = ana.post("/api/contacts/merge", body.clone()).await;
        assert_eq!(answer.status, status, "{body} {answer:?}");
    }
    assert_eq!(all(ana).await, before);
    assert_eq!(merge(&world.bruno, "contacts", &own[0], &[&own[1]]).await.status, 403);
    let first = merge(ana, "contacts", &own[0], &[&own[1]]).await;
    let twice = merge(ana, "contacts", &own[2], &[&own[1]]).await;
    assert_eq!(twice.status, 422);
    assert!(twice.text.contains("merged"), "{twice:?}");
    assert_eq!(part(stranger, "contacts", &first.json).await.status, 404);
    assert_eq!(part(ana, "accounts", &first.json).await.status, 404);
    let second = merge(ana, "contacts", &own[2], &[&own[0]]).await;
    let early = part(ana, "contacts", &first.json).await;
    assert_eq!((early.status, &early.json["code"]), (409, &json!("primary_gone")));
    assert_eq!(part(ana, "contacts", &second.json).await.status, 200);
    assert_eq!(part(ana, "contacts", &first.json).await.status, 200);
    assert_eq!(all(ana).await, before);
}

async fn nor_do_they_when_they_are_parted(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let account = async |name: &str, parent: &Json| {
        let body = json!({ "name": name, "parentId": parent });
        ana.make("/api/accounts", body).await
    };
    // What went stands, when it comes again, beneath one that was put beneath what it had beneath itself.
    let (stays, roof) = (account("Stays", &Json::Null).await, account("Roof", &Json::Null).await);
    let goes = account("Goes", &roof["id"]).await;
    let child = account("Child", &goes["id"]).await;
    let merged = merge(ana, "accounts", &stays, &[&goes]).await.json;
    let put = async |below: &Json, above: &Json| {
        let body = json!({ "parentId": above["id"] });
        ana.patch(&format!("/api/accounts/{}", id(below)), body).await.status
    };
    assert_eq!((put(&stays, &Json::Null).await, put(&roof, &child).await), (200, 200));
    let parted = part(ana, "accounts", &merged).await;
    let stayed = json!([{ "object": "account", "id": child["id"], "field": "parentId" }]);
    assert_eq!((parted.status, &parted.json["stayed"]), (200, &stayed), "{parted:?}");
    assert_eq!(put(&child, &goes).await, 422, "it would stand above itself");
}
