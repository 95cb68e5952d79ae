//! Chunks as they are stored, and the number by which memory knows that a tenant's documents changed.
//!
//! A document that is read is given a run; its chunks carry it and count when the document's state names that run as the
//! live one, all at once. Every change that a search could notice raises the tenant's number, in the order of commits,
//! and leaves it with the document.

use kith_kernel::{Error, Id, Kind, Result, Time, internal};
use kith_store::{
    Condition, Delete, Insert, Migration, Read, Select, Step, Table, Update, Value, Write, bytes,
    id, in_sizes, integer, text, time,
};
use serde::Deserialize;

/// The one row of a tenant.
const ALL: &str = "all";
/// Chunks that are deleted in one write.
const AT_ONCE: u64 = 200;

pub(crate) fn tables() -> [Table; 3] {
    let chunks = Table::of_tenant(
        "document_chunks",
        vec![
            id("document_id").required().references("documents"),
            id("run_id").required(),
            integer("position").required(),
            integer("page"),
            text("heading").required(),
            text("text").required(),
            integer("overlap").required(),
            text("model"),
            bytes("vector"),
        ],
    )
    .index(&["document_id", "run_id", "position"]);
    let states = Table::of_tenant(
        "document_states",
        vec![id("run_id").required(), id("live_id"), integer("version").required()],
    )
    .index(&["version"])
    .clustered();
    let knowledge = Table::of_tenant_keyed(
        "knowledge_states",
        &["name"],
        vec![
            text("name").required(),
            integer("version").required(),
            text("model"),
            integer("width"),
            id("job_id"),
            text("error"),
            time("failed_at"),
        ],
    )
    .clustered();
    [chunks, states, knowledge]
}

/// The tables besides that of documents.
pub(crate) fn migration(documents: Table) -> Migration {
    let all = [documents].into_iter().chain(tables());
    Migration { name: "2026-11-28-documents", steps: all.map(Step::Create).collect() }
}

/// How a tenant's documents stand.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Standing {
    pub(crate) version: i64,
    /// Whose vectors are searched by.
    pub(crate) model: Option<String>,
    /// Dimensions of that model's vectors, once it made any.
    pub(crate) width: Option<i64>,
    /// The job that makes those that are missing.
    pub(crate) job_id: Option<Id>,
    /// Why it could not, the last time.
    pub(crate) error: Option<String>,
    pub(crate) failed_at: Option<Time>,
}

/// How a document stands.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct State {
    pub(crate) id: Id,
    pub(crate) run_id: Id,
    pub(crate) live_id: Option<Id>,
}

/// A chunk that is to be stored.
pub(crate) struct NewChunk {
    pub(crate) page: Option<u32>,
    pub(crate) heading: String,
    pub(crate) text: String,
    pub(crate) overlap: usize,
    pub(crate) vector: Option<Vec<u8>>,
}

/// How a tenant's documents stand.
pub(crate) async fn standing(db: &Read) -> Result<Standing> {
    let found = db.first(Select::from("knowledge_states").whose("name", ALL)).await?;
    Ok(found.unwrap_or_default())
}

/// How a document stands.
pub(crate) async fn state(db: &Read, document: Id) -> Result<Option<State>> {
    db.first(Select::from("document_states").whose("id", document)).await
}

async fn raise(db: &Write) -> Result<i64> {
    let cells = vec![("name", ALL.into()), ("version", 1_i64.into())];
    let row = Insert::row("knowledge_states", cells);
    db.insert(row.or_add(&["name"], &["version"])).await?;
    Ok(standing(db).await?.version)
}

/// Something changed of a document that a search could notice.
pub(crate) async fn touch(db: &Write, document: Id) -> Result<()> {
    let version = raise(db).await?;
    let update = Update::table("document_states").set("version", version);
    db.update(update.whose("id", document)).await.map(drop)
}

/// Begins a run: what was begun before ends without an effect.
pub(crate) async fn begin(db: &Write, document: Id, run: Id) -> Result<()> {
    let version = raise(db).await?;
    let cells = vec![("id", document.into()), ("run_id", run.into()), ("version", version.into())];
    let row = Insert::row("document_states", cells);
    db.insert(row.or_replace(&["id"], &["run_id", "version"])).await.map(drop)
}

/// Makes sure that a run was not overtaken by another.
///
/// # Errors
/// `Gone` (`overtaken`) where it was.
pub(crate) async fn hold(db: &Write, document: Id, run: Id) -> Result<()> {
    let held = Update::table("document_states").set("run_id", run);
    if db.update(held.whose("id", document).whose("run_id", run)).await? == 1 {
        return Ok(());
    }
    Err(Error::new(Kind::Gone, "overtaken", "The document is read anew, or was deleted."))
}

