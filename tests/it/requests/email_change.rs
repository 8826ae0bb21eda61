//! Another address for an account: who may ask for it, who confirms it, and who is told.

use chrono::TimeDelta;
use domain::user::Role;
use reqwest::StatusCode;
use serde_json::json;
use tests::{Answer, TestApp, User, client::PASSWORD};

use super::identity::{count, mails, register, sign_in, start, token, tokens, whoami};

const NEW: &str = "vera.new@nano.test";

async fn ask(app: &TestApp, user: &User, email: &str, password: &str) -> Answer {
    user.post(app, "/api/v1/auth/change-email", &json!({"email": email, "password": password})).await
}

async fn confirm(app: &TestApp, user: &User, token: &str) -> Answer {
    user.post(app, "/api/v1/auth/confirm-email", &json!({ "token": token })).await
}

async fn subjects(app: &TestApp, email: &str) -> Vec<String> {
    mails(app, email).await.into_iter().map(|mail| mail.subject).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_counts_once_its_link_is_followed_by_its_owner() {
    let app = start().await;
    let (user, stranger) = (app.user("vera", Role::Consumer).await, app.user("mallory", Role::Admin).await);
    assert_eq!(ask(&app, &user, NEW, "a guess").await.error(StatusCode::UNAUTHORIZED), "INVALID_CREDENTIALS");
    let same = ask(&app, &user, "Vera@nano.test", PASSWORD).await;
    assert_eq!(same.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    assert_eq!(same.body["error"]["details"]["fields"][0]["code"], "UNCHANGED");

    assert_eq!(ask(&app, &user, NEW, PASSWORD).await.data(StatusCode::ACCEPTED)["email"], NEW);
    let link = token(&app, NEW).await;
    let mail = mails(&app, NEW).await.remove(0);
    assert!(mail.links()[0].starts_with("https://nano.test/confirm-email?token="), "{:?}", mail.links());
    assert_eq!(subjects(&app, &user.email).await, ["Your e-mail address is to be changed"]);
    assert_eq!(whoami(&app, &sign_in(&app, &user.email, PASSWORD).await).await, "vera", "the old one stays so far");
    assert_eq!(sign_in(&app, NEW, PASSWORD).await.status, StatusCode::UNAUTHORIZED);

    // Who follows somebody else's link confirms nothing, signed in or not.
    assert_eq!(confirm(&app, &stranger, &link).await.error(StatusCode::BAD_REQUEST), "LINK_INVALID");
    let nobody = app.post("/api/v1/auth/confirm-email", &json!({ "token": link })).await;
    assert_eq!(nobody.error(StatusCode::UNAUTHORIZED), "UNAUTHORIZED");
    let reset =
        app.post("/api/v1/auth/reset-password", &json!({"token": link, "new_password": "quite another phrase"})).await;
    assert_eq!(reset.error(StatusCode::BAD_REQUEST), "LINK_INVALID");

    assert_eq!(confirm(&app, &user, &link).await.status, StatusCode::NO_CONTENT);
    assert_eq!(user.get(&app, "/api/v1/auth/me").await.data(StatusCode::OK)["email"], NEW);
    assert_eq!(whoami(&app, &sign_in(&app, NEW, PASSWORD).await).await, "vera");
    assert_eq!(sign_in(&app, &user.email, PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(confirm(&app, &user, &link).await.error(StatusCode::BAD_REQUEST), "LINK_INVALID");
    assert_eq!(subjects(&app, &user.email).await[1..], ["Your e-mail address was changed"]);
    assert_eq!(count(&app, "audit_log WHERE action = 'auth.change_email' AND actor_id = target_id").await, 1);
    assert_eq!(count(&app, "audit_log WHERE details LIKE '%@%'").await, 0, "no addresses there");
    // Somebody else may have the old one.
    register(&app, &user.email, "verena", PASSWORD).await.data(StatusCode::ACCEPTED);
    assert_eq!(mails(&app, &user.email).await.last().unwrap().subject, "Please confirm your e-mail address");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_wish_a_new_password_and_a_day_end_a_wish() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    ask(&app, &user, "first@nano.test", PASSWORD).await.data(StatusCode::ACCEPTED);
    let first = token(&app, "first@nano.test").await;
    // The second is wished for and replaced before its mail leaves.
    ask(&app, &user, "second@nano.test", PASSWORD).await.data(StatusCode::ACCEPTED);
    ask(&app, &user, NEW, PASSWORD).await.data(StatusCode::ACCEPTED);
    let link = token(&app, NEW).await;
    assert!(mails(&app, "second@nano.test").await.is_empty());
    assert_eq!(confirm(&app, &user, &first).await.error(StatusCode::BAD_REQUEST), "LINK_INVALID");

    let change = json!({"current_password": PASSWORD, "new_password": "quite another phrase"});
    let changed = user.post(&app, "/api/v1/auth/change-password", &change).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    assert_eq!(confirm(&app, &user, &link).await.error(StatusCode::BAD_REQUEST), "LINK_INVALID");

    app.advance(TimeDelta::minutes(2));
    ask(&app, &user, NEW, "quite another phrase").await.data(StatusCode::ACCEPTED);
    let link = tokens(mails(&app, NEW).await.last().unwrap()).remove(0);
    app.advance(TimeDelta::hours(24));
    let again = app.post("/api/v1/auth/login", &json!({"email": user.email, "password": "quite another phrase"})).await;
    let user = User { token: again.data(StatusCode::OK)["access_token"].as_str().unwrap().to_owned(), ..user };
    assert_eq!(confirm(&app, &user, &link).await.error(StatusCode::BAD_REQUEST), "LINK_INVALID");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_address_is_told_to_its_owner_alone() {
    let app = start().await;
    let (user, owner) = (app.user("vera", Role::Consumer).await, app.user("owner", Role::Consumer).await);
    let mut answers = Vec::new();
    for email in [owner.email.as_str(), NEW] {
        let before = [count(&app, "email_deliveries").await, count(&app, "jobs").await];
        let mut answer = ask(&app, &user, email, PASSWORD).await.snapshot();
        answer["body"]["data"]["email"] = json!("[email]");
        let after = [count(&app, "email_deliveries").await, count(&app, "jobs").await];
        answers.push((answer, [after[0] - before[0], after[1] - before[1]]));
        app.run_all_due().await;
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(subjects(&app, &owner.email).await, ["You already have an account"]);
    assert!(mails(&app, &owner.email).await[0].links().is_empty());

    // Somebody confirms the address between the mail and the click.
    let link = token(&app, NEW).await;
    register(&app, NEW, "quick", PASSWORD).await.data(StatusCode::ACCEPTED);
    let theirs = tokens(mails(&app, NEW).await.last().unwrap()).remove(0);
    let verified = app.post("/api/v1/auth/verify-email", &json!({ "token": theirs })).await;
    assert_eq!(verified.status, StatusCode::NO_CONTENT);
    assert_eq!(confirm(&app, &user, &link).await.error(StatusCode::BAD_REQUEST), "LINK_INVALID");
    assert_eq!(user.get(&app, "/api/v1/auth/me").await.data(StatusCode::OK)["email"], user.email);

    // Who only waits for an address loses it to who confirms it.
    app.advance(TimeDelta::minutes(10));
    let wanted = "wanted@nano.test";
    register(&app, wanted, "slow", PASSWORD).await.data(StatusCode::ACCEPTED);
    let slow = sign_in(&app, wanted, PASSWORD).await;
    ask(&app, &user, wanted, PASSWORD).await.data(StatusCode::ACCEPTED);
    let link = tokens(mails(&app, wanted).await.last().unwrap()).remove(0);
    assert_eq!(confirm(&app, &user, &link).await.status, StatusCode::NO_CONTENT);
    let slow = json!({"refresh_token": slow.data(StatusCode::OK)["refresh_token"]});
    assert_eq!(app.post("/api/v1/auth/refresh-token", &slow).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(whoami(&app, &sign_in(&app, wanted, PASSWORD).await).await, "vera");
    assert_eq!(count(&app, "audit_log WHERE action = 'auth.registration_replaced'").await, 1);
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_confirm_one_address_at_once_one_gets_it() {
    let app = start().await;
    for round in 0..3 {
        let wanted = format!("both{round}@nano.test");
        let (left, right) = (
            app.user(&format!("left-{round}"), Role::Consumer).await,
            app.user(&format!("right-{round}"), Role::Consumer).await,
        );
        ask(&app, &left, &wanted, PASSWORD).await.data(StatusCode::ACCEPTED);
        app.advance(TimeDelta::minutes(2));
        ask(&app, &right, &wanted, PASSWORD).await.data(StatusCode::ACCEPTED);
        let links: Vec<String> = mails(&app, &wanted).await.iter().flat_map(tokens).collect();
        let (first, second) = tokio::join!(confirm(&app, &left, &links[0]), confirm(&app, &right, &links[1]));
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 400], "{:#} {:#}", first.body, second.body);
        assert_eq!(count(&app, &format!("users WHERE confirmed_email = '{wanted}'")).await, 1);
    }
    app.run_all_due().await;
    app.finish().await;
}

/// A second click within the pause sends no second mail, and the link of the first stays good.
#[tokio::test(flavor = "multi_thread")]
async fn asking_twice_leaves_the_first_link_good() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    ask(&app, &user, NEW, PASSWORD).await.data(StatusCode::ACCEPTED);
    let link = token(&app, NEW).await;
    ask(&app, &user, NEW, PASSWORD).await.data(StatusCode::ACCEPTED);
    assert_eq!(mails(&app, NEW).await.len(), 1);
    assert_eq!(confirm(&app, &user, &link).await.status, StatusCode::NO_CONTENT);
    app.run_all_due().await;
    app.finish().await;
}
