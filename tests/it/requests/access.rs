//! Access: private things, what waits for review, and decisions of moderators with their audit rows. `matrix.rs` has every
//! route.

use std::time::Duration;

use domain::{review::ReviewPolicy, user::Role};
use infra::db::{audit_log, nanos};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User, archives, client::answer, snapshot::redacted};

const SOON: Duration = Duration::from_secs(20);

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

/// The bytes behind a download's answer.
async fn bytes_of(app: &TestApp, link: &Answer) -> Vec<u8> {
    let url = link.data(StatusCode::OK)["url"].as_str().unwrap();
    app.http.get(url).send().await.unwrap().bytes().await.unwrap().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_review_is_had_by_its_creator_and_its_moderators_alone() {
    let app = TestApp::start().await;
    let worker = app.worker_with(ReviewPolicy::Always, jobs::registry()).await;
    let creator = app.creator("grace").await;
    let (moderator, admin) = (app.user("mod", Role::Moderator).await, app.user("root", Role::Admin).await);
    let mut others = vec![app.creator("rival").await];
    for role in [Role::Consumer, Role::Operator] {
        others.push(app.user(&format!("the-{role}"), role).await);
    }
    let nano = creator.submit(&app, "Waits", archives::unit()).await;
    app.wait_for_status(&creator, &nano, &["pending_review"]).await;
    app.drained().await;
    let path = format!("/api/v1/nanos/{nano}/download?redirect=false");
    let looks = async || {
        let rows = admin.get(&app, "/api/v1/admin/audit-logs?action=moderation.download").await;
        rows.data(StatusCode::OK).as_array().unwrap().clone()
    };
    let downloads =
        async || creator.get(&app, &format!("/api/v1/nanos/{nano}")).await.body["data"]["download_count"].clone();

    for number in ["", "&version=1"] {
        for user in [&creator, &moderator, &admin] {
            let link = user.get(&app, &format!("{path}{number}")).await;
            let file = bytes_of(&app, &link).await;
            assert_eq!(file.get(..4), Some(b"PK\x03\x04".as_slice()), "the archive itself");
            assert_eq!(link.body["data"]["size"], file.len());
        }
        for user in &others {
            let refused = user.get(&app, &format!("{path}{number}")).await;
            assert_eq!(refused.error(StatusCode::NOT_FOUND), "NOT_FOUND", "{}", user.email);
        }
        assert_eq!(app.get(&format!("{path}{number}")).await.status, StatusCode::UNAUTHORIZED);
    }
    let redirect = moderator.get(&app, &format!("/api/v1/nanos/{nano}/download")).await;
    assert_eq!(redirect.status, StatusCode::FOUND);
    assert_eq!(creator.get(&app, &format!("{path}&version=2")).await.status, StatusCode::NOT_FOUND);
    let zero = creator.get(&app, &format!("{path}&version=0")).await;
    assert_eq!(zero.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");

    // Looks of those who judge are written down, the creator's own are not; none of them counts.
    let rows = looks().await;
    let whose = |user: &User| rows.iter().filter(|row| row["actor_id"] == user.id.as_str()).count();
    assert_eq!((rows.len(), whose(&moderator), whose(&admin)), (5, 3, 2));
    assert!(rows.iter().all(|row| row["target_type"] == "version" && row["details"]["nano_id"] == nano.as_str()));
    assert_eq!(downloads().await, 0);

    // Published, it is everybody's and counts; the next version waits beside it.
    let case = case_of(&app, &moderator, &nano).await;
    decide(&app, &moderator, &case, "approve", "fine").await.data(StatusCode::OK);
    app.wait_for_status(&creator, &nano, &["published"]).await;
    others[0].get(&app, &path).await.data(StatusCode::OK);
    moderator.get(&app, &format!("{path}&version=1")).await.data(StatusCode::OK);
    assert_eq!(downloads().await, 2);
    let upload = creator.upload(&app, &nano, archives::unit_with(&[("second.txt", b"Second.")])).await;
    creator.finish(&app, &upload).await;
    app.drained().await;
    let (live, waiting) = (creator.get(&app, &path).await, creator.get(&app, &format!("{path}&version=2")).await);
    assert_ne!(bytes_of(&app, &live).await, bytes_of(&app, &waiting).await);
    assert_eq!(others[0].get(&app, &format!("{path}&version=2")).await.status, StatusCode::NOT_FOUND);
    moderator.get(&app, &format!("{path}&version=2")).await.data(StatusCode::OK);
    assert_eq!((downloads().await, looks().await.len()), (json!(3), 6));

    // What was refused is nobody's any more.
    let case = case_of(&app, &moderator, &nano).await;
    decide(&app, &moderator, &case, "reject", "Not this one.").await.data(StatusCode::OK);
    for user in [&creator, &moderator] {
        assert_eq!(user.get(&app, &format!("{path}&version=2")).await.status, StatusCode::NOT_FOUND);
    }
    app.drained().await;
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
