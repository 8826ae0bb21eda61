//! Texts of a manifest as they are kept: bounded, without control characters, and in one form where there is one.

use unicode_normalization::UnicodeNormalization;

use crate::{
    names::name::is_invisible,
    packages::bounds::{DURATION_MINUTES, LANGUAGE_BYTES, LICENCE_CHARS},
};

/// The text in one line: runs of white space and control characters become one space, marks that turn the reading
/// direction or cannot be seen are dropped, and what is longer than `most` characters ends in "…". None when nothing
/// is left.
pub(crate) fn cleaned(text: &str, most: usize) -> Option<String> {
    let mut out = String::new();
    let (mut count, mut space) = (0, false);
    // Not more is looked at than could be kept, however much of it is space.
    for c in text.trim().chars().take(most.saturating_mul(8)).nfc() {
        if c.is_whitespace() || c.is_control() {
            space = !out.is_empty();
            continue;
        }
        // Joiners belong to emoji and to several scripts; here they cannot mislead a file system.
        if is_invisible(c) && !matches!(c, '\u{200c}' | '\u{200d}') {
            continue;
        }
        let needed = 1 + usize::from(space);
        if count + needed > most {
            if count == most {
                out.pop();
            }
            out.push('…');
            break;
        }
        if std::mem::take(&mut space) {
            out.push(' ');
        }
        out.push(c);
        count += needed;
    }
    (!out.is_empty()).then_some(out)
}

/// A language tag in the form BCP 47 recommends: `de`, `pt-BR`, `zh-Hant-TW`. None for what is no tag, and for the
/// tags that name no language (`und`, `mul`, `zxx`, and LOM's `none` and `x-none`).
pub(crate) fn language(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.len() > LANGUAGE_BYTES {
        return None;
    }
    let mut out = String::new();
    for (at, part) in text.split(['-', '_']).enumerate() {
        let letters = part.bytes().all(|byte| byte.is_ascii_alphabetic());
        if part.is_empty() || part.len() > 8 || !part.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        if at == 0 {
            if !letters || !matches!(part.len(), 2 | 3) {
                return None;
            }
            out = part.to_ascii_lowercase();
            continue;
        }
        out.push('-');
        match (part.len(), letters) {
            (2, true) => out.push_str(&part.to_ascii_uppercase()),
            (4, true) => {
                out.push_str(&part[..1].to_ascii_uppercase());
                out.push_str(&part[1..].to_ascii_lowercase());
            }
            _ => out.push_str(&part.to_ascii_lowercase()),
        }
    }
    (!matches!(out.as_str(), "und" | "mul" | "zxx" | "mis")).then_some(out)
}

/// A licence as it is stated; words that say nothing are dropped.
pub(crate) fn licence(text: &str) -> Option<String> {
    let text = cleaned(text, LICENCE_CHARS)?;
    let lower = text.to_lowercase();
    (!matches!(lower.as_str(), "yes" | "no" | "u" | "unknown" | "undisclosed" | "none")).then_some(text)
}

/// Whole minutes, rounded up, of a duration: ISO 8601 (`PT1H30M`, `P0Y0M0DT0H45M`), a clock (`01:30:00`, `00:45`), or
/// a number with its unit as SMIL writes it (`95min`, `1.5h`). None for zero and for what is no duration.
pub(crate) fn minutes(text: &str) -> Option<u32> {
    let text = text.trim();
    // LOM 1.2 had a date in front of the time.
    let seconds = match text.strip_prefix(['P', 'p']) {
        Some(period) => iso(period)?,
        None => clock(text.rsplit('T').next()?).or_else(|| unit(text))?,
    };
    let minutes = (seconds / 60.0).ceil();
    (1.0..=f64::from(DURATION_MINUTES)).contains(&minutes).then_some(minutes as u32)
}

