//! The section `[llm]`: what the operator has set up, and in which order it is asked.

use std::collections::HashMap;

use kith_kernel::{Result, invalid};
use kith_llm::{Candidate, Provider, Strategy, Target, Usage, models, order};
use kith_platform::Settings;
use serde::Deserialize;

use crate::keys::{Keys, Secret};

/// The section as it is written.
#[derive(Deserialize)]
struct Section {
    provider: String,
    failover_chain: Vec<String>,
    routing: String,
    enable_fallback: bool,
    breaker_failures: u32,
    breaker_seconds: u64,
    timeout_seconds: u64,
    retries: u32,
    openai_base_url: String,
    anthropic_base_url: String,
    google_base_url: String,
    groq_base_url: String,
    mistral_base_url: String,
    cohere_base_url: String,
    together_base_url: String,
    ollama_base_url: String,
    local_base_url: String,
    openai_model: String,
    anthropic_model: String,
    google_model: String,
    groq_model: String,
    mistral_model: String,
    cohere_model: String,
    together_model: String,
    ollama_model: String,
    local_model: String,
}

/// What the operator has set up.
pub(crate) struct Setup {
    first: Provider,
    chain: Vec<Provider>,
    strategy: Strategy,
    falls_back: bool,
    reached: HashMap<Provider, Reached>,
    pub(crate) limits: kith_llm::Limits,
    pub(crate) door: kith_llm::Door,
}

/// Keys of whoever asks, and whose they are, before those of the operator.
pub(crate) type Own = HashMap<Provider, (String, String)>;

/// How a provider is reached, and which model is asked unless said otherwise.
struct Reached {
    /// It can be asked with what the operator has set up.
    is_there: bool,
    key: Option<String>,
    base_url: String,
    model: String,
}

/// What a request says of who is to answer it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    provider: Option<Provider>,
    model: Option<String>,
    strategy: Option<Strategy>,
}

impl Setup {
    pub(crate) fn of(settings: &Settings, keys: &Keys) -> Result<Self> {
        let section: Section = settings.section("llm")?;
        let provider = |name: &str| {
            let known = Provider::ALL.map(Provider::name).join(", ");
            Provider::named(name)
                .ok_or_else(|| invalid("llm.provider", format!("{name:?} is none of {known}")))
        };
        let chain: Result<Vec<_>> =
            section.failover_chain.iter().map(|name| provider(name)).collect();
        let strategy = Strategy::named(&section.routing).ok_or_else(|| {
            let known = Strategy::ALL.map(Strategy::name).join(", ");
            invalid("llm.routing", format!("{:?} is none of {known}", section.routing))
        })?;
        let mut limits = kith_llm::Limits::default();
        limits.first_byte = std::time::Duration::from_secs(section.timeout_seconds.max(1));
        limits.silence = limits.first_byte;
        limits.retries = section.retries;
        let door = kith_llm::Door {
            failures: section.breaker_failures.max(1),
            rest: std::time::Duration::from_secs(section.breaker_seconds),
        };
        Ok(Self {
            first: provider(&section.provider)?,
            chain: chain?,
            strategy,
            falls_back: section.enable_fallback,
            limits,
            door,
            reached: Provider::ALL
                .into_iter()
                .map(|provider| (provider, section.reached(provider, keys.of_operator(provider))))
                .collect(),
        })
    }

    /// The providers that can be asked.
    pub(crate) fn providers(&self, own: &Own) -> impl Iterator<Item = (Provider, &str)> {
        Provider::ALL.into_iter().filter_map(move |provider| {
            Some((provider, self.reached(provider, own)?.model.as_str()))
        })
    }

    fn reached(&self, provider: Provider, own: &Own) -> Option<&Reached> {
        let reached = self.reached.get(&provider)?;
        (reached.is_there || own.contains_key(&provider)).then_some(reached)
    }

    /// Who is asked for a request, in order. None where nobody could be.
    pub(crate) fn targets(&self, wanted: &Wanted, usage: Usage, own: &Own) -> Vec<Target> {
        let mut all = self.candidates(wanted, usage, own);
        if !self.falls_back {
            all.truncate(1);
        }
        all.into_iter().filter_map(|candidate| self.target(candidate, own)).collect()
    }

