//! `Link` headers: a list is walked by them, from page to page.

use std::collections::HashMap;

use domain::user::Role;
use reqwest::{Method, StatusCode};
use tests::{Answer, TestApp, User, app::Overrides, client::answer};

/// Targets by relation.
fn links(answer: &Answer) -> HashMap<String, String> {
    let header = answer.headers.get("link").map_or("", |value| value.to_str().unwrap());
    let links = header.split(", ").filter(|link| !link.is_empty()).map(|link| {
        let (target, relation) = link.split_once(">; rel=\"").unwrap();
        (relation.trim_end_matches('"').to_owned(), target.trim_start_matches('<').to_owned())
    });
    links.collect()
}

/// Every id of a list, and the pages it came in.
async fn walk(app: &TestApp, user: &User, first: &str) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut next) = (Vec::new(), 0, Some(first.to_owned()));
    while let Some(path) = next {
        let answer = user.get(app, &path).await;
        let list = answer.data(StatusCode::OK).as_array().unwrap();
        ids.extend(list.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()));
        pages += 1;
        assert!(pages < 20, "it does not end");
        next = links(&answer).remove("next");
    }
    (ids, pages)
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_walked_by_their_links() {
    let app = TestApp::start().await;
    let (ada, moderator) = (app.creator("ada").await, app.user("mod", Role::Moderator).await);
    let mut drafts = Vec::new();
    for n in 0..5 {
        drafts.push(ada.draft(&app, &format!("Draft {n}")).await);
        app.put(&jobs::RemoveObject { key: format!("nobody/{n}") }).await;
    }
    drafts.reverse();
    let (ids, pages) = walk(&app, &ada, "/api/v1/nanos/mine?limit=2&status=draft").await;
    assert_eq!((ids, pages), (drafts, 3));
    let (jobs, pages) = walk(&app, &moderator, "/api/v1/admin/jobs?limit=2&kind=remove_object").await;
    assert_eq!((jobs.len(), pages), (5, 3));

    let middle = links(&ada.get(&app, "/api/v1/nanos/mine?page=2&limit=2&status=draft").await);
    let page = |n: u32| format!("/api/v1/nanos/mine?limit=2&status=draft&page={n}");
    let expected = [("next", page(3)), ("prev", page(1)), ("first", page(1)), ("last", page(3))];
    assert_eq!(middle, expected.map(|(relation, target)| (relation.to_owned(), target)).into());
    let nothing = links(&ada.get(&app, "/api/v1/nanos").await);
    assert_eq!(nothing["first"], "/api/v1/nanos?page=1");
    assert!(!nothing.contains_key("next") && !nothing.contains_key("prev"));
    // Only lists have any.
    assert!(links(&ada.get(&app, "/api/v1/auth/me").await).is_empty());
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_origins_may_read_these_headers() {
    let settings: fn(&mut api::Settings) =
        |settings| settings.cors_origins = vec!["https://app.example".parse().unwrap()];
    let app = TestApp::start_with(Overrides { settings: Some(settings), ..Overrides::default() }).await;
    let asked = answer(app.request(Method::GET, "/api/v1/nanos").header("origin", "https://app.example")).await;
    let exposed = asked.headers["access-control-expose-headers"].to_str().unwrap().to_lowercase();
    for name in ["link", "etag", "location", "retry-after", "ratelimit", "idempotent-replayed", "deprecation", "sunset"]
    {
        assert!(exposed.split(',').any(|one| one.trim() == name), "{name} is not in {exposed}");
    }
    let preflight = app
        .request(Method::OPTIONS, "/api/v1/nanos")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .send()
        .await
        .unwrap();
    let allowed = preflight.headers()["access-control-allow-headers"].to_str().unwrap().to_lowercase();
    for name in ["idempotency-key", "if-match", "if-none-match"] {
        assert!(allowed.split(',').any(|one| one.trim() == name), "{name} is not in {allowed}");
    }
    app.finish().await;
}
