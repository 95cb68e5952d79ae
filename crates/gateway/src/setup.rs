//! The section `[llm]`: what the operator has set up, and in which order it is asked.

use std::collections::{BTreeMap, HashMap};

use kith_kernel::{Result, invalid};
use kith_llm::{Candidate, Provider, Strategy, Target, Usage, models, order};
use kith_platform::Settings;
use serde::Deserialize;

use crate::{
    capability::Capability,
    desk::Desk,
    keys::{Keys, OPERATOR, Secret},
    wanted::Wanted,
};

const PROVIDER_OF_TENANT: &str = "LLM_PROVIDER__TENANT_";
/// What providers are compared by where it is not known what they will be asked.
const ONE_TEXT: Usage = Usage { prompt_tokens: 1_000, completion_tokens: 0 };

/// The section as it is written.
#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
struct Section {
    provider: String,
    failover_chain: Vec<String>,
    routing: String,
    enable_fallback: bool,
    breaker_failures: u32,
    breaker_seconds: u64,
    timeout_seconds: u64,
    answer_seconds: u64,
    retries: u32,
    mask_personal_data: bool,
    safety_filter: bool,
    cache_seconds: u64,
    require_credits: bool,
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
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(crate) struct Setup {
    /// Who is asked first, where that is said.
    first: Option<Provider>,
    chain: Vec<Provider>,
    pub(crate) strategy: Strategy,
    pub(crate) falls_back: bool,
    pub(crate) masks: bool,
    pub(crate) judges: bool,
    pub(crate) cache_seconds: u64,
    pub(crate) requires_credits: bool,
    reached: HashMap<Provider, Reached>,
    /// Variables that name a tenant or a capability.
    open: BTreeMap<String, String>,
    /// The model that is asked unless said otherwise.
    usual: HashMap<(Provider, Capability), String>,
    pub(crate) limits: kith_llm::Limits,
    pub(crate) door: kith_llm::Door,
}

/// How a provider is reached, and which model is asked unless said otherwise.
struct Reached {
    /// It can be asked with what the operator has set up.
    is_there: bool,
    key: Option<String>,
    base_url: String,
    /// The model of `OPENAI_MODEL` and the like.
    model: Option<String>,
}

impl Setup {
    pub(crate) fn of(settings: &Settings, keys: &Keys) -> Result<Self> {
        let section: Section = settings.section("llm")?;
        let provider = |name: &str| {
            let known = Provider::ALL.map(Provider::name).join(", ");
            Provider::named(name)
                .ok_or_else(|| invalid("llm.provider", format!("{name:?} is none of {known}")))
        };
        let chain: Result<_> = section.failover_chain.iter().map(|name| provider(name)).collect();
        let strategy = Strategy::named(&section.routing).ok_or_else(|| {
            let known = Strategy::ALL.map(Strategy::name).join(", ");
            invalid("llm.routing", format!("{:?} is none of {known}", section.routing))
        })?;
        let first = Some(section.provider.trim()).filter(|name| !name.is_empty());
        for (name, value) in settings.open() {
            if name.starts_with(PROVIDER_OF_TENANT) {
                provider(value)?;
            }
        }
        let mut setup = Self {
            usual: HashMap::new(),
            first: first.map(provider).transpose()?,
            chain: chain?,
            strategy,
            falls_back: section.enable_fallback,
            masks: section.mask_personal_data,
            judges: section.safety_filter,
            cache_seconds: section.cache_seconds,
            requires_credits: section.require_credits,
            open: settings.open().clone(),
            limits: section.limits(),
            door: kith_llm::Door {
                failures: section.breaker_failures.max(1),
                rest: std::time::Duration::from_secs(section.breaker_seconds),
            },
            reached: Provider::ALL
                .into_iter()
                .map(|provider| (provider, section.reached(provider, keys.of_operator(provider))))
                .collect(),
        };
        setup.usual = setup.models_set();
        Ok(setup)
    }

    /// There are variables that name tenants.
    pub(crate) fn knows_tenants(&self) -> bool {
        self.open.keys().any(|name| name.contains("__TENANT_"))
    }

