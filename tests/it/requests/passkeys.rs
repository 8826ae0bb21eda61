//! Passkeys: added, used instead of a password and after one, counted, copied, removed; and every answer that is not the right one.

use api::Settings;
use chrono::TimeDelta;
use db::clock::Clock;
use domain::user::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Answer, TestApp, User,
    app::Overrides,
    authenticator::{Key, SITE},
    client::{PASSWORD, answer},
    database,
};
use uuid::Uuid;

use super::{
    identity::{confirm, count, mails, register, retention, start, token as token_of},
    second_factor::{Phone, STEP, login},
};

const PASSKEYS: &str = "/api/v1/auth/passkeys";

/// A challenge: its ceremony and what an authenticator is given.
struct Asked {
    ceremony: Value,
    options: Value,
}

impl Asked {
    fn of(answer: &Answer) -> Self {
        assert_eq!(answer.headers["cache-control"], "no-store");
        let data = answer.data(StatusCode::OK);
        Self { ceremony: data["ceremony"].clone(), options: data["options"].clone() }
    }

    fn with(&self, credential: &Value) -> Value {
        json!({"ceremony": self.ceremony, "credential": credential})
    }
}

async fn ask(app: &TestApp) -> Asked {
    Asked::of(&answer(app.request(Method::POST, &format!("{PASSKEYS}/challenge"))).await)
}

/// What a form takes as `passkey`.
async fn proof(app: &TestApp, key: &mut Key) -> Value {
    let asked = ask(app).await;
    asked.with(&key.answer(SITE, &asked.options))
}

async fn sign_in(app: &TestApp, form: &Value) -> Answer {
    app.post(&format!("{PASSKEYS}/login"), form).await
}

async fn begin(app: &TestApp, user: &User, proof: Value) -> Answer {
    let mut form = json!({"password": PASSWORD});
    form.as_object_mut().unwrap().extend(proof.as_object().unwrap().clone());
    user.post(app, &format!("{PASSKEYS}/begin"), &form).await
}

async fn finish(app: &TestApp, user: &User, asked: &Asked, credential: &Value) -> Answer {
    let mut form = asked.with(credential);
    form["name"] = json!("telephone");
    user.post(app, PASSKEYS, &form).await
}

/// Adds a passkey; `proof` is the second factor there is already. The answer of the API.
async fn add(app: &TestApp, user: &User, key: &mut Key, proof: Value) -> Value {
    let asked = Asked::of(&begin(app, user, proof).await);
    let made = key.create(SITE, &asked.options);
    finish(app, user, &asked, &made).await.data(StatusCode::CREATED).clone()
}

async fn remove(app: &TestApp, user: &User, id: &Value, proof: Value) -> Answer {
    let mut form = json!({"password": PASSWORD});
    form.as_object_mut().unwrap().extend(proof.as_object().unwrap().clone());
    user.post(app, &format!("{PASSKEYS}/{}/remove", id.as_str().unwrap()), &form).await
}

async fn list(app: &TestApp, user: &User) -> Vec<Value> {
    user.get(app, PASSKEYS).await.data(StatusCode::OK).as_array().unwrap().clone()
}

