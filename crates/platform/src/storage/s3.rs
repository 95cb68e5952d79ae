//! What answers as S3 does as the place of bytes: Amazon's, MinIO, Ceph, Garage, R2.
//!
//! Addresses are signed and the bytes go through this server, so that whoever may read a file is decided by it alone, and
//! the place may be one that nobody else reaches.

mod parts;

use std::{io::SeekFrom, path::PathBuf, time::Duration};

use futures_util::stream;
use kith_kernel::{Error, Kind, Result, internal, unavailable};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use serde::Deserialize;
use tokio::{
    fs::{self, OpenOptions},
    io::AsyncSeekExt,
};

use super::place::{Draft, Pending, Pieces, Place};
use crate::outgoing::{Answer, Method, Outgoing, Request, header};

/// A signed address is used at once.
const SIGNED_FOR: Duration = Duration::from_mins(15);
/// Whoever reads slowly has this long.
const READ_WITHIN: Duration = Duration::from_hours(1);
const WRITE_WITHIN: Duration = Duration::from_mins(10);
const REMOVE_WITHIN: Duration = Duration::from_secs(30);
/// What a refusal may say.
const LARGEST_REFUSAL: u64 = 64 * 1024;
/// A place that is busy for a moment is asked again.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// Where it is, and who we are there.
#[derive(Deserialize)]
pub struct S3Options {
    /// `https://s3.eu-central-1.amazonaws.com`; empty: there is none.
    pub s3_endpoint: String,
    /// Its region.
    pub s3_region: String,
    /// The bucket.
    pub s3_bucket: String,
    /// The name of our key.
    pub s3_access_key_id: String,
    /// Our key.
    pub s3_secret_access_key: String,
    /// Certificates that are trusted besides; empty: none.
    pub s3_ca_file: String,
    /// Larger files go in parts of so many bytes.
    pub s3_part_bytes: u64,
}

impl S3Options {
    /// The file of certificates that are trusted besides.
    pub fn authority(&self) -> Option<PathBuf> {
        (!self.s3_ca_file.is_empty()).then(|| PathBuf::from(&self.s3_ca_file))
    }
}

/// A bucket.
pub struct S3 {
    bucket: Bucket,
    credentials: Credentials,
    outgoing: Outgoing,
    /// Where files wait until they are whole.
    room: PathBuf,
    /// Larger files go in parts of so many bytes.
    part: u64,
}

impl S3 {
    /// A bucket, reached by `outgoing`; files wait in `room` until they are whole.
    ///
    /// # Errors
    /// `Unavailable`, naming the setting that lacks.
    pub fn new(options: S3Options, outgoing: Outgoing, room: PathBuf) -> Result<Self> {
        for (name, value) in [
            ("S3_BUCKET", &options.s3_bucket),
            ("S3_ACCESS_KEY_ID", &options.s3_access_key_id),
            ("S3_SECRET_ACCESS_KEY", &options.s3_secret_access_key),
        ] {
            if value.is_empty() {
                return Err(unavailable(format!("S3_ENDPOINT is set, and {name} is not.")));
            }
        }
        let wrong = || unavailable("S3_ENDPOINT is no address: https://s3.example.com.");
        let endpoint = options.s3_endpoint.parse().map_err(|_| wrong())?;
        let (name, region) = (options.s3_bucket, options.s3_region);
        let bucket = Bucket::new(endpoint, UrlStyle::Path, name, region)
            .map_err(|error| wrong().caused_by(error))?;
        let part = options.s3_part_bytes;
        let credentials = Credentials::new(options.s3_access_key_id, options.s3_secret_access_key);
        Ok(Self { bucket, credentials, outgoing, room, part })
    }

    async fn begin(&self, key: &str) -> Result<Draft> {
        let stuck = |error| unavailable("There is no room for the file.").caused_by(error);
        fs::create_dir_all(&self.room).await.map_err(stuck)?;
        let name = key.rsplit('/').next().unwrap_or(key);
        let path = self.room.join(format!("{name}.draft"));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(&path).await.map_err(stuck)?;
        // Without a name nothing of it is left, however the process ends.
        fs::remove_file(&path).await.map_err(stuck)?;
        Ok(Draft { file, path: None })
    }

    async fn send(&self, key: &str, mut draft: Draft) -> Result<()> {
        let stuck = |error| internal("a draft cannot be read").caused_by(error);
        let length = draft.file.metadata().await.map_err(stuck)?.len();
        if length > self.part {
            return self.send_in_parts(key, (&mut draft.file, length)).await;
        }
        let mut tries = 0;
        loop {
            draft.file.seek(SeekFrom::Start(0)).await.map_err(stuck)?;
            let file = draft.file.try_clone().await.map_err(stuck)?;
            let url = self.bucket.put_object(Some(&self.credentials), key).sign(SIGNED_FOR);
            let request = asked(Method::PUT, url.as_str(), WRITE_WITHIN);
            let done = self.outgoing.send_file(request, (file, length)).await;
            match done.and_then(|answer| settled(&answer, &[200, 201, 204])) {
                Err(error) if is_momentary(&error) && tries < TRIES => pause(&mut tries).await,
                done => return done.map(drop).map_err(untold),
            }
        }
    }

