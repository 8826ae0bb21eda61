//! What is said of alerts: a mail for people, JSON for programs.

use chrono::{DateTime, SecondsFormat, Utc};
use infra::mail::Mail;
use queue::ledger::alerts::{Event, Happening};
use serde_json::{Value, json};
use uuid::Uuid;

/// One mail with all of a look. `site` is what it is about, `domain` the sender's.
pub(super) fn mail(id: Uuid, to: &str, events: &[Event], site: &str, domain: &str) -> anyhow::Result<Mail> {
    let subject = format!("[Nano] {}", subject(events));
    let mut paragraphs: Vec<String> = events.iter().map(paragraph).collect();
    // Of all that was told the newest, as it was then.
    if let Some(event) = events.iter().rfind(|event| !event.health.is_empty()) {
        paragraphs.push(format!("All in all: {}", event.health));
    }
    paragraphs.push(format!("This is about the queue of\n{site}"));
    let text = paragraphs.join("\n\n");
    Ok(Mail {
        to: to.to_owned(),
        html: jobs::mail::framed("en", &subject, &text)?,
        subject,
        text,
        message_id: format!("alert-{id}@{domain}"),
        idempotency: id.to_string(),
        unsubscribe: None,
    })
}

fn subject(events: &[Event]) -> String {
    match events {
        [event] => format!("{}{}", prefix(event.happening), event.summary),
        events => {
            let count = |wanted: Happening| events.iter().filter(|event| event.happening == wanted).count();
            let parts: Vec<String> =
                [(Happening::Firing, "new"), (Happening::Reminder, "going on"), (Happening::Over, "over")]
                    .into_iter()
                    .map(|(happening, word)| (count(happening), word))
                    .filter(|(number, _)| *number > 0)
                    .map(|(number, word)| format!("{number} {word}"))
                    .collect();
            format!("{} alerts: {}", events.len(), parts.join(", "))
        }
    }
}

const fn prefix(happening: Happening) -> &'static str {
    match happening {
        Happening::Firing => "",
        Happening::Reminder => "Still: ",
        Happening::Over => "Over: ",
        Happening::Test => "Test: ",
    }
}

fn paragraph(event: &Event) -> String {
    let since = event.since.format("%F %T UTC");
    let time = match event.happening {
        Happening::Over => format!("From {since} to {}.", event.at.format("%F %T UTC")),
        Happening::Test => format!("At {since}."),
        Happening::Firing | Happening::Reminder => format!("Since {since}."),
    };
    let mut lines = vec![format!("{}{}.", prefix(event.happening), event.summary), time];
    if !event.advice.is_empty() {
        lines.push(format!("What would help: {}.", event.advice));
    }
    lines.push(format!("Alert: {}", event.alert));
    lines.join("\n")
}

/// The body of a webhook about one event; the same bytes at each attempt.
pub(super) fn webhook(event: &Event) -> Vec<u8> {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let body: Value = json!({
        "type": format!("alert.{}", event.happening),
        "timestamp": time(event.at),
        "data": {
            "alert": event.alert,
            "condition": event.condition,
            "subject": event.subject,
            "summary": event.summary,
            "advice": event.advice,
            "health": event.health,
            "since": time(event.since),
            "details": event.details,
        },
    });
    body.to_string().into_bytes()
}

/// What a test of the channels says.
pub(super) fn test(now: DateTime<Utc>, host: &str) -> Event {
    Event {
        happening: Happening::Test,
        alert: "test".into(),
        condition: "test".into(),
        subject: String::new(),
        summary: format!("Somebody on {host} asked whether alerts arrive: they do"),
        advice: String::new(),
        health: String::new(),
        since: now,
        at: now,
        details: json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(happening: Happening) -> Event {
        let at = |text: &str| text.parse().unwrap();
        Event {
            happening,
            alert: "queue_without_worker:uploads".into(),
            condition: "queue_without_worker".into(),
            subject: "uploads".into(),
            summary: "No living worker takes the queue uploads, and 3 jobs wait there".into(),
            advice: "start a worker".into(),
            health: "uploads has no worker.".into(),
            since: at("2026-11-29T10:00:00Z"),
            at: at("2026-11-29T10:05:00Z"),
            details: json!({ "jobs": 3 }),
        }
    }

    #[test]
    fn a_mail_says_what_since_when_and_what_would_help() {
        let id = Uuid::nil();
        let one =
            mail(id, "ops@nano.example", &[event(Happening::Firing)], "https://nano.example/", "nano.example").unwrap();
        assert_eq!(one.subject, "[Nano] No living worker takes the queue uploads, and 3 jobs wait there");
        assert!(
            one.text.contains("Since 2026-11-29 10:00:00 UTC.\nWhat would help: start a worker.\n"),
            "{}",
            one.text
        );
        assert!(one.text.contains("\n\nAll in all: uploads has no worker.\n\nThis is about"), "{}", one.text);
        assert_eq!(one.message_id, format!("alert-{id}@nano.example"));
        let all = [event(Happening::Firing), event(Happening::Over), event(Happening::Firing)];
        let three = mail(id, "ops@nano.example", &all, "https://nano.example/", "nano.example").unwrap();
        assert_eq!(three.subject, "[Nano] 3 alerts: 2 new, 1 over");
        assert!(three.text.contains("From 2026-11-29 10:00:00 UTC to 2026-11-29 10:05:00 UTC."), "{}", three.text);
    }

    #[test]
    fn a_webhook_says_the_same_to_programs() {
        let body = webhook(&event(Happening::Over));
        assert_eq!(body, webhook(&event(Happening::Over)), "repeats are signed alike");
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["type"], &body["timestamp"]), (&json!("alert.over"), &json!("2026-11-29T10:05:00.000Z")));
        assert_eq!(body["data"]["alert"], "queue_without_worker:uploads");
        assert_eq!(body["data"]["health"], "uploads has no worker.");
        assert_eq!(body["data"]["details"]["jobs"], 3);
    }
}
