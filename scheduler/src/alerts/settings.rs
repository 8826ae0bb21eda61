//! Settings of alerts.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use infra::{
    env::{MailArgs, MailSettings, Problems, mail_addresses, optional},
    webhook::{WebhookKey, WebhookSettings},
};
use queue::watch::Thresholds;

const MAIL_EXAMPLE: &str = "ops@nano.example, Night shift <night@nano.example>";
const URL_EXAMPLE: &str = "https://alerts.nano.example/nano";
const SECRET_EXAMPLE: &str = "whsec_ and the output of: openssl rand -base64 32";
const OLDEST_EXAMPLE: &str = "15m, bulk=2h, heavy=off";
const DAY: Duration = Duration::from_secs(24 * 3600);
const MINUTE: Duration = Duration::from_secs(60);

// Raw settings of alerts.
#[derive(clap::Args)]
#[command(next_help_heading = "Alerts")]
pub struct AlertArgs {
    /// Who gets a mail when something is wrong with the queue, comma-separated. Needs SMTP_URL, MAIL_FROM and PUBLIC_URL. `scheduler alert --test` tries it out. Example: ops@nano.example
    #[arg(long, env = "ALERT_MAIL_TO", value_name = "ADDRESSES")]
    alert_mail_to: Option<String>,
    /// Where the same goes as signed JSON (Standard Webhooks): http:// or https://. Redirects are not followed. Example: https://alerts.nano.example/nano
    #[arg(long, env = "ALERT_WEBHOOK_URL", hide_env_values = true, value_name = "URL")]
    alert_webhook_url: Option<String>,
    /// What webhooks are signed with: whsec_ and 24 to 64 bytes in base64, as from `openssl rand -base64 32`. Several, separated by commas, while one is replaced: each signs. Needed with ALERT_WEBHOOK_URL.
    #[arg(long, env = "ALERT_WEBHOOK_SECRET", hide_env_values = true, value_name = "SECRET")]
    alert_webhook_secret: Option<String>,
    /// What lasts is told again after this long, 5m to 30d.
    #[arg(long, env = "ALERT_REPEAT", value_name = "TIME", default_value = "4h")]
    alert_repeat: String,
    /// How much later than its next tick the next success of a schedule may be (a tenth of the time between two ticks, if that is more), or off.
    #[arg(long, env = "ALERT_SCHEDULE_TOLERANCE", value_name = "TIME", default_value = "30m")]
    alert_schedule_tolerance: String,
    /// Whether quarantined jobs are told of: on or off.
    #[arg(long, env = "ALERT_QUARANTINED", value_name = "on|off", default_value = "on")]
    alert_quarantined: String,
    /// How long the oldest available job of a queue may wait, or off; for single queues QUEUE=TIME. Example: 15m, bulk=2h, heavy=off
    #[arg(long, env = "ALERT_OLDEST_JOB", value_name = "TIMES", default_value = "15m, bulk=2h")]
    alert_oldest_job: String,
    /// How long a queue may have jobs and no living worker that takes them, or off. More than new machines take to start.
    #[arg(long, env = "ALERT_NO_WORKER", value_name = "TIME", default_value = "5m")]
    alert_no_worker: String,
    /// How long a kind may be paused again and again because a service is away, or off.
    #[arg(long, env = "ALERT_BREAKER", value_name = "TIME", default_value = "10m")]
    alert_breaker: String,
    /// Jobs of a kind that may be given up within an hour without anybody being told, 0 to 1000000, or off.
    #[arg(long, env = "ALERT_GIVEN_UP", value_name = "NUMBER", default_value = "20")]
    alert_given_up: String,
}

/// How long jobs may wait in all queues, and in single ones; `None`: for ever.
type Waits = (Option<Duration>, BTreeMap<String, Option<Duration>>);

/// Checked settings.
#[derive(Clone, Debug)]
pub struct AlertSettings {
    /// Who gets mails; empty: nobody.
    pub mail_to: Vec<String>,
    /// There when anybody gets some.
    pub mail: Option<MailSettings>,
    pub webhook: Option<WebhookSettings>,
    pub thresholds: Thresholds,
}

