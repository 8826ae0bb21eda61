//! The delivery of notices, by the scheduler that has the watch: each channel by itself, so that none waits for another, and
//! apart from the ticks.
//!
//! A notice is claimed for a while before it is sent and marked afterwards. Should the process die in between, it is sent again,
//! with the same id: an alert that comes twice is better than none.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::Utc;
use db::{Db, DbError};
use infra::{
    mail::{Mail, MailError, Mailer},
    webhook::{Webhook, WebhookError},
};
use queue::{
    ledger::alerts::{self, Channel, Claimed},
    watch::Addressee,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{AlertSettings, texts};

const LOOK: Duration = Duration::from_secs(1);
/// For one mail or webhook.
const AT_MOST: Duration = Duration::from_secs(120);
/// Then whoever claimed it is dead.
const CLAIMED_SECONDS: u32 = 180;
/// Seconds until the next attempt; from the last on always as many.
const LATER: [u64; 8] = [5, 10, 30, 60, 120, 300, 600, 900];
/// Then nobody needs to be told any more.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Where alerts go. Cheap to clone.
#[derive(Clone)]
pub struct Channels {
    mailer: Option<Mailer>,
    mail_to: Vec<String>,
    webhook: Option<Webhook>,
}

/// Why a notice did not arrive.
struct Failed {
    why: String,
    /// The same without what the receiver said, which may quote an address: for the log.
    brief: String,
    /// Trying again cannot help.
    for_good: bool,
    /// When the receiver wants to be asked again.
    after: Option<Duration>,
}

impl Channels {
    /// Connects when first used.
    pub fn new(settings: &AlertSettings) -> anyhow::Result<Self> {
        Ok(Self {
            mailer: settings.mail.as_ref().map(Mailer::connect).transpose()?,
            mail_to: settings.mail_to.clone(),
            webhook: settings.webhook.clone().map(Webhook::new).transpose()?,
        })
    }

    /// All that are told.
    pub fn addressees(&self) -> Vec<Addressee> {
        let to = |channel, recipient: &str| Addressee { channel, recipient: recipient.to_owned() };
        let mails = self.mail_to.iter().map(|recipient| to(Channel::Mail, recipient));
        mails.chain(self.webhook.iter().map(|_| to(Channel::Webhook, ""))).collect()
    }

    /// Sends a test to everybody, whatever the database does. A line for each: who, and what happened.
    pub async fn test(&self) -> Vec<(String, Result<String, String>)> {
        let event = texts::test(Utc::now(), &infra::host::name());
        let mut lines = Vec::new();
        for Addressee { channel, recipient } in self.addressees() {
            let notice =
                Claimed { id: Uuid::now_v7(), recipient, events: vec![event.clone()], attempts: 1, age_seconds: 0 };
            let result = self.send(channel, &notice).await.map_err(|failed| failed.why);
            lines.push((self.shown(channel, &notice.recipient), result));
        }
        lines
    }

    fn shown(&self, channel: Channel, recipient: &str) -> String {
        match (channel, &self.webhook) {
            (Channel::Webhook, Some(webhook)) => format!("webhook to {}", webhook.shown()),
            _ => format!("{channel} to {recipient}"),
        }
    }

    /// Sends a notice, and says what the receiver answered.
    async fn send(&self, channel: Channel, notice: &Claimed) -> Result<String, Failed> {
        let sending = async {
            match channel {
                Channel::Mail => self.send_mail(notice).await,
                Channel::Webhook => self.send_webhook(notice).await,
            }
        };
        timeout(AT_MOST, sending).await.map_err(|_| Failed::for_now(format!("no end within {AT_MOST:?}")))?
    }

    async fn send_mail(&self, notice: &Claimed) -> Result<String, Failed> {
        let Some(mailer) = &self.mailer else { return Err(Failed::for_good("nobody gets mails any more")) };
        let site = mailer.public_url().as_str();
        let mail = texts::mail(notice.id, &notice.recipient, &notice.events, site, mailer.domain())
            .map_err(|error| Failed::for_good(error.to_string()))?;
        hand_over(mailer, &mail).await.map_err(|error| match &error {
            MailError::Rejected { .. } => {
                Failed { brief: "the mail server refused it".into(), ..Failed::for_good(error.to_string()) }
            }
            _ => Failed { why: error.to_string(), ..Failed::for_now(error.without_quotes().to_string()) },
        })?;
        Ok("the mail server took it".into())
    }

    async fn send_webhook(&self, notice: &Claimed) -> Result<String, Failed> {
        let Some(webhook) = &self.webhook else { return Err(Failed::for_good("there is no webhook any more")) };
        let Some(event) = notice.events.first() else { return Err(Failed::for_good("it says nothing")) };
        let status = webhook.send(&format!("msg_{}", notice.id), Utc::now(), texts::webhook(event)).await;
        status.map(|status| format!("it answered {status}")).map_err(|error| {
            let failed = Failed::for_now(error.to_string());
            match error {
                WebhookError::Refused { retry_after, .. } => Failed { after: retry_after, ..failed },
                WebhookError::NoAnswer(_) => failed,
            }
        })
    }
}

impl Failed {
    fn for_now(why: String) -> Self {
        Self { brief: why.clone(), why, for_good: false, after: None }
    }

    fn for_good(why: impl Into<String>) -> Self {
        Self { for_good: true, ..Self::for_now(why.into()) }
    }
}

async fn hand_over(mailer: &Mailer, mail: &Mail) -> Result<(), MailError> {
    mailer.begin(mail).await?.deliver().await
}

/// Delivers the notices of one channel while this process has the watch, until `shutdown`.
pub async fn deliver(
    channels: Channels,
    channel: Channel,
    db: Db,
    leads: Arc<AtomicBool>,
    shutdown: CancellationToken,
) {
    let mut away = false;
    while !shutdown.is_cancelled() {
        if leads.load(Ordering::Relaxed) {
            match deliver_due(&channels, channel, &db).await {
                Ok(()) => away = false,
                Err(error) if !away => {
                    away = true;
                    tracing::warn!(%error, %channel, "notices of alerts wait for the database");
                }
                Err(_) => {}
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// All that are due.
async fn deliver_due(channels: &Channels, channel: Channel, db: &Db) -> Result<(), DbError> {
    while let Some(notice) = alerts::claim(db, channel, CLAIMED_SECONDS).await? {
        let to = match channel {
            Channel::Mail => channel.to_string(),
            Channel::Webhook => channels.shown(channel, ""),
        };
        let count = |outcome: &'static str| {
            metrics::counter!("alert_notices_total", "channel" => channel.as_str(), "outcome" => outcome).increment(1);
        };
        let (notice_id, attempts) = (notice.id, notice.attempts);
        match channels.send(channel, &notice).await {
            Ok(answer) => {
                count("sent");
                tracing::info!(notice = %notice_id, attempts, "{to}: {answer}");
                remember_sent(db, notice_id).await?;
            }
            Err(failed) if failed.for_good || notice.age_seconds > GIVEN_UP_AFTER.as_secs() => {
                count("given_up");
                tracing::error!(notice = %notice_id, attempts, "{to}: an alert is given up: {}", failed.brief);
                alerts::given_up(db, notice_id, &failed.why).await?;
            }
            Err(failed) => {
                count("failed");
                let usual = LATER[(attempts as usize - 1).min(LATER.len() - 1)];
                let seconds = failed.after.map_or(usual, |after| after.as_secs().max(usual));
                tracing::warn!(notice = %notice_id, attempts, seconds, "{to}: an alert was not delivered: {}", failed.brief);
                alerts::put_off(db, notice_id, seconds, &failed.why).await?;
            }
        }
    }
    Ok(())
}

/// Writes down that it arrived, for as long as nobody else would send it again.
async fn remember_sent(db: &Db, id: Uuid) -> Result<(), DbError> {
    let started = std::time::Instant::now();
    loop {
        match alerts::sent(db, id).await {
            Err(error) if error.is_transient() && started.elapsed().as_secs() < CLAIMED_SECONDS.into() => {
                tokio::time::sleep(LOOK).await;
            }
            written => return written,
        }
    }
}
