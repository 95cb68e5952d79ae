//! Who watches while a bundle becomes a tenant: somebody at a terminal, or a row that is asked for over HTTP.

use indicatif::ProgressBar;
use kith_kernel::{Id, Result};
use kith_platform::Ctx;

use super::stopping;
use crate::{arrivals, bars};

/// Who watches.
pub(crate) enum Watch {
    /// Somebody at a terminal; no server is at work on the same database, or it does not mind.
    Terminal,
    /// The row of an import, in the tenant of whoever asked for it.
    Arrival(Box<Ctx>, Id),
}

impl Watch {
    /// Whether others write at the same time, and must not wait.
    pub(super) fn is_gentle(&self) -> bool {
        match self {
            Self::Terminal => false,
            Self::Arrival(..) => true,
        }
    }

    /// A tenant of this id is to come of so many rows.
    pub(super) async fn expects(&self, tenant: Id, rows: u64) -> Result<()> {
        match self {
            Self::Terminal => Ok(()),
            Self::Arrival(ctx, id) => arrivals::expects(ctx, *id, (tenant, rows)).await,
        }
    }

    /// Between two steps; behind the last one of some, so many rows are there.
    pub(super) async fn reached(&self, rows: Option<u64>) -> Result<()> {
        let Self::Arrival(ctx, id) = self else { return Ok(()) };
        if ctx.app.tasks.is_stopping() {
            return Err(stopping());
        }
        match rows {
            Some(rows) => arrivals::reached(ctx, *id, rows).await,
            None => Ok(()),
        }
    }

    pub(super) fn bar(&self, what: &'static str, rows: u64) -> ProgressBar {
        match self {
            Self::Terminal => bars::begin(what, rows),
            Self::Arrival(..) => ProgressBar::hidden(),
        }
    }
}
