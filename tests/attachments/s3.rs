//! The same with S3: signed requests to moto, and a place that fails, hangs up and comes back.

use kith_store::Select;
use serde_json::json;

use super::{attached, bytes, files, place};
use crate::{
    backup::installation,
    bucket::Bucket,
    database::{Database, Kind, on_both},
    house::until,
    world::World,
};

on_both!(
    a_bucket_is_as_good_as_a_folder,
    a_bucket_that_fails_leaves_nothing_behind,
    nothing_of_a_person_is_left_in_a_bucket,
    a_backup_goes_from_a_folder_to_a_bucket,
    a_large_file_goes_in_parts,
    parts_of_what_never_became_whole_are_ended,
    a_bucket_may_have_an_authority_of_its_own,
);

async fn world(kind: Kind, bucket: &Bucket) -> World {
    world_with(kind, bucket, &[]).await
}

async fn world_with(kind: Kind, bucket: &Bucket, more: &[(&str, &str)]) -> World {
    let endpoint = bucket.endpoint();
    let settings = [
        ("files.s3_endpoint", endpoint.as_str()),
        ("files.s3_region", "eu-test-1"),
        ("files.s3_bucket", "files"),
        ("files.s3_access_key_id", "kith"),
        ("files.s3_secret_access_key", "not very secret"),
    ];
    World::with(kind, &[&settings, more].concat()).await
}

const MEGABYTE: usize = 1_024 * 1_024;
/// Parts as small as S3 takes them, and files of some of them.
const IN_PARTS: [(&str, &str); 2] =
    [("files.s3_part_bytes", "5242880"), ("server.upload_bytes", "30000000")];

async fn a_large_file_goes_in_parts(kind: Kind) {
    let bucket = Bucket::start();
    let world = world_with(kind, &bucket, &IN_PARTS).await;
    let ana = &world.ana;
    let content = bytes(12 * MEGABYTE + 7);
    let one = ana.attach(&[], ("a.bin", &content)).await;
    assert_eq!(one.status, 201, "{}", one.text);
    let one = one.json;
    assert!(ana.get(&place(&one, "/content")).await.bytes == content);
    // One that is as large as a part, and one that a part more or less would spoil.
    for size in [5 * MEGABYTE, 10 * MEGABYTE, 10 * MEGABYTE + 1] {
        let content = bytes(size);
        let one = ana.attach(&[], ("b.bin", &content)).await.json;
        assert!(ana.get(&place(&one, "/content")).await.bytes == content, "{size}");
    }
    // A part that fails is sent again by itself, and so is one whose connection is cut.
    bucket.fail_after(2, 2);
    let two = ana.attach(&[], ("c.bin", &content)).await;
    assert_eq!(two.status, 201, "{two:?}");
    bucket.fail_after(1, 0);
    bucket.cut(1);
    let three = ana.attach(&[], ("d.bin", &content)).await;
    assert_eq!(three.status, 201, "{three:?}");
    for one in [two, three] {
        assert!(ana.get(&place(&one.json, "/content")).await.bytes == content);
    }
    assert_eq!(bucket.uploads(), Vec::<String>::new());
}

async fn parts_of_what_never_became_whole_are_ended(kind: Kind) {
    let bucket = Bucket::start();
    let world = world_with(kind, &bucket, &IN_PARTS).await;
    let ana = &world.ana;
    let content = bytes(12 * MEGABYTE);
    // The bucket stays away behind the first part, for as long as is tried; then it is back, and the parts are ended.
    bucket.fail_after(2, 4);
    let refused = ana.attach(&[], ("a.bin", &content)).await;
    assert_eq!((refused.status, &refused.json["code"]), (503, &json!("storage_unavailable")));
    assert_eq!((bucket.uploads(), bucket.objects().len()), (Vec::<String>::new(), 0));
    // It stays away for longer: what is left is ended when the file is given up.
    bucket.fail_after(2, 1_000);
    let refused = ana.attach(&[], ("b.bin", &content)).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(bucket.uploads().len(), 1);
    bucket.fail(0);
    world.app.clock.advance_seconds(86_400 + 60);
    world.run_jobs().await;
    assert_eq!((bucket.uploads(), bucket.objects().len()), (Vec::<String>::new(), 0));
    assert_eq!(ana.get("/api/attachments").await.json["data"], json!([]));
}

