//! Encryption of what must be read again and must not lie open in the database or a copy of it.

use std::fmt::Write;

use kith_kernel::{Result, internal, unavailable};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest::{SHA256, digest},
};

use crate::Settings;

/// What begins so names the key that it was encrypted with; older texts begin with their nonce.
const NAMED: &[u8; 4] = b"kr1:";
const NAME_LEN: usize = 4;

/// A ring of keys: encrypts with the newest, decrypts what any of them encrypted. AES-256-GCM under a random nonce,
/// behind the name of the key.
pub struct Cipher {
    /// The newest first.
    keys: Vec<Key>,
}

struct Key {
    name: [u8; NAME_LEN],
    key: LessSafeKey,
}

impl Key {
    fn new(bytes: &[u8; 32]) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, bytes)
            .map_err(|_| internal("the encryption key has another length"))?;
        let hash = digest(&SHA256, &[b"kith encryption key ".as_slice(), bytes].concat());
        let mut name = [0; NAME_LEN];
        name.copy_from_slice(&hash.as_ref()[..NAME_LEN]);
        Ok(Self { name, key: LessSafeKey::new(key) })
    }

    fn open(&self, place: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let plain = self.key.open_in_place(nonce, Aad::from(place.as_bytes()), &mut text);
        plain.map(|plain| plain.to_vec()).ok()
    }
}

impl Cipher {
    /// The ring that the settings hold: `ENCRYPTION_KEY`, then `ENCRYPTION_KEYS_OLD`.
    ///
    /// # Errors
    /// `Unavailable` when a key is missing or has another length.
    pub fn of(settings: &Settings) -> Result<Self> {
        Self::new(&settings.encryption_keys()?)
    }

    /// A ring of keys, the newest first.
    ///
    /// # Errors
    /// `Internal` without any.
    pub fn new(keys: &[[u8; 32]]) -> Result<Self> {
        let keys = keys.iter().map(Key::new).collect::<Result<Vec<_>>>()?;
        if keys.is_empty() {
            return Err(internal("a ring without keys"));
        }
        Ok(Self { keys })
    }

    /// What the newest key is called.
    pub fn newest(&self) -> String {
        self.keys.first().map(|key| spelled(&key.name)).unwrap_or_default()
    }

    /// Encrypts with the newest key; `place` says what it is and whose, so that it cannot be put in another's place.
    ///
    /// # Errors
    /// `Internal` when the system gives no random bytes.
    pub fn encrypt(&self, place: &str, secret: &[u8]) -> Result<Vec<u8>> {
        let newest = self.keys.first().ok_or_else(|| internal("a ring without keys"))?;
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce)
            .map_err(|error| internal("the system gives no random bytes").caused_by(error))?;
        let mut text = secret.to_vec();
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        newest
            .key
            .seal_in_place_append_tag(nonce_of, Aad::from(place.as_bytes()), &mut text)
            .map_err(|_| internal("a secret could not be encrypted"))?;
        Ok([NAMED.as_slice(), &newest.name, &nonce, &text].concat())
    }

    /// Decrypts what was encrypted for the same place with a key of the ring.
    ///
    /// # Errors
    /// `Unavailable` when its key is none of the ring, or what is stored was changed.
    pub fn decrypt(&self, place: &str, stored: &[u8]) -> Result<Vec<u8>> {
        let named = name_in(stored).and_then(|(name, sealed)| {
            self.keys.iter().find(|key| key.name == name)?.open(place, sealed)
        });
        // Before keys had names: whichever opens it.
        let old = || self.keys.iter().find_map(|key| key.open(place, stored));
        named.or_else(old).ok_or_else(|| {
            let which = match name_of(stored) {
                Some(name) => format!("Its key is called {name}"),
                None => "Its key has no name".to_owned(),
            };
            unavailable(format!(
                "A stored secret cannot be read: is ENCRYPTION_KEY the one it was stored with? {which}; the newest one \
                 here is called {}. Add the missing one to ENCRYPTION_KEYS_OLD (kith doctor tells more), or store the \
                 secret anew.",
                self.newest()
            ))
        })
    }

    /// The same under the newest key, unless that is the one it stands under.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be read.
    pub fn renew(&self, place: &str, stored: &[u8]) -> Result<Option<Vec<u8>>> {
        if name_of(stored) == Some(self.newest()) && self.decrypt(place, stored).is_ok() {
            return Ok(None);
        }
        self.encrypt(place, &self.decrypt(place, stored)?).map(Some)
    }

    /// Whether a key of this name is on the ring.
    pub fn knows(&self, name: &str) -> bool {
        self.keys.iter().any(|key| spelled(&key.name) == name)
    }
}

