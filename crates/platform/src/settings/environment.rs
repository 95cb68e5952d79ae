//! The environment: which variable sets which key, and names of the seeds that mean nothing here.

use toml::Value;

use super::{Origin, Settings, fit};

/// Variables and the keys they set; where several set the same key, the first one that is set counts.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("HOST", "server.host"),
    ("PORT", "server.port"),
    ("SERVER_PORT", "server.port"),
    ("FRONTEND_URL", "server.frontend_url"),
    ("CORS_ORIGINS", "server.cors_origins"),
    ("ALLOWED_ORIGINS", "server.cors_origins"),
    ("REQUEST_SECONDS", "server.request_seconds"),
    ("BODY_BYTES", "server.body_bytes"),
    ("UPLOAD_BYTES", "server.upload_bytes"),
    ("CONCURRENCY", "server.concurrency"),
    ("SHUTDOWN_SECONDS", "server.shutdown_seconds"),
    ("DATABASE_URL", "store.url"),
    ("KITH_DATA", "store.data"),
    ("KITH_SYNC", "store.sync"),
    ("STORE_READERS", "store.readers"),
    ("STATEMENT_SECONDS", "store.statement_seconds"),
    ("REDIS_URL", "store.redis_url"),
    ("CHROMADB_URL", "store.chromadb_url"),
    ("JWT_SECRET", "auth.jwt_secret"),
    ("SESSION_SECRET", "auth.session_secret"),
    ("ENCRYPTION_KEY", "auth.encryption_key"),
    ("ENCRYPTION_KEYS_OLD", "auth.encryption_keys_old"),
    ("JWT_EXPIRES_IN", "auth.access_seconds"),
    ("JWT_REFRESH_EXPIRES_IN", "auth.refresh_seconds"),
    ("REFRESH_GRACE_SECONDS", "auth.refresh_grace_seconds"),
    ("COOKIE_SAMESITE", "auth.cookie_same_site"),
    ("PASSWORD_MEMORY_KIB", "auth.password_memory_kib"),
    ("FILES_DIR", "files.folder"),
    ("FILES_KEPT", "files.deleted_seconds"),
    ("S3_ENDPOINT", "files.s3_endpoint"),
    ("S3_REGION", "files.s3_region"),
    ("S3_BUCKET", "files.s3_bucket"),
    ("S3_ACCESS_KEY_ID", "files.s3_access_key_id"),
    ("S3_SECRET_ACCESS_KEY", "files.s3_secret_access_key"),
    ("S3_CA_FILE", "files.s3_ca_file"),
    ("S3_PART_BYTES", "files.s3_part_bytes"),
    ("KITH_EMBEDDINGS", "documents.embeddings"),
    ("KITH_EMBED_MODEL", "documents.embed_model"),
    ("KITH_INDEX_BYTES", "documents.index_bytes"),
    ("DOCUMENT_READER", "documents.reader"),
    ("DOCUMENT_READER_BYTES", "documents.reader_bytes"),
    ("DOCUMENT_READER_SECONDS", "documents.reader_seconds"),
    ("DOCUMENT_PAGES", "documents.pages"),
    ("DOCUMENT_CHARACTERS", "documents.characters"),
    ("RATE_LIMIT_AUTH", "limits.auth"),
    ("RATE_LIMIT_API", "limits.api"),
    ("RATE_LIMIT_UPLOAD", "limits.upload"),
    ("RATE_LIMIT_AI", "limits.ai"),
    ("JOBS_AT_ONCE", "jobs.at_once"),
    ("SMTP_URL", "mail.smtp_url"),
    ("MAIL_FROM", "mail.from"),
    ("EMAIL_FROM", "mail.from"),
    ("SMTP_SECONDS", "mail.timeout_seconds"),
    ("LIVE_SOCKETS", "live.sockets"),
    ("LIVE_SOCKETS_PER_MEMBER", "live.sockets_per_member"),
    ("LIVE_EVENTS_PER_SECOND", "live.events_per_second"),
    ("LIVE_BUFFER", "live.buffer"),
    ("LIVE_MESSAGE_BYTES", "live.message_bytes"),
    ("OUTGOING_ALLOWED_HOSTS", "outgoing.allowed_hosts"),
    ("OUTGOING_SECONDS", "outgoing.timeout_seconds"),
    ("OUTGOING_BYTES", "outgoing.answer_bytes"),
    ("BUNDLES_IMPORT_BY", "bundles.import_by"),
    ("BUNDLES_PATIENCE", "bundles.patience_seconds"),
    ("META_GRAPH_BASE", "channels.meta_graph_base"),
    ("TELEGRAM_API_BASE", "channels.telegram_api_base"),
    ("FACEBOOK_APP_SECRET", "channels.facebook_app_secret"),
    ("PUBLIC_URL", "channels.public_url"),
    ("WEBHOOK_BYTES", "channels.webhook_bytes"),
    ("INBOUND_MAIL_BYTES", "channels.mail_bytes"),
    ("IMAP_SECONDS", "channels.imap_seconds"),
    ("BASE44_APP_ID", "base44.app_id"),
    ("BASE44_API_BASE", "base44.api_base"),
    ("BASE44_API_KEY", "base44.api_key"),
    ("BASE44_TENANT", "base44.tenant"),
    ("BASE44_MOST_RECORDS", "base44.most_records"),
    ("BASE44_SECONDS", "base44.timeout_seconds"),
    ("LLM_PROVIDER", "llm.provider"),
    ("LLM_FAILOVER_CHAIN", "llm.failover_chain"),
    ("AI_ROUTING_STRATEGY", "llm.routing"),
    ("AI_ENABLE_FALLBACK", "llm.enable_fallback"),
    ("AI_CIRCUIT_BREAKER_THRESHOLD", "llm.breaker_failures"),
    ("AI_CIRCUIT_BREAKER_RESET_SECONDS", "llm.breaker_seconds"),
    ("LLM_TIMEOUT_SECONDS", "llm.timeout_seconds"),
    ("LLM_ANSWER_SECONDS", "llm.answer_seconds"),
    ("LLM_RETRIES", "llm.retries"),
    ("ENABLE_PII_MASKING", "llm.mask_personal_data"),
    ("ENABLE_SAFETY_FILTER", "llm.safety_filter"),
    ("AI_CACHE_TTL", "llm.cache_seconds"),
    ("AI_REQUIRE_CREDITS", "llm.require_credits"),
    ("OPENAI_API_KEY", "llm.openai_api_key"),
    ("OPENAI_BASE_URL", "llm.openai_base_url"),
    ("OPENAI_MODEL", "llm.openai_model"),
    ("ANTHROPIC_API_KEY", "llm.anthropic_api_key"),
    ("ANTHROPIC_BASE_URL", "llm.anthropic_base_url"),
    ("ANTHROPIC_MODEL", "llm.anthropic_model"),
    ("GOOGLE_AI_API_KEY", "llm.google_api_key"),
    ("GOOGLE_AI_BASE_URL", "llm.google_base_url"),
    ("GOOGLE_AI_MODEL", "llm.google_model"),
    ("GROQ_API_KEY", "llm.groq_api_key"),
    ("GROQ_BASE_URL", "llm.groq_base_url"),
    ("GROQ_MODEL", "llm.groq_model"),
    ("MISTRAL_API_KEY", "llm.mistral_api_key"),
    ("MISTRAL_BASE_URL", "llm.mistral_base_url"),
    ("MISTRAL_MODEL", "llm.mistral_model"),
    ("COHERE_API_KEY", "llm.cohere_api_key"),
    ("COHERE_BASE_URL", "llm.cohere_base_url"),
    ("COHERE_MODEL", "llm.cohere_model"),
    ("TOGETHER_API_KEY", "llm.together_api_key"),
    ("TOGETHER_BASE_URL", "llm.together_base_url"),
    ("TOGETHER_MODEL", "llm.together_model"),
    ("OLLAMA_API_KEY", "llm.ollama_api_key"),
    ("OLLAMA_BASE_URL", "llm.ollama_base_url"),
    ("OLLAMA_MODEL", "llm.ollama_model"),
    ("LOCAL_LLM_API_KEY", "llm.local_api_key"),
    ("LOCAL_LLM_BASE_URL", "llm.local_base_url"),
    ("LOCAL_LLM_MODEL", "llm.local_model"),
    ("LOG_LEVEL", "log.level"),
    ("RUST_LOG", "log.level"),
    ("LOG_DIR", "log.folder"),
    ("LOG_DAYS", "log.days"),
];

