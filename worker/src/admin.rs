//! `worker admin create`: the first account with a role that nobody can give yet. `commands/accounts.rs` has what is done to
//! accounts later.

use std::io::BufRead;

use anyhow::{Context, bail};
use db::{Db, DbError, clock::Clock};
use domain::{
    audit::Entry,
    ids::UserId,
    password, password_hash,
    user::{Email, Language, Role, Username},
};
use infra::db::{audit_log, users};
use serde_json::json;

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
    let mut tx = db.begin().await?;
    match users::insert(&mut tx, &user, now).await {
        Ok(()) => {}
        Err(DbError::Conflict { constraint }) => bail!("this account exists already ({constraint})"),
        Err(error) => return Err(error.into()),
    }
    let details = json!({ "role": role.as_str() });
    let entry = Entry::by_system("user.created", "user", Some(user.id.0), details, now);
    audit_log::append(&mut tx, &entry).await?;
    tx.commit().await?;
    Ok(user.id)
}
