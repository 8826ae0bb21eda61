//! The scheduler's table as operators changed it.

use infra::env::Problems;
use queue::schedule::table::{self, Entry};

const EXAMPLE: &str = "expire_uploads=0 */5 * * * *; prune_ledger=0 0 4 * * * Europe/Vienna; remind_moderators=off";

// Raw settings of the table.
#[derive(clap::Args)]
#[command(next_help_heading = "Schedules")]
pub struct TableArgs {
    /// Changes to the built-in table, separated by semicolons. NAME=EXPRESSION [ZONE] [jitter=SECONDS] [missed=skip|once|all:NUMBER] gives an entry other times (seconds minutes hours day-of-month month day-of-week [years]); what is not named stays as it is built in. NAME=off switches it off. `scheduler check` shows the result. Example: expire_uploads=0 */5 * * * *; prune_ledger=0 0 4 * * * Europe/Vienna
    #[arg(
        long,
        env = "CRON_TABLE",
        value_name = "CHANGES",
        default_value = "",
        global = true,
        hide_default_value = true
    )]
    cron_table: String,
}

impl TableArgs {
    /// Adds everything that is wrong to `problems`.
    pub fn check(&self, problems: &mut Problems) -> Option<Vec<Entry>> {
        match table::build(&jobs::KINDS.schedules(), &self.cron_table) {
            Ok(entries) => Some(entries),
            Err(bad) => {
                for what in bad.0 {
                    problems.add("CRON_TABLE", format!("makes no sense: {what}"), EXAMPLE);
                }
                None
            }
        }
    }
}
