//! Reads of what is known already, and edits of what somebody else has edited since.

use domain::user::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User, archives, client::answer};

fn tag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

async fn read(app: &TestApp, user: Option<&User>, path: &str, known: Option<&str>) -> Answer {
    let mut request = app.request(Method::GET, path);
    if let Some(user) = user {
        request = request.bearer_auth(&user.token);
    }
    if let Some(known) = known {
        request = request.header("if-none-match", known);
    }
    answer(request).await
}

async fn edit(app: &TestApp, user: &User, path: &str, body: &Value, if_match: Option<&str>) -> Answer {
    let mut request = user.request(app, Method::PATCH, path).json(body);
    if let Some(tag) = if_match {
        request = request.header("if-match", tag);
    }
    answer(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_already_is_not_sent_again() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let ada = app.creator("ada").await;
    let public = ada.submit(&app, "Public", archives::unit()).await;
    app.wait_for_status(&ada, &public, &["published"]).await;
    app.drained().await;
    worker.stop().await;
    let draft = ada.draft(&app, "Draft").await;
    let upload = ada.upload(&app, &draft, archives::unit()).await;
    let nano = format!("/api/v1/nanos/{public}");
    let paths = [
        ("/api/v1/categories".to_owned(), false),
        ("/api/v1/nanos?limit=5".to_owned(), false),
        (nano.clone(), false),
        (format!("{nano}/versions"), false),
        (format!("{nano}/versions/1"), false),
        ("/api/v1/search?q=public".to_owned(), false),
        ("/api/v1/openapi.json".to_owned(), false),
        ("/api/v1/nanos/mine".to_owned(), true),
        (nano.clone(), true),
        (format!("{nano}/versions/1"), true),
        (format!("/api/v1/uploads/{upload}"), true),
        ("/api/v1/auth/me".to_owned(), true),
    ];
    for (path, signed_in) in &paths {
        let user = signed_in.then_some(&ada);
        let first = read(&app, user, path, None).await;
        assert_eq!(first.status, StatusCode::OK, "{path}");
        let known = tag(&first);
        assert!(known.starts_with("W/\""), "{path}: {known}");
        for known in [known.clone(), format!("\"other\", {known}"), "*".to_owned()] {
            let again = read(&app, user, path, Some(&known)).await;
            assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path} {known}: {:#}", again.body);
            assert_eq!(again.body, Value::Null, "{path}");
            assert_eq!(tag(&again), tag(&first), "{path}");
            assert!(!again.headers.contains_key("content-type"), "{path}");
            assert_eq!(again.headers.get("cache-control"), first.headers.get("cache-control"), "{path}");
            assert!(again.headers.contains_key("x-request-id"), "{path}");
        }
        let other = read(&app, user, path, Some("\"other\"")).await;
        assert_eq!((other.status, &other.body["data"]), (StatusCode::OK, &first.body["data"]), "{path}");
        let head = app.request(Method::HEAD, path).header("if-none-match", &known);
        let head = if *signed_in { head.bearer_auth(&ada.token) } else { head };
        assert_eq!(answer(head).await.status, StatusCode::NOT_MODIFIED, "{path}");
    }
    // The private side of a public thing has another tag, and errors have none.
    let (own, theirs) = (read(&app, Some(&ada), &nano, None).await, read(&app, None, &nano, None).await);
    assert_ne!(tag(&own), tag(&theirs));
    assert!(own.headers.get_all("vary").iter().any(|value| value == "authorization"));
    let gone = read(&app, None, "/api/v1/nanos/01930000-0000-7000-8000-000000000001", Some("*")).await;
    assert_eq!(gone.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    // What happens to it shows, and is no edit.
    ada.get(&app, &format!("{nano}/download?redirect=false")).await.data(StatusCode::OK);
    let counted = read(&app, None, &nano, Some(&tag(&theirs))).await;
    assert_eq!(counted.data(StatusCode::OK)["download_count"], 1);
    assert_eq!(counted.body["data"]["revision"], theirs.body["data"]["revision"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_edits_made_from_the_same_state_one_is_refused() {
    let app = TestApp::start().await;
    let (ada, admin) = (app.creator("ada").await, app.user("root", Role::Admin).await);
    let path = format!("/api/v1/nanos/{}", ada.draft(&app, "First").await);
    let seen = tag(&ada.get(&app, &path).await);
    let edited = edit(&app, &ada, &path, &json!({"title": "Second"}), Some(&seen)).await;
    assert_eq!(edited.data(StatusCode::OK)["revision"], 2);
    let late = edit(&app, &ada, &path, &json!({"title": "Lost"}), Some(&seen)).await;
    assert_eq!(late.error(StatusCode::PRECONDITION_FAILED), "PRECONDITION_FAILED");
    let details = &late.body["error"]["details"];
    assert_eq!(details["revision"], "2");
    // What it names is what one edits next; so is the tag of the last answer, and the number in the body.
    let named = details["etag"].as_str().unwrap().to_owned();
    for (title, if_match, revision) in
        [("Third", named, 3), ("Fourth", "\"3\"".to_owned(), 4), ("Fifth", "*".to_owned(), 5)]
    {
        let edited = edit(&app, &ada, &path, &json!({ "title": title }), Some(&if_match)).await;
        assert_eq!(edited.data(StatusCode::OK)["revision"], revision, "{if_match}");
        assert!(tag(&edited).starts_with(&format!("W/\"{revision}.")));
    }
    for bad in ["5", "\"5", "W/5"] {
        let refused = edit(&app, &ada, &path, &json!({"title": "Bad"}), Some(bad)).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
        assert_eq!(refused.body["error"]["details"]["fields"][0]["field"], "If-Match");
    }
    // Somebody else's nano is edited with care only.
    let careless = edit(&app, &admin, &path, &json!({"title": "Ours"}), None).await;
    assert_eq!(careless.error(StatusCode::PRECONDITION_REQUIRED), "PRECONDITION_REQUIRED");
    let seen = tag(&admin.get(&app, &path).await);
    assert_eq!(edit(&app, &admin, &path, &json!({"title": "Ours"}), Some(&seen)).await.status, StatusCode::OK);
    // One's own may be edited field by field, whatever else is in it.
    assert_eq!(edit(&app, &ada, &path, &json!({"level": 2}), None).await.data(StatusCode::OK)["title"], "Ours");

    // Twenty at once from one state: one is made.
    let seen = tag(&ada.get(&app, &path).await);
    let all: Vec<_> = (0..20)
        .map(|n| {
            let request = ada.request(&app, Method::PATCH, &path).header("if-match", &seen);
            tokio::spawn(answer(request.json(&json!({"title": format!("Number {n}")}))))
        })
        .collect();
    let mut made = Vec::new();
    for (n, answer) in all.into_iter().enumerate() {
        let answer = answer.await.unwrap();
        if answer.status == StatusCode::OK {
            made.push(format!("Number {n}"));
        } else {
            assert_eq!(answer.error(StatusCode::PRECONDITION_FAILED), "PRECONDITION_FAILED");
        }
    }
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(ada.get(&app, &path).await.data(StatusCode::OK)["title"], made[0].as_str());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_do_not_overwrite_each_other() {
    let app = TestApp::start().await;
    let operator = app.user("operator", Role::Operator).await;
    let job = app.put(&jobs::RemoveObject { key: "nobody/nothing".into() }).await;
    let (reads, changes) = (format!("/api/v1/admin/jobs/{job}"), json!({"priority": 0, "reason": "urgent"}));
    let seen = tag(&operator.get(&app, &reads).await);
    let changed = edit(&app, &operator, &reads, &changes, Some(&seen)).await;
    changed.data(StatusCode::OK);
    let late = edit(&app, &operator, &reads, &json!({"priority": 4, "reason": "not urgent"}), Some(&seen)).await;
    assert_eq!(late.error(StatusCode::PRECONDITION_FAILED), "PRECONDITION_FAILED");
    assert_eq!(operator.get(&app, &reads).await.data(StatusCode::OK)["priority"], 0);
    let again = edit(&app, &operator, &reads, &json!({"priority": 1, "reason": "less"}), Some(&tag(&changed))).await;
    again.data(StatusCode::OK);

    let limit = "/api/v1/admin/jobs/limits/send_email";
    let set = async |most: u32, if_match: Option<&str>| {
        let request = operator.request(&app, Method::PUT, limit);
        let request = if_match.into_iter().fold(request, |request, tag| request.header("if-match", tag));
        answer(request.json(&json!({"max_running": most, "reason": "the mail server is slow"}))).await
    };
    assert_eq!(set(1, Some("\"1\"")).await.error(StatusCode::PRECONDITION_FAILED), "PRECONDITION_FAILED");
    let first = set(2, None).await;
    let revision = format!("\"{}\"", first.data(StatusCode::OK)["revision"].as_str().unwrap());
    let second = set(3, Some(&revision)).await;
    second.data(StatusCode::OK);
    assert_eq!(set(4, Some(&revision)).await.error(StatusCode::PRECONDITION_FAILED), "PRECONDITION_FAILED");
    let lift = |tag: &str| {
        let request = operator.request(&app, Method::DELETE, &format!("{limit}?reason=over"));
        request.header("if-match", tag)
    };
    let refused = answer(lift(&revision)).await;
    assert_eq!(refused.error(StatusCode::PRECONDITION_FAILED), "PRECONDITION_FAILED");
    let list = operator.get(&app, "/api/v1/admin/jobs/limits").await;
    assert_eq!(list.data(StatusCode::OK)[0]["max_running"], 3);
    assert_eq!(answer(lift(&tag(&second))).await.status, StatusCode::NO_CONTENT);
    app.discard().await;
}
