//! Tests of the exchange with OpenSearch, against answers in the documented form.

use std::sync::Mutex;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// Serves one canned answer per request, in order, and keeps the request lines.
async fn cluster(answers: Vec<(u16, &'static str)>) -> (OpenSearch, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let lines = seen.clone();
    tokio::spawn(async move {
        for (status, body) in answers {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let mut request = Vec::new();
            while !complete(&request) && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {}
            let text = String::from_utf8_lossy(&request);
            lines.lock().expect("unpoisoned").push(text.lines().next().unwrap_or_default().to_owned());
            let answer = format!(
                "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let url = Url::parse(&format!("http://{address}")).expect("a URL");
    (OpenSearch::connect(&url, None, "nanos").expect("a client"), seen)
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}

const FINE: (u16, &str) = (200, r#"{"acknowledged":true}"#);

#[tokio::test]
async fn the_first_write_makes_sure_of_the_index_and_carries_its_version() {
    let (index, seen) = cluster(vec![FINE, (404, ""), FINE, (201, r#"{"result":"created"}"#), (409, "{}")]).await;
    let document = crate::search::sample_document();
    assert_eq!(index.upsert(&document, 7).await.expect("written"), Written::Applied);
    assert_eq!(index.delete(document.id, 6).await.expect("an answer"), Written::Stale);
    let seen = seen.lock().expect("unpoisoned").clone();
    assert_eq!(seen[0], "PUT /_index_template/nanos HTTP/1.1");
    assert_eq!(seen[1], "HEAD /_alias/nanos HTTP/1.1");
    assert_eq!(seen[2], "PUT /nanos_v1 HTTP/1.1");
    for (line, version) in [(&seen[3], 7), (&seen[4], 6)] {
        assert!(line.starts_with(&format!("POST /nanos/_doc/{}?", document.id)), "{line}");
        for part in [&format!("version={version}"), "version_type=external_gte", "require_alias=true"] {
            assert!(line.contains(part), "{part} is missing in {line}");
        }
    }
}

#[tokio::test]
async fn an_index_that_another_process_made_only_gets_its_alias() {
    let exists = (400, r#"{"error":{"type":"resource_already_exists_exception"}}"#);
    let (index, seen) = cluster(vec![FINE, (404, ""), exists, FINE]).await;
    index.ensure_index().await.expect("ensured");
    assert_eq!(seen.lock().expect("unpoisoned")[3], "PUT /nanos_v1/_alias/nanos HTTP/1.1");
}

#[tokio::test]
async fn a_lost_alias_is_made_again_with_the_next_write() {
    let gone = (404, r#"{"error":{"type":"index_not_found_exception"}}"#);
    let written = (200, r#"{"result":"updated"}"#);
    let (index, _) = cluster(vec![FINE, (200, ""), gone, FINE, (200, ""), written]).await;
    let document = crate::search::sample_document();
    let lost = index.upsert(&document, 1).await;
    assert!(lost.is_err_and(|error| error.is_transient()));
    assert_eq!(index.upsert(&document, 1).await.expect("written"), Written::Applied);
}

#[tokio::test]
async fn a_new_index_is_filled_beside_the_old_one_and_takes_its_place() {
    let items = r#"{"errors":true,"items":[{"index":{"status":201}},{"index":{"status":409,"error":{"type":"version_conflict_engine_exception"}}}]}"#;
    let holders = r#"{"nanos_v1":{"aliases":{"nanos":{}}}}"#;
    let indices = r#"{"nanos_v1":{"aliases":{}},"nanos_v1_7":{"aliases":{"nanos":{}}}}"#;
    let answers = vec![FINE, (200, ""), FINE, (200, items), (200, holders), FINE, (200, indices), FINE];
    let (index, seen) = cluster(answers).await;
    let (fresh, begun) = index.beside("7").await.expect("begun");
    assert!(begun);
    let document = Box::new(crate::search::sample_document());
    let changes = [Change::Delete { id: document.id, version: 6 }, Change::Upsert { document, version: 5 }];
    assert_eq!(fresh.apply(&changes).await.expect("an answer"), [Written::Applied, Written::Stale]);
    index.take_over("7").await.expect("taken over");
    index.remove_leftovers().await.expect("removed");
    let seen = seen.lock().expect("unpoisoned").clone();
    assert_eq!(seen[2], "PUT /nanos_v1_7 HTTP/1.1");
    assert!(seen[3].starts_with("POST /nanos_v1_7/_bulk?") && seen[3].contains("require_alias=false"), "{}", seen[3]);
    let last: Vec<&str> = seen[4..].iter().map(String::as_str).collect();
    assert_eq!(
        last,
        [
            "GET /_alias/nanos HTTP/1.1",
            "POST /_aliases HTTP/1.1",
            "GET /nanos_v*/_alias HTTP/1.1",
            "DELETE /nanos_v1 HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn an_index_that_a_renewal_had_begun_is_gone_on_with() {
    let exists = (400, r#"{"error":{"type":"resource_already_exists_exception"}}"#);
    let (index, _) = cluster(vec![FINE, (200, ""), exists]).await;
    assert!(!index.beside("7").await.expect("there").1);
}

#[tokio::test]
async fn answers_are_read_and_typos_asked_for_again() {
    let nothing = (200, r#"{"hits":{"total":{"value":0},"hits":[]}}"#);
    let one = (
        200,
        r#"{"hits":{"total":{"value":1},"hits":[{"_id":"0190a5f4-0000-7000-8000-000000000001","_score":1.5,
            "highlight":{"title":["<em>Optik</em> &amp; Licht"]}}]},
            "aggregations":{"levels":{"buckets":[{"key":2,"doc_count":1}]},
            "categories":{"buckets":[{"key":"physik","doc_count":1}]}}}"#,
    );
    let (index, seen) = cluster(vec![nothing, one]).await;
    let query = SearchQuery { text: "Opitk".to_owned(), facets: true, ..SearchQuery::default() };
    let found = index.query(&query).await.expect("found");
    assert!(found.corrected);
    assert_eq!((found.total, found.hits.len(), found.hits[0].score), (1, 1, 1.5));
    assert_eq!(found.hits[0].highlights.title.as_deref(), Some("<em>Optik</em> &amp; Licht"));
    let facets = found.facets.expect("asked for");
    assert_eq!((facets.levels[0].value.as_str(), facets.categories[0].value.as_str()), ("2", "physik"));
    assert_eq!(seen.lock().expect("unpoisoned").len(), 2);
}

#[tokio::test]
async fn refusals_and_outages_are_told_apart() {
    let (index, _) = cluster(vec![(400, r#"{"error":"parsing"}"#), (503, "{}"), (401, "{}")]).await;
    let query = SearchQuery::default();
    assert!(matches!(index.query(&query).await, Err(SearchError::Refused { .. })));
    assert!(matches!(index.query(&query).await, Err(SearchError::Unavailable { .. })));
    assert!(matches!(index.query(&query).await, Err(SearchError::Unavailable { .. })));
    // The listener is gone: nobody answers.
    assert!(matches!(index.query(&query).await, Err(SearchError::Unavailable { .. })));
}
