//! What workers without jobs ask of the database and of Redis: as many processes as a large fleet has, each with the
//! product's queues, its heartbeat, dispatcher, controls and rescuer.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use anyhow::Context;
use sqlx::Row;

use super::{Bench, figure};
use crate::{
    jobs::QUEUES,
    report::{Goal, Results, Table, progress},
    stage::{Stage, WorkerSize},
    stats,
};

/// Sizes of the scenario.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Worker processes.
    #[arg(long, default_value_t = 100)]
    workers: usize,
    /// How long the statements are counted.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// How long they are written down after that, to tell them apart.
    #[arg(long, default_value_t = 10)]
    logged_seconds: u64,
    /// How long a fleet that has just begun is left alone.
    #[arg(long, default_value_t = 10)]
    settle_seconds: u64,
}

/// What a worker of the product has by default: jobs of a queue at a time, and connections.
const SIZE: WorkerSize = WorkerSize { concurrency: 2, pool: 5 };
/// The goal, for the whole fleet.
const ASKED_AT_MOST: f64 = 200.0;
/// Statements that are listed by name.
const LISTED: usize = 24;

pub async fn run(bench: &Bench, args: &Args) -> anyhow::Result<Results> {
    let stage = &bench.stage;
    let machine = stage.machine().await?;
    stage.clear().await?;
    progress(&format!("idle: {} workers with {} queues each", args.workers, QUEUES.len()));
    let mut workers = Vec::new();
    for _ in 0..args.workers {
        workers.push(stage.start_worker(SIZE, &["--every-queue"]).await?);
    }
    let last = workers.last_mut().context("a fleet has at least one worker")?;
    let wanted = i64::try_from(args.workers)?;
    let alive = || async {
        let alive = stage.count("SELECT COUNT(*) FROM workers WHERE state = 'alive'").await;
        alive.is_ok_and(|alive| alive == wanted)
    };
    last.process.wait_until(Duration::from_secs(300), alive).await?;
    tokio::time::sleep(Duration::from_secs(args.settle_seconds)).await;

    let mut samples = Vec::new();
    let mut table = Table::new(
        format!("{} idle workers, {} queues each", args.workers, QUEUES.len()),
        &["run", "queries/s", "a worker", "pings/s", "kinds of queries", "Redis commands/s"],
    );
    for run in 1..=bench.runs {
        progress(&format!("idle, run {run} of {}", bench.runs));
        let counted = Counted::over(stage, Duration::from_secs(args.seconds)).await?;
        let kinds: Vec<String> = counted.kinds.iter().map(|(kind, rate)| format!("{kind} {}", figure(*rate))).collect();
        table.row([
            run.to_string(),
            figure(counted.queries),
            figure(counted.queries / args.workers as f64),
            figure(counted.pings),
            kinds.join(", "),
            figure(counted.redis),
        ]);
        samples.push(counted.queries);
    }
    let logged = statements(stage, Duration::from_secs(args.logged_seconds)).await?;
    for worker in &mut workers {
        worker.process.terminate(Duration::from_secs(30)).await?;
    }

    let mut by_text = Table::new("The same by statement", &["queries/s", "a worker", "statement"]);
    for (text, rate) in logged.iter().take(LISTED) {
        by_text.row([figure(*rate), figure(rate / args.workers as f64), text.clone()]);
    }
    let rest: f64 = logged.iter().skip(LISTED).map(|(_, rate)| rate).sum();
    by_text.row([figure(rest), figure(rest / args.workers as f64), "all others".into()]);
    let median = stats::median(&samples);
    let goal = Goal::new(
        format!("{} idle workers ask the database at most {ASKED_AT_MOST:.0} times a second in all", args.workers),
        format!("{} queries/s (median)", figure(median)),
        median <= ASKED_AT_MOST,
    );
    Ok(Results {
        command: String::new(),
        machine,
        tables: vec![table, by_text],
        goals: vec![goal],
        samples: [("queries/s".to_owned(), samples)].into(),
    })
}

/// Rates of what the servers counted while nobody else asked them.
struct Counted {
    queries: f64,
    pings: f64,
    /// Those that came once in two seconds or more often.
    kinds: Vec<(String, f64)>,
    redis: f64,
}

impl Counted {
    async fn over(stage: &Stage, time: Duration) -> anyhow::Result<Self> {
        let (before, redis_before) = (counters(stage).await?, redis_commands(stage).await?);
        let began = Instant::now();
        tokio::time::sleep(time).await;
        let (after, redis_after) = (counters(stage).await?, redis_commands(stage).await?);
        let seconds = began.elapsed().as_secs_f64();
        let grown = |name: &str| {
            let of = |counters: &BTreeMap<String, u64>| counters.get(name).copied().unwrap_or_default();
            of(&after).saturating_sub(of(&before)) as f64 / seconds
        };
        let mut kinds: Vec<(String, f64)> = after
            .keys()
            .filter_map(|name| Some((name.strip_prefix("com_")?.replace('_', " "), grown(name))))
            // What the kinds are made of twice, and what is no query.
            .filter(|(kind, rate)| *rate >= 0.5 && kind != "admin commands" && !kind.starts_with("stmt"))
            .collect();
        kinds.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let redis = redis_after.saturating_sub(redis_before) as f64 / seconds;
        Ok(Self { queries: grown("questions"), pings: grown("com_admin_commands"), kinds, redis })
    }
}

