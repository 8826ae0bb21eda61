//! Who has to agree to something before they change anything: whoever has not agreed to a required text, or only to an earlier
//! version of it. They read on, administer their own account, and agree.

use db::DbError;
use domain::{consent::Subject, ids::UserId};
use http::Method;
use infra::db::consents;
use serde_json::{Value, json};

use crate::{request::OWN_ACCOUNT, state::AppState};

/// Where somebody agrees.
pub const PATH: &str = "/api/v1/users/me/consents";

/// Where somebody asks about their own data: that depends on nothing that they agree to.
const OWN_DATA: [&str; 3] = ["/api/v1/me", "/api/v1/me/data-export", "/api/v1/me/deletion"];

/// The versions in force; `None` where this installation has no such text.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    pub terms: Option<String>,
    pub privacy: Option<String>,
    pub marketing: Option<String>,
    /// Where people read them, with `{subject}` and `{version}` in it.
    pub texts: Option<String>,
}

impl Versions {
    pub fn version(&self, subject: Subject) -> Option<&str> {
        match subject {
            Subject::Terms => self.terms.as_deref(),
            Subject::Privacy => self.privacy.as_deref(),
            Subject::Marketing => self.marketing.as_deref(),
        }
    }

    /// Where people read the text in force.
    pub fn url(&self, subject: Subject) -> Option<String> {
        Some(self.texts.as_ref()?.replace("{subject}", subject.as_str()).replace("{version}", self.version(subject)?))
    }

    /// What people need.
    pub fn required(&self) -> impl Iterator<Item = (Subject, &str)> {
        let required = Subject::ALL.iter().filter(|subject| subject.is_required());
        required.filter_map(|subject| Some((*subject, self.version(*subject)?)))
    }
}

/// Whether this operation, by its method and path template, asks for agreements.
pub fn are_needed(method: &Method, path: &str) -> bool {
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    !reads && !OWN_DATA.contains(&path) && !path.starts_with(OWN_ACCOUNT) && !path.starts_with(PATH)
}

/// What this person has to agree to first, and where; `None` when it is nothing.
pub async fn missing(state: &AppState, user: UserId) -> Result<Option<Value>, DbError> {
    let mut missing = Vec::new();
    for (subject, version) in state.settings.consents.required() {
        if !consents::is_given(&state.db, user, subject, version).await? {
            missing.push(json!({"subject": subject, "version": version}));
        }
    }
    Ok((!missing.is_empty()).then(|| json!({"missing": missing, "agree_at": format!("PUT {PATH}/{{subject}}")})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_force_is_read_under_its_version() {
        let at = "https://nano.example/legal/{subject}-{version}.html";
        let versions = Versions { terms: Some("2026-11".into()), texts: Some(at.into()), ..Versions::default() };
        assert_eq!(versions.url(Subject::Terms).as_deref(), Some("https://nano.example/legal/terms-2026-11.html"));
        assert_eq!(versions.url(Subject::Privacy), None, "no version of it is in force");
        assert_eq!(Versions { texts: None, ..versions }.url(Subject::Terms), None);
    }

    #[test]
    fn changes_ask_and_what_leads_out_does_not() {
        for (method, path, asks) in [
            (Method::GET, "/api/v1/nanos", false),
            (Method::POST, "/api/v1/nanos", true),
            (Method::PUT, "/api/v1/nanos/{id}/file", true),
            (Method::POST, "/api/v1/auth/logout", false),
            (Method::POST, "/api/v1/auth/change-password", false),
            (Method::DELETE, "/api/v1/me", false),
            (Method::POST, "/api/v1/me/data-export", false),
            (Method::DELETE, "/api/v1/me/deletion", false),
            (Method::POST, "/api/v1/me/webhooks", true),
            (Method::POST, "/api/v1/me/saved-searches", true),
            (Method::POST, "/api/v1/messages", true),
            (Method::PUT, "/api/v1/users/me/consents/{subject}", false),
            (Method::DELETE, "/api/v1/users/me/consents/{subject}", false),
            (Method::POST, "/api/v1/users/me/creator-terms", true),
            (Method::PATCH, "/api/v1/users/{id}/profile", true),
        ] {
            assert_eq!(are_needed(&method, path), asks, "{method} {path}");
        }
    }
}
