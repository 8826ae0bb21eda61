//! Durations in buckets: what is kept of how long jobs waited and ran, so that percentiles over hours and fleets cost a
//! few rows.
//!
//! Bucket `b` holds what is longer than `upper(b - 1)` and at most `upper(b)`, which is 0.5 ms · 2^(b/2): two buckets
//! to a doubling, so a percentile read from them is off by at most a factor of √2. The last one also holds everything
//! longer. The numbers are stored; changing a bound would change the meaning of rows.

use std::time::Duration;

/// Buckets there are, numbered from 0.
pub const BUCKETS: usize = 61;
/// The upper bound of bucket 0, in nanoseconds.
const FIRST: u128 = 500_000;

/// Upper bounds in nanoseconds. Integers, so that every build and platform draws the lines at the same places.
const BOUNDS: [u64; BUCKETS] = {
    let mut bounds = [0; BUCKETS];
    let mut bucket = 0;
    while bucket < BUCKETS {
        let doubled = FIRST << (bucket / 2);
        let exact = if bucket.is_multiple_of(2) {
            doubled
        } else {
            doubled * 1_414_213_562_373_095_049 / 1_000_000_000_000_000_000
        };
        bounds[bucket] = exact as u64;
        bucket += 1;
    }
    bounds
};

/// The bucket of a duration, 0 to 60.
pub fn bucket(duration: Duration) -> u8 {
    let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let bucket = BOUNDS.partition_point(|&bound| bound < nanoseconds).min(BUCKETS - 1);
    // At most 60.
    bucket as u8
}

/// The longest duration of a bucket: 0.5 ms for 0, about 6.2 days for 60, which also holds longer ones. A number beyond
/// 60 means 60.
pub fn upper(bucket: u8) -> Duration {
    Duration::from_nanos(BOUNDS[usize::from(bucket).min(BUCKETS - 1)])
}

