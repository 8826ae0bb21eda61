//! The system calls that a reader's process may make once it reads, and what of them; any other fails with `EPERM`.

use std::collections::BTreeMap;

use libc::c_long;
use rustix::process::getpid;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpArgLen::Qword, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};

/// Memory, threads, time, files that are open, and files below the folder: what Landlock has a say in is listed here.
const PLAIN: &[c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_copy_file_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mkdirat,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sendfile,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    libc::SYS_statx,
    libc::SYS_sysinfo,
    libc::SYS_times,
    libc::SYS_uname,
    libc::SYS_unlinkat,
    libc::SYS_write,
    libc::SYS_writev,
];

/// The older forms of some of them, which aarch64 never had.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_dup2,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rmdir,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// Beside these, what starting a program and waiting for it takes, and what programs do as they start.
const PROGRAMS: &[c_long] = &[
    libc::SYS_execve,
    libc::SYS_kill,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_pipe2,
    libc::SYS_prlimit64,
    libc::SYS_pselect6,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_wait4,
    libc::SYS_waitid,
];
#[cfg(target_arch = "x86_64")]
const OLDER_PROGRAMS: &[c_long] = &[libc::SYS_arch_prctl, libc::SYS_getpgrp, libc::SYS_pipe, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const OLDER_PROGRAMS: &[c_long] = &[];

/// Every flag of `clone` that makes a namespace.
const NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;
/// The name of a range of memory, which allocators give.
const PR_SET_VMA: u64 = 0x5356_4d41;

/// Closes what the worker has inherited and passed on without knowing: whoever started it may have left files open.
#[expect(unsafe_code, reason = "no library in use has this call as a safe one")]
pub(super) fn close_inherited() {
    // SAFETY: this is called first thing in the process, when nothing of it owns a descriptor above those of the standard
    // streams.
    let _ = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

/// Refuses all other calls to all threads, now and in programs that are executed.
pub(super) fn refuse_others(programs: bool) -> Result<(), seccompiler::Error> {
    // glibc tries `clone3` first, whose flags lie in memory where no filter sees them, and then `clone`. To be told
    // apart from a refusal it has to be unknown.
    let newer: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    install(newer, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))?;
    install(listed(programs)?, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)
}

fn install(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    listed: SeccompAction,
) -> Result<(), seccompiler::Error> {
    let arch = std::env::consts::ARCH.try_into()?;
    let filter: BpfProgram = SeccompFilter::new(rules, otherwise, listed, arch)?.try_into()?;
    seccompiler::apply_filter_all_threads(&filter)
}

fn listed(programs: bool) -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::Error> {
    let (more, older): (&[c_long], &[c_long]) = if programs { (PROGRAMS, OLDER_PROGRAMS) } else { (&[], &[]) };
    let plain = PLAIN.iter().chain(OLDER).chain(more).chain(older);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = plain.map(|call| (*call, Vec::new())).collect();
    // Known to the other filter, which has the word.
    rules.insert(libc::SYS_clone3, Vec::new());

    let executable = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
    let memory = if programs { Vec::new() } else { vec![rule(2, executable, 0)?] };
    rules.insert(libc::SYS_mmap, memory.clone());
    rules.insert(libc::SYS_mprotect, memory);

    let (bits, wanted) =
        if programs { (NAMESPACES, 0) } else { (NAMESPACES | libc::CLONE_THREAD as u64, libc::CLONE_THREAD as u64) };
    rules.insert(libc::SYS_clone, vec![rule(0, SeccompCmpOp::MaskedEq(bits), wanted)?]);

    // Names of threads and of memory.
    let names = [libc::PR_SET_NAME as u64, PR_SET_VMA];
    let names: Result<Vec<_>, _> = names.into_iter().map(|name| rule(0, SeccompCmpOp::Eq, name)).collect();
    let mut names = names?;
    if programs {
        // A program asks, before it is executed, to be killed with us; nothing can take that back.
        let to_end = SeccompCondition::new(0, Dword, SeccompCmpOp::Eq, libc::PR_SET_PDEATHSIG as u64)?;
        let killed = SeccompCondition::new(1, Qword, SeccompCmpOp::Eq, libc::SIGKILL as u64)?;
        names.push(SeccompRule::new(vec![to_end, killed])?);
    }
    rules.insert(libc::SYS_prctl, names);
    // Whether something is a terminal.
    rules.insert(libc::SYS_ioctl, vec![rule(1, SeccompCmpOp::Eq, libc::TCGETS)?]);
    if !programs {
        // Reading its own limits; setting them takes a third argument.
        let mine = SeccompCondition::new(0, Dword, SeccompCmpOp::Eq, 0)?;
        let none = SeccompCondition::new(2, Qword, SeccompCmpOp::Eq, 0)?;
        rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![mine, none])?]);
        // A process that aborts signals itself. One that was executed has another number.
        let own = getpid().as_raw_nonzero().get() as u64;
        rules.insert(libc::SYS_tgkill, vec![rule(0, SeccompCmpOp::Eq, own)?]);
    } else {
        rules.insert(libc::SYS_tgkill, Vec::new());
    }
    Ok(rules)
}

fn rule(argument: u8, test: SeccompCmpOp, value: u64) -> Result<SeccompRule, seccompiler::Error> {
    Ok(SeccompRule::new(vec![SeccompCondition::new(argument, Dword, test, value)?])?)
}
