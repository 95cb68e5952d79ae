//! The plan: which column goes to which field, worked out from the header and one look at every value.

use std::io::{Cursor, Read, Seek};

use kith_kernel::{Error, Result, invalid, malformed, text::nearest};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{
    Mapped, Wishes,
    rows::{self, Form, Rows},
};
use crate::{
    catalog::Shape,
    csv::{
        Dialect, Notes,
        headers::{Header, key_of, name_columns},
        kinds::{Kind as Seen, KindTally},
        values::{DateFormat, DateOrder, DateTally, DecimalSign, NumberTally},
    },
    custom::{CustomField, CustomKind},
    describe::{Field, Kind, Object},
    fields::is_writable,
};

/// How a file is read into records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    #[serde(default)]
    pub(super) form: Form,
    pub(crate) dialect: Dialect,
    pub(crate) columns: Vec<Column>,
    /// The field by which records are known again.
    pub(crate) match_by: Option<String>,
}

/// One column of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) target: Target,
    pub(crate) date: Option<DateFormat>,
    pub(crate) decimal: Option<DecimalSign>,
    /// Values are multiplied by ten to this power.
    pub(crate) power: u32,
    pub(crate) note: Option<String>,
}

/// Where a column goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Target {
    /// A built-in field, by its key.
    Field(String),
    /// A custom field, by its name; the kind is for when it has to be made.
    Custom(String, String),
    /// Nowhere.
    Nowhere,
}

/// What is seen of a column while the file is looked through.
enum Tally {
    Date(DateTally),
    Number(NumberTally),
    Kind(Box<KindTally>),
    Nothing,
}

impl Plan {
    /// What the file is and how it is written.
    pub(super) fn of(&self) -> (Form, Dialect) {
        (self.form, self.dialect)
    }

    pub(crate) fn shown(&self) -> Json {
        let is_told = |column: &&Column| self.form == Form::Csv || column.target != Target::Nowhere;
        let columns = self.columns.iter().filter(is_told).map(|column| {
            let field = match &column.target {
                Target::Field(key) => Some(key.clone()),
                Target::Custom(name, _) => Some(format!("custom.{name}")),
                Target::Nowhere => None,
            };
            json!({
                "column": column.name, "field": field, "dateFormat": column.date.map(|format| format.to_string()),
                "scale": 10_u64.pow(column.power), "note": column.note,
            })
        });
        Json::Array(columns.collect())
    }

    /// Looks through a whole file and decides.
    pub(crate) fn make<S: Read + Seek>(
        (mut source, name): (S, &str),
        shape: &Shape,
        custom: &[CustomField],
        wishes: &Wishes,
    ) -> Result<(Self, Notes)> {
        let of = rows::form(&mut source, name).map_err(|error| unreadable(&error))?;
        let (form, dialect) = of;
        if form == Form::Cards && !shape.object.rules.are_people() {
            return Err(not_people(shape.object));
        }
        let mut rows = Rows::open(source, of).map_err(|error| unreadable(&error))?;
        let headers = name_columns(&rows.headers());
        let mut columns = assign(&headers, shape, custom, wishes)?;
        let mut tallies: Vec<Tally> =
            columns.iter().map(|column| tally(column, shape, dialect)).collect();
        let mut seen = vec![false; columns.len()];
        let looked = rows.look_through(|at, cell| {
            tallies[at].feed(cell);
            seen[at] |= !cell.is_empty();
        });
        looked.map_err(|error| unreadable(&error.into()))?;
        for (column, tally) in columns.iter_mut().zip(tallies) {
            decide(column, tally, dialect);
        }
        if form == Form::Cards {
            // Cards have all columns that there could be; those that none of them fills are as good as absent.
            let empty = columns.iter_mut().zip(&seen).filter(|(_, seen)| !**seen);
            empty.for_each(|(column, _)| {
                column.target = Target::Nowhere;
                column.note = None;
            });
        }
        let match_by = match_by(&columns, shape, wishes)?;
        Ok((Self { form, dialect, columns, match_by }, rows.notes()))
    }
}

pub(super) fn not_people(object: &Object) -> Error {
    let why = format!("holds vCards, which are of people, and {} are none", object.plural);
    invalid("file", why).coded("no_people")
}

pub(crate) fn unreadable(error: &crate::csv::Error) -> Error {
    malformed(format!("The file cannot be imported: {error}.")).coded("unreadable_file")
}

