//! Names to addresses: what is not public is left out before a connection is made.

use std::{error::Error as StdError, fmt, net::SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::allowed::Allowed;

/// Lets through the public and what the operator allows.
pub(super) struct Guarded {
    allowed: Allowed,
}

/// Lets everything through: for hosts that the operator named.
pub(super) struct Plain;

/// All addresses of a name were refused.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no address of the name may be reached")
    }
}

impl StdError for Refused {}

impl Guarded {
    pub(super) fn new(allowed: Allowed) -> Self {
        Self { allowed }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed.clone();
        Box::pin(async move {
            let found = look_up(&name).await?;
            let may: Vec<SocketAddr> =
                found.into_iter().filter(|found| allowed.may_reach(found.ip())).collect();
            if may.is_empty() {
                return Err(Box::new(Refused) as _);
            }
            Ok(Box::new(may.into_iter()) as Addrs)
        })
    }
}

impl Resolve for Plain {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move { Ok(Box::new(look_up(&name).await?.into_iter()) as Addrs) })
    }
}

/// At least one address; the port is the URL's.
async fn look_up(name: &Name) -> std::io::Result<Vec<SocketAddr>> {
    let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
    if found.is_empty() {
        return Err(std::io::Error::other("the name has no address"));
    }
    Ok(found)
}

/// Whether a connection was not made because of where it would have gone.
pub(super) fn was_refused(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(error) = cause {
        if error.is::<Refused>() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn found(resolver: &impl Resolve) -> Result<usize, String> {
        let found = resolver.resolve("localhost".parse().unwrap()).await;
        found.map(Iterator::count).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_name_is_judged_by_what_it_resolves_to() {
        let some = |entries: &[&str]| {
            let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
            Guarded::new(Allowed::parse(&entries).unwrap())
        };
        assert_eq!(found(&some(&["10.0.0.0/8"])).await, Err(Refused.to_string()));
        assert_eq!(found(&some(&["127.0.0.1"])).await, Ok(1));
        assert!(found(&Plain).await.unwrap() >= 1);
    }
}
