//! A primary and a replica that follows it.

use std::path::Path;

use anyhow::Result;

use super::{DatabaseServer, Make};

/// The name of the binary log's files.
const LOG: &str = "changes";

impl DatabaseServer {
    /// A server that others can follow.
    pub async fn start_primary(dir: impl AsRef<Path>) -> Result<Self> {
        let options = vec!["--server-id=1".to_owned(), format!("--log-bin={LOG}")];
        Self::start_with(Make::chosen()?, dir, 0, Vec::new(), options).await
    }

    /// A server that follows a new primary from its first statement on, and takes no writes of others.
    pub async fn start_replica_of(primary: &Self, dir: impl AsRef<Path>) -> Result<Self> {
        // It finds its place again after it was killed.
        let options = ["--server-id=2", "--read-only=1", "--relay-log-recovery=1"].map(str::to_owned).to_vec();
        let replica = Self::start_with(primary.make, dir, 0, Vec::new(), options).await?;
        let port = primary.port;
        let follow = match primary.make {
            Make::MariaDb => format!(
                "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='nano', MASTER_PASSWORD='nano',
                   MASTER_USE_GTID=slave_pos; START SLAVE"
            ),
            Make::MySql => format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={port}, SOURCE_USER='nano',
                   SOURCE_PASSWORD='nano', GET_SOURCE_PUBLIC_KEY=1, SOURCE_LOG_FILE='{LOG}.000001', SOURCE_LOG_POS=4;
                 START REPLICA"
            ),
        };
        replica.query(&follow).await?;
        Ok(replica)
    }

    /// A replica stops applying what its primary has committed, or goes on.
    pub async fn apply(&self, applies: bool) -> Result<()> {
        let word = if applies { "START" } else { "STOP" };
        let role = match self.make {
            Make::MariaDb => "SLAVE",
            Make::MySql => "REPLICA",
        };
        self.query(&format!("{word} {role} SQL_THREAD")).await.map(drop)
    }
}
