//! Labels: names on any record, kept as links to the tenant's labels, which are made on use.

use std::collections::HashMap;

use kith_kernel::{Id, Result, text::fold};
use kith_platform::Ctx;
use kith_store::{Condition, Delete, Insert, Read, Select, Write, equals};
use serde_json::Value as Json;

use crate::{
    Records,
    describe::{Change, Record},
};

const RELATION: &str = "label";

/// The names of the labels of records, in the order of the alphabet.
pub(crate) async fn of(db: &Read, records: &[Id]) -> Result<HashMap<Id, Vec<String>>> {
    let mut links: Vec<(Id, Id)> = Vec::new();
    let select = Select::from("links")
        .show(&["record_id", "target_id"])
        .whose_each("record_id", records)
        .only(equals("relation", RELATION));
    db.each(&select, |row| {
        links.push((row.id(0)?.unwrap_or_default(), row.id(1)?.unwrap_or_default()));
        Ok(())
    })
    .await?;
    let mut named: HashMap<Id, Vec<String>> = HashMap::new();
    if links.is_empty() {
        return Ok(named);
    }
    let mut targets: Vec<Id> = links.iter().map(|(_, label)| *label).collect();
    targets.sort_unstable();
    targets.dedup();
    let names = names(db, targets).await?;
    for (record, label) in links {
        if let Some(name) = names.get(&label) {
            named.entry(record).or_default().push(name.clone());
        }
    }
    for names in named.values_mut() {
        names.sort_by_key(|name| fold(name).into_owned());
    }
    Ok(named)
}

async fn names(db: &Read, labels: Vec<Id>) -> Result<HashMap<Id, String>> {
    let select = Select::from("labels")
        .show(&["id", "name"])
        .whose_each("id", labels)
        .only(Condition::Null("deleted_at"));
    let mut names = HashMap::new();
    db.each(&select, |row| {
        names.insert(row.id(0)?.unwrap_or_default(), row.text(1)?.unwrap_or_default().to_owned());
        Ok(())
    })
    .await?;
    Ok(names)
}

/// Makes the labels of a record those that it shall have; new names become labels.
pub(crate) async fn store(records: &Records, ctx: &Ctx, db: &Write, change: &Change) -> Result<()> {
    if !change.is_given("labels") || (change.before.is_some() && !change.changes("labels")) {
        return Ok(());
    }
    if change.before.is_some() {
        db.delete(Delete::from("links").whose("record_id", change.id).whose("relation", RELATION))
            .await?;
    }
    let wanted: Vec<&str> = change
        .get("labels")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    for name in wanted {
        let label = label(records, ctx, db, name).await?;
        db.append(Insert::row(
            "links",
            vec![
                ("record_id", change.id.into()),
                ("relation", RELATION.into()),
                ("target_id", label.into()),
            ],
        ))?;
    }
    Ok(())
}

/// The label of a name, made when there is none.
async fn label(records: &Records, ctx: &Ctx, db: &Write, name: &str) -> Result<Id> {
    let select = Select::from("labels")
        .show(&["id"])
        .whose("name_folded", fold(name).into_owned())
        .only(Condition::Null("deleted_at"))
        .at_most(1);
    let mut found = None;
    db.each(&select, |row| {
        found = row.id(0)?;
        Ok(())
    })
    .await?;
    match (found, records.object("label")) {
        (Some(id), _) => Ok(id),
        (None, Some(object)) => {
            let input = Record::from_iter([("name".to_owned(), Json::from(name))]);
            Ok(Box::pin(records.create(ctx, db, object, input)).await?.0)
        }
        (None, None) => Err(kith_kernel::internal("there is no object named label")),
    }
}
