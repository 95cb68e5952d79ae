//! Sockets: the official client of Socket.IO against the binary, and what it hears, may say and misses.

mod documents;
mod driver;
mod nodes;
mod presence;
mod raw;
mod talk;

use serde_json::{Value as Json, json};

use self::driver::Driver;
use crate::{
    database::{Database, Kind, on_both},
    server::{Installation, Server},
};

on_both!(
    who_connects_says_who_they_are,
    each_transport_carries_events_and_acknowledgements,
    a_burst_is_missed_by_nobody_who_comes_back,
    whoever_listens_hears_what_they_may_read,
    a_session_that_ends_takes_its_sockets_along,
    offsets_that_cannot_be_are_told,
);

/// A server with two tenants, and a client that is told what to do.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) client: Driver,
    pub(crate) ana: String,
    pub(crate) stranger: String,
    pub(crate) database: Database,
}

impl Stage {
    pub(crate) async fn new(kind: Kind) -> Self {
        Self::with(kind, &[]).await
    }

    pub(crate) async fn with(kind: Kind, variables: &[(&str, &str)]) -> Self {
        let database = Database::fresh(kind).await;
        let installation = Installation {
            data: database.folder.path().to_owned(),
            database_url: database.options.url.clone(),
            smtp_url: String::new(),
        };
        let mut server = installation.serve_with(variables);
        let ana = sign(&server, "ana");
        let stranger = sign(&server, "stranger");
        server.token = Some(ana.clone());
        Self { server, client: Driver::start(), ana, stranger, database }
    }

    /// Connects under a name.
    pub(crate) fn connect(&mut self, name: &str, more: &Json) -> Json {
        let mut asked = json!({ "do": "connect", "name": name, "url": self.server.url() });
        for (key, value) in more.as_object().unwrap() {
            asked[key] = value.clone();
        }
        self.client.ask(&asked)
    }

    /// Connects as somebody, and waits until it listens.
    pub(crate) fn listen(&mut self, name: &str, token: &str) -> Json {
        let auth = json!({ "token": token });
        let connected = self.connect(name, &json!({ "auth": auth, "transports": ["websocket"] }));
        assert_eq!(connected, json!({ "ok": true }));
        self.client.hear(name, "ready", 1)[0].clone()
    }

    pub(crate) fn make(&self, path: &str, body: &Json) -> Json {
        let made = self.server.ask(&format!("POST {path}"), "", Some(body)).unwrap();
        assert_eq!(made.status, 201, "{path}: {made:?}");
        made.json
    }
}

pub(crate) fn sign(server: &Server, name: &str) -> String {
    let who = json!({
        "email": format!("{name}@acme.example"), "password": "a long password", "tenantName": format!("World of {name}"),
    });
    let signed = server.ask("POST /api/auth/register", "", Some(&who)).unwrap();
    assert_eq!(signed.status, 201, "{signed:?}");
    signed.json["token"].as_str().unwrap().to_owned()
}

/// Has somebody join the tenant of a stage as a member, and gives back their token.
pub(crate) fn sign_in_as_colleague(stage: &Stage, name: &str) -> String {
    let email = format!("{name}@acme.example");
    let invite = stage.make("/api/invites", &json!({ "email": email, "role": "member" }));
    let path = format!("POST /api/invites/{}/accept", invite["token"].as_str().unwrap());
    let who = json!({ "name": name, "password": "a long password" });
    let accepted = stage.server.ask(&path, "", Some(&who)).unwrap();
    assert!(accepted.status < 300, "{accepted:?}");
    accepted.json["token"].as_str().unwrap().to_owned()
}

/// Another process on the database of a stage.
pub(crate) fn another(
    stage: &Stage,
    folder: &std::path::Path,
    variables: &[(&str, &str)],
) -> Server {
    let installation = Installation {
        data: folder.to_owned(),
        database_url: stage.database.options.url.clone(),
        smtp_url: String::new(),
    };
    let mut server = installation.serve_with(variables);
    server.token = Some(stage.ana.clone());
    server
}

