//! Lines, stages, forecast and what stalls.

use serde_json::{Value as Json, json};

use crate::{
    client::Client,
    database::{Kind, on_both},
    world::World,
};

on_both!(
    the_amount_of_a_deal_is_the_sum_of_its_lines,
    a_line_is_changed_and_taken_out_alone,
    lines_that_come_at_once_are_all_kept,
    one_line_follows_its_deal,
    stays_in_stages_are_kept,
    the_forecast_weighs_and_says_what_it_counts,
    a_deal_stalls_when_nothing_happens_to_it,
);

const DAY: i64 = 86_400;

fn path(deal: &Json) -> String {
    format!("/api/deals/{}", deal["id"].as_str().unwrap())
}

async fn put(who: &Client, path: &str, body: Json) -> crate::client::Answer {
    let kind = [("content-type", "application/json")];
    who.send("PUT", path, &kind, body.to_string().into_bytes()).await
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn the_amount_of_a_deal_is_the_sum_of_its_lines(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let product = ana.make("/api/products", json!({ "name": "Team", "price": 19.99 })).await;
    let deal = ana.make("/api/deals", json!({ "name": "Lines" })).await;
    let lines = format!("{}/lines", path(&deal));
    let one = ana
        .post(&lines, json!({ "productId": product["id"], "quantity": 3, "discountPercent": 10 }))
        .await;
    assert_eq!((one.status, &one.json["amount"]), (200, &json!(53.97)), "{one:?}");
    let now = ana.get(&path(&deal)).await.json;
    assert_eq!((&now["amount"], &now["productId"]), (&json!(53.97), &product["id"]));
    let two =
        ana.post(&lines, json!({ "name": "Travel", "unitPrice": 0.01, "quantity": 2.5 })).await;
    assert_eq!(two.json["data"][1]["amount"], json!(0.02), "half to even: {two:?}");
    let now = ana.get(&path(&deal)).await.json;
    assert_eq!((&now["amount"], &now["productId"]), (&json!(53.99), &json!(null)));
    for (change, word) in [
        (json!({ "amount": 5 }), "lines"),
        (json!({ "productId": product["id"] }), "lines"),
        (json!({ "currency": "JPY" }), "decimals"),
    ] {
        let refused = ana.patch(&path(&deal), change.clone()).await;
        assert_eq!(refused.status, 422, "{change} {refused:?}");
        assert!(refused.text.contains(word), "{change} {}", refused.text);
    }
    for line in [
        json!({}),
        json!({ "name": "x" }),
        json!({ "name": "x", "unitPrice": 1.005 }),
        json!({ "name": "x", "unitPrice": 1, "quantity": 0 }),
        json!({ "name": "x", "unitPrice": 1, "quantity": -1 }),
        json!({ "name": "x", "unitPrice": 1, "quantity": 0.00001 }),
        json!({ "name": "x", "unitPrice": 1, "discountPercent": 101 }),
        json!({ "name": "x", "unitPrice": 90_000_000_000_000.0, "quantity": 1_000_000 }),
        json!({ "productId": deal["id"], "unitPrice": 1 }),
        json!({ "name": "x", "price": 1 }),
    ] {
        let refused = ana.post(&lines, line.clone()).await;
        assert_eq!(refused.status, 422, "{line} {refused:?}");
    }
    let many = vec![json!({ "name": "x", "unitPrice": 1 }); 201];
    assert_eq!(put(ana, &lines, json!({ "lines": many })).await.status, 422);
    assert_eq!(ana.get(&lines).await.json["data"].as_array().unwrap().len(), 2);
    let replaced =
        put(ana, &lines, json!({ "lines": [{ "name": "All", "unitPrice": 100 }] })).await;
    assert_eq!((replaced.status, &replaced.json["amount"]), (200, &json!(100)), "{replaced:?}");
    let history = ana.get(&format!("{}/history", path(&deal))).await;
    assert_eq!(history.json["data"][0]["action"], "deal.linesChanged", "{history:?}");
    let none = put(ana, &lines, json!({ "lines": [] })).await;
    assert_eq!((&none.json["amount"], &none.json["data"]), (&json!(null), &json!([])));
    assert_eq!(world.stranger.get(&lines).await.status, 404);
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_line_is_changed_and_taken_out_alone(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let product = ana.make("/api/products", json!({ "name": "Team", "price": 20 })).await;
    let deal = ana.make("/api/deals", json!({ "name": "Lines" })).await;
    let lines = format!("{}/lines", path(&deal));
    ana.post(&lines, json!({ "name": "Travel", "unitPrice": 10, "quantity": 2 })).await;
    let all = ana.post(&lines, json!({ "productId": product["id"], "discountPercent": 50 })).await;
    let one = format!("{lines}/{}", all.json["data"][0]["id"].as_str().unwrap());
    let two = format!("{lines}/{}", all.json["data"][1]["id"].as_str().unwrap());
    let tag = |answer: &crate::client::Answer| answer.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(
        tag(&ana.get(&lines).await),
        tag(&all),
        "the lines are tagged with the deal's version"
    );
    assert_eq!(tag(&ana.get(&path(&deal)).await), tag(&all));
    let done = ana.patch(&one, json!({ "quantity": 3 })).await;
    assert_eq!((done.status, &done.json["amount"]), (200, &json!(40)), "{done:?}");
    let line = &done.json["data"][0];
    assert_eq!((&line["name"], &line["quantity"]), (&json!("Travel"), &json!(3)), "in its place");
    assert_eq!(line["id"], all.json["data"][0]["id"]);
    assert_eq!(ana.get(&path(&deal)).await.json["amount"], 40);
    // What comes to the same is a change all the same: who saw the deal before it is told.
    let renamed = ana.patch(&one, json!({ "name": "Trips" })).await;
    assert_ne!(tag(&renamed), tag(&done));
    let send = async |method: &str, path: &str, tag: &str, body: Json| {
        let headers = [("content-type", "application/json"), ("if-match", tag)];
        ana.send(method, path, &headers, body.to_string().into_bytes()).await
    };
    for (method, path) in [("PATCH", &one), ("DELETE", &one), ("POST", &lines), ("PUT", &lines)] {
        let body = match method {
            "PUT" => json!({ "lines": [] }),
            _ => json!({ "name": "x", "unitPrice": 1 }),
        };
        let stale = send(method, path, &tag(&done), body).await;
        assert_eq!((stale.status, &stale.json["code"]), (412, &json!("stale")), "{method}");
    }
    // Another product comes at its own price; null is what a new line would have.
    let swapped = json!({ "productId": product["id"], "name": null, "quantity": null });
    let swapped = send("PATCH", &one, &tag(&renamed), swapped).await;
    let line = &swapped.json["data"][0];
    assert_eq!((&line["unitPrice"], &line["quantity"]), (&json!(20), &json!(1)), "{swapped:?}");
    assert_eq!((&line["name"], &swapped.json["amount"]), (&json!(null), &json!(30)));
    for (body, word) in [
        (json!({ "quantity": 0 }), "quantity"),
        (json!({ "productId": null }), "productId"),
        (json!({ "amount": 3 }), "amount"),
        (json!({ "discountPercent": "x" }), "discountPercent"),
        (json!({ "productId": deal["id"] }), "productId"),
    ] {
        let refused = ana.patch(&one, body.clone()).await;
        assert_eq!(refused.status, 422, "{body} {refused:?}");
        assert!(refused.text.contains(word), "{body} {}", refused.text);
    }
    let same = ana.patch(&one, json!({ "quantity": 1 })).await;
    assert_eq!(tag(&same), tag(&swapped), "nothing changed");
    let gone = ana.delete(&one).await;
    assert_eq!((gone.status, &gone.json["amount"]), (200, &json!(10)), "{gone:?}");
    let now = ana.get(&path(&deal)).await.json;
    assert_eq!((&now["amount"], &now["productId"]), (&json!(10), &product["id"]));
    for path in [&one, &format!("{lines}/{}", deal["id"].as_str().unwrap())] {
        assert_eq!(ana.delete(path).await.status, 404);
        assert_eq!(ana.patch(path, json!({ "quantity": 1 })).await.status, 404);
    }
    assert_eq!(ana.delete(&format!("{lines}/12")).await.status, 400);
    assert_eq!(world.stranger.patch(&two, json!({ "quantity": 1 })).await.status, 404);
    assert_eq!(world.vera.delete(&two).await.status, 403);
    let left = ana.delete(&two).await;
    assert_eq!((&left.json["data"], &left.json["amount"]), (&json!([]), &json!(null)));
    let history = ana.get(&format!("{}/history", path(&deal))).await.json;
    let told = history["data"].as_array().unwrap().iter();
    let told = told.filter(|event| event["action"] == "deal.linesChanged").count();
    assert_eq!(told, 7, "two made, four changed or taken out, and one renamed: {history}");
}

async fn lines_that_come_at_once_are_all_kept(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let deal = ana.make("/api/deals", json!({ "name": "Lines", "amount": 0 })).await;
    let lines = format!("{}/lines", path(&deal));
    let free = json!({ "name": "Gift", "unitPrice": 0 });
    let sent = futures_util::future::join_all((0..6).map(|_| ana.post(&lines, free.clone()))).await;
    assert!(sent.iter().all(|answer| answer.status == 200), "{sent:?}");
    let kept = ana.get(&lines).await.json;
    assert_eq!(kept["data"].as_array().unwrap().len(), 6, "none overwrote another");
}

async fn one_line_follows_its_deal(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let product = ana.make("/api/products", json!({ "name": "Team" })).await;
    let deal =
        json!({ "name": "One", "productId": product["id"], "amount": 1234.5, "currency": "EUR" });
    let deal = ana.make("/api/deals", deal).await;
    let lines = format!("/api/opportunities/{}/lines", deal["id"].as_str().unwrap());
    let shown = ana.get(&lines).await.json;
    let line = &shown["data"][0];
    assert_eq!((&line["productId"], &line["quantity"]), (&product["id"], &json!(1)), "{shown}");
    assert_eq!((&line["amount"], &shown["currency"]), (&json!(1234.5), &json!("EUR")));
    let yen = ana.patch(&path(&deal), json!({ "amount": 500, "currency": "JPY" })).await;
    assert_eq!(yen.status, 200, "{yen:?}");
    let shown = ana.get(&lines).await.json;
    assert_eq!((&shown["data"][0]["amount"], &shown["currency"]), (&json!(500), &json!("JPY")));
    assert_eq!(shown["data"].as_array().unwrap().len(), 1);
    let plain = ana.make("/api/deals", json!({ "name": "None", "amount": 5 })).await;
    let shown = ana.get(&format!("{}/lines", path(&plain))).await.json;
    assert_eq!((&shown["data"], &shown["amount"]), (&json!([]), &json!(5)));
}

async fn stays_in_stages_are_kept(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let deal = ana.make("/api/deals", json!({ "name": "Way" })).await;
    assert_eq!(deal["stageEnteredAt"], "2026-11-21T09:00:00.000Z");
    world.app.clock.advance_seconds(DAY);
    ana.patch(&path(&deal), json!({ "stage": "Proposal" })).await;
    ana.patch(&path(&deal), json!({ "name": "The way" })).await;
    world.app.clock.advance_seconds(60);
    let stages = ana.get(&format!("{}/stages", path(&deal))).await.json;
    let stays = stages["data"].as_array().unwrap();
    assert_eq!(stays.len(), 2, "{stages}");
    assert_eq!((&stays[0]["stage"], &stays[0]["seconds"]), (&json!("Prospecting"), &json!(DAY)));
    assert_eq!(stays[0]["leftAt"], stays[1]["enteredAt"]);
    assert_eq!((&stays[1]["leftAt"], &stays[1]["seconds"]), (&json!(null), &json!(60)));
    ana.post(&format!("{}/win", path(&deal)), json!({})).await;
    let stages = ana.get(&format!("{}/stages", path(&deal))).await.json;
    let last = &stages["data"][2];
    assert_eq!((&last["status"], &last["seconds"]), (&json!("won"), &json!(null)), "{stages}");
    let board = ana.get("/api/deals/board").await.json;
    assert_eq!(board["stages"][4]["deals"][0]["stageEnteredAt"], last["enteredAt"], "{board}");
    let old = json!({ "name": "Old", "stage": "Won", "closedAt": "2017-03-01T00:00:00Z" });
    let old = ana.make("/api/deals", old).await;
    assert_eq!(old["stageEnteredAt"], old["closedAt"]);
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn the_forecast_weighs_and_says_what_it_counts(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let me = ana.get("/api/auth/me").await.json["memberId"].clone();
    for (name, amount, day, more) in [
        ("A", 100, json!("2026-11-30"), json!({})),
        ("B", 200, json!("2026-12-01"), json!({ "stage": "Negotiation", "ownerId": me })),
        ("C", 300, json!("2026-12-31"), json!({ "probability": 33 })),
        ("D", 400, json!("2026-10-31"), json!({})),
        ("E", 500, json!(null), json!({})),
        ("F", 600, json!("2027-01-01"), json!({})),
        ("G", 700, json!("2026-12-05"), json!({ "currency": "EUR" })),
        ("H", 800, json!("2026-12-05"), json!({ "stage": "Won" })),
    ] {
        let mut deal = json!({ "name": name, "amount": amount, "expectedCloseDate": day });
        deal.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ana.make("/api/deals", deal).await;
    }
    let forecast = ana.get("/api/deals/forecast?months=2").await;
    assert_eq!(forecast.status, 200, "{forecast:?}");
    let json = &forecast.json;
    assert_eq!((&json["from"], &json["until"]), (&json!("2026-11-01"), &json!("2027-01-01")));
    let december = &json["data"][1];
    assert_eq!((&december["month"], &december["count"]), (&json!("2026-12"), &json!(2)), "{json}");
    // 200 × 75 % + 300 × 33 %.
    assert_eq!((&december["amount"], &december["weighted"]), (&json!(500), &json!(249)));
    assert_eq!(
        (&json["data"][0]["weighted"], &json["total"]["weighted"]),
        (&json!(10), &json!(259))
    );
    let names = [("overdue", "D"), ("undated", "E"), ("later", "F")];
    let parts = names.map(|(part, name)| (&json[part], vec![name]));
    for (part, names) in parts.into_iter().chain([(december, vec!["C", "B"])]) {
        let filter =
            part["rule"].to_string().replace('"', "%22").replace('{', "%7B").replace('}', "%7D");
        let rows = ana.get(&format!("/api/deals?filter={filter}")).await;
        assert_eq!(rows.names(), names, "{rows:?}");
        assert_eq!(part["count"], names.len());
    }
    let owners = ana.get("/api/deals/forecast?months=2&groupBy=owner").await.json;
    assert_eq!(
        (&owners["data"][0]["id"], &owners["data"][0]["weighted"]),
        (&me, &json!(150)),
        "{owners}"
    );
    assert_eq!(owners["data"][0]["name"], "owner");
    let mine = ana.get("/api/deals/forecast?months=2&groupBy=pipeline&ownerId=me").await.json;
    assert_eq!((&mine["data"][0]["name"], &mine["total"]["count"]), (&json!("Sales"), &json!(1)));
    let euros = ana.get("/api/deals/forecast?currency=eur").await.json;
    assert_eq!((&euros["total"]["amount"], &euros["currency"]), (&json!(700), &json!("EUR")));
    for bad in ["months=0", "months=37", "groupBy=colour", "currency=XXX", "pipelineId=5", "x=1"] {
        assert_eq!(ana.get(&format!("/api/deals/forecast?{bad}")).await.status, 422, "{bad}");
    }
    let theirs = world.stranger.get("/api/deals/forecast").await.json;
    assert_eq!(theirs["total"]["count"], 0);
}

async fn a_deal_stalls_when_nothing_happens_to_it(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let mut deals = Vec::new();
    for name in ["Edited", "Called", "Won", "Quiet", "Quieter"] {
        deals.push(ana.make("/api/deals", json!({ "name": name })).await);
    }
    world.app.clock.advance_seconds(DAY);
    ana.patch(&path(&deals[3]), json!({ "nextStep": "Ask" })).await;
    world.app.clock.advance_seconds(13 * DAY);
    ana.patch(&path(&deals[0]), json!({ "nextStep": "Ask" })).await;
    ana.make("/api/activities", json!({ "subject": "Call", "relatedId": deals[1]["id"] })).await;
    ana.post(&format!("{}/win", path(&deals[2])), json!({})).await;
    world.app.clock.advance_seconds(2 * DAY);
    let stalled = ana.get("/api/deals/stalled").await;
    assert_eq!(stalled.names(), ["Quieter", "Quiet"], "{stalled:?}");
    let first = ana.get("/api/deals/stalled?limit=1").await;
    assert_eq!(first.names(), ["Quieter"]);
    let next = first.json["nextCursor"].as_str().unwrap();
    let second = ana.get(&format!("/api/deals/stalled?limit=1&cursor={next}")).await;
    assert_eq!((second.names(), &second.json["nextCursor"]), (vec!["Quiet"], &json!(null)));
    assert_eq!(ana.get("/api/deals/stalled?days=1").await.names().len(), 4);
    assert_eq!(ana.get("/api/deals/stalled?days=30").await.names().len(), 0);
    assert_eq!(ana.get("/api/deals/stalled?cursor=x").await.status, 422);
    assert_eq!(world.stranger.get("/api/deals/stalled?days=1").await.names().len(), 0);
}
