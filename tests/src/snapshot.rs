//! Snapshots of answers, without what differs from run to run.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::client::Answer;

/// Headers that are part of an answer's promise.
const HEADERS: [&str; 7] =
    ["cache-control", "content-language", "content-type", "location", "ratelimit-policy", "retry-after", "set-cookie"];

impl Answer {
    /// Status, headers and body; ids, times, addresses, secrets and seconds to wait are replaced by their names.
    pub fn snapshot(&self) -> Value {
        let headers: Map<String, Value> = HEADERS
            .into_iter()
            .filter_map(|name| {
                let value = self.headers.get(name)?.to_str().ok()?;
                // Every answer tells the general quotas.
                if name == "ratelimit-policy" && ["\"reads\"", "\"writes\""].iter().any(|any| value.starts_with(any)) {
                    return None;
                }
                let kept = if name == "retry-after" { "[seconds]".into() } else { text(name, value) };
                Some((name.to_owned(), json!(kept)))
            })
            .collect();
        json!({ "status": self.status.as_u16(), "headers": headers, "body": redacted(&self.body) })
    }
}

/// A value without what differs from run to run.
pub fn redacted(value: &Value) -> Value {
    field("", value)
}

fn field(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.iter().map(|(name, value)| (name.clone(), field(name, value))).collect())
        }
        Value::Array(list) => list.iter().map(|item| field(name, item)).collect(),
        Value::String(value) => json!(text(name, value)),
        Value::Number(_) if name == "retry_after_seconds" => json!("[seconds]"),
        other => other.clone(),
    }
}

fn text(name: &str, value: &str) -> String {
    if matches!(name, "access_token" | "refresh_token") {
        "[secret]".to_owned()
    } else if name == "revision" {
        "[revision]".to_owned()
    } else if chrono::DateTime::parse_from_rfc3339(value).is_ok() {
        "[time]".to_owned()
    } else if value.starts_with("http://") {
        "[url]".to_owned()
    } else if let Some((cookie @ "__Secure-nano_refresh", rest)) = value.split_once('=') {
        let attributes = rest.split_once(';').map_or("", |(_, attributes)| attributes);
        format!("{cookie}=[secret];{attributes}")
    } else {
        let part = |part: &str| if part.parse::<Uuid>().is_ok() { "[id]".to_owned() } else { part.to_owned() };
        value.split('/').map(part).collect::<Vec<_>>().join("/")
    }
}
