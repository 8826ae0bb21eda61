//! Guards the arguments that lie in ledgers: `jobs/corpus/` has samples of every kind and version.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use queue::Registry;
use serde_json::Value;

use crate::{Context, QUEUES};

type Samples = BTreeMap<(String, u16), Vec<Value>>;

fn read(folder: &Path) -> Samples {
    let mut samples = Samples::new();
    for entry in std::fs::read_dir(folder).expect("the corpus' folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let (kind, version) = name.rsplit_once(".v").expect("files are named <kind>.v<version>.json");
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let list: Vec<Value> =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}.json is no array: {error}"));
        assert!(!list.is_empty(), "{name}.json has no sample");
        samples.insert((kind.to_owned(), version.parse().expect("a version")), list);
    }
    samples
}

/// Everything that is wrong, one sentence each.
fn problems(registry: &Registry<Context>, corpus: &Samples) -> Vec<String> {
    let mut problems = Vec::new();
    let mut known = BTreeSet::new();
    for (kind, handler) in registry.handlers() {
        known.insert(kind);
        let today = handler.version();
        if !corpus.contains_key(&(kind.to_owned(), today)) {
            problems.push(format!(
                "{kind} version {today} has no sample: add jobs/corpus/{kind}.v{today}.json, an array of its arguments \
                 as they lie in job_payloads"
            ));
        }
        let cure = format!(
            "rows like it may be in production. Leave jobs/corpus/{kind}.v{today}.json as it is, raise {kind}'s VERSION \
             to {}, teach Job::upgrade version {today}, and add jobs/corpus/{kind}.v{}.json",
            today + 1,
            today + 1
        );
        for ((_, version), samples) in corpus.iter().filter(|((of, _), _)| of == kind) {
            for sample in samples {
                let Some(current) = handler.current(*version, sample.clone()) else {
                    problems.push(format!(
                        "{kind} version {version} is not known to version {today}: teach Job::upgrade, so that \
                         such rows still run"
                    ));
                    continue;
                };
                match handler.round_trip(current.clone()) {
                    Ok(again) if again == current => {}
                    Ok(again) => {
                        problems.push(format!("{kind} version {version} reads {current} and writes {again}: {cure}"))
                    }
                    Err(error) => {
                        problems.push(format!("{kind} version {version} cannot read {current} ({error}): {cure}"));
                    }
                }
            }
        }
    }
    for (kind, version) in corpus.keys().filter(|(kind, _)| !known.contains(kind.as_str())) {
        problems.push(format!(
            "{kind} version {version} is in the corpus, but no job of this name is registered: its rows would be \
             parked for ever. Keep the job until none is left, then remove its files"
        ));
    }
    problems
}

#[test]
fn every_stored_argument_still_fits() {
    let corpus = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"));
    let problems = problems(&crate::registry(), &corpus);
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

mod what_the_guard_catches {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;
    use crate::{Context, queues};
    use queue::{Job, JobError, Outcome, Queue, Run};

    /// Once `{"name": …}`; then, in version 2, `{"first": …, "last": …}`.
    #[derive(Serialize, Deserialize)]
    struct Greet {
        first: String,
        last: String,
    }

    impl Job<Context> for Greet {
        const KIND: &'static str = "test_greet";
        const VERSION: u16 = 2;
        const QUEUE: Queue = queues::MAINTENANCE;

        fn upgrade(version: u16, args: Value) -> Option<Value> {
            (version == 1).then(|| json!({ "first": args["name"], "last": "" }))
        }

        async fn run(&self, _: &Context, _: &Run) -> Result<Outcome, JobError> {
            Ok(Outcome::Done)
        }
    }

    /// Of the job under test, and of those that every registry has.
    fn corpus(files: &[(u16, Value)]) -> Samples {
        let hook = json!({ "job": "00000000-0000-0000-0000-000000000000", "reason": "" });
        let flow = json!({
            "parent": "00000000-0000-0000-0000-000000000000", "child": "00000000-0000-0000-0000-000000000000",
        });
        let own = files.iter().map(|(version, sample)| (("test_greet".to_owned(), *version), vec![sample.clone()]));
        let all = [("tell_given_up", hook), ("cancel_flow", flow)];
        own.chain(all.map(|(kind, sample)| ((kind.to_owned(), 1), vec![sample]))).collect()
    }

    fn found(files: &[(u16, Value)]) -> Vec<String> {
        problems(&Registry::new(QUEUES).with::<Greet>(), &corpus(files))
    }

    #[test]
    fn a_shape_that_changed_without_a_new_version() {
        let today = json!({ "first": "Ada", "last": "Lovelace" });
        assert_eq!(found(&[(2, today.clone())]), [""; 0]);
        for changed in [
            json!({ "first": "Ada" }),
            json!({ "first": "Ada", "last": "Lovelace", "title": "Countess" }),
            json!({ "first": 1, "last": "Lovelace" }),
        ] {
            let found = found(&[(2, changed)]);
            assert_eq!(found.len(), 1, "{found:?}");
            let cure = "Leave jobs/corpus/test_greet.v2.json as it is, raise test_greet's VERSION to 3, teach \
                        Job::upgrade version 2, and add jobs/corpus/test_greet.v3.json";
            assert!(found[0].ends_with(cure), "{}", found[0]);
        }
    }

    #[test]
    fn versions_and_kinds_without_a_counterpart() {
        let today = json!({ "first": "Ada", "last": "Lovelace" });
        let one = |files: &[(u16, Value)]| found(files).join("; ");
        assert_eq!(one(&[(1, json!({ "name": "Ada" })), (2, today.clone())]), "");
        assert!(one(&[(1, json!({ "name": "Ada" }))]).contains("add jobs/corpus/test_greet.v2.json"));
        assert!(one(&[(0, json!({})), (2, today.clone())]).contains("teach Job::upgrade, so that such rows still run"));
        let nobody = problems(&Registry::new(QUEUES), &corpus(&[(2, today)]));
        assert!(nobody[0].contains("no job of this name is registered"), "{nobody:?}");
    }
}
