//! Settings of the three binaries, one group per outside system: flags that are also environment variables.
//!
//! The `…Args` structs are for clap (`#[command(flatten)]`) and hold raw text; `check` turns them into the typed
//! settings or adds to the list of [`Problems`]. (They have plain comments: clap would print doc comments as the
//! description of the whole program.) A binary checks all its groups, prints every problem at once
//! ([`Problems::exit_code`]) and ends with status 2. Secrets are [`secrecy::SecretString`]s: no `Debug` prints them.

mod backup_key;
mod data_key;
mod database;
mod login;
mod mail;
mod problems;
mod redis;
mod search;
mod storage;
mod telemetry;
mod traces;
mod webhooks;

pub use backup_key::BackupKeyArgs;
pub use data_key::DataKeyArgs;
pub use database::{DatabaseArgs, DatabaseSettings};
pub use login::{Login, login};
pub use mail::{MailArgs, MailSettings, SmtpTls, mail_addresses};
pub use problems::{Problem, Problems, optional};
pub use redis::{RedisArgs, RedisSettings};
pub use search::{SearchArgs, SearchSettings};
pub use storage::{StorageArgs, StorageSettings};
pub use telemetry::{ChildTelemetry, LogFormat, TelemetryArgs, TelemetrySettings};
pub use traces::{SamplerSettings, TraceArgs, TraceSettings};
pub use webhooks::WebhookArgs;

#[cfg(test)]
mod tests {
    use clap::{Args, CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        database: DatabaseArgs,
        #[command(flatten)]
        redis: RedisArgs,
        #[command(flatten)]
        storage: StorageArgs,
        #[command(flatten)]
        search: SearchArgs,
        #[command(flatten)]
        mail: MailArgs,
        #[command(flatten)]
        telemetry: TelemetryArgs,
    }

    /// Arguments as flags, so that the environment of the test run does not matter.
    fn parse(arguments: &[&str]) -> Cli {
        let mut command = Cli::command();
        let names: Vec<_> = command.get_arguments().map(|argument| argument.get_id().clone()).collect();
        for name in names {
            command = command.mut_arg(name, |argument| argument.env(None));
        }
        let matches = command.get_matches_from([&["test"], arguments].concat());
        clap::FromArgMatches::from_arg_matches(&matches).expect("raw text always parses")
    }

    fn check(cli: &Cli) -> Problems {
        let mut problems = Problems::default();
        let _ = cli.database.check(&mut problems);
        let _ = cli.redis.check(&mut problems);
        let _ = cli.storage.check(&mut problems);
        let _ = cli.search.check(&mut problems);
        let _ = cli.mail.check(&mut problems);
        let _ = cli.telemetry.check(&mut problems);
        problems
    }

    #[test]
    fn nothing_set_names_every_missing_variable_at_once() {
        let problems = check(&parse(&[]));
        let named: Vec<_> = problems.iter().map(|problem| problem.variable).collect();
        assert_eq!(
            named,
            [
                "DATABASE_URL",
                "REDIS_QUEUE_URL",
                "REDIS_CACHE_URL",
                "S3_BUCKET",
                "SEARCH_DIR",
                "SMTP_URL",
                "MAIL_FROM",
                "PUBLIC_URL"
            ]
        );
    }

    #[test]
    fn every_setting_is_explained_and_can_come_from_the_environment() {
        for argument in Cli::command().get_arguments() {
            let name = argument.get_id();
            assert!(argument.get_env().is_some(), "{name} has no environment variable");
            assert!(argument.get_help().is_some(), "{name} has no help");
        }
    }

    #[test]
    fn groups_do_not_describe_the_program() {
        assert!(Cli::command().get_about().is_none());
    }

    #[test]
    fn secrets_stay_out_of_help_and_debug() {
        for argument in Cli::command().get_arguments() {
            let name = argument.get_id().as_str();
            if name.ends_with("url") && name != "public_url" {
                assert!(argument.is_hide_env_values_set(), "{name} would show its value in --help");
            }
        }
        let cli = parse(&[
            "--database-url",
            "mysql://nano:hunter2@db/nano",
            "--smtp-url",
            "smtp://me:hunter2@mail",
            "--mail-from",
            "Nano <no-reply@nano.example>",
            "--public-url",
            "https://nano.example",
        ]);
        let mut problems = Problems::default();
        let database = cli.database.check(&mut problems).expect("a usable group");
        let mail = cli.mail.check(&mut problems).expect("a usable group");
        let shown = format!("{database:?} {mail:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_complete_configuration_has_no_problems() {
        let problems = check(&parse(&[
            "--database-url",
            "mysql://nano:nano@localhost/nano",
            "--redis-queue-url",
            "redis://localhost:6379",
            "--redis-cache-url",
            "rediss://:secret@cache.example:6379",
            "--s3-bucket",
            "nanos",
            "--s3-endpoint",
            "http://localhost:9000",
            "--search-backend",
            "opensearch",
            "--opensearch-url",
            "https://user:pass@search.example",
            "--smtp-url",
            "smtp://localhost:1025?tls=none",
            "--mail-from",
            "Nano <no-reply@nano.example>",
            "--public-url",
            "https://nano.example",
        ]));
        assert!(problems.is_empty(), "{problems}");
    }

    #[test]
    fn each_group_can_stand_alone() {
        // `flatten` needs distinct ids across groups; augmenting one command with all of them proves it.
        let command = TelemetryArgs::augment_args(MailArgs::augment_args(SearchArgs::augment_args(
            StorageArgs::augment_args(RedisArgs::augment_args(DatabaseArgs::augment_args(clap::Command::new("all")))),
        )));
        command.debug_assert();
    }
}
