//! Made from the OpenAPI document: every route that changes something, and every admin route, is refused to whoever
//! lacks the right it declares, and then nothing has changed; and every change of the fleet is written down once.

use domain::user::{Permission, Role};
use infra::db::audit_log;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{
    Answer, TestApp, User,
    client::answer,
    database,
    routes::{Access, Needs, Route},
};

use super::things::{Things, schedule};

fn guarded() -> impl Iterator<Item = Route> {
    Route::all().into_iter().filter(|route| route.is_mutating() || route.is_for_admins())
}

#[test]
fn every_route_that_changes_something_declares_who_may_call_it() {
    let wrong = undeclared(guarded());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The test above can fail: routes that somebody might add.
#[test]
fn a_route_that_declares_nothing_or_too_little_is_found() {
    let bearer = json!([{"bearer": []}]);
    for (method, path, operation) in [
        ("post", "/api/v1/nanos/{id}/explode", json!({"security": bearer})),
        ("post", "/api/v1/nanos/{id}/explode", json!({"security": bearer, "x-permission": "nanos:explode"})),
        ("post", "/api/v1/nanos/{id}/explode", json!({"security": bearer, "x-permission": "open"})),
        ("post", "/api/v1/nanos/{id}/explode", json!({"x-permission": "nanos:manage"})),
        ("get", "/api/v1/admin/secrets", json!({"security": bearer, "x-permission": "signed_in"})),
        ("post", "/api/v1/admin/jobs/{id}/explode", json!({"security": bearer, "x-permission": "jobs:read"})),
    ] {
        let route = Route::new(method, path, &operation, &Value::Null);
        assert_eq!(undeclared([route]).len(), 1, "{method} {path} {operation}");
    }
}

fn undeclared(routes: impl IntoIterator<Item = Route>) -> Vec<String> {
    let mut wrong = Vec::new();
    for route in routes {
        let needs = match route.needs() {
            Ok(needs) => needs,
            Err(problem) => {
                wrong.push(format!("{}: {problem}", route.name()));
                continue;
            }
        };
        let open = needs.contains(&Needs::Open);
        if open != (route.access == Access::Open) || (open && needs.len() > 1) {
            wrong.push(format!("{}: {needs:?}, but {:?} by its security", route.name(), route.access));
        }
        if route.is_for_admins() && !needs.iter().any(|need| matches!(need, Needs::Right(_))) {
            wrong.push(format!("{}: an admin route needs a right, not {needs:?}", route.name()));
        }
        let fleet = route.is_for_admins() && route.path.contains("/jobs");
        let operates = needs.contains(&Needs::Right(Permission::JobsOperate));
        if fleet && operates != route.is_mutating() {
            wrong.push(format!("{}: reads need jobs:read, changes jobs:operate, not {needs:?}", route.name()));
        }
    }
    wrong
}

/// Whether a signed-in person of this role, who owns nothing here, may call it.
fn may(route: &Route, role: Role) -> bool {
    route.needs().unwrap().iter().all(|need| need.allows(role))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lacks_the_right_is_refused_and_nothing_changes() {
    let app = TestApp::start().await;
    let owner = app.creator("owner").await;
    let things = Things::of(&app, &owner).await;
    schedule(&app).await;
    let mut people: Vec<(Role, User)> = Vec::new();
    for role in Role::ALL {
        people.push((*role, app.user(&format!("the-{role}"), *role).await));
    }
    let before = database::checksums(&app.db).await.unwrap();
    let (mut routes, mut refusals) = (0, 0);
    for route in guarded().filter(|route| route.access != Access::Open) {
        routes += 1;
        let nobody = answer(things.request(&app, &route)).await;
        route.assert_documented(&nobody);
        assert_eq!(nobody.error(StatusCode::UNAUTHORIZED), "UNAUTHORIZED", "{}", route.name());
        refusals += 1;
        for (role, user) in people.iter().filter(|(role, _)| !may(&route, *role)) {
            let refused = answer(things.request(&app, &route).bearer_auth(&user.token)).await;
            let name = format!("{role}: {}", route.name());
            route.assert_documented(&refused);
            let code = refused.body["error"]["code"].as_str().unwrap_or_default();
            let expected = matches!(
                (refused.status, code),
                (StatusCode::FORBIDDEN, "FORBIDDEN") | (StatusCode::NOT_FOUND, "NOT_FOUND")
            );
            assert!(expected, "{name} answers {} {code}", refused.status);
            if refused.status == StatusCode::FORBIDDEN && route.is_for_admins() {
                let right = refused.body["error"]["details"]["permission"].as_str().unwrap_or_default();
                let declared = route.needs().unwrap();
                assert!(declared.contains(&Needs::Right(right.parse().unwrap())), "{name} asks for {right}");
            }
            let after = database::checksums(&app.db).await.unwrap();
            after.assert_same(&before, &format!("{name} was refused"));
            refusals += 1;
        }
    }
    assert!(routes > 20 && refusals > 100, "{routes} routes, {refusals} refusals: too few to mean anything");
    app.discard().await;
}

async fn newest_audit_row(app: &TestApp) -> (u64, Option<domain::audit::Link>) {
    let (rows, _) = audit_log::page(&app.db, &audit_log::Filter::default(), 0, 1).await.unwrap();
    (rows.first().map_or(0, |row| row.seq), rows.into_iter().next())
}

/// Every change of jobs, queues, limits, workers and schedules, as an operator.
#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_the_fleet_is_written_down_once() {
    let app = TestApp::start().await;
    let operator = app.user("operator", Role::Operator).await;
    schedule(&app).await;
    let mut written = Vec::new();
    for route in guarded().filter(|route| route.is_mutating() && route.path.contains("/jobs/")) {
        let things = Things::steered(&app, &route).await;
        let (before, _) = newest_audit_row(&app).await;
        let done: Answer = answer(things.request(&app, &route).bearer_auth(&operator.token)).await;
        let name = route.name();
        assert!(done.status.is_success(), "{name}: {} {:#}", done.status, done.body);
        route.assert_documented(&done);
        let (after, row) = newest_audit_row(&app).await;
        assert_eq!(after, before + 1, "{name} writes one row");
        let entry = row.unwrap().entry;
        assert_eq!(entry.actor_id.map(|id| id.to_string()), Some(operator.id.clone()), "{name}: who");
        let sent = match route.body()["reason"].as_str() {
            Some(reason) => reason.to_owned(),
            None => url::form_urlencoded::parse(route.query().as_bytes())
                .find(|(name, _)| name == "reason")
                .map(|(_, reason)| reason.into_owned())
                .unwrap_or_else(|| panic!("{name} takes no reason")),
        };
        let details = entry.details.as_object().expect("details");
        assert_eq!(details["reason"], sent.as_str(), "{name}: why");
        let (from, to) = (details.get("before"), details.get("after"));
        assert!(from.is_some() && to.is_some() && from != to, "{name}: from {from:?} to {to:?}");
        assert_ne!(to, Some(&Value::Null).filter(|_| route.method != "DELETE"), "{name}");
        written.push(format!("{} -> {}", name, entry.action));
    }
    insta::assert_snapshot!("what_is_written_down", written.join("\n"));
    let verdict = audit_log::verify(&app.db).await.unwrap();
    assert!(matches!(verdict, audit_log::Verdict::Whole { .. }), "{verdict:?}");
    app.discard().await;
}
