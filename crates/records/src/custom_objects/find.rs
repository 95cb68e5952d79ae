//! Which object a name means in a tenant.

use kith_http::Call;
use kith_kernel::{Error, Kind as ErrorKind, Result, invalid};
use kith_store::{Condition, Read, Select};

use super::{CustomObject, named};
use crate::{
    Object, Records,
    added::{NAMED, is_name},
};

impl Records {
    /// The object of a name, built-in or of the tenant.
    ///
    /// # Errors
    /// Only those of the database.
    pub async fn object_of(&self, db: &Read, name: &str) -> Result<Option<&'static Object>> {
        if let Some(object) = self.object(name) {
            return Ok(Some(object));
        }
        if !is_name(name) {
            return Ok(None);
        }
        let there = db.exists(named(name).only(Condition::Null("deleted_at"))).await?;
        Ok(if there { self.stored_object(name) } else { None })
    }

    /// Every object that the tenant has or had.
    pub async fn all_objects(&self, db: &Read) -> Result<Vec<&'static Object>> {
        let mut all: Vec<&'static Object> = self.objects().collect();
        db.each(&Select::from("objects").show(&["name"]), |row| {
            all.extend(row.text(0)?.and_then(|name| self.stored_object(name)));
            Ok(())
        })
        .await?;
        Ok(all)
    }

    /// The objects that the tenant added, each with its name and what one and many of it are called.
    pub async fn added_objects(&self, db: &Read) -> Result<Vec<(&'static Object, [String; 3])>> {
        let there = Select::from("objects").only(Condition::Null("deleted_at")).by("id", false);
        let all: Vec<CustomObject> = db.all(there).await?;
        let called = |one: CustomObject| {
            let object = self.stored_object(&one.name)?;
            Some((object, [one.name, one.label, one.plural_label]))
        };
        Ok(all.into_iter().filter_map(called).collect())
    }

    /// The same as [`Self::object_of`] for a field of a request that names an object.
    ///
    /// # Errors
    /// `Invalid` when there is none.
    pub async fn object_given(&self, db: &Read, key: &str, name: &str) -> Result<&'static Object> {
        self.object_of(db, name).await?.ok_or_else(|| invalid(key, "is no kind of record"))
    }

    /// The object that a request is about: the one that its path names, or the one that its route is for.
    pub(crate) async fn meant(
        &self,
        call: &Call,
        object: &'static Object,
    ) -> Result<&'static Object> {
        if !std::ptr::eq(object, &raw const NAMED) {
            return Ok(object);
        }
        let name = call.path("object");
        let found = call.ctx.read(async |db| find(db, name).await).await?;
        self.stored_object(&found.name).ok_or_else(unknown)
    }
}

/// An object that the tenant added.
pub(super) async fn find(db: &Read, name: &str) -> Result<CustomObject> {
    let found = db.first(named(name).only(Condition::Null("deleted_at"))).await?;
    found.ok_or_else(unknown)
}

fn unknown() -> Error {
    let why = "There is no such object. GET /api/objects lists those that were added.";
    Error::new(ErrorKind::NotFound, "not_found", why)
}