/// The server's counters of statements, by their names in small letters.
async fn counters(stage: &Stage) -> anyhow::Result<BTreeMap<String, u64>> {
    let sql = "SHOW GLOBAL STATUS WHERE variable_name LIKE 'Com\\_%' OR variable_name = 'Questions'";
    let rows = sqlx::query(sql).fetch_all(stage.db.unlimited()).await?;
    let counter = |row: &sqlx::mysql::MySqlRow| -> anyhow::Result<(String, u64)> {
        Ok((row.try_get::<String, _>(0)?.to_lowercase(), row.try_get::<String, _>(1)?.parse()?))
    };
    rows.iter().map(counter).collect()
}

async fn redis_commands(stage: &Stage) -> anyhow::Result<u64> {
    let mut connection = redis::Client::open(stage.redis.url())?.get_multiplexed_async_connection().await?;
    let info: String = redis::cmd("INFO").arg("stats").query_async(&mut connection).await?;
    let line = info.lines().find_map(|line| line.strip_prefix("total_commands_processed:"));
    Ok(line.context("INFO has no total_commands_processed")?.trim().parse()?)
}

/// Statements a second by their text, the most frequent first, as the server's general log has them.
async fn statements(stage: &Stage, time: Duration) -> anyhow::Result<Vec<(String, f64)>> {
    let db = stage.db.unlimited();
    sqlx::raw_sql("SET GLOBAL log_output = 'TABLE'; TRUNCATE TABLE mysql.general_log; SET GLOBAL general_log = 1")
        .execute(db)
        .await?;
    let began = Instant::now();
    tokio::time::sleep(time).await;
    sqlx::raw_sql("SET GLOBAL general_log = 0").execute(db).await?;
    let seconds = began.elapsed().as_secs_f64();
    let texts: Vec<String> = sqlx::query_scalar(
        "SELECT CAST(argument AS CHAR) FROM mysql.general_log WHERE command_type IN ('Query', 'Execute')",
    )
    .fetch_all(db)
    .await?;
    let mut counts: HashMap<String, usize> = HashMap::new();
    for text in texts {
        // Several statements sent at once are one line of the log, and as many queries as they are.
        let shape = shape(&text);
        let statements = shape.split(';').filter(|statement| !statement.trim().is_empty()).count();
        *counts.entry(shape).or_default() += statements;
    }
    let mut rates: Vec<(String, f64)> =
        counts.into_iter().map(|(text, count)| (beginning(&text), count as f64 / seconds)).collect();
    rates.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    Ok(rates)
}

/// As much of a statement as fits into a table's cell. In Markdown a bar would end it.
fn beginning(statement: &str) -> String {
    const LONGEST: usize = 110;
    let cut: String = statement.chars().take(LONGEST).collect();
    cut.replace('|', "/")
}

/// A statement without its values, so that equal ones count as one.
fn shape(statement: &str) -> String {
    let mut shape = String::new();
    let mut characters = statement.chars().peekable();
    let mut in_word = false;
    while let Some(character) = characters.next() {
        match character {
            '\'' => {
                // Doubled and escaped quotes do not end a text.
                while let Some(inner) = characters.next() {
                    if inner == '\\' {
                        characters.next();
                    } else if inner == '\'' && characters.next_if_eq(&'\'').is_none() {
                        break;
                    }
                }
                if shape.ends_with(" x") || shape.ends_with("(x") || shape.ends_with(",x") {
                    shape.pop();
                }
                shape.push('?');
            }
            '0'..='9' if !in_word => {
                while characters.next_if(|next| next.is_ascii_alphanumeric() || *next == '.').is_some() {}
                shape.push('?');
            }
            _ if character.is_whitespace() => {
                if !shape.ends_with(' ') {
                    shape.push(' ');
                }
            }
            _ => shape.push(character),
        }
        in_word = character.is_alphanumeric() || character == '_';
    }
    shape.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{beginning, shape};

    #[test]
    fn values_and_line_breaks_do_not_tell_statements_apart() {
        let one = "UPDATE jobs\n   SET a1 = 'it''s \\' x', b = 12.5 WHERE id IN (x'00ff',x'01') AND c = 0xFF";
        assert_eq!(shape(one), "UPDATE jobs SET a1 = ?, b = ? WHERE id IN (?,?) AND c = ?");
        assert_eq!(shape("SELECT 1"), shape("SELECT  22"));
    }

    #[test]
    fn what_a_text_says_does_not_end_a_statement() {
        assert_eq!(shape("SET a = 'x;y'; SELECT ';'"), "SET a = ?; SELECT ?");
    }

    #[test]
    fn a_long_statement_is_cut_and_ends_no_cell() {
        let cut = beginning(&"SELECT a || b, ".repeat(40));
        assert_eq!(cut.chars().count(), 110);
        assert!(cut.starts_with("SELECT a // b, "));
    }
}
