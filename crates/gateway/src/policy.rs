//! What a tenant has set about models, above what the operator has.

mod routes;

use std::collections::BTreeMap;

use kith_kernel::{Error, Result, invalid};
use kith_llm::{Category, PersonalKind, PersonalKinds, Provider, Strategy, Thresholds};
use kith_store::{Migration, Read, Select, Step, Table, text};
use serde::{Deserialize, Serialize};

pub(crate) use self::routes::{routes, schemas};
use crate::{capability::Capability, wanted::Wanted};

/// Words that a tenant may block.
const MOST_BLOCKED: usize = 200;
/// Letters of one of them, and of a model's name.
const LONGEST: usize = 200;
const LONGEST_CACHE: u64 = 30 * 86_400;

/// What a tenant has set; what is none is as the operator has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Policy {
    /// Who is asked first.
    pub(crate) provider: Option<String>,
    pub(crate) failover_chain: Option<Vec<String>>,
    pub(crate) routing: Option<String>,
    pub(crate) enable_fallback: Option<bool>,
    /// By capability: a model, or `provider/model`.
    pub(crate) models: BTreeMap<String, String>,
    pub(crate) mask_personal_data: Option<bool>,
    /// Which kinds are masked; none: all.
    pub(crate) masked_kinds: Option<Vec<String>>,
    pub(crate) safety_filter: Option<bool>,
    /// By category: from which score on it is refused.
    pub(crate) safety_thresholds: BTreeMap<String, f32>,
    pub(crate) blocked_words: Vec<String>,
    pub(crate) cache_seconds: Option<u64>,
}

pub(crate) fn migration() -> Migration {
    let policies = Table::of_tenant_keyed(
        "llm_settings",
        &["name"],
        vec![text("name").required(), text("settings").required()],
    );
    Migration { name: "2026-11-22-gateway-settings", steps: vec![Step::Create(policies)] }
}

impl Policy {
    pub(crate) async fn read(db: &Read) -> Result<Self> {
        #[derive(Deserialize)]
        struct Row {
            settings: String,
        }
        let select = Select::from("llm_settings").show(&["settings"]).whose("name", "all");
        let row: Option<Row> = db.first(select).await?;
        // What a newer version wrote and this one does not know is passed over.
        Ok(row.and_then(|row| serde_json::from_str(&row.settings).ok()).unwrap_or_default())
    }

    pub(crate) fn provider(&self) -> Option<Provider> {
        self.provider.as_deref().and_then(Provider::named)
    }

    pub(crate) fn chain(&self) -> Option<Vec<Provider>> {
        let chain = self.failover_chain.as_ref()?;
        Some(chain.iter().filter_map(|name| Provider::named(name)).collect())
    }

    pub(crate) fn strategy(&self) -> Option<Strategy> {
        self.routing.as_deref().and_then(Strategy::named)
    }

    /// What is set for a capability.
    pub(crate) fn model(&self, capability: Capability) -> Option<Wanted> {
        Wanted::of(self.models.get(capability.name())?).ok()
    }

    /// Which kinds of personal data are masked.
    pub(crate) fn kinds(&self, by_operator: bool) -> PersonalKinds {
        if !self.mask_personal_data.unwrap_or(by_operator) {
            return PersonalKinds::NONE;
        }
        match &self.masked_kinds {
            None => PersonalKinds::ALL,
            Some(kinds) => kinds.iter().filter_map(|name| PersonalKind::named(name)).collect(),
        }
    }

    /// From which scores on texts are refused; none where nothing is judged.
    pub(crate) fn thresholds(&self, by_operator: bool) -> Option<Thresholds> {
        let named = |(name, from): (&String, &f32)| Some((Category::named(name)?, *from));
        self.safety_filter.unwrap_or(by_operator).then(|| {
            let set = self.safety_thresholds.iter().filter_map(named);
            set.fold(Thresholds::default(), |all, (category, from)| all.with(category, from))
        })
    }

    /// Whether it can be kept to.
    fn check(&self) -> Result<()> {
        let provider = |name: &String| Provider::named(name).is_some();
        let providers = || Provider::ALL.map(Provider::name).join(", ");
        if !self.provider.iter().all(provider) {
            return Err(one_of("provider", &providers()));
        }
        if !self.failover_chain.iter().flatten().all(provider) {
            return Err(one_of("failoverChain", &providers()));
        }
        if self.failover_chain.as_ref().is_some_and(|chain| chain.len() > Provider::ALL.len()) {
            return Err(invalid("failoverChain", "names each provider once"));
        }
        if self.routing.is_some() && self.strategy().is_none() {
            return Err(one_of("routing", &Strategy::ALL.map(Strategy::name).join(", ")));
        }
        self.check_models()?;
        self.check_safety()?;
        if self.cache_seconds.is_some_and(|seconds| seconds > LONGEST_CACHE) {
            return Err(invalid("cacheSeconds", format!("is at most {LONGEST_CACHE}")));
        }
        Ok(())
    }

    fn check_models(&self) -> Result<()> {
        for (name, model) in &self.models {
            let pointer = format!("models.{name}");
            if Capability::named(name).is_none() {
                return Err(one_of(&pointer, &Capability::ALL.map(Capability::name).join(", ")));
            }
            if model.is_empty() || model.len() > LONGEST {
                return Err(invalid(
                    &pointer,
                    format!("is the name of a model, {LONGEST} letters at most"),
                ));
            }
            Wanted::of(model).map_err(|_| one_of(&pointer, "a model, provider/model"))?;
        }
        Ok(())
    }

    fn check_safety(&self) -> Result<()> {
        let kinds = self.masked_kinds.iter().flatten();
        if !kinds.clone().all(|name| PersonalKind::named(name).is_some()) || kinds.count() > 20 {
            return Err(one_of(
                "maskedKinds",
                &PersonalKind::ALL.map(PersonalKind::name).join(", "),
            ));
        }
        for (name, from) in &self.safety_thresholds {
            let pointer = format!("safetyThresholds.{name}");
            if Category::named(name).is_none() {
                return Err(one_of(&pointer, &Category::ALL.map(Category::name).join(", ")));
            }
            if !(0.0..=2.0).contains(from) {
                return Err(invalid(&pointer, "is from 0 to 1; above 1 it is never refused"));
            }
        }
        let is_right = |word: &String| !word.trim().is_empty() && word.len() <= LONGEST;
        if self.blocked_words.len() > MOST_BLOCKED || !self.blocked_words.iter().all(is_right) {
            let why = format!("holds {MOST_BLOCKED} words at most, of {LONGEST} letters at most");
            return Err(invalid("blockedWords", why));
        }
        Ok(())
    }
}

fn one_of(pointer: &str, known: &str) -> Error {
    invalid(pointer, format!("is one of {known}"))
}
