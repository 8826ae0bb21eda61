//! Pages of a nano's ratings, with whoever wrote them.
//!
//! The statement is built at run time, because its order and its beginning are.

use std::{fmt, str::FromStr};

use db::{Db, DbError};
use domain::{
    ids::{NanoId, RatingId},
    rating::RatingStatus,
    user::UserStatus,
    words,
};
use sqlx::{FromRow, QueryBuilder};

use super::ratings::Rating;

words! {
    pub enum RatingSort ("sort order") {
        Newest = "newest",
        /// Found helpful by the most people first.
        Helpful = "helpful",
        Best = "best",
        Worst = "worst",
    }
}

impl RatingSort {
    /// What a rating is sorted by before its id.
    const fn column(self) -> Option<&'static str> {
        match self {
            Self::Newest => None,
            Self::Helpful => Some("r.helpful_count"),
            Self::Best | Self::Worst => Some("r.score"),
        }
    }

    const fn descends(self) -> bool {
        !matches!(self, Self::Worst)
    }

    fn value(self, rating: &Rating) -> u32 {
        match self {
            Self::Newest => 0,
            Self::Helpful => rating.helpful_count,
            Self::Best | Self::Worst => rating.score.into(),
        }
    }
}

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct RatingCard {
    #[sqlx(flatten)]
    pub rating: Rating,
    pub author_username: Option<String>,
    pub author_name: Option<String>,
    pub author_status: Option<UserStatus>,
}

/// Behind which rating a page begins: its place in one order, opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RatingPlace {
    sort: RatingSort,
    value: u32,
    id: RatingId,
}

/// Not what an earlier page gave out for this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list; begin again without one")]
pub struct NotAPlace;

impl RatingPlace {
    /// Reads a cursor, which must have been given out for the same order.
    pub fn read(text: &str, sort: RatingSort) -> Result<Self, NotAPlace> {
        let place: Self = text.parse()?;
        if place.sort == sort { Ok(place) } else { Err(NotAPlace) }
    }

    /// That of a rating in an order.
    pub fn of(rating: &Rating, sort: RatingSort) -> Self {
        Self { sort, value: sort.value(rating), id: rating.id }
    }
}

impl fmt::Display for RatingPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.sort, self.value, self.id.0.simple())
    }
}

impl FromStr for RatingPlace {
    type Err = NotAPlace;
    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let parts: [&str; 3] = text.split('.').collect::<Vec<_>>().try_into().map_err(|_| NotAPlace)?;
        let [sort, value, id] = parts;
        let (sort, value) = (sort.parse().map_err(|_| NotAPlace)?, value.parse().map_err(|_| NotAPlace)?);
        Ok(Self { sort, value, id: id.parse().map_err(|_| NotAPlace)? })
    }
}

/// Where a page begins.
#[derive(Clone, Copy, Debug)]
pub enum Begin {
    Offset(u64),
    After(RatingPlace),
}

const COLUMNS: &str = "SELECT r.id, r.nano_id, r.user_id, r.score, r.comment, r.reply, r.replied_at, r.status,
    r.removal_reason, r.helpful_count, r.revision, r.created_at, r.updated_at, u.username AS author_username,
    u.name AS author_name, u.status AS author_status
    FROM ratings r LEFT JOIN users u ON u.id = r.user_id ";

/// At most `limit` of a nano's ratings. Those with the same place but for the id are in the order of the newest.
pub async fn page(
    db: &Db,
    nano: NanoId,
    sort: RatingSort,
    from: Begin,
    limit: u32,
) -> Result<Vec<RatingCard>, DbError> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push("WHERE r.nano_id = ").push_bind(nano).push(" AND r.status = ").push_bind(RatingStatus::Published);
    // The id goes the same way as what is before it, so that one index has the whole order.
    let (direction, beyond) = if sort.descends() { (" DESC", " < ") } else { ("", " > ") };
    if let Begin::After(place) = from {
        match sort.column() {
            None => {
                query.push(" AND r.id").push(beyond).push_bind(place.id);
            }
            Some(column) => {
                query.push(" AND (").push(column).push(beyond).push_bind(place.value);
                query.push(" OR (").push(column).push(" = ").push_bind(place.value);
                query.push(" AND r.id").push(beyond).push_bind(place.id).push("))");
            }
        }
    }
    query.push(" ORDER BY ");
    if let Some(column) = sort.column() {
        query.push(column).push(direction).push(", ");
    }
    query.push("r.id").push(direction).push(" LIMIT ").push_bind(limit);
    if let Begin::Offset(offset) = from {
        query.push(" OFFSET ").push_bind(offset);
    }
    Ok(query.build_query_as().fetch_all(db.pool()).await?)
}

/// One rating with whoever wrote it, in whatever status.
pub async fn card(db: &Db, id: RatingId) -> Result<Option<RatingCard>, DbError> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push("WHERE r.id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(db.pool()).await?)
}

/// The same as this transaction sees it.
pub async fn card_in(tx: &mut db::Tx, id: RatingId) -> Result<Option<RatingCard>, DbError> {
    let mut query = QueryBuilder::new(COLUMNS);
    query.push("WHERE r.id = ").push_bind(id);
    Ok(query.build_query_as().fetch_optional(&mut **tx).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_its_text_and_belongs_to_its_order() {
        let place = RatingPlace { sort: RatingSort::Helpful, value: 12, id: RatingId::new() };
        let text = place.to_string();
        assert_eq!(RatingPlace::read(&text, RatingSort::Helpful), Ok(place));
        assert_eq!(RatingPlace::read(&text, RatingSort::Newest), Err(NotAPlace));
        for bad in ["", "newest", "newest.0", "newest.0.x", "newest.-1.00", &format!("{text}.1"), &text[1..]] {
            assert_eq!(bad.parse::<RatingPlace>(), Err(NotAPlace), "{bad}");
        }
    }
}
