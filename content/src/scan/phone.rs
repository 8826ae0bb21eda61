//! Telephone numbers: what is one, and what only looks like one.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use crate::scan::links::expression;

/// International numbers: `+49 30 123456`, `0049…`.
static INTERNATIONAL: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?:\+[1-9][0-9]{0,2}|(?-u:\b)00(?:49|43|41))[\s./-]{0,3}(?:\(0\))?[\s./-]{0,3}(?:[0-9][\s()./-]{0,3}){6,13}[0-9](?-u:\b)",
    )
});

/// National numbers behind a word that announces them; long digits alone mean too many things.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?i)(?-u:\b)(?:tel|telefon|telefonnummer|fon|phone|cell|mobil|mobile|mobilnummer|handy|handynummer|ruf(?:t|en sie)?(?: mich| uns)? an|call|text|ring|reach|whatsapp|fax|meine nummer|my number)(?-u:\b)[\s.:#=/-]{0,4}(?:(?:nr\.?|no\.?|number|unter|at|on|me|us|is|ist)[\s.:]{0,3}){0,3}(?:\(0[0-9]{1,5}\)|0[0-9]{1,5})[\s./-]{0,3}(?:[0-9][\s./-]{0,2}){3,9}[0-9](?-u:\b)",
    )
});

/// German and British mobile numbers, whose first digits hardly anything else has.
static MOBILE: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?-u:\b)0(?:15[0-9]|16[023]|17[0-9])[0-9]?[\s/-]{0,3}[0-9]{3,4}[\s/-]{0,2}[0-9]{2,4}(?:[\s-]?[0-9]{1,3}){0,2}(?-u:\b)|(?-u:\b)07[1-9][0-9]{2}[\s-]?[0-9]{3}[\s-]?[0-9]{3}(?-u:\b)",
    )
});

/// Digits as words, behind the zero and one (or seven) that mobile numbers begin with.
static SPOKEN: LazyLock<Regex> = LazyLock::new(|| {
    expression(
        r"(?i)(?-u:\b)(?:null[\s,-]+(?:eins|sieben)|(?:zero|oh)[\s,-]+(?:one|seven))(?:[\s,-]+(?:null|eins|zwei|zwo|drei|vier|fünf|sechs|sieben|acht|neun|zero|oh|one|two|three|four|five|six|seven|eight|nine|double)){7,}",
    )
});

/// Country codes (ITU-T E.164) of two digits; those of three begin with one of the others' first digits.
const COUNTRIES: [&str; 51] = [
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49", "51",
    "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86", "90",
    "91", "92", "93", "94", "95", "98", "70", "73", "74", "77", "78", "79", "71",
];
/// First two digits of country codes of three.
const COUNTRY_GROUPS: [&str; 18] =
    ["21", "22", "23", "24", "25", "26", "29", "35", "37", "38", "42", "50", "59", "67", "68", "69", "85", "96"];
/// Further groups of three, and the services of the world.
const MORE_GROUPS: [&str; 5] = ["97", "99", "80", "88", "87"];

/// The different numbers in a text, digits only. `free`: beginnings of numbers that belong to nobody.
pub fn numbers(text: &str, free: &BTreeSet<&str>) -> BTreeSet<String> {
    let digits = |written: &str| written.chars().filter(char::is_ascii_digit).collect::<String>();
    let international =
        INTERNATIONAL.find_iter(text).map(|found| found.as_str()).filter(|found| is_international(found));
    let national = [&NAMED, &MOBILE].into_iter().flat_map(|expression| expression.find_iter(text));
    let written = international
        .chain(national.map(|found| found.as_str()))
        .map(digits)
        .filter(|digits| (7..=15).contains(&digits.len()))
        .filter(|digits| !free.iter().any(|start| digits.starts_with(start)));
    // Nothing but their count is told, so what they are in digits does not matter.
    let spoken = SPOKEN.find_iter(text).map(|found| found.as_str().to_lowercase());
    written.chain(spoken).collect()
}

/// A number with the code of a country, of a length that its numbers have; not an amount, a coordinate or a difference.
fn is_international(written: &str) -> bool {
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let Some(after_plus) = written.strip_prefix('+') else { return true };
    if is_grouped(after_plus) || is_decimal(after_plus) {
        return false;
    }
    match digits.as_bytes() {
        [b'1', ..] => digits.len() == 11,
        [b'7', ..] => digits.len() == 11,
        _ => {
            let start = &digits[..2];
            let known = COUNTRIES.contains(&start) || COUNTRY_GROUPS.contains(&start) || MORE_GROUPS.contains(&start);
            known && digits.len() >= 9
        }
    }
}

/// `12.500.000`, `12 500 000`: groups of three behind the first, all with the same separator.
fn is_grouped(written: &str) -> bool {
    ['.', ',', '\'', ' ', '\u{a0}', '\u{202f}'].iter().any(|separator| {
        let mut groups = written.split(*separator);
        let first = groups.next().unwrap_or_default();
        let rest: Vec<&str> = groups.collect();
        let is_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
        // Blanks also divide telephone numbers; long ones in even groups of three are rather those.
        let enough = if *separator == ' ' { rest.len() <= 2 } else { true };
        (1..=3).contains(&first.len())
            && is_digits(first)
            && rest.len() >= 2
            && enough
            && rest.iter().all(|group| group.len() == 3 && is_digits(group))
    })
}

/// `48.137154`: one point, and nothing else between the digits.
fn is_decimal(written: &str) -> bool {
    written.split_once('.').is_some_and(|(whole, part)| {
        whole.len() <= 3 && [whole, part].iter().all(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        numbers(text, &BTreeSet::from(["0800", "112", "03023125"])).len()
    }

    #[test]
    fn numbers_in_all_their_forms() {
        for text in [
            "+49 30 1234567",
            "+49 (0) 170 / 123 45 67",
            "0049-170-1234567",
            "Tel.: 030 / 123 456 7",
            "0170 1234567",
            "0151/23456789",
            "07911 123456",
            "+44 7911 123456",
            "+1 212 736 5000",
            "+43 660 1234567",
            "null eins sieben null eins zwei drei vier fünf sechs sieben",
        ] {
            assert_eq!(count(text), 1, "{text}");
        }
    }

    #[test]
    fn amounts_and_places_are_none() {
        for text in [
            "+12.500.000",
            "+1 000 000 und +2 500 000",
            "+1.250.000.000 Euro",
            "+12,500,000",
            "+48.137154, +11.575382",
            "+20 to +35",
            "2026-11-22T14:21:17+01:00",
            "0800 111 0 111",
            "Telefon 112",
            "Tel. 030 23125 123",
            "eins zwei drei vier fünf sechs sieben acht neun zehn",
            "ISBN 978-3-16-148410-0",
            "0123456789 + 9876543210 = 10000000000",
        ] {
            assert_eq!(count(text), 0, "{text}");
        }
    }
}
