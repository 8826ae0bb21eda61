//! One range of one index, as SQL.

use std::fmt::Write as _;

use db::literal;
use uuid::Uuid;

use crate::ledger::{
    State,
    list::{Filter, Range},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    NewestFirst,
    OldestFirst,
}

impl Direction {
    const fn word(self) -> &'static str {
        match self {
            Self::NewestFirst => "DESC",
            Self::OldestFirst => "ASC",
        }
    }
}

/// Where candidates come from. Within each, ids are in order, except for [`Branch::Feed`]. No two of a plan share a
/// job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    /// `job_refs`, by its primary key.
    Reference,
    /// `job_failures`, by its primary key.
    Failures { given_up: bool },
    /// `jobs_listed`.
    Listed { state: State, kind: String },
    /// `jobs_feed`, with the filter's tenant if there is one: by priority and time, so all of it is read and sorted.
    Feed { queue: String, state: State },
    /// `jobs_kind`.
    Kind,
    /// `jobs_tenant`.
    Tenant,
    /// The primary key.
    Ledger,
}

impl Branch {
    pub(super) const fn is_ordered(&self) -> bool {
        !matches!(self, Self::Feed { .. })
    }

    /// The first `limit` matching ids.
    pub(super) fn ids(&self, filter: &Filter, range: Range, direction: Direction, limit: u64) -> String {
        let id = self.id();
        format!("SELECT {id} AS id{} ORDER BY {id} {} LIMIT {limit}", self.rows(filter, range, true), direction.word())
    }

    /// The id behind `entries` of the index's entries, matching or not.
    pub(super) fn bound(&self, filter: &Filter, range: Range, direction: Direction, entries: u64) -> String {
        let (id, rows, direction) = (self.id(), self.rows(filter, range, false), direction.word());
        format!("SELECT {id} AS id{rows} ORDER BY {id} {direction} LIMIT 1 OFFSET {entries}")
    }

    /// How many ids there are, at most `cap`; `matching` or in the index at all.
    pub(super) fn count(&self, filter: &Filter, range: Range, matching: bool, cap: u64) -> String {
        format!("SELECT COUNT(*) AS n FROM (SELECT 1{} LIMIT {cap}) counted", self.rows(filter, range, matching))
    }

    const fn id(&self) -> &'static str {
        match self {
            Self::Reference => "r.job_id",
            Self::Failures { .. } => "f.job_id",
            _ => "j.id",
        }
    }

    /// `FROM … WHERE …`.
    fn rows(&self, filter: &Filter, range: Range, matching: bool) -> String {
        let rest = if matching { self.rest(filter) } else { String::new() };
        let join =
            |id: &str| if rest.is_empty() { String::new() } else { format!(" STRAIGHT_JOIN jobs j ON j.id = {id}") };
        let text = |value: &Option<String>| literal::text(value.as_deref().unwrap_or_default());
        let mut sql = match self {
            Self::Reference => {
                let (kind, id) = filter.reference.clone().unwrap_or_default();
                let (kind, id) = (literal::text(&kind), literal::uuid(id));
                format!(" FROM job_refs r{} WHERE r.ref_type = {kind} AND r.ref_id = {id}", join("r.job_id"))
            }
            Self::Failures { given_up } => {
                let fingerprint = literal::binary(&filter.fingerprint.map_or([0; 16], |fingerprint| fingerprint.0));
                format!(
                    " FROM job_failures f{} WHERE f.fingerprint = {fingerprint} AND f.given_up = {}",
                    join("f.job_id"),
                    u8::from(*given_up)
                )
            }
            Self::Listed { state, kind } => format!(
                " FROM jobs j FORCE INDEX (jobs_listed) WHERE j.listed = '{state}' AND j.kind = {}",
                literal::text(kind)
            ),
            Self::Feed { queue, state } => {
                let queue = literal::text(queue);
                let mut sql =
                    format!(" FROM jobs j FORCE INDEX (jobs_feed) WHERE j.queue = {queue} AND j.state = '{state}'");
                if let Some(tenant) = filter.tenant {
                    let _ = write!(sql, " AND j.tenant = {}", literal::uuid(tenant));
                }
                sql
            }
            Self::Kind => format!(" FROM jobs j FORCE INDEX (jobs_kind) WHERE j.kind = {}", text(&filter.kind)),
            Self::Tenant => format!(
                " FROM jobs j FORCE INDEX (jobs_tenant) WHERE j.tenant = {}",
                literal::uuid(filter.tenant.unwrap_or_default())
            ),
            Self::Ledger => " FROM jobs j FORCE INDEX (PRIMARY) WHERE TRUE".to_owned(),
        };
        let (low, high) = (literal::uuid(Uuid::from_u128(range.low)), literal::uuid(Uuid::from_u128(range.high)));
        let _ = write!(sql, " AND {} BETWEEN {low} AND {high}{rest}", self.id());
        sql
    }

    /// The index alone says what matches.
    pub(super) fn decides(&self, filter: &Filter) -> bool {
        self.rest(filter).is_empty()
    }

    /// In order as well: reading a page costs a page.
    pub(super) fn is_free(&self, filter: &Filter) -> bool {
        self.is_ordered() && self.decides(filter)
    }

    /// What the index does not decide, as ` AND …`.
    fn rest(&self, filter: &Filter) -> String {
        let (mut state, mut kind, mut queue, mut tenant) = (true, true, true, true);
        match self {
            Self::Listed { .. } => (state, kind) = (false, false),
            Self::Feed { .. } => (state, queue, tenant) = (false, false, false),
            Self::Kind => kind = false,
            Self::Tenant => tenant = false,
            Self::Reference | Self::Failures { .. } | Self::Ledger => {}
        }
        let mut sql = String::new();
        if state && !filter.states.is_empty() {
            let words: Vec<String> = filter.states.iter().map(|state| format!("'{state}'")).collect();
            let _ = write!(sql, " AND j.state IN ({})", words.join(","));
        }
        if let (true, Some(kind)) = (kind, &filter.kind) {
            let _ = write!(sql, " AND j.kind = {}", literal::text(kind));
        }
        if let (true, Some(queue)) = (queue, &filter.queue) {
            let _ = write!(sql, " AND j.queue = {}", literal::text(queue));
        }
        if let (true, Some(tenant)) = (tenant, filter.tenant) {
            let _ = write!(sql, " AND j.tenant = {}", literal::uuid(tenant));
        }
        if let (Self::Reference, Some(fingerprint)) = (self, filter.fingerprint) {
            let _ = write!(
                sql,
                " AND EXISTS (SELECT 1 FROM job_failures f WHERE f.job_id = j.id AND f.fingerprint = {})",
                literal::binary(&fingerprint.0)
            );
        }
        sql
    }
}
