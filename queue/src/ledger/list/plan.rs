//! The plan of a search, by the index that drives it, and the search itself.

use db::{DbError, Session, literal};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use crate::{
    ids::JobId,
    ledger::{
        State,
        list::{
            COUNT_CAP, Filter, Range, Total, WINDOW,
            branch::{Branch, Direction},
        },
    },
};

/// Statements of a union; more branches than this go in several.
const UNION: usize = 16;
/// Kinds or queues that are looked for at most: names in the ledger come from our own builds.
const NAMES: usize = 200;
/// Entries of the queues' own index that are read and sorted for one page, where that index alone decides.
const SORTED: u64 = 100_000;
/// Fewest entries a branch may check of its share of the window.
const SHARE_AT_LEAST: u64 = 500;

/// How to find the jobs of a filter within a range of ids.
pub(super) struct Plan<'a> {
    filter: &'a Filter,
    range: Range,
    direction: Direction,
    branches: Vec<Branch>,
    /// Too many entries have to be checked: a request checks those of a window.
    windowed: bool,
    /// More than [`COUNT_CAP`] jobs match, by an index that decides it and that another is better than for the page.
    over: bool,
}

/// What a search found.
pub(super) struct Found {
    /// In the direction of the search.
    pub ids: Vec<JobId>,
    /// Everything up to here was looked at; none when that is all there is.
    pub next: Option<Uuid>,
    pub partial: bool,
}

impl<'a> Plan<'a> {
    /// Weighs the indexes that fit, by how many entries each would have to check.
    pub(super) async fn choose(
        connection: &mut Session,
        filter: &'a Filter,
        range: Range,
        direction: Direction,
    ) -> Result<Self, DbError> {
        let plan = |branches, windowed, over| Self { filter, range, direction, branches, windowed, over };
        if range.is_empty() {
            return Ok(plan(Vec::new(), false, false));
        }
        let mut candidates = Vec::new();
        if filter.reference.is_some() {
            candidates.push(vec![Branch::Reference]);
        } else if filter.fingerprint.is_some() {
            candidates.push(vec![Branch::Failures { given_up: false }, Branch::Failures { given_up: true }]);
        } else {
            candidates.extend(by_state(connection, filter).await?);
            candidates.extend(filter.tenant.is_some().then(|| vec![Branch::Tenant]));
            candidates.extend(filter.kind.is_some().then(|| vec![Branch::Kind]));
            candidates.extend(by_queue(filter));
            candidates.push(vec![Branch::Ledger]);
        }
        // Nothing to check: nothing is cheaper.
        if let Some(at) = candidates.iter().position(|branches| branches.iter().all(|branch| branch.is_free(filter))) {
            return Ok(plan(candidates.swap_remove(at), false, false));
        }
        let mut best: Option<(u64, Vec<Branch>)> = None;
        let mut over = false;
        for branches in candidates {
            // The whole ledger is the last resort: it is not worth counting beside another.
            if branches == [Branch::Ledger] && best.is_some() {
                continue;
            }
            let checked: Vec<&Branch> = branches.iter().filter(|branch| !branch.is_free(filter)).collect();
            let decides = branches.iter().all(|branch| branch.decides(filter));
            let unordered = branches.iter().any(|branch| !branch.is_ordered());
            let live = !filter.states.is_empty() && !filter.states.contains(&State::Completed);
            let cap = if decides && live { SORTED } else { COUNT_CAP };
            let entries = count(connection, &checked, filter, range, false, cap).await?;
            over |= decides && entries > COUNT_CAP;
            if unordered && entries > cap {
                continue;
            }
            if unordered && decides && entries > COUNT_CAP {
                // Reading it all beats looking for them among everything else.
                return Ok(plan(branches, false, true));
            }
            if best.as_ref().is_none_or(|(least, _)| entries < *least) {
                best = Some((entries, branches));
            }
        }
        let (entries, branches) = best.unwrap_or_else(|| (COUNT_CAP + 1, vec![Branch::Ledger]));
        Ok(plan(branches, entries > COUNT_CAP, over))
    }

