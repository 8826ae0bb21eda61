//! Every operation of the OpenAPI document, called by everybody there is, about things of an owner who is one of them.

use domain::{review::ReviewPolicy, user::Role};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::json;
use tests::{
    Answer, TestApp, User, archives,
    client::answer,
    routes::{Access, Needs, Route},
};

use super::things::{Things, end_maintenance, schedule};

/// Somebody who calls.
struct Caller {
    name: &'static str,
    role: Role,
    user: User,
}

async fn callers(app: &TestApp) -> Vec<Caller> {
    let mut list = Vec::new();
    for (name, role) in [
        ("consumer", Role::Consumer),
        ("owner", Role::Creator),
        ("creator", Role::Creator),
        ("moderator", Role::Moderator),
        ("operator", Role::Operator),
        ("admin", Role::Admin),
        // Whose role would allow everything.
        ("suspended", Role::Admin),
    ] {
        list.push(Caller { name, role, user: app.user(&format!("the-{name}"), role).await });
    }
    sqlx::query("UPDATE users SET status = 'suspended' WHERE username = 'the-suspended'")
        .execute(app.db.pool())
        .await
        .unwrap();
    list
}

impl Caller {
    /// Whether the route's own words let this person in.
    fn may(&self, needs: &[Needs]) -> bool {
        let owns =
            |need: &Needs| self.name == "owner" && matches!(need, Needs::Owner | Needs::OwnerOr(_) | Needs::Member);
        self.name != "suspended" && needs.iter().all(|need| need.allows(self.role) || owns(need))
    }
}

/// Of accounts only the forms are looked at, which are sent empty: what they do is about the caller.
fn about_the_caller(route: &Route) -> bool {
    ["/api/v1/auth/", "/api/v1/users/me/"].iter().any(|own| route.path.starts_with(own)) || route.path == "/api/v1/me"
}

fn call(app: &TestApp, route: &Route, things: &Things) -> RequestBuilder {
    let request = app.request(route.method.clone(), &things.address(route));
    match route {
        _ if route.path.ends_with("/file") => request.header("content-type", "application/zip").body(archives::unit()),
        _ if about_the_caller(route) && route.takes_json() => request.json(&json!({})),
        _ if route.takes_json() => request.json(&route.body()),
        _ => request,
    }
}

fn outcome(answer: &Answer) -> String {
    let code = answer.body["error"]["code"].as_str().unwrap_or_default();
    format!("{} {code}", answer.status.as_u16()).trim_end().to_owned()
}

/// What the route's own words promise of this answer.
#[track_caller]
fn assert_as_declared(route: &Route, caller: &Caller, answer: &Answer) {
    let name = format!("{}: {}", caller.name, route.name());
    if route.access == Access::Open {
        return;
    }
    if caller.name == "suspended" {
        assert_eq!(answer.error(StatusCode::FORBIDDEN), "ACCOUNT_NOT_ACTIVE", "{name}");
        return;
    }
    if let Ok(needs) = route.needs() {
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&answer.status);
        // What has no thing yet is not there for those who may look for it either.
        let of_nothing =
            ["/bulk/{id}", "/sessions/{id}", "/tokens/{id}", "/lists/{id}", "/me/data-export", "/me/deletion"];
        let of_nothing = of_nothing.iter().any(|end| route.path.contains(end))
            || ["/chats", "/data-requests"].iter().any(|end| route.path.ends_with(end));
        let nothing = of_nothing && answer.status == StatusCode::NOT_FOUND;
        assert_eq!(refused, !caller.may(&needs) || nothing, "{name} answers {}", outcome(answer));
    }
}

/// The snapshot has the status of every operation for everybody. A new operation is in none until somebody has looked.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_what_it_needs() {
    let app = TestApp::start().await;
    schedule(&app).await;
    let callers = callers(&app).await;
    let owner = callers.iter().find(|caller| caller.name == "owner").unwrap().user.clone();
    // What is only looked at waits for review, so that it has everything to be seen.
    let worker = app.worker_with(ReviewPolicy::Always, jobs::registry()).await;
    let waiting = owner.submit(&app, "Waits", archives::unit()).await;
    app.wait_for_status(&owner, &waiting, &["pending_review"]).await;
    app.drained().await;
    worker.stop().await;
    let shared = Things { nano: waiting, ..Things::of(&app, &owner).await };
    let mut table = String::new();
    for route in Route::all() {
        let things = if route.is_mutating() { shared.renewed(&app, &owner, &route).await } else { shared.clone() };
        let nobody = answer(call(&app, &route, &things)).await;
        let stranger = answer(call(&app, &route, &things).bearer_auth("eyJhbGciOiJub25lIn0.e30.")).await;
        for (refuses, answer) in
            [(route.access == Access::Protected, &nobody), (route.access != Access::Open, &stranger)]
        {
            if refuses {
                assert_eq!(answer.error(StatusCode::UNAUTHORIZED), "UNAUTHORIZED", "{}", route.name());
                assert_eq!(answer.headers["www-authenticate"], "Bearer");
            }
        }
        let mut row = vec![("nobody", outcome(&nobody))];
        for caller in &callers {
            let mut token = caller.user.token.clone();
            if route.path.ends_with("/logout") && caller.name != "suspended" {
                token = app.login(&caller.user.email).await.token;
            }
            // Who may change something finds it as nobody has changed it yet.
            let allowed = route.is_mutating() && route.needs().is_ok_and(|needs| caller.may(&needs));
            let things = if allowed { shared.renewed(&app, &owner, &route).await } else { things.clone() };
            let answer = answer(call(&app, &route, &things).bearer_auth(token)).await;
            assert_as_declared(&route, caller, &answer);
            row.push((caller.name, outcome(&answer)));
        }
        let admin = callers.iter().find(|caller| caller.name == "admin").unwrap();
        end_maintenance(&app, &admin.user, &route).await;
        // Neighbours with the same answer share a line.
        let mut lines: Vec<(String, String)> = Vec::new();
        for (who, what) in row {
            match lines.last_mut() {
                Some((all, last)) if *last == what => *all = format!("{all} {who}"),
                _ => lines.push((who.to_owned(), what)),
            }
        }
        table.push_str(&format!("{} ({:?})\n", route.name(), route.access));
        lines.iter().for_each(|(who, what)| table.push_str(&format!("    {what}: {who}\n")));
    }
    insta::assert_snapshot!("who_may_call_what", table);
    app.discard().await;
}
