//! Presence: who is there, and who looks at a conversation, as others are told.

use serde_json::{Value as Json, json};

use super::{Stage, another, sign_in_as_colleague, talk::conversation};
use crate::{
    database::{Kind, on_both},
    redis::Redis,
};

on_both!(
    who_comes_and_goes_is_told_to_those_who_watch,
    who_looks_at_a_conversation_is_told_to_those_in_it,
    who_has_no_socket_is_there_by_heartbeats,
);

/// What one who watches was told of a member, once they were told more than so often.
fn told_of(stage: &mut Stage, name: &str, member: &Json, count: &mut usize) -> Vec<String> {
    let events = stage.client.hear(name, "presence_changed", *count + 1);
    *count = events.len();
    let all = events.iter().flat_map(|told| told["members"].as_array().unwrap().clone());
    let of = all.filter(|one| one["memberId"] == *member);
    of.map(|one| one["status"].as_str().unwrap().to_owned()).collect()
}

/// Waits until one who watches was told so much of a member; that must be this.
fn until_told(stage: &mut Stage, name: &str, member: &Json, wanted: &[&str]) {
    let (mut count, mut told) = (0, Vec::new());
    while told.len() < wanted.len() {
        told = told_of(stage, name, member, &mut count);
    }
    assert_eq!(told, wanted);
}

/// Waits until the last that one who watches was told of a member is this.
fn until_last(stage: &mut Stage, name: &str, member: &Json, wanted: &str) {
    let (mut count, mut told) = (0, Vec::new());
    while told.last().map(String::as_str) != Some(wanted) {
        told = told_of(stage, name, member, &mut count);
    }
}

/// Waits until those who look at something, as a socket was told last, are these.
fn until_viewers(stage: &mut Stage, name: &str, of: &str, members: &[&Json]) {
    let mut wanted: Vec<Json> = members.iter().map(|one| (*one).clone()).collect();
    wanted.sort_by_key(ToString::to_string);
    let last = |stage: &mut Stage, count| {
        let heard = stage.client.hear(name, "record:viewers", count);
        let last = heard.last().unwrap().clone();
        assert_eq!((&last["object"], &last["id"]), (&json!("conversation"), &json!(of)));
        (heard.len(), last["memberIds"].clone())
    };
    let (mut count, mut seen) = last(stage, 1);
    while seen != json!(wanted) {
        (count, seen) = last(stage, count + 1);
    }
}

/// The stranger is told of nobody but themselves.
fn sees_none_of(stage: &mut Stage, members: [&Json; 2]) {
    stage.server.token = Some(stage.stranger.clone());
    let list = stage.server.get("/api/users/presence")["data"].clone();
    let all = stage.client.ask(&json!({ "do": "all", "name": "stranger" }))["all"].to_string();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    for member in members {
        assert!(!format!("{list} {all}").contains(member.as_str().unwrap()), "{list} {all}");
    }
}

async fn who_comes_and_goes_is_told_to_those_who_watch(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let (ana, stranger) = (stage.ana.clone(), stage.stranger.clone());
    let ben = sign_in_as_colleague(&stage, "ben");
    let me = stage.listen("ana", &ana)["memberId"].clone();
    stage.listen("stranger", &stranger);
    stage.client.say("stranger", "watch_presence", &json!({}));
    let watched = stage.client.say("ana", "watch_presence", &json!({}));
    let own = json!({ "memberId": me, "status": "online" });
    // One's own coming is in the list or told behind it.
    if watched != json!({ "members": [own] }) {
        until_told(&mut stage, "ana", &me, &["online"]);
    }
    let he = stage.listen("ben", &ben)["memberId"].clone();
    until_told(&mut stage, "ana", &he, &["online"]);
    let list = stage.server.get("/api/users/presence");
    let both = [&me, &he].map(|one| json!({ "memberId": one, "status": "online" }));
    let all = list["data"].as_array().unwrap();
    assert!(all.len() == 2 && both.iter().all(|one| all.contains(one)), "{list}");
    // Away where all of one's sockets are, and a page that is loaded anew is not told of.
    let set = stage.client.say("ben", "set_presence", &json!({ "status": "away" }));
    assert_eq!(set, json!({ "status": "away" }));
    until_told(&mut stage, "ana", &he, &["online", "away"]);
    stage.listen("ben's second", &ben);
    until_told(&mut stage, "ana", &he, &["online", "away", "online"]);
    for name in ["ben", "ben's second"] {
        stage.client.ask(&json!({ "do": "leave", "name": name }));
    }
    stage.listen("ben again", &ben);
    stage.client.say("ben again", "set_presence", &json!({ "status": "away" }));
    stage.client.ask(&json!({ "do": "leave", "name": "ben again" }));
    let wanted = ["online", "away", "online", "away", "offline"];
    until_told(&mut stage, "ana", &he, &wanted);
    for (wrong, status) in [(json!({ "status": "asleep" }), 422), (json!({}), 422)] {
        let told = stage.client.say("ana", "set_presence", &wrong);
        assert_eq!(told["error"]["status"], status, "{told}");
    }
    sees_none_of(&mut stage, [&me, &he]);
    stage.server.stop();
}

