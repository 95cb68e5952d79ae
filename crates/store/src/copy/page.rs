//! Pages: some rows of any table, as whoever looks may see them.

use kith_kernel::Result;

use super::cells;
use crate::{Condition, Read, Row, Select, Value, catalog::TableShape, schema::Type};

impl Read {
    /// Some rows of a table in the order of its key, behind a key, as [`TableShape::cells`] names them; none at the end.
    /// Of a tenant's table they are the tenant's.
    pub async fn rows_of(
        &self,
        table: &TableShape,
        behind: Option<Vec<(&'static str, Value)>>,
    ) -> Result<Vec<Vec<Value>>> {
        let mut rows = Vec::new();
        self.each(&page(table, behind), |row| {
            rows.push(cells_of(table, &row)?);
            Ok(())
        })
        .await?;
        Ok(rows)
    }

    /// The same, but only of the rows that hold something which `wanted` says is wanted: text, JSON, or bytes as text.
    /// The others are looked at where they lie.
    pub async fn sieve(
        &self,
        table: &TableShape,
        behind: Option<Vec<(&'static str, Value)>>,
        wanted: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Sieved> {
        let mut sieved = Sieved { rows: Vec::new(), seen: 0, last: None };
        self.each(&page(table, behind), |row| {
            sieved.seen += 1;
            for (at, (_, kind)) in table.columns.iter().enumerate() {
                let holds = match kind {
                    Type::Text => row.text(at)?.is_some_and(wanted),
                    Type::Json => row.json(at)?.is_some_and(wanted),
                    Type::Bytes => {
                        row.bytes(at)?.is_some_and(|bytes| wanted(&String::from_utf8_lossy(bytes)))
                    }
                    Type::Integer
                    | Type::Number
                    | Type::Bool
                    | Type::Time
                    | Type::Date
                    | Type::Id => false,
                };
                if holds {
                    sieved.rows.push(cells_of(table, &row)?);
                    break;
                }
            }
            if sieved.seen.is_multiple_of(table.rows_at_once()) {
                sieved.last = Some(table.key_of(&cells_of(table, &row)?));
            }
            Ok(())
        })
        .await?;
        Ok(sieved)
    }
}

/// What a look at some rows of a table found.
#[derive(Debug)]
pub struct Sieved {
    /// The rows that are wanted.
    pub rows: Vec<Vec<Value>>,
    /// How many were looked at.
    pub seen: u64,
    /// Behind which key the rows stand that come next; nothing at the end.
    pub last: Option<Vec<(&'static str, Value)>>,
}

fn page(table: &TableShape, behind: Option<Vec<(&'static str, Value)>>) -> Select {
    let columns: Vec<&'static str> = table.columns.iter().map(|(name, _)| *name).collect();
    let select = Select::from(table.name).show(&columns).at_most(table.rows_at_once());
    let select = table.key.iter().fold(select, |select, key| select.by(key, false));
    // As one comparison of rows, which both databases find by the key; spelt out column by column, each page would begin
    // with the first row again.
    let behind = behind.map(|keys| Condition::Behind(keys, false));
    behind.into_iter().fold(select, Select::only)
}

fn cells_of(table: &TableShape, row: &Row<'_>) -> Result<Vec<Value>> {
    let kinds = table.columns.iter().map(|(_, kind)| *kind).enumerate();
    kinds.map(|(at, kind)| cells::read(row, at, kind)).collect()
}
