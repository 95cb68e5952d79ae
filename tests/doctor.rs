//! `kith doctor` and models: each provider is asked, all at once, and what is wrong comes with what to do.

use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    models::Far,
    server::{Installation, embedded},
};

/// Providers by the beginning of their variables, with the model that is asked and what is told then.
const MODELS: [(&str, &str, &str); 8] = [
    ("OPENAI", "good-1", "answered in "),
    (
        "ANTHROPIC",
        "denied-2",
        "answered with status 401: there is no key ***. Set ANTHROPIC_API_KEY anew",
    ),
    ("GROQ", "none-3", "no such model. Name a model that it has by GROQ_MODEL"),
    ("MISTRAL", "limit-4", "answered with status 429: slow down. It works, and takes no more"),
    (
        "TOGETHER",
        "html-5",
        "is no JSON. Something else seems to answer there: see to TOGETHER_BASE_URL.",
    ),
    (
        "COHERE",
        "late-6",
        "in time. Can this machine reach it? See to the network, or to COHERE_BASE_URL.",
    ),
    ("GOOGLE_AI", "late-7", "in time. Can this machine reach it?"),
    ("LOCAL_LLM", "late-8", "in time. Does it run? Start it, or see to LOCAL_LLM_BASE_URL."),
];

fn installation() -> (TempDir, Installation) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_owned();
    let database_url = embedded(&data);
    (folder, Installation { data, database_url, smtp_url: String::new() })
}

#[test]
fn without_a_provider_it_is_said_what_sets_one_up() {
    let (folder, here) = installation();
    let told = here.told(&["doctor"], &[]);
    assert!(
        told.contains("no provider is set up; any one of these does it: OPENAI_API_KEY, "),
        "{told}"
    );
    assert!(told.contains(", OLLAMA_BASE_URL, LOCAL_LLM_BASE_URL\n"), "{told}");
    assert!(told.contains("Nothing is wrong."), "{told}");
    assert!(!folder.path().join("secrets.toml").exists(), "secrets were kept");
}

#[test]
fn channels_for_mail_that_cannot_send_are_told() {
    let (_folder, here) = installation();
    let mut server = here.serve(None);
    let ana = json!({ "email": "ana@example.com", "password": "a password of the tests", "name": "Ana", "tenantName": "Acme" });
    let signed_up = server.ask("POST /api/auth/register", "", Some(&ana)).unwrap();
    server.token = Some(signed_up.json["token"].as_str().unwrap().to_owned());
    for config in [
        json!({ "address": "one@shop.example" }),
        json!({ "address": "two@shop.example", "smtpUrl": "smtp://mail.example" }),
    ] {
        let channel = json!({ "type": "EMAIL", "name": "Help", "config": config });
        let made = server.ask("POST /api/channels", "", Some(&channel)).unwrap();
        assert_eq!(made.status, 201, "{made:?}");
    }
    server.stop();
    let told = here.told(&["doctor"], &[]);
    assert!(told.contains("no smtpUrl of their own: 1. Nothing goes out"), "{told}");
    let told = here.told(&["doctor"], &[("SMTP_URL", "smtp://127.0.0.1:9")]);
    assert!(!told.contains("smtpUrl of their own"), "{told}");
}

#[test]
fn each_provider_is_asked_and_what_is_wrong_comes_with_what_to_do() {
    const SECRET: &str = "sk-of-the-operator-0001";
    let ((_folder, here), far) = (installation(), Far::start());
    let base = format!("http://127.0.0.1:{}/v1", far.port);
    let named = MODELS.map(|(name, model, _)| {
        let name = |what: &str| format!("{name}_{what}");
        [(name("API_KEY"), SECRET), (name("BASE_URL"), &base), (name("MODEL"), model)]
    });
    let named = named.iter().flatten().map(|(name, value)| (name.as_str(), *value));
    let nobody = [("OLLAMA_BASE_URL", "http://127.0.0.1:9/v1"), ("LLM_TIMEOUT_SECONDS", "3")];
    let began = Instant::now();
    let told = here.told(&["doctor"], &named.chain(nobody).collect::<Vec<_>>());
    // Three that are late, one after the other, would take nine seconds.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    for (_, model, wanted) in MODELS {
        let line = |line: &&str| line.contains(&format!(": {model} at {base}"));
        let lines: Vec<&str> = told.lines().filter(line).collect();
        assert!(lines.last().unwrap().contains(wanted), "{model}: {lines:?}");
        // Who does not answer is among the models, and among what is wrong.
        assert_eq!(lines.len(), 1 + usize::from(model != "good-1"), "{lines:?}");
    }
    assert!(told.contains("ollama: llama2 at http://127.0.0.1:9/v1 cannot be reached"), "{told}");
    assert!(!told.contains(SECRET), "{told}");
    let asked: Vec<_> = MODELS.iter().map(|_| far.asked()["body"]["max_tokens"].clone()).collect();
    assert!(asked.iter().all(|tokens| *tokens == 16) && far.is_unasked(), "{asked:?}");
}
