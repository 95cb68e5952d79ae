//! Keyword search by `tsvector`: a table free of row-level security (under it `@@` cannot use its index), with the
//! tenant as a lexeme of each document and touched by this module alone.

use std::fmt::Write as _;

use kith_kernel::Id;

use super::{MAX_CANDIDATES, bind_all};
use crate::sql::{Dialect, Sql, push_number};

pub(crate) const SCHEMA: &str = "\
CREATE TABLE search_documents (
  tenant_id UUID NOT NULL,
  record_id UUID NOT NULL,
  object TEXT COLLATE \"C\" NOT NULL,
  words TSVECTOR NOT NULL,
  PRIMARY KEY (tenant_id, record_id)
);
CREATE INDEX search_documents_words ON search_documents USING GIN (words)";

/// `'o…' & 'ana':*`; words hold letters and digits alone.
fn question(scope: &str, words: &[String]) -> String {
    let mut text = format!("'{scope}'");
    for word in words {
        // Weights A, B and C are the text; D holds the scope.
        write!(text, " & '{word}':*ABC").ok();
    }
    text
}

/// `'ana':* | …` without the scope: a rank of words joined by "and" measures their distance instead of their weight.
fn ranking(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}':*ABC")).collect();
    quoted.join(" | ")
}

pub(super) fn condition(sql: &mut Sql, tenant: Id, scope: &str, words: &[String]) {
    bind_all(
        sql,
        "SELECT record_id FROM search_documents WHERE tenant_id = # AND words @@ CAST(CAST(# AS text) AS tsquery)",
        vec![tenant.into(), question(scope, words).into()],
    );
}

pub(super) fn ranked(tenant: Id, scope: &str, words: &[String], most: u32) -> Sql {
    let mut sql = Sql::new(Dialect::Postgres, None);
    bind_all(
        &mut sql,
        "SELECT object, record_id, CAST(ts_rank('{0, 0.1, 0.4, 0.8}', words, CAST(CAST(# AS text) AS tsquery)) AS double precision) AS rank \
         FROM (SELECT object, record_id, words FROM search_documents WHERE tenant_id = # AND words @@ CAST(CAST(# AS text) AS tsquery) LIMIT #) AS found \
         ORDER BY rank DESC, record_id DESC LIMIT #",
        vec![
            ranking(words).into(),
            tenant.into(),
            question(scope, words).into(),
            MAX_CANDIDATES.into(),
            most.into(),
        ],
    );
    sql
}

pub(super) fn index(
    (tenant, record, object): (Id, Id, &'static str),
    scope: &[String; 2],
    texts: &[Vec<String>; 3],
    known: bool,
) -> Sql {
    let mut words = String::with_capacity(512);
    for part in ["'", &scope[0], "':1 '", &scope[1], "':1"] {
        words.push_str(part);
    }
    let mut position = 1;
    for (text, weight) in texts.iter().zip(['A', 'B', 'C']) {
        for word in text {
            position += 1;
            for part in [" '", word, "':"] {
                words.push_str(part);
            }
            push_number(&mut words, position);
            words.push(weight);
        }
    }
    let mut sql = Sql::new(Dialect::Postgres, None);
    bind_all(
        &mut sql,
        "INSERT INTO search_documents (tenant_id, record_id, object, words) VALUES (#, #, #, CAST(CAST(# AS text) AS tsvector))",
        vec![tenant.into(), record.into(), object.into(), words.into()],
    );
    if known {
        sql.text
            .push_str(" ON CONFLICT (tenant_id, record_id) DO UPDATE SET words = excluded.words");
    }
    sql.inserts = Some(("search_documents", 1));
    sql
}

pub(super) fn unindex(tenant: Id, record: Id) -> Sql {
    let mut sql = Sql::new(Dialect::Postgres, None);
    bind_all(
        &mut sql,
        "DELETE FROM search_documents WHERE tenant_id = # AND record_id = #",
        vec![tenant.into(), record.into()],
    );
    sql
}
