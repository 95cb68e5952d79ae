//! What changed of a record between two instants, field by field, and who changed it last.

use std::collections::BTreeSet;

use kith_http::{Answer, Call};
use kith_kernel::{Id, Result, Time};
use kith_store::{Read, Select};
use serde_json::{Value as Json, json};

use super::{Was, instant, since};
use crate::{
    Records,
    ask::wrong,
    custom::CustomField,
    describe::Object,
    erased,
    trace::{self, Step},
};

impl Was {
    /// The value of a field, by the key that events use.
    fn value(&self, key: &str, custom: &[CustomField]) -> &Json {
        let found = match key.strip_prefix("custom.") {
            None => self.record.get(key),
            Some(name) => custom
                .iter()
                .find(|field| field.name == name)
                .and_then(|field| self.custom.get(&field.id.to_string())),
        };
        found.unwrap_or(&Json::Null)
    }

    fn version(&self) -> i64 {
        self.record.get("version").and_then(Json::as_i64).unwrap_or_default()
    }
}

fn keys(was: &Was, is: &Was, custom: &[CustomField]) -> BTreeSet<String> {
    let built_in = was.record.keys().chain(is.record.keys());
    let built_in = built_in.filter(|key| !matches!(key.as_str(), "version" | "updatedAt"));
    built_in.cloned().chain(custom.iter().map(CustomField::key)).collect()
}

impl Records {
    /// Each field that differs between two instants.
    pub(crate) async fn diff(&self, call: &Call, object: &'static Object) -> Result<Answer> {
        let (id, query, ctx) = (call.id("id")?, call.query()?, &call.ctx);
        query.only(&["from", "to"])?;
        let from = query.get("from")?.map(|text| instant(ctx, "from", text)).transpose()?;
        let to = query.get("to")?.map(|text| instant(ctx, "to", text)).transpose()?;
        let to = to.unwrap_or_else(|| ctx.now());
        if from.is_some_and(|from| from >= to) {
            return Err(wrong("to", "must lie behind from"));
        }
        let shown = ctx
            .read(async |db| {
                let shape = self.shape(object)?;
                let custom = self.custom_fields(db, object).await?;
                let of = (&*shape, &*custom);
                let from = match from {
                    Some(from) => from,
                    None => made_at(db, object, id).await?,
                };
                let was = self.was(ctx, db, of, (id, from)).await?;
                let is = self.was(ctx, db, of, (id, to)).await?;
                let mut steps = trace::steps(db, object, (&[id], Some(since(from)))).await?;
                let mut steps = steps.remove(&id).unwrap_or_default();
                steps.retain(|step| step.at > from && step.at <= to);
                let changes = changes((&was, &is), &steps, &custom);
                Ok(json!({
                    "id": id, "object": object.name, "from": from, "to": to, "fromVersion": was.version(),
                    "toVersion": is.version(), "changes": changes,
                }))
            })
            .await?;
        Answer::json(&shown)
    }
}

/// When a record was made, by its event.
async fn made_at(db: &Read, object: &Object, id: Id) -> Result<Time> {
    let [made, ..] = trace::names(object);
    let select = Select::from("events").show(&["at"]).whose("record_id", id).whose("name", made);
    let mut found = None;
    db.each(&select.by("id", false).at_most(1), |row| {
        found = row.time(0)?;
        Ok(())
    })
    .await?;
    // Those who sign up are made without such an event.
    let select = object.rows().show(&["created_at"]).whose("id", id);
    let mut known = None;
    db.each(&select, |row| {
        known = row.time(0)?;
        Ok(())
    })
    .await?;
    match found.or(known) {
        Some(made) => Ok(made),
        None => Err(erased::gone(db, object, id).await?),
    }
}

fn changes((was, is): (&Was, &Was), steps: &[Step], custom: &[CustomField]) -> Vec<Json> {
    let keys = keys(was, is, custom);
    let differing = keys.iter().filter(|key| was.value(key, custom) != is.value(key, custom));
    let told = differing.map(|key| {
        let touches = |step: &&Step| step.before.contains_key(key) || step.after.contains_key(key);
        let last = steps.iter().rfind(touches);
        let of = |part: fn(&Step) -> Option<Id>| last.and_then(part);
        let at: Option<Time> = last.map(|step| step.at);
        json!({
            "field": key, "before": was.value(key, custom), "after": is.value(key, custom), "changedAt": at,
            "memberId": of(|step| step.member), "userId": of(|step| step.user), "batchId": of(|step| step.batch),
        })
    });
    told.collect()
}
