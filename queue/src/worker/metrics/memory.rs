//! The memory of this worker and its child processes, as the fleet's pages show it.

use std::{fs, path::Path};

/// Resident bytes of this process and its child processes; `None` where the kernel does not say.
pub(in crate::worker) fn resident() -> Option<u64> {
    let own = of(Path::new("/proc/self"))?;
    Some(own + children().iter().filter_map(|child| of(&Path::new("/proc").join(child))).sum::<u64>())
}

/// The second number of `statm` counts pages (proc(5)).
fn of(process: &Path) -> Option<u64> {
    let statm = fs::read_to_string(process.join("statm")).ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

fn children() -> Vec<String> {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_some_mebibytes_large() {
        let bytes = resident().unwrap();
        assert!((1 << 20..1 << 40).contains(&bytes), "{bytes}");
    }
}
