//! Reports about messages, from the one who got it to a moderator's decision.

use domain::user::Role;
use reqwest::StatusCode;
use serde_json::json;

use super::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_reported_message_is_seen_with_what_came_before_and_taken_away() {
    let stage = Stage::start().await;
    let (app, bea) = (&stage.app, &stage.reader);
    let moderator = app.user("mod", Role::Moderator).await;
    for text in ["Hello", "Buy my pills"] {
        stage.send(&stage.creator, text).await.data(StatusCode::CREATED);
    }
    stage.send(bea, "No").await.data(StatusCode::CREATED);
    let path = |seq: u32| stage.path(&format!("/messages/{seq}/report"));
    let own = bea.post(app, &path(3), &json!({"reason": "spam"})).await;
    assert_eq!(own.error(StatusCode::FORBIDDEN), "OWN_MESSAGE");
    assert_eq!(bea.post(app, &path(9), &json!({"reason": "spam"})).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    let report = bea.post(app, &path(2), &json!({"reason": "spam", "note": "Pills!"})).await;
    let report = report.data(StatusCode::CREATED).clone();
    let again = bea.post(app, &path(2), &json!({"reason": "other"})).await;
    assert_eq!(again.data(StatusCode::OK)["id"], report["id"], "one report of a person about a message");

    let waiting = moderator.get(app, "/api/v1/admin/chats/reports").await;
    let case = &waiting.data(StatusCode::OK)[0];
    assert_eq!((&case["report"], &case["reporter_id"]), (&report, &json!(bea.id)));
    let texts: Vec<&str> =
        case["messages"].as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["Hello", "Buy my pills"], "and nothing after it");

    let decision = format!("/api/v1/admin/chats/reports/{}/decision", report["id"].as_str().unwrap());
    let decided = moderator.post(app, &decision, &json!({"decision": "delete", "reason": "advertisement"})).await;
    assert_eq!(decided.data(StatusCode::OK)["state"], "resolved");
    let closed = moderator.post(app, &decision, &json!({"decision": "no_action", "reason": "late"})).await;
    assert_eq!(closed.error(StatusCode::CONFLICT), "CASE_CLOSED");
    let page = bea.get(app, &stage.path("/messages")).await;
    let message = &page.data(StatusCode::OK)[1];
    assert_eq!((&message["seq"], &message["text"], &message["removed"]), (&json!(2), &json!(""), &json!(true)));
    assert_eq!(moderator.get(app, "/api/v1/admin/chats/reports").await.data(StatusCode::OK), &json!([]));
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_about_a_chat_of_their_own() {
    let stage = Stage::start().await;
    let admin = stage.app.user("boss", Role::Admin).await;
    let own = super::published(&stage.app, &admin, "The boss's").await;
    let chat = super::begin(&stage.app, &stage.reader, &own).await;
    let messages = format!("/api/v1/chats/{chat}/messages");
    admin.post(&stage.app, &messages, &json!({"text": "Rude"})).await.data(StatusCode::CREATED);
    let report = stage.reader.post(&stage.app, &format!("{messages}/1/report"), &json!({"reason": "other"})).await;
    let report = report.data(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
    for (path, body) in [
        (format!("/api/v1/admin/chats/{chat}/close"), json!({"reason": "mine"})),
        (format!("/api/v1/admin/chats/reports/{report}/decision"), json!({"decision": "no_action", "reason": "mine"})),
    ] {
        assert_eq!(admin.post(&stage.app, &path, &body).await.error(StatusCode::FORBIDDEN), "OWN_CHAT");
    }
    stage.app.finish().await;
}
