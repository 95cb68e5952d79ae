//! Links: the list behind a number, as an address that can be opened.

use kith_kernel::{Condition, Currency, Date, Op, Rule};
use kith_platform::Ctx;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};

/// Kinds of records of which some may be archived: they count all the same.
const ARCHIVED: [&str; 4] = ["deals", "leads", "activities", "tasks"];

/// A field compared with a value.
pub(crate) fn field(name: &str, op: Op, value: Json) -> Rule {
    Rule::Field(Condition { field: name.to_owned(), op, value })
}

/// A field that has a value.
pub(crate) fn is(name: &str, value: impl Into<Json>) -> Rule {
    field(name, Op::Eq, value.into())
}

/// An instant on one of these days: from the first on, before the second.
pub(crate) fn between(name: &str, from: Date, until: Date) -> Vec<Rule> {
    vec![field(name, Op::Gte, json!(from)), field(name, Op::Lt, json!(until))]
}

/// Amounts of a currency; those that name none are of the tenant's.
pub(crate) fn of_currency(ctx: &Ctx, currency: Currency) -> Rule {
    let named = is("currency", currency.code());
    if currency == ctx.actor.currency {
        Rule::Any(vec![named, field("currency", Op::Exists, json!(false))])
    } else {
        named
    }
}

/// All records of a kind.
pub(crate) fn all(plural: &str) -> Json {
    let archived = if ARCHIVED.contains(&plural) { "?archived=all" } else { "" };
    format!("/api/{plural}{archived}").into()
}

/// The records of a kind for which all of these hold.
pub(crate) fn list(plural: &str, rules: Vec<Rule>) -> Json {
    let rule = Rule::All(rules).to_json().to_string();
    let rule = utf8_percent_encode(&rule, NON_ALPHANUMERIC);
    let archived = if ARCHIVED.contains(&plural) { "&archived=all" } else { "" };
    format!("/api/{plural}?filter={rule}{archived}").into()
}
