//! Notifications: what gives the cause, once each, and how they are read.

use chrono::TimeDelta;
use db::clock::Clock;
use domain::{
    ids::{NotificationId, UserId},
    notification::Kind,
    review::ReviewPolicy,
    user::Role,
};
use infra::db::notifications::{self, NewNotification};
use jobs::Retention;
use queue::ledger::State;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tests::{TestApp, app::Overrides, archives, client::answer, database};

use super::{consumer, kinds, mails, published, rate, send, told};

#[tokio::test(flavor = "multi_thread")]
async fn a_creator_is_told_of_a_nano_s_way_and_of_its_ratings() {
    let app = TestApp::start().await;
    let (ada, bert, moderator) =
        (app.creator("ada").await, consumer(&app, "bert").await, app.user("mod", Role::Moderator).await);
    let kit = app.kit_with(ReviewPolicy::Always, jobs::registry()).await;
    let nano = ada.submit(&app, "Igel <b>im</b> Wald", archives::unit()).await;
    kit.run_all_due().await;
    let decide = async |decision: &str| {
        let queue = moderator.get(&app, "/api/v1/admin/moderation/queue").await;
        let case = queue.data(StatusCode::OK)[0]["id"].as_str().unwrap().to_owned();
        let form = json!({"decision": decision, "reason": "Ohne Quelle."});
        moderator.post(&app, &format!("/api/v1/admin/moderation/{case}/decision"), &form).await.data(StatusCode::OK);
        kit.run_all_due().await;
    };
    decide("reject").await;
    let upload = ada.upload(&app, &nano, archives::unit_with(&[("more.txt", b"More.")])).await;
    ada.finish(&app, &upload).await;
    kit.run_all_due().await;
    decide("approve").await;

    let (list, unread) = told(&app, &ada).await;
    let expected = ["nano_published", "nano_pending_review", "nano_rejected", "nano_pending_review"];
    assert_eq!((kinds(&list), unread), (expected.to_vec(), 4));
    assert!(list.iter().all(|one| one["nano"] == json!({"id": nano, "title": "Igel <b>im</b> Wald"})), "{list:?}");
    assert_eq!((&list[2]["reason"], &list[0]["reason"]), (&json!("Ohne Quelle."), &Value::Null));
    assert_eq!(told(&app, &moderator).await.0, Vec::<Value>::new(), "nobody else is told");

    // A rating, once for each person, and the first reply to it.
    let rating = rate(&app, &bert, &nano, 4).await;
    assert_eq!(bert.delete(&app, &format!("/api/v1/ratings/{rating}")).await.status, StatusCode::NO_CONTENT);
    let rating = rate(&app, &bert, &nano, 5).await;
    let again = bert.post(&app, &format!("/api/v1/nanos/{nano}/ratings"), &json!({"score": 1})).await;
    assert_eq!(again.error(StatusCode::CONFLICT), "RATING_EXISTS");
    let (list, _) = told(&app, &ada).await;
    assert_eq!(kinds(&list)[..2], ["rating_received", "nano_published"]);
    for text in ["Danke!", "Danke schön!"] {
        let reply = json!({ "text": text });
        send(&app, &ada, Method::PUT, &format!("/api/v1/ratings/{rating}/reply"), reply).await.data(StatusCode::OK);
        assert_eq!(told(&app, &bert).await.1, u64::from(text != "Danke!"), "not before it was looked at");
        app.run_all_due().await;
    }
    let (list, _) = told(&app, &bert).await;
    assert_eq!((kinds(&list), &list[0]["rating_id"]), (vec!["rating_replied"], &json!(rating)));
    assert_eq!(list[0]["nano"]["title"], "Igel <b>im</b> Wald");

    // Removed by a moderator: why. Off the shelf the nano has no title for others.
    let removal = format!("/api/v1/ratings/{rating}?reason=Werbung");
    assert_eq!(moderator.delete(&app, &removal).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ada.delete(&app, &format!("/api/v1/nanos/{nano}")).await.status, StatusCode::NO_CONTENT);
    let (list, _) = told(&app, &bert).await;
    assert_eq!((kinds(&list)[0], &list[0]["reason"]), ("rating_removed", &json!("Werbung")));
    assert_eq!(list[0]["nano"], json!({"id": nano, "title": null}));
    assert_eq!(told(&app, &ada).await.0[0]["nano"]["title"], "Igel <b>im</b> Wald");

    // By mail as well, but for ratings, which are many.
    app.run_all_due().await;
    for (user, subject, expected) in [
        (&ada, "waiting for review", 2),
        (&ada, "was not accepted", 1),
        (&ada, "is published", 1),
        (&ada, "A new rating", 0),
        (&bert, "A reply to your rating", 1),
        (&bert, "was removed", 1),
    ] {
        assert_eq!(mails(&app, user, subject).len(), expected, "{subject}");
    }
    app.discard().await;
}

