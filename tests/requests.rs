//! Requests that make sense: for each operation one that succeeds when the right person sends it.
//!
//! A new operation is tested by itself where its path follows the others; else it needs a line here.

mod rows;

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value as Json, json};

use self::rows::{a_bundle_import, a_delivery};
use crate::{
    client::{Answer, Client},
    operations::{Operation, RECORDS},
    world::{PASSWORD, World, email},
};

/// In every text of ana's tenant, and nowhere else.
pub(crate) const WORD: &str = "Quetzalcoatl";

/// A request, ready to be sent by anybody.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// What the path, or else the body, is about.
    pub(crate) id: Option<String>,
    pub(crate) content: Content,
}

/// What a request carries.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Nothing,
    Json(Json),
    Csv(String),
}

/// Each object with the least that its records need; `{}` stands for a text that nothing else has.
pub(crate) const LEAST: [(&str, &str); 21] = [
    ("accounts", r#"{"name":"{}"}"#),
    ("contacts", r#"{"name":"{}"}"#),
    ("leads", r#"{"name":"{}"}"#),
    ("deals", r#"{"name":"{}"}"#),
    ("pipelines", r#"{"name":"{}"}"#),
    ("stages", r#"{"name":"{}"}"#),
    ("products", r#"{"name":"{}"}"#),
    ("activities", r#"{"subject":"{}"}"#),
    ("tasks", r#"{"title":"{}","dueAt":"2026-11-21T18:00:00Z"}"#),
    ("notes", r#"{"content":"{}"}"#),
    ("labels", r#"{"name":"{}"}"#),
    ("attachments", r#"{"name":"{}"}"#),
    ("documents", r#"{"name":"{}"}"#),
    ("members", r#"{"name":"{}"}"#),
    ("channels", r#"{"name":"{}","type":"API"}"#),
    ("agents", r#"{"name":"{}"}"#),
    ("conversations", r#"{"subject":"{}"}"#),
    ("messages", r#"{"content":"{}","isNote":true}"#),
    ("handles", r#"{"kind":"EXTERNAL","value":"{}"}"#),
    ("message-templates", r#"{"name":"{}","content":"Hello {{name}}"}"#),
    (RECORDS, r#"{"name":"{}"}"#),
];

/// A text with a word in it that nothing else has.
pub(crate) fn unique(word: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{word} {}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The least that a record of this kind needs; none for what is no kind of record.
pub(crate) fn least(plural: &str, word: &str) -> Option<Json> {
    let (_, body) = LEAST.iter().find(|(name, _)| *name == plural)?;
    Some(serde_json::from_str(&body.replace("{}", &unique(word))).unwrap())
}

/// The least of a record, with what only the sender's tenant can say.
pub(crate) async fn body(plural: &str, sender: &Client, word: &str) -> Option<Json> {
    let mut body = least(plural, word)?;
    if plural == "stages" {
        body["pipelineId"] = sender.get("/api/pipelines").await.json["data"][0]["id"].clone();
    }
    let of = match plural {
        "conversations" => Some(("channelId", "channels")),
        "messages" => Some(("conversationId", "conversations")),
        "handles" => Some(("contactId", "contacts")),
        _ => None,
    };
    if let Some((key, kind)) = of {
        body[key] = Box::pin(something(kind, sender, word)).await.into();
    }
    Some(body)
}

/// Makes something of this kind and gives back its id.
#[expect(clippy::too_many_lines, reason = "a list of what can be made")]
pub(crate) async fn something(kind: &str, owner: &Client, word: &str) -> String {
    let made = match kind {
        "tenants" => owner.make("/api/tenants", json!({ "name": unique(word) })).await,
        "invites" => {
            let invited = json!({ "email": email(&unique("guest").replace(' ', "-")) });
            owner.make("/api/invites", invited).await
        }
        "calendar-feeds" => {
            owner.make("/api/calendar-feeds", json!({ "name": unique(word) })).await
        }
        "api-keys" => {
            let key = json!({ "name": unique(word), "scopes": ["*"] });
            owner.make("/api/api-keys", key).await
        }
        "imports" => {
            // One row cannot be taken, so that there is something to tell.
            let (one, two) = (unique(word), unique(word));
            let rows = format!("name,employeeCount\n{one},7\n{two},many\n");
            let import = Request { content: Content::Csv(rows), ..import("accounts", word) };
            let import = owner.ask(&import).await;
            assert_eq!(import.status, 202, "{import:?}");
            import.json
        }
        "keys" => {
            let service = unique(word).replace(' ', "-");
            let key = json!({ "service": service, "key": "a key of nobody" });
            let made = owner.post("/api/keys", key).await;
            assert_eq!(made.status, 201, "{made:?}");
            return made.json["service"].as_str().unwrap().to_owned();
        }
        "objects" => {
            let made = owner.make("/api/objects", object(word)).await;
            return made["name"].as_str().unwrap().to_owned();
        }
        "custom-fields" => owner.make("/api/custom-fields", custom_field(word)).await,
        "views" => owner.make("/api/views", view(word)).await,
        "batches" => return a_batch(owner, word).await,
        "jobs" => {
            let rule = json!({ "field": "name", "op": "eq", "value": unique(word) });
            let bulk = json!({ "action": "update", "rule": rule, "changes": { "jobTitle": word } });
            owner.post("/api/contacts/bulk", bulk).await.json
        }
        "database" => {
            end_syncs(owner).await;
            owner.post("/api/database/sync", json!({})).await.json
        }
        "ai" => owner.make("/api/ai/conversations", json!({ "title": unique(word) })).await,
        "attachments" => {
            let made = owner.attach(&[("name", &unique(word))], ("a.txt", word.as_bytes())).await;
            assert_eq!(made.status, 201, "{made:?}");
            made.json
        }
        "documents" => {
            let said = json!({ "transcript": unique(word), "name": unique(word) });
            owner.make("/api/documents/voice", said).await
        }
        "auth" => return another_session(owner).await,
        "notifications" => owner.get("/api/notifications").await.json["data"][0].clone(),
        plural => {
            let plural = &plural.replace('_', "-");
            let body = body(plural, owner, word).await;
            let body = body.unwrap_or_else(|| panic!("how are {plural} made? See LEAST."));
            owner.make(&format!("/api/{plural}"), body).await
        }
    };
    made["id"].as_str().unwrap().to_owned()
}

async fn a_batch(owner: &Client, word: &str) -> String {
    let id = Box::pin(something("contacts", owner, word)).await;
    let bulk = json!({ "action": "update", "ids": [id], "changes": { "name": unique(word) } });
    let done = owner.post("/api/contacts/bulk", bulk).await;
    done.json["batchId"].as_str().unwrap().to_owned()
}

/// A field whose name nothing else has.
fn custom_field(word: &str) -> Json {
    let label = unique(word);
    let name = label.replace(' ', "").to_lowercase();
    json!({ "object": "product", "name": name, "kind": "number", "label": label })
}

/// An object whose name nothing else has.
fn object(word: &str) -> Json {
    let label = unique(word);
    json!({ "name": label.replace(' ', "").to_lowercase(), "label": label })
}

fn view(word: &str) -> Json {
    json!({ "object": "contact", "name": unique(word), "sort": "-name", "columns": ["name"] })
}

/// Signs in once more and says which session that is.
async fn another_session(owner: &Client) -> String {
    let me = owner.get("/api/auth/me").await.json["user"]["email"].clone();
    let signed_in = owner.post("/api/auth/login", json!({ "email": me, "password": PASSWORD }));
    assert_eq!(signed_in.await.status, 200);
    let sessions = owner.get("/api/auth/sessions").await.json["data"].clone();
    let other = sessions.as_array().unwrap().iter().find(|one| one["current"] == false).unwrap();
    other["id"].as_str().unwrap().to_owned()
}

/// Only one sync is at work at a time.
async fn end_syncs(owner: &Client) {
    for sync in owner.get("/api/database/sync").await.json["data"].as_array().unwrap() {
        if matches!(sync["state"].as_str(), Some("queued" | "running")) {
            let cancel = format!("/api/jobs/{}/cancel", sync["id"].as_str().unwrap());
            assert_eq!(owner.post(&cancel, json!({})).await.status, 200);
        }
    }
}

/// Somebody else makes ana the owner of something.
pub(crate) async fn tell_ana(world: &World, word: &str) {
    let ana = world.ana.get("/api/auth/me").await.json["memberId"].clone();
    let task = json!({ "title": unique(word), "ownerId": ana });
    world.bruno.make("/api/tasks", task).await;
}

fn import(plural: &str, word: &str) -> Request {
    let least = least(plural, word).unwrap();
    let (keys, values): (Vec<_>, Vec<_>) =
        least.as_object().unwrap().iter().map(|(key, of)| (key.as_str(), of.to_string())).unzip();
    Request {
        method: "POST".to_owned(),
        path: format!("/api/{plural}/import"),
        id: None,
        content: Content::Csv(format!("{}\n{}\n", keys.join(","), values.join(","))),
    }
}

/// Who can do what the operation does.
pub(crate) fn able<'a>(world: &'a World, operation: &Operation) -> &'a Client {
    if operation.access == "platform" { &world.operator } else { &world.ana }
}

/// A request that succeeds when whoever is able sends it; what it is about was made for it.
pub(crate) async fn sensible(world: &World, operation: &Operation) -> Request {
    let (owner, word) = (able(world, operation), WORD);
    let words = operation.words();
    let kind = words[0];
    let bulk = words.last() == Some(&"bulk");
    if kind == "notifications" {
        tell_ana(world, word).await;
    }
    if words == ["database", "sync"] {
        end_syncs(owner).await;
    }
    let id = match kind {
        "database" if words[1] == "import" && operation.has_id() => {
            Some(a_bundle_import(world, owner).await)
        }
        "duplicates" if operation.has_id() => Some(duplicates(world, owner, &words).await),
        "deals" if words.last() == Some(&"{lineId}") => {
            let deal = something(kind, owner, word).await;
            let line = json!({ "name": unique(word), "unitPrice": 5 });
            let lines = owner.post(&format!("/api/deals/{deal}/lines"), line).await.json;
            Some(format!("{deal}/{}", lines["data"][0]["id"].as_str().unwrap()))
        }
        "channels" if words.contains(&"{deliveryId}") => {
            let channel = something(kind, owner, word).await;
            Some(format!("{channel}/{}", a_delivery(world, owner, &channel).await))
        }
        _ if operation.has_id() || bulk => Some(something(kind, owner, word).await),
        _ => None,
    };
    if let (Some(id), Some(&"restore")) = (&id, words.last()) {
        assert_eq!(owner.delete(&format!("/api/{kind}/{id}")).await.status, 204);
    }
    if matches!(words.last(), Some(&"errors" | &"events")) {
        world.run_jobs().await;
    }
    let content = content(operation, (owner, id.as_deref()), word).await;
    let path = operation.path_of(id.as_deref().unwrap_or_default());
    Request { method: operation.method.clone(), path, id, content }
}

/// Adds the object whose records the requests are about.
pub(crate) async fn add_vehicles(owner: &Client) {
    let added = owner.post("/api/objects", json!({ "name": "vehicle" })).await;
    assert!(matches!(added.status, 201 | 409), "{added:?}");
}

/// A scan of duplicates, or a group that one found.
pub(crate) async fn duplicates(world: &World, owner: &Client, words: &[&str]) -> String {
    let twin = json!({ "name": unique(WORD), "email": email(&unique("twin").replace(' ', "-")) });
    for _ in 0..2 {
        owner.make("/api/contacts", twin.clone()).await;
    }
    world.run_jobs().await;
    let scan = owner.post("/api/duplicates/scans", json!({ "entity": "contact" })).await;
    assert_eq!(scan.status, 202, "{scan:?}");
    if words.contains(&"scans") {
        return scan.json["id"].as_str().unwrap().to_owned();
    }
    world.run_jobs().await;
    let groups = owner.get("/api/duplicates?limit=1").await.json;
    groups["data"][0]["id"].as_str().unwrap().to_owned()
}

/// Two records of a kind, as a merge takes them.
async fn two(owner: &Client, kind: &str, word: &str) -> Json {
    let (stays, goes) = (something(kind, owner, word).await, something(kind, owner, word).await);
    json!({ "primaryId": stays, "otherIds": [goes] })
}

async fn merge(owner: &Client, kind: &str, word: &str) -> Json {
    let merged = owner.post(&format!("/api/{kind}/merge"), two(owner, kind, word).await).await;
    assert_eq!(merged.status, 200, "{merged:?}");
    json!({ "mergeId": merged.json["mergeId"] })
}

fn takes_nothing(method: &str, kind: &str, words: &[&str]) -> bool {
    const ACTIONS: [&str; 12] = [
        "restore",
        "win",
        "complete",
        "switch",
        "deactivate",
        "reactivate",
        "read",
        "undo",
        "cancel",
        "dismiss",
        "reopen",
        "resolve",
    ];
    match words {
        _ if matches!(method, "GET" | "DELETE") => true,
        ["{id}", "test"] | [.., "retry"] if kind == "channels" => true,
        ["{id}", action] => ACTIONS.contains(action),
        ["diagnostics" | "read-all" | "rebuild" | "analyze-data-quality"]
        | ["win-model", "train"] => true,
        _ => false,
    }
}

#[expect(clippy::too_many_lines, reason = "a list of bodies")]
async fn content(
    operation: &Operation,
    (owner, id): (&Client, Option<&str>),
    word: &str,
) -> Content {
    let words = operation.words();
    let kind = words[0];
    let json = match (operation.method.as_str(), &words[1..]) {
        (method, words) if takes_nothing(method, kind, words) => return Content::Nothing,
        (_, ["import"]) => return import(kind, word).content,
        ("POST", []) if kind == "attachments" => return Content::Csv(unique(word)),
        ("POST", ["pdf"]) => return Content::Csv(format!("%PDF-1.4 {}", unique(word))),
        ("POST", [] | ["upload"]) if kind == "documents" => {
            return Content::Csv(unique(word));
        }
        (_, ["manual"]) => json!({ "question": unique(word), "answer": unique(word) }),
        (_, ["voice"]) => json!({ "transcript": unique(word) }),
        (_, ["scrape"]) => json!({ "url": "https://example.com/" }),
        (_, ["{id}", "process" | "train"]) => json!({}),
        (_, ["search"]) if kind == "documents" => json!({ "query": word }),
        (_, ["embeddings"]) if kind == "documents" => json!({}),
        (_, ["{id}", "link"]) => json!({ "expiresInSeconds": 60 }),
        (_, ["heartbeat"]) => json!({ "status": "away" }),
        (_, ["signed-url"]) => {
            json!({ "fileId": something("attachments", owner, word).await })
        }
        (_, ["bulk"]) => {
            json!({ "action": "update", "ids": [id], "changes": least(kind, word) })
        }
        (_, ["{id}", "move"]) => json!({ "stage": "Qualification" }),
        (_, ["{id}", "convert"]) if kind == "leads" => json!({ "deal": { "name": unique(word) } }),
        ("PUT", ["{id}", "lines"]) => {
            json!({ "lines": [{ "name": unique(word), "unitPrice": 5 }] })
        }
        (_, ["{id}", "lines"] | ["{id}", "lines", "{lineId}"]) => {
            json!({ "name": unique(word), "unitPrice": 5 })
        }
        (_, ["{id}", "erase"]) => json!({ "confirm": id }),
        (_, ["{id}", "test"]) if kind == "agents" => json!({ "message": unique(word) }),
        (_, ["{id}", "snooze"]) => json!({ "until": "2031-11-21T09:00:00Z" }),
        (_, ["{id}", "close" | "take" | "release" | "escalate"]) => {
            json!({ "reason": unique(word) })
        }
        (_, ["{id}", "assign" | "transfer"]) => {
            json!({ "agentId": something("agents", owner, word).await })
        }
        (_, ["{id}", "messages"]) if kind == "conversations" => json!({ "content": unique(word) }),
        (_, ["{id}", "lose"]) => json!({ "reason": unique(word) }),
        (_, ["{id}", "labels"]) => json!({ "add": [unique(word)] }),
        (_, ["{id}", "stages"]) => json!({ "name": unique(word) }),
        (_, ["{id}", "role"]) => json!({ "role": "viewer" }),
        (_, ["{id}", "convert"]) => json!({ "kind": "text", "dryRun": true }),
        (_, ["merge"]) => two(owner, kind, word).await,
        (_, ["unmerge"]) => merge(owner, kind, word).await,
        (_, ["totp"]) => json!({ "password": PASSWORD }),
        (_, ["sync"]) => json!({ "entities": ["Contact"] }),
        (_, ["retention"]) => json!({ "notificationDays": 90 }),
        (_, ["archive"]) => json!({ "days": 30, "dryRun": true }),
        (_, ["cleanup"]) => json!({ "what": "all", "dryRun": true }),
        (_, ["cleanup-orphaned-data" | "nuclear-cleanup"]) => json!({ "dryRun": true }),
        (_, ["scans"]) => json!({ "entity": "contact" }),
        (_, ["settings"]) if kind == "keys" => json!({ "ownKeys": true }),
        (_, ["sentiment" | "intent" | "extract-entities"]) => json!({ "text": word }),
        (_, ["smart-replies" | "generate"]) => json!({ "message": word }),
        (_, ["conversations", ..]) if words.last() == Some(&"messages") => {
            json!({ "content": unique(word) })
        }
        (_, ["conversations", ..]) => json!({ "title": unique(word) }),
        (_, ["translate"]) => json!({ "text": word, "targetLanguage": "pt-BR" }),
        (_, ["score-lead"]) => json!({ "leadId": something("leads", owner, word).await }),
        (_, ["copilot"]) => json!({ "context": word }),
        (_, ["summarize" | "embeddings"]) if kind == "ai" => json!({ "text": word }),
        (_, ["settings"]) if kind == "ai" => json!({ "cacheSeconds": 60 }),
        (_, ["settings"]) => json!({ "threshold": 0.5 }),
        (_, ["find-duplicates"]) => json!({ "entity": "contact", "fields": ["name"] }),
        (_, ["check-duplicate-before-create"]) => {
            json!({ "entity": "contact", "data": { "name": unique(word) } })
        }
        (_, ["test-connection"]) => json!({ "service": "database" }),
        (_, [] | ["{id}" | "{object}"]) => match kind {
            "tenants" | "calendar-feeds" => json!({ "name": unique(word) }),
            "invites" => json!({ "email": email(&unique("guest").replace(' ', "-")) }),
            "api-keys" => json!({ "name": unique(word), "scopes": ["contacts:read"] }),
            "custom-fields" | "objects" if words.len() > 1 => json!({ "label": unique(word) }),
            "custom-fields" => custom_field(word),
            "objects" => object(word),
            "keys" => {
                json!({ "service": unique(word).replace(' ', "-"), "key": "a key of nobody" })
            }
            "views" if words.len() > 1 => json!({ "name": unique(word) }),
            "views" => view(word),
            // Where they belong is said once.
            "conversations" | "messages" if words.len() > 1 => {
                least(kind, word).unwrap_or_default()
            }
            _ => body(kind, owner, word).await.unwrap_or_default(),
        },
        (_, [.., "completions" | "count_tokens"]) => {
            json!({ "model": "auto", "messages": [{ "role": "user", "content": unique(word) }] })
        }
        (_, ["messages"]) if kind == "v1" => {
            let messages = json!([{ "role": "user", "content": unique(word) }]);
            json!({ "model": "auto", "max_tokens": 9, "messages": messages })
        }
        (_, [.., "embeddings"]) => json!({ "model": "auto", "input": unique(word) }),
        (_, _) => panic!("what does {} take? See `content`.", operation.name()),
    };
    Content::Json(json)
}

impl Client {
    /// Sends a request.
    pub(crate) async fn ask(&self, request: &Request) -> Answer {
        self.ask_with(request, &[]).await
    }

    /// Sends a request with headers.
    pub(crate) async fn ask_with(&self, request: &Request, headers: &[(&str, &str)]) -> Answer {
        let (kind, body) = match &request.content {
            Content::Nothing => (None, Vec::new()),
            Content::Json(json) => (Some("application/json"), json.to_string().into_bytes()),
            Content::Csv(csv) => (Some("multipart/form-data; boundary=line"), form(csv)),
        };
        let kind = kind.map(|kind| ("content-type", kind));
        let headers: Vec<_> = kind.into_iter().chain(headers.iter().copied()).collect();
        self.send(&request.method, &request.path, &headers, body).await
    }
}

/// A form with a file.
fn form(csv: &str) -> Vec<u8> {
    let end = if csv.starts_with("%PDF-") { "pdf" } else { "csv" };
    let head =
        format!("--line\r\ncontent-disposition: form-data; name=\"file\"; filename=\"file.{end}\"");
    format!("{head}\r\ncontent-type: text/csv\r\n\r\n{csv}\r\n--line--\r\n").into_bytes()
}
