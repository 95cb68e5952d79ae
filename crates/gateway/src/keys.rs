//! Provider keys: secrets of outside services, of a tenant or one of its members, encrypted and never shown again.

mod migrations;
mod resolve;
mod rotate;
mod routes;
mod rules;
mod secret;
mod stored;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::http::HeaderMap;
use kith_kernel::{Error, Id, Result, Time, forbidden, invalid};
use kith_llm::Provider;
use kith_platform::{Ctx, Settings, encryption::Cipher};
use kith_store::{Condition, Read, Select, Write, equals};
use serde::Deserialize;
use serde_json::Value as Json;

pub use migrations::migration;
pub use resolve::{Found, Origin};
pub use rotate::{Reached, names};
pub use routes::{routes, schemas};
pub use secret::Secret;

/// Whose account the operator's keys are.
pub(crate) const OPERATOR: &str = "operator";

/// What keys of providers are kept and found with.
pub struct Keys {
    cipher: Cipher,
    /// Those of whoever runs the installation.
    operators: Vec<(Provider, Secret)>,
    mistakes: Vec<String>,
    /// How often something of it was changed, as far as this process knows.
    generation: AtomicU64,
    /// When the use of a key was noted.
    noted: Mutex<HashMap<Id, Time>>,
}

#[derive(Deserialize)]
struct Rules {
    own_keys: bool,
}

impl Keys {
    /// With the ring of keys and the operator's own keys of the settings.
    ///
    /// # Errors
    /// `Unavailable` when a key of the ring is missing or has another length.
    pub fn new(settings: &Settings) -> Result<Arc<Self>> {
        let cipher = Cipher::of(settings)?;
        let given: BTreeMap<String, Json> = settings.section("llm")?;
        let (mut operators, mut mistakes) = (Vec::new(), Vec::new());
        for provider in Provider::ALL {
            let key = given.get(&format!("{}_api_key", provider.name())).and_then(Json::as_str);
            let Some(key) = key.map(Secret::new).filter(|key| !key.is_empty()) else { continue };
            match rules::key(provider.name(), &key) {
                Ok(key) => operators.push((provider, key)),
                Err(error) => mistakes.push(format!(
                    "{} is not used: the key {}.",
                    provider.key_variable(),
                    error.problems().first().map_or("is none", |problem| &problem.message)
                )),
            }
        }
        Ok(Arc::new(Self {
            cipher,
            operators,
            mistakes,
            generation: AtomicU64::new(0),
            noted: Mutex::default(),
        }))
    }

    /// What is wrong with the operator's own keys, a sentence each; such keys are left out.
    pub fn mistakes(&self) -> &[String] {
        &self.mistakes
    }

    /// The operator's own key of a provider.
    pub(crate) fn of_operator(&self, provider: Provider) -> Option<&Secret> {
        self.operators.iter().find(|(of, _)| *of == provider).map(|(_, key)| key)
    }

    /// Deletes the own keys of a member who leaves, in the transaction of that.
    pub async fn forget_member(&self, ctx: &Ctx, db: &Write, member: Id) -> Result<()> {
        stored::remove_of_member((ctx, db), member).await
    }

    /// Looks at keys and settings again, which this or another node changed.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// What was read at another generation is to be read again.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// What the key is called that encrypts.
    pub fn newest(&self) -> String {
        self.cipher.newest()
    }

    /// Whether what stands under the key of this name can be read.
    pub fn can_read(&self, name: &str) -> bool {
        self.cipher.knows(name)
    }
}

/// Keys that a request brings along: `x-openai-key`, `x-anthropic-key` …
///
/// # Errors
/// `Invalid`, naming the header, for one that is no key of its provider.
pub fn brought(headers: &HeaderMap) -> Result<Vec<(Provider, Secret)>> {
    let mut keys = Vec::new();
    for provider in Provider::ALL {
        let header = format!("x-{}-key", provider.name());
        let Some(value) = headers.get(&header) else { continue };
        let key = Secret::new(value.to_str().unwrap_or_default());
        let key = rules::key(provider.name(), &key)
            .map_err(|_| invalid(&header, format!("is no key of {}", provider.name())))?;
        keys.push((provider, key));
    }
    Ok(keys)
}

/// Whether members may have keys of their own: yes, until an admin says otherwise.
async fn may_have_own(db: &Read) -> Result<bool> {
    let rules: Option<Rules> =
        db.first(Select::from("provider_key_settings").whose("name", "all")).await?;
    Ok(rules.is_none_or(|rules| rules.own_keys))
}

/// Keys of one member, or of the tenant itself.
fn of(member: Option<Id>) -> Condition {
    member.map_or(Condition::Null("member_id"), |member| equals("member_id", member))
}

/// The member who acts.
fn member(ctx: &Ctx) -> Result<Id> {
    ctx.actor.member.ok_or_else(|| forbidden("Only members have keys of their own."))
}

fn own_keys_off() -> Error {
    forbidden("Members have no keys of their own here: an admin can change that by PATCH /api/keys/settings.")
        .coded("own_keys_off")
}
