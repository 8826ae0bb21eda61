//! Writes the seeds of every target below a folder: the honest and the hostile archives of the domain crate, their
//! files and their names. `deploy/fuzz.sh` calls it.

use std::{fs, io::Read, ops::ControlFlow, path::Path};

use archive::{EntryReader, Options, hostile};

/// Larger archives slow the fuzzer down and teach it nothing.
const MOST: usize = 64 * 1024;

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).expect("usage: seeds FOLDER");
    let honest: Vec<Vec<u8>> = hostile::honest().into_iter().map(|(_, bytes)| bytes).collect();
    let hostile: Vec<Vec<u8>> = hostile::corpus().into_iter().map(|case| case.bytes).collect();
    let archives: Vec<&Vec<u8>> = honest.iter().chain(&hostile).filter(|bytes| bytes.len() <= MOST).collect();
    for target in ["directory", "check", "rebuild"] {
        write(&Path::new(&folder).join(target), archives.iter().map(|bytes| bytes.to_vec()))?;
    }
    write(&Path::new(&folder).join("content"), contents(&honest).into_iter().chain(documents(&hostile)))?;
    write(&Path::new(&folder).join("names"), archives.iter().flat_map(|bytes| names(bytes)))?;
    let packages = hostile::packages::honest().into_iter().map(|package| package.bytes);
    let hostile = hostile::packages::hostile().into_iter().map(|case| case.bytes);
    write(&Path::new(&folder).join("packages"), packages.chain(hostile).flat_map(|bytes| manifests(&bytes)))
}

fn write(folder: &Path, seeds: impl Iterator<Item = Vec<u8>>) -> std::io::Result<()> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)?;
    for (number, seed) in seeds.enumerate() {
        fs::write(folder.join(format!("{number:04}")), seed)?;
    }
    Ok(())
}

/// Every file of the honest archives, behind its extension's number.
fn contents(honest: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for bytes in honest {
        let report = archive::check(bytes, &Options::default(), &mut |_, _| ControlFlow::Continue(()));
        for entry in &report.expect("bytes in memory can be read").entries {
            let extension = entry.name.rsplit('.').next().unwrap_or_default().to_lowercase();
            let choice = fuzz::EXTENSIONS.iter().position(|known| *known == extension).unwrap_or(0) as u8;
            let mut seed = vec![choice];
            EntryReader::new(bytes, entry).read_to_end(&mut seed).expect("an honest file reads");
            seeds.push(seed);
        }
    }
    seeds
}

/// The manifests of a package, behind the number of each.
fn manifests(bytes: &[u8]) -> Vec<Vec<u8>> {
    let options = Options { scripts_allowed: true, ..Options::default() };
    let report = archive::check(&bytes, &options, &mut |_, _| ControlFlow::Continue(()));
    let mut seeds = Vec::new();
    for entry in &report.expect("bytes in memory can be read").entries {
        let known = fuzz::MANIFESTS.iter().position(|manifest| entry.name.ends_with(manifest));
        if let Some(choice) = known.filter(|_| entry.size <= MOST as u64) {
            let mut seed = vec![choice as u8];
            EntryReader::new(&bytes, entry).read_to_end(&mut seed).expect("accepted content reads");
            seeds.push(seed);
        }
    }
    seeds
}

/// Hostile archives as documents, some with repaired check sums.
fn documents(hostile: &[Vec<u8>]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let small = hostile.iter().filter(|bytes| bytes.len() <= MOST);
    small.enumerate().map(|(number, bytes)| {
        let choice = (number % 7) as u8 | if number % 2 == 0 { 0x80 } else { 0 };
        [&[choice], &bytes[..]].concat()
    })
}

/// The names of an archive, as its directory has them.
fn names(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut seed = vec![1];
    let mut rest = bytes;
    while let Some(at) = rest.windows(4).position(|window| window == b"PK\x01\x02") {
        let header = rest.get(at..at + 46)?;
        let length = usize::from(u16::from_le_bytes([header[28], header[29]]));
        if seed.len() > 1 {
            seed.push(b'\n');
        }
        seed[0] = if header[9] & 8 != 0 { 1 } else { 0 } | if header[5] == 0 { 2 } else { 0 };
        seed.extend(rest.get(at + 46..at + 46 + length)?);
        rest = &rest[at + 46 + length..];
    }
    (seed.len() > 1).then_some(seed)
}
