//! Bundles whose rows do not fit: the database refuses them, and the import is over at once.

use kith::wire;
use kith_store::{Catalog, TableShape, Value, read_rows, write_row};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::http::{bundle, forged, opened, send, slugs};
use crate::{
    backup::{furnish, installation},
    database::{Kind, on_both},
    world::World,
};

on_both!(rows_that_do_not_fit_end_an_import_at_once, whatever_is_missing_it_is_over_at_once);

type Frame = (u8, Vec<u8>);

/// A table that begins.
#[derive(Deserialize)]
struct Beginning {
    table: String,
    columns: Vec<(String, String)>,
}

/// The tables of a bundle that have rows, with the place of the first frame of these and their number.
fn tables(frames: &[Frame]) -> Vec<(Beginning, usize, usize)> {
    let begin = frames.iter().enumerate().filter(|(_, frame)| frame.0 == 2);
    begin
        .map(|(at, frame)| {
            let rows = frames[at + 1..].iter().take_while(|frame| frame.0 == 3).count();
            (serde_json::from_slice(&frame.1).unwrap(), at + 1, rows)
        })
        .filter(|(_, _, rows)| *rows > 0)
        .collect()
}

/// The bundle with other accounts.
fn changed(frames: &[Frame], change: impl FnOnce(&TableShape, &mut Vec<Vec<Value>>)) -> Vec<u8> {
    let tables = tables(frames);
    let (beginning, at, _) = tables.iter().find(|(one, _, _)| one.table == "accounts").unwrap();
    let catalog = Catalog::of(&wire::migrations());
    let table = catalog.table("accounts").unwrap().only(&beginning.columns).unwrap();
    let mut rows = read_rows(&mut &frames[*at].1[..], &table).unwrap();
    change(&table, &mut rows);
    let mut frames = frames.to_vec();
    frames[*at].1.clear();
    for row in &rows {
        write_row(row, &mut frames[*at].1);
    }
    forged(&frames)
}

/// The bundle without the rows of a table.
fn without(frames: &[Frame], name: &str) -> Vec<u8> {
    let (_, at, rows) = tables(frames).into_iter().find(|(one, _, _)| one.table == name).unwrap();
    let mut frames = frames.to_vec();
    frames.drain(at..at + rows);
    forged(&frames)
}

/// What came of a bundle, once the jobs that are due have run.
async fn tried(world: &World, what: &[u8]) -> Json {
    let (status, begun) = send(&world.operator, what, &[]).await;
    assert_eq!(status, 202, "{begun}");
    world.run_jobs().await;
    let path = format!("/api/database/import/{}", begun["id"].as_str().unwrap());
    world.operator.get(&path).await.json
}

async fn rows_that_do_not_fit_end_an_import_at_once(kind: Kind) {
    let world = World::new(kind).await;
    furnish(&world).await;
    let frames = opened(&bundle(&world.ana).await);
    let (tenants, before) =
        (world.house.identity.tenants().await.unwrap(), slugs(&world.operator).await);
    let lacking = changed(&frames, |table, rows| {
        rows[0][table.place("version").unwrap()] = Value::Null;
    });
    let twice = changed(&frames, |_, rows| rows.push(rows[0].clone()));
    let lack =
        "Rows of accounts do not fit: some lack what they must have, or have what they cannot.";
    for (what, why) in [
        (without(&frames, "anchors"), "do not fit: some belong to what is not there."),
        (lacking.clone(), lack),
        (twice, "Rows of accounts do not fit: some have the same key."),
    ] {
        let failed = tried(&world, &what).await;
        let told = [&failed["state"], &failed["code"], &failed["tenantId"]];
        assert_eq!(told, [&json!("failed"), &json!("damaged"), &json!(null)], "{failed}");
        let error = failed["error"].as_str().unwrap();
        assert!(error.starts_with("The bundle is not whole. Rows of "), "{error}");
        assert!(error.ends_with(why), "{error}");
    }
    assert_eq!(world.house.identity.tenants().await.unwrap(), tenants);
    assert_eq!(slugs(&world.operator).await, before);
    // The command says the same.
    let file = world.folder().join("lacking.kithtenant");
    std::fs::write(&file, &lacking).unwrap();
    let here = installation(world.folder(), world.options());
    let told = here.told(&["tenant", "import", file.to_str().unwrap()], &[]);
    assert!(told.contains(&format!("The bundle is not whole. {lack}")), "{told}");
    assert_eq!(world.house.identity.tenants().await.unwrap(), tenants);
}

async fn whatever_is_missing_it_is_over_at_once(kind: Kind) {
    let world = World::new(kind).await;
    furnish(&world).await;
    let frames = opened(&bundle(&world.ana).await);
    for (one, _, _) in tables(&frames) {
        let came = tried(&world, &without(&frames, &one.table)).await;
        let is_told = came["state"] == "failed" && came["code"] == "damaged";
        assert!(came["state"] == "completed" || is_told, "{}: {came}", one.table);
    }
}
