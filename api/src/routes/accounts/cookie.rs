//! Cookies for browsers: out of reach for scripts, sent to the addresses of this site that need them alone.

use http::{HeaderMap, header};

/// A cookie of ours. Where the site has TLS its name begins with `__Secure-`: browsers take such a cookie only over TLS, so
/// that nobody on the way plants one.
#[derive(Clone, Copy, Debug)]
pub struct Cookie {
    name: &'static str,
    path: &'static str,
}

/// Holds the refresh token.
pub const REFRESH: Cookie = Cookie { name: "__Secure-nano_refresh", path: "/api/v1/auth" };
/// Says which browser this is, to those who count failed logins.
pub const BROWSER: Cookie = Cookie { name: "__Secure-nano_browser", path: "/api/v1/auth/login" };

const PREFIX: &str = "__Secure-";

impl Cookie {
    fn name(self, secure: bool) -> &'static str {
        if secure { self.name } else { self.name.strip_prefix(PREFIX).unwrap_or(self.name) }
    }

    /// Its value, if the client has one. `secure`: whether the site has TLS.
    pub fn find(self, headers: &HeaderMap, secure: bool) -> Option<&str> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .find_map(|pair| pair.trim().strip_prefix(self.name(secure))?.strip_prefix('='))
    }

    /// `Set-Cookie` for a value that is good for `max_age` seconds.
    pub fn set(self, value: &str, max_age: i64, secure: bool) -> String {
        let (name, path, secure) = (self.name(secure), self.path, if secure { "; Secure" } else { "" });
        format!("{name}={value}; HttpOnly; SameSite=Strict; Path={path}; Max-Age={max_age}{secure}")
    }

    /// `Set-Cookie` that removes it.
    pub fn clear(self, secure: bool) -> String {
        self.set("", 0, secure)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_cookie_is_closed_to_scripts_and_other_sites_and_comes_back() {
        for (secure, name) in [(true, "__Secure-nano_refresh"), (false, "nano_refresh")] {
            let set = REFRESH.set("secret", 60, secure);
            for part in ["HttpOnly", "SameSite=Strict", "Path=/api/v1/auth", "Max-Age=60"] {
                assert!(set.contains(part), "{set}");
            }
            assert_eq!(set.contains("; Secure"), secure, "{set}");
            assert!(set.starts_with(&format!("{name}=secret;")), "{set}");
            let mut headers = HeaderMap::new();
            assert_eq!(REFRESH.find(&headers, secure), None);
            let value = format!("x=1; {name}=secret; {name}2=y");
            headers.insert(header::COOKIE, HeaderValue::from_str(&value).unwrap());
            assert_eq!(REFRESH.find(&headers, secure), Some("secret"));
            assert_eq!(REFRESH.find(&headers, !secure), None, "another name");
            assert_eq!(BROWSER.find(&headers, secure), None);
        }
    }
}
