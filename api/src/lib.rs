//! The HTTP API: authenticates, validates, reads, writes rows, enqueues jobs. It never unzips, decodes, scans,
//! indexes or mails inside a request.

pub mod auth;
mod layers;
mod live;
mod reply;
mod request;
mod routes;
mod serve;
pub mod settings;
pub mod state;
mod stream;
mod views;
mod write;

use axum::Router;
use tokio::net::TcpListener;

pub use crate::{
    reply::{Code, Error},
    routes::{Document, document},
    settings::{ApiArgs, Settings},
    state::{AppState, Parts},
};

/// The whole API as a service.
pub fn build(state: AppState) -> Router {
    layers::wrap(routes::router(), &state).with_state(state)
}

/// Serves the API until `state.stopping` is cancelled and running requests are done, or the grace period is over.
/// Event streams end at once.
pub async fn serve(listener: TcpListener, state: AppState) {
    let (stop, grace) = (state.stopping.clone(), state.settings.shutdown_grace);
    serve::serve(listener, build(state), stop, grace).await;
}
