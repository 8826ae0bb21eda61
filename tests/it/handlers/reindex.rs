//! The search index made anew: the same is found again, wherever a run was stopped and whatever had been left in it.

use chrono::Utc;
use domain::ids::{NanoId, UserId};
use infra::{
    db::nanos,
    env::SearchSettings,
    search::{Change, Document, SearchBackend, SearchQuery, Sort, Written},
};
use jobs::Reindex;
use queue::{
    ids::JobId,
    ledger::{self, Action, By, State, history::logs},
};
use serde_json::{Value, json};
use tests::{TestApp, User, archives, database};

async fn publish(app: &TestApp, creator: &User, title: &str) -> NanoId {
    let text = format!("Only about {title}.");
    let nano = creator.submit(app, title, archives::archive(&[("notes.txt", text.as_bytes())])).await;
    app.run_all_due().await;
    nano.parse().unwrap()
}

/// What a search finds, and where the words are. Not how well they match: that depends on what was removed from an index, too.
async fn found(search: &SearchBackend, text: &str) -> Vec<(NanoId, Option<String>, Option<String>)> {
    let query = SearchQuery { text: text.to_owned(), sort: Sort::Newest, ..SearchQuery::default() };
    let hits = search.query(&query).await.unwrap().hits;
    hits.into_iter().map(|hit| (hit.id, hit.highlights.title, hit.highlights.body)).collect()
}

/// Of the newest run that made the index anew.
async fn said(app: &TestApp, job: JobId) -> Value {
    let lines = logs::by_job(&app.db, job).await.unwrap();
    let line = lines.into_iter().rev().find(|(_, line)| line.message == "the search index is made anew");
    line.expect("a line").1.fields.expect("its fields")
}

fn document(id: NanoId, title: &str) -> Document {
    Document {
        id,
        title: title.to_owned(),
        description: String::new(),
        categories: Vec::new(),
        creator_id: UserId::new(),
        creator_name: "Nobody".to_owned(),
        level: 1,
        language: "en".to_owned(),
        format: "text".to_owned(),
        duration_minutes: 5,
        average_rating: 0.0,
        download_count: 0,
        status: "published".to_owned(),
        published_at: Some(Utc::now()),
        created_at: Utc::now(),
        body: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_was_lost_finds_the_same_again() {
    let app = TestApp::start().await;
    let creator = app.creator("ada").await;
    for title in ["Alpha tables", "Beta tables", "Gamma chairs"] {
        publish(&app, &creator, title).await;
    }
    let gone = publish(&app, &creator, "Delta tables").await;
    creator.delete(&app, &format!("/api/v1/nanos/{gone}")).await;
    creator.draft(&app, "Hidden tables").await;
    app.run_all_due().await;
    let (tables, everything) = (found(&app.search, "table").await, found(&app.search, "").await);
    assert_eq!((tables.len(), everything.len()), (2, 3));

    // As after its disk was lost: there is nothing where it was.
    let dir = app.folder.path().join("another-disk");
    let settings = SearchSettings::Embedded { dir, index: "nanos".into() };
    let empty = SearchBackend::connect(&settings).await.unwrap();
    let mut kit = app.kit().await.clone();
    kit.context.search = empty.clone();
    for _ in 0..2 {
        let job = app.put(&Reindex {}).await;
        let row = kit.run_one(job).await;
        assert_eq!(row.state, State::Completed, "{row:#?}");
        assert_eq!(said(&app, job).await, json!({ "nanos": 3, "removed": 0 }));
        assert_eq!(found(&empty, "table").await, tables);
        assert_eq!(found(&empty, "").await, everything);
    }
    // What was written of a nano before it was taken down comes too late.
    let late = empty.upsert(&document(gone, "Delta tables"), 1).await.unwrap();
    assert_eq!(late, Written::Stale);
    // And changes go on from there.
    creator.delete(&app, &format!("/api/v1/nanos/{}", tables[0].0)).await;
    kit.run_all_due().await;
    assert_eq!(found(&empty, "table").await, tables[1..]);
    app.finish().await;
}

/// The index is of a later time than the database: it knows nanos that are not there, one that is taken down since, and a later
/// version of one that is. A run that is stopped in the middle is gone on with.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_of_another_time_goes_and_a_stopped_run_goes_on_where_it_was() {
    let app = TestApp::start().await;
    let creator = app.creator("ada").await;
    // Their ids are the lowest: they fill the first step and begin the second.
    let ghosts: Vec<NanoId> = (0..120).map(|_| NanoId::new()).collect();
    let nano = publish(&app, &creator, "Alpha tables").await;
    let archived = publish(&app, &creator, "Beta tables").await;
    creator.delete(&app, &format!("/api/v1/nanos/{archived}")).await;
    app.run_all_due().await;
    let row = nanos::get(&app.db, archived).await.unwrap().unwrap();
    let upsert = |id, title, version| Change::Upsert { document: Box::new(document(id, title)), version };
    let mut changes: Vec<Change> = ghosts.iter().map(|id| upsert(*id, "Ghost tables", 3)).collect();
    changes.push(upsert(nano, "Tables of the future", 1_000));
    changes.push(upsert(archived, "Beta tables", row.index_version));
    let written = app.search.apply(changes).await.unwrap();
    assert!(written.iter().all(|written| *written == Written::Applied));
    assert_eq!(app.search.count().await.unwrap(), 122);

    // Somebody holds the nano's row for longer than a run waits for it.
    let mut held = app.db.begin().await.unwrap();
    nanos::lock(&mut held, nano).await.unwrap().unwrap();
    let job = app.put(&Reindex {}).await;
    let stopped = app.run_one(job).await;
    assert!(!stopped.state.is_terminal(), "{stopped:#?}");
    held.rollback().await.unwrap();
    assert_eq!(app.search.count().await.unwrap(), 22, "the first step is done");
    assert_eq!(database::number(&app.db, "SELECT COUNT(*) FROM job_checkpoints").await.unwrap(), 1);

    let mut tx = app.db.begin().await.unwrap();
    ledger::operate(&mut tx, job, Action::Retry, &By::system("a test")).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let row = app.run_one(job).await;
    assert_eq!(row.state, State::Completed, "{row:#?}");
    assert_eq!(said(&app, job).await, json!({ "nanos": 1, "removed": 121 }), "counted over both runs");
    assert_eq!(app.search.count().await.unwrap(), 1);
    let (alpha, future) = (found(&app.search, "alpha").await, found(&app.search, "future").await);
    assert_eq!((alpha[0].0, alpha.len(), future.len()), (nano, 1, 0));
    // The nano's own changes reach the index again.
    creator.delete(&app, &format!("/api/v1/nanos/{nano}")).await;
    app.run_all_due().await;
    assert_eq!(app.search.count().await.unwrap(), 0);
    app.finish().await;
}
