//! Contact and payment data in texts. Nanos are published anonymously enough that a moderator should look: a creator
//! may name an office address on purpose, or leak somebody's private number.
//!
//! Findings carry counts, never the data. Addresses and numbers that are reserved for examples, or belong to machines, do
//! not count (`wordlists/contact.txt`, and the sample IBAN of the standard).

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use crate::scan::{
    finding::{self, Findings},
    links::expression,
    phone,
};

static NOBODY: LazyLock<Nobody> = LazyLock::new(|| Nobody::read(include_str!("../../wordlists/contact.txt")));

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?i)(?-u:\b)([a-z0-9._%+-]{1,64})(?:[@＠]|[ ][@＠][ ])((?:[a-z0-9äöü-]{1,63}\.){1,8}([a-z]{2,24}))(?-u:\b)",
    )
});

/// `name (at) host (dot) de`, `name [ät] host.de`, `name(a)host.de`.
static EMAIL_SPELLED: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?ix) (?-u:\b) ( [a-z0-9._+-]{1,64} ) \s{0,3} [\(\[\{<] \s? (?:at|ät|a|@|klammeraffe) \s? [\)\]\}>] \s{0,3}
          ( [a-z0-9-]{1,63} (?: (?: \s{0,3} [\(\[\{<] \s? (?:dot|punkt) \s? [\)\]\}>] \s{0,3} | \.) [a-z0-9-]{2,63} ){1,4} ) (?-u:\b)",
    )
});

/// `name at host dot de`.
static EMAIL_SPOKEN: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?ix) (?-u:\b) ( [a-z0-9._+-]{2,64} ) \s (?:at|ät|klammeraffe) \s
          ( [a-z0-9-]{2,63} \s (?:dot|punkt) \s (?:de|com|org|net|at|ch|eu|info|io|me|uk) ) (?-u:\b)",
    )
});

static MESSENGER_LINK: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?i)(?-u:\b)(?:wa\.me/\+?[0-9]|(?:api|chat|web)\.whatsapp\.com/|t\.me/[a-z0-9_+]|telegram\.me/[a-z0-9_+]|signal\.me/#|discord\.gg/[a-z0-9]|discord\.com/invite/|m\.me/[a-z0-9]|threema\.id/[a-z0-9]|snapchat\.com/add/|join\.skype\.com/)",
    )
});

/// `Telegram: @name`, and names with signs in them (`Snapchat: lena_2009`): a word alone may be a headline.
static MESSENGER_NAMED: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?ix)(?-u:\b)(?:telegram|whatsapp|signal|threema|wechat|discord|snapchat|snap|skype|kik|insta|instagram|tiktok)
          (?:-?id|-?name|user|handle)?
          (?: \s{0,2}[:=]?\s{0,2} @[a-z0-9][a-z0-9_.\#-]{3,32}
            | (?:\s{0,2}[:=]|\s(?:is|ist)\s)\s{0,2} [a-z][a-z0-9]{1,20}[_.\#][a-z0-9_.\#-]{1,20}[a-z0-9](?-u:\b) )",
    )
});

static IBAN: LazyLock<Regex> = LazyLock::new(|| {
    expression(r"(?-u:\b)[A-Z]{2}[0-9]{2}(?:[ \u{a0}]?[A-Z0-9]{4}){2,7}(?:[ \u{a0}]?[A-Z0-9]{1,3})?(?-u:\b)")
});

static PAYMENT: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?i)(?-u:\b)(?:paypal\.me/[a-z0-9]|paypal\.com/(?:donate|paypalme|cgi-bin)|ko-fi\.com/[a-z0-9]|buymeacoffee\.com/[a-z0-9]|patreon\.com/[a-z0-9]|gofundme\.com/[a-z0-9]|cash\.app/\$|venmo\.com/[a-z0-9]|revolut\.me/[a-z0-9]|bitcoin:[13b][a-z0-9]{20}|bc1[ac-hj-np-z02-9]{38,58}(?-u:\b)|0x[0-9a-f]{40}(?-u:\b))",
    )
});

/// The IBAN that stands in every textbook.
const IBAN_SAMPLE: &str = "DE89370400440532013000";

/// Looks through a text (visible text and the addresses of its links).
pub fn inspect(entry: &str, text: &str, findings: &mut Findings) {
    let matches = |expression: &Regex| -> Vec<String> {
        expression.find_iter(text).map(|found| found.as_str().to_lowercase()).collect()
    };
    let emails = [&EMAIL, &EMAIL_SPELLED, &EMAIL_SPOKEN]
        .into_iter()
        .flat_map(|expression| expression.captures_iter(text))
        .filter(|found| !NOBODY.has(&found[1], &found[2]))
        .map(|found| found[0].to_lowercase());
    let phones = phone::numbers(text, &NOBODY.numbers).len();
    let messengers = [&MESSENGER_LINK, &MESSENGER_NAMED].into_iter().flat_map(|expression| matches(expression));
    let ibans = IBAN.find_iter(text).filter(|found| is_iban(found.as_str())).map(|found| found.as_str().to_owned());
    let payments = ibans.chain(matches(&PAYMENT));
    // The same address in the text and in the link behind it is one.
    let emails = distinct(emails);
    let (messengers, payments) = (distinct(messengers), distinct(payments));
    for (rule, count) in [
        (&finding::CONTACT_EMAIL, emails),
        (&finding::CONTACT_PHONE, phones),
        (&finding::CONTACT_MESSENGER, messengers),
        (&finding::CONTACT_PAYMENT, payments),
    ] {
        if count > 0 {
            findings.add(rule, entry, count as u32, None);
        }
    }
}

