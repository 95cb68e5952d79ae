//! Claims of due jobs, in turns: each tenant that has something due gets its share before any gets a second one.

use std::collections::VecDeque;

use kith_kernel::{Id, Result, Time};
use kith_store::{Comparison, Condition, Output, Select, Update, Value, Write};
use serde::Deserialize;

use crate::App;

/// Seconds after which a job whose worker fell silent is claimed again.
pub(super) const LEASE_SECONDS: i64 = 60;

/// The right to work on a job, as long as it is renewed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) job: Id,
    pub(super) tenant: Id,
    pub(super) lease: Id,
}

/// The tenants that have something due, in the order in which they are served.
#[derive(Default)]
pub(super) struct Turns {
    waiting: VecDeque<Id>,
    last: Id,
}

/// What a look at the queue brought.
#[derive(Default)]
pub(super) struct Claimed {
    pub(super) claims: Vec<Claim>,
    /// Something is due that its tenant has no room for now.
    pub(super) held_back: bool,
}

fn due(now: Time) -> Condition {
    Condition::Compare("due", Comparison::LessOrEqual, now.into())
}

impl Turns {
    /// Claims up to `free` due jobs; `room` says how many more of a tenant may run.
    pub(super) async fn claim(
        &mut self,
        app: &App,
        free: usize,
        room: impl Fn(Id) -> usize,
    ) -> Result<Claimed> {
        if self.waiting.is_empty() {
            self.begin_round(app).await?;
        }
        let mut claimed = Claimed::default();
        let mut shares = Vec::new();
        // Whoever is alone gets all that is free; of many, each gets one.
        let share = free.div_ceil(self.waiting.len().max(1));
        let mut left = free;
        while left > 0
            && let Some(tenant) = self.waiting.pop_front()
        {
            self.last = tenant;
            let most = share.min(left).min(room(tenant));
            claimed.held_back |= most == 0;
            if most > 0 {
                shares.push((tenant, most));
                left -= most;
            }
        }
        if !shares.is_empty() {
            claimed.claims = take(app, &shares).await?;
        }
        Ok(claimed)
    }

    /// All who have something due now, beginning behind the one who was served last.
    async fn begin_round(&mut self, app: &App) -> Result<()> {
        let due = due(app.clock.now());
        let select = Select::from("wakeups").only(due).group("tenant_id").by("tenant_id", false);
        let tenants: Vec<Tenant> = app
            .db
            .read_everywhere("jobs of all tenants are found by one query", async |db| {
                db.all(select).await
            })
            .await?;
        let (mut behind, before): (VecDeque<Id>, VecDeque<Id>) =
            tenants.into_iter().map(|row| row.tenant_id).partition(|tenant| *tenant > self.last);
        behind.extend(before);
        self.waiting = behind;
        Ok(())
    }
}

#[derive(Deserialize)]
struct Tenant {
    tenant_id: Id,
}

#[derive(Deserialize)]
struct Wakeup {
    job_id: Id,
    tenant_id: Id,
}

const WHY: &str = "a claim takes jobs of all tenants, which say nothing but when they are due";

async fn take(app: &App, shares: &[(Id, usize)]) -> Result<Vec<Claim>> {
    app.db
        .write_everywhere(WHY, async |db| {
            let mut claims = Vec::new();
            for (tenant, most) in shares {
                let select = Select::from("wakeups").whose("tenant_id", *tenant);
                claims.extend(lease(app, db, select.at_most(*most as u64)).await?);
            }
            Ok(claims)
        })
        .await
}

/// The job that has been due for longest, whoever's it is.
pub(super) async fn first(app: &App) -> Result<Option<Claim>> {
    let select = Select::from("wakeups").at_most(1);
    let claims = app.db.write_everywhere(WHY, async |db| lease(app, db, select).await).await?;
    Ok(claims.into_iter().next())
}

async fn lease(app: &App, db: &Write, select: Select) -> Result<Vec<Claim>> {
    let now = app.clock.now();
    let select = select.only(due(now)).by("due", false).by("job_id", false).skip_locked();
    let found: Vec<Wakeup> = db.all(select).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let lease = app.ids.next();
    let jobs = found.iter().map(|row| row.job_id.into()).collect();
    let update = Update::table("wakeups")
        .set("lease_id", lease)
        .set("due", now.plus_seconds(LEASE_SECONDS))
        .only(Condition::In("job_id", jobs));
    db.update(update).await?;
    let claim = |row: Wakeup| Claim { job: row.job_id, tenant: row.tenant_id, lease };
    Ok(found.into_iter().map(claim).collect())
}

/// Prolongs a claim; false when another has it meanwhile, or the job is finished.
pub(super) async fn renew(app: &App, claim: &Claim) -> Result<bool> {
    let update = Update::table("wakeups")
        .set("due", app.clock.now().plus_seconds(LEASE_SECONDS))
        .whose("job_id", claim.job)
        .whose("lease_id", claim.lease);
    let renewed = app.db.write_everywhere(WHY, async |db| db.update(update).await).await?;
    Ok(renewed > 0)
}

/// Makes everything that was claimed due now, and says how much that was: for a start that knows that whoever claimed
/// it is dead.
pub async fn release_all(app: &App) -> Result<u64> {
    let update = Update::table("wakeups")
        .set("lease_id", Value::Null)
        .set("due", app.clock.now())
        .only(Condition::Not(Box::new(Condition::Null("lease_id"))));
    app.db.write_everywhere(WHY, async |db| db.update(update).await).await
}

/// When the next job or the end of a lease is due; what is due already counts only when it may be claimed.
pub(super) async fn earliest(app: &App, held_back: bool) -> Result<Option<Time>> {
    let mut select = Select::from("wakeups").output(Output::Min("due"));
    if held_back {
        let later = Condition::Compare("due", Comparison::Greater, app.clock.now().into());
        select = select.only(later);
    }
    let mut earliest = None;
    app.db
        .read_everywhere("the next job of any tenant", async |db| {
            db.each(&select, |row| {
                earliest = row.time(0)?;
                Ok(())
            })
            .await
        })
        .await?;
    Ok(earliest)
}
