//! Contact and payment data in texts. Nanos are published anonymously enough that a moderator should look: a creator
//! may name an office address on purpose, or leak somebody's private number.
//!
//! Findings carry counts, never the data. Addresses and numbers that are reserved for examples do not count
//! (RFC 2606, and the sample IBAN of the standard).

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use crate::scan::{
    finding::{self, Findings},
    links::expression,
};

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    expression(r"(?i)(?-u:\b)[a-z0-9._%+-]{1,64}@((?:[a-z0-9äöü-]{1,63}\.){1,8}([a-z]{2,24}))(?-u:\b)")
});

/// `name (at) host (dot) de`, `name [ät] host.de`.
static EMAIL_SPELLED: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?ix) (?-u:\b) [a-z0-9._+-]{1,64} \s{0,3} [\(\[\{] \s? (?:at|ät) \s? [\)\]\}] \s{0,3}
          ( [a-z0-9-]{1,63} (?: (?: \s{0,3} [\(\[\{] \s? (?:dot|punkt) \s? [\)\]\}] \s{0,3} | \.) [a-z0-9-]{2,63} ){1,4} ) (?-u:\b)",
    )
});

/// International numbers: `+49 30 123456`, `0049…`.
static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?:\+[1-9][0-9]{0,2}|(?-u:\b)00(?:49|43|41))[\s./-]{0,3}(?:\(0\))?[\s./-]{0,3}(?:[0-9][\s()./-]{0,3}){6,13}[0-9](?-u:\b)",
    )
});

/// National numbers only behind a word that announces them; long digits alone mean too many things.
static PHONE_NAMED: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?i)(?-u:\b)(?:tel|telefon|telefonnummer|fon|phone|mobil|mobile|mobilnummer|handy|handynummer|ruf(?:t|en sie)?(?: mich| uns)? an|call|whatsapp|fax)(?-u:\b)[\s.:#=/-]{0,4}(?:nr\.?|no\.?|number|unter|at|me|us)?[\s.:]{0,3}(?:\(0[0-9]{1,5}\)|0[0-9]{1,5})[\s./-]{0,3}(?:[0-9][\s./-]{0,2}){3,9}[0-9](?-u:\b)",
    )
});

static MESSENGER_LINK: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?i)(?-u:\b)(?:wa\.me/\+?[0-9]|(?:api|chat|web)\.whatsapp\.com/|t\.me/[a-z0-9_+]|telegram\.me/[a-z0-9_+]|signal\.me/#|discord\.gg/[a-z0-9]|discord\.com/invite/|m\.me/[a-z0-9]|threema\.id/[a-z0-9]|snapchat\.com/add/|join\.skype\.com/)",
    )
});

/// `Telegram: @name`, `WhatsApp: name`.
static MESSENGER_NAMED: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?i)(?-u:\b)(?:telegram|whatsapp|signal|threema|wechat|discord|snapchat|skype|kik)\s{0,2}(?:[:=]\s{0,2}@?|(?:-?id|-?name|user|handle)?\s{0,2}[:=]?\s{0,2}@)[a-z0-9][a-z0-9_.#-]{3,32}",
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
    let emails = EMAIL
        .captures_iter(text)
        .filter(|found| !is_reserved(&found[1]) && !is_file_ending(&found[2]))
        .chain(EMAIL_SPELLED.captures_iter(text).filter(|found| !is_reserved(&found[1])))
        .map(|found| found[0].to_lowercase());
    let phones = [&PHONE, &PHONE_NAMED]
        .into_iter()
        .flat_map(|expression| matches(expression))
        .map(|found| found.chars().filter(char::is_ascii_digit).collect::<String>())
        .filter(|digits| (7..=15).contains(&digits.len()));
    let messengers = [&MESSENGER_LINK, &MESSENGER_NAMED].into_iter().flat_map(|expression| matches(expression));
    let ibans = IBAN.find_iter(text).filter(|found| is_iban(found.as_str())).map(|found| found.as_str().to_owned());
    let payments = ibans.chain(matches(&PAYMENT));
    // The same address in the text and in the link behind it is one.
    let (emails, phones) = (distinct(emails), distinct(phones));
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

/// Hosts that belong to nobody.
fn is_reserved(host: &str) -> bool {
    let host = host.to_lowercase();
    let ends = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
    [
        "example.com",
        "example.org",
        "example.net",
        "example.edu",
        "example",
        "test",
        "invalid",
        "localhost",
        "beispiel.de",
        "example.de",
        "domain.com",
        "domain.de",
    ]
    .into_iter()
    .any(ends)
}

/// `icon@2x.png` is no address.
fn is_file_ending(ending: &str) -> bool {
    matches!(
        ending.to_ascii_lowercase().as_str(),
        "png" | "jpg" | "jpeg" | "webp" | "gif" | "svg" | "css" | "js" | "mjs" | "html" | "json" | "pdf"
    )
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
            ("IBAN DE02 1203 0000 0000 2020 51", "contact_payment"),
            ("https://paypal.me/anna", "contact_payment"),
            ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "contact_payment"),
        ] {
            assert_eq!(rules(text), [(rule.to_owned(), 1)], "{text}");
        }
        assert_eq!(rules("a@posteo.de, b@posteo.de, mailto:A@posteo.de"), [("contact_email".into(), 2)]);
    }

    #[test]
    fn leaves_lessons_alone() {
        for text in [
            "Eine Adresse wie max@example.com oder eva@schule.example ist nur ein Beispiel.",
            "Das Bild icon@2x.png und @media print, npm install react@18.2.0",
            "Im Jahr 1989 lebten 16434000 Menschen dort, 3.141592653589793 ist Pi, +1234 ist zu kurz.",
            "Rechne: 0123456789 + 9876543210 = 10000000000; ISBN 978-3-16-148410-0",
            "Die IBAN DE89 3704 0044 0532 0130 00 ist das Beispiel der Norm, DE00 1203 0000 0000 2020 51 ist falsch.",
            "Das Signal: es wird verstärkt. Discord und WhatsApp sind Messenger.",
            "2026-11-22T14:21:17+01:00, 192.168.100.200, 10.000.000 km",
        ] {
            assert_eq!(rules(text), [], "{text}");
        }
    }
}
