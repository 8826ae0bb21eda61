//! The decision about one schedule entry: the ticks that fire, were missed or are skipped, by what the database knows
//! of the entry and by the database's time.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    ledger::schedules::{Schedule, TickOutcome},
    schedule::table::{CatchUp, Entry},
};

/// An entry that does not catch up with the past still fires when it is this late at most: a scheduler that was killed
/// is no past.
const GRACE: TimeDelta = TimeDelta::seconds(60);
/// Ticks that are remembered one by one; of longer absences only the number is known.
const REMEMBERED: usize = 100;
/// Ticks looked at one by one, and how far back when there are more.
const LOOKED_AT: usize = 100_000;
const FURTHEST: TimeDelta = TimeDelta::days(400);
const NEAR: TimeDelta = TimeDelta::hours(1);

/// What became true by `now`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The newest tick that was decided about.
    pub last_due: DateTime<Utc>,
    /// Oldest first.
    pub ticks: Vec<(DateTime<Utc>, TickOutcome)>,
    /// Missed or skipped ones that are counted and not remembered.
    pub forgotten: (TickOutcome, u64),
    /// The pause is over.
    pub end_pause: bool,
}

/// The ticks to decide about at `now`; `None` when there is nothing to do.
pub fn plan(entry: &Entry, seen: &Schedule, now: DateTime<Utc>) -> Option<Plan> {
    let due = due(entry, seen.last_due, now);
    let end_pause = seen.pause.as_ref().is_some_and(|pause| pause.is_over(now));
    let paused_until = match &seen.pause {
        Some(pause) if end_pause => pause.expires_at,
        Some(_) => Some(now),
        None => None,
    };
    let newest = due.ticks.back().copied();
    if newest.is_none() && !end_pause {
        return None;
    }
    let (skipped, rest): (Vec<_>, Vec<_>) =
        due.ticks.into_iter().partition(|tick| paused_until.is_some_and(|until| *tick <= until));
    let fire = match entry.catch_up {
        CatchUp::Once => 1,
        CatchUp::All(most) => most.into(),
        CatchUp::Skip => usize::from(rest.last().is_some_and(|newest| now - *newest <= GRACE)),
    };
    let missed = rest.len().saturating_sub(fire);
    let forgotten = if rest.is_empty() { TickOutcome::Skipped } else { TickOutcome::Missed };
    let rest = rest.into_iter().enumerate();
    let ticks = skipped
        .into_iter()
        .map(|tick| (tick, TickOutcome::Skipped))
        .chain(rest.map(|(n, tick)| (tick, if n < missed { TickOutcome::Missed } else { TickOutcome::Fired })))
        .collect();
    Some(Plan { last_due: newest.unwrap_or(seen.last_due), ticks, forgotten: (forgotten, due.more), end_pause })
}

struct Due {
    /// The newest of them, oldest first.
    ticks: VecDeque<DateTime<Utc>>,
    /// How many came before; at least.
    more: u64,
}

fn due(entry: &Entry, last: DateTime<Utc>, now: DateTime<Utc>) -> Due {
    let mut due = Due { ticks: VecDeque::new(), more: 0 };
    let mut after = last.max(now - FURTHEST);
    let mut looked = 0;
    while let Some(tick) = entry.times.next(after).filter(|tick| *tick <= now) {
        if due.ticks.len() == REMEMBERED {
            due.ticks.pop_front();
            due.more += 1;
        }
        due.ticks.push_back(tick);
        looked += 1;
        after = if looked == LOOKED_AT { tick.max(now - NEAR) } else { tick };
    }
    due
}

#[cfg(test)]
mod tests {
    use crate::ledger::schedules::Pause;

