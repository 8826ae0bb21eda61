//! The marketplace's SQL, one file per table, or per thing that people do with several. The files stand in rooms; paths name
//! the file alone, `infra::db::users`.

mod audit;
mod chat;
mod maintenance;
mod nano;
mod people;
mod requests;
mod sealed;
mod webhooks;

pub use self::{
    audit::{audit_exports, audit_log, person_keys},
    chat::{chat_digests, chat_lists, chat_members, chat_messages, chat_reports, chat_sessions},
    maintenance::{mode as maintenance_mode, retention, stored_objects, write_probe},
    nano::{
        categories, downloads, favorites, moderation_cases, nano_edits, nano_events, nano_lists, nano_totals,
        nano_versions, nanos, rating_lists, rating_votes, rating_words, ratings, uploads,
    },
    people::{
        alerted_nanos, consents, data_requests, email_changes, email_deliveries, email_tokens, erasure, export,
        mail_link_keys, notification_preferences, notifications, passkey_ceremonies, passkeys, personal_tokens,
        profiles, refresh_tokens, registrations, saved_lists, saved_searches, second_factors, user_lists, users,
        verification_pauses,
    },
    requests::idempotency_keys,
    sealed::{data_key_proof, sealed_columns},
    webhooks::{endpoints as webhook_endpoints, webhook_attempts, webhook_deliveries, webhook_events, webhook_secrets},
};
