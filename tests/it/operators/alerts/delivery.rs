//! The delivery of alerts by schedulers: signed webhooks and mails, once, also when receivers are away.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use chrono::Utc;
use infra::webhook::{Webhook, WebhookError, WebhookKey, WebhookSettings};
use queue::ledger::schedules::{self, TickOutcome};
use tests::{
    TestApp,
    app::PATIENCE,
    database,
    receiver::{Reaction, Received, Receiver},
};

use super::{job, nothing_scheduled};
use crate::operators::metrics::{address, scrape, value};

const GRACE: Duration = Duration::from_secs(20);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEXT_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// What all of these schedulers have in common: they tell at once of a queue without workers.
fn settings<'a>(receiver: &'a Receiver, table: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("ALERT_MAIL_TO", "ops@nano.test, Night shift <night@nano.test>"),
        ("ALERT_WEBHOOK_URL", &receiver.url),
        ("ALERT_WEBHOOK_SECRET", SECRET),
        ("ALERT_NO_WORKER", "0s"),
        ("CRON_TABLE", table),
    ]
}

fn is_about(received: &Received, kind: &str, alert: &str) -> bool {
    let body = received.json();
    (body["type"].as_str(), body["data"]["alert"].as_str()) == (Some(kind), Some(alert))
}

/// The whole way with nothing but schedulers: no worker lives, two schedulers do. Each person and the webhook hear of it once,
/// also after both were killed and started anew, and once more when it is over.
#[tokio::test(flavor = "multi_thread")]
async fn with_no_worker_alive_everybody_is_told_once() {
    let app = TestApp::start().await;
    let (receiver, table) = (Receiver::start().await, nothing_scheduled());
    app.put(&job("waits")).await;
    let start = async |name: &str| app.scheduler_process(name, &settings(&receiver, &table)).await;
    let (mut one, mut two) = tokio::join!(start("one"), start("two"));
    let told = receiver.wait_for(1, PATIENCE).await.remove(0);
    assert!(is_about(&told, "alert.firing", "queue_without_worker:maintenance"), "{told:#?}");
    assert_eq!(told.json()["data"]["details"]["jobs"], 1);
    assert!(told.is_signed_with(SECRET) && !told.is_signed_with(NEXT_SECRET), "{told:#?}");
    assert!((Utc::now().timestamp() - told.header("webhook-timestamp").parse::<i64>().unwrap()).abs() < 60);
    for person in ["ops@nano.test", "night@nano.test"] {
        let mail = app.mail.wait_for(|mail| mail.to.contains(&person.to_owned()), PATIENCE).await.unwrap();
        assert_eq!(mail.subject, "[Nano] No living worker takes the queue maintenance, and 1 job waits there");
        let text = mail.text.unwrap();
        assert!(text.contains("What would help: start a worker") && text.contains("https://nano.test"), "{text}");
        assert!(mail.html.unwrap().contains("<p "));
    }
    one.kill().await.unwrap();
    two.kill().await.unwrap();
    let (mut one, mut two) = tokio::join!(start("one_again"), start("two_again"));
    // More than two looks.
    tokio::time::sleep(Duration::from_secs(35)).await;
    assert_eq!((receiver.received().len(), app.mail.messages().len()), (1, 2));

    // It has been over for five minutes.
    database::execute(&app.db, "UPDATE jobs SET state = 'completed'").await.unwrap();
    database::execute(&app.db, "UPDATE alerts SET seen_at = seen_at - INTERVAL 10 MINUTE").await.unwrap();
    let told = receiver.wait_for(2, PATIENCE).await.remove(1);
    assert!(is_about(&told, "alert.over", "queue_without_worker:maintenance"), "{told:#?}");
    app.mail.wait_for(|mail| mail.subject.starts_with("[Nano] Over: No living worker"), PATIENCE).await.unwrap();
    for scheduler in [&mut one, &mut two] {
        assert!(scheduler.terminate(GRACE).await.unwrap().success());
    }
    app.finish().await;
}

