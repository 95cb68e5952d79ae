//! Encryption of what must be read again and must not lie open in the database or a copy of it.

use kith_kernel::{Result, internal, unavailable};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// Encrypts with the installation's key: AES-256-GCM under a random nonce, which stands in front.
pub struct Cipher {
    key: LessSafeKey,
}

impl Cipher {
    /// A cipher of a key.
    ///
    /// # Errors
    /// `Internal` never happens with 32 bytes.
    pub fn new(key: [u8; 32]) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, &key)
            .map_err(|_| internal("the encryption key has another length"))?;
        Ok(Self { key: LessSafeKey::new(key) })
    }

    /// Encrypts; `place` says what it is and whose, so that it cannot be put in another's place.
    ///
    /// # Errors
    /// `Internal` when the system gives no random bytes.
    pub fn encrypt(&self, place: &str, secret: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0_u8; NONCE_LEN];
        getrandom::fill(&mut nonce)
            .map_err(|error| internal("the system gives no random bytes").caused_by(error))?;
        let mut text = secret.to_vec();
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_in_place_append_tag(nonce_of, Aad::from(place.as_bytes()), &mut text)
            .map_err(|_| internal("a secret could not be encrypted"))?;
        Ok([nonce.as_slice(), &text].concat())
    }

    /// Decrypts what was encrypted for the same place.
    ///
    /// # Errors
    /// `Unavailable` when the key is another one, or what is stored was changed.
    pub fn decrypt(&self, place: &str, stored: &[u8]) -> Result<Vec<u8>> {
        let unreadable = || {
            unavailable(
                "A stored secret cannot be read: is ENCRYPTION_KEY the one it was stored with?",
            )
        };
        let (nonce, text) = stored.split_at_checked(NONCE_LEN).ok_or_else(unreadable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| unreadable())?;
        let mut text = text.to_vec();
        let plain = self.key.open_in_place(nonce, Aad::from(place.as_bytes()), &mut text);
        plain.map(|plain| plain.to_vec()).map_err(|_| unreadable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_back_in_its_own_place_alone() {
        let cipher = Cipher::new([7; 32]).unwrap();
        let stored = cipher.encrypt("totp of ana", b"secret").unwrap();
        assert!(!stored.windows(6).any(|part| part == b"secret"));
        assert_ne!(stored, cipher.encrypt("totp of ana", b"secret").unwrap());
        assert_eq!(cipher.decrypt("totp of ana", &stored).unwrap(), b"secret");
        assert!(cipher.decrypt("totp of bob", &stored).is_err());
        assert!(Cipher::new([8; 32]).unwrap().decrypt("totp of ana", &stored).is_err());
        for cut in 0..stored.len() {
            assert!(cipher.decrypt("totp of ana", &stored[..cut]).is_err());
        }
    }
}
