//! Mail: its jobs, and the texts, a template each in German and English, in `jobs/templates/`.
//!
//! A template's first line is the subject; the rest is the text. The HTML part is the same text in a plain frame. Mails that nobody
//! has to get end with a link for that.

mod alert_saved_searches;
mod email_change;
mod judge;
mod links;
mod notices;
mod password_reset;
mod remind_moderators;
mod send_email;
mod tell_unread;
mod unsubscribe;
mod verification;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::Value;

pub use alert_saved_searches::AlertSavedSearches;
pub use email_change::queue_email_change;
pub use judge::{MailVerdict, judge_mail};
pub use notices::{Notice, queue_notice};
pub use password_reset::queue_password_reset;
pub use remind_moderators::RemindModerators;
pub use send_email::{NewMail, SendEmail, queue_mail};
pub use tell_unread::TellUnread;
pub use verification::queue_verification;

/// (name, language, source). A name that is not here cannot be sent.
const TEMPLATES: &[(&str, &str, &str)] = &[
    ("verify_email", "de", include_str!("../../templates/verify_email.de.txt")),
    ("verify_email", "en", include_str!("../../templates/verify_email.en.txt")),
    ("already_registered", "de", include_str!("../../templates/already_registered.de.txt")),
    ("already_registered", "en", include_str!("../../templates/already_registered.en.txt")),
    ("reset_password", "de", include_str!("../../templates/reset_password.de.txt")),
    ("reset_password", "en", include_str!("../../templates/reset_password.en.txt")),
    ("password_changed", "de", include_str!("../../templates/password_changed.de.txt")),
    ("password_changed", "en", include_str!("../../templates/password_changed.en.txt")),
    ("confirm_email", "de", include_str!("../../templates/confirm_email.de.txt")),
    ("confirm_email", "en", include_str!("../../templates/confirm_email.en.txt")),
    ("email_change_asked", "de", include_str!("../../templates/email_change_asked.de.txt")),
    ("email_change_asked", "en", include_str!("../../templates/email_change_asked.en.txt")),
    ("email_changed", "de", include_str!("../../templates/email_changed.de.txt")),
    ("email_changed", "en", include_str!("../../templates/email_changed.en.txt")),
    ("second_factor_on", "de", include_str!("../../templates/second_factor_on.de.txt")),
    ("second_factor_on", "en", include_str!("../../templates/second_factor_on.en.txt")),
    ("second_factor_off", "de", include_str!("../../templates/second_factor_off.de.txt")),
    ("second_factor_off", "en", include_str!("../../templates/second_factor_off.en.txt")),
    ("recovery_code_used", "de", include_str!("../../templates/recovery_code_used.de.txt")),
    ("recovery_code_used", "en", include_str!("../../templates/recovery_code_used.en.txt")),
    ("recovery_codes_renewed", "de", include_str!("../../templates/recovery_codes_renewed.de.txt")),
    ("recovery_codes_renewed", "en", include_str!("../../templates/recovery_codes_renewed.en.txt")),
    ("profile_held", "de", include_str!("../../templates/profile_held.de.txt")),
    ("profile_held", "en", include_str!("../../templates/profile_held.en.txt")),
    ("token_made", "de", include_str!("../../templates/token_made.de.txt")),
    ("token_made", "en", include_str!("../../templates/token_made.en.txt")),
    ("passkey_added", "de", include_str!("../../templates/passkey_added.de.txt")),
    ("passkey_added", "en", include_str!("../../templates/passkey_added.en.txt")),
    ("passkey_removed", "de", include_str!("../../templates/passkey_removed.de.txt")),
    ("passkey_removed", "en", include_str!("../../templates/passkey_removed.en.txt")),
    ("passkey_copied", "de", include_str!("../../templates/passkey_copied.de.txt")),
    ("passkey_copied", "en", include_str!("../../templates/passkey_copied.en.txt")),
    ("tokens_revoked", "de", include_str!("../../templates/tokens_revoked.de.txt")),
    ("tokens_revoked", "en", include_str!("../../templates/tokens_revoked.en.txt")),
    ("sessions_ended", "de", include_str!("../../templates/sessions_ended.de.txt")),
    ("sessions_ended", "en", include_str!("../../templates/sessions_ended.en.txt")),
    ("role_changed", "de", include_str!("../../templates/role_changed.de.txt")),
    ("role_changed", "en", include_str!("../../templates/role_changed.en.txt")),
    ("suspended", "de", include_str!("../../templates/suspended.de.txt")),
    ("suspended", "en", include_str!("../../templates/suspended.en.txt")),
    ("unsuspended", "de", include_str!("../../templates/unsuspended.de.txt")),
    ("unsuspended", "en", include_str!("../../templates/unsuspended.en.txt")),
    ("data_export_ready", "de", include_str!("../../templates/data_export_ready.de.txt")),
    ("data_export_ready", "en", include_str!("../../templates/data_export_ready.en.txt")),
    ("erasure_asked", "de", include_str!("../../templates/erasure_asked.de.txt")),
    ("erasure_asked", "en", include_str!("../../templates/erasure_asked.en.txt")),
    ("erasure_asked_by_admin", "de", include_str!("../../templates/erasure_asked_by_admin.de.txt")),
    ("erasure_asked_by_admin", "en", include_str!("../../templates/erasure_asked_by_admin.en.txt")),
    ("account_unused", "de", include_str!("../../templates/account_unused.de.txt")),
    ("account_unused", "en", include_str!("../../templates/account_unused.en.txt")),
    ("erasure_withdrawn", "de", include_str!("../../templates/erasure_withdrawn.de.txt")),
    ("erasure_withdrawn", "en", include_str!("../../templates/erasure_withdrawn.en.txt")),
    ("nano_published", "de", include_str!("../../templates/nano_published.de.txt")),
    ("nano_published", "en", include_str!("../../templates/nano_published.en.txt")),
    ("nano_pending_review", "de", include_str!("../../templates/nano_pending_review.de.txt")),
    ("nano_pending_review", "en", include_str!("../../templates/nano_pending_review.en.txt")),
    ("nano_rejected", "de", include_str!("../../templates/nano_rejected.de.txt")),
    ("nano_rejected", "en", include_str!("../../templates/nano_rejected.en.txt")),
    ("edit_rejected", "de", include_str!("../../templates/edit_rejected.de.txt")),
    ("edit_rejected", "en", include_str!("../../templates/edit_rejected.en.txt")),
    ("comment_rejected", "de", include_str!("../../templates/comment_rejected.de.txt")),
    ("comment_rejected", "en", include_str!("../../templates/comment_rejected.en.txt")),
    ("reply_rejected", "de", include_str!("../../templates/reply_rejected.de.txt")),
    ("reply_rejected", "en", include_str!("../../templates/reply_rejected.en.txt")),
    ("rating_removed", "de", include_str!("../../templates/rating_removed.de.txt")),
    ("rating_removed", "en", include_str!("../../templates/rating_removed.en.txt")),
    ("rating_received", "de", include_str!("../../templates/rating_received.de.txt")),
    ("rating_received", "en", include_str!("../../templates/rating_received.en.txt")),
    ("rating_replied", "de", include_str!("../../templates/rating_replied.de.txt")),
    ("rating_replied", "en", include_str!("../../templates/rating_replied.en.txt")),
    ("saved_search_found", "de", include_str!("../../templates/saved_search_found.de.txt")),
    ("saved_search_found", "en", include_str!("../../templates/saved_search_found.en.txt")),
    ("remind_moderators", "de", include_str!("../../templates/remind_moderators.de.txt")),
    ("remind_moderators", "en", include_str!("../../templates/remind_moderators.en.txt")),
    ("unread_messages", "de", include_str!("../../templates/unread_messages.de.txt")),
    ("unread_messages", "en", include_str!("../../templates/unread_messages.en.txt")),
    ("webhook_disabled", "de", include_str!("../../templates/webhook_disabled.de.txt")),
    ("webhook_disabled", "en", include_str!("../../templates/webhook_disabled.en.txt")),
];

