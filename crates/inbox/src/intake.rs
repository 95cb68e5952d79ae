//! Intake: what comes in is kept as it came before it is acknowledged, and worked on afterwards, channel by channel.

mod arrive;
mod deliveries;
mod files;
mod mailbox;
mod mails;
mod shown;
mod threads;
mod turns;
mod webhooks;
mod work;

pub(crate) use deliveries::migration;
pub(crate) use turns::Turns;
pub(crate) use work::register;

use std::sync::Arc;

use kith_http::Routes;

use crate::Inbox;

pub(crate) use shown::schemas;

pub(crate) fn routes(inbox: &Arc<Inbox>) -> Routes {
    webhooks::routes(inbox).and(shown::routes())
}
