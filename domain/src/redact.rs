//! The redaction of a job's arguments before operators see them. Arguments are ids by contract; this is the net below
//! it, for secrets and personal data that should not have been put there.

use serde_json::{Map, Value};

/// What stands in the place of what is not shown.
pub const REDACTED: &str = "[redacted]";
/// A longer text is a payload, not an id or a key.
const TEXT_MAX: usize = 200;

/// Parts of names (split at `_`, `-`, `.` and capitals) whose values are not shown: secrets, addresses of people, and
/// the contents of mails.
const NAMES: [&str; 28] = [
    "authorization",
    "body",
    "cookie",
    "credential",
    "credentials",
    "email",
    "iban",
    "ip",
    "jwt",
    "mail",
    "otp",
    "params",
    "passphrase",
    "passwd",
    "password",
    "phone",
    "pin",
    "recipient",
    "recipients",
    "secret",
    "secrets",
    "sender",
    "signature",
    "ssn",
    "subject",
    "text",
    "token",
    "tokens",
];

/// The value without what nobody needs to see: values under telling names, e-mail addresses, tokens, and long texts.
/// Ids (`recipient_id`, `token_id`) stay.
pub fn redact(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let field = |(name, value): (&String, &Value)| {
                let shown = if is_telling(name) && !value.is_null() { REDACTED.into() } else { redact(value) };
                (name.clone(), shown)
            };
            Value::Object(map.iter().map(field).collect::<Map<_, _>>())
        }
        Value::Array(list) => list.iter().map(redact).collect(),
        Value::String(text) if is_private(text) => REDACTED.into(),
        other => other.clone(),
    }
}

fn is_telling(name: &str) -> bool {
    let mut words: Vec<String> = vec![String::new()];
    for letter in name.chars() {
        if matches!(letter, '_' | '-' | '.') || letter.is_uppercase() {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    let is_id = words.last().is_some_and(|last| last == "id" || last == "ids");
    let telling = words.iter().any(|word| NAMES.contains(&word.as_str()));
    // `api_key` and `private_key` are secrets; `key` alone is a place in the object store.
    let joined = words.join("_");
    !is_id && (telling || ["api_key", "private_key", "access_key"].iter().any(|key| joined.contains(key)))
}

fn is_private(text: &str) -> bool {
    let address = text.split_once('@').is_some_and(|(local, host)| !local.is_empty() && host.contains('.'));
    // A JSON Web Token begins with the base64 of `{"`.
    let token = text.starts_with("eyJ") && text.matches('.').count() == 2;
    address || token || text.chars().count() > TEXT_MAX
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_and_places_are_shown() {
        let args = json!({
            "nano_id": "019aa1c2-5d10-7c3e-8f21-0b6f2d9e4a11", "user_id": null, "recipient_id": 7, "n": 1,
            "key": "uploads/019aa1c2-3b0c-7f01-9e55-c1d2e3f40516.zip", "flags": [true, "fast"],
        });
        assert_eq!(redact(&args), args);
    }

    #[test]
    fn secrets_addresses_and_payloads_are_not() {
        let args = json!({
            "password": "hunter2", "accessToken": "x", "api-key": "y", "Recipient": "z", "params": {"name": "Ada"},
            "to": "ada@example.org", "nested": [{"session_token": "s", "note": "eyJhbGciOi.e30.c2ln"}],
            "long": "a".repeat(201), "email": null,
        });
        assert_eq!(
            redact(&args),
            json!({
                "password": REDACTED, "accessToken": REDACTED, "api-key": REDACTED, "Recipient": REDACTED,
                "params": REDACTED, "to": REDACTED, "nested": [{"session_token": REDACTED, "note": REDACTED}],
                "long": REDACTED, "email": null,
            })
        );
    }
}