    /// The providers that can be asked, with their usual models.
    pub(crate) fn providers(&self, desk: &Desk) -> impl Iterator<Item = (Provider, String)> {
        Provider::ALL
            .into_iter()
            .filter(|provider| self.can_ask(*provider, desk))
            .map(|provider| (provider, self.usual_model(provider, Capability::Chat)))
    }

    pub(crate) fn can_ask(&self, provider: Provider, desk: &Desk) -> bool {
        desk.own.contains_key(&provider)
            || self.reached.get(&provider).is_some_and(|reached| reached.is_there)
    }

    /// Who is asked for a request, with keys and addresses. None where nobody could be.
    pub(crate) fn targets(
        &self,
        desk: &Desk,
        what: (Capability, &Wanted),
        usage: Usage,
    ) -> Vec<Target> {
        let all = self.order(desk, what, usage);
        all.into_iter().filter_map(|candidate| self.target(candidate, desk)).collect()
    }

    fn target(&self, Candidate { provider, model }: Candidate, desk: &Desk) -> Option<Target> {
        let reached = self.reached.get(&provider)?;
        let (key, account) = match desk.own.get(&provider) {
            Some(own) => (Some(own.found.key.expose().to_owned()), own.account.clone()),
            None => (reached.key.clone(), OPERATOR.to_owned()),
        };
        Some(Target { provider, model, base_url: reached.base_url.clone(), key, account })
    }

    /// Who is asked for a request, in order: who was named, then the others in the order of the strategy, or of the
    /// chain. The first of them is what other systems call `selectLLMConfigForTenant`.
    pub(crate) fn order(
        &self,
        desk: &Desk,
        (capability, wanted): (Capability, &Wanted),
        usage: Usage,
    ) -> Vec<Candidate> {
        let policy = &desk.policy;
        let strategy = wanted.strategy.or(policy.strategy()).unwrap_or(self.strategy);
        // Whoever asks for a strategy is not told by others whom to ask.
        let set = if wanted.strategy.is_some() { None } else { self.set(desk, capability) };
        let wanted = if wanted.is_open() { set.unwrap_or_default() } else { wanted.clone() };
        let listed: Vec<Provider> = match strategy {
            Strategy::Failover => {
                let chain = policy.chain().unwrap_or_else(|| self.chain.clone());
                let first = self.first_of(desk).or(chain.is_empty().then_some(Provider::OpenAi));
                first.into_iter().chain(chain).collect()
            }
            Strategy::Cost | Strategy::Speed | Strategy::Quality | Strategy::Balanced => {
                Provider::ALL.to_vec()
            }
        };
        let mut others: Vec<Candidate> = Vec::new();
        for provider in listed {
            let is_new = others.iter().all(|known| known.provider != provider);
            if is_new && is_able(capability, provider) && self.can_ask(provider, desk) {
                others.push(Candidate { provider, model: self.usual_model(provider, capability) });
            }
        }
        let mut all = order(strategy, others, usage);
        if let Some(named) = self.named(desk, (capability, &wanted)) {
            all.retain(|other| other.provider != named.provider);
            all.insert(0, named);
        }
        if !policy.enable_fallback.unwrap_or(self.falls_back) {
            all.truncate(1);
        }
        all
    }

    /// The provider that is asked first by the settings, where one is: the tenant's own, then `LLM_PROVIDER__TENANT_…`,
    /// then `LLM_PROVIDER`.
    fn first_of(&self, desk: &Desk) -> Option<Provider> {
        let by_name = |name: &String| self.open.get(&format!("{PROVIDER_OF_TENANT}{name}"));
        desk.policy
            .provider()
            .or_else(|| Provider::named(desk.names.iter().find_map(by_name)?))
            .or(self.first)
    }

    /// The model that is set for a capability by name.
    fn set_by_name(&self, desk: &Desk, capability: Capability) -> Option<Wanted> {
        let variable = |name: &String| format!("MODEL_{}__TENANT_{name}", capability.variable());
        let by_name = |name: &String| self.open.get(&variable(name));
        let policy = desk.policy.model(capability);
        policy.or_else(|| Wanted::of(desk.names.iter().find_map(by_name)?).ok())
    }