/// How the names of variables begin that name something themselves: a tenant, or what a model is for.
const OPEN: [&str; 12] = [
    "LLM_PROVIDER__TENANT_",
    "MODEL_",
    "DEFAULT_OPENAI_MODEL",
    "OPENAI_MODEL_",
    "ANTHROPIC_MODEL_",
    "GOOGLE_AI_MODEL_",
    "GROQ_MODEL_",
    "MISTRAL_MODEL_",
    "COHERE_MODEL_",
    "TOGETHER_MODEL_",
    "OLLAMA_MODEL_",
    "LOCAL_LLM_MODEL_",
];

/// Variables of the seeds that have no use any more, and what to do instead.
pub const UNUSED: &[(&str, &str)] = &[
    ("MONGO_URL", "set DATABASE_URL; `kith import` brings the data over"),
    ("MONGODB_URL", "set DATABASE_URL; `kith import` brings the data over"),
    ("JWT_REFRESH_SECRET", "refresh tokens are random and stored as hashes; leave it out"),
    ("NODE_ENV", "there is one mode; leave it out"),
    ("API_VERSION", "/api and /api/v1 are the same; leave it out"),
    ("QDRANT_URL", "vectors stand in the database, or set CHROMADB_URL"),
    ("RATE_LIMIT_WINDOW_MS", "limits are per minute; leave it out"),
    ("RATE_LIMIT_MAX", "set RATE_LIMIT_API"),
    ("ENABLE_RATE_LIMITING", "set RATE_LIMIT_AUTH, _API, _UPLOAD, _AI; 0 switches one off"),
    ("ENABLE_AUDIT_LOGS", "the event log is always written; leave it out"),
    ("SMTP_HOST", "set SMTP_URL=smtp://user:password@host:port"),
    ("SMTP_PORT", "set SMTP_URL=smtp://user:password@host:port"),
    ("SMTP_USER", "set SMTP_URL=smtp://user:password@host:port"),
    ("SMTP_PASS", "set SMTP_URL=smtp://user:password@host:port"),
    ("SMTP_PASSWORD", "set SMTP_URL=smtp://user:password@host:port"),
];

