//! Chat: sockets on two API processes, one of which is killed while people write. Every message comes once and in order, and is
//! there within a second of the reconnect; what a socket costs in memory.

mod people;
mod town;

use std::{path::Path, time::Duration};

use tokio::time::sleep;

use super::figure;
use crate::{
    report::{Goal, Machine, Results, Table, progress},
    stage, stats,
};
use people::{Board, Times};
use town::Town;

/// Sizes of the scenario.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Sockets, two for each chat, on one process each.
    #[arg(long, default_value_t = 1_000)]
    sockets: usize,
    /// Messages a second, of all chats together.
    #[arg(long, default_value_t = 50.0)]
    rate: f64,
    /// Seconds before the kill, and after it.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
}

const WITHIN: f64 = 1_000.0;
/// How long what was written last may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

pub async fn run(dir: &Path, args: &Args) -> anyhow::Result<Results> {
    let folder = dir.join("chat");
    std::fs::create_dir_all(&folder)?;
    let redis = "queue appendonly=yes appendfsync=everysec, cache maxmemory-policy=allkeys-lru".to_owned();
    let machine = Machine { redis, ..Machine::without_services() };
    let chats = (args.sockets / 2).max(1);
    progress(&format!("chat: services, {chats} chats, two processes"));
    let mut town = Town::build(&folder, chats).await?;
    let machine = stage::database_of(town.db(), &folder, machine).await?;
    let measured = measure(&mut town, args, chats).await;
    town.leave().await?;
    let (tables, goals, samples) = measured?;
    Ok(Results { command: String::new(), machine, tables, goals, samples })
}

type Measured = (Vec<Table>, Vec<Goal>, std::collections::BTreeMap<String, Vec<f64>>);

async fn measure(town: &mut Town, args: &Args, chats: usize) -> anyhow::Result<Measured> {
    let before = town.survivor.resident_kib()?;
    let board = Board::open(town, chats).await?;
    sleep(Duration::from_secs(5)).await;
    let per_socket = town.survivor.resident_kib()?.saturating_sub(before) as f64 / chats as f64;

    progress(&format!("chat: {} sockets are open, writing", 2 * chats));
    board.write_at(args.rate);
    sleep(Duration::from_secs_f64(args.seconds)).await;
    let calm = board.times();
    progress("chat: SIGKILL of one process");
    town.kill_one().await?;
    sleep(Duration::from_secs_f64(args.seconds)).await;
    let written = board.finish(PATIENCE).await?;
    let Times { delivery, after_reconnect } = board.times();
    let (calm, disturbed) = (calm.delivery.clone(), delivery[calm.delivery.len()..].to_vec());

    let mut table = Table::new(
        format!(
            "{} sockets on two API processes, {} messages a second, one process killed",
            2 * chats,
            figure(args.rate)
        ),
        &["", "messages", "p50 ms", "p99 ms", "worst ms"],
    );
    for (name, times) in [
        ("written to received, before the kill", &calm),
        ("written to received, from the kill on", &disturbed),
        ("missed meanwhile: reconnected to received", &after_reconnect),
    ] {
        let at = |p| figure(stats::percentile(times, p));
        table.row([name.to_owned(), times.len().to_string(), at(50.0), at(99.0), at(100.0)]);
    }
    let faults = board.faults();
    let p99 = stats::percentile(&after_reconnect, 99.0);
    let goals = vec![
        Goal::new(
            "every message once and in order",
            format!("{written} written, {} received, {faults} lost, repeated or out of order", delivery.len()),
            faults == 0 && delivery.len() == written,
        ),
        Goal::new(
            "what was missed is there within 1 s (p99) of the reconnect",
            format!("{} ms, of {} messages", figure(p99), after_reconnect.len()),
            p99 <= WITHIN,
        ),
        Goal::new("memory of a socket is stated", format!("{} KiB", figure(per_socket)), per_socket > 0.0),
    ];
    let samples = [
        ("written to received before the kill, ms".to_owned(), calm),
        ("reconnected to received, ms".to_owned(), after_reconnect),
    ];
    Ok((vec![table], goals, samples.into()))
}
