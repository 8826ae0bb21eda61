//! The days that a job stays in the ledger once it has ended, by how it ended.

use std::str::FromStr;

use crate::ledger::State;

/// Days for each final state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerDays {
    pub completed: u32,
    pub cancelled: u32,
    pub discarded: u32,
    pub quarantined: u32,
}

/// What a setting may say.
const MOST: u32 = 3_650;
/// Of the states that a setting does not name.
const DEFAULT: u32 = 14;

impl LedgerDays {
    pub const fn of(days: u32) -> Self {
        Self { completed: days, cancelled: days, discarded: days, quarantined: days }
    }

    /// Nothing younger is deleted.
    pub fn shortest(&self) -> u32 {
        self.completed.min(self.cancelled).min(self.discarded).min(self.quarantined)
    }

    /// The longest of those that did not complete.
    pub fn of_given_up(&self) -> u32 {
        self.cancelled.max(self.discarded).max(self.quarantined)
    }

    /// Whatever is older belongs to no job any more.
    pub fn longest(&self) -> u32 {
        self.of_given_up().max(self.completed)
    }
}

/// Why a text is no setting of ledger days.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{part:?} is neither a number of days (1 to {MOST}) nor one of completed, cancelled, discarded, quarantined with one"
)]
pub struct BadLedgerDays {
    part: String,
}

/// `14`, or `completed=3,discarded=90`; a number without a state is for those that are not named.
impl FromStr for LedgerDays {
    type Err = BadLedgerDays;

    fn from_str(text: &str) -> Result<Self, BadLedgerDays> {
        let (mut rest, mut named) = (None, Vec::new());
        for part in text.split(',').map(str::trim) {
            let bad = || BadLedgerDays { part: part.to_owned() };
            let (state, days) = match part.split_once('=') {
                Some((state, days)) => (Some(state.trim().parse::<State>().map_err(|_| bad())?), days.trim()),
                None => (None, part),
            };
            let days = days.parse().ok().filter(|days| (1..=MOST).contains(days)).ok_or_else(bad)?;
            match state {
                Some(state) if state.is_terminal() => named.push((state, days)),
                None if rest.is_none() => rest = Some(days),
                _ => return Err(bad()),
            }
        }
        let mut kept = Self::of(rest.unwrap_or(DEFAULT));
        for (state, days) in named {
            match state {
                State::Completed => kept.completed = days,
                State::Cancelled => kept.cancelled = days,
                State::Discarded => kept.discarded = days,
                _ => kept.quarantined = days,
            }
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_one_number_or_one_for_each_state() {
        assert_eq!("30".parse(), Ok(LedgerDays::of(30)));
        let some = LedgerDays { completed: 3, discarded: 90, ..LedgerDays::of(14) };
        assert_eq!("completed=3, discarded=90".parse(), Ok(some));
        assert_eq!("7,quarantined=365".parse(), Ok(LedgerDays { quarantined: 365, ..LedgerDays::of(7) }));
        assert_eq!((some.shortest(), some.of_given_up(), some.longest()), (3, 90, 90));
        for bad in ["", "0", "3651", "completed", "completed=", "running=3", "3,4", "completed=3,,"] {
            assert!(bad.parse::<LedgerDays>().is_err(), "{bad}");
        }
    }
}
