//! The named schemas of conversations.

use kith_http::schema;
use serde_json::Value as Json;

use super::naming::TOPICS;

pub(crate) const STATUSES: [&str; 2] = ["active", "archived"];
const STATES: [&str; 3] = ["pending", "accepted", "refused"];

fn conversation() -> Vec<(&'static str, Json)> {
    vec![
        ("id", schema::id()),
        ("agentName", schema::string()),
        ("status", schema::one_of(&STATUSES)),
        ("title", schema::nullable(schema::string())),
        ("topic", schema::nullable(schema::one_of(&TOPICS))),
        ("metadata", schema::any()),
        ("messageCount", schema::integer()),
        ("lastMessageAt", schema::nullable(schema::time())),
        (
            "lastMessageExcerpt",
            schema::described(schema::nullable(schema::string()), "Its first 200 letters."),
        ),
        ("createdAt", schema::time()),
        ("updatedAt", schema::time()),
    ]
}

fn message() -> Json {
    let keys = vec![
        ("id", schema::id()),
        ("role", schema::one_of(&["user", "assistant"])),
        ("content", schema::string()),
        ("metadata", schema::any()),
        ("createdAt", schema::time()),
    ];
    schema::object(keys, &["id", "role", "content", "metadata", "createdAt"])
}

fn action() -> Json {
    let keys = vec![
        ("id", schema::id()),
        ("tool", schema::string()),
        ("arguments", schema::open_object()),
        ("state", schema::one_of(&STATES)),
        ("createdAt", schema::time()),
        ("decidedAt", schema::nullable(schema::time())),
    ];
    schema::object(keys, &["id", "tool", "arguments", "state", "createdAt", "decidedAt"])
}

fn reply() -> Json {
    let usage = kith_gateway::usage_schema();
    let interaction = schema::object(
        vec![
            ("tool", schema::string()),
            ("arguments", schema::any()),
            ("error", schema::nullable(schema::string())),
            ("batch", schema::described(schema::nullable(schema::id()), "By which it is undone.")),
        ],
        &["tool", "arguments", "error", "batch"],
    );
    let keys = vec![
        ("status", schema::string()),
        ("conversationId", schema::id()),
        ("response", schema::string()),
        ("model", schema::string()),
        ("usage", usage),
        ("toolInteractions", schema::list(interaction)),
        (
            "pending",
            schema::described(
                schema::list(schema::named("AiAction")),
                "What the member is to decide.",
            ),
        ),
        ("savedMessage", schema::named("AiMessage")),
    ];
    let required: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
    schema::object(keys.clone(), &required)
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let required: Vec<&str> = conversation().iter().map(|(key, _)| *key).collect();
    let mut whole = conversation();
    whole.push((
        "messages",
        schema::described(schema::list(schema::named("AiMessage")), "The last ones, oldest first."),
    ));
    whole.push(("actions", schema::list(schema::named("AiAction"))));
    let with_messages: Vec<&str> =
        required.iter().copied().chain(["messages", "actions"]).collect();
    vec![
        ("AiConversation".to_owned(), schema::object(conversation(), &required)),
        ("AiConversationWithMessages".to_owned(), schema::object(whole, &with_messages)),
        ("AiMessage".to_owned(), message()),
        ("AiAction".to_owned(), action()),
        ("AiReply".to_owned(), reply()),
    ]
}
