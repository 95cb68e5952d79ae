//! Cookies: tokens as browsers carry them, out of reach of scripts, and only from pages that may send them.

use axum::http::{HeaderMap, Uri, header, request::Parts};
use kith_http::Answer;
use kith_kernel::{Error, Kind, Result};

use crate::{Options, options::SameSite, tokens::Tokens};

pub(crate) const ACCESS: &str = "kith_access";
pub(crate) const REFRESH: &str = "kith_refresh";

/// The value of a cookie.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter();
    let texts = all.filter_map(|value| value.to_str().ok());
    texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value)
}

/// Refuses a request that a page of somebody else's made a browser send.
///
/// # Errors
/// `Forbidden` when it names no page, or one that is neither ours nor allowed.
pub(crate) fn check_origin(head: &Parts, options: &Options) -> Result<()> {
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let source = text(header::ORIGIN).or_else(|| text(header::REFERER)).unwrap_or_default();
    if is_ours(source, head, options) {
        return Ok(());
    }
    let why = "This request carries our cookie, but does not come from a page that may send it.";
    Err(Error::new(Kind::Forbidden, "foreign_origin", why))
}

fn is_ours(source: &str, head: &Parts, options: &Options) -> bool {
    let Ok(source) = source.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (source.scheme_str(), source.authority()) else {
        return false;
    };
    let host = head.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let host = host.or_else(|| head.uri.authority().map(axum::http::uri::Authority::as_str));
    let authority = authority.as_str();
    let origin = format!("{scheme}://{authority}");
    host.is_some_and(|host| host.eq_ignore_ascii_case(authority)) || is_allowed(&origin, options)
}

fn is_allowed(origin: &str, options: &Options) -> bool {
    let frontend = options
        .frontend_url
        .parse::<Uri>()
        .ok()
        .and_then(|uri| Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?)));
    let listed = options.allowed_origins.iter().map(|origin| origin.trim_end_matches('/'));
    listed.chain(frontend.as_deref()).any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

/// Hands both tokens to a browser as well, unless a page of somebody else's asked.
pub(crate) fn hand_over(
    answer: Answer,
    head: &Parts,
    options: &Options,
    tokens: &Tokens,
) -> Answer {
    if head.headers.contains_key(header::ORIGIN) && check_origin(head, options).is_err() {
        return answer;
    }
    let forwarded = head.headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let manner = manner(options, forwarded);
    let (access, refresh) = (&tokens.access, &tokens.refresh);
    answer
        .header(
            header::SET_COOKIE,
            &format!("{ACCESS}={access}; Path=/; Max-Age={}; {manner}", options.access_seconds),
        )
        .header(
            header::SET_COOKIE,
            &format!(
                "{REFRESH}={refresh}; Path=/api/auth; Max-Age={}; {manner}",
                options.refresh_seconds
            ),
        )
}

/// Takes both cookies back.
pub(crate) fn forget(answer: Answer, options: &Options) -> Answer {
    let manner = manner(options, false);
    answer
        .header(header::SET_COOKIE, &format!("{ACCESS}=; Path=/; Max-Age=0; {manner}"))
        .header(header::SET_COOKIE, &format!("{REFRESH}=; Path=/api/auth; Max-Age=0; {manner}"))
}

fn manner(options: &Options, forwarded_https: bool) -> String {
    let same_site = options.cookie_same_site;
    // Browsers take SameSite=None from nobody without Secure.
    let secure = forwarded_https
        || options.frontend_url.starts_with("https://")
        || same_site == SameSite::None;
    let secure = if secure { "; Secure" } else { "" };
    format!("HttpOnly; SameSite={}{secure}", same_site.name())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn head(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri("/api/deals");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn cookies_are_found_among_others() {
        let head = head(&[("cookie", "a=b; kith_access=x.y.z; kith_refresh=")]);
        assert_eq!(read(&head.headers, ACCESS), Some("x.y.z"));
        assert_eq!(read(&head.headers, REFRESH), None);
    }

    #[test]
    fn only_pages_of_ours_may_send_cookies() {
        let options = Options {
            frontend_url: "https://crm.acme.com/".to_owned(),
            allowed_origins: vec!["https://app.acme.com/".to_owned()],
            ..Options::default()
        };
        let from = |name: &str, value: &str| {
            check_origin(&head(&[("host", "api.acme.com:3001"), (name, value)]), &options)
        };
        assert!(from("origin", "http://api.acme.com:3001").is_ok());
        assert!(from("referer", "https://api.acme.com:3001/docs?x").is_ok());
        assert!(from("origin", "https://app.acme.com").is_ok());
        assert!(from("origin", "https://crm.acme.com").is_ok());
        for bad in
            ["https://evil.com", "null", "", "https://app.acme.com.evil.com", "http://app.acme.com"]
        {
            assert_eq!(from("origin", bad).unwrap_err().code(), "foreign_origin", "{bad}");
        }
        assert!(from("x-other", "").is_err());
    }

    #[test]
    fn cookies_are_secure_where_the_front_end_is() {
        let options = |url: &str, same_site| Options {
            frontend_url: url.to_owned(),
            cookie_same_site: same_site,
            ..Options::default()
        };
        assert_eq!(manner(&options("http://a", SameSite::Lax), false), "HttpOnly; SameSite=Lax");
        let secure = "HttpOnly; SameSite=Lax; Secure";
        assert_eq!(manner(&options("https://a", SameSite::Lax), false), secure);
        assert_eq!(manner(&options("http://a", SameSite::Lax), true), secure);
        let none = "HttpOnly; SameSite=None; Secure";
        assert_eq!(manner(&options("http://a", SameSite::None), false), none);
    }
}
