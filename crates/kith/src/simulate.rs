//! Far sides that run here, for a server that shall work without any other: they stand in for Meta and Telegram.

use std::net::SocketAddr;

use kith_inbox::channels::{ChannelKind, Line};
use kith_kernel::{Result, unavailable};
use kith_platform::Settings;
use kith_simulator::{Kind, Lines, Simulator};
use tokio::net::TcpListener;

use crate::wire::House;

/// Where far sides are met unless that is taken.
const PORT: u16 = 3010;

/// Far sides that have a place and are not served yet.
pub(crate) struct Standing {
    simulator: Simulator,
    listener: TcpListener,
    address: SocketAddr,
}

impl Standing {
    /// Takes a place for them, a free one where the usual one is taken.
    pub(crate) async fn take() -> Result<Self> {
        let failed = |error| unavailable("Far sides have no place to listen.").caused_by(error);
        let listener = match TcpListener::bind(("127.0.0.1", PORT)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?,
        };
        let address = listener.local_addr().map_err(failed)?;
        let simulator = Simulator::new(Vec::new()).map_err(failed)?;
        Ok(Self { simulator, listener, address })
    }

    /// Settings by which channels meet these far sides.
    pub(crate) fn settings(&self, settings: Settings) -> Result<Settings> {
        let base = format!("http://{}", self.address);
        settings.with("channels.meta_graph_base", &base)?.with("channels.telegram_api_base", &base)
    }

    /// The page on which to be the customer.
    pub(crate) fn page(&self) -> String {
        Simulator::page(self.address)
    }

    /// Serves them in the background; they know the channels of all tenants, and those that are made meanwhile.
    pub(crate) async fn serve(self, house: &House, server: SocketAddr) -> Result<()> {
        let lines = self.simulator.lines();
        know(house, server, &lines).await?;
        let (tasks, house) = (house.app.tasks.clone(), house.clone());
        let stopping = house.app.tasks.clone();
        tasks.start("far sides", async move {
            let served =
                self.simulator.serve(self.listener, async move { stopping.stopping().await });
            if let Err(error) = served.await {
                tracing::error!(?error, "far sides ended");
            }
        });
        let tasks = house.app.tasks.clone();
        tasks.clone().start("channels of far sides", async move {
            let mut woken = house.app.wake.seals();
            loop {
                tokio::select! {
                    () = tasks.stopping() => return,
                    () = woken.next() => {}
                }
                if let Err(error) = know(&house, server, &lines).await {
                    tracing::warn!(?error, "far sides do not know new channels yet");
                }
            }
        });
        Ok(())
    }
}

/// Tells far sides of all channels.
async fn know(house: &House, server: SocketAddr, lines: &Lines) -> Result<()> {
    for (tenant, _) in house.identity.tenants().await? {
        let known = house.inbox.lines(&house.app.as_system(tenant)).await?;
        lines.know(known.into_iter().filter_map(|line| simulated(line, server)).collect());
    }
    Ok(())
}

fn simulated(line: Line, server: SocketAddr) -> Option<kith_simulator::Line> {
    let kind = match line.kind {
        ChannelKind::WhatsApp => Kind::WhatsApp,
        ChannelKind::Facebook => Kind::Messenger,
        ChannelKind::Instagram => Kind::Instagram,
        ChannelKind::Telegram => Kind::Telegram,
        ChannelKind::Website | ChannelKind::Email | ChannelKind::Api => return None,
    };
    let webhook = format!("http://{server}{}", line.path);
    Some(kith_simulator::Line {
        kind,
        id: line.id,
        token: line.token,
        secret: line.secret,
        webhook,
        name: line.name,
    })
}
