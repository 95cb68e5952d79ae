//! Talking by sockets: conversations, who types, what is sent, and what is refused.

use serde_json::{Value as Json, json};

use super::{Stage, sign};
use crate::database::{Kind, on_both};

on_both!(
    a_conversation_is_heard_by_those_who_joined_it,
    states_of_conversations_are_told,
    a_message_is_sent_once,
    strangers_join_nothing,
    whoever_says_too_much_is_stopped,
    roles_and_scopes_hold_for_what_is_said,
    whoever_is_notified_hears_of_it,
    words_that_go_together_all_arrive,
);

/// A conversation by a channel of one's own.
pub(crate) fn conversation(stage: &Stage) -> String {
    let channel = stage.make("/api/channels", &json!({ "type": "API", "name": "Shop" }));
    let conversation = stage.make("/api/conversations", &json!({ "channelId": channel["id"] }));
    conversation["id"].as_str().unwrap().to_owned()
}

fn written(stage: &Stage, conversation: &str, message: &Json) -> Json {
    stage.make(&format!("/api/conversations/{conversation}/messages"), message)
}

async fn a_conversation_is_heard_by_those_who_joined_it(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let (ana, conversation) = (stage.ana.clone(), conversation(&stage));
    for name in ["inside", "beside", "typist"] {
        stage.listen(name, &ana);
    }
    let joined = stage.client.say("inside", "join_conversation", &json!(conversation));
    assert_eq!(joined, json!({ "conversationId": conversation }));
    let named = json!({ "conversationId": conversation, "userId": "nobody" });
    stage.client.say("typist", "join_conversation", &named);
    let said = json!({ "sender": "CUSTOMER", "content": "Is the boat for sale?" });
    let message = written(&stage, &conversation, &said);
    let full = &stage.client.hear("inside", "new_message", 1)[0];
    for key in ["id", "conversationId", "content", "sender", "direction", "status", "sequence"] {
        assert_eq!(full[key], message[key], "{key}");
    }
    let lean = &stage.client.hear("beside", "new_message", 1)[0];
    assert_eq!(lean["id"], message["id"]);
    assert!(lean.get("content").is_none(), "{lean}");
    assert_eq!(lean["offset"], full["offset"]);
    // Who types is told to the others, and not to whoever types.
    stage.client.say("typist", "typing_start", &named);
    let typing = stage.client.hear("inside", "user_typing", 1)[0].clone();
    assert_eq!(
        (&typing["conversationId"], &typing["isTyping"]),
        (&json!(conversation), &json!(true))
    );
    assert_eq!(typing["userId"], stage.server.get("/api/auth/me")["user"]["id"]);
    stage.client.say("typist", "typing_stop", &named);
    assert_eq!(stage.client.hear("inside", "user_typing", 2)[1]["isTyping"], false);
    stage.client.hear("inside", "user_stopped_typing", 1);
    for name in ["beside", "typist"] {
        let heard = stage.client.ask(&json!({ "do": "all", "name": name }))["all"].to_string();
        assert!(!heard.contains("user_typing"), "{name}");
    }
    stage.server.stop();
}

async fn states_of_conversations_are_told(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let (ana, conversation) = (stage.ana.clone(), conversation(&stage));
    for name in ["inside", "beside", "typist"] {
        stage.listen(name, &ana);
    }
    let named = json!({ "conversationId": conversation });
    for name in ["inside", "typist"] {
        stage.client.say(name, "join_conversation", &named);
    }
    let said = json!({ "sender": "CUSTOMER", "content": "Is the boat for sale?" });
    written(&stage, &conversation, &said);
    let read = stage.client.say("typist", "mark_read", &named);
    assert_eq!(read["unreadCount"], 0);
    assert_eq!(
        stage.client.hear("inside", "conversation_update", 1)[0]["update"]["unreadCount"],
        0
    );
    let path = format!("POST /api/conversations/{conversation}/resolve");
    assert_eq!(stage.server.ask(&path, "", Some(&json!({}))).unwrap().status, 200);
    for name in ["conversation_update", "conversation_updated"] {
        let told = stage.client.hear("beside", name, 1);
        assert_eq!(
            (&told[0]["status"], &told[0]["conversationId"]),
            (&json!("RESOLVED"), &json!(conversation))
        );
    }
    let metrics = stage.client.say("beside", "request_dashboard_metrics", &json!({}));
    assert_eq!(
        (&metrics["totalMessages"], &metrics["activeConversations"]),
        (&json!(1), &json!(0))
    );
    stage.client.say("inside", "leave_conversation", &json!(conversation));
    written(&stage, &conversation, &json!({ "content": "Between us", "isNote": true }));
    let heard = stage.client.hear("inside", "new_message", 2);
    assert!(heard[1].get("content").is_none(), "{heard:?}");
    stage.server.stop();
}

