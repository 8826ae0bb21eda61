//! Everything that is kept about one person, a JSON object a row: what `export_person` hands out. Nothing of anybody else: the
//! other side of a chat, who rated, who decided. `docs/data-protection.md` says what each table is for.

use db::{Db, DbError};
use domain::ids::UserId;

domain::words! {
    /// Kinds of data, each a file of the export.
    pub enum Part ("part of an export") {
        /// The account itself and what somebody says of themselves.
        Account = "account",
        /// New words of a profile that are not public.
        ProfileEdits = "profile_edits",
        /// Categories that somebody follows.
        Interests = "interests",
        /// What was agreed to.
        Consents = "consents",
        /// Where somebody has signed in.
        Sessions = "sessions",
        /// Second factors, without their secrets.
        SecondFactors = "second_factors",
        /// Passkeys, without what they prove.
        Passkeys = "passkeys",
        /// Personal access tokens, without their secrets.
        AccessTokens = "access_tokens",
        /// Own nanos.
        Nanos = "nanos",
        /// New words of own nanos that are not public.
        NanoEdits = "nano_edits",
        /// The versions of own nanos.
        NanoVersions = "nano_versions",
        /// Files that were sent.
        Uploads = "uploads",
        /// Decisions about own nanos, with their reasons.
        Moderation = "moderation",
        /// What was downloaded on which day.
        Downloads = "downloads",
        /// Own ratings.
        Ratings = "ratings",
        /// Own answers to ratings of own nanos.
        RatingReplies = "rating_replies",
        /// Ratings that somebody found helpful.
        HelpfulVotes = "helpful_votes",
        /// Favourites.
        Favorites = "favorites",
        /// Own lists.
        Lists = "lists",
        /// What is in them.
        ListEntries = "list_entries",
        /// Chats, without the other person.
        Chats = "chats",
        /// Own messages. Those of others are theirs.
        ChatMessages = "chat_messages",
        /// Messages that somebody has reported.
        ChatReports = "chat_reports",
        /// What somebody was told of in the app.
        Notifications = "notifications",
        /// By which channels they want to be told.
        NotificationPreferences = "notification_preferences",
        /// Own searches that are kept.
        SavedSearches = "saved_searches",
        /// Nanos that those have told of.
        AlertedNanos = "alerted_nanos",
        /// Own webhooks, without their secrets.
        Webhooks = "webhooks",
        /// What those were told, and what became of it.
        WebhookDeliveries = "webhook_deliveries",
        /// Each attempt at that, and what the receiver has answered.
        WebhookAttempts = "webhook_attempts",
        /// Mails that were sent, without their texts, which lie in the mailbox.
        Mails = "mails",
        /// What was asked about these data before.
        DataRequests = "data_requests",
    }
}

