//! Calls that ask for credits at the same time take them in one write: each has its row in the ledger before it is made.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kith_kernel::{Error, Id, Result};
use kith_llm::Target;
use kith_platform::Ctx;
use tokio::sync::oneshot;

use crate::{
    activity::Activity,
    capability::Capability,
    credits::{Most, Reservation, Wish, most, reserve},
};

/// Tenants that share a lane wait for one another.
const LANES: usize = 16;
/// Calls of one write.
const TOGETHER: usize = 50;

/// A call that waits.
struct Waiting {
    wish: Wish,
    tenant: Id,
    answer: oneshot::Sender<Result<(Reservation, Most)>>,
}

/// Calls that wait for their credits.
pub(crate) struct Queue {
    lanes: [Lane; LANES],
    activity: Arc<Activity>,
}

#[derive(Default)]
struct Lane {
    waiting: Mutex<Vec<Waiting>>,
    /// Whoever holds it writes for all that wait.
    writing: tokio::sync::Mutex<()>,
}

/// What was taken and nobody was told of yet. It is given back unless somebody is: rows that were not committed are passed
/// over then.
struct Untold<'a> {
    activity: &'a Activity,
    ctx: &'a Ctx,
    all: Vec<(Capability, Reservation)>,
}

impl Lane {
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next calls of a tenant, without those that nobody waits for any more.
    fn next(&self, tenant: Id) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        waiting.retain(|one| !one.answer.is_closed());
        waiting.extract_if(.., |one| one.tenant == tenant).take(TOGETHER).collect()
    }
}

impl Queue {
    pub(crate) fn new(activity: &Arc<Activity>) -> Self {
        Self { lanes: Default::default(), activity: Arc::clone(activity) }
    }

    /// Takes the most that a call may cost, before it is made.
    ///
    /// # Errors
    /// `Exhausted` when it may cost more than what is left.
    pub(crate) async fn reserve(
        &self,
        (ctx, capability): (&Ctx, Capability),
        targets: &Arc<[Target]>,
        asked: (u32, Option<u32>),
    ) -> Result<(Option<Reservation>, Most)> {
        // Nothing is taken for what costs nothing, and nobody is asked what is left.
        if let Ok(free @ Most { credits: 0, .. }) = most(targets, asked, i64::MAX) {
            return Ok((None, free));
        }
        let lane = &self.lanes[usize::from(ctx.actor.tenant.as_bytes()[15]) % LANES];
        loop {
            let (answer, mut told) = oneshot::channel();
            let wish = Wish::new((ctx, capability), targets, asked);
            lane.waiting().push(Waiting { wish, tenant: ctx.actor.tenant, answer });
            let told = loop {
                tokio::select! {
                    biased;
                    told = &mut told => break told,
                    alone = lane.writing.lock() => {
                        self.write(ctx, lane.next(ctx.actor.tenant)).await;
                        drop(alone);
                    }
                }
            };
            // Whoever wrote for this one too may have gone away before the end.
            if let Ok(told) = told {
                return told.map(|(reservation, most)| (Some(reservation), most));
            }
        }
    }

    async fn write(&self, ctx: &Ctx, all: Vec<Waiting>) {
        if all.is_empty() {
            return;
        }
        let (wishes, answers): (Vec<_>, Vec<_>) =
            all.into_iter().map(|one| (one.wish, one.answer)).unzip();
        let mut untold = Untold { activity: &self.activity, ctx, all: Vec::new() };
        let kept = &mut untold.all;
        let written = ctx.write(async |db| {
            let reserved = reserve((db, ctx.now()), &wishes).await?;
            for (wish, reserved) in wishes.iter().zip(&reserved) {
                kept.extend(reserved.iter().map(|(taken, _)| (wish.capability, taken.clone())));
            }
            Ok(reserved)
        });
        match written.await {
            Ok(reserved) => {
                for ((wish, answer), reserved) in wishes.iter().zip(answers).zip(reserved) {
                    if answer.send(reserved).is_ok() {
                        untold.all.retain(|(_, taken)| taken.id != wish.id);
                    }
                }
            }
            Err(error) => {
                for answer in answers {
                    answer.send(Err(same(&error))).ok();
                }
            }
        }
    }
}

impl Drop for Untold<'_> {
    fn drop(&mut self) {
        for (capability, taken) in self.all.drain(..) {
            self.activity.note(self.ctx, capability, (Vec::new(), Some((taken, 0))));
        }
    }
}

/// The error, for another whom it concerns as well.
fn same(error: &Error) -> Error {
    let same = Error::new(error.kind(), error.code(), error.message());
    match error.retry_after_seconds() {
        Some(seconds) => same.retry_after(seconds),
        None => same,
    }
}