fn assign(
    headers: &[Header],
    shape: &Shape,
    custom: &[CustomField],
    wishes: &Wishes,
) -> Result<Vec<Column>> {
    for name in wishes.mapping.keys() {
        if !headers.iter().any(|header| header.name == *name || header.key == key_of(name)) {
            let all: Vec<&str> = headers.iter().map(|header| header.name.as_str()).collect();
            return Err(invalid(
                "mapping",
                format!("names the column {name:?}, but there are {}", all.join(", ")),
            ));
        }
    }
    let mut taken: Vec<&'static str> = Vec::new();
    let mut columns = Vec::new();
    for header in headers {
        let wish = wishes
            .mapping
            .iter()
            .find(|(name, _)| header.name == **name || header.key == key_of(name));
        let (target, power) = match wish {
            Some((_, None)) => (Target::Nowhere, 0),
            Some((_, Some(mapped))) => mapped_target(shape, custom, mapped)?,
            None => found_target(header, shape, custom, &taken),
        };
        if let Target::Field(key) = &target
            && let Some(field) = shape.field(key)
        {
            if taken.contains(&field.key) {
                return Err(invalid("mapping", format!("sends two columns to {key}")));
            }
            taken.push(field.key);
        }
        columns.push(Column {
            name: header.name.clone(),
            target,
            date: None,
            decimal: None,
            power,
            note: None,
        });
    }
    Ok(columns)
}

fn mapped_target(shape: &Shape, custom: &[CustomField], mapped: &Mapped) -> Result<(Target, u32)> {
    let key = mapped.field();
    if let Some(field) = shape.field(key).filter(|field| is_writable(field)) {
        return Ok((Target::Field(field.key.to_owned()), mapped.power()?));
    }
    if let Some(name) = key.strip_prefix("custom.") {
        let kind =
            custom.iter().find(|field| field.name == name).map_or("", |field| field.kind.name());
        return Ok((Target::Custom(name.to_owned(), kind.to_owned()), mapped.power()?));
    }
    let meant =
        nearest(key, shape.keys()).map(|key| format!("; did you mean {key}?")).unwrap_or_default();
    Err(invalid("mapping", format!("names {key}, which is no field that can be written{meant}")))
}

/// The home that a header finds by its name: a field, a custom field that exists, or a new one.
fn found_target(
    header: &Header,
    shape: &Shape,
    custom: &[CustomField],
    taken: &[&'static str],
) -> (Target, u32) {
    let by_key = |key: &str| {
        shape.fields.iter().find(|field| {
            is_writable(field) && !taken.contains(&field.key) && is_called(field, key, shape)
        })
    };
    if let Some(field) = by_key(&header.key) {
        return (Target::Field(field.key.to_owned()), 0);
    }
    if let Some(unit) = &header.unit
        && let Some(field) = by_key(&unit.key)
    {
        return (Target::Field(field.key.to_owned()), unit.power);
    }
    if let Some(field) = custom.iter().find(|field| {
        let names = [&field.name, &field.label, &field.key()].map(|name| key_of(name));
        names.contains(&header.key)
    }) {
        return (Target::Custom(field.name.clone(), field.kind.name().to_owned()), 0);
    }
    (Target::Custom(custom_name(header), String::new()), 0)
}

fn is_called(field: &Field, key: &str, shape: &Shape) -> bool {
    let plain = |text: &str| text.replace('.', "").to_lowercase();
    let own_id = || {
        let of = |name: &str| format!("{}id", name.to_lowercase());
        let second = shape.object.alias.map(|alias| match alias.strip_suffix("ies") {
            Some(stem) => format!("{stem}y"),
            None => alias.trim_end_matches('s').to_owned(),
        });
        key == of(shape.object.name) || second.is_some_and(|name| key == of(&name))
    };
    plain(field.key) == key
        || field.aliases.contains(&key)
        || (field.key == "externalId" && own_id())
}

/// A name in camelCase of a header's words.
fn custom_name(header: &Header) -> String {
    let mut name = String::new();
    for word in &header.words {
        if name.is_empty() {
            name.push_str(word);
        } else {
            let mut letters = word.chars();
            name.extend(letters.next().map(|first| first.to_uppercase().to_string()));
            name.push_str(letters.as_str());
        }
    }
    name.retain(char::is_alphanumeric);
    if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
        name.insert_str(0, "field");
    }
    name.chars().take(60).collect()
}

fn tally(column: &Column, shape: &Shape, dialect: Dialect) -> Tally {
    match &column.target {
        Target::Field(key) => match shape.field(key).map(|field| field.kind) {
            Some(Kind::Date | Kind::Time) => {
                Tally::Date(DateTally::new(DateOrder::expected(dialect.delimiter)))
            }
            Some(Kind::Integer(..) | Kind::Number | Kind::Money) => {
                Tally::Number(NumberTally::new(DecimalSign::expected(dialect.delimiter)))
            }
            _ => Tally::Nothing,
        },
        Target::Custom(..) => Tally::Kind(Box::new(KindTally::new(dialect.delimiter))),
        Target::Nowhere => Tally::Nothing,
    }
}

impl Tally {
    fn feed(&mut self, cell: &str) {
        match self {
            Self::Date(tally) => tally.feed(cell),
            Self::Number(tally) => tally.feed(cell),
            Self::Kind(tally) => tally.feed(cell),
            Self::Nothing => {}
        }
    }
}

