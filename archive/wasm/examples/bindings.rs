//! Writes the JavaScript that belongs to the compiled WebAssembly: `bindings FILE.wasm FOLDER`. It is wasm-bindgen's own
//! generator as a library, so that its version is always that of the crate, by Cargo.lock, and nothing is installed.

use std::{env, path::Path};

use anyhow::Context;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [wasm, folder] = arguments.as_slice() else { anyhow::bail!("usage: bindings FILE.wasm FOLDER") };
    Bindgen::new()
        .input_path(wasm)
        .web(true)?
        .typescript(true)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .out_name("archive_check")
        .generate(Path::new(folder))
        .with_context(|| format!("the bindings of {wasm}"))
}
