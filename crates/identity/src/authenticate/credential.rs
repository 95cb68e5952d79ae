//! What a request carries: a token, a cookie or an API key, and the name of another tenant.

use std::borrow::Cow;

use axum::http::{HeaderMap, header, request::Parts};
use kith_http::{Query, TENANT};
use kith_kernel::{Result, not_found};

use crate::{api_keys::PREFIX, cookies};

pub(crate) enum Credential<'a> {
    Token(&'a str),
    Cookie(&'a str),
    Key(&'a str),
}

/// The one that counts: `Authorization`, then `x-api-key`, then the cookie.
pub(crate) fn credential(headers: &HeaderMap) -> Option<Credential<'_>> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        // One that cannot be read is as wrong as any other.
        let token = value.to_str().ok().and_then(bearer).unwrap_or_default();
        let key = token.starts_with(PREFIX);
        return Some(if key { Credential::Key(token) } else { Credential::Token(token) });
    }
    if let Some(value) = headers.get("x-api-key") {
        return Some(Credential::Key(value.to_str().unwrap_or_default()));
    }
    cookies::read(headers, cookies::ACCESS).map(Credential::Cookie)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The longest name of a tenant is an id or a slug.
const LONGEST_NAME: usize = 64;

/// The tenant that the request names, if it does.
pub(crate) fn wanted_tenant(head: &Parts) -> Result<Option<Cow<'_, str>>> {
    let name = if let Some(value) = head.headers.get("x-tenant-id") {
        Some(Cow::Borrowed(value.to_str().unwrap_or_default().trim()))
    } else {
        named_in_query(head.uri.query().unwrap_or_default())?.map(Cow::Owned)
    };
    match name {
        Some(name) if name.is_empty() || name.len() > LONGEST_NAME => Err(not_found("tenant")),
        name => Ok(name),
    }
}

fn named_in_query(query: &str) -> Result<Option<String>> {
    // Few requests name a tenant, so few are decoded here.
    if !query.contains("tenant") && !query.contains("workspaceId") {
        return Ok(None);
    }
    let query = Query::parse(query)?;
    for parameter in TENANT {
        if let Some(name) = query.get(parameter)? {
            return Ok(Some(name.to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn head(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn told(headers: &[(&str, &str)]) -> String {
        match credential(&head("/", headers).headers) {
            Some(Credential::Token(token)) => format!("token {token}"),
            Some(Credential::Cookie(token)) => format!("cookie {token}"),
            Some(Credential::Key(key)) => format!("key {key}"),
            None => "nothing".to_owned(),
        }
    }

    #[test]
    fn each_way_of_saying_who_one_is_is_read() {
        assert_eq!(told(&[]), "nothing");
        assert_eq!(told(&[("authorization", "bearer a.b.c")]), "token a.b.c");
        assert_eq!(told(&[("authorization", "Bearer kith_x")]), "key kith_x");
        assert_eq!(told(&[("x-api-key", "kith_x")]), "key kith_x");
        assert_eq!(told(&[("cookie", "kith_access=a.b.c")]), "cookie a.b.c");
        assert_eq!(told(&[("authorization", "Basic x"), ("cookie", "kith_access=a")]), "token ");
    }

    #[test]
    fn a_tenant_is_named_in_a_header_or_the_query() {
        let named = |uri: &str, headers: &[(&str, &str)]| {
            wanted_tenant(&head(uri, headers)).map(|name| name.map(Cow::into_owned))
        };
        assert_eq!(named("/?a=b", &[]).unwrap(), None);
        assert_eq!(named("/?tenantId=acme", &[]).unwrap().as_deref(), Some("acme"));
        assert_eq!(named("/?workspaceId=acme", &[]).unwrap().as_deref(), Some("acme"));
        assert_eq!(named("/", &[("x-tenant-id", "acme")]).unwrap().as_deref(), Some("acme"));
        assert!(named("/?tenant_id=", &[]).is_err());
        assert!(named("/?tenant_id=a&tenant_id=b", &[]).is_err());
    }
}
