//! A tenant as a file and made of a file: everything is there again, under other ids.

mod hang;
mod http;
mod kill;
mod unfit;

use std::{collections::BTreeMap, fs};

use kith_kernel::Id;
use serde_json::{Value as Json, json};

use crate::{
    attachments::{bytes, contents, files},
    backup::{furnish, installation},
    client::Client,
    database::{Database, Kind, on_both},
    world::World,
};

on_both!(a_clone_has_everything_under_other_ids, a_bundle_goes_to_another_installation);

const LISTS: [&str; 18] = [
    "/api/accounts",
    "/api/contacts",
    "/api/contacts?deleted=true",
    "/api/deals?include=account",
    "/api/notes",
    "/api/attachments",
    "/api/tasks",
    "/api/labels",
    "/api/members",
    "/api/pipelines",
    "/api/views",
    "/api/custom-fields",
    "/api/batches",
    "/api/contacts?search=quote&height[gte]=0.1&sort=height",
    "/api/contacts?search=zoe",
    "/api/accounts?labels=vip",
    "/api/deals?custom.partner=any",
    "/api/audit-logs?limit=200",
];

/// Which id became which, checked at every place where one stands.
#[derive(Default)]
struct Ids {
    old: BTreeMap<String, String>,
    new: BTreeMap<String, String>,
}

impl Ids {
    fn same(&mut self, old: &Json, new: &Json, at: &str) {
        match (old, new) {
            (Json::Object(one), Json::Object(other)) => {
                assert_eq!(one.len(), other.len(), "{at}: {old} {new}");
                for ((key, old), (other_key, new)) in one.iter().zip(other) {
                    self.same(&json!(key), &json!(other_key), at);
                    // Whoever made a record may be no user in the other tenant.
                    if !["userId", "credentialId", "nextCursor"].contains(&key.as_str()) {
                        self.same(old, new, &format!("{at}/{key}"));
                    }
                }
            }
            (Json::Array(one), Json::Array(other)) => {
                assert_eq!(one.len(), other.len(), "{at}: {old} {new}");
                one.iter().zip(other).for_each(|(old, new)| self.same(old, new, at));
            }
            (Json::String(one), Json::String(other)) if one.parse::<Id>().is_ok() => {
                assert_ne!(one, other, "{at}: an id is the same");
                assert_eq!(self.old.entry(one.clone()).or_insert(other.clone()), other, "{at}");
                assert_eq!(self.new.entry(other.clone()).or_insert(one.clone()), one, "{at}");
            }
            _ => assert_eq!(old, new, "{at}"),
        }
    }
}

/// The lists of a tenant, without what tells of the journey itself.
async fn lists(client: &Client) -> Vec<(&'static str, u16, Json)> {
    let mut all = Vec::new();
    for path in LISTS {
        let mut answer = client.get(path).await;
        if let Some(events) = answer.json["data"].as_array_mut() {
            events.retain(|event| {
                let action = event["action"].as_str().unwrap_or_default();
                !["tenant.exported", "tenant.imported", "session."]
                    .iter()
                    .any(|of| action.starts_with(of))
            });
        }
        if let Some(problem) = answer.json.as_object_mut().filter(|_| answer.status >= 400) {
            problem.shift_remove("requestId");
        }
        all.push((path, answer.status, answer.json));
    }
    all
}

fn slug(told: &str) -> &str {
    let rest = told.split("The tenant ").nth(1).unwrap_or_else(|| panic!("{told}"));
    rest.split(' ').next().unwrap()
}

