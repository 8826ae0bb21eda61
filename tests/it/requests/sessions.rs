//! Sessions: refresh tokens that are used twice, answers that are lost, and the end of every session.

use std::collections::BTreeMap;

use chrono::{SubsecRound, TimeDelta, Utc};
use db::clock::Clock;
use domain::user::Role;
use futures::future::join_all;
use infra::db::users;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Answer, TestApp, User,
    app::Overrides,
    client::{PASSWORD, answer},
};

use super::password_reset::wait_for_waiting;

async fn refresh(app: &TestApp, browser: &str, token: &str) -> Answer {
    let request = app.request(Method::POST, "/api/v1/auth/refresh-token").header("user-agent", browser);
    answer(request.json(&json!({ "refresh_token": token }))).await
}

async fn login(app: &TestApp, browser: &str, user: &User) -> Value {
    let request = app.request(Method::POST, "/api/v1/auth/login").header("user-agent", browser);
    let answer = answer(request.json(&json!({"email": user.email, "password": PASSWORD}))).await;
    answer.data(StatusCode::OK).clone()
}

fn token(pair: &Value) -> &str {
    pair["refresh_token"].as_str().expect("a refresh token")
}

async fn is_live(app: &TestApp, pair: &Value) -> bool {
    let access = pair["access_token"].as_str().unwrap();
    answer(app.request(Method::GET, "/api/v1/auth/me").bearer_auth(access)).await.status == StatusCode::OK
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_refreshes_at_once_one_wins_and_the_session_ends() {
    let app = TestApp::start().await;
    let user = app.user("rita", Role::Consumer).await;
    let first = login(&app, "Firefox", &user).await;
    let answers = join_all((0..100).map(|_| refresh(&app, "Firefox", token(&first)))).await;
    let mut counted = BTreeMap::new();
    for answer in &answers {
        *counted.entry(answer.status.as_u16()).or_insert(0) += 1;
    }
    // A busy database turns some away before they are looked at.
    assert_eq!(counted.remove(&200), Some(1), "{counted:?}");
    assert!(counted.keys().all(|status| [401, 503].contains(status)), "{counted:?}");
    assert!(counted.contains_key(&401), "{counted:?}");
    let won = answers.iter().find(|answer| answer.status == StatusCode::OK).unwrap().data(StatusCode::OK);
    assert!(!is_live(&app, won).await, "the family is revoked");
    assert_eq!(refresh(&app, "Firefox", token(won)).await.error(StatusCode::UNAUTHORIZED), "INVALID_REFRESH_TOKEN");
    assert_eq!(user.get(&app, "/api/v1/auth/me").await.status, StatusCode::OK, "other sessions live on");
    app.finish().await;
}

/// The exchange was committed and the client never heard of it: a 503 of ours, a broken connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_answer_was_lost_asks_again() {
    let clock = Clock::manual(Utc::now().trunc_subsecs(0));
    let app = TestApp::start_with(Overrides { clock: clock.clone(), ..Overrides::default() }).await;
    let user = app.user("rita", Role::Consumer).await;
    let first = login(&app, "Firefox", &user).await;
    let lost = refresh(&app, "Firefox", token(&first)).await.data(StatusCode::OK).clone();
    clock.advance(TimeDelta::seconds(3));
    let again = refresh(&app, "Firefox", token(&first)).await.data(StatusCode::OK).clone();
    assert!(is_live(&app, &again).await);
    clock.advance(TimeDelta::seconds(3));
    let next = refresh(&app, "Firefox", token(&again)).await.data(StatusCode::OK).clone();

    // Somebody has the lost answer after all: two owners.
    clock.advance(TimeDelta::seconds(3));
    assert_eq!(refresh(&app, "Firefox", token(&lost)).await.status, StatusCode::UNAUTHORIZED);
    assert!(!is_live(&app, &next).await);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_and_latecomers_are_no_clients_whose_answer_was_lost() {
    let clock = Clock::manual(Utc::now().trunc_subsecs(0));
    let app = TestApp::start_with(Overrides { clock: clock.clone(), ..Overrides::default() }).await;
    let user = app.user("rita", Role::Consumer).await;
    // Another browser; too soon; too late; once the answer has been used; and a second time.
    for (case, browser, seconds) in [
        ("other", "curl", 3),
        ("soon", "Firefox", 0),
        ("late", "Firefox", 61),
        ("used", "Firefox", 3),
        ("twice", "Firefox", 3),
    ] {
        let first = login(&app, "Firefox", &user).await;
        let mut newest = refresh(&app, "Firefox", token(&first)).await.data(StatusCode::OK).clone();
        clock.advance(TimeDelta::seconds(seconds));
        match case {
            "used" => newest = refresh(&app, "Firefox", token(&newest)).await.data(StatusCode::OK).clone(),
            "twice" => newest = refresh(&app, "Firefox", token(&first)).await.data(StatusCode::OK).clone(),
            _ => {}
        }
        assert_eq!(refresh(&app, browser, token(&first)).await.status, StatusCode::UNAUTHORIZED, "{case}");
        assert!(!is_live(&app, &newest).await, "{case}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_after_ninety_days_however_often_it_is_refreshed() {
    let clock = Clock::manual(Utc::now().trunc_subsecs(0));
    let app = TestApp::start_with(Overrides { clock: clock.clone(), ..Overrides::default() }).await;
    let user = app.user("rita", Role::Consumer).await;
    let mut pair = login(&app, "Firefox", &user).await;
    for day in (6..90).step_by(6) {
        clock.advance(TimeDelta::days(6));
        pair = refresh(&app, "Firefox", token(&pair)).await.data(StatusCode::OK).clone();
        let seconds = pair["refresh_expires_in"].as_i64().unwrap();
        assert_eq!(seconds, TimeDelta::days(7.min(90 - day)).num_seconds(), "on day {day}");
    }
    clock.advance(TimeDelta::days(6));
    assert_eq!(refresh(&app, "Firefox", token(&pair)).await.error(StatusCode::UNAUTHORIZED), "INVALID_REFRESH_TOKEN");
    app.finish().await;
}

async fn sessions(app: &TestApp, user: &User) -> Vec<Value> {
    user.get(app, "/api/v1/auth/sessions").await.data(StatusCode::OK).as_array().unwrap().clone()
}

fn id_of<'a>(sessions: &'a [Value], device: &str) -> &'a str {
    let found = sessions.iter().find(|session| session["device"] == device);
    found.unwrap_or_else(|| panic!("{device} in {sessions:#?}"))["id"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended_one_by_one_or_all_the_others() {
    let app = TestApp::start().await;
    let (user, stranger) = (app.user("rita", Role::Consumer).await, app.user("mallory", Role::Admin).await);
    let [phone, laptop, library] =
        [login(&app, "Phone", &user).await, login(&app, "Laptop", &user).await, login(&app, "Library", &user).await];
    let phone = refresh(&app, "Phone", token(&phone)).await.data(StatusCode::OK).clone();
    let listed = sessions(&app, &user).await;
    assert_eq!(listed.len(), 4, "a refreshed one is one: {listed:#?}");
    assert_eq!(listed[0]["device"], "Phone", "the newest tokens first");
    assert_eq!(listed.iter().filter(|session| session["current"] == true).count(), 1);
    assert!(listed.iter().all(|session| session["signed_in_at"].as_str() <= session["refreshed_at"].as_str()));

    let library_path = format!("/api/v1/auth/sessions/{}", id_of(&listed, "Library"));
    let end = async |who: &User, path: &str| answer(who.request(&app, Method::DELETE, path)).await;
    // Not even an admin's: it is not theirs.
    assert_eq!(end(&stranger, &library_path).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    assert!(is_live(&app, &library).await);
    assert_eq!(end(&user, &library_path).await.status, StatusCode::NO_CONTENT);
    assert!(!is_live(&app, &library).await);
    assert_eq!(refresh(&app, "Library", token(&library)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(end(&user, &library_path).await.status, StatusCode::NOT_FOUND, "it is over");

    assert_eq!(end(&user, "/api/v1/auth/sessions").await.status, StatusCode::NO_CONTENT);
    assert!(!is_live(&app, &phone).await && !is_live(&app, &laptop).await);
    let left = sessions(&app, &user).await;
    assert!(left.len() == 1 && left[0]["current"] == true, "{left:#?}");
    assert_eq!(sessions(&app, &stranger).await.len(), 1);
    app.finish().await;
}

/// An exchange that is under way while a session ends leaves no successor behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_what_is_being_exchanged() {
    let app = TestApp::start().await;
    let user = app.user("rita", Role::Consumer).await;
    for all in [false, true] {
        let elsewhere = login(&app, "Phone", &user).await;
        let listed = sessions(&app, &user).await;
        let path = if all {
            "/api/v1/auth/sessions".to_owned()
        } else {
            format!("/api/v1/auth/sessions/{}", id_of(&listed, "Phone"))
        };
        let mut tx = app.db.begin().await.unwrap();
        users::lock(&mut tx, user.id.parse().unwrap()).await.unwrap().unwrap();
        let release = async {
            wait_for_waiting(&app, 2).await;
            tx.commit().await.unwrap();
        };
        let end = async {
            wait_for_waiting(&app, 1).await;
            user.delete(&app, &path).await
        };
        let (exchanged, ended, ()) = tokio::join!(refresh(&app, "Phone", token(&elsewhere)), end, release);
        assert_eq!(ended.status, StatusCode::NO_CONTENT);
        if exchanged.status == StatusCode::OK {
            let new = exchanged.data(StatusCode::OK);
            assert!(!is_live(&app, new).await, "{path}");
            let again = refresh(&app, "Phone", token(new)).await;
            assert_eq!(again.error(StatusCode::UNAUTHORIZED), "INVALID_REFRESH_TOKEN", "{path}");
        }
        assert_eq!(sessions(&app, &user).await.len(), 1, "{path}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_the_other_sessions() {
    const NEW: &str = "another long phrase";
    let app = TestApp::start().await;
    let user = app.user("rita", Role::Consumer).await;
    let elsewhere = login(&app, "Phone", &user).await;
    let change = async |current: &str, new: &str| {
        let form = json!({"current_password": current, "new_password": new});
        user.post(&app, "/api/v1/auth/change-password", &form).await
    };
    let short = change(PASSWORD, "short").await;
    assert_eq!(short.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    assert_eq!(short.body["error"]["details"]["fields"][0]["field"], "new_password");
    assert_eq!(change("a guess", NEW).await.error(StatusCode::UNAUTHORIZED), "INVALID_CREDENTIALS");
    assert!(is_live(&app, &elsewhere).await);

    assert_eq!(change(PASSWORD, NEW).await.status, StatusCode::NO_CONTENT);
    assert!(!is_live(&app, &elsewhere).await);
    assert_eq!(user.get(&app, "/api/v1/auth/me").await.status, StatusCode::OK, "this session goes on");
    let with = async |password: &str| {
        app.post("/api/v1/auth/login", &json!({"email": user.email, "password": password})).await.status
    };
    assert_eq!((with(PASSWORD).await, with(NEW).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));

    // An open session is no place to guess.
    let guesses = join_all((0..8).map(|_| change("a guess", PASSWORD))).await;
    let tried = guesses.iter().filter(|guess| guess.status == StatusCode::UNAUTHORIZED).count();
    assert!((1..=5).contains(&tried), "{tried}");
    app.run_all_due().await;
    let subjects: Vec<String> = app.mail.messages().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["Your password was changed"]);
    app.finish().await;
}
