//! Requests and answers of Anthropic's form, as callers of `/v1/messages` send and get them.

mod read;
#[cfg(test)]
mod tests;
mod write;

use kith_http::schema;
use serde_json::Value as Json;

pub(crate) use self::{
    read::{Asked, read, read_to_count},
    write::{Pieces, answer},
};

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
    vec![("ModelMessage".to_owned(), message), ("TokenCount".to_owned(), tokens)]
}
