//! `worker mails`: mails of which nobody can tell whether they left, and saying what somebody has found out.

use std::process::ExitCode;

use chrono::Utc;
use db::Db;
use domain::ids::DeliveryId;
use infra::db::email_deliveries::{self, AmbiguousRow};
use jobs::mail::{MailVerdict, judge_mail};
use queue::{control, ledger::By};
use serde_json::{Value, json};

use super::{Common, Failure, Operator, Output, Why, ago, run, table::Table, time};

/// As many are shown, the newest.
const SHOWN: u32 = 100;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  worker mails
  worker mails judge 01930000-0000-7000-8000-000000000001 sent --reason 'the log of the mail server has it'
  worker mails judge 01930000-0000-7000-8000-000000000001 send_again --reason 'the log does not have it'

Exit status: 0 done, 1 not found or refused, 2 unusable call.")]
pub struct MailsArgs {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// The newest 100 mails of unknown fate. This is what `worker mails` does by itself.
    List,
    /// Settle one: it was sent, or it is to be sent again under the same Message-ID.
    Judge {
        /// Of the mail, from the list.
        id: DeliveryId,
        /// sent or send_again.
        verdict: MailVerdict,
        #[command(flatten)]
        why: Why,
    },
}

pub async fn mails(args: MailsArgs) -> ExitCode {
    let MailsArgs { common, command } = args;
    run("mails", common, async |db, output| match command.unwrap_or(Command::List) {
        Command::List => list(&db, &output).await,
        Command::Judge { id, verdict, why } => {
            let by = By::system(&why.reason);
            let operator = Operator::of_this_process("worker mails judge");
            let judged = operator.change(&db, async |tx| judge_mail(tx, id, verdict, &by).await).await;
            let job = judged.map_err(|failure| match failure {
                Failure::Refused(text) if text == control::Refused::Missing.to_string() => {
                    Failure::Refused(format!("no mail {id} is of unknown fate; `worker mails` lists those that are"))
                }
                other => other,
            })?;
            output.show(
                || json!({ "id": id, "verdict": verdict, "job_id": job }),
                || match job {
                    Some(job) => format!("{id}: job {job} sends it again"),
                    None => format!("{id}: it was sent"),
                },
            )
        }
    })
    .await
}

async fn list(db: &Db, output: &Output) -> Result<(), Failure> {
    let rows = email_deliveries::ambiguous(db, None, SHOWN).await?;
    output.show(
        || json!({ "mails": rows.iter().map(view).collect::<Vec<_>>() }),
        || {
            if rows.is_empty() {
                return "No mail is of unknown fate.".into();
            }
            let mut table = Table::new(&["ID", "TEMPLATE", "MESSAGE", "SINCE"], &[0, 2, 3]);
            for row in &rows {
                table.row([
                    row.id.to_string(),
                    row.template.clone(),
                    row.message_id.clone(),
                    ago(Utc::now(), row.updated_at),
                ]);
            }
            table.render()
        },
    )
}

fn view(row: &AmbiguousRow) -> Value {
    json!({
        "id": row.id, "template": row.template, "user_id": row.user_id, "recipient": row.recipient,
        "message_id": row.message_id, "error": row.error, "created_at": time(row.created_at),
        "since": time(row.updated_at),
    })
}