async fn who_connects_says_who_they_are(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let refused = |told: &Json, code: &str| {
        let message = told["error"].as_str().unwrap_or_default();
        assert!(message.starts_with(&format!("{code}: ")), "{told}");
    };
    let socket = |auth: Json| json!({ "auth": auth, "transports": ["websocket"] });
    refused(&stage.connect("nobody", &socket(json!({}))), "unauthenticated");
    let wrong = json!({ "token": format!("{}x", stage.ana), "userId": "somebody" });
    let told = stage.connect("wrong", &socket(wrong));
    assert!(told["error"].is_string(), "{told}");
    let polling = json!({ "auth": { "token": 5 }, "transports": ["polling"] });
    refused(&stage.connect("number", &polling), "unauthenticated");
    let elsewhere = json!({ "token": stage.ana, "tenantId": "world-of-stranger" });
    refused(&stage.connect("elsewhere", &socket(elsewhere)), "not_found");
    // A key is as good as a session, and a cookie only from a page of ours.
    let key = stage.make("/api/api-keys", &json!({ "name": "sockets", "scopes": ["deals:read"] }));
    let key = json!({ "token": key["key"] });
    assert_eq!(stage.connect("key", &socket(key)), json!({ "ok": true }));
    let cookie = format!("kith_access={}", stage.ana);
    let from = |origin: &str| json!({ "transports": ["polling"], "headers": { "cookie": cookie, "origin": origin } });
    refused(&stage.connect("forged", &from("https://evil.example")), "foreign_origin");
    let here = stage.server.url();
    assert_eq!(stage.connect("page", &from(&here)), json!({ "ok": true }));
    stage.server.stop();
}

async fn each_transport_carries_events_and_acknowledgements(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let ways = [
        ("polling", json!(["polling"])),
        ("websocket", json!(["websocket"])),
        ("upgrade", json!(["polling", "websocket"])),
    ];
    for (name, transports) in &ways {
        let auth = json!({ "token": stage.ana });
        let connected = stage.connect(name, &json!({ "auth": auth, "transports": transports }));
        assert_eq!(connected, json!({ "ok": true }));
        stage.client.hear(name, "ready", 1);
    }
    assert_eq!(
        stage.client.ask(&json!({ "do": "upgraded", "name": "upgrade" }))["transport"],
        "websocket"
    );
    assert_eq!(
        stage.client.ask(&json!({ "do": "transport", "name": "polling" }))["transport"],
        "polling"
    );
    let contact = stage.make("/api/contacts", &json!({ "name": "Carla Dias" }));
    for (name, _) in &ways {
        let heard = stage.client.hear(name, "record:changed", 1);
        assert_eq!(heard[0]["id"], contact["id"]);
        assert_eq!(heard[0]["object"], "contact");
        assert_eq!((&heard[0]["what"], &heard[0]["version"]), (&json!("created"), &json!(1)));
        let metrics = stage.client.say(name, "request_dashboard_metrics", &json!({}));
        assert_eq!(metrics["activeConversations"], 0);
        assert!(metrics["responseTime"].is_null() && metrics["lastUpdated"].is_string());
        assert_eq!(stage.client.hear(name, "dashboard_metrics", 1)[0], metrics);
    }
    stage.server.stop();
}

async fn a_burst_is_missed_by_nobody_who_comes_back(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let (count, ana) = (5_000, stage.ana.clone());
    stage.listen("steady", &ana);
    let rows: Vec<String> = (0..count).map(|row| format!("Person {row}\n")).collect();
    stage.server.import("contacts", &format!("name\n{}", rows.concat()));
    let told = stage.client.ask(&json!({
        "do": "restless", "url": stage.server.url(), "token": ana, "times": 20, "count": count,
    }));
    let offsets: Vec<i64> = serde_json::from_value(told["offsets"].clone()).unwrap();
    let wrong = &told["wrong"];
    assert_eq!((offsets.len(), &told["left"]), (count, &json!(0)), "{wrong}");
    assert!(offsets.is_sorted_by(|one, next| one < next), "out of order, or twice");
    // One who stayed has heard the same.
    let heard = stage.client.hear("steady", "record:changed", count);
    let steady = heard.iter().filter(|one| one["object"] == "contact");
    let steady: Vec<i64> = steady.filter_map(|one| one["offset"].as_i64()).collect();
    assert_eq!(steady, offsets);
    // What was missed by somebody who never was there comes in the same order.
    let auth = json!({ "token": ana, "offset": 0 });
    stage.connect("late", &json!({ "auth": auth, "transports": ["websocket"] }));
    let late = stage.client.hear("late", "record:changed", count + 1);
    let late: Vec<i64> = late.iter().filter_map(|one| one["offset"].as_i64()).collect();
    assert!(late.is_sorted_by(|one, next| one < next), "out of order, or twice");
    assert!(late.ends_with(&offsets));
    stage.server.stop();
}

