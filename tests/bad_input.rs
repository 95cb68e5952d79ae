//! Bad input: what it gets, and that nothing of it is stored.

use serde_json::json;

use crate::{
    database::{Kind, on_both},
    world::World,
};

on_both!(bad_input_is_told_and_stores_nothing);

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
