//! Joins rows that are inserted together into one statement, since a driver and a server pay by the statement.

use std::fmt::Write as _;

use crate::sql::{Sql, push_number};

/// Statements that are joined into one.
const MOST: usize = 8;
/// Values of one statement; PostgreSQL takes 65,535.
const MOST_VALUES: usize = 400;
const INSERT: &str = "INSERT INTO ";

/// The same statements, with neighbours that insert one row each into different tables as one. PostgreSQL runs the
/// parts on one state of the database and checks links and uniqueness at the end, so such parts need no order.
pub(super) fn joined(all: Vec<Sql>) -> Vec<Sql> {
    let mut found = Vec::with_capacity(all.len());
    let mut together: Vec<Sql> = Vec::new();
    for sql in all {
        if !fits(&together, &sql) {
            found.extend(one(std::mem::take(&mut together)));
        }
        together.push(sql);
    }
    found.extend(one(together));
    found
}

/// The table that one row is inserted into. Statements of many rows come in too many lengths to be worth preparing
/// with their neighbours.
fn table(sql: &Sql) -> Option<&str> {
    let rest = sql.text.strip_prefix(INSERT)?;
    let one_row = !rest.contains("), (");
    rest.split(' ').next().filter(|_| one_row)
}

fn fits(together: &[Sql], sql: &Sql) -> bool {
    let Some(own) = table(sql) else { return false };
    let values: usize = together.iter().map(|part| part.values.len()).sum();
    together.len() < MOST
        && values + sql.values.len() <= MOST_VALUES
        && together.iter().all(|part| table(part).is_some_and(|other| other != own))
}

fn one(mut together: Vec<Sql>) -> Option<Sql> {
    let mut last = together.pop()?;
    if together.is_empty() {
        return Some(last);
    }
    let length = together.iter().map(|part| part.text.len() + 16).sum::<usize>() + last.text.len();
    let mut text = String::with_capacity(length);
    let mut values = Vec::new();
    for (at, part) in together.into_iter().enumerate() {
        write!(text, "{} part_{at} AS (", if at == 0 { "WITH" } else { "," }).ok();
        renumber(&mut text, &part.text, values.len());
        text.push(')');
        values.extend(part.values);
    }
    text.push(' ');
    renumber(&mut text, &last.text, values.len());
    values.append(&mut last.values);
    (last.text, last.values) = (text, values);
    Some(last)
}

/// `$1` becomes `$8` behind seven values. Statements hold no text of anybody's, so that each `$` is a value's.
fn renumber(to: &mut String, text: &str, by: usize) {
    let mut pieces = text.split('$');
    to.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let number: usize = piece[..digits].parse().unwrap_or_default();
        to.push('$');
        push_number(to, number + by);
        to.push_str(&piece[digits..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Dialect;

    fn sql(text: &str, values: usize) -> Sql {
        let mut sql = Sql::new(Dialect::Postgres, None);
        text.clone_into(&mut sql.text);
        sql.values = vec![crate::Value::Null; values];
        sql
    }

    fn texts(all: Vec<Sql>) -> Vec<(String, usize)> {
        joined(all).into_iter().map(|sql| (sql.text, sql.values.len())).collect()
    }

    #[test]
    fn neighbours_of_different_tables_are_one_statement() {
        let all = vec![
            sql("INSERT INTO a (x, y) VALUES ($1, $2)", 2),
            sql("INSERT INTO b (x) VALUES (CAST($1 AS text)) ON CONFLICT (x) DO NOTHING", 1),
            sql("INSERT INTO a (x, y) VALUES ($1, $2)", 2),
            sql("INSERT INTO c (x) VALUES ($1)", 1),
        ];
        assert_eq!(
            texts(all),
            [
                (
                    "WITH part_0 AS (INSERT INTO a (x, y) VALUES ($1, $2)) \
                     INSERT INTO b (x) VALUES (CAST($3 AS text)) ON CONFLICT (x) DO NOTHING"
                        .to_owned(),
                    3
                ),
                (
                    "WITH part_0 AS (INSERT INTO a (x, y) VALUES ($1, $2)) INSERT INTO c (x) VALUES ($3)"
                        .to_owned(),
                    3
                ),
            ]
        );
    }

    #[test]
    fn what_must_keep_its_place_stands_alone() {
        let all = || {
            vec![
                sql("INSERT INTO a (x) VALUES ($1)", 1),
                sql("DELETE FROM b WHERE x = $1", 1),
                sql("INSERT INTO b (x) VALUES ($1), ($2)", 2),
                sql("INSERT INTO c (x) VALUES ($1)", 1),
            ]
        };
        let alone: Vec<_> = all().into_iter().map(|sql| (sql.text, sql.values.len())).collect();
        assert_eq!(texts(all()), alone);
    }

    #[test]
    fn statements_stay_bounded() {
        let tables = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let all =
            tables.iter().map(|table| sql(&format!("INSERT INTO {table} (x) VALUES ($1)"), 1));
        assert_eq!(joined(all.collect()).len(), 2);
        let wide =
            tables.iter().map(|table| sql(&format!("INSERT INTO {table} (x) VALUES ($1)"), 300));
        assert_eq!(joined(wide.collect()).len(), 10);
    }
}