impl AlertArgs {
    /// Adds everything that is wrong to `problems`; what is wrong with `mail` only when mails are wanted.
    pub fn check(&self, mail: &MailArgs, problems: &mut Problems) -> Option<AlertSettings> {
        let mail_to = match optional(&self.alert_mail_to) {
            Some(text) => mail_addresses(problems, "ALERT_MAIL_TO", text, MAIL_EXAMPLE),
            None => Some(Vec::new()),
        };
        let mail = match optional(&self.alert_mail_to) {
            Some(_) => mail.check(problems).map(Some),
            None => Some(None),
        };
        let webhook = self.check_webhook(problems);
        let thresholds = self.check_thresholds(problems);
        Some(AlertSettings { mail_to: mail_to?, mail: mail?, webhook: webhook?, thresholds: thresholds? })
    }

    fn check_webhook(&self, problems: &mut Problems) -> Option<Option<WebhookSettings>> {
        let (url, secrets) = (optional(&self.alert_webhook_url), optional(&self.alert_webhook_secret));
        let Some(url) = url else {
            if secrets.is_some() {
                problems.add("ALERT_WEBHOOK_URL", "is missing, and ALERT_WEBHOOK_SECRET is set", URL_EXAMPLE);
                return None;
            }
            return Some(None);
        };
        let url = problems.url("ALERT_WEBHOOK_URL", url, &["http", "https"], URL_EXAMPLE);
        let Some(secrets) = secrets else {
            problems.add("ALERT_WEBHOOK_SECRET", "is missing: webhooks are signed", SECRET_EXAMPLE);
            return None;
        };
        let mut keys = Vec::new();
        for secret in secrets.split(',').map(str::trim).filter(|secret| !secret.is_empty()) {
            match WebhookKey::parse(secret) {
                Ok(key) => keys.push(key),
                Err(what) => {
                    problems.add("ALERT_WEBHOOK_SECRET", what, SECRET_EXAMPLE);
                    return None;
                }
            }
        }
        Some(Some(WebhookSettings { url: url?, keys }))
    }

    fn check_thresholds(&self, problems: &mut Problems) -> Option<Thresholds> {
        let repeat = problems.duration("ALERT_REPEAT", &self.alert_repeat, 5 * MINUTE..=30 * DAY, "4h");
        let tolerance =
            time(problems, "ALERT_SCHEDULE_TOLERANCE", &self.alert_schedule_tolerance, MINUTE..=30 * DAY, "30m");
        let on = [("on", true), ("off", false)];
        let quarantined = problems.choice("ALERT_QUARANTINED", &self.alert_quarantined, &on, "on");
        let oldest = self.check_oldest(problems);
        let no_worker = time(problems, "ALERT_NO_WORKER", &self.alert_no_worker, Duration::ZERO..=DAY, "5m");
        let breaker = time(problems, "ALERT_BREAKER", &self.alert_breaker, Duration::ZERO..=DAY, "10m");
        let given_up = match self.alert_given_up.trim() {
            "off" => Some(None),
            number => problems.number("ALERT_GIVEN_UP", number, 0..=1_000_000, "20").map(Some),
        };
        let (oldest_job, oldest_job_of) = oldest?;
        Some(Thresholds {
            schedule_tolerance: tolerance?,
            quarantined: quarantined?,
            oldest_job,
            oldest_job_of,
            no_worker: no_worker?,
            breaker: breaker?,
            given_up: given_up?,
            repeat: repeat?,
        })
    }

    fn check_oldest(&self, problems: &mut Problems) -> Option<Waits> {
        const VARIABLE: &str = "ALERT_OLDEST_JOB";
        let (mut all, mut single, mut usable) = (None, BTreeMap::new(), true);
        for part in self.alert_oldest_job.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (queue, text) = part.split_once('=').map_or((None, part), |(queue, text)| (Some(queue.trim()), text));
            let parsed = time(problems, VARIABLE, text, MINUTE..=30 * DAY, OLDEST_EXAMPLE);
            usable &= parsed.is_some();
            match queue {
                None if all.is_some() => {
                    problems.add(VARIABLE, "has two times that are for no queue", OLDEST_EXAMPLE);
                    usable = false;
                }
                None => all = Some(parsed.flatten()),
                Some(queue) => match jobs::QUEUES.parse(queue) {
                    Ok(_) => drop(single.insert(queue.to_owned(), parsed.flatten())),
                    Err(unknown) => {
                        problems.add(VARIABLE, unknown.to_string(), OLDEST_EXAMPLE);
                        usable = false;
                    }
                },
            }
        }
        usable.then(|| (all.unwrap_or(Some(15 * MINUTE)), single))
    }
}

