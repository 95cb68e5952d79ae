//! Deals: the stages on their way, and how they end.

use serde_json::json;

use crate::{
    database::{Kind, on_both},
    world::World,
};

on_both!(deals_move_win_lose_and_reopen);

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn deals_move_win_lose_and_reopen(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let deal = ana
        .make("/api/deals", json!({ "name": "Big one", "amount": 1234.5, "currency": "eur" }))
        .await;
    assert_eq!(
        (&deal["stage"], &deal["status"], &deal["probability"]),
        (&json!("Prospecting"), &json!("open"), &json!(10))
    );
    assert_eq!((&deal["amount"], &deal["currency"]), (&json!(1234.5), &json!("EUR")));
    let path = format!("/api/opportunities/{}", deal["id"].as_str().unwrap());
    assert_eq!(ana.get(&path).await.json["amount"], json!(1234.5));
    let moved = ana.post(&format!("{path}/move"), json!({ "stage": "proposal" })).await;
    assert_eq!((moved.status, &moved.json["stage"]), (200, &json!("Proposal")), "{moved:?}");
    let won = ana.post(&format!("{path}/win"), json!({})).await;
    assert_eq!(
        (&won.json["status"], &won.json["closedAt"]),
        (&json!("won"), &json!("2026-11-21T09:00:00.000Z")),
        "{won:?}"
    );
    let reopened = ana.patch(&path, json!({ "stage": "Negotiation" })).await;
    assert_eq!(
        (&reopened.json["status"], &reopened.json["closedAt"]),
        (&json!("open"), &json!(null))
    );
    assert_eq!(ana.post(&format!("{path}/lose"), json!({})).await.status, 422);
    let lost = ana.post(&format!("{path}/lose"), json!({ "reason": "Price" })).await;
    assert_eq!((&lost.json["status"], &lost.json["lostReason"]), (&json!("lost"), &json!("Price")));
    assert_eq!(
        ana.post("/api/deals", json!({ "name": "x", "stage": "nonsense" })).await.status,
        422
    );
    assert_eq!(ana.post("/api/deals", json!({ "name": "x", "amount": 1.005 })).await.status, 422);
    ana.make("/api/deals", json!({ "name": "Small one", "amount": 100 })).await;
    let board = ana.get("/api/deals/board").await;
    assert_eq!(board.status, 200, "{board:?}");
    let stages = board.json["stages"].as_array().unwrap();
    assert_eq!(stages.len(), 6);
    assert_eq!(
        (&stages[0]["count"], &stages[0]["totals"]),
        (&json!(1), &json!([{ "currency": "USD", "amount": 100 }]))
    );
    assert_eq!(stages[5]["deals"][0]["name"], "Big one");
    let pipeline = board.json["pipelineId"].as_str().unwrap();
    let stage =
        ana.post(&format!("/api/pipelines/{pipeline}/stages"), json!({ "name": "Engaging" })).await;
    assert_eq!((stage.status, &stage.json["position"]), (201, &json!(6)), "{stage:?}");
    assert_eq!(
        ana.post(&format!("/api/pipelines/{pipeline}/stages"), json!({ "name": "engaging" }))
            .await
            .status,
        409
    );
    let renamed = ana
        .patch(
            &format!("/api/stages/{}", stages[0]["stage"]["id"].as_str().unwrap()),
            json!({ "name": "First" }),
        )
        .await;
    assert_eq!(renamed.status, 200, "{renamed:?}");
    assert_eq!(ana.get("/api/deals?stage=first").await.names(), ["Small one"]);
    assert_eq!(ana.delete(&format!("/api/pipelines/{pipeline}")).await.status, 409);
}
