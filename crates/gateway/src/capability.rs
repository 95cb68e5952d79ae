//! What a model is asked for, and which model of a provider suits it.

use kith_llm::Provider;

/// What a model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// What callers of `/v1` ask.
    Chat,
    /// An assistant that asks for functions.
    ChatTools,
    /// Short answers.
    ChatLight,
    /// Answers that must fit a schema.
    JsonStrict,
    /// Thinking about what is there.
    BrainReadOnly,
    /// Thinking about what is to be done.
    BrainPlanActions,
    /// Speaking.
    RealtimeVoice,
    /// Texts as vectors.
    Embeddings,
    /// What was said, as text.
    Transcription,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Chat,
        Self::ChatTools,
        Self::ChatLight,
        Self::JsonStrict,
        Self::BrainReadOnly,
        Self::BrainPlanActions,
        Self::RealtimeVoice,
        Self::Embeddings,
        Self::Transcription,
    ];

    /// Its name in settings and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::ChatTools => "chat_tools",
            Self::ChatLight => "chat_light",
            Self::JsonStrict => "json_strict",
            Self::BrainReadOnly => "brain_read_only",
            Self::BrainPlanActions => "brain_plan_actions",
            Self::RealtimeVoice => "realtime_voice",
            Self::Embeddings => "embeddings",
            Self::Transcription => "transcription",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.name() == name)
    }

    /// Its name in variables.
    pub(crate) fn variable(self) -> String {
        self.name().to_ascii_uppercase()
    }

    /// The model of a provider that suits it, where one does better than the provider's usual one.
    pub(crate) fn model(self, provider: Provider) -> Option<&'static str> {
        let of = |openai, anthropic, groq| match provider {
            Provider::OpenAi => Some(openai),
            Provider::Anthropic => anthropic,
            Provider::Groq => groq,
            Provider::Google
            | Provider::Mistral
            | Provider::Cohere
            | Provider::Together
            | Provider::Ollama
            | Provider::Local => None,
        };
        match self {
            Self::Chat => None,
            Self::ChatTools | Self::BrainReadOnly | Self::BrainPlanActions => {
                of("gpt-4o", Some("claude-3-5-sonnet-20241022"), Some("llama-3.3-70b-versatile"))
            }
            Self::ChatLight | Self::JsonStrict => {
                of("gpt-4o-mini", Some("claude-3-haiku-20240307"), Some("llama-3.1-8b-instant"))
            }
            Self::RealtimeVoice => of("gpt-4o-realtime-preview", None, None),
            Self::Embeddings => vectors(provider),
            Self::Transcription => words(provider),
        }
    }

    /// Whether it takes models that do nothing else: not all who chat can do it, and no model that chats.
    pub(crate) const fn is_apart(self) -> bool {
        matches!(self, Self::Embeddings | Self::Transcription)
    }
}

/// The model of a provider that makes vectors; Anthropic and Groq have none.
fn vectors(provider: Provider) -> Option<&'static str> {
    match provider {
        Provider::OpenAi | Provider::Local => Some("text-embedding-3-small"),
        Provider::Google => Some("text-embedding-004"),
        Provider::Mistral => Some("mistral-embed"),
        Provider::Cohere => Some("embed-multilingual-v3.0"),
        Provider::Together => Some("BAAI/bge-base-en-v1.5"),
        Provider::Ollama => Some("nomic-embed-text"),
        Provider::Anthropic | Provider::Groq => None,
    }
}

/// The model of a provider that turns sound into words.
fn words(provider: Provider) -> Option<&'static str> {
    match provider {
        Provider::OpenAi | Provider::Local => Some("whisper-1"),
        Provider::Groq => Some("whisper-large-v3-turbo"),
        Provider::Anthropic
        | Provider::Google
        | Provider::Mistral
        | Provider::Cohere
        | Provider::Together
        | Provider::Ollama => None,
    }
}

/// A tenant's part of a variable's name: its name or id in capitals, and `_` for everything else.
pub(crate) fn key(tenant: &str) -> String {
    let capital = |letter: char| {
        if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { ' ' }
    };
    let spaced: String = tenant.chars().map(capital).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_its_part_of_a_name() {
        assert_eq!(key("acme-inc"), "ACME_INC");
        assert_eq!(key("--Fast..Co!"), "FAST_CO");
        assert_eq!(key("01a2-0b"), "01A2_0B");
        assert_eq!(key("é"), "");
    }

    #[test]
    fn what_has_no_name_has_no_model() {
        assert!(Capability::ALL.iter().all(|one| Capability::named(one.name()) == Some(*one)));
        assert_eq!(Capability::named("chatty"), None);
        assert_eq!(Capability::RealtimeVoice.model(Provider::Groq), None);
        assert_eq!(Capability::JsonStrict.model(Provider::OpenAi), Some("gpt-4o-mini"));
    }
}
