//! Rules: one language for filters, views, segments, workflow conditions and webhook filters.

use serde_json::{Map, Value};

use crate::{Clock, Error, Kind, Time, Zone, invalid, text::nearest};

/// How deep rules may be nested.
pub const MAX_RULE_DEPTH: usize = 8;
/// How many conditions a rule may hold.
pub const MAX_RULE_CONDITIONS: usize = 100;

/// What must hold of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// Each of them; an empty list holds always.
    All(Vec<Rule>),
    /// At least one of them; an empty list holds never.
    Any(Vec<Rule>),
    /// The opposite.
    Not(Box<Rule>),
    /// One comparison.
    Field(Condition),
}

/// A field compared with a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The field's key (`amount`, `address.city`, `custom.tier`).
    pub field: String,
    /// How it is compared.
    pub op: Op,
    /// With what, as JSON brought it; the kind of the field decides how it is read.
    pub value: Value,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the words of the language")]
pub enum Op {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    Contains,
    StartsWith,
    EndsWith,
    Exists,
    Within,
    OlderThan,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Eq,
        Self::Ne,
        Self::Gt,
        Self::Gte,
        Self::Lt,
        Self::Lte,
        Self::In,
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Exists,
        Self::Within,
        Self::OlderThan,
    ];

    /// The name in a rule.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Gt => "gt",
            Self::Gte => "gte",
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::In => "in",
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Exists => "exists",
            Self::Within => "within",
            Self::OlderThan => "olderThan",
        }
    }

    /// Reads a name or one of the signs `= == != > >= < <=`.
    pub fn parse(text: &str) -> Option<Self> {
        let sign = match text {
            "=" | "==" => Some(Self::Eq),
            "!=" | "<>" => Some(Self::Ne),
            ">" => Some(Self::Gt),
            ">=" => Some(Self::Gte),
            "<" => Some(Self::Lt),
            "<=" => Some(Self::Lte),
            _ => None,
        };
        sign.or_else(|| Self::ALL.into_iter().find(|op| op.name().eq_ignore_ascii_case(text)))
    }
}

impl Rule {
    /// A rule that holds always.
    pub const fn always() -> Self {
        Self::All(Vec::new())
    }

    /// Reads a rule, in our form or in one of the two older ones
    /// (`{condition, rules: [{field, operator}]}`, `{operator, conditions: [{field, op}]}`).
    ///
    /// # Errors
    /// `Invalid`, naming the place, when it is no rule, too deep or too long.
    pub fn parse(json: &Value) -> Result<Self, Error> {
        let mut left = MAX_RULE_CONDITIONS;
        parse(json, 1, &mut left)
    }

    /// Reads the text of a rule.
    pub fn parse_text(text: &str) -> Result<Self, Error> {
        let json =
            serde_json::from_str(text).map_err(|error| wrong(format!("is not JSON: {error}")))?;
        Self::parse(&json)
    }

    /// The rule in our form.
    pub fn to_json(&self) -> Value {
        let list = |key: &str, rules: &[Self]| {
            let rules = rules.iter().map(Self::to_json).collect();
            Value::Object(Map::from_iter([(key.to_owned(), Value::Array(rules))]))
        };
        match self {
            Self::All(rules) => list("all", rules),
            Self::Any(rules) => list("any", rules),
            Self::Not(rule) => Value::Object(Map::from_iter([("not".to_owned(), rule.to_json())])),
            Self::Field(condition) => serde_json::json!({
                "field": condition.field, "op": condition.op.name(), "value": condition.value,
            }),
        }
    }

    /// Both must hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All(mut rules), other) => {
                rules.push(other);
                Self::All(rules)
            }
            (one, other) => Self::All(vec![one, other]),
        }
    }
}

fn wrong(why: impl Into<String>) -> Error {
    invalid("filter", why).coded("invalid_rule")
}

