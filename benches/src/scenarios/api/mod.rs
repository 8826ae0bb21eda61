//! The API: lists from the cache and from SQL beside a static answer and `SELECT 1`; others' requests while people sign in,
//! upload, or hold connections; and what single features cost.

mod beside;
mod client;
mod load;
mod town;

use std::{path::Path, time::Duration};

use serde_json::json;
use uuid::Uuid;

use super::figure;
use crate::{
    report::{Goal, Machine, Results, Table, progress},
    stage, stats,
};
use beside::Beside;
pub use client::Client;
use client::Request;
use load::{Measured, Question, flood, steady};
pub use town::{PASSWORD, email, token};
use town::{Town, draft, text};

/// The list of 20 that is measured.
const LIST: &str = "/api/v1/nanos?limit=20";

/// Sizes of the scenario.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Connections that ask as fast as they are answered.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Published nanos.
    #[arg(long, default_value_t = 2_000)]
    nanos: u32,
    /// Clients that sign in, or upload.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Connections that are slow, or silent.
    #[arg(long, default_value_t = 1_000)]
    held: usize,
    /// Requests a second whose times are measured beside those.
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
}

const CACHED_AT_LEAST: f64 = 0.5;
const SQL_AT_LEAST: f64 = 0.3;
const SLOWER_AT_MOST: f64 = 2.0;

/// Sides of the rates, in their turns.
const STATIC: &str = "static answer, axum";
const CACHED: &str = "list of 20, cached";
const DETAIL: &str = "one nano, cached";
const SELECT: &str = "SELECT 1, axum and our pool";
const SQL: &str = "list of 20, from SQL";

pub async fn run(dir: &Path, runs: usize, args: &Args) -> anyhow::Result<Results> {
    let folder = dir.join("api");
    std::fs::create_dir_all(&folder)?;
    let redis = "queue appendonly=yes appendfsync=everysec, cache maxmemory-policy=allkeys-lru".to_owned();
    let machine = Machine { redis, ..Machine::without_services() };
    progress("api: services, a catalogue, programs");
    let town = Town::build(&folder, args.nanos, args.clients.max(1)).await?;
    let machine = stage::database_of(town.db(), &folder, machine).await?;
    let mut results =
        Results { command: String::new(), machine, tables: Vec::new(), goals: Vec::new(), samples: [].into() };
    let measured = async {
        rates(&town, runs, args, &mut results).await?;
        others(&town, runs, args, &mut results).await?;
        costs(&town, runs, args, &mut results).await
    };
    let measured = measured.await;
    town.leave().await?;
    measured?;
    Ok(results)
}

fn lasts(args: &Args) -> Duration {
    Duration::from_secs_f64(args.seconds)
}

fn list(port: u16) -> Question {
    Question::new(port, Request::get(LIST).bytes(), 200)
}

/// How many requests a second each side answers.
async fn rates(town: &Town, runs: usize, args: &Args, results: &mut Results) -> anyhow::Result<()> {
    let mut client = Client::connect(town.api.port).await?;
    let first = text(&client.expect(&Request::get(LIST), 200).await?.json()?, "/data/0/id")?;
    let detail = Request::get(&format!("/api/v1/nanos/{first}")).bytes();
    let sides = [
        (STATIC, Question::new(town.plain.port, Request::get("/static").bytes(), 200)),
        (CACHED, list(town.api.port)),
        (DETAIL, Question::new(town.api.port, detail, 200)),
        (SELECT, Question::new(town.plain.port, Request::get("/select").bytes(), 200)),
        (SQL, list(town.uncached.port)),
    ];
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); sides.len()];
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); sides.len()];
    for run in 1..=runs {
        progress(&format!("api, rates, run {run} of {runs}"));
        for (place, (_, question)) in sides.iter().enumerate() {
            flood(question, args.connections, Duration::from_secs(1)).await?;
            let Measured { per_second, times: took } = flood(question, args.connections, lasts(args)).await?;
            rates[place].push(per_second);
            times[place].extend(took);
        }
    }
    let median = |name: &str| {
        let place = sides.iter().position(|(side, _)| *side == name).unwrap_or_default();
        stats::median(&rates[place])
    };
    let mut table = Table::new(
        format!("Requests a second over {} connections, the load generator on the same machine", args.connections),
        &["", "requests/s", "p50 ms", "p99 ms", "of the static answer", "of SELECT 1"],
    );
    for (place, (name, _)) in sides.iter().enumerate() {
        let rate = stats::median(&rates[place]);
        let at = |p| figure(stats::percentile(&times[place], p));
        let (of_static, of_select) = (rate / median(STATIC), rate / median(SELECT));
        table.row([(*name).to_owned(), figure(rate), at(50.0), at(99.0), figure(of_static), figure(of_select)]);
        results.samples.insert(format!("{name}, requests/s"), rates[place].clone());
    }
    results.tables.push(table);
    let (cached, sql) = (median(CACHED) / median(STATIC), median(SQL) / median(SELECT));
    results.goals.push(Goal::new(
        format!("a list from the cache at >= {CACHED_AT_LEAST} of a static answer's rate"),
        figure(cached),
        cached >= CACHED_AT_LEAST,
    ));
    results.goals.push(Goal::new(
        format!("a list from SQL at >= {SQL_AT_LEAST} of SELECT 1"),
        figure(sql),
        sql >= SQL_AT_LEAST,
    ));
    Ok(())
}

/// What goes on beside others.
#[derive(Clone, Copy)]
enum Trouble {
    None,
    Logins,
    Uploads,
    Slow,
    Silent,
}

