//! Ratings: a score from 1 to 5 with a comment, the figures that are made of them, and what may be done with one.

use crate::words;

/// Longest comment, in characters.
pub const COMMENT_MAX: usize = 500;
/// Longest reply of a creator, in characters.
pub const REPLY_MAX: usize = 500;
/// Longest reason of a removal, in characters.
pub const REMOVAL_REASON_MAX: usize = 500;
/// Best score.
pub const SCORE_MAX: u8 = 5;

words! {
    pub enum RatingStatus ("rating status") {
        Published = "published",
        /// By a moderator. It counts no more, and its writer cannot write another.
        Removed = "removed",
    }
}

words! {
    /// The words of a rating, each looked at by itself before it is public.
    pub enum Part ("part of a rating") {
        Comment = "comment",
        /// Of the nano's creator.
        Reply = "reply",
    }
}

/// What the rules do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RatingError {
    #[error("nobody rates their own nano")]
    OwnNano,
    #[error("nobody finds their own rating helpful")]
    OwnRating,
    #[error("a moderator removed this rating")]
    Removed,
}

/// Whoever made a nano does not rate it.
pub const fn may_rate(is_own: bool) -> Result<(), RatingError> {
    if is_own { Err(RatingError::OwnNano) } else { Ok(()) }
}

/// Whoever wrote a rating does not praise it.
pub const fn may_find_helpful(is_own: bool) -> Result<(), RatingError> {
    if is_own { Err(RatingError::OwnRating) } else { Ok(()) }
}

impl RatingStatus {
    /// It may be changed, answered and found helpful.
    pub const fn edit(self) -> Result<(), RatingError> {
        match self {
            Self::Published => Ok(()),
            Self::Removed => Err(RatingError::Removed),
        }
    }
}

/// How often each score was given, from 1 to 5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distribution(pub [u32; SCORE_MAX as usize]);

impl Distribution {
    /// How many ratings there are.
    pub fn count(&self) -> u32 {
        self.0.iter().sum()
    }

    /// In hundredths, half of one rounded up, as the table counts it; 0 without ratings.
    pub fn average_hundredths(&self) -> u32 {
        let count = u64::from(self.count());
        let sum: u64 = (1_u64..).zip(self.0).map(|(score, times)| score * u64::from(times)).sum();
        (100 * sum + count / 2).checked_div(count).and_then(|average| u32::try_from(average).ok()).unwrap_or(0)
    }

    /// From 1 to 5; 0 without ratings.
    pub fn average(&self) -> f64 {
        f64::from(self.average_hundredths()) / 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_is_exact_to_the_hundredth() {
        for (scores, count, average) in [
            ([0, 0, 0, 0, 0], 0, 0.0),
            ([1, 0, 0, 0, 0], 1, 1.0),
            ([0, 0, 0, 0, u32::MAX], u32::MAX, 5.0),
            ([1, 0, 0, 0, 2], 3, 3.67),
            ([0, 0, 1, 7, 0], 8, 3.88),
            ([2, 0, 0, 0, 1], 3, 2.33),
        ] {
            let distribution = Distribution(scores);
            assert_eq!((distribution.count(), distribution.average()), (count, average), "{scores:?}");
        }
    }

    #[test]
    fn what_is_ones_own_is_not_praised() {
        assert_eq!((may_rate(true), may_rate(false)), (Err(RatingError::OwnNano), Ok(())));
        assert_eq!((may_find_helpful(true), may_find_helpful(false)), (Err(RatingError::OwnRating), Ok(())));
        assert_eq!(RatingStatus::Removed.edit(), Err(RatingError::Removed));
        assert_eq!(RatingStatus::Published.edit(), Ok(()));
    }
}
