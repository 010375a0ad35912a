//! Which addresses a notifier may send to: those of the public internet, unless its options say that it
//! may send to private ones too. Pure.
//!
//! A graph file may come from people who may not reach everything that the engine's machine can reach:
//! its own services, its neighbours, the cloud's metadata.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Returns whether an address belongs to the public internet, seen through whatever carries an IPv4
/// address within an IPv6 one.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_protocol = (a, b, c) == (192, 0, 0);
    let is_benchmark = a == 198 && (18..20).contains(&b);
    let is_reserved = a == 0 || a >= 240;
    !(is_special || is_shared || is_protocol || is_benchmark || is_reserved)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b, c, d, e, f) {
        // Mapped, and what was once "compatible", which covers `::` and `::1`.
        (0, 0, 0, 0, 0, 0xffff | 0) => embedded(high, low),
        // NAT64.
        (0x64, 0xff9b, 0, 0, 0, 0) => embedded(high, low),
        // 6to4.
        (0x2002, _, _, _, _, _) => embedded(b, c),
        // Teredo, and what only documents.
        (0x2001, 0 | 0xdb8, _, _, _, _) => false,
        // Only 2000::/3 is given out; private, local, multicast and NAT64 of one network lie elsewhere.
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIVATE: &[&str] = &[
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::10.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::127.0.0.1",
        "64:ff9b::192.168.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::8.8.8.8",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a00:1::",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "4000::1",
    ];

    const PUBLIC: &[&str] = &[
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "198.17.255.255",
        "198.20.0.1",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2001:4860:4860::8888",
        "2002:808:808::1",
        "2606:4700::1111",
    ];

    #[test]
    fn private_addresses_are_told_from_public_ones_however_they_are_written() {
        for text in PRIVATE {
            assert!(!is_public(text.parse().unwrap()), "{text} must be refused");
        }
        for text in PUBLIC {
            assert!(is_public(text.parse().unwrap()), "{text} must be allowed");
        }
    }
}