/// The person behind an access token that a sign-in gave.
async fn whoami(app: &TestApp, signed_in: &Answer) -> Value {
    let token = signed_in.data(StatusCode::OK)["access_token"].as_str().unwrap();
    let me = answer(app.request(Method::GET, "/api/v1/auth/me").bearer_auth(token)).await;
    me.data(StatusCode::OK)["id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_added_named_used_and_removed() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    let elsewhere = app.login(&user.email).await;
    let guess = user.post(&app, &format!("{PASSKEYS}/begin"), &json!({"password": "a guess"})).await;
    assert_eq!(guess.error(StatusCode::UNAUTHORIZED), "INVALID_CREDENTIALS");

    let (mut telephone, mut metal) = (Key::default(), Key::counting());
    let added = add(&app, &user, &mut telephone, json!({})).await;
    let recovery = added["recovery_codes"].as_array().unwrap();
    assert_eq!(recovery.len(), 10, "with the first second factor");
    assert_eq!(elsewhere.get(&app, "/api/v1/auth/me").await.status, StatusCode::UNAUTHORIZED, "other sessions end");
    let state = user.get(&app, "/api/v1/auth/2fa").await.data(StatusCode::OK).clone();
    assert_eq!(
        (&state["enabled_at"], &state["passkeys"], &state["recovery_codes_left"]),
        (&json!(null), &json!(1), &json!(10))
    );

    // A password asks for it from now on.
    let asked = login(&app, &user, None).await;
    assert_eq!(asked.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_REQUIRED");
    assert_eq!(asked.body["error"]["details"]["methods"], json!(["passkey", "recovery_code"]));
    let passkey = proof(&app, &mut telephone).await;
    let form = json!({"email": user.email, "password": PASSWORD, "passkey": passkey});
    let signed_in = app.post("/api/v1/auth/login", &form).await;
    assert_eq!(whoami(&app, &signed_in).await, user.id);
    login(&app, &user, recovery[0].as_str()).await.data(StatusCode::OK);
    // It needs no password, and no name.
    let mut form = proof(&app, &mut telephone).await;
    form["cookie"] = json!(true);
    let signed_in = sign_in(&app, &form).await;
    assert_eq!(whoami(&app, &signed_in).await, user.id);
    assert!(signed_in.headers["set-cookie"].to_str().unwrap().contains("nano_refresh"));

    // A second one takes the first as proof.
    let refused = begin(&app, &user, json!({})).await;
    assert_eq!(refused.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_REQUIRED");
    let with = json!({"passkey": proof(&app, &mut telephone).await});
    let second = add(&app, &user, &mut metal, with).await;
    assert_eq!(second.get("recovery_codes"), None);
    let listed = list(&app, &user).await;
    assert_eq!((listed.len(), &listed[0]["id"]), (2, &added["passkey"]["id"]));
    assert!(listed[0]["last_used_at"].is_string() && listed[1]["last_used_at"].is_null(), "{listed:#?}");
    let path = format!("{PASSKEYS}/{}", second["passkey"]["id"].as_str().unwrap());
    let renamed = answer(user.request(&app, Method::PATCH, &path).json(&json!({"name": "key of metal"}))).await;
    assert_eq!(renamed.data(StatusCode::OK)["name"], "key of metal");
    let stranger = app.user("mallory", Role::Admin).await;
    let foreign = answer(stranger.request(&app, Method::PATCH, &path).json(&json!({"name": "mine"}))).await;
    assert_eq!(foreign.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    assert_eq!(remove(&app, &stranger, &second["passkey"]["id"], json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(list(&app, &user).await[1]["name"], "key of metal");

    let gone = remove(&app, &user, &added["passkey"]["id"], json!({"passkey": proof(&app, &mut metal).await})).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{:#}", gone.body);
    let form = proof(&app, &mut telephone).await;
    assert_eq!(sign_in(&app, &form).await.error(StatusCode::UNAUTHORIZED), "PASSKEY_INVALID");
    let without = remove(&app, &user, &second["passkey"]["id"], json!({})).await;
    assert_eq!(without.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_REQUIRED");
    let gone = remove(&app, &user, &second["passkey"]["id"], json!({"code": recovery[1]})).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{:#}", gone.body);
    login(&app, &user, None).await.data(StatusCode::OK);
    assert_eq!(count(&app, "recovery_codes").await, 0, "they are worth nothing alone");

    let subjects: Vec<String> = mails(&app, &user.email).await.into_iter().map(|mail| mail.subject).collect();
    let (new, gone) = ("A new passkey for your account", "Passkey removed");
    assert_eq!(subjects, [new, "A recovery code was used", new, gone, gone]);
    for (row, number) in [
        ("action = 'auth.passkey_add' AND details LIKE '%ended_sessions%'", 1),
        ("action = 'auth.passkey_add'", 2),
        ("action = 'auth.passkey_remove'", 2),
        ("action = 'auth.login' AND details LIKE '%\"passkey\"%'", 2),
    ] {
        assert_eq!(count(&app, &format!("audit_log WHERE {row}")).await, number, "{row}");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_answer_lets_in() {
    let app = start().await;
    let (user, other) = (app.user("vera", Role::Consumer).await, app.user("wanda", Role::Consumer).await);
    let mut key = Key::default();
    add(&app, &user, &mut key, json!({})).await;
    let refused = async |what: &str, form: Value| {
        let answer = sign_in(&app, &form).await;
        assert_eq!(answer.error(StatusCode::UNAUTHORIZED), "PASSKEY_INVALID", "{what}");
    };

    let asked = ask(&app).await;
    // A page of a subdomain may ask for the same passkeys; its answers are not ours.
    refused("another origin", asked.with(&key.answer("https://www.nano.test", &asked.options))).await;
    let asked = ask(&app).await;
    refused("another port", asked.with(&key.answer("https://nano.test:8443", &asked.options))).await;
    let (asked, mixed) = (ask(&app).await, ask(&app).await);
    let right = key.answer(SITE, &asked.options);
    refused("another challenge", mixed.with(&right)).await;
    sign_in(&app, &asked.with(&right)).await.data(StatusCode::OK);
    refused("a repeat", asked.with(&right)).await;
    let asked = ask(&app).await;
    let wrong = key.answer("https://www.nano.test", &asked.options);
    refused("a wrong answer", asked.with(&wrong)).await;
    refused("the right one after it", asked.with(&key.answer(SITE, &asked.options))).await;

    let asked = ask(&app).await;
    let mut foreign = key.answer(SITE, &asked.options);
    let handle = base64_url(other.id.parse::<Uuid>().unwrap().as_bytes());
    foreign["response"]["userHandle"] = json!(handle);
    refused("somebody else's name", asked.with(&foreign)).await;
    let asked = ask(&app).await;
    let mut nobody = key.answer(SITE, &asked.options);
    nobody["response"]["userHandle"] = Value::Null;
    refused("nobody's name", asked.with(&nobody)).await;
    let mut asked = ask(&app).await;
    asked.options["userVerification"] = json!("discouraged");
    refused("nobody verified", asked.with(&key.answer(SITE, &asked.options))).await;
    let asked = ask(&app).await;
    let mut changed = key.answer(SITE, &asked.options);
    changed["response"]["signature"] = right["response"]["signature"].clone();
    refused("another signature", asked.with(&changed)).await;

    // Made for an account, and never handed in.
    let mut unknown = Key::default();
    let begun = Asked::of(&begin(&app, &other, json!({})).await);
    unknown.create(SITE, &begun.options);
    refused("an unknown passkey", proof(&app, &mut unknown).await).await;
    let asked = ask(&app).await;
    app.advance(TimeDelta::minutes(5));
    refused("too late", asked.with(&key.answer(SITE, &asked.options))).await;
    let never = json!({"ceremony": Uuid::new_v4(), "credential": right});
    refused("a challenge of nobody", never).await;
    let nonsense = sign_in(&app, &json!({"ceremony": "x", "credential": {"id": 7}})).await;
    assert_eq!(nonsense.error(StatusCode::UNPROCESSABLE_ENTITY), "VALIDATION_FAILED");

    let form = proof(&app, &mut key).await;
    let (left, right) = tokio::join!(sign_in(&app, &form), sign_in(&app, &form));
    let mut statuses = [left.status.as_u16(), right.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401], "of one answer at once one");
    // What nobody answers does not stay.
    ask(&app).await;
    app.advance(TimeDelta::minutes(6));
    retention(&app).await;
    assert_eq!(count(&app, "passkey_ceremonies").await, 0);
    app.run_all_due().await;
    app.finish().await;
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_asked_for_is_added() {
    let app = start().await;
    let (user, other) = (app.user("vera", Role::Consumer).await, app.user("wanda", Role::Consumer).await);
    let refused = async |what: &str, whom: &User, asked: &Asked, made: &Value| {
        let answer = finish(&app, whom, asked, made).await;
        assert_eq!(answer.error(StatusCode::UNAUTHORIZED), "PASSKEY_INVALID", "{what}");
    };
    let asked = Asked::of(&begin(&app, &user, json!({})).await);
    let made = Key::default().create("https://www.nano.test", &asked.options);
    refused("another origin", &user, &asked, &made).await;
    let asked = Asked::of(&begin(&app, &user, json!({})).await);
    let mut key = Key::default();
    let made = key.create(SITE, &asked.options);
    refused("somebody else's challenge", &other, &asked, &made).await;
    let mixed = Asked::of(&begin(&app, &user, json!({})).await);
    refused("another challenge", &user, &mixed, &made).await;
    let login_challenge = ask(&app).await;
    refused("a challenge for signing in", &user, &login_challenge, &made).await;
    let late = Asked::of(&begin(&app, &user, json!({})).await);
    app.advance(TimeDelta::minutes(5));
    refused("too late", &user, &late, &Key::default().create(SITE, &late.options)).await;

    let asked = Asked::of(&begin(&app, &user, json!({})).await);
    let mut unverified = asked.options.clone();
    unverified["authenticatorSelection"]["userVerification"] = json!("discouraged");
    refused("nobody verified", &user, &asked, &Key::default().create(SITE, &unverified)).await;
    let asked = Asked::of(&begin(&app, &user, json!({})).await);
    let made = key.create(SITE, &asked.options);
    finish(&app, &user, &asked, &made).await.data(StatusCode::CREATED);
    refused("a repeat", &user, &asked, &made).await;
    assert_eq!(list(&app, &user).await.len(), 1);
    assert!(list(&app, &other).await.is_empty());

    // What somebody has begun ends with the password they knew.
    let begun = Asked::of(&begin(&app, &other, json!({})).await);
    let change = json!({"current_password": PASSWORD, "new_password": "quite another phrase"});
    assert_eq!(other.post(&app, "/api/v1/auth/change-password", &change).await.status, StatusCode::NO_CONTENT);
    refused("begun before", &other, &begun, &Key::default().create(SITE, &begun.options)).await;
    app.run_all_due().await;
    app.finish().await;
}

/// The second factor of one person is none of another's, however right the answer is.
#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_of_somebody_else_is_a_wrong_code() {
    let app = start().await;
    let (user, other) = (app.user("vera", Role::Consumer).await, app.user("wanda", Role::Consumer).await);
    let (mut own, mut foreign) = (Key::default(), Key::default());
    add(&app, &user, &mut own, json!({})).await;
    add(&app, &other, &mut foreign, json!({})).await;
    let with = async |key: &mut Key| {
        let passkey = proof(&app, key).await;
        app.post("/api/v1/auth/login", &json!({"email": user.email, "password": PASSWORD, "passkey": passkey})).await
    };
    for _ in 0..5 {
        assert_eq!(with(&mut foreign).await.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_INVALID");
    }
    assert_eq!(with(&mut own).await.error(StatusCode::TOO_MANY_REQUESTS), "TOO_MANY_ATTEMPTS");
    // Alone it lets its owner in all the same.
    let form = proof(&app, &mut own).await;
    assert_eq!(whoami(&app, &sign_in(&app, &form).await).await, user.id);
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_counts_less_than_before_may_be_a_copy() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    let mut key = Key::counting();
    add(&app, &user, &mut key, json!({})).await;
    let mut copy = key.clone();
    for _ in 0..3 {
        let form = proof(&app, &mut key).await;
        sign_in(&app, &form).await.data(StatusCode::OK);
    }
    for _ in 0..2 {
        let form = proof(&app, &mut copy).await;
        assert_eq!(sign_in(&app, &form).await.error(StatusCode::UNAUTHORIZED), "PASSKEY_INVALID");
    }
    let form = proof(&app, &mut key).await;
    sign_in(&app, &form).await.data(StatusCode::OK);
    assert_eq!(count(&app, "audit_log WHERE action = 'auth.passkey_copied' AND result = 'denied'").await, 1);
    let told = mails(&app, &user.email).await;
    let told = told.iter().filter(|mail| mail.subject == "One of your passkeys may have been copied").count();
    assert_eq!(told, 1, "once a day");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_who_needs_a_second_factor_keeps_one() {
    let settings: fn(&mut Settings) = |settings| settings.require_admin_2fa = true;
    let clock = Clock::manual(Clock::System.now());
    let app = TestApp::start_with(Overrides { clock, settings: Some(settings), ..Overrides::default() }).await;
    let admin = app.user("root", Role::Admin).await;
    let closed = admin.get(&app, "/api/v1/admin/users").await;
    assert_eq!(closed.error(StatusCode::FORBIDDEN), "SECOND_FACTOR_SETUP_REQUIRED");
    let mut key = Key::default();
    let added = add(&app, &admin, &mut key, json!({})).await;
    let row = admin.get(&app, "/api/v1/admin/users").await.data(StatusCode::OK)[0].clone();
    assert_eq!(row["second_factor"], true);
    let last = remove(&app, &admin, &added["passkey"]["id"], json!({"passkey": proof(&app, &mut key).await})).await;
    assert_eq!(last.error(StatusCode::CONFLICT), "LAST_SECOND_FACTOR");
    assert_eq!(list(&app, &admin).await.len(), 1);
    // With an app beside it either may go. Nobody who has found an open session and the password adds one.
    let unproven = admin.post(&app, "/api/v1/auth/2fa/setup", &json!({ "password": PASSWORD })).await;
    assert_eq!(unproven.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_REQUIRED");
    let phone = Phone::beside_passkey(&app, admin.clone(), proof(&app, &mut key).await).await;
    let off = json!({"password": PASSWORD, "code": phone.code(&app)});
    assert_eq!(admin.post(&app, "/api/v1/auth/2fa/disable", &off).await.status, StatusCode::NO_CONTENT);
    assert_eq!(count(&app, "recovery_codes").await, 10, "the passkey still has them");
    let phone = Phone::beside_passkey(&app, admin.clone(), proof(&app, &mut key).await).await;
    app.advance(STEP);
    let gone = remove(&app, &admin, &added["passkey"]["id"], json!({"code": phone.code(&app)})).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{:#}", gone.body);
    admin.get(&app, "/api/v1/admin/users").await.data(StatusCode::OK);
    app.run_all_due().await;
    app.finish().await;
}

/// Whoever is suspended is not let in, whoever loses theirs is helped by an administrator, and an account takes them along.
#[tokio::test(flavor = "multi_thread")]
async fn they_end_with_the_account() {
    let app = start().await;
    let (admin, user) = (app.user("root", Role::Admin).await, app.user("vera", Role::Consumer).await);
    let mut key = Key::default();
    add(&app, &user, &mut key, json!({})).await;
    let act = async |act: &str| {
        let path = format!("/api/v1/admin/users/{}/{act}", user.id);
        admin.post(&app, &path, &json!({"reason": "because"})).await.data(StatusCode::OK).clone()
    };
    act("suspend").await;
    let form = proof(&app, &mut key).await;
    assert_eq!(sign_in(&app, &form).await.error(StatusCode::FORBIDDEN), "ACCOUNT_NOT_ACTIVE");
    act("unsuspend").await;
    assert_eq!(act("remove-second-factor").await["second_factor"], false);
    let form = proof(&app, &mut key).await;
    assert_eq!(sign_in(&app, &form).await.error(StatusCode::UNAUTHORIZED), "PASSKEY_INVALID");
    login(&app, &user, None).await.data(StatusCode::OK);

    // Planted before the address was confirmed.
    register(&app, "wanda@nano.test", "wanda", PASSWORD).await.data(StatusCode::ACCEPTED);
    let link = token_of(&app, "wanda@nano.test").await;
    let planted = app.login("wanda@nano.test").await;
    add(&app, &planted, &mut key, json!({})).await;
    assert_eq!(confirm(&app, &link).await.status, StatusCode::NO_CONTENT);
    let form = proof(&app, &mut key).await;
    assert_eq!(sign_in(&app, &form).await.error(StatusCode::UNAUTHORIZED), "PASSKEY_INVALID");
    assert_eq!(count(&app, "passkeys").await, 0);

    let user = app.login(&user.email).await;
    add(&app, &user, &mut Key::default(), json!({})).await;
    begin(&app, &admin, json!({})).await.data(StatusCode::OK);
    database::execute(&app.db, "UPDATE users SET status = 'deleted' WHERE username = 'vera'").await.unwrap();
    app.advance(TimeDelta::days(7 * 366));
    retention(&app).await;
    for table in ["passkeys", "passkey_ceremonies", "recovery_codes"] {
        assert_eq!(count(&app, table).await, 0, "{table}");
    }
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_a_name_has_none() {
    let settings: fn(&mut Settings) = |settings| settings.public_url = "http://192.0.2.7:8080".parse().unwrap();
    let app = TestApp::start_with(Overrides { settings: Some(settings), ..Overrides::default() }).await;
    let user = app.user("vera", Role::Consumer).await;
    let asked = answer(app.request(Method::POST, &format!("{PASSKEYS}/challenge"))).await;
    assert_eq!(asked.error(StatusCode::CONFLICT), "PASSKEYS_UNAVAILABLE");
    assert_eq!(begin(&app, &user, json!({})).await.error(StatusCode::CONFLICT), "PASSKEYS_UNAVAILABLE");
    assert!(list(&app, &user).await.is_empty());
    app.finish().await;
}