/// What a run read counts from now on.
pub(crate) async fn go_live(db: &Write, document: Id, run: Option<Id>) -> Result<()> {
    let update = Update::table("document_states").set("live_id", run);
    db.update(update.whose("id", document)).await?;
    touch(db, document).await
}

/// Whoever changes how a tenant's documents stand waits for one another from here on.
pub(crate) async fn lock(db: &Write) -> Result<()> {
    raise(db).await.map(drop)
}

async fn note(db: &Write, set: impl FnOnce(Update) -> Update) -> Result<()> {
    db.update(set(Update::table("knowledge_states")).whose("name", ALL)).await.map(drop)
}

/// Searches go by the vectors of this model from now on.
pub(crate) async fn choose(db: &Write, model: &str, width: Option<i64>) -> Result<()> {
    raise(db).await?;
    let none = Value::Null;
    note(db, |update| {
        let update = update.set("model", model).set("width", width).set("job_id", none.clone());
        update.set("error", none.clone()).set("failed_at", none)
    })
    .await
}

/// This job makes the vectors that are missing; none: there is nothing to do for one any more.
pub(crate) async fn order(db: &Write, job: Option<Id>) -> Result<()> {
    note(db, |update| {
        let update = update.set("job_id", job);
        if job.is_some() {
            return update;
        }
        update.set("error", Value::Null).set("failed_at", Value::Null)
    })
    .await
}

/// Why vectors could not be made.
pub(crate) async fn failed(db: &Write, why: &str, at: Time) -> Result<()> {
    note(db, |update| update.set("error", why).set("failed_at", at)).await
}

/// Makes sure that a model's vectors are of as many dimensions as those that it made before.
///
/// # Errors
/// `Unavailable` (`wrong_width`) where they are not: they cannot be compared.
pub(crate) async fn hold_width(db: &Write, width: usize) -> Result<()> {
    let standing = standing(db).await?;
    if standing.width.is_none() {
        return note(db, |update| update.set("width", i64::try_from(width).unwrap_or(i64::MAX)))
            .await;
    }
    standing.check_width(width)
}

impl Standing {
    /// As [`hold_width`].
    pub(crate) fn check_width(&self, width: usize) -> Result<()> {
        match self.width {
            Some(known) if usize::try_from(known).ok() != Some(width) => {
                let why = format!(
                    "The model gave vectors of {width} dimensions; those that it made before have {known}."
                );
                Err(Error::new(Kind::Unavailable, "wrong_width", why))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Stores chunks of a run, the first of them at this position.
pub(crate) async fn store(
    db: &Write,
    (document, run, model): (Id, Id, Option<&str>),
    (ids, chunks, first): (Vec<Id>, Vec<NewChunk>, usize),
) -> Result<()> {
    let columns = vec![
        "id",
        "document_id",
        "run_id",
        "position",
        "page",
        "heading",
        "text",
        "overlap",
        "model",
        "vector",
    ];
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let rows: Vec<Vec<Value>> = ids
        .into_iter()
        .zip(chunks)
        .enumerate()
        .map(|(at, (id, chunk))| {
            let model = model.filter(|_| chunk.vector.is_some());
            vec![
                id.into(),
                document.into(),
                run.into(),
                number(first + at).into(),
                chunk.page.map(i64::from).into(),
                chunk.heading.into(),
                chunk.text.into(),
                number(chunk.overlap).into(),
                model.into(),
                chunk.vector.into(),
            ]
        })
        .collect();
    for rows in in_sizes(rows) {
        db.insert(Insert::rows("document_chunks", columns.clone(), rows)).await?;
    }
    Ok(())
}

/// Deletes some chunks of a document but those of one run; says whether there may be more.
pub(crate) async fn delete_some(db: &Write, document: Id, but: Option<Id>) -> Result<bool> {
    let mut some = Select::from("document_chunks").show(&["id"]).whose("document_id", document);
    if let Some(run) = but {
        some = some.only(Condition::Not(Box::new(kith_store::equals("run_id", run))));
    }
    let some = db.ids(&some.at_most(AT_ONCE)).await?;
    let more = some.len() as u64 == AT_ONCE;
    if !some.is_empty() {
        let some = some.into_iter().map(Value::from).collect();
        db.delete(Delete::from("document_chunks").only(Condition::In("id", some))).await?;
    }
    Ok(more)
}

/// Deletes all that is stored of a document beside its record.
pub(crate) async fn forget(db: &Write, document: Id) -> Result<()> {
    db.delete(Delete::from("document_chunks").whose("document_id", document)).await?;
    db.delete(Delete::from("document_states").whose("id", document)).await.map(drop)
}

/// The run of a document that counts.
///
/// # Errors
/// `Internal` for a document that never had a state.
pub(crate) async fn live(db: &Read, document: Id) -> Result<Option<Id>> {
    let state = state(db, document).await?;
    state.map(|state| state.live_id).ok_or_else(|| internal("a document has no state"))
}
