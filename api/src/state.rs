//! Everything a handler may use; built once, in `main` and in the tests alike.

use std::{ops::Deref, sync::Arc};

use db::{Db, Replica, clock::Clock};
use infra::{
    cache::{Cache, EventHints},
    seal::DataKeys,
    search::SearchBackend,
    storage::Storage,
};
use queue::ready::ReadyList;
use tokio_util::sync::CancellationToken;

use crate::{
    answers::Answers,
    auth::{jwt::JwtKeys, passkeys::Passkeys, password::Passwords},
    live::Live,
    maintenance::Maintenance,
    quota::Open,
    reads::Reads,
    reply::Error,
    rooms::Rooms,
    routes::LastReadiness,
    settings::Settings,
};

/// What the state is built from.
pub struct Parts {
    pub db: Db,
    /// For plain reads.
    pub replica: Option<Replica>,
    pub storage: Storage,
    pub search: SearchBackend,
    pub cache: Cache,
    pub ready: ReadyList,
    pub hints: EventHints,
    pub keys: JwtKeys,
    pub data_keys: DataKeys,
    pub clock: Clock,
    pub settings: Settings,
}

pub struct Inner {
    pub db: Db,
    pub storage: Storage,
    pub search: SearchBackend,
    pub cache: Cache,
    pub ready: ReadyList,
    pub hints: EventHints,
    pub keys: JwtKeys,
    pub data_keys: DataKeys,
    pub clock: Clock,
    pub settings: Settings,
    pub passwords: Passwords,
    pub passkeys: Passkeys,
    /// What is the same for everybody.
    pub answers: Answers,
    /// Where plain reads go.
    pub reads: Reads,
    /// Whether changes are refused.
    pub maintenance: Maintenance,
    /// Event streams, files on their way in, and sockets, that people have open.
    pub streams: Open,
    pub incoming: Open,
    pub sockets: Open,
    /// The chats that somebody has open.
    pub rooms: Arc<Rooms>,
    /// What the live pages of the operators show.
    pub live: Arc<Live>,
    /// Cancelled when the process is told to stop: `/ready` says so, and everything is served as before until `stopping`.
    pub leaving: CancellationToken,
    /// What `/ready` found last.
    pub readiness: LastReadiness,
    /// Cancelled when the server stops: event streams and sockets end then.
    pub stopping: CancellationToken,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

impl AppState {
    /// # Errors
    /// Only if hashing a password fails on this machine.
    pub fn new(parts: Parts) -> Result<Self, Error> {
        let passkeys = Passkeys::of(&parts.settings.public_url);
        let passwords = Passwords::new(parts.settings.hash_slots)?;
        let reads = Reads::new(parts.db.clone(), parts.replica);
        let answers = Answers::new(parts.settings.answers_kept_for);
        Ok(Self(Arc::new(Inner {
            db: parts.db,
            storage: parts.storage,
            search: parts.search,
            cache: parts.cache,
            ready: parts.ready,
            hints: parts.hints,
            keys: parts.keys,
            data_keys: parts.data_keys,
            clock: parts.clock,
            settings: parts.settings,
            passwords,
            passkeys,
            answers,
            reads,
            maintenance: Maintenance::default(),
            streams: Open::default(),
            incoming: Open::default(),
            sockets: Open::default(),
            rooms: Arc::default(),
            live: Arc::default(),
            leaving: CancellationToken::new(),
            readiness: LastReadiness::default(),
            stopping: CancellationToken::new(),
        })))
    }
}

impl Deref for AppState {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}
