//! The second factor: set up, asked for at logins, used once, guessed at, lost.

use api::Settings;
use chrono::TimeDelta;
use db::clock::Clock;
use domain::{ids::UserId, second_factor::Secret, user::Role};
use futures::future::join_all;
use infra::db::{second_factors, users};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Answer, TestApp, User, app::Overrides, client::PASSWORD, client::answer};

use super::{
    identity::{confirm, count, mails, register, retention, start, token as token_of},
    logins::{cookie_pair, policy},
    password_reset::wait_for_waiting,
    verification_mails::rows_with,
};

pub(super) const STEP: TimeDelta = TimeDelta::seconds(30);

/// Somebody with an authenticator app.
pub(super) struct Phone {
    pub(super) user: User,
    secret: Secret,
    pub(super) recovery: Vec<String>,
}

pub(super) async fn login(app: &TestApp, user: &User, code: Option<&str>) -> Answer {
    let mut form = json!({"email": user.email, "password": PASSWORD});
    if let Some(code) = code {
        form["code"] = json!(code);
    }
    app.post("/api/v1/auth/login", &form).await
}

/// What a secret in base 32 stands for.
pub fn bytes_of(base32: &str) -> Vec<u8> {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for letter in base32.bytes() {
        let value = letters.iter().position(|known| *known == letter).expect("base 32");
        bits = (bits << 5) | u32::try_from(value).unwrap();
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).unwrap());
        }
    }
    bytes
}

async fn set_up(app: &TestApp, user: &User) -> Secret {
    set_up_with(app, user, &json!({ "password": PASSWORD })).await
}

async fn set_up_with(app: &TestApp, user: &User, proof: &Value) -> Secret {
    let made = user.post(app, "/api/v1/auth/2fa/setup", proof).await;
    let made = made.data(StatusCode::OK);
    let (secret, uri) = (made["secret"].as_str().unwrap(), made["uri"].as_str().unwrap());
    assert!(uri.starts_with("otpauth://totp/Nano:") && uri.contains(secret), "{uri}");
    Secret::new(&bytes_of(secret)).unwrap()
}

async fn enable(app: &TestApp, user: &User, code: &str) -> Answer {
    user.post(app, "/api/v1/auth/2fa/enable", &json!({ "code": code })).await
}

