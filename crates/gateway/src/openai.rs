//! Requests and answers of the OpenAI form, as callers of `/v1` send and get them.

mod read;
mod write;

use kith_http::schema;
use serde_json::Value as Json;

pub(crate) use self::{
    read::{Asked, read},
    write::{Chunks, answer, embeddings},
};

/// Described as far as we look into it: what else the form has is forwarded.
pub(crate) fn request() -> Json {
    let message = schema::open_object;
    schema::object(
        vec![
            (
                "model",
                schema::described(
                    schema::string(),
                    "A model; `provider/model`; `auto` or `auto/<strategy>` for whoever fits best.",
                ),
            ),
            ("messages", schema::list(message())),
            ("stream", schema::nullable(schema::boolean())),
        ],
        &["model", "messages"],
    )
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let usage = crate::answers::usage_schema();
    let completion = schema::object(
        vec![
            ("id", schema::string()),
            ("object", schema::string()),
            ("created", schema::integer()),
            ("model", schema::string()),
            ("choices", schema::list(schema::open_object())),
            ("usage", usage),
        ],
        &["id", "object", "created", "model", "choices", "usage"],
    );
    let model = schema::object(
        vec![
            ("id", schema::string()),
            ("object", schema::string()),
            ("created", schema::integer()),
            ("owned_by", schema::string()),
        ],
        &["id", "object", "created", "owned_by"],
    );
    let models = schema::object(
        vec![("object", schema::string()), ("data", schema::list(model))],
        &["object", "data"],
    );
    vec![("Completion".to_owned(), completion), ("Models".to_owned(), models)]
}
