//! The steps of alerts: a pure function of what was known, what holds now, and the time.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::conditions::{Condition, Finding};
use crate::ledger::alerts::{Alert, AlertState, Event, Happening};

/// A condition that goes away and comes back within this time has held all along: what hovers about its threshold would fill
/// people's letter boxes.
const LINGERS: TimeDelta = TimeDelta::minutes(5);
/// More of what was told already is told no more often than this.
const NEWS_EVERY: TimeDelta = TimeDelta::minutes(5);

/// What becomes of one alert.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) change: Change,
    /// What people are told.
    pub(super) event: Option<Event>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Add(Alert),
    Write(Alert),
    Remove(String),
}

/// How long a condition may be away and yet go on.
fn lingers(name: &str) -> TimeDelta {
    let condition = name.split(':').next().and_then(|word| word.parse().ok());
    match condition {
        // These two are over when they are over.
        Some(Condition::ScheduleOverdue | Condition::JobsQuarantined) => TimeDelta::zero(),
        _ => LINGERS,
    }
}

/// The steps of all alerts. Each is about one, so that they can be taken one by one.
pub(super) fn steps(known: &[Alert], findings: &[Finding], repeat: TimeDelta, now: DateTime<Utc>) -> Vec<Step> {
    let findings: BTreeMap<String, &Finding> = findings.iter().map(|finding| (finding.name(), finding)).collect();
    let known: BTreeMap<&str, &Alert> = known.iter().map(|alert| (alert.name.as_str(), alert)).collect();
    let mut steps = Vec::new();
    for (name, finding) in &findings {
        steps.extend(match known.get(name.as_str()) {
            Some(alert) if alert.state != AlertState::Over => holds(alert, finding, repeat, now),
            other => Some(begins(name, finding, other.is_some(), now)),
        });
    }
    let gone = known.into_iter().filter(|(name, _)| !findings.contains_key(*name));
    steps.extend(gone.filter_map(|(_, alert)| is_gone(alert, now)));
    steps
}

fn begins(name: &str, finding: &Finding, was_there: bool, now: DateTime<Utc>) -> Step {
    let fires = finding.after <= TimeDelta::zero();
    let alert = Alert {
        name: name.to_owned(),
        state: if fires { AlertState::Firing } else { AlertState::Pending },
        since: now,
        seen_at: now,
        news_at: finding.news_at,
        told_at: fires.then_some(now),
        over_at: None,
        summary: short(&finding.summary),
    };
    let event = fires.then(|| event(&alert, finding, Happening::Firing, now));
    Step { change: if was_there { Change::Write(alert) } else { Change::Add(alert) }, event }
}

fn holds(alert: &Alert, finding: &Finding, repeat: TimeDelta, now: DateTime<Utc>) -> Option<Step> {
    let mut next = Alert { seen_at: now, summary: short(&finding.summary), ..alert.clone() };
    let happening = match alert.state {
        AlertState::Pending => (now - alert.since >= finding.after).then_some(Happening::Firing),
        _ => {
            let untold = now - alert.told_at.unwrap_or(alert.since);
            let news = finding.news_at > alert.news_at && untold >= NEWS_EVERY;
            (news || untold >= repeat).then_some(Happening::Reminder)
        }
    };
    if happening.is_some() {
        (next.state, next.told_at, next.news_at) = (AlertState::Firing, Some(now), finding.news_at.max(alert.news_at));
    }
    let event = happening.map(|happening| event(&next, finding, happening, now));
    Some(Step { change: Change::Write(next), event })
}

fn is_gone(alert: &Alert, now: DateTime<Utc>) -> Option<Step> {
    if alert.state == AlertState::Over || now - alert.seen_at < lingers(&alert.name) {
        return None;
    }
    if alert.state == AlertState::Pending {
        return Some(Step { change: Change::Remove(alert.name.clone()), event: None });
    }
    let next = Alert { state: AlertState::Over, over_at: Some(now), told_at: Some(now), ..alert.clone() };
    let (condition, subject) = alert.name.split_once(':').unwrap_or((&alert.name, ""));
    let event = Event {
        happening: Happening::Over,
        alert: alert.name.clone(),
        condition: condition.to_owned(),
        subject: subject.to_owned(),
        summary: alert.summary.clone(),
        advice: String::new(),
        health: String::new(),
        since: alert.since,
        at: now,
        details: serde_json::json!({}),
    };
    Some(Step { change: Change::Write(next), event: Some(event) })
}

