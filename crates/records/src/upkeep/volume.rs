//! How much a tenant holds: rows of each table, and about how many bytes these are.

use kith_http::{Answer, Call};
use kith_kernel::Result;
use kith_store::{Output, Read, Select, TableShape, write_row};
use serde_json::{Value as Json, json};

use super::Upkeep;

/// Where files stand, whose sizes are known.
const FILES: &str = "files";
const PIECES: &str = "file_pieces";

impl Upkeep {
    pub(super) async fn volume(&self, call: &Call) -> Result<Answer> {
        call.query()?.only(&["tenant_id", "tenantId"])?;
        let mut tables = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        let of_tenants = self.catalog.tables().iter().filter(|table| table.is_of_tenants());
        for table in of_tenants.filter(|table| table.name() != PIECES) {
            // Each table in a look of its own: none of them keeps the others from being written to.
            let (count, size) = call.ctx.read(async |db| measured(db, table).await).await?;
            rows += count;
            bytes += size;
            if count > 0 {
                tables.push(json!({ "table": table.name(), "rows": count, "bytes": size }));
            }
        }
        let largest = |table: &Json| std::cmp::Reverse(table["bytes"].as_u64());
        tables.sort_by_key(largest);
        Answer::json(&json!({ "rows": rows, "bytes": bytes, "tables": tables }))
    }
}

/// Rows, and bytes as those at the beginning of the table have them on average.
async fn measured(db: &Read, table: &TableShape) -> Result<(u64, u64)> {
    let count = u64::try_from(db.count(Select::from(table.name())).await?).unwrap_or_default();
    if count == 0 {
        return Ok((0, 0));
    }
    if table.name() == FILES {
        let mut sum = 0;
        db.each(&Select::from(FILES).output(Output::Sum("size")), |row| {
            sum = row.integer(0)?.unwrap_or_default();
            Ok(())
        })
        .await?;
        return Ok((count, u64::try_from(sum).unwrap_or_default()));
    }
    let sample = db.rows_of(table, None).await?;
    let mut written = Vec::new();
    for row in &sample {
        write_row(row, &mut written);
    }
    let each = written.len() as u64 / (sample.len() as u64).max(1);
    Ok((count, count * each))
}
