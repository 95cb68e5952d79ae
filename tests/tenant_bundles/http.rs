//! Bundles over HTTP: what goes and what comes, who may, and what is refused without leaving anything.

use std::io::{Read, Write};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use kith_kernel::Id;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::{Ids, lists, read};
use crate::{
    attachments::{bytes, files},
    backup::furnish,
    client::Client,
    database::{Kind, on_both},
    import::upload_as,
    world::World,
};

on_both!(
    a_tenant_goes_and_comes_again,
    only_who_brings_it_comes_in,
    what_is_no_whole_bundle_leaves_nothing,
);

/// The bundle of a client's tenant.
pub(super) async fn bundle(client: &Client) -> Vec<u8> {
    let answer = client.get("/api/database/export").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.bytes
}

pub(super) async fn send(by: &Client, bundle: &[u8], fields: &[(&str, &str)]) -> (u16, Json) {
    upload_as(by, "database", ("../ours.kithtenant", bundle), fields).await
}

/// Sends a bundle, and gives back what came of it.
async fn arrived(world: &World, by: &Client, bundle: &[u8], fields: &[(&str, &str)]) -> Json {
    let (status, begun) = send(by, bundle, fields).await;
    assert_eq!((status, &begun["state"]), (202, &json!("queued")), "{begun}");
    let path = format!("/api/database/import/{}", begun["id"].as_str().unwrap());
    let mut last = (0, begun);
    let followed = async {
        while !["completed", "failed"].contains(&last.1["state"].as_str().unwrap()) {
            let now = by.get(&path).await.json;
            let percent = now["percent"].as_i64().unwrap();
            let is_over = now["state"] == "completed";
            assert!(last.0 <= percent && is_over == (percent == 100), "{now} after {}", last.1);
            assert_eq!(now["state"] == "running", now["phase"].is_string(), "{now}");
            last = (percent, now);
        }
    };
    tokio::join!(world.run_jobs(), followed);
    last.1
}

/// Somebody in another tenant of theirs.
async fn switched(client: &Client, tenant: &Json) -> Client {
    let path = format!("/api/tenants/{}/switch", tenant.as_str().unwrap());
    let switched = client.post(&path, json!({})).await;
    assert_eq!(switched.status, 200, "{switched:?}");
    client.with(switched.json["token"].as_str().unwrap())
}

