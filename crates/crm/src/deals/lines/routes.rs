//! Lines over HTTP: read, one added, changed or taken out, all replaced. Their ETag is the deal's version.

use std::sync::Arc;

use kith_http::{Answer, Body, Call, Idempotency, Operation, Routes, schema};
use kith_kernel::{
    Currency, Error, Id, Kind, Money, Result, internal, invalid, not_found, text::camel_case,
};
use kith_platform::{
    Attempts, Ctx,
    events::{self, Event},
};
use kith_records::{Desk, Manner, Record, Records};
use kith_store::{Condition, Delete, Read, Select, Update, Write};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Line, MOST, WHOLE, add, amount, money, of, parsed, sum};
use crate::{deals::DEAL, pipelines::object};

/// A quantity is at most so many.
const MOST_PIECES: i64 = 1_000_000;
const LONGEST_NAME: usize = 500;

/// A line as a caller gives it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Given {
    product_id: Option<Id>,
    name: Option<String>,
    quantity: Option<Json>,
    unit_price: Option<Json>,
    discount_percent: Option<Json>,
}

#[derive(Debug, Deserialize)]
struct All {
    lines: Vec<Record>,
}

pub(in crate::deals) fn routes(records: &Arc<Records>) -> Routes {
    const PATH: &str = "/api/deals/{id}/lines";
    const ALIAS: &str = "/api/opportunities/{id}/lines";
    let lines = || schema::named("DealLines");
    let list = Operation::get(PATH, "deals", "What a deal is made up of")
        .alias(ALIAS)
        .scope("deals", "read")
        .answers(200, "All its lines, and what they come to.", lines());
    let one = Operation::post(PATH, "deals", "Add a line to a deal")
        .alias(ALIAS)
        .scope("deals", "write")
        .idempotency(Idempotency::Replays)
        .typed_body::<Given>(given())
        .answers(200, "All its lines, and what they come to.", lines());
    let all = Operation::put(PATH, "deals", "Give a deal other lines")
        .alias(ALIAS)
        .scope("deals", "write")
        .idempotency(Idempotency::Replays)
        .typed_body::<All>(schema::object(vec![("lines", schema::list(given()))], &["lines"]))
        .answers(200, "All its lines, and what they come to.", lines());
    let (a, b, c) = (Arc::clone(records), Arc::clone(records), Arc::clone(records));
    let served = Routes::new()
        .add(list, move |call| show(Arc::clone(&a), call))
        .add(one, move |mut call: Call| {
            let records = Arc::clone(&b);
            async move {
                let body = call.body().await?;
                let given = body.parse::<Given>()?;
                change(&records, &call, (&body, Change::Add(given))).await
            }
        })
        .add(all, move |mut call: Call| {
            let records = Arc::clone(&c);
            async move {
                let body = call.body().await?;
                let given = many(body.parse::<All>()?.lines)?;
                change(&records, &call, (&body, Change::Replace(given))).await
            }
        });
    single(served, records)
}

/// The routes of one line.
fn single(routes: Routes, records: &Arc<Records>) -> Routes {
    const PATH: &str = "/api/deals/{id}/lines/{lineId}";
    const ALIAS: &str = "/api/opportunities/{id}/lines/{lineId}";
    let edit = Operation::patch(PATH, "deals", "Change a line of a deal")
        .alias(ALIAS)
        .scope("deals", "write")
        .idempotency(Idempotency::Replays)
        .typed_body::<Given>(given())
        .answers(200, "All its lines, and what they come to.", schema::named("DealLines"));
    let remove = Operation::delete(PATH, "deals", "Take a line out of a deal")
        .alias(ALIAS)
        .scope("deals", "write")
        .idempotency(Idempotency::Replays)
        .answers(
            200,
            "The lines that are left, and what they come to.",
            schema::named("DealLines"),
        );
    let (a, b) = (Arc::clone(records), Arc::clone(records));
    routes
        .add(edit, move |mut call: Call| {
            let records = Arc::clone(&a);
            async move {
                let (line, body) = (call.id("lineId")?, call.body().await?);
                // Null is a word of its own here, so that what was given is kept beside what it parses to.
                body.parse::<Given>()?;
                let changes = body.object()?.into_iter();
                let changes = changes.map(|(key, value)| (camel_case(&key), value)).collect();
                change(&records, &call, (&body, Change::Edit(line, changes))).await
            }
        })
        .add(remove, move |call: Call| {
            let records = Arc::clone(&b);
            async move {
                let line = call.id("lineId")?;
                change(&records, &call, (&Body::default(), Change::Remove(line))).await
            }
        })
}

