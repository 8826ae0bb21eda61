//! What the API is measured with: services, a catalogue, people, and the programs that are compared.

use std::{fs, path::Path, time::Duration};

use anyhow::Context;
use chrono::{TimeDelta, Utc};
use db::Db;
use domain::password_hash;
use serde_json::{Value, json};
use servers::{
    database::DEV_SCHEMA,
    installation, ports,
    processes::{Launch, Process},
    services::{Environment, Services},
};
use sqlx::QueryBuilder;
use uuid::Uuid;

use super::client::{Client, Request};

pub const PASSWORD: &str = "a phrase of the benchmark's own";
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Connections of each program that asks the database.
const POOL: &str = "20";

/// A program that answers at a port.
pub struct Program {
    pub port: u16,
    process: Process,
}

pub struct Town {
    services: Services,
    db: Db,
    /// The API as it is set up by default, and one that keeps no answers.
    pub api: Program,
    pub uncached: Program,
    /// A plain axum program: a static answer, and `SELECT 1`.
    pub plain: Program,
}

impl Town {
    /// Starts everything, with `nanos` published nanos and `people` creators who may sign in.
    pub async fn build(dir: &Path, nanos: u32, people: usize) -> anyhow::Result<Self> {
        let services = Services::start_apart(dir).await?;
        services.database.query(&format!("DROP DATABASE IF EXISTS {DEV_SCHEMA}; CREATE DATABASE {DEV_SCHEMA}")).await?;
        services.queue.flush().await?;
        services.cache.flush().await?;
        let db = Db::connect(&services.database.url_of(DEV_SCHEMA), 4).await?;
        db.migrate().await?;
        settle(&db, nanos, people).await?;

        let mut environment = services.environment();
        let (key, data_key) = (dir.join("jwt.pem"), dir.join("data.key"));
        installation::make_signing_key(&key)?;
        installation::make_data_key(&data_key)?;
        for (name, value) in [
            ("PUBLIC_URL", "http://bench.example".to_owned()),
            ("JWT_KEY_FILE", key.display().to_string()),
            ("DATA_KEY_FILE", data_key.display().to_string()),
            ("DATABASE_POOL_SIZE", POOL.to_owned()),
            ("ACCESS_TOKEN_LIFETIME", "1h".to_owned()),
            // One machine asks what thousands would.
            ("READS_PER_MINUTE", "1000000000".to_owned()),
            ("WRITES_PER_MINUTE", "1000000000".to_owned()),
            ("MAX_CONNECTIONS", "10000".to_owned()),
            ("CONNECTIONS_PER_ADDRESS", "10000".to_owned()),
            ("SHUTDOWN_NOTICE", "0s".to_owned()),
        ] {
            environment.push((name.to_owned(), value));
        }
        let api = start_api(dir, "api", &environment, "30m").await?;
        let uncached = start_api(dir, "api-uncached", &environment, "0s").await?;
        let body = dir.join("answer.json");
        let mut client = Client::connect(api.port).await?;
        fs::write(&body, client.expect(&Request::get(super::LIST), 200).await?.body)?;
        let plain = start_plain(dir, &environment, &body).await?;
        Ok(Self { services, db, api, uncached, plain })
    }

    /// The database that the programs ask.
    pub fn db(&self) -> &Db {
        &self.db
    }

    pub async fn leave(mut self) -> anyhow::Result<()> {
        for program in [&mut self.api, &mut self.uncached, &mut self.plain] {
            program.process.terminate(Duration::from_secs(30)).await?;
        }
        self.db.close().await;
        self.services.stop().await
    }
}

async fn start_api(dir: &Path, name: &str, environment: &Environment, kept_for: &str) -> anyhow::Result<Program> {
    let port = ports::free()?;
    let mut process = Launch::sibling(name, "api", dir.join(format!("{name}.log")))?
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .env("API_ADDR", format!("127.0.0.1:{port}"))
        .env("ANSWERS_KEPT_FOR", kept_for)
        .start()
        .await?;
    process.wait_http(&format!("http://127.0.0.1:{port}/health"), READY_WITHIN).await?;
    Ok(Program { port, process })
}

