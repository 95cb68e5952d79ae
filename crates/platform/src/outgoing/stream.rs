//! Questions with a body that is read from a file while it is sent.

use futures_util::stream;
use kith_kernel::Result;
use reqwest::{Body, header};
use tokio::{
    fs::File,
    io::{AsyncReadExt, Take},
    time::{Instant, timeout_at},
};

use super::{Answer, Incoming, Outgoing, Request, failed, late, parsed};

const PIECE: usize = 64 * 1024;

impl Outgoing {
    /// Asks with the next bytes of a file, so many, as the body. Redirects are answers as others are.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_file(&self, request: Request, (file, length): (File, u64)) -> Result<Answer> {
        let deadline = Instant::now() + request.time.unwrap_or(self.0.time);
        let bytes = request.bytes.unwrap_or(self.0.bytes);
        let url = parsed(&request.url)?;
        let body = stream::try_unfold(file.take(length), async |mut file: Take<File>| {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece).await?;
            piece.truncate(read);
            Ok::<_, std::io::Error>((read > 0).then_some((piece, file)))
        });
        let asked = self
            .client(&url, request.of_operator)?
            .request(request.method, url.clone())
            .headers(request.headers)
            .header(header::CONTENT_LENGTH, length)
            .body(Body::wrap_stream(body))
            .send();
        let answer = timeout_at(deadline, asked).await.map_err(|_| late())?;
        let answer = answer.map_err(|error| failed(&url, error))?;
        Incoming::new(answer, (deadline, bytes)).whole().await
    }
}
