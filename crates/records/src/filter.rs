//! Filters: from rules over fields to conditions over columns, by the kind of each field.

use kith_kernel::{
    Condition as Wanted, Currency, Date, Error, Kind as ErrorKind, Op, Result, Rule, Span, Time,
    text::{camel_case, nearest},
};
use kith_platform::Ctx;
use kith_store::{Comparison, Condition, Related, Value, equals};
use serde_json::Value as Json;

use crate::{
    ask::Archived,
    catalog::Shape,
    custom::{CustomField, CustomKind, of_field},
    describe::{Field, Kind},
    values::Reading,
};

/// No more values than this in one `in`.
const MOST_VALUES: usize = 200;

/// What conditions are worked out against.
pub(crate) struct Filter<'a> {
    pub(crate) ctx: &'a Ctx,
    pub(crate) shape: &'a Shape,
    pub(crate) custom: &'a [CustomField],
    /// The currency in which amounts are compared.
    currency: Currency,
}

fn wrong(field: &str, why: impl Into<String>) -> Error {
    let why = why.into();
    let field: String = field.chars().take(80).collect();
    Error::new(ErrorKind::Invalid, "invalid_filter", format!("The filter on {field} {why}."))
        .and(field, why)
}

/// Whether a rule speaks of a field.
fn mentions(rule: &Rule, key: &str) -> bool {
    match rule {
        Rule::All(rules) | Rule::Any(rules) => rules.iter().any(|rule| mentions(rule, key)),
        Rule::Not(rule) => mentions(rule, key),
        Rule::Field(wanted) => camel_case(&wanted.field) == key,
    }
}

impl<'a> Filter<'a> {
    pub(crate) fn new(
        ctx: &'a Ctx,
        shape: &'a Shape,
        custom: &'a [CustomField],
        rule: &Rule,
    ) -> Self {
        let currency = named_currency(rule).unwrap_or(ctx.actor.currency);
        Self { ctx, shape, custom, currency }
    }

    pub(crate) fn reading(&self) -> Reading {
        Reading { zone: self.ctx.actor.zone, currency: self.currency }
    }

    /// What keeps the archived out of a list, or everything else; a rule that speaks of it decides by itself.
    pub(crate) fn archived(&self, wanted: Archived, rule: &Rule) -> Option<Condition> {
        let field = self.shape.field("archivedAt")?;
        let out = Condition::Null(field.column);
        match wanted {
            Archived::Without if mentions(rule, field.key) => None,
            Archived::Without => Some(out),
            Archived::Only => Some(Condition::Not(Box::new(out))),
            Archived::With => None,
        }
    }

    pub(crate) fn condition(&self, rule: &Rule) -> Result<Condition> {
        Ok(match rule {
            Rule::All(rules) => Condition::All(
                rules.iter().map(|rule| self.condition(rule)).collect::<Result<_>>()?,
            ),
            Rule::Any(rules) => Condition::Any(
                rules.iter().map(|rule| self.condition(rule)).collect::<Result<_>>()?,
            ),
            Rule::Not(rule) => Condition::Not(Box::new(self.condition(rule)?)),
            Rule::Field(wanted) => self.field(wanted)?,
        })
    }

    fn field(&self, wanted: &Wanted) -> Result<Condition> {
        if wanted.field == "id" {
            let id = Field::new("id", "id", "id", Kind::Link("", crate::describe::OnDelete::Clear));
            return self.compare(&id, wanted);
        }
        if let Some(field) = self.shape.field(&wanted.field) {
            return self.compare(field, wanted);
        }
        let name = wanted.field.strip_prefix("custom.").unwrap_or(&wanted.field);
        match self.custom.iter().find(|field| field.name == name) {
            Some(field) => self.custom_field(field, wanted),
            None => Err(self.unknown(&wanted.field)),
        }
    }

    /// There is no such field.
    fn unknown(&self, key: &str) -> Error {
        wrong(key, format!("names {}", self.no_field(key)))
    }

    /// What a key is that names nothing here.
    pub(crate) fn no_field(&self, key: &str) -> String {
        let custom = self.custom.iter().map(|field| field.name.as_str());
        let meant = nearest(key, self.shape.keys().chain(custom));
        let meant = meant.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
        format!("no field of {}{meant}", self.shape.object.plural)
    }

