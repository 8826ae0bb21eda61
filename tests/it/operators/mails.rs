//! Mails of which nobody could tell whether they left, and what operators make of them.

use domain::{
    ids::DeliveryId,
    user::{Language, Role},
};
use infra::db::{
    audit_log,
    email_deliveries::{self, DeliveryState},
};
use jobs::{NewMail, SendEmail, queue_mail};
use queue::{ids::JobId, ledger::State};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{TestApp, database};

use super::cli::cli;

/// A mail whose sender died in the middle.
async fn ambiguous(app: &TestApp, key: &str) -> DeliveryId {
    let mut tx = app.db.begin().await.unwrap();
    let mail = NewMail {
        key,
        template: "already_registered",
        language: Language::En,
        user_id: None,
        recipient: "ada@example.org",
        params: json!({}),
        now: chrono::Utc::now(),
    };
    queue_mail(&mut tx, mail).await.unwrap();
    tx.commit().await.unwrap();
    let (job, mail) = app.enqueued::<SendEmail>().await.pop().unwrap();
    let id = mail.delivery_id;
    assert!(email_deliveries::begin_sending(&app.db, id, 1, DeliveryState::Queued).await.unwrap());
    assert_eq!(app.run_one(job).await.state, State::Completed);
    assert_eq!(fate(app, id).await, DeliveryState::Ambiguous);
    id
}

async fn fate(app: &TestApp, id: DeliveryId) -> DeliveryState {
    email_deliveries::get(&app.db, id).await.unwrap().unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_of_unknown_fate_are_listed_and_settled() {
    let app = TestApp::start().await;
    let (moderator, operator) = (app.user("mona", Role::Moderator).await, app.user("otto", Role::Operator).await);
    let admin = app.user("root", Role::Admin).await;
    let (first, second) = (ambiguous(&app, "first").await, ambiguous(&app, "second").await);
    let list = moderator.get(&app, "/api/v1/admin/mails/ambiguous?limit=1").await;
    let newest = &list.data(StatusCode::OK)[0];
    assert_eq!((&newest["id"], &newest["template"]), (&json!(second), &json!("already_registered")));
    assert_eq!((&newest["recipient"], &newest["error"]), (&Value::Null, &Value::Null));
    assert!(newest["message_id"].as_str().is_some_and(|id| id.len() == 32), "{newest:#}");
    let cursor = list.body["meta"]["next_cursor"].as_str().unwrap();
    let rest = admin.get(&app, &format!("/api/v1/admin/mails/ambiguous?cursor={cursor}")).await;
    let oldest = &rest.data(StatusCode::OK)[0];
    assert_eq!((&oldest["id"], &oldest["recipient"]), (&json!(first), &json!("ada@example.org")));
    assert!(oldest["error"].is_string(), "{oldest:#}");
    let wrong = admin.get(&app, "/api/v1/admin/mails/ambiguous?cursor=yesterday").await;
    assert_eq!(wrong.error(StatusCode::BAD_REQUEST), "CURSOR_INVALID");

    let shown = cli(&app, &["mails", "--json"]).await.json();
    assert_eq!((&shown["mails"][0]["id"], &shown["mails"][1]["id"]), (&json!(second), &json!(first)));
    let table = cli(&app, &["mails"]).await;
    assert!(table.code == 0 && table.out.contains(&first.to_string()), "{}{}", table.out, table.err);

    // It had left.
    let judge = async |id: DeliveryId, verdict: &str| {
        let body = json!({"verdict": verdict, "reason": "the server's log"});
        operator.post(&app, &format!("/api/v1/admin/mails/{id}/judge"), &body).await
    };
    let sent = judge(first, "sent").await;
    assert_eq!(sent.data(StatusCode::OK)["job_id"], Value::Null);
    assert_eq!((fate(&app, first).await, app.mail.messages().len()), (DeliveryState::Sent, 0));
    let (rows, _) = audit_log::page(&app.db, &audit_log::Filter::default(), 0, 1).await.unwrap();
    let entry = &rows[0].entry;
    assert_eq!((entry.action.as_str(), entry.target_id), ("mail.judge", Some(first.0)));
    assert_eq!(
        (&entry.details["reason"], &entry.details["after"]["state"]),
        (&json!("the server's log"), &json!("sent"))
    );
    // It is settled, and nobody settles it twice.
    assert_eq!(judge(first, "send_again").await.error(StatusCode::NOT_FOUND), "NOT_FOUND");

    // It had not: it goes out under the same Message-ID.
    let put_off = "UPDATE email_deliveries SET deferrals = 9, deferred_since = UTC_TIMESTAMP(6) - INTERVAL 4 DAY";
    database::execute(&app.db, put_off).await.unwrap();
    let again = judge(second, "send_again").await;
    let job: JobId = again.data(StatusCode::OK)["job_id"].as_str().unwrap().parse().unwrap();
    // Whoever has handed it over before has no say any more.
    email_deliveries::record(&app.db, second, 1, email_deliveries::Fate::Failed, Some("late")).await.unwrap();
    let row = email_deliveries::get(&app.db, second).await.unwrap().unwrap();
    assert_eq!((row.state, row.deferrals, row.deferred_since), (DeliveryState::Queued, 0, None));
    // Nor while another one does.
    assert!(email_deliveries::begin_sending(&app.db, second, 2, DeliveryState::Queued).await.unwrap());
    email_deliveries::record(&app.db, second, 1, email_deliveries::Fate::Failed, Some("late")).await.unwrap();
    assert_eq!(fate(&app, second).await, DeliveryState::Sending);
    email_deliveries::record(&app.db, second, 2, email_deliveries::Fate::NotSent, None).await.unwrap();
    assert_eq!(app.run_one(job).await.state, State::Completed);
    assert_eq!((fate(&app, second).await, app.mail.messages().len()), (DeliveryState::Sent, 1));
    // At the command line it is the same.
    let third = ambiguous(&app, "third").await.to_string();
    let settle = ["mails", "judge", &third, "sent", "--reason", "the log"];
    assert_eq!(cli(&app, &settle).await.code, 0);
    let twice = cli(&app, &settle).await;
    assert_eq!((twice.code, twice.err.contains("of unknown fate")), (1, true), "{}", twice.err);
    assert_eq!(cli(&app, &["mails", "judge", &third, "lost", "--reason", "r"]).await.code, 2);
    assert_eq!(cli(&app, &["mails"]).await.out.trim(), "No mail is of unknown fate.");
    let none = moderator.get(&app, "/api/v1/admin/mails/ambiguous").await;
    assert_eq!(none.data(StatusCode::OK), &json!([]));

    let refused =
        operator.post(&app, &format!("/api/v1/admin/mails/{second}/judge"), &json!({"verdict": "lost"})).await;
    assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    app.finish().await;
}
