//! What the operator allows beyond the public: hosts with or without a port, addresses, networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kith_kernel::{Result, unavailable};
use reqwest::Url;

use super::address::{is_public, plain};

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    begins: IpAddr,
    bits: u8,
}

impl Network {
    pub(super) const fn four((begins, bits): (Ipv4Addr, u8)) -> Self {
        Self { begins: IpAddr::V4(begins), bits }
    }

    pub(super) const fn six((begins, bits): (Ipv6Addr, u8)) -> Self {
        Self { begins: IpAddr::V6(begins), bits }
    }

    /// `10.0.0.0/8`, or one address.
    fn parse(text: &str) -> Option<Self> {
        let (begins, bits) = match text.split_once('/') {
            Some((begins, bits)) => (begins, Some(bits)),
            None => (text, None),
        };
        let begins: IpAddr = begins.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
        let most = if begins.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some(Self { begins, bits })
    }

    pub(super) fn holds(self, address: IpAddr) -> bool {
        let bits = u32::from(self.bits);
        match (self.begins, address) {
            (IpAddr::V4(begins), IpAddr::V4(address)) => {
                let differ = begins.to_bits() ^ address.to_bits();
                differ.leading_zeros() >= bits
            }
            (IpAddr::V6(begins), IpAddr::V6(address)) => {
                let differ = begins.to_bits() ^ address.to_bits();
                differ.leading_zeros() >= bits
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// A host as a URL names it, and its port where only that one is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Host {
    name: String,
    port: Option<u16>,
}

/// What the operator allows.
#[derive(Debug, Clone, Default)]
pub(super) struct Allowed {
    networks: Vec<Network>,
    hosts: Vec<Host>,
}

impl Allowed {
    /// # Errors
    /// `Unavailable` for an entry that is none.
    pub(super) fn parse(entries: &[String]) -> Result<Self> {
        let mut allowed = Self::default();
        for entry in entries {
            match (Network::parse(entry), host(entry)) {
                (Some(network), _) => allowed.networks.push(network),
                (None, Some(host)) => allowed.hosts.push(host),
                (None, None) => {
                    return Err(unavailable(format!(
                        "OUTGOING_ALLOWED_HOSTS holds {entry:?}, which is neither a host nor a network: \
                         ollama.internal, localhost:11434, 10.1.0.0/16."
                    )));
                }
            }
        }
        Ok(allowed)
    }

    /// Whether this very host is allowed by its name.
    pub(super) fn names(&self, url: &Url) -> bool {
        let Some(name) = url.host_str() else { return false };
        let port = url.port_or_known_default();
        self.hosts
            .iter()
            .any(|host| host.name == name && (host.port.is_none() || host.port == port))
    }

    /// Whether a guarded connection may go there.
    pub(super) fn may_reach(&self, address: IpAddr) -> bool {
        is_public(address) || self.networks.iter().any(|network| network.holds(plain(address)))
    }
}

/// A host as the parser of URLs writes it.
fn host(entry: &str) -> Option<Host> {
    if entry.contains(['/', '@', '?', '#', '*', '\\']) {
        return None;
    }
    let url = Url::parse(&format!("http://{entry}")).ok()?;
    // The parser leaves out the port that http has anyway.
    let port = entry.ends_with(":80").then_some(80);
    Some(Host { name: url.host_str()?.to_owned(), port: url.port().or(port) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(entries: &[&str]) -> Allowed {
        let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        Allowed::parse(&entries).unwrap()
    }

    fn names(entries: &[&str], url: &str) -> bool {
        allowed(entries).names(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_host_is_allowed_by_its_name_and_port() {
        assert!(names(&["Ollama.Internal"], "http://ollama.internal:11434/api"));
        assert!(names(&["localhost:11434"], "http://localhost:11434/"));
        assert!(!names(&["localhost:11434"], "http://localhost:5432/"));
        assert!(names(&["localhost:80"], "http://localhost/"));
        assert!(!names(&["localhost:80"], "http://localhost:8080/"));
        assert!(names(&["127.0.0.1:9000"], "http://0x7f.1:9000/"));
        assert!(names(&["[::1]:9000"], "http://[::1]:9000/"));
        assert!(!names(&["internal"], "http://ollama.internal/"));
    }

    #[test]
    fn a_network_is_allowed_by_its_bits() {
        let some = allowed(&["10.1.0.0/16", "fd00::/8", "192.168.1.7"]);
        for (address, may) in [
            ("10.1.255.1", true),
            ("::ffff:10.1.0.1", true),
            ("10.2.0.1", false),
            ("fd12::1", true),
            ("fe80::1", false),
            ("192.168.1.7", true),
            ("192.168.1.8", false),
            ("8.8.8.8", true),
        ] {
            assert_eq!(some.may_reach(address.parse().unwrap()), may, "{address}");
        }
    }

    #[test]
    fn what_is_neither_is_told() {
        for entry in ["10.0.0.0/33", "*", "*.example.com", "http://example.com", "a b", ""] {
            assert!(Allowed::parse(&[entry.to_owned()]).is_err(), "{entry}");
        }
    }
}
