//! Requests that schemathesis generates from the OpenAPI document, good ones and bad ones, sent as each role: no answer is a
//! 5xx, undocumented, against its schema, or given without asking who calls. `make fuzz-api` sends many more of them.

use std::{collections::BTreeMap, io::Write, path::Path, time::Duration};

use api::Settings;
use domain::user::Role;
use serde_json::{Map, Value};
use tests::{
    TestApp, User,
    app::{Overrides, PATIENCE},
    outside,
    routes::Route,
};
use tokio::process::Command;

use super::file;
use crate::requests::things::{Things, schedule};

const ROLES: [(&str, Option<Role>); 6] = [
    ("anonymous", None),
    ("consumer", Some(Role::Consumer)),
    ("creator", Some(Role::Creator)),
    ("moderator", Some(Role::Moderator)),
    ("operator", Some(Role::Operator)),
    ("admin", Some(Role::Admin)),
];

/// For a run that nobody waits for.
const HOURS: Duration = Duration::from_secs(2 * 3600);

/// Nobody is turned away for calling often: what is behind the limits is looked at, and they have tests of their own.
fn unlimited(settings: &mut Settings) {
    (settings.reads_per_minute, settings.writes_per_minute) = (1_000_000_000, 1_000_000_000);
    (settings.login_failures_per_address, settings.registrations_per_hour) = (1_000_000, 1_000_000);
    settings.ratings_per_hour = 1_000_000;
    (settings.connections.all, settings.connections.per_address) = (1_000, 1_000);
}

/// For each path of the document, what its placeholders stand for in these things.
fn known(things: &Things) -> Value {
    let paths = Route::all().into_iter().map(|route| {
        let filled = things.path(&route);
        let names = route.path.split('/').zip(filled.split('/')).filter_map(|(template, filled)| {
            let name = template.strip_prefix('{')?.strip_suffix('}')?;
            Some((name.to_owned(), Value::from(filled)))
        });
        let names: Map<String, Value> = names.collect();
        (route.path.clone(), Value::Object(names))
    });
    Value::Object(paths.collect())
}

/// How often each status came.
type Statuses = BTreeMap<u16, u64>;

/// How far one run goes.
struct Extent {
    seed: u64,
    /// Requests of each kind for each operation.
    examples: u32,
    phases: &'static str,
    within: Duration,
}

struct Fuzzer<'a> {
    app: &'a TestApp,
    program: &'a Path,
}

impl Fuzzer<'_> {
    /// One run as one role, with these things to find.
    async fn run(&self, name: &str, user: Option<&User>, things: &Things, extent: &Extent) -> Statuses {
        let folder = self.app.folder.path();
        let at = |file: &str| folder.join(format!("{name}-{file}"));
        std::fs::write(at("known.json"), known(things).to_string()).unwrap();
        let mut command = Command::new(self.program);
        command
            .arg("--config-file")
            .arg(file("tests/fuzz-api/schemathesis.toml"))
            .arg("run")
            .arg(format!("{}/api/v1/openapi.json", self.app.url))
            .args(["--url", &self.app.url, "--no-color"])
            .args(["--seed", &extent.seed.to_string(), "--max-examples", &extent.examples.to_string()])
            .args(["--phases", extent.phases])
            .current_dir(folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("FUZZ_HOOKS", file("tests/fuzz-api/hooks.py"))
            .env("FUZZ_KNOWN", at("known.json"))
            .env("FUZZ_STATUSES", at("statuses.json"));
        if let Some(user) = user {
            let header = format!("Authorization: Bearer {}", user.token);
            command.args(["--header", &header]).env("FUZZ_TOKEN", &user.token);
        }
        let ended = outside::run(&mut command, extent.within).await;
        assert!(ended.succeeded, "as {name}, seed {}:\n{}", extent.seed, ended.said);
        if let Some(user) = user {
            let me = user.get(self.app, "/api/v1/auth/me").await;
            let advice =
                "name the operation that did it in tests/fuzz-api/schemathesis.toml, or the rest was tried as nobody";
            assert_eq!(me.status, 200, "the run as {name} has lost its account or session: {advice}");
        }
        serde_json::from_slice(&std::fs::read(at("statuses.json")).unwrap()).unwrap()
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// With FUZZ_REQUESTS it goes on, with the seeds after FUZZ_SEED, until so many have been sent.
#[tokio::test(flavor = "multi_thread")]
async fn the_api_keeps_to_its_document() {
    let Some(program) = outside::tool("python/bin/schemathesis") else { return };
    let overrides = Overrides { settings: Some(unlimited), ..Overrides::default() };
    let app = TestApp::start_with(overrides).await;
    schedule(&app).await;
    let fuzzer = Fuzzer { app: &app, program: &program };
    let wanted = number("FUZZ_REQUESTS");
    let mut seed = number("FUZZ_SEED").unwrap_or(1);
    let mut sent = 0;
    loop {
        let extent = match wanted {
            None => Extent { seed, examples: 2, phases: "examples,fuzzing", within: PATIENCE * 2 },
            Some(_) => Extent { seed, examples: 60, phases: "examples,coverage,fuzzing,stateful", within: HOURS },
        };
        let mut all = Statuses::new();
        for (name, role) in ROLES {
            // Of this run alone: an access token is good for minutes, and whoever may do it suspends and deletes others.
            let owner = app.creator(&format!("owner-{name}-{seed}")).await;
            let things = Things::of(&app, &owner).await;
            let user = match role {
                Some(Role::Creator) => Some(owner),
                Some(role) => Some(app.user(&format!("{name}-{seed}"), role).await),
                None => None,
            };
            let statuses = fuzzer.run(name, user.as_ref(), &things, &extent).await;
            if wanted.is_some() {
                let _ = writeln!(std::io::stderr(), "seed {seed}, {name}: {statuses:?}");
            }
            for (status, times) in statuses {
                *all.entry(status).or_default() += times;
            }
        }
        // Otherwise it has found nothing because it got nowhere.
        let good: u64 = all.range(200..300).map(|(_, times)| times).sum();
        assert!(good > 100, "few requests were good ones: {all:?}");
        sent += all.values().sum::<u64>();
        match wanted {
            Some(wanted) if sent < wanted => seed += 1,
            _ => break,
        }
    }
    app.discard().await;
}
