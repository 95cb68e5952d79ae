//! Bulk changes: up to a thousand records by their ids, in short transactions of one batch.

use kith_http::{Answer, Call};
use kith_kernel::{Actor, Error, Id, Result, Role, forbidden, invalid};
use kith_platform::{Attempts, Ctx};
use kith_store::Write;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::{Manner, Records, describe::Object};

const MOST_IDS: usize = 1_000;
/// So many records share a transaction, so that no write holds the others up for long.
const CHUNK: usize = 50;

#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
enum Action {
    Update,
    Delete,
    Restore,
}

/// The body of a bulk change.
#[derive(Debug, Deserialize)]
pub(crate) struct Bulk {
    action: Action,
    ids: Vec<Id>,
    #[serde(default)]
    changes: Map<String, Json>,
}

/// Deleting and restoring many takes what deleting and restoring one takes.
fn may_end(actor: &Actor, object: &Object) -> Result<()> {
    if actor.role < Role::Admin {
        return Err(forbidden("Deleting and restoring take the role admin or a higher one."));
    }
    actor.scopes.require(object.plural, "delete")
}

impl Records {
    /// Changes, deletes or restores records; each succeeds or fails by itself.
    pub(crate) async fn bulk(&self, call: &mut Call, object: &'static Object) -> Result<Answer> {
        let bulk: Bulk = call.parse().await?;
        if bulk.action != Action::Update {
            may_end(&call.ctx.actor, object)?;
        }
        if bulk.ids.is_empty() || bulk.ids.len() > MOST_IDS {
            return Err(invalid("ids", format!("must hold 1 to {MOST_IDS} ids")));
        }
        if (bulk.action == Action::Update) == bulk.changes.is_empty() {
            return Err(invalid("changes", "are needed to update, and for nothing else"));
        }
        let batch = call.ctx.new_id();
        let mut failed = Vec::new();
        for ids in bulk.ids.chunks(CHUNK) {
            let errors = self.chunks(&call.ctx, object, (&bulk, ids, batch)).await?;
            failed.extend(errors.into_iter().map(|(id, error)| {
                json!({ "id": id, "code": error.code(), "message": error.in_one_line(), "errors": error.problems() })
            }));
        }
        let succeeded = bulk.ids.len() - failed.len();
        Answer::json(&json!({ "batchId": batch, "succeeded": succeeded, "failed": failed }))
    }

    async fn chunks(
        &self,
        ctx: &Ctx,
        object: &'static Object,
        (bulk, ids, batch): (&Bulk, &[Id], Id),
    ) -> Result<Vec<(Id, Error)>> {
        let mut attempts = Attempts::new();
        loop {
            let done =
                ctx.write(async |db| self.chunk(ctx, db, object, (bulk, ids, batch)).await).await;
            if attempts.end_with(&done) {
                return done;
            }
        }
    }

    async fn chunk(
        &self,
        ctx: &Ctx,
        db: &Write,
        object: &'static Object,
        (bulk, ids, batch): (&Bulk, &[Id], Id),
    ) -> Result<Vec<(Id, Error)>> {
        let mut failed = Vec::new();
        for id in ids {
            let manner = Manner { batch: Some(batch), ..Manner::default() };
            let done = db.attempt(async |db| match bulk.action {
                Action::Update => self
                    .update(ctx, db, object, (*id, bulk.changes.clone(), manner))
                    .await
                    .map(drop),
                Action::Delete => self.delete(ctx, db, object, (*id, manner)).await,
                Action::Restore => self.restore(ctx, db, object, (*id, manner)).await.map(drop),
            });
            match done.await {
                Ok(()) => {}
                Err(error) if error.code() == "contended" => return Err(error),
                Err(error) => failed.push((*id, error)),
            }
        }
        Ok(failed)
    }
}