fn parse(json: &Value, depth: usize, left: &mut usize) -> Result<Rule, Error> {
    if depth > MAX_RULE_DEPTH {
        return Err(wrong(format!("is nested deeper than {MAX_RULE_DEPTH} levels")));
    }
    let Value::Object(rule) = json else {
        return Err(wrong("must be an object such as {\"field\": …, \"op\": …, \"value\": …}"));
    };
    if let Some(list) = rule.get("all").or_else(|| rule.get("any")) {
        only(rule, &["all", "any"])?;
        if rule.len() > 1 {
            return Err(wrong("has \"all\" and \"any\" side by side; put one into the other"));
        }
        let rules = parse_list(list, depth, left)?;
        return Ok(if rule.contains_key("all") { Rule::All(rules) } else { Rule::Any(rules) });
    }
    if let Some(inner) = rule.get("not") {
        only(rule, &["not"])?;
        return Ok(Rule::Not(Box::new(parse(inner, depth + 1, left)?)));
    }
    if let Some(list) = rule.get("rules").or_else(|| rule.get("conditions")) {
        let word = rule.get("condition").or_else(|| rule.get("operator"));
        let rules = parse_list(list, depth, left)?;
        return match word.and_then(Value::as_str).map(str::to_ascii_uppercase).as_deref() {
            Some("AND") | None => Ok(Rule::All(rules)),
            Some("OR") => Ok(Rule::Any(rules)),
            Some(_) => Err(wrong("joins its conditions by something other than AND and OR")),
        };
    }
    *left = left
        .checked_sub(1)
        .ok_or_else(|| wrong(format!("has more than {MAX_RULE_CONDITIONS} conditions")))?;
    parse_condition(rule)
}

fn parse_list(list: &Value, depth: usize, left: &mut usize) -> Result<Vec<Rule>, Error> {
    let list = list.as_array().ok_or_else(|| wrong("needs a list of rules"))?;
    list.iter().map(|rule| parse(rule, depth + 1, left)).collect()
}

fn parse_condition(rule: &Map<String, Value>) -> Result<Rule, Error> {
    only(rule, &["field", "op", "operator", "value"])?;
    let field = rule.get("field").and_then(Value::as_str);
    let field = field.ok_or_else(|| wrong("has a condition without a \"field\""))?;
    let name = rule.get("op").or_else(|| rule.get("operator")).and_then(Value::as_str);
    let name =
        name.ok_or_else(|| wrong(format!("does not say how to compare {field} (\"op\")")))?;
    let op = Op::parse(name).ok_or_else(|| unknown_op(name))?;
    let value = rule.get("value").cloned().unwrap_or(match op {
        Op::Exists => Value::Bool(true),
        _ => Value::Null,
    });
    Ok(Rule::Field(Condition { field: field.to_owned(), op, value }))
}

fn unknown_op(name: &str) -> Error {
    let all = Op::ALL.map(Op::name);
    let meant = nearest(name, all).map(|op| format!("; did you mean {op}?"));
    let meant = meant.unwrap_or_else(|| format!("; there are {}", all.join(", ")));
    let shown: String = name.chars().take(40).collect();
    wrong(format!("has an unknown operator {shown:?}{meant}"))
}

fn only(rule: &Map<String, Value>, known: &[&str]) -> Result<(), Error> {
    match rule.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let shown: String = key.chars().take(40).collect();
            Err(wrong(format!("has an unknown key {shown:?}")))
        }
    }
}

/// A length of time as rules write it: `30d`, `12h`, `+2w`; `mo` and `y` are calendar months and years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// How many units; always positive.
    pub count: u32,
    /// Of which unit.
    pub unit: SpanUnit,
    /// Whether it looks ahead (`+30d`) instead of back.
    pub ahead: bool,
}

