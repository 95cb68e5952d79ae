//! What a list is asked for: filter, order, page, search, fields, includes.

use kith_http::Query;
use kith_kernel::{Condition, Error, Kind, Op, Result, Rule};
use serde_json::Value as Json;

/// Rows of a page when nothing is said.
const DEFAULT_LIMIT: u64 = 50;
/// Rows of a page at most.
pub(crate) const LARGEST_LIMIT: u64 = 200;
/// Pages by number end here; cursors go on.
const DEEPEST_PAGE: u64 = 10_000;
/// Columns to sort by.
const MOST_KEYS: usize = 3;

/// Words that are no fields.
pub(crate) const RESERVED: [&str; 15] = [
    "limit",
    "cursor",
    "page",
    "sort",
    "search",
    "fields",
    "include",
    "count",
    "filter",
    "deleted",
    "archived",
    "asOf",
    "tenant_id",
    "tenantId",
    "workspaceId",
];

/// A question to a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// What must hold.
    pub rule: Rule,
    /// Fields to sort by, and whether descending.
    pub sort: Vec<(String, bool)>,
    /// Rows of a page.
    pub limit: u64,
    /// Where to go on.
    pub cursor: Option<String>,
    /// Rows to pass over, for pages by number.
    pub offset: u64,
    /// Words to look for.
    pub search: Option<String>,
    /// The fields to show; none means all.
    pub fields: Option<Vec<String>>,
    /// Links whose records are shown as well.
    pub include: Vec<String>,
    /// Whether to count all rows.
    pub count: bool,
    /// Whether to list what was deleted instead.
    pub deleted: bool,
    /// Whether to list what was archived.
    pub archived: Archived,
    /// The instant, as the caller wrote it, as of which records are shown; none: now.
    pub as_of: Option<String>,
}

/// Whether a list holds what was archived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Archived {
    /// It does not, unless the rule itself speaks of it.
    #[default]
    Without,
    /// Nothing else.
    Only,
    /// All alike.
    With,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            rule: Rule::always(),
            sort: Vec::new(),
            limit: DEFAULT_LIMIT,
            cursor: None,
            offset: 0,
            search: None,
            fields: None,
            include: Vec::new(),
            count: false,
            deleted: false,
            archived: Archived::Without,
            as_of: None,
        }
    }
}

pub(crate) fn wrong(name: &str, why: &str) -> Error {
    Error::new(Kind::Invalid, "invalid_parameter", format!("The parameter {name} {why}."))
        .and(name, why)
}

impl Ask {
    /// Reads a query string; what is not reserved is a filter on a field.
    pub fn read(query: &Query) -> Result<Self> {
        let mut ask = Self {
            limit: query.number("limit", 1, LARGEST_LIMIT)?.unwrap_or(DEFAULT_LIMIT),
            cursor: query.get("cursor")?.map(str::to_owned),
            sort: sort(query.get("sort")?)?,
            search: query
                .get("search")?
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
            fields: query.get("fields")?.map(words),
            include: query.get("include")?.map(words).unwrap_or_default(),
            count: flag(query, "count", "exact", "none")?,
            deleted: flag(query, "deleted", "true", "false")?,
            archived: archived(query)?,
            as_of: query.get("asOf")?.map(str::to_owned),
            ..Self::default()
        };
        if let Some(page) = query.number("page", 1, DEEPEST_PAGE)? {
            ask.offset = (page - 1) * ask.limit;
            if ask.cursor.is_some() || ask.offset + ask.limit > DEEPEST_PAGE {
                return Err(wrong("page", "goes deeper than 10,000 rows; use cursor"));
            }
        }
        ask.rule = rule(query)?;
        Ok(ask)
    }

    /// The same question further on.
    pub fn from_cursor(mut self, cursor: Option<String>) -> Self {
        self.cursor = cursor;
        self
    }
}

pub(crate) fn archived(query: &Query) -> Result<Archived> {
    match query.get("archived")? {
        None | Some("false") => Ok(Archived::Without),
        Some("true") => Ok(Archived::Only),
        Some("all") => Ok(Archived::With),
        Some(_) => Err(wrong("archived", "must be true, false or all")),
    }
}

fn flag(query: &Query, name: &str, yes: &str, no: &str) -> Result<bool> {
    match query.get(name)? {
        None => Ok(false),
        Some(text) if text == yes => Ok(true),
        Some(text) if text == no => Ok(false),
        Some(_) => Err(wrong(name, &format!("must be {yes} or {no}"))),
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .take(100)
        .map(str::to_owned)
        .collect()
}

pub(crate) fn sort(text: Option<&str>) -> Result<Vec<(String, bool)>> {
    let keys: Vec<_> = text
        .map(words)
        .unwrap_or_default()
        .into_iter()
        .map(|key| match key.strip_prefix('-') {
            Some(key) => (key.to_owned(), true),
            None => (key, false),
        })
        .collect();
    if keys.len() > MOST_KEYS {
        Err(wrong("sort", "names more than three fields"))
    } else {
        Ok(keys)
    }
}

/// `?stage=won&amount[gte]=1000&filter={…}` as one rule.
fn rule(query: &Query) -> Result<Rule> {
    let mut rules = Vec::new();
    if let Some(text) = query.get("filter")? {
        rules.push(Rule::parse_text(text)?);
    }
    for (name, value) in query.iter().filter(|(name, _)| !RESERVED.contains(name)) {
        let (field, op) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
            Some((field, op)) => {
                let known = Op::parse(op).ok_or_else(|| {
                    wrong(
                        name,
                        &format!("compares by none of {}", Op::ALL.map(Op::name).join(", ")),
                    )
                })?;
                (field, known)
            }
            None => (name, Op::Eq),
        };
        let value = if value == "null" { Json::Null } else { Json::from(value) };
        rules.push(Rule::Field(Condition { field: field.to_owned(), op, value }));
    }
    if rules.len() > kith_kernel::MAX_RULE_CONDITIONS {
        return Err(wrong("filter", "has more than 100 conditions"));
    }
    Ok(Rule::All(rules))
}
