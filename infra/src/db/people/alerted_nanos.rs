//! Which nanos saved searches have told somebody of. Built at run time, because a search finds any number.

use chrono::{DateTime, Utc};
use db::{DbError, Tx};
use domain::ids::{NanoId, UserId};
use sqlx::QueryBuilder;

/// Those of these nanos that this person was told of already. Lock their saved searches first.
pub async fn known(tx: &mut Tx, user: UserId, nanos: &[NanoId]) -> Result<Vec<NanoId>, DbError> {
    if nanos.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new("SELECT nano_id FROM alerted_nanos WHERE user_id = ");
    query.push_bind(user).push(" AND nano_id IN (");
    let mut list = query.separated(", ");
    for nano in nanos {
        list.push_bind(*nano);
    }
    query.push(")");
    Ok(query.build_query_scalar().fetch_all(&mut **tx).await?)
}

/// Notes that this person is told of these nanos, none of which is [`known`].
pub async fn add(tx: &mut Tx, user: UserId, nanos: &[NanoId], now: DateTime<Utc>) -> Result<(), DbError> {
    if nanos.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("INSERT INTO alerted_nanos (user_id, nano_id, alerted_at) ");
    query.push_values(nanos, |mut row, nano| {
        row.push_bind(user).push_bind(*nano).push_bind(now);
    });
    query.build().execute(&mut **tx).await?;
    Ok(())
}
