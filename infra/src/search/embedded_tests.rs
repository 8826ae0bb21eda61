//! Tests of the embedded index: matches, their order, and writers that meet.

use super::*;
use crate::search::sample_document;

async fn open(dir: &Path) -> Embedded {
    Embedded::open(dir, "nanos").await.expect("an index")
}

async fn found(index: &Embedded, text: &str) -> SearchHits {
    let query = SearchQuery { text: text.to_owned(), ..SearchQuery::default() };
    index.query(&query).await.expect("an answer")
}

async fn ids(index: &Embedded, query: SearchQuery) -> Vec<NanoId> {
    index.query(&query).await.expect("an answer").hits.into_iter().map(|hit| hit.id).collect()
}

#[tokio::test]
async fn inflections_umlauts_beginnings_and_names_are_found() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = open(dir.path()).await;
    let document = sample_document();
    index.upsert(&document, 1).await.expect("written");
    for text in [
        "Führung",
        "fuehrungen",
        "FÜHRUNG",
        "Sternwarten",
        "die Sternwarte",
        "Teleskop Licht",
        "stern",
        "Galaxie",
        "jördis",
        "Joerdis Weiss",
        "astronomie",
        "Licht in der Galaxie",
    ] {
        let found = found(&index, text).await;
        assert_eq!((found.total, found.corrected), (1, false), "{text}");
        assert_eq!(found.hits[0].id, document.id, "{text}");
    }
    assert_eq!(found(&index, "Sternwarte Mikroskop").await.total, 0, "every word must be there");
    assert_eq!(found(&index, "").await.total, 1);
    assert_eq!(found(&index, "\" AND (title: *").await.total, 0, "there is no syntax to break");
}

#[tokio::test]
async fn english_is_stemmed_too() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = open(dir.path()).await;
    let document = Document {
        title: "Running databases".to_owned(),
        description: "Queries and their indices".to_owned(),
        language: "en".to_owned(),
        ..sample_document()
    };
    index.upsert(&document, 1).await.expect("written");
    for text in ["run database", "query", "the queries", "indices"] {
        assert_eq!(found(&index, text).await.total, 1, "{text}");
    }
}

#[tokio::test]
async fn typos_are_forgiven_when_nothing_else_is_found() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = open(dir.path()).await;
    index.upsert(&sample_document(), 1).await.expect("written");
    for text in ["Sternwatre", "Teleskpo", "Galaxein", "Sternwarte Telekop"] {
        let found = found(&index, text).await;
        assert_eq!((found.total, found.corrected), (1, true), "{text}");
    }
    let found = found(&index, "Sternwatre").await;
    assert_eq!(found.hits[0].highlights.title.as_deref(), Some("Führungen durch die <em>Sternwarte</em>"));
}

#[tokio::test]
async fn matches_are_shown_and_everything_else_is_escaped() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = open(dir.path()).await;
    index.upsert(&sample_document(), 1).await.expect("written");
    let hits = found(&index, "fuehrung teleskop galaxie").await.hits;
    let shown = &hits[0].highlights;
    assert_eq!(shown.title.as_deref(), Some("<em>Führungen</em> durch die Sternwarte"));
    assert_eq!(shown.description.as_deref(), Some("Wie <em>Teleskope</em> Licht sammeln &amp; was man damit sieht"));
    assert!(shown.body.as_deref().is_some_and(|body| body.contains("<em>Galaxien</em>")), "{shown:?}");
}

#[tokio::test]
async fn a_match_in_the_title_comes_first_and_other_orders_can_be_asked_for() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = open(dir.path()).await;
    let time = |secs| chrono::DateTime::from_timestamp(secs, 0);
    let in_title = Document {
        title: "Optik".to_owned(),
        description: "Linsen".to_owned(),
        average_rating: 1.0,
        download_count: 5,
        published_at: time(100),
        ..sample_document()
    };
    let in_description = Document {
        title: "Linsen".to_owned(),
        description: "Optik".to_owned(),
        average_rating: 5.0,
        download_count: 1,
        published_at: time(200),
        ..sample_document()
    };
    let in_body = Document {
        title: "Licht".to_owned(),
        description: "Linsen".to_owned(),
        body: "Optik".to_owned(),
        average_rating: 3.0,
        download_count: 9,
        published_at: time(300),
        ..sample_document()
    };
    for document in [&in_body, &in_description, &in_title] {
        index.upsert(document, 1).await.expect("written");
    }
    let (a, b, c) = (in_title.id, in_description.id, in_body.id);
    let sorted = |sort| SearchQuery { text: "optik".to_owned(), sort, ..SearchQuery::default() };
    assert_eq!(ids(&index, sorted(Sort::Relevance)).await, [a, b, c]);
    assert_eq!(ids(&index, sorted(Sort::Newest)).await, [c, b, a]);
    assert_eq!(ids(&index, sorted(Sort::Rating)).await, [b, c, a]);
    assert_eq!(ids(&index, sorted(Sort::Downloads)).await, [c, a, b]);
    // Without words all scores are equal, and the rating decides.
    assert_eq!(ids(&index, SearchQuery::default()).await, [b, c, a]);

    let page = |page| SearchQuery { limit: 2, page, ..sorted(Sort::Relevance) };
    assert_eq!(ids(&index, page(1)).await, [a, b]);
    assert_eq!(ids(&index, page(2)).await, [c]);
    let beyond = index.query(&page(3)).await.expect("an answer");
    assert_eq!((beyond.total, beyond.hits.len()), (3, 0));
}

