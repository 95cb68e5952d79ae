//! The custom fields of tenants, remembered for a moment.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use kith_kernel::{Id, Result};
use kith_platform::Ctx;
use kith_store::{Json as Stored, News, Read, Select};
use serde::Deserialize;
use serde_json::Value as Json;

use super::{CustomField, CustomKind};
use crate::{Records, describe::Object};

/// Another node's change of the catalog is seen after this time at the latest; this node's own at once.
pub(crate) const CACHED: Duration = Duration::from_secs(3);

/// The custom fields of tenants, and when they were read.
#[derive(Default)]
pub(crate) struct CustomCache {
    tenants: HashMap<Id, (Instant, Arc<Vec<CustomField>>)>,
    /// How often something was forgotten: what was read before that is not kept after it.
    generation: u64,
}

/// A field as it is stored.
#[derive(Deserialize)]
pub(crate) struct Row {
    pub(crate) id: Id,
    object: String,
    name: String,
    label: String,
    kind: CustomKind,
    options: Option<Stored<Vec<String>>>,
    target: Option<String>,
    currency: Option<String>,
    required: bool,
    is_unique: bool,
    default_value: Option<Stored<Json>>,
    pub(crate) created_at: kith_kernel::Time,
    pub(crate) deleted_at: Option<kith_kernel::Time>,
    pub(crate) purged_at: Option<kith_kernel::Time>,
    pub(crate) converting_from: Option<String>,
}

impl Row {
    pub(crate) fn field(self) -> CustomField {
        CustomField {
            id: self.id,
            object: self.object,
            name: self.name,
            label: self.label,
            kind: self.kind,
            options: self.options.map(|stored| stored.0).unwrap_or_default(),
            target: self.target,
            currency: self.currency.and_then(|code| code.parse().ok()),
            required: self.required,
            unique: self.is_unique,
            default: self.default_value.map(|stored| stored.0).filter(|value| !value.is_null()),
        }
    }
}

impl Records {
    /// The fields that the tenant added to an object.
    pub(crate) async fn custom_fields(
        &self,
        db: &Read,
        object: &Object,
    ) -> Result<Vec<CustomField>> {
        let all = self.all_custom_fields(db).await?;
        Ok(all.iter().filter(|field| field.object == object.name).cloned().collect())
    }

    pub(crate) async fn all_custom_fields(&self, db: &Read) -> Result<Arc<Vec<CustomField>>> {
        let tenant = db.actor().tenant;
        let generation = {
            let cache = self.cache();
            if let Some((at, known)) = cache.tenants.get(&tenant)
                && at.elapsed() < CACHED
            {
                return Ok(Arc::clone(known));
            }
            cache.generation
        };
        let select = Select::from("custom_fields")
            .only(kith_store::Condition::Null("deleted_at"))
            .by("id", false);
        let rows: Vec<Row> = db.all(select).await?;
        let fields = Arc::new(rows.into_iter().map(Row::field).collect::<Vec<_>>());
        let mut cache = self.cache();
        if cache.generation == generation {
            cache.tenants.insert(tenant, (Instant::now(), Arc::clone(&fields)));
        }
        Ok(fields)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, CustomCache> {
        self.custom.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is cached of a tenant, here and on the other nodes; to be called behind the commit of a change of
    /// its catalog.
    pub fn forget_custom_fields(&self, ctx: &Ctx) {
        let mut cache = self.cache();
        cache.generation += 1;
        cache.tenants.remove(&ctx.actor.tenant);
        drop(cache);
        ctx.app.db.tell(News::Fields);
    }

    /// Another node changed the catalog of some tenant.
    pub fn forget_as_told(&self) {
        let mut cache = self.cache();
        cache.generation += 1;
        cache.tenants.clear();
    }
}