const FRAME: &str = include_str!("../../templates/frame.html");
/// What mails end with of which somebody may want no more.
const FOOTERS: [(&str, &str); 2] = [
    ("de", include_str!("../../templates/unsubscribe_footer.de.txt")),
    ("en", include_str!("../../templates/unsubscribe_footer.en.txt")),
];

pub(crate) struct Rendered {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderError {
    #[error("there is no mail {template} in language {language}")]
    Unknown { template: String, language: String },
    #[error("mail {template}: {source}")]
    Template { template: String, source: minijinja::Error },
}

pub(crate) fn render(template: &str, language: &str, params: &Value) -> Result<Rendered, RenderError> {
    let (_, _, source) = TEMPLATES
        .iter()
        .find(|(name, of, _)| *name == template && *of == language)
        .ok_or_else(|| RenderError::Unknown { template: template.to_owned(), language: language.to_owned() })?;
    let failed = |source| RenderError::Template { template: template.to_owned(), source };
    let mut plain = Environment::new();
    plain.set_undefined_behavior(UndefinedBehavior::Strict);
    plain.set_auto_escape_callback(|_| AutoEscape::None);
    let whole = plain.render_str(source, minijinja::value::Serde(params)).map_err(failed)?;
    let (subject, text) = whole.split_once('\n').unwrap_or((&whole, ""));
    // A line break in a title must not become a header.
    let subject: String = subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut text = text.trim_start().to_owned();
    if params.get(unsubscribe::PARAM).is_some() {
        let footer = FOOTERS.iter().find(|(of, _)| *of == language).map_or("", |(_, footer)| footer);
        let footer = plain.render_str(footer, minijinja::value::Serde(params)).map_err(failed)?;
        text = format!("{}\n\n{footer}", text.trim_end());
    }

    let html = framed(language, subject.trim(), &text).map_err(failed)?;
    Ok(Rendered { subject: subject.trim().to_owned(), text, html })
}

/// A text as the HTML part of a mail; empty lines are between its paragraphs.
pub fn framed(language: &str, subject: &str, text: &str) -> Result<String, minijinja::Error> {
    let mut frame = Environment::new();
    frame.set_auto_escape_callback(|_| AutoEscape::Html);
    let paragraphs: Vec<Vec<String>> =
        text.split("\n\n").map(|part| part.lines().map(str::to_owned).collect()).collect();
    frame.render_str(FRAME, minijinja::context! { language, subject, paragraphs })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_mail_exists_in_both_languages_and_renders() {
        let params = json!({
            "name": "Ada", "username": "ada", "role": "moderator", "link": "https://example.org/x?a=1&b=2", "title": "Excel <b>Pivot</b>", "reason": "r",
            "cases": 3, "hours": 30, "score": 4, "count": 3, "unsubscribe": "https://example.org/unsubscribe", "day": "2026-12-24",
            "chats": [{"other": "Bea", "title": "Excel <b>Pivot</b>", "messages": 2, "link": "https://example.org/x"}],
            "searches": [{"name": "Excel <b>Pivot</b>", "more": 2, "nanos": [{"title": "Excel <b>Pivot</b>", "link": "https://example.org/n"}]}],
            "accounts": [{"username": "ada", "link": "https://example.org/x"}, {"username": "bea", "link": "https://example.org/y"}],
            "findings": [{"code": "TRUNCATED", "entry": "a.txt", "message": "m", "hint": "h"}],
        });
        for (name, language, _) in TEMPLATES {
            let mail = render(name, language, &params).unwrap();
            assert!(!mail.subject.is_empty() && !mail.text.is_empty(), "{name}.{language}");
            assert!(!mail.html.contains("<b>Pivot"), "user text is escaped in {name}.{language}");
            assert!(mail.text.trim_end().ends_with("https://example.org/unsubscribe"), "{name}.{language}");
        }
        let names = |language: &str| {
            TEMPLATES.iter().filter(|(_, of, _)| *of == language).map(|(name, ..)| *name).collect::<Vec<_>>()
        };
        assert_eq!(names("de"), names("en"));
    }

    #[test]
    fn every_kind_of_notification_has_a_mail() {
        for kind in domain::notification::Kind::ALL {
            assert!(TEMPLATES.iter().any(|(name, ..)| *name == kind.as_str()), "{kind}");
        }
    }

    #[test]
    fn a_title_cannot_add_a_header() {
        let mail =
            render("nano_published", "en", &json!({"title": "x\r\nBcc: a@b", "link": "l", "name": "n"})).unwrap();
        assert!(!mail.subject.contains(['\r', '\n']));
    }
}
