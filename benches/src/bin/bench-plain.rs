//! What the API's rates are held against: axum with nothing around it, which answers bytes that it has, or asks the database
//! `SELECT 1` through the product's pool; `bench api` starts it.

use std::{io::Write, net::SocketAddr, path::PathBuf, process::ExitCode};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    routing::get,
};
use clap::Parser;
use db::Db;

/// Answers `/static` and `/select`. Started by `bench`.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[arg(long)]
    address: SocketAddr,
    #[arg(long)]
    database: String,
    #[arg(long)]
    pool: u32,
    /// What `/static` answers.
    #[arg(long)]
    body: PathBuf,
}

fn main() -> ExitCode {
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(serve(Cli::parse())));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "bench-plain: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(cli: Cli) -> anyhow::Result<()> {
    let body: &'static [u8] = std::fs::read(cli.body)?.leak();
    let db = Db::connect(&cli.database, cli.pool).await?;
    let router = Router::new()
        .route("/static", get(async move || ([(header::CONTENT_TYPE, "application/json")], body)))
        .route("/select", get(select))
        .with_state(db);
    let listener = tokio::net::TcpListener::bind(cli.address).await?;
    // Answers are small, as the API's are: no waiting for more.
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await?;
    Ok(())
}

async fn select(State(db): State<Db>) -> StatusCode {
    if db.ping().await.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
