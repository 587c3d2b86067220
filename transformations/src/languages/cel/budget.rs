//! What one evaluation may cost, or several together.

use std::cell::Cell;

use super::error::Error;
use crate::config::Limits;

/// How many bytes are read for one step.
const BYTES_PER_STEP: usize = 128;

/// What is left to one evaluation, or to several together: time, as steps, and memory, as bytes.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    steps: Cell<u64>,
    bytes: Cell<usize>,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            steps: Cell::new(limits.template_fuel),
            bytes: Cell::new(limits.rendered_bytes),
        }
    }

    /// What another has left is left to this one.
    pub(super) fn become_as(&self, other: &Self) {
        self.steps.set(other.steps.get());
        self.bytes.set(other.bytes.get());
    }

    /// Takes one step.
    pub(crate) fn step(&self) -> Result<(), Error> {
        self.steps(1)
    }

    /// Takes steps for work that grows with `count`.
    pub(crate) fn steps(&self, count: usize) -> Result<(), Error> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let left = self.steps.get().checked_sub(count);
        self.steps.set(left.unwrap_or_default());
        left.map(|_| ()).ok_or(Error::Limit("out of steps"))
    }

    /// Takes steps for reading bytes.
    pub(crate) fn read(&self, bytes: usize) -> Result<(), Error> {
        self.steps(bytes / BYTES_PER_STEP)
    }

    /// Takes memory for a value of this size, and steps for writing it.
    pub(crate) fn make(&self, bytes: usize) -> Result<(), Error> {
        let left = self.bytes.get().checked_sub(bytes);
        self.bytes.set(left.unwrap_or_default());
        left.ok_or(Error::Limit("the expression makes too much"))?;
        self.read(bytes)
    }

    /// Takes memory for a list or map of `count` items, and steps for filling it.
    pub(crate) fn collect(&self, count: usize, item: usize) -> Result<(), Error> {
        self.make(count.saturating_mul(item))?;
        self.steps(count)
    }
}
