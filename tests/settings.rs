//! Settings: defaults, file, environment; secrets that are made; mistakes that are told.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use kith_platform::{ENVIRONMENT, Origin, Settings};
use serde::Deserialize;

fn read(folder: &Path, environment: &[(&str, &str)]) -> Settings {
    let data = folder.join("data").display().to_string();
    let environment: Vec<(String, String)> = [("KITH_DATA", data.as_str())]
        .iter()
        .chain(environment)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Settings::read(&environment, folder).unwrap()
}

fn shown(settings: &Settings, key: &str) -> (String, Origin) {
    let found = settings.each().into_iter().find(|setting| setting.key == key).unwrap();
    (found.value, found.origin)
}

#[derive(Debug, PartialEq, Deserialize)]
struct Server {
    host: String,
    port: u16,
    cors_origins: Vec<String>,
    shutdown_seconds: u64,
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let file = "[server]\nport = 4000\nshutdown_seconds = \"1m\"\nhost = \"0.0.0.0\"\n";
    fs::write(folder.path().join("kith.toml"), file).unwrap();
    let settings = read(
        folder.path(),
        &[
            ("SERVER_PORT", "5000"),
            ("PORT", "6000"),
            ("CORS_ORIGINS", "https://a.example, https://b.example"),
            ("LOG_LEVEL", ""),
        ],
    );
    assert_eq!(settings.mistakes(), [""; 0]);
    let server: Server = settings.section("server").unwrap();
    let origins = vec!["https://a.example".to_owned(), "https://b.example".to_owned()];
    assert_eq!(
        server,
        Server {
            host: "0.0.0.0".to_owned(),
            port: 6000,
            cors_origins: origins,
            shutdown_seconds: 60
        }
    );
    assert_eq!(shown(&settings, "server.port"), ("6000".to_owned(), Origin::Environment("PORT")));
    assert_eq!(shown(&settings, "server.host").1, Origin::File(folder.path().join("kith.toml")));
    assert_eq!(shown(&settings, "log.level"), ("info".to_owned(), Origin::Default));
}

#[test]
fn mistakes_are_told_and_the_default_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.toml");
    fs::write(&path, "[server]\nprot = 1\n[limits]\napi = \"many\"\n").unwrap();
    let settings = read(
        folder.path(),
        &[
            ("KITH_CONFIG", "other.toml"),
            ("JWT_EXPIRES_IN", "soon"),
            ("DATABASE_URL", "mysql://root:geheim@host/base"),
            ("ENCRYPTION_KEY", "too short"),
            ("MONGO_URL", "mongodb://host"),
        ],
    );
    let told = settings.mistakes().join("\n");
    for words in [
        "server.prot in",
        "Did you mean server.port?",
        "limits.api in",
        "must be a whole number",
        "JWT_EXPIRES_IN must be seconds",
        "store.url must begin with sqlite:",
        "auth.encryption_key must be",
    ] {
        assert!(told.contains(words), "{words} is not told in {told}");
    }
    let all = format!("{told}{settings:?}");
    assert!(!all.contains("geheim") && !all.contains("too short"), "{all}");
    assert_eq!(shown(&settings, "limits.api").0, "100");
    assert_eq!(settings.unused()[0].0, "MONGO_URL");
}

#[test]
fn broken_files_are_refused_without_quoting_them() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("kith.toml"), "[auth]\njwt_secret = \"geheim\n").unwrap();
    let error = Settings::read(&[], folder.path()).unwrap_err();
    assert!(error.message().contains("line 2") && !format!("{error:?}").contains("geheim"));
    let absent = [("KITH_CONFIG".to_owned(), "absent.toml".to_owned())];
    assert!(Settings::read(&absent, folder.path()).unwrap_err().message().contains("absent.toml"));
}

#[test]
fn secrets_are_made_once_and_kept_for_their_owner() {
    let folder = tempfile::tempdir().unwrap();
    let first = read(folder.path(), &[]);
    assert!(!folder.path().join("data").exists(), "reading makes nothing");
    let first = first.with_secrets().unwrap();
    let path = folder.path().join("data/secrets.toml");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let second = read(folder.path(), &[]).with_secrets().unwrap();
    assert_eq!(first.encryption_key().unwrap(), second.encryption_key().unwrap());
    assert_eq!(shown(&second, "auth.jwt_secret"), ("***".to_owned(), Origin::File(path.clone())));
    // One that is set goes before the one that was kept.
    let key = "x".repeat(32);
    let third = read(folder.path(), &[("ENCRYPTION_KEY", &key)]).with_secrets().unwrap();
    assert_eq!(third.encryption_key().unwrap(), [b'x'; 32]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(read(folder.path(), &[]).mistakes()[0].contains("chmod 600"));
}

#[test]
fn a_secret_that_a_release_adds_is_made_beside_the_others() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    let path = folder.path().join("data/secrets.toml");
    fs::write(&path, format!("jwt_secret = \"{}\"\n", "j".repeat(40))).unwrap();
    let settings = read(folder.path(), &[]).with_secrets().unwrap();
    let auth: std::collections::HashMap<String, toml::Value> = settings.section("auth").unwrap();
    assert_eq!(auth["jwt_secret"].as_str().unwrap(), "j".repeat(40));
    assert!(fs::read_to_string(&path).unwrap().contains("session_secret"));
}

#[test]
fn beside_postgresql_secrets_are_asked_for_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [("DATABASE_URL", "postgres://host/base"), ("SESSION_SECRET", "s")];
    let settings = read(folder.path(), &environment);
    // The doctor says the same, and makes nothing.
    let told = settings.check_shared().unwrap_err();
    let error = settings.with_secrets().unwrap_err();
    assert_eq!(told.message(), error.message());
    assert!(
        error.message().contains("Set JWT_SECRET, ENCRYPTION_KEY (each one: openssl"),
        "{error}"
    );
    assert!(!folder.path().join("data").exists());
}

#[test]
fn every_variable_sets_a_key_and_every_key_has_a_variable() {
    let keys: Vec<String> =
        Settings::default().each().into_iter().map(|setting| setting.key).collect();
    for (name, key) in ENVIRONMENT {
        assert!(keys.iter().any(|known| known == key), "{name} sets {key}, which does not exist");
    }
    for key in &keys {
        assert!(ENVIRONMENT.iter().any(|(_, known)| known == key), "no variable sets {key}");
    }
    for provider in kith_llm::Provider::ALL {
        let key = format!("llm.{}_api_key", provider.name());
        assert!(ENVIRONMENT.contains(&(provider.key_variable(), key.as_str())), "{key}");
    }
    let text = include_str!("../kith.default.toml");
    for (name, key) in ENVIRONMENT {
        assert!(text.contains(name), "kith.default.toml does not name {name} for {key}");
    }
}

#[test]
fn tests_have_settings_of_their_own() {
    let settings = Settings::for_tests(&[("limits.auth", "7"), ("server.port", "0")]).unwrap();
    assert_eq!(settings.mistakes(), [""; 0]);
    assert_eq!(
        (shown(&settings, "limits.auth").0, shown(&settings, "limits.api").0),
        ("7".to_owned(), "0".to_owned())
    );
    assert!(Settings::for_tests(&[("limits.auht", "7")]).is_err());
}
