//! Access: the rights of every route, private things, and decisions of moderators with their audit rows.

use std::time::Duration;

use domain::{review::ReviewPolicy, user::Role};
use infra::db::{audit_log, nanos};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tests::{
    Answer, TestApp, User, archives,
    client::answer,
    routes::{Access, Route},
    snapshot::redacted,
};
use uuid::Uuid;

const SOON: Duration = Duration::from_secs(20);

fn call(app: &TestApp, route: &Route, id: &str) -> RequestBuilder {
    let request = app.request(route.method.clone(), &route.address(id));
    if route.takes_json() { request.json(&json!({})) } else { request }
}

fn outcome(answer: &Answer) -> String {
    let code = answer.body["error"]["code"].as_str().unwrap_or_default();
    format!("{} {code}", answer.status.as_u16()).trim_end().to_owned()
}

/// Every route with an id that does not exist and an empty body, for everybody: the right comes before the content.
#[tokio::test(flavor = "multi_thread")]
async fn every_route_asks_for_what_it_needs() {
    let app = TestApp::start().await;
    let mut users = Vec::new();
    for role in Role::ALL {
        users.push((role.as_str(), app.user(&format!("the-{role}"), *role).await));
    }
    let mut table = String::new();
    for route in Route::all() {
        let id = Uuid::now_v7().to_string();
        let nobody = answer(call(&app, &route, &id)).await;
        let stranger = answer(call(&app, &route, &id).bearer_auth("eyJhbGciOiJub25lIn0.e30.")).await;
        route.assert_documented(&nobody);
        for (refuses, answer) in
            [(route.access == Access::Protected, &nobody), (route.access != Access::Open, &stranger)]
        {
            if refuses {
                assert_eq!(answer.error(StatusCode::UNAUTHORIZED), "UNAUTHORIZED", "{}", route.name());
                assert_eq!(answer.headers["www-authenticate"], "Bearer");
            }
        }
        let mut row = vec![format!("nobody {}", outcome(&nobody))];
        for (role, user) in &users {
            let mut token = user.token.clone();
            if route.path.ends_with("/logout") {
                token = app.login(&user.email).await.token;
            }
            let answer = answer(call(&app, &route, &id).bearer_auth(token)).await;
            route.assert_documented(&answer);
            let admin_only = route.path.starts_with("/api/v1/admin/audit") && *role != "admin";
            let moderators_only = route.path.starts_with("/api/v1/admin/mod") && !["moderator", "admin"].contains(role);
            if admin_only || moderators_only {
                assert_eq!(answer.error(StatusCode::FORBIDDEN), "FORBIDDEN", "{role} {}", route.name());
            }
            row.push(format!("{role} {}", outcome(&answer)));
        }
        // Neighbours with the same answer share a line.
        let mut lines: Vec<(String, String)> = Vec::new();
        for (who, what) in row.iter().filter_map(|cell| cell.split_once(' ')) {
            match lines.last_mut() {
                Some((all, last)) if *last == what => *all = format!("{all} {who}"),
                _ => lines.push((who.to_owned(), what.to_owned())),
            }
        }
        table.push_str(&format!("{} ({:?})\n", route.name(), route.access));
        lines.iter().for_each(|(who, what)| table.push_str(&format!("    {what}: {who}\n")));
    }
    insta::assert_snapshot!("who_may_call_what", table);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_private_is_not_there_for_others() {
    let app = TestApp::start().await;
    let owner = app.creator("owner").await;
    let nano = owner.draft(&app, "Mine").await;
    let upload = owner.upload(&app, &nano, archives::unit()).await;
    let job = owner.finish(&app, &upload).await;
    let draft = owner.draft(&app, "A draft").await;
    let open = owner.upload(&app, &draft, archives::unit()).await;

    let readable = [
        format!("/api/v1/nanos/{nano}"),
        format!("/api/v1/nanos/{nano}/versions"),
        format!("/api/v1/nanos/{nano}/versions/1"),
        format!("/api/v1/uploads/{upload}"),
        job,
    ];
    let mut calls: Vec<(Method, String)> = readable.iter().map(|path| (Method::GET, path.clone())).collect();
    for (method, path) in [
        (Method::GET, format!("/api/v1/nanos/{nano}/events")),
        (Method::GET, format!("/api/v1/nanos/{nano}/download")),
        (Method::PATCH, format!("/api/v1/nanos/{draft}")),
        (Method::DELETE, format!("/api/v1/nanos/{draft}")),
        (Method::POST, format!("/api/v1/nanos/{draft}/withdraw")),
        (Method::POST, format!("/api/v1/nanos/{draft}/restore")),
        (Method::POST, format!("/api/v1/uploads/{open}/finish")),
        (Method::DELETE, format!("/api/v1/uploads/{open}")),
    ] {
        calls.push((method, path));
    }
    for stranger in [app.creator("rival").await, app.user("reader", Role::Consumer).await] {
        for (method, path) in &calls {
            let refused = answer(stranger.request(&app, method.clone(), path).json(&json!({}))).await;
            assert_eq!(refused.error(StatusCode::NOT_FOUND), "NOT_FOUND", "{method} {path}");
        }
        assert_eq!(stranger.get(&app, "/api/v1/nanos/mine").await.body["meta"]["total"], 0);
    }
    let rival = app.login("rival@nano.test").await;
    assert_eq!(rival.put_file(&app, &draft, archives::unit()).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");

    // Moderators read what they judge; they neither change it nor touch its uploads.
    let moderator = app.user("mod", Role::Moderator).await;
    for path in readable.iter().filter(|path| !path.contains("/uploads/")) {
        moderator.get(&app, path).await.data(StatusCode::OK);
    }
    let edit = answer(moderator.request(&app, Method::PATCH, &calls[7].1).json(&json!({"title": "Theirs"}))).await;
    assert_eq!(edit.error(StatusCode::FORBIDDEN), "FORBIDDEN");
    assert_eq!(moderator.delete(&app, &format!("/api/v1/uploads/{open}")).await.status, StatusCode::NOT_FOUND);

    // Nothing of all that changed anything, and the owner is let in everywhere.
    for path in &readable {
        owner.get(&app, path).await.data(StatusCode::OK);
    }
    let row = nanos::get(&app.db, draft.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((row.title.as_str(), row.status.as_str()), ("A draft", "draft"));
    let upload = owner.get(&app, &format!("/api/v1/uploads/{open}")).await;
    assert_eq!(upload.data(StatusCode::OK)["state"], "received");
    assert_eq!(app.objects().await.len(), 2);
    app.discard().await;
}

/// The moderation queue's case for this nano.
async fn case_of(app: &TestApp, moderator: &User, nano: &str) -> String {
    let queue = moderator.get(app, "/api/v1/admin/moderation/queue?limit=100").await;
    let cases = queue.data(StatusCode::OK).as_array().unwrap();
    let case = cases.iter().find(|case| case["nano"]["id"] == nano).expect("a case of this nano");
    case["id"].as_str().unwrap().to_owned()
}

async fn decide(app: &TestApp, moderator: &User, case: &str, decision: &str, reason: &str) -> Answer {
    let path = format!("/api/v1/admin/moderation/{case}/decision");
    moderator.post(app, &path, &json!({"decision": decision, "reason": reason})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_made_once_take_effect_and_are_written_down() {
    let app = TestApp::start().await;
    let worker = app.worker_with(ReviewPolicy::Always, jobs::registry()).await;
    let creator = app.creator("grace").await;
    let (moderator, colleague) = (app.user("mod", Role::Moderator).await, app.user("col", Role::Moderator).await);
    let admin = app.user("root", Role::Admin).await;
    let good = creator.submit(&app, "Good", archives::unit()).await;
    let bad = creator.submit(&app, "Bad", archives::unit_with(&[("more.txt", b"More.")])).await;
    let own = moderator.submit(&app, "Own", archives::unit_with(&[("own.txt", b"My own.")])).await;
    for (user, nano) in [(&creator, &good), (&creator, &bad), (&moderator, &own)] {
        app.wait_for_status(user, nano, &["pending_review"]).await;
    }
    app.drained().await;
    let queue = moderator.get(&app, "/api/v1/admin/moderation/queue?limit=1&page=2").await;
    assert_eq!(queue.body["meta"], json!({"page": 2, "total": 3, "per_page": 1}));
    assert_eq!(queue.data(StatusCode::OK).as_array().unwrap().len(), 1);
    let mut view = redacted(&queue.data(StatusCode::OK)[0]["version"]);
    view["sha256"] = json!("[hash]");
    view["size"] = json!("[bytes]");
    insta::assert_json_snapshot!("version_in_the_queue", view);

    let case = case_of(&app, &moderator, &own).await;
    assert_eq!(decide(&app, &moderator, &case, "approve", "fine").await.error(StatusCode::FORBIDDEN), "OWN_NANO");
    let case = case_of(&app, &moderator, &bad).await;
    for (decision, reason) in [("delete", "no"), ("approve", ""), ("", "no")] {
        let refused = decide(&app, &moderator, &case, decision, reason).await;
        assert_eq!(refused.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");
    }
    let reason = "The pictures belong to somebody else.";
    insta::assert_json_snapshot!("decided", decide(&app, &moderator, &case, "reject", reason).await.snapshot());
    let late = decide(&app, &colleague, &case, "approve", "fine").await;
    insta::assert_json_snapshot!("decided_already", late.snapshot());

    // Two at once: one of them decides.
    let case = case_of(&app, &moderator, &good).await;
    let (left, right) = tokio::join!(
        decide(&app, &moderator, &case, "approve", "fine"),
        decide(&app, &colleague, &case, "approve", "good")
    );
    let mut statuses = [left.status.as_u16(), right.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    app.wait_for_status(&creator, &good, &["published"]).await;
    app.wait_for_status(&creator, &bad, &["rejected"]).await;
    app.drained().await;
    let mail = app.mail.wait_for(|mail| mail.text.as_ref().is_some_and(|text| text.contains(reason)), SOON).await;
    assert_eq!(mail.unwrap().to, [creator.email.as_str()]);
    assert_eq!(case_of(&app, &colleague, &own).await.len(), 36, "the third still waits");

    // A row per decision, none for what was refused, and the chain holds.
    let rows = admin.get(&app, "/api/v1/admin/audit-logs?action=moderation.decide").await;
    let rows = rows.data(StatusCode::OK).as_array().unwrap();
    let decisions: Vec<Value> = rows
        .iter()
        .map(|row| json!([row["details"]["decision"], row["details"]["nano_id"], row["result"], row["target_type"]]))
        .collect();
    assert_eq!(decisions, [json!(["approve", good, "ok", "case"]), json!(["reject", bad, "ok", "case"])]);
    assert_eq!(rows[1]["actor_id"], moderator.id.as_str());
    assert_eq!(rows[1]["details"]["reason"], reason);
    assert_eq!(rows[1]["ip_prefix"], "127.0.0.0/24");
    let all = admin.get(&app, "/api/v1/admin/audit-logs?limit=1").await;
    let rows = all.body["meta"]["total"].as_u64().unwrap();
    assert_eq!(all.data(StatusCode::OK)[0]["seq"], rows);
    assert_eq!(audit_log::verify(&app.db).await.unwrap(), audit_log::Verdict::Whole { rows });
    let by_actor = admin.get(&app, &format!("/api/v1/admin/audit-logs?user_id={}", colleague.id)).await;
    assert!(
        by_actor.data(StatusCode::OK).as_array().unwrap().iter().all(|row| row["actor_id"] == colleague.id.as_str())
    );
    worker.stop().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_nano_keeps_its_private_side() {
    let app = TestApp::start().await;
    let worker = app.worker().await;
    let creator = app.creator("pia").await;
    let nano = creator.submit(&app, "Public", archives::unit()).await;
    app.wait_for_status(&creator, &nano, &["published"]).await;
    let broken = creator.upload(&app, &nano, b"no archive".to_vec()).await;
    creator.finish(&app, &broken).await;
    app.drained().await;

    let rival = app.creator("rival").await;
    let (nano_path, versions) = (format!("/api/v1/nanos/{nano}"), format!("/api/v1/nanos/{nano}/versions"));
    for (answer, own) in [
        (app.get(&nano_path).await, false),
        (rival.get(&app, &nano_path).await, false),
        (creator.get(&app, &nano_path).await, true),
    ] {
        assert_eq!(answer.data(StatusCode::OK).get("latest_version").is_some(), own);
    }
    assert_eq!(app.get(&versions).await.data(StatusCode::OK).as_array().unwrap().len(), 1);
    assert_eq!(creator.get(&app, &versions).await.data(StatusCode::OK).as_array().unwrap().len(), 2);
    let public = app.get(&format!("{versions}/1")).await;
    for hidden in ["report", "scan", "uploaded_size", "uploaded_sha256", "pipeline"] {
        assert!(public.data(StatusCode::OK).get(hidden).is_none(), "{hidden}");
    }
    assert_eq!(app.get(&format!("{versions}/2")).await.status, StatusCode::NOT_FOUND, "a rejected one is not shown");
    for (method, path) in [(Method::PATCH, nano_path.clone()), (Method::DELETE, nano_path.clone())] {
        let refused = answer(rival.request(&app, method, &path).json(&json!({"title": "Theirs"}))).await;
        assert_eq!(refused.error(StatusCode::FORBIDDEN), "FORBIDDEN");
    }
    assert_eq!(rival.put_file(&app, &nano, archives::unit()).await.status, StatusCode::FORBIDDEN);

    // What a moderating hand took down, its creator does not put back.
    let admin = app.user("root", Role::Admin).await;
    assert_eq!(admin.delete(&app, &nano_path).await.status, StatusCode::NO_CONTENT);
    let restore = format!("{nano_path}/restore");
    let refused = creator.post(&app, &restore, &json!({})).await;
    assert_eq!(refused.error(StatusCode::CONFLICT), "MOVE_NOT_ALLOWED");
    assert_eq!(admin.post(&app, &restore, &json!({})).await.data(StatusCode::OK)["status"], "published");
    assert_eq!(creator.delete(&app, &nano_path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get(&nano_path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(creator.post(&app, &restore, &json!({})).await.data(StatusCode::OK)["status"], "published");
    app.drained().await;
    assert_eq!(app.get("/api/v1/search?q=fraction").await.body["meta"]["total"], 1);
    worker.stop().await;
    app.finish().await;
}
