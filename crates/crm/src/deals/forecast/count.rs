//! What the forecast counts: one query that groups, exact sums, and the rule behind each.

use std::collections::{BTreeMap, HashMap};

use kith_kernel::{Condition as Compared, Currency, Date, Id, Op, Result, Rule};
use kith_platform::Ctx;
use kith_store::{Condition, Output, Read, Select, Value, equals};
use serde_json::{Value as Json, json};

use super::{Group, Wanted, month};
use crate::deals::lines::{half_even, money};

/// Deals whose probability nobody said.
const HALF: i64 = 50;
/// Names are looked up so many at a time.
const AT_ONCE: usize = 500;

/// A number of the forecast.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    count: i64,
    minor: i128,
    /// Hundredths of minor units.
    weighted: i128,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.count += other.count;
        self.minor += other.minor;
        self.weighted += other.weighted;
    }

    fn to_json(self, currency: Currency, rule: &Rule) -> Json {
        let shown = |minor: i128| money(i64::try_from(minor).unwrap_or(i64::MAX), currency);
        json!({
            "count": self.count, "amount": shown(self.minor), "weighted": shown(half_even(self.weighted, 100)),
            "rule": rule.to_json(),
        })
    }
}

/// When a deal is expected, as the forecast sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum When {
    Overdue,
    Month(usize),
    Later,
    Undated,
}

/// Sums by when the deals are expected and by what they are grouped.
type Sums = BTreeMap<(When, Option<Id>), Sum>;

pub(super) async fn forecast(ctx: &Ctx, db: &Read, wanted: &Wanted) -> Result<Json> {
    let sums = sums(ctx, db, wanted).await?;
    let of = |when: When| {
        let mut sum = Sum::default();
        sums.iter().filter(|((at, _), _)| *at == when).for_each(|(_, one)| sum.add(*one));
        sum
    };
    let is_shown = |when: &When| matches!(when, When::Month(_));
    let mut total = Sum::default();
    sums.iter().filter(|((when, _), _)| is_shown(when)).for_each(|(_, one)| total.add(*one));
    let rules = Rules { ctx, wanted };
    let mut forecast = wanted.head();
    forecast["data"] = match wanted.group {
        Group::Month => (0..wanted.starts.len() - 1)
            .map(|at| {
                let rule = rules.between(wanted.starts[at], wanted.starts[at + 1]);
                let mut one = of(When::Month(at)).to_json(wanted.currency, &rule);
                one["month"] = month(wanted.starts[at]).into();
                one
            })
            .collect(),
        Group::Owner | Group::Pipeline => groups(db, (&sums, &rules)).await?,
    };
    let ends = [
        ("total", total, rules.between(wanted.from(), wanted.until())),
        ("overdue", of(When::Overdue), rules.with(vec![day(Op::Lt, wanted.from())])),
        ("later", of(When::Later), rules.with(vec![day(Op::Gte, wanted.until())])),
        ("undated", of(When::Undated), rules.with(vec![absent("expectedCloseDate")])),
    ];
    for (name, sum, rule) in ends {
        forecast[name] = sum.to_json(wanted.currency, &rule);
    }
    Ok(forecast)
}

