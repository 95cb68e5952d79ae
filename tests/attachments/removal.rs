//! Removal: what is deleted can be brought back for a time, and then its bytes are gone. What is lost is told.

use std::fs;

use serde_json::json;

use super::{attached, files, place};
use crate::{
    backup::{furnish, installation},
    database::{Kind, on_both},
    world::World,
};

on_both!(
    bytes_go_when_nobody_can_want_them_back,
    what_is_undone_has_its_bytes,
    what_is_missing_in_the_storage_is_told,
);

async fn bytes_go_when_nobody_can_want_them_back(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let one = ana.attach(&[], ("one.txt", b"1")).await.json;
    let other = ana.attach(&[], ("other.txt", b"2")).await.json;
    let day = 86_400;
    let at = |attachment: &serde_json::Value| {
        let id = attachment["contentId"].as_str().unwrap().to_owned();
        files(&world).iter().any(|path| path.ends_with(&id))
    };
    for attachment in [&one, &other] {
        assert_eq!(ana.delete(&place(attachment, "")).await.status, 204);
        assert_eq!(ana.get(&place(attachment, "/content")).await.status, 404);
    }
    world.app.clock.advance_seconds(20 * day);
    world.run_jobs().await;
    assert!(at(&one) && at(&other));
    // Deleted again later, it is kept again from then on.
    assert_eq!(ana.post(&place(&one, "/restore"), json!({})).await.status, 200);
    assert_eq!(ana.get(&place(&one, "/content")).await.text, "1");
    assert_eq!(ana.delete(&place(&one, "")).await.status, 204);
    world.app.clock.advance_seconds(11 * day);
    world.run_jobs().await;
    assert!(at(&one) && !at(&other));
    let gone = ana.post(&place(&other, "/restore"), json!({})).await;
    assert_eq!((gone.status, &gone.json["code"]), (409, &json!("bytes_gone")));
    assert_eq!(
        ana.get("/api/attachments?deleted=true&name=other.txt").await.json["data"][0]["contentId"],
        json!(null)
    );
    assert_eq!(ana.post(&place(&one, "/restore"), json!({})).await.status, 200);
    world.app.clock.advance_seconds(60 * day);
    world.run_jobs().await;
    assert_eq!(ana.get(&place(&one, "/content")).await.text, "1");
    assert_eq!(files(&world).len(), 1);
}

async fn what_is_undone_has_its_bytes(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let contact = ana.make("/api/contacts", json!({ "name": "Rui Lima" })).await;
    let one = attached(ana, &contact, ("one.txt", b"1")).await;
    let other = attached(ana, &contact, ("other.txt", b"2")).await;
    for (path, ids) in
        [("attachments", vec![&one["id"], &other["id"]]), ("contacts", vec![&contact["id"]])]
    {
        let bulk = json!({ "action": "delete", "ids": ids });
        let bulk = ana.post(&format!("/api/{path}/bulk"), bulk).await;
        assert_eq!(bulk.json["succeeded"], ids.len(), "{bulk:?}");
        assert_eq!(ana.get(&place(&one, "/content")).await.status, 404);
        let undo = format!("/api/batches/{}/undo", bulk.json["batchId"].as_str().unwrap());
        assert!(ana.post(&undo, json!({})).await.status < 300);
        world.run_jobs().await;
        assert_eq!(ana.get(&place(&one, "/content")).await.text, "1", "{path}");
        assert_eq!(ana.get(&place(&other, "/content")).await.text, "2", "{path}");
    }
}

async fn what_is_missing_in_the_storage_is_told(kind: Kind) {
    let world = World::new(kind).await;
    furnish(&world).await;
    let all = files(&world);
    fs::remove_file(&all[0]).unwrap();
    fs::write(&all[1], vec![7; fs::read(&all[1]).unwrap().len()]).unwrap();
    let here = installation(world.folder(), world.options());
    let file = world.folder().join("all.kithbackup");
    let told = here.told(&["backup", "--to", file.to_str().unwrap()], &[]);
    assert!(
        told.contains("2 files are missing in the storage or are not what they were"),
        "{told}"
    );
    for path in &all {
        assert!(told.contains(path.file_name().unwrap().to_str().unwrap()), "{told}");
    }
    assert!(told.contains("Backed up to"), "{told}");
    // Who asks for what is missing is told that it is our fault.
    let lost = world.ana.get("/api/attachments").await.json;
    let statuses = lost["data"].as_array().unwrap().iter().map(async |one| {
        world
            .ana
            .get(&format!("/api/attachments/{}/content", one["id"].as_str().unwrap()))
            .await
            .status
    });
    let mut seen = Vec::new();
    for status in statuses {
        seen.push(status.await);
    }
    seen.sort_unstable();
    assert_eq!(seen, [200, 500]);
}
