//! Envoy's callbacks, looked up by name at load: those that every release of a generation has are
//! plain function pointers, later ones are optional.
//!
//! They are called as `extern "C-unwind"`; the crate's documentation says what an exception meets.
//!
//! This folder is the one place that knows how Envoy 1.36 differs from later releases:
//! [`v1_36`] and [`v1_37`] list what only one of the two has, [`shared`] what both have, and the
//! methods of [`FilterCallbacks`] and [`ConfigCallbacks`] hide which of them is used. Everything
//! above calls these methods.

mod body;
pub(crate) mod config;
mod headers;
mod log;
mod metadata;
pub(crate) mod metrics;
mod response;
mod shared;
mod stream;
mod table;
mod v1_36;
mod v1_37;

use crate::abi::{FilterConfigEnvoyPtr, FilterEnvoyPtr};
use crate::host::Host;

pub(crate) use log::Log;
pub use table::Resolver;
pub(crate) use table::{Finder, Missing};

/// Every callback of one host.
#[derive(Debug)]
pub struct Callbacks {
    host: Host,
    shared: shared::Table,
    generation: Generation,
}

/// The two ways of calling Envoy: pointers and lengths apart, or together in a struct.
#[derive(Debug)]
enum Generation {
    V1_36(Box<v1_36::Table>),
    V1_37(Box<v1_37::Table>),
}

impl Callbacks {
    /// Looks up every callback that the host may have; `None` when it lacks a required one.
    pub(crate) fn load(finder: &mut Finder<'_>) -> Option<Self> {
        let host = finder.host();
        let shared = shared::Table::load(finder);
        let generation = match host {
            Host::V1_36 => {
                v1_36::Table::load(finder).map(|table| Generation::V1_36(Box::new(table)))
            }
            _ => v1_37::Table::load(finder).map(|table| Generation::V1_37(Box::new(table))),
        };
        Some(Self {
            host,
            shared: shared?,
            generation: generation?,
        })
    }

    /// The host these callbacks are of.
    pub(crate) fn host(&self) -> Host {
        self.host
    }
}

/// The callbacks, bound to one stream's filter.
///
/// Invariant: `filter` is Envoy's live filter object. Hooks construct this from what Envoy passed
/// and hand it out only until Envoy has destroyed the filter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilterCallbacks {
    filter: FilterEnvoyPtr,
    callbacks: &'static Callbacks,
}

impl FilterCallbacks {
    /// # Safety
    /// `filter` must be Envoy's live filter object for as long as the result is used.
    pub(crate) unsafe fn new(filter: FilterEnvoyPtr, callbacks: &'static Callbacks) -> Self {
        Self { filter, callbacks }
    }
}

/// The callbacks, bound to one filter configuration.
///
/// Invariant: `config` is Envoy's live configuration object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConfigCallbacks {
    config: FilterConfigEnvoyPtr,
    callbacks: &'static Callbacks,
}

impl ConfigCallbacks {
    /// # Safety
    /// `config` must be Envoy's live configuration object for as long as the result is used.
    pub(crate) unsafe fn new(config: FilterConfigEnvoyPtr, callbacks: &'static Callbacks) -> Self {
        Self { config, callbacks }
    }
}
