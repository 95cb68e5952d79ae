//! Imports of bundles as rows of the tenant of whoever asked: what is being made, how far it is, what came of it.

use kith_http::{schema, schema::Schema};
use kith_kernel::{Error, Id, Result, Time, conflict, not_found};
use kith_platform::Ctx;
use kith_store::{
    Condition, Insert, Migration, Read, Select, Step, Table, Update, Value, Write, id, integer,
    text, time,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

const TABLE: &str = "bundle_imports";

#[derive(Debug, Deserialize)]
pub(crate) struct Stored {
    pub(crate) id: Id,
    pub(crate) state: String,
    pub(crate) file_id: Id,
    pub(crate) file_name: String,
    pub(crate) name: Option<String>,
    /// The tenant that is made, or was tried to be made.
    pub(crate) made_id: Option<Id>,
    slug: Option<String>,
    phase: Option<String>,
    percent: Option<i64>,
    rows: Option<i64>,
    done: i64,
    joined: Option<i64>,
    named: Option<i64>,
    code: Option<String>,
    error: Option<String>,
    created_at: Time,
    finished_at: Option<Time>,
}

/// What came of an import.
pub(crate) struct Outcome {
    pub(crate) slug: String,
    /// Nothing where the process that knew it died behind the end.
    pub(crate) members: Option<(usize, usize)>,
}

pub(crate) fn migration() -> Migration {
    let table = Table::of_tenant(
        TABLE,
        vec![
            text("state").required(),
            id("file_id").required(),
            text("file_name").required(),
            text("name"),
            id("made_id"),
            text("slug"),
            text("phase"),
            integer("percent"),
            integer("rows"),
            integer("done").required(),
            integer("joined"),
            integer("named"),
            text("code"),
            text("error"),
            time("created_at").required(),
            time("finished_at"),
        ],
    )
    .stays();
    Migration { name: "2026-11-26-bundle-imports", steps: vec![Step::Create(table)] }
}

pub(crate) fn schemas() -> Vec<(String, Json)> {
    let told = |text: &str, schema: Schema| schema::described(schema::nullable(schema), text);
    let states = schema::one_of(&["queued", "running", "completed", "failed"]);
    let keys = vec![
        ("id", schema::id()),
        ("state", states),
        ("fileName", schema::string()),
        (
            "name",
            told("What the tenant is to be called; null: as in the bundle.", schema::string()),
        ),
        ("tenantId", told("The new tenant, when it is there.", schema::id())),
        ("slug", told("What addresses call it.", schema::string())),
        ("phase", told("What is being done, while it is running.", schema::one_of(&PHASES))),
        (
            "percent",
            schema::described(
                schema::integer(),
                "How far all of it is: 100 when it is completed, and not before.",
            ),
        ),
        ("rows", told("How many rows there are to come.", schema::integer())),
        (
            "done",
            schema::described(
                schema::integer(),
                "Rows that were written. What follows takes its time as well: see phase and percent.",
            ),
        ),
        ("joined", told("Members who are users here and can enter.", schema::integer())),
        ("named", told("Members who are there by name.", schema::integer())),
        ("code", told("What was wrong, for programs.", schema::string())),
        (
            "error",
            told("What was wrong, for people. Nothing is left of the tenant.", schema::string()),
        ),
        ("createdAt", schema::time()),
        ("finishedAt", schema::nullable(schema::time())),
    ];
    let required = ["id", "state", "fileName", "percent", "done", "createdAt"];
    vec![("BundleImport".to_owned(), schema::object(keys, &required))]
}

impl Stored {
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state.as_str(), "completed" | "failed")
    }

    pub(crate) fn shown(&self) -> Json {
        let there = self.made_id.filter(|_| self.state == "completed");
        json!({
            "id": self.id, "state": self.state, "fileName": self.file_name, "name": self.name,
            "tenantId": there, "slug": self.slug,
            "phase": self.phase.as_ref().filter(|_| self.state == "running"),
            "percent": self.percent.unwrap_or_default(), "rows": self.rows, "done": self.done,
            "joined": self.joined, "named": self.named, "code": self.code, "error": self.error,
            "createdAt": self.created_at, "finishedAt": self.finished_at,
        })
    }
}

pub(crate) async fn find(db: &Read, id: Id) -> Result<Stored> {
    db.first(Select::from(TABLE).whose("id", id)).await?.ok_or_else(|| not_found("import"))
}

