//! Bad input: what it gets, and that nothing of it is stored.

use std::path::Path;

use kith_records::import::Wishes;
use serde_json::{Value as Json, json};

use crate::{
    client::Answer,
    database::{Kind, on_both},
    import::upload_as,
    world::World,
};

on_both!(
    bad_input_is_told_and_stores_nothing,
    what_is_wrong_with_the_request_is_told_of_the_request,
    wishes_that_no_file_fulfils_are_refused_at_once,
    a_wrong_id_is_told_in_one_sentence,
);

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn bad_input_is_told_and_stores_nothing(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let cases = [
        (json!({ "fristName": "Ana" }), 422, "firstName"),
        (json!({ "name": 5 }), 422, "text"),
        (json!({ "name": "x".repeat(501) }), 422, "500"),
        (json!({ "name": "A", "email": "nonsense" }), 422, "e-mail"),
        (json!({ "name": "A", "leadScore": 101 }), 422, "100"),
        (json!({ "name": "A", "leadScore": "5" }), 422, "whole"),
        (json!({ "name": "A", "lastContactedAt": "yesterday" }), 422, "time"),
        (json!({ "name": "A", "status": "nonsense" }), 422, "active"),
        (json!({ "name": "A", "accountId": "12" }), 422, "id"),
        (json!({ "name": "A", "totalSpend": 5 }), 422, "server"),
        (json!({ "name": "A", "id": "0197a1b2-0000-7000-8000-000000000000" }), 422, "server"),
        (json!({ "name": "A", "first_name": "B", "firstName": "B" }), 422, "twice"),
        (json!({ "name": "A", "labels": "vip" }), 422, "list"),
        (json!({ "name": "nul\u{0}" }), 422, "NUL"),
        (json!({ "email": null }), 422, "required"),
        (json!([]), 422, "object"),
    ];
    for (body, status, word) in cases {
        let answer = ana.post("/api/contacts", body.clone()).await;
        assert_eq!(answer.status, status, "{body} {answer:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert!(answer.text.contains(word), "{body} {}", answer.text);
    }
    let raw = async |body: &[u8]| {
        ana.send("POST", "/api/contacts", &[("content-type", "application/json")], body.to_vec())
            .await
            .status
    };
    assert_eq!(raw(b"{").await, 400);
    assert_eq!(raw(b"{\"name\": \"\xff\"}").await, 400);
    assert_eq!(raw("[".repeat(10_000).as_bytes()).await, 400);
    assert_eq!(raw(format!("{{\"leadScore\": {}}}", "9".repeat(400)).as_bytes()).await, 400);
    assert_eq!(raw(&vec![b' '; 2 << 20]).await, 413);
    let kind =
        ana.send("POST", "/api/contacts", &[("content-type", "text/plain")], b"{}".to_vec()).await;
    assert_eq!(kind.status, 415);
    let deep = (0..20).fold(
        json!({ "field": "name", "op": "eq", "value": "a" }),
        |rule, _| json!({ "not": rule }),
    );
    let many = json!({ "all": vec![json!({ "field": "name", "op": "eq", "value": "a" }); 300] });
    for (query, status) in [
        ("limit=0".to_owned(), 422),
        ("limit=-1".to_owned(), 422),
        ("limit=201".to_owned(), 422),
        ("page=-1".to_owned(), 422),
        ("page=9999".to_owned(), 422),
        ("cursor=nonsense".to_owned(), 422),
        ("nonsense=1".to_owned(), 422),
        ("sort=nonsense".to_owned(), 422),
        ("sort=description".to_owned(), 422),
        ("leadScore=abc".to_owned(), 422),
        ("leadScore[contains]=1".to_owned(), 422),
        ("createdAt[within]=soon".to_owned(), 422),
        ("name[like]=x".to_owned(), 422),
        ("filter=nonsense".to_owned(), 422),
        (format!("filter={deep}").replace('"', "%22").replace('{', "%7B").replace('}', "%7D"), 422),
        (format!("filter={many}").replace('"', "%22").replace('{', "%7B").replace('}', "%7D"), 422),
        ("name=%ff".to_owned(), 400),
        ("name=%00".to_owned(), 400),
        ("limit=1&limit=2".to_owned(), 422),
        ("asOf=2026-01-01".to_owned(), 422),
    ] {
        let answer = ana.get(&format!("/api/contacts?{query}")).await;
        assert_eq!(answer.status, status, "{query} {answer:?}");
    }
    let cursor = ana.get("/api/contacts?sort=name&limit=1").await;
    assert_eq!(cursor.json["nextCursor"], json!(null));
    assert_eq!(ana.get("/api/contacts/12").await.status, 400);
    assert_eq!(ana.get("/api/contacts/..%2f..%2fetc").await.status, 400);
    assert_eq!(ana.send("PUT", "/api/contacts", &[], vec![]).await.status, 405);
    assert_eq!(ana.get("/api/nonsense").await.status, 404);
    assert_eq!(ana.get("/api/contacts?count=exact").await.json["total"], 0, "nothing was stored");
}

/// What a refusal says, of which place, and under which code.
fn refused<'a>(answer: &'a Answer, status: u16) -> (&'a str, &'a str, &'a str) {
    assert_eq!(answer.status, status, "{answer:?}");
    let json = &answer.json;
    let text = |value: &'a Json| value.as_str().unwrap_or_default();
    (text(&json["code"]), text(&json["errors"][0]["pointer"]), text(&json["detail"]))
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn what_is_wrong_with_the_request_is_told_of_the_request(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    ana.make(
        "/api/custom-fields",
        json!({ "object": "contact", "name": "shoeSize", "label": "Shoe size", "kind": "number" }),
    )
    .await;
    for (query, code, place, words) in [
        ("sort=lastNmae", "invalid_sort", "sort", "did you mean lastName? It can be: id, "),
        ("sort=nope", "invalid_sort", "sort", "custom.shoeSize"),
        ("sort=-description", "invalid_sort", "sort", "description, which cannot be sorted by"),
        ("fields=nope", "invalid_parameter", "fields", "names nope, which is no field of contacts"),
        ("nope=1", "invalid_filter", "nope", "The filter on nope"),
    ] {
        let answer = ana.get(&format!("/api/contacts?{query}")).await;
        let told = refused(&answer, 422);
        assert_eq!((told.0, told.1), (code, place), "{answer:?}");
        assert!(told.2.contains(words), "{told:?}");
        assert!(
            told.2.len() < 2_000 && (query == "nope=1") == told.2.contains("filter"),
            "{told:?}"
        );
    }
    let id =
        ana.make("/api/contacts", json!({ "name": "Rui", "email": "rui@acme.test" })).await["id"]
            .clone();
    let none = "0197a1b2-0000-7000-8000-000000000000";
    for (changes, place) in [
        (json!({ "jobTitel": "x" }), "/jobTitel"),
        (json!({ "leadScore": "high" }), "/leadScore"),
        (json!({ "accountId": "12" }), "/accountId"),
        (json!({ "accountId": none }), "/accountId"),
        (json!({ "custom": { "shoeSize": "big" } }), "/custom/shoeSize"),
        (json!({ "version": 3 }), "/version"),
    ] {
        let body = json!({ "action": "update", "ids": [id, none], "changes": changes });
        let answer = ana.post("/api/contacts/bulk", body).await;
        assert_eq!(refused(&answer, 422).1, place, "{answer:?}");
    }
    assert_eq!(ana.get("/api/batches").await.json["data"], json!([]), "no batch was begun");
    // What is wrong with one record is told of that record.
    let body = json!({ "action": "update", "ids": [id, none], "changes": { "leadScore": 5 } });
    let done = ana.post("/api/contacts/bulk", body).await;
    assert_eq!((done.status, &done.json["succeeded"]), (200, &json!(1)), "{done:?}");
    assert_eq!(done.json["failed"][0]["code"], "not_found");
    let product = ana.make("/api/products", json!({ "name": "Sole" })).await["id"].clone();
    let body = json!({ "action": "update", "ids": [product], "changes": { "name": null } });
    assert_eq!(refused(&ana.post("/api/products/bulk", body).await, 422).0, "required");
    // An amount of three decimals is wrong in the tenant's currency and right in the record's.
    let dinars = json!({ "name": "Dates", "amount": 1.5, "currency": "KWD" });
    let deal = ana.make("/api/deals", dinars).await["id"].clone();
    let body = json!({ "action": "update", "ids": [deal], "changes": { "amount": 1.125 } });
    assert_eq!(ana.post("/api/deals/bulk", body).await.json["succeeded"], 1);
}

async fn wishes_that_no_file_fulfils_are_refused_at_once(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    for (fields, place, words) in [
        ([("matchBy", "emial")], "/matchBy", "did you mean email?"),
        ([("matchBy", "leadScore")], "/matchBy", "by which no record is known again"),
        ([("matchBy", "")], "/matchBy", "there are"),
        ([("mapping", r#"{"Mail": "emial"}"#)], "/mapping", "did you mean email?"),
        ([("mapping", r#"{"Mail": {"field": "email", "scale": 7}}"#)], "/mapping", "scale"),
    ] {
        let (status, told) =
            upload_as(ana, "contacts", ("c.csv", b"Mail\na@b.test\n"), &fields).await;
        assert_eq!((status, &told["errors"][0]["pointer"]), (422, &json!(place)), "{told}");
        assert!(told["detail"].as_str().unwrap().contains(words), "{told}");
    }
    assert_eq!(ana.get("/api/imports").await.json["data"], json!([]));
    let imports = &world.house.imports;
    let ctx = world.house.tenant(Some("world-of-owner")).await.unwrap();
    let object = world.house.object("contacts").unwrap();
    let wishes = Wishes { match_by: Some("emial".to_owned()), ..Wishes::default() };
    let refused = imports.begin(&ctx, object, (Path::new("c.csv"), &wishes)).await.unwrap_err();
    assert!(refused.to_string().contains("did you mean email?"), "{refused}");
    assert_eq!(ana.get("/api/imports").await.json["data"], json!([]));
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn a_wrong_id_is_told_in_one_sentence(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let expected = "must be an id: a UUID of 36 characters";
    let hyphenless = "0197a1b2000070008000000000000000";
    for (answer, status, place) in [
        (ana.get("/api/contacts/12").await, 400, "id"),
        (ana.get(&format!("/api/deals/{hyphenless}")).await, 400, "id"),
        (ana.get("/api/contacts?accountId=12").await, 422, "accountId"),
        (ana.get("/api/contacts?accountId[in]=12,13").await, 422, "accountId"),
        (ana.get("/api/contacts?id=12").await, 422, "id"),
        (
            ana.post("/api/contacts", json!({ "name": "A", "accountId": "x".repeat(99) })).await,
            422,
            "/accountId",
        ),
        (
            ana.post("/api/contacts", json!({ "name": "A", "accountId": 12 })).await,
            422,
            "/accountId",
        ),
        (
            ana.post("/api/contacts/bulk", json!({ "action": "delete", "ids": ["12"] })).await,
            422,
            "/ids/0",
        ),
        (
            ana.post("/api/contacts/bulk", json!({ "action": "delete", "ids": [12] })).await,
            422,
            "/ids/0",
        ),
        (
            ana.post("/api/contacts/bulk", json!({ "action": "delete", "ids": [{}] })).await,
            422,
            "/ids/0",
        ),
        (
            ana.post("/api/contacts/merge", json!({ "primaryId": null, "otherIds": [] })).await,
            422,
            "/primaryId",
        ),
    ] {
        let told = refused(&answer, status);
        assert_eq!(told.1, place, "{answer:?}");
        assert!(told.2.contains(expected), "{answer:?}");
        assert!(!answer.text.contains("parsing failed"), "{answer:?}");
    }
    let path = ana.get("/api/contacts/12/history").await;
    assert!(path.text.contains("{id} in /api/contacts/{id}/history must be an id"), "{path:?}");
}