#[tokio::test]
async fn filters_narrow_and_facets_count() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = open(dir.path()).await;
    let german = sample_document();
    let english = Document {
        id: NanoId::new(),
        creator_id: domain::ids::UserId::new(),
        language: "en".to_owned(),
        level: 3,
        format: "text".to_owned(),
        duration_minutes: 30,
        categories: vec!["physik".to_owned(), "astronomie".to_owned()],
        published_at: chrono::DateTime::from_timestamp(1_800_000_000, 0),
        ..sample_document()
    };
    let draft = Document { status: "draft".to_owned(), ..sample_document() };
    for document in [&german, &english, &draft] {
        index.upsert(document, 1).await.expect("written");
    }
    let all = || SearchQuery::default();
    assert_eq!(ids(&index, SearchQuery { language: Some("en".to_owned()), ..all() }).await, [english.id]);
    assert_eq!(ids(&index, SearchQuery { level: Some(2), ..all() }).await, [german.id]);
    assert_eq!(ids(&index, SearchQuery { format: Some("text".to_owned()), ..all() }).await, [english.id]);
    assert_eq!(ids(&index, SearchQuery { category: Some("physik".to_owned()), ..all() }).await, [english.id]);
    assert_eq!(ids(&index, SearchQuery { creator: Some(german.creator_id), ..all() }).await, [german.id]);
    assert_eq!(ids(&index, SearchQuery { duration_max: Some(12), ..all() }).await, [german.id]);
    assert_eq!(
        ids(&index, SearchQuery { duration_min: Some(13), duration_max: Some(30), ..all() }).await,
        [english.id]
    );
    let since = chrono::DateTime::from_timestamp(1_750_000_000, 0);
    assert_eq!(ids(&index, SearchQuery { published_since: since, ..all() }).await, [english.id]);
    assert_eq!(index.count().await.expect("a count"), 2);

    let counted = index.query(&SearchQuery { facets: true, ..all() }).await.expect("an answer");
    let facets = counted.facets.expect("asked for");
    let of = |counts: &[super::super::FacetCount]| {
        counts.iter().map(|facet| (facet.value.clone(), facet.count)).collect::<Vec<_>>()
    };
    assert_eq!(of(&facets.categories), [("astronomie".to_owned(), 2), ("physik".to_owned(), 1)]);
    let mut levels = of(&facets.levels);
    levels.sort();
    assert_eq!(levels, [("2".to_owned(), 1), ("3".to_owned(), 1)]);
}

#[tokio::test]
async fn an_older_version_never_wins_not_even_over_a_removal() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = open(dir.path()).await;
    let document = sample_document();
    let renamed = Document { title: "Neuer Name".to_owned(), ..document.clone() };
    assert_eq!(index.upsert(&renamed, 5).await.expect("written"), Written::Applied);
    assert_eq!(index.upsert(&document, 4).await.expect("an answer"), Written::Stale);
    assert_eq!(index.upsert(&renamed, 5).await.expect("written"), Written::Applied, "repeating is harmless");
    assert_eq!(found(&index, "Neuer Name").await.total, 1);
    assert_eq!(index.delete(document.id, 4).await.expect("an answer"), Written::Stale);
    assert_eq!(index.delete(document.id, 6).await.expect("written"), Written::Applied);
    assert_eq!(index.count().await.expect("a count"), 0);
    assert_eq!(index.upsert(&document, 5).await.expect("an answer"), Written::Stale);
    assert_eq!(found(&index, "").await.total, 0);
    assert_eq!(index.upsert(&document, 7).await.expect("written"), Written::Applied);
    assert_eq!(index.count().await.expect("a count"), 1);
    // A removal may also come before the first write.
    let late = sample_document();
    assert_eq!(index.delete(late.id, 2).await.expect("written"), Written::Applied);
    assert_eq!(index.upsert(&late, 1).await.expect("an answer"), Written::Stale);
}

