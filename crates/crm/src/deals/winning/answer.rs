//! What is answered about the model and about a deal.

use kith_http::{Answer, Call, schema};
use kith_kernel::{Result, not_found};
use kith_platform::Ctx;
use kith_store::{Comparison, Condition, Read, Select};
use serde_json::{Value as Json, json};

use super::{
    ENOUGH, MORE, PATIENCE_SECONDS, Stored, Wishes, ask, closed,
    features::{Around, Deal},
    judge::Judgement,
    model::{Model, Weight, share},
    stored,
};

/// Reasons that are told.
const REASONS: usize = 3;
/// A reason weaker than this (in log odds) is none.
const WEAK: f64 = 0.02;

const STATES: [&str; 5] = ["not_enough_data", "training", "no_signal", "ready", "closed"];

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
pub(in crate::deals) fn schemas() -> Vec<(String, Json)> {
    let judgement = schema::object(
        vec![
            ("learnedFrom", schema::integer()),
            ("judgedOn", schema::integer()),
            ("auc", schema::number()),
            ("aucLow", schema::number()),
            ("aucHigh", schema::number()),
            ("brier", schema::number()),
            ("baseBrier", schema::number()),
        ],
        &["learnedFrom", "judgedOn", "auc", "aucLow", "aucHigh", "brier", "baseBrier"],
    );
    let model = schema::object(
        vec![
            ("state", schema::one_of(&STATES)),
            ("message", schema::string()),
            ("isTraining", schema::boolean()),
            ("trainedAt", schema::nullable(schema::time())),
            ("closedDeals", schema::integer()),
            ("neededDeals", schema::integer()),
            ("shareWon", schema::nullable(schema::number())),
            ("withAge", schema::boolean()),
            ("judgement", schema::nullable(judgement)),
        ],
        &["state", "message", "isTraining", "trainedAt", "closedDeals", "neededDeals", "judgement"],
    );
    let reason = schema::object(
        vec![
            ("field", schema::string()),
            ("value", schema::string()),
            ("effect", schema::one_of(&["raises", "lowers"])),
            ("text", schema::string()),
        ],
        &["field", "value", "effect", "text"],
    );
    let probability = schema::object(
        vec![
            ("state", schema::one_of(&STATES)),
            ("message", schema::string()),
            ("probability", schema::nullable(schema::number())),
            ("reasons", schema::list(reason)),
        ],
        &["state", "message", "probability", "reasons"],
    );
    vec![("WinModel".to_owned(), model), ("WinProbability".to_owned(), probability)]
}

pub(super) async fn state(call: Call) -> Result<Answer> {
    call.query()?.only(&[])?;
    let ctx = &call.ctx;
    let (shown, is_old) = ctx.read(async |db| shown(ctx, db).await).await?;
    renew(ctx, is_old).await?;
    Answer::json(&shown)
}

/// A model that is missing or old is trained when somebody looks at it.
async fn renew(ctx: &Ctx, is_old: Option<Wishes>) -> Result<()> {
    match is_old {
        Some(wishes) => ctx.write(async |db| ask(ctx, db, wishes).await).await,
        None => Ok(()),
    }
}

/// The model as it is shown, and how it is to be trained when it is to be.
pub(super) async fn shown(ctx: &Ctx, db: &Read) -> Result<(Json, Option<Wishes>)> {
    let stored = stored(db).await?;
    let model = stored.model();
    let closed = match &model {
        Some(model) if model.deals >= ENOUGH => model.deals,
        Some(_) | None => count_closed(db).await?,
    };
    let is_old = is_old(ctx, db, (&stored, model.as_ref(), closed)).await?;
    let (state, message) = verdict(model.as_ref(), closed);
    let known = model.as_ref().filter(|model| model.judgement.is_some());
    let shown = json!({
        "state": state, "message": message, "isTraining": stored.is_training(ctx.now()),
        "trainedAt": stored.trained_at, "closedDeals": closed, "neededDeals": ENOUGH,
        "shareWon": known.map(|model| rounded(share(model.won, model.deals))),
        "withAge": model.as_ref().is_some_and(|model| model.with_age),
        "judgement": known.and_then(|model| model.judgement).map(figures),
    });
    Ok((shown, is_old))
}

fn figures(of: Judgement) -> Json {
    json!({
        "learnedFrom": of.learned_from, "judgedOn": of.judged_on, "auc": rounded(of.auc), "aucLow": rounded(of.auc_low),
        "aucHigh": rounded(of.auc_high), "brier": rounded(of.brier), "baseBrier": rounded(of.base_brier),
    })
}

/// Four places are more than such figures are worth.
fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

/// Up to as many closed deals as are needed.
async fn count_closed(db: &Read) -> Result<usize> {
    let select = Select::from("deals").show(&["id"]).only(closed());
    let select = select.only(Condition::Null("deleted_at")).at_most(ENOUGH as u64);
    count(db, select).await
}

async fn count(db: &Read, select: Select) -> Result<usize> {
    let mut count = 0;
    db.each(&select, |_| {
        count += 1;
        Ok(())
    })
    .await?;
    Ok(count)
}

