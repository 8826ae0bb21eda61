//! Proxies of ours, and the client's address behind them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const MOST: usize = 10;

/// Whom we believe in `X-Forwarded-For`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedProxies {
    /// Everything comes through so many of them, whatever their addresses.
    Number(usize),
    /// Whatever comes from these networks comes from one.
    Networks(Vec<IpNet>),
}

/// A setting that is neither.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a number from 0 to 10 or a list of networks, but is {0:?}")]
pub struct NoProxies(String);

impl TrustedProxies {
    /// Reads a number, or networks and addresses separated by commas.
    pub fn parse(text: &str) -> Result<Self, NoProxies> {
        let wrong = || NoProxies(text.to_owned());
        if let Ok(number) = text.trim().parse() {
            return if number <= MOST { Ok(Self::Number(number)) } else { Err(wrong()) };
        }
        let network =
            |part: &str| part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from)).map_err(|_| wrong());
        text.split(',').map(|part| network(part.trim())).collect::<Result<_, _>>().map(Self::Networks)
    }

    /// Whether a connection of this address may be one of ours, with many clients behind it.
    pub fn is_proxy(&self, address: IpAddr) -> bool {
        self.believes(address, 0)
    }

    /// Whether the address at this many places behind the peer's is that of a proxy of ours.
    fn believes(&self, address: IpAddr, place: usize) -> bool {
        match self {
            Self::Number(number) => place < *number,
            Self::Networks(networks) => networks.iter().any(|network| network.contains(&address)),
        }
    }

    /// The client's address. Each proxy appends the address that it saw, to the last line or as a line of its own: from
    /// the peer on, the way leads left through all lines as long as a proxy of ours wrote what stands there. What stands
    /// further left was written by the client and means nothing.
    pub fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ip| ip.to_canonical());
        // A line that is no text has one entry, which is no address.
        let lines = headers.get_all(FORWARDED_FOR).iter().rev().map(|line| line.to_str().unwrap_or_default());
        for (place, entry) in lines.flat_map(|line| line.rsplit(',')).enumerate() {
            if !self.believes(client, place) {
                break;
            }
            let Some(address) = address(entry.trim()) else { break };
            client = address;
        }
        client
    }
}

/// An address, alone or with a port, as some load balancers write it.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = || entry.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    let parsed = entry.parse::<IpAddr>().or_else(|_| entry.parse::<SocketAddr>().map(|socket| socket.ip())).ok();
    parsed.or_else(bare).map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(proxies: &str, lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let proxies = TrustedProxies::parse(proxies).unwrap();
        proxies.client(Some("10.0.0.1".parse().unwrap()), &headers).to_string()
    }

    #[test]
    fn only_our_proxies_are_believed() {
        let lines = ["6.6.6.6, 203.0.113.7, 10.0.0.9"];
        assert_eq!(client("0", &lines), "10.0.0.1");
        assert_eq!(client("1", &lines), "10.0.0.9");
        assert_eq!(client("2", &lines), "203.0.113.7");
        assert_eq!(client("10.0.0.0/8", &lines), "203.0.113.7");
        assert_eq!(client("10.0.0.0/8,203.0.113.0/24", &lines), "6.6.6.6");
        assert_eq!(client("192.0.2.0/24", &lines), "10.0.0.1", "the peer itself is none of ours");
        assert_eq!(client("2", &[]), "10.0.0.1");
    }

    #[test]
    fn all_lines_count_from_the_right() {
        assert_eq!(client("1", &["6.6.6.6", "203.0.113.7"]), "203.0.113.7");
        assert_eq!(client("2", &["6.6.6.6, 203.0.113.7", "10.0.0.9"]), "203.0.113.7");
        assert_eq!(client("10.0.0.0/8", &["6.6.6.6", "203.0.113.7", "10.0.0.9, 10.0.0.8"]), "203.0.113.7");
        // A request that left one proxy out: the other one's word counts.
        assert_eq!(client("2", &["203.0.113.7"]), "203.0.113.7");
    }

    #[test]
    fn what_is_no_address_ends_the_way() {
        for wrong in ["unknown", "", "_hidden", "1.2.3", "\u{e9}", "for=1.2.3.4"] {
            let line: &'static str = Box::leak(format!("6.6.6.6, {wrong}, 10.0.0.9").into_boxed_str());
            assert_eq!(client("3", &[line]), if wrong.is_ascii() { "10.0.0.9" } else { "10.0.0.1" }, "{wrong:?}");
        }
        assert_eq!(client("2", &["6.6.6.6", "nonsense"]), "10.0.0.1");
        for (written, meant) in [
            ("203.0.113.7:4711", "203.0.113.7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
        ] {
            assert_eq!(client("1", &[written]), meant);
        }
    }

    #[test]
    fn a_setting_is_a_number_or_networks() {
        assert_eq!(TrustedProxies::parse(" 2 "), Ok(TrustedProxies::Number(2)));
        assert!(TrustedProxies::parse("127.0.0.1, 10.0.0.0/8,fd00::/8").is_ok());
        for wrong in ["", "11", "-1", "10.0.0.0/33", "10.0.0.0/8,", "proxy.internal"] {
            assert!(TrustedProxies::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
