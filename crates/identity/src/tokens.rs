//! Access tokens: JWTs signed with HS256 and nothing else; and the successor of a refresh token.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use kith_kernel::{Error, Id, Result, Role, Time, internal, unauthenticated};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// What a client gets to come again with.
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// What an access token says; all of it but `sid` and `tid` is a hint that is looked up again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The user.
    pub(crate) sub: Id,
    /// The tenant, when they belong to one.
    pub(crate) tid: Option<Id>,
    /// Their role there when the token was made.
    pub(crate) role: Option<Role>,
    /// The session.
    pub(crate) sid: Id,
    /// Made at, in seconds since 1970.
    pub(crate) iat: i64,
    /// Good until, in seconds since 1970.
    pub(crate) exp: i64,
}

/// Longer texts are no tokens of ours.
const LONGEST: usize = 2_048;

pub(crate) struct Signer {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    header: Header,
    succession: Hmac<Sha256>,
    verified: Verified,
}

/// Tokens that were found to be ours, so that a signature is checked once and not with each request. Whether the
/// session still stands is asked elsewhere, each time.
#[derive(Default)]
struct Verified(RwLock<HashMap<Box<str>, Claims>>);

/// Tokens that are kept; more than this begin anew.
const MOST_VERIFIED: usize = 10_000;

impl Verified {
    fn get(&self, token: &str) -> Option<Claims> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    fn put(&self, token: &str, claims: &Claims) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_VERIFIED {
            all.clear();
        }
        all.insert(token.into(), claims.clone());
    }
}

impl Signer {
    pub(crate) fn new(secret: &str) -> Result<Self> {
        let mut validation = Validation::new(Algorithm::HS256);
        // Time comes from the one clock, which this library does not ask.
        validation.validate_exp = false;
        let succession = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .map_err(|error| internal("the secret is no key").caused_by(error.to_string()))?;
        Ok(Self {
            encoding: EncodingKey::from_secret(secret.as_bytes()),
            decoding: DecodingKey::from_secret(secret.as_bytes()),
            validation,
            header: Header::new(Algorithm::HS256),
            succession,
            verified: Verified::default(),
        })
    }

    pub(crate) fn sign(&self, claims: &Claims) -> Result<String> {
        jsonwebtoken::encode(&self.header, claims, &self.encoding)
            .map_err(|error| internal("a token cannot be signed").caused_by(error))
    }

    /// What a token says, when it is one of ours and still good.
    pub(crate) fn verify(&self, token: &str, now: Time) -> Result<Claims> {
        if token.len() > LONGEST {
            return Err(refused());
        }
        let known = self.verified.get(token);
        let claims = match known {
            Some(claims) => claims,
            None => self.check(token)?,
        };
        if claims.exp <= now.seconds() {
            let why = "This token has expired: get a new one with your refresh token.";
            return Err(unauthenticated(why).coded("token_expired"));
        }
        Ok(claims)
    }

    fn check(&self, token: &str) -> Result<Claims> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|error| refused().caused_by(error))?
            .claims;
        self.verified.put(token, &claims);
        Ok(claims)
    }

    /// The refresh token that follows another one: always the same, so that a lost answer can be given again, and
    /// known to nobody without our secret.
    pub(crate) fn successor(&self, refresh_token: &str) -> String {
        let mut mac = self.succession.clone();
        mac.update(b"the refresh token after ");
        mac.update(refresh_token.as_bytes());
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }
}

fn refused() -> Error {
    unauthenticated("This token is not one of ours, or was changed.").coded("invalid_token")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret of the tests, 32 characters";

    fn claims() -> Claims {
        let (sub, sid) = (Id::from_bytes([1; 16]), Id::from_bytes([2; 16]));
        Claims { sub, tid: None, role: Some(Role::Owner), sid, iat: 1_000, exp: 1_900 }
    }

    fn code(signer: &Signer, token: &str) -> &'static str {
        signer.verify(token, Time::from_milliseconds(0)).unwrap_err().code()
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        let signer = Signer::new(SECRET).unwrap();
        let token = signer.sign(&claims()).unwrap();
        let at = |seconds: i64| signer.verify(&token, Time::from_milliseconds(seconds * 1000));
        assert_eq!(at(1_899).unwrap(), claims());
        assert_eq!(at(1_900).unwrap_err().code(), "token_expired");
    }

    #[test]
    fn other_algorithms_and_changed_tokens_are_refused() {
        let signer = Signer::new(SECRET).unwrap();
        let token = signer.sign(&claims()).unwrap();
        let body = token.split('.').nth(1).unwrap();
        let none = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#));
        assert_eq!(code(&signer, &none), "invalid_token");
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let other = jsonwebtoken::encode(&Header::new(Algorithm::HS384), &claims(), &key).unwrap();
        assert_eq!(code(&signer, &other), "invalid_token");
        let stranger = Signer::new("another secret, also 32 characters").unwrap();
        assert_eq!(code(&signer, &stranger.sign(&claims()).unwrap()), "invalid_token");
        assert_eq!(code(&signer, "not.a.token"), "invalid_token");
        assert_eq!(code(&signer, &"x".repeat(100_000)), "invalid_token");
    }

    #[test]
    fn a_successor_is_always_the_same_and_takes_the_secret() {
        let signer = Signer::new(SECRET).unwrap();
        let stranger = Signer::new("another secret, also 32 characters").unwrap();
        assert_eq!(signer.successor("a"), signer.successor("a"));
        assert_ne!(signer.successor("a"), signer.successor("b"));
        assert_ne!(signer.successor("a"), stranger.successor("a"));
        assert_eq!(signer.successor("a").len(), 43);
    }
}
