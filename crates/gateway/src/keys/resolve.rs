//! Which key a request goes out with.

use std::sync::PoisonError;

use kith_kernel::{Id, Result, Time, internal};
use kith_llm::Provider;
use kith_platform::Ctx;
use kith_store::{Read, Select, Update};

use super::{Keys, Secret, may_have_own, rules, stored::Which};

/// That a key is used is noted once in so many milliseconds.
const NOTED: i64 = 60_000;
/// Keys of which a process knows when it noted their use.
const MOST_NOTED: usize = 10_000;

/// Where a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The request brought it along.
    Explicit,
    /// It is the member's own.
    Member,
    /// It is the tenant's.
    Tenant,
    /// It is that of whoever runs the installation.
    Operator,
}

/// A key to ask a service with.
#[derive(Debug, Clone)]
pub struct Found {
    /// The key.
    pub key: Secret,
    /// Where it comes from.
    pub origin: Origin,
    /// The row that it stands in, and when its use was noted.
    stored: Option<(Id, Option<Time>)>,
}

impl Found {
    /// One that a request brought along.
    pub(crate) fn brought(key: Secret) -> Self {
        Self::outside(key, Origin::Explicit)
    }

    fn outside(key: Secret, origin: Origin) -> Self {
        Self { key, origin, stored: None }
    }
}

impl Keys {
    /// The key to ask a service with, as whoever reads: what the request brought along, else the member's own, the
    /// tenant's, and that of whoever runs the installation (`OPENAI_API_KEY` …). What other systems call
    /// `resolveLLMApiKey`.
    ///
    /// # Errors
    /// `Invalid` when the key that the request brought along is none of this service, `Unavailable` when a stored one
    /// cannot be read: the next one is not taken in its place, since somebody else would pay.
    pub async fn resolve(
        &self,
        db: &Read,
        service: &str,
        explicit: Option<&str>,
    ) -> Result<Option<Found>> {
        let service = rules::service(service)?;
        if let Some(key) = explicit.map(Secret::new).filter(|key| !key.is_empty()) {
            let key = rules::key(&service, &key)?;
            return Ok(Some(Found::outside(key, Origin::Explicit)));
        }
        if let Some(member) = db.actor().member
            && may_have_own(db).await?
        {
            let own = Which { service: service.clone(), member: Some(member) };
            if let Some(found) = self.stored(db, &own, Origin::Member).await? {
                return Ok(Some(found));
            }
        }
        let of_tenant = Which { service, member: None };
        if let Some(found) = self.stored(db, &of_tenant, Origin::Tenant).await? {
            return Ok(Some(found));
        }
        let provider = Provider::named(&of_tenant.service);
        let operators = provider.and_then(|provider| self.of_operator(provider));
        Ok(operators.map(|key| Found::outside(key.clone(), Origin::Operator)))
    }

    /// The stored keys of providers of models that whoever asks may use.
    pub(crate) async fn of_providers(&self, db: &Read) -> Result<Vec<(Provider, Found)>> {
        #[derive(serde::Deserialize)]
        struct Row {
            service: String,
        }
        let select = Select::from("provider_keys").show(&["service"]).group("service");
        let rows: Vec<Row> = db.all(select).await?;
        let mut found = Vec::new();
        for provider in Provider::ALL {
            if !rows.iter().any(|row| row.service == provider.name()) {
                continue;
            }
            let known = self.resolve(db, provider.name(), None).await?;
            found.extend(
                known.filter(|known| known.stored.is_some()).map(|known| (provider, known)),
            );
        }
        Ok(found)
    }

    async fn stored(&self, db: &Read, which: &Which, origin: Origin) -> Result<Option<Found>> {
        let Some(stored) = which.find(db).await? else { return Ok(None) };
        let Some(sealed) = which.sealed(db).await? else { return Ok(None) };
        let plain = self.cipher.decrypt(&which.place(db.actor().tenant), &sealed)?;
        let key = String::from_utf8(plain)
            .map_err(|_| internal("a key of a provider is no text"))
            .map(Secret::new)?;
        Ok(Some(Found { key, origin, stored: Some((stored.id, stored.last_used_at)) }))
    }

    /// Whether this process noted no use of late, as it does from now on.
    fn is_first_use(&self, id: Id, now: Time, is_fresh: impl Fn(Time) -> bool) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(&id).is_some_and(|at| is_fresh(*at)) {
            return false;
        }
        if noted.len() >= MOST_NOTED {
            noted.clear();
        }
        noted.insert(id, now);
        true
    }

    /// Notes that a key was used, where it is a stored one; seldom more than once a minute.
    pub async fn note_use(&self, ctx: &Ctx, found: &Found) -> Result<()> {
        let Some((id, noted)) = found.stored else { return Ok(()) };
        let now = ctx.now();
        let is_fresh = |noted: Time| now.milliseconds() - noted.milliseconds() < NOTED;
        if noted.is_some_and(is_fresh) || !self.is_first_use(id, now, is_fresh) {
            return Ok(());
        }
        let update = Update::table("provider_keys").set("last_used_at", now).whose("id", id);
        ctx.write(async |db| db.update(update).await.map(drop)).await
    }
}
