//! Refusals of operators' pages and bulk actions: input that is not understood, and people without the right.

use domain::user::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User, client::answer};
use uuid::Uuid;

use super::admin_jobs::{Apple, End, Thing};

#[track_caller]
fn bad_fields(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    let list = answer.body["error"]["details"]["fields"].as_array().expect("bad fields");
    list.iter()
        .map(|field| format!("{} {}", field["field"].as_str().unwrap(), field["code"].as_str().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_refused_and_named() {
    let app = TestApp::start().await;
    let operator = app.user("otto", Role::Operator).await;
    for (query, expected) in [
        ("colour=red", "colour UNKNOWN"),
        ("states=discarded", "states UNKNOWN"),
        ("state=dead", "state CHOICE"),
        ("state=discarded,dead", "state CHOICE"),
        ("kind=Send%20Email", "kind FORMAT"),
        ("kind=a&kind=b", "kind TYPE"),
        ("queue=mial", "queue NO_SUCH"),
        ("tenant=7", "tenant FORMAT"),
        ("reference=nano", "reference FORMAT"),
        ("reference=planet:019aa1c2-5d10-7c3e-8f21-0b6f2d9e4a11", "reference FORMAT"),
        ("reference=nano:12", "reference FORMAT"),
        ("fingerprint=00ff", "fingerprint FORMAT"),
        ("fingerprint=zz112233445566778899aabbccddeeff", "fingerprint FORMAT"),
        ("since=yesterday", "since FORMAT"),
        ("until=2026-13-01T00:00:00Z", "until FORMAT"),
        ("limit=0", "limit RANGE"),
        ("limit=101", "limit RANGE"),
        ("limit=ten", "limit TYPE"),
    ] {
        let answer = operator.get(&app, &format!("/api/v1/admin/jobs?{query}")).await;
        assert_eq!(bad_fields(&answer), [expected], "{query}");
    }
    let answer = operator.get(&app, "/api/v1/admin/jobs?state=dead&since=then&what=1").await;
    assert_eq!(bad_fields(&answer), ["state CHOICE", "since FORMAT", "what UNKNOWN"]);

    app.put(&Apple(Thing::new(1, End::Complete))).await;
    app.put(&Apple(Thing::new(2, End::Complete))).await;
    let page = operator.get(&app, "/api/v1/admin/jobs?limit=1").await;
    let cursor = page.body["meta"]["next_cursor"].as_str().unwrap();
    let other = format!("/api/v1/admin/jobs?state=available&cursor={cursor}");
    let cut = format!("/api/v1/admin/jobs?cursor={}", &cursor[1..]);
    for path in [
        other.as_str(),
        cut.as_str(),
        "/api/v1/admin/jobs?cursor=%00",
        "/api/v1/admin/jobs/errors?cursor=AAAA",
        "/api/v1/admin/jobs/bulk?cursor=AAAA",
    ] {
        assert_eq!(operator.get(&app, path).await.error(StatusCode::BAD_REQUEST), "CURSOR_INVALID", "{path}");
    }
    for (path, expected) in [
        ("errors?class=", Vec::new()),
        ("errors?order=asc", vec!["order UNKNOWN"]),
        ("queues?window_minutes=0", vec!["window_minutes RANGE"]),
        ("queues?window_minutes=121", vec!["window_minutes RANGE"]),
        ("workers?ended=maybe", vec!["ended TYPE"]),
        ("stats?step=day", vec!["step CHOICE"]),
        ("stats?by=worker", vec!["by CHOICE"]),
        ("stats?since=2026-11-22T10:00:00Z&until=2026-11-22T09:00:00Z", vec!["since MUST_BE"]),
        ("stats?since=2020-01-01T00:00:00Z", vec!["since MUST_BE"]),
        ("events?topics=weather", vec!["topics CHOICE"]),
    ] {
        let answer = operator.get(&app, &format!("/api/v1/admin/jobs/{path}")).await;
        if expected.is_empty() {
            answer.data(StatusCode::OK);
        } else {
            assert_eq!(bad_fields(&answer), expected, "{path}");
        }
    }
    for path in ["not-an-id", "bulk/not-an-id"] {
        assert_eq!(operator.get(&app, &format!("/api/v1/admin/jobs/{path}")).await.status, StatusCode::NOT_FOUND);
    }
    bad_bulk(&app, &operator).await;
    app.discard().await;
}

async fn bad_bulk(app: &TestApp, operator: &User) {
    let good = json!({"action": "retry", "filter": {"kind": "test_apple"}, "reason": "again"});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    for (body, expected) in [
        (json!({}), vec!["action MISSING", "filter MISSING", "reason MISSING"]),
        (with("filter", json!({})), vec!["filter EMPTY"]),
        (with("filter", json!("all")), vec!["filter TYPE"]),
        (with("filter", json!({"colour": "red"})), vec!["filter.colour UNKNOWN"]),
        (with("filter", json!({"state": ["completed"]})), vec!["filter.state MUST_BE"]),
        (with("filter", json!({"state": "discarded"})), vec!["filter.state TYPE"]),
        (with("filter", json!({"fingerprint": "x"})), vec!["filter.fingerprint FORMAT"]),
        (with("filter", json!({"ids": []})), vec!["filter.ids EMPTY"]),
        (with("filter", json!({"ids": ["x"]})), vec!["filter.ids FORMAT"]),
        (with("filter", json!({"ids": [Uuid::now_v7()], "kind": "test_apple"})), vec!["filter.ids ALONE"]),
        (
            with("filter", json!({"ids": (0..1_001).map(|_| Uuid::now_v7()).collect::<Vec<_>>()})),
            vec!["filter.ids TOO_MANY"],
        ),
        (with("action", json!("delete")), vec!["action CHOICE"]),
        (with("reason", json!("")), vec!["reason EMPTY"]),
        (with("reason", json!("a".repeat(501))), vec!["reason TOO_LONG"]),
        (with("per_second", json!(0)), vec!["per_second RANGE"]),
        (with("per_second", json!(1001)), vec!["per_second RANGE"]),
        (with("per_second", json!(-1)), vec!["per_second RANGE"]),
        (with("dry_run", json!("yes")), vec!["dry_run TYPE"]),
        (with("force", json!(true)), vec!["force UNKNOWN"]),
    ] {
        let answer = operator.post(app, "/api/v1/admin/jobs/bulk", &body).await;
        assert_eq!(bad_fields(&answer), expected, "{body}");
    }
    let left = app.enqueued::<queue::builtin::BulkAction>().await;
    assert!(left.is_empty(), "nothing was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_who_may_read_read_and_only_operators_act() {
    let app = TestApp::start().await;
    let paths = [
        "/api/v1/admin/jobs".to_owned(),
        "/api/v1/admin/jobs/errors".to_owned(),
        "/api/v1/admin/jobs/queues".to_owned(),
        "/api/v1/admin/jobs/workers".to_owned(),
        "/api/v1/admin/jobs/stats".to_owned(),
        "/api/v1/admin/jobs/kinds".to_owned(),
        "/api/v1/admin/jobs/bulk".to_owned(),
        "/api/v1/admin/jobs/schedules/prune_ledger/ticks".to_owned(),
        format!("/api/v1/admin/jobs/{}/similar", Uuid::now_v7()),
        "/api/v1/admin/overview".to_owned(),
        "/api/v1/admin/jobs/events".to_owned(),
        format!("/api/v1/admin/jobs/{}", Uuid::now_v7()),
        format!("/api/v1/admin/jobs/bulk/{}", Uuid::now_v7()),
    ];
    let body = json!({"action": "retry", "filter": {"kind": "test_apple"}, "reason": "again", "dry_run": true});
    for role in Role::ALL {
        let user = app.user(&format!("the-{role}"), *role).await;
        let (reads, acts) = match role {
            Role::Consumer | Role::Creator => (false, false),
            Role::Moderator => (true, false),
            Role::Operator | Role::Admin => (true, true),
        };
        for path in &paths {
            let response = user.request(&app, Method::GET, path).send().await.unwrap();
            assert_eq!(response.status() != StatusCode::FORBIDDEN, reads, "{role} {path}");
        }
        let answer = user.post(&app, "/api/v1/admin/jobs/bulk", &body).await;
        assert_eq!(answer.status, if acts { StatusCode::OK } else { StatusCode::FORBIDDEN }, "{role}");
    }
    assert_eq!(answer(app.request(Method::GET, &paths[0])).await.status, StatusCode::UNAUTHORIZED);
    app.finish().await;
}
