//! A reader that was taken over: a program in the place of `worker read` whose reader does what an attacker would.
//!
//! Each probe says what came of it. The tests want to read "refused" of every one.
#![expect(unsafe_code, reason = "an attacker makes system calls as they like")]

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::{
        fs::symlink,
        net::{UnixListener, UnixStream},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use libc::c_long;
use queue::{
    child::relay::Relay,
    reader::{Desk, ReadError, Reader, Readers, serve},
};
use tests::hostile::{Attack, AttackTask};

fn main() -> io::Result<()> {
    serve(&Readers::default().with::<Hostile>(), &Relay::install())
}

/// The same name and types as the honest one in the test's own process.
struct Hostile;

impl Reader for Hostile {
    const NAME: &'static str = Attack::NAME;
    type Task = AttackTask;
    type Tools = ();
    type Answer = Vec<(String, String)>;

    fn tools(_: &AttackTask) -> Result<(), ReadError> {
        Ok(())
    }

    fn read(task: AttackTask, (): (), desk: &Desk<'_>) -> Result<Vec<(String, String)>, ReadError> {
        match task.name.as_str() {
            "everything" => Ok(everything(&task, desk)),
            "memory" => {
                let mut kept = Vec::new();
                loop {
                    kept.push(vec![1u8; 64 << 20]);
                }
            }
            "hang" => loop {
                thread::sleep(Duration::from_secs(60));
            },
            "busy" => loop {
                std::hint::spin_loop();
            },
            "gigabyte" => {
                let line = vec![b'x'; 1 << 20];
                for _ in 0..1024 {
                    io::stdout().write_all(&line)?;
                }
                Ok(Vec::new())
            }
            "many lines" => {
                for _ in 0..200_000 {
                    writeln!(io::stdout(), r#"{{"progress":{{"done":1,"total":2,"note":"{}"}}}}"#, "n".repeat(900))?;
                }
                Ok(Vec::new())
            }
            "forge" => {
                // What a worker's other children say about whole jobs, and an answer for somebody else.
                for line in [
                    r#"{"outcome":"completed"}"#.to_owned(),
                    format!(r#"{{"outcome":"completed","job":"{}"}}"#, task.other),
                    r#"{"notices":[]}"#.to_owned(),
                    r#"{"failed":[]}"#.to_owned(),
                ] {
                    writeln!(io::stdout(), "{line}")?;
                }
                Err(ReadError::Failed("forged".into()))
            }
            "big file" => {
                let mut file = File::create(desk.folder.join("big"))?;
                let block = vec![0u8; 16 << 20];
                loop {
                    file.write_all(&block)?;
                }
            }
            "abort" => std::process::abort(),
            other => Err(ReadError::Failed(format!("no such attack: {other}"))),
        }
    }
}

type Probe<'a> = (&'static str, Box<dyn Fn() -> io::Result<String> + 'a>);

/// All probes that can be refused by an error; what came of each.
fn everything(task: &AttackTask, desk: &Desk<'_>) -> Vec<(String, String)> {
    let parent = rustix::process::getppid().map_or(1, |pid| pid.as_raw_nonzero().get());
    let mut said = Vec::new();
    for (name, probe) in probes(task, desk, parent) {
        let came = match probe() {
            Ok(what) => format!("DONE: {what}"),
            Err(error) => format!("refused: {error}"),
        };
        said.push((name.to_owned(), came));
    }
    for (name, number, arguments) in system_calls(parent) {
        let [a, b, c, d, e] = arguments;
        // SAFETY: the arguments are numbers, or null where the kernel wants an address; nothing of ours is touched.
        let result = unsafe { libc::syscall(number, a, b, c, d, e) };
        let came = match result {
            -1 => format!("refused: {}", io::Error::last_os_error()),
            result => format!("DONE: {result}"),
        };
        said.push((format!("system call {name}"), came));
    }
    said
}

fn probes<'a>(task: &'a AttackTask, desk: &'a Desk<'_>, parent: i32) -> Vec<Probe<'a>> {
    let read = |path: PathBuf| move || fs::read(&path).map(|bytes| format!("{} bytes", bytes.len()));
    let write = |path: PathBuf| {
        move || OpenOptions::new().write(true).create(true).truncate(false).open(&path).map(|_| "opened".into())
    };
    let input = desk.inputs.first().map_or_else(PathBuf::new, |input| input.path.clone());
    let folder = desk.folder.clone();
    let mut probes: Vec<Probe<'a>> = vec![
        ("TCP over IPv4", Box::new(|| TcpStream::connect(&task.address).map(|_| "connected".into()))),
        ("TCP over IPv6", Box::new(|| TcpStream::connect("[::1]:1").map(|_| "connected".into()))),
        ("listening", Box::new(|| TcpListener::bind("127.0.0.1:0").map(|_| "bound".into()))),
        ("UDP", Box::new(|| UdpSocket::bind("127.0.0.1:0").map(|_| "bound".into()))),
        ("a Unix socket", Box::new(|| UnixStream::connect(&task.socket).map(|_| "connected".into()))),
        (
            "a Unix listener",
            Box::new({
                let at = folder.join("s");
                move || UnixListener::bind(&at).map(|_| "bound".into())
            }),
        ),
        ("a pair of sockets", Box::new(|| UnixStream::pair().map(|_| "made".into()))),
        (
            "the environment",
            Box::new(|| match std::env::vars_os().next() {
                Some((name, _)) => Ok(format!("{} is there", name.display())),
                None => Err(io::Error::other("it is empty")),
            }),
        ),
        ("the worker's environment", Box::new(read(format!("/proc/{parent}/environ").into()))),
        ("the worker's memory", Box::new(read(format!("/proc/{parent}/mem").into()))),
        ("the worker's command line", Box::new(read(format!("/proc/{parent}/cmdline").into()))),
        (
            "the worker's open files",
            Box::new(move || fs::read_dir(format!("/proc/{parent}/fd")).map(|_| "listed".into())),
        ),
        ("its own status", Box::new(read("/proc/self/status".into()))),
        ("the first process", Box::new(read("/proc/1/environ".into()))),
        ("users", Box::new(read("/etc/passwd".into()))),
        ("passwords", Box::new(read("/etc/shadow".into()))),
        ("names of hosts", Box::new(read("/etc/hosts".into()))),
        ("the root folder", Box::new(|| fs::read_dir("/").map(|_| "listed".into()))),
        ("another job's file", Box::new(read(task.secret.clone()))),
        (
            "another job's folder",
            Box::new({
                let folder = task.secret.parent().unwrap_or(Path::new("/")).to_owned();
                move || fs::read_dir(&folder).map(|_| "listed".into())
            }),
        ),
        ("writing another job's file", Box::new(write(task.secret.clone()))),
        ("removing another job's file", Box::new(|| fs::remove_file(&task.secret).map(|()| "removed".into()))),
        (
            "moving another job's file here",
            Box::new({
                let to = folder.join("moved");
                move || fs::rename(&task.secret, &to).map(|()| "moved".into())
            }),
        ),
        (
            "linking to another job's file",
            Box::new({
                let to = folder.join("linked");
                move || fs::hard_link(&task.secret, &to).map(|()| "linked".into())
            }),
        ),
        (
            "a symbolic link out",
            Box::new({
                let link = folder.join("link");
                move || {
                    symlink(&task.secret, &link)?;
                    fs::read(&link).map(|_| "followed".into())
                }
            }),
        ),
        ("writing its input", Box::new(write(input.clone()))),
        (
            "truncating its input",
            Box::new({
                let file = desk.inputs.first().and_then(|input| input.file.try_clone().ok());
                move || match &file {
                    Some(file) => file.set_len(0).map(|()| "truncated".into()),
                    None => Err(io::Error::other("there is none")),
                }
            }),
        ),
        ("removing its input", Box::new(move || fs::remove_file(&input).map(|()| "removed".into()))),
        ("writing to /tmp", Box::new(write(std::env::temp_dir().join("hostile-reader-was-here")))),
        ("writing beside its folder", Box::new(write(folder.join("../beside")))),
        (
            "a named pipe",
            Box::new({
                let at = folder.join("pipe");
                move || {
                    rustix::fs::mknodat(rustix::fs::CWD, &at, rustix::fs::FileType::Fifo, 0o600.into(), 0)?;
                    Ok("made".into())
                }
            }),
        ),
        ("a shell", Box::new(|| Command::new("/bin/sh").args(["-c", "true"]).status().map(|_| "ran".into()))),
        ("a shell in its place", Box::new(|| Err(Command::new("/bin/sh").args(["-c", "true"]).exec()))),
        (
            "a program of its own",
            Box::new({
                let program = folder.join("program");
                move || {
                    fs::write(&program, b"#!/bin/sh\ntrue\n")?;
                    Command::new(&program).status().map(|_| "ran".into())
                }
            }),
        ),
        ("its own program again", Box::new(|| Command::new("/proc/self/exe").status().map(|_| "ran".into()))),
        (
            "signalling the worker",
            Box::new(move || {
                let pid = rustix::process::Pid::from_raw(parent).ok_or(io::ErrorKind::NotFound)?;
                rustix::process::kill_process(pid, rustix::process::Signal::URG)?;
                Ok("sent".into())
            }),
        ),
        (
            "more memory than its limit",
            Box::new(|| {
                let limit = rustix::process::Rlimit { current: None, maximum: None };
                rustix::process::setrlimit(rustix::process::Resource::Data, limit)?;
                Ok("set".into())
            }),
        ),
        (
            "outliving the worker",
            Box::new(|| {
                rustix::process::set_parent_process_death_signal(None)?;
                Ok("set".into())
            }),
        ),
        (
            "files that nobody gave it",
            Box::new(|| {
                for number in 3..64 {
                    // SAFETY: asking for a descriptor's flags changes nothing.
                    if unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0 && !is_own(number) {
                        return Ok(format!("descriptor {number} is open"));
                    }
                }
                Err(io::Error::other("there are none"))
            }),
        ),
        (
            "memory that is written and executed",
            Box::new(|| {
                let all = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
                // SAFETY: a new anonymous mapping; nothing of ours is touched.
                let at = unsafe {
                    libc::mmap(std::ptr::null_mut(), 4096, all, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
                };
                if at == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok("mapped".into()) }
            }),
        ),
    ];
    probes.push((
        "threads without end",
        Box::new(|| {
            for number in 0..20_000 {
                let stuck = thread::Builder::new().spawn(|| thread::sleep(Duration::from_secs(60)));
                if let Err(error) = stuck {
                    return Err(io::Error::other(format!("after {number}: {error}")));
                }
            }
            Ok("20,000 threads".into())
        }),
    ));
    probes
}