pub(super) async fn slugs(client: &Client) -> Vec<String> {
    let all = client.get("/api/tenants").await.json;
    let slugs = all["data"].as_array().unwrap().iter();
    slugs.map(|tenant| tenant["slug"].as_str().unwrap().to_owned()).collect()
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_tenant_goes_and_comes_again(kind: Kind) {
    let world = World::new(kind).await;
    furnish(&world).await;
    for (client, status) in [(&world.nobody, 401), (&world.vera, 403), (&world.bruno, 403)] {
        assert_eq!(client.get("/api/database/export").await.status, status);
    }
    let before = lists(&world.ana).await;
    let answer = world.ana.get("/api/database/export").await;
    let disposition = answer.headers["content-disposition"].to_str().unwrap();
    assert_eq!(disposition, "attachment; filename=\"world-of-owner.kithtenant\"");
    let told = world.ana.get("/api/audit-logs?action=tenant.exported").await.json;
    assert_eq!(told["data"].as_array().unwrap().len(), 1, "{told}");
    let done = arrived(&world, &world.operator, &answer.bytes, &[("name", "Second")]).await;
    let counts = ["state", "slug", "joined", "named"].map(|key| done[key].clone());
    assert_eq!(counts, [json!("completed"), json!("second"), json!(3), json!(0)], "{done}");
    assert!(done["rows"] == done["done"] && done["rows"].as_i64() > Some(50), "{done}");
    let there = switched(&world.ana, &done["tenantId"]).await;
    let mut ids = Ids::default();
    for ((path, status, old), (_, other, mut new)) in before.iter().zip(lists(&there).await) {
        assert_eq!(*status, other, "{path}");
        let path = *path;
        // Whoever brought it is there as well, as its owner.
        if let Some(rows) = new["data"].as_array_mut() {
            rows.retain(|row| {
                row["email"] != "operator@world.example" && row["object"] != "member"
            });
        }
        let mut old = old.clone();
        if let Some(rows) = old["data"].as_array_mut() {
            rows.retain(|row| row["object"] != "member");
        }
        ids.same(&old, &new, path);
    }
    assert!(ids.old.len() > 40, "{:?}", ids.old);
    assert_eq!(read(&there).await, [b"an offer".to_vec(), bytes(200_000)]);
    let owner = switched(&world.operator, &done["tenantId"]).await;
    assert_eq!(owner.get("/api/auth/me").await.json["role"], "owner");
    assert_eq!(owner.get("/api/contacts?search=zoe").await.names().len(), 5);
    let found = owner.get("/api/search?q=operator").await.json;
    assert_eq!(found["data"].as_array().unwrap().len(), 1, "{found}");
    // A key that may not read everything gets nothing of it.
    let key = json!({ "name": "half", "scopes": ["database:read", "contacts:read"] });
    let key = world.ana.make("/api/api-keys", key).await;
    let half = world.ana.with(key["key"].as_str().unwrap());
    let refused = half.get("/api/database/export").await;
    assert_eq!((refused.status, &refused.json["code"]), (403, &json!("missing_scope")));
    assert_eq!(world.ana.get("/api/database/export?format=x").await.status, 422);
}

async fn only_who_brings_it_comes_in(kind: Kind) {
    let world = World::new(kind).await;
    let ours = bundle(&world.ana).await;
    for (client, refused) in [(&world.nobody, 401), (&world.vera, 403), (&world.bruno, 403)] {
        assert_eq!(send(client, &ours, &[]).await.0, refused);
    }
    let (status, refused) = send(&world.ana, &ours, &[]).await;
    assert_eq!((status, &refused["code"]), (403, &json!("platform_admin_needed")), "{refused}");
    let (world, ana) = world.configured(&[("bundles.import_by", "admin")]);
    let before = slugs(&ana).await;
    let done = arrived(&world, &world.stranger, &ours, &[]).await;
    let counts = ["state", "joined", "named"].map(|key| done[key].clone());
    assert_eq!(counts, [json!("completed"), json!(0), json!(3)], "{done}");
    // Nobody is drawn into a tenant of somebody else's making.
    assert_eq!(slugs(&ana).await, before);
    let there = switched(&world.stranger, &done["tenantId"]).await;
    assert_eq!(there.get("/api/auth/me").await.json["role"], "owner");
    let members = there.get("/api/members?sort=name").await.json;
    let mut users = members["data"].as_array().unwrap().iter();
    assert_eq!(users.clone().count(), 4, "{members}");
    assert!(users.all(|one| one["userId"].is_null() || one["name"] == "stranger"), "{members}");
    // What is mine is mine again, in the same member.
    let done = arrived(&world, &ana, &ours, &[("name", "Again")]).await;
    assert_eq!([&done["joined"], &done["named"]], [&json!(1), &json!(2)], "{done}");
    let again = switched(&ana, &done["tenantId"]).await;
    assert_eq!(again.get("/api/auth/me").await.json["role"], "owner");
    assert_eq!(again.get("/api/members?count=exact").await.json["total"], 3);
    // The state is told to whose tenant asked.
    let path = format!("/api/database/import/{}", done["id"].as_str().unwrap());
    assert_eq!(world.stranger.get(&path).await.status, 404);
    assert_eq!(world.bruno.get(&path).await.status, 403);
    // One at a time, no keys, no replays.
    assert_eq!(send(&ana, &ours, &[]).await.0, 202);
    let (status, refused) = send(&ana, &ours, &[]).await;
    assert_eq!((status, &refused["code"]), (409, &json!("import_running")), "{refused}");
    let key = ana.make("/api/api-keys", json!({ "name": "all", "scopes": ["*"] })).await;
    let (status, refused) = send(&ana.with(key["key"].as_str().unwrap()), &ours, &[]).await;
    assert_eq!((status, &refused["code"]), (403, &json!("session_needed")), "{refused}");
    let header = [("idempotency-key", "one"), ("content-type", "multipart/form-data; boundary=x")];
    let refused = ana.send("POST", "/api/database/import", &header, vec![]).await;
    assert_eq!(refused.status, 422, "{refused:?}");
}

/// The frames of a bundle.
pub(super) fn opened(bundle: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut all = Vec::new();
    GzDecoder::new(&bundle[8..bundle.len() - 32]).read_to_end(&mut all).unwrap();
    let (mut rest, mut frames) = (&all[..], Vec::new());
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
        frames.push((rest[0], rest[5..5 + length].to_vec()));
        rest = &rest[5 + length..];
    }
    frames
}