/// Whether a variable's name names something itself.
pub(super) fn is_open(name: &str) -> bool {
    OPEN.iter().any(|beginning| name.starts_with(beginning))
}

/// All variables of the process that are text.
pub(super) fn of_the_process() -> Vec<(String, String)> {
    // `vars` would panic at a variable that is no UTF-8.
    let all = std::env::vars_os();
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

impl Settings {
    /// Takes what is set; an empty variable counts as not set, as container tools leave them.
    pub(super) fn read_environment(&mut self, environment: &[(String, String)]) {
        let find = |wanted: &str| {
            let found =
                environment.iter().find(|(name, value)| name == wanted && !value.is_empty());
            found.map(|(_, value)| value.as_str())
        };
        for (name, key) in ENVIRONMENT.iter().rev() {
            if let (Some(text), Some(held)) = (find(name), self.values.get(*key)) {
                match fit::text(key, text, &held.value) {
                    Ok(value) => self.put(key, value, Origin::Environment(name)),
                    Err(why) => self.mistakes.push(format!("{name} {why}.")),
                }
            }
        }
        if let (Some(host), None) = (find("REDIS_HOST"), find("REDIS_URL")) {
            let url = format!("redis://{host}:{}", find("REDIS_PORT").unwrap_or("6379"));
            self.put("store.redis_url", Value::String(url), Origin::Environment("REDIS_HOST"));
        }
        let open =
            environment.iter().filter(|(name, value)| is_open(name) && !value.trim().is_empty());
        self.open.extend(open.map(|(name, value)| (name.clone(), value.trim().to_owned())));
        self.unused = UNUSED.iter().copied().filter(|(name, _)| find(name).is_some()).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_not_called_useless() {
        for (name, _) in UNUSED {
            assert!(ENVIRONMENT.iter().all(|(read, _)| read != name), "{name}");
        }
    }
}
