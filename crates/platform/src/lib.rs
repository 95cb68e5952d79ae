//! What every slice stands on: who acts ([`Ctx`]), events, jobs, mail, outgoing HTTP, files, storage, settings, background
//! tasks, words between nodes, bounded processes.

pub mod anchors;
mod bounded;
mod broadcast;
mod context;
pub mod crash;
pub mod encryption;
pub mod events;
pub mod files;
pub mod jobs;
pub mod mail;
pub mod outgoing;
mod settings;
pub mod storage;
mod tasks;

pub use bounded::{Bounded, Bounds, Heard};
pub use broadcast::Broadcast;
pub use context::{App, Attempts, Ctx};
pub use settings::{ENVIRONMENT, Origin, Setting, Settings, UNUSED};
pub use tasks::Tasks;

use kith_store::Migration;

/// The tables of this floor, in order.
pub fn migrations() -> Vec<Migration> {
    vec![
        anchors::migration(),
        events::migration(),
        events::readers::migration(),
        jobs::migration(),
        mail::migration(),
        files::migration(),
        storage::migration(),
    ]
}
