//! `worker admin list`, `set-role`, `suspend`, `unsuspend`, `end-sessions`, `tokens`, `revoke-tokens`, `remove-second-factor`:
//! accounts, for whoever has the database at hand.

use std::process::ExitCode;

use chrono::Utc;
use db::Db;
use domain::{
    administration::Act,
    ids::{TokenId, UserId},
    user::{Role, UserStatus},
};
use infra::db::{
    personal_tokens::{self, PersonalToken},
    user_lists::{self, Filter, Listed},
    users,
};
use jobs::NotAdministered;
use serde_json::{Value, json};

use super::{Common, Failure, Operator, Output, Why, ago, maybe_time, run, short, table::Table, time};

/// What to do.
#[derive(clap::Subcommand)]
pub enum AccountCommand {
    /// The newest accounts; with a filter those that match.
    List {
        #[command(flatten)]
        common: Common,
        /// What the address or the username begins with, or the name holds.
        search: Option<String>,
        /// consumer, creator, moderator, operator or admin.
        #[arg(long)]
        role: Option<Role>,
        /// active, inactive, suspended or deleted.
        #[arg(long)]
        status: Option<UserStatus>,
        /// How many, at most 1000.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Give somebody another role. It counts for their next request; one admin stays.
    SetRole {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        whom: Whom,
        /// consumer, creator, moderator, operator or admin.
        #[arg(long)]
        role: Role,
        #[command(flatten)]
        why: Why,
    },
    /// Suspend an account: its sessions and access tokens end, nobody signs in to it, and a mail tells the owner.
    Suspend(ActArgs),
    /// Let a suspended account in again.
    Unsuspend(ActArgs),
    /// Sign somebody out everywhere; a mail tells them.
    EndSessions(ActArgs),
    /// The live personal access tokens of somebody.
    Tokens {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        whom: Whom,
    },
    /// Revoke personal access tokens of somebody; a mail tells them.
    RevokeTokens {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        whom: Whom,
        /// Only this one, by the id that `tokens` shows.
        #[arg(long, value_name = "ID")]
        token: Option<TokenId>,
        #[command(flatten)]
        why: Why,
    },
    /// Take away the second factor of somebody who has lost it, recovery codes and all; a mail tells the owner.
    RemoveSecondFactor(ActArgs),
}

/// What acts without more words take.
#[derive(clap::Args)]
pub struct ActArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    whom: Whom,
    #[command(flatten)]
    why: Why,
}

/// Whose account.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub struct Whom {
    /// By its address: the account that has confirmed it, else the newest registration with it.
    #[arg(long)]
    email: Option<String>,
    #[arg(long)]
    username: Option<String>,
    #[arg(long)]
    id: Option<UserId>,
}

pub async fn accounts(command: AccountCommand) -> ExitCode {
    match command {
        AccountCommand::List { common, search, role, status, limit } => {
            run("admin list", common, async |db, output| {
                list(&db, &output, &Filter { role, status, search }, limit).await
            })
            .await
        }
        AccountCommand::SetRole { common, whom, role, why } => {
            change("worker admin set-role", Act::SetRole(role), ActArgs { common, whom, why }).await
        }
        AccountCommand::Suspend(args) => change("worker admin suspend", Act::Suspend, args).await,
        AccountCommand::Unsuspend(args) => change("worker admin unsuspend", Act::Unsuspend, args).await,
        AccountCommand::EndSessions(args) => change("worker admin end-sessions", Act::EndSessions, args).await,
        AccountCommand::Tokens { common, whom } => {
            run("admin tokens", common, async |db, output| tokens(&db, &output, &whom).await).await
        }
        AccountCommand::RevokeTokens { common, whom, token, why } => {
            change("worker admin revoke-tokens", Act::RevokeTokens(token), ActArgs { common, whom, why }).await
        }
        AccountCommand::RemoveSecondFactor(args) => {
            change("worker admin remove-second-factor", Act::RemoveSecondFactor, args).await
        }
    }
}

impl From<NotAdministered> for Failure {
    fn from(error: NotAdministered) -> Self {
        Self::Refused(error.to_string())
    }
}

