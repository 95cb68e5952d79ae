//! A fresh database for each test: a file, or a database of the cluster that `with-postgres` started.

use std::sync::atomic::{AtomicU32, Ordering};

use kith_store::{Db, Options};
use tokio_postgres::error::SqlState;

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A database that goes away with the test.
pub(crate) struct Database {
    pub(crate) options: Options,
    pub(crate) folder: tempfile::TempDir,
}

/// Makes each test twice, once for each database.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test($crate::database::Kind::Sqlite).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test($crate::database::Kind::Postgres).await;
            })+
        }
    };
}
pub(crate) use on_both;

impl Database {
    pub(crate) async fn fresh(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = match kind {
            Kind::Sqlite => {
                Options::new(format!("sqlite:{}", folder.path().join("kith.db").display()))
            }
            Kind::Postgres => postgres().await,
        };
        Self { options, folder }
    }

    pub(crate) fn open(&self) -> Db {
        Db::open(&self.options).unwrap()
    }

    /// Nobody renews the leases of the dead: this stands for the minute after which they have ended. A file of SQLite
    /// needs none: whoever serves it next is alone, and knows that they are dead.
    pub(crate) async fn end_leases(&self) {
        if self.options.sqlite_path().is_none() {
            self.as_owner("UPDATE wakeups SET due = 'epoch' WHERE lease_id IS NOT NULL").await;
        }
    }

    /// Runs statements on PostgreSQL, past every wall.
    pub(crate) async fn as_owner(&self, statements: &str) {
        let (client, connection) =
            tokio_postgres::connect(&self.options.url, tokio_postgres::NoTls).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "it ends with the client")]
        tokio::spawn(connection);
        client.batch_execute(statements).await.unwrap();
    }
}

/// A new database of the cluster, and roles of its own, since roles are shared by the whole cluster.
async fn postgres() -> Options {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    #[expect(clippy::disallowed_methods, reason = "a test has no settings")]
    let cluster = std::env::var("KITH_TEST_POSTGRES")
        .expect("PostgreSQL is not running for the tests: use `make test`");
    let (client, connection) =
        tokio_postgres::connect(&cluster, tokio_postgres::NoTls).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "it ends with the client")]
    tokio::spawn(connection);
    let name = loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kith_{}_{count}", std::process::id());
        match client.batch_execute(&format!("CREATE DATABASE {name}")).await {
            Ok(()) => break name,
            // An earlier process of the same run had the number of this one.
            Err(error) if error.code() == Some(&SqlState::DUPLICATE_DATABASE) => {}
            Err(error) => panic!("{error:?}"),
        }
    };
    let (server, _) = cluster.rsplit_once('/').unwrap();
    Options::new(format!("{server}/{name}"))
}