/// Lines whose keys are in either spelling.
fn many(lines: Vec<Record>) -> Result<Vec<Given>> {
    let one = |(at, line): (usize, Record)| {
        let named: Record =
            line.into_iter().map(|(key, value)| (camel_case(&key), value)).collect();
        let given = serde_json::from_value(Json::Object(named));
        given.map_err(|error| invalid(&format!("lines/{at}"), error.to_string()))
    };
    lines.into_iter().enumerate().map(one).collect()
}

fn given() -> Json {
    let number = |text: &str| schema::described(schema::number(), text);
    schema::object(
        vec![
            ("productId", schema::id()),
            ("name", schema::described(schema::string(), "What is sold, where it is no product.")),
            ("quantity", number("With four decimals at most; 1 unless said.")),
            ("unitPrice", number("In the deal's currency; the product's unless said.")),
            ("discountPercent", number("0 to 100, with two decimals at most.")),
        ],
        &[],
    )
}

pub(in crate::deals) fn schemas() -> Vec<(String, Json)> {
    let line = schema::object(
        vec![
            ("id", schema::id()),
            ("productId", schema::nullable(schema::id())),
            ("name", schema::nullable(schema::string())),
            ("quantity", schema::number()),
            ("unitPrice", schema::number()),
            ("discountPercent", schema::number()),
            ("amount", schema::number()),
        ],
        &["id", "productId", "name", "quantity", "unitPrice", "discountPercent", "amount"],
    );
    let lines = schema::object(
        vec![
            ("data", schema::list(line)),
            ("nextCursor", schema::nullable(schema::string())),
            ("amount", schema::nullable(schema::number())),
            ("currency", schema::string()),
        ],
        &["data", "nextCursor", "amount", "currency"],
    );
    vec![("DealLines".to_owned(), lines)]
}

/// What happens to the lines of a deal.
enum Change {
    Add(Given),
    Replace(Vec<Given>),
    /// What is named takes the place of what was; null stands for what a new line would have.
    Edit(Id, Record),
    Remove(Id),
}

fn currency(ctx: &Ctx, deal: &Record) -> Currency {
    let code = deal.get("currency").and_then(Json::as_str);
    code.and_then(|code| code.parse().ok()).unwrap_or(ctx.actor.currency)
}

async fn show(records: Arc<Records>, call: Call) -> Result<Answer> {
    let (id, ctx) = (call.id("id")?, &call.ctx);
    call.query()?.only(&[])?;
    ctx.read(async |db| {
        let deal = records.get(ctx, db, &DEAL, id).await?;
        let shown = answer(&of(db, id).await?, &deal, currency(ctx, &deal))?;
        Ok(Answer::json(&shown)?.tagged(version(&deal)))
    })
    .await
}

fn version(deal: &Record) -> i64 {
    deal.get("version").and_then(Json::as_i64).unwrap_or_default()
}

fn answer(lines: &[Line], deal: &Record, currency: Currency) -> Result<Json> {
    let data: Vec<Json> = lines.iter().map(|line| line.to_json(currency)).collect();
    let total = match lines {
        [] => deal.get("amount").cloned().unwrap_or_default(),
        _ => money(sum(lines)?, currency),
    };
    Ok(json!({ "data": data, "nextCursor": null, "amount": total, "currency": currency.code() }))
}

async fn change(
    records: &Arc<Records>,
    call: &Call,
    (body, change): (&Body, Change),
) -> Result<Answer> {
    let (id, expected) = (call.id("id")?, call.expected_version()?);
    let mut attempts = Attempts::new();
    loop {
        let done = call
            .write(body, async |db| {
                let desk = Desk { records, ctx: &call.ctx, db };
                let (shown, version) = store(desk, (id, expected), &change).await?;
                Ok(Answer::json(&shown)?.tagged(version))
            })
            .await;
        if attempts.end_with(&done) {
            return done;
        }
    }
}