async fn find(db: &Db, whom: &Whom) -> Result<UserId, Failure> {
    let found = match (&whom.email, &whom.username, whom.id) {
        (Some(email), ..) => {
            let found = users::find_by_email(db, email).await?;
            if found.as_ref().is_some_and(|user| user.email_verified_at.is_none()) {
                let say = "nobody has confirmed this address, so several may have registered with it; `worker admin list` has them: \
                           name one by --username or --id";
                return Err(Failure::Refused(say.into()));
            }
            found
        }
        (_, Some(username), _) => users::find_by_username(db, username).await?,
        (_, _, Some(id)) => users::get(db, id).await?,
        _ => None,
    };
    found
        .map(|user| user.id)
        .ok_or_else(|| Failure::Refused("there is no such account; `worker admin list` has them".into()))
}

async fn change(command: &'static str, act: Act, args: ActArgs) -> ExitCode {
    let ActArgs { common, whom, why } = args;
    run(command.trim_start_matches("worker "), common, async |db, output| {
        let id = find(&db, &whom).await?;
        let operator = Operator::of_this_process(command);
        let work = async |tx: &mut db::Tx| {
            Ok::<_, NotAdministered>(((), jobs::administer(tx, id, act, None, &why.reason, Utc::now()).await?))
        };
        operator.perform(&db, work).await?;
        let user = user_lists::get(&db, id).await?.ok_or_else(|| Failure::Refused("the account is gone".into()))?;
        output.show(|| view(&user), || format!("{}: {}, {}", user.username, user.role, user.status))
    })
    .await
}

async fn tokens(db: &Db, output: &Output, whom: &Whom) -> Result<(), Failure> {
    let live = personal_tokens::live_of(db, find(db, whom).await?, Utc::now()).await?;
    let scopes = |token: &PersonalToken| token.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    output.show(
        || {
            let row = |token: &PersonalToken| {
                json!({
                    "id": token.id, "name": token.name, "scopes": token.scopes.0, "created_at": time(token.created_at),
                    "expires_at": time(token.expires_at), "last_used_at": maybe_time(token.last_used_at),
                })
            };
            json!({ "tokens": live.iter().map(row).collect::<Vec<_>>() })
        },
        || {
            let mut table = Table::new(&["ID", "NAME", "SCOPES", "EXPIRES", "USED"], &[0, 2, 3, 4]);
            for token in &live {
                table.row([
                    token.id.to_string(),
                    token.name.clone(),
                    scopes(token),
                    short(token.expires_at),
                    token.last_used_at.map_or_else(|| "-".into(), |at| ago(Utc::now(), at)),
                ]);
            }
            table.render()
        },
    )
}

async fn list(db: &Db, output: &Output, filter: &Filter, limit: u32) -> Result<(), Failure> {
    let (rows, total) = user_lists::page(db, filter, 0, limit).await?;
    output.show(
        || json!({ "users": rows.iter().map(view).collect::<Vec<_>>(), "total": total }),
        || {
            let headings = ["ID", "USERNAME", "EMAIL", "ROLE", "STATUS", "2FA", "LOGIN"];
            let mut table = Table::new(&headings, &[0, 3, 4, 5, 6]);
            for row in &rows {
                table.row([
                    row.id.to_string(),
                    row.username.clone(),
                    row.email.clone(),
                    row.role.to_string(),
                    row.status.to_string(),
                    if row.second_factor { "yes" } else { "no" }.into(),
                    row.last_login_at.map_or_else(|| "-".into(), |at| ago(Utc::now(), at)),
                ]);
            }
            table.render()
        },
    )
}

fn view(user: &Listed) -> Value {
    json!({
        "id": user.id, "email": user.email, "username": user.username, "name": user.name, "role": user.role,
        "status": user.status, "suspension_reason": user.suspension_reason,
        "email_verified": user.email_verified_at.is_some(), "second_factor": user.second_factor,
        "last_login_at": maybe_time(user.last_login_at), "created_at": time(user.created_at),
    })
}
