//! What jobs are about and whose they are, in words, for those who may see them.

use std::collections::HashMap;

use domain::{
    ids::{NanoId, UserId},
    user::Permission,
};
use infra::db::{nanos, users};
use queue::{ids::JobId, ledger};

use crate::{
    reply::Error,
    request::CurrentUser,
    state::AppState,
    views::{About, AdminJob},
};

/// Adds what this person may see; at most a page of jobs.
pub(super) async fn entitle<'a>(
    state: &AppState,
    user: &CurrentUser,
    jobs: impl IntoIterator<Item = &'a mut AdminJob>,
) -> Result<(), Error> {
    let mut jobs: Vec<&mut AdminJob> = jobs.into_iter().collect();
    if user.allows(Permission::NanosReadAll) {
        let ids: Vec<JobId> = jobs.iter().map(|job| JobId(job.id)).collect();
        let subjects = ledger::subjects(&state.db, &ids, "nano").await?;
        let subjects: HashMap<JobId, NanoId> = subjects.into_iter().map(|(job, nano)| (job, NanoId(nano))).collect();
        let nanos: Vec<NanoId> = subjects.values().copied().collect();
        let titles: HashMap<NanoId, String> = nanos::titles(&state.db, &nanos).await?.into_iter().collect();
        for job in &mut jobs {
            let nano = subjects.get(&JobId(job.id));
            job.about = nano.and_then(|nano| Some(About { nano_id: nano.0, title: titles.get(nano)?.clone() }));
        }
    }
    if user.allows(Permission::UsersManage) {
        let owners: Vec<UserId> = jobs.iter().filter_map(|job| job.tenant).map(UserId).collect();
        let names: HashMap<UserId, String> = users::names(&state.db, &owners).await?.into_iter().collect();
        for job in &mut jobs {
            job.owner = job.tenant.and_then(|tenant| names.get(&UserId(tenant)).cloned());
        }
    }
    Ok(())
}
