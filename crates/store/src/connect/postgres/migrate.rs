//! Migrations, roles, row-level security and the schema dump on PostgreSQL.

use std::fmt::Write;

use kith_kernel::{Result, unavailable};
use tokio_postgres::Client;

use super::{Postgres, config, connector, wrong};
use crate::{
    Migration, Step, Table,
    migrate::{LEDGER, pending, platform_tables},
    schema::{Type, Types},
    search,
};

/// Any number, so that two programs that migrate wait for one another.
const MIGRATION_LOCK: i64 = 0x6b69_7468;

const fn column_type(kind: Type) -> &'static str {
    match kind {
        // Ordered by bytes, as SQLite does it; prefixes are found by an index.
        Type::Text => "TEXT COLLATE \"C\"",
        Type::Integer => "BIGINT",
        Type::Number => "DOUBLE PRECISION",
        Type::Bool => "BOOLEAN",
        Type::Time => "TIMESTAMPTZ",
        Type::Date => "DATE",
        Type::Id => "UUID",
        Type::Json => "JSONB",
        Type::Bytes => "BYTEA",
    }
}

impl Postgres {
    /// A connection of its own that keeps the rights of whoever connects.
    pub(super) async fn owner(&self) -> Result<Client> {
        let config = config(&self.options)?;
        let (client, connection) = config.connect(connector()).await.map_err(|error| {
            unavailable("PostgreSQL does not answer: check DATABASE_URL and that the server runs.")
                .caused_by(error)
        })?;
        #[expect(clippy::disallowed_methods, reason = "it ends with the client that it carries")]
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to PostgreSQL ended");
            }
        });
        Ok(client)
    }

    pub(crate) async fn migrate(&self, migrations: &[Migration]) -> Result<Vec<&'static str>> {
        let client = self.owner().await?;
        let lock = format!("BEGIN; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
        client.batch_execute(&lock).await.map_err(wrong)?;
        let done = self.apply(&client, migrations).await;
        let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        client.batch_execute(end).await.map_err(wrong)?;
        done
    }

    async fn apply(&self, client: &Client, migrations: &[Migration]) -> Result<Vec<&'static str>> {
        let ledger =
            format!("CREATE TABLE IF NOT EXISTS {LEDGER} (name TEXT COLLATE \"C\" PRIMARY KEY)");
        client.batch_execute(&ledger).await.map_err(wrong)?;
        let applied = applied(client).await?;
        let pending = pending(migrations, &applied)?;
        if pending.is_empty() {
            return Ok(Vec::new());
        }
        let (app, platform) = &self.options.roles;
        client.batch_execute(&roles(app, platform)).await.map_err(wrong)?;
        let tables = platform_tables(migrations);
        for migration in &pending {
            for step in &migration.steps {
                client.batch_execute(&self.step(step, &tables)).await.map_err(wrong)?;
            }
            let note = format!("INSERT INTO {LEDGER} (name) VALUES ($1)");
            client.execute(&note, &[&migration.name]).await.map_err(wrong)?;
        }
        Ok(pending.iter().map(|migration| migration.name).collect())
    }

    fn step(&self, step: &Step, platform_tables: &[&'static str]) -> String {
        let types = Types { column: column_type, options: "", platform_tables };
        match step {
            Step::Create(table) => {
                let mut all = table.create(&types);
                all.push(self.walls(table));
                all.join(";\n")
            }
            Step::AddColumn(table, column) => {
                format!("ALTER TABLE {table} ADD COLUMN {}", column.define(&types))
            }
            Step::AddIndex(table, columns) => Step::index(table, columns),
            Step::Search => {
                let (app, _) = &self.options.roles;
                let verbs = "SELECT, INSERT, UPDATE, DELETE";
                format!(
                    "{}; GRANT {verbs} ON search_documents TO \"{app}\"",
                    search::postgres::SCHEMA
                )
            }
        }
    }

    /// Who may touch a table, and which of its rows.
    fn walls(&self, table: &Table) -> String {
        let (app, platform) = &self.options.roles;
        let name = table.name;
        let verbs = match (table.append_only, table.erasable) {
            (false, _) => "SELECT, INSERT, UPDATE, DELETE".to_owned(),
            (true, None) => "SELECT, INSERT".to_owned(),
            (true, Some(column)) => format!("SELECT, INSERT, UPDATE ({column})"),
        };
        if !table.tenanted {
            return format!("GRANT {verbs} ON {name} TO \"{app}\", \"{platform}\"");
        }
        // No setting, no rows: the comparison with NULL never holds.
        let mine = "tenant_id = NULLIF(current_setting('kith.tenant', true), '')::uuid";
        // Nothing but the loss of its value is a change that the column allows, and inserts are not asked for it.
        let erasure = table.erasable.map(|column| {
            format!(
                "CREATE POLICY erasure ON {name} AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK ({column} IS NULL);\n"
            )
        });
        format!(
            "ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;\n\
             ALTER TABLE {name} FORCE ROW LEVEL SECURITY;\n\
             CREATE POLICY tenant ON {name} USING ({mine}) WITH CHECK ({mine});\n\
             {}GRANT {verbs} ON {name} TO \"{app}\"",
            erasure.unwrap_or_default()
        )
    }

    /// What was applied; nothing where the database is new.
    pub(crate) async fn applied(&self) -> Result<Vec<String>> {
        let client = self.owner().await?;
        let known = client
            .query_one("SELECT to_regclass($1) IS NOT NULL", &[&LEDGER])
            .await
            .and_then(|row| row.try_get(0))
            .map_err(wrong)?;
        if known { applied(&client).await } else { Ok(Vec::new()) }
    }

    pub(crate) async fn schema(&self) -> Result<String> {
        let client = self.owner().await?;
        let rows = client.query(SCHEMA_QUERY, &[]).await.map_err(wrong)?;
        let mut text = String::new();
        for row in rows {
            // Writing into a String does not fail.
            writeln!(text, "{};", row.get::<_, String>(0)).ok();
        }
        Ok(text)
    }
}

