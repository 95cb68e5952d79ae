//! The engine through HTTP: what every object can do, and what bad input gets.

use serde_json::json;

use crate::{
    client::Client,
    database::{Kind, on_both},
    world::World,
};

on_both!(
    a_record_is_made_read_changed_deleted_and_restored,
    lists_filter_sort_and_go_on,
    nulls_come_last_both_ways,
    search_finds_and_ranks,
    labels_are_made_on_use,
    links_are_checked_and_included,
    an_idempotency_key_replays,
    stale_changes_are_refused,
    bulk_changes_succeed_or_fail_one_by_one,
    exports_stream_everything,
    strangers_see_nothing,
    two_changes_make_no_circle_together,
);

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_record_is_made_read_changed_deleted_and_restored(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let made = ana.post("/api/contacts", json!({ "first_name": "Ana", "lastName": "Sousa", "email": "Ana@acme.com", "address": { "city": "Lisboa" } })).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json["name"], "Ana Sousa");
    assert_eq!(made.json["version"], 1);
    let path = format!("/api/contacts/{}", made.json["id"].as_str().unwrap());
    assert_eq!(made.headers["location"], path.as_str());
    let read = ana.get(&path).await;
    assert_eq!(read.json, made.json, "what is read is what was answered");
    assert_eq!(read.headers["etag"], "\"1\"");
    let again = ana.send("GET", &path, &[("if-none-match", "\"1\"")], vec![]).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    let changed = ana
        .patch(
            &path,
            json!({ "jobTitle": "Buyer", "address": { "country": "Portugal" }, "version": 1 }),
        )
        .await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(
        (&changed.json["version"], &changed.json["address"]["city"]),
        (&json!(2), &json!("Lisboa"))
    );
    assert_eq!(ana.get(&path).await.json, changed.json);
    let same = ana.patch(&path, json!({ "jobTitle": "Buyer" })).await;
    assert_eq!(same.json["version"], 2, "a change that changes nothing is none");
    assert_eq!(ana.delete(&path).await.status, 204);
    assert_eq!(ana.get(&path).await.status, 404);
    assert_eq!(ana.get("/api/contacts").await.json["data"], json!([]));
    assert_eq!(ana.get("/api/contacts?deleted=true").await.names(), ["Ana Sousa"]);
    let restored = ana.post(&format!("{path}/restore"), json!({})).await;
    assert_eq!(restored.status, 200, "{restored:?}");
    let read = ana.get(&path).await;
    assert_eq!(read.json, restored.json);
    let history = ana.get(&format!("{path}/history")).await;
    let actions: Vec<_> = history.json["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        ["contact.restored", "contact.deleted", "contact.updated", "contact.created"]
    );
    assert_eq!(history.json["data"][2]["after"]["jobTitle"], "Buyer");
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn lists_filter_sort_and_go_on(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    for number in 0..7 {
        let city = if number % 2 == 0 { "São Paulo" } else { "Porto" };
        ana.make("/api/accounts", json!({ "name": format!("Acme {number}"), "address": { "city": city }, "employeeCount": number, "annualRevenue": 100.5 * f64::from(number) })).await;
    }
    let names = async |query: &str| {
        let answer = ana.get(&format!("/api/accounts?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        answer.names().join(",").replace("Acme ", "")
    };
    assert_eq!(names("").await, "6,5,4,3,2,1,0");
    assert_eq!(names("address.city=sao%20paulo&sort=name").await, "0,2,4,6");
    assert_eq!(names("employeeCount[gte]=2&employeeCount[lt]=5&sort=employeeCount").await, "2,3,4");
    assert_eq!(names("annualRevenue[gt]=402&sort=-annualRevenue").await, "6,5");
    assert_eq!(names("name[contains]=E%203").await, "3");
    assert_eq!(names("name[startsWith]=acme%205").await, "5");
    assert_eq!(names("employeeCount[in]=1,3&sort=createdAt").await, "1,3");
    assert_eq!(
        names("filter=%7B%22not%22:%7B%22field%22:%22employeeCount%22,%22op%22:%22gt%22,%22value%22:1%7D%7D&sort=name")
            .await
            .replace("%22", ""),
        "0,1"
    );
    assert_eq!(names("createdAt[within]=1d&sort=name&limit=2").await, "0,1");
    assert_eq!(names("createdAt=2026-11-21&limit=1").await, "6");
    assert_eq!(names("page=2&limit=3").await, "3,2,1");
    for sort in ["", "sort=name", "sort=-employeeCount", "sort=address.city,-name", "sort=parentId"]
    {
        let whole = names(sort).await;
        let mut cursor = String::new();
        let mut pages = Vec::new();
        loop {
            let answer = ana.get(&format!("/api/accounts?limit=2&{sort}&{cursor}")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            pages.push(answer.names().join(",").replace("Acme ", ""));
            match answer.json["nextCursor"].as_str() {
                Some(next) => cursor = format!("cursor={next}"),
                None => break,
            }
        }
        assert_eq!(pages.join(","), whole, "{sort}");
        assert_eq!(pages.len(), 4);
    }
    let counted = ana.get("/api/accounts?count=exact&limit=1&address.city=porto").await;
    assert_eq!(counted.json["total"], 3);
    let few = ana.get("/api/accounts?fields=name,address&limit=1").await;
    let keys: Vec<_> = few.json["data"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["id", "name", "address"]);
}

async fn nulls_come_last_both_ways(kind: Kind) {
    let world = World::new(kind).await;
    for (name, score) in [("a", json!(null)), ("b", json!(5)), ("c", json!(1)), ("d", json!(null))]
    {
        world.ana.make("/api/accounts", json!({ "name": name, "score": score })).await;
    }
    for (sort, wanted) in [("score", "c,b,a,d"), ("-score", "b,c,d,a")] {
        for limit in [1, 2, 3, 10] {
            let mut found = Vec::new();
            let mut cursor = String::new();
            loop {
                let page = world
                    .ana
                    .get(&format!("/api/accounts?sort={sort}&limit={limit}&{cursor}"))
                    .await;
                found.extend(page.names().into_iter().map(str::to_owned));
                match page.json["nextCursor"].as_str() {
                    Some(next) => cursor = format!("cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(found.join(","), wanted, "{sort} by {limit}");
        }
    }
}

async fn search_finds_and_ranks(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    ana.make("/api/contacts", json!({ "name": "Carla Dias", "company": "Bruno & Filhos" })).await;
    ana.make("/api/contacts", json!({ "name": "Bruno Costa", "email": "bruno@acme.com" })).await;
    ana.make("/api/accounts", json!({ "name": "Brunofabrik" })).await;
    world.stranger.make("/api/contacts", json!({ "name": "Bruno Stranger" })).await;
    assert_eq!(ana.get("/api/contacts?search=BRUN").await.names(), ["Bruno Costa", "Carla Dias"]);
    assert_eq!(ana.get("/api/contacts?search=bruno%20acme").await.names(), ["Bruno Costa"]);
    assert_eq!(
        ana.get("/api/contacts?search=bruno&sort=name&status=active").await.names(),
        ["Bruno Costa", "Carla Dias"]
    );
    assert_eq!(ana.get("/api/contacts?search=nobody").await.names(), Vec::<&str>::new());
    let paged = ana.get("/api/contacts?search=brun&limit=1").await;
    let next = paged.json["nextCursor"].as_str().unwrap();
    assert_eq!(
        ana.get(&format!("/api/contacts?search=brun&limit=1&cursor={next}")).await.names(),
        ["Carla Dias"]
    );
    let found = ana.get("/api/search?q=brun").await;
    assert_eq!(found.names().len(), 3, "{found:?}");
    assert_eq!(ana.get("/api/search?q=brun&object=account").await.names(), ["Brunofabrik"]);
    let id = ana.get("/api/contacts?search=costa").await.json["data"][0]["id"].clone();
    ana.patch(&format!("/api/contacts/{}", id.as_str().unwrap()), json!({ "lastName": "Lima" }))
        .await;
    assert_eq!(ana.get("/api/contacts?search=costa").await.names(), Vec::<&str>::new());
    assert_eq!(ana.get("/api/contacts?search=lima").await.names(), ["Bruno Lima"]);
}

async fn labels_are_made_on_use(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let contact = ana
        .make("/api/contacts", json!({ "name": "Ana", "labels": ["VIP", "vip", "new market"] }))
        .await;
    assert_eq!(contact["labels"], json!(["VIP", "new market"]));
    let path = format!("/api/contacts/{}", contact["id"].as_str().unwrap());
    assert_eq!(ana.get(&path).await.json["labels"], json!(["new market", "VIP"]));
    ana.make("/api/contacts", json!({ "name": "Bruno", "labels": ["Vip"] })).await;
    assert_eq!(ana.get("/api/labels?sort=name").await.names(), ["new market", "VIP"]);
    assert_eq!(ana.get("/api/contacts?labels=VIP&sort=name").await.names(), ["Ana", "Bruno"]);
    assert_eq!(ana.get("/api/contacts?labels[ne]=new%20market").await.names(), ["Bruno"]);
    let changed =
        ana.post(&format!("{path}/labels"), json!({ "add": ["key"], "remove": ["vip"] })).await;
    assert_eq!(changed.json["labels"], json!(["new market", "key"]), "{changed:?}");
    let cleared = ana.patch(&path, json!({ "labels": [] })).await;
    assert_eq!(cleared.json["labels"], json!([]));
    let label =
        ana.get("/api/labels?name=vip").await.json["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(ana.post("/api/labels", json!({ "name": "VIP" })).await.status, 409);
    assert_eq!(ana.delete(&format!("/api/labels/{label}")).await.status, 204);
    assert_eq!(ana.get("/api/contacts?name=bruno").await.json["data"][0]["labels"], json!([]));
}

async fn links_are_checked_and_included(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let account = ana.make("/api/accounts", json!({ "name": "Acme" })).await;
    let foreign = world.stranger.make("/api/accounts", json!({ "name": "Secret" })).await;
    for id in [&foreign["id"], &json!("0197a1b2-0000-7000-8000-000000000000")] {
        let refused = ana.post("/api/contacts", json!({ "name": "Ana", "accountId": id })).await;
        assert_eq!(
            (refused.status, &refused.json["errors"][0]["pointer"]),
            (422, &json!("/accountId"))
        );
        let refused = ana.post("/api/notes", json!({ "content": "x", "relatedId": id })).await;
        assert_eq!(refused.status, 422);
    }
    let contact =
        ana.make("/api/contacts", json!({ "name": "Ana", "accountId": account["id"] })).await;
    let page = ana.get("/api/contacts?include=account,owner").await;
    assert_eq!(page.json["data"][0]["account"]["name"], "Acme");
    assert_eq!(page.json["data"][0]["owner"], json!(null));
    let one = ana
        .get(&format!("/api/contacts/{}?include=account", contact["id"].as_str().unwrap()))
        .await;
    assert_eq!(one.json["account"], account);
    let note =
        ana.make("/api/notes", json!({ "content": "Hello", "relatedId": contact["id"] })).await;
    assert_eq!(note["relatedTo"], "contact");
    assert_eq!(ana.get("/api/contacts?include=nothing").await.status, 422);
}

async fn an_idempotency_key_replays(kind: Kind) {
    let world = World::new(kind).await;
    let send = async |key: &str, body: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        world.ana.send("POST", "/api/contacts", &headers, body.as_bytes().to_vec()).await
    };
    let first = send("one", r#"{"name": "Ana"}"#).await;
    assert_eq!(first.status, 201);
    let second = send("one", r#"{"name": "Ana"}"#).await;
    assert_eq!((second.status, &second.json), (201, &first.json));
    assert_eq!(second.headers["idempotency-replayed"], "true");
    assert_eq!(second.headers["location"], first.headers["location"]);
    let other = send("one", r#"{"name": "Bruno"}"#).await;
    assert_eq!((other.status, &other.json["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(send("two", r#"{"name": "Ana"}"#).await.json["name"], "Ana");
    assert_eq!(world.ana.get("/api/contacts").await.names().len(), 2);
    world.app.clock.advance_seconds(25 * 3_600);
    assert_eq!(
        send("one", r#"{"name": "Bruno"}"#).await.status,
        201,
        "keys are forgotten after a day"
    );
}

async fn stale_changes_are_refused(kind: Kind) {
    let world = World::new(kind).await;
    let account = world.ana.make("/api/accounts", json!({ "name": "Acme" })).await;
    let path = format!("/api/accounts/{}", account["id"].as_str().unwrap());
    let change = async |tag: &str, name: &str| {
        let headers = [("content-type", "application/json"), ("if-match", tag)];
        world
            .ana
            .send("PATCH", &path, &headers, json!({ "name": name }).to_string().into_bytes())
            .await
            .status
    };
    assert_eq!(change("\"1\"", "One").await, 200);
    assert_eq!(change("\"1\"", "Two").await, 412);
    assert_eq!(change("nonsense", "Two").await, 412);
    assert_eq!(change("*", "Three").await, 200);
    assert_eq!(world.ana.get(&path).await.json["name"], "Three");
    let race = async |number: u32| {
        world.ana.patch(&path, json!({ "domain": format!("{number}.example") })).await.status
    };
    let (a, b, c) = tokio::join!(race(1), race(2), race(3));
    assert!([a, b, c].iter().all(|status| *status == 200 || *status == 409), "{a} {b} {c}");
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn bulk_changes_succeed_or_fail_one_by_one(kind: Kind) {
    let world = World::new(kind).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(
            world
                .ana
                .make(
                    "/api/accounts",
                    json!({ "name": format!("A{number}"), "externalId": format!("e{number}") }),
                )
                .await["id"]
                .clone(),
        );
    }
    let foreign = world.stranger.make("/api/accounts", json!({ "name": "Secret" })).await;
    let all: Vec<_> = ids.iter().cloned().chain([foreign["id"].clone()]).collect();
    let done = world
        .ana
        .post(
            "/api/accounts/bulk",
            json!({ "action": "update", "ids": all, "changes": { "industry": "Energy" } }),
        )
        .await;
    assert_eq!((done.status, &done.json["succeeded"]), (200, &json!(5)), "{done:?}");
    assert_eq!(done.json["failed"][0]["code"], "not_found");
    assert_eq!(world.ana.get("/api/accounts?industry=energy&count=exact").await.json["total"], 5);
    let taken = world
        .ana
        .post(
            "/api/accounts/bulk",
            json!({ "action": "update", "ids": ids, "changes": { "externalId": "same" } }),
        )
        .await;
    assert_eq!(
        (&taken.json["succeeded"], &taken.json["failed"][0]["code"]),
        (&json!(1), &json!("taken")),
        "{taken:?}"
    );
    let gone =
        world.ana.post("/api/accounts/bulk", json!({ "action": "delete", "ids": ids })).await;
    assert_eq!(gone.json["succeeded"], 5);
    assert_eq!(world.ana.get("/api/accounts").await.names().len(), 0);
    let back =
        world.ana.post("/api/accounts/bulk", json!({ "action": "restore", "ids": ids })).await;
    assert_eq!(back.json["succeeded"], 5);
    assert_eq!(
        world
            .ana
            .post("/api/accounts/bulk", json!({ "action": "update", "ids": ids }))
            .await
            .status,
        422
    );
    assert_eq!(world.stranger.get("/api/accounts").await.json["data"][0]["industry"], json!(null));
}

async fn exports_stream_everything(kind: Kind) {
    let world = World::new(kind).await;
    for number in 0..3 {
        world
            .ana
            .make(
                "/api/accounts",
                json!({ "name": format!("=A{number}, \"x\""), "address": { "city": "Porto" } }),
            )
            .await;
    }
    world.stranger.make("/api/accounts", json!({ "name": "Secret" })).await;
    let csv = world.ana.get("/api/accounts/export?sort=name").await;
    assert_eq!(csv.status, 200);
    let lines: Vec<_> = csv.text.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].starts_with("id,name,"), "{}", lines[0]);
    assert!(lines[1].contains("\"'=A0, \"\"x\"\"\""), "{}", lines[1]);
    assert!(!csv.text.contains("Secret"));
    let lines = world.ana.get("/api/accounts/export?format=jsonl&name[contains]=A1").await;
    assert_eq!(lines.text.lines().count(), 1);
    assert_eq!(world.ana.get("/api/accounts/export?format=xml").await.status, 422);
    let log = world.ana.get("/api/audit-logs?action=account.exported").await;
    assert_eq!(log.json["data"].as_array().unwrap().len(), 2);
    assert!(world.ana.get("/api/audit-logs/export").await.text.lines().count() > 10);
}

async fn strangers_see_nothing(kind: Kind) {
    let world = World::new(kind).await;
    let contact =
        world.ana.make("/api/contacts", json!({ "name": "Ana", "externalId": "x1" })).await;
    let path = format!("/api/contacts/{}", contact["id"].as_str().unwrap());
    assert_eq!(world.nobody.get(&path).await.status, 401);
    assert_eq!(world.stranger.get(&path).await.status, 404);
    assert_eq!(world.stranger.patch(&path, json!({ "name": "Mine" })).await.status, 404);
    assert_eq!(world.stranger.delete(&path).await.status, 404);
    assert_eq!(world.stranger.get(&format!("{path}/history")).await.status, 404);
    assert_eq!(world.stranger.get("/api/contacts").await.json["data"], json!([]));
    assert_eq!(world.stranger.get("/api/search?q=ana").await.json["data"], json!([]));
    assert_eq!(
        world
            .stranger
            .post("/api/contacts", json!({ "name": "B", "externalId": "x1" }))
            .await
            .status,
        201
    );
    assert_eq!(
        world.ana.post("/api/contacts", json!({ "name": "C", "externalId": "X1" })).await.json["errors"]
            [0]["pointer"],
        "/externalId"
    );
}

async fn two_changes_make_no_circle_together(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    // On another node, where there can be one.
    let (_house, there) = match kind {
        Kind::Sqlite => (None, ana.clone()),
        Kind::Postgres => {
            let (house, router) = world.elsewhere(world.options()).await;
            (Some(house), ana.at(&router))
        }
    };
    for number in 0..10 {
        let mut pair = Vec::new();
        for side in ["left", "right"] {
            let account = json!({ "name": format!("{side} {number}") });
            pair.push(ana.make("/api/accounts", account).await["id"].as_str().unwrap().to_owned());
        }
        let (below, above) = (pair[0].clone(), pair[1].clone());
        let put = |who: &Client, below: String, above: String| {
            let who = who.clone();
            let change = json!({ "parentId": above });
            #[expect(clippy::disallowed_methods, reason = "it is waited for")]
            tokio::spawn(async move { who.patch(&format!("/api/accounts/{below}"), change).await })
        };
        let (left, right) =
            (put(ana, below.clone(), above.clone()), put(&there, above.clone(), below.clone()));
        let mut told = [left.await.unwrap().status, right.await.unwrap().status];
        told.sort_unstable();
        assert_eq!(told, [200, 422], "pair {number}");
    }
}
