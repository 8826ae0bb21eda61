//! Administering accounts, by API and at a terminal: who may, what it ends and how soon, and the rules that hold for both.

use domain::user::Role;
use infra::db::audit_log;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Answer, TestApp, User,
    client::{PASSWORD, answer},
    database,
};

use super::cli::{cli, with_input};

async fn list(app: &TestApp, admin: &User, query: &str) -> Vec<String> {
    let found = admin.get(app, &format!("/api/v1/admin/users{query}")).await;
    let rows = found.data(StatusCode::OK).as_array().unwrap();
    rows.iter().map(|row| row["username"].as_str().unwrap().to_owned()).collect()
}

async fn act(app: &TestApp, admin: &User, whom: &User, act: &str) -> Answer {
    let path = format!("/api/v1/admin/users/{}/{act}", whom.id);
    admin.post(app, &path, &json!({"reason": "because"})).await
}

async fn set_role(app: &TestApp, admin: &User, whom: &User, role: &str) -> Answer {
    let request = admin.request(app, Method::PUT, &format!("/api/v1/admin/users/{}/role", whom.id));
    answer(request.json(&json!({"role": role, "reason": "because"}))).await
}

async fn me(app: &TestApp, user: &User) -> Answer {
    user.get(app, "/api/v1/auth/me").await
}

async fn login(app: &TestApp, user: &User) -> Answer {
    app.post("/api/v1/auth/login", &json!({"email": user.email, "password": PASSWORD})).await
}

