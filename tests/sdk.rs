//! The official clients of OpenAI and Anthropic at the binary, with a key of Kith; what they do stands in `sdk/`.

use std::process::Command;

use serde_json::{Value as Json, json};

use crate::{
    database::{Database, Kind, on_both},
    models::Far,
    python::python,
    server::{Installation, Server, embedded},
};

on_both!(the_client_of_openai_is_content, the_client_of_anthropic_is_content,);

async fn the_client_of_openai_is_content(kind: Kind) {
    is_content(kind, "openai", 12).await;
}

async fn the_client_of_anthropic_is_content(kind: Kind) {
    is_content(kind, "anthropic", 13).await;
}

/// Everything that the client of this name does goes as it must, at a server that asks one provider after the other and at
/// one that asks one alone.
async fn is_content(kind: Kind, client: &str, usual: usize) {
    let (database, far) = (Database::fresh(kind).await, Far::start());
    let folder = database.folder.path();
    let database_url = match kind {
        Kind::Sqlite => embedded(folder),
        Kind::Postgres => database.options.url.clone(),
    };
    let installation =
        Installation { data: folder.to_owned(), database_url, smtp_url: String::new() };
    let base = format!("http://127.0.0.1:{}/v1", far.port);
    let providers = [
        ("OPENAI_API_KEY", "sk-of-the-operator-0001"),
        ("OPENAI_BASE_URL", &base),
        ("OPENAI_MODEL", "good-1"),
        ("ANTHROPIC_API_KEY", "sk-ant-of-the-operator-0001"),
        ("ANTHROPIC_BASE_URL", &base),
        ("ANTHROPIC_MODEL", "good-2"),
        ("AI_ROUTING_STRATEGY", "failover"),
        ("LLM_RETRIES", "0"),
        ("RATE_LIMIT_API", "0"),
    ];
    let mut server = installation.serve_with(&providers);
    let ana = json!({ "email": "ana@acme.example", "password": "a long password" });
    let token =
        server.ask("POST /api/auth/register", "", Some(&ana)).unwrap().json["token"].clone();
    server.token = token.as_str().map(str::to_owned);
    let keys =
        [json!(["ai:read", "ai:write"]), json!(["ai:read"])].map(|scopes| key(&server, &scopes));
    assert_eq!(told(&server, (client, "usual"), &keys), usual);
    server.stop();
    let alone = [&providers[..], &[("AI_ENABLE_FALLBACK", "false")]].concat();
    let server = installation.serve_with(&alone);
    assert_eq!(told(&server, (client, "alone"), &keys), 2);
    server.stop();
}

fn key(server: &Server, scopes: &Json) -> String {
    let asked = json!({ "name": "of a program", "scopes": scopes });
    let made = server.ask("POST /api/api-keys", "", Some(&asked)).unwrap();
    made.json["key"].as_str().unwrap().to_owned()
}

/// How many things went well; any that does not is told.
fn told(server: &Server, (client, which): (&str, &str), keys: &[String; 2]) -> usize {
    let script = format!("{}/sdk/{client}_sdk.py", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(python(client, client))
        .args([&script, which])
        .env("KITH_URL", server.url())
        .env("KITH_KEY", &keys[0])
        .env("KITH_READER_KEY", &keys[1])
        .output()
        .unwrap();
    let [told, wrong] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{client} {which}: behind\n{told}{wrong}");
    told.lines().count()
}