    /// Who is asked where answers must be of one model for long: the one that is set by name; else `before`, by the model
    /// that it is asked for now; else who comes first.
    pub(crate) fn steady(
        &self,
        desk: &Desk,
        (capability, before): (Capability, Option<Provider>),
    ) -> Option<Candidate> {
        let set = self.set_by_name(desk, capability);
        let set = set.and_then(|set| self.named(desk, (capability, &set)));
        let may =
            |provider: &Provider| is_able(capability, *provider) && self.can_ask(*provider, desk);
        let same = || {
            let provider = before.filter(may)?;
            Some(Candidate { provider, model: self.usual_model(provider, capability) })
        };
        let first =
            || self.order(desk, (capability, &Wanted::default()), ONE_TEXT).into_iter().next();
        set.filter(|set| may(&set.provider)).or_else(same).or_else(first)
    }

    /// What the settings say of a capability, where they do.
    fn set(&self, desk: &Desk, capability: Capability) -> Option<Wanted> {
        let first = self.first_of(desk);
        let mut set = self.set_by_name(desk, capability).unwrap_or_default();
        // A model without its provider is one of who is asked first; not all who chat make vectors.
        let first = first.filter(|first| is_able(capability, *first));
        set.provider = set.provider.or(first);
        (!set.is_open()).then_some(set)
    }

    /// The model of each provider for each capability, as it is set.
    fn models_set(&self) -> HashMap<(Provider, Capability), String> {
        let pairs = Provider::ALL
            .into_iter()
            .flat_map(|provider| Capability::ALL.map(|capability| (provider, capability)));
        pairs.map(|of| (of, self.model_set(of))).collect()
    }

    fn usual_model(&self, provider: Provider, capability: Capability) -> String {
        self.usual.get(&(provider, capability)).cloned().unwrap_or_default()
    }

    /// The model of a provider for a capability: by its own variables, by the general ones where it is OpenAI or speaks
    /// like it, by the table.
    fn model_set(&self, (provider, capability): (Provider, Capability)) -> String {
        let variable = |name: String| self.open.get(&name).cloned();
        let prefix = provider.key_variable().trim_end_matches("_API_KEY");
        let of_provider = || variable(format!("{prefix}_MODEL_{}", capability.variable()));
        let of_all = || match provider {
            Provider::OpenAi | Provider::Local => {
                let general = variable(format!("MODEL_{}", capability.variable()));
                let usual = || variable("DEFAULT_OPENAI_MODEL".to_owned());
                general.or_else(|| if capability.is_apart() { None } else { usual() })
            }
            _ => None,
        };
        let set = || self.reached.get(&provider).and_then(|reached| reached.model.clone());
        // A model that chats makes no vectors, and hears nothing.
        let set = || if capability.is_apart() { None } else { set() };
        let table = || capability.model(provider).unwrap_or(provider.default_model()).to_owned();
        of_provider().or_else(of_all).or_else(set).unwrap_or_else(table)
    }

    fn named(&self, desk: &Desk, (capability, wanted): (Capability, &Wanted)) -> Option<Candidate> {
        let can_ask = |provider: &Provider| self.can_ask(*provider, desk);
        let provider = match (wanted.provider, &wanted.model) {
            (Some(provider), _) => Some(provider).filter(can_ask)?,
            // Whoever is known to run a model of that name; else it is asked of who comes first.
            (None, Some(model)) => Provider::ALL
                .into_iter()
                .filter(can_ask)
                .find(|provider| models(*provider).any(|known| model.starts_with(&known.name)))
                .or_else(|| self.first_of(desk).filter(can_ask))
                .or_else(|| Provider::ALL.into_iter().find(can_ask))?,
            (None, None) => return None,
        };
        let model = wanted.model.clone();
        Some(Candidate {
            provider,
            model: model.unwrap_or_else(|| self.usual_model(provider, capability)),
        })
    }
}

fn is_able(capability: Capability, provider: Provider) -> bool {
    !capability.is_apart() || capability.model(provider).is_some()
}

impl Section {
    fn limits(&self) -> kith_llm::Limits {
        let first_byte = std::time::Duration::from_secs(self.timeout_seconds.max(1));
        kith_llm::Limits {
            first_byte,
            whole: std::time::Duration::from_secs(self.answer_seconds.max(1)),
            silence: first_byte,
            retries: self.retries,
            ..kith_llm::Limits::default()
        }
    }

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
            model: given(model),
        }
    }
}
