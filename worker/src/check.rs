//! `worker check FILE.zip`: the archive check of the upload pipeline, on this machine, without any service.

use std::{
    io::{IsTerminal, Write},
    ops::ControlFlow,
    path::PathBuf,
    process::ExitCode,
};

use archive::{FileSource, Lang, Options, Report, Severity};
use domain::nano::Format;

/// Nothing in it rejects.
const CLEAN: u8 = 0;
/// Something in it rejects.
const REJECTED: u8 = 1;
/// The call makes no sense, or the file cannot be read.
const UNUSABLE: u8 = 2;

#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// The archive: a file, not a folder, pipe or device.
    pub file: PathBuf,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// The nano's format: video, text, quiz, interactive or mixed. Scripts are allowed in interactive and quiz.
    #[arg(long, default_value = "mixed")]
    pub format: String,
    /// Language of the hints: en or de.
    #[arg(long, default_value = "en")]
    pub language: String,
}

/// Exit status 0: clean; 1: findings that reject; 2: unusable call.
pub fn run(args: &CheckArgs) -> ExitCode {
    match report(args).and_then(|report| print(args, &report).map(|()| report.accepted)) {
        Ok(true) => CLEAN.into(),
        Ok(false) => REJECTED.into(),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "worker check: {error:#}");
            UNUSABLE.into()
        }
    }
}

fn language(args: &CheckArgs) -> anyhow::Result<Lang> {
    match args.language.as_str() {
        "de" => Ok(Lang::De),
        "en" => Ok(Lang::En),
        other => anyhow::bail!("--language: \"{other}\" is neither en nor de"),
    }
}

fn report(args: &CheckArgs) -> anyhow::Result<Report> {
    language(args)?;
    let format: Format = args.format.parse().map_err(|error| anyhow::anyhow!("--format: {error}"))?;
    // Opening a pipe would wait for somebody who writes into it.
    let kind = std::fs::metadata(&args.file).map_err(|error| anyhow::anyhow!("{}: {error}", args.file.display()))?;
    if !kind.is_file() {
        let what = if kind.is_dir() { "a folder" } else { "a pipe, socket or device" };
        anyhow::bail!("{}: this is {what}; name a ZIP file", args.file.display());
    }
    let source = FileSource::open(&args.file).map_err(|error| anyhow::anyhow!("{}: {error}", args.file.display()))?;
    let options = Options { scripts_allowed: format.allows_script(), ..Options::default() };
    let show = !args.json && std::io::stderr().is_terminal();
    let mut shown = 0;
    let report = archive::check(&source, &options, &mut |done, total| {
        let percent = done * 100 / total.max(1);
        if show && percent != shown {
            shown = percent;
            let _ = write!(std::io::stderr(), "\rchecking {percent} %");
        }
        ControlFlow::Continue(())
    })?;
    if show && shown > 0 {
        let _ = write!(std::io::stderr(), "\r              \r");
    }
    Ok(report)
}

fn print(args: &CheckArgs, report: &Report) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, report)?;
        writeln!(out)?;
        return Ok(());
    }
    let lang = language(args)?;
    for finding in &report.findings {
        let severity = if finding.severity == Severity::Reject { "reject" } else { "note" };
        write!(out, "{severity:<7} {}", finding.code)?;
        if let Some(entry) = &finding.entry {
            write!(out, "  {entry}")?;
        }
        if let Some(offset) = finding.offset {
            write!(out, "  (offset {offset})")?;
        }
        if finding.count > 1 {
            let others = finding.examples.iter().filter(|name| Some(*name) != finding.entry.as_ref());
            let others: Vec<&str> = others.map(String::as_str).collect();
            let more = if others.is_empty() { String::new() } else { format!(": also {}", others.join(", ")) };
            write!(out, "  ({} times{more})", finding.count)?;
        }
        writeln!(out, "\n        {}\n        {}", finding.message(lang), finding.hint(lang))?;
    }
    if let Some(package) = &report.package {
        write!(out, "package {}", package.kind)?;
        if let Some(start) = &package.start_page {
            write!(out, ", begins with {start}")?;
        }
        writeln!(out)?;
        // What the studio offers for the nano's own fields.
        let minutes = package.duration_minutes.map(|minutes| format!("{minutes} min"));
        let objectives = Some(package.objectives.join("; ")).filter(|all| !all.is_empty());
        for (name, value) in [
            ("title", &package.title),
            ("language", &package.language),
            ("licence", &package.licence),
            ("duration", &minutes),
            ("objectives", &objectives),
        ] {
            if let Some(value) = value {
                writeln!(out, "        {name}: {value}")?;
            }
        }
    }
    let verdict = if report.accepted { "accepted" } else { "rejected" };
    writeln!(out, "{verdict}: {} entries, {} bytes expanded", report.entries.len(), report.expanded_size)?;
    Ok(())
}
