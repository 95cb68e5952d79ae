//! The walls, tried at every operation of the OpenAPI document: nobody, too low a role, a key without the scope, and
//! another tenant.

mod untried;

use std::collections::BTreeSet;

use kith_kernel::Role;
use serde_json::{Value as Json, json};

use self::untried::{EXCEPTIONS, WORDLESS};
use crate::{
    client::{Answer, Client},
    database::{Kind, on_both},
    locked::locked,
    operations::{self, Operation},
    requests::{
        Content, LEAST, Request, WORD, able, add_vehicles, body, duplicates, sensible, something,
        tell_ana,
    },
    world::{World, invite},
};

on_both!(
    nobody_gets_past_the_door,
    too_low_a_role_is_refused_before_looking,
    keys_do_what_their_scopes_say,
    strangers_find_nothing_by_its_id,
    strangers_see_nothing_in_what_shows_many,
    strangers_cannot_link_to_anything,
    many_at_once_take_what_one_takes,
    what_is_included_takes_its_own_scope,
    ones_own_tenant_can_be_named_everywhere,
);

/// What it takes to delete all that there may be.
const ALL_DELETED: &[&str] = &[
    "accounts:delete",
    "contacts:delete",
    "leads:delete",
    "deals:delete",
    "products:delete",
    "activities:delete",
    "tasks:delete",
    "notes:delete",
    "labels:delete",
    "attachments:delete",
    "channels:delete",
    "conversations:delete",
    "messages:delete",
    "handles:delete",
    "message_templates:delete",
    "agents:delete",
    "documents:delete",
    "objects:delete",
];

/// What it takes to read all that there may be.
const ALL_READ: &[&str] = &["*:read"];

/// Operations that take more scopes than the one they declare, since they write records of other kinds.
const MORE_SCOPES: [(&str, &[&str]); 15] = [
    ("GET /api/database/export", ALL_READ),
    ("POST /api/batches/{id}/undo", &["contacts:write"]),
    ("GET /api/validation/check-duplicate", &["contacts:read"]),
    ("GET /api/duplicates", &["contacts:read"]),
    ("POST /api/duplicates/scans", &["contacts:read"]),
    ("POST /api/validation/find-duplicates", &["contacts:read"]),
    ("POST /api/validation/check-duplicate-before-create", &["contacts:read"]),
    ("POST /api/leads/{id}/convert", &["contacts:write", "accounts:write", "deals:write"]),
    ("POST /api/database/sync", &["contacts:write"]),
    (
        "POST /api/database/archive",
        &["deals:write", "leads:write", "activities:write", "tasks:write"],
    ),
    ("POST /api/database/archive-aged-data", &["deals:write"]),
    ("POST /api/database/cleanup", ALL_DELETED),
    ("POST /api/database/nuclear-cleanup", ALL_DELETED),
    ("POST /api/database/cleanup-orphaned-data", ALL_DELETED),
    ("GET /api/views/{id}/records", &["contacts:read"]),
];

/// What went wrong, all of it at once.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(what());
        }
    }

    fn expect_status(&mut self, who: &str, request: &Request, answer: &Answer, status: u16) {
        self.expect(answer.status == status, || {
            let Request { method, path, content, .. } = request;
            format!(
                "{who}: {method} {path} {content:?} is {} and not {status}: {}",
                answer.status, answer.text
            )
        });
    }

    fn end(self) {
        assert!(self.0.is_empty(), "{} findings:\n{}", self.0.len(), self.0.join("\n"));
    }
}

/// All operations behind the door but the exceptions, which are told.
async fn behind_the_door(world: &World) -> Vec<Operation> {
    for (name, why) in EXCEPTIONS {
        println!("not tried: {name}: {why}");
    }
    for owner in [&world.ana, &world.stranger, &world.operator] {
        add_vehicles(owner).await;
    }
    let all = operations::all(&world.nobody).await;
    let known: BTreeSet<String> = all.iter().map(Operation::name).collect();
    for (name, _) in EXCEPTIONS.iter().chain(&WORDLESS) {
        assert!(known.contains(*name), "{name} is an exception and no operation");
    }
    let wanted = |one: &Operation| {
        !one.is_public() && !EXCEPTIONS.iter().any(|(name, _)| *name == one.name())
    };
    all.into_iter().filter(wanted).collect()
}

#[tokio::test]
async fn public_operations_are_those_that_a_person_has_read() {
    let world = World::new(Kind::Sqlite).await;
    let all = operations::all(&world.nobody).await;
    let public: BTreeSet<String> =
        all.iter().filter(|one| one.is_public()).map(Operation::name).collect();
    let list: String = public.into_iter().map(|name| name + "\n").collect();
    locked("tests/public_operations.txt", &list);
}

