//! Intake: what comes in is kept as it came before it is acknowledged, and worked on afterwards, channel by channel.

mod arrive;
mod deliveries;
mod files;
mod mails;
mod threads;
mod webhooks;
mod work;

pub(crate) use deliveries::migration;
pub(crate) use webhooks::routes;
pub(crate) use work::register;