    /// The range that one request may check, and where it ends if it does.
    async fn window(&self, connection: &mut Session) -> Result<(Range, Option<Uuid>), DbError> {
        if !self.windowed {
            return Ok((self.range, None));
        }
        let checked: Vec<&Branch> = self.branches.iter().filter(|branch| !branch.is_free(self.filter)).collect();
        let share = (WINDOW / checked.len().max(1) as u64).max(SHARE_AT_LEAST);
        let bounds = checked.iter().map(|branch| branch.bound(self.filter, self.range, self.direction, share));
        let bounds: Vec<Uuid> = union(connection, bounds).await?;
        // What every branch has checked.
        let end = match self.direction {
            Direction::NewestFirst => bounds.into_iter().max(),
            Direction::OldestFirst => bounds.into_iter().min(),
        };
        Ok((end.map_or(self.range, |end| self.range.up_to(end, self.direction)), end))
    }

    /// How many jobs match.
    pub(super) async fn total(&self, connection: &mut Session) -> Result<Total, DbError> {
        let window = self.window(connection).await?;
        self.total_within(connection, window).await
    }

    async fn total_within(
        &self,
        connection: &mut Session,
        (range, end): (Range, Option<Uuid>),
    ) -> Result<Total, DbError> {
        if self.over {
            return Ok(Total { count: COUNT_CAP, capped: true });
        }
        let branches: Vec<&Branch> = self.branches.iter().collect();
        let count = count(connection, &branches, self.filter, range, true, COUNT_CAP).await?;
        Ok(Total { count: count.min(COUNT_CAP), capped: count > COUNT_CAP || end.is_some() })
    }

    /// The first `limit` matching jobs.
    pub(super) async fn find(&self, connection: &mut Session, limit: u32) -> Result<Found, DbError> {
        let window = self.window(connection).await?;
        self.find_within(connection, window, limit).await
    }

    /// The same, and how many there are in all.
    pub(super) async fn find_and_count(&self, connection: &mut Session, limit: u32) -> Result<(Found, Total), DbError> {
        let window = self.window(connection).await?;
        let found = self.find_within(connection, window, limit).await?;
        // All that the window has is on this page: no need to look through it again.
        let total = if !self.over && (found.next.is_none() || found.partial) {
            Total { count: found.ids.len() as u64, capped: found.partial }
        } else {
            self.total_within(connection, window).await?
        };
        Ok((found, total))
    }

    async fn find_within(
        &self,
        connection: &mut Session,
        (range, end): (Range, Option<Uuid>),
        limit: u32,
    ) -> Result<Found, DbError> {
        let one_more = u64::from(limit) + 1;
        let parts = self.branches.iter().map(|branch| branch.ids(self.filter, range, self.direction, one_more));
        let mut ids: Vec<Uuid> = union(connection, parts).await?;
        match self.direction {
            Direction::NewestFirst => ids.sort_unstable_by(|a, b| b.cmp(a)),
            Direction::OldestFirst => ids.sort_unstable(),
        }
        // A job that moved from one branch to another between two statements.
        ids.dedup();
        let more = ids.len() > limit as usize;
        ids.truncate(limit as usize);
        let next = if more { ids.last().copied() } else { end };
        let ids = ids.into_iter().map(JobId).collect();
        Ok(Found { ids, next, partial: !more && end.is_some() })
    }
}

/// The states' own indexes, when every state asked for has one: `completed` is most of the ledger, and has none.
async fn by_state(connection: &mut Session, filter: &Filter) -> Result<Option<Vec<Branch>>, DbError> {
    if filter.states.is_empty() || filter.states.contains(&State::Completed) {
        return Ok(None);
    }
    let is_fed = |state: &State| matches!(state, State::Available | State::Running);
    let (fed, listed): (Vec<State>, Vec<State>) = filter.states.iter().copied().partition(is_fed);
    let mut branches = Vec::new();
    match &filter.kind {
        Some(kind) => branches.extend(listed.into_iter().map(|state| Branch::Listed { state, kind: kind.clone() })),
        None => {
            let kinds = kinds(connection, &listed).await?;
            branches.extend(kinds.into_iter().map(|(place, kind)| Branch::Listed { state: listed[place], kind }));
        }
    }
    if !fed.is_empty() {
        let queues = match &filter.queue {
            Some(queue) => vec![queue.clone()],
            None => queues(connection).await?,
        };
        for queue in queues {
            branches.extend(fed.iter().map(|state| Branch::Feed { queue: queue.clone(), state: *state }));
        }
    }
    Ok(Some(branches))
}

