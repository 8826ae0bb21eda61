//! Writes every hostile and honest archive of the corpus into a folder, with the verdict of this very build beside it:
//! `corpus FOLDER`. The WebAssembly is held to it, and the package's types are (`web/packages/archive-check/test`).

use std::{env, fs, ops::ControlFlow, path::Path};

use anyhow::Context;
use archive::{Code, Options, Report, hostile};
use domain::nano::Format;
use serde_json::json;

/// An archive, the name it has here, and the formats it is checked in.
struct Sample {
    name: String,
    bytes: Vec<u8>,
    formats: &'static [Format],
}

/// Formats without and with scripts.
const PLAIN: &[Format] = &[Format::Mixed];
const SCRIPTED: &[Format] = &[Format::Interactive];
const BOTH: &[Format] = &[Format::Mixed, Format::Interactive];

fn samples() -> Vec<Sample> {
    let sample = |name: &str, bytes: Vec<u8>, formats| Sample { name: name.to_owned(), bytes, formats };
    let hostile = hostile::corpus().into_iter().map(|case| sample(case.name, case.bytes, BOTH));
    let honest = hostile::honest().into_iter().map(|(name, bytes)| sample(name, bytes, PLAIN));
    let written = hostile::written().into_iter().map(|written| {
        let name = format!("{}, {:?}", written.writer, written.set);
        sample(&name, written.bytes, PLAIN)
    });
    let packages = hostile::packages::honest().into_iter().map(|package| sample(package.name, package.bytes, SCRIPTED));
    let misleading = hostile::packages::hostile().into_iter().map(|case| sample(case.name, case.bytes, SCRIPTED));
    hostile.chain(honest).chain(written).chain(packages).chain(misleading).collect()
}

fn verdicts(bytes: &[u8], format: Format) -> anyhow::Result<(Report, Report)> {
    let options = Options { scripts_allowed: format.allows_script(), ..Options::default() };
    let directory = archive::check_directory(&bytes, &options)?.report();
    Ok((directory, archive::check(&bytes, &options, &mut |_, _| ControlFlow::Continue(()))?))
}

fn main() -> anyhow::Result<()> {
    let Some(folder) = env::args().nth(1) else { anyhow::bail!("usage: corpus FOLDER") };
    let folder = Path::new(&folder);
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let mut cases = Vec::new();
    for (number, sample) in samples().into_iter().enumerate() {
        let file = format!("{number:04}.zip");
        fs::write(folder.join(&file), &sample.bytes)?;
        for &format in sample.formats {
            let (directory, report) = verdicts(&sample.bytes, format).with_context(|| sample.name.clone())?;
            let name = &sample.name;
            cases.push(
                json!({ "name": name, "file": file, "format": format, "directory": directory, "report": report }),
            );
        }
    }
    let formats: serde_json::Map<_, _> =
        Format::ALL.iter().map(|format| (format.to_string(), format.allows_script().into())).collect();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let contract = json!({ "codes": codes, "scripts_allowed": formats, "cases": cases });
    fs::write(folder.join("contract.json"), serde_json::to_vec(&contract)?)?;
    Ok(())
}
