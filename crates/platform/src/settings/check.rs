//! What must hold of values beyond their kind.

use super::{Settings, secrets};

/// Keys with a fixed set of values.
const CHOICES: [(&str, &[&str]); 3] = [
    ("store.sync", &["normal", "full"]),
    ("auth.cookie_same_site", &["lax", "strict", "none"]),
    ("documents.embeddings", &["auto", "local"]),
];

/// Keys that hold an address, and how it may begin.
const SCHEMES: [(&str, &[&str]); 7] = [
    ("files.s3_endpoint", &["http://", "https://"]),
    ("store.url", &["sqlite:", "postgres://", "postgresql://"]),
    ("store.redis_url", &["redis://", "rediss://"]),
    ("store.chromadb_url", &["http://", "https://"]),
    ("mail.smtp_url", &["smtp://", "smtps://"]),
    ("server.frontend_url", &["http://", "https://"]),
    ("base44.api_base", &["http://", "https://"]),
];

/// A shorter secret can be guessed offline by whoever holds a token.
const SHORTEST_SECRET: usize = 32;

/// Numbers that zero makes no sense of.
const AT_LEAST_ONE: [&str; 11] = [
    "store.readers",
    "jobs.at_once",
    "server.concurrency",
    "log.days",
    "outgoing.timeout_seconds",
    "outgoing.answer_bytes",
    "base44.timeout_seconds",
    "channels.imap_seconds",
    "documents.reader_seconds",
    "documents.pages",
    "documents.characters",
];
/// S3 takes no smaller part of a file but the last.
const SMALLEST_PART: i64 = 5 * 1_024 * 1_024;

impl Settings {
    /// Notes what is wrong; nothing that is wrong is quoted, since it may be a secret.
    pub(super) fn check(&mut self) {
        let mut found = Vec::new();
        for (key, allowed) in CHOICES {
            if !allowed.contains(&self.text(key)) {
                found.push(format!("{key} must be one of {}.", allowed.join(", ")));
            }
        }
        for (key, schemes) in SCHEMES {
            let text = self.text(key);
            if !text.is_empty() && !schemes.iter().any(|scheme| text.starts_with(scheme)) {
                found.push(format!("{key} must begin with {}.", schemes.join(" or ")));
            }
        }
        for key in ["auth.jwt_secret", "auth.session_secret"] {
            if (1..SHORTEST_SECRET).contains(&self.text(key).len()) {
                found.push(format!("{key} is shorter than {SHORTEST_SECRET} characters."));
            }
        }
        found.extend(self.wrong_keys());
        if self.whole("server.port") > i64::from(u16::MAX) {
            found.push("server.port must be at most 65535.".to_owned());
        }
        for key in AT_LEAST_ONE {
            if self.whole(key) == 0 {
                found.push(format!("{key} must be at least 1."));
            }
        }
        if self.whole("files.s3_part_bytes") < SMALLEST_PART {
            found.push(format!("files.s3_part_bytes must be at least {SMALLEST_PART}."));
        }
        self.mistakes.extend(found);
    }

    fn wrong_keys(&self) -> Vec<String> {
        let (key, mut found) = (self.text("auth.encryption_key"), Vec::new());
        if !key.is_empty() && secrets::key(key).is_none() {
            found.push(
                "auth.encryption_key must be 32 characters, or 32 bytes as hex or base64."
                    .to_owned(),
            );
        }
        if self.list(secrets::OLD_KEYS).any(|key| secrets::key(key).is_none()) {
            found.push(
                "auth.encryption_keys_old must hold keys of 32 characters, or of 32 bytes as hex or base64."
                    .to_owned(),
            );
        }
        found
    }
}
