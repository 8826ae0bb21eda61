//! Lists and search: pages, filters, and what is left when the index is away.

use domain::user::Role;
use infra::env::SearchSettings;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User, app::Overrides, archives, client::answer, routes::Route};

/// Titles in the order of the answer.
fn titles(answer: &Answer) -> Vec<String> {
    let data = answer.data(StatusCode::OK);
    let list = data["hits"].as_array().or(data.as_array()).expect("a list");
    list.iter().map(|nano| nano["title"].as_str().unwrap().to_owned()).collect()
}

async fn publish(app: &TestApp, creator: &User, form: Value) -> String {
    let made = creator.post(app, "/api/v1/nanos", &form).await;
    let nano = made.data(StatusCode::CREATED)["id"].as_str().unwrap().to_owned();
    let text = format!("Only about {}.", form["title"]);
    let upload = creator.upload(app, &nano, archives::archive(&[("notes.txt", text.as_bytes())])).await;
    creator.finish(app, &upload).await;
    app.wait_for_status(creator, &nano, &["published"]).await;
    nano
}

fn form(title: &str, category: &str, level: u8, language: &str, format: &str, minutes: u32) -> Value {
    json!({
        "title": title, "description": "A unit of the catalogue.", "duration_minutes": minutes, "level": level,
        "language": language, "format": format, "license": "CC-BY", "categories": [category],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_have_limits() {
    let app = TestApp::start().await;
    let admin = app.user("root", Role::Admin).await;
    let paths = [
        "/api/v1/nanos",
        "/api/v1/nanos/mine",
        "/api/v1/search",
        "/api/v1/admin/audit-logs",
        "/api/v1/admin/moderation/queue",
    ];
    for path in paths {
        let get = async |query: &str| {
            let route = Route::all().into_iter().find(|route| route.path == path && route.method == Method::GET);
            let answer = admin.get(&app, &format!("{path}?{query}")).await;
            route.expect("the route").assert_documented(&answer);
            answer
        };
        for (query, bad) in [
            ("limit=0", "limit RANGE"),
            ("limit=101", "limit RANGE"),
            ("limit=-1", "limit TYPE"),
            ("limit=ten", "limit TYPE"),
            ("limit=99999999999999999999", "limit TYPE"),
            ("page=0", "page RANGE"),
            ("page=10001", "page RANGE"),
            ("page=1.5", "page TYPE"),
        ] {
            let refused = get(query).await;
            assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED", "{path}?{query}");
            let field = &refused.body["error"]["details"]["fields"][0];
            let said = format!("{} {}", field["field"].as_str().unwrap(), field["code"].as_str().unwrap());
            assert_eq!(said, bad, "{path}?{query}");
        }
        for (query, page, limit) in
            [("", 1, 20), ("limit=1", 1, 1), ("limit=100", 1, 100), ("page=10000&limit=100", 10_000, 100)]
        {
            let meta = &get(query).await.body["meta"];
            assert_eq!((&meta["page"], &meta["per_page"]), (&json!(page), &json!(limit)), "{path}?{query}");
        }
        // Links collect foreign parameters; empty ones are as good as absent.
        get("utm_source=mail&page=&limit=5").await.data(StatusCode::OK);
    }
    let bad = "level=4&language=fr&format=opera&creator=me&duration_min=0&duration_max=x&sort=best&limit=0";
    let refused = app.get(&format!("/api/v1/nanos?{bad}")).await;
    assert_eq!(refused.body["error"]["details"]["fields"].as_array().unwrap().len(), 8, "{:#}", refused.body);
    let mut request = app.request(Method::GET, &format!("/api/v1/search?{bad}&published_within=soon&facets=maybe"));
    request = request.query(&[("q", "x".repeat(201))]);
    let refused = answer(request.header("accept-language", "en")).await;
    insta::assert_json_snapshot!("bad_search", refused.snapshot());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_search_filter_alike() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let (ada, bob) = (app.creator("ada").await, app.creator("bob").await);
    publish(&app, &ada, form("Alpha tables", "excel", 1, "de", "text", 5)).await;
    publish(&app, &ada, form("Beta branches", "git", 2, "en", "video", 30)).await;
    let gamma = publish(&app, &bob, form("Gamma portraits", "photography", 3, "en", "text", 120)).await;
    ada.draft(&app, "Hidden draft").await;
    app.drained().await;

    let (all, ada, bob) = (["Alpha", "Beta", "Gamma"], &ada.id, &bob.id);
    for (filter, found) in [
        ("".to_owned(), all.as_slice()),
        ("category=office".into(), &all[..1]),
        ("category=excel".into(), &all[..1]),
        ("category=no-such".into(), &[]),
        ("level=2".into(), &all[1..2]),
        ("language=en".into(), &all[1..]),
        ("format=text&language=en".into(), &all[2..]),
        (format!("creator={ada}"), &all[..2]),
        (format!("creator={bob}"), &all[2..]),
        ("duration_min=30".into(), &all[1..]),
        ("duration_max=30".into(), &all[..2]),
        ("duration_min=6&duration_max=29".into(), &[]),
    ] {
        for path in ["nanos", "search"] {
            let answer = app.get(&format!("/api/v1/{path}?{filter}")).await;
            let mut first: Vec<String> =
                titles(&answer).iter().filter_map(|title| title.split(' ').next().map(str::to_owned)).collect();
            first.sort();
            assert_eq!(first, found, "{path}?{filter}");
            assert_eq!(answer.body["meta"]["total"], found.len(), "{path}?{filter}");
        }
    }
    let newest = ["Gamma portraits", "Beta branches", "Alpha tables"];
    for path in ["nanos?sort=newest", "search?sort=newest", "search?sort=newest&published_within=1h"] {
        assert_eq!(titles(&app.get(&format!("/api/v1/{path}")).await), newest, "{path}");
    }
    for (page, title) in newest.iter().enumerate() {
        for path in ["nanos", "search"] {
            let answer = app.get(&format!("/api/v1/{path}?sort=newest&limit=1&page={}", page + 1)).await;
            assert_eq!(titles(&answer), [*title]);
            assert_eq!(answer.body["meta"], json!({"page": page + 1, "total": 3, "per_page": 1}));
        }
    }

    // Words in any inflection, escaped highlights, facets of everything that was found.
    let answer = app.get("/api/v1/search?q=portrait").await;
    assert_eq!(titles(&answer), ["Gamma portraits"]);
    let hit = &answer.data(StatusCode::OK)["hits"][0];
    assert_eq!((&hit["id"], &hit["highlights"]["title"]), (&json!(gamma), &json!("Gamma <em>portraits</em>")));
    let facets = app.get("/api/v1/search?facets=true&limit=1").await;
    insta::assert_json_snapshot!("facets", facets.data(StatusCode::OK)["facets"]);
    for odd in ["%22", "*", "AND", "title:x", "%5B%5D", "-", "(((", "%F0%9F%A6%80", "a%00b", "%ff"] {
        let answer = app.get(&format!("/api/v1/search?q={odd}")).await;
        assert!(matches!(answer.status.as_u16(), 200 | 422), "{odd}: {:#}", answer.body);
    }
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_index_search_still_finds_titles_and_says_so() {
    // Nobody listens there.
    let away =
        SearchSettings::OpenSearch { url: "http://127.0.0.1:9".parse().unwrap(), login: None, index: "nanos".into() };
    let app = TestApp::start_with(Overrides { search: Some(away), ..Overrides::default() }).await;
    let worker = app.worker().await;
    let creator = app.creator("ada").await;
    publish(&app, &creator, form("Alpha tables", "excel", 1, "de", "text", 5)).await;
    publish(&app, &creator, form("Beta branches", "git", 2, "en", "video", 30)).await;
    for (query, found) in [
        ("q=alpha", vec!["Alpha tables"]),
        ("q=catalogue%20beta", vec!["Beta branches"]),
        ("q=100%25_", vec![]),
        ("sort=newest", vec!["Beta branches", "Alpha tables"]),
        ("category=office&level=1", vec!["Alpha tables"]),
        ("q=alpha&level=2", vec![]),
    ] {
        let answer = app.get(&format!("/api/v1/search?{query}")).await;
        assert_eq!(titles(&answer), found, "{query}");
        assert_eq!(answer.body["meta"]["degraded"], true, "{query}");
        assert_eq!(answer.body["meta"]["total"], found.len(), "{query}");
    }
    let ready = app.get("/ready").await;
    assert_eq!(ready.status, StatusCode::OK);
    assert_eq!((&ready.body["status"], &ready.body["search"]), (&json!("degraded"), &json!("away")));
    worker.stop().await;
    app.discard().await;
}