/// As a job does it: a write that waited too long for the others is tried again.
async fn written(index: &Embedded, document: &Document, version: u64) {
    while let Err(error) = index.upsert(document, version).await {
        assert!(error.is_transient(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_handles_write_at_once_and_lose_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    // Two handles share nothing but the folder, like two processes.
    let (one, other) = (open(dir.path()).await, open(dir.path()).await);
    let contested = sample_document();
    let writers = (0..24_u64).map(|n| {
        let index = if n % 2 == 0 { one.clone() } else { other.clone() };
        let (own, contested) = (sample_document(), contested.clone());
        tokio::spawn(async move {
            written(&index, &own, 1).await;
            let title = format!("Fassung {n}");
            written(&index, &Document { title, ..contested }, n + 1).await;
        })
    });
    for writer in futures::future::join_all(writers).await {
        writer.expect("no panic");
    }
    for index in [&one, &other] {
        index.refresh().await.expect("fresh");
        assert_eq!(index.count().await.expect("a count"), 25);
        assert_eq!(found(index, "Fassung 23").await.hits[0].id, contested.id, "the highest version won");
    }
    let segments = one.0.reader.searcher().segment_readers().len();
    assert!(segments <= 16, "{segments} segments: merging does not keep up");
    let files = std::fs::read_dir(&one.0.dir).expect("the folder").count();
    assert!(files <= segments * 10 + 10, "{files} files for {segments} segments: old ones are not removed");
}

#[tokio::test]
async fn readers_notice_the_commits_of_others_by_themselves() {
    let dir = tempfile::tempdir().expect("a folder");
    let (writer, reader) = (open(dir.path()).await, open(dir.path()).await);
    writer.upsert(&sample_document(), 1).await.expect("written");
    let noticed = async {
        while reader.count().await.expect("a count") == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), noticed).await.expect("noticed");
}

#[tokio::test]
async fn a_lock_that_is_not_released_is_an_outage_and_not_a_hang() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = Embedded::open_with(dir.path(), "nanos", Duration::from_millis(100)).await.expect("an index");
    let held = lock(&index.0.dir, Duration::ZERO).expect("the lock");
    let error = index.upsert(&sample_document(), 1).await.expect_err("locked");
    assert!(error.is_transient(), "{error}");
    assert_eq!(found(&index, "").await.total, 0, "reading goes on");
    drop(held);
    assert_eq!(index.upsert(&sample_document(), 1).await.expect("written"), Written::Applied);
}

#[tokio::test]
async fn a_folder_that_is_gone_is_an_outage_until_it_is_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let index = open(dir.path()).await;
    let aside = dir.path().join("aside");
    std::fs::rename(&index.0.dir, &aside).expect("moved");
    assert!(index.ping().await.is_err());
    assert!(index.upsert(&sample_document(), 1).await.is_err_and(|error| error.is_transient()));
    std::fs::rename(&aside, &index.0.dir).expect("moved back");
    index.ping().await.expect("there again");
    index.upsert(&sample_document(), 1).await.expect("written");
    assert_eq!(index.count().await.expect("a count"), 1);
}

#[tokio::test]
async fn an_index_opens_while_another_process_holds_the_right_to_write() {
    let dir = tempfile::tempdir().expect("a folder");
    let first = open(dir.path()).await;
    let document = sample_document();
    first.upsert(&document, 1).await.expect("written");
    let held = lock(&first.0.dir, Duration::ZERO).expect("the lock");
    let second = Embedded::open_with(dir.path(), "nanos", Duration::ZERO).await.expect("it opens");
    assert_eq!(found(&second, "Sternwarte").await.total, 1);
    drop(held);
}

#[tokio::test]
async fn many_changes_are_one_commit_and_the_contents_can_be_listed() {
    let dir = tempfile::tempdir().expect("a folder");
    assert!(!Embedded::is_begun(dir.path(), "nanos"));
    let index = open(dir.path()).await;
    assert!(Embedded::is_begun(dir.path(), "nanos"));
    let mut documents: Vec<Document> = (0..5).map(|_| Document { id: NanoId::new(), ..sample_document() }).collect();
    documents.sort_unstable_by_key(|document| document.id);
    let upsert = |document: &Document, version| Change::Upsert { document: Box::new(document.clone()), version };
    let first: Vec<Change> = documents.iter().map(|document| upsert(document, 7)).collect();
    assert_eq!(index.apply(first).await.expect("written"), [Written::Applied; 5]);
    let [gone, late] = [documents[1].id, documents[3].id];
    let second = vec![Change::Delete { id: gone, version: 8 }, Change::Delete { id: late, version: 6 }];
    assert_eq!(index.apply(second).await.expect("written"), [Written::Applied, Written::Stale]);
    let expected: Vec<Known> = documents
        .iter()
        .map(|document| {
            let removed = document.id == gone;
            Known { id: document.id, version: if removed { 8 } else { 7 }, published: !removed }
        })
        .collect();
    assert_eq!(index.contents().await.expect("listed"), expected);
    assert_eq!(index.count().await.expect("counted"), 4);
}
