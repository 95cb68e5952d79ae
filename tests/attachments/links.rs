//! Public links: whoever has one reads the file until it expires, and nothing else by it.

use serde_json::json;

use super::{attached, place};
use crate::{
    database::{Kind, on_both},
    world::World,
};

on_both!(a_link_opens_one_file_for_a_time, links_are_asked_for_with_care);

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_link_opens_one_file_for_a_time(kind: Kind) {
    let world = World::new(kind).await;
    let (ana, nobody) = (&world.ana, &world.nobody);
    let contact = ana.make("/api/contacts", json!({ "name": "Rui Lima" })).await;
    let one = attached(ana, &contact, ("offer.txt", b"hello world")).await;
    let made = ana.post(&place(&one, "/link"), json!({ "expiresInSeconds": 60 })).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json["expiresAt"], "2026-11-21T09:01:00.000Z");
    let path = made.json["path"].as_str().unwrap();
    assert!(made.json["url"].as_str().unwrap().ends_with(path));
    let read = nobody.get(path).await;
    assert_eq!((read.status, read.text.as_str()), (200, "hello world"));
    assert_eq!(
        read.headers["content-security-policy"],
        "sandbox; default-src 'none'; frame-ancestors 'none'"
    );
    let part = nobody.send("GET", path, &[("range", "bytes=6-")], vec![]).await;
    assert_eq!((part.status, part.text.as_str()), (206, "world"));
    // The event says that there is a link, and not which.
    let events = ana.get("/api/audit-logs?action=attachment.linked").await;
    assert_eq!(events.json["data"][0]["after"], json!({ "expiresAt": "2026-11-21T09:01:00.000Z" }));
    assert!(!events.text.contains(path.rsplit('/').next().unwrap()));
    // All that is forged looks alike.
    let mut refusals = Vec::new();
    let turned: String = path.chars().rev().collect();
    for forged in [
        format!("{path}A"),
        path.replace("files/", "files/A"),
        format!("/api/files/{}", &turned[..40]),
    ] {
        let mut refused = nobody.get(&forged).await;
        refused.json["requestId"] = json!(null);
        assert_eq!(refused.status, 404, "{forged}");
        refusals.push(refused.json);
    }
    assert!(refusals.iter().all(|one| *one == refusals[0]));
    let record = format!("/api/contacts/{}", contact["id"].as_str().unwrap());
    assert_eq!(ana.delete(&record).await.status, 204);
    let mut gone = nobody.get(path).await;
    gone.json["requestId"] = json!(null);
    assert_eq!(gone.json, refusals[0], "the record was deleted");
    assert_eq!(ana.post(&format!("{record}/restore"), json!({})).await.status, 200);
    assert_eq!(nobody.get(path).await.status, 200);
    assert_eq!(ana.delete(&place(&one, "")).await.status, 204);
    assert_eq!(nobody.get(path).await.status, 404);
    assert_eq!(ana.post(&place(&one, "/restore"), json!({})).await.status, 200);
    let tenant = ana.get("/api/auth/me").await.json["tenant"]["id"].clone();
    let tenant = format!("/api/tenants/{}", tenant.as_str().unwrap());
    for (status, answered) in [("suspended", 404), ("active", 200)] {
        let set = world.operator.patch(&tenant, json!({ "status": status })).await;
        assert_eq!(set.status, 200, "{set:?}");
        assert_eq!(nobody.get(path).await.status, answered, "{status}");
    }
    world.app.clock.advance_seconds(59);
    assert_eq!(nobody.get(path).await.status, 200);
    world.app.clock.advance_seconds(1);
    let late = nobody.get(path).await;
    assert_eq!((late.status, &late.json["code"]), (410, &json!("expired")));
}

async fn links_are_asked_for_with_care(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let one = ana.attach(&[], ("offer.txt", b"hello")).await.json;
    for seconds in [json!(0), json!(-1), json!(604_801), json!("60"), json!(1.5)] {
        let refused = ana.post(&place(&one, "/link"), json!({ "expiresInSeconds": seconds })).await;
        assert_eq!(refused.status, 422, "{seconds}");
    }
    let week = ana.post(&place(&one, "/link"), json!({})).await.json;
    assert_eq!(week["expiresAt"], "2026-11-28T09:00:00.000Z");
    assert_eq!(world.vera.post(&place(&one, "/link"), json!({})).await.status, 403);
    assert_eq!(world.stranger.post(&place(&one, "/link"), json!({})).await.status, 404);
    // The names that the contract knows.
    let sign = "/api/storage/signed-url";
    for body in [
        json!({ "fileId": one["id"] }),
        json!({ "file_uri": format!("https://crm.example{}", place(&one, "/content")) }),
        json!({ "filepath": place(&one, ""), "expiresInSeconds": 5 }),
    ] {
        let made = ana.post(sign, body.clone()).await;
        assert_eq!(made.status, 201, "{body} {made:?}");
        let read = world.nobody.get(made.json["path"].as_str().unwrap()).await;
        assert_eq!(read.text, "hello");
    }
    for body in [
        json!({}),
        json!({ "filepath": "/etc/passwd" }),
        json!({ "fileId": one["id"], "filepath": place(&one, "") }),
    ] {
        assert_eq!(ana.post(sign, body.clone()).await.status, 422, "{body}");
    }
    assert_eq!(world.stranger.post(sign, json!({ "fileId": one["id"] })).await.status, 404);
}
