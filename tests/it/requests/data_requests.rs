//! What people ask about their own data: a copy that is theirs alone, and an end that leaves no trace.

use std::io::Read;

use chrono::TimeDelta;
use domain::{
    audit::{ChainError, Entry},
    data_request::{Cause, Kind, State as RequestState, Step},
    ids::{MessageId, NanoId, UserId},
    user::Role,
};
use infra::db::{audit_log, chat_messages, chat_sessions, data_requests, person_keys, users};
use jobs::{ErasePerson, ExportPerson, NewMail, Notice, TendDataRequests, WarnInactive};
use queue::ledger::State;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Answer, TestApp, User,
    client::{PASSWORD, answer},
    database,
    receiver::{Reaction, Receiver},
};

use super::{
    answers::published,
    identity::{count, mails, sign_in, start},
};

const EXPORT: &str = "/api/v1/me/data-export";
const DELETION: &str = "/api/v1/me/deletion";
const REQUESTS: &str = "/api/v1/admin/data-requests";

fn id_of(user: &User) -> UserId {
    user.id.parse().unwrap()
}

async fn run<J: queue::Job<jobs::Context>>(app: &TestApp, job: &J) {
    let id = app.put(job).await;
    assert_eq!(app.run_one(id).await.state, State::Completed);
}

async fn end_account(app: &TestApp, user: &User, form: Value) -> Answer {
    answer(user.request(app, Method::DELETE, "/api/v1/me").json(&form)).await
}

/// A message of `from` in a chat about the nano.
async fn says(app: &TestApp, nano: &str, consumer: &User, creator: &User, from: &User, text: &str) {
    let nano: NanoId = nano.parse().unwrap();
    let mut tx = app.db.begin().await.unwrap();
    let now = app.clock.now();
    let (chat, _) = chat_sessions::begin(&mut tx, nano, id_of(consumer), id_of(creator), now).await.unwrap();
    chat_messages::append(&mut tx, &chat, id_of(from), MessageId::new(), text, now).await.unwrap();
    tx.commit().await.unwrap();
}

async fn rate(app: &TestApp, user: &User, nano: &str, comment: &str) {
    let form = json!({"score": 4, "comment": comment});
    user.post(app, &format!("/api/v1/nanos/{nano}/ratings"), &form).await.data(StatusCode::CREATED);
}

/// A search that is kept, a wish how to be told, a telephone number, and a webhook at this address.
async fn settle_in(app: &TestApp, user: &User, word: &str, phone: &str, url: &str) {
    let search = json!({"name": format!("About {word}"), "search": {"q": word}});
    user.post(app, "/api/v1/me/saved-searches", &search).await.data(StatusCode::CREATED);
    let wish = user.request(app, Method::PATCH, "/api/v1/me/notification-preferences/rating_received");
    answer(wish.json(&json!({"mail": true}))).await.data(StatusCode::OK);
    let path = format!("/api/v1/users/{}/profile", user.id);
    answer(user.request(app, Method::PATCH, &path).json(&json!({"phone": phone}))).await.data(StatusCode::OK);
    let form = json!({"name": format!("{word}'s server"), "url": url, "events": ["nano.published", "nano.rated"]});
    user.post(app, "/api/v1/me/webhooks", &form).await.data(StatusCode::CREATED);
}