/// The lines as they are to be.
async fn changed(
    desk: Desk<'_>,
    (before, currency): (&[Line], Currency),
    change: &Change,
) -> Result<Vec<Line>> {
    let mut lines = before.to_vec();
    let place = |id: &Id| before.iter().position(|line| line.id == *id);
    let place = |id| place(id).ok_or_else(|| not_found("line"));
    match change {
        Change::Add(given) => lines.push(made(desk, (given, currency), "").await?),
        Change::Replace(all) => {
            refuse_too_many(all.len())?;
            lines.clear();
            for (at, given) in all.iter().enumerate() {
                lines.push(made(desk, (given, currency), &format!("lines/{at}/")).await?);
            }
        }
        Change::Edit(id, changes) => {
            let at = place(id)?;
            let given = edited(&lines[at], currency, changes)?;
            lines[at] = Line { id: *id, ..made(desk, (&given, currency), "").await? };
        }
        Change::Remove(id) => drop(lines.remove(place(id)?)),
    }
    refuse_too_many(lines.len())?;
    Ok(lines)
}

fn refuse_too_many(count: usize) -> Result<()> {
    if count > MOST {
        return Err(invalid("lines", format!("are more than {MOST}")));
    }
    Ok(())
}

/// A line with its changes, as a caller would give it. Another product comes at its own price, unless one is said.
fn edited(line: &Line, currency: Currency, changes: &Record) -> Result<Given> {
    let Json::Object(mut given) = line.to_json(currency) else {
        return Err(internal("a line is no object"));
    };
    given.retain(|key, _| key != "id" && key != "amount");
    if changes.get("productId").is_some_and(|product| Some(product) != given.get("productId")) {
        given.remove("unitPrice");
    }
    given.extend(changes.clone());
    serde_json::from_value(Json::Object(given)).map_err(|error| invalid("line", error.to_string()))
}

async fn made(desk: Desk<'_>, of: (&Given, Currency), place: &str) -> Result<Line> {
    let line = line(desk.ctx, desk.db, of).await;
    line.map_err(|(key, why)| invalid(&format!("{place}{key}"), why))
}

async fn store(
    desk: Desk<'_>,
    (id, expected): (Id, Option<i64>),
    change: &Change,
) -> Result<(Json, i64)> {
    let Desk { records, ctx, db } = desk;
    // All lines are written anew: whoever comes at the same time must have read what the other wrote.
    db.one_at_a_time(&format!("lines of {id}")).await?;
    let known = records.get(ctx, db, &DEAL, id).await?;
    let currency = currency(ctx, &known);
    let before = of(db, id).await?;
    let lines = changed(desk, (&before, currency), change).await?;
    let product = match lines.as_slice() {
        [one] => one.product_id,
        _ => None,
    };
    let total = if lines.is_empty() { Json::Null } else { money(sum(&lines)?, currency) };
    let changes = object(json!({ "amount": total, "productId": product }));
    let manner = Manner { expected, ..Manner::default() };
    if lines == before {
        // Nothing is changed, but a stale wish is refused all the same.
        let deal = records.update(ctx, db, &DEAL, (id, Record::new(), manner)).await?;
        return Ok((answer(&lines, &deal, currency)?, version(&deal)));
    }
    db.delete(Delete::from("deal_lines").whose("deal_id", id)).await?;
    lines.iter().try_for_each(|line| add(db, id, line))?;
    let deal = records.update(ctx, db, &DEAL, (id, changes, manner)).await?;
    let now = if version(&deal) == version(&known) {
        touch(desk, (id, version(&deal))).await?
    } else {
        version(&deal)
    };
    tell(ctx, db, id, (&before, &lines, currency))?;
    Ok((answer(&lines, &deal, currency)?, now))
}

