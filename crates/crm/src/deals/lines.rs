//! Lines of a deal: what is sold, how much of it and at which price; the deal's amount is their sum.
//!
//! Quantities have four decimals and discounts two; what a line comes to is exact until it is rounded, half to even.

mod routes;

use kith_kernel::{Currency, Id, Money, Result, invalid};
use kith_records::{Change, Desk, What};
use kith_store::{Delete, Insert, Read, Select, Table, Write, id, integer, text};
use serde::Deserialize;
use serde_json::{Value as Json, json};

pub(super) use routes::{routes, schemas};

/// Lines of one deal at most.
const MOST: usize = 200;
/// Ten thousandths of a piece, and of the whole price.
const WHOLE: i64 = 10_000;
/// JSON numbers are exact up to here.
const LARGEST: i128 = 9_007_199_254_740_991;

/// A line as it is stored.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Line {
    id: Id,
    product_id: Option<Id>,
    name: Option<String>,
    /// In ten thousandths.
    quantity: i64,
    /// In minor units of the deal's currency.
    unit_price: i64,
    /// In hundredths of a percent.
    discount: i64,
    /// In minor units.
    amount: i64,
}

pub(super) fn table() -> Table {
    Table::of_tenant_keyed(
        "deal_lines",
        &["deal_id", "id"],
        vec![
            id("deal_id").required().references("anchors"),
            id("id").required(),
            id("product_id").references("anchors"),
            text("name"),
            integer("quantity").required(),
            integer("unit_price").required(),
            integer("discount").required(),
            integer("amount").required(),
        ],
    )
    .clustered()
}

async fn of(db: &Read, deal: Id) -> Result<Vec<Line>> {
    db.all(Select::from("deal_lines").whose("deal_id", deal).by("id", false)).await
}

/// Price times quantity less discount, in whole minor units, rounded half to even.
fn amount(unit_price: i64, quantity: i64, discount: i64) -> Option<i64> {
    let whole = i128::from(WHOLE);
    let exact = i128::from(unit_price) * i128::from(quantity) * i128::from(WHOLE - discount);
    let rounded = half_even(exact, whole * whole);
    i64::try_from(rounded).ok().filter(|_| rounded.abs() <= LARGEST)
}

/// A quotient as a whole number, rounded half to even.
pub(super) fn half_even(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
    let up = rest * 2 > divisor || (rest * 2 == divisor && quotient % 2 != 0);
    quotient + i128::from(up)
}

fn sum(lines: &[Line]) -> Result<i64> {
    let sum: i128 = lines.iter().map(|line| i128::from(line.amount)).sum();
    let fits = i64::try_from(sum).ok().filter(|_| sum.abs() <= LARGEST);
    fits.ok_or_else(|| invalid("lines", "come to too large an amount"))
}

fn currency(change: &Change, desk: Desk<'_>) -> Currency {
    let named = change.text("currency").and_then(|code| code.parse().ok());
    named.unwrap_or(desk.ctx.actor.currency)
}

fn minor(amount: Option<&Json>, currency: Currency) -> Option<i64> {
    Money::parse(&amount?.to_string(), currency).ok().map(|money| money.minor)
}

fn touched(change: &Change) -> bool {
    ["amount", "productId", "currency"].into_iter().any(|key| change.changes(key))
}

/// Several lines say what a deal comes to: nothing else may.
pub(super) async fn agree(desk: Desk<'_>, change: &Change) -> Result<()> {
    if change.before.is_none() || !touched(change) {
        return Ok(());
    }
    let lines = of(desk.db, change.id).await?;
    if lines.len() < 2 {
        return Ok(());
    }
    let now = currency(change, desk);
    let before = change.was("currency").and_then(Json::as_str).and_then(|code| code.parse().ok());
    if before.unwrap_or(desk.ctx.actor.currency).decimals() != now.decimals() {
        return Err(invalid(
            "currency",
            "has other decimals, and the deal has lines: change them first",
        ));
    }
    if minor(change.get("amount"), now) != Some(sum(&lines)?) {
        return Err(invalid("amount", "is the sum of the deal's lines: change these"));
    }
    if change.get("productId").is_some() {
        return Err(invalid("productId", "stands in the deal's lines: change these"));
    }
    Ok(())
}

