//! Upkeep: what is over is archived, what nobody needs is deleted; each a batch in short steps that can be taken back.

mod parts;
mod routes;
mod volume;
mod work;

use std::sync::Arc;

use kith_kernel::{Result, Time};
use kith_platform::jobs::{Job, Registry, Retry};
use kith_store::Catalog;
use serde::{Deserialize, Serialize};

use crate::{
    Records,
    batches::{self, Asked, Kind},
    describe::Object,
};

pub use routes::{upkeep_routes, upkeep_schemas};

/// Records that can be over: in one of these states since the instant in a column.
pub struct Closed {
    /// What they are; it has the fields `status` and `archivedAt`.
    pub object: &'static Object,
    /// The states.
    pub states: &'static [&'static str],
    /// The column of the instant; where it has no value, the last change counts.
    pub since: &'static str,
}

/// Keeps tenants in order.
pub struct Upkeep {
    records: Arc<Records>,
    closed: &'static [Closed],
    catalog: Catalog,
}

impl Upkeep {
    /// For the records of this engine, of which these can be over, in these tables.
    pub fn new(records: &Arc<Records>, closed: &'static [Closed], catalog: Catalog) -> Arc<Self> {
        Arc::new(Self { records: Arc::clone(records), closed, catalog })
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Chore {
    /// What was over before this instant is archived, of these objects.
    Archive { before: Time, objects: Vec<String> },
    /// What is about records that are gone, and labels of nothing, are deleted.
    Orphans,
    /// What is labelled as test data is deleted.
    TestData,
    /// All business records are deleted.
    All,
}

impl Chore {
    /// The words that say that it is meant.
    const fn confirmation(&self) -> &'static str {
        match self {
            Self::Archive { .. } => "ARCHIVE",
            Self::Orphans => "DELETE_ORPHANS",
            Self::TestData => "DELETE_TEST_DATA",
            Self::All => "DELETE_ALL_DATA",
        }
    }

    const fn kind(&self) -> Kind {
        match self {
            Self::Archive { .. } => Kind::Archive,
            Self::Orphans | Self::TestData | Self::All => Kind::Cleanup,
        }
    }

    /// What it does to each record.
    const fn action(&self) -> &'static str {
        match self {
            Self::Archive { .. } => "archive",
            Self::Orphans | Self::TestData | Self::All => "delete",
        }
    }
}

/// What the job needs to know.
#[derive(Debug, Serialize, Deserialize)]
struct Wishes {
    chore: Chore,
    asked: Asked,
}

/// The job that does a chore.
#[derive(Debug, Serialize, Deserialize)]
struct DoChore {
    batch: kith_kernel::Id,
}

impl Job for DoChore {
    const NAME: &'static str = "records.upkeep";
    const RETRY: Retry = batches::RETRY;
}

/// Adds the job that archives and cleans up.
pub fn register_upkeep(registry: Registry, upkeep: &Arc<Upkeep>) -> Registry {
    let upkeep = Arc::clone(upkeep);
    let registry = registry.on(move |job: DoChore, attempt| {
        let upkeep = Arc::clone(&upkeep);
        async move { batches::outcome(upkeep.run(&attempt, job.batch).await) }
    });
    registry.when_given_up::<DoChore>(|job, ctx, db, error| {
        Box::pin(batches::given_up(ctx, db, job.batch, error))
    })
}

/// The columns of a record that say whether it is there, and by what it is known.
const ALIVE: &str = "deleted_at";

fn done<T>(found: Option<T>, what: &'static str) -> Result<T> {
    found.ok_or_else(|| kith_kernel::internal(what))
}
