//! The confinement of a reader's process: what the kernel refuses it from then on, whoever's code it runs.
//!
//! | layer | refuses |
//! | --- | --- |
//! | resource limits | memory, processor time, size of files, core dumps, processes beyond a few (not for root) |
//! | capabilities, `no_new_privs` | anything that root could do, and getting more by executing |
//! | Landlock (kernel 5.13, better with each) | every file but the inputs, the folder and the programs; connecting and binding TCP; signals to others |
//! | seccomp | system calls that are not listed: sockets, processes, tracing, namespaces, executable memory |
//!
//! It has to be entered by the only thread there is: Landlock binds the thread that asks, and those it starts.

use std::{os::fd::BorrowedFd, path::Path};

use serde::{Deserialize, Serialize};

use crate::worker::child::ChildLimits;

/// What holds a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Files, TCP and signals are refused by Landlock, in this version of it; 0: the kernel has none.
    pub landlock: u8,
    /// System calls that are not listed are refused.
    pub system_calls: bool,
    /// It has no capabilities, and cannot get any.
    pub capabilities: bool,
}

impl Confinement {
    /// Files and the network are closed; older kernels leave signals to be refused by seccomp alone.
    pub fn is_whole(self) -> bool {
        self.landlock > 0 && self.system_calls && self.capabilities
    }

    /// What does not hold, for people; empty when all of it does.
    pub fn gaps(self) -> Vec<&'static str> {
        let layers = [
            (self.landlock > 0, "files are not refused (no Landlock)"),
            (self.system_calls, "system calls are not refused (no seccomp)"),
            (self.capabilities, "capabilities could not be dropped"),
        ];
        layers.iter().filter(|(holds, _)| !holds).map(|(_, gap)| *gap).collect()
    }
}

/// What a process keeps.
pub(super) struct Allowed<'a> {
    pub(super) limits: &'a ChildLimits,
    pub(super) inputs: Vec<BorrowedFd<'a>>,
    pub(super) folder: &'a Path,
    /// Programs that may be executed.
    pub(super) programs: Vec<&'a Path>,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::PathBuf;

    use landlock::{
        ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd, Ruleset,
        RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
    };
    use rustix::{
        process::{Resource, Rlimit, getrlimit, setrlimit},
        thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs},
    };

    use super::{Allowed, Confinement};

    /// What this program knows to ask for; a kernel that has less gives what it has.
    const NEWEST: ABI = ABI::V6;
    /// Where dynamic programs and their libraries lie. Nothing there is anybody's secret.
    const LIBRARIES: [&str; 6] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"];
    /// Threads and processes that a reader may add to those of its user.
    const THREADS: u64 = 64;

    pub(in crate::reader) fn files(allowed: &Allowed<'_>) -> Confinement {
        let capabilities = without_capabilities();
        processes();
        Confinement { landlock: landlock(allowed).unwrap_or(0), system_calls: false, capabilities }
    }

    fn without_capabilities() -> bool {
        let none = CapabilitySet::empty();
        set_no_new_privs(true).is_ok()
            && set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none }).is_ok()
    }

    /// The kernel counts the threads of a user on the whole machine, so the limit lies above those that there are.
    fn processes() {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let threads = load.split_whitespace().nth(3).and_then(|field| field.split('/').nth(1)?.parse::<u64>().ok());
        if let Some(threads) = threads {
            let most = getrlimit(Resource::Nproc).maximum.unwrap_or(u64::MAX);
            let limit = Some((threads + THREADS).min(most));
            let _ = setrlimit(Resource::Nproc, Rlimit { current: limit, maximum: limit });
        }
    }

    /// The version of Landlock that holds now.
    fn landlock(allowed: &Allowed<'_>) -> Result<u8, landlock::RulesetError> {
        let read = AccessFs::ReadFile;
        let folder = AccessFs::from_all(NEWEST)
            & !(AccessFs::Execute
                | AccessFs::MakeChar
                | AccessFs::MakeBlock
                | AccessFs::MakeSock
                | AccessFs::MakeFifo
                | AccessFs::MakeSym
                | AccessFs::IoctlDev);
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(NEWEST))?
            .handle_access(AccessNet::from_all(NEWEST))?
            .scope(Scope::from_all(NEWEST))?
            .create()?;
        for input in &allowed.inputs {
            rules = rules.add_rule(PathBeneath::new(*input, read))?;
        }
        if let Ok(path) = PathFd::new(allowed.folder) {
            rules = rules.add_rule(PathBeneath::new(path, folder))?;
        }
        for program in &allowed.programs {
            if let Ok(path) = PathFd::new(program) {
                rules = rules.add_rule(PathBeneath::new(path, read | AccessFs::Execute))?;
            }
        }
        if !allowed.programs.is_empty() {
            for path in LIBRARIES.iter().map(PathBuf::from) {
                let access = if path.is_dir() { read | AccessFs::ReadDir | AccessFs::Execute } else { read.into() };
                if let Ok(path) = PathFd::new(path) {
                    rules = rules.add_rule(PathBeneath::new(path, access))?;
                }
            }
            // Programs ask for a source of nothing and a place for it.
            if let Ok(path) = PathFd::new("/dev/null") {
                rules = rules.add_rule(PathBeneath::new(path, read | AccessFs::WriteFile))?;
            }
        }
        let status = rules.restrict_self()?;
        Ok(match status.landlock {
            LandlockStatus::Available { effective_abi, .. } if status.ruleset != RulesetStatus::NotEnforced => {
                effective_abi as u8
            }
            _ => 0,
        })
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::files;

/// What no other system than Linux has.
#[cfg(not(target_os = "linux"))]
pub(super) fn files(_: &Allowed<'_>) -> Confinement {
    Confinement::default()
}
