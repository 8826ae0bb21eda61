//! What people may ask about their own data (GDPR articles 15, 17 and 20): a copy of it, or that it is erased.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use words::words;

/// From asking for an erasure until it begins.
pub const GRACE: TimeDelta = TimeDelta::days(30);
/// For so long an export can be downloaded.
pub const FILE_LIFETIME: TimeDelta = TimeDelta::days(7);
/// Between two exports of one person.
pub const EXPORT_PAUSE: TimeDelta = TimeDelta::days(1);

words! {
    /// What is asked for.
    pub enum Kind ("data request") {
        /// A copy of everything.
        Export = "export",
        /// That nothing is left.
        Erasure = "erasure",
    }
}

words! {
    /// Why.
    pub enum Cause ("cause of a data request") {
        /// The person asks.
        Person = "person",
        /// An administrator asks for somebody who cannot.
        Admin = "admin",
        /// Nobody has signed in for too long.
        Inactivity = "inactivity",
    }
}

words! {
    /// How far it is.
    pub enum State ("state of a data request") {
        /// For a worker, or for the end of the grace.
        Waiting = "waiting",
        Running = "running",
        Done = "done",
        /// It was given up; the person may ask again.
        Failed = "failed",
        /// The person keeps the account.
        Withdrawn = "withdrawn",
        /// The export's file is gone.
        Expired = "expired",
    }
}

impl State {
    /// Whether something is still to be done.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Waiting | Self::Running)
    }
}

/// When somebody may have another export, if not now; `last` is when they asked for the one before and what became of it.
pub fn next_export(last: Option<(DateTime<Utc>, State)>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let (asked, state) = last?;
    // Whoever got nothing need not wait.
    let next = asked + EXPORT_PAUSE;
    (state != State::Failed && next > now).then_some(next)
}

words! {
    /// The steps of an erasure. Each is done anew when it was interrupted, and does no harm then.
    pub enum Step ("step of an erasure") {
        /// Nobody can sign in any more. From here on there is no way back.
        Access = "access",
        /// The person's nanos: files in every version, thumbnails, search index, kept answers, texts.
        Nanos = "nanos",
        /// Exports that were made before.
        Exports = "exports",
        /// Mails, their addresses and parameters.
        Mails = "mails",
        /// Errors and logs of jobs about the person.
        Jobs = "jobs",
        /// Answers that are given again for a day have had their time.
        Answers = "answers",
        /// The rows of all other tables, and what names the person in the account.
        Account = "account",
    }
}

/// A step that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub step: Step,
    pub at: DateTime<Utc>,
}

/// What was erased, without a word about whose it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub steps: Vec<Done>,
    /// How many of what.
    pub erased: BTreeMap<String, u64>,
}

impl Receipt {
    /// When a step was done.
    pub fn at(&self, step: Step) -> Option<DateTime<Utc>> {
        self.steps.iter().find(|done| done.step == step).map(|done| done.at)
    }

    /// The first step that is not done yet.
    pub fn next(&self) -> Option<Step> {
        Step::ALL.iter().copied().find(|step| self.at(*step).is_none())
    }

    pub fn count(&mut self, what: &str, number: u64) {
        if number > 0 {
            *self.erased.entry(what.to_owned()).or_default() += number;
        }
    }

    pub fn finish(&mut self, step: Step, at: DateTime<Utc>) {
        if self.at(step).is_none() {
            self.steps.push(Done { step, at });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_export_a_day_unless_it_failed() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let hour = TimeDelta::hours(1);
        assert_eq!(next_export(None, now), None);
        assert_eq!(next_export(Some((now - hour, State::Done)), now), Some(now + TimeDelta::hours(23)));
        assert_eq!(next_export(Some((now - hour, State::Failed)), now), None);
        assert_eq!(next_export(Some((now - EXPORT_PAUSE, State::Expired)), now), None);
    }

    #[test]
    fn a_receipt_leads_through_the_steps() {
        let (mut receipt, now) = (Receipt::default(), DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let mut order = Vec::new();
        while let Some(step) = receipt.next() {
            order.push(step);
            receipt.count("rows", 2);
            receipt.count("nothing", 0);
            receipt.finish(step, now);
            receipt.finish(step, now + TimeDelta::hours(1));
        }
        assert_eq!(order, Step::ALL);
        assert_eq!(receipt.at(Step::Access), Some(now), "the first time counts");
        assert_eq!(receipt.erased, BTreeMap::from([("rows".to_owned(), 14)]));
        let stored = serde_json::to_value(&receipt).unwrap();
        assert_eq!(serde_json::from_value::<Receipt>(stored).unwrap(), receipt);
    }
}