/// A webhook that is silent, then leads elsewhere, and a mail server that is away: both are tried again, with the same ids, and
/// ticks that fire every second fire on time.
#[tokio::test(flavor = "multi_thread")]
async fn receivers_that_are_away_are_told_later_and_no_tick_waits_for_them() {
    let mut app = TestApp::start().await;
    let receiver = Receiver::start().await;
    receiver.react([Reaction::Silence, Reaction::Redirect]);
    app.mail.stop().await;
    let table =
        nothing_scheduled().replace("expire_uploads=off", "expire_uploads=* * * * * * UTC jitter=0 missed=all:100");
    let metrics = address();
    let mut settings = settings(&receiver, &table);
    settings.push(("METRICS_ADDR", &metrics));
    // Once: the job is enqueued again with each tick.
    let mut scheduler = app.scheduler_process("scheduler", &settings).await;
    let tried = receiver.wait_for(3, PATIENCE).await;
    let (first, second, third) = (&tried[0], &tried[1], &tried[2]);
    assert!(is_about(first, "alert.firing", "queue_without_worker:maintenance"), "{first:#?}");
    for again in [second, third] {
        assert_eq!((again.path.as_str(), &again.body), ("/alerts", &first.body), "a redirect is not followed");
        assert_eq!(again.header("webhook-id"), first.header("webhook-id"));
        assert!(again.is_signed_with(SECRET), "{again:#?}");
    }
    let text = scrape(&metrics).await;
    let of = |name: &str, labels: &[&str]| value(&text, name, labels).unwrap_or_default();
    assert_eq!(of("alert_notices_total", &["channel=\"webhook\"", "outcome=\"failed\""]), 2.0, "{text}");
    assert!(of("alert_notices_total", &["channel=\"mail\"", "outcome=\"failed\""]) >= 2.0, "{text}");
    assert_eq!(of("alert_notices_waiting", &["channel=\"mail\""]), 2.0, "{text}");
    assert_eq!(of("alerts_firing", &["condition=\"queue_without_worker\""]), 1.0, "{text}");
    assert!(of("cron_entry_success_due_timestamp_seconds", &["entry=\"expire_uploads\""]) > 1e9, "{text}");

    app.mail.resume().await.unwrap();
    let started = Instant::now();
    while app.mail.messages().len() < 2 {
        assert!(started.elapsed() < PATIENCE, "{}", scheduler.log_tail(20));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ticks = schedules::ticks(&app.db, "expire_uploads", 1_000).await.unwrap();
    assert!(ticks.len() > 20, "{}", ticks.len());
    for tick in &ticks {
        let late = (tick.decided_at - tick.due).num_milliseconds();
        assert!(tick.outcome == TickOutcome::Fired && late < 2_000, "{late} ms late: {tick:?}");
    }
    let log = std::fs::read_to_string(scheduler.log().unwrap()).unwrap();
    assert!(log.contains("an alert was not delivered: no answer within 10s"), "{log}");
    for secret in ["MfKQ9r8G", "/alerts", "ops@nano.test"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
    assert!(scheduler.terminate(GRACE).await.unwrap().success());
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_tells_what_a_receiver_answered_and_two_keys_both_sign() {
    let receiver = Receiver::start().await;
    let keys = vec![WebhookKey::parse(SECRET).unwrap(), WebhookKey::parse(NEXT_SECRET).unwrap()];
    let webhook = |url: &str| Webhook::new(WebhookSettings { url: url.parse().unwrap(), keys: keys.clone() }).unwrap();
    let send = async |url: &str| webhook(url).send("msg_1", Utc::now(), b"{}".to_vec()).await;
    assert_eq!(send(&receiver.url).await.unwrap().as_u16(), 204);
    let received = receiver.received().remove(0);
    assert!(received.is_signed_with(SECRET) && received.is_signed_with(NEXT_SECRET));
    assert_eq!(received.header("content-type"), "application/json");

    receiver.react([Reaction::Redirect, Reaction::Status(500), Reaction::Later(7), Reaction::Later(90_000)]);
    for (status, wanted) in [(307, None), (500, None), (429, Some(7)), (429, Some(3600))] {
        match send(&receiver.url).await {
            Err(WebhookError::Refused { status: answered, retry_after }) => {
                assert_eq!((answered.as_u16(), retry_after.map(|after| after.as_secs())), (status, wanted));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(receiver.received().len(), 5, "nothing went elsewhere");
    // A port where nobody listens. The address is not repeated: its path may be a secret.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = send(&format!("http://{free}/secret")).await.unwrap_err().to_string();
    assert!(error.contains("refused") && !error.contains("secret"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_alert_says_what_happened() {
    let mut app = TestApp::start().await;
    let (receiver, table) = (Receiver::start().await, nothing_scheduled());
    let call = |args: &[&str], settings: &[(&str, &str)]| {
        let mut command = std::process::Command::new(servers::programs::sibling("scheduler").unwrap());
        command.args(args).env_clear().envs(app.environment()).envs(settings.iter().copied());
        async move {
            let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
            (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
        }
    };
    let all = settings(&receiver, &table);
    let (code, text) = call(&["alert", "--test"], &all).await;
    assert_eq!(code, Some(0), "{text}");
    let host = receiver.url.strip_suffix("/alerts").unwrap();
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        [
            "ok  mail to ops@nano.test: the mail server took it",
            "ok  mail to Night shift <night@nano.test>: the mail server took it",
            &format!("ok  webhook to {host}: it answered 204 No Content"),
        ]
    );
    assert!(is_about(&receiver.received()[0], "alert.test", "test") && receiver.received()[0].is_signed_with(SECRET));
    assert_eq!(app.mail.messages().len(), 2);

    let (code, text) = call(&["alert"], &all).await;
    assert_eq!((code, text.as_str()), (Some(0), "no alerts\n"));
    let (code, text) = call(&["alert", "--test"], &[]).await;
    assert!(code == Some(2) && text.contains("set ALERT_MAIL_TO or ALERT_WEBHOOK_URL"), "{text}");
    for args in [&["alert", "--test"][..], &[]] {
        let (code, text) =
            call(args, &[("ALERT_WEBHOOK_URL", "https://nano.test"), ("ALERT_WEBHOOK_SECRET", "hunter2")]).await;
        assert!(code == Some(2) && text.contains("ALERT_WEBHOOK_SECRET must begin with whsec_"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
    receiver.react([Reaction::Status(401)]);
    let smtp = app.environment();
    app.mail.stop().await;
    let mut command = std::process::Command::new(servers::programs::sibling("scheduler").unwrap());
    command.args(["alert", "--test"]).env_clear().envs(smtp).envs(all.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("FAILED  mail to ops@nano.test: not sent, connecting: "), "{text}");
    assert!(text.contains(&format!("FAILED  webhook to {host}: answered 401 Unauthorized")), "{text}");
    app.finish().await;
}