/// Lists that are answered from the database while something goes on.
async fn others(town: &Town, runs: usize, args: &Args, results: &mut Results) -> anyhow::Result<()> {
    let port = town.uncached.port;
    let troubles = [
        (Trouble::None, "nothing".to_owned()),
        (Trouble::Logins, format!("{} clients sign in", args.clients)),
        (Trouble::Uploads, format!("{} clients upload", args.clients)),
        (Trouble::Slow, format!("{} slow connections", args.held)),
        (Trouble::Silent, format!("{} silent connections", args.held)),
    ];
    let mut p95 = vec![Vec::new(); troubles.len()];
    let mut p99 = vec![Vec::new(); troubles.len()];
    let mut done = vec![Vec::new(); troubles.len()];
    for run in 1..=runs {
        progress(&format!("api, others' requests, run {run} of {runs}"));
        for (place, (trouble, _)) in troubles.iter().enumerate() {
            let beside = match trouble {
                Trouble::None => None,
                Trouble::Logins => Some(Beside::logins(port, args.clients)),
                Trouble::Uploads => Some(Beside::uploads(port, args.clients)),
                Trouble::Slow => Some(Beside::slow(port, args.held).await?),
                Trouble::Silent => Some(Beside::silent(port, args.held).await?),
            };
            // Signing in comes before uploading.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let measured = steady(&list(port), args.rate, lasts(args)).await?;
            if let Some(beside) = beside {
                done[place].push(beside.stop().await? as f64);
            }
            p95[place].push(measured.at(95.0));
            p99[place].push(measured.at(99.0));
        }
    }
    let mut table = Table::new(
        format!("A list from SQL, {} requests a second, while …", figure(args.rate)),
        &["beside it", "done", "p95 ms", "p99 ms", "p95 of idle", "p99 of idle"],
    );
    let (idle95, idle99) = (stats::median(&p95[0]), stats::median(&p99[0]));
    for (place, (trouble, name)) in troubles.iter().enumerate() {
        let (own95, own99) = (stats::median(&p95[place]), stats::median(&p99[place]));
        let done = figure(stats::median(&done[place]));
        let (of95, of99) = (own95 / idle95, own99 / idle99);
        table.row([name.clone(), done, figure(own95), figure(own99), figure(of95), figure(of99)]);
        results.samples.insert(format!("{name}, p95 ms"), p95[place].clone());
        results.samples.insert(format!("{name}, p99 ms"), p99[place].clone());
        let (which, of) = match trouble {
            Trouble::None => continue,
            Trouble::Logins | Trouble::Uploads => ("p99", of99),
            Trouble::Slow | Trouble::Silent => ("p95", of95),
        };
        results.goals.push(Goal::new(
            format!("{which} of others' requests <= {SLOWER_AT_MOST} x idle while {name}"),
            format!("{} x", figure(of)),
            of <= SLOWER_AT_MOST,
        ));
    }
    results.tables.push(table);
    Ok(())
}

/// The same request with a feature and without it, on one connection.
async fn costs(town: &Town, runs: usize, args: &Args, results: &mut Results) -> anyhow::Result<()> {
    let port = town.api.port;
    let mut client = Client::connect(port).await?;
    let tag = client.expect(&Request::get(LIST), 200).await?.header("etag").unwrap_or_default().to_owned();
    let session = token(&mut client, 0).await?;
    let form = json!({"name": "bench", "scopes": ["read", "write"], "expires_in_days": 1, "password": PASSWORD});
    let made = Request::new("POST", "/api/v1/auth/tokens").bearer(&session).json(&form);
    let personal = text(&client.expect(&made, 201).await?.json()?, "/data/secret")?;
    let question = |request: Request, status| Question::new(port, request.bytes(), status);
    let encoded = |coding| question(Request::get(LIST).header("Accept-Encoding", coding), 200);
    let mine = |token: &str| question(Request::get("/api/v1/nanos/mine?limit=1").bearer(token), 200);
    let drafts = |keyed: bool| {
        let session = session.clone();
        let request = move |n| {
            let request = draft(&session, n);
            let key = Uuid::now_v7().to_string();
            if keyed { request.header("Idempotency-Key", &key) } else { request }.bytes()
        };
        Question { port, request: std::sync::Arc::new(request), status: 201 }
    };
    let sides = [
        ("a list, cached", list(port), None),
        ("… known by its ETag: 304", question(Request::get(LIST).header("If-None-Match", &tag), 304), Some(0)),
        ("… compressed, gzip", encoded("gzip"), Some(0)),
        ("… compressed, Brotli", encoded("br"), Some(0)),
        ("own nanos, by a session", mine(&session), None),
        ("… by a personal token", mine(&personal), Some(4)),
        ("a new draft", drafts(false), None),
        ("… with an Idempotency-Key", drafts(true), Some(6)),
    ];
    let mut p50: Vec<Vec<f64>> = vec![Vec::new(); sides.len()];
    let mut p99: Vec<Vec<f64>> = vec![Vec::new(); sides.len()];
    for run in 1..=runs {
        progress(&format!("api, costs, run {run} of {runs}"));
        for (place, (_, question, _)) in sides.iter().enumerate() {
            let measured = flood(question, 1, lasts(args) / 3).await?;
            p50[place].push(measured.at(50.0) * 1e3);
            p99[place].push(measured.at(99.0) * 1e3);
        }
    }
    let mut table = Table::new("What features cost, on one connection", &["", "p50 µs", "p99 µs", "more, p50 µs"]);
    for (place, (name, _, without)) in sides.iter().enumerate() {
        let own = stats::median(&p50[place]);
        let more = without.map_or_else(|| "–".to_owned(), |base: usize| figure(own - stats::median(&p50[base])));
        table.row([(*name).to_owned(), figure(own), figure(stats::median(&p99[place])), more]);
        results.samples.insert(format!("{name}, p50 µs"), p50[place].clone());
    }
    results.tables.push(table);
    Ok(())
}
