//! Win probability: refused without data or signal, learned where there is one.

use serde_json::{Value as Json, json};

use crate::{
    client::Client,
    database::{Kind, on_both},
    world::World,
};

on_both!(
    few_deals_teach_nothing,
    a_signal_is_learned_and_explained,
    what_is_not_there_is_not_claimed,
);

/// Closes a deal a day; `won` says which are won by their number.
async fn close(ana: &Client, count: usize, won: impl Fn(usize) -> bool) {
    for number in 0..count {
        let source = if number % 2 == 0 { "Referral" } else { "Advert" };
        let stage = if won(number) { "Won" } else { "Lost" };
        let day = 1 + number % 28;
        let closed =
            format!("{}-{:02}-{day:02}T12:00:00Z", 2020 + number / 336, 1 + number / 28 % 12);
        let amount = if won(number) { 100 } else { 0 };
        let deal = json!({
            "name": format!("Deal {number}"), "source": source, "stage": stage, "closedAt": closed, "amount": amount,
        });
        ana.make("/api/deals", deal).await;
    }
}

async fn trained(world: &World) -> Json {
    let begun = world.ana.post("/api/deals/win-model/train", json!({})).await;
    assert_eq!((begun.status, &begun.json["isTraining"]), (202, &json!(true)), "{begun:?}");
    world.run_jobs().await;
    world.ana.get("/api/deals/win-model").await.json
}

async fn asked(ana: &Client, source: &str) -> Json {
    let deal = ana.make("/api/deals", json!({ "name": "Open", "source": source })).await;
    let path = format!("/api/deals/{}/win-probability", deal["id"].as_str().unwrap());
    ana.get(&path).await.json
}

async fn few_deals_teach_nothing(kind: Kind) {
    let world = World::new(kind).await;
    close(&world.ana, 3, |number| number == 0).await;
    let model = world.ana.get("/api/deals/win-model").await.json;
    assert_eq!((&model["state"], &model["closedDeals"]), (&json!("not_enough_data"), &json!(3)));
    let said = asked(&world.ana, "Referral").await;
    assert_eq!((&said["state"], &said["probability"]), (&json!("not_enough_data"), &json!(null)));
    let model = trained(&world).await;
    assert_eq!((&model["state"], &model["closedDeals"]), (&json!("not_enough_data"), &json!(3)));
    assert_eq!(world.bruno.post("/api/deals/win-model/train", json!({})).await.status, 403);
}

async fn a_signal_is_learned_and_explained(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    // Three of four referrals are won, one of four adverts.
    close(ana, 400, |number| (number % 2 == 0) != (number / 2 % 4 == 0)).await;
    let first = ana.get("/api/deals/win-model").await.json;
    assert_eq!(first["state"], "training", "looking at it begins it: {first}");
    world.run_jobs().await;
    let model = ana.get("/api/deals/win-model").await.json;
    assert_eq!(
        (&model["state"], &model["judgement"]["judgedOn"]),
        (&json!("ready"), &json!(100)),
        "{model}"
    );
    assert!(model["judgement"]["auc"].as_f64().unwrap() > 0.7, "{model}");
    let (good, bad) = (asked(ana, "referral").await, asked(ana, "Advert").await);
    assert!((0.6..0.85).contains(&good["probability"].as_f64().unwrap()), "{good}");
    assert!((0.15..0.4).contains(&bad["probability"].as_f64().unwrap()), "{bad}");
    let reason = &good["reasons"][0];
    assert_eq!(
        (&reason["field"], &reason["effect"]),
        (&json!("source"), &json!("raises")),
        "{good}"
    );
    assert_eq!(reason["text"], "Source referral: 75 % of 200 such deals were won, 50 % of all.");
    assert_eq!(bad["reasons"][0]["effect"], "lowers");
    // It is learned anew when enough more were closed, and only then.
    world.app.clock.advance_seconds(7_200);
    assert_eq!(ana.get("/api/deals/win-model").await.json["isTraining"], false);
    close(ana, 50, |number| number % 2 == 0).await;
    ana.get("/api/deals/win-model").await;
    assert_eq!(ana.get("/api/deals/win-model").await.json["isTraining"], true);
    let theirs = world.stranger.get("/api/deals/win-model").await.json;
    assert_eq!((&theirs["state"], &theirs["closedDeals"]), (&json!("not_enough_data"), &json!(0)));
}

async fn what_is_not_there_is_not_claimed(kind: Kind) {
    let world = World::new(kind).await;
    // The amount of what was lost is nothing: that must not give the end away.
    close(&world.ana, 400, |number| number * 7_919 % 1_000 < 600).await;
    let model = trained(&world).await;
    assert_eq!(model["state"], "no_signal", "{model}");
    assert!(model["message"].as_str().unwrap().contains("no signal in your data"), "{model}");
    let said = asked(&world.ana, "Referral").await;
    assert_eq!((&said["state"], &said["probability"]), (&json!("no_signal"), &json!(null)));
}
