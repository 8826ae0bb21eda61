//! All backing services of one installation, under one folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{
    database::{DEV_SCHEMA, DatabaseServer},
    mail::MailCatcher,
    ports,
    redis::{RedisServer, Role},
    s3::{self, S3Server},
};

/// Ports a person may have bookmarked; another is taken when one is in use.
const MAIL_PAGE_PORT: u16 = 8025;
const S3_PORT: u16 = 9000;

/// Environment variables of our programs, in the order of `.env.sample`.
pub type Environment = Vec<(String, String)>;

pub struct Services {
    pub database: DatabaseServer,
    pub queue: RedisServer,
    pub cache: RedisServer,
    pub s3: S3Server,
    pub mail: MailCatcher,
    dir: PathBuf,
}

impl Services {
    /// Starts all of them at once; returns when the last one is ready.
    pub async fn start(dir: &Path) -> Result<Self> {
        Self::start_on(dir, ports::preferably(S3_PORT)?, ports::preferably(MAIL_PAGE_PORT)?).await
    }

    /// The same beside other installations on this machine: on ports nobody knows.
    pub async fn start_apart(dir: &Path) -> Result<Self> {
        Self::start_on(dir, ports::free()?, ports::free()?).await
    }

    async fn start_on(dir: &Path, s3_port: u16, mail_page_port: u16) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let dir = dir.canonicalize()?;
        let mail_dir = dir.join("mail");
        let (database, queue, cache, s3, mail) = tokio::try_join!(
            DatabaseServer::start(&dir, 0),
            RedisServer::start(dir.join("redis-queue"), Role::Queue, 0),
            RedisServer::start(dir.join("redis-cache"), Role::Cache, 0),
            S3Server::start(dir.join("s3"), s3_port),
            MailCatcher::start(&mail_dir, 0, mail_page_port),
        )?;
        Ok(Self { database, queue, cache, s3, mail, dir })
    }

    /// What api, worker and scheduler need to reach them.
    pub fn environment(&self) -> Environment {
        let ca_file = self.mail.ca_file().display().to_string();
        let search_dir = self.search_dir().display().to_string();
        let pairs = [
            ("DATABASE_URL", self.database.url_of(DEV_SCHEMA)),
            ("REDIS_QUEUE_URL", self.queue.url()),
            ("REDIS_CACHE_URL", self.cache.url()),
            ("S3_ENDPOINT", self.s3.endpoint()),
            ("S3_BUCKET", s3::BUCKET.to_owned()),
            ("S3_REGION", s3::REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", s3::ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", s3::SECRET_KEY.to_owned()),
            ("SEARCH_BACKEND", "embedded".to_owned()),
            ("SEARCH_DIR", search_dir),
            ("SMTP_URL", self.mail.smtp_url()),
            ("SMTP_CA_FILE", ca_file),
            ("MAIL_FROM", "Nano <no-reply@nano.example>".to_owned()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Where the embedded search index is.
    pub fn search_dir(&self) -> PathBuf {
        self.dir.join("search")
    }

    /// Where the objects are files, named by their keys.
    pub fn bucket_dir(&self) -> PathBuf {
        self.dir.join("s3").join(s3::BUCKET)
    }

    pub async fn stop(mut self) -> Result<()> {
        self.mail.stop().await;
        self.s3.stop().await;
        let (database, queue, cache) = tokio::join!(self.database.stop(), self.queue.stop(), self.cache.stop());
        database.and(queue).and(cache)
    }
}
