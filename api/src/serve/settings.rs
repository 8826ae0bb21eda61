//! Settings of connections: how many there may be, and how long each may keep us waiting.

use std::time::Duration;

use infra::env::Problems;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are not connections of clients: database, Redis, the search index, logs, and the connections that are
/// open while they are turned away.
const OWN_FILES: u64 = 128;
/// Beyond this a process needs more memory than it is given, whatever the number of files.
const MOST: u64 = 10_000;
const FEWEST: u64 = 16;
/// More files than this nobody needs, and some kernels allow a thousand million.
const FILES: u64 = 1 << 20;

/// Raw settings.
#[derive(clap::Args)]
#[command(next_help_heading = "API")]
pub struct ConnectionArgs {
    /// Connections at a time. Those beyond are answered 503, but for /health and /ready. 0: half of the files that the process may open beyond 128, 16 to 10000.
    #[arg(long, env = "MAX_CONNECTIONS", value_name = "NUMBER", default_value = "0")]
    max_connections: String,
    /// Connections of one address at a time (of one /64 for IPv6). Proxies of ours (TRUSTED_PROXIES) are not counted. 0: a quarter of all.
    #[arg(long, env = "CONNECTIONS_PER_ADDRESS", value_name = "NUMBER", default_value = "0")]
    connections_per_address: String,
    /// How long a new connection may take until the head of its first request is complete, 1s to 5m.
    #[arg(long, env = "HEAD_TIMEOUT", value_name = "DURATION", default_value = "20s")]
    head_timeout: String,
    /// How long a connection may wait for its next request, 1s to 1h. Longer than load balancers keep theirs (60 s mostly), so that it is never us who closes one that they are about to use.
    #[arg(long, env = "IDLE_TIMEOUT", value_name = "DURATION", default_value = "75s")]
    idle_timeout: String,
    /// How long a client may keep us waiting in the middle of a body or of an answer, 1s to 5m.
    #[arg(long, env = "STALL_TIMEOUT", value_name = "DURATION", default_value = "30s")]
    stall_timeout: String,
}

/// What connections may cost.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// 0: what the process may open files for.
    pub all: usize,
    /// 0: a quarter of all.
    pub per_address: usize,
    /// From accept to the first complete head.
    pub head: Duration,
    /// From an answer to the next complete head.
    pub idle: Duration,
    /// For each pause in a body, and for each write of an answer.
    pub stall: Duration,
}

impl Default for ConnectionSettings {
    /// What operators get without deciding anything.
    fn default() -> Self {
        Self {
            all: 0,
            per_address: 0,
            head: Duration::from_secs(20),
            idle: Duration::from_secs(75),
            stall: Duration::from_secs(30),
        }
    }
}

impl ConnectionArgs {
    pub fn check(&self, problems: &mut Problems) -> Option<ConnectionSettings> {
        let second = Duration::from_secs(1);
        let all = problems.number("MAX_CONNECTIONS", &self.max_connections, 0..=100_000, "2000");
        let per_address = problems.number("CONNECTIONS_PER_ADDRESS", &self.connections_per_address, 0..=100_000, "200");
        let head = problems.duration("HEAD_TIMEOUT", &self.head_timeout, second..=second * 300, "20s");
        let idle = problems.duration("IDLE_TIMEOUT", &self.idle_timeout, second..=second * 3600, "75s");
        let stall = problems.duration("STALL_TIMEOUT", &self.stall_timeout, second..=second * 300, "30s");
        Some(ConnectionSettings { all: all?, per_address: per_address?, head: head?, idle: idle?, stall: stall? })
    }
}

impl ConnectionSettings {
    /// The caps in numbers: of all connections, and of one address.
    pub fn caps(&self) -> (usize, usize) {
        let files = getrlimit(Resource::Nofile).current.unwrap_or(FILES);
        let affordable = affordable(files);
        if self.all > affordable {
            let all = self.all;
            tracing::warn!(
                files,
                "MAX_CONNECTIONS={all} needs more files than this process may open: allow it {} (ulimit -n)",
                OWN_FILES + 2 * all as u64
            );
        }
        let all = if self.all == 0 { affordable } else { self.all };
        let per_address = if self.per_address == 0 { (all / 4).max(1) } else { self.per_address };
        (all, per_address)
    }
}

/// A connection is one file, and an upload on it has another one open to storage.
fn affordable(files: u64) -> usize {
    let connections = (files.saturating_sub(OWN_FILES) / 2).clamp(FEWEST, MOST);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

/// Lets the process open as many files as it is allowed to: the limit that applies is low by custom, for programs that
/// use `select`.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let (Some(current), hard) = (limit.current, limit.maximum.unwrap_or(FILES).min(FILES)) else { return };
    if current < hard
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(hard), maximum: limit.maximum })
    {
        tracing::info!(%error, files = current, "the limit of open files stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_files_for_all_connections_and_their_uploads() {
        for files in [0, 100, 300, 1024, 65_536, FILES] {
            let connections = affordable(files) as u64;
            assert!((FEWEST..=MOST).contains(&connections), "{files}");
            assert!(files < 2 * OWN_FILES || 2 * connections + OWN_FILES <= files, "{files}: {connections}");
        }
        assert_eq!(affordable(300), 86);
        assert_eq!(affordable(1 << 20), 10_000);
    }

    #[test]
    fn one_address_has_a_quarter_unless_it_is_said() {
        let caps = |all, per_address| ConnectionSettings { all, per_address, ..ConnectionSettings::default() }.caps();
        assert_eq!(caps(40, 0), (40, 10));
        assert_eq!(caps(2, 0), (2, 1));
        assert_eq!(caps(40, 30), (40, 30));
    }
}
