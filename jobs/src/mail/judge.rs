//! Mails of which nobody could tell whether they left: somebody has looked into the mail server's log, and says.

use db::Tx;
use domain::ids::DeliveryId;
use infra::db::email_deliveries;
use queue::{
    control::{Act, Refused},
    enqueue,
    ids::JobId,
    ledger::By,
};
use serde_json::json;

use super::SendEmail;

domain::words! {
    /// What somebody has found out about a mail of unknown fate.
    pub enum MailVerdict ("verdict") {
        /// It left.
        Sent = "sent",
        /// It did not, or twice is better than never.
        SendAgain = "send_again",
    }
}

/// Settles an ambiguous mail; [`Refused::Missing`] when it is not ambiguous, or not any more. The job that sends it again.
pub async fn judge_mail(
    tx: &mut Tx,
    id: DeliveryId,
    verdict: MailVerdict,
    by: &By<'_>,
) -> Result<(Option<JobId>, Act), Refused> {
    let user_id = email_deliveries::lock_ambiguous(tx, id).await?.ok_or(Refused::Missing)?;
    email_deliveries::settle(tx, id, verdict == MailVerdict::Sent).await?;
    let job = match verdict {
        MailVerdict::Sent => None,
        MailVerdict::SendAgain => Some(enqueue(tx, &SendEmail { delivery_id: id, user_id }).await?),
    };
    let details = json!({
        "reason": by.reason, "before": { "state": "ambiguous" },
        "after": { "state": if job.is_some() { "queued" } else { "sent" }, "job_id": job },
    });
    Ok((job, Act { action: "mail.judge", target_type: "mail", target_id: Some(id.0), details }))
}
