//! Imports: files of any size, CSV or vCards, in chunks that each commit with the place they ended at, so that an import that is
//! interrupted goes on where it was.

mod convert;
mod errors;
mod links;
mod lookup;
mod plan;
mod report;
mod resume;
mod routes;
mod rows;
mod run;
mod source;
mod state;

use std::collections::BTreeMap;

use kith_kernel::{Error, Id, Result, invalid};
use kith_platform::jobs::{Failure, Job, Registry};
use serde::{Deserialize, Serialize};

pub use report::Report;
pub(crate) use routes::schemas;
pub use routes::{import_routes, object_route};
pub use run::{Imports, Progress};
pub use state::{Begun, State, Stored};
pub(crate) use state::{migration, shared_files};

/// What an import shall do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Wishes {
    /// Columns by their names, and the field that each goes to; none: it is left out.
    pub mapping: BTreeMap<String, Option<Mapped>>,
    /// The field by which records are known again; that of the object unless said.
    pub match_by: Option<String>,
    /// What happens to a row whose record is there already.
    pub on_match: OnMatch,
    /// Write nothing and report the same.
    pub dry_run: bool,
}

/// Where a column goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Mapped {
    /// A field by its key.
    Field(String),
    /// A field whose values are multiplied by a power of ten.
    Scaled {
        /// The field's key.
        field: String,
        /// 1, 10, 100, … up to 10^12.
        scale: u64,
    },
}

/// What happens to a row whose record is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnMatch {
    /// It is left as it is.
    #[default]
    Skip,
    /// It is changed to what the row says.
    Update,
}

impl Mapped {
    /// Reads `annualRevenue` or `annualRevenue*1000000`, as the command line brings it.
    pub fn parse(text: &str) -> Result<Self> {
        match text.split_once('*') {
            None => Ok(Self::Field(text.trim().to_owned())),
            Some((field, scale)) => {
                let scale = scale.trim().parse().map_err(|_| unscaled())?;
                Ok(Self::Scaled { field: field.trim().to_owned(), scale })
            }
        }
    }

    pub(crate) fn field(&self) -> &str {
        match self {
            Self::Field(field) | Self::Scaled { field, .. } => field,
        }
    }

    /// The power of ten of the scale.
    pub(crate) fn power(&self) -> Result<u32> {
        let Self::Scaled { scale, .. } = self else { return Ok(0) };
        (0..=12).find(|power| 10_u64.pow(*power) == *scale).ok_or_else(unscaled)
    }
}

fn unscaled() -> Error {
    invalid("mapping", "has a scale that is none of 1, 10, 100, … 1000000000000")
}

/// The job that runs an import.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RunImport {
    pub(crate) import: Id,
}

impl Job for RunImport {
    const NAME: &'static str = "import.run";
}

/// Adds the job that runs imports.
pub fn register(registry: Registry, imports: &Imports) -> Registry {
    let imports = imports.clone();
    let registry = registry.on(move |job: RunImport, attempt| {
        let imports = imports.clone();
        async move {
            let done = Box::pin(imports.run(&attempt, job.import, &|_| {})).await;
            done.map(drop).map_err(|error| match error.kind() {
                _ if error.code() == run::STOPPING => Failure::Stopped(error),
                kith_kernel::Kind::Unavailable | kith_kernel::Kind::Timeout => {
                    Failure::Retry(error)
                }
                _ => Failure::GiveUp(error),
            })
        }
    });
    registry.when_given_up::<RunImport>(|job, ctx, db, error| {
        Box::pin(run::given_up(ctx, db, job.import, error))
    })
}
