//! The named schemas of what is said of documents besides their records.

use kith_http::schema;
use serde_json::Value as Json;

use crate::knowledge::Mode;

pub(crate) fn schemas() -> Vec<(String, Json)> {
    vec![
        ("DocumentContent".to_owned(), content()),
        ("DocumentChunk".to_owned(), chunk()),
        ("Passage".to_owned(), passage()),
        ("Passages".to_owned(), passages()),
        super::standing::schema(),
    ]
}

fn content() -> Json {
    let keys = vec![
        ("documentId", schema::id()),
        ("content", schema::string()),
        ("characters", schema::integer()),
        (
            "truncated",
            schema::described(
                schema::boolean(),
                "Whether there is more than is shown here: see /chunks.",
            ),
        ),
    ];
    schema::object(keys, &["documentId", "content", "characters", "truncated"])
}

fn chunk() -> Json {
    let keys = vec![
        ("id", schema::id()),
        ("position", schema::integer()),
        ("page", schema::nullable(schema::integer())),
        ("heading", schema::string()),
        ("text", schema::string()),
        (
            "overlap",
            schema::described(
                schema::integer(),
                "Characters that stand at the end of the one before, too.",
            ),
        ),
    ];
    schema::object(keys, &["id", "position", "page", "heading", "text", "overlap"])
}

fn passage() -> Json {
    let share = |text: &str| schema::described(schema::number(), text);
    let keys = vec![
        ("documentId", schema::id()),
        ("title", schema::string()),
        ("chunkId", schema::id()),
        ("position", schema::integer()),
        ("page", schema::nullable(schema::integer())),
        ("heading", schema::string()),
        ("excerpt", schema::string()),
        ("score", share("How well it fits, from 0 to 1.")),
        ("semantic", share("How near its meaning is, from 0 to 1.")),
        ("keyword", share("How well its words fit, from 0 to 1.")),
        ("evidence", share("Whether it answers, from 0 to 1; below 0.5 it is no answer.")),
    ];
    let required: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
    schema::object(keys.clone(), &required)
}

fn passages() -> Json {
    let keys = vec![
        ("data", schema::list(schema::named("Passage"))),
        ("mode", schema::one_of(&Mode::NAMES)),
        (
            "answered",
            schema::described(schema::boolean(), "Whether any of them has evidence enough."),
        ),
        (
            "fallback",
            schema::described(
                schema::nullable(schema::string()),
                "Why it was not looked for by meaning.",
            ),
        ),
        ("tookMs", schema::integer()),
    ];
    schema::object(keys, &["data", "mode", "answered", "fallback", "tookMs"])
}