async fn start_plain(dir: &Path, environment: &Environment, body: &Path) -> anyhow::Result<Program> {
    let port = ports::free()?;
    let (_, database) =
        environment.iter().find(|(name, _)| name == "DATABASE_URL").context("there is no DATABASE_URL")?;
    let mut process = Launch::sibling("plain", "bench-plain", dir.join("plain.log"))?
        .args(["--address", &format!("127.0.0.1:{port}"), "--database", database, "--pool", POOL])
        .arg("--body")
        .arg(body)
        .start()
        .await?;
    process.wait_http(&format!("http://127.0.0.1:{port}/static"), READY_WITHIN).await?;
    Ok(Program { port, process })
}

/// Rows as the API would have written them: people with a confirmed address, and a catalogue of theirs.
async fn settle(db: &Db, nanos: u32, people: usize) -> anyhow::Result<()> {
    let hash = password_hash::hash(PASSWORD)?;
    let now = Utc::now();
    let ids: Vec<Uuid> = (0..people).map(|_| Uuid::now_v7()).collect();
    let mut users = QueryBuilder::new(
        "INSERT INTO users (id, email, username, password_hash, name, role, language, email_verified_at,
           creator_terms_version, creator_terms_at, created_at, updated_at) ",
    );
    users.push_values(ids.iter().enumerate(), |mut row, (n, id)| {
        row.push_bind(id.as_bytes().to_vec()).push_bind(email(n)).push_bind(format!("bench-{n}")).push_bind(&hash);
        row.push_bind(format!("Person {n}")).push_bind("creator").push_bind("en").push_bind(now);
        row.push_bind("2026-11").push_bind(now).push_bind(now).push_bind(now);
    });
    users.build().execute(db.unlimited()).await?;

    let rows: Vec<(Uuid, u32)> = (0..nanos).map(|n| (Uuid::now_v7(), n)).collect();
    for rows in rows.chunks(500) {
        let mut insert = QueryBuilder::new(
            "INSERT INTO nanos (id, creator_id, title, description, duration_minutes, level, language, format, license,
               status, thumbnail_key, published_at, created_at, updated_at) ",
        );
        insert.push_values(rows, |mut row, (id, n)| {
            let published = now - TimeDelta::minutes((*n).into());
            let turn = *n as usize;
            row.push_bind(id.as_bytes().to_vec()).push_bind(ids[turn % ids.len()].as_bytes().to_vec());
            row.push_bind(format!("Unit {n}: pivot tables without tears")).push_bind(description(*n));
            row.push_bind(5 + n % 50).push_bind(1 + n % 3).push_bind(["de", "en"][turn % 2]);
            row.push_bind(["video", "text", "quiz"][turn % 3]).push_bind("CC-BY").push_bind("published");
            row.push_bind(format!("thumbnails/{id}/{n:064x}")).push_bind(published).push_bind(published);
            row.push_bind(published);
        });
        insert.build().execute(db.unlimited()).await?;
    }
    // Two categories for each.
    sqlx::query(
        "INSERT INTO nano_categories (nano_id, category_id)
         SELECT n.id, c.id FROM nanos n JOIN (SELECT id FROM categories WHERE parent_id IS NOT NULL ORDER BY slug LIMIT 2) c",
    )
    .execute(db.unlimited())
    .await?;
    sqlx::query("ANALYZE TABLE nanos, nano_categories, users").execute(db.unlimited()).await?;
    Ok(())
}

fn description(n: u32) -> String {
    format!("What a pivot table is, when it helps, and how to build number {n} from a plain list of sales. ").repeat(3)
}

pub fn email(n: usize) -> String {
    format!("person-{n}@bench.example")
}

pub fn login(n: usize) -> Request {
    Request::new("POST", "/api/v1/auth/login").json(&json!({"email": email(n), "password": PASSWORD}))
}

/// Signs a person in.
pub async fn token(client: &mut Client, n: usize) -> anyhow::Result<String> {
    let answer = client.expect(&login(n), 200).await?.json()?;
    text(&answer, "/data/access_token")
}

pub fn text(answer: &Value, pointer: &str) -> anyhow::Result<String> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    Ok(found.with_context(|| format!("there is no {pointer} in {answer}"))?.to_owned())
}

/// A new draft.
pub fn draft(token: &str, n: u64) -> Request {
    Request::new("POST", "/api/v1/nanos").bearer(token).json(&json!({
        "title": format!("Draft {n}"), "description": "Of the benchmark.", "duration_minutes": 10, "level": 1,
        "language": "en", "format": "mixed", "license": "CC-BY", "categories": ["excel"],
    }))
}
