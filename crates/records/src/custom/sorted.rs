//! Lists by custom fields: conditions over the side table, and the plain range of its index that a page can be read from.

use kith_kernel::{Condition as Wanted, Op, Rule};
use kith_store::{Condition, Related, Select, equals};

use super::{CustomField, CustomKind};

/// The row of a field's value that belongs to a record.
pub(crate) fn related(field: &CustomField, condition: Option<Condition>) -> Related {
    let own = equals("field_id", field.id);
    Related {
        table: "custom_values",
        column: "record_id",
        here: "id",
        condition: match condition {
            Some(condition) => Condition::All(vec![own, condition]),
            None => own,
        },
    }
}

/// Of what must hold of a record, what can be asked of its values before the record is looked up, and the rest.
pub(crate) fn of_values(condition: Condition) -> (Vec<Condition>, Vec<Condition>) {
    match condition {
        Condition::All(all) => {
            let (mut of_values, mut rest) = (Vec::new(), Vec::new());
            for one in all {
                let (values, other) = self::of_values(one);
                of_values.extend(values);
                rest.extend(other);
            }
            (of_values, rest)
        }
        Condition::Exists(related) if related.table == "custom_values" && related.here == "id" => {
            let related = Related { here: "record_id", ..*related };
            (vec![Condition::Exists(Box::new(related))], Vec::new())
        }
        other => (Vec::new(), vec![other]),
    }
}

/// The record has a value of the field, for which this holds.
pub(crate) fn of_field(field: &CustomField, condition: Option<Condition>) -> Condition {
    Condition::Exists(Box::new(related(field, condition)))
}

/// The values of a field in their order: ids of records, as a range of the index.
pub(crate) fn sorted(field: &CustomField, descending: bool) -> Select {
    let select = Select::from("custom_values").show(&["record_id"]).whose("field_id", field.id);
    select.by(field.kind.column(), descending).by("record_id", descending)
}

/// The part of a rule that an index of the side table answers in the order of ids, and the rest of the rule.
pub(crate) fn driven_by<'a>(
    rule: &'a Rule,
    custom: &'a [CustomField],
    is_built_in: impl Fn(&str) -> bool,
) -> Option<(&'a CustomField, &'a Wanted, Rule)> {
    let Rule::All(rules) = rule else { return None };
    let (at, field, wanted) = rules.iter().enumerate().find_map(|(at, rule)| {
        let Rule::Field(wanted) = rule else { return None };
        let equal = wanted.op == Op::Eq && !wanted.value.is_null() && !is_built_in(&wanted.field);
        let name = wanted.field.strip_prefix("custom.").unwrap_or(&wanted.field);
        let field = custom.iter().find(|field| equal && field.name == name)?;
        let indexed = !matches!(field.kind, CustomKind::Bool | CustomKind::MultiChoice);
        indexed.then_some((at, field, wanted))
    })?;
    let rest = rules.iter().enumerate().filter(|(other, _)| *other != at);
    Some((field, wanted, Rule::All(rest.map(|(_, rule)| rule.clone()).collect())))
}
