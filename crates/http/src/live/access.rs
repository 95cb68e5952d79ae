//! Who may still listen: sessions end, keys are revoked, roles change while sockets are open.

use std::{sync::Arc, time::Duration};

use kith_kernel::{Actor, Error, Kind, unauthenticated};

use super::{Live, client::Client, handshake::head};

/// Changes that follow one another are looked at together.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// What nobody tells of, such as the end of a token, is found at least so often.
const SWEEP: Duration = Duration::from_mins(5);

impl Live {
    /// Looks again who the sockets belong to, when that may have changed, until the application stops.
    pub(super) async fn keep_access(self: &Arc<Self>) {
        let mut woken = self.app.wake.access();
        while !self.app.tasks.is_stopping() {
            tokio::select! {
                () = self.app.tasks.stopping() => return,
                () = woken.next() => tokio::time::sleep(DEBOUNCE).await,
                () = tokio::time::sleep(SWEEP) => {}
            }
            for client in self.all_clients() {
                if self.app.tasks.is_stopping() {
                    return;
                }
                self.look_again(client).await;
            }
        }
    }

    async fn look_again(self: &Arc<Self>, client: Arc<Client>) {
        match self.identify(&client).await {
            Ok(actor) => client.set_actor(actor),
            // The database does not answer: that says nothing of the socket.
            Err(error)
                if matches!(error.kind(), Kind::Unavailable | Kind::Internal | Kind::Timeout) =>
            {
                tracing::warn!(?error, "it could not be found out whose a socket is");
            }
            Err(error) => {
                self.complain(&client, "connect", &error);
                self.hang_up(&client);
            }
        }
    }

    async fn identify(&self, client: &Client) -> Result<Actor, Error> {
        let (token, wanted) = (client.token.as_deref(), client.wanted.as_deref());
        let parts = head(&client.socket.arrived, token, wanted)?;
        let actor = (self.authenticate)(&parts).await?;
        if actor.tenant != client.tenant || actor.member != client.member {
            return Err(unauthenticated("This socket is of somebody else. Connect again."));
        }
        let address = client.actor().address;
        Ok(Actor { address, ..actor })
    }
}
