//! Routes of bundles.

use kith_http::{Operation, Routes, schema};
use kith_kernel::{Result, Role, forbidden};
use kith_platform::Ctx;
use serde_json::{Value as Json, json};

use super::{Bundles, send, take};
use crate::arrivals;

const TAG: &str = "database";
/// Until the first byte: everything is counted before.
const SECONDS: u64 = 120;

/// A bundle may be this large, as files of imports.
const LARGEST: usize = 2 << 30;
/// It may take this long to arrive.
const SECONDS_TO_ARRIVE: u64 = 3_600;

impl Bundles {
    pub(super) fn may_import(&self, ctx: &Ctx) -> Result<()> {
        if ctx.actor.platform_admin || self.admins_import {
            return Ok(());
        }
        let why = "Here only whoever runs this installation imports tenants (BUNDLES_IMPORT_BY).";
        Err(forbidden(why).coded("platform_admin_needed"))
    }
}

#[expect(clippy::too_many_lines, reason = "a list of declarations")]
/// The routes by which a tenant leaves as a file, and comes of one.
pub(crate) fn routes(bundles: &Bundles) -> Routes {
    let bundles = bundles.clone();
    let export = Operation::get(
        "/api/database/export",
        TAG,
        "Everything that the tenant has, as one file that ends with its checksum",
    )
    .role(Role::Admin)
    .scope(TAG, "read")
    .seconds(SECONDS)
    .answers_text(
        200,
        "The bundle, as `kith tenant export` writes it, as a stream.",
        send::CONTENT_TYPE,
    );
    let form = json!({
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": { "type": "string", "format": "binary", "description": "What /api/database/export or `kith tenant export` gave." },
            "name": { "type": "string", "description": "What the new tenant is called; without it as the old one." },
        },
    });
    let import = "Make a new tenant of such a file, with ids of its own and you as its owner";
    let import = Operation::post("/api/database/import", TAG, import)
        .role(Role::Admin)
        .scope(TAG, "write")
        .upload(form, LARGEST, SECONDS_TO_ARRIVE)
        .answers(
            202,
            "The import; Location is where it can be followed.",
            schema::named("BundleImport"),
        );
    let state = "How far the import of a tenant is, and what came of it";
    let state = Operation::get("/api/database/import/{id}", TAG, state)
        .role(Role::Admin)
        .scope(TAG, "read")
        .answers(200, "The import.", schema::named("BundleImport"));
    let of_import = bundles.clone();
    Routes::new()
        .add(export, move |call| send::show(bundles.clone(), call))
        .add(import, move |call| take::ask(of_import.clone(), call))
        .add(state, take::show)
}

/// The named schemas of bundles.
pub(crate) fn schemas() -> Vec<(String, Json)> {
    arrivals::schemas()
}
