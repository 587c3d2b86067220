//! Which processor runs what.

use std::fs;

use anyhow::{Context, Result};
use harness::Envoy;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// One processor for Envoy and another for load and upstream, if this process may use two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Processors {
    split: Option<(usize, usize)>,
}

impl Processors {
    pub(super) fn available() -> Result<Self> {
        let allowed = sched_getaffinity(this_thread()).context("cannot ask for processors")?;
        let mut allowed =
            (0..CpuSet::count()).filter(|processor| allowed.is_set(*processor) == Ok(true));
        Ok(Self {
            split: allowed.next().zip(allowed.next()),
        })
    }

    /// Whether Envoy has a processor to itself.
    pub(super) fn are_split(self) -> bool {
        self.split.is_some()
    }

    /// Moves all threads that the measured Envoy has now; those it starts later follow the one that starts them.
    pub(super) fn pin_envoy(self, envoy: &Envoy) -> Result<()> {
        match self.split {
            Some((processor, _)) => pin_all(envoy, processor),
            None => Ok(()),
        }
    }

    /// Moves those of an Envoy that is part of the load to where it runs.
    pub(super) fn pin_client(self, envoy: &Envoy) -> Result<()> {
        match self.split {
            Some((_, processor)) => pin_all(envoy, processor),
            None => Ok(()),
        }
    }

    /// Moves the calling thread to where load and upstream run.
    pub(super) fn pin_load(self) -> Result<()> {
        match self.split {
            Some((_, processor)) => pin(this_thread(), processor),
            None => Ok(()),
        }
    }
}

fn pin_all(envoy: &Envoy, processor: usize) -> Result<()> {
    let threads = fs::read_dir(format!("/proc/{}/task", envoy.pid()))?;
    for thread in threads {
        let name = thread?.file_name();
        let id = name.to_string_lossy().parse().context("a thread id")?;
        pin(Pid::from_raw(id), processor)?;
    }
    Ok(())
}

fn this_thread() -> Pid {
    Pid::from_raw(0)
}

fn pin(thread: Pid, processor: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(processor)?;
    sched_setaffinity(thread, &set)
        .with_context(|| format!("cannot pin thread {thread} to processor {processor}"))
}
