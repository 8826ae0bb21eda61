//! What people say of themselves: what everybody reads, and what is theirs alone.

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::{
    ids::UserId,
    profile::{BIO_MAX, INTERESTS_MAX, NAME_MAX, Phone, WORK_MAX},
    text,
    user::{Language, Permission, UserStatus},
};
use http::header;
use infra::{
    db::{
        audit_log,
        profiles::{self, ProfileEdit, Words},
        users::{self, User},
    },
    seal::Place,
};
use jobs::ScanProfile;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::second_factor::internal,
    reply::{Code, Envelope, Error, Issue, Reply, time},
    request::{
        ClientInfo, CurrentUser, IfMatch, Json, Path,
        fields::{self, Fields, Input},
    },
    routes::nanos::{forms::slug, known_categories},
    state::AppState,
    views::words,
    write::transaction,
};

/// What everybody reads of somebody.
#[derive(Debug, Serialize, ToSchema)]
pub struct Profile {
    pub id: Uuid,
    pub username: String,
    pub name: String,
    pub bio: String,
    pub company: String,
    pub job_title: String,
    #[serde(serialize_with = "time")]
    pub created_at: DateTime<Utc>,
    /// Where it is yours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnProfile>,
}

/// What nobody else reads.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnProfile {
    #[schema(schema_with = words::language)]
    pub language: Language,
    #[schema(example = "+4930901820")]
    pub phone: Option<String>,
    /// Slugs of `/categories`, at most five.
    pub interests: Vec<String>,
    /// Words that are not public yet.
    pub pending: Option<PendingWords>,
}

/// Words that wait for the scan, for a second mostly, or were found wanting.
#[derive(Debug, Serialize, ToSchema)]
pub struct PendingWords {
    pub name: String,
    pub bio: String,
    pub company: String,
    pub job_title: String,
    /// What the scan has found: they do not become public. Write something else.
    #[schema(value_type = Option<Vec<Object>>)]
    pub findings: Option<Value>,
}

impl From<ProfileEdit> for PendingWords {
    fn from(edit: ProfileEdit) -> Self {
        let Words { name, bio, company, job_title } = edit.words;
        Self { name, bio, company, job_title, findings: edit.findings }
    }
}

/// Whether others may see it: creators and staff show who they are; of those who only learn nobody else reads anything.
fn is_public(user: &User) -> bool {
    user.status == UserStatus::Active && user.email_verified_at.is_some() && user.role.allows(Permission::NanosCreate)
}

async fn shown(state: &AppState, user: User, is_own: bool) -> Result<Profile, Error> {
    let words = profiles::words(&state.db, user.id).await?.ok_or_else(Error::not_found)?;
    let own = if is_own { Some(own(state, &user).await?) } else { None };
    Ok(Profile {
        id: user.id.0,
        username: user.username,
        name: words.name,
        bio: words.bio,
        company: words.company,
        job_title: words.job_title,
        created_at: user.created_at,
        own,
    })
}

async fn own(state: &AppState, user: &User) -> Result<OwnProfile, Error> {
    let sealed = profiles::phone(&state.db, user.id).await?;
    let open = |sealed: Vec<u8>| state.data_keys.open(Place::Phone(user.id), &sealed).map_err(internal);
    let phone = sealed.map(open).transpose()?.map(String::from_utf8).transpose().map_err(internal)?;
    Ok(OwnProfile {
        language: user.language,
        phone,
        interests: profiles::interests(&state.db, user.id).await?,
        pending: profiles::edit(&state.db, user.id).await?.map(PendingWords::from),
    })
}

async fn reply(state: &AppState, user: User, is_own: bool) -> Result<Reply<Profile>, Error> {
    let cached = if is_own { "no-store" } else { "private, no-cache" };
    // Before the rest: an edit in between makes the tag an old one, and never a new one of old words.
    let revision = profiles::revision(&state.db, user.id).await?;
    Ok(Reply::ok(shown(state, user, is_own).await?)
        .header(header::CACHE_CONTROL, cached)
        .header(header::VARY, "authorization")
        .revised(revision))
}

/// What somebody says of themselves. Your own has more; those of people who only learn are not there for others.
#[utoipa::path(get, path = "/users/{id}/profile", tag = "people", params(("id" = Uuid, Path,)),
    security((), ("bearer" = [])),
    responses((status = 200, description = "The profile", body = Envelope<Profile>)),
    extensions(("x-tagged" = json!(true)), ("x-errors" = json!([Code::NotFound]))))]
pub async fn show(
    State(state): State<AppState>,
    caller: Option<CurrentUser>,
    Path(id): Path<UserId>,
) -> Result<Reply<Profile>, Error> {
    let user = users::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    let is_own = caller.is_some_and(|caller| caller.id == id);
    if !is_own && !is_public(&user) {
        return Err(Error::not_found());
    }
    reply(&state, user, is_own).await
}

