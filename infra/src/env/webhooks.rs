use super::Problems;
use crate::webhook::{TargetPolicy, Targets};

// Raw settings of the webhooks of people.
#[derive(clap::Args)]
#[command(next_help_heading = "Webhooks")]
pub struct WebhookArgs {
    /// Which addresses people may have told of what happens to their nanos: public (https, and only addresses of the internet) or any (http and private networks too, for development on one machine).
    #[arg(long, env = "WEBHOOK_TARGETS", value_name = "POLICY", default_value = "public")]
    webhook_targets: String,
}

impl WebhookArgs {
    pub fn check(&self, problems: &mut Problems) -> Option<Targets> {
        let policies = [("public", TargetPolicy::Public), ("any", TargetPolicy::Any)];
        problems.choice("WEBHOOK_TARGETS", &self.webhook_targets, &policies, "public").map(Targets::new)
    }
}
