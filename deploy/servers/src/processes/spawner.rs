//! The spawner: starts commands so that the kernel kills them when this process is killed.

use std::{
    io,
    sync::{OnceLock, mpsc},
};

#[cfg(target_os = "linux")]
use rustix::process::Signal;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

struct SpawnRequest {
    command: Command,
    runtime: tokio::runtime::Handle,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// Starts the command on a thread that lives as long as this process: Linux sends the parent-death signal when
/// the *thread* that forked ends, and the threads of a tokio runtime come and go.
pub async fn spawn(command: Command) -> io::Result<Child> {
    static KEEPER: OnceLock<mpsc::Sender<SpawnRequest>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (requests, queue) = mpsc::channel::<SpawnRequest>();
        std::thread::spawn(move || {
            for mut request in queue {
                let _runtime = request.runtime.enter();
                let _ = request.reply.send(request.command.spawn());
            }
        });
        requests
    });
    let (reply, started) = oneshot::channel();
    let request = SpawnRequest { command, runtime: tokio::runtime::Handle::current(), reply };
    keeper.send(request).map_err(|_| io::Error::other("the thread that starts processes is gone"))?;
    started.await.map_err(|_| io::Error::other("the thread that starts processes is gone"))?
}

#[cfg(target_os = "linux")]
pub fn die_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    let ask_kernel = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died between fork and the line above.
        if rustix::process::getppid() != Some(parent) {
            return Err(io::Error::other("the supervisor is gone"));
        }
        Ok(())
    };
    #[expect(unsafe_code, reason = "prctl has to run between fork and exec; both calls are plain system calls")]
    // SAFETY: the closure only makes two system calls; it takes no lock and, unless it fails, allocates nothing.
    unsafe {
        command.pre_exec(ask_kernel);
    }
}

#[cfg(not(target_os = "linux"))]
pub fn die_with_parent(_: &mut Command) {}