    fn compare(&self, field: &Field, wanted: &Wanted) -> Result<Condition> {
        refuse_unfit(field, wanted.op)?;
        let there = || match field.kind {
            Kind::Labels => label_exists(None),
            _ => Condition::Not(Box::new(Condition::Null(field.column))),
        };
        match wanted.op {
            Op::Exists => Ok(if flag(&wanted.value, field.key)? {
                there()
            } else {
                Condition::Not(Box::new(there()))
            }),
            Op::Eq | Op::Contains if field.kind == Kind::Labels => label(wanted),
            Op::Ne if field.kind == Kind::Labels => Ok(Condition::Not(Box::new(label(wanted)?))),
            Op::In if field.kind == Kind::Labels => {
                let names = list(&wanted.value, field.key)?;
                Ok(Condition::Any(names.iter().map(|name| label_exists(name.as_str())).collect()))
            }
            Op::Contains => Ok(Condition::Contains(field.folded, folded(field, wanted)?)),
            Op::StartsWith => Ok(Condition::StartsWith(field.folded, folded(field, wanted)?)),
            Op::EndsWith => Ok(Condition::EndsWith(field.folded, folded(field, wanted)?)),
            Op::Within | Op::OlderThan => self.span(field, wanted),
            Op::Eq | Op::Ne | Op::Gt | Op::Gte | Op::Lt | Op::Lte => {
                let plain = self.comparison(field, wanted.op, &wanted.value)?;
                Ok(self.in_currency(field, plain))
            }
            Op::In => {
                let values = list(&wanted.value, field.key)?;
                let values =
                    values.iter().map(|value| self.scalar(field, value)).collect::<Result<_>>()?;
                Ok(self.in_currency(field, Condition::In(field.compared(), values)))
            }
        }
    }

    /// An amount is compared with amounts of its own currency alone.
    fn in_currency(&self, field: &Field, condition: Condition) -> Condition {
        if field.kind == Kind::Money && self.shape.has_currency && field.key != "custom" {
            let code = equals("currency", self.currency.code());
            return Condition::All(vec![code, condition]);
        }
        condition
    }

    fn comparison(&self, field: &Field, op: Op, value: &Json) -> Result<Condition> {
        if value.is_null() {
            let none = Condition::Null(field.column);
            return match op {
                Op::Eq => Ok(none),
                Op::Ne => Ok(Condition::Not(Box::new(none))),
                _ => Err(wrong(field.key, "needs a value")),
            };
        }
        if field.kind == Kind::Time
            && let Some(day) = value.as_str().and_then(Date::parse)
        {
            return Ok(self.day(field.column, op, day));
        }
        Ok(compared(field.compared(), op, &self.scalar(field, value)?))
    }

    /// A date without a time is a whole day in the tenant's time zone.
    fn day(&self, column: &'static str, op: Op, day: Date) -> Condition {
        let zone = self.ctx.actor.zone;
        let (begin, end) = (day.begins(zone), day.plus_days(1).begins(zone));
        let at = |comparison, time: Time| Condition::Compare(column, comparison, time.into());
        let within =
            Condition::All(vec![at(Comparison::GreaterOrEqual, begin), at(Comparison::Less, end)]);
        match op {
            Op::Ne => Condition::Not(Box::new(within)),
            Op::Gt => at(Comparison::GreaterOrEqual, end),
            Op::Gte => at(Comparison::GreaterOrEqual, begin),
            Op::Lt => at(Comparison::Less, begin),
            Op::Lte => at(Comparison::Less, end),
            Op::Eq
            | Op::In
            | Op::Contains
            | Op::StartsWith
            | Op::EndsWith
            | Op::Exists
            | Op::Within
            | Op::OlderThan => within,
        }
    }

    fn span(&self, field: &Field, wanted: &Wanted) -> Result<Condition> {
        let text =
            wanted.value.as_str().ok_or_else(|| wrong(field.key, "needs a span such as 30d"))?;
        let span = Span::parse(text)
            .map_err(|error| wrong(field.key, error.message().trim_end_matches('.')))?;
        let (now, zone) = (self.ctx.now(), self.ctx.actor.zone);
        let end = span.end(&self.ctx.app.clock, zone);
        let value = |time: Time| match field.kind {
            Kind::Date => Value::Date(time.date(zone)),
            _ => Value::Time(time),
        };
        let (from, to) = if span.ahead { (now, end) } else { (end, now) };
        if wanted.op == Op::OlderThan {
            return Ok(Condition::Compare(field.column, Comparison::Less, value(end)));
        }
        Ok(Condition::All(vec![
            Condition::Compare(field.column, Comparison::GreaterOrEqual, value(from)),
            Condition::Compare(field.column, Comparison::LessOrEqual, value(to)),
        ]))
    }

