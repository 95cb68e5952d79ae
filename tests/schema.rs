//! The schema of both databases: locked in `docs/`, and as the descriptions of the objects say.

use kith::wire;
use kith_store::{Db, Select};

use crate::{
    database::{Database, Kind, on_both},
    locked::locked,
    world::World,
};

on_both!(the_schema_is_the_one_that_was_read, every_field_has_its_columns);

async fn migrated(kind: Kind) -> (Database, Db) {
    let database = Database::fresh(kind).await;
    let db = database.open();
    db.migrate(&wire::migrations()).await.unwrap();
    (database, db)
}

async fn the_schema_is_the_one_that_was_read(kind: Kind) {
    let (_database, db) = migrated(kind).await;
    let schema = db.schema().await.unwrap();
    locked(&format!("docs/schema.{}.sql", db.kind()), &schema);
    assert!(db.migrate(&wire::migrations()).await.unwrap().is_empty(), "it is migrated once");
}

async fn every_field_has_its_columns(kind: Kind) {
    let world = World::new(kind).await;
    let ctx = world.app.as_system(world.app.ids.next());
    for object in kith::wire::objects() {
        let stored = object.fields.iter().filter(|field| field.kind != kith_records::Kind::Labels);
        let columns: Vec<&'static str> =
            stored.flat_map(|field| [field.column, field.compared()]).collect();
        let select = Select::from(object.plural).show(&columns);
        let shown = ctx.read(async |db| db.each(&select, |_| Ok(())).await).await;
        assert!(shown.is_ok(), "{}: {shown:?}", object.plural);
    }
}
