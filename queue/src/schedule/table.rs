//! The cron table: every schedule of a program's jobs, checked, with what operators changed.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, Utc};

use crate::schedule::{Periodic, Schedule, times::Times, zone::Zone};

/// An entry before it was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Stable: the entry's memory in the database goes by it. At most 64 of a-z, 0-9 and _.
    pub name: &'a str,
    /// Of the job it enqueues.
    pub kind: &'a str,
    /// In the syntax of the `cron` crate: 6 fields, or 7 with years.
    pub expression: &'a str,
    /// Where the expression's times are meant: an IANA name.
    pub zone: &'a str,
    /// Each tick's job starts up to this much later, so that not everything starts with the minute.
    pub jitter_seconds: u32,
    pub catch_up: CatchUp,
}

/// What happens with ticks that came due while no scheduler ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUp {
    /// Nothing: the entry runs again at its next tick.
    Skip,
    /// The newest runs, for all of them.
    Once,
    /// Each runs, the newest so many of them.
    All(u16),
}

impl fmt::Display for CatchUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skip => f.write_str("skip"),
            Self::Once => f.write_str("once"),
            Self::All(most) => write!(f, "all:{most}"),
        }
    }
}

impl FromStr for CatchUp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.strip_prefix("all:").and_then(|most| most.parse().ok())) {
            ("skip", _) => Ok(Self::Skip),
            ("once", _) => Ok(Self::Once),
            (_, Some(most)) => Ok(Self::All(most)),
            _ => Err(format!("missed={text} is none of skip, once and all:NUMBER")),
        }
    }
}

/// One periodic job, checked.
#[derive(Clone)]
pub struct Entry {
    pub name: String,
    pub expression: String,
    pub jitter: Duration,
    pub catch_up: CatchUp,
    /// False when it is switched off by configuration.
    pub enabled: bool,
    pub times: Times,
    pub job: Periodic,
}

/// Everything that is wrong with a table; the scheduler does not start with one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct BadTable(pub Vec<String>);

/// Checks a table with the changes of `CRON_TABLE` made to it.
///
/// # Errors
/// All that makes no sense, one sentence each.
pub fn build(table: &[Schedule], changes: &str) -> Result<Vec<Entry>, BadTable> {
    let mut problems = Vec::new();
    let mut lines: Vec<(Line<'_>, Periodic, bool)> =
        table.iter().map(|schedule| (schedule.line, schedule.job, true)).collect();
    let mut changed: Vec<&str> = Vec::new();
    for change in changes.split([';', '\n']).map(str::trim).filter(|change| !change.is_empty()) {
        let Some((name, text)) = change.split_once('=').map(|(name, text)| (name.trim(), text.trim())) else {
            problems.push(format!("{change:?} is not NAME=EXPRESSION [ZONE] and not NAME=off"));
            continue;
        };
        let Some((line, _, enabled)) = lines.iter_mut().find(|(line, ..)| line.name == name) else {
            let names: Vec<_> = table.iter().map(|schedule| schedule.line.name).collect();
            problems.push(format!("there is no entry {name:?}; the entries are {}", names.join(", ")));
            continue;
        };
        if changed.contains(&name) {
            problems.push(format!("entry {name} is changed twice"));
        }
        changed.push(name);
        if text == "off" {
            *enabled = false;
        } else if let Err(what) = change_line(line, text) {
            problems.push(format!("entry {name}: {what}"));
        }
    }
    let mut entries: Vec<Entry> = Vec::new();
    for (line, job, enabled) in lines {
        match Entry::check(&line, enabled, job) {
            Ok(entry) if entries.iter().any(|other| other.name == entry.name) => {
                problems.push(format!("entry {} is in the table twice", line.name));
            }
            Ok(entry) => entries.push(entry),
            Err(what) => problems.push(format!("entry {}: {what}", line.name)),
        }
    }
    if problems.is_empty() { Ok(entries) } else { Err(BadTable(problems)) }
}

/// `EXPRESSION [ZONE] [jitter=SECONDS] [missed=POLICY]`: what is not named stays, a jitter as far as it fits.
fn change_line<'a>(line: &mut Line<'a>, text: &'a str) -> Result<(), String> {
    let mut times = text;
    let mut jitter = None;
    while let Some((before, last)) = times.rsplit_once(char::is_whitespace) {
        let Some((option, value)) = last.split_once('=') else { break };
        match option {
            "jitter" => jitter = Some(value.parse().map_err(|_| format!("jitter={value} is no number of seconds"))?),
            "missed" => line.catch_up = value.parse()?,
            _ => return Err(format!("{option:?} is no option; the options are jitter and missed")),
        }
        times = before.trim_end();
    }
    let (expression, zone) = split_zone(times);
    line.expression = expression;
    line.zone = zone.unwrap_or(line.zone);
    line.jitter_seconds = match (jitter, shortest(line)) {
        (Some(jitter), _) => jitter,
        (None, Some(shortest)) => line.jitter_seconds.min(u32::try_from(shortest / 2).unwrap_or(u32::MAX)),
        (None, None) => line.jitter_seconds,
    };
    Ok(())
}

