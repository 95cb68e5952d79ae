//! What all slices of this floor share.

use kith_kernel::Result;
use kith_platform::App;

use crate::{
    LeavingHook, Options, TenantHook, authenticate::cache::Cache, passwords::Passwords,
    tokens::Signer,
};

/// Who is who, for one application.
pub struct Identity {
    pub(crate) app: App,
    pub(crate) options: Options,
    pub(crate) hooks: Vec<TenantHook>,
    pub(crate) leaving: Vec<LeavingHook>,
    pub(crate) objects: Vec<String>,
    pub(crate) passwords: Passwords,
    pub(crate) signer: Signer,
    pub(crate) known: Cache,
}

impl Identity {
    /// Checks the options and makes the keys of them.
    ///
    /// # Errors
    /// `Unavailable` naming a setting that does not work.
    pub fn new(app: App, options: Options) -> Result<Self> {
        options.check()?;
        Ok(Self {
            hooks: Vec::new(),
            leaving: Vec::new(),
            objects: Vec::new(),
            passwords: Passwords::new(options.password_memory_kib)?,
            signer: Signer::new(&options.jwt_secret)?,
            known: Cache::default(),
            app,
            options,
        })
    }

    /// What other floors make in each new tenant, in its transaction.
    pub fn with_hooks(mut self, hooks: Vec<TenantHook>) -> Self {
        self.hooks = hooks;
        self
    }

    /// What other floors do when a member is kept out, in the transaction of that.
    pub fn with_leaving(mut self, leaving: Vec<LeavingHook>) -> Self {
        self.leaving = leaving;
        self
    }

    /// The plurals that scopes of API keys may name (`contacts`).
    pub fn with_objects(mut self, plurals: Vec<String>) -> Self {
        self.objects = plurals;
        self
    }
}