    /// One value as the column compares it; text is read as the kind where a query brings nothing else.
    fn scalar(&self, field: &Field, value: &Json) -> Result<Value> {
        if let (Kind::Link("member", _), Some("me")) = (field.kind, value.as_str()) {
            return Ok(self.ctx.actor.member.into());
        }
        if field.kind.is_folded() {
            let text = value.as_str().ok_or_else(|| wrong(field.key, "needs text"))?;
            refuse_nul(text, field.key)?;
            return Ok(field.fold(text).into());
        }
        let unquoted = match (field.kind, value.as_str()) {
            (Kind::Integer(..) | Kind::Number | Kind::Bool, Some(text)) => {
                serde_json::from_str(text).ok()
            }
            _ => None,
        };
        let read = field.canonical(unquoted.as_ref().unwrap_or(value), self.reading());
        let told = read.map_err(|error| {
            wrong(field.key, error.problems().first().map_or("does not fit", |p| &p.message))
        })?;
        field.stored(&told, self.currency)
    }

    fn custom_field(&self, field: &CustomField, wanted: &Wanted) -> Result<Condition> {
        let not = |condition| Condition::Not(Box::new(condition));
        let (eq, ne) = (wanted.op == Op::Eq, wanted.op == Op::Ne);
        if wanted.op == Op::Exists || ((eq || ne) && wanted.value.is_null()) {
            let there =
                if wanted.op == Op::Exists { flag(&wanted.value, &wanted.field)? } else { ne };
            let has = of_field(field, None);
            return Ok(if there { has } else { not(has) });
        }
        let plain = Wanted { op: if ne { Op::Eq } else { wanted.op }, ..wanted.clone() };
        let holds = of_field(field, Some(self.custom_condition(field, &plain)?));
        Ok(if ne { not(holds) } else { holds })
    }

    /// What must hold of the row in the side table.
    pub(crate) fn custom_condition(
        &self,
        field: &CustomField,
        wanted: &Wanted,
    ) -> Result<Condition> {
        let condition = match field.kind {
            CustomKind::MultiChoice => self.chosen(field, wanted),
            CustomKind::Link => self.pointing(field, wanted),
            CustomKind::Text
            | CustomKind::Number
            | CustomKind::Money
            | CustomKind::Date
            | CustomKind::Time
            | CustomKind::Bool
            | CustomKind::Choice
            | CustomKind::Email
            | CustomKind::Phone
            | CustomKind::Url => {
                let currency = field.currency.unwrap_or(self.currency);
                let own = Filter { currency, ..*self };
                own.compare(&field.as_field(), wanted).map(as_kept)
            }
        };
        condition.map_err(|error| {
            let why = error.problems().first().map_or("does not fit", |place| &place.message);
            wrong(&wanted.field, why)
        })
    }

    /// One of several options, or any of these.
    fn chosen(&self, field: &CustomField, wanted: &Wanted) -> Result<Condition> {
        let holds = |value: &Json| -> Result<Condition> {
            let chosen = field.canonical(&Json::Array(vec![value.clone()]), self.reading())?;
            match field.compared(&chosen, self.reading()) {
                Value::Text(bars) => Ok(Condition::Contains("words", bars)),
                _ => Err(wrong(&wanted.field, "needs a word")),
            }
        };
        match wanted.op {
            Op::Eq | Op::Contains => holds(&wanted.value),
            Op::In => {
                let words = list(&wanted.value, &wanted.field)?;
                Ok(Condition::Any(words.iter().map(holds).collect::<Result<_>>()?))
            }
            _ => Err(unfit(&wanted.field, wanted.op)),
        }
    }

    /// A link is kept as the text of an id.
    fn pointing(&self, field: &CustomField, wanted: &Wanted) -> Result<Condition> {
        let id = |value: &Json| -> Result<Value> {
            if value.as_str() == Some("me") && field.target.as_deref() == Some("member") {
                return Ok(self.ctx.actor.member.map(|id| id.to_string()).into());
            }
            let id = field.canonical(value, self.reading())?;
            Ok(field.compared(&id, self.reading()))
        };
        match wanted.op {
            Op::Eq => Ok(compared("words", Op::Eq, &id(&wanted.value)?)),
            Op::In => {
                let ids = list(&wanted.value, &wanted.field)?;
                Ok(Condition::In("words", ids.iter().map(id).collect::<Result<_>>()?))
            }
            _ => Err(unfit(&wanted.field, wanted.op)),
        }
    }
}

/// In the side table days are the instants at which they begin, and flags are 0 and 1.
fn as_kept(condition: Condition) -> Condition {
    let begins = |value: Value| match value {
        Value::Date(day) => Value::Time(day.begins(kith_kernel::Zone::UTC)),
        Value::Bool(flag) => Value::Integer(flag.into()),
        other => other,
    };
    match condition {
        Condition::All(all) => Condition::All(all.into_iter().map(as_kept).collect()),
        Condition::In(column, values) => {
            Condition::In(column, values.into_iter().map(begins).collect())
        }
        Condition::Compare(column, comparison, value) => {
            Condition::Compare(column, comparison, begins(value))
        }
        other => other,
    }
}

