//! Nodes of one PostgreSQL tell one another by LISTEN and NOTIFY what to look at again.
//!
//! A NOTIFY takes a lock of the whole cluster until its transaction has committed, so that it never stands in the
//! transaction of a change: it follows on a connection of its own, and what many changes have to tell goes out once.

use std::{future::poll_fn, time::Duration};

use kith_kernel::{Clock, Error, Ids, Result, internal, unavailable};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};
use tokio_postgres::{AsyncMessage, Client, Config};

use super::{Postgres, config, connector, wrong};
use crate::news::{News, Untold, read, written};

/// What is told within this time goes out together.
const TOGETHER: Duration = Duration::from_millis(25);
/// PostgreSQL that has not answered by then does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Behind a broken connection; each pause is twice the one before.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

pub(super) struct Nodes {
    /// By which a node knows its own words.
    me: String,
    untold: Untold,
    added: Notify,
}

/// News on their way; what did not get through is untold again.
struct Telling<'a> {
    nodes: &'a Nodes,
    news: Vec<News>,
}

impl Nodes {
    pub(super) fn new() -> Self {
        let me = Ids::new(Clock::system()).next().to_string();
        Self { me, untold: Untold::default(), added: Notify::new() }
    }

    fn begin(&self) -> Telling<'_> {
        Telling { nodes: self, news: self.untold.take() }
    }
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        for news in &self.news {
            self.nodes.untold.add(*news);
        }
    }
}

impl Telling<'_> {
    async fn through(mut self, client: &Client) -> Result<()> {
        if self.news.is_empty() {
            return Ok(());
        }
        let words = written(&self.nodes.me, &self.news);
        let notify = format!("NOTIFY kith, '{words}'");
        in_time(client.batch_execute(&notify)).await?;
        self.news.clear();
        Ok(())
    }
}

async fn in_time<T>(
    asked: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
) -> Result<T> {
    match timeout(PATIENCE, asked).await {
        Ok(answered) => answered.map_err(wrong),
        Err(_) => Err(unavailable("PostgreSQL does not answer.")),
    }
}

impl Postgres {
    /// Remembers what to tell; those who talk do so soon.
    pub(crate) fn tell(&self, news: News) {
        self.nodes.untold.add(news);
        self.nodes.added.notify_one();
    }

    /// Tells at once what is untold.
    pub(crate) async fn tell_rest(&self) -> Result<()> {
        let telling = self.nodes.begin();
        if telling.news.is_empty() {
            return Ok(());
        }
        let line = self.platform.get().await.map_err(|error| {
            unavailable("PostgreSQL does not answer: other nodes learn of this later.")
                .caused_by(error)
        })?;
        line.drive(telling.through(line.client())).await
    }

    /// Talks with the other nodes, and measures tables that have grown; never ends.
    pub(crate) async fn converse(&self, heard: &(dyn Fn(News) + Send + Sync)) {
        futures_util::future::join(self.keep_talking(heard), self.learned.growth.attend()).await;
    }

    /// Over one connection and then the next.
    async fn keep_talking(&self, heard: &(dyn Fn(News) + Send + Sync)) {
        let mut pause = SHORTEST_PAUSE;
        loop {
            let began = Instant::now();
            if let Err(error) = self.talk(heard).await {
                tracing::warn!(
                    ?error,
                    "the connection to the other nodes broke; they are heard again soon"
                );
            }
            if began.elapsed() > LONGEST_PAUSE {
                pause = SHORTEST_PAUSE;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Talks until the connection breaks.
    async fn talk(&self, heard: &(dyn Fn(News) + Send + Sync)) -> Result<()> {
        let config = noticing(config(&self.options)?);
        let (client, mut connection) = in_time(config.connect(connector())).await?;
        let listening = async {
            loop {
                match poll_fn(|context| connection.poll_message(context)).await {
                    Some(Ok(AsyncMessage::Notification(told))) => {
                        read(told.payload(), &self.nodes.me).into_iter().for_each(heard);
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return wrong(error),
                    None => return closed(),
                }
            }
        };
        let speaking = async {
            let role = &self.options.roles.1;
            let walk_in =
                format!("SET ROLE \"{role}\"; SET application_name = 'kith nodes'; LISTEN kith");
            in_time(client.batch_execute(&walk_in)).await?;
            // Nobody knows what was told while nobody listened.
            News::ALL.into_iter().for_each(heard);
            loop {
                self.nodes.begin().through(&client).await?;
                sleep(TOGETHER).await;
                self.nodes.added.notified().await;
            }
        };
        tokio::select! {
            error = listening => Err(error),
            ended = speaking => ended,
        }
    }
}

fn closed() -> Error {
    internal("PostgreSQL closed the connection")
}

/// A far side that is gone without a word is noticed within a minute although nothing is said.
fn noticing(mut config: Config) -> Config {
    config
        .keepalives_idle(Duration::from_secs(30))
        .keepalives_interval(Duration::from_secs(10))
        .keepalives_retries(3);
    config
}