/// The files of the person's newest export, by name.
async fn unpacked(app: &TestApp, user: &User) -> Vec<(String, Vec<u8>)> {
    let link = user.get(app, &format!("{EXPORT}/download")).await;
    assert_eq!(link.headers["cache-control"], "no-store");
    let url = link.data(StatusCode::OK)["url"].as_str().unwrap().to_owned();
    let bytes = app.http.get(url).send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes.to_vec())).unwrap();
    let mut files = Vec::new();
    for n in 0..archive.len() {
        let mut entry = archive.by_index(n).unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        files.push((entry.name().unwrap().into_owned(), content));
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_has_ones_own_data_and_nobody_elses() {
    let app = start().await;
    let (ada, bea) = (app.creator("ada").await, app.creator("beatrix").await);
    let receiver = Receiver::start().await;
    settle_in(&app, &ada, "denominators", "+49301234567", &receiver.url).await;
    let (hers, theirs) = (published(&app, &ada, "Ada's fractions").await, published(&app, &bea, "Bea's cakes").await);
    rate(&app, &ada, &theirs, "Cakes explained well").await;
    rate(&app, &bea, &hers, "Could be shorter").await;
    says(&app, &hers, &bea, &ada, &bea, "What is a denominator?").await;
    says(&app, &hers, &bea, &ada, &ada, "The number below the line.").await;
    app.run_all_due().await;

    assert_eq!(ada.get(&app, EXPORT).await.error(StatusCode::NOT_FOUND), "NOT_FOUND");
    let asked = ada.post(&app, EXPORT, &json!({})).await;
    assert_eq!((asked.data(StatusCode::ACCEPTED)["state"].as_str(), asked.location()), (Some("waiting"), EXPORT));
    let again = ada.post(&app, EXPORT, &json!({})).await;
    assert_eq!(again.data(StatusCode::ACCEPTED)["asked_at"], asked.body["data"]["asked_at"], "the same one");
    assert_eq!(app.enqueued::<ExportPerson>().await.len(), 1);
    assert_eq!(ada.get(&app, &format!("{EXPORT}/download")).await.status, StatusCode::NOT_FOUND, "not yet");

    let told = mails(&app, &ada.email).await;
    let told = told.last().unwrap();
    assert!(told.subject.contains("data are ready") && told.links().iter().any(|link| link.ends_with("/account/data")));
    let state = ada.get(&app, EXPORT).await;
    let state = state.data(StatusCode::OK);
    assert_eq!(state["state"], "done");
    let files = unpacked(&app, &ada).await;
    let text_of = |name: &str| {
        let found = files.iter().find(|(file, _)| file == name);
        String::from_utf8(found.unwrap_or_else(|| panic!("no {name}")).1.clone()).unwrap()
    };
    for (name, said) in [
        ("account.json", ada.email.as_str()),
        ("nanos.json", "Ada's fractions"),
        ("ratings.json", "Cakes explained well"),
        ("chat_messages.json", "The number below the line."),
        ("phone.json", "+49301234567"),
        ("notifications.json", "rating_received"),
        ("notification_preferences.json", "rating_received"),
        ("saved_searches.json", "About denominators"),
        ("webhooks.json", "denominators's server"),
        ("webhook_deliveries.json", "Ada's fractions"),
        ("webhook_attempts.json", "204"),
        ("audit_log.json", "auth.login"),
        ("files.json", "\"version\":1"),
    ] {
        assert!(text_of(name).contains(said), "{name}: {}", text_of(name));
    }
    for (name, content) in &files {
        if name.ends_with(".json") {
            let rows: Vec<Value> = serde_json::from_slice(content).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(rows.iter().all(Value::is_object), "{name}");
        }
        if name.starts_with("files/") {
            zip::ZipArchive::new(std::io::Cursor::new(content.clone())).unwrap();
            continue;
        }
        let content = String::from_utf8_lossy(content);
        let hers = bea.id.replace('-', "");
        for others in ["beatrix", "Bea's cakes", "What is a", "Could be shorter", &bea.id, &hers, "whsec_"] {
            assert!(!content.contains(others), "{name} says {others}: {content}");
        }
    }
    assert!(files.iter().any(|(name, _)| name.starts_with("files/")), "her own file");

    let soon = ada.post(&app, EXPORT, &json!({})).await;
    assert_eq!(soon.error(StatusCode::TOO_MANY_REQUESTS), "EXPORT_TOO_SOON");
    assert!(soon.headers.contains_key("retry-after"));
    // Nobody else's session leads to it.
    assert_eq!(bea.get(&app, &format!("{EXPORT}/download")).await.status, StatusCode::NOT_FOUND);

    app.advance(TimeDelta::days(8));
    run(&app, &TendDataRequests {}).await;
    assert!(!app.objects().await.iter().any(|key| key.starts_with("exports/")), "gone after a week");
    let ada = app.login(&ada.email).await;
    assert_eq!(ada.get(&app, EXPORT).await.data(StatusCode::OK)["state"], "expired");
    assert_eq!(ada.get(&app, &format!("{EXPORT}/download")).await.status, StatusCode::NOT_FOUND);
    // What follows a rating into the search index waits for a minute.
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_ends_with_its_password_and_is_kept_within_the_grace() {
    let app = start().await;
    let ada = app.creator("ada").await;
    let wrong = end_account(&app, &ada, json!({"password": "quite another phrase"})).await;
    assert_eq!(wrong.error(StatusCode::UNAUTHORIZED), "INVALID_CREDENTIALS");
    assert_eq!(ada.get(&app, DELETION).await.status, StatusCode::NOT_FOUND);

    let asked = end_account(&app, &ada, json!({"password": PASSWORD})).await;
    assert_eq!(asked.location(), DELETION);
    let due = asked.data(StatusCode::ACCEPTED)["due_at"].as_str().unwrap().to_owned();
    let twice = end_account(&app, &ada, json!({"password": PASSWORD})).await;
    assert_eq!(twice.error(StatusCode::CONFLICT), "ERASURE_WAITS");
    let told = mails(&app, &ada.email).await;
    assert!(told.last().unwrap().subject.contains(&due[..10]), "{}", told.last().unwrap().subject);

    app.advance(TimeDelta::days(29));
    run(&app, &TendDataRequests {}).await;
    assert!(app.enqueued::<ErasePerson>().await.is_empty(), "not yet");
    let ada = app.login(&ada.email).await;
    assert_eq!(answer(ada.request(&app, Method::DELETE, DELETION)).await.status, StatusCode::NO_CONTENT);
    assert_eq!(answer(ada.request(&app, Method::DELETE, DELETION)).await.status, StatusCode::NOT_FOUND);
    assert!(mails(&app, &ada.email).await.last().unwrap().subject.contains("stays"));

    app.advance(TimeDelta::days(2));
    run(&app, &TendDataRequests {}).await;
    assert!(app.enqueued::<ErasePerson>().await.is_empty());
    app.login(&ada.email).await;
    assert_eq!(count(&app, "audit_log WHERE action IN ('user.erasure_ask', 'user.erasure_withdraw')").await, 2);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_admin_stays_and_admins_ask_for_others() {
    let app = start().await;
    let (root, ada) = (app.user("root", Role::Admin).await, app.creator("ada").await);
    let refused = end_account(&app, &root, json!({"password": PASSWORD})).await;
    assert_eq!(refused.error(StatusCode::CONFLICT), "LAST_ADMIN");

    // Another admin is there, but the proof that is asked for at /me is not gone round.
    app.user("sam", Role::Admin).await;
    let own = json!({"user_id": root.id, "kind": "erasure", "reason": "enough of it"});
    assert_eq!(root.post(&app, REQUESTS, &own).await.error(StatusCode::FORBIDDEN), "OWN_ACCOUNT");
    assert_eq!(count(&app, "data_requests").await, 0);

    let form = |kind: &str| json!({"user_id": ada.id, "kind": kind, "reason": "asked by letter"});
    let begun = root.post(&app, REQUESTS, &form("erasure")).await;
    assert_eq!(begun.data(StatusCode::ACCEPTED)["cause"], "admin");
    assert_eq!(root.post(&app, REQUESTS, &form("erasure")).await.error(StatusCode::CONFLICT), "ERASURE_WAITS");
    root.post(&app, REQUESTS, &form("export")).await.data(StatusCode::ACCEPTED);
    assert!(mails(&app, &ada.email).await.iter().any(|mail| mail.text.as_deref().unwrap().contains("administrator")));
    let listed = root.get(&app, &format!("{REQUESTS}?user_id={}&kind=erasure", ada.id)).await;
    assert_eq!(listed.data(StatusCode::OK).as_array().unwrap().len(), 1);
    // What an admin has begun its owner takes back.
    assert_eq!(answer(ada.request(&app, Method::DELETE, DELETION)).await.status, StatusCode::NO_CONTENT);
    let nobody = json!({"user_id": UserId::new(), "kind": "export", "reason": "asked by letter"});
    assert_eq!(root.post(&app, REQUESTS, &nobody).await.status, StatusCode::NOT_FOUND);
    app.run_all_due().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_leave_at_once_one_stays() {
    let app = start().await;
    for name in ["root", "sam"] {
        app.user(name, Role::Admin).await;
    }
    for name in ["root", "sam"] {
        let admin = app.login(&format!("{name}@nano.test")).await;
        end_account(&app, &admin, json!({"password": PASSWORD})).await.data(StatusCode::ACCEPTED);
    }
    app.advance(TimeDelta::days(31));
    run(&app, &TendDataRequests {}).await;
    for (job, _) in app.enqueued::<ErasePerson>().await {
        assert!(!app.run_one(job).await.state.is_terminal(), "the first goes on, the second waits");
    }
    assert_eq!(count(&app, "users WHERE role = 'admin' AND status = 'active'").await, 1);
    assert_eq!(count(&app, "data_requests WHERE state = 'waiting'").await, 1);
    app.discard().await;
}

/// Something of hers in every corner.
async fn leave_traces(app: &TestApp, zora: &User, bea: &User) -> String {
    let path = format!("/api/v1/users/{}/profile", zora.id);
    let form = json!({"bio": "I am zoraida.", "company": "zoraida Ltd", "job_title": "Head zoraida"});
    answer(zora.request(app, Method::PATCH, &path).json(&form)).await.data(StatusCode::OK);
    let receiver = Receiver::start().await;
    receiver.react([Reaction::Says(200, "Thank you, zoraida".into())]);
    settle_in(app, zora, "zoraida", "+49301234567", &format!("{}/zoraida", receiver.url)).await;
    let nano = published(app, zora, "zoraida explains fractions").await;
    let others = published(app, bea, "Cakes").await;
    rate(app, zora, &others, "zoraida likes it").await;
    rate(app, bea, &nano, "Good").await;
    says(app, &nano, bea, zora, zora, "zoraida answers").await;
    says(app, &nano, bea, zora, bea, "Thank you").await;
    let list = zora.request(app, Method::POST, "/api/v1/lists").header("idempotency-key", "zoraidas-list-0001");
    answer(list.json(&json!({"name": "For zoraida"}))).await.data(StatusCode::CREATED);
    let kept = answer(zora.request(app, Method::PUT, &format!("/api/v1/favorites/{others}"))).await;
    assert!(kept.status.is_success(), "{}", kept.status);
    zora.draft(app, "zoraida's draft").await;
    zora.post(app, EXPORT, &json!({})).await.data(StatusCode::ACCEPTED);
    app.run_all_due().await;
    assert!(receiver.received().len() >= 2, "of her nano and its rating");
    assert!(app.objects().await.iter().any(|key| key.starts_with("exports/")));
    // A mail to somebody else that names her, and one to herself that was not sent yet.
    let mut tx = app.db.begin().await.unwrap();
    let now = app.clock.now();
    let chats = json!([{"other": "zoraida", "title": "Fractions", "messages": 1, "link": "https://nano.test/chats"}]);
    let mail = NewMail {
        key: "unread_messages:to-bea",
        template: "unread_messages",
        language: domain::user::Language::En,
        user_id: Some(id_of(bea)),
        recipient: &bea.email,
        params: json!({"name": "Bea", "chats": chats, "link": "https://nano.test/chats"}),
        now,
    };
    jobs::queue_mail(&mut tx, mail).await.unwrap();
    tx.commit().await.unwrap();
    app.run_all_due().await;
    let mut tx = app.db.begin().await.unwrap();
    let account = users::lock(&mut tx, id_of(zora)).await.unwrap().unwrap();
    jobs::queue_notice(&mut tx, &account, Notice::TokenMade, now).await.unwrap();
    tx.commit().await.unwrap();
    nano
}

async fn places(app: &TestApp, text: &str) -> i64 {
    database::places_of(&app.db, &hex::encode(text)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_leaves_no_trace_and_every_step_can_be_done_again() {
    let mut app = start().await;
    let (zora, bea) = (app.creator("zoraida").await, app.creator("beatrix").await);
    let nano = leave_traces(&app, &zora, &bea).await;
    assert!(places(&app, "zoraida").await > 15, "she is everywhere");
    assert!(count(&app, "person_keys").await >= 2);
    end_account(&app, &zora, json!({"password": PASSWORD})).await.data(StatusCode::ACCEPTED);
    app.advance(TimeDelta::days(31));
    run(&app, &TendDataRequests {}).await;
    run(&app, &TendDataRequests {}).await;
    let enqueued = app.enqueued::<ErasePerson>().await;
    assert_eq!(enqueued.len(), 1, "once, however often it is looked for");
    let (job, request) = (enqueued[0].0, enqueued[0].1.request_id);

    let mut seen = Vec::new();
    for runs in 0.. {
        assert!(runs < 40, "it never ends: {seen:?}");
        // Its day has come, whatever it waits for by the database's clock.
        let due = "UPDATE jobs SET run_at = UTC_TIMESTAMP(6) WHERE kind = 'erase_person' AND state IN ('scheduled', 'retryable')";
        database::execute(&app.db, due).await.unwrap();
        if runs == 1 {
            // In the middle of a nano: it is off the shelf, and its files cannot be reached.
            app.s3.stop().await;
            let row = app.run_one(job).await;
            assert!(!row.state.is_terminal() && row.failures == 0, "{row:?}");
            app.s3.resume().await.unwrap();
            assert!(app.objects().await.iter().any(|key| key.contains(&nano)));
            database::execute(&app.db, due).await.unwrap();
        }
        let row = app.run_one(job).await;
        let now = data_requests::get(&app.db, request).await.unwrap().unwrap();
        if row.state == State::Completed {
            break;
        }
        let mut receipt = now.receipt.unwrap().0;
        let Some(done) = receipt.steps.last().map(|done| done.step) else { continue };
        if seen.contains(&done) {
            // It waits until answers that are kept for a day are gone.
            app.advance(TimeDelta::hours(7));
            continue;
        }
        seen.push(done);
        let refused = sign_in(&app, &zora.email, PASSWORD).await;
        assert!(refused.status.is_client_error(), "nobody signs in after {done}: {}", refused.status);
        // The process dies before it has noted the step. The first one is one transaction.
        if done != Step::Access {
            receipt.steps.pop();
            let mut tx = app.db.begin().await.unwrap();
            data_requests::keep_receipt(&mut tx, request, &receipt).await.unwrap();
            tx.commit().await.unwrap();
            database::execute(&app.db, due).await.unwrap();
            app.run_one(job).await;
            let again = data_requests::get(&app.db, request).await.unwrap().unwrap().receipt.unwrap().0;
            assert_eq!(again.steps.last().map(|step| step.step), Some(done), "done again");
        }
    }
    assert_eq!(seen, Step::ALL[..Step::ALL.len() - 1]);
    // The mail that was never sent.
    app.run_all_due().await;

    for trace in ["zoraida", &zora.email, "Head zor", "+4930123"] {
        assert_eq!(places(&app, trace).await, 0, "{trace} is left");
    }
    let hers = zora.id.replace('-', "");
    for table in
        ["notifications", "notification_preferences", "mail_link_keys", "saved_searches", "webhooks", "webhook_events"]
    {
        assert_eq!(count(&app, &format!("{table} WHERE user_id = UNHEX('{hers}')")).await, 0, "{table}");
    }
    for table in ["webhook_secrets", "webhook_deliveries", "webhook_attempts"] {
        assert_eq!(count(&app, table).await, 0, "{table}");
    }
    let left = app.objects().await;
    assert!(!left.iter().any(|key| key.contains(&nano) || key.starts_with("exports/")), "{left:?}");
    assert_eq!(left.iter().filter(|key| key.starts_with("nanos/")).count(), 1, "bea's own: {left:?}");
    let found = app.get("/api/v1/search?q=zoraida").await;
    assert_eq!(found.data(StatusCode::OK)["hits"].as_array().unwrap().len(), 0);
    let found = app.get("/api/v1/search?q=cakes").await;
    assert_eq!(found.data(StatusCode::OK)["hits"].as_array().unwrap().len(), 1, "what others have made stays");
    assert_eq!(count(&app, "chat_messages WHERE text = 'Thank you'").await, 1, "what others have said stays");

    let done = data_requests::get(&app.db, request).await.unwrap().unwrap();
    assert_eq!((done.state, done.user_id, done.cause), (RequestState::Done, None, Cause::Person));
    let receipt = done.receipt.unwrap().0;
    assert_eq!(receipt.steps.len(), Step::ALL.len());
    assert!(receipt.erased["nanos"] >= 2 && receipt.erased["stored objects"] >= 3 && receipt.erased["mails"] >= 3);
    let said = serde_json::to_string(&receipt).unwrap();
    assert!(!said.contains(&zora.id) && !said.contains("zoraida"), "{said}");

    let verdict = audit_log::verify(&app.db).await.unwrap();
    assert!(matches!(verdict, audit_log::Verdict::Whole { .. }), "{verdict:?}");
    let network = async |user: &User| {
        let filter = audit_log::Filter { actor: Some(id_of(user)), action: Some("auth.login".into()) };
        audit_log::page(&app.db, &filter, 0, 1).await.unwrap().0.remove(0).entry.ip_prefix
    };
    assert_eq!(network(&zora).await, None, "its key is gone");
    assert!(network(&bea).await.is_some());
    assert_eq!(
        count(&app, "audit_log WHERE ip_prefix IS NOT NULL AND actor_id IS NOT NULL").await,
        0,
        "all are sealed"
    );
    // What follows a rating into the search index waits for a minute.
    app.discard().await;
}

/// A row as the build before wrote it: in the clear.
async fn append_in_the_clear(app: &TestApp, entry: &Entry) -> u64 {
    let (last, previous) = audit_log::head(&app.db).await.unwrap();
    let (seq, own) = (last + 1, entry.hash(last + 1, &previous));
    let mut tx = app.db.begin().await.unwrap();
    let row = "INSERT INTO audit_log (seq, id, action, actor_id, target_type, target_id, details, ip_prefix, user_agent, result,
                 request_id, created_at, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let row = sqlx::query(row).bind(seq).bind(entry.id).bind(&entry.action).bind(entry.actor_id);
    let row = row.bind(&entry.target_type).bind(entry.target_id).bind(&entry.details).bind(&entry.ip_prefix);
    let row = row.bind(&entry.user_agent).bind(entry.outcome).bind(&entry.request_id).bind(entry.created_at);
    row.bind(previous.as_slice()).bind(own.as_slice()).execute(&mut *tx).await.unwrap();
    let head = sqlx::query("UPDATE audit_head SET seq = ?, hash = ? WHERE id = 1").bind(seq).bind(own.as_slice());
    head.execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    seq
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_sealed_by_person_and_rows_of_before_still_verify() {
    let app = start().await;
    let (root, ada) = (app.user("root", Role::Admin).await, app.creator("ada").await);
    let newest = async || audit_log::page(&app.db, &audit_log::Filter::default(), 0, 1).await.unwrap().0.remove(0);
    let mut old = newest().await.entry;
    old.id = uuid::Uuid::now_v7();
    old.ip_prefix = Some("192.0.2.0/24".into());
    old.details = json!({"reason": "in the clear"});
    append_in_the_clear(&app, &old).await;
    assert_eq!(newest().await.entry.ip_prefix.as_deref(), Some("192.0.2.0/24"));

    let form = json!({"reason": "ada has spammed"});
    root.post(&app, &format!("/api/v1/admin/users/{}/suspend", ada.id), &form).await.data(StatusCode::OK);
    assert_eq!(places(&app, "has spammed").await, 1, "the account's own reason alone");
    let told = newest().await;
    assert_eq!(
        (told.entry.action.as_str(), &told.entry.details["reason"]),
        ("user.suspend", &json!("ada has spammed"))
    );
    assert!(told.entry.ip_prefix.is_some() && told.entry.details.get("sealed").is_none());
    let verdict = audit_log::verify(&app.db).await.unwrap();
    assert!(matches!(verdict, audit_log::Verdict::Whole { .. }), "{verdict:?}");

    // Whose reason it was is gone with her key; where the admin came from is not hers.
    let mut tx = app.db.begin().await.unwrap();
    assert!(person_keys::destroy(&mut tx, id_of(&ada)).await.unwrap());
    tx.commit().await.unwrap();
    let told = newest().await;
    assert!(told.entry.details.get("reason").is_none() && told.entry.ip_prefix.is_some(), "{told:?}");
    let verdict = audit_log::verify(&app.db).await.unwrap();
    assert!(matches!(verdict, audit_log::Verdict::Whole { .. }), "{verdict:?}");

    let tampered =
        format!("UPDATE audit_log SET details = JSON_SET(details, '$.sealed.reason', 'x') WHERE seq = {}", told.seq);
    database::execute(&app.db, &tampered).await.unwrap();
    let verdict = audit_log::verify(&app.db).await.unwrap();
    assert_eq!(verdict, audit_log::Verdict::Broken(ChainError::Changed { seq: told.seq }));
    app.discard().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_nobody_uses_ends_unless_somebody_signs_in() {
    let app = start().await;
    let (ada, bea) = (app.user("ada", Role::Consumer).await, app.user("bea", Role::Consumer).await);
    let cara = app.user("cara", Role::Creator).await;
    let staff = app.user("mod", Role::Moderator).await;
    app.advance(TimeDelta::days(300));
    run(&app, &WarnInactive {}).await;
    assert_eq!(count(&app, "data_requests").await, 0);
    app.advance(TimeDelta::days(40));
    for _ in 0..2 {
        run(&app, &WarnInactive {}).await;
    }
    assert_eq!(count(&app, "data_requests WHERE cause = 'inactivity' AND state = 'waiting'").await, 3, "each once");
    assert!(mails(&app, &ada.email).await.last().unwrap().subject.contains("unless you sign in"));
    assert!(mails(&app, &staff.email).await.is_empty(), "who works here is not asked");

    // Signing in is the answer.
    let ada = app.login(&ada.email).await;
    let newest = data_requests::newest(&app.db, id_of(&ada), Kind::Erasure).await.unwrap().unwrap();
    assert_eq!(newest.state, RequestState::Withdrawn);
    // So is a script that works on.
    let token =
        "INSERT INTO personal_tokens (id, user_id, name, token_hash, scopes, expires_at, last_used_at, created_at)
       SELECT id, id, 'script', UNHEX(SHA2(username, 256)), '[\"read\"]', '2100-01-01',
         (SELECT MAX(created_at) FROM data_requests), created_at FROM users WHERE username = 'cara'";
    database::execute(&app.db, token).await.unwrap();
    app.advance(TimeDelta::days(31));
    run(&app, &TendDataRequests {}).await;
    let mut people = Vec::new();
    for (job, erasure) in app.enqueued::<ErasePerson>().await {
        let request = data_requests::get(&app.db, erasure.request_id).await.unwrap().unwrap();
        people.push(request.user_id.unwrap());
        if request.user_id == Some(id_of(&cara)) {
            assert_eq!(app.run_one(job).await.state, State::Completed);
        }
    }
    people.sort();
    assert_eq!(people, [id_of(&bea), id_of(&cara)], "in the order in which they came");
    let newest = data_requests::newest(&app.db, id_of(&cara), Kind::Erasure).await.unwrap().unwrap();
    assert_eq!(newest.state, RequestState::Withdrawn);
    app.login(&cara.email).await;
    app.discard().await;
}
