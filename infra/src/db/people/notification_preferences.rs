//! By which channels people want to be told.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Tx};
use domain::{
    ids::UserId,
    notification::{Kind, Preference},
};

/// What somebody has said of one kind.
struct Said {
    kind: Kind,
    in_app: bool,
    mail: bool,
}

/// What holds for a kind.
fn effective(kind: Kind, said: Option<&Said>) -> Preference {
    match said {
        None => kind.by_default(),
        Some(said) => Preference { kind, in_app: said.in_app || kind.is_always_in_app(), mail: said.mail },
    }
}

/// What holds for somebody, kind by kind.
pub async fn of(db: &Db, user: UserId) -> Result<Vec<Preference>, DbError> {
    let said = sqlx::query_as!(
        Said,
        r#"SELECT kind AS "kind: Kind", in_app AS "in_app: bool", mail AS "mail: bool" FROM notification_preferences
           WHERE user_id = ?"#,
        user
    )
    .fetch_all(db.pool())
    .await?;
    let of_kind = |kind: &Kind| effective(*kind, said.iter().find(|said| said.kind == *kind));
    Ok(Kind::ALL.iter().map(of_kind).collect())
}

/// What holds for somebody and this kind.
pub async fn get_in(tx: &mut Tx, user: UserId, kind: Kind) -> Result<Preference, DbError> {
    let said = sqlx::query_as!(
        Said,
        r#"SELECT kind AS "kind: Kind", in_app AS "in_app: bool", mail AS "mail: bool" FROM notification_preferences
           WHERE user_id = ? AND kind = ?"#,
        user,
        kind
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(effective(kind, said.as_ref()))
}

/// Writes down what somebody says of a kind; a channel that they do not name stays as it is, also when somebody else names it at the
/// same time.
pub async fn set(
    tx: &mut Tx,
    user: UserId,
    kind: Kind,
    (in_app, mail): (Option<bool>, Option<bool>),
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let first = kind.by_default();
    sqlx::query!(
        "INSERT INTO notification_preferences (user_id, kind, in_app, mail, updated_at) VALUES (?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE in_app = COALESCE(?, in_app), mail = COALESCE(?, mail), updated_at = VALUES(updated_at)",
        user,
        kind,
        in_app.unwrap_or(first.in_app),
        mail.unwrap_or(first.mail),
        now,
        in_app,
        mail
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets what a person has said.
pub async fn forget_person(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    sqlx::query!("DELETE FROM notification_preferences WHERE user_id = ?", user).execute(&mut **tx).await?;
    Ok(())
}
