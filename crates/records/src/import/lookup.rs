//! Looking up what cells name: by id, by name to the letter, by the nearest name.

use std::collections::{HashMap, HashSet};

use kith_kernel::{Id, Result, text::fold};
use kith_store::{Condition, Read, equals};

use super::report::Findings;
use crate::{
    Records,
    catalog::Shape,
    csv::near::{Match, Names},
};

/// Beyond so many names of an object a near one is not looked for.
const MOST_NAMES: u64 = 5_000;
/// So many answers are remembered before all are forgotten.
const MOST_REMEMBERED: usize = 50_000;
/// So many names are asked for at once.
const AT_ONCE: usize = 200;

/// What a name turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    /// The record of this name.
    Exact(Id),
    /// A record of a name that is nearly this one.
    Near(Id, String),
    /// So many records: none is meant for certain.
    Several(usize),
    /// No record.
    Nothing,
}

/// All names of an object, and whose they are.
type Known = (Names, Vec<(Id, String)>);

/// Answers to names, remembered while an import runs.
#[derive(Default)]
pub(crate) struct Lookup {
    known: HashMap<(&'static str, String), Found>,
    names: HashMap<&'static str, Option<Known>>,
}

impl Lookup {
    /// Forgets what named nothing, since it may have been made meanwhile.
    pub(crate) fn forget_missing(&mut self) {
        self.known.retain(|_, found| *found != Found::Nothing);
        self.names.clear();
    }

