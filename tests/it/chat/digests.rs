//! What happens to chats by themselves: mails about unread messages, and the archive.

use chrono::{TimeDelta, Utc};
use db::clock::Clock;
use jobs::{ArchiveChats, TellUnread};
use queue::{Job, ledger::State};
use reqwest::StatusCode;
use serde_json::json;
use tests::{app::Overrides, kit::Kit};

use super::{Stage, begin, published};

async fn stage() -> Stage {
    let clock = Clock::manual(Utc::now());
    Stage::start_with(Overrides { clock, ..Overrides::default() }).await
}

async fn run<J: Job<jobs::Context>>(stage: &Stage, kit: &Kit, job: &J) {
    let id = stage.app.put(job).await;
    assert_eq!(kit.run_one(id).await.state, State::Completed);
    kit.run_all_due().await;
}

/// To whom mails about unread messages went, and their texts.
fn mails(stage: &Stage) -> Vec<(String, String)> {
    let all = stage.app.mail.messages().into_iter().filter(|mail| mail.subject == "Unread messages");
    all.map(|mail| (mail.to[0].clone(), mail.text.unwrap_or_default())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_messages_are_mailed_once_in_some_hours() {
    let stage = stage().await;
    let (app, ada, bea) = (&stage.app, &stage.creator, &stage.reader);
    let kit = app.kit().await.clone();
    let charts = published(app, ada, "Charts").await;
    let charts = begin(app, bea, &charts).await;
    stage.send(bea, "A secret question").await.data(StatusCode::CREATED);
    bea.post(app, &format!("/api/v1/chats/{charts}/messages"), &json!({"text": "Another"}))
        .await
        .data(StatusCode::CREATED);
    run(&stage, &kit, &TellUnread {}).await;
    assert!(mails(&stage).is_empty(), "whoever is there reads it within the hour");

    app.advance(TimeDelta::minutes(61));
    let never = kit.clone().with_settings(|settings| settings.periodic.chat_mail_hours = 0);
    run(&stage, &never, &TellUnread {}).await;
    assert!(mails(&stage).is_empty());
    for _ in 0..2 {
        run(&stage, &kit, &TellUnread {}).await;
        let sent = mails(&stage);
        assert_eq!(sent.len(), 1, "one for both chats: {sent:?}");
        assert_eq!(sent[0].0, "ada@nano.test");
        for part in ["Charts", "Pivot tables", "bea", &format!("https://nano.test/chats/{charts}")] {
            assert!(sent[0].1.contains(part), "{part}: {}", sent[0].1);
        }
        assert!(!sent[0].1.contains("secret"), "what was written stays in the chat");
    }
    // More of it: not before the hours are over.
    let later = app.login(&bea.email).await;
    stage.send(&later, "Are you there?").await.data(StatusCode::CREATED);
    app.advance(TimeDelta::minutes(120));
    run(&stage, &kit, &TellUnread {}).await;
    assert_eq!(mails(&stage).len(), 1);
    app.advance(TimeDelta::hours(4));
    run(&stage, &kit, &TellUnread {}).await;
    assert_eq!(mails(&stage).len(), 2);
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_not_mailed_and_nobody_who_is_suspended_is_told() {
    let stage = stage().await;
    let kit = stage.app.kit().await.clone();
    stage.send(&stage.reader, "Read").await.data(StatusCode::CREATED);
    stage.read(&stage.creator, 1).await.data(StatusCode::OK);
    stage.send(&stage.creator, "For somebody who is suspended").await.data(StatusCode::CREATED);
    sqlx::query("UPDATE users SET status = 'suspended' WHERE username = 'bea'")
        .execute(stage.app.db.pool())
        .await
        .unwrap();
    stage.app.advance(TimeDelta::hours(2));
    run(&stage, &kit, &TellUnread {}).await;
    assert!(mails(&stage).is_empty());
    stage.app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_chats_are_archived_and_a_message_opens_them_again() {
    let stage = stage().await;
    let kit = stage.app.kit().await.clone();
    stage.send(&stage.reader, "Hello").await.data(StatusCode::CREATED);
    stage.app.advance(TimeDelta::days(29));
    run(&stage, &kit, &ArchiveChats {}).await;
    let bea = stage.app.login(&stage.reader.email).await;
    assert_eq!(stage.seen_by(&bea).await["state"], "open");
    stage.app.advance(TimeDelta::days(2));
    run(&stage, &kit, &ArchiveChats {}).await;
    let bea = stage.app.login(&stage.reader.email).await;
    assert_eq!(stage.seen_by(&bea).await["state"], "archived");
    let archived = bea.get(&stage.app, "/api/v1/chats?state=archived").await;
    assert_eq!(archived.data(StatusCode::OK)[0]["id"], stage.chat);
    stage.send(&bea, "Still there?").await.data(StatusCode::CREATED);
    assert_eq!(stage.seen_by(&bea).await["state"], "open");
    stage.app.finish().await;
}
