//! A tenant's use of models: the keys of their providers.

pub mod keys;

use kith_store::Migration;

/// The tables of this floor, in order.
pub fn migrations() -> Vec<Migration> {
    vec![keys::migration()]
}
