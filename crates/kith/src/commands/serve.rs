//! `kith serve`: migrates, opens the house, listens, and drains before it ends.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use kith_kernel::{Result, unavailable};
use kith_platform::Settings;
use serde::Deserialize;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{demo, simulate::Standing, wire::House};

#[derive(Deserialize)]
struct Listen {
    host: String,
    port: u16,
    shutdown_seconds: u64,
}

pub(super) async fn run(
    settings: Settings,
    (with_demo, with_far_sides): (bool, bool),
) -> Result<ExitCode> {
    let settings = if with_demo { demo::generous(settings)? } else { settings };
    let standing = if with_far_sides { Some(Standing::take().await?) } else { None };
    let settings = match &standing {
        Some(standing) => standing.settings(settings)?,
        None => settings,
    };
    let listen: Listen = settings.section("server")?;
    if let Some(mistake) = settings.mistakes().first() {
        return Err(unavailable(format!("{mistake} (kith doctor names all mistakes)")));
    }
    let house = House::open(settings).await?;
    house.take_over().await?;
    let sign_in = if with_demo { Some(demo::furnish(&house).await?) } else { None };
    let setup_token = house.identity.setup_token().await?;
    let listener = listener(&listen).await?;
    let address =
        listener.local_addr().map_err(|error| unavailable("No address.").caused_by(error))?;
    house.start()?;
    // Whoever reads the greeting may end the server at once.
    let stop = house.app.tasks.token();
    house.app.tasks.start("signals", end_on(signals(), stop.clone()));
    greet(address, sign_in.as_ref(), setup_token.as_deref());
    if let Some(standing) = standing {
        say!(
            "Be the customer on WhatsApp, Messenger, Instagram and Telegram at {}",
            standing.page()
        );
        standing.serve(&house, address).await?;
    }
    let patience = Duration::from_secs(listen.shutdown_seconds);
    let router = house.router()?;
    let served = kith_http::serve(listener, router, stop, patience).await;
    served.map_err(|error| unavailable("The server ended.").caused_by(error))?;
    tracing::info!("draining background work");
    if !house.app.tasks.stop(patience).await {
        tracing::warn!("some background work did not end in time; it goes on at the next start");
    }
    house.tell_rest().await;
    Ok(ExitCode::SUCCESS)
}

async fn listener(listen: &Listen) -> Result<TcpListener> {
    let bound = TcpListener::bind((listen.host.as_str(), listen.port)).await;
    bound.map_err(|error| {
        unavailable(format!(
            "Cannot listen on {}:{}: {error}. Choose another port with PORT=….",
            listen.host, listen.port
        ))
    })
}

fn greet(address: SocketAddr, demo: Option<&demo::SignIn>, setup_token: Option<&str>) {
    say!("Kith is at http://{address}   (documentation: http://{address}/docs)");
    if let Some(demo) = demo {
        say!("Demo tenant: sign in with {} and the password {}", demo.email, demo.password);
        if let Some(chat) = demo.chat {
            say!("Be a visitor of its web chat at http://{address}/demo/chat?channel={chat}");
        }
    }
    if let Some(token) = setup_token {
        say!("The first user to register with this setupToken runs the installation: {token}");
    }
}

/// What ends the server in order, watched from now on.
fn signals() -> Option<(Signal, Signal)> {
    let watched = signal(SignalKind::interrupt()).ok().zip(signal(SignalKind::terminate()).ok());
    if watched.is_none() {
        tracing::warn!("signals cannot be watched: the server ends without draining");
    }
    watched
}

async fn end_on(signals: Option<(Signal, Signal)>, stop: CancellationToken) {
    let Some((mut interrupt, mut terminate)) = signals else { return };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = stop.cancelled() => {}
    }
    stop.cancel();
}
