//! Files of tenants: what goes in comes out, to nobody else, and nothing stays that nobody keeps.

use futures_util::TryStreamExt;
use kith_kernel::Id;
use kith_platform::{
    Ctx,
    files::{self, PIECE, Upload},
    jobs::{Registry, Worker},
};
use kith_store::Select;

use crate::{
    database::{Kind, on_both},
    house::{House, until},
};

on_both!(
    what_goes_in_comes_out,
    what_nobody_keeps_is_gone,
    a_file_goes_after_a_day,
    a_file_grows_in_the_write_of_what_it_tells,
);

/// Bytes that show when one is missing or stands elsewhere.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| u8::try_from((at * 31 + at / 251) % 256).unwrap()).collect()
}

async fn upload(ctx: &Ctx, bytes: &[u8], by: usize) -> Upload {
    let mut upload = Upload::begin(ctx).await.unwrap();
    for some in bytes.chunks(by) {
        upload.add(some).await.unwrap();
    }
    upload.end().await.unwrap();
    upload
}

async fn read(ctx: &Ctx, file: Id) -> Option<Vec<u8>> {
    let pieces = files::pieces(ctx, file).await.unwrap()?;
    let pieces: Vec<Vec<u8>> = pieces.try_collect().await.unwrap();
    assert!(pieces.iter().all(|some| some.len() <= 8 * PIECE));
    Some(pieces.concat())
}

async fn count(ctx: &Ctx, table: &'static str) -> i64 {
    ctx.read(async |db| db.count(Select::from(table)).await).await.unwrap()
}

async fn what_goes_in_comes_out(kind: Kind) {
    let house = House::fresh(kind).await;
    let (ctx, stranger) = (house.tenant(), house.tenant());
    let sizes = [0, 1, PIECE - 1, PIECE, PIECE + 1, 11 * PIECE + 7];
    for (size, by) in sizes.into_iter().zip([1, 1, 1_000, PIECE, 2 * PIECE, 70_000]) {
        let sent = bytes(size);
        let sending = upload(&ctx, &sent, by).await;
        let file = sending.file();
        sending.keep();
        assert!(read(&ctx, file).await == Some(sent), "{size} bytes by {by}");
        assert!(read(&stranger, file).await.is_none());
    }
    assert!(read(&ctx, ctx.new_id()).await.is_none());
}

async fn what_nobody_keeps_is_gone(kind: Kind) {
    let house = House::fresh(kind).await;
    let ctx = house.tenant();
    let kept = upload(&ctx, &bytes(PIECE * 2), PIECE).await;
    let cut_off = upload(&ctx, &bytes(PIECE * 20), PIECE).await;
    kept.keep();
    assert_eq!(count(&ctx, "file_pieces").await, 22);
    drop(cut_off);
    until("the other file is gone", async || count(&ctx, "files").await == 1).await;
    assert_eq!(count(&ctx, "file_pieces").await, 2);
}

async fn a_file_goes_after_a_day(kind: Kind) {
    let house = House::fixed(kind).await;
    let ctx = house.tenant();
    upload(&ctx, &bytes(PIECE * 10), PIECE).await.keep();
    let worker = Worker::new(house.app.clone(), files::register(Registry::new()));
    house.app.clock.advance_seconds(86_399);
    assert_eq!(worker.run_due().await.unwrap(), 0);
    house.app.clock.advance_seconds(1);
    assert_eq!(worker.run_due().await.unwrap(), 1);
    assert_eq!((count(&ctx, "files").await, count(&ctx, "file_pieces").await), (0, 0));
}

async fn a_file_grows_in_the_write_of_what_it_tells(kind: Kind) {
    let house = House::fresh(kind).await;
    let ctx = house.tenant();
    let file = ctx.new_id();
    ctx.write(async |db| files::make(&ctx, db, file).await).await.unwrap();
    let add = async |words: &str| {
        ctx.write(async |db| files::append(db, file, words.as_bytes()).await).await.unwrap();
    };
    add("one, ").await;
    let failed = ctx
        .write(async |db| {
            files::append(db, file, b"never, ").await?;
            Err::<(), _>(kith_kernel::invalid("name", "is wrong"))
        })
        .await;
    assert!(failed.is_err());
    add("two").await;
    assert_eq!(read(&ctx, file).await.unwrap(), b"one, two");
}
