//! The ticks of a cron expression in real time, through the hours that daylight saving skips and repeats.
//!
//! The `cron` crate knows wall clocks only; this file maps them onto instants. The crate `croner` (4.0.3) does both,
//! and was tried with the tests below. It agrees for a single time of day and for every hour: a skipped time comes
//! due at the change, a repeated one once, and intervals run on. It differs where an expression names hours and
//! several minutes or hours (`*/20 2`, `20 */13 1-3`), since it counts as fixed only what names one second, one
//! minute and one hour. Such an expression runs twice in the repeated hour (6 ticks instead of 3) and not at all in
//! the skipped one; of the 28 walks of `nothing_is_left_out_or_made_up`, 6 come out differently. A nightly job that
//! runs every 20 minutes from 2 to 3 would do all its work twice in autumn and none in spring, so our rule, by the
//! hours alone, stays.

use chrono::{DateTime, Duration, NaiveDateTime, TimeDelta, Utc};
use cron::{Schedule, TimeUnitSpec};

use super::zone::{Shown, Zone};

/// An expression and the zone whose clocks it means.
///
/// An expression that names hours is *fixed*: a time of day that a change skips comes due at the change, once, and one
/// that a change repeats comes due the first time only. An expression for every hour of the day is an *interval*: it
/// goes by what the clocks show, so it runs on through the repeated hour and has nothing to make up for the skipped one.
#[derive(Clone, Debug)]
pub struct Times {
    schedule: Schedule,
    zone: Zone,
}

impl Times {
    /// # Errors
    /// What is wrong with the expression.
    pub fn parse(expression: &str, zone: Zone) -> Result<Self, String> {
        let schedule = expression.parse().map_err(|error: cron::error::Error| error.to_string())?;
        Ok(Self { schedule, zone })
    }

    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// True for an expression that runs in every hour.
    pub fn is_interval(&self) -> bool {
        self.schedule.hours().is_all()
    }