async fn a_bucket_may_have_an_authority_of_its_own(kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let (bucket, authority) = Bucket::private(folder.path());
    let unknown = world(kind, &bucket).await;
    let refused = unknown.ana.attach(&[], ("a.txt", b"hello")).await;
    assert_eq!((refused.status, &refused.json["code"]), (503, &json!("storage_unavailable")));
    let authority = authority.to_str().unwrap();
    let world = world_with(kind, &bucket, &[("files.s3_ca_file", authority)]).await;
    let one = world.ana.attach(&[], ("a.txt", b"hello")).await.json;
    assert_eq!(world.ana.get(&place(&one, "/content")).await.text, "hello");
    assert_eq!(bucket.objects().len(), 1);
    // A file without a certificate is told by its name.
    let empty = folder.path().join("names");
    let here = installation(world.folder(), world.options());
    let mut environment = bucket.environment();
    environment.push(("S3_CA_FILE", empty.display().to_string()));
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let doctor = here.told(&["doctor"], &environment);
    assert!(doctor.contains("holds no certificate"), "{doctor}");
}

async fn a_bucket_is_as_good_as_a_folder(kind: Kind) {
    let bucket = Bucket::start();
    let world = world(kind, &bucket).await;
    let (ana, nobody) = (&world.ana, &world.nobody);
    assert!(world.house.storage.probe().await.unwrap().contains("the bucket files at 127.0.0.1"));
    assert_eq!(bucket.objects().len(), 0);
    let content = bytes(1_500_000);
    let one = ana.attach(&[], ("a.bin", &content)).await.json;
    let objects = bucket.objects();
    let tenant = ana.get("/api/auth/me").await.json["tenant"]["id"].clone();
    let key = format!(
        "uploads/{}/2026/11/{}",
        tenant.as_str().unwrap(),
        one["contentId"].as_str().unwrap()
    );
    assert_eq!(objects.into_iter().collect::<Vec<_>>(), [(key, content.clone())]);
    assert!(files(&world).is_empty());
    assert!(ana.get(&place(&one, "/content")).await.bytes == content);
    let part = [("range", "bytes=1000000-1000009")];
    let part = ana.send("GET", &place(&one, "/content"), &part, vec![]).await;
    assert_eq!((part.status, &part.bytes[..]), (206, &content[1_000_000..1_000_010]));
    let link = ana.post(&place(&one, "/link"), json!({})).await.json;
    assert!(nobody.get(link["path"].as_str().unwrap()).await.bytes == content);
    let empty = ana.attach(&[], ("empty", b"")).await.json;
    assert_eq!(ana.get(&place(&empty, "/content")).await.bytes, b"");
    assert_eq!(ana.delete(&place(&one, "")).await.status, 204);
    world.app.clock.advance_seconds(31 * 86_400);
    world.run_jobs().await;
    assert_eq!(bucket.objects().len(), 1);
}

