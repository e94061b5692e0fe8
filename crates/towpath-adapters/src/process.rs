//! One process and its group: watching, recognising, signalling, reaping. The same for our own children and for
//! processes that an earlier control plane started.
//!
//! A process is never trusted by its number alone: numbers are used again. It is the one that was started if its
//! start time and the boot of the machine agree too.

use std::{
    collections::BTreeMap,
    fs, io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    io::Errno,
    process::{
        Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, pidfd_send_signal, waitid,
    },
};
use serde::{Deserialize, Serialize};
use tokio::io::{Interest, unix::AsyncFd};

/// Which process it is, beyond doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Its number, which is that of its group too.
    pub(crate) pid: i32,
    /// When it was started, in clock ticks since the boot (`proc_pid_stat(5)`, field 22).
    pub(crate) start_ticks: u64,
    /// Which boot.
    pub(crate) boot: String,
}

/// A process that leads its group, watched until its end.
#[derive(Debug)]
pub(crate) struct Leader {
    identity: Identity,
    pid: Pid,
    fd: AsyncFd<OwnedFd>,
}

/// Returns the identifier of this boot of the machine.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

fn stat(pid: i32) -> Option<procfs::process::Stat> {
    procfs::process::Process::new(pid).and_then(|process| process.stat()).ok()
}

fn is_dead(stat: &procfs::process::Stat) -> bool {
    matches!(stat.state, 'Z' | 'X' | 'x')
}

impl Leader {
    /// Watches a process that is known to be there: a child that has not been reaped.
    pub(crate) fn child(pid: u32) -> io::Result<Self> {
        let (pid, fd) = watch(i32::try_from(pid).map_err(io::Error::other)?)?;
        let raw = pid.as_raw_nonzero().get();
        // A zombie still has its line in /proc, so this holds for a child that ended at once.
        let start_ticks = stat(raw).ok_or(Errno::SRCH)?.starttime;
        Ok(Self { identity: Identity { pid: raw, start_ticks, boot: boot_id()? }, pid, fd })
    }

    /// Finds a process again; `None` if it has ended, or another process has its number now.
    pub(crate) fn find(identity: &Identity) -> Option<Self> {
        if boot_id().ok()? != identity.boot {
            return None;
        }
        // The order matters: what is read after the descriptor was opened is true of what it refers to.
        let (pid, fd) = watch(identity.pid).ok()?;
        let stat = stat(identity.pid)?;
        if stat.starttime != identity.start_ticks {
            return None;
        }
        if is_dead(&stat) {
            // A child, if this process had the target open before, would be a zombie as long as we live.
            let _ = waitid(WaitId::PidFd(fd.get_ref().as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
            return None;
        }
        Some(Self { identity: identity.clone(), pid, fd })
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns when the process has ended. It may still be a zombie.
    pub(crate) async fn ended(&self) {
        // A pidfd is readable from the end of its process on, for ever. Registration cannot fail later.
        if self.fd.readable().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Sends a signal to every process of the group, unless the leader has been reaped.
    pub(crate) fn signal(&self, signal: Signal) {
        // Only with the leader there does the group's number surely mean this group. SIGCONT tells whether it is,
        // changes nothing for what runs, and lets what was stopped see the other signal.
        if pidfd_send_signal(self.fd.get_ref(), Signal::CONT).is_ok() {
            let _ = kill_process_group(self.pid, signal);
        }
    }

    fn is_ours(&self) -> bool {
        waitid(
            WaitId::PidFd(self.fd.get_ref().as_fd()),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG,
        )
        .is_ok()
    }

    /// Kills what is left of the group after its leader has ended, reaps the leader if it is a child, and returns
    /// how it ended, in words.
    pub(crate) fn finish(&self, marks: &BTreeMap<String, String>) -> String {
        if self.is_ours() {
            // It is not reaped yet, so the group's number is not free.
            let _ = kill_process_group(self.pid, Signal::KILL);
        } else {
            kill_marked(self.identity.pid, marks);
        }
        let fd = WaitId::PidFd(self.fd.get_ref().as_fd());
        match waitid(fd, WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
            Ok(Some(status)) => match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => format!("exited with status {code}"),
                (None, Some(signal)) => format!("ended by signal {}", signal_name(signal)),
                (None, None) => "ended".to_owned(),
            },
            Ok(None) | Err(_) => {
                "ended; its exit status is not known, because an earlier server had started it".to_owned()
            }
        }
    }
}

fn watch(pid: i32) -> io::Result<(Pid, AsyncFd<OwnedFd>)> {
    let pid = Pid::from_raw(pid).ok_or(Errno::SRCH)?;
    let fd = pidfd_open(pid, PidfdFlags::NONBLOCK)?;
    // The newer constructor is `unsafe`, which this workspace forbids, because a type could give another descriptor at
    // each call of `as_raw_fd`. An `OwnedFd`, owned by the `AsyncFd` until both are dropped, cannot.
    #[expect(deprecated, reason = "sound for an `OwnedFd`; the replacement cannot be called without `unsafe`")]
    let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
    Ok((pid, fd))
}

/// Kills and reaps a child that could not be watched.
pub(crate) fn kill_child(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED);
    }
}

/// Kills the processes of a group whose leader is gone, each recognised by the variables it was started with.
pub(crate) fn kill_marked(group: i32, marks: &BTreeMap<String, String>) {
    for process in procfs::process::all_processes().into_iter().flatten().flatten() {
        let in_group = || process.stat().is_ok_and(|stat| stat.pgrp == group && !is_dead(&stat));
        if !in_group() {
            continue;
        }
        let Some(pid) = Pid::from_raw(process.pid) else { continue };
        let Ok(fd) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
        if in_group() && has_marks(process.pid, marks) {
            let _ = pidfd_send_signal(&fd, Signal::KILL);
        }
    }
}

/// Finds the leader of a group that was started with these variables: one whose number had not been written down yet.
pub(crate) fn find_marked(marks: &BTreeMap<String, String>) -> Option<Leader> {
    procfs::process::all_processes().into_iter().flatten().flatten().find_map(|process| {
        let stat = process.stat().ok()?;
        if stat.pgrp != process.pid || is_dead(&stat) || !has_marks(process.pid, marks) {
            return None;
        }
        Leader::find(&Identity { pid: process.pid, start_ticks: stat.starttime, boot: boot_id().ok()? })
    })
}

fn has_marks(pid: i32, marks: &BTreeMap<String, String>) -> bool {
    let environment = environment(pid);
    marks.iter().all(|(name, value)| environment.get(name) == Some(value))
}

/// Returns the variables that a process was started with; none if it is gone or somebody else's.
pub(crate) fn environment(pid: i32) -> BTreeMap<String, String> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .filter_map(|line| std::str::from_utf8(line).ok()?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Returns a signal as people know it.
pub(crate) fn signal_name(number: i32) -> String {
    let name = match Signal::from_named_raw(number) {
        Some(Signal::ABORT) => "SIGABRT",
        Some(Signal::BUS) => "SIGBUS",
        Some(Signal::FPE) => "SIGFPE",
        Some(Signal::HUP) => "SIGHUP",
        Some(Signal::ILL) => "SIGILL",
        Some(Signal::INT) => "SIGINT",
        Some(Signal::KILL) => "SIGKILL",
        Some(Signal::PIPE) => "SIGPIPE",
        Some(Signal::QUIT) => "SIGQUIT",
        Some(Signal::SEGV) => "SIGSEGV",
        Some(Signal::TERM) => "SIGTERM",
        Some(_) | None => return number.to_string(),
    };
    name.to_owned()
}
