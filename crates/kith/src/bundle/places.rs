//! Who may have a bundle written: each tenant one at a time, so that nobody keeps others from theirs.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use kith_kernel::{Error, Id, Kind, Result};

/// Bundles that are written for others at the same time: each holds on to one state of the database, by a connection of
/// its own.
const AT_ONCE: usize = 8;
/// Whoever comes too early comes again then.
const LATER_SECONDS: u64 = 30;

/// The tenants whose bundles are being written.
#[derive(Clone, Default)]
pub(super) struct Places(Arc<Mutex<BTreeSet<Id>>>);

/// A place among them, until it is dropped.
pub(super) struct Place {
    all: Places,
    tenant: Id,
}

impl Places {
    /// Takes the place of a tenant.
    ///
    /// # Errors
    /// `TooMany` where its bundle is being written already, or very many others are.
    pub(super) fn take(&self, tenant: Id) -> Result<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.contains(&tenant) {
            let why =
                "The tenant's bundle is being written already. Try again when that has ended.";
            return Err(busy("bundle_running", why));
        }
        if taken.len() >= AT_ONCE {
            let why = "Bundles of many tenants are being written. Try again in a while.";
            return Err(busy("bundles_running", why));
        }
        taken.insert(tenant);
        Ok(Place { all: self.clone(), tenant })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.tenant);
    }
}

fn busy(code: &'static str, why: &str) -> Error {
    Error::new(Kind::TooMany, code, why).retry_after(LATER_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(refused: Result<Place>) -> &'static str {
        refused.err().map_or("taken", |error| error.code())
    }

    #[test]
    fn each_tenant_has_one_place_and_there_are_so_many() {
        let places = Places::default();
        let tenant = |number: u8| Id::from_bytes([number; 16]);
        let mut held: Vec<Place> = (1..=8).map(|one| places.take(tenant(one)).unwrap()).collect();
        assert_eq!(code(places.take(tenant(1))), "bundle_running");
        assert_eq!(code(places.take(tenant(9))), "bundles_running");
        held.pop();
        assert_eq!(code(places.take(tenant(9))), "taken");
        // It was given back at once, and so is a place after that.
        assert_eq!(code(places.take(tenant(8))), "taken");
        assert_eq!(code(places.take(tenant(1))), "bundle_running");
    }
}
