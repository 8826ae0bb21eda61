//! A failover of the queue's Redis to another node: the old one goes on answering, as a replica that takes no writes.

use std::time::{Duration, Instant};

use jobs::RemoveObject;
use queue::{ids::JobId, ledger::State, ready::Ticket};
use servers::{
    proxy::Proxy,
    redis::{RedisServer, Role},
};
use tests::{TestApp, app::Overrides};

/// How often a server was asked to do something, by the name of the command.
async fn calls(server: &RedisServer, command: &str) -> u64 {
    let mut connection = redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let stats: String = redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await.unwrap();
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_and_pops_follow_a_failover_of_the_queues_redis_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (mut old, mut new) = (
        RedisServer::start(folder.path().join("old"), Role::Queue, 0).await.unwrap(),
        RedisServer::start(folder.path().join("new"), Role::Queue, 0).await.unwrap(),
    );
    let name = Proxy::start(old.port()).await.unwrap();
    let url = format!("redis://127.0.0.1:{}/", name.port());
    let app = TestApp::start_with(Overrides { redis_queue_url: Some(url), ..Overrides::default() }).await;
    let worker = app.worker().await;
    let before = app.put(&RemoveObject { key: "uploads/before.zip".into() }).await;
    app.wait_for_state(before, &[State::Completed]).await;
    assert!(calls(&old, "bzmpop").await > 0);

    let mut connection = redis::Client::open(old.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let port = new.port().to_string();
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(port).query_async::<()>(&mut connection).await.unwrap();
    name.point_at(new.port());
    let failover = Instant::now();
    let mut job = 0;
    // The first command that the old node refuses is enough; the connection to it never ended.
    while calls(&new, "evalsha").await + calls(&new, "eval").await == 0 || calls(&new, "bzmpop").await == 0 {
        assert!(failover.elapsed() < Duration::from_secs(15), "still with the old node");
        let id = app.put(&RemoveObject { key: format!("uploads/{job}.zip") }).await;
        app.wait_for_state(id, &[State::Completed]).await;
        job += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    worker.stop().await;
    app.finish().await;
    old.stop().await.unwrap();
    new.stop().await.unwrap();
}

/// Nobody takes tickets of a paused queue, and every commit would add one.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_nobody_empties_stops_growing() {
    let app = TestApp::start().await;
    let ready = tests::app::ready_list(&app.redis).await;
    ready.push_after_commits(&app.db);
    let tickets: Vec<Ticket> =
        (0..20_000).map(|rank| Ticket { job: JobId(uuid::Uuid::new_v4()), priority: 2, rank }).collect();
    for tickets in tickets.chunks(5_000) {
        ready.push("maintenance", tickets).await.unwrap();
    }
    for job in 0..20 {
        app.put(&RemoveObject { key: format!("uploads/{job}.zip") }).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(ready.depth("maintenance").await.unwrap(), 20_000);
    app.discard().await;
}
