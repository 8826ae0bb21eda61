//! The archive check as WebAssembly, for browsers and Node.js. `web/packages/archive-check` is what people use of it: it
//! runs this in a worker and gives it the bytes of a file.
//!
//! The rules are those of the crate `archive`; here is only how bytes come in, progress goes out, and errors of the
//! JavaScript outside come back to it as they were.

use std::{cell::RefCell, io, ops::ControlFlow};

use archive::{CheckError, DirectoryVerdict, Options, ReadAt, Report};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const SOURCE: &str = "
/** The bytes of a file, read by range and at once, and who wants to know how far the check is. */
export interface Source {
  /** In bytes. It must not change while the file is checked. */
  readonly size: number
  /** Fills `target` from `offset` on, or throws. Never asked beyond `size`. */
  read(offset: number, target: Uint8Array): void
  /** Told about each mebibyte of work; false stops the check. */
  progress(done: number, total: number): boolean
}
";

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "Source")]
    pub type Source;

    #[wasm_bindgen(method, getter, structural)]
    fn size(this: &Source) -> f64;

    #[wasm_bindgen(method, catch, structural)]
    fn read(this: &Source, offset: f64, target: &mut [u8]) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, structural)]
    fn progress(this: &Source, done: f64, total: f64) -> Result<bool, JsValue>;
}

/// The bytes of a JavaScript source, and the first thing that it threw.
struct Bytes {
    source: Source,
    len: u64,
    thrown: RefCell<Option<JsValue>>,
}

impl Bytes {
    fn new(source: Source) -> Self {
        let len = source.size() as u64;
        Self { source, len, thrown: RefCell::new(None) }
    }

    fn keep(&self, thrown: JsValue) {
        self.thrown.borrow_mut().get_or_insert(thrown);
    }

    /// What JavaScript is to catch: what it threw itself, where that is the reason.
    fn error(&self, error: &CheckError) -> JsValue {
        self.thrown.take().unwrap_or_else(|| JsError::new(&error.to_string()).into())
    }
}

impl ReadAt for Bytes {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        // Offsets are below 2^53, which a file's size is.
        self.source.read(offset as f64, buf).map_err(|thrown| {
            self.keep(thrown);
            io::Error::other("the source threw an error")
        })
    }
}

/// A file whose directory has been read: the first verdict, and the way to the second.
#[wasm_bindgen]
pub struct Check {
    bytes: Bytes,
    options: Options,
    verdict: DirectoryVerdict,
}

#[wasm_bindgen]
impl Check {
    /// Reads the file's end and its directory. Throws what the source threw.
    #[wasm_bindgen(constructor)]
    pub fn new(source: Source, scripts_allowed: bool) -> Result<Check, JsValue> {
        let bytes = Bytes::new(source);
        let options = Options { scripts_allowed, ..Options::default() };
        match archive::check_directory(&bytes, &options) {
            Ok(verdict) => Ok(Self { bytes, options, verdict }),
            Err(error) => Err(bytes.error(&error)),
        }
    }

    /// Reading the content can tell more.
    #[wasm_bindgen(getter)]
    pub fn readable(&self) -> bool {
        self.verdict.readable()
    }

    /// Files, folders and system files listed; 0 when the directory cannot be followed.
    #[wasm_bindgen(getter)]
    pub fn entries(&self) -> usize {
        self.verdict.entries()
    }

    /// The report of the directory alone, as JSON; never an accepting one.
    pub fn report(&self) -> Result<String, JsError> {
        json(&self.verdict.report())
    }

    /// Reads all headers and content, once, from front to back; the whole report, as JSON. Throws what the source threw,
    /// and an error when its `progress` asked to stop. The check cannot be used afterwards.
    pub fn content(self) -> Result<String, JsValue> {
        let Self { bytes, options, verdict } = self;
        let report = archive::check_content(&bytes, verdict, &options, &mut |done, total| match bytes
            .source
            .progress(done as f64, total as f64)
        {
            Ok(true) => ControlFlow::Continue(()),
            Ok(false) => ControlFlow::Break(()),
            Err(thrown) => {
                bytes.keep(thrown);
                ControlFlow::Break(())
            }
        });
        match report {
            Ok(report) => Ok(json(&report)?),
            Err(error) => Err(bytes.error(&error)),
        }
    }
}

fn json(report: &Report) -> Result<String, JsError> {
    Ok(serde_json::to_string(report)?)
}