fn iso(period: &str) -> Option<f64> {
    const DAY: f64 = 86_400.0;
    let (mut seconds, mut number, mut time, mut any) = (0.0, String::new(), false, false);
    for c in period.chars() {
        match c {
            '0'..='9' | '.' | ',' if number.len() < 12 => number.push(if c == ',' { '.' } else { c }),
            'T' | 't' if !time && number.is_empty() => time = true,
            _ => {
                let unit = match (c.to_ascii_uppercase(), time) {
                    ('Y', false) => 365.0 * DAY,
                    ('M', false) => 30.0 * DAY,
                    ('W', false) => 7.0 * DAY,
                    ('D', false) => DAY,
                    ('H', true) => 3600.0,
                    ('M', true) => 60.0,
                    ('S', true) => 1.0,
                    _ => return None,
                };
                seconds += number.parse::<f64>().ok()? * unit;
                number.clear();
                any = true;
            }
        }
    }
    (any && number.is_empty()).then_some(seconds)
}

/// Hours and minutes, or hours, minutes and seconds.
fn clock(text: &str) -> Option<f64> {
    let parts: Vec<&str> = text.split(':').collect();
    let units: &[f64] = match parts.len() {
        2 => &[3600.0, 60.0],
        3 => &[3600.0, 60.0, 1.0],
        _ => return None,
    };
    parts.iter().zip(units).map(|(part, unit)| Some(number(part)? * unit)).sum()
}

fn unit(text: &str) -> Option<f64> {
    // "ms" before "s": the longer unit ends in the shorter one.
    let units = [("ms", 0.001), ("min", 60.0), ("h", 3600.0), ("s", 1.0)];
    let (value, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    Some(number(value.trim_end())? * unit)
}

/// A decimal number without sign or exponent.
fn number(text: &str) -> Option<f64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    (digits && !text.is_empty() && text.len() <= 12).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_one_clean_bounded_line() {
        assert_eq!(cleaned("  Erste\r\n\tHilfe\0  ", 100).as_deref(), Some("Erste Hilfe"));
        assert_eq!(cleaned("a\u{202e}b\u{feff}c\u{1b}[31m", 100).as_deref(), Some("abc [31m"));
        assert_eq!(cleaned(" \n\u{a0} ", 100), None);
        assert_eq!(cleaned("U\u{308}bung 👩\u{200d}🏫", 100).as_deref(), Some("Übung 👩\u{200d}🏫"));
        let long = cleaned(&"wort ".repeat(1_000), 20).unwrap();
        assert!(long.chars().count() <= 20 && long.ends_with('…'), "{long}");
        assert_eq!(cleaned("genau zehn", 10).as_deref(), Some("genau zehn"));
        assert_eq!(cleaned("genau zehn1", 10).unwrap().chars().count(), 10);
        assert_eq!(cleaned(&(" ".repeat(1 << 20) + "x"), 10).as_deref(), Some("x"));
    }

    #[test]
    fn languages_are_tags() {
        for (text, tag) in
            [("de", "de"), ("EN-us", "en-US"), ("de_DE", "de-DE"), ("zh-hant-tw", "zh-Hant-TW"), (" fr ", "fr")]
        {
            assert_eq!(language(text).as_deref(), Some(tag));
        }
        for text in ["", "und", "x-none", "none", "deutsch", "d", "de-", "12", "de-<b>", "ä", &"de-a".repeat(20)] {
            assert_eq!(language(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_whole_minutes() {
        for (text, expected) in [
            ("PT1H30M", 90),
            ("PT45M0S", 45),
            ("P0Y0M0DT0H20M30S", 21),
            ("P1D", 1440),
            ("PT90.5S", 2),
            ("00:45", 45),
            ("0000-00-00T01:30", 90),
            ("01:00:01", 61),
            ("95min", 95),
            ("1.5h", 90),
            ("120 s", 2),
        ] {
            assert_eq!(minutes(text), Some(expected), "{text}");
        }
        for text in ["", "P", "PT", "PT0S", "00:00", "bald", "-5min", "1e9h", "P99999Y", "PTM", "NaNh", "1:2:3:4"] {
            assert_eq!(minutes(text), None, "{text}");
        }
    }

    #[test]
    fn licences_that_say_nothing_are_dropped() {
        assert_eq!(licence("CC-BY-4.0 ").as_deref(), Some("CC-BY-4.0"));
        assert_eq!(licence("yes"), None);
    }
}
