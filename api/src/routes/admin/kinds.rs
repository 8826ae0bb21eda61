//! Kinds of jobs that can be named.

use queue::ledger::kinds;
use serde_json::json;

use crate::{
    reply::{Code, Error},
    state::AppState,
};

/// A kind of this build, or one the ledger has jobs of: those of the build before and after during a deployment.
/// Anything else is a slip of the pen, and 404 names the known ones.
pub(super) async fn known(state: &AppState, kind: &str) -> Result<(), Error> {
    if jobs::KINDS.contains(kind) || kinds::exists(&state.db, kind).await? {
        Ok(())
    } else {
        Err(Error::with(Code::NotFound, json!({ "kinds": jobs::KINDS.names() })))
    }
}
