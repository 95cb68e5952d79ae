//! What a request says of who is to answer it.

use kith_kernel::{Result, invalid};
use kith_llm::{Provider, Strategy};

use crate::keys::Secret;

/// Bytes of a model's name.
const LONGEST: usize = 200;

/// What a request says of who is to answer it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// This provider first.
    pub provider: Option<Provider>,
    /// This model first.
    pub model: Option<String>,
    /// Providers by this strategy.
    pub strategy: Option<Strategy>,
    /// Keys that the request brought along; they go before all others.
    pub keys: Vec<(Provider, Secret)>,
}

impl Wanted {
    /// The same, by these keys.
    pub fn by(mut self, keys: Vec<(Provider, Secret)>) -> Self {
        self.keys = keys;
        self
    }

    /// It is not said who is to answer.
    pub(crate) fn is_open(&self) -> bool {
        self.provider.is_none() && self.model.is_none() && self.strategy.is_none()
    }

    /// What a model's name asks for: `auto`, `auto/<strategy>`, `<provider>/<model>`, `<provider>`, or a model.
    ///
    /// # Errors
    /// `Invalid` for a strategy that there is not.
    pub fn of(model: &str) -> Result<Self> {
        if model.len() > LONGEST {
            return Err(invalid("model", format!("has {LONGEST} bytes at most")));
        }
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