/// The bytes of all attachments.
async fn read(client: &Client) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for one in client.get("/api/attachments?sort=name").await.json["data"].as_array().unwrap() {
        let path = format!("/api/attachments/{}/content", one["id"].as_str().unwrap());
        all.push(client.get(&path).await.bytes);
    }
    all
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_clone_has_everything_under_other_ids(kind: Kind) {
    let world = World::new(kind).await;
    furnish(&world).await;
    let here = installation(world.folder(), world.options());
    let before = lists(&world.ana).await;
    let stranger = world.stranger.get("/api/contacts").await.json;
    let told =
        here.told(&["tenant", "clone", "--tenant", "world-of-owner", "--name", "Second"], &[]);
    assert!(told.contains("3 members are users here and can enter; 0 are there by name"), "{told}");
    assert_eq!(slug(&told), "second");
    let tenants = world.ana.get("/api/tenants").await.json;
    let second = tenants["data"].as_array().unwrap().iter().find(|one| one["slug"] == "second");
    let switch = format!("/api/tenants/{}/switch", second.unwrap()["id"].as_str().unwrap());
    let switched = world.ana.post(&switch, json!({})).await;
    assert_eq!(switched.status, 200, "{switched:?}");
    let there = world.ana.with(switched.json["token"].as_str().unwrap());
    let mut ids = Ids::default();
    for ((path, status, old), (_, other, new)) in before.iter().zip(&lists(&there).await) {
        assert_eq!(status, other, "{path}");
        ids.same(old, new, path);
    }
    assert!(ids.old.len() > 40, "{:?}", ids.old);
    for (who, name) in [(&world.ana, "first"), (&there, "second")] {
        assert_eq!(read(who).await, [b"an offer".to_vec(), bytes(200_000)], "{name}");
    }
    // Both go their own ways from here, and nobody else noticed.
    let contact = there.get("/api/contacts?search=quote&limit=1").await.json["data"][0].clone();
    let path = format!("/api/contacts/{}", contact["id"].as_str().unwrap());
    assert_eq!(there.patch(&path, json!({ "name": "Changed" })).await.status, 200);
    assert_eq!(there.get(&format!("{path}/history")).await.status, 200);
    assert_eq!(world.ana.get(&path).await.status, 404);
    assert_eq!(lists(&world.ana).await[..17], before[..17]);
    assert_eq!(world.stranger.get("/api/contacts").await.json, stranger);
    let told = here.told(&["audit", "verify"], &[]);
    assert!(told.contains("Second: ") && !told.contains("broken"), "{told}");
    // What was cloned is backed up like anything else.
    let file = world.folder().join("all.kithbackup");
    let told = here.told(&["backup", "--to", file.to_str().unwrap()], &[]);
    assert!(told.contains("Backed up"), "{told}");
    // What one forgets, the other keeps.
    let offer = world.ana.get("/api/attachments?name=offer.txt").await.json["data"][0].clone();
    let offer = format!("/api/attachments/{}", offer["id"].as_str().unwrap());
    assert_eq!(world.ana.delete(&offer).await.status, 204);
    world.app.clock.advance_seconds(60 * 86_400);
    world.run_jobs().await;
    assert_eq!(read(&there).await.len(), 2);
    assert_eq!(files(&world).len(), 3);
    assert_eq!(world.ana.post(&format!("{offer}/restore"), json!({})).await.status, 409);
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_bundle_goes_to_another_installation(kind: Kind) {
    let world = World::new(kind).await;
    furnish(&world).await;
    let here = installation(world.folder(), world.options());
    let file = world.folder().join("ours.kithtenant");
    let name = file.to_str().unwrap();
    let told = here.told(&["tenant", "export", "--to", name], &[]);
    assert!(told.contains("Name one tenant of"), "{told}");
    let told = here.told(&["tenant", "export", "--tenant", "world-of-owner", "--to", name], &[]);
    assert!(told.contains("rows are in"), "{told}");
    let other = match kind {
        Kind::Sqlite => Kind::Postgres,
        Kind::Postgres => Kind::Sqlite,
    };
    let elsewhere = Database::fresh(other).await;
    let there = installation(elsewhere.folder.path(), &elsewhere.options);
    let mut damaged = fs::read(&file).unwrap();
    damaged.truncate(damaged.len() - 40);
    let cut = world.folder().join("cut.kithtenant");
    fs::write(&cut, damaged).unwrap();
    let told = there.told(&["tenant", "import", cut.to_str().unwrap()], &[]);
    assert!(told.contains("cut off"), "{told}");
    let told = there.told(&["tenant", "export", "--to", "/tmp/none"], &[]);
    assert!(told.contains("There is no tenant yet"), "{told}");
    let told = there.told(&["restore", name, "--force"], &[]);
    assert!(told.contains("no backup of Kith"), "{told}");
    let told = there.told(&["tenant", "import", name, "--name", "Guests"], &[]);
    assert!(told.contains("0 members are users here and can enter; 3 are there by name"), "{told}");
    let of = |folder| contents(folder).into_values().collect::<Vec<_>>();
    assert_eq!(of(elsewhere.folder.path()), of(world.folder()));
    let told = there.told(&["audit", "verify"], &[]);
    assert!(told.contains("Guests: ") && !told.contains("broken"), "{told}");
    let told = there.told(&["export", "contacts", "--tenant", "guests", "--format", "jsonl"], &[]);
    assert_eq!(told.lines().filter(|line| line.contains("Quote")).count(), 5, "{told}");
    // No secret went along.
    let told = there.told(&["export", "members", "--tenant", "guests", "--format", "jsonl"], &[]);
    assert!(
        told.lines()
            .filter(|line| line.starts_with('{'))
            .all(|line| line.contains("\"userId\":null") || !line.contains("userId")),
        "{told}"
    );
}
