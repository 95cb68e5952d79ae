//! Joins rows that are inserted together into one statement, since a driver and a server pay by the statement.
//!
//! PostgreSQL runs the parts of a statement on one state of the database and checks links and uniqueness at its end, so
//! that such parts need no order. Many rows of a table travel as one array for each column: the text then is the same
//! however many they are, and is prepared once.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_postgres::types::Type;

use crate::{
    Value,
    sql::{Sql, push_number},
    statement::{Form, Rows},
};

/// Values of one statement.
const MOST_VALUES: usize = 100_000;
/// So many rows of a table are written out: arrays cost more to begin with, and the number of rows makes the text.
const FEW: usize = 4;
/// Texts that are kept.
const MOST_TEXTS: usize = 500;
/// Parameters of one statement; PostgreSQL counts them in 16 bits.
const MOST_PARAMETERS: usize = 32_000;
const INSERT: &str = "INSERT INTO ";
const VALUES: &str = ") VALUES ";

/// What waits for others to go out with.
pub(super) enum Waiting {
    /// A statement as it was written.
    Written(Sql),
    /// Rows whose statement need not be written when it is known.
    Rows(Rows),
}

/// Statements that go out as one.
pub(super) enum Joined {
    /// A statement as it was written.
    Alone(Sql),
    /// Rows for tables, few for each.
    Few(Arc<str>, Vec<Value>),
    /// Rows for tables, many for some.
    Rows(Vec<Group>),
}

/// Rows that the same statement inserts.
pub(super) struct Group {
    pub(super) source: Source,
    pub(super) rows: Vec<Vec<Value>>,
}

/// The statement that inserts one row.
#[derive(Clone, PartialEq)]
pub(super) enum Source {
    Written(String),
    Form(Form),
}

impl Source {
    pub(super) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Written(text) => text.into(),
            Self::Form(form) => form.text().into(),
        }
    }

    fn table(&self) -> &str {
        match self {
            Self::Written(text) => text[INSERT.len()..].split(' ').next().unwrap_or_default(),
            Self::Form(form) => form.table,
        }
    }

    /// Such an insert may meet a row of the same statement, which PostgreSQL refuses.
    fn replaces(&self) -> bool {
        match self {
            Self::Written(text) => text.contains(") DO UPDATE SET "),
            Self::Form(form) => form.replaces(),
        }
    }
}

/// Texts of statements that were joined before: the same parts come again and again.
#[derive(Default)]
pub(super) struct Texts {
    known: Mutex<HashMap<(usize, usize), Vec<Known>>>,
}

struct Known {
    /// The statements of single rows, and how many rows of each.
    parts: Vec<(Source, usize)>,
    text: Arc<str>,
}

impl Texts {
    /// The same statements, with neighbours that insert one row each as one.
    pub(super) fn joined(&self, all: Vec<Waiting>) -> Vec<Joined> {
        let mut found = Vec::new();
        let mut run = Run::default();
        for waiting in all {
            match waiting {
                Waiting::Written(sql) if is_one_row(&sql) => {
                    let source = Source::Written(sql.text);
                    found.extend(run.add(&source, sql.values, self));
                }
                Waiting::Written(sql) => {
                    found.extend(std::mem::take(&mut run).end(self));
                    found.push(Joined::Alone(sql));
                }
                Waiting::Rows(Rows { form, rows }) => {
                    let source = Source::Form(form);
                    for row in rows {
                        found.extend(run.add(&source, row, self));
                    }
                }
            }
        }
        found.extend(run.end(self));
        found
    }

    /// The text for such parts, which is looked for by how many there are: a hash of them would cost more than it spares.
    fn of(&self, parts: &[Group]) -> Arc<str> {
        let values = |part: &Group| part.rows.iter().map(Vec::len).sum::<usize>();
        let key = (parts.len(), parts.iter().map(values).sum());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > MOST_TEXTS {
            known.clear();
        }
        let of_size = known.entry(key).or_default();
        let meant = |known: &&Known| {
            let mut pairs = known.parts.iter().zip(parts);
            pairs.all(|((source, rows), part)| *rows == part.rows.len() && *source == part.source)
        };
        if let Some(known) = of_size.iter().find(meant) {
            return Arc::clone(&known.text);
        }
        if of_size.len() > MOST_TEXTS {
            of_size.clear();
        }
        let text: Arc<str> = written_out(parts).into();
        let parts = parts.iter().map(|part| (part.source.clone(), part.rows.len())).collect();
        of_size.push(Known { parts, text: Arc::clone(&text) });
        text
    }
}