fn event(alert: &Alert, finding: &Finding, happening: Happening, now: DateTime<Utc>) -> Event {
    Event {
        happening,
        alert: alert.name.clone(),
        condition: finding.condition.to_string(),
        subject: finding.subject.clone(),
        summary: alert.summary.clone(),
        advice: finding.advice.clone(),
        health: String::new(),
        since: alert.since,
        at: now,
        details: finding.details.clone(),
    }
}

/// As long as the column is.
fn short(text: &str) -> String {
    text.chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        "2026-11-29T10:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minutes)
    }

    fn finding(condition: Condition, after: i64) -> Finding {
        Finding {
            condition,
            subject: "uploads".into(),
            summary: "something is wrong".into(),
            advice: "mend it".into(),
            details: json!({}),
            after: TimeDelta::minutes(after),
            news_at: None,
        }
    }

    /// Alerts as a database would keep them.
    #[derive(Default)]
    struct Kept(Vec<Alert>);

    impl Kept {
        fn look(&mut self, findings: &[Finding], minute: i64) -> Vec<Happening> {
            let steps = steps(&self.0, findings, TimeDelta::hours(4), at(minute));
            let mut told = Vec::new();
            for step in steps {
                match step.change {
                    Change::Add(alert) => self.0.push(alert),
                    Change::Write(alert) => {
                        self.0.retain(|one| one.name != alert.name);
                        self.0.push(alert);
                    }
                    Change::Remove(name) => self.0.retain(|one| one.name != name),
                }
                told.extend(step.event.map(|event| event.happening));
            }
            told
        }
    }

    #[test]
    fn an_alert_fires_once_reminds_and_says_when_it_is_over() {
        use Happening::{Firing, Over, Reminder};
        let (mut kept, slow) = (Kept::default(), [finding(Condition::JobsWaitLong, 0)]);
        assert_eq!(kept.look(&slow, 0), [Firing]);
        assert_eq!(kept.look(&slow, 1), []);
        assert_eq!(kept.look(&slow, 239), []);
        assert_eq!(kept.look(&slow, 240), [Reminder]);
        assert_eq!(kept.look(&slow, 241), []);
        assert_eq!(kept.look(&[], 243), [], "it may hover about its threshold");
        assert_eq!(kept.look(&slow, 245), []);
        assert_eq!(kept.look(&[], 250), [Over]);
        assert_eq!(kept.look(&[], 251), []);
        assert_eq!(kept.look(&slow, 300), [Firing], "it is new again");
        assert_eq!(kept.0[0].since, at(300));
    }

    #[test]
    fn what_holds_for_a_moment_is_told_to_nobody() {
        let (mut kept, alone) = (Kept::default(), [finding(Condition::QueueWithoutWorker, 5)]);
        assert_eq!(kept.look(&alone, 0), []);
        assert_eq!(kept.look(&alone, 4), []);
        assert_eq!(kept.look(&[], 9), []);
        assert!(kept.0.is_empty());
        assert_eq!(kept.look(&alone, 10), []);
        assert_eq!(kept.look(&[], 12), []);
        assert_eq!(kept.look(&alone, 15), [Happening::Firing], "with a gap, as the breaker's pauses have");
    }

    #[test]
    fn more_of_it_is_news() {
        let mut kept = Kept::default();
        let newest = |minute: i64| [Finding { news_at: Some(at(minute)), ..finding(Condition::JobsQuarantined, 0) }];
        assert_eq!(kept.look(&newest(0), 0), [Happening::Firing]);
        assert_eq!(kept.look(&newest(1), 1), [], "people were told a minute ago");
        assert_eq!(kept.look(&newest(1), 6), [Happening::Reminder]);
        assert_eq!(kept.look(&newest(1), 20), []);
        assert_eq!(kept.look(&[], 21), [Happening::Over]);
    }
}