/// The queue's part of `jobs_feed`: worth it for a short queue.
fn by_queue(filter: &Filter) -> Option<Vec<Branch>> {
    let queue = filter.queue.as_ref()?;
    let states = if filter.states.is_empty() { State::ALL } else { &filter.states };
    Some(states.iter().map(|state| Branch::Feed { queue: queue.clone(), state: *state }).collect())
}

/// The kinds of jobs in each of these states, by the state's place: one index seek each, however many jobs there are.
async fn kinds(connection: &mut Session, states: &[State]) -> Result<Vec<(usize, String)>, DbError> {
    names(connection, states.len(), |place, after| {
        format!(
            "SELECT {place} AS place, kind AS name FROM jobs FORCE INDEX (jobs_listed)
             WHERE listed = '{}' AND kind > {after} ORDER BY kind LIMIT 1",
            states[place]
        )
    })
    .await
}

/// The queues that have jobs at all.
pub(crate) async fn queues(connection: &mut Session) -> Result<Vec<String>, DbError> {
    let names = names(connection, 1, |place, after| {
        format!(
            "SELECT {place} AS place, queue AS name FROM jobs FORCE INDEX (jobs_feed)
             WHERE queue > {after} ORDER BY queue LIMIT 1"
        )
    });
    Ok(names.await?.into_iter().map(|(_, name)| name).collect())
}

/// Goes from name to name in several ranges of an index at once: `next` asks for the name behind another.
async fn names(
    connection: &mut Session,
    ranges: usize,
    next: impl Fn(usize, &str) -> String,
) -> Result<Vec<(usize, String)>, DbError> {
    let mut names = Vec::new();
    let mut at: Vec<(usize, String)> = (0..ranges).map(|place| (place, String::new())).collect();
    while !at.is_empty() && names.len() < NAMES {
        let parts: Vec<String> =
            at.iter().map(|(place, after)| format!("({})", next(*place, &literal::text(after)))).collect();
        let rows = sqlx::raw_sql(AssertSqlSafe(parts.join(" UNION ALL "))).fetch_all(&mut *connection).await?;
        at.clear();
        for row in rows {
            let place: i64 = row.try_get("place")?;
            at.push((usize::try_from(place).unwrap_or_default(), row.try_get("name")?));
        }
        names.extend(at.iter().cloned());
    }
    Ok(names)
}

/// Counts up to one more than `cap` over all branches.
async fn count(
    connection: &mut Session,
    branches: &[&Branch],
    filter: &Filter,
    range: Range,
    matching: bool,
    cap: u64,
) -> Result<u64, DbError> {
    let cap = cap + 1;
    let mut total = 0;
    for branches in branches.chunks(UNION / 2) {
        let parts = branches.iter().map(|branch| branch.count(filter, range, matching, cap));
        let counts: Vec<i64> = union_of(connection, parts, "n").await?;
        total += counts.iter().map(|count| count.unsigned_abs()).sum::<u64>();
        if total >= cap {
            return Ok(cap);
        }
    }
    Ok(total)
}

async fn union(connection: &mut Session, parts: impl Iterator<Item = String>) -> Result<Vec<Uuid>, DbError> {
    let parts: Vec<String> = parts.collect();
    let mut ids = Vec::new();
    for parts in parts.chunks(UNION) {
        ids.extend(union_of::<Uuid>(connection, parts.iter().cloned(), "id").await?);
    }
    Ok(ids)
}

async fn union_of<T>(
    connection: &mut Session,
    parts: impl Iterator<Item = String>,
    column: &str,
) -> Result<Vec<T>, DbError>
where
    T: for<'r> sqlx::Decode<'r, sqlx::MySql> + sqlx::Type<sqlx::MySql>,
{
    let statement = parts.map(|part| format!("({part})")).collect::<Vec<_>>().join(" UNION ALL ");
    if statement.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::raw_sql(AssertSqlSafe(statement)).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(column)?)).collect()
}
