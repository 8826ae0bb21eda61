//! `worker admin create`: the first account with a role that nobody can give yet. `commands/accounts.rs` has what is done to
//! accounts later.

use std::io::BufRead;

use anyhow::{Context, bail};
use db::{Db, DbError, clock::Clock};
use domain::{
    ids::UserId,
    password, password_hash,
    user::{Email, Language, Role, Username},
};
use infra::db::users;
use queue::control;
use serde_json::json;

use crate::commands::Operator;

/// Whom to create.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    /// The address to log in with.
    #[arg(long)]
    pub email: String,
    /// 3 to 32 characters: a-z, 0-9, _ and -.
    #[arg(long)]
    pub username: String,
    /// Shown name; the username when left out.
    #[arg(long)]
    pub name: Option<String>,
    /// consumer, creator, moderator, operator or admin.
    #[arg(long, default_value = "admin")]
    pub role: String,
    /// de or en.
    #[arg(long, default_value = "de")]
    pub language: String,
    /// Read the password (at least 10 characters) from the first line of standard input. It is never an argument:
    /// arguments show in process lists.
    #[arg(long, required = true)]
    pub password_stdin: bool,
}

/// Creates the account, verified and active.
pub async fn create(db: &Db, args: &CreateArgs) -> anyhow::Result<UserId> {
    let email = args.email.parse::<Email>().context("--email")?;
    email.check_deliverable().context("--email")?;
    let username = args.username.parse::<Username>().context("--username")?;
    let role: Role = args.role.parse().context("--role")?;
    let language: Language = args.language.parse().context("--language")?;
    let mut password = String::new();
    std::io::stdin().lock().read_line(&mut password).context("reading the password")?;
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    password::check(&password, email.as_str(), username.as_str())?;
    let hash = tokio::task::spawn_blocking(move || password_hash::hash(&password)).await??;

    let now = Clock::System.now();
    let user = users::NewUser {
        id: UserId::new(),
        email: email.as_str(),
        username: username.as_str(),
        password_hash: &hash,
        name: args.name.as_deref().unwrap_or(username.as_str()),
        role,
        language,
        email_verified_at: Some(now),
    };
    let work = async |tx: &mut db::Tx| {
        users::insert(tx, &user, now).await?;
        let details = json!({ "role": role.as_str() });
        Ok::<_, DbError>((
            (),
            control::Act { action: "user.created", target_type: "user", target_id: Some(user.id.0), details },
        ))
    };
    match Operator::of_this_process("worker admin create").write(db, work).await {
        Ok(()) => Ok(user.id),
        Err(DbError::Conflict { constraint }) => bail!("this account exists already ({constraint})"),
        Err(error) => Err(error.into()),
    }
}
