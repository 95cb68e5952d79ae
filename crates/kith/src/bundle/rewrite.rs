//! Ids of a bundle under other ids: the same for the same, in the same order, none twice, wherever they stand.

use std::collections::{HashMap, HashSet};

use kith_kernel::Id;
use kith_store::{TableShape, Value};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

/// So many bytes of an id are its time and counter, which give records their order.
const ORDER: usize = 11;
/// Columns that name users, who belong to no tenant.
const USER: &str = "user_id";
/// Columns that name what people came by, which stays behind.
const CREDENTIAL: &str = "credential_id";
/// What was under way when the bundle was made has ended for whoever takes it.
const UNDER_WAY: [&str; 2] = ["queued", "running"];

/// How the ids of a bundle are written.
pub(super) struct Rewriting {
    salt: [u8; 16],
    /// Ids that stand in the bundle as such: a text that reads like one of them is one of them.
    known: HashSet<Id>,
    /// Ids that become others than their own: the tenant's, and those of users.
    given: HashMap<Id, Id>,
}

impl Rewriting {
    pub(super) fn new(salt: Id, tenants: (Id, Id)) -> Self {
        let given = HashMap::from([tenants]);
        Self { salt: *salt.as_bytes(), known: HashSet::new(), given }
    }

    /// Looks at a row before any is rewritten.
    pub(super) fn learn(&mut self, table: &TableShape, row: &[Value]) {
        for ((name, _), cell) in table.columns().iter().zip(row) {
            if let (Value::Id(id), false) = (cell, name == USER || name == CREDENTIAL) {
                self.known.insert(*id);
            }
        }
    }

    /// A user of the bundle is one of this installation.
    pub(super) fn match_user(&mut self, theirs: Id, ours: Id) {
        self.given.insert(theirs, ours);
    }

    /// An id as it is written.
    pub(super) fn id(&self, id: Id) -> Id {
        if let Some(given) = self.given.get(&id) {
            return *given;
        }
        if id == Id::NIL {
            return id;
        }
        let hash = Sha256::new().chain_update(self.salt).chain_update(id.as_bytes()).finalize();
        let mut bytes = *id.as_bytes();
        bytes[ORDER..].copy_from_slice(&hash[..16 - ORDER]);
        Id::from_bytes(bytes)
    }

    /// A row as it is written.
    pub(super) fn row(&self, table: &TableShape, row: &mut [Value]) {
        for ((name, _), cell) in table.columns().iter().zip(row) {
            let new = match cell {
                Value::Id(_) if name == CREDENTIAL => Value::Null,
                Value::Id(id) if name == USER => {
                    self.given.get(id).map_or(Value::Null, |user| Value::Id(*user))
                }
                Value::Id(id) => Value::Id(self.id(*id)),
                Value::Json(text) => Value::Json(self.json(text)),
                // Changes of events are text, which their digests are made of.
                Value::Text(text) if table.name() == "events" && name == "changes" => {
                    Value::Text(self.json(text))
                }
                Value::Text(text)
                    if table.name() == "batches"
                        && name == "state"
                        && UNDER_WAY.contains(&text.as_str()) =>
                {
                    Value::Text("cancelled".to_owned())
                }
                Value::Text(text) => match self.named(text) {
                    Some(id) => Value::Text(id.to_string()),
                    None => continue,
                },
                Value::Null
                | Value::Bool(_)
                | Value::Integer(_)
                | Value::Number(_)
                | Value::Bytes(_)
                | Value::Time(_)
                | Value::Date(_) => continue,
            };
            *cell = new;
        }
    }

    /// The new id, when a text is one of the bundle's ids.
    fn named(&self, text: &str) -> Option<Id> {
        let id: Id = text.parse().ok()?;
        (self.known.contains(&id) || self.given.contains_key(&id)).then(|| self.id(id))
    }

    fn json(&self, text: &str) -> String {
        let Ok(mut tree) = serde_json::from_str::<Json>(text) else { return text.to_owned() };
        // Text in which no id stands keeps its spelling.
        if self.tree(&mut tree) { tree.to_string() } else { text.to_owned() }
    }

    /// Rewrites what stands in a tree; says whether anything did.
    fn tree(&self, tree: &mut Json) -> bool {
        match tree {
            Json::String(text) => match self.named(text) {
                Some(id) => {
                    *text = id.to_string();
                    true
                }
                None => false,
            },
            Json::Array(list) => list.iter_mut().fold(false, |any, each| self.tree(each) | any),
            Json::Object(map) => {
                let mut any = false;
                // Custom values stand under the ids of their fields.
                let all = std::mem::take(map).into_iter().map(|(key, mut value)| {
                    any |= self.tree(&mut value);
                    let named = self.named(&key);
                    any |= named.is_some();
                    (named.map_or(key, |id| id.to_string()), value)
                });
                *map = all.collect();
                any
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use kith_kernel::{Clock, Ids};

    use super::*;

    #[test]
    fn ids_become_others_in_the_same_order() {
        let ids = Ids::new(Clock::system());
        let rewriting = Rewriting::new(ids.next(), (ids.next(), ids.next()));
        let old: Vec<Id> = (0..5_000).map(|_| ids.next()).collect();
        let new: Vec<Id> = old.iter().map(|id| rewriting.id(*id)).collect();
        assert!(new.is_sorted() && new.iter().collect::<HashSet<_>>().len() == old.len());
        assert!(old.iter().zip(&new).all(|(old, new)| old != new));
        let other = Rewriting::new(ids.next(), (ids.next(), ids.next()));
        assert_ne!(other.id(old[0]), new[0]);
    }

    #[test]
    fn ids_are_found_in_keys_and_lists_and_others_are_left() {
        let ids = Ids::new(Clock::system());
        let (old, new, field) = (ids.next(), ids.next(), ids.next());
        let mut rewriting = Rewriting::new(ids.next(), (old, new));
        rewriting.known.insert(field);
        let stranger = ids.next();
        let text = format!(r#"{{"{field}":["{field}","{stranger}",1.50],"of":"{old}"}}"#);
        let mapped = rewriting.id(field);
        let wanted = format!(r#"{{"{mapped}":["{mapped}","{stranger}",1.5],"of":"{new}"}}"#);
        assert_eq!(rewriting.json(&text), wanted);
        assert_eq!(rewriting.json(r#"{"a" : 1.50}"#), r#"{"a" : 1.50}"#);
        assert_eq!(rewriting.json("no json"), "no json");
    }
}