async fn nobody_gets_past_the_door(kind: Kind) {
    let world = World::new(kind).await;
    let liar = world.nobody.with("no.token.at-all");
    let mut findings = Findings::default();
    for operation in behind_the_door(&world).await {
        let request = sensible(&world, &operation).await;
        for (name, who) in [("nobody", &world.nobody), ("a liar", &liar)] {
            findings.expect_status(name, &request, &who.ask(&request).await, 401);
        }
    }
    findings.end();
}

async fn too_low_a_role_is_refused_before_looking(kind: Kind) {
    let world = World::new(kind).await;
    let alba = world.nobody.with(&invite(&world.ana, "administrator", "admin").await);
    let reader = json!({ "name": "a key", "scopes": ["*"], "role": "viewer" });
    let reader = world.ana.make("/api/api-keys", reader).await;
    let reader = world.nobody.with(reader["key"].as_str().unwrap());
    let people = [
        ("vera", &world.vera, Role::Viewer),
        ("vera's like as a key", &reader, Role::Viewer),
        ("bruno", &world.bruno, Role::Member),
        ("alba", &alba, Role::Admin),
    ];
    let mut findings = Findings::default();
    for operation in behind_the_door(&world).await {
        let able = able(&world, &operation);
        let request = sensible(&world, &operation).await;
        let nowhere = nowhere(&operation, &request, &world);
        for (name, who, role) in &people {
            let enough = operation.role().is_none_or(|needed| *role >= needed);
            if enough && operation.access != "platform" {
                continue;
            }
            let answer = who.ask(&request).await;
            findings.expect_status(name, &request, &answer, 403);
            let elsewhere = who.ask(&nowhere).await;
            findings.expect(without_id(&answer) == without_id(&elsewhere), || {
                format!("{name} learns from {} what there is: {answer:?}", operation.name())
            });
        }
        let done = able.ask(&request).await;
        findings.expect(done.status < 300, || {
            format!("{request:?} does not succeed (see requests.rs): {}", done.text)
        });
    }
    findings.end();
}

/// The same about something that there is not.
fn nowhere(operation: &Operation, request: &Request, world: &World) -> Request {
    let id = world.app.ids.next().to_string();
    Request { path: operation.path_of(&id), ..request.clone() }
}

/// A refusal without what differs from request to request.
fn without_id(answer: &Answer) -> Json {
    let mut json = answer.json.clone();
    json["requestId"] = Json::Null;
    json
}

async fn keys_do_what_their_scopes_say(kind: Kind) {
    let world = World::new(kind).await;
    let all = behind_the_door(&world).await;
    let scopes: BTreeSet<String> = all.iter().filter_map(|one| one.scope.clone()).collect();
    let mut findings = Findings::default();
    for scope in &scopes {
        let others: Vec<&String> = scopes.iter().filter(|other| *other != scope).collect();
        let without = key(&world, json!(others)).await;
        let with = key(&world, json!([scope])).await;
        let wider = all_that_it_takes(&world, scope).await;
        for operation in all.iter().filter(|one| one.scope.as_ref() == Some(scope)) {
            let request = sensible(&world, operation).await;
            let refused = without.ask(&request).await;
            findings.expect_status("a key without the scope", &request, &refused, 403);
            let more = MORE_SCOPES.iter().any(|(name, _)| *name == operation.name());
            if more {
                findings.expect_status(
                    "a key with too little",
                    &request,
                    &with.ask(&request).await,
                    403,
                );
            }
            let done = if more { &wider } else { &with }.ask(&request).await;
            findings.expect(done.status < 300, || {
                format!("a key with {scope} cannot {}: {}", operation.name(), done.text)
            });
        }
    }
    let every = key(&world, json!(scopes)).await;
    for operation in all.iter().filter(|one| one.scope.is_none()) {
        let request = sensible(&world, operation).await;
        let refused = every.ask(&request).await;
        findings.expect_status("a key without *", &request, &refused, 403);
    }
    findings.end();
}

/// A key with a scope and those of other kinds of records that its operations take besides.
async fn all_that_it_takes(world: &World, scope: &str) -> Client {
    let more = MORE_SCOPES.iter().flat_map(|(_, more)| more.iter().copied());
    key(world, json!([scope].into_iter().chain(more).collect::<Vec<&str>>())).await
}