fn distinct(found: impl Iterator<Item = String>) -> usize {
    found.collect::<BTreeSet<String>>().len()
}

/// Addresses and numbers that belong to nobody.
#[derive(Debug, Default)]
struct Nobody {
    names: BTreeSet<&'static str>,
    hosts: BTreeSet<&'static str>,
    endings: BTreeSet<&'static str>,
    numbers: BTreeSet<&'static str>,
}

impl Nobody {
    fn read(list: &'static str) -> Self {
        let mut nobody = Self::default();
        let mut section = "";
        for line in list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if line.starts_with('[') {
                section = line;
                continue;
            }
            let entries = match section {
                "[names]" => &mut nobody.names,
                "[hosts]" => &mut nobody.hosts,
                "[endings]" => &mut nobody.endings,
                _ => &mut nobody.numbers,
            };
            entries.insert(line);
        }
        nobody
    }

    fn has(&self, name: &str, host: &str) -> bool {
        let (name, host) = (name.to_lowercase(), host.to_lowercase());
        let below = |host: &str| self.hosts.contains(host);
        let mut domain = Some(host.as_str());
        while let Some(at) = domain {
            if below(at) {
                return true;
            }
            domain = at.split_once('.').map(|(_, parent)| parent);
        }
        let ending = host.rsplit('.').next().unwrap_or_default();
        self.names.contains(name.as_str()) || self.endings.contains(ending)
    }
}

/// Check digits after ISO 13616: letters as numbers, first four characters last, modulo 97 is 1.
fn is_iban(text: &str) -> bool {
    let iban: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    if !(15..=34).contains(&iban.len()) || iban == IBAN_SAMPLE {
        return false;
    }
    let (country, account) = iban.split_at(4);
    let rest = account.chars().chain(country.chars()).fold(0, |rest, char| {
        let value = char.to_digit(36).unwrap_or(0);
        (if value < 10 { rest * 10 } else { rest * 100 } + value) % 97
    });
    rest == 1
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
    fn finds_addresses_and_numbers() {
        for (text, rule) in [
            ("Schreib an anna.berg@posteo.de!", "contact_email"),
            ("anna (at) posteo (punkt) de", "contact_email"),
            ("anna [ät] posteo.de", "contact_email"),
            ("Ruf an: +49 30 1234567", "contact_phone"),
            ("+49 (0) 170 / 123 45 67", "contact_phone"),
            ("0049-170-1234567", "contact_phone"),
            ("Tel.: 030 / 123 456 7", "contact_phone"),
            ("Handynummer 0170 1234567", "contact_phone"),
            ("Gruppe: https://chat.whatsapp.com/AbCdEf", "contact_messenger"),
            ("Telegram: @annaberg", "contact_messenger"),
            ("Signal: annaberg.42", "contact_messenger"),
            ("Snapchat: lena_2009", "contact_messenger"),
            ("anna at posteo dot de", "contact_email"),
            ("anna @ posteo.de", "contact_email"),
            ("anna(a)posteo.de", "contact_email"),
            ("IBAN DE02 1203 0000 0000 2020 51", "contact_payment"),
            ("https://paypal.me/anna", "contact_payment"),
            ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "contact_payment"),
        ] {
            assert_eq!(rules(text), [(rule.to_owned(), 1)], "{text}");
        }
        assert_eq!(rules("a@posteo.de, b@posteo.de, mailto:A@posteo.de"), [("contact_email".into(), 2)]);
    }

    #[test]
    fn the_list_of_nobody_is_whole() {
        assert!([&NOBODY.names, &NOBODY.hosts, &NOBODY.endings, &NOBODY.numbers].iter().all(|list| list.len() > 5));
        assert!(NOBODY.numbers.iter().all(|number| number.bytes().all(|byte| byte.is_ascii_digit())));
    }

    #[test]
    fn leaves_lessons_alone() {
        for text in [
            "Eine Adresse wie max@example.com oder eva@schule.example ist nur ein Beispiel.",
            "Das Bild icon@2x.png und @media print, npm install react@18.2.0",
            "Im Jahr 1989 lebten 16434000 Menschen dort, 3.141592653589793 ist Pi, +1234 ist zu kurz.",
            "Rechne: 0123456789 + 9876543210 = 10000000000; ISBN 978-3-16-148410-0",
            "Die IBAN DE89 3704 0044 0532 0130 00 ist das Beispiel der Norm, DE00 1203 0000 0000 2020 51 ist falsch.",
            "Das Signal: es wird verstärkt. Discord und WhatsApp sind Messenger. Telegram: Geschichte einer Erfindung. Signal audio.wav, Discord discord.py",
            "git@github.com:x/y.git, ssh root@10.0.0.1, pi@raspberrypi.local, no-reply@schule.de, @app.route('/'), npm i a @types.node",
            "Er lebt at home dot dot dot",
            "2026-11-22T14:21:17+01:00, 192.168.100.200, 10.000.000 km",
        ] {
            assert_eq!(rules(text), [], "{text}");
        }
    }
}
