//! Guessed passwords: how many are tried, who is held up by it, and what is written down.

use std::collections::BTreeMap;

use api::{Settings, TrustedProxies};
use domain::{audit::Outcome, user::Role};
use futures::future::join_all;
use infra::db::audit_log;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{
    Answer, TestApp,
    app::Overrides,
    client::{PASSWORD, answer},
};

const WRONG: &str = "not the password";

/// Behind one proxy.
async fn start() -> TestApp {
    let settings: fn(&mut Settings) = |settings| settings.trusted_proxies = TrustedProxies::Number(1);
    TestApp::start_with(Overrides { settings: Some(settings), ..Overrides::default() }).await
}

/// Signs in as the proxy before the API passes it on: from this address, with this `Cookie` header.
async fn login_from(app: &TestApp, address: &str, cookie: Option<&str>, email: &str, password: &str) -> Answer {
    let form = json!({"email": email, "password": password, "cookie": cookie.is_some()});
    let request = app.request(Method::POST, "/api/v1/auth/login").header("x-forwarded-for", address).json(&form);
    answer(request.header("cookie", cookie.unwrap_or_default())).await
}

async fn login(app: &TestApp, address: &str, email: &str, password: &str) -> Answer {
    login_from(app, address, None, email, password).await
}

/// How often each status was answered.
fn statuses(answers: &[Answer]) -> BTreeMap<u16, usize> {
    let mut counted = BTreeMap::new();
    for answer in answers {
        *counted.entry(answer.status.as_u16()).or_default() += 1;
    }
    counted
}

/// The limit that refused.
pub(super) fn policy(answer: &Answer) -> &str {
    assert_eq!(answer.error(StatusCode::TOO_MANY_REQUESTS), "TOO_MANY_ATTEMPTS");
    let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=24 * 3600).contains(&wait), "{wait}");
    answer.headers["ratelimit-policy"].to_str().unwrap().split('"').nth(1).unwrap()
}

/// The value of a cookie that was set, as a client sends it back.
pub(super) fn cookie_pair(answer: &Answer, name: &str) -> Option<String> {
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let pairs = set.filter_map(|set| set.split(';').next());
    pairs.into_iter().find(|pair| pair.starts_with(&format!("{name}="))).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_guesses_at_once_five_are_tried() {
    let app = start().await;
    let owner = app.user("vera", Role::Consumer).await;
    let neighbour = app.user("olaf", Role::Consumer).await;
    let guesses = join_all((0..200).map(|_| login(&app, "198.51.100.7", &owner.email, WRONG))).await;
    let counted = statuses(&guesses);
    // A busy machine has no connection for all of them in time, which is no guess either.
    assert!(counted[&401] <= 5 && counted.keys().all(|status| [401, 429, 503].contains(status)), "{counted:?}");
    insta::assert_json_snapshot!("wrong_password", guesses.iter().find(|one| one.status == 401).unwrap().snapshot());
    insta::assert_json_snapshot!("too_many_attempts", guesses.iter().find(|one| one.status == 429).unwrap().snapshot());

    // From there not even the right password is tried any more. Nobody else is held up: not the owner at home, not the
    // neighbour at the same address.
    let refused = login(&app, "198.51.100.7", &owner.email, PASSWORD).await;
    assert_eq!(policy(&refused), "login");
    login(&app, "203.0.113.1", &owner.email, PASSWORD).await.data(StatusCode::OK);
    login(&app, "198.51.100.7", &neighbour.email, PASSWORD).await.data(StatusCode::OK);
    assert_eq!(owner.get(&app, "/api/v1/auth/me").await.status, StatusCode::OK, "those who are in stay in");
    app.finish().await;
}

/// An account that does not exist is counted like one that does, and answered in the same words.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_from_the_limits_who_has_an_account() {
    let app = start().await;
    let owner = app.user("vera", Role::Consumer).await;
    let mut told = Vec::new();
    for email in [owner.email.as_str(), "nobody@nano.test", "not an address"] {
        let mut answers = Vec::new();
        for _ in 0..6 {
            let answer = login(&app, "198.51.100.7", email, WRONG).await;
            answers.push((answer.status, answer.body["error"]["code"].clone()));
        }
        told.push(answers);
    }
    assert_eq!(told[0][4].0, StatusCode::UNAUTHORIZED);
    assert_eq!(told[0][5].0, StatusCode::TOO_MANY_REQUESTS);
    assert!(told.iter().all(|answers| *answers == told[0]), "{told:#?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_takes_no_place_and_forgets_the_wrong_ones() {
    let app = start().await;
    let owner = app.user("vera", Role::Consumer).await;
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(login(&app, "198.51.100.7", &owner.email, WRONG).await.status, StatusCode::UNAUTHORIZED);
        }
        login(&app, "198.51.100.7", &owner.email, PASSWORD).await.data(StatusCode::OK);
    }
    let many = join_all((0..40).map(|_| login(&app, "198.51.100.7", &owner.email, PASSWORD))).await;
    let counted = statuses(&many);
    assert!(counted.get(&200).is_some_and(|some| *some >= 5), "{counted:?}");
    login(&app, "198.51.100.7", &owner.email, PASSWORD).await.data(StatusCode::OK);
    app.finish().await;
}

