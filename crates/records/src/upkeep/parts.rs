//! Which records a chore is about: a condition for each object.

use kith_kernel::Result;
use kith_store::{Comparison, Condition, Read, Related, Value, equals};

use super::{ALIVE, Chore, Upkeep};
use crate::describe::{Field, Kind, Object};

/// What keeps a tenant going and is no business of anybody's: it is never cleaned away.
const KEPT: [&str; 3] = ["member", "pipeline", "stage"];
/// The label, folded, of what was made to try things out.
const TEST_DATA: &str = "test data";

/// An object and which of its records.
pub(super) type Part = (&'static Object, Condition);

fn alive() -> Condition {
    Condition::Null(ALIVE)
}

impl Upkeep {
    /// The records that a chore is about.
    pub(super) async fn parts(&self, db: &Read, chore: &Chore) -> Result<Vec<Part>> {
        let objects = self.records.all_objects(db).await?;
        Ok(match chore {
            Chore::Archive { before, objects: wanted } => self
                .closed
                .iter()
                .filter(|closed| wanted.iter().any(|name| name == closed.object.name))
                .map(|closed| {
                    let states = closed.states.iter().copied().map(Value::from).collect();
                    let old =
                        |column| Condition::Compare(column, Comparison::Less, (*before).into());
                    let unknown = Condition::Null(closed.since);
                    let since = Condition::Any(vec![
                        old(closed.since),
                        Condition::All(vec![unknown, old("updated_at")]),
                    ]);
                    let open = Condition::Null("archived_at");
                    let part = vec![alive(), Condition::In("status", states), since, open];
                    (closed.object, Condition::All(part))
                })
                .collect(),
            Chore::Orphans => {
                objects.iter().filter_map(|&object| orphans(object, &objects)).collect()
            }
            Chore::TestData => objects
                .iter()
                .copied()
                .filter(|object| is_business(object))
                .filter_map(labelled)
                .collect(),
            Chore::All => objects
                .iter()
                .copied()
                .filter(|object| is_business(object))
                .map(|object| (object, alive()))
                .collect(),
        })
    }
}

fn is_business(object: &Object) -> bool {
    !KEPT.contains(&object.name)
}

/// What is about a record that is gone; of labels, those that nothing has.
fn orphans(object: &'static Object, all: &[&'static Object]) -> Option<Part> {
    if object.name == "label" {
        let used = Condition::Exists(Box::new(Related {
            table: "links",
            column: "target_id",
            here: "id",
            condition: equals("relation", "label"),
        }));
        return Some((object, Condition::All(vec![alive(), Condition::Not(Box::new(used))])));
    }
    let related = |field: &&Field| field.kind == Kind::Related;
    let field = object.fields.iter().find(related)?;
    let there = all.iter().map(|target| target.row_of(field.column, vec![alive()])).collect();
    let about = Condition::Not(Box::new(Condition::Null(field.column)));
    let gone = Condition::Not(Box::new(Condition::Any(there)));
    Some((object, Condition::All(vec![alive(), about, gone])))
}

/// What has the label of test data.
fn labelled(object: &'static Object) -> Option<Part> {
    object.fields.iter().find(|field| field.kind == Kind::Labels)?;
    let label = Condition::Exists(Box::new(Related {
        table: "labels",
        column: "id",
        here: "target_id",
        condition: Condition::All(vec![equals("name_folded", TEST_DATA), alive()]),
    }));
    let link = Condition::Exists(Box::new(Related {
        table: "links",
        column: "record_id",
        here: "id",
        condition: Condition::All(vec![equals("relation", "label"), label]),
    }));
    Some((object, Condition::All(vec![alive(), link])))
}
