//! Requests and answers of Anthropic's form, as callers of `/v1/messages` send and get them.

mod read;
#[cfg(test)]
mod tests;
mod write;

use kith_http::{Call, schema};
use serde_json::{Value as Json, json};

pub(crate) use self::{
    read::{Asked, read, read_to_count},
    write::{Pieces, answer},
};

/// Whether the caller is a client of Anthropic's.
pub(crate) fn is_spoken(call: &Call) -> bool {
    call.head.headers.contains_key("anthropic-version")
}

/// Models, of which we know no more than their names.
pub(crate) fn models(listed: &[Json]) -> Json {
    let model = |listed: &Json| {
        let id = &listed["id"];
        json!({ "type": "model", "id": id, "display_name": id, "created_at": "1970-01-01T00:00:00Z" })
    };
    let id = |listed: Option<&Json>| listed.map(|listed| listed["id"].clone());
    json!({
        "data": listed.iter().map(model).collect::<Json>(),
        "has_more": false,
        "first_id": id(listed.first()),
        "last_id": id(listed.last()),
    })
}

/// Described as far as we look into it: what else the form has goes to Anthropic as it is.
pub(crate) fn request(counts_alone: bool) -> Json {
    let message = schema::object(
        vec![
            ("role", schema::one_of(&["user", "assistant"])),
            ("content", schema::described(schema::any(), "A text, or a list of blocks.")),
        ],
        &["role", "content"],
    );
    let mut fields = vec![
        (
            "model",
            schema::described(
                schema::string(),
                "A model of any provider; `provider/model`; `auto` or `auto/<strategy>` for whoever fits best.",
            ),
        ),
        ("messages", schema::list(message)),
        ("system", schema::described(schema::any(), "A text, or a list of blocks of text.")),
        ("tools", schema::nullable(schema::list(schema::open_object()))),
        ("tool_choice", schema::nullable(schema::open_object())),
    ];
    if counts_alone {
        return schema::object(fields, &["model", "messages"]);
    }
    fields.extend([
        ("max_tokens", schema::integer()),
        ("stream", schema::nullable(schema::boolean())),
        ("temperature", schema::nullable(schema::number())),
        ("top_p", schema::nullable(schema::number())),
        ("top_k", schema::nullable(schema::integer())),
        ("stop_sequences", schema::nullable(schema::list(schema::string()))),
        ("metadata", schema::nullable(schema::open_object())),
    ]);
    schema::object(fields, &["model", "max_tokens", "messages"])
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let counts = ["input_tokens", "output_tokens"];
    let usage = schema::object(counts.map(|key| (key, schema::integer())).to_vec(), &counts);
    let reasons = ["end_turn", "max_tokens", "tool_use", "refusal"];
    let message = schema::object(
        vec![
            ("id", schema::string()),
            ("type", schema::one_of(&["message"])),
            ("role", schema::one_of(&["assistant"])),
            ("model", schema::string()),
            ("content", schema::list(schema::open_object())),
            ("stop_reason", schema::one_of(&reasons)),
            ("stop_sequence", schema::nullable(schema::string())),
            ("usage", usage),
        ],
        &["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"],
    );
    let tokens = schema::object(vec![("input_tokens", schema::integer())], &["input_tokens"]);
    let keys = ["type", "id", "display_name", "created_at"];
    let model = schema::object(keys.map(|key| (key, schema::string())).to_vec(), &keys);
    let models = schema::object(
        vec![
            ("data", schema::list(model)),
            ("has_more", schema::boolean()),
            ("first_id", schema::nullable(schema::string())),
            ("last_id", schema::nullable(schema::string())),
        ],
        &["data", "has_more", "first_id", "last_id"],
    );
    vec![
        ("ModelMessage".to_owned(), message),
        ("AnthropicModels".to_owned(), models),
        ("TokenCount".to_owned(), tokens),
    ]
}
