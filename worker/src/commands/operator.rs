//! The operator at the command line: an account of the operating system, which the audit log names instead of a user.

use chrono::Utc;
use db::{Db, DbError, Race, Races, Tx};
use domain::audit::Entry;
use infra::db::audit_log;
use queue::control::{Act, Refused};
use serde_json::json;

use super::Failure;

/// For the audit log: the account, the machine and the command.
pub struct Operator {
    command: &'static str,
    uid: u32,
    user: Option<String>,
    host: String,
}

impl Operator {
    /// The account this process runs under, by the kernel and not by the environment; after `sudo` also who called it.
    pub fn of_this_process(command: &'static str) -> Self {
        let uid = rustix::process::getuid().as_raw();
        let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        Self { command, uid, user: name_of(uid, &accounts), host: infra::host::name() }
    }

    fn entry(&self, act: Act) -> Entry {
        let mut details = act.details;
        details["by"] = json!({
            "command": self.command, "os_user": self.user, "os_uid": self.uid, "host": self.host,
            "sudo_user": std::env::var("SUDO_USER").ok(),
        });
        Entry::by_system(act.action, act.target_type, act.target_id, details, Utc::now())
    }

    /// Makes a change of the fleet and writes it down, in one transaction; again when it lost a lock race.
    pub(super) async fn change<T>(
        &self,
        db: &Db,
        work: impl AsyncFn(&mut Tx) -> Result<(T, Act), Refused>,
    ) -> Result<T, Failure> {
        self.perform(db, work).await
    }

    /// The same for changes of anything, which are refused in words of their own.
    pub(super) async fn perform<T, E>(
        &self,
        db: &Db,
        work: impl AsyncFn(&mut Tx) -> Result<(T, Act), E>,
    ) -> Result<T, Failure>
    where
        E: Race + From<DbError>,
        Failure: From<E>,
    {
        Ok(self.write(db, work).await?)
    }

    /// The same, with the refusal as it is.
    pub(crate) async fn write<T, E: Race + From<DbError>>(
        &self,
        db: &Db,
        work: impl AsyncFn(&mut Tx) -> Result<(T, Act), E>,
    ) -> Result<T, E> {
        let mut races = Races::default();
        loop {
            match self.once(db, &work).await {
                Ok(done) => return Ok(done),
                Err(error) => races.pause_or_give_up(error).await?,
            }
        }
    }

    async fn once<T, E: From<DbError>>(
        &self,
        db: &Db,
        work: impl AsyncFn(&mut Tx) -> Result<(T, Act), E>,
    ) -> Result<T, E> {
        let mut tx = db.begin().await?;
        let (done, act) = work(&mut tx).await?;
        audit_log::append(&mut tx, &self.entry(act)).await?;
        tx.commit().await?;
        Ok(done)
    }
}

fn name_of(uid: u32, accounts: &str) -> Option<String> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_their_number() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\nbroken\n";
        assert_eq!(name_of(1000, accounts).as_deref(), Some("ada"));
        assert_eq!(name_of(10, accounts), None);
    }
}
