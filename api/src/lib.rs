//! The HTTP API: authenticates, validates, reads, writes rows, enqueues jobs. It never unzips, decodes, scans,
//! indexes or mails inside a request.

mod answers;
pub mod auth;
mod layers;
mod live;
mod maintenance;
mod quota;
mod reads;
mod reply;
mod request;
mod rooms;
mod rounds;
mod routes;
mod serve;
pub mod settings;
pub mod state;
mod stream;
mod views;
mod write;

use axum::Router;
use tokio::net::TcpListener;

use crate::serve::Routers;
pub use crate::{
    reply::{Code, Error, error_page},
    request::TrustedProxies,
    routes::{Document, chats::ChatSettings, document},
    serve::{ConnectionSettings, raise_file_limit},
    settings::{ApiArgs, Settings},
    state::{AppState, Parts},
};

/// The whole API as a service.
pub fn build(state: AppState) -> Router {
    layers::wrap(routes::router(), &state).with_state(state)
}

/// Serves the API until `state.stopping` is cancelled and running requests are done, or the grace period is over.
/// Event streams end at once, sockets within a second.
pub async fn serve(listener: TcpListener, state: AppState) {
    let probes = layers::wrap(routes::probes(), &state).with_state(state.clone());
    let routers = Routers { all: build(state.clone()), probes };
    serve::serve(listener, routers, &state.settings, state.stopping.clone()).await;
    state.rooms.emptied(state.settings.shutdown_grace).await;
}
