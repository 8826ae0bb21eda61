//! Tables for people, JSON for programs, and the section of `docs/benchmarks.md` made from it.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// Everything one command measured.
#[derive(Debug, Serialize, Deserialize)]
pub struct Results {
    /// As typed, for whoever wants to repeat it.
    pub command: String,
    pub machine: Machine,
    pub tables: Vec<Table>,
    pub goals: Vec<Goal>,
    /// Every single measurement behind the medians.
    pub samples: BTreeMap<String, Vec<f64>>,
}

/// What the figures depend on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Machine {
    pub cpus: usize,
    /// The 1-minute load average before the run: more than a few tenths and somebody else was working.
    pub load: String,
    pub fsync_micros: f64,
    pub database: Vec<String>,
    pub redis: String,
    /// Only where a peer used it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub postgres: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Table {
    pub title: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// One row of the product's goals.
#[derive(Debug, Serialize, Deserialize)]
pub struct Goal {
    pub goal: String,
    pub measured: String,
    pub met: bool,
}

impl Table {
    pub fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        Self { title: title.into(), columns: columns.iter().map(|&name| name.into()).collect(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    fn text(&self) -> String {
        let mut widths: Vec<usize> = self.columns.iter().map(|name| name.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |cells: &[String]| {
            let padded: Vec<String> =
                cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
            format!("  {}\n", padded.join("  ").trim_end())
        };
        let mut text = format!("\n{}\n", self.title) + &line(&self.columns);
        for row in &self.rows {
            text += &line(row);
        }
        text
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("**{}**\n\n", self.title) + &line(&self.columns);
        text += &line(&vec!["---".to_owned(); self.columns.len()]);
        for row in &self.rows {
            text += &line(row);
        }
        text + "\n"
    }
}

impl Goal {
    pub fn new(goal: impl Into<String>, measured: impl Into<String>, met: bool) -> Self {
        Self { goal: goal.into(), measured: measured.into(), met }
    }
}

fn goals(goals: &[Goal]) -> Table {
    let mut table = Table::new("Goals", &["", "goal", "measured"]);
    for goal in goals {
        table.row([if goal.met { "met" } else { "MISSED" }, &goal.goal, &goal.measured]);
    }
    table
}

/// The 1-minute load average; nothing where it cannot be read.
pub fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').take(1).collect()
}

/// Says where the run is, on the error output.
pub fn progress(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

impl Results {
    /// Prints the tables and keeps the JSON under `dir`, one file a command.
    pub fn publish(&self, dir: &Path, name: &str) -> anyhow::Result<PathBuf> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{}", self.machine.text())?;
        for table in &self.tables {
            write!(out, "{}", table.text())?;
        }
        if !self.goals.is_empty() {
            write!(out, "{}", goals(&self.goals).text())?;
        }
        let folder = dir.join("results");
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{name}.json"));
        fs::write(&path, serde_json::to_vec_pretty(self)?)?;
        writeln!(out, "\nkept in {}", path.display())?;
        Ok(path)
    }
}

impl Results {
    fn section(&self) -> String {
        let machine = self.machine.text().replace('\n', ". ");
        let mut section = format!("### `{}`\n\n{machine}\n\n", self.command);
        for table in &self.tables {
            section += &table.markdown();
        }
        if !self.goals.is_empty() {
            section += &goals(&self.goals).markdown();
        }
        section
    }
}

impl Machine {
    /// For what uses neither database nor Redis.
    pub fn without_services() -> Self {
        Self { cpus: std::thread::available_parallelism().map_or(1, usize::from), load: load(), ..Self::default() }
    }

    fn text(&self) -> String {
        if self.database.is_empty() {
            return format!("{} CPUs, load {} before the run", self.cpus, self.load);
        }
        let mut text = format!(
            "{} CPUs, load {} before the run, write + fdatasync {:.0} µs\nMariaDB: {}\nRedis: {}",
            self.cpus,
            self.load,
            self.fsync_micros,
            self.database.join(" "),
            self.redis
        );
        if !self.postgres.is_empty() {
            text += &format!("\nPostgreSQL: {}", self.postgres);
        }
        text
    }
}

const BEGIN: &str = "<!-- generated by `make bench ARGS=report`: begin -->";
const END: &str = "<!-- generated by `make bench ARGS=report`: end -->";

/// Puts the latest result of every part into `document`, between its two marks. Parts that were not run here stay as they are there:
/// nobody measures all of them on one day.
pub fn write_document(dir: &Path, document: &Path) -> anyhow::Result<()> {
    let folder = dir.join("results");
    let missing = || format!("there are no results in {}; run: make bench", folder.display());
    let mut sections = BTreeMap::new();
    for file in fs::read_dir(&folder).with_context(missing)? {
        let file = file?.path();
        let results: Results =
            serde_json::from_slice(&fs::read(&file)?).with_context(|| format!("{} is no result", file.display()))?;
        let section = results.section();
        sections.insert(part(&section), section);
    }
    let old = fs::read_to_string(document).with_context(|| format!("cannot read {}", document.display()))?;
    fs::write(document, replaced(&old, sections)?)?;
    Ok(())
}

/// The part of the benchmarks that a section is about, from its heading: the first word behind the runs.
fn part(section: &str) -> String {
    let heading = section.lines().next().unwrap_or_default();
    let words = heading.split_once('\'').map_or(heading, |(_, words)| words).split([' ', '\'', '`']);
    let mut words = words.skip_while(|word| *word == "--runs" || word.parse::<u32>().is_ok());
    words.next().unwrap_or_default().to_owned()
}

fn replaced(document: &str, new: BTreeMap<String, String>) -> anyhow::Result<String> {
    let (before, rest) = document.split_once(BEGIN).with_context(|| format!("the document has no line {BEGIN}"))?;
    let (old, after) = rest.split_once(END).with_context(|| format!("the document has no line {END}"))?;
    let old = old.split("\n### ").skip(1).map(|section| format!("### {section}"));
    let mut sections: BTreeMap<String, String> = old.map(|section| (part(&section), section)).collect();
    sections.extend(new);
    let sections: Vec<&str> = sections.values().map(|section| section.trim()).collect();
    Ok(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", sections.join("\n\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_were_run_are_replaced_between_the_marks_and_the_others_stay() {
        let one = |command: &str, text: &str| format!("### `make bench ARGS='{command}'`\n\n{text}\n\n");
        let kept = one("--runs 1 admin --jobs 10", "kept");
        let old = format!("# Title\n\n{BEGIN}\n\n{kept}{}{END}\n\nthe end\n", one("--runs 3 pickup", "old"));
        let new = |command: &str| (part(&one(command, "")), one(command, "new"));
        let said = replaced(&old, BTreeMap::from([new("pickup"), new("--runs 5 throughput --only drain")])).unwrap();
        let (pickup, throughput) = (one("pickup", "new"), one("--runs 5 throughput --only drain", "new"));
        assert_eq!(said, format!("# Title\n\n{BEGIN}\n\n{kept}{pickup}{throughput}{END}\n\nthe end\n"));
        assert!(replaced("no marks", BTreeMap::new()).is_err());
    }

    #[test]
    fn tables_line_up_in_text_and_in_markdown() {
        let mut table = Table::new("T", &["who", "jobs/s"]);
        table.row(["ours", "9"]);
        assert_eq!(table.text(), "\nT\n  who   jobs/s\n  ours  9\n");
        assert_eq!(table.markdown(), "**T**\n\n| who | jobs/s |\n| --- | --- |\n| ours | 9 |\n\n");
    }
}
