//! Rotation: secrets of authenticator apps that stand under an old key of the ring are encrypted anew.

use std::collections::BTreeMap;

use kith_kernel::{Id, Result};
use kith_platform::encryption::name_of;

use super::{place, stored};
use crate::Identity;

/// How far a walk over second factors got.
#[derive(Debug, Default)]
pub struct Rotated {
    /// Where to go on; none at the end.
    pub next: Option<Id>,
    /// So many were looked at.
    pub seen: u64,
    /// So many stand under the newest key now and did not before.
    pub renewed: u64,
    /// So many cannot be read with any key of the ring.
    pub unreadable: u64,
}

impl Identity {
    /// Encrypts some second factors anew, those behind one user; what was done is not done again.
    pub async fn rotate_second_factors(&self, after: Option<Id>) -> Result<Rotated> {
        let outside = self.app.as_system(Id::NIL);
        let rows = outside.read(async |db| stored::page(db, after).await).await?;
        let mut rotated = Rotated { seen: rows.len() as u64, ..Rotated::default() };
        rotated.next = rows.last().map(|(user, _)| *user);
        let cipher = self.cipher()?;
        let mut renewed = Vec::new();
        for (user, secret) in rows {
            match cipher.renew(&place(user), &secret) {
                Ok(Some(new)) => renewed.push((user, secret, new)),
                Ok(None) => {}
                Err(_) => rotated.unreadable += 1,
            }
        }
        if !renewed.is_empty() {
            rotated.renewed =
                outside.write(async |db| stored::replace_secrets(db, renewed).await).await?;
        }
        Ok(rotated)
    }

    /// Adds how many second factors stand under which key; no name is for those from before keys had names.
    pub async fn second_factor_keys(
        &self,
        tally: &mut BTreeMap<Option<String>, u64>,
    ) -> Result<()> {
        let outside = self.app.as_system(Id::NIL);
        let mut after = None;
        loop {
            let rows = outside.read(async |db| stored::page(db, after).await).await?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = Some(*last);
            for (_, secret) in &rows {
                *tally.entry(name_of(secret)).or_default() += 1;
            }
        }
    }
}
