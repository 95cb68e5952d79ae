//! The providers that are known, and what is known of them.

/// Who runs models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// OpenAI.
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// Google's Gemini, by its endpoint of the OpenAI form.
    Google,
    /// Groq.
    Groq,
    /// Mistral.
    Mistral,
    /// Cohere, by its endpoint of the OpenAI form.
    Cohere,
    /// Together.
    Together,
    /// Ollama, by its endpoint of the OpenAI form.
    Ollama,
    /// Any other server of the OpenAI form.
    Local,
}

/// How a provider wants to be spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// `/chat/completions`.
    #[default]
    OpenAi,
    /// `/messages`.
    Anthropic,
}

/// What is known of a provider.
struct Known {
    name: &'static str,
    label: &'static str,
    base_url: &'static str,
    key_variable: &'static str,
    model: &'static str,
    /// From 3 to 10, as the seeds rank them.
    quality: u8,
    /// From 4 to 10, as the seeds rank them.
    speed: u8,
}

const OPENAI: Known = Known {
    name: "openai",
    label: "OpenAI",
    base_url: "https://api.openai.com/v1",
    key_variable: "OPENAI_API_KEY",
    model: "gpt-4o",
    quality: 9,
    speed: 6,
};
const ANTHROPIC: Known = Known {
    name: "anthropic",
    label: "Anthropic",
    base_url: "https://api.anthropic.com/v1",
    key_variable: "ANTHROPIC_API_KEY",
    model: "claude-3-5-sonnet-20241022",
    quality: 10,
    speed: 6,
};
const GOOGLE: Known = Known {
    name: "google",
    label: "Google AI",
    base_url: "https://generativelanguage.googleapis.com/v1beta/openai",
    key_variable: "GOOGLE_AI_API_KEY",
    model: "gemini-1.5-pro",
    quality: 8,
    speed: 7,
};
const GROQ: Known = Known {
    name: "groq",
    label: "Groq",
    base_url: "https://api.groq.com/openai/v1",
    key_variable: "GROQ_API_KEY",
    model: "llama-3.3-70b-versatile",
    quality: 5,
    speed: 10,
};
const MISTRAL: Known = Known {
    name: "mistral",
    label: "Mistral AI",
    base_url: "https://api.mistral.ai/v1",
    key_variable: "MISTRAL_API_KEY",
    model: "mistral-large-latest",
    quality: 7,
    speed: 5,
};
const COHERE: Known = Known {
    name: "cohere",
    label: "Cohere",
    base_url: "https://api.cohere.ai/compatibility/v1",
    key_variable: "COHERE_API_KEY",
    model: "command-r-plus",
    quality: 6,
    speed: 5,
};
const TOGETHER: Known = Known {
    name: "together",
    label: "Together AI",
    base_url: "https://api.together.xyz/v1",
    key_variable: "TOGETHER_API_KEY",
    model: "meta-llama/Llama-3-70b-chat-hf",
    quality: 4,
    speed: 4,
};
const OLLAMA: Known = Known {
    name: "ollama",
    label: "Ollama",
    base_url: "http://127.0.0.1:11434/v1",
    key_variable: "OLLAMA_API_KEY",
    model: "llama2",
    quality: 3,
    speed: 9,
};
const LOCAL: Known = Known {
    name: "local",
    label: "Local server",
    base_url: "http://127.0.0.1:1234/v1",
    key_variable: "LOCAL_LLM_API_KEY",
    model: "gpt-4o-mini",
    quality: 3,
    speed: 4,
};

impl Provider {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::OpenAi,
        Self::Anthropic,
        Self::Google,
        Self::Groq,
        Self::Mistral,
        Self::Cohere,
        Self::Together,
        Self::Ollama,
        Self::Local,
    ];

    fn known(self) -> &'static Known {
        match self {
            Self::OpenAi => &OPENAI,
            Self::Anthropic => &ANTHROPIC,
            Self::Google => &GOOGLE,
            Self::Groq => &GROQ,
            Self::Mistral => &MISTRAL,
            Self::Cohere => &COHERE,
            Self::Together => &TOGETHER,
            Self::Ollama => &OLLAMA,
            Self::Local => &LOCAL,
        }
    }

    /// The provider of a name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name().eq_ignore_ascii_case(name.trim()))
    }

    /// Its name in settings and answers.
    pub fn name(self) -> &'static str {
        self.known().name
    }

    /// Its name for people.
    pub fn label(self) -> &'static str {
        self.known().label
    }

    /// Where it is reached unless said otherwise.
    pub fn base_url(self) -> &'static str {
        self.known().base_url
    }

    /// The variable that holds the operator's key.
    pub fn key_variable(self) -> &'static str {
        self.known().key_variable
    }

    /// The model that is asked unless said otherwise.
    pub fn default_model(self) -> &'static str {
        self.known().model
    }

    /// How good its models are, from 3 to 10.
    pub fn quality(self) -> u8 {
        self.known().quality
    }

    /// How fast it is, from 4 to 10.
    pub fn speed(self) -> u8 {
        self.known().speed
    }

    /// How it wants to be spoken to.
    pub fn form(self) -> Form {
        match self {
            Self::Anthropic => Form::Anthropic,
            Self::OpenAi
            | Self::Google
            | Self::Groq
            | Self::Mistral
            | Self::Cohere
            | Self::Together
            | Self::Ollama
            | Self::Local => Form::OpenAi,
        }
    }

    /// It runs on one's own machines, and needs no key.
    pub fn is_own(self) -> bool {
        matches!(self, Self::Ollama | Self::Local)
    }
}
