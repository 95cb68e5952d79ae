//! What no record could take of a change, told before any is looked at.

use kith_kernel::{Currency, Error, Id, Kind as ErrorKind, Result};
use kith_platform::Ctx;
use kith_store::Read;

use super::{input, named, reading};
use crate::{
    Records,
    catalog::Shape,
    custom,
    describe::{Change, Object, Record, What},
    values::Reading,
};

impl Records {
    /// Refuses changes that no record could take: of fields that there are not, of the wrong kind, that lead to nothing,
    /// or that take away what each must have.
    pub(crate) async fn check_changes(
        &self,
        ctx: &Ctx,
        db: &Read,
        object: &'static Object,
        changes: &Record,
    ) -> Result<()> {
        let shape = self.shape(object)?;
        let own = self.custom_fields(db, object).await?;
        let sort =
            |reading: Reading| input::sort(&shape, &own, changes.clone(), (None, reading, false));
        let plain = reading(ctx, changes.get("currency"));
        // Records may be in a currency of more digits than the tenant's.
        let finest = Reading { currency: Currency::FINEST, ..plain };
        let given = match sort(plain) {
            Err(error) if changes.contains_key("currency") => return Err(error),
            Err(error) => sort(finest).map_err(|_| error)?,
            Ok(given) => given,
        };
        custom::check_required(&own, &given.custom, false)?;
        if object.rules.is_plain() {
            keep_required(&shape, &given.fields)?;
        }
        let fields = given.fields;
        let mut change = Change {
            what: What::Updated,
            id: Id::NIL,
            before: None,
            after: fields.clone(),
            given: fields,
        };
        self.check_links(db, &shape, &mut change).await?;
        self.check_custom_links(db, &named(&own, given.custom)).await
    }
}

/// What follows from nothing else must not be taken away.
fn keep_required(shape: &Shape, given: &Record) -> Result<()> {
    let lost = |key: &str| given.get(key).is_some_and(|value| value.is_null() || *value == "");
    match shape.fields.iter().find(|field| field.required && lost(field.key)) {
        None => Ok(()),
        Some(field) => {
            let why = format!("{} is required.", field.key);
            let error = Error::new(ErrorKind::Invalid, "required", why);
            Err(error.and(format!("/{}", field.key.replace('.', "/")), "is required"))
        }
    }
}
