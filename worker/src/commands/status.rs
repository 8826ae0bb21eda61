//! `worker status`: how everything is, in the sentence that the overview and alerts say, too.

use std::process::ExitCode;

use domain::user::Language;
use jobs::QUEUES;
use queue::health::{self, Text};
use serde_json::{Value, json};

use super::{Common, run};

#[derive(clap::Args)]
#[command(after_help = "Examples:
  worker status
  worker status --language de
  worker status --json

Exit status: 0 shown, 1 the database is away, 2 unusable call.")]
pub struct StatusArgs {
    #[command(flatten)]
    common: Common,
    /// In which language it is said: en or de.
    #[arg(long, value_name = "LANGUAGE", default_value = "en")]
    language: Language,
}

pub async fn status(args: StatusArgs) -> ExitCode {
    let StatusArgs { common, language } = args;
    run("status", common, async |db, output| {
        let health = health::look(&db, &QUEUES.names(), db::clock::now(&db).await?).await?;
        let said = |text: &Text| match language {
            Language::De => text.de.clone(),
            Language::En => text.en.clone(),
        };
        output.show(
            || {
                json!({
                    "tone": health.verdict.tone(), "verdict": health.verdict, "queues": health.queues,
                    "sentence": both(&health.sentence), "detail": both(&health.detail),
                })
            },
            || format!("{}\n{}", said(&health.sentence), said(&health.detail)),
        )
    })
    .await
}

fn both(text: &Text) -> Value {
    json!({ "de": text.de, "en": text.en })
}
