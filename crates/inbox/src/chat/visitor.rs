//! Visitors: known by a token of the channel's, on pages that the channel allows.

use kith_http::Call;
use kith_kernel::{Error, Id, Result, forbidden, unauthenticated};
use kith_platform::Ctx;

use crate::{
    Inbox,
    channels::{Channel, ChannelKind},
    signatures,
};

/// A visitor of a channel.
pub(super) struct Visitor {
    pub(super) ctx: Ctx,
    pub(super) channel: Channel,
    /// By which the visitor's conversation is known.
    pub(super) id: Id,
}

impl Inbox {
    /// The web chat that a call means, when the page that calls may use it.
    pub(super) async fn chat(&self, call: &Call) -> Result<(Ctx, Channel)> {
        let (ctx, channel) = self.named(call, ChannelKind::Website).await?;
        let origin = call.header(&axum::http::header::ORIGIN);
        let host = call.header(&axum::http::header::HOST);
        if let Some(origin) = origin.filter(|origin| !self.is_of_ours(origin, host))
            && !is_allowed(origin, channel.list("allowedDomains"))
        {
            let why =
                "Pages of this origin may not use the channel: add its domain to allowedDomains.";
            return Err(forbidden(why).coded("foreign_origin"));
        }
        Ok((ctx, channel))
    }

    /// Who calls.
    pub(super) async fn visitor(&self, call: &Call) -> Result<Visitor> {
        let (ctx, channel) = self.chat(call).await?;
        let bearer = call.header(&axum::http::header::AUTHORIZATION);
        let token = bearer.and_then(|header| header.strip_prefix("Bearer ")).unwrap_or_default();
        let (id, signature) = token.split_once('.').ok_or_else(unknown)?;
        let id: Id = id.parse().map_err(|_| unknown())?;
        if !signatures::is_same(&signature_of(&channel, id)?, signature) {
            return Err(unknown());
        }
        Ok(Visitor { ctx, channel, id })
    }

    fn is_of_ours(&self, origin: &str, host: Option<&str>) -> bool {
        let place = origin.split_once("://").map(|(_, place)| place);
        origin == self.public_url() || (place.is_some() && place == host)
    }
}

fn unknown() -> Error {
    unauthenticated("The token is of no visitor of this channel. POST …/visitors gives one.")
}

/// A token for a new visitor.
pub(super) fn token(channel: &Channel, id: Id) -> Result<String> {
    Ok(format!("{id}.{}", signature_of(channel, id)?))
}

fn signature_of(channel: &Channel, visitor: Id) -> Result<String> {
    let secret = channel.need("visitorSecret")?;
    Ok(signatures::signed(secret, &[b"visitor ", visitor.to_string().as_bytes()]))
}

/// Whether an origin is of one of the domains, or below one; without domains every origin is.
fn is_allowed<'a>(origin: &str, domains: impl IntoIterator<Item = &'a str>) -> bool {
    let mut domains = domains.into_iter().peekable();
    let host = origin.split_once("://").map_or("", |(_, place)| place);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
    domains.peek().is_none()
        || domains.any(|domain| {
            let domain = domain.trim().trim_start_matches("*.").to_ascii_lowercase();
            let above = host.strip_suffix(&domain);
            !domain.is_empty()
                && above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
        })
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn origins_are_of_a_domain_or_below_it() {
        let domains = ["shop.example", "*.other.example", "localhost"];
        for (origin, expected) in [
            ("https://shop.example", true),
            ("https://SHOP.example:8443", true),
            ("https://www.shop.example", true),
            ("https://a.other.example", true),
            ("http://localhost:5173", true),
            ("https://evilshop.example", false),
            ("https://shop.example.evil.example", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(is_allowed(origin, domains), expected, "{origin}");
        }
        assert!(is_allowed("https://anybody.example", []));
        assert!(!is_allowed("https://anybody.example", [" "]));
    }
}
