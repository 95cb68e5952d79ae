//! Whom it is about: their records, and what they are known by.

use kith_kernel::{Error, Id, Kind as ErrorKind, Result};
use kith_platform::Ctx;
use kith_store::{Condition, Read, Select, Value};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Personal, mask::Term};
use crate::{
    catalog::Shape,
    custom::CustomKind,
    describe::{Field, FoundBy, Kind, Object, OnDelete, Record},
    encode,
    erased::gone,
};

/// One person is no more records than this.
const MOST_RECORDS: usize = 200;
/// Records about a person (notes, activities, tasks) that a bundle goes by.
const MOST_ABOUT: u64 = 20_000;
/// Shorter numbers are too common to be somebody's.
const SHORTEST_PHONE: usize = 7;

/// A person.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Subject {
    /// Objects by their names, with their records; who was asked about comes first.
    pub(super) records: Vec<(String, Id)>,
    /// What is theirs alone.
    pub(super) terms: Vec<Term>,
    /// Other records that are known by the same.
    pub(super) others: Vec<(String, Id)>,
}

/// A record, deleted or not.
pub(super) struct Found {
    pub(super) record: Record,
    pub(super) custom: Record,
}

impl Personal {
    /// A record, deleted or not.
    pub(super) async fn any(
        &self,
        ctx: &Ctx,
        db: &Read,
        (shape, id): (&Shape, Id),
    ) -> Result<Option<Found>> {
        let mut found = None;
        db.each(&shape.object.rows().show(&shape.columns).whose("id", id), |row| {
            let (record, custom) = encode::record(shape, row, ctx.actor.currency)?;
            found = Some(Found { record, custom });
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// Whom a record is about.
    ///
    /// # Errors
    /// `NotFound`, or `Gone` when they were erased.
    pub(super) async fn subject(&self, ctx: &Ctx, db: &Read, id: Id) -> Result<Subject> {
        let first = self.person.object;
        let mut subject =
            Subject { records: vec![(first.name.to_owned(), id)], ..Subject::default() };
        let mut at = 0;
        while let Some((name, id)) = subject.records.get(at).cloned() {
            at += 1;
            let shape = self.records.shape_named(&name)?;
            let Some(found) = self.any(ctx, db, (&shape, id)).await? else {
                if at == 1 {
                    return Err(gone(db, first, id).await?);
                }
                continue;
            };
            self.terms_of(db, (&shape, &found), &mut subject.terms).await?;
            for other in self.same_as(db, (&shape, id)).await? {
                if !subject.records.contains(&other) {
                    subject.records.push(other);
                }
            }
            if subject.records.len() > MOST_RECORDS {
                let why = format!("More than {MOST_RECORDS} records are this person's.");
                return Err(Error::new(ErrorKind::Invalid, "too_many_records", why));
            }
        }
        self.keep_own(db, &mut subject).await?;
        Ok(subject)
    }

    /// Records that became this one: what was merged into it, or converted.
    async fn same_as(&self, db: &Read, (shape, id): (&Shape, Id)) -> Result<Vec<(String, Id)>> {
        let mut same = Vec::new();
        let merged = Select::from("merged_records").show(&["record_id"]).whose("primary_id", id);
        db.each(&merged, |row| {
            same.extend(row.id(0)?.map(|other| (shape.object.name.to_owned(), other)));
            Ok(())
        })
        .await?;
        if shape.object.name == self.person.object.name {
            for (object, column) in self.person.same {
                db.each(&object.rows().show(&["id"]).whose(column, id), |row| {
                    same.extend(row.id(0)?.map(|other| (object.name.to_owned(), other)));
                    Ok(())
                })
                .await?;
            }
        }
        Ok(same)
    }

    async fn terms_of(
        &self,
        db: &Read,
        (shape, found): (&Shape, &Found),
        terms: &mut Vec<Term>,
    ) -> Result<()> {
        let mut add = |kind: &'static str, text: &str| {
            let term = Term::new(kind, text);
            if !term.folded.is_empty() && !terms.contains(&term) {
                terms.push(term);
            }
        };
        for field in &shape.fields {
            let Some(text) = found.record.get(field.key).and_then(Json::as_str) else { continue };
            if field.kind == Kind::Email {
                add("email", text);
            } else if field.kind == Kind::Phone {
                each_phone(text, &mut add);
            } else if is_name(field) && text.trim().contains(' ') {
                // One word is many people's name.
                add("name", text);
            }
        }
        for field in &self.records.custom_fields(db, shape.object).await? {
            let value = found.custom.get(&field.id.to_string()).and_then(Json::as_str);
            let Some(text) = value else { continue };
            if field.kind == CustomKind::Email {
                add("email", text);
            } else if field.kind == CustomKind::Phone {
                each_phone(text, &mut add);
            }
        }
        Ok(())
    }

    /// What others are known by as well tells nothing of whom a text is about.
    async fn keep_own(&self, db: &Read, subject: &mut Subject) -> Result<()> {
        let own: Vec<Value> = subject.records.iter().map(|(_, id)| (*id).into()).collect();
        let mut shared: Vec<Term> = Vec::new();
        for shape in self.records.shapes().iter().filter(|shape| is_of_people(shape)) {
            for field in &shape.fields {
                for term in &subject.terms {
                    if !fits(field, term) {
                        continue;
                    }
                    let value = field.folded_value(&Json::from(term.folded.as_str()));
                    let select = shape
                        .object
                        .rows()
                        .show(&["id"])
                        .whose(field.folded, value)
                        .only(Condition::Null("deleted_at"))
                        .only(Condition::Not(Box::new(Condition::In("id", own.clone()))));
                    let mut others = Vec::new();
                    db.each(&select.at_most(20), |row| {
                        others.extend(row.id(0)?.map(|id| (shape.object.name.to_owned(), id)));
                        Ok(())
                    })
                    .await?;
                    if !others.is_empty() {
                        shared.push(term.clone());
                        subject.others.extend(others);
                    }
                }
            }
        }
        subject.terms.retain(|term| !shared.iter().any(|other| same_term(term, other)));
        subject.others.sort_unstable();
        subject.others.dedup();
        Ok(())
    }

    /// Records that are entered about others, of every kind, and those that are nothing without them: notes, activities,
    /// tasks, what they said.
    pub(super) async fn about(
        &self,
        db: &Read,
        (subject, most): (&Subject, Option<u64>),
    ) -> Result<Vec<(&'static Object, Id)>> {
        let ids: Vec<Value> = subject.records.iter().map(|(_, id)| (*id).into()).collect();
        let mut about = Vec::new();
        for shape in self.records.shapes() {
            let person = self.person.object.name;
            let is_theirs = |field: &&Field| match field.kind {
                Kind::Related => true,
                Kind::Link(name, OnDelete::Cascade) => name == person,
                _ => false,
            };
            for field in shape.fields.iter().filter(is_theirs) {
                let select = shape
                    .object
                    .rows()
                    .show(&["id"])
                    .only(Condition::In(field.column, ids.clone()))
                    .at_most(most.unwrap_or(MOST_ABOUT));
                db.each(&select, |row| {
                    about.extend(row.id(0)?.map(|id| (shape.object, id)));
                    Ok(())
                })
                .await?;
            }
        }
        Ok(about)
    }
}

/// A number as it is written and as it is compared.
fn each_phone(text: &str, add: &mut impl FnMut(&'static str, &str)) {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.len() >= SHORTEST_PHONE {
        add("phone", text);
        add("phone", &digits);
    }
}

fn is_name(field: &Field) -> bool {
    field.found_by == FoundBy::Title && field.kind == Kind::Text
}

fn is_of_people(shape: &Shape) -> bool {
    shape.fields.iter().any(|field| field.kind == Kind::Email)
}

fn fits(field: &Field, term: &Term) -> bool {
    match term.kind.as_str() {
        "email" => field.kind == Kind::Email,
        "phone" => field.kind == Kind::Phone,
        _ => is_name(field),
    }
}

/// Both spellings of a number are one.
fn same_term(one: &Term, other: &Term) -> bool {
    let digits =
        |term: &Term| -> String { term.folded.chars().filter(char::is_ascii_digit).collect() };
    one == other || (one.kind == "phone" && other.kind == "phone" && digits(one) == digits(other))
}
