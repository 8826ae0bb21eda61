//! The `Host` of a request: exactly one, that is a host, and the same as in the target (RFC 9112, section 3.2).
//!
//! Which host it is does not matter here: load balancers check a process by its address. But two programs on a request's
//! way must not read different hosts out of it.

use std::net::Ipv6Addr;

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Uri, Version, header, uri::Authority};
use serde_json::json;

use crate::reply::{Code, Error};

/// Refuses requests whose host is not clear.
pub async fn check(request: Request, next: Next) -> Response {
    match fault(request.version(), request.uri(), request.headers()) {
        None => next.run(request).await,
        Some(reason) => Error::with(Code::HostInvalid, json!({"reason": reason})).into_response(),
    }
}

/// What is wrong, as a word for programs.
fn fault(version: Version, target: &Uri, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let Some(host) = hosts.next() else {
        // Older clients send none.
        return (version >= Version::HTTP_11).then_some("missing");
    };
    if hosts.next().is_some() {
        return Some("repeated");
    }
    let Some(host) = host.to_str().ok().and_then(authority) else { return Some("malformed") };
    match target.authority() {
        Some(named) if !same(named, &host, target.scheme_str()) => Some("not_the_target"),
        _ => None,
    }
}

/// A host with or without a port, and nothing else.
fn authority(text: &str) -> Option<Authority> {
    let authority: Authority = text.parse().ok()?;
    let port = authority.as_str().strip_prefix(authority.host())?;
    let fits = port.is_empty() || authority.port_u16().is_some();
    (fits && is_host(authority.host())).then_some(authority)
}

/// A name as DNS has them, or an address. The grammar of URIs allows more, a comma between two names for example.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)),
    }
}

fn same(one: &Authority, other: &Authority, scheme: Option<&str>) -> bool {
    let usual = if scheme == Some("https") { 443 } else { 80 };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(usual);
    one.host().eq_ignore_ascii_case(other.host()) && port(one) == port(other)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn judged(version: Version, target: &str, hosts: &[&[u8]]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_bytes(host).unwrap());
        }
        fault(version, &target.parse().unwrap(), &headers)
    }

    #[test]
    fn there_is_exactly_one_host_and_it_is_one() {
        let http11 = |hosts: &[&[u8]]| judged(Version::HTTP_11, "/x", hosts);
        for good in [
            "nano.example",
            "nano.example:8000",
            "10.0.0.7",
            "10.0.0.7:8000",
            "[::1]",
            "[2001:db8::1]:8000",
            "LOCALHOST",
        ] {
            assert_eq!(http11(&[good.as_bytes()]), None, "{good}");
        }
        for bad in [
            "",
            "a b",
            "user@nano.example",
            "nano.example/x",
            "nano.example:99999",
            "nano.example:x",
            ":80",
            "a,b",
            "[::1",
        ] {
            assert_eq!(http11(&[bad.as_bytes()]), Some("malformed"), "{bad}");
        }
        assert_eq!(http11(&[b"n\xe4no.example"]), Some("malformed"));
        assert_eq!(http11(&[]), Some("missing"));
        assert_eq!(http11(&[b"nano.example", b"nano.example"]), Some("repeated"));
        assert_eq!(judged(Version::HTTP_10, "/x", &[]), None);
        assert_eq!(judged(Version::HTTP_10, "/x", &[b"a", b"b"]), Some("repeated"));
    }

    #[test]
    fn an_absolute_target_names_the_same_host() {
        let judged = |target, host: &str| judged(Version::HTTP_11, target, &[host.as_bytes()]);
        assert_eq!(judged("http://nano.example/x", "NANO.example"), None);
        assert_eq!(judged("http://nano.example:80/x", "nano.example"), None);
        assert_eq!(judged("https://nano.example/x", "nano.example:443"), None);
        for other in ["evil.example", "nano.example:81", "nano.example.evil"] {
            assert_eq!(judged("http://nano.example/x", other), Some("not_the_target"), "{other}");
        }
    }
}
