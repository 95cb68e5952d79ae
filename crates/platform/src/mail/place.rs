//! Places of mail servers: what an address like `smtps://user:password@host:465` says.

use std::net::IpAddr;

use kith_kernel::{Result, invalid};
use reqwest::Url;

const LONGEST: usize = 2_000;

/// Where a mail server is, and who one is there.
#[derive(Clone)]
pub struct Place {
    /// `smtp`, `smtps`, `imap` or `imaps`.
    pub scheme: String,
    /// A name, or an address.
    pub host: String,
    /// The port, or the usual one.
    pub port: u16,
    /// A name and its password, where one signs in.
    pub credentials: Option<(String, String)>,
    /// What stands behind the host, without slashes around it.
    pub path: String,
    /// What `starttls` says.
    pub starttls: Option<String>,
}

impl Place {
    /// Reads an address, which is never quoted.
    ///
    /// # Errors
    /// `Invalid`, naming the key that holds it.
    pub fn parse(url: &str, (key, schemes): (&str, &[(&str, u16)])) -> Result<Self> {
        let wrong = |why: &str| invalid(key, why);
        let example = || {
            let all: Vec<_> = schemes.iter().map(|(scheme, _)| format!("{scheme}://")).collect();
            let all = all.join(" or ");
            wrong(&format!("must be {all} with user:password@host:port; special characters as %40"))
        };
        if url.len() > LONGEST || url.chars().any(|sign| sign.is_control() || sign == ' ') {
            return Err(example());
        }
        let url = Url::parse(url).map_err(|_| example())?;
        let known = schemes.iter().find(|(scheme, _)| *scheme == url.scheme());
        let (scheme, usual) = known.ok_or_else(example)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(example)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let plain = |text: &str| decoded(text).ok_or_else(example);
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() => Some((plain(user)?, plain(password)?)),
            _ => return Err(wrong("names a user without a password, or the other way round")),
        };
        let mut starttls = None;
        for (name, value) in url.query_pairs() {
            match (&*name, &*value) {
                ("starttls" | "tls", "required" | "opportunistic" | "never") => {
                    starttls = Some(value.into_owned());
                }
                _ => return Err(wrong("takes ?starttls=required, opportunistic or never alone")),
            }
        }
        let path = plain(url.path().trim_matches('/'))?;
        let port = url.port().unwrap_or(*usual);
        Ok(Self { scheme: (*scheme).to_owned(), host, port, credentials, path, starttls })
    }

    /// Whether it is on this machine, from where nothing leaves.
    pub fn is_this_machine(&self) -> bool {
        let address: Option<IpAddr> = self.host.parse().ok();
        self.host == "localhost" || address.is_some_and(|address| address.is_loopback())
    }
}

/// `%40` as what it stands for; nothing where that is no text of one line.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push(high * 16 + low);
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.chars().any(char::is_control)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMTP: (&str, &[(&str, u16)]) = ("smtpUrl", &[("smtp", 587), ("smtps", 465)]);

    #[test]
    fn an_address_says_where_and_who() {
        let place = Place::parse("smtps://ana%40shop.example:p%3Ass@mail.example", SMTP).unwrap();
        assert_eq!((place.host.as_str(), place.port), ("mail.example", 465));
        let who = Some(("ana@shop.example".to_owned(), "p:ss".to_owned()));
        assert_eq!(place.credentials, who);
        let place = Place::parse("smtp://[::1]:25?starttls=never", SMTP).unwrap();
        assert!(place.is_this_machine() && place.port == 25 && place.starttls.is_some());
    }

    #[test]
    fn what_is_none_is_refused_without_quoting_it() {
        for url in [
            "http://a:geheim@m",
            "smtp://geheim@m",
            "smtp://a:geheim%0a@m",
            "smtp://a:geheim%4@m",
            "smtp://a:geheim@m?starttls=maybe",
            "smtp://a:geheim@",
            "geheim",
        ] {
            let error = Place::parse(url, SMTP).map(drop).unwrap_err();
            assert!(!format!("{error:?}").contains("geheim"), "{error:?}");
        }
    }
}
