//! What chats are measured with: services, people in pairs, and two API processes.

use std::{fs, path::Path, time::Duration};

use anyhow::Context;
use chrono::Utc;
use db::Db;
use domain::password_hash;
use futures::{StreamExt, TryStreamExt, stream};
use servers::{
    database::DEV_SCHEMA,
    installation, ports,
    processes::{Launch, Process},
    services::{Environment, Services},
};
use sqlx::QueryBuilder;
use uuid::Uuid;

use crate::scenarios::api::{Client, PASSWORD, token};

const READY_WITHIN: Duration = Duration::from_secs(60);
/// Logins under way: hashing takes a core each.
const LOGINS: usize = 4;

/// An API process.
pub struct Api {
    pub port: u16,
    process: Process,
}

impl Api {
    /// Memory of the process, in KiB.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("there is no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
    }
}

pub struct Town {
    services: Services,
    db: Db,
    pub killed: Api,
    pub survivor: Api,
    /// Of each chat: its id, and the tokens of its two people.
    pub chats: Vec<(Uuid, [String; 2])>,
}

impl Town {
    pub async fn build(dir: &Path, chats: usize) -> anyhow::Result<Self> {
        let services = Services::start_apart(dir).await?;
        services.database.query(&format!("DROP DATABASE IF EXISTS {DEV_SCHEMA}; CREATE DATABASE {DEV_SCHEMA}")).await?;
        services.queue.flush().await?;
        services.cache.flush().await?;
        let db = Db::connect(&services.database.url_of(DEV_SCHEMA), 4).await?;
        db.migrate().await?;
        let ids = settle(&db, chats).await?;
        let mut environment = services.environment();
        let (key, data_key) = (dir.join("jwt.pem"), dir.join("data.key"));
        installation::make_signing_key(&key)?;
        installation::make_data_key(&data_key)?;
        for (name, value) in [
            ("PUBLIC_URL", "http://bench.example".to_owned()),
            ("JWT_KEY_FILE", key.display().to_string()),
            ("DATA_KEY_FILE", data_key.display().to_string()),
            ("ACCESS_TOKEN_LIFETIME", "1h".to_owned()),
            // One machine asks what thousands would.
            ("READS_PER_MINUTE", "1000000000".to_owned()),
            ("WRITES_PER_MINUTE", "1000000000".to_owned()),
            ("CHAT_MESSAGES_PER_MINUTE", "1000000".to_owned()),
            ("MAX_CONNECTIONS", "10000".to_owned()),
            ("CONNECTIONS_PER_ADDRESS", "10000".to_owned()),
            ("SHUTDOWN_NOTICE", "0s".to_owned()),
        ] {
            environment.push((name.to_owned(), value));
        }
        let killed = start(dir, "api-killed", &environment).await?;
        let survivor = start(dir, "api", &environment).await?;
        let port = survivor.port;
        let tokens: Vec<String> = stream::iter(0..2 * chats)
            .map(|n| async move { token(&mut Client::connect(port).await?, n).await })
            .buffered(LOGINS)
            .try_collect()
            .await?;
        let pairs = tokens.chunks_exact(2).map(|pair| [pair[0].clone(), pair[1].clone()]);
        let chats = ids.into_iter().zip(pairs).collect();
        Ok(Self { services, db, killed, survivor, chats })
    }

    pub fn db(&self) -> &Db {
        &self.db
    }

    /// SIGKILL.
    pub async fn kill_one(&mut self) -> anyhow::Result<()> {
        self.killed.process.kill().await?;
        Ok(())
    }

    pub async fn leave(mut self) -> anyhow::Result<()> {
        self.survivor.process.terminate(Duration::from_secs(30)).await?;
        self.killed.process.kill().await?;
        self.db.close().await;
        self.services.stop().await
    }
}

async fn start(dir: &Path, name: &str, environment: &Environment) -> anyhow::Result<Api> {
    let port = ports::free()?;
    let mut process = Launch::sibling(name, "api", dir.join(format!("{name}.log")))?
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .env("API_ADDR", format!("127.0.0.1:{port}"))
        .start()
        .await?;
    process.wait_http(&format!("http://127.0.0.1:{port}/health"), READY_WITHIN).await?;
    Ok(Api { port, process })
}

/// Rows as the API would have written them: a creator with a published nano and a reader for each chat.
async fn settle(db: &Db, chats: usize) -> anyhow::Result<Vec<Uuid>> {
    let hash = password_hash::hash(PASSWORD)?;
    let now = Utc::now();
    let bytes = |id: &Uuid| id.as_bytes().to_vec();
    let rows: Vec<(usize, [Uuid; 4])> = (0..chats).map(|n| (n, [(); 4].map(|()| Uuid::now_v7()))).collect();
    for rows in rows.chunks(500) {
        let people = rows.iter().flat_map(|(n, [creator, reader, ..])| [(2 * n, creator), (2 * n + 1, reader)]);
        let mut users = QueryBuilder::new(
            "INSERT INTO users (id, email, username, password_hash, name, role, language, email_verified_at, created_at,
               updated_at) ",
        );
        users.push_values(people, |mut row, (n, id)| {
            row.push_bind(bytes(id)).push_bind(crate::scenarios::api::email(n)).push_bind(format!("bench-{n}"));
            row.push_bind(&hash).push_bind(format!("Person {n}")).push_bind("creator").push_bind("en").push_bind(now);
            row.push_bind(now).push_bind(now);
        });
        users.build().execute(db.unlimited()).await?;
        let mut nanos = QueryBuilder::new(
            "INSERT INTO nanos (id, creator_id, title, description, duration_minutes, level, language, format, license,
               status, published_at, created_at, updated_at) ",
        );
        nanos.push_values(rows, |mut row, (n, [creator, _, nano, _])| {
            row.push_bind(bytes(nano))
                .push_bind(bytes(creator))
                .push_bind(format!("Unit {n}"))
                .push_bind("Of the benchmark.");
            row.push_bind(10).push_bind(1).push_bind("en").push_bind("mixed").push_bind("CC-BY").push_bind("published");
            row.push_bind(now).push_bind(now).push_bind(now);
        });
        nanos.build().execute(db.unlimited()).await?;
        let mut sessions = QueryBuilder::new(
            "INSERT INTO chat_sessions (id, nano_id, consumer_id, creator_id, active_at, created_at) ",
        );
        sessions.push_values(rows, |mut row, (_, [creator, reader, nano, chat])| {
            row.push_bind(bytes(chat)).push_bind(bytes(nano)).push_bind(bytes(reader)).push_bind(bytes(creator));
            row.push_bind(now).push_bind(now);
        });
        sessions.build().execute(db.unlimited()).await?;
        let members = rows.iter().flat_map(|(_, [creator, reader, _, chat])| [(chat, creator), (chat, reader)]);
        let mut insert = QueryBuilder::new("INSERT INTO chat_members (session_id, user_id, active_at) ");
        insert.push_values(members, |mut row, (chat, person)| {
            row.push_bind(bytes(chat)).push_bind(bytes(person)).push_bind(now);
        });
        insert.build().execute(db.unlimited()).await?;
    }
    Ok(rows.into_iter().map(|(_, [.., chat])| chat).collect())
}
