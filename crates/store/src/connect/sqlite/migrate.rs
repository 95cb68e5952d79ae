//! Migrations and the schema dump on SQLite.

use std::fmt::Write;

use kith_kernel::{Result, unavailable};
use rusqlite::Connection;

use super::{Sqlite, wrong};
use crate::{
    Migration, Step, Table,
    migrate::{LEDGER, pending, platform_tables},
    schema::{Type, Types},
    search,
};

const fn column_type(kind: Type) -> &'static str {
    match kind {
        Type::Text | Type::Date | Type::Json => "TEXT",
        Type::Integer | Type::Bool | Type::Time => "INTEGER",
        Type::Number => "REAL",
        Type::Id | Type::Bytes => "BLOB",
    }
}

impl Sqlite {
    pub(crate) async fn migrate(&self, migrations: &[Migration]) -> Result<Vec<&'static str>> {
        let writer = self.group.alone().await?;
        let connection = &writer.connection;
        batch(connection, "BEGIN IMMEDIATE")?;
        let done = apply(connection, migrations, &self.path);
        batch(connection, if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        done
    }

    /// What was applied; nothing where the database is new.
    pub(crate) async fn applied(&self) -> Result<Vec<String>> {
        let writer = self.group.alone().await?;
        let known = writer.connection.table_exists(None, LEDGER).map_err(|error| wrong(&error))?;
        if known { applied(&writer.connection) } else { Ok(Vec::new()) }
    }

    pub(crate) async fn schema(&self) -> Result<String> {
        let writer = self.group.alone().await?;
        let mut text = String::new();
        let mut statement = writer
            .connection
            .prepare(
                "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' \
                 AND name NOT LIKE 'search_words_%' ORDER BY tbl_name, type DESC, name",
            )
            .map_err(|error| wrong(&error))?;
        let mut rows = statement.query([]).map_err(|error| wrong(&error))?;
        while let Some(row) = rows.next().map_err(|error| wrong(&error))? {
            let sql: String = row.get(0).map_err(|error| wrong(&error))?;
            // Writing into a String does not fail.
            writeln!(text, "{sql};").ok();
        }
        Ok(text)
    }
}

fn batch(connection: &Connection, sql: &str) -> Result<()> {
    connection.execute_batch(sql).map_err(|error| wrong(&error))
}

fn apply(
    connection: &Connection,
    migrations: &[Migration],
    path: &str,
) -> Result<Vec<&'static str>> {
    batch(
        connection,
        &format!("CREATE TABLE IF NOT EXISTS {LEDGER} (name TEXT PRIMARY KEY) STRICT"),
    )?;
    let applied = applied(connection)?;
    let pending = pending(migrations, &applied)?;
    if !applied.is_empty() && !pending.is_empty() {
        snapshot(path, &applied)?;
    }
    let platform = platform_tables(migrations);
    for migration in &pending {
        for step in &migration.steps {
            perform(connection, step, &platform)?;
        }
        let mut ledger = connection
            .prepare(&format!("INSERT INTO {LEDGER} (name) VALUES (?1)"))
            .map_err(|error| wrong(&error))?;
        ledger.execute([migration.name]).map_err(|error| wrong(&error))?;
    }
    Ok(pending.iter().map(|migration| migration.name).collect())
}

fn applied(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection
        .prepare(&format!("SELECT name FROM {LEDGER} ORDER BY name"))
        .map_err(|error| wrong(&error))?;
    let names = statement.query_map([], |row| row.get(0)).map_err(|error| wrong(&error))?;
    names.collect::<rusqlite::Result<_>>().map_err(|error| wrong(&error))
}

/// A copy of the database as it was, beside it, before a newer program changes it.
fn snapshot(path: &str, applied: &[String]) -> Result<()> {
    let last = applied.last().map_or("start", String::as_str);
    let copy = format!("{path}.before-{last}.bak");
    if std::path::Path::new(&copy).exists() {
        return Ok(());
    }
    let cannot = |error: rusqlite::Error| {
        unavailable(format!("The database cannot be copied to {copy} before it is migrated."))
            .caused_by(error)
    };
    let reader = Connection::open(path).map_err(cannot)?;
    reader.execute("VACUUM INTO ?1", [&copy]).map(drop).map_err(cannot)
}

fn perform(connection: &Connection, step: &Step, platform_tables: &[&'static str]) -> Result<()> {
    let types = Types { column: column_type, options: "STRICT", platform_tables };
    match step {
        Step::Create(table) => {
            for sql in table.create(&types) {
                batch(connection, &sql)?;
            }
            if table.append_only { guard(connection, table) } else { Ok(()) }
        }
        Step::AddColumn(table, column) => {
            batch(connection, &format!("ALTER TABLE {table} ADD COLUMN {}", column.define(&types)))
        }
        Step::AddIndex(table, columns) => batch(connection, &Step::index(table, columns)),
        Step::Search => batch(connection, search::sqlite::SCHEMA),
    }
}

/// Triggers that refuse to change or delete what is only ever added; one column may lose its value.
fn guard(connection: &Connection, table: &Table) -> Result<()> {
    let name = table.name;
    for verb in ["UPDATE", "DELETE"] {
        let trigger = format!("{name}_refuse_{}", verb.to_lowercase());
        let refusal = format!("SELECT RAISE(ABORT, '{name} is append-only')");
        let when = match (verb, table.erasable) {
            ("UPDATE", Some(column)) => format!(" WHEN {}", changes_more(table, column)),
            // A tenant that was never opened is cleared away with all that it has.
            ("DELETE", _) if table.tenanted => " WHEN NOT EXISTS (SELECT 1 FROM tenants \
                 WHERE id = OLD.tenant_id AND arriving_since IS NOT NULL)"
                .to_owned(),
            _ => String::new(),
        };
        batch(
            connection,
            &format!("CREATE TRIGGER {trigger} BEFORE {verb} ON {name}{when} BEGIN {refusal}; END"),
        )?;
    }
    Ok(())
}

/// Whether an update does anything else than take the value of a column away.
fn changes_more(table: &Table, erasable: &str) -> String {
    let columns = ["tenant_id"].into_iter().chain(table.columns.iter().map(|column| column.name));
    let others = columns.filter(|column| *column != erasable);
    let changed: Vec<String> =
        others.map(|column| format!("NEW.{column} IS NOT OLD.{column}")).collect();
    format!("NEW.{erasable} IS NOT NULL OR {}", changed.join(" OR "))
}