async fn applied(client: &Client) -> Result<Vec<String>> {
    let rows = client
        .query(&format!("SELECT name FROM {LEDGER} ORDER BY name"), &[])
        .await
        .map_err(wrong)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Two roles without sign-in: one sees a tenant at a time, the other none. They are granted anew each time: since
/// PostgreSQL 16 whoever makes a role belongs to it without the right to become it.
fn roles(app: &str, platform: &str) -> String {
    let make = |role: &str| {
        format!(
            "DO $$ BEGIN CREATE ROLE \"{role}\" NOLOGIN NOBYPASSRLS; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;\n\
             DO $$ BEGIN EXECUTE format('GRANT %I TO %I', '{role}', current_user); EXCEPTION WHEN insufficient_privilege THEN NULL; END $$;\n\
             GRANT USAGE ON SCHEMA public TO \"{role}\";"
        )
    };
    format!("{}\n{}", make(app), make(platform))
}

/// Tables with their columns, constraints, indexes and policies, in the order of their names.
const SCHEMA_QUERY: &str = r#"
WITH tables AS (
  SELECT c.oid, c.relname, c.relforcerowsecurity FROM pg_class c
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
), lines AS (
  SELECT t.relname, 1 AS part, '' AS name, 'CREATE TABLE ' || t.relname || E' (\n  ' || (
    SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
      || CASE WHEN a.attcollation = 'pg_catalog."C"'::regcollation THEN ' COLLATE "C"' ELSE '' END
      || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
      || COALESCE(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), ''), E',\n  ' ORDER BY a.attnum)
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped)
    || COALESCE((SELECT string_agg(E',\n  ' || pg_get_constraintdef(k.oid), '' ORDER BY k.contype DESC, k.conname)
       FROM pg_constraint k WHERE k.conrelid = t.oid), '') || E'\n)' AS line FROM tables t
  UNION ALL
  SELECT t.relname, 2, i.indexname, i.indexdef FROM tables t JOIN pg_indexes i ON i.tablename = t.relname
    AND i.schemaname = 'public' WHERE i.indexname NOT LIKE '%\_pkey'
  UNION ALL
  SELECT t.relname, 3, '', 'ALTER TABLE ' || t.relname || ' FORCE ROW LEVEL SECURITY' FROM tables t WHERE t.relforcerowsecurity
  UNION ALL
  SELECT t.relname, 4, p.policyname, 'CREATE POLICY ' || p.policyname || ' ON ' || t.relname
      || CASE WHEN p.permissive = 'RESTRICTIVE' THEN ' AS RESTRICTIVE' ELSE '' END
      || CASE WHEN p.cmd <> 'ALL' THEN ' FOR ' || p.cmd ELSE '' END || ' USING (' || p.qual || ')'
      || CASE WHEN p.with_check <> p.qual THEN ' WITH CHECK (' || p.with_check || ')' ELSE '' END
    FROM tables t JOIN pg_policies p ON p.tablename = t.relname AND p.schemaname = 'public'
  UNION ALL
  SELECT t.relname, 5, g.grantee, 'GRANT ' || string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type) || ' ON ' || t.relname || ' TO ' || g.grantee
    FROM tables t JOIN information_schema.role_table_grants g ON g.table_name = t.relname AND g.table_schema = 'public'
    WHERE g.grantee LIKE 'kith\_%' GROUP BY t.relname, g.grantee
  UNION ALL
  SELECT t.relname, 6, g.grantee, 'GRANT ' || g.privilege_type || ' (' || g.column_name || ') ON ' || t.relname || ' TO ' || g.grantee
    FROM tables t JOIN information_schema.column_privileges g ON g.table_name = t.relname AND g.table_schema = 'public'
    WHERE g.grantee LIKE 'kith\_%' AND NOT EXISTS (SELECT 1 FROM information_schema.role_table_grants w
      WHERE w.table_schema = 'public' AND w.table_name = t.relname AND w.grantee = g.grantee AND w.privilege_type = g.privilege_type)
)
SELECT line::text FROM lines ORDER BY relname, part, name"#;