fn is_one_row(sql: &Sql) -> bool {
    sql.text.starts_with(INSERT) && !sql.text.contains("), (")
}

/// Neighbours on their way into one statement.
#[derive(Default)]
struct Run {
    groups: Vec<Group>,
    values: usize,
}

impl Run {
    /// Adds a row; what was before it where they cannot go together.
    fn add(&mut self, source: &Source, row: Vec<Value>, texts: &Texts) -> Option<Joined> {
        let before =
            if self.takes(source, row.len()) { None } else { std::mem::take(self).end(texts) };
        self.values += row.len();
        match self.groups.iter_mut().find(|group| group.source == *source) {
            Some(group) => group.rows.push(row),
            None => self.groups.push(Group { source: source.clone(), rows: vec![row] }),
        }
        before
    }

    fn takes(&self, source: &Source, values: usize) -> bool {
        if self.groups.is_empty() {
            return true;
        }
        let meets = |group: &Group| {
            (source.replaces() || group.source.replaces()) && group.source.table() == source.table()
        };
        self.values + values <= MOST_VALUES && !self.groups.iter().any(meets)
    }

    fn end(self, texts: &Texts) -> Option<Joined> {
        let is_much = self.values > MOST_PARAMETERS;
        if is_much || self.groups.iter().any(|group| group.rows.len() > FEW) {
            return Some(Joined::Rows(self.groups));
        }
        if self.groups.is_empty() {
            return None;
        }
        let text = texts.of(&self.groups);
        let mut values = Vec::with_capacity(self.values);
        values.extend(self.groups.into_iter().flat_map(|group| group.rows).flatten());
        Some(Joined::Few(text, values))
    }
}

/// Rows with a value of their own in the text for each cell.
fn written_out(parts: &[Group]) -> String {
    let mut text = String::new();
    let mut values = 0;
    for (at, part) in parts.iter().enumerate() {
        let is_last = at + 1 == parts.len();
        if !is_last {
            open(&mut text, at);
        } else if at > 0 {
            text.push(' ');
        }
        values = rows_written_out(&mut text, part, values);
        if !is_last {
            text.push(')');
        }
    }
    text
}

/// `INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)`, with the number of values so far.
fn rows_written_out(to: &mut String, part: &Group, mut values: usize) -> usize {
    let text = part.source.text();
    let (head, rest) = text.split_once(VALUES).unwrap_or((&text, ""));
    let (row, tail) = tuple(rest);
    to.push_str(head);
    for (at, row_values) in part.rows.iter().enumerate() {
        to.push_str(if at == 0 { ") VALUES (" } else { ", (" });
        renumber(to, row, values);
        to.push(')');
        values += row_values.len();
    }
    to.push_str(tail);
    values
}

fn open(text: &mut String, at: usize) {
    write!(text, "{} part_{at} AS (", if at == 0 { "WITH" } else { "," }).ok();
}

/// `$1` becomes `$8` behind seven values. Statements hold no text of anybody's, so that each `$` is a value's.
fn renumber(to: &mut String, text: &str, by: usize) {
    placeholders(to, text, |to, number| {
        to.push('$');
        push_number(to, number + by);
    });
}

fn placeholders(to: &mut String, text: &str, mut write: impl FnMut(&mut String, usize)) {
    let mut pieces = text.split('$');
    to.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        write(to, piece[..digits].parse().unwrap_or_default());
        to.push_str(&piece[digits..]);
    }
}

/// The text that inserts rows out of arrays; `types` are those of each group's values.
pub(super) fn of_arrays(groups: &[Group], types: &[Vec<Type>]) -> String {
    let mut text = String::new();
    let mut values = 0;
    for (at, (group, types)) in groups.iter().zip(types).enumerate() {
        let is_last = at + 1 == groups.len();
        if !is_last {
            open(&mut text, at);
        } else if at > 0 {
            text.push(' ');
        }
        from_arrays(&mut text, &group.source.text(), (types, values));
        if !is_last {
            text.push(')');
        }
        values += types.len();
    }
    text
}