/// The unit of a [`Span`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the units")]
pub enum SpanUnit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Span {
    /// Reads `30d`, `+12h`, `2w`, `6mo`, `1y`.
    ///
    /// # Errors
    /// `Invalid` when it is none of these, or longer than 200 years.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::new(
                Kind::Invalid,
                "invalid_span",
                "must be a span such as 30d (h, d, w, mo, y; 200 years at most)",
            )
        };
        let (ahead, rest) = text.strip_prefix('+').map_or((false, text), |rest| (true, rest));
        let split = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
        let (digits, unit) = rest.split_at(split);
        let count: u32 = digits.parse().map_err(|_| wrong())?;
        let (unit, limit) = match unit {
            "h" => (SpanUnit::Hour, 24 * 366 * 200),
            "d" => (SpanUnit::Day, 366 * 200),
            "w" => (SpanUnit::Week, 53 * 200),
            "mo" => (SpanUnit::Month, 12 * 200),
            "y" => (SpanUnit::Year, 200),
            _ => return Err(wrong()),
        };
        if count > limit { Err(wrong()) } else { Ok(Self { count, unit, ahead }) }
    }

    /// The far end of the span, seen from now, in a time zone.
    pub fn end(self, clock: &Clock, zone: Zone) -> Time {
        let now = clock.now();
        let sign = if self.ahead { 1 } else { -1 };
        let count = i64::from(self.count) * sign;
        match self.unit {
            SpanUnit::Hour => now.plus_seconds(count * 3_600),
            SpanUnit::Day => now.plus_seconds(count * 86_400),
            SpanUnit::Week => now.plus_seconds(count * 7 * 86_400),
            SpanUnit::Month => months_from(now, zone, count),
            SpanUnit::Year => months_from(now, zone, count * 12),
        }
    }
}

/// The same time of day, so many calendar months away.
fn months_from(now: Time, zone: Zone, months: i64) -> Time {
    let day = now.date(zone);
    let into_day = now.milliseconds() - day.begins(zone).milliseconds();
    let there = day.plus_months(i32::try_from(months).unwrap_or(0));
    there.begins(zone).plus_milliseconds(into_day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_three_forms_mean_the_same() {
        let ours = json!({"all": [{"field": "totalSpend", "op": "gt", "value": 1000}]});
        let one = json!({"condition": "AND", "rules": [{"field": "totalSpend", "operator": ">", "value": 1000}]});
        let two = json!({"operator": "AND", "conditions": [{"field": "totalSpend", "op": "gt", "value": 1000}]});
        let rule = Rule::parse(&ours).unwrap();
        assert_eq!(Rule::parse(&one).unwrap(), rule);
        assert_eq!(Rule::parse(&two).unwrap(), rule);
        assert_eq!(rule.to_json(), ours);
    }

    #[test]
    fn rules_are_bounded() {
        let condition = json!({"field": "a", "op": "eq", "value": 1});
        let many = json!({"all": vec![condition.clone(); 300]});
        assert!(Rule::parse(&many).unwrap_err().to_string().contains("more than 100"));
        let mut deep = condition;
        for _ in 0..20 {
            deep = json!({"not": deep});
        }
        assert!(Rule::parse(&deep).unwrap_err().to_string().contains("deeper"));
    }

    #[test]
    fn a_wrong_operator_is_named() {
        let error = Rule::parse(&json!({"field": "a", "op": "contain", "value": 1})).unwrap_err();
        assert!(error.to_string().contains("contains"), "{error}");
    }

    #[test]
    fn spans_look_back_unless_told() {
        let clock = Clock::fixed(Time::parse("2026-03-31T12:00:00Z").unwrap());
        let end = |text: &str| Span::parse(text).unwrap().end(&clock, Zone::UTC).to_string();
        assert_eq!(end("30d"), "2026-03-01T12:00:00.000Z");
        assert_eq!(end("+1mo"), "2026-04-30T12:00:00.000Z");
        assert_eq!(end("1mo"), "2026-02-28T12:00:00.000Z");
        assert!(Span::parse("30").is_err() && Span::parse("d").is_err());
        assert!(Span::parse("99999999999d").is_err());
    }

    proptest! {
        #[test]
        fn a_rule_reads_back(field in "[a-z]{1,8}", value in any::<i64>(), nested in 0_usize..6) {
            let condition = Condition { field, op: Op::Gte, value: json!(value) };
            let rule = (0..nested).fold(Rule::Field(condition), |rule, _| Rule::Not(Box::new(rule)));
            prop_assert_eq!(Rule::parse(&rule.to_json()).unwrap(), rule);
        }
    }
}
