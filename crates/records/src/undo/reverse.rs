//! One record taken back: what it was before the batch, unless somebody changed it since.

use kith_kernel::{Id, Result};
use kith_store::Write;

use super::{OnChanged, Undo};
use crate::{
    Manner,
    describe::{Object, Record, Routes, What},
    trace::Step,
};

/// Why a record stays as it is: a word for programs, a sentence for people.
type Skipped = Option<(&'static str, String)>;

/// The house takes back what only it may write, and what is given stands as it is.
const MANNER: Manner =
    Manner { expected: None, deferred: false, known_links: false, as_house: true, exact: true };

/// What a batch did to a record.
struct Net {
    was_there: bool,
    is_there: bool,
    /// The fields that it changed, as they were before it.
    before: Record,
}

impl Net {
    fn of(steps: &[&Step]) -> Self {
        let first = steps.first().map(|step| step.what);
        let last = steps.last().map(|step| step.what);
        let mut before = Record::new();
        for step in steps.iter().filter(|step| step.what == What::Updated) {
            for (key, value) in &step.before {
                before.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        before.remove("version");
        Self {
            was_there: !matches!(first, Some(What::Created | What::Restored)),
            is_there: last != Some(What::Deleted),
            before,
        }
    }
}

/// The first of the changes since that are in the way.
fn in_the_way<'a>(net: &Net, since: &[&'a Step], on_changed: OnChanged) -> Option<&'a Step> {
    let merges = on_changed == OnChanged::Merge && net.was_there && net.is_there;
    let touches = |step: &Step| step.before.keys().any(|key| net.before.contains_key(key));
    let harmless = |step: &Step| merges && step.what == What::Updated && !touches(step);
    since.iter().copied().find(|step| !harmless(step))
}

impl Undo<'_> {
    /// Makes a record what it was; says why, when it stays as it is.
    pub(super) async fn reverse(
        &self,
        db: &Write,
        object: &'static Object,
        (record, steps): (Id, &[Step]),
    ) -> Result<Skipped> {
        let of_batch = |step: &&Step| step.batch == Some(self.batch);
        let own: Vec<&Step> = steps.iter().filter(of_batch).collect();
        let last = own.last().map_or(0, |step| step.version);
        let is_since = |step: &&Step| step.version > last && !of_batch(step);
        let since: Vec<&Step> = steps.iter().filter(is_since).collect();
        let net = Net::of(&own);
        if let Some(step) = in_the_way(&net, &since, self.on_changed) {
            let why = format!("It was {} at {}, after the batch.", step.what.name(), step.at);
            return Ok(Some(("changed_since", why)));
        }
        if !net.was_there && net.is_there && object.routes == Routes::Kept {
            let why = format!("{} are not deleted: they end otherwise.", object.plural);
            return Ok(Some(("kept", why)));
        }
        let (records, ctx) = (self.records, &self.ctx);
        if net.was_there && !net.is_there {
            let manner = Manner { known_links: self.brings_all, ..MANNER };
            records.restore_alone(ctx, db, object, (record, manner)).await?;
        }
        if (net.was_there || net.is_there) && !net.before.is_empty() {
            let input = records.known(db, object, net.before).await?;
            records.update(ctx, db, object, (record, input, MANNER)).await?;
        }
        if !net.was_there && net.is_there {
            records.delete(ctx, db, object, (record, MANNER)).await?;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use kith_kernel::Time;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn step(what: What, version: i64, before: &[(&str, i64)]) -> Step {
        let before = before.iter().map(|(key, value)| ((*key).to_owned(), json!(value)));
        Step {
            event: Id::NIL,
            what,
            batch: None,
            at: Time::from_milliseconds(0),
            member: None,
            user: None,
            version,
            before: before.collect(),
            after: Record::new(),
        }
    }

    #[test]
    fn what_was_made_and_deleted_leaves_nothing_to_do() {
        let (made, gone) = (step(What::Created, 1, &[]), step(What::Deleted, 2, &[("a", 1)]));
        let net = Net::of(&[&made, &gone]);
        assert!(!net.was_there && !net.is_there && net.before.is_empty());
    }

    #[test]
    fn merging_goes_by_fields() {
        let own = step(What::Updated, 2, &[("a", 1)]);
        let net = Net::of(&[&own]);
        let (same, other) =
            (step(What::Updated, 3, &[("a", 2)]), step(What::Updated, 3, &[("b", 2)]));
        assert!(in_the_way(&net, &[&other], OnChanged::Skip).is_some());
        assert!(in_the_way(&net, &[&other], OnChanged::Merge).is_none());
        assert!(in_the_way(&net, &[&other, &same], OnChanged::Merge).is_some());
        let gone = step(What::Deleted, 3, &[]);
        assert!(in_the_way(&net, &[&gone], OnChanged::Merge).is_some());
    }

    proptest! {
        /// Applied to what the batch left, it gives what was before it.
        #[test]
        fn several_changes_are_taken_back_as_one(values in prop::collection::vec((0_usize..3, 0_i64..5), 1..20)) {
            let keys = ["a", "b", "c"];
            let (start, mut now) = ([0_i64; 3], [0_i64; 3]);
            let mut steps = Vec::new();
            for (version, (at, value)) in (2..).zip(values) {
                steps.push(step(What::Updated, version, &[(keys[at], now[at])]));
                now[at] = value;
            }
            let net = Net::of(&steps.iter().collect::<Vec<_>>());
            for (at, key) in keys.iter().enumerate() {
                if let Some(value) = net.before.get(*key) {
                    now[at] = value.as_i64().unwrap();
                }
            }
            prop_assert_eq!(now, start);
        }
    }
}
