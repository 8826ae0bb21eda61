//! A file that a living process touches, for the health check of its container: no port, no shell, no curl.

use std::{path::Path, time::Duration};

/// Living processes touch their file every second or so; half a minute without it is a dead or hung one.
const OLDEST: Duration = Duration::from_secs(30);

/// Says that this process is alive. A file that cannot be written shows as a process that is not.
pub fn touch(file: &Path) {
    if let Err(error) = std::fs::write(file, std::process::id().to_string()) {
        tracing::debug!(%error, file = %file.display(), "the alive file cannot be written");
    }
}

#[derive(Debug, thiserror::Error)]
pub enum NotAlive {
    #[error("no sign of life yet ({file}: {source})")]
    Never { file: String, source: std::io::Error },
    #[error("the last sign of life was {} s ago", .0.as_secs())]
    Old(Duration),
}

/// Errs with the reason when the process behind `file` is not well.
pub fn check(file: &Path) -> Result<(), NotAlive> {
    let modified = std::fs::metadata(file).and_then(|metadata| metadata.modified());
    let modified = modified.map_err(|source| NotAlive::Never { file: file.display().to_string(), source })?;
    let age = modified.elapsed().unwrap_or_default();
    if age < OLDEST { Ok(()) } else { Err(NotAlive::Old(age)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touched_file_is_alive_and_a_missing_or_old_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alive");
        assert!(matches!(check(&file), Err(NotAlive::Never { .. })));
        touch(&file);
        check(&file).unwrap();
        let old = std::time::SystemTime::now() - OLDEST * 2;
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
        assert!(matches!(check(&file), Err(NotAlive::Old(_))));
    }
}