/// What the key is called that something was encrypted with; none for what was stored before keys had names.
pub fn name_of(stored: &[u8]) -> Option<String> {
    name_in(stored).map(|(name, _)| spelled(name))
}

fn name_in(stored: &[u8]) -> Option<(&[u8], &[u8])> {
    stored.strip_prefix(NAMED)?.split_at_checked(NAME_LEN)
}

fn spelled(name: &[u8]) -> String {
    name.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String does not fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_back_in_its_own_place_alone() {
        let cipher = Cipher::new(&[[7; 32]]).unwrap();
        let stored = cipher.encrypt("totp of ana", b"secret").unwrap();
        assert!(!stored.windows(6).any(|part| part == b"secret"));
        assert_ne!(stored, cipher.encrypt("totp of ana", b"secret").unwrap());
        assert_eq!(cipher.decrypt("totp of ana", &stored).unwrap(), b"secret");
        assert!(cipher.decrypt("totp of bob", &stored).is_err());
        assert!(Cipher::new(&[[8; 32]]).unwrap().decrypt("totp of ana", &stored).is_err());
        for cut in 0..stored.len() {
            assert!(cipher.decrypt("totp of ana", &stored[..cut]).is_err());
        }
    }

    #[test]
    fn a_ring_reads_what_its_old_keys_wrote_and_writes_with_the_newest() {
        let old = Cipher::new(&[[7; 32]]).unwrap();
        let ring = Cipher::new(&[[8; 32], [7; 32]]).unwrap();
        let stored = old.encrypt("here", b"secret").unwrap();
        assert_eq!(name_of(&stored), Some(old.newest()));
        assert!(ring.knows(&old.newest()) && !old.knows(&ring.newest()));
        assert_eq!(ring.decrypt("here", &stored).unwrap(), b"secret");
        let renewed = ring.renew("here", &stored).unwrap().unwrap();
        assert_eq!(name_of(&renewed), Some(ring.newest()));
        assert_eq!(ring.renew("here", &renewed).unwrap(), None);
        assert!(ring.renew("there", &stored).is_err() && ring.renew("there", &renewed).is_err());
        let refused = old.decrypt("here", &renewed).unwrap_err();
        assert_eq!(refused.kind(), kith_kernel::Kind::Unavailable);
        for word in [&ring.newest(), &old.newest(), "ENCRYPTION_KEYS_OLD"] {
            assert!(refused.message().contains(word), "{refused}");
        }
    }

    #[test]
    fn what_was_stored_before_keys_had_names_is_read_and_renewed() {
        let (old, ring) = (Cipher::new(&[[7; 32]]), Cipher::new(&[[8; 32], [7; 32]]).unwrap());
        let stored = old.unwrap().encrypt("here", b"secret").unwrap();
        let nameless = &stored[NAMED.len() + NAME_LEN..];
        assert_eq!(name_of(nameless), None);
        assert_eq!(ring.decrypt("here", nameless).unwrap(), b"secret");
        let renewed = ring.renew("here", nameless).unwrap().unwrap();
        assert_eq!(Cipher::new(&[[8; 32]]).unwrap().decrypt("here", &renewed).unwrap(), b"secret");
    }
}