/// Inputs, outputs and what was opened before: this program has its input, and the memory's status.
fn is_own(number: i32) -> bool {
    let Ok(path) = fs::read_link(format!("/proc/self/fd/{number}")) else { return true };
    let path = path.to_string_lossy();
    ["/proc/", "/input", "/output"].iter().any(|own| path.contains(own))
}

fn system_calls(parent: i32) -> Vec<(&'static str, c_long, [c_long; 5])> {
    let pid = c_long::from(parent);
    vec![
        ("socket (netlink)", libc::SYS_socket, [16, 3, 0, 0, 0]),
        ("socket (packet)", libc::SYS_socket, [17, 3, 0, 0, 0]),
        ("socket (vsock)", libc::SYS_socket, [40, 1, 0, 0, 0]),
        ("ptrace", libc::SYS_ptrace, [16, pid, 0, 0, 0]),
        ("process_vm_readv", libc::SYS_process_vm_readv, [pid, 0, 0, 0, 0]),
        ("pidfd_open", libc::SYS_pidfd_open, [pid, 0, 0, 0, 0]),
        ("kill of the group", libc::SYS_kill, [0, 0, 0, 0, 0]),
        ("kill of everybody", libc::SYS_kill, [-1, 0, 0, 0, 0]),
        ("fork", libc::SYS_clone, [libc::SIGCHLD as c_long, 0, 0, 0, 0]),
        ("unshare", libc::SYS_unshare, [libc::CLONE_NEWUSER as c_long, 0, 0, 0, 0]),
        ("setns", libc::SYS_setns, [0, 0, 0, 0, 0]),
        ("mount", libc::SYS_mount, [0, 0, 0, 0, 0]),
        ("umount2", libc::SYS_umount2, [0, 0, 0, 0, 0]),
        ("pivot_root", libc::SYS_pivot_root, [0, 0, 0, 0, 0]),
        ("chroot", libc::SYS_chroot, [0, 0, 0, 0, 0]),
        ("bpf", libc::SYS_bpf, [0, 0, 0, 0, 0]),
        ("perf_event_open", libc::SYS_perf_event_open, [0, 0, 0, 0, 0]),
        ("io_uring_setup", libc::SYS_io_uring_setup, [1, 0, 0, 0, 0]),
        ("userfaultfd", libc::SYS_userfaultfd, [0, 0, 0, 0, 0]),
        ("keyctl", libc::SYS_keyctl, [0, 0, 0, 0, 0]),
        ("add_key", libc::SYS_add_key, [0, 0, 0, 0, 0]),
        ("init_module", libc::SYS_init_module, [0, 0, 0, 0, 0]),
        ("reboot", libc::SYS_reboot, [0, 0, 0, 0, 0]),
        ("settimeofday", libc::SYS_settimeofday, [0, 0, 0, 0, 0]),
        ("setuid", libc::SYS_setuid, [0, 0, 0, 0, 0]),
        ("setsid", libc::SYS_setsid, [0, 0, 0, 0, 0]),
        ("setpgid", libc::SYS_setpgid, [0, 0, 0, 0, 0]),
        ("capset", libc::SYS_capset, [0, 0, 0, 0, 0]),
        ("memfd_create", libc::SYS_memfd_create, [0, 0, 0, 0, 0]),
        ("shmget", libc::SYS_shmget, [0, 4096, 0o1600, 0, 0]),
        ("open_by_handle_at", libc::SYS_open_by_handle_at, [0, 0, 0, 0, 0]),
        ("prctl (dumpable)", libc::SYS_prctl, [4, 1, 0, 0, 0]),
        ("seccomp", libc::SYS_seccomp, [0, 0, 0, 0, 0]),
        ("personality", libc::SYS_personality, [0, 0, 0, 0, 0]),
        ("ioctl (pushing into a terminal)", libc::SYS_ioctl, [0, 0x5412, 0, 0, 0]),
    ]
}
