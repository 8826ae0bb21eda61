//! Saved searches, and what they tell people of.

use std::time::Duration;

use chrono::{NaiveTime, TimeDelta};
use db::clock::Clock;
use domain::ids::{SavedSearchId, UserId};
use futures::future::join_all;
use jobs::AlertSavedSearches;
use queue::{ids::JobId, ledger::State};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tests::{TestApp, User, client::answer, database, kit::Kit};

use super::{consumer, kinds, mails, prefer, published, send, told};

const PATH: &str = "/api/v1/me/saved-searches";

async fn save(app: &TestApp, user: &User, name: &str, search: Value) -> String {
    let made = user.post(app, PATH, &json!({ "name": name, "search": search })).await;
    made.data(StatusCode::CREATED);
    made.location().to_owned()
}

/// Handlers to which it is noon, so many days after today; people's sessions go by the API's clock.
async fn on_day(app: &TestApp, days: i64) -> Kit {
    let noon = app.clock.now().date_naive().and_time(NaiveTime::from_hms_opt(12, 0, 0).unwrap()).and_utc();
    let mut kit = app.kit().await.clone();
    kit.context.clock = Clock::manual(noon + TimeDelta::days(days));
    kit
}

/// Looks for what people wait for, and sends what follows.
async fn alert(app: &TestApp, kit: &Kit) {
    let id = app.put(&AlertSavedSearches {}).await;
    assert_eq!(kit.run_one(id).await.state, State::Completed);
    app.run_all_due().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_kept_changed_and_nobody_elses() {
    let app = TestApp::start().await;
    let (ada, bert) = (consumer(&app, "ada").await, consumer(&app, "bert").await);
    let search = json!({"q": " Pivot ", "category": "statistik", "level": 2, "language": "de", "format": "video",
        "creator": "01930000-0000-7000-8000-000000000001", "duration_min": 5, "duration_max": 30});
    let made = ada.post(&app, PATH, &json!({"name": "Pivot <b>", "search": search})).await;
    let path = made.location().to_owned();
    let data = made.data(StatusCode::CREATED);
    let mut kept = search.clone();
    kept["q"] = json!("Pivot");
    assert_eq!((&data["name"], &data["search"], &data["alerts"]), (&json!("Pivot <b>"), &kept, &json!(true)));

    // Every bad field is named.
    for (form, field, code) in [
        (json!({"search": {"q": "x"}}), "name", "MISSING"),
        (json!({"name": "", "search": {"q": "x"}}), "name", "EMPTY"),
        (json!({"name": "x".repeat(101), "search": {"q": "x"}}), "name", "TOO_LONG"),
        (json!({"name": "x"}), "search", "MISSING"),
        (json!({"name": "x", "search": {}}), "search", "EMPTY"),
        (json!({"name": "x", "search": {"q": " "}}), "search", "EMPTY"),
        (json!({"name": "x", "search": "Pivot"}), "search", "TYPE"),
        (json!({"name": "x", "search": {"q": "x".repeat(201)}}), "search.q", "TOO_LONG"),
        (json!({"name": "x", "search": {"level": 4}}), "search.level", "RANGE"),
        (json!({"name": "x", "search": {"language": "fr"}}), "search.language", "CHOICE"),
        (json!({"name": "x", "search": {"creator": "ada"}}), "search.creator", "FORMAT"),
        (json!({"name": "x", "search": {"duration_max": 0}}), "search.duration_max", "RANGE"),
        (json!({"name": "x", "search": {"sort": "newest"}}), "search.sort", "UNKNOWN"),
        (json!({"name": "x", "search": {"q": "x"}, "alerts": "yes"}), "alerts", "TYPE"),
        (json!({"name": "x", "search": {"q": "x"}, "daily": true}), "daily", "UNKNOWN"),
    ] {
        let refused = ada.post(&app, PATH, &form).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED", "{form}");
        let bad = &refused.body["error"]["details"]["fields"][0];
        assert_eq!((&bad["field"], &bad["code"]), (&json!(field), &json!(code)), "{form}");
    }

    // Nobody else finds it.
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(answer(bert.request(&app, method, &path)).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    }
    let refused = send(&app, &bert, Method::PATCH, &path, json!({"name": "Meine"})).await;
    assert_eq!(refused.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    assert_eq!(bert.get(&app, PATH).await.data(StatusCode::OK), &json!([]));

    // Of two edits of the same the second is refused.
    let read = ada.get(&app, &path).await;
    let tag = read.headers[header::ETAG].to_str().unwrap().to_owned();
    let edit = |form: Value| ada.request(&app, Method::PATCH, &path).header(header::IF_MATCH, &tag).json(&form);
    let edited = answer(edit(json!({"name": "Tabellen", "alerts": false}))).await;
    let edited = edited.data(StatusCode::OK);
    assert_eq!((&edited["name"], &edited["alerts"], &edited["search"]), (&json!("Tabellen"), &json!(false), &kept));
    let late = answer(edit(json!({"name": "Zu spät"}))).await;
    assert_eq!(late.error(StatusCode::PRECONDITION_FAILED), "PRECONDITION_FAILED");
    let replaced = send(&app, &ada, Method::PATCH, &path, json!({"search": {"level": 1}})).await;
    assert_eq!(replaced.data(StatusCode::OK)["search"], json!({"level": 1}), "as a whole");
    for (form, field) in [(json!({"search": {}}), "search"), (json!({"name": ""}), "name")] {
        let refused = send(&app, &ada, Method::PATCH, &path, form).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
        assert_eq!(refused.body["error"]["details"]["fields"][0]["field"], field);
    }
    assert_eq!(ada.get(&app, PATH).await.data(StatusCode::OK)[0]["name"], "Tabellen");
    assert_eq!(ada.delete(&app, &path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ada.delete(&app, &path).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");

    // There is an end to them, also for many requests at once; a repeated one makes none.
    let owner: UserId = ada.id.parse().unwrap();
    for _ in 0..23 {
        let search =
            "INSERT INTO saved_searches (id, user_id, name, criteria, alerts, watched_since, created_at, updated_at)
                      VALUES (?, ?, 'x', '{}', FALSE, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))";
        sqlx::query(search).bind(SavedSearchId::new()).bind(owner).execute(app.db.pool()).await.unwrap();
    }
    let form = json!({"name": "Eine mehr", "search": {"q": "x"}});
    let keyed = || ada.request(&app, Method::POST, PATH).header("idempotency-key", "0193f2a0-0000-7000").json(&form);
    let (first, again) = (answer(keyed()).await, answer(keyed()).await);
    assert_eq!(first.data(StatusCode::CREATED)["id"], again.data(StatusCode::CREATED)["id"]);
    let answers = join_all((0..5).map(|_| ada.post(&app, PATH, &form))).await;
    let made = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).count();
    assert!(made <= 1, "{answers:?}");
    while ada.post(&app, PATH, &form).await.status == StatusCode::CREATED {}
    let full = ada.post(&app, PATH, &form).await;
    assert_eq!(full.error(StatusCode::CONFLICT), "COLLECTION_FULL");
    assert_eq!(full.body["error"]["details"]["limit"], 25);
    assert_eq!(ada.get(&app, PATH).await.data(StatusCode::OK).as_array().unwrap().len(), 25);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_of_what_is_new_once_and_once_a_day() {
    let app = TestApp::start().await;
    let mut days = Vec::new();
    for day in 0..6 {
        days.push(on_day(&app, day).await);
    }
    let (ada, bert) = (app.creator("ada").await, consumer(&app, "bert").await);
    published(&app, &ada, "Igel von früher").await;
    let igel = save(&app, &bert, "Alles über Igel", json!({"q": "Igel"})).await;
    let basics = save(&app, &bert, "Grundlagen", json!({"level": 1})).await;
    save(&app, &bert, "Nichts", json!({"q": "Quantenfeldtheorie"})).await;
    save(&app, &ada, "Eigene", json!({"q": "Igel"})).await;
    alert(&app, &days[0]).await;
    assert_eq!(told(&app, &bert).await.0, Vec::<Value>::new(), "what was there before is not new");

    // Each nano once, by the search that was there first, and one mail for all searches.
    let first = published(&app, &ada, "Igel im Wald").await;
    published(&app, &ada, "Dachs im Bau").await;
    alert(&app, &days[0]).await;
    let (list, _) = told(&app, &bert).await;
    assert_eq!(kinds(&list), ["saved_search_found"; 2]);
    let found: Vec<&Value> = list.iter().map(|one| &one["saved_search"]).collect();
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    for (path, name) in [(&igel, "Alles über Igel"), (&basics, "Grundlagen")] {
        let search = json!({"id": id(path), "name": name, "found": 1});
        assert!(found.contains(&&search), "{found:?}");
    }
    let [mail] = &mails(&app, &bert, "for your saved searches")[..] else { panic!("one mail for all searches") };
    let text = mail.text.clone().unwrap();
    assert!(mail.subject.starts_with("2 new nanos"), "{}", mail.subject);
    assert!(text.contains("Igel im Wald") && text.contains("Dachs im Bau") && text.contains(&first), "{text}");
    assert!(!text.contains("von früher"), "{text}");
    assert!(mail.header("List-Unsubscribe").is_some());
    assert!(told(&app, &ada).await.0.iter().all(|one| one["kind"] != "saved_search_found"), "not of her own");

    // Nothing more on this day; on the next what came meanwhile, and never anything twice.
    published(&app, &ada, "Igel im Winter").await;
    for _ in 0..2 {
        alert(&app, &days[0]).await;
    }
    assert_eq!((told(&app, &bert).await.0.len(), mails(&app, &bert, "saved searches").len()), (2, 1));
    for day in [1, 1, 2, 3] {
        alert(&app, &days[day]).await;
        let digests = mails(&app, &bert, "saved searches");
        assert_eq!((told(&app, &bert).await.0.len(), digests.len()), (3, 2), "day {day}");
        assert!(digests[1].subject.starts_with("1 new nano "), "{}", digests[1].subject);
        assert!(!digests[1].text.as_deref().unwrap().contains("Igel im Wald"));
    }

    // One that is switched off, or deleted, says nothing; switched on again it tells of what comes from then on.
    send(&app, &bert, Method::PATCH, &igel, json!({"alerts": false})).await.data(StatusCode::OK);
    assert_eq!(bert.delete(&app, &basics).await.status, StatusCode::NO_CONTENT);
    published(&app, &ada, "Igel im Frühling").await;
    alert(&app, &days[4]).await;
    send(&app, &bert, Method::PATCH, &igel, json!({"alerts": true})).await.data(StatusCode::OK);
    alert(&app, &days[4]).await;
    assert_eq!(told(&app, &bert).await.0.len(), 3);
    published(&app, &ada, "Igel im Sommer").await;
    alert(&app, &days[4]).await;
    let (list, _) = told(&app, &bert).await;
    assert_eq!((list.len(), &list[0]["saved_search"]["name"]), (4, &json!("Alles über Igel")));
    let gone = json!({"id": id(&basics), "name": null, "found": 1});
    assert!(list.iter().any(|one| one["saved_search"] == gone), "{list:?}");

    // Nobody is told who does not want it.
    prefer(&app, &bert, "saved_search_found", json!({"in_app": false, "mail": false})).await.data(StatusCode::OK);
    published(&app, &ada, "Igel im Herbst").await;
    alert(&app, &days[5]).await;
    assert_eq!((told(&app, &bert).await.0.len(), mails(&app, &bert, "saved searches").len()), (4, 3));
    app.finish().await;
}

/// A job beside the one that is live already: as when one was given to others and goes on all the same.
async fn another(app: &TestApp) -> JobId {
    let id = app.put(&AlertSavedSearches {}).await;
    let release = "UPDATE jobs SET unique_live = NULL, unique_hash = NULL WHERE kind = 'alert_saved_searches'";
    database::execute(&app.db, release).await.unwrap();
    id
}

/// How often each person was told, in the app and by mail.
async fn counts(app: &TestApp) -> (i64, i64) {
    let told = "SELECT COUNT(*) FROM notifications WHERE kind = 'saved_search_found'";
    let mails = "SELECT COUNT(*) FROM email_deliveries WHERE template = 'saved_search_found'";
    (database::number(&app.db, told).await.unwrap(), database::number(&app.db, mails).await.unwrap())
}

/// People who wait for one nano that is there.
async fn waiting(app: &TestApp, people: usize) {
    let ada = app.creator("ada").await;
    for n in 0..people {
        let user = consumer(app, &format!("person-{n}")).await;
        save(app, &user, "Igel", json!({"q": "Igel"})).await;
    }
    published(app, &ada, "Igel im Wald").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_at_the_same_time_tell_everybody_once() {
    let app = TestApp::start().await;
    waiting(&app, 6).await;
    let kit = on_day(&app, 0).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(another(&app).await);
    }
    let rows = join_all(ids.into_iter().map(|id| kit.run_one(id))).await;
    for row in rows {
        // Whoever lost a race for a lock is retried.
        assert!(matches!(row.state, State::Completed | State::Retryable | State::Available), "{row:#?}");
    }
    alert(&app, &kit).await;
    assert_eq!(counts(&app).await, (6, 6));
    assert_eq!(app.mail.messages().iter().filter(|mail| mail.subject.contains("saved searches")).count(), 6);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_dies_anywhere_tells_nobody_twice_or_not_at_all() {
    let app = TestApp::start().await;
    waiting(&app, 8).await;
    let day = on_day(&app, 0).await;
    for lived in 0..25 {
        let id = another(&app).await;
        let kit = day.clone();
        let run = tokio::spawn(async move { kit.run_one(id).await });
        tokio::time::sleep(Duration::from_millis(4 * lived)).await;
        run.abort();
        let _ = run.await;
    }
    alert(&app, &day).await;
    assert_eq!(counts(&app).await, (8, 8));
    assert_eq!(app.mail.messages().iter().filter(|mail| mail.subject.contains("saved searches")).count(), 8);
    app.discard().await;
}