/// Seconds between two ticks, at least; `None` for a line that makes no sense or hardly ever comes due.
fn shortest(line: &Line<'_>) -> Option<i64> {
    let times = Times::parse(line.expression, line.zone.parse().ok()?).ok()?;
    times_apart(&sample(&times))
}

/// A seventh field that begins with a digit or a star is years; any other last one is a zone.
fn split_zone(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(char::is_whitespace) {
        Some((expression, last))
            if expression.split_whitespace().count() >= 6 && last.starts_with(char::is_alphabetic) =>
        {
            (expression.trim(), Some(last))
        }
        _ => (text, None),
    }
}

/// Ticks from now on: the shortest time between two comes back within them.
fn sample(times: &Times) -> Vec<DateTime<Utc>> {
    times.after(Utc::now()).take(SAMPLE).collect()
}

fn times_apart(ticks: &[DateTime<Utc>]) -> Option<i64> {
    ticks.windows(2).map(|pair| (pair[1] - pair[0]).num_seconds()).min()
}

/// How many ticks are looked at to find the shortest time between two.
const SAMPLE: usize = 200;
/// Longer than this is a mistake in a unit.
const MOST_JITTER: u32 = 6 * 3600;
/// Rows of missed ticks that are run one by one.
const MOST_CAUGHT_UP: u16 = 100;

impl Entry {
    /// An entry for `job` as the line says.
    ///
    /// # Errors
    /// What makes no sense about the line.
    pub fn check(line: &Line<'_>, enabled: bool, job: Periodic) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if line.name.is_empty() || line.name.len() > 64 || !line.name.chars().all(plain) {
            return Err("a name has 1 to 64 of a-z, 0-9 and _".to_owned());
        }
        let zone: Zone = line.zone.parse().map_err(|_| {
            format!("{:?} is no time zone; zones have IANA names such as Europe/Berlin or UTC", line.zone)
        })?;
        if line.expression.len() > 128 || !line.expression.is_ascii() {
            return Err("an expression has at most 128 ASCII characters".to_owned());
        }
        let times = Times::parse(line.expression, zone).map_err(|cause| {
            format!(
                "{:?} is no cron expression (seconds minutes hours day-of-month month day-of-week [years]): {cause}",
                line.expression
            )
        })?;
        let sample = sample(&times);
        if sample.is_empty() {
            return Err(format!("{:?} never comes due", line.expression));
        }
        if line.jitter_seconds > MOST_JITTER {
            return Err(format!("a jitter of {} s is longer than {MOST_JITTER} s", line.jitter_seconds));
        }
        if let Some(apart) = times_apart(&sample).filter(|apart| i64::from(line.jitter_seconds) >= (*apart).max(1)) {
            return Err(format!(
                "a jitter of {} s does not fit between ticks that are {apart} s apart",
                line.jitter_seconds
            ));
        }
        match line.catch_up {
            CatchUp::All(most) if most == 0 || most > MOST_CAUGHT_UP => {
                return Err(format!("{} ticks cannot be caught up with: 1 to {MOST_CAUGHT_UP} can", most));
            }
            _ => {}
        }
        Ok(Self {
            name: line.name.to_owned(),
            expression: line.expression.split_whitespace().collect::<Vec<_>>().join(" "),
            jitter: Duration::from_secs(line.jitter_seconds.into()),
            catch_up: line.catch_up,
            enabled,
            times,
            job,
        })
    }

    /// How much later than `due` its job starts: the same on every replica, below [`Entry::jitter`].
    pub fn delay(&self, due: DateTime<Utc>) -> Duration {
        let most = u64::try_from(self.jitter.as_millis()).unwrap_or(u64::MAX);
        if most == 0 {
            return Duration::ZERO;
        }
        Duration::from_millis(spread(&self.name, due.timestamp_millis()) % most)
    }
}

