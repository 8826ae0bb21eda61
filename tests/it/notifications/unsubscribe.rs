//! The link in a mail: it ends mails of its kind, without a login, for people and for mail programs.

use domain::{ids::UserId, notification::Unsubscribe};
use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::json;
use tests::{TestApp, client::answer, database};

use super::{consumer, mails, prefer, published, rate, told};

const OFF: &str = "SELECT COUNT(*) FROM notification_preferences WHERE kind = 'nano_published' AND NOT mail";

/// What is sent by mail programs (RFC 8058), which know nobody.
fn one_click(app: &TestApp, path: &str) -> RequestBuilder {
    let form = app.request(Method::POST, path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    form.body("List-Unsubscribe=One-Click")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_click_ends_mails_of_a_kind_and_no_others() {
    let app = TestApp::start().await;
    let (ada, bert) = (app.creator("ada").await, consumer(&app, "bert").await);
    let nano = published(&app, &ada, "Igel").await;
    let [mail] = &mails(&app, &ada, "published")[..] else { panic!("one mail") };
    let link = mail.links().pop().unwrap();
    assert_eq!(mail.header("List-Unsubscribe"), Some(format!("<{link}>")));
    assert_eq!(mail.header("List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
    let path = link.strip_prefix("https://nano.test").unwrap();
    // Its proof stands in no row, as text or as bytes.
    let digits = path.rsplit('/').next().unwrap();
    assert!(mail.html.as_deref().unwrap().contains(digits));
    for stored in [hex::encode(&digits[32..]), digits[32..].to_owned()] {
        assert_eq!(database::places_of(&app.db, &stored).await.unwrap(), 0);
    }

    // Looking changes nothing.
    let page = app.http.get(format!("{}{path}", app.url)).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    for (header, value) in [("x-robots-tag", "noindex"), ("cache-control", "no-store")] {
        assert_eq!(page.headers()[header], value);
    }
    let text = page.text().await.unwrap();
    assert!(text.contains("method=\"post\"") && text.contains("No more mails of this kind?"), "{text}");
    assert!(!text.contains("ada"), "{text}");
    answer(app.request(Method::HEAD, path)).await;
    assert_eq!(database::number(&app.db, OFF).await.unwrap(), 0);

    // Nobody's other link is made of it.
    let other = |kind: &str, digits: &str| format!("/api/v1/unsubscribe/{kind}/{digits}");
    let last = if digits.ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{last}", &digits[..63]);
    let bert_id: UserId = bert.id.parse().unwrap();
    let stranger = format!("{}{}", bert_id.0.simple(), &digits[32..]);
    let unkeyed = Unsubscribe::sign(bert_id, domain::notification::Kind::NanoPublished, &[0; 32]).digits();
    for path in [
        other("nano_rejected", digits),
        other("unknown", digits),
        other("nano_published", &forged),
        other("nano_published", &stranger),
        other("nano_published", &unkeyed),
        other("nano_published", "x"),
    ] {
        for request in [one_click(&app, &path), app.request(Method::GET, &path)] {
            assert_eq!(answer(request).await.error(StatusCode::NOT_FOUND), "NOT_FOUND", "{path}");
        }
    }
    assert_eq!(database::number(&app.db, OFF).await.unwrap(), 0);

    // By a mail program, twice, and by the button, which sends the same. What waits to be sent does not leave either.
    app.mail.put_off(true);
    ada.submit(&app, "Fuchs", tests::archives::unit()).await;
    app.run_all_due().await;
    app.mail.put_off(false);
    for _ in 0..2 {
        let done = one_click(&app, path).send().await.unwrap();
        assert_eq!(done.status(), StatusCode::OK);
        assert!(done.text().await.unwrap().contains("You get no more mails of this kind."));
    }
    answer(one_click(&app, path)).await;
    assert_eq!(database::number(&app.db, OFF).await.unwrap(), 1);
    let audited = "SELECT COUNT(*) FROM audit_log WHERE action = 'notification.unsubscribe'";
    assert_eq!(database::number(&app.db, audited).await.unwrap(), 1, "the second finds it done");
    let due = "UPDATE jobs SET run_at = UTC_TIMESTAMP(6) WHERE kind = 'send_email' AND state = 'scheduled'";
    database::execute(&app.db, due).await.unwrap();
    app.run_all_due().await;
    assert_eq!(mails(&app, &ada, "published").len(), 1);
    let withdrawn = "SELECT COUNT(*) FROM email_deliveries WHERE state = 'failed' AND recipient = ''";
    assert_eq!(database::number(&app.db, withdrawn).await.unwrap(), 1);

    // In the app it stands all the same, mails of other kinds still come, and those that guard the account always.
    assert_eq!(told(&app, &ada).await.0.len(), 2);
    prefer(&app, &ada, "rating_received", json!({"mail": true})).await.data(StatusCode::OK);
    rate(&app, &bert, &nano, 5).await;
    let form = json!({"current_password": tests::client::PASSWORD, "new_password": "another long enough phrase"});
    let changed = ada.post(&app, "/api/v1/auth/change-password", &form).await;
    assert!(changed.status.is_success(), "{changed:?}");
    app.run_all_due().await;
    assert_eq!(mails(&app, &ada, "A new rating").len(), 1);
    let [guard] = &mails(&app, &ada, "password was changed")[..] else { panic!("one mail") };
    assert_eq!(guard.header("List-Unsubscribe"), None);
    assert!(!guard.text.as_deref().unwrap().contains("unsubscribe"));
    app.discard().await;
}