    use super::{TickOutcome::*, *};
    use crate::schedule::{Periodic, table::Line};

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-22T{text}Z").parse().unwrap()
    }

    fn entry(expression: &str, catch_up: CatchUp) -> Entry {
        let line = Line { name: "test", kind: "test", expression, zone: "UTC", jitter_seconds: 0, catch_up };
        let job = Periodic { kind: "test", enqueue: |_, _| unreachable!("nothing is enqueued here") };
        Entry::check(&line, true, job).unwrap()
    }

    fn seen(last_due: &str, pause: Option<(&str, Option<&str>)>) -> Schedule {
        Schedule {
            name: "test".into(),
            kind: "test".into(),
            expression: String::new(),
            zone: "UTC".into(),
            jitter_seconds: 0,
            catch_up: String::new(),
            enabled: true,
            last_due: at(last_due),
            upcoming: Vec::new(),
            seen_at: None,
            last_success_at: None,
            awaited_from: at("00:00:00"),
            pause: pause.map(|(from, until)| Pause {
                paused_at: at(from),
                expires_at: until.map(at),
                reason: "holiday".into(),
                actor_id: None,
            }),
        }
    }

    fn outcomes(plan: &Option<Plan>) -> Vec<TickOutcome> {
        plan.as_ref().map(|plan| plan.ticks.iter().map(|(_, outcome)| *outcome).collect()).unwrap_or_default()
    }

    const EVERY_TEN: &str = "0 */10 * * * *";

    #[test]
    fn a_tick_fires_when_it_is_due() {
        let entry = entry(EVERY_TEN, CatchUp::Once);
        assert_eq!(plan(&entry, &seen("10:00:00", None), at("10:09:59")), None);
        let plan = plan(&entry, &seen("10:00:00", None), at("10:10:00")).unwrap();
        assert_eq!((plan.last_due, plan.ticks), (at("10:10:00"), vec![(at("10:10:00"), Fired)]));
    }

    #[test]
    fn missed_ticks_go_by_the_policy() {
        let missed = |policy, now| outcomes(&plan(&entry(EVERY_TEN, policy), &seen("10:00:00", None), at(now)));
        assert_eq!(missed(CatchUp::Once, "10:45:00"), [Missed, Missed, Missed, Fired]);
        assert_eq!(missed(CatchUp::Skip, "10:45:00"), [Missed; 4]);
        assert_eq!(missed(CatchUp::Skip, "10:40:05"), [Missed, Missed, Missed, Fired]);
        assert_eq!(missed(CatchUp::All(3), "10:45:00"), [Missed, Fired, Fired, Fired]);
        assert_eq!(missed(CatchUp::All(9), "10:45:00"), [Fired; 4]);
    }

    #[test]
    fn a_pause_skips_and_ends_by_itself() {
        let entry = entry(EVERY_TEN, CatchUp::Once);
        let paused = plan(&entry, &seen("10:00:00", Some(("10:05:00", None))), at("10:25:00"));
        assert_eq!(outcomes(&paused), [Skipped, Skipped]);
        assert!(!paused.unwrap().end_pause);
        // Over since 10:15; nobody looked since 10:05.
        let over = seen("10:00:00", Some(("10:05:00", Some("10:15:00"))));
        let plan_over = plan(&entry, &over, at("10:35:00"));
        assert_eq!(outcomes(&plan_over), [Skipped, Missed, Fired]);
        assert!(plan_over.unwrap().end_pause);
        let quiet = plan(&entry, &over, at("10:16:00")).unwrap();
        assert_eq!((quiet.last_due, quiet.ticks.len(), quiet.end_pause), (at("10:10:00"), 1, true));
    }

    #[test]
    fn long_absences_are_counted_and_not_remembered() {
        let entry = entry("* * * * * *", CatchUp::Once);
        let plan = plan(&entry, &seen("10:00:00", None), at("11:00:00")).unwrap();
        assert_eq!((plan.ticks.len(), plan.forgotten), (REMEMBERED, (Missed, 3_500)));
        assert_eq!(plan.ticks.last(), Some(&(at("11:00:00"), Fired)));
        let mut years = seen("10:00:00", None);
        years.last_due -= TimeDelta::days(3_000);
        let plan = crate::schedule::plan::plan(&entry, &years, at("11:00:00")).unwrap();
        assert_eq!((plan.last_due, plan.ticks.len()), (at("11:00:00"), REMEMBERED));
    }
}
