//! Comments and replies that a person has to look at.

use domain::user::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User};

use super::{consumer, published, rate, scanned, send};

const OFFENDING: &str = "Du dummes Arschloch";

async fn cases(app: &TestApp, moderator: &User) -> Vec<Value> {
    let queue = moderator.get(app, "/api/v1/admin/moderation/queue").await;
    queue.data(StatusCode::OK).as_array().unwrap().clone()
}

async fn decide(app: &TestApp, moderator: &User, case: &Value, decision: &str) -> Answer {
    let path = format!("/api/v1/admin/moderation/{}/decision", case["id"].as_str().unwrap());
    moderator.post(app, &path, &json!({"decision": decision, "reason": "Not these words."})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_scan_finds_waits_for_a_person() {
    let app = TestApp::start().await;
    let (ada, bert) = (app.creator("ada").await, consumer(&app, "bert").await);
    let (moderator, rater) = (app.user("mod", Role::Moderator).await, app.user("root", Role::Admin).await);
    let nano = published(&app, &ada, "Igel").await;
    let made = rate(&app, &bert, &nano, json!({"score": 1, "comment": OFFENDING})).await;
    let path = made.location().to_owned();
    scanned(&app).await;
    assert_eq!(app.get(&path).await.data(StatusCode::OK)["comment"], "");
    let own = bert.get(&app, &path).await.data(StatusCode::OK).clone();
    assert_eq!(own["pending"][0]["findings"][0]["rule"], "profanity");

    let open = cases(&app, &moderator).await;
    let [case] = open.as_slice() else { panic!("one case: {open:?}") };
    assert_eq!((&case["cause"], &case["version"]), (&json!("comment"), &Value::Null));
    assert_eq!((&case["rating"]["words"]["text"], &case["nano"]["id"]), (&json!(OFFENDING), &json!(nano)));
    assert_eq!(case["rating"]["rating"]["score"], 1);

    // Refused: gone, and its writer is told why. The score stays.
    decide(&app, &moderator, case, "reject").await.data(StatusCode::OK);
    assert_eq!(decide(&app, &moderator, case, "approve").await.error(StatusCode::CONFLICT), "CASE_CLOSED");
    let own = bert.get(&app, &path).await.data(StatusCode::OK).clone();
    assert_eq!((own.get("pending"), &own["comment"], &own["score"]), (None, &json!(""), &json!(1)));
    app.run_all_due().await;
    let mails = app.mail.messages();
    let told = |words: &str| mails.iter().any(|mail| mail.text.as_deref().is_some_and(|text| text.contains(words)));
    assert!(told("Not these words."));

    // The next one opens the same case again; given up by its writer, nobody has to judge it.
    send(&app, &bert, Method::PATCH, &path, json!({"comment": OFFENDING})).await.data(StatusCode::OK);
    scanned(&app).await;
    let again = cases(&app, &moderator).await;
    assert_eq!((again.len(), &again[0]["id"]), (1, &case["id"]));
    send(&app, &bert, Method::PATCH, &path, json!({"comment": ""})).await.data(StatusCode::OK);
    assert_eq!(cases(&app, &moderator).await, Vec::<Value>::new());
    assert_eq!(decide(&app, &moderator, &again[0], "approve").await.error(StatusCode::CONFLICT), "CASE_CLOSED");

    // Approved: public at once.
    send(&app, &bert, Method::PATCH, &path, json!({"comment": OFFENDING})).await.data(StatusCode::OK);
    scanned(&app).await;
    let open = cases(&app, &moderator).await;
    decide(&app, &moderator, &open[0], "approve").await.data(StatusCode::OK);
    assert_eq!(app.get(&path).await.data(StatusCode::OK)["comment"], OFFENDING);

    // A reply is its own case, beside a comment's. Whoever wrote either is no judge of it.
    let theirs = rate(&app, &rater, &nano, json!({"score": 2, "comment": OFFENDING})).await;
    let theirs = theirs.location().to_owned();
    let reply = json!({"text": format!("Selber: {OFFENDING}")});
    send(&app, &ada, Method::PUT, &format!("{theirs}/reply"), reply).await.data(StatusCode::OK);
    scanned(&app).await;
    let open = cases(&app, &moderator).await;
    let mut causes: Vec<&str> = open.iter().map(|case| case["cause"].as_str().unwrap()).collect();
    causes.sort_unstable();
    assert_eq!(causes, ["comment", "reply"]);
    for case in &open {
        assert_eq!(decide(&app, &rater, case, "approve").await.error(StatusCode::FORBIDDEN), "OWN_NANO");
    }
    // With the rating its cases are gone.
    let removal = format!("{theirs}?reason=Streit");
    assert_eq!(moderator.delete(&app, &removal).await.status, StatusCode::NO_CONTENT);
    assert_eq!(cases(&app, &moderator).await, Vec::<Value>::new());
    app.discard().await;
}
