//! Records of a page on their way in: names become ids, and each record goes in by itself, through the engine.

use std::collections::HashMap;

use kith_kernel::{Error, Id, Kind, Result, invalid, text::fold};
use kith_platform::Ctx;
use kith_records::{Desk, Record, Records, Upserted, batches};
use kith_store::{Condition, Select, Write};
use serde_json::Value as Json;

use super::{
    far::Raw,
    map::{Entity, Named, outcome, spoken, squeezed},
    state::Progress,
};
use crate::{
    deals::DEAL,
    pipelines::{default_pipeline, stages},
};

const LONGEST_ID: usize = 200;
/// So many answers are remembered before all are forgotten.
const MOST_REMEMBERED: usize = 20_000;

/// Who writes, and what it found before.
pub(super) struct Writer<'a> {
    pub(super) records: &'a Records,
    pub(super) ctx: Ctx,
    /// What is there; what is not may come later.
    pub(super) known: HashMap<(&'static str, String), Id>,
}

/// What became of one record, before it is counted.
enum Outcome {
    Done(Upserted),
    Skipped,
}

impl Writer<'_> {
    /// Takes some records; what fails at one is told and keeps none of the others out.
    pub(super) async fn take(
        &mut self,
        db: &Write,
        entity: &'static Entity,
        (rows, progress): (&[Option<Raw>], &mut Progress),
    ) -> Result<()> {
        if self.known.len() > MOST_REMEMBERED {
            self.known.clear();
        }
        for raw in rows {
            let id = raw.as_ref().and_then(external_id);
            let done = match (raw, &id) {
                (Some(raw), Some(id)) => self.one(db, entity, (raw, id), progress).await,
                _ => Err(invalid("id", "is missing: a record without one is not known again")),
            };
            let Some(tally) = progress.tally() else { continue };
            tally.read += 1;
            match done {
                Ok(Outcome::Done(Upserted::Created(_))) => tally.created += 1,
                Ok(Outcome::Done(Upserted::Updated(_))) => tally.updated += 1,
                Ok(Outcome::Done(Upserted::Unchanged(_))) => tally.unchanged += 1,
                Ok(Outcome::Skipped) => tally.skipped += 1,
                Err(error) if batches::is_of_one(&error) => tally.fail(id.as_deref(), &error),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn one(
        &mut self,
        db: &Write,
        entity: &'static Entity,
        (raw, id): (&Raw, &str),
        progress: &mut Progress,
    ) -> Result<Outcome> {
        let mut mapped = entity.map(raw, self.ctx.actor.zone);
        for (key, named) in std::mem::take(&mut mapped.named) {
            match self.look_up(db, &named, progress).await? {
                Some(value) => drop(mapped.input.insert(key.to_owned(), value)),
                None => {
                    if let Some(tally) = progress.tally() {
                        tally.leave_out(key);
                    }
                }
            }
        }
        let mut left_out = Vec::new();
        let first = self.try_one(db, entity, (id, mapped.input.clone())).await;
        let done = match first {
            // What does not fit stays behind; without what must be there the second try fails as well.
            Err(error) if error.kind() == Kind::Invalid => {
                left_out = without(&mut mapped.input, &error);
                if left_out.is_empty() {
                    return Err(error);
                }
                self.try_one(db, entity, (id, mapped.input)).await
            }
            first => first,
        };
        if let Some(tally) = progress.tally() {
            for key in &left_out {
                tally.leave_out(key);
            }
            for key in &mapped.unknown {
                tally.not_known(key);
            }
        }
        match done {
            // A lead that was converted here is kept as it was.
            Err(error) if error.code() == "converted" => Ok(Outcome::Skipped),
            done => done.map(Outcome::Done),
        }
    }

    async fn try_one(
        &self,
        db: &Write,
        entity: &'static Entity,
        (id, input): (&str, Record),
    ) -> Result<Upserted> {
        db.attempt(async |db| self.records.upsert(&self.ctx, db, entity.object, (id, input)).await)
            .await
    }

    /// What a name stands for; nothing where it stands for nothing.
    async fn look_up(
        &mut self,
        db: &Write,
        named: &Named,
        progress: &mut Progress,
    ) -> Result<Option<Json>> {
        let (kind, text) = match named {
            Named::Record(object, id) => (*object, fold(id).into_owned()),
            Named::Member(who) => ("member", fold(who).into_owned()),
            Named::Stage(stage) => ("stage", squeezed(stage)),
        };
        if let Some(id) = self.known.get(&(kind, text.clone())) {
            return Ok(Some(id.to_string().into()));
        }
        let found = match named {
            Named::Record(name, id) => match self.records.object(name) {
                Some(object) => self.records.by_external_id(db, object, id).await?,
                None => None,
            },
            Named::Member(_) => member(db, &text).await?,
            // Stages are named and not remembered: they can be renamed at any time.
            Named::Stage(stage) => return self.stage(db, stage, progress).await.map(Some),
        };
        if let Some(id) = found {
            self.known.insert((kind, text), id);
        }
        Ok(found.map(|id| id.to_string().into()))
    }

    /// The name of a stage here; one that there is not is made, as an import makes it.
    async fn stage(&self, db: &Write, theirs: &str, progress: &mut Progress) -> Result<Json> {
        let all = stages(db, default_pipeline(db).await?).await?;
        let wanted = squeezed(theirs);
        let ended = outcome(theirs);
        let same = all.iter().find(|stage| squeezed(&stage.name) == wanted);
        let like = || all.iter().find(|stage| ended != "open" && stage.outcome == ended);
        if let Some(stage) = same.or_else(like) {
            return Ok(stage.name.clone().into());
        }
        let name = spoken(theirs);
        let desk = Desk { records: self.records, ctx: &self.ctx, db };
        let made = DEAL.rules.make_missing(desk, "stage", std::slice::from_ref(&name)).await?;
        progress.stages.extend(made);
        Ok(name.into())
    }
}

/// The id of a record there.
fn external_id(raw: &Raw) -> Option<String> {
    let id = match raw.get("id")? {
        Json::String(id) => id.trim().to_owned(),
        Json::Number(id) => id.to_string(),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => return None,
    };
    (!id.is_empty() && id.len() <= LONGEST_ID).then_some(id)
}

/// The member of an e-mail address or a name.
async fn member(db: &Write, who: &str) -> Result<Option<Id>> {
    let column = if who.contains('@') { "email_folded" } else { "name_folded" };
    let select = Select::from("members").show(&["id"]).whose(column, who).by("id", false);
    let mut found = None;
    db.each(&select.only(Condition::Null("deleted_at")).at_most(1), |row| {
        found = row.id(0)?;
        Ok(())
    })
    .await?;
    Ok(found)
}

/// Takes away what an error names, and says which keys these were.
fn without(input: &mut Record, error: &Error) -> Vec<String> {
    let named = error
        .problems()
        .iter()
        .map(|problem| problem.pointer.trim_start_matches('/').replace('/', "."));
    named.filter(|key| input.remove(key).is_some()).collect()
}
