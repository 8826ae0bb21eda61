//! Database and Redis: ready when `start` returns, kept over a restart, recovered after a kill.

use servers::{
    database::DatabaseServer,
    redis::{RedisServer, Role},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn redis(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn rows(database: &DatabaseServer, sql: &str) -> Vec<String> {
    database.query(sql).await.unwrap().into_iter().flatten().collect()
}

#[tokio::test]
async fn a_database_keeps_its_data_over_stop_kill_and_a_new_supervisor() {
    let dir = tempfile::tempdir().unwrap();
    let mut database = DatabaseServer::start(dir.path(), 0).await.unwrap();
    let port = database.port();
    rows(&database, "CREATE DATABASE t1; CREATE TABLE t1.a (i INT); INSERT INTO t1.a VALUES (1)").await;
    assert_eq!(
        rows(&database, "SELECT CURRENT_USER(), @@innodb_flush_log_at_trx_commit").await,
        ["nano@127.0.0.1", "1"]
    );
    database.stop().await.unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    database.resume().await.unwrap();
    assert_eq!(database.port(), port);
    rows(&database, "INSERT INTO t1.a VALUES (2)").await;
    database.kill().await.unwrap();
    database.resume().await.unwrap();
    assert_eq!(rows(&database, "SELECT SUM(i) FROM t1.a").await, ["3"]);
    assert!(database.query("SELECT nonsense").await.unwrap_err().to_string().contains("nonsense"));
    drop(database);
    let database = DatabaseServer::start(dir.path(), port).await.unwrap();
    assert_eq!(rows(&database, "SELECT SUM(i) FROM t1.a").await, ["3"]);
}

#[tokio::test]
async fn the_queue_role_keeps_its_keys_and_the_cache_role_evicts() {
    let dir = tempfile::tempdir().unwrap();
    let mut queue = RedisServer::start(dir.path().join("queue"), Role::Queue, 0).await.unwrap();
    let cache = RedisServer::start(dir.path().join("cache"), Role::Cache, 0).await.unwrap();
    assert!(redis(queue.port(), "CONFIG GET maxmemory-policy").await.contains("noeviction"));
    assert!(redis(cache.port(), "CONFIG GET maxmemory-policy").await.contains("allkeys-lru"));
    assert!(redis(queue.port(), "SET kept yes").await.contains("+OK"));
    let port = queue.port();
    queue.stop().await.unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    queue.resume().await.unwrap();
    assert!(redis(port, "GET kept").await.contains("yes"));
    queue.kill().await.unwrap();
    queue.resume().await.unwrap();
    assert!(redis(port, "GET kept").await.contains("yes"));
}