    fn target(&self, Candidate { provider, model }: Candidate, own: &Own) -> Option<Target> {
        let reached = self.reached(provider, own)?;
        let (key, account) = match own.get(&provider) {
            Some((key, account)) => (Some(key.clone()), account.clone()),
            None => (reached.key.clone(), "operator".to_owned()),
        };
        Some(Target { provider, model, base_url: reached.base_url.clone(), key, account })
    }

    /// Who was named comes first; then the others in the order of the strategy, or of the chain.
    fn candidates(&self, wanted: &Wanted, usage: Usage, own: &Own) -> Vec<Candidate> {
        let strategy = wanted.strategy.unwrap_or(self.strategy);
        let chain = self.chain.iter().copied();
        let listed: Vec<Provider> = match strategy {
            Strategy::Failover => [self.first].into_iter().chain(chain).collect(),
            Strategy::Cost | Strategy::Speed | Strategy::Quality | Strategy::Balanced => {
                Provider::ALL.to_vec()
            }
        };
        let mut others: Vec<Candidate> = Vec::new();
        for provider in listed {
            let is_new = others.iter().all(|known| known.provider != provider);
            if let Some(reached) = self.reached(provider, own).filter(|_| is_new) {
                others.push(Candidate { provider, model: reached.model.clone() });
            }
        }
        let mut all = order(strategy, others, usage);
        if let Some(named) = self.named(wanted, own) {
            all.retain(|other| other.provider != named.provider);
            all.insert(0, named);
        }
        all
    }

    fn named(&self, wanted: &Wanted, own: &Own) -> Option<Candidate> {
        let provider = match (wanted.provider, &wanted.model) {
            (Some(provider), _) => provider,
            // Whoever is known to run a model of that name; else it is asked of who comes first.
            (None, Some(model)) => Provider::ALL
                .into_iter()
                .filter(|provider| self.reached(*provider, own).is_some())
                .find(|provider| models(*provider).any(|known| model.starts_with(&known.name)))
                .unwrap_or(self.first),
            (None, None) => return None,
        };
        let model =
            wanted.model.clone().or_else(|| Some(self.reached(provider, own)?.model.clone()));
        Some(Candidate { provider, model: model? })
    }
}

impl Section {
    /// What is set up of a provider.
    fn reached(&self, provider: Provider, key: Option<&Secret>) -> Reached {
        let (base_url, model) = match provider {
            Provider::OpenAi => (&self.openai_base_url, &self.openai_model),
            Provider::Anthropic => (&self.anthropic_base_url, &self.anthropic_model),
            Provider::Google => (&self.google_base_url, &self.google_model),
            Provider::Groq => (&self.groq_base_url, &self.groq_model),
            Provider::Mistral => (&self.mistral_base_url, &self.mistral_model),
            Provider::Cohere => (&self.cohere_base_url, &self.cohere_model),
            Provider::Together => (&self.together_base_url, &self.together_model),
            Provider::Ollama => (&self.ollama_base_url, &self.ollama_model),
            Provider::Local => (&self.local_base_url, &self.local_model),
        };
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        // One's own servers need no key, and are there when their address is given.
        let is_there = if provider.is_own() { given(base_url).is_some() } else { key.is_some() };
        Reached {
            is_there,
            key: key.map(|key| key.expose().to_owned()),
            base_url: given(base_url).unwrap_or_else(|| provider.base_url().to_owned()),
            model: given(model).unwrap_or_else(|| provider.default_model().to_owned()),
        }
    }
}

impl Wanted {
    /// What a model's name asks for: `auto`, `auto/<strategy>`, `<provider>/<model>`, `<provider>`, or a model.
    ///
    /// # Errors
    /// `Invalid` for a strategy that there is not.
    pub(crate) fn of(model: &str) -> Result<Self> {
        let mut wanted = Self::default();
        let (head, rest) = model.split_once('/').unwrap_or((model, ""));
        if head == "auto" {
            if !rest.is_empty() {
                let known = Strategy::ALL.map(Strategy::name).join(", ");
                let why = || invalid("model", format!("{rest:?} is none of {known}"));
                wanted.strategy = Some(Strategy::named(rest).ok_or_else(why)?);
            }
            return Ok(wanted);
        }
        // Names of models hold slashes too (meta-llama/…).
        match Provider::named(head) {
            Some(provider) => {
                wanted.provider = Some(provider);
                wanted.model = Some(rest.to_owned()).filter(|rest| !rest.is_empty());
            }
            None => wanted.model = Some(model.to_owned()),
        }
        Ok(wanted)
    }
}
