//! Profiles: who reads what, what is scanned before it is public, and a telephone number that nobody reads in the database.

use std::time::{Duration, Instant};

use domain::user::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User, app::PATIENCE, client::answer, database};

use super::{
    answers::published,
    identity::{count, mails, retention, start},
    verification_mails::rows_with,
};

fn path(of: &User) -> String {
    format!("/api/v1/users/{}/profile", of.id)
}

async fn edit(app: &TestApp, who: &User, of: &User, form: Value) -> Answer {
    answer(who.request(app, Method::PATCH, &path(of)).json(&form)).await
}

async fn own(app: &TestApp, user: &User) -> Value {
    user.get(app, &path(user)).await.data(StatusCode::OK).clone()
}

async fn first_category(app: &TestApp) -> String {
    let listed = app.get("/api/v1/categories").await;
    listed.data(StatusCode::OK)[0]["slug"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_public_once_they_are_scanned_and_the_rest_is_ones_own() {
    let app = start().await;
    let (clara, mona) = (app.creator("clara").await, app.user("mona", Role::Consumer).await);
    let slug = first_category(&app).await;
    let form = json!({
        "name": "Clara  Schumann", "bio": "I teach the piano.\r\nAnd I compose.", "company": "Conservatory", "job_title": "Teacher",
        "phone": "+49 (30) 90 18-20", "language": "de", "interests": [slug],
    });
    let answer = edit(&app, &clara, &clara, form).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let edited = answer.data(StatusCode::OK);
    assert_eq!(edited["name"], "clara", "not yet");
    assert_eq!(edited["own"]["pending"]["name"], "Clara Schumann");
    assert_eq!((&edited["own"]["phone"], &edited["own"]["language"]), (&json!("+4930901820"), &json!("de")));
    assert_eq!(edited["own"]["interests"], json!([slug]));
    app.run_all_due().await;
    let seen = own(&app, &clara).await;
    assert_eq!((&seen["name"], &seen["bio"]), (&json!("Clara Schumann"), &json!("I teach the piano.\nAnd I compose.")));
    assert_eq!(seen["own"]["pending"], Value::Null);

    for other in [app.get(&path(&clara)).await, mona.get(&app, &path(&clara)).await] {
        let data = other.data(StatusCode::OK);
        assert_eq!((&data["company"], &data["job_title"]), (&json!("Conservatory"), &json!("Teacher")));
        let text = data.to_string();
        assert!(data.get("own").is_none() && !text.contains("901820") && !text.contains("@"), "{text}");
    }
    // Whoever only learns is seen by nobody else.
    assert_eq!(app.get(&path(&mona)).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    assert_eq!(clara.get(&app, &path(&mona)).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    assert_eq!(own(&app, &mona).await["username"], "mona");
    assert_eq!(edit(&app, &mona, &clara, json!({"bio": "x"})).await.error(StatusCode::FORBIDDEN), "FORBIDDEN");
    assert_eq!(edit(&app, &clara, &mona, json!({"bio": "x"})).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    database::execute(&app.db, "UPDATE users SET status = 'suspended' WHERE username = 'clara'").await.unwrap();
    assert_eq!(app.get(&path(&clara)).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    assert_eq!(count(&app, "audit_log WHERE action = 'user.edit_profile' AND details LIKE '%phone%'").await, 1);
    app.finish().await;
}

/// Answers that are kept, and the search index, name creators.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_is_the_name_wherever_nanos_are_shown() {
    let app = TestApp::start().await;
    let clara = app.creator("clara").await;
    let nano = published(&app, &clara, "Scales").await;
    let own = format!("/api/v1/nanos/{nano}");
    assert_eq!(app.get(&own).await.data(StatusCode::OK)["creator"]["name"], "clara");
    assert_eq!(app.get("/api/v1/search?q=scales").await.data(StatusCode::OK)["hits"][0]["creator"]["name"], "clara");
    assert_eq!(app.get("/api/v1/search?q=schumann").await.data(StatusCode::OK)["hits"], json!([]));
    edit(&app, &clara, &clara, json!({"name": "Clara Schumann"})).await.data(StatusCode::OK);
    let worker = app.worker().await;
    app.drained().await;
    worker.stop().await;
    assert_eq!(app.get(&own).await.data(StatusCode::OK)["creator"]["name"], "Clara Schumann");
    let started = Instant::now();
    loop {
        let found = app.get("/api/v1/search?q=schumann").await;
        if found.data(StatusCode::OK)["hits"][0]["creator"]["name"] == "Clara Schumann" {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{:#}", found.body);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_the_scan_finds_something_in_do_not_become_public() {
    let app = start().await;
    let clara = app.creator("clara").await;
    let bad = "Buy cheap pills at https://pills.example and call +49 171 1234567";
    edit(&app, &clara, &clara, json!({"bio": bad, "company": "Conservatory"})).await.data(StatusCode::OK);
    let subjects: Vec<String> = mails(&app, &clara.email).await.into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["Your profile was not changed"]);
    let seen = own(&app, &clara).await;
    assert_eq!((&seen["bio"], &seen["company"]), (&json!(""), &json!("")), "all of an edit waits");
    let pending = &seen["own"]["pending"];
    assert!(pending["bio"] == bad && !pending["findings"].as_array().unwrap().is_empty(), "{pending}");
    // What is left out stays as it was written; the rest is looked at again.
    edit(&app, &clara, &clara, json!({"bio": "I teach the piano."})).await.data(StatusCode::OK);
    app.run_all_due().await;
    let seen = own(&app, &clara).await;
    assert_eq!((&seen["bio"], &seen["company"]), (&json!("I teach the piano."), &json!("Conservatory")));
    assert_eq!(seen["own"]["pending"], Value::Null);
    // Writing what is public already gives an edit up.
    edit(&app, &clara, &clara, json!({"bio": bad})).await.data(StatusCode::OK);
    let given_up = edit(&app, &clara, &clara, json!({"bio": "I teach the piano."})).await;
    assert_eq!(given_up.data(StatusCode::OK)["own"]["pending"], Value::Null);
    app.run_all_due().await;
    assert_eq!(own(&app, &clara).await["bio"], "I teach the piano.");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_number_is_sealed_removed_and_gone_with_the_account() {
    let app = start().await;
    let clara = app.creator("clara").await;
    edit(&app, &clara, &clara, json!({"phone": "+49 30 901820", "interests": [first_category(&app).await]}))
        .await
        .data(StatusCode::OK);
    assert_eq!(count(&app, "profiles WHERE phone IS NOT NULL").await, 1);
    for text in ["+4930901820", "901820"] {
        assert_eq!(rows_with(&app, &hex::encode(text)).await, 0, "{text}");
    }
    edit(&app, &clara, &clara, json!({"phone": "", "interests": []})).await.data(StatusCode::OK);
    let seen = own(&app, &clara).await;
    assert_eq!((&seen["own"]["phone"], &seen["own"]["interests"]), (&Value::Null, &json!([])));
    for wrong in ["call me", "123", "+1234567890123456"] {
        let refused = edit(&app, &clara, &clara, json!({ "phone": wrong })).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED", "{wrong}");
    }
    let many: Vec<String> = (0..6).map(|n| format!("c{n}")).collect();
    for form in [
        json!({ "interests": many }),
        json!({"interests": ["no-such-category"]}),
        json!({"name": "www.pills.example"}),
        json!({"name": ""}),
        json!({"bio": "x".repeat(501)}),
        json!({"role": "admin"}),
    ] {
        let refused = edit(&app, &clara, &clara, form.clone()).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED", "{form}");
    }
    edit(&app, &clara, &clara, json!({"phone": "030 901820", "bio": "Words"})).await.data(StatusCode::OK);
    app.run_all_due().await;
    edit(&app, &clara, &clara, json!({"bio": "Other words"})).await.data(StatusCode::OK);
    database::execute(&app.db, "UPDATE users SET status = 'deleted' WHERE username = 'clara'").await.unwrap();
    app.advance(chrono::TimeDelta::days(7 * 366));
    retention(&app).await;
    app.run_all_due().await;
    for table in ["profiles", "profile_edits", "profile_interests"] {
        assert_eq!(count(&app, table).await, 0, "{table}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_from_an_old_page_is_refused() {
    let app = start().await;
    let clara = app.creator("clara").await;
    let read = clara.get(&app, &path(&clara)).await;
    let tag = read.headers["etag"].to_str().unwrap().to_owned();
    let with = async |tag: &str, bio: &str| {
        let request = clara.request(&app, Method::PATCH, &path(&clara)).header("if-match", tag);
        answer(request.json(&json!({ "bio": bio }))).await
    };
    let edited = with(&tag, "first").await;
    let newer = edited.headers["etag"].to_str().unwrap().to_owned();
    edited.data(StatusCode::OK);
    assert_eq!(with(&tag, "second").await.error(StatusCode::PRECONDITION_FAILED), "PRECONDITION_FAILED");
    // What the scan has done meanwhile is no edit.
    app.run_all_due().await;
    with(&newer, "third").await.data(StatusCode::OK);
    app.run_all_due().await;
    assert_eq!(own(&app, &clara).await["bio"], "third");
    let known = clara.request(&app, Method::GET, &path(&clara)).header("if-none-match", &tag);
    assert_eq!(answer(known).await.status, StatusCode::OK);
    app.finish().await;
}
