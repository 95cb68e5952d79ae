//! Statements as a closed tree: what slices may ask for, written as SQL in one place.
//!
//! Names of tables and columns are `&'static str`, so no text of a caller can become SQL; values are always bound.
//! The tenant's condition is not part of the tree: it is added when a [`crate::Read`] runs the statement.

mod change;
mod condition;
mod select;

pub use change::{Delete, Insert, Set, Update, in_sizes};
pub use condition::{Comparison, Condition, Related, equals};
pub use select::{Each, Output, Select, padded};

pub(crate) use crate::sql::{Dialect, Sql};
pub(crate) use change::{Form, Rows};

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
    fn selects_within_and_keys_of_other_tables_name_the_tenant() {
        let inner = Select::from("b").show(&["a_id"]).by("a_id", true).at_most(2);
        let related = Related { table: "c", column: "a_id", here: "id", condition: equals("x", 1) };
        let select = Select::from("a")
            .show(&["id"])
            .only(Condition::Among("id", Box::new(inner)))
            .by_related(related, "y", true);
        let key = "(SELECT c.y FROM c WHERE c.tenant_id = $4 AND c.x = $5 AND c.a_id = a.id)";
        let (first, second) = (key, key.replace("$4", "$6").replace("$5", "$7"));
        assert_eq!(
            written(&select),
            format!(
                "SELECT id FROM a WHERE a.tenant_id = $1 AND a.id IN (SELECT a_id FROM b WHERE b.tenant_id = $2 \
                 ORDER BY a_id DESC LIMIT $3) ORDER BY {first} IS NULL, {second} DESC"
            )
        );
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

    #[test]
    fn rows_come_in_a_few_sizes() {
        let rows: Vec<_> = (0..173).map(|number| vec![Value::Integer(number)]).collect();
        let pieces: Vec<_> = in_sizes(rows.clone()).collect();
        let sizes: Vec<_> = pieces.iter().map(Vec::len).collect();
        assert_eq!(sizes, [50, 50, 50, 10, 10, 1, 1, 1]);
        assert_eq!(pieces.concat(), rows);
    }
}
