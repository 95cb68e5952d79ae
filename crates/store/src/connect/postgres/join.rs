//! Joins rows that are inserted together into one statement, since a driver and a server pay by the statement.
//!
//! PostgreSQL runs the parts of a statement on one state of the database and checks links and uniqueness at its end, so
//! that such parts need no order. Many rows of a table travel as one array for each column: the text then is the same
//! however many they are, and is prepared once.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_postgres::types::Type;

use crate::{
    Value,
    sql::{Sql, push_number},
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

/// Statements that go out as one.
pub(super) enum Joined {
    /// A statement as it was written.
    Alone(Sql),
    /// Rows for tables, few for each.
    Few(Arc<str>, Vec<Value>),
    /// Rows for tables, many for some.
    Rows(Vec<Rows>),
}

/// Rows that the same statement inserts.
pub(super) struct Rows {
    /// The statement that inserts one of them.
    pub(super) text: String,
    pub(super) rows: Vec<Vec<Value>>,
}

/// Texts of statements that were joined before: the same parts come again and again.
#[derive(Default)]
pub(super) struct Texts {
    known: Mutex<HashMap<(usize, usize), Vec<Known>>>,
}

struct Known {
    /// The statements of single rows, and how many rows of each.
    parts: Vec<(String, usize)>,
    text: Arc<str>,
}

impl Texts {
    /// The same statements, with neighbours that insert one row each as one.
    pub(super) fn joined(&self, all: Vec<Sql>) -> Vec<Joined> {
        let mut found = Vec::new();
        let mut run = Run::default();
        for sql in all {
            if !run.takes(&sql) {
                found.extend(std::mem::take(&mut run).end(self));
            }
            if is_one_row(&sql) {
                run.add(sql);
            } else {
                found.push(Joined::Alone(sql));
            }
        }
        found.extend(run.end(self));
        found
    }

    /// The text for such parts, which is looked for by their length: a hash of it would cost more than it spares.
    fn of(&self, parts: &[Rows]) -> Arc<str> {
        let key = (parts.len(), parts.iter().map(|part| part.text.len() * part.rows.len()).sum());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > MOST_TEXTS {
            known.clear();
        }
        let of_length = known.entry(key).or_default();
        let meant = |known: &&Known| {
            let pairs = known.parts.iter().zip(parts);
            pairs
                .into_iter()
                .all(|((text, rows), part)| *rows == part.rows.len() && *text == part.text)
        };
        if let Some(known) = of_length.iter().find(meant) {
            return Arc::clone(&known.text);
        }
        if of_length.len() > MOST_TEXTS {
            of_length.clear();
        }
        let text: Arc<str> = written_out(parts).into();
        let parts = parts.iter().map(|part| (part.text.clone(), part.rows.len())).collect();
        of_length.push(Known { parts, text: Arc::clone(&text) });
        text
    }
}

fn is_one_row(sql: &Sql) -> bool {
    sql.text.starts_with(INSERT) && !sql.text.contains("), (")
}

fn table(text: &str) -> &str {
    text[INSERT.len()..].split(' ').next().unwrap_or_default()
}

/// Such an insert may meet a row of the same statement, which PostgreSQL refuses.
fn replaces(text: &str) -> bool {
    text.contains(") DO UPDATE SET ")
}

/// Neighbours on their way into one statement.
#[derive(Default)]
struct Run {
    groups: Vec<Rows>,
    values: usize,
}

impl Run {
    fn takes(&self, sql: &Sql) -> bool {
        if self.groups.is_empty() {
            return true;
        }
        if !is_one_row(sql) || self.values + sql.values.len() > MOST_VALUES {
            return false;
        }
        let own = table(&sql.text);
        let meets = |group: &Rows| {
            table(&group.text) == own && (replaces(&sql.text) || replaces(&group.text))
        };
        !self.groups.iter().any(meets)
    }

    fn add(&mut self, sql: Sql) {
        self.values += sql.values.len();
        match self.groups.iter_mut().find(|group| group.text == sql.text) {
            Some(group) => group.rows.push(sql.values),
            None => self.groups.push(Rows { text: sql.text, rows: vec![sql.values] }),
        }
    }

    fn end(mut self, texts: &Texts) -> Option<Joined> {
        let is_much = self.values > MOST_PARAMETERS;
        if is_much || self.groups.iter().any(|group| group.rows.len() > FEW) {
            return Some(Joined::Rows(self.groups));
        }
        if let [Rows { text, rows }] = self.groups.as_mut_slice()
            && let [values] = rows.as_mut_slice()
        {
            let (text, values) = (std::mem::take(text), std::mem::take(values));
            return Some(Joined::Few(text.into(), values));
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
fn written_out(parts: &[Rows]) -> String {
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
fn rows_written_out(to: &mut String, part: &Rows, mut values: usize) -> usize {
    let (head, rest) = part.text.split_once(VALUES).unwrap_or((&part.text, ""));
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
pub(super) fn of_arrays(groups: &[Rows], types: &[Vec<Type>]) -> String {
    let mut text = String::with_capacity(groups.iter().map(|group| group.text.len() * 3).sum());
    let mut values = 0;
    for (at, (group, types)) in groups.iter().zip(types).enumerate() {
        let is_last = at + 1 == groups.len();
        if !is_last {
            open(&mut text, at);
        } else if at > 0 {
            text.push(' ');
        }
        from_arrays(&mut text, &group.text, (types, values));
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
    use crate::sql::Dialect;

    fn sql(text: &str, values: i64) -> Sql {
        let mut sql = Sql::new(Dialect::Postgres, None);
        text.clone_into(&mut sql.text);
        sql.values = (1..=values).map(Value::Integer).collect();
        sql
    }

    fn told(joined: Vec<Joined>) -> Vec<String> {
        let rows = |groups: &[Rows]| -> Vec<String> {
            groups.iter().map(|group| format!("{} × {}", group.rows.len(), group.text)).collect()
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
        let rows = |text: &str| Rows { text: text.to_owned(), rows: Vec::new() };
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
    fn statements_stay_bounded() {
        let wide = (0..10).map(|_| sql("INSERT INTO a (x) VALUES ($1)", 30_000));
        assert_eq!(Texts::default().joined(wide.collect()).len(), 4);
    }
}
