//! Attachments: what goes in comes out, whole or in part, to those who may see the record and to nobody else.

mod kill;
mod links;
mod removal;
mod s3;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value as Json, json};

use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    world::World,
};

on_both!(
    what_goes_in_comes_out,
    parts_are_read,
    what_cannot_be_is_refused,
    a_file_is_as_visible_as_its_record,
    files_stand_in_the_timeline,
    merged_records_have_the_files_of_both,
);

/// Bytes that show when one is missing or stands elsewhere; no text.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| u8::try_from((at * 31 + at / 251) % 256).unwrap()).collect()
}

/// Files that are in the folder of a world.
pub(crate) fn files(world: &World) -> Vec<PathBuf> {
    files_in(world.folder())
}

/// The files of an installation, by their places.
pub(crate) fn contents(data: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let place = |path: &Path| path.strip_prefix(data).unwrap().to_owned();
    files_in(data).iter().map(|path| (place(path), fs::read(path).unwrap())).collect()
}

/// Files that are in the folder of an installation.
pub(crate) fn files_in(data: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![data.join("files")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

pub(crate) async fn attached(client: &Client, record: &Json, file: (&str, &[u8])) -> Json {
    let made = client.attach(&[("relatedId", record["id"].as_str().unwrap())], file).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json
}

pub(crate) fn place(attachment: &Json, rest: &str) -> String {
    format!("/api/attachments/{}{rest}", attachment["id"].as_str().unwrap())
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn what_goes_in_comes_out(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let contact = ana.make("/api/contacts", json!({ "name": "Rui Lima" })).await;
    let content = bytes(300_001);
    let fields = [("relatedTo", "contacts"), ("relatedId", contact["id"].as_str().unwrap())];
    let made = ana.attach(&fields, ("../Grüße \\\" 100%.bin", &content)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let one = &made.json;
    assert_eq!(header(&made, "location"), place(one, ""));
    let me = ana.get("/api/auth/me").await.json;
    for (key, value) in [
        ("contentType", json!("application/octet-stream")),
        ("size", json!(300_001)),
        ("relatedTo", json!("contact")),
        ("relatedId", contact["id"].clone()),
        ("createdBy", me["memberId"].clone()),
    ] {
        assert_eq!(one[key], value, "{key}");
    }
    let name = one["name"].as_str().unwrap();
    assert!(name.starts_with("Gr") && !name.contains(['/', '\\']), "{name}");
    let read = ana.get(&place(one, "/content")).await;
    assert_eq!((read.status, read.bytes == content), (200, true));
    for (name, value) in [
        ("content-type", "application/octet-stream"),
        ("content-length", "300001"),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox; default-src 'none'; frame-ancestors 'none'"),
        ("etag", &format!("\"{}\"", one["sha256"].as_str().unwrap())),
    ] {
        assert_eq!(header(&read, name), value, "{name}");
    }
    let told = header(&read, "content-disposition");
    assert!(told.starts_with("attachment; filename=\"Gr"), "{told}");
    assert!(told.contains("filename*=UTF-8''Gr%C3%BC%C3%9Fe%20"), "{told}");
    let same = [("if-none-match", header(&read, "etag"))];
    let same = ana.send("GET", &place(one, "/content"), &same, vec![]).await;
    assert_eq!((same.status, same.bytes.len()), (304, 0));
    // The names that the contract knows.
    let again = ana.get(&format!("/api/storage/download/{}", one["id"].as_str().unwrap())).await;
    assert!(again.bytes == content);
    let list =
        format!("/api/attachments?relatedTo=contact&relatedId={}", contact["id"].as_str().unwrap());
    assert_eq!(ana.get(&list).await.names(), [name]);
    assert_eq!(world.stranger.get("/api/attachments").await.json["data"], json!([]));
    assert_eq!(world.bruno.get(&place(one, "/content")).await.bytes.len(), 300_001);
    for rest in ["", "/content", "/history"] {
        assert_eq!(world.stranger.get(&place(one, rest)).await.status, 404, "{rest}");
        assert_eq!(world.nobody.get(&place(one, rest)).await.status, 401, "{rest}");
    }
    let events = ana.get("/api/audit-logs?object=attachment").await.json;
    assert_eq!(events["data"][0]["action"], "attachment.created");
    assert_eq!(events["data"][0]["after"]["sha256"], one["sha256"]);
    let renamed = ana.patch(&place(one, ""), json!({ "name": "offer.bin" })).await;
    assert_eq!((renamed.status, &renamed.json["name"]), (200, &json!("offer.bin")));
    assert_eq!(files(&world).len(), 1);
    let text = ana.attach(&[("name", "list.csv")], ("x", b"name,email\n")).await.json;
    assert_eq!((&text["contentType"], &text["relatedId"]), (&json!("text/plain"), &json!(null)));
    let empty = ana.attach(&[], ("empty", b"")).await.json;
    assert_eq!(empty["size"], 0);
    assert_eq!(ana.get(&place(&empty, "/content")).await.bytes, b"");
}

async fn parts_are_read(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let content = bytes(200_000);
    let one = ana.attach(&[], ("a.bin", &content)).await.json;
    let path = place(&one, "/content");
    let ask = async |headers: &[(&str, &str)]| ana.send("GET", &path, headers, vec![]).await;
    for (range, from, to) in [
        ("bytes=0-0", 0, 0),
        ("bytes=70000-140000", 70_000, 140_000),
        ("bytes=199990-", 199_990, 199_999),
        ("bytes=-10", 199_990, 199_999),
        ("bytes=5-999999999", 5, 199_999),
    ] {
        let part = ask(&[("range", range), ("accept-encoding", "gzip")]).await;
        assert_eq!(part.status, 206, "{range}");
        assert_eq!(part.bytes, content[from..=to], "{range}");
        assert_eq!(header(&part, "content-range"), format!("bytes {from}-{to}/200000"));
        assert_eq!(header(&part, "content-length"), (to - from + 1).to_string());
    }
    let beyond = ask(&[("range", "bytes=200000-")]).await;
    assert_eq!((beyond.status, &beyond.json["code"]), (416, &json!("range_not_satisfiable")));
    assert_eq!(header(&beyond, "content-range"), "bytes */200000");
    for range in ["bytes=0-1,5-6", "lines=1-2", "bytes=9-3"] {
        let whole = ask(&[("range", range)]).await;
        assert_eq!((whole.status, whole.bytes.len()), (200, 200_000), "{range}");
    }
    let tag = format!("\"{}\"", one["sha256"].as_str().unwrap());
    let text = ana.attach(&[], ("a.txt", &vec![b'a'; 50_000])).await.json;
    let gzip = [("accept-encoding", "gzip")];
    let text = ana.send("GET", &place(&text, "/content"), &gzip, vec![]).await;
    assert_eq!((text.bytes.len(), header(&text, "content-encoding")), (50_000, ""));
    assert_eq!(ask(&[("range", "bytes=0-9"), ("if-range", &tag)]).await.status, 206);
    assert_eq!(ask(&[("range", "bytes=0-9"), ("if-range", "\"other\"")]).await.status, 200);
}

#[expect(clippy::too_many_lines, reason = "a list of what is refused")]
async fn what_cannot_be_is_refused(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let contact = ana.make("/api/contacts", json!({ "name": "Rui Lima" })).await;
    let id = contact["id"].as_str().unwrap();
    let theirs = world.stranger.make("/api/contacts", json!({ "name": "Theirs" })).await;
    let theirs = theirs["id"].as_str().unwrap();
    let nowhere = world.app.ids.next().to_string();
    for (fields, code) in [
        (&[("relatedId", theirs)][..], "unknown_link"),
        (&[("relatedId", &nowhere)], "unknown_link"),
        (&[("relatedId", "seven")], "invalid"),
        (&[("relatedTo", "deal"), ("relatedId", id)], "invalid"),
        (&[("relatedTo", "contact")], "invalid"),
        (&[("relatedTo", "nonsense"), ("relatedId", id)], "invalid"),
        (&[("relatedIdd", id)], "invalid"),
        (&[("relatedId", id), ("related_id", id)], "invalid"),
        (&[("name", "a\0b")], "invalid"),
    ] {
        let refused = ana.attach(fields, ("a.txt", b"hello")).await;
        assert_eq!(
            (refused.status, &refused.json["code"]),
            (422, &json!(code)),
            "{fields:?} {refused:?}"
        );
    }
    let large = vec![b'x'; 10_485_761];
    let refused = ana.attach(&[], ("a.txt", &large)).await;
    assert_eq!((refused.status, &refused.json["code"]), (413, &json!("too_large")), "{refused:?}");
    let fits = ana.attach(&[], ("a.txt", &large[1..])).await;
    assert_eq!(fits.status, 201, "{fits:?}");
    let form = [("content-type", "multipart/form-data; boundary=line")];
    let cut = b"--line\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\nhel".to_vec();
    assert_eq!(ana.send("POST", "/api/attachments", &form, cut).await.status, 400);
    let none = b"--line\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\na\r\n--line--\r\n";
    assert_eq!(ana.send("POST", "/api/attachments", &form, none.to_vec()).await.status, 422);
    assert_eq!(ana.post("/api/attachments", json!({ "name": "a" })).await.status, 415);
    let keyed = [form[0], ("idempotency-key", "one")];
    let keyed = ana.send("POST", "/api/attachments", &keyed, none.to_vec()).await;
    assert_eq!((keyed.status, &keyed.json["code"]), (422, &json!("idempotency_key_refused")));
    assert_eq!(world.vera.attach(&[], ("a.txt", b"hello")).await.status, 403);
    assert_eq!(world.nobody.attach(&[], ("a.txt", b"hello")).await.status, 401);
    let one = attached(ana, &contact, ("a.txt", b"hello")).await;
    for body in [
        json!({ "size": 7 }),
        json!({ "sha256": "00" }),
        json!({ "contentId": nowhere }),
        json!({ "contentType": "text/html" }),
        json!({ "name": "a/b" }),
        json!({ "name": "a\u{202e}b" }),
        json!({ "name": "" }),
        json!({ "relatedId": theirs }),
    ] {
        assert_eq!(ana.patch(&place(&one, ""), body.clone()).await.status, 422, "{body}");
    }
    // Nothing of what was refused stays.
    crate::house::until("what was refused is gone", async || files(&world).len() == 2).await;
    let rows = kith_store::Select::from("stored_files");
    let tenant = ana.get("/api/auth/me").await.json["tenant"]["id"].as_str().unwrap().to_owned();
    let ctx = world.app.as_system(tenant.parse().unwrap());
    crate::house::until("their rows are gone", async || {
        ctx.read(async |db| db.count(rows.clone()).await).await.unwrap() == 2
    })
    .await;
}

async fn a_file_is_as_visible_as_its_record(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    ana.make("/api/objects", json!({ "name": "vehicle" })).await;
    let vehicles = "/api/objects/vehicle/records";
    let vehicle = ana.make(vehicles, json!({ "name": "Bus" })).await;
    let contact = ana.make("/api/contacts", json!({ "name": "Rui Lima" })).await;
    for (path, record) in [(vehicles, &vehicle), ("/api/contacts", &contact)] {
        let one = attached(ana, record, ("a.txt", b"hello")).await;
        let record = format!("{path}/{}", record["id"].as_str().unwrap());
        assert_eq!(ana.get(&place(&one, "/content")).await.text, "hello");
        assert_eq!(ana.delete(&record).await.status, 204);
        for (method, rest) in [("GET", "/content"), ("POST", "/link")] {
            let gone = ana.send(method, &place(&one, rest), &[], vec![]).await;
            assert_eq!(gone.status, 404, "{method} {rest} {gone:?}");
        }
        assert_eq!(ana.post(&format!("{record}/restore"), json!({})).await.status, 200);
        assert_eq!(ana.get(&place(&one, "/content")).await.text, "hello");
    }
    let one = attached(ana, &contact, ("a.txt", b"hello")).await;
    let key = async |scopes: Json| {
        let key = ana.make("/api/api-keys", json!({ "name": "a key", "scopes": scopes })).await;
        world.nobody.with(key["key"].as_str().unwrap())
    };
    let narrow = key(json!(["attachments:read", "attachments:write"])).await;
    for rest in ["/content", "/link"] {
        let method = if rest == "/link" { "POST" } else { "GET" };
        let refused = narrow.send(method, &place(&one, rest), &[], vec![]).await;
        assert_eq!((refused.status, &refused.json["code"]), (403, &json!("missing_scope")));
    }
    let fields = [("relatedId", contact["id"].as_str().unwrap())];
    assert_eq!(narrow.attach(&fields, ("b.txt", b"hello")).await.status, 403);
    let wide = key(json!(["attachments:read", "contacts:read"])).await;
    assert_eq!(wide.get(&place(&one, "/content")).await.text, "hello");
}

async fn files_stand_in_the_timeline(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let contact = ana.make("/api/contacts", json!({ "name": "Rui Lima" })).await;
    let one = attached(ana, &contact, ("offer.txt", b"hello")).await;
    let path = format!("/api/contacts/{}/timeline", contact["id"].as_str().unwrap());
    let newest = ana.get(&path).await.json["data"][0].clone();
    assert_eq!((&newest["kind"], &newest["record"]), (&json!("attachment"), &one));
    assert_eq!(ana.get("/api/search?q=offer").await.json["data"][0]["id"], one["id"]);
}

async fn merged_records_have_the_files_of_both(kind: Kind) {
    let world = World::new(kind).await;
    let ana = &world.ana;
    let one = ana.make("/api/contacts", json!({ "name": "Rui Lima" })).await;
    let other = ana.make("/api/contacts", json!({ "name": "Rui Lima" })).await;
    attached(ana, &one, ("one.txt", b"1")).await;
    let moved = attached(ana, &other, ("other.txt", b"2")).await;
    let list = |record: &Json| {
        format!("/api/attachments?sort=name&relatedId={}", record["id"].as_str().unwrap())
    };
    let body = json!({ "primaryId": one["id"], "otherIds": [other["id"]] });
    let merged = ana.post("/api/contacts/merge", body).await;
    assert_eq!(
        (merged.status, &merged.json["moved"]["attachments"]),
        (200, &json!(1)),
        "{merged:?}"
    );
    assert_eq!(ana.get(&list(&one)).await.names(), ["one.txt", "other.txt"]);
    assert_eq!(ana.get(&place(&moved, "/content")).await.text, "2");
    let parted = json!({ "mergeId": merged.json["mergeId"] });
    assert_eq!(ana.post("/api/contacts/unmerge", parted).await.status, 200);
    assert_eq!(ana.get(&list(&one)).await.names(), ["one.txt"]);
    assert_eq!(ana.get(&list(&other)).await.names(), ["other.txt"]);
    assert_eq!(ana.get(&place(&moved, "/content")).await.text, "2");
}
