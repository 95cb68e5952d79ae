//! Another model: what the old one made is of no use beside it, so a job has every chunk's vector made anew.

use std::{collections::BTreeSet, sync::Arc};

use kith_kernel::{Id, Result};
use kith_platform::{
    Ctx,
    jobs::{self, Job, Registry, Retry},
};
use kith_store::{Comparison, Condition, Select, Update, Write, equals};
use serde::{Deserialize, Serialize};

use super::Documents;
use crate::knowledge::{Stored, packed, stored};

const AT_ONCE: u64 = 50;

/// Makes the vectors of all chunks that this model has not made.
#[derive(Debug, Serialize, Deserialize)]
struct MakeVectors {
    model: String,
}

impl Job for MakeVectors {
    const NAME: &'static str = "documents.vectors";
    const RETRY: Retry =
        Retry { attempts: 20, first_pause_seconds: 10, longest_pause_seconds: 3_600 };
}

#[derive(Deserialize)]
struct Row {
    id: Id,
    document_id: Id,
    run_id: Id,
    heading: String,
    text: String,
}

/// Searches go by this model's vectors from now on; where they went by another's, the others are made anew.
pub(super) async fn follow(ctx: &Ctx, db: &Write, model: &str) -> Result<()> {
    let before = stored::standing(db).await?.model;
    if before.as_deref() == Some(model) {
        return Ok(());
    }
    stored::choose(db, model).await?;
    if before.is_some() {
        jobs::enqueue(ctx, db, &MakeVectors { model: model.to_owned() })?;
    }
    Ok(())
}

pub(super) fn register(registry: Registry, documents: &Arc<Documents>) -> Registry {
    let documents = Arc::clone(documents);
    registry.on(move |job: MakeVectors, attempt| {
        let documents = Arc::clone(&documents);
        async move {
            documents.make_vectors(&attempt, &job.model).await?;
            attempt.write(async |db| jobs::finish(&attempt, db).await).await.map_err(Into::into)
        }
    })
}

impl Documents {
    async fn make_vectors(&self, ctx: &Ctx, model: &str) -> Result<()> {
        let mut behind = Id::NIL;
        loop {
            let (standing, rows) = ctx
                .read(async |db| {
                    let others = Condition::Not(Box::new(equals("model", model)));
                    let next = Condition::Compare("id", Comparison::Greater, behind.into());
                    let select = Select::from("document_chunks").only(others).only(next);
                    let rows: Vec<Row> = db.all(select.by("id", false).at_most(AT_ONCE)).await?;
                    Ok((stored::standing(db).await?, rows))
                })
                .await?;
            let Some(last) = rows.last() else { return Ok(()) };
            if standing.model.as_deref() != Some(model) {
                return Ok(());
            }
            behind = last.id;
            let texts = rows.iter().map(|row| format!("{}\n{}", row.heading, row.text)).collect();
            let embedded = self.knowledge.embedder.embed(ctx, Some(model), texts).await?;
            self.store_elsewhere(ctx, model, (&rows, &embedded.vectors)).await?;
            let made: Vec<_> =
                rows.iter().zip(embedded.vectors.iter().map(|one| packed(one))).collect();
            let documents: BTreeSet<Id> = rows.iter().map(|row| row.document_id).collect();
            ctx.write(async |db| {
                for (row, vector) in &made {
                    let update = Update::table("document_chunks").set("vector", vector.clone());
                    db.update(update.set("model", model).whose("id", row.id)).await?;
                }
                for document in &documents {
                    stored::touch(db, *document).await?;
                }
                Ok(())
            })
            .await?;
        }
    }

    async fn store_elsewhere(
        &self,
        ctx: &Ctx,
        model: &str,
        (rows, vectors): (&[Row], &[Vec<f32>]),
    ) -> Result<()> {
        let Some(chroma) = &self.knowledge.chroma else { return Ok(()) };
        for (row, vector) in rows.iter().zip(vectors) {
            let new = [Stored { chunk: row.id, vector }];
            chroma.store(ctx, model, (row.document_id, row.run_id), &new).await?;
        }
        Ok(())
    }
}
