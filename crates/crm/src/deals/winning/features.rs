//! What is known of a deal while it is open: the features of the model, each with its name in words.
//!
//! Nothing that the end itself writes is a feature: not the stage, and the amount only as it stood in an open stage. Many
//! put the amount of a lost deal to nothing; a model that saw it would know the end beforehand.

use std::collections::HashMap;

use kith_kernel::{Date, Id, Result, Time};
use kith_store::{Condition, Read, Select, Value, equals};
use serde::{Deserialize, de::DeserializeOwned};

use super::model::Feature;

/// Rows of other tables are read so many at a time.
const AT_ONCE: usize = 500;
const DAY_SECONDS: i64 = 86_400;

/// A deal as the model sees it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Deal {
    pub(super) id: Id,
    pub(super) status: String,
    owner_id: Option<Id>,
    product_id: Option<Id>,
    account_id: Option<Id>,
    source: Option<String>,
    r#type: Option<String>,
    currency: Option<String>,
    amount: Option<i64>,
    engaged_on: Option<Date>,
    created_at: Time,
    pub(super) closed_at: Option<Time>,
}

#[derive(Debug, Deserialize)]
struct Account {
    id: Id,
    industry: Option<String>,
    address_country: Option<String>,
    employee_count: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Product {
    id: Id,
    name: String,
    series: Option<String>,
    price: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Member {
    id: Id,
    name: String,
    regional_office: Option<String>,
}

/// What a deal stood for when it came into an open stage.
#[derive(Debug, Deserialize)]
struct Stay {
    id: Id,
    deal_id: Id,
    amount: Option<i64>,
    currency: Option<String>,
}

/// What deals point at.
pub(super) struct Around {
    accounts: HashMap<Id, Account>,
    products: HashMap<Id, Product>,
    members: HashMap<Id, Member>,
    stays: HashMap<Id, Stay>,
}

async fn rows<T: DeserializeOwned + Send>(
    db: &Read,
    (table, column): (&'static str, &'static str),
    mut ids: Vec<Id>,
    more: Option<Condition>,
) -> Result<Vec<T>> {
    ids.sort_unstable();
    ids.dedup();
    let mut all = Vec::new();
    for some in ids.chunks(AT_ONCE) {
        let some = some.iter().copied().map(Value::from).collect();
        let select = Select::from(table).only(Condition::In(column, some));
        let select = more.clone().into_iter().fold(select, Select::only);
        all.extend(db.all::<T>(select).await?);
    }
    Ok(all)
}

impl Around {
    /// Reads what these deals point at.
    pub(super) async fn of(db: &Read, deals: &[Deal]) -> Result<Self> {
        let ids = |of: fn(&Deal) -> Option<Id>| deals.iter().filter_map(of).collect::<Vec<Id>>();
        let accounts: Vec<Account> =
            rows(db, ("accounts", "id"), ids(|deal| deal.account_id), None).await?;
        let products: Vec<Product> =
            rows(db, ("products", "id"), ids(|deal| deal.product_id), None).await?;
        let members: Vec<Member> =
            rows(db, ("members", "id"), ids(|deal| deal.owner_id), None).await?;
        let open = Some(equals("status", "open"));
        let closed = ids(|deal| (deal.status != "open").then_some(deal.id));
        let mut stays: Vec<Stay> = rows(db, ("deal_stages", "deal_id"), closed, open).await?;
        // The last one stays in the map.
        stays.sort_by_key(|stay| stay.id);
        Ok(Self {
            accounts: accounts.into_iter().map(|one| (one.id, one)).collect(),
            products: products.into_iter().map(|one| (one.id, one)).collect(),
            members: members.into_iter().map(|one| (one.id, one)).collect(),
            stays: stays.into_iter().map(|one| (one.deal_id, one)).collect(),
        })
    }

    /// The features of a deal; how long it took only where that counts.
    pub(super) fn features(&self, deal: &Deal, now: Option<Time>) -> Vec<Feature> {
        let mut all: Vec<Feature> = Vec::new();
        let mut add = |field, value: Option<String>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                all.push((field, value));
            }
        };
        let text = |text: &Option<String>| text.as_deref().map(|text| text.trim().to_lowercase());
        add("owner", deal.owner_id.map(|id| id.to_string()));
        if let Some(member) = deal.owner_id.and_then(|id| self.members.get(&id)) {
            add("office", text(&member.regional_office));
        }
        add("product", deal.product_id.map(|id| id.to_string()));
        if let Some(product) = deal.product_id.and_then(|id| self.products.get(&id)) {
            add("series", text(&product.series));
            add("listPrice", product.price.map(magnitude));
        }
        if let Some(account) = deal.account_id.and_then(|id| self.accounts.get(&id)) {
            add("industry", text(&account.industry));
            add("country", text(&account.address_country));
            add("employees", account.employee_count.map(magnitude));
        }
        add("source", text(&deal.source));
        add("type", text(&deal.r#type));
        add("weekday", Some(weekday(deal.begun()).to_owned()));
        add("amount", self.amount(deal));
        add("age", now.and_then(|now| deal.age(now)));
        all
    }

    fn amount(&self, deal: &Deal) -> Option<String> {
        let (amount, currency) = if deal.status == "open" {
            (deal.amount, &deal.currency)
        } else {
            let stay = self.stays.get(&deal.id)?;
            (stay.amount, &stay.currency)
        };
        Some(format!("{} {}", currency.as_deref().unwrap_or_default(), magnitude(amount?)))
    }

    /// What people call a value.
    pub(super) fn shown(&self, (field, value): (&str, &str)) -> String {
        let id = || value.parse::<Id>().ok();
        match field {
            "owner" => id().and_then(|id| Some(self.members.get(&id)?.name.clone())),
            "product" => id().and_then(|id| Some(self.products.get(&id)?.name.clone())),
            _ => None,
        }
        .unwrap_or_else(|| value.trim().to_owned())
    }
}

impl Deal {
    fn begun(&self) -> Date {
        self.engaged_on.unwrap_or_else(|| self.created_at.date(kith_kernel::Zone::UTC))
    }

    /// How long it took, or takes by now.
    fn age(&self, now: Time) -> Option<String> {
        let begun = self.begun().begins(kith_kernel::Zone::UTC);
        let end = self.closed_at.unwrap_or(now);
        let days = (end.seconds() - begun.seconds()) / DAY_SECONDS;
        let bounds = [0, 8, 15, 31, 61, 91, 121, 181, i64::MAX];
        let at = bounds.windows(2).position(|pair| (pair[0]..pair[1]).contains(&days))?;
        Some(match bounds.get(at + 1) {
            Some(&i64::MAX) | None => "more than 180 days".to_owned(),
            Some(end) => format!("{} to {} days", bounds[at], end - 1),
        })
    }
}

/// How large a number is, in steps that double.
fn magnitude(number: i64) -> String {
    let bits = u64::BITS - number.unsigned_abs().leading_zeros();
    let from = if bits == 0 { 0 } else { 1_u64 << (bits - 1) };
    format!("from {from}")
}

fn weekday(day: Date) -> &'static str {
    const DAYS: [&str; 7] =
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    // 1970-01-01 was a Thursday.
    let at = usize::try_from((day.days() + 3).rem_euclid(7)).unwrap_or(0);
    DAYS[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_names_and_numbers_have_sizes() {
        assert_eq!(weekday(Date::parse("2026-11-21").unwrap()), "Saturday");
        assert_eq!(weekday(Date::parse("1969-12-31").unwrap()), "Wednesday");
        assert_eq!(
            (magnitude(0), magnitude(1), magnitude(1023)),
            ("from 0".into(), "from 1".into(), "from 512".into())
        );
    }
}