/// As many as are wanted, for somebody.
async fn tell(app: &TestApp, user: &str, count: usize) {
    let mut tx = app.db.begin().await.unwrap();
    for n in 0..count {
        let new = NewNotification {
            user_id: user.parse::<UserId>().unwrap(),
            kind: Kind::NanoPublished,
            subject: &n.to_string(),
            nano_id: None,
            rating_id: None,
            found: None,
            reason: None,
        };
        // Twice: it is there once.
        for _ in 0..2 {
            notifications::insert(&mut tx, &new, app.clock.now()).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_are_paged_read_and_nobody_elses() {
    let app = TestApp::start().await;
    let (ada, bert) = (consumer(&app, "ada").await, consumer(&app, "bert").await);
    tell(&app, &ada.id, 7).await;
    let (all, unread) = told(&app, &ada).await;
    assert_eq!((all.len(), unread), (7, 7));
    let ids: Vec<&str> = all.iter().map(|one| one["id"].as_str().unwrap()).collect();

    // Page by page, without what is before or behind.
    let mut seen = Vec::new();
    let mut path = "/api/v1/me/notifications?limit=3".to_owned();
    loop {
        let page = ada.get(&app, &path).await;
        let list = page.data(StatusCode::OK)["notifications"].as_array().unwrap();
        seen.extend(list.iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        let Some(next) = page.body["meta"]["next_cursor"].as_str() else { break };
        assert!(page.headers[header::LINK].to_str().unwrap().contains(next));
        path = format!("/api/v1/me/notifications?limit=3&cursor={next}");
    }
    assert_eq!(seen, ids);
    for (query, code) in
        [("cursor=nonsense", "CURSOR_INVALID"), ("limit=0", "VALIDATION_FAILED"), ("unread=maybe", "VALIDATION_FAILED")]
    {
        let refused = ada.get(&app, &format!("/api/v1/me/notifications?{query}")).await;
        assert!(refused.status.is_client_error());
        assert_eq!(refused.body["error"]["code"], code, "{query}");
    }

    // Read one by one and up to one; what is known is not sent again.
    let read = |id: &str| format!("/api/v1/me/notifications/{id}/read");
    let first = ada.get(&app, "/api/v1/me/notifications").await;
    for _ in 0..2 {
        assert_eq!(answer(ada.request(&app, Method::PUT, &read(ids[0]))).await.status, StatusCode::NO_CONTENT);
    }
    for id in [ids[1], &NotificationId::new().to_string()] {
        let refused = answer(bert.request(&app, Method::PUT, &read(id))).await;
        assert_eq!(refused.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    }
    let known = ada.request(&app, Method::GET, "/api/v1/me/notifications");
    let known = answer(known.header(header::IF_NONE_MATCH, &first.headers[header::ETAG])).await;
    assert_eq!(known.data(StatusCode::OK)["unread"], 6, "it has changed");
    let up_to = |id: &str| json!({ "up_to": id });
    send(&app, &bert, Method::PUT, "/api/v1/me/notifications/read", up_to(ids[0])).await;
    assert_eq!(told(&app, &ada).await.1, 6, "bert reads his own");
    let done = send(&app, &ada, Method::PUT, "/api/v1/me/notifications/read", up_to(ids[3])).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT);
    let unread = ada.get(&app, "/api/v1/me/notifications?unread=true").await;
    let unread = unread.data(StatusCode::OK);
    let left: Vec<&str> =
        unread["notifications"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!((left, &unread["unread"]), (ids[1..3].to_vec(), &json!(2)));
    for bad in [json!({}), json!({"up_to": "x"}), json!({"up_to": null}), json!({"up_to": ids[0], "more": 1})] {
        let refused = send(&app, &ada, Method::PUT, "/api/v1/me/notifications/read", bad).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    }
    let nobody = app.get("/api/v1/me/notifications").await;
    assert_eq!(nobody.error(StatusCode::UNAUTHORIZED), "UNAUTHORIZED");
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_goes_with_time_and_with_its_person() {
    let app =
        TestApp::start_with(Overrides { clock: Clock::manual(Clock::System.now()), ..Overrides::default() }).await;
    let (ada, bert) = (app.creator("ada").await, consumer(&app, "bert").await);
    published(&app, &ada, "Igel").await;
    for user in [&ada, &bert] {
        let search = json!({"name": "Igel", "search": {"q": "Igel"}});
        user.post(&app, "/api/v1/me/saved-searches", &search).await.data(StatusCode::CREATED);
        super::prefer(&app, user, "rating_received", json!({"mail": true})).await.data(StatusCode::OK);
    }
    tell(&app, &bert.id, 2).await;
    let retention = async || {
        let id = app.put(&Retention {}).await;
        assert_eq!(app.run_one(id).await.state, State::Completed);
    };
    let count = async |table: &str| database::number(&app.db, &format!("SELECT COUNT(*) FROM {table}")).await.unwrap();
    app.advance(TimeDelta::days(89));
    retention().await;
    assert_eq!(count("notifications").await, 3);
    app.advance(TimeDelta::days(2));
    retention().await;
    assert_eq!(count("notifications").await, 0);

    // A deleted account keeps nothing of it in the end.
    let of_whom = ["saved_searches", "notification_preferences", "mail_link_keys"];
    let mut left = Vec::new();
    for table in of_whom {
        left.push(count(table).await);
    }
    assert_eq!(left, [2, 2, 1], "ada had a mail");
    tell(&app, &ada.id, 1).await;
    database::execute(&app.db, "UPDATE users SET status = 'deleted' WHERE username = 'ada'").await.unwrap();
    app.advance(TimeDelta::days(2_200));
    retention().await;
    let mut left = Vec::new();
    for table in of_whom {
        left.push(count(table).await);
    }
    assert_eq!((left, count("notifications").await), (vec![1, 1, 0], 0));
    app.finish().await;
}
