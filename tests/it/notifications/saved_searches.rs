//! Saved searches, and what they tell people of.

use std::time::Duration;

use chrono::TimeDelta;
use db::clock::Clock;
use domain::ids::{SavedSearchId, UserId};
use futures_util::future::join_all;
use jobs::AlertSavedSearches;
use queue::ledger::State;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tests::{TestApp, User, app::Overrides, client::answer, database};

use super::{consumer, kinds, mails, prefer, published, send, told};

const PATH: &str = "/api/v1/me/saved-searches";

async fn save(app: &TestApp, user: &User, name: &str, search: Value) -> String {
    let made = user.post(app, PATH, &json!({ "name": name, "search": search })).await;
    made.data(StatusCode::CREATED);
    made.location().to_owned()
}

/// Looks for what people wait for, and sends what follows.
async fn alert(app: &TestApp) {
    let id = app.put(&AlertSavedSearches {}).await;
    assert_eq!(app.run_one(id).await.state, State::Completed);
    app.run_all_due().await;
}

/// A marketplace whose time is moved by hand, so that there are days.
async fn app() -> TestApp {
    let noon = "2026-11-22T12:00:00Z".parse().unwrap();
    TestApp::start_with(Overrides { clock: Clock::manual(noon), ..Overrides::default() }).await
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
        let search = "INSERT INTO saved_searches (id, user_id, name, criteria, alerts, watched_since, created_at, updated_at)
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
    let app = app().await;
    let (ada, bert) = (app.creator("ada").await, consumer(&app, "bert").await);
    published(&app, &ada, "Igel von früher").await;
    app.advance(TimeDelta::minutes(1));
    let igel = save(&app, &bert, "Alles über Igel", json!({"q": "Igel"})).await;
    save(&app, &bert, "Grundlagen", json!({"level": 1})).await;
    save(&app, &bert, "Nichts", json!({"q": "Quantenfeldtheorie"})).await;
    save(&app, &ada, "Eigene", json!({"q": "Igel"})).await;
    app.advance(TimeDelta::minutes(1));
    alert(&app).await;
    assert_eq!(told(&app, &bert).await.0, Vec::<Value>::new(), "what was there before is not new");

    let first = published(&app, &ada, "Igel im Wald").await;
    published(&app, &ada, "Dachs im Bau").await;
    alert(&app).await;
    let (list, _) = told(&app, &bert).await;
    assert_eq!(kinds(&list), ["saved_search_found"; 2]);
    let mut found: Vec<(&str, u64)> = list
        .iter()
        .map(|one| (one["saved_search"]["name"].as_str().unwrap(), one["saved_search"]["found"].as_u64().unwrap()))
        .collect();
    found.sort_unstable();
    assert_eq!(found.iter().map(|(_, count)| count).sum::<u64>(), 2, "each nano once, whatever finds it: {found:?}");
    let [mail] = &mails(&app, &bert, "for your saved searches")[..] else { panic!("one mail for all searches") };
    let text = mail.text.clone().unwrap();
    assert!(mail.subject.starts_with("2 new nanos"), "{}", mail.subject);
    assert!(text.contains("Igel im Wald") && text.contains("Dachs im Bau") && text.contains(&first), "{text}");
    assert!(!text.contains("von früher"), "{text}");
    assert!(mail.header("List-Unsubscribe").is_some());
    assert!(told(&app, &ada).await.0.iter().all(|one| one["kind"] != "saved_search_found"), "not of her own");

    // Nothing more on this day; on the next what came meanwhile, and nothing twice.
    app.advance(TimeDelta::hours(1));
    published(&app, &ada, "Igel im Winter").await;
    for _ in 0..2 {
        alert(&app).await;
    }
    assert_eq!((told(&app, &bert).await.0.len(), mails(&app, &bert, "saved searches").len()), (2, 1));
    app.advance(TimeDelta::days(1));
    for _ in 0..2 {
        alert(&app).await;
    }
    let digests = mails(&app, &bert, "saved searches");
    assert_eq!(digests.len(), 2);
    assert!(digests[1].subject.starts_with("1 new nano "), "{}", digests[1].subject);
    assert!(!digests[1].text.as_deref().unwrap().contains("Igel im Wald"));
    for _ in 0..9 {
        app.advance(TimeDelta::days(1));
        alert(&app).await;
    }
    assert_eq!(mails(&app, &bert, "saved searches").len(), 2);

    // A changed search begins anew, one that is switched off says nothing, and a deleted one is named no more.
    let was = told(&app, &bert).await.0.len();
    send(&app, &bert, Method::PATCH, &igel, json!({"alerts": false})).await.data(StatusCode::OK);
    let others = bert.get(&app, PATH).await.data(StatusCode::OK).clone();
    for other in others.as_array().unwrap().iter().filter(|other| other["name"] == "Grundlagen") {
        let path = format!("{PATH}/{}", other["id"].as_str().unwrap());
        assert_eq!(bert.delete(&app, &path).await.status, StatusCode::NO_CONTENT);
    }
    published(&app, &ada, "Igel im Frühling").await;
    alert(&app).await;
    assert_eq!(told(&app, &bert).await.0.len(), was);
    app.advance(TimeDelta::minutes(1));
    send(&app, &bert, Method::PATCH, &igel, json!({"alerts": true})).await.data(StatusCode::OK);
    app.advance(TimeDelta::minutes(1));
    alert(&app).await;
    assert_eq!(told(&app, &bert).await.0.len(), was, "of what is published from then on");
    published(&app, &ada, "Igel im Sommer").await;
    alert(&app).await;
    let (list, _) = told(&app, &bert).await;
    assert_eq!((list.len(), &list[0]["saved_search"]["name"]), (was + 1, &json!("Alles über Igel")));
    assert!(list.iter().any(|one| one["saved_search"]["name"].is_null()), "{list:?}");

    // Nobody is told who wants it by neither channel, or may not sign in.
    prefer(&app, &bert, "saved_search_found", json!({"in_app": false, "mail": false})).await.data(StatusCode::OK);
    app.advance(TimeDelta::days(1));
    published(&app, &ada, "Igel im Herbst").await;
    alert(&app).await;
    assert_eq!((told(&app, &bert).await.0.len(), mails(&app, &bert, "saved searches").len()), (was + 1, 3));
    app.finish().await;
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
    app.advance(TimeDelta::minutes(1));
    published(app, &ada, "Igel im Wald").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_at_the_same_time_tell_everybody_once() {
    let app = app().await;
    waiting(&app, 6).await;
    let kit = app.kit().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(app.put(&AlertSavedSearches {}).await);
    }
    let rows = join_all(ids.into_iter().map(|id| kit.run_one(id))).await;
    for row in rows {
        // Whoever lost a race for a lock is retried.
        assert!(matches!(row.state, State::Completed | State::Retryable | State::Available), "{row:#?}");
    }
    app.run_all_due().await;
    alert(&app).await;
    assert_eq!(counts(&app).await, (6, 6));
    assert_eq!(app.mail.messages().iter().filter(|mail| mail.subject.contains("saved searches")).count(), 6);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_dies_anywhere_tells_nobody_twice_or_not_at_all() {
    let app = app().await;
    waiting(&app, 8).await;
    let kit = app.kit().await.clone();
    for lived in 0..25 {
        let id = app.put(&AlertSavedSearches {}).await;
        let kit = kit.clone();
        let run = tokio::spawn(async move { kit.run_one(id).await });
        tokio::time::sleep(Duration::from_millis(4 * lived)).await;
        run.abort();
        let _ = run.await;
    }
    alert(&app).await;
    assert_eq!(counts(&app).await, (8, 8));
    assert_eq!(app.mail.messages().iter().filter(|mail| mail.subject.contains("saved searches")).count(), 8);
    app.discard().await;
}
