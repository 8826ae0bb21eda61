//! How long this build takes for the checks that `deploy/web.sh bench` has the WebAssembly do: `native FILE…` prints
//! milliseconds for the directory and for the content, the best of three.

use std::{
    env,
    io::{self, Write},
    ops::ControlFlow,
    time::Instant,
};

use archive::{FileSource, Options};

fn main() -> anyhow::Result<()> {
    for path in env::args().skip(1) {
        let source = FileSource::open(&path)?;
        let options = Options::default();
        let mut best = [f64::MAX; 2];
        for _ in 0..3 {
            let start = Instant::now();
            let verdict = archive::check_directory(&source, &options)?;
            let directory = start.elapsed();
            let report = archive::check_content(&source, verdict, &options, &mut |_, _| ControlFlow::Continue(()))?;
            anyhow::ensure!(report.accepted, "{path}: {:?}", report.findings);
            for (best, time) in best.iter_mut().zip([directory, start.elapsed() - directory]) {
                *best = best.min(time.as_secs_f64() * 1_000.0);
            }
        }
        writeln!(io::stdout(), "{path}: directory {:.2} ms, content {:.0} ms", best[0], best[1])?;
    }
    Ok(())
}
