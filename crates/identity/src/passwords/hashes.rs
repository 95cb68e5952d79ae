//! Hashes of passwords: argon2id, made and compared on threads of their own, two at a time.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version,
    password_hash::phc::PasswordHash,
};
use kith_kernel::{Result, internal, unavailable};
use tokio::sync::Semaphore;

/// Each hash takes 19 MiB and a core: more at once would let strangers use up the machine.
const AT_ONCE: usize = 2;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// No password is longer, so what is need not be hashed.
const LONGEST_BYTES: usize = 800;

pub(crate) struct Passwords {
    params: Params,
    /// A hash that no password has, compared with when there is no user, so that the answer takes as long.
    nobody: String,
    places: Arc<Semaphore>,
}

/// What came of comparing a password with a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wrong,
    Right,
    /// Right, and to be hashed anew: it was imported with bcrypt.
    RightButOld,
}

impl Passwords {
    pub(crate) fn new(memory_kib: u32) -> Result<Self> {
        let params = Params::new(memory_kib, PASSES, LANES, None)
            .map_err(|error| unavailable(format!("password_memory_kib does not work: {error}.")))?;
        let salt = "a2l0aGtpdGhraXRoa2l0aA";
        let zeros = "A".repeat(43);
        let nobody = format!("$argon2id$v=19$m={memory_kib},t={PASSES},p={LANES}${salt}${zeros}");
        Ok(Self { params, nobody, places: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// The hash under which a password is kept.
    pub(crate) async fn hash(&self, password: &str) -> Result<String> {
        let (password, params) = (password.to_owned(), self.params.clone());
        self.apart(move || {
            let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let hash: PasswordHash =
                hasher.hash_password(password.as_bytes()).map_err(|error| {
                    internal("a password cannot be hashed").caused_by(error.to_string())
                })?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Compares; without a hash it takes as long and is wrong.
    pub(crate) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<Verdict> {
        if password.len() > LONGEST_BYTES {
            return Ok(Verdict::Wrong);
        }
        let password = password.to_owned();
        let hash = hash.unwrap_or(&self.nobody).to_owned();
        self.apart(move || Ok(compare(&password, &hash))).await
    }

    /// Runs on a thread where it holds nobody up.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| unavailable("The server is about to stop."))?;
        let working = tokio::task::spawn_blocking(move || {
            // Kept until the work ends, also when whoever asked has gone.
            let _place = place;
            work()
        });
        working.await.map_err(|error| internal("hashing broke off").caused_by(error))?
    }
}

fn compare(password: &str, hash: &str) -> Verdict {
    if hash.starts_with("$2") {
        return match bcrypt::verify(password, hash) {
            Ok(true) => Verdict::RightButOld,
            Ok(false) | Err(_) => Verdict::Wrong,
        };
    }
    let Ok(hash) = PasswordHash::new(hash) else { return Verdict::Wrong };
    match Argon2::default().verify_password(password.as_bytes(), &hash) {
        Ok(()) => Verdict::Right,
        Err(_) => Verdict::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passwords_are_known_again_and_others_are_not() {
        let passwords = Passwords::new(64).unwrap();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=2,p=1$"), "{hash}");
        let verdict = async |password: &str, hash: Option<&str>| {
            passwords.verify(password, hash).await.unwrap()
        };
        assert_eq!(verdict("correct horse", Some(&hash)).await, Verdict::Right);
        assert_eq!(verdict("wrong horse", Some(&hash)).await, Verdict::Wrong);
        assert_eq!(verdict("correct horse", None).await, Verdict::Wrong);
        assert_eq!(verdict("correct horse", Some("gibberish")).await, Verdict::Wrong);
        let old = bcrypt::hash("correct horse", 4).unwrap();
        assert_eq!(verdict("correct horse", Some(&old)).await, Verdict::RightButOld);
        assert_eq!(verdict("wrong horse", Some(&old)).await, Verdict::Wrong);
    }

    #[test]
    fn the_hash_of_nobody_costs_as_much_as_a_real_one() {
        let passwords = Passwords::new(64).unwrap();
        let parsed = PasswordHash::new(&passwords.nobody).unwrap();
        let params = Params::try_from(&parsed).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (64, 2, 1));
    }
}
