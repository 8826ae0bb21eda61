//! Mail servers that fall silent, and a database that is away when one has answered: what was not handed over is sent later,
//! and what is known of a mail is written down.

use std::time::{Duration, Instant};

use domain::user::Language;
use jobs::{NewMail, SendEmail, queue_mail};
use queue::{
    control::act,
    ids::JobId,
    ledger::{self, Action, By, State},
};
use servers::{mail::Step, proxy::Proxy};
use tests::{TestApp, app::PATIENCE, database};
use url::Url;

/// Queues a mail with this key, which is in its address as well.
async fn mail(app: &TestApp, key: &str) -> JobId {
    let mut tx = app.db.begin().await.unwrap();
    let mail = NewMail {
        key,
        template: "already_registered",
        language: Language::En,
        user_id: None,
        recipient: &format!("{key}@nano.test"),
        params: serde_json::json!({}),
        now: chrono::Utc::now(),
    };
    queue_mail(&mut tx, mail).await.unwrap();
    tx.commit().await.unwrap();
    app.enqueued::<SendEmail>().await.pop().unwrap().0
}

async fn fates(app: &TestApp) -> Vec<(String, i64)> {
    database::mails_by_state(&app.db).await.unwrap()
}

/// Waits until this many mails are in this state.
async fn wait_for(app: &TestApp, state: &str, number: i64) {
    let started = Instant::now();
    while !fates(app).await.contains(&(state.to_owned(), number)) {
        assert!(started.elapsed() < PATIENCE, "{:?}", fates(app).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A worker whose database can be taken away from it alone.
async fn proxied(app: &TestApp) -> (Proxy, String) {
    let mut url: Url = app.database_url.parse().unwrap();
    let proxy = Proxy::start(url.port().unwrap()).await.unwrap();
    url.set_port(Some(proxy.port())).unwrap();
    (proxy, url.to_string())
}

/// Eight mails wait for a connection and for a server that has fallen silent, when their worker is killed. None of them was
/// handed over, so all of them are sent, once.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_silent_server_never_got_is_sent_after_a_kill() {
    let app = TestApp::start().await;
    let mut all = 0;
    for step in [Step::Greeting, Step::Mail, Step::Recipient, Step::Data] {
        app.mail.stall_at(Some(step));
        for number in 0..8 {
            mail(&app, &format!("{step:?}-{number}").to_lowercase()).await;
        }
        all += 8;
        let settings = [("WORKER_QUEUES", "mail=8")];
        let mut first = app.worker_process_with(&format!("first-{all}"), &settings).await;
        let running = "SELECT COUNT(*) FROM jobs WHERE kind = 'send_email' AND state = 'running'";
        let started = Instant::now();
        while database::number(&app.db, running).await.unwrap() < 8 {
            assert!(started.elapsed() < PATIENCE, "{}", first.log_tail(20));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Those with a connection are at the silent step now.
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(fates(&app).await.contains(&("queued".to_owned(), 8)), "{step:?}: {:?}", fates(&app).await);
        first.kill().await.unwrap();
        app.mail.stall_at(None);
        let mut second = app.worker_process_with(&format!("second-{all}"), &settings).await;
        app.drained().await;
        assert_eq!(fates(&app).await, [("sent".to_owned(), all)], "{step:?}");
        second.terminate(Duration::from_secs(20)).await.unwrap();
    }
    let mut reached: Vec<_> = app.mail.messages().into_iter().flat_map(|mail| mail.envelope_to).collect();
    reached.sort();
    reached.dedup();
    assert_eq!((reached.len(), app.mail.messages().len()), (32, 32), "each once");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fate_that_is_known_is_written_when_the_database_is_back() {
    let app = TestApp::start().await;
    let (proxy, url) = proxied(&app).await;
    app.mail.stall_after_data(true);
    let mut worker = app.worker_process_with("cut-off", &[("DATABASE_URL", &url)]).await;
    let job = mail(&app, "known").await;
    wait_for(&app, "sending", 1).await;
    app.mail.wait_for(|_| true, PATIENCE).await.unwrap();
    proxy.refuse(true);
    proxy.cut();
    app.mail.stall_after_data(false);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(fates(&app).await, [("sending".to_owned(), 1)], "the answer is known to the worker alone");
    proxy.refuse(false);
    app.drained().await;
    assert_eq!((fates(&app).await, app.mail.messages().len()), (vec![("sent".to_owned(), 1)], 1));
    let row = ledger::get(&app.db, job).await.unwrap().unwrap();
    assert_eq!((row.state, row.failures), (State::Completed, 0));
    worker.terminate(Duration::from_secs(20)).await.unwrap();
    app.finish().await;
}

/// Its job went to another worker meanwhile, which could not know: what the first one knows is the truth.
#[tokio::test(flavor = "multi_thread")]
async fn the_truth_replaces_a_guess_when_the_job_was_given_to_others() {
    let app = TestApp::start().await;
    let (proxy, url) = proxied(&app).await;
    app.mail.stall_after_data(true);
    let mut first = app.worker_process_with("first", &[("DATABASE_URL", &url)]).await;
    mail(&app, "guessed").await;
    wait_for(&app, "sending", 1).await;
    app.mail.wait_for(|_| true, PATIENCE).await.unwrap();
    proxy.refuse(true);
    proxy.cut();
    app.mail.stall_after_data(false);
    let mut second = app.worker_process("second").await;
    wait_for(&app, "ambiguous", 1).await;
    proxy.refuse(false);
    wait_for(&app, "sent", 1).await;
    assert_eq!(app.mail.messages().len(), 1);
    app.drained().await;
    for worker in [&mut first, &mut second] {
        worker.terminate(Duration::from_secs(20)).await.unwrap();
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_cancelled_while_the_server_decides_leaves_the_servers_word() {
    let app = TestApp::start().await;
    app.mail.stall_after_data(true);
    let worker = app.worker().await;
    let job = mail(&app, "cancelled").await;
    wait_for(&app, "sending", 1).await;
    app.mail.wait_for(|_| true, PATIENCE).await.unwrap();
    let mut tx = app.db.begin().await.unwrap();
    act::operate(&mut tx, &jobs::KINDS, job, Action::Cancel, &By::system("a test")).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    app.wait_for_state(job, &[State::Cancelled]).await;
    assert_eq!(fates(&app).await, [("ambiguous".to_owned(), 1)]);
    app.mail.stall_after_data(false);
    wait_for(&app, "sent", 1).await;
    worker.stop().await;
    app.finish().await;
}
