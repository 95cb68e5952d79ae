//! Looking up what cells name: to the letter, or by the nearest name.

use std::collections::{HashMap, HashSet};

use kith_kernel::{Id, Result, text::fold};
use kith_store::{Condition, Read};

use super::report::Findings;
use crate::{
    Records,
    catalog::Shape,
    csv::near::{Match, Names},
    named::{Found, exactly, several},
};

/// Beyond so many names of an object a near one is not looked for.
const MOST_NAMES: u64 = 5_000;
/// So many answers are remembered before all are forgotten.
const MOST_REMEMBERED: usize = 50_000;
/// So many names are asked for at once.
const AT_ONCE: usize = 200;

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
            let mut exact = exactly(db, &shape, chunk).await?;
            for text in chunk {
                let found = match exact.remove(text) {
                    Some(found) => found,
                    None => self.nearest(db, (object, &shape), text).await?,
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
            Some(Found::Several(many)) => return Err(several(text, object, *many)),
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

    /// The record of the nearest name.
    async fn nearest(
        &mut self,
        db: &Read,
        (object, shape): (&'static str, &Shape),
        text: &str,
    ) -> Result<Found> {
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