async fn key(world: &World, scopes: Json) -> Client {
    let key = world.ana.make("/api/api-keys", json!({ "name": "a key", "scopes": scopes })).await;
    world.nobody.with(key["key"].as_str().unwrap())
}

async fn strangers_find_nothing_by_its_id(kind: Kind) {
    let world = World::new(kind).await;
    let (ana, stranger) = (&world.ana, &world.stranger);
    let here = ana.get("/api/auth/me").await.json["tenant"]["id"].as_str().unwrap().to_owned();
    let mut findings = Findings::default();
    for operation in behind_the_door(&world).await {
        if operation.access == "platform" {
            continue;
        }
        let request = sensible(&world, &operation).await;
        let named = stranger.ask_with(&request, &[("x-tenant-id", &here)]).await;
        findings.expect_status("the stranger in ana's tenant", &request, &named, 404);
        if operation.has_id() {
            let answer = stranger.ask(&request).await;
            findings.expect_status("the stranger", &request, &answer, 404);
            let same = stranger.ask(&nowhere(&operation, &request, &world)).await;
            findings.expect(without_id(&answer) == without_id(&same), || {
                format!("the stranger learns from {request:?} what there is: {}", answer.text)
            });
        } else if let Some(id) = &request.id {
            // Of many at once, each fails by itself.
            let answer = stranger.ask(&request).await.json;
            let failed = (&answer["succeeded"], &answer["failed"][0]["code"]);
            findings.expect(failed == (&json!(0), &json!("not_found")), || {
                format!("the stranger changes {id} by {}: {answer}", request.path)
            });
        }
        let done = ana.ask(&request).await;
        let done_all = done.json["failed"].as_array().is_none_or(Vec::is_empty);
        findings.expect(done.status < 300 && done_all, || {
            format!("{request:?} does not succeed (see requests.rs): {}", done.text)
        });
    }
    findings.end();
}

/// Fills ana's tenant with records that hold the word, and says their ids.
async fn fill(world: &World) -> Vec<String> {
    let ana = &world.ana;
    let tenant = ana.get("/api/auth/me").await.json["tenant"]["id"].clone();
    let path = format!("/api/tenants/{}", tenant.as_str().unwrap());
    assert_eq!(ana.patch(&path, json!({ "name": WORD })).await.status, 200);
    let mut ids = vec![tenant.as_str().unwrap().to_owned()];
    something("objects", ana, WORD).await;
    for owner in [ana, &world.stranger] {
        add_vehicles(owner).await;
    }
    for (plural, _) in LEAST {
        for _ in 0..2 {
            ids.push(something(plural, ana, WORD).await);
        }
        if plural != "members" {
            let gone = ids.last().unwrap();
            assert_eq!(ana.delete(&format!("/api/{plural}/{gone}")).await.status, 204);
        }
    }
    tell_ana(world, WORD).await;
    for kind in [
        "imports",
        "api-keys",
        "keys",
        "calendar-feeds",
        "tenants",
        "custom-fields",
        "views",
        "batches",
        "ai",
    ] {
        ids.push(something(kind, ana, WORD).await);
    }
    let guest = json!({ "email": format!("{WORD}@world.example") });
    ids.push(ana.make("/api/invites", guest).await["id"].as_str().unwrap().to_owned());
    ids.push(duplicates(world, ana, &[]).await);
    world.run_jobs().await;
    ids
}

async fn strangers_see_nothing_in_what_shows_many(kind: Kind) {
    let world = World::new(kind).await;
    let ids = fill(&world).await;
    let holds = |answer: &Answer| {
        let text = answer.text.to_lowercase();
        text.contains(&WORD.to_lowercase()) || ids.iter().any(|id| text.contains(id))
    };
    let all = operations::all(&world.nobody).await;
    let mut findings = Findings::default();
    for operation in all.iter().filter(|one| one.method == "GET" && !one.has_id()) {
        let mut seen = false;
        for query in queries(&ids) {
            let path = format!("{}?{query}", operation.path_of(""));
            for (name, who) in [("the stranger", &world.stranger), ("nobody", &world.nobody)] {
                let answer = who.get(&path).await;
                findings.expect(!holds(&answer), || format!("{name} sees {path}: {}", answer.text));
            }
            seen |= holds(&world.ana.get(&path).await);
        }
        let wordless = WORDLESS.iter().any(|(name, _)| *name == operation.name());
        // The document tells everybody what is served, and tenants their own fields.
        let tells = operation.path == "/openapi.json";
        let public = operation.is_public() && !tells;
        let hides = public || operation.access == "platform" || wordless;
        findings.expect(seen != hides, || {
            format!("ana {} the word in {}", if seen { "sees" } else { "misses" }, operation.path)
        });
    }
    findings.end();
}