    /// Finds what these texts name among the records of an object.
    pub(crate) async fn prepare(
        &mut self,
        records: &Records,
        db: &Read,
        (object, texts): (&'static str, HashSet<String>),
    ) -> Result<()> {
        if self.known.len() > MOST_REMEMBERED {
            self.known.clear();
        }
        let shape = records.shape_named(object)?;
        let unknown: Vec<String> = texts
            .into_iter()
            .filter(|text| !self.known.contains_key(&(object, text.clone())))
            .collect();
        for chunk in unknown.chunks(AT_ONCE) {
            let exact = by_name(db, &shape, chunk).await?;
            for text in chunk {
                let found = match exact.get(fold(text).as_ref()) {
                    Some((id, 1)) => Found::Exact(*id),
                    Some((_, many)) => Found::Several(*many),
                    None => self.otherwise(db, (object, &shape), text).await?,
                };
                self.known.insert((object, text.clone()), found);
            }
        }
        Ok(())
    }

    /// What a text names; it must have been prepared.
    ///
    /// # Errors
    /// Several have the name; the words go behind that of the column.
    pub(crate) fn get(
        &self,
        object: &'static str,
        text: &str,
        column: &str,
        findings: &mut Findings,
    ) -> Result<Option<Id>, String> {
        let place = (column.to_owned(), text.to_owned());
        Ok(match self.known.get(&(object, text.to_owned())) {
            Some(Found::Exact(id)) => Some(*id),
            Some(Found::Several(many)) => {
                let shown: String = text.chars().take(80).collect();
                return Err(format!(
                    "names {shown:?}, which {many} records ({object}) are called: give the id of the one that is meant"
                ));
            }
            Some(Found::Near(id, name)) => {
                findings.near.entry(place).or_insert_with(|| (name.clone(), 0)).1 += 1;
                Some(*id)
            }
            Some(Found::Nothing) | None => {
                *findings.unmatched.entry(place).or_default() += 1;
                None
            }
        })
    }

    /// An id, an external id, an address; else the nearest name.
    async fn otherwise(
        &mut self,
        db: &Read,
        of: (&'static str, &Shape),
        text: &str,
    ) -> Result<Found> {
        let (object, shape) = of;
        let ways = [
            text.parse::<Id>().ok().map(|id| equals("id", id)),
            Some(equals("external_id_folded", fold(text).into_owned())),
            shape
                .field("email")
                .filter(|_| text.contains('@'))
                .map(|field| equals(field.folded, field.fold(text))),
        ];
        for way in ways.into_iter().flatten() {
            let select =
                shape.object.rows().show(&["id"]).only(way).only(Condition::Null("deleted_at"));
            match db.ids(&select.at_most(2)).await?[..] {
                [] => {}
                [id] => return Ok(Found::Exact(id)),
                [..] => return Ok(Found::Several(2)),
            }
        }
        if !self.names.contains_key(object) {
            let names = all_names(db, shape).await?;
            self.names.insert(object, names);
        }
        let Some(Some((names, all))) = self.names.get(object) else { return Ok(Found::Nothing) };
        Ok(match names.find(text) {
            Match::Exact { index, .. } | Match::Near { index, .. } => {
                let (id, name) = &all[index];
                match all.iter().filter(|(_, other)| fold(other) == fold(name)).count() {
                    1 => Found::Near(*id, name.clone()),
                    many => Found::Several(many),
                }
            }
            Match::None => Found::Nothing,
        })
    }
}

/// The oldest record of each name, and how many have it, by the folded name.
async fn by_name(
    db: &Read,
    shape: &Shape,
    names: &[String],
) -> Result<HashMap<String, (Id, usize)>> {
    let mut found: HashMap<String, (Id, usize)> = HashMap::new();
    each_of_field(db, shape, ("name", names), &mut |text, id| {
        let (oldest, count) = found.entry(text.to_owned()).or_insert((id, 0));
        *oldest = id.min(*oldest);
        *count += 1;
    })
    .await?;
    Ok(found)
}

/// The oldest record with each value of a folded field, by the folded value.
pub(crate) async fn by_field(
    db: &Read,
    shape: &Shape,
    of: (&str, &[String]),
) -> Result<HashMap<String, Id>> {
    let mut found = HashMap::new();
    // The oldest is found here: asked for an order, SQLite would walk through the whole table by its ids.
    each_of_field(db, shape, of, &mut |text, id| {
        found
            .entry(text.to_owned())
            .and_modify(|oldest: &mut Id| *oldest = id.min(*oldest))
            .or_insert(id);
    })
    .await?;
    Ok(found)
}

/// Shows `each` the folded value and the id of every record that has one of these values.
async fn each_of_field(
    db: &Read,
    shape: &Shape,
    (key, values): (&str, &[String]),
    each: &mut (dyn FnMut(&str, Id) + Send),
) -> Result<()> {
    let Some(field) = shape.field(key).filter(|field| field.kind.is_folded()) else {
        return Ok(());
    };
    let values: HashSet<String> = values.iter().map(|value| field.fold(value)).collect();
    let values: Vec<String> = values.into_iter().collect();
    for values in values.chunks(AT_ONCE) {
        let select = shape
            .object
            .rows()
            .show(&["id", field.folded])
            .whose_each(field.folded, values.to_vec())
            .only(Condition::Null("deleted_at"));
        db.each(&select, |row| {
            if let (Some(id), Some(text)) = (row.id(0)?, row.text(1)?) {
                each(text, id);
            }
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// The names of all records, when there are not too many.
async fn all_names(db: &Read, shape: &Shape) -> Result<Option<Known>> {
    let Some(field) = shape.field("name") else { return Ok(None) };
    let select = shape
        .object
        .rows()
        .show(&["id", field.column])
        .only(Condition::Null("deleted_at"))
        .by("id", false)
        .at_most(MOST_NAMES + 1);
    let mut all: Vec<(Id, String)> = Vec::new();
    db.each(&select, |row| {
        if let (Some(id), Some(name)) = (row.id(0)?, row.text(1)?) {
            all.push((id, name.to_owned()));
        }
        Ok(())
    })
    .await?;
    if all.len() as u64 > MOST_NAMES {
        return Ok(None);
    }
    let names = Names::new(all.iter().map(|(_, name)| name.clone()));
    Ok(Some((names, all)))
}