/// Notes an import of a file; one of a tenant at a time.
pub(crate) async fn begin(
    ctx: &Ctx,
    db: &Write,
    (id, file, file_name, name): (Id, Id, &str, Option<&str>),
) -> Result<()> {
    let open = Condition::In("state", vec!["queued".into(), "running".into()]);
    let other: Option<Stored> = db.first(Select::from(TABLE).only(open).by("id", false)).await?;
    if let Some(other) = other {
        let why =
            format!("Another bundle is being imported: GET /api/database/import/{}.", other.id);
        return Err(conflict("import_running", why));
    }
    let cells = vec![
        ("id", id.into()),
        ("state", "queued".into()),
        ("file_id", file.into()),
        ("file_name", file_name.into()),
        ("name", name.map_or(Value::Null, Value::from)),
        ("done", 0_i64.into()),
        ("created_at", ctx.now().into()),
    ];
    db.insert(Insert::row(TABLE, cells)).await.map(drop)
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What is done, one behind the other, with the part of all work that each begins at, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It is read once before anything is written.
    Reading,
    /// Rows are written, and behind them files.
    Writing,
    /// Records are made findable.
    Indexing,
    /// The tenant is opened, and its events are sealed and verified.
    Sealing,
}

const PHASES: [&str; 4] = ["reading", "writing", "indexing", "sealing"];

impl Phase {
    const fn name(self) -> &'static str {
        PHASES[self as usize]
    }

    const fn span(self) -> (u64, u64) {
        match self {
            Self::Reading => (0, 10),
            Self::Writing => (10, 60),
            Self::Indexing => (60, 90),
            Self::Sealing => (90, 99),
        }
    }

    /// How far all of it is where so much of this is done.
    pub(crate) fn percent(self, (done, all): (u64, u64)) -> i64 {
        let (from, to) = self.span();
        number(from + (to - from) * done.min(all) / all.max(1))
    }
}

/// Something else is being done.
pub(crate) async fn enters(ctx: &Ctx, id: Id, phase: Phase) -> Result<()> {
    let update = Update::table(TABLE)
        .set("state", "running")
        .set("phase", phase.name())
        .set("percent", phase.percent((0, 1)))
        .whose("id", id);
    ctx.write(async |db| db.update(update).await).await.map(drop)
}

/// A tenant is to come of it.
pub(crate) async fn expects(ctx: &Ctx, id: Id, (tenant, rows): (Id, u64)) -> Result<()> {
    let update = Update::table(TABLE)
        .set("made_id", tenant)
        .set("rows", number(rows))
        .set("done", 0_i64)
        .whose("id", id);
    ctx.write(async |db| db.update(update).await).await.map(drop)
}

/// It is so far, in percent, and so many rows are written where those are what is written.
pub(crate) async fn reached(ctx: &Ctx, id: Id, (percent, rows): (i64, Option<u64>)) -> Result<()> {
    let update = Update::table(TABLE).set("percent", percent).whose("id", id);
    let update = rows.into_iter().fold(update, |update, rows| update.set("done", number(rows)));
    ctx.write(async |db| db.update(update).await).await.map(drop)
}

pub(crate) async fn complete(ctx: &Ctx, db: &Write, (id, outcome): (Id, &Outcome)) -> Result<()> {
    let stored = find(db, id).await?;
    let count = |count: usize| Value::from(i64::try_from(count).unwrap_or(i64::MAX));
    let mut update = Update::table(TABLE)
        .set("state", "completed")
        .set("slug", outcome.slug.as_str())
        .set("done", stored.rows.unwrap_or_default())
        .set("percent", 100_i64)
        .set("finished_at", ctx.now());
    if let Some((joined, named)) = outcome.members {
        update = update.set("joined", count(joined)).set("named", count(named));
    }
    db.update(update.whose("id", id)).await.map(drop)
}

/// It failed for good.
pub(crate) async fn fail(ctx: &Ctx, db: &Write, (id, error): (Id, &Error)) -> Result<()> {
    end(ctx, db, (id, error.code(), error.message())).await
}

/// The same where only its words are known.
pub(crate) async fn given_up(ctx: &Ctx, db: &Write, (id, error): (Id, &str)) -> Result<()> {
    if find(db, id).await?.has_ended() {
        return Ok(());
    }
    end(ctx, db, (id, "given_up", error)).await
}

async fn end(ctx: &Ctx, db: &Write, (id, code, error): (Id, &str, &str)) -> Result<()> {
    let update = Update::table(TABLE)
        .set("state", "failed")
        .set("code", code)
        .set("error", error)
        .set("finished_at", ctx.now())
        .whose("id", id);
    db.update(update).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_done_when_the_last_phase_is_and_not_before() {
        let phases = [Phase::Reading, Phase::Writing, Phase::Indexing, Phase::Sealing];
        let mut last = 0;
        for phase in phases {
            for done in [0, 1, 500, 999, 1_000, 2_000] {
                let percent = phase.percent((done, 1_000));
                assert!(
                    last <= percent && percent < 100,
                    "{phase:?} {done}: {percent} after {last}"
                );
                last = percent;
            }
        }
        assert_eq!((last, Phase::Indexing.percent((0, 0))), (99, 60));
        assert_eq!(phases.map(Phase::name), PHASES);
    }
}