    /// The first tick after a time; `None` when none comes any more.
    pub fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.is_interval() { self.next_interval(after) } else { self.next_fixed(after) }
    }

    /// The ticks after a time.
    pub fn after(&self, after: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        std::iter::successors(self.next(after), |tick| self.next(*tick))
    }

    /// The first instant at which a wall clock shows a time grows with that time: what was skipped happens at the
    /// change. So the first candidate behind `after` is the next tick.
    fn next_fixed(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.walls(self.wall(after)).find_map(|wall| {
            let instant = match self.zone.shown(wall) {
                Shown::Once(instant) | Shown::Twice(instant, _) => instant,
                Shown::Never => self.end_of_gap(wall),
            };
            (instant > after).then_some(instant)
        })
    }

    /// Every instant at which the wall clock shows a matching time.
    fn next_interval(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let later = self.walls(self.wall(after)).find_map(|wall| match self.zone.shown(wall) {
            Shown::Once(instant) => Some(instant),
            Shown::Twice(first, second) => [first, second].into_iter().find(|instant| *instant > after),
            Shown::Never => None,
        });
        [later, self.repeated(after)].into_iter().flatten().min()
    }

    /// The first matching time of the hour that is about to be shown again, when `after` is in its first showing.
    fn repeated(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let Shown::Twice(first, second) = self.zone.shown(self.wall(after)) else { return None };
        if after >= second {
            return None;
        }
        let change = self.change_between(first, second);
        let offset = self.offset(second);
        // The change itself belongs to it.
        let wall = self.walls(self.wall(change) - Duration::seconds(1)).next()?;
        Some((wall - offset).and_utc())
    }

    /// Matching times of day behind `wall`, as clocks show them.
    fn walls(&self, wall: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> {
        self.schedule.after(&wall.and_utc()).map(|wall| wall.naive_utc())
    }

    fn wall(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        self.zone.wall(instant)
    }

    fn offset(&self, instant: DateTime<Utc>) -> TimeDelta {
        self.zone.offset(instant)
    }

    /// When the clocks skip over a time that they never show.
    fn end_of_gap(&self, wall: NaiveDateTime) -> DateTime<Utc> {
        // No zone is further than a day from UTC, and no change larger than one.
        let around = TimeDelta::days(2);
        self.change_between((wall - around).and_utc(), (wall + around).and_utc())
    }

    /// The first second of the new offset; there is one change between the two.
    fn change_between(&self, before: DateTime<Utc>, after: DateTime<Utc>) -> DateTime<Utc> {
        let old = self.offset(before);
        let (mut low, mut high) = (before.timestamp(), after.timestamp());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match DateTime::from_timestamp(middle, 0) {
                Some(time) if self.offset(time) == old => low = middle,
                _ => high = middle,
            }
        }
        DateTime::from_timestamp(high, 0).unwrap_or(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn ticks(expression: &str, zone: Zone, from: &str, to: &str) -> Vec<String> {
        let times = Times::parse(expression, zone).unwrap();
        let to = at(to);
        times.after(at(from)).take_while(|tick| *tick <= to).map(|tick| tick.format("%dT%H:%M").to_string()).collect()
    }

    fn berlin() -> Zone {
        zone("Europe/Berlin")
    }

    #[test]
    fn a_time_that_the_clocks_skip_comes_due_at_the_change_once() {
        // 02:00 to 03:00 do not exist on 2026-03-29; the change is at 01:00 UTC.
        let night = |expression| ticks(expression, berlin(), "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
        assert_eq!(night("0 30 2 * * *"), ["29T01:00", "30T00:30"]);
        assert_eq!(night("0 */15 2 * * *").iter().filter(|tick| tick.starts_with("29")).count(), 1);
        // At the change itself another one is due: still one tick.
        assert_eq!(night("0 0 2,3 * * *"), ["29T01:00", "30T00:00", "30T01:00"]);
        assert_eq!(night("0 30 3 * * *"), ["29T01:30", "30T01:30"]);
    }

    #[test]
    fn a_time_that_the_clocks_repeat_comes_due_the_first_time_only() {
        // 02:00 to 03:00 come twice on 2026-10-25, from 00:00 and from 01:00 UTC.
        let night = |expression| ticks(expression, berlin(), "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
        assert_eq!(night("0 30 2 * * *"), ["25T00:30", "26T01:30"]);
        assert_eq!(night("0 */20 2 * * *"), ["25T00:00", "25T00:20", "25T00:40", "26T01:00", "26T01:20", "26T01:40"]);
        assert_eq!(night("0 0 3 * * *"), ["25T02:00", "26T02:00"]);
    }

    #[test]
    fn intervals_run_on_through_both() {
        let spring = ticks("0 */10 * * * *", berlin(), "2026-03-29T00:29:00Z", "2026-03-29T01:31:00Z");
        assert_eq!(spring, ["29T00:30", "29T00:40", "29T00:50", "29T01:00", "29T01:10", "29T01:20", "29T01:30"]);
        let autumn = ticks("0 30 * * * *", berlin(), "2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z");
        assert_eq!(autumn, ["24T23:30", "25T00:30", "25T01:30", "25T02:30"]);
    }

    /// Every second around a change, by looking at the clock: independent of how the next one is found.
    #[test]
    fn nothing_is_left_out_or_made_up() {
        let changes = [
            (berlin(), "2026-03-29T01:00:00Z"),
            (berlin(), "2026-10-25T01:00:00Z"),
            (zone("America/New_York"), "2026-03-08T07:00:00Z"),
            (zone("America/New_York"), "2026-11-01T06:00:00Z"),
            // Half an hour.
            (zone("Australia/Lord_Howe"), "2026-04-04T15:00:00Z"),
            (zone("Australia/Lord_Howe"), "2026-10-03T15:30:00Z"),
            (zone("UTC"), "2026-06-01T00:00:00Z"),
        ];
        for (zone, change) in changes {
            let (from, to) = (at(change) - Duration::hours(4), at(change) + Duration::hours(4));
            for expression in ["0 */7 * * * *", "0 45 * * * *", "20 */13 1-3 * * *", "0 0 2 * * *"] {
                let times = Times::parse(expression, zone.clone()).unwrap();
                let matches = |wall: NaiveDateTime| times.schedule.includes(wall.and_utc());
                let mut expected = Vec::new();
                let mut shown = std::collections::HashSet::new();
                let mut clock = times.wall(from);
                for second in from.timestamp() + 1..=to.timestamp() {
                    let now = DateTime::from_timestamp(second, 0).unwrap();
                    let wall = times.wall(now);
                    let mut due = matches(wall) && (times.is_interval() || !shown.contains(&wall));
                    // What the clock jumped over.
                    while !times.is_interval() && clock + Duration::seconds(1) < wall {
                        clock += Duration::seconds(1);
                        due |= matches(clock);
                    }
                    clock = clock.max(wall);
                    shown.insert(wall);
                    if due {
                        expected.push(now);
                    }
                }
                let found: Vec<_> = times.after(from).take_while(|tick| *tick <= to).collect();
                assert_eq!(found, expected, "{expression} in {zone} around {change}");
                // And from wherever one begins.
                for tick in &found {
                    assert_eq!(times.next(*tick - Duration::seconds(1)), Some(*tick), "{expression} in {zone}");
                    assert_eq!(times.next(*tick - Duration::milliseconds(1)), Some(*tick), "{expression} in {zone}");
                }
            }
        }
    }

    #[test]
    fn an_expression_may_end() {
        let times = Times::parse("0 0 0 1 1 * 2027", zone("UTC")).unwrap();
        assert_eq!(times.after(at("2026-01-01T00:00:00Z")).count(), 1);
        assert!(Times::parse("0 0 0 30 2 *", zone("UTC")).unwrap().next(at("2026-01-01T00:00:00Z")).is_none());
    }
}
