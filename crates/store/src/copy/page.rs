//! Pages: some rows of any table, as whoever looks may see them.

use kith_kernel::Result;

use super::cells;
use crate::{Comparison, Condition, Read, Select, Value, catalog::TableShape};

impl Read {
    /// Some rows of a table in the order of its key, behind a key, as [`TableShape::cells`] names them; none at the end.
    /// Of a tenant's table they are the tenant's.
    pub async fn rows_of(
        &self,
        table: &TableShape,
        behind: Option<Vec<(&'static str, Value)>>,
    ) -> Result<Vec<Vec<Value>>> {
        let columns: Vec<&'static str> = table.columns.iter().map(|(name, _)| *name).collect();
        let select = Select::from(table.name).show(&columns).at_most(table.rows_at_once());
        let select = table.key.iter().fold(select, |select, key| select.by(key, false));
        let behind = behind.map(|keys| after(&keys));
        let select = behind.into_iter().fold(select, Select::only);
        let mut rows = Vec::new();
        self.each(&select, |row| {
            let kinds = table.columns.iter().map(|(_, kind)| *kind).enumerate();
            rows.push(kinds.map(|(at, kind)| cells::read(&row, at, kind)).collect::<Result<_>>()?);
            Ok(())
        })
        .await?;
        Ok(rows)
    }
}

/// `(a, b) > (1, 2)`, spelt so that both databases know it.
fn after(keys: &[(&'static str, Value)]) -> Condition {
    let Some(((column, value), rest)) = keys.split_first() else {
        return Condition::Any(Vec::new());
    };
    let greater = Condition::Compare(column, Comparison::Greater, value.clone());
    if rest.is_empty() {
        return greater;
    }
    let same = Condition::Compare(column, Comparison::Equal, value.clone());
    Condition::Any(vec![greater, Condition::All(vec![same, after(rest)])])
}