fn decide(column: &mut Column, tally: Tally, dialect: Dialect) {
    match tally {
        Tally::Date(tally) => {
            if let Some(decided) = tally.decide() {
                column.date = Some(decided.format);
                if decided.ambiguous {
                    column.note = Some(format!(
                        "Days and months cannot be told apart for certain; read as {}.",
                        decided.format
                    ));
                }
            }
        }
        Tally::Number(tally) => {
            let decided = tally.decide().map(|decided| decided.decimal);
            column.decimal =
                Some(decided.unwrap_or_else(|| DecimalSign::expected(dialect.delimiter)));
        }
        Tally::Kind(tally) => guess(column, &tally, dialect),
        Tally::Nothing => {}
    }
}

fn guess(column: &mut Column, tally: &KindTally, dialect: Dialect) {
    let Target::Custom(_, kind) = &mut column.target else { return };
    let seen = tally.guess().kind;
    if seen == Seen::Empty && kind.is_empty() {
        column.target = Target::Nowhere;
        column.note = Some("The column is empty.".to_owned());
        return;
    }
    let guessed = match &seen {
        Seen::Boolean => CustomKind::Bool,
        Seen::Integer | Seen::Number(_) => CustomKind::Number,
        Seen::Date(_) => CustomKind::Date,
        Seen::Email => CustomKind::Email,
        Seen::Url => CustomKind::Url,
        Seen::Phone => CustomKind::Phone,
        Seen::Choice(_) | Seen::Text | Seen::Empty => CustomKind::Text,
    };
    if kind.is_empty() {
        guessed.name().clone_into(kind);
    }
    column.decimal = match &seen {
        Seen::Number(decided) => Some(decided.decimal),
        _ => Some(DecimalSign::expected(dialect.delimiter)),
    };
    if let Seen::Date(decided) = seen {
        column.date = Some(decided.format);
    }
}

/// Refuses wishes that no file could fulfil.
pub(super) fn check(shape: &Shape, custom: &[CustomField], wishes: &Wishes) -> Result<()> {
    let mapped = wishes.mapping.values().flatten();
    mapped
        .map(|mapped| mapped_target(shape, custom, mapped))
        .try_for_each(|done| done.map(drop))?;
    wishes.match_by.as_deref().map_or(Ok(()), |wanted| matching(shape, wanted).map(drop))
}

/// So much of a file is looked at while it comes: as much as tells how it is written.
pub(super) const HEAD: usize = 64 * 1024;

/// Refuses what the head of a file shows to be in vain: that no column goes where records are to be known again.
pub(super) fn check_head(
    (head, name): (&[u8], &str),
    shape: &Shape,
    custom: &[CustomField],
    wishes: &Wishes,
) -> Result<()> {
    if wishes.match_by.is_none() {
        return Ok(());
    }
    // What cannot be read is told when all of it is looked through.
    let mut source = Cursor::new(head);
    let Ok(of) = rows::form(&mut source, name) else { return Ok(()) };
    let Ok(rows) = Rows::open(source, of) else { return Ok(()) };
    let headers = rows.headers();
    // One that is as long as this may go on behind it.
    if head.len() == HEAD && headers.iter().map(String::len).sum::<usize>() > HEAD / 4 {
        return Ok(());
    }
    let Ok(columns) = assign(&name_columns(&headers), shape, custom, wishes) else { return Ok(()) };
    match_by(&columns, shape, wishes).map(drop)
}

/// The field by which records can be known again.
fn matching<'a>(shape: &'a Shape, wanted: &str) -> Result<&'a Field> {
    let can = |field: &&Field| field.kind.is_folded();
    if let Some(field) = shape.field(wanted).filter(can) {
        return Ok(field);
    }
    let why = match shape.field(wanted) {
        Some(_) => "by which no record is known again".to_owned(),
        None => format!("which is no field of {}", shape.object.plural),
    };
    let all: Vec<&str> = shape.fields.iter().filter(can).map(|field| field.key).collect();
    let shown: String = wanted.chars().take(80).collect();
    let meant = nearest(wanted, all.iter().copied())
        .map(|key| format!("; did you mean {key}?"))
        .unwrap_or_default();
    let why = format!("names {shown}, {why}{meant}; there are {}", all.join(", "));
    Err(invalid("matchBy", why.replace("?; there", "? There")))
}

/// The field by which rows meet records that are there: what was asked for, the external id, or the object's own.
fn match_by(columns: &[Column], shape: &Shape, wishes: &Wishes) -> Result<Option<String>> {
    let is_there =
        |key: &str| columns.iter().any(|column| column.target == Target::Field(key.to_owned()));
    if let Some(wanted) = &wishes.match_by {
        let field = matching(shape, wanted)?;
        if !is_there(field.key) {
            return Err(invalid(
                "matchBy",
                format!("is {wanted}, but no column of the file goes there"),
            ));
        }
        return Ok(Some(field.key.to_owned()));
    }
    let usual = ["externalId", shape.object.matched_by].into_iter().find(|key| is_there(key));
    Ok(usual.map(str::to_owned))
}
