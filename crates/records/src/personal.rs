//! Personal data: everything that is held about a person, as one bundle, and its erasure.
//!
//! Both walk every table of the tenant and ask of each row whether it is about the person, so that what one shows is
//! what the other reaches, in tables of tomorrow too.

mod bundle;
mod erase;
mod excerpts;
mod mask;
mod subject;
mod sweep;

use std::{path::PathBuf, sync::Arc};

use kith_http::{Idempotency, Operation, Routes, schema};
use kith_kernel::Role;
use kith_platform::storage::Storage;
use kith_store::{Catalog, Migration, Step, Table, bytes, text, time};

use crate::{Records, describe::Object, erased};

pub use erase::register as register_erasure;

/// Which records are of one person.
pub struct Person {
    /// The object whose records are people.
    pub object: &'static Object,
    /// Objects whose records become such a record, with the columns that say which.
    pub same: &'static [(&'static Object, &'static str)],
}

/// Forgets what is remembered outside tables and files, where somebody may be named.
pub type Forget = Arc<dyn Fn() + Send + Sync>;

/// What finds and erases all about a person.
pub struct Personal {
    pub(crate) records: Arc<Records>,
    pub(crate) person: &'static Person,
    /// Every table.
    pub(crate) catalog: Catalog,
    /// Where files of imports lie.
    pub(crate) folder: PathBuf,
    /// Where the bytes of attached files are.
    pub(crate) storage: Storage,
    /// What forgets what this process remembers outside tables and files.
    pub(crate) forget: Forget,
    /// The word index and the file are written anew behind an erasure, where the file has no more bytes.
    pub(crate) scrubbed_bytes: u64,
}

/// A database of this size is written anew within about a second.
const SCRUBBED_BYTES: u64 = 64 << 20;

impl Personal {
    /// Over these tables, this data folder and this storage; `forget` is called behind each erasure.
    pub fn new(
        records: &Arc<Records>,
        person: &'static Person,
        (catalog, folder, storage): (Catalog, PathBuf, Storage),
        forget: Forget,
    ) -> Arc<Self> {
        let records = Arc::clone(records);
        let scrubbed_bytes = SCRUBBED_BYTES;
        Arc::new(Self { records, person, catalog, folder, storage, forget, scrubbed_bytes })
    }
}

pub(crate) fn migration() -> Migration {
    let suppressions = Table::of_tenant_keyed(
        "suppressions",
        &["hash"],
        vec![bytes("hash").required(), text("kind").required(), time("created_at").required()],
    )
    .clustered();
    let steps = vec![Step::Create(erased::table()), Step::Create(suppressions)];
    Migration { name: "2026-11-23-personal-data", steps }
}

/// The routes of what is held about a person.
pub fn personal_routes(personal: &Arc<Personal>) -> Routes {
    let object = personal.person.object;
    let path = |name: &str, rest: &str| format!("/api/{name}/{{id}}/{rest}");
    let mut held = Operation::get(
        path(object.plural, "personal-data"),
        object.plural,
        "Everything that is held about a person",
    )
    .role(Role::Admin)
    .scope(object.plural, "read")
    .seconds(180)
    .answers(
        200,
        "One bundle, as a stream: under `held`, by table, every row that is about them.",
        schema::open_object(),
    );
    let mut erase = Operation::post(
        path(object.plural, "erase"),
        object.plural,
        "Erase everything that is held about a person, for good",
    )
    .role(Role::Admin)
    .scope(object.plural, "delete")
    .idempotency(Idempotency::Refused)
    .typed_body::<erase::Wish>(schema::object(
        vec![(
            "confirm",
            schema::described(schema::string(), "The name or the id of whom it is about."),
        )],
        &["confirm"],
    ))
    .answers(202, "The job; Location is where it can be followed.", schema::named("Batch"));
    if let Some(alias) = object.alias {
        held = held.alias(path(alias, "personal-data"));
        erase = erase.alias(path(alias, "erase"));
    }
    let (a, b) = (Arc::clone(personal), Arc::clone(personal));
    Routes::new()
        .add(held, move |call| bundle::show(Arc::clone(&a), call))
        .add(erase, move |call| erase::ask(Arc::clone(&b), call))
}