/// The newest row of the audit log with this action: its actor, target and details.
async fn audited(app: &TestApp, action: &str) -> (Option<String>, Option<String>, Value) {
    let filter = audit_log::Filter { actor: None, action: Some(action.into()) };
    let row = audit_log::page(&app.db, &filter, 0, 1).await.unwrap().0.remove(0);
    let text = |id: Option<uuid::Uuid>| id.map(|id| id.to_string());
    (text(row.entry.actor_id), text(row.entry.target_id), row.entry.details)
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_found_by_what_is_known_of_them() {
    let app = TestApp::start().await;
    let admin = app.user("root", Role::Admin).await;
    for name in ["ada", "ada_2", "bert", "adb"] {
        app.creator(name).await;
    }
    database::execute(&app.db, "UPDATE users SET name = 'Countess Ada' WHERE username = 'bert'").await.unwrap();
    database::execute(&app.db, "UPDATE users SET status = 'suspended' WHERE username = 'ada'").await.unwrap();
    let sorted = async |query: &str| {
        let mut names = list(&app, &admin, query).await;
        names.sort();
        names
    };
    assert_eq!(list(&app, &admin, "").await, ["adb", "bert", "ada_2", "ada", "root"], "the newest first");
    let found = admin.get(&app, "/api/v1/admin/users").await;
    assert_eq!(found.headers["cache-control"], "no-store", "addresses of people stay in no cache");
    assert_eq!(sorted("?q=ADA").await, ["ada", "ada_2", "bert"], "address, username or name");
    assert_eq!(sorted("?q=ada_").await, ["ada_2"], "no wildcards");
    assert_eq!(sorted("?q=Ada@nano.test").await, ["ada"]);
    assert_eq!(sorted("?q=%25").await, [""; 0]);
    assert_eq!(sorted("?role=admin").await, ["root"]);
    assert_eq!(sorted("?status=suspended&role=creator").await, ["ada"]);
    let page = admin.get(&app, "/api/v1/admin/users?limit=2&page=2").await;
    assert_eq!((page.data(StatusCode::OK).as_array().unwrap().len(), &page.body["meta"]["total"]), (2, &json!(5)));
    let wrong = admin.get(&app, "/api/v1/admin/users?roles=admin").await;
    assert_eq!(wrong.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED", "a mistyped filter is told");
    let shown = cli(&app, &["admin", "list", "ada", "--role", "creator", "--json"]).await.json();
    assert_eq!(shown["total"], 3);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_and_suspensions_count_at_once_and_are_written_down() {
    let app = TestApp::start().await;
    let (admin, user) = (app.user("root", Role::Admin).await, app.user("mona", Role::Consumer).await);
    assert_eq!(user.get(&app, "/api/v1/admin/moderation/queue").await.status, StatusCode::FORBIDDEN);
    assert_eq!(set_role(&app, &admin, &user, "moderator").await.data(StatusCode::OK)["role"], "moderator");
    assert_eq!(user.get(&app, "/api/v1/admin/moderation/queue").await.status, StatusCode::OK, "with the same token");
    let (actor, target, details) = audited(&app, "user.set_role").await;
    assert_eq!((actor.as_ref(), target.as_ref()), (Some(&admin.id), Some(&user.id)));
    assert_eq!(details, json!({"reason": "because", "before": {"role": "consumer"}, "after": {"role": "moderator"}}));

    let suspended = act(&app, &admin, &user, "suspend").await;
    let row = suspended.data(StatusCode::OK);
    assert_eq!((&row["status"], &row["suspension_reason"]), (&json!("suspended"), &json!("because")));
    assert_eq!(me(&app, &user).await.error(StatusCode::FORBIDDEN), "ACCOUNT_NOT_ACTIVE");
    assert_eq!(login(&app, &user).await.error(StatusCode::FORBIDDEN), "ACCOUNT_NOT_ACTIVE");
    let again = act(&app, &admin, &user, "suspend").await;
    assert_eq!(again.error(StatusCode::CONFLICT), "ACCOUNT_STATE");
    assert_eq!(again.body["error"]["details"]["status"], "suspended");
    let row = act(&app, &admin, &user, "unsuspend").await;
    assert_eq!(row.data(StatusCode::OK)["suspension_reason"], Value::Null);
    assert_eq!(act(&app, &admin, &user, "unsuspend").await.error(StatusCode::CONFLICT), "ACCOUNT_STATE");
    assert_eq!(me(&app, &user).await.error(StatusCode::UNAUTHORIZED), "SESSION_ENDED", "sessions of before stay ended");
    let user = app.login(&user.email).await;

    assert_eq!(act(&app, &admin, &user, "end-sessions").await.status, StatusCode::OK);
    assert_eq!(me(&app, &user).await.error(StatusCode::UNAUTHORIZED), "SESSION_ENDED");
    assert_eq!(act(&app, &admin, &user, "remove-second-factor").await.error(StatusCode::CONFLICT), "ACCOUNT_STATE");
    for action in ["user.suspend", "user.unsuspend", "user.end_sessions"] {
        assert_eq!(audited(&app, action).await.1.as_ref(), Some(&user.id), "{action}");
    }
    app.run_all_due().await;
    let subjects: Vec<String> = app.mail.messages().into_iter().map(|mail| mail.subject).collect();
    assert_eq!(
        subjects,
        [
            "Your role was changed",
            "Your account is suspended",
            "Your account is open again",
            "You were signed out everywhere"
        ]
    );
    let told = app.mail.messages().remove(0).text.unwrap();
    assert!(told.contains("\"moderator\""), "{told}");
    let nobody = User { id: uuid::Uuid::now_v7().to_string(), ..user };
    assert_eq!(act(&app, &admin, &nobody, "suspend").await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_judges_themselves_and_one_admin_stays() {
    let app = TestApp::start().await;
    let (admin, other) = (app.user("root", Role::Admin).await, app.user("second", Role::Admin).await);
    assert_eq!(set_role(&app, &admin, &admin, "consumer").await.error(StatusCode::FORBIDDEN), "OWN_ACCOUNT");
    for own in ["suspend", "unsuspend", "remove-second-factor"] {
        assert_eq!(act(&app, &admin, &admin, own).await.error(StatusCode::FORBIDDEN), "OWN_ACCOUNT", "{own}");
    }
    // Each removes the other at once: one stays.
    for round in 0..3 {
        let (left, right) =
            tokio::join!(set_role(&app, &admin, &other, "creator"), act(&app, &other, &admin, "suspend"));
        let done = [&left, &right].iter().filter(|answer| answer.status == StatusCode::OK).count();
        assert_eq!(done, 1, "round {round}: {:#} {:#}", left.body, right.body);
        let admins = "SELECT COUNT(*) FROM users WHERE role = 'admin' AND status = 'active'";
        assert_eq!(database::number(&app.db, admins).await.unwrap(), 1);
        database::execute(&app.db, "UPDATE users SET role = 'admin', status = 'active'").await.unwrap();
        database::execute(&app.db, "UPDATE refresh_tokens SET revoked_at = NULL").await.unwrap();
    }
    assert_eq!(set_role(&app, &admin, &other, "creator").await.status, StatusCode::OK);
    // Not even at a terminal.
    for arguments in [
        ["admin", "suspend", "--username", "root", "--reason", "because"].as_slice(),
        &["admin", "set-role", "--username", "root", "--role", "creator", "--reason", "because"],
    ] {
        let refused = cli(&app, arguments).await;
        assert_eq!((refused.code, refused.err.contains("last active admin")), (1, true), "{}", refused.err);
    }
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_does_the_same_and_names_who_sat_at_it() {
    let app = TestApp::start().await;
    let (_admin, user) = (app.user("root", Role::Admin).await, app.user("mona", Role::Consumer).await);
    let run = async |arguments: &[&str]| {
        let all = [&["admin"], arguments, &["--reason", "because", "--json"]].concat();
        cli(&app, &all).await
    };
    let role = run(&["set-role", "--email", "Mona@nano.test", "--role", "operator"]).await.json();
    assert_eq!((&role["username"], &role["role"]), (&json!("mona"), &json!("operator")));
    assert_eq!(me(&app, &user).await.data(StatusCode::OK)["role"], "operator");
    let (actor, target, details) = audited(&app, "user.set_role").await;
    assert_eq!((actor, target.as_ref()), (None, Some(&user.id)));
    assert_eq!((&details["reason"], &details["by"]["command"]), (&json!("because"), &json!("worker admin set-role")));

    assert_eq!(run(&["end-sessions", "--id", &user.id]).await.code, 0);
    assert_eq!(me(&app, &user).await.error(StatusCode::UNAUTHORIZED), "SESSION_ENDED");
    assert_eq!(run(&["suspend", "--username", "mona"]).await.json()["status"], "suspended");
    assert_eq!(login(&app, &user).await.error(StatusCode::FORBIDDEN), "ACCOUNT_NOT_ACTIVE");
    assert_eq!(run(&["unsuspend", "--username", "mona"]).await.json()["status"], "active");
    let missing = run(&["suspend", "--username", "nobody"]).await;
    assert_eq!((missing.code, missing.err.contains("no such account")), (1, true), "{}", missing.err);
    let factorless = run(&["remove-second-factor", "--username", "mona"]).await;
    assert_eq!((factorless.code, factorless.err.contains("no second factor")), (1, true), "{}", factorless.err);
    assert_eq!(run(&["suspend"]).await.code, 2, "somebody has to be named");

    // A lost telephone: the login asks for no code any more.
    let factor = "INSERT INTO second_factors (user_id, secret, enabled_at, created_at)
                  SELECT id, '', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) FROM users WHERE username = 'mona'";
    database::execute(&app.db, factor).await.unwrap();
    assert_eq!(login(&app, &user).await.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_REQUIRED");
    assert_eq!(run(&["remove-second-factor", "--username", "mona"]).await.json()["second_factor"], false);
    login(&app, &user).await.data(StatusCode::OK);
    let shown = cli(&app, &["admin", "list", "mona"]).await;
    assert!(shown.out.contains("mona") && shown.out.contains("operator"), "{}", shown.out);
    app.run_all_due().await;
    app.finish().await;
}

/// Whoever typed an address that nobody has confirmed may be anybody.
#[tokio::test(flavor = "multi_thread")]
async fn unconfirmed_accounts_get_no_rights_and_no_notices() {
    let app = TestApp::start().await;
    let (admin, typist) = (app.user("root", Role::Admin).await, app.user("typist", Role::Consumer).await);
    database::execute(&app.db, "UPDATE users SET email_verified_at = NULL WHERE username = 'typist'").await.unwrap();
    assert_eq!(set_role(&app, &admin, &typist, "moderator").await.error(StatusCode::CONFLICT), "ACCOUNT_UNCONFIRMED");
    set_role(&app, &admin, &typist, "creator").await.data(StatusCode::OK);
    let why = ["--reason", "the boss"];
    let refused =
        cli(&app, &[&["admin", "set-role", "--email", &typist.email, "--role", "creator"][..], &why].concat()).await;
    assert_eq!((refused.code, refused.err.contains("--username")), (1, true), "{}", refused.err);
    let change = json!({"current_password": PASSWORD, "new_password": "quite another phrase"});
    let changed = typist.post(&app, "/api/v1/auth/change-password", &change).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    assert_eq!(database::number(&app.db, "SELECT COUNT(*) FROM email_deliveries").await.unwrap(), 0);
    // Nor does one of them count as another admin.
    database::execute(&app.db, "UPDATE users SET role = 'admin' WHERE username = 'typist'").await.unwrap();
    let by_cli = cli(&app, &[&["admin", "suspend", "--username", "root"][..], &why].concat()).await;
    assert_eq!((by_cli.code, by_cli.err.contains("last active admin")), (1, true), "{}", by_cli.err);
    app.finish().await;
}

async fn token(app: &TestApp, user: &User, name: &str) -> (String, User) {
    let form = json!({"name": name, "scopes": ["read"], "expires_in_days": 30, "password": PASSWORD});
    let made = user.post(app, "/api/v1/auth/tokens", &form).await;
    let made = made.data(StatusCode::CREATED);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["token"]["id"]), User { token: text(&made["secret"]), ..user.clone() })
}

#[tokio::test(flavor = "multi_thread")]
async fn access_tokens_of_others_are_seen_and_revoked() {
    let app = TestApp::start().await;
    let (admin, user) = (app.user("root", Role::Admin).await, app.user("mona", Role::Consumer).await);
    let path = format!("/api/v1/admin/users/{}/tokens", user.id);
    let revoke =
        async |form: Value| admin.post(&app, &format!("/api/v1/admin/users/{}/revoke-tokens", user.id), &form).await;
    let (first, script) = token(&app, &user, "first").await;
    let (second, other) = token(&app, &user, "second").await;
    let listed = admin.get(&app, &path).await;
    assert_eq!(listed.headers["cache-control"], "no-store");
    let listed = listed.data(StatusCode::OK);
    let ids: Vec<&str> = listed.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [second.as_str(), first.as_str()]);
    assert!(!listed.to_string().contains("nano_pat_"), "{listed}");
    assert_eq!(user.get(&app, &path).await.error(StatusCode::FORBIDDEN), "FORBIDDEN");

    assert_eq!(revoke(json!({"token": first, "reason": "leaked"})).await.status, StatusCode::OK);
    assert_eq!(revoke(json!({"token": first, "reason": "leaked"})).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    assert_eq!(
        (me(&app, &script).await.status, me(&app, &other).await.status),
        (StatusCode::UNAUTHORIZED, StatusCode::OK)
    );
    let (actor, target, details) = audited(&app, "user.revoke_tokens").await;
    assert_eq!((actor.as_ref(), target.as_ref()), (Some(&admin.id), Some(&user.id)));
    assert_eq!(details, json!({"reason": "leaked", "token": first, "revoked_tokens": 1}));
    assert_eq!(revoke(json!({"reason": "because"})).await.status, StatusCode::OK);
    assert_eq!(me(&app, &other).await.status, StatusCode::UNAUTHORIZED);

    // At a terminal the same; and whoever is let in again after a suspension makes new ones.
    let (third, script) = token(&app, &user, "third").await;
    let shown = cli(&app, &["admin", "tokens", "--username", "mona"]).await;
    assert!(shown.out.contains(&third) && shown.out.contains("third"), "{}{}", shown.out, shown.err);
    let why = ["--reason", "because"];
    let gone =
        cli(&app, &[&["admin", "revoke-tokens", "--username", "mona", "--token", &third][..], &why].concat()).await;
    assert_eq!((gone.code, me(&app, &script).await.status), (0, StatusCode::UNAUTHORIZED), "{}", gone.err);
    let (_, script) = token(&app, &user, "fourth").await;
    assert_eq!(act(&app, &admin, &user, "suspend").await.status, StatusCode::OK);
    assert_eq!(act(&app, &admin, &user, "unsuspend").await.status, StatusCode::OK);
    assert_eq!(me(&app, &script).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(audited(&app, "user.suspend").await.2["revoked_tokens"], 1);
    app.run_all_due().await;
    let told = app.mail.messages().into_iter().filter(|mail| mail.subject == "Access tokens for your account revoked");
    assert_eq!(told.count(), 3);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_makes_an_account_at_a_terminal_is_named() {
    let app = TestApp::start().await;
    let made = with_input(
        &app,
        &["admin", "create", "--email", "root@nano.test", "--username", "root", "--password-stdin"],
        "correct horse battery\n",
    )
    .await;
    assert_eq!(made.code, 0, "{}", made.err);
    let (actor, target, details) = audited(&app, "user.created").await;
    assert_eq!((actor, target.as_deref()), (None, Some(made.out.trim())));
    assert_eq!((&details["role"], &details["by"]["command"]), (&json!("admin"), &json!("worker admin create")));
    assert!(details["by"]["os_uid"].is_number() && details["by"]["host"].is_string(), "{details}");
    let again = with_input(
        &app,
        &["admin", "create", "--email", "root@nano.test", "--username", "other", "--password-stdin"],
        "correct horse battery\n",
    )
    .await;
    assert_eq!((again.code, again.err.contains("exists already")), (1, true), "{}", again.err);
    app.finish().await;
}
