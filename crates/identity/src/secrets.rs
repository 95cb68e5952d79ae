//! Secrets that we mint: random, shown once, kept as hashes.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kith_kernel::{Result, internal};
use sha2::{Digest, Sha256};

/// 256 random bits as 43 characters of base64url.
pub(crate) fn random() -> Result<String> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        internal("the system gives no random bytes").caused_by(error.to_string())
    })?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is stored of a secret: it is random, so one round of SHA-256 cannot be undone by trying.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_have_43_characters() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_eq!((one.len(), other.len()), (43, 43));
        assert_ne!(one, other);
        assert_ne!(hash(&one), hash(&other));
    }
}
