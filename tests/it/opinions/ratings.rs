//! Ratings as people write, read and change them.

use domain::user::Role;
use jobs::IndexRated;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tests::{TestApp, app::PATIENCE, archives, client::answer, database};

use super::{consumer, figures, published, rate, rated, scanned, send, set_status};

async fn audited(app: &TestApp, action: &str) -> i64 {
    database::number(&app.db, &format!("SELECT COUNT(*) FROM audit_log WHERE action = '{action}'")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rating_is_written_read_changed_and_deleted() {
    let app = TestApp::start().await;
    let (ada, bert) = (app.creator("ada").await, consumer(&app, "bert").await);
    let nano = published(&app, &ada, "Igel").await;
    let list = format!("/api/v1/nanos/{nano}/ratings");
    let none = app.get(&list).await;
    assert_eq!(none.data(StatusCode::OK)["rating_count"], 0);
    assert_eq!(figures(&app, &nano).await, (0.0, 0, vec![0; 5]));

    let made = rate(&app, &bert, &nano, json!({"score": 4, "comment": "Kurz\r\nund klar."})).await;
    let rating = made.data(StatusCode::CREATED).clone();
    let path = format!("/api/v1/ratings/{}", rating["id"].as_str().unwrap());
    assert_eq!(made.location(), path);
    assert_eq!((&rating["score"], &rating["comment"]), (&json!(4), &json!("")), "the comment is looked at first");
    assert_eq!(rating["pending"][0]["text"], "Kurz\nund klar.");
    assert_eq!(rating["author"]["username"], "bert");
    // The score counts at once, everywhere; the index follows.
    assert_eq!(figures(&app, &nano).await, (4.0, 1, vec![0, 0, 0, 1, 0]));
    let detail = app.get(&format!("/api/v1/nanos/{nano}")).await.data(StatusCode::OK).clone();
    assert_eq!((&detail["average_rating"], &detail["rating_count"]), (&json!(4.0), &json!(1)));
    assert_eq!(detail["revision"], 1, "a rating is no edit: its creator's next one is not refused for it");
    let shelf = app.get("/api/v1/nanos?sort=rating").await.data(StatusCode::OK).clone();
    assert_eq!((&shelf[0]["average_rating"], &shelf[0]["rating_count"]), (&json!(4.0), &json!(1)));
    app.assert_enqueued::<IndexRated>(|job| job.nano_id.to_string() == nano).await;
    let public = app.get(&path).await;
    assert_eq!(public.data(StatusCode::OK).get("pending"), None, "nobody else reads what nobody has looked at");
    scanned(&app).await;
    assert_eq!(app.get(&path).await.data(StatusCode::OK)["comment"], "Kurz\nund klar.");

    // An answer that is known stays known until something has changed.
    let listed = app.get(&list).await;
    let known = listed.headers[header::ETAG].to_str().unwrap().to_owned();
    let again = answer(app.request(Method::GET, &list).header(header::IF_NONE_MATCH, &known)).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);

    let read = bert.get(&app, &path).await;
    let tag = read.headers[header::ETAG].to_str().unwrap().to_owned();
    let edit = |form: Value| bert.request(&app, Method::PATCH, &path).header(header::IF_MATCH, &tag).json(&form);
    let changed = answer(edit(json!({"score": 2, "comment": "Doch nicht."}))).await;
    let shown = changed.data(StatusCode::OK);
    assert_eq!((&shown["score"], &shown["revision"]), (&json!(2), &json!(2)));
    assert_eq!((&shown["comment"], &shown["pending"][0]["text"]), (&json!("Kurz\nund klar."), &json!("Doch nicht.")));
    assert_eq!(answer(edit(json!({"score": 1}))).await.error(StatusCode::PRECONDITION_FAILED), "PRECONDITION_FAILED");
    assert_eq!(figures(&app, &nano).await, (2.0, 1, vec![0, 1, 0, 0, 0]));
    let fresh = answer(app.request(Method::GET, &list).header(header::IF_NONE_MATCH, &known)).await;
    assert_eq!(fresh.status, StatusCode::OK);
    // Without a comment again: nothing is left to look at.
    let emptied = send(&app, &bert, Method::PATCH, &path, json!({"comment": ""})).await;
    let shown = emptied.data(StatusCode::OK);
    assert_eq!((&shown["comment"], shown.get("pending"), &shown["score"]), (&json!(""), None, &json!(2)));

    let own = bert.get(&app, &list).await;
    assert_eq!(own.data(StatusCode::OK)["own"]["id"], rating["id"]);
    assert_eq!(ada.get(&app, &list).await.data(StatusCode::OK).get("own"), None);

    assert_eq!(bert.delete(&app, &path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get(&path).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    assert_eq!(figures(&app, &nano).await, (0.0, 0, vec![0; 5]));
    for table in ["ratings", "rating_words", "rating_votes"] {
        assert_eq!(database::number(&app.db, &format!("SELECT COUNT(*) FROM {table}")).await.unwrap(), 0, "{table}");
    }
    // One may think again.
    rated(&app, &bert, &nano, 5).await;
    for (action, times) in [("rating.create", 2), ("rating.edit", 2), ("rating.delete", 1)] {
        assert_eq!(audited(&app, action).await, times, "{action}");
    }
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_rate_answer_and_remove() {
    let app = TestApp::start().await;
    let (ada, bert, cleo) = (app.creator("ada").await, consumer(&app, "bert").await, app.creator("cleo").await);
    let (moderator, operator) = (app.user("mod", Role::Moderator).await, app.user("ops", Role::Operator).await);
    let admin = app.user("root", Role::Admin).await;
    let nano = published(&app, &ada, "Igel").await;
    let form = json!({"score": 3});

    let nobody = app.post(&format!("/api/v1/nanos/{nano}/ratings"), &form).await;
    assert_eq!(nobody.error(StatusCode::UNAUTHORIZED), "UNAUTHORIZED");
    assert_eq!(rate(&app, &ada, &nano, form.clone()).await.error(StatusCode::FORBIDDEN), "OWN_NANO");
    let draft = ada.draft(&app, "Not yet").await;
    for status in ["draft", "archived", "deleted"] {
        set_status(&app, &draft, status).await;
        assert_eq!(rate(&app, &bert, &draft, form.clone()).await.error(StatusCode::NOT_FOUND), "NOT_FOUND", "{status}");
        assert_eq!(app.get(&format!("/api/v1/nanos/{draft}/ratings")).await.status, StatusCode::NOT_FOUND);
    }
    database::execute(&app.db, "UPDATE users SET email_verified_at = NULL WHERE username = 'cleo'").await.unwrap();
    assert_eq!(rate(&app, &cleo, &nano, form.clone()).await.error(StatusCode::FORBIDDEN), "EMAIL_NOT_VERIFIED");
    database::execute(&app.db, "UPDATE users SET email_verified_at = UTC_TIMESTAMP(6)").await.unwrap();

    let id = rated(&app, &bert, &nano, 3).await;
    let path = format!("/api/v1/ratings/{id}");
    let twice = rate(&app, &bert, &nano, json!({"score": 5})).await;
    assert_eq!(twice.error(StatusCode::CONFLICT), "RATING_EXISTS");
    assert_eq!(twice.body["error"]["details"]["rating_id"], id);

    // Others change nothing. An admin may, and says what they have read.
    for user in [&ada, &cleo, &moderator, &operator] {
        let refused = send(&app, user, Method::PATCH, &path, json!({"score": 1})).await;
        assert_eq!(refused.error(StatusCode::FORBIDDEN), "FORBIDDEN");
    }
    let blind = send(&app, &admin, Method::PATCH, &path, json!({"score": 1})).await;
    assert_eq!(blind.error(StatusCode::PRECONDITION_REQUIRED), "PRECONDITION_REQUIRED");
    let sighted = admin.request(&app, Method::PATCH, &path).header(header::IF_MATCH, "\"1\"");
    assert_eq!(answer(sighted.json(&json!({"score": 2}))).await.data(StatusCode::OK)["score"], 2);

    // The reply is the creator's.
    let reply = format!("{path}/reply");
    for user in [&bert, &cleo, &moderator] {
        let refused = send(&app, user, Method::PUT, &reply, json!({"text": "Danke!"})).await;
        assert_eq!(refused.error(StatusCode::FORBIDDEN), "FORBIDDEN");
    }
    let answered = send(&app, &ada, Method::PUT, &reply, json!({"text": "Danke!"})).await;
    assert_eq!(answered.data(StatusCode::OK)["pending"][0]["part"], "reply");
    assert_eq!(bert.get(&app, &path).await.data(StatusCode::OK).get("pending"), None, "not the rater's to see yet");
    scanned(&app).await;
    let shown = app.get(&path).await.data(StatusCode::OK).clone();
    assert_eq!(shown["reply"], "Danke!");
    assert!(shown["replied_at"].is_string());
    let taken_back = send(&app, &ada, Method::PUT, &reply, json!({"text": ""})).await;
    assert_eq!((&taken_back.body["data"]["reply"], &taken_back.body["data"]["replied_at"]), (&json!(""), &Value::Null));

    // Helpful: once each, and not one's own.
    let (helpful, listing) = (format!("{path}/helpful"), format!("/api/v1/nanos/{nano}/ratings"));
    let vote = async |user: &tests::User, method: Method| answer(user.request(&app, method, &helpful)).await;
    assert_eq!(vote(&bert, Method::PUT).await.error(StatusCode::FORBIDDEN), "OWN_RATING");
    for (user, method, count) in [
        (&ada, Method::PUT, 1),
        (&ada, Method::PUT, 1),
        (&cleo, Method::PUT, 2),
        (&ada, Method::DELETE, 1),
        (&ada, Method::DELETE, 1),
    ] {
        let said = vote(user, method.clone()).await;
        let expected = json!({"rating_id": id, "helpful": method == Method::PUT, "helpful_count": count});
        assert_eq!(said.data(StatusCode::OK), &expected);
    }

    for (user, found) in [(&ada, None), (&cleo, Some(json!([id])))] {
        assert_eq!(user.get(&app, &listing).await.data(StatusCode::OK).get("found_helpful"), found.as_ref());
    }

    // Removed by a moderator, with a reason that its writer is told.
    for user in [&ada, &cleo, &operator] {
        assert_eq!(user.delete(&app, &path).await.error(StatusCode::FORBIDDEN), "FORBIDDEN");
    }
    let silent = moderator.delete(&app, &path).await;
    assert_eq!(silent.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    assert_eq!(silent.body["error"]["details"]["fields"][0]["field"], "reason");
    let removal = format!("{path}?reason=Werbung");
    assert_eq!(moderator.delete(&app, &removal).await.status, StatusCode::NO_CONTENT);
    assert_eq!(figures(&app, &nano).await, (0.0, 0, vec![0; 5]));
    let listed = app.get(&format!("/api/v1/nanos/{nano}/ratings")).await;
    assert_eq!(listed.data(StatusCode::OK)["ratings"], json!([]));
    assert_eq!(ada.get(&app, &path).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    let own = bert.get(&app, &path).await.data(StatusCode::OK).clone();
    assert_eq!((&own["status"], &own["removal_reason"]), (&json!("removed"), &json!("Werbung")));
    assert_eq!(rate(&app, &bert, &nano, form).await.error(StatusCode::CONFLICT), "RATING_REMOVED");
    let late = send(&app, &bert, Method::PATCH, &path, json!({"score": 5})).await;
    assert_eq!(late.error(StatusCode::CONFLICT), "RATING_REMOVED");
    assert_eq!(bert.delete(&app, &path).await.error(StatusCode::CONFLICT), "RATING_REMOVED");
    assert_eq!(vote(&cleo, Method::DELETE).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    app.run_all_due().await;
    let mails = app.mail.messages();
    assert!(mails.iter().any(|mail| mail.text.as_deref().is_some_and(|text| text.contains("Werbung"))));
    assert_eq!((audited(&app, "rating.remove").await, audited(&app, "rating.reply").await), (1, 2));

    // Nobody takes away what speaks against their own nano.
    let judge = published(&app, &moderator, "Of a moderator").await;
    let against = rated(&app, &bert, &judge, 1).await;
    let refused = moderator.delete(&app, &format!("/api/v1/ratings/{against}?reason=Unfair")).await;
    assert_eq!(refused.error(StatusCode::FORBIDDEN), "OWN_NANO");
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_named_and_text_stays_text() {
    let app = TestApp::start().await;
    let (ada, bert) = (app.creator("ada").await, consumer(&app, "bert").await);
    let nano = published(&app, &ada, "Igel").await;
    for (form, field, code) in [
        (json!({}), "score", "MISSING"),
        (json!({"score": 0}), "score", "RANGE"),
        (json!({"score": 6}), "score", "RANGE"),
        (json!({"score": 4.5}), "score", "TYPE"),
        (json!({"score": "4"}), "score", "TYPE"),
        (json!({"score": 4, "comment": "x".repeat(501)}), "comment", "TOO_LONG"),
        (json!({"score": 4, "comment": "a\u{202E}b"}), "comment", "CHARACTER"),
        (json!({"score": 4, "status": "published"}), "status", "UNKNOWN"),
    ] {
        let refused = rate(&app, &bert, &nano, form.clone()).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED", "{form}");
        let bad = &refused.body["error"]["details"]["fields"][0];
        assert_eq!((&bad["field"], &bad["code"]), (&json!(field), &json!(code)), "{form}");
    }
    let list = format!("/api/v1/nanos/{nano}/ratings");
    assert_eq!(app.get(&format!("{list}?sort=fastest")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    for cursor in ["x", "newest.0.x", "best.5.019aa1c25d107c3e8f210b6f2d9e4a11"] {
        let refused = app.get(&format!("{list}?cursor={cursor}")).await;
        assert_eq!(refused.error(StatusCode::BAD_REQUEST), "CURSOR_INVALID", "{cursor}");
    }
    assert_eq!(database::number(&app.db, "SELECT COUNT(*) FROM ratings").await.unwrap(), 0);

    let markup = "<script>alert(1)</script> <img src=x onerror=alert(2)> & \"quoted\"";
    let made = rate(&app, &bert, &nano, json!({"score": 5, "comment": markup})).await;
    let id = made.data(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
    let reply = format!("/api/v1/ratings/{id}/reply");
    send(&app, &ada, Method::PUT, &reply, json!({"text": markup})).await.data(StatusCode::OK);
    scanned(&app).await;
    let listed = app.get(&list).await;
    let shown = &listed.data(StatusCode::OK)["ratings"][0];
    assert_eq!((&shown["comment"], &shown["reply"]), (&json!(markup), &json!(markup)));
    assert_eq!(listed.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(listed.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_on_without_gaps_in_every_order() {
    let app = TestApp::start().await;
    let ada = app.creator("ada").await;
    let nano = published(&app, &ada, "Igel").await;
    let mut ids = Vec::new();
    for (name, score) in [("bert", 3), ("cleo", 5), ("dora", 3), ("emil", 1), ("fred", 5)] {
        ids.push(rated(&app, &consumer(&app, name).await, &nano, score).await);
    }
    for liked in [&ids[0], &ids[3]] {
        let path = format!("/api/v1/ratings/{liked}/helpful");
        answer(ada.request(&app, Method::PUT, &path)).await.data(StatusCode::OK);
    }
    let list = format!("/api/v1/nanos/{nano}/ratings");
    for (sort, order) in [
        ("newest", [4, 3, 2, 1, 0]),
        ("helpful", [3, 0, 4, 2, 1]),
        ("best", [4, 1, 2, 0, 3]),
        ("worst", [3, 0, 2, 1, 4]),
    ] {
        let expected: Vec<&str> = order.iter().map(|place| ids[*place].as_str()).collect();
        let read = |answer: &tests::Answer| -> Vec<String> {
            let ratings = answer.data(StatusCode::OK)["ratings"].as_array().unwrap();
            ratings.iter().map(|rating| rating["id"].as_str().unwrap().to_owned()).collect()
        };
        let mut by_page = Vec::new();
        for page in 1..=3 {
            let answer = app.get(&format!("{list}?sort={sort}&limit=2&page={page}")).await;
            assert_eq!(answer.body["meta"]["total"], 5);
            by_page.extend(read(&answer));
        }
        assert_eq!(by_page, expected, "{sort}");
        let first = app.get(&format!("{list}?sort={sort}&limit=2")).await;
        let (mut by_cursor, mut next) = (read(&first), first.body["meta"]["next_cursor"].as_str().map(str::to_owned));
        while let Some(cursor) = next {
            let answer = app.get(&format!("{list}?sort={sort}&limit=2&cursor={cursor}")).await;
            by_cursor.extend(read(&answer));
            next = answer.body["meta"]["next_cursor"].as_str().map(str::to_owned);
            let link = answer.headers[header::LINK].to_str().unwrap();
            assert_eq!(link.contains("rel=\"next\""), next.is_some(), "{link}");
        }
        assert_eq!(by_cursor, expected, "{sort}");
    }
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_index_follows_the_ratings() {
    let app = TestApp::start().await;
    let (ada, bert) = (app.creator("ada").await, consumer(&app, "bert").await);
    let worker = app.worker().await;
    let first = ada.submit(&app, "Igel im Winter", archives::unit_with(&[("a.txt", b"One.")])).await;
    let second = ada.submit(&app, "Igel im Sommer", archives::unit_with(&[("b.txt", b"Two.")])).await;
    for nano in [&first, &second] {
        app.wait_for_status(&ada, nano, &["published"]).await;
    }
    app.drained().await;
    // Whichever of them comes first without ratings: each in turn is the better one.
    for (better, worse) in [(&first, &second), (&second, &first)] {
        for (nano, score) in [(better, 5), (worse, 1)] {
            let list = format!("/api/v1/nanos/{nano}/ratings");
            match bert.get(&app, &list).await.data(StatusCode::OK)["own"]["id"].as_str() {
                None => drop(rated(&app, &bert, nano, score).await),
                Some(own) => {
                    let path = format!("/api/v1/ratings/{own}");
                    send(&app, &bert, Method::PATCH, &path, json!({ "score": score })).await.data(StatusCode::OK);
                }
            }
        }
        let looking = async {
            loop {
                let found = app.get("/api/v1/search?q=Igel&sort=rating").await;
                let hits = found.data(StatusCode::OK)["hits"].as_array().unwrap().clone();
                if hits.len() == 2 && hits[0]["id"] == better.as_str() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("the better one is found first");
    }
    app.drained().await;
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_more_than_their_share() {
    let overrides =
        tests::app::Overrides { settings: Some(|settings| settings.ratings_per_hour = 3), ..Default::default() };
    let app = TestApp::start_with(overrides).await;
    let (ada, bert, cleo) = (app.creator("ada").await, consumer(&app, "bert").await, consumer(&app, "cleo").await);
    let nano = published(&app, &ada, "Igel").await;
    let path = format!("/api/v1/ratings/{}", rated(&app, &bert, &nano, 1).await);
    for score in [2, 3] {
        send(&app, &bert, Method::PATCH, &path, json!({ "score": score })).await.data(StatusCode::OK);
    }
    let refused = send(&app, &bert, Method::PATCH, &path, json!({"score": 4})).await;
    assert_eq!(refused.error(StatusCode::TOO_MANY_REQUESTS), "RATE_LIMITED");
    assert!(refused.headers.contains_key(header::RETRY_AFTER));
    rated(&app, &cleo, &nano, 5).await;
    assert_eq!(bert.delete(&app, &path).await.status, StatusCode::NO_CONTENT, "taking back is always possible");
    app.discard().await;
}

/// Whoever asks without a token is answered from what is kept for everybody, at whatever process.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_for_everybody_follows_each_change() {
    let app = TestApp::start().await;
    let other = app.another_api().await;
    let (ada, bert, cleo) = (app.creator("ada").await, consumer(&app, "bert").await, consumer(&app, "cleo").await);
    let moderator = app.user("mod", Role::Moderator).await;
    let (igel, fuchs) = (published(&app, &ada, "Igel").await, published(&app, &ada, "Fuchs").await);
    let (own, favorite) = (format!("/api/v1/nanos/{igel}"), format!("/api/v1/favorites/{igel}"));
    // Average, count and favourites of one nano, and which is the best one.
    let said = async || {
        let mut answers = Vec::new();
        for at in [&app.url, &other.url] {
            let detail = answer(app.http.get(format!("{at}{own}"))).await.data(StatusCode::OK).clone();
            let list =
                answer(app.http.get(format!("{at}/api/v1/nanos?sort=rating"))).await.data(StatusCode::OK).clone();
            let card = list.as_array().unwrap().iter().find(|card| card["id"] == igel.as_str()).unwrap();
            for field in ["average_rating", "rating_count"] {
                assert_eq!(card[field], detail[field], "{field}");
            }
            let number = |field: &str| detail[field].as_f64().unwrap();
            let figures = (number("average_rating"), number("rating_count"), number("favorite_count"));
            answers.push((figures, list[0]["title"].as_str().unwrap().to_owned()));
        }
        assert_eq!(answers[0], answers[1]);
        answers.swap_remove(0)
    };
    rated(&app, &bert, &fuchs, 3).await;
    assert_eq!(said().await, ((0.0, 0.0, 0.0), "Fuchs".into()));
    let first = format!("/api/v1/ratings/{}", rated(&app, &bert, &igel, 4).await);
    assert_eq!(said().await, ((4.0, 1.0, 0.0), "Igel".into()));
    let second = format!("/api/v1/ratings/{}", rated(&app, &cleo, &igel, 5).await);
    assert_eq!(said().await, ((4.5, 2.0, 0.0), "Igel".into()));
    send(&app, &bert, Method::PATCH, &first, json!({"score": 1})).await.data(StatusCode::OK);
    assert_eq!(said().await, ((3.0, 2.0, 0.0), "Igel".into()), "more have given the same");
    assert_eq!(moderator.delete(&app, &format!("{second}?reason=Werbung")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(said().await, ((1.0, 1.0, 0.0), "Fuchs".into()));
    assert_eq!(bert.delete(&app, &first).await.status, StatusCode::NO_CONTENT);
    assert_eq!(said().await, ((0.0, 0.0, 0.0), "Fuchs".into()));
    answer(cleo.request(&app, Method::PUT, &favorite)).await;
    assert_eq!(said().await.0, (0.0, 0.0, 1.0));
    assert_eq!(cleo.delete(&app, &favorite).await.status, StatusCode::NO_CONTENT);
    assert_eq!(said().await.0, (0.0, 0.0, 0.0));
    other.stop().await;
    app.discard().await;
}
