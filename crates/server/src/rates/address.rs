//! Where a request comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;
use serde::Deserialize;

/// Where a proxy says for whom it asks.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// Proxies behind each other that are believed, at most: the header can be long.
const MAX_HOPS: usize = 16;

/// The networks of proxies that are believed about who asks. Each notes, at the end of `X-Forwarded-For`, who has asked
/// it; what stands before that anybody may have written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Proxies(Vec<IpNet>);

/// As they are set: a list, or, in a variable, a text with commas between.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    List(Vec<String>),
}

impl TryFrom<Written> for Proxies {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let read = |text: &str| {
            let text = text.trim();
            let address = || text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>()
                .or_else(|_| address())
                .map_err(|_| format!("`{text}` is no network: write one as 10.0.0.0/8, or an address"))
        };
        let networks = match &written {
            Written::Text(text) => {
                text.split(',').filter(|one| !one.trim().is_empty()).map(read).collect::<Result<_, _>>()
            }
            Written::List(list) => list.iter().map(|one| read(one)).collect(),
        };
        networks.map(Self)
    }
}

impl Proxies {
    /// Who asks: the peer, or, where that is one of these, whoever it says it asks for.
    pub(super) fn client(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> IpAddr {
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
        if !self.has(peer) {
            return peer;
        }
        let said: Vec<&str> =
            headers.get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok()).collect();
        let hops = said.iter().rev().flat_map(|line| line.rsplit(',')).take(MAX_HOPS);
        let mut client = peer;
        for hop in hops {
            // Nobody that is believed writes what can't be read.
            let Some(address) = address(hop.trim()) else { break };
            client = address;
            if !self.has(client) {
                break;
            }
        }
        client
    }

    fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address as proxies write it: some with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = text.parse().ok().or_else(bare);
    address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip())).map(|address| address.to_canonical())
}

/// What counts as one client: an address of IPv4, or the network of 64 bits that a household has of IPv6, in one number.
pub(super) fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        // Beside all addresses of IPv6 that anything can come from: those that begin so are for many.
        IpAddr::V4(address) => 0xffff_ffff_0000_0000 | u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}

/// The same as a text.
pub(super) fn network_text(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use serde_json::json;

    use super::*;

    fn proxies(networks: serde_json::Value) -> Proxies {
        serde_json::from_value(networks).unwrap()
    }

    fn client(proxies: &Proxies, peer: &str, said: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in said {
            headers.append(HeaderName::from_static(FORWARDED_FOR), HeaderValue::from_str(line).unwrap());
        }
        proxies.client(Some(SocketAddr::new(peer.parse().unwrap(), 7)), &headers).to_string()
    }

    #[test]
    fn only_proxies_that_are_named_are_believed_and_only_about_who_asked_them() {
        let none = Proxies::default();
        assert_eq!(client(&none, "10.0.0.1", &["203.0.113.9"]), "10.0.0.1");
        let own = proxies(json!(["10.0.0.0/8", "2001:db8::1"]));
        assert_eq!(client(&own, "10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(&own, "2001:db8::1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(&own, "203.0.113.1", &["203.0.113.9"]), "203.0.113.1", "no proxy of ours");
        // What a client writes itself stands before what the proxy adds.
        assert_eq!(client(&own, "10.0.0.1", &["127.0.0.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(&own, "10.0.0.1", &["127.0.0.1", "203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(client(&own, "10.0.0.1", &["10.9.9.9, 10.0.0.2"]), "10.9.9.9", "one of our own asks");
        assert_eq!(client(&own, "10.0.0.1", &["203.0.113.9, nonsense"]), "10.0.0.1");
        assert_eq!(client(&own, "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client(&own, "::ffff:10.0.0.1", &["::ffff:203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(&own, "10.0.0.1", &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(client(&own, "10.0.0.1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        let many = vec!["10.0.0.3"; 1_000].join(",");
        assert_eq!(client(&own, "10.0.0.1", &["203.0.113.9", &many]), "10.0.0.3");
    }

    #[test]
    fn networks_are_a_list_or_a_text() {
        let list = proxies(json!(["10.0.0.0/8", "127.0.0.1"]));
        assert_eq!(proxies(json!("10.0.0.0/8, 127.0.0.1")), list);
        assert_eq!(proxies(json!("")), Proxies::default());
        let bad = serde_json::from_value::<Proxies>(json!(["10.0.0.0/99"])).unwrap_err();
        assert!(bad.to_string().contains("10.0.0.0/99"), "{bad}");
    }

    #[test]
    fn a_household_is_one_client() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("203.0.113.1"), of("203.0.113.2"));
        assert_eq!(of("203.0.113.1"), of("::ffff:203.0.113.1"));
        assert_eq!(network_text("2001:db8:1:2:3::1".parse().unwrap()), "2001:db8:1:2::/64");
        assert_eq!(network_text("::ffff:203.0.113.1".parse().unwrap()), "203.0.113.1");
    }
}
