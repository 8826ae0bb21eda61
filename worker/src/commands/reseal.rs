//! `worker admin reseal`: everything that stands sealed in the database, sealed with the current data key.

use std::{io::Write, process::ExitCode};

use chrono::Utc;
use db::Db;
use infra::{
    env::{DataKeyArgs, Problems},
    seal::DataKeys,
};
use jobs::NotResealed;
use queue::control::Act;
use serde_json::json;

use super::{Common, Failure, Operator, Output, UNUSABLE, run};

/// What it takes.
#[derive(clap::Args)]
pub struct ResealArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    data_key: DataKeyArgs,
}

impl From<NotResealed> for Failure {
    fn from(error: NotResealed) -> Self {
        Self::Refused(error.to_string())
    }
}

pub async fn reseal(args: ResealArgs) -> ExitCode {
    let mut problems = Problems::default();
    let keys = args.data_key.check(&mut problems);
    if let Some(code) = problems.exit_code() {
        return code;
    }
    let Some(keys) = keys else { return UNUSABLE.into() };
    run("admin reseal", args.common, async |db, output| seal_anew(&db, &output, &keys).await).await
}

async fn seal_anew(db: &Db, output: &Output, keys: &DataKeys) -> Result<(), Failure> {
    let resealed = jobs::reseal(db, keys, Utc::now(), |what, done| {
        // Whoever does not listen to the progress wants the work done all the same.
        let _ = writeln!(std::io::stderr(), "{done} sealed anew ({what})");
    })
    .await?;
    let key = DataKeys::name_of(&keys.current());
    let work = async |tx: &mut db::Tx| {
        jobs::settle(tx, keys, Utc::now()).await?;
        let details = json!({ "resealed": resealed, "key": key });
        Ok::<_, NotResealed>(((), Act { action: "secrets.reseal", target_type: "data_key", target_id: None, details }))
    };
    Operator::of_this_process("worker admin reseal").perform(db, work).await?;
    output.show(
        || json!({ "resealed": resealed, "key": key }),
        || format!("{resealed} secrets sealed anew; everything is sealed with the key named {key}, and no other is needed any more"),
    )
}
