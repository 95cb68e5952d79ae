//! Webhooks: what happened is told to whoever a line belongs to, signed, again and again until it is taken.

use std::{fmt::Write, sync::Arc, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::time::Instant;

use crate::state::{Kind, State, Telling};

const MOST_TRIES: u32 = 8;
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Tells what is due, for ever.
pub(crate) async fn tell(state: Arc<State>) {
    loop {
        let (due, next) = state.due(Instant::now());
        if due.is_empty() {
            let pause = next.unwrap_or_else(|| Instant::now() + LONGEST_PAUSE);
            tokio::select! {
                () = tokio::time::sleep_until(pause) => {}
                () = state.woken.notified() => {}
            }
        }
        for telling in due {
            once(&state, telling).await;
        }
    }
}

async fn once(state: &State, telling: Telling) {
    let Some(line) = state.line(telling.line).filter(|line| !line.webhook.is_empty()) else {
        return;
    };
    let body = telling.body.to_string();
    let request = state.client.post(&line.webhook).header("content-type", "application/json");
    let request = match line.kind {
        Kind::Telegram => request.header("x-telegram-bot-api-secret-token", &line.secret),
        Kind::WhatsApp | Kind::Messenger | Kind::Instagram => request
            .header("x-hub-signature-256", format!("sha256={}", signature(&line.secret, &body))),
    };
    let answer = request.body(body).send().await;
    let taken = matches!(&answer, Ok(answer) if answer.status().is_success());
    if taken || telling.tries >= MOST_TRIES {
        if !taken {
            tracing::warn!(line = line.id, "a webhook was not taken and is given up");
        }
        return;
    }
    let pause = Duration::from_millis(200 << telling.tries.min(6));
    state.tell_again(Telling { due: Instant::now() + pause, tries: telling.tries + 1, ..telling });
}

fn signature(secret: &str, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().iter().fold(String::new(), |mut text, byte| {
        // Writing into a String does not fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}