    async fn open(&self, key: &str, (from, length): (u64, u64)) -> Result<Option<Pieces>> {
        let mut tries = 0;
        loop {
            match self.ask(key, (from, length)).await {
                Err(error) if is_momentary(&error) && tries < TRIES => pause(&mut tries).await,
                done => return done.map_err(untold),
            }
        }
    }

    async fn ask(&self, key: &str, (from, length): (u64, u64)) -> Result<Option<Pieces>> {
        let url = self.bucket.get_object(Some(&self.credentials), key).sign(SIGNED_FOR);
        let most = length.saturating_add(LARGEST_REFUSAL);
        let mut request = asked(Method::GET, url.as_str(), READ_WITHIN).at_most(most);
        if length > 0 {
            let range = format!("bytes={from}-{}", from + length - 1);
            request = request.header(header::RANGE, &range)?;
        }
        let mut answer = self.outgoing.open(request).await?;
        let status = answer.status().as_u16();
        if status == 206 || (status == 200 && from == 0) {
            return Ok(Some(Box::pin(stream::try_unfold((answer, length), piece))));
        }
        let mut told = Vec::new();
        while let Some(piece) = answer.chunk().await? {
            told.extend_from_slice(&piece);
        }
        refused(status, &told).map(|()| None)
    }

    async fn take_away(&self, key: &str) -> Result<()> {
        let mut tries = 0;
        loop {
            let url = self.bucket.delete_object(Some(&self.credentials), key).sign(SIGNED_FOR);
            let request = asked(Method::DELETE, url.as_str(), REMOVE_WITHIN);
            let done = self.outgoing.send(request).await;
            match done.and_then(|answer| settled(&answer, &[200, 202, 204])) {
                Err(error) if is_momentary(&error) && tries < TRIES => pause(&mut tries).await,
                done => return done.map(drop).map_err(untold),
            }
        }
    }
}

/// The next piece of an answer of which so many bytes are still to come.
async fn piece(
    (mut answer, left): (crate::outgoing::Incoming, u64),
) -> Result<Option<(Vec<u8>, (crate::outgoing::Incoming, u64))>> {
    if left == 0 {
        return Ok(None);
    }
    let Some(piece) = answer.chunk().await? else {
        return Err(internal("a stored file is shorter than it was"));
    };
    let most = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
    Ok(Some((piece[..most].to_vec(), (answer, left - most as u64))))
}

impl Place for S3 {
    fn draft<'a>(&'a self, key: &'a str) -> Pending<'a, Draft> {
        Box::pin(self.begin(key))
    }

    fn put<'a>(&'a self, key: &'a str, draft: Draft) -> Pending<'a, ()> {
        Box::pin(self.send(key, draft))
    }

    fn get<'a>(&'a self, key: &'a str, range: (u64, u64)) -> Pending<'a, Option<Pieces>> {
        Box::pin(self.open(key, range))
    }

    fn remove<'a>(&'a self, key: &'a str) -> Pending<'a, ()> {
        Box::pin(self.take_away(key))
    }

    fn abandon<'a>(&'a self, key: &'a str) -> Pending<'a, ()> {
        Box::pin(self.end_uploads(key))
    }

    fn sweep(&self) -> Pending<'_, u64> {
        // Its drafts have no names.
        Box::pin(async { Ok(0) })
    }

    fn told(&self) -> String {
        let host = self.bucket.base_url().host_str().unwrap_or_default();
        format!("the bucket {} at {host}", self.bucket.name())
    }
}

/// The operator named it, and may mean one of a network of their own.
fn asked(method: Method, url: &str, within: Duration) -> Request {
    Request::new(method, url).of_operator().within(within).at_most(LARGEST_REFUSAL)
}

fn settled(answer: &Answer, well: &[u16]) -> Result<()> {
    let status = answer.status.as_u16();
    if well.contains(&status) { Ok(()) } else { refused(status, &answer.body) }
}

/// A refusal; that there is nothing under a key is none.
fn refused(status: u16, told: &[u8]) -> Result<()> {
    let told = String::from_utf8_lossy(told);
    if status == 404 && !told.contains("NoSuchBucket") {
        return Ok(());
    }
    let code = told.split("<Code>").nth(1).and_then(|rest| rest.split("</Code>").next());
    let code: String = code.unwrap_or_default().chars().take(60).collect();
    let why = format!("The storage of files answered {status} {code}.");
    let again = status >= 500 || status == 429;
    let named = if again { "storage_busy" } else { "storage_refused" };
    Err(Error::new(Kind::Unavailable, named, why))
}

/// Whether asking again may help.
fn is_momentary(error: &Error) -> bool {
    matches!(error.code(), "storage_busy" | "outgoing_failed")
}

async fn pause(tries: &mut u32) {
    tokio::time::sleep(PAUSE * 2_u32.pow(*tries)).await;
    *tries += 1;
}

/// Whoever waits for a file need not know where it is; the log tells the rest.
fn untold(error: Error) -> Error {
    let why = "The storage of files cannot be reached. Try again in a moment.";
    match error.kind() {
        Kind::Unavailable | Kind::Timeout | Kind::Invalid => {
            tracing::warn!(?error, "the storage of files");
            Error::new(Kind::Unavailable, "storage_unavailable", why).caused_by(error)
        }
        _ => error,
    }
}
