//! Labels: names that records are sorted by, made on use.

use kith_kernel::conflict;
use kith_records::{
    Change, Desk, Field, FoundBy, Kind, Object, Pending, Routes, Rules, What, fields::plain, folded,
};
use kith_store::{Condition, Select};

const OWN: [Field; 3] = [
    folded!(Text, "name", "name").required().found_by(FoundBy::Title).aliases(&["label", "tag"]),
    folded!(Text, "color", "color").about("As a web page writes it: #1e88e5."),
    plain("description", "description", Kind::LongText),
];

/// A name that records are sorted by.
pub static LABEL: Object = Object {
    name: "label",
    plural: "labels",
    shares: None,
    alias: None,
    about: "A name that records are sorted by.",
    fields: &OWN,
    rules: &Labels,
    routes: Routes::All,
    matched_by: "name",
};

struct Labels;

impl Rules for Labels {
    /// Names are unique, whatever their case.
    fn derive<'a>(&'a self, desk: Desk<'a>, change: &'a mut Change) -> Pending<'a> {
        Box::pin(async move {
            let Some(name) = change
                .text("name")
                .filter(|_| change.changes("name") || change.what == What::Restored)
            else {
                return Ok(());
            };
            let same = Select::from("labels")
                .whose("name_folded", kith_kernel::text::fold(name).into_owned())
                .only(Condition::Null("deleted_at"))
                .only(Condition::Not(Box::new(kith_store::equals("id", change.id))));
            if desk.db.exists(same).await? {
                return Err(conflict("taken", "There is a label of this name already.")
                    .and("/name", "is taken"));
            }
            Ok(())
        })
    }
}
