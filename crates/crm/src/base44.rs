//! Base44: the records of an app there, brought over as often as one likes; what is the same already stays as it is.

mod far;
mod map;
mod routes;
mod run;
mod state;
mod write;

use kith_kernel::{Error, Result, forbidden, unavailable};
use kith_platform::{Ctx, Settings, outgoing::Outgoing};
use serde::Deserialize;

pub(crate) use routes::{routes, schemas};
pub(crate) use run::register;
pub(crate) use state::migration;

/// The section `[base44]`.
#[derive(Clone, Deserialize)]
struct Section {
    app_id: String,
    api_base: String,
    api_key: String,
    tenant: String,
    most_records: u64,
    timeout_seconds: u64,
}

/// Brings records over from Base44.
#[derive(Clone)]
pub struct Base44 {
    outgoing: Outgoing,
    section: Section,
}

/// Any tenant may sync.
const EVERY_TENANT: &str = "*";

impl Base44 {
    /// As the section `[base44]` says.
    pub fn new(outgoing: &Outgoing, settings: &Settings) -> Result<Self> {
        Ok(Self { outgoing: outgoing.clone(), section: settings.section("base44")? })
    }

    /// Refuses where nothing is configured, and whom the operator did not mean: the app is theirs.
    fn check(&self, ctx: &Ctx) -> Result<()> {
        let meant = match self.section.tenant.as_str() {
            "" => ctx.actor.platform_admin,
            EVERY_TENANT => true,
            tenant => tenant.parse().ok() == Some(ctx.actor.tenant),
        };
        if !meant {
            return Err(forbidden(
                "The app of Base44 belongs to the operator of this server, who can allow this tenant: BASE44_TENANT.",
            )
            .coded("not_configured_for_tenant"));
        }
        let fits =
            |id: &str| id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        if self.section.app_id.is_empty() || self.section.api_key.is_empty() {
            return Err(not_configured(
                "Set BASE44_APP_ID and BASE44_API_KEY to sync with Base44.",
            ));
        }
        if !fits(&self.section.app_id) {
            return Err(not_configured(
                "BASE44_APP_ID is no id of an app: letters, digits, - and _.",
            ));
        }
        Ok(())
    }
}

fn not_configured(why: &str) -> Error {
    unavailable(why).coded("not_configured")
}