/// `INSERT INTO t (a, b) SELECT value_1, value_2 FROM unnest(CAST($1 AS uuid[]), …) AS given (value_1, value_2)`.
fn from_arrays(text: &mut String, insert: &str, (types, before): (&[Type], usize)) {
    let (head, rest) = insert.split_once(VALUES).unwrap_or((insert, ""));
    let (row, tail) = tuple(rest);
    text.push_str(head);
    text.push_str(") SELECT ");
    placeholders(text, row, |text, number| {
        text.push_str("given.value_");
        push_number(text, number);
    });
    text.push_str(" FROM unnest(");
    for (at, kind) in types.iter().enumerate() {
        let comma = if at > 0 { ", " } else { "" };
        write!(text, "{comma}CAST(${} AS {}[])", before + at + 1, kind.name()).ok();
    }
    text.push_str(") AS given (");
    for at in 0..types.len() {
        let comma = if at > 0 { ", " } else { "" };
        write!(text, "{comma}value_{}", at + 1).ok();
    }
    text.push(')');
    text.push_str(tail);
}

/// What stands between the outer parentheses, and what stands behind them.
fn tuple(rest: &str) -> (&str, &str) {
    let mut depth = 0_usize;
    for (at, letter) in rest.bytes().enumerate() {
        match letter {
            b'(' => depth += 1,
            b')' if depth == 1 => return (&rest[1..at], &rest[at + 1..]),
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    (rest, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sql::Dialect, statement::Insert};

    fn sql(text: &str, values: i64) -> Waiting {
        let mut sql = Sql::new(Dialect::Postgres, None);
        text.clone_into(&mut sql.text);
        sql.values = (1..=values).map(Value::Integer).collect();
        Waiting::Written(sql)
    }

    fn told(joined: Vec<Joined>) -> Vec<String> {
        let rows = |groups: &[Group]| -> Vec<String> {
            let told = |group: &Group| format!("{} × {}", group.rows.len(), group.source.text());
            groups.iter().map(told).collect()
        };
        joined
            .into_iter()
            .map(|joined| match joined {
                Joined::Alone(sql) => format!("alone {}", sql.text),
                Joined::Few(text, values) => format!("{} values {text}", values.len()),
                Joined::Rows(groups) => rows(&groups).join(" | "),
            })
            .collect()
    }

    #[test]
    fn neighbours_of_different_tables_are_one_statement() {
        let all = vec![
            sql("INSERT INTO a (x, y) VALUES ($1, $2)", 2),
            sql("INSERT INTO b (x) VALUES (CAST($1 AS text)) ON CONFLICT (x) DO NOTHING", 1),
            sql("INSERT INTO c (x) VALUES ($1)", 1),
        ];
        assert_eq!(
            told(Texts::default().joined(all)),
            ["4 values WITH part_0 AS (INSERT INTO a (x, y) VALUES ($1, $2)), \
              part_1 AS (INSERT INTO b (x) VALUES (CAST($3 AS text)) ON CONFLICT (x) DO NOTHING) \
              INSERT INTO c (x) VALUES ($4)"]
        );
    }

    #[test]
    fn rows_of_the_same_table_are_gathered() {
        let (a, b) = ("INSERT INTO a (x) VALUES ($1)", "INSERT INTO b (x, y) VALUES ($1, $2)");
        let mut all = vec![sql(a, 1), sql(b, 2), sql(a, 1), sql(b, 2)];
        all.extend((0..3).map(|_| sql(a, 1)));
        assert_eq!(told(Texts::default().joined(all)), [format!("5 × {a} | 2 × {b}")]);
    }

    #[test]
    fn few_rows_of_a_table_are_written_out() {
        let (a, b) = (
            "INSERT INTO a (x) VALUES (CAST($1 AS text)) ON CONFLICT DO NOTHING",
            "INSERT INTO b (x, y) VALUES ($1, $2)",
        );
        let all = vec![sql(a, 1), sql(b, 2), sql(a, 1), sql(b, 2)];
        assert_eq!(
            told(Texts::default().joined(all)),
            [
                "6 values WITH part_0 AS (INSERT INTO a (x) VALUES (CAST($1 AS text)), (CAST($2 AS text)) ON CONFLICT DO NOTHING) \
              INSERT INTO b (x, y) VALUES ($3, $4), ($5, $6)"
            ]
        );
    }

    #[test]
    fn what_must_keep_its_place_stands_alone() {
        let all = vec![
            sql("INSERT INTO a (x) VALUES ($1)", 1),
            sql("DELETE FROM b WHERE x = $1", 1),
            sql("INSERT INTO b (x) VALUES ($1), ($2)", 2),
            sql("INSERT INTO c (x) VALUES ($1)", 1),
        ];
        assert_eq!(
            told(Texts::default().joined(all)),
            [
                "1 values INSERT INTO a (x) VALUES ($1)",
                "alone DELETE FROM b WHERE x = $1",
                "alone INSERT INTO b (x) VALUES ($1), ($2)",
                "1 values INSERT INTO c (x) VALUES ($1)",
            ]
        );
    }

    #[test]
    fn what_may_replace_a_row_is_never_beside_another_of_its_table() {
        let replace = "INSERT INTO a (x) VALUES ($1) ON CONFLICT (x) DO UPDATE SET x = excluded.x";
        let all = vec![sql(replace, 1), sql("INSERT INTO b (x) VALUES ($1)", 1), sql(replace, 1)];
        assert_eq!(Texts::default().joined(all).len(), 2);
        let all = vec![sql("INSERT INTO a (x) VALUES ($1)", 1), sql(replace, 1)];
        assert_eq!(Texts::default().joined(all).len(), 2);
    }

    #[test]
    fn many_rows_travel_as_an_array_for_each_column() {
        let rows =
            |text: &str| Group { source: Source::Written(text.to_owned()), rows: Vec::new() };
        let groups = [
            rows("INSERT INTO a (x, y) VALUES ($1, CAST(CAST($2 AS text) AS tsvector))"),
            rows("INSERT INTO b (z) VALUES ($1) ON CONFLICT DO NOTHING"),
        ];
        let types = [vec![Type::UUID, Type::TEXT], vec![Type::INT8]];
        assert_eq!(
            of_arrays(&groups, &types),
            "WITH part_0 AS (INSERT INTO a (x, y) SELECT given.value_1, CAST(CAST(given.value_2 AS text) AS tsvector) \
             FROM unnest(CAST($1 AS uuid[]), CAST($2 AS text[])) AS given (value_1, value_2)) \
             INSERT INTO b (z) SELECT given.value_1 FROM unnest(CAST($3 AS int8[])) AS given (value_1) ON CONFLICT DO NOTHING"
        );
    }

    #[test]
    fn rows_are_joined_as_if_they_had_been_written() {
        let insert =
            |row: Vec<Value>| Insert::row("a", vec![("x", 1.into()), ("y", row[0].clone())]);
        let all = |apart: bool| {
            let inserts = [insert(vec![2.into()]), insert(vec![3.into()]).or_keep()];
            let tenant = Some(kith_kernel::Id::NIL);
            let waiting = |insert: Insert| match insert.apart(tenant) {
                Ok(rows) if apart => Waiting::Rows(rows),
                Ok(Rows { form, mut rows }) => {
                    let mut sql = Sql::new(Dialect::Postgres, None);
                    sql.text = form.text();
                    sql.values = rows.remove(0);
                    Waiting::Written(sql)
                }
                Err(insert) => Waiting::Written(insert.sql(Dialect::Postgres, tenant)),
            };
            told(Texts::default().joined(inserts.into_iter().map(waiting).collect()))
        };
        assert_eq!(all(true), all(false));
        assert_eq!(
            all(true),
            ["6 values WITH part_0 AS (INSERT INTO a (tenant_id, x, y) VALUES ($1, $2, $3)) \
              INSERT INTO a (tenant_id, x, y) VALUES ($4, $5, $6) ON CONFLICT DO NOTHING"]
        );
    }

    #[test]
    fn statements_stay_bounded() {
        let wide = (0..10).map(|_| sql("INSERT INTO a (x) VALUES ($1)", 30_000));
        assert_eq!(Texts::default().joined(wide.collect()).len(), 4);
    }
}
