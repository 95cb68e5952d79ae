//! The ledger: a row before a call, and what it did cost behind it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use kith_kernel::{Error, Id, Kind, Result, Time, internal};
use kith_llm::Target;
use kith_platform::Ctx;
use kith_store::{Comparison, Condition, Insert, Update, Value, Write, in_sizes};

use super::{Most, Stored, all_grants, most, open};
use crate::capability::Capability;

/// How often others may be faster.
const ATTEMPTS: u32 = 20;
/// Columns of `credit_entries`, as they are written before a call.
const COLUMNS: [&str; 7] =
    ["id", "created_at", "reserved", "taken", "capability", "member_id", "request_id"];

/// What was taken from grants for a call.
#[derive(Debug, Clone)]
pub(crate) struct Reservation {
    pub(crate) id: Id,
    pub(crate) credits: i64,
    taken: Vec<(Id, i64)>,
}

/// A call that wants credits.
pub(crate) struct Wish {
    pub(crate) id: Id,
    at: Time,
    pub(crate) capability: Capability,
    member: Option<Id>,
    request: Option<Id>,
    targets: Arc<[Target]>,
    asked: (u32, Option<u32>),
}

impl Wish {
    pub(crate) fn new(
        (ctx, capability): (&Ctx, Capability),
        targets: &Arc<[Target]>,
        asked: (u32, Option<u32>),
    ) -> Self {
        Self {
            id: ctx.new_id(),
            at: ctx.now(),
            capability,
            member: ctx.actor.member,
            request: ctx.actor.request,
            targets: Arc::clone(targets),
            asked,
        }
    }
}

impl Reservation {
    /// The row that stands in the ledger before the call.
    fn row(&self, wish: &Wish) -> Result<Vec<Value>> {
        let taken = serde_json::to_string(&self.taken)
            .map_err(|error| internal("a reservation cannot be written").caused_by(error))?;
        Ok(vec![
            self.id.into(),
            wish.at.into(),
            self.credits.into(),
            taken.into(),
            wish.capability.name().into(),
            wish.member.into(),
            wish.request.into(),
        ])
    }
}

/// Takes for each wish what it may cost at most, in one write; what is left may suffice for some of them alone.
///
/// # Errors
/// `Unavailable` when others are always faster.
pub(crate) async fn reserve(
    (db, now): (&Write, Time),
    wishes: &[Wish],
) -> Result<Vec<Result<(Reservation, Most)>>> {
    for _ in 0..ATTEMPTS {
        let grants = open(db, now).await?;
        let mut left: i64 = grants.iter().map(|grant| grant.remaining).sum();
        let mut each = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let of_wish = most(&wish.targets, wish.asked, left);
            left -= of_wish.as_ref().map_or(0, |most| most.credits);
            each.push(of_wish.map_err(|wanted| used_up(wanted, left)));
        }
        let wanted = each.iter().flatten().map(|most| most.credits).sum();
        let Some(taken) = take(db, &grants, wanted).await? else { continue };
        let mut parts = Parts(taken.into());
        let (mut reserved, mut rows) = (Vec::with_capacity(wishes.len()), Vec::new());
        for (wish, most) in wishes.iter().zip(each) {
            let of_wish = most.map(|most| {
                let (credits, taken) = (most.credits, parts.next(most.credits));
                (Reservation { id: wish.id, credits, taken }, most)
            });
            if let Ok((reservation, _)) = &of_wish {
                rows.push(reservation.row(wish)?);
            }
            reserved.push(of_wish);
        }
        in_sizes(rows).try_for_each(|rows| {
            db.append(Insert::rows("credit_entries", COLUMNS.to_vec(), rows))
        })?;
        return Ok(reserved);
    }
    let why = "Too many requests take credits at once. Try again.";
    Err(Error::new(Kind::Unavailable, "credits_contended", why).retry_after(1))
}

/// What was taken from grants for several calls, to be shared out in their order.
struct Parts(VecDeque<(Id, i64)>);

impl Parts {
    /// The part of the next call.
    fn next(&mut self, credits: i64) -> Vec<(Id, i64)> {
        let (mut part, mut wanted) = (Vec::new(), credits);
        while wanted > 0
            && let Some((grant, there)) = self.0.front_mut()
        {
            let of_this = wanted.min(*there);
            part.push((*grant, of_this));
            (*there, wanted) = (*there - of_this, wanted - of_this);
            if *there == 0 {
                self.0.pop_front();
            }
        }
        part
    }
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

/// Puts calls at what they did cost: the difference goes back to, or is taken from, the grants that were taken from.
pub(crate) async fn settle(db: &Write, all: &[&(Reservation, i64)]) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_gets_what_it_wants_and_no_grant_gives_more_than_was_taken(
            wanted in prop::collection::vec(1_i64..500, 1..60),
            cuts in prop::collection::vec(1_i64..2_000, 0..6),
        ) {
            let mut left: i64 = wanted.iter().sum();
            let mut taken = Vec::new();
            for (at, cut) in cuts.into_iter().chain([i64::MAX]).enumerate() {
                let of_this = cut.min(left);
                if of_this > 0 {
                    taken.push((Id::from_bytes([u8::try_from(at).unwrap(); 16]), of_this));
                    left -= of_this;
                }
            }
            let mut parts = Parts(taken.clone().into());
            let mut given: BTreeMap<Id, i64> = BTreeMap::new();
            for credits in wanted {
                let part = parts.next(credits);
                prop_assert_eq!(part.iter().map(|(_, credits)| credits).sum::<i64>(), credits);
                for (grant, credits) in part {
                    *given.entry(grant).or_default() += credits;
                }
            }
            prop_assert_eq!(given, taken.into_iter().collect());
        }
    }
}
