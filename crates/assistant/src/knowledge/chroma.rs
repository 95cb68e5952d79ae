//! ChromaDB, where the operator has one: vectors are searched there. What counts stays in our own database, so that its
//! collections can be filled anew.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use kith_kernel::{Error, Id, Kind, Result};
use kith_platform::{
    Ctx,
    outgoing::{Answer, Outgoing, Request, header},
};
use serde_json::{Value as Json, json};

use super::terms::hash;

const BASE: &str = "/api/v2/tenants/default_tenant/databases/default_database/collections";
const TIME: Duration = Duration::from_secs(10);
const LARGEST: u64 = 8 << 20;

/// A server of ChromaDB.
pub(crate) struct Chroma {
    outgoing: Outgoing,
    url: String,
    /// Ids of collections by their names.
    known: Mutex<HashMap<String, String>>,
}

/// A vector that is stored.
pub(crate) struct Stored<'v> {
    pub(crate) chunk: Id,
    pub(crate) vector: &'v [f32],
}

impl Chroma {
    pub(crate) fn new(outgoing: &Outgoing, url: &str) -> Option<Self> {
        let url = url.trim_end_matches('/');
        (!url.is_empty()).then(|| Self {
            outgoing: outgoing.clone(),
            url: url.to_owned(),
            known: Mutex::default(),
        })
    }

    /// Stores vectors of a run of a document.
    ///
    /// # Errors
    /// `Unavailable` where the server does not do what it is asked.
    pub(crate) async fn store(
        &self,
        ctx: &Ctx,
        model: &str,
        (document, run): (Id, Id),
        vectors: &[Stored<'_>],
    ) -> Result<()> {
        let about = json!({ "document": document, "run": run });
        let body = json!({
            "ids": vectors.iter().map(|one| one.chunk).collect::<Vec<_>>(),
            "embeddings": vectors.iter().map(|one| one.vector).collect::<Vec<_>>(),
            "metadatas": vec![about; vectors.len()],
        });
        self.on_collection(ctx, model, ("upsert", &body)).await.map(drop)
    }

    /// Removes what is stored of a document, but for one run.
    ///
    /// # Errors
    /// As [`Self::store`].
    pub(crate) async fn remove(
        &self,
        ctx: &Ctx,
        model: &str,
        (document, but): (Id, Option<Id>),
    ) -> Result<()> {
        let of = json!({ "document": { "$eq": document } });
        let condition = match but {
            None => of,
            Some(run) => json!({ "$and": [of, { "run": { "$ne": run } }] }),
        };
        self.on_collection(ctx, model, ("delete", &json!({ "where": condition }))).await.map(drop)
    }

    /// The nearest chunks with how near they are, from -1 to 1; only of these runs where they are named.
    ///
    /// # Errors
    /// As [`Self::store`].
    pub(crate) async fn nearest(
        &self,
        ctx: &Ctx,
        model: &str,
        (vector, runs, most): (&[f32], Option<&[Id]>, usize),
    ) -> Result<HashMap<Id, f32>> {
        let mut body =
            json!({ "query_embeddings": [vector], "n_results": most, "include": ["distances"] });
        if let Some(runs) = runs {
            body["where"] = json!({ "run": { "$in": runs } });
        }
        let found = self.on_collection(ctx, model, ("query", &body)).await?;
        let (ids, distances) = (&found["ids"][0], &found["distances"][0]);
        let pairs =
            ids.as_array().into_iter().flatten().zip(distances.as_array().into_iter().flatten());
        #[expect(clippy::cast_possible_truncation, reason = "a share need not be exact")]
        let near = pairs.filter_map(|(id, distance)| {
            Some((id.as_str()?.parse().ok()?, 1.0 - distance.as_f64()? as f32))
        });
        Ok(near.collect())
    }

    /// Says which version answers.
    ///
    /// # Errors
    /// As [`Self::store`].
    pub(crate) async fn version(&self) -> Result<String> {
        let request = Request::get(format!("{}/api/v2/version", self.url));
        let answer = self.send(request).await?;
        Ok(json_of(&answer)?.as_str().unwrap_or("an unknown version").to_owned())
    }

    async fn on_collection(
        &self,
        ctx: &Ctx,
        model: &str,
        (verb, body): (&str, &Json),
    ) -> Result<Json> {
        // A tenant's vectors stand apart from all others', and those of one model from those of another.
        let name = format!("kith-{}-{:016x}", ctx.actor.tenant.simple(), hash(model));
        for is_second in [false, true] {
            let id = self.collection(&name).await?;
            match self.post(&format!("{BASE}/{id}/{verb}"), body).await {
                // Somebody removed the collection behind our back.
                Err(error) if error.code() == "chroma_gone" && !is_second => {
                    self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
                }
                done => return done,
            }
        }
        Err(refused("It forgets its collections."))
    }

    async fn collection(&self, name: &str) -> Result<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let body =
            json!({ "name": name, "get_or_create": true, "metadata": { "hnsw:space": "cosine" } });
        let made = self.post(BASE, &body).await?;
        let id = made["id"].as_str().ok_or_else(|| refused("It names no collection."))?.to_owned();
        self.known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), id.clone());
        Ok(id)
    }

    async fn post(&self, path: &str, body: &Json) -> Result<Json> {
        let request = Request::post(format!("{}{path}", self.url), body.to_string());
        let request = request.header(header::CONTENT_TYPE, "application/json")?;
        json_of(&self.send(request).await?)
    }

    async fn send(&self, request: Request) -> Result<Answer> {
        let request = request.of_operator().within(TIME).at_most(LARGEST);
        let answer = self.outgoing.send(request).await.map_err(|error| {
            Error::new(
                Kind::Unavailable,
                "chroma_failed",
                "ChromaDB (CHROMADB_URL) cannot be asked.",
            )
            .caused_by(error)
        })?;
        match answer.status.as_u16() {
            200..=299 => Ok(answer),
            404 => Err(Error::new(
                Kind::Unavailable,
                "chroma_gone",
                "ChromaDB has no such collection.",
            )),
            status => Err(refused(&format!("It answered with the status {status}."))),
        }
    }
}

fn json_of(answer: &Answer) -> Result<Json> {
    if answer.body.is_empty() {
        return Ok(Json::Null);
    }
    serde_json::from_slice(&answer.body)
        .map_err(|error| refused("Its answer is no JSON.").caused_by(error))
}

fn refused(why: &str) -> Error {
    Error::new(Kind::Unavailable, "chroma_failed", format!("ChromaDB (CHROMADB_URL) failed. {why}"))
}
