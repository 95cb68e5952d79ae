//! Settings.
use kith_kernel::Result;
use serde::de::DeserializeOwned;

/// All settings with their origins.
#[derive(Debug, Default)]
pub struct Settings {}

/// One setting.
#[derive(Debug)]
pub struct Setting {}

/// Where a value comes from.
#[derive(Debug)]
pub enum Origin {}

impl Settings {
    /// A crate's section.
    pub fn section<T: DeserializeOwned>(&self, _name: &str) -> Result<T> {
        Err(kith_kernel::internal("not written yet"))
    }
}