/// The duration that `quantile` (0 to 1; 0.99 for the 99th percentile) of what was counted does not exceed, from
/// (bucket, count) pairs in any order; a bucket may come more than once. Evenly spread within its bucket; of the last
/// bucket, whose end nobody knows, the beginning. `None` when nothing was counted.
pub fn percentile(counts: &[(u8, u64)], quantile: f64) -> Option<Duration> {
    let mut histogram = [0_u64; BUCKETS];
    for &(bucket, count) in counts {
        let slot = &mut histogram[usize::from(bucket).min(BUCKETS - 1)];
        *slot = slot.saturating_add(count);
    }
    let total: f64 = histogram.iter().map(|&count| count as f64).sum();
    if total == 0.0 {
        return None;
    }
    let rank = quantile.clamp(0.0, 1.0) * total;
    let mut before = 0.0;
    let mut lower = 0;
    let mut longest = Duration::ZERO;
    for (bucket, &count) in histogram.iter().enumerate() {
        let bound = BOUNDS[bucket];
        if count > 0 {
            if bucket == BUCKETS - 1 {
                return Some(Duration::from_nanos(lower));
            }
            longest = Duration::from_nanos(bound);
            let count = count as f64;
            if before + count >= rank {
                let share = ((rank - before) / count).clamp(0.0, 1.0);
                return Some(Duration::from_nanos(lower + ((bound - lower) as f64 * share) as u64));
            }
            before += count;
        }
        lower = bound;
    }
    // Only by rounding: the rank lies beyond the last count.
    Some(longest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bounds_are_half_a_millisecond_times_powers_of_the_square_root_of_two() {
        assert_eq!(upper(0), Duration::from_micros(500));
        assert_eq!(upper(2), Duration::from_millis(1));
        assert_eq!(upper(22), Duration::from_micros(1_024_000));
        for bucket in 0..BUCKETS as u8 {
            let exact = 0.0005 * 2.0_f64.powf(f64::from(bucket) / 2.0);
            let off = (upper(bucket).as_secs_f64() - exact).abs();
            assert!(off <= 2e-9 + exact * 1e-15, "bucket {bucket} is off by {off} s");
        }
        assert_eq!(upper(255), upper(60));
        assert!(upper(60) > Duration::from_secs(6 * 86_400));
    }

    #[test]
    fn a_bound_belongs_to_its_own_bucket_and_the_next_nanosecond_to_the_next() {
        for bucket_number in 0..BUCKETS as u8 - 1 {
            let bound = upper(bucket_number);
            assert_eq!(bucket(bound), bucket_number);
            assert_eq!(bucket(bound + Duration::from_nanos(1)), bucket_number + 1);
        }
        assert_eq!(bucket(Duration::ZERO), 0);
        assert_eq!(bucket(upper(60)), 60);
        assert_eq!(bucket(Duration::MAX), 60);
    }

    #[test]
    fn nothing_counted_has_no_percentile() {
        assert_eq!(percentile(&[], 0.5), None);
        assert_eq!(percentile(&[(3, 0), (7, 0)], 0.99), None);
    }

    #[test]
    fn a_percentile_lies_in_the_bucket_that_holds_its_rank() {
        // 90 runs up to 0.5 ms, 9 in bucket 20, 1 in bucket 40; out of order, one bucket in two pieces.
        let counts = [(40, 1), (0, 50), (20, 9), (0, 40)];
        assert!(percentile(&counts, 0.5).unwrap() <= upper(0));
        assert!(percentile(&counts, 0.9).unwrap() <= upper(0));
        let p95 = percentile(&counts, 0.95).unwrap();
        assert!(p95 > upper(19) && p95 <= upper(20), "{p95:?}");
        assert_eq!(percentile(&counts, 1.0), Some(upper(40)));
        assert_eq!(percentile(&counts, 7.0), Some(upper(40)), "beyond 1 means 1");
        // Half of bucket 0 is a quarter of a millisecond.
        assert_eq!(percentile(&[(0, 10)], 0.5), Some(Duration::from_micros(250)));
    }

    #[test]
    fn the_last_bucket_answers_with_its_beginning_and_counts_do_not_overflow() {
        assert_eq!(percentile(&[(60, 1)], 0.5), Some(upper(59)));
        assert_eq!(percentile(&[(0, 1), (200, 5)], 0.99), Some(upper(59)), "a bucket nobody has is the last one");
        assert!(percentile(&[(5, u64::MAX), (5, u64::MAX)], 0.5).is_some());
    }

    proptest! {
        #[test]
        fn a_duration_lies_between_the_bounds_of_its_bucket(nanoseconds in 0_u64..600_000_000_000_000) {
            let duration = Duration::from_nanos(nanoseconds);
            let bucket = bucket(duration);
            if bucket < 60 {
                prop_assert!(duration <= upper(bucket));
            }
            if bucket > 0 {
                prop_assert!(duration > upper(bucket - 1));
            }
        }

        #[test]
        fn percentiles_are_off_by_at_most_one_bucket_and_grow_with_the_quantile(
            mut runs in proptest::collection::vec(1_u64..1_000_000_000_000, 1..300),
        ) {
            runs.sort_unstable();
            let counts: Vec<(u8, u64)> = runs.iter().map(|&run| (bucket(Duration::from_nanos(run)), 1)).collect();
            let mut last = Duration::ZERO;
            for quantile in [0.01, 0.25, 0.5, 0.9, 0.99, 1.0] {
                let found = percentile(&counts, quantile).unwrap();
                prop_assert!(found >= last);
                last = found;
                let rank = ((quantile * runs.len() as f64).ceil() as usize).clamp(1, runs.len());
                let exact = bucket(Duration::from_nanos(runs[rank - 1]));
                prop_assert!(bucket(found).abs_diff(exact) <= 1, "{found:?} for bucket {exact}");
            }
        }
    }
}
