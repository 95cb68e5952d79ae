//! Two processes of one PostgreSQL: what happens at one is heard at the other, and whoever moves misses nothing.

use serde_json::{Value as Json, json};

use super::{Stage, another, talk::conversation};
use crate::{database::Kind, redis::Redis, server::Server};

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_happens_at_one_node_is_heard_at_the_other() {
    let mut stage = Stage::new(Kind::Postgres).await;
    let (ana, folder) = (stage.ana.clone(), tempfile::tempdir().unwrap());
    let conversation = conversation(&stage);
    let there = another(&stage, folder.path(), &[]);
    let auth = json!({ "token": ana, "conversations": [conversation] });
    let transports = json!(["websocket"]);
    stage.connect("here", &json!({ "auth": auth, "transports": transports }));
    let connected = json!({
        "do": "connect", "name": "there", "url": there.url(), "auth": auth, "transports": transports,
    });
    stage.client.ask(&connected);
    for name in ["here", "there"] {
        stage.client.hear(name, "ready", 1);
    }
    let say = |server: &Server, content: &str| {
        let path = format!("POST /api/conversations/{conversation}/messages");
        let said = server.ask(&path, "", Some(&json!({ "content": content, "isNote": true })));
        assert_eq!(said.unwrap().status, 201);
    };
    for turn in 0..10 {
        say(if turn % 2 == 0 { &stage.server } else { &there }, &format!("{turn}"));
    }
    let heard = stage.client.hear("here", "new_message", 10);
    assert_eq!(stage.client.hear("there", "new_message", 10), heard);
    let said: Vec<_> = heard.iter().map(|one| one["content"].as_str().unwrap()).collect();
    assert_eq!(said, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    // Whoever leaves one node and comes to the other goes on where they were.
    stage.client.ask(&json!({ "do": "leave", "name": "there" }));
    say(&there, "meanwhile");
    let offset: &Json = &heard[4]["offset"];
    let auth = json!({ "token": ana, "conversations": [conversation], "offset": offset });
    stage.connect("moved", &json!({ "auth": auth, "transports": transports }));
    let moved = stage.client.hear("moved", "new_message", 6);
    assert_eq!(moved[..5], heard[5..]);
    assert_eq!(moved[5]["content"], "meanwhile");
    // A session that ends at one takes its sockets at the other along.
    assert_eq!(there.ask("POST /api/auth/logout", "", None).unwrap().status, 204);
    for name in ["here", "moved"] {
        let gone = stage.client.ask(&json!({ "do": "goes", "name": name }));
        assert_eq!(gone["gone"], "io server disconnect", "{name}");
    }
    there.stop();
    stage.server.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_passes_by_is_heard_at_the_other_node() {
    let (mut redis, folder) = (Redis::start().await, tempfile::tempdir().unwrap());
    let variables = [("REDIS_URL", redis.url.as_str())];
    let mut stage = Stage::with(Kind::Postgres, &variables).await;
    let conversation = conversation(&stage);
    let there = another(&stage, folder.path(), &variables);
    let transports = json!(["websocket"]);
    let auth = json!({ "token": stage.ana, "conversations": [conversation] });
    stage.connect("here", &json!({ "auth": auth, "transports": transports }));
    let stranger = json!({ "token": stage.stranger, "conversations": [conversation] });
    for (name, auth) in [("there", auth), ("stranger", stranger)] {
        let connected = json!({
            "do": "connect", "name": name, "url": there.url(), "auth": auth, "transports": transports,
        });
        stage.client.ask(&connected);
    }
    for name in ["here", "there"] {
        stage.client.hear(name, "ready", 1);
    }
    let named = json!({ "conversationId": conversation });
    both_ways(&mut stage, &named);
    // Without Redis each node goes on by itself, and hears the other again once it is back.
    redis.stop();
    stage.client.say("here", "typing_start", &named);
    assert_eq!(there.get("/health")["status"], "ok");
    redis.start_again().await;
    both_ways(&mut stage, &named);
    let all = stage.client.ask(&json!({ "do": "all", "name": "stranger" }))["all"].to_string();
    assert!(!all.contains(&conversation), "a stranger heard of it: {all}");
    there.stop();
    stage.server.stop();
}

/// Types at one node until it is heard at the other, both ways: what was said before they were connected is lost.
fn both_ways(stage: &mut Stage, named: &Json) {
    for (one, other) in [("here", "there"), ("there", "here")] {
        let heard = |stage: &mut Stage, count: usize| {
            let asked = json!({
                "do": "hears", "name": other, "event": "user_typing", "count": count, "ms": 250,
            });
            stage.client.ask(&asked)["heard"].as_array().unwrap().len()
        };
        let before = heard(stage, 0);
        let came_through = (0..60).any(|_| {
            stage.client.say(one, "typing_start", named);
            heard(stage, before + 1) > before
        });
        assert!(came_through, "{other} does not hear {one}");
    }
}
