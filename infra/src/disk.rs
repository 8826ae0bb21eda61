//! Space for temporary files, taken before it is needed: whoever begins what does not fit fails at once and is tried
//! again later, instead of filling the disk together with others who would have fitted.

use std::{fs::File, io};

/// Takes `bytes` of the disk for `file` without changing its length. Where the file system cannot do that, nothing is
/// taken.
///
/// # Errors
/// Of kind [`io::ErrorKind::StorageFull`], or as the file system has it, when there is not as much.
pub fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    match allocate(file, bytes) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("no temporary space for {bytes} bytes: {error}"))),
        Ok(()) => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    loop {
        match fallocate(file, FallocateFlags::KEEP_SIZE, 0, bytes) {
            Err(rustix::io::Errno::INTR) => {}
            // What a file system says that knows no such call differs.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                return Err(io::ErrorKind::Unsupported.into());
            }
            outcome => return Ok(outcome?),
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(_: &File, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn space_is_taken_before_anything_is_written() {
        let file = tempfile::tempfile().unwrap();
        reserve(&file, 0).unwrap();
        assert_eq!(file.metadata().unwrap().blocks(), 0);
        reserve(&file, 5 << 20).unwrap();
        let there = file.metadata().unwrap();
        assert_eq!(there.len(), 0);
        assert!(there.blocks() * 512 >= 5 << 20, "{} blocks", there.blocks());
    }

    #[test]
    fn more_than_there_is_is_refused_at_once() {
        let file = tempfile::tempfile().unwrap();
        let error = reserve(&file, 1 << 43).unwrap_err();
        assert!(error.to_string().contains("no temporary space for 8796093022208 bytes"), "{error}");
    }
}
