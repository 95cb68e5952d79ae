//! A connection that is driven by who waits for it: what is asked together leaves in one packet, and no other task is woken.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

use deadpool::managed::{Manager, Metrics, Object, RecycleError, RecycleResult};
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio_postgres::{Client, Config, Error, Statement};

use super::connector;

/// Statements that a connection keeps prepared at most: strangers choose what lists ask for.
const MOST_STATEMENTS: usize = 1_000;

/// Fields are dropped in this order: the connection takes its leave when nobody can ask any more.
pub(super) struct Line {
    client: Client,
    statements: Mutex<HashMap<String, Statement>>,
    /// Somebody waits for an answer, or gave up waiting for it.
    waited_for: AtomicBool,
    driven: Mutex<Driven>,
}

/// Reads and writes the socket; nothing when the connection has ended.
struct Driven(Option<Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>>);

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
        if !line.waited_for.load(Ordering::Relaxed) {
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

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The statement of this text, which stays prepared.
    pub(super) async fn prepare(&self, text: &str) -> Result<Statement, Error> {
        if let Some(known) = self.known(text) {
            return Ok(known);
        }
        let statement = self.drive(self.client.prepare(text)).await?;
        let mut statements = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        if statements.len() >= MOST_STATEMENTS {
            statements.clear();
        }
        statements.insert(text.to_owned(), statement.clone());
        Ok(statement)
    }

    fn known(&self, text: &str) -> Option<Statement> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(text).cloned()
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
        let (client, connection) = self.config.connect(connector()).await?;
        let line = Line {
            client,
            statements: Mutex::default(),
            waited_for: AtomicBool::new(false),
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