async fn whoever_listens_hears_what_they_may_read(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let (ana, stranger) = (stage.ana.clone(), stage.stranger.clone());
    stage.listen("ana", &ana);
    stage.listen("stranger", &stranger);
    let key = json!({ "name": "deals alone", "scopes": ["deals:read"] });
    let key = stage.make("/api/api-keys", &key)["key"].as_str().unwrap().to_owned();
    stage.listen("key", &key);
    let thing = json!({ "name": "boat", "label": "Boat", "pluralLabel": "Boats" });
    stage.make("/api/objects", &thing);
    stage.make("/api/objects/boat/records", &json!({ "name": "Gaivota" }));
    stage.make("/api/contacts", &json!({ "name": "Carla Dias" }));
    let deal = stage.make("/api/deals", &json!({ "name": "Boat", "amount": 5 }));
    let objects =
        |heard: &[Json]| heard.iter().map(|one| one["object"].clone()).collect::<Vec<_>>();
    assert_eq!(
        objects(&stage.client.hear("ana", "record:changed", 3)),
        ["boat", "contact", "deal"]
    );
    let heard = stage.client.hear("key", "record:changed", 1);
    assert_eq!(objects(&heard), ["deal"]);
    assert_eq!(heard[0]["id"], deal["id"]);
    // The stranger's own comes through, and nothing before it.
    stage.server.token = Some(stranger);
    stage.make("/api/accounts", &json!({ "name": "Elsewhere" }));
    assert_eq!(objects(&stage.client.hear("stranger", "record:changed", 1)), ["account"]);
    assert_eq!(stage.client.hear("ana", "record:changed", 3).len(), 3);
    let all = stage.client.ask(&json!({ "do": "all", "name": "stranger" }));
    assert_eq!(all["all"].as_array().unwrap().len(), 2, "{all}");
    stage.server.stop();
}

async fn a_session_that_ends_takes_its_sockets_along(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let ana = stage.ana.clone();
    stage.listen("ana", &ana);
    let key = stage.make("/api/api-keys", &json!({ "name": "sockets", "scopes": ["*"] }));
    stage.listen("key", key["key"].as_str().unwrap());
    let path = format!("DELETE /api/api-keys/{}", key["id"].as_str().unwrap());
    assert_eq!(stage.server.ask(&path, "", None).unwrap().status, 204);
    assert_eq!(
        stage.client.ask(&json!({ "do": "goes", "name": "key" }))["gone"],
        "io server disconnect"
    );
    assert_eq!(stage.client.hear("key", "error", 1)[0]["status"], 401);
    assert_eq!(stage.server.ask("POST /api/auth/logout", "", None).unwrap().status, 204);
    assert_eq!(
        stage.client.ask(&json!({ "do": "goes", "name": "ana" }))["gone"],
        "io server disconnect"
    );
    stage.server.stop();
}

async fn offsets_that_cannot_be_are_told(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let ana = stage.ana.clone();
    for (name, offset) in [("ahead", 1_000_000), ("below", -1)] {
        let auth = json!({ "token": ana, "offset": offset });
        stage.connect(name, &json!({ "auth": auth, "transports": ["websocket"] }));
        let latest = stage.client.hear(name, "ready", 1)[0]["latest"].clone();
        assert_eq!(stage.client.hear(name, "resync", 1)[0]["offset"], latest);
    }
    let contact = stage.make("/api/contacts", &json!({ "name": "Carla Dias" }));
    assert_eq!(stage.client.hear("ahead", "record:changed", 1)[0]["id"], contact["id"]);
    // Going back brings what came since once more.
    let resumed = stage.client.say("ahead", "resume", &json!({ "offset": 0 }));
    assert_eq!(resumed["offset"], 0);
    let heard = stage.client.hear("ahead", "record:changed", 3);
    assert_eq!((&heard[1]["object"], &heard[0]), (&json!("member"), heard.last().unwrap()));
    let wrong = stage.client.say("ahead", "resume", &json!({ "offset": "far" }));
    assert_eq!(wrong["error"]["status"], 422);
    stage.server.stop();
}