fn unfit(key: &str, op: Op) -> Error {
    wrong(key, format!("cannot be compared by {}", op.name()))
}

/// Whether the operator fits the kind.
fn refuse_unfit(field: &Field, op: Op) -> Result<()> {
    let ordered = matches!(op, Op::Gt | Op::Gte | Op::Lt | Op::Lte);
    let equal = matches!(op, Op::Eq | Op::Ne | Op::In);
    let part = matches!(op, Op::Contains | Op::StartsWith | Op::EndsWith);
    let span = matches!(op, Op::Within | Op::OlderThan);
    let fits = op == Op::Exists
        || match field.kind {
            Kind::Text | Kind::Email | Kind::Phone | Kind::Url => equal || ordered || part,
            Kind::LongText | Kind::Json => false,
            Kind::Integer(..) | Kind::Number | Kind::Money => equal || ordered,
            Kind::Date | Kind::Time => equal || ordered || span,
            Kind::Bool
            | Kind::Currency
            | Kind::Choice(_)
            | Kind::Link(..)
            | Kind::Related
            | Kind::Id => equal,
            Kind::Labels => equal || op == Op::Contains,
        };
    if fits {
        return Ok(());
    }
    let instead = if field.kind == Kind::LongText { "; use search" } else { "" };
    Err(wrong(field.key, format!("cannot be compared by {}{instead}", op.name())))
}

fn folded(field: &Field, wanted: &Wanted) -> Result<String> {
    let text = wanted.value.as_str().ok_or_else(|| wrong(field.key, "needs text"))?;
    refuse_nul(text, field.key)?;
    Ok(field.fold(text))
}

fn label(wanted: &Wanted) -> Result<Condition> {
    let name = wanted.value.as_str().ok_or_else(|| wrong("labels", "needs a name"))?;
    refuse_nul(name, "labels")?;
    Ok(label_exists(Some(name)))
}

fn compared(column: &'static str, op: Op, value: &Value) -> Condition {
    let by = |comparison| Condition::Compare(column, comparison, value.clone());
    match op {
        Op::Ne => Condition::Not(Box::new(by(Comparison::Equal))),
        Op::Gt => by(Comparison::Greater),
        Op::Gte => by(Comparison::GreaterOrEqual),
        Op::Lt => by(Comparison::Less),
        Op::Lte => by(Comparison::LessOrEqual),
        Op::Eq
        | Op::In
        | Op::Contains
        | Op::StartsWith
        | Op::EndsWith
        | Op::Exists
        | Op::Within
        | Op::OlderThan => by(Comparison::Equal),
    }
}

fn refuse_nul(text: &str, key: &str) -> Result<()> {
    if text.contains('\0') { Err(wrong(key, "holds a NUL character")) } else { Ok(()) }
}

fn flag(value: &Json, key: &str) -> Result<bool> {
    match (value.as_bool(), value.as_str()) {
        (Some(flag), _) => Ok(flag),
        (None, Some("true")) => Ok(true),
        (None, Some("false")) => Ok(false),
        (None, _) => Err(wrong(key, "needs true or false")),
    }
}

/// A JSON list, or text with commas.
fn list(value: &Json, key: &str) -> Result<Vec<Json>> {
    let values = match value {
        Json::Array(values) => values.clone(),
        Json::String(text) => text.split(',').map(|one| Json::from(one.trim())).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => {
            return Err(wrong(key, "needs a list of values"));
        }
    };
    if values.len() > MOST_VALUES {
        return Err(wrong(key, format!("has more than {MOST_VALUES} values")));
    }
    Ok(values)
}

/// The record has a label; of this name, when one is given.
fn label_exists(name: Option<&str>) -> Condition {
    let mut conditions = vec![equals("relation", "label")];
    if let Some(name) = name {
        let condition = equals("name_folded", kith_kernel::text::fold(name).into_owned());
        let label = Related { table: "labels", column: "id", here: "target_id", condition };
        conditions.push(Condition::Exists(Box::new(label)));
    }
    let condition = Condition::All(conditions);
    Condition::Exists(Box::new(Related {
        table: "links",
        column: "record_id",
        here: "id",
        condition,
    }))
}

/// The currency that a rule asks for at its top.
fn named_currency(rule: &Rule) -> Option<Currency> {
    match rule {
        Rule::Field(wanted) if wanted.field == "currency" && wanted.op == Op::Eq => {
            wanted.value.as_str()?.parse().ok()
        }
        Rule::All(rules) => rules.iter().find_map(named_currency),
        Rule::Any(_) | Rule::Not(_) | Rule::Field(_) => None,
    }
}
