//! Words that pass between the nodes of one installation, over Redis where it has one. Nothing is kept: who does not
//! listen just then misses them.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::StreamExt;
use kith_kernel::{Clock, Error, Ids, Result, invalid, unavailable};
use redis::{
    AsyncConnectionConfig, Client, RedisError, RedisResult,
    aio::{MultiplexedConnection, PubSub},
};
use sha2::{Digest, Sha256};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, interval, sleep, timeout},
};

use crate::Settings;

/// Words that wait to be said; what is more is not said elsewhere.
const MOST_WAITING: usize = 4_096;
/// Words that go out at once.
const MOST_TOGETHER: usize = 256;
/// Redis that has not answered by then does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A last word is waited for so long.
const LAST_WORD: Duration = Duration::from_secs(1);
/// So often it is tried whether words still come through, and after the other they do not.
const PULSE: Duration = Duration::from_secs(20);
const LONGEST_SILENCE: Duration = Duration::from_mins(1);
/// Behind a broken connection; each pause is twice the one before.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What one node says to the others; without Redis nobody hears it.
#[derive(Clone)]
pub struct Broadcast(Option<Arc<Redis>>);

struct Redis {
    client: Client,
    /// Installations that share a Redis do not hear one another.
    channel: String,
    /// By which a node knows its own words.
    me: String,
    said: mpsc::Sender<Word>,
    waiting: Mutex<Option<mpsc::Receiver<Word>>>,
}

/// Something to be said, and who wants to know that it was.
struct Word {
    text: String,
    is_out: Option<oneshot::Sender<()>>,
}

impl Broadcast {
    /// Over the Redis of the settings.
    ///
    /// # Errors
    /// `Invalid` where its address is none.
    pub fn new(settings: &Settings) -> Result<Self> {
        let url = settings.text("store.redis_url");
        if url.is_empty() {
            return Ok(Self(None));
        }
        // The address may hold a password.
        let client =
            Client::open(url).map_err(|_| invalid("store.redis_url", "is no address of Redis"))?;
        let (said, waiting) = mpsc::channel(MOST_WAITING);
        let secret = settings.text("auth.session_secret");
        let digest = Sha256::digest(format!("nodes that talk over Redis\n{secret}"));
        let mark = URL_SAFE_NO_PAD.encode(digest);
        Ok(Self(Some(Arc::new(Redis {
            client,
            channel: format!("kith:{mark}"),
            me: Ids::new(Clock::system()).next().to_string(),
            said,
            waiting: Mutex::new(Some(waiting)),
        }))))
    }

    /// Whether there is a way to the other nodes.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Says something to the other nodes, soon; it is lost where too much waits already or Redis does not answer.
    pub fn say(&self, word: &str) {
        let Some(redis) = &self.0 else { return };
        if redis.said.try_send(redis.word(word)).is_err() {
            tracing::debug!("a word to the other nodes was dropped: too many wait");
        }
    }

    /// Says something to the other nodes and waits until it is out, where that takes no longer than a moment: the last
    /// word of a node that ends.
    pub async fn say_and_wait(&self, word: &str) {
        let Some(redis) = &self.0 else { return };
        let (is_out, out) = oneshot::channel();
        let word = Word { is_out: Some(is_out), ..redis.word(word) };
        if redis.said.try_send(word).is_err() || timeout(LAST_WORD, out).await.is_err() {
            tracing::debug!("the last word to the other nodes was lost");
        }
    }

    /// Talks with the other nodes, over one connection and then the next; never ends where there is Redis.
    pub async fn converse(&self, heard: &(dyn Fn(&str) + Send + Sync)) {
        let Some(redis) = &self.0 else { return };
        let taken = redis.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut waiting) = taken else { return };
        let mut pause = SHORTEST_PAUSE;
        loop {
            let began = Instant::now();
            let Err(error) = redis.talk(&mut waiting, heard).await;
            tracing::warn!(%error, "Redis does not answer; what passes by is not heard by other nodes");
            if began.elapsed() > LONGEST_PAUSE {
                pause = SHORTEST_PAUSE;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            // What waited meanwhile has passed.
            while waiting.try_recv().is_ok() {}
        }
    }

    /// Whether Redis answers; nothing where none is set up.
    ///
    /// # Errors
    /// `Unavailable` where it does not.
    pub async fn probe(&self) -> Result<Option<()>> {
        let Some(redis) = &self.0 else { return Ok(None) };
        let asked = async {
            let mut line = redis.client.get_multiplexed_async_connection().await?;
            redis::cmd("PING").exec_async(&mut line).await
        };
        match timeout(PATIENCE, asked).await {
            Ok(Ok(())) => Ok(Some(())),
            Ok(Err(error)) => Err(silent(&error)),
            Err(_) => Err(unavailable("Redis does not answer in time. Check REDIS_URL.")),
        }
    }
}

fn silent(error: &RedisError) -> Error {
    // Its own words name the address, but no password.
    unavailable(format!("Redis does not answer ({error}). Check REDIS_URL."))
}

impl Redis {
    /// Talks until the connection breaks.
    async fn talk(
        &self,
        waiting: &mut mpsc::Receiver<Word>,
        heard: &(dyn Fn(&str) + Send + Sync),
    ) -> RedisResult<Infallible> {
        let (ears, mut mouth) = timeout(PATIENCE, self.connect()).await.map_err(|_| broken())??;
        let mut ears = ears.into_on_message();
        let mut pulse = interval(PULSE);
        let (mut words, mut last) = (Vec::new(), Instant::now());
        loop {
            tokio::select! {
                told = ears.next() => {
                    let told: String = told.ok_or_else(broken)?.get_payload()?;
                    last = Instant::now();
                    match told.split_once('\n') {
                        Some((who, word)) if who != self.me && !word.is_empty() => heard(word),
                        _ => {}
                    }
                }
                _ = waiting.recv_many(&mut words, MOST_TOGETHER) => self.publish(&mut mouth, &mut words).await?,
                _ = pulse.tick() => {
                    if last.elapsed() > LONGEST_SILENCE {
                        return Err(broken());
                    }
                    words.push(self.word(""));
                    self.publish(&mut mouth, &mut words).await?;
                }
            }
        }
    }

    async fn connect(&self) -> RedisResult<(PubSub, MultiplexedConnection)> {
        let mut ears = self.client.get_async_pubsub().await?;
        ears.subscribe(&self.channel).await?;
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let mouth = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok((ears, mouth))
    }

    fn word(&self, text: &str) -> Word {
        Word { text: format!("{}\n{text}", self.me), is_out: None }
    }

    async fn publish(
        &self,
        mouth: &mut MultiplexedConnection,
        words: &mut Vec<Word>,
    ) -> RedisResult<()> {
        let mut said = redis::pipe();
        for word in words.iter() {
            said.publish(&self.channel, &word.text).ignore();
        }
        said.exec_async(mouth).await?;
        for is_out in words.drain(..).filter_map(|word| word.is_out) {
            // Who wanted to know may have given up.
            is_out.send(()).ok();
        }
        Ok(())
    }
}

fn broken() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::ConnectionAborted).into()
}