/// FNV-1a: stable across builds and machines, which the standard library's hashes are not.
fn spread(name: &str, tick: i64) -> u64 {
    let bytes = name.bytes().chain(tick.to_be_bytes());
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    // Its low bits alone are poor for inputs that differ little.
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Schedule] = &[
        line("expire_uploads", "0 */10 * * * *", "UTC", 30, CatchUp::Once),
        line("roll_up_stats", "0 20 * * * *", "UTC", 60, CatchUp::Once),
        line("prune_ledger", "0 30 3 * * *", "Europe/Berlin", 300, CatchUp::Once),
    ];

    const fn line(
        kind: &'static str,
        expression: &'static str,
        zone: &'static str,
        jitter_seconds: u32,
        catch_up: CatchUp,
    ) -> Schedule {
        let line = Line { name: kind, kind, expression, zone, jitter_seconds, catch_up };
        Schedule { line, job: Periodic { kind, enqueue: |_, _| unreachable!("nothing is enqueued here") } }
    }

    fn problems(table: &[Schedule], changes: &str) -> Vec<String> {
        build(table, changes).err().map(|bad| bad.0).unwrap_or_default()
    }

    #[test]
    fn nonsense_is_named_all_at_once() {
        let good = line("expire_uploads", "0 */10 * * * *", "UTC", 0, CatchUp::Once);
        let with = |line: Line<'static>| Schedule { line, ..good };
        let Schedule { line: plain, .. } = good;
        let table = [
            with(Line { name: "a", expression: "every full moon", ..plain }),
            with(Line { name: "b", zone: "Europe/Bielefeld", ..plain }),
            with(Line { name: "c", jitter_seconds: 600, ..plain }),
            with(Line { name: "d", expression: "0 0 0 30 2 *", ..plain }),
            with(Line { name: "f g", ..plain }),
            with(Line { name: "h", catch_up: CatchUp::All(0), ..plain }),
            with(Line { name: "i", jitter_seconds: 40_000, expression: "0 0 0 1 * *", ..plain }),
            good,
            good,
        ];
        let found = problems(&table, "");
        for (text, problem) in [
            "entry a: \"every full moon\" is no cron expression",
            "entry b: \"Europe/Bielefeld\" is no time zone",
            "entry c: a jitter of 600 s does not fit between ticks that are 600 s apart",
            "entry d: \"0 0 0 30 2 *\" never comes due",
            "entry f g: a name has",
            "entry h: 0 ticks cannot be caught up with",
            "entry i: a jitter of 40000 s is longer",
            "entry expire_uploads is in the table twice",
        ]
        .iter()
        .zip(&found)
        {
            assert!(problem.starts_with(text), "{problem}");
        }
        assert_eq!(found.len(), 8, "{found:#?}");
    }

    #[test]
    fn entries_can_be_changed_and_switched_off() {
        let changes = "expire_uploads = 0 */5 * * * MON-FRI; prune_ledger=0 0 4 * * * 2026-2030 Europe/Vienna";
        let entries = build(TABLE, changes).unwrap();
        let of = |name: &str| entries.iter().find(|entry| entry.name == name).unwrap();
        assert_eq!(of("expire_uploads").expression, "0 */5 * * * MON-FRI");
        assert_eq!(of("expire_uploads").times.zone().name(), "UTC");
        assert_eq!(of("prune_ledger").expression, "0 0 4 * * * 2026-2030");
        assert_eq!(of("prune_ledger").times.zone().name(), "Europe/Vienna");
        let often = build(TABLE, "expire_uploads=*/10 * * * * * UTC jitter=0 missed=all:7;roll_up_stats=*/8 * * * * *");
        let often = often.unwrap();
        let of = |name: &str| often.iter().find(|entry| entry.name == name).unwrap();
        assert_eq!((of("expire_uploads").jitter, of("expire_uploads").catch_up), (Duration::ZERO, CatchUp::All(7)));
        // From :56 to :00 it is four seconds.
        assert_eq!(of("roll_up_stats").jitter, Duration::from_secs(2), "as far as it fits");
        let off = build(TABLE, "prune_ledger=off;").unwrap();
        assert_eq!(off.iter().map(|entry| entry.enabled).collect::<Vec<_>>().iter().filter(|on| !**on).count(), 1);

        for (changes, problem) in [
            ("expire_uploads", "is not NAME=EXPRESSION"),
            ("expire_upload=off", "there is no entry \"expire_upload\"; the entries are expire_uploads"),
            ("expire_uploads=0 0 * * * * Mars/Olympus", "\"Mars/Olympus\" is no time zone"),
            ("expire_uploads=*/5 * * * *", "is no cron expression"),
            ("expire_uploads=*/10 * * * * * jitter=10", "does not fit between ticks that are 10 s apart"),
            ("expire_uploads=*/10 * * * * * jitter=ten", "jitter=ten is no number of seconds"),
            ("expire_uploads=*/10 * * * * * UTC missed=twice", "missed=twice is none of skip, once and all:NUMBER"),
            ("expire_uploads=*/10 * * * * * colour=red", "\"colour\" is no option"),
            ("expire_uploads=off;expire_uploads=off", "is changed twice"),
        ] {
            let found = problems(TABLE, changes).join("; ");
            assert!(found.contains(problem), "{changes}: {found}");
        }
    }

    #[test]
    fn a_delay_is_the_same_everywhere_and_differs_from_tick_to_tick() {
        let Schedule { line, job } = TABLE[0];
        let (one, other) = (Entry::check(&line, true, job).unwrap(), Entry::check(&line, true, job).unwrap());
        let ticks: Vec<_> = one.times.after(Utc::now()).take(200).collect();
        let delays: Vec<_> = ticks.iter().map(|tick| one.delay(*tick)).collect();
        assert_eq!(delays, ticks.iter().map(|tick| other.delay(*tick)).collect::<Vec<_>>());
        assert!(delays.iter().all(|delay| *delay < Duration::from_secs(30)));
        let mean = delays.iter().sum::<Duration>() / 200;
        assert!(mean > Duration::from_secs(11) && mean < Duration::from_secs(19), "{mean:?}");
    }
}
