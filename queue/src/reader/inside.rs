//! The reader's side: one assignment from standard input, the confinement, the work, one answer.
//!
//! No async runtime and, until the process is confined, no second thread.

use std::{
    fs::File,
    io::{self, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::{
    reader::{
        Confinement, Desk, Input, Readers,
        confine::{self, Allowed},
        protocol::{ASSIGNMENT_MAX, Assignment, FILES_MAX, Said},
    },
    trace,
    worker::child::{ChildLimits, SpanPipe, bounds, relay::Relay},
};

/// Between two lines that say how far the work is; the worker stores one a second.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// Longest note of a progress line that is sent, in characters.
const NOTE: usize = 100;
/// Encoded spans in one line, in bytes.
const SPANS_MAX: usize = 30 * 1024;

/// Takes spans that have ended to the worker; what does not fit into a line is lost.
pub fn span_pipe() -> SpanPipe {
    Arc::new(|spans| {
        if spans.len() <= SPANS_MAX {
            say(&Said::Spans(hex::encode(spans)));
        }
    })
}

/// Waits for an assignment on standard input, a socket, and does it. What `relay` has collected goes to the worker.
///
/// Ends the process when standard input does: nobody wants the answer then.
///
/// # Errors
/// Standard input is no such socket, ends without an assignment, or brings something else.
pub fn serve(readers: &Readers, relay: &Relay) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    crate::reader::system_calls::close_inherited();
    bounds::bind_to_parent()?;
    let (assignment, files) = receive()?;
    let span = tracing::info_span!(
        parent: None,
        "read",
        reader = %assignment.reader,
        child = std::process::id(),
    );
    trace::continue_from(&span, assignment.trace_parent.as_deref());
    trace::describe(&span, || (format!("read {}", assignment.reader).into(), []));
    // The span ends here and is sent, like all the rest, before the answer: nobody listens after that.
    let last = span.in_scope(|| work(readers, assignment, files));
    drop(span);
    for series in relay.take() {
        say(&Said::Measured(vec![series]));
    }
    say(&last);
    Ok(())
}

fn work(readers: &Readers, assignment: Assignment, files: Vec<OwnedFd>) -> Said {
    let Assignment { reader, task, inputs: paths, folder, programs, limits, .. } = assignment;
    let prepared = match readers.prepare(&reader, task) {
        Ok(prepared) => prepared,
        Err(error) => return Said::Error(error),
    };
    let mut files = files.into_iter().map(File::from);
    let inputs: Vec<Input> = paths.into_iter().zip(&mut files).map(|(path, file)| Input { file, path }).collect();
    let outputs: Vec<File> = files.collect();
    // Afterwards it cannot be opened any more.
    let memory = bounds::MemoryInUse::open();
    let confined = {
        let allowed = Allowed {
            limits: &limits,
            inputs: inputs.iter().map(|input| input.file.as_fd()).collect(),
            folder: &folder,
            programs: programs.values().map(AsRef::as_ref).collect(),
        };
        match confine(&allowed, watch_parent) {
            Ok(confined) => confined,
            Err(error) => return Said::Error(error.into()),
        }
    };
    say(&Said::Confined(confined));
    let told = Mutex::new(None::<Instant>);
    let tell = |done: u64, total: Option<u64>, note: &str| {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|last| last.elapsed() >= PROGRESS_EVERY) {
            *told = Some(Instant::now());
            say(&Said::Progress { done, total, note: note.chars().take(NOTE).collect() });
        }
    };
    let desk = Desk { inputs, outputs, folder, programs, tell: &tell, cancelled: &|| false };
    match prepared(&desk) {
        Ok(answer) => Said::Answer(answer),
        Err(error) => match memory.nearly(limits.memory) {
            true => Said::OutOfMemory(format!("failed at the memory limit of {} MiB: {error}", limits.memory >> 20)),
            false => Said::Error(error),
        },
    }
}

/// Confines this process, which may have one thread only, as a reader's: it keeps these files and this folder.
pub fn confine_this_process(limits: &ChildLimits, inputs: &[File], folder: &Path) -> io::Result<Confinement> {
    let inputs = inputs.iter().map(AsFd::as_fd).collect();
    confine(&Allowed { limits, inputs, folder, programs: Vec::new() }, || Ok(()))
}

/// Ends this process when standard input does: nobody wants its answer then.
fn watch_parent() -> io::Result<()> {
    thread::Builder::new().name("parent".into()).stack_size(64 << 10).spawn(|| {
        let mut rest = [0; 64];
        while io::stdin().lock().read(&mut rest).is_ok_and(|read| read > 0) {}
        bounds::die();
    })?;
    Ok(())
}

/// Enters the confinement. `threads` starts those that there shall be beside this one.
fn confine(allowed: &Allowed<'_>, threads: impl FnOnce() -> io::Result<()>) -> io::Result<Confinement> {
    let began = Instant::now();
    bounds::restrict(allowed.limits);
    #[cfg_attr(not(target_os = "linux"), expect(unused_mut, reason = "nothing is added there"))]
    let mut confined = confine::files(allowed);
    threads()?;
    #[cfg(target_os = "linux")]
    match crate::reader::system_calls::refuse_others(!allowed.programs.is_empty()) {
        Ok(()) => confined.system_calls = true,
        Err(error) => tracing::debug!(%error, "system calls cannot be refused"),
    }
    metrics::histogram!("reader_confine_seconds").record(began.elapsed());
    Ok(confined)
}

/// The line, and the files that came with it.
fn receive() -> io::Result<(Assignment, Vec<OwnedFd>)> {
    let socket = io::stdin();
    let mut bytes = vec![0; ASSIGNMENT_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(&socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut files = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            files.extend(descriptors);
        }
    }
    bytes.truncate(received.bytes);
    if bytes.is_empty() {
        return Err(io::Error::other("standard input ended without an assignment"));
    }
    // A stream may bring the rest of a long line by itself.
    while bytes.last() != Some(&b'\n') && bytes.len() < ASSIGNMENT_MAX {
        let mut more = [0; 4096];
        match socket.lock().read(&mut more)? {
            0 => break,
            read => bytes.extend_from_slice(&more[..read]),
        }
    }
    let assignment = serde_json::from_slice(&bytes)
        .map_err(|error| io::Error::other(format!("what came is no assignment: {error}")))?;
    Ok((assignment, files))
}

/// Standard output is the worker's end of a pipe; when it is gone, so is the worker.
fn say(said: &Said) {
    if let Ok(mut line) = serde_json::to_vec(said) {
        line.push(b'\n');
        let mut out = io::stdout().lock();
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}
