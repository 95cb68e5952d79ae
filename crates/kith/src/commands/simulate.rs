//! `kith simulate`: one far side, for a server that runs elsewhere.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use kith_kernel::{Result, unavailable};
use kith_simulator::{Kind, Line, Simulator};
use tokio::net::TcpListener;

/// Which far side.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Far {
    /// WhatsApp's Cloud API.
    Whatsapp,
    /// Messenger, for a page.
    Messenger,
    /// Instagram.
    Instagram,
    /// Telegram's Bot API.
    Telegram,
}

/// One far side: what it is called, and whom it tells.
#[derive(Debug, Args)]
pub struct Simulate {
    /// Which far side.
    #[arg(value_enum)]
    far: Far,
    /// The webhook that is told what happens: http://127.0.0.1:3001/api/webhooks/whatsapp
    #[arg(long)]
    webhook: String,
    /// The number's id, the page's, the account's; of a bot its name.
    #[arg(long)]
    id: String,
    /// The access token, or the token of the bot.
    #[arg(long)]
    token: String,
    /// The app's secret, or the secret token of the bot's webhook.
    #[arg(long)]
    secret: String,
    /// The port on which it is met; on 127.0.0.1 alone.
    #[arg(long, default_value_t = 3010)]
    port: u16,
}

pub(super) async fn run(simulate: Simulate) -> Result<ExitCode> {
    let kind = match simulate.far {
        Far::Whatsapp => Kind::WhatsApp,
        Far::Messenger => Kind::Messenger,
        Far::Instagram => Kind::Instagram,
        Far::Telegram => Kind::Telegram,
    };
    let line = Line {
        kind,
        name: simulate.id.clone(),
        id: simulate.id,
        token: simulate.token,
        secret: simulate.secret,
        webhook: simulate.webhook,
    };
    let failed = |error: std::io::Error| {
        unavailable(format!("The far side cannot be served: {error}. Choose another --port."))
    };
    let listener = TcpListener::bind(("127.0.0.1", simulate.port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    say!("Be the customer at {}", Simulator::page(address));
    say!(
        "Point the server here: META_GRAPH_BASE=http://{address} TELEGRAM_API_BASE=http://{address}"
    );
    let end = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(?error, "signals cannot be watched");
        }
    };
    Simulator::new(vec![line]).map_err(failed)?.serve(listener, end).await.map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}