async fn is_old(
    ctx: &Ctx,
    db: &Read,
    (stored, model, closed_deals): (&Stored, Option<&Model>, usize),
) -> Result<Option<Wishes>> {
    if stored.is_training(ctx.now()) || closed_deals < ENOUGH {
        return Ok(None);
    }
    let (Some(model), Some(trained)) = (model, stored.trained_at) else {
        return Ok(Some(Wishes::default()));
    };
    let wishes = Wishes { with_age: model.with_age, ..Wishes::default() };
    if trained.plus_seconds(PATIENCE_SECONDS) > ctx.now() {
        return Ok(None);
    }
    let wanted = MORE.max(model.deals / 10);
    let newer = Condition::Compare("updated_at", Comparison::Greater, trained.into());
    let select = Select::from("deals").show(&["id"]).only(closed()).only(newer);
    let newly = count(db, select.at_most(wanted as u64)).await?;
    Ok((newly >= wanted).then_some(wishes))
}

/// What can be said, and why.
fn verdict(model: Option<&Model>, closed: usize) -> (&'static str, String) {
    match model.map(|model| (model, model.judgement)) {
        _ if closed < ENOUGH => {
            let why = format!("{closed} deals were closed; {ENOUGH} are needed to learn from.");
            ("not_enough_data", why)
        }
        None => ("training", "Nothing was learned yet; ask again in a minute.".to_owned()),
        Some((_, None)) => {
            let why = "Too few of the earlier or of the later deals were won, or lost, to learn from them.";
            ("not_enough_data", why.to_owned())
        }
        Some((_, Some(of))) if !of.has_signal() => ("no_signal", no_signal(of)),
        Some((_, Some(of))) => ("ready", ready(of)),
    }
}

fn no_signal(of: Judgement) -> String {
    format!(
        "There is no signal in your data: on {} later deals, what was learned told winners from losers in {:.0} of 100 \
         cases ({:.0} to {:.0}; a coin does it in 50), which is too near to a coin to be of use.",
        of.judged_on,
        of.auc * 100.0,
        of.auc_low * 100.0,
        of.auc_high * 100.0
    )
}

fn ready(of: Judgement) -> String {
    format!(
        "On {} later deals, what was learned told winners from losers in {:.0} of 100 cases ({:.0} to {:.0}).",
        of.judged_on,
        of.auc * 100.0,
        of.auc_low * 100.0,
        of.auc_high * 100.0
    )
}

pub(super) async fn probability(call: Call) -> Result<Answer> {
    let (id, ctx) = (call.id("id")?, &call.ctx);
    call.query()?.only(&[])?;
    let select = Select::from("deals").whose("id", id).only(Condition::Null("deleted_at"));
    let (answer, is_old) = ctx
        .read(async |db| {
            let deal: Option<Deal> = db.first(select).await?;
            let deal = deal.ok_or_else(|| not_found("deal"))?;
            if deal.status != "open" {
                let why = format!("The deal is {}.", deal.status);
                return Ok((unsaid("closed", &why), None));
            }
            let (shown, is_old) = shown(ctx, db).await?;
            Ok((of_deal(ctx, db, (&deal, &shown)).await?, is_old))
        })
        .await?;
    renew(ctx, is_old).await?;
    Answer::json(&answer)
}

fn unsaid(state: &str, why: &str) -> Json {
    json!({ "state": state, "message": why, "probability": null, "reasons": [] })
}

async fn of_deal(ctx: &Ctx, db: &Read, (deal, shown): (&Deal, &Json)) -> Result<Json> {
    let text = |key: &str| shown[key].as_str().unwrap_or_default();
    let Some(model) = stored(db).await?.model().filter(|_| text("state") == "ready") else {
        return Ok(unsaid(text("state"), text("message")));
    };
    let around = Around::of(db, std::slice::from_ref(deal)).await?;
    let features = around.features(deal, model.with_age.then(|| ctx.now()));
    let reasons = model.reasons(&features);
    let reasons = reasons.into_iter().filter(|one| one.odds.abs() >= WEAK).take(REASONS);
    let reasons: Vec<Json> = reasons.map(|one| reason(&model, one, &around)).collect();
    let probability = rounded(model.probability(&features));
    Ok(json!({
        "state": "ready", "message": text("message"), "probability": probability, "reasons": reasons,
    }))
}

fn reason(model: &Model, one: &Weight, around: &Around) -> Json {
    let value = around.shown((&one.field, &one.value));
    let percent = |part, of| share(part, of) * 100.0;
    let text = format!(
        "{} {value}: {:.0} % of {} such deals were won, {:.0} % of all.",
        words(&one.field),
        percent(one.won, one.deals),
        one.deals,
        percent(model.won, model.deals)
    );
    let effect = if one.odds > 0.0 { "raises" } else { "lowers" };
    json!({ "field": one.field, "value": value, "effect": effect, "text": text })
}

/// A feature in words.
fn words(field: &str) -> &'static str {
    match field {
        "owner" => "Owner",
        "office" => "The owner's office",
        "product" => "Product",
        "series" => "Product series",
        "listPrice" => "List price (minor units)",
        "industry" => "The account's industry",
        "country" => "The account's country",
        "employees" => "The account's employees",
        "source" => "Source",
        "type" => "Type",
        "weekday" => "Begun on a",
        "amount" => "Amount (minor units)",
        "age" => "Age",
        _ => "It",
    }
}
