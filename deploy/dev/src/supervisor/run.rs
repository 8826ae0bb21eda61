//! `dev run` and `dev demo`: the whole marketplace, started, used and stopped.

use std::{
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result, anyhow};
use servers::{
    lock::Lock,
    processes::LineSink,
    progress::Progress,
    stop::{INTERRUPTED, Stop},
};

use crate::{
    demo,
    memory::{self, recordings},
    seed::{
        self,
        accounts::{ADMIN, CONSUMER, CREATOR, MODERATOR, OPERATOR, PASSWORD},
        client::Api,
        content::Content,
    },
    supervisor::stack::Stack,
};

pub async fn run(dir: &Path, stop: &Stop, quiet: bool, progress: &Progress) -> Result<ExitCode> {
    let _lock = Lock::take(dir)?;
    let content = progress.step("demo content packed", async { Content::pack(dir) }).await?;
    let show: LineSink = Arc::new(|name, line| Progress::line(format!("[{name}] {line}")));
    let folder = dir.join("run");
    let up = AtomicBool::new(false);
    let code = use_until_the_end(&folder, (!quiet).then_some(show), stop, progress, async |stack| {
        seed::seed(stack, &Api::new(&stack.api_url)?, &content, progress).await?;
        introduce(stack);
        up.store(true, Ordering::Relaxed);
        std::future::pending().await
    })
    .await?;
    // Ctrl-C is how this command ends well, once it is up.
    Ok(if up.load(Ordering::Relaxed) { ExitCode::SUCCESS } else { code })
}

pub async fn demo(dir: &Path, stop: &Stop, progress: &Progress) -> Result<ExitCode> {
    let _lock = Lock::take(dir)?;
    let content = progress.step("demo content packed", async { Content::pack(dir) }).await?;
    let folder = dir.join("demo-run");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    use_until_the_end(&folder, None, stop, progress, async |stack| demo::journey(stack, &content, progress).await).await
}

/// Measures what an upload costs in memory, in a fresh installation.
/// Without an archive, one of `size_mib` MiB is made.
pub async fn memory(
    dir: &Path,
    archive: Option<&Path>,
    size_mib: u32,
    stop: &Stop,
    progress: &Progress,
) -> Result<ExitCode> {
    let _lock = Lock::take(dir)?;
    let made = dir.join("demo/big.zip");
    if archive.is_none() {
        let making = async { recordings::write(&made, size_mib) };
        progress.step("archive of noise written", making).await?;
    }
    let archive = archive.unwrap_or(&made);
    let folder = dir.join("memory-run");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let result =
        use_until_the_end(&folder, None, stop, progress, async |stack| memory::measure(stack, archive, progress).await)
            .await;
    // Three copies of a large file are not worth keeping.
    let _ = std::fs::remove_dir_all(folder.join("s3"));
    result
}

/// In a fresh installation, whose folder goes afterwards but for the logs.
pub async fn memory_flat(dir: &Path, minutes: u64, stop: &Stop, progress: &Progress) -> Result<ExitCode> {
    let _lock = Lock::take(dir)?;
    let folder = dir.join("memory-run");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let work = async |stack: &Stack| memory::flat::measure(stack, minutes, progress).await;
    let result = use_until_the_end(&folder, None, stop, progress, work).await;
    let _ = std::fs::remove_dir_all(folder.join("s3"));
    result
}

/// Starts everything, lets `work` use it until it is done, a program ends or the person asks to stop, and stops
/// everything again.
async fn use_until_the_end(
    folder: &Path,
    show: Option<LineSink>,
    stop: &Stop,
    progress: &Progress,
    work: impl AsyncFnOnce(&Stack) -> Result<()>,
) -> Result<ExitCode> {
    let Some(started) = stop.or(Stack::start(folder, show, progress)).await else {
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let (stack, mut programs) = started?;
    let result = tokio::select! {
        result = work(&stack) => result.map(|()| ExitCode::SUCCESS),
        error = programs.watch() => Err(error),
        () = stop.requested() => Ok(ExitCode::from(INTERRUPTED)),
    };
    let logs = stack.logs().display().to_string();
    let stopped = progress.step("everything stopped", stack.stop(programs)).await;
    let code = result.map_err(|error| anyhow!("{error:#}\n\nall logs: {logs}"))?;
    stopped?;
    Ok(code)
}

fn introduce(stack: &Stack) {
    let api = &stack.api_url;
    let make = stack.services.database.make().to_string();
    Progress::line("");
    if let Some(web) = &stack.web_url {
        Progress::line(format!("  {:<14} {web}", "Web app"));
    }
    for (what, address) in [
        ("API", format!("{api}/api/v1/nanos")),
        ("API reference", format!("{api}/docs")),
        ("Mails", stack.services.mail.page_url()),
        ("S3", stack.services.s3.endpoint()),
        (make.as_str(), stack.services.database.url_of(servers::database::DEV_SCHEMA)),
        ("Logs", stack.logs().display().to_string()),
    ] {
        Progress::line(format!("  {what:<14} {address}"));
    }
    Progress::line(format!("\n  Logins, all with the password {PASSWORD}:"));
    for account in [CONSUMER, CREATOR, MODERATOR, OPERATOR, ADMIN] {
        Progress::line(format!("  {:<14} {}", account.role, account.email()));
    }
    Progress::line("\n  Ctrl-C stops everything.\n");
}
