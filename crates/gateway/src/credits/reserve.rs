//! The ledger: a row before a call, and what it did cost behind it.

use std::collections::BTreeMap;

use kith_kernel::{Error, Id, Kind, Result, internal};
use kith_llm::Target;
use kith_platform::Ctx;
use kith_store::{Comparison, Condition, Insert, Update, Write};

use super::{Most, Stored, all_grants, most, open};
use crate::capability::Capability;

/// How often others may be faster.
const ATTEMPTS: u32 = 20;

/// What was taken from grants for a call.
#[derive(Debug, Clone)]
pub(crate) struct Reservation {
    pub(crate) id: Id,
    pub(crate) credits: i64,
    taken: Vec<(Id, i64)>,
}

/// Takes the most that a call may cost, before it is made.
///
/// # Errors
/// `Exhausted` when it may cost more than what is left.
pub(crate) async fn reserve(
    ctx: &Ctx,
    capability: Capability,
    (targets, asked): (&[Target], (u32, Option<u32>)),
) -> Result<(Option<Reservation>, Most)> {
    // Nothing is taken for what costs nothing, and nobody is asked what is left.
    if let Ok(free @ Most { credits: 0, .. }) = most(targets, asked, i64::MAX) {
        return Ok((None, free));
    }
    ctx.write(async |db| {
        for _ in 0..ATTEMPTS {
            let grants = open(db, ctx.now()).await?;
            let left = grants.iter().map(|grant| grant.remaining).sum();
            let most = most(targets, asked, left).map_err(|wanted| used_up(wanted, left))?;
            if let Some(taken) = take(db, &grants, most.credits).await? {
                let reservation = Reservation { id: ctx.new_id(), credits: most.credits, taken };
                write_down((ctx, db), capability, &reservation).await?;
                return Ok((Some(reservation), most));
            }
        }
        let why = "Too many requests take credits at once. Try again.";
        Err(Error::new(Kind::Unavailable, "credits_contended", why).retry_after(1))
    })
    .await
}

/// Takes credits from grants in their order; none when somebody else took them meanwhile, and nothing is taken then.
async fn take(db: &Write, grants: &[Stored], credits: i64) -> Result<Option<Vec<(Id, i64)>>> {
    let (mut taken, mut wanted) = (Vec::new(), credits);
    for grant in grants.iter().filter(|grant| grant.remaining > 0) {
        let of_this = grant.remaining.min(wanted);
        if of_this == 0 {
            break;
        }
        let is_enough = Condition::Compare("remaining", Comparison::GreaterOrEqual, of_this.into());
        let update = Update::table("credit_grants")
            .plus("remaining", -of_this)
            .whose("id", grant.id)
            .only(is_enough);
        if db.update(update).await? == 0 {
            give_back(db, &taken).await?;
            return Ok(None);
        }
        taken.push((grant.id, of_this));
        wanted -= of_this;
    }
    if wanted == 0 {
        return Ok(Some(taken));
    }
    give_back(db, &taken).await?;
    Ok(None)
}

async fn give_back(db: &Write, taken: &[(Id, i64)]) -> Result<()> {
    for (grant, credits) in taken {
        let update = Update::table("credit_grants").plus("remaining", *credits);
        db.update(update.whose("id", *grant)).await?;
    }
    Ok(())
}

async fn write_down(
    (ctx, db): (&Ctx, &Write),
    capability: Capability,
    reservation: &Reservation,
) -> Result<()> {
    let taken = serde_json::to_string(&reservation.taken)
        .map_err(|error| internal("a reservation cannot be written").caused_by(error))?;
    let row = vec![
        ("id", reservation.id.into()),
        ("created_at", ctx.now().into()),
        ("reserved", reservation.credits.into()),
        ("taken", taken.into()),
        ("capability", capability.name().into()),
        ("member_id", ctx.actor.member.into()),
        ("request_id", ctx.actor.request.into()),
    ];
    db.insert(Insert::row("credit_entries", row)).await.map(drop)
}

/// Puts calls at what they did cost: the difference goes back to, or is taken from, the grants that were taken from.
pub(crate) async fn settle(db: &Write, all: &[(Reservation, i64)]) -> Result<()> {
    let mut back: BTreeMap<Id, i64> = BTreeMap::new();
    for (reservation, used) in all {
        let update = Update::table("credit_entries").set("used", *used);
        let is_open = Condition::Null("used");
        if db.update(update.whose("id", reservation.id).only(is_open)).await? == 0 {
            continue;
        }
        let mut left = *used;
        for (at, (grant, taken)) in reservation.taken.iter().enumerate() {
            // What a call cost above its reservation is taken from the last of its grants.
            let is_last = at + 1 == reservation.taken.len();
            let of_this = if is_last { left } else { left.min(*taken) };
            left -= of_this;
            *back.entry(*grant).or_default() += taken - of_this;
        }
    }
    if back.values().all(|credits| *credits == 0) {
        return Ok(());
    }
    // In the order in which they are taken from, so that nobody waits for whoever waits for him.
    for grant in all_grants(db).await? {
        let credits = back.get(&grant.id).copied().filter(|credits| *credits != 0);
        if let Some(credits) = credits {
            give_back(db, &[(grant.id, credits)]).await?;
        }
    }
    Ok(())
}

#[track_caller]
fn used_up(wanted: i64, left: i64) -> Error {
    let why = format!(
        "The credits are used up: this request may cost {wanted}, and {} are left. Ask for fewer tokens (max_tokens), use \
         a key of your own (POST /api/keys), or have credits given.",
        left.max(0)
    );
    Error::new(Kind::Exhausted, "credits_used_up", why)
}