/// Of your profile; what is left out stays.
#[derive(ToSchema)]
pub struct EditProfile {
    /// Web addresses are refused: mails greet you by it.
    #[schema(required = false, min_length = 1, max_length = 100)]
    name: Option<String>,
    #[schema(required = false, max_length = 500)]
    bio: Option<String>,
    /// Empty for none.
    #[schema(required = false, max_length = 100)]
    company: Option<String>,
    /// Empty for none.
    #[schema(required = false, max_length = 100)]
    job_title: Option<String>,
    /// 5 to 15 digits, with the country's code after a `+`; empty for none. Kept encrypted, shown to nobody but you.
    #[schema(required = false, example = "+49 30 901820")]
    phone: Option<String>,
    /// Of mails and pages.
    #[schema(required = false, schema_with = words::language)]
    language: Option<Language>,
    /// Slugs of `/categories`; empty for none.
    #[schema(required = false, max_items = 5)]
    interests: Option<Vec<String>>,
}

impl Input for EditProfile {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.optional("name", fields::line(NAME_MAX));
        if name.as_deref().is_some_and(text::has_link) {
            fields.error("name", Issue::Link);
        }
        let bio = fields.optional("bio", fields::paragraphs(BIO_MAX));
        let company = fields.optional("company", fields::maybe_line(WORK_MAX));
        let job_title = fields.optional("job_title", fields::maybe_line(WORK_MAX));
        let phone = fields.optional("phone", phone);
        let language = fields.optional("language", fields::word);
        let interests = fields.optional("interests", fields::maybe_list(INTERESTS_MAX, slug));
        Some(Self { name, bio, company, job_title, phone, language, interests })
    }
}

/// In its stored form, or nothing.
fn phone(raw: fields::Raw) -> Result<String, Issue> {
    let text = fields::text(raw)?;
    if text.trim().is_empty() {
        return Ok(String::new());
    }
    let phone: Phone = text.parse().map_err(|_| Issue::Format("+49 30 901820"))?;
    Ok(phone.as_str().to_owned())
}

impl EditProfile {
    /// The words as they would be.
    fn words(&self, before: &Words) -> Words {
        let new = |field: &Option<String>, before: &String| field.clone().unwrap_or_else(|| before.clone());
        Words {
            name: new(&self.name, &before.name),
            bio: new(&self.bio, &before.bio),
            company: new(&self.company, &before.company),
            job_title: new(&self.job_title, &before.job_title),
        }
    }

    fn changed(&self) -> Vec<&'static str> {
        [
            ("name", self.name.is_some()),
            ("bio", self.bio.is_some()),
            ("company", self.company.is_some()),
            ("job_title", self.job_title.is_some()),
            ("phone", self.phone.is_some()),
            ("language", self.language.is_some()),
            ("interests", self.interests.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_there)| is_there.then_some(name))
        .collect()
    }
}

/// Changes your profile; what is left out stays. Name, bio, company and job title are scanned before they are public, as the words of
/// nanos are: until then, or until you write something else, they are in `own.pending`. `If-Match` with the `ETag` of what was read
/// refuses the edit (412) when it was edited elsewhere since.
#[utoipa::path(patch, path = "/users/{id}/profile", tag = "people", params(("id" = Uuid, Path,)),
    request_body = EditProfile, security(("bearer" = [])),
    responses((status = 200, description = "Your profile as it is now", body = Envelope<Profile>)),
    extensions(("x-if-match" = json!(true)), ("x-errors" = json!([
        Code::ValidationFailed, Code::Forbidden, Code::NotFound
    ])), ("x-permission" = json!("owner"))))]
pub async fn edit(
    State(state): State<AppState>,
    client: ClientInfo,
    user: CurrentUser,
    if_match: IfMatch,
    Path(id): Path<UserId>,
    Json(form): Json<EditProfile>,
) -> Result<Reply<Profile>, Error> {
    let account = users::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    if id != user.id {
        return Err(if is_public(&account) { Error::new(Code::Forbidden) } else { Error::not_found() });
    }
    let now = state.clock.now();
    let place = Place::Phone(id);
    let sealed = match form.phone.as_deref() {
        None | Some("") => None,
        Some(phone) => Some(state.data_keys.seal(place, phone.as_bytes()).map_err(internal)?),
    };
    transaction!(state.db, |tx| {
        users::lock(tx, id).await?.ok_or_else(Error::not_found)?;
        if_match.check(&profiles::next_revision(tx, id, now).await?.to_string())?;
        let public = profiles::words_in(tx, id).await?.ok_or_else(Error::not_found)?;
        let waiting = profiles::edit_in(tx, id).await?.map(|edit| edit.words);
        let before = waiting.unwrap_or_else(|| public.clone());
        let words = form.words(&before);
        if words == public {
            profiles::remove_edit(tx, id).await?;
        } else if words != before {
            profiles::put_edit(tx, id, &words, now).await?;
            queue::enqueue(tx, &ScanProfile { user_id: id }).await?;
        }
        if form.phone.is_some() {
            profiles::set_phone(tx, id, sealed.as_deref(), now).await?;
        }
        if let Some(language) = form.language {
            users::set_language(tx, id, language, now).await?;
        }
        if let Some(slugs) = &form.interests {
            let categories = known_categories(tx, "interests", slugs).await?;
            profiles::set_interests(tx, id, &categories).await?;
        }
        let details = json!({"fields": form.changed()});
        let entry = client.audit("user.edit_profile", Some(id), ("user", Some(id.0)), details, now);
        audit_log::append(tx, &entry).await?;
        Ok(())
    })?;
    let account = users::get(&state.db, id).await?.ok_or_else(Error::not_found)?;
    reply(&state, account, true).await
}
