//! The settings of sign-in: the section `auth`, and what wiring adds from `server`.

use std::net::IpAddr;

use kith_kernel::{Result, unavailable};
use kith_platform::Settings;
use serde::Deserialize;

/// How long tokens live, how they are signed, and how browsers carry them.
#[derive(Clone, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Signs access tokens; 32 characters at least.
    pub jwt_secret: String,
    /// Life of an access token.
    pub access_seconds: i64,
    /// Life of a refresh token, and of a session that is not used.
    pub refresh_seconds: i64,
    /// A refresh token that was just used still gets the same successor for so long.
    pub refresh_grace_seconds: i64,
    /// `SameSite` of the cookies.
    pub cookie_same_site: SameSite,
    /// Memory that hashing a password takes (argon2id, two passes); tests take less.
    pub password_memory_kib: u32,
    /// Where people meet the front end, for links in mails: `https://crm.example.com`, without a slash at the end.
    #[serde(skip)]
    pub frontend_url: String,
    /// Origins of front ends elsewhere that may send our cookies (`https://app.example.com`).
    #[serde(skip)]
    pub allowed_origins: Vec<String>,
    /// The server listens on a loopback address: the first user to register runs the installation.
    #[serde(skip)]
    pub loopback: bool,
}

/// When a browser sends the cookies along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SameSite {
    /// From our own pages, and when a link leads here.
    Lax,
    /// From our own pages alone.
    Strict,
    /// From any page; the origin check still holds.
    None,
}

impl SameSite {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
            Self::None => "None",
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jwt_secret: String::new(),
            access_seconds: 15 * 60,
            refresh_seconds: 7 * 24 * 3_600,
            refresh_grace_seconds: 10,
            cookie_same_site: SameSite::Lax,
            password_memory_kib: 19_456,
            frontend_url: "http://127.0.0.1:3001".to_owned(),
            allowed_origins: Vec::new(),
            loopback: false,
        }
    }
}

/// A shorter secret can be found by trying.
const SHORTEST_SECRET: usize = 32;

/// What of the section `server` matters here.
#[derive(Deserialize)]
struct Server {
    host: String,
    port: u16,
    frontend_url: String,
    cors_origins: Vec<String>,
}

impl Options {
    /// The options as the settings have them.
    pub fn of(settings: &Settings) -> Result<Self> {
        let server: Server = settings.section("server")?;
        let frontend_url = if server.frontend_url.is_empty() {
            format!("http://{}:{}", server.host, server.port)
        } else {
            server.frontend_url
        };
        Ok(Self {
            loopback: Self::is_loopback(&server.host),
            allowed_origins: server.cors_origins,
            frontend_url,
            ..settings.section("auth")?
        })
    }

    /// Says what is wrong with the settings.
    ///
    /// # Errors
    /// `Unavailable` naming the setting.
    pub fn check(&self) -> Result<()> {
        if self.jwt_secret.len() < SHORTEST_SECRET {
            return Err(unavailable("JWT_SECRET must have 32 characters at least."));
        }
        if self.access_seconds < 1 || self.refresh_seconds < self.access_seconds {
            return Err(unavailable("A refresh token must live longer than an access token."));
        }
        if !(0..=300).contains(&self.refresh_grace_seconds) {
            return Err(unavailable("REFRESH_GRACE_SECONDS must lie between 0 and 300."));
        }
        Ok(())
    }

    /// Whether a host (`127.0.0.1`, `::1`, `localhost`) is reached from this machine alone.
    pub fn is_loopback(host: &str) -> bool {
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(crate) fn link(&self, path: &str) -> String {
        format!("{}{path}", self.frontend_url.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_safe_is_refused() {
        let safe = Options { jwt_secret: "x".repeat(32), ..Options::default() };
        assert!(safe.check().is_ok());
        assert!(Options::default().check().is_err());
        assert!(Options { refresh_seconds: 60, ..safe.clone() }.check().is_err());
        assert!(Options { refresh_grace_seconds: -1, ..safe }.check().is_err());
    }

    #[test]
    fn loopback_addresses_are_known() {
        assert!(Options::is_loopback("127.0.0.1") && Options::is_loopback("::1"));
        assert!(Options::is_loopback("localhost"));
        assert!(!Options::is_loopback("0.0.0.0") && !Options::is_loopback("crm.example.com"));
    }
}
