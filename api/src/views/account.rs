//! The signed-in person, as the API shows them.

use chrono::{DateTime, Utc};
use domain::user::{Email, Language, Role, UserStatus};
use infra::db::users::User;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words;
use crate::reply::time;

/// The signed-in person.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    pub id: Uuid,
    pub email: String,
    pub username: String,
    pub name: String,
    pub bio: String,
    #[schema(schema_with = words::role)]
    pub role: Role,
    #[schema(schema_with = words::user_status)]
    pub status: UserStatus,
    #[schema(schema_with = words::language)]
    pub language: Language,
    pub email_verified: bool,
    pub creator_terms_version: Option<String>,
    /// What this role may do.
    pub permissions: Vec<&'static str>,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
}

impl From<User> for Me {
    fn from(user: User) -> Self {
        let permissions = domain::user::Permission::ALL.iter().filter(|right| user.role.allows(**right));
        Self {
            id: user.id.0,
            email: user.email.parse::<Email>().map_or(user.email, |email| email.shown()),
            username: user.username,
            name: user.name,
            bio: user.bio,
            role: user.role,
            status: user.status,
            language: user.language,
            email_verified: user.email_verified_at.is_some(),
            creator_terms_version: user.creator_terms_version,
            permissions: permissions.map(|right| right.as_str()).collect(),
            created_at: user.created_at,
        }
    }
}
