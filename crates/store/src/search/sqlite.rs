//! Keyword search by FTS5; the tenant is a word inside MATCH.

use std::fmt::Write as _;

use kith_kernel::{Id, Result};

use super::{MAX_CANDIDATES, bind_all};
use crate::{
    Write,
    sql::{Dialect, Sql},
};

/// The words are cut before they come here, so the plainest tokenizer serves, and nobody asks where in a field they
/// stand. What FTS5 merges by itself comes in lumps that hold the writer for 20 ms, so that it is told when to merge (see
/// `connect/sqlite/group.rs`).
pub(crate) const SCHEMA: &str = "\
CREATE TABLE search_documents (
  number INTEGER PRIMARY KEY,
  tenant_id BLOB NOT NULL,
  record_id BLOB NOT NULL,
  object TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX search_documents_record ON search_documents (tenant_id, record_id);
CREATE VIRTUAL TABLE search_words USING fts5 (scope, title, keywords, body, content = '', contentless_delete = 1, detail = column, tokenize = 'ascii');
INSERT INTO search_words (search_words, rank) VALUES ('automerge', 0)";

const ANYWHERE: &str = "{title keywords body}";

/// `scope : "o…" AND title : "ana" * AND …`; words hold letters and digits alone.
fn question(scope: &str, place: &str, words: &[String]) -> String {
    let mut text = format!("scope : \"{scope}\"");
    for word in words {
        write!(text, " AND {place} : \"{word}\" *").ok();
    }
    text
}

pub(super) fn condition(sql: &mut Sql, scope: &str, words: &[String]) {
    bind_all(
        sql,
        "SELECT record_id FROM search_documents WHERE number IN (SELECT rowid FROM search_words WHERE search_words MATCH #)",
        vec![question(scope, ANYWHERE, words).into()],
    );
}

/// All words in the title count more than words anywhere, and of equals the newest comes first. `bm25` would go through
/// every document of the tenant for each question, to learn how rare the tenant's own word is.
pub(super) fn ranked(scope: &str, words: &[String], most: u32) -> Sql {
    let mut sql = Sql::new(Dialect::Sqlite, None);
    bind_all(
        &mut sql,
        "SELECT object, record_id, rank FROM (SELECT number, SUM(weight) AS rank FROM (\
         SELECT * FROM (SELECT rowid AS number, 8.0 AS weight FROM search_words WHERE search_words MATCH # \
         ORDER BY rowid DESC LIMIT #) UNION ALL \
         SELECT * FROM (SELECT rowid AS number, 1.0 AS weight FROM search_words WHERE search_words MATCH # \
         ORDER BY rowid DESC LIMIT #)) GROUP BY number) JOIN search_documents USING (number) \
         ORDER BY rank DESC, record_id DESC LIMIT #",
        vec![
            question(scope, "title", words).into(),
            MAX_CANDIDATES.into(),
            question(scope, ANYWHERE, words).into(),
            MAX_CANDIDATES.into(),
            most.into(),
        ],
    );
    sql
}

pub(super) async fn index(
    write: &Write,
    (tenant, record, object): (Id, Id, &'static str),
    scope: &[String; 2],
    texts: &[Vec<String>; 3],
    known: bool,
) -> Result<()> {
    if known {
        unindex(write, tenant, record).await?;
    }
    let mut document = Sql::new(Dialect::Sqlite, None);
    bind_all(
        &mut document,
        "INSERT INTO search_documents (tenant_id, record_id, object) VALUES (#, #, #)",
        vec![tenant.into(), record.into(), object.into()],
    );
    write.session().execute(document).await?;
    let mut last = Sql::new(Dialect::Sqlite, None);
    last.text.push_str("SELECT last_insert_rowid()");
    let Some(number) = number(write, last).await? else { return Ok(()) };
    let mut words = Sql::new(Dialect::Sqlite, None);
    let [title, keywords, body] = texts;
    bind_all(
        &mut words,
        "INSERT INTO search_words (rowid, scope, title, keywords, body) VALUES (#, #, #, #, #)",
        vec![
            number.into(),
            scope.join(" ").into(),
            title.join(" ").into(),
            keywords.join(" ").into(),
            body.join(" ").into(),
        ],
    );
    write.session().index(words)
}

pub(super) async fn unindex(write: &Write, tenant: Id, record: Id) -> Result<()> {
    let mut known = Sql::new(Dialect::Sqlite, None);
    bind_all(
        &mut known,
        "SELECT number FROM search_documents WHERE tenant_id = # AND record_id = #",
        vec![tenant.into(), record.into()],
    );
    let Some(number) = number(write, known).await? else { return Ok(()) };
    let mut document = Sql::new(Dialect::Sqlite, None);
    bind_all(&mut document, "DELETE FROM search_documents WHERE number = #", vec![number.into()]);
    write.session().execute(document).await?;
    let mut words = Sql::new(Dialect::Sqlite, None);
    bind_all(&mut words, "DELETE FROM search_words WHERE rowid = #", vec![number.into()]);
    write.session().index(words)
}

/// The number of a document, by which its words are known.
async fn number(write: &Write, sql: Sql) -> Result<Option<i64>> {
    let mut number = None;
    write
        .session()
        .query(sql, &mut |row| {
            number = row.integer(0)?;
            Ok(())
        })
        .await?;
    Ok(number)
}