fn queries(ids: &[String]) -> [String; 6] {
    [
        String::new(),
        format!("search={WORD}"),
        format!("q={WORD}"),
        "deleted=true".to_owned(),
        format!("tenant_id={}", ids[0]),
        format!("recordId={}", ids[1]),
    ]
}

async fn strangers_cannot_link_to_anything(kind: Kind) {
    let world = World::new(kind).await;
    let stranger = &world.stranger;
    let mut findings = Findings::default();
    for object in kith::wire::objects() {
        let plural = &object.path();
        for field in
            object.fields.iter().filter(|field| field.writable == kith_records::Writable::User)
        {
            let target = match field.kind {
                kith_records::Kind::Link(name, _) => name,
                kith_records::Kind::Related => "contact",
                _ => continue,
            };
            let target = world.house.object(target).unwrap().path();
            let id = something(&target, &world.ana, WORD).await;
            let mut new = body(plural, stranger, "theirs").await.unwrap();
            let own = something(plural, stranger, "theirs").await;
            new[field.key] = json!(id);
            let request = |method: &str, path: String, body: Json| Request {
                method: method.to_owned(),
                path,
                id: None,
                content: Content::Json(body),
            };
            let create = request("POST", format!("/api/{plural}"), new);
            let change = request("PATCH", format!("/api/{plural}/{own}"), json!({ field.key: id }));
            // An upload with a stranger's record is tried by the tests of attachments.
            let uploaded = object.routes == kith_records::Routes::Uploaded;
            for request in [create, change].into_iter().skip(usize::from(uploaded)) {
                let answer = stranger.ask(&request).await;
                findings.expect_status("the stranger", &request, &answer, 422);
            }
            let list = stranger.get(&format!("/api/{plural}?{}={id}", field.key)).await;
            findings.expect(list.json["data"] == json!([]), || {
                format!("{plural} that point at {id}: {}", list.text)
            });
        }
    }
    findings.end();
}

/// Deleting and restoring many takes the role and the scope that deleting and restoring one takes.
async fn many_at_once_take_what_one_takes(kind: Kind) {
    let world = World::new(kind).await;
    let writer = key(&world, json!(["contacts:read", "contacts:write"])).await;
    let deleter = key(&world, json!(["contacts:write", "contacts:delete"])).await;
    let id = something("contacts", &world.ana, WORD).await;
    for action in ["delete", "restore"] {
        let body = json!({ "action": action, "ids": [id] });
        for who in [&world.bruno, &writer] {
            let refused = who.post("/api/contacts/bulk", body.clone()).await;
            assert_eq!(refused.status, 403, "{action}: {refused:?}");
        }
        let done = deleter.post("/api/contacts/bulk", body).await;
        assert_eq!(done.json["succeeded"], 1, "{action}: {done:?}");
    }
}

async fn what_is_included_takes_its_own_scope(kind: Kind) {
    let world = World::new(kind).await;
    let account = something("accounts", &world.ana, WORD).await;
    let deal = json!({ "name": "Big one", "accountId": account });
    let deal = world.ana.make("/api/deals", deal).await["id"].clone();
    let narrow = key(&world, json!(["deals:read"])).await;
    let wide = key(&world, json!(["deals:read", "accounts:read"])).await;
    for path in ["/api/deals".to_owned(), format!("/api/deals/{}", deal.as_str().unwrap())] {
        let path = format!("{path}?include=account");
        let refused = narrow.get(&path).await;
        assert_eq!((refused.status, &refused.json["code"]), (403, &json!("missing_scope")));
        let shown = wide.get(&path).await;
        assert!(shown.text.contains(WORD), "{shown:?}");
    }
}

async fn ones_own_tenant_can_be_named_everywhere(kind: Kind) {
    let world = World::new(kind).await;
    let tenant = world.ana.get("/api/auth/me").await.json["tenant"]["slug"].clone();
    let mut findings = Findings::default();
    for operation in behind_the_door(&world).await {
        if operation.method != "GET" || operation.role().is_none() {
            continue;
        }
        let mut request = sensible(&world, &operation).await;
        request.path.extend(["?tenantId=", tenant.as_str().unwrap()]);
        let answer = world.ana.ask(&request).await;
        findings.expect_status("ana in her tenant by its name", &request, &answer, 200);
    }
    findings.end();
}
