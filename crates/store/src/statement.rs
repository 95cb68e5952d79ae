//! Statements as a closed tree: what slices may ask for, written as SQL in one place.
//!
//! Names of tables and columns are `&'static str`, so no text of a caller can become SQL; values are always bound.
//! The tenant's condition is not part of the tree: it is added when a [`crate::Read`] runs the statement.

mod change;
mod condition;
mod select;

pub use change::{Delete, Insert, Set, Update};
pub use condition::{Comparison, Condition, Related, equals};
pub use select::{Output, Select};

pub(crate) use crate::sql::{Dialect, Sql};

#[cfg(test)]
mod tests {
    use kith_kernel::Id;

    use super::*;
    use crate::Value;

    fn written(select: &Select) -> String {
        select.sql(Dialect::Postgres, Some(Id::NIL)).text
    }

    #[test]
    fn every_statement_of_a_tenant_names_the_tenant_first() {
        let related = Related {
            table: "links",
            column: "record_id",
            here: "id",
            condition: equals("kind", "label"),
        };
        let select = Select::from("deals")
            .show(&["id"])
            .only(Condition::Exists(Box::new(related)))
            .by("id", true)
            .at_most(3);
        assert_eq!(
            written(&select),
            "SELECT id FROM deals WHERE deals.tenant_id = $1 AND EXISTS (SELECT 1 FROM links WHERE \
             links.tenant_id = $2 AND links.kind = $3 AND links.record_id = deals.id) ORDER BY id DESC LIMIT $4"
        );
    }

    #[test]
    fn what_does_not_compare_does_not_hold_and_its_opposite_does() {
        let select = Select::from("deals")
            .show(&["id"])
            .only(Condition::Not(Box::new(equals("stage", "won"))));
        assert!(written(&select).ends_with("AND (deals.stage = $2) IS NOT TRUE"));
    }

    #[test]
    fn patterns_are_bound_and_escaped() {
        let select = Select::from("deals")
            .show(&["id"])
            .only(Condition::Contains("name", "50%_\\".to_owned()));
        let sql = select.sql(Dialect::Sqlite, None);
        assert_eq!(sql.text, "SELECT id FROM deals WHERE deals.name LIKE ?1 ESCAPE '\\'");
        assert_eq!(sql.values, [Value::Text("%50\\%\\_\\\\%".to_owned())]);
    }
}
