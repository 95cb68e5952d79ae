//! Training: closed deals are read, the model is judged on the later ones, and learns from all of them.

use kith_kernel::{Result, internal};
use kith_platform::jobs::{self, Attempt};
use kith_store::{Condition, Read, Select};

use super::{
    ENOUGH, Wishes, closed,
    features::{Around, Deal},
    judge::judge,
    model::{Example, Model, share},
    store,
};

/// The newest closed deals that are learned from.
const MOST: u64 = 20_000;
/// Of each outcome there must be so many on either side.
const LEAST: usize = 20;

pub(super) async fn train(attempt: &Attempt, wishes: Wishes) -> Result<()> {
    let (examples, judged) = attempt.read(async |db| examples(db, wishes).await).await?;
    let model = tokio::task::spawn_blocking(move || learned(&examples, (judged, wishes)))
        .await
        .map_err(|error| internal("the model could not be trained").caused_by(error))?;
    attempt
        .write(async |db| {
            store(attempt, db, &model).await?;
            jobs::finish(attempt, db).await
        })
        .await
}

/// Closed deals in the order in which they were closed, and how many at their end are kept to judge by.
async fn examples(db: &Read, wishes: Wishes) -> Result<(Vec<Example>, usize)> {
    let select = Select::from("deals")
        .only(closed())
        .only(Condition::Null("deleted_at"))
        .only(Condition::Not(Box::new(Condition::Null("closed_at"))))
        .by("closed_at", true)
        .by("id", true)
        .at_most(MOST);
    let mut deals: Vec<Deal> = db.all(select).await?;
    deals.reverse();
    let around = Around::of(db, &deals).await?;
    let judged = match wishes.judge_from {
        Some(day) => {
            let from = day.begins(db.actor().zone);
            deals.iter().filter(|deal| deal.closed_at.is_some_and(|at| at >= from)).count()
        }
        None => deals.len() / 4,
    };
    let examples = deals.iter().map(|deal| Example {
        features: around.features(deal, deal.closed_at.filter(|_| wishes.with_age)),
        won: deal.status == "won",
    });
    Ok((examples.collect(), judged))
}

fn learned(examples: &[Example], (judged, wishes): (usize, Wishes)) -> Model {
    let (early, late) = examples.split_at(examples.len() - judged);
    let has_both = |some: &[Example]| {
        let won = some.iter().filter(|one| one.won).count();
        won >= LEAST && some.len() - won >= LEAST
    };
    let mut model = Model { deals: examples.len(), ..Model::default() };
    if examples.len() >= ENOUGH && has_both(early) && has_both(late) {
        let known = Model::learn(early);
        let said: Vec<(f64, bool)> =
            late.iter().map(|one| (known.probability(&one.features), one.won)).collect();
        let judgement = judge(early.len(), share(known.won, known.deals), &said);
        model = Model::learn(examples);
        model.judgement = Some(judgement);
    }
    model.with_age = wishes.with_age;
    model
}
