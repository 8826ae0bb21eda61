//! Favourites and lists, and what becomes of nanos on them that go away.

use domain::{
    ids::{ListId, NanoId, UserId},
    user::Role,
};
use futures::future::join_all;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User, client::answer, database};

use super::{consumer, published, send, set_status};

async fn put(app: &TestApp, user: &User, path: &str) -> Answer {
    answer(user.request(app, Method::PUT, path)).await
}

/// Titles in their order; what is off the shelf has none.
fn titles(list: &Value) -> Vec<Option<&str>> {
    list.as_array().unwrap().iter().map(|kept| kept["nano"]["title"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn favourites_are_kept_counted_and_come_back() {
    let app = TestApp::start().await;
    let (ada, bert, cleo) = (app.creator("ada").await, consumer(&app, "bert").await, consumer(&app, "cleo").await);
    let (igel, fuchs) = (published(&app, &ada, "Igel").await, published(&app, &ada, "Fuchs").await);
    let draft = ada.draft(&app, "Dachs").await;
    let path = |nano: &str| format!("/api/v1/favorites/{nano}");
    let count = async |nano: &str| {
        app.get(&format!("/api/v1/nanos/{nano}")).await.data(StatusCode::OK)["favorite_count"].as_u64().unwrap()
    };
    let mine = async |user: &User| user.get(&app, "/api/v1/users/me/favorites").await;

    let nobody = answer(app.request(Method::PUT, &path(&igel))).await;
    assert_eq!(nobody.error(StatusCode::UNAUTHORIZED), "UNAUTHORIZED");
    assert_eq!(put(&app, &bert, &path(&draft)).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    for (user, nano) in [(&bert, &igel), (&bert, &igel), (&bert, &fuchs), (&cleo, &igel), (&ada, &igel)] {
        assert_eq!(put(&app, user, &path(nano)).await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!((count(&igel).await, count(&fuchs).await), (3, 1));
    for (user, is) in [(&bert, true), (&cleo, false)] {
        let seen = user.get(&app, &format!("/api/v1/nanos/{fuchs}")).await;
        assert_eq!(seen.data(StatusCode::OK)["is_favorite"], is);
        assert_eq!(seen.headers[header::CACHE_CONTROL], "private, no-cache");
    }
    assert_eq!(app.get(&format!("/api/v1/nanos/{fuchs}")).await.data(StatusCode::OK).get("is_favorite"), None);
    let list = mine(&bert).await;
    assert_eq!(titles(list.data(StatusCode::OK)), [Some("Fuchs"), Some("Igel")], "the newest first");
    assert_eq!(list.body["meta"]["total"], 2);
    assert_eq!(titles(mine(&cleo).await.data(StatusCode::OK)), [Some("Igel")], "everybody has their own");
    let page = bert.get(&app, "/api/v1/users/me/favorites?limit=1&page=2").await;
    assert_eq!(titles(page.data(StatusCode::OK)), [Some("Igel")]);

    // Off the shelf it keeps its place, and says nothing of itself.
    set_status(&app, &fuchs, "archived").await;
    let list = mine(&bert).await;
    assert_eq!(titles(list.data(StatusCode::OK)), [None, Some("Igel")]);
    assert_eq!(list.body["data"][0]["nano_id"], fuchs);
    set_status(&app, &fuchs, "published").await;
    assert_eq!(titles(mine(&bert).await.data(StatusCode::OK)), [Some("Fuchs"), Some("Igel")]);
    set_status(&app, &fuchs, "deleted").await;
    for _ in 0..2 {
        assert_eq!(bert.delete(&app, &path(&fuchs)).await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(titles(mine(&bert).await.data(StatusCode::OK)), [Some("Igel")]);
    assert_eq!(bert.delete(&app, &path(&igel)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(count(&igel).await, 2);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_arranged_shared_and_taken_back() {
    let app = TestApp::start().await;
    let (ada, bert, admin) =
        (app.creator("ada").await, consumer(&app, "bert").await, app.user("root", Role::Admin).await);
    let mut nanos = Vec::new();
    for title in ["Igel", "Fuchs", "Dachs"] {
        nanos.push(published(&app, &ada, title).await);
    }
    let draft = ada.draft(&app, "Not yet").await;
    let made = bert.post(&app, "/api/v1/lists", &json!({"name": " Tiere <b>im</b> Wald "})).await;
    let list = made.data(StatusCode::CREATED).clone();
    assert_eq!((&list["name"], &list["visibility"]), (&json!("Tiere <b>im</b> Wald"), &json!("private")));
    let path = made.location().to_owned();
    for (name, field) in [(json!(""), "name"), (json!("x".repeat(101)), "name"), (json!(7), "name")] {
        let refused = bert.post(&app, "/api/v1/lists", &json!({ "name": name })).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
        assert_eq!(refused.body["error"]["details"]["fields"][0]["field"], field);
    }

    // Nobody else finds it, an admin neither.
    for user in [&ada, &admin] {
        for (method, tail) in [
            (Method::GET, ""),
            (Method::DELETE, ""),
            (Method::PUT, "/share"),
            (Method::DELETE, "/share"),
            (Method::PUT, &*format!("/nanos/{}", nanos[0])),
            (Method::DELETE, &*format!("/nanos/{}", nanos[0])),
        ] {
            let refused = answer(user.request(&app, method, &format!("{path}{tail}"))).await;
            assert_eq!(refused.error(StatusCode::NOT_FOUND), "NOT_FOUND", "{tail}");
        }
        let refused = send(&app, user, Method::PATCH, &path, json!({"name": "Meine"})).await;
        assert_eq!(refused.error(StatusCode::NOT_FOUND), "NOT_FOUND");
        let refused = send(&app, user, Method::PUT, &format!("{path}/nanos"), json!({ "nano_ids": nanos })).await;
        assert_eq!(refused.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    }

    // Put on it one by one, and arranged.
    for nano in [&nanos[0], &nanos[1], &nanos[0]] {
        assert_eq!(put(&app, &bert, &format!("{path}/nanos/{nano}")).await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(put(&app, &bert, &format!("{path}/nanos/{draft}")).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    let read = bert.get(&app, &path).await;
    assert_eq!(titles(&read.data(StatusCode::OK)["nanos"]), [Some("Igel"), Some("Fuchs")]);
    let tag = read.headers[header::ETAG].to_str().unwrap().to_owned();
    let arrange = |ids: Value| {
        let request = bert.request(&app, Method::PUT, &format!("{path}/nanos")).header(header::IF_MATCH, &tag);
        request.json(&json!({ "nano_ids": ids }))
    };
    let unknown = answer(arrange(json!([nanos[2], draft]))).await;
    assert_eq!(unknown.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    let arranged = answer(arrange(json!([nanos[2], nanos[0], nanos[1]]))).await;
    let expected = [Some("Dachs"), Some("Igel"), Some("Fuchs")];
    assert_eq!(titles(&arranged.data(StatusCode::OK)["nanos"]), expected);
    let late = answer(arrange(json!([nanos[0]]))).await;
    assert_eq!(late.error(StatusCode::PRECONDITION_FAILED), "PRECONDITION_FAILED");
    let renamed = send(&app, &bert, Method::PATCH, &path, json!({"description": "Für draußen."})).await;
    let renamed = renamed.data(StatusCode::OK);
    assert_eq!((&renamed["name"], &renamed["description"]), (&list["name"], &json!("Für draußen.")));

    // Whoever has the link sees it, as it is now, without what is off the shelf.
    let shared = put(&app, &bert, &format!("{path}/share")).await;
    let secret = shared.data(StatusCode::OK)["secret"].as_str().unwrap().to_owned();
    assert_eq!(shared.body["data"]["link"], format!("https://nano.test/shared-lists/{secret}"));
    let open = async |secret: &str| app.get(&format!("/api/v1/shared-lists/{secret}")).await;
    let seen = open(&secret).await;
    assert_eq!(seen.headers["x-robots-tag"], "noindex");
    let names = |answer: &Answer| -> Vec<String> {
        let nanos = answer.data(StatusCode::OK)["nanos"].as_array().unwrap();
        nanos.iter().map(|nano| nano["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&seen), ["Dachs", "Igel", "Fuchs"]);
    assert_eq!(seen.body["data"]["owner"]["username"], "bert");
    set_status(&app, &nanos[0], "archived").await;
    assert_eq!(names(&open(&secret).await), ["Dachs", "Fuchs"]);
    let own = bert.get(&app, &path).await.data(StatusCode::OK).clone();
    assert_eq!((titles(&own["nanos"]), &own["visibility"]), (vec![Some("Dachs"), None, Some("Fuchs")], &json!("link")));
    // It may stay where it is.
    let ids = json!({"nano_ids": [nanos[0], nanos[2]]});
    let kept = send(&app, &bert, Method::PUT, &format!("{path}/nanos"), ids).await;
    assert_eq!(titles(&kept.data(StatusCode::OK)["nanos"]), [None, Some("Dachs")]);
    assert_eq!(bert.delete(&app, &format!("{path}/nanos/{}", nanos[0])).await.status, StatusCode::NO_CONTENT);
    assert_eq!(names(&open(&secret).await), ["Dachs"]);

    // A new link is the only one; none is kept as it is.
    let stored = format!("SELECT COUNT(*) FROM saved_lists WHERE HEX(share_hash) = UPPER('{secret}')");
    assert_eq!(database::number(&app.db, &stored).await.unwrap(), 0);
    let newer = put(&app, &bert, &format!("{path}/share")).await;
    let newer = newer.data(StatusCode::OK)["secret"].as_str().unwrap().to_owned();
    assert_eq!(open(&secret).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    assert_eq!(names(&open(&newer).await), ["Dachs"]);
    for bad in ["x", &newer[1..], &"0".repeat(64)] {
        assert_eq!(open(bad).await.status, StatusCode::NOT_FOUND, "{bad}");
    }
    database::execute(&app.db, "UPDATE users SET status = 'suspended' WHERE username = 'bert'").await.unwrap();
    assert_eq!(open(&newer).await.status, StatusCode::NOT_FOUND, "whoever is suspended shows nothing");
    database::execute(&app.db, "UPDATE users SET status = 'active' WHERE username = 'bert'").await.unwrap();
    for _ in 0..2 {
        assert_eq!(bert.delete(&app, &format!("{path}/share")).await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(open(&newer).await.status, StatusCode::NOT_FOUND);
    let mine = bert.get(&app, "/api/v1/users/me/lists").await;
    assert_eq!(
        (mine.body["data"].as_array().unwrap().len(), &mine.body["data"][0]["visibility"]),
        (1, &json!("private"))
    );

    assert_eq!(bert.delete(&app, &path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(bert.delete(&app, &path).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    assert_eq!(database::number(&app.db, "SELECT COUNT(*) FROM saved_list_nanos").await.unwrap(), 0);
    let audited = "SELECT COUNT(*) FROM audit_log WHERE action IN ('list.share', 'list.unshare')";
    assert_eq!(database::number(&app.db, audited).await.unwrap(), 3);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_have_bounds() {
    let app = TestApp::start().await;
    let (ada, bert) = (app.creator("ada").await, consumer(&app, "bert").await);
    let nano = published(&app, &ada, "Igel").await;
    let first = bert.post(&app, "/api/v1/lists", &json!({"name": "Voll"})).await.location().to_owned();
    let owner: UserId = bert.id.parse().unwrap();
    for _ in 1..100 {
        let list = "INSERT INTO saved_lists (id, user_id, name, created_at, updated_at)
                    VALUES (?, ?, 'x', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))";
        sqlx::query(list).bind(ListId::new()).bind(owner).execute(app.db.pool()).await.unwrap();
    }
    let full = bert.post(&app, "/api/v1/lists", &json!({"name": "Eine mehr"})).await;
    assert_eq!(full.error(StatusCode::CONFLICT), "COLLECTION_FULL");
    assert_eq!(full.body["error"]["details"]["limit"], 100);

    let id: ListId = first.rsplit('/').next().unwrap().parse().unwrap();
    for position in 0..200 {
        let entry = "INSERT INTO saved_list_nanos (list_id, nano_id, position, added_at)
                     VALUES (?, ?, ?, UTC_TIMESTAMP(6))";
        sqlx::query(entry).bind(id).bind(NanoId::new()).bind(position).execute(app.db.pool()).await.unwrap();
    }
    let full = put(&app, &bert, &format!("{first}/nanos/{nano}")).await;
    assert_eq!(full.error(StatusCode::CONFLICT), "COLLECTION_FULL");
    assert_eq!(full.body["error"]["details"]["limit"], 200);
    let read = bert.get(&app, &first).await;
    assert_eq!(read.data(StatusCode::OK)["nanos"].as_array().unwrap().len(), 200);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hands_at_once_lose_nothing() {
    let app = TestApp::start().await;
    let (ada, bert) = (app.creator("ada").await, consumer(&app, "bert").await);
    let mut nanos = Vec::new();
    for n in 0..8 {
        nanos.push(published(&app, &ada, &format!("Igel {n}")).await);
    }
    // The same favourite, many times at once: there is one, and it counts once; and so when it is taken back.
    let path = format!("/api/v1/favorites/{}", nanos[0]);
    for (method, left) in [(Method::PUT, 1), (Method::DELETE, 0), (Method::PUT, 1)] {
        let answers = join_all((0..20).map(|_| answer(bert.request(&app, method.clone(), &path)))).await;
        let fine = [StatusCode::NO_CONTENT, StatusCode::SERVICE_UNAVAILABLE];
        assert!(answers.iter().all(|answer| fine.contains(&answer.status)), "{answers:?}");
        assert_eq!(database::number(&app.db, "SELECT COUNT(*) FROM favorites").await.unwrap(), left);
        let shown = app.get(&format!("/api/v1/nanos/{}", nanos[0])).await;
        assert_eq!(shown.data(StatusCode::OK)["favorite_count"], left);
    }

    // Put on a list at once from several tabs: all are on it, each at a place of its own.
    let list = bert.post(&app, "/api/v1/lists", &json!({"name": "Tiere"})).await.location().to_owned();
    let insist = async |nano: &String| {
        while put(&app, &bert, &format!("{list}/nanos/{nano}")).await.status != StatusCode::NO_CONTENT {}
    };
    join_all(nanos.iter().chain(&nanos).map(insist)).await;
    let read = bert.get(&app, &list).await;
    assert_eq!(read.data(StatusCode::OK)["nanos"].as_array().unwrap().len(), nanos.len());
    let places = "SELECT COUNT(DISTINCT position) FROM saved_list_nanos";
    assert_eq!(database::number(&app.db, places).await.unwrap(), 8);

    // Arranged from several tabs that have read the same: one of them wins, whole, and the others are told.
    let tag = read.headers[header::ETAG].to_str().unwrap().to_owned();
    let orders: Vec<Vec<String>> = (0..nanos.len())
        .map(|n| {
            let mut order = nanos.clone();
            order.rotate_left(n);
            order
        })
        .collect();
    let arrange = async |order: &Vec<String>| {
        let request = bert.request(&app, Method::PUT, &format!("{list}/nanos")).header(header::IF_MATCH, &tag);
        answer(request.json(&json!({ "nano_ids": order }))).await
    };
    let answers = join_all(orders.iter().map(arrange)).await;
    let won: Vec<_> = (0..orders.len()).filter(|n| answers[*n].status == StatusCode::OK).collect();
    let [winner] = won.as_slice() else { panic!("one wins: {answers:?}") };
    for late in answers.iter().filter(|answer| answer.status != StatusCode::OK) {
        let told = [StatusCode::PRECONDITION_FAILED, StatusCode::SERVICE_UNAVAILABLE];
        assert!(told.contains(&late.status), "{late:?}");
    }
    let read = bert.get(&app, &list).await.data(StatusCode::OK).clone();
    let there: Vec<&str> =
        read["nanos"].as_array().unwrap().iter().map(|kept| kept["nano_id"].as_str().unwrap()).collect();
    assert_eq!(there, orders[*winner]);
    app.discard().await;
}
