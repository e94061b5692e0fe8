//! Measuring what the process groups use, and keeping their logs short, once in a while for all of them together.
//!
//! Memory is the sum of what is resident; pages that processes of a group share count for each of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Weak,
    time::Duration,
};

use tokio::{sync::watch, time::Instant};
use towpath_core::{
    instance::{InstanceId, Usage},
    units::Bytes,
};

use super::{logs, registry::Registry};

#[derive(Debug, Clone, Copy, Default)]
struct Group {
    // Of living members and of what they have waited for.
    cpu_ticks: u64,
    pages: u64,
}

/// What one measurement found, kept for the difference to the next.
type Sums = BTreeMap<i32, Group>;

/// Measures until the target is closed.
pub(super) async fn sample(registry: Weak<Registry>, every: Duration, mut closed: watch::Receiver<bool>) {
    let mut before: Option<(Instant, Sums)> = None;
    let mut warned = BTreeSet::new();
    loop {
        tokio::select! {
            _ = closed.wait_for(|closed| *closed) => return,
            () = tokio::time::sleep(every) => {}
        }
        let Some(registry) = registry.upgrade() else { return };
        let processes = registry.processes();
        if processes.is_empty() {
            before = None;
            continue;
        }
        let groups: BTreeSet<i32> = processes.values().copied().collect();
        let kept: Vec<(PathBuf, u64)> =
            processes.keys().map(|id| (logs::path(&registry.data_dir, id), registry.log_keep)).collect();
        let Ok((sums, failures)) = tokio::task::spawn_blocking(move || (measure(&groups), trim(kept))).await else {
            continue;
        };
        let now = Instant::now();
        if let Some((then, before)) = &before {
            for (id, group) in &processes {
                report(&registry, id, *group, before, &sums, now.duration_since(*then));
            }
        }
        before = Some((now, sums));
        for (path, error) in failures {
            if warned.insert(path.clone()) {
                tracing::warn!(path = %path.display(), %error, "cannot free the old part of a log: it grows on");
            }
        }
    }
}

fn trim(logs: Vec<(PathBuf, u64)>) -> Vec<(PathBuf, std::io::Error)> {
    logs.into_iter().filter_map(|(path, keep)| logs::trim(&path, keep).err().map(|error| (path, error))).collect()
}

fn measure(groups: &BTreeSet<i32>) -> Sums {
    let mut sums = Sums::new();
    for process in procfs::process::all_processes().into_iter().flatten().flatten() {
        let Ok(stat) = process.stat() else { continue };
        if groups.contains(&stat.pgrp) {
            let group = sums.entry(stat.pgrp).or_default();
            let waited_for = u64::try_from(stat.cutime.saturating_add(stat.cstime)).unwrap_or_default();
            group.cpu_ticks += stat.utime + stat.stime + waited_for;
            group.pages += stat.rss;
        }
    }
    sums
}

fn report(registry: &Registry, id: &InstanceId, group: i32, before: &Sums, sums: &Sums, elapsed: Duration) {
    let (Some(before), Some(now)) = (before.get(&group), sums.get(&group)) else { return };
    let ticks = now.cpu_ticks.saturating_sub(before.cpu_ticks);
    let elapsed = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
    let cpu_ms = ticks.saturating_mul(1000) / procfs::ticks_per_second().max(1);
    let cpu_milli = u32::try_from(cpu_ms.saturating_mul(1000) / elapsed).unwrap_or(u32::MAX);
    let memory = Bytes(now.pages.saturating_mul(procfs::page_size()));
    registry.measured(id, group, Usage { cpu_milli, memory });
}
