//! An application on a fresh database, with a clock that stands still where a test wants it.

use std::{sync::Arc, time::Duration};

use kith_kernel::{Clock, Ids, Time};
use kith_platform::{App, Ctx, Settings, Tasks, jobs::Wake};
use kith_store::{Db, Select};

use crate::database::{Database, Kind};

/// An application and its database.
pub(crate) struct House {
    pub(crate) app: App,
    pub(crate) database: Database,
}

impl House {
    /// On the machine's clock.
    pub(crate) async fn fresh(kind: Kind) -> Self {
        Self::with(kind, Clock::system(), &[]).await
    }

    /// On a clock that stands still until it is moved.
    pub(crate) async fn fixed(kind: Kind) -> Self {
        Self::with(kind, Clock::fixed(Time::parse("2026-11-21T12:00:00Z").unwrap()), &[]).await
    }

    pub(crate) async fn with(kind: Kind, clock: Clock, settings: &[(&str, &str)]) -> Self {
        let database = Database::fresh(kind).await;
        let db = database.open();
        db.migrate(&kith_platform::migrations()).await.unwrap();
        let settings = Settings::for_tests(settings).unwrap();
        Self { app: app(db, clock, settings), database }
    }

    /// The same installation in another process, where the database can have several.
    pub(crate) fn another_node(&self) -> App {
        // Who waits for the file of SQLite holds a thread, which in a process of its own is nobody else's.
        let embedded = self.app.db.kind() == "sqlite";
        let db = if embedded { self.app.db.clone() } else { self.database.open() };
        app(db, self.app.clock.clone(), (*self.app.settings).clone())
    }

    /// The house itself in a new tenant.
    pub(crate) fn tenant(&self) -> Ctx {
        self.app.as_system(self.app.ids.next())
    }

    /// How many jobs are not settled.
    pub(crate) async fn wakeups(&self) -> i64 {
        let select = Select::from("wakeups");
        self.app.db.read_everywhere("tests", async |db| db.count(select).await).await.unwrap()
    }

    /// How many jobs of a tenant are being worked on.
    pub(crate) async fn running(&self, ctx: &Ctx) -> i64 {
        let select = Select::from("jobs").whose("state", "running");
        ctx.read(async |db| db.count(select).await).await.unwrap()
    }

    pub(crate) async fn stop(&self) {
        assert!(self.app.tasks.stop(Duration::from_secs(10)).await, "something does not stop");
    }
}

fn app(db: Db, clock: Clock, settings: Settings) -> App {
    App {
        db,
        ids: Ids::new(clock.clone()),
        clock,
        settings: Arc::new(settings),
        tasks: Tasks::default(),
        wake: Wake::default(),
    }
}

/// Waits for a condition, for ten seconds at most.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let end = tokio::time::Instant::now() + Duration::from_secs(10);
    while !holds().await {
        assert!(tokio::time::Instant::now() < end, "this did not come true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