/// A time, or `off`.
fn time(
    problems: &mut Problems,
    variable: &'static str,
    text: &str,
    range: RangeInclusive<Duration>,
    example: &'static str,
) -> Option<Option<Duration>> {
    match text.trim() {
        "off" => Some(None),
        text => problems.duration(variable, text, range, example).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        mail: MailArgs,
        #[command(flatten)]
        alerts: AlertArgs,
    }

    /// No variable of the surroundings, only these flags.
    fn check(args: &[&str]) -> (Option<AlertSettings>, Problems) {
        let command = <Cli as clap::CommandFactory>::command().mut_args(|arg| arg.env(None::<&str>));
        let matches = command.get_matches_from(["test"].iter().chain(args).copied());
        let cli = <Cli as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
        let mut problems = Problems::default();
        let settings = cli.alerts.check(&cli.mail, &mut problems);
        (settings, problems)
    }

    #[test]
    fn nothing_set_is_usable_and_the_defaults_are_those_of_the_watch() {
        let (settings, problems) = check(&[]);
        assert!(problems.is_empty(), "{problems}");
        let settings = settings.unwrap();
        assert_eq!(settings.thresholds, Thresholds::default());
        assert!(settings.mail_to.is_empty() && settings.mail.is_none() && settings.webhook.is_none());
    }

    #[test]
    fn everything_wrong_is_named_without_secrets() {
        let (settings, problems) = check(&[
            "--alert-mail-to=ops@nano.example, nobody",
            "--alert-webhook-url=ftp://user:hunter2@nano.example",
            "--alert-webhook-secret=hunter2",
            "--alert-repeat=1s",
            "--alert-oldest-job=5m, 6m, uplods=1h, mail=soon",
            "--alert-given-up=many",
        ]);
        assert!(settings.is_none());
        let named: Vec<_> = problems.iter().map(|problem| problem.variable).collect();
        assert_eq!(
            named,
            [
                "ALERT_MAIL_TO",
                "SMTP_URL",
                "MAIL_FROM",
                "PUBLIC_URL",
                "ALERT_WEBHOOK_URL",
                "ALERT_WEBHOOK_SECRET",
                "ALERT_REPEAT",
                "ALERT_OLDEST_JOB",
                "ALERT_OLDEST_JOB",
                "ALERT_OLDEST_JOB",
                "ALERT_GIVEN_UP"
            ]
        );
        assert!(!problems.to_string().contains("hunter2"), "{problems}");
        let (_, problems) = check(&["--alert-webhook-url=https://nano.example"]);
        assert!(problems.to_string().contains("ALERT_WEBHOOK_SECRET is missing"), "{problems}");
        let (_, problems) = check(&["--alert-webhook-secret=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
        assert!(problems.to_string().contains("ALERT_WEBHOOK_URL is missing"), "{problems}");
    }

    #[test]
    fn conditions_can_be_switched_off_and_queues_have_times_of_their_own() {
        let (settings, problems) = check(&[
            "--alert-oldest-job=off, uploads=5m",
            "--alert-no-worker=off",
            "--alert-breaker=off",
            "--alert-given-up=off",
            "--alert-quarantined=off",
            "--alert-schedule-tolerance=off",
        ]);
        assert!(problems.is_empty(), "{problems}");
        let thresholds = settings.unwrap().thresholds;
        assert_eq!((thresholds.oldest_job, thresholds.no_worker, thresholds.breaker), (None, None, None));
        assert_eq!(thresholds.oldest_job_of, BTreeMap::from([("uploads".to_owned(), Some(5 * MINUTE))]));
        assert_eq!((thresholds.given_up, thresholds.quarantined, thresholds.schedule_tolerance), (None, false, None));
    }
}
