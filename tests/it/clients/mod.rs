//! The API as programs of others meet it: a fuzzer, clients that are made from its OpenAPI document, and the requests that
//! `docs/http` shows.

mod documented;
mod fuzz;
mod python;
mod typescript;

use std::path::{Path, PathBuf};

use tests::{TestApp, User, app::PATIENCE, client::PASSWORD, outside::ROOT};
use tokio::process::Command;

/// A file of the repository.
fn file(path: &str) -> PathBuf {
    Path::new(ROOT).join(path)
}

/// What the clients' own tests are told: where the API is, who calls, and what is uploaded.
fn tell<'a>(command: &'a mut Command, app: &TestApp, creator: &User) -> &'a mut Command {
    command
        .env("NANO_URL", &app.url)
        .env("NANO_EMAIL", &creator.email)
        .env("NANO_PASSWORD", PASSWORD)
        .env("NANO_ARCHIVE", file("docs/sample-nano.zip"))
        .env("NANO_PATIENCE_SECONDS", PATIENCE.as_secs().to_string())
}
