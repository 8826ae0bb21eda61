//! The join of an upload's checks: publish, hand to a person, or turn down.

use content::scan::{Finding, ScanReport};
use domain::{
    notification::Kind,
    review::{self, ScanAction, Verdict},
};
use infra::db::{moderation_cases, nano_versions, nanos};
use queue::{Job, JobError, Outcome, Queue, Run, enqueue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Context, PublishNano, VersionRef, queues,
    steps::{MAILED_FINDINGS, Rejection},
};

#[derive(Debug, Serialize, Deserialize)]
pub struct ReviewNano(pub VersionRef);

impl Job<Context> for ReviewNano {
    about_a_version!();

    const KIND: &'static str = "review_nano";
    const QUEUE: Queue = queues::UPLOADS;

    async fn run(&self, context: &Context, _run: &Run) -> Result<Outcome, JobError> {
        let Some(version) = self.0.open(context).await? else { return Ok(Outcome::Done) };
        let scan = version.scan.clone().ok_or_else(|| anyhow::anyhow!("the scan has left no report"));
        let scan: ScanReport = scan.and_then(|scan| Ok(serde_json::from_value(scan)?)).map_err(JobError::Failed)?;
        let gravest = scan.gravest();
        let has_published = nano_versions::creator_has_published(&context.db, self.0.creator_id).await?;
        let verdict = review::judge(context.settings.review_policy, has_published, gravest);

        let now = context.clock.now();
        let mut tx = context.db.begin().await?;
        let Some((nano, version)) = self.0.lock(&mut tx).await? else { return Ok(Outcome::Done) };
        match verdict {
            Verdict::Publish => {
                self.0.event(&mut tx, "approved", json!({ "by": "policy" }), now).await?;
                enqueue(&mut tx, &PublishNano(self.0)).await?;
            }
            Verdict::Review(cause) => {
                let status = nano.status.await_review().map_err(JobError::failed)?;
                let state = version.state.await_review().map_err(JobError::failed)?;
                nanos::set_status(&mut tx, nano.id, status, now).await?;
                nano_versions::set_state(&mut tx, version.id, state, now).await?;
                moderation_cases::open(&mut tx, nano.id, version.id, cause, now).await?;
                self.0.event(&mut tx, "pending_review", json!({ "cause": cause.as_str() }), now).await?;
                self.0.tell_creator(context, &mut tx, Kind::NanoPendingReview, &nano, (None, json!({}))).await?;
            }
            Verdict::Reject => {
                let rejection = quarantined(&scan);
                super::reject(context, &mut tx, &self.0, &nano, &version, rejection).await?;
            }
        }
        Ok(Outcome::DoneIn(tx))
    }
}

/// What the scan found to be dangerous, for the creator.
fn quarantined(scan: &ScanReport) -> Rejection {
    let findings = |text: fn(&Finding) -> &str| -> Value {
        scan.findings
            .iter()
            .filter(|finding| finding.action == ScanAction::Quarantine)
            .take(MAILED_FINDINGS)
            .map(
                |finding| json!({ "code": finding.rule, "entry": finding.entry, "message": text(finding), "hint": "" }),
            )
            .collect()
    };
    Rejection {
        reason_de: "Die Prüfung hat gefährliche Inhalte gefunden.".into(),
        reason_en: "The scan found dangerous content.".into(),
        findings_de: findings(|finding| &finding.de),
        findings_en: findings(|finding| &finding.en),
    }
}