async fn a_message_is_sent_once(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let (ana, conversation) = (stage.ana.clone(), conversation(&stage));
    let auth = json!({ "token": ana, "conversations": [conversation, "no id"] });
    stage.connect("ana", &json!({ "auth": auth, "transports": ["websocket"] }));
    assert_eq!(stage.client.hear("ana", "error", 1)[0]["event"], "join_conversation");
    let message = json!({
        "conversationId": conversation, "content": "We sell it.", "type": "TEXT", "isNote": true, "clientId": "one",
        "userId": "somebody else",
    });
    let first = stage.client.say("ana", "send_message", &message);
    assert_eq!(first["content"], "We sell it.", "{first}");
    assert_eq!(first["memberId"], stage.server.get("/api/auth/me")["memberId"]);
    let again = stage.client.say("ana", "send_message", &message);
    assert_eq!(again["id"], first["id"]);
    let mut other = message.clone();
    other["content"] = json!("Something else");
    assert_eq!(
        stage.client.say("ana", "send_message", &other)["error"]["code"],
        "idempotency_key_reused"
    );
    assert_eq!(stage.server.get("/api/messages?count=exact")["total"], 1);
    assert_eq!(stage.client.hear("ana", "new_message", 1)[0]["content"], "We sell it.");
    // In the order in which they were said.
    for at in 0..10 {
        let one =
            json!({ "conversationId": conversation, "content": format!("{at}"), "isNote": true });
        stage.client.say("ana", "send_message", &one);
    }
    let heard = stage.client.hear("ana", "new_message", 11);
    let said: Vec<_> = heard[1..].iter().map(|one| one["content"].as_str().unwrap()).collect();
    assert_eq!(said, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    for wrong in [json!({}), json!("text"), json!({ "conversationId": conversation, "colour": 1 })]
    {
        let told = stage.client.say("ana", "send_message", &wrong);
        assert_eq!(told["error"]["status"], 422, "{told}");
    }
    stage.server.stop();
}

async fn strangers_join_nothing(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let (stranger, conversation) = (stage.stranger.clone(), conversation(&stage));
    stage.listen("stranger", &stranger);
    let named = json!({ "conversationId": conversation });
    for event in ["join_conversation", "monitor_conversation", "mark_read"] {
        let told = stage.client.say("stranger", event, &named);
        assert_eq!(told["error"]["status"], 404, "{event}: {told}");
        assert_eq!(told["error"]["code"], "not_found");
    }
    let message = json!({ "conversationId": conversation, "content": "Psst" });
    assert_eq!(stage.client.say("stranger", "send_message", &message)["error"]["status"], 404);
    assert_eq!(stage.client.say("stranger", "typing_start", &named)["error"]["status"], 422);
    let unread = stage.client.say("stranger", "mark_notification_read", &json!(conversation));
    assert_eq!(unread["error"]["status"], 404);
    assert_eq!(
        stage.client.say("stranger", "join_conversation", &json!("no id"))["error"]["status"],
        400
    );
    assert_eq!(stage.client.say("stranger", "drop_tables", &json!({}))["error"]["status"], 404);
    written(&stage, &conversation, &json!({ "sender": "CUSTOMER", "content": "Hello?" }));
    let other = sign(&stage.server, "third");
    stage.server.token = Some(stranger);
    stage.make("/api/contacts", &json!({ "name": "Own" }));
    assert_eq!(stage.client.hear("stranger", "record:changed", 1)[0]["object"], "contact");
    let all = stage.client.ask(&json!({ "do": "all", "name": "stranger" }))["all"].to_string();
    assert!(!all.contains(&conversation) || !all.contains("new_message"), "{all}");
    assert!(!other.is_empty() && !all.contains("new_message"));
    stage.server.stop();
}

async fn whoever_says_too_much_is_stopped(kind: Kind) {
    let mut stage = Stage::with(kind, &[("LIVE_SOCKETS_PER_MEMBER", "2")]).await;
    let ana = stage.ana.clone();
    stage.listen("ana", &ana);
    let shout = |times: u32| json!({ "do": "shout", "name": "ana", "event": "leave_conversation", "data": "no id", "times": times });
    let told = stage.client.ask(&shout(30));
    assert_eq!((&told["answers"], &told["connected"]), (&json!(30), &json!(true)), "{told}");
    let told = stage.client.ask(&shout(60));
    assert!(told["refused"].as_u64() > Some(20) && told["connected"] == json!(true), "{told}");
    let told = stage.client.ask(&shout(2_000));
    assert_eq!(told["connected"], false, "{told}");
    // Too large a word ends the socket as well, and too many sockets are refused.
    let two = ["one", "two"];
    for name in two {
        stage.listen(name, &ana);
    }
    let third =
        stage.connect("three", &json!({ "auth": { "token": ana }, "transports": ["websocket"] }));
    assert!(third["error"].as_str().unwrap().starts_with("too_many_streams: "), "{third}");
    let long = json!({ "conversationId": "x".repeat(100_000) });
    let told = stage
        .client
        .ask(&json!({ "do": "say", "name": "one", "event": "leave_conversation", "data": long }));
    assert!(told["lost"].is_string(), "{told}");
    stage.client.ask(&json!({ "do": "goes", "name": "one" }));
    stage.listen("three", &ana);
    stage.server.stop();
}

async fn roles_and_scopes_hold_for_what_is_said(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let conversation = conversation(&stage);
    let key = json!({ "name": "reads", "scopes": ["conversations:read", "messages:read"] });
    let key = stage.make("/api/api-keys", &key)["key"].as_str().unwrap().to_owned();
    stage.listen("key", &key);
    stage.client.say("key", "join_conversation", &json!(conversation));
    let message = json!({ "conversationId": conversation, "content": "No" });
    for (event, data) in [
        ("send_message", message),
        ("typing_start", json!(conversation)),
        ("mark_read", json!(conversation)),
        ("mark_notification_read", json!(conversation)),
    ] {
        let told = stage.client.say("key", event, &data);
        assert_eq!(told["error"]["code"], "missing_scope", "{event}: {told}");
    }
    written(&stage, &conversation, &json!({ "content": "Aside", "isNote": true }));
    assert_eq!(stage.client.hear("key", "new_message", 1)[0]["content"], "Aside");
    stage.server.stop();
}

async fn whoever_is_notified_hears_of_it(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let (ana, stranger) = (stage.ana.clone(), stage.stranger.clone());
    stage.listen("ana", &ana);
    stage.listen("stranger", &stranger);
    let none = stage.client.say("ana", "request_unread_notifications", &json!({}));
    assert_eq!(none, json!({ "unread": 0 }));
    let soon = kith_kernel::Clock::system().now().plus_milliseconds(300);
    let task = json!({ "title": "Call Carla", "dueAt": "2027-11-21T18:00:00Z", "remindAt": soon });
    let task = stage.make("/api/tasks", &task);
    let heard = &stage.client.hear("ana", "new_notification", 1)[0];
    let expected = (&json!("reminder"), &json!("task"), &task["id"]);
    assert_eq!((&heard["kind"], &heard["object"], &heard["recordId"]), expected);
    assert!(heard["offset"].is_i64() && heard.get("title").is_none(), "{heard}");
    let one = stage.client.say("ana", "request_unread_notifications", &json!({}));
    assert_eq!(one, json!({ "unread": 1 }));
    assert_eq!(stage.client.hear("ana", "unread_notifications", 2)[1], one);
    let all = stage.client.ask(&json!({ "do": "all", "name": "stranger" }))["all"].to_string();
    assert!(!all.contains("new_notification"), "{all}");
    stage.server.stop();
}

async fn words_that_go_together_all_arrive(kind: Kind) {
    let mut stage = Stage::new(kind).await;
    let (ana, conversation) = (stage.ana.clone(), conversation(&stage));
    let auth = json!({ "token": ana, "conversations": [conversation] });
    for (name, transport) in
        [("typist", "websocket"), ("streams", "websocket"), ("polls", "polling")]
    {
        stage.connect(name, &json!({ "auth": auth, "transports": [transport] }));
        stage.client.hear(name, "ready", 1);
    }
    let named = json!({ "conversationId": conversation });
    let shouted = json!({
        "do": "shout", "name": "typist", "event": "typing_start", "data": named, "times": 30,
    });
    assert_eq!(stage.client.ask(&shouted)["answers"], 30);
    stage.client.say("typist", "typing_stop", &named);
    for name in ["streams", "polls"] {
        let heard = stage.client.hear(name, "user_typing", 31);
        let typing: Vec<_> = heard.iter().map(|one| one["isTyping"] == true).collect();
        assert_eq!(typing, [vec![true; 30], vec![false]].concat(), "{name}");
    }
    // What is kept does not wait for them.
    stage.client.say("typist", "typing_start", &named);
    written(&stage, &conversation, &json!({ "content": "Yes", "isNote": true }));
    for name in ["streams", "polls"] {
        stage.client.hear(name, "new_message", 1);
        stage.client.hear(name, "user_typing", 32);
    }
    stage.server.stop();
}