async fn who_looks_at_a_conversation_is_told_to_those_in_it(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let (ana, conversation) = (stage.ana.clone(), conversation(&stage));
    let ben = sign_in_as_colleague(&stage, "ben");
    let me = stage.listen("ana", &ana)["memberId"].clone();
    let he = stage.listen("ben", &ben)["memberId"].clone();
    stage.client.say("ana", "join_conversation", &json!(conversation));
    until_viewers(&mut stage, "ana", &conversation, &[&me]);
    stage.client.say("ben", "join_conversation", &json!(conversation));
    for name in ["ana", "ben"] {
        until_viewers(&mut stage, name, &conversation, &[&me, &he]);
    }
    // Who monitors is in it and not shown; neither is a key.
    stage.client.say("ben", "monitor_conversation", &json!(conversation));
    until_viewers(&mut stage, "ana", &conversation, &[&me]);
    let key = stage.make("/api/api-keys", &json!({ "name": "sockets", "scopes": ["*"] }));
    stage.listen("key", key["key"].as_str().unwrap());
    stage.client.say("key", "join_conversation", &json!(conversation));
    until_viewers(&mut stage, "key", &conversation, &[&me]);
    let told = stage.client.say("key", "set_presence", &json!({ "status": "online" }));
    assert_eq!(told["error"]["status"], 403, "{told}");
    // A second window of the same member changes nothing, and hears who is there.
    let auth = json!({ "token": ana, "conversations": [conversation] });
    stage.connect("window", &json!({ "auth": auth, "transports": ["websocket"] }));
    until_viewers(&mut stage, "window", &conversation, &[&me]);
    stage.client.say("ana", "leave_conversation", &json!(conversation));
    stage.client.say("ben", "join_conversation", &json!(conversation));
    until_viewers(&mut stage, "window", &conversation, &[&me, &he]);
    // Who is hung up on looks at nothing, though they count as there for a moment.
    stage.client.ask(&json!({ "do": "leave", "name": "ben" }));
    until_viewers(&mut stage, "window", &conversation, &[&me]);
    stage.server.stop();
}

async fn who_has_no_socket_is_there_by_heartbeats(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let ana = stage.ana.clone();
    let ben = sign_in_as_colleague(&stage, "ben");
    stage.listen("ana", &ana);
    stage.client.say("ana", "watch_presence", &json!({}));
    stage.server.token = Some(ben);
    let beat = |stage: &Stage, body: Json| {
        stage.server.ask("POST /api/users/heartbeat", "", Some(&body)).unwrap()
    };
    let there = beat(&stage, json!({ "status": "away" }));
    assert_eq!((there.status, &there.json["status"]), (200, &json!("away")));
    assert!(there.json["expiresAt"].is_string());
    let he = there.json["memberId"].clone();
    until_told(&mut stage, "ana", &he, &["away"]);
    let list = stage.server.get("/api/users/presence");
    assert!(
        list["data"].as_array().unwrap().contains(&json!({ "memberId": he, "status": "away" }))
    );
    assert_eq!(beat(&stage, json!({ "status": "asleep" })).status, 422);
    stage.server.token = Some(ana);
    let key = json!({ "name": "reads", "scopes": ["deals:read"] });
    let key = stage.make("/api/api-keys", &key)["key"].as_str().unwrap().to_owned();
    stage.server.token = Some(key);
    assert_eq!(beat(&stage, json!({})).status, 403);
    let list = stage.server.ask("GET /api/users/presence", "", None).unwrap();
    assert_eq!((list.status, &list.json["code"]), (403, &json!("missing_scope")));
    stage.server.stop();
}

/// Ben comes and goes at one node until Ana is told of it at the other: what is said before they are connected is lost.
fn hears_the_other_again(stage: &mut Stage, before: usize) {
    let hears_again = (0..60).any(|turn| {
        let status = if turn % 2 == 0 { "away" } else { "online" };
        stage.client.say("ben", "set_presence", &json!({ "status": status }));
        let asked = json!({
            "do": "hears", "name": "ana", "event": "presence_changed", "count": before + 1, "ms": 500,
        });
        stage.client.ask(&asked)["heard"].as_array().unwrap().len() > before
    });
    assert!(hears_again, "nothing is heard of the other node any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_is_there_is_known_at_all_nodes() {
    let (mut redis, folder) = (Redis::start().await, tempfile::tempdir().unwrap());
    let variables = [("REDIS_URL", redis.url.as_str())];
    let mut stage = Stage::with(Kind::Postgres, &variables).await;
    let (ana, conversation) = (stage.ana.clone(), conversation(&stage));
    let ben = sign_in_as_colleague(&stage, "ben");
    let me = stage.listen("ana", &ana)["memberId"].clone();
    stage.client.say("ana", "join_conversation", &json!(conversation));
    stage.client.say("ana", "watch_presence", &json!({}));
    // A node that comes later asks who is there.
    let there = another(&stage, folder.path(), &variables);
    let auth = json!({ "token": ben, "conversations": [conversation] });
    stage.client.ask(&json!({
        "do": "connect", "name": "ben", "url": there.url(), "auth": auth, "transports": ["websocket"],
    }));
    let he = stage.client.hear("ben", "ready", 1)[0]["memberId"].clone();
    for name in ["ana", "ben"] {
        until_viewers(&mut stage, name, &conversation, &[&me, &he]);
    }
    let people = |list: Json| {
        let mut all: Vec<String> =
            list["data"].as_array().unwrap().iter().map(Json::to_string).collect();
        all.sort();
        all
    };
    let (one, other) = (stage.server.get("/api/users/presence"), there.get("/api/users/presence"));
    assert_eq!(people(one.clone()), people(other));
    assert_eq!(one["data"].as_array().unwrap().len(), 2, "{one}");
    // Redis goes and comes: who is there is still believed to be, and what is new is told again.
    let before = stage.client.hear("ana", "presence_changed", 1).len();
    redis.stop();
    redis.start_again().await;
    assert_eq!(people(there.get("/api/users/presence")), people(one));
    hears_the_other_again(&mut stage, before);
    // A node that ends takes its own along.
    there.stop();
    until_viewers(&mut stage, "ana", &conversation, &[&me]);
    until_last(&mut stage, "ana", &he, "offline");
    stage.server.stop();
}
