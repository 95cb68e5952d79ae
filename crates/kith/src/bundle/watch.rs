//! Who watches while a bundle becomes a tenant: somebody at a terminal, or a row that is asked for over HTTP.

use std::sync::atomic::{AtomicI64, Ordering};

use indicatif::ProgressBar;
use kith_kernel::{Id, Result};
use kith_platform::Ctx;

use super::stopping;
use crate::{
    arrivals::{self, Phase},
    bars::{self, Waiting},
};

/// Who watches.
pub(crate) enum Watch {
    /// Somebody at a terminal; no server is at work on the same database, or it does not mind.
    Terminal,
    /// The row of an import, in the tenant of whoever asked for it, and the part of the work that it tells of.
    Arrival(Box<Ctx>, Id, AtomicI64),
}

impl Watch {
    /// Over the row of an import.
    pub(super) fn arrival(ctx: &Ctx, id: Id) -> Self {
        Self::Arrival(Box::new(ctx.clone()), id, AtomicI64::new(0))
    }

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
            Self::Arrival(ctx, id, _) => arrivals::expects(ctx, *id, (tenant, rows)).await,
        }
    }

    /// Something else begins; at a terminal a line tells of it while what is given back is kept.
    pub(super) async fn enters(&self, phase: Phase) -> Result<Option<Waiting>> {
        match (self, phase) {
            (Self::Terminal, Phase::Reading) => Ok(Some(bars::wait("1 of 4: reading"))),
            (Self::Terminal, Phase::Sealing) => Ok(Some(bars::wait("4 of 4: sealing events"))),
            (Self::Terminal, Phase::Writing | Phase::Indexing) => Ok(None),
            (Self::Arrival(ctx, id, _), phase) => {
                arrivals::enters(ctx, *id, phase).await.map(|()| None)
            }
        }
    }

    /// Between two steps.
    pub(super) fn stop_if_asked(&self) -> Result<()> {
        match self {
            Self::Arrival(ctx, ..) if ctx.app.tasks.is_stopping() => Err(stopping()),
            Self::Arrival(..) | Self::Terminal => Ok(()),
        }
    }

    /// So much of a phase is done.
    pub(super) async fn reached(&self, phase: Phase, (done, all): (u64, u64)) -> Result<()> {
        self.stop_if_asked()?;
        let Self::Arrival(ctx, id, told) = self else { return Ok(()) };
        let percent = phase.percent((done, all));
        let rows = (phase == Phase::Writing).then_some(done);
        if told.swap(percent, Ordering::Relaxed) == percent && rows.is_none() {
            return Ok(());
        }
        arrivals::reached(ctx, *id, (percent, rows)).await
    }

    pub(super) fn bar(&self, what: &'static str, rows: u64) -> ProgressBar {
        match self {
            Self::Terminal => bars::begin(what, rows),
            Self::Arrival(..) => ProgressBar::hidden(),
        }
    }
}
