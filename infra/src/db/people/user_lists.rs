//! Accounts as those who administer them look for them. Put together at run time, since every filter may be left out; by the
//! connections for look-ups, whose statements end after 3 s.

use chrono::{DateTime, Utc};
use db::{Db, DbError};
use domain::{
    ids::UserId,
    user::{Email, Role, UserStatus},
};
use sqlx::{MySql, QueryBuilder};

use crate::db::nano_lists::COUNT_CAP;

/// Which accounts; `None` means any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub role: Option<Role>,
    pub status: Option<UserStatus>,
    /// What the address or the username begins with, or the name holds.
    pub search: Option<String>,
}

/// An account as it is administered.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Listed {
    pub id: UserId,
    pub email: String,
    pub username: String,
    pub name: String,
    pub role: Role,
    pub status: UserStatus,
    pub suspension_reason: Option<String>,
    pub email_verified_at: Option<DateTime<Utc>>,
    pub second_factor: bool,
    pub last_login_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

const COLUMNS: &str = "u.id, u.email, u.username, u.name, u.role, u.status, u.suspension_reason, u.email_verified_at,
    u.last_login_at, u.created_at,
    (EXISTS (SELECT 1 FROM second_factors f WHERE f.user_id = u.id AND f.enabled_at IS NOT NULL)
      OR EXISTS (SELECT 1 FROM passkeys p WHERE p.user_id = u.id)) AS second_factor";

/// Entries `offset .. offset + limit`, the newest accounts first, and how many match, at most [`COUNT_CAP`] + 1.
pub async fn page(db: &Db, filter: &Filter, offset: u64, limit: u32) -> Result<(Vec<Listed>, u64), DbError> {
    let mut count = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM users u WHERE ");
    push_filter(&mut count, filter);
    count.push(" LIMIT ").push_bind(COUNT_CAP + 1).push(") capped");
    let total: i64 = count.build_query_scalar().fetch_one(db.inspection()).await?;

    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(" FROM users u WHERE ");
    push_filter(&mut query, filter);
    query.push(" ORDER BY u.id DESC LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
    Ok((query.build_query_as().fetch_all(db.inspection()).await?, total.unsigned_abs()))
}

/// One of them.
pub async fn get(db: &Db, id: UserId) -> Result<Option<Listed>, DbError> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(" FROM users u WHERE u.id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(db.pool()).await?)
}

fn push_filter(query: &mut QueryBuilder<MySql>, filter: &Filter) {
    query.push("TRUE");
    if let Some(role) = filter.role {
        query.push(" AND u.role = ").push_bind(role);
    }
    if let Some(status) = filter.status {
        query.push(" AND u.status = ").push_bind(status);
    }
    if let Some(search) = &filter.search {
        // Addresses and usernames are stored in lower case, domains in ASCII.
        let address = search.parse::<Email>().map_or_else(|_| search.to_lowercase(), |email| email.to_string());
        let pattern = |text: &str| text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
        query
            .push(" AND (u.email LIKE ")
            .push_bind(format!("{}%", pattern(&address)))
            .push(" ESCAPE '!' OR u.username LIKE ")
            .push_bind(format!("{}%", pattern(&search.to_lowercase())))
            .push(" ESCAPE '!' OR u.name LIKE ")
            .push_bind(format!("%{}%", pattern(search)))
            .push(" ESCAPE '!')");
    }
}
