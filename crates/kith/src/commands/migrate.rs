//! `kith migrate`: the schema, brought up to date or printed.

use std::process::ExitCode;

use kith_kernel::Result;
use kith_platform::Settings;
use kith_store::Db;

use crate::wire;

pub(super) async fn run(settings: &Settings, schema: bool) -> Result<ExitCode> {
    let db = Db::open(&settings.store())?;
    let done = db.migrate(&wire::migrations()).await?;
    if schema {
        print!("{}", db.schema().await?);
        return Ok(ExitCode::SUCCESS);
    }
    for name in &done {
        say!("migrated {name}");
    }
    if done.is_empty() {
        say!("The schema is up to date.");
    }
    Ok(ExitCode::SUCCESS)
}