/// The rows of a part as JSON objects. Ids are hexadecimal digits, times are UTC.
pub async fn rows(db: &Db, user: UserId, part: Part) -> Result<Vec<String>, DbError> {
    // The keys stand beside their columns, so that a glance shows what is told; both servers write JSON.
    macro_rules! told {
        ($sql:tt) => {
            sqlx::query_scalar!($sql, user).fetch_all(db.pool()).await?
        };
    }
    Ok(match part {
        Part::Account => told!(
            r#"SELECT CAST(JSON_OBJECT('id', LOWER(HEX(u.id)), 'email', u.email,
                 'username', u.username, 'name', u.name,
                 'bio', u.bio, 'role', u.role,
                 'language', u.language, 'email_verified_at', DATE_FORMAT(u.email_verified_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'creator_terms_version', u.creator_terms_version, 'creator_terms_at', DATE_FORMAT(u.creator_terms_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'last_login_at', DATE_FORMAT(u.last_login_at, '%Y-%m-%dT%H:%i:%s.%fZ'), 'created_at', DATE_FORMAT(u.created_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'company', p.company, 'job_title', p.job_title,
                 'suspension_reason', u.suspension_reason) AS CHAR) AS "row!: String"
               FROM users u LEFT JOIN profiles p ON p.user_id = u.id WHERE u.id = ?"#
        ),
        Part::ProfileEdits => told!(
            r#"SELECT CAST(JSON_OBJECT('name', name, 'bio', bio,
                 'company', company, 'job_title', job_title,
                 'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM profile_edits WHERE user_id = ?"#
        ),
        Part::Interests => told!(
            r#"SELECT CAST(JSON_OBJECT('category', c.slug) AS CHAR) AS "row!: String"
               FROM profile_interests i JOIN categories c ON c.id = i.category_id WHERE i.user_id = ? ORDER BY c.slug"#
        ),
        Part::Consents => told!(
            r#"SELECT CAST(JSON_OBJECT('subject', subject, 'version', version,
                 'given_at', DATE_FORMAT(given_at, '%Y-%m-%dT%H:%i:%s.%fZ'), 'withdrawn_at', DATE_FORMAT(withdrawn_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM consents WHERE user_id = ? ORDER BY given_at, id"#
        ),
        Part::Sessions => told!(
            r#"SELECT CAST(JSON_OBJECT('device', device, 'signed_in_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'expires_at', DATE_FORMAT(expires_at, '%Y-%m-%dT%H:%i:%s.%fZ'), 'ended_at', DATE_FORMAT(revoked_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM refresh_tokens WHERE user_id = ? ORDER BY created_at"#
        ),
        Part::SecondFactors => told!(
            r#"SELECT CAST(JSON_OBJECT('kind', 'app', 'name', '',
                 'since', DATE_FORMAT(enabled_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM second_factors WHERE user_id = ? AND enabled_at IS NOT NULL"#
        ),
        Part::Passkeys => told!(
            r#"SELECT CAST(JSON_OBJECT('name', name, 'last_used_at', DATE_FORMAT(last_used_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM passkeys WHERE user_id = ? ORDER BY id"#
        ),
        Part::AccessTokens => told!(
            r#"SELECT CAST(JSON_OBJECT('name', name, 'scopes', CAST(scopes AS CHAR),
                 'expires_at', DATE_FORMAT(expires_at, '%Y-%m-%dT%H:%i:%s.%fZ'), 'last_used_at', DATE_FORMAT(last_used_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'revoked_at', DATE_FORMAT(revoked_at, '%Y-%m-%dT%H:%i:%s.%fZ'), 'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM personal_tokens WHERE user_id = ? ORDER BY id"#
        ),
        Part::Nanos => told!(
            r#"SELECT CAST(JSON_OBJECT('id', LOWER(HEX(id)), 'title', title,
                 'description', description, 'duration_minutes', duration_minutes,
                 'level', level, 'language', language,
                 'format', format, 'license', license,
                 'status', status, 'download_count', download_count,
                 'published_at', DATE_FORMAT(published_at, '%Y-%m-%dT%H:%i:%s.%fZ'), 'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'updated_at', DATE_FORMAT(updated_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM nanos WHERE creator_id = ? ORDER BY id"#
        ),
        Part::NanoEdits => told!(
            r#"SELECT CAST(JSON_OBJECT('nano_id', LOWER(HEX(e.nano_id)), 'title', e.title,
                 'description', e.description, 'created_at', DATE_FORMAT(e.created_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM nano_edits e JOIN nanos n ON n.id = e.nano_id WHERE n.creator_id = ? ORDER BY e.nano_id"#
        ),
        Part::NanoVersions => told!(
            r#"SELECT CAST(JSON_OBJECT('nano_id', LOWER(HEX(v.nano_id)), 'number', v.number,
                 'semver', v.semver, 'changelog', v.changelog,
                 'state', v.state, 'bytes', v.uploaded_size,
                 'sha256', LOWER(HEX(v.uploaded_sha256)), 'published_at', DATE_FORMAT(v.published_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'created_at', DATE_FORMAT(v.created_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM nano_versions v JOIN nanos n ON n.id = v.nano_id WHERE n.creator_id = ? ORDER BY v.id"#
        ),
        Part::Uploads => told!(
            r#"SELECT CAST(JSON_OBJECT('id', LOWER(HEX(id)), 'nano_id', LOWER(HEX(nano_id)),
                 'filename', filename, 'state', state,
                 'bytes', size, 'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM uploads WHERE owner_id = ? ORDER BY id"#
        ),
        Part::Moderation => told!(
            r#"SELECT CAST(JSON_OBJECT('nano_id', LOWER(HEX(c.nano_id)), 'cause', c.cause,
                 'state', c.state, 'decision', c.decision,
                 'reason', c.reason, 'decided_at', DATE_FORMAT(c.decided_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'created_at', DATE_FORMAT(c.created_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM moderation_cases c JOIN nanos n ON n.id = c.nano_id WHERE n.creator_id = ? AND c.cause NOT IN ('comment', 'reply') ORDER BY c.id"#
        ),
        Part::Downloads => told!(
            r#"SELECT CAST(JSON_OBJECT('nano_id', LOWER(HEX(nano_id)), 'day', DATE_FORMAT(day, '%Y-%m-%d')) AS CHAR) AS "row!: String"
               FROM downloads WHERE user_id = ? ORDER BY day, nano_id"#
        ),
        Part::Ratings => told!(
            r#"SELECT CAST(JSON_OBJECT('nano_id', LOWER(HEX(r.nano_id)), 'score', r.score,
                 'comment', r.comment, 'not_public_yet', w.text,
                 'status', r.status, 'removal_reason', r.removal_reason,
                 'created_at', DATE_FORMAT(r.created_at, '%Y-%m-%dT%H:%i:%s.%fZ'), 'updated_at', DATE_FORMAT(r.updated_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM ratings r LEFT JOIN rating_words w ON w.rating_id = r.id AND w.part = 'comment' WHERE r.user_id = ? ORDER BY r.id"#
        ),
        Part::RatingReplies => told!(
            r#"SELECT CAST(JSON_OBJECT('nano_id', LOWER(HEX(r.nano_id)), 'reply', r.reply,
                 'not_public_yet', w.text, 'replied_at', DATE_FORMAT(r.replied_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM ratings r JOIN nanos n ON n.id = r.nano_id LEFT JOIN rating_words w ON w.rating_id = r.id AND w.part = 'reply' WHERE n.creator_id = ? AND (r.reply <> '' OR w.text IS NOT NULL) ORDER BY r.id"#
        ),
        Part::HelpfulVotes => told!(
            r#"SELECT CAST(JSON_OBJECT('rating_id', LOWER(HEX(rating_id)), 'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM rating_votes WHERE user_id = ? ORDER BY rating_id"#
        ),
        Part::Favorites => told!(
            r#"SELECT CAST(JSON_OBJECT('nano_id', LOWER(HEX(nano_id)), 'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM favorites WHERE user_id = ? ORDER BY created_at, nano_id"#
        ),
        Part::Lists => told!(
            r#"SELECT CAST(JSON_OBJECT('id', LOWER(HEX(id)), 'name', name,
                 'description', description, 'shared', IF(share_hash IS NULL, 'no', 'yes'),
                 'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ'), 'updated_at', DATE_FORMAT(updated_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM saved_lists WHERE user_id = ? ORDER BY id"#
        ),
        Part::ListEntries => told!(
            r#"SELECT CAST(JSON_OBJECT('list_id', LOWER(HEX(e.list_id)), 'nano_id', LOWER(HEX(e.nano_id)),
                 'position', e.position, 'added_at', DATE_FORMAT(e.added_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM saved_list_nanos e JOIN saved_lists l ON l.id = e.list_id WHERE l.user_id = ? ORDER BY e.list_id, e.position"#
        ),
        Part::Chats => told!(
            r#"SELECT CAST(JSON_OBJECT('id', LOWER(HEX(s.id)), 'nano_id', LOWER(HEX(s.nano_id)),
                 'state', s.state, 'created_at', DATE_FORMAT(s.created_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'read_at', DATE_FORMAT(m.read_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM chat_members m JOIN chat_sessions s ON s.id = m.session_id WHERE m.user_id = ? ORDER BY s.id"#
        ),
        Part::ChatMessages => told!(
            r#"SELECT CAST(JSON_OBJECT('chat_id', LOWER(HEX(c.session_id)), 'text', c.text,
                 'created_at', DATE_FORMAT(c.created_at, '%Y-%m-%dT%H:%i:%s.%fZ'), 'removed_at', DATE_FORMAT(c.removed_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM chat_messages c JOIN chat_members m ON m.session_id = c.session_id AND m.user_id = c.sender_id WHERE m.user_id = ? ORDER BY c.session_id, c.seq"#
        ),
        Part::ChatReports => told!(
            r#"SELECT CAST(JSON_OBJECT('chat_id', LOWER(HEX(session_id)), 'reason', reason,
                 'note', note, 'state', state,
                 'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM chat_reports WHERE reporter_id = ? ORDER BY id"#
        ),
        Part::Notifications => told!(
            r#"SELECT CAST(JSON_OBJECT('kind', kind, 'nano_id', LOWER(HEX(nano_id)),
                 'rating_id', LOWER(HEX(rating_id)), 'saved_search_id', LOWER(HEX(saved_search_id)),
                 'found', found, 'reason', reason,
                 'read_at', DATE_FORMAT(read_at, '%Y-%m-%dT%H:%i:%s.%fZ'), 'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM notifications WHERE user_id = ? ORDER BY id"#
        ),
        Part::NotificationPreferences => told!(
            r#"SELECT CAST(JSON_OBJECT('kind', kind, 'in_app', IF(in_app, 'yes', 'no'),
                 'mail', IF(mail, 'yes', 'no'), 'updated_at', DATE_FORMAT(updated_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM notification_preferences WHERE user_id = ? ORDER BY kind"#
        ),
        Part::SavedSearches => told!(
            r#"SELECT CAST(JSON_OBJECT('id', LOWER(HEX(id)), 'name', name,
                 'criteria', CAST(criteria AS CHAR), 'alerts', IF(alerts, 'yes', 'no'),
                 'watched_since', DATE_FORMAT(watched_since, '%Y-%m-%dT%H:%i:%s.%fZ'), 'alerted_on', DATE_FORMAT(alerted_on, '%Y-%m-%d'),
                 'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ'), 'updated_at', DATE_FORMAT(updated_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM saved_searches WHERE user_id = ? ORDER BY id"#
        ),
        Part::AlertedNanos => told!(
            r#"SELECT CAST(JSON_OBJECT('nano_id', LOWER(HEX(nano_id)), 'alerted_at', DATE_FORMAT(alerted_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM alerted_nanos WHERE user_id = ? ORDER BY alerted_at, nano_id"#
        ),
        Part::Webhooks => told!(
            r#"SELECT CAST(JSON_OBJECT('id', LOWER(HEX(id)), 'name', name,
                 'url', url, 'events', CAST(events AS CHAR),
                 'disabled_for', disabled_for, 'disabled_at', DATE_FORMAT(disabled_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'failing_since', DATE_FORMAT(failing_since, '%Y-%m-%dT%H:%i:%s.%fZ'), 'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'updated_at', DATE_FORMAT(updated_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM webhooks WHERE user_id = ? ORDER BY id"#
        ),
        Part::WebhookDeliveries => told!(
            r#"SELECT CAST(JSON_OBJECT('id', LOWER(HEX(d.id)), 'webhook_id', LOWER(HEX(d.webhook_id)),
                 'type', e.kind, 'message', e.body,
                 'state', d.state, 'delivered_at', DATE_FORMAT(d.delivered_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'created_at', DATE_FORMAT(d.created_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM webhook_events e JOIN webhook_deliveries d ON d.event_id = e.id WHERE e.user_id = ? ORDER BY d.id"#
        ),
        Part::WebhookAttempts => told!(
            r#"SELECT CAST(JSON_OBJECT('delivery_id', LOWER(HEX(a.delivery_id)), 'number', a.number,
                 'status', a.status, 'error', a.error,
                 'answer', a.answer, 'milliseconds', a.duration_ms,
                 'started_at', DATE_FORMAT(a.started_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM webhook_events e JOIN webhook_deliveries d ON d.event_id = e.id
                 JOIN webhook_attempts a ON a.delivery_id = d.id WHERE e.user_id = ? ORDER BY a.delivery_id, a.number"#
        ),
        Part::Mails => told!(
            r#"SELECT CAST(JSON_OBJECT('template', template, 'recipient', recipient,
                 'state', state, 'sent_at', DATE_FORMAT(sent_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM email_deliveries WHERE user_id = ? ORDER BY id"#
        ),
        Part::DataRequests => told!(
            r#"SELECT CAST(JSON_OBJECT('kind', kind, 'cause', cause,
                 'state', state, 'created_at', DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ'),
                 'finished_at', DATE_FORMAT(finished_at, '%Y-%m-%dT%H:%i:%s.%fZ')) AS CHAR) AS "row!: String"
               FROM data_requests WHERE user_id = ? ORDER BY id"#
        ),
    })
}

/// A file of the person's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFile {
    pub nano_title: String,
    pub number: u32,
    /// In the store.
    pub key: String,
    pub bytes: u64,
}

/// What somebody has uploaded and is still kept, version by version: as it was checked and packed anew, or as it came.
pub async fn files(db: &Db, user: UserId) -> Result<Vec<OwnFile>, DbError> {
    Ok(sqlx::query_as!(
        OwnFile,
        r#"SELECT n.title AS nano_title, v.number, COALESCE(v.canonical_key, v.uploaded_key) AS "key!: String",
             COALESCE(v.canonical_size, v.uploaded_size) AS "bytes!: u64"
           FROM nano_versions v JOIN nanos n ON n.id = v.nano_id
           WHERE n.creator_id = ? AND n.files_purged_at IS NULL
             AND (v.canonical_key IS NOT NULL OR v.state NOT IN ('rejected', 'withdrawn'))
           ORDER BY n.id, v.number"#,
        user
    )
    .fetch_all(db.pool())
    .await?)
}