/// Some people of a school mistype; whoever goes through a list of accounts there is stopped.
#[tokio::test(flavor = "multi_thread")]
async fn one_address_is_many_people_up_to_a_hundred_failures() {
    let app = start().await;
    let pupil = app.user("paul", Role::Consumer).await;
    let guess = async |n: u32| login(&app, "198.51.100.7", &format!("nobody{n}@nano.test"), WRONG).await;
    let mut answers = Vec::new();
    for n in 0..90 {
        answers.push(guess(n).await);
    }
    assert_eq!(statuses(&answers), BTreeMap::from([(401, 90)]));
    login(&app, "198.51.100.7", &pupil.email, PASSWORD).await.data(StatusCode::OK);
    for n in 90..110 {
        answers.push(guess(n).await);
    }
    // What Redis has counted too late counts here as well: on a busy machine a few less are tried, and never more.
    let counted = statuses(&answers);
    assert!(counted[&401] <= 100 && counted[&429] <= 19, "{counted:?}");
    assert_eq!(policy(&login(&app, "198.51.100.7", &pupil.email, PASSWORD).await), "login-address");
    login(&app, "198.51.100.8", &pupil.email, PASSWORD).await.data(StatusCode::OK);
    app.finish().await;
}

/// Guesses from many addresses slow an account down and lock it for nobody; the owner's own browser does not notice.
#[tokio::test(flavor = "multi_thread")]
async fn guesses_from_everywhere_slow_an_account_down_but_not_its_owners_browser() {
    let app = start().await;
    let owner = app.user("vera", Role::Consumer).await;
    let other = app.user("olaf", Role::Consumer).await;
    let signed_in = login_from(&app, "203.0.113.1", Some(""), &owner.email, PASSWORD).await;
    signed_in.data(StatusCode::OK);
    let browser = cookie_pair(&signed_in, "__Secure-nano_browser").expect("a cookie for the browser");

    for host in 0..10 {
        for _ in 0..5 {
            let guess = login(&app, &format!("198.51.100.{host}"), &owner.email, WRONG).await;
            assert_eq!(guess.status, StatusCode::UNAUTHORIZED, "{:#}", guess.body);
        }
    }
    // Each from a place of its own, all at once: one is tried, or two where the machine is slow.
    let places: Vec<String> = (0..8).map(|host| format!("192.0.2.{host}")).collect();
    let guesses = join_all(places.iter().map(|from| login(&app, from, &owner.email, WRONG))).await;
    let counted = statuses(&guesses);
    assert!(counted[&401] <= 2 && counted[&429] >= 6, "{counted:?}");
    assert_eq!(policy(guesses.iter().find(|one| one.status == 429).unwrap()), "login-account");

    for _ in 0..2 {
        let again = login_from(&app, "203.0.113.9", Some(&browser), &owner.email, PASSWORD).await;
        again.data(StatusCode::OK);
        assert_eq!(cookie_pair(&again, "__Secure-nano_browser"), None, "it is known already");
    }
    // It is the owner's alone, and has a limit of its own.
    let borrowed = login_from(&app, "203.0.113.9", Some(&browser), &other.email, PASSWORD).await;
    assert!(cookie_pair(&borrowed, "__Secure-nano_browser").is_some());
    let tries = join_all((0..7).map(|_| login_from(&app, "203.0.113.9", Some(&browser), &owner.email, WRONG))).await;
    assert_eq!(statuses(&tries), BTreeMap::from([(401, 5), (429, 2)]));
    // After a moment it is somebody else's turn, too.
    let started = std::time::Instant::now();
    loop {
        let late = login(&app, "203.0.113.77", &owner.email, PASSWORD).await;
        if late.status == StatusCode::OK {
            break;
        }
        assert_eq!(policy(&late), "login-account");
        assert!(started.elapsed() < tests::app::PATIENCE);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins_are_written_down_without_flooding_the_audit_log() {
    let app = start().await;
    let owner = app.user("vera", Role::Consumer).await;
    join_all((0..40).map(|_| login(&app, "198.51.100.7", &owner.email, WRONG))).await;
    login(&app, "198.51.100.7", "nobody@nano.test", WRONG).await;
    let filter = audit_log::Filter { actor: None, action: Some("auth.login_failed".into()) };
    let (rows, total) = audit_log::page(&app.db, &filter, 0, 10).await.unwrap();
    let mut told: Vec<_> = rows
        .iter()
        .map(|row| (row.entry.target_id.map(|id| id.to_string()), row.entry.details["failures"].as_u64().unwrap()))
        .collect();
    told.sort();
    assert_eq!(told, [(None, 1), (Some(owner.id.clone()), 1), (Some(owner.id.clone()), 5)]);
    assert_eq!(total, 3);
    for row in &rows {
        assert_eq!((row.entry.outcome, row.entry.ip_prefix.as_deref()), (Outcome::Failed, Some("198.51.100.0/24")));
        assert!(row.entry.actor_id.is_none() && !row.entry.details.to_string().contains('@'), "{row:?}");
    }
    app.finish().await;
}