async fn a_bucket_that_fails_leaves_nothing_behind(kind: Kind) {
    let bucket = Bucket::start();
    let world = world(kind, &bucket).await;
    let ana = &world.ana;
    // What is over in a moment, nobody notices.
    bucket.fail(2);
    let one = ana.attach(&[], ("a.txt", b"hello")).await;
    assert_eq!(one.status, 201, "{one:?}");
    bucket.cut(2);
    assert_eq!(ana.get(&place(&one.json, "/content")).await.text, "hello");
    // What stays away is told, and tried again behind the answer.
    bucket.fail(1_000);
    let refused = ana.attach(&[], ("b.txt", b"hello")).await;
    assert_eq!((refused.status, &refused.json["code"]), (503, &json!("storage_unavailable")));
    assert!(!refused.text.contains("127.0.0.1") && !refused.text.contains("X-Amz"), "{refused:?}");
    assert_eq!(ana.get(&place(&one.json, "/content")).await.status, 503);
    assert_eq!(ana.get("/api/attachments").await.names(), ["a.txt"]);
    assert!(world.house.storage.probe().await.is_err());
    bucket.fail(0);
    world.app.clock.advance_seconds(86_400);
    world.run_jobs().await;
    let tenant = ana.get("/api/auth/me").await.json["tenant"]["id"].as_str().unwrap().to_owned();
    let ctx = world.app.as_system(tenant.parse().unwrap());
    until("the row of what was refused is gone", async || {
        let rows = Select::from("stored_files");
        ctx.read(async |db| db.count(rows).await).await.unwrap() == 1
    })
    .await;
    assert_eq!(bucket.objects().len(), 1);
    assert_eq!(ana.get(&place(&one.json, "/content")).await.text, "hello");
}

async fn nothing_of_a_person_is_left_in_a_bucket(kind: Kind) {
    let bucket = Bucket::start();
    let world = world(kind, &bucket).await;
    let ana = &world.ana;
    let zoe = ana.make("/api/contacts", json!({ "name": "Zuleika Quandt" })).await;
    let rui = ana.make("/api/contacts", json!({ "name": "Rui Lima" })).await;
    attached(ana, &zoe, ("letter.txt", b"Dear Zuleika")).await;
    attached(ana, &rui, ("other.txt", b"Dear Rui")).await;
    let path = format!("/api/contacts/{}/erase", zoe["id"].as_str().unwrap());
    bucket.fail(1_000);
    let asked = ana.post(&path, json!({ "confirm": zoe["id"] })).await;
    assert_eq!(asked.status, 202);
    world.run_jobs().await;
    let job = format!("/api/jobs/{}", asked.json["id"].as_str().unwrap());
    assert_ne!(ana.get(&job).await.json["state"], "completed", "its bytes are still there");
    assert_eq!(bucket.objects().len(), 2);
    bucket.fail(0);
    world.app.clock.advance_seconds(3_600);
    world.run_jobs().await;
    assert_eq!(ana.get(&job).await.json["state"], "completed");
    assert_eq!(bucket.objects().into_values().collect::<Vec<_>>(), [b"Dear Rui".to_vec()]);
}

async fn a_backup_goes_from_a_folder_to_a_bucket(kind: Kind) {
    let world = World::new(kind).await;
    let one = world.ana.attach(&[], ("a.bin", &bytes(100_000))).await.json;
    let here = installation(world.folder(), world.options());
    let file = world.folder().join("all.kithbackup");
    let name = file.to_str().unwrap();
    assert!(here.told(&["backup", "--to", name], &[]).contains("1 files of 100000 bytes"));
    let bucket = Bucket::start();
    let environment = bucket.environment();
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let doctor = here.told(&["doctor"], &environment);
    assert!(doctor.contains("the bucket files at 127.0.0.1"), "{doctor}");
    assert!(!doctor.contains("not very secret"), "{doctor}");
    let there = Database::fresh(Kind::Sqlite).await;
    let told = here.told(&["restore", name, "--to", &there.options.url], &environment);
    assert!(told.contains("1 files of 100000 bytes"), "{told}");
    let objects = bucket.objects();
    let (key, content) = objects.first_key_value().unwrap();
    assert!(key.ends_with(one["contentId"].as_str().unwrap()), "{key}");
    assert!(*content == bytes(100_000));
    // And back, by the bytes of the bucket.
    let away = installation(there.folder.path(), &there.options);
    let again = there.folder.path().join("again.kithbackup");
    let told = away.told(&["backup", "--to", again.to_str().unwrap()], &environment);
    assert!(told.contains("1 files of 100000 bytes") && !told.contains("missing"), "{told}");
}
