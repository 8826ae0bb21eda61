//! The links that end mails of a kind, for whoever has the mail: a page that asks, and the POST of its button, which mail programs
//! send by themselves (RFC 8058). Looking changes nothing, since programs follow links in mails to see whether they are harmful.
//!
//! The page is plain HTML of ours alone: no script, nothing from elsewhere, and nothing that anybody has typed.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    notification::{Kind, Unsubscribe},
    user::Language,
};
use http::{HeaderName, HeaderValue, header};
use infra::db::{
    audit_log, mail_link_keys, notification_preferences,
    users::{self, User},
};
use serde_json::json;

use crate::{
    reply::{Code, Error},
    request::{ClientInfo, Name, Path},
    state::AppState,
    write::transaction,
};

const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Whom a link is about, and which mails.
async fn read(state: &AppState, kind: &Name, token: &Name) -> Result<(Kind, User), Error> {
    let kind: Kind = kind.parse().map_err(|_| Error::not_found())?;
    let link = Unsubscribe::from_digits(token).map_err(|_| Error::not_found())?;
    let key = mail_link_keys::get(&state.db, link.user).await?;
    key.filter(|key| link.is_signed(kind, key)).ok_or_else(Error::not_found)?;
    let user = users::get(&state.db, link.user).await?.ok_or_else(Error::not_found)?;
    Ok((kind, user))
}

/// Asks whether to end mails of this kind. A page for people, in the language of the mail.
#[utoipa::path(get, path = "/unsubscribe/{kind}/{token}", tag = "notifications",
    params(("kind" = String, Path, description = "The kind of the mail", example = "rating_received"),
        ("token" = String, Path, description = "The last part of the link")),
    responses((status = 200, description = "The page", content_type = "text/html", body = String)),
    extensions(("x-errors" = json!([Code::NotFound]))))]
pub async fn show(State(state): State<AppState>, Path((kind, token)): Path<(Name, Name)>) -> Result<Response, Error> {
    let (kind, user) = read(&state, &kind, &token).await?;
    let texts = Texts::of(user.language);
    let form = format!(
        "<form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">\
         <button>{}</button></form>",
        texts.button
    );
    Ok(page(user.language, texts.question, &format!("<p>{}</p>{form}", subject(kind, user.language))))
}

/// Ends mails of this kind, without a login; again changes nothing. Mail programs send `List-Unsubscribe=One-Click` (RFC 8058); the
/// body is not looked at.
#[utoipa::path(post, path = "/unsubscribe/{kind}/{token}", tag = "notifications",
    params(("kind" = String, Path, description = "The kind of the mail", example = "rating_received"),
        ("token" = String, Path, description = "The last part of the link")),
    responses((status = 200, description = "A page that says so", content_type = "text/html", body = String)),
    extensions(("x-errors" = json!([Code::NotFound])), ("x-permission" = json!("open"))))]
pub async fn end(
    State(state): State<AppState>,
    client: ClientInfo,
    Path((kind, token)): Path<(Name, Name)>,
) -> Result<Response, Error> {
    let (kind, user) = read(&state, &kind, &token).await?;
    let now = state.clock.now();
    transaction!(state.db, |tx| {
        if notification_preferences::get_in(tx, user.id, kind).await?.mail {
            notification_preferences::set(tx, user.id, kind, (None, Some(false)), now).await?;
            let target = ("user", Some(user.id.0));
            let entry = client.audit("notification.unsubscribe", Some(user.id), target, json!({"kind": kind}), now);
            audit_log::append(tx, &entry).await?;
        }
        Ok(())
    })?;
    let texts = Texts::of(user.language);
    let account = state.settings.link("/account/notifications");
    let body = format!("<p>{}</p><p><a href=\"{account}\">{}</a></p>", subject(kind, user.language), texts.back);
    Ok(page(user.language, texts.done, &body))
}

struct Texts {
    question: &'static str,
    button: &'static str,
    done: &'static str,
    /// How to get them again.
    back: &'static str,
}

impl Texts {
    const fn of(language: Language) -> &'static Self {
        match language {
            Language::De => &Self {
                question: "Keine Mails dieser Art mehr?",
                button: "Keine Mails mehr davon",
                done: "Du bekommst keine Mails dieser Art mehr.",
                back: "In deinem Konto schaltest du sie wieder ein.",
            },
            Language::En => &Self {
                question: "No more mails of this kind?",
                button: "No more of these mails",
                done: "You get no more mails of this kind.",
                back: "In your account you switch them on again.",
            },
        }
    }
}

/// What mails of a kind are about.
const fn subject(kind: Kind, language: Language) -> &'static str {
    let (german, english) = match kind {
        Kind::NanoPublished => ("Ein Nano von dir ist veröffentlicht.", "A nano of yours is published."),
        Kind::NanoPendingReview => ("Ein Nano von dir wartet auf die Durchsicht.", "A nano of yours waits for review."),
        Kind::NanoRejected => ("Ein Nano von dir wurde nicht angenommen.", "A nano of yours was not accepted."),
        Kind::EditRejected => ("Eine Änderung von dir wurde nicht angenommen.", "A change of yours was not accepted."),
        Kind::CommentRejected => {
            ("Ein Kommentar von dir wurde nicht angenommen.", "A comment of yours was not accepted.")
        }
        Kind::ReplyRejected => ("Eine Antwort von dir wurde nicht angenommen.", "A reply of yours was not accepted."),
        Kind::RatingRemoved => ("Eine Bewertung von dir wurde entfernt.", "A rating of yours was removed."),
        Kind::RatingReceived => ("Ein Nano von dir wurde bewertet.", "A nano of yours was rated."),
        Kind::RatingReplied => ("Auf eine Bewertung von dir wurde geantwortet.", "A rating of yours has a reply."),
        Kind::SavedSearchFound => ("Eine gespeicherte Suche findet Neues.", "A saved search finds something new."),
        Kind::Unknown => ("", ""),
    };
    match language {
        Language::De => german,
        Language::En => english,
    }
}

fn page(language: Language, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"{language}\"><head><meta charset=\"utf-8\"><title>{title} · Nano</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"></head><body><main><h1>{title}</h1>{body}</main></body></html>"
    );
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex")),
    ];
    (headers, html).into_response()
}
