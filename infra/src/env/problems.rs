//! Every bad or missing setting of a process, collected before any is reported.

use std::{
    fmt::{self, Display},
    io::Write,
    net::SocketAddr,
    ops::RangeInclusive,
    process::ExitCode,
    str::FromStr,
    time::Duration,
};

use url::Url;

/// The exit status of a process that was configured wrongly.
const EXIT_BAD_SETTINGS: u8 = 2;

/// One setting that cannot be used: the variable's name, what is wrong, and a value that would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub variable: &'static str,
    pub what: String,
    pub example: &'static str,
}

/// What is wrong with a process's settings, all of it. clap would stop at the first bad value, so the argument
/// structs take raw text and check it here: whoever deploys fixes every mistake in one round.
///
/// Messages never repeat a value that may hold a password.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub fn add(&mut self, variable: &'static str, what: impl Into<String>, example: &'static str) {
        self.0.push(Problem { variable, what: what.into(), example });
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// Prints the list to standard error and answers the exit status to end with (2); `None` when all is well.
    pub fn exit_code(&self) -> Option<ExitCode> {
        if self.is_empty() {
            return None;
        }
        // When even standard error is gone, the exit status still says it.
        let _ = write!(std::io::stderr().lock(), "{self}");
        Some(ExitCode::from(EXIT_BAD_SETTINGS))
    }

    /// The value, trimmed. A variable that is set to nothing counts as missing, as in an unfilled `.env`.
    pub fn required<'a>(
        &mut self,
        variable: &'static str,
        value: &'a Option<String>,
        example: &'static str,
    ) -> Option<&'a str> {
        let text = optional(value);
        if text.is_none() {
            self.add(variable, "is missing", example);
        }
        text
    }

    /// The text of a file.
    pub fn file(&mut self, variable: &'static str, file: &str, example: &'static str) -> Option<String> {
        let text = std::fs::read_to_string(file);
        text.map_err(|error| self.add(variable, format!("cannot be read: {file} ({error})"), example)).ok()
    }

    /// A number within `range`.
    pub fn number<T>(
        &mut self,
        variable: &'static str,
        value: &str,
        range: RangeInclusive<T>,
        example: &'static str,
    ) -> Option<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        match value.trim().parse::<T>() {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let what = format!("must be a number from {} to {}, but is {value:?}", range.start(), range.end());
                self.add(variable, what, example);
                None
            }
        }
    }

    /// One of a few words.
    pub fn choice<T: Copy>(
        &mut self,
        variable: &'static str,
        value: &str,
        choices: &[(&'static str, T)],
        example: &'static str,
    ) -> Option<T> {
        let found = choices.iter().find(|(word, _)| *word == value.trim());
        if found.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            self.add(variable, format!("must be one of {}, but is {value:?}", words.join(", ")), example);
        }
        found.map(|(_, choice)| *choice)
    }

    /// `true` or `false`; `1` and `0` are understood too.
    pub fn flag(&mut self, variable: &'static str, value: &str) -> Option<bool> {
        self.choice(variable, value, &[("true", true), ("false", false), ("1", true), ("0", false)], "true")
    }

    /// A whole number with a unit: `ms`, `s`, `m`, `h` or `d`.
    pub fn duration(
        &mut self,
        variable: &'static str,
        value: &str,
        range: RangeInclusive<Duration>,
        example: &'static str,
    ) -> Option<Duration> {
        match parse_duration(value.trim()) {
            Some(duration) if range.contains(&duration) => Some(duration),
            Some(_) => {
                let what = format!("must be from {:?} to {:?}, but is {value:?}", range.start(), range.end());
                self.add(variable, what, example);
                None
            }
            None => {
                self.add(variable, format!("must be a number with a unit (ms, s, m, h, d), but is {value:?}"), example);
                None
            }
        }
    }

    /// An address to listen on, `host:port` with a numeric host.
    pub fn socket(&mut self, variable: &'static str, value: &str, example: &'static str) -> Option<SocketAddr> {
        match value.trim().parse() {
            Ok(address) => Some(address),
            Err(_) => {
                self.add(variable, format!("must be an IP address and a port, but is {value:?}"), example);
                None
            }
        }
    }

    /// A URL with one of `schemes` and a host. The value is not repeated: it may hold a password.
    pub fn url(&mut self, variable: &'static str, value: &str, schemes: &[&str], example: &'static str) -> Option<Url> {
        let url = match Url::parse(value.trim()) {
            Ok(url) => url,
            Err(error) => {
                self.add(variable, format!("is not a URL ({error})"), example);
                return None;
            }
        };
        if !schemes.contains(&url.scheme()) {
            let wanted: Vec<_> = schemes.iter().map(|scheme| format!("{scheme}://")).collect();
            self.add(variable, format!("must begin with {}", wanted.join(" or ")), example);
            return None;
        }
        if url.host_str().is_none_or(str::is_empty) {
            self.add(variable, "names no host", example);
            return None;
        }
        Some(url)
    }
}

impl Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            0 => return writeln!(f, "all settings are usable"),
            1 => writeln!(f, "1 setting cannot be used:")?,
            several => writeln!(f, "{several} settings cannot be used:")?,
        }
        for Problem { variable, what, example } in &self.0 {
            writeln!(f, "\n  {variable} {what}\n      for example: {variable}={example}")?;
        }
        writeln!(f, "\n--help explains every setting; .env.sample lists them all.")
    }
}

/// The trimmed value of an optional setting; empty counts as not set.
pub fn optional(value: &Option<String>) -> Option<&str> {
    value.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

fn parse_duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().ok()?;
    Some(match unit.trim() {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(60 * 60)?),
        "d" => Duration::from_secs(number.checked_mul(24 * 60 * 60)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("15m"), Some(Duration::from_secs(900)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("7d"), Some(Duration::from_secs(7 * 24 * 60 * 60)));
        assert_eq!(parse_duration("15"), None);
        assert_eq!(parse_duration("m"), None);
        assert_eq!(parse_duration("99999999999999999999d"), None);
    }

    #[test]
    fn everything_wrong_is_listed_with_an_example() {
        let mut problems = Problems::default();
        assert_eq!(problems.required("A_URL", &None, "redis://localhost"), None);
        assert_eq!(problems.required("B_NAME", &Some("  ".into()), "nano"), None);
        assert_eq!(problems.number("C_SIZE", "many", 1..=200, "20"), None::<u32>);
        assert_eq!(problems.choice("D_MODE", "loud", &[("json", 1), ("pretty", 2)], "json"), None);
        assert_eq!(problems.url("E_URL", "ftp://u:secret@h", &["http", "https"], "http://h"), None);
        assert_eq!(problems.socket("F_ADDR", "localhost", "127.0.0.1:9464"), None);
        assert_eq!(problems.duration("G_TTL", "2h", Duration::ZERO..=Duration::from_secs(60), "30s"), None);

        let named: Vec<_> = problems.iter().map(|problem| problem.variable).collect();
        assert_eq!(named, ["A_URL", "B_NAME", "C_SIZE", "D_MODE", "E_URL", "F_ADDR", "G_TTL"]);
        let text = problems.to_string();
        assert!(text.starts_with("7 settings cannot be used:"), "{text}");
        assert!(text.contains("C_SIZE must be a number from 1 to 200, but is \"many\""), "{text}");
        assert!(text.contains("for example: E_URL=http://h"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
