//! Which addresses belong to the public: all others are somebody's own network, this machine, or nobody's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use kith_kernel::{Error, invalid};
use reqwest::Url;

use super::allowed::Network;

/// What is not public of IPv4: the special-purpose registry of IANA, and where clouds answer about themselves.
const NOT_PUBLIC: [(Ipv4Addr, u8); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    // Azure's, which is of a public range.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
];

/// The one public range of IPv6, and what of it is not: protocol assignments with Teredo, documentation, 6to4.
const PUBLIC_SIX: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const NOT_PUBLIC_SIX: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];
/// Where IPv4 stands behind a translator.
const TRANSLATED: (Ipv6Addr, u8) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// The IPv4 address that is meant, whichever way it is written.
pub(super) fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    if let Some(four) = six.to_ipv4_mapped() {
        return four.into();
    }
    if Network::six(TRANSLATED).holds(address) {
        let octets = six.octets();
        return Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15]).into();
    }
    address
}

/// Whether everybody may be sent there.
pub(super) fn is_public(address: IpAddr) -> bool {
    match plain(address) {
        four @ IpAddr::V4(_) => !NOT_PUBLIC.iter().any(|of| Network::four(*of).holds(four)),
        six @ IpAddr::V6(_) => {
            Network::six(PUBLIC_SIX).holds(six)
                && !NOT_PUBLIC_SIX.iter().any(|of| Network::six(*of).holds(six))
        }
    }
}

/// The address that a URL names without a look-up; `http://0x7f.1` is one as well.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    if host.trim_end_matches('.').rsplit('.').next() == Some("localhost") {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host.parse().ok()
}

/// What is said of all that may not be reached, whether it is there or not.
pub(super) fn refused() -> Error {
    invalid(
        "url",
        "is in a network of one's own; the operator can allow its host (OUTGOING_ALLOWED_HOSTS)",
    )
    .coded("address_refused")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn public(address: &str) -> bool {
        is_public(address.parse().unwrap())
    }

    #[test]
    fn networks_of_ones_own_are_not_public() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
        ] {
            assert!(!public(address), "{address}");
        }
    }

    #[test]
    fn what_everybody_reaches_is_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
        ] {
            assert!(public(address), "{address}");
        }
    }

    #[test]
    fn numbers_are_read_as_browsers_read_them() {
        for url in [
            "http://127.0.0.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://017700000001/",
            "http://[::ffff:127.0.0.1]/",
            "http://127.1/",
            "http://１２７.０.０.１/",
        ] {
            let found = literal(&Url::parse(url).unwrap()).unwrap();
            assert!(!is_public(found), "{url} is {found}");
        }
    }

    proptest! {
        #[test]
        fn a_mapped_address_is_what_it_maps(bits in any::<u32>()) {
            let four = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(is_public(four.into()), is_public(four.to_ipv6_mapped().into()));
        }
    }
}