/// The months together, by owner or pipeline, the most promising first.
async fn groups(db: &Read, (sums, rules): (&Sums, &Rules<'_>)) -> Result<Json> {
    let wanted = rules.wanted;
    let mut all: HashMap<Option<Id>, Sum> = HashMap::new();
    for ((when, id), sum) in sums {
        if matches!(when, When::Month(_)) {
            all.entry(*id).or_default().add(*sum);
        }
    }
    let (table, field) = match wanted.group {
        Group::Owner | Group::Month => ("members", "ownerId"),
        Group::Pipeline => ("pipelines", "pipelineId"),
    };
    let names = names(db, table, all.keys().copied().flatten().collect()).await?;
    let mut all: Vec<(Option<Id>, Sum)> = all.into_iter().collect();
    all.sort_by_key(|(id, sum)| (-sum.weighted, *id));
    let data = all.into_iter().map(|(id, sum)| {
        let of = id.map_or_else(|| absent(field), |id| equal(field, json!(id)));
        let months = rules.between(wanted.from(), wanted.until());
        let mut one = sum.to_json(wanted.currency, &Rule::All(vec![months, of]));
        one["id"] = json!(id);
        one["name"] = json!(id.and_then(|id| names.get(&id)));
        one
    });
    Ok(data.collect())
}

async fn names(db: &Read, table: &'static str, ids: Vec<Id>) -> Result<HashMap<Id, String>> {
    let mut names = HashMap::new();
    for some in ids.chunks(AT_ONCE) {
        let ids = some.iter().copied().map(Value::from).collect();
        let select = Select::from(table).show(&["id", "name"]).only(Condition::In("id", ids));
        db.each(&select, |row| {
            let name = row.text(1)?.unwrap_or_default().to_owned();
            names.insert(row.id(0)?.unwrap_or_default(), name);
            Ok(())
        })
        .await?;
    }
    Ok(names)
}

async fn sums(ctx: &Ctx, db: &Read, wanted: &Wanted) -> Result<Sums> {
    let own = stage_probabilities(db).await?;
    let grouped = match wanted.group {
        Group::Owner => "owner_id",
        Group::Pipeline | Group::Month => "pipeline_id",
    };
    let keys = ["expected_close_date", "stage_id", "probability", grouped];
    let select =
        Select::from("deals").show(&keys).output(Output::Count).output(Output::Sum("amount"));
    let select = keys.into_iter().fold(select, Select::group);
    let select = conditions(ctx, wanted).into_iter().fold(select, Select::only);
    let mut sums = Sums::new();
    db.each(&select, |row| {
        let stage = row.id(1)?.and_then(|id| own.get(&id).copied()).flatten();
        let probability = row.integer(2)?.or(stage).unwrap_or(HALF);
        let minor = i128::from(row.integer(5)?.unwrap_or_default());
        let (count, weighted) =
            (row.integer(4)?.unwrap_or_default(), minor * i128::from(probability));
        let key = (when(row.date(0)?, wanted), row.id(3)?);
        sums.entry(key).or_default().add(Sum { count, minor, weighted });
        Ok(())
    })
    .await?;
    Ok(sums)
}

fn when(expected: Option<Date>, wanted: &Wanted) -> When {
    match expected {
        None => When::Undated,
        Some(day) if day < wanted.from() => When::Overdue,
        Some(day) if day >= wanted.until() => When::Later,
        Some(day) => When::Month(wanted.starts.partition_point(|start| *start <= day) - 1),
    }
}

async fn stage_probabilities(db: &Read) -> Result<HashMap<Id, Option<i64>>> {
    let mut own = HashMap::new();
    db.each(&Select::from("stages").show(&["id", "probability"]), |row| {
        own.insert(row.id(0)?.unwrap_or_default(), row.integer(1)?);
        Ok(())
    })
    .await?;
    Ok(own)
}

fn conditions(ctx: &Ctx, wanted: &Wanted) -> Vec<Condition> {
    let mut conditions = vec![equals("status", "open"), Condition::Null("deleted_at")];
    let named = equals("currency", wanted.currency.code());
    conditions.push(if wanted.currency == ctx.actor.currency {
        Condition::Any(vec![named, Condition::Null("currency")])
    } else {
        named
    });
    let of = |column, id: Option<Id>| id.map(|id| equals(column, id));
    conditions.extend(of("pipeline_id", wanted.pipeline));
    conditions.extend(of("owner_id", wanted.owner));
    conditions
}

/// The same conditions as rules, for whoever wants to see the deals.
struct Rules<'a> {
    ctx: &'a Ctx,
    wanted: &'a Wanted,
}

fn field(field: &str, op: Op, value: Json) -> Rule {
    Rule::Field(Compared { field: field.to_owned(), op, value })
}

fn day(op: Op, day: Date) -> Rule {
    field("expectedCloseDate", op, json!(day))
}

fn equal(name: &str, value: Json) -> Rule {
    field(name, Op::Eq, value)
}

fn absent(name: &str) -> Rule {
    field(name, Op::Exists, json!(false))
}

impl Rules<'_> {
    fn with(&self, more: Vec<Rule>) -> Rule {
        let wanted = self.wanted;
        let currency = equal("currency", wanted.currency.code().into());
        let mut all = vec![equal("status", json!("open"))];
        all.push(if wanted.currency == self.ctx.actor.currency {
            Rule::Any(vec![currency, absent("currency")])
        } else {
            currency
        });
        all.extend(wanted.pipeline.map(|id| equal("pipelineId", json!(id))));
        all.extend(wanted.owner.map(|id| equal("ownerId", json!(id))));
        all.extend(more);
        Rule::All(all)
    }

    fn between(&self, from: Date, until: Date) -> Rule {
        self.with(vec![day(Op::Gte, from), day(Op::Lt, until)])
    }
}