/// A bundle of these frames whose checksum holds.
pub(super) fn forged(frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut content = GzEncoder::new(b"KITHTEN1".to_vec(), Compression::fast());
    for (mark, frame) in frames {
        content.write_all(&[*mark]).unwrap();
        content.write_all(&u32::try_from(frame.len()).unwrap().to_be_bytes()).unwrap();
        content.write_all(frame).unwrap();
    }
    let mut all = content.finish().unwrap();
    let checksum = Sha256::digest(&all);
    all.extend_from_slice(&checksum);
    all
}

#[expect(clippy::too_many_lines, reason = "one wrong bundle after the other")]
async fn what_is_no_whole_bundle_leaves_nothing(kind: Kind) {
    let world = World::new(kind).await;
    furnish(&world).await;
    let ours = bundle(&world.ana).await;
    let by = &world.operator;
    let (before, tenants) = (files(&world), world.house.identity.tenants().await.unwrap());
    let mut changed = ours.clone();
    changed[ours.len() / 2] ^= 1;
    let mut older = ours.clone();
    older[7] = b'0';
    for (what, code) in [
        (&ours[..ours.len() - 1], "damaged"),
        (&ours[..20], "damaged"),
        (&ours[..8], "damaged"),
        (&changed[..], "damaged"),
        (&older[..], "not_a_backup"),
        (b"name\nRui Lima\n", "not_a_backup"),
        (b"", "damaged"),
    ] {
        let (status, refused) = send(by, what, &[]).await;
        assert_eq!((status, &refused["code"]), (400, &json!(code)), "{refused}");
    }
    let (status, refused) = send(by, &ours, &[("tenantId", "x")]).await;
    assert_eq!(status, 422, "{refused}");
    assert_eq!(send(by, &ours, &[("name", " ")]).await.0, 422);
    let frames = opened(&ours);
    assert_eq!(forged(&frames).len(), ours.len(), "frames are read as they are written");
    let head: Json = serde_json::from_slice(&frames[0].1).unwrap();
    let with_head = |key: &str, value: Json| {
        let (mut head, mut frames) = (head.clone(), frames.clone());
        head[key] = value;
        frames[0].1 = head.to_string().into_bytes();
        forged(&frames)
    };
    let mut of_tomorrow = head["migrations"].clone();
    of_tomorrow.as_array_mut().unwrap().push(json!("2031-01-01-tomorrow"));
    let stranger = json!({ "id": Id::NIL, "name": "x", "currency": "EUR", "timezone": "UTC" });
    let mut huge = frames.clone();
    huge.insert(1, (3, vec![0; 65 << 20]));
    for (what, code) in [
        (with_head("migrations", of_tomorrow), "newer_schema"),
        // Rows of another tenant than the head says.
        (with_head("tenant", stranger), "damaged"),
        (with_head("tenant", json!(null)), "damaged"),
        (forged(&frames[..frames.len() - 1]), "damaged"),
        // A file that ends before its end: all rows were there by then.
        (forged(&frames[..frames.len() - 3]), "damaged"),
        (forged(&huge), "too_large"),
    ] {
        let failed = arrived(&world, by, &what, &[]).await;
        let told = [&failed["state"], &failed["code"], &failed["tenantId"]];
        assert_eq!(told, [&json!("failed"), &json!(code), &json!(null)], "{failed}");
        assert!(failed["error"].as_str().is_some_and(|why| !why.is_empty()), "{failed}");
    }
    assert_eq!(world.house.identity.tenants().await.unwrap(), tenants);
    assert_eq!(files(&world), before);
    assert_eq!(slugs(by).await.len(), 3);
    // It is the bundle that was wrong.
    assert_eq!(arrived(&world, by, &ours, &[]).await["state"], "completed");
}
