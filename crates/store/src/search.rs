//! Keyword search over a tenant's records, changed in the transaction of the record.
//!
//! Words are folded and cut here, the same way for both databases; the tenant is itself a word of each document, so
//! that the index never looks at another tenant's rows.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use kith_kernel::{Id, Result, text};

use crate::{
    Read, Value, Write,
    sql::{Dialect, Sql},
};

/// No more documents than this are ranked; beyond it a search is too wide to rank usefully.
pub const MAX_CANDIDATES: u32 = 1_000;
/// Words of a document beyond these are not indexed.
const MAX_WORDS: usize = 2_000;
/// Words of a question beyond these are left out.
const MAX_QUESTION_WORDS: usize = 8;
/// Longer words are cut, in the document as in the question.
const MAX_WORD_BYTES: usize = 48;

/// What of a record can be found, most telling first.
#[derive(Debug, Default)]
pub struct Document {
    /// The record.
    pub record: Option<Id>,
    /// The object's name, such as `contact`.
    pub object: &'static str,
    /// What the record is called.
    pub title: String,
    /// E-mail addresses, numbers, companies: what people also look for.
    pub keywords: String,
    /// All other text.
    pub body: String,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The object's name.
    pub object: String,
    /// The record.
    pub record: Id,
    /// How well it fits; larger is better, comparable within one answer only.
    pub rank: f64,
}

/// The folded words of a question, at most eight.
pub(crate) fn question(words: &str) -> Vec<String> {
    let mut all = cut(words, MAX_QUESTION_WORDS);
    all.dedup();
    all
}

fn cut(text: &str, most: usize) -> Vec<String> {
    let folded = text::fold(text);
    let mut words = Vec::new();
    text::each_word(&folded, |word| {
        if words.len() < most {
            let mut end = word.len().min(MAX_WORD_BYTES);
            while !word.is_char_boundary(end) {
                end -= 1;
            }
            words.push(word[..end].to_owned());
        }
    });
    words
}

/// The word that stands for a tenant.
fn tenant_word(tenant: Id) -> String {
    format!("t{}", tenant.simple())
}

/// The word that stands for one kind of object of a tenant.
fn object_word(tenant: Id, object: &str) -> String {
    format!("o{}{object}", tenant.simple())
}

/// `SELECT` of the ids of documents that hold all the words, as part of a condition on `object`'s table.
pub(crate) fn condition(
    sql: &mut Sql,
    dialect: Dialect,
    tenant: Id,
    object: &str,
    words: &[String],
) {
    match dialect {
        Dialect::Sqlite => sqlite::condition(sql, &object_word(tenant, object), words),
        Dialect::Postgres => postgres::condition(sql, tenant, &object_word(tenant, object), words),
    }
}

impl Read {
    /// The words that a question asks for; none means that nothing can be found.
    pub fn words(question: &str) -> Vec<String> {
        self::question(question)
    }

    /// The records that fit best, of one kind of object or (with none) of all, the best first.
    pub async fn search(
        &self,
        words: &[String],
        object: Option<&'static str>,
        most: u32,
    ) -> Result<Vec<Hit>> {
        let Some(tenant) = self.tenant() else { return Ok(Vec::new()) };
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let scope =
            object.map_or_else(|| tenant_word(tenant), |object| object_word(tenant, object));
        let sql = match self.session().dialect() {
            Dialect::Sqlite => sqlite::ranked(&scope, words, most),
            Dialect::Postgres => postgres::ranked(tenant, &scope, words, most),
        };
        let mut hits = Vec::new();
        self.session()
            .query(sql, &mut |row| {
                if let (Some(object), Some(record)) = (row.text(0)?, row.id(1)?) {
                    let rank = row.number(2)?.unwrap_or_default();
                    hits.push(Hit { object: object.to_owned(), record, rank });
                }
                Ok(())
            })
            .await?;
        Ok(hits)
    }
}

impl Write {
    /// Makes a record findable by this text, in place of what it was findable by.
    pub async fn index(&self, document: &Document, known: bool) -> Result<()> {
        let (Some(tenant), Some(record)) = (self.tenant(), document.record) else { return Ok(()) };
        let scope = [tenant_word(tenant), object_word(tenant, document.object)];
        let texts =
            [&document.title, &document.keywords, &document.body].map(|text| cut(text, MAX_WORDS));
        match self.session().dialect() {
            Dialect::Sqlite => {
                sqlite::index(self, (tenant, record, document.object), &scope, &texts, known).await
            }
            Dialect::Postgres => {
                let sql = postgres::index((tenant, record, document.object), &scope, &texts, known);
                self.session().defer(sql)
            }
        }
    }

    /// Makes a record unfindable.
    pub async fn unindex(&self, record: Id) -> Result<()> {
        let Some(tenant) = self.tenant() else { return Ok(()) };
        match self.session().dialect() {
            Dialect::Sqlite => sqlite::unindex(self, tenant, record).await,
            Dialect::Postgres => self.session().defer(postgres::unindex(tenant, record)),
        }
    }
}

/// Text values, bound in order.
fn bind_all(sql: &mut Sql, template: &str, values: Vec<Value>) {
    let mut parts = template.split('#');
    sql.text.push_str(parts.next().unwrap_or_default());
    for (part, value) in parts.zip(values) {
        sql.bind(value);
        sql.text.push_str(part);
    }
}
