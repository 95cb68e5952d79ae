//! Custom fields through HTTP: made, used in lists, searched, told, converted, deleted.

mod conversions;

use serde_json::{Value as Json, json};

use crate::{
    client::Client,
    database::{Kind, on_both},
    world::World,
};

on_both!(
    a_field_is_made_used_and_deleted,
    every_kind_filters_and_sorts,
    pages_by_custom_fields_go_on,
    required_unique_and_default_hold,
    links_of_custom_fields_are_checked,
    names_that_mean_something_else_are_refused,
    history_tells_what_custom_fields_were,
    files_bring_and_take_custom_fields,
    the_document_tells_the_fields_of_the_tenant,
);

async fn field(ana: &Client, body: Json) -> Json {
    ana.make("/api/custom-fields", body).await
}

async fn names(ana: &Client, query: &str) -> String {
    let answer = ana.get(&format!("/api/contacts?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    answer.names().join(",")
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_field_is_made_used_and_deleted(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let wish = json!({ "object": "contact", "name": "vip_tier", "label": "Tier", "kind": "choice", "options": ["gold", "silver"] });
    let made = ana.post("/api/custom-fields", wish.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json["key"], "custom.vipTier");
    let path = format!("/api/custom-fields/{}", made.json["id"].as_str().unwrap());
    assert_eq!(made.headers["location"], path.as_str());
    assert_eq!(ana.get(&path).await.json, made.json);
    assert_eq!(ana.post("/api/custom-fields", wish.clone()).await.status, 409);
    let other_case = json!({ "object": "contact", "name": "viptier", "kind": "text" });
    let other_case = ana.post("/api/custom-fields", other_case).await;
    assert_eq!((other_case.status, &other_case.json["code"]), (409, &json!("taken")));
    let contact = ana.make("/api/contacts", json!({ "name": "Ana", "vipTier": "GOLD" })).await;
    assert_eq!(contact["custom"]["vipTier"], "gold");
    let record = format!("/api/contacts/{}", contact["id"].as_str().unwrap());
    assert_eq!(ana.get("/api/contacts?search=gold").await.names(), ["Ana"]);
    let changed = ana.patch(&record, json!({ "custom": { "vipTier": "silver" } })).await;
    assert_eq!(changed.json["custom"]["vipTier"], "silver");
    assert_eq!(ana.get("/api/contacts?search=gold").await.names(), Vec::<&str>::new());
    assert_eq!(ana.get("/api/contacts?search=silver").await.names(), ["Ana"]);
    let few = ana.get("/api/contacts?fields=name,custom.vipTier").await;
    assert_eq!(few.json["data"][0]["custom"], json!({ "vipTier": "silver" }));
    let lost = ana.patch(&path, json!({ "options": ["gold"] })).await;
    assert_eq!((lost.status, &lost.json["code"]), (409, &json!("option_in_use")));
    let changed =
        ana.patch(&path, json!({ "label": "Level", "options": ["gold", "silver", "tin"] })).await;
    assert_eq!((changed.status, &changed.json["label"]), (200, &json!("Level")), "{changed:?}");
    assert_eq!(ana.patch(&path, json!({ "name": "other" })).await.status, 422);
    assert_eq!(world.bruno.patch(&path, json!({ "label": "x" })).await.status, 403);
    assert_eq!(world.stranger.get(&path).await.status, 404);
    assert_eq!(ana.delete(&path).await.status, 204);
    assert_eq!(ana.get(&record).await.json["custom"], json!({}));
    assert_eq!(ana.get(&path).await.status, 404);
    let retired = ana.get("/api/custom-fields?retired=true").await;
    assert_eq!(retired.json["data"][0]["name"], "vipTier");
    let again = json!({ "object": "contact", "name": "vipTier", "kind": "number" });
    assert_eq!(ana.post("/api/custom-fields", again.clone()).await.json["code"], "retired");
    world.app.clock.advance_seconds(10);
    world.run_jobs().await;
    assert_eq!(ana.get("/api/contacts?search=silver").await.names(), Vec::<&str>::new());
    field(ana, again).await;
    assert_eq!(ana.get(&record).await.json["custom"], json!({ "vipTier": null }));
    let told = ana.get("/api/audit-logs?object=customField").await;
    let told: Vec<_> = told.json["data"].as_array().unwrap().iter().map(|e| &e["action"]).collect();
    assert_eq!(
        told,
        [
            "customField.created",
            "customField.purged",
            "customField.deleted",
            "customField.updated",
            "customField.created"
        ]
    );
}

/// One field of each kind, and three contacts with their values in order, and one with none.
async fn fill(ana: &Client) {
    for (name, kind) in [
        ("word", "text"),
        ("count", "number"),
        ("fee", "money"),
        ("day", "date"),
        ("moment", "time"),
        ("flag", "bool"),
        ("fax", "phone"),
        ("second", "email"),
        ("site", "url"),
    ] {
        field(ana, json!({ "object": "contact", "name": format!("{name}X"), "kind": kind })).await;
    }
    let options = json!(["Red", "Green", "Blue"]);
    field(
        ana,
        json!({ "object": "contact", "name": "pick", "kind": "choice", "options": options }),
    )
    .await;
    field(
        ana,
        json!({ "object": "contact", "name": "picks", "kind": "multiChoice", "options": options }),
    )
    .await;
    for (name, n) in [("a", 1), ("b", 2), ("c", 10)] {
        let custom = json!({
            "wordX": format!("Épée {n:02}"), "countX": f64::from(n) + 0.5, "feeX": f64::from(n) * 1.25, "dayX": format!("2026-01-{n:02}"),
            "momentX": format!("2026-11-{:02}T10:00:00Z", n + 10), "flagX": n == 2, "faxX": format!("+351 000 {n:02}"),
            "secondX": format!("x{n:02}@acme.com"), "siteX": format!("acme.com/{n:02}"),
            "pick": if n == 2 { "green" } else { "red" }, "picks": if n == 1 { json!(["blue", "red"]) } else { json!(["Green"]) },
        });
        ana.make("/api/contacts", json!({ "name": name, "custom": custom })).await;
    }
    ana.make("/api/contacts", json!({ "name": "none" })).await;
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn every_kind_filters_and_sorts(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    fill(ana).await;
    for (query, wanted) in [
        ("wordX=epee%2001", "a"),
        ("custom.wordX[startsWith]=EPEE&sort=-name", "c,b,a"),
        ("wordX[contains]=10", "c"),
        ("wordX[endsWith]=e%2002", "b"),
        ("wordX[gt]=epee%2001&sort=name", "b,c"),
        ("wordX[in]=epee%2001,epee%2010&sort=name", "a,c"),
        ("countX[gte]=2.5&sort=name", "b,c"),
        ("countX=1.5", "a"),
        ("feeX=2.5", "b"),
        ("feeX[lt]=2.6&sort=name", "a,b"),
        ("dayX=2026-01-02", "b"),
        ("dayX[lte]=2026-01-02&sort=name", "a,b"),
        ("dayX[olderThan]=30d&sort=name", "a,b,c"),
        ("momentX[within]=10d&sort=name", "a,b,c"),
        ("momentX[within]=9d&sort=name", "b,c"),
        ("momentX=2026-11-12", "b"),
        ("momentX[gt]=2026-11-12", "c"),
        ("flagX=true", "b"),
        ("flagX[ne]=true&sort=name", "a,c,none"),
        ("faxX=35100010", "c"),
        ("secondX=X02@ACME.com", "b"),
        ("siteX[endsWith]=/10", "c"),
        ("pick=RED&sort=name", "a,c"),
        ("pick[exists]=false", "none"),
        ("pick=null", "none"),
        ("pick[ne]=null&sort=name", "a,b,c"),
        ("picks=red", "a"),
        ("picks[in]=blue,green&sort=name", "a,b,c"),
        ("picks[ne]=green&sort=name", "a,none"),
        ("pick=red&countX[gt]=5", "c"),
        ("pick=red&wordX=epee%2010&name=c", "c"),
        ("pick=red&sort=-id", "c,a"),
        ("pick=red&sort=id", "a,c"),
        ("pick=red&page=2&limit=1", "a"),
    ] {
        assert_eq!(names(ana, query).await, wanted, "{query}");
    }
    assert_eq!(ana.get("/api/contacts?pick=red&count=exact").await.json["total"], 2);
    for key in ["wordX", "countX", "feeX", "dayX", "momentX", "faxX", "secondX", "siteX"] {
        assert_eq!(names(ana, &format!("sort={key}")).await, "a,b,c,none", "{key}");
        assert_eq!(names(ana, &format!("sort=-custom.{key}")).await, "c,b,a,none", "{key}");
    }
    assert_eq!(names(ana, "sort=pick,-name").await, "b,c,a,none");
    for wrong in [
        "countX=many",
        "flagX[gt]=true",
        "dayX=soon",
        "picks[startsWith]=r",
        "wordX[within]=3d",
        "nothing=1",
    ] {
        let answer = ana.get(&format!("/api/contacts?{wrong}")).await;
        assert_eq!(answer.status, 422, "{wrong}: {answer:?}");
    }
}

async fn pages_by_custom_fields_go_on(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    field(ana, json!({ "object": "contact", "name": "tier", "kind": "text" })).await;
    field(ana, json!({ "object": "contact", "name": "rank", "kind": "number" })).await;
    for number in 0..9 {
        let tier = (number % 3 != 2).then(|| format!("t{}", number % 3));
        let rank = (number % 4 != 3).then_some(number / 2);
        let custom = json!({ "tier": tier, "rank": rank });
        ana.make("/api/contacts", json!({ "name": format!("n{number}"), "custom": custom })).await;
    }
    for query in [
        "sort=custom.tier",
        "sort=-custom.tier",
        "sort=tier,name",
        "sort=-custom.rank,custom.tier,name",
        "sort=name,-rank",
        "custom.tier=t1",
        "custom.tier=t1&sort=id",
        "custom.tier=t0&sort=-custom.rank",
        "sort=rank&custom.tier[exists]=false",
    ] {
        let whole = names(ana, query).await;
        for limit in [1, 2, 4] {
            let (mut cursor, mut pages) = (String::new(), Vec::new());
            loop {
                let page = ana.get(&format!("/api/contacts?{query}&limit={limit}{cursor}")).await;
                assert_eq!(page.status, 200, "{page:?}");
                pages.extend(page.names().into_iter().map(str::to_owned));
                match page.json["nextCursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            assert_eq!(pages.join(","), whole, "{query} by {limit}");
        }
    }
    assert_eq!(names(ana, "sort=custom.tier").await, "n0,n3,n6,n1,n4,n7,n2,n5,n8");
    assert_eq!(names(ana, "sort=-custom.rank,name").await, "n8,n6,n4,n5,n2,n0,n1,n3,n7");
}

async fn required_unique_and_default_hold(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let code = field(ana, json!({ "object": "contact", "name": "code", "kind": "text" })).await;
    field(ana, json!({ "object": "contact", "name": "level", "kind": "number", "default": 3, "required": true })).await;
    let one = ana.make("/api/contacts", json!({ "name": "a", "code": "Été" })).await;
    assert_eq!(one["custom"], json!({ "code": "Été", "level": 3.0 }));
    let path = |record: &Json| format!("/api/contacts/{}", record["id"].as_str().unwrap());
    let none = ana.patch(&path(&one), json!({ "level": null })).await;
    assert_eq!((none.status, &none.json["errors"][0]["pointer"]), (422, &json!("/custom/level")));
    let two = ana.make("/api/contacts", json!({ "name": "b", "code": "ete" })).await;
    let field_path = format!("/api/custom-fields/{}", code["id"].as_str().unwrap());
    let refused = ana.patch(&field_path, json!({ "unique": true })).await;
    assert_eq!((refused.status, &refused.json["code"]), (409, &json!("duplicates")), "{refused:?}");
    assert!(refused.text.contains(two["id"].as_str().unwrap()), "{refused:?}");
    ana.patch(&path(&two), json!({ "code": "other" })).await;
    assert_eq!(ana.patch(&field_path, json!({ "unique": true })).await.status, 200);
    for (path, body) in [
        ("/api/contacts".to_owned(), json!({ "name": "c", "code": "ÉTÉ" })),
        (path(&two), json!({ "code": "ete" })),
    ] {
        let method = if body["name"].is_null() { "PATCH" } else { "POST" };
        let headers = [("content-type", "application/json")];
        let taken = ana.send(method, &path, &headers, body.to_string().into_bytes()).await;
        assert_eq!((taken.status, &taken.json["code"]), (409, &json!("taken")), "{taken:?}");
        assert_eq!(taken.json["errors"][0]["pointer"], "/custom/code");
    }
    assert_eq!(ana.patch(&path(&two), json!({ "code": "other" })).await.status, 200);
    assert_eq!(ana.delete(&path(&one)).await.status, 204);
    let three = ana.make("/api/contacts", json!({ "name": "c", "code": "ete" })).await;
    assert_eq!(ana.post(&format!("{}/restore", path(&one)), json!({})).await.status, 409);
    ana.patch(&path(&three), json!({ "code": null })).await;
    assert_eq!(ana.post(&format!("{}/restore", path(&one)), json!({})).await.status, 200);
    assert_eq!(ana.post("/api/contacts", json!({ "name": "d", "code": "ete" })).await.status, 409);
    let required = ana.patch(&field_path, json!({ "required": true })).await;
    assert_eq!(required.status, 200);
    let missing = ana.post("/api/contacts", json!({ "name": "e" })).await;
    assert_eq!((missing.status, &missing.json["code"]), (422, &json!("required")), "{missing:?}");
}

async fn links_of_custom_fields_are_checked(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    field(
        ana,
        json!({ "object": "contact", "name": "partner", "kind": "link", "target": "account" }),
    )
    .await;
    let account = ana.make("/api/accounts", json!({ "name": "Acme" })).await;
    let foreign = world.stranger.make("/api/accounts", json!({ "name": "Secret" })).await;
    for id in [&foreign["id"], &json!("0197a1b2-0000-7000-8000-000000000000"), &json!("12")] {
        let refused = ana.post("/api/contacts", json!({ "name": "a", "partner": id })).await;
        assert_eq!(
            (refused.status, &refused.json["errors"][0]["pointer"]),
            (422, &json!("/custom/partner")),
            "{refused:?}"
        );
    }
    let contact = ana.make("/api/contacts", json!({ "name": "a", "partner": account["id"] })).await;
    assert_eq!(contact["custom"]["partner"], account["id"]);
    ana.make("/api/contacts", json!({ "name": "b" })).await;
    let id = account["id"].as_str().unwrap();
    assert_eq!(names(ana, &format!("custom.partner={id}")).await, "a");
    assert_eq!(names(ana, &format!("custom.partner[ne]={id}")).await, "b");
    let included = ana.get("/api/contacts?include=custom.partner&sort=name").await;
    assert_eq!(included.json["data"][0]["custom.partner"]["name"], "Acme", "{included:?}");
    assert_eq!(included.json["data"][1]["custom.partner"], json!(null));
    let path = format!("/api/contacts/{}", contact["id"].as_str().unwrap());
    assert_eq!(
        ana.get(&format!("{path}?include=custom.partner")).await.json["custom.partner"]["name"],
        "Acme"
    );
    assert_eq!(
        ana.patch(&path, json!({ "partner": null })).await.json["custom"]["partner"],
        json!(null)
    );
    assert_eq!(names(ana, &format!("custom.partner={id}")).await, "");
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn names_that_mean_something_else_are_refused(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let long = "a".repeat(61);
    for name in [
        "email",
        "EMAIL",
        "job_title",
        "address",
        "account",
        "surname",
        "limit",
        "asOf",
        "tenant_id",
        "sort",
        "id",
        "custom",
        "select",
        "drop table",
        "x; DROP TABLE contacts",
        "a.b",
        "a\"b",
        "1st",
        "é",
        "",
        "__proto__",
        "Upper case",
        &long,
    ] {
        let body = json!({ "object": "contact", "name": name, "kind": "text" });
        let answer = ana.post("/api/custom-fields", body).await;
        assert_eq!(
            (answer.status, &answer.json["errors"][0]["pointer"]),
            (422, &json!("/name")),
            "{name} {answer:?}"
        );
    }
    for body in [
        json!({ "object": "nothing", "name": "a", "kind": "text" }),
        json!({ "object": "contact", "name": "a", "kind": "nothing" }),
        json!({ "object": "contact", "name": "a", "kind": "choice" }),
        json!({ "object": "contact", "name": "a", "kind": "choice", "options": ["x", "X"] }),
        json!({ "object": "contact", "name": "a", "kind": "choice", "options": ["a|b"] }),
        json!({ "object": "contact", "name": "a", "kind": "text", "options": ["x"] }),
        json!({ "object": "contact", "name": "a", "kind": "multiChoice", "options": ["x,y"] }),
        json!({ "object": "contact", "name": "a", "kind": "link" }),
        json!({ "object": "contact", "name": "a", "kind": "text", "target": "account" }),
        json!({ "object": "contact", "name": "a", "kind": "bool", "unique": true }),
        json!({ "object": "contact", "name": "a", "kind": "number", "default": "many" }),
        json!({ "object": "contact", "name": "a", "kind": "text", "color": "red" }),
    ] {
        let answer = ana.post("/api/custom-fields", body.clone()).await;
        assert_eq!(answer.status, 422, "{body} {answer:?}");
    }
    assert_eq!(ana.get("/api/custom-fields").await.json["data"], json!([]));
    field(ana, json!({ "object": "contact", "name": "site", "kind": "url" })).await;
    let long = format!("https://acme.com/{}", "ж".repeat(1_500));
    let refused = ana.post("/api/contacts", json!({ "name": "a", "site": long })).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let twice = ana
        .post("/api/contacts", json!({ "name": "a", "site": "a.de", "custom": { "site": "b.de" } }))
        .await;
    assert_eq!(twice.status, 422, "{twice:?}");
}

async fn history_tells_what_custom_fields_were(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    field(ana, json!({ "object": "contact", "name": "tier", "kind": "text" })).await;
    let contact = ana.make("/api/contacts", json!({ "name": "a", "tier": "gold" })).await;
    let path = format!("/api/contacts/{}", contact["id"].as_str().unwrap());
    ana.patch(&path, json!({ "tier": "silver" })).await;
    ana.patch(&path, json!({ "tier": null })).await;
    ana.patch(&path, json!({ "tier": "tin" })).await;
    ana.delete(&path).await;
    let history = ana.get(&format!("{path}/history")).await.json["data"].clone();
    let tiers: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|event| {
            (event["before"]["custom.tier"].clone(), event["after"]["custom.tier"].clone())
        })
        .collect();
    let (gold, silver, tin, none) = (json!("gold"), json!("silver"), json!("tin"), Json::Null);
    assert_eq!(
        tiers,
        [
            (tin.clone(), none.clone()),
            (none.clone(), tin),
            (silver.clone(), none.clone()),
            (gold.clone(), silver),
            (none, gold)
        ]
    );
}

async fn files_bring_and_take_custom_fields(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    fill(ana).await;
    let csv = ana.get("/api/contacts/export?sort=name").await.text;
    assert!(csv.lines().next().unwrap().contains("custom.picks"), "{csv}");
    let lines = ana.get("/api/contacts/export?format=jsonl&sort=name").await.text;
    let first: Json = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["custom"]["picks"], json!(["Red", "Blue"]));
    let rows = "name,custom.picks,pick,feeX,Day X\nz,\"red, blue\",GREEN,7.5,2026-02-03\n";
    let form = format!(
        "--line\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n{rows}\r\n--line--\r\n"
    );
    let kind = [("content-type", "multipart/form-data; boundary=line")];
    let taken = ana.send("POST", "/api/contacts/import", &kind, form.into_bytes()).await;
    assert_eq!(taken.status, 202, "{taken:?}");
    world.run_jobs().await;
    let custom = ana.get("/api/contacts?name=z").await.json["data"][0]["custom"].clone();
    assert_eq!(
        (&custom["picks"], &custom["pick"], &custom["feeX"], &custom["dayX"]),
        (&json!(["Red", "Blue"]), &json!("Green"), &json!(7.5), &json!("2026-02-03")),
        "{custom}"
    );
}

async fn the_document_tells_the_fields_of_the_tenant(kind: Kind) {
    let world = World::new(kind).await;
    field(
        &world.ana,
        json!({ "object": "contact", "name": "tier", "kind": "choice", "options": ["gold"] }),
    )
    .await;
    let at = "/components/schemas/Contact/properties/custom/properties/tier";
    let own = world.vera.get("/openapi.json").await.json;
    assert_eq!(own.pointer(at).unwrap()["enum"], json!(["gold", null]));
    for other in [&world.nobody, &world.stranger] {
        assert_eq!(other.get("/openapi.json").await.json.pointer(at), None);
    }
}
