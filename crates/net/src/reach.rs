//! Which addresses a connection may go to.
//!
//! Who may say which service is used need not be who may reach what this host can reach: a form that takes an endpoint must not
//! become a way into the host itself, its private network, or the service that hands out a cloud machine's credentials. So an
//! address is judged where the connection is made, after the name was looked up and for the very address that is dialled. A name
//! that answers differently the next time gains nothing.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// Which addresses a connection may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// All. Proxies of the environment are used.
    #[default]
    Anything,
    /// Those of this host and of private networks too, but never those by which clouds hand out credentials, nor such that are no
    /// single host's. Proxies are not used, since they would decide what is reached.
    Private,
    /// Only those that are reachable from everywhere. Proxies are not used.
    Public,
}

/// An address that must not be connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is at {address}, which is {what}; connections to it are not allowed here")]
pub struct Refused {
    /// The host as it was named.
    pub host: String,
    /// Where it is.
    pub address: IpAddr,
    /// What kind of address that is.
    pub what: &'static str,
}

/// Where clouds hand out credentials and settings to whoever asks from inside.
const METADATA: [IpAddr; 8] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

impl Reach {
    /// Whether `host`, found at `address`, may be connected to.
    ///
    /// # Errors
    /// When it may not, with the reason.
    pub fn check(self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let real = unwrapped(address);
        let refused = match self {
            Self::Anything => None,
            Self::Private => never(real),
            Self::Public => never(real).or_else(|| match real {
                IpAddr::V4(address) => not_public_v4(address),
                IpAddr::V6(address) => not_public_v6(address),
            }),
        };
        refused.map_or(Ok(()), |what| Err(Refused { host: host.to_owned(), address, what }))
    }

    /// Looks a host up and leaves the addresses that may be connected to. Blocks for as long as the system's resolver does.
    ///
    /// # Errors
    /// When the name is not known, or [`Refused`] (as the error's source) when none of its addresses is allowed.
    pub fn resolve(self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let mut allowed = Vec::new();
        let mut refused = None;
        for address in (host.trim_matches(['[', ']']), port).to_socket_addrs()? {
            match self.check(host, address.ip()) {
                Ok(()) => allowed.push(address),
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(error) if allowed.is_empty() => Err(io::Error::other(error)),
            _ => Ok(allowed),
        }
    }
}

/// The IPv4 address that an IPv6 address stands for, if it does: packets to it end up there.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] | [0, 0, 0, 0, 0xffff, 0] => v4(g, h),
        [0, 0, 0, 0, 0, 0] if (g, h) != (0, 0) && (g, h) != (0, 1) => v4(g, h),
        [0x2002, high, low, ..] => v4(high, low),
        _ => address,
    }
}

/// What nobody has a service at.
fn never(address: IpAddr) -> Option<&'static str> {
    if METADATA.contains(&address) {
        return Some("the metadata service of a cloud");
    }
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    let broadcast = matches!(address, IpAddr::V4(Ipv4Addr::BROADCAST));
    if link_local {
        Some("a link-local address")
    } else if address.is_unspecified() {
        Some("the unspecified address")
    } else if address.is_multicast() || broadcast {
        Some("no address of a single host")
    } else {
        None
    }
}

fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    if address.is_loopback() {
        Some("this host itself")
    } else if address.is_private() || (a == 100 && (64..128).contains(&b)) {
        Some("an address of a private network")
    } else if a == 0
        || a >= 240
        || address.is_documentation()
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (18..20).contains(&b))
    {
        Some("a reserved address")
    } else {
        None
    }
}

fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [first, second, third, ..] = address.segments();
    if address.is_loopback() {
        Some("this host itself")
    } else if address.is_unique_local()
        || first & 0xffc0 == 0xfec0
        || (first, second, third) == (0x64, 0xff9b, 1)
    {
        Some("an address of a private network")
    } else if first & 0xe000 != 0x2000 || (first == 0x2001 && matches!(second, 0 | 0xdb8)) {
        Some("a reserved address")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(reach: Reach, address: &str) -> bool {
        reach.check("host", address.parse().unwrap()).is_ok()
    }

    #[test]
    fn the_world_is_public_and_the_rest_is_not() {
        for address in
            ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "2001:4860:4860::8888", "::ffff:8.8.8.8"]
        {
            assert!(allows(Reach::Public, address), "{address}");
        }
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "198.18.0.1",
            "192.0.2.1",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "fec0::1",
            "2001:db8::1",
            "2001::1",
            "100::1",
            "64:ff9b:1::1",
        ] {
            assert!(!allows(Reach::Public, address), "{address}");
            assert!(allows(Reach::Anything, address), "{address}");
        }
    }

    #[test]
    fn private_addresses_can_be_allowed_and_metadata_never() {
        for address in ["127.0.0.1", "10.0.0.1", "192.168.1.1", "::1", "fd12::1"] {
            assert!(allows(Reach::Private, address), "{address}");
        }
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "fd00:ec2::254",
            "fe80::1",
            "0.0.0.0",
            "::",
        ] {
            assert!(!allows(Reach::Private, address), "{address}");
            assert!(!allows(Reach::Public, address), "{address}");
        }
    }

    #[test]
    fn addresses_within_addresses_are_found() {
        for address in [
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(!allows(Reach::Public, address), "{address}");
        }
        assert!(!allows(Reach::Private, "::ffff:169.254.169.254"));
        assert!(!allows(Reach::Private, "64:ff9b::169.254.169.254"));
    }

    #[test]
    fn names_are_looked_up_and_judged_by_what_they_stand_for() {
        let refused = Reach::Public.resolve("localhost", 80).unwrap_err();
        let refused = refused.get_ref().unwrap().downcast_ref::<Refused>().unwrap().clone();
        assert!(refused.to_string().contains("this host itself"), "{refused}");
        assert!(!Reach::Private.resolve("localhost", 80).unwrap().is_empty());
        assert!(Reach::Public.resolve("[::1]", 80).is_err());
    }
}
