//! Links in texts: how many, where to, and which of them look like a trap.

use std::{collections::BTreeSet, net::IpAddr, sync::LazyLock};

use regex::Regex;

use crate::scan::finding::{self, Findings};

/// Hosts named in the note about links, at most.
const HOSTS_SHOWN: usize = 5;

static LINK: LazyLock<Regex> = LazyLock::new(|| expression(r#"(?i)(?-u:\b)(?:https?|ftp)://[^\s<>"'`\\|{}^]{1,2000}"#));

/// Services that hide where a link goes.
const SHORTENERS: [&str; 17] = [
    "bit.ly",
    "buff.ly",
    "cutt.ly",
    "goo.gl",
    "is.gd",
    "lnkd.in",
    "ow.ly",
    "rb.gy",
    "rebrand.ly",
    "s.id",
    "shorturl.at",
    "t.co",
    "t.ly",
    "t1p.de",
    "tiny.cc",
    "tinyurl.com",
    "v.gd",
];

/// Endings of programs and of containers they come in.
const PROGRAMS: [&str; 18] = [
    ".apk",
    ".appimage",
    ".bat",
    ".cmd",
    ".dmg",
    ".exe",
    ".hta",
    ".img",
    ".iso",
    ".jar",
    ".jse",
    ".lnk",
    ".msi",
    ".pkg",
    ".ps1",
    ".scr",
    ".vbe",
    ".vbs",
];

/// Compiles one of this crate's own expressions; the tests compile them all. Word boundaries in them are ASCII ones
/// (`(?-u:\b)`): the Unicode kind rules out the fast engine and made scanning six times slower.
pub fn expression(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern in the source compiles")
}

/// The host of an address, in lower case, without user, port and path; `None` if there is none.
pub fn host(address: &str) -> Option<String> {
    let address = address.trim();
    let rest = address.split_once("//")?.1;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => host.split(':').next()?,
    };
    let host = host.trim_end_matches(['.', ',', ';', ')', '!']).to_lowercase();
    (!host.is_empty()).then_some(host)
}

/// Looks through a text (visible text and the addresses of its links).
pub fn inspect(entry: &str, text: &str, findings: &mut Findings) {
    let mut hosts = BTreeSet::new();
    let mut count = 0;
    for link in LINK.find_iter(text) {
        let address = link.as_str().trim_end_matches(['.', ',', ';', ')', ']', '!', '?', '*']);
        let Some(host) = host(address) else { continue };
        if is_local(&host) {
            continue;
        }
        count += 1;
        let mut found = |rule| findings.add(rule, entry, 1, Some(host.clone()));
        if host.parse::<IpAddr>().is_ok() {
            found(&finding::LINK_ADDRESS);
        }
        if is_disguised(address, &host) {
            found(&finding::LINK_DISGUISED);
        }
        if SHORTENERS.contains(&host.trim_start_matches("www.")) {
            found(&finding::LINK_SHORTENED);
        }
        if leads_to_program(address) {
            found(&finding::LINK_PROGRAM);
        }
        hosts.insert(host);
    }
    if count > 0 {
        let mut shown: Vec<String> = hosts.iter().take(HOSTS_SHOWN).cloned().collect();
        if hosts.len() > HOSTS_SHOWN {
            shown.push("…".into());
        }
        findings.add(&finding::LINK_EXTERNAL, entry, count, Some(shown.join(", ")));
    }
}

/// The reader's own machine or network: usual in programming lessons, harmless elsewhere.
fn is_local(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            ip.is_loopback() || ip.is_private() || ip.is_unspecified() || ip.is_link_local() || ip.is_documentation()
        }
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Err(_) => host == "localhost" || host.ends_with(".localhost") || !host.contains('.'),
    }
}

/// A user name that looks like a host (`https://bank.de@evil.net`), or letters of several scripts in one label
/// (`pаypal.com` with a Cyrillic `а`), also in its ASCII form.
fn is_disguised(address: &str, host: &str) -> bool {
    let authority = address.split_once("//").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(""));
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    if user.contains('.') {
        return true;
    }
    host.split('.').any(|label| {
        let latin = label.chars().any(|c| c.is_ascii_alphabetic());
        let lookalike = label.chars().any(|c| matches!(c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}'));
        latin && lookalike || label.starts_with("xn--")
    })
}

fn leads_to_program(address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or(address).to_ascii_lowercase();
    // Without a path, ".com" and the like are part of the host.
    path.split_once("//").is_some_and(|(_, rest)| {
        rest.split_once('/').is_some_and(|(_, path)| PROGRAMS.iter().any(|ending| path.ends_with(ending)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<(String, u32)> {
        let mut findings = Findings::default();
        inspect("a.txt", text, &mut findings);
        findings.into_sorted(99).0.into_iter().map(|finding| (finding.rule, finding.count)).collect()
    }

    #[test]
    fn hosts_without_the_rest() {
        assert_eq!(host("https://User:pw@Example.NET:8080/x?y").as_deref(), Some("example.net"));
        assert_eq!(host("//cdn.example.net/x").as_deref(), Some("cdn.example.net"));
        assert_eq!(host("http://[2001:db8::1]:80/").as_deref(), Some("2001:db8::1"));
        assert_eq!(host("bilder/igel.png"), None);
    }

    #[test]
    fn ordinary_links_are_a_note() {
        let text = "Mehr auf https://de.wikipedia.org/wiki/Igel, https://de.wikipedia.org/wiki/Dachs. Lokal: \
            http://localhost:3000/x und http://192.168.0.1/. Download: https://example.com";
        assert_eq!(rules(text), [("link_external".into(), 3)]);
        let mut findings = Findings::default();
        inspect("a.txt", text, &mut findings);
        assert_eq!(findings.into_sorted(9).0[0].excerpt.as_deref(), Some("de.wikipedia.org, example.com"));
    }

    #[test]
    fn traps_are_found() {
        for (text, rule) in [
            ("http://93.184.216.34/login", "link_address"),
            ("https://sparkasse.de@example.net/x", "link_disguised"),
            ("https://p\u{430}ypal.com/", "link_disguised"),
            ("https://xn--pypal-4ve.com/", "link_disguised"),
            ("https://bit.ly/3xYz", "link_shortened"),
            ("https://example.net/setup.EXE?x=1", "link_program"),
        ] {
            assert_eq!(rules(text), [(rule.to_owned(), 1), ("link_external".to_owned(), 1)], "{text}");
        }
    }
}
