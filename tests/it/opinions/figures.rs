//! The figures that ratings amount to are exact, whatever happens at once; and what should never be wrong is mended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::ids::{NanoId, UserId};
use futures::future::join_all;
use infra::db::{nano_totals, rating_votes, retention};
use jobs::RecheckTotals;
use queue::ledger::{State, history::logs};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{TestApp, User, client::answer, database};
use uuid::Uuid;

use super::{consumer, figures, published, rate, rated, scanned, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_ratings_at_once_are_one() {
    let app = TestApp::start().await;
    let (ada, bert) = (app.creator("ada").await, consumer(&app, "bert").await);
    let nano = published(&app, &ada, "Igel").await;
    // Who finds no connection free is told to come back, and does.
    let (at, who, what) = (&app, &bert, nano.as_str());
    let insist = |n: u32| async move {
        loop {
            let answer = rate(at, who, what, json!({"score": n % 5 + 1})).await;
            if answer.status != StatusCode::SERVICE_UNAVAILABLE {
                break answer;
            }
        }
    };
    let answers = join_all((0..100).map(insist)).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == StatusCode::CREATED).collect();
    assert_eq!(made.len(), 1);
    let id = &made[0].body["data"]["id"];
    for other in answers.iter().filter(|answer| answer.status != StatusCode::CREATED) {
        assert_eq!(other.error(StatusCode::CONFLICT), "RATING_EXISTS");
        assert_eq!(&other.body["error"]["details"]["rating_id"], id);
    }
    assert_eq!(database::number(&app.db, "SELECT COUNT(*) FROM ratings").await.unwrap(), 1);
    let score = made[0].body["data"]["score"].as_f64().unwrap();
    let (average, count, _) = figures(&app, &nano).await;
    assert_eq!((average, count), (score, 1));

    // Under one key, each of them is answered the same or told to come back.
    let cleo = consumer(&app, "cleo").await;
    let (key, path) = (Uuid::new_v4().to_string(), format!("/api/v1/nanos/{nano}/ratings"));
    let keyed = || cleo.request(&app, Method::POST, &path).header("idempotency-key", &key).json(&json!({"score": 2}));
    let answers = join_all((0..20).map(|_| answer(keyed()))).await;
    let ids: Vec<&Value> =
        answers.iter().filter(|answer| answer.status == StatusCode::CREATED).map(|a| &a.body["data"]["id"]).collect();
    assert!(!ids.is_empty() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    for other in answers.iter().filter(|answer| answer.status != StatusCode::CREATED) {
        assert_eq!(other.error(StatusCode::CONFLICT), "IDEMPOTENCY_KEY_IN_USE");
    }
    let replayed = answer(keyed()).await;
    assert_eq!((replayed.status, &replayed.body["data"]["id"]), (StatusCode::CREATED, ids[0]));
    assert_eq!(figures(&app, &nano).await.1, 2);
    app.discard().await;
}

/// 400, or what RATING_CHANGES says; the whole proof is 10,000.
fn changes() -> usize {
    std::env::var("RATING_CHANGES").ok().map_or(400, |text| text.parse().expect("RATING_CHANGES is a number"))
}

/// One change of what somebody thinks of one of these nanos: whatever is possible from how it stands.
async fn change(app: &TestApp, user: &User, nanos: &[String], dice: &mut StdRng) {
    let nano = nanos.choose(dice).unwrap();
    let score = dice.random_range(1..=5);
    let says_so = if dice.random_bool(0.5) { Method::PUT } else { Method::DELETE };
    let what = dice.random_range(0..10);
    let answer = if what < 2 {
        answer(user.request(app, says_so, &format!("/api/v1/favorites/{nano}"))).await
    } else if what < 4 {
        let listed = app.get(&format!("/api/v1/nanos/{nano}/ratings")).await;
        let Some(id) = listed.body["data"]["ratings"].as_array().and_then(|all| all.choose(dice)?["id"].as_str())
        else {
            return;
        };
        answer(user.request(app, says_so, &format!("/api/v1/ratings/{id}/helpful"))).await
    } else {
        let made = rate(app, user, nano, json!({ "score": score })).await;
        let own = made.body["error"]["details"]["rating_id"].as_str().map(str::to_owned);
        match own {
            None => made,
            Some(own) => {
                let path = format!("/api/v1/ratings/{own}");
                if dice.random_bool(0.3) {
                    user.delete(app, &path).await
                } else {
                    send(app, user, Method::PATCH, &path, json!({ "score": score })).await
                }
            }
        }
    };
    // Somebody's two hands may meet at one rating: deleted by one, it is not there for the other. Nor is a nano that is archived
    // just now. What is found helpful may be one's own.
    let own = answer.status == StatusCode::FORBIDDEN && answer.error(StatusCode::FORBIDDEN) == "OWN_RATING";
    let gone = [StatusCode::NOT_FOUND, StatusCode::CONFLICT].contains(&answer.status);
    // A deadlock that was lost again and again is answered 503, and has changed nothing.
    let busy = answer.status == StatusCode::SERVICE_UNAVAILABLE;
    assert!(answer.status.is_success() || own || gone || busy, "{} {:#}", answer.status, answer.body);
}

/// Counts anew while people are at it, as happens at night: never is anything wrong.
async fn recount(app: &TestApp, nanos: &[String], over: &AtomicBool) -> u64 {
    let mut times = 0;
    while !over.load(Ordering::SeqCst) {
        for nano in nanos {
            let mut tx = app.db.begin().await.unwrap();
            assert_eq!(nano_totals::mend(&mut tx, nano.parse().unwrap()).await.unwrap(), None, "nothing is wrong");
            tx.commit().await.unwrap();
            times += 1;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    times
}

/// Takes nanos off the shelf while people rate them, and puts them back.
async fn shelve(app: &TestApp, creator: &User, nanos: &[String], over: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        for nano in nanos {
            let path = format!("/api/v1/nanos/{nano}");
            let mut done = false;
            while !done {
                done = creator.delete(app, &path).await.status == StatusCode::NO_CONTENT;
            }
            while done {
                done = creator.post(app, &format!("{path}/restore"), &json!({})).await.status != StatusCode::OK;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_exact_whatever_happens_at_once() {
    const PEOPLE: usize = 8;
    let app = Arc::new(TestApp::start().await);
    let ada = app.creator("ada").await;
    let mut nanos = Vec::new();
    for title in ["Igel", "Fuchs", "Dachs"] {
        nanos.push(published(&app, &ada, title).await);
    }
    let mut hands = Vec::new();
    for n in 0..PEOPLE {
        let user = consumer(&app, &format!("person-{n}")).await;
        // Two hands each: a person races against themselves, too.
        for hand in 0..2_u64 {
            let (app, user, nanos) = (app.clone(), user.clone(), nanos.clone());
            hands.push(tokio::spawn(async move {
                let mut dice = StdRng::seed_from_u64(2 * n as u64 + hand);
                for _ in 0..changes().div_ceil(2 * PEOPLE) {
                    change(&app, &user, &nanos, &mut dice).await;
                }
            }));
        }
    }
    let over = Arc::new(AtomicBool::new(false));
    let counting = tokio::spawn({
        let (app, nanos, over) = (app.clone(), nanos.clone(), over.clone());
        async move { recount(&app, &nanos, &over).await }
    });
    let shelving = tokio::spawn({
        let (app, ada, nanos, over) = (app.clone(), ada.clone(), nanos.clone(), over.clone());
        async move { shelve(&app, &ada, &nanos[..1], &over).await }
    });
    let hands = join_all(hands).await;
    over.store(true, Ordering::SeqCst);
    assert!(counting.await.unwrap() > 0);
    shelving.await.unwrap();
    hands.into_iter().for_each(|hand| hand.unwrap());
    let rows = database::number(&app.db, "SELECT COUNT(*) FROM ratings").await.unwrap();
    assert!(rows > 0, "something was left to count");
    for nano in &nanos {
        let id: NanoId = nano.parse().unwrap();
        assert_eq!(rating_votes::miscounted(&app.db, id).await.unwrap(), []);
        let ratings: Vec<(u8, i64)> =
            sqlx::query_as("SELECT score, COUNT(*) FROM ratings WHERE nano_id = ? GROUP BY score")
                .bind(id)
                .fetch_all(app.db.pool())
                .await
                .unwrap();
        let mut scores = vec![0; 5];
        ratings.iter().for_each(|(score, times)| scores[usize::from(*score) - 1] = times.unsigned_abs());
        let count: u64 = scores.iter().sum();
        let sum: u64 = (1..).zip(&scores).map(|(score, times): (u64, &u64)| score * times).sum();
        let average = ((100 * sum + count / 2).checked_div(count).unwrap_or(0) as f64) / 100.0;
        assert_eq!(figures(&app, nano).await, (average, count, scores));
        let favorites: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM favorites WHERE nano_id = ?")
            .bind(id)
            .fetch_one(app.db.pool())
            .await
            .unwrap();
        // What is kept for everybody says the same.
        let detail = app.get(&format!("/api/v1/nanos/{nano}")).await;
        let said = detail.data(StatusCode::OK);
        assert_eq!(
            (&said["average_rating"], &said["rating_count"], &said["favorite_count"]),
            (&json!(average), &json!(count), &json!(favorites))
        );
        let shelf = app.get("/api/v1/nanos?sort=rating").await;
        let card = shelf.data(StatusCode::OK).as_array().unwrap().iter().find(|card| card["id"] == nano.as_str());
        assert_eq!(card.unwrap()["average_rating"], json!(average));
    }
    let recheck = app.put(&RecheckTotals {}).await;
    assert_eq!(app.run_one(recheck).await.state, State::Completed);
    let lines = logs::by_job(&app.db, recheck).await.unwrap();
    assert!(lines.iter().all(|(_, line)| line.level != logs::Level::Warn), "{lines:?}");
    Arc::into_inner(app).expect("all hands are done").discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_counts_are_mended_at_night_and_told() {
    let app = TestApp::start().await;
    let (ada, bert, cleo) = (app.creator("ada").await, consumer(&app, "bert").await, consumer(&app, "cleo").await);
    let (one, other) = (published(&app, &ada, "Igel").await, published(&app, &ada, "Fuchs").await);
    let rating = rated(&app, &bert, &one, 4).await;
    rated(&app, &bert, &other, 2).await;
    let path = format!("/api/v1/ratings/{rating}/helpful");
    answer(cleo.request(&app, Method::PUT, &path)).await.data(StatusCode::OK);
    answer(cleo.request(&app, Method::PUT, &format!("/api/v1/favorites/{one}"))).await;

    // All is well: nothing is said.
    let warnings = async |id| {
        let lines = logs::by_job(&app.db, id).await.unwrap();
        lines.iter().filter(|(_, line)| line.level == logs::Level::Warn).count()
    };
    let first = app.put(&RecheckTotals {}).await;
    assert_eq!(app.run_one(first).await.state, State::Completed);
    assert_eq!(warnings(first).await, 0);

    let id: NanoId = one.parse().unwrap();
    let wrong = "UPDATE nano_totals SET score_4 = 7, score_1 = -2, favorite_count = 9 WHERE nano_id = ?";
    sqlx::query(wrong).bind(id).execute(app.db.pool()).await.unwrap();
    // One has lost its row, one rating its votes.
    let id: NanoId = other.parse().unwrap();
    sqlx::query("DELETE FROM nano_totals WHERE nano_id = ?").bind(id).execute(app.db.pool()).await.unwrap();
    database::execute(&app.db, "UPDATE ratings SET helpful_count = helpful_count + 5").await.unwrap();
    let shown = app.get(&format!("/api/v1/nanos/{one}")).await;
    assert_eq!(shown.data(StatusCode::OK)["favorite_count"], 9);

    let second = app.put(&RecheckTotals {}).await;
    assert_eq!(app.run_one(second).await.state, State::Completed);
    assert_eq!(warnings(second).await, 4, "two nanos, two ratings");
    assert_eq!(figures(&app, &one).await, (4.0, 1, vec![0, 0, 0, 1, 0]));
    assert_eq!(figures(&app, &other).await, (2.0, 1, vec![0, 1, 0, 0, 0]));
    let shown = app.get(&format!("/api/v1/nanos/{one}")).await;
    assert_eq!(shown.data(StatusCode::OK)["favorite_count"], 1);
    assert_eq!(app.get(&format!("/api/v1/ratings/{rating}")).await.data(StatusCode::OK)["helpful_count"], 1);
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_takes_their_opinions_along() {
    let app = TestApp::start().await;
    let (ada, bert, cleo) = (app.creator("ada").await, app.creator("bert").await, consumer(&app, "cleo").await);
    let (nano, theirs) = (published(&app, &ada, "Igel").await, published(&app, &bert, "Fuchs").await);
    let made = rate(&app, &bert, &nano, json!({"score": 1, "comment": "Schwach."})).await;
    let rating = made.data(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
    let kept = rated(&app, &cleo, &nano, 5).await;
    let answered = rated(&app, &cleo, &theirs, 3).await;
    let text = json!({"text": "Danke."});
    send(&app, &bert, Method::PUT, &format!("/api/v1/ratings/{answered}/reply"), text).await.data(StatusCode::OK);
    scanned(&app).await;
    answer(bert.request(&app, Method::PUT, &format!("/api/v1/ratings/{kept}/helpful"))).await.data(StatusCode::OK);
    answer(bert.request(&app, Method::PUT, &format!("/api/v1/favorites/{nano}"))).await;
    let list = bert.post(&app, "/api/v1/lists", &json!({"name": "Meine"})).await;
    let list = list.location().to_owned();
    answer(bert.request(&app, Method::PUT, &format!("{list}/nanos/{nano}"))).await;

    // Gone, and not forgotten yet: nothing names them.
    database::execute(&app.db, "UPDATE users SET status = 'deleted' WHERE username = 'bert'").await.unwrap();
    let shown = app.get(&format!("/api/v1/ratings/{rating}")).await.data(StatusCode::OK).clone();
    assert_eq!((&shown["author"], &shown["comment"], &shown["score"]), (&Value::Null, &json!(""), &json!(1)));
    assert_eq!(figures(&app, &nano).await, (3.0, 2, vec![1, 0, 0, 0, 1]));

    let id: UserId = bert.id.parse().unwrap();
    let mut tx = app.db.begin().await.unwrap();
    retention::anonymise_account(&mut tx, id, chrono::Utc::now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(figures(&app, &nano).await, (5.0, 1, vec![0, 0, 0, 0, 1]));
    let detail = app.get(&format!("/api/v1/nanos/{nano}")).await;
    assert_eq!(detail.data(StatusCode::OK)["favorite_count"], 0);
    assert_eq!(app.get(&format!("/api/v1/ratings/{kept}")).await.data(StatusCode::OK)["helpful_count"], 0);
    assert_eq!(app.get(&format!("/api/v1/ratings/{answered}")).await.data(StatusCode::OK)["reply"], "");
    for table in ["ratings", "rating_votes", "favorites", "saved_lists"] {
        let left = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(format!(
            "SELECT COUNT(*) FROM {table} WHERE user_id = ?"
        )));
        assert_eq!(left.bind(id).fetch_one(app.db.pool()).await.unwrap(), 0, "{table}");
    }

    // A nano that is gone for good takes along what was given to it.
    let id: NanoId = theirs.parse().unwrap();
    let mut tx = app.db.begin().await.unwrap();
    retention::anonymise_nano(&mut tx, id, chrono::Utc::now()).await.unwrap();
    tx.commit().await.unwrap();
    for table in ["ratings", "favorites", "saved_list_nanos", "nano_totals"] {
        let left = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(format!(
            "SELECT COUNT(*) FROM {table} WHERE nano_id = ?"
        )));
        assert_eq!(left.bind(id).fetch_one(app.db.pool()).await.unwrap(), 0, "{table}");
    }
    app.discard().await;
}