/// Lines that come to the same are a change of the deal as well: without it, two at once would overwrite each other.
async fn touch(desk: Desk<'_>, (id, version): (Id, i64)) -> Result<i64> {
    let update = Update::table("deals")
        .set("updated_at", desk.ctx.now())
        .plus("version", 1)
        .whose("id", id)
        .whose("version", version);
    if desk.db.update(update).await? == 0 {
        let why = "The record was changed at the same time.";
        return Err(Error::new(Kind::Conflict, "contended", why));
    }
    Ok(version + 1)
}

fn tell(ctx: &Ctx, db: &Write, deal: Id, of: (&[Line], &[Line], Currency)) -> Result<()> {
    let (before, after, currency) = of;
    let shown =
        |lines: &[Line]| -> Vec<Json> { lines.iter().map(|line| line.to_json(currency)).collect() };
    let changes =
        json!({ "before": { "lines": shown(before) }, "after": { "lines": shown(after) } });
    let event = Event {
        name: "deal.linesChanged".to_owned(),
        object: DEAL.name,
        record: Some(deal),
        changes: Some(changes.to_string()),
        batch: None,
    };
    events::append(ctx, db, event).map(drop)
}

/// A key and why its value cannot be taken.
type Wrong = (&'static str, String);

async fn line(
    ctx: &Ctx,
    db: &Read,
    (given, currency): (&Given, Currency),
) -> std::result::Result<Line, Wrong> {
    let wrong = |key, why: &str| Err((key, why.to_owned()));
    let name = given.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    if name.is_some_and(|name| name.chars().count() > LONGEST_NAME || name.contains('\0')) {
        return wrong("name", "has more than 500 characters, or a NUL");
    }
    let price = match (given.product_id, name) {
        (Some(product), _) => product_price(ctx, db, (product, currency)).await?,
        (None, Some(_)) => None,
        (None, None) => return wrong("productId", "is required (or name)"),
    };
    let unit_price = match &given.unit_price {
        Some(price) => Money::parse(&price.to_string(), currency)
            .map(|money| money.minor)
            .map_err(|error| ("unitPrice", error.to_string()))?,
        None => match price {
            Some(price) => price,
            None => {
                return wrong(
                    "unitPrice",
                    "is required: the product has no price in the deal's currency",
                );
            }
        },
    };
    let (quantity, discount) = pieces(given)?;
    let Some(amount) = amount(unit_price, quantity, discount) else {
        return wrong("unitPrice", "makes too large an amount");
    };
    let (product_id, name) = (given.product_id, name.map(str::to_owned));
    Ok(Line { id: ctx.new_id(), product_id, name, quantity, unit_price, discount, amount })
}

/// How many, and at what discount.
fn pieces(given: &Given) -> std::result::Result<(i64, i64), Wrong> {
    let wrong = |key, why: &str| Err((key, why.to_owned()));
    let quantity = given.quantity.as_ref().map_or(Some(WHOLE), |given| parsed(given, 4));
    let Some(quantity) = quantity.filter(|one| *one > 0 && *one <= MOST_PIECES * WHOLE) else {
        return wrong(
            "quantity",
            "must be above 0 and at most 1,000,000, with four decimals at most",
        );
    };
    let discount = given.discount_percent.as_ref().map_or(Some(0), |given| parsed(given, 2));
    let Some(discount) = discount.filter(|one| *one <= WHOLE) else {
        return wrong("discountPercent", "must be from 0 to 100, with two decimals at most");
    };
    Ok((quantity, discount))
}

/// What a product costs, when that is said in the deal's currency.
async fn product_price(
    ctx: &Ctx,
    db: &Read,
    (product, currency): (Id, Currency),
) -> std::result::Result<Option<i64>, Wrong> {
    #[derive(Deserialize)]
    struct Product {
        price: Option<i64>,
        currency: Option<String>,
    }
    let select = Select::from("products").whose("id", product).only(Condition::Null("deleted_at"));
    let found: Option<Product> =
        db.first(select).await.map_err(|error: Error| ("productId", error.in_one_line()))?;
    let product = found.ok_or(("productId", "points at no product of yours".to_owned()))?;
    let own = product.currency.map_or(Ok(ctx.actor.currency), |code| code.parse());
    Ok(product.price.filter(|_| own == Ok(currency)))
}
