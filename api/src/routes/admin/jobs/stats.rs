//! Runs over time: from the rollups, never from the ledger's rows.

use axum::extract::State;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use http::header;
use queue::ledger::stats::series::{Filter, Split, Step};
use utoipa::IntoParams;

use super::filter::{kind, queue};
use crate::{
    reply::{Code, Envelope, Error, FieldError, Issue, Reply},
    request::{
        JobsRead, RequirePermission, StrictQuery,
        fields::{self, Fields, Input, instant},
    },
    state::AppState,
    views::{StatsView, words},
};

/// The longest time in minutes' and in hours' steps. After two days minutes are folded into hours.
const MINUTES_MAX: TimeDelta = TimeDelta::hours(6);
const HOURS_MAX: TimeDelta = TimeDelta::days(31);

/// Which runs, and how they are laid out.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatsQuery {
    /// From this time on; an hour back by default.
    since: Option<DateTime<Utc>>,
    /// Up to this time; now by default. At most 6 hours by minute, 31 days by hour.
    until: Option<DateTime<Utc>>,
    /// `minute` or `hour`; by default the minute as long as the time allows it.
    #[param(schema_with = words::stats_step)]
    step: Option<Step>,
    /// A line for each queue, kind or outcome; by default one line.
    #[param(schema_with = words::stats_split)]
    by: Option<Split>,
    #[param(example = "mail")]
    queue: Option<String>,
    #[param(example = "send_email", pattern = r"^[a-z0-9_]{1,48}$")]
    kind: Option<String>,
    /// `completed`, `retry`, `discarded`, …
    #[param(max_length = 16, pattern = r"^[!-~]+$")]
    outcome: Option<String>,
}

impl Input for StatsQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            since: fields.optional("since", instant),
            until: fields.optional("until", instant),
            step: fields.optional("step", fields::word),
            by: fields.optional("by", fields::word),
            queue: fields.optional("queue", queue).map(str::to_owned),
            kind: fields.optional("kind", kind),
            outcome: fields.optional("outcome", fields::name(16, "completed")).map(String::from),
        })
    }
}

/// Runs that ended by minute or hour, as one line or by queue, kind or outcome.
#[utoipa::path(get, path = "/admin/jobs/stats", tag = "admin jobs", params(StatsQuery), security(("bearer" = [])),
    responses((status = 200, description = "The series", body = Envelope<StatsView>)),
    extensions(("x-errors" = json!([Code::ValidationFailed, Code::Forbidden, Code::QueryTooSlow])), ("x-permission" = json!("jobs:read"))))]
pub async fn get(
    State(state): State<AppState>,
    _: RequirePermission<JobsRead>,
    StrictQuery(query): StrictQuery<StatsQuery>,
) -> Result<Reply<StatsView>, Error> {
    let (since, until, step) = span(&query, state.clock.now())?;
    let filter = Filter { queue: query.queue, kind: query.kind, outcome: query.outcome, since, until };
    let view = StatsView::of(&state.db, &filter, step, query.by).await?;
    Ok(Reply::ok(view).header(header::CACHE_CONTROL, "private, no-store"))
}

/// The asked-for time, from the beginning of a step, and the step that suits it.
fn span(query: &StatsQuery, now: DateTime<Utc>) -> Result<(DateTime<Utc>, DateTime<Utc>, Step), Error> {
    let refused = |field, like: &str| Error::Fields(vec![FieldError::new(field, Issue::MustBe(like.to_owned()))]);
    let until = query.until.unwrap_or(now);
    let since = query.since.unwrap_or(until - TimeDelta::hours(1));
    let length = until - since;
    if length <= TimeDelta::zero() {
        return Err(refused("since", "before until"));
    }
    let step = query.step.unwrap_or(if length <= MINUTES_MAX { Step::Minute } else { Step::Hour });
    let (longest, text, unit) = match step {
        Step::Minute => (MINUTES_MAX, "at most 6 hours before until, or the step an hour", TimeDelta::minutes(1)),
        Step::Hour => (HOURS_MAX, "at most 31 days before until", TimeDelta::hours(1)),
    };
    if length > longest {
        return Err(refused("since", text));
    }
    let since = since.duration_trunc(unit).map_err(|_| refused("since", "a time of this era"))?;
    Ok((since, until, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(since: Option<&str>, until: Option<&str>, step: Option<Step>) -> StatsQuery {
        let at = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        StatsQuery { since: at(since), until: at(until), step, by: None, queue: None, kind: None, outcome: None }
    }

    #[test]
    fn the_time_is_bounded_and_begins_with_a_step() {
        let now = "2026-11-22T10:30:30Z".parse().unwrap();
        let (since, until, step) = span(&query(None, None, None), now).unwrap();
        assert_eq!((since.to_rfc3339(), until, step), ("2026-11-22T09:30:00+00:00".into(), now, Step::Minute));
        let (since, _, step) = span(&query(Some("2026-11-20T10:10:00Z"), None, None), now).unwrap();
        assert_eq!((since.to_rfc3339(), step), ("2026-11-20T10:00:00+00:00".into(), Step::Hour));
        for (since, until, step) in [
            ("2026-11-22T10:30:30Z", None, None),
            ("2026-11-20T10:10:00Z", None, Some(Step::Minute)),
            ("2026-10-01T10:10:00Z", None, None),
            ("2026-11-22T10:30:30Z", Some("2026-11-22T10:30:29Z"), None),
        ] {
            assert!(span(&query(Some(since), until, step), now).is_err(), "{since}");
        }
    }
}
