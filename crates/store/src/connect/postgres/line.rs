//! A connection that is driven by who waits for it: what is asked together leaves in one packet, and no other task is woken.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use deadpool::managed::{Manager, Metrics, Object, RecycleError, RecycleResult};
use futures_util::FutureExt;
use kith_kernel::Id;
use tokio::runtime::Handle;
use tokio_postgres::{Client, Config, Error, Statement};

use super::connector;

/// Statements that a connection keeps prepared at most: strangers choose what lists ask for.
const MOST_STATEMENTS: usize = 1_000;

/// Fields are dropped in this order: the connection takes its leave when nobody can ask any more.
pub(super) struct Line {
    client: Client,
    statements: Mutex<Statements>,
    /// Somebody waits for an answer, or gave up waiting for it.
    waited_for: AtomicBool,
    /// The tenant that statements outside a transaction see.
    tenant: Mutex<Option<Id>>,
    driven: Mutex<Driven>,
}

/// Statements by the length of their text: a hash of it would take longer than to compare it.
#[derive(Default)]
struct Statements {
    of_length: HashMap<usize, Vec<(String, Statement)>>,
    count: usize,
}

impl Statements {
    fn known(&self, text: &str) -> Option<Statement> {
        let known = self.of_length.get(&text.len())?.iter().find(|(known, _)| known == text);
        known.map(|(_, statement)| statement.clone())
    }

    fn keep(&mut self, text: &str, statement: Statement) {
        if self.count >= MOST_STATEMENTS {
            *self = Self::default();
        }
        self.count += 1;
        self.of_length.entry(text.len()).or_default().push((text.to_owned(), statement));
    }
}

/// Reads and writes the socket; nothing when the connection has ended.
struct Driven(Option<Connection>);

type Connection = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl Driven {
    fn turn(&mut self, context: &mut Context<'_>) {
        let Some(connection) = &mut self.0 else { return };
        if let Poll::Ready(ended) = connection.poll_unpin(context) {
            if let Err(error) = ended {
                tracing::debug!(?error, "a connection to PostgreSQL ended");
            }
            self.0 = None;
        }
    }
}

impl Drop for Driven {
    /// Says goodbye, so far as the socket takes it at once.
    fn drop(&mut self) {
        self.turn(&mut Context::from_waker(Waker::noop()));
    }
}

impl Line {
    /// Waits for an answer. Whatever `asked` sends before it first waits leaves in one packet.
    pub(super) async fn drive<T>(&self, asked: impl Future<Output = T>) -> T {
        let mut asked = pin!(asked);
        let mut begun = false;
        self.waited_for.store(true, Ordering::Relaxed);
        let done = poll_fn(|context| {
            if !begun {
                begun = true;
                if let Poll::Ready(done) = asked.as_mut().poll(context) {
                    return Poll::Ready(done);
                }
            }
            self.turn(context);
            asked.as_mut().poll(context)
        })
        .await;
        self.waited_for.store(false, Ordering::Relaxed);
        done
    }

    /// Sends what nobody waits for. Its answer is read when the connection is used next, unless somebody gave up waiting
    /// before: what is half sent or half answered then is brought to its end on the side.
    pub(super) fn part(line: &Arc<Object<Lines>>, last: &'static str) {
        if !line.is_left() {
            drop(line.client.batch_execute(last).now_or_never());
            line.turn(&mut Context::from_waker(Waker::noop()));
        } else if let Ok(runtime) = Handle::try_current() {
            let line = Arc::clone(line);
            runtime.spawn(async move {
                if let Err(error) = line.drive(line.client.batch_execute(last)).await {
                    tracing::debug!(?error, "a transaction could not be taken back");
                }
            });
        }
    }

    /// Runs what is a transaction by itself, as one that sees the tenant alone. That is said in the same packet, unless the
    /// connection has been told so already.
    pub(super) async fn alone<T>(
        &self,
        tenant: Id,
        run: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if *self.stands_for() == Some(tenant) {
            return self.drive(run).await;
        }
        *self.stands_for() = None;
        let stand = format!("SET kith.tenant = '{tenant}'");
        let both = futures_util::future::join(self.client.batch_execute(&stand), run);
        let (stands, ran) = self.drive(both).await;
        stands?;
        *self.stands_for() = Some(tenant);
        ran
    }

    fn stands_for(&self) -> MutexGuard<'_, Option<Id>> {
        self.tenant.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody gave up waiting.
    pub(super) fn is_left(&self) -> bool {
        self.waited_for.load(Ordering::Relaxed)
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The statement of this text, which stays prepared.
    pub(super) async fn prepare(&self, text: &str) -> Result<Statement, Error> {
        if let Some(known) = self.statements().known(text) {
            return Ok(known);
        }
        let statement = self.drive(self.client.prepare(text)).await?;
        self.statements().keep(text, statement.clone());
        Ok(statement)
    }

    fn statements(&self) -> MutexGuard<'_, Statements> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, context: &mut Context<'_>) {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner).turn(context);
    }
}

/// Opens connections, and tells which of those that wait have ended meanwhile.
pub(super) struct Lines {
    pub(super) config: Config,
    /// What is said to each new connection.
    pub(super) walk_in: String,
}

impl Manager for Lines {
    type Type = Line;
    type Error = Error;

    async fn create(&self) -> Result<Line, Error> {
        // Apart: what opens a connection is large, and would be a part of every request's own.
        let (client, connection) = Box::pin(self.config.connect(connector())).await?;
        let line = Line {
            client,
            statements: Mutex::default(),
            waited_for: AtomicBool::new(false),
            tenant: Mutex::default(),
            driven: Mutex::new(Driven(Some(Box::pin(connection)))),
        };
        line.drive(line.client.batch_execute(&self.walk_in)).await?;
        Ok(line)
    }

    async fn recycle(&self, line: &mut Line, _: &Metrics) -> RecycleResult<Error> {
        line.turn(&mut Context::from_waker(Waker::noop()));
        if line.client.is_closed() {
            return Err(RecycleError::message("the connection has ended"));
        }
        Ok(())
    }
}