fn codes(answer: &Answer) -> Vec<String> {
    let codes = answer.data(StatusCode::OK)["recovery_codes"].as_array().unwrap();
    codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

impl Phone {
    /// With a code that was not used yet.
    pub(super) async fn of(app: &TestApp, user: User) -> Self {
        Self::with(app, user, &json!({ "password": PASSWORD })).await
    }

    /// Of somebody who has a passkey, and answers with it.
    pub(super) async fn beside_passkey(app: &TestApp, user: User, passkey: Value) -> Self {
        Self::with(app, user, &json!({"password": PASSWORD, "passkey": passkey})).await
    }

    async fn with(app: &TestApp, user: User, proof: &Value) -> Self {
        let secret = set_up_with(app, &user, proof).await;
        let recovery = codes(&enable(app, &user, &secret.code(app.clock.now())).await);
        app.advance(STEP);
        Self { user, secret, recovery }
    }

    pub(super) fn code(&self, app: &TestApp) -> String {
        self.secret.code(app.clock.now())
    }
}

fn token(answer: &Answer) -> &str {
    answer.data(StatusCode::OK)["access_token"].as_str().unwrap()
}

async fn state(app: &TestApp, user: &User) -> Value {
    user.get(app, "/api/v1/auth/2fa").await.data(StatusCode::OK).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_set_up_with_a_code_and_asked_for_from_then_on() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    assert_eq!(
        state(&app, &user).await,
        json!({"enabled_at": null, "passkeys": 0, "recovery_codes_left": 0, "required": false})
    );
    assert_eq!(enable(&app, &user, "123456").await.error(StatusCode::CONFLICT), "SECOND_FACTOR_STATE");
    let guess = user.post(&app, "/api/v1/auth/2fa/setup", &json!({"password": "a guess"})).await;
    assert_eq!(guess.error(StatusCode::UNAUTHORIZED), "INVALID_CREDENTIALS");

    let first = set_up(&app, &user).await;
    let secret = set_up(&app, &user).await;
    let now = app.clock.now();
    assert_eq!(enable(&app, &user, &first.code(now)).await.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_INVALID");
    assert_eq!(enable(&app, &user, "a word").await.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_INVALID");
    // Until then nobody is asked.
    let elsewhere = login(&app, &user, None).await;
    let enabled = enable(&app, &user, &secret.code(now)).await;
    assert_eq!(enabled.headers["cache-control"], "no-store");
    let recovery = codes(&enabled);
    assert_eq!(recovery.len(), 10);
    let other = User { token: token(&elsewhere).to_owned(), ..user.clone() };
    assert_eq!(other.get(&app, "/api/v1/auth/me").await.status, StatusCode::UNAUTHORIZED, "other sessions end");
    let state = state(&app, &user).await;
    assert!(state["enabled_at"].is_string() && state["recovery_codes_left"] == 10, "{state}");
    let again = user.post(&app, "/api/v1/auth/2fa/setup", &json!({ "password": PASSWORD })).await;
    assert_eq!(again.error(StatusCode::CONFLICT), "SECOND_FACTOR_STATE");

    assert_eq!(login(&app, &user, None).await.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_REQUIRED");
    let wrong = app.post("/api/v1/auth/login", &json!({"email": user.email, "password": "x", "code": "1"})).await;
    assert_eq!(wrong.error(StatusCode::UNAUTHORIZED), "INVALID_CREDENTIALS", "the password comes first");
    // The code it was switched on with is used up, and so is each that lets somebody in.
    let used = login(&app, &user, Some(&secret.code(now))).await;
    assert_eq!(used.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_INVALID");
    app.advance(STEP);
    let code = secret.code(app.clock.now());
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    let (left, right) = tokio::join!(login(&app, &user, Some(&code)), login(&app, &user, Some(&spaced)));
    let mut statuses = [left.status.as_u16(), right.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401], "of one code at once one");
    app.advance(STEP);
    assert_eq!(login(&app, &user, Some(&code)).await.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_INVALID");

    let subjects: Vec<String> = mails(&app, &user.email).await.into_iter().map(|mail| mail.subject).collect();
    assert_eq!(subjects, ["Second factor switched on"]);
    let with_app = "audit_log WHERE action = 'auth.login' AND details LIKE '%\"app\"%'";
    assert_eq!(count(&app, with_app).await, 1);
    assert_eq!(count(&app, "audit_log WHERE action = 'auth.2fa_enable'").await, 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_secret_nor_recovery_codes_can_be_read_in_the_database() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    let made = user.post(&app, "/api/v1/auth/2fa/setup", &json!({ "password": PASSWORD })).await;
    let base32 = made.data(StatusCode::OK)["secret"].as_str().unwrap();
    let secret = bytes_of(base32);
    let recovery = codes(&enable(&app, &user, &Secret::new(&secret).unwrap().code(app.clock.now())).await);
    assert_eq!(rows_with(&app, &hex::encode(&secret)).await, 0, "as bytes");
    for text in [base32, &recovery[0], &recovery[0].replace('-', "")] {
        assert_eq!(rows_with(&app, &hex::encode(text)).await, 0, "{text}");
    }
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_lets_in_once_and_is_told() {
    let app = start().await;
    let phone = Phone::of(&app, app.user("vera", Role::Consumer).await).await;
    let code = &phone.recovery[0];
    for (text, status) in [(code.to_uppercase().replace('-', " "), 200), (code.clone(), 401), ("x".into(), 401)] {
        assert_eq!(login(&app, &phone.user, Some(&text)).await.status, status, "{text}");
    }
    assert_eq!(state(&app, &phone.user).await["recovery_codes_left"], 9);
    let proof = json!({"password": PASSWORD, "code": phone.recovery[1]});
    let renewed = phone.user.post(&app, "/api/v1/auth/2fa/recovery-codes", &proof).await;
    assert_eq!(codes(&renewed).len(), 10);
    let old = login(&app, &phone.user, Some(&phone.recovery[2])).await;
    assert_eq!(old.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_INVALID");
    login(&app, &phone.user, Some(&codes(&renewed)[0])).await.data(StatusCode::OK);
    let subjects: Vec<String> = mails(&app, &phone.user.email).await.into_iter().map(|mail| mail.subject).collect();
    let used = "A recovery code was used";
    assert_eq!(subjects, ["Second factor switched on", used, "New recovery codes for your account", used]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_are_wrong_logins() {
    let app = start().await;
    let phone = Phone::of(&app, app.user("vera", Role::Consumer).await).await;
    let guesses = join_all((0..20).map(|n| {
        let code = format!("{n:06}");
        let (app, user) = (&app, &phone.user);
        async move { login(app, user, Some(&code)).await }
    }))
    .await;
    let tried = guesses.iter().filter(|guess| guess.status == StatusCode::UNAUTHORIZED).count();
    assert_eq!(tried, 5, "at once as in a row");
    assert!(guesses.iter().filter(|guess| guess.status != 401).all(|guess| guess.status == 429));
    let right = login(&app, &phone.user, Some(&phone.code(&app))).await;
    assert_eq!(right.error(StatusCode::TOO_MANY_REQUESTS), "TOO_MANY_ATTEMPTS", "not even the right one");
    let failed = "audit_log WHERE action = 'auth.login_failed' AND result = 'failed'";
    assert_eq!(count(&app, failed).await, 2, "the first and the last that was tried");
    app.run_all_due().await;
    app.finish().await;
}

/// Whoever has found out a password gets that far: it is written down, but not each of the logins of everybody.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_without_a_code_is_written_down_once() {
    let app = start().await;
    let phone = Phone::of(&app, app.user("vera", Role::Consumer).await).await;
    for _ in 0..3 {
        let asked = login(&app, &phone.user, None).await;
        assert_eq!(asked.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_REQUIRED");
        assert_eq!(asked.body["error"]["details"]["methods"], json!(["app", "recovery_code"]));
    }
    let asked = "audit_log WHERE action = 'auth.second_factor_asked' AND result = 'denied'
                 AND actor_id IS NULL AND target_id IS NOT NULL";
    assert_eq!(count(&app, asked).await, 1);
    app.run_all_due().await;
    app.finish().await;
}

/// The password alone must not make the failures of codes forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_forgets_no_wrong_code() {
    let app = start().await;
    let phone = Phone::of(&app, app.user("vera", Role::Consumer).await).await;
    let mut tried = 0;
    for n in 0..8 {
        let asked = login(&app, &phone.user, None).await;
        let guess = login(&app, &phone.user, Some(&format!("{n:06}"))).await;
        if asked.status == 401 && guess.status == 401 {
            tried += 1;
        }
    }
    assert_eq!(tried, 5);
    app.run_all_due().await;
    app.finish().await;
}

/// Whoever has the password and many addresses has no more than fifty guesses a day.
#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_codes_from_everywhere_end() {
    let settings: fn(&mut Settings) = |settings| settings.trusted_proxies = api::TrustedProxies::Number(1);
    let clock = Clock::manual(Clock::System.now());
    let app = TestApp::start_with(Overrides { clock, settings: Some(settings), ..Overrides::default() }).await;
    let phone = Phone::of(&app, app.user("vera", Role::Consumer).await).await;
    let from = async |host: usize, code: &str| {
        let form = json!({"email": phone.user.email, "password": PASSWORD, "code": code});
        let request = app.request(Method::POST, "/api/v1/auth/login").json(&form);
        answer(request.header("x-forwarded-for", format!("198.51.100.{host}"))).await
    };
    for host in 0..12 {
        for guess in 0..4 {
            assert_eq!(from(host, &format!("{guess:06}")).await.status, StatusCode::UNAUTHORIZED);
        }
    }
    from(100, &phone.code(&app)).await.data(StatusCode::OK);
    app.advance(STEP);
    for host in 101..103 {
        assert_eq!(from(host, "000000").await.status, StatusCode::UNAUTHORIZED);
    }
    let refused = from(104, &phone.code(&app)).await;
    assert_eq!(refused.error(StatusCode::TOO_MANY_REQUESTS), "TOO_MANY_ATTEMPTS");
    let policy = refused.headers["ratelimit-policy"].to_str().unwrap();
    assert!(policy.contains("login-account") || policy.contains("login-code"), "{policy}");
    app.run_all_due().await;
    app.finish().await;
}

/// A right password forgets what failed at a session, and it is asked for in many places: codes have the limit of a day.
#[tokio::test(flavor = "multi_thread")]
async fn codes_are_not_guessed_at_where_it_is_switched_off() {
    let settings: fn(&mut Settings) = |settings| settings.login_failures = 2;
    let clock = Clock::manual(Clock::System.now());
    let app = TestApp::start_with(Overrides { clock, settings: Some(settings), ..Overrides::default() }).await;
    let prove = async |phone: &Phone, path: &str, code: &str| {
        let form = json!({"password": PASSWORD, "code": code});
        phone.user.post(&app, &format!("/api/v1/auth/2fa/{path}"), &form).await
    };
    let phone = Phone::of(&app, app.user("wanda", Role::Consumer).await).await;
    for path in ["disable", "recovery-codes"] {
        assert_eq!(prove(&phone, path, "000000").await.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_INVALID");
    }
    assert_eq!(policy(&prove(&phone, "disable", &phone.code(&app)).await), "login");

    let phone = Phone::of(&app, app.user("vera", Role::Consumer).await).await;
    let mut answers = Vec::new();
    for n in 0..22 {
        let asked = phone.user.post(&app, "/api/v1/auth/2fa/setup", &json!({ "password": PASSWORD })).await;
        assert_eq!(asked.error(StatusCode::CONFLICT), "SECOND_FACTOR_STATE");
        let path = if n % 2 == 0 { "disable" } else { "recovery-codes" };
        answers.push(prove(&phone, path, "000000").await);
    }
    let tried = answers.iter().filter(|answer| answer.status == StatusCode::UNAUTHORIZED).count();
    assert_eq!(tried, 20);
    assert_eq!(policy(answers.last().unwrap()), "login-code");
    // Nor at logins. The owner gets in with what nobody guesses.
    assert_eq!(policy(&login(&app, &phone.user, Some(&phone.code(&app))).await), "login-code");
    login(&app, &phone.user, Some(&phone.recovery[0])).await.data(StatusCode::OK);
    assert_eq!(prove(&phone, "disable", &phone.recovery[1]).await.status, StatusCode::NO_CONTENT);
    app.run_all_due().await;
    app.finish().await;
}

/// Whoever knew the password before there was a second factor may have kept the cookie of a browser for later.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_from_before_is_counted_with_everybody_until_it_shows_a_code() {
    let settings: fn(&mut Settings) = |settings| {
        settings.trusted_proxies = api::TrustedProxies::Number(1);
        settings.login_failures = 2;
    };
    let clock = Clock::manual(Clock::System.now());
    let app = TestApp::start_with(Overrides { clock, settings: Some(settings), ..Overrides::default() }).await;
    let user = app.user("vera", Role::Consumer).await;
    let from = async |host: usize, browser: Option<&str>, code: &str| {
        let form = json!({"email": user.email, "password": PASSWORD, "code": code, "cookie": browser.is_some()});
        let request = app.request(Method::POST, "/api/v1/auth/login").json(&form);
        let request = request.header("x-forwarded-for", format!("198.51.100.{host}"));
        answer(request.header("cookie", browser.unwrap_or_default())).await
    };
    let known = |answer: &Answer| {
        answer.data(StatusCode::OK);
        cookie_pair(answer, "__Secure-nano_browser")
    };
    let before = known(&from(1, Some(""), "").await).expect("a cookie");
    assert_eq!(known(&from(1, Some(&before), "").await), None, "it is known already");
    let phone = Phone::of(&app, user.clone()).await;
    let since = known(&from(1, Some(&before), &phone.code(&app)).await).expect("a new cookie");
    app.advance(STEP);
    assert_eq!(known(&from(1, Some(&since), &phone.code(&app)).await), None, "it has shown a code");
    app.advance(STEP);

    for host in 10..20 {
        for _ in 0..2 {
            assert_eq!(from(host, None, "000000").await.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_INVALID");
        }
    }
    assert_eq!(policy(&from(2, Some(&before), "000000").await), "login-code");
    from(3, Some(&since), &phone.code(&app)).await.data(StatusCode::OK);
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_while_it_is_switched_on_is_asked_for_it() {
    let app = start().await;
    let user = app.user("vera", Role::Consumer).await;
    let id: UserId = user.id.parse().unwrap();
    let mut tx = app.db.begin().await.unwrap();
    users::lock(&mut tx, id).await.unwrap().unwrap();
    let switch_on = async {
        wait_for_waiting(&app, 1).await;
        let now = app.clock.now();
        assert!(second_factors::set_up(&mut tx, id, b"sealed", now).await.unwrap());
        assert!(second_factors::enable(&mut tx, id, b"sealed", 1, now).await.unwrap());
        tx.commit().await.unwrap();
    };
    let (asked, ()) = tokio::join!(login(&app, &user, None), switch_on);
    assert_eq!(asked.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_REQUIRED");
    assert_eq!(count(&app, "audit_log WHERE action = 'auth.login'").await, 1, "the one before");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_being_set_up_waits_fifteen_minutes_and_is_not_guessed_at() {
    let app = start().await;
    let (slow, late) = (app.user("vera", Role::Consumer).await, app.user("wanda", Role::Consumer).await);
    let (secret, expired) = (set_up(&app, &slow).await, set_up(&app, &late).await);
    app.advance(TimeDelta::minutes(14));
    codes(&enable(&app, &slow, &secret.code(app.clock.now())).await);
    app.advance(TimeDelta::minutes(1));
    let late = app.login(&late.email).await;
    let refused = enable(&app, &late, &expired.code(app.clock.now())).await;
    assert_eq!(refused.error(StatusCode::CONFLICT), "SECOND_FACTOR_STATE");

    let secret = set_up(&app, &late).await;
    for _ in 0..5 {
        assert_eq!(enable(&app, &late, "000000").await.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_INVALID");
    }
    assert_eq!(policy(&enable(&app, &late, &secret.code(app.clock.now())).await), "login");
    // Nobody finishes it any more, so nothing keeps the secret.
    app.advance(TimeDelta::hours(25));
    retention(&app).await;
    assert_eq!(count(&app, "second_factors").await, 1, "the one that is on");
    app.run_all_due().await;
    app.finish().await;
}

/// What would go on without the second factor, or lead around it, asks for it.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_another_address_ask_for_it() {
    let app = start().await;
    let phone = Phone::of(&app, app.user("vera", Role::Consumer).await).await;
    let token = json!({"name": "n", "scopes": ["read"], "expires_in_days": 1, "password": PASSWORD});
    let address = json!({"email": "vera.new@nano.test", "password": PASSWORD});
    for (path, form, status) in [("tokens", token, 201), ("change-email", address, 202)] {
        let ask = async |code: &str| {
            let mut form = form.clone();
            form["code"] = json!(code);
            phone.user.post(&app, &format!("/api/v1/auth/{path}"), &form).await
        };
        let without = phone.user.post(&app, &format!("/api/v1/auth/{path}"), &form).await;
        assert_eq!(without.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_REQUIRED", "{path}");
        assert_eq!(ask("000000").await.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_INVALID", "{path}");
        assert_eq!(
            count(&app, "personal_tokens").await + count(&app, "email_changes").await,
            i64::from(status == 202),
            "{path}"
        );
        let code = phone.code(&app);
        assert_eq!(ask(&code).await.status, status, "{path}");
        assert_eq!(ask(&code).await.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_INVALID", "{path}");
        app.advance(STEP);
    }
    app.run_all_due().await;
    app.finish().await;
}

/// Whoever has registered with somebody else's address must not keep a foot in the door.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_planted_before_the_address_was_confirmed_is_gone() {
    let app = start().await;
    register(&app, "vera@nano.test", "vera", PASSWORD).await.data(StatusCode::ACCEPTED);
    let link = token_of(&app, "vera@nano.test").await;
    let planted = app.login("vera@nano.test").await;
    let form = json!({"name": "n", "scopes": ["read"], "expires_in_days": 300, "password": PASSWORD});
    let made = planted.post(&app, "/api/v1/auth/tokens", &form).await;
    let script =
        User { token: made.data(StatusCode::CREATED)["secret"].as_str().unwrap().to_owned(), ..planted.clone() };
    let wish = json!({"email": "mallory@nano.test", "password": PASSWORD});
    planted.post(&app, "/api/v1/auth/change-email", &wish).await.data(StatusCode::ACCEPTED);
    let phone = Phone::of(&app, planted).await;
    script.get(&app, "/api/v1/auth/me").await.data(StatusCode::OK);

    assert_eq!(confirm(&app, &link).await.status, StatusCode::NO_CONTENT);
    for (old, code) in [(&script, "UNAUTHORIZED"), (&phone.user, "SESSION_ENDED")] {
        assert_eq!(old.get(&app, "/api/v1/auth/me").await.error(StatusCode::UNAUTHORIZED), code);
    }
    login(&app, &phone.user, None).await.data(StatusCode::OK);
    for table in ["email_changes", "second_factors", "recovery_codes", "personal_tokens WHERE revoked_at IS NULL"] {
        assert_eq!(count(&app, table).await, 0, "{table}");
    }
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_switched_off_with_password_and_code() {
    let app = start().await;
    let phone = Phone::of(&app, app.user("vera", Role::Consumer).await).await;
    let off = async |password: &str, code: &str| {
        let form = json!({"password": password, "code": code});
        phone.user.post(&app, "/api/v1/auth/2fa/disable", &form).await
    };
    let right = phone.code(&app);
    assert_eq!(off("a guess", &right).await.error(StatusCode::UNAUTHORIZED), "INVALID_CREDENTIALS");
    assert_eq!(off(PASSWORD, "000000").await.error(StatusCode::UNAUTHORIZED), "SECOND_FACTOR_INVALID");
    assert_eq!(off(PASSWORD, &right).await.status, StatusCode::NO_CONTENT);
    assert_eq!(off(PASSWORD, &right).await.error(StatusCode::CONFLICT), "SECOND_FACTOR_STATE");
    login(&app, &phone.user, None).await.data(StatusCode::OK);
    assert_eq!(count(&app, "recovery_codes").await, 0);
    assert_eq!(mails(&app, &phone.user.email).await.last().unwrap().subject, "Second factor switched off");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_without_one_may_only_set_it_up_where_it_is_required() {
    let settings: fn(&mut Settings) = |settings| settings.require_admin_2fa = true;
    let clock = Clock::manual(Clock::System.now());
    let app = TestApp::start_with(Overrides { clock, settings: Some(settings), ..Overrides::default() }).await;
    let (admin, other) = (app.user("root", Role::Admin).await, app.user("mona", Role::Moderator).await);
    for path in ["/api/v1/admin/audit-logs", "/api/v1/nanos/mine", "/api/v1/admin/users"] {
        assert_eq!(admin.get(&app, path).await.error(StatusCode::FORBIDDEN), "SECOND_FACTOR_SETUP_REQUIRED", "{path}");
    }
    assert_eq!(other.get(&app, "/api/v1/nanos/mine").await.status, StatusCode::OK, "others are not asked");
    assert_eq!(admin.get(&app, "/api/v1/auth/me").await.status, StatusCode::OK);
    assert_eq!(state(&app, &admin).await["required"], true);
    let phone = Phone::of(&app, admin).await;
    assert_eq!(phone.user.get(&app, "/api/v1/admin/audit-logs").await.status, StatusCode::OK);
    let off = json!({"password": PASSWORD, "code": phone.code(&app)});
    let last = phone.user.post(&app, "/api/v1/auth/2fa/disable", &off).await;
    assert_eq!(last.error(StatusCode::CONFLICT), "LAST_SECOND_FACTOR");
    assert_eq!(state(&app, &phone.user).await["recovery_codes_left"], 10);
    app.run_all_due().await;
    app.finish().await;
}
