//! Reading one record, with what it is asked to include.

use kith_kernel::{Id, Result};
use kith_platform::Ctx;
use kith_store::{Condition, Read};

use crate::{
    Ask, Record, Records,
    ask::wrong,
    describe::Object,
    encode::{self, Encoder, Line},
    filter::Filter,
    list, merged, past,
    related::includes,
    retention,
};

impl Records {
    /// A record as JSON, and its version.
    ///
    /// # Errors
    /// `NotFound` also for what was deleted.
    pub async fn read(
        &self,
        ctx: &Ctx,
        db: &Read,
        object: &Object,
        (id, ask): (Id, &Ask),
    ) -> Result<(i64, Vec<u8>)> {
        let shape = self.shape(object)?;
        let custom = self.custom_fields(db, object).await?;
        let filter = Filter::new(ctx, &shape, &custom, &ask.rule);
        let wanted = list::wanted(&shape, ask, &filter)?;
        let includes = includes(&shape, &custom, &ask.include)?;
        self.may_include(ctx, &includes)?;
        let encoder = Encoder {
            shape: &shape,
            custom: &custom,
            wanted,
            default_currency: ctx.actor.currency,
        };
        let select =
            object.rows().show(&shape.columns).whose("id", id).only(Condition::Null("deleted_at"));
        let version_at = shape.columns.iter().position(|column| *column == "version").unwrap_or(0);
        let mut found = None;
        db.each(&select, |row| {
            let mut json = Vec::with_capacity(1024);
            let id = encoder.row(row, &mut json)?;
            let links = includes.iter().map(|include| include.of(row)).collect::<Result<_>>()?;
            found =
                Some((row.integer(version_at)?.unwrap_or_default(), Line::single(id, json, links)));
            Ok(())
        })
        .await?;
        let Some((version, line)) = found else { return Err(merged::gone(db, object, id).await) };
        let mut lines = [line];
        self.complete(db, &shape, &includes, &mut lines, encoder.wanted.as_deref()).await?;
        let [mut line] = lines;
        line.json.push(b'}');
        Ok((version, line.json))
    }

    /// A record as it was at an instant, as an answer.
    ///
    /// # Errors
    /// `NotFound`, with what is known, when it was not made yet or deleted then.
    pub(crate) async fn read_as_of(
        &self,
        ctx: &Ctx,
        db: &Read,
        object: &'static Object,
        (id, ask, text): (Id, &Ask, &str),
    ) -> Result<Record> {
        if !ask.include.is_empty() {
            return Err(wrong("include", "shows records as they are, and goes without asOf"));
        }
        let shape = self.shape(object)?;
        let custom = self.custom_fields(db, object).await?;
        let filter = Filter::new(ctx, &shape, &custom, &ask.rule);
        let wanted = list::wanted(&shape, ask, &filter)?;
        let at = past::instant(ctx, "asOf", text)?;
        retention::refuse_before(db, at).await?;
        let was = self.was(ctx, db, (&shape, &custom), (id, at)).await?;
        let answer = encode::answer(&shape, id, &was.record, (&custom, &was.custom));
        Ok(past::chosen(answer, wanted.as_deref()))
    }
}