/// A product and an amount make one line, and one line follows them.
pub(super) async fn follow(desk: Desk<'_>, change: &Change) -> Result<()> {
    let is_new = change.what == What::Created;
    if !(is_new || (change.what == What::Updated && touched(change))) {
        return Ok(());
    }
    let product = change.link("productId");
    let amount = minor(change.get("amount"), currency(change, desk));
    let mut lines = if is_new { Vec::new() } else { of(desk.db, change.id).await? };
    let known = match lines.len() {
        0 => None,
        1 => lines.pop(),
        _ => return Ok(()),
    };
    if known.as_ref().is_some_and(|line| (line.product_id, Some(line.amount)) == (product, amount))
    {
        return Ok(());
    }
    if known.is_some() {
        desk.db.delete(Delete::from("deal_lines").whose("deal_id", change.id)).await?;
    }
    let Some(amount) = amount.filter(|_| product.is_some() || known.is_some()) else {
        return Ok(());
    };
    let line = Line {
        id: desk.ctx.new_id(),
        product_id: product,
        name: known.and_then(|line| line.name),
        quantity: WHOLE,
        unit_price: amount,
        discount: 0,
        amount,
    };
    add(desk.db, change.id, &line)
}

fn add(db: &Write, deal: Id, line: &Line) -> Result<()> {
    db.append(Insert::row(
        "deal_lines",
        vec![
            ("deal_id", deal.into()),
            ("id", line.id.into()),
            ("product_id", line.product_id.into()),
            ("name", line.name.as_deref().into()),
            ("quantity", line.quantity.into()),
            ("unit_price", line.unit_price.into()),
            ("discount", line.discount.into()),
            ("amount", line.amount.into()),
        ],
    ))
}

impl Line {
    fn to_json(&self, currency: Currency) -> Json {
        json!({
            "id": self.id, "productId": self.product_id, "name": self.name,
            "quantity": decimal(self.quantity, 4), "unitPrice": money(self.unit_price, currency),
            "discountPercent": decimal(self.discount, 2), "amount": money(self.amount, currency),
        })
    }
}

/// An amount as JSON shows it.
pub(super) fn money(minor: i64, currency: Currency) -> Json {
    serde_json::from_str(&Money { minor, currency }.to_string()).unwrap_or_default()
}

/// A whole number with the point so many places from its end, as JSON shows it.
fn decimal(number: i64, places: u32) -> Json {
    let unit = 10_i64.pow(places);
    let (whole, part) = (number / unit, number % unit);
    if part == 0 {
        return json!(whole);
    }
    let text = format!("{whole}.{part:0width$}", width = places as usize);
    serde_json::from_str(&text).unwrap_or_default()
}

/// The opposite: a number without a sign that has no more places than these.
fn parsed(given: &Json, places: usize) -> Option<i64> {
    let text = given.is_number().then(|| given.to_string())?;
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let part = part.trim_end_matches('0');
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_plain(whole) || !is_plain(part) || part.len() > places {
        return None;
    }
    format!("{whole}{part:0<places$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_exact_and_rounded_half_to_even() {
        // 3 × 19.99 − 10 % = 53.973; 0.5 × 0.01 = 0.005; 1.5 × 0.01 = 0.015.
        assert_eq!(amount(1999, 30_000, 1_000), Some(5_397));
        assert_eq!(amount(1, 5_000, 0), Some(0));
        assert_eq!(amount(1, 15_000, 0), Some(2));
        assert_eq!(amount(1, 25_000, 0), Some(2));
        assert_eq!(amount(-1, 15_000, 0), Some(-2));
        assert_eq!(amount(i64::MAX, 10_000, 0), None);
    }

    #[test]
    fn decimals_are_read_as_they_are_written() {
        assert_eq!(parsed(&json!(2.5), 4), Some(25_000));
        assert_eq!(parsed(&json!(3), 4), Some(30_000));
        assert_eq!(parsed(&json!(0.123_45), 4), None);
        assert_eq!(parsed(&json!(-1), 4), None);
        assert_eq!(parsed(&json!("1"), 4), None);
        assert_eq!(decimal(25_000, 4), json!(2.5));
        assert_eq!(decimal(1_050, 2), json!(10.5));
    }
}
