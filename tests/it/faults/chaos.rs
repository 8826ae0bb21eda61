//! The short form of `make chaos`: real uploads while programs are killed, paused, emptied and cut off. docs/chaos.md.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use servers::processes::{Launch, LineSink};

/// What the short form promises, and what a machine that compiles beside it may need on top.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_handled_twice_while_everything_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let printed: Arc<Mutex<Vec<String>>> = Arc::default();
    let keep = printed.clone();
    let lines: LineSink = Arc::new(move |_, line| keep.lock().unwrap().push(line.to_owned()));
    let mut chaos = Launch::in_foreground("chaos", servers::programs::sibling("dev").unwrap())
        .arg("--dir")
        .arg(folder.path())
        .args(["chaos", "--short", "--seed", "1", "--prove-checker"])
        .show_lines(lines)
        .start()
        .await
        .unwrap();
    let status = tokio::time::timeout(PATIENCE, chaos.wait()).await.expect("it ends in time").unwrap();
    let printed = printed.lock().unwrap().join("\n");
    if !status.success() {
        // Its logs would go with the folder.
        panic!("{status}; kept: {}\n{printed}", folder.keep().display());
    }
    let last = printed.lines().last().unwrap_or_default();
    assert!(last.starts_with("lost 0, duplicated 0, stuck 0, quarantined 0, ambiguous "), "{printed}");
    for seen in
        ["a mail that came twice", "a job that two workers ran at once", "a job that is handed out while it runs"]
    {
        assert!(printed.contains(&format!("the checker sees {seen}")), "{printed}");
    }
}
