//! People: their accounts, sign-ins, the mails and links sent to them, what they are told of, and the lists and searches they keep.

pub mod alerted_nanos;
pub mod consents;
pub mod data_requests;
pub mod email_changes;
pub mod email_deliveries;
pub mod email_tokens;
pub mod erasure;
pub mod export;
pub mod mail_link_keys;
pub mod notification_preferences;
pub mod notifications;
pub mod passkey_ceremonies;
pub mod passkeys;
pub mod personal_tokens;
pub mod profiles;
pub mod refresh_tokens;
pub mod registrations;
pub mod saved_lists;
pub mod saved_searches;
pub mod second_factors;
pub mod user_lists;
pub mod users;
pub mod verification_pauses;
