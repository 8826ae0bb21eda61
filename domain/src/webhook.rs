//! Webhooks: what people are told of, which addresses they may be told at, and when that is tried again.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use chrono::TimeDelta;

use crate::words;

/// Most endpoints of one person.
pub const WEBHOOKS_MAX: u64 = 10;
/// Most secrets of one endpoint that are good at a time: the newest, and replaced ones whose time is not over.
pub const SECRETS_MAX: u64 = 5;
/// Most times that one delivery is sent, each with all the attempts of a new one: when it is made, and when its owner asks.
pub const ROUNDS_MAX: u32 = 20;
/// Most messages that try an endpoint and are still under way.
pub const TESTS_MAX: u64 = 20;
/// Of a delivery's attempts so many are listed, the newest: more than a round has.
pub const ATTEMPTS_LISTED: u32 = 20;
/// Longest name of an endpoint, in characters.
pub const NAME_MAX: usize = 100;
/// Longest address of an endpoint, in bytes.
pub const URL_MAX: usize = 2_000;
/// A secret that was replaced signs for so long beside the new one.
pub const REPLACED_SECRET_GOOD_FOR: TimeDelta = TimeDelta::days(1);

/// Between one attempt and the next, in minutes; after the last of them a delivery has failed. Together about three days.
const PAUSES: [u64; 8] = [1, 5, 30, 120, 300, 600, 1_440, 1_440];

words! {
    /// What an endpoint can be told of.
    pub enum WebhookEvent ("webhook event") {
        /// A version of a nano is public.
        NanoPublished = "nano.published",
        /// A version of a nano was turned down.
        NanoRejected = "nano.rejected",
        /// Somebody has rated a nano, or changed their score.
        NanoRated = "nano.rated",
    }
}

/// What an endpoint is told when its owner tries it. Nobody subscribes to it.
pub const TEST_EVENT: &str = "webhook.test";

words! {
    /// What became of a delivery.
    pub enum DeliveryState ("delivery state") {
        /// It waits for its first or next attempt.
        Pending = "pending",
        /// An attempt was answered with 2xx.
        Delivered = "delivered",
        /// It is not tried again by itself.
        Failed = "failed",
    }
}

words! {
    /// Why an endpoint is told nothing.
    pub enum DisabledFor ("reason") {
        /// Its owner has switched it off.
        Owner = "owner",
        /// Nothing could be delivered for days.
        Failures = "failures",
    }
}

/// How long after the `attempts`-th attempt (from 1) the next one comes; none: it was the last.
pub fn pause_after(attempts: u32) -> Option<Duration> {
    let minutes = PAUSES.get(usize::try_from(attempts).ok()?.checked_sub(1)?)?;
    Some(Duration::from_secs(60 * minutes))
}

/// Whether anybody on the internet can have this address. Everything else is some network's own, ours among them: what is
/// special in the registries of IANA (RFC 6890 and its updates) is refused as a whole, and so are IPv6 addresses that stand for
/// IPv4 ones (mapped, NAT64, 6to4, Teredo), which would lead around the rule.
pub const fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        // This network, private, loopback, multicast, reserved and broadcast.
        [0 | 10 | 127 | 224..=255, ..] => false,
        // Carrier NAT, link-local, private, private, benchmarks.
        [100, 64..=127, ..] | [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..] | [198, 18 | 19, ..] => false,
        // Protocols, documentation, relays of 6to4, documentation.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 51, 100, _] | [203, 0, 113, _] => false,
        _ => true,
    }
}

const fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Protocols with Teredo, documentation, 6to4, documentation.
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        // Global unicast is all that was given out so far.
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for address in [
            "1.1.1.1",
            "93.184.215.14",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001:82a::200e",
            "2001:200::1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.9.10",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378::1",
            "2001:2::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn attempts_come_after_minutes_at_first_and_days_later_and_end() {
        assert_eq!(pause_after(0), None);
        assert_eq!(pause_after(1), Some(Duration::from_secs(60)));
        assert_eq!(pause_after(8), Some(Duration::from_secs(86_400)));
        assert_eq!(pause_after(9), None);
    }
}
